/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The page decoder: what each record does, what damage does, and that the fast path and the generic
 * one say the same of any page, whole or damaged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decode/pages.h"
#include "kmemstat/agg.h"

#define PAGE 4096

static const char header_page[] = "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
				  "\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n"
				  "\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n"
				  "\tfield: char data;\toffset:16;\tsize:4080;\tsigned:0;\n";

#define COMMON                                                                                     \
	"format:\n"                                                                                \
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"                     \
	"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"                     \
	"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"             \
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"                               \
	"\tfield:unsigned long call_site;\toffset:8;\tsize:8;\tsigned:0;\n"                        \
	"\tfield:const void * ptr;\toffset:16;\tsize:8;\tsigned:0;\n"

static const char kmalloc_format[] =
	"name: kmalloc\nID: 10\n" COMMON
	"\tfield:size_t bytes_req;\toffset:24;\tsize:8;\tsigned:0;\n"
	"\tfield:size_t bytes_alloc;\toffset:32;\tsize:8;\tsigned:0;\n"
	"\tfield:unsigned long gfp_flags;\toffset:40;\tsize:8;\tsigned:0;\n"
	"\tfield:int node;\toffset:48;\tsize:4;\tsigned:1;\n\n"
	"print fmt: \"gfp_flags=%s\", (REC->gfp_flags) ? __print_flags(REC->gfp_flags, \"|\", "
	"{ 0x40u, \"__GFP_IO\" }, { 0x400000u, \"__GFP_ACCOUNT\" }) : \"none\"\n";

static const char cache_alloc_format[] =
	"name: kmem_cache_alloc\nID: 11\n" COMMON
	"\tfield:__data_loc char[] name;\toffset:24;\tsize:4;\tsigned:0;\n"
	"\tfield:size_t bytes_req;\toffset:32;\tsize:8;\tsigned:0;\n"
	"\tfield:size_t bytes_alloc;\toffset:40;\tsize:8;\tsigned:0;\n"
	"\tfield:unsigned long gfp_flags;\toffset:48;\tsize:8;\tsigned:0;\n"
	"\tfield:int node;\toffset:56;\tsize:4;\tsigned:1;\n"
	"\tfield:bool accounted;\toffset:60;\tsize:1;\tsigned:0;\n\n"
	"print fmt: \"%p\", REC->ptr\n";

static const char kfree_format[] = "name: kfree\nID: 12\n" COMMON "\nprint fmt: \"%p\", REC->ptr\n";
static const char stack_format[] =
	"name: kernel_stack\nID: 14\nformat:\n"
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
	"\tfield:int size;\toffset:8;\tsize:4;\tsigned:1;\n"
	"\tfield:unsigned long caller[8];\toffset:16;\tsize:64;\tsigned:0;\n\n"
	"print fmt: \"\"\n";
static const char other_format[] = "name: other\nID: 13\n" COMMON "\nprint fmt: \"%p\", REC->ptr\n";

static void make_formats(struct km_formats *formats)
{
	assert_null(km_formats_init(formats, __BYTE_ORDER == __BIG_ENDIAN, 8));
	assert_null(km_formats_add_header_page(formats, header_page, strlen(header_page)));
	assert_null(km_formats_add_event(formats, "kmem", kmalloc_format, strlen(kmalloc_format)));
	assert_null(km_formats_add_event(formats, "kmem", cache_alloc_format,
					 strlen(cache_alloc_format)));
	assert_null(km_formats_add_event(formats, "kmem", kfree_format, strlen(kfree_format)));
	assert_null(km_formats_add_event(formats, "sched", other_format, strlen(other_format)));
	assert_null(km_formats_add_event(formats, "ftrace", stack_format, strlen(stack_format)));
	assert_null(km_formats_seal(formats));
}

/* A page that is being written. */
struct page {
	uint8_t data[PAGE];
	size_t pos;
};

static void put(struct page *page, uint64_t value, size_t size)
{
	assert_true(page->pos + size <= PAGE);
	memcpy(page->data + page->pos, &value, size); /* tests run on little-endian machines */
	page->pos += size;
}

static void page_begin(struct page *page, uint64_t ts)
{
	memset(page, 0, sizeof(*page));
	put(page, ts, 8);
	put(page, 0, 8);
}

static void page_end(struct page *page, uint64_t flags)
{
	uint64_t commit = (page->pos - 16) | flags;

	memcpy(page->data + 8, &commit, 8);
}

static void put_head(struct page *page, unsigned int type, uint32_t delta)
{
	put(page, type | delta << 5, 4);
}

static void put_kmalloc(struct page *page, uint32_t delta, uint64_t ptr, uint64_t req,
			uint64_t alloc, uint64_t gfp)
{
	put_head(page, 14, delta);
	put(page, 10, 2);
	put(page, 0, 2);
	put(page, 77, 4);
	put(page, 0xffffffff81000010, 8);
	put(page, ptr, 8);
	put(page, req, 8);
	put(page, alloc, 8);
	put(page, gfp, 8);
	put(page, 0, 8);
}

static void put_kfree(struct page *page, uint32_t delta, uint64_t ptr)
{
	put_head(page, 6, delta);
	put(page, 12, 2);
	put(page, 0, 2);
	put(page, 77, 4);
	put(page, 0xffffffff81000020, 8);
	put(page, ptr, 8);
}

