/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the formats of a trace become: where fields are, what is refused, what the fast path takes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "decode/formats.h"

#define COMMON                                                                                     \
	"format:\n"                                                                                \
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"                     \
	"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"                     \
	"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"             \
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
#define FIELD(what, at, size) "\tfield:" what ";\toffset:" #at ";\tsize:" #size ";\tsigned:0;\n"
#define SITE_AND_PTR          FIELD("unsigned long call_site", 8, 8) FIELD("const void * ptr", 16, 8)
#define SIZES                 FIELD("size_t bytes_req", 24, 8) FIELD("size_t bytes_alloc", 32, 8)
#define GFP                   FIELD("unsigned long gfp_flags", 40, 8)
#define PRINT                                                                                      \
	"\nprint fmt: \"%s\", __print_flags(REC->gfp_flags, \"|\", {0x40u, \"__GFP_IO\"}, "        \
	"{0x400000u, \"__GFP_ACCOUNT\"})\n"
#define HEAD(name, id) "name: " name "\nID: " #id "\n"
#define KMALLOC(more)  HEAD("kmalloc", 10) COMMON SITE_AND_PTR SIZES GFP more PRINT

static const char page_text[] = FIELD("u64 timestamp", 0, 8) FIELD("local_t commit", 8, 8)
	FIELD("int overwrite", 8, 1) FIELD("char data", 16, 4080);

/* Adds a format alone. Returns the error's text, "" if there is none. */
static const char *add(struct km_formats *formats, const char *system, const char *text)
{
	static char said[256];
	struct km_error *error = km_formats_add_event(formats, system, text, strlen(text));

	snprintf(said, sizeof(said), "%s", error ? error->message : "");
	km_error_free(error);
	return said;
}

static void begin(struct km_formats *formats, bool is_big_endian, uint32_t long_bytes)
{
	assert_null(km_formats_init(formats, is_big_endian, long_bytes));
}

/* Whether a format is taken; what became of it is in *ret, which has to be ended. */
static bool takes(struct km_formats *ret, const char *system, const char *text)
{
	begin(ret, false, 8);
	return !*add(ret, system, text);
}

static bool is_taken(const char *text)
{
	struct km_formats formats;
	bool is_good = takes(&formats, "kmem", text);

	km_formats_deinit(&formats);
	return is_good;
}

static void assert_field(struct km_field field, unsigned int offset, unsigned int size)
{
	assert_int_equal(field.offset, offset);
	assert_int_equal(field.size, size);
}

static bool is_page(const char *text)
{
	struct km_formats formats;
	struct km_error *error;

	begin(&formats, false, 8);
	error = km_formats_add_header_page(&formats, text, strlen(text));
	if (error)
		assert_non_null(strstr(error->message, "header_page"));
	km_formats_deinit(&formats);
	if (!error)
		return true;
	km_error_free(error);
	return false;
}

#define PAGE(ts_at, ts, commit_at, commit, data_at, data)                                          \
	FIELD("u64 timestamp", ts_at, ts)                                                          \
	FIELD("local_t commit", commit_at, commit) FIELD("char data", data_at, data)

static void test_header_page(void **state)
{
	struct km_formats formats;

	begin(&formats, false, 8);
	assert_null(km_formats_add_header_page(&formats, PAGE(0, 8, 8, 4, 12, 4084),
					       sizeof(PAGE(0, 8, 8, 4, 12, 4084)) - 1));
	assert_int_equal(formats.long_bytes, 4);
	assert_field(formats.commit, 8, 4);
	assert_int_equal(formats.data_offset, 12);
	assert_int_equal(formats.data_bytes, 4084);
	km_formats_deinit(&formats);
	assert_true(is_page(page_text));
	assert_true(is_page(PAGE(0, 8, 8, 8, 16, 64)));
	assert_false(is_page(PAGE(0, 8, 8, 8, 16, 63)));
	assert_true(is_page(PAGE(0, 8, 8, 8, 16, 4194304)));
	assert_false(is_page(PAGE(0, 8, 8, 8, 16, 4194305)));
	assert_false(is_page(PAGE(1, 8, 8, 8, 16, 4080)));
	assert_false(is_page(PAGE(0, 4, 8, 8, 16, 4080)));
	assert_false(is_page(PAGE(0, 8, 9, 8, 16, 4080)));
	assert_false(is_page(PAGE(0, 8, 8, 2, 10, 4080)));
	assert_false(is_page(PAGE(0, 8, 8, 8, 17, 4080)));
	assert_false(is_page(PAGE(0, 8, 8, 4, 16, 4080)));
	assert_false(is_page(FIELD("local_t commit", 8, 8) FIELD("char data", 16, 4080)));
	assert_false(is_page(FIELD("u64 timestamp", 0, 8) FIELD("char data", 16, 4080)));
	assert_false(is_page(FIELD("u64 timestamp", 0, 8) FIELD("local_t commit", 8, 8)));
	/* the whole name, and both numbers */
	assert_false(is_page(FIELD("u64 timestamp", 0, 8) FIELD("local_t commit", 8, 8)
				     FIELD("char mydata", 16, 4080)));
	assert_false(is_page(FIELD("u64 timestamp", 0, 8) FIELD(
		"local_t commit", 8, 8) "\tfield: char data;\toffset:16;\n"));
	assert_false(is_page("data;\n;\n\n"));
}

