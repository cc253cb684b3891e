/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Raw time stamps to nanoseconds: corrections, multipliers, offsets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "decode/clock.h"

/* Each interval between two has a slope of its own. */
static const struct km_clock_sample samples[] = {
	{ .time = 1000, .offset = 10 },   { .time = 2000, .offset = 20 },
	{ .time = 3000, .offset = -100 }, { .time = 4000, .offset = 900 },
	{ .time = 5000, .offset = 900 },  { .time = 7000, .offset = 0 },
};

static void corrects(void **state)
{
	/* raw, offset */
	static const struct {
		uint64_t raw;
		int64_t offset;
	} cases[] = {
		{ 0, 10 },     { 1000, 10 },   { 1100, 11 },  { 1999, 19 },  { 2000, 20 },
		{ 2500, -40 }, { 3000, -100 }, { 3999, 899 }, { 4000, 900 }, { 4001, 900 },
		{ 5000, 900 }, { 6000, 450 },  { 6998, 1 },   { 7000, 0 },   { 99999, 0 },
	};
	struct km_clock clock = { .samples = samples,
				  .nr_samples = sizeof(samples) / sizeof(*samples) };

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(km_clock_ns(&clock, cases[i].raw) - cases[i].raw, cases[i].offset);
	/* one alone holds for all times; none changes nothing */
	clock.nr_samples = 1;
	assert_int_equal(km_clock_ns(&clock, 5), 15);
	assert_int_equal(km_clock_ns(&clock, 5000), 5010);
	assert_false(km_clock_is_plain(&clock));
	clock.nr_samples = 0;
	assert_int_equal(km_clock_ns(&clock, 5000), 5000);
	assert_true(km_clock_is_plain(&clock));
}

/* A file can say anything: two samples of the same time, or a later one that is earlier. */
static void bears_disorder(void **state)
{
	static const struct km_clock_sample same[] = {
		{ .time = 10, .offset = 1 },  { .time = 20, .offset = 2 },
		{ .time = 20, .offset = 3 },  { .time = 15, .offset = 4 },
		{ .time = 40, .offset = 43 },
	};
	const struct km_clock clock = { .samples = same, .nr_samples = 5 };

	assert_int_equal(km_clock_ns(&clock, 10), 11);
	assert_int_equal(km_clock_ns(&clock, 20), 20 + 4 + 39 * 5 / 25);
	assert_int_equal(km_clock_ns(&clock, 39), 39 + 4 + 39 * 24 / 25);
	assert_int_equal(km_clock_ns(&clock, 12), 12 + 1);
}

static void scales(void **state)
{
	static const struct km_clock_sample scaled[] = {
		{ .time = 100, .offset = 7, .scaling = 3 },
		{ .time = 200, .offset = 7, .scaling = 5 },
		{ .time = 300, .offset = 7, .scaling = 9 },
	};
	struct km_clock clock = { .samples = scaled, .nr_samples = 3, .fraction_bits = 1 };

	/* the scale is that of the sample before; the offset comes behind it */
	assert_int_equal(km_clock_ns(&clock, 50), 50 * 3 / 2 + 7);
	assert_int_equal(km_clock_ns(&clock, 150), 150 * 3 / 2 + 7);
	assert_int_equal(km_clock_ns(&clock, 250), 250 * 5 / 2 + 7);
	assert_int_equal(km_clock_ns(&clock, 300), 300 * 9 / 2 + 7);
	/* no number has so many bits: as if it did not scale */
	clock.fraction_bits = 63;
	assert_int_equal(km_clock_ns(&clock, UINT64_C(1) << 62), 4 + 7);
	clock.fraction_bits = 64;
	assert_int_equal(km_clock_ns(&clock, 250), 250 + 7);
}

static void multiplies(void **state)
{
	struct km_clock clock = { .mult = 3, .shift = 1, .offset_ns = -5 };

	assert_false(km_clock_is_plain(&clock));
	assert_int_equal(km_clock_ns(&clock, 11), 16 - 5);
	/* more than 64 bits on the way */
	assert_int_equal(km_clock_ns(&clock, UINT64_MAX / 2),
			 UINT64_MAX / 4 * 3 + 1 - 5);
	clock.shift = 63;
	assert_false(km_clock_is_plain(&clock));
	assert_int_equal(km_clock_ns(&clock, UINT64_MAX), 5 - 5);
	clock.shift = 64;
	assert_true(km_clock_is_plain(&clock));
	assert_int_equal(km_clock_ns(&clock, 11), 11 - 5);
	clock = (struct km_clock){ .mult = 0, .shift = 1, .offset_ns = 5 };
	assert_true(km_clock_is_plain(&clock));
	assert_int_equal(km_clock_ns(&clock, 11), 11 + 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(corrects),
		cmocka_unit_test(bears_disorder),
		cmocka_unit_test(scales),
		cmocka_unit_test(multiplies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
