/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each allocation of decode/ and agg/ fails in turn: what was asked for either says so, or is what
 * it is with all the memory there is; and nothing is left behind. The linker puts the functions
 * below before those of libc.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "builder.h"
#include "decode/record.h"
#include "kmemstat/filter.h"
#include "kmemstat/locality.h"
#include "kmemstat/pagelife.h"
#include "kmemstat/percpulife.h"
#include "kmemstat/stacks.h"
#include "kmemstat/tally.h"

/* Allocations left until one fails; 0: it has. None fails while it is off. */
static unsigned long left;
static bool is_on, fails_on;
/* What was allocated and mapped, and is still there. */
static long nr_live;

static bool fails(void)
{
	if (!is_on || (!left && !fails_on))
		return false;
	left -= left != 0;
	return !left;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t nr, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t nr, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t size);
void *__real_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset);
void *__real_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *old);
int __real_munmap(void *at, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t nr, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t nr, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t size);
void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset);
void *__real_mmap64(void *at, size_t size, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap64(void *at, size_t size, int prot, int flags, int fd, off_t offset);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void __wrap_free(void *old);
int __wrap_munmap(void *at, size_t size);

static void *count_new(void *made)
{
	nr_live += made != NULL;
	return made;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : count_new(__real_malloc(size));
}

void *__wrap_calloc(size_t nr, size_t size)
{
	return fails() ? NULL : count_new(__real_calloc(nr, size));
}

void *__wrap_realloc(void *old, size_t size)
{
	void *made = fails() ? NULL : __real_realloc(old, size);

	return old ? made : count_new(made);
}

void *__wrap_reallocarray(void *old, size_t nr, size_t size)
{
	void *made = fails() ? NULL : __real_reallocarray(old, nr, size);

	return old ? made : count_new(made);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return fails() ? NULL : count_new(__real_aligned_alloc(alignment, size));
}

char *__wrap_strdup(const char *text)
{
	return fails() ? NULL : count_new(__real_strdup(text));
}

char *__wrap_strndup(const char *text, size_t size)
{
	return fails() ? NULL : count_new(__real_strndup(text, size));
}

void __wrap_free(void *old)
{
	nr_live -= old != NULL;
	__real_free(old);
}

static void *count_map(void *made)
{
	nr_live += made != MAP_FAILED;
	return made;
}

void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	return fails() ? MAP_FAILED : count_map(__real_mmap(at, size, prot, flags, fd, offset));
}

#ifdef __GLIBC__
/* What mmap() is with offsets of 64 bits (sys/mman.h). */
void *__wrap_mmap64(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	return fails() ? MAP_FAILED : count_map(__real_mmap64(at, size, prot, flags, fd, offset));
}
#endif

int __wrap_munmap(void *at, size_t size)
{
	nr_live--;
	return __real_munmap(at, size);
}

/* A sum of what was found, in its order. */
static void mix(uint64_t *sum, uint64_t value)
{
	*sum = (*sum ^ value) * 0x9e3779b97f4a7c15ULL;
	*sum ^= *sum >> 29;
}

/* More than one batch: of slabs, then of pages and percpu objects. */
enum { NR_BATCHES = 12, PER_BATCH = KM_BATCH_EVENTS };

static struct km_batch *batches;
static struct km_groups *groups; /* of them */
static const char *const cache_names[] = { "", "dentry", "filp", "only_freed" };

/*
 * Objects that are allocated alike in some 300 ways, by 400 tasks; a third is freed. Half of those
 * of caches have their name from the free alone.
 */
static void put_row(struct km_batch *b, uint32_t number)
{
	static const enum km_event_kind kinds[] = { KM_EV_KMALLOC,     KM_EV_CACHE_ALLOC,
						    KM_EV_KFREE,       KM_EV_PAGE_ALLOC,
						    KM_EV_PAGE_FREE,   KM_EV_PERCPU_ALLOC,
						    KM_EV_PERCPU_FREE, KM_EV_KMALLOC };
	const uint32_t i = b->nr++;
	const enum km_event_kind kind = number % 16 == 10 ? KM_EV_CACHE_FREE : kinds[number % 8];
	const uint64_t object = km_event_is_free(kind) ? (number - 800) / 8 : number / 8;

	b->ts_ns[i] = 1000 + 10 * (uint64_t)number;
	b->cpu[i] = number / 7 % 5;
	b->pid[i] = (int32_t)(number / 3 % 400);
	b->call_site[i] = 0xffffffff81000000 + number % 300;
	b->what[i] = (struct km_event_what){ .kind = (uint8_t)kind,
					     .cache = kind == KM_EV_CACHE_FREE    ? 3
						      : kind == KM_EV_CACHE_ALLOC ? number % 3
										  : 0 };
	b->size[i] = km_event_is_alloc(kind) ? (struct km_event_size){ 20 + number % 300 % 40, 64 }
					     : (struct km_event_size){ 0 };
	if (kind == KM_EV_PAGE_ALLOC)
		b->size[i] = (struct km_event_size){ 8192, 8192 };
	b->ptr[i] = kind == KM_EV_PAGE_ALLOC || kind == KM_EV_PAGE_FREE
			    ? 2 * object
			    : 0xffff888000000000 + 64 * (8 * object + (number % 8 == 7));
	/* some of two pages are freed one by one */
	b->more[i] = (struct km_event_more){
		.order = kind != KM_EV_PAGE_FREE || number / 16 % 3,
		.node = -1,
	};
	km_batch_mark(b, i);
}

