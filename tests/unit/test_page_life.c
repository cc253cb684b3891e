/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pairing of page allocations and frees: blocks that are freed in parts, replaced, failed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "builder.h"
#include "kmemstat/pagelife.h"
#include "rows.h"

/* What is added is taken at once. */
struct pairing {
	struct made *made;
	struct km_page_life *life;
};

static struct pairing begin(bool by_frame, bool is_32bit)
{
	struct pairing p = { .made = made_create() };
	const struct km_page_life_options options = { .by_frame = by_frame, .is_32bit = is_32bit };

	assert_non_null(p.made);
	ASSERT_OK(km_page_life_create(&options, &p.life));
	return p;
}

static const struct km_page_lives *take(struct pairing *p)
{
	struct km_rows rows = made_rows(p->made);

	ASSERT_OK(km_page_life_add(p->life, &rows));
	p->made->batch.nr = 0;
	return km_page_life_finish(p->life);
}

static void end(struct pairing *p)
{
	km_page_life_destroy(p->life);
	free(p->made);
}

#define assert_total(lives, ...)                                                                   \
	do {                                                                                       \
		const struct km_page_stats expected_ = { __VA_ARGS__ };                            \
		assert_memory_equal(&(lives)->total, &expected_, sizeof(expected_));               \
	} while (0)

static void test_whole_blocks(void **state)
{
	struct pairing p = begin(false, false);
	const struct km_page_lives *lives;

	made_page_alloc(p.made, 0x1000, 0);
	made_page_alloc(p.made, 0x1008, 3);
	made_page_free(p.made, 0x1008, 3);
	made_page_alloc(p.made, 0x2000, 9);
	lives = take(&p);
	assert_total(lives, .allocs = 3, .pages = 1 + 8 + 512, .freed = 1, .live = 2,
		     .pages_freed = 8, .pages_live = 513);
	assert_int_equal(lives->frees, 1);
	assert_int_equal(lives->free_pages, 8);
	assert_int_equal(lives->unknown_frees, 0);
	assert_int_equal(lives->peak_pages, 513);
	assert_int_equal(lives->peak_ns, 1003);
	/* the first is unused; order tells the others apart */
	assert_int_equal(lives->nr_uses, 4);
	assert_int_equal(lives->uses[2].order, 3);
	assert_int_equal(lives->uses[2].stats.freed, 1);
	assert_int_equal(lives->uses[3].stats.pages_live, 512);
	end(&p);
}

/* alloc_pages_exact(): the tail goes at once, the rest page by page. */
static void test_freed_by_page(void **state)
{
	struct pairing p = begin(false, false);
	const struct km_page_lives *lives;

	made_page_alloc(p.made, 0x1000, 2);
	for (uint64_t i = 4; i-- > 1;)
		made_page_free(p.made, 0x1000 + i, 0);
	lives = take(&p);
	assert_total(lives, .allocs = 1, .pages = 4, .live = 1, .pages_freed = 3, .pages_live = 1);
	made_page_free(p.made, 0x1000, 0);
	lives = take(&p);
	assert_total(lives, .allocs = 1, .pages = 4, .freed = 1, .pages_freed = 4);
	assert_int_equal(lives->frees, 4);
	assert_int_equal(lives->unknown_frees, 0);
	end(&p);
}

static void test_freed_in_parts(void **state)
{
	struct pairing p = begin(false, false);
	const struct km_page_lives *lives;

	made_page_alloc(p.made, 0x1000, 4);
	made_page_free(p.made, 0x1006, 1); /* out of the middle */
	made_page_free(p.made, 0x1008, 3); /* the second half */
	made_page_free(p.made, 0x1006, 1); /* once more: nothing is there */
	lives = take(&p);
	assert_total(lives, .allocs = 1, .pages = 16, .live = 1, .pages_freed = 10,
		     .pages_live = 6);
	assert_int_equal(lives->unknown_frees, 1);
	assert_int_equal(lives->unknown_pages, 2);
	/* a free that is larger than what is left of it */
	made_page_free(p.made, 0x1000, 4);
	lives = take(&p);
	assert_total(lives, .allocs = 1, .pages = 16, .freed = 1, .pages_freed = 16);
	assert_int_equal(lives->unknown_frees, 1);
	assert_int_equal(lives->unknown_pages, 2 + 10);
	end(&p);
}

