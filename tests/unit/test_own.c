/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Caches of their own for hand-made rows; tests/own_oracle.py has those of traces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "kmemstat/own.h"
#include "rows.h"

#define ALPHA 0xffffffff81001010
#define BETA  0xffffffff81002020

struct fixture {
	struct km_own_replay *own;
	struct made *made;
	struct km_own_caches caches;
};

static struct fixture start(uint32_t long_bytes)
{
	const struct km_model_machine machine = { .page_size = 4096, .nr_cpus = 2 };
	struct fixture f = { .made = made_create() };

	assert_non_null(f.made);
	assert_null(km_own_create(&machine, long_bytes, &f.own));
	return f;
}

static void play(struct fixture *f)
{
	const struct km_rows rows = { .batch = &f->made->batch, .to = f->made->batch.nr };

	assert_null(km_own_add(f->own, &rows));
	f->made->batch.nr = 0;
}

static uint32_t row(struct fixture *f, enum km_event_kind kind, uint64_t ptr)
{
	if (f->made->batch.nr == KM_BATCH_EVENTS)
		play(f);
	return made_row(f->made, kind, ptr);
}

/* `nr` objects side by side; a group for each call site, size and flags. */
static void alloc(struct fixture *f, uint64_t site, uint64_t ptr, uint32_t nr, uint32_t req,
		  uint32_t bytes, bool is_accounted)
{
	for (uint32_t k = 0; k < nr; k++) {
		const uint32_t i = row(f, KM_EV_KMALLOC, ptr + (uint64_t)k * bytes);

		f->made->batch.call_site[i] = site;
		f->made->batch.size[i] = (struct km_event_size){ req, bytes };
		f->made->batch.group[i] = req * 4 + (site == BETA) * 2 + is_accounted;
		f->made->batch.what[i].flags = is_accounted ? KM_EVF_ACCOUNTED : 0;
		f->made->batch.cpu[i] = 0;
	}
}

static void end(struct fixture *f, uint64_t ptr, uint32_t nr, uint32_t bytes)
{
	for (uint32_t k = 0; k < nr; k++)
		f->made->batch.cpu[row(f, KM_EV_KFREE, ptr + (uint64_t)k * bytes)] = 0;
}

/* What is known of a call site, or NULL. */
static const struct km_own_cache *finish(struct fixture *f, uint64_t site)
{
	play(f);
	km_own_caches_deinit(&f->caches);
	assert_null(km_own_finish(f->own, &f->caches));
	for (size_t i = 0; i < f->caches.nr; i++)
		if (f->caches.items[i].call_site == site)
			return &f->caches.items[i];
	return NULL;
}

static void stop(struct fixture *f)
{
	km_own_caches_deinit(&f->caches);
	km_own_destroy(f->own);
	free(f->made);
}

static void objects_of_40_bytes(void **state)
{
	struct fixture f = start(8);
	const struct km_own_cache *own;

	alloc(&f, ALPHA, 0x100000, 1500, 40, 64, false);
	end(&f, 0x100000, 1000, 64);
	alloc(&f, ALPHA, 0x100000, 10, 40, 64, false);
	own = finish(&f, ALPHA);
	assert_non_null(own);
	assert_int_equal(own->objects, 1500);
	assert_int_equal(own->hits, 1510);
	assert_int_equal(own->object_bytes, 40);
	assert_int_equal(own->slab.objects, 102);
	assert_int_equal(own->order, 0);
	assert_int_equal(own->tail_bytes, 16);
	assert_int_equal(own->class_pages, 24);
	assert_int_equal(own->own_pages, 15);
	assert_int_equal(km_own_saved(own), 9 * 4096);
	stop(&f);
}

static void a_size_is_its_own_from_90_percent_on(void **state)
{
	struct fixture f = start(8);

	alloc(&f, ALPHA, 0x100000, 9, 40, 64, false);
	assert_non_null(finish(&f, ALPHA));
	alloc(&f, ALPHA, 0x200000, 1, 50, 64, false);
	assert_non_null(finish(&f, ALPHA));
	assert_int_equal(finish(&f, ALPHA)->size_hits, 9);
	assert_int_equal(finish(&f, ALPHA)->hits, 10);
	alloc(&f, ALPHA, 0x300000, 1, 50, 64, false);
	assert_null(finish(&f, ALPHA));
	stop(&f);
}

