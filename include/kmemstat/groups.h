/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Groups of allocations that are alike, and how one is found. The table is the aggregator's, which
 * alone puts groups in; a reader may be lent it (km_reader_lend_groups()), to count events of
 * groups that are there without handing them on.
 */
#ifndef KMEMSTAT_GROUPS_H
#define KMEMSTAT_GROUPS_H

#include <stddef.h>
#include <string.h>

#include "kmemstat/event.h"

/* All allocations that are alike; everything else is derived from hits x group. */
struct km_group {
	uint64_t call_site;
	struct km_event_size size;
	struct km_event_what what; /* cache: the reader's id, or in km_groups_cache_name() */
	uint32_t number;           /* from 1 on, in the order in which they were met */
	uint64_t hits;             /* 0: no group, a free slot */
};

/* What all allocations of a group have in common, by the group's number. */
struct km_group_info {
	uint64_t call_site;
	struct km_event_size size;
	struct km_event_what what;
};

#define KM_GROUP_CHUNKS      28
#define KM_GROUP_FIRST_CHUNK 64

/*
 * The groups in the order of their numbers. One that is in it stays where it is: others may read it
 * while the table grows, if they were told the number afterwards.
 */
struct km_group_list {
	struct km_group_info *chunks[KM_GROUP_CHUNKS]; /* each of twice as many as the one before */
};

/* The place of a number from 1 on; its chunk must be there. */
static inline struct km_group_info *km_group_info(const struct km_group_list *list, uint32_t number)
{
	const uint64_t at = (uint64_t)number - 1 + KM_GROUP_FIRST_CHUNK;
	const unsigned int chunk = 63 - (unsigned int)__builtin_clzll(at / KM_GROUP_FIRST_CHUNK);

	return &list->chunks[chunk][at - ((uint64_t)KM_GROUP_FIRST_CHUNK << chunk)];
}

/* Open addressing, with free slots. A slot is half a cache line. */
struct km_group_table {
	struct km_group *slots; /* a power of two of them */
	size_t mask;            /* of the offset of one, in bytes */
};

/*
 * What makes allocations alike. The sizes are as wide as an event may have them: one that is over
 * 32 bits is in no group.
 */
struct km_group_key {
	uint64_t call_site, req, alloc;
	uint32_t what; /* km_group_what() */
};

/* As one number, never 0 for an event of any kind but KM_EV_OTHER. */
static inline uint32_t km_group_what(struct km_event_what what)
{
	uint32_t number;

	memcpy(&number, &what, sizeof(number));
	return number;
}

static inline struct km_group *km_group_slot(struct km_group_table table, uint64_t offset)
{
	return (struct km_group *)(void *)((char *)table.slots + (offset & table.mask));
}

/* Where the search for a key begins. */
static inline struct km_group *km_group_first(struct km_group_table table, struct km_group_key key)
{
	const uint64_t rest = key.req + 8 * key.alloc + key.what;
	/* an odd multiplier with well spread bits; of its product the upper ones are the best */
	const uint64_t hash = (key.call_site ^ rest << 32) * 0x9e3779b97f4a7c15ULL;

	return km_group_slot(table, hash >> 27);
}

static inline bool km_group_is(const struct km_group *group, struct km_group_key key)
{
	return group->call_site == key.call_site && group->size.req == key.req &&
	       group->size.alloc == key.alloc && km_group_what(group->what) == key.what;
}

/* The slot of the group, or the free one where it belongs. */
static inline struct km_group *km_group_find(struct km_group_table table, struct km_group_key key)
{
	struct km_group *group = km_group_first(table, key);

	while (!km_group_is(group, key) && group->hits)
		group = km_group_slot(
			table, (uint64_t)((const char *)(group + 1) - (const char *)table.slots));
	return group;
}

/*
 * The way of km_group_count() for a group that is not where its search begins. If it is commoner
 * than the one there, they change places: all slots between are taken, and stay so.
 */
static __attribute__((noinline, unused)) const struct km_group *
km_group_count_far(struct km_group_table table, uint64_t call_site, uint64_t req, uint64_t alloc,
		   uint32_t what)
{
	const struct km_group_key key = { call_site, req, alloc, what };
	struct km_group *first = km_group_first(table, key), *group = km_group_find(table, key);
	struct km_group other;

	if (!group->hits)
		return NULL;
	group->hits++;
	if (group->hits <= first->hits)
		return group;
	other = *first;
	*first = *group;
	*group = other;
	return first;
}

/*
 * Counts an allocation if its group is in the table, and returns that, else NULL. The hot path:
 * made for few instructions and registers. A free slot is like no key, since no allocation has the
 * kind 0.
 */
static inline __attribute__((always_inline)) const struct km_group *
km_group_count(struct km_group_table table, struct km_group_key key)
{
	struct km_group *group = km_group_first(table, key);

	if (__builtin_expect(!km_group_is(group, key), 0))
		return km_group_count_far(table, key.call_site, key.req, key.alloc, key.what);
	group->hits++;
	return group;
}

#endif
