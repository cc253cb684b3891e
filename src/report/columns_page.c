/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables of the page allocator: by caller, and by page frame. */
#include "report/listings.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *text_page(const void *row, char *buf, size_t size)
{
	const struct km_page_row *page = row;

	snprintf(buf, size, "0x%" PRIx64, page->pfn);
	return buf;
}

static const char *text_callsite(const void *row, char *buf, size_t size)
{
	const struct km_page_row *page = row;

	return page->caller ? page->caller->name : "-";
}

static const char *text_migratetype(const void *row, char *buf, size_t size)
{
	const struct km_page_row *page = row;

	return page->migratetype_name;
}

static const char *text_gfp(const void *row, char *buf, size_t size)
{
	const struct km_page_row *page = row;

	return page->gfp;
}

/* Call sites have such columns: of a caller they are the same. */
static const char *text_of_caller(const void *row, const char *key, char *buf, size_t size)
{
	const struct km_page_row *page = row;

	return page->caller ? km_column_find(&km_listing_callsites, key, strlen(key))
				      ->text(page->caller, buf, size)
			    : "";
}

static const char *text_source(const void *row, char *buf, size_t size)
{
	return text_of_caller(row, "source", buf, size);
}

static const char *text_function(const void *row, char *buf, size_t size)
{
	return text_of_caller(row, "function", buf, size);
}

static const char *text_module(const void *row, char *buf, size_t size)
{
	return text_of_caller(row, "module", buf, size);
}

#define PAGE_NUMBER(column, member)                                                                \
	static uint64_t number_##column(const void *row)                                           \
	{                                                                                          \
		const struct km_page_row *page = row;                                              \
                                                                                                   \
		return page->member;                                                               \
	}
PAGE_NUMBER(page, pfn)
PAGE_NUMBER(bytes, bytes)
PAGE_NUMBER(hit, hits)
PAGE_NUMBER(order, order)
PAGE_NUMBER(live, live)
PAGE_NUMBER(live_bytes, bytes_live)
PAGE_NUMBER(freed, freed)
PAGE_NUMBER(replaced, replaced)
PAGE_NUMBER(failed, failed)

#define SHOWN    .is_sortable = true, .is_default = true
#define SORTABLE .is_sortable = true

#define WHO                                                                                        \
	{                                                                                          \
		"callsite", "Callsite", KM_COL_SITE, SHOWN,                                        \
			.text = text_callsite,                                                     \
			.help = "symbol+offset [module] of the call into the page allocator; - "   \
				"without a stack"                                                  \
	}
#define HOW                                                                                         \
	{ "bytes", "Total_alloc",          KM_COL_BYTES,                                            \
	  SHOWN,   .number = number_bytes, .help = "bytes of the pages allocated" },                \
		{ "hit", "Hit", KM_COL_COUNT, SHOWN, .number = number_hit, .help = "allocations" }, \
		{ "order",                                                                          \
		  "Order",                                                                          \
		  KM_COL_COUNT,                                                                     \
		  SHOWN,                                                                            \
		  .number = number_order,                                                           \
		  .help = "2^order pages each" },                                                   \
		{ "migtype",                                                                        \
		  "Mig.type",                                                                       \
		  KM_COL_TEXT,                                                                      \
		  SHOWN,                                                                            \
		  .text = text_migratetype,                                                         \
		  .help = "migrate type, by the traced kernel's order of them" },                   \
	{                                                                                           \
		"gfp", "GFP_flags", KM_COL_TEXT, SHOWN,                                             \
			.text = text_gfp,                                                           \
			.help = "allocation flags, by the names of the trace's own format"          \
	}
#define WHERE                                                                                      \
	{ "source",                                                                                \
	  "File:line",                                                                             \
	  KM_COL_SOURCE,                                                                           \
	  .is_default = true,                                                                      \
	  .text = text_source,                                                                     \
	  .help = "source line of the call (needs debug information)" },                           \
		{ "function", "Function", KM_COL_TEXT, .text = text_function,                      \
		  .help = "function at that line, which may be inlined into the symbol" },         \
	{                                                                                          \
		"module", "Module", KM_COL_TEXT, SORTABLE,                                         \
			.text = text_module,                                                       \
			.help = "module of the call site; empty for the kernel itself"             \
	}

static const struct km_column caller_columns[] = {
	WHO,
	HOW,
	{ "live-bytes", "Live_bytes", KM_COL_BYTES, SHOWN, .number = number_live_bytes,
	  .help = "bytes of the pages not freed when the trace ended" },
	{ "live", "Live", KM_COL_COUNT, SORTABLE, .number = number_live,
	  .help = "allocations of which a page was not freed when the trace ended" },
	{ "freed", "Freed", KM_COL_COUNT, SORTABLE, .number = number_freed,
	  .help = "allocations whose pages were all freed" },
	{ "replaced", "Replaced", KM_COL_COUNT, SORTABLE, .number = number_replaced,
	  .help = "allocations whose pages were allocated again without a free between" },
	{ "failed", "Failed", KM_COL_COUNT, SORTABLE, .number = number_failed,
	  .help = "allocations that failed: not in hit and bytes" },
	WHERE,
};

static const struct km_column frame_columns[] = {
	{ "page", "PFN", KM_COL_TEXT, SHOWN, .text = text_page, .number = number_page,
	  .help = "number of the first page frame; of kernels before 3.19, which do not tell, the "
		  "address of its struct page" },
	HOW,
	WHO,
	{ "live-bytes", "Live_bytes", KM_COL_BYTES, SHOWN, .number = number_live_bytes,
	  .help = "bytes of the pages not freed when the trace ended" },
	WHERE,
};

static const void *rows_callers(const struct km_report *report, size_t *ret_nr)
{
	*ret_nr = report->pages ? report->pages->nr_rows : 0;
	return report->pages ? report->pages->rows : NULL;
}

static const void *rows_frames(const struct km_report *report, size_t *ret_nr)
{
	*ret_nr = report->pages ? report->pages->nr_frames : 0;
	return report->pages ? report->pages->frames : NULL;
}

static const struct km_callsite *callsite_of(const void *row)
{
	const struct km_page_row *page = row;

	return page->caller;
}

static bool is_live(const void *row)
{
	return number_live_bytes(row) != 0;
}

const struct km_listing km_listing_pages = {
	.name = "page",
	.rows_of = "rows",
	.columns = caller_columns,
	.nr_columns = sizeof(caller_columns) / sizeof(caller_columns[0]),
	.sort = "bytes,hit",
	.rows = rows_callers,
	.row_size = sizeof(struct km_page_row),
	.is_live = is_live,
	.compare = km_page_row_compare,
	.callsite = callsite_of,
};

const struct km_listing km_listing_frames = {
	.name = "page-frame",
	.rows_of = "page frames",
	.columns = frame_columns,
	.nr_columns = sizeof(frame_columns) / sizeof(frame_columns[0]),
	.sort = "bytes,hit",
	.rows = rows_frames,
	.row_size = sizeof(struct km_page_row),
	.is_live = is_live,
	.compare = km_page_row_compare,
	.callsite = callsite_of,
};
