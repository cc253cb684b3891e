/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pairs slab allocations with their frees, in time order.
 *
 * An allocation that lives is a value in the table of pointers: when it was made (40 bits, relative
 * to the first row, in units that double when they no longer suffice) and its kin (24 bits): the
 * allocations of one group on one CPU. What is counted for each event is counted for its kin; only
 * what has to be in time order, live bytes and their peak, is kept for the call site and the whole.
 */
#include <stdlib.h>
#include <string.h>

#include "agg/life_private.h"

/* rows between the prefetch of a bucket and its use */
#define PREFETCH_ROWS 12

/* Ticks begin this short; they double when there are too many. */
#define FIRST_TICK_NS 1024

struct km_error *km_life_create(const struct km_life_options *options, struct km_life **ret)
{
	struct km_life *life = calloc(1, sizeof(*life));
	struct km_error *error;

	if (!life)
		return &km_error_memory;
	life->options = *options;
	life->tick_ns = FIRST_TICK_NS;
	life->nr_kin = 1;
	error = km_life_table_init(&life->table);
	if (error) {
		km_life_destroy(life);
		return error;
	}
	*ret = life;
	return NULL;
}

void km_life_destroy(struct km_life *life)
{
	if (!life)
		return;
	km_life_table_deinit(&life->table);
	for (size_t i = 0; i < life->nr_queues; i++) {
		for (size_t k = 0; k < life->queues[i].nr_cpus; k++)
			free(life->queues[i].cpus[k].kin);
		free(life->queues[i].cpus);
	}
	free(life->queues);
	free(life->kin);
	free(life->sites);
	for (int i = 0; i < KM_NR_FAMILIES; i++)
		km_map_deinit(&life->site_of[i]);
	free(life->old);
	free(life);
}

/* Makes room for one more in an array that begins a cache line; it may move. */
static bool make_room(void *array, size_t nr, size_t *room, size_t size)
{
	const size_t more = *room ? 2 * *room : 64;
	size_t bytes;
	void *items;

	if (nr < *room)
		return true;
	if (__builtin_mul_overflow(more, size, &bytes))
		return false;
	items = aligned_alloc(64, bytes);
	if (!items)
		return false;
	if (*room)
		memcpy(items, *(void **)array, nr * size);
	free(*(void **)array);
	*(void **)array = items;
	*room = more;
	return true;
}

/* The index of a call site, which may be a new one. Errors: KM_ERR_MEMORY. */
static struct km_error *find_site(struct km_life *life, uint64_t address, uint8_t family,
				  uint32_t *ret)
{
	const uint64_t *found = km_map_find(&life->site_of[family], address);
	struct km_error *error;

	if (found) {
		*ret = (uint32_t)(*found - 1);
		return NULL;
	}
	if (life->nr_sites >= UINT32_MAX - 1 ||
	    !make_room(&life->sites, life->nr_sites, &life->room_sites, sizeof(*life->sites)))
		return &km_error_memory;
	error = km_map_set(&life->site_of[family], address, life->nr_sites + 1);
	if (error)
		return error;
	life->sites[life->nr_sites] = (struct site){ .address = address, .family = family };
	*ret = (uint32_t)life->nr_sites++;
	return NULL;
}

/* The map of a CPU in a queue, with room for `group`; NULL without memory. */
static struct kin_map *find_map(struct km_life *life, uint32_t queue, uint16_t cpu, uint32_t group)
{
	struct queue_map *map;
	struct kin_map *kin;

