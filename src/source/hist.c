/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What hist triggers counted, as a source. Counts are no events: of each group that is new one is
 * handed on in a batch, so that the aggregator has it in its table; how many there are of it is
 * then put there, as readers may that were lent the table.
 *
 * So each look at the counts takes several fills: those with new groups, and a last one, after
 * which the table has all that was counted. That last one has an event in it, too, since an empty
 * batch would be the end.
 */
#include "kmemstat/hist.h"

#include <assert.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/intern.h"
#include "decode/record.h"
#include "source/tracefs.h"

#define NAP_MS       100
/* The look at the counts is so much before its time, to be done with at the time. */
#define LEAD_PERCENT 10
#define MOST_LEAD_S  0.25

struct hist_source {
	struct km_tracefs live; /* without buffers that are read */
	struct km_hist *hist;
	double period_s;
	struct km_stream_info stream;
	bool has_reader;
};

enum phase {
	PHASE_WAIT,   /* for the next look at the counts */
	PHASE_NEW,    /* groups that are new are handed on */
	PHASE_SETTLE, /* the counts of all groups are put in */
};

struct hist_reader {
	struct km_reader base;
	struct hist_source *source;
	struct km_intern names; /* none: the counts have no cache names */
	struct km_hist_table table;
	enum phase phase;
	size_t next_row;
	bool is_ended;       /* counting is over, and this is the last look */
	double due;          /* when what is counted has to be in the groups */
	struct pollfd *ends; /* the source's end_fds */
	struct km_stream_stats stream;
	struct km_part_stats stats;
	uint64_t *slots;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static double now_s(void)
{
	return (double)now_ns() / 1e9;
}

static bool is_stopped(const struct hist_reader *reader)
{
	const struct km_tracefs *live = &reader->source->live;

	if (live->stop && *live->stop)
		return true;
	for (size_t i = 0; i < live->nr_end_fds; i++)
		if (reader->ends[i].revents)
			return true;
	return false;
}

/* Until that time, or the end. A signal may come just before the nap, which is short for that. */
static void wait_until(struct hist_reader *reader, double when)
{
	for (double left; !is_stopped(reader) && (left = when - now_s()) > 0;) {
		const int ms = left < NAP_MS / 1000.0 ? (int)(left * 1000) + 1 : NAP_MS;

		poll(reader->ends, (nfds_t)reader->source->live.nr_end_fds, ms);
	}
}

/* Until the next look at the counts; each is in step with the first. */
static void wait_for_look(struct hist_reader *reader)
{
	const double period = reader->source->period_s, now = now_s();
	double lead = period * LEAD_PERCENT / 100;

	if (period <= 0) {
		while (!is_stopped(reader))
			wait_until(reader, now_s() + 60);
		return;
	}
	if (lead > MOST_LEAD_S)
		lead = MOST_LEAD_S;
	reader->due = reader->due + period > now ? reader->due + period : now + period;
	wait_until(reader, reader->due - lead);
}

/* What the groups of a row are found by; false if there is none: the sizes cannot be. */
static bool key_of_row(const struct hist_reader *reader, const struct km_hist_row *row,
		       struct km_group_key *ret, struct km_event_what *ret_what)
{
	uint64_t req = row->bytes_req, alloc = row->bytes_alloc;

