// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Makes large traces out of a small real one, the same events in several formats:
 *
 *	mkbench [-n COPIES] [-s SEED] [-d FILE] [-z FILE] [-p FILE] TRACE
 *
 * TRACE is a trace.dat version 7. Its events come COPIES times, each copy later by the length
 * of the trace. -d writes an uncompressed trace.dat, -z one with zstd, -p a perf.data. With
 * COPIES 0 only the first page of each CPU is written: what is left is the programs' start.
 * Pointers are the same in every copy (in life they come again too); a SEED other than 0
 * gives each copy some page-number bits of its own.
 * Prints as JSON how many events of each kind that makes, and how many bytes of pages.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "copies.h"

/* Bits 12 to 29: another page of the same gigabyte. */
#define POINTER_BITS 0x3ffff000ull

/* The finalizer of splitmix64: any two inputs give unrelated bits. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

void bench_copies_make(struct bench_copies *copies, size_t cpu, uint32_t copy)
{
	struct bench_cpu_pages *pages = &copies->cpus[cpu];
	uint32_t page_size = copies->trace->page_size;
	uint64_t bits = copies->pointer_seed ? mix(copies->pointer_seed + copy) & POINTER_BITS : 0;

	memcpy(pages->copy, pages->pages, pages->nr_pages * page_size);
	bench_pages_shift(pages->copy, pages->nr_pages, page_size, copy * copies->period_ns,
			  copies->formats, bits);
}

/* Counts the events of one copy and finds out how long it is. */
static void survey(struct bench_copies *copies)
{
	uint64_t first_ns = UINT64_MAX, last_ns = 0;

	for (size_t i = 0; i < copies->trace->nr_cpus; i++) {
		const struct bench_cpu_pages *pages = &copies->cpus[i];
		struct bench_walk walk;
		struct bench_event event;

		bench_walk_init(&walk, pages->pages, pages->nr_pages, copies->trace->page_size);
		while (bench_walk_next(&walk, &event)) {
			int kind = bench_formats_kind(
				copies->formats, (uint16_t)(event.data[0] | event.data[1] << 8));

			copies->nr_events++;
			if (kind >= 0)
				copies->nr_kind[kind]++;
			first_ns = event.ts_ns < first_ns ? event.ts_ns : first_ns;
			last_ns = event.ts_ns > last_ns ? event.ts_ns : last_ns;
		}
	}
	if (!copies->nr_events)
		bench_die("%s: no events in it", copies->trace->path);
	copies->period_ns = last_ns - first_ns + 1000;
}

static void load(struct bench_copies *copies, bool is_start_only)
{
	const struct bench_trace *trace = copies->trace;

	bench_formats_read(trace, copies->formats);
	for (size_t i = 0; i < trace->nr_cpus; i++) {
		struct bench_cpu_pages *pages = &copies->cpus[i];

		pages->pages = bench_trace_pages(trace, &trace->cpus[i], &pages->nr_pages);
		if (is_start_only && pages->nr_pages > 1)
			pages->nr_pages = 1;
		pages->copy = bench_alloc(pages->nr_pages * trace->page_size);
	}
	survey(copies);
}

static void print_counts(const struct bench_copies *copies)
{
	uint64_t slab = 0, pages = 0;

	for (size_t i = 0; i < copies->trace->nr_cpus; i++)
		pages += copies->cpus[i].nr_pages * copies->nr_copies;
	printf("{\"events\": %" PRIu64, copies->nr_events * copies->nr_copies);
	for (int i = 0; i < BENCH_NR_KINDS; i++) {
		uint64_t nr = copies->nr_kind[i] * copies->nr_copies;

		if (copies->formats[i].is_known)
			printf(", \"%s\": %" PRIu64, copies->formats[i].name, nr);
		slab += nr;
	}
	printf(", \"slab_events\": %" PRIu64 ", \"page_bytes\": %" PRIu64 "}\n", slab,
	       pages * copies->trace->page_size);
}

int main(int argc, char **argv)
{
	static struct bench_trace trace;
	static struct bench_copies copies = { .trace = &trace, .nr_copies = 20 };
	const char *dat = NULL, *packed = NULL, *perf = NULL;
	bool is_start_only;
	int opt;

	while ((opt = getopt(argc, argv, "n:s:d:z:p:")) != -1) {
		switch (opt) {
		case 'n':
			copies.nr_copies = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 's':
			copies.pointer_seed = strtoull(optarg, NULL, 0);
			break;
		case 'd':
			dat = optarg;
			break;
		case 'z':
			packed = optarg;
			break;
		case 'p':
			perf = optarg;
			break;
		default:
			return 2;
		}
	}
	if (optind != argc - 1)
		bench_die(
			"usage: mkbench [-n COPIES] [-s SEED] [-d FILE] [-z FILE] [-p FILE] TRACE");
	is_start_only = !copies.nr_copies;
	if (is_start_only)
		copies.nr_copies = 1;
	bench_trace_open(argv[optind], true, &trace);
	load(&copies, is_start_only);
	if (dat)
		bench_write_dat(&copies, dat, false);
	if (packed)
		bench_write_dat(&copies, packed, true);
	if (perf)
		bench_write_perf(&copies, perf);
	print_counts(&copies);
	for (size_t i = 0; i < trace.nr_cpus; i++) {
		free(copies.cpus[i].pages);
		free(copies.cpus[i].copy);
	}
	return 0;
}
