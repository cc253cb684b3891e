/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loop of pairing: rows of slab events in order of time -> what lives. It is compiled twice
 * (life_base.c, life_avx2.c), and each time for plain rows and for all others. As little as can be
 * is done for a row: what can be derived when asked for (numbers of allocations and frees, of
 * short-lived objects) is not counted here.
 */
#include "agg/life_private.h"

/*
 * What is used for each row, in locals: there are stores, and the compiler would have to load all
 * of struct km_life again after each of them.
 */
struct hot {
	char *buckets;
	size_t offset_mask;
	char *kin;
	struct kin_more *kin_more;
	struct kin *const *kin_of; /* of groups on the CPU in hand */
	size_t nr_kin_of;
	uint64_t first_ns, now_ns, wake_ns, short_ns;
	uint64_t live_bytes, live_waste, tick_peak, tick_peak_ns, nr_allocs;
	uint32_t cpu; /* in hand */
	uint32_t begin;
	unsigned int unit_shift;
	/* the next three are known when the loop is compiled, if it is the plain one */
	bool is_plain;     /* units are ns */
	struct peak *peak; /* NULL: nobody wants to know */
	const struct site *sites;
};

static inline unsigned int unit_shift_of(const struct hot *hot)
{
	return hot->is_plain ? 0 : hot->unit_shift;
}

static inline __attribute__((always_inline)) struct hot
load_hot(const struct km_life *life, const struct km_rows *rows, uint32_t i, const bool is_plain)
{
	const uint16_t cpu = rows->batch->cpu[rows->batch->is_one_cpu ? 0 : i];
	struct hot hot = {
		.buckets = (char *)life->table.buckets,
		.offset_mask = life->table.offset_mask,
		.kin = (char *)life->kin,
		.kin_more = life->kin_more,
		.first_ns = life->first_ns,
		.now_ns = life->now_ns,
		.wake_ns = life->wake_ns,
		.short_ns = life->options.short_ns,
		.live_bytes = life->live_bytes,
		.live_waste = life->live_waste,
		.tick_peak = life->tick_peak,
		.tick_peak_ns = life->tick_peak_ns,
		.nr_allocs = life->nr_allocs,
		.cpu = cpu,
		.begin = i,
		.unit_shift = life->unit_shift,
		.is_plain = is_plain,
		.peak = is_plain ? NULL : life->peak,
		.sites = is_plain ? NULL : life->sites,
	};

	if (rows->queue < life->nr_queues && cpu < life->queues[rows->queue].nr_cpus) {
		hot.kin_of = life->queues[rows->queue].cpus[cpu].kin;
		hot.nr_kin_of = life->queues[rows->queue].cpus[cpu].nr;
	}
	return hot;
}

/* Puts back what rows change, up to row `end`. */
static inline __attribute__((always_inline)) void store_hot(struct km_life *life,
							    const struct hot *hot, uint32_t end)
{
	life->now_ns = hot->now_ns;
	life->live_bytes = hot->live_bytes;
	life->live_waste = hot->live_waste;
	life->tick_peak = hot->tick_peak;
	life->tick_peak_ns = hot->tick_peak_ns;
	life->nr_allocs = hot->nr_allocs;
	life->nr_rows += end - hot->begin;
}

static inline struct kin *kin_at(const struct hot *hot, uint64_t number)
{
	return (struct kin *)(void *)(hot->kin + number * sizeof(struct kin));
}

/* The kin of a group on the CPU in hand, NULL: it has none yet. */
static inline struct kin *kin_of(const struct hot *hot, uint32_t group)
{
	return group < hot->nr_kin_of ? hot->kin_of[group] : NULL;
}

static inline struct km_life_bucket *bucket_at(const struct hot *hot, uint64_t ptr)
{
	return (struct km_life_bucket *)(void *)(hot->buckets +
						 (km_life_table_hash(ptr) & hot->offset_mask));
}

static inline __attribute__((always_inline)) unsigned int match(const struct km_life_bucket *bucket,
								const uint64_t *ptr)
{
#ifdef KM_LIFE_AVX2
	/* from memory: no other register is needed */
	const __m256i key =
		_mm256_castpd_si256(_mm256_broadcast_sd((const double *)(const void *)ptr));
	const __m256i ptrs = _mm256_load_si256((const __m256i *)(const void *)bucket->ptr);

	return (unsigned int)_mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpeq_epi64(key, ptrs)));
#else
	return km_life_bucket_match(bucket, *ptr);
#endif
}

