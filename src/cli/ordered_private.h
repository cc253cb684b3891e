/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is there while queues are read side by side. */
#ifndef KMEMSTAT_CLI_ORDERED_PRIVATE_H
#define KMEMSTAT_CLI_ORDERED_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "cli/ordered.h"
#include "cli/worker.h"

/* A batch on its way from its reader to the takers. */
struct filled {
	struct km_batch batch;
	uint64_t *stacks;
	size_t nr_stacks, room_stacks;
	const char *const *cache_names;
};

/* Cache names of a reader by id; a larger array replaces it, and it stays for whoever reads it. */
struct names {
	struct names *before;
	size_t nr, room;
	const char *items[];
};

struct queue {
	uint32_t number;
	size_t *parts;
	size_t nr_parts, next_part;
	bool is_started; /* the part before next_part is not at its end */
	bool has_worker;
	struct km_worker worker;
	struct names *names;
	struct filled *ring;
	size_t nr_ring;
	/* of batches: filled and taken so far; their difference is how full the ring is */
	size_t nr_filled, nr_taken;
	bool is_done;  /* nothing more is filled in */
	bool is_busy;  /* a thread fills one in */
	uint32_t next; /* row of the batch in hand */
};

struct ordered {
	struct km_source *source;
	const struct km_scan_options *options;
	enum km_want want;
	struct queue *queues;
	size_t nr_queues;
	/* the queues with a batch in hand, a binary heap with the earliest first */
	struct queue **heap;
	size_t nr_heap;
	struct filler *fillers;
	size_t nr_fillers;
	/* everything below, and the rings' counts, under the lock */
	pthread_mutex_t lock;
	pthread_cond_t has_filled, has_room;
	bool is_over;   /* fillers end */
	size_t nr_idle; /* fillers that wait for room */
	const struct queue *waited_for;
	struct km_error *error;
	double next_interval; /* when the next report in between is due */
	uint64_t interval_end; /* of events' time; 0: there was no event yet */
	struct km_taken taken;
	/* progress */
	uint64_t bytes_total, bytes_shown;
	atomic_uint_fast64_t bytes_done, events_done;
};

/* A thread that fills rings. */
struct filler {
	struct ordered *ordered;
	bool is_first;
	pthread_t thread;
};

#endif
