/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pairing of allocations with frees, on rows made by hand and against a plain second count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "agg/life_private.h"
#include "builder.h"

#define NR(array) (sizeof(array) / sizeof((array)[0]))
#define MS        1000000ULL

/* An event as the tests write it. */
struct event {
	uint64_t ts_ns;
	uint64_t ptr;
	enum km_event_kind kind;
	uint64_t call_site;
	uint32_t req, alloc;
	uint16_t cpu;
	int16_t node;
	uint32_t mark; /* KM_ROW_HIDDEN, KM_ROW_SKIP: what a filter made of it */
};

/* Queue 0 of a trace, fed event by event. */
struct feed {
	struct km_life *life;
	struct km_groups *groups;
	struct km_batch batch;
};

/* The loop for processors without AVX2, whatever this one has. */
static bool has_base_loop;

static struct feed *feed_create(uint64_t short_ns, const struct km_topology *topology)
{
	struct feed *feed = calloc(1, sizeof(*feed));
	const struct km_life_options options = { .short_ns = short_ns, .topology = topology };

	ASSERT_OK(km_life_create(&options, &feed->life));
	if (has_base_loop)
		feed->life->add_plain = km_life_add_plain;
	ASSERT_OK(km_groups_create(&feed->groups));
	return feed;
}

static void feed_flush(struct feed *feed)
{
	const struct km_rows rows = {
		.batch = &feed->batch,
		.to = feed->batch.nr,
		.groups = km_groups_list(feed->groups),
	};

	ASSERT_OK(km_groups_number(feed->groups, &feed->batch));
	ASSERT_OK(km_life_add(feed->life, &rows));
	feed->batch.nr = 0;
}

static void feed_event(struct feed *feed, const struct event *event)
{
	struct km_batch *batch = &feed->batch;
	const uint32_t i = batch->nr++;

	batch->call_site[i] = event->call_site;
	batch->size[i] = (struct km_event_size){ event->req, event->alloc };
	batch->what[i] = (struct km_event_what){ .kind = (uint8_t)event->kind };
	batch->ts_ns[i] = event->ts_ns;
	batch->ptr[i] = event->ptr;
	batch->cpu[i] = event->cpu;
	batch->more[i] = (struct km_event_more){ .node = event->node };
	km_batch_mark(batch, i);
	if (event->mark)
		batch->group[i] = event->mark;
	if (batch->nr == KM_BATCH_EVENTS)
		feed_flush(feed);
}

static void feed_events(struct feed *feed, const struct event *events, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		feed_event(feed, &events[i]);
	feed_flush(feed);
}

static struct km_lives feed_finish(struct feed *feed, uint64_t last_ns)
{
	struct km_lives lives;

	ASSERT_OK(km_life_finish(feed->life, last_ns, &lives));
	return lives;
}

static void feed_destroy(struct feed *feed)
{
	km_life_destroy(feed->life);
	km_groups_destroy(feed->groups);
	free(feed);
}

static void nothing_lives_in_nothing(void **state)
{
	struct feed *feed = feed_create(MS, NULL);
	struct km_lives lives = feed_finish(feed, 0);

	assert_int_equal(lives.nr_sites, 0);
	assert_int_equal(lives.total.allocs, 0);
	assert_int_equal(km_life_median_ns(&lives.total), 0);
	km_lives_deinit(&lives);
	feed_destroy(feed);
}

