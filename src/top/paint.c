/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a board looks like. */
#include "top/board.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/memstream.h"

enum {
	LEAST_NAME = 14,  /* columns are left out before names get narrower */
	LEAST_FIRST = 24, /* before a second, third ... column takes room from names */
	GOOD_NAME = 36,   /* a line of source gets room beyond that */
	MOST_SOURCE = 40,
	MOST_COLUMNS = 16,
};

/* The columns that there is room for. */
struct fitted {
	const struct km_top_column_info *columns[MOST_COLUMNS];
	size_t nr;
	size_t name;    /* width of the name */
	size_t source;  /* of the line of source; 0: not shown */
	size_t message; /* of the message; 0: none */
};

static bool is_there(const struct km_top_board *board, const struct km_top_column_info *column)
{
	return !column->needs_lives ||
	       (board->frame && board->frame->has_lives &&
		!(board->frame->has_raw_time && column->cell == KM_CELL_NS));
}

static void add_column(struct fitted *fitted, const struct km_top_column_info *column)
{
	for (size_t i = 0; i < fitted->nr; i++)
		if (fitted->columns[i] == column)
			return;
	if (fitted->nr < MOST_COLUMNS)
		fitted->columns[fitted->nr++] = column;
}

static size_t longest_name(const struct km_top_board *board)
{
	size_t longest = LEAST_NAME;

	for (size_t i = 0; i < board->nr_rows; i++) {
		const size_t width = km_utf8_width(board->rows[i]->name);

		if (width > longest)
			longest = width;
	}
	return longest;
}

static int compare_places(const void *a, const void *b, void *arg)
{
	const struct km_top_column_info *x = *(const struct km_top_column_info *const *)a;
	const struct km_top_column_info *y = *(const struct km_top_column_info *const *)b;
	const enum km_top_view view = *(const enum km_top_view *)arg;

	return km_top_column_place(view, (int)(x - km_top_column_infos)) -
	       km_top_column_place(view, (int)(y - km_top_column_infos));
}

/* The rest of the line is a message's, or a line of source's, or the name's. */
static void share_rest(const struct km_top_board *board, const struct km_top_layout *layout,
		       size_t rest, struct fitted *fitted)
{
	const size_t longest = longest_name(board);

	fitted->name = rest;
	if (layout->has_message) {
		fitted->name = rest > 100 ? 34 : rest > 60 ? 26 : rest > 40 ? 18 : rest;
		fitted->message = rest > fitted->name ? rest - fitted->name - 1 : 0;
		return;
	}
	if (layout->ends_with_source && board->options.source && rest > GOOD_NAME + 16) {
		fitted->name = longest < GOOD_NAME   ? GOOD_NAME
			       : longest < rest - 17 ? longest
						     : rest - 17;
		fitted->source = rest - fitted->name - 1;
		if (fitted->source > MOST_SOURCE) {
			fitted->name += fitted->source - MOST_SOURCE;
			fitted->source = MOST_SOURCE;
		}
	}
}

static void fit_columns(const struct km_top_board *board, size_t width, struct fitted *ret)
{
	const struct km_top_layout *layout = km_top_layout_of(board->view);
	const struct km_top_column_info *sorted =
		&km_top_column_infos[board->places[board->view].sort];
	enum km_top_view view = board->view;
	size_t taken = 0;

	*ret = (struct fitted){ 0 };
	/* what rows are sorted by is always there */
	if (sorted->width && is_there(board, sorted) &&
	    (!width || sorted->width + 1 + LEAST_NAME <= width)) {
		add_column(ret, sorted);
		taken = sorted->width + 1;
	}
	for (const int *i = layout->columns; *i >= 0; i++) {
		const struct km_top_column_info *column = &km_top_column_infos[*i];

		if (column == sorted || !is_there(board, column))
			continue;
		if (width && taken + column->width + 1 + LEAST_FIRST > width)
			break;
		add_column(ret, column);
		taken += column->width + 1;
	}
	qsort_r(ret->columns, ret->nr, sizeof(ret->columns[0]), compare_places, &view);
	if (width) {
		share_rest(board, layout, width - taken, ret);
		return;
	}
	ret->name = longest_name(board);
	if (layout->has_message)
		ret->message = SIZE_MAX;
	else if (layout->ends_with_source && board->options.source)
		ret->source = MOST_SOURCE;
}

