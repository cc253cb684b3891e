/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gates: limits, rules, budgets, growth, and what cannot be decided. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kmemstat/gate.h"

#define NR(array) (sizeof(array) / sizeof((array)[0]))

/* ---- what options and budgets say ---- */

static void parses_limits(void **state)
{
	static const struct {
		const char *text;
		enum km_limit_kind kind;
		bool is_good, is_percent;
		double value;
	} cases[] = {
		{ "0", KM_LIMIT_BYTES, true, false, 0 },
		{ "4096", KM_LIMIT_BYTES, true, false, 4096 },
		{ "16k", KM_LIMIT_BYTES, true, false, 16384 },
		{ "1.5M", KM_LIMIT_BYTES, true, false, 1572864 },
		{ "2G", KM_LIMIT_BYTES, true, false, 2147483648.0 },
		{ "0%", KM_LIMIT_BYTES, true, true, 0 },
		{ "7.25%", KM_LIMIT_BYTES, true, true, 7.25 },
		{ "250%", KM_LIMIT_COUNT, true, true, 250 },
		{ "1000", KM_LIMIT_COUNT, true, false, 1000 },
		{ "16k", KM_LIMIT_COUNT, false, false, 0 },
		{ "1.5", KM_LIMIT_BYTES, false, false, 0 },
		{ "1.5", KM_LIMIT_COUNT, false, false, 0 },
		{ "", KM_LIMIT_BYTES, false, false, 0 },
		{ "%", KM_LIMIT_BYTES, false, false, 0 },
		{ "k", KM_LIMIT_BYTES, false, false, 0 },
		{ "-1", KM_LIMIT_BYTES, false, false, 0 },
		{ "+1", KM_LIMIT_BYTES, false, false, 0 },
		{ " 1", KM_LIMIT_BYTES, false, false, 0 },
		{ "1 k", KM_LIMIT_BYTES, false, false, 0 },
		{ "1kk", KM_LIMIT_BYTES, false, false, 0 },
		{ "1%k", KM_LIMIT_BYTES, false, false, 0 },
		{ "1e3", KM_LIMIT_BYTES, false, false, 0 },
		{ "0x10", KM_LIMIT_BYTES, false, false, 0 },
		{ "inf", KM_LIMIT_BYTES, false, false, 0 },
		{ "nan%", KM_LIMIT_BYTES, false, false, 0 },
		{ "1..5M", KM_LIMIT_BYTES, false, false, 0 },
		{ "9999999999999999999", KM_LIMIT_BYTES, false, false, 0 },
		{ "99999999T", KM_LIMIT_BYTES, false, false, 0 },
		{ "1111111111111111111111111111111%", KM_LIMIT_BYTES, false, false, 0 },
	};

	for (size_t i = 0; i < NR(cases); i++) {
		struct km_limit limit = { 0 };

		if (km_limit_parse(cases[i].text, cases[i].kind, &limit) != cases[i].is_good)
			fail_msg("'%s'", cases[i].text);
		if (!cases[i].is_good) {
			assert_null(limit.text);
			continue;
		}
		assert_int_equal(limit.is_percent, cases[i].is_percent);
		assert_true((limit.is_percent ? limit.percent : (double)limit.number) ==
			    cases[i].value);
	}
}

static void limits_are_exceeded_above(void **state)
{
	static const struct {
		const char *limit;
		double value, whole;
		bool is_exceeded;
	} cases[] = {
		{ "100", 100, 1000, false },
		{ "100", 101, 1000, true },
		{ "0", 0, 0, false },
		{ "0", 1, 0, true },
		{ "10%", 100, 1000, false },
		{ "10%", 101, 1000, true },
		{ "0%", 0, 1000, false },
		{ "0%", 1, 1000, true },
		/* of nothing every share is nothing */
		{ "50%", 0, 0, false },
		{ "50%", 1, 0, true },
		{ "200%", 1999, 1000, false },
	};
	const struct km_limit none = { 0 };

	for (size_t i = 0; i < NR(cases); i++) {
		struct km_limit limit;

		assert_true(km_limit_parse(cases[i].limit, KM_LIMIT_BYTES, &limit));
		if (km_limit_is_exceeded(&limit, cases[i].value, cases[i].whole) !=
		    cases[i].is_exceeded)
			fail_msg("%f of %f, %s", cases[i].value, cases[i].whole, cases[i].limit);
	}
	assert_false(km_limit_is_exceeded(&none, 1e30, 0));
}

