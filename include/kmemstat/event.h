/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The event batch: what sources hand to aggregators. */
#ifndef KMEMSTAT_EVENT_H
#define KMEMSTAT_EVENT_H

#include <stdbool.h>
#include <stdint.h>

/* The events kmemstat knows, named as the kernel's kmem trace system names them. */
enum km_event_kind {
	KM_EV_OTHER, /* any other event: counted, never in a batch */
	KM_EV_KMALLOC,
	KM_EV_KMALLOC_NODE, /* before 6.1 */
	KM_EV_CACHE_ALLOC,
	KM_EV_CACHE_ALLOC_NODE, /* before 6.1 */
	KM_EV_KFREE,
	KM_EV_CACHE_FREE,
	KM_NR_EVENT_KINDS,
};

/* The kernel's name of an event kind ("kmem_cache_alloc"); "other" for KM_EV_OTHER. */
const char *km_event_name(enum km_event_kind kind);
/* The kind of the event `name` of trace system "kmem", or KM_EV_OTHER. */
enum km_event_kind km_event_kind_of(const char *system, const char *name);

static inline bool km_event_is_alloc(enum km_event_kind kind)
{
	return kind >= KM_EV_KMALLOC && kind <= KM_EV_CACHE_ALLOC_NODE;
}

enum km_event_flag {
	KM_EVF_ACCOUNTED = 1, /* charged to a memory cgroup (__GFP_ACCOUNT or the event's field) */
};

/* Which events and columns a reader fills. */
enum km_want {
	KM_WANT_ALLOCS, /* allocations that succeeded, without the columns ts_ns, ptr, pid */
	KM_WANT_ALL,    /* every allocation and free of the kinds above, all columns */
};

#define KM_BATCH_EVENTS 512

/*
 * Events as columns, in the order of their stream. `cache` is an index into the reader's
 * cache names (km_reader_cache_name()), 0 for an event without a name. With KM_WANT_ALL,
 * failed allocations (ptr 0) and frees of NULL are in the batch too.
 */
struct km_batch {
	uint32_t nr;
	uint32_t stream; /* index of the stream (CPU buffer) all these events come from */
	uint64_t call_site[KM_BATCH_EVENTS];
	uint32_t bytes_req[KM_BATCH_EVENTS];
	uint32_t bytes_alloc[KM_BATCH_EVENTS];
	uint16_t cache[KM_BATCH_EVENTS];
	uint8_t kind[KM_BATCH_EVENTS];  /* enum km_event_kind */
	uint8_t flags[KM_BATCH_EVENTS]; /* enum km_event_flag */
	/* only with KM_WANT_ALL */
	uint64_t ts_ns[KM_BATCH_EVENTS];
	uint64_t ptr[KM_BATCH_EVENTS];
	int32_t pid[KM_BATCH_EVENTS];
};

#endif
