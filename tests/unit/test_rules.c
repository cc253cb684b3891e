/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules about page orders and whole call sites: what they flag, what not, what they say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "builder.h"

#define NR(array) (sizeof(array) / sizeof((array)[0]))

enum { NR_SAMPLES = 16, MOST_LIVES = 4 };

static const char *const names[] = { NULL, "tiny_cache" };
static const char kallsyms[] = "ffffffff81001000 T alpha\n"
			       "ffffffff81002000 T beta\n"
			       "ffffffff81003000 T kvmalloc_node\n"
			       "ffffffff81004000 T __kmalloc_noprof\n"
			       "ffffffff81005000 T _etext\n";
#define ALPHA    0xffffffff81001010
#define BETA     0xffffffff81002020
#define KVMALLOC 0xffffffff81003030
#define KMALLOC  0xffffffff81004040

/* A report of allocations and lives that are made up, and what it is made of. */
struct made {
	struct km_input_info input;
	struct km_format_info formats[2];
	struct km_site_life site_lives[MOST_LIVES];
	struct km_lives lives;
	struct km_groups *groups;
	struct km_sites sites;
	struct km_symtab *symtab;
	struct km_report *report;
};

/* What a test asks for. */
struct wanted {
	const struct alloc *allocs;
	size_t nr_allocs;
	struct km_site_life lives[MOST_LIVES];
	size_t nr_lives; /* 0: nothing was paired */
	bool has_lost, has_hashed_ptrs, has_raw_time, has_no_frees;
	struct km_thresholds thresholds;
	struct km_own_caches own_caches; /* none: not asked for */
};

static struct wanted wanted_of(const struct alloc *allocs, size_t nr)
{
	return (struct wanted){
		.allocs = allocs,
		.nr_allocs = nr,
		.thresholds = KM_THRESHOLDS_DEFAULT,
	};
}

static void add_events(struct made *made, struct km_report_parts *parts)
{
	made->formats[0] = (struct km_format_info){ "kmem", "kfree", 1, KM_EV_KFREE };
	made->formats[1] =
		(struct km_format_info){ "kmem", "kmem_cache_free", 2, KM_EV_CACHE_FREE };
	parts->events = calloc(2, sizeof(*parts->events));
	parts->nr_events = 2;
	for (size_t i = 0; i < 2; i++)
		parts->events[i] = (struct km_event_report){ &made->formats[i], 1 };
}

static void make(struct made *made, const struct wanted *wanted)
{
	struct km_report_parts parts = { .thresholds = wanted->thresholds };

	*made = (struct made){
		.input = { .path = "trace.dat",
			   .page_size = 4096,
			   .has_hashed_ptrs = wanted->has_hashed_ptrs,
			   .has_raw_time = wanted->has_raw_time },
	};
	memcpy(made->site_lives, wanted->lives, sizeof(made->site_lives));
	made->lives = (struct km_lives){
		.sites = made->site_lives,
		.nr_sites = wanted->nr_lives,
		.short_ns = 1000000,
		.nr_samples = NR_SAMPLES,
	};
	made->groups = build_groups(wanted->allocs, wanted->nr_allocs, names);
	if (wanted->nr_lives)
		parts.lives = &made->lives;
	ASSERT_OK(km_sites_build(made->groups, parts.lives, &made->sites));
	ASSERT_OK(km_symtab_create("kallsyms", strdup(kallsyms), strlen(kallsyms), &made->symtab));
	parts.quality.count[KM_EVENTS_LOST] = wanted->has_lost ? 7 : 0;
	parts.input = &made->input;
	parts.groups = made->groups;
	parts.sites = &made->sites;
	parts.symtab = made->symtab;
	if (wanted->own_caches.nr)
		parts.own_caches = &wanted->own_caches;
	if (!wanted->has_no_frees)
		add_events(made, &parts);
	ASSERT_OK(km_report_build(&parts, &made->report));
}

static void made_deinit(struct made *made)
{
	km_report_destroy(made->report);
	km_symtab_destroy(made->symtab);
	km_sites_deinit(&made->sites);
	km_groups_destroy(made->groups);
}

/* The only finding of a rule, or NULL. */
static const struct km_finding *find(const struct km_report *report, enum km_rule rule)
{
	const struct km_finding *found = NULL;

	for (size_t i = 0; i < report->nr_findings; i++) {
		if (report->findings[i].rule != rule)
			continue;
		assert_null(found);
		found = &report->findings[i];
	}
	return found;
}

