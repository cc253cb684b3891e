/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Comparisons of hand-made snapshots: matching, units, noise, findings, notes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kmemstat/diff.h"
#include "snapshots.h"

#define NR(array) (sizeof(array) / sizeof((array)[0]))

/* A call site of `symbol` of the kernel itself; key and key_symbol may be set anew. */
static struct km_snap_site make_site(const char *symbol, uint64_t hits, uint64_t waste)
{
	static char keys[256][64];
	static size_t nr;
	char *key = keys[nr++ % NR(keys)];

	snprintf(key, sizeof(keys[0]), "kmalloc - %s", symbol);
	return (struct km_snap_site){
		.key = key,
		.key_symbol = key,
		.layer = "slab",
		.event = "kmalloc",
		.symbol = symbol,
		.size_class = "kmalloc-64",
		.nr_callsites = 1,
		.hits = hits,
		.bytes_req = 64 * hits - waste,
		.bytes_alloc = 64 * hits,
		.bytes_waste = waste,
	};
}

static const char *all_events[] = { "kmem:kfree", "kmem:kmalloc" };

static struct km_snapshot make_trace(const char *path, struct km_snap_site *sites, size_t nr)
{
	struct km_snapshot trace = {
		.path = path,
		.generator_version = "1",
		.kernel_release = "6.1",
		.cpus = 2,
		.page_size = 4096,
		.duration_ns = 2000000000,
		.events = all_events,
		.nr_events = 2,
		.sites = sites,
		.nr_sites = nr,
		.events_used = 100,
	};

	for (size_t i = 0; i < nr; i++) {
		trace.hits += sites[i].hits;
		trace.bytes_req += sites[i].bytes_req;
		trace.bytes_alloc += sites[i].bytes_alloc;
		trace.bytes_waste += sites[i].bytes_waste;
	}
	return trace;
}

/* One trace a side. */
static struct km_diff *diff_two(const struct km_snapshot *base, const struct km_snapshot *new,
				const struct km_diff_options *options)
{
	/* the comparison borrows them */
	static const struct km_snapshot *of_base[1], *of_new[1];
	static const struct km_snapshot *const *const traces[] = { of_base, of_new };
	static const size_t nr_traces[] = { 1, 1 };
	struct km_diff *diff = NULL;

	of_base[0] = base;
	of_new[0] = new;
	ASSERT_OK(km_diff_create(traces, nr_traces, options, &diff));
	return diff;
}

static const struct km_diff_row *find_row(const struct km_diff *diff, const char *name)
{
	for (size_t i = 0; i < diff->nr_rows; i++)
		if (strcmp(diff->rows[i].name, name) == 0)
			return &diff->rows[i];
	fail_msg("no row '%s'", name);
	return NULL;
}

static bool has_note(const struct km_diff *diff, const char *kind)
{
	for (size_t i = 0; i < diff->nr_notes; i++)
		if (strcmp(diff->notes[i].kind, kind) == 0)
			return true;
	return false;
}

static void assert_near(double a, double b)
{
	if (fabs(a - b) > 1e-9)
		fail_msg("%.17g is not %.17g", a, b);
}

static const struct km_diff_options totals = { .has_unit = true, .unit = KM_DIFF_TOTAL };

static void counts_as_bloat_o_meter(void **state)
{
	struct km_snap_site old[] = { make_site("gone", 1, 40), make_site("grows", 2, 10),
				      make_site("same", 3, 7), make_site("shrinks", 4, 90) };
	struct km_snap_site new[] = { make_site("grows", 2, 30), make_site("new", 1, 60),
				      make_site("same", 3, 7), make_site("shrinks", 4, 85) };
	struct km_snapshot a = make_trace("a", old, 4), b = make_trace("b", new, 4);
	struct km_diff *diff = diff_two(&a, &b, &totals);

	(void)state;
	assert_int_equal(diff->nr_of_state[KM_DIFF_ADDED], 1);
	assert_int_equal(diff->nr_of_state[KM_DIFF_REMOVED], 1);
	assert_int_equal(diff->nr_of_state[KM_DIFF_GROWN], 1);
	assert_int_equal(diff->nr_of_state[KM_DIFF_SHRUNK], 1);
	assert_int_equal(diff->nr_of_state[KM_DIFF_SAME], 1);
	assert_int_equal(diff->nr_noise, 0);
	assert_near(diff->up, 80);
	assert_near(diff->down, -45);
	assert_near(diff->total[KM_DIFF_BASE].mean, 147);
	assert_near(diff->total[KM_DIFF_NEW].mean, 182);
	assert_string_equal(diff->rows[0].name, "new");
	assert_string_equal(diff->rows[1].name, "gone");
	assert_string_equal(diff->rows[4].name, "same");
	assert_int_equal(diff->nr_notes, 0);
	km_diff_destroy(diff);
}

