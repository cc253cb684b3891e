/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way through most samples there are: those of a machine like this one, in memory as they were
 * recorded, of which not all columns are wanted. Whatever is not plain is left to the reader's
 * other way. There are two loops, for allocations alone, and for all that is to be paired, which
 * goes through the queue.
 */
#include "decode/fast.h"
#include "source/perfdata.h"

/* about 20 samples */
#define PREFETCH_BYTES 2048

/* The attr of a sample, or NULL. */
static inline const struct pd_attr *attr_of(const struct perfdata *pd, const uint8_t *data,
					    size_t size)
{
	const size_t id_at = pd->attrs[0].id_at;
	uint64_t value;
	const struct pd_id *id;

	if (pd->is_uniform)
		return &pd->attrs[0];
	if (!id_at || id_at + 8 > size)
		return NULL;
	value = km_native_u64(data + id_at);
	/* mostly it is in its first place */
	id = &pd->ids[pd_id_hash(value) & (pd->room_ids - 1)];
	if (id->id != value)
		id = pd_find_id(pd, value);
	return id && id->attr < pd->nr_attrs ? &pd->attrs[id->attr] : NULL;
}

/* The place of the raw data's size, 0 if it is not plainly there. */
static inline size_t raw_place(const struct pd_attr *attr, const uint8_t *data, size_t size)
{
	size_t at = attr->read_at;

	if (!attr->is_plain || size < at + 12)
		return 0;
	if (attr->sample_type & PD_SAMPLE_CALLCHAIN) {
		const uint64_t nr = km_native_u64(data + at);

		at += 8;
		if (nr > (size - at) / 8)
			return 0;
		at += 8 * (size_t)nr;
	}
	/* the id, and all that the fast layout has before its end */
	return size < at + 4 + 8 ? 0 : at;
}

bool pd_fast_suits(const struct perfdata *pd, enum km_want want, const struct km_group_table *known)
{
	return (want == KM_WANT_ALLOCS || (want == KM_WANT_PAIRS && known)) && !pd->is_big_endian &&
	       pd->nr_attrs && pd->room_ids && !pd->nr_exclude_pids &&
	       __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
}

/* Counts an allocation if its group is known, and returns that; else NULL. */
static inline __attribute__((always_inline)) const struct km_group *
count(struct km_records *records, struct km_group_table known, const struct km_fast_desc *desc,
      const uint8_t *data, size_t size)
{
	if (__builtin_expect(desc->counts == KM_FAST_NAMED_ALLOC, 0))
		return km_fast_count_named(records, known, desc, data, size);
	return km_fast_count(known, desc, data, km_fast_what(desc, data));
}

/* A sample that is plain. */
struct plain {
	const struct km_fast_desc *desc;
	const uint8_t *data; /* of the event: raw_size bytes */
	size_t raw_size;
	uint64_t ts_ns;
	uint32_t cpu;
};

/* The sample of `size` bytes at `pos`, none of which is beyond the end; false if it is not plain.
 */
static inline __attribute__((always_inline)) bool parse_plain(const struct km_fast_desc *descs,
							      const struct pd_attr *attr,
							      const uint8_t *pos, size_t size,
							      struct plain *ret)
{
	const size_t at = raw_place(attr, pos, size);
	uint16_t id;

	if (!at)
		return false;
	ret->cpu = km_native_u32(pos + attr->cpu_at);
	ret->raw_size = km_native_u32(pos + at);
	ret->data = pos + at + 4;
	ret->ts_ns = km_native_u64(pos + attr->time_at);
	memcpy(&id, ret->data, sizeof(id));
	ret->desc = &descs[id];
	if (ret->raw_size != size - at - 4 || ret->raw_size > KM_FAST_MOST_BYTES ||
	    !km_fast_fits(ret->desc, ret->raw_size / 4) || km_fast_ptr_is_odd(ret->data))
		return false;
	/* of so many events only this one was recorded */
	return !attr->period_at || km_native_u64(pos + attr->period_at) <= 1;
}

/*
 * Samples of one CPU one behind the other, in order of time: what is counted for them is counted
 * when it ends.
 */
struct stretch {
	uint32_t cpu; /* UINT32_MAX: none yet */
	size_t stream;
	uint64_t first_ns, last_ns;
	const uint8_t *from;
};

#define NO_STRETCH ((struct stretch){ .cpu = UINT32_MAX })

/* It is passed by value, so that it need not be in memory elsewhere. */
static __attribute__((noinline)) void end_stretch(const struct pd_fast *walk,
						  struct stretch stretch, const uint8_t *pos)
{
	struct km_stream_stats *stats = &walk->streams[stretch.stream];

	if (stretch.cpu == UINT32_MAX)
		return;
	if (stretch.first_ns < stats->first_ns)
		stats->first_ns = stretch.first_ns;
	if (stretch.last_ns > stats->last_ns)
		stats->last_ns = stretch.last_ns;
	if (stretch.last_ns > walk->queue->newest_ns)
		walk->queue->newest_ns = stretch.last_ns;
	walk->stream_bytes[stretch.stream] += (uint64_t)(pos - stretch.from);
}

