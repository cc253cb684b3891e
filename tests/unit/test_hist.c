/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hist triggers: which are set, and what their tables say. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/slurp.h"
#include "kmemstat/hist.h"
#include "record/hist_plan.h"
#include "record/hist_text.h"

/* A file of testdata, malloc'ed. */
static char *read_data(const char *name, size_t *ret_size)
{
	char *path, *text;

	assert_true(asprintf(&path, "%s/%s", getenv("KMEMSTAT_TESTDATA"), name) > 0);
	assert_int_equal(km_slurp(path, &text, ret_size), 0);
	free(path);
	return text;
}

static struct km_hist_plan make_plan(const char *kernel, const char *event, const char *filter)
{
	struct km_hist_plan plan;
	char name[256], system[16];
	size_t size;
	char *format;

	snprintf(system, sizeof(system), "%s", strncmp(event, "percpu", 6) ? "kmem" : "percpu");
	snprintf(name, sizeof(name), "formats/%s/%s/%s/format", kernel, system, event);
	format = read_data(name, &size);
	assert_null(km_hist_plan_make(km_event_kind_of(system, event), format, size, filter, 2048,
				      &plan));
	free(format);
	return plan;
}

/* The commands of an event's triggers, a line each, against those that are expected. */
static void assert_plan(const char *kernel, const char *event, const char *filter,
			const char *expected)
{
	struct km_hist_plan plan = make_plan(kernel, event, filter);
	char *all = strdup("");

	for (size_t i = 0; i < plan.nr; i++) {
		char *command = km_hist_trigger_command(&plan.triggers[i], "pause"), *more;

		assert_true(asprintf(&more, "%s%s\n", all, command) > 0);
		free(command);
		free(all);
		all = more;
	}
	assert_string_equal(all, expected);
	free(all);
	km_hist_plan_deinit(&plan);
}

#define KEYS    "hist:keys=call_site.hex,bytes_req,bytes_alloc:size=2048:pause if "
#define QUARTER "hist:keys=call_site.hex,bytes_req,bytes_alloc:size=512:pause if "
#define ONE     "hist:keys=common_type:size=128:pause"

static void test_plans(void **state)
{
	/* __GFP_ACCOUNT is another bit in each of these kernels, or the event tells itself */
	assert_plan("6.1-x86_64", "kmalloc", NULL,
		    KEYS "ptr != 0 && !(gfp_flags & 0x400000)\n" QUARTER
			 "ptr != 0 && gfp_flags & 0x400000\n" ONE " if ptr == 0\n");
	assert_plan("6.1-x86_64", "kmem_cache_alloc", NULL,
		    QUARTER "ptr != 0 && accounted == 0\n" QUARTER
			    "ptr != 0 && accounted != 0\n" ONE " if ptr == 0\n");
	assert_plan("5.10-x86_64", "kmalloc_node", "bytes_req >= 64 || bytes_req < 8",
		    KEYS "(bytes_req >= 64 || bytes_req < 8) && ptr != 0 && !(gfp_flags & "
			 "0x400000)\n" QUARTER "(bytes_req >= 64 || bytes_req < 8) && ptr != 0 && "
			 "gfp_flags & 0x400000\n" ONE
			 " if (bytes_req >= 64 || bytes_req < 8) && ptr == 0\n");
	assert_plan("6.12-x86_64", "kfree", NULL,
		    ONE " if ptr > 16\nhist:keys=ptr:size=128:pause if ptr <= 16\n");
	assert_plan("6.18-x86_64", "kmem_cache_free", NULL, ONE "\n");
	assert_plan("6.18-x86_64", "kmem_cache_free", "common_pid != 7",
		    ONE " if common_pid != 7\n");
	assert_plan("6.18-x86_64", "mm_page_free", NULL, ONE "\n");
}

static const char percpu_old[] = "name: percpu_alloc_percpu\nID: 1\nformat:\n"
				 "\tfield:bool reserved;\toffset:8;\tsize:1;\tsigned:0;\n"
				 "\tfield:size_t size;\toffset:16;\tsize:8;\tsigned:0;\n"
				 "\tfield:void * ptr;\toffset:24;\tsize:8;\tsigned:0;\n";

