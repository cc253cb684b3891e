/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of a source file below a directory, and of none outside it. */
#ifndef KMEMSTAT_SYM_EXCERPT_H
#define KMEMSTAT_SYM_EXCERPT_H

#include "kmemstat/sym.h"
#include "sym/arena.h"

/*
 * The lines around `line` of `file`, a path from `dir` on: 5 before it and 4 after, as gdb's list
 * has them. A path that is absolute, has "..", or leads out of `dir` by a symbolic link is refused.
 * Lines are cut at 512 bytes. Strings are of the arena. Errors: KM_ERR_INPUT, which says why there
 * are none; KM_ERR_MEMORY.
 */
KM_MUST_CHECK struct km_error *km_excerpt_read(const char *dir, const char *file, uint32_t line,
					       struct km_arena *arena, struct km_excerpt *ret);

#endif