static inline void count_rows(const struct pd_fast *walk, const struct stretch *stretch,
			      uint64_t nr)
{
	if (stretch->cpu != UINT32_MAX)
		walk->streams[stretch->stream].quality.count[KM_EVENTS_USED] += nr;
}

static inline bool is_in_stretch(const struct stretch *stretch, const struct plain *plain)
{
	return __builtin_expect(plain->cpu == stretch->cpu && plain->ts_ns >= stretch->last_ns, 1);
}

/* Ends the stretch and begins one with the sample at `pos`; false if its stream is not known. */
static inline __attribute__((always_inline)) bool turn_to(const struct pd_fast *walk,
							  struct stretch *stretch,
							  const struct plain *plain,
							  const uint8_t *pos)
{
	const struct perfdata *pd = walk->pd;
	const size_t stream = plain->cpu < pd->nr_cpu_streams ? pd->cpu_streams[plain->cpu] : 0;

	if (!stream || stream > walk->nr_streams)
		return false;
	end_stretch(walk, *stretch, pos);
	*stretch = (struct stretch){ plain->cpu, stream - 1, plain->ts_ns, plain->ts_ns, pos };
	return true;
}

/* The size of the sample at `pos`, 0 if it is none, or not whole. */
static inline size_t sample_size(const uint8_t *pos, const uint8_t *end)
{
	const uint64_t head = km_native_u64(pos);
	const size_t size = head >> 48;

	__builtin_prefetch(pos + PREFETCH_BYTES);
	__builtin_prefetch(pos + PREFETCH_BYTES + 64);
	if ((uint32_t)head != PD_SAMPLE || size > (size_t)(end - pos) || size % 8)
		return 0;
	return size;
}

const uint8_t *pd_fast_walk(const struct pd_fast *walk, const uint8_t *pos, const uint8_t *end,
			    struct km_batch *batch)
{
	const struct km_fast_desc *const descs = walk->records->formats->fast_descs;
	uint64_t *const slots = walk->records->slots;
	struct stretch stretch = NO_STRETCH;

	while (batch->nr < KM_BATCH_EVENTS && end - pos >= PD_HEAD_BYTES) {
		const size_t size = sample_size(pos, end);
		const struct pd_attr *attr = size ? attr_of(walk->pd, pos, size) : NULL;
		struct plain plain;

		if (!attr || !parse_plain(descs, attr, pos, size, &plain))
			break;
		if (!is_in_stretch(&stretch, &plain) && !turn_to(walk, &stretch, &plain, pos))
			break;
		if (plain.desc->counts != KM_FAST_FREE &&
		    !(walk->known &&
		      count(walk->records, *walk->known, plain.desc, plain.data, plain.raw_size)) &&
		    !km_fast_add(walk->records, plain.desc, plain.data, plain.raw_size, batch))
			break;
		stretch.last_ns = plain.ts_ns;
		walk->streams[stretch.stream].quality.count[KM_EVENTS_USED]++;
		slots[plain.desc->slot]++;
		pos += size;
	}
	end_stretch(walk, stretch, pos);
	return pos;
}

/*
 * What was found plain: samples with such a head and raw data of such a size, of an event, have
 * less to be looked at. Only of samples whose raw data are always in the same place.
 */
struct shape {
	uint64_t head;
	uint64_t raw; /* bits 0 to 31: the size of the raw data, 32 to 47: the event's id */
	const struct km_fast_desc *desc;
};

/* The ids of the events there are are mostly in a row. */
#define NR_SHAPES 16

/* As parse_plain(), for what is not of the shape that it could be of: then it is, if it is plain.
 */
static __attribute__((noinline)) bool learn_shape(const struct km_fast_desc *descs,
						  const struct pd_attr *attr, const uint8_t *pos,
						  const uint8_t *end, struct shape *shape)
{
	const size_t size = sample_size(pos, end);
	struct plain plain;

	if (!size || !parse_plain(descs, attr, pos, size, &plain))
		return false;
	shape->head = km_native_u64(pos);
	shape->raw = km_native_u64(pos + attr->read_at) & 0xffffffffffff;
	shape->desc = plain.desc;
	return true;
}

/* The same as parse_plain(), of a sample that may not be whole. */
static inline __attribute__((always_inline)) bool
parse_shape(const struct km_fast_desc *descs, const struct pd_attr *attr, struct shape *shapes,
	    const uint8_t *pos, const uint8_t *end, struct plain *ret)
{
	const uint64_t head = km_native_u64(pos);
	const uint64_t raw = km_native_u64(pos + attr->read_at) & 0xffffffffffff;
	struct shape *shape = &shapes[(raw >> 32) % NR_SHAPES];

	__builtin_prefetch(pos + PREFETCH_BYTES);
	__builtin_prefetch(pos + PREFETCH_BYTES + 64);
	if (__builtin_expect(shape->head != head || shape->raw != raw, 0) &&
	    !learn_shape(descs, attr, pos, end, shape))
		return false;
	ret->desc = shape->desc;
	ret->data = pos + attr->read_at + 4;
	ret->raw_size = (uint32_t)raw;
	ret->ts_ns = km_native_u64(pos + attr->time_at);
	ret->cpu = km_native_u32(pos + attr->cpu_at);
	return (head >> 48) <= (size_t)(end - pos) && !km_fast_ptr_is_odd(ret->data) &&
	       (!attr->period_at || km_native_u64(pos + attr->period_at) <= 1);
}