/* Before 5.19 percpu objects have neither call site nor bytes; without sizes there is no plan. */
static void test_lean_formats(void **state)
{
	struct km_hist_plan plan;
	struct km_error *error;

	assert_null(km_hist_plan_make(KM_EV_PERCPU_ALLOC, percpu_old, strlen(percpu_old), NULL, 128,
				      &plan));
	assert_int_equal(plan.nr, 1);
	assert_string_equal(plan.triggers[0].keys, "size");
	assert_null(plan.triggers[0].filter);
	km_hist_plan_deinit(&plan);
	error = km_hist_plan_make(KM_EV_KMALLOC, percpu_old, strlen(percpu_old), NULL, 128, &plan);
	assert_non_null(error);
	assert_string_equal(error->message, "the event's format has no field 'call_site'");
	km_error_free(error);
	km_hist_plan_deinit(&plan);
}

static struct km_hist_table read_table(const struct km_hist_plan *plan, const char *text,
				       size_t size)
{
	struct km_hist_table table = { 0 };

	assert_null(km_hist_table_add(&table, plan, text, size));
	return table;
}

struct sums {
	uint64_t hits, accounted_hits, bytes_alloc, rows;
};

static struct sums sum_of(const struct km_hist_table *table, enum km_hist_counts counts)
{
	struct sums sums = { 0 };

	for (size_t i = 0; i < table->nr; i++) {
		const struct km_hist_row *row = &table->rows[i];

		if (row->counts != counts)
			continue;
		sums.rows++;
		sums.hits += row->hits;
		sums.accounted_hits += row->is_accounted ? row->hits : 0;
		sums.bytes_alloc += row->hits * row->bytes_alloc;
	}
	return sums;
}

/* Reads a recorded text whole. */
static struct km_hist_table read_recorded(const char *kernel, const char *event)
{
	char name[64];
	struct km_hist_plan plan;
	struct km_hist_table table;
	size_t size;
	char *text;

	snprintf(name, sizeof(name), "%s-x86_64", kernel);
	plan = make_plan(name, event, NULL);
	snprintf(name, sizeof(name), "hist/%s/%s.txt", kernel, event);
	text = read_data(name, &size);
	table = read_table(&plan, text, size);
	free(text);
	km_hist_plan_deinit(&plan);
	assert_int_equal(table.bad_lines, 0);
	assert_int_equal(table.dropped, 0);
	return table;
}

/* The sums are awk's, of the files. */
static void test_recorded(void **state)
{
	struct km_hist_table table = read_recorded("6.1", "kmalloc");
	struct sums sums = sum_of(&table, KM_HIST_ALLOCS);

	assert_int_equal(sums.rows, 63);
	assert_int_equal(sums.hits, 874);
	assert_int_equal(sums.accounted_hits, 29);
	assert_true(table.rows[0].call_site >> 32 == 0xffffffff);
	km_hist_table_deinit(&table);

	table = read_recorded("6.12", "kmalloc");
	sums = sum_of(&table, KM_HIST_ALLOCS);
	assert_int_equal(sums.rows, 68);
	assert_int_equal(sums.hits, 901);
	assert_int_equal(sums.accounted_hits, 29);
	km_hist_table_deinit(&table);

	table = read_recorded("6.12", "kfree");
	assert_int_equal(sum_of(&table, KM_HIST_OTHERS).hits, 940);
	assert_int_equal(sum_of(&table, KM_HIST_NULLS).hits, 501);
	km_hist_table_deinit(&table);
}

static const char full[] =
	"# event histogram\n#\n"
	"# trigger info: hist:keys=call_site.hex,bytes_req,bytes_alloc:vals=hitcount:"
	"sort=hitcount:size=2048 if ptr != 0 && !(gfp_flags & 0x400000) [active]\n#\n\n"
	"{ call_site: ffffffff8139a4c2, bytes_req:         56, bytes_alloc:         64 } "
	"hitcount:          7\n"
	"{ call_site: ffffffffc0000010, bytes_req:       4096, bytes_alloc:       8192 } "
	"hitcount: 18446744073709551615\n"
	"\nTotals:\n    Hits: 7\n    Entries: 2\n    Dropped: 12\n";

