/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fingerprints: what they stay the same over, and what tells findings apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/stable.h"
#include "builder.h"
#include "report/findings.h"

#define NR(array) (sizeof(array) / sizeof((array)[0]))

static const char *const names[] = { NULL, "tiny_cache" };

/* Every waste is a finding. */
static struct km_thresholds every_byte(void)
{
	struct km_thresholds thresholds = KM_THRESHOLDS_DEFAULT;

	thresholds.waste_bytes = 1;
	return thresholds;
}

/* Of one allocation at `address`: the fingerprint of its finding. */
static void fingerprint_of(uint64_t address, enum km_event_kind kind, uint32_t req, uint32_t alloc,
			   const char *symbols, char ret[17])
{
	struct alloc one = { address, kind, req, alloc, 1 };
	struct built built = { 0 };

	build_report(&built, &one, 1, names, symbols, every_byte());
	assert_int_equal(built.report->nr_findings, 1);
	memcpy(ret, built.report->findings[0].fingerprint, 17);
	built_deinit(&built);
}

static void fingerprints_stay_over_builds(void **state)
{
	static const char plain[] = "ffffffff81002000 t beta\nffffffff81003000 T gamma\n";
	static const char cloned[] = "ffffffff92002000 t beta.constprop.1.isra.0\n"
				     "ffffffff92003000 T gamma\n";
	static const char cold[] = "ffffffff81002000 t beta.part.3.cold\n"
				   "ffffffff81003000 T gamma\n";
	static const char module[] = "ffffffff81002000 t beta\t[mod]\nffffffff81003000 T gamma\n";
	static const char other[] = "ffffffff81002000 t beta.data\nffffffff81003000 T gamma\n";
	char first[17], again[17];

	fingerprint_of(0xffffffff81002010, KM_EV_KMALLOC, 2056, 4096, plain, first);
	/* another address, offset, size over the class, copies of the function */
	fingerprint_of(0xffffffff92002fff, KM_EV_KMALLOC_NODE, 2060, 4096, cloned, again);
	assert_string_equal(first, again);
	fingerprint_of(0xffffffff81002011, KM_EV_KMALLOC, 2056, 4096, cold, again);
	assert_string_equal(first, again);
	/* another module, symbol, class, rule, family, or no symbol at all */
	fingerprint_of(0xffffffff81002010, KM_EV_KMALLOC, 2056, 4096, module, again);
	assert_string_not_equal(first, again);
	fingerprint_of(0xffffffff81002010, KM_EV_KMALLOC, 2056, 4096, other, again);
	assert_string_not_equal(first, again);
	fingerprint_of(0xffffffff81002010, KM_EV_KMALLOC, 1032, 2048, plain, again);
	assert_string_not_equal(first, again);
	fingerprint_of(0xffffffff81002010, KM_EV_KMALLOC, 2556, 4096, plain, again);
	assert_string_not_equal(first, again);
	fingerprint_of(0xffffffff81002010, KM_EV_CACHE_ALLOC, 2056, 4096, plain, again);
	assert_string_not_equal(first, again);
	fingerprint_of(0xffffffff81002010, KM_EV_KMALLOC, 2056, 4096, NULL, again);
	assert_string_not_equal(first, again);
}

/* The value itself is in users' CI files: it must not change. */
static void fingerprint_value(void **state)
{
	static const char plain[] = "ffffffff81002000 t beta\nffffffff81003000 T gamma\n";
	char value[17];

	fingerprint_of(0xffffffff81002010, KM_EV_KMALLOC, 2056, 4096, plain, value);
	assert_string_equal(value, "6fefee105c7ab697");
}

