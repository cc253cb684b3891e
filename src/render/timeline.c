/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Live bytes and live waste over time: charts of text, a column of it for one or several ticks,
 *
 *	Live: 1.2 MiB at the end
 *	          |        v 3.4 MiB at 21.163
 *	  3.4 MiB |        #
 *	          |       :#.
 *	          |...::::###:::
 *	      0 B +-------------
 *
 * then who had what at the peak,
 * and the ticks as comma-separated values.
 */
#include "render/life.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	LABEL_WIDTH = 10, /* "1023.9 KiB" */
	GUTTER = LABEL_WIDTH + 2,
	DEFAULT_WIDTH = 80, /* where the width is not known */
	LEAST_COLUMNS = 8,
	LIVE_ROWS = 8,
	OTHER_ROWS = 3,
};

/* The columns of a chart. */
struct chart {
	uint64_t cells[KM_LIFE_TICKS];
	size_t nr;
	size_t nr_ticks; /* of a column */
	uint64_t most;
};

enum series { LIVE_BYTES, LIVE_WASTE, ALLOCS };

static uint64_t value_of(const struct km_tick *tick, enum series series)
{
	switch (series) {
	case LIVE_BYTES:
		return tick->peak_bytes;
	case LIVE_WASTE:
		return tick->live_waste;
	case ALLOCS:
		break;
	}
	return tick->allocs;
}

/*
 * Columns have the most of their ticks; of what is counted the sum. All but the last have as
 * many ticks, or else some would be higher than their neighbours for that alone.
 */
static void make_chart(const struct km_lives *lives, enum series series, size_t max_columns,
		       struct chart *ret)
{
	*ret = (struct chart){ .nr_ticks = (lives->nr_ticks + max_columns - 1) / max_columns };
	ret->nr = (lives->nr_ticks + ret->nr_ticks - 1) / ret->nr_ticks;
	for (size_t i = 0; i < lives->nr_ticks; i++) {
		uint64_t *cell = &ret->cells[i / ret->nr_ticks];
		uint64_t value = value_of(&lives->ticks[i], series);

		if (series == ALLOCS)
			*cell = km_sat_add(*cell, value);
		else if (value > *cell)
			*cell = value;
		if (*cell > ret->most)
			ret->most = *cell;
	}
}

/* Eighths of a cell in row `row` of `nr_rows`, from below. */
static unsigned int eighths_of(const struct chart *chart, size_t column, unsigned int row,
			       unsigned int nr_rows)
{
	uint64_t value = chart->cells[column];
	double full = 8.0 * nr_rows, height;

	if (!value)
		return 0;
	height = full * (double)value / (double)chart->most + 0.5;
	height = height < 1 ? 1 : height > full ? full : height;
	height -= 8.0 * row;
	return height < 0 ? 0 : height > 8 ? 8 : (unsigned int)height;
}

static void write_row(const struct chart *chart, const char *label, unsigned int row,
		      unsigned int nr_rows, bool use_blocks, struct km_out *out)
{
	size_t nr = chart->nr;

	km_out_printf(out, "%*s |", LABEL_WIDTH, label);
	while (nr && !eighths_of(chart, nr - 1, row, nr_rows))
		nr--;
	for (size_t i = 0; i < nr; i++)
		km_out_puts(out, km_spark_bar(eighths_of(chart, i, row, nr_rows), use_blocks));
	km_out_puts(out, "\n");
}

static void write_chart(const struct chart *chart, unsigned int nr_rows, bool is_bytes,
			const struct km_render_options *options, struct km_out *out)
{
	char most[KM_GROUPED_SIZE];

	if (is_bytes)
		km_human_bytes(chart->most, most);
	else
		km_grouped(chart->most, most);
	for (unsigned int row = nr_rows; row-- > 0;)
		write_row(chart, row + 1 == nr_rows ? most : "", row, nr_rows, options->use_blocks,
			  out);
	km_out_printf(out, "%*s +", LABEL_WIDTH, is_bytes ? "0 B" : "0");
	for (size_t i = 0; i < chart->nr; i++)
		km_out_puts(out, "-");
	km_out_puts(out, "\n");
}

