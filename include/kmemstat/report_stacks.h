/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of a report that is about stacks: who called those who allocated. */
#ifndef KMEMSTAT_REPORT_STACKS_H
#define KMEMSTAT_REPORT_STACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kmemstat/event.h"

struct km_callsite;

/*
 * Allocations of one stack, event and size. The innermost frame is the call site; frames of the
 * allocator itself are taken off. Of what has no stack in the trace the call site is the only
 * frame; there may be none of pages.
 */
struct km_stack_row {
	enum km_layer layer;
	const char *event;      /* "kmalloc", "kmem_cache_alloc", "percpu_alloc_percpu", ... */
	const uint32_t *frames; /* indexes in km_stack_report.frames, innermost first */
	size_t nr_frames;
	uint64_t object_bytes;  /* as allocated, of each; of percpu objects on all CPUs */
	const char *size_class; /* "kmalloc-64", "order-2"; NULL: not known */
	uint64_t hits, bytes_req, bytes_alloc, bytes_waste;
	/* at the end; 0 unless allocations and frees were paired (km_report.lives) */
	uint64_t live, live_bytes, live_waste;
};

/*
 * The name of a frame that no symbol names, and that is no call site: nobody can do anything with
 * its address, which is no renderer's to show but where addresses are asked for.
 */
extern const char km_frame_unknown[];

/* All allocations by stack. The bytes of the layers are never added up: pages back the others. */
struct km_stack_report {
	struct km_callsite *frames; /* as call sites without numbers; by name, address */
	size_t nr_frames;
	struct km_stack_row *rows; /* by layer, then bytes_alloc, most first; ties by frames, ... */
	size_t nr_rows;
	bool has_stacks[KM_NR_LAYERS]; /* the events of that layer had some */
	uint32_t *indexes;             /* those of all rows */
};

#endif
