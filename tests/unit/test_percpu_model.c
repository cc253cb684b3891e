/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Models of the percpu allocator: where objects come to lie, worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "builder.h"
#include "kmemstat/percpu_model.h"
#include "rows.h"

enum { UNIT = 32768 };

static struct km_percpu_model *make(enum km_percpu_model_kind kind, uint32_t first)
{
	const struct km_percpu_shape shape = { .unit = UNIT, .first = first };
	struct km_percpu_model *model;

	ASSERT_OK(km_percpu_model_create(kind, &shape, &model));
	return model;
}

static struct km_percpu_place alloc(struct km_percpu_model *model, uint32_t size, uint32_t align)
{
	struct km_percpu_place place;

	ASSERT_OK(km_percpu_model_alloc(model, size, align, &place));
	return place;
}

#define ASSERT_PLACE(place, at_chunk, at_offset)                                                   \
	do {                                                                                       \
		const struct km_percpu_place the_place = place;                                    \
		assert_int_equal(the_place.chunk, at_chunk);                                       \
		assert_int_equal(the_place.offset, at_offset);                                     \
	} while (0)

static void test_first_fit(void **state)
{
	for (enum km_percpu_model_kind kind = 0; kind < KM_NR_PERCPU_MODELS; kind++) {
		struct km_percpu_model *model = make(kind, 4096);
		const struct km_percpu_model_stats *stats = km_percpu_model_stats(model);
		struct km_percpu_place a, b, c;

		ASSERT_PLACE(a = alloc(model, 16, 8), 1, 0);
		ASSERT_PLACE(b = alloc(model, 8, 8), 1, 16);
		ASSERT_PLACE(c = alloc(model, 100, 4), 1, 24);
		assert_int_equal(stats->bytes_used, 124);
		assert_int_equal(stats->bytes_holes, 0);
		/* the hole at the start is taken by what fits, from its start */
		km_percpu_model_free(model, a);
		assert_int_equal(stats->bytes_holes, 16);
		ASSERT_PLACE(alloc(model, 20, 4), 1, 124);
		ASSERT_PLACE(a = alloc(model, 12, 4), 1, 0);
		assert_int_equal(stats->bytes_holes, 4);
		/* neighbours that are free are one area: 16 + 8 + 100 - 12 */
		km_percpu_model_free(model, c);
		km_percpu_model_free(model, b);
		ASSERT_PLACE(alloc(model, 112, 4), 1, 12);
		assert_int_equal(stats->bytes_used, 144);
		assert_int_equal(stats->bytes_holes, 0);
		assert_int_equal(stats->allocs, 6);
		assert_int_equal(stats->frees, 3);
		assert_int_equal(stats->pages, 1);
		assert_int_equal(stats->chunks_made, 0);
		km_percpu_model_destroy(model);
	}
}

static void test_alignment(void **state)
{
	for (enum km_percpu_model_kind kind = 0; kind < KM_NR_PERCPU_MODELS; kind++) {
		struct km_percpu_model *model = make(kind, 8192);
		const struct km_percpu_model_stats *stats = km_percpu_model_stats(model);

		/* every counter between leaves most of a cache line unused ... */
		ASSERT_PLACE(alloc(model, 4, 4), 1, 0);
		ASSERT_PLACE(alloc(model, 8, 64), 1, 64);
		ASSERT_PLACE(alloc(model, 8, 64), 1, 128);
		assert_int_equal(stats->bytes_holes, 60 + 56);
		/* ... for others to take */
		ASSERT_PLACE(alloc(model, 60, 4), 1, 4);
		assert_int_equal(stats->bytes_holes, 56);
		ASSERT_PLACE(alloc(model, 8, 4096), 1, 4096);
		assert_int_equal(stats->pages, 2);
		km_percpu_model_destroy(model);
	}
}

