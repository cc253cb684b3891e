/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The screen of a build with -Dtop=disabled: there is none, but frames as text. */
#include "kmemstat/top.h"

bool km_top_has_screen(void)
{
	return false;
}

struct km_error *km_top_screen_open(FILE *output, FILE *input, bool use_color,
				    struct km_top_screen **ret)
{
	(void)output;
	(void)input;
	(void)use_color;
	(void)ret;
	return km_error_create(KM_ERR_USAGE, NULL, "this is a build without ncurses");
}

void km_top_screen_close(struct km_top_screen *screen)
{
	(void)screen;
}

struct km_error *km_top_screen_paint(struct km_top_screen *screen, struct km_top_board *board)
{
	(void)screen;
	(void)board;
	return NULL;
}

bool km_top_screen_key(struct km_top_screen *screen, unsigned int *ret)
{
	(void)screen;
	(void)ret;
	return false;
}
