/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A ring-buffer page, as trace_pipe_raw gives it (kernel/trace/ring_buffer.c, v6.1):
 *
 *	u64    time_stamp   of the first event
 *	local_t commit      bytes of events; bit 31: events were lost before this page,
 *	                    bit 30: their number stands behind the events, as a long
 *	records             each a u32: type_len (5 bits), time_delta (27 bits)
 *
 * type_len  0         event; a u32 gives its length + 4, the event follows
 *           1 to 28   event of 4 * type_len bytes
 *           29        padding: to the end of the page if time_delta is 0, else a u32 of length
 *           30        time extend: a u32 with the upper bits of a delta
 *           31        absolute time stamp: a u32 with bits 27 to 58
 * In a little-endian file type_len are the lowest bits of the u32, in a big-endian one the
 * highest. An event begins with the common fields, common_type being its id.
 *
 * The loop is written once, as an always-inlined function of constants, and made three
 * times: allocations of a kernel with this machine's layout, all columns of such a kernel, and
 * everything of any kernel byte by byte.
 */
#include "decode/pages.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"

enum {
	TYPE_DATA_MAX = 28,
	TYPE_PADDING = 29,
	TYPE_TIME_EXTEND = 30,
	TYPE_TIME_STAMP = 31,
};

#define COMMIT_BYTES   0x07ffffffU
#define COMMIT_STORED  0x40000000U
#define COMMIT_MISSED  0x80000000U
#define DELTA_BITS     27
#define DELTA_MASK     ((1U << DELTA_BITS) - 1)
/* an absolute stamp has 59 bits; the rest is that of the page's */
#define STAMP_UPPER    (0x1fULL << 59)
/* about two pages: measured, half and double are slower */
#define PREFETCH_BYTES 8192
#define ZERO_SIZE_PTR  16 /* include/linux/slab.h */

static inline uint32_t native_u32(const uint8_t *data)
{
	uint32_t value;

	memcpy(&value, data, sizeof(value));
	return value;
}

static inline uint64_t native_u64(const uint8_t *data)
{
	uint64_t value;

	memcpy(&value, data, sizeof(value));
	return value;
}

struct km_error *km_pages_init(struct km_pages *pages, const struct km_formats *formats,
			       enum km_want want, uint32_t page_bytes)
{
	*pages = (struct km_pages){ .formats = formats, .want = want, .page_bytes = page_bytes };
	pages->slots = calloc(formats->nr_infos + 1, sizeof(*pages->slots));
	return pages->slots ? NULL : &km_error_memory;
}

void km_pages_deinit(struct km_pages *pages)
{
	km_intern_deinit(&pages->names);
	free(pages->slots);
	*pages = (struct km_pages){ 0 };
}

void km_pages_begin(struct km_pages *pages, uint32_t stream, const struct km_clock *clock)
{
	memset(pages->slots, 0, pages->formats->nr_infos * sizeof(*pages->slots));
	pages->stats = (struct km_part_stats){ .stream = stream,
					       .first_ns = UINT64_MAX,
					       .slots = pages->slots };
	pages->clock = *clock;
	pages->next_page = pages->buf_end = NULL;
	pages->pos = pages->end = NULL;
	pages->raw_ts = pages->last_raw = 0;
	pages->has_first = false;
}

void km_pages_feed(struct km_pages *pages, const uint8_t *buf, size_t size)
{
	assert(pages->pos == pages->end && pages->next_page == pages->buf_end);
	pages->next_page = buf;
	pages->buf_end = buf + size;
}

/* Counts the events that the recorder lost before a page. */
static void count_missed(struct km_pages *pages, const uint8_t *page, size_t page_bytes,
			 uint64_t commit, size_t data_bytes)
{
	const struct km_formats *formats = pages->formats;
	size_t at = formats->data_offset + data_bytes;
	uint64_t lost = 0;

	if ((commit & COMMIT_STORED) && at + formats->long_bytes <= page_bytes)
		lost = km_load_uint(page + at, formats->long_bytes, formats->is_big_endian);
	/* a number with its upper half set is no count: the place was never written */
	if (lost && lost >> 48 == 0)
		pages->stats.quality.count[KM_EVENTS_LOST] += lost;
	else
		pages->stats.quality.count[KM_GAPS_UNKNOWN]++;
}

