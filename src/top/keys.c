/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What keys do to a board. */
#include "top/board.h"

#include <string.h>

/* Errors of choosing rows are for want of memory: the board is then empty, until the next frame. */
static void choose(struct km_top_board *board)
{
	km_error_free(km_top_board_choose(board));
}

static void change_view(struct km_top_board *board, enum km_top_view view)
{
	board->view = view;
	board->mode = KM_MODE_TABLE;
	choose(board);
}

static void sort_by(struct km_top_board *board, int column)
{
	struct km_top_place *place = &board->places[board->view];

	place->is_reversed = place->sort == column && !place->is_reversed;
	place->sort = column;
	place->first = 0;
	choose(board);
}

/* The next column of the view to sort by, as top(1) has it. */
static void move_sort(struct km_top_board *board, int step)
{
	const struct km_top_layout *layout = km_top_layout_of(board->view);
	struct km_top_place *place = &board->places[board->view];
	int at = km_top_column_place(board->view, place->sort), nr = 0;

	while (layout->columns[nr] >= 0)
		nr++;
	at += step;
	if (at < 0 || at >= nr)
		return;
	place->sort = layout->columns[at];
	place->is_reversed = false;
	place->first = 0;
	choose(board);
}

static void move(struct km_top_board *board, bool is_down, size_t rows)
{
	const size_t at = km_top_board_at(board);

	if (is_down)
		km_top_board_select(board, at + rows);
	else
		km_top_board_select(board, at > rows ? at - rows : 0);
}

static void open_row(struct km_top_board *board)
{
	const size_t at = km_top_board_at(board);

	if (at >= board->nr_rows)
		return;
	km_top_board_select(board, at);
	board->opened = board->rows[at]->id;
	board->opened_in = board->view;
	board->scrolled = 0;
	board->mode = KM_MODE_DETAIL;
}

static void begin_typing(struct km_top_board *board, enum km_top_prompt prompt, const char *text)
{
	board->prompt = prompt;
	snprintf(board->typed, sizeof(board->typed), "%s", text);
}

/* Takes the last character away, which may be several bytes. */
static void rub_out(char *text)
{
	size_t len = strlen(text);

	while (len && ((unsigned char)text[len - 1] & 0xc0) == 0x80)
		len--;
	text[len ? len - 1 : 0] = '\0';
}

/* A filter works while it is typed. */
static void apply_typed_filter(struct km_top_board *board)
{
	memcpy(board->filter, board->typed, sizeof(board->filter));
	board->places[board->view].first = 0;
	choose(board);
}

static void append(char *text, unsigned int key)
{
	const size_t len = strlen(text);

	if (key >= ' ' && key < 0x7f && len + 1 < KM_TOP_TYPED) {
		text[len] = (char)key;
		text[len + 1] = '\0';
	}
}

static enum km_top_action type_key(struct km_top_board *board, unsigned int key)
{
	const enum km_top_prompt prompt = board->prompt;

	switch (key) {
	case KM_TOP_KEY_RESIZE:
		return KM_TOP_NOTHING;
	case KM_TOP_KEY_ESCAPE:
		board->prompt = KM_PROMPT_NONE;
		board->typed[0] = '\0';
		break;
	case KM_TOP_KEY_ENTER:
		board->prompt = KM_PROMPT_NONE;
		if (prompt != KM_PROMPT_FILE || !*board->typed)
			return KM_TOP_NOTHING;
		memcpy(board->file, board->typed, sizeof(board->file));
		return KM_TOP_WRITE;
	case KM_TOP_KEY_BACKSPACE:
		rub_out(board->typed);
		break;
	case 'U' - '@':
		board->typed[0] = '\0';
		break;
	default:
		append(board->typed, key);
	}
	if (prompt == KM_PROMPT_FILTER)
		apply_typed_filter(board);
	return KM_TOP_NOTHING;
}

static void scroll(struct km_top_board *board, unsigned int key)
{
	const size_t page = board->page > 1 ? board->page - 1 : 1;
	size_t *at = &board->scrolled;

	switch (key) {
	case KM_TOP_KEY_UP:
		*at -= *at > 0;
		break;
	case KM_TOP_KEY_DOWN:
		*at += 1;
		break;
	case KM_TOP_KEY_PAGE_UP:
		*at -= *at < page ? *at : page;
		break;
	case KM_TOP_KEY_PAGE_DOWN:
		*at += page;
		break;
	case KM_TOP_KEY_HOME:
		*at = 0;
		break;
	case KM_TOP_KEY_END:
		*at = SIZE_MAX; /* painting brings it back to what there is */
		break;
	}
}

