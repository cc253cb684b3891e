/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the board share. */
#ifndef KMEMSTAT_TOP_BOARD_H
#define KMEMSTAT_TOP_BOARD_H

#include "base/utf8.h"
#include "kmemstat/top.h"

enum km_top_cell {
	KM_CELL_TEXT,
	KM_CELL_COUNT,  /* 12.3k: powers of 1000 */
	KM_CELL_BYTES,  /* 12.3K: powers of 1024 */
	KM_CELL_GROWTH, /* +12.3K */
	KM_CELL_PERCENT,
	KM_CELL_NS,
};

/* A column with what the board needs of it. */
struct km_top_column_info {
	struct km_top_column public;
	enum km_top_cell cell;
	unsigned int width; /* of its cells; text that is longer is cut */
	bool needs_lives;
	double (*number)(const struct km_top_row *row);
	const char *(*text)(const struct km_top_row *row); /* KM_CELL_TEXT */
	/* whether there is a number; NULL: always */
	bool (*has)(const struct km_top_row *row);
};

extern const struct km_top_column_info km_top_column_infos[];

/* How a view looks: its columns, the most important first, the name's apart. */
struct km_top_layout {
	const char *title;     /* "call sites" */
	const char *name;      /* header of the name's column */
	const int *columns;    /* ended by -1 */
	int sort;              /* without another */
	bool has_message;      /* the rest of the line is a text of its own */
	bool ends_with_source; /* a line of source, where there is much room */
};

const struct km_top_layout *km_top_layout_of(enum km_top_view view);
/* Index of the column of that key or letter that the view has, -1 if there is none. */
int km_top_column_find(enum km_top_view view, const char *key, char letter);
/* Whether a column of any view has this letter. */
bool km_top_column_is_letter(char letter);
/* The position of a column among those of a view, -1 if it has none such. */
int km_top_column_place(enum km_top_view view, int column);

#define KM_CELL_SIZE 32
/* The text of a cell that is no text; "" where there is no number. */
const char *km_top_cell(const struct km_top_column_info *column, const struct km_top_row *row,
			char buf[static KM_CELL_SIZE]);
const char *km_top_count_text(double number, char buf[static KM_CELL_SIZE]);
const char *km_top_bytes_text(double bytes, char buf[static KM_CELL_SIZE]);
const char *km_top_growth_text(double bytes, char buf[static KM_CELL_SIZE]);

enum km_top_mode {
	KM_MODE_TABLE,
	KM_MODE_DETAIL, /* a call site, size class, cache or finding is open */
	KM_MODE_HELP,
};

/* What is being typed. */
enum km_top_prompt {
	KM_PROMPT_NONE,
	KM_PROMPT_FILTER,
	KM_PROMPT_FILE,
};

enum { KM_TOP_TYPED = 256 };

/* What one view remembers. */
struct km_top_place {
	int sort; /* index of a column */
	bool is_reversed;
	uint64_t selected; /* id of a row; 0: the first */
	size_t at;         /* where that row was, in case it goes */
	size_t first;      /* row that is at the top of the screen */
};

struct km_top_board {
	struct km_top_options options;
	struct km_top_frame *frame; /* or NULL */
	enum km_top_view view;
	struct km_top_place places[KM_NR_TOP_VIEWS];
	/* rows of the view that pass the filter, sorted */
	const struct km_top_row **rows;
	size_t nr_rows;
	bool is_frozen;
	enum km_top_mode mode;
	uint64_t opened;            /* id of the row */
	enum km_top_view opened_in; /* the view it is of */
	size_t scrolled;            /* lines of an open row or the help */
	size_t page;                /* rows that the screen has */
	enum km_top_prompt prompt;
	char typed[KM_TOP_TYPED];
	char filter[KM_TOP_TYPED];
	char file[KM_TOP_TYPED];
	char said[KM_TOP_TYPED];
};

/* Chooses and sorts rows anew. Errors: KM_ERR_MEMORY. */
KM_MUST_CHECK struct km_error *km_top_board_choose(struct km_top_board *board);
/* Where the selected row is among those chosen. */
size_t km_top_board_at(const struct km_top_board *board);
/* Selects the row there, or the last. */
void km_top_board_select(struct km_top_board *board, size_t at);
/* The row that is open in the frame that is shown; NULL: it is not in it. */
const struct km_top_row *km_top_board_opened(const struct km_top_board *board);

/* Pictures. Lines that there is no room for are passed over. */
struct km_top_canvas {
	struct km_top_picture picture;
	size_t width, height; /* 0: no limit */
	bool is_ascii;        /* other characters become "?" */
	bool is_short;        /* of memory */
};

/*
 * Appends a line, cut at the width. *ret is the line, until the next one is added; NULL if there
 * is no room, or no memory.
 */
struct km_top_line *km_top_canvas_add(struct km_top_canvas *canvas, enum km_top_style style,
				      const char *format, ...) KM_PRINTF(3, 4);
/* The same of a text that is broken between words, further lines indented. */
void km_top_canvas_wrap(struct km_top_canvas *canvas, enum km_top_style style, size_t indent,
			const char *text);
bool km_top_canvas_is_full(const struct km_top_canvas *canvas);
/*
 * Text in just `width` characters, filled up with blanks or cut: of "symbol+0x4a [module]" the
 * offset stays. A malloc'ed string, or NULL.
 */
char *km_top_fit(const char *text, size_t width, bool is_site);

/* The open row, all of it; and the help. */
void km_top_paint_detail(const struct km_top_board *board, struct km_top_canvas *canvas);
void km_top_paint_help(const struct km_top_board *board, struct km_top_canvas *canvas);

#endif
