/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Watching: what reports of a trace that goes on came to, one after another.
 *
 * A frame is what one report said, with what has changed since the frame before; it has copies of
 * all it shows, so that the report may go. A board is what somebody looks at: a frame, the view of
 * it, sorting, filter, selection, an open call site. Keys change a board, and it is painted into
 * lines of text: on a terminal by the screen, in batches to a file.
 */
#ifndef KMEMSTAT_TOP_H
#define KMEMSTAT_TOP_H

#include <stdio.h>

#include "kmemstat/out.h"
#include "kmemstat/report.h"

enum km_top_view {
	KM_TOP_CALLERS,
	KM_TOP_CLASSES,
	KM_TOP_CACHES,
	KM_TOP_LIVE, /* call sites again, by what is live */
	KM_TOP_FINDINGS,
	KM_NR_TOP_VIEWS,
};

/* "callers", ...: of --view. */
const char *km_top_view_name(enum km_top_view view);

/* Periods of which a row remembers its rate and live bytes. */
#define KM_TOP_HISTORY 60

struct km_top_size {
	uint32_t bytes_req, bytes_alloc;
	uint64_t hits;
	const char *cache; /* or NULL */
};

/* A call site, size class, cache or finding. Strings are the frame's, and safe to print. */
struct km_top_row {
	uint64_t id; /* the same in all frames */
	const char *name;
	uint64_t address;       /* of call sites and findings, for km_top_source_fn */
	const char *event;      /* of call sites: "kmalloc" */
	const char *size_class; /* the same, and of findings; else "" */
	uint64_t hits, bytes_req, bytes_alloc, bytes_waste;
	uint64_t nr_sites; /* of classes and caches */
	double frag_percent;
	/* only where allocations and frees were paired */
	bool has_life;
	uint64_t live, live_bytes, freed, peak_bytes, pingpong;
	uint64_t lifetime_ns;      /* median; 0: nothing was freed */
	const uint64_t *lifetimes; /* of call sites: KM_LIFE_BUCKETS; else NULL */
	/* since the frame before */
	double hits_rate, bytes_rate, waste_rate; /* a second */
	int64_t growth;                           /* of live_bytes */
	/* of live_bytes, since the frame that growth is counted from */
	int64_t growth_since;
	uint64_t base_bytes; /* live_bytes then */
	/* of the last periods, the oldest first */
	uint32_t nr_history;
	float rates[KM_TOP_HISTORY], lives[KM_TOP_HISTORY];
	const struct km_top_size *sizes; /* of call sites */
	size_t nr_sizes;
	/* of findings */
	enum km_finding_severity severity;
	uint64_t rank; /* 1: the gravest */
	uint64_t site; /* the id of its call site */
	const char *rule, *message, *advice;
};

/* What a frame's report does not tell. */
struct km_top_moment {
	double at_s;     /* since the beginning */
	double period_s; /* since the frame before, or the beginning */
	bool is_end;     /* nothing more will come */
	bool marks_base; /* growth is counted from here on */
	/* of a live trace */
	bool has_buffer, has_cpu;
	double buffer_percent; /* how full the fullest buffer was */
	double cpu_percent;    /* that this process took, of one CPU */
};

struct km_top_layer {
	uint64_t allocs, frees, bytes_alloc, bytes_req, bytes_waste, live_bytes;
	double allocs_rate, frees_rate, bytes_rate, waste_rate;
	int64_t growth;
};

struct km_top_frame {
	struct km_top_moment moment;
	struct km_top_row *sites, *classes, *caches, *findings;
	size_t nr_sites, nr_classes, nr_caches, nr_findings;
	struct km_top_layer slab;
	uint64_t events, filtered, lost, gaps, damaged;
	double events_rate;
	uint64_t lost_since; /* since the frame before */
	bool has_lives;      /* allocations and frees were paired */
	bool has_caches;     /* allocations are told by cache */
	bool is_live_unsure;
	bool has_raw_time; /* times are counts of a clock */
	const char *input; /* safe to print */
	/* of who made it, called when the frame goes; or NULL */
	void *owned;
	void (*disown)(void *owned);
	/* private */
	unsigned int holds;
	uint64_t seq; /* 1: the first */
	struct km_top_frame_memory *memory;
};

/*
 * Makes a frame of a report; `before` is the one before it, or NULL. The caller holds it.
 * Errors: KM_ERR_MEMORY.
 */
KM_MUST_CHECK struct km_error *km_top_frame_create(const struct km_report *report,
						   const struct km_top_frame *before,
						   const struct km_top_moment *moment,
						   struct km_top_frame **ret);
/* Frames are shared by threads: who needs one holds it, and it goes with its last holder. */
struct km_top_frame *km_top_frame_hold(struct km_top_frame *frame);
/* NULL is fine. */
void km_top_frame_release(struct km_top_frame *frame);
/* The rows of a view, of KM_TOP_LIVE also those with nothing live. */
const struct km_top_row *km_top_frame_rows(const struct km_top_frame *frame, enum km_top_view view,
					   size_t *ret_nr);

/* A column, with which rows can be sorted too. */
struct km_top_column {
	const char *key; /* of --sort: "waste-rate" */
	const char *header;
	char letter; /* sorts by it; 0: none */
	const char *help;
};

/* The columns of all views, in the order of the help; NULL behind the last. */
const struct km_top_column *km_top_column_at(size_t index);

