/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The map of numbers, against an array that has a place for each key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agg/map.h"

enum { NR_KEYS = 5000 };

/* Keys far apart and side by side. */
static uint64_t key_of(uint64_t number)
{
	return number % 2 ? number : number << 33 | number;
}

static void assert_is(const struct km_map *map, const uint64_t *values)
{
	size_t nr = 0;

	for (uint64_t i = 0; i < NR_KEYS; i++) {
		const uint64_t *found = km_map_find(map, key_of(i));

		assert_int_equal(found ? *found : 0, values[i]);
		nr += values[i] != 0;
	}
	assert_int_equal(map->nr, nr);
}

static void test_empty(void **state)
{
	struct km_map map = { 0 };

	assert_null(km_map_find(&map, 0));
	assert_int_equal(km_map_bytes(&map), 0);
	km_map_deinit(&map);
}

static void test_set_and_remove(void **state)
{
	static uint64_t values[NR_KEYS];
	struct km_map map = { 0 };
	uint64_t seed = 1;

	memset(values, 0, sizeof(values));
	/* more come than go, then more go than come */
	for (int step = 0; step < 40000; step++) {
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		const uint64_t number = (seed >> 33) % NR_KEYS;

		if ((seed >> 20) % 10 < (step < 20000 ? 8 : 2)) {
			values[number] = seed | 1;
			assert_null(km_map_set(&map, key_of(number), values[number]));
		} else {
			uint64_t *found = km_map_find(&map, key_of(number));

			assert_int_equal(found ? *found : 0, values[number]);
			if (found)
				km_map_remove(&map, found);
			values[number] = 0;
		}
		if (step % 4000 == 0)
			assert_is(&map, values);
	}
	assert_is(&map, values);
	/* a power of two, of which at most two thirds are used, and not much too large */
	assert_int_equal(map.nr_slots & (map.nr_slots - 1), 0);
	assert_int_equal(map.nr_slots, 8192);
	assert_int_equal(km_map_bytes(&map), 8192 * sizeof(struct km_map_slot));
	km_map_deinit(&map);
	assert_null(map.slots);
	assert_int_equal(map.nr, 0);
	assert_int_equal(map.nr_slots, 0);
}

/* What comes and goes takes no more room than there is at one time. */
static void test_stays_small(void **state)
{
	struct km_map map = { 0 };

	for (uint64_t i = 0; i < 10000; i++) {
		assert_null(km_map_set(&map, i, i + 1));
		if (i >= 100)
			km_map_remove(&map, km_map_find(&map, i - 100));
	}
	assert_int_equal(map.nr, 100);
	assert_int_equal(map.nr_slots, 256);
	for (uint64_t i = 9900; i < 10000; i++)
		assert_int_equal(*km_map_find(&map, i), i + 1);
	assert_null(km_map_find(&map, 9899));
	km_map_deinit(&map);
}

/* It grows when two thirds would be exceeded: there is always a free slot to stop at. */
static void test_grows(void **state)
{
	struct km_map map = { 0 };

	for (uint64_t i = 0; i < 170; i++)
		assert_null(km_map_set(&map, i, 1));
	assert_int_equal(map.nr_slots, 256);
	/* one that is there is no new one */
	assert_null(km_map_set(&map, 5, 2));
	assert_int_equal(map.nr, 170);
	assert_null(km_map_set(&map, 170, 1));
	assert_int_equal(map.nr_slots, 512);
	assert_int_equal(map.nr, 171);
	assert_int_equal(*km_map_find(&map, 5), 2);
	km_map_deinit(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_set_and_remove),
		cmocka_unit_test(test_stays_small),
		cmocka_unit_test(test_grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
