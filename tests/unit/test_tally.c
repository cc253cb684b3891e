/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counts by task, cache and pointer: hand-made rows, and the report's rows of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "builder.h"
#include "kmemstat/tally.h"

#define NR(array) (sizeof(array) / sizeof((array)[0]))

/* One event. An allocation has bytes; `group` 0 stands for KM_ROW_FREE with frees. */
struct event {
	enum km_event_kind kind;
	uint32_t group, req, alloc;
	uint64_t ptr, site;
	int32_t pid;
	uint16_t cpu, cache, queue;
	uint8_t flags;
};

#define KMALLOC(group_, req_, alloc_, ptr_, site_, pid_, ...)                                      \
	{                                                                                          \
		.kind = KM_EV_KMALLOC, .group = group_, .req = req_, .alloc = alloc_, .ptr = ptr_, \
		.site = site_, .pid = pid_, ##__VA_ARGS__                                          \
	}
#define CACHE(group_, req_, alloc_, ptr_, site_, pid_, ...)                                        \
	{                                                                                          \
		.kind = KM_EV_CACHE_ALLOC, .group = group_, .req = req_, .alloc = alloc_,          \
		.ptr = ptr_, .site = site_, .pid = pid_, ##__VA_ARGS__                             \
	}
#define KFREE(ptr_, pid_, ...)                                                                     \
	{                                                                                          \
		.kind = KM_EV_KFREE, .ptr = ptr_, .pid = pid_, ##__VA_ARGS__                       \
	}
#define CACHE_FREE(ptr_, pid_, cache_, ...)                                                        \
	{                                                                                          \
		.kind = KM_EV_CACHE_FREE, .ptr = ptr_, .pid = pid_, .cache = cache_, ##__VA_ARGS__ \
	}

/* Those of queue 1 are the other way round. */
static const char *const names[2][3] = { { "", "dentry", "filp" }, { "", "filp", "dentry" } };

typedef struct km_error *(*add_fn)(void *taker, const struct km_rows *rows);

static struct km_error *add_tally(void *taker, const struct km_rows *rows)
{
	return km_tally_add(taker, rows);
}

static struct km_error *add_ptrs(void *taker, const struct km_rows *rows)
{
	return km_ptrs_add(taker, rows);
}

/* Gives each event as a run of its own, in the middle of a batch. */
static void feed(add_fn add, void *taker, const struct event *events, size_t nr)
{
	struct km_batch *batch = calloc(1, sizeof(*batch));

	for (size_t i = 0; i < nr; i++) {
		const struct event *event = &events[i];
		const uint32_t at = (uint32_t)i % 7;
		const struct km_rows rows = { .batch = batch,
					      .from = at,
					      .to = at + 1,
					      .queue = event->queue,
					      .cache_names = names[event->queue] };

		batch->nr = 8;
		batch->call_site[at] = event->site;
		batch->size[at] = (struct km_event_size){ event->req, event->alloc };
		batch->what[at] =
			(struct km_event_what){ event->cache, (uint8_t)event->kind, event->flags };
		batch->ptr[at] = event->ptr;
		batch->cpu[at] = event->cpu;
		batch->pid[at] = event->pid;
		batch->group[at] =
			event->group || km_event_is_alloc(event->kind) ? event->group : KM_ROW_FREE;
		ASSERT_OK(add(taker, &rows));
	}
	free(batch);
}

static struct km_tally *count(const struct event *events, size_t nr, bool has_pairs)
{
	const struct km_tally_options options = { .has_tasks = true, .has_pairs = has_pairs };
	struct km_tally *tally;

	ASSERT_OK(km_tally_create(&options, &tally));
	feed(add_tally, tally, events, nr);
	return tally;
}