/* Whatever frees an object, it is that of the pointer; and the call site is who allocated it. */
static void frees_pair_by_pointer(void **state)
{
	static const struct event events[] = {
		{ 1000, 0x1000, KM_EV_KMALLOC, 0xa, 100, 128, .cpu = 0 },
		{ 2000, 0x2000, KM_EV_CACHE_ALLOC, 0xb, 200, 200, .cpu = 1 },
		{ 3000, 0x2000, KM_EV_KFREE, .cpu = 1 },
		{ 4000, 0x1000, KM_EV_CACHE_FREE, .cpu = 1 },
		{ 5000, 0x2000, KM_EV_KMALLOC_NODE, 0xa, 30, 32, .cpu = 1 },
		{ 6000, 0x9000, KM_EV_KFREE },
		{ 7000, 0, KM_EV_KFREE },
		{ 7000, KM_ZERO_SIZE_PTR, KM_EV_KFREE },
		{ 8000, 0, KM_EV_KMALLOC, 0xa, 64, 0 },
		{ 9000, 0x1000, KM_EV_PERCPU_ALLOC, 0xc, 8, 16 },
		{ 9000, 0x2000, KM_EV_PAGE_FREE },
	};
	struct feed *feed = feed_create(2500, NULL);
	const struct km_life_stats *a, *b;
	struct km_lives lives;

	feed_events(feed, events, NR(events));
	lives = feed_finish(feed, 10000);
	assert_int_equal(lives.nr_sites, 2);
	a = &lives.sites[0].stats;
	b = &lives.sites[1].stats;
	assert_int_equal(lives.sites[0].address, 0xa);
	assert_int_equal(lives.sites[0].family, KM_FAMILY_KMALLOC);
	assert_int_equal(lives.sites[1].family, KM_FAMILY_CACHE);
	assert_int_equal(a->allocs, 2);
	assert_int_equal(a->freed, 1);
	assert_int_equal(a->bytes_freed, 128);
	assert_int_equal(a->pingpong, 1);
	assert_int_equal(a->live, 1);
	assert_int_equal(a->live_bytes, 32);
	assert_int_equal(a->live_bytes_req, 30);
	assert_int_equal(a->peak_bytes, 128);
	assert_int_equal(a->peak_ns, 1000);
	assert_int_equal(a->short_lived, 0);
	assert_int_equal(b->freed, 1);
	assert_int_equal(b->pingpong, 0);
	assert_int_equal(b->short_lived, 1);
	assert_int_equal(b->lifetimes[9], 1); /* 1000 ns */
	assert_int_equal(lives.unknown_frees, 1);
	assert_int_equal(lives.total.peak_bytes, 328);
	assert_int_equal(lives.total.peak_ns, 2000);
	/* 28 bytes for 3000 ns, 2 for the 5000 until the end */
	assert_true(a->waste_byte_seconds > 93.9e-6 && a->waste_byte_seconds < 94.1e-6);
	km_lives_deinit(&lives);
	feed_destroy(feed);
}

/* A pointer that is allocated again was freed without an event. */
static void allocated_again_is_replaced(void **state)
{
	static const struct event events[] = {
		{ 1000, 0x1000, KM_EV_CACHE_ALLOC, 0xa, 100, 100 },
		{ 2000, 0x1000, KM_EV_CACHE_ALLOC, 0xb, 100, 104 },
		{ 3000, 0x1000, KM_EV_CACHE_FREE },
		{ 4000, 0x1000, KM_EV_CACHE_FREE },
	};
	struct feed *feed = feed_create(MS, NULL);
	struct km_lives lives;

	feed_events(feed, events, NR(events));
	lives = feed_finish(feed, 0);
	assert_int_equal(lives.sites[0].stats.replaced, 1);
	assert_int_equal(lives.sites[0].stats.bytes_replaced, 100);
	assert_int_equal(lives.sites[0].stats.freed, 0);
	assert_int_equal(lives.sites[0].stats.live, 0);
	assert_int_equal(lives.sites[1].stats.freed, 1);
	assert_int_equal(lives.unknown_frees, 1);
	assert_int_equal(lives.total.peak_bytes, 104);
	km_lives_deinit(&lives);
	feed_destroy(feed);
}

/* What a filter hides ends lives, but counts for nothing else; what it leaves out does nothing. */
static void filters_choose_allocations(void **state)
{
	static const struct event events[] = {
		{ 1000, 0x1000, KM_EV_KMALLOC, 0xa, 8, 8 },
		{ 1000, 0x2000, KM_EV_KMALLOC, 0xa, 8, 8 },
		{ 1000, 0x3000, KM_EV_KMALLOC, 0xa, 8, 8 },
		{ 2000, 0x1000, KM_EV_KFREE, .mark = KM_ROW_HIDDEN },
		{ 2000, 0x2000, KM_EV_KMALLOC, 0xb, 8, 8, .mark = KM_ROW_HIDDEN },
		{ 2000, 0x3000, KM_EV_KFREE, .mark = KM_ROW_SKIP },
		{ 2000, 0x4000, KM_EV_KFREE, .mark = KM_ROW_HIDDEN },
	};
	struct feed *feed = feed_create(MS, NULL);
	struct km_lives lives;

	feed_events(feed, events, NR(events));
	lives = feed_finish(feed, 0);
	assert_int_equal(lives.nr_sites, 1);
	assert_int_equal(lives.total.allocs, 3);
	assert_int_equal(lives.total.freed, 1);
	assert_int_equal(lives.total.replaced, 1);
	assert_int_equal(lives.total.live, 1);
	assert_int_equal(lives.unknown_frees, 0);
	km_lives_deinit(&lives);
	feed_destroy(feed);
}

