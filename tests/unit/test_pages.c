/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The page decoder: what each record does, what damage does, and formats that are none. */
#include "pages.h"

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
		cmocka_unit_test(test_records),     cmocka_unit_test(test_clocks),
		cmocka_unit_test(test_losses),      cmocka_unit_test(test_damage),
		cmocka_unit_test(test_first_event), cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_bad_formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
