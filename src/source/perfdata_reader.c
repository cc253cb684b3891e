/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the records of a perf.data, front to end. Of compressed ones the data is a stream of zstd
 * that goes on from one to the next, and so do the records in it.
 */
#include <stdlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "source/perfdata.h"

#define UNPACKED_BYTES (1U << 18)
#define RECORD_MAX     65536U
/* so many records in a row that look like some are some */
#define SYNC_RECORDS   4
#define SYNC_BYTES     (1U << 20)
#define MISC_LOST_BPF  (1U << 15) /* what a BPF program of the recorder left out is no loss */
#define MAX_CHAIN      (RECORD_MAX / 8)
#define QUEUE_SHARE    8 /* so much of the memory limit is the queue's: an eighth */

_Static_assert(MAX_CHAIN < UINT16_MAX, "struct pd_row holds it");

/* What recorders say they lost: the kernel in the buffer, and perf at the end, of the same. */
struct losses {
	uint64_t records, samples;
};

struct pd_reader {
	struct km_reader base;
	struct km_records records;
	struct pd_feed own_feed; /* of a file; that of a pipe is the source's */
	struct pd_feed *feed;
	struct pd_queue queue;
	ZSTD_DCtx *zstd;
	ZSTD_inBuffer packed; /* of the compressed record in hand */
	size_t packed_record; /* its size, 0: none is in hand */
	uint8_t *unpacked;
	size_t unpacked_pos, unpacked_size;
	bool is_unpacked_lost; /* where a record begins in it is not known */
	bool is_fast;          /* most samples go the fast way */
	bool is_first;         /* nobody has read the records before */
	bool is_at_end, is_finished;
	struct km_part_stats stats;
	struct km_stream_stats *streams;
	struct losses *losses; /* by stream, as streams */
	uint64_t *bytes;       /* of samples, by stream */
	size_t nr_streams;
	uint64_t chain[MAX_CHAIN];
};

static struct perfdata *perfdata_of(struct pd_reader *reader)
{
	return (struct perfdata *)reader->base.source;
}

struct km_error *pd_reader_create(struct km_source *source, enum km_want want,
				  struct km_reader **ret)
{
	struct pd_reader *reader = calloc(1, sizeof(*reader));
	struct km_error *error;

	if (!reader)
		return &km_error_memory;
	reader->base.source = source;
	error = km_records_init(&reader->records, &source->formats, want);
	if (error) {
		free(reader);
		return error;
	}
	*ret = &reader->base;
	return NULL;
}

void pd_reader_destroy(struct km_reader *base)
{
	struct pd_reader *reader = (struct pd_reader *)base;

	pd_feed_deinit(&reader->own_feed);
	pd_queue_deinit(&reader->queue);
	km_records_deinit(&reader->records);
	ZSTD_freeDCtx(reader->zstd);
	free(reader->unpacked);
	free(reader->streams);
	free(reader->losses);
	free(reader->bytes);
	free(reader);
}

/* Room for the counts of as many streams. */
static struct km_error *grow_streams(struct pd_reader *reader, size_t nr)
{
	struct km_stream_stats *streams;
	struct losses *losses;
	uint64_t *bytes;

	if (nr <= reader->nr_streams)
		return NULL;
	streams = reallocarray(reader->streams, nr, sizeof(*streams));
	if (streams)
		reader->streams = streams;
	losses = reallocarray(reader->losses, nr, sizeof(*losses));
	if (losses)
		reader->losses = losses;
	bytes = reallocarray(reader->bytes, nr, sizeof(*bytes));
	if (bytes)
		reader->bytes = bytes;
	if (!streams || !losses || !bytes)
		return &km_error_memory;
	for (size_t i = reader->nr_streams; i < nr; i++) {
		streams[i] = (struct km_stream_stats){ .first_ns = UINT64_MAX };
		losses[i] = (struct losses){ 0 };
		bytes[i] = 0;
	}
	reader->nr_streams = nr;
	return NULL;
}