/* Half of the trace is known at its end only: what was old for a while may turn out to be young. */
static void half_of_the_trace(void **state)
{
	static const struct event events[] = {
		{ 0, 0x1000, KM_EV_KMALLOC, 0xa, 8, 8 },  { 10, 0x1000, KM_EV_KFREE },
		{ 10, 0x2000, KM_EV_KMALLOC, 0xa, 8, 8 }, { 90, 0x2000, KM_EV_KFREE },
		{ 90, 0x3000, KM_EV_KMALLOC, 0xa, 8, 8 },
	};
	struct feed *feed = feed_create(MS, NULL);
	struct km_lives lives;

	feed_events(feed, events, NR(events));
	lives = feed_finish(feed, 0);
	assert_int_equal(lives.total.over_half, 1);
	km_lives_deinit(&lives);
	lives = feed_finish(feed, 159);
	assert_int_equal(lives.total.over_half, 1);
	km_lives_deinit(&lives);
	lives = feed_finish(feed, 160);
	assert_int_equal(lives.total.over_half, 0);
	km_lives_deinit(&lives);
	lives = feed_finish(feed, 200);
	assert_int_equal(lives.total.over_half, 1);
	km_lives_deinit(&lives);
	feed_destroy(feed);
}

/* An event a tick: each is in the one that begins with it, when two have become one, too. */
static void ticks_and_samples(void **state)
{
	enum { FIRST_TICK_NS = 1024, PER_SAMPLE = KM_LIFE_TICKS / KM_LIFE_SAMPLES };
	struct feed *feed = feed_create(MS, NULL);
	struct km_lives lives;
	uint64_t nr = 0;

	for (uint64_t per_tick = 1; per_tick <= 4; per_tick *= 2) {
		for (; nr < per_tick * KM_LIFE_TICKS; nr++)
			feed_event(feed,
				   &(struct event){ 7000 + nr * FIRST_TICK_NS, 0x1000 + 8 * nr,
						    KM_EV_KMALLOC, 0xa, 5, 8 });
		feed_flush(feed);
		lives = feed_finish(feed, 0);
		assert_int_equal(lives.nr_ticks, KM_LIFE_TICKS);
		assert_int_equal(lives.tick_ns, per_tick * FIRST_TICK_NS);
		for (uint64_t i = 0; i < KM_LIFE_TICKS; i++) {
			assert_int_equal(lives.ticks[i].allocs, per_tick);
			assert_int_equal(lives.ticks[i].live_bytes, 8 * per_tick * (i + 1));
			assert_int_equal(lives.ticks[i].live_waste, 3 * per_tick * (i + 1));
			assert_int_equal(lives.ticks[i].peak_bytes, 8 * per_tick * (i + 1));
		}
		assert_int_equal(lives.nr_samples, KM_LIFE_SAMPLES);
		assert_int_equal(lives.sample_ns, PER_SAMPLE * lives.tick_ns);
		for (uint64_t i = 0; i < KM_LIFE_SAMPLES; i++) {
			const uint64_t bytes = 8 * per_tick * PER_SAMPLE * (i + 1);

			assert_int_equal(lives.sites[0].stats.samples[i], bytes);
			assert_int_equal(lives.total.samples[i], bytes);
		}
		km_lives_deinit(&lives);
	}
	feed_destroy(feed);
}

/* Thirteen days: more than fits in the bits for time, so that its units get longer. */
static void long_traces_lose_no_time(void **state)
{
	const uint64_t day = 86400000 * MS;
	const struct event events[] = {
		{ 5, 0x1000, KM_EV_KMALLOC, 0xa, 0, 1 },
		{ day, 0x2000, KM_EV_KMALLOC, 0xa, 8, 8 },
		{ 2 * day, 0x2000, KM_EV_KFREE },
		{ 13 * day, 0x1000, KM_EV_KFREE },
		{ 13 * day, 0x1000, KM_EV_KMALLOC, 0xa, 8, 8 },
		{ 13 * day + 100 * MS, 0x1000, KM_EV_KFREE },
	};
	struct feed *feed = feed_create(MS, NULL);
	struct km_lives lives;
	uint64_t nr = 0;

	feed_events(feed, events, NR(events));
	lives = feed_finish(feed, 0);
	assert_int_equal(lives.total.freed, 3);
	assert_int_equal(lives.total.lifetimes[26], 1); /* 100 ms */
	assert_int_equal(lives.total.lifetimes[46], 1); /* a day */
	assert_int_equal(lives.total.lifetimes[47], 1);
	/* the longest unit is 1024 ns */
	assert_true(lives.total.waste_byte_seconds > 13 * 86400 - 1e-5);
	assert_true(lives.total.waste_byte_seconds < 13 * 86400 + 1e-5);
	for (size_t i = 0; i < lives.nr_ticks; i++)
		nr += lives.ticks[i].allocs;
	assert_int_equal(nr, 3);
	assert_true(lives.nr_ticks > KM_LIFE_TICKS / 2 && lives.nr_ticks <= KM_LIFE_TICKS);
	assert_true(lives.first_ns + lives.nr_ticks * lives.tick_ns > lives.last_ns);
	km_lives_deinit(&lives);
	feed_destroy(feed);
}

