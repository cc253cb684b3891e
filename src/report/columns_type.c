/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The types that are allocated: rows and columns. */
#include "report/listings.h"
#include "report/types.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare_identity(const struct km_report_type *a, const struct km_report_type *b)
{
	int order = strcmp(a->type->name, b->type->name);

	if (!order)
		order = (a->type->bytes > b->type->bytes) - (a->type->bytes < b->type->bytes);
	return order ? order : (int)a->type->form - (int)b->type->form;
}

/* Those of one type next to each other, the call site with most waste first. */
static int compare_parts(const void *a, const void *b)
{
	const struct km_report_type *x = a, *y = b;
	int order = compare_identity(x, y);

	if (order)
		return order;
	if (x->bytes_waste != y->bytes_waste)
		return x->bytes_waste < y->bytes_waste ? 1 : -1;
	return km_callsite_compare_name(x->callsite, y->callsite);
}

static int compare_types(const void *a, const void *b)
{
	const struct km_report_type *x = a, *y = b;

	if (x->bytes_waste != y->bytes_waste)
		return x->bytes_waste < y->bytes_waste ? 1 : -1;
	return compare_identity(x, y);
}

static void merge(struct km_report_type *into, const struct km_report_type *part)
{
	into->hits = km_sat_add(into->hits, part->hits);
	into->bytes_req = km_sat_add(into->bytes_req, part->bytes_req);
	into->bytes_alloc = km_sat_add(into->bytes_alloc, part->bytes_alloc);
	into->bytes_waste = km_sat_add(into->bytes_waste, part->bytes_waste);
	into->nr_sites++;
}

static struct km_error *advise_all(struct km_report *report)
{
	for (size_t i = 0; i < report->nr_types; i++) {
		struct km_report_type *row = &report->types[i];

		row->advice =
			km_type_advise((struct km_report_own *)report, row->callsite, row->type);
		if (!row->advice)
			return &km_error_memory;
	}
	return NULL;
}

struct km_error *km_report_sum_types(struct km_report *report)
{
	struct km_report_type *rows = calloc(report->nr_callsites + 1, sizeof(*rows));
	size_t nr = 0, kept = 0;

	if (!rows)
		return &km_error_memory;
	for (size_t i = 0; i < report->nr_callsites; i++) {
		const struct km_callsite *site = &report->callsites[i];
		const struct km_type *type = km_callsite_type(site);

		if (type)
			rows[nr++] = (struct km_report_type){
				.type = type,
				.callsite = site,
				.hits = site->hits,
				.bytes_req = site->bytes_req,
				.bytes_alloc = site->bytes_alloc,
				.bytes_waste = site->bytes_waste,
				.nr_sites = 1,
				.size_class = site->size_class,
			};
	}
	if (nr)
		qsort(rows, nr, sizeof(*rows), compare_parts);
	for (size_t i = 0; i < nr; i++) {
		if (kept && !compare_identity(&rows[kept - 1], &rows[i]))
			merge(&rows[kept - 1], &rows[i]);
		else
			rows[kept++] = rows[i];
	}
	if (kept)
		qsort(rows, kept, sizeof(*rows), compare_types);
	free(report->types);
	report->types = rows;
	report->nr_types = kept;
	return advise_all(report);
}

#define NUMBER(column, member)                                                                     \
	static uint64_t number_##column(const void *row)                                           \
	{                                                                                          \
		const struct km_report_type *item = row;                                           \
                                                                                                   \
		return item->member;                                                               \
	}
NUMBER(size, type->bytes)
NUMBER(hit, hits)
NUMBER(bytes, bytes_alloc)
NUMBER(req, bytes_req)
NUMBER(waste, bytes_waste)
NUMBER(callsites, nr_sites)

#define LAYOUT_NUMBER(column, member)                                                              \
	static uint64_t number_##column(const void *row)                                           \
	{                                                                                          \
		const struct km_report_type *item = row;                                           \
                                                                                                   \
		return item->type->layout ? item->type->layout->member : 0;                        \
	}
LAYOUT_NUMBER(holes, nr_holes)
LAYOUT_NUMBER(hole_bytes, bytes_holes)
LAYOUT_NUMBER(padding, bytes_padding)
LAYOUT_NUMBER(packed, bytes_packed)

/* Of one object. */
static uint64_t number_slack(const void *row)
{
	const struct km_report_type *item = row;

	return item->hits ? item->bytes_waste / item->hits : 0;
}

