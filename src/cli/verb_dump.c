/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kmemstat dump FILE: the decoded events as text, those of all CPUs merged by time:
 *
 *   CPU SECONDS PID EVENT: call_site=0x... ptr=0x... [bytes_req=N bytes_alloc=N] [accounted]
 *   [name=CACHE]
 *
 * It shows what the decoder made of a trace, with nothing aggregated.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "cli/output.h"
#include "cli/session.h"

/* The events of one CPU, read part by part. */
struct stream {
	struct km_reader *reader;
	struct km_batch batch;
	uint32_t next; /* in batch */
	bool is_started;
	size_t *parts;
	size_t nr_parts, next_part;
};

struct merge {
	struct km_source *source;
	struct stream *streams;
	size_t nr_streams;
	struct km_quality quality;
	uint64_t nr_left; /* events that may still be printed */
	bool reads_all;   /* even when none may be: --strict is about the whole trace */
	struct km_out *out;
};

/* The number of the stream that a part belongs to is known once it is read: read a batch. */
static struct km_error *assign_part(struct merge *merge, struct km_reader *reader,
				    struct km_batch *batch, size_t part)
{
	struct km_error *error = km_reader_start(reader, part);
	struct stream *stream;
	uint32_t number;
	size_t *parts;

	if (!error)
		error = km_reader_fill(reader, batch);
	if (error)
		return error;
	number = batch->nr ? batch->stream : km_reader_stats(reader)->stream;
	stream = &merge->streams[number];
	parts = reallocarray(stream->parts, stream->nr_parts + 1, sizeof(*parts));
	if (!parts)
		return &km_error_memory;
	parts[stream->nr_parts++] = part;
	stream->parts = parts;
	return NULL;
}

static struct km_error *assign_parts(struct merge *merge)
{
	struct km_reader *reader;
	struct km_batch *batch;
	struct km_error *error = km_reader_create(merge->source, KM_WANT_ALL, &reader);

	if (error)
		return error;
	batch = malloc(sizeof(*batch));
	if (!batch)
		error = &km_error_memory;
	for (size_t i = 0; !error && i < km_source_nr_parts(merge->source); i++)
		error = assign_part(merge, reader, batch, i);
	free(batch);
	km_reader_destroy(reader);
	return error;
}

/* Sees to it that the next event of a stream is in its batch, if there is one. */
static struct km_error *stream_fill(struct merge *merge, struct stream *stream)
{
	struct km_error *error = NULL;

	while (stream->next == stream->batch.nr) {
		if (!stream->is_started) {
			if (stream->next_part == stream->nr_parts)
				return NULL;
			if (!stream->reader)
				error = km_reader_create(merge->source, KM_WANT_ALL,
							 &stream->reader);
			if (!error)
				error = km_reader_start(stream->reader,
							stream->parts[stream->next_part++]);
			if (error)
				return error;
			stream->is_started = true;
		}
		stream->next = 0;
		error = km_reader_fill(stream->reader, &stream->batch);
		if (error)
			return error;
		if (stream->batch.nr == 0) {
			km_quality_add(&merge->quality, &km_reader_stats(stream->reader)->quality);
			stream->is_started = false;
		}
	}
	return NULL;
}

static void print_event(struct merge *merge, const struct stream *stream)
{
	const struct km_batch *batch = &stream->batch;
	uint32_t i = stream->next;
	enum km_event_kind kind = batch->what[i].kind;
	struct km_out *out = merge->out;

	km_out_printf(out,
		      "%03" PRIu32 " %" PRIu64 ".%09" PRIu64 " %" PRId32 " %s: call_site=0x%" PRIx64
		      " ptr=0x%" PRIx64,
		      km_source_info(merge->source)->streams[batch->stream].cpu,
		      batch->ts_ns[i] / 1000000000, batch->ts_ns[i] % 1000000000, batch->pid[i],
		      km_event_name(kind), batch->call_site[i], batch->ptr[i]);
	if (km_event_is_alloc(kind))
		km_out_printf(out, " bytes_req=%" PRIu32 " bytes_alloc=%" PRIu32 "%s",
			      batch->size[i].req, batch->size[i].alloc,
			      batch->what[i].flags & KM_EVF_ACCOUNTED ? " accounted" : "");
	if (batch->what[i].cache) {
		km_out_puts(out, " name=");
		km_out_puts_safe(out, km_reader_cache_name(stream->reader, batch->what[i].cache));
	}
	km_out_puts(out, "\n");
}

