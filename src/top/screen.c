/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The terminal, by ncurses: pictures are written to its copy of the screen, and it sends the cells
 * that have changed. The screen is never cleared, which would send all of them.
 */
#include "kmemstat/top.h"

#include <ncurses.h>
#include <stdlib.h>
#include <string.h>

struct km_top_screen {
	SCREEN *screen;
	bool has_color;
	chtype styles[KM_NR_TOP_STYLES];
};

enum { PAIR_ALARM = 1, PAIR_WARN, PAIR_HEADER };

static void make_styles(struct km_top_screen *screen)
{
	screen->styles[KM_TOP_BOLD] = A_BOLD;
	screen->styles[KM_TOP_DIM] = A_DIM;
	screen->styles[KM_TOP_HEADER] = A_UNDERLINE;
	screen->styles[KM_TOP_SELECTED] = A_REVERSE;
	screen->styles[KM_TOP_ALARM] = A_BOLD;
	if (!screen->has_color)
		return;
	start_color();
	/* the terminal's own background */
	use_default_colors();
	init_pair(PAIR_ALARM, COLOR_RED, -1);
	init_pair(PAIR_WARN, COLOR_YELLOW, -1);
	init_pair(PAIR_HEADER, COLOR_CYAN, -1);
	screen->styles[KM_TOP_ALARM] = A_BOLD | COLOR_PAIR(PAIR_ALARM);
	screen->styles[KM_TOP_WARN] = COLOR_PAIR(PAIR_WARN);
	screen->styles[KM_TOP_HEADER] = A_UNDERLINE | COLOR_PAIR(PAIR_HEADER);
}

bool km_top_has_screen(void)
{
	return true;
}

struct km_error *km_top_screen_open(FILE *output, FILE *input, bool use_color,
				    struct km_top_screen **ret)
{
	struct km_top_screen *screen = calloc(1, sizeof(*screen));

	if (!screen)
		return &km_error_memory;
	screen->screen = newterm(NULL, output, input);
	if (!screen->screen) {
		free(screen);
		return km_error_advise(km_error_create(KM_ERR_USAGE, NULL,
						       "this terminal cannot show a full screen"),
				       "set TERM, or give --batch");
	}
	set_term(screen->screen);
	screen->has_color = use_color && has_colors();
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	/* ms in which the rest of a key that begins with Escape has to come */
	set_escdelay(25);
	make_styles(screen);
	curs_set(0);
	*ret = screen;
	return NULL;
}

void km_top_screen_close(struct km_top_screen *screen)
{
	if (!screen)
		return;
	curs_set(1);
	endwin();
	delscreen(screen->screen);
	free(screen);
}

static void paint_line(const struct km_top_screen *screen, int y, const struct km_top_line *line)
{
	const short pair = (short)PAIR_NUMBER(screen->styles[line->other]);

	move(y, 0);
	attrset((int)screen->styles[line->style]);
	addstr(line->text);
	/* in the last column the cursor may have gone to the next line */
	if (getcury(stdscr) == y && getcurx(stdscr) < getmaxx(stdscr)) {
		attrset(A_NORMAL);
		clrtoeol();
	}
	if (line->from < line->to)
		mvchgat(y, (int)line->from, (int)(line->to - line->from),
			screen->styles[line->other] & (A_ATTRIBUTES & ~A_COLOR), pair, NULL);
}

struct km_error *km_top_screen_paint(struct km_top_screen *screen, struct km_top_board *board)
{
	struct km_top_picture picture;
	struct km_error *error;
	int height, width;

	set_term(screen->screen);
	getmaxyx(stdscr, height, width);
	error = km_top_board_paint(board, (size_t)width, (size_t)height, &picture);
	if (error)
		return error;
	for (int y = 0; y < height; y++) {
		if ((size_t)y < picture.nr_lines) {
			paint_line(screen, y, &picture.lines[y]);
			continue;
		}
		attrset(A_NORMAL);
		move(y, 0);
		clrtoeol();
	}
	curs_set(picture.has_cursor);
	if (picture.has_cursor)
		move((int)picture.cursor_line, (int)picture.cursor_column);
	refresh();
	km_top_picture_deinit(&picture);
	return NULL;
}

bool km_top_screen_key(struct km_top_screen *screen, unsigned int *ret)
{
	static const struct {
		int curses;
		enum km_top_key key;
	} keys[] = {
		{ KEY_UP, KM_TOP_KEY_UP },
		{ KEY_DOWN, KM_TOP_KEY_DOWN },
		{ KEY_PPAGE, KM_TOP_KEY_PAGE_UP },
		{ KEY_NPAGE, KM_TOP_KEY_PAGE_DOWN },
		{ KEY_HOME, KM_TOP_KEY_HOME },
		{ KEY_END, KM_TOP_KEY_END },
		{ KEY_LEFT, KM_TOP_KEY_LEFT },
		{ KEY_RIGHT, KM_TOP_KEY_RIGHT },
		{ KEY_ENTER, KM_TOP_KEY_ENTER },
		{ '\r', KM_TOP_KEY_ENTER },
		{ '\n', KM_TOP_KEY_ENTER },
		{ 27, KM_TOP_KEY_ESCAPE },
		{ '\t', KM_TOP_KEY_TAB },
		{ KEY_BTAB, KM_TOP_KEY_BACK_TAB },
		{ KEY_BACKSPACE, KM_TOP_KEY_BACKSPACE },
		{ 127, KM_TOP_KEY_BACKSPACE },
		{ 8, KM_TOP_KEY_BACKSPACE },
		{ KEY_RESIZE, KM_TOP_KEY_RESIZE },
	};
	int got;

	set_term(screen->screen);
	/* a key that means nothing is no reason to stop reading */
	do {
		got = getch();
		if (got == ERR)
			return false;
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
			if (keys[i].curses == got) {
				*ret = keys[i].key;
				return true;
			}
	} while (got < 0 || got > 0xff);
	*ret = (unsigned int)got;
	return true;
}
