/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is known of the terminal, and the words on standard error. */
#ifndef KMEMSTAT_CLI_TERMINAL_H
#define KMEMSTAT_CLI_TERMINAL_H

#include "cli/options.h"
#include "cli/scan.h"
#include "kmemstat/suppress.h"

/* How the result has to look. */
struct km_terminal {
	bool is_tty;         /* the result goes to a terminal */
	unsigned int width;  /* for tables; 0: as wide as needed */
	unsigned int height; /* of the terminal in lines; 0: not known */
	bool use_color;
	bool use_blocks; /* the locale has the block characters of UTF-8 */
};

/* Asks standard output and the environment (NO_COLOR, TERM), within what the options say. */
struct km_terminal km_terminal_ask(const struct km_options *options);

/*
 * This day, UTC; of the environment's SOURCE_DATE_EPOCH if that is set
 * (https://reproducible-builds.org/specs/source-date-epoch/).
 */
km_day km_today(void);

/* "kmemstat: ..." on standard error, control characters taken out. */
void km_say(const char *format, ...) KM_PRINTF(1, 2);
/* An error as one such line. */
void km_say_error(const struct km_error *error);

/* The progress line on standard error: from half a second on, if that is a terminal. */
struct km_progress {
	bool is_on, is_shown, is_dumb;
	double start, last; /* in seconds */
};

/* Seconds of a clock that only goes forward. */
double km_now(void);
void km_progress_init(struct km_progress *progress, const struct km_options *options);
/* A km_progress_fn; arg is the struct km_progress. */
void km_progress_update(void *arg, uint64_t bytes_done, uint64_t bytes_total, uint64_t events_done);
/* Takes the line away. */
void km_progress_finish(struct km_progress *progress);

#endif
