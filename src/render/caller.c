/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The call-site table, with perf kmem's columns. */
#include "render/life.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum km_cut cut_of(const struct km_column *column)
{
	if (column->type != KM_COL_TEXT)
		return KM_CUT_NEVER;
	if (strcmp(column->key, "source") == 0)
		return KM_CUT_HEAD;
	return strcmp(column->key, "callsite") == 0 ? KM_CUT_SITE : KM_CUT_TAIL;
}

static uint64_t per_hit(const struct km_column *column, const struct km_callsite *site)
{
	return site->hits ? column->number(site) / site->hits : 0;
}

/* Digits of the widest number behind a slash: it is padded, so that the slashes line up. */
static int per_width(const struct km_view *view, const struct km_column *column)
{
	int widest = 0;

	for (size_t i = 0; column->has_per && i < view->nr_rows; i++) {
		int width = snprintf(NULL, 0, "%" PRIu64, per_hit(column, view->rows[i]));

		if (width > widest)
			widest = width;
	}
	return widest;
}

static void add_cell(struct km_table *table, const struct km_report *report,
		     const struct km_column *column, int width, const struct km_callsite *site,
		     const struct km_render_options *options)
{
	char buf[KM_SOURCE_SIZE];

	if (column->has && !column->has(site))
		km_table_add(table, "");
	else if (strcmp(column->key, "callsite") == 0)
		km_table_add(table, km_callsite_text(site, options, buf));
	else if (column->type == KM_COL_TEXT)
		km_table_add(table, column->text(site, buf, sizeof(buf)));
	else if (column->type == KM_COL_PERCENT)
		km_table_addf(table, "%.1f%%", column->percent(site));
	else if (column->type == KM_COL_NS)
		km_table_add(table, km_duration_text(report, column->number(site), buf));
	else if (column->type == KM_COL_REAL)
		km_table_addf(table, "%.0f", column->real(site));
	else if (column->has_per)
		km_table_addf(table, "%" PRIu64 "/%-*" PRIu64, column->number(site), width,
			      per_hit(column, site));
	else
		km_table_addf(table, "%" PRIu64, column->number(site));
}

struct km_error *km_render_caller(const struct km_report *report,
				  const struct km_render_options *options, struct km_out *out)
{
	const struct km_view *view = options->view;
	struct km_table_column *columns = calloc(view->nr_columns + 1, sizeof(*columns));
	int *widths = calloc(view->nr_columns + 1, sizeof(*widths));
	struct km_table table;
	struct km_error *error;

	if (!columns || !widths) {
		free(columns);
		free(widths);
		return &km_error_memory;
	}
	for (size_t i = 0; i < view->nr_columns; i++) {
		widths[i] = per_width(view, view->columns[i]);
		columns[i] = (struct km_table_column){
			.header = view->columns[i]->header,
			.is_number = view->columns[i]->type != KM_COL_TEXT,
			/* without debug information it would be an empty column */
			.drops = !view->has_fields && cut_of(view->columns[i]) == KM_CUT_HEAD,
			/* what the others tell of waste comes first */
			.yields = !view->has_fields && view->columns[i]->needs_pairs,
			.moves = cut_of(view->columns[i]) == KM_CUT_HEAD,
			.cut = cut_of(view->columns[i]),
		};
	}
	km_table_init(&table, columns, view->nr_columns);
	for (size_t i = 0; i < view->nr_rows; i++)
		for (size_t j = 0; j < view->nr_columns; j++)
			add_cell(&table, report, view->columns[j], widths[j], view->rows[i],
				 options);
	error = km_table_write(&table, options, 0, out);
	km_table_deinit(&table);
	free(columns);
	free(widths);
	if (error)
		return error;
	if (view->nr_left_out)
		km_out_printf(out, "%zu more call sites: --lines 0 shows all\n", view->nr_left_out);
	km_out_puts(out, "\n");
	km_render_totals(report, options, out);
	return NULL;
}