static void expect_none(const struct wanted *wanted, enum km_rule rule)
{
	struct made made;

	make(&made, wanted);
	assert_null(find(made.report, rule));
	made_deinit(&made);
}

static void expect(const struct wanted *wanted, enum km_rule rule, const char *severity,
		   uint64_t hits_affected, uint64_t bytes_at_stake, const char *message,
		   const char *advice)
{
	const struct km_finding *finding;
	struct made made;

	make(&made, wanted);
	finding = find(made.report, rule);
	assert_non_null(finding);
	assert_string_equal(finding->message, message);
	assert_string_equal(finding->advice, advice);
	assert_string_equal(km_finding_severity_name(finding->severity), severity);
	assert_int_equal(finding->hits_affected, hits_affected);
	assert_int_equal(finding->bytes_at_stake, bytes_at_stake);
	assert_int_equal(finding->bytes_waste, finding->bytes_alloc - finding->bytes_req);
	assert_int_equal(strspn(finding->fingerprint, "0123456789abcdef"), 16);
	made_deinit(&made);
}

static const char order_advice[] = "kvmalloc() falls back to single pages, if neither DMA nor "
				   "anything else needs them contiguous; else allocate parts that "
				   "fit kmalloc-8k (8192 bytes)";

static void high_order_flags_beyond_the_caches(void **state)
{
	static const struct alloc large = { ALPHA, KM_EV_KMALLOC, 12000, 16384, 20 };
	static const struct alloc near = { ALPHA, KM_EV_KMALLOC, 10240, 16384, 20 };
	static const struct alloc order_4[] = { { ALPHA, KM_EV_KMALLOC, 40000, 65536, 2 },
						{ ALPHA, KM_EV_KMALLOC, 65536, 65536, 1 } };
	struct wanted wanted = wanted_of(&large, 1);

	expect(&wanted, KM_RULE_HIGH_ORDER, "low", 20, 20 * 16384,
	       "12000 bytes: order 2, 4 contiguous pages", order_advice);
	wanted.allocs = &near;
	expect(&wanted, KM_RULE_HIGH_ORDER, "low", 20, 20 * 16384,
	       "10240 bytes: order 2, 4 contiguous pages",
	       "kvmalloc() falls back to single pages, if neither DMA nor anything else needs them "
	       "contiguous; else allocate parts that fit kmalloc-8k (8192 bytes), or 2048 bytes "
	       "less to fit it");
	wanted.allocs = order_4;
	wanted.nr_allocs = 2;
	expect(&wanted, KM_RULE_HIGH_ORDER, "medium", 3, 3 * 65536,
	       "40000 to 65536 bytes: order 4, 16 contiguous pages, which fragmented memory may "
	       "not have",
	       order_advice);
	/* what is asked for often is worse by one */
	wanted.thresholds.hot_hits = 3;
	expect(&wanted, KM_RULE_HIGH_ORDER, "high", 3, 3 * 65536,
	       "40000 to 65536 bytes: order 4, 16 contiguous pages, which fragmented memory may "
	       "not have",
	       order_advice);
	wanted.thresholds.high_order = 5;
	expect_none(&wanted, KM_RULE_HIGH_ORDER);
	wanted = wanted_of(&large, 1);
	wanted.thresholds.hot_hits = 20;
	expect(&wanted, KM_RULE_HIGH_ORDER, "medium", 20, 20 * 16384,
	       "12000 bytes: order 2, 4 contiguous pages", order_advice);
}

/* Caches up to two pages, sizes of other allocators, caches with large objects, kvmalloc(). */
static void high_order_leaves_alone(void **state)
{
	static const struct alloc allocs[] = {
		{ ALPHA, KM_EV_KMALLOC, 8192, 8192, 20 },
		{ ALPHA, KM_EV_KMALLOC, 10240, 12288, 20 },
		{ BETA, KM_EV_CACHE_ALLOC, 16384, 16384, 20 },
		{ KVMALLOC, KM_EV_KMALLOC, 65536, 65536, 20 },
		{ KMALLOC, KM_EV_KMALLOC, 65536, 65536, 20 },
	};
	struct wanted wanted = wanted_of(allocs, NR(allocs));

	expect_none(&wanted, KM_RULE_HIGH_ORDER);
}

