/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pairs slab allocations with their frees, in time order.
 *
 * An allocation that lives is a value in the table of pointers: when it was made (40 bits, relative
 * to the first row, in units that double when they no longer suffice) and its kin (24 bits): the
 * allocations of one group on one CPU. What is counted for each event is counted for its kin; only
 * what has to be in time order, live bytes and their peak, is kept for the call site and the whole.
 */
#include "kmemstat/life.h"

#include <stdlib.h>
#include <string.h>

#include "agg/life_table.h"
#include "kmemstat/agg.h"

#define KIN_BITS      24
#define KIN_MASK      ((1U << KIN_BITS) - 1)
#define TIME_BITS     (64 - KIN_BITS)
/* rows between the prefetch of a bucket and its use */
#define PREFETCH_ROWS 12

/* Ticks begin this short; they double when there are too many. */
#define FIRST_TICK_NS    1024
#define TICKS_PER_SAMPLE (KM_LIFE_TICKS / KM_LIFE_SAMPLES)

typedef unsigned __int128 byte_ns;

/* Allocations alike, made on one CPU. */
struct kin {
	uint32_t site, req, alloc;
	uint16_t cpu;
	int16_t node; /* of the CPU, -1: not known */
	uint64_t allocs, freed, replaced, pingpong, node_pingpong, remote;
};

struct site {
	uint64_t address;
	uint8_t family;
	uint64_t live_bytes, peak_bytes, peak_ns;
	uint64_t short_lived;
	byte_ns waste_ns; /* of what no longer lives */
	uint64_t lifetimes[KM_LIFE_BUCKETS];
	uint64_t samples[KM_LIFE_SAMPLES];
};

/* The kin of the groups of one queue on one CPU, by the group's number; 0: none yet. */
struct kin_map {
	uint32_t *kin;
	size_t nr;
};

struct queue_map {
	struct kin_map *cpus;
	size_t nr_cpus;
};

/* An object that lived over half of the trace so far. */
struct old_age {
	uint64_t age_ns;
	uint32_t site;
};

struct km_life {
	struct km_life_options options;
	struct km_life_table table;
	struct kin *kin; /* from 1 on */
	size_t nr_kin, room_kin;
	struct site *sites;
	size_t nr_sites, room_sites;
	uint32_t *site_table; /* open addressing: index in sites + 1 */
	size_t site_mask;
	struct queue_map *queues;
	size_t nr_queues;

	bool has_first;
	uint64_t first_ns, now_ns;
	unsigned int unit_shift; /* time units in the table are 1 << unit_shift ns */

	uint64_t live_bytes, live_waste;
	uint64_t peak_bytes, peak_ns; /* before the tick in hand */
	uint64_t unknown_frees;
	uint64_t nr_allocs, nr_frees; /* paired */

	/* those that may turn out to have lived over half of the trace */
	struct old_age *old;
	size_t nr_old, room_old;

	struct km_tick ticks[KM_LIFE_TICKS];
	size_t nr_ticks; /* closed */
	uint64_t tick_ns, tick_end_ns;
	uint64_t wake_ns;                 /* rows from here on need move_time() */
	uint64_t tick_peak, tick_peak_ns; /* in the tick in hand */
	uint64_t tick_allocs, tick_frees; /* nr_allocs and nr_frees at its start */
};

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
	free(life->site_table);
	free(life->old);
	free(life);
}

/* Makes room for one more; the array may move. */
static bool make_room(void *array, size_t nr, size_t *room, size_t size)
{
	size_t more = *room ? 2 * *room : 64;
	void *items;

	if (nr < *room)
		return true;
	items = reallocarray(*(void **)array, more, size);
	if (!items)
		return false;
	*(void **)array = items;
	*room = more;
	return true;
}

static size_t site_hash(uint64_t address, uint8_t family)
{
	return ((address << 1 | family) * 0x9e3779b97f4a7c15ULL) >> 32;
}