static const struct event mixed[] = {
	KMALLOC(1, 100, 128, 0x1000, 0xa, 7),
	KMALLOC(1, 100, 128, 0x2000, 0xa, 7),
	KMALLOC(1, 100, 128, 0x3000, 0xa, 8),
	KMALLOC(2, 20, 32, 0x4000, 0xa, 7),
	KMALLOC(1, 20, 32, 0x5000, 0xb, 7, .queue = 1, .flags = KM_EVF_ACCOUNTED),
	KFREE(0x1000, 8),
	KFREE(0x1000, 8),                         /* unknown: freed already */
	KMALLOC(1, 100, 128, 0x2000, 0xa, 8),     /* replaces that of 7 */
	KFREE(0x3000, 7, .group = KM_ROW_HIDDEN), /* ends it, and is no free of 7's */
	KFREE(0x4000, 7, .group = KM_ROW_SKIP),   /* is not there */
	KFREE(0, 7, .group = KM_ROW_NONE),
	KFREE(0x9000, 9),
	{ .kind = KM_EV_PAGE_ALLOC,
	  .group = 3,
	  .req = 4096,
	  .alloc = 4096,
	  .ptr = 0x4000,
	  .pid = 7 },
	{ .kind = KM_EV_PAGE_FREE, .ptr = 0x4000, .pid = 7 },
	KMALLOC(KM_ROW_HIDDEN, 1, 8, 0x5000, 0xc, 8), /* replaces without being there */
};

static void counts_by_task(void **state)
{
	struct km_tally *tally = count(mixed, NR(mixed), true);
	struct km_tasks tasks;
	const struct km_task *task;

	ASSERT_OK(km_tally_tasks(tally, &tasks));
	assert_int_equal(tasks.nr, 3);
	task = &tasks.items[0];
	assert_int_equal(task->pid, 7);
	assert_int_equal(task->sum.hits, 4);
	assert_int_equal(task->sum.bytes_req, 240);
	assert_int_equal(task->sum.bytes_alloc, 320);
	assert_int_equal(task->sum.accounted_hits, 1);
	assert_int_equal(task->nr_sites, 2);
	assert_int_equal(task->frees, 0);
	assert_int_equal(task->ends.freed, 1);
	assert_int_equal(task->ends.bytes_freed, 128);
	assert_int_equal(task->ends.replaced, 2);
	assert_int_equal(task->ends.bytes_replaced, 160);
	assert_int_equal(task->ends.live, 1);
	assert_int_equal(task->ends.live_bytes, 32);
	assert_int_equal(task->ends.live_bytes_req, 20);
	task = &tasks.items[1];
	assert_int_equal(task->pid, 8);
	assert_int_equal(task->sum.hits, 2);
	assert_int_equal(task->frees, 2);
	assert_int_equal(task->ends.freed, 1);
	assert_int_equal(task->ends.live_bytes, 128);
	assert_int_equal(task->nr_sites, 1);
	task = &tasks.items[2];
	assert_int_equal(task->pid, 9);
	assert_int_equal(task->sum.hits, 0);
	assert_int_equal(task->frees, 1);
	km_tasks_deinit(&tasks);
	km_tally_destroy(tally);

	tally = count(mixed, NR(mixed), false);
	ASSERT_OK(km_tally_tasks(tally, &tasks));
	assert_int_equal(tasks.nr, 3);
	assert_int_equal(tasks.items[0].sum.hits, 4);
	assert_int_equal(tasks.items[0].ends.freed + tasks.items[0].ends.live, 0);
	assert_int_equal(tasks.items[1].frees, 2);
	km_tasks_deinit(&tasks);
	km_tally_destroy(tally);
}