/* One finding a page order; those of other rules about the same sizes stay. */
static void high_order_is_beside_waste(void **state)
{
	static const struct alloc allocs[] = {
		{ ALPHA, KM_EV_KMALLOC, 8200, 16384, 20 },
		{ ALPHA, KM_EV_KMALLOC, 10824, 16384, 600 },
		{ ALPHA, KM_EV_KMALLOC, 90000, 131072, 1 },
	};
	struct wanted wanted = wanted_of(allocs, NR(allocs));
	unsigned int nr[KM_NR_RULES] = { 0 };
	struct made made;

	make(&made, &wanted);
	for (size_t i = 0; i < made.report->nr_findings; i++)
		nr[made.report->findings[i].rule]++;
	assert_int_equal(nr[KM_RULE_JUST_OVER], 1);
	assert_int_equal(nr[KM_RULE_WASTE], 2);
	assert_int_equal(nr[KM_RULE_HIGH_ORDER], 2);
	made_deinit(&made);
}

/* An even leak of `allocs` objects of 128 bytes, none of which is freed. */
static struct km_site_life leak_of(uint64_t address, uint8_t family, uint64_t allocs)
{
	struct km_site_life life = { .address = address, .family = family };
	struct km_life_stats *stats = &life.stats;

	stats->allocs = stats->live = allocs;
	stats->live_bytes = stats->live_bytes_req = stats->peak_bytes = 128 * allocs;
	for (uint64_t i = 0; i < NR_SAMPLES; i++)
		stats->samples[i] = 128 * (allocs * (i + 1) / NR_SAMPLES);
	return life;
}

static const struct alloc leaking = { ALPHA, KM_EV_KMALLOC, 128, 128, 512 };
static const char leak_message[] =
	"512 of 512 objects live at the end, more after each quarter of the time since the first: "
	"16.0 KiB, 32.0 KiB, 48.0 KiB, 64.0 KiB";
static const char leak_advice[] =
	"look for a path that does not free (errors, early returns), or a list that only grows; "
	"what a longer trace shows to level off is no leak";
static const char unsure_advice[] =
	"record again, in binary and with larger buffers, to see whether it is so before looking "
	"for a path that does not free";
static const char bulk_advice[] =
	"bulk frees and kfree_rcu() have no event: see in /proc/slabinfo whether the cache grows "
	"before looking for a path that does not free";

static struct wanted wanted_leak(void)
{
	struct wanted wanted = wanted_of(&leaking, 1);

	wanted.lives[0] = leak_of(ALPHA, KM_FAMILY_KMALLOC, 512);
	wanted.nr_lives = 1;
	return wanted;
}

static void leak_thresholds(void **state)
{
	static const struct alloc many = { ALPHA, KM_EV_KMALLOC, 128, 128, 8192 };
	struct wanted wanted = wanted_leak();

	expect(&wanted, KM_RULE_LEAK_SUSPECT, "medium", 512, 65536, leak_message, leak_advice);
	wanted.thresholds.leak_bytes = 65537;
	expect_none(&wanted, KM_RULE_LEAK_SUSPECT);

	wanted = wanted_leak();
	wanted.allocs = &many;
	wanted.lives[0] = leak_of(ALPHA, KM_FAMILY_KMALLOC, 8192);
	expect(&wanted, KM_RULE_LEAK_SUSPECT, "high", 8192, 1 << 20,
	       "8,192 of 8,192 objects live at the end, more after each quarter of the time since "
	       "the first: 256.0 KiB, 512.0 KiB, 768.0 KiB, 1.0 MiB",
	       leak_advice);

	/* a quarter freed, and one more */
	wanted = wanted_leak();
	wanted.lives[0].stats.allocs = 684;
	wanted.lives[0].stats.freed = 171;
	expect(&wanted, KM_RULE_LEAK_SUSPECT, "medium", 512, 65536,
	       "512 of 684 objects live at the end, more after each quarter of the time since the "
	       "first: 16.0 KiB, 32.0 KiB, 48.0 KiB, 64.0 KiB",
	       leak_advice);
	wanted.lives[0].stats.freed = 172;
	expect_none(&wanted, KM_RULE_LEAK_SUSPECT);
	wanted.thresholds.leak_freed_percent = 26;
	expect(&wanted, KM_RULE_LEAK_SUSPECT, "medium", 512, 65536,
	       "512 of 684 objects live at the end, more after each quarter of the time since the "
	       "first: 16.0 KiB, 32.0 KiB, 48.0 KiB, 64.0 KiB",
	       leak_advice);
}

