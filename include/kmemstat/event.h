/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The event batch: what sources hand to aggregators. */
#ifndef KMEMSTAT_EVENT_H
#define KMEMSTAT_EVENT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The events kmemstat knows, named as the kernel's trace systems kmem and percpu name them. */
enum km_event_kind {
	KM_EV_OTHER, /* any other event: counted, never in a batch */
	KM_EV_KMALLOC,
	KM_EV_KMALLOC_NODE, /* before 6.1 */
	KM_EV_CACHE_ALLOC,
	KM_EV_CACHE_ALLOC_NODE, /* before 6.1 */
	KM_EV_PERCPU_ALLOC,     /* percpu_alloc_percpu */
	KM_EV_PAGE_ALLOC,       /* mm_page_alloc */
	KM_EV_KFREE,
	KM_EV_CACHE_FREE,
	KM_EV_PERCPU_FREE, /* percpu_free_percpu */
	KM_EV_PAGE_FREE,   /* mm_page_free */
	KM_EV_PERCPU_CHUNK_CREATE,
	KM_EV_PERCPU_CHUNK_DESTROY,
	KM_NR_EVENT_KINDS,
};

/* The allocators events are about; their bytes are never added up: pages back the others. */
enum km_layer {
	KM_LAYER_SLAB,
	KM_LAYER_PERCPU,
	KM_LAYER_PAGE,
	KM_NR_LAYERS,
};

/* The kernel's name of an event kind ("kmem_cache_alloc"); "other" for KM_EV_OTHER. */
const char *km_event_name(enum km_event_kind kind);
/* The kind of the event `name` of trace system "kmem" or "percpu", or KM_EV_OTHER. */
enum km_event_kind km_event_kind_of(const char *system, const char *name);
/* "slab", "percpu", "page". */
const char *km_layer_name(enum km_layer layer);
/* The layer of a kind other than KM_EV_OTHER. */
enum km_layer km_event_layer(enum km_event_kind kind);

static inline bool km_event_is_alloc(enum km_event_kind kind)
{
	return kind >= KM_EV_KMALLOC && kind <= KM_EV_PAGE_ALLOC;
}

static inline bool km_event_is_free(enum km_event_kind kind)
{
	return kind >= KM_EV_KFREE && kind <= KM_EV_PAGE_FREE;
}

/* Whether it is an event of the slab allocator: one bit for each kind. */
static inline bool km_event_is_slab(enum km_event_kind kind)
{
	const uint32_t kinds = 1U << KM_EV_KMALLOC | 1U << KM_EV_KMALLOC_NODE |
			       1U << KM_EV_CACHE_ALLOC | 1U << KM_EV_CACHE_ALLOC_NODE |
			       1U << KM_EV_KFREE | 1U << KM_EV_CACHE_FREE;

	return kinds >> kind & 1;
}

enum km_event_flag {
	KM_EVF_ACCOUNTED = 1, /* charged to a memory cgroup (__GFP_ACCOUNT or the event's field) */
	KM_EVF_PERCPU_RESERVED = 2, /* from the reserved part of the first chunk */
	KM_EVF_PERCPU_ATOMIC = 4,   /* could not sleep */
	KM_EVF_PTR_HASHED = 8,      /* ptr is what printk made of it: equal ones may differ */
};

/* What a row is to those who pair allocations with frees, where it is no number of a group. */
enum {
	KM_ROW_ALLOC = 0,               /* an allocation whose group is not known yet */
	KM_ROW_FREE = UINT32_MAX,       /* a free of something */
	KM_ROW_NONE = UINT32_MAX - 1,   /* neither: it failed, freed nothing, is of another kind */
	KM_ROW_HIDDEN = UINT32_MAX - 2, /* left out by a filter; it ends what lives at its ptr */
	KM_ROW_SKIP = UINT32_MAX - 3,   /* left out by a filter, as if it were not there */
	KM_MOST_GROUPS = UINT32_MAX - 4,
};

/* Which events and columns a reader fills. */
enum km_want {
	KM_WANT_ALLOCS, /* allocations that succeeded, with the first three columns only */
	/*
	 * Every allocation and free of the kinds above, of slab events only with the columns ts_ns,
	 * ptr, cpu (see is_one_cpu) and group; call_site, size and what only of allocations whose
	 * group is new. Of page and percpu events all columns.
	 */
	KM_WANT_PAIRS,
	KM_WANT_ALL, /* the same, all columns */
};

#define KM_BATCH_EVENTS 512
/*
 * So many ptr behind that of the row in hand may be read without asking how many rows there are, to
 * fetch what they stand for: whatever they are.
 */
#define KM_BATCH_AHEAD  12

