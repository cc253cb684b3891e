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

#define COMMIT_BYTES  0x07ffffffU
#define COMMIT_STORED 0x40000000U
#define COMMIT_MISSED 0x80000000U
#define DELTA_BITS    27
#define DELTA_MASK    ((1U << DELTA_BITS) - 1)
/* an absolute stamp has 59 bits; the rest is that of the page's */
#define STAMP_UPPER   (0x1fULL << 59)
#define ZERO_SIZE_PTR 16 /* include/linux/slab.h */

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
	if (data_bytes > room || (commit >> 32)) {
		pages->stats.quality.count[KM_PAGES_DAMAGED]++;
		return true;
	}
	if (commit & COMMIT_MISSED)
		count_missed(pages, page, left, commit, data_bytes);
	if (data_bytes > left - formats->data_offset)
		data_bytes = left - formats->data_offset;
	pages->raw_ts = km_load_uint(page, 8, formats->is_big_endian);
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

/* The columns of one event. Values: as the kernel's longs, not yet judged. */
struct event {
	uint64_t call_site, ptr, bytes_req, bytes_alloc;
	bool is_accounted;
	uint16_t cache;
};

static inline __attribute__((always_inline)) void
load_alloc(struct km_pages *pages, const struct km_desc *desc, const uint8_t *data, size_t size,
	   const bool is_native, struct event *ret)
{
	const bool big = pages->formats->is_big_endian;
	uint64_t gfp;
	uint32_t loc;

	if (is_native) {
		ret->call_site = native_u64(data + desc->call_site.offset);
		ret->bytes_req = native_u64(data + desc->bytes_req.offset);
		ret->bytes_alloc = native_u64(data + desc->bytes_alloc.offset);
		/* the flag bits of a gfp_t are in its lower 32 bits on the native little end */
		gfp = desc->gfp_flags.size == 8 ? native_u64(data + desc->gfp_flags.offset)
						: native_u32(data + desc->gfp_flags.offset);
		loc = desc->name.size ? native_u32(data + desc->name.offset) : 0;
	} else {
		ret->call_site =
			km_load_uint(data + desc->call_site.offset, desc->call_site.size, big);
		ret->bytes_req =
			km_load_uint(data + desc->bytes_req.offset, desc->bytes_req.size, big);
		ret->bytes_alloc =
			km_load_uint(data + desc->bytes_alloc.offset, desc->bytes_alloc.size, big);
		gfp = km_load_uint(data + desc->gfp_flags.offset, desc->gfp_flags.size, big);
		loc = (uint32_t)km_load_uint(data + desc->name.offset, desc->name.size, big);
	}
	ret->is_accounted = desc->accounted.size ? data[desc->accounted.offset] != 0
						 : (gfp & desc->account_mask) != 0;
	ret->cache = desc->name.size ? cache_name(pages, data, size, loc) : 0;
}

/* Counts an allocation or free and adds it to the batch if that can hold it. */
static inline __attribute__((always_inline)) void
take_event(struct km_pages *pages, const struct km_desc *desc, const uint8_t *data, size_t size,
	   uint64_t raw_ts, const bool is_native, const enum km_want want, struct km_batch *batch)
{
	struct km_part_stats *stats = &pages->stats;
	const bool big = pages->formats->is_big_endian;
	const bool is_alloc = km_event_is_alloc(desc->kind);
	struct event ev = { 0 };
	uint32_t i = batch->nr;

	ev.ptr = is_native ? native_u64(data + desc->ptr.offset)
			   : km_load_uint(data + desc->ptr.offset, desc->ptr.size, big);
	if (is_alloc) {
		load_alloc(pages, desc, data, size, is_native, &ev);
		if (__builtin_expect(((ev.bytes_alloc - 1) >> 32) != 0 || ev.bytes_req > ev.bytes_alloc ||
					     !ev.ptr,
				     0)) {
			/* a request that failed may have been for any size */
			if (ev.ptr) {
				stats->quality.count[KM_UNDECODABLE_SIZE]++;
				return;
			}
			pages->slots[desc->slot]++;
			stats->quality.count[KM_FAILED_ALLOCS]++;
			if (want == KM_WANT_ALLOCS)
				return;
			ev.bytes_req = ev.bytes_req >> 32 ? UINT32_MAX : ev.bytes_req;
			ev.bytes_alloc = 0;
		} else {
			pages->slots[desc->slot]++;
		}
	} else {
		pages->slots[desc->slot]++;
		if (__builtin_expect(ev.ptr <= ZERO_SIZE_PTR, 0)) {
			if (!ev.ptr)
				stats->quality.count[KM_NULL_FREES]++;
			else if (ev.ptr == ZERO_SIZE_PTR)
				stats->quality.count[KM_ZERO_SIZE_FREES]++;
		}
		if (want == KM_WANT_ALLOCS)
			return;
		ev.call_site =
			km_load_uint(data + desc->call_site.offset, desc->call_site.size, big);
		if (desc->name.size)
			ev.cache = cache_name(
				pages, data, size,
				(uint32_t)km_load_uint(data + desc->name.offset, 4, big));
	}
	batch->call_site[i] = ev.call_site;
	batch->bytes_req[i] = (uint32_t)ev.bytes_req;
	batch->bytes_alloc[i] = (uint32_t)ev.bytes_alloc;
	batch->cache[i] = ev.cache;
	batch->kind[i] = desc->kind;
	batch->flags[i] = ev.is_accounted ? KM_EVF_ACCOUNTED : 0;
	if (want == KM_WANT_ALL) {
		const struct km_field pid = pages->formats->common_pid;

		batch->ts_ns[i] = km_clock_ns(&pages->clock, raw_ts);
		batch->ptr[i] = ev.ptr;
		batch->pid[i] = pid.offset + pid.size <= (int)size
					? (int32_t)km_load_uint(data + pid.offset, pid.size, big)
					: 0;
	}
	batch->nr = i + 1;
}