struct km_error *pd_reader_start(struct km_reader *base, size_t part)
{
	struct pd_reader *reader = (struct pd_reader *)base;
	struct perfdata *pd = perfdata_of(reader);
	size_t stream;
	struct km_error *error;

	(void)part; /* there is only one */
	if (pd->is_started && !pd->input->is_seekable)
		return km_error_create(KM_ERR_INPUT, pd->input->path,
				       "a pipe can be read only once");
	reader->is_first = !pd->is_started;
	pd->is_started = true;
	pd_feed_deinit(&reader->own_feed);
	reader->feed = &pd->feed;
	if (pd->input->is_seekable) {
		pd_feed_init(&reader->own_feed, pd->input, pd->data_at, pd->data_end);
		reader->feed = &reader->own_feed;
	}
	pd_queue_clear(&reader->queue);
	pd_queue_set_limit(&reader->queue, pd->memory_bytes / QUEUE_SHARE);
	km_records_begin(&reader->records);
	ZSTD_freeDCtx(reader->zstd);
	reader->zstd = NULL;
	reader->packed_record = reader->unpacked_pos = reader->unpacked_size = 0;
	reader->is_unpacked_lost = reader->is_at_end = reader->is_finished = false;
	reader->nr_streams = 0;
	reader->is_fast = pd_fast_suits(pd, reader->records.want, base->known);
	/* what is of no CPU is counted with the first */
	error = pd->base.info.nr_streams ? NULL : pd_stream_of(pd, 0, &stream);
	return error ? error : grow_streams(reader, pd->base.info.nr_streams);
}

static void count(struct pd_reader *reader, enum km_counter counter, uint64_t nr)
{
	reader->streams[0].quality.count[counter] += nr;
}

static struct pd_record parse_head(const struct perfdata *pd, const uint8_t *data)
{
	return (struct pd_record){
		.data = data,
		.type = (uint32_t)km_load_uint(data, 4, pd->is_big_endian),
		.misc = (uint16_t)km_load_uint(data + 4, 2, pd->is_big_endian),
		.size = (uint16_t)km_load_uint(data + 6, 2, pd->is_big_endian),
	};
}

/* Whether that can be a record; those of the kernel are made of words of 8 bytes. */
static bool is_record(const struct pd_record *record)
{
	if (record->size < PD_HEAD_BYTES)
		return false;
	if (record->type < PD_USER_FIRST)
		return record->type && record->size % 8 == 0;
	return record->type < 2 * PD_USER_FIRST;
}

/* Whether records seem to begin at `data`, where the known ones of the input go on. */
static bool is_in_sync(const struct perfdata *pd, const uint8_t *data, size_t left, bool is_end)
{
	for (unsigned int i = 0; i < SYNC_RECORDS; i++) {
		struct pd_record record;

		if (!left && is_end && i)
			return true;
		if (left < PD_HEAD_BYTES)
			return false;
		record = parse_head(pd, data);
		if (!is_record(&record) || record.size > left ||
		    (record.type > PD_KERNEL_LAST && record.type < PD_USER_FIRST) ||
		    record.type > PD_USER_LAST)
			return false;
		data += record.size;
		left -= record.size;
	}
	return true;
}

/* How far on from a place that is no record's the next records begin; `left` if nowhere. */
static size_t find_sync(const struct perfdata *pd, const uint8_t *data, size_t left, bool is_end)
{
	for (size_t i = 1; i < left; i++)
		if (is_in_sync(pd, data + i, left - i, is_end))
			return i;
	return left;
}

/* Moves over what is no record. */
static struct km_error *resync(struct pd_reader *reader)
{
	struct perfdata *pd = perfdata_of(reader);
	struct pd_feed *feed = reader->feed;

