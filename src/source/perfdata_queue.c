/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Samples put in order of time. perf record empties the CPUs' buffers one after the other, and then
 * writes FINISHED_ROUND: whatever comes later is younger than the youngest of the round before
 * (tools/perf/util/ordered-events.c, v6.1). So what waits is that of two rounds.
 *
 * What waits are rows as they came. Those of one buffer are in order, so that they are few runs,
 * which are merged as they are let out: from the run with the earliest row all go that are not
 * later than the earliest of the others. Of one time goes first what came first.
 */
#include <stdlib.h>

#include "source/perfdata.h"

/* A recorder that never ends a round must not use up the memory, however much there is. */
#define MAX_WAITING_EVENTS (1U << 20)
#define MAX_WAITING_BYTES  (256U << 20)
/* at first, and at least for the largest record there can be */
#define BYTES_AHEAD        (256U << 10)
/* a row, which may be a run of its own */
#define ROW_BYTES          (sizeof(struct pd_row) + sizeof(struct pd_run) + sizeof(struct pd_head))
/* of rows and runs at first; with MAX_WAITING_EVENTS a power of two times it */
#define FIRST_ROOM         4096U
/* so much is free after pd_queue_reserve(), if there may be so much */
#define ROOM_AHEAD         1024U
/* runs are long: the end of what can go is looked for in steps of so many rows */
#define TAKE_STEP          8U

void pd_queue_deinit(struct pd_queue *queue)
{
	free(queue->rows);
	free(queue->bytes);
	free(queue->runs);
	free(queue->heap);
	*queue = (struct pd_queue){ 0 };
}

void pd_queue_clear(struct pd_queue *queue)
{
	queue->nr = queue->nr_runs = queue->nr_heap = 0;
	queue->nr_bytes = 0;
	queue->is_ready = false;
	queue->newest_ns = queue->flush_ns = queue->forced_ns = 0;
	queue->nr_late = 0;
}

/* A quarter is for rows, the rest for the bytes of those that are raw. */
void pd_queue_set_limit(struct pd_queue *queue, uint64_t bytes)
{
	queue->most_rows = 0;
	queue->most_bytes = 0;
	if (!bytes)
		return;
	queue->most_rows = FIRST_ROOM;
	while (queue->most_rows < MAX_WAITING_EVENTS &&
	       2 * queue->most_rows * (uint64_t)ROW_BYTES <= bytes / 4)
		queue->most_rows *= 2;
	queue->most_bytes =
		bytes / 4 * 3 < MAX_WAITING_BYTES ? (size_t)(bytes / 4 * 3) : MAX_WAITING_BYTES;
}

static uint32_t most_rows(const struct pd_queue *queue)
{
	return queue->most_rows ? queue->most_rows : MAX_WAITING_EVENTS;
}

static size_t most_bytes(const struct pd_queue *queue)
{
	return queue->most_bytes ? queue->most_bytes : MAX_WAITING_BYTES;
}

static struct km_error *grow_rows(struct pd_queue *queue)
{
	const uint32_t room = queue->room ? 2 * queue->room : FIRST_ROOM;
	struct pd_row *rows = reallocarray(queue->rows, room, sizeof(*rows));

	if (!rows)
		return &km_error_memory;
	queue->rows = rows;
	queue->room = room;
	return NULL;
}

static struct km_error *grow_runs(struct pd_queue *queue)
{
	const uint32_t room = queue->room_runs ? 2 * queue->room_runs : FIRST_ROOM;
	struct pd_run *runs = reallocarray(queue->runs, room, sizeof(*runs));
	struct pd_head *heap;

	if (!runs)
		return &km_error_memory;
	queue->runs = runs;
	heap = reallocarray(queue->heap, room, sizeof(*heap));
	if (!heap)
		return &km_error_memory;
	queue->heap = heap;
	queue->room_runs = room;
	return NULL;
}