static void parses_fail_on(void **state)
{
	static const char *const bad[] = { "",     "wsate",        "waste:",    "waste:fatal",
					   ":low", "any:high:low", "new,any",   "just-over ",
					   "an",   "anyx",         "waste:low " };
	struct km_fail_on fail_on;

	assert_null(km_fail_on_parse("any", &fail_on));
	assert_true(!fail_on.rule && !fail_on.is_new && fail_on.severity == KM_FIND_LOW);
	assert_null(km_fail_on_parse("new:high", &fail_on));
	assert_true(!fail_on.rule && fail_on.is_new && fail_on.severity == KM_FIND_HIGH);
	assert_null(km_fail_on_parse("just-over:medium", &fail_on));
	assert_string_equal(fail_on.rule, "just-over");
	assert_true(!fail_on.is_new && fail_on.severity == KM_FIND_MEDIUM);
	for (size_t i = 0; i < NR(bad); i++) {
		struct km_error *error = km_fail_on_parse(bad[i], &fail_on);

		if (!error)
			fail_msg("'%s'", bad[i]);
		assert_int_equal(error->kind, KM_ERR_USAGE);
		assert_non_null(error->remedy);
		km_error_free(error);
	}
}

static struct km_error *parse_budget(struct km_budget *ret, const char *text)
{
	return km_budget_parse(ret, "budget", strdup(text), strlen(text));
}

static void refuses_budgets(void **state)
{
	static const struct {
		const char *text, *place, *message;
	} cases[] = {
		{ "module: m\n", "budget:1", "without limit" },
		{ "\n\nwaste: 1k\n", "budget:3", "do not say of what" },
		{ "module: m\nwaste: lots\n", "budget:2", "waste: 'lots' is no number of bytes" },
		{ "module: m\nhits: 10k\n", "budget:2", "hits: '10k' is no number" },
		{ "module: m\nhits: 10%\n", "budget:2", "hits: '10%' is no number" },
		{ "module: m\nlive: 10%\n", "budget:2", "live: '10%' is no number of bytes" },
		{ "module: m\nrule: waste\n", "budget:2", "unknown key 'rule'" },
		{ "{\n", "budget:1", "'{' is no \"key: value\"" },
	};

	for (size_t i = 0; i < NR(cases); i++) {
		struct km_budget budget = { 0 };
		struct km_error *error = parse_budget(&budget, cases[i].text);

		assert_non_null(error);
		assert_int_equal(error->kind, KM_ERR_INPUT);
		assert_string_equal(error->path, cases[i].place);
		if (!strstr(error->message, cases[i].message))
			fail_msg("%s: %s", cases[i].text, error->message);
		km_error_free(error);
		km_budget_deinit(&budget);
	}
}

/* ---- verdicts ---- */

static const char *events[] = { "kmem:kfree", "kmem:kmalloc" };

/* Two call sites: 10 and 90 allocations, 64 bytes each, 8 and 4 wasted. */
struct trace {
	struct km_snap_site sites[3];
	struct km_snap_finding findings[3];
	struct km_snapshot snapshot;
};

static void add_up(struct trace *t)
{
	t->snapshot.hits = t->snapshot.bytes_alloc = t->snapshot.bytes_waste = 0;
	for (size_t i = 0; i < t->snapshot.nr_sites; i++) {
		struct km_snap_site *site = &t->sites[i];

		site->bytes_alloc = 64 * site->hits;
		site->bytes_req = site->bytes_alloc - site->bytes_waste;
		t->snapshot.hits += site->hits;
		t->snapshot.bytes_alloc += site->bytes_alloc;
		t->snapshot.bytes_waste += site->bytes_waste;
	}
	t->snapshot.bytes_req = t->snapshot.bytes_alloc - t->snapshot.bytes_waste;
}