	count(reader, KM_RECORDS_DAMAGED, 1);
	for (;;) {
		struct km_error *error = pd_feed_need(feed, SYNC_BYTES);
		const size_t left = pd_feed_left(feed);
		const bool is_end = left < SYNC_BYTES || feed->at + left >= feed->end;
		size_t at;

		if (error)
			return error;
		at = find_sync(pd, feed->pos, left < SYNC_BYTES ? left : SYNC_BYTES, is_end);
		if (at < SYNC_BYTES || is_end) {
			pd_feed_take(feed, at);
			return NULL;
		}
		/* the last records may only have been cut */
		pd_feed_take(feed, SYNC_BYTES - SYNC_RECORDS * RECORD_MAX);
	}
}

/* Takes a compressed record in hand; its data stays in the feed until it is used up. */
static struct km_error *begin_packed(struct pd_reader *reader, const struct pd_record *record)
{
	struct perfdata *pd = perfdata_of(reader);
	size_t at = PD_HEAD_BYTES, size = record->size - at;

	if (record->type == PD_COMPRESSED2) {
		const uint64_t said =
			size >= 8 ? km_load_uint(record->data + at, 8, pd->is_big_endian) : 1;

		size = size >= 8 ? size - 8 : 0;
		at += 8;
		if (said > size) {
			count(reader, KM_CHUNKS_DAMAGED, 1);
			reader->is_unpacked_lost = true;
			pd_feed_take(reader->feed, record->size);
			return NULL;
		}
		size = (size_t)said;
	}
	pd->base.info.compression = "zstd";
	if (!reader->zstd && !(reader->zstd = ZSTD_createDCtx()))
		return &km_error_memory;
	if (!reader->unpacked && !(reader->unpacked = malloc(UNPACKED_BYTES)))
		return &km_error_memory;
	reader->packed = (ZSTD_inBuffer){ record->data + at, size, 0 };
	reader->packed_record = record->size;
	return NULL;
}

/* Unpacks as much as there is room for, behind the part of a record that is left. */
static void unpack_more(struct pd_reader *reader)
{
	const size_t left = reader->unpacked_size - reader->unpacked_pos;
	ZSTD_outBuffer out = { reader->unpacked, UNPACKED_BYTES, left };
	size_t result;
	bool is_bad;

	if (left)
		memmove(reader->unpacked, reader->unpacked + reader->unpacked_pos, left);
	result = ZSTD_decompressStream(reader->zstd, &out, &reader->packed);
	is_bad = ZSTD_isError(result);
	if (is_bad && ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation)
		reader->records.names.is_short = true;
	reader->unpacked_pos = 0;
	reader->unpacked_size = out.pos;
	if (is_bad) {
		/* what comes later may need what is lost; it is tried, and counted each time */
		count(reader, KM_CHUNKS_DAMAGED, 1);
		ZSTD_DCtx_reset(reader->zstd, ZSTD_reset_session_only);
		reader->unpacked_size = 0;
		reader->is_unpacked_lost = true;
	}
	/* with the buffer full there may be more inside */
	if (is_bad || (reader->packed.pos == reader->packed.size && out.pos < UNPACKED_BYTES)) {
		pd_feed_take(reader->feed, reader->packed_record);
		reader->packed_record = 0;
	}
}

/* The next record of what is unpacked; false if it is not there whole. */
static bool next_unpacked(struct pd_reader *reader, struct pd_record *ret)
{
	struct perfdata *pd = perfdata_of(reader);

	for (;;) {
		const size_t left = reader->unpacked_size - reader->unpacked_pos;
		const uint8_t *data;

		if (left < PD_HEAD_BYTES)
			return false;
		data = reader->unpacked + reader->unpacked_pos;
		*ret = parse_head(pd, data);
		if (!reader->is_unpacked_lost && is_record(ret)) {
			if (ret->size > left)
				return false;
			reader->unpacked_pos += ret->size;
			return true;
		}
		if (!reader->is_unpacked_lost)
			count(reader, KM_RECORDS_DAMAGED, 1);
		reader->is_unpacked_lost = !is_in_sync(pd, data, left, false);
		if (reader->is_unpacked_lost) {
			const size_t at = find_sync(pd, data, left, false);

			reader->is_unpacked_lost = at == left;
			reader->unpacked_pos += at;
		}
	}
}

