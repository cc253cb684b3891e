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
 * There are two ways through a page. Every record can be taken one by one, by the offsets and sizes
 *of its format, whatever machine wrote it. Events of a kernel like this machine, nearly all there
 *are, are taken by a loop that is made twice, for allocations alone and for all columns, and leaves
 * any other record to the first way.
 */
#include "decode/pages.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "decode/fast.h"

enum {
	TYPE_DATA_MAX = 28,
	TYPE_PADDING = 29,
	TYPE_TIME_EXTEND = 30,
	TYPE_TIME_STAMP = 31,
};

/* RB_EVNT_MIN_SIZE (kernel/trace/ring_buffer.c, v6.1) */
#define LEAST_EVENT      8
#define COMMIT_BYTES     0x07ffffffU
#define COMMIT_STORED    0x40000000U
#define COMMIT_MISSED    0x80000000U
#define DELTA_BITS       27
#define DELTA_MASK       ((1U << DELTA_BITS) - 1)
/* an absolute stamp has 59 bits; the rest is that of the page's */
#define STAMP_UPPER      (0x1fULL << 59)
/* about two pages: measured, half and double are slower */
#define PREFETCH_BYTES   8192
/* An event that the fast path takes, with its header: it has at least the pointer. */
#define FAST_LEAST_BYTES (4 + KM_FAST_PTR + 8)
#define FAST_MOST_BYTES  (4 + KM_FAST_MOST_BYTES)
/* Room in a batch that is not worth a loop of its own. */
#define FEW_ROWS         8

struct km_error *km_pages_init(struct km_pages *pages, const struct km_formats *formats,
			       enum km_want want, uint32_t page_bytes)
{
	*pages = (struct km_pages){ .formats = formats, .want = want, .page_bytes = page_bytes };
	return km_records_init(&pages->records, formats, want);
}

void km_pages_deinit(struct km_pages *pages)
{
	km_records_deinit(&pages->records);
	*pages = (struct km_pages){ 0 };
}

void km_pages_begin(struct km_pages *pages, size_t stream, uint16_t cpu,
		    const struct km_clock *clock)
{
	km_records_begin(&pages->records);
	pages->stream = (struct km_stream_stats){ .first_ns = UINT64_MAX };
	pages->stats = (struct km_part_stats){ .streams = &pages->stream,
					       .nr_streams = 1,
					       .first_stream = stream,
					       .slots = pages->records.slots,
					       .nr_slots = pages->formats->nr_infos };
	pages->cpu = cpu;
	pages->clock = *clock;
	pages->next_page = pages->buf_end = NULL;
	pages->pos = pages->end = NULL;
	pages->raw_ts = pages->last_raw = 0;
	pages->has_first = false;
	pages->has_kept = false;
}

