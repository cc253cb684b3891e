/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers of 128 bits: by hand, and beside the compiler's own where it has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/wide.h"

#define TOP (1ULL << 63)

static void assert_wide(struct km_wide x, uint64_t upper, uint64_t lower)
{
	assert_true(x.upper == upper);
	assert_true(x.lower == lower);
}

static void test_products(void **state)
{
	assert_wide(km_wide_mul(0, UINT64_MAX), 0, 0);
	assert_wide(km_wide_mul(UINT64_MAX, UINT64_MAX), UINT64_MAX - 1, 1);
	assert_wide(km_wide_mul_halves(UINT64_MAX, UINT64_MAX), UINT64_MAX - 1, 1);
	assert_wide(km_wide_mul_halves(1ULL << 32, 1ULL << 32), 1, 0);
	assert_wide(km_wide_mul_halves(UINT32_MAX, UINT32_MAX), 0, 0xfffffffe00000001);
	assert_wide(km_wide_times((struct km_wide){ 2, TOP }, 6), 15, 0);
	/* beyond 128 bits */
	assert_wide(km_wide_times((struct km_wide){ TOP, 5 }, 2), 0, 10);
}

static void test_sums(void **state)
{
	const struct km_wide one = { 0, 1 }, most = { 0, UINT64_MAX };

	assert_wide(km_wide_add(most, one), 1, 0);
	assert_wide(km_wide_add(most, most), 1, UINT64_MAX - 1);
	assert_wide(km_wide_add((struct km_wide){ 3, 4 }, (struct km_wide){ 5, 6 }), 8, 10);
	assert_true(km_wide_shift((struct km_wide){ 5, TOP }, 0) == TOP);
	assert_true(km_wide_shift((struct km_wide){ 5, TOP }, 1) == (TOP | 1ULL << 62));
	assert_true(km_wide_shift((struct km_wide){ 5, TOP }, 63) == 11);
}

static void test_quotients(void **state)
{
	assert_true(km_mul_div(10, 10, 7) == 14);
	assert_true(km_mul_div(UINT64_MAX, UINT64_MAX, UINT64_MAX) == UINT64_MAX);
	assert_true(km_mul_div(UINT64_MAX, UINT64_MAX - 1, UINT64_MAX) == UINT64_MAX - 1);
	/* more than fits */
	assert_true(km_mul_div(TOP, 2, 1) == UINT64_MAX);
	assert_true(km_wide_div_bits((struct km_wide){ 1, 0 }, 1) == UINT64_MAX);
	/* the rest has 65 bits on the way */
	assert_true(km_wide_div_bits((struct km_wide){ TOP, 0 }, TOP + 1) == UINT64_MAX - 1);
	assert_true(km_wide_div_bits((struct km_wide){ 0, 99 }, 100) == 0);
	assert_true(km_wide_div_bits((struct km_wide){ 1, 0 }, 2) == TOP);
}

/* To the nearest, and of two that are as near to the even one. */
static void test_doubles(void **state)
{
	const uint64_t half = 1ULL << 11; /* of the last of 53 bits, where there are 65 */

	assert_true(km_wide_double((struct km_wide){ 0, 0 }) == 0);
	assert_true(km_wide_double((struct km_wide){ 0, 5 }) == 5);
	assert_true(km_wide_double((struct km_wide){ 0, UINT64_MAX }) == 0x1p64);
	assert_true(km_wide_double((struct km_wide){ 1, 0 }) == 0x1p64);
	assert_true(km_wide_double((struct km_wide){ 1, half }) == 0x1p64);
	assert_true(km_wide_double((struct km_wide){ 1, half + 1 }) == 0x1.0000000000001p64);
	assert_true(km_wide_double((struct km_wide){ 1, 3 * half }) == 0x1.0000000000002p64);
	assert_true(km_wide_double((struct km_wide){ TOP, 1 }) == 0x1p127);
	assert_true(km_wide_double((struct km_wide){ TOP | 1ULL << 10, 0 }) == 0x1p127);
	assert_true(km_wide_double((struct km_wide){ TOP | 1ULL << 10, 1 }) ==
		    0x1.0000000000001p127);
	assert_true(km_wide_double((struct km_wide){ UINT64_MAX, UINT64_MAX }) == 0x1p128);
}

#ifdef __SIZEOF_INT128__
/* Of all lengths: most have as many bits as their upper ones are cut off. */
static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (*seed >> 32 | *seed << 32) >> (*seed >> 40 & 63);
}

static void test_as_the_compiler(void **state)
{
	uint64_t seed = 20261122;

	for (int i = 0; i < 1000000; i++) {
		const uint64_t a = next_random(&seed), b = next_random(&seed);
		const uint64_t by = next_random(&seed) | 1;
		const unsigned __int128 ab = (unsigned __int128)a * b, quotient = ab / by;
		const struct km_wide wide = km_wide_mul_halves(a, b);
		const unsigned int shift = (unsigned int)(seed >> 58);

		assert_wide(wide, (uint64_t)(ab >> 64), (uint64_t)ab);
		assert_true(km_wide_div_bits(wide, by) ==
			    (quotient > UINT64_MAX ? UINT64_MAX : (uint64_t)quotient));
		assert_true(km_mul_div(a, b, by) == km_wide_div_bits(wide, by));
		assert_true(km_wide_shift(wide, shift) == (uint64_t)(ab >> shift));
		assert_true(km_wide_double(wide) == (double)ab);
	}
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_products),        cmocka_unit_test(test_sums),
		cmocka_unit_test(test_quotients),       cmocka_unit_test(test_doubles),
#ifdef __SIZEOF_INT128__
		cmocka_unit_test(test_as_the_compiler),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
