/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One record to a row: what each field becomes, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decode/record.h"

#define FIELD(what, at, size) "\tfield:" what ";\toffset:" #at ";\tsize:" #size ";\tsigned:0;\n"
#define COMMON                                                                                     \
	"format:\n" FIELD("unsigned short common_type", 0, 2) FIELD("char common_flags", 2, 1)     \
		FIELD("char common_preempt_count", 3, 1) FIELD("int common_pid", 4, 4) "\n"
#define HEAD(name, id) "name: " name "\nID: " #id "\n"
#define FLAGS                                                                                      \
	"\nprint fmt: \"%s\", __print_flags(REC->gfp_flags, \"|\", {0x400000u, "                   \
	"\"__GFP_ACCOUNT\"})\n"
#define PRINT "\nprint fmt: \"%p\", REC->ptr\n"

enum { KMALLOC = 10, CACHE_ALLOC, KFREE, PERCPU, CACHE_FREE, PAGES, PAGE_FREE, STACK, OTHER };

static const struct {
	const char *system, *text;
} events[] = {
	{ "kmem",
	  HEAD("kmalloc", 10) COMMON FIELD("long call_site", 8, 8) FIELD("void * ptr", 16, 8)
		  FIELD("size_t bytes_req", 24, 8) FIELD("size_t bytes_alloc", 32, 8)
			  FIELD("long gfp_flags", 40, 8) FIELD("int node", 48, 4) FLAGS },
	{ "kmem", HEAD("kmem_cache_alloc", 11) COMMON FIELD("long call_site", 8, 8)
			  FIELD("void * ptr", 16, 8) FIELD("__data_loc char[] name", 24, 4) FIELD(
				  "size_t bytes_req", 32, 8) FIELD("size_t bytes_alloc", 40, 8)
				  FIELD("bool accounted", 48, 1) FLAGS },
	{ "kmem",
	  HEAD("kfree", 12) COMMON FIELD("long call_site", 8, 8) FIELD("void * ptr", 16, 8) PRINT },
	{ "percpu", HEAD("percpu_alloc_percpu", 13) COMMON FIELD("bool reserved", 8, 1)
			    FIELD("bool is_atomic", 9, 1) FIELD("size_t size", 16, 8)
				    FIELD("size_t align", 24, 8) FIELD("void * ptr", 32, 8)
					    FIELD("size_t bytes_alloc", 40, 8) PRINT },
	{ "kmem", HEAD("kmem_cache_free", 14) COMMON FIELD("long call_site", 8, 8)
			  FIELD("void * ptr", 16, 8) FIELD("__data_loc char[] name", 24, 4) PRINT },
	{ "kmem", HEAD("mm_page_alloc", 15) COMMON FIELD("long pfn", 8, 8) FIELD("int order", 16, 4)
			  FIELD("long gfp_flags", 24, 8) FIELD("int migratetype", 32, 4) FLAGS },
	{ "kmem",
	  HEAD("mm_page_free", 16) COMMON FIELD("int pfn", 8, 4) FIELD("int order", 12, 4) PRINT },
	{ "ftrace", HEAD("kernel_stack", 17) COMMON FIELD("int size", 8, 4)
			    FIELD("long caller[8]", 16, 64) PRINT },
	{ "sched", HEAD("other", 18) COMMON PRINT },
};

struct fixture {
	struct km_formats formats;
	struct km_records records;
	struct km_quality quality;
	struct km_batch batch;
	uint8_t data[128];
};

static const struct km_moment moment = { 1234, 3 };

static struct fixture *begin(enum km_want want)
{
	struct fixture *fx = calloc(1, sizeof(*fx));

	assert_non_null(fx);
	assert_null(km_formats_init(&fx->formats, false, 8));
	for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++)
		assert_null(km_formats_add_event(&fx->formats, events[i].system, events[i].text,
						 strlen(events[i].text)));
	assert_null(km_records_init(&fx->records, &fx->formats, want));
	return fx;
}

static void end(struct fixture *fx)
{
	km_records_deinit(&fx->records);
	assert_null(fx->records.slots);
	km_formats_deinit(&fx->formats);
	free(fx);
}

