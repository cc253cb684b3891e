/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cursor, names as numbers, errors, counters, output. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "base/cursor.h"
#include "base/intern.h"
#include "kmemstat/error.h"
#include "kmemstat/out.h"
#include "kmemstat/quality.h"

static void test_cursor(void **state)
{
	static const uint8_t data[] = { 1, 2, 3, 4, 'a', 'b', 0, 9 };
	struct km_cursor cur = km_cursor_make(data, sizeof(data), false);

	(void)state;
	assert_int_equal(km_cursor_u16(&cur), 0x0201);
	cur.is_big_endian = true;
	assert_int_equal(km_cursor_u16(&cur), 0x0304);
	assert_string_equal(km_cursor_string(&cur), "ab");
	assert_int_equal(km_cursor_left(&cur), 1);
	assert_false(cur.is_over);
	/* no NUL is left, and no u32: both say so and do not move */
	assert_null(km_cursor_string(&cur));
	assert_true(cur.is_over);
	assert_int_equal(km_cursor_u8(&cur), 0);
	cur.is_over = false;
	assert_int_equal(km_cursor_u32(&cur), 0);
	assert_true(cur.is_over);
	assert_int_equal(cur.pos, 7);
	cur.is_over = false;
	assert_null(km_cursor_bytes(&cur, SIZE_MAX));
	assert_true(cur.is_over);
}

static void test_intern(void **state)
{
	struct km_intern intern = { 0 };
	char name[16];

	(void)state;
	assert_int_equal(km_intern_get(&intern, "", 0), 0);
	assert_int_equal(km_intern_get(&intern, "dentry", 6), 1);
	assert_int_equal(km_intern_get(&intern, "dentry_x", 6), 1);
	assert_int_equal(km_intern_get(&intern, "dentry\0x", 8), 1);
	assert_int_equal(km_intern_get(&intern, "dent", 4), 2);
	for (int i = 0; i < 70000; i++) {
		int len = snprintf(name, sizeof(name), "cache%d", i);
		uint16_t id = km_intern_get(&intern, name, (size_t)len);

		/* ids are 16 bits: the last strings get none */
		assert_int_equal(id, i + 3 < 65536 ? i + 3 : 0);
	}
	assert_string_equal(km_intern_string(&intern, 3), "cache0");
	assert_string_equal(km_intern_string(&intern, 65535), "cache65532");
	assert_null(km_intern_string(&intern, 0));
	assert_int_equal(km_intern_get(&intern, "cache65532", 10), 65535);
	km_intern_deinit(&intern);
}

static void assert_line(struct km_error *error, const char *expected)
{
	char *line = km_error_line(error);

	assert_string_equal(line, expected);
	free(line);
	km_error_free(error);
}

static void test_error(void **state)
{
	(void)state;
	assert_line(km_error_create(KM_ERR_USAGE, NULL, "no such key: %s", "x"), "no such key: x");
	assert_line(km_error_advise(km_error_at("t.dat", 17, "bad %d", 5), "copy it %s", "again"),
		    "t.dat: at byte 17: bad 5; copy it again");
	assert_line(km_error_os(KM_ERR_INPUT, "t.dat", ENOENT, "cannot open"),
		    "t.dat: cannot open: No such file or directory; check the path");
	assert_line(&km_error_memory, "out of memory");
	assert_null(km_error_advise(NULL, "x"));
	km_error_free(NULL);
}

static void test_quality(void **state)
{
	struct km_quality a = { 0 }, b = { 0 };

	(void)state;
	for (int i = 0; i < KM_NR_COUNTERS; i++) {
		const struct km_counter_info *info = km_counter_info(i);

		assert_int_equal(info->counter, i);
		/* what is wrong with the data comes with what to do about it */
		assert_true(info->severity < KM_SEV_LOSS || info->advice);
	}
	a.count[KM_EVENTS_USED] = 10;
	a.count[KM_EVENTS_OTHER] = 3;
	a.count[KM_NULL_FREES] = 2;
	assert_int_equal(km_quality_events_total(&a), 13);
	assert_false(km_quality_is_incomplete(&a));
	b.count[KM_UNDECODABLE_ID] = 1;
	b.count[KM_UNDECODABLE_SHORT] = 1;
	b.count[KM_EVENTS_USED] = UINT64_MAX - 5;
	km_quality_add(&a, &b);
	assert_int_equal(a.count[KM_EVENTS_USED], UINT64_MAX);
	assert_int_equal(km_quality_events_undecodable(&a), 2);
	assert_int_equal(km_quality_events_total(&a), UINT64_MAX);
	assert_true(km_quality_is_incomplete(&a));
	b = (struct km_quality){ 0 };
	b.count[KM_GAPS_UNKNOWN] = 1;
	assert_true(km_quality_is_incomplete(&b));
}

