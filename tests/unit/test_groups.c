/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of groups against a plain count, and clocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decode/clock.h"
#include "kmemstat/agg.h"

static void batch_put(struct km_batch *batch, uint64_t call_site, uint32_t req, uint32_t alloc,
		      uint16_t cache, enum km_event_kind kind, uint8_t flags)
{
	uint32_t i = batch->nr++;

	batch->call_site[i] = call_site;
	batch->size[i].req = req;
	batch->size[i].alloc = alloc;
	batch->what[i].cache = cache;
	batch->what[i].kind = (uint8_t)kind;
	batch->what[i].flags = flags;
}

static const char *cache_name(const void *arg, uint16_t cache)
{
	return ((const char *const *)arg)[cache];
}

static uint64_t hits_of(const struct km_groups *groups, uint64_t call_site, uint32_t req,
			const char *cache, uint8_t flags)
{
	size_t nr;
	const struct km_group *items = km_groups_items(groups, &nr);
	uint64_t hits = 0;

	for (size_t i = 0; i < nr; i++) {
		const char *name = km_groups_cache_name(groups, items[i].what.cache);

		if (items[i].call_site == call_site && items[i].size.req == req &&
		    items[i].what.flags == flags && strcmp(name ? name : "", cache) == 0) {
			assert_int_equal(hits, 0); /* there is one such group only */
			hits = items[i].hits;
		}
	}
	return hits;
}

static void test_groups(void **state)
{
	static const char *const names_a[] = { NULL, "dentry", "inode_cache" };
	static const char *const names_b[] = { NULL, "inode_cache", "dentry" };
	struct km_groups *a, *b, *all;
	struct km_batch *batch = calloc(1, sizeof(*batch));

	(void)state;
	assert_null(km_groups_create(&a));
	assert_null(km_groups_create(&b));
	assert_null(km_groups_create(&all));
	batch_put(batch, 0x10, 40, 64, 0, KM_EV_KMALLOC, 0);
	batch_put(batch, 0x10, 40, 64, 0, KM_EV_KMALLOC, KM_EVF_ACCOUNTED);
	batch_put(batch, 0x10, 40, 64, 0, KM_EV_KMALLOC, 0);
	batch_put(batch, 0x10, 48, 64, 0, KM_EV_KMALLOC, 0);
	batch_put(batch, 0x20, 192, 192, 1, KM_EV_CACHE_ALLOC, 0);
	batch_put(batch, 0x20, 192, 192, 2, KM_EV_CACHE_ALLOC, 0);
	batch_put(batch, 0x30, 0, 0, 0, KM_EV_KFREE, 0);
	batch_put(batch, 0x40, 99, 0, 0, KM_EV_KMALLOC, 0); /* failed */
	assert_null(km_groups_add(a, batch));
	assert_int_equal(km_groups_count(a), 5);
	batch->nr = 0;
	batch_put(batch, 0x20, 192, 192, 1, KM_EV_CACHE_ALLOC, 0);
	batch_put(batch, 0x10, 40, 64, 0, KM_EV_KMALLOC, 0);
	assert_null(km_groups_add(b, batch));

	assert_null(km_groups_merge(all, a, cache_name, names_a));
	assert_null(km_groups_merge(all, b, cache_name, names_b));
	assert_int_equal(km_groups_count(all), 5);
	assert_int_equal(hits_of(all, 0x10, 40, "", 0), 3);
	assert_int_equal(hits_of(all, 0x10, 40, "", KM_EVF_ACCOUNTED), 1);
	assert_int_equal(hits_of(all, 0x10, 48, "", 0), 1);
	assert_int_equal(hits_of(all, 0x20, 192, "dentry", 0), 1);
	assert_int_equal(hits_of(all, 0x20, 192, "inode_cache", 0), 2);
	km_groups_destroy(a);
	km_groups_destroy(b);
	km_groups_destroy(all);
	free(batch);
}