struct km_error *pd_queue_reserve(struct pd_queue *queue)
{
	struct km_error *error = NULL;

	while (!error && queue->room - queue->nr < ROOM_AHEAD && queue->room < most_rows(queue))
		error = grow_rows(queue);
	/* there are no more runs than rows */
	while (!error && queue->room_runs - queue->nr_runs < ROOM_AHEAD &&
	       queue->room_runs < most_rows(queue))
		error = grow_runs(queue);
	return error;
}

/* What an event takes: the addresses after it stay aligned. */
static size_t row_bytes(const struct pd_row *row)
{
	return 8 * (size_t)pd_row_nr_chain(row) + ((size_t)pd_row_raw_size(row) + 7) / 8 * 8;
}

struct km_error *pd_queue_add(struct pd_queue *queue, const struct pd_sample *sample, uint16_t cpu,
			      const uint64_t *chain, size_t nr_chain)
{
	const struct pd_row row = {
		.ts_ns = sample->time_ns,
		.ptr = queue->nr_bytes,
		.group = sample->raw_size,
		.cpu = cpu,
		.raw = (uint16_t)(1 + nr_chain),
	};
	const size_t size = row_bytes(&row);
	struct km_error *error = pd_queue_reserve(queue);
	uint8_t *bytes;

	if (error)
		return error;
	if (!queue->bytes || size > queue->room_bytes - queue->nr_bytes) {
		const size_t most = most_bytes(queue) + BYTES_AHEAD;
		size_t room = 2 * queue->room_bytes + size + BYTES_AHEAD;

		/* it is not full yet: there is room for one more behind all that there may be */
		if (room > most && most - queue->nr_bytes >= size)
			room = most;
		bytes = realloc(queue->bytes, room);
		if (!bytes)
			return &km_error_memory;
		queue->bytes = bytes;
		queue->room_bytes = room;
	}
	bytes = queue->bytes + queue->nr_bytes;
	if (nr_chain)
		memcpy(bytes, chain, 8 * nr_chain);
	memcpy(bytes + 8 * nr_chain, sample->raw, sample->raw_size);
	queue->nr_bytes += size;
	pd_queue_place(queue, row.ts_ns);
	queue->rows[queue->nr++] = row;
	return NULL;
}

bool pd_queue_is_full(const struct pd_queue *queue)
{
	return queue->nr >= most_rows(queue) || queue->nr_bytes >= most_bytes(queue);
}

static inline bool is_before(const struct pd_head *a, const struct pd_head *b)
{
	return a->ts_ns != b->ts_ns ? a->ts_ns < b->ts_ns : a->run < b->run;
}

/* Puts the head at `at` of the heap where it belongs, from there on down. */
static inline void sift_down(struct pd_head *heap, uint32_t nr, uint32_t at)
{
	const struct pd_head head = heap[at];

	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child >= nr)
			break;
		if (child + 1 < nr && is_before(&heap[child + 1], &heap[child]))
			child++;
		if (!is_before(&heap[child], &head))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = head;
}

/* Begins to let out at most `most` rows, up to `until_ns`. */
static void let_out(struct pd_queue *queue, uint64_t until_ns, uint32_t most)
{
	queue->until_ns = until_ns;
	queue->left = most;
	queue->nr_heap = 0;
	queue->is_ready = true;
	for (uint32_t i = 0; i < queue->nr_runs; i++) {
		struct pd_run *run = &queue->runs[i];

		run->end = i + 1 < queue->nr_runs ? run[1].next : queue->nr;
		if (queue->rows[run->next].ts_ns <= until_ns)
			queue->heap[queue->nr_heap++] =
				(struct pd_head){ queue->rows[run->next].ts_ns, i };
	}
	for (uint32_t i = queue->nr_heap / 2; i-- > 0;)
		sift_down(queue->heap, queue->nr_heap, i);
}

