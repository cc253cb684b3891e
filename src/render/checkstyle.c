/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Findings as Checkstyle writes them (version 4.3, as most readers know it): elements `file` with
 * elements `error`, by line. Checkstyle's severities are error, warning, info and ignore.
 *
 * What has no line of source is in a "file" that is named like its symbol. Suppressed findings are
 * left out; a comment tells how many, and what was lost.
 */
#include "render/scan.h"
#include "render/text.h"
#include "render/xml.h"

#include <stdlib.h>
#include <string.h>

static const char *const levels[] = {
	[KM_FIND_LOW] = "info",
	[KM_FIND_MEDIUM] = "warning",
	[KM_FIND_HIGH] = "error",
};

struct row {
	const struct km_finding *finding;
	char *path;
	size_t i; /* in the order of the report */
};

static void free_rows(struct row *rows, size_t nr)
{
	for (size_t i = 0; rows && i < nr; i++)
		free(rows[i].path);
	free(rows);
}

static int compare_rows(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	struct km_scan_place place = km_scan_place(x->finding->callsite);
	struct km_scan_place other = km_scan_place(y->finding->callsite);
	int order = strcmp(x->path, y->path);

	if (!order)
		order = (place.line > other.line) - (place.line < other.line);
	return order ? order : (x->i > y->i) - (x->i < y->i);
}

static struct km_error *write_row(const struct km_report *report, const struct row *row,
				  struct km_out *out)
{
	const struct km_finding *finding = row->finding;
	struct km_scan_place place = km_scan_place(finding->callsite);
	char *message = km_scan_message(report, finding);

	if (!message)
		return &km_error_memory;
	km_out_puts(out, "    <error");
	km_xml_attribute_number(out, "line", place.file ? place.line : 1);
	if (place.column)
		km_xml_attribute_number(out, "column", place.column);
	km_xml_attribute(out, "severity", levels[finding->severity]);
	km_out_puts(out, " message=\"");
	km_xml_puts(out, message);
	km_out_puts(out, ". ");
	km_xml_puts(out, finding->advice);
	km_out_puts(out, "\" source=\"kmemstat.");
	km_xml_puts(out, km_rule_info(finding->rule)->name);
	km_out_puts(out, "\"/>\n");
	free(message);
	return NULL;
}

/* Comments must not have two hyphens: the advice, which may, is left to other formats. */
static void write_comments(const struct km_report *report, const struct km_scan *scan,
			   struct km_out *out)
{
	char number[KM_GROUPED_SIZE];

	if (scan->nr_suppressed)
		km_out_printf(out, "  <!-- %zu suppressed -->\n", scan->nr_suppressed);
	for (enum km_counter i = 0; i < KM_NR_COUNTERS; i++) {
		uint64_t count = report->quality.count[i];

		if (km_scan_tells_counter(report, i, false))
			km_out_printf(out, "  <!-- incomplete: %s %s -->\n",
				      km_grouped(count, number),
				      km_counter_text(km_counter_info(i), count));
	}
}

static struct km_error *write_rows(const struct km_report *report, const struct row *rows,
				   size_t nr, struct km_out *out)
{
	struct km_error *error = NULL;

	for (size_t i = 0; !error && i < nr; i++) {
		if (i == 0 || strcmp(rows[i - 1].path, rows[i].path) != 0) {
			km_out_puts(out, i ? "  </file>\n  <file" : "  <file");
			km_xml_attribute(out, "name", rows[i].path);
			km_out_puts(out, ">\n");
		}
		error = write_row(report, &rows[i], out);
	}
	if (nr)
		km_out_puts(out, "  </file>\n");
	return error;
}

/* Findings by file and line, to be freed row by row; NULL without memory. */
static struct row *make_rows(const struct km_scan *scan)
{
	struct row *rows = calloc(scan->nr_findings + 1, sizeof(*rows));
	bool is_whole = rows != NULL;

	for (size_t i = 0; is_whole && i < scan->nr_findings; i++) {
		const struct km_finding *finding = &scan->findings[i];

		rows[i] = (struct row){ finding, km_scan_path(finding->callsite), i };
		is_whole = rows[i].path != NULL;
	}
	if (!is_whole) {
		free_rows(rows, scan->nr_findings);
		return NULL;
	}
	if (scan->nr_findings)
		qsort(rows, scan->nr_findings, sizeof(*rows), compare_rows);
	return rows;
}

struct km_error *km_render_checkstyle(const struct km_report *report,
				      const struct km_render_options *options, struct km_out *out)
{
	const struct km_scan scan = km_scan_make(report, options->view);
	struct row *rows = make_rows(&scan);
	struct km_error *error;

	if (!rows)
		return &km_error_memory;
	km_xml_begin(out);
	km_out_puts(out, "<checkstyle version=\"4.3\">\n");
	write_comments(report, &scan, out);
	error = write_rows(report, rows, scan.nr_findings, out);
	km_out_puts(out, "</checkstyle>\n");
	free_rows(rows, scan.nr_findings);
	return error;
}