static void make_trace(struct trace *t, const char *path)
{
	*t = (struct trace){ 0 };
	t->sites[0] = (struct km_snap_site){
		.key = "kmalloc - alpha",
		.key_symbol = "kmalloc - alpha",
		.layer = "slab",
		.event = "kmalloc",
		.symbol = "alpha",
		.size_class = "kmalloc-64",
		.nr_callsites = 1,
		.hits = 10,
		.bytes_waste = 80,
		.has_life = true,
		.live_count = 10,
		.live_bytes = 640,
	};
	t->sites[1] = (struct km_snap_site){
		.key = "kmalloc mod beta<gamma",
		.key_symbol = "kmalloc mod beta",
		.layer = "slab",
		.event = "kmalloc",
		.symbol = "beta",
		.module = "mod",
		.file = "drivers/mod/gamma.c",
		.line = 7,
		.size_class = "kmalloc-64",
		.has_source = true,
		.nr_callsites = 1,
		.hits = 90,
		.bytes_waste = 360,
		.has_life = true,
	};
	t->findings[0] = (struct km_snap_finding){
		.rule = "just-over",
		.severity = KM_FIND_HIGH,
		.fingerprint = "00000000000000aa",
		.fingerprint_symbol = "00000000000000ab",
		.key = "kmalloc mod beta<gamma",
		.message = "just",
		.advice = "do",
		.file = "drivers/mod/gamma.c",
		.line = 7,
		.hits = 90,
		.bytes_waste = 360,
	};
	t->findings[1] = (struct km_snap_finding){
		.rule = "short-lived",
		.severity = KM_FIND_LOW,
		.fingerprint = "00000000000000ba",
		.fingerprint_symbol = "00000000000000bb",
		.key = "kmalloc - alpha",
		.message = "short",
		.advice = "do",
		.hits = 1,
	};
	t->snapshot = (struct km_snapshot){
		.path = path,
		.generator_version = "1",
		.kernel_release = "6.1.0",
		.cpus = 2,
		.page_size = 4096,
		.duration_ns = 10000000000,
		.events = events,
		.nr_events = NR(events),
		.events_total = 200,
		.events_used = 200,
		.has_source = true,
		.sites = t->sites,
		.nr_sites = 2,
		.findings = t->findings,
		.nr_findings = 2,
	};
	add_up(t);
}

struct fixture {
	struct trace now, base, other;
	const struct km_snapshot *bases[2];
	size_t nr_bases;
	struct km_gate_options options;
	struct km_fail_on fail_on[4];
	struct km_gates *gates;
};

static void set_up(struct fixture *f, size_t nr_bases)
{
	*f = (struct fixture){ .nr_bases = nr_bases };
	make_trace(&f->now, "now");
	make_trace(&f->base, "base");
	make_trace(&f->other, "other");
	f->bases[0] = &f->base.snapshot;
	f->bases[1] = &f->other.snapshot;
	f->options.fail_on = f->fail_on;
}

static void fail_on(struct fixture *f, const char *text)
{
	assert_null(km_fail_on_parse(text, &f->fail_on[f->options.nr_fail_on++]));
}

static void limit(struct km_limit *ret, const char *text)
{
	assert_true(km_limit_parse(text, KM_LIMIT_BYTES, ret));
}

static const struct km_gates *judge(struct fixture *f)
{
	km_gates_destroy(f->gates);
	f->gates = NULL;
	add_up(&f->now);
	add_up(&f->base);
	add_up(&f->other);
	assert_null(
		km_gates_judge(&f->now.snapshot, f->bases, f->nr_bases, &f->options, &f->gates));
	return f->gates;
}