	if (km_event_layer(row->kind) == KM_LAYER_PAGE) {
		if (row->order >= 32)
			return false;
		req = alloc = (uint64_t)reader->source->live.base.info.page_size << row->order;
	}
	if (km_sizes_are_odd(req, alloc) || alloc > UINT32_MAX)
		return false;
	*ret_what = (struct km_event_what){
		.kind = (uint8_t)row->kind,
		.flags = row->is_accounted ? KM_EVF_ACCOUNTED : 0,
	};
	*ret = (struct km_group_key){ row->call_site, req, alloc, km_group_what(*ret_what) };
	return true;
}

static void count_row(struct hist_reader *reader, const struct km_hist_row *row)
{
	const struct km_formats *formats = &reader->source->live.base.formats;
	uint64_t *count = reader->stream.quality.count;
	struct km_group_key key;
	struct km_event_what what;

	if (row->counts == KM_HIST_ALLOCS && !key_of_row(reader, row, &key, &what)) {
		count[KM_UNDECODABLE_SIZE] = km_sat_add(count[KM_UNDECODABLE_SIZE], row->hits);
		return;
	}
	if (row->counts == KM_HIST_FAILED)
		count[KM_FAILED_ALLOCS] = km_sat_add(count[KM_FAILED_ALLOCS], row->hits);
	else if (row->counts == KM_HIST_NULLS)
		count[row->ptr ? KM_ZERO_SIZE_FREES : KM_NULL_FREES] += row->hits;
	count[KM_EVENTS_USED] = km_sat_add(count[KM_EVENTS_USED], row->hits);
	reader->stats.kinds[row->kind] = km_sat_add(reader->stats.kinds[row->kind], row->hits);
	for (size_t i = 0; i < formats->nr_infos; i++)
		if (formats->infos[i].kind == row->kind)
			reader->slots[i] = km_sat_add(reader->slots[i], row->hits);
}

/* The counters of all that was counted so far. */
static void count_all(struct hist_reader *reader)
{
	memset(&reader->stream.quality, 0, sizeof(reader->stream.quality));
	memset(reader->stats.kinds, 0, sizeof(reader->stats.kinds));
	memset(reader->slots, 0, reader->stats.nr_slots * sizeof(*reader->slots));
	for (size_t i = 0; i < reader->table.nr; i++)
		count_row(reader, &reader->table.rows[i]);
	reader->stream.quality.count[KM_HIST_DROPPED] = reader->table.dropped;
	reader->stream.quality.count[KM_UNPARSED_LINES] = reader->table.bad_lines;
}

static struct km_error *look(struct hist_reader *reader)
{
	struct km_hist *hist = reader->source->hist;
	struct km_error *error = NULL;

	wait_for_look(reader);
	if (is_stopped(reader)) {
		reader->is_ended = true;
		error = km_hist_stop(hist);
	}
	if (!error)
		error = km_hist_read(hist, &reader->table);
	if (error)
		return error;
	reader->stream.last_ns = now_ns();
	reader->next_row = 0;
	reader->phase = PHASE_NEW;
	return NULL;
}

static void put_row(struct km_batch *batch, const struct km_group_key *key,
		    struct km_event_what what)
{
	const uint32_t i = batch->nr++;

	batch->call_site[i] = key->call_site;
	batch->size[i] = (struct km_event_size){ (uint32_t)key->req, (uint32_t)key->alloc };
	batch->what[i] = what;
}

/* Hands on the groups that are not in the table yet, as many as the batch has room for. */
static void fill_new(struct hist_reader *reader, struct km_batch *batch)
{
	for (; reader->next_row < reader->table.nr; reader->next_row++) {
		const struct km_hist_row *row = &reader->table.rows[reader->next_row];
		struct km_group_key key;
		struct km_event_what what;

		if (batch->nr == KM_BATCH_EVENTS)
			return;
		if (row->counts == KM_HIST_ALLOCS && key_of_row(reader, row, &key, &what) &&
		    !km_group_find(*reader->base.known, key)->hits)
			put_row(batch, &key, what);
	}
	reader->phase = PHASE_SETTLE;
}

/*
 * Puts the counts into the groups. One that has several events gets one less, and that one is
 * handed on. Where every group has one, they were handed on as new ones.
 */
static struct km_error *fill_settled(struct hist_reader *reader, struct km_batch *batch)
{
	for (size_t i = 0; i < reader->table.nr; i++) {
		const struct km_hist_row *row = &reader->table.rows[i];
		struct km_group *group;
		struct km_group_key key;
		struct km_event_what what;

		if (row->counts != KM_HIST_ALLOCS || !key_of_row(reader, row, &key, &what))
			continue;
		group = km_group_find(*reader->base.known, key);
		assert(group->hits); /* it was handed on, or was there */
		group->hits = row->hits;
		if (!batch->nr && row->hits > 1) {
			group->hits--;
			put_row(batch, &key, what);
		}
	}
	count_all(reader);
	reader->phase = PHASE_WAIT;
	if (!reader->is_ended)
		wait_until(reader, reader->due);
	/* nothing to hand on: who wants to see that there is nothing is asked here */
	return !batch->nr && reader->base.idle ? reader->base.idle(reader->base.idle_arg) : NULL;
}

static struct km_error *hist_fill(struct km_reader *base, struct km_batch *batch)
{
	struct hist_reader *reader = (struct hist_reader *)base;
	struct km_error *error = NULL;

	while (!error && !batch->nr) {
		switch (reader->phase) {
		case PHASE_WAIT:
			if (reader->is_ended)
				return NULL;
			error = look(reader);
			break;
		case PHASE_NEW:
			fill_new(reader, batch);
			break;
		case PHASE_SETTLE:
			error = fill_settled(reader, batch);
			break;
		}
	}
	return error;
}

static struct km_error *hist_reader_create(struct km_source *base, enum km_want want,
					   struct km_reader **ret)
{
	struct hist_source *source = (struct hist_source *)base;
	struct hist_reader *reader;

