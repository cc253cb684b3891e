/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An open row, with all that is known of it; and the help. */
#include "top/board.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/spark.h"

enum {
	MOST_BAR = 40,   /* columns of a bar of lifetimes */
	MOST_SITES = 20, /* call sites that are listed with a size class */
};

/* A line for one measure over the last periods, scaled to its most. */
static void paint_history(const struct km_top_board *board, const char *name, const char *unit,
			  const float *values, uint32_t nr, bool is_bytes,
			  struct km_top_canvas *canvas)
{
	char line[KM_TOP_HISTORY * 3 + 1] = "", buf[KM_CELL_SIZE];
	uint32_t first = 0;
	float most = 0;

	if (canvas->width && canvas->width < nr + 30)
		first = canvas->width > 40 ? nr - (uint32_t)(canvas->width - 30)
			: nr > 10          ? nr - 10
					   : 0;
	for (uint32_t i = first; i < nr; i++)
		most = values[i] > most ? values[i] : most;
	for (uint32_t i = first; i < nr; i++) {
		unsigned int eighths = most > 0 ? (unsigned int)lrintf(8 * values[i] / most) : 0;

		if (!eighths && values[i] > 0)
			eighths = 1;
		strcat(line, km_spark_cell(eighths, board->options.use_blocks));
	}
	km_top_canvas_add(canvas, KM_TOP_PLAIN, "%-10s |%s| most %s%s", name, line,
			  is_bytes ? km_top_bytes_text((double)most, buf)
				   : km_top_count_text((double)most, buf),
			  unit);
}

static void paint_source(const struct km_top_board *board, const struct km_top_row *row,
			 struct km_top_canvas *canvas)
{
	struct km_top_source source;

	if (!board->options.source)
		return;
	source = board->options.source(board->options.source_arg, row);
	if (source.is_pending) {
		km_top_canvas_add(canvas, KM_TOP_DIM, "source: being looked up ...");
		return;
	}
	if (!*source.line && !*source.type) {
		km_top_canvas_add(canvas, KM_TOP_DIM,
				  "source: not known (no debug information for it)");
		return;
	}
	km_top_canvas_add(canvas, KM_TOP_PLAIN, "source: %s%s%s", source.line,
			  *source.chain ? "  in " : "", source.chain);
	if (*source.type)
		km_top_canvas_wrap(canvas, KM_TOP_PLAIN, 8, source.type);
}

static void paint_numbers(const struct km_top_board *board, const struct km_top_row *row,
			  struct km_top_canvas *canvas)
{
	char a[KM_GROUPED_SIZE], b[KM_HUMAN_SIZE], c[KM_HUMAN_SIZE], d[KM_HUMAN_SIZE];
	char e[KM_CELL_SIZE], f[KM_CELL_SIZE], g[KM_CELL_SIZE], h[KM_CELL_SIZE];

	km_top_canvas_add(canvas, KM_TOP_PLAIN,
			  "allocations: %s, requested %s, allocated %s, "
			  "waste %s (%.1f%%)",
			  km_grouped(row->hits, a), km_human_bytes(row->bytes_req, b),
			  km_human_bytes(row->bytes_alloc, c), km_human_bytes(row->bytes_waste, d),
			  row->frag_percent);
	km_top_canvas_add(canvas, KM_TOP_PLAIN, "now: %s allocs/s, %sB/s, waste %sB/s",
			  km_top_count_text(row->hits_rate, e),
			  km_top_bytes_text(row->bytes_rate, f),
			  km_top_bytes_text(row->waste_rate, g));
	if (!row->has_life)
		return;
	km_top_canvas_add(canvas, KM_TOP_PLAIN,
			  "live: %s%s in %s objects, %s since the frame before, %s in all",
			  board->frame->is_live_unsure ? "about " : "",
			  km_human_bytes(row->live_bytes, b), km_grouped(row->live, a),
			  km_top_growth_text((double)row->growth, g),
			  km_top_growth_text((double)row->growth_since, h));
	if (row->peak_bytes)
		km_top_canvas_add(canvas, KM_TOP_PLAIN, "most that was live at once: %s",
				  km_human_bytes(row->peak_bytes, b));
	if (row->freed)
		km_top_canvas_add(canvas, KM_TOP_PLAIN, "freed: %s, %s%.1f%% on another CPU",
				  km_grouped(row->freed, a), row->lifetimes ? "" : "of them ",
				  100.0 * (double)row->pingpong / (double)row->freed);
}