static void put(struct fixture *fx, size_t at, size_t size, uint64_t value)
{
	for (size_t i = 0; i < size; i++)
		fx->data[at + i] = (uint8_t)(value >> 8 * i);
}

static void put_head(struct fixture *fx, unsigned int id)
{
	memset(fx->data, 0, sizeof(fx->data));
	put(fx, 0, 2, id);
	put(fx, 4, 4, 77);
}

static enum km_record take(struct fixture *fx, size_t size)
{
	return km_record_take(&fx->records, &fx->quality, fx->data, size, &moment, &fx->batch);
}

static void put_kmalloc(struct fixture *fx, uint64_t ptr, uint64_t req, uint64_t alloc,
			uint64_t gfp, int32_t node)
{
	put_head(fx, KMALLOC);
	put(fx, 8, 8, 0xffffffff81000010);
	put(fx, 16, 8, ptr);
	put(fx, 24, 8, req);
	put(fx, 32, 8, alloc);
	put(fx, 40, 8, gfp);
	put(fx, 48, 4, (uint32_t)node);
}

static enum km_record take_kmalloc(struct fixture *fx, uint64_t ptr, uint64_t req, uint64_t alloc)
{
	put_kmalloc(fx, ptr, req, alloc, 0x4000c0, -1);
	return take(fx, 52);
}

static void test_slab(void **state)
{
	struct fixture *fx = begin(KM_WANT_ALL);
	struct km_batch *b = &fx->batch;

	put_kmalloc(fx, 0xffff888000000100, 40, 64, 0x4000c0, 1);
	assert_int_equal(take(fx, 52), KM_RECORD_USED);
	assert_int_equal(b->nr, 1);
	assert_int_equal(b->call_site[0], 0xffffffff81000010);
	assert_int_equal(b->ptr[0], 0xffff888000000100);
	assert_int_equal(b->size[0].req, 40);
	assert_int_equal(b->size[0].alloc, 64);
	assert_int_equal(b->what[0].kind, KM_EV_KMALLOC);
	assert_int_equal(b->what[0].flags, KM_EVF_ACCOUNTED);
	assert_int_equal(b->what[0].cache, 0);
	assert_int_equal(b->ts_ns[0], 1234);
	assert_int_equal(b->cpu[0], 3);
	assert_int_equal(b->pid[0], 77);
	assert_int_equal(b->more[0].gfp_flags, 0x4000c0);
	assert_int_equal(b->more[0].node, 1);
	assert_int_equal(b->group[0], KM_ROW_ALLOC);
	assert_int_equal(fx->records.slots[0], 1);
	/* no byte less; a flag less; any node; one that cannot be */
	assert_int_equal(take(fx, 51), KM_RECORD_BAD);
	assert_int_equal(fx->quality.count[KM_UNDECODABLE_SHORT], 1);
	put_kmalloc(fx, 0xffff888000000100, 40, 64, 0xc0, -1);
	assert_int_equal(take(fx, 52), KM_RECORD_USED);
	assert_int_equal(b->what[1].flags, 0);
	assert_int_equal(b->more[1].node, -1);
	put_kmalloc(fx, 0xffff888000000100, 40, 64, 0xc0, 32768);
	assert_int_equal(take(fx, 52), KM_RECORD_USED);
	assert_int_equal(b->more[2].node, -1);
	put_kmalloc(fx, 0xffff888000000100, 40, 64, 0xc0, 32767);
	assert_int_equal(take(fx, 52), KM_RECORD_USED);
	assert_int_equal(b->more[3].node, 32767);
	put_kmalloc(fx, 0xffff888000000100, 40, 64, 0xc0, 0);
	assert_int_equal(take(fx, 52), KM_RECORD_USED);
	assert_int_equal(b->more[4].node, 0);
	/* no event has no node: it is any */
	put_head(fx, KFREE);
	put(fx, 16, 8, 17);
	assert_int_equal(take(fx, 24), KM_RECORD_USED);
	assert_int_equal(b->more[5].node, -1);
	assert_int_equal(b->group[5], KM_ROW_FREE);
	assert_int_equal(b->size[5].alloc, 0);
	km_records_begin(&fx->records);
	assert_int_equal(fx->records.slots[0], 0);
	assert_int_equal(fx->records.slots[2], 0);
	end(fx);
}