static uint64_t stream_time(const struct stream *stream)
{
	return stream->next < stream->batch.nr ? stream->batch.ts_ns[stream->next] : UINT64_MAX;
}

/*
 * The stream with the earliest event, and until when it stays that: the time of the next
 * other one. Of equal times the lower stream number goes first.
 */
static struct stream *earliest_stream(struct merge *merge, uint64_t *ret_until)
{
	struct stream *first = NULL, *second = NULL;

	for (size_t i = 0; i < merge->nr_streams; i++) {
		struct stream *stream = &merge->streams[i];

		if (stream->next == stream->batch.nr)
			continue;
		if (!first || stream_time(stream) < stream_time(first)) {
			second = first;
			first = stream;
		} else if (!second || stream_time(stream) < stream_time(second)) {
			second = stream;
		}
	}
	/* at the same time as a stream after it, it goes on; before it, that one is next */
	*ret_until = !second ? UINT64_MAX : stream_time(second) - (second < first);
	return first;
}

static struct km_error *merge_streams(struct merge *merge)
{
	struct km_error *error = NULL;
	struct stream *stream;
	uint64_t until;

	for (size_t i = 0; !error && i < merge->nr_streams; i++)
		error = stream_fill(merge, &merge->streams[i]);
	while (!error && (stream = earliest_stream(merge, &until))) {
		do {
			if (merge->out->error || (!merge->nr_left && !merge->reads_all))
				return NULL;
			if (merge->nr_left) {
				merge->nr_left--;
				print_event(merge, stream);
			}
			stream->next++;
			error = stream_fill(merge, stream);
		} while (!error && stream->next < stream->batch.nr && stream_time(stream) <= until);
	}
	return error;
}

static struct km_error *dump(struct km_session *session, struct km_quality *ret_quality)
{
	struct km_terminal terminal = km_terminal_ask(session->options);
	struct merge merge = {
		.source = session->source,
		.nr_streams = km_source_info(session->source)->nr_streams,
		.quality = *km_source_quality(session->source),
		.nr_left = session->options->lines ? session->options->lines : UINT64_MAX,
		.reads_all = session->options->strict,
	};
	struct km_output output;
	struct km_error *error;

	merge.streams = calloc(merge.nr_streams + 1, sizeof(*merge.streams));
	if (!merge.streams)
		return &km_error_memory;
	error = km_output_open(session->options, &terminal, true, &output);
	if (error)
		goto out;
	merge.out = &output.out;
	error = assign_parts(&merge);
	if (!error)
		error = merge_streams(&merge);
	if (!error && merge.nr_left && !output.out.error)
		error = km_check_usable(session->options->input, &merge.quality,
					km_source_info(session->source)->nr_instances > 1);
	if (error)
		km_output_abandon(&output);
	else
		error = km_output_finish(&output);
	*ret_quality = merge.quality;
out:
	for (size_t i = 0; i < merge.nr_streams; i++) {
		if (merge.streams[i].reader)
			km_reader_destroy(merge.streams[i].reader);
		free(merge.streams[i].parts);
	}
	free(merge.streams);
	return error;
}

struct km_error *km_verb_dump_run(const struct km_options *options, enum km_exit *ret_status)
{
	struct km_quality quality;
	struct km_session session;
	struct km_error *error = km_session_open(options, &session);

	if (!error)
		error = dump(&session, &quality);
	if (!error)
		*ret_status = km_quality_status(options, &quality);
	km_session_deinit(&session);
	return error;
}
