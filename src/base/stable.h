/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of functions that stay the same over builds. */
#ifndef KMEMSTAT_BASE_STABLE_H
#define KMEMSTAT_BASE_STABLE_H

#include <stddef.h>

/*
 * The length of a symbol's name without what compilers append to copies of a function, which
 * differs between builds: GCC's .isra.N, .constprop.N, .part.N and .cold, LLVM's .llvm.HASH.
 */
size_t km_stable_name_len(const char *name);

#endif
