/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events and losses, in every text output that has totals. */
#include "render/life.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void write_events(const struct km_quality *quality, const struct km_render_options *options,
			 struct km_out *out)
{
	char number[KM_GROUPED_SIZE], *line = NULL;
	size_t size = 0;
	FILE *stream = km_line_open(out, &line, &size);
	const char *separator = ": ";

	if (!stream)
		return;
	fprintf(stream, "%s events", km_grouped(km_quality_events_total(quality), number));
	for (enum km_counter i = 0; i < KM_NR_COUNTERS; i++) {
		const struct km_counter_info *info = km_counter_info(i);

		/* what the table has behind the losses is part of the events used */
		if (info->severity != KM_SEV_COUNT)
			separator = "; ";
		if (info->severity != KM_SEV_COUNT || !quality->count[i])
			continue;
		fprintf(stream, "%s%s %s", separator, km_grouped(quality->count[i], number),
			km_counter_text(info, quality->count[i]));
		separator = ", ";
	}
	km_line_write(out, stream, &line, 0, 2, options->width);
}

/* `detail` is what more is known, or NULL. */
static void write_counter(const struct km_counter_info *info, uint64_t count, const char *detail,
			  const struct km_render_options *options, struct km_out *out)
{
	bool is_note = info->severity == KM_SEV_NOTE;
	enum km_paint paint = is_note                         ? KM_PAINT_CYAN
			      : info->severity == KM_SEV_LOSS ? KM_PAINT_YELLOW
							      : KM_PAINT_RED;
	const char *label = is_note ? "note:" : "warning:";
	char number[KM_GROUPED_SIZE], *line;

	if (asprintf(&line, "%s %s%s%s%s%s", km_grouped(count, number),
		     km_counter_text(info, count), info->advice ? ": " : "",
		     info->advice ? info->advice : "", detail ? "; " : "",
		     detail ? detail : "") < 0) {
		out->error = out->error ? out->error : ENOMEM;
		return;
	}
	km_paint_begin(out, options, paint);
	km_out_puts(out, label);
	km_paint_end(out, options, paint);
	km_out_puts(out, " ");
	km_text_wrap(out, line, km_utf8_width(label) + 1, 2, options->width);
	free(line);
}

/* Every counter that is not plain bookkeeping, with its advice. */
static void write_losses(const struct km_report *report, const struct km_render_options *options,
			 struct km_out *out)
{
	const struct km_quality *quality = &report->quality;
	const struct km_input_info *input = report->input;

	for (enum km_counter i = 0; i < KM_NR_COUNTERS; i++) {
		const struct km_counter_info *info = km_counter_info(i);

		if (info->severity != KM_SEV_COUNT && quality->count[i])
			write_counter(info, quality->count[i],
				      input->detail && input->detail_counter == i ? input->detail
										  : NULL,
				      options, out);
	}
}

char *km_counts_text(const struct km_report *report)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	const char *comma = "";

	if (!stream)
		return NULL;
	fputs("counted by hist triggers in the kernel: findings are those of ", stream);
	for (enum km_rule i = 0; i < KM_NR_RULES; i++) {
		const struct km_rule_info *rule = km_rule_info(i);

		if (rule->needs_pairs || rule->needs_locality || rule->needs_own_caches)
			continue;
		fprintf(stream, "%s%s", comma, rule->name);
		comma = ", ";
	}
	fputs(" alone; what lived, who freed it, tasks and times take every event (--raw)", stream);
	if (fclose(stream)) {
		free(text);
		return NULL;
	}
	return text;
}

/* What cannot be told, if there were counts and no events. */
static void write_collection(const struct km_report *report,
			     const struct km_render_options *options, struct km_out *out)
{
	char *text;

	if (!report->input->is_counts)
		return;
	text = km_counts_text(report);
	if (!text) {
		out->error = out->error ? out->error : ENOMEM;
		return;
	}
	km_paint_begin(out, options, KM_PAINT_CYAN);
	km_out_puts(out, "note:");
	km_paint_end(out, options, KM_PAINT_CYAN);
	km_out_puts(out, " ");
	km_text_wrap(out, text, km_utf8_width("note: "), 2, options->width);
	free(text);
}

