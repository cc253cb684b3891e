/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The loop of life_rows.h for processors that have AVX2: all of them since about 2015. */
#ifdef __x86_64__

/* as in life_base.c */
#ifndef __clang__
#pragma GCC optimize("no-tree-slp-vectorize")
#endif

#include "agg/life_private.h"

#include <immintrin.h>

#define KM_LIFE_AVX2

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,bmi,bmi2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,bmi,bmi2")
#endif

#include "agg/life_rows.h"

struct km_error *km_life_add_avx2(struct km_life *life, const struct km_rows *rows, uint32_t *at,
				  uint32_t to)
{
	return add_plain(life, rows, at, to);
}

#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
