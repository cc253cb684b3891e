/* SPDX-License-Identifier: GPL-2.0-or-later */
/* perf.data samples put in order of time, against a queue that sorts all that waits, each time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "source/perfdata.h"

enum { MOST_ROWS = 5000 };

/* What is put in order: by time, and of one time as it came. */
struct item {
	uint64_t ts_ns;
	uint32_t number; /* as it came */
};

struct model {
	struct item waiting[MOST_ROWS];
	size_t nr;
	uint64_t newest_ns, flush_ns;
};

struct pair {
	struct pd_queue queue;
	struct model model;
	uint32_t nr_added;
	uint64_t seed;
};

static uint32_t next_random(struct pair *p)
{
	p->seed = p->seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(p->seed >> 33);
}

static int compare(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->ts_ns != y->ts_ns)
		return x->ts_ns < y->ts_ns ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

/* A raw row has its number, so many times as it says itself; a plain one has it as pointer. */
static void add(struct pair *p, uint64_t ts_ns)
{
	const uint32_t number = p->nr_added++;
	struct model *model = &p->model;
	uint32_t raw[4] = { number, number, number, number };
	const uint64_t chain[3] = { number, number, number };
	const struct pd_sample sample = {
		.time_ns = ts_ns,
		.raw = (const uint8_t *)raw,
		.raw_size = 4 * (number % 4 + 1),
	};

	assert_true(model->nr < MOST_ROWS);
	model->waiting[model->nr++] = (struct item){ ts_ns, number };
	if (ts_ns > model->newest_ns)
		model->newest_ns = ts_ns;
	if (next_random(p) % 3 == 0) {
		assert_null(pd_queue_add(&p->queue, &sample, 1, chain, number % 3));
		return;
	}
	assert_null(pd_queue_reserve(&p->queue));
	pd_queue_place(&p->queue, ts_ns);
	p->queue.rows[p->queue.nr++] = (struct pd_row){
		.ts_ns = ts_ns,
		.ptr = number,
		.group = KM_ROW_FREE,
	};
}

static uint32_t number_of(const struct pair *p, const struct pd_row *row)
{
	const uint8_t *bytes;
	uint64_t address;
	uint32_t number, last, nr_chain;

	if (!pd_row_is_raw(row))
		return (uint32_t)row->ptr;
	bytes = p->queue.bytes + row->ptr;
	nr_chain = pd_row_nr_chain(row);
	memcpy(&number, bytes + 8 * (size_t)nr_chain, 4);
	assert_int_equal(nr_chain, number % 3);
	assert_int_equal(pd_row_raw_size(row), 4 * (number % 4 + 1));
	memcpy(&last, bytes + 8 * (size_t)nr_chain + pd_row_raw_size(row) - 4, 4);
	assert_int_equal(last, number);
	for (uint32_t i = 0; i < nr_chain; i++) {
		memcpy(&address, bytes + 8 * (size_t)i, 8);
		assert_int_equal(address, number);
	}
	return number;
}

/* What is let out are the first `nr` of the model. */
static void check(struct pair *p, size_t nr)
{
	struct model *model = &p->model;
	const struct pd_row *rows;
	size_t seen = 0;
	uint32_t got;

	while ((got = pd_queue_take(&p->queue, next_random(p) % 7 + 1, &rows))) {
		for (uint32_t i = 0; i < got; i++, seen++) {
			assert_true(seen < nr);
			assert_int_equal(rows[i].ts_ns, model->waiting[seen].ts_ns);
			assert_int_equal(number_of(p, &rows[i]), model->waiting[seen].number);
		}
	}
	assert_int_equal(seen, nr);
	model->nr -= nr;
	memmove(model->waiting, model->waiting + nr, model->nr * sizeof(model->waiting[0]));
	assert_int_equal(p->queue.nr, model->nr);
}

static void sort_model(struct model *model)
{
	qsort(model->waiting, model->nr, sizeof(model->waiting[0]), compare);
}

static void end_round(struct pair *p)
{
	struct model *model = &p->model;
	size_t nr = 0;

	sort_model(model);
	while (nr < model->nr && model->waiting[nr].ts_ns <= model->flush_ns)
		nr++;
	model->flush_ns = model->newest_ns;
	pd_queue_end_round(&p->queue);
	check(p, nr);
}

static void flush(struct pair *p, bool is_half)
{
	struct model *model = &p->model;

	sort_model(model);
	if (is_half)
		pd_queue_flush_half(&p->queue);
	else
		pd_queue_flush_all(&p->queue);
	check(p, is_half ? (model->nr + 1) / 2 : model->nr);
}

/* Rounds of some CPUs, each in order but for `disorder` in a hundred, with few different times. */
static void run(struct pair *p, uint32_t nr_rounds, uint32_t nr_cpus, uint32_t disorder)
{
	for (uint32_t round = 0; round < nr_rounds; round++) {
		for (uint32_t cpu = 0; cpu < nr_cpus; cpu++) {
			/* what is in a buffer may be older than the end of the round before */
			uint64_t ts_ns = 100 * (uint64_t)round + next_random(p) % 50;

			for (uint32_t i = next_random(p) % 40; i-- > 0;) {
				const bool is_odd = next_random(p) % 100 < disorder;

				add(p, is_odd ? ts_ns - next_random(p) % (ts_ns + 1) : ts_ns);
				ts_ns += next_random(p) % 4;
			}
		}
		if (next_random(p) % 10 == 0)
			flush(p, true);
		end_round(p);
	}
	flush(p, false);
	assert_int_equal(p->queue.nr, 0);
	assert_int_equal(p->queue.nr_bytes, 0);
}

