/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The columns of caches. */
#include "report/listings.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NUMBER(column, member)                                                                     \
	static uint64_t number_##column(const void *row)                                           \
	{                                                                                          \
		const struct km_report_cache *item = row;                                          \
                                                                                                   \
		return item->member;                                                               \
	}
NUMBER(hit, sum.hits)
NUMBER(bytes, sum.bytes_alloc)
NUMBER(req, sum.bytes_req)
NUMBER(waste, sum.bytes_waste)
NUMBER(accounted, sum.accounted_hits)
NUMBER(freed, sum.ends.freed)
NUMBER(live, sum.ends.live)
NUMBER(live_bytes, sum.ends.live_bytes)
NUMBER(callsites, sum.nr_sites)
NUMBER(size, bytes)
NUMBER(active, active_objs)
NUMBER(objs, objs)
NUMBER(slabs, slabs)
NUMBER(per_slab, objs_per_slab)
NUMBER(pages, pages_per_slab)
NUMBER(order, order)
NUMBER(tail, tail_bytes)
NUMBER(tails, tails_bytes)
NUMBER(candidates, nr_candidates)

static double percent_frag(const void *row)
{
	const struct km_report_cache *item = row;

	return item->sum.frag_percent;
}

static double percent_tail(const void *row)
{
	const struct km_report_cache *item = row;

	return item->tail_percent;
}

static bool has_slab(const void *row)
{
	const struct km_report_cache *item = row;

	return item->slab_name != NULL;
}

static bool has_tail(const void *row)
{
	const struct km_report_cache *item = row;

	return item->slab_name && item->has_tail;
}

static const char *text_cache(const void *row, char *buf, size_t size)
{
	const struct km_report_cache *item = row;

	return item->name;
}

static const char *text_named(const void *row, char *buf, size_t size)
{
	const struct km_report_cache *item = row;

	return km_cache_naming_name(item->naming);
}

static const char *text_slab(const void *row, char *buf, size_t size)
{
	const struct km_report_cache *item = row;

	return item->slab_name ? item->slab_name : "";
}

#define SHOWN        .is_sortable = true, .is_default = true
#define SORTABLE     .is_sortable = true
#define SLAB(column) .needs_slabinfo = true, .is_sortable = true, .has = has_##column

static const struct km_column columns[] = {
	{ "cache", "Cache", KM_COL_TEXT, SHOWN, .text = text_cache,
	  .help = "name of the cache, or where the trace has none its size: cache-192" },
	{ "size", "Object", KM_COL_BYTES, SHOWN, .number = number_size,
	  .help = "bytes of an object" },
	{ "hit", "Hit", KM_COL_COUNT, SHOWN, .number = number_hit, .help = "allocations" },
	{ "bytes", "Allocated", KM_COL_BYTES, SHOWN, .number = number_bytes,
	  .help = "bytes allocated" },
	{ "req", "Requested", KM_COL_BYTES, SHOWN, .number = number_req,
	  .help = "bytes requested" },
	{ "frag", "Frag", KM_COL_PERCENT, SHOWN, .percent = percent_frag,
	  .help = "internal fragmentation: share of the allocated bytes that nobody asked for" },
	{ "waste", "Waste", KM_COL_BYTES, SHOWN, .number = number_waste,
	  .help = "bytes allocated and not requested" },
	{ "live", "Live", KM_COL_COUNT, SHOWN, .needs_pairs = true, .number = number_live,
	  .help = "allocations not freed when the trace ended" },
	{ "live-bytes", "Live_bytes", KM_COL_BYTES, SORTABLE, .needs_pairs = true,
	  .number = number_live_bytes, .help = "their bytes, as allocated" },
	{ "freed", "Freed", KM_COL_COUNT, SORTABLE, .needs_pairs = true, .number = number_freed,
	  .help = "allocations whose free is in the trace" },
	{ "callsites", "Callsites", KM_COL_COUNT, SHOWN, .number = number_callsites,
	  .help = "different call sites" },
	{ "accounted", "Accounted", KM_COL_COUNT, SORTABLE, .number = number_accounted,
	  .help = "hits charged to a memory cgroup" },
	{ "named", "Named_by", KM_COL_TEXT, SORTABLE, .text = text_named,
	  .help = "what the name is from: event (the allocations'), free (inferred: all frees of "
		  "these call sites' objects gave it), size" },
	{ "slab", "Slabinfo", KM_COL_TEXT, SORTABLE, .needs_slabinfo = true, .text = text_slab,
	  .help = "name in slabinfo; empty if it has none, or several of that size" },
	{ "candidates", "Candidates", KM_COL_COUNT, SORTABLE, .needs_slabinfo = true,
	  .number = number_candidates,
	  .help = "caches in slabinfo with objects of that size, where it is not told which" },
	{ "active", "Active", KM_COL_COUNT, SLAB(slab), .is_default = true, .number = number_active,
	  .help = "objects in use, by slabinfo" },
	{ "objs", "Objects", KM_COL_COUNT, SLAB(slab), .is_default = true, .number = number_objs,
	  .help = "objects in all slabs, by slabinfo" },
	{ "slabs", "Slabs", KM_COL_COUNT, SLAB(slab), .number = number_slabs,
	  .help = "slabs, by slabinfo" },
	{ "per-slab", "Per_slab", KM_COL_COUNT, SLAB(slab), .is_default = true,
	  .number = number_per_slab, .help = "objects in a slab" },
	{ "pages", "Pages", KM_COL_COUNT, SLAB(slab), .number = number_pages,
	  .help = "pages of a slab" },
	{ "order", "Order", KM_COL_COUNT, SLAB(slab), .is_default = true, .number = number_order,
	  .help = "page order of a slab" },
	{ "tail", "Tail", KM_COL_BYTES, SLAB(tail), .is_default = true, .number = number_tail,
	  .help = "bytes at the end of a slab, too few for an object" },
	{ "tail-percent", "Tail%", KM_COL_PERCENT, SLAB(tail), .percent = percent_tail,
	  .help = "their share of the slab" },
	{ "tails", "Tails", KM_COL_BYTES, SLAB(tail), .number = number_tails,
	  .help = "such bytes of all slabs, by slabinfo" },
};

static const void *rows_caches(const struct km_report *report, size_t *ret_nr)
{
	*ret_nr = report->nr_caches;
	return report->caches;
}

/* Caches lie in one array, in their order. */
static int compare_caches(const void *a, const void *b)
{
	return ((const char *)a > (const char *)b) - ((const char *)a < (const char *)b);
}

const struct km_listing km_listing_caches = {
	.name = "cache",
	.rows_of = "caches",
	.columns = columns,
	.nr_columns = sizeof(columns) / sizeof(columns[0]),
	.sort = "bytes",
	.rows = rows_caches,
	.row_size = sizeof(struct km_report_cache),
	.compare = compare_caches,
};
