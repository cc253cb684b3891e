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

/* What an object takes: bytes asked for and bytes given; both 0 for a free. */
struct km_event_size {
	uint32_t req, alloc;
};

/* What an event is. */
struct km_event_what {
	uint16_t cache; /* index in the reader's cache names (km_reader_cache_name()), 0: no name */
	uint8_t kind;   /* enum km_event_kind */
	uint8_t flags;  /* enum km_event_flag */
};

/*
 * Events as columns, in the order of their source; what is always used together shares a column.
 * With KM_WANT_ALL, failed allocations (ptr and size.alloc 0) and frees of NULL are in it too.
 */
struct km_batch {
	uint32_t nr;
	uint64_t call_site[KM_BATCH_EVENTS];
	struct km_event_size size[KM_BATCH_EVENTS];
	struct km_event_what what[KM_BATCH_EVENTS];
	/* only with KM_WANT_ALL */
	uint64_t ts_ns[KM_BATCH_EVENTS];
	uint64_t ptr[KM_BATCH_EVENTS];
	int32_t pid[KM_BATCH_EVENTS];
	uint16_t cpu[KM_BATCH_EVENTS];
};

#endif
