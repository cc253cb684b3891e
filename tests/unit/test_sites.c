/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Groups -> call sites. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "builder.h"

static const char *const names[] = { NULL, "filp", "dentry" };
#define NR(array) (sizeof(array) / sizeof((array)[0]))

static void nothing_gives_no_sites(void **state)
{
	struct km_groups *groups = build_groups(NULL, 0, names);
	struct km_sites sites;

	ASSERT_OK(km_sites_build(groups, NULL, &sites));
	assert_int_equal(sites.nr, 0);
	km_sites_deinit(&sites);
	km_groups_destroy(groups);
}

/* kmalloc and kmalloc_node are one family, kmem_cache_alloc and its _node another. */
static void families_and_flags_merge(void **state)
{
	static const struct alloc allocs[] = {
		{ 0x2000, KM_EV_KMALLOC, 100, 128, 3 },
		{ 0x2000, KM_EV_KMALLOC_NODE, 100, 128, 4, .flags = KM_EVF_ACCOUNTED },
		{ 0x2000, KM_EV_KMALLOC, 30, 32, 2 },
		{ 0x2000, KM_EV_CACHE_ALLOC, 256, 256, 5, .cache = 1 },
		{ 0x2000, KM_EV_CACHE_ALLOC_NODE, 256, 256, 6, .cache = 1 },
		{ 0x1000, KM_EV_KMALLOC, 8, 8, 1, .flags = KM_EVF_ACCOUNTED },
	};
	struct km_groups *groups = build_groups(allocs, NR(allocs), names);
	struct km_sites sites;

	ASSERT_OK(km_sites_build(groups, NULL, &sites));
	assert_int_equal(sites.nr, 3);

	assert_int_equal(sites.sites[0].address, 0x1000);
	assert_int_equal(sites.sites[0].sum.accounted_hits, 1);

	assert_int_equal(sites.sites[1].address, 0x2000);
	assert_int_equal(sites.sites[1].family, KM_FAMILY_KMALLOC);
	assert_int_equal(sites.sites[1].sum.hits, 9);
	assert_int_equal(sites.sites[1].sum.bytes_req, 7 * 100 + 2 * 30);
	assert_int_equal(sites.sites[1].sum.bytes_alloc, 7 * 128 + 2 * 32);
	assert_int_equal(sites.sites[1].sum.accounted_hits, 4);
	assert_int_equal(sites.sites[1].nr_sizes, 2);
	assert_int_equal(sites.sites[1].sizes[0].bytes_req, 30);
	assert_int_equal(sites.sites[1].sizes[1].bytes_req, 100);
	assert_int_equal(sites.sites[1].sizes[1].hits, 7);

	assert_int_equal(sites.sites[2].address, 0x2000);
	assert_int_equal(sites.sites[2].family, KM_FAMILY_CACHE);
	assert_int_equal(sites.sites[2].nr_sizes, 1);
	assert_int_equal(sites.sites[2].sum.hits, 11);
	assert_string_equal(km_groups_cache_name(groups, sites.sites[2].sizes[0].cache), "filp");
	km_sites_deinit(&sites);
	km_groups_destroy(groups);
}

/* Those of the same address and family, whichever else there are in between. */
static void sites_have_lives(void **state)
{
	static const struct alloc allocs[] = {
		{ 0x1000, KM_EV_KMALLOC, 8, 8, 1 },
		{ 0x2000, KM_EV_KMALLOC, 8, 8, 1 },
		{ 0x2000, KM_EV_CACHE_ALLOC, 8, 8, 1, .cache = 1 },
		{ 0x4000, KM_EV_KMALLOC, 8, 8, 1 },
	};
	struct km_site_life lives[] = {
		{ 0x1000, .family = KM_FAMILY_KMALLOC }, { 0x1800, .family = KM_FAMILY_KMALLOC },
		{ 0x2000, .family = KM_FAMILY_CACHE },   { 0x3000, .family = KM_FAMILY_KMALLOC },
		{ 0x4000, .family = KM_FAMILY_KMALLOC },
	};
	const struct km_lives all = { .sites = lives, .nr_sites = NR(lives) };
	struct km_groups *groups = build_groups(allocs, NR(allocs), names);
	struct km_sites sites;

	ASSERT_OK(km_sites_build(groups, &all, &sites));
	assert_int_equal(sites.nr, 4);
	assert_ptr_equal(sites.sites[0].life, &lives[0].stats);
	assert_null(sites.sites[1].life);
	assert_ptr_equal(sites.sites[2].life, &lives[2].stats);
	assert_ptr_equal(sites.sites[3].life, &lives[4].stats);
	km_sites_deinit(&sites);
	km_groups_destroy(groups);
}