/* Times of the first and the last column below the last chart. */
static void write_times(const struct km_report *report, const struct chart *chart,
			struct km_out *out)
{
	char first[KM_TIME_SIZE], last[KM_TIME_SIZE];
	size_t width;

	km_time_text(report, report->lives->first_ns, first);
	km_time_text(report, report->lives->last_ns, last);
	km_out_printf(out, "%*s%s", GUTTER, "", first);
	width = strlen(first) + strlen(last);
	if (width + 1 < chart->nr)
		km_out_printf(out, "%*s%s", (int)(chart->nr - width), "", last);
	km_out_puts(out, "\n");
}

/* The mark over the column of the peak, with what it is on the side where it has room. */
static void write_peak(const struct km_report *report, const struct chart *chart,
		       struct km_out *out)
{
	const struct km_lives *lives = report->lives;
	const struct km_life_stats *total = &lives->total;
	char human[KM_HUMAN_SIZE], time[KM_TIME_SIZE], *text;
	size_t tick = 0, column, width;

	if (lives->tick_ns && total->peak_ns > lives->first_ns)
		tick = (total->peak_ns - lives->first_ns) / lives->tick_ns;
	if (tick >= lives->nr_ticks)
		tick = lives->nr_ticks - 1;
	column = tick / chart->nr_ticks;
	if (asprintf(&text, "%s at %s", km_human_bytes(total->peak_bytes, human),
		     km_time_text(report, total->peak_ns, time)) < 0) {
		out->error = out->error ? out->error : ENOMEM;
		return;
	}
	width = strlen(text);
	km_out_printf(out, "%*s |", LABEL_WIDTH, "");
	if (column + 2 + width <= chart->nr)
		km_out_printf(out, "%*sv %s\n", (int)column, "", text);
	else if (column > width)
		km_out_printf(out, "%*s%s v\n", (int)(column - width - 1), "", text);
	else
		km_out_printf(out, "%*sv\n", (int)column, "");
	free(text);
}

/* "Live bytes: at most 1.2 MiB at the end: bulk frees have no event" */
static void write_live_title(const struct km_report *report,
			     const struct km_render_options *options, struct km_out *out)
{
	const struct km_life_stats *total = &report->lives->total;
	char human[KM_HUMAN_SIZE], *line = NULL;
	size_t size = 0;
	FILE *stream = km_line_open(out, &line, &size);

	if (!stream)
		return;
	fprintf(stream, "Live bytes: %s%s at the end", km_live_mark(report),
		km_human_bytes(total->live_bytes, human));
	if (report->is_live_unsure) {
		fputs(": ", stream);
		km_live_print_reasons(stream, report);
	}
	km_line_write(out, stream, &line, 0, 2, options->width);
}

static void write_charts(const struct km_report *report, const struct km_render_options *options,
			 struct km_out *out)
{
	const struct km_lives *lives = report->lives;
	size_t width = options->width ? options->width : DEFAULT_WIDTH;
	size_t max_columns = width > GUTTER + LEAST_COLUMNS ? width - GUTTER : LEAST_COLUMNS;
	char time[KM_TIME_SIZE], human[KM_HUMAN_SIZE];
	struct chart chart;

	write_live_title(report, options, out);
	make_chart(lives, LIVE_BYTES, max_columns, &chart);
	write_peak(report, &chart, out);
	write_chart(&chart, LIVE_ROWS, true, options, out);
	km_out_printf(out, "Live waste: %s%s at the end\n", km_live_mark(report),
		      km_human_bytes(lives->ticks[lives->nr_ticks - 1].live_waste, human));
	make_chart(lives, LIVE_WASTE, max_columns, &chart);
	write_chart(&chart, OTHER_ROWS, true, options, out);
	make_chart(lives, ALLOCS, max_columns, &chart);
	km_out_printf(out, "Allocations in %s%s\n",
		      km_duration_text(report, lives->tick_ns * chart.nr_ticks, time),
		      report->input->has_raw_time ? " counts of the clock" : "");
	write_chart(&chart, OTHER_ROWS, false, options, out);
	write_times(report, &chart, out);
}