static bool has_layout(const void *row)
{
	const struct km_report_type *item = row;

	return item->type->layout && !item->type->layout->is_cut;
}

static const char *text_type(const void *row, char *buf, size_t size)
{
	const struct km_report_type *item = row;

	return item->type->name;
}

static const char *text_form(const void *row, char *buf, size_t size)
{
	const struct km_report_type *item = row;

	return km_type_form_name(item->type->form);
}

static const char *text_sureness(const void *row, char *buf, size_t size)
{
	const struct km_report_type *item = row;

	return km_sureness_name(item->type->sureness);
}

static const char *text_class(const void *row, char *buf, size_t size)
{
	const struct km_report_type *item = row;

	return item->size_class;
}

static const char *text_callsite(const void *row, char *buf, size_t size)
{
	const struct km_report_type *item = row;

	return item->callsite->name;
}

static const char *text_source(const void *row, char *buf, size_t size)
{
	const struct km_report_type *item = row;

	return km_column_find(&km_listing_callsites, "source", strlen("source"))
		->text(item->callsite, buf, size);
}

#define SHOWN    .is_sortable = true, .is_default = true
#define SORTABLE .is_sortable = true

static const struct km_column columns[] = {
	{ "type", "Type", KM_COL_TEXT, SHOWN, .text = text_type,
	  .help = "structure, or other type" },
	{ "size", "Size", KM_COL_BYTES, SHOWN, .number = number_size, .help = "bytes of the type" },
	{ "form", "Form", KM_COL_TEXT, SHOWN, .text = text_form,
	  .help = "whole: it is what is allocated; flexible: with elements of the array it ends "
		  "in; "
		  "private: with bytes behind it that it says nothing of; array: several of them" },
	{ "class", "Class", KM_COL_TEXT, SHOWN, .text = text_class,
	  .help = "size class that most of the bytes are in" },
	{ "slack", "Slack", KM_COL_BYTES, SHOWN, .number = number_slack,
	  .help = "bytes of an object that were not requested" },
	{ "holes", "Holes", KM_COL_BYTES, SHOWN, .number = number_hole_bytes, .has = has_layout,
	  .help = "unused bytes between its members" },
	{ "padding", "Padding", KM_COL_BYTES, SHOWN, .number = number_padding, .has = has_layout,
	  .help = "unused bytes behind the last" },
	{ "hit", "Hit", KM_COL_COUNT, SHOWN, .number = number_hit, .help = "allocations" },
	{ "waste", "Waste", KM_COL_BYTES, SHOWN, .number = number_waste,
	  .help = "bytes allocated and not requested, in total" },
	{ "source", "File:line", KM_COL_SOURCE, .is_default = true, .text = text_source,
	  .help = "source line of the call that wastes most" },
	{ "callsite", "Callsite", KM_COL_SITE, SORTABLE, .text = text_callsite,
	  .help = "that call: symbol+offset [module]" },
	{ "callsites", "Callsites", KM_COL_COUNT, SORTABLE, .number = number_callsites,
	  .help = "call sites that allocate it" },
	{ "nr-holes", "Nr_holes", KM_COL_COUNT, SORTABLE, .number = number_holes, .has = has_layout,
	  .help = "number of holes" },
	{ "packed", "Packed", KM_COL_BYTES, SORTABLE, .number = number_packed, .has = has_layout,
	  .help = "bytes of the type with its members in the order of their alignment" },
	{ "bytes", "Total_alloc", KM_COL_BYTES, SORTABLE, .number = number_bytes,
	  .help = "bytes allocated" },
	{ "req", "Total_req", KM_COL_BYTES, SORTABLE, .number = number_req,
	  .help = "bytes requested" },
	{ "sure", "Sure", KM_COL_TEXT, SORTABLE, .text = text_sureness,
	  .help = "exact: the function has a pointer to it; only: no other type in reach has that "
		  "size" },
};

static const void *rows_types(const struct km_report *report, size_t *ret_nr)
{
	*ret_nr = report->nr_types;
	return report->types;
}

static const struct km_callsite *callsite_of(const void *row)
{
	const struct km_report_type *item = row;

	return item->callsite;
}

const struct km_listing km_listing_types = {
	.name = "types",
	.is_verb = true,
	.rows_of = "types",
	.columns = columns,
	.nr_columns = sizeof(columns) / sizeof(columns[0]),
	.sort = "waste",
	.rows = rows_types,
	.row_size = sizeof(struct km_report_type),
	.compare = compare_types,
	.callsite = callsite_of,
};
