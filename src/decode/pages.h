/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ring-buffer page decoder: pages of one CPU's buffer -> event columns. The hot path. */
#ifndef KMEMSTAT_DECODE_PAGES_H
#define KMEMSTAT_DECODE_PAGES_H

#include "decode/clock.h"
#include "decode/formats.h"
#include "decode/record.h"
#include "kmemstat/event.h"
#include "kmemstat/groups.h"
#include "kmemstat/source.h"

/*
 * A decoder is begun for one stretch of a stream, fed with buffers of whole pages, and emptied
 * batch by batch; a buffer must stay until it is used up. Every byte that does not decode is
 * counted in `stream`.
 */
struct km_pages {
	/* set by km_pages_init() and km_pages_begin() */
	const struct km_formats *formats;
	enum km_want want;
	uint32_t page_bytes; /* of a sub-buffer; at least formats->data_offset */
	struct km_clock clock;
	uint16_t cpu;
	/*
	 * The table where allocations of known groups are counted, and, with KM_WANT_ALLOCS, not
	 * put into the batch; or NULL
	 */
	const struct km_group_table *known;
	bool use_generic; /* do not use the fast path: for tests, which compare the two */

	struct km_records records;
	struct km_stream_stats stream; /* stats.streams points here */
	struct km_part_stats stats;

	/* the buffer, and the page in hand */
	const uint8_t *next_page, *buf_end;
	const uint8_t *pos, *end;
	uint64_t raw_ts;   /* of the last record before pos */
	uint64_t last_raw; /* of the last event before pos */
	bool has_first;    /* stream.first_ns is set */
	/*
	 * The last event of a full batch, kept for the next one: the stack of an event is a record
	 * behind it, and would otherwise come when the event is gone. Its columns, as a batch's.
	 */
	bool has_kept;
	struct {
		uint64_t call_site, ts_ns, ptr;
		struct km_event_size size;
		struct km_event_what what;
		uint32_t group;
		int32_t pid;
		struct km_event_more more;
	} kept;
};

/* Makes room for counting. Errors: KM_ERR_MEMORY. */
KM_MUST_CHECK struct km_error *km_pages_init(struct km_pages *pages,
					     const struct km_formats *formats, enum km_want want,
					     uint32_t page_bytes);
void km_pages_deinit(struct km_pages *pages);
/* Begins a stretch of the stream of a CPU: counters at zero, no page. Names stay. */
void km_pages_begin(struct km_pages *pages, size_t stream, uint16_t cpu,
		    const struct km_clock *clock);
/*
 * The next pages: `size` bytes, which end with the buffer; a last piece shorter than a page
 * is decoded as far as its events go and counted as missing bytes.
 */
void km_pages_feed(struct km_pages *pages, const uint8_t *buf, size_t size);
/*
 * Adds events to the batch (which may hold some already) until it is full or the buffer is
 * used up; true if the batch is full.
 */
bool km_pages_fill(struct km_pages *pages, struct km_batch *batch);
/* The end of the stretch: derives stats.kinds, the used and other events and the time span. */
void km_pages_finish(struct km_pages *pages);

#endif
