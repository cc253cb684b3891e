/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole files whose size nobody tells: those of procfs, sysfs and tracefs. */
#ifndef KMEMSTAT_BASE_SLURP_H
#define KMEMSTAT_BASE_SLURP_H

#include <stddef.h>

/*
 * Reads all that follows in a file; *ret is malloc'ed, with a NUL behind. Returns 0, or an errno:
 * EFBIG beyond 1 GiB.
 */
int km_slurp_fd(int fd, char **ret, size_t *ret_size);
/* The same of a whole file, by its path. */
int km_slurp(const char *path, char **ret, size_t *ret_size);

#endif