/* Data behind a record that its size does not count. */
static uint64_t data_behind(const struct perfdata *pd, const struct pd_record *record)
{
	if (record->type == PD_AUXTRACE && record->size >= 16)
		return km_load_uint(record->data + 8, 8, pd->is_big_endian);
	if (record->type == PD_TRACING_DATA && record->size >= 12)
		return km_load_uint(record->data + 8, 4, pd->is_big_endian);
	return 0;
}

/* The next record of the file whole in hand, not yet moved over; *ret_has is false at its end. */
static struct km_error *peek_record(struct pd_reader *reader, struct pd_record *ret, bool *ret_has)
{
	struct perfdata *pd = perfdata_of(reader);
	struct pd_feed *feed = reader->feed;

	for (;;) {
		struct km_error *error = pd_feed_need(feed, PD_HEAD_BYTES);
		const size_t left = pd_feed_left(feed);

		*ret_has = false;
		if (error || !left)
			return error;
		if (left < PD_HEAD_BYTES) {
			count(reader, KM_BYTES_MISSING, PD_HEAD_BYTES - left);
			pd_feed_take(feed, left);
			return NULL;
		}
		*ret = parse_head(pd, feed->pos);
		if (!is_record(ret)) {
			error = resync(reader);
			if (error)
				return error;
			continue;
		}
		error = pd_feed_need(feed, ret->size);
		if (error)
			return error;
		ret->data = feed->pos;
		if (pd_feed_left(feed) < ret->size) {
			count(reader, KM_BYTES_MISSING, ret->size - pd_feed_left(feed));
			pd_feed_take(feed, pd_feed_left(feed));
			return NULL;
		}
		*ret_has = true;
		return NULL;
	}
}

/* The next record, good until the next is asked for. */
static struct km_error *next_record(struct pd_reader *reader, struct pd_record *ret, bool *ret_has)
{
	struct perfdata *pd = perfdata_of(reader);
	struct km_error *error;
	uint64_t behind, missing;

	for (;;) {
		if (next_unpacked(reader, ret)) {
			*ret_has = true;
			return NULL;
		}
		if (reader->packed_record) {
			unpack_more(reader);
			continue;
		}
		error = peek_record(reader, ret, ret_has);
		if (error || !*ret_has)
			return error;
		if (ret->type != PD_COMPRESSED && ret->type != PD_COMPRESSED2)
			break;
		error = begin_packed(reader, ret);
		if (error)
			return error;
	}
	behind = data_behind(pd, ret);
	pd_feed_take(reader->feed, ret->size);
	if (!behind)
		return NULL;
	error = pd_feed_skip(reader->feed, behind, &missing);
	if (missing)
		count(reader, KM_BYTES_MISSING, missing);
	/* its data may be gone from hand, and nobody looks at it again */
	ret->type = PD_FINISHED_INIT;
	ret->size = PD_HEAD_BYTES;
	return error;
}

static void take_event(struct pd_reader *reader, size_t stream, const struct km_moment *moment,
		       const uint8_t *raw, size_t size, struct km_batch *batch)
{
	struct km_quality *quality = &reader->streams[stream].quality;
	enum km_record was;

	if (km_record_is_long(&reader->records, raw, size)) {
		quality->count[KM_RECORDS_DAMAGED]++;
		return;
	}
	was = km_record_take(&reader->records, quality, raw, size, moment, batch);
	/* stacks come with the sample, not after it */
	reader->records.has_target = false;
	if (was == KM_RECORD_USED)
		quality->count[KM_EVENTS_USED]++;
	else if (was == KM_RECORD_OTHER)
		quality->count[KM_EVENTS_OTHER]++;
}

