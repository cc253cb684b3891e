/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the writers of mkbench write: the pages of a trace, many times one after the other. */
#ifndef KMEMSTAT_BENCH_COPIES_H
#define KMEMSTAT_BENCH_COPIES_H

#include "pages.h"

struct bench_cpu_pages {
	uint8_t *pages; /* of the trace itself */
	size_t nr_pages;
	uint8_t *copy; /* of one copy, filled by bench_copies_make() */
};

struct bench_copies {
	const struct bench_trace *trace;
	struct bench_format formats[BENCH_NR_KINDS];
	struct bench_cpu_pages cpus[BENCH_MAX_CPUS];
	uint32_t nr_copies;
	uint64_t period_ns;    /* from one copy to the next */
	uint64_t pointer_seed; /* 0: all copies have the same pointers */
	uint64_t nr_events;    /* of one copy, all kinds */
	uint64_t nr_kind[BENCH_NR_KINDS];
};

/* Makes one copy of a CPU's pages in cpus[cpu].copy. */
void bench_copies_make(struct bench_copies *copies, size_t cpu, uint32_t copy);

/* Writes a trace.dat version 7, "zstd" in chunks of 10 pages as trace-cmd does, or "none". */
void bench_write_dat(struct bench_copies *copies, const char *path, bool is_packed);
/* Writes the slab events as `perf kmem record` would; returns how many there were. */
uint64_t bench_write_perf(struct bench_copies *copies, const char *path);

#endif
