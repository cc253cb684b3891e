/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ring-buffer pages of a trace: walking their events, and copies of them at a later time. */
#ifndef KMEMSTAT_BENCH_PAGES_H
#define KMEMSTAT_BENCH_PAGES_H

#include "trace.h"

/* The slab events, by which the benchmark counts. */
enum bench_kind {
	BENCH_KMALLOC,
	BENCH_KFREE,
	BENCH_CACHE_ALLOC,
	BENCH_CACHE_FREE,
	BENCH_KMALLOC_NODE, /* before 6.1 */
	BENCH_CACHE_ALLOC_NODE,
	BENCH_NR_KINDS,
};

/* One slab event's format, from the trace. */
struct bench_format {
	const char *name;
	bool is_known; /* the trace describes it */
	uint16_t id;
	uint16_t call_site_offset, ptr_offset;
	struct bench_bytes text; /* the format file */
};

/* Finds the slab events among the trace's formats. */
void bench_formats_read(const struct bench_trace *trace, struct bench_format ret[BENCH_NR_KINDS]);
/* The kind of event `id`, or -1. */
int bench_formats_kind(const struct bench_format formats[BENCH_NR_KINDS], uint16_t id);

struct bench_event {
	uint64_t ts_ns;
	uint8_t *data;      /* begins with the event id, u16 */
	uint32_t size;      /* multiple of 4 */
	bool is_time_stamp; /* no event: data is an absolute time stamp, see pages.c */
};

/* Walks the pages of one CPU. May be copied to look ahead. */
struct bench_walk {
	uint8_t *pages;
	size_t nr_pages;
	uint32_t page_size;
	size_t page; /* the next one to begin */
	uint8_t *pos, *end;
	uint64_t ts_ns;
};

void bench_walk_init(struct bench_walk *walk, uint8_t *pages, size_t nr_pages, uint32_t page_size);
/* The next event; false at the end. A page that does not add up ends the program. */
bool bench_walk_next(struct bench_walk *walk, struct bench_event *ret);

/*
 * Moves all pages by shift_ns, and, with pointer_bits not 0, flips these bits in the slab
 * events' pointers (not in those of freed NULL and ZERO_SIZE_PTR).
 */
void bench_pages_shift(uint8_t *pages, size_t nr_pages, uint32_t page_size, uint64_t shift_ns,
		       const struct bench_format formats[BENCH_NR_KINDS], uint64_t pointer_bits);

#endif