static const struct event of_caches[] = {
	/* one site, freed twice as a dentry, one object lives: all are dentries */
	CACHE(1, 192, 192, 0x1000, 0xa, 1),
	CACHE(1, 192, 192, 0x2000, 0xa, 2),
	CACHE(1, 192, 192, 0x3000, 0xa, 1, .queue = 1),
	CACHE_FREE(0x1000, 1, 1),
	CACHE_FREE(0x2000, 1, 2, .queue = 1),
	/* of the same site in another size nothing is known */
	CACHE(2, 200, 256, 0x4000, 0xa, 1),
	/* freed as two: neither */
	CACHE(3, 256, 256, 0x5000, 0xb, 1),
	CACHE(3, 256, 256, 0x6000, 0xb, 1),
	CACHE_FREE(0x5000, 1, 1),
	CACHE_FREE(0x6000, 1, 2),
	/* the same by two tasks, which are two kin */
	CACHE(4, 256, 256, 0x7000, 0xc, 1),
	CACHE(4, 256, 256, 0x8000, 0xc, 2),
	CACHE_FREE(0x7000, 1, 1),
	CACHE_FREE(0x8000, 1, 2),
	/* kfree() gives no name; one site more of dentries */
	CACHE(5, 192, 192, 0x9000, 0xd, 1),
	KFREE(0x9000, 1),
	CACHE(5, 192, 192, 0x9000, 0xd, 1),
	CACHE_FREE(0x9000, 1, 1),
	/* named by its event, whatever its free says */
	CACHE(6, 256, 256, 0xa000, 0xe, 1, .cache = 2),
	CACHE_FREE(0xa000, 1, 1),
	KMALLOC(7, 60, 64, 0xb000, 0xe, 1),
	KMALLOC(8, 60, 64, 0xc000, 0xe, 1, .flags = KM_EVF_ACCOUNTED),
	/* an object of kmalloc has no cache of its own */
	CACHE_FREE(0xb000, 1, 1),
};

static void assert_cache(const struct km_cache *cache, const char *name,
			 enum km_cache_naming naming, uint32_t bytes, uint64_t hits,
			 uint64_t nr_sites, uint64_t live)
{
	if (name)
		assert_string_equal(cache->name, name);
	else
		assert_null(cache->name);
	assert_int_equal(cache->naming, naming);
	assert_int_equal(cache->bytes_alloc, bytes);
	assert_int_equal(cache->sum.hits, hits);
	assert_int_equal(cache->nr_sites, nr_sites);
	assert_int_equal(cache->ends.live, live);
}

static void names_caches_by_frees(void **state)
{
	struct km_tally *tally = count(of_caches, NR(of_caches), true);
	struct km_cache_options options = { .infers_names = true };
	struct km_caches caches;

	ASSERT_OK(km_tally_caches(tally, &options, &caches));
	assert_int_equal(caches.nr, 4);
	assert_cache(&caches.items[0], NULL, KM_CACHE_UNNAMED, 64, 2, 1, 1);
	assert_int_equal(caches.items[0].family, KM_FAMILY_KMALLOC);
	assert_cache(&caches.items[1], "dentry", KM_CACHE_INFERRED, 192, 5, 2, 1);
	assert_cache(&caches.items[2], NULL, KM_CACHE_UNNAMED, 256, 5, 3, 1);
	assert_cache(&caches.items[3], "filp", KM_CACHE_NAMED, 256, 1, 1, 0);
	km_caches_deinit(&caches);

	/* where events are missing frees are not asked; accounted sizes can be told apart */
	options = (struct km_cache_options){ .most_accounted = 64 };
	ASSERT_OK(km_tally_caches(tally, &options, &caches));
	assert_int_equal(caches.nr, 5);
	assert_cache(&caches.items[0], NULL, KM_CACHE_UNNAMED, 64, 1, 1, 0);
	assert_false(caches.items[0].is_accounted);
	assert_cache(&caches.items[1], NULL, KM_CACHE_UNNAMED, 64, 1, 1, 1);
	assert_true(caches.items[1].is_accounted);
	assert_cache(&caches.items[2], NULL, KM_CACHE_UNNAMED, 192, 5, 2, 1);
	km_caches_deinit(&caches);
	options.most_accounted = 63;
	ASSERT_OK(km_tally_caches(tally, &options, &caches));
	assert_int_equal(caches.nr, 4);
	km_caches_deinit(&caches);
	km_tally_destroy(tally);
}