/* `is_long`: with its length in a u32, as events over 112 bytes are written. */
static void put_cache_alloc(struct page *page, uint32_t delta, const char *name, bool is_long)
{
	size_t len = strlen(name) + 1, size = (64 + len + 3) / 4 * 4, end;

	put_head(page, is_long ? 0 : (unsigned int)size / 4, delta);
	if (is_long)
		put(page, size + 4, 4);
	end = page->pos + size;
	put(page, 11, 2);
	put(page, 0, 2);
	put(page, 78, 4);
	put(page, 0xffffffff81000030, 8);
	put(page, 0xffff888000001000, 8);
	put(page, 64 | len << 16, 8);
	put(page, 100, 8);
	put(page, 104, 8);
	put(page, 0xdc0, 8);
	put(page, 2, 4);
	put(page, 1, 4);
	memcpy(page->data + page->pos, name, len);
	page->pos = end;
}

static void put_stack(struct page *page, const uint64_t *frames, size_t nr)
{
	put_head(page, (unsigned int)(4 + 2 * nr), 1);
	put(page, 14, 8);
	put(page, nr, 8);
	for (size_t i = 0; i < nr; i++)
		put(page, frames[i], 8);
}

struct decoded {
	struct km_pages pages;
	struct km_batch batch;
	uint64_t nr_events, checksum;
};

static const char *cache_name(const void *arg, uint16_t cache)
{
	return km_intern_string(arg, cache);
}

/* The same for the same groups, in whatever order. */
static uint64_t checksum_of(const struct km_groups *groups, const struct km_intern *names)
{
	struct km_groups *all;
	const struct km_group *items;
	uint64_t sum = 0;
	size_t nr;

	assert_null(km_groups_create(&all));
	assert_null(km_groups_merge(all, groups, cache_name, names));
	items = km_groups_items(all, &nr);
	for (size_t i = 0; i < nr; i++) {
		const char *name = km_groups_cache_name(all, items[i].what.cache);
		uint64_t values[] = { items[i].call_site, items[i].size.req,   items[i].size.alloc,
				      items[i].what.kind, items[i].what.flags, items[i].hits,
				      name ? *name : 0 };
		uint64_t hash = 0;

		for (size_t k = 0; k < sizeof(values) / sizeof(values[0]); k++)
			hash = (hash ^ values[k]) * 0x9e3779b97f4a7c15ULL;
		sum += hash ^ hash >> 29;
	}
	km_groups_destroy(all);
	return sum;
}

/* How the time stamps of what is decoded are to be changed. */
static struct km_clock clock_of_test;

static uint64_t checksum_of_name(const struct km_intern *names, uint16_t id)
{
	const char *name = km_intern_string(names, id);
	uint64_t sum = 0;

	for (size_t i = 0; name && name[i]; i++)
		sum = (sum ^ (uint8_t)name[i]) * 1099511628211ULL;
	return sum;
}

static uint64_t checksum_of_stack(const struct km_records *records, km_stack_id stack)
{
	const uint64_t *frames;
	const size_t nr = km_records_stack(records, stack, &frames);
	uint64_t sum = nr;

	for (size_t i = 0; i < nr; i++)
		sum = (sum ^ frames[i]) * 1099511628211ULL;
	return sum;
}

/*
 * Decodes a buffer to its end; the last batch stays. Allocations are counted in groups, on the fast
 * way with those that are known counted by the decoder.
 */
static void decode(const struct km_formats *formats, enum km_want want, bool use_generic,
		   const uint8_t *buf, size_t size, struct decoded *ret)
{
	const struct km_clock clock = clock_of_test;
	struct km_groups *groups;

	memset(ret, 0, sizeof(*ret));
	assert_null(km_groups_create(&groups));
	assert_null(km_pages_init(&ret->pages, formats, want, PAGE));
	ret->pages.use_generic = use_generic;
	if (!use_generic)
		ret->pages.known = km_groups_table(groups);
	km_pages_begin(&ret->pages, 0, 3, &clock);
	km_pages_feed(&ret->pages, buf, size);
	for (bool is_full = true; is_full;) {
		struct km_batch *b = &ret->batch;

		b->nr = 0;
		b->has_others = false;
		is_full = km_pages_fill(&ret->pages, b);
		ret->nr_events += b->nr;
		if (want != KM_WANT_ALLOCS)
			assert_null(km_groups_number(groups, b));
		else
			assert_null(km_groups_add(groups, b));
		for (uint32_t i = 0; want != KM_WANT_ALLOCS && i < b->nr; i++) {
			/* with KM_WANT_PAIRS the group's number says what the columns would */
			const bool is_all = want == KM_WANT_ALL;
			const bool has_what = is_all || km_batch_is_other(b, i);
			uint64_t values[] = {
				is_all ? b->call_site[i] : b->group[i],
				is_all ? b->size[i].req : 0,
				is_all ? b->size[i].alloc : 0,
				/* an event that is odd may have given its name to one of them */
				is_all ? checksum_of_name(&ret->pages.records.names,
							  b->what[i].cache)
				       : 0,
				is_all ? (uint32_t)b->pid[i] : 0,
				has_what ? b->what[i].kind : 0,
				has_what ? b->what[i].flags : 0,
				b->ts_ns[i],
				b->ptr[i],
				b->cpu[b->is_one_cpu && !is_all ? 0 : i],
				b->group[i],
				is_all ? b->more[i].gfp_flags : 0,
				is_all ? (uint16_t)b->more[i].node : 0,
				is_all ? checksum_of_stack(&ret->pages.records, b->stack[i]) : 0,
			};

			for (size_t k = 0; k < sizeof(values) / sizeof(values[0]); k++)
				ret->checksum = (ret->checksum ^ values[k]) * 1099511628211ULL;
		}
	}
	ret->checksum ^= checksum_of(groups, &ret->pages.records.names);
	km_groups_destroy(groups);
	km_pages_finish(&ret->pages);
}

