/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copies of /proc/slabinfo: good, bad, and none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kmemstat/slabinfo.h"

#define TITLE "slabinfo - version: 2.1\n"
#define HEAD  TITLE "# name <active_objs> <num_objs> <objsize> ...\n"
#define TAIL  " : tunables 0 0 0 : slabdata "

/* Parses `size` bytes at the end of an allocation, so that a read behind them is seen. */
static struct km_error *parse(const char *text, size_t size, struct km_slabinfo *ret)
{
	char *copy = malloc(size + 1);

	memcpy(copy, text, size);
	copy[size] = '\0';
	return km_slabinfo_parse("slabinfo", copy, size, ret);
}

static void reads_caches(void **state)
{
	static const char text[] =
		HEAD "dentry             12978  12978    192   21    1" TAIL "618 619 0\n"
		     "kmalloc-64 22572 23168 64 64 1" TAIL "362 362 0\n"
		     "ext4 inode 1 2 1184 27 8" TAIL "1 1 0 : globalstat 1 2 3 : cpustat 4 5\n"
		     "\n"
		     "TCP 0 0 2432 13 8" TAIL "0 0 0";
	struct km_slabinfo slabinfo;
	const struct km_slab_cache *cache;

	assert_null(parse(text, sizeof(text) - 1, &slabinfo));
	assert_int_equal(slabinfo.nr, 4);
	assert_int_equal(slabinfo.bad_lines, 0);
	cache = km_slabinfo_find(&slabinfo, "dentry");
	assert_non_null(cache);
	assert_int_equal(cache->active_objs, 12978);
	assert_int_equal(cache->objs, 12978);
	assert_int_equal(cache->object_bytes, 192);
	assert_int_equal(cache->objs_per_slab, 21);
	assert_int_equal(cache->pages_per_slab, 1);
	assert_int_equal(cache->active_slabs, 618);
	assert_int_equal(cache->slabs, 619);
	assert_int_equal(km_slabinfo_find(&slabinfo, "kmalloc-64")->objs, 23168);
	assert_int_equal(km_slabinfo_find(&slabinfo, "ext4 inode")->object_bytes, 1184);
	assert_int_equal(km_slabinfo_find(&slabinfo, "TCP")->objs_per_slab, 13);
	assert_null(km_slabinfo_find(&slabinfo, "kmalloc"));
	assert_null(km_slabinfo_find(&slabinfo, "zzz"));
	km_slabinfo_deinit(&slabinfo);
}

static void tells_bad_lines(void **state)
{
	static const char *const bad[] = {
		"kmalloc-96 1 2 96 42",                        /* ends early */
		"kmalloc-96 1 2 96 42 1",                      /* no slabs */
		"kmalloc-96 1 2 96 42 1 : tunables 0 0 0",     /* the same */
		"kmalloc-96 1 2 96 42 x" TAIL "1 1 0",         /* no number */
		"kmalloc-96 1 2 96 -42 1" TAIL "1 1 0",        /* no number either */
		"kmalloc-96 1 2 0 42 1" TAIL "1 1 0",          /* objects of nothing */
		"kmalloc-96 1 2 96 0 1" TAIL "1 1 0",          /* slabs of none */
		"kmalloc-96 1 2 96 42 0" TAIL "1 1 0",         /* no page */
		"kmalloc-96 3 2 96 42 1" TAIL "1 1 0",         /* more used than there are */
		"kmalloc-96 1 2 4294967296 42 1" TAIL "1 1 0", /* too large */
		"kmalloc-96 1 18446744073709551616 96 42 1" TAIL "1 1 0",
		"1 2 96 42 1" TAIL "1 1 0",            /* no name */
		"kmalloc-64 1 2 96 42 1" TAIL "1 1 0", /* a name that was there */
		"kmalloc-96 1 2 96 42 1" TAIL "all 1 0",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[512];
		struct km_slabinfo slabinfo;
		int len = snprintf(text, sizeof(text),
				   HEAD "kmalloc-64 1 2 64 64 1" TAIL "1 1 0\n%s\n"
					"bad\nzswap 1 2 48 85 1" TAIL "1 1 0\n",
				   bad[i]);

		assert_null(parse(text, (size_t)len, &slabinfo));
		if (slabinfo.bad_lines != 2 || slabinfo.first_bad_line != 4)
			fail_msg("%s: %zu bad lines, first %zu", bad[i], (size_t)slabinfo.bad_lines,
				 (size_t)slabinfo.first_bad_line);
		assert_int_equal(slabinfo.nr, 2);
		assert_int_equal(km_slabinfo_find(&slabinfo, "kmalloc-64")->object_bytes, 64);
		km_slabinfo_deinit(&slabinfo);
	}
}

