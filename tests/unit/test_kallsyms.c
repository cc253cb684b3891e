/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's symbol table: lookup, areas, aliases, modules, hostile and useless input. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kmemstat/sym.h"
#include "sym/symtab.h"

static struct km_error *create(const char *text, size_t size, struct km_symtab **ret)
{
	char *copy = malloc(size ? size : 1);

	assert_non_null(copy);
	memcpy(copy, text, size);
	return km_symtab_create("kallsyms", copy, size, ret);
}

static struct km_symtab *must_create(const char *text)
{
	struct km_symtab *tab = NULL;
	struct km_error *error = create(text, strlen(text), &tab);

	assert_null(error);
	return tab;
}

/* "symbol+0x10 [module]", or "-". */
static const char *name_at(const struct km_symtab *tab, uint64_t address)
{
	static char buf[256];
	struct km_symbol sym;

	if (!km_symtab_find(tab, address, &sym))
		return "-";
	assert_int_equal(sym.start + sym.offset, address);
	snprintf(buf, sizeof(buf), "%s+0x%llx%s%s", sym.name, (unsigned long long)sym.offset,
		 sym.module ? " " : "", sym.module ? sym.module : "");
	return buf;
}

#define KERNEL                                                                                     \
	"0000000000000000 A fixed_percpu_data\n"                                                   \
	"0000000000001000 A cpu_debug_store\n"                                                     \
	"ffffffff81000000 T _stext\n"                                                              \
	"ffffffff81000000 T _text\n"                                                               \
	"ffffffff81000100 t do_one\n"                                                              \
	"ffffffff81000200 W weak_one\n"                                                            \
	"ffffffff81000300 T last_of_text\n"                                                        \
	"ffffffff81000400 T _etext\n"                                                              \
	"ffffffff81200000 D __start_rodata\n"                                                      \
	"ffffffff81400000 d a_variable\n"                                                          \
	"ffffffff81600000 T _sinittext\n"                                                          \
	"ffffffff81600010 t early_thing\n"                                                         \
	"ffffffff81600100 T _einittext\n"                                                          \
	"ffffffff81800000 B _end\n"

static void test_kernel(void **state)
{
	struct km_symtab *tab = must_create(KERNEL);

	/* the first of an address is what %pS prints */
	assert_string_equal(name_at(tab, 0xffffffff81000000), "_stext+0x0");
	assert_string_equal(name_at(tab, 0xffffffff8100014a), "do_one+0x4a");
	assert_string_equal(name_at(tab, 0xffffffff81000200), "weak_one+0x0");
	assert_string_equal(name_at(tab, 0xffffffff810003ff), "last_of_text+0xff");
	/* a call that does not return, as the last instruction of text */
	assert_string_equal(name_at(tab, 0xffffffff81000400), "last_of_text+0x100");
	assert_string_equal(name_at(tab, 0xffffffff81000401), "-");
	assert_string_equal(name_at(tab, 0xffffffff81200010), "-");
	assert_string_equal(name_at(tab, 0xffffffff81400010), "-");
	assert_string_equal(name_at(tab, 0xffffffff81600020), "early_thing+0x10");
	assert_string_equal(name_at(tab, 0xffffffff81600120), "-");
	assert_string_equal(name_at(tab, 0xffffffff80ffffff), "-");
	assert_string_equal(name_at(tab, 0x1000), "-");
	assert_string_equal(name_at(tab, 0), "-");
	assert_string_equal(name_at(tab, UINT64_MAX), "-");
	assert_int_equal(km_symtab_nr_bad_lines(tab), 0);
	km_symtab_destroy(tab);
}