/* One free of what were several allocations, and of pages that nobody knows. */
static void test_freed_together(void **state)
{
	struct pairing p = begin(false, false);
	const struct km_page_lives *lives;

	made_page_alloc(p.made, 0x1001, 0);
	made_page_alloc(p.made, 0x1002, 1);
	made_page_alloc(p.made, 0x1007, 0);
	made_page_free(p.made, 0x1000, 3);
	lives = take(&p);
	assert_total(lives, .allocs = 3, .pages = 4, .freed = 3, .pages_freed = 4);
	assert_int_equal(lives->unknown_frees, 0);
	assert_int_equal(lives->unknown_pages, 4);
	end(&p);
}

static void test_replaced(void **state)
{
	struct pairing p = begin(false, false);
	const struct km_page_lives *lives;

	made_page_alloc(p.made, 0x1000, 2);
	made_page_alloc(p.made, 0x1002, 0); /* a part of it */
	lives = take(&p);
	assert_total(lives, .allocs = 2, .pages = 5, .live = 2, .pages_replaced = 1,
		     .pages_live = 4);
	made_page_alloc(p.made, 0x1000, 4); /* all of it, and more */
	lives = take(&p);
	assert_total(lives, .allocs = 3, .pages = 21, .replaced = 2, .live = 1, .pages_replaced = 5,
		     .pages_live = 16);
	assert_int_equal(lives->frees, 0);
	end(&p);
}

static void test_failed_and_unknown(void **state)
{
	struct pairing p = begin(false, false);
	const struct km_page_lives *lives;
	uint32_t row = made_page_alloc(p.made, 0, 4);

	p.made->batch.size[row].alloc = 0;
	p.made->batch.group[row] = KM_ROW_NONE;
	made_page_free(p.made, 0x5000, 1);
	made_page_free(p.made, 0x5000, 40); /* no machine has such an order */
	lives = take(&p);
	assert_total(lives, .failed = 1, .failed_pages = 16);
	assert_int_equal(lives->frees, 2);
	assert_int_equal(lives->unknown_frees, 2);
	assert_int_equal(lives->unknown_pages, 2 + (1ULL << 32));
	end(&p);
}

/* What a filter leaves out ends lives, and is counted nowhere. */
static void test_hidden(void **state)
{
	struct pairing p = begin(false, false);
	const struct km_page_lives *lives;

	made_page_alloc(p.made, 0x1000, 1);
	made_page_alloc(p.made, 0x2000, 0);
	p.made->batch.group[made_page_free(p.made, 0x1000, 1)] = KM_ROW_HIDDEN;
	p.made->batch.group[made_page_free(p.made, 0x7000, 1)] = KM_ROW_HIDDEN;
	p.made->batch.group[made_page_alloc(p.made, 0x2000, 0)] = KM_ROW_HIDDEN;
	p.made->batch.group[made_page_alloc(p.made, 0x3000, 0)] = KM_ROW_SKIP;
	lives = take(&p);
	assert_total(lives, .allocs = 2, .pages = 3, .freed = 1, .replaced = 1, .pages_freed = 2,
		     .pages_replaced = 1);
	assert_int_equal(lives->frees, 0);
	assert_int_equal(lives->unknown_frees, 0);
	end(&p);
}

/* Rows of slab and percpu events have nothing to do with it. */
static void test_other_layers(void **state)
{
	struct pairing p = begin(false, false);
	const struct km_page_lives *lives;

	p.made->batch.size[made_row(p.made, KM_EV_KMALLOC, 0x1000)].alloc = 64;
	made_page_alloc(p.made, 0x1000, 0);
	made_row(p.made, KM_EV_KFREE, 0x1000);
	made_row(p.made, KM_EV_PERCPU_FREE, 0x1000);
	lives = take(&p);
	assert_total(lives, .allocs = 1, .pages = 1, .live = 1, .pages_live = 1);
	end(&p);
}