/* Finds the descriptor of an event and takes it. */
static inline __attribute__((always_inline)) void
decode_event(struct km_pages *pages, const uint8_t *data, size_t size, uint64_t raw_ts,
	     const bool is_native, const enum km_want want, struct km_batch *batch)
{
	const struct km_formats *formats = pages->formats;
	const struct km_field type = formats->common_type;
	const struct km_desc *desc;
	uint64_t id;

	if (__builtin_expect(size < (size_t)type.offset + type.size, 0)) {
		pages->stats.quality.count[KM_UNDECODABLE_SHORT]++;
		return;
	}
	if (is_native) {
		uint16_t id16;

		memcpy(&id16, data, sizeof(id16));
		id = id16;
	} else {
		id = km_load_uint(data + type.offset, type.size, formats->is_big_endian);
	}
	desc = &formats->descs[id < formats->nr_descs ? id : 0];
	if (__builtin_expect(id >= formats->nr_descs || !desc->is_known, 0)) {
		pages->stats.quality.count[KM_UNDECODABLE_ID]++;
		return;
	}
	if (desc->kind == KM_EV_OTHER) {
		pages->slots[desc->slot]++;
		return;
	}
	if (__builtin_expect(size < desc->least_bytes, 0)) {
		pages->stats.quality.count[KM_UNDECODABLE_SHORT]++;
		return;
	}
	if (is_native && __builtin_expect(desc->is_fast, 1))
		take_event(pages, desc, data, size, raw_ts, true, want, batch);
	else
		take_event(pages, desc, data, size, raw_ts, false, want, batch);
}

/*
 * Walks the page in hand until its end or until the batch is full. `is_native`: the file has
 * this machine's byte order, and common_type is a u16 at 0.
 */
static inline __attribute__((always_inline)) void
walk(struct km_pages *pages, struct km_batch *batch, const bool is_native, const enum km_want want)
{
	const bool big = is_native ? __BYTE_ORDER == __BIG_ENDIAN : pages->formats->is_big_endian;
	const uint8_t *pos = pages->pos, *const end = pages->end;
	uint64_t ts = pages->raw_ts, last = pages->last_raw;
	bool is_damaged = false;

	while (end - pos >= 4 && batch->nr < KM_BATCH_EVENTS) {
		uint32_t head = is_native ? native_u32(pos) : (uint32_t)km_load_uint(pos, 4, big);
		uint32_t type = big ? head >> DELTA_BITS : head & 31;
		uint32_t delta = big ? head & DELTA_MASK : head >> 5;
		size_t left = (size_t)(end - pos) - 4, skip = 4, size;
		uint32_t extra;

		if (__builtin_expect(type - 1 < TYPE_DATA_MAX, 1)) {
			size = type * 4;
			if (__builtin_expect(size > left, 0)) {
				is_damaged = true;
				break;
			}
			ts += delta;
			last = ts;
			decode_event(pages, pos + 4, size, ts, is_native, want, batch);
			pos += 4 + size;
			continue;
		}
		if (type == TYPE_PADDING && !delta) {
			pos = end;
			break;
		}
		if (left < 4) {
			is_damaged = true;
			break;
		}
		extra = is_native ? native_u32(pos + 4) : (uint32_t)km_load_uint(pos + 4, 4, big);
		switch (type) {
		case TYPE_TIME_EXTEND:
			ts += ((uint64_t)extra << DELTA_BITS) + delta;
			skip = 8;
			break;
		case TYPE_TIME_STAMP:
			ts = (((uint64_t)extra << DELTA_BITS) + delta) | (ts & STAMP_UPPER);
			skip = 8;
			break;
		default: /* padding that was an event, or an event with a length of its own */
			skip = 4 + ((size_t)extra + 3) / 4 * 4;
			if (extra < 4 || skip - 4 > left) {
				is_damaged = true;
				break;
			}
			ts += delta;
			if (type == 0) {
				last = ts;
				decode_event(pages, pos + 8, extra - 4, ts, is_native, want, batch);
			}
			break;
		}
		if (is_damaged)
			break;
		pos += skip;
	}
	if (is_damaged || (end - pos > 0 && end - pos < 4)) {
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