static void test_head(void **state)
{
	static const struct km_formats none;
	struct km_formats formats;

	assert_true(is_taken(KMALLOC("")));
	assert_false(is_taken("name: \nID: 10\n" COMMON PRINT));
	assert_false(is_taken("ID: 10\n" COMMON PRINT));
	assert_false(is_taken("name: kmalloc\n" COMMON PRINT));
	assert_false(is_taken("name: kmalloc\nID: \n" COMMON PRINT));
	assert_false(is_taken("name: kmalloc\nID: x1\n" COMMON PRINT));
	assert_false(is_taken("name: kmalloc\nID: :1\n" COMMON PRINT));
	assert_false(is_taken(HEAD("kmalloc", -1) COMMON SITE_AND_PTR SIZES GFP PRINT));
	assert_false(is_taken(HEAD("kmalloc", x1) COMMON SITE_AND_PTR SIZES GFP PRINT));
	assert_false(is_taken("name: other\nID: 65536\n" COMMON PRINT));
	assert_false(is_taken("name: other\nID: 4294967297\n" COMMON PRINT));
	assert_true(takes(&formats, "sched", "name: other\nID: 65535\n" COMMON PRINT));
	assert_true(formats.descs[65535].is_known);
	assert_int_equal(formats.nr_infos, 1);
	assert_int_equal(formats.infos[0].id, 65535);
	assert_string_equal(formats.infos[0].name, "other");
	assert_string_equal(formats.infos[0].system, "sched");
	/* the same again is no matter, another with its id is */
	assert_string_equal(add(&formats, "sched", "name: other\nID: 65535\n"), "");
	assert_string_equal(add(&formats, "sched", "name: another\nID: 65535\n"),
			    "two event formats have the id 65535");
	assert_int_equal(formats.nr_infos, 1);
	assert_null(strchr(add(&formats, "sched", HEAD("third", 1)), ':'));
	assert_int_equal(formats.nr_infos, 2);
	km_formats_deinit(&formats);
	assert_memory_equal(&formats, &none, sizeof(none));
}

/* The fields that common events have are those of the first that tells. */
static void test_common(void **state)
{
	struct km_formats formats;
	struct km_error *error;

	begin(&formats, false, 8);
	error = km_formats_seal(&formats);
	assert_non_null(strstr(error->message, "page layout"));
	km_error_free(error);
	assert_null(km_formats_add_header_page(&formats, page_text, strlen(page_text)));
	error = km_formats_seal(&formats);
	assert_non_null(strstr(error->message, "no event format"));
	km_error_free(error);
	/* one that is not needed need not parse */
	assert_string_equal(add(&formats, "sched", HEAD("broken", 3) "format:\nx\n"), "");
	assert_int_equal(formats.common_type.size, 0);
	assert_string_equal(add(&formats, "sched", HEAD("other", 4) COMMON PRINT), "");
	assert_field(formats.common_type, 0, 2);
	assert_field(formats.common_pid, 4, 4);
	assert_null(km_formats_seal(&formats));
	assert_int_equal(formats.stack_id, 0);
	km_formats_deinit(&formats);
}

