/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A comparison for people, in the layout of the kernel's scripts/bloat-o-meter: a line of counts
 * and sums, the table, the total. What the numbers are, and why they may not be comparable, stands
 * above.
 */
#include "render/diff.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memstream.h"

static const struct km_diff_renderer renderers[] = {
	{ "text", "a table for people", km_render_diff_text },
	{ "json", "the whole comparison as JSON", km_render_diff_json },
	{ "markdown", "for job summaries: counts, table, new findings", km_render_diff_markdown },
	{ "csv", "all rows as comma-separated values", km_render_diff_csv },
};

const struct km_diff_renderer *km_diff_renderers(size_t *ret_nr)
{
	*ret_nr = sizeof(renderers) / sizeof(renderers[0]);
	return renderers;
}

const char *km_diff_side_name(enum km_diff_side_id side)
{
	return side == KM_DIFF_BASE ? "base" : "new";
}

static void print_unit(FILE *out, const struct km_diff *diff)
{
	const struct km_diff_options *options = &diff->options;

	switch (options->unit) {
	case KM_DIFF_TOTAL:
		fprintf(out, ", in total");
		break;
	case KM_DIFF_SECOND:
		fprintf(out, " per second");
		break;
	case KM_DIFF_HIT:
		fprintf(out, " per allocation of the call site");
		break;
	case KM_DIFF_PER:
		fprintf(out, " per unit (%.15g in the base, %.15g in the new)",
			options->per[KM_DIFF_BASE], options->per[KM_DIFF_NEW]);
		break;
	case KM_DIFF_CALLSITE:
		fprintf(out, " per allocation of %s", options->callsite);
		if (diff->nr_traces[KM_DIFF_BASE] == 1 && diff->nr_traces[KM_DIFF_NEW] == 1)
			fprintf(out, " (%.15g in the base, %.15g in the new)",
				diff->divisors[KM_DIFF_BASE][0], diff->divisors[KM_DIFF_NEW][0]);
		break;
	case KM_NR_DIFF_UNITS:
		break;
	}
}

char *km_diff_describe(const struct km_diff *diff)
{
	const size_t nr_base = diff->nr_traces[KM_DIFF_BASE];
	const size_t nr_new = diff->nr_traces[KM_DIFF_NEW];
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fputs(km_diff_by_info(diff->options.by)->text, out);
	print_unit(out, diff);
	if (nr_base > 1 || nr_new > 1)
		fprintf(out,
			"; means of %zu and %zu traces, a difference is noise if their ranges "
			"overlap",
			nr_base, nr_new);
	if (diff->noise_percent > 0)
		fprintf(out, "; differences below %.4g%% are noise", diff->noise_percent);
	km_memstream_close(out, &text);
	return text;
}

char *km_diff_trace_text(const struct km_snapshot *trace)
{
	char number[KM_GROUPED_SIZE], seconds[32] = "", *text;
	const char *release = trace->kernel_release ? trace->kernel_release : "unknown kernel";

	if (trace->duration_ns)
		snprintf(seconds, sizeof(seconds), "%.3f s, ", (double)trace->duration_ns / 1e9);
	if (asprintf(&text, "%s: %s, %" PRIu64 " CPU%s, %s%s events", trace->path, release,
		     trace->cpus, trace->cpus == 1 ? "" : "s", seconds,
		     km_grouped(trace->events_used, number)) < 0)
		return NULL;
	return text;
}

bool km_diff_is_shown(const struct km_diff_row *row, const struct km_diff_render_options *options)
{
	return row->delta != 0 && (!row->is_noise || options->show_noise);
}

int km_diff_decimals(const struct km_diff *diff)
{
	double largest = 0;

	/* sums are whole numbers; means of them need not be */
	if (diff->options.unit == KM_DIFF_TOTAL && diff->nr_traces[KM_DIFF_BASE] == 1 &&
	    diff->nr_traces[KM_DIFF_NEW] == 1)
		return 0;
	for (size_t i = 0; i < diff->nr_rows; i++)
		largest = fmax(largest, fabs(diff->rows[i].delta));
	if (largest == 0)
		largest = fmax(diff->total[KM_DIFF_BASE].mean, diff->total[KM_DIFF_NEW].mean);
	if (largest >= 1000)
		return 0;
	if (largest >= 100)
		return 1;
	return largest >= 1 ? 2 : 4;
}

const char *km_diff_number(double number, int decimals, bool has_sign,
			   char buf[static KM_DIFF_NUMBER_SIZE])
{
	snprintf(buf, KM_DIFF_NUMBER_SIZE, has_sign ? "%+.*f" : "%.*f", decimals, number);
	/* what is too small to be shown has no sign */
	if (!strpbrk(buf, "123456789")) {
		const char *digits = buf + (*buf == '-' || *buf == '+');

		memmove(buf, digits, strlen(digits) + 1);
	}
	return buf;
}