/* A site gets an object more or less; before its bytes change. */
static inline __attribute__((always_inline)) void
note_change(struct hot *hot, const struct site *site, const struct kin *kin, const bool is_more)
{
	const size_t number = (size_t)(site - hot->sites);
	struct site_peak *at = &hot->peak->sites[number];

	km_life_settle_peak(hot->peak, site, number);
	at->live_count += is_more ? 1 : -1ULL;
	at->live_waste += is_more ? kin->waste : -kin->waste;
}

/*
 * Takes an object out of what lives; returns how long it lived. `now` is the time in units,
 * relative.
 */
static inline __attribute__((always_inline)) uint64_t end_object(struct hot *hot, struct kin *kin,
								 uint64_t value, uint64_t now)
{
	const uint64_t age_ns = km_life_age(value, now) << unit_shift_of(hot);

	if (__builtin_expect(__builtin_add_overflow(kin->ages, age_ns, &kin->ages), 0))
		hot->kin_more[km_life_kin_number(value)].ages_upper++;
	if (!hot->is_plain && hot->peak)
		note_change(hot, kin->site, kin, false);
	kin->site->live_bytes -= kin->alloc;
	hot->live_bytes -= kin->alloc;
	hot->live_waste -= kin->waste;
	return age_ns;
}

/* In ns all ages that the table can have are in buckets below the last. */
static inline size_t bucket_of(const struct hot *hot, uint64_t age_ns)
{
	return hot->is_plain ? 63U ^ (unsigned int)__builtin_clzll(age_ns | 1)
			     : km_life_bucket_of(age_ns);
}

_Static_assert(TIME_BITS < KM_LIFE_BUCKETS, "as bucket_of() says");

/* The object at `slot` is freed; returns how long it lived. */
static inline __attribute__((always_inline)) uint64_t free_object(struct hot *hot, uint64_t *slot,
								  uint64_t value, uint64_t now)
{
	struct kin *kin = kin_at(hot, km_life_kin_number(value));
	struct site *site = kin->site;
	uint64_t age_ns;

	*slot = 0;
	age_ns = end_object(hot, kin, value, now);
	kin->freed[kin->cpu != hot->cpu]++;
	site->lifetimes[bucket_of(hot, age_ns) + (age_ns >= hot->short_ns)]++;
	return age_ns;
}

/* Its pointer is allocated again: it was freed at some time before, without an event. */
static inline void replace_object(struct hot *hot, uint64_t *slot, uint64_t value, uint64_t now)
{
	struct kin *kin = kin_at(hot, km_life_kin_number(value));

	*slot = 0;
	end_object(hot, kin, value, now);
	hot->kin_more[km_life_kin_number(value)].replaced++;
}

static inline __attribute__((always_inline)) void
make_object(struct hot *hot, uint64_t *slot, const struct kin *kin, uint64_t now, uint64_t ts_ns)
{
	struct site *site = kin->site;

	*slot = now | kin->number;
	hot->nr_allocs++;
	if (!hot->is_plain && hot->peak)
		note_change(hot, site, kin, true);
	site->live_bytes += kin->alloc;
	if (__builtin_expect(site->live_bytes > site->peak_bytes, 0)) {
		site->peak_bytes = site->live_bytes;
		site->peak_ns = ts_ns;
	}
	hot->live_waste += kin->waste;
	hot->live_bytes += kin->alloc;
	if (__builtin_expect(hot->live_bytes > hot->tick_peak, 0)) {
		hot->tick_peak = hot->live_bytes;
		hot->tick_peak_ns = ts_ns;
	}
	if (!hot->is_plain && hot->peak && hot->live_bytes > hot->peak->bytes) {
		hot->peak->bytes = hot->live_bytes;
		hot->peak->last++;
	}
}

/* The place of a pointer's value; of one that is not in the table only with `is_new`, else NULL. */
static inline __attribute__((always_inline)) uint64_t *
find_slot(struct km_life *life, struct hot *hot, uint64_t ptr, const bool is_new)
{
	struct km_life_bucket *bucket = bucket_at(hot, ptr);
	const unsigned int found = match(bucket, &ptr);
	uint64_t *slot;

	if (__builtin_expect(found != 0, 1))
		return (uint64_t *)(void *)((char *)bucket->value +
					    8 * (uint64_t)(unsigned int)__builtin_ctz(found));
	slot = km_life_table_find_far(&life->table, ptr, is_new);
	/* the next row has the table made anew */
	if (is_new && life->table.nr_used > life->table.most_used)
		hot->wake_ns = 0;
	return slot;
}

/*
 * A row of neither kind: one that does not count, or that filters left out. Returns how long what
 * it frees lived, and 0 if it frees nothing.
 */
