/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where debug files may be: candidates by name, none of them opened. */
#ifndef KMEMSTAT_SYM_SEARCH_H
#define KMEMSTAT_SYM_SEARCH_H

#include <stdbool.h>
#include <stddef.h>

#include "kmemstat/sym.h"

/* A growing list of paths, in the order they should be tried. */
struct km_paths {
	char **paths;
	size_t nr;
};
void km_paths_deinit(struct km_paths *paths);

struct km_search;

/*
 * `options` is copied. A directory of the user's that cannot be read is an error.
 */
KM_MUST_CHECK struct km_error *km_search_create(const struct km_resolver_options *options,
						struct km_search **ret);
void km_search_destroy(struct km_search *search);
/* Existing files that may be the vmlinux of the traced kernel; ret begins empty. */
KM_MUST_CHECK struct km_error *km_search_kernel(const struct km_search *search,
						struct km_paths *ret);
/*
 * Existing files that may be that module, by name; "-" and "_" are the same. The first call
 * walks the directories.
 */
KM_MUST_CHECK struct km_error *km_search_module(struct km_search *search, const char *module,
						struct km_paths *ret);
/* Whether a path is below a directory of the user's. */
bool km_search_is_users(const struct km_search *search, const char *path);
/* What kept a directory from being searched, once; the caller's, or NULL. */
struct km_error *km_search_take_trouble(struct km_search *search);
/* A directory that has more files than are looked at, or NULL. */
const char *km_search_cut(const struct km_search *search);

#endif
