/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of functions that stay the same over builds. */
#ifndef KMEMSTAT_BASE_STABLE_H
#define KMEMSTAT_BASE_STABLE_H

#include <stddef.h>

/*
 * The length of a function's name without what differs between builds: what compilers append to
 * copies and parts of functions (GCC's .isra.N, .constprop.N, .part.N, .cold and .lto_priv.N,
 * LLVM's .llvm.HASH, .__uniq.HASH, .cfi and .cfi_jt), and the _noprof of allocating functions since
 * v6.10 (memory allocation profiling), whose name without it is a macro. Not 0 for a name.
 */
size_t km_stable_name_len(const char *name);

#endif
