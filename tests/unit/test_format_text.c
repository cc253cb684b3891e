/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Format texts: fields, flag masks, and texts that are not what they should be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "decode/format_text.h"

static struct km_span span(const char *text)
{
	return (struct km_span){ text, strlen(text) };
}

/* The field of a line, as "name offset size", "name[] offset size"; "bad"; or "none". */
static const char *field(const char *line)
{
	static char text[64];
	struct km_format_field field;
	bool is_good;

	if (!km_format_field_line(span(line), &field, &is_good))
		return "none";
	if (!is_good)
		return "bad";
	snprintf(text, sizeof(text), "%.*s%s %u %u", (int)field.name.len, field.name.at,
		 field.is_array ? "[]" : "", field.offset, field.size);
	return text;
}

static void test_fields(void **state)
{
	assert_string_equal(
		field("\tfield:unsigned long call_site;\toffset:8;\tsize:8;\tsigned:0;"),
		"call_site 8 8");
	assert_string_equal(field("\tfield:const void * ptr;\toffset:16;\tsize:8;\tsigned:0;"),
			    "ptr 16 8");
	assert_string_equal(field("\tfield:const void *ptr;\toffset:16;\tsize:8;\tsigned:0;"),
			    "ptr 16 8");
	assert_string_equal(
		field("\tfield:__data_loc char[] name;\toffset:40;\tsize:4;\tsigned:0;"),
		"name 40 4");
	assert_string_equal(
		field("\tfield:unsigned long caller[8];\toffset:16;\tsize:64;\tsigned:0;"),
		"caller[] 16 64");
	assert_string_equal(field("\tfield:char x[16];\toffset:0;\tsize:16;"), "x[] 0 16");
	assert_string_equal(field("print fmt: \"\""), "none");
	assert_string_equal(field(""), "none");
	assert_string_equal(field("\tfield:int x"), "bad");
	assert_string_equal(field("\tfield:;\toffset:8;\tsize:8;"), "bad");
	assert_string_equal(field("\tfield:];\toffset:8;\tsize:8;"), "bad");
	assert_string_equal(field("\tfield:int x;\toffset:65536;\tsize:8;"), "bad");
	assert_string_equal(field("\tfield:int x;\toffset:8;\tsize:99999999999999999999;"), "bad");
	assert_string_equal(field("\tfield:int x;\toffset:-8;\tsize:8;"), "bad");
	assert_string_equal(field("\tfield:int x;\toffset:8;\tsize:8"), "bad");
	assert_string_equal(field("\tfield:int x;\toffset:65535;\tsize:65535;\tsigned:1;"),
			    "x 65535 65535");
	/* nothing else stands on the line */
	assert_string_equal(field("\tfield:int x;\toffset:8;\tsize:8;\tsigned:2;"), "bad");
	assert_string_equal(field("\tfield:int x;\toffset:8;\tsize:8;\tsigned:1;x"), "bad");
	assert_string_equal(field("\tfield:int x;\toffset:8;\tsize:8;x"), "bad");
	assert_string_equal(field("\tfield:int x;\toffset:;\tsize:8;"), "bad");
	assert_string_equal(field("\tfield:int x;\tsize:8;"), "bad");
	assert_string_equal(field("\tfield special:char b[16];\toffset:8;\tsize:16;\tsigned:0;"),
			    "b[] 8 16");
}

/* All flags of a print format, as "NAME=mask ". */
static const char *flags(const char *print_fmt)
{
	static char text[256];
	struct km_flag_scan scan;
	struct km_flag_text flag;
	size_t len = 0;

	text[0] = '\0';
	if (!km_flag_scan_start(&scan, span(print_fmt)))
		return "none";
	while (km_flag_scan_next(&scan, &flag))
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%.*s=%#llx ",
					(int)flag.name.len, flag.name.at,
					(unsigned long long)flag.mask);
	return text;
}

#define LIST(masks) "\"%s\", __print_flags(REC->gfp_flags, \"|\", " masks ")"