const char *km_diff_class_text(const struct km_diff_row *row, char buf[static KM_DIFF_CLASS_SIZE])
{
	const char *base = row->side[KM_DIFF_BASE].size_class;
	const char *new = row->side[KM_DIFF_NEW].size_class;

	if (base && new &&strcmp(base, new) != 0)
		snprintf(buf, KM_DIFF_CLASS_SIZE, "%s -> %s", base, new);
	else
		snprintf(buf, KM_DIFF_CLASS_SIZE, "%s", new ? new : base ? base : "");
	return buf;
}

const char *km_diff_source_text(const char *file, uint32_t line, char buf[static KM_SOURCE_SIZE])
{
	*buf = '\0';
	if (file && line)
		snprintf(buf, KM_SOURCE_SIZE, "%s:%" PRIu32, file, line);
	else if (file)
		snprintf(buf, KM_SOURCE_SIZE, "%s", file);
	return buf;
}

char *km_diff_name_text(const struct km_diff_row *row)
{
	const char *base = row->side[KM_DIFF_BASE].name, *new = row->side[KM_DIFF_NEW].name;
	char *text;

	if (!base || !new || strcmp(base, new) == 0)
		return strdup(row->name);
	if (asprintf(&text, "%s (was %s)", row->name, base) < 0)
		return NULL;
	return text;
}

/* The key is "kmalloc module symbol<inlined<further": that of struct km_snap_site. */
char *km_diff_finding_name(const struct km_snap_finding *finding)
{
	const char *module = strchr(finding->key, ' ');
	const char *symbol = module ? strchr(module + 1, ' ') : NULL, *inlined;
	char *text = NULL;
	size_t size;
	FILE *out;

	if (!symbol)
		return strdup(finding->key);
	module++;
	symbol++;
	out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	inlined = strchr(symbol, '<');
	while (inlined) {
		inlined++;
		fprintf(out, "%.*s in ", (int)strcspn(inlined, "<"), inlined);
		inlined = strchr(inlined, '<');
	}
	fprintf(out, "%.*s", (int)strcspn(symbol, "<"), symbol);
	if (module[0] != '-' || module[1] != ' ')
		fprintf(out, " [%.*s]", (int)(symbol - module - 1), module);
	fprintf(out, " (%.*s)", (int)(module - finding->key - 1), finding->key);
	km_memstream_close(out, &text);
	return text;
}

size_t km_diff_nr_shown_findings(const struct km_diff *diff,
				 const struct km_diff_render_options *options)
{
	return options->show_noise ? diff->nr_findings
				   : diff->nr_new_findings + diff->nr_gone_findings;
}

bool km_diff_percent(double delta, double before, double *ret)
{
	if (before == 0)
		return false;
	*ret = 100 * delta / before;
	return true;
}

/* ---- text ---- */

static struct km_error *write_head(const struct km_diff *diff,
				   const struct km_diff_render_options *options, struct km_out *out)
{
	const struct km_render_options paint = { .use_color = options->use_color };
	char *text;

	for (enum km_diff_side_id side = 0; side < KM_NR_DIFF_SIDES; side++) {
		for (size_t i = 0; i < diff->nr_traces[side]; i++) {
			text = km_diff_trace_text(diff->traces[side][i]);
			if (!text)
				return &km_error_memory;
			km_out_printf(out, "%-6s",
				      i                      ? ""
				      : side == KM_DIFF_BASE ? "base:"
							     : "new:");
			km_text_wrap(out, text, 6, 6, options->width);
			free(text);
		}
	}
	text = km_diff_describe(diff);
	if (!text)
		return &km_error_memory;
	km_text_wrap(out, text, 0, 2, options->width);
	free(text);
	for (size_t i = 0; i < diff->nr_notes; i++) {
		const struct km_diff_note *note = &diff->notes[i];
		const enum km_paint color = note->is_warning ? KM_PAINT_YELLOW : KM_PAINT_NONE;
		const char *word = note->is_warning ? "warning:" : "note:";

		km_paint_begin(out, &paint, color);
		km_out_puts(out, word);
		km_paint_end(out, &paint, color);
		km_out_puts(out, " ");
		km_text_wrap(out, note->text, strlen(word) + 1, 2, options->width);
	}
	return NULL;
}