/* By the fast path and by the other, whatever is wanted. */
static void test_clocks(void **state)
{
	static const struct km_clock_sample samples[] = { { .time = 0, .offset = 5 },
							  { .time = 4000, .offset = 45 } };
	static const struct km_clock clocks[] = {
		{ .offset_ns = -7 },
		{ .mult = 3, .shift = 1, .offset_ns = 11 },
		{ .mult = 3, .shift = 64 },
		{ .samples = samples, .nr_samples = 2 },
	};
	static const uint64_t want[][2] = {
		{ 993, 1993 },
		{ 1511, 3011 },
		{ 1000, 2000 },
		{ 1015, 2025 },
	};
	struct km_formats formats;
	struct decoded *d = malloc(sizeof(*d));
	struct page page;

	make_formats(&formats);
	page_begin(&page, 1000);
	put_kmalloc(&page, 0, 0xffff888000000100, 40, 64, 0);
	put_kfree(&page, 1000, 0xffff888000000100);
	page_end(&page, 0);
	for (size_t i = 0; i < 8; i++) {
		const enum km_want wants[] = { KM_WANT_ALL, KM_WANT_PAIRS };

		clock_of_test = clocks[i / 2];
		for (size_t k = 0; k < 2; k++) {
			decode(&formats, wants[k], i % 2, page.data, PAGE, d);
			assert_int_equal(d->batch.nr, 2);
			assert_int_equal(d->batch.ts_ns[0], want[i / 2][0]);
			assert_int_equal(d->batch.ts_ns[1], want[i / 2][1]);
			assert_int_equal(d->pages.stream.first_ns, want[i / 2][0]);
			assert_int_equal(d->pages.stream.last_ns, want[i / 2][1]);
			km_pages_deinit(&d->pages);
		}
	}
	clock_of_test = (struct km_clock){ 0 };
	km_formats_deinit(&formats);
	free(d);
}

static void test_records(void **state)
{
	struct km_formats formats;
	struct decoded *d = malloc(sizeof(*d));
	struct page page;

	(void)state;
	make_formats(&formats);
	page_begin(&page, 1000);
	put_kmalloc(&page, 5, 0xffff888000000100, 40, 64, 0x400000);
	put_head(&page, 30, 7); /* time extend: 2 << 27, and 7 */
	put(&page, 2, 4);
	put_kfree(&page, 1, 0xffff888000000100);
	put_head(&page, 29, 3); /* an event that was discarded */
	put(&page, 8, 4);
	put(&page, 0, 4);
	put_cache_alloc(&page, 2, "dentry", true);
	put_head(&page, 31, 9); /* absolute stamp: 1 << 27, and 9 */
	put(&page, 1, 4);
	put_kmalloc(&page, 0, 0, 1ULL << 40, 0, 0); /* failed */
	put_kfree(&page, 0, 0);
	put_kfree(&page, 0, 16);
	put_head(&page, 29, 0); /* nothing more: no other has room */
	page_end(&page, 0);

	decode(&formats, KM_WANT_ALL, false, page.data, PAGE, d);
	assert_int_equal(d->batch.nr, 6);
	assert_int_equal(d->batch.what[0].kind, KM_EV_KMALLOC);
	assert_int_equal(d->batch.what[0].flags, KM_EVF_ACCOUNTED);
	assert_int_equal(d->batch.size[0].req, 40);
	assert_int_equal(d->batch.size[0].alloc, 64);
	assert_int_equal(d->batch.pid[0], 77);
	assert_int_equal(d->batch.cpu[0], 3);
	assert_int_equal(d->batch.ts_ns[0], 1005);
	assert_int_equal(d->batch.what[1].kind, KM_EV_KFREE);
	assert_int_equal(d->batch.ptr[1], 0xffff888000000100);
	assert_int_equal(d->batch.ts_ns[1], 1005 + (2 << 27) + 7 + 1);
	assert_int_equal(d->batch.what[2].kind, KM_EV_CACHE_ALLOC);
	assert_string_equal(km_intern_string(&d->pages.records.names, d->batch.what[2].cache),
			    "dentry");
	assert_int_equal(d->batch.ts_ns[2], 1005 + (2 << 27) + 7 + 1 + 3 + 2);
	assert_int_equal(d->batch.ts_ns[3], (1 << 27) + 9);
	assert_int_equal(d->batch.size[3].alloc, 0);
	assert_int_equal(d->pages.stream.quality.count[KM_FAILED_ALLOCS], 1);
	assert_int_equal(d->pages.stream.quality.count[KM_NULL_FREES], 1);
	assert_int_equal(d->pages.stream.quality.count[KM_ZERO_SIZE_FREES], 1);
	assert_int_equal(d->pages.stream.quality.count[KM_EVENTS_USED], 6);
	assert_int_equal(d->pages.stream.quality.count[KM_PAGES_DAMAGED], 0);
	assert_int_equal(d->pages.stream.first_ns, 1005);
	assert_int_equal(d->pages.stream.last_ns, (1 << 27) + 9);
	km_pages_deinit(&d->pages);

	/* allocations that succeeded only */
	decode(&formats, KM_WANT_ALLOCS, false, page.data, PAGE, d);
	assert_int_equal(d->batch.nr, 2);
	assert_int_equal(d->pages.stream.quality.count[KM_EVENTS_USED], 6);
	assert_int_equal(d->pages.stats.kinds[KM_EV_KFREE], 3);
	km_pages_deinit(&d->pages);
	km_formats_deinit(&formats);
	free(d);
}

static uint64_t count_after(const struct km_formats *formats, const struct page *page, size_t size,
			    enum km_counter counter)
{
	struct decoded *d = malloc(sizeof(*d));
	uint64_t count;

	decode(formats, KM_WANT_ALLOCS, false, page->data, size, d);
	count = d->pages.stream.quality.count[counter];
	km_pages_deinit(&d->pages);
	free(d);
	return count;
}