/* Room for three call sites, or for fewer with more sizes: the others are one. */
static void test_limit(void **state)
{
	struct km_groups *groups, *all;
	struct km_batch *batch = calloc(1, sizeof(*batch));
	struct km_groups_lack lack;

	(void)state;
	assert_null(km_groups_create(&groups));
	assert_null(km_groups_create(&all));
	km_groups_set_limit(groups, 2 * (KM_SITE_COST + KM_GROUP_COST) + KM_GROUP_COST);
	for (int round = 0; round < 2; round++)
		for (uint32_t site = 1; site <= 5; site++)
			batch_put(batch, site, 40, 64, 0, KM_EV_KMALLOC, 0);
	batch_put(batch, 2, 48, 64, 0, KM_EV_KMALLOC, 0);
	batch_put(batch, 2, 56, 64, 0, KM_EV_KMALLOC, 0);
	for (uint32_t i = 0; i < batch->nr; i++)
		km_batch_mark(batch, i);
	assert_null(km_groups_number(groups, batch));
	/* in the order in which they came; what is beyond comes third */
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(batch->group[i], i % 5 < 2 ? i % 5 + 1 : 3);
	assert_int_equal(batch->group[10], 4);
	assert_int_equal(batch->group[11], 5);
	assert_int_equal(km_group_info(km_groups_list(groups), 3)->call_site, KM_SITE_BEYOND);
	lack = km_groups_lack(groups);
	assert_int_equal(lack.pooled, 7);
	assert_int_equal(lack.left_out, 0);
	assert_null(km_groups_merge(all, groups, cache_name, (const char *const[]){ NULL }));
	assert_int_equal(hits_of(all, 1, 40, "", 0), 2);
	assert_int_equal(hits_of(all, 2, 48, "", 0), 1);
	assert_int_equal(hits_of(all, 3, 40, "", 0), 0);
	assert_int_equal(hits_of(all, KM_SITE_BEYOND, 40, "", 0), 6);
	assert_int_equal(hits_of(all, KM_SITE_BEYOND, 56, "", 0), 1);

	/* and of these, too, there are not any number: two sizes are there */
	for (uint32_t size = 1000; size < 1000 + 2 * KM_MOST_BEYOND; size++) {
		batch->nr = 0;
		batch_put(batch, 9, size, size, 0, KM_EV_KMALLOC, 0);
		km_batch_mark(batch, 0);
		batch->has_new = true;
		assert_null(km_groups_number(groups, batch));
		assert_int_equal(batch->group[0] == KM_ROW_HIDDEN,
				 size >= 1000 + KM_MOST_BEYOND - 2);
	}
	lack = km_groups_lack(groups);
	assert_int_equal(lack.pooled, 7 + KM_MOST_BEYOND - 2);
	assert_int_equal(lack.left_out, KM_MOST_BEYOND + 2);
	km_groups_destroy(groups);
	km_groups_destroy(all);
	free(batch);
}

/* 40,000 groups, so that the table grows many times, each hit as often as its number says. */
static void test_growth(void **state)
{
	enum { NR = 40000 };
	struct km_groups *groups, *all;
	struct km_batch *batch = calloc(1, sizeof(*batch));
	const struct km_group *items;
	size_t nr;

	(void)state;
	assert_null(km_groups_create(&groups));
	assert_null(km_groups_create(&all));
	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < NR; i++) {
			if (i % 3 < (uint32_t)round)
				continue;
			batch_put(batch, 0xffffffff81000000 + 16 * i, 8 + i % 7, 16, 0,
				  KM_EV_KMALLOC, 0);
			if (batch->nr == KM_BATCH_EVENTS || i >= NR - 3) {
				assert_null(km_groups_add(groups, batch));
				batch->nr = 0;
			}
		}
	}
	assert_null(km_groups_merge(all, groups, cache_name, NULL));
	items = km_groups_items(all, &nr);
	assert_int_equal(nr, NR);
	for (size_t k = 0; k < nr; k++) {
		uint32_t i = (uint32_t)((items[k].call_site - 0xffffffff81000000) / 16);

		assert_int_equal(items[k].size.req, 8 + i % 7);
		assert_int_equal(items[k].hits, i % 3 + 1);
	}
	km_groups_destroy(groups);
	km_groups_destroy(all);
	free(batch);
}