/* The raw time stamp of the first event of the page, for the time span. */
static bool first_event_ts(const struct km_pages *pages, uint64_t *ret)
{
	const bool is_big_endian = pages->formats->is_big_endian;
	const uint8_t *pos = pages->pos;
	uint64_t ts = pages->raw_ts;

	while (pages->end - pos >= 4) {
		uint32_t head = (uint32_t)km_load_uint(pos, 4, is_big_endian);
		uint32_t type = is_big_endian ? head >> DELTA_BITS : head & 31;
		uint32_t delta = is_big_endian ? head & DELTA_MASK : head >> 5;
		uint64_t extra =
			pages->end - pos >= 8 ? km_load_uint(pos + 4, 4, is_big_endian) : 0;

		if (type <= TYPE_DATA_MAX) {
			*ret = ts + delta;
			return true;
		}
		if (type == TYPE_PADDING) {
			if (!delta || extra > (uint64_t)(pages->end - pos) - 4)
				return false;
			ts += delta;
			pos += 4 + extra;
			continue;
		}
		if (type == TYPE_TIME_EXTEND)
			ts += (extra << DELTA_BITS) + delta;
		else
			ts = ((extra << DELTA_BITS) + delta) | (pages->raw_ts & STAMP_UPPER);
		pos += 8;
	}
	return false;
}

/* Takes the next page of the buffer into hand; false if there is none. */
static bool next_page(struct km_pages *pages)
{
	const struct km_formats *formats = pages->formats;
	const uint8_t *page = pages->next_page;
	size_t left = (size_t)(pages->buf_end - page), data_bytes, room;
	uint64_t commit, raw;

	if (!left)
		return false;
	if (left > pages->page_bytes)
		left = pages->page_bytes;
	pages->next_page += left;
	if (left < pages->page_bytes)
		pages->stats.quality.count[KM_BYTES_MISSING] += pages->page_bytes - left;
	pages->pos = pages->end = page;
	if (left < formats->data_offset)
		return true;
	room = pages->page_bytes - formats->data_offset;
	commit = km_load_uint(page + formats->commit.offset, formats->commit.size,
			      formats->is_big_endian);
	data_bytes = commit & COMMIT_BYTES;
	pages->raw_ts = km_load_uint(page, 8, formats->is_big_endian);
	/* a page of zeros was never written: a hole in the file, or it could not be read */
	if (data_bytes > room || (commit >> 32) || (!commit && !pages->raw_ts)) {
		pages->stats.quality.count[KM_PAGES_DAMAGED]++;
		return true;
	}
	if (commit & COMMIT_MISSED)
		count_missed(pages, page, left, commit, data_bytes);
	if (data_bytes > left - formats->data_offset)
		data_bytes = left - formats->data_offset;
	pages->pos = page + formats->data_offset;
	pages->end = pages->pos + data_bytes;
	if (!pages->has_first && first_event_ts(pages, &raw)) {
		pages->stats.first_ns = km_clock_ns(&pages->clock, raw);
		pages->has_first = true;
	}
	return true;
}

static uint16_t cache_name(struct km_pages *pages, const uint8_t *data, size_t size, uint32_t loc)
{
	/* __data_loc: offset in the lower half, length in the upper (trace_events.h, v6.1) */
	size_t offset = loc & 0xffff, len = loc >> 16;

	if (offset > size || len > size - offset)
		return 0;
	return km_intern_get(&pages->names, (const char *)data + offset, len);
}

/*
 * What the loop needs of a decoder, held in locals: the columns are bytes, and a store to them
 * would otherwise make the compiler load all of it again.
 */
struct loop {
	struct km_pages *pages;
	const struct km_desc *descs;
	size_t nr_descs;
	uint64_t *slots;
	struct km_batch *batch;
	bool is_big_endian;
	struct km_field type;
};