static void counts_by_pointer(void **state)
{
	static const struct event events[] = {
		KMALLOC(1, 100, 128, 0x1000, 0xa, 7, .cpu = 1),
		KFREE(0x1000, 7, .cpu = 2),
		KFREE(0x1000, 7, .cpu = 2), /* what is freed twice moved once */
		CACHE(2, 64, 64, 0x1000, 0xb, 7, .cpu = 1),
		CACHE_FREE(0x1000, 7, 1, .cpu = 1),
		KMALLOC(1, 100, 128, 0x2000, 0xa, 7, .cpu = 1),
		KMALLOC(KM_ROW_HIDDEN, 8, 8, 0x2000, 0xc, 7, .cpu = 2),
		KMALLOC(1, 100, 128, 0x3000, 0xa, 7, .cpu = 1),
		KFREE(0x4000, 7),
	};
	struct km_ptrs *ptrs;
	const struct km_ptr *items;
	size_t nr;

	ASSERT_OK(km_ptrs_create(&ptrs));
	feed(add_ptrs, ptrs, events, NR(events));
	items = km_ptrs_items(ptrs, &nr);
	assert_int_equal(nr, 3);
	assert_int_equal(items[0].ptr, 0x1000);
	assert_int_equal(items[0].hits, 2);
	assert_int_equal(items[0].bytes_req, 164);
	assert_int_equal(items[0].bytes_alloc, 192);
	assert_int_equal(items[0].pingpong, 1);
	assert_int_equal(items[0].call_site, 0xb);
	assert_int_equal(items[0].family, KM_FAMILY_CACHE);
	assert_false(items[0].is_live);
	assert_int_equal(items[1].hits, 1);
	assert_int_equal(items[1].pingpong, 0);
	assert_false(items[1].is_live);
	assert_true(items[2].is_live);
	km_ptrs_destroy(ptrs);
}

/* Far more pointers and kin than the tables begin with. */
static void tables_grow(void **state)
{
	enum { NR_EVENTS = 20000 };
	struct event *events = calloc(NR_EVENTS, sizeof(*events));
	struct km_tally *tally;
	struct km_tasks tasks;
	struct km_ptrs *ptrs;
	size_t nr;

	for (size_t i = 0; i < NR_EVENTS; i++)
		events[i] = (struct event)KMALLOC((uint32_t)i % 500, 8, 8, 0x1000 + 64 * i, i % 500,
						  (int32_t)(i % 7));
	tally = count(events, NR_EVENTS, true);
	ASSERT_OK(km_tally_tasks(tally, &tasks));
	assert_int_equal(tasks.nr, 7);
	for (size_t i = 0; i < tasks.nr; i++) {
		assert_int_equal(tasks.items[i].sum.hits, NR_EVENTS / 7 + (i < NR_EVENTS % 7));
		assert_int_equal(tasks.items[i].ends.live, tasks.items[i].sum.hits);
		assert_int_equal(tasks.items[i].nr_sites, 500);
	}
	km_tasks_deinit(&tasks);
	km_tally_destroy(tally);
	ASSERT_OK(km_ptrs_create(&ptrs));
	feed(add_ptrs, ptrs, events, NR_EVENTS);
	km_ptrs_items(ptrs, &nr);
	assert_int_equal(nr, NR_EVENTS);
	km_ptrs_destroy(ptrs);
	free(events);
}

#define TAIL " : tunables 0 0 0 : slabdata "