/* What grows and levels off, what came at the end, what shrinks, what began late. */
static void leak_has_to_go_on(void **state)
{
	struct wanted wanted = wanted_leak();
	uint64_t *samples = wanted.lives[0].stats.samples;

	for (size_t i = 7; i < NR_SAMPLES; i++)
		samples[i] = 65536;
	expect_none(&wanted, KM_RULE_LEAK_SUSPECT);
	/* the last quarter adds a sixteenth, or a byte less */
	for (size_t i = 11; i < NR_SAMPLES - 1; i++)
		samples[i] = 65536 / 16 * 15;
	for (size_t i = 7; i < 11; i++)
		samples[i] = 65536 / 2;
	expect(&wanted, KM_RULE_LEAK_SUSPECT, "medium", 512, 65536,
	       "512 of 512 objects live at the end, more after each quarter of the time since the "
	       "first: 16.0 KiB, 32.0 KiB, 60.0 KiB, 64.0 KiB",
	       leak_advice);
	samples[11]++;
	expect_none(&wanted, KM_RULE_LEAK_SUSPECT);

	wanted = wanted_leak();
	for (size_t i = 0; i < NR_SAMPLES - 1; i++)
		samples[i] = 128;
	expect_none(&wanted, KM_RULE_LEAK_SUSPECT);

	wanted = wanted_leak();
	samples[7] = samples[3] - 1;
	expect_none(&wanted, KM_RULE_LEAK_SUSPECT);

	/* half of the trace is needed; it is cut into quarters */
	wanted = wanted_leak();
	for (size_t i = 0; i < 8; i++)
		samples[i] = 0;
	expect(&wanted, KM_RULE_LEAK_SUSPECT, "medium", 512, 65536,
	       "512 of 512 objects live at the end, more after each quarter of the time since the "
	       "first: 40.0 KiB, 48.0 KiB, 56.0 KiB, 64.0 KiB",
	       leak_advice);
	samples[8] = 0;
	expect_none(&wanted, KM_RULE_LEAK_SUSPECT);
}

static void leak_says_what_is_unsure(void **state)
{
	struct wanted wanted = wanted_leak();
	char message[400];

	wanted.has_lost = true;
	snprintf(message, sizeof(message), "%s; unsure: events are missing", leak_message);
	expect(&wanted, KM_RULE_LEAK_SUSPECT, "low", 512, 65536, message, unsure_advice);
	wanted.has_hashed_ptrs = true;
	snprintf(message, sizeof(message), "%s; unsure: events are missing, pointers are hashed",
		 leak_message);
	expect(&wanted, KM_RULE_LEAK_SUSPECT, "low", 512, 65536, message, unsure_advice);
	wanted.has_lost = false;
	wanted.lives[0].stats.replaced = 6;
	snprintf(message, sizeof(message),
		 "%s; unsure: pointers are hashed, 6 of its objects were freed without an event",
		 leak_message);
	expect(&wanted, KM_RULE_LEAK_SUSPECT, "low", 512, 65536, message, bulk_advice);
	/* few of them are no doubt */
	wanted.has_hashed_ptrs = false;
	wanted.lives[0].stats.replaced = 5;
	expect(&wanted, KM_RULE_LEAK_SUSPECT, "medium", 512, 65536, leak_message, leak_advice);
	/* nothing can be said without any event of a free */
	wanted.has_no_frees = true;
	expect_none(&wanted, KM_RULE_LEAK_SUSPECT);
}

/* 1,000 allocations that `life` tells of, beside others. */
static const struct alloc hot[] = {
	{ ALPHA, KM_EV_KMALLOC, 200, 256, 1000, .flags = KM_EVF_ACCOUNTED },
	{ BETA, KM_EV_KMALLOC, 8, 8, 9000 },
};

static struct wanted wanted_hot(void)
{
	struct wanted wanted = wanted_of(hot, NR(hot));

