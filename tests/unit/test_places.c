/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where objects lie: pages and cache lines of hand-made rows, counted by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "builder.h"
#include "kmemstat/locality.h"

enum { PAGE = 4096 };

static const uint64_t BASE = 0xffff888000000000;

/* An allocation (`alloc` not 0), or a free. */
struct event {
	uint64_t ptr;
	uint32_t group, req, alloc;
	uint64_t site;
	uint16_t cpu;
};

static void feed(struct km_places *places, const struct event *event)
{
	struct km_batch *batch = calloc(1, sizeof(*batch));
	const struct km_rows rows = { .batch = batch, .from = 3, .to = 4 };

	batch->nr = 5;
	batch->call_site[3] = event->site;
	batch->size[3] = (struct km_event_size){ event->req, event->alloc };
	batch->what[3].kind = event->alloc ? KM_EV_KMALLOC : KM_EV_KFREE;
	batch->ptr[3] = event->ptr;
	batch->cpu[3] = event->cpu;
	batch->group[3] = event->alloc ? event->group : KM_ROW_FREE;
	ASSERT_OK(km_places_add(places, &rows));
	free(batch);
}

static struct km_locality finish(struct km_places *places, size_t at)
{
	struct km_localities localities;
	struct km_locality ret;

	ASSERT_OK(km_places_finish(places, &localities));
	assert_in_range(at, 0, localities.nr - 1);
	ret = localities.items[at];
	km_localities_deinit(&localities);
	return ret;
}

static struct km_places *create(uint32_t page_size)
{
	struct km_places *places;

	ASSERT_OK(km_places_create(page_size, &places));
	return places;
}

static void side_by_side(void **state)
{
	struct km_places *places = create(PAGE);
	struct km_locality found;

	/* 32 bytes of 64 a page: two pages of 64 objects each, every second one of another site */
	for (uint32_t i = 0; i < 128; i++)
		feed(places, &(struct event){ BASE + i * 64ULL, 1 + i % 2, 40, 64, 100 + i % 2 });
	found = finish(places, 0);
	assert_int_equal(found.call_site, 100);
	assert_int_equal(found.objects, 64);
	assert_int_equal(found.bytes_req, 64 * 40);
	assert_int_equal(found.pages, 2);
	assert_int_equal(found.least_pages, 1);
	assert_int_equal(found.lines, 64);
	assert_int_equal(found.least_lines, 40);
	assert_int_equal(found.pairs, 63);
	assert_int_equal(found.neighbours, 0);
	km_places_destroy(places);
}

static void neighbours_by_cpu(void **state)
{
	struct km_places *places = create(PAGE);
	struct km_locality found;

	feed(places, &(struct event){ BASE + 0, 1, 32, 32, 100, .cpu = 0 });
	feed(places, &(struct event){ BASE + 8192, 1, 32, 32, 100, .cpu = 5 });
	feed(places, &(struct event){ BASE + 32, 1, 32, 32, 100, .cpu = 0 });
	/* downwards is as good */
	feed(places, &(struct event){ BASE + 8160, 1, 32, 32, 100, .cpu = 5 });
	feed(places, &(struct event){ BASE + 96, 1, 32, 32, 100, .cpu = 0 });
	found = finish(places, 0);
	assert_int_equal(found.pairs, 3);
	assert_int_equal(found.neighbours, 2);
	/* 0 and 32 share a line, 8160 and 8192 do not */
	assert_int_equal(found.lines, 4);
	assert_int_equal(found.pages, 3);
	km_places_destroy(places);
}

static void most_at_once(void **state)
{
	struct km_places *places = create(PAGE);
	struct km_locality found;

	for (uint32_t i = 0; i < 10; i++)
		feed(places, &(struct event){ BASE + (uint64_t)i * PAGE, 1, 100, 128, 100 });
	for (uint32_t i = 0; i < 10; i++)
		feed(places, &(struct event){ .ptr = BASE + (uint64_t)i * PAGE });
	/* fewer bytes than before: the ten count */
	for (uint32_t i = 0; i < 9; i++)
		feed(places, &(struct event){ BASE + 128ULL * i, 1, 100, 128, 100 });
	assert_int_equal(finish(places, 0).pages, 10);
	/* as many do not count either, more do */
	feed(places, &(struct event){ BASE + 128ULL * 9, 1, 100, 128, 100 });
	assert_int_equal(finish(places, 0).pages, 10);
	feed(places, &(struct event){ BASE + 128ULL * 10, 1, 100, 128, 100 });
	found = finish(places, 0);
	assert_int_equal(found.pages, 1);
	assert_int_equal(found.objects, 11);
	assert_int_equal(found.lines, 22);
	km_places_destroy(places);
}

