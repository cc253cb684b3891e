/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Live input: a pipe that others still write to, ended by a signal. */
#ifndef KMEMSTAT_CLI_LIVE_H
#define KMEMSTAT_CLI_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kmemstat/error.h"

/* Whether an input ("-": standard input) has no end that is known: a pipe, a file of tracefs. */
bool km_live_is_stream(const char *path);

/*
 * From here on SIGINT and SIGTERM set the flag that is returned, the second one kills. A signal
 * that is ignored stays so.
 */
const volatile bool *km_live_catch_signals(void);
/* The same, but calls that the signal interrupts go on: for writing, until it is caught anew. */
void km_live_restart_calls(void);
/* They kill again. */
void km_live_release_signals(void);

/*
 * The tasks whose own events are in a live trace because it is read: of this process, and of those
 * that hold the writing end of the pipe that `path` is, as far as /proc tells. *ret is malloc'ed.
 */
KM_MUST_CHECK struct km_error *km_live_find_tasks(const char *path, int32_t **ret, size_t *ret_nr);

#endif