/*
 * What an object takes: bytes asked for and bytes given; both 0 for a free. Of a percpu object
 * req is its size and alloc the bytes on all CPUs (before 5.19, where the event does not tell, the
 * size too); of pages both are page size << order.
 */
struct km_event_size {
	uint32_t req, alloc;
};

/* What kmalloc(0) returns (ZERO_SIZE_PTR, include/linux/slab.h, v6.1). */
#define KM_ZERO_SIZE_PTR 16

/* What an event is. */
struct km_event_what {
	uint16_t cache; /* index in the reader's cache names (km_reader_cache_name()), 0: no name */
	uint8_t kind;   /* enum km_event_kind */
	uint8_t flags;  /* enum km_event_flag */
};

/* What only some kinds have, 0 if not said otherwise. */
struct km_event_more {
	uint32_t gfp_flags; /* its lower 32 bits: no kernel has more gfp flags */
	uint32_t align;     /* percpu */
	uint8_t order;      /* page */
	uint8_t migratetype;
	int16_t node; /* slab: the NUMA node asked for, -1: any, or not told (other kinds: -1) */
};

/* A stack in the reader's table (km_reader_stack()); 0: none. */
typedef uint32_t km_stack_id;

/*
 * Events as columns, in the order of their source; what is always used together shares a column.
 * Without KM_WANT_ALLOCS, failed allocations (ptr and size.alloc 0) and frees of NULL are in it
 * too. The ptr of page events is the page's frame number (pfn), or where the kernel gives none
 * (before 3.19) the address of its struct page. Page events have no call_site (0).
 */
struct km_batch {
	uint32_t nr;
	bool has_new;    /* a row's group is KM_ROW_ALLOC */
	bool has_others; /* not all rows are slab events; may be set without need */
	bool is_one_cpu; /* all rows are of one CPU; with KM_WANT_PAIRS only cpu[0] need be set */
	bool has_stacks; /* a row has a stack; may be set without need */
	uint64_t others[KM_BATCH_EVENTS / 64]; /* with has_others: see km_batch_next_other() */
	uint64_t call_site[KM_BATCH_EVENTS];
	struct km_event_size size[KM_BATCH_EVENTS];
	struct km_event_what what[KM_BATCH_EVENTS];
	/* not with KM_WANT_ALLOCS */
	uint64_t ts_ns[KM_BATCH_EVENTS];
	uint64_t ptr[KM_BATCH_EVENTS + KM_BATCH_AHEAD];
	uint16_t cpu[KM_BATCH_EVENTS];
	uint32_t group[KM_BATCH_EVENTS]; /* its number (km_groups_number()), or KM_ROW_* */
	/* of slab events only with KM_WANT_ALL */
	int32_t pid[KM_BATCH_EVENTS];
	struct km_event_more more[KM_BATCH_EVENTS];
	km_stack_id stack[KM_BATCH_EVENTS];
};

/* Notes whether row `i` is of another layer than slab. */
static inline void km_batch_set_other(struct km_batch *batch, uint32_t i, bool is_other)
{
	if (is_other && !batch->has_others) {
		memset(batch->others, 0, sizeof(batch->others));
		batch->has_others = true;
	}
	if (batch->has_others)
		batch->others[i / 64] =
			(batch->others[i / 64] & ~(1ULL << i % 64)) | (uint64_t)is_other << i % 64;
}

static inline bool km_batch_is_other(const struct km_batch *batch, uint32_t i)
{
	return batch->has_others && (batch->others[i / 64] >> i % 64 & 1);
}

/* The first row from `from` on, up to `to`, that is of another layer than slab; `to`: none is. */
static inline uint32_t km_batch_next_other(const struct km_batch *batch, uint32_t from, uint32_t to)
{
	if (!batch->has_others)
		return to;
	for (uint32_t at = from; at < to; at = at / 64 * 64 + 64) {
		const uint64_t others = batch->others[at / 64] >> at % 64;

		if (others) {
			at += (uint32_t)__builtin_ctzll(others);
			return at < to ? at : to;
		}
	}
	return to;
}

/* Sets what row `i` is, from its kind, size and ptr: KM_ROW_ALLOC, KM_ROW_FREE or KM_ROW_NONE. */
static inline void km_batch_mark(struct km_batch *batch, uint32_t i)
{
	const enum km_event_kind kind = batch->what[i].kind;

	batch->group[i] = KM_ROW_NONE;
	km_batch_set_other(batch, i, !km_event_is_slab(kind));
	if (km_event_is_alloc(kind) && batch->size[i].alloc) {
		batch->group[i] = KM_ROW_ALLOC;
		batch->has_new = true;
	} else if (km_event_is_free(kind) &&
		   (kind != KM_EV_KFREE || batch->ptr[i] > KM_ZERO_SIZE_PTR)) {
		batch->group[i] = KM_ROW_FREE;
	}
}

#endif