static void paint_histories(const struct km_top_board *board, const struct km_top_row *row,
			    struct km_top_canvas *canvas)
{
	km_top_canvas_add(canvas, KM_TOP_PLAIN, "%s", "");
	km_top_canvas_add(canvas, KM_TOP_BOLD, "Last %" PRIu32 " periods", row->nr_history);
	paint_history(board, "allocs/s", "/s", row->rates, row->nr_history, false, canvas);
	if (row->has_life)
		paint_history(board, "live bytes", "B", row->lives, row->nr_history, true, canvas);
}

static void paint_sizes(const struct km_top_row *row, struct km_top_canvas *canvas)
{
	char hits[KM_GROUPED_SIZE], waste[KM_CELL_SIZE];

	km_top_canvas_add(canvas, KM_TOP_PLAIN, "%s", "");
	km_top_canvas_add(canvas, KM_TOP_BOLD, "%10s %10s %15s %8s  %s", "REQUESTED", "ALLOCATED",
			  "HITS", "WASTE", "CACHE");
	for (size_t i = 0; i < row->nr_sizes; i++) {
		const struct km_top_size *size = &row->sizes[i];
		const uint32_t over = size->bytes_alloc > size->bytes_req
					      ? size->bytes_alloc - size->bytes_req
					      : 0;

		km_top_canvas_add(canvas, KM_TOP_PLAIN, "%10" PRIu32 " %10" PRIu32 " %15s %8s  %s",
				  size->bytes_req, size->bytes_alloc, km_grouped(size->hits, hits),
				  km_top_bytes_text((double)over * (double)size->hits, waste),
				  size->cache ? size->cache : "");
	}
}

/* Lifetimes by powers of four: two buckets a line. */
static void paint_lifetimes(const struct km_top_board *board, const struct km_top_row *row,
			    struct km_top_canvas *canvas)
{
	const size_t room = canvas->width > 60   ? MOST_BAR
			    : canvas->width > 30 ? canvas->width - 26
						 : MOST_BAR;
	int first = KM_LIFE_BUCKETS, last = -1;
	uint64_t most = 0;
	char bar[MOST_BAR * 3 + 1], time[KM_HUMAN_SIZE], number[KM_CELL_SIZE];

	for (int i = 0; row->lifetimes && i < KM_LIFE_BUCKETS / 2; i++) {
		const uint64_t nr = km_sat_add(row->lifetimes[2 * i], row->lifetimes[2 * i + 1]);

		if (!nr)
			continue;
		first = first < i ? first : i;
		last = i;
		most = nr > most ? nr : most;
	}
	if (last < 0)
		return;
	km_top_canvas_add(canvas, KM_TOP_PLAIN, "%s", "");
	km_top_canvas_add(canvas, KM_TOP_BOLD, "Lifetimes of what was freed%s",
			  board->frame->has_raw_time ? ", in counts of the clock" : "");
	for (int i = first; i <= last; i++) {
		const uint64_t nr = km_sat_add(row->lifetimes[2 * i], row->lifetimes[2 * i + 1]);
		const uint64_t end = 1ULL << (2 * i + 2);
		size_t len = (size_t)((double)room * (double)nr / (double)most + 0.5);

		bar[0] = '\0';
		for (len += nr && !len; len; len--)
			strcat(bar, km_spark_bar(8, board->options.use_blocks));
		if (board->frame->has_raw_time)
			snprintf(time, sizeof(time), "%" PRIu64, end);
		else
			km_human_ns(end, time);
		km_top_canvas_add(canvas, KM_TOP_PLAIN, "  under %8s %7s  %s", time,
				  km_top_count_text((double)nr, number), bar);
	}
}

static void paint_finding(const struct km_top_row *finding, struct km_top_canvas *canvas)
{
	char head[96];

	snprintf(head, sizeof(head), "%s: %s", km_finding_severity_name(finding->severity),
		 finding->rule);
	km_top_canvas_add(canvas, KM_TOP_PLAIN, "%s", "");
	km_top_canvas_add(canvas,
			  finding->severity == KM_FIND_HIGH     ? KM_TOP_ALARM
			  : finding->severity == KM_FIND_MEDIUM ? KM_TOP_WARN
								: KM_TOP_BOLD,
			  "%s", head);
	km_top_canvas_wrap(canvas, KM_TOP_PLAIN, 2, finding->message);
	km_top_canvas_wrap(canvas, KM_TOP_PLAIN, 2, finding->advice);
}

static void paint_site(const struct km_top_board *board, const struct km_top_row *row,
		       struct km_top_canvas *canvas)
{
	const struct km_top_frame *frame = board->frame;
	bool has_finding = false;