static bool grow_site_table(struct km_life *life)
{
	size_t nr = life->site_table ? 2 * (life->site_mask + 1) : 1024;
	uint32_t *table = calloc(nr, sizeof(*table));

	if (!table)
		return false;
	for (size_t i = 0; i < life->nr_sites; i++) {
		size_t at = site_hash(life->sites[i].address, life->sites[i].family);

		while (table[at & (nr - 1)])
			at++;
		table[at & (nr - 1)] = (uint32_t)i + 1;
	}
	free(life->site_table);
	life->site_table = table;
	life->site_mask = nr - 1;
	return true;
}

/* The index of a call site, which may be a new one. Errors: KM_ERR_MEMORY. */
static struct km_error *find_site(struct km_life *life, uint64_t address, uint8_t family,
				  uint32_t *ret)
{
	size_t at = site_hash(address, family);

	if (2 * (life->nr_sites + 1) > (life->site_table ? life->site_mask + 1 : 0) &&
	    !grow_site_table(life))
		return &km_error_memory;
	for (;; at++) {
		uint32_t *entry = &life->site_table[at & life->site_mask];

		if (!*entry) {
			if (life->nr_sites >= UINT32_MAX - 1 ||
			    !make_room(&life->sites, life->nr_sites, &life->room_sites,
				       sizeof(*life->sites)))
				return &km_error_memory;
			life->sites[life->nr_sites] =
				(struct site){ .address = address, .family = family };
			*entry = (uint32_t)++life->nr_sites;
			*ret = *entry - 1;
			return NULL;
		}
		if (life->sites[*entry - 1].address == address &&
		    life->sites[*entry - 1].family == family) {
			*ret = *entry - 1;
			return NULL;
		}
	}
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
static struct km_error *add_kin(struct km_life *life, const struct km_rows *rows, uint32_t i,
				uint32_t *ret)
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
		.node = node_of(life, cpu),
	};
	map->kin[rows->batch->group[i]] = *ret = (uint32_t)life->nr_kin++;
	return NULL;
}

/* The kin of row `i`. */
static inline struct km_error *find_kin(struct km_life *life, const struct km_rows *rows,
					uint32_t i, uint32_t *ret)
{
	const uint32_t group = rows->batch->group[i];

	if (rows->queue < life->nr_queues) {
		const struct queue_map *map = &life->queues[rows->queue];
		const uint16_t cpu = rows->batch->cpu[i];

		if (cpu < map->nr_cpus && group < map->cpus[cpu].nr) {
			*ret = map->cpus[cpu].kin[group];
			if (*ret)
				return NULL;
		}
	}
	return add_kin(life, rows, i, ret);
}

/* Notes live bytes at the end of a sample. */
static void take_samples(struct km_life *life, size_t at)
{
	for (size_t i = 0; i < life->nr_sites; i++)
		life->sites[i].samples[at] = life->sites[i].live_bytes;
}