static void test_sizes(void **state)
{
	struct fixture *fx = begin(KM_WANT_ALL);
	const uint64_t most = UINT32_MAX;

	assert_int_equal(take_kmalloc(fx, 4096, 64, 64), KM_RECORD_USED);
	assert_int_equal(take_kmalloc(fx, 4096, 0, 1), KM_RECORD_USED);
	assert_int_equal(take_kmalloc(fx, 4096, most, most), KM_RECORD_USED);
	assert_int_equal(take_kmalloc(fx, 4096, 0, most), KM_RECORD_USED);
	assert_int_equal(fx->batch.size[3].alloc, UINT32_MAX);
	/* less than was asked for, nothing, more than there is */
	assert_int_equal(take_kmalloc(fx, 4096, 65, 64), KM_RECORD_BAD);
	assert_int_equal(take_kmalloc(fx, 4096, 0, 0), KM_RECORD_BAD);
	assert_int_equal(take_kmalloc(fx, 4096, 1, most + 1), KM_RECORD_BAD);
	assert_int_equal(take_kmalloc(fx, 4096, most + 2, most + 1), KM_RECORD_BAD);
	assert_int_equal(take_kmalloc(fx, 4096, UINT64_MAX, UINT64_MAX), KM_RECORD_BAD);
	assert_int_equal(take_kmalloc(fx, 4096, 1, UINT64_MAX), KM_RECORD_BAD);
	assert_int_equal(fx->quality.count[KM_UNDECODABLE_SIZE], 6);
	assert_int_equal(fx->batch.nr, 4);
	/* what failed may have been for anything */
	assert_int_equal(take_kmalloc(fx, 0, most + 1, 64), KM_RECORD_USED);
	assert_int_equal(fx->batch.size[4].req, UINT32_MAX);
	assert_int_equal(fx->batch.size[4].alloc, 0);
	assert_int_equal(take_kmalloc(fx, 0, 7, 64), KM_RECORD_USED);
	assert_int_equal(fx->batch.size[5].req, 7);
	assert_int_equal(fx->quality.count[KM_FAILED_ALLOCS], 2);
	assert_int_equal(fx->batch.group[5], KM_ROW_NONE);
	end(fx);
}

static void test_sizes_are_odd(void **state)
{
	assert_false(km_sizes_are_odd(1, 1));
	assert_false(km_sizes_are_odd(1, UINT64_C(1) << 32));
	assert_false(km_sizes_are_odd(UINT64_C(1) << 31, UINT64_C(1) << 31));
	assert_false(km_sizes_are_odd(0, (UINT64_C(1) << 31) + 1));
	assert_true(km_sizes_are_odd(1, 0));
	assert_true(km_sizes_are_odd(2, 1));
	assert_true(km_sizes_are_odd(0, 0));
	assert_true(km_sizes_are_odd(2, (UINT64_C(1) << 32) + 1));
}

static void test_frees(void **state)
{
	struct fixture *fx = begin(KM_WANT_ALL);

	for (uint64_t ptr = 0; ptr <= 32; ptr += 16) {
		put_head(fx, KFREE);
		put(fx, 16, 8, ptr);
		assert_int_equal(take(fx, 24), KM_RECORD_USED);
	}
	assert_int_equal(fx->quality.count[KM_NULL_FREES], 1);
	assert_int_equal(fx->quality.count[KM_ZERO_SIZE_FREES], 1);
	assert_int_equal(fx->batch.nr, 3);
	/* they are none of those that allocations alone are of */
	end(fx);
	fx = begin(KM_WANT_ALLOCS);
	put_head(fx, KFREE);
	assert_int_equal(take(fx, 24), KM_RECORD_USED);
	assert_int_equal(fx->batch.nr, 0);
	assert_int_equal(fx->records.slots[2], 1);
	assert_int_equal(take_kmalloc(fx, 0, 7, 64), KM_RECORD_USED);
	assert_int_equal(fx->batch.nr, 0);
	assert_int_equal(take_kmalloc(fx, 4096, 7, 64), KM_RECORD_USED);
	assert_int_equal(fx->batch.nr, 1);
	assert_int_equal(fx->records.slots[0], 2);
	end(fx);
}