static inline uint64_t pass_row(struct km_life *life, struct hot *hot, const struct km_batch *batch,
				uint32_t i, uint64_t now, uint64_t *ret_value)
{
	uint64_t *slot = NULL;

	if (batch->group[i] == KM_ROW_HIDDEN)
		slot = find_slot(life, hot, batch->ptr[i], false);
	if (slot && *slot && km_event_is_free(batch->what[i].kind)) {
		*ret_value = *slot;
		return free_object(hot, slot, *slot, now);
	}
	life->nr_passed++;
	if (slot && *slot)
		replace_object(hot, slot, *slot, now);
	return 0;
}

/*
 * Takes rows from *at on, to `to`, none of which is of another layer; *at is where it stopped: at
 * `to`, at an error, or where units are no longer plain.
 *
 * `is_plain`: nodes are not known, nobody wants the call sites' shares of the peak, and time units
 * are ns, as nearly always.
 */
static inline __attribute__((always_inline)) struct km_error *
add_rows(struct km_life *life, const struct km_rows *rows, uint32_t *at, uint32_t to,
	 const bool is_plain, const bool is_one_cpu)
{
	const struct km_batch *batch = rows->batch;
	struct hot hot = load_hot(life, rows, *at, is_plain);
	struct km_error *error = NULL;
	size_t i, prepared = SIZE_MAX;

	for (i = *at; i < to; i++) {
		const uint32_t group = batch->group[i];
		/* a clock that ran back stands still here */
		const uint64_t ts_ns = batch->ts_ns[i] < hot.now_ns ? hot.now_ns : batch->ts_ns[i];
		const uint64_t now = (ts_ns - hot.first_ns) >> unit_shift_of(&hot);
		uint64_t value, age_ns, *slot;

		__builtin_prefetch(bucket_at(&hot, batch->ptr[i + KM_BATCH_AHEAD]));
		/* a time at the end of all time is never before the next wake */
		if ((__builtin_expect(ts_ns >= hot.wake_ns, 0) && i != prepared) ||
		    (!is_one_cpu && __builtin_expect(batch->cpu[i] != hot.cpu, 0)))
			goto prepare;
		hot.now_ns = ts_ns;
		if (!is_plain && life->options.topology)
			km_life_count_nodes(life, rows, (uint32_t)i);
		if (group == KM_ROW_FREE) {
			slot = find_slot(life, &hot, batch->ptr[i], false);
			value = slot ? *slot : 0;
			if (__builtin_expect(!value, 0)) {
				life->unknown_frees++;
				continue;
			}
			age_ns = free_object(&hot, slot, value, now);
		} else if (__builtin_expect(group < KM_MOST_GROUPS, 1)) {
			const struct kin *kin = kin_of(&hot, group);

			if (__builtin_expect(!kin, 0))
				goto prepare;
			slot = find_slot(life, &hot, batch->ptr[i], true);
			if (__builtin_expect(*slot != 0, 0))
				replace_object(&hot, slot, *slot, now);
			make_object(&hot, slot, kin, now, ts_ns);
			continue;
		} else {
			age_ns = pass_row(life, &hot, batch, (uint32_t)i, now, &value);
		}
		if (__builtin_expect(age_ns <= (ts_ns - hot.first_ns) / 2, 1))
			continue;
		error = km_life_note_old(life, km_life_kin_number(value), age_ns, ts_ns);
		if (!error)
			continue;
		i++;
		break;
	prepare:
		store_hot(life, &hot, (uint32_t)i);
		prepared = i;
		error = km_life_prepare_row(life, rows, (uint32_t)i, ts_ns);
		hot = load_hot(life, rows, (uint32_t)i, is_plain);
		if (error || (is_plain && life->unit_shift))
			break;
		i--;
	}
	store_hot(life, &hot, (uint32_t)i);
	*at = (uint32_t)i;
	return error;
}

#include "agg/life_run.h"

/*
 * What life.c calls: one for each kind of rows. What a run stops at is one of few rows, and is done
 * with some of those behind it.
 */
static struct km_error *add_plain(struct km_life *life, const struct km_rows *rows, uint32_t *at,
				  uint32_t to)
{
	struct km_error *error = NULL;

	if (!rows->batch->is_one_cpu)
		return add_rows(life, rows, at, to, true, false);
	if (to - *at >= FEWEST_OF_RUN) {
		error = add_run(life, rows, at, to);
		if (error || *at == to)
			return error;
		to = to - *at > FEWEST_OF_RUN ? *at + FEWEST_OF_RUN : to;
	}
	return add_rows(life, rows, at, to, true, true);
}