/* What is known of a call site's source. Strings are the giver's, and safe to print. */
struct km_top_source {
	bool is_pending;   /* it is being looked up */
	const char *line;  /* "net/mac80211/mesh.c:177"; "" if not known */
	const char *chain; /* "mesh_rmc_init in ieee80211_mesh_init_sdata", "" */
	const char *type;  /* "struct mesh_rmc (1072 bytes)", "" */
};

/* Looks a call site up, or has it looked up; never waits. */
typedef struct km_top_source (*km_top_source_fn)(void *arg, const struct km_top_row *row);

struct km_top_options {
	enum km_top_view view;
	const char *sort;   /* key of a column; NULL: the view's own */
	const char *filter; /* NULL: none */
	size_t max_rows;    /* 0: as many as there is room for */
	bool use_blocks; /* characters of UTF-8 in charts, and as they are in names; else ASCII */
	bool is_batch;   /* no hints at keys */
	km_top_source_fn source; /* or NULL: nothing is known of sources */
	void *source_arg;
};

struct km_top_board;

/* Errors: KM_ERR_USAGE for a sort key that the view does not have, KM_ERR_MEMORY. */
KM_MUST_CHECK struct km_error *km_top_board_create(const struct km_top_options *options,
						   struct km_top_board **ret);
void km_top_board_destroy(struct km_top_board *board);
/* Shows another frame, which it holds, unless it is frozen. Errors: KM_ERR_MEMORY. */
KM_MUST_CHECK struct km_error *km_top_board_show(struct km_top_board *board,
						 struct km_top_frame *frame);
/* The frame that is shown, or NULL. */
struct km_top_frame *km_top_board_frame(const struct km_top_board *board);
/* Says something in the last line, until the next key. */
void km_top_board_say(struct km_top_board *board, const char *format, ...) KM_PRINTF(2, 3);

/* Keys beside characters, which are themselves. */
enum km_top_key {
	KM_TOP_KEY_UP = 0x110000,
	KM_TOP_KEY_DOWN,
	KM_TOP_KEY_PAGE_UP,
	KM_TOP_KEY_PAGE_DOWN,
	KM_TOP_KEY_HOME,
	KM_TOP_KEY_END,
	KM_TOP_KEY_LEFT,
	KM_TOP_KEY_RIGHT,
	KM_TOP_KEY_ENTER,
	KM_TOP_KEY_ESCAPE,
	KM_TOP_KEY_TAB,
	KM_TOP_KEY_BACK_TAB,
	KM_TOP_KEY_BACKSPACE,
	KM_TOP_KEY_RESIZE, /* the size of the screen has changed: paint anew */
};

/* What a key asks for beside a board that looks different. */
enum km_top_action {
	KM_TOP_NOTHING,
	KM_TOP_QUIT,
	KM_TOP_WRITE,     /* a report: km_top_board_file() */
	KM_TOP_MARK_BASE, /* growth is to be counted from now on */
	KM_TOP_THAW,      /* the newest frame is to be shown */
};

enum km_top_action km_top_board_key(struct km_top_board *board, unsigned int key);
/* The name that was typed for a report. */
const char *km_top_board_file(const struct km_top_board *board);

enum km_top_style {
	KM_TOP_PLAIN,
	KM_TOP_BOLD,
	KM_TOP_DIM,
	KM_TOP_HEADER,
	KM_TOP_SELECTED,
	KM_TOP_ALARM, /* events were lost, a grave finding */
	KM_TOP_WARN,
	KM_NR_TOP_STYLES,
};

struct km_top_line {
	char *text; /* no wider than the screen */
	enum km_top_style style;
	/* columns from .. to are in another style, if from < to */
	size_t from, to;
	enum km_top_style other;
};

/* What a board looks like. */
struct km_top_picture {
	struct km_top_line *lines;
	size_t nr_lines;
	bool has_cursor; /* something is being typed */
	size_t cursor_line, cursor_column;
};

/*
 * Paints at most `height` lines of at most `width` columns; 0: as many as needed. *ret is freed by
 * km_top_picture_deinit(). Errors: KM_ERR_MEMORY.
 */
KM_MUST_CHECK struct km_error *km_top_board_paint(struct km_top_board *board, size_t width,
						  size_t height, struct km_top_picture *ret);
void km_top_picture_deinit(struct km_top_picture *picture);
/* Writes a picture as plain lines, without blanks at their ends. */
void km_top_picture_write(const struct km_top_picture *picture, struct km_out *out);

/* A terminal in full-screen mode. */
struct km_top_screen;

/* Whether there can be one: not in a build without ncurses. */
bool km_top_has_screen(void);
/*
 * Takes the terminal over: keys come from `input`, which must be one, too. Signals are the
 * caller's, but those of a resize and of a stop from the keyboard. Errors: KM_ERR_USAGE for a
 * terminal that cannot do it.
 */
KM_MUST_CHECK struct km_error *km_top_screen_open(FILE *output, FILE *input, bool use_color,
						  struct km_top_screen **ret);
/* Gives the terminal back as it was. NULL is fine. */
void km_top_screen_close(struct km_top_screen *screen);
/* Paints the board, as large as the screen is; only what has changed is sent. */
KM_MUST_CHECK struct km_error *km_top_screen_paint(struct km_top_screen *screen,
						   struct km_top_board *board);
/* The next key that has been typed; false if there is none. */
bool km_top_screen_key(struct km_top_screen *screen, unsigned int *ret);

#endif