static int make_batches(void **state)
{
	batches = calloc(NR_BATCHES, sizeof(*batches));
	assert_non_null(batches);
	ASSERT_OK(km_groups_create(&groups));
	for (uint32_t i = 0; i < NR_BATCHES; i++) {
		for (uint32_t k = 0; k < PER_BATCH; k++)
			put_row(&batches[i], 800 + i * PER_BATCH + k);
		ASSERT_OK(km_groups_number(groups, &batches[i]));
	}
	return 0;
}

static int free_batches(void **state)
{
	km_groups_destroy(groups);
	free(batches);
	return 0;
}

static struct km_rows rows_of(uint32_t i)
{
	return (struct km_rows){ .batch = &batches[i],
				 .to = batches[i].nr,
				 .groups = km_groups_list(groups),
				 .cache_names = cache_names };
}

/* Gives all rows to something. */
#define ADD_ALL(error, add, taker)                                                                 \
	for (uint32_t i_ = 0; !(error) && i_ < NR_BATCHES; i_++) {                                 \
		const struct km_rows rows_ = rows_of(i_);                                          \
                                                                                                   \
		(error) = add(taker, &rows_);                                                      \
	}

static const char *comm_of(const void *arg, int32_t pid)
{
	return pid % 3 ? "make" : "cc1";
}

static const char *cache_of(const void *arg, uint16_t cache)
{
	return cache_names[cache];
}

static bool matches(const void *arg, uint64_t call_site, const char *glob)
{
	return call_site % 16 != 0;
}

/* A filter that cannot remember looks everything up. */
static struct km_error *filter(uint64_t *sum)
{
	const struct km_filter_spec spec = { .time = "0%-50%,60%-90%",
					     .cpus = "0-2,4",
					     .pids = "0-390",
					     .comm = "m*",
					     .callsite = "x",
					     .events = "k*" };
	const struct km_filter_names names = { .comm = comm_of,
					       .cache = cache_of,
					       .symbol_matches = matches };
	struct km_filter *made;
	struct km_error *error = km_filter_create(&spec, &names, &made);

	if (error)
		return error;
	/* once: what fails here leaves out a part of the time, which the caller is not told */
	is_on = false;
	km_filter_set_span(made, 1000, 200000);
	is_on = true;
	for (uint32_t i = 0; i < NR_BATCHES; i++)
		for (uint32_t k = 0; k < batches[i].nr; k++)
			mix(sum, km_filter_passes(made, &batches[i], k));
	km_filter_destroy(made);
	return NULL;
}

static struct km_error *sites(uint64_t *sum)
{
	struct km_groups *own, *merged;
	struct km_sites built;
	struct km_error *error = km_groups_create(&own);

	if (error)
		return error;
	error = km_groups_create(&merged);
	if (error) {
		km_groups_destroy(own);
		return error;
	}
	for (uint32_t i = 0; !error && i < NR_BATCHES; i++)
		error = km_groups_add(own, &batches[i]);
	if (!error)
		error = km_groups_merge(merged, own, builder_name_of, cache_names);
	if (!error)
		error = km_sites_build(merged, NULL, &built);
	if (!error) {
		mix(sum, built.nr);
		for (size_t i = 0; i < built.nr; i++) {
			mix(sum, built.sites[i].address);
			mix(sum, built.sites[i].sum.bytes_alloc);
		}
		km_sites_deinit(&built);
	}
	km_groups_destroy(merged);
	km_groups_destroy(own);
	return error;
}

static struct km_error *life(uint64_t *sum)
{
	const struct km_life_options options = { .short_ns = 1000 };
	struct km_life *made;
	struct km_lives lives;
	struct km_error *error = km_life_create(&options, &made);

