/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is still there when the trace ends, by call site. */
#include "render/life.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	TREND_CELLS = 16,
	TREND_BYTES = 3 * TREND_CELLS + 1, /* of UTF-8 */
};

enum column { SITE, BYTES, OBJECTS, ALLOCATED, PEAK, TREND, SOURCE, NR_COLUMNS };

/* Live bytes over the trace, scaled to their peak: each cell is the most of its samples. */
static const char *trend_text(const struct km_report *report, const struct km_life_stats *life,
			      bool use_blocks, char buf[static TREND_BYTES])
{
	size_t nr = report->lives->nr_samples;
	size_t nr_cells = nr < TREND_CELLS ? nr : TREND_CELLS;
	uint64_t cells[TREND_CELLS] = { 0 }, most = 0;
	char *end = buf;

	for (size_t i = 0; i < nr; i++) {
		uint64_t *cell = &cells[i * nr_cells / nr];

		if (life->samples[i] > *cell)
			*cell = life->samples[i];
		if (life->samples[i] > most)
			most = life->samples[i];
	}
	*buf = '\0';
	for (size_t i = 0; i < nr_cells; i++)
		end = stpcpy(end, km_spark_cell(km_spark_eighths(cells[i], most), use_blocks));
	return buf;
}

static void add_row(struct km_table *table, const struct km_report *report,
		    const struct km_callsite *site, const struct km_render_options *options)
{
	char address[KM_ADDRESS_SIZE], source[KM_SOURCE_SIZE], human[KM_HUMAN_SIZE];
	char number[KM_GROUPED_SIZE], trend[TREND_BYTES];
	const struct km_life_stats *life = site->life;

	km_table_add(table, km_callsite_text(site, options, address));
	km_table_add(table, km_human_bytes(life->live_bytes, human));
	km_table_add(table, km_grouped(life->live, number));
	km_table_add(table, km_grouped(life->allocs, number));
	km_table_add(table, km_human_bytes(life->peak_bytes, human));
	km_table_add(table, trend_text(report, life, options->use_blocks, trend));
	km_table_add(table, km_source_text(site, source));
}

/* "Live", or what it is if that is not sure. */
static const char *live_header(const struct km_report *report)
{
	const char *mark = km_live_mark(report);

	return !*mark ? "Live" : strcmp(mark, "at most ") == 0 ? "Live, at most" : "Live, about";
}

static struct km_error *write_table(const struct km_report *report,
				    const struct km_render_options *options, struct km_out *out)
{
	const struct km_list *list = &options->view->lists[KM_LIST_LIVE];
	const struct km_table_column columns[NR_COLUMNS] = {
		[SITE] = { .header = "Callsite", .cut = KM_CUT_SITE },
		[BYTES] = { .header = live_header(report), .is_number = true },
		[OBJECTS] = { .header = "Objects", .is_number = true },
		[ALLOCATED] = { .header = "Allocated", .is_number = true },
		[PEAK] = { .header = "Peak", .is_number = true },
		[TREND] = { .header = "Over time", .drops = true, .yields = true },
		[SOURCE] = { .header = "File:line",
			     .drops = true,
			     .moves = true,
			     .cut = KM_CUT_HEAD },
	};
	struct km_table table;
	struct km_error *error;

	km_table_init(&table, columns, NR_COLUMNS);
	for (size_t i = 0; i < list->nr_rows; i++)
		add_row(&table, report, list->rows[i], options);
	error = km_table_write(&table, options, 0, out);
	km_table_deinit(&table);
	return error;
}

struct km_error *km_render_live(const struct km_report *report,
				const struct km_render_options *options, struct km_out *out)
{
	const struct km_list *list = &options->view->lists[KM_LIST_LIVE];
	struct km_error *error;

	if (!report->lives) {
		km_render_no_lives(options, out);
	} else if (list->nr_rows == 0) {
		km_out_puts(out, "nothing that was allocated is live at the end\n");
	} else {
		error = write_table(report, options, out);
		if (error)
			return error;
		if (list->nr_left_out)
			km_out_printf(out, "%zu more %s: --lines 0 shows all\n", list->nr_left_out,
				      list->listing->rows_of);
	}
	km_out_puts(out, "\n");
	km_render_totals(report, options, out);
	return NULL;
}