static void takes_no_zero_bytes(void **state)
{
	static const char text[] = HEAD "kmalloc-64 1 2 64 64 1" TAIL "1 1 0\n"
					"kmalloc\0-96 1 2 96 42 1" TAIL "1 1 0\n";
	struct km_slabinfo slabinfo;

	assert_null(parse(text, sizeof(text) - 1, &slabinfo));
	assert_int_equal(slabinfo.nr, 1);
	assert_int_equal(slabinfo.first_bad_line, 4);
	km_slabinfo_deinit(&slabinfo);
}

/* A file that is cut anywhere has the caches before the cut, and at most one bad line. */
static void may_be_cut(void **state)
{
	static const char text[] = HEAD "kmalloc-64 1 2 64 64 1" TAIL "10 10 0\n"
					"kmalloc-96 1 2 96 42 1" TAIL "10 10 0\n";
	const size_t first = (size_t)(strstr(text, "10 10") + 4 - text);

	for (size_t size = 0; size < sizeof(text) - 1; size++) {
		struct km_slabinfo slabinfo;
		struct km_error *error = parse(text, size, &slabinfo);

		if (error) {
			assert_int_equal(error->kind, KM_ERR_INPUT);
			assert_true(size < first);
			km_error_free(error);
			continue;
		}
		assert_true(size >= first);
		assert_true(slabinfo.bad_lines <= 1);
		km_slabinfo_deinit(&slabinfo);
	}
}

static void refuses_other_files(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "", "is no copy of slabinfo: it does not begin with \"slabinfo - version: 2.\"" },
		{ "slabinfo - version: 1.1\n",
		  "is no copy of slabinfo: it does not begin with \"slabinfo - version: 2.\"" },
		{ "# " HEAD,
		  "is no copy of slabinfo: it does not begin with \"slabinfo - version: 2.\"" },
		{ HEAD, "holds no cache" },
		{ HEAD "rubbish\n", "holds no cache" },
	};
	struct km_slabinfo slabinfo;
	struct km_error *error;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		error = parse(cases[i].text, strlen(cases[i].text), &slabinfo);
		assert_non_null(error);
		assert_int_equal(error->kind, KM_ERR_INPUT);
		assert_string_equal(error->message, cases[i].message);
		km_error_free(error);
	}
	error = km_slabinfo_load("/nowhere/slabinfo", &slabinfo);
	assert_non_null(error);
	assert_string_equal(error->message, "cannot open: No such file or directory");
	km_error_free(error);
	error = km_slabinfo_load("/", &slabinfo);
	assert_non_null(error);
	assert_string_equal(error->message, "cannot read: Is a directory");
	km_error_free(error);
}

/* Megabytes of one line: what it takes grows as they do, and not with their square. */
static void many_of_a_name(void **state)
{
	static const char line[] = "dentry 1 2 192 21 1" TAIL "1 1 0\n";
	const size_t nr = 300000, size = sizeof(HEAD) - 1 + nr * (sizeof(line) - 1);
	char *text = malloc(size + 1);
	struct km_slabinfo slabinfo;

	strcpy(text, HEAD);
	for (size_t i = 0; i < nr; i++)
		memcpy(text + sizeof(HEAD) - 1 + i * (sizeof(line) - 1), line, sizeof(line));
	assert_null(km_slabinfo_parse("slabinfo", text, size, &slabinfo));
	assert_int_equal(slabinfo.nr, 1);
	assert_int_equal(slabinfo.bad_lines, nr - 1);
	assert_int_equal(slabinfo.first_bad_line, 4);
	km_slabinfo_deinit(&slabinfo);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_caches),        cmocka_unit_test(tells_bad_lines),
		cmocka_unit_test(takes_no_zero_bytes), cmocka_unit_test(may_be_cut),
		cmocka_unit_test(refuses_other_files), cmocka_unit_test(many_of_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