void pd_queue_end_round(struct pd_queue *queue)
{
	const uint64_t until_ns = queue->flush_ns;

	queue->flush_ns = queue->newest_ns;
	let_out(queue, until_ns, queue->nr);
}

void pd_queue_flush_half(struct pd_queue *queue)
{
	let_out(queue, UINT64_MAX, (queue->nr + 1) / 2);
	queue->is_forced = true;
}

void pd_queue_flush_all(struct pd_queue *queue)
{
	let_out(queue, UINT64_MAX, queue->nr);
}

/* Moves the bytes of rows, in their order, to the front. */
static void move_bytes(struct pd_queue *queue)
{
	size_t to = 0;

	for (uint32_t i = 0; i < queue->nr && queue->nr_bytes; i++) {
		struct pd_row *row = &queue->rows[i];
		const size_t size = row_bytes(row);

		if (!pd_row_is_raw(row))
			continue;
		memmove(queue->bytes + to, queue->bytes + row->ptr, size);
		row->ptr = to;
		to += size;
	}
	queue->nr_bytes = to;
}

/* What was not let out waits again: what is left of each run, in their order. */
static void end_letting_out(struct pd_queue *queue)
{
	uint32_t to = 0, nr_runs = 0;

	for (uint32_t i = 0; i < queue->nr_runs; i++) {
		const struct pd_run run = queue->runs[i];
		const uint32_t nr = run.end - run.next;

		if (!nr)
			continue;
		if (!to || queue->rows[run.next].ts_ns < queue->rows[to - 1].ts_ns)
			queue->runs[nr_runs++].next = to;
		if (to != run.next)
			memmove(&queue->rows[to], &queue->rows[run.next],
				nr * sizeof(*queue->rows));
		to += nr;
	}
	queue->nr = to;
	queue->nr_runs = nr_runs;
	queue->is_ready = queue->is_forced = false;
	move_bytes(queue);
}

/* How far the run at the top of the heap goes before it is another's turn. */
static uint64_t turn_end(const struct pd_queue *queue)
{
	const struct pd_head *heap = queue->heap, *second = &heap[1];

	if (queue->nr_heap < 2)
		return queue->until_ns;
	if (queue->nr_heap > 2 && is_before(&heap[2], second))
		second = &heap[2];
	/* not 0, where the other came earlier: it would be at the top */
	return second->run < heap[0].run ? second->ts_ns - 1 : second->ts_ns;
}

uint32_t pd_queue_take(struct pd_queue *queue, uint32_t most, const struct pd_row **ret)
{
	const struct pd_row *rows = queue->rows;
	struct pd_head *top = queue->heap;
	struct pd_run *run;
	uint64_t until_ns;
	uint32_t at, end;

	if (!queue->nr_heap || !queue->left) {
		if (queue->is_ready)
			end_letting_out(queue);
		return 0;
	}
	run = &queue->runs[top->run];
	until_ns = turn_end(queue);
	if (most > queue->left)
		most = queue->left;
	end = run->end - run->next > most ? run->next + most : run->end;
	at = run->next + 1;
	while (end - at >= TAKE_STEP && rows[at + TAKE_STEP - 1].ts_ns <= until_ns)
		at += TAKE_STEP;
	while (at < end && rows[at].ts_ns <= until_ns)
		at++;
	for (uint32_t i = run->next; i < at && rows[i].ts_ns < queue->forced_ns; i++)
		queue->nr_late++;
	if (queue->is_forced && rows[at - 1].ts_ns > queue->forced_ns)
		queue->forced_ns = rows[at - 1].ts_ns;
	*ret = &rows[run->next];
	most = at - run->next;
	queue->left -= most;
	run->next = at;
	if (at == run->end || rows[at].ts_ns > queue->until_ns)
		*top = queue->heap[--queue->nr_heap];
	else
		top->ts_ns = rows[at].ts_ns;
	if (queue->nr_heap > 1)
		sift_down(queue->heap, queue->nr_heap, 0);
	return most;
}