static void put_named(struct fixture *fx, uint32_t loc)
{
	put_head(fx, CACHE_ALLOC);
	put(fx, 16, 8, 0xffff888000000100);
	put(fx, 24, 4, loc);
	put(fx, 32, 8, 100);
	put(fx, 40, 8, 104);
	memcpy(fx->data + 52, "dentry", 7);
}

static void test_names(void **state)
{
	struct fixture *fx = begin(KM_WANT_ALL);
	struct km_batch *b = &fx->batch;

	put_named(fx, 52 | 7 << 16);
	put(fx, 48, 1, 1);
	assert_int_equal(take(fx, 60), KM_RECORD_USED);
	assert_string_equal(km_intern_string(&fx->records.names, b->what[0].cache), "dentry");
	assert_int_equal(b->what[0].flags, KM_EVF_ACCOUNTED);
	assert_int_equal(b->size[0].alloc, 104);
	/* to the last byte, and a byte more */
	put_named(fx, 52 | 7 << 16);
	assert_int_equal(take(fx, 59), KM_RECORD_USED);
	assert_int_equal(b->what[1].cache, b->what[0].cache);
	assert_int_equal(b->what[1].flags, 0);
	assert_int_equal(take(fx, 58), KM_RECORD_USED);
	assert_int_equal(b->what[2].cache, 0);
	put_named(fx, 61);
	assert_int_equal(take(fx, 60), KM_RECORD_USED);
	assert_int_equal(b->what[3].cache, 0);
	put_named(fx, 0xffffffff);
	assert_int_equal(take(fx, 60), KM_RECORD_USED);
	assert_int_equal(b->what[4].cache, 0);
	/* so many bytes each event can have */
	assert_true(km_record_is_long(&fx->records, fx->data, 128) == false);
	put_head(fx, KMALLOC);
	assert_false(km_record_is_long(&fx->records, fx->data, 60));
	assert_true(km_record_is_long(&fx->records, fx->data, 61));
	put_head(fx, OTHER);
	assert_false(km_record_is_long(&fx->records, fx->data, 128));
	put_head(fx, 999);
	assert_false(km_record_is_long(&fx->records, fx->data, 128));
	put_head(fx, 65000);
	assert_false(km_record_is_long(&fx->records, fx->data, 128));
	put_head(fx, KMALLOC);
	assert_false(km_record_is_long(&fx->records, fx->data, 1));
	end(fx);
}

/* That of a free is of use to who wants all columns, and to nobody else. */
static void test_names_of_frees(void **state)
{
	static const enum km_want wants[] = { KM_WANT_PAIRS, KM_WANT_ALL };

	for (size_t i = 0; i < 2; i++) {
		struct fixture *fx = begin(wants[i]);

		put_head(fx, CACHE_FREE);
		put(fx, 16, 8, 0xffff888000000100);
		put(fx, 24, 4, 28 | 7 << 16);
		memcpy(fx->data + 28, "dentry", 7);
		assert_int_equal(take(fx, 35), KM_RECORD_USED);
		assert_int_equal(fx->batch.nr, 1);
		assert_int_equal(fx->batch.what[0].cache, i);
		assert_int_equal(km_intern_string(&fx->records.names, 1) != NULL, i);
		end(fx);
	}
}

/* A pid that is behind all else: the event can be without. */
static void test_pid_is_last(void **state)
{
	static const char text[] =
		HEAD("kfree", 9) "format:\n" FIELD("unsigned short common_type", 0, 2)
			FIELD("long call_site", 8, 8) FIELD("void * ptr", 16, 8)
				FIELD("int common_pid", 24, 4) PRINT;
	struct fixture *fx = begin(KM_WANT_ALL);
	struct km_formats formats;
	struct km_records records;

	assert_null(km_formats_init(&formats, false, 8));
	assert_null(km_formats_add_event(&formats, "kmem", text, strlen(text)));
	assert_null(km_records_init(&records, &formats, KM_WANT_ALL));
	put_head(fx, 9);
	put(fx, 24, 4, 78);
	for (size_t size = 27; size <= 28; size++)
		assert_int_equal(
			km_record_take(&records, &fx->quality, fx->data, size, &moment, &fx->batch),
			KM_RECORD_USED);
	assert_int_equal(fx->batch.pid[0], 0);
	assert_int_equal(fx->batch.pid[1], 78);
	km_records_deinit(&records);
	km_formats_deinit(&formats);
	end(fx);
}