/* By bytes_alloc, bytes_req and name, whatever the order of the events. */
static void sizes_are_sorted(void **state)
{
	static const struct alloc allocs[] = {
		{ 0x1000, KM_EV_CACHE_ALLOC, 192, 192, 1, .cache = 1 },
		{ 0x1000, KM_EV_CACHE_ALLOC, 192, 192, 1, .cache = 2 },
		{ 0x1000, KM_EV_CACHE_ALLOC, 190, 192, 1, .cache = 1 },
		{ 0x1000, KM_EV_CACHE_ALLOC, 60, 64, 1, .cache = 2 },
		{ 0x1000, KM_EV_CACHE_ALLOC, 192, 192, 1 },
	};
	static const char *const expected[] = { "dentry", "filp", NULL, "dentry", "filp" };
	struct km_groups *groups = build_groups(allocs, NR(allocs), names);
	struct km_sites sites;

	ASSERT_OK(km_sites_build(groups, NULL, &sites));
	assert_int_equal(sites.nr, 1);
	assert_int_equal(sites.sites[0].nr_sizes, NR(expected));
	for (size_t i = 0; i < NR(expected); i++) {
		const struct km_size *size = &sites.sites[0].sizes[i];
		const char *name = km_groups_cache_name(groups, size->cache);

		assert_int_equal(size->hits, 1);
		if (expected[i])
			assert_string_equal(name, expected[i]);
		else
			assert_null(name);
	}
	assert_int_equal(sites.sites[0].sizes[0].bytes_req, 60);
	assert_int_equal(sites.sites[0].sizes[1].bytes_req, 190);
	km_sites_deinit(&sites);
	km_groups_destroy(groups);
}

/* 2^62 hits of 4096 bytes are more bytes than a counter holds. */
static void sums_saturate(void **state)
{
	static const struct alloc one = { 0x1000, KM_EV_KMALLOC,
					  2056,   4096,
					  1,      .flags = KM_EVF_ACCOUNTED };
	struct km_groups *groups = build_groups(&one, 1, names);
	struct km_sites sites;

	for (int i = 0; i < 62; i++) {
		struct km_groups *twice;

		ASSERT_OK(km_groups_create(&twice));
		ASSERT_OK(km_groups_merge(twice, groups, builder_name_of, names));
		ASSERT_OK(km_groups_merge(twice, groups, builder_name_of, names));
		km_groups_destroy(groups);
		groups = twice;
	}
	ASSERT_OK(km_sites_build(groups, NULL, &sites));
	assert_true(sites.sites[0].sum.hits == UINT64_C(1) << 62);
	assert_true(sites.sites[0].sum.accounted_hits == UINT64_C(1) << 62);
	assert_true(sites.sites[0].sum.bytes_req == UINT64_MAX);
	assert_true(sites.sites[0].sum.bytes_alloc == UINT64_MAX);
	km_sites_deinit(&sites);
	km_groups_destroy(groups);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_gives_no_sites),
		cmocka_unit_test(families_and_flags_merge),
		cmocka_unit_test(sites_have_lives),
		cmocka_unit_test(sizes_are_sorted),
		cmocka_unit_test(sums_saturate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
