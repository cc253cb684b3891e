/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Filters: what each lets pass, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fnmatch.h>

#include "kmemstat/filter.h"

static const char *comm_of(const void *arg, int32_t pid)
{
	(void)arg;
	return pid == 1 ? "systemd" : pid == 2 ? "kworker/0:1" : NULL;
}

static bool symbol_matches(const void *arg, uint64_t call_site, const char *glob)
{
	const char *symbol = call_site == 0x10 ? "__alloc_skb" : "getname_flags";

	(void)arg;
	return call_site && fnmatch(glob, symbol, 0) == 0;
}

static const char *cache_of(const void *arg, uint16_t cache)
{
	(void)arg;
	return cache == 1 ? "dentry" : cache == 2 ? "inode_cache" : NULL;
}

/* Twelve events: one a second from 10 s on, CPUs 0 to 2 in turn, pids 0 to 3 in turn. */
static struct km_batch *make_batch(void)
{
	struct km_batch *batch = calloc(1, sizeof(*batch));

	batch->nr = 12;
	for (uint32_t i = 0; i < batch->nr; i++) {
		batch->ts_ns[i] = (10 + i) * 1000000000ULL;
		batch->cpu[i] = (uint16_t)(i % 3);
		batch->pid[i] = (int32_t)(i % 4);
		batch->call_site[i] = 0x10 * (i % 3);
		batch->what[i].cache = (uint16_t)(i % 3);
		batch->what[i].kind = i % 2 ? KM_EV_KFREE : KM_EV_CACHE_ALLOC;
	}
	return batch;
}

/* The rows that pass, as bits. */
static unsigned int passing(const struct km_filter_spec *spec)
{
	const struct km_filter_names names = { comm_of, cache_of, symbol_matches, NULL };
	struct km_batch *batch = make_batch();
	struct km_filter *filter;
	unsigned int bits = 0;

	assert_null(km_filter_create(spec, &names, &filter));
	if (km_filter_needs_span(spec))
		km_filter_set_span(filter, 10000000000, 21000000000);
	/* twice: what was looked up once is remembered */
	for (int round = 0; round < 2; round++)
		for (uint32_t i = 0; i < batch->nr; i++)
			if (km_filter_passes(filter, batch, i))
				bits |= 1U << i;
			else
				assert_false(bits & 1U << i);
	km_filter_destroy(filter);
	free(batch);
	return bits;
}

static void test_passes(void **state)
{
	(void)state;
	assert_true(km_filter_spec_is_empty(&(struct km_filter_spec){ 0 }));
	assert_false(km_filter_spec_is_empty(&(struct km_filter_spec){ .cpus = "0" }));
	assert_int_equal(passing(&(struct km_filter_spec){ 0 }), 0xfff);
	assert_int_equal(passing(&(struct km_filter_spec){ .cpus = "0" }), 0x249);
	assert_int_equal(passing(&(struct km_filter_spec){ .cpus = "0-1,7" }), 0x6db);
	assert_int_equal(passing(&(struct km_filter_spec){ .pids = "1,3" }), 0xaaa);
	assert_int_equal(passing(&(struct km_filter_spec){ .comm = "kworker/*" }), 0x444);
	assert_int_equal(passing(&(struct km_filter_spec){ .callsite = "*alloc*" }), 0x492);
	assert_int_equal(passing(&(struct km_filter_spec){ .cache = "dentry" }), 0x492);
	assert_int_equal(passing(&(struct km_filter_spec){ .events = "kfree" }), 0xaaa);
	assert_int_equal(passing(&(struct km_filter_spec){ .events = "kmem_cache_*,kfree" }),
			 0xfff);
	assert_int_equal(passing(&(struct km_filter_spec){ .cpus = "0", .events = "kfree" }),
			 0x208);
}