static void test_percpu(void **state)
{
	struct fixture *fx = begin(KM_WANT_ALL);
	struct km_batch *b = &fx->batch;

	for (unsigned int flags = 0; flags < 4; flags++) {
		put_head(fx, PERCPU);
		put(fx, 8, 1, flags & 1);
		put(fx, 9, 1, flags >> 1);
		put(fx, 16, 8, 24);
		put(fx, 24, 8, 16);
		put(fx, 32, 8, 0x60fe);
		put(fx, 40, 8, 96);
		assert_int_equal(take(fx, 48), KM_RECORD_USED);
		assert_int_equal(b->what[flags].flags,
				 (flags & 1 ? KM_EVF_PERCPU_RESERVED : 0) |
					 (flags & 2 ? KM_EVF_PERCPU_ATOMIC : 0));
		assert_int_equal(b->more[flags].align, 16);
		assert_int_equal(b->size[flags].req, 24);
		assert_int_equal(b->size[flags].alloc, 96);
		assert_int_equal(b->ptr[flags], 0x60fe);
		assert_true(km_batch_is_other(b, flags));
	}
	end(fx);
}

/* Before 5.19 percpu events do not tell what all CPUs take together. */
static void test_percpu_old(void **state)
{
	static const char text[] = HEAD("percpu_alloc_percpu", 9) COMMON FIELD("size_t size", 8, 8)
		FIELD("void * ptr", 16, 8) PRINT;
	struct fixture *fx = begin(KM_WANT_ALL);
	struct km_formats formats;
	struct km_records records;

	assert_null(km_formats_init(&formats, false, 8));
	assert_null(km_formats_add_event(&formats, "percpu", text, strlen(text)));
	assert_null(km_records_init(&records, &formats, KM_WANT_ALL));
	put_head(fx, 9);
	put(fx, 8, 8, 40);
	put(fx, 16, 8, 0x1000);
	assert_int_equal(km_record_take(&records, &fx->quality, fx->data, 24, &moment, &fx->batch),
			 KM_RECORD_USED);
	assert_int_equal(fx->batch.size[0].req, 40);
	assert_int_equal(fx->batch.size[0].alloc, 40);
	km_records_deinit(&records);
	km_formats_deinit(&formats);
	end(fx);
}

static enum km_record take_page(struct fixture *fx, uint64_t pfn, uint32_t order)
{
	put_head(fx, PAGES);
	put(fx, 8, 8, pfn);
	put(fx, 16, 4, order);
	put(fx, 24, 8, 0xcc0);
	put(fx, 32, 4, 2);
	return take(fx, 36);
}

static void test_pages(void **state)
{
	struct fixture *fx = begin(KM_WANT_ALL);
	struct km_batch *b = &fx->batch;

	assert_int_equal(take_page(fx, 0x1234, 3), KM_RECORD_USED);
	assert_int_equal(b->ptr[0], 0x1234);
	assert_int_equal(b->size[0].req, 4096 << 3);
	assert_int_equal(b->size[0].alloc, 4096 << 3);
	assert_int_equal(b->more[0].order, 3);
	assert_int_equal(b->more[0].migratetype, 2);
	assert_int_equal(b->more[0].gfp_flags, 0xcc0);
	/* no page, then orders that cannot be */
	assert_int_equal(take_page(fx, UINT64_MAX, 3), KM_RECORD_USED);
	assert_int_equal(b->ptr[1], 0);
	assert_int_equal(b->size[1].alloc, 0);
	assert_int_equal(fx->quality.count[KM_FAILED_ALLOCS], 1);
	assert_int_equal(take_page(fx, UINT64_MAX - 1, 19), KM_RECORD_USED);
	assert_int_equal(take_page(fx, 1, 20), KM_RECORD_BAD);
	assert_int_equal(take_page(fx, 1, 32), KM_RECORD_BAD);
	assert_int_equal(take_page(fx, 1, 64), KM_RECORD_BAD);
	assert_int_equal(fx->quality.count[KM_UNDECODABLE_SIZE], 3);
	/* of 4 bytes all ones are no page, too; a free has no sizes */
	put_head(fx, PAGE_FREE);
	put(fx, 8, 4, UINT32_MAX);
	put(fx, 12, 4, 2);
	assert_int_equal(take(fx, 16), KM_RECORD_USED);
	assert_int_equal(b->ptr[3], 0);
	put(fx, 8, 4, UINT32_MAX - 1);
	assert_int_equal(take(fx, 16), KM_RECORD_USED);
	assert_int_equal(b->ptr[4], UINT32_MAX - 1);
	assert_int_equal(b->size[4].alloc, 0);
	assert_int_equal(b->more[4].order, 2);
	end(fx);
}

