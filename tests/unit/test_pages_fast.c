/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fast path of the page decoder: that it says the same as the generic one of any page, whole or
 * damaged, and what it does with groups that are known and at the ends of batches and of memory.
 */
#include "pages.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fast_is_generic), cmocka_unit_test(test_known),
		cmocka_unit_test(test_known_pairs),     cmocka_unit_test(test_last_bytes),
		cmocka_unit_test(test_last_of_batch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