	wanted.lives[0] = (struct km_site_life){
		.address = ALPHA,
		.stats = { .allocs = 1000, .freed = 1000, .pingpong = 750, .short_lived = 900 },
	};
	wanted.lives[0].stats.lifetimes[10] = 1000;
	wanted.nr_lives = 1;
	return wanted;
}

static const char ping_pong_message[] =
	"750 of 1,000 frees (75.0%) on another CPU than the allocation";
static const char ping_pong_advice[] =
	"let the CPU that allocates free or reuse the objects: hand them back in batches, keep a "
	"pool for each CPU, or bring both ends to one CPU (affinity of interrupts, queues and "
	"tasks)";

static void ping_pong_thresholds(void **state)
{
	struct wanted wanted = wanted_hot();

	expect(&wanted, KM_RULE_PING_PONG, "medium", 750, 0, ping_pong_message, ping_pong_advice);
	wanted.lives[0].stats.node_pingpong = 20;
	expect(&wanted, KM_RULE_PING_PONG, "medium", 750, 0,
	       "750 of 1,000 frees (75.0%) on another CPU than the allocation, 20 of them on "
	       "another NUMA node",
	       ping_pong_advice);
	wanted.lives[0].stats.pingpong = 749;
	expect_none(&wanted, KM_RULE_PING_PONG);
	wanted.thresholds.ping_pong_percent = 74;
	wanted.lives[0].stats.node_pingpong = 0;
	expect(&wanted, KM_RULE_PING_PONG, "medium", 749, 0,
	       "749 of 1,000 frees (74.9%) on another CPU than the allocation", ping_pong_advice);
	/* of what is mostly still alive too little is known */
	wanted = wanted_hot();
	wanted.lives[0].stats.freed = 999;
	expect_none(&wanted, KM_RULE_PING_PONG);
	wanted.nr_lives = 0;
	expect_none(&wanted, KM_RULE_PING_PONG);
}

/* Fewer hits, or a smaller share: not for the rules about time. */
static void hot_thresholds(void **state)
{
	static const enum km_rule rules[] = { KM_RULE_PING_PONG, KM_RULE_SHORT_LIVED,
					      KM_RULE_ACCOUNTED };
	const struct alloc rare[] = { hot[0], { BETA, KM_EV_KMALLOC, 8, 8, 99000 } };
	struct wanted wanted = wanted_hot();
	struct made made;

	wanted.thresholds.hot_hits = 1001;
	for (size_t i = 0; i < NR(rules); i++)
		expect_none(&wanted, rules[i]);
	wanted = wanted_hot();
	wanted.thresholds.hot_percent = 10.1;
	for (size_t i = 0; i < NR(rules); i++)
		expect_none(&wanted, rules[i]);
	/* one of a hundred is low */
	wanted = wanted_hot();
	wanted.allocs = rare;
	make(&made, &wanted);
	for (size_t i = 0; i < NR(rules); i++) {
		assert_non_null(find(made.report, rules[i]));
		assert_int_equal(find(made.report, rules[i])->severity, KM_FIND_LOW);
	}
	made_deinit(&made);
}

/* The advice goes by what the objects are. */
static void short_lived_advice(void **state)
{
	static const struct {
		struct alloc allocs[2];
		const char *sizes, *advice;
	} cases[] = {
		{ { { ALPHA, KM_EV_KMALLOC, 256, 256, 1000 } },
		  "256 bytes",
		  "a local variable of 256 bytes on the stack would do, unless something else "
		  "keeps the pointer" },
		{ { { ALPHA, KM_EV_KMALLOC, 9, 16, 500 }, { ALPHA, KM_EV_KMALLOC, 256, 256, 500 } },
		  "9 to 256 bytes",
		  "a buffer of 256 bytes on the stack would hold every size seen, with kmalloc() "
		  "for "
		  "larger ones only" },
		{ { { ALPHA, KM_EV_KMALLOC, 257, 512, 1000 } },
		  "257 bytes",
		  "too large for the stack: keep the 257 bytes for reuse (for each CPU, or in the "
		  "object they serve), or take them from a mempool or kmem_cache of their own" },
		{ { { ALPHA, KM_EV_KMALLOC, 64, 64, 500 },
		    { ALPHA, KM_EV_KMALLOC, 614, 1024, 500 } },
		  "64 to 614 bytes",
		  "too large for the stack: keep one buffer of the largest size (614 bytes) for "
		  "reuse, for each CPU or in the object it serves, and grow it when needed" },
		{ { { ALPHA, KM_EV_CACHE_ALLOC, 40, 64, 1000, .cache = 1 } },
		  "40 bytes",
		  "it has a cache already: reuse an object for the next turn (one for each CPU or "
		  "task), or make it part of one that lives longer" },
	};

	for (size_t i = 0; i < NR(cases); i++) {
		struct wanted wanted = wanted_hot();
		char message[160];

		wanted.allocs = cases[i].allocs;
		wanted.nr_allocs = 1 + (cases[i].allocs[1].hits > 0);
		wanted.lives[0].family = (uint8_t)km_family_of(cases[i].allocs[0].kind);
		snprintf(message, sizeof(message),
			 "900 of 1,000 objects of %s lived less than 1.00 ms, half of all less "
			 "than about 1.53 us",
			 cases[i].sizes);
		expect(&wanted, KM_RULE_SHORT_LIVED, "medium", 900, 0, message, cases[i].advice);
	}
}