static struct pair *pair_create(uint64_t seed)
{
	struct pair *p = test_calloc(1, sizeof(*p));

	p->seed = seed;
	return p;
}

static void pair_destroy(struct pair *p)
{
	pd_queue_deinit(&p->queue);
	test_free(p);
}

static void rounds(void **state)
{
	(void)state;
	for (uint32_t nr_cpus = 1; nr_cpus <= 9; nr_cpus++) {
		struct pair *p = pair_create(nr_cpus);

		run(p, 60, nr_cpus, 0);
		pair_destroy(p);
	}
}

static void disorder(void **state)
{
	(void)state;
	for (uint32_t percent = 1; percent <= 100; percent += 33) {
		struct pair *p = pair_create(percent);

		run(p, 60, 4, percent);
		pair_destroy(p);
	}
}

/* Times of 0 and of all ones are times as others. */
static void extremes(void **state)
{
	struct pair *p = pair_create(1);

	(void)state;
	add(p, UINT64_MAX);
	add(p, 0);
	add(p, UINT64_MAX);
	add(p, 0);
	end_round(p);
	add(p, 0);
	end_round(p);
	add(p, 7);
	flush(p, false);
	pd_queue_clear(&p->queue);
	p->model = (struct model){ 0 };
	add(p, 3);
	end_round(p);
	end_round(p);
	assert_int_equal(p->queue.nr, 0);
	pair_destroy(p);
}

/* Without rounds it says when it is full, and half of it is let out. */
static void no_rounds(void **state)
{
	const uint32_t raw = 0;
	const struct pd_row *rows;
	struct pd_queue queue = { 0 };
	uint64_t ts_ns = 0;
	uint32_t nr = 0, got;

	(void)state;
	while (!pd_queue_is_full(&queue)) {
		const struct pd_sample sample = {
			.time_ns = nr++ % 2 ? 1 : 2,
			.raw = (const uint8_t *)&raw,
			.raw_size = sizeof(raw),
		};

		assert_null(pd_queue_add(&queue, &sample, 0, NULL, 0));
	}
	assert_int_equal(nr, 1U << 20);
	pd_queue_flush_half(&queue);
	while ((got = pd_queue_take(&queue, UINT32_MAX, &rows))) {
		assert_true(rows[0].ts_ns >= ts_ns);
		ts_ns = rows[0].ts_ns;
		nr -= got;
	}
	assert_int_equal(ts_ns, 1);
	assert_int_equal(nr, 1U << 19);
	assert_int_equal(queue.nr, 1U << 19);
	assert_false(pd_queue_is_full(&queue));
	pd_queue_deinit(&queue);
}

/* With a limit it is full earlier; what then comes too late is counted, each once. */
static void limit(void **state)
{
	const uint32_t raw[16] = { 0 };
	const struct pd_row *rows;
	struct pd_queue queue = { 0 };
	struct pd_sample sample = { .raw = (const uint8_t *)raw, .raw_size = sizeof(raw) };
	uint32_t nr, got, nr_taken = 0;

	(void)state;
	pd_queue_set_limit(&queue, 1 << 20);
	for (nr = 0; !pd_queue_is_full(&queue); nr++) {
		sample.time_ns = nr + 1;
		assert_null(pd_queue_add(&queue, &sample, 0, NULL, 0));
	}
	assert_int_equal(nr, 4096);
	assert_true(queue.room * sizeof(struct pd_row) + queue.room_bytes +
			    queue.room_runs * (sizeof(struct pd_run) + sizeof(struct pd_head)) <=
		    1 << 20);
	pd_queue_flush_half(&queue);
	while ((got = pd_queue_take(&queue, 100, &rows)))
		nr_taken += got;
	assert_int_equal(nr_taken, 2048);
	assert_int_equal(queue.nr_late, 0);
	for (uint32_t i = 0; i < 10; i++) {
		/* 2043 to 2052: the last of those that went was 2048 */
		sample.time_ns = 2043 + i;
		assert_null(pd_queue_add(&queue, &sample, 1, NULL, 0));
	}
	pd_queue_end_round(&queue);
	assert_int_equal(pd_queue_take(&queue, 100, &rows), 0);
	pd_queue_end_round(&queue);
	while ((got = pd_queue_take(&queue, 3, &rows)))
		nr_taken += got;
	assert_int_equal(nr_taken, 4096 + 10);
	assert_int_equal(queue.nr_late, 5);
	pd_queue_clear(&queue);
	assert_int_equal(queue.nr_late, 0);
	pd_queue_set_limit(&queue, 32 << 20);
	assert_true(queue.most_rows > 4096 && queue.most_bytes == 24 << 20);
	pd_queue_deinit(&queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rounds),    cmocka_unit_test(disorder), cmocka_unit_test(extremes),
		cmocka_unit_test(no_rounds), cmocka_unit_test(limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