static void test_fields_follow(void **state)
{
	struct km_formats formats;

	/* no overlap, and no more room between two than there can be */
	assert_false(is_taken(KMALLOC(FIELD("int x", 44, 4))));
	assert_true(is_taken(KMALLOC(FIELD("int x", 48, 4))));
	assert_true(is_taken(KMALLOC(FIELD("char x", 55, 1))));
	assert_false(is_taken(KMALLOC(FIELD("char x", 56, 1))));
	/* a number is of 1, 2, 4, 8 bytes, and where such a number can be */
	assert_true(is_taken(KMALLOC(FIELD("short x", 50, 2))));
	assert_false(is_taken(KMALLOC(FIELD("short x", 49, 2))));
	assert_true(is_taken(KMALLOC(FIELD("int x", 52, 4))));
	assert_false(is_taken(KMALLOC(FIELD("int x", 50, 4))));
	assert_false(is_taken(KMALLOC(FIELD("u64 x", 52, 8))));
	assert_false(is_taken(KMALLOC(FIELD("u64 x", 48, 3))));
	assert_false(is_taken(KMALLOC(FIELD("u64 x", 48, 16))));
	assert_false(is_taken(KMALLOC(FIELD("u64 x", 48, 0))));
	assert_true(is_taken(KMALLOC(FIELD("u64 x[2]", 52, 16))));
	/* of 32 bits a u64 is where a long can be */
	begin(&formats, false, 4);
	assert_string_equal(add(&formats, "kmem", KMALLOC(FIELD("u64 x", 52, 8))), "");
	km_formats_deinit(&formats);
	/* offsets have 16 bits, and 8 bytes behind them */
	assert_true(is_taken(KMALLOC(FIELD("char p[65479]", 48, 65479) FIELD("char x", 65527, 1))));
	assert_false(
		is_taken(KMALLOC(FIELD("char p[65480]", 48, 65480) FIELD("char x", 65528, 1))));
	/* what is no field, and what begins like the print format */
	assert_false(is_taken(KMALLOC("\tx\n")));
	assert_false(is_taken(KMALLOC("print fmt\n")));
	assert_true(is_taken(KMALLOC("print fmt:x\n")));
	assert_false(is_taken(HEAD("kmalloc", 10) "format:\n" SITE_AND_PTR SIZES GFP PRINT));
}

static void test_slab(void **state)
{
	struct km_formats formats;
	const struct km_desc *desc;

	assert_true(takes(&formats, "kmem", KMALLOC(FIELD("int node", 48, 4))));
	desc = &formats.descs[10];
	assert_int_equal(desc->kind, KM_EV_KMALLOC);
	assert_true(desc->is_known && desc->is_alloc);
	assert_field(desc->call_site, 8, 8);
	assert_field(desc->ptr, 16, 8);
	assert_field(desc->bytes_req, 24, 8);
	assert_field(desc->bytes_alloc, 32, 8);
	assert_field(desc->gfp_flags, 40, 8);
	assert_field(desc->node, 48, 4);
	assert_field(desc->name, 0, 0);
	assert_int_equal(desc->least_bytes, 52);
	assert_int_equal(desc->most_bytes, 56 + 4);
	assert_int_equal(desc->account_offset, 42);
	assert_int_equal(desc->account_bits, 0x40);
	assert_int_equal(formats.nr_gfp_names, 2);
	assert_string_equal(formats.gfp_names[1].name, "__GFP_ACCOUNT");
	/* kinds that are not there are known of no id */
	assert_false(formats.descs[11].is_known);
	assert_int_equal(formats.nr_descs, 2048);
	km_formats_deinit(&formats);

	/* a node of another size is none, a name is a __data_loc, strings have any length */
	assert_true(takes(&formats, "kmem",
			  KMALLOC(FIELD("short node", 48, 2) FIELD("short name", 50, 2))));
	assert_field(formats.descs[10].node, 0, 0);
	assert_field(formats.descs[10].name, 0, 0);
	assert_int_equal(formats.descs[10].least_bytes, 48);
	km_formats_deinit(&formats);
	assert_true(takes(&formats, "kmem", KMALLOC(FIELD("__data_loc char[] name", 48, 4))));
	assert_field(formats.descs[10].name, 48, 4);
	assert_int_equal(formats.descs[10].most_bytes, UINT32_MAX);
	km_formats_deinit(&formats);
	assert_true(takes(&formats, "kmem", KMALLOC(FIELD("__rel_loc char[] x", 48, 4))));
	assert_int_equal(formats.descs[10].most_bytes, UINT32_MAX);
	km_formats_deinit(&formats);

	/* what it cannot do without */
	assert_false(
		is_taken(HEAD("kmalloc", 10) COMMON FIELD("long call_site", 8, 8) SIZES GFP PRINT));
	assert_false(is_taken(HEAD("kmalloc", 10) COMMON FIELD("long x", 8, 8)
				      FIELD("void * ptr", 16, 8) SIZES GFP PRINT));
	assert_false(is_taken(HEAD("kmalloc", 10) COMMON SITE_AND_PTR FIELD(
		"size_t bytes_req", 24, 8) FIELD("long gfp_flags", 32, 8) PRINT));
	assert_false(is_taken(HEAD("kmalloc", 10) COMMON SITE_AND_PTR FIELD(
		"size_t bytes_alloc", 24, 8) FIELD("long gfp_flags", 32, 8) PRINT));
	assert_false(is_taken(HEAD("kmalloc", 10) COMMON SITE_AND_PTR SIZES PRINT));
	assert_true(is_taken(HEAD("kfree", 10) COMMON SITE_AND_PTR PRINT));
	assert_false(is_taken(HEAD("kfree", 10) COMMON FIELD("long call_site", 8, 8) PRINT));
	/* what is none of those known, but like them, is told */
	assert_false(is_taken(HEAD("kmallox", 10) COMMON SITE_AND_PTR SIZES GFP PRINT));
	assert_true(is_taken(HEAD("kmallox", 10) COMMON FIELD("void * ptr", 8, 8) PRINT));
	assert_true(is_taken(HEAD("kmallox", 10) COMMON FIELD("long call_site", 8, 8) PRINT));
	assert_true(takes(&formats, "mine", HEAD("mine", 10) COMMON SITE_AND_PTR PRINT));
	km_formats_deinit(&formats);
}