static void test_flags(void **state)
{
	assert_string_equal(flags(LIST("{1, \"A\"}, {0x20u,\"B\"},{010, \"C\"}")),
			    "A=0x1 B=0x20 C=0x8 ");
	assert_string_equal(flags(LIST("{( unsigned long)((( gfp_t)(0x400u|0x800u)) | "
				       "(( gfp_t)0x40u)), \"A\"}")),
			    "A=0xc40 ");
	assert_string_equal(flags(LIST("{(((( gfp_t)7u) & ~(( gfp_t)(2u|4u)))), \"A\"}")),
			    "A=0x1 ");
	assert_string_equal(flags(LIST("{(gfp_t)~1, \"A\"}")), "A=0xfffffffe ");
	assert_string_equal(
		flags(LIST("{1 << 2 + 1 | 1, \"A\"}, {9 - 2 - 1, \"B\"}, {7 * 2 % 4, \"C\"}")),
		"A=0x9 B=0x6 C=0x2 ");
	assert_string_equal(flags(LIST("{((((1UL))) << (3)), \"A\"}")), "A=0x8 ");
	/* brackets of the call, and what comes behind it */
	assert_string_equal(flags("(REC->f) ? __print_flags((unsigned long)(REC->f), \"|\", "
				  "{1, \"A\"}) : \"none\", {2, \"B\"}"),
			    "A=0x1 ");
	/* in strings there is no code */
	assert_string_equal(flags("\"__print_flags({1, \\\"A\\\"})\", REC->f"), "none");
	assert_string_equal(flags("\"%s\", REC->f"), "none");
	/* flags that cannot be told are left out, the others stay */
	assert_string_equal(
		flags(LIST("{BIT, \"A\"}, {1 << 64, \"B\"}, {4 / 0, \"C\"}, "
			   "{0xfffffffffffffffff, \"D\"}, {1 + , \"E\"}, {2, F}, {8, \"G\"}")),
		"G=0x8 ");
}