	if (queue >= life->nr_queues) {
		struct queue_map *more =
			reallocarray(life->queues, (size_t)queue + 1, sizeof(*more));

		if (!more)
			return NULL;
		memset(more + life->nr_queues, 0, (queue + 1 - life->nr_queues) * sizeof(*more));
		life->queues = more;
		life->nr_queues = (size_t)queue + 1;
	}
	map = &life->queues[queue];
	if (cpu >= map->nr_cpus) {
		struct kin_map *more = reallocarray(map->cpus, (size_t)cpu + 1, sizeof(*more));

		if (!more)
			return NULL;
		memset(more + map->nr_cpus, 0, (cpu + 1U - map->nr_cpus) * sizeof(*more));
		map->cpus = more;
		map->nr_cpus = cpu + 1U;
	}
	kin = &map->cpus[cpu];
	if (group >= kin->nr) {
		size_t nr = kin->nr ? 2 * kin->nr : 256;
		uint32_t *more;

		while (nr <= group)
			nr *= 2;
		more = reallocarray(kin->kin, nr, sizeof(*more));
		if (!more)
			return NULL;
		memset(more + kin->nr, 0, (nr - kin->nr) * sizeof(*more));
		kin->kin = more;
		kin->nr = nr;
	}
	return kin;
}

static int16_t node_of(const struct km_life *life, uint16_t cpu)
{
	const struct km_topology *topology = life->options.topology;

	return topology && cpu < topology->nr_cpus ? topology->node_of_cpu[cpu] : -1;
}

/* A new kin: that of row `i`. */
static struct km_error *add_kin(struct km_life *life, const struct km_rows *rows, uint32_t i)
{
	const struct km_batch *batch = rows->batch;
	const uint16_t cpu = batch->cpu[i];
	const uint8_t family = km_family_of(batch->what[i].kind);
	struct kin_map *map = find_map(life, rows->queue, cpu, rows->batch->group[i]);
	struct km_error *error;
	uint32_t site;

	if (!map || !make_room(&life->kin, life->nr_kin, &life->room_kin, sizeof(*life->kin)))
		return &km_error_memory;
	if (life->nr_kin > KIN_MASK)
		return km_error_advise(
			km_error_create(KM_ERR_INPUT, NULL,
					"over %u kinds of allocation: too many to be paired",
					KIN_MASK),
			"give --no-pairing");
	error = find_site(life, batch->call_site[i], family, &site);
	if (error)
		return error;
	life->kin[life->nr_kin] = (struct kin){
		.site = site,
		.req = batch->size[i].req,
		.alloc = batch->size[i].alloc,
		.cpu = cpu,
	};
	map->kin[rows->batch->group[i]] = (uint32_t)life->nr_kin++;
	return NULL;
}

/* Notes live bytes at the end of a sample. */
static void take_samples(struct km_life *life, size_t at)
{
	for (size_t i = 0; i < life->nr_sites; i++)
		life->sites[i].samples[at] = life->sites[i].live_bytes;
}

/* Ends the tick in hand. */
void km_life_close_tick(struct km_life *life, struct km_tick *ret)
{
	*ret = (struct km_tick){
		.live_bytes = life->live_bytes,
		.live_waste = life->live_waste,
		.peak_bytes = life->tick_peak,
		.allocs = life->nr_allocs - life->tick_allocs,
		.frees = life->nr_frees - life->tick_frees,
	};
	if (life->tick_peak > life->peak_bytes) {
		life->peak_bytes = life->tick_peak;
		life->peak_ns = life->tick_peak_ns;
	}
}

static void begin_tick(struct km_life *life)
{
	life->tick_peak = life->live_bytes;
	life->tick_peak_ns = life->now_ns;
	life->tick_allocs = life->nr_allocs;
	life->tick_frees = life->nr_frees;
}

/* Two ticks become one. */
static void double_ticks(struct km_life *life)
{
	for (size_t i = 0; i < KM_LIFE_TICKS / 2; i++) {
		const struct km_tick *a = &life->ticks[2 * i], *b = a + 1;

		life->ticks[i] = (struct km_tick){
			.live_bytes = b->live_bytes,
			.live_waste = b->live_waste,
			.peak_bytes = a->peak_bytes > b->peak_bytes ? a->peak_bytes : b->peak_bytes,
			.allocs = a->allocs + b->allocs,
			.frees = a->frees + b->frees,
		};
	}
	for (size_t i = 0; i < life->nr_sites; i++)
		for (size_t k = 0; k < KM_LIFE_SAMPLES / 2; k++)
			life->sites[i].samples[k] = life->sites[i].samples[2 * k + 1];
	life->nr_ticks = KM_LIFE_TICKS / 2;
	life->tick_ns *= 2;
}

