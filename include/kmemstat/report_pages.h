/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of a report that are about the page allocator and percpu objects. */
#ifndef KMEMSTAT_REPORT_PAGES_H
#define KMEMSTAT_REPORT_PAGES_H

#include "kmemstat/pagelife.h"
#include "kmemstat/percpulife.h"

struct km_callsite;

/* Allocations of pages that are alike: of one caller, or at one page frame. */
struct km_page_row {
	uint64_t pfn; /* of rows by frame */
	/* the first function of the stack that is not the page allocator's; NULL: not known */
	const struct km_callsite *caller;
	uint8_t order, migratetype;
	uint32_t gfp_flags;
	const char *migratetype_name; /* "Movable", or the number */
	const char *gfp;              /* "GFP_KERNEL|__GFP_ZERO" */
	uint64_t hits, bytes;         /* that succeeded */
	uint64_t failed, bytes_failed;
	uint64_t freed, replaced, live; /* of rows by frame only live */
	uint64_t bytes_live;
};

/* Allocations of one order and migrate type. */
struct km_page_order {
	uint8_t order, migratetype;
	const char *migratetype_name;
	uint64_t hits, failed, bytes;
};

/* The page allocator. */
struct km_page_report {
	struct km_page_row *rows; /* by bytes, most first; ties by caller, order, ... */
	size_t nr_rows;
	struct km_page_row *frames; /* by pfn; empty unless they were asked for */
	size_t nr_frames;
	struct km_page_order *orders; /* by order, migratetype */
	size_t nr_orders;
	struct km_callsite *callers; /* by address */
	size_t nr_callers;
	struct km_page_stats total;
	uint64_t page_size;
	uint64_t frees, bytes_free_requests;   /* free requests, known or not */
	uint64_t unknown_frees, bytes_unknown; /* of what was not seen allocated */
	uint64_t bytes_peak, peak_ns;          /* most live bytes, and when that was first so */
	bool has_stacks;                       /* there was one: with symbols, callers are known */
};

/* Percpu objects of one call site, size and alignment. */
struct km_percpu_row {
	const struct km_callsite *callsite; /* NULL: not known (before 5.19 without stacks) */
	uint32_t size, align;
	uint64_t hits, failed;
	uint64_t bytes_req; /* size x hits: on one CPU */
	/* on all CPUs, if the events tell them (since 5.19), with what they need beside */
	uint64_t bytes, bytes_live;
	uint64_t bytes_extra; /* of bytes: not size x CPUs; 0 if the number of CPUs is not known */
	uint64_t freed, replaced, live;
	uint64_t reserved, atomic, accounted; /* of hits */
	bool has_bytes, has_extra;            /* of all rows alike */
};

/* The percpu allocator. */
struct km_percpu_report {
	struct km_percpu_row *rows; /* by bytes, most first; ties by call site, size, align */
	size_t nr_rows;
	struct km_callsite *callsites; /* by address */
	size_t nr_callsites;
	struct km_percpu_stats total;
	uint64_t bytes_extra;
	uint64_t frees, unknown_frees;
	uint64_t bytes_peak, peak_ns;
	uint64_t chunks_created, chunks_destroyed;
	bool has_bytes; /* the events tell the bytes on all CPUs */
	/*
	 * CPUs that an object is for (num_possible_cpus()); 0: not known. It is taken to be the
	 * trace's number of CPUs, if that fits what the events tell.
	 */
	uint32_t nr_cpus;
};

#endif