static void test_losses(void **state)
{
	struct km_formats formats;
	struct page page;
	uint64_t lost = 12345;

	(void)state;
	make_formats(&formats);
	page_begin(&page, 1000);
	put_kfree(&page, 0, 0xffff888000000100);
	page_end(&page, 0x80000000);
	assert_int_equal(count_after(&formats, &page, PAGE, KM_GAPS_UNKNOWN), 1);
	assert_int_equal(count_after(&formats, &page, PAGE, KM_EVENTS_LOST), 0);
	/* as a 64-bit kernel writes it: the flag as a negative int */
	page_end(&page, 0xffffffff80000000);
	assert_int_equal(count_after(&formats, &page, PAGE, KM_GAPS_UNKNOWN), 1);
	assert_int_equal(count_after(&formats, &page, PAGE, KM_PAGES_DAMAGED), 0);
	page_end(&page, 0xffffffffc0000000);
	memcpy(page.data + page.pos, &lost, 8);
	assert_int_equal(count_after(&formats, &page, PAGE, KM_EVENTS_LOST), 12345);
	page_end(&page, 0x100000000);
	assert_int_equal(count_after(&formats, &page, PAGE, KM_PAGES_DAMAGED), 1);
	page_end(&page, 0xc0000000);
	memcpy(page.data + page.pos, &lost, 8);
	assert_int_equal(count_after(&formats, &page, PAGE, KM_GAPS_UNKNOWN), 0);
	assert_int_equal(count_after(&formats, &page, PAGE, KM_EVENTS_LOST), 12345);
	km_formats_deinit(&formats);
}

static void test_damage(void **state)
{
	struct km_formats formats;
	struct page page;

	(void)state;
	make_formats(&formats);
	/* a commit beyond the page */
	page_begin(&page, 1000);
	put_kfree(&page, 0, 0xffff888000000100);
	page.data[8] = 0xf1;
	page.data[9] = 0x0f;
	assert_int_equal(count_after(&formats, &page, PAGE, KM_PAGES_DAMAGED), 1);
	assert_int_equal(count_after(&formats, &page, PAGE, KM_EVENTS_USED), 0);
	/* an event that goes on beyond the commit */
	page_begin(&page, 1000);
	put_kfree(&page, 0, 0xffff888000000100);
	page_end(&page, 0);
	page.data[8] -= 4;
	assert_int_equal(count_after(&formats, &page, PAGE, KM_PAGES_DAMAGED), 1);
	assert_int_equal(count_after(&formats, &page, PAGE, KM_EVENTS_USED), 0);
	/* nothing more, and more behind it */
	page_begin(&page, 1000);
	put_head(&page, 29, 0);
	put_kfree(&page, 0, 0xffff888000000100);
	page_end(&page, 0);
	assert_int_equal(count_after(&formats, &page, PAGE, KM_PAGES_DAMAGED), 1);
	/* an event that goes over the next: longer than its format, which has no string */
	page_begin(&page, 1000);
	put_kfree(&page, 0, 0xffff888000000100);
	put_kfree(&page, 0, 0xffff888000000100);
	page_end(&page, 0);
	assert_int_equal(count_after(&formats, &page, PAGE, KM_EVENTS_USED), 2);
	page.data[16] = (uint8_t)(page.data[16] + (__BYTE_ORDER == __BIG_ENDIAN ? 7 << 3 : 7));
	assert_int_equal(count_after(&formats, &page, PAGE, KM_PAGES_DAMAGED), 1);
	assert_int_equal(count_after(&formats, &page, PAGE, KM_EVENTS_USED), 0);
	/* a length of less than itself */
	page_begin(&page, 1000);
	put_head(&page, 0, 0);
	put(&page, 3, 4);
	page_end(&page, 0);
	assert_int_equal(count_after(&formats, &page, PAGE, KM_PAGES_DAMAGED), 1);
	/* an id without a format, an event shorter than its format, sizes that cannot be */
	page_begin(&page, 1000);
	put_head(&page, 2, 0);
	put(&page, 99, 8);
	put_head(&page, 2, 0);
	put(&page, 12, 8);
	put_kmalloc(&page, 0, 0xffff888000000100, 65, 64, 0);
	put_kmalloc(&page, 0, 0xffff888000000100, 64, 1ULL << 32 | 64, 0);
	put_kmalloc(&page, 0, 0xffff888000000100, 0, 0, 0);
	page_end(&page, 0);
	assert_int_equal(count_after(&formats, &page, PAGE, KM_UNDECODABLE_ID), 1);
	assert_int_equal(count_after(&formats, &page, PAGE, KM_UNDECODABLE_SHORT), 1);
	assert_int_equal(count_after(&formats, &page, PAGE, KM_UNDECODABLE_SIZE), 3);
	assert_int_equal(count_after(&formats, &page, PAGE, KM_PAGES_DAMAGED), 0);
	/* a page that ends early: its events as far as they are there */
	page_begin(&page, 1000);
	put_kfree(&page, 0, 0xffff888000000100);
	put_kfree(&page, 0, 0xffff888000000200);
	page_end(&page, 0);
	assert_int_equal(count_after(&formats, &page, 16 + 28 + 10, KM_EVENTS_USED), 1);
	assert_int_equal(count_after(&formats, &page, 16 + 28 + 10, KM_BYTES_MISSING),
			 PAGE - (16 + 28 + 10));
	/* a page without events, and one from when the clock began, are good */
	page_begin(&page, 1000);
	page_end(&page, 0);
	assert_int_equal(count_after(&formats, &page, PAGE, KM_PAGES_DAMAGED), 0);
	page_begin(&page, 0);
	put_kfree(&page, 0, 0xffff888000000100);
	page_end(&page, 0);
	assert_int_equal(count_after(&formats, &page, PAGE, KM_PAGES_DAMAGED), 0);
	assert_int_equal(count_after(&formats, &page, PAGE, KM_EVENTS_USED), 1);
	/* zeros: a hole in the file */
	memset(&page, 0, sizeof(page));
	assert_int_equal(count_after(&formats, &page, PAGE, KM_PAGES_DAMAGED), 1);
	km_formats_deinit(&formats);
}

