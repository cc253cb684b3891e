/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which rows and columns a table shows, and in which order. */
#include "report/listings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memstream.h"

enum { MAX_SORT_KEYS = 16, DEFAULT_CLASS_SITES = 5 };

static const struct km_listing *const listings[KM_NR_LISTINGS] = {
	[KM_LIST_CALLSITES] = &km_listing_callsites,
	[KM_LIST_LIVE] = &km_listing_live,
	[KM_LIST_CACHES] = &km_listing_caches,
	[KM_LIST_TASKS] = &km_listing_tasks,
	[KM_LIST_PTRS] = &km_listing_ptrs,
	[KM_LIST_PAGES] = &km_listing_pages,
	[KM_LIST_FRAMES] = &km_listing_frames,
	[KM_LIST_PERCPU] = &km_listing_percpu,
	[KM_LIST_MODELS] = &km_listing_models,
	[KM_LIST_MODEL_CLASSES] = &km_listing_model_classes,
	[KM_LIST_MODEL_SITES] = &km_listing_model_sites,
	[KM_LIST_LOCALITY] = &km_listing_locality,
	[KM_LIST_OWN_CACHE] = &km_listing_own_cache,
	[KM_LIST_TYPES] = &km_listing_types,
	[KM_LIST_PERCPU_REPLAY] = &km_listing_percpu_replay,
};

const struct km_listing *km_listing(enum km_listing_id id)
{
	return listings[id];
}

const struct km_listing *km_listing_find(const char *name)
{
	for (size_t i = 0; i < KM_NR_LISTINGS; i++)
		if (strcmp(listings[i]->name, name) == 0)
			return listings[i];
	return NULL;
}

const struct km_column *km_column_find(const struct km_listing *listing, const char *key,
				       size_t len)
{
	for (size_t i = 0; i < listing->nr_columns; i++)
		if (strlen(listing->columns[i].key) == len &&
		    memcmp(listing->columns[i].key, key, len) == 0)
			return &listing->columns[i];
	return NULL;
}

bool km_column_is_there(const struct km_report *report, const struct km_column *column)
{
	return (report->lives || !column->needs_pairs) &&
	       (report->slabinfo || !column->needs_slabinfo) &&
	       (report->has_replay || !column->needs_replay) && (report->per || !column->needs_per);
}

struct sort_keys {
	const struct km_listing *listing;
	const struct km_column *columns[MAX_SORT_KEYS];
	size_t nr;
};

/* "callsite, bytes, ...": for messages. Malloc'ed; NULL without memory. */
static char *list_keys(const struct km_listing *listing, bool sortable_only)
{
	size_t size = 0;
	char *list = NULL;
	FILE *stream = open_memstream(&list, &size);
	const char *comma = "";

	if (!stream)
		return NULL;
	for (size_t i = 0; i < listing->nr_columns; i++) {
		if (sortable_only && !listing->columns[i].is_sortable)
			continue;
		fprintf(stream, "%s%s", comma, listing->columns[i].key);
		comma = ", ";
	}
	km_memstream_close(stream, &list);
	return list;
}

static struct km_error *unknown_key(const struct km_listing *listing, const char *what,
				    const char *key, size_t len, bool sortable_only)
{
	char *list = list_keys(listing, sortable_only);
	struct km_error *error;

	if (len == 0)
		error = km_error_create(KM_ERR_USAGE, NULL, "empty %s", what);
	else
		error = km_error_create(KM_ERR_USAGE, NULL, "unknown %s \"%.*s\" of %s%s", what,
					(int)len, key, listing->is_verb ? "" : "--", listing->name);
	if (list)
		error = km_error_advise(error, "the keys are %s", list);
	free(list);
	return error;
}

