/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Aggregation: batches of events -> groups -> call sites and size classes. */
#ifndef KMEMSTAT_AGG_H
#define KMEMSTAT_AGG_H

#include <stddef.h>

#include "kmemstat/error.h"
#include "kmemstat/event.h"
#include "kmemstat/groups.h"
#include "kmemstat/life.h"
#include "kmemstat/quality.h"

/* The groups of a reader's events. One a thread, merged at the end. */
struct km_groups;

KM_MUST_CHECK struct km_error *km_groups_create(struct km_groups **ret);
void km_groups_destroy(struct km_groups *groups);

/*
 * The call site of what is beyond the memory limit. No instruction of a kernel returns there: it
 * would be the last byte that there is.
 */
#define KM_SITE_BEYOND UINT64_MAX
/* Of that call site so many groups are kept. */
#define KM_MOST_BEYOND 4096

/* What was done for lack of memory. */
struct km_groups_lack {
	uint64_t pooled;   /* allocations in groups of KM_SITE_BEYOND */
	uint64_t left_out; /* in none */
};

/*
 * Groups of new call sites, or of new sizes, may be added until they come to so many bytes, as
 * KM_GROUP_COST and KM_SITE_COST have them; 0: without an end. Later ones are groups of
 * KM_SITE_BEYOND, and if there are too many of these, too, they are left out: their rows are
 * KM_ROW_HIDDEN.
 */
void km_groups_set_limit(struct km_groups *groups, uint64_t bytes);
/* What a group takes from the table to the report, and what its call site does, about. */
enum {
	KM_GROUP_COST = 960,
	KM_SITE_COST = 5120,
};
struct km_groups_lack km_groups_lack(const struct km_groups *groups);
/*
 * Adds the allocations of a batch; frees and failed allocations in it are passed over.
 * The hot path: allocates only when the table grows. Errors: KM_ERR_MEMORY.
 */
KM_MUST_CHECK struct km_error *km_groups_add(struct km_groups *groups,
					     const struct km_batch *batch);
/*
 * Adds the rows whose group is KM_ROW_ALLOC, and puts the numbers of their groups there. Others
 * have been counted, or are no allocations. Errors: KM_ERR_MEMORY.
 */
KM_MUST_CHECK struct km_error *km_groups_number(struct km_groups *groups, struct km_batch *batch);
/* The same of the rows `from` to `to` (not included); batch->has_new stays as it is. */
KM_MUST_CHECK struct km_error *
km_groups_number_rows(struct km_groups *groups, struct km_batch *batch, uint32_t from, uint32_t to);
/*
 * The table itself, to lend to the reader whose batches are added; it changes when it grows, in
 * km_groups_add(). Not of one that groups were merged into.
 */
struct km_group_table *km_groups_table(struct km_groups *groups);
/* The groups by number; good as long as `groups`. */
const struct km_group_list *km_groups_list(const struct km_groups *groups);
/*
 * Adds all groups of src to dst. `names` maps src's cache ids to names (index 0 unused);
 * dst keeps copies. A table that takes part in merges as dst gets its groups by merges only.
 */
KM_MUST_CHECK struct km_error *
km_groups_merge(struct km_groups *dst, const struct km_groups *src,
		const char *(*name_of)(const void *arg, uint16_t cache), const void *arg);
size_t km_groups_count(const struct km_groups *groups);
/* All groups of a table that was merged into, in no particular order; until the next merge. */
const struct km_group *km_groups_items(const struct km_groups *groups, size_t *ret_nr);
const char *km_groups_cache_name(const struct km_groups *groups, uint16_t cache);

/* One size within a call site. */
struct km_size {
	uint32_t bytes_req, bytes_alloc;
	uint16_t cache; /* id in km_groups_cache_name(), 0: no name */
	uint64_t hits;
};

/* Event families: kmalloc and kmalloc_node are one, kmem_cache_alloc(_node) the other. */
enum km_family {
	KM_FAMILY_KMALLOC,
	KM_FAMILY_CACHE,
	KM_NR_FAMILIES,
};
/* "kmalloc", "kmem_cache_alloc". */
const char *km_family_name(enum km_family family);
/* The family of a slab allocation. */
static inline enum km_family km_family_of(enum km_event_kind kind)
{
	return kind == KM_EV_KMALLOC || kind == KM_EV_KMALLOC_NODE ? KM_FAMILY_KMALLOC
								   : KM_FAMILY_CACHE;
}

/* What allocations add up to: those of a call site, or of a layer. */
struct km_sum {
	uint64_t hits, bytes_req, bytes_alloc, accounted_hits;
};

/* One call site of one family, with its sizes by bytes_alloc, bytes_req, cache name. */
struct km_site {
	uint64_t address;
	uint64_t
		traced; /* the address that events have, also where `address` was looked up since */
	enum km_family family;
	struct km_sum sum;
	struct km_size *sizes;
	size_t nr_sizes;
	const struct km_life_stats *life; /* of its allocations, or NULL */
};

/* All call sites of the slab layer, sorted by address and family, and the sums of all layers. */
struct km_sites {
	struct km_sum layers[KM_NR_LAYERS];
	struct km_site *sites;
	size_t nr;
	struct km_size *sizes; /* of all sites, in one array */
};

/* `lives` are those of the same events, or NULL; they must outlive the sites. */
KM_MUST_CHECK struct km_error *km_sites_build(const struct km_groups *groups,
					      const struct km_lives *lives, struct km_sites *ret);
void km_sites_deinit(struct km_sites *sites);

/*
 * SLUB's general size classes (mm/slab_common.c, kmalloc_info[], v6.1): 8 to 8192 with 96 and
 * 192, up to two pages; above that whole pages of 2^order.
 * `page_size` is that of the traced machine, as the file has it.
 */

/* The page size to reckon with: 4096 for one that cannot be (none known, a damaged file). */
uint32_t km_sane_page_size(uint32_t page_size);

/* The smallest class that holds `bytes` (at least 1): its size in bytes. */
uint64_t km_class_fit(uint64_t bytes, uint32_t page_size);
/* The largest class that is smaller than `bytes`; 0 if there is none. */
uint64_t km_class_below(uint64_t bytes, uint32_t page_size);
/* The largest kmalloc cache: two pages (KMALLOC_MAX_CACHE_SIZE, include/linux/slab.h, v6.1). */
uint64_t km_class_largest_cache(uint32_t page_size);
/* The page order of an allocation of that many bytes, rounded up. */
unsigned int km_page_order(uint64_t bytes, uint32_t page_size);
/*
 * The name of the class of kmalloc's `bytes_alloc`: "kmalloc-96", "kmalloc-2k", "order-2"; of
 * any other size (another allocator, debugging): "size-200". Writes at most `size` bytes.
 */
void km_class_name(uint64_t bytes_alloc, uint32_t page_size, char *buf, size_t size);

#endif
