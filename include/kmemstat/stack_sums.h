/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slab allocations summed up by stack. Those of pages and percpu objects are summed by their
 * pairings, with by_stack in their options.
 */
#ifndef KMEMSTAT_STACK_SUMS_H
#define KMEMSTAT_STACK_SUMS_H

#include "kmemstat/agg.h"
#include "kmemstat/stacks.h"

/* Allocations of one stack that are alike. */
struct km_stack_use {
	uint64_t call_site;
	uint32_t stack; /* km_stacks_get(); 0: the events had none */
	uint32_t alloc; /* bytes of each, as allocated */
	uint8_t family; /* enum km_family */
	uint32_t next;  /* of the sums: another with the same stack and call site; 0: none */
	uint64_t hits, bytes_req;
	uint64_t live, live_req; /* at the end; 0 without pairing */
};

struct km_stack_sums;

/* `has_pairs`: pair allocations with frees. */
KM_MUST_CHECK struct km_error *km_stack_sums_create(bool has_pairs, struct km_stack_sums **ret);
void km_stack_sums_destroy(struct km_stack_sums *sums);
/* The memory it takes, about. */
uint64_t km_stack_sums_bytes(const struct km_stack_sums *sums);
/*
 * The next run, of rows with all columns. Rows of other layers are passed over. Errors:
 * KM_ERR_MEMORY.
 */
KM_MUST_CHECK struct km_error *km_stack_sums_add(struct km_stack_sums *sums,
						 const struct km_rows *rows);
/* In the order they were met, the first unused; valid until more is added. */
const struct km_stack_use *km_stack_sums_uses(const struct km_stack_sums *sums, size_t *ret_nr);
/* The stacks of these uses. */
const struct km_stacks *km_stack_sums_stacks(const struct km_stack_sums *sums);

#endif