/* A column of what the report does not have would be sorted by nothing, and shown empty. */
static struct km_error *check_needs(const struct km_report *report, const char *what,
				    const struct km_column *column)
{
	if (km_column_is_there(report, column))
		return NULL;
	if (column->needs_per && !report->per)
		return km_error_advise(km_error_create(KM_ERR_USAGE, NULL,
						       "%s \"%s\" needs a number of units", what,
						       column->key),
				       "give --per N");
	if (column->needs_replay)
		return km_error_advise(km_error_create(KM_ERR_USAGE, NULL,
						       "%s \"%s\" needs a replay", what,
						       column->key),
				       "give --replay");
	if (column->needs_slabinfo)
		return km_error_advise(km_error_create(KM_ERR_USAGE, NULL,
						       "%s \"%s\" needs slabinfo", what,
						       column->key),
				       "give --slabinfo FILE, or use a trace of kmemstat record");
	return km_error_advise(km_error_create(KM_ERR_USAGE, NULL,
					       "%s \"%s\" needs allocations paired with frees",
					       what, column->key),
			       "leave out --no-pairing");
}

/* Of a listing's own keys those of columns that are not there are passed over. */
static struct km_error *parse_sort(const struct km_report *report, const char *asked,
				   struct sort_keys *ret)
{
	const char *text = asked ? asked : ret->listing->sort;

	for (const char *key = text, *next; key; key = next) {
		size_t len = strcspn(key, ",");
		const struct km_column *column = km_column_find(ret->listing, key, len);
		struct km_error *error;

		next = key[len] ? key + len + 1 : NULL;
		if (!column || !column->is_sortable)
			return unknown_key(ret->listing, "sort key", key, len, true);
		if (!asked && !km_column_is_there(report, column))
			continue;
		error = check_needs(report, "sort key", column);
		if (error)
			return error;
		if (ret->nr == MAX_SORT_KEYS)
			return km_error_create(KM_ERR_USAGE, NULL, "more than %d sort keys",
					       MAX_SORT_KEYS);
		ret->columns[ret->nr++] = column;
	}
	return NULL;
}

/* Appends a column unless it is there. `list->columns` has room for all of the listing. */
static void add_column(struct km_list *list, const struct km_column *column)
{
	for (size_t i = 0; i < list->nr_columns; i++)
		if (list->columns[i] == column)
			return;
	list->columns[list->nr_columns++] = column;
}

/* Appends the columns of a list of keys; a key may begin with "+". */
static struct km_error *add_keys(const struct km_report *report, const char *keys,
				 struct km_list *list)
{
	for (const char *key = keys, *next; key; key = next) {
		size_t len;
		const struct km_column *column;
		struct km_error *error;

		if (*key == '+')
			key++;
		len = strcspn(key, ",");
		next = key[len] ? key + len + 1 : NULL;
		column = km_column_find(list->listing, key, len);
		if (!column)
			return unknown_key(list->listing, "field", key, len, false);
		error = check_needs(report, "field", column);
		if (error)
			return error;
		add_column(list, column);
	}
	return NULL;
}

static struct km_error *add_defaults(const struct km_report *report, struct km_list *list)
{
	const struct km_listing *listing = list->listing;

	if (listing->fields)
		return add_keys(report, listing->fields, list);
	for (size_t i = 0; i < listing->nr_columns; i++)
		if (listing->columns[i].is_default &&
		    km_column_is_there(report, &listing->columns[i]))
			add_column(list, &listing->columns[i]);
	return NULL;
}

static struct km_error *parse_fields(const struct km_report *report, const char *text,
				     struct km_list *list)
{
	struct km_error *error = NULL;

	list->has_fields = text != NULL;
	if (!text || *text == '+')
		error = add_defaults(report, list);
	return error || !text ? error : add_keys(report, text, list);
}

static int compare_texts(const struct km_column *column, const void *a, const void *b)
{
	char buf_a[512], buf_b[512];
	const char *text_a = column->text(a, buf_a, sizeof(buf_a));
	const char *text_b = column->text(b, buf_b, sizeof(buf_b));

	if (!*text_a || !*text_b)
		return !*text_a - !*text_b;
	return strcmp(text_a, text_b);
}

/* Most first; text ascending, what has none last. */
static int compare_column(const struct km_column *column, const void *a, const void *b)
{
	if (column->has && column->has(a) != column->has(b))
		return column->has(a) ? -1 : 1;
	if (column->number) {
		uint64_t x = column->number(a), y = column->number(b);

		return (x < y) - (x > y);
	}
	if (column->percent || column->real) {
		double x = column->percent ? column->percent(a) : column->real(a);
		double y = column->percent ? column->percent(b) : column->real(b);

		return (x < y) - (x > y);
	}
	return compare_texts(column, a, b);
}