static void test_modules(void **state)
{
	/* unsorted, as module lists are; data between modules; the second one without an end */
	struct km_symtab *tab = must_create(KERNEL "ffffffffc0202000 t beta_last\t[beta_mod]\n"
						   "ffffffffc0200000 t beta_first\t[beta_mod]\n"
						   "ffffffffc0203000 d beta_data\t[beta_mod]\n"
						   "ffffffffc0100500 t alpha_b\t[alpha]\n"
						   "ffffffffc0100000 T alpha_a\t[alpha]\n"
						   "ffffffffc0100000 t alpha_alias\t[alpha]\n");

	assert_string_equal(name_at(tab, 0xffffffffc0100010), "alpha_a+0x10 alpha");
	assert_string_equal(name_at(tab, 0xffffffffc0100501), "alpha_b+0x1 alpha");
	/* nothing says where alpha_b ends: not at beta, 1 MiB on */
	assert_string_equal(name_at(tab, 0xffffffffc01f0000), "-");
	assert_string_equal(name_at(tab, 0xffffffffc0201fff), "beta_first+0x1fff beta_mod");
	assert_string_equal(name_at(tab, 0xffffffffc0202fff), "beta_last+0xfff beta_mod");
	assert_string_equal(name_at(tab, 0xffffffffc0203001), "-");
	/* the kernel's own part is as without modules */
	assert_string_equal(name_at(tab, 0xffffffff810003ff), "last_of_text+0xff");
	assert_string_equal(name_at(tab, 0xffffffff81000401), "-");
	km_symtab_destroy(tab);
}

static void test_modules_below_kernel(void **state)
{
	/* as on arm64; with mapping symbols, which are no functions */
	struct km_symtab *tab = must_create("ffffffc010000000 T _stext\n"
					    "ffffffc010000040 t $x\n"
					    "ffffffc010000080 t $d.12\n"
					    "ffffffc010000100 t $not_a_mark\n"
					    "ffffffc010001000 T _etext\n"
					    "ffffffc008000000 t low\t[m]\n"
					    "ffffffc008000100 t high\t[m]\n");

	assert_string_equal(name_at(tab, 0xffffffc010000090), "_stext+0x90");
	assert_string_equal(name_at(tab, 0xffffffc010000110), "$not_a_mark+0x10");
	assert_string_equal(name_at(tab, 0xffffffc008000010), "low+0x10 m");
	assert_string_equal(name_at(tab, 0xffffffc008000110), "high+0x10 m");
	km_symtab_destroy(tab);
}

static void test_scattered(void **state)
{
	/* programs of one "module", far apart: the gap between them belongs to none */
	struct km_symtab *tab = must_create("ffffffff81000000 T _stext\n"
					    "ffffffff81001000 T _etext\n"
					    "ffffffffc0000000 t bpf_prog_aa\t[bpf]\n"
					    "ffffffffc0100000 t bpf_prog_bb\t[bpf]\n"
					    "ffffffffc0300000 t ftrace_trampoline"
					    "\t[__builtin__ftrace]\n");

	assert_string_equal(name_at(tab, 0xffffffffc0000123), "bpf_prog_aa+0x123 bpf");
	assert_string_equal(name_at(tab, 0xffffffffc0080000), "-");
	assert_string_equal(name_at(tab, 0xffffffffc0100001), "bpf_prog_bb+0x1 bpf");
	assert_string_equal(name_at(tab, 0xffffffffc0300004),
			    "ftrace_trampoline+0x4 __builtin__ftrace");
	km_symtab_destroy(tab);
}

static void test_32_bit(void **state)
{
	struct km_symtab *tab = must_create("c0008000 T stext\n"
					    "c0008100 t arm_thing\r\n"
					    "c0009000 T _etext\n"
					    "bf000000 t mod_thing\t[mod]");

	assert_string_equal(name_at(tab, 0xc0008104), "arm_thing\r+0x4");
	/* the last line has no newline */
	assert_string_equal(name_at(tab, 0xbf000010), "mod_thing+0x10 mod");
	assert_string_equal(name_at(tab, 0xffffffff), "-");
	km_symtab_destroy(tab);
}

static void test_end_of_address_space(void **state)
{
	struct km_symtab *tab = must_create("fffffffffffffff0 t at_the_end\n");

	assert_string_equal(name_at(tab, UINT64_MAX), "at_the_end+0xf");
	km_symtab_destroy(tab);
}