static void short_lived_thresholds(void **state)
{
	static const char advice[] = "a local variable of 200 bytes on the stack would do, unless "
				     "something else keeps the pointer";
	struct wanted wanted = wanted_hot();

	wanted.lives[0].stats.short_lived = 899;
	expect_none(&wanted, KM_RULE_SHORT_LIVED);
	wanted.thresholds.short_lived_percent = 89.9;
	expect(&wanted, KM_RULE_SHORT_LIVED, "medium", 899, 0,
	       "899 of 1,000 objects of 200 bytes lived less than 1.00 ms, half of all less than "
	       "about 1.53 us",
	       advice);
	wanted.has_raw_time = true;
	expect(&wanted, KM_RULE_SHORT_LIVED, "medium", 899, 0,
	       "899 of 1,000 objects of 200 bytes lived less than 1000000 ticks, half of all less "
	       "than about 1535 ticks",
	       advice);
	wanted.nr_lives = 0;
	expect_none(&wanted, KM_RULE_SHORT_LIVED);
}

static void accounted_thresholds(void **state)
{
	static const struct alloc half[] = {
		{ ALPHA, KM_EV_KMALLOC, 200, 256, 500, .flags = KM_EVF_ACCOUNTED },
		{ ALPHA, KM_EV_KMALLOC, 200, 256, 500 },
		{ BETA, KM_EV_CACHE_ALLOC, 200, 256, 499, .flags = KM_EVF_ACCOUNTED },
		{ BETA, KM_EV_CACHE_ALLOC, 200, 256, 501 },
	};
	struct wanted wanted = wanted_of(half, NR(half));
	static const char message[] = "500 of 1,000 allocations are charged to a memory cgroup, "
				      "50.1% of all that are (50.0% of all allocations)";

	expect(&wanted, KM_RULE_ACCOUNTED, "low", 500, 0, message,
	       "a charge takes about as long as the allocation itself: allocate several at once or "
	       "reuse them; without __GFP_ACCOUNT (SLAB_ACCOUNT) only if user space cannot make "
	       "them grow in number");
	wanted.lives[0] = wanted_hot().lives[0];
	wanted.nr_lives = 1;
	expect(&wanted, KM_RULE_ACCOUNTED, "low", 500, 0, message,
	       "a charge takes about as long as the allocation itself, and here most end at once: "
	       "allocate several at once or reuse them; without __GFP_ACCOUNT (SLAB_ACCOUNT) only "
	       "if user space cannot make them grow in number");
	wanted.thresholds.accounted_percent = 50.1;
	expect_none(&wanted, KM_RULE_ACCOUNTED);
}

