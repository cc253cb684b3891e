/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Call sites as comma-separated values (RFC 4180, lines end with LF): the header line has the
 * column keys, numbers are raw.
 */
#include "render/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/*
 * A text that a spreadsheet would take for a formula gets an apostrophe in front (OWASP, "CSV
 * Injection"); quotes are doubled.
 */
static void write_text(struct km_out *out, const char *text)
{
	char *safe = km_text_safe(text);

	if (!safe) {
		out->error = out->error ? out->error : ENOMEM;
		return;
	}
	if (strchr("=+-@", *safe) && *safe) {
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

static void write_cell(struct km_out *out, const struct km_column *column,
		       const struct km_callsite *site, const struct km_render_options *options)
{
	char buf[KM_SOURCE_SIZE];

	if (column->has && !column->has(site))
		return;
	if (strcmp(column->key, "callsite") == 0)
		write_text(out, km_callsite_text(site, options, buf));
	else if (column->text)
		write_text(out, column->text(site, buf, sizeof(buf)));
	else if (column->percent)
		km_out_printf(out, "%.4f", column->percent(site));
	else if (column->real)
		km_out_printf(out, "%.3f", column->real(site));
	else
		km_out_printf(out, "%" PRIu64, column->number(site));
}

static struct km_error *write_rows(const struct km_report *report,
				   const struct km_callsite *const *rows, size_t nr_rows,
				   const struct km_render_options *options, struct km_out *out)
{
	const struct km_view *view = options->view;
	const struct km_column **columns;
	size_t nr_all, nr = 0;
	const struct km_column *all = km_columns(&nr_all);

	columns = calloc(nr_all, sizeof(const struct km_column *));
	if (!columns)
		return &km_error_memory;
	if (view->has_fields) {
		for (; nr < view->nr_columns; nr++)
			columns[nr] = view->columns[nr];
	} else {
		/* addresses differ with every boot: only for those who ask */
		for (size_t i = 0; i < nr_all; i++)
			if ((options->raw_ip || strcmp(all[i].key, "address") != 0) &&
			    (report->lives || !all[i].needs_pairs))
				columns[nr++] = &all[i];
	}
	for (size_t i = 0; i < nr; i++)
		km_out_printf(out, "%s%s", i ? "," : "", columns[i]->key);
	km_out_puts(out, "\n");
	for (size_t i = 0; i < nr_rows; i++) {
		for (size_t j = 0; j < nr; j++) {
			km_out_puts(out, j ? "," : "");
			write_cell(out, columns[j], rows[i], options);
		}
		km_out_puts(out, "\n");
	}
	free(columns);
	return NULL;
}

struct km_error *km_render_csv(const struct km_report *report,
			       const struct km_render_options *options, struct km_out *out)
{
	return write_rows(report, options->view->rows, options->view->nr_rows, options, out);
}

struct km_error *km_render_live_csv(const struct km_report *report,
				    const struct km_render_options *options, struct km_out *out)
{
	return write_rows(report, options->view->live, options->view->nr_live, options, out);
}