static void test_small_sizes(void **state)
{
	struct km_percpu_model *bitmap = make(KM_PERCPU_BITMAP, 4096);
	struct km_percpu_model *areas = make(KM_PERCPU_AREA_MAP, 4096);
	struct km_percpu_place a;

	/* four bytes each */
	alloc(bitmap, 1, 1);
	ASSERT_PLACE(alloc(bitmap, 6, 2), 1, 4);
	ASSERT_PLACE(alloc(bitmap, 4, 4), 1, 12);
	assert_int_equal(km_percpu_model_stats(bitmap)->bytes_used, 16);
	/* two bytes each; a gap of two is left to the object before it, until that is freed */
	alloc(areas, 1, 1);
	ASSERT_PLACE(a = alloc(areas, 8, 2), 1, 2);
	ASSERT_PLACE(alloc(areas, 4, 4), 1, 12);
	assert_int_equal(km_percpu_model_stats(areas)->bytes_used, 2 + 8 + 2 + 4);
	assert_int_equal(km_percpu_model_stats(areas)->bytes_holes, 0);
	km_percpu_model_free(areas, a);
	assert_int_equal(km_percpu_model_stats(areas)->bytes_holes, 10);
	/* the same of a gap behind */
	ASSERT_PLACE(alloc(areas, 8, 2), 1, 2);
	assert_int_equal(km_percpu_model_stats(areas)->bytes_used, 2 + 10 + 4);
	km_percpu_model_destroy(bitmap);
	km_percpu_model_destroy(areas);
}

static void test_chunks(void **state)
{
	for (enum km_percpu_model_kind kind = 0; kind < KM_NR_PERCPU_MODELS; kind++) {
		struct km_percpu_model *model = make(kind, 4096);
		const struct km_percpu_model_stats *stats = km_percpu_model_stats(model);
		struct km_percpu_place a, b, c, d;

		ASSERT_PLACE(a = alloc(model, 20000, 8), 2, 0);
		ASSERT_PLACE(b = alloc(model, UNIT, 8), 3, 0);
		ASSERT_PLACE(c = alloc(model, 12000, 8), 2, 20000);
		/* the fullest that has room is not the first chunk */
		ASSERT_PLACE(d = alloc(model, 700, 4), 2, 32000);
		ASSERT_PLACE(alloc(model, 700, 4), 1, 0);
		assert_int_equal(stats->chunks, 2);
		assert_int_equal(stats->chunks_made, 2);
		assert_int_equal(stats->pages, 17);
		/* one free chunk is kept */
		km_percpu_model_free(model, b);
		assert_int_equal(stats->chunks, 2);
		km_percpu_model_free(model, a);
		km_percpu_model_free(model, c);
		assert_int_equal(stats->chunks, 2);
		assert_int_equal(stats->bytes_holes, 32000);
		km_percpu_model_free(model, d);
		assert_int_equal(stats->chunks, 1);
		assert_int_equal(stats->chunks_destroyed, 1);
		assert_int_equal(stats->peak_chunks, 2);
		assert_int_equal(stats->peak_pages, 17);
		assert_int_equal(stats->pages, 9);
		/* and used again, before another is made */
		assert_int_equal(alloc(model, 30000, 8).chunk, 2);
		assert_int_equal(alloc(model, 30000, 8).chunk, 3);
		assert_int_equal(stats->chunks_made, 3);
		km_percpu_model_destroy(model);
	}
}

/* An object over several blocks of the bitmap, and what is read when it is freed. */
static void test_blocks(void **state)
{
	struct km_percpu_model *model = make(KM_PERCPU_BITMAP, 16384);
	const struct km_percpu_model_stats *stats = km_percpu_model_stats(model);
	struct km_percpu_place a;

	/* chunk, block, area, and that block's and all hints anew: 1 + 1 + 1 + 1 + 4 */
	ASSERT_PLACE(alloc(model, 4000, 4), 1, 0);
	assert_int_equal(stats->alloc_steps, 8);
	/* 24 words of the 96 bytes left, and all of the second block and third */
	ASSERT_PLACE(a = alloc(model, 96 + 4096 + 40, 4), 1, 4000);
	ASSERT_PLACE(alloc(model, 4, 4), 1, 8232);
	assert_int_equal(stats->bytes_used, 8236);
	km_percpu_model_free(model, a);
	/* 1058 bits from 1000 on: words 15 to 32; then a word each side, and blocks 0 to 3 */
	assert_int_equal(stats->free_steps, 18 + 1 + 1 + 4);
	assert_int_equal(stats->bytes_holes, 4232);
	ASSERT_PLACE(alloc(model, 4232, 4), 1, 4000);
	km_percpu_model_destroy(model);
}