static void test_times(void **state)
{
	(void)state;
	/* both ends are in it */
	assert_int_equal(passing(&(struct km_filter_spec){ .time = "12,14" }), 0x01c);
	assert_int_equal(passing(&(struct km_filter_spec){ .time = "12.000000001,14" }), 0x018);
	assert_int_equal(passing(&(struct km_filter_spec){ .time = "20," }), 0xc00);
	assert_int_equal(passing(&(struct km_filter_spec){ .time = ",10.5" }), 0x001);
	assert_int_equal(passing(&(struct km_filter_spec){ .time = "20" }), 0xc00);
	/* parts: together they are the whole, and no event is in two */
	assert_int_equal(passing(&(struct km_filter_spec){ .time = "0%-50%" }), 0x03f);
	assert_int_equal(passing(&(struct km_filter_spec){ .time = "50%-100%" }), 0xfc0);
	assert_int_equal(passing(&(struct km_filter_spec){ .time = "50%/2" }), 0xfc0);
	assert_int_equal(passing(&(struct km_filter_spec){ .time = "0%-10%,90%-100%" }), 0xc03);
	/* a part that is nothing adds nothing */
	assert_int_equal(passing(&(struct km_filter_spec){ .time = "50%-50%" }), 0);
	assert_int_equal(passing(&(struct km_filter_spec){ .time = "50%-50%,0%-50%" }), 0x03f);
}

/* The last part has no end: what comes behind the span, whose end was estimated, is in it. */
static void test_last_part(void **state)
{
	const struct km_filter_spec spec = { .time = "50%-100%" };
	const struct km_filter_names names = { comm_of, cache_of, symbol_matches, NULL };
	struct km_batch *batch = make_batch();
	struct km_filter *filter;

	assert_null(km_filter_create(&spec, &names, &filter));
	km_filter_set_span(filter, 1000, 2000);
	for (uint64_t ts_ns = 1498; ts_ns < 2003; ts_ns++) {
		batch->ts_ns[0] = ts_ns;
		assert_int_equal(km_filter_passes_time(filter, batch, 0), ts_ns >= 1500);
	}
	km_filter_destroy(filter);
	free(batch);
}

static void assert_refused(const struct km_filter_spec *spec, const char *message)
{
	const struct km_filter_names names = { comm_of, cache_of, symbol_matches, NULL };
	struct km_filter *filter = NULL;
	struct km_error *error = km_filter_create(spec, &names, &filter);

	assert_non_null(error);
	assert_int_equal(error->kind, KM_ERR_USAGE);
	assert_string_equal(error->message, message);
	assert_non_null(error->remedy);
	km_error_free(error);
}

static void test_refused(void **state)
{
	(void)state;
	assert_refused(&(struct km_filter_spec){ .cpus = "a" }, "--cpu: \"a\" is not understood");
	assert_refused(&(struct km_filter_spec){ .cpus = "3-1" },
		       "--cpu: \"3-1\" is not understood");
	assert_refused(&(struct km_filter_spec){ .cpus = "70000" },
		       "--cpu: \"70000\" is not understood");
	assert_refused(&(struct km_filter_spec){ .pids = "1," }, "--pid: \"1,\" is not understood");
	assert_refused(&(struct km_filter_spec){ .time = "5,3" },
		       "--time: \"5,3\" is not understood");
	assert_refused(&(struct km_filter_spec){ .time = "," }, "--time: \",\" is not understood");
	assert_refused(&(struct km_filter_spec){ .time = "99999999999999" },
		       "--time: \"99999999999999\" is not understood");
	assert_refused(&(struct km_filter_spec){ .time = "10%/11" },
		       "--time: \"10%/11\" is not understood");
	assert_refused(&(struct km_filter_spec){ .time = "50%-10%" },
		       "--time: \"50%-10%\" is not understood");
	assert_refused(&(struct km_filter_spec){ .events = "kmalloc,page_fault" },
		       "--event: \"page_fault\" is not understood");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_passes),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_last_part),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