static void write_counts(const struct km_diff *diff, int decimals, struct km_out *out)
{
	char up[KM_DIFF_NUMBER_SIZE], down[KM_DIFF_NUMBER_SIZE], net[KM_DIFF_NUMBER_SIZE];
	const size_t *nr = diff->nr_of_state;

	km_out_printf(out, "\nadd/remove: %zu/%zu grow/shrink: %zu/%zu", nr[KM_DIFF_ADDED],
		      nr[KM_DIFF_REMOVED], nr[KM_DIFF_GROWN], nr[KM_DIFF_SHRUNK]);
	/* what call sites come to on average is nothing to be added up */
	if (diff->options.unit == KM_DIFF_HIT) {
		km_out_puts(out, "\n");
		return;
	}
	km_out_printf(out, " up/down: %s/%s (%s)\n", km_diff_number(diff->up, decimals, false, up),
		      km_diff_number(diff->down, decimals, false, down),
		      km_diff_number(diff->up + diff->down, decimals, false, net));
}

/* "min..max sd", of several traces. */
static void add_spread(struct km_table *table, const struct km_diff_value *value, int decimals)
{
	char min[KM_DIFF_NUMBER_SIZE], max[KM_DIFF_NUMBER_SIZE], sd[KM_DIFF_NUMBER_SIZE];

	if (value->nr < 2 || !value->nr_with)
		km_table_add(table, "");
	else
		km_table_addf(table, "%s..%s sd %s",
			      km_diff_number(value->min, decimals, false, min),
			      km_diff_number(value->max, decimals, false, max),
			      km_diff_number(value->sd, decimals, false, sd));
}

static void add_side(struct km_table *table, const struct km_diff_value *value, int decimals)
{
	char number[KM_DIFF_NUMBER_SIZE];

	km_table_add(table,
		     value->nr_with ? km_diff_number(value->mean, decimals, false, number) : "-");
}

static struct km_error *add_row(struct km_table *table, const struct km_diff_row *row, int decimals)
{
	const struct km_diff_value *base = &row->side[KM_DIFF_BASE];
	const struct km_diff_value *new = &row->side[KM_DIFF_NEW];
	const struct km_diff_value *named = new->nr_with ? new : base;
	char number[KM_DIFF_NUMBER_SIZE], class[KM_DIFF_CLASS_SIZE], source[KM_SOURCE_SIZE];
	char *name = km_diff_name_text(row);

	if (!name)
		return &km_error_memory;
	km_table_add(table, name);
	free(name);
	add_side(table, base, decimals);
	add_spread(table, base, decimals);
	add_side(table, new, decimals);
	add_spread(table, new, decimals);
	km_table_add(table, km_diff_number(row->delta, decimals, true, number));
	km_table_add(table, row->is_noise ? "noise" : "");
	km_table_add(table, km_diff_class_text(row, class));
	km_table_add(table, km_diff_source_text(named->file, named->line, source));
	return NULL;
}

static struct km_error *write_rows(const struct km_diff *diff,
				   const struct km_diff_render_options *options, int decimals,
				   struct km_out *out)
{
	static const struct km_table_column columns[] = {
		{ .header = "Function", .cut = KM_CUT_TAIL },
		{ .header = "old", .is_number = true },
		{ .header = "spread", .is_number = true, .drops = true, .yields = true },
		{ .header = "new", .is_number = true },
		{ .header = "spread", .is_number = true, .drops = true, .yields = true },
		{ .header = "delta", .is_number = true },
		{ .header = "", .drops = true },
		{ .header = "size class", .drops = true, .yields = true },
		{ .header = "source", .drops = true, .moves = true, .cut = KM_CUT_HEAD },
	};
	const struct km_render_options render_options = { .width = options->width,
							  .use_color = options->use_color };
	struct km_table table;
	struct km_error *error = NULL;
	size_t nr = 0, nr_left_out = 0;

	km_table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; !error && i < diff->nr_rows; i++) {
		if (!km_diff_is_shown(&diff->rows[i], options))
			continue;
		if (options->max_rows && nr == options->max_rows) {
			nr_left_out++;
			continue;
		}
		error = add_row(&table, &diff->rows[i], decimals);
		nr++;
	}
	if (!error && nr)
		error = km_table_write(&table, &render_options, 0, out);
	km_table_deinit(&table);
	if (nr_left_out)
		km_out_printf(out, "... %zu more (-l 0 shows all)\n", nr_left_out);
	return error;
}