static void test_account(void **state)
{
	struct km_formats formats;

	/* the field tells, whatever the flags */
	assert_true(takes(&formats, "kmem", KMALLOC(FIELD("bool accounted", 48, 1))));
	assert_int_equal(formats.descs[10].account_offset, 48);
	assert_int_equal(formats.descs[10].account_bits, 0xff);
	assert_int_equal(formats.descs[10].least_bytes, 49);
	km_formats_deinit(&formats);
	/* of big endian the byte is counted from the other end */
	begin(&formats, true, 8);
	assert_string_equal(add(&formats, "kmem", KMALLOC("")), "");
	assert_int_equal(formats.descs[10].account_offset, 45);
	assert_int_equal(formats.descs[10].account_bits, 0x40);
	km_formats_deinit(&formats);
	/* a flag that its field has no room for is never set */
	assert_true(takes(&formats, "kmem",
			  HEAD("kmalloc", 10)
				  COMMON SITE_AND_PTR SIZES FIELD("short gfp_flags", 40, 2) PRINT));
	assert_int_equal(formats.descs[10].account_bits, 0);
	km_formats_deinit(&formats);
	assert_true(takes(&formats, "kmem",
			  HEAD("kmalloc", 10) COMMON SITE_AND_PTR SIZES GFP
			  "\nprint fmt: \"%s accounted=%s\", __print_flags(REC->gfp_flags, \"|\", "
			  "{0x100u, \"__GFP_ACCOUNT\"}), (0 && (REC->gfp_flags & 0x100)) ? \"t\" : "
			  "\"f\"\n"));
	assert_int_equal(formats.descs[10].account_bits, 0);
	km_formats_deinit(&formats);
	assert_true(takes(&formats, "kmem",
			  HEAD("kmalloc", 10) COMMON SITE_AND_PTR SIZES GFP
			  "\nprint fmt: \"%s\", __print_flags(REC->gfp_flags, \"|\", "
			  "{0xffu, \"__GFP_ACCOUNT\"})\n"));
	assert_int_equal(formats.descs[10].account_bits, 0xff);
	assert_int_equal(formats.descs[10].account_offset, 40);
	km_formats_deinit(&formats);
}