/* What is before the first event of a page, which its time depends on. */
static void test_first_event(void **state)
{
	/* of the page's own stamp an absolute one, which has 59 bits, leaves the upper ones */
	const uint64_t upper = 0xf8ULL << 56, ts = upper | 1ULL << 58 | 1000;
	struct km_formats formats;
	struct decoded *d = malloc(sizeof(*d));
	struct page page;

	make_formats(&formats);
	page_begin(&page, ts);
	put_head(&page, 31, 9); /* 1 << 27, and 9 */
	put(&page, 1, 4);
	put_kfree(&page, 1, 0xffff888000000100);
	page_end(&page, 0);
	decode(&formats, KM_WANT_ALL, false, page.data, PAGE, d);
	assert_true(d->batch.ts_ns[0] == (upper | ((1 << 27) + 10)));
	assert_true(d->pages.stream.first_ns == d->batch.ts_ns[0]);
	km_pages_deinit(&d->pages);
	/* a longer time than an event has room for */
	page_begin(&page, 1000);
	put_head(&page, 30, 7);
	put(&page, 2, 4);
	put_kfree(&page, 1, 0xffff888000000100);
	page_end(&page, 0);
	decode(&formats, KM_WANT_ALL, false, page.data, PAGE, d);
	assert_int_equal(d->batch.ts_ns[0], 1000 + (2 << 27) + 8);
	assert_int_equal(d->pages.stream.first_ns, d->batch.ts_ns[0]);
	km_pages_deinit(&d->pages);
	/* an event that was discarded, of each length that takes three words */
	for (uint32_t len = 5; len <= 8; len++) {
		page_begin(&page, 1000);
		put_head(&page, 29, 3);
		put(&page, len, 4);
		put(&page, UINT32_MAX, 4);
		put_kfree(&page, 5, 0xffff888000000100);
		page_end(&page, 0);
		decode(&formats, KM_WANT_ALL, false, page.data, PAGE, d);
		assert_int_equal(d->batch.nr, 1);
		assert_int_equal(d->batch.ts_ns[0], 1008);
		assert_int_equal(d->pages.stream.first_ns, 1008);
		km_pages_deinit(&d->pages);
	}
	/* one of nothing */
	page_begin(&page, 1000);
	put_head(&page, 29, 3);
	put(&page, 4, 4);
	put_kfree(&page, 5, 0xffff888000000100);
	page_end(&page, 0);
	decode(&formats, KM_WANT_ALL, false, page.data, PAGE, d);
	assert_int_equal(d->batch.nr, 1);
	assert_int_equal(d->pages.stream.first_ns, 1008);
	assert_int_equal(d->pages.stream.quality.count[KM_PAGES_DAMAGED], 0);
	km_pages_deinit(&d->pages);
	/* one that is shorter than its length, or longer than the page: no event comes after it */
	for (uint32_t len = 3; len < 5000; len += 4000) {
		page_begin(&page, 1000);
		put_head(&page, 29, 3);
		put(&page, len, 4);
		put_kfree(&page, 5, 0xffff888000000100);
		page_end(&page, 0);
		decode(&formats, KM_WANT_ALL, false, page.data, PAGE, d);
		assert_int_equal(d->nr_events, 0);
		assert_int_equal(d->pages.stream.quality.count[KM_PAGES_DAMAGED], 1);
		assert_true(d->pages.stream.first_ns == UINT64_MAX);
		km_pages_deinit(&d->pages);
	}
	km_formats_deinit(&formats);
	free(d);
}

/* A length in a u32 counts itself, and is rounded up to words; an event has no byte behind it. */
static void test_lengths(void **state)
{
	struct km_formats formats;
	struct page page;

	make_formats(&formats);
	for (uint32_t len = 4 + 25; len <= 4 + 28; len++) {
		page_begin(&page, 1000);
		put_head(&page, 0, 0);
		put(&page, len, 4);
		put(&page, 12, 8);
		put(&page, 0xffffffff81000020, 8);
		put(&page, 0xffff888000000100, 8);
		put(&page, 0, 4);
		put_kfree(&page, 0, 0xffff888000000200);
		page_end(&page, 0);
		assert_int_equal(count_after(&formats, &page, PAGE, KM_EVENTS_USED), 2);
		assert_int_equal(count_after(&formats, &page, PAGE, KM_PAGES_DAMAGED), 0);
	}
	/* less than itself: a byte later there would be what ends a page */
	page_begin(&page, 1000);
	put(&page, 29 << 8 | 3 << 5 | 29, 4);
	put(&page, 0, 4);
	page_end(&page, 0);
	assert_int_equal(count_after(&formats, &page, PAGE, KM_PAGES_DAMAGED), 1);
	/* all but `accounted`, its last byte, which would be the first of the next */
	page_begin(&page, 1000);
	put_cache_alloc(&page, 0, "", false);
	page.pos -= 8;
	page.data[16] = (uint8_t)(page.data[16] - 2);
	put_kfree(&page, 0, 0xffff888000000200);
	page_end(&page, 0);
	assert_int_equal(count_after(&formats, &page, PAGE, KM_EVENTS_USED), 1);
	assert_int_equal(count_after(&formats, &page, PAGE, KM_UNDECODABLE_SHORT), 1);
	km_formats_deinit(&formats);
}

static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return *seed >> 33;
}

