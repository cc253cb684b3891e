/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Slab allocations by stack. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "builder.h"
#include "kmemstat/stack_sums.h"
#include "rows.h"

static const uint64_t frames[] = { 0x10, 0x20, 0x30 };

/* An allocation with the first `nr` frames; 0: without stack. */
static uint32_t add_alloc(struct made *made, uint64_t ptr, uint64_t call_site, uint32_t req,
			  uint32_t alloc, uint32_t nr)
{
	uint32_t i = made_row(made, KM_EV_KMALLOC, ptr);

	made->batch.call_site[i] = call_site;
	made->batch.size[i] = (struct km_event_size){ req, alloc };
	made->batch.group[i] = 1;
	made->batch.has_stacks = true;
	if (nr)
		made_stack(made, i, frames, nr);
	return i;
}

static const struct km_stack_use *take(struct km_stack_sums *sums, struct made *made,
				       size_t *ret_nr)
{
	struct km_rows rows = made_rows(made);

	ASSERT_OK(km_stack_sums_add(sums, &rows));
	made->batch.nr = 0;
	return km_stack_sums_uses(sums, ret_nr);
}

static void test_sums(void **state)
{
	struct made *made = made_create();
	struct km_stack_sums *sums;
	const struct km_stack_use *uses;
	uint64_t *stack;
	uint32_t row;
	size_t nr;

	ASSERT_OK(km_stack_sums_create(true, &sums));
	add_alloc(made, 0x100, 0x20, 5, 8, 3);
	add_alloc(made, 0x200, 0x20, 7, 8, 3);
	add_alloc(made, 0x300, 0x20, 9, 16, 3); /* another size */
	add_alloc(made, 0x400, 0x30, 5, 8, 3);  /* call site */
	add_alloc(made, 0x500, 0x20, 5, 8, 2);  /* stack */
	add_alloc(made, 0x600, 0x20, 5, 8, 0);
	row = add_alloc(made, 0x700, 0x20, 5, 8, 3); /* family */
	made->batch.what[row].kind = KM_EV_CACHE_ALLOC;
	row = add_alloc(made, 0, 0x20, 5, 0, 3);
	made->batch.group[row] = KM_ROW_NONE;
	made_row(made, KM_EV_PERCPU_ALLOC, 0x800);
	made_row(made, KM_EV_KFREE, 0x200);
	made_row(made, KM_EV_KFREE, 0x999);    /* of something unknown */
	add_alloc(made, 0x100, 0x30, 6, 8, 3); /* there is another now */
	uses = take(sums, made, &nr);
	assert_int_equal(nr, 1 + 6);
	assert_int_equal(uses[1].call_site, 0x20);
	assert_int_equal(uses[1].alloc, 8);
	assert_int_equal(uses[1].hits, 2);
	assert_int_equal(uses[1].bytes_req, 12);
	assert_int_equal(uses[1].live, 0);
	assert_int_equal(uses[1].live_req, 0);
	assert_int_equal(km_stacks_get(km_stack_sums_stacks(sums), uses[1].stack, &stack), 3);
	assert_int_equal(stack[2], 0x30);
	assert_int_equal(uses[2].alloc, 16);
	assert_int_equal(uses[3].call_site, 0x30);
	assert_int_equal(uses[3].hits, 2);
	assert_int_equal(uses[3].live, 2);
	assert_int_equal(uses[3].live_req, 11);
	assert_int_equal(km_stacks_get(km_stack_sums_stacks(sums), uses[4].stack, &stack), 2);
	assert_int_equal(uses[5].stack, 0);
	assert_int_equal(uses[6].family, KM_FAMILY_CACHE);
	/* a filter's leavings end lives, and are nothing else */
	made->batch.group[made_row(made, KM_EV_KFREE, 0x300)] = KM_ROW_HIDDEN;
	made->batch.group[add_alloc(made, 0x400, 0x99, 8, 32, 3)] = KM_ROW_HIDDEN;
	made->batch.group[add_alloc(made, 0x500, 0x99, 8, 32, 3)] = KM_ROW_SKIP;
	uses = take(sums, made, &nr);
	assert_int_equal(nr, 1 + 6);
	assert_int_equal(uses[2].live, 0);
	assert_int_equal(uses[3].live, 1);
	assert_int_equal(uses[3].live_req, 6);
	assert_int_equal(uses[4].live, 1);
	km_stack_sums_destroy(sums);
	free(made);
}

static void test_unpaired(void **state)
{
	struct made *made = made_create();
	struct km_stack_sums *sums;
	const struct km_stack_use *uses;
	size_t nr;

	ASSERT_OK(km_stack_sums_create(false, &sums));
	add_alloc(made, 0x100, 0x20, 5, 8, 1);
	add_alloc(made, 0x200, 0x20, 5, 8, 1);
	made_row(made, KM_EV_KFREE, 0x200);
	uses = take(sums, made, &nr);
	assert_int_equal(nr, 1 + 1);
	assert_int_equal(uses[1].hits, 2);
	assert_int_equal(uses[1].live, 0);
	km_stack_sums_destroy(sums);
	free(made);
}

/* Tables that grow: every use is found again. */
static void test_many(void **state)
{
	enum { SITES = 700, ROUNDS = 3 };
	struct made *made = made_create();
	struct km_stack_sums *sums;
	const struct km_stack_use *uses;
	uint64_t before;
	size_t nr;

	ASSERT_OK(km_stack_sums_create(true, &sums));
	before = km_stack_sums_bytes(sums);
	for (uint32_t i = 0; i < SITES * ROUNDS; i++) {
		uint64_t two[] = { 0x1000 + i % SITES, 0x10 };
		const uint32_t row = add_alloc(made, 0x10000 + 8 * i, two[0], 8, 8, 0);

		made_stack(made, row, two, 2);
		take(sums, made, &nr);
		made->nr_stack_words = 0;
	}
	uses = km_stack_sums_uses(sums, &nr);
	assert_int_equal(nr, 1 + SITES);
	for (uint32_t i = 1; i < nr; i++) {
		assert_int_equal(uses[i].call_site, 0x1000 + i - 1);
		assert_int_equal(uses[i].live, ROUNDS);
		assert_int_equal(uses[i].live_req, ROUNDS * 8);
	}
	assert_true(km_stack_sums_bytes(sums) >= before + SITES * sizeof(*uses));
	km_stack_sums_destroy(sums);
	free(made);
}

/* More frames than a stack is kept with. */
static void test_depth(void **state)
{
	uint64_t deep[KM_STACK_MOST_FRAMES + 8], *kept;
	struct km_stacks *stacks;
	uint32_t a, b;

	for (size_t i = 0; i < sizeof(deep) / sizeof(deep[0]); i++)
		deep[i] = 0x1000 + i;
	ASSERT_OK(km_stacks_create(SIZE_MAX, &stacks));
	ASSERT_OK(km_stacks_add(stacks, deep, KM_STACK_MOST_FRAMES, &a));
	ASSERT_OK(km_stacks_add(stacks, deep, KM_STACK_MOST_FRAMES + 8, &b));
	assert_int_equal(a, b);
	assert_int_equal(km_stacks_get(stacks, a, &kept), KM_STACK_MOST_FRAMES);
	km_stacks_destroy(stacks);
	ASSERT_OK(km_stacks_create(2, &stacks));
	ASSERT_OK(km_stacks_add(stacks, deep, 3, &a));
	assert_int_equal(km_stacks_get(stacks, a, &kept), 2);
	assert_int_equal(kept[1], 0x1001);
	km_stacks_destroy(stacks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_unpaired),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