static void assert_line(const struct km_gate_line *line, const char *place, const char *text,
			const char *gates)
{
	assert_string_equal(line->place, place);
	assert_string_equal(line->text, text);
	assert_string_equal(line->gates, gates);
}

static void without_gates_nothing_trips(void **state)
{
	struct fixture f;

	set_up(&f, 1);
	judge(&f);
	assert_int_equal(f.gates->nr_gates, 0);
	assert_int_equal(f.gates->nr_tripped, 0);
	assert_int_equal(f.gates->nr_trips, 0);
	assert_int_equal(f.gates->nr_notes, 0);
	assert_int_equal(f.gates->nr_findings, 2);
	km_gates_destroy(f.gates);
}

static void findings_trip(void **state)
{
	struct fixture f;

	set_up(&f, 0);
	fail_on(&f, "any:medium");
	fail_on(&f, "just-over");
	fail_on(&f, "waste");
	judge(&f);
	assert_int_equal(f.gates->nr_gates, 3);
	assert_int_equal(f.gates->nr_tripped, 2);
	/* one line for a finding, whatever it trips */
	assert_int_equal(f.gates->nr_trips, 1);
	assert_line(&f.gates->trips[0], "drivers/mod/gamma.c:7",
		    "high just-over: just; 360 B wasted in 90 hits, in gamma in beta [mod]",
		    "--fail-on any:medium, --fail-on just-over");
	/* without source the function is the place; what is not about waste tells none */
	f.options.nr_fail_on = 0;
	fail_on(&f, "short-lived");
	judge(&f);
	assert_int_equal(f.gates->nr_trips, 1);
	assert_line(&f.gates->trips[0], "alpha", "low short-lived: short; 1 hit",
		    "--fail-on short-lived");
	f.now.findings[1].suppressed = "why not";
	judge(&f);
	assert_int_equal(f.gates->nr_tripped, 0);
	assert_int_equal(f.gates->nr_suppressed, 1);
	assert_int_equal(f.gates->nr_findings, 1);
	km_gates_destroy(f.gates);
}

static void new_findings_trip(void **state)
{
	struct km_error *error;
	struct fixture f;

	set_up(&f, 1);
	fail_on(&f, "new");
	judge(&f);
	assert_int_equal(f.gates->nr_tripped, 0);
	f.base.snapshot.nr_findings = 1;
	judge(&f);
	assert_int_equal(f.gates->nr_tripped, 1);
	assert_int_equal(f.gates->nr_trips, 1);
	assert_int_equal(f.gates->nr_new, 1);
	assert_int_equal(f.gates->nr_gone, 0);
	assert_string_equal(f.gates->trips[0].place, "alpha");
	/* one that a second baseline has is not new */
	f.nr_bases = 2;
	judge(&f);
	assert_int_equal(f.gates->nr_tripped, 0);
	/* nor one that is suppressed there */
	f.other.findings[1].suppressed = "why not";
	judge(&f);
	assert_int_equal(f.gates->nr_tripped, 0);
	f.nr_bases = 1;
	f.options.nr_fail_on = 0;
	fail_on(&f, "new:medium");
	judge(&f);
	assert_int_equal(f.gates->nr_tripped, 0);
	km_gates_destroy(f.gates);
	error = km_gate_options_check(&f.options, 0);
	assert_non_null(error);
	assert_int_equal(error->kind, KM_ERR_USAGE);
	assert_string_equal(error->message, "--fail-on new needs a baseline");
	km_error_free(error);
}

