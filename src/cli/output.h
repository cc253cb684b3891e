/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the result goes: standard output, the pager, or a file that is written whole. */
#ifndef KMEMSTAT_CLI_OUTPUT_H
#define KMEMSTAT_CLI_OUTPUT_H

#include <sys/types.h>

#include "cli/terminal.h"
#include "kmemstat/out.h"

struct km_output {
	struct km_out out; /* write here */
	/* of a file */
	char *path;              /* the file, symbolic links followed */
	char *temp_path;         /* what is written until it is whole; NULL: written directly */
	unsigned int temp_place; /* in the list of what signals remove; 0: not in it */
	/* of a terminal */
	unsigned int page_lines; /* more lines than that go through the pager; 0: no pager */
	char *text;              /* the result, held until its length is known */
	size_t text_size;
	pid_t pager; /* 0: none runs */
};

/*
 * Makes sure that the descriptors 0 to 2 are open, so that no file that is opened later is
 * taken for one of them. Errors: KM_ERR_OUTPUT if standard output was closed and is needed.
 */
KM_MUST_CHECK struct km_error *km_output_guard_descriptors(const struct km_options *options);

/*
 * Opens the output that the options ask for. With `may_be_huge` the text is not held in
 * memory to see whether it needs the pager.
 */
KM_MUST_CHECK struct km_error *km_output_open(const struct km_options *options,
					      const struct km_terminal *terminal, bool may_be_huge,
					      struct km_output *ret);
/* The same of a file, whatever the options say. */
KM_MUST_CHECK struct km_error *km_output_open_file(const char *path, struct km_output *ret);
/* Whether two paths are one file, which need not be there yet; a terminal is none. */
bool km_output_is_same_file(const char *a, const char *b);
/*
 * The error of a file of `option` that is the trace, which is not to be written over.
 * `input`: the trace, or NULL. Errors: KM_ERR_USAGE.
 */
KM_MUST_CHECK struct km_error *km_output_check_file(const char *path, const char *option,
						    const char *input);
/* The reader of a pipe went away: nothing to tell the user. Static, not to be freed. */
extern struct km_error km_output_reader_gone;

/*
 * Ends the output: writes what is held, waits for the pager, gives the file its name.
 * Errors: KM_ERR_OUTPUT, km_output_reader_gone; nothing of a file is left then.
 */
KM_MUST_CHECK struct km_error *km_output_finish(struct km_output *output);
/*
 * Of a file: writes what is held, and tells whether all could be written. What is left for
 * km_output_finish() is to give it its name: so several files appear together or not at all.
 */
KM_MUST_CHECK struct km_error *km_output_seal(struct km_output *output);
/* Ends it without a result, after an error. */
void km_output_abandon(struct km_output *output);
/* A signal handler: removes the files that are not finished, and dies of the signal. */
void km_output_die(int signal_number);

#endif
