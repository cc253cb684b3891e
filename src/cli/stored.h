/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A JSON report in a trace's place. */
#ifndef KMEMSTAT_CLI_STORED_H
#define KMEMSTAT_CLI_STORED_H

#include "cli/session.h"

/* Whether the input is a report, and the verb takes one. */
bool km_stored_is(const struct km_options *options);
/* The error of an option that is about reading a trace. */
struct km_error *km_stored_refuse(const struct km_options *options, const char *name);
/* Whether an option makes sense of a report that is there already. */
bool km_stored_takes(const struct km_option *option);
/*
 * Opens options->input, a JSON report: a session with its report built. What is in the file and not
 * read back is said. km_session_deinit() is to be called after an error, too.
 */
KM_MUST_CHECK struct km_error *km_stored_open(const struct km_options *options,
					      struct km_session *ret);

#endif
