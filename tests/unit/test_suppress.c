/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Suppressions: what files are refused, what they match, and what has expired. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kmemstat/suppress.h"

#define NR(array) (sizeof(array) / sizeof((array)[0]))

/* Parses `size` bytes at the end of an allocation, so that a read behind them is seen. */
static struct km_error *parse_bytes(struct km_suppressions *ret, const char *text, size_t size)
{
	char *copy = malloc(size + 1);

	memcpy(copy, text, size);
	copy[size] = '\0';
	return km_suppressions_parse(ret, "supp", copy, size);
}

static struct km_error *parse(struct km_suppressions *ret, const char *text)
{
	return parse_bytes(ret, text, strlen(text));
}

static void knows_days(void **state)
{
	static const struct {
		const char *text;
		km_day day; /* 0: none */
	} cases[] = {
		{ "2026-12-31", 20261231 },
		{ "2024-02-29", 20240229 },
		{ "2000-02-29", 20000229 },
		{ "2026-02-29", 0 },
		{ "1900-02-29", 0 },
		{ "2026-13-01", 0 },
		{ "2026-00-01", 0 },
		{ "2026-04-31", 0 },
		{ "2026-01-00", 0 },
		{ "0000-01-01", 0 },
		{ "26-01-01", 0 },
		{ "2026-1-1", 0 },
		{ "2026-01-011", 0 },
		{ "2026/01/01", 0 },
		{ " 2026-01-1", 0 },
		{ "2026-+1-01", 0 },
		{ "", 0 },
		{ "never", 0 },
	};
	char buf[KM_DAY_SIZE];

	for (size_t i = 0; i < NR(cases); i++) {
		km_day day = 0;

		assert_int_equal(km_day_parse(cases[i].text, &day), cases[i].day != 0);
		assert_int_equal(day, cases[i].day);
		if (day)
			assert_string_equal(km_day_text(day, buf), cases[i].text);
	}
}

static void reads_stanzas(void **state)
{
	struct km_suppressions supp = { 0 };

	assert_null(parse(&supp, "\xef\xbb\xbf# first\r\n"
				 "rule:  just-*  \r\n"
				 "\tsymbol :a:b\r\n"
				 "# between\r\n"
				 "reason: why: so # not a comment\r\n"
				 "\r\n \t\r\n"
				 "file: *\nmodule: -\nexpires: 2026-12-31\nreason: x"));
	assert_int_equal(supp.nr, 2);
	assert_string_equal(supp.rows[0].globs[KM_SUPPRESS_RULE], "just-*");
	assert_string_equal(supp.rows[0].globs[KM_SUPPRESS_SYMBOL], "a:b");
	assert_null(supp.rows[0].globs[KM_SUPPRESS_FILE]);
	assert_string_equal(supp.rows[0].reason, "why: so # not a comment");
	assert_int_equal(supp.rows[0].line, 2);
	assert_int_equal(supp.rows[0].expires, 0);
	assert_int_equal(supp.rows[1].line, 8);
	assert_int_equal(supp.rows[1].expires, 20261231);
	assert_string_equal(supp.rows[1].path, "supp");
	/* a second file's rows come behind */
	assert_null(parse(&supp, "fingerprint: ?f*\nreason: y\n"));
	assert_int_equal(supp.nr, 3);
	assert_string_equal(supp.rows[0].globs[KM_SUPPRESS_RULE], "just-*");
	assert_string_equal(supp.rows[2].globs[KM_SUPPRESS_FINGERPRINT], "?f*");
	/* nothing in a file is no error */
	assert_null(parse(&supp, ""));
	assert_null(parse(&supp, "\n# nothing\n"));
	assert_int_equal(supp.nr, 3);
	km_suppressions_deinit(&supp);
}

