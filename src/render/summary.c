/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The default output: what was read, totals, what was lost, then the findings, each as
 *
 *	file:line: severity: what is wrong [rule]
 *	    what would mend it
 *	    hits, waste or bytes allocated, function and call site
 *
 * The first line is that of compilers, which editors turn into a link.
 */
#include "render/scan.h"
#include "render/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INDENT = 4, MARGIN = 11 /* of source lines */ };

/* "3 reports of 2 hosts, Linux 6.1.0, x86_64, 8 CPUs, 29.7 s in all" */
static void print_merged(FILE *stream, const struct km_report *report)
{
	const struct km_input_info *input = report->input;

	fputs(input->path, stream);
	if (input->kernel_release)
		fprintf(stream, ", Linux %s", input->kernel_release);
	else
		fprintf(stream, ", %zu kernels", report->merged->nr_kernels);
	if (input->machine)
		fprintf(stream, ", %s", input->machine);
	fprintf(stream, ", %" PRIu32 " CPU%s, %.1f s in all", input->nr_cpus,
		input->nr_cpus == 1 ? "" : "s", (double)report->duration_ns / 1e9);
}

/* What is in some report and not in the sum. */
static void write_left_out(const struct km_merged *merged, const struct km_render_options *options,
			   struct km_out *out)
{
	char *line = NULL;
	size_t size = 0;
	FILE *stream;

	if (!merged->nr_left_out && !merged->nr_skipped)
		return;
	stream = km_line_open(out, &line, &size);
	if (!stream)
		return;
	for (size_t i = 0; i < merged->nr_left_out; i++)
		fprintf(stream, "%s%s", i ? ", " : "not added up: ", merged->left_out[i]);
	if (merged->nr_skipped)
		fprintf(stream, "%s%zu file%s left out: could not be read",
			merged->nr_left_out ? "; " : "", merged->nr_skipped,
			merged->nr_skipped == 1 ? "" : "s");
	km_line_write(out, stream, &line, 0, 2, options->width);
}

static void write_input(const struct km_report *report, const struct km_render_options *options,
			struct km_out *out)
{
	const struct km_input_info *input = report->input;
	char *line = NULL;
	size_t size = 0;
	FILE *stream = km_line_open(out, &line, &size);

	if (!stream)
		return;
	if (report->merged) {
		print_merged(stream, report);
		km_line_write(out, stream, &line, 0, 2, options->width);
		write_left_out(report->merged, options, out);
		return;
	}
	fprintf(stream, "%s: %s", input->path, input->format);
	if (input->format_version)
		fprintf(stream, " version %" PRIu32, input->format_version);
	if (input->compression && strcmp(input->compression, "none") != 0)
		fprintf(stream, " (%s)", input->compression);
	if (input->kernel_release)
		fprintf(stream, ", Linux %s", input->kernel_release);
	if (input->machine)
		fprintf(stream, " %s", input->machine);
	fprintf(stream, ", %" PRIu32 " CPU%s", input->nr_cpus, input->nr_cpus == 1 ? "" : "s");
	if (report->first_ns <= report->last_ns && input->has_raw_time)
		fprintf(stream, ", %" PRIu64 " counts of its clock", report->duration_ns);
	else if (report->first_ns <= report->last_ns)
		fprintf(stream, ", %.1f s", (double)report->duration_ns / 1e9);
	km_line_write(out, stream, &line, 0, 2, options->width);
}

static void write_counts(const struct km_report *report, struct km_out *out)
{
	size_t count[KM_FIND_HIGH + 1] = { 0 };
	const size_t nr = report->nr_findings - report->nr_suppressed;
	const char *comma = ": ";

	for (size_t i = 0; i < nr; i++)
		count[report->findings[i].severity]++;
	if (nr)
		km_out_printf(out, "\n%zu finding%s", nr, nr == 1 ? "" : "s");
	else
		km_out_puts(out, "\nno findings");
	for (int severity = KM_FIND_HIGH; severity >= KM_FIND_LOW; severity--) {
		if (!count[severity])
			continue;
		km_out_printf(out, "%s%zu %s", comma, count[severity],
			      km_finding_severity_name(severity));
		comma = ", ";
	}
	if (report->nr_suppressed)
		km_out_printf(out, "; %zu suppressed", report->nr_suppressed);
	km_out_puts(out, "\n");
}

/* Tabs become spaces: a line begins after its number. */
static void write_source_line(struct km_out *out, const char *text, size_t most)
{
	char spaces[1024];
	size_t len = 0;

	for (const char *c = text; *c && len < sizeof(spaces) - 9 && len < most; c++) {
		if (*c != '\t') {
			spaces[len++] = *c;
			continue;
		}
		do
			spaces[len++] = ' ';
		while (len % 8);
	}
	spaces[len < most ? len : most] = '\0';
	km_out_puts(out, len ? " " : "");
	km_out_puts_safe(out, spaces);
}

/* As compilers show it: each line with its number, that of the call marked. */
static void write_excerpt(const struct km_callsite *site, const struct km_render_options *options,
			  struct km_out *out)
{
	const struct km_excerpt *excerpt = &site->excerpt;
	const size_t most = options->width > MARGIN ? options->width - MARGIN : SIZE_MAX;