static void test_bad_lines(void **state)
{
	static const char text[] = "ffffffff81000000 T good\n"
				   "\n"
				   "no symbol at all\n"
				   "ffffffff81000100\n"
				   "ffffffff81000100 \n"
				   "ffffffff81000100 T \n"
				   "ffffffff81000100 T\n"
				   "ffffffff81000100 T \t[module]\n"
				   "00ffffffff81000100 T nineteen_digits\n"
				   "ffffffff81000200 t bad\x1b[31m\xff\n"
				   "ffffffff81000300 t no_bracket\t[module\n"
				   "ffffffff81000400 t empty\t[]\n";
	struct km_symtab *tab = must_create(text);

	assert_int_equal(km_symtab_nr_bad_lines(tab), 7);
	assert_string_equal(name_at(tab, 0xffffffff81000180), "good+0x180");
	/* names are kept as they are: the output makes them safe */
	assert_string_equal(name_at(tab, 0xffffffff81000200), "bad\x1b[31m\xff+0x0");
	assert_string_equal(name_at(tab, 0xffffffff81000300), "no_bracket\t[module+0x0");
	km_symtab_destroy(tab);
}

/* Every character at every digit of an address: what is a digit, and what it is worth. */
static void test_digits(void **state)
{
	(void)state;
	for (unsigned int place = 0; place < 16; place++) {
		for (unsigned int c = 1; c < 256; c++) {
			/* with as much behind it as the fast path needs, every other time */
			char text[] = "f123456789abcde8 T one\n1 T two\n"
				      "ffffffff81000000 A a_name_long_enough_for_that\n";
			struct km_symtab *tab;
			uint64_t address;

			/* these may end an address */
			if (c == '\n' || c == ' ')
				continue;
			if (c % 2)
				text[31] = '\0';
			text[place] = (char)c;
			tab = must_create(text);
			assert_int_equal(km_symtab_nr_bad_lines(tab), !isxdigit((int)c));
			if (isxdigit((int)c)) {
				address = strtoull(text, NULL, 16);
				assert_string_equal(name_at(tab, address), "one+0x0");
			}
			km_symtab_destroy(tab);
		}
	}
}

static uint32_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(*seed >> 33);
}

/* A line at `line`, of any kind; returns its length. */
static size_t make_line(uint64_t *seed, uint64_t *address, char *line)
{
	static const char *const names[] = { "f",    "_etext", "_end",         "__exittext_end",
					     "$x.1", "",       "__init_begin", "a\tb" };
	static const char *const modules[] = { "\t[mac80211]", "\t[bpf]", "\t[]", "]", "\t]" };
	size_t len;

	*address += next_random(seed) % 3 * 0x40;
	if (next_random(seed) % 100 == 0)
		*address += (uint64_t)next_random(seed) << 32;
	len = (size_t)sprintf(line, "%016llx %c %s", (unsigned long long)*address,
			      "TtWdA b"[next_random(seed) % 7], names[next_random(seed) % 8]);
	for (uint32_t i = next_random(seed) % 60; i > 0; i--)
		line[len++] = (char)('a' + i % 26);
	if (next_random(seed) % 4 == 0)
		len += (size_t)sprintf(line + len, "%s", modules[next_random(seed) % 5]);
	if (next_random(seed) % 50 == 0)
		line[16 + next_random(seed) % (len - 16)] = '\0';
	line[len++] = '\n';
	return len;
}

/* Upper-case digits, which no kernel writes, go the slow way: both make the same table. */
static void test_fast_is_slow(void **state)
{
	enum { NR_LINES = 3000, MOST = 200 };
	char *fast = malloc((size_t)NR_LINES * MOST), *slow = malloc((size_t)NR_LINES * MOST);
	uint64_t seed = 11, address = 0xffffffff81000000;
	struct km_symtab *a = NULL, *b = NULL;
	size_t size = 0;

	(void)state;
	for (int i = 0; i < NR_LINES; i++) {
		const size_t len = make_line(&seed, &address, fast + size);

		memcpy(slow + size, fast + size, len);
		for (size_t k = 0; k < 16; k++)
			slow[size + k] = (char)toupper((unsigned char)slow[size + k]);
		size += len;
	}
	assert_memory_not_equal(fast, slow, size);
	/* without the last newline */
	assert_null(create(fast, size - 1, &a));
	assert_null(create(slow, size - 1, &b));
	assert_true(km_symtab_nr(a) > NR_LINES / 4 && km_symtab_nr_bad_lines(a) > 50);
	assert_int_equal(km_symtab_nr(a), km_symtab_nr(b));
	assert_int_equal(km_symtab_nr_bad_lines(a), km_symtab_nr_bad_lines(b));
	for (size_t i = 0; i < km_symtab_nr(a); i++) {
		struct km_symbol one = { 0 }, two = { 0 };

		assert_int_equal(km_symtab_get(a, i, &one), km_symtab_get(b, i, &two));
		assert_int_equal(one.start, two.start);
		assert_true(!one.name == !two.name && !one.module == !two.module);
		if (one.name)
			assert_string_equal(one.name, two.name);
		if (one.module)
			assert_string_equal(one.module, two.module);
	}
	km_symtab_destroy(a);
	km_symtab_destroy(b);
	free(fast);
	free(slow);
}