/* What slabinfo says goes to the caches that it is surely about. */
static void matches_slabinfo(void **state)
{
	static const char text[] = "slabinfo - version: 2.1\n"
				   "dentry 10 21 192 21 1" TAIL "1 1 0\n"
				   "other-192 10 21 192 21 1" TAIL "1 1 0\n"
				   "filp 10 20 320 12 1" TAIL "1 1 0\n" /* not of that size */
				   "task 4 6 8448 3 8" TAIL "2 2 0\n"
				   "kmalloc-64 5 64 64 64 1" TAIL "1 1 0\n"
				   "kmalloc-rnd-01-64 7 128 64 64 1" TAIL "2 2 0\n"
				   "kmalloc-rnd-02-96 7 42 96 42 1" TAIL "1 1 0\n"
				   "kmalloc-cg-64 1 64 64 64 1" TAIL "1 1 0\n"
				   "wrong 1 64 104 64 1" TAIL "1 1 0\n"; /* more than a page */
	struct km_cache items[] = {
		{ .family = KM_FAMILY_KMALLOC, .bytes_alloc = 64 },
		{ .family = KM_FAMILY_KMALLOC, .bytes_alloc = 64, .is_accounted = true },
		{ .family = KM_FAMILY_KMALLOC, .bytes_alloc = 16384 },
		{ .family = KM_FAMILY_CACHE, .bytes_alloc = 104 },
		{ .family = KM_FAMILY_CACHE, .bytes_alloc = 192 },
		{ .family = KM_FAMILY_CACHE,
		  .bytes_alloc = 192,
		  .name = "dentry",
		  .naming = KM_CACHE_INFERRED },
		{ .family = KM_FAMILY_CACHE,
		  .bytes_alloc = 256,
		  .name = "filp",
		  .naming = KM_CACHE_NAMED },
		{ .family = KM_FAMILY_CACHE, .bytes_alloc = 8448 },
	};
	const struct km_caches caches = { items, NR(items) };
	struct km_slabinfo slabinfo;
	struct built built = { 0 };
	struct km_report_parts parts = { .input = &built.input, .caches = &caches };
	const struct km_report_cache *row;

	built.input = (struct km_input_info){ .path = "trace.dat", .page_size = 4096 };
	built.groups = build_groups(NULL, 0, NULL);
	ASSERT_OK(km_sites_build(built.groups, NULL, &built.sites));
	ASSERT_OK(km_slabinfo_parse("slabinfo", strdup(text), strlen(text), &slabinfo));
	parts.groups = built.groups;
	parts.sites = &built.sites;
	parts.slabinfo = &slabinfo;
	ASSERT_OK(km_report_build(&parts, &built.report));
	assert_int_equal(built.report->nr_caches, NR(items));
	row = built.report->caches;
	assert_string_equal(row[0].name, "kmalloc-64");
	assert_string_equal(row[0].slab_name, "kmalloc-64");
	assert_int_equal(row[0].active_objs, 12); /* with its random copy */
	assert_int_equal(row[0].objs, 192);
	assert_int_equal(row[0].slabs, 3);
	assert_int_equal(row[0].objs_per_slab, 64);
	assert_true(row[0].has_tail);
	assert_int_equal(row[0].tail_bytes, 0);
	assert_string_equal(row[1].name, "kmalloc-cg-64");
	assert_int_equal(row[1].active_objs, 1);
	assert_string_equal(row[2].name, "order-2");
	assert_null(row[2].slab_name);
	assert_string_equal(row[3].name, "cache-104");
	assert_string_equal(row[3].slab_name, "wrong");
	assert_false(row[3].has_tail);
	assert_string_equal(row[4].name, "cache-192");
	assert_null(row[4].slab_name);
	assert_int_equal(row[4].nr_candidates, 2);
	assert_string_equal(row[5].slab_name, "dentry");
	assert_int_equal(row[5].tail_bytes, 64);
	assert_null(row[6].slab_name);
	assert_int_equal(row[6].nr_candidates, 0);
	assert_string_equal(row[7].name, "cache-8448");
	assert_string_equal(row[7].slab_name, "task");
	assert_int_equal(row[7].pages_per_slab, 8);
	assert_int_equal(row[7].order, 3);
	assert_int_equal(row[7].tail_bytes, 7424);
	assert_int_equal(row[7].tails_bytes, 14848);
	built_deinit(&built);
	km_slabinfo_deinit(&slabinfo);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_by_task),    cmocka_unit_test(names_caches_by_frees),
		cmocka_unit_test(counts_by_pointer), cmocka_unit_test(tables_grow),
		cmocka_unit_test(matches_slabinfo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
