/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way through most samples there are: those of a machine like this one, in memory as they were
 * recorded, of which only the allocations' first columns are wanted. Whatever is not plain is left
 * to the reader's other way.
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

bool pd_fast_suits(const struct perfdata *pd, enum km_want want)
{
	return want == KM_WANT_ALLOCS && !pd->is_big_endian && pd->nr_attrs && pd->room_ids &&
	       !pd->nr_exclude_pids && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
}

/* Counts an allocation if its group is known. */
static inline bool count(const struct pd_fast *walk, const struct km_fast_desc *desc,
			 const uint8_t *data, size_t size)
{
	if (!walk->known)
		return false;
	if (desc->counts == KM_FAST_NAMED_ALLOC)
		return km_fast_count_named(walk->records, *walk->known, desc, data, size);
	return km_fast_count(*walk->known, desc, data, km_fast_what(desc, data));
}

const uint8_t *pd_fast_walk(const struct pd_fast *walk, const uint8_t *pos, const uint8_t *end,
			    struct km_batch *batch)
{
	const struct perfdata *const pd = walk->pd;
	const struct km_fast_desc *const descs = walk->records->formats->fast_descs;
	uint64_t *const slots = walk->records->slots;

	while (batch->nr < KM_BATCH_EVENTS && end - pos >= PD_HEAD_BYTES) {
		const uint64_t head = km_native_u64(pos);
		const size_t size = head >> 48;
		const struct km_fast_desc *desc;
		const struct pd_attr *attr;
		struct km_stream_stats *stats;
		size_t at, raw_size, stream;
		uint32_t cpu;
		uint64_t ts_ns;
		uint16_t id;

		__builtin_prefetch(pos + PREFETCH_BYTES);
		__builtin_prefetch(pos + PREFETCH_BYTES + 64);
		if ((uint32_t)head != PD_SAMPLE || size > (size_t)(end - pos) || size % 8)
			break;
		attr = attr_of(pd, pos, size);
		at = attr ? raw_place(attr, pos, size) : 0;
		if (!at)
			break;
		cpu = km_native_u32(pos + attr->cpu_at);
		stream = cpu < pd->nr_cpu_streams ? pd->cpu_streams[cpu] : 0;
		raw_size = km_native_u32(pos + at);
		at += 4;
		memcpy(&id, pos + at, sizeof(id));
		desc = &descs[id];
		if (!stream || stream > walk->nr_streams || raw_size > size - at ||
		    raw_size > KM_FAST_MOST_BYTES || !km_fast_fits(desc, raw_size / 4) ||
		    km_fast_ptr_is_odd(pos + at))
			break;
		if (attr->period_at && km_native_u64(pos + attr->period_at) > 1)
			break;
		if (desc->counts != KM_FAST_FREE && !count(walk, desc, pos + at, raw_size) &&
		    !km_fast_add(walk->records, desc, pos + at, raw_size, batch))
			break;
		ts_ns = km_native_u64(pos + attr->time_at);
		stats = &walk->streams[stream - 1];
		stats->quality.count[KM_EVENTS_USED]++;
		if (ts_ns < stats->first_ns)
			stats->first_ns = ts_ns;
		if (ts_ns > stats->last_ns)
			stats->last_ns = ts_ns;
		walk->stream_bytes[stream - 1] += size;
		slots[desc->slot]++;
		pos += size;
	}
	return pos;
}