/* Cut at every byte: never a crash, and what is whole stays right. */
static void test_truncated(void **state)
{
	static const char text[] = KERNEL "ffffffffc0202000 t beta\t[beta_mod]\n";

	for (size_t size = 0; size < sizeof(text); size++) {
		struct km_symtab *tab = NULL;
		struct km_error *error = create(text, size, &tab);

		if (error) {
			assert_int_equal(error->kind, KM_ERR_INPUT);
			assert_true(size < 108);
			km_error_free(error);
			continue;
		}
		if (size > 200)
			assert_string_equal(name_at(tab, 0xffffffff81000110), "do_one+0x10");
		km_symtab_destroy(tab);
	}
}

static void assert_error(const char *text, const char *message, const char *remedy)
{
	struct km_symtab *tab = NULL;
	struct km_error *error = create(text, strlen(text), &tab);

	assert_non_null(error);
	assert_null(tab);
	assert_int_equal(error->kind, KM_ERR_INPUT);
	assert_string_equal(error->path, "kallsyms");
	assert_non_null(strstr(error->message, message));
	if (remedy)
		assert_non_null(strstr(error->remedy, remedy));
	km_error_free(error);
}

static void test_errors(void **state)
{
	struct km_symtab *tab = NULL;
	struct km_error *error;

	assert_error("", "no symbol in 0 bytes", NULL);
	assert_error("PK\003\004 something else\nentirely\n", "no symbol in", NULL);
	assert_error("0000000000000000 T _stext\n0000000000000000 t kfree\n",
		     "addresses of all 2 kernel symbols are zero", "kernel.kptr_restrict");
	assert_error("ffffffff81000000 D data_only\n", "no function in 1 kernel symbols", NULL);
	error = km_symtab_load("/nonexistent/kallsyms", &tab);
	assert_non_null(error);
	assert_int_equal(error->kind, KM_ERR_INPUT);
	assert_non_null(strstr(error->message, "No such file"));
	km_error_free(error);
	error = km_symtab_load("/", &tab);
	assert_non_null(error);
	assert_non_null(strstr(error->message, "Is a directory"));
	km_error_free(error);
	assert_null(tab);
}

/* What trace-cmd report prints for these addresses of the recorded trace. */
static void test_recorded(void **state)
{
	const char *dir = getenv("KMEMSTAT_TESTDATA");
	struct km_symtab *tab = NULL;
	char path[4096];

	if (!dir)
		skip();
	snprintf(path, sizeof(path), "%s/mesh/kallsyms", dir);
	assert_null(km_symtab_load(path, &tab));
	assert_string_equal(name_at(tab, 0xffffffffc046259a),
			    "ieee80211_mesh_init_sdata+0x4a mac80211");
	assert_string_equal(name_at(tab, 0xffffffffc03e59f9), "__sta_info_alloc+0x309 mac80211");
	assert_string_equal(name_at(tab, 0xffffffffc03e5739), "__sta_info_alloc+0x49 mac80211");
	assert_string_equal(name_at(tab, 0xffffffffc042440b),
			    "ieee802_11_parse_elems_full+0x3b mac80211");
	km_symtab_destroy(tab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel),
		cmocka_unit_test(test_modules),
		cmocka_unit_test(test_modules_below_kernel),
		cmocka_unit_test(test_scattered),
		cmocka_unit_test(test_32_bit),
		cmocka_unit_test(test_end_of_address_space),
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_digits),
		cmocka_unit_test(test_fast_is_slow),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_recorded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
