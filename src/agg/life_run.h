/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loop of pairing for nearly all rows: a part of life_rows.h. A run is rows of one CPU whose
 * times do not decrease and are within the tick in hand, so that nothing of that has to be asked
 * for each of them. It ends at a row that it cannot take.
 */
#ifndef KMEMSTAT_AGG_LIFE_RUN_H
#define KMEMSTAT_AGG_LIFE_RUN_H

/* Below so many rows a run is not worth its beginning. */
#define FEWEST_OF_RUN 16

/* A run can put so many pointers in the table before that is made anew. */
_Static_assert(KM_BATCH_EVENTS <= KM_LIFE_TABLE_SLACK, "as take_run() needs it");

/* What a run changes but for tables. */
struct run {
	uint64_t live_bytes, live_waste, tick_peak, tick_peak_ns;
	uint64_t nr_allocs, nr_passed, unknown_frees;
};

/* The end of the rows from `at` on that can be in one run. */
static uint32_t run_end(const struct km_life *life, const struct km_batch *batch, uint32_t at,
			uint32_t to)
{
	const uint64_t *ts_ns = batch->ts_ns;
	uint64_t steps = 0;

	/* the sign of a step back stays; one of 2^63 ns and more forth is taken for one, too */
	for (size_t i = at + (size_t)1; i < to; i++)
		steps |= ts_ns[i] - ts_ns[i - 1];
	if (steps >> 63 || ts_ns[at] < life->now_ns)
		return at;
	while (to > at && ts_ns[to - 1] >= life->wake_ns)
		to--;
	return to;
}

/* The place of a pointer's value whose bucket is known, as find_slot() has it. */
static inline __attribute__((always_inline)) uint64_t *
find_in(struct km_life *life, struct km_life_bucket *bucket, const uint64_t *ptr, const bool is_new)
{
	const unsigned int found = match(bucket, ptr);

	if (__builtin_expect(found != 0, 1))
		return (uint64_t *)(void *)((char *)bucket->value +
					    8 * (uint64_t)(unsigned int)__builtin_ctz(found));
	return km_life_table_find_far(&life->table, *ptr, is_new);
}

/* The object at `slot`, so old, is freed. */
static inline __attribute__((always_inline)) void free_in(struct run *run,
							      const struct hot *hot, struct kin *kin,
							      uint64_t *slot, uint64_t age_ns)
{
	struct site *site = kin->site;
	const uint64_t alloc = kin->alloc;

	*slot = 0;
	site->lifetimes[bucket_of(hot, age_ns) + (age_ns >= hot->short_ns)]++;
	site->live_bytes -= alloc;
	run->live_bytes -= alloc;
	run->live_waste -= kin->waste;
	if (__builtin_expect(__builtin_add_overflow(kin->ages, age_ns, &kin->ages), 0))
		hot->kin_more[km_life_kin_number(kin->number)].ages_upper++;
	kin->freed[kin->cpu != hot->cpu]++;
}

/* The object of `value` was freed without an event, as its pointer is allocated again. */
static inline __attribute__((always_inline)) void replace_in(struct run *run, const struct hot *hot,
							     uint64_t value, uint64_t now)
{
	struct kin *kin = kin_at(hot, km_life_kin_number(value));
	struct kin_more *more = &hot->kin_more[km_life_kin_number(value)];
	const uint64_t age_ns = km_life_age(value, now);

	more->ages_upper += __builtin_add_overflow(kin->ages, age_ns, &kin->ages);
	more->replaced++;
	kin->site->live_bytes -= kin->alloc;
	run->live_bytes -= kin->alloc;
	run->live_waste -= kin->waste;
}

/* An object that `slot` shall stand for from now on. */
static inline __attribute__((always_inline)) void
make_in(struct run *run, const struct hot *hot, uint64_t *slot, const struct kin *kin, uint64_t now)
{
	struct site *site = kin->site;

	*slot = now | kin->number;
	run->nr_allocs++;
	site->live_bytes += kin->alloc;
	if (__builtin_expect(site->live_bytes > site->peak_bytes, 0)) {
		site->peak_bytes = site->live_bytes;
		site->peak_ns = hot->first_ns + now;
	}
	run->live_waste += kin->waste;
	run->live_bytes += kin->alloc;
	if (__builtin_expect(run->live_bytes > run->tick_peak, 0)) {
		run->tick_peak = run->live_bytes;
		run->tick_peak_ns = hot->first_ns + now;
	}
}

