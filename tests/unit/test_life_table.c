/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of live pointers: none is lost when it grows, and a limit is kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agg/life_table.h"

static uint64_t ptr_of(uint64_t number)
{
	return 0xffff888000000000 + 64 * number;
}

static void put(struct km_life_table *table, uint64_t number)
{
	if (table->nr_used > table->most_used)
		assert_null(km_life_table_renew(table));
	*km_life_table_get(table, ptr_of(number)) = number + 1;
}

/* Pointers from `first` on live, those before are gone. */
static void assert_live(struct km_life_table *table, uint64_t first, uint64_t end)
{
	for (uint64_t i = 0; i < end; i++) {
		const uint64_t *value = km_life_table_find(table, ptr_of(i));

		assert_int_equal(value ? *value : 0, i < first ? 0 : i + 1);
	}
}

/* More than the pieces in which the old table is given back. */
static void test_grows(void **state)
{
	enum { NR = 500000 };
	struct km_life_table table = { 0 };

	assert_null(km_life_table_init(&table));
	for (uint64_t i = 0; i < NR; i++)
		put(&table, i);
	assert_false(table.is_full);
	assert_live(&table, 0, NR);
	assert_true(km_life_table_bytes(&table) > NR * 16);
	km_life_table_deinit(&table);
}

/* What was freed makes room: of 4096 slots over half can live, and it stays as it is. */
static void test_renews(void **state)
{
	struct km_life_table table = { 0 };

	assert_null(km_life_table_init(&table));
	table.most_bytes = km_life_table_bytes(&table);
	for (uint64_t i = 0; i < 20000; i++) {
		if (i >= 1500)
			*km_life_table_find(&table, ptr_of(i - 1500)) = 0;
		put(&table, i);
		assert_false(table.is_full);
	}
	assert_live(&table, 18500, 20000);
	assert_int_equal(km_life_table_bytes(&table), table.most_bytes);
	assert_int_equal(table.nr_shared, 0);
	/* with more of them it is full, and says what it could not take */
	for (uint64_t i = 20000; i < 24000; i++)
		put(&table, i);
	assert_true(table.is_full);
	assert_true(table.nr_shared > 0);
	assert_int_equal(km_life_table_bytes(&table), table.most_bytes);
	km_life_table_deinit(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_renews),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
