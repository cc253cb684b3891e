/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Source file names relative to a checkout of the sources: --source-root. */
#ifndef KMEMSTAT_SYM_SRCROOT_H
#define KMEMSTAT_SYM_SRCROOT_H

#include "kmemstat/error.h"
#include "sym/arena.h"

struct km_srcroot;

/* `dir` must be a directory. Errors: KM_ERR_INPUT, KM_ERR_MEMORY. */
KM_MUST_CHECK struct km_error *km_srcroot_create(const char *dir, struct km_srcroot **ret);
void km_srcroot_destroy(struct km_srcroot *root);
/*
 * The name of a file from the root on, if it is found there (see srcroot.c), else `tidy`: `built`
 * is the file's path as it was compiled, normalized, `tidy` an end of that or all of it. The result
 * is of the arena, which has to outlive the root; NULL without memory.
 */
const char *km_srcroot_find(struct km_srcroot *root, const char *built, const char *tidy,
			    struct km_arena *arena);
/* The directory, links followed. */
const char *km_srcroot_dir(const struct km_srcroot *root);

#endif