	if (error)
		return error;
	ADD_ALL(error, km_life_add, made);
	if (!error)
		error = km_life_finish(made, 1000000, &lives);
	if (!error) {
		mix(sum, lives.nr_sites);
		mix(sum, lives.total.allocs);
		mix(sum, lives.total.live_bytes);
		km_lives_deinit(&lives);
	}
	km_life_destroy(made);
	return error;
}

static struct km_error *tally(uint64_t *sum)
{
	const struct km_tally_options options = { .has_tasks = true, .has_pairs = true };
	const struct km_cache_options how = { .most_accounted = 8192, .infers_names = true };
	struct km_tally *made;
	struct km_tasks tasks;
	struct km_caches caches;
	struct km_error *error = km_tally_create(&options, &made);

	if (error)
		return error;
	ADD_ALL(error, km_tally_add, made);
	if (!error)
		error = km_tally_tasks(made, &tasks);
	if (!error) {
		mix(sum, tasks.nr);
		km_tasks_deinit(&tasks);
		error = km_tally_caches(made, &how, &caches);
	}
	if (!error) {
		mix(sum, caches.nr);
		for (size_t i = 0; i < caches.nr; i++)
			mix(sum, caches.items[i].name ? *caches.items[i].name : 0);
		km_caches_deinit(&caches);
	}
	km_tally_destroy(made);
	return error;
}

static struct km_error *places(uint64_t *sum)
{
	struct km_places *made;
	struct km_localities found;
	struct km_error *error = km_places_create(4096, &made);

	if (error)
		return error;
	ADD_ALL(error, km_places_add, made);
	if (!error)
		error = km_places_finish(made, &found);
	if (!error) {
		mix(sum, found.nr);
		km_localities_deinit(&found);
	}
	km_places_destroy(made);
	return error;
}

static struct km_error *pages(uint64_t *sum)
{
	const struct km_page_life_options options = { .by_frame = true };
	struct km_page_life *made;
	struct km_error *error = km_page_life_create(&options, &made);

	if (error)
		return error;
	ADD_ALL(error, km_page_life_add, made);
	if (!error) {
		const struct km_page_lives *lives = km_page_life_finish(made);

		mix(sum, lives->nr_uses);
		mix(sum, lives->total.allocs);
	}
	km_page_life_destroy(made);
	return error;
}

static struct km_error *percpu(uint64_t *sum)
{
	struct km_percpu_life *made;
	struct km_error *error = km_percpu_life_create(true, &made);

	if (error)
		return error;
	ADD_ALL(error, km_percpu_life_add, made);
	if (!error) {
		const struct km_percpu_lives *lives = km_percpu_life_finish(made);

		mix(sum, lives->nr_uses);
		mix(sum, lives->total.allocs);
	}
	km_percpu_life_destroy(made);
	return error;
}

static struct km_error *ptrs(uint64_t *sum)
{
	struct km_ptrs *made;
	struct km_error *error = km_ptrs_create(&made);
	size_t nr = 0;

	if (error)
		return error;
	ADD_ALL(error, km_ptrs_add, made);
	if (!error) {
		const struct km_ptr *items = km_ptrs_items(made, &nr);

		for (size_t i = 0; i < nr; i++)
			mix(sum, items[i].hits ^ items[i].call_site);
	}
	km_ptrs_destroy(made);
	return error;
}

/* More than there is room for at first: of stacks, and of their frames. */
static struct km_error *stacks(uint64_t *sum)
{
	struct km_stacks *made;
	struct km_error *error = km_stacks_create(KM_STACK_FRAMES, &made);
	uint32_t number;

	if (error)
		return error;
	for (uint64_t i = 0; !error && i < 600; i++) {
		const uint64_t frames[10] = { i % 500, 7 };

		error = km_stacks_add(made, frames, 10, &number);
		if (!error)
			mix(sum, number);
	}
	km_stacks_destroy(made);
	return error;
}

#define COMMON                                                                                     \
	"format:\n\tfield:unsigned short common_type;\toffset:0;\tsize:2;\n"                       \
	"\tfield:int common_pid;\toffset:4;\tsize:4;\n\n"                                          \
	"\tfield:long call_site;\toffset:8;\tsize:8;\n\tfield:void * ptr;\toffset:16;\tsize:8;\n"

