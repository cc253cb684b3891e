/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SLUB's size classes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "kmemstat/agg.h"

#define KIB 1024

/* The sizes of kmalloc_info[] (mm/slab_common.c, v6.1) up to two pages of 4 KiB. */
static const uint64_t caches[] = { 8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192 };
#define NR_CACHES (sizeof(caches) / sizeof(caches[0]))

static void fit_is_the_smallest_cache(void **state)
{
	for (uint64_t bytes = 1; bytes <= 8192; bytes++) {
		size_t i = 0;

		while (caches[i] < bytes)
			i++;
		assert_int_equal(km_class_fit(bytes, 4096), caches[i]);
		assert_int_equal(km_class_below(bytes, 4096), i ? caches[i - 1] : 0);
	}
	assert_int_equal(km_class_fit(0, 4096), 8);
	assert_int_equal(km_class_below(0, 4096), 0);
}

static void above_caches_are_page_orders(void **state)
{
	assert_int_equal(km_class_fit(8193, 4096), 16384);
	assert_int_equal(km_class_below(8193, 4096), 8192);
	assert_int_equal(km_class_fit(10824, 4096), 16384);
	assert_int_equal(km_class_below(16384, 4096), 8192);
	assert_int_equal(km_class_below(16385, 4096), 16384);
	assert_int_equal(km_class_fit(73288, 4096), 131072);
	assert_int_equal(km_class_fit(UINT32_MAX, 4096), UINT64_C(1) << 32);
	assert_true(km_class_fit(UINT64_MAX, 4096) == UINT64_MAX);
	assert_true(km_class_below(UINT64_MAX, 4096) == UINT64_C(1) << 63);
}

static void largest_cache_is_two_pages(void **state)
{
	assert_int_equal(km_class_largest_cache(4096), 8 * KIB);
	assert_int_equal(km_class_largest_cache(16 * KIB), 32 * KIB);
	assert_int_equal(km_class_largest_cache(64 * KIB), 128 * KIB);
	assert_int_equal(km_class_largest_cache(UINT32_C(1) << 31), UINT64_C(1) << 32);
}

static void page_order_rounds_up(void **state)
{
	assert_int_equal(km_page_order(0, 4096), 0);
	assert_int_equal(km_page_order(1, 4096), 0);
	assert_int_equal(km_page_order(4096, 4096), 0);
	assert_int_equal(km_page_order(4097, 4096), 1);
	assert_int_equal(km_page_order(16384, 4096), 2);
	assert_int_equal(km_page_order(65537, 65536), 1);
	assert_int_equal(km_page_order(UINT64_MAX, 4096), 52);
}

/* A damaged file may hold any page size. */
static void bad_page_sizes_are_4096(void **state)
{
	static const uint32_t bad[] = { 0, 1, 512, 4095, 4097, UINT32_MAX };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(km_sane_page_size(bad[i]), 4096);
		assert_int_equal(km_class_largest_cache(bad[i]), 8192);
		assert_int_equal(km_page_order(16384, bad[i]), 2);
	}
	assert_int_equal(km_sane_page_size(1024), 1024);
	assert_int_equal(km_sane_page_size(65536), 65536);
}

static void assert_name(uint64_t bytes, uint32_t page_size, const char *expected)
{
	char name[48];

	km_class_name(bytes, page_size, name, sizeof(name));
	assert_string_equal(name, expected);
}

static void names_are_the_kernels(void **state)
{
	assert_name(8, 4096, "kmalloc-8");
	assert_name(96, 4096, "kmalloc-96");
	assert_name(192, 4096, "kmalloc-192");
	assert_name(512, 4096, "kmalloc-512");
	assert_name(1024, 4096, "kmalloc-1k");
	assert_name(8192, 4096, "kmalloc-8k");
	assert_name(16384, 4096, "order-2");
	assert_name(4 * 1024 * 1024, 4096, "order-10");
	assert_name(16384, 65536, "kmalloc-16k");
	assert_name(131072, 65536, "kmalloc-128k");
	assert_name(262144, 65536, "order-2");
	assert_name(2 * 1024 * 1024, 1024 * 1024, "kmalloc-2M");
	/* no class: another allocator, debugging */
	assert_name(200, 4096, "size-200");
	assert_name(0, 4096, "size-0");
	assert_name(12288, 4096, "size-12288");
}

static void names_stay_in_their_buffer(void **state)
{
	char name[8] = "xxxxxxx";

	km_class_name(1024, 4096, name, 6);
	assert_string_equal(name, "kmall");
	assert_int_equal(name[6], 'x');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fit_is_the_smallest_cache),
		cmocka_unit_test(above_caches_are_page_orders),
		cmocka_unit_test(largest_cache_is_two_pages),
		cmocka_unit_test(page_order_rounds_up),
		cmocka_unit_test(bad_page_sizes_are_4096),
		cmocka_unit_test(names_are_the_kernels),
		cmocka_unit_test(names_stay_in_their_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