static void refuses(void **state)
{
	static const struct {
		const char *text, *place, *message, *remedy;
	} cases[] = {
		{ "rule: waste\n", "supp:1", "without a reason", "reason: ..." },
		{ "\nrule: waste\nreason:\n", "supp:3", "'reason' has no value", "remove" },
		{ "reason: x\n", "supp:1", "does not say of what", "give it a rule" },
		{ "rule: wsate\nreason: x\n", "supp:1", "no rule matches 'wsate'", "just-over" },
		{ "rule: waste\nreason: x\nexpires: soon\n", "supp:3", "'soon' is no date",
		  "2027-12-31" },
		{ "rule: waste\nrule: high-order\nreason: x\n", "supp:2",
		  "'rule' comes twice in a stanza, first in line 1", "empty line" },
		{ "sybmol: x\nreason: x\n", "supp:1", "unknown key 'sybmol'", "rule, symbol" },
		{ "Rule: waste\nreason: x\n", "supp:1", "unknown key 'Rule'", "rule, symbol" },
		{ "just words\n", "supp:1", "'just words' is no \"key: value\"", "#" },
		{ ":\n", "supp:1", "unknown key ''", "rule" },
		{ "rule: waste\nreason: \033[31m\n", "supp:2", "is no text: byte 0x1b",
		  "suppressions?" },
	};

	for (size_t i = 0; i < NR(cases); i++) {
		struct km_suppressions supp = { 0 };
		struct km_error *error = parse(&supp, cases[i].text);

		assert_non_null(error);
		assert_int_equal(error->kind, KM_ERR_INPUT);
		assert_string_equal(error->path, cases[i].place);
		assert_non_null(strstr(error->message, cases[i].message));
		assert_non_null(error->remedy);
		assert_non_null(strstr(error->remedy, cases[i].remedy));
		km_error_free(error);
		km_suppressions_deinit(&supp);
	}
}

static void refuses_what_is_no_text(void **state)
{
	struct km_suppressions supp = { 0 };
	struct km_error *error = parse_bytes(&supp, "rule: w\0\nreason: x\n", 19);
	char line[1003];

	assert_non_null(error);
	assert_string_equal(error->path, "supp:1");
	assert_non_null(strstr(error->message, "byte 0x00"));
	km_error_free(error);
	/* 1000 bytes are a line, 1001 are not */
	memset(line, 'x', 1002);
	memcpy(line, "reason: ", 8);
	line[1001] = '\n';
	error = parse_bytes(&supp, line, 1002);
	assert_non_null(error);
	assert_non_null(strstr(error->message, "a line of 1001 bytes"));
	km_error_free(error);
	memcpy(line, "symbol: ", 8);
	line[1000] = '\n';
	memset(line + 1001, 0, 2);
	error = parse(&supp, line);
	assert_non_null(strstr(error->message, "without a reason"));
	km_error_free(error);
	km_suppressions_deinit(&supp);
}

/* Three findings at two call sites; the first has a function inlined, the second no symbol. */
struct fixture {
	struct km_frame frames[2];
	struct km_callsite sites[2];
	struct km_finding findings[3];
	struct km_report report;
};

static void make_report(struct fixture *f)
{
	static const struct km_type type = { .name = "struct mesh_rmc" };

	*f = (struct fixture){
		.frames = { { "mesh_rmc_init", "net/mac80211/mesh.c", 177, 0, true },
			    { "ieee80211_mesh_init_sdata", NULL, 0, 0, false } },
	};
	f->sites[0] = (struct km_callsite){
		.has_symbol = true,
		.symbol = { .name = "ieee80211_mesh_init_sdata", .module = "mac80211" },
		.source = { f->frames, 2 },
	};
	f->sites[1] = (struct km_callsite){ .name = "0xffff" };
	f->findings[0] = (struct km_finding){ .rule = KM_RULE_JUST_OVER,
					      .callsite = &f->sites[0],
					      .type = &type,
					      .fingerprint = "00000000000000aa",
					      .fingerprint_symbol = "00000000000000bb" };
	f->findings[1] = (struct km_finding){ .rule = KM_RULE_WASTE,
					      .callsite = &f->sites[1],
					      .fingerprint = "00000000000000cc" };
	f->findings[2] = (struct km_finding){ .rule = KM_RULE_WASTE,
					      .callsite = &f->sites[0],
					      .fingerprint = "00000000000000dd" };
	f->report.findings = f->findings;
	f->report.nr_findings = 3;
}