static void add_peak_row(struct km_table *table, const struct km_callsite *site, uint64_t of_bytes,
			 const struct km_render_options *options)
{
	char address[KM_ADDRESS_SIZE], source[KM_SOURCE_SIZE], human[KM_HUMAN_SIZE];
	char number[KM_GROUPED_SIZE];
	const struct km_life_stats *life = site->life;

	km_table_add(table, km_callsite_text(site, options, address));
	km_table_add(table, km_human_bytes(life->at_peak_bytes, human));
	km_table_addf(table, "%.1f%%",
		      of_bytes ? 100.0 * (double)life->at_peak_bytes / (double)of_bytes : 0);
	km_table_add(table, km_human_bytes(life->at_peak_waste, human));
	km_table_add(table, km_grouped(life->at_peak, number));
	km_table_add(table, km_source_text(site, source));
}

static struct km_error *write_peak_table(const struct km_report *report, size_t nr,
					 const struct km_render_options *options,
					 struct km_out *out)
{
	static const struct km_table_column columns[] = {
		{ .header = "Callsite", .cut = KM_CUT_SITE },
		{ .header = "At peak", .is_number = true },
		{ .header = "Share", .is_number = true },
		{ .header = "Waste", .is_number = true },
		{ .header = "Objects", .is_number = true },
		{ .header = "File:line", .drops = true, .moves = true, .cut = KM_CUT_HEAD },
	};
	struct km_table table;
	struct km_error *error;

	km_table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < nr; i++)
		add_peak_row(&table, report->peak_sites[i], report->lives->total.peak_bytes,
			     options);
	error = km_table_write(&table, options, 0, out);
	km_table_deinit(&table);
	return error;
}

/* Who had what when most was live. */
static struct km_error *write_peak_sites(const struct km_report *report,
					 const struct km_render_options *options,
					 struct km_out *out)
{
	const struct km_life_stats *total = &report->lives->total;
	const size_t nr =
		report->nr_peak_sites < KM_PEAK_ROWS ? report->nr_peak_sites : KM_PEAK_ROWS;
	char bytes[KM_HUMAN_SIZE], waste[KM_HUMAN_SIZE], number[KM_GROUPED_SIZE];
	struct km_error *error;
	uint64_t rest = 0;

	if (!report->lives->has_peak || !nr)
		return NULL;
	km_out_printf(out, "\nAt the peak: %s in %s objects, of which %s nobody asked for\n",
		      km_human_bytes(total->at_peak_bytes, bytes),
		      km_grouped(total->at_peak, number),
		      km_human_bytes(total->at_peak_waste, waste));
	error = write_peak_table(report, nr, options, out);
	if (error || nr == report->nr_peak_sites)
		return error;
	for (size_t i = nr; i < report->nr_peak_sites; i++)
		rest = km_sat_add(rest, report->peak_sites[i]->life->at_peak_bytes);
	km_out_printf(out, "%zu more call sites: %s; --json has all\n", report->nr_peak_sites - nr,
		      km_human_bytes(rest, bytes));
	return NULL;
}

struct km_error *km_render_timeline(const struct km_report *report,
				    const struct km_render_options *options, struct km_out *out)
{
	struct km_error *error = NULL;

	if (!report->lives) {
		km_render_no_lives(options, out);
	} else if (!report->lives->total.allocs || !report->lives->nr_ticks) {
		km_out_puts(out, "no allocations to show over time\n");
	} else {
		write_charts(report, options, out);
		error = write_peak_sites(report, options, out);
	}
	km_out_puts(out, "\n");
	km_render_totals(report, options, out);
	return error;
}

struct km_error *km_render_timeline_csv(const struct km_report *report,
					const struct km_render_options *options, struct km_out *out)
{
	const struct km_lives *lives = report->lives;

	(void)options;
	km_out_printf(out, "start_%s,live_bytes,live_waste,peak_bytes,allocs,frees\n",
		      report->input->has_raw_time ? "ticks" : "ns");
	for (size_t i = 0; lives && i < lives->nr_ticks; i++) {
		const struct km_tick *tick = &lives->ticks[i];

		km_out_printf(out,
			      "%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64
			      "\n",
			      lives->first_ns + i * lives->tick_ns, tick->live_bytes,
			      tick->live_waste, tick->peak_bytes, tick->allocs, tick->frees);
	}
	return NULL;
}
