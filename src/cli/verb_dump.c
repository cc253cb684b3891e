/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kmemstat dump FILE: the decoded events as text, those of all CPUs merged by time:
 *
 *   CPU SECONDS PID EVENT: call_site=0x... ptr=0x... [bytes_req=N bytes_alloc=N] [accounted]
 *   [name=CACHE] [stack=0x...,0x...]
 *
 * It shows what the decoder made of a trace, with nothing aggregated.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/output.h"
#include "cli/session.h"

/* The events of one queue (of a trace.dat: of one CPU), read part by part. */
struct queue {
	struct km_reader *reader;
	struct km_sift *sift; /* or NULL */
	struct km_batch batch;
	uint32_t next; /* in batch */
	bool is_started;
	size_t *parts;
	size_t nr_parts, next_part;
};

struct merge {
	struct km_source *source;
	const struct km_sift_options *sift; /* or NULL */
	struct queue *queues;
	size_t nr_queues;
	struct km_quality quality;
	uint64_t nr_left; /* events that may still be printed */
	bool reads_all;   /* even when none may be: --strict is about the whole trace */
	struct km_out *out;
};

/* Gives each part to its queue. */
static struct km_error *assign_parts(struct merge *merge)
{
	for (size_t i = 0; i < km_source_nr_parts(merge->source); i++) {
		const uint32_t queue = km_source_part_queue(merge->source, i);
		struct queue *queues = merge->queues;
		size_t *parts;

		if (queue >= merge->nr_queues) {
			queues = reallocarray(queues, queue + 1, sizeof(*queues));
			if (!queues)
				return &km_error_memory;
			memset(queues + merge->nr_queues, 0,
			       (queue + 1 - merge->nr_queues) * sizeof(*queues));
			merge->queues = queues;
			merge->nr_queues = queue + 1;
		}
		parts = reallocarray(queues[queue].parts, queues[queue].nr_parts + 1,
				     sizeof(*parts));
		if (!parts)
			return &km_error_memory;
		queues[queue].parts = parts;
		parts[queues[queue].nr_parts++] = i;
	}
	return NULL;
}

static void add_quality(struct km_quality *quality, const struct km_part_stats *stats)
{
	for (size_t i = 0; i < stats->nr_streams; i++)
		km_quality_add(quality, &stats->streams[i].quality);
}

/* A reader of its own, and what goes with it. */
static struct km_error *queue_open(const struct merge *merge, struct queue *queue)
{
	struct km_error *error = km_reader_create(merge->source, KM_WANT_ALL, &queue->reader);

	if (!error && merge->sift)
		error = km_sift_create(merge->sift, merge->source, queue->reader, &queue->sift);
	return error;
}

/* Sees to it that the next event of a queue is in its batch, if there is one. */
static struct km_error *queue_fill(struct merge *merge, struct queue *queue)
{
	struct km_error *error = NULL;

	while (queue->next == queue->batch.nr) {
		if (!queue->is_started) {
			if (queue->next_part == queue->nr_parts)
				return NULL;
			if (!queue->reader)
				error = queue_open(merge, queue);
			if (!error)
				error = km_reader_start(queue->reader,
							queue->parts[queue->next_part++]);
			if (error)
				return error;
			queue->is_started = true;
		}
		queue->next = 0;
		error = km_reader_fill(queue->reader, &queue->batch);
		if (error)
			return error;
		if (queue->batch.nr == 0) {
			add_quality(&merge->quality, km_reader_stats(queue->reader));
			queue->is_started = false;
		}
	}
	return NULL;
}

/* Of an address that is made up the symbol it stands for. */
static void print_address(const struct merge *merge, uint64_t address)
{
	size_t len;
	const char *symbol = km_source_site_symbol(merge->source, address, &len);

	if (symbol)
		km_out_printf(merge->out, "%.*s+0x%" PRIx64, (int)len, symbol,
			      address & KM_SITE_OFFSET_MASK);
	else
		km_out_printf(merge->out, "0x%" PRIx64, address);
}

/* What an event says beside when and where it was. */
static void print_fields(const struct merge *merge, const struct km_batch *batch, uint32_t i)
{
	struct km_out *out = merge->out;
	const enum km_event_kind kind = batch->what[i].kind;
	const struct km_event_more *more = &batch->more[i];
	const uint8_t flags = batch->what[i].flags;

	if (km_event_layer(kind) == KM_LAYER_PAGE) {
		km_out_printf(out, " pfn=0x%" PRIx64 " order=%u", batch->ptr[i], more->order);
		if (km_event_is_alloc(kind))
			km_out_printf(out, " migratetype=%u", more->migratetype);
		return;
	}
	if (batch->call_site[i]) {
		km_out_puts(out, " call_site=");
		print_address(merge, batch->call_site[i]);
	}
	km_out_printf(out, " ptr=0x%" PRIx64, batch->ptr[i]);
	if (km_event_is_alloc(kind))
		km_out_printf(out, " bytes_req=%" PRIu32 " bytes_alloc=%" PRIu32,
			      batch->size[i].req, batch->size[i].alloc);
	if (more->node >= 0)
		km_out_printf(out, " node=%d", more->node);
	if (kind == KM_EV_PERCPU_ALLOC)
		km_out_printf(out, " align=%" PRIu32 "%s%s", more->align,
			      flags & KM_EVF_PERCPU_RESERVED ? " reserved" : "",
			      flags & KM_EVF_PERCPU_ATOMIC ? " atomic" : "");
	if (flags & KM_EVF_ACCOUNTED)
		km_out_puts(out, " accounted");
}

