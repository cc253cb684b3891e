/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where tracefs is, its files, and what to do where it does not let us. */
#ifndef KMEMSTAT_RECORD_TRACEFS_H
#define KMEMSTAT_RECORD_TRACEFS_H

#include <stddef.h>

#include "kmemstat/error.h"

/*
 * The directory where tracefs is mounted, malloc'ed: of several the usual one,
 * /sys/kernel/tracing. `root` stands before /proc and /sys: "", but for tests. Errors:
 * KM_ERR_PERMISSION with the command that mounts it, KM_ERR_INPUT if the kernel has none.
 */
KM_MUST_CHECK struct km_error *km_tracefs_find(const char *root, char **ret);
/*
 * The error of a system call on a file of tracefs, with advice that says what to run: "doing" is
 * what was tried, as "cannot open". `tracefs` is where it is mounted.
 */
struct km_error *km_tracefs_error(const char *root, const char *tracefs, const char *path, int err,
				  const char *doing);

/* These take a directory and a name below it. *ret of open is the caller's. */
KM_MUST_CHECK struct km_error *km_tracefs_open(const char *tracefs, const char *dir,
					       const char *name, int flags, int *ret);
KM_MUST_CHECK struct km_error *km_tracefs_read(const char *tracefs, const char *dir,
					       const char *name, char **ret, size_t *ret_size);
KM_MUST_CHECK struct km_error *km_tracefs_write(const char *tracefs, const char *dir,
						const char *name, const char *text);
/* Writes, and returns an errno or 0; EIO for less than all. */
int km_tracefs_try_write(const char *dir, const char *name, const char *text);

#endif