/* Whether a sample is of a task that is to be left out: this program's own, and its recorder's. */
static bool is_excluded(const struct perfdata *pd, int32_t tid)
{
	for (size_t i = 0; i < pd->nr_exclude_pids; i++)
		if (pd->exclude_pids[i] == tid)
			return true;
	return false;
}

static struct km_error *take_sample(struct pd_reader *reader, const struct pd_record *record,
				    struct km_batch *batch)
{
	struct perfdata *pd = perfdata_of(reader);
	struct pd_sample sample;
	const enum pd_verdict verdict = pd_parse_sample(pd, record, &sample);
	struct km_stream_stats *stats;
	struct km_moment moment;
	struct km_error *error;
	size_t stream, nr_chain = 0;

	if (verdict != PD_SAMPLE_GOOD) {
		count(reader, verdict == PD_SAMPLE_DAMAGED ? KM_RECORDS_DAMAGED : KM_UNDECODABLE_ID,
		      1);
		return NULL;
	}
	error = pd_stream_of(pd, sample.cpu, &stream);
	if (!error)
		error = grow_streams(reader, stream + 1);
	if (error)
		return error;
	stats = &reader->streams[stream];
	reader->bytes[stream] += record->size;
	if (sample.attr->time_at) {
		if (sample.time_ns < stats->first_ns)
			stats->first_ns = sample.time_ns;
		if (sample.time_ns > stats->last_ns)
			stats->last_ns = sample.time_ns;
	}
	if (!sample.raw || is_excluded(pd, sample.tid)) {
		stats->quality.count[sample.raw ? KM_EVENTS_FILTERED : KM_EVENTS_OTHER]++;
		return NULL;
	}
	/* of so many events only this one was recorded (perf record -c) */
	if (sample.period > 1)
		reader->losses[stream].records += sample.period - 1;
	moment = (struct km_moment){ sample.time_ns, (uint16_t)sample.cpu };
	if (reader->records.want == KM_WANT_ALLOCS) {
		take_event(reader, stream, &moment, sample.raw, sample.raw_size, batch);
		return NULL;
	}
	if (sample.nr_chain)
		nr_chain = pd_chain_kernel(pd, sample.chain, sample.nr_chain, reader->chain,
					   MAX_CHAIN);
	return pd_queue_add(&reader->queue, &sample, (uint16_t)sample.cpu, reader->chain, nr_chain);
}

/* u64 id (of LOST only), u64 number. */
static struct km_error *take_lost(struct pd_reader *reader, const struct pd_record *record)
{
	struct perfdata *pd = perfdata_of(reader);
	const size_t at = record->type == PD_LOST ? 16 : 8;
	const struct pd_id *id;
	struct pd_sample trail;
	struct km_error *error;
	uint64_t nr;
	size_t stream;

	if (record->size < at + 8) {
		count(reader, KM_RECORDS_DAMAGED, 1);
		return NULL;
	}
	nr = km_load_uint(record->data + at, 8, pd->is_big_endian);
	if (!pd_parse_trail(pd, record, &trail))
		trail.cpu = 0;
	if (record->type == PD_LOST_SAMPLES && record->misc & MISC_LOST_BPF)
		return NULL;
	/* perf fills in no CPU when it counts at the end (tools/perf/builtin-record.c, v6.1) */
	id = pd_find_id(pd, trail.id);
	if (record->type == PD_LOST_SAMPLES && id && id->cpu != UINT32_MAX)
		trail.cpu = id->cpu;
	error = pd_stream_of(pd, trail.cpu, &stream);
	if (!error)
		error = grow_streams(reader, stream + 1);
	if (error)
		return error;
	/* a number with its upper part set is no count */
	if (nr >> 48)
		reader->streams[stream].quality.count[KM_GAPS_UNKNOWN]++;
	else if (record->type == PD_LOST)
		reader->losses[stream].records += nr;
	else
		reader->losses[stream].samples += nr;
	return NULL;
}

static struct km_error *take_record(struct pd_reader *reader, const struct pd_record *record,
				    struct km_batch *batch)
{
	struct perfdata *pd = perfdata_of(reader);

