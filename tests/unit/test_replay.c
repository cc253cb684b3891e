/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Replays of hand-made rows; tests/replay_oracle.py has those of traces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "kmemstat/replay.h"
#include "rows.h"

struct fixture {
	struct km_models models;
	struct km_replay *replay;
	struct made *made;
	struct km_replay_results results;
};

static struct fixture start(const char *text)
{
	const struct km_model_machine machine = { .page_size = 4096, .nr_cpus = 2 };
	struct fixture f = { .made = made_create() };

	assert_non_null(f.made);
	assert_null(km_models_add(&f.models, text, &machine));
	assert_null(km_replay_create(&f.models, &f.replay));
	return f;
}

/* A group for each size. */
static void alloc(struct fixture *f, uint64_t ptr, uint32_t req, uint32_t bytes, uint16_t cpu)
{
	const uint32_t i = made_row(f->made, KM_EV_KMALLOC, ptr);

	f->made->batch.size[i] = (struct km_event_size){ req, bytes };
	f->made->batch.group[i] = req % 1021 + 1;
	f->made->batch.cpu[i] = cpu;
}

static void end(struct fixture *f, uint64_t ptr, uint16_t cpu)
{
	f->made->batch.cpu[made_row(f->made, KM_EV_KFREE, ptr)] = cpu;
}

static const struct km_replay_result *play(struct fixture *f)
{
	const struct km_rows rows = { .batch = &f->made->batch, .to = f->made->batch.nr };

	assert_null(km_replay_add(f->replay, &rows));
	km_replay_results_deinit(&f->results);
	assert_null(km_replay_finish(f->replay, &f->results));
	f->made->batch.nr = 0;
	return f->results.items;
}

static void stop(struct fixture *f)
{
	km_replay_results_deinit(&f->results);
	km_replay_destroy(f->replay);
	km_models_deinit(&f->models);
	free(f->made);
}

static void slabs_fill_before_there_are_more(void **state)
{
	struct fixture f = start("slub,illumos");
	const struct km_replay_result *result;

	/* SLUB has 16 of 512 bytes in two pages, Solaris 8 in one */
	for (uint32_t i = 0; i < 16; i++)
		alloc(&f, 0x1000 + 512 * i, 500, 512, 0);
	result = play(&f);
	assert_int_equal(result[0].peak_pages, 2);
	assert_int_equal(result[0].peak_bytes_req, 500);
	assert_int_equal(result[0].end_bytes_req, 8000);
	assert_int_equal(result[0].end_bytes_object, 8192);
	assert_int_equal(result[0].caches[0].slab.objects, 16);
	assert_int_equal(result[0].caches[0].end_objects, 16);
	assert_int_equal(result[1].peak_pages, 2);
	assert_int_equal(result[1].peak_bytes_req, 9 * 500);
	alloc(&f, 0x9000, 500, 512, 0);
	result = play(&f);
	assert_int_equal(result[0].peak_pages, 4);
	assert_int_equal(result[0].peak_ns, 1000);
	assert_int_equal(result[1].peak_pages, 3);
	stop(&f);
}

static void each_cpu_has_its_slab(void **state)
{
	struct fixture f = start("slub");
	const struct km_replay_result *result;

	alloc(&f, 0x1000, 500, 512, 0);
	alloc(&f, 0x1200, 500, 512, 1);
	/* no machine has as many, but it has to be one of them */
	alloc(&f, 0x1400, 500, 512, UINT16_MAX);
	result = play(&f);
	assert_int_equal(result->end_pages, 6);
	assert_int_equal(result->caches[0].end_slabs, 3);
	/* on another CPU freed: the slab waits there with a place for the CPU that has it */
	end(&f, 0x1000, 1);
	for (uint32_t i = 0; i < 16; i++)
		alloc(&f, 0x4000 + 512 * i, 500, 512, 0);
	result = play(&f);
	assert_int_equal(result->end_pages, 6);
	assert_int_equal(result->caches[0].end_objects, 18);
	stop(&f);
}

static void what_is_allocated_again_was_freed(void **state)
{
	struct fixture f = start("slub,netbsd-2009,slob");
	const struct km_replay_result *result;

	for (int i = 0; i < 50; i++)
		alloc(&f, 0x1000, 600, 1024, 0);
	end(&f, 0x2000, 0);
	result = play(&f);
	assert_int_equal(f.results.implied_frees, 49);
	assert_int_equal(f.results.unknown_frees, 1);
	assert_int_equal(result[0].end_pages, 4);
	assert_int_equal(result[1].end_bytes_object, 608);
	assert_int_equal(result[1].end_pages, 1);
	assert_int_equal(result[2].end_bytes_object, 608);
	end(&f, 0x1000, 0);
	result = play(&f);
	assert_int_equal(result[0].end_bytes_req, 0);
	assert_int_equal(result[1].end_pages, 0);
	assert_int_equal(result[2].peak_pages, 1);
	stop(&f);
}

static void pages_of_their_own(void **state)
{
	struct fixture f = start("slub,netbsd");
	const struct km_replay_result *result;

	alloc(&f, 0x10000, 10824, 16384, 0);
	alloc(&f, 0x20000, UINT32_MAX, UINT32_MAX, 0);
	result = play(&f);
	assert_int_equal(result[0].end_pages, 4 + (1 << 20));
	assert_int_equal(result[1].end_pages, 3 + (1 << 20));
	assert_int_equal(result[0].nr_caches, 0);
	end(&f, 0x20000, 1);
	assert_int_equal(play(&f)[0].end_pages, 4);
	stop(&f);
}

static void accounted_objects_have_caches_of_their_own(void **state)
{
	struct fixture f = start("slub,slub:nocg");
	const struct km_replay_result *result;

	alloc(&f, 0x1000, 60, 64, 0);
	alloc(&f, 0x1040, 61, 64, 0);
	f.made->batch.what[1].flags = KM_EVF_ACCOUNTED;
	result = play(&f);
	assert_int_equal(result[0].nr_caches, 2);
	assert_false(result[0].caches[0].is_accounted);
	assert_true(result[0].caches[1].is_accounted);
	assert_int_equal(result[1].nr_caches, 1);
	assert_int_equal(result[1].end_pages, 1);
	stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slabs_fill_before_there_are_more),
		cmocka_unit_test(each_cpu_has_its_slab),
		cmocka_unit_test(what_is_allocated_again_was_freed),
		cmocka_unit_test(pages_of_their_own),
		cmocka_unit_test(accounted_objects_have_caches_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
