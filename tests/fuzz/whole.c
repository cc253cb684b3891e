/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The whole program on a trace, from opening it to the finished report. */
#include "whole.h"

#include "fuzz.h"

#define STAT "--quiet", "--threads=1", "--no-debug-search"

/* The ways in which events are read, each with other columns and another order. */
static const char *const ways[][32] = {
	{ STAT, "--json" },
	{ STAT, "--json", "--no-pairing" },
	{ STAT, "--summary", "--caller", "--class", "--live", "--timeline", "--cache", "--task",
	  "--alloc", "--locality", "--own-cache", "--page", "--page-frame", "--percpu", "--models",
	  "--replay", "--percpu-replay" },
	{ "dump", "--quiet" },
	{ "info", "--quiet" },
};

void fuzz_whole(const uint8_t *data, size_t size)
{
	/* chosen by the size: so a file from a corpus does the same again */
	const char *const *way = ways[size % (sizeof(ways) / sizeof(ways[0]))];
	struct fuzz_file file = fuzz_file_open(data, size);
	const char *args[40] = { "kmemstat" };
	size_t nr = 1;

	while (*way)
		args[nr++] = *way++;
	args[nr] = file.path;
	fuzz_run(args);
	fuzz_file_close(&file);
}
