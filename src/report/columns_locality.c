/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The columns of --locality: where the objects of a call site lie. */
#include "report/listings.h"

#include <inttypes.h>
#include <stdio.h>

static const struct km_locality *locality_of(const void *row)
{
	return ((const struct km_callsite *)row)->locality;
}

#define NUMBER(column, member)                                                                     \
	static uint64_t number_##column(const void *row)                                           \
	{                                                                                          \
		return locality_of(row)->member;                                                   \
	}
NUMBER(objects, objects)
NUMBER(bytes, bytes_alloc)
NUMBER(pages, pages)
NUMBER(least_pages, least_pages)
NUMBER(lines, lines)
NUMBER(least_lines, least_lines)

static const char *text_busiest(const void *row, char *buf, size_t size)
{
	const struct km_class_site *busiest = ((const struct km_callsite *)row)->busiest;

	return busiest ? busiest->callsite->name : "";
}

static uint64_t number_crowd(const void *row)
{
	return ((const struct km_callsite *)row)->crowd;
}

static double real_spread(const void *row)
{
	const struct km_locality *locality = locality_of(row);

	return locality->least_pages ? (double)locality->pages / (double)locality->least_pages : 0;
}

static double percent_neighbours(const void *row)
{
	const struct km_locality *locality = locality_of(row);

	return locality->pairs ? 100.0 * (double)locality->neighbours / (double)locality->pairs : 0;
}

static bool has_pairs(const void *row)
{
	return locality_of(row)->pairs != 0;
}

#define SHOWN .is_sortable = true, .is_default = true

static const struct km_column columns[] = {
	{ "callsite", "Callsite", KM_COL_SITE, SHOWN, .text = km_callsite_row_name,
	  .help = "symbol+offset [module] of the call, or its address" },
	{ "objects", "Objects", KM_COL_COUNT, SHOWN, .number = number_objects,
	  .help = "objects live when the call site had most bytes live: what pages and lines are "
		  "told of" },
	{ "bytes", "Live_alloc", KM_COL_BYTES, SHOWN, .number = number_bytes,
	  .help = "their bytes, as allocated" },
	{ "pages", "Pages", KM_COL_COUNT, SHOWN, .number = number_pages,
	  .help = "pages that they lie on" },
	{ "least-pages", "Least", KM_COL_COUNT, SHOWN, .number = number_least_pages,
	  .help = "pages that they would fill side by side, as allocated" },
	{ "spread", "Spread", KM_COL_REAL, SHOWN, .real = real_spread, .decimals = 1,
	  .help = "pages / least pages" },
	{ "lines", "Lines", KM_COL_COUNT, SHOWN, .number = number_lines,
	  .help = "cache lines of 64 bytes that their requested bytes lie in" },
	{ "least-lines", "Least_lines", KM_COL_COUNT, .is_sortable = true,
	  .number = number_least_lines,
	  .help = "cache lines that their requested bytes would fill side by side" },
	{ "neighbours", "Neighbours", KM_COL_PERCENT, SHOWN, .percent = percent_neighbours,
	  .has = has_pairs,
	  .help = "of the allocations that followed another of the call site on the same CPU, "
		  "those right beside it" },
	{ "class", "Class", KM_COL_TEXT, SHOWN, .text = km_callsite_row_class,
	  .help = "size class that most of the call site's bytes are in" },
	{ "crowd", "Crowd", KM_COL_COUNT, SHOWN, .number = number_crowd,
	  .help = "call sites that allocate from that class, this one included" },
	{ "busiest", "Busiest_beside", KM_COL_TEXT, .is_sortable = true, .text = text_busiest,
	  .help = "of the others in the class the call site with most hits" },
	{ "source", "File:line", KM_COL_SOURCE, .is_default = true, .text = km_callsite_row_source,
	  .help = "source line of the call (needs debug information)" },
};

static bool is_listed(const void *row)
{
	return locality_of(row) != NULL;
}

const struct km_listing km_listing_locality = {
	.name = "locality",
	.rows_of = "call sites",
	.columns = columns,
	.nr_columns = sizeof(columns) / sizeof(columns[0]),
	.sort = "pages",
	.rows = km_callsite_rows,
	.row_size = sizeof(struct km_callsite),
	.is_listed = is_listed,
	.compare = km_callsite_row_compare,
	.callsite = km_callsite_row_itself,
};