/* Which findings a stanza suppresses, by the last digits of their fingerprints. */
static void suppresses(const char *text, const char *expected)
{
	struct km_suppressions supp = { 0 };
	char got[16] = "", all[16] = "";
	struct fixture f;

	make_report(&f);
	assert_null(parse(&supp, text));
	assert_null(km_suppressions_apply(&supp, 20261121, &f.report));
	for (size_t i = 0; i < 3; i++) {
		const struct km_finding *finding = &f.report.findings[i];

		strcat(all, finding->fingerprint + 15);
		if (finding->suppressed)
			strcat(got, finding->fingerprint + 15);
		/* they are behind the others */
		assert_int_equal(finding->suppressed != NULL, i >= 3 - f.report.nr_suppressed);
	}
	assert_string_equal(got, expected);
	assert_int_equal(strlen(got), f.report.nr_suppressed);
	assert_true(strchr(all, 'a') && strchr(all, 'c') && strchr(all, 'd'));
	assert_ptr_equal(f.report.suppressions, &supp);
	km_suppressions_deinit(&supp);
}

static void matches(void **state)
{
	suppresses("", "");
	suppresses("rule: waste\nreason: x\n", "cd");
	suppresses("rule: *\nreason: x\n", "acd");
	suppresses("symbol: mesh_rmc_*\nreason: x\n", "ad");
	suppresses("symbol: mesh_rmc\nreason: x\n", "");
	suppresses("symbol: ieee80211_mesh_init_sdata\nrule: waste\nreason: x\n", "d");
	suppresses("symbol: *\nreason: x\n", "ad"); /* of the other there is no symbol */
	suppresses("file: net/*\nreason: x\n", "ad");
	suppresses("file: mesh.c\nreason: x\n", "");
	suppresses("module: mac80211\nreason: x\n", "ad");
	suppresses("module: -\nreason: x\n", "");
	suppresses("struct: mesh_*\nreason: x\n", "a");
	suppresses("struct: struct mesh_rmc\nreason: x\n", "a");
	suppresses("struct: rmc\nreason: x\n", "");
	suppresses("fingerprint: 00000000000000bb\nreason: x\n", "a");
	suppresses("fingerprint: *[cd]\nreason: x\n", "cd");
	suppresses("rule: just-over\nsymbol: none\nreason: x\n", "");
	/* two stanzas are two suppressions */
	suppresses("rule: just-over\nreason: x\n\nfingerprint: *dd\nreason: y\n", "ad");
	/* the last day counts */
	suppresses("rule: waste\nreason: x\nexpires: 2026-11-21\n", "cd");
	suppresses("rule: waste\nreason: x\nexpires: 2026-11-20\n", "");
}

static void tells_what_is_left(void **state)
{
	struct km_suppressions supp = { 0 };
	struct fixture f;

	make_report(&f);
	assert_null(parse(&supp, "rule: waste\nreason: old\nexpires: 2020-01-01\n\n"
				 "module: mac80211\nreason: first\n\n"
				 "file: net/*\nreason: second\n\n"
				 "symbol: none\nreason: unused\n"));
	assert_null(km_suppressions_apply(&supp, 20261121, &f.report));
	assert_true(supp.rows[0].is_expired);
	assert_int_equal(supp.rows[0].nr_findings, 2);
	assert_int_equal(supp.rows[1].nr_findings, 2);
	assert_int_equal(supp.rows[2].nr_findings, 2);
	assert_false(supp.rows[2].needs_source);
	assert_int_equal(supp.rows[3].nr_findings, 0);
	/* of several the first that has not expired gives the reason */
	assert_string_equal(f.report.findings[1].suppressed, "first");
	assert_string_equal(f.report.findings[2].suppressed, "first");
	/* once more, without source: the same report counts anew */
	f.sites[0].source.nr_frames = 0;
	assert_null(km_suppressions_apply(&supp, 20191231, &f.report));
	assert_false(supp.rows[0].is_expired);
	assert_int_equal(supp.rows[0].nr_findings, 2);
	assert_int_equal(supp.rows[2].nr_findings, 0);
	assert_true(supp.rows[2].needs_source);
	assert_false(supp.rows[3].needs_source);
	assert_int_equal(f.report.nr_suppressed, 3);
	km_suppressions_deinit(&supp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_days), cmocka_unit_test(reads_stanzas),
		cmocka_unit_test(refuses),    cmocka_unit_test(refuses_what_is_no_text),
		cmocka_unit_test(matches),    cmocka_unit_test(tells_what_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