static int compare_rows(const void *a, const void *b, void *arg)
{
	const void *x = *(const void *const *)a, *y = *(const void *const *)b;
	const struct sort_keys *keys = arg;

	for (size_t i = 0; i < keys->nr; i++) {
		int order = compare_column(keys->columns[i], x, y);

		if (order)
			return order;
	}
	return keys->listing->compare(x, y);
}

static bool is_chosen(const struct km_listing *listing, const struct km_view_options *options,
		      const void *row)
{
	if (listing->is_listed && !listing->is_listed(row))
		return false;
	return !options->only_live || !listing->is_live || listing->is_live(row);
}

static struct km_error *choose_rows(const struct km_report *report,
				    const struct km_view_options *options, struct sort_keys *keys,
				    struct km_list *list)
{
	const size_t max_rows = options->max_rows;
	const struct km_listing *listing = list->listing;
	size_t nr;
	const char *row = listing->rows(report, &nr);

	list->rows = calloc(nr + 1, sizeof(list->rows[0]));
	if (!list->rows)
		return &km_error_memory;
	for (size_t i = 0; i < nr; i++, row += listing->row_size)
		if (is_chosen(listing, options, row))
			list->rows[list->nr_rows++] = row;
	qsort_r(list->rows, list->nr_rows, sizeof(list->rows[0]), compare_rows, keys);
	if (max_rows && list->nr_rows > max_rows) {
		list->nr_left_out = list->nr_rows - max_rows;
		list->nr_rows = max_rows;
	}
	return NULL;
}

static struct km_error *make_list(const struct km_report *report,
				  const struct km_view_options *options,
				  const struct km_listing *listing, struct km_list *list)
{
	struct sort_keys keys = { .listing = listing };
	struct km_error *error;

	list->listing = listing;
	list->columns = calloc(listing->nr_columns, sizeof(list->columns[0]));
	if (!list->columns)
		return &km_error_memory;
	error = parse_sort(report, options->sort, &keys);
	if (!error)
		error = parse_fields(report, options->fields, list);
	return error ? error : choose_rows(report, options, &keys, list);
}

/* How many of `most` findings from `first` on, sorted by severity, are to be shown. */
static size_t count_findings(const struct km_report *report, size_t first, size_t most,
			     const struct km_view_options *options)
{
	size_t nr = 0;

	while (nr < most && report->findings[first + nr].severity >= options->min_severity)
		nr++;
	return options->max_findings && options->max_findings < nr ? options->max_findings : nr;
}

struct km_error *km_view_create(const struct km_report *report,
				const struct km_view_options *options, struct km_view **ret)
{
	const size_t nr_open = report->nr_findings - report->nr_suppressed;
	struct km_view *view = calloc(1, sizeof(*view));
	struct km_error *error = NULL;

	if (!view)
		return &km_error_memory;
	view->nr_findings = count_findings(report, 0, nr_open, options);
	view->nr_suppressed = count_findings(report, nr_open, report->nr_suppressed, options);
	view->max_class_sites =
		options->max_class_sites ? options->max_class_sites : DEFAULT_CLASS_SITES;
	view->shows = options->shows ? options->shows
				     : KM_SHOWS_FINDINGS | KM_SHOWS_CLASSES |
					       KM_SHOWS_LIST(KM_LIST_CALLSITES);
	for (size_t i = 0; !error && i < KM_NR_LISTINGS; i++)
		if (view->shows & KM_SHOWS_LIST(i))
			error = make_list(report, options, listings[i], &view->lists[i]);
	if (error) {
		km_view_destroy(view);
		return error;
	}
	*ret = view;
	return NULL;
}

void km_view_destroy(struct km_view *view)
{
	if (!view)
		return;
	for (size_t i = 0; i < KM_NR_LISTINGS; i++) {
		free(view->lists[i].rows);
		free(view->lists[i].columns);
	}
	free(view);
}