/* As turn_to(), where `nr_rows` were taken of the stretch that ends, and a run may begin. */
static inline __attribute__((always_inline)) bool turn_to_run(const struct pd_fast *walk,
							      struct stretch *stretch,
							      const struct plain *plain,
							      const uint8_t *pos, uint64_t nr_rows)
{
	const struct stretch ended = *stretch;

	if (walk->queue->nr_runs == walk->queue->room_runs || !turn_to(walk, stretch, plain, pos))
		return false;
	count_rows(walk, &ended, nr_rows);
	return true;
}

/* The way of pd_fast_walk_pairs(). `is_simple`: all have one layout, without call chains. */
static inline __attribute__((always_inline)) const uint8_t *
walk_pairs(const struct pd_fast *walk, const uint8_t *pos, const uint8_t *end, const bool is_simple)
{
	const struct km_fast_desc *const descs = walk->records->formats->fast_descs;
	const struct km_group_table known = *walk->known;
	const struct pd_attr first_attr = walk->pd->attrs[0];
	/* the size of the raw data can be read before it is known that the sample is whole */
	const ptrdiff_t least = is_simple ? first_attr.read_at + 8 : PD_HEAD_BYTES;
	struct pd_queue *const queue = walk->queue;
	struct pd_row *const rows = queue->rows, *const limit = rows + queue->room;
	uint64_t *const slots = walk->records->slots;
	struct shape shapes[NR_SHAPES];
	struct stretch stretch = NO_STRETCH;
	struct pd_row *row = rows + queue->nr, *first = row; /* of the stretch */

	/* no raw data are so: there may be a sample of zeroes */
	memset(shapes, 0xff, sizeof(shapes));
	while (row < limit && end - pos >= least) {
		uint32_t group = KM_ROW_FREE;
		struct plain plain;

		if (is_simple) {
			if (!parse_shape(descs, &first_attr, shapes, pos, end, &plain))
				break;
		} else {
			const size_t size = sample_size(pos, end);
			const struct pd_attr *attr = size ? attr_of(walk->pd, pos, size) : NULL;

			if (!attr || !parse_plain(descs, attr, pos, size, &plain))
				break;
		}
		if (!is_in_stretch(&stretch, &plain)) {
			if (!turn_to_run(walk, &stretch, &plain, pos, (uint64_t)(row - first)))
				break;
			first = row;
		}
		if (plain.desc->counts != KM_FAST_FREE) {
			const struct km_group *its =
				count(walk->records, known, plain.desc, plain.data, plain.raw_size);

			if (__builtin_expect(!its, 0))
				break;
			group = its->number;
		}
		if (row == first && (row == rows || plain.ts_ns < row[-1].ts_ns))
			queue->runs[queue->nr_runs++].next = (uint32_t)(row - rows);
		stretch.last_ns = plain.ts_ns;
		slots[plain.desc->slot]++;
		*row++ = (struct pd_row){
			.ts_ns = plain.ts_ns,
			.ptr = km_native_u64(plain.data + KM_FAST_PTR),
			.group = group,
			.cpu = (uint16_t)plain.cpu,
		};
		pos += km_native_u64(pos) >> 48;
	}
	count_rows(walk, &stretch, (uint64_t)(row - first));
	/* that of a sample that was not taken is none */
	if (row != first)
		end_stretch(walk, stretch, pos);
	queue->nr = (uint32_t)(row - rows);
	return pos;
}

const uint8_t *pd_fast_walk_pairs(const struct pd_fast *walk, const uint8_t *pos,
				  const uint8_t *end)
{
	const struct perfdata *pd = walk->pd;

	if (pd->is_uniform && !(pd->attrs[0].sample_type & PD_SAMPLE_CALLCHAIN))
		return walk_pairs(walk, pos, end, true);
	return walk_pairs(walk, pos, end, false);
}

uint32_t pd_fast_put(const struct pd_row *rows, uint32_t nr, struct km_batch *batch)
{
	uint32_t at = batch->nr, i;

	for (i = 0; i < nr && !pd_row_is_raw(&rows[i]); i++, at++) {
		batch->ts_ns[at] = rows[i].ts_ns;
		batch->ptr[at] = rows[i].ptr;
		batch->cpu[at] = rows[i].cpu;
		batch->group[at] = rows[i].group;
	}
	batch->nr = at;
	return i;
}