static void units_divide(void **state)
{
	struct km_snap_site old[] = { make_site("ref", 10, 100), make_site("x", 5, 50) };
	struct km_snap_site new[] = { make_site("ref", 20, 200), make_site("x", 20, 300) };
	struct km_snapshot a = make_trace("a", old, 2), b = make_trace("b", new, 2);
	struct km_diff_options options = { 0 };
	const struct km_diff_row *row;
	struct km_diff *diff;

	(void)state;
	b.duration_ns = 4000000000;
	diff = diff_two(&a, &b, &options);
	assert_int_equal(diff->options.unit, KM_DIFF_SECOND);
	row = find_row(diff, "x");
	assert_near(row->side[KM_DIFF_BASE].mean, 25);
	assert_near(row->side[KM_DIFF_NEW].mean, 75);
	assert_int_equal(find_row(diff, "ref")->state, KM_DIFF_SAME);
	assert_near(diff->noise_percent, 5);
	km_diff_destroy(diff);

	options = (struct km_diff_options){ .has_unit = true, .unit = KM_DIFF_HIT };
	diff = diff_two(&a, &b, &options);
	row = find_row(diff, "x");
	assert_near(row->side[KM_DIFF_BASE].mean, 10);
	assert_near(row->side[KM_DIFF_NEW].mean, 15);
	assert_near(diff->total[KM_DIFF_NEW].mean, 12.5);
	assert_near(diff->noise_percent, 0);
	km_diff_destroy(diff);

	options = (struct km_diff_options){
		.has_unit = true, .unit = KM_DIFF_PER, .per = { 5, 4 }, .by = KM_DIFF_HITS
	};
	diff = diff_two(&a, &b, &options);
	row = find_row(diff, "x");
	assert_near(row->side[KM_DIFF_BASE].mean, 1);
	assert_near(row->side[KM_DIFF_NEW].mean, 5);
	km_diff_destroy(diff);

	options = (struct km_diff_options){ .has_unit = true,
					    .unit = KM_DIFF_CALLSITE,
					    .callsite = "re[f]" };
	diff = diff_two(&a, &b, &options);
	row = find_row(diff, "x");
	assert_near(row->side[KM_DIFF_BASE].mean, 5);
	assert_near(row->side[KM_DIFF_NEW].mean, 15);
	km_diff_destroy(diff);

	/* without seconds totals are compared, and it is told */
	a.duration_ns = 0;
	options = (struct km_diff_options){ 0 };
	diff = diff_two(&a, &b, &options);
	assert_int_equal(diff->options.unit, KM_DIFF_TOTAL);
	assert_true(has_note(diff, "duration"));
	km_diff_destroy(diff);
}

static void impossible_units_are_refused(void **state)
{
	struct km_snap_site sites[] = { make_site("x", 5, 50) };
	struct km_snapshot a = make_trace("a", sites, 1), b = a;
	const struct km_snapshot *of_base[] = { &a }, *of_new[] = { &b };
	const struct km_snapshot *const *const traces[] = { of_base, of_new };
	static const struct {
		struct km_diff_options options;
		const char *told;
	} cases[] = {
		{ { .by = KM_DIFF_LIVE, .has_unit = true, .unit = KM_DIFF_SECOND }, "a second" },
		{ { .by = KM_DIFF_LIVE }, "what is live at its end is not known" },
		{ { .by = KM_DIFF_HITS, .has_unit = true, .unit = KM_DIFF_HIT }, "always 1" },
		{ { .has_unit = true, .unit = KM_DIFF_SECOND }, "how many seconds" },
		{ { .has_unit = true, .unit = KM_DIFF_CALLSITE, .callsite = "y" },
		  "no allocation of a function 'y'" },
	};

	(void)state;
	b.duration_ns = 0;
	for (size_t i = 0; i < NR(cases); i++) {
		struct km_diff *diff;
		struct km_error *error =
			km_diff_create(traces, (const size_t[]){ 1, 1 }, &cases[i].options, &diff);

		assert_non_null(error);
		assert_int_equal(error->kind, KM_ERR_USAGE);
		assert_non_null(strstr(error->message, cases[i].told));
		assert_non_null(error->remedy);
		km_error_free(error);
	}
}

