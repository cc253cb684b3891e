/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The walk of text_walk.h for processors that have AVX2: all of them since about 2015. */
#include "source/text_fast.h"

#ifdef __x86_64__

#include <immintrin.h>

#define KM_TEXT_AVX2

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2")
#endif

#include "source/text_walk.h"

void km_text_fast_walk_avx2(struct km_text_reader *reader, struct km_batch *batch)
{
	if (reader->want == KM_WANT_ALL)
		walk_lines(reader, batch, KM_WANT_ALL);
	else
		walk_lines(reader, batch, KM_WANT_ALLOCS);
}

#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