	if (record->type == PD_SAMPLE)
		return take_sample(reader, record, batch);
	if (!pd_record_is_sound(pd, record)) {
		count(reader, KM_RECORDS_DAMAGED, 1);
		return NULL;
	}
	switch (record->type) {
	case PD_LOST:
	case PD_LOST_SAMPLES:
		return take_lost(reader, record);
	case PD_THROTTLE:
		/* for the rest of a tick nothing was recorded */
		count(reader, KM_GAPS_UNKNOWN, 1);
		return NULL;
	case PD_FINISHED_ROUND:
		if (reader->records.want != KM_WANT_ALLOCS)
			pd_queue_end_round(&reader->queue);
		return NULL;
	default:
		break;
	}
	if ((record->type > PD_KERNEL_LAST && record->type < PD_USER_FIRST) ||
	    record->type > PD_USER_LAST) {
		count(reader, KM_RECORDS_UNKNOWN, 1);
		return NULL;
	}
	return reader->is_first ? pd_take_meta(pd, record) : NULL;
}

/* A raw event whose turn it is. */
static struct km_error *take_raw(struct pd_reader *reader, const struct pd_row *row,
				 struct km_batch *batch)
{
	const uint8_t *bytes = reader->queue.bytes + row->ptr;
	const struct km_moment moment = { row->ts_ns, row->cpu };
	const uint32_t nr = batch->nr, nr_chain = pd_row_nr_chain(row);
	size_t stream;
	struct km_error *error = pd_stream_of(perfdata_of(reader), row->cpu, &stream);

	if (error)
		return error;
	take_event(reader, stream, &moment, bytes + 8 * (size_t)nr_chain, pd_row_raw_size(row),
		   batch);
	if (batch->nr > nr && nr_chain) {
		memcpy(reader->chain, bytes, 8 * (size_t)nr_chain);
		batch->stack[nr] = km_records_add_stack(&reader->records, reader->chain, nr_chain);
		batch->has_stacks = true;
	}
	return NULL;
}

static struct pd_fast make_fast(struct pd_reader *reader)
{
	return (struct pd_fast){
		.pd = perfdata_of(reader),
		.records = &reader->records,
		.known = reader->base.known,
		.streams = reader->streams,
		.stream_bytes = reader->bytes,
		.nr_streams = reader->nr_streams,
		.queue = &reader->queue,
	};
}

/* Takes what the queue lets out, until the batch is full. */
static struct km_error *take_queued(struct pd_reader *reader, struct km_batch *batch)
{
	struct km_error *error = NULL;

	while (batch->nr < KM_BATCH_EVENTS && !error) {
		const struct pd_row *rows;
		const uint32_t nr =
			pd_queue_take(&reader->queue, KM_BATCH_EVENTS - batch->nr, &rows);

		if (!nr)
			break;
		for (uint32_t i = 0; i < nr && !error; i++) {
			i += pd_fast_put(rows + i, nr - i, batch);
			if (i < nr)
				error = take_raw(reader, &rows[i], batch);
		}
	}
	return error;
}

/* Whether the next record has not yet come through a pipe. */
static bool has_to_wait(const struct pd_reader *reader)
{
	const struct pd_feed *feed = reader->feed;
	const size_t left = pd_feed_left(feed);

	if (!pd_feed_is_live(feed) || reader->packed_record || reader->unpacked_size)
		return false;
	return left < PD_HEAD_BYTES ||
	       left < parse_head((const struct perfdata *)reader->base.source, feed->pos).size;
}

