/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The board: which rows are shown, in which order, and which of them is selected. */
#include "top/board.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/memstream.h"

struct sorting {
	const struct km_top_column_info *column;
	bool is_reversed;
};

/* Most first; text ascending. */
static int compare_cells(const struct km_top_column_info *column, const struct km_top_row *a,
			 const struct km_top_row *b)
{
	double x, y;

	if (!column->number)
		return strcmp(column->text(a), column->text(b));
	x = column->number(a);
	y = column->number(b);
	return (x < y) - (x > y);
}

/* A total order: what is alike is ordered by waste, name, event and id. */
static int compare_rows(const void *a, const void *b, void *arg)
{
	const struct km_top_row *x = *(const struct km_top_row *const *)a;
	const struct km_top_row *y = *(const struct km_top_row *const *)b;
	const struct sorting *sorting = arg;
	int order = compare_cells(sorting->column, x, y);

	if (order)
		return sorting->is_reversed ? -order : order;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	if (x->bytes_waste != y->bytes_waste)
		return x->bytes_waste < y->bytes_waste ? 1 : -1;
	order = strcmp(x->name, y->name);
	if (!order)
		order = strcmp(x->event, y->event);
	return order ? order : (x->id > y->id) - (x->id < y->id);
}

static bool text_matches(const char *text, const char *filter)
{
	return strpbrk(filter, "*?[") ? fnmatch(filter, text, 0) == 0
				      : strcasestr(text, filter) != NULL;
}

/* A filter is a glob, or a part, of what is to be read in the row. */
static bool passes(const struct km_top_board *board, const struct km_top_row *row)
{
	if (board->view == KM_TOP_LIVE && !row->live)
		return false;
	if (!*board->filter)
		return true;
	return text_matches(row->name, board->filter) ||
	       text_matches(row->size_class, board->filter) ||
	       (row->rule && text_matches(row->rule, board->filter)) ||
	       (row->message && text_matches(row->message, board->filter));
}

size_t km_top_board_at(const struct km_top_board *board)
{
	const struct km_top_place *place = &board->places[board->view];

	for (size_t i = 0; place->selected && i < board->nr_rows; i++)
		if (board->rows[i]->id == place->selected)
			return i;
	return place->at < board->nr_rows ? place->at : board->nr_rows ? board->nr_rows - 1 : 0;
}

void km_top_board_select(struct km_top_board *board, size_t at)
{
	struct km_top_place *place = &board->places[board->view];

	if (!board->nr_rows)
		return;
	if (at >= board->nr_rows)
		at = board->nr_rows - 1;
	place->selected = board->rows[at]->id;
	place->at = at;
}

struct km_error *km_top_board_choose(struct km_top_board *board)
{
	const struct km_top_place *place = &board->places[board->view];
	struct sorting sorting = { &km_top_column_infos[place->sort], place->is_reversed };
	const struct km_top_row *rows = NULL;
	size_t nr = 0;

	if (board->frame)
		rows = km_top_frame_rows(board->frame, board->view, &nr);
	free(board->rows);
	board->nr_rows = 0;
	board->rows = calloc(nr + 1, sizeof(*board->rows));
	if (!board->rows)
		return &km_error_memory;
	for (size_t i = 0; i < nr; i++)
		if (passes(board, &rows[i]))
			board->rows[board->nr_rows++] = &rows[i];
	if (board->nr_rows)
		qsort_r(board->rows, board->nr_rows, sizeof(*board->rows), compare_rows, &sorting);
	return NULL;
}

const struct km_top_row *km_top_board_opened(const struct km_top_board *board)
{
	size_t nr;
	const struct km_top_row *rows;

	if (!board->frame)
		return NULL;
	rows = km_top_frame_rows(board->frame, board->opened_in, &nr);
	for (size_t i = 0; i < nr; i++)
		if (rows[i].id == board->opened)
			return &rows[i];
	return NULL;
}

/* "waste, live, ...": for messages. */
static char *list_keys(enum km_top_view view)
{
	const struct km_top_column *column;
	char *list = NULL;
	size_t size;
	FILE *stream = open_memstream(&list, &size);
	const char *comma = "";

	if (!stream)
		return NULL;
	for (size_t i = 0; (column = km_top_column_at(i)); i++) {
		if (km_top_column_find(view, column->key, 0) < 0)
			continue;
		fprintf(stream, "%s%s", comma, column->key);
		comma = ", ";
	}
	km_memstream_close(stream, &list);
	return list;
}

static struct km_error *set_sort(struct km_top_board *board, const char *key)
{
	const int column = km_top_column_find(board->view, key, 0);
	struct km_error *error;
	char *list;

	if (column >= 0) {
		board->places[board->view].sort = column;
		return NULL;
	}
	error = km_error_create(KM_ERR_USAGE, NULL, "--sort: the view %s has no column '%s'",
				km_top_view_name(board->view), key);
	list = list_keys(board->view);
	if (list)
		error = km_error_advise(error, "the keys are %s", list);
	free(list);
	return error;
}

struct km_error *km_top_board_create(const struct km_top_options *options,
				     struct km_top_board **ret)
{
	struct km_top_board *board = calloc(1, sizeof(*board));
	struct km_error *error = NULL;

	if (!board)
		return &km_error_memory;
	board->options = *options;
	board->view = options->view;
	board->page = 1;
	for (enum km_top_view view = 0; view < KM_NR_TOP_VIEWS; view++)
		board->places[view].sort = km_top_layout_of(view)->sort;
	if (options->filter)
		snprintf(board->filter, sizeof(board->filter), "%s", options->filter);
	if (options->sort)
		error = set_sort(board, options->sort);
	if (error) {
		km_top_board_destroy(board);
		return error;
	}
	*ret = board;
	return NULL;
}

void km_top_board_destroy(struct km_top_board *board)
{
	if (!board)
		return;
	free(board->rows);
	km_top_frame_release(board->frame);
	free(board);
}

struct km_error *km_top_board_show(struct km_top_board *board, struct km_top_frame *frame)
{
	struct km_top_frame *before = board->frame;
	struct km_error *error;

	if (board->is_frozen || frame == before)
		return NULL;
	board->frame = km_top_frame_hold(frame);
	error = km_top_board_choose(board);
	km_top_frame_release(before);
	return error;
}

struct km_top_frame *km_top_board_frame(const struct km_top_board *board)
{
	return board->frame;
}

void km_top_board_say(struct km_top_board *board, const char *format, ...)
{
	char text[KM_TOP_TYPED], *safe;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	safe = km_text_safe(text);
	snprintf(board->said, sizeof(board->said), "%s", safe ? safe : "");
	free(safe);
}

const char *km_top_board_file(const struct km_top_board *board)
{
	return board->file;
}
