/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strings that are many and small, and are freed at once. */
#ifndef KMEMSTAT_COMPARE_POOL_H
#define KMEMSTAT_COMPARE_POOL_H

#include <stddef.h>

#include "kmemstat/error.h"

struct km_pool_chunk;

/* Zero-initialised is empty. */
struct km_pool {
	struct km_pool_chunk *chunks;
};

void km_pool_deinit(struct km_pool *pool);
/* A copy of `len` bytes with a NUL behind; NULL without memory. Nothing that is returned moves. */
char *km_pool_copy(struct km_pool *pool, const char *text, size_t len);
char *km_pool_printf(struct km_pool *pool, const char *format, ...) KM_PRINTF(2, 3);

#endif
