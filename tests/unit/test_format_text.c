/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Format texts: fields, flag masks, and texts that are not what they should be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "decode/format_text.h"

static struct km_span span(const char *text)
{
	return (struct km_span){ text, strlen(text) };
}

/* The field of a line, as "name offset size"; "bad"; or "none". */
static const char *field(const char *line)
{
	static char text[64];
	struct km_format_field field;
	bool is_good;

	if (!km_format_field_line(span(line), &field, &is_good))
		return "none";
	if (!is_good)
		return "bad";
	snprintf(text, sizeof(text), "%.*s %u %u", (int)field.name.len, field.name.at, field.offset,
		 field.size);
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
		"caller 16 64");
	assert_string_equal(field("\tfield:char x[16];\toffset:0;\tsize:16;"), "x 0 16");
	assert_string_equal(field("print fmt: \"\""), "none");
	assert_string_equal(field(""), "none");
	assert_string_equal(field("\tfield:int x"), "bad");
	assert_string_equal(field("\tfield:;\toffset:8;\tsize:8;"), "bad");
	assert_string_equal(field("\tfield:];\toffset:8;\tsize:8;"), "bad");
	assert_string_equal(field("\tfield:int x;\toffset:65536;\tsize:8;"), "bad");
	assert_string_equal(field("\tfield:int x;\toffset:8;\tsize:99999999999999999999;"), "bad");
	assert_string_equal(field("\tfield:int x;\toffset:-8;\tsize:8;"), "bad");
	assert_string_equal(field("\tfield:int x;\toffset:8;\tsize:8"), "bad");
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
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
