/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interned stacks: what is the same one, and that each stays what it was as there are more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agg/map.h"
#include "builder.h"
#include "kmemstat/stacks.h"

#define NR(array) (sizeof(array) / sizeof((array)[0]))

static uint32_t add(struct km_stacks *stacks, const uint64_t *frames, size_t nr)
{
	uint32_t number = UINT32_MAX;

	ASSERT_OK(km_stacks_add(stacks, frames, nr, &number));
	return number;
}

static void assert_stack(const struct km_stacks *stacks, uint32_t number, const uint64_t *want,
			 size_t nr)
{
	uint64_t *frames;

	assert_int_equal(km_stacks_get(stacks, number, &frames), nr);
	assert_memory_equal(frames, want, nr * sizeof(*want));
}

static void test_same(void **state)
{
	static const uint64_t a[] = { 1, 2, 3, 4 }, other_end[] = { 1, 2, 5 },
			      other_begin[] = { 5, 2, 3 };
	uint64_t none;
	uint64_t *frames = &none;
	struct km_stacks *stacks;

	ASSERT_OK(km_stacks_create(3, &stacks));
	assert_int_equal(km_stacks_end(stacks), 1);
	assert_int_equal(add(stacks, a, 0), 0);
	assert_int_equal(add(stacks, a, 3), 1);
	assert_int_equal(add(stacks, a, 2), 2);
	assert_int_equal(add(stacks, other_end, 3), 3);
	assert_int_equal(add(stacks, other_begin, 3), 4);
	assert_int_equal(add(stacks, a, 3), 1);
	assert_int_equal(add(stacks, a, 2), 2);
	/* the fourth frame is not kept */
	assert_int_equal(add(stacks, a, 4), 1);
	assert_int_equal(km_stacks_end(stacks), 5);
	assert_stack(stacks, 1, a, 3);
	assert_stack(stacks, 2, a, 2);
	assert_stack(stacks, 3, other_end, 3);
	assert_stack(stacks, 4, other_begin, 3);
	assert_int_equal(km_stacks_get(stacks, 0, &frames), 0);
	assert_null(frames);
	frames = &none;
	assert_int_equal(km_stacks_get(stacks, 5, &frames), 0);
	assert_null(frames);
	km_stacks_destroy(stacks);
	km_stacks_destroy(NULL);
}

/* A step of the hash that stacks are found by, which begins with their number of frames. */
static uint64_t step(uint64_t hash, uint64_t frame)
{
	hash = (hash ^ frame) * 0x9e3779b97f4a7c15ULL;
	return hash ^ hash >> 32;
}

/* Stacks that have the same hash are told apart by all they are. */
static void test_same_hash(void **state)
{
	const uint64_t begin = step(3, 7);
	const uint64_t upper = 1 | 1ULL << 40;
	const uint64_t a[] = { 7, 1, 9 },
		       b[] = { 7, upper, 9 ^ step(begin, 1) ^ step(begin, upper) };
	const uint64_t both[] = { 5, 1 ^ 5 ^ step(2, 5) };
	struct km_stacks *stacks;

	assert_true(step(step(begin, a[1]), a[2]) == step(step(begin, b[1]), b[2]));
	assert_true(step(1, both[0]) == step(step(2, both[0]), both[1]));
	ASSERT_OK(km_stacks_create(KM_STACK_FRAMES, &stacks));
	for (int round = 0; round < 2; round++) {
		assert_int_equal(add(stacks, a, 3), 1);
		assert_int_equal(add(stacks, b, 3), 2);
		/* one is the begin of the other */
		assert_int_equal(add(stacks, both, 2), 3);
		assert_int_equal(add(stacks, both, 1), 4);
	}
	km_stacks_destroy(stacks);
}

/* Each stays what it was, and what is behind its frames is nothing to it. */
static void test_many(void **state)
{
	enum { NR_STACKS = 40000 };
	struct km_stacks *stacks;
	uint64_t frames[KM_STACK_MOST_FRAMES + 1];

	ASSERT_OK(km_stacks_create(SIZE_MAX, &stacks));
	for (uint32_t round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < NR_STACKS; i++) {
			/* they differ in the first frame, in the last, in the upper half of it */
			uint64_t pair[] = { 7, 9, round };

			if (i % 3 == 0)
				pair[0] = i;
			else
				pair[1] = (uint64_t)i << (i % 3 == 1 ? 0 : 32);
			assert_int_equal(add(stacks, pair, 2), 1 + i);
		}
	}
	/* so many frames that there is new room for each few of them */
	for (uint64_t i = 0; i < 1000; i++) {
		for (size_t k = 0; k < NR(frames); k++)
			frames[k] = i + k;
		assert_int_equal(add(stacks, frames, NR(frames)), 1 + NR_STACKS + i);
	}
	for (uint32_t i = 0; i < 1000; i++) {
		for (size_t k = 0; k < NR(frames); k++)
			frames[k] = i + k;
		assert_stack(stacks, 1 + NR_STACKS + i, frames, KM_STACK_MOST_FRAMES);
	}
	assert_stack(stacks, 2, (const uint64_t[]){ 7, 1 }, 2);
	assert_stack(stacks, 3, (const uint64_t[]){ 7, 2ULL << 32 }, 2);
	km_stacks_destroy(stacks);
}

/* The first stack comes with room for 256, of two numbers and a size each, and for 4096 frames. */
static void test_bytes(void **state)
{
	struct km_stacks *stacks;
	struct km_map map = { 0 };
	uint64_t frames[100] = { 0 };

	ASSERT_OK(km_stacks_create(NR(frames), &stacks));
	add(stacks, frames, NR(frames));
	ASSERT_OK(km_map_set(&map, 1, 1));
	assert_int_equal(km_stacks_bytes(stacks),
			 256 * (8 + sizeof(size_t)) + 4096 * 8 + km_map_bytes(&map));
	km_map_deinit(&map);
	for (uint64_t i = 0; i < 10000; i++) {
		frames[50] = i;
		add(stacks, frames, NR(frames));
	}
	assert_in_range(km_stacks_bytes(stacks), 10000 * (sizeof(frames) + 16),
			2 * 10000 * (sizeof(frames) + 16) + (1 << 20));
	km_stacks_destroy(stacks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_same_hash),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