/* Of paths the end matters. */
static const char *path_end(const char *path, size_t width)
{
	const size_t len = strlen(path);

	return len > width ? path + (len - width) : path;
}

static void print_cell(FILE *stream, const struct km_top_column_info *column, const char *text)
{
	char *cut = column->text ? km_top_fit(text, column->width, false) : NULL;

	if (column->text)
		fputs(cut ? cut : "", stream);
	else
		fprintf(stream, "%*s", (int)column->width, text);
	free(cut);
}

/* A row, or with NULL the headers. */
static char *row_text(const struct km_top_board *board, const struct fitted *fitted,
		      const struct km_top_row *row)
{
	const struct km_top_layout *layout = km_top_layout_of(board->view);
	char *text = NULL, *name, buf[KM_CELL_SIZE];
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return NULL;
	name = km_top_fit(row ? row->name : layout->name, fitted->name, true);
	if (!layout->has_message)
		fputs(name ? name : "", stream);
	for (size_t i = 0; i < fitted->nr; i++) {
		const struct km_top_column_info *column = fitted->columns[i];

		if (i || !layout->has_message)
			fputc(' ', stream);
		print_cell(stream, column,
			   row ? km_top_cell(column, row, buf) : column->public.header);
	}
	if (layout->has_message)
		fprintf(stream, " %s", name ? name : "");
	if (fitted->message)
		fprintf(stream, " %s", row ? row->message : "FINDING");
	if (fitted->source) {
		const char *line = "FILE:LINE";

		if (row)
			line = board->options.source(board->options.source_arg, row).line;
		fprintf(stream, " %-*s", (int)fitted->source, path_end(line, fitted->source));
	}
	free(name);
	km_memstream_close(stream, &text);
	return text;
}

/* The header, with the column that rows are sorted by marked. */
static void paint_header(const struct km_top_board *board, const struct fitted *fitted,
			 struct km_top_canvas *canvas)
{
	const struct km_top_layout *layout = km_top_layout_of(board->view);
	const struct km_top_column_info *sorted =
		&km_top_column_infos[board->places[board->view].sort];
	char *text = row_text(board, fitted, NULL);
	struct km_top_line *line;
	size_t at = layout->has_message ? 0 : fitted->name + 1;

	if (!text) {
		canvas->is_short = true;
		return;
	}
	line = km_top_canvas_add(canvas, KM_TOP_HEADER, "%-*s", (int)canvas->width, text);
	free(text);
	for (size_t i = 0; line && i < fitted->nr; i++) {
		if (fitted->columns[i] == sorted) {
			line->from = at;
			line->to = at + sorted->width;
			line->other = KM_TOP_SELECTED;
		}
		at += fitted->columns[i]->width + 1;
	}
}

static enum km_top_style row_style(const struct km_top_board *board, const struct km_top_row *row)
{
	if (board->view != KM_TOP_FINDINGS)
		return KM_TOP_PLAIN;
	return row->severity == KM_FIND_HIGH     ? KM_TOP_ALARM
	       : row->severity == KM_FIND_MEDIUM ? KM_TOP_WARN
						 : KM_TOP_PLAIN;
}

static void paint_row(const struct km_top_board *board, const struct fitted *fitted,
		      const struct km_top_row *row, bool is_selected, struct km_top_canvas *canvas)
{
	char *text = row_text(board, fitted, row);

	if (!text) {
		canvas->is_short = true;
		return;
	}
	km_top_canvas_add(canvas, is_selected ? KM_TOP_SELECTED : row_style(board, row), "%-*s",
			  is_selected ? (int)canvas->width : 0, text);
	free(text);
}