static void test_percpu_and_pages(void **state)
{
	struct km_formats formats;
	const struct km_desc *desc;

	assert_true(takes(
		&formats, "percpu",
		HEAD("percpu_alloc_percpu", 20) COMMON FIELD("unsigned long call_site", 8, 8)
			FIELD("bool reserved", 16, 1) FIELD("bool is_atomic", 17, 1)
				FIELD("size_t size", 24, 8) FIELD("size_t align", 32, 8)
					FIELD("void * base_addr", 40, 8) FIELD("int off", 48, 4)
						FIELD("void * ptr", 56, 8)
							FIELD("size_t bytes_alloc", 64, 8) PRINT));
	desc = &formats.descs[20];
	assert_int_equal(desc->kind, KM_EV_PERCPU_ALLOC);
	assert_field(desc->ptr, 56, 8);
	assert_field(desc->bytes_req, 24, 8);
	assert_field(desc->bytes_alloc, 64, 8);
	assert_field(desc->align, 32, 8);
	assert_field(desc->reserved, 16, 1);
	assert_field(desc->is_atomic, 17, 1);
	assert_field(desc->node, 0, 0);
	assert_int_equal(desc->least_bytes, 72);
	/* chunks have a base address alone */
	assert_string_equal(add(&formats, "percpu",
				HEAD("percpu_create_chunk", 21)
					COMMON FIELD("void * base_addr", 8, 8) PRINT),
			    "");
	assert_field(formats.descs[21].ptr, 8, 8);
	assert_int_equal(formats.descs[21].least_bytes, 16);
	assert_non_null(
		strstr(add(&formats, "percpu",
			   HEAD("percpu_free_percpu", 22) COMMON FIELD("int off", 8, 4) PRINT),
		       "lacks the pointer"));
	/* what does not parse is no event of its kind any more */
	assert_int_equal(formats.infos[2].kind, KM_EV_OTHER);
	assert_false(formats.descs[22].is_known);
	km_formats_deinit(&formats);

	assert_true(takes(&formats, "kmem",
			  HEAD("mm_page_alloc", 30) COMMON FIELD("unsigned long pfn", 8, 8)
				  FIELD("unsigned int order", 16, 4)
					  FIELD("unsigned long gfp_flags", 24, 8)
						  FIELD("int migratetype", 32, 4) PRINT));
	desc = &formats.descs[30];
	assert_int_equal(desc->kind, KM_EV_PAGE_ALLOC);
	assert_field(desc->ptr, 8, 8);
	assert_field(desc->order, 16, 4);
	assert_field(desc->migratetype, 32, 4);
	assert_int_equal(desc->least_bytes, 36);
	km_formats_deinit(&formats);
	/* before 4.0 it is a page */
	assert_true(takes(&formats, "kmem",
			  HEAD("mm_page_free", 31) COMMON FIELD("struct page * page", 8, 8)
				  FIELD("unsigned int order", 16, 4) PRINT));
	assert_field(formats.descs[31].ptr, 8, 8);
	km_formats_deinit(&formats);
	assert_false(
		is_taken(HEAD("mm_page_free", 31) COMMON FIELD("unsigned long pfn", 8, 8) PRINT));
}

static void test_stack(void **state)
{
	struct km_formats formats;

	assert_true(takes(&formats, "ftrace",
			  HEAD("kernel_stack", 4) COMMON FIELD("int size", 8, 4)
				  FIELD("unsigned long caller[8]", 16, 64) PRINT));
	assert_int_equal(formats.stack_id, 4);
	assert_int_equal(formats.stack_offset, 16);
	assert_field(formats.stack_size, 8, 4);
	km_formats_deinit(&formats);
	assert_true(takes(&formats, "ftrace",
			  HEAD("user_stack", 4) COMMON FIELD("unsigned long caller[8]", 8, 64)
				  PRINT));
	assert_int_equal(formats.stack_id, 0);
	km_formats_deinit(&formats);
	assert_true(takes(&formats, "sched",
			  HEAD("kernel_stack", 4) COMMON FIELD("unsigned long caller[8]", 8, 64)
				  PRINT));
	assert_int_equal(formats.stack_id, 0);
	km_formats_deinit(&formats);
	assert_true(takes(&formats, "ftrace", HEAD("kernel_stack", 4) COMMON PRINT));
	assert_int_equal(formats.stack_id, 0);
	km_formats_deinit(&formats);
}