static void put_random(struct page *page, uint64_t *seed)
{
	uint32_t delta = (uint32_t)next_random(seed) & 0xffff;

	switch (next_random(seed) % 8) {
	case 0:
		/* NULL, ZERO_SIZE_PTR, and their neighbours */
		put_kfree(page, delta,
			  next_random(seed) % 5 ? next_random(seed) : next_random(seed) % 4 * 8);
		break;
	case 1:
		put_cache_alloc(page, delta, next_random(seed) % 2 ? "dentry" : "inode_cache",
				next_random(seed) % 4 == 0);
		break;
	case 2:
		put_head(page, 30 + next_random(seed) % 2, delta);
		put(page, next_random(seed), 4);
		break;
	case 3:
		if (next_random(seed) % 2) {
			put_stack(page, (const uint64_t[]){ delta, 7 }, 2);
			break;
		}
		put_head(page, 7, delta);
		put(page, 13, 4); /* an event of another kind */
		page->pos += 24;
		break;
	case 4:
		/* sizes that cannot be, but are in their lower halves as others */
		put_kmalloc(page, delta, next_random(seed), 1 | next_random(seed) % 3 << 32,
			    64 | next_random(seed) % 3 << 32, 0);
		break;
	default:
		put_kmalloc(page, delta, next_random(seed) % 9 ? next_random(seed) : 0,
			    next_random(seed) % 64, 64, next_random(seed) << 20);
	}
}

static void assert_same(const struct km_formats *formats, enum km_want want, const uint8_t *buf,
			size_t size)
{
	struct decoded *fast = malloc(sizeof(*fast)), *generic = malloc(sizeof(*generic));

	decode(formats, want, false, buf, size, fast);
	decode(formats, want, true, buf, size, generic);
	if (want != KM_WANT_ALLOCS)
		assert_int_equal(fast->nr_events, generic->nr_events);
	else
		assert_true(fast->nr_events <= generic->nr_events);
	assert_int_equal(fast->checksum, generic->checksum);
	assert_memory_equal(&fast->pages.stream.quality, &generic->pages.stream.quality,
			    sizeof(struct km_quality));
	assert_memory_equal(fast->pages.records.slots, generic->pages.records.slots,
			    formats->nr_infos * sizeof(uint64_t));
	assert_int_equal(fast->pages.stream.first_ns, generic->pages.stream.first_ns);
	assert_int_equal(fast->pages.stream.last_ns, generic->pages.stream.last_ns);
	km_pages_deinit(&fast->pages);
	km_pages_deinit(&generic->pages);
	free(fast);
	free(generic);
}

/* 60 buffers of 12 pages, each whole and then with up to 40 bits flipped. */
static void test_fast_is_generic(void **state)
{
	enum { NR_PAGES = 12 };
	struct km_formats formats;
	struct page page;
	uint8_t *buf = malloc(NR_PAGES * PAGE);
	uint64_t seed = 20260101;

	(void)state;
	make_formats(&formats);
	for (int round = 0; round < 60; round++) {
		for (int i = 0; i < NR_PAGES; i++) {
			page_begin(&page, 1000000 * (uint64_t)i + 1);
			while (page.pos < PAGE - 100)
				put_random(&page, &seed);
			page_end(&page, next_random(&seed) % 4 ? 0 : 0x80000000);
			memcpy(buf + i * PAGE, page.data, PAGE);
		}
		assert_same(&formats, KM_WANT_ALLOCS, buf, NR_PAGES * PAGE);
		assert_same(&formats, KM_WANT_PAIRS, buf, NR_PAGES * PAGE);
		assert_same(&formats, KM_WANT_ALL, buf, NR_PAGES * PAGE);
		for (int i = 0; i < 40; i++) {
			size_t bit = next_random(&seed) % (NR_PAGES * PAGE * 8);

			buf[bit / 8] ^= (uint8_t)(1U << bit % 8);
		}
		assert_same(&formats, KM_WANT_ALLOCS, buf, NR_PAGES * PAGE);
		assert_same(&formats, KM_WANT_ALL, buf,
			    NR_PAGES * PAGE - next_random(&seed) % PAGE);
	}
	km_formats_deinit(&formats);
	free(buf);
}

/* An allocation of a group that was met in a batch before is in none any more. */
static void test_known(void **state)
{
	struct km_formats formats;
	struct decoded *d = malloc(sizeof(*d));
	struct page page;
	/* a page full to its last byte, in memory that ends with it */
	uint8_t *buf = malloc(16 * PAGE);

	(void)state;
	make_formats(&formats);
	page_begin(&page, 1000);
	while (page.pos < PAGE)
		put_kmalloc(&page, 1, 0xffff888000000100, 40, 64, 0);
	assert_int_equal(page.pos, PAGE);
	page_end(&page, 0);
	for (int i = 0; i < 16; i++)
		memcpy(buf + i * PAGE, page.data, PAGE);
	decode(&formats, KM_WANT_ALLOCS, false, buf, 16 * PAGE, d);
	/* the very last is too near to the end to be looked at without care */
	assert_int_equal(d->nr_events, KM_BATCH_EVENTS + 1);
	assert_int_equal(d->pages.stream.quality.count[KM_EVENTS_USED], 16 * 68);
	assert_int_equal(d->pages.stream.last_ns, 1068);
	km_pages_deinit(&d->pages);
	assert_same(&formats, KM_WANT_ALLOCS, buf, 16 * PAGE);
	assert_same(&formats, KM_WANT_ALL, buf, 16 * PAGE);
	km_formats_deinit(&formats);
	free(buf);
	free(d);
}