static void test_full(void **state)
{
	struct km_hist_plan plan = make_plan("6.1-x86_64", "kmalloc", NULL);
	struct km_hist_table table = read_table(&plan, full, strlen(full));

	assert_int_equal(table.dropped, 12);
	assert_int_equal(table.nr, 2);
	assert_true(table.rows[0].call_site == 0xffffffff8139a4c2);
	assert_int_equal(table.rows[0].bytes_req, 56);
	assert_int_equal(table.rows[0].bytes_alloc, 64);
	assert_true(table.rows[1].hits == UINT64_MAX);
	km_hist_table_deinit(&table);
	km_hist_plan_deinit(&plan);
}

/* A text with one thing changed; how many lines are bad then. */
static uint64_t bad_lines_with(const char *old, const char *new)
{
	struct km_hist_plan plan = make_plan("6.1-x86_64", "kmalloc", NULL);
	const char *at = strstr(full, old);
	struct km_hist_table table;
	uint64_t bad_lines;
	char *text;

	assert_non_null(at);
	assert_true(asprintf(&text, "%.*s%s%s", (int)(at - full), full, new, at + strlen(old)) > 0);
	table = read_table(&plan, text, strlen(text));
	bad_lines = table.bad_lines;
	km_hist_table_deinit(&table);
	km_hist_plan_deinit(&plan);
	free(text);
	return bad_lines;
}

static void test_damage(void **state)
{
	assert_int_equal(bad_lines_with("Hits", "Hits"), 0);
	assert_int_equal(bad_lines_with("ffffffff8139a4c2", "ffffffff8139a4c2f"), 1);
	assert_int_equal(bad_lines_with("ffffffff8139a4c2", "-1"), 1);
	assert_int_equal(bad_lines_with("18446744073709551615", "18446744073709551616"), 1);
	assert_int_equal(bad_lines_with("bytes_req:         56, ", ""), 1);
	assert_int_equal(bad_lines_with("} hitcount:          7", "}"), 1);
	assert_int_equal(bad_lines_with("} hitcount:          7", "} hitcount:          7 x"), 1);
	assert_int_equal(bad_lines_with("Dropped: 12", "Dropped: "), 2);
	assert_int_equal(bad_lines_with("Dropped: 12", "Duplicates: 12"), 2);
	assert_int_equal(bad_lines_with("Totals:", "Sums:"), 1);
	/* of a trigger that is not ours no line is taken */
	assert_int_equal(bad_lines_with("ptr != 0", "ptr == 1"), 3);
	assert_int_equal(bad_lines_with(".hex", ""), 3);
	assert_int_equal(bad_lines_with("[active]", ""), 6);
	assert_int_equal(bad_lines_with("keys=", "keys=common_pid,"), 6);
}

/* Wherever it is cut, nothing is made up, and that the end is missing is told. */
static void test_cuts(void **state)
{
	struct km_hist_plan plan = make_plan("6.1-x86_64", "kmalloc", NULL);
	const char *head = strstr(full, "# trigger");
	char *copy;

	for (size_t size = 0; size < strlen(full) - 1; size++) {
		struct km_hist_table table;

		/* as long as it is, so that a sanitizer sees what is behind it being read */
		copy = malloc(size + 1);
		memcpy(copy, full, size);
		table = read_table(&plan, copy, size);
		for (size_t i = 0; i < table.nr; i++)
			assert_true(table.rows[i].bytes_alloc == (i ? 8192 : 64));
		if (full + size > head + 30 && size < strlen(full) - 3)
			assert_true(table.bad_lines > 0);
		km_hist_table_deinit(&table);
		free(copy);
	}
	km_hist_plan_deinit(&plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plans),    cmocka_unit_test(test_lean_formats),
		cmocka_unit_test(test_recorded), cmocka_unit_test(test_full),
		cmocka_unit_test(test_damage),   cmocka_unit_test(test_cuts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