/* Brings the selected row onto the page. */
static size_t first_row(struct km_top_board *board, size_t page)
{
	struct km_top_place *place = &board->places[board->view];
	const size_t at = km_top_board_at(board);

	if (place->first > at)
		place->first = at;
	if (at >= place->first + page)
		place->first = at - page + 1;
	if (place->first + page > board->nr_rows)
		place->first = board->nr_rows > page ? board->nr_rows - page : 0;
	return place->first;
}

static void paint_table(struct km_top_board *board, size_t page, bool has_header,
			struct km_top_canvas *canvas)
{
	const size_t most = board->options.max_rows;
	struct fitted fitted;
	size_t first, to;

	if (!page)
		page = most && most < board->nr_rows ? most : board->nr_rows;
	first = first_row(board, page);
	to = first + page < board->nr_rows ? first + page : board->nr_rows;
	fit_columns(board, canvas->width, &fitted);
	if (has_header)
		paint_header(board, &fitted, canvas);
	for (size_t i = first; i < to; i++)
		paint_row(board, &fitted, board->rows[i],
			  !board->options.is_batch && i == km_top_board_at(board), canvas);
	if (board->nr_rows)
		return;
	if (!board->frame || !board->frame->events)
		km_top_canvas_add(canvas, KM_TOP_DIM, "no events yet");
	else if (board->view == KM_TOP_LIVE && !board->frame->has_lives)
		km_top_canvas_add(canvas, KM_TOP_DIM,
				  "allocations are not paired with frees: what is live is not "
				  "known");
	else if (board->view == KM_TOP_CACHES && !board->frame->has_caches)
		km_top_canvas_add(canvas, KM_TOP_DIM, "counts of hist triggers do not tell caches");
	else
		km_top_canvas_add(canvas, KM_TOP_DIM, "no %s%s",
				  km_top_layout_of(board->view)->title,
				  *board->filter ? " that pass the filter" : "");
}

/* A line of parts, the most important first: those that there is no room for are left out. */
struct parts {
	char *text;
	size_t size, width, most;
	FILE *stream;
};

static bool parts_open(struct parts *parts, struct km_top_canvas *canvas)
{
	*parts = (struct parts){ .most = canvas->width };
	parts->stream = open_memstream(&parts->text, &parts->size);
	if (!parts->stream)
		canvas->is_short = true;
	return parts->stream != NULL;
}

static KM_PRINTF(2, 3) void parts_add(struct parts *parts, const char *format, ...)
{
	const size_t gap = parts->width ? 2 : 0;
	char *part;
	va_list args;
	int len;

	va_start(args, format);
	len = vasprintf(&part, format, args);
	va_end(args);
	if (len < 0)
		return;
	/* the first is cut, rather than left out */
	if (!parts->width || !parts->most ||
	    parts->width + gap + km_utf8_width(part) <= parts->most) {
		fprintf(parts->stream, "%*s%s", (int)gap, "", part);
		parts->width += gap + km_utf8_width(part);
	}
	free(part);
}

static void parts_close(struct parts *parts, enum km_top_style style, struct km_top_canvas *canvas)
{
	if (km_memstream_close(parts->stream, &parts->text))
		km_top_canvas_add(canvas, style, "%s", parts->text);
	else
		canvas->is_short = true;
	free(parts->text);
}

static void paint_title(const struct km_top_board *board, struct km_top_canvas *canvas)
{
	const struct km_top_frame *frame = board->frame;
	struct parts parts;

	if (!parts_open(&parts, canvas))
		return;
	parts_add(&parts, "%s %zu", km_top_layout_of(board->view)->title, board->nr_rows);
	if (board->is_frozen)
		parts_add(&parts, "FROZEN");
	if (frame && frame->moment.is_end)
		parts_add(&parts, "END");
	if (frame)
		parts_add(&parts, "%.*f s", frame->moment.at_s < 10 ? 3 : 1, frame->moment.at_s);
	if (*board->filter)
		parts_add(&parts, "filter: %s", board->filter);
	if (frame) {
		const size_t room =
			parts.most > parts.width + 14 ? parts.most - parts.width - 4 : 0;
		const char *path = room ? path_end(frame->input, room) : frame->input;

		parts_add(&parts, "%s%s", path == frame->input ? "" : "..", path);
	}
	parts_close(&parts, KM_TOP_BOLD, canvas);
}

