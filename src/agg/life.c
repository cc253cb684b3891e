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
	life->add_plain = km_life_add_plain;
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
	    __builtin_cpu_supports("bmi2"))
		life->add_plain = km_life_add_avx2;
#endif
	error = km_life_table_init(&life->table);
	life->table.most_bytes = options->most_bytes;
	if (!error && options->wants_peak) {
		life->peak = calloc(1, sizeof(*life->peak));
		error = life->peak ? NULL : &km_error_memory;
	}
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
	free(life->kin_more);
	free(life->sites);
	if (life->peak)
		free(life->peak->sites);
	free(life->peak);
	for (int i = 0; i < KM_NR_FAMILIES; i++)
		km_map_deinit(&life->site_of[i]);
	free(life->old);
	free(life);
}

/* Room for more items than `room` in an array that begins a cache line, or NULL. */
static void *make_array(size_t size, size_t *room)
{
	const size_t more = *room ? 2 * *room : 64;
	size_t bytes;
	void *items;

	if (__builtin_mul_overflow(more, size, &bytes))
		return NULL;
	items = aligned_alloc(LINE_BYTES, bytes);
	if (items)
		*room = more;
	return items;
}

/* The peak's part of room for `room` sites. */
static bool make_room_for_peak(struct km_life *life, size_t room)
{
	struct site_peak *sites;

	if (!life->peak)
		return true;
	sites = reallocarray(life->peak->sites, room, sizeof(*sites));
	if (!sites)
		return false;
	life->peak->sites = sites;
	return true;
}

/* Makes room for one more site; kin point at theirs. */
static bool make_room_for_site(struct km_life *life)
{
	size_t room = life->room_sites;
	struct site *sites;

	if (life->nr_sites < room)
		return true;
	sites = make_array(sizeof(*sites), &room);
	if (!sites || !make_room_for_peak(life, room)) {
		free(sites);
		return false;
	}
	life->room_sites = room;
	for (size_t i = 1; i < life->nr_kin; i++)
		life->kin[i].site = &sites[km_life_site_of(life, &life->kin[i])];
	if (life->nr_sites)
		memcpy(sites, life->sites, life->nr_sites * sizeof(*sites));
	free(life->sites);
	life->sites = sites;
	return true;
}

/* What points at kin shall do so in an array elsewhere. */
static void move_kin(struct km_life *life, struct kin *to)
{
	for (size_t i = 0; i < life->nr_queues; i++) {
		for (size_t k = 0; k < life->queues[i].nr_cpus; k++) {
			const struct kin_map *map = &life->queues[i].cpus[k];

			for (size_t group = 0; group < map->nr; group++)
				if (map->kin[group])
					map->kin[group] =
						&to[km_life_kin_number(map->kin[group]->number)];
		}
	}
}