/* Damaged times can make objects that lived for centuries; their ages are summed all the same. */
static void ages_add_up(void **state)
{
	enum { NR_OBJECTS = 5 };
	const uint64_t age_ns = UINT64_C(1) << 62;
	struct feed *feed = feed_create(MS, NULL);
	struct km_lives lives;

	for (uint64_t i = 0; i < NR_OBJECTS; i++)
		feed_event(feed, &(struct event){ 0, 0x1000 * (i + 1), KM_EV_KMALLOC, 0xa, 7, 8 });
	for (uint64_t i = 0; i < NR_OBJECTS; i++)
		feed_event(feed, &(struct event){ age_ns, 0x1000 * (i + 1), KM_EV_KFREE });
	feed_flush(feed);
	lives = feed_finish(feed, 0);
	assert_int_equal(lives.total.freed, NR_OBJECTS);
	/* more nanoseconds than 64 bits have */
	assert_true(lives.total.waste_byte_seconds > NR_OBJECTS * (double)age_ns / 1e9 * 0.999999);
	assert_true(lives.total.waste_byte_seconds < NR_OBJECTS * (double)age_ns / 1e9 * 1.000001);
	km_lives_deinit(&lives);
	feed_destroy(feed);
}

/* Of a batch of one CPU only the first row tells which; a damaged time may be the last there is. */
static void long_traces_of_one_cpu(void **state)
{
	const uint64_t day = 86400000 * MS;
	const struct event events[] = {
		{ 5, 0x1000, KM_EV_KMALLOC, 0xa, 8, 8, .cpu = 1 },
		{ day, 0x1000, KM_EV_KFREE, .cpu = 1 },
		{ day, 0x2000, KM_EV_KMALLOC, 0xb, 8, 8, .cpu = 1 },
		{ UINT64_MAX, 0x3000, KM_EV_KMALLOC, 0xc, 8, 8, .cpu = 1 },
		{ UINT64_MAX, 0x2000, KM_EV_KFREE, .cpu = 1 },
	};
	struct feed *feed = feed_create(MS, NULL);
	struct km_lives lives;

	for (int time = 0; time < 2; time++) {
		for (size_t i = 0; i < NR(events); i++)
			feed_event(feed, &events[i]);
		feed->batch.is_one_cpu = true;
		for (size_t i = 1; i < NR(events); i++)
			feed->batch.cpu[i] = 77;
		feed_flush(feed);
	}
	lives = feed_finish(feed, 0);
	assert_int_equal(lives.total.allocs, 6);
	assert_int_equal(lives.total.freed, 4);
	assert_int_equal(lives.total.replaced, 1);
	assert_int_equal(lives.total.live, 1);
	assert_int_equal(lives.total.pingpong, 0);
	km_lives_deinit(&lives);
	feed_destroy(feed);
}

static void nodes(void **state)
{
	static const int16_t node_of_cpu[] = { 0, 0, 1 };
	static const struct km_topology topology = { node_of_cpu, NR(node_of_cpu), 2 };
	static const struct event events[] = {
		{ 1, 0x1000, KM_EV_KMALLOC, 0xa, 8, 8, .cpu = 0, .node = 1 },
		{ 1, 0x2000, KM_EV_KMALLOC, 0xa, 8, 8, .cpu = 0, .node = 0 },
		{ 1, 0x3000, KM_EV_KMALLOC, 0xa, 8, 8, .cpu = 2, .node = -1 },
		{ 1, 0x4000, KM_EV_KMALLOC, 0xa, 8, 8, .cpu = 9, .node = 0 },
		{ 2, 0x1000, KM_EV_KFREE, .cpu = 1 },
		{ 2, 0x2000, KM_EV_KFREE, .cpu = 2 },
		{ 2, 0x3000, KM_EV_KFREE, .cpu = 2 },
		{ 2, 0x4000, KM_EV_KFREE, .cpu = 0 },
	};
	struct feed *feed = feed_create(MS, &topology);
	struct km_lives lives;

	feed_events(feed, events, NR(events));
	lives = feed_finish(feed, 0);
	assert_int_equal(lives.total.remote, 1);
	assert_int_equal(lives.total.pingpong, 3);
	assert_int_equal(lives.total.node_pingpong, 1);
	km_lives_deinit(&lives);
	feed_destroy(feed);
}