/* Losses come first, so that no screen is too narrow for them. */
static void paint_status(const struct km_top_board *board, struct km_top_canvas *canvas)
{
	const struct km_top_frame empty = { 0 };
	const struct km_top_frame *frame = board->frame ? board->frame : &empty;
	const bool is_bad = frame->lost || frame->gaps || frame->damaged;
	char buf[KM_CELL_SIZE], number[KM_GROUPED_SIZE];
	struct parts parts;

	if (!parts_open(&parts, canvas))
		return;
	parts_add(&parts, "lost %s", km_grouped(frame->lost, number));
	if (frame->lost_since)
		parts_add(&parts, "now %s", km_grouped(frame->lost_since, number));
	if (frame->gaps)
		parts_add(&parts, "gaps %s", km_grouped(frame->gaps, number));
	if (frame->damaged)
		parts_add(&parts, "damaged %s", km_grouped(frame->damaged, number));
	if (frame->moment.has_buffer)
		parts_add(&parts, "buffer %.0f%%", frame->moment.buffer_percent);
	parts_add(&parts, "events %s/s, %s in all", km_top_count_text(frame->events_rate, buf),
		  km_grouped(frame->events, number));
	if (frame->filtered)
		parts_add(&parts, "filtered %s", km_grouped(frame->filtered, number));
	if (frame->moment.has_cpu)
		parts_add(&parts, "own CPU %.1f%%", frame->moment.cpu_percent);
	parts_close(&parts, is_bad ? KM_TOP_ALARM : KM_TOP_PLAIN, canvas);
}

static void paint_totals(const struct km_top_board *board, struct km_top_canvas *canvas)
{
	const struct km_top_layer none = { 0 };
	const struct km_top_layer *slab = board->frame ? &board->frame->slab : &none;
	char rate[KM_CELL_SIZE], bytes[KM_CELL_SIZE];
	const double percent =
		slab->bytes_alloc ? 100.0 * (double)slab->bytes_waste / (double)slab->bytes_alloc
				  : 0.0;
	struct parts parts;

	if (!parts_open(&parts, canvas))
		return;
	parts_add(&parts, "slab");
	if (board->frame && board->frame->has_lives)
		parts_add(&parts, "live %s%sB %s", board->frame->is_live_unsure ? "about " : "",
			  km_top_bytes_text((double)slab->live_bytes, bytes),
			  km_top_growth_text((double)slab->growth, rate));
	parts_add(&parts, "waste %sB/s, %sB (%.1f%%)", km_top_bytes_text(slab->waste_rate, rate),
		  km_top_bytes_text((double)slab->bytes_waste, bytes), percent);
	parts_add(&parts, "allocs %s/s", km_top_count_text(slab->allocs_rate, rate));
	parts_add(&parts, "frees %s/s", km_top_count_text(slab->frees_rate, rate));
	parts_add(&parts, "%sB/s", km_top_bytes_text(slab->bytes_rate, bytes));
	parts_close(&parts, KM_TOP_PLAIN, canvas);
}

/* The keys that there are, as many as there is room for. */
static void paint_hints(const struct km_top_board *board, struct km_top_canvas *canvas)
{
	static const char *const hints[][9] = {
		[KM_MODE_TABLE] = { "h help", "q quit", "1-5 view", "Enter open", "<> sort",
				    "/ filter", "Space freeze", "w write" },
		[KM_MODE_DETAIL] = { "Esc back", "Up Down scroll", "h help", "Space freeze",
				     "w write" },
		[KM_MODE_HELP] = { "Esc back", "Up Down scroll" },
	};
	struct parts parts;

	if (!parts_open(&parts, canvas))
		return;
	for (size_t i = 0; hints[board->mode][i]; i++)
		parts_add(&parts, "%s", hints[board->mode][i]);
	parts_close(&parts, KM_TOP_DIM, canvas);
}

