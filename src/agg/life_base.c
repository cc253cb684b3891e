/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The loop of life_rows.h for any processor. */
/*
 * Two sums that happen to be added to together are not to be in one wide register: in other places
 * they are needed apart, which takes longer than it saves.
 */
#ifndef __clang__
#pragma GCC optimize("no-tree-slp-vectorize")
#endif

#include "agg/life_rows.h"

struct km_error *km_life_add_plain(struct km_life *life, const struct km_rows *rows, uint32_t *at,
				   uint32_t to)
{
	return add_plain(life, rows, at, to);
}

struct km_error *km_life_add_any(struct km_life *life, const struct km_rows *rows, uint32_t *at,
				 uint32_t to)
{
	return rows->batch->is_one_cpu ? add_rows(life, rows, at, to, false, true)
				       : add_rows(life, rows, at, to, false, false);
}
