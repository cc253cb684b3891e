/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happens to percpu objects: their frees are paired by pointer, in time order. */
#ifndef KMEMSTAT_PERCPULIFE_H
#define KMEMSTAT_PERCPULIFE_H

#include "kmemstat/error.h"
#include "kmemstat/life.h"
#include "kmemstat/stacks.h"

/* What happened to some percpu objects. `bytes` are over all CPUs, as the event tells them. */
struct km_percpu_stats {
	uint64_t allocs; /* that succeeded */
	uint64_t bytes_req, bytes;
	uint64_t failed;
	uint64_t reserved, atomic, accounted; /* of allocs */
	uint64_t freed, replaced, live, bytes_live;
};

/* Objects that are alike. */
struct km_percpu_use {
	uint64_t call_site; /* 0: the event has none (before 5.19) */
	uint32_t stack;     /* of those without call site, or with by_stack of all; 0: none */
	uint32_t size, align;
	uint32_t next; /* of the pairing: another of the same place; 0: none */
	struct km_percpu_stats stats;
};

/* The result; the pairing's own. */
struct km_percpu_lives {
	struct km_percpu_use *uses; /* in the order they were met; the first is unused */
	size_t nr_uses;
	struct km_stacks *stacks; /* their addresses and those of call sites may be changed */
	struct km_percpu_stats total;
	uint64_t frees, unknown_frees;
	uint64_t peak_bytes, peak_ns; /* most live bytes, and when that was first so */
	/*
	 * Bytes over all CPUs for a byte of size. It is the same for all objects
	 * (pcpu_obj_full_size(), mm/percpu-internal.h, v6.12); 0: no object, or it was not.
	 */
	uint32_t ratio;
};

struct km_percpu_life;

/* `by_stack`: tell whole stacks apart, not only call sites. */
KM_MUST_CHECK struct km_error *km_percpu_life_create(bool by_stack, struct km_percpu_life **ret);
void km_percpu_life_destroy(struct km_percpu_life *life);
/* The memory it takes, about. */
uint64_t km_percpu_life_bytes(const struct km_percpu_life *life);
/* The next run. Rows of other layers are passed over. Errors: KM_ERR_MEMORY. */
KM_MUST_CHECK struct km_error *km_percpu_life_add(struct km_percpu_life *life,
						  const struct km_rows *rows);
/* What there is so far, until more is added. */
const struct km_percpu_lives *km_percpu_life_finish(struct km_percpu_life *life);

#endif
