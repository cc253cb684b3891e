/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stacks as small numbers: the same one has the same number. */
#ifndef KMEMSTAT_STACKS_H
#define KMEMSTAT_STACKS_H

#include <stddef.h>

#include "kmemstat/error.h"

/*
 * Where only the callers of an allocator are of interest, so many of the innermost frames are kept:
 * they are among them, and those of their callers would only make more different stacks.
 */
#define KM_STACK_FRAMES      16
/* No stack has more: the kernel's own limit is 127 (kernel.perf_event_max_stack, v6.12). */
#define KM_STACK_MOST_FRAMES 128

struct km_stacks;

/* Of each stack the `most_frames` innermost frames are kept, at most KM_STACK_MOST_FRAMES. */
KM_MUST_CHECK struct km_error *km_stacks_create(size_t most_frames, struct km_stacks **ret);
void km_stacks_destroy(struct km_stacks *stacks);
/* The memory it takes, about. */
uint64_t km_stacks_bytes(const struct km_stacks *stacks);
/* The number of a stack, from 1 on in the order they are met; 0 for one without frames. */
KM_MUST_CHECK struct km_error *km_stacks_add(struct km_stacks *stacks, const uint64_t *frames,
					     size_t nr_frames, uint32_t *ret);
/* The numbers are below this one. */
uint32_t km_stacks_end(const struct km_stacks *stacks);
/* The frames of a stack, innermost first; returns how many, 0 for number 0. Borrowed until the
 * next km_stacks_add(). */
size_t km_stacks_get(const struct km_stacks *stacks, uint32_t number, uint64_t **ret);

#endif
