/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables of models, of their classes, and of call sites in them. */
#include <string.h>

#include "report/listings.h"

/* Each kind of row has a sum: the same columns read it at another place. */
#define SUM_NUMBER(rows, column, member)                                                           \
	static uint64_t rows##_##column(const void *row)                                           \
	{                                                                                          \
		const struct km_model_##rows##row *item = row;                                     \
                                                                                                   \
		return item->sum.member;                                                           \
	}
#define SUM_NUMBERS(rows)                                                                          \
	SUM_NUMBER(rows, hit, hits)                                                                \
	SUM_NUMBER(rows, req, bytes_req)                                                           \
	SUM_NUMBER(rows, recorded, bytes_recorded)                                                 \
	SUM_NUMBER(rows, bytes, bytes_alloc)                                                       \
	SUM_NUMBER(rows, waste, bytes_waste)                                                       \
	static double rows##_frag(const void *row)                                                 \
	{                                                                                          \
		const struct km_model_##rows##row *item = row;                                     \
		const struct km_model_sum *sum = &item->sum;                                       \
                                                                                                   \
		return sum->bytes_alloc                                                            \
			       ? 100 * (double)sum->bytes_waste / (double)sum->bytes_alloc         \
			       : 0;                                                                \
	}                                                                                          \
	static double rows##_change(const void *row)                                               \
	{                                                                                          \
		const struct km_model_##rows##row *item = row;                                     \
                                                                                                   \
		return km_model_change(&item->sum);                                                \
	}                                                                                          \
	static double rows##_percent(const void *row)                                              \
	{                                                                                          \
		const struct km_model_##rows##row *item = row;                                     \
                                                                                                   \
		return km_model_change_percent(&item->sum);                                        \
	}                                                                                          \
	static uint64_t rows##_moved(const void *row)                                              \
	{                                                                                          \
		const struct km_model_##rows##row *item = row;                                     \
		const struct km_model_sum *sum = &item->sum;                                       \
                                                                                                   \
		return sum->bytes_alloc > sum->bytes_recorded                                      \
			       ? sum->bytes_alloc - sum->bytes_recorded                            \
			       : sum->bytes_recorded - sum->bytes_alloc;                           \
	}
SUM_NUMBERS()
SUM_NUMBERS(class_)
SUM_NUMBERS(site_)

static const char *text_model(const void *row, char *buf, size_t size)
{
	const struct km_model_row *item = row;

	return item->name;
}

static const char *text_about(const void *row, char *buf, size_t size)
{
	const struct km_model_row *item = row;

	return item->summary;
}

static bool has_replay(const void *row)
{
	const struct km_model_row *item = row;

	return item->replay != NULL;
}

#define REPLAY_NUMBER(column, member)                                                              \
	static uint64_t number_##column(const void *row)                                           \
	{                                                                                          \
		const struct km_model_row *item = row;                                             \
                                                                                                   \
		return item->replay ? item->replay->member : 0;                                    \
	}
REPLAY_NUMBER(pages, peak_pages)
REPLAY_NUMBER(live, peak_bytes_req)
REPLAY_NUMBER(objects, peak_bytes_object)
REPLAY_NUMBER(end_pages, end_pages)
REPLAY_NUMBER(end_live, end_bytes_req)

static double percent_used(const void *row)
{
	const struct km_model_row *item = row;

	return item->replay ? km_model_used_percent(item) : 0;
}

static const char *text_class_model(const void *row, char *buf, size_t size)
{
	const struct km_model_class_row *item = row;

	return item->row->name;
}

static const char *text_class(const void *row, char *buf, size_t size)
{
	const struct km_model_class_row *item = row;

	return item->name;
}

static const char *text_kind(const void *row, char *buf, size_t size)
{
	const struct km_model_class_row *item = row;

	return km_model_kind_name(item->kind);
}

static uint64_t number_size(const void *row)
{
	const struct km_model_class_row *item = row;

	return item->bytes;
}

static bool has_size(const void *row)
{
	const struct km_model_class_row *item = row;

	return item->bytes != 0;
}

static const char *text_site_model(const void *row, char *buf, size_t size)
{
	const struct km_model_site_row *item = row;

	return item->row->name;
}

static const char *text_callsite(const void *row, char *buf, size_t size)
{
	const struct km_model_site_row *item = row;

	return item->callsite->name;
}

/* Call sites have such columns. */
static const char *text_of_site(const void *row, const char *key, char *buf, size_t size)
{
	const struct km_model_site_row *item = row;

	return km_column_find(&km_listing_callsites, key, strlen(key))
		->text(item->callsite, buf, size);
}

static const char *text_source(const void *row, char *buf, size_t size)
{
	return text_of_site(row, "source", buf, size);
}

static const char *text_module(const void *row, char *buf, size_t size)
{
	return text_of_site(row, "module", buf, size);
}

#define SHOWN    .is_sortable = true, .is_default = true
#define SORTABLE .is_sortable = true
#define REPLAY   .is_sortable = true, .needs_replay = true, .has = has_replay