static void assert_safe(const char *text, const char *expected)
{
	char *safe = km_text_safe(text);

	assert_string_equal(safe, expected);
	free(safe);
}

static void test_safe_text(void **state)
{
	(void)state;
	assert_safe("kmalloc-64", "kmalloc-64");
	assert_safe("\033[31mred\a\n\t\x7f", "?[31mred????");
	assert_safe("gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f");
	/* U+FFFE and U+FFFF are no characters; those before them are */
	assert_safe("\xef\xbf\xbd\xef\xbf\xbe\xef\xbf\xbf", "\xef\xbf\xbd??");
	/* C1 control as UTF-8, an override of direction, an overlong slash, a surrogate, a cut one
	 */
	assert_safe("a\xc2\x9b"
		    "b\xe2\x80\xae"
		    "c\xc0\xaf"
		    "d\xed\xa0\x80"
		    "e\xe2\x82",
		    "a?b?c??d???e??");
	/* isolates, marks, zero width, soft hyphen, filler, tag, variation, noncharacters */
	assert_safe("\u2066\u2069\u200e\u061c\u200b\u200d\u2060\ufeff\u00ad\u3164\U000e0041\ufe0f"
		    "\ufdd0\U0001fffe\u2028",
		    "???????????????");
	/* their neighbours, a letter of another script, and one beyond 16 bits */
	assert_safe("\u2027\u202f\u205f\u2070\u00ac\u00ae\u4e2d\U0001f600",
		    "\u2027\u202f\u205f\u2070\u00ac\u00ae\u4e2d\U0001f600");
}

static void assert_human(uint64_t bytes, const char *expected)
{
	char buf[KM_HUMAN_SIZE];

	assert_string_equal(km_human_bytes(bytes, buf), expected);
}

static void test_numbers(void **state)
{
	char buf[KM_GROUPED_SIZE];

	(void)state;
	assert_human(0, "0 B");
	assert_human(1023, "1023 B");
	assert_human(1024, "1.0 KiB");
	assert_human(1048524, "1023.9 KiB");
	assert_human(1048575, "1.0 MiB");
	assert_human(UINT64_MAX, "16.0 EiB");
	assert_string_equal(km_grouped(0, buf), "0");
	assert_string_equal(km_grouped(999, buf), "999");
	assert_string_equal(km_grouped(1000, buf), "1,000");
	assert_string_equal(km_grouped(UINT64_MAX, buf), "18,446,744,073,709,551,615");
}

static void assert_human_ns(uint64_t ns, const char *expected)
{
	char buf[KM_HUMAN_SIZE];

	assert_string_equal(km_human_ns(ns, buf), expected);
}

static void test_durations(void **state)
{
	(void)state;
	assert_human_ns(0, "0 ns");
	assert_human_ns(999, "999 ns");
	assert_human_ns(1000, "1.00 us");
	assert_human_ns(9994, "9.99 us");
	assert_human_ns(9995, "10.0 us");
	assert_human_ns(99949, "99.9 us");
	assert_human_ns(99950, "100 us");
	assert_human_ns(999499, "999 us");
	assert_human_ns(999500, "1.00 ms");
	assert_human_ns(14821073271, "14.8 s");
	assert_human_ns(999499999999, "999 s");
	assert_human_ns(999500000000, "16.7 min");
	assert_human_ns(36000000000000, "10.0 h");
	assert_human_ns(UINT64_MAX, "5124096 h");
}

static void test_out_full(void **state)
{
	FILE *file = fopen("/dev/full", "w");
	struct km_out out;
	struct km_error *error;

	(void)state;
	assert_non_null(file);
	km_out_init(&out, file, "/dev/full");
	km_out_puts(&out, "text");
	km_out_printf(&out, "%d", 5);
	error = km_out_finish(&out);
	assert_non_null(error);
	assert_int_equal(error->kind, KM_ERR_OUTPUT);
	assert_line(error,
		    "/dev/full: cannot write: No space left on device; free some space and run "
		    "it again");
	fclose(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cursor),    cmocka_unit_test(test_intern),
		cmocka_unit_test(test_error),     cmocka_unit_test(test_quality),
		cmocka_unit_test(test_safe_text), cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_durations), cmocka_unit_test(test_out_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