/* A second count, as plain as can be: an array of all pointers. */
enum { NR_PTRS = 40000, NR_SITES = 50 };

struct plain {
	struct {
		uint64_t ts_ns;
		uint32_t site, req, alloc;
		uint16_t cpu;
		bool is_live;
	} objects[NR_PTRS];
	struct {
		uint64_t allocs, freed, replaced, pingpong, live_bytes, peak_bytes, peak_ns;
		uint64_t short_lived, waste;
	} sites[NR_SITES], total;
	uint64_t unknown_frees;
};

static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return *seed >> 33;
}

static void plain_end(struct plain *plain, size_t i, uint64_t ts_ns)
{
	const uint64_t waste = (ts_ns - plain->objects[i].ts_ns) *
			       (plain->objects[i].alloc - plain->objects[i].req);

	plain->sites[plain->objects[i].site].live_bytes -= plain->objects[i].alloc;
	plain->sites[plain->objects[i].site].waste += waste;
	plain->total.live_bytes -= plain->objects[i].alloc;
	plain->objects[i].is_live = false;
}

static void plain_take(struct plain *plain, const struct event *event)
{
	const size_t i = event->ptr / 64 - 1;
	const uint32_t site = (uint32_t)event->call_site - 1;

	if (km_event_is_free(event->kind)) {
		if (!plain->objects[i].is_live) {
			plain->unknown_frees++;
			return;
		}
		plain->sites[plain->objects[i].site].freed++;
		plain->sites[plain->objects[i].site].pingpong +=
			plain->objects[i].cpu != event->cpu;
		plain->sites[plain->objects[i].site].short_lived +=
			event->ts_ns - plain->objects[i].ts_ns < MS;
		plain_end(plain, i, event->ts_ns);
		return;
	}
	if (plain->objects[i].is_live) {
		plain->sites[plain->objects[i].site].replaced++;
		plain_end(plain, i, event->ts_ns);
	}
	plain->objects[i].ts_ns = event->ts_ns;
	plain->objects[i].site = site;
	plain->objects[i].req = event->req;
	plain->objects[i].alloc = event->alloc;
	plain->objects[i].cpu = event->cpu;
	plain->objects[i].is_live = true;
	plain->sites[site].allocs++;
	plain->sites[site].live_bytes += event->alloc;
	if (plain->sites[site].live_bytes > plain->sites[site].peak_bytes) {
		plain->sites[site].peak_bytes = plain->sites[site].live_bytes;
		plain->sites[site].peak_ns = event->ts_ns;
	}
	plain->total.live_bytes += event->alloc;
	if (plain->total.live_bytes > plain->total.peak_bytes) {
		plain->total.peak_bytes = plain->total.live_bytes;
		plain->total.peak_ns = event->ts_ns;
	}
}

static void compare(struct plain *plain, const struct km_lives *lives)
{
	uint64_t nr_allocs = 0, nr_frees = 0, peak = 0;

	for (size_t i = 0; i < NR_PTRS; i++)
		if (plain->objects[i].is_live)
			plain->sites[plain->objects[i].site].waste +=
				(lives->last_ns - plain->objects[i].ts_ns) *
				(plain->objects[i].alloc - plain->objects[i].req);
	assert_int_equal(lives->nr_sites, NR_SITES);
	for (size_t i = 0; i < NR_SITES; i++) {
		const struct km_life_stats *stats = &lives->sites[i].stats;
		const double waste = (double)plain->sites[i].waste / 1e9;

		assert_int_equal(lives->sites[i].address, i + 1);
		assert_int_equal(stats->allocs, plain->sites[i].allocs);
		assert_int_equal(stats->freed, plain->sites[i].freed);
		assert_int_equal(stats->replaced, plain->sites[i].replaced);
		assert_int_equal(stats->pingpong, plain->sites[i].pingpong);
		assert_int_equal(stats->live_bytes, plain->sites[i].live_bytes);
		assert_int_equal(stats->peak_bytes, plain->sites[i].peak_bytes);
		assert_int_equal(stats->peak_ns, plain->sites[i].peak_ns);
		assert_int_equal(stats->short_lived, plain->sites[i].short_lived);
		assert_true(stats->waste_byte_seconds >= waste * (1 - 1e-12) &&
			    stats->waste_byte_seconds <= waste * (1 + 1e-12));
		assert_int_equal(stats->samples[lives->nr_samples - 1], stats->live_bytes);
	}
	assert_int_equal(lives->unknown_frees, plain->unknown_frees);
	assert_int_equal(lives->total.live_bytes, plain->total.live_bytes);
	assert_int_equal(lives->total.peak_bytes, plain->total.peak_bytes);
	assert_int_equal(lives->total.peak_ns, plain->total.peak_ns);
	for (size_t i = 0; i < lives->nr_ticks; i++) {
		nr_allocs += lives->ticks[i].allocs;
		nr_frees += lives->ticks[i].frees;
		peak = lives->ticks[i].peak_bytes > peak ? lives->ticks[i].peak_bytes : peak;
	}
	assert_int_equal(nr_allocs, lives->total.allocs);
	assert_int_equal(nr_frees, lives->total.freed);
	assert_int_equal(peak, lives->total.peak_bytes);
	assert_int_equal(lives->ticks[lives->nr_ticks - 1].live_bytes, lives->total.live_bytes);
}