static void stable_names(void **state)
{
	static const struct {
		const char *name;
		size_t len;
	} tests[] = {
		{ "", 0 },
		{ "beta", 4 },
		{ "beta.isra.0", 4 },
		{ "beta.constprop.1.isra.0", 4 },
		{ "beta.part.3.cold", 4 },
		{ "beta.cold", 4 },
		{ "beta.cold.17", 4 },
		{ "beta.lto_priv.0", 4 },
		{ "beta.llvm.12345678", 4 },
		{ "beta.__uniq.987.cfi", 4 },
		{ "beta.cfi_jt", 4 },
		/* names of functions with a dot in them */
		{ "beta.colder", 11 },
		{ "beta.data.isra.0", 9 },
		{ ".isra.0", 7 },
		/* since v6.10 */
		{ "beta_noprof", 4 },
		{ "beta_noprof.constprop.0", 4 },
		{ "beta_noprofit", 13 },
		{ "_noprof", 7 },
		{ "_noprof.cold", 7 },
	};

	for (size_t i = 0; i < NR(tests); i++)
		if (km_stable_name_len(tests[i].name) != tests[i].len)
			fail_msg("%s: %zu", tests[i].name, km_stable_name_len(tests[i].name));
}

#define BETA  0xffffffff81002010
#define GAMMA 0xffffffff81003010
static const char kallsyms[] = "ffffffff81002000 t beta\n"
			       "ffffffff81003000 T gamma\n"
			       "ffffffff81004000 T _etext\n";

static struct km_callsite *site_at(struct built *built, uint64_t address)
{
	for (size_t i = 0; i < built->report->nr_callsites; i++)
		if (built->report->callsites[i].address == address)
			return &built->report->callsites[i];
	fail_msg("no call site 0x%llx", (unsigned long long)address);
	return NULL;
}

static const struct km_finding *finding_at(struct built *built, uint64_t address)
{
	for (size_t i = 0; i < built->report->nr_findings; i++)
		if (built->report->findings[i].callsite->address == address)
			return &built->report->findings[i];
	fail_msg("no finding at 0x%llx", (unsigned long long)address);
	return NULL;
}

/* The fingerprint of one kmalloc() in beta() with these functions around it, innermost first. */
static void fingerprint_inlined(const char *const *functions, size_t nr, uint32_t line,
				char ret[static KM_FINGERPRINT_SIZE])
{
	static const struct alloc one = { BETA, KM_EV_KMALLOC, 2056, 4096, 1 };
	struct km_frame frames[4] = { 0 };
	struct built built = { 0 };
	char symbol[KM_FINGERPRINT_SIZE];

	build_report(&built, &one, 1, names, kallsyms, every_byte());
	memcpy(symbol, finding_at(&built, BETA)->fingerprint, sizeof(symbol));
	assert_string_equal(finding_at(&built, BETA)->fingerprint_symbol, symbol);
	for (size_t i = 0; i < nr; i++)
		frames[i] = (struct km_frame){ functions[i], "a.c", line, 1, i + 1 < nr };
	site_at(&built, BETA)->source = (struct km_chain){ frames, nr };
	ASSERT_OK(km_report_set_fingerprints(built.report));
	memcpy(ret, finding_at(&built, BETA)->fingerprint, KM_FINGERPRINT_SIZE);
	/* what the function alone says does not change with debug information */
	assert_string_equal(finding_at(&built, BETA)->fingerprint_symbol, symbol);
	built_deinit(&built);
}

static void inlined_functions_are_told(void **state)
{
	static const char *const alone[] = { "beta" };
	static const char *const inlined[] = { "one", "two", "beta" };
	static const char *const clone[] = { "one_noprof", "two", "beta" };
	static const char *const swapped[] = { "two", "one", "beta" };
	static const char *const other[] = { "one", "beta" };
	char none[KM_FINGERPRINT_SIZE], first[KM_FINGERPRINT_SIZE], again[KM_FINGERPRINT_SIZE];

	fingerprint_inlined(NULL, 0, 0, none);
	fingerprint_inlined(alone, NR(alone), 10, again);
	assert_string_equal(none, again);
	fingerprint_inlined(inlined, NR(inlined), 10, first);
	assert_string_not_equal(none, first);
	/* moved lines */
	fingerprint_inlined(inlined, NR(inlined), 20, again);
	assert_string_equal(first, again);
	fingerprint_inlined(clone, NR(clone), 10, again);
	assert_string_equal(first, again);
	fingerprint_inlined(swapped, NR(swapped), 10, again);
	assert_string_not_equal(first, again);
	fingerprint_inlined(other, NR(other), 10, again);
	assert_string_not_equal(first, again);
	/* the value itself is in users' CI files: it must not change */
	assert_string_equal(first, "e7d1bc6cff9ebfe9");
}