static void spread_tells_noise(void **state)
{
	struct km_snap_site sites[6][3];
	struct km_snapshot made[6];
	const struct km_snapshot *base[3], *new[3];
	const struct km_snapshot *const *const traces[] = { base, new };
	static const uint64_t apart[] = { 100, 110, 120, 121, 130, 140 };
	static const uint64_t overlap[] = { 100, 110, 150, 149, 160, 170 };
	struct km_diff *diff = NULL;
	const struct km_diff_row *row;

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		size_t nr = 0;

		sites[i][nr++] = make_site("apart", 10, apart[i]);
		sites[i][nr++] = make_site("overlap", 10, overlap[i]);
		if (i == 4)
			sites[i][nr++] = make_site("sometimes", 10, 5);
		made[i] = make_trace("t", sites[i], nr);
		(i < 3 ? base : new)[i % 3] = &made[i];
	}
	ASSERT_OK(km_diff_create(traces, (const size_t[]){ 3, 3 }, &totals, &diff));
	row = find_row(diff, "apart");
	assert_int_equal(row->state, KM_DIFF_GROWN);
	assert_false(row->is_noise);
	assert_near(row->side[KM_DIFF_BASE].mean, 110);
	assert_near(row->side[KM_DIFF_BASE].sd, 10);
	assert_near(row->side[KM_DIFF_BASE].min, 100);
	assert_near(row->side[KM_DIFF_BASE].max, 120);
	assert_near(row->delta, 391.0 / 3 - 110);
	assert_true(find_row(diff, "overlap")->is_noise);
	row = find_row(diff, "sometimes");
	assert_true(row->is_noise);
	assert_int_equal(row->state, KM_DIFF_ADDED);
	assert_int_equal(row->side[KM_DIFF_NEW].nr_with, 1);
	assert_int_equal(diff->nr_noise, 2);
	assert_int_equal(diff->nr_of_state[KM_DIFF_ADDED], 0);
	/* 2 * 3! * 3! / 6! */
	assert_near(diff->chance_percent, 10);
	assert_true(has_note(diff, "chance"));
	assert_near(diff->up + diff->down + diff->noise_net,
		    diff->total[KM_DIFF_NEW].mean - diff->total[KM_DIFF_BASE].mean);
	km_diff_destroy(diff);
}

static void noise_percent_is_a_limit(void **state)
{
	struct km_snap_site old[] = { make_site("x", 5, 100), make_site("y", 5, 100) };
	struct km_snap_site new[] = { make_site("x", 5, 104), make_site("y", 5, 90) };
	struct km_snapshot a = make_trace("a", old, 2), b = make_trace("b", new, 2);
	struct km_diff_options options = totals;
	struct km_diff *diff;

	(void)state;
	options.has_noise = true;
	options.noise_percent = 10;
	diff = diff_two(&a, &b, &options);
	assert_true(find_row(diff, "x")->is_noise);
	/* just as much as the limit is none */
	assert_false(find_row(diff, "y")->is_noise);
	km_diff_destroy(diff);
}

static void source_on_one_side_folds(void **state)
{
	struct km_snap_site old[] = { make_site("outer", 1, 10), make_site("outer", 2, 20),
				      make_site("outer", 4, 40) };
	struct km_snap_site new[] = { make_site("outer", 7, 75) };
	struct km_snapshot a, b;
	const struct km_diff_row *row;
	struct km_diff *diff;

	(void)state;
	old[1].key = "kmalloc - outer<a";
	old[2].key = "kmalloc - outer<b<a";
	for (size_t i = 0; i < 3; i++)
		old[i].has_source = true;
	a = make_trace("a", old, 3);
	b = make_trace("b", new, 1);
	diff = diff_two(&a, &b, &totals);
	assert_int_equal(diff->nr_rows, 1);
	row = find_row(diff, "outer");
	assert_true(row->is_folded);
	assert_near(row->side[KM_DIFF_BASE].mean, 70);
	assert_near(row->delta, 5);
	assert_true(has_note(diff, "source"));
	km_diff_destroy(diff);

	diff = diff_two(&a, &a, &totals);
	assert_int_equal(diff->nr_rows, 3);
	assert_false(find_row(diff, "b in a in outer")->is_folded);
	km_diff_destroy(diff);
}