/*
 * Rows counted the way of a reader that was lent the table, where commoner groups take the places
 * of others, and put in where that does not know them.
 */
static void test_lent(void **state)
{
	enum { NR_SITES = 700, NR_ROWS = 400000 };
	struct km_batch *batch = calloc(1, sizeof(*batch));
	uint64_t *counts = calloc(NR_SITES, sizeof(*counts)), seed = 3;
	uint32_t numbers[NR_SITES] = { 0 };
	struct km_groups *groups, *all;

	(void)state;
	assert_null(km_groups_create(&groups));
	assert_null(km_groups_create(&all));
	for (int i = 0; i < NR_ROWS; i++) {
		const struct km_event_what what = { .kind = KM_EV_KMALLOC };
		const struct km_group *known;
		uint64_t site;

		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		/* some are far commoner than others, and which ones they are changes */
		site = (seed >> 33) % ((seed >> 20) % NR_SITES + 1);
		site = (site + (uint64_t)i / 100000 * 200) % NR_SITES;
		counts[site]++;
		known = km_group_count(*km_groups_table(groups),
				       (struct km_group_key){ site, 8, 16, km_group_what(what) });
		if (known) {
			assert_int_equal(known->call_site, site);
			assert_int_equal(known->number, numbers[site]);
			continue;
		}
		assert_int_equal(numbers[site], 0);
		batch->nr = 0;
		batch_put(batch, site, 8, 16, 0, KM_EV_KMALLOC, 0);
		batch->group[0] = KM_ROW_ALLOC;
		batch->has_new = true;
		assert_null(km_groups_number(groups, batch));
		numbers[site] = batch->group[0];
	}
	assert_null(km_groups_merge(all, groups, cache_name, NULL));
	assert_int_equal(km_groups_count(all), NR_SITES);
	for (uint64_t site = 0; site < NR_SITES; site++) {
		assert_int_equal(hits_of(all, site, 8, "", 0), counts[site]);
		assert_int_equal(km_group_info(km_groups_list(groups), numbers[site])->call_site,
				 site);
	}
	km_groups_destroy(groups);
	km_groups_destroy(all);
	free(counts);
	free(batch);
}

static void test_clock(void **state)
{
	static const struct km_clock_sample samples[] = {
		{ .time = 1000, .offset = 100, .scaling = 1 << 4 },
		{ .time = 2000, .offset = 300, .scaling = 1 << 4 },
	};
	struct km_clock clock = { 0 };

	(void)state;
	assert_int_equal(km_clock_ns(&clock, 12345), 12345);
	clock.offset_ns = -345;
	assert_int_equal(km_clock_ns(&clock, 12345), 12000);
	clock.mult = 3;
	clock.shift = 1;
	assert_int_equal(km_clock_ns(&clock, 1000), 1500 - 345);
	/* no overflow in between */
	clock.offset_ns = 0;
	clock.mult = 1U << 31;
	clock.shift = 31;
	assert_int_equal(km_clock_ns(&clock, 1ULL << 60), 1ULL << 60);
	clock = (struct km_clock){ .samples = samples, .nr_samples = 2, .fraction_bits = 4 };
	assert_int_equal(km_clock_ns(&clock, 500), 600);
	assert_int_equal(km_clock_ns(&clock, 1500), 1500 + 200);
	assert_int_equal(km_clock_ns(&clock, 9000), 9300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_lent),
		cmocka_unit_test(test_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