static void waste_trips(void **state)
{
	static const struct {
		const char *limit;
		bool trips;
	} cases[] = { { "440", false }, { "439", true }, { "6.875%", false }, { "6.87%", true } };
	struct fixture f;

	/* 440 of 6400 bytes */
	set_up(&f, 0);
	for (size_t i = 0; i < NR(cases); i++) {
		limit(&f.options.max_waste, cases[i].limit);
		judge(&f);
		assert_int_equal(f.gates->nr_gates, 1);
		assert_int_equal(f.gates->nr_tripped, cases[i].trips);
	}
	assert_line(&f.gates->trips[0], "all call sites",
		    "440 B of 6.2 KiB wasted (6.9%), over 6.87%; most at drivers/mod/gamma.c:7 in "
		    "beta, 360 B",
		    "--max-waste 6.87%");
	/* a trace without allocations wastes nothing */
	f.now.snapshot.nr_sites = 0;
	limit(&f.options.max_waste, "0%");
	judge(&f);
	assert_int_equal(f.gates->nr_tripped, 0);
	km_gates_destroy(f.gates);
}

static void waste_growth_trips(void **state)
{
	struct fixture f;

	set_up(&f, 1);
	limit(&f.options.max_waste_growth, "0");
	judge(&f);
	assert_int_equal(f.gates->nr_gates, 1);
	assert_int_equal(f.gates->nr_tripped, 0);
	/* a longer trace, or a busier one, wastes more, and has not grown */
	f.now.sites[1].hits = 900;
	f.now.sites[1].bytes_waste = 3600;
	judge(&f);
	assert_int_equal(f.gates->nr_tripped, 0);
	/* 5 bytes an allocation instead of 4 */
	f.now.sites[1].bytes_waste = 4500;
	judge(&f);
	assert_int_equal(f.gates->nr_tripped, 1);
	assert_int_equal(f.gates->nr_trips, 2);
	assert_line(&f.gates->trips[0], "drivers/mod/gamma.c:7",
		    "wastes 900 B more, over 0: 4.4 KiB instead of 3.5 KiB in 900 hits, in gamma "
		    "in beta [mod]; just",
		    "--max-waste-growth 0");
	assert_line(&f.gates->trips[1], "all call sites",
		    "900 B wasted more than the baseline's 3.6 KiB, over 0; most in gamma in beta "
		    "[mod], 900 B",
		    "--max-waste-growth 0");
	limit(&f.options.max_waste_growth, "900");
	assert_int_equal(judge(&f)->nr_tripped, 0);
	limit(&f.options.max_waste_growth, "899");
	assert_int_equal(judge(&f)->nr_trips, 2);
	/* of the 3600 + 80 that the baseline would waste */
	limit(&f.options.max_waste_growth, "24.5%");
	assert_int_equal(judge(&f)->nr_tripped, 0);
	limit(&f.options.max_waste_growth, "24.4%");
	assert_int_equal(judge(&f)->nr_tripped, 1);
	/* what another call site saves counts for the sum, not for this one */
	f.now.sites[0].bytes_waste = 0;
	limit(&f.options.max_waste_growth, "850");
	judge(&f);
	assert_int_equal(f.gates->nr_trips, 1);
	assert_string_equal(f.gates->trips[0].place, "drivers/mod/gamma.c:7");
	km_gates_destroy(f.gates);
}

static void new_call_sites_are_growth(void **state)
{
	struct fixture f;

	set_up(&f, 1);
	f.now.sites[2] = f.now.sites[0];
	f.now.sites[2].key = f.now.sites[2].key_symbol = "kmalloc - delta";
	f.now.sites[2].symbol = "delta";
	f.now.snapshot.nr_sites = 3;
	limit(&f.options.max_waste_growth, "79");
	judge(&f);
	assert_int_equal(f.gates->nr_added, 1);
	assert_int_equal(f.gates->nr_removed, 0);
	assert_string_equal(f.gates->added[0]->name, "delta");
	assert_int_equal(f.gates->nr_trips, 2);
	assert_line(&f.gates->trips[0], "delta", "a new call site: 80 B wasted in 10 hits, over 79",
		    "--max-waste-growth 79");
	limit(&f.options.max_waste_growth, "80");
	assert_int_equal(judge(&f)->nr_tripped, 0);
	/* the other way round it is gone, which is told and is no growth */
	km_gates_destroy(f.gates);
	f.bases[0] = &f.now.snapshot;
	f.now.snapshot.nr_sites = 3;
	limit(&f.options.max_waste_growth, "0");
	assert_null(km_gates_judge(&f.base.snapshot, f.bases, 1, &f.options, &f.gates));
	assert_int_equal(f.gates->nr_added, 0);
	assert_int_equal(f.gates->nr_removed, 1);
	assert_int_equal(f.gates->nr_tripped, 0);
	km_gates_destroy(f.gates);
}

