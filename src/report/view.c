/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which rows and columns a table shows, and in which order. */
#include "report/build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SORT_KEYS = 16, DEFAULT_CLASS_SITES = 5 };

struct sort_keys {
	const struct km_column *columns[MAX_SORT_KEYS];
	size_t nr;
};

/* "callsite, bytes, ...": for messages. Malloc'ed; NULL without memory. */
static char *list_keys(bool sortable_only)
{
	size_t nr, size = 0;
	const struct km_column *columns = km_columns(&nr);
	char *list = NULL;
	FILE *stream = open_memstream(&list, &size);
	const char *comma = "";

	if (!stream)
		return NULL;
	for (size_t i = 0; i < nr; i++) {
		if (sortable_only && !columns[i].is_sortable)
			continue;
		fprintf(stream, "%s%s", comma, columns[i].key);
		comma = ", ";
	}
	if (fclose(stream)) {
		free(list);
		return NULL;
	}
	return list;
}

static struct km_error *unknown_key(const char *what, const char *key, size_t len,
				    bool sortable_only)
{
	char *list = list_keys(sortable_only);
	struct km_error *error;

	if (len == 0)
		error = km_error_create(KM_ERR_USAGE, NULL, "empty %s", what);
	else
		error = km_error_create(KM_ERR_USAGE, NULL, "unknown %s \"%.*s\"", what, (int)len,
					key);
	if (list)
		error = km_error_advise(error, "the keys are %s", list);
	free(list);
	return error;
}

/* A column of pairing in a report that has none would be sorted by nothing, and shown empty. */
static struct km_error *check_pairs(const struct km_report *report, const char *what,
				    const struct km_column *column)
{
	if (!column->needs_pairs || report->lives)
		return NULL;
	return km_error_advise(km_error_create(KM_ERR_USAGE, NULL,
					       "%s \"%s\" needs allocations paired with frees",
					       what, column->key),
			       "leave out --no-pairing");
}

static struct km_error *parse_sort(const struct km_report *report, const char *text,
				   struct sort_keys *ret)
{
	for (const char *key = text, *next; key; key = next) {
		size_t len = strcspn(key, ",");
		const struct km_column *column = km_column_find(key, len);
		struct km_error *error;

		next = key[len] ? key + len + 1 : NULL;
		if (!column || !column->is_sortable)
			return unknown_key("sort key", key, len, true);
		error = check_pairs(report, "sort key", column);
		if (error)
			return error;
		if (ret->nr == MAX_SORT_KEYS)
			return km_error_create(KM_ERR_USAGE, NULL, "more than %d sort keys",
					       MAX_SORT_KEYS);
		ret->columns[ret->nr++] = column;
	}
	return NULL;
}

/* Appends a column unless it is there. `view->columns` has room for the whole table. */
static void add_column(struct km_view *view, const struct km_column *column)
{
	for (size_t i = 0; i < view->nr_columns; i++)
		if (view->columns[i] == column)
			return;
	view->columns[view->nr_columns++] = column;
}

static void add_defaults(const struct km_report *report, struct km_view *view)
{
	size_t nr;
	const struct km_column *columns = km_columns(&nr);

	for (size_t i = 0; i < nr; i++)
		if (columns[i].is_default && (report->lives || !columns[i].needs_pairs))
			add_column(view, &columns[i]);
}

static struct km_error *parse_fields(const struct km_report *report, const char *text,
				     struct km_view *view)
{
	if (!text) {
		add_defaults(report, view);
		return NULL;
	}
	view->has_fields = true;
	if (*text == '+')
		add_defaults(report, view);
	for (const char *key = text, *next; key; key = next) {
		size_t len;
		const struct km_column *column;
		struct km_error *error;

		if (*key == '+')
			key++;
		len = strcspn(key, ",");
		next = key[len] ? key + len + 1 : NULL;
		column = km_column_find(key, len);
		if (!column)
			return unknown_key("field", key, len, false);
		error = check_pairs(report, "field", column);
		if (error)
			return error;
		add_column(view, column);
	}
	return NULL;
}