static void what_is_inlined_elsewhere_is_found(void **state)
{
	struct km_snap_site old[] = { make_site("outer", 1, 10), make_site("user", 1, 3) };
	struct km_snap_site new[] = { make_site("inner", 1, 15), make_site("other", 1, 3) };
	struct km_snapshot a, b;
	const struct km_diff_row *row;
	struct km_diff *diff;

	(void)state;
	old[0].key = "kmalloc - outer<inner";
	old[0].file = new[0].file = "net/mesh.c";
	/* an inline function of a header: its users differ */
	old[1].key = "kmalloc - user<alloc_it";
	new[1].key = "kmalloc - other<alloc_it";
	old[1].file = new[1].file = "include/linux/it.h";
	for (size_t i = 0; i < 2; i++)
		old[i].has_source = new[i].has_source = true;
	a = make_trace("a", old, 2);
	b = make_trace("b", new, 2);
	diff = diff_two(&a, &b, &totals);
	assert_int_equal(diff->nr_rows, 3);
	row = find_row(diff, "inner");
	assert_int_equal(row->state, KM_DIFF_GROWN);
	assert_string_equal(row->side[KM_DIFF_BASE].name, "inner in outer");
	assert_int_equal(find_row(diff, "alloc_it in user")->state, KM_DIFF_REMOVED);
	assert_int_equal(find_row(diff, "alloc_it in other")->state, KM_DIFF_ADDED);
	assert_true(has_note(diff, "moved"));
	km_diff_destroy(diff);

	/* of two candidates none is chosen */
	new[1].key = "kmalloc - other<inner";
	new[1].file = "net/mesh.c";
	diff = diff_two(&a, &b, &totals);
	assert_int_equal(diff->nr_rows, 4);
	km_diff_destroy(diff);
}

static void addresses_are_one_row(void **state)
{
	struct km_snap_site old[] = { make_site("0xffff1", 1, 10), make_site("0xffff2", 1, 20) };
	struct km_snap_site new[] = { make_site("0xffff7", 1, 40) };
	struct km_snapshot a, b;
	struct km_diff *diff;

	(void)state;
	old[0].symbol = old[1].symbol = new[0].symbol = NULL;
	a = make_trace("a", old, 2);
	b = make_trace("b", new, 1);
	diff = diff_two(&a, &b, &totals);
	assert_int_equal(diff->nr_rows, 1);
	assert_near(find_row(diff, "(no symbol)")->delta, 10);
	assert_true(has_note(diff, "symbols"));
	km_diff_destroy(diff);
}

static void families_are_told_apart(void **state)
{
	struct km_snap_site old[] = { make_site("f", 1, 10), make_site("f", 2, 20) };
	struct km_snapshot a;
	struct km_diff *diff;

	(void)state;
	old[1].event = "kmem_cache_alloc";
	old[1].key = old[1].key_symbol = "kmem_cache_alloc - f";
	a = make_trace("a", old, 2);
	diff = diff_two(&a, &a, &totals);
	find_row(diff, "f (kmalloc)");
	find_row(diff, "f (kmem_cache_alloc)");
	km_diff_destroy(diff);
}

static struct km_snap_finding make_finding(const char *fingerprint, const char *by_symbol,
					   const char *file)
{
	return (struct km_snap_finding){ .rule = "waste",
					 .fingerprint = fingerprint,
					 .fingerprint_symbol = by_symbol,
					 .key = "kmalloc - f",
					 .message = "m",
					 .advice = "a",
					 .file = file };
}

static void findings_come_and_go(void **state)
{
	struct km_snap_site sites[] = { make_site("f", 1, 10) };
	struct km_snap_finding old[] = { make_finding("1", "s1", "x.c"),
					 make_finding("2", "s2", NULL),
					 make_finding("3", "s3", "x.c"),
					 make_finding("4", "s4", "x.c") };
	struct km_snap_finding new[] = { make_finding("1", "s1", "x.c"),
					 make_finding("22", "s2", "x.c"),
					 make_finding("33", "s3", "x.c"),
					 make_finding("5", "s5", "x.c"),
					 make_finding("6", NULL, NULL) };
	struct km_snapshot a = make_trace("a", sites, 1), b = a;
	struct km_diff *diff;

	(void)state;
	new[3].suppressed = "known";
	a.findings = old;
	a.nr_findings = NR(old);
	b.findings = new;
	b.nr_findings = NR(new);
	diff = diff_two(&a, &b, &totals);
	/* 2 and 22: source lines tell them apart, one has none; 3 and 33 are different */
	assert_int_equal(diff->nr_new_findings, 2);
	assert_int_equal(diff->nr_findings, 4);
	assert_string_equal(diff->findings[0].finding->fingerprint, "33");
	assert_string_equal(diff->findings[1].finding->fingerprint, "6");
	assert_string_equal(diff->findings[2].finding->fingerprint, "3");
	assert_string_equal(diff->findings[3].finding->fingerprint, "4");
	assert_int_equal(diff->findings[3].side, KM_DIFF_BASE);
	km_diff_destroy(diff);
}