/* Bytes at stake come first, then what costs time, by how often. */
static void findings_are_ranked(void **state)
{
	static const struct alloc allocs[] = {
		{ ALPHA, KM_EV_KMALLOC, 2048, 4096, 1000 },
		{ BETA, KM_EV_KMALLOC, 200, 256, 2000 },
	};
	static const enum km_rule order[] = { KM_RULE_WASTE, KM_RULE_LEAK_SUSPECT,
					      KM_RULE_SHORT_LIVED, KM_RULE_PING_PONG };
	struct wanted wanted = wanted_of(allocs, NR(allocs));
	size_t nr = 0;
	struct made made;

	wanted.lives[0] = leak_of(ALPHA, KM_FAMILY_KMALLOC, 512);
	wanted.lives[0].stats.allocs = 512;
	wanted.lives[1] = (struct km_site_life){
		.address = BETA,
		.stats = { .allocs = 2000, .freed = 2000, .pingpong = 1800, .short_lived = 1900 },
	};
	wanted.nr_lives = 2;
	wanted.thresholds.just_over_percent = 0;
	make(&made, &wanted);
	for (size_t i = 0; i < made.report->nr_findings; i++)
		if (made.report->findings[i].severity == KM_FIND_HIGH)
			nr++;
	/* 2 MiB of waste are high, the rest is medium */
	assert_int_equal(nr, 1);
	assert_int_equal(made.report->nr_findings, NR(order));
	for (size_t i = 0; i < NR(order); i++)
		assert_int_equal(made.report->findings[i].rule, order[i]);
	made_deinit(&made);
}

static void fingerprint_of(const struct wanted *wanted, enum km_rule rule, char ret[static 17])
{
	struct made made;

	make(&made, wanted);
	assert_non_null(find(made.report, rule));
	memcpy(ret, find(made.report, rule)->fingerprint, 17);
	made_deinit(&made);
}

/* With one size the class tells call sites of a function apart; of several it says nothing. */
static void fingerprints_of_call_sites(void **state)
{
	static const struct alloc one = { ALPHA, KM_EV_KMALLOC, 200, 256, 1000 };
	static const struct alloc other = { ALPHA, KM_EV_KMALLOC, 100, 128, 1000 };
	static const struct alloc several[] = { { ALPHA, KM_EV_KMALLOC, 200, 256, 900 },
						{ ALPHA, KM_EV_KMALLOC, 100, 128, 100 } };
	static const struct alloc others[] = { { ALPHA, KM_EV_KMALLOC, 200, 256, 100 },
					       { ALPHA, KM_EV_KMALLOC, 100, 128, 900 } };
	char first[17], second[17];
	struct wanted wanted = wanted_hot();

	wanted.allocs = &one;
	wanted.nr_allocs = 1;
	fingerprint_of(&wanted, KM_RULE_PING_PONG, first);
	fingerprint_of(&wanted, KM_RULE_SHORT_LIVED, second);
	assert_string_not_equal(first, second);
	wanted.allocs = &other;
	fingerprint_of(&wanted, KM_RULE_PING_PONG, second);
	assert_string_not_equal(first, second);
	wanted.allocs = several;
	wanted.nr_allocs = 2;
	fingerprint_of(&wanted, KM_RULE_PING_PONG, first);
	assert_string_not_equal(first, second);
	wanted.allocs = others;
	fingerprint_of(&wanted, KM_RULE_PING_PONG, second);
	assert_string_equal(first, second);
	/* the value itself is in users' CI files: it must not change */
	assert_string_equal(first, "c37ac16605cb838c");
}

/* A large kmalloc() of v6.12 has an event in the allocator itself: the caller's is judged. */
static void doubled_events_are_told_once(void **state)
{
	static const struct alloc allocs[] = {
		{ KMALLOC, KM_EV_KMALLOC, 10824, 16384, 600 },
		{ BETA, KM_EV_KMALLOC, 10824, 16384, 600 },
	};
	struct wanted wanted = wanted_of(allocs, NR(allocs));
	struct made made;

	make(&made, &wanted);
	assert_int_equal(made.report->nr_findings, 2);
	for (size_t i = 0; i < 2; i++)
		assert_string_equal(made.report->findings[i].callsite->name, "beta+0x20");
	made_deinit(&made);
}