static void others_stay_in_the_class(void **state)
{
	struct fixture f = start(8);

	/* 96 of the others take two slabs with and without these 32, but a slab without 64 */
	alloc(&f, BETA, 0x200000, 96, 64, 64, false);
	alloc(&f, ALPHA, 0x100000, 32, 60, 64, false);
	assert_int_equal(finish(&f, ALPHA)->class_pages, 0);
	assert_int_equal(finish(&f, ALPHA)->own_pages, 1);
	assert_int_equal(km_own_saved(finish(&f, ALPHA)), -4096);
	assert_int_equal(finish(&f, BETA)->class_pages, 2);
	alloc(&f, ALPHA, 0x300000, 32, 60, 64, false);
	assert_int_equal(finish(&f, ALPHA)->objects, 64);
	assert_int_equal(finish(&f, ALPHA)->class_pages, 1);
	stop(&f);
}

static void what_others_left_empty_is_not_its(void **state)
{
	struct fixture f = start(8);

	alloc(&f, BETA, 0x200000, 60, 64, 64, false);
	alloc(&f, ALPHA, 0x100000, 5, 60, 64, false);
	alloc(&f, BETA, 0x300000, 60, 64, 64, false);
	end(&f, 0x200000, 60, 64);
	end(&f, 0x300000, 60, 64);
	alloc(&f, ALPHA, 0x400000, 1, 60, 64, false);
	/* it is alone in two slabs now, but has what would fit into one */
	assert_int_equal(finish(&f, ALPHA)->objects, 6);
	assert_int_equal(finish(&f, ALPHA)->class_pages, 1);
	stop(&f);
}

static void whole_pages(void **state)
{
	struct fixture f = start(8);
	const struct km_own_cache *own;

	alloc(&f, ALPHA, 0x100000, 6, 10824, 16384, false);
	alloc(&f, BETA, 0x900000, 1, UINT32_MAX, UINT32_MAX, false);
	own = finish(&f, ALPHA);
	assert_int_equal(own->order, 3);
	assert_int_equal(own->slab.objects, 3);
	assert_int_equal(own->tail_bytes, 296);
	assert_int_equal(own->class_pages, 24);
	assert_int_equal(own->own_pages, 16);
	/* no slab holds that */
	assert_null(finish(&f, BETA));
	end(&f, 0x900000, 1, 1);
	assert_null(finish(&f, BETA));
	stop(&f);
}

static void accounted_objects_have_a_class_of_their_own(void **state)
{
	struct fixture f = start(8);

	alloc(&f, ALPHA, 0x100000, 32, 60, 64, false);
	alloc(&f, ALPHA, 0x200000, 32, 60, 64, true);
	assert_int_equal(finish(&f, ALPHA)->objects, 64);
	assert_int_equal(finish(&f, ALPHA)->class_pages, 2);
	assert_int_equal(finish(&f, ALPHA)->own_pages, 1);
	stop(&f);
}

static void objects_are_of_whole_words(void **state)
{
	struct fixture f = start(4), g = start(8);

	alloc(&f, ALPHA, 0x100000, 1, 33, 64, false);
	assert_int_equal(finish(&f, ALPHA)->object_bytes, 36);
	alloc(&g, ALPHA, 0x100000, 1, 33, 64, false);
	alloc(&g, BETA, 0x200000, 1, 0, 8, false);
	assert_int_equal(finish(&g, ALPHA)->object_bytes, 40);
	assert_int_equal(finish(&g, BETA)->object_bytes, 8);
	stop(&f);
	stop(&g);
}

static void other_caches_end_what_was_there(void **state)
{
	struct fixture f = start(8);

	alloc(&f, ALPHA, 0x100000, 20, 60, 64, false);
	for (uint32_t k = 0; k < 20; k++)
		f.made->batch.size[row(&f, KM_EV_CACHE_ALLOC, 0x100000 + 64 * k)] =
			(struct km_event_size){ 64, 64 };
	alloc(&f, ALPHA, 0x200000, 20, 60, 64, false);
	/* the same pointers once more */
	alloc(&f, ALPHA, 0x200000, 20, 60, 64, false);
	assert_int_equal(finish(&f, ALPHA)->objects, 20);
	assert_int_equal(finish(&f, ALPHA)->hits, 60);
	assert_int_equal(f.caches.nr, 1);
	stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_of_40_bytes),
		cmocka_unit_test(a_size_is_its_own_from_90_percent_on),
		cmocka_unit_test(others_stay_in_the_class),
		cmocka_unit_test(what_others_left_empty_is_not_its),
		cmocka_unit_test(whole_pages),
		cmocka_unit_test(accounted_objects_have_a_class_of_their_own),
		cmocka_unit_test(objects_are_of_whole_words),
		cmocka_unit_test(other_caches_end_what_was_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
