/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A listing as comma-separated values (RFC 4180, lines end with LF): the header line has the column
 * keys, numbers are raw.
 */
#include "render/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Also in the full width that East Asian keyboards write, which spreadsheets take for the same. */
static bool begins_formula(const char *text)
{
	static const char *const wide[] = { "\uff0b", "\uff0d", "\uff1d", "\uff20" };

	if (*text && strchr("=+-@", *text))
		return true;
	for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
		if (strncmp(text, wide[i], strlen(wide[i])) == 0)
			return true;
	return false;
}

/*
 * A text that a spreadsheet would take for a formula gets an apostrophe in front (OWASP, "CSV
 * Injection"); quotes are doubled.
 */
void km_csv_write_text(struct km_out *out, const char *text)
{
	char *safe = km_text_safe(text);

	if (!safe) {
		out->error = out->error ? out->error : ENOMEM;
		return;
	}
	if (begins_formula(safe)) {
		km_out_puts(out, "\"'");
	} else if (!strpbrk(safe, ",\"")) {
		km_out_puts(out, safe);
		free(safe);
		return;
	} else {
		km_out_puts(out, "\"");
	}
	for (const char *c = safe; *c; c++)
		km_out_printf(out, *c == '"' ? "\"%c" : "%c", *c);
	km_out_puts(out, "\"");
	free(safe);
}

static void write_cell(struct km_out *out, const struct km_list *list,
		       const struct km_column *column, const void *row,
		       const struct km_render_options *options)
{
	char buf[KM_SOURCE_SIZE];

	if (column->has && !column->has(row))
		return;
	if (column->text)
		km_csv_write_text(out, km_cell_text(list, column, row, options, buf));
	else if (column->percent)
		km_out_printf(out, "%.4f", column->percent(row));
	else if (column->real)
		km_out_printf(out, "%.3f", column->real(row));
	else
		km_out_printf(out, "%" PRIu64, column->number(row));
}

/* The columns: those asked for, or all that the report has something for. */
static size_t choose_columns(const struct km_report *report, const struct km_list *list,
			     const struct km_render_options *options, const struct km_column **ret)
{
	const struct km_listing *listing = list->listing;
	size_t nr = 0;

	if (list->has_fields) {
		memcpy(ret, list->columns, list->nr_columns * sizeof(list->columns[0]));
		return list->nr_columns;
	}
	for (size_t i = 0; i < listing->nr_columns; i++) {
		const struct km_column *column = &listing->columns[i];

		/*
		 * addresses differ with every boot, types are looked up: only for those who ask
		 */
		if ((options->raw_ip || !column->is_raw_ip) && !column->needs_types &&
		    km_column_is_there(report, column))
			ret[nr++] = column;
	}
	return nr;
}

struct km_error *km_render_csv(const struct km_report *report,
			       const struct km_render_options *options, struct km_out *out)
{
	const struct km_list *list = &options->view->lists[options->list];
	const struct km_column **columns =
		calloc(list->listing->nr_columns, sizeof(const struct km_column *));
	size_t nr;

	if (!columns)
		return &km_error_memory;
	nr = choose_columns(report, list, options, columns);
	for (size_t i = 0; i < nr; i++)
		km_out_printf(out, "%s%s", i ? "," : "", columns[i]->key);
	km_out_puts(out, "\n");
	for (size_t i = 0; i < list->nr_rows; i++) {
		for (size_t j = 0; j < nr; j++) {
			km_out_puts(out, j ? "," : "");
			write_cell(out, list, columns[j], list->rows[i], options);
		}
		km_out_puts(out, "\n");
	}
	free(columns);
	return NULL;
}