/* Of pairs, too: the batch after says its group, and nothing of it is written again. */
static void test_known_pairs(void **state)
{
	enum { NR_PAGES = 20, PER_PAGE = 4080 / (60 + 72 + 80) * 3 };
	struct km_formats formats;
	struct decoded *d = calloc(1, sizeof(*d));
	const struct km_clock clock = { 0 };
	struct km_groups *groups;
	struct page page;
	uint8_t *buf = malloc(NR_PAGES * PAGE);

	make_formats(&formats);
	for (int i = 0; i < NR_PAGES; i++) {
		page_begin(&page, 1000);
		for (int k = 0; k < PER_PAGE; k += 3) {
			put_kmalloc(&page, 1, 0xffff888000000100, 40, 64, 0);
			put_cache_alloc(&page, 1, "", false);
			put_cache_alloc(&page, 1, "dentry", false);
		}
		page_end(&page, 0);
		memcpy(buf + i * PAGE, page.data, PAGE);
	}
	assert_null(km_groups_create(&groups));
	assert_null(km_pages_init(&d->pages, &formats, KM_WANT_PAIRS, PAGE));
	d->pages.known = km_groups_table(groups);
	km_pages_begin(&d->pages, 0, 3, &clock);
	km_pages_feed(&d->pages, buf, NR_PAGES * PAGE);
	assert_true(km_pages_fill(&d->pages, &d->batch));
	assert_int_equal(d->batch.nr, KM_BATCH_EVENTS);
	assert_true(d->batch.has_new);
	assert_null(km_groups_number(groups, &d->batch));
	memset(&d->batch, 0, sizeof(d->batch));
	assert_true(km_pages_fill(&d->pages, &d->batch));
	assert_int_equal(d->batch.nr, KM_BATCH_EVENTS);
	assert_false(d->batch.has_new);
	for (uint32_t i = 0; i < KM_BATCH_EVENTS; i++) {
		assert_int_equal(d->batch.group[i], 1 + (KM_BATCH_EVENTS + i) % 3);
		assert_int_equal(d->batch.call_site[i], 0);
	}
	d->batch.nr = 0;
	assert_false(km_pages_fill(&d->pages, &d->batch));
	assert_int_equal(d->batch.nr, NR_PAGES * PER_PAGE - 2 * KM_BATCH_EVENTS);
	km_pages_deinit(&d->pages);
	km_groups_destroy(groups);
	km_formats_deinit(&formats);
	free(buf);
	free(d);
}

/* The event that makes a batch full waits for its stack, and is the first of the next batch. */
static void assert_last_is_kept(const struct km_formats *formats, const uint8_t *buf, size_t size,
				bool use_generic, bool has_stack)
{
	struct decoded *d = calloc(1, sizeof(*d));
	struct km_batch *b = &d->batch;
	const struct km_clock clock = { 0 };
	const uint64_t *frames;

	assert_null(km_pages_init(&d->pages, formats, KM_WANT_ALL, PAGE));
	d->pages.use_generic = use_generic;
	km_pages_begin(&d->pages, 0, 3, &clock);
	km_pages_feed(&d->pages, buf, size);
	assert_true(km_pages_fill(&d->pages, b));
	assert_int_equal(b->nr, KM_BATCH_EVENTS - 1);
	memset(b, 0, sizeof(*b));
	assert_false(km_pages_fill(&d->pages, b));
	assert_int_equal(b->nr, 2);
	assert_true(b->has_new);
	assert_int_equal(b->group[0], KM_ROW_ALLOC);
	assert_int_equal(b->call_site[0], 0xffffffff81000030);
	assert_int_equal(b->ptr[0], 0xffff888000001000);
	assert_int_equal(b->size[0].req, 100);
	assert_int_equal(b->size[0].alloc, 104);
	assert_int_equal(b->what[0].kind, KM_EV_CACHE_ALLOC);
	assert_int_equal(b->what[0].flags, KM_EVF_ACCOUNTED);
	assert_string_equal(km_intern_string(&d->pages.records.names, b->what[0].cache), "dentry");
	assert_int_equal(b->more[0].gfp_flags, 0xdc0);
	assert_int_equal(b->more[0].node, 2);
	assert_int_equal(b->pid[0], 78);
	assert_int_equal(b->cpu[0], 3);
	assert_int_equal(b->ts_ns[0], 1005);
	assert_int_equal(km_records_stack(&d->pages.records, b->stack[0], &frames),
			 has_stack ? 2 : 0);
	if (has_stack)
		assert_int_equal(frames[1], 12);
	/* it is kept no longer than that */
	assert_int_equal(b->group[1], KM_ROW_FREE);
	assert_int_equal(b->stack[1], 0);
	assert_int_equal(d->pages.stream.quality.count[KM_EVENTS_USED], 0);
	km_pages_finish(&d->pages);
	assert_int_equal(d->pages.stream.quality.count[KM_EVENTS_USED], KM_BATCH_EVENTS + 1);
	km_pages_deinit(&d->pages);
	free(d);
}

