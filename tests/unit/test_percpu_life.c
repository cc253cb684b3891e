/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pairing of percpu objects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "builder.h"
#include "kmemstat/percpulife.h"
#include "rows.h"

static uint32_t add_alloc(struct made *made, uint64_t ptr, uint64_t call_site, uint32_t size,
			  uint32_t bytes)
{
	uint32_t i = made_row(made, KM_EV_PERCPU_ALLOC, ptr);

	made->batch.call_site[i] = call_site;
	made->batch.size[i] = (struct km_event_size){ size, bytes };
	made->batch.more[i].align = 8;
	return i;
}

static const struct km_percpu_lives *take(struct km_percpu_life *life, struct made *made)
{
	struct km_rows rows = made_rows(made);

	ASSERT_OK(km_percpu_life_add(life, &rows));
	made->batch.nr = 0;
	return km_percpu_life_finish(life);
}

static void test_pairs(void **state)
{
	struct made *made = made_create();
	struct km_percpu_life *life;
	const struct km_percpu_lives *lives;
	uint32_t row;

	ASSERT_OK(km_percpu_life_create(false, &life));
	row = add_alloc(made, 0x100, 0x10, 8, 32);
	made->batch.what[row].flags = KM_EVF_PERCPU_ATOMIC | KM_EVF_ACCOUNTED;
	row = add_alloc(made, 0x200, 0x10, 8, 32);
	made->batch.what[row].flags = KM_EVF_PERCPU_RESERVED;
	add_alloc(made, 0x300, 0x10, 16, 64);
	add_alloc(made, 0x400, 0x20, 8, 32);
	row = add_alloc(made, 0, 0x20, 8, 0);
	made->batch.group[row] = KM_ROW_NONE;
	made_row(made, KM_EV_PERCPU_FREE, 0x100);
	made_row(made, KM_EV_PERCPU_FREE, 0x100); /* once more */
	add_alloc(made, 0x200, 0x10, 16, 64);     /* replaced */
	made_row(made, KM_EV_PERCPU_CHUNK_CREATE, 0x100);
	lives = take(life, made);
	assert_int_equal(lives->nr_uses, 1 + 3);
	assert_int_equal(lives->uses[1].stats.allocs, 2);
	assert_int_equal(lives->uses[1].stats.freed, 1);
	assert_int_equal(lives->uses[1].stats.replaced, 1);
	assert_int_equal(lives->uses[1].stats.live, 0);
	assert_int_equal(lives->uses[1].stats.atomic, 1);
	assert_int_equal(lives->uses[1].stats.reserved, 1);
	assert_int_equal(lives->uses[1].stats.accounted, 1);
	assert_int_equal(lives->uses[2].size, 16);
	assert_int_equal(lives->uses[2].stats.bytes_live, 128);
	assert_int_equal(lives->uses[3].stats.failed, 1);
	assert_int_equal(lives->total.allocs, 5);
	assert_int_equal(lives->total.bytes_req, 3 * 8 + 2 * 16);
	assert_int_equal(lives->total.bytes_live, 160);
	assert_int_equal(lives->frees, 2);
	assert_int_equal(lives->unknown_frees, 1);
	assert_int_equal(lives->peak_bytes, 160);
	assert_int_equal(lives->peak_ns, 1003);
	assert_int_equal(lives->ratio, 4);
	/* a filter's leavings end lives */
	made->batch.group[made_row(made, KM_EV_PERCPU_FREE, 0x300)] = KM_ROW_HIDDEN;
	made->batch.group[add_alloc(made, 0x400, 0x99, 8, 32)] = KM_ROW_HIDDEN;
	made->batch.group[add_alloc(made, 0x500, 0x99, 8, 32)] = KM_ROW_SKIP;
	lives = take(life, made);
	assert_int_equal(lives->total.live, 1);
	assert_int_equal(lives->total.freed, 2);
	assert_int_equal(lives->total.replaced, 2);
	assert_int_equal(lives->frees, 2);
	/* objects of different cost */
	add_alloc(made, 0x600, 0x10, 8, 40);
	lives = take(life, made);
	assert_int_equal(lives->ratio, 0);
	km_percpu_life_destroy(life);
	free(made);
}

/* Before 5.19 the place is the stack. */
static void test_stacks(void **state)
{
	static const uint64_t frames[] = { 0x10, 0x20 };
	struct made *made = made_create();
	struct km_percpu_life *life;
	const struct km_percpu_lives *lives;

	ASSERT_OK(km_percpu_life_create(false, &life));
	made_stack(made, add_alloc(made, 0x100, 0, 8, 8), frames, 2);
	made_stack(made, add_alloc(made, 0x200, 0, 8, 8), frames, 1);
	made_stack(made, add_alloc(made, 0x300, 0, 8, 8), frames, 2);
	/* a call site that is as small as a stack's number */
	add_alloc(made, 0x400, 1, 8, 8);
	add_alloc(made, 0x500, 0, 8, 8);
	lives = take(life, made);
	assert_int_equal(lives->nr_uses, 1 + 4);
	assert_int_equal(lives->uses[1].stats.allocs, 2);
	assert_int_equal(lives->uses[3].call_site, 1);
	assert_int_equal(lives->uses[4].stack, 0);
	assert_int_equal(lives->ratio, 1);
	km_percpu_life_destroy(life);
	/* with whole stacks, beside the call site */
	ASSERT_OK(km_percpu_life_create(true, &life));
	made_stack(made, add_alloc(made, 0x100, 1, 8, 8), frames, 2);
	made_stack(made, add_alloc(made, 0x200, 1, 8, 8), frames, 1);
	made_stack(made, add_alloc(made, 0x300, 1, 8, 8), frames, 2);
	lives = take(life, made);
	assert_int_equal(lives->nr_uses, 1 + 2);
	assert_int_equal(lives->uses[1].stats.live, 2);
	assert_int_equal(lives->uses[2].stack, 2);
	km_percpu_life_destroy(life);
	free(made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_stacks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
