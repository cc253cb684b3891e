/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reader of text traces, inside: its lines go the fast way, or if that fails the sure one. */
#ifndef KMEMSTAT_SOURCE_TEXT_READER_H
#define KMEMSTAT_SOURCE_TEXT_READER_H

#include "source/text.h"

struct km_text_fast;

/* What is known of a CPU's lines in this block. */
struct km_text_lane {
	struct km_span last_stamp; /* in the block; at NULL: none since */
	uint32_t target;           /* row + 1 of its last event, if that is in the batch */
};

struct km_text_reader {
	struct km_reader base;
	enum km_want want;     /* KM_WANT_ALLOCS or KM_WANT_ALL */
	bool has_tasks;        /* commands and pids are wanted too */
	char *block;           /* that is read: the buffer, or a piece of the file that is mapped */
	char *buffer;          /* of KM_TEXT_BLOCK_BYTES and KM_TEXT_SPARE_BYTES of newlines */
	size_t map_bytes;      /* 0: the buffer is used */
	uint64_t block_offset; /* in the file, of a mapped block */
	bool is_map_over;
	size_t pos, scanned, size; /* of the text in it that is not read yet, searched, there */
	bool is_at_end, is_skipping, is_finished;
	struct km_intern names;
	/* by stream */
	struct km_stream_stats *streams;
	struct km_text_lane *lanes;
	size_t nr_streams, room_streams;
	uint16_t *by_cpu; /* stream + 1 */
	uint32_t stream;  /* of the last line */
	uint64_t *slots;
	size_t room_slots;
	uint16_t slot_of_kind[KM_NR_EVENT_KINDS]; /* + 1 */
	uint16_t *slot_table;                     /* + 1, by name */
	uint64_t kinds[KM_NR_EVENT_KINDS];
	/* stacks: each its length and its frames */
	uint64_t *stacks;
	size_t nr_stacks, room_stacks;
	uint32_t frame_target;  /* row + 1 */
	size_t frame_stack;     /* index of its length + 1 */
	uint64_t frame_address; /* of the frame before, as it was written */
	struct km_part_stats stats;
	struct km_text_fast *fast;
	struct km_error *error;
};

/* Whether the events of a task are left out. */
bool km_text_excludes(const struct km_text *text, int32_t pid);
KM_MUST_CHECK struct km_error *km_text_fast_create(struct km_text_fast **ret);
void km_text_fast_destroy(struct km_text_fast *fast);
/* Remembers the places of a line's parts. */
void km_text_fast_learn(struct km_text_fast *fast, const char *line,
			const struct km_text_head *head);
/*
 * Takes slab events from reader->pos on for as long as they are like those before, and the batch
 * has room. Moves reader->pos over them; where it stops the sure way has to go on.
 */
void km_text_fast_walk(struct km_text_reader *reader, struct km_batch *batch);

#endif