static void zero_baselines_grow(void **state)
{
	struct fixture f;

	/* call sites that are there and waste nothing */
	set_up(&f, 1);
	f.base.sites[0].bytes_waste = f.base.sites[1].bytes_waste = 0;
	limit(&f.options.max_waste_growth, "1000%");
	judge(&f);
	assert_int_equal(f.gates->nr_tripped, 1);
	assert_int_equal(f.gates->nr_trips, 3);
	assert_line(&f.gates->trips[0], "drivers/mod/gamma.c:7",
		    "wastes 360 B more, over 1000%: 360 B instead of 0 B in 90 hits, in gamma in "
		    "beta [mod]; just",
		    "--max-waste-growth 1000%");
	f.now.sites[0].bytes_waste = f.now.sites[1].bytes_waste = 0;
	assert_int_equal(judge(&f)->nr_tripped, 0);
	/* no call site at all */
	f.base.snapshot.nr_sites = 0;
	limit(&f.options.max_hits_growth, "50%");
	judge(&f);
	assert_int_equal(f.gates->nr_gates, 2);
	assert_int_equal(f.gates->nr_tripped, 1);
	assert_int_equal(f.gates->nr_added, 2);
	f.now.snapshot.nr_sites = 0;
	assert_int_equal(judge(&f)->nr_tripped, 0);
	km_gates_destroy(f.gates);
}

static void hits_growth_trips(void **state)
{
	struct fixture f;

	set_up(&f, 1);
	limit(&f.options.max_hits_growth, "0");
	assert_int_equal(judge(&f)->nr_tripped, 0);
	/* twice as long, twice as many */
	f.now.snapshot.duration_ns *= 2;
	f.now.sites[0].hits = 20;
	f.now.sites[1].hits = 180;
	assert_int_equal(judge(&f)->nr_tripped, 0);
	f.now.sites[1].hits = 200;
	judge(&f);
	assert_int_equal(f.gates->nr_trips, 2);
	assert_line(&f.gates->trips[0], "drivers/mod/gamma.c:7",
		    "20 hits more, over 0: 200 instead of 180, in gamma in beta [mod]",
		    "--max-hits-growth 0");
	assert_line(&f.gates->trips[1], "all call sites",
		    "20 hits more than the baseline's 200, over 0; most in gamma in beta [mod], 20",
		    "--max-hits-growth 0");
	limit(&f.options.max_hits_growth, "10%");
	assert_int_equal(judge(&f)->nr_tripped, 0);
	limit(&f.options.max_hits_growth, "9.9%");
	assert_int_equal(judge(&f)->nr_tripped, 1);
	/* without durations numbers are compared as they are, and that is told */
	f.base.snapshot.duration_ns = 0;
	judge(&f);
	assert_int_equal(f.gates->nr_tripped, 1);
	assert_int_equal(f.gates->nr_notes, 1);
	km_gates_destroy(f.gates);
}