/* Before 3.19 there are addresses of struct page: only whole blocks can be told. */
static void test_addresses(void **state)
{
	for (int is_32bit = 0; is_32bit < 2; is_32bit++) {
		const uint64_t page = is_32bit ? 0xc1002040 : 0xffffea0000002040;
		struct pairing p = begin(false, is_32bit);
		const struct km_page_lives *lives;

		made_page_alloc(p.made, page, 7);
		made_page_alloc(p.made, page + 64, 0); /* it would lie in the first */
		lives = take(&p);
		assert_int_equal(lives->total.live, 2);
		made_page_free(p.made, page, 7);
		lives = take(&p);
		assert_total(lives, .allocs = 2, .pages = 129, .freed = 1, .live = 1,
			     .pages_freed = 128, .pages_live = 1);
		end(&p);
	}
}

/* The last frame that a machine may have, and the first address. */
static void test_last_frame(void **state)
{
	for (int is_32bit = 0; is_32bit < 2; is_32bit++) {
		const uint64_t first_address = is_32bit ? UINT64_C(1) << 31 : UINT64_C(1) << 48;
		struct pairing p = begin(false, is_32bit);
		const struct km_page_lives *lives;

		made_page_alloc(p.made, first_address - 2, 1);
		made_page_free(p.made, first_address - 1, 0);
		lives = take(&p);
		assert_int_equal(lives->unknown_frees, 0);
		assert_int_equal(lives->total.pages_live, 1);
		made_page_alloc(p.made, first_address, 1);
		made_page_free(p.made, first_address + 1, 0);
		lives = take(&p);
		assert_int_equal(lives->unknown_frees, 1);
		assert_int_equal(lives->total.pages_live, 3);
		end(&p);
	}
}

static void test_unaligned(void **state)
{
	struct pairing p = begin(true, false);
	const struct km_page_lives *lives;

	made_page_alloc(p.made, 0x1003, 3);
	made_page_free(p.made, 0x1008, 0);
	lives = take(&p);
	assert_total(lives, .allocs = 1, .pages = 8, .live = 1, .pages_freed = 1, .pages_live = 7);
	assert_int_equal(lives->frames[1].pfn, 0x1003);
	assert_int_equal(lives->frames[1].pages_live, 7);
	made_page_free(p.made, 0x1003, 3);
	lives = take(&p);
	assert_int_equal(lives->total.freed, 1);
	end(&p);
}

/* Same flags and stack are one use; anything else another. */
static void test_uses(void **state)
{
	static const uint64_t frames[] = { 0x10, 0x20, 0x30 };
	struct pairing p = begin(false, false);
	const struct km_page_lives *lives;
	uint64_t *found;
	uint32_t row;

	for (uint64_t i = 0; i < 2; i++) {
		made_stack(p.made, made_page_alloc(p.made, 0x1000 + i, 0), frames, 3);
		made_stack(p.made, made_page_alloc(p.made, 0x2000 + i, 0), frames, 2);
		made_page_alloc(p.made, 0x3000 + i, 0);
		row = made_page_alloc(p.made, 0x4000 + i, 0);
		p.made->batch.more[row].gfp_flags = 0xcc0;
		row = made_page_alloc(p.made, 0x5000 + i, 0);
		p.made->batch.more[row].migratetype = 1;
	}
	lives = take(&p);
	assert_int_equal(lives->nr_uses, 1 + 5);
	for (size_t i = 1; i < lives->nr_uses; i++)
		assert_int_equal(lives->uses[i].stats.allocs, 2);
	assert_int_equal(km_stacks_get(lives->stacks, lives->uses[1].stack, &found), 3);
	assert_int_equal(found[2], 0x30);
	assert_int_equal(km_stacks_get(lives->stacks, lives->uses[2].stack, &found), 2);
	assert_int_equal(lives->uses[3].stack, 0);
	assert_int_equal(km_stacks_get(lives->stacks, 0, &found), 0);
	end(&p);
}

