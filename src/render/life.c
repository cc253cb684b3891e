/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What became of allocations, in the totals of every view, and what the views of it share. */
#include "render/life.h"

#include <inttypes.h>
#include <stdio.h>

const char *km_duration_text(const struct km_report *report, uint64_t ns,
			     char buf[static KM_TIME_SIZE])
{
	return report->input->has_raw_time ? km_grouped(ns, buf) : km_human_ns(ns, buf);
}

const char *km_time_text(const struct km_report *report, uint64_t ns, char buf[static KM_TIME_SIZE])
{
	uint64_t duration = report->lives ? report->lives->last_ns - report->lives->first_ns
					  : report->duration_ns;
	int digits = duration >= 1000000000 ? 3 : duration >= 1000000 ? 6 : 9;
	uint64_t fraction = ns % 1000000000;

	if (report->input->has_raw_time) {
		snprintf(buf, KM_TIME_SIZE, "%" PRIu64, ns);
		return buf;
	}
	for (int i = digits; i < 9; i++)
		fraction /= 10;
	snprintf(buf, KM_TIME_SIZE, "%" PRIu64 ".%0*" PRIu64, ns / 1000000000, digits, fraction);
	return buf;
}

const char *km_live_mark(const struct km_report *report)
{
	if (!report->is_live_unsure)
		return "";
	if (km_quality_is_incomplete(&report->quality) || report->input->has_hashed_ptrs)
		return "about ";
	return "at most ";
}

void km_live_print_reasons(FILE *stream, const struct km_report *report)
{
	const char *comma = "";

	if (km_quality_is_incomplete(&report->quality)) {
		fputs("events are missing", stream);
		comma = ", ";
	}
	if (report->input->has_hashed_ptrs) {
		fprintf(stream, "%spointers are hashed", comma);
		comma = ", ";
	}
	if (report->lives->total.replaced)
		fprintf(stream, "%sbulk frees have no event", comma);
}

/* The limit of short lives, which is a round number mostly: "1 ms". */
static void print_limit(FILE *stream, uint64_t ns)
{
	char human[KM_HUMAN_SIZE];

	if (ns && ns % 1000000000 == 0)
		fprintf(stream, "%" PRIu64 " s", ns / 1000000000);
	else if (ns && ns % 1000000 == 0)
		fprintf(stream, "%" PRIu64 " ms", ns / 1000000);
	else if (ns && ns % 1000 == 0)
		fprintf(stream, "%" PRIu64 " us", ns / 1000);
	else
		fputs(km_human_ns(ns, human), stream);
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0.0;
}

/* "freed: 1,000 (3.1 MiB), half within 12.3 us, 81.2% within 1 ms; 3.4% on another CPU" */
static void write_freed(const struct km_report *report, const struct km_render_options *options,
			struct km_out *out)
{
	const struct km_life_stats *total = &report->lives->total;
	char number[KM_GROUPED_SIZE], human[KM_HUMAN_SIZE], time[KM_TIME_SIZE], *line = NULL;
	size_t size = 0;
	FILE *stream = km_line_open(out, &line, &size);

	if (!stream)
		return;
	fprintf(stream, "freed: %s (%s), half within %s", km_grouped(total->freed, number),
		km_human_bytes(total->bytes_freed, human),
		km_duration_text(report, km_life_median_ns(total), time));
	if (report->input->has_raw_time) {
		fputs(" counts of the clock", stream);
	} else {
		fprintf(stream, ", %.1f%% within ", percent(total->short_lived, total->freed));
		print_limit(stream, report->lives->short_ns);
	}
	fprintf(stream, "; %s on another CPU (ping-pong, %.1f%%)",
		km_grouped(total->pingpong, number), percent(total->pingpong, total->freed));
	if (total->node_pingpong)
		fprintf(stream, ", %s on another NUMA node",
			km_grouped(total->node_pingpong, number));
	km_line_write(out, stream, &line, 0, 2, options->width);
}

/* Hosts do not have their peaks at one time. */
static void print_peaks(FILE *stream, const struct km_report *report)
{
	char human[KM_HUMAN_SIZE];

	fprintf(stream, ", peaks %s in all",
		km_human_bytes(report->lives->total.peak_bytes, human));
	fprintf(stream, ", %s in one report",
		km_human_bytes(report->merged->live_bytes_peak_most, human));
}

/* "live: at most 123 (1.2 MiB) at the end, peak 3.4 MiB at 21.163: bulk frees have no event" */
static void write_live(const struct km_report *report, const struct km_render_options *options,
		       struct km_out *out)
{
	const struct km_life_stats *total = &report->lives->total;
	char number[KM_GROUPED_SIZE], human[KM_HUMAN_SIZE], time[KM_TIME_SIZE], *line = NULL;
	size_t size = 0;
	FILE *stream = km_line_open(out, &line, &size);

	if (!stream)
		return;
	fprintf(stream, "live: %s%s", km_live_mark(report), km_grouped(total->live, number));
	fprintf(stream, " (%s) at the end", km_human_bytes(total->live_bytes, human));
	if (report->merged)
		print_peaks(stream, report);
	else
		fprintf(stream, ", peak %s at %s", km_human_bytes(total->peak_bytes, human),
			km_time_text(report, total->peak_ns, time));
	if (!report->merged && !report->input->has_raw_time &&
	    total->peak_ns >= report->lives->first_ns)
		fprintf(stream, " (after %s)",
			km_duration_text(report, total->peak_ns - report->lives->first_ns, time));
	if (report->is_live_unsure) {
		fputs(": ", stream);
		km_live_print_reasons(stream, report);
	}
	km_line_write(out, stream, &line, 0, 2, options->width);
}

void km_render_lives(const struct km_report *report, const struct km_render_options *options,
		     struct km_out *out)
{
	if (!report->lives || !report->lives->total.allocs)
		return;
	if (report->lives->total.freed)
		write_freed(report, options, out);
	write_live(report, options, out);
}

void km_render_no_lives(const struct km_render_options *options, struct km_out *out)
{
	km_text_wrap(out,
		     "allocations were not paired with frees: what lived is not known; leave out "
		     "--no-pairing",
		     0, 2, options->width);
}