/*
 * An event that takes no plain way: a pointer that points nowhere or sizes that cannot be. Counts
 * it; true if it goes into the batch.
 */
static bool count_odd(struct loop *loop, const struct km_desc *desc, uint64_t ptr,
		      const enum km_want want)
{
	uint64_t *count = loop->pages->stats.quality.count;

	if (desc->is_alloc && ptr) {
		count[KM_UNDECODABLE_SIZE]++;
		return false;
	}
	loop->slots[desc->slot]++;
	if (desc->is_alloc)
		count[KM_FAILED_ALLOCS]++;
	else if (!ptr)
		count[KM_NULL_FREES]++;
	else if (ptr == ZERO_SIZE_PTR)
		count[KM_ZERO_SIZE_FREES]++;
	return want == KM_WANT_ALL;
}

/* The columns that only KM_WANT_ALL has. */
static inline void take_rest(struct loop *loop, const uint8_t *data, size_t size, uint64_t raw_ts,
			     uint64_t ptr)
{
	const struct km_field pid = loop->pages->formats->common_pid;
	struct km_batch *batch = loop->batch;
	uint32_t i = batch->nr;

	batch->ts_ns[i] = km_clock_ns(&loop->pages->clock, raw_ts);
	batch->ptr[i] = ptr;
	batch->pid[i] =
		(size_t)pid.offset + pid.size <= size
			? (int32_t)km_load_uint(data + pid.offset, pid.size, loop->is_big_endian)
			: 0;
}

/* An unsigned number of an event: 8 bytes of this machine's order, or as the format says. */
static inline __attribute__((always_inline)) uint64_t
load_field(const struct loop *loop, const uint8_t *data, struct km_field field, const bool is_fast)
{
	if (is_fast)
		return native_u64(data + field.offset);
	return km_load_uint(data + field.offset, field.size, loop->is_big_endian);
}

/*
 * Takes an allocation or free into the batch. Without a branch on which of the two it is, since
 * that cannot be foretold: the columns are written in any case, and count if the batch wants it.
 */
static inline __attribute__((always_inline)) void
take_event(struct loop *loop, const struct km_desc *desc, const uint8_t *data, size_t size,
	   uint64_t raw_ts, const bool is_fast, const enum km_want want)
{
	struct km_batch *batch = loop->batch;
	const uint32_t i = batch->nr;
	const uint64_t ptr = load_field(loop, data, desc->ptr, is_fast);
	const uint64_t req = load_field(loop, data, desc->bytes_req, is_fast);
	const uint64_t alloc = load_field(loop, data, desc->bytes_alloc, is_fast);
	const bool is_alloc = desc->is_alloc;

	batch->bytes_req[i] = is_alloc ? (uint32_t)req : 0;
	batch->bytes_alloc[i] = is_alloc ? (uint32_t)alloc : 0;
	if (__builtin_expect((is_alloc & ((alloc - 1) >> 32 != 0 || req > alloc)) |
				     (ptr <= ZERO_SIZE_PTR),
			     0)) {
		if (!count_odd(loop, desc, ptr, want))
			return;
		/* a request that failed may have been for any size */
		if (is_alloc && req >> 32)
			batch->bytes_req[i] = UINT32_MAX;
		batch->bytes_alloc[i] = 0;
	} else {
		loop->slots[desc->slot]++;
	}
	batch->call_site[i] = load_field(loop, data, desc->call_site, is_fast);
	batch->kind[i] = desc->kind;
	batch->flags[i] = data[desc->account_offset] & desc->account_bits ? KM_EVF_ACCOUNTED : 0;
	batch->cache[i] = 0;
	if (__builtin_expect(desc->name.size && (want == KM_WANT_ALL || is_alloc), 0))
		batch->cache[i] = cache_name(
			loop->pages, data, size,
			(uint32_t)km_load_uint(data + desc->name.offset, 4, loop->is_big_endian));
	if (want == KM_WANT_ALL)
		take_rest(loop, data, size, raw_ts, ptr);
	batch->nr = i + (want == KM_WANT_ALL || is_alloc);
}