static void write_total(const struct km_diff *diff, const struct km_diff_render_options *options,
			int decimals, struct km_out *out)
{
	const struct km_diff_value *base = &diff->total[KM_DIFF_BASE];
	const struct km_diff_value *new = &diff->total[KM_DIFF_NEW];
	char before[KM_DIFF_NUMBER_SIZE], after[KM_DIFF_NUMBER_SIZE], net[KM_DIFF_NUMBER_SIZE];
	double percent;

	km_out_printf(out, "Total: Before=%s, After=%s",
		      km_diff_number(base->mean, decimals, false, before),
		      km_diff_number(new->mean, decimals, false, after));
	if (km_diff_percent(new->mean - base->mean, base->mean, &percent))
		km_out_printf(out, ", chg %+.2f%%", percent);
	km_out_puts(out, "\n");
	for (enum km_diff_side_id side = 0; side < KM_NR_DIFF_SIDES; side++) {
		const struct km_diff_value *value = &diff->total[side];

		if (value->nr > 1)
			km_out_printf(out, "  %s: %s..%s, standard deviation %s\n",
				      km_diff_side_name(side),
				      km_diff_number(value->min, decimals, false, before),
				      km_diff_number(value->max, decimals, false, after),
				      km_diff_number(value->sd, decimals, false, net));
	}
	if (!diff->nr_noise)
		return;
	km_out_printf(out, "noise: %zu difference%s", diff->nr_noise,
		      diff->nr_noise == 1 ? "" : "s");
	if (diff->options.unit != KM_DIFF_HIT)
		km_out_printf(out, " (%s)", km_diff_number(diff->noise_net, decimals, true, net));
	km_out_printf(out, "%s\n",
		      options->show_noise ? "" : ", not counted; --show-noise lists them");
}

static struct km_error *write_finding(const struct km_diff *diff, const struct km_diff_finding *row,
				      const struct km_diff_render_options *options,
				      struct km_out *out)
{
	const struct km_snap_finding *finding = row->finding;
	const struct km_render_options paint = { .use_color = options->use_color };
	const enum km_paint color = km_paint_of_severity(finding->severity);
	char source[KM_SOURCE_SIZE], *name = km_diff_finding_name(finding);

	if (!name)
		return &km_error_memory;
	km_paint_begin(out, &paint, color);
	km_out_printf(out, "  %-6s", km_finding_severity_name(finding->severity));
	km_paint_end(out, &paint, color);
	km_out_puts(out, " ");
	km_out_puts_safe(out, finding->rule);
	km_out_puts(out, "  ");
	km_out_puts_safe(out, km_diff_source_text(finding->file, finding->line, source));
	km_out_puts(out, *source ? "  " : "");
	km_out_puts_safe(out, name);
	free(name);
	if (diff->nr_traces[row->side] > 1)
		km_out_printf(out, "  (in %zu of %zu traces)", row->nr_traces,
			      diff->nr_traces[row->side]);
	km_out_puts(out, "\n         ");
	km_text_wrap(out, finding->message, 9, 9, options->width);
	if (row->side == KM_DIFF_NEW) {
		km_out_puts(out, "         ");
		km_text_wrap(out, finding->advice, 9, 9, options->width);
	}
	return NULL;
}

static struct km_error *write_findings(const struct km_diff *diff,
				       const struct km_diff_render_options *options,
				       struct km_out *out)
{
	const size_t nr = km_diff_nr_shown_findings(diff, options);
	const size_t nr_counted = diff->nr_new_findings + diff->nr_gone_findings;
	struct km_error *error = NULL;
	size_t nr_of_kind = 0, nr_left_out = 0;

	km_out_printf(out, "\nfindings: %zu new, %zu gone", diff->nr_new_findings,
		      diff->nr_gone_findings);
	if (diff->nr_findings > nr_counted)
		km_out_printf(out, ", %zu in some traces only, not counted",
			      diff->nr_findings - nr_counted);
	km_out_puts(out, "\n");
	for (size_t i = 0; !error && i < nr; i++) {
		const char *head = i == nr_counted              ? "in some traces only:\n"
				   : i == diff->nr_new_findings ? "gone:\n"
				   : i == 0                     ? "new:\n"
								: NULL;

		nr_of_kind = head ? 0 : nr_of_kind;
		km_out_puts(out, head ? head : "");
		if (options->max_rows && nr_of_kind++ >= options->max_rows)
			nr_left_out++;
		else
			error = write_finding(diff, &diff->findings[i], options, out);
	}
	if (nr_left_out)
		km_out_printf(out, "... %zu more (-l 0 shows all)\n", nr_left_out);
	return error;
}

struct km_error *km_render_diff_text(const struct km_diff *diff,
				     const struct km_diff_render_options *options,
				     struct km_out *out)
{
	const int decimals = km_diff_decimals(diff);
	struct km_error *error = write_head(diff, options, out);

	if (error)
		return error;
	write_counts(diff, decimals, out);
	error = write_rows(diff, options, decimals, out);
	if (error)
		return error;
	write_total(diff, options, decimals, out);
	return write_findings(diff, options, out);
}