/* Each object is an entry of the area map to be passed, a bit of a block that is passed at once. */
static void test_many_counters(void **state)
{
	struct km_percpu_model *models[KM_NR_PERCPU_MODELS];
	struct km_percpu_place first = { 0 };

	for (enum km_percpu_model_kind kind = 0; kind < KM_NR_PERCPU_MODELS; kind++) {
		models[kind] = make(kind, 28672);
		for (int i = 0; i < 4000; i++) {
			const struct km_percpu_place place = alloc(models[kind], 4, 4);

			assert_int_equal(place.offset, 4 * i);
			first = i ? first : place;
		}
		/* a hole that is too small */
		km_percpu_model_free(models[kind], first);
		ASSERT_PLACE(alloc(models[kind], 8, 8), 1, 16000);
	}
	assert_int_equal(km_percpu_model_stats(models[KM_PERCPU_AREA_MAP])->alloc_steps_max, 4002);
	/* halving 4001 areas: 12 looks */
	assert_in_range(km_percpu_model_stats(models[KM_PERCPU_AREA_MAP])->free_steps, 11, 12);
	assert_in_range(km_percpu_model_stats(models[KM_PERCPU_BITMAP])->alloc_steps_max, 1, 20);
	for (enum km_percpu_model_kind kind = 0; kind < KM_NR_PERCPU_MODELS; kind++)
		km_percpu_model_destroy(models[kind]);
}

static void test_unfit(void **state)
{
	for (enum km_percpu_model_kind kind = 0; kind < KM_NR_PERCPU_MODELS; kind++) {
		struct km_percpu_model *model = make(kind, 0);
		const struct km_percpu_model_stats *stats = km_percpu_model_stats(model);
		struct km_percpu_place place = alloc(model, 0, 4);

		assert_int_equal(place.chunk, 0);
		km_percpu_model_free(model, place);
		assert_int_equal(alloc(model, UNIT + 1, 4).chunk, 0);
		assert_int_equal(alloc(model, UINT32_MAX, 4).chunk, 0);
		assert_int_equal(alloc(model, 8, 0).chunk, 0);
		assert_int_equal(alloc(model, 8, 24).chunk, 0);
		assert_int_equal(alloc(model, 8, 8192).chunk, 0);
		assert_int_equal(alloc(model, 8, 1U << 31).chunk, 0);
		assert_int_equal(stats->unfit, 7);
		assert_int_equal(stats->allocs + stats->frees + stats->chunks_made, 0);
		/* without a first chunk */
		ASSERT_PLACE(alloc(model, 8, 8), 2, 0);
		km_percpu_model_destroy(model);
	}
}

static void test_default_unit(void **state)
{
	assert_int_equal(km_percpu_default_unit(0), 262144);
	assert_int_equal(km_percpu_default_unit(1), 2097152);
	assert_int_equal(km_percpu_default_unit(2), 1048576);
	assert_int_equal(km_percpu_default_unit(3), 524288);
	assert_int_equal(km_percpu_default_unit(4), 524288);
	assert_int_equal(km_percpu_default_unit(8), 262144);
	assert_int_equal(km_percpu_default_unit(64), 262144);
}

static void take(struct km_percpu_replay *replay, struct made *made)
{
	const struct km_rows rows = made_rows(made);

	ASSERT_OK(km_percpu_replay_add(replay, &rows));
	made->batch.nr = 0;
}