/* What C makes of an expression is what comes out; 0 stands for none. */
static void test_expressions(void **state)
{
	static const struct {
		const char *text;
		uint64_t value;
	} cases[] = {
		/* each operator binds as tightly as it does there, and from the left */
		{ "2 | 1 ^ 3", 2 | (1 ^ 3) },
		{ "1 ^ 3 & 2", 1 ^ (3 & 2) },
		{ "3 & 1 << 1", 3 & (1 << 1) },
		{ "7 & 64 >> 4", 7 & (64 >> 4) },
		{ "1 << 1 + 2", 1 << (1 + 2) },
		{ "64 >> 3 - 2", 64 >> (3 - 2) },
		{ "1 + 2 * 3", 7 },
		{ "9 - 2 * 3", 3 },
		{ "1 + 8 / 4", 3 },
		{ "1 + 7 % 4", 4 },
		{ "9 - 3 - 2", 4 },
		{ "9 - 3 + 2", 8 },
		{ "64 / 8 / 2", 4 },
		{ "64 / 8 * 2", 16 },
		{ "23 % 12 % 4", 3 },
		{ "1 << 2 << 3", 32 },
		{ "256 >> 3 >> 2", 8 },
		{ "1 << 3 >> 2", 2 },
		{ "2 - 3", UINT64_MAX },
		{ "1 << 63", UINT64_C(1) << 63 },
		{ "~0ul >> 63", 1 },
		{ "1 << 64", 0 },
		{ "1 >> 64", 0 },
		{ "8 / 0", 0 },
		{ "8 % 0", 0 },
		/* literals */
		{ "0x1F", 31 },
		{ "0XaBcdef", 0xabcdef },
		{ "0xAF09", 0xaf09 },
		{ "017", 15 },
		{ "08", 0 },
		{ "10", 10 },
		{ "0x1g", 0 },
		{ "1UL", 1 },
		{ "1x", 0 },
		{ "0x", 0 },
		{ "18446744073709551615", UINT64_MAX },
		{ "18446744073709551616", 0 },
		{ "0xffffffffffffffff", UINT64_MAX },
		{ "0x10000000000000000", 0 },
		{ "01777777777777777777777", UINT64_MAX },
		{ "02000000000000000000000", 0 },
		/* casts cut off what they leave no room for */
		{ "(gfp_t)~0", UINT32_MAX },
		{ "( unsigned  long )~0", UINT64_MAX },
		{ "(u64)~0", UINT64_MAX },
		{ "(__u64)~0", UINT64_MAX },
		{ "(gfp_t)0x1ffffffffu", UINT32_MAX },
		{ "(unsigned)(u64)~0", UINT32_MAX },
		{ "(gfp_t", 0 },
		{ "(gfp_t)", 0 },
		{ "(2)", 2 },
		{ "( 2 )", 2 },
		{ "(2", 0 },
		{ "", 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char list[128], want[64] = "";

		snprintf(list, sizeof(list), "__print_flags(x, \"|\", {%s, \"A\"})", cases[i].text);
		if (cases[i].value)
			snprintf(want, sizeof(want), "A=%#llx ",
				 (unsigned long long)cases[i].value);
		assert_string_equal(flags(list), want);
	}
}

/* So deep and no deeper. */
static void test_depth(void **state)
{
	for (int depth = 63; depth <= 65; depth++) {
		char text[256] = "__print_flags(x, {";

		for (int i = 0; i < depth; i++)
			strcat(text, "(");
		strcat(text, "1");
		for (int i = 0; i < depth; i++)
			strcat(text, ")");
		strcat(text, ", \"A\"})");
		assert_string_equal(flags(text), depth <= 64 ? "A=0x1 " : "");
	}
}

/* Where a list ends, and where the text does. */
static void test_ends(void **state)
{
	struct km_flag_scan scan;
	struct km_flag_text flag;
	static const char text[] = "__print_flags(x, \"|\"y, {1, \"A\"})";

	assert_string_equal(flags("__print_flags(x, \"|\"), {1, \"A\"}"), "");
	assert_string_equal(flags("__print_flags(x, \"|\"(y), {1, \"A\"}), {2, \"B\"}"), "A=0x1 ");
	assert_string_equal(flags(LIST("{1,\"A\" }, { 2 , \"B\"},{4,\n\t\"C\"\n}")),
			    "A=0x1 B=0x2 C=0x4 ");
	assert_string_equal(flags(LIST("{1, \"A\\\"}\\\\\"}, {2, \"B\"}")),
			    "A\\\"}\\\\=0x1 B=0x2 ");
	/* in all its prefixes no flag is found that is not in it whole */
	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		if (!km_flag_scan_start(&scan, (struct km_span){ text, len }))
			continue;
		assert_int_equal(km_flag_scan_next(&scan, &flag), len > sizeof(text) - 3);
		assert_false(km_flag_scan_next(&scan, &flag));
	}
}

/* What no kernel writes ends, too. */
static void test_hostile(void **state)
{
	char text[4096];

	assert_string_equal(flags("__print_flags("), "");
	assert_string_equal(flags("__print_flags(\"|"), "");
	assert_string_equal(flags(LIST("{1, \"A")), "");
	assert_string_equal(flags(LIST("{1, \"A\"")), "");
	assert_string_equal(flags(LIST("{(1, \"A\"}, {2, \"B\"}")), "B=0x2 ");
	/* no stack is deep enough for all brackets of a long text */
	strcpy(text, "__print_flags(x, {");
	memset(text + strlen(text), '(', sizeof(text) - strlen(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_string_equal(flags(text), "");
	for (size_t i = 18; i + 1 < sizeof(text); i++)
		text[i] = '~';
	assert_string_equal(flags(text), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),      cmocka_unit_test(test_flags),
		cmocka_unit_test(test_expressions), cmocka_unit_test(test_depth),
		cmocka_unit_test(test_ends),        cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