	for (uint32_t i = 0; i < excerpt->nr_lines; i++) {
		const bool is_call = excerpt->first + i == site->source.frames[0].line;

		if (is_call)
			km_paint_begin(out, options, KM_PAINT_BOLD);
		km_out_printf(out, "%c%7" PRIu32 " |", is_call ? '>' : ' ', excerpt->first + i);
		write_source_line(out, excerpt->lines[i], most);
		if (is_call)
			km_paint_end(out, options, KM_PAINT_BOLD);
		km_out_puts(out, "\n");
	}
}

static void write_details(const struct km_report *report, const struct km_finding *finding,
			  bool has_place, const struct km_render_options *options,
			  struct km_out *out)
{
	char address[KM_ADDRESS_SIZE], *line = NULL;
	size_t size = 0;
	FILE *stream = km_line_open(out, &line, &size);

	if (!stream)
		return;
	km_scan_print_sums(stream, report, finding);
	if (has_place) {
		fputs(", in ", stream);
		km_scan_print_functions(stream, finding->callsite,
					km_callsite_text(finding->callsite, options, address));
	}
	km_out_printf(out, "%*s", INDENT, "");
	km_line_write(out, stream, &line, INDENT, INDENT, options->width);
}

static void write_finding(const struct km_report *report, const struct km_finding *finding,
			  const struct km_render_options *options, struct km_out *out)
{
	const char *severity = km_finding_severity_name(finding->severity);
	enum km_paint paint = km_paint_of_severity(finding->severity);
	char source[KM_SOURCE_SIZE], address[KM_ADDRESS_SIZE], *message = NULL;
	const char *place = km_source_text(finding->callsite, source);
	bool has_source = *place;

	if (!has_source)
		place = km_callsite_text(finding->callsite, options, address);
	if (asprintf(&message, "%s [%s]", finding->message, km_rule_info(finding->rule)->name) <
	    0) {
		out->error = out->error ? out->error : ENOMEM;
		return;
	}
	km_out_puts(out, "\n");
	km_paint_begin(out, options, KM_PAINT_BOLD);
	km_out_puts_safe(out, place);
	km_paint_end(out, options, KM_PAINT_BOLD);
	km_out_puts(out, ": ");
	km_paint_begin(out, options, paint);
	km_out_printf(out, "%s:", severity);
	km_paint_end(out, options, paint);
	km_out_puts(out, " ");
	km_text_wrap(out, message, km_utf8_width(place) + km_utf8_width(severity) + 4, INDENT,
		     options->width);
	free(message);
	km_out_printf(out, "%*s", INDENT, "");
	km_text_wrap(out, finding->advice, INDENT, INDENT, options->width);
	write_details(report, finding, has_source, options, out);
	write_excerpt(finding->callsite, options, out);
}

/* What would make the findings better: symbols, source lines. */
static void write_hints(const struct km_report *report, const struct km_render_options *options,
			struct km_out *out)
{
	const struct km_view *view = options->view;
	const char *release = report->input->kernel_release;
	size_t nr_sources = 0;
	char *line;

	if (view->nr_findings == 0 || report->is_read_back)
		return;
	for (size_t i = 0; i < view->nr_findings; i++)
		nr_sources += report->findings[i].callsite->source.nr_frames > 0;
	if (!report->has_symbols) {
		km_out_puts(out, "\n");
		km_text_wrap(out,
			     "no symbols in the trace: --kallsyms FILE takes a copy of the traced "
			     "machine's /proc/kallsyms",
			     0, 2, options->width);
	} else if (nr_sources == 0) {
		if (asprintf(&line,
			     "no source lines: --vmlinux FILE and --debug-dir DIR take the debug "
			     "information of the traced kernel%s%s",
			     release ? ", " : "", release ? release : "") < 0) {
			out->error = out->error ? out->error : ENOMEM;
			return;
		}
		km_out_puts(out, "\n");
		km_text_wrap(out, line, 0, 2, options->width);
		free(line);
	}
}

struct km_error *km_render_summary(const struct km_report *report,
				   const struct km_render_options *options, struct km_out *out)
{
	const size_t nr_shown = options->view->nr_findings;
	const size_t nr = report->nr_findings - report->nr_suppressed;

	write_input(report, options, out);
	km_render_totals(report, options, out);
	if (report->slab.allocs == 0 && report->nr_findings == 0) {
		km_text_wrap(out,
			     "no allocations to judge: record kmalloc and kmem_cache_alloc, as "
			     "trace-cmd record -e kmem does",
			     0, 2, options->width);
		return NULL;
	}
	write_counts(report, out);
	for (size_t i = 0; i < nr_shown; i++)
		write_finding(report, &report->findings[i], options, out);
	if (nr_shown < nr)
		km_out_printf(out, "\n%zu %s: --min-severity low --lines 0 shows all\n",
			      nr - nr_shown, nr_shown ? "more" : "not shown");
	write_hints(report, options, out);
	return NULL;
}