static void own_cache_thresholds(void **state)
{
	static const struct alloc allocs[] = { { ALPHA, KM_EV_KMALLOC, 40, 64, 1940 },
					       { ALPHA, KM_EV_KMALLOC, 50, 64, 60 } };
	struct km_own_cache own = {
		.call_site = ALPHA,
		.hits = 2000,
		.size_hits = 1940,
		.bytes_req = 40,
		.bytes_alloc = 64,
		.object_bytes = 40,
		.slab = { .objects = 102, .pages = 1 },
		.tail_bytes = 16,
		.page_size = 4096,
		.objects = 1500,
		.class_pages = 24,
		.own_pages = 15,
	};
	struct wanted wanted = wanted_of(allocs, 2);

	expect_none(&wanted, KM_RULE_OWN_CACHE);
	wanted.own_caches = (struct km_own_caches){ .items = &own, .nr = 1 };
	expect(&wanted, KM_RULE_OWN_CACHE, "low", 1940, 9 * 4096,
	       "1,500 live objects of 40 bytes at most, in kmalloc-64: a kmem_cache of their own "
	       "(40 bytes, 102 in an order-0 slab, 16 bytes of tail) would take 15 pages instead "
	       "of 24",
	       "allocate them from a kmem_cache of their own (KMEM_CACHE()), which saves 36.0 KiB "
	       "while most are live; the other 3.0% of its allocations, of other sizes, stay with "
	       "kmalloc()");
	wanted.thresholds.waste_bytes = 9 * 4096 + 1;
	expect_none(&wanted, KM_RULE_OWN_CACHE);
	wanted.thresholds.waste_bytes = 0;
	own.own_pages = 24;
	expect_none(&wanted, KM_RULE_OWN_CACHE);
	own.own_pages = 25;
	expect_none(&wanted, KM_RULE_OWN_CACHE);
	/* a slab is not full of them */
	own.own_pages = 1;
	own.objects = 101;
	expect_none(&wanted, KM_RULE_OWN_CACHE);
	/* another call site's */
	own.objects = 1500;
	own.call_site = BETA;
	expect_none(&wanted, KM_RULE_OWN_CACHE);
}

static void own_cache_severity(void **state)
{
	static const struct alloc alloc = { ALPHA, KM_EV_KMALLOC, 2056, 4096, 1500 };
	struct km_own_cache own = {
		.call_site = ALPHA,
		.hits = 1500,
		.size_hits = 1500,
		.bytes_req = 2056,
		.bytes_alloc = 4096,
		.object_bytes = 2056,
		.slab = { .objects = 15, .pages = 8 },
		.order = 3,
		.tail_bytes = 1928,
		.page_size = 4096,
		.objects = 1500,
		.class_pages = 865,
		.own_pages = 801,
	};
	struct wanted wanted = wanted_of(&alloc, 1);
	static const char advice[] = "allocate them from a kmem_cache of their own (KMEM_CACHE()), "
				     "which saves %s while most are live";
	char text[sizeof(advice) + 16];

	wanted.own_caches = (struct km_own_caches){ .items = &own, .nr = 1 };
	snprintf(text, sizeof(text), advice, "256.0 KiB");
	expect(&wanted, KM_RULE_OWN_CACHE, "medium", 1500, 64 * 4096,
	       "1,500 live objects of 2056 bytes at most, in kmalloc-4k: a kmem_cache of their own "
	       "(2056 bytes, 15 in an order-3 slab, 1928 bytes of tail) would take 801 pages "
	       "instead of 865",
	       text);
	own.class_pages = 801 + 256;
	snprintf(text, sizeof(text), advice, "1.0 MiB");
	expect(&wanted, KM_RULE_OWN_CACHE, "high", 1500, 256 * 4096,
	       "1,500 live objects of 2056 bytes at most, in kmalloc-4k: a kmem_cache of their own "
	       "(2056 bytes, 15 in an order-3 slab, 1928 bytes of tail) would take 801 pages "
	       "instead of 1,057",
	       text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(high_order_flags_beyond_the_caches),
		cmocka_unit_test(high_order_leaves_alone),
		cmocka_unit_test(high_order_is_beside_waste),
		cmocka_unit_test(leak_thresholds),
		cmocka_unit_test(leak_has_to_go_on),
		cmocka_unit_test(leak_says_what_is_unsure),
		cmocka_unit_test(ping_pong_thresholds),
		cmocka_unit_test(hot_thresholds),
		cmocka_unit_test(short_lived_advice),
		cmocka_unit_test(short_lived_thresholds),
		cmocka_unit_test(accounted_thresholds),
		cmocka_unit_test(own_cache_thresholds),
		cmocka_unit_test(own_cache_severity),
		cmocka_unit_test(findings_are_ranked),
		cmocka_unit_test(fingerprints_of_call_sites),
		cmocka_unit_test(doubled_events_are_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