static uint32_t add_alloc(struct made *made, uint64_t ptr, uint32_t size, uint32_t align)
{
	const uint32_t i = made_row(made, KM_EV_PERCPU_ALLOC, ptr);

	made->batch.size[i] = (struct km_event_size){ size, 2 * size };
	made->batch.more[i].align = align;
	return i;
}

static void test_replay(void **state)
{
	const struct km_percpu_change changes[] = { { 8, 8, 4, 4 },
						    { 8, 0, 16, 0 },
						    { 99, 0, 1, 0 } };
	const struct km_percpu_replay_options options = { .shape = { .unit = UNIT, .first = 4096 },
							  .changes = changes,
							  .nr_changes = 3 };
	struct made *made = made_create();
	struct km_percpu_replay_results results;
	const struct km_percpu_replay_result *plain = &results.items[0], *changed = plain + 1;
	struct km_percpu_replay *replay;

	ASSERT_OK(km_percpu_replay_create(&options, &replay));
	add_alloc(made, 0x100, 8, 8);
	add_alloc(made, 0x200, 8, 4);
	add_alloc(made, 0x300, 40, 8);
	add_alloc(made, 0x100, 8, 8); /* again without a free */
	made->batch.what[add_alloc(made, 0x400, 8, 8)].flags = KM_EVF_PERCPU_RESERVED;
	made->batch.group[add_alloc(made, 0, 8, 8)] = KM_ROW_NONE;
	made_row(made, KM_EV_PERCPU_FREE, 0x300);
	made_row(made, KM_EV_PERCPU_FREE, 0x300);
	made_row(made, KM_EV_PERCPU_FREE, 0x400);
	made->batch.group[made_row(made, KM_EV_PERCPU_FREE, 0x999)] = KM_ROW_HIDDEN;
	made->batch.group[add_alloc(made, 0x500, 8, 8)] = KM_ROW_SKIP;
	made_row(made, KM_EV_KMALLOC, 0x600);
	take(replay, made);
	km_percpu_replay_finish(replay, &results);
	assert_int_equal(results.nr, 4);
	assert_int_equal(results.allocs, 4);
	assert_int_equal(results.reserved, 1);
	assert_int_equal(results.implied_frees, 1);
	assert_int_equal(results.unknown_frees, 2);
	assert_int_equal(results.changed[0], 2);
	assert_int_equal(results.changed[1], 1);
	assert_int_equal(results.changed[2], 0);
	assert_false(plain->is_changed);
	assert_int_equal(plain->peak_bytes, 56);
	assert_int_equal(plain->peak_ns, 1002);
	assert_int_equal(plain->stats.bytes_used, 16);
	assert_int_equal(plain->bytes_req, 16);
	assert_int_equal(plain->stats.frees, 2);
	assert_true(changed->is_changed);
	assert_int_equal(changed->peak_bytes, 60);
	assert_int_equal(changed->peak_bytes_req, 60);
	/* 4 bytes, 16 of alignment 4, and 40 of alignment 8 behind 20 */
	assert_int_equal(changed->peak_holes, 4);
	assert_int_equal(changed->bytes_req, 20);
	/* what a filter hides ends lives, too */
	made->batch.group[made_row(made, KM_EV_PERCPU_FREE, 0x100)] = KM_ROW_HIDDEN;
	made->batch.group[add_alloc(made, 0x200, 8, 8)] = KM_ROW_HIDDEN;
	take(replay, made);
	km_percpu_replay_finish(replay, &results);
	assert_int_equal(plain->stats.bytes_used, 0);
	assert_int_equal(plain->bytes_req, 0);
	assert_int_equal(changed->bytes_req, 0);
	km_percpu_replay_destroy(replay);
	free(made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_fit),   cmocka_unit_test(test_alignment),
		cmocka_unit_test(test_small_sizes), cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_blocks),      cmocka_unit_test(test_many_counters),
		cmocka_unit_test(test_unfit),       cmocka_unit_test(test_default_unit),
		cmocka_unit_test(test_replay),
	};

	return cmocka_run_group_tests_name("percpu_model", tests, NULL, NULL);
}