static void test_frames(void **state)
{
	struct pairing p = begin(true, false);
	const struct km_page_lives *lives;

	for (int i = 0; i < 3; i++) {
		made_page_alloc(p.made, 0x1000, 0);
		made_page_free(p.made, 0x1000, 0);
	}
	made_page_alloc(p.made, 0x1000, 2);
	made_page_free(p.made, 0x1000, 0);
	lives = take(&p);
	assert_int_equal(lives->nr_frames, 1 + 2);
	assert_int_equal(lives->frames[1].allocs, 3);
	assert_int_equal(lives->frames[1].pages_live, 0);
	/* its first page is gone, but it is where the block began */
	assert_int_equal(lives->frames[2].pfn, 0x1000);
	assert_int_equal(lives->frames[2].pages_live, 3);
	end(&p);
}

/* The plain way: who owns each page. */
enum { MODEL_PAGES = 4096 };
struct model {
	uint32_t owner[MODEL_PAGES]; /* number of the allocation, 0: free */
	uint32_t left[1 << 16];
	struct km_page_stats stats;
	uint64_t unknown_frees, unknown_pages;
};

static uint64_t model_end(struct model *model, uint64_t pfn, uint64_t nr, bool is_free)
{
	uint64_t ended = 0;

	for (uint64_t i = pfn; i < pfn + nr; i++) {
		uint32_t owner = model->owner[i];

		if (!owner)
			continue;
		ended++;
		model->owner[i] = 0;
		model->stats.pages_live--;
		*(is_free ? &model->stats.pages_freed : &model->stats.pages_replaced) += 1;
		if (--model->left[owner])
			continue;
		model->stats.live--;
		*(is_free ? &model->stats.freed : &model->stats.replaced) += 1;
	}
	return ended;
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* Blocks of all orders, aligned or not, over and over the same few pages. */
static void test_against_model(void **state)
{
	struct model *model = calloc(1, sizeof(*model));
	struct pairing p = begin(false, false);
	uint32_t random = 1, number = 0;

	assert_non_null(model);
	for (int i = 0; i < 60000; i++) {
		const unsigned int order =
			next_random(&random) % 11 * (next_random(&random) % 8) / 7;
		const uint64_t nr = 1ULL << order;
		uint64_t pfn = next_random(&random) % (MODEL_PAGES - nr);
		const struct km_page_lives *lives;

		if (next_random(&random) % 16)
			pfn &= -nr;
		if (next_random(&random) % 5 < 2) {
			made_page_alloc(p.made, 0x100000 + pfn, order);
			model_end(model, pfn, nr, false);
			number++;
			for (uint64_t k = 0; k < nr; k++)
				model->owner[pfn + k] = number;
			model->left[number] = (uint32_t)nr;
			model->stats.allocs++;
			model->stats.live++;
			model->stats.pages += nr;
			model->stats.pages_live += nr;
		} else {
			uint64_t ended = model_end(model, pfn, nr, true);

			made_page_free(p.made, 0x100000 + pfn, order);
			model->unknown_frees += !ended;
			model->unknown_pages += nr - ended;
		}
		lives = take(&p);
		assert_memory_equal(&lives->total, &model->stats, sizeof(model->stats));
		assert_int_equal(lives->unknown_frees, model->unknown_frees);
		assert_int_equal(lives->unknown_pages, model->unknown_pages);
	}
	assert_true(model->stats.freed > 1000 && model->stats.replaced > 1000);
	end(&p);
	free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_blocks),   cmocka_unit_test(test_freed_by_page),
		cmocka_unit_test(test_freed_in_parts), cmocka_unit_test(test_freed_together),
		cmocka_unit_test(test_replaced),       cmocka_unit_test(test_failed_and_unknown),
		cmocka_unit_test(test_hidden),         cmocka_unit_test(test_other_layers),
		cmocka_unit_test(test_addresses),      cmocka_unit_test(test_last_frame),
		cmocka_unit_test(test_unaligned),      cmocka_unit_test(test_uses),
		cmocka_unit_test(test_frames),         cmocka_unit_test(test_against_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