static enum km_record take_stack(struct fixture *fx, uint32_t told, const uint64_t *addresses,
				 size_t nr)
{
	put_head(fx, STACK);
	put(fx, 8, 4, told);
	for (size_t i = 0; i < nr; i++)
		put(fx, 16 + 8 * i, 8, addresses[i]);
	return take(fx, 16 + 8 * nr);
}

static void assert_stack(const struct fixture *fx, uint32_t row, const uint64_t *want, size_t nr)
{
	const uint64_t *got;

	assert_int_equal(km_records_stack(&fx->records, fx->batch.stack[row], &got), nr);
	if (nr)
		assert_memory_equal(got, want, nr * sizeof(*want));
	else
		assert_null(got);
}

static void test_stacks(void **state)
{
	static const uint64_t a[] = { 11, 12, 13 }, ended[] = { 21, 22, UINT64_MAX, 24 };
	struct fixture *fx = begin(KM_WANT_ALL);
	const uint64_t *got;

	/* a stack is that of the event right before */
	assert_int_equal(take_stack(fx, 3, a, 3), KM_RECORD_OTHER);
	assert_int_equal(fx->records.nr_stacks, 0);
	take_kmalloc(fx, 4096, 1, 8);
	assert_int_equal(take_stack(fx, 3, a, 3), KM_RECORD_OTHER);
	assert_true(fx->batch.has_stacks);
	assert_int_equal(take_stack(fx, 3, ended, 1), KM_RECORD_OTHER);
	assert_stack(fx, 0, a, 3);
	/* it has as many addresses as it says and as there are, up to one of all ones */
	take_kmalloc(fx, 4096, 1, 8);
	take_stack(fx, 2, a, 3);
	assert_stack(fx, 1, a, 2);
	take_kmalloc(fx, 4096, 1, 8);
	take_stack(fx, 9, a, 3);
	assert_stack(fx, 2, a, 3);
	take_kmalloc(fx, 4096, 1, 8);
	take_stack(fx, 4, ended, 4);
	assert_stack(fx, 3, ended, 2);
	take_kmalloc(fx, 4096, 1, 8);
	take_stack(fx, 0, a, 3);
	assert_stack(fx, 4, NULL, 0);
	take_kmalloc(fx, 4096, 1, 8);
	take_stack(fx, 4, a, 0);
	assert_stack(fx, 5, NULL, 0);
	/* another event between, and none of it */
	take_kmalloc(fx, 4096, 1, 8);
	put_head(fx, OTHER);
	assert_int_equal(take(fx, 8), KM_RECORD_OTHER);
	take_stack(fx, 3, a, 3);
	assert_stack(fx, 6, NULL, 0);
	take_kmalloc(fx, 4096, 1, 8);
	take_kmalloc(fx, 4096, 0, 0);
	take_stack(fx, 3, a, 3);
	assert_stack(fx, 7, NULL, 0);
	/* ids that there are not */
	assert_int_equal(
		km_records_stack(&fx->records, (km_stack_id)fx->records.nr_stacks + 1, &got), 0);
	assert_null(got);
	km_records_clear_stacks(&fx->records);
	assert_stack(fx, 0, NULL, 0);
	assert_int_equal(km_records_add_stack(&fx->records, a, 0), 0);
	end(fx);
}

