/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The columns of pointers, with perf kmem's of --alloc. */
#include "report/listings.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NUMBER(column, member)                                                                     \
	static uint64_t number_##column(const void *row)                                           \
	{                                                                                          \
		const struct km_report_ptr *item = row;                                            \
                                                                                                   \
		return item->member;                                                               \
	}
NUMBER(ptr, ptr)
NUMBER(hit, hits)
NUMBER(bytes, bytes_alloc)
NUMBER(req, bytes_req)
NUMBER(waste, bytes_waste)
NUMBER(pingpong, pingpong)
NUMBER(live, is_live)

static double percent_frag(const void *row)
{
	const struct km_report_ptr *item = row;

	return item->bytes_alloc ? 100.0 * (double)item->bytes_waste / (double)item->bytes_alloc
				 : 0.0;
}

static const char *text_ptr(const void *row, char *buf, size_t size)
{
	const struct km_report_ptr *item = row;

	snprintf(buf, size, "0x%" PRIx64, item->ptr);
	return buf;
}

/* The call site of the last allocation; NULL if a filter of call sites left it out since. */
static const struct km_callsite *callsite_last(const void *row)
{
	const struct km_report_ptr *item = row;

	return item->callsite;
}

static const char *text_callsite(const void *row, char *buf, size_t size)
{
	const struct km_report_ptr *item = row;

	return item->callsite ? item->callsite->name : "";
}

/* The call site's own column, of a row that is none. */
static const char *text_source(const void *row, char *buf, size_t size)
{
	const struct km_report_ptr *item = row;
	const struct km_column *column =
		km_column_find(&km_listing_callsites, "source", strlen("source"));

	return item->callsite ? column->text(item->callsite, buf, size) : "";
}

#define SHOWN    .is_sortable = true, .is_default = true
#define SORTABLE .is_sortable = true

static const struct km_column columns[] = {
	{ "ptr", "Alloc Ptr", KM_COL_TEXT, SHOWN, .text = text_ptr, .number = number_ptr,
	  .help = "address that was allocated" },
	{ "bytes", "Total_alloc/Per", KM_COL_BYTES, SHOWN, .number = number_bytes,
	  .per = number_hit, .help = "bytes allocated there, in total and per hit" },
	{ "req", "Total_req/Per", KM_COL_BYTES, SHOWN, .number = number_req, .per = number_hit,
	  .help = "bytes requested there, in total and per hit" },
	{ "hit", "Hit", KM_COL_COUNT, SHOWN, .number = number_hit,
	  .help = "how often it was allocated" },
	{ "pingpong", "Ping-pong", KM_COL_COUNT, SHOWN, .needs_pairs = true,
	  .number = number_pingpong,
	  .help = "how often it was freed on another CPU than allocated" },
	{ "frag", "Frag", KM_COL_PERCENT, SHOWN, .percent = percent_frag,
	  .help = "internal fragmentation: share of the allocated bytes that nobody asked for" },
	{ "waste", "Waste", KM_COL_BYTES, SORTABLE, .number = number_waste,
	  .help = "bytes allocated and not requested" },
	{ "live", "Live", KM_COL_COUNT, SORTABLE, .needs_pairs = true, .number = number_live,
	  .help = "1 if it was not freed before the trace ended, else 0" },
	{ "callsite", "Callsite", KM_COL_SITE, SHOWN, .text = text_callsite,
	  .help = "call site of the last allocation: symbol+offset [module], or its address" },
	{ "source", "File:line", KM_COL_SOURCE, .text = text_source,
	  .help = "its source line (needs debug information)" },
};

static const void *rows_ptrs(const struct km_report *report, size_t *ret_nr)
{
	*ret_nr = report->nr_ptrs;
	return report->ptrs;
}

static int compare_ptrs(const void *a, const void *b)
{
	const struct km_report_ptr *x = a, *y = b;

	return (x->ptr > y->ptr) - (x->ptr < y->ptr);
}

const struct km_listing km_listing_ptrs = {
	.name = "alloc",
	.rows_of = "pointers",
	.columns = columns,
	.nr_columns = sizeof(columns) / sizeof(columns[0]),
	.sort = "bytes",
	.rows = rows_ptrs,
	.row_size = sizeof(struct km_report_ptr),
	.compare = compare_ptrs,
	.callsite = callsite_last,
};