	km_top_canvas_add(canvas, KM_TOP_HEADER, "%-*s", canvas->width ? (int)canvas->width : 0,
			  row->name);
	km_top_canvas_add(canvas, KM_TOP_PLAIN, "%s, most of it from %s", row->event,
			  *row->size_class ? row->size_class : "no size class");
	paint_source(board, row, canvas);
	paint_numbers(board, row, canvas);
	for (size_t i = 0; i < frame->nr_findings; i++)
		if (frame->findings[i].site == row->id) {
			paint_finding(&frame->findings[i], canvas);
			has_finding = true;
		}
	if (!has_finding)
		km_top_canvas_add(canvas, KM_TOP_DIM, "no finding about it");
	paint_histories(board, row, canvas);
	paint_sizes(row, canvas);
	paint_lifetimes(board, row, canvas);
}

/* A size class or cache: with the call sites that most of whose bytes are in it. */
static void paint_class(const struct km_top_board *board, const struct km_top_row *row,
			struct km_top_canvas *canvas)
{
	const struct km_top_frame *frame = board->frame;
	char waste[KM_CELL_SIZE], rate[KM_CELL_SIZE];
	size_t nr = 0;

	km_top_canvas_add(canvas, KM_TOP_HEADER, "%-*s", canvas->width ? (int)canvas->width : 0,
			  row->name);
	paint_numbers(board, row, canvas);
	paint_histories(board, row, canvas);
	/* the report has call sites by waste */
	for (size_t i = 0; i < frame->nr_sites && nr < MOST_SITES; i++) {
		const struct km_top_row *site = &frame->sites[i];

		if (strcmp(site->size_class, row->name) != 0)
			continue;
		if (!nr++) {
			km_top_canvas_add(canvas, KM_TOP_PLAIN, "%s", "");
			km_top_canvas_add(canvas, KM_TOP_BOLD, "%8s %8s  %s", "WASTE", "ALLOC/s",
					  "CALL SITES WITH MOST OF THEIR BYTES IN IT");
		}
		km_top_canvas_add(canvas, KM_TOP_PLAIN, "%8s %8s  %s",
				  km_top_bytes_text((double)site->bytes_waste, waste),
				  km_top_count_text(site->hits_rate, rate), site->name);
	}
}

void km_top_paint_detail(const struct km_top_board *board, struct km_top_canvas *canvas)
{
	const struct km_top_row *row = km_top_board_opened(board);
	const struct km_top_frame *frame = board->frame;

	if (!row) {
		km_top_canvas_add(canvas, KM_TOP_DIM, "it is not in this frame");
		return;
	}
	switch (board->opened_in) {
	case KM_TOP_CLASSES:
	case KM_TOP_CACHES:
		paint_class(board, row, canvas);
		return;
	case KM_TOP_FINDINGS:
		for (size_t i = 0; i < frame->nr_sites; i++) {
			if (frame->sites[i].id != row->site)
				continue;
			paint_site(board, &frame->sites[i], canvas);
			return;
		}
		/* of another layer than slab */
		km_top_canvas_add(canvas, KM_TOP_HEADER, "%s", row->name);
		paint_finding(row, canvas);
		return;
	default:
		paint_site(board, row, canvas);
	}
}

void km_top_paint_help(const struct km_top_board *board, struct km_top_canvas *canvas)
{
	static const char *const keys[][2] = {
		{ "1 2 3 4 5, Tab", "call sites, size classes, caches, live, findings" },
		{ "Up Down j k", "select a row; PgUp PgDn Home End: further" },
		{ "Enter", "open it: sizes, lifetimes, source, structure, findings" },
		{ "Esc q", "back; Esc in a table: show all rows again" },
		{ "/", "filter: rows with that text, or that match a glob (*?[)" },
		{ "< >", "sort by the column to the left, to the right" },
		{ "r", "the other way round" },
		{ "Space p", "freeze the screen; events go on being counted" },
		{ "0", "count growth (SINCE) from now on" },
		{ "w", "write a report of what is shown; its format by the name's end" },
		{ "h ?", "this help" },
		{ "q", "quit" },
	};
	const struct km_top_column *column;

	km_top_canvas_add(canvas, KM_TOP_BOLD, "Keys");
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		km_top_canvas_add(canvas, KM_TOP_PLAIN, "  %-15s %s", keys[i][0], keys[i][1]);
	km_top_canvas_add(canvas, KM_TOP_PLAIN, "%s", "");
	km_top_canvas_add(canvas, KM_TOP_BOLD,
			  "Columns, with the key that sorts by each (twice: the other way round)");
	for (size_t i = 0; (column = km_top_column_at(i)); i++)
		km_top_canvas_add(canvas, KM_TOP_PLAIN, "  %c %-9s %s", column->letter,
				  column->header, column->help);
	if (board->frame && board->frame->is_live_unsure)
		km_top_canvas_wrap(canvas, KM_TOP_WARN, 0,
				   "What is live is not sure: events were lost, or frees have no "
				   "event.");
}