void km_render_quality(const struct km_report *report, const struct km_render_options *options,
		       struct km_out *out)
{
	write_events(&report->quality, options, out);
	write_losses(report, options, out);
}

/* "slab: 5 allocations, 3 frees"; further parts of the line go behind it. */
static FILE *open_layer(const struct km_layer_summary *summary, const struct km_report *report,
			struct km_out *out, char **line, size_t *size)
{
	bool is_least = km_quality_is_incomplete(&report->quality);
	char grouped[KM_GROUPED_SIZE];
	FILE *stream = km_line_open(out, line, size);

	if (!stream)
		return NULL;
	fprintf(stream, "%s%s: %s %s", summary->layer, is_least ? " (lower bounds)" : "",
		km_grouped(summary->allocs, grouped),
		summary->allocs == 1 ? "allocation" : "allocations");
	fprintf(stream, ", %s %s", km_grouped(summary->frees, grouped),
		summary->frees == 1 ? "free" : "frees");
	return stream;
}

static void write_slab(const struct km_report *report, const struct km_render_options *options,
		       struct km_out *out)
{
	const struct km_layer_summary *slab = &report->slab;
	char human[KM_HUMAN_SIZE], *line = NULL;
	size_t size = 0;
	FILE *stream = open_layer(slab, report, out, &line, &size);

	if (!stream)
		return;
	fprintf(stream, "; requested %s", km_human_bytes(slab->bytes_req, human));
	fprintf(stream, ", allocated %s", km_human_bytes(slab->bytes_alloc, human));
	fprintf(stream, ", wasted %s", km_human_bytes(slab->bytes_waste, human));
	if (slab->bytes_alloc)
		fprintf(stream, " (%.1f%%)",
			100.0 * (double)slab->bytes_waste / (double)slab->bytes_alloc);
	km_line_write(out, stream, &line, 0, 2, options->width);
}

static void write_percpu(FILE *stream, const struct km_report *report)
{
	char human[KM_HUMAN_SIZE];

	fprintf(stream, "; requested %s", km_human_bytes(report->percpu.bytes_req, human));
	/* before 5.19 only the bytes on one CPU are told */
	if (!report->percpus || report->percpus->has_bytes)
		fprintf(stream, ", on all CPUs allocated %s",
			km_human_bytes(report->percpu.bytes_alloc, human));
	if (report->percpus)
		km_print_percpu_life(stream, report->percpus);
}

static void write_page(FILE *stream, const struct km_report *report)
{
	char human[KM_HUMAN_SIZE];

	fprintf(stream, "; allocated %s", km_human_bytes(report->page.bytes_alloc, human));
	if (report->pages)
		km_print_page_life(stream, report->pages);
}

/* The layers beside slab, if they have events. */
static void write_others(const struct km_report *report, const struct km_render_options *options,
			 struct km_out *out)
{
	const struct km_layer_summary *others[] = { &report->percpu, &report->page };

	for (size_t i = 0; i < 2; i++) {
		char *line = NULL;
		size_t size = 0;
		FILE *stream;

		if (!others[i]->allocs && !others[i]->frees)
			continue;
		stream = open_layer(others[i], report, out, &line, &size);
		if (!stream)
			return;
		if (others[i] == &report->percpu)
			write_percpu(stream, report);
		else
			write_page(stream, report);
		km_line_write(out, stream, &line, 0, 2, options->width);
	}
}

static void write_totals(const struct km_report *report, const struct km_render_options *options,
			 struct km_out *out)
{
	write_slab(report, options, out);
	km_render_lives(report, options, out);
	write_others(report, options, out);
}

void km_render_totals(const struct km_report *report, const struct km_render_options *options,
		      struct km_out *out)
{
	write_events(&report->quality, options, out);
	write_totals(report, options, out);
	write_losses(report, options, out);
	write_collection(report, options, out);
}