static void finish(struct pd_reader *reader)
{
	struct perfdata *pd = perfdata_of(reader);
	const struct km_formats *formats = reader->records.formats;
	const uint64_t left = reader->unpacked_size - reader->unpacked_pos;

	reader->is_finished = true;
	if (left)
		count(reader, KM_RECORDS_DAMAGED, 1);
	count(reader, KM_EVENTS_LATE, reader->queue.nr_late);
	for (size_t i = 0; i < reader->nr_streams; i++) {
		const struct losses *losses = &reader->losses[i];

		if (reader->is_first)
			pd->streams[i].bytes = reader->bytes[i];
		reader->streams[i].quality.count[KM_EVENTS_LOST] +=
			losses->records > losses->samples ? losses->records : losses->samples;
	}
	reader->stats = (struct km_part_stats){
		.streams = reader->streams,
		.nr_streams = reader->nr_streams,
		.slots = reader->records.slots,
		.nr_slots = formats->nr_infos,
	};
	for (size_t slot = 0; slot < formats->nr_infos; slot++)
		reader->stats.kinds[formats->infos[slot].kind] += reader->records.slots[slot];
}

/* Takes what can go the fast way, from `pos` on; returns where it stopped. */
static const uint8_t *walk_fast(struct pd_reader *reader, const uint8_t *pos, const uint8_t *end,
				struct km_batch *batch)
{
	const struct pd_fast walk = make_fast(reader);

	return reader->records.want == KM_WANT_PAIRS ? pd_fast_walk_pairs(&walk, pos, end)
						     : pd_fast_walk(&walk, pos, end, batch);
}

/* The same, from what is in hand. */
static struct km_error *take_fast(struct pd_reader *reader, struct km_batch *batch)
{
	struct pd_feed *feed = reader->feed;
	struct km_error *error =
		reader->records.want == KM_WANT_PAIRS ? pd_queue_reserve(&reader->queue) : NULL;

	if (error)
		return error;
	if (reader->unpacked_pos < reader->unpacked_size && !reader->is_unpacked_lost) {
		const uint8_t *from = reader->unpacked + reader->unpacked_pos;
		const uint8_t *end = reader->unpacked + reader->unpacked_size;

		reader->unpacked_pos += (size_t)(walk_fast(reader, from, end, batch) - from);
	} else if (!reader->packed_record && feed->pos) {
		const uint8_t *from = feed->pos;

		pd_feed_take(feed, (size_t)(walk_fast(reader, from, feed->limit, batch) - from));
	}
	return NULL;
}

/* The next record, or at the end what waits to be put in order. */
static struct km_error *go_on(struct pd_reader *reader, struct km_batch *batch)
{
	struct pd_record record;
	bool has_record;
	struct km_error *error;

	if (pd_queue_is_full(&reader->queue)) {
		pd_queue_flush_half(&reader->queue);
		return NULL;
	}
	error = next_record(reader, &record, &has_record);
	if (error)
		return error;
	if (has_record)
		return take_record(reader, &record, batch);
	reader->is_at_end = true;
	pd_queue_flush_all(&reader->queue);
	return NULL;
}

struct km_error *pd_reader_fill(struct km_reader *base, struct km_batch *batch)
{
	struct pd_reader *reader = (struct pd_reader *)base;

	km_records_clear_stacks(&reader->records);
	while (batch->nr < KM_BATCH_EVENTS) {
		struct km_error *error = take_queued(reader, batch);

		if (!error && batch->nr < KM_BATCH_EVENTS && reader->is_fast)
			error = take_fast(reader, batch);
		if (error)
			return error;
		if (batch->nr == KM_BATCH_EVENTS || reader->is_at_end ||
		    (batch->nr && has_to_wait(reader)))
			break;
		error = go_on(reader, batch);
		if (error)
			return error;
	}
	if (!batch->nr && !reader->is_finished)
		finish(reader);
	return NULL;
}

const struct km_part_stats *pd_reader_stats(const struct km_reader *base)
{
	return &((const struct pd_reader *)base)->stats;
}

const struct km_intern *pd_reader_names(const struct km_reader *base)
{
	return &((const struct pd_reader *)base)->records.names;
}

size_t pd_reader_stack(const struct km_reader *base, km_stack_id id, const uint64_t **ret)
{
	return km_records_stack(&((const struct pd_reader *)base)->records, id, ret);
}
