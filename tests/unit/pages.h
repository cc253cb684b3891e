/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hand-made pages of a ring buffer, and what the page decoder makes of them. */
#ifndef KMEMSTAT_TESTS_PAGES_H
#define KMEMSTAT_TESTS_PAGES_H

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

static inline void make_formats(struct km_formats *formats)
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

static inline void put(struct page *page, uint64_t value, size_t size)
{
	assert_true(page->pos + size <= PAGE);
	memcpy(page->data + page->pos, &value, size); /* tests run on little-endian machines */
	page->pos += size;
}

static inline void page_begin(struct page *page, uint64_t ts)
{
	memset(page, 0, sizeof(*page));
	put(page, ts, 8);
	put(page, 0, 8);
}

static inline void page_end(struct page *page, uint64_t flags)
{
	uint64_t commit = (page->pos - 16) | flags;

	memcpy(page->data + 8, &commit, 8);
}

static inline void put_head(struct page *page, unsigned int type, uint32_t delta)
{
	put(page, type | delta << 5, 4);
}

static inline void put_kmalloc(struct page *page, uint32_t delta, uint64_t ptr, uint64_t req,
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

static inline void put_kfree(struct page *page, uint32_t delta, uint64_t ptr)
{
	put_head(page, 6, delta);
	put(page, 12, 2);
	put(page, 0, 2);
	put(page, 77, 4);
	put(page, 0xffffffff81000020, 8);
	put(page, ptr, 8);
}

/* `is_long`: with its length in a u32, as events over 112 bytes are written. */
static inline void put_cache_alloc(struct page *page, uint32_t delta, const char *name,
				   bool is_long)
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

static inline void put_stack(struct page *page, const uint64_t *frames, size_t nr)
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

static inline const char *cache_name(const void *arg, uint16_t cache)
{
	return km_intern_string(arg, cache);
}

/* The same for the same groups, in whatever order. */
static inline uint64_t checksum_of(const struct km_groups *groups, const struct km_intern *names)
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

static inline uint64_t checksum_of_name(const struct km_intern *names, uint16_t id)
{
	const char *name = km_intern_string(names, id);
	uint64_t sum = 0;

	for (size_t i = 0; name && name[i]; i++)
		sum = (sum ^ (uint8_t)name[i]) * 1099511628211ULL;
	return sum;
}

static inline uint64_t checksum_of_stack(const struct km_records *records, km_stack_id stack)
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
static inline void decode(const struct km_formats *formats, enum km_want want, bool use_generic,
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

/* What is counted of a page, or of so many bytes of it. */
static inline uint64_t count_after(const struct km_formats *formats, const struct page *page,
				   size_t size, enum km_counter counter)
{
	struct decoded *d = malloc(sizeof(*d));
	uint64_t count;

	decode(formats, KM_WANT_ALLOCS, false, page->data, size, d);
	count = d->pages.stream.quality.count[counter];
	km_pages_deinit(&d->pages);
	free(d);
	return count;
}

#endif