static void over_the_edge(void **state)
{
	struct km_places *places = create(PAGE);
	struct km_locality found;

	/* 600 bytes, 200 of them on the second page */
	feed(places, &(struct event){ BASE + PAGE - 400, 1, 600, 600, 100 });
	found = finish(places, 0);
	assert_int_equal(found.pages, 2);
	assert_int_equal(found.lines, 7 + 4);
	assert_int_equal(found.least_pages, 1);
	/* over a page: all it was given; of the lines those it asked for */
	feed(places, &(struct event){ BASE + 65536, 2, 10824, 16384, 200 });
	found = finish(places, 1);
	assert_int_equal(found.pages, 4);
	assert_int_equal(found.least_pages, 4);
	assert_int_equal(found.lines, 170);
	feed(places, &(struct event){ .ptr = BASE + 65536 });
	feed(places, &(struct event){ BASE + 65536, 2, 10824, 16384, 200 });
	feed(places, &(struct event){ BASE + 131072, 2, 10824, 16384, 200 });
	assert_int_equal(finish(places, 1).pages, 8);
	/* lines to their last byte, and one byte more */
	feed(places, &(struct event){ BASE + 1048576, 3, 8192, 8192, 300 });
	assert_int_equal(finish(places, 2).lines, 128);
	feed(places, &(struct event){ BASE + 2097152, 4, 8193, 16384, 400 });
	assert_int_equal(finish(places, 3).lines, 129);
	/* who asks for nothing gets one byte: the last one here */
	feed(places, &(struct event){ BASE + 4194304 - 1, 5, 0, 16, 500 });
	found = finish(places, 4);
	assert_int_equal(found.pages, 1);
	assert_int_equal(found.lines, 1);
	km_places_destroy(places);
}

static void large_pages(void **state)
{
	struct km_places *places = create(65536);
	struct km_locality found;

	for (uint32_t i = 0; i < 64; i++)
		feed(places, &(struct event){ BASE + i * 2048ULL, 1, 1500, 2048, 100 });
	found = finish(places, 0);
	assert_int_equal(found.pages, 2);
	assert_int_equal(found.least_pages, 2);
	assert_int_equal(found.lines, 64 * 24);
	km_places_destroy(places);
}

/* What is known of a page that nothing is left on is used for the next one. */
static void memory_is_used_again(void **state)
{
	enum { NR = 1000 };
	struct km_places *places = create(PAGE);
	uint64_t bytes = 0;

	for (uint64_t round = 0; round < 4; round++) {
		for (uint64_t i = 0; i < NR; i++)
			feed(places,
			     &(struct event){ BASE + (round * NR + i) * PAGE, 1, 100, 128, 100 });
		assert_int_equal(finish(places, 0).pages, NR);
		for (uint64_t i = 0; i < NR; i++)
			feed(places, &(struct event){ .ptr = BASE + (round * NR + i) * PAGE });
		if (!round)
			bytes = km_places_bytes(places);
		assert_int_equal(km_places_bytes(places), bytes);
	}
	km_places_destroy(places);
}

/* What no allocator does: many objects in one line, one on top of another, twice at one place. */
static void damaged(void **state)
{
	struct km_places *places = create(PAGE);
	struct km_locality found;

	for (uint32_t i = 0; i < 1000; i++)
		feed(places, &(struct event){ BASE + i % 500 + 1, 1, 3000, 4096, 100 });
	found = finish(places, 0);
	assert_int_equal(found.objects, 500);
	assert_int_equal(found.pages, 1);
	assert_int_equal(found.lines, 55);
	for (uint32_t i = 0; i < 500; i++)
		feed(places, &(struct event){ .ptr = BASE + i + 1 });
	/* nothing stays behind: one large object more than ever, alone */
	feed(places, &(struct event){ BASE + 8192, 2, 2048, UINT32_MAX, 100 });
	found = finish(places, 0);
	assert_int_equal(found.objects, 1);
	assert_int_equal(found.pages, 1);
	assert_int_equal(found.lines, 32);
	km_places_destroy(places);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(side_by_side), cmocka_unit_test(neighbours_by_cpu),
		cmocka_unit_test(most_at_once), cmocka_unit_test(over_the_edge),
		cmocka_unit_test(large_pages),  cmocka_unit_test(memory_is_used_again),
		cmocka_unit_test(damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