/* Of a kernel of 32 bits: addresses of four bytes, and an end of as many. */
static void test_stacks_32(void **state)
{
	static const char text[] = HEAD("kernel_stack", 9) COMMON FIELD("int size", 8, 4)
		FIELD("long caller[8]", 12, 32) PRINT;
	static const uint32_t addresses[] = { 11, 12, UINT32_MAX, 14 };
	struct fixture *fx = begin(KM_WANT_ALL);
	struct km_formats formats;
	struct km_records records;
	const uint64_t *got;

	assert_null(km_formats_init(&formats, false, 4));
	assert_null(km_formats_add_event(&formats, "ftrace", text, strlen(text)));
	assert_null(km_records_init(&records, &formats, KM_WANT_ALL));
	take_kmalloc(fx, 4096, 1, 8);
	records.has_target = true;
	put_head(fx, 9);
	put(fx, 8, 4, 4);
	for (size_t i = 0; i < 4; i++)
		put(fx, 12 + 4 * i, 4, addresses[i]);
	assert_int_equal(km_record_take(&records, &fx->quality, fx->data, 28, &moment, &fx->batch),
			 KM_RECORD_OTHER);
	assert_int_equal(km_records_stack(&records, fx->batch.stack[0], &got), 2);
	assert_int_equal(got[0], 11);
	assert_int_equal(got[1], 12);
	km_records_deinit(&records);
	km_formats_deinit(&formats);
	end(fx);
}

/* Others than those of slabs, if only pairs are wanted; none if allocations alone are. */
static void test_wants_stack(void **state)
{
	static const uint64_t a[] = { 11, 12, 13 };
	struct fixture *fx = begin(KM_WANT_PAIRS);

	take_kmalloc(fx, 4096, 1, 8);
	take_stack(fx, 3, a, 3);
	assert_stack(fx, 0, NULL, 0);
	take_page(fx, 7, 0);
	take_stack(fx, 3, a, 3);
	assert_stack(fx, 1, a, 3);
	end(fx);
	fx = begin(KM_WANT_ALLOCS);
	take_kmalloc(fx, 4096, 1, 8);
	take_stack(fx, 3, a, 3);
	assert_int_equal(fx->records.nr_stacks, 0);
	end(fx);
}

/* Many stacks: those from before the room grew stay. */
static void test_many_stacks(void **state)
{
	struct fixture *fx = begin(KM_WANT_ALL);
	enum { MANY = 3000 };
	static km_stack_id ids[MANY];

	for (uint64_t i = 0; i < MANY; i++) {
		const uint64_t addresses[] = { i, i * i };

		ids[i] = km_records_add_stack(&fx->records, addresses, 1 + i % 2);
		assert_int_not_equal(ids[i], 0);
	}
	assert_int_equal(fx->records.nr_stacks, MANY / 2 * (2 + 3));
	for (uint64_t i = 0; i < MANY; i++) {
		const uint64_t *got;

		assert_int_equal(km_records_stack(&fx->records, ids[i], &got), 1 + i % 2);
		assert_int_equal(got[0], i);
		if (i % 2)
			assert_int_equal(got[1], i * i);
	}
	end(fx);
}

static void test_unknown(void **state)
{
	struct fixture *fx = begin(KM_WANT_ALL);

	put_head(fx, 19);
	assert_int_equal(take(fx, 64), KM_RECORD_BAD);
	put_head(fx, 65535);
	assert_int_equal(take(fx, 64), KM_RECORD_BAD);
	assert_int_equal(fx->quality.count[KM_UNDECODABLE_ID], 2);
	put_head(fx, OTHER);
	assert_int_equal(take(fx, 1), KM_RECORD_BAD);
	assert_int_equal(fx->quality.count[KM_UNDECODABLE_SHORT], 1);
	assert_int_equal(take(fx, 2), KM_RECORD_OTHER);
	assert_int_equal(fx->records.slots[fx->formats.descs[OTHER].slot], 1);
	assert_int_equal(fx->batch.nr, 0);
	end(fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slab),          cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_sizes_are_odd), cmocka_unit_test(test_frees),
		cmocka_unit_test(test_names),         cmocka_unit_test(test_names_of_frees),
		cmocka_unit_test(test_pid_is_last),   cmocka_unit_test(test_percpu),
		cmocka_unit_test(test_percpu_old),    cmocka_unit_test(test_pages),
		cmocka_unit_test(test_stacks),        cmocka_unit_test(test_stacks_32),
		cmocka_unit_test(test_wants_stack),   cmocka_unit_test(test_many_stacks),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