/* Formats, and a record of one with a stack behind it. */
static struct km_error *formats(uint64_t *sum)
{
	static const char page[] = "\tfield: u64 timestamp;\toffset:0;\tsize:8;\n"
				   "\tfield: local_t commit;\toffset:8;\tsize:8;\n"
				   "\tfield: char data;\toffset:16;\tsize:4080;\n";
	static const char kmalloc[] =
		"name: kmalloc\nID: 10\n" COMMON "\tfield:size_t bytes_req;\toffset:24;\tsize:8;\n"
		"\tfield:size_t bytes_alloc;\toffset:32;\tsize:8;\n"
		"\tfield:long gfp_flags;\toffset:40;\tsize:8;\n"
		"\nprint fmt: \"%s\", __print_flags(REC->gfp_flags, \"|\", {1, \"A\"}, {2, "
		"\"B\"})\n";
	/* its list of flags has none */
	static const char flagless[] =
		"name: kmem_cache_alloc\nID: 9\n" COMMON
		"\tfield:size_t bytes_req;\toffset:24;\tsize:8;\n"
		"\tfield:size_t bytes_alloc;\toffset:32;\tsize:8;\n"
		"\tfield:long gfp_flags;\toffset:40;\tsize:8;\n"
		"\nprint fmt: \"%s\", __print_flags(REC->gfp_flags, \"|\", {0, \"A\"})\n";
	static const uint64_t addresses[] = { 1, 2, 3 };
	struct km_formats made;
	struct km_records records;
	struct km_error *error = km_formats_init(&made, false, 8);
	char other[128];

	if (!error)
		error = km_formats_add_header_page(&made, page, strlen(page));
	if (!error)
		error = km_formats_add_event(&made, "kmem", flagless, strlen(flagless));
	if (!error)
		error = km_formats_add_event(&made, "kmem", kmalloc, strlen(kmalloc));
	for (int i = 0; !error && i < 600; i++) {
		snprintf(other, sizeof(other), "name: other%d\nID: %d\n", i, 1800 + i);
		error = km_formats_add_event(&made, "sched", other, strlen(other));
	}
	if (!error)
		error = km_formats_seal(&made);
	if (!error)
		error = km_records_init(&records, &made, KM_WANT_ALL);
	if (error) {
		km_formats_deinit(&made);
		return error;
	}
	mix(sum, made.nr_infos);
	mix(sum, made.nr_gfp_names);
	for (int i = 0; i < 3000; i++)
		if (!km_records_add_stack(&records, addresses, 3))
			error = records.names.is_short ? &km_error_memory : NULL;
	mix(sum, records.nr_stacks);
	km_records_deinit(&records);
	km_formats_deinit(&made);
	return error;
}

/*
 * Lets one allocation after the other fail, until none is left that could; or all from that one on,
 * which is to end, too.
 */
static void try_each(struct km_error *(*run)(uint64_t *sum), unsigned long least)
{
	const long nr_before = nr_live;
	uint64_t want = 0;
	unsigned long number;

	ASSERT_OK(run(&want));
	assert_int_equal(nr_live, nr_before);
	for (number = 1;; number++) {
		uint64_t got = 0;
		struct km_error *error;
		bool has_failed;

		left = number;
		is_on = true;
		error = run(&got);
		is_on = false;
		has_failed = !left;
		assert_int_equal(nr_live, nr_before);
		if (error) {
			assert_true(has_failed);
			assert_ptr_equal(error, &km_error_memory);
		} else {
			assert_true(got == want);
		}
		if (!has_failed)
			break;
	}
	/* so many there are at least, or this tests nothing */
	assert_true(number > least);
}

static void try_all(struct km_error *(*run)(uint64_t *sum), unsigned long least)
{
	fails_on = false;
	try_each(run, least);
	fails_on = true;
	try_each(run, least);
}

static void filters(void **state)
{
	try_all(filter, 10);
}

static void all_sites(void **state)
{
	try_all(sites, 6);
}

static void lives(void **state)
{
	try_all(life, 8);
}

static void tallies(void **state)
{
	try_all(tally, 8);
}

static void localities(void **state)
{
	try_all(places, 6);
}

static void all_pages(void **state)
{
	try_all(pages, 6);
}

static void percpu_objects(void **state)
{
	try_all(percpu, 4);
}

static void pointers(void **state)
{
	try_all(ptrs, 3);
}

static void all_stacks(void **state)
{
	try_all(stacks, 8);
}

static void all_formats(void **state)
{
	try_all(formats, 1200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filters),        cmocka_unit_test(all_sites),
		cmocka_unit_test(lives),          cmocka_unit_test(tallies),
		cmocka_unit_test(localities),     cmocka_unit_test(all_pages),
		cmocka_unit_test(percpu_objects), cmocka_unit_test(pointers),
		cmocka_unit_test(all_stacks),     cmocka_unit_test(all_formats),
	};

	return cmocka_run_group_tests(tests, make_batches, free_batches);
}