	if (want != KM_WANT_ALLOCS || source->has_reader)
		return km_error_advise(km_error_create(KM_ERR_USAGE, NULL,
						       "hist triggers have counts, no events to "
						       "read one by one"),
				       "collect with --raw");
	reader = calloc(1, sizeof(*reader));
	if (!reader)
		return &km_error_memory;
	reader->slots = calloc(base->formats.nr_infos + 1, sizeof(*reader->slots));
	reader->ends = calloc(source->live.nr_end_fds + 1, sizeof(*reader->ends));
	if (!reader->slots || !reader->ends) {
		free(reader->slots);
		free(reader->ends);
		free(reader);
		return &km_error_memory;
	}
	for (size_t i = 0; i < source->live.nr_end_fds; i++)
		reader->ends[i] =
			(struct pollfd){ .fd = source->live.end_fds[i], .events = POLLIN };
	reader->base.source = base;
	reader->source = source;
	reader->stream.first_ns = UINT64_MAX;
	reader->stats = (struct km_part_stats){
		.streams = &reader->stream,
		.nr_streams = 1,
		.slots = reader->slots,
		.nr_slots = base->formats.nr_infos,
	};
	source->has_reader = true;
	*ret = &reader->base;
	return NULL;
}

static void hist_reader_destroy(struct km_reader *base)
{
	struct hist_reader *reader = (struct hist_reader *)base;

	reader->source->has_reader = false;
	km_hist_table_deinit(&reader->table);
	km_intern_deinit(&reader->names);
	free(reader->slots);
	free(reader->ends);
	free(reader);
}

static struct km_error *hist_reader_start(struct km_reader *base, size_t part)
{
	struct hist_reader *reader = (struct hist_reader *)base;

	assert(base->known && part == 0);
	reader->stream.first_ns = km_hist_start_ns(reader->source->hist);
	reader->stream.last_ns = now_ns();
	reader->due = now_s();
	return NULL;
}

static const struct km_part_stats *hist_reader_stats(const struct km_reader *base)
{
	return &((const struct hist_reader *)base)->stats;
}

static const struct km_intern *hist_reader_names(const struct km_reader *base)
{
	return &((const struct hist_reader *)base)->names;
}

static size_t hist_reader_stack(const struct km_reader *base, km_stack_id id, const uint64_t **ret)
{
	return 0;
}

static void hist_close(struct km_source *base)
{
	struct hist_source *source = (struct hist_source *)base;

	km_hist_destroy(source->hist);
	km_tracefs_deinit(&source->live);
	free(source);
}

static size_t hist_nr_parts(const struct km_source *base)
{
	return 1;
}

static uint64_t hist_part_bytes(const struct km_source *base, size_t part)
{
	return 0;
}

static uint32_t hist_part_queue(const struct km_source *base, size_t part)
{
	return 0;
}

static const struct km_source_ops hist_ops = {
	.name = "hist",
	.close = hist_close,
	.comm = km_tracefs_comm,
	.nr_parts = hist_nr_parts,
	.part_bytes = hist_part_bytes,
	.part_queue = hist_part_queue,
	.reader_create = hist_reader_create,
	.reader_destroy = hist_reader_destroy,
	.reader_start = hist_reader_start,
	.reader_fill = hist_fill,
	.reader_stats = hist_reader_stats,
	.reader_names = hist_reader_names,
	.reader_stack = hist_reader_stack,
	.load_kallsyms = km_tracefs_load_kallsyms,
};

struct km_error *km_source_open_hist(struct km_instance *instance, struct km_hist *hist,
				     const struct km_source_options *options, double period_s,
				     struct km_source **ret)
{
	struct hist_source *source = calloc(1, sizeof(*source));
	struct km_input_info *info;
	struct km_error *error;

	if (!source) {
		km_hist_destroy(hist);
		return &km_error_memory;
	}
	source->hist = hist;
	source->period_s = period_s;
	info = &source->live.base.info;
	error = km_tracefs_init(&source->live, instance, options);
	source->live.base.ops = &hist_ops;
	info->format = hist_ops.name;
	info->collection = "hist";
	info->is_counts = true;
	info->streams = &source->stream;
	info->nr_streams = 1;
	if (error)
		hist_close(&source->live.base);
	else
		*ret = &source->live.base;
	return error;
}