static void test_last_of_batch(void **state)
{
	enum { PER_PAGE = 4080 / 60, NR_PAGES = KM_BATCH_EVENTS / PER_PAGE + 1 };
	static const uint64_t frames[] = { 11, 12 };
	struct km_formats formats;
	struct decoded *d = calloc(1, sizeof(*d));
	struct page page;
	uint8_t *buf = malloc(NR_PAGES * PAGE);

	make_formats(&formats);
	for (int has_stack = 0; has_stack < 2; has_stack++) {
		for (int i = 0; i < NR_PAGES; i++) {
			const bool is_last = i == NR_PAGES - 1;

			page_begin(&page, 1000);
			for (int k = 0; k < (is_last ? KM_BATCH_EVENTS % PER_PAGE - 1 : PER_PAGE);
			     k++)
				put_kmalloc(&page, 0, 0xffff888000000100, 40, 64, 0);
			if (is_last) {
				put_cache_alloc(&page, 5, "dentry", false);
				if (has_stack)
					put_stack(&page, frames, 2);
				put_kfree(&page, 1, 0xffff888000000100);
			}
			page_end(&page, 0);
			memcpy(buf + i * PAGE, page.data, PAGE);
		}
		assert_last_is_kept(&formats, buf, NR_PAGES * PAGE, false, has_stack);
		assert_last_is_kept(&formats, buf, NR_PAGES * PAGE, true, has_stack);
		/* pairs of slabs have no stacks to wait for */
		assert_null(km_pages_init(&d->pages, &formats, KM_WANT_PAIRS, PAGE));
		d->batch.nr = 0;
		km_pages_begin(&d->pages, 0, 3, &(struct km_clock){ 0 });
		km_pages_feed(&d->pages, buf, NR_PAGES * PAGE);
		assert_true(km_pages_fill(&d->pages, &d->batch));
		assert_int_equal(d->batch.nr, KM_BATCH_EVENTS);
		km_pages_deinit(&d->pages);
	}
	km_formats_deinit(&formats);
	free(buf);
	free(d);
}

/* The end of the last page, and of the memory it is in, has no room for an event. */
static void test_last_bytes(void **state)
{
	static const enum km_want wants[] = { KM_WANT_ALLOCS, KM_WANT_PAIRS, KM_WANT_ALL };
	struct km_formats formats;
	struct page page;
	uint8_t *buf = malloc(PAGE);

	make_formats(&formats);
	page_begin(&page, 1000);
	while (page.pos < PAGE - 60)
		put_kmalloc(&page, 1, 0xffff888000000100, 40, 64, 0);
	put_kfree(&page, 1, 0xffff888000000100);
	put_kfree(&page, 1, 0xffff888000000100);
	put_head(&page, 29, 0);
	assert_int_equal(page.pos, PAGE);
	page_end(&page, 0);
	memcpy(buf, page.data, PAGE);
	for (size_t i = 0; i < 3; i++)
		assert_same(&formats, wants[i], buf, PAGE);
	assert_int_equal(count_after(&formats, &page, PAGE, KM_EVENTS_USED), 69);
	assert_int_equal(count_after(&formats, &page, PAGE, KM_PAGES_DAMAGED), 0);
	km_formats_deinit(&formats);
	free(buf);
}

/* A format with `from` changed to `to`, which is as long. */
static void assert_refused(struct km_formats *formats, const char *format, const char *from,
			   const char *to, const char *message)
{
	char *text = strdup(format);
	struct km_error *error;

	memcpy(strstr(text, from), to, strlen(to));
	error = km_formats_add_event(formats, "kmem", text, strlen(text));
	assert_non_null(error);
	assert_string_equal(error->message, message);
	km_error_free(error);
	free(text);
}

static void test_bad_formats(void **state)
{
	static const char no_id[] = "name: kmalloc\nformat:\n";
	static const char no_ptr[] =
		"name: kfree\nID: 5\nformat:\n"
		"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
		"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
		"print fmt: \"x\"\n";
	struct km_formats formats;
	struct km_error *error;

	(void)state;
	assert_null(km_formats_init(&formats, false, 8));
	error = km_formats_add_event(&formats, "kmem", no_id, strlen(no_id));
	assert_non_null(error);
	assert_string_equal(error->message, "an event format of system kmem has no name or id");
	km_error_free(error);
	error = km_formats_add_event(&formats, "kmem", no_ptr, strlen(no_ptr));
	assert_non_null(error);
	assert_string_equal(error->message,
			    "the format of event kmem:kfree lacks the pointer, the sizes "
			    "or the call site");
	km_error_free(error);
	assert_refused(&formats, kfree_format, "size:8;\tsigned:0;\n\n", "size:8;\tsigned:7;\n\n",
		       "the format of event kmem:kfree does not parse");
	assert_refused(&formats, kfree_format, "offset:16", "offset:17",
		       "the format of event kmem:kfree does not parse");
	assert_refused(&formats, kfree_format, "offset:16", "offset:24",
		       "the format of event kmem:kfree does not parse");
	assert_refused(&formats, kfree_format, "common_pid", "common_pie",
		       "the format of event kmem:kfree does not parse");
	assert_refused(&formats, kfree_format, "\tfield:const", "\tfielt:const",
		       "the format of event kmem:kfree does not parse");
	assert_refused(&formats, kfree_format, "kfree", "kfsee",
		       "an event of system kmem is like an allocation, and its name is not known");
	assert_refused(&formats, kmalloc_format, "gfp_flags;", "gfp_flagt;",
		       "the format of event kmem:kmalloc lacks the pointer, the sizes or the call "
		       "site");
	assert_null(km_formats_add_event(&formats, "kmem", kfree_format, strlen(kfree_format)));
	assert_refused(&formats, other_format, "ID: 13", "ID: 12",
		       "two event formats have the id 12");
	error = km_formats_add_header_page(&formats, "field: u64 x;", 13);
	assert_non_null(error);
	km_error_free(error);
	error = km_formats_seal(&formats);
	assert_non_null(error);
	assert_string_equal(error->message, "there is no ring-buffer page layout (header_page)");
	km_error_free(error);
	km_formats_deinit(&formats);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),         cmocka_unit_test(test_clocks),
		cmocka_unit_test(test_losses),          cmocka_unit_test(test_damage),
		cmocka_unit_test(test_first_event),     cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_fast_is_generic), cmocka_unit_test(test_known),
		cmocka_unit_test(test_known_pairs),     cmocka_unit_test(test_last_bytes),
		cmocka_unit_test(test_last_of_batch),   cmocka_unit_test(test_bad_formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