/* Enough pointers that the table grows several times, and is cleaned of those that are freed. */
static void as_a_plain_count_has_it(void **state)
{
	struct plain *plain = calloc(1, sizeof(*plain));
	struct feed *feed = feed_create(MS, NULL);
	uint64_t seed = 42, ts_ns = 12345;
	struct km_lives lives;

	for (int i = 0; i < 1000000; i++) {
		/* waves: first mostly allocations, then mostly frees, on a part that moves */
		const bool is_free = next_random(&seed) % 100 < (i / 125000 % 2 ? 70 : 35);
		const uint64_t range = NR_PTRS / 4, start = (uint64_t)i / 30 % (NR_PTRS - range);
		struct event event = {
			.ts_ns = ts_ns,
			.ptr = (start + next_random(&seed) % range + 1) * 64,
			.cpu = (uint16_t)(next_random(&seed) % 3),
			.kind = is_free ? KM_EV_KFREE : KM_EV_KMALLOC,
		};

		if (!is_free) {
			event.call_site = next_random(&seed) % NR_SITES + 1;
			event.alloc = (uint32_t)(8 + event.call_site % 7 * 8);
			event.req = event.alloc - (uint32_t)(next_random(&seed) % 8);
		}
		plain_take(plain, &event);
		feed_event(feed, &event);
		ts_ns += next_random(&seed) % 5 ? next_random(&seed) % 2000 : 0;
	}
	feed_flush(feed);
	lives = feed_finish(feed, ts_ns + 5 * MS);
	assert_int_equal(lives.last_ns, ts_ns + 5 * MS);
	compare(plain, &lives);
	km_lives_deinit(&lives);
	feed_destroy(feed);
	free(plain);
}

/* Rows as a trace has them, of one CPU a batch; now and then the clock runs back, or leaps. */
static struct event random_row(uint64_t *seed, uint64_t *ts_ns, uint16_t cpu)
{
	static const uint32_t marks[] = { KM_ROW_HIDDEN, KM_ROW_SKIP, KM_ROW_NONE };
	const bool is_free = next_random(seed) % 2;
	struct event event = {
		.ts_ns = *ts_ns,
		.ptr = (next_random(seed) % 20000 + 1) * 64,
		.cpu = cpu,
		.kind = is_free ? KM_EV_KFREE : KM_EV_KMALLOC,
	};

	if (!is_free) {
		event.call_site = next_random(seed) % NR_SITES + 1;
		event.alloc = (uint32_t)(8 + next_random(seed) % 40 * 8);
		event.req = event.alloc - 3;
	}
	if (next_random(seed) % 100 == 0)
		event.mark = marks[next_random(seed) % NR(marks)];
	*ts_ns += next_random(seed) % 500;
	if (next_random(seed) % 5000 == 0)
		*ts_ns -= next_random(seed) % 100000;
	if (next_random(seed) % 50000 == 0)
		*ts_ns += 1000 * MS;
	return event;
}

