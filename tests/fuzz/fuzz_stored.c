/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A JSON report in a trace's place: all that can be made of it, and reports added up. */
#include "fuzz.h"

#define QUIET "--quiet"

static const char *const ways[][8] = {
	{ "merge", QUIET, "--skip-damaged" },
	{ "stat", QUIET, "--json" },
	{ "stat", QUIET, "--format=html" },
	{ "stat", QUIET, "--summary", "--caller", "--class" },
	{ "stat", QUIET, "--format=pprof" },
	{ "stat", QUIET, "--format=speedscope" },
	{ "stat", QUIET, "--format=collapsed" },
	{ "stat", QUIET, "--format=openmetrics", "--top=0" },
	{ "stat", QUIET, "--format=jsonl" },
	{ "check", QUIET, "--fail-on=any", "--format=sarif" },
	{ "check", QUIET, "--fail-on=any", "--format=junit" },
	{ "check", QUIET, "--fail-on=any", "--format=markdown" },
	{ "check", QUIET, "--fail-on=any", "--format=github" },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *const *way = ways[size % (sizeof(ways) / sizeof(ways[0]))];
	struct fuzz_file file = fuzz_file_open(data, size);
	const char *args[16] = { "kmemstat" };
	size_t nr = 1;

	for (const char *const *word = way; *word; word++)
		args[nr++] = *word;
	args[nr++] = file.path;
	if (way == ways[0])
		args[nr++] = file.path;
	fuzz_run(args);
	fuzz_file_close(&file);
	return 0;
}
