/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables of a view, each of a listing; that of call sites has perf kmem's columns. */
#include "render/life.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_text(const struct km_column *column)
{
	return column->text != NULL;
}

static enum km_cut cut_of(const struct km_column *column)
{
	switch (column->type) {
	case KM_COL_SOURCE:
		return KM_CUT_HEAD;
	case KM_COL_SITE:
		return KM_CUT_SITE;
	case KM_COL_TEXT:
		return KM_CUT_TAIL;
	default:
		return KM_CUT_NEVER;
	}
}

static uint64_t per_one(const struct km_column *column, const void *row)
{
	uint64_t nr = column->per(row);

	return nr ? column->number(row) / nr : 0;
}

/* Digits of the widest number behind a slash: it is padded, so that the slashes line up. */
static int per_width(const struct km_list *list, const struct km_column *column)
{
	int widest = 0;

	for (size_t i = 0; column->per && i < list->nr_rows; i++) {
		int width = snprintf(NULL, 0, "%" PRIu64, per_one(column, list->rows[i]));

		if (width > widest)
			widest = width;
	}
	return widest;
}

const char *km_cell_text(const struct km_list *list, const struct km_column *column,
			 const void *row, const struct km_render_options *options,
			 char buf[static KM_SOURCE_SIZE])
{
	const struct km_callsite *site =
		column->type == KM_COL_SITE ? list->listing->callsite(row) : NULL;

	return site ? km_callsite_text(site, options, buf) : column->text(row, buf, KM_SOURCE_SIZE);
}

static void add_cell(struct km_table *table, const struct km_report *report,
		     const struct km_list *list, const struct km_column *column, int width,
		     const void *row, const struct km_render_options *options)
{
	char buf[KM_SOURCE_SIZE];

	if (column->has && !column->has(row))
		km_table_add(table, "");
	else if (is_text(column))
		km_table_add(table, km_cell_text(list, column, row, options, buf));
	else if (column->percent)
		km_table_addf(table, "%.1f%%", column->percent(row));
	else if (column->type == KM_COL_NS)
		km_table_add(table, km_duration_text(report, column->number(row), buf));
	else if (column->real)
		km_table_addf(table, "%.*f", (int)column->decimals, column->real(row));
	else if (column->per)
		km_table_addf(table, "%" PRIu64 "/%-*" PRIu64, column->number(row), width,
			      per_one(column, row));
	else
		km_table_addf(table, "%" PRIu64, column->number(row));
}

static struct km_error *write_rows(const struct km_report *report, const struct km_list *list,
				   const struct km_render_options *options,
				   struct km_table_column *columns, int *widths, struct km_out *out)
{
	struct km_table table;
	struct km_error *error;

	for (size_t i = 0; i < list->nr_columns; i++) {
		const struct km_column *column = list->columns[i];
		bool is_source = column->type == KM_COL_SOURCE;

		widths[i] = per_width(list, column);
		columns[i] = (struct km_table_column){
			.header = column->header,
			.is_number = !is_text(column),
			/* without debug information it would be an empty column */
			.drops = is_source && !list->has_fields,
			/* what the others tell of waste comes first */
			.yields = !list->has_fields && column->needs_pairs,
			.moves = is_source,
			.cut = cut_of(column),
		};
	}
	km_table_init(&table, columns, list->nr_columns);
	for (size_t i = 0; i < list->nr_rows; i++)
		for (size_t j = 0; j < list->nr_columns; j++)
			add_cell(&table, report, list, list->columns[j], widths[j], list->rows[i],
				 options);
	error = km_table_write(&table, options, 0, out);
	km_table_deinit(&table);
	return error;
}

struct km_error *km_list_write(const struct km_report *report, const struct km_list *list,
			       const struct km_render_options *options, struct km_out *out)
{
	struct km_table_column *columns = calloc(list->nr_columns + 1, sizeof(*columns));
	int *widths = calloc(list->nr_columns + 1, sizeof(*widths));
	struct km_error *error = &km_error_memory;

	if (columns && widths)
		error = write_rows(report, list, options, columns, widths, out);
	free(columns);
	free(widths);
	if (!error && list->nr_left_out)
		km_out_printf(out, "%zu more %s: --lines 0 shows all\n", list->nr_left_out,
			      list->listing->rows_of);
	return error;
}

/* What allocates once, or a few times, for each unit has hits that the units divide. */
static void write_rests(const struct km_report *report, const struct km_list *list,
			struct km_out *out)
{
	size_t nr = 0;

	for (size_t i = 0; i < list->nr_rows; i++)
		nr += list->listing->callsite(list->rows[i])->hits_rest != 0;
	km_out_printf(out,
		      "per unit: divided by %" PRIu64
		      "; %zu of these %zu call sites have hits that "
		      "are no whole multiple of it (Rest)\n",
		      report->per, nr, list->nr_rows);
}

static void write_locality_notes(const struct km_report *report, struct km_out *out)
{
	if (report->input->has_hashed_ptrs)
		km_out_puts(out, "pointers are hashed by the kernel: where objects lie is not in "
				 "this trace, and pages and lines mean nothing\n");
	if (report->localities && report->localities->left_out)
		km_out_printf(out, "objects of %" PRIu64 " more call sites were not followed\n",
			      report->localities->left_out);
}

struct km_error *km_render_list(const struct km_report *report,
				const struct km_render_options *options, struct km_out *out)
{
	const struct km_list *list = &options->view->lists[options->list];
	struct km_error *error = km_list_write(report, list, options, out);

	if (error)
		return error;
	if (options->list == KM_LIST_CALLSITES && report->per)
		write_rests(report, list, out);
	if (options->list == KM_LIST_LOCALITY)
		write_locality_notes(report, out);
	if (options->list == KM_LIST_PTRS && report->input->has_hashed_ptrs)
		km_out_puts(out, "pointers are hashed by the kernel: they are no addresses\n");
	km_out_puts(out, "\n");
	km_render_totals(report, options, out);
	return NULL;
}