/* Closes ticks until `ts_ns` is in the one in hand. */
static void move_ticks(struct km_life *life, uint64_t ts_ns)
{
	while (ts_ns >= life->tick_end_ns && life->tick_end_ns != UINT64_MAX) {
		km_life_close_tick(life, &life->ticks[life->nr_ticks++]);
		begin_tick(life);
		if (life->nr_ticks % TICKS_PER_SAMPLE == 0)
			take_samples(life, life->nr_ticks / TICKS_PER_SAMPLE - 1);
		if (life->nr_ticks == KM_LIFE_TICKS)
			double_ticks(life);
		life->tick_end_ns =
			km_sat_add(life->first_ns, km_sat_mul(life->tick_ns, life->nr_ticks + 1));
	}
}

/* Time units double until `ts_ns` can be written in them. */
static void widen_units(struct km_life *life, uint64_t ts_ns)
{
	unsigned int by = 0;

	while ((ts_ns - life->first_ns) >> (life->unit_shift + by) >> TIME_BITS)
		by++;
	life->unit_shift += by;
	for (size_t i = 0; i <= life->table.mask; i++) {
		for (int k = 0; k < KM_BUCKET_SLOTS; k++) {
			uint64_t *value = &life->table.buckets[i].value[k];

			*value = (*value >> KIN_BITS >> by << KIN_BITS) | (*value & KIN_MASK);
		}
	}
}

/* What may have lived over half of the trace, without those that cannot any more. */
static void drop_young(struct km_life *life, uint64_t now_ns)
{
	const uint64_t half = (now_ns - life->first_ns) / 2;
	size_t kept = 0;

	for (size_t i = 0; i < life->nr_old; i++)
		if (life->old[i].age_ns > half)
			life->old[kept++] = life->old[i];
	life->nr_old = kept;
}

/*
 * An age that is over half of the trace so far is noted, and asked again when its end is known.
 * Those left after drop_young() were alive at half time: the list is no longer than twice the most
 * objects that lived at one time.
 */
static struct km_error *note_old(struct km_life *life, uint32_t site, uint64_t age_ns,
				 uint64_t now_ns)
{
	if (life->nr_old == life->room_old) {
		drop_young(life, now_ns);
		if (2 * life->nr_old >= life->room_old) {
			const size_t room = life->room_old ? 2 * life->room_old : 1024;
			struct old_age *old = reallocarray(life->old, room, sizeof(*old));

			if (!old)
				return &km_error_memory;
			life->old = old;
			life->room_old = room;
		}
	}
	life->old[life->nr_old++] = (struct old_age){ .age_ns = age_ns, .site = site };
	return NULL;
}

/* Ticks and time units, for a row at `ts_ns`. */
void km_life_move_time(struct km_life *life, uint64_t ts_ns)
{
	uint64_t units_end_ns;

	if (!life->has_first) {
		life->has_first = true;
		life->first_ns = life->now_ns = life->tick_peak_ns = ts_ns;
		life->tick_end_ns = km_sat_add(ts_ns, life->tick_ns);
	}
	move_ticks(life, ts_ns);
	if ((ts_ns - life->first_ns) >> life->unit_shift >> TIME_BITS)
		widen_units(life, ts_ns);
	units_end_ns =
		km_sat_add(life->first_ns, km_sat_mul(1ULL << TIME_BITS, 1ULL << life->unit_shift));
	life->wake_ns = life->tick_end_ns < units_end_ns ? life->tick_end_ns : units_end_ns;
}

static inline unsigned int bucket_of(uint64_t age_ns)
{
	unsigned int bucket = 63 - (unsigned int)__builtin_clzll(age_ns | 1);

	return bucket < KM_LIFE_BUCKETS ? bucket : KM_LIFE_BUCKETS - 1;
}

