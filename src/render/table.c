/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Aligned tables. */
#include "render/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	COLUMN_GAP = 2,
	MOVED_INDENT = 4,
	READABLE_WIDTH = 32,  /* cut further only if no column can move out of the way */
	LEAST_CUT_WIDTH = 12, /* no column is cut to less: it would say nothing */
};

void km_table_init(struct km_table *table, const struct km_table_column *columns, size_t nr_columns)
{
	*table = (struct km_table){ .columns = columns, .nr_columns = nr_columns };
}

void km_table_deinit(struct km_table *table)
{
	for (size_t i = 0; i < table->nr_cells; i++)
		free(table->cells[i]);
	free(table->cells);
	*table = (struct km_table){ 0 };
}

void km_table_add(struct km_table *table, const char *text)
{
	char *safe;

	if (table->nr_cells == table->size) {
		size_t size = table->size ? 2 * table->size : 64;
		char **cells = reallocarray(table->cells, size, sizeof(*cells));

		if (!cells) {
			table->is_out_of_memory = true;
			return;
		}
		table->cells = cells;
		table->size = size;
	}
	safe = km_text_safe(text);
	if (safe)
		table->cells[table->nr_cells++] = safe;
	else
		table->is_out_of_memory = true;
}

void km_table_addf(struct km_table *table, const char *format, ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0) {
		table->is_out_of_memory = true;
		return;
	}
	km_table_add(table, text);
	free(text);
}

/* What a table comes to. */
struct layout {
	size_t *widths; /* of the columns; 0: left out */
	size_t total;   /* columns of a line */
	size_t moved;   /* index of the column that got a line of its own; nr_columns: none */
};

static void measure(const struct km_table *table, size_t indent, struct layout *ret)
{
	size_t shown = 0;

	ret->total = indent;
	ret->moved = table->nr_columns;
	for (size_t i = 0; i < table->nr_columns; i++) {
		const struct km_table_column *column = &table->columns[i];
		size_t widest = 0;

		for (size_t j = i; j < table->nr_cells; j += table->nr_columns) {
			size_t width = km_utf8_width(table->cells[j]);

			if (width > widest)
				widest = width;
		}
		if (!(column->drops && widest == 0) && column->header &&
		    km_utf8_width(column->header) > widest)
			widest = km_utf8_width(column->header);
		ret->widths[i] = widest;
		if (widest)
			ret->total += widest + (shown++ ? COLUMN_GAP : 0);
	}
}

/* The widest column that may be cut and is wider than `least`; nr_columns: none. */
static size_t widest_column(const struct km_table *table, const struct layout *layout, size_t least)
{
	size_t widest = table->nr_columns;

	for (size_t i = 0; i < table->nr_columns; i++) {
		if (table->columns[i].cut == KM_CUT_NEVER || layout->widths[i] <= least)
			continue;
		if (widest == table->nr_columns || layout->widths[i] > layout->widths[widest])
			widest = i;
	}
	return widest;
}

/* Cuts columns, none below `least`, until the table fits; false if that was not enough. */
static bool cut_columns(const struct km_table *table, size_t width, size_t least,
			struct layout *layout)
{
	while (layout->total > width) {
		size_t widest = widest_column(table, layout, least);

		if (widest == table->nr_columns)
			return false;
		layout->widths[widest]--;
		layout->total--;
	}
	return true;
}

/*
 * Where cutting would leave too little to read, the last column that may move goes to a line
 * of its own below each row; if that is not enough, those that yield are left out.
 */
static void fit(const struct km_table *table, size_t width, struct layout *layout)
{
	if (!width || cut_columns(table, width, READABLE_WIDTH, layout))
		return;
	for (size_t i = table->nr_columns; i-- > 0;) {
		if (!table->columns[i].moves || !layout->widths[i])
			continue;
		layout->total -= layout->widths[i] + COLUMN_GAP;
		layout->widths[i] = 0;
		layout->moved = i;
		break;
	}
	for (size_t i = table->nr_columns; i-- > 0;) {
		if (cut_columns(table, width, READABLE_WIDTH, layout))
			return;
		if (!table->columns[i].yields || !layout->widths[i])
			continue;
		layout->total -= layout->widths[i] + COLUMN_GAP;
		layout->widths[i] = 0;
	}
	cut_columns(table, width, LEAST_CUT_WIDTH, layout);
}

/* The moved cell of a row, on a line of its own. */
static struct km_error *write_moved(const char *text, const struct km_table_column *column,
				    size_t indent, size_t width, struct km_out *out)
{
	char *cut;

	if (!*text)
		return NULL;
	cut = km_text_cut(text, width > indent + MOVED_INDENT ? width - indent - MOVED_INDENT : 1,
			  column->cut);
	if (!cut)
		return &km_error_memory;
	km_out_printf(out, "%*s%s\n", (int)indent + MOVED_INDENT, "", cut);
	free(cut);
	return NULL;
}

/* One line of `cells`, or the headers with NULL. */
static struct km_error *write_line(const struct km_table *table, char *const *cells,
				   const struct layout *layout, size_t indent, struct km_out *out)
{
	size_t pending = indent; /* blanks before the next cell: none at the end of a line */

	for (size_t i = 0; i < table->nr_columns; i++) {
		const struct km_table_column *column = &table->columns[i];
		const char *text = cells ? cells[i] : column->header;
		size_t width = layout->widths[i], blanks;
		char *cut;

		if (width == 0)
			continue;
		cut = km_text_cut(text ? text : "", width, column->cut);
		if (!cut)
			return &km_error_memory;
		blanks = width - km_utf8_width(cut);
		if (column->is_number)
			pending += blanks;
		if (*cut) {
			km_out_printf(out, "%*s%s", (int)pending, "", cut);
			pending = 0;
		}
		free(cut);
		pending += COLUMN_GAP + (column->is_number ? 0 : blanks);
	}
	return NULL;
}

static bool has_header(const struct km_table *table)
{
	for (size_t i = 0; i < table->nr_columns; i++)
		if (table->columns[i].header)
			return true;
	return false;
}

struct km_error *km_table_write(const struct km_table *table,
				const struct km_render_options *options, size_t indent,
				struct km_out *out)
{
	struct layout layout = { .widths = calloc(table->nr_columns + 1, sizeof(size_t)) };
	struct km_error *error = NULL;

	if (!layout.widths || table->is_out_of_memory) {
		free(layout.widths);
		return &km_error_memory;
	}
	measure(table, indent, &layout);
	fit(table, options->width, &layout);
	if (has_header(table)) {
		km_paint_begin(out, options, KM_PAINT_BOLD);
		error = write_line(table, NULL, &layout, indent, out);
		km_paint_end(out, options, KM_PAINT_BOLD);
		km_out_puts(out, "\n");
	}
	for (size_t i = 0; !error && i + table->nr_columns <= table->nr_cells;
	     i += table->nr_columns) {
		error = write_line(table, &table->cells[i], &layout, indent, out);
		km_out_puts(out, "\n");
		if (!error && layout.moved < table->nr_columns)
			error = write_moved(table->cells[i + layout.moved],
					    &table->columns[layout.moved], indent, options->width,
					    out);
	}
	free(layout.widths);
	return error;
}