static void other_units(void **state)
{
	struct fixture f;

	set_up(&f, 1);
	limit(&f.options.max_waste_growth, "0");
	limit(&f.options.max_hits_growth, "0");
	/* twice as much of all in as many seconds */
	for (int i = 0; i < 2; i++) {
		f.now.sites[i].hits *= 2;
		f.now.sites[i].bytes_waste *= 2;
	}
	f.options.growth.has_unit = true;
	f.options.growth.unit = KM_DIFF_TOTAL;
	judge(&f);
	assert_int_equal(f.gates->nr_tripped, 2);
	assert_int_equal(f.gates->nr_trips, 6);
	assert_line(&f.gates->trips[0], "drivers/mod/gamma.c:7",
		    "wastes 360 B more, over 0: 720 B instead of 360 B in 180 hits, in gamma in "
		    "beta [mod]; just",
		    "--max-waste-growth 0");
	f.now.snapshot.duration_ns *= 2;
	f.options.growth.unit = KM_DIFF_SECOND;
	assert_int_equal(judge(&f)->nr_tripped, 0);
	f.now.snapshot.duration_ns /= 2;
	assert_int_equal(judge(&f)->nr_tripped, 2);
	f.options.growth.unit = KM_DIFF_CALLSITE;
	f.options.growth.callsite = "alph?";
	assert_int_equal(judge(&f)->nr_tripped, 0);
	f.now.sites[0].hits = 19;
	assert_int_equal(judge(&f)->nr_tripped, 2);
	/* hits for each hit are no unit: they stay with the second */
	f.options.growth.unit = KM_DIFF_HIT;
	f.now.snapshot.duration_ns *= 2;
	judge(&f);
	assert_int_equal(f.gates->nr_tripped, 1);
	assert_string_equal(f.gates->trips[0].gates, "--max-waste-growth 0");
	km_gates_destroy(f.gates);
}

static void ranges_are_no_growth(void **state)
{
	struct fixture f;

	set_up(&f, 2);
	f.other.sites[1].bytes_waste = 540; /* 6 an allocation; in the first it is 4 */
	limit(&f.options.max_waste_growth, "0");
	f.now.sites[1].bytes_waste = 500;
	assert_int_equal(judge(&f)->nr_tripped, 0);
	f.now.sites[1].bytes_waste = 541;
	judge(&f);
	assert_int_equal(f.gates->nr_tripped, 1);
	assert_non_null(strstr(f.gates->trips[0].text, "wastes 1 B more"));
	km_gates_destroy(f.gates);
}

static void budgets_trip(void **state)
{
	struct km_budget budget = { 0 };
	struct fixture f;

	set_up(&f, 0);
	assert_null(parse_budget(&budget, "module: -\nwaste: 80\nhits: 10\nlive: 640\n\n"
					  "symbol: gamma\nmodule: m?d\nwaste: 359\n\n"
					  "file: drivers/*\nhits: 89\nlive: 0\nwaste: 6%\n\n"
					  "symbol: none\nwaste: 0\n\n"
					  "symbol: *\nlive: 639\n"));
	f.options.budget = &budget;
	judge(&f);
	assert_int_equal(f.gates->nr_gates, 5);
	assert_int_equal(f.gates->nr_tripped, 3);
	assert_int_equal(f.gates->nr_trips, 4);
	assert_line(&f.gates->trips[0], "gamma [m?d]",
		    "360 B of 5.6 KiB wasted (6.2%), over 359; most at drivers/mod/gamma.c:7 in "
		    "beta, 360 B",
		    "--budget budget:6");
	assert_string_equal(f.gates->trips[1].gates, "--budget budget:10");
	assert_string_equal(f.gates->trips[2].text, "90 hits, over 89");
	assert_line(&f.gates->trips[3], "*", "640 B live at the end, over 639",
		    "--budget budget:18");
	/* a stanza that fits nothing is told */
	assert_int_equal(f.gates->nr_notes, 1);
	assert_string_equal(f.gates->notes[0].text, "budget:15: no call site is of none");
	/* not paired: what is live is not known */
	f.now.sites[0].has_life = false;
	judge(&f);
	assert_int_equal(f.gates->nr_tripped, 2);
	assert_int_equal(f.gates->nr_undecided, 2);
	assert_line(&f.gates->undecided[1], "", "what is live is not known", "--budget budget:18");
	km_gates_destroy(f.gates);
	km_budget_deinit(&budget);
}