/* Whether rows are taken in runs or one by one makes no difference. */
static void runs_are_as_single_rows(void **state)
{
	struct feed *runs = feed_create(MS, NULL), *rows = feed_create(MS, NULL);
	uint64_t seed = 7, ts_ns = 1000 * MS;
	struct km_lives of_runs, of_rows;
	uint16_t cpu = 0;

	runs->batch.is_one_cpu = true;
	for (int i = 0; i < 500000; i++) {
		const struct event event = random_row(&seed, &ts_ns, cpu);

		feed_event(rows, &event);
		feed_event(runs, &event);
		if (next_random(&seed) % 300 == 0)
			feed_flush(runs);
		if (!runs->batch.nr)
			cpu = next_random(&seed) % 3;
	}
	feed_flush(rows);
	feed_flush(runs);
	of_rows = feed_finish(rows, ts_ns);
	of_runs = feed_finish(runs, ts_ns);
	assert_true(of_runs.total.replaced > 1000 && of_runs.total.over_half > 0);
	assert_int_equal(of_runs.nr_sites, NR_SITES);
	assert_int_equal(of_rows.nr_sites, NR_SITES);
	assert_int_equal(of_runs.unknown_frees, of_rows.unknown_frees);
	assert_memory_equal(&of_runs.total, &of_rows.total, sizeof(of_rows.total));
	assert_memory_equal(of_runs.sites, of_rows.sites, NR_SITES * sizeof(*of_rows.sites));
	assert_int_equal(of_runs.nr_ticks, of_rows.nr_ticks);
	assert_memory_equal(of_runs.ticks, of_rows.ticks,
			    of_rows.nr_ticks * sizeof(*of_rows.ticks));
	km_lives_deinit(&of_runs);
	km_lives_deinit(&of_rows);
	feed_destroy(runs);
	feed_destroy(rows);
}

static void assert_at_peak(const struct km_life_stats *stats, uint64_t count, uint64_t bytes,
			   uint64_t waste)
{
	assert_int_equal(stats->at_peak, count);
	assert_int_equal(stats->at_peak_bytes, bytes);
	assert_int_equal(stats->at_peak_waste, waste);
}

/*
 * Who has what when most is live in all, which is not when most of their own is. What is asked for
 * in between is right, and changes nothing.
 */
static void peak_of_all(void **state)
{
	const struct event events[] = {
		{ 10, 0x100, KM_EV_KMALLOC, 0xa, 100, 128 },
		{ 20, 0x200, KM_EV_KMALLOC, 0xa, 120, 128 }, /* most of a, and of all so far */
		{ 30, 0x100, KM_EV_KFREE },
		{ 40, 0x300, KM_EV_KMALLOC, 0xb, 200, 256 },
		{ 50, 0x400, KM_EV_CACHE_ALLOC, 0xa, 60, 64 }, /* the peak: 448 */
		{ 60, 0x200, KM_EV_KFREE },
		{ 70, 0x500, KM_EV_KMALLOC, 0xc, 8, 8 },
		{ 80, 0x300, KM_EV_KMALLOC, 0xa, 240, 256 }, /* instead of that of b */
		{ 90, 0x600, KM_EV_KMALLOC, 0xa, 100, 120 }, /* 448 again: the first counts */
	};
	const struct km_life_options options = { .short_ns = MS, .wants_peak = true };
	struct feed *feed = calloc(1, sizeof(*feed));
	struct km_lives lives;

	ASSERT_OK(km_life_create(&options, &feed->life));
	ASSERT_OK(km_groups_create(&feed->groups));
	feed_events(feed, events, 2);
	lives = feed_finish(feed, 20);
	assert_true(lives.has_peak);
	assert_at_peak(&lives.sites[0].stats, 2, 256, 36);
	km_lives_deinit(&lives);
	feed_events(feed, events + 2, NR(events) - 2);
	lives = feed_finish(feed, 100);
	assert_int_equal(lives.nr_sites, 4);
	assert_at_peak(&lives.sites[0].stats, 1, 128, 8);
	assert_at_peak(&lives.sites[1].stats, 1, 64, 4);
	assert_at_peak(&lives.sites[2].stats, 1, 256, 56);
	assert_at_peak(&lives.sites[3].stats, 0, 0, 0);
	assert_at_peak(&lives.total, 3, 448, 68);
	assert_int_equal(lives.total.peak_bytes, 448);
	assert_int_equal(lives.total.peak_ns, 50);
	km_lives_deinit(&lives);
	feed_destroy(feed);
}

static void median(void **state)
{
	struct km_life_stats stats = { .freed = 5 };

	stats.lifetimes[4] = 2;
	stats.lifetimes[10] = 3;
	/* the third: the first of three in 1024 to 2047 */
	assert_int_equal(km_life_median_ns(&stats), 1024 + 1024 / 6);
	stats.lifetimes[4] = 5;
	stats.freed = 8;
	assert_int_equal(km_life_median_ns(&stats), 16 + 16 * 7 / 10);
	/* the shortest there are, and the longest */
	stats = (struct km_life_stats){ .freed = 1 };
	stats.lifetimes[0] = 1;
	assert_int_equal(km_life_median_ns(&stats), 1);
	stats.lifetimes[0] = 0;
	stats.lifetimes[KM_LIFE_BUCKETS - 1] = 1;
	assert_true(km_life_median_ns(&stats) == 3ULL << (KM_LIFE_BUCKETS - 2));
	assert_int_equal(km_life_median_ns(&(struct km_life_stats){ 0 }), 0);
}