/* An event that is not for the fast path: another one, or of another layout, or damaged. */
static inline __attribute__((always_inline)) void decode_slow(struct loop *loop,
							      const uint8_t *data, size_t size,
							      uint64_t raw_ts,
							      const enum km_want want)
{
	const struct km_desc *desc;
	uint64_t id;

	if (size < (size_t)loop->type.offset + loop->type.size) {
		loop->pages->stats.quality.count[KM_UNDECODABLE_SHORT]++;
		return;
	}
	id = km_load_uint(data + loop->type.offset, loop->type.size, loop->is_big_endian);
	desc = &loop->descs[id < loop->nr_descs ? id : 0];
	if (id >= loop->nr_descs || !desc->is_known)
		loop->pages->stats.quality.count[KM_UNDECODABLE_ID]++;
	else if (size < desc->least_bytes)
		loop->pages->stats.quality.count[KM_UNDECODABLE_SHORT]++;
	else if (desc->kind == KM_EV_OTHER)
		loop->slots[desc->slot]++;
	else
		take_event(loop, desc, data, size, raw_ts, false, want);
}

static __attribute__((noinline)) void decode_slow_allocs(struct loop *loop, const uint8_t *data,
							 size_t size, uint64_t raw_ts)
{
	decode_slow(loop, data, size, raw_ts, KM_WANT_ALLOCS);
}

static __attribute__((noinline)) void decode_slow_all(struct loop *loop, const uint8_t *data,
						      size_t size, uint64_t raw_ts)
{
	decode_slow(loop, data, size, raw_ts, KM_WANT_ALL);
}

/* Finds the descriptor of an event and takes it. */
static inline __attribute__((always_inline)) void
decode_event(struct loop *loop, const uint8_t *data, size_t size, uint64_t raw_ts,
	     const bool is_native, const enum km_want want)
{
	if (is_native) {
		const struct km_desc *desc;
		uint16_t id;

		memcpy(&id, data, sizeof(id));
		desc = &loop->descs[id < loop->nr_descs ? id : 0];
		if (__builtin_expect(id < loop->nr_descs && size >= desc->fast_least_bytes, 1)) {
			take_event(loop, desc, data, size, raw_ts, true, want);
			return;
		}
	}
	if (want == KM_WANT_ALL)
		decode_slow_all(loop, data, size, raw_ts);
	else
		decode_slow_allocs(loop, data, size, raw_ts);
}

/*
 * The records that are not plain events, at `pos`: moves over them. Returns the bytes to skip,
 * 0 if the page is damaged. An event with a length of its own is given back in *ret_data.
 */
static size_t walk_other(const uint8_t *pos, size_t left, uint32_t type, uint32_t delta,
			 bool is_big_endian, uint64_t *ts, size_t *ret_size)
{
	uint64_t extra;
	size_t skip;

	*ret_size = 0;
	if (type == TYPE_PADDING && !delta)
		return left;
	if (left < 8)
		return 0;
	extra = km_load_uint(pos + 4, 4, is_big_endian);
	switch (type) {
	case TYPE_TIME_EXTEND:
		*ts += (extra << DELTA_BITS) + delta;
		return 8;
	case TYPE_TIME_STAMP:
		*ts = ((extra << DELTA_BITS) + delta) | (*ts & STAMP_UPPER);
		return 8;
	default: /* padding that was an event, or an event with a length of its own */
		skip = 4 + (extra + 3) / 4 * 4;
		if (extra < 4 || skip > left)
			return 0;
		*ts += delta;
		if (type == 0)
			*ret_size = extra - 4;
		return skip;
	}
}

/*
 * Walks the page in hand until its end or until the batch is full. `is_native`: the file has
 * this machine's byte order, and common_type is a u16 at 0.
 */