/* clang-format off */
#define SUM_COLUMNS(rows)                                                                          \
	{ "hit", "Hit", KM_COL_COUNT, SHOWN, .number = rows##_hit,                                 \
	  .help = "allocations by kmalloc" },                                                      \
	{ "req", "Requested", KM_COL_BYTES, SHOWN, .number = rows##_req,                           \
	  .help = "bytes requested" },                                                             \
	{ "recorded", "Recorded", KM_COL_BYTES, SORTABLE, .number = rows##_recorded,               \
	  .help = "bytes allocated, as recorded" },                                                \
	{ "bytes", "Allocated", KM_COL_BYTES, SHOWN, .number = rows##_bytes,                       \
	  .help = "bytes allocated in the model" },                                                \
	{ "waste", "Waste", KM_COL_BYTES, SHOWN, .number = rows##_waste,                           \
	  .help = "of these not requested" },                                                      \
	{ "frag", "Frag", KM_COL_PERCENT, SHOWN, .percent = rows##_frag,                           \
	  .help = "their share" },                                                                 \
	{ "change", "Change", KM_COL_REAL, SHOWN, .real = rows##_change,                           \
	  .help = "bytes more than recorded; below 0 it is less" },                                \
	{ "change-percent", "Change%", KM_COL_PERCENT, SHOWN, .percent = rows##_percent,           \
	  .help = "the same in percent of what was recorded" },                                    \
	{ "moved", "Moved", KM_COL_BYTES, SORTABLE, .number = rows##_moved,                        \
	  .help = "the change without its sign" }
/* clang-format on */

static const struct km_column model_columns[] = {
	{ "model", "Model", KM_COL_TEXT, SHOWN, .text = text_model,
	  .help = "name of the model; recorded: the trace itself" },
	SUM_COLUMNS(),
	{ "pages", "Pages", KM_COL_COUNT, REPLAY, .is_default = true, .number = number_pages,
	  .help = "with --replay: pages of slabs and large allocations when they are most" },
	{ "live", "Live", KM_COL_BYTES, REPLAY, .is_default = true, .number = number_live,
	  .help = "bytes requested by what is live then" },
	{ "objects", "Objects", KM_COL_BYTES, REPLAY, .number = number_objects,
	  .help = "bytes of its objects" },
	{ "used", "Used", KM_COL_PERCENT, REPLAY, .is_default = true, .percent = percent_used,
	  .help = "share of the pages that is live and was requested" },
	{ "end-pages", "End_pages", KM_COL_COUNT, REPLAY, .number = number_end_pages,
	  .help = "pages at the end of the trace" },
	{ "end-live", "End_live", KM_COL_BYTES, REPLAY, .number = number_end_live,
	  .help = "bytes requested by what is live then" },
	{ "about", "About", KM_COL_TEXT, SORTABLE, .text = text_about,
	  .help = "what it is a model of" },
};

static const struct km_column class_columns[] = {
	{ "model", "Model", KM_COL_TEXT, SHOWN, .text = text_class_model,
	  .help = "name of the model" },
	{ "class", "Class", KM_COL_TEXT, SHOWN, .text = text_class,
	  .help = "size of its objects; heap: cut to measure; order-N, N pages: whole pages" },
	{ "size", "Object", KM_COL_BYTES, SORTABLE, .number = number_size, .has = has_size,
	  .help = "bytes of an object; empty for the heap" },
	{ "kind", "Kind", KM_COL_TEXT, SORTABLE, .text = text_kind,
	  .help = "where objects are from: cache, heap, pages" },
	SUM_COLUMNS(class_),
};

static const struct km_column site_columns[] = {
	{ "model", "Model", KM_COL_TEXT, SHOWN, .text = text_site_model,
	  .help = "name of the model" },
	{ "callsite", "Callsite", KM_COL_SITE, SHOWN, .text = text_callsite,
	  .help = "the call site" },
	SUM_COLUMNS(site_),
	{ "module", "Module", KM_COL_TEXT, SORTABLE, .text = text_module,
	  .help = "the module it is in" },
	{ "source", "File:line", KM_COL_SOURCE, SHOWN, .text = text_source,
	  .help = "source line of the call" },
};

static const void *rows_models(const struct km_report *report, size_t *ret_nr)
{
	*ret_nr = report->nr_models;
	return report->models;
}

static const void *rows_classes(const struct km_report *report, size_t *ret_nr)
{
	*ret_nr = report->nr_model_classes;
	return report->model_classes;
}

static const void *rows_sites(const struct km_report *report, size_t *ret_nr)
{
	*ret_nr = report->nr_model_sites;
	return report->model_sites;
}

/* Rows lie in one array, in their order. */
static int compare_places(const void *a, const void *b)
{
	return ((const char *)a > (const char *)b) - ((const char *)a < (const char *)b);
}

static const struct km_callsite *callsite_of(const void *row)
{
	const struct km_model_site_row *item = row;

	return item->callsite;
}

const struct km_listing km_listing_models = {
	.name = "models",
	.rows_of = "models",
	.columns = model_columns,
	.nr_columns = sizeof(model_columns) / sizeof(model_columns[0]),
	.sort = "bytes",
	.rows = rows_models,
	.row_size = sizeof(struct km_model_row),
	.compare = compare_places,
};

const struct km_listing km_listing_model_classes = {
	.name = "model-class",
	.rows_of = "classes",
	.columns = class_columns,
	.nr_columns = sizeof(class_columns) / sizeof(class_columns[0]),
	.sort = "bytes",
	.rows = rows_classes,
	.row_size = sizeof(struct km_model_class_row),
	.compare = compare_places,
};

const struct km_listing km_listing_model_sites = {
	.name = "model-caller",
	.rows_of = "call sites",
	.columns = site_columns,
	.nr_columns = sizeof(site_columns) / sizeof(site_columns[0]),
	.sort = "moved,waste",
	.rows = rows_sites,
	.row_size = sizeof(struct km_model_site_row),
	.compare = compare_places,
	.callsite = callsite_of,
};
