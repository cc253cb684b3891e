/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What comes through a pipe: a perf.data, text, and whatever else somebody puts into one. */
#include <fcntl.h>
#include <unistd.h>

#include "fuzz.h"

#define QUIET "--quiet", "--no-debug-search"

/* What a pipe takes at most (fs.pipe-max-size) without somebody who reads. */
enum { MOST_BYTES = 1 << 20 };

static const char *const ways[][12] = {
	{ "kmemstat", QUIET, "--json", "-" },
	{ "kmemstat", QUIET, "--json", "--no-pairing", "--exclude-self", "-" },
	{ "kmemstat", QUIET, "--caller", "--page", "--percpu", "--interval=0.01", "-" },
	{ "kmemstat", QUIET, "--format=html", "-" },
	{ "kmemstat", "dump", "--quiet", "-" },
	{ "kmemstat", "info", "--quiet", "-" },
};

/* Standard input becomes a pipe with this in it, whose writer has gone. */
static void put_into_pipe(const uint8_t *data, size_t size)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0 || fcntl(ends[1], F_SETPIPE_SZ, MOST_BYTES) < 0 ||
	    dup2(ends[0], STDIN_FILENO) < 0)
		fuzz_die("pipe");
	fuzz_write(ends[1], data, size);
	close(ends[0]);
	close(ends[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > MOST_BYTES)
		return 0;
	put_into_pipe(data, size);
	fuzz_run(ways[size % (sizeof(ways) / sizeof(ways[0]))]);
	return 0;
}
