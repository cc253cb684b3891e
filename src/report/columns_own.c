/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The columns of --own-cache: what a cache of their own would do for the objects of a call site. */
#include "report/listings.h"

#include <stdio.h>
#include <stdlib.h>

static int compare_key(const void *key, const void *item)
{
	const struct km_callsite *site = key;
	const struct km_own_cache *own = item;

	return (site->traced > own->call_site) - (site->traced < own->call_site);
}

void km_report_take_own_caches(struct km_report *report, const struct km_own_caches *caches)
{
	if (!caches)
		return;
	report->own_caches = caches;
	for (size_t i = 0; i < report->nr_callsites; i++) {
		struct km_callsite *site = &report->callsites[i];

		if (km_callsite_family(site) == KM_FAMILY_KMALLOC)
			site->own_cache = bsearch(site, caches->items, caches->nr,
						  sizeof(*caches->items), compare_key);
	}
}

static const struct km_own_cache *own_of(const void *row)
{
	return ((const struct km_callsite *)row)->own_cache;
}

#define NUMBER(column, member)                                                                     \
	static uint64_t number_##column(const void *row)                                           \
	{                                                                                          \
		return own_of(row)->member;                                                        \
	}
NUMBER(objects, objects)
NUMBER(size, bytes_req)
NUMBER(alloc, bytes_alloc)
NUMBER(object, object_bytes)
NUMBER(per_slab, slab.objects)
NUMBER(order, order)
NUMBER(tail, tail_bytes)
NUMBER(class_pages, class_pages)
NUMBER(own_pages, own_pages)

static double real_saved(const void *row)
{
	return (double)km_own_saved(own_of(row));
}

static double percent_size(const void *row)
{
	const struct km_own_cache *own = own_of(row);

	return own->hits ? 100.0 * (double)own->size_hits / (double)own->hits : 0;
}

static const char *text_class(const void *row, char *buf, size_t size)
{
	const struct km_own_cache *own = own_of(row);

	km_class_name(own->bytes_alloc, own->page_size, buf, size);
	return buf;
}

#define SHOWN .is_sortable = true, .is_default = true

static const struct km_column columns[] = {
	{ "callsite", "Callsite", KM_COL_SITE, SHOWN, .text = km_callsite_row_name,
	  .help = "symbol+offset [module] of the call, or its address" },
	{ "objects", "Objects", KM_COL_COUNT, SHOWN, .number = number_objects,
	  .help = "objects of the size live when most were: what pages are told of" },
	{ "size", "Size", KM_COL_BYTES, SHOWN, .number = number_size,
	  .help = "bytes requested for one: the size of at least 90% of its allocations" },
	{ "share", "Share", KM_COL_PERCENT, .is_sortable = true, .percent = percent_size,
	  .help = "of the call site's allocations, those of that size" },
	{ "class", "Class", KM_COL_TEXT, SHOWN, .text = text_class, .number = number_alloc,
	  .help = "size class that they are in" },
	{ "class-pages", "Class_pages", KM_COL_COUNT, SHOWN, .number = number_class_pages,
	  .help = "pages that the class would not have without them" },
	{ "own-pages", "Own_pages", KM_COL_COUNT, SHOWN, .number = number_own_pages,
	  .help = "pages that a cache of their own would have" },
	{ "saved", "Saved", KM_COL_REAL, SHOWN, .real = real_saved,
	  .help = "bytes that it would save; negative: cost" },
	{ "object", "Object", KM_COL_BYTES, .is_sortable = true, .number = number_object,
	  .help = "bytes of an object in it: the size, to a multiple of a word" },
	{ "per-slab", "Per_slab", KM_COL_COUNT, SHOWN, .number = number_per_slab,
	  .help = "objects in a slab of it" },
	{ "order", "Order", KM_COL_COUNT, SHOWN, .number = number_order,
	  .help = "page order of its slabs" },
	{ "tail", "Tail", KM_COL_BYTES, SHOWN, .number = number_tail,
	  .help = "bytes at the end of a slab, too few for another object" },
	{ "source", "File:line", KM_COL_SOURCE, .is_default = true, .text = km_callsite_row_source,
	  .help = "source line of the call (needs debug information)" },
};

static bool is_listed(const void *row)
{
	return own_of(row) != NULL;
}

const struct km_listing km_listing_own_cache = {
	.name = "own-cache",
	.rows_of = "call sites",
	.columns = columns,
	.nr_columns = sizeof(columns) / sizeof(columns[0]),
	.sort = "saved",
	.rows = km_callsite_rows,
	.row_size = sizeof(struct km_callsite),
	.is_listed = is_listed,
	.compare = km_callsite_row_compare,
	.callsite = km_callsite_row_itself,
};