/*
 * What km_life_add() uses for each row, in locals: there are stores, and the compiler would have to
 * load all of struct km_life again after each of them.
 */
struct hot {
	struct km_life_table table;
	struct kin *kin;
	struct site *sites;
	const uint32_t *kin_of; /* of groups on the CPU in hand */
	size_t nr_kin_of;
	uint64_t first_ns, now_ns, wake_ns, short_ns;
	unsigned int unit_shift;
	bool is_plain; /* units are ns: known when the loop is compiled */
	/*
	 * Not beside live_waste: compilers would change both with one wide instruction in one place
	 * and not in another, and a wide load right after narrow stores waits.
	 */
	uint64_t live_bytes, tick_peak, tick_peak_ns;
	uint64_t nr_allocs, live_waste, nr_frees, unknown_frees;
};

static inline unsigned int unit_shift_of(const struct hot *hot)
{
	return hot->is_plain ? 0 : hot->unit_shift;
}

static inline __attribute__((always_inline)) struct hot load_hot(const struct km_life *life,
								 uint32_t queue, uint16_t cpu)
{
	struct hot hot = {
		.table = life->table,
		.kin = life->kin,
		.sites = life->sites,
		.first_ns = life->first_ns,
		.now_ns = life->now_ns,
		.wake_ns = life->wake_ns,
		.short_ns = life->options.short_ns,
		.unit_shift = life->unit_shift,
		.live_bytes = life->live_bytes,
		.live_waste = life->live_waste,
		.tick_peak = life->tick_peak,
		.tick_peak_ns = life->tick_peak_ns,
		.nr_allocs = life->nr_allocs,
		.nr_frees = life->nr_frees,
		.unknown_frees = life->unknown_frees,
	};

	if (queue < life->nr_queues && cpu < life->queues[queue].nr_cpus) {
		hot.kin_of = life->queues[queue].cpus[cpu].kin;
		hot.nr_kin_of = life->queues[queue].cpus[cpu].nr;
	}
	return hot;
}

/* Puts back what rows change. */
static inline __attribute__((always_inline)) void store_hot(struct km_life *life,
							    const struct hot *hot)
{
	life->table.nr_used = hot->table.nr_used;
	life->now_ns = hot->now_ns;
	life->live_bytes = hot->live_bytes;
	life->live_waste = hot->live_waste;
	life->tick_peak = hot->tick_peak;
	life->tick_peak_ns = hot->tick_peak_ns;
	life->nr_allocs = hot->nr_allocs;
	life->nr_frees = hot->nr_frees;
	life->unknown_frees = hot->unknown_frees;
}

/* Takes an object out of what lives; returns how long it lived. */
static inline __attribute__((always_inline)) uint64_t
end_object(struct hot *hot, struct kin *kin, struct site *site, uint64_t *value, uint64_t ts_ns)
{
	const uint64_t units = (ts_ns - hot->first_ns) >> unit_shift_of(hot);
	const uint64_t age_ns = (units - (*value >> KIN_BITS)) << unit_shift_of(hot);

	*value = 0;
	kin->ages_upper += __builtin_add_overflow(kin->ages, age_ns, &kin->ages);
	site->live_bytes -= kin->alloc;
	hot->live_bytes -= kin->alloc;
	hot->live_waste -= kin->alloc - kin->req;
	return age_ns;
}

/* The object at `value` is freed. An age that is to be noted (note_old()) is put into ret. */
static inline __attribute__((always_inline)) void
free_object(struct hot *hot, uint64_t *value, uint16_t cpu, uint64_t ts_ns, struct old_age *ret)
{
	struct kin *kin = &hot->kin[*value & KIN_MASK];
	struct site *site = &hot->sites[kin->site];
	const uint64_t age_ns = end_object(hot, kin, site, value, ts_ns);

	kin->freed++;
	kin->pingpong += kin->cpu != cpu;
	hot->nr_frees++;
	site->lifetimes[bucket_of(age_ns)]++;
	site->short_lived += age_ns < hot->short_ns;
	if (__builtin_expect(age_ns > (ts_ns - hot->first_ns) / 2, 0))
		*ret = (struct old_age){ .age_ns = age_ns, .site = kin->site };
}

