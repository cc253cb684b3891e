/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the result goes: standard output, the pager, or a file that is written whole. */
#ifndef KMEMSTAT_CLI_OUTPUT_H
#define KMEMSTAT_CLI_OUTPUT_H

#include <sys/types.h>

#include "cli/terminal.h"
#include "kmemstat/out.h"

struct km_output {
	struct km_out out; /* write here */
	const struct km_options *options;
	/* of -o FILE */
	char *path;      /* the file, symbolic links followed */
	char *temp_path; /* what is written until it is whole; NULL: written directly */
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
/* The reader of a pipe went away: nothing to tell the user. Static, not to be freed. */
extern struct km_error km_output_reader_gone;

/*
 * Ends the output: writes what is held, waits for the pager, gives the file its name.
 * Errors: KM_ERR_OUTPUT, km_output_reader_gone; nothing of a file is left then.
 */
KM_MUST_CHECK struct km_error *km_output_finish(struct km_output *output);
/* Ends it without a result, after an error. */
void km_output_abandon(struct km_output *output);

#endif