/* Most first; text ascending, what has none last. */
static int compare_column(const struct km_column *column, const struct km_callsite *a,
			  const struct km_callsite *b)
{
	char buf_a[512], buf_b[512];
	const char *text_a, *text_b;

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
	text_a = column->text(a, buf_a, sizeof(buf_a));
	text_b = column->text(b, buf_b, sizeof(buf_b));
	if (!*text_a || !*text_b)
		return !*text_a - !*text_b;
	return strcmp(text_a, text_b);
}

static int compare_rows(const void *a, const void *b, void *arg)
{
	const struct km_callsite *x = *(const struct km_callsite *const *)a;
	const struct km_callsite *y = *(const struct km_callsite *const *)b;
	const struct sort_keys *keys = arg;

	for (size_t i = 0; i < keys->nr; i++) {
		int order = compare_column(keys->columns[i], x, y);

		if (order)
			return order;
	}
	return km_callsite_compare_name(x, y);
}

static void choose_rows(const struct km_report *report, struct sort_keys *keys, size_t max_rows,
			struct km_view *view)
{
	for (size_t i = 0; i < report->nr_callsites; i++)
		view->rows[i] = &report->callsites[i];
	qsort_r(view->rows, report->nr_callsites, sizeof(view->rows[0]), compare_rows, keys);
	view->nr_rows = report->nr_callsites;
	if (max_rows && view->nr_rows > max_rows) {
		view->nr_left_out = view->nr_rows - max_rows;
		view->nr_rows = max_rows;
	}
}

static void choose_live(const struct km_report *report, struct sort_keys *keys, size_t max_rows,
			struct km_view *view)
{
	for (size_t i = 0; report->lives && i < report->nr_callsites; i++)
		if (report->callsites[i].life && report->callsites[i].life->live)
			view->live[view->nr_live++] = &report->callsites[i];
	qsort_r(view->live, view->nr_live, sizeof(view->live[0]), compare_rows, keys);
	if (max_rows && view->nr_live > max_rows) {
		view->nr_live_left_out = view->nr_live - max_rows;
		view->nr_live = max_rows;
	}
}

/* Findings are sorted by severity: those to show are the first. */
static size_t count_findings(const struct km_report *report, const struct km_view_options *options)
{
	size_t nr = 0;

	while (nr < report->nr_findings && report->findings[nr].severity >= options->min_severity)
		nr++;
	return options->max_findings && options->max_findings < nr ? options->max_findings : nr;
}

struct km_error *km_view_create(const struct km_report *report,
				const struct km_view_options *options, struct km_view **ret)
{
	struct sort_keys keys = { 0 }, live_keys = { 0 };
	struct km_view *view = calloc(1, sizeof(*view));
	struct km_error *error;
	size_t nr_columns;

	km_columns(&nr_columns);
	if (!view)
		return &km_error_memory;
	view->nr_findings = count_findings(report, options);
	view->max_class_sites =
		options->max_class_sites ? options->max_class_sites : DEFAULT_CLASS_SITES;
	view->shows = options->shows ? options->shows
				     : KM_SHOWS_ROWS | KM_SHOWS_FINDINGS | KM_SHOWS_CLASSES |
					       KM_SHOWS_LIVE;
	view->rows = calloc(report->nr_callsites + 1, sizeof(view->rows[0]));
	view->live = calloc(report->nr_callsites + 1, sizeof(view->live[0]));
	view->columns = calloc(nr_columns, sizeof(view->columns[0]));
	if (!view->rows || !view->live || !view->columns) {
		km_view_destroy(view);
		return &km_error_memory;
	}
	error = parse_sort(report, options->sort ? options->sort : "waste", &keys);
	if (!error && report->lives)
		error = parse_sort(report, options->sort ? options->sort : "live-bytes",
				   &live_keys);
	if (!error)
		error = parse_fields(report, options->fields, view);
	if (error) {
		km_view_destroy(view);
		return error;
	}
	choose_rows(report, &keys, options->max_rows, view);
	choose_live(report, &live_keys, options->max_rows, view);
	*ret = view;
	return NULL;
}

void km_view_destroy(struct km_view *view)
{
	if (!view)
		return;
	free(view->rows);
	free(view->live);
	free(view->columns);
	free(view);
}