void km_pages_feed(struct km_pages *pages, const uint8_t *buf, size_t size)
{
	assert(pages->pos == pages->end && pages->next_page == pages->buf_end);
	pages->next_page = buf;
	/* a chunk of nothing has no buffer */
	pages->buf_end = size ? buf + size : buf;
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
		pages->stream.quality.count[KM_EVENTS_LOST] += lost;
	else
		pages->stream.quality.count[KM_GAPS_UNKNOWN]++;
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
			/* what take_record() does not go over, either */
			if (!delta || extra < 4 || extra > (uint64_t)(pages->end - pos) - 4)
				return false;
			ts += delta;
			pos += 4 + (extra + 3) / 4 * 4;
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

/*
 * The flags are added to the commit as negative ints, so that on a 64-bit kernel a page with losses
 * has ones in all upper bits (kernel/trace/ring_buffer.c, ring_buffer_read_page(), v6.12).
 */
static bool upper_is_bad(uint64_t commit)
{
	return commit >> 32 != 0 && !(commit >> 32 == UINT32_MAX && (commit & COMMIT_MISSED));
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
		pages->stream.quality.count[KM_BYTES_MISSING] += pages->page_bytes - left;
	pages->pos = pages->end = page;
	if (left < formats->data_offset)
		return true;
	room = pages->page_bytes - formats->data_offset;
	commit = km_load_uint(page + formats->commit.offset, formats->commit.size,
			      formats->is_big_endian);
	data_bytes = commit & COMMIT_BYTES;
	pages->raw_ts = km_load_uint(page, 8, formats->is_big_endian);
	/* a page of zeros was never written: a hole in the file, or it could not be read */
	if (data_bytes > room || upper_is_bad(commit) || (!commit && !pages->raw_ts)) {
		pages->stream.quality.count[KM_PAGES_DAMAGED]++;
		return true;
	}
	if (commit & COMMIT_MISSED)
		count_missed(pages, page, left, commit, data_bytes);
	if (data_bytes > left - formats->data_offset)
		data_bytes = left - formats->data_offset;
	pages->pos = page + formats->data_offset;
	pages->end = pages->pos + data_bytes;
	if (!pages->has_first && first_event_ts(pages, &raw)) {
		pages->stream.first_ns = km_clock_ns(&pages->clock, raw);
		pages->has_first = true;
	}
	return true;
}

/* Counts an allocation if its group is known, and returns that; else NULL. */
static inline __attribute__((always_inline)) const struct km_group *
count_alloc(struct km_pages *pages, struct km_group_table known, const struct km_fast_desc *desc,
	    const uint8_t *data, size_t size)
{
	if (__builtin_expect(desc->counts == KM_FAST_ALLOC, 1))
		return km_fast_count(known, desc, data, km_fast_what(desc, data));
	return km_fast_count_named(&pages->records, known, desc, data, size);
}

/*
 * Puts the columns of an allocation that tell its group; false if its sizes are odd, which those of
 * a known group are not.
 */
static inline __attribute__((always_inline)) bool
put_group(struct km_pages *pages, struct km_group_table known, const struct km_fast_desc *desc,
	  const uint8_t *data, size_t size, struct km_batch *batch, uint32_t i)
{
	const struct km_group *group =
		known.slots ? count_alloc(pages, known, desc, data, size) : NULL;
	bool is_good;

	if (__builtin_expect(group != NULL, 1)) {
		batch->call_site[i] = group->call_site;
		batch->size[i] = group->size;
		batch->what[i] = group->what;
		batch->group[i] = group->number;
		return true;
	}
	is_good = !km_fast_is_odd(desc, data);
	if (is_good) {
		km_fast_put(&pages->records, desc, data, size, batch, i);
		batch->group[i] = KM_ROW_ALLOC;
		batch->has_new = true;
	}
	return is_good;
}

static inline __attribute__((always_inline)) void put_free(struct km_pages *pages,
							   const struct km_fast_desc *desc,
							   const uint8_t *data, size_t size,
							   struct km_batch *batch, uint32_t i)
{
	const uint32_t what = desc->what[0];

	memcpy(&batch->what[i], &what, sizeof(what));
	batch->group[i] = KM_ROW_FREE;
	batch->call_site[i] = km_native_u64(data + KM_FAST_CALL_SITE);
	batch->size[i] = (struct km_event_size){ 0 };
	batch->what[i].cache = km_fast_cache(&pages->records, data, size, desc->name_offset);
}

/* Only who wants all columns asks: it has no place in km_fast_desc, which is small. */
static inline int16_t fast_node(const struct km_formats *formats, const uint8_t *data)
{
	struct km_field node;
	uint16_t id;

	memcpy(&id, data, sizeof(id));
	node = formats->descs[id].node;
	return node.size ? km_record_node((int32_t)km_native_u32(data + node.offset)) : -1;
}

/*
 * Adds an allocation or free of the fast layout to a batch of all columns; false if its sizes are
 * odd. Real traces are regular enough for the branch on which it is.
 */
static inline __attribute__((always_inline)) bool
put_fast(struct km_pages *pages, struct km_group_table known, const struct km_fast_desc *desc,
	 const uint8_t *data, size_t size, uint64_t ts_ns, struct km_batch *batch, uint32_t i)
{
	const bool is_alloc = desc->counts != KM_FAST_FREE;
	const struct km_field pid = pages->formats->common_pid;

	if (!is_alloc)
		put_free(pages, desc, data, size, batch, i);
	else if (!put_group(pages, known, desc, data, size, batch, i))
		return false;
	batch->ptr[i] = km_native_u64(data + KM_FAST_PTR);
	batch->ts_ns[i] = ts_ns;
	batch->cpu[i] = pages->cpu;
	batch->pid[i] = pid.size == 4 ? (int32_t)km_native_u32(data + pid.offset) : 0;
	batch->more[i] = (struct km_event_more){
		.gfp_flags = is_alloc ? km_native_u32(data + desc->gfp_offset) : 0,
		.node = fast_node(pages->formats, data),
	};
	batch->stack[i] = 0;
	return true;
}

/* Hands a record to the decoder of any layout. */
static void take_event(struct km_pages *pages, const uint8_t *data, size_t size,
		       struct km_batch *batch)
{
	struct km_moment moment = { .cpu = pages->cpu };

	if (km_record_is_long(&pages->records, data, size)) {
		pages->stream.quality.count[KM_PAGES_DAMAGED]++;
		pages->pos = pages->end;
		return;
	}
	if (pages->want != KM_WANT_ALLOCS)
		moment.ts_ns = km_clock_ns(&pages->clock, pages->raw_ts);
	km_record_take(&pages->records, &pages->stream.quality, data, size, &moment, batch);
}

/*
 * Takes the record at pages->pos, of any kind and layout, and moves over it: to the end of the page
 * if it is damaged, which is counted. The batch has room.
 */
static void take_record(struct km_pages *pages, struct km_batch *batch)
{
	const bool big = pages->formats->is_big_endian;
	const uint8_t *pos = pages->pos;
	const size_t left = (size_t)(pages->end - pos);
	uint32_t head = left >= 4 ? (uint32_t)km_load_uint(pos, 4, big) : 0;
	uint32_t type = big ? head >> DELTA_BITS : head & 31;
	uint32_t delta = big ? head & DELTA_MASK : head >> 5;
	uint64_t extra = left >= 8 ? km_load_uint(pos + 4, 4, big) : 0;
	size_t size = 8;

	/* the kernel ends a page so where no event has room (rb_reset_tail(), v6.1) */
	if (type == TYPE_PADDING && !delta && left < LEAST_EVENT) {
		pages->pos = pages->end;
		return;
	}
	if (type - 1 < TYPE_DATA_MAX)
		size = 4 + type * 4;
	else if (type == TYPE_PADDING && !delta)
		size = 0;              /* something is behind it */
	else if (type <= TYPE_PADDING) /* the length stands before the data, and counts itself */
		size = extra < 4 ? 0 : 4 + (extra + 3) / 4 * 4;
	if (size > left || !size) {
		pages->stream.quality.count[KM_PAGES_DAMAGED]++;
		pages->pos = pages->end;
		return;
	}
	pages->pos += size;
	if (type == TYPE_TIME_STAMP) {
		pages->raw_ts = ((extra << DELTA_BITS) + delta) | (pages->raw_ts & STAMP_UPPER);
		return;
	}
	pages->raw_ts += delta;
	if (type == TYPE_TIME_EXTEND) {
		pages->raw_ts += extra << DELTA_BITS;
		return;
	}
	if (type == TYPE_PADDING)
		return;
	pages->last_raw = pages->raw_ts;
	if (type)
		take_event(pages, pos + 4, size - 4, batch);
	else
		take_event(pages, pos + 8, extra - 4, batch);
}

/* Puts the locals of a fast loop back; `has_event`: the last record it took was an event. */
static inline void store_walk(struct km_pages *pages, struct km_batch *batch, const uint8_t *pos,
			      bool has_event, uint64_t ts, uint32_t nr)
{
	if (has_event) {
		pages->last_raw = ts;
		pages->records.has_target = true;
	}
	pages->raw_ts = ts;
	pages->pos = pos;
	batch->nr = nr;
}

/* The descriptor of an event that begins at `data`, by its id. */
static inline const struct km_fast_desc *desc_of(const struct km_fast_desc *descs,
						 const uint8_t *data)
{
	uint16_t id;

	memcpy(&id, data, sizeof(id));
	return &descs[id];
}

/*
 * How far the loops below go by themselves: they read 8 bytes at any place up to there, before they
 * know whether a record ends in the page.
 */
static inline const uint8_t *walk_limit(const struct km_pages *pages)
{
	return pages->buf_end - pages->end >= 8 ? pages->end : pages->end - 8;
}

/*
 * The loops that take events of the page in hand until its end or until the batch is full. What
 * they use is held in locals: there are stores, and the compiler would have to load all else again
 * after each of them. Any record but a plain event in the fast layout is left to take_record().
 */
static void walk_fast_all(struct km_pages *pages, struct km_batch *batch)
{
	const struct km_fast_desc *const descs = pages->formats->fast_descs;
	const struct km_group_table known =
		pages->known ? *pages->known : (struct km_group_table){ 0 };
	uint64_t *const slots = pages->records.slots;
	const uint8_t *const end = pages->end, *const limit = walk_limit(pages);
	const uint8_t *pos = pages->pos, *taken = pos;
	uint64_t ts = pages->raw_ts;
	uint32_t nr = batch->nr;

	while (nr < KM_BATCH_EVENTS) {
		while (pos <= limit) {
			const uint32_t head = km_native_u32(pos), words = head & 31;
			const uint8_t *data = pos + 4, *next = data + 4 * (size_t)words;
			const struct km_fast_desc *desc = desc_of(descs, data);
			const uint64_t now = ts + (head >> 5);

			/* each length is read to find the next: without it the walk waits */
			__builtin_prefetch(pos + PREFETCH_BYTES);
			if (__builtin_expect(next > limit || !km_fast_fits(desc, words) ||
						     km_fast_ptr_is_odd(data),
					     0))
				break;
			if (!put_fast(pages, known, desc, data, 4 * words,
				      km_clock_ns(&pages->clock, now), batch, nr))
				break;
			slots[desc->slot]++;
			ts = now;
			pos = next;
			if (++nr == KM_BATCH_EVENTS)
				break;
		}
		if (pos >= end || nr == KM_BATCH_EVENTS)
			break;
		store_walk(pages, batch, pos, pos != taken, ts, nr);
		take_record(pages, batch);
		ts = pages->raw_ts;
		pos = taken = pages->pos;
		nr = batch->nr;
	}
	store_walk(pages, batch, pos, pos != taken, ts, nr);
}

/*
 * Counts a free of NULL or ZERO_SIZE_PTR, which are common enough not to be left to take_record();
 * false if it is none.
 */
static __attribute__((noinline)) bool count_null_free(struct km_pages *pages,
						      const struct km_fast_desc *desc, uint64_t ptr)
{
	uint64_t *count = pages->stream.quality.count;
	struct km_event_what what;

	memcpy(&what, &desc->what[0], sizeof(what));
	if (what.kind != KM_EV_KFREE || (ptr && ptr != KM_ZERO_SIZE_PTR))
		return false;
	count[ptr ? KM_ZERO_SIZE_FREES : KM_NULL_FREES]++;
	return true;
}

/* As count_alloc(), of one whose cache has a name. */
static __attribute__((noinline)) const struct km_group *count_named(struct km_pages *pages,
								    const struct km_fast_desc *desc,
								    const uint8_t *data,
								    uint32_t words)
{
	return km_fast_count_named(&pages->records, *pages->known, desc, data, 4 * (size_t)words);
}

/*
 * The loop for KM_WANT_PAIRS: takes plain events up to one that is not, or is an allocation of a
 * group that is not known, or that ends behind the limit. `may_fill`: so many may be before the
 * limit that the batch gets full.
 */
static inline __attribute__((always_inline)) void walk_known(struct km_pages *pages,
							     const uint8_t *limit,
							     struct km_batch *batch,
							     const bool may_fill)
{
	const struct km_fast_desc *const descs = pages->formats->fast_descs;
	const struct km_group_table known = *pages->known;
	const bool is_plain = km_clock_is_plain(&pages->clock);
	const uint64_t offset_ns = is_plain ? (uint64_t)pages->clock.offset_ns : 0;
	uint64_t *const slots = pages->records.slots;
	const uint8_t *pos = pages->pos;
	uint64_t ts = pages->raw_ts + offset_ns;
	size_t nr = batch->nr;

	/* no check of pos itself: it was within the limit as the end of the record before */
	while (!may_fill || nr < KM_BATCH_EVENTS) {
		const uint32_t head = km_native_u32(pos), words = head & 31;
		const uint8_t *data = pos + 4, *next = data + 4 * (size_t)words;
		const struct km_fast_desc *desc = desc_of(descs, data);
		uint64_t ptr;

		/* each length is read to find the next: without this the walk waits for memory */
		__builtin_prefetch(pos + PREFETCH_BYTES);
		if (__builtin_expect(next > limit, 0))
			break;
		if (__builtin_expect(!km_fast_fits(desc, words), 0))
			break;
		ptr = km_native_u64(data + KM_FAST_PTR);
		if (__builtin_expect(ptr <= KM_ZERO_SIZE_PTR, 0)) {
			if (!count_null_free(pages, desc, ptr))
				break;
			batch->group[nr] = KM_ROW_NONE;
		} else if (desc->counts == KM_FAST_FREE) {
			batch->group[nr] = KM_ROW_FREE;
		} else {
			const struct km_group *group;

			if (__builtin_expect(desc->counts == KM_FAST_ALLOC, 1))
				group = km_fast_count(known, desc, data, km_fast_what(desc, data));
			else
				group = count_named(pages, desc, data, words);
			if (__builtin_expect(!group, 0))
				break;
			batch->group[nr] = group->number;
		}
		ts += head >> 5;
		slots[desc->slot]++;
		batch->ptr[nr] = ptr;
		batch->ts_ns[nr++] = ts;
		pos = next;
	}
	for (size_t i = batch->nr; !is_plain && i < nr; i++)
		batch->ts_ns[i] = km_clock_ns(&pages->clock, batch->ts_ns[i]);
	if (pos != pages->pos) {
		pages->last_raw = ts - offset_ns;
		pages->records.has_target = true;
	}
	pages->pos = pos;
	pages->raw_ts = ts - offset_ns;
	batch->nr = (uint32_t)nr;
}

static __attribute__((noinline)) void put_some(struct km_pages *pages, const uint8_t *limit,
					       struct km_batch *batch)
{
	walk_known(pages, limit, batch, false);
}

static __attribute__((noinline)) void put_last(struct km_pages *pages, const uint8_t *limit,
					       struct km_batch *batch)
{
	walk_known(pages, limit, batch, true);
}

/*
 * Takes what walk_known() does: as long as there is room for many, so many bytes at a time that
 * they cannot fill the batch.
 */
static void put_known(struct km_pages *pages, const uint8_t *limit, struct km_batch *batch)
{
	for (;;) {
		const size_t room = KM_BATCH_EVENTS - batch->nr;
		const uint8_t *near = pages->pos + room * FAST_LEAST_BYTES;

		if (room < FEW_ROWS || near > limit)
			break;
		put_some(pages, near, batch);
		/* it stopped at an event that is not plain, not at one that ends behind `near` */
		if (near - pages->pos >= FAST_MOST_BYTES)
			return;
	}
	if (KM_BATCH_EVENTS - batch->nr < FEW_ROWS)
		put_last(pages, limit, batch);
	else
		put_some(pages, limit, batch);
}

/* Puts a plain allocation at pages->pos whose group is not known; false if it is not plain. */
static __attribute__((noinline)) bool put_new(struct km_pages *pages, const uint8_t *limit,
					      struct km_batch *batch)
{
	const uint32_t head = km_native_u32(pages->pos), words = head & 31;
	const uint8_t *data = pages->pos + 4;
	const struct km_fast_desc *desc = desc_of(pages->formats->fast_descs, data);
	const uint32_t i = batch->nr;

	if (data + 4 * (size_t)words > limit || !km_fast_fits(desc, words) ||
	    desc->counts == KM_FAST_FREE || km_fast_is_odd(desc, data))
		return false;
	km_fast_put(&pages->records, desc, data, 4 * words, batch, i);
	batch->group[i] = KM_ROW_ALLOC;
	batch->has_new = true;
	batch->ptr[i] = km_native_u64(data + KM_FAST_PTR);
	pages->raw_ts += head >> 5;
	pages->last_raw = pages->raw_ts;
	batch->ts_ns[i] = km_clock_ns(&pages->clock, pages->raw_ts);
	pages->records.slots[desc->slot]++;
	pages->records.has_target = true;
	pages->pos = data + 4 * (size_t)words;
	batch->nr++;
	return true;
}

static void walk_fast_pairs(struct km_pages *pages, struct km_batch *batch)
{
	const uint8_t *const limit = walk_limit(pages);

	while (pages->pos < pages->end && batch->nr < KM_BATCH_EVENTS) {
		if (pages->pos > limit) {
			take_record(pages, batch);
			continue;
		}
		put_known(pages, limit, batch);
		if (pages->pos < pages->end && batch->nr < KM_BATCH_EVENTS &&
		    (pages->pos > limit || !put_new(pages, limit, batch)))
			take_record(pages, batch);
	}
}

/*
 * The loop for allocations alone: goes over plain events up to one that is not, or is an
 * allocation of a group that is not known.
 */
static void count_known(struct km_pages *pages, const uint8_t *limit)
{
	const struct km_fast_desc *const descs = pages->formats->fast_descs;
	const struct km_group_table known = *pages->known;
	uint64_t *const slots = pages->records.slots;
	const uint8_t *pos = pages->pos;
	uint64_t ts = pages->raw_ts;

	/* no check of pos itself: it was within the limit as the end of the record before */
	for (;;) {
		const uint32_t head = km_native_u32(pos);
		const size_t words = head & 31;
		const uint8_t *data = pos + 4, *next = data + 4 * words;
		const struct km_fast_desc *desc = desc_of(descs, data);

		/* each length is read to find the next: without this the walk waits for memory */
		__builtin_prefetch(pos + PREFETCH_BYTES);
		if (__builtin_expect(next > limit, 0))
			break;
		if (__builtin_expect(!km_fast_fits(desc, words), 0))
			break;
		if (__builtin_expect(km_fast_ptr_is_odd(data), 0))
			break;
		ts += head >> 5;
		slots[desc->slot]++;
		if (desc->counts != KM_FAST_FREE) {
			if (__builtin_expect(!count_alloc(pages, known, desc, data, 4 * words),
					     0)) {
				slots[desc->slot]--;
				ts -= km_native_u32(pos) >> 5;
				break;
			}
		}
		pos = next;
	}
	if (pos == pages->pos)
		return;
	pages->pos = pos;
	pages->raw_ts = pages->last_raw = ts;
}

static void walk_fast_allocs(struct km_pages *pages, struct km_batch *batch)
{
	const uint8_t *const limit = walk_limit(pages);

	while (batch->nr < KM_BATCH_EVENTS) {
		if (pages->pos <= limit)
			count_known(pages, limit);
		if (pages->pos >= pages->end)
			break;
		take_record(pages, batch);
	}
}

static void walk_generic(struct km_pages *pages, struct km_batch *batch)
{
	while (pages->pos < pages->end && batch->nr < KM_BATCH_EVENTS)
		take_record(pages, batch);
}

/* Takes the last event out of a full batch until the next, since its stack may still come. */
static void keep_last(struct km_pages *pages, struct km_batch *batch)
{
	uint32_t i = batch->nr - 1;

	if (!pages->formats->stack_id || !pages->records.has_target ||
	    !km_records_wants_stack(&pages->records, batch, i) || batch->stack[i])
		return;
	pages->kept.call_site = batch->call_site[i];
	pages->kept.size = batch->size[i];
	pages->kept.what = batch->what[i];
	pages->kept.group = batch->group[i];
	pages->kept.ts_ns = batch->ts_ns[i];
	pages->kept.ptr = batch->ptr[i];
	pages->kept.pid = batch->pid[i];
	pages->kept.more = batch->more[i];
	pages->has_kept = true;
	batch->nr = i;
}

static void put_kept(struct km_pages *pages, struct km_batch *batch)
{
	uint32_t i = batch->nr++;

	batch->call_site[i] = pages->kept.call_site;
	batch->size[i] = pages->kept.size;
	batch->what[i] = pages->kept.what;
	batch->group[i] = pages->kept.group;
	batch->has_new |= pages->kept.group == KM_ROW_ALLOC;
	km_batch_set_other(batch, i, !km_event_is_slab(pages->kept.what.kind));
	batch->ts_ns[i] = pages->kept.ts_ns;
	batch->ptr[i] = pages->kept.ptr;
	batch->pid[i] = pages->kept.pid;
	batch->more[i] = pages->kept.more;
	batch->cpu[i] = pages->cpu;
	batch->stack[i] = 0;
	pages->has_kept = false;
}

bool km_pages_fill(struct km_pages *pages, struct km_batch *batch)
{
	const struct km_formats *formats = pages->formats;
	void (*walk_fn)(struct km_pages *, struct km_batch *) = walk_generic;

	if (!pages->use_generic && !formats->is_big_endian && __BYTE_ORDER == __LITTLE_ENDIAN)
		walk_fn = pages->want == KM_WANT_ALL     ? walk_fast_all
			  : !pages->known                ? walk_generic
			  : pages->want == KM_WANT_PAIRS ? walk_fast_pairs
							 : walk_fast_allocs;
	if (!batch->nr)
		km_records_clear_stacks(&pages->records);
	batch->is_one_cpu = true;
	batch->cpu[0] = pages->cpu;
	if (pages->has_kept)
		put_kept(pages, batch);
	do {
		if (pages->pos < pages->end)
			walk_fn(pages, batch);
		if (batch->nr == KM_BATCH_EVENTS) {
			keep_last(pages, batch);
			return true;
		}
	} while (next_page(pages));
	return false;
}

void km_pages_finish(struct km_pages *pages)
{
	const struct km_formats *formats = pages->formats;
	struct km_part_stats *stats = &pages->stats;

	for (size_t slot = 0; slot < formats->nr_infos; slot++) {
		enum km_event_kind kind = formats->infos[slot].kind;

		stats->kinds[kind] += pages->records.slots[slot];
		pages->stream.quality
			.count[kind == KM_EV_OTHER ? KM_EVENTS_OTHER : KM_EVENTS_USED] +=
			pages->records.slots[slot];
	}
	if (pages->has_first)
		pages->stream.last_ns = km_clock_ns(&pages->clock, pages->last_raw);
}