/* Keys of the table alone; false if it is none. */
static bool table_key(struct km_top_board *board, unsigned int key)
{
	const size_t page = board->page > 1 ? board->page - 1 : 1;
	int column;

	switch (key) {
	case KM_TOP_KEY_UP:
	case 'k':
		move(board, false, 1);
		return true;
	case KM_TOP_KEY_DOWN:
	case 'j':
		move(board, true, 1);
		return true;
	case KM_TOP_KEY_PAGE_UP:
		move(board, false, page);
		return true;
	case KM_TOP_KEY_PAGE_DOWN:
		move(board, true, page);
		return true;
	case KM_TOP_KEY_HOME:
		km_top_board_select(board, 0);
		return true;
	case KM_TOP_KEY_END:
		km_top_board_select(board, SIZE_MAX);
		return true;
	case KM_TOP_KEY_ENTER:
		open_row(board);
		return true;
	case '<':
	case KM_TOP_KEY_LEFT:
		move_sort(board, -1);
		return true;
	case '>':
	case KM_TOP_KEY_RIGHT:
		move_sort(board, 1);
		return true;
	case 'r':
		sort_by(board, board->places[board->view].sort);
		return true;
	}
	column = key < 0x80 ? km_top_column_find(board->view, NULL, (char)key) : -1;
	if (column >= 0)
		sort_by(board, column);
	else if (key < 0x80 && km_top_column_is_letter((char)key))
		km_top_board_say(board, "%s has no such column",
				 km_top_layout_of(board->view)->title);
	else
		return false;
	return true;
}

/* Keys that go back from where the user is. */
static bool back_key(struct km_top_board *board, unsigned int key)
{
	if (key != KM_TOP_KEY_ESCAPE && key != 'q' && key != KM_TOP_KEY_BACKSPACE)
		return false;
	if (board->mode != KM_MODE_TABLE) {
		board->mode = KM_MODE_TABLE;
		return true;
	}
	if (key == 'q')
		return false;
	/* as less does it: away with the filter */
	board->filter[0] = '\0';
	choose(board);
	return true;
}

static enum km_top_action freeze(struct km_top_board *board)
{
	board->is_frozen = !board->is_frozen;
	return board->is_frozen ? KM_TOP_NOTHING : KM_TOP_THAW;
}

/* Keys that work everywhere. */
static enum km_top_action common_key(struct km_top_board *board, unsigned int key)
{
	switch (key) {
	case 'q':
	case 'Q':
		return KM_TOP_QUIT;
	case 'h':
	case '?':
		board->mode = board->mode == KM_MODE_HELP ? KM_MODE_TABLE : KM_MODE_HELP;
		board->scrolled = 0;
		return KM_TOP_NOTHING;
	case ' ':
	case 'p':
		return freeze(board);
	case '/':
	case '\\':
		change_view(board, board->view);
		begin_typing(board, KM_PROMPT_FILTER, board->filter);
		return KM_TOP_NOTHING;
	case 'w':
		begin_typing(board, KM_PROMPT_FILE, board->file);
		return KM_TOP_NOTHING;
	case '0':
		km_top_board_say(board, "growth (SINCE) is counted from the next frame on");
		return KM_TOP_MARK_BASE;
	case KM_TOP_KEY_TAB:
		change_view(board, (board->view + 1) % KM_NR_TOP_VIEWS);
		return KM_TOP_NOTHING;
	case KM_TOP_KEY_BACK_TAB:
		change_view(board, (board->view + KM_NR_TOP_VIEWS - 1) % KM_NR_TOP_VIEWS);
		return KM_TOP_NOTHING;
	}
	if (key >= '1' && key < '1' + KM_NR_TOP_VIEWS)
		change_view(board, (enum km_top_view)(key - '1'));
	return KM_TOP_NOTHING;
}

enum km_top_action km_top_board_key(struct km_top_board *board, unsigned int key)
{
	board->said[0] = '\0';
	if (board->prompt)
		return type_key(board, key);
	if (back_key(board, key))
		return KM_TOP_NOTHING;
	if (board->mode == KM_MODE_TABLE) {
		if (table_key(board, key))
			return KM_TOP_NOTHING;
	} else {
		scroll(board, key);
	}
	return common_key(board, key);
}