/* Rows of one kind for the pointers from `first` on, a microsecond apart. */
static void feed_pointers(struct feed *feed, enum km_event_kind kind, uint64_t first, size_t nr,
			  uint64_t *now_ns)
{
	for (size_t i = 0; i < nr; i++) {
		const struct event event = { *now_ns += 1000,
					     0x10000 + 64 * (first + i),
					     kind,
					     0xa,
					     .req = kind == KM_EV_KFREE ? 0 : 60,
					     .alloc = kind == KM_EV_KFREE ? 0 : 64 };

		feed_event(feed, &event);
	}
	feed_flush(feed);
}

static void assert_lives(struct feed *feed, uint64_t now_ns, uint64_t live, uint64_t freed,
			 uint64_t untracked)
{
	struct km_lives lives = feed_finish(feed, now_ns);

	assert_int_equal(lives.total.live, live);
	assert_int_equal(lives.total.live_bytes, 64 * live);
	assert_int_equal(lives.ticks[lives.nr_ticks - 1].live_bytes, 64 * live);
	assert_int_equal(lives.ticks[lives.nr_ticks - 1].live_waste, 4 * live);
	assert_int_equal(lives.total.freed, freed);
	assert_int_equal(lives.untracked, untracked);
	/* those seem to be replaced, and their frees to be of nothing */
	assert_int_equal(lives.total.replaced, untracked);
	assert_int_equal(lives.total.allocs, live + freed + untracked);
	km_lives_deinit(&lives);
}

/* A table of 4096 pointers, five eighths of which may be in use. */
static void a_full_table_takes_no_more(void **state)
{
	enum { MOST = 4096, PTRS = 10000, AGAIN = 1000 };
	const struct km_life_options options = { .short_ns = MS, .most_bytes = MOST * 16 };
	struct feed *feed = calloc(1, sizeof(*feed));
	struct km_lives lives;
	uint64_t now_ns = 0, live;

	ASSERT_OK(km_life_create(&options, &feed->life));
	ASSERT_OK(km_groups_create(&feed->groups));
	feed_pointers(feed, KM_EV_KMALLOC, 0, PTRS, &now_ns);
	lives = feed_finish(feed, now_ns);
	live = lives.total.live;
	km_lives_deinit(&lives);
	assert_in_range(live, MOST / 2, MOST);
	assert_lives(feed, now_ns, live, 0, PTRS - live);
	feed_pointers(feed, KM_EV_KFREE, 0, PTRS, &now_ns);
	assert_lives(feed, now_ns, 0, live, PTRS - live);
	lives = feed_finish(feed, now_ns);
	assert_int_equal(lives.unknown_frees, PTRS - live);
	km_lives_deinit(&lives);
	/* there is room again */
	feed_pointers(feed, KM_EV_KMALLOC, PTRS, AGAIN, &now_ns);
	assert_lives(feed, now_ns, AGAIN, live, PTRS - live);
	feed_pointers(feed, KM_EV_KFREE, PTRS, AGAIN, &now_ns);
	assert_lives(feed, now_ns, 0, live + AGAIN, PTRS - live);
	feed_destroy(feed);
}

static int use_base_loop(void **state)
{
	has_base_loop = true;
	return 0;
}

static int use_best_loop(void **state)
{
	has_base_loop = false;
	return 0;
}

/* By the loop of this processor, and by that of all. */
#define BASE(name, test)                                                                           \
	{                                                                                          \
		name, test, use_base_loop, use_best_loop, NULL                                     \
	}
#define BOTH(test) cmocka_unit_test(test), BASE(#test "_base", test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(nothing_lives_in_nothing),
		BOTH(frees_pair_by_pointer),
		BOTH(allocated_again_is_replaced),
		BOTH(filters_choose_allocations),
		BOTH(half_of_the_trace),
		BOTH(ticks_and_samples),
		BOTH(long_traces_lose_no_time),
		BOTH(long_traces_of_one_cpu),
		BOTH(ages_add_up),
		BOTH(nodes),
		BOTH(as_a_plain_count_has_it),
		BOTH(runs_are_as_single_rows),
		BOTH(a_full_table_takes_no_more),
		BOTH(peak_of_all),
		cmocka_unit_test(median),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