static void print_event(struct merge *merge, const struct queue *queue)
{
	const struct km_batch *batch = &queue->batch;
	const uint32_t i = queue->next;
	struct km_out *out = merge->out;
	const uint64_t *stack;
	size_t nr_frames;

	km_out_printf(out, "%03" PRIu32 " ", (uint32_t)batch->cpu[i]);
	if (km_source_info(merge->source)->has_raw_time)
		km_out_printf(out, "%" PRIu64, batch->ts_ns[i]);
	else
		km_out_printf(out, "%" PRIu64 ".%09" PRIu64, batch->ts_ns[i] / 1000000000,
			      batch->ts_ns[i] % 1000000000);
	km_out_printf(out, " %" PRId32 " %s:", batch->pid[i], km_event_name(batch->what[i].kind));
	print_fields(merge, batch, i);
	if (batch->what[i].cache) {
		km_out_puts(out, " name=");
		km_out_puts_safe(out, km_reader_cache_name(queue->reader, batch->what[i].cache));
	}
	nr_frames = km_reader_stack(queue->reader, batch->stack[i], &stack);
	for (size_t k = 0; k < nr_frames; k++) {
		km_out_puts(out, k ? "," : " stack=");
		print_address(merge, stack[k]);
	}
	km_out_puts(out, "\n");
}

static uint64_t queue_time(const struct queue *queue)
{
	return queue->next < queue->batch.nr ? queue->batch.ts_ns[queue->next] : UINT64_MAX;
}

/*
 * The queue with the earliest event, and until when it stays that: the time of the next
 * other one. Of equal times the lower queue number goes first.
 */
static struct queue *earliest_queue(struct merge *merge, uint64_t *ret_until)
{
	struct queue *first = NULL, *second = NULL;

	for (size_t i = 0; i < merge->nr_queues; i++) {
		struct queue *queue = &merge->queues[i];

		if (queue->next == queue->batch.nr)
			continue;
		if (!first || queue_time(queue) < queue_time(first)) {
			second = first;
			first = queue;
		} else if (!second || queue_time(queue) < queue_time(second)) {
			second = queue;
		}
	}
	/* at the same time as a queue after it, it goes on; before it, that one is next */
	*ret_until = !second ? UINT64_MAX : queue_time(second) - (second < first);
	return first;
}

/* Prints the next event of a queue, unless a filter leaves it out. */
static struct km_error *show_event(struct merge *merge, struct queue *queue)
{
	bool passes = true;
	struct km_error *error = NULL;

	if (queue->sift)
		error = km_sift_row(queue->sift, &queue->batch, queue->next, &passes);
	if (error || !passes)
		return error;
	merge->nr_left--;
	print_event(merge, queue);
	return NULL;
}

static struct km_error *merge_queues(struct merge *merge)
{
	struct km_error *error = NULL;
	struct queue *queue;
	uint64_t until;

	for (size_t i = 0; !error && i < merge->nr_queues; i++)
		error = queue_fill(merge, &merge->queues[i]);
	while (!error && (queue = earliest_queue(merge, &until))) {
		do {
			if (merge->out->error || (!merge->nr_left && !merge->reads_all))
				return NULL;
			if (merge->nr_left)
				error = show_event(merge, queue);
			queue->next++;
			if (!error)
				error = queue_fill(merge, queue);
		} while (!error && queue->next < queue->batch.nr && queue_time(queue) <= until);
	}
	return error;
}

/* Symbols are not shown, but damage to them is told as any other. */
static struct km_error *check_symbols(struct km_session *session)
{
	struct km_error *error;
	char *text;
	size_t size;

	if (km_source_info(session->source)->has_named_sites)
		return NULL;
	error = km_source_take_kallsyms(session->source, &text, &size);
	if (!error)
		free(text);
	return error;
}

static struct km_error *dump(struct km_session *session, struct km_quality *ret_quality)
{
	struct km_terminal terminal = km_terminal_ask(session->options);
	struct merge merge = {
		.source = session->source,
		.nr_left = session->options->lines ? session->options->lines : UINT64_MAX,
		.reads_all = session->options->strict,
	};
	struct km_output output;
	struct km_error *error;

	error = km_output_open(session->options, &terminal, true, &output);
	if (error)
		goto out;
	merge.out = &output.out;
	error = km_session_prepare_filters(session);
	merge.sift = session->sift.spec ? &session->sift : NULL;
	if (!error)
		error = check_symbols(session);
	merge.quality = *km_source_quality(session->source);
	if (!error)
		error = assign_parts(&merge);
	if (!error)
		error = merge_queues(&merge);
	for (size_t i = 0; i < merge.nr_queues && merge.sift; i++)
		if (merge.queues[i].sift)
			km_sift_settle_all(merge.queues[i].sift, &merge.quality);
	if (!error && merge.nr_left && !output.out.error)
		error = km_check_usable(session->options->input, &merge.quality,
					km_source_info(session->source)->nr_instances > 1);
	if (error)
		km_output_abandon(&output);
	else
		error = km_output_finish(&output);
	*ret_quality = merge.quality;
out:
	for (size_t i = 0; i < merge.nr_queues; i++) {
		km_sift_destroy(merge.queues[i].sift);
		if (merge.queues[i].reader)
			km_reader_destroy(merge.queues[i].reader);
		free(merge.queues[i].parts);
	}
	free(merge.queues);
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