/* The payload sizes that the fast path takes, a bit for each number of words. */
static uint32_t fast_sizes(const char *text)
{
	struct km_formats formats;
	uint32_t sizes;

	assert_true(takes(&formats, "kmem", text));
	sizes = formats.fast_descs[10].sizes;
	km_formats_deinit(&formats);
	return sizes;
}

static void test_fast(void **state)
{
	struct km_formats formats;
	const struct km_fast_desc *fast;

	assert_true(takes(&formats, "kmem", KMALLOC(FIELD("int node", 48, 4))));
	fast = &formats.fast_descs[10];
	assert_int_equal(fast->sizes, 1 << 13 | 1 << 14 | 1 << 15);
	assert_int_equal(fast->alloc_mask, UINT32_MAX);
	assert_int_equal(fast->size_offset, 24);
	assert_int_equal(fast->gfp_offset, 40);
	assert_int_equal(fast->account_offset, 42);
	assert_int_equal(fast->account_bits, 0x40);
	assert_int_equal(fast->name_offset, 0);
	assert_int_equal(fast->counts, KM_FAST_ALLOC);
	assert_int_not_equal(fast->what[0], fast->what[1]);
	assert_int_equal(formats.fast_descs[11].sizes, 0);
	km_formats_deinit(&formats);
	assert_true(takes(&formats, "kmem", HEAD("kfree", 10) COMMON SITE_AND_PTR PRINT));
	fast = &formats.fast_descs[10];
	assert_int_equal(fast->sizes, 1 << 6 | 1 << 7);
	assert_int_equal(fast->alloc_mask, 0);
	assert_int_equal(fast->counts, KM_FAST_FREE);
	km_formats_deinit(&formats);
	/* up to 28 words, with a name as many as there are */
	assert_int_equal(fast_sizes(KMALLOC(FIELD("__data_loc char[] name", 48, 4))),
			 (2U << 28) - (1U << 13));
	/* bytes that begin a word count as one */
	assert_int_equal(fast_sizes(KMALLOC(FIELD("bool accounted", 48, 1))),
			 1 << 13 | 1 << 14 | 1 << 15);
	/* not: other places, other sizes */
	assert_int_equal(fast_sizes(HEAD("kfree", 10) COMMON FIELD("void * ptr", 8, 8)
					    FIELD("long call_site", 16, 8) PRINT),
			 0);
	assert_int_equal(fast_sizes(HEAD("kfree", 10) COMMON FIELD("int call_site", 8, 4)
					    FIELD("void * ptr", 16, 8) PRINT),
			 0);
	assert_int_equal(fast_sizes(HEAD("kfree", 10) COMMON FIELD("long call_site", 8, 8)
					    FIELD("void * ptr", 16, 4) PRINT),
			 0);
	assert_int_equal(fast_sizes(HEAD("kmalloc", 10)
					    COMMON SITE_AND_PTR FIELD("size_t bytes_alloc", 24, 8)
						    FIELD("size_t bytes_req", 32, 8) GFP PRINT),
			 0);
	assert_int_equal(fast_sizes(HEAD("kmalloc", 10) COMMON SITE_AND_PTR SIZES FIELD(
				 "short gfp_flags", 40, 2) PRINT),
			 0);
	assert_int_equal(fast_sizes(KMALLOC(FIELD("char p[56]", 48, 56)
						    FIELD("__data_loc char[] name", 104, 4))),
			 (2U << 28) - (1U << 27));
	assert_int_equal(fast_sizes(KMALLOC(FIELD("char p[60]", 48, 60)
						    FIELD("__data_loc char[] name", 108, 4))),
			 1U << 28);
	assert_int_equal(fast_sizes(KMALLOC(FIELD("char p[64]", 48, 64)
						    FIELD("__data_loc char[] name", 112, 4))),
			 0);
	begin(&formats, true, 8);
	assert_string_equal(add(&formats, "kmem", KMALLOC("")), "");
	assert_int_equal(formats.fast_descs[10].sizes, 0);
	km_formats_deinit(&formats);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header_page),
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_common),
		cmocka_unit_test(test_fields_follow),
		cmocka_unit_test(test_slab),
		cmocka_unit_test(test_account),
		cmocka_unit_test(test_percpu_and_pages),
		cmocka_unit_test(test_stack),
		cmocka_unit_test(test_fast),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