/* Puts back what a run changed up to row `end`; it began at `at`. */
static inline void store_run(struct km_life *life, const struct run *run,
			     const struct km_batch *batch, size_t at, size_t end)
{
	if (end > at)
		life->now_ns = batch->ts_ns[end - 1];
	life->live_bytes = run->live_bytes;
	life->live_waste = run->live_waste;
	life->tick_peak = run->tick_peak;
	life->tick_peak_ns = run->tick_peak_ns;
	life->nr_allocs = run->nr_allocs;
	life->nr_passed += run->nr_passed;
	life->unknown_frees += run->unknown_frees;
	life->nr_rows += end - at;
}

/*
 * Takes rows from *at on, to `to`; *at is where it stopped: at `to`, behind an error, or at a row
 * of a group that has no kin yet, or that filters left out.
 */
static struct km_error *take_run(struct km_life *life, const struct km_rows *rows, uint32_t *at,
				 uint32_t to)
{
	const struct km_batch *batch = rows->batch;
	const struct hot hot = load_hot(life, rows, *at, true);
	/* no more than half of the time so far, which is asked for exactly where it matters */
	const uint64_t half_ns = (batch->ts_ns[*at] - hot.first_ns) / 2;
	struct km_life_bucket *buckets[KM_BATCH_EVENTS + KM_BATCH_AHEAD];
	struct run run = {
		.live_bytes = life->live_bytes,
		.live_waste = life->live_waste,
		.tick_peak = life->tick_peak,
		.tick_peak_ns = life->tick_peak_ns,
		.nr_allocs = life->nr_allocs,
	};
	/* 0 for 2^32, and no run is taken */
	const uint32_t nr_kin_of = (uint32_t)hot.nr_kin_of;
	struct km_error *error = NULL;
	size_t i;

	for (i = *at; i < *at + KM_BATCH_AHEAD; i++)
		__builtin_prefetch(buckets[i] = bucket_at(&hot, batch->ptr[i]));
	for (i = *at; i < to; i++) {
		const uint32_t group = batch->group[i];
		const uint64_t now = batch->ts_ns[i] - hot.first_ns;
		uint64_t value, age_ns, *slot;
		struct kin *kin;

		__builtin_prefetch(buckets[i + KM_BATCH_AHEAD] =
					   bucket_at(&hot, batch->ptr[i + KM_BATCH_AHEAD]));
		if (group == KM_ROW_FREE) {
			slot = find_in(life, buckets[i], &batch->ptr[i], false);
			value = slot ? *slot : 0;
			if (__builtin_expect(!value, 0)) {
				run.unknown_frees++;
				continue;
			}
			kin = kin_at(&hot, km_life_kin_number(value));
			age_ns = km_life_age(value, now);
			free_in(&run, &hot, kin, slot, age_ns);
			if (__builtin_expect(age_ns <= half_ns, 1) || age_ns <= now / 2)
				continue;
			error = km_life_note_old(life, km_life_kin_number(kin->number), age_ns,
						 batch->ts_ns[i]);
			if (!error)
				continue;
			i++;
			break;
		}
		if (__builtin_expect(group >= nr_kin_of, 0)) {
			if (group != KM_ROW_NONE)
				break;
			run.nr_passed++;
			continue;
		}
		kin = hot.kin_of[group];
		if (__builtin_expect(!kin, 0))
			break;
		slot = find_in(life, buckets[i], &batch->ptr[i], true);
		if (__builtin_expect(*slot != 0, 0))
			replace_in(&run, &hot, *slot, now);
		make_in(&run, &hot, slot, kin, now);
	}
	store_run(life, &run, batch, *at, i);
	*at = (uint32_t)i;
	return error;
}

/* Takes rows from *at on, to `to` or up to one that is not for a run. */
static struct km_error *add_run(struct km_life *life, const struct km_rows *rows, uint32_t *at,
				uint32_t to)
{
	const uint32_t end = run_end(life, rows->batch, *at, to);
	struct km_error *error = NULL;

	if (end - *at < FEWEST_OF_RUN)
		return NULL;
	if (life->table.nr_used > life->table.most_used)
		error = km_life_renew(life);
	if (!error)
		error = take_run(life, rows, at, end);
	return error;
}

#endif
