/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hand-made rows of page and percpu events, as a scan gives them to those who take runs. */
#ifndef KMEMSTAT_TESTS_ROWS_H
#define KMEMSTAT_TESTS_ROWS_H

#include <stdlib.h>
#include <string.h>

#include "kmemstat/life.h"

#define PAGE_BYTES 4096U

/* A batch that fills up, and the stacks of its rows. */
struct made {
	struct km_batch batch;
	uint64_t stacks[1024];
	uint32_t nr_stack_words;
};

static inline struct made *made_create(void)
{
	return calloc(1, sizeof(struct made));
}

/* The next row, of an event at its number in nanoseconds. */
static inline uint32_t made_row(struct made *made, enum km_event_kind kind, uint64_t ptr)
{
	uint32_t i = made->batch.nr++;

	made->batch.what[i] = (struct km_event_what){ .kind = (uint8_t)kind };
	made->batch.ptr[i] = ptr;
	made->batch.ts_ns[i] = 1000 + i;
	made->batch.more[i] = (struct km_event_more){ .node = -1 };
	made->batch.size[i] = (struct km_event_size){ 0, 0 };
	made->batch.call_site[i] = 0;
	made->batch.stack[i] = 0;
	made->batch.group[i] = km_event_is_free(kind) ? KM_ROW_FREE : 0;
	km_batch_set_other(&made->batch, i, !km_event_is_slab(kind));
	return i;
}

static inline uint32_t made_page_alloc(struct made *made, uint64_t pfn, unsigned int order)
{
	uint32_t i = made_row(made, KM_EV_PAGE_ALLOC, pfn);

	made->batch.more[i].order = (uint8_t)order;
	made->batch.size[i].req = made->batch.size[i].alloc = PAGE_BYTES << order;
	return i;
}

static inline uint32_t made_page_free(struct made *made, uint64_t pfn, unsigned int order)
{
	uint32_t i = made_row(made, KM_EV_PAGE_FREE, pfn);

	made->batch.more[i].order = (uint8_t)order;
	return i;
}

static inline void made_stack(struct made *made, uint32_t row, const uint64_t *frames, uint32_t nr)
{
	made->stacks[made->nr_stack_words] = nr;
	memcpy(&made->stacks[made->nr_stack_words + 1], frames, nr * sizeof(*frames));
	made->batch.stack[row] = made->nr_stack_words + 1;
	made->nr_stack_words += nr + 1;
}

/* All rows as one run. */
static inline struct km_rows made_rows(const struct made *made)
{
	return (struct km_rows){ .batch = &made->batch,
				 .to = made->batch.nr,
				 .stacks = made->stacks };
}

#endif