static bool make_room_for_kin(struct km_life *life)
{
	size_t room = life->room_kin;
	struct kin_more *more;
	struct kin *kin;

	if (life->nr_kin < room)
		return true;
	kin = make_array(sizeof(*kin), &room);
	more = kin ? reallocarray(life->kin_more, room, sizeof(*more)) : NULL;
	if (!more) {
		free(kin);
		return false;
	}
	memset(more + life->room_kin, 0, (room - life->room_kin) * sizeof(*more));
	life->kin_more = more;
	if (life->kin)
		memcpy(kin, life->kin, life->nr_kin * sizeof(*kin));
	move_kin(life, kin);
	free(life->kin);
	life->kin = kin;
	life->room_kin = room;
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
	if (life->nr_sites >= KIN_MASK || !make_room_for_site(life))
		return &km_error_memory;
	error = km_map_set(&life->site_of[family], address, life->nr_sites + 1);
	if (error)
		return error;
	life->sites[life->nr_sites] = (struct site){ .address = address, .family = family };
	/* it had nothing at any peak so far */
	if (life->peak)
		life->peak->sites[life->nr_sites] = (struct site_peak){ 0 };
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
		struct kin **more;

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

static inline uint16_t cpu_of(const struct km_batch *batch, uint32_t i)
{
	return batch->cpu[batch->is_one_cpu ? 0 : i];
}

/* The kin of a group, NULL: it has none yet. */
static struct kin *kin_of(const struct km_life *life, uint32_t queue, uint16_t cpu, uint32_t group)
{
	const struct queue_map *map = queue < life->nr_queues ? &life->queues[queue] : NULL;

	if (!map || cpu >= map->nr_cpus || group >= map->cpus[cpu].nr)
		return NULL;
	return map->cpus[cpu].kin[group];
}

/* A new kin: that of the group in the queue of `rows`, on one CPU. */
static struct km_error *add_kin(struct km_life *life, const struct km_rows *rows, uint16_t cpu,
				uint32_t group)
{
	const struct km_group_info *info = km_group_info(rows->groups, group);
	struct kin_map *map = find_map(life, rows->queue, cpu, group);
	struct km_error *error;
	uint32_t site;

	if (!map || !make_room_for_kin(life))
		return &km_error_memory;
	if (life->nr_kin > KIN_MASK)
		return km_error_advise(
			km_error_create(KM_ERR_INPUT, NULL,
					"over %u kinds of allocation: too many to be paired",
					KIN_MASK),
			"give --no-pairing");
	error = find_site(life, info->call_site, km_family_of(info->what.kind), &site);
	if (error)
		return error;
	life->kin[life->nr_kin] = (struct kin){
		.site = &life->sites[site],
		.alloc = info->size.alloc,
		.waste = info->size.alloc - info->size.req,
		.number = (uint64_t)life->nr_kin << TIME_BITS,
		.cpu = cpu,
	};
	map->kin[group] = &life->kin[life->nr_kin++];
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
		.frees = km_life_nr_frees(life) - life->tick_frees,
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
	life->tick_frees = km_life_nr_frees(life);
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

			*value = (*value & ~TIME_MASK) | (*value & TIME_MASK) >> by;
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
 * Those left after drop_young() were alive at half time: the list is no longer than twice the most
 * objects that lived at one time.
 */
struct km_error *km_life_note_old(struct km_life *life, uint32_t kin, uint64_t age_ns,
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
	life->old[life->nr_old++] = (struct old_age){
		.age_ns = age_ns,
		.site = km_life_site_of(life, &life->kin[kin]),
	};
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

void km_life_count_nodes(struct km_life *life, const struct km_rows *rows, uint32_t i)
{
	const struct km_batch *batch = rows->batch;
	const uint16_t cpu = cpu_of(batch, i);
	const int16_t node = node_of(life, cpu);
	const uint64_t *value;
	const struct kin *kin;
	int16_t made_on;

	if (node < 0)
		return;
	if (batch->group[i] < KM_MOST_GROUPS) {
		struct kin *of = kin_of(life, rows->queue, cpu, batch->group[i]);

		if (of && batch->more[i].node >= 0)
			of->site->remote += batch->more[i].node != node;
		return;
	}
	if (!km_event_is_free(batch->what[i].kind))
		return;
	value = km_life_table_find(&life->table, batch->ptr[i]);
	if (!value || !*value)
		return;
	kin = &life->kin[km_life_kin_number(*value)];
	made_on = node_of(life, kin->cpu);
	kin->site->node_pingpong += made_on >= 0 && made_on != node;
}

/* What had no place in a full table: the last of it seems to live. */
void km_life_end_shared(struct km_life *life)
{
	const uint32_t number = km_life_kin_number(life->table.shared);
	const struct kin *kin;

	if (!life->table.shared)
		return;
	kin = &life->kin[number];
	life->table.shared = 0;
	life->kin_more[number].replaced++;
	if (life->peak) {
		const uint32_t site = km_life_site_of(life, kin);

		km_life_settle_peak(life->peak, kin->site, site);
		life->peak->sites[site].live_count--;
		life->peak->sites[site].live_waste -= kin->waste;
	}
	kin->site->live_bytes -= kin->alloc;
	life->live_bytes -= kin->alloc;
	life->live_waste -= kin->waste;
}

struct km_error *km_life_renew(struct km_life *life)
{
	struct km_life_table *table = &life->table;
	struct km_error *error;

	km_life_end_shared(life);
	if (table->is_full && km_life_nr_frees(life) < life->retry_frees)
		return NULL;
	error = km_life_table_renew(table);
	life->retry_frees = km_life_nr_frees(life) + table->mask / 4;
	return error;
}

struct km_error *km_life_prepare_row(struct km_life *life, const struct km_rows *rows, uint32_t i,
				     uint64_t ts_ns)
{
	const uint32_t group = rows->batch->group[i];
	const uint16_t cpu = cpu_of(rows->batch, i);

	km_life_end_shared(life);
	if (ts_ns >= life->wake_ns)
		km_life_move_time(life, ts_ns);
	if (life->table.nr_used > life->table.most_used) {
		struct km_error *error = km_life_renew(life);

		if (error)
			return error;
	}
	if (group >= KM_MOST_GROUPS || kin_of(life, rows->queue, cpu, group))
		return NULL;
	return add_kin(life, rows, cpu, group);
}

/* Rows none of which is of another layer. */
static struct km_error *add_slab(struct km_life *life, const struct km_rows *rows, uint32_t from,
				 uint32_t to)
{
	struct km_error *error = NULL;

	while (from < to && !error)
		error = life->options.topology || life->peak || life->unit_shift
				? km_life_add_any(life, rows, &from, to)
				: life->add_plain(life, rows, &from, to);
	return error;
}

struct km_error *km_life_add(struct km_life *life, const struct km_rows *rows)
{
	struct km_error *error = NULL;

	for (uint32_t from = rows->from; from < rows->to && !error;) {
		const uint32_t other = km_batch_next_other(rows->batch, from, rows->to);

		error = add_slab(life, rows, from, other);
		from = other + 1;
	}
	return error;
}