/* Its pointer is allocated again: it was freed at some time before, without an event. */
static inline void replace_object(struct hot *hot, uint64_t *value, uint64_t ts_ns)
{
	struct kin *kin = &hot->kin[*value & KIN_MASK];

	end_object(hot, kin, &hot->sites[kin->site], value, ts_ns);
	kin->replaced++;
}

static inline __attribute__((always_inline)) void make_object(struct hot *hot, uint64_t *value,
							      uint32_t number, uint64_t ts_ns)
{
	struct kin *kin = &hot->kin[number];
	struct site *site = &hot->sites[kin->site];

	*value = (ts_ns - hot->first_ns) >> unit_shift_of(hot) << KIN_BITS | number;
	kin->allocs++;
	hot->nr_allocs++;
	site->live_bytes += kin->alloc;
	if (site->live_bytes > site->peak_bytes) {
		site->peak_bytes = site->live_bytes;
		site->peak_ns = ts_ns;
	}
	hot->live_waste += kin->alloc - kin->req;
	hot->live_bytes += kin->alloc;
	if (hot->live_bytes > hot->tick_peak) {
		hot->tick_peak = hot->live_bytes;
		hot->tick_peak_ns = ts_ns;
	}
}

/* The kin of a group on the CPU in hand, 0: it has none yet. */
static inline uint32_t kin_of(const struct hot *hot, uint32_t group)
{
	return group < hot->nr_kin_of ? hot->kin_of[group] : 0;
}

/* NUMA: who frees on another node, and who asked for another node. */
static void count_nodes(struct km_life *life, const struct km_rows *rows, uint32_t i)
{
	const struct km_batch *batch = rows->batch;
	const int16_t node = node_of(life, batch->cpu[i]);
	const struct kin *kin;
	int16_t made_on;

	if (node < 0)
		return;
	if (batch->group[i] < KM_MOST_GROUPS) {
		const struct hot hot = load_hot(life, rows->queue, batch->cpu[i]);
		const uint32_t number = kin_of(&hot, batch->group[i]);

		if (number && batch->more[i].node >= 0)
			life->sites[life->kin[number].site].remote += batch->more[i].node != node;
		return;
	}
	if (km_event_is_free(batch->what[i].kind)) {
		const uint64_t *value = km_life_table_find(&life->table, batch->ptr[i]);

		if (!value || !*value)
			return;
		kin = &life->kin[*value & KIN_MASK];
		made_on = node_of(life, kin->cpu);
		life->sites[kin->site].node_pingpong += made_on >= 0 && made_on != node;
	}
}

/* The value of what lives at a pointer, NULL if nothing does. */
static inline uint64_t *find_object(struct hot *hot, uint64_t ptr)
{
	uint64_t *value = km_life_table_find(&hot->table, ptr);

	return value && *value ? value : NULL;
}

/* A row that filters left out. */
static inline void hide_row(struct hot *hot, const struct km_batch *batch, uint32_t i,
			    uint64_t ts_ns, struct old_age *ret_old)
{
	uint64_t *value = NULL;

	if (batch->group[i] == KM_ROW_HIDDEN)
		value = find_object(hot, batch->ptr[i]);
	if (value && km_event_is_free(batch->what[i].kind))
		free_object(hot, value, batch->cpu[i], ts_ns, ret_old);
	else if (value)
		replace_object(hot, value, ts_ns);
}

