/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reports of --format: which there are, and how they get into their files. */
#ifndef KMEMSTAT_CLI_REPORTS_H
#define KMEMSTAT_CLI_REPORTS_H

#include "cli/output.h"
#include "cli/session.h"

/*
 * Checks the formats' names, and that each file is another one, and not the trace. Errors:
 * KM_ERR_USAGE.
 */
KM_MUST_CHECK struct km_error *km_reports_check(const struct km_options *options);
/* Whether what the options ask for has the source lines of all call sites in it. */
bool km_reports_want_sources(const struct km_options *options);

/* The same of sums by stack. */
bool km_reports_want_stacks(const struct km_options *options);

/* Whether something is about nothing else: stacks are worth recording for it. */
bool km_reports_are_about_stacks(const struct km_options *options);

/* The files of one report. Zero-initialised is none. */
struct km_reports {
	const struct km_gates *gates; /* for those that tell of them; borrowed, or NULL */
	struct km_view *view;         /* of all rows */
	struct km_output files[KM_MAX_REPORT_FILES];
	size_t nr_files;
};

/*
 * Writes all files that the options ask for, of a session whose report is resolved; none has its
 * name yet. *ret must be empty but for its gates; km_reports_deinit() is to be called after an
 * error, too. Errors: KM_ERR_OUTPUT, KM_ERR_MEMORY.
 */
KM_MUST_CHECK struct km_error *km_reports_write(const struct km_session *session,
						struct km_reports *ret);
/* Writes the one that is asked for without a file, options->report. */
KM_MUST_CHECK struct km_error *km_reports_render_main(const struct km_session *session,
						      const struct km_reports *reports,
						      struct km_out *out);
/* Gives the files their names. Errors: KM_ERR_OUTPUT. */
KM_MUST_CHECK struct km_error *km_reports_finish(struct km_reports *reports);
/* Removes the files that are not finished. */
void km_reports_deinit(struct km_reports *reports);

/* --format help. */
void km_reports_list(struct km_out *out);

#endif