/* A report by hand may have such a call site; of a trace it has one hit at least. */
static void without_an_allocation_nothing_is_new(void **state)
{
	struct km_snap_site site = make_site("idle", 0, 0);
	const struct km_snapshot base = make_trace("base", &site, 1);
	struct km_diff *diff = diff_two(&base, &base, &totals);

	(void)state;
	assert_int_equal(diff->nr_rows, 1);
	assert_int_equal(diff->rows[0].state, KM_DIFF_SAME);
	km_diff_destroy(diff);
}

static void what_differs_is_noted(void **state)
{
	static const char *events[] = { "kmem:kmalloc_node", "kmem:mm_page_alloc" };
	struct km_snap_site sites[] = { make_site("f", 1, 10) };
	struct km_snapshot a = make_trace("a", sites, 1), b = a;
	struct km_diff *diff;

	(void)state;
	b.path = "b";
	b.kernel_release = "6.12";
	b.generator_version = "2";
	b.cpus = 4;
	b.page_size = 65536;
	b.is_incomplete = b.is_filtered = true;
	b.events_lost = 7;
	b.events = events;
	b.duration_ns *= 2;
	b.events_used *= 5;
	diff = diff_two(&a, &b, &totals);
	assert_true(has_note(diff, "kernel"));
	assert_true(has_note(diff, "version"));
	assert_true(has_note(diff, "cpus"));
	assert_true(has_note(diff, "page_size"));
	assert_true(has_note(diff, "incomplete"));
	assert_true(has_note(diff, "filtered"));
	assert_true(has_note(diff, "events"));
	assert_true(has_note(diff, "duration"));
	assert_true(has_note(diff, "size"));
	for (size_t i = 0; i < diff->nr_notes; i++) {
		const struct km_diff_note *note = &diff->notes[i];

		/* warnings come first */
		assert_true(i == 0 || note[-1].is_warning >= note->is_warning);
		/* kmalloc_node is kmalloc; frees and pages are no call sites that are compared */
		if (strcmp(note->kind, "events") == 0) {
			assert_null(strstr(note->text, "kmalloc"));
			assert_false(note->is_warning);
		}
	}
	km_diff_destroy(diff);

	/* what is not known differs from nothing */
	b.page_size = b.cpus = 0;
	b.kernel_release = NULL;
	diff = diff_two(&a, &b, &totals);
	assert_false(has_note(diff, "page_size") || has_note(diff, "cpus") ||
		     has_note(diff, "kernel"));
	km_diff_destroy(diff);

	/* allocations that one trace alone has events of */
	b.events = &events[1];
	b.nr_events = 1;
	diff = diff_two(&a, &b, &totals);
	for (size_t i = 0; i < diff->nr_notes; i++)
		if (strcmp(diff->notes[i].kind, "events") == 0 && diff->notes[i].is_warning)
			assert_non_null(strstr(diff->notes[i].text, "b has no events"));
	assert_true(diff->notes[0].is_warning);
	km_diff_destroy(diff);
}

static void nothing_is_the_same_as_nothing(void **state)
{
	struct km_snapshot a = make_trace("a", NULL, 0);
	struct km_diff *diff = diff_two(&a, &a, &totals);

	(void)state;
	assert_int_equal(diff->nr_rows, 0);
	assert_int_equal(diff->nr_findings, 0);
	assert_near(diff->total[KM_DIFF_NEW].mean, 0);
	km_diff_destroy(diff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_as_bloat_o_meter),
		cmocka_unit_test(units_divide),
		cmocka_unit_test(impossible_units_are_refused),
		cmocka_unit_test(spread_tells_noise),
		cmocka_unit_test(noise_percent_is_a_limit),
		cmocka_unit_test(source_on_one_side_folds),
		cmocka_unit_test(what_is_inlined_elsewhere_is_found),
		cmocka_unit_test(addresses_are_one_row),
		cmocka_unit_test(families_are_told_apart),
		cmocka_unit_test(findings_come_and_go),
		cmocka_unit_test(without_an_allocation_nothing_is_new),
		cmocka_unit_test(what_differs_is_noted),
		cmocka_unit_test(nothing_is_the_same_as_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
