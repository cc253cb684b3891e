/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A comparison as Markdown (GitHub's dialect, CommonMark with tables), for job summaries: these
 * may have 1 MiB (docs.github.com, "Workflow commands"), so rows beyond that are told, not shown.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/memstream.h"
#include "render/diff.h"

/* What rows and findings may take each; the rest is short. */
enum { MOST_BYTES = 400 * 1024 };

/*
 * Names out of traces: every character that Markdown, HTML or GitHub (mentions, references, links)
 * could take for its own is a numeric entity, which none of them looks into.
 */
static void print_text(FILE *out, const char *text)
{
	static const char plain[] = " .,;-/+()%=";
	char *safe = km_text_safe(text);

	/* without memory the row is empty, and the stream's end tells */
	for (const char *c = safe ? safe : ""; *c; c++) {
		const unsigned char byte = (unsigned char)*c;
		const bool is_link =
			*c == '.' && c - safe >= 3 && strncasecmp(c - 3, "www", 3) == 0;

		if (byte >= 0x80 || isalnum(byte) || (strchr(plain, *c) && !is_link))
			fputc(*c, out);
		else
			fprintf(out, "&#%d;", byte);
	}
	free(safe);
}

static void print_row(FILE *out, const struct km_diff_row *row, int decimals, const char *name)
{
	const struct km_diff_value *base = &row->side[KM_DIFF_BASE];
	const struct km_diff_value *new = &row->side[KM_DIFF_NEW];
	const struct km_diff_value *named = new->nr_with ? new : base;
	char number[KM_DIFF_NUMBER_SIZE], class[KM_DIFF_CLASS_SIZE], source[KM_SOURCE_SIZE];

	fputs("| ", out);
	print_text(out, name);
	for (enum km_diff_side_id side = 0; side < KM_NR_DIFF_SIDES; side++) {
		const struct km_diff_value *value = &row->side[side];

		fprintf(out, " | %s",
			value->nr_with ? km_diff_number(value->mean, decimals, false, number)
				       : "-");
		if (value->nr > 1 && value->nr_with) {
			fprintf(out, " (%s..", km_diff_number(value->min, decimals, false, number));
			fprintf(out, "%s)", km_diff_number(value->max, decimals, false, number));
		}
	}
	fprintf(out, " | %s%s | ", km_diff_number(row->delta, decimals, true, number),
		row->is_noise ? " noise" : "");
	print_text(out, km_diff_class_text(row, class));
	fputs(" | ", out);
	print_text(out, km_diff_source_text(named->file, named->line, source));
	fputs(" |\n", out);
}

static void print_finding(FILE *out, const struct km_diff *diff, const struct km_diff_finding *row,
			  const char *name)
{
	const struct km_snap_finding *finding = row->finding;
	char source[KM_SOURCE_SIZE];

	fprintf(out, "- **%s: %s ", row->side == KM_DIFF_NEW ? "new" : "gone",
		km_finding_severity_name(finding->severity));
	print_text(out, finding->rule);
	fputs("** ", out);
	print_text(out, km_diff_source_text(finding->file, finding->line, source));
	fputs(*source ? " " : "", out);
	print_text(out, name);
	if (diff->nr_traces[row->side] > 1)
		fprintf(out, " (in %zu of %zu traces)", row->nr_traces, diff->nr_traces[row->side]);
	fputs(": ", out);
	print_text(out, finding->message);
	if (row->side == KM_DIFF_NEW) {
		fputs("; ", out);
		print_text(out, finding->advice);
	}
	fputs("\n", out);
}

/* A line made in memory, so that its length is known: NULL without memory. */
struct line {
	char *text;
	size_t size;
	FILE *stream;
};

static bool line_open(struct line *line)
{
	*line = (struct line){ 0 };
	line->stream = open_memstream(&line->text, &line->size);
	return line->stream != NULL;
}

/* Writes the line if there is room for it, which it takes; false without memory. */
static bool line_write(struct line *line, size_t *room, size_t *nr_left_out, struct km_out *out)
{
	const bool is_good = km_memstream_close(line->stream, &line->text);

	if (is_good && line->size <= *room && !*nr_left_out) {
		*room -= line->size;
		km_out_puts(out, line->text);
	} else {
		++*nr_left_out;
	}
	free(line->text);
	return is_good;
}

static struct km_error *write_rows(const struct km_diff *diff,
				   const struct km_diff_render_options *options, struct km_out *out)
{
	const int decimals = km_diff_decimals(diff);
	size_t room = MOST_BYTES, nr_left_out = 0;
	bool has_head = false;

	for (size_t i = 0; i < diff->nr_rows; i++) {
		const struct km_diff_row *row = &diff->rows[i];
		struct line line;
		char *name;

		if (!km_diff_is_shown(row, options))
			continue;
		if (!has_head)
			km_out_puts(out,
				    "\n| Function | old | new | delta | size class | source |\n"
				    "|:--|--:|--:|--:|:--|:--|\n");
		has_head = true;
		name = km_diff_name_text(row);
		if (!name || !line_open(&line)) {
			free(name);
			return &km_error_memory;
		}
		print_row(line.stream, row, decimals, name);
		free(name);
		if (!line_write(&line, &room, &nr_left_out, out))
			return &km_error_memory;
	}
	if (nr_left_out)
		km_out_printf(out,
			      "\n%zu more call sites are left out: this has room for no more.\n",
			      nr_left_out);
	return NULL;
}

static struct km_error *write_findings(const struct km_diff *diff,
				       const struct km_diff_render_options *options,
				       struct km_out *out)
{
	const size_t nr = km_diff_nr_shown_findings(diff, options);
	const size_t nr_noise = diff->nr_findings - diff->nr_new_findings - diff->nr_gone_findings;
	size_t room = MOST_BYTES, nr_left_out = 0;

	km_out_printf(out, "\nFindings: %zu new, %zu gone", diff->nr_new_findings,
		      diff->nr_gone_findings);
	if (nr_noise)
		km_out_printf(out, "; %zu in some traces only, not counted", nr_noise);
	km_out_puts(out, ".\n");
	for (size_t i = 0; i < nr; i++) {
		struct line line;
		char *name = km_diff_finding_name(diff->findings[i].finding);

		if (!name || !line_open(&line)) {
			free(name);
			return &km_error_memory;
		}
		if (i == 0)
			fputs("\n", line.stream);
		print_finding(line.stream, diff, &diff->findings[i], name);
		free(name);
		if (!line_write(&line, &room, &nr_left_out, out))
			return &km_error_memory;
	}
	if (nr_left_out)
		km_out_printf(out, "\n%zu more findings are left out: this has room for no more.\n",
			      nr_left_out);
	return NULL;
}

static struct km_error *write_summary(const struct km_diff *diff, struct km_out *out)
{
	const int decimals = km_diff_decimals(diff);
	const size_t *nr = diff->nr_of_state;
	const double before = diff->total[KM_DIFF_BASE].mean, after = diff->total[KM_DIFF_NEW].mean;
	char a[KM_DIFF_NUMBER_SIZE], b[KM_DIFF_NUMBER_SIZE];
	double percent;

	km_out_printf(out, "\nCall sites: %zu added, %zu removed, %zu grown, %zu shrunk",
		      nr[KM_DIFF_ADDED], nr[KM_DIFF_REMOVED], nr[KM_DIFF_GROWN],
		      nr[KM_DIFF_SHRUNK]);
	if (diff->options.unit != KM_DIFF_HIT) {
		km_out_printf(out, "; up %s", km_diff_number(diff->up, decimals, false, a));
		km_out_printf(out, ", down %s", km_diff_number(-diff->down, decimals, false, a));
	}
	if (diff->nr_noise)
		km_out_printf(out, "; noise, not counted: %zu", diff->nr_noise);
	km_out_printf(out, ".\n\n**Total: before %s, after %s",
		      km_diff_number(before, decimals, false, a),
		      km_diff_number(after, decimals, false, b));
	if (km_diff_percent(after - before, before, &percent))
		km_out_printf(out, ", change %+.2f%%", percent);
	km_out_puts(out, "**\n");
	return NULL;
}

/* What is compared, one trace a line, and what has to be known of it. */
static struct km_error *write_head(const struct km_diff *diff, struct km_out *out)
{
	char *text = km_diff_describe(diff);
	struct line line;
	size_t room = MOST_BYTES / 4, nr_left_out = 0;

	if (!text || !line_open(&line)) {
		free(text);
		return &km_error_memory;
	}
	fputs("### kmemstat diff: ", line.stream);
	print_text(line.stream, text);
	free(text);
	fputs("\n\n", line.stream);
	for (enum km_diff_side_id side = 0; side < KM_NR_DIFF_SIDES; side++) {
		for (size_t i = 0; i < diff->nr_traces[side]; i++) {
			text = km_diff_trace_text(diff->traces[side][i]);
			fprintf(line.stream, "- %s: ", km_diff_side_name(side));
			print_text(line.stream, text ? text : "");
			fputs("\n", line.stream);
			free(text);
		}
	}
	for (size_t i = 0; i < diff->nr_notes; i++) {
		fprintf(line.stream, "- %s: ", diff->notes[i].is_warning ? "**warning**" : "note");
		print_text(line.stream, diff->notes[i].text);
		fputs("\n", line.stream);
	}
	return line_write(&line, &room, &nr_left_out, out) ? NULL : &km_error_memory;
}

struct km_error *km_render_diff_markdown(const struct km_diff *diff,
					 const struct km_diff_render_options *options,
					 struct km_out *out)
{
	struct km_error *error = write_head(diff, out);

	if (!error)
		error = write_summary(diff, out);
	if (!error)
		error = write_rows(diff, options, out);
	return error ? error : write_findings(diff, options, out);
}