/* Three kmalloc() alike in one function, found in the order of their waste. */
static void alike_in_one_function(void **state)
{
	static const struct alloc three[] = {
		{ BETA + 0x40, KM_EV_KMALLOC, 2056, 4096, 10 },
		{ BETA, KM_EV_KMALLOC, 2060, 4096, 20 },
		{ BETA + 0x20, KM_EV_KMALLOC, 2064, 4096, 30 },
		{ GAMMA, KM_EV_KMALLOC, 2056, 4096, 1 },
	};
	static const struct alloc two[] = {
		{ BETA + 0x71, KM_EV_KMALLOC, 2056, 4096, 9 },
		{ BETA + 0x30, KM_EV_KMALLOC, 2056, 4096, 1 },
	};
	struct built built = { 0 }, again = { 0 };
	const struct km_finding *found[4];

	build_report(&built, three, NR(three), names, kallsyms, every_byte());
	assert_int_equal(built.report->nr_findings, 4);
	for (size_t i = 0; i < 3; i++)
		found[i] = finding_at(&built, BETA + 0x20 * i);
	found[3] = finding_at(&built, GAMMA);
	for (size_t i = 0; i < 4; i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(found[i]->fingerprint, found[j]->fingerprint);
	/* the first has none, so that a function with one such call is as it always was */
	assert_string_equal(found[0]->fingerprint, found[0]->fingerprint_symbol);
	assert_string_equal(found[1]->fingerprint_symbol, found[0]->fingerprint_symbol);
	assert_string_equal(found[2]->fingerprint_symbol, found[0]->fingerprint_symbol);
	assert_string_not_equal(found[3]->fingerprint_symbol, found[0]->fingerprint_symbol);

	/* other offsets, other numbers: the order in the code counts */
	build_report(&again, two, NR(two), names, kallsyms, every_byte());
	assert_string_equal(finding_at(&again, BETA + 0x30)->fingerprint, found[0]->fingerprint);
	assert_string_equal(finding_at(&again, BETA + 0x71)->fingerprint, found[1]->fingerprint);
	assert_string_equal(found[1]->fingerprint, "1887714533dee42f");
	built_deinit(&again);
	built_deinit(&built);
}

/* A part of a function that the compiler moved before it is still behind it. */
static void parts_of_functions_are_behind(void **state)
{
	static const char before[] = "ffffffff81002000 t beta.cold\n"
				     "ffffffff81003000 t beta\n"
				     "ffffffff81004000 T _etext\n";
	static const char behind[] = "ffffffff81002000 t beta\n"
				     "ffffffff81003000 t beta.cold\n"
				     "ffffffff81004000 T _etext\n";
	static const struct alloc both[] = {
		{ BETA, KM_EV_KMALLOC, 2056, 4096, 10 },
		{ GAMMA, KM_EV_KMALLOC, 2056, 4096, 10 },
	};
	struct built one = { 0 }, other = { 0 };

	build_report(&one, both, NR(both), names, before, every_byte());
	build_report(&other, both, NR(both), names, behind, every_byte());
	assert_string_equal(finding_at(&one, GAMMA)->fingerprint,
			    finding_at(&other, BETA)->fingerprint);
	assert_string_equal(finding_at(&one, BETA)->fingerprint,
			    finding_at(&other, GAMMA)->fingerprint);
	assert_string_not_equal(finding_at(&one, BETA)->fingerprint,
				finding_at(&one, GAMMA)->fingerprint);
	built_deinit(&other);
	built_deinit(&one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fingerprints_stay_over_builds),
		cmocka_unit_test(fingerprint_value),
		cmocka_unit_test(stable_names),
		cmocka_unit_test(inlined_functions_are_told),
		cmocka_unit_test(alike_in_one_function),
		cmocka_unit_test(parts_of_functions_are_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