/* What makes a baseline useless for growth. */
static void spoil(struct fixture *f, int how)
{
	static const char *more[] = { "kmem:kfree", "kmem:kmalloc", "kmem:kmem_cache_alloc" };

	switch (how) {
	case 0:
		f->base.snapshot.page_size = 65536;
		break;
	case 1:
		f->base.snapshot.is_incomplete = true;
		break;
	case 2:
		f->base.snapshot.is_filtered = true;
		break;
	case 3:
		f->base.snapshot.events = more;
		f->base.snapshot.nr_events = NR(more);
		break;
	}
}

static void tells_what_cannot_be_decided(void **state)
{
	struct fixture f;

	for (int how = 0; how < 4; how++) {
		set_up(&f, 1);
		f.base.snapshot.nr_findings = 0;
		f.now.sites[0].bytes_waste *= 2;
		fail_on(&f, "new");
		fail_on(&f, "any:high");
		limit(&f.options.max_waste_growth, "0");
		limit(&f.options.max_hits_growth, "0");
		limit(&f.options.max_waste, "10M");
		assert_int_equal(judge(&f)->nr_tripped, 3);
		assert_int_equal(f.gates->nr_undecided, 0);
		spoil(&f, how);
		judge(&f);
		/* what needs no baseline is decided */
		assert_int_equal(f.gates->nr_gates, 5);
		assert_int_equal(f.gates->nr_tripped, 1);
		assert_string_equal(f.gates->trips[0].gates, "--fail-on any:high");
		assert_int_equal(f.gates->nr_undecided, 3);
		assert_int_equal(f.gates->nr_lines_undecided, 3);
		assert_string_equal(f.gates->undecided[0].gates, "--fail-on new");
		assert_string_equal(f.gates->undecided[1].gates, "--max-waste-growth 0");
		assert_string_equal(f.gates->undecided[2].gates, "--max-hits-growth 0");
		assert_true(f.gates->nr_notes >= 1);
		km_gates_destroy(f.gates);
	}
}

static void tells_other_kernels(void **state)
{
	struct fixture f;

	/* that is what a check is for: told, and compared */
	set_up(&f, 1);
	f.base.snapshot.kernel_release = "6.0.0";
	f.now.sites[0].bytes_waste *= 2;
	limit(&f.options.max_waste_growth, "0");
	judge(&f);
	assert_int_equal(f.gates->nr_tripped, 1);
	assert_int_equal(f.gates->nr_undecided, 0);
	assert_int_equal(f.gates->nr_notes, 1);
	assert_non_null(strstr(f.gates->notes[0].text, "6.0.0"));
	/* an incomplete trace has lower bounds: what trips, trips */
	f.base.snapshot.kernel_release = "6.1.0";
	f.now.snapshot.is_incomplete = true;
	judge(&f);
	assert_int_equal(f.gates->nr_tripped, 1);
	assert_int_equal(f.gates->nr_notes, 1);
	f.nr_bases = 0;
	f.options.max_waste_growth.text = NULL;
	judge(&f);
	assert_int_equal(f.gates->nr_notes, 1);
	assert_string_equal(f.gates->notes[0].text,
			    "now is incomplete: its numbers are lower bounds");
	km_gates_destroy(f.gates);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_limits),
		cmocka_unit_test(limits_are_exceeded_above),
		cmocka_unit_test(parses_fail_on),
		cmocka_unit_test(refuses_budgets),
		cmocka_unit_test(without_gates_nothing_trips),
		cmocka_unit_test(findings_trip),
		cmocka_unit_test(new_findings_trip),
		cmocka_unit_test(waste_trips),
		cmocka_unit_test(waste_growth_trips),
		cmocka_unit_test(new_call_sites_are_growth),
		cmocka_unit_test(zero_baselines_grow),
		cmocka_unit_test(hits_growth_trips),
		cmocka_unit_test(other_units),
		cmocka_unit_test(ranges_are_no_growth),
		cmocka_unit_test(budgets_trip),
		cmocka_unit_test(tells_what_cannot_be_decided),
		cmocka_unit_test(tells_other_kernels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
