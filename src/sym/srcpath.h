/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Source file names as a kernel developer writes them: relative to the kernel tree. */
#ifndef KMEMSTAT_SYM_SRCPATH_H
#define KMEMSTAT_SYM_SRCPATH_H

#include <stddef.h>

/* Takes "." and ".." and doubled slashes out of a path, by its text alone; malloc'ed or NULL. */
char *km_srcpath_normalize(const char *path);
/*
 * The same for a path that is relative to `comp_dir` (normalized, or NULL) unless it is absolute
 * or has that in front already.
 */
char *km_srcpath_join(const char *comp_dir, const char *path);
/*
 * The length of the directory of the kernel tree in a normalized path, if it is the path of a
 * header only the kernel tree has ("/build/linux/include/linux/types.h": 12); otherwise -1.
 */
long km_srcpath_root_len(const char *path);
/* Points behind `root` and a slash if `path` begins with them, else returns NULL. */
const char *km_srcpath_below(const char *path, const char *root);

#endif