static inline __attribute__((always_inline)) void
walk(struct km_pages *pages, struct km_batch *batch, const bool is_native, const enum km_want want)
{
	struct loop loop = { .pages = pages,
			     .descs = pages->formats->descs,
			     .nr_descs = pages->formats->nr_descs,
			     .slots = pages->slots,
			     .batch = batch,
			     .is_big_endian = is_native ? __BYTE_ORDER == __BIG_ENDIAN
							: pages->formats->is_big_endian,
			     .type = pages->formats->common_type };
	const bool big = loop.is_big_endian;
	const uint8_t *pos = pages->pos, *const end = pages->end;
	uint64_t ts = pages->raw_ts, last = pages->last_raw;

	while (end - pos >= 4 && batch->nr < KM_BATCH_EVENTS) {
		uint32_t head = is_native ? native_u32(pos) : (uint32_t)km_load_uint(pos, 4, big);
		uint32_t type = big ? head >> DELTA_BITS : head & 31;
		uint32_t delta = big ? head & DELTA_MASK : head >> 5;
		size_t left = (size_t)(end - pos), size = type * 4, skip;

		/* each length is read to find the next: without this the walk waits for memory */
		if (is_native)
			__builtin_prefetch(pos + PREFETCH_BYTES);
		if (__builtin_expect(type - 1 < TYPE_DATA_MAX && size + 4 <= left, 1)) {
			ts += delta;
			last = ts;
			decode_event(&loop, pos + 4, size, ts, is_native, want);
			pos += 4 + size;
			continue;
		}
		skip = type - 1 < TYPE_DATA_MAX
			       ? 0
			       : walk_other(pos, left, type, delta, big, &ts, &size);
		if (!skip)
			break;
		if (type == 0) {
			last = ts;
			if (size >= 4)
				decode_event(&loop, pos + 8, size, ts, is_native, want);
			else
				pages->stats.quality.count[KM_UNDECODABLE_SHORT]++;
		}
		pos += skip;
	}
	if (pos < end && batch->nr < KM_BATCH_EVENTS) {
		pages->stats.quality.count[KM_PAGES_DAMAGED]++;
		pos = end;
	}
	pages->pos = pos;
	pages->raw_ts = ts;
	pages->last_raw = last;
}

static void walk_native_allocs(struct km_pages *pages, struct km_batch *batch)
{
	walk(pages, batch, true, KM_WANT_ALLOCS);
}

static void walk_native_all(struct km_pages *pages, struct km_batch *batch)
{
	walk(pages, batch, true, KM_WANT_ALL);
}

static void walk_generic(struct km_pages *pages, struct km_batch *batch)
{
	if (pages->want == KM_WANT_ALL)
		walk(pages, batch, false, KM_WANT_ALL);
	else
		walk(pages, batch, false, KM_WANT_ALLOCS);
}

bool km_pages_fill(struct km_pages *pages, struct km_batch *batch)
{
	const struct km_formats *formats = pages->formats;
	void (*walk_fn)(struct km_pages *, struct km_batch *) = walk_generic;

	if (!pages->use_generic && formats->is_big_endian == (__BYTE_ORDER == __BIG_ENDIAN) &&
	    formats->common_type.offset == 0 && formats->common_type.size == 2)
		walk_fn = pages->want == KM_WANT_ALL ? walk_native_all : walk_native_allocs;
	batch->stream = pages->stats.stream;
	do {
		if (pages->pos < pages->end)
			walk_fn(pages, batch);
		if (batch->nr == KM_BATCH_EVENTS)
			return true;
	} while (next_page(pages));
	return false;
}

void km_pages_finish(struct km_pages *pages)
{
	const struct km_formats *formats = pages->formats;
	struct km_part_stats *stats = &pages->stats;

	for (size_t slot = 0; slot < formats->nr_infos; slot++) {
		enum km_event_kind kind = formats->infos[slot].kind;

		stats->kinds[kind] += pages->slots[slot];
		stats->quality.count[kind == KM_EV_OTHER ? KM_EVENTS_OTHER : KM_EVENTS_USED] +=
			pages->slots[slot];
	}
	if (pages->has_first)
		stats->last_ns = km_clock_ns(&pages->clock, pages->last_raw);
}
