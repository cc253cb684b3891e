/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which symbols of the running kernel a trace may have, from made-up /proc and /sys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/running.h"

static const char kallsyms[] = "0000000000000000 A fixed_percpu_data\n"
			       "ffffffff81000000 T _text\n"
			       "ffffffff81001000 t first\n"
			       "ffffffff82000000 B _end\n"
			       "ffffffffc0001000 t other\t[module]\n"
			       "ffffffffc0002000 t bpf_prog\n";
/* Xen's note, then the build id 00 01 02 ... 13 */
static const uint8_t notes[] = { 4,   0, 0, 0, 4,   0,   0,   0,  6,  0,  0,  0,  'X', 'e',
				 'n', 0, 1, 2, 3,   4,   4,   0,  0,  0,  20, 0,  0,   0,
				 3,   0, 0, 0, 'G', 'N', 'U', 0,  0,  1,  2,  3,  4,   5,
				 6,   7, 8, 9, 10,  11,  12,  13, 14, 15, 16, 17, 18,  19 };
#define BUILD_ID "000102030405060708090a0b0c0d0e0f10111213"

static char root[] = "/tmp/kmemstat-running-XXXXXX";

static void put(const char *name, const void *data, size_t size)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s%s", root, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static const char *const dirs[] = { "/proc", "/proc/sys", "/proc/sys/kernel", "/sys",
				    "/sys/kernel" };
static const char *const files[] = { "/proc/kallsyms", "/proc/sys/kernel/osrelease",
				     "/sys/kernel/notes" };

static int setup(void **state)
{
	char path[256];

	(void)state;
	assert_non_null(mkdtemp(root));
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", root, dirs[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	put(files[0], kallsyms, sizeof(kallsyms) - 1);
	put(files[1], "6.1.0-test\n", 11);
	put(files[2], notes, sizeof(notes));
	return 0;
}

static int teardown(void **state)
{
	char path[256];

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", root, files[i]);
		unlink(path);
	}
	for (size_t i = sizeof(dirs) / sizeof(dirs[0]); i-- > 0;) {
		snprintf(path, sizeof(path), "%s%s", root, dirs[i]);
		rmdir(path);
	}
	return rmdir(root);
}

/* The text for an input, "" for none; to be freed. */
static char *text_for(const char *build_id, const char *release, uint64_t kernel_text)
{
	const struct km_input_info info = { .build_id = build_id,
					    .kernel_release = release,
					    .kernel_text = kernel_text };
	char *text;
	size_t size;

	assert_null(km_running_kallsyms(root, &info, &text, &size));
	if (!text)
		return strdup("");
	assert_int_equal(strlen(text), size);
	return text;
}

static void expect(const char *build_id, const char *release, uint64_t kernel_text,
		   const char *want)
{
	char *text = text_for(build_id, release, kernel_text);

	assert_string_equal(text, want);
	free(text);
}

static const char here[] = "ffffffff81000000 T _text\nffffffff81001000 t first\n"
			   "ffffffff82000000 B _end\n";
static const char moved[] = "ffffffff9a000000 T _text\nffffffff9a001000 t first\n"
			    "ffffffff9b000000 B _end\n";
static const char lower[] = "ffffffff80800000 T _text\nffffffff80801000 t first\n"
			    "ffffffff81800000 B _end\n";

static void same_kernel(void **state)
{
	(void)state;
	expect(BUILD_ID, "6.1.0-test", 0xffffffff81000000, here);
	/* the build id decides, whatever the release is called */
	expect(BUILD_ID, "6.1.0-other", 0xffffffff81000000, here);
	expect(NULL, "6.1.0-test", 0xffffffff81000000, here);
}

static void another_boot(void **state)
{
	(void)state;
	expect(BUILD_ID, NULL, 0xffffffff9a000000, moved);
	expect(NULL, "6.1.0-test", 0xffffffff80800000, lower);
}

static void another_kernel(void **state)
{
	(void)state;
	expect("ff0102030405060708090a0b0c0d0e0f10111213", "6.1.0-test", 0xffffffff81000000, "");
	expect(BUILD_ID "01", "6.1.0-test", 0xffffffff81000000, "");
	expect(NULL, "6.1.0-tes", 0xffffffff81000000, "");
	expect(NULL, NULL, 0xffffffff81000000, "");
	/* the same, but nobody knows where it lay */
	expect(BUILD_ID, "6.1.0-test", 0, "");
}

static void nothing_to_see(void **state)
{
	static const char zeros[] = "0000000000000000 T _text\n0000000000000000 t first\n";

	(void)state;
	put(files[0], zeros, sizeof(zeros) - 1);
	expect(BUILD_ID, "6.1.0-test", 0xffffffff81000000, "");
	put(files[2], notes, 30);
	expect(BUILD_ID, "6.1.0-test", 0xffffffff81000000, "");
	put(files[2], "", 0);
	expect(BUILD_ID, "6.1.0-test", 0xffffffff81000000, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_kernel),
		cmocka_unit_test(another_boot),
		cmocka_unit_test(another_kernel),
		cmocka_unit_test(nothing_to_see),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