/* Ends the tick in hand. */
static void close_tick(struct km_life *life, struct km_tick *ret)
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
		close_tick(life, &life->ticks[life->nr_ticks++]);
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
static void drop_young(struct km_life *life)
{
	const uint64_t half = (life->now_ns - life->first_ns) / 2;
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
static struct km_error *note_old(struct km_life *life, uint32_t site, uint64_t age_ns)
{
	if (life->nr_old == life->room_old) {
		drop_young(life);
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

static inline unsigned int bucket_of(uint64_t age_ns)
{
	unsigned int bucket = 63 - (unsigned int)__builtin_clzll(age_ns | 1);

	return bucket < KM_LIFE_BUCKETS ? bucket : KM_LIFE_BUCKETS - 1;
}

/* Takes an object out of what lives; returns how long it lived. */
static inline uint64_t end_object(struct km_life *life, const struct kin *kin, struct site *site,
				  uint64_t value, uint64_t ts_ns)
{
	const uint64_t units = (ts_ns - life->first_ns) >> life->unit_shift;
	const uint64_t age_ns = (units - (value >> KIN_BITS)) << life->unit_shift;
	const uint32_t waste = kin->alloc - kin->req;

	site->live_bytes -= kin->alloc;
	site->waste_ns += (byte_ns)age_ns * waste;
	life->live_bytes -= kin->alloc;
	life->live_waste -= waste;
	return age_ns;
}

static inline struct km_error *take_free(struct km_life *life, uint64_t *value, uint16_t cpu,
					 uint64_t ts_ns)
{
	struct kin *kin = &life->kin[*value & KIN_MASK];
	struct site *site = &life->sites[kin->site];
	const uint64_t age_ns = end_object(life, kin, site, *value, ts_ns);

	*value = 0;
	kin->freed++;
	life->nr_frees++;
	site->lifetimes[bucket_of(age_ns)]++;
	site->short_lived += age_ns < life->options.short_ns;
	if (__builtin_expect(kin->cpu != cpu, 0)) {
		kin->pingpong++;
		if (kin->node >= 0) {
			const int16_t node = node_of(life, cpu);

			kin->node_pingpong += node >= 0 && node != kin->node;
		}
	}
	if (__builtin_expect(age_ns > (ts_ns - life->first_ns) / 2, 0))
		return note_old(life, kin->site, age_ns);
	return NULL;
}

/* Its pointer is allocated again: it was freed at some time before, without an event. */
static void replace(struct km_life *life, uint64_t *value, uint64_t ts_ns)
{
	struct kin *kin = &life->kin[*value & KIN_MASK];
	struct site *site = &life->sites[kin->site];

	end_object(life, kin, site, *value, ts_ns);
	kin->replaced++;
	*value = 0;
}

static inline struct km_error *take_alloc(struct km_life *life, const struct km_rows *rows,
					  uint32_t i, uint64_t ts_ns)
{
	uint64_t *value = km_life_table_find(&life->table, rows->batch->ptr[i], true);
	struct km_error *error;
	struct kin *kin;
	struct site *site;
	uint32_t number;

	if (__builtin_expect(*value != 0, 0))
		replace(life, value, ts_ns);
	error = find_kin(life, rows, i, &number);
	if (error)
		return error;
	*value = (ts_ns - life->first_ns) >> life->unit_shift << KIN_BITS | number;
	kin = &life->kin[number];
	site = &life->sites[kin->site];
	kin->allocs++;
	life->nr_allocs++;
	site->live_bytes += kin->alloc;
	if (site->live_bytes > site->peak_bytes) {
		site->peak_bytes = site->live_bytes;
		site->peak_ns = ts_ns;
	}
	life->live_waste += kin->alloc - kin->req;
	life->live_bytes += kin->alloc;
	if (life->live_bytes > life->tick_peak) {
		life->tick_peak = life->live_bytes;
		life->tick_peak_ns = ts_ns;
	}
	if (__builtin_expect(life->table.nr_used > life->table.most_used, 0))
		return km_life_table_renew(&life->table);
	return NULL;
}

/* A node was asked for, and it is not that of the CPU. */
static void count_remote(struct km_life *life, const struct km_rows *rows, uint32_t i)
{
	const int16_t asked = rows->batch->more[i].node;
	uint32_t number;

	if (asked < 0 || find_kin(life, rows, i, &number))
		return;
	if (life->kin[number].node >= 0 && life->kin[number].node != asked)
		life->kin[number].remote++;
}

static struct km_error *take_row(struct km_life *life, const struct km_rows *rows, uint32_t i,
				 uint64_t ts_ns)
{
	const struct km_topology *topology = life->options.topology;
	const uint32_t group = rows->batch->group[i];
	struct km_error *error;
	uint64_t *value;

	if (group < KM_MOST_GROUPS) {
		error = take_alloc(life, rows, i, ts_ns);
		if (!error && topology && topology->nr_nodes > 1)
			count_remote(life, rows, i);
		return error;
	}
	if (group != KM_ROW_FREE && group != KM_ROW_HIDDEN)
		return NULL;
	value = km_life_table_find(&life->table, rows->batch->ptr[i], false);
	if (!value || !*value) {
		life->unknown_frees += group == KM_ROW_FREE;
		return NULL;
	}
	if (km_event_is_alloc(rows->batch->what[i].kind)) {
		replace(life, value, ts_ns);
		return NULL;
	}
	return take_free(life, value, rows->batch->cpu[i], ts_ns);
}

/* Ticks and time units, for a row at `ts_ns`. */
static void move_time(struct km_life *life, uint64_t ts_ns)
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

struct km_error *km_life_add(struct km_life *life, const struct km_rows *rows)
{
	const struct km_batch *batch = rows->batch;
	struct km_error *error = NULL;

	for (uint32_t i = rows->from; i < rows->to && !error; i++) {
		uint64_t ts_ns = batch->ts_ns[i];

		if (i + PREFETCH_ROWS < batch->nr)
			__builtin_prefetch(
				km_life_table_bucket(&life->table, batch->ptr[i + PREFETCH_ROWS]));
		if (!km_event_is_slab(batch->what[i].kind))
			continue;
		/* a clock that ran back stands still here */
		if (__builtin_expect(ts_ns < life->now_ns, 0))
			ts_ns = life->now_ns;
		if (__builtin_expect(ts_ns >= life->wake_ns, 0))
			move_time(life, ts_ns);
		life->now_ns = ts_ns;
		error = take_row(life, rows, i, ts_ns);
	}
	return error;
}

uint64_t km_life_median_ns(const struct km_life_stats *stats)
{
	uint64_t rank = stats->freed / 2 + stats->freed % 2;

	for (int i = 0; i < KM_LIFE_BUCKETS && rank; i++) {
		const uint64_t nr = stats->lifetimes[i], width = 1ULL << i;

		if (rank <= nr)
			return width + (uint64_t)((byte_ns)width * (2 * rank - 1) / (2 * nr));
		rank -= nr;
	}
	return 0;
}

/* The sums of a call site's kin, and what the site itself has. */
static void fill_stats(const struct km_life *life, struct km_site_life *sites, byte_ns *waste_ns)
{
	for (size_t i = 0; i < life->nr_sites; i++) {
		const struct site *site = &life->sites[i];
		struct km_life_stats *stats = &sites[i].stats;

		sites[i].address = site->address;
		sites[i].family = site->family;
		stats->live_bytes = site->live_bytes;
		stats->peak_bytes = site->peak_bytes;
		stats->peak_ns = site->peak_ns;
		stats->short_lived = site->short_lived;
		memcpy(stats->lifetimes, site->lifetimes, sizeof(stats->lifetimes));
		memcpy(stats->samples, site->samples, sizeof(stats->samples));
		waste_ns[i] = site->waste_ns;
	}
	for (size_t i = 1; i < life->nr_kin; i++) {
		const struct kin *kin = &life->kin[i];
		struct km_life_stats *stats = &sites[kin->site].stats;
		const uint64_t live = kin->allocs - kin->freed - kin->replaced;

		stats->allocs += kin->allocs;
		stats->freed += kin->freed;
		stats->bytes_freed += kin->freed * kin->alloc;
		stats->replaced += kin->replaced;
		stats->bytes_replaced += kin->replaced * kin->alloc;
		stats->live += live;
		stats->live_bytes_req += live * kin->req;
		stats->pingpong += kin->pingpong;
		stats->node_pingpong += kin->node_pingpong;
		stats->remote += kin->remote;
	}
}

/* What is live at the end has lived until then. */
static void fill_live(const struct km_life *life, struct km_site_life *sites, byte_ns *waste_ns)
{
	const uint64_t half = (life->now_ns - life->first_ns) / 2;
	const uint64_t units = (life->now_ns - life->first_ns) >> life->unit_shift;

	for (size_t i = 0; i <= life->table.mask; i++) {
		for (int k = 0; k < KM_BUCKET_SLOTS; k++) {
			const uint64_t value = life->table.buckets[i].value[k];
			const struct kin *kin = &life->kin[value & KIN_MASK];
			uint64_t age_ns;

			if (!value)
				continue;
			age_ns = (units - (value >> KIN_BITS)) << life->unit_shift;
			sites[kin->site].stats.over_half += age_ns > half;
			waste_ns[kin->site] += (byte_ns)age_ns * (kin->alloc - kin->req);
		}
	}
	for (size_t i = 0; i < life->nr_old; i++)
		sites[life->old[i].site].stats.over_half += life->old[i].age_ns > half;
}

/* Adds what can be added: not samples and peaks. */
static void add_stats(struct km_life_stats *total, const struct km_life_stats *stats)
{
	total->allocs += stats->allocs;
	total->freed += stats->freed;
	total->bytes_freed += stats->bytes_freed;
	total->replaced += stats->replaced;
	total->bytes_replaced += stats->bytes_replaced;
	total->live += stats->live;
	total->live_bytes += stats->live_bytes;
	total->live_bytes_req += stats->live_bytes_req;
	total->pingpong += stats->pingpong;
	total->node_pingpong += stats->node_pingpong;
	total->remote += stats->remote;
	total->short_lived += stats->short_lived;
	total->over_half += stats->over_half;
	for (int i = 0; i < KM_LIFE_BUCKETS; i++)
		total->lifetimes[i] += stats->lifetimes[i];
}

/* Ticks and samples, with those in hand as their last. */
static void fill_times(struct km_life *life, struct km_lives *ret)
{
	const bool has_more = life->nr_ticks % TICKS_PER_SAMPLE != 0 || !life->nr_ticks ||
			      life->now_ns > life->first_ns + life->tick_ns * life->nr_ticks;

	ret->first_ns = life->first_ns;
	ret->last_ns = life->now_ns;
	ret->short_ns = life->options.short_ns;
	ret->unknown_frees = life->unknown_frees;
	ret->tick_ns = life->tick_ns;
	ret->nr_ticks = life->nr_ticks + 1;
	memcpy(ret->ticks, life->ticks, life->nr_ticks * sizeof(*ret->ticks));
	close_tick(life, &ret->ticks[life->nr_ticks]);
	ret->total.peak_bytes = life->peak_bytes;
	ret->total.peak_ns = life->peak_ns;
	ret->sample_ns = life->tick_ns * TICKS_PER_SAMPLE;
	ret->nr_samples = life->nr_ticks / TICKS_PER_SAMPLE;
	for (size_t i = 0; i < ret->nr_samples; i++)
		ret->total.samples[i] = life->ticks[(i + 1) * TICKS_PER_SAMPLE - 1].live_bytes;
	if (!has_more || ret->nr_samples == KM_LIFE_SAMPLES)
		return;
	for (size_t i = 0; i < ret->nr_sites; i++)
		ret->sites[i].stats.samples[ret->nr_samples] = ret->sites[i].stats.live_bytes;
	ret->total.samples[ret->nr_samples++] = life->live_bytes;
}

static int compare_sites(const void *a, const void *b)
{
	const struct km_site_life *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return (x->family > y->family) - (x->family < y->family);
}

struct km_error *km_life_finish(struct km_life *life, uint64_t last_ns, struct km_lives *ret)
{
	struct km_lives lives = { .nr_sites = life->nr_sites };
	byte_ns *waste_ns = calloc(life->nr_sites + 1, sizeof(*waste_ns));
	byte_ns total_ns = 0;

	lives.sites = calloc(life->nr_sites + 1, sizeof(*lives.sites));
	lives.ticks = calloc(KM_LIFE_TICKS + 1, sizeof(*lives.ticks));
	if (!waste_ns || !lives.sites || !lives.ticks) {
		free(waste_ns);
		km_lives_deinit(&lives);
		return &km_error_memory;
	}
	if (life->has_first && last_ns > life->now_ns) {
		move_time(life, last_ns);
		life->now_ns = last_ns;
	}
	fill_stats(life, lives.sites, waste_ns);
	fill_live(life, lives.sites, waste_ns);
	for (size_t i = 0; i < lives.nr_sites; i++) {
		struct km_life_stats *stats = &lives.sites[i].stats;

		stats->waste_byte_seconds = (double)waste_ns[i] / 1e9;
		total_ns += waste_ns[i];
		add_stats(&lives.total, stats);
	}
	lives.total.waste_byte_seconds = (double)total_ns / 1e9;
	fill_times(life, &lives);
	qsort(lives.sites, lives.nr_sites, sizeof(*lives.sites), compare_sites);
	free(waste_ns);
	*ret = lives;
	return NULL;
}

void km_lives_deinit(struct km_lives *lives)
{
	free(lives->sites);
	free(lives->ticks);
	*lives = (struct km_lives){ 0 };
}