/* What is typed or said, or which keys there are. */
static void paint_bottom(const struct km_top_board *board, struct km_top_canvas *canvas)
{
	static const char *const prompts[] = {
		[KM_PROMPT_FILTER] = "filter (part or glob): ",
		[KM_PROMPT_FILE] = "write report to (.json, .md, .sarif, ...): ",
	};
	struct km_top_picture *picture = &canvas->picture;

	if (board->prompt) {
		const size_t width = strlen(prompts[board->prompt]) + km_utf8_width(board->typed);
		const size_t cut =
			canvas->width && width >= canvas->width ? width - canvas->width + 1 : 0;
		char *text;

		if (asprintf(&text, "%s%s", prompts[board->prompt], board->typed) < 0) {
			canvas->is_short = true;
			return;
		}
		if (km_top_canvas_add(canvas, KM_TOP_BOLD, "%s", text + cut)) {
			picture->has_cursor = true;
			picture->cursor_line = picture->nr_lines - 1;
			picture->cursor_column = width - cut;
		}
		free(text);
	} else if (*board->said) {
		km_top_canvas_add(canvas, KM_TOP_BOLD, "%s", board->said);
	} else {
		paint_hints(board, canvas);
	}
}

/* Text that is longer than the screen: all of it is made, and what is in sight is taken over. */
static void paint_scrolled(struct km_top_board *board, size_t page,
			   void (*paint)(const struct km_top_board *board,
					 struct km_top_canvas *canvas),
			   struct km_top_canvas *canvas)
{
	struct km_top_canvas all = { .width = canvas->width, .is_ascii = canvas->is_ascii };
	size_t most;

	paint(board, &all);
	most = all.picture.nr_lines > page ? all.picture.nr_lines - page : 0;
	if (board->scrolled > most)
		board->scrolled = most;
	for (size_t i = board->scrolled; i < all.picture.nr_lines && i < board->scrolled + page;
	     i++)
		km_top_canvas_add(canvas, all.picture.lines[i].style, "%s",
				  all.picture.lines[i].text);
	canvas->is_short |= all.is_short;
	km_top_picture_deinit(&all.picture);
}

struct km_error *km_top_board_paint(struct km_top_board *board, size_t width, size_t height,
				    struct km_top_picture *ret)
{
	struct km_top_canvas canvas = { .width = width,
					.height = height,
					.is_ascii = !board->options.use_blocks };
	/* of a small screen the rows and the losses are left */
	const bool has_title = !height || height >= 5, has_totals = !height || height >= 8;
	const bool has_header = !height || height >= 4;
	const bool has_bottom =
		!board->options.is_batch && (height >= 6 || board->prompt || *board->said);
	const size_t taken = 1 + has_title + has_totals + has_bottom;
	size_t page = height > taken ? height - taken : 0;

	if (has_title)
		paint_title(board, &canvas);
	paint_status(board, &canvas);
	if (has_totals)
		paint_totals(board, &canvas);
	board->page = board->mode == KM_MODE_TABLE && page > has_header ? page - has_header : page;
	if (board->mode == KM_MODE_TABLE && (page || !height))
		paint_table(board, board->page, has_header, &canvas);
	else if (page)
		paint_scrolled(board, page,
			       board->mode == KM_MODE_HELP ? km_top_paint_help
							   : km_top_paint_detail,
			       &canvas);
	while (has_bottom && height && canvas.picture.nr_lines + 1 < height && !canvas.is_short)
		km_top_canvas_add(&canvas, KM_TOP_PLAIN, "%s", "");
	if (has_bottom)
		paint_bottom(board, &canvas);
	if (canvas.is_short) {
		km_top_picture_deinit(&canvas.picture);
		return &km_error_memory;
	}
	*ret = canvas.picture;
	return NULL;
}