/* What a row needs that the loop does not do itself. */
static struct km_error *prepare_row(struct km_life *life, const struct km_rows *rows, uint32_t i,
				    uint64_t ts_ns)
{
	const uint32_t group = rows->batch->group[i];
	struct hot hot;

	if (ts_ns >= life->wake_ns)
		km_life_move_time(life, ts_ns);
	if (life->table.nr_used > life->table.most_used) {
		struct km_error *error = km_life_table_renew(&life->table);

		if (error)
			return error;
	}
	if (group >= KM_MOST_GROUPS)
		return NULL;
	hot = load_hot(life, rows->queue, rows->batch->cpu[i]);
	return kin_of(&hot, group) ? NULL : add_kin(life, rows, i);
}

/*
 * `is_plain`: slab events only, nodes are not known, and time units are ns, as in nearly all
 * batches.
 */
static inline __attribute__((always_inline)) struct km_error *
add_rows(struct km_life *life, const struct km_rows *rows, const bool is_plain)
{
	const struct km_batch *batch = rows->batch;
	uint16_t cpu = batch->cpu[rows->from];
	struct hot hot = load_hot(life, rows->queue, cpu);
	struct km_error *error = NULL;

	hot.is_plain = is_plain;
	for (uint32_t i = rows->from; i < rows->to; i++) {
		struct old_age old = { 0 };
		const uint32_t group = batch->group[i];
		const bool is_alloc = group < KM_MOST_GROUPS;
		uint32_t number = is_alloc ? kin_of(&hot, group) : 1;
		uint64_t ts_ns = batch->ts_ns[i], *value;

		if (i + PREFETCH_ROWS < batch->nr)
			__builtin_prefetch(
				km_life_table_bucket(&hot.table, batch->ptr[i + PREFETCH_ROWS]));
		if (!is_plain && !km_event_is_slab(batch->what[i].kind))
			continue;
		/* a clock that ran back stands still here */
		if (ts_ns < hot.now_ns)
			ts_ns = hot.now_ns;
		if (__builtin_expect(ts_ns >= hot.wake_ns || batch->cpu[i] != cpu || !number, 0)) {
			store_hot(life, &hot);
			error = prepare_row(life, rows, i, ts_ns);
			if (error)
				return error;
			cpu = batch->cpu[i];
			hot = load_hot(life, rows->queue, cpu);
			/* units that got longer: the rest is not plain */
			if (is_plain && hot.unit_shift) {
				struct km_rows rest = *rows;

				rest.from = i;
				return km_life_add(life, &rest);
			}
			hot.is_plain = is_plain;
			number = is_alloc ? kin_of(&hot, group) : 1;
		}
		hot.now_ns = ts_ns;
		if (!is_plain && life->options.topology)
			count_nodes(life, rows, i);
		if (is_alloc) {
			value = km_life_table_get(&hot.table, batch->ptr[i]);
			if (__builtin_expect(*value != 0, 0))
				replace_object(&hot, value, ts_ns);
			make_object(&hot, value, number, ts_ns);
			/* the next row has the table made anew */
			if (__builtin_expect(hot.table.nr_used > hot.table.most_used, 0))
				hot.wake_ns = 0;
		} else if (__builtin_expect(group == KM_ROW_FREE, 1)) {
			value = find_object(&hot, batch->ptr[i]);
			if (value)
				free_object(&hot, value, cpu, ts_ns, &old);
			else
				hot.unknown_frees++;
		} else {
			hide_row(&hot, batch, i, ts_ns, &old);
		}
		if (__builtin_expect(old.age_ns != 0, 0)) {
			error = note_old(life, old.site, old.age_ns, ts_ns);
			if (error)
				break;
		}
	}
	store_hot(life, &hot);
	return error;
}

static struct km_error *add_plain(struct km_life *life, const struct km_rows *rows)
{
	return add_rows(life, rows, true);
}

static struct km_error *add_any(struct km_life *life, const struct km_rows *rows)
{
	return add_rows(life, rows, false);
}

struct km_error *km_life_add(struct km_life *life, const struct km_rows *rows)
{
	if (rows->from == rows->to)
		return NULL;
	if (life->options.topology || life->unit_shift || rows->batch->has_others)
		return add_any(life, rows);
	return add_plain(life, rows);
}
