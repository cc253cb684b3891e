/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The walk of the fast way, compiled once for each set of instructions (text_fast.c,
 * text_fast_avx2.c). It guesses: the line is laid out as the one before, it has the key that
 * followed the last key the last time, and the tail that came with that. Where a line's parts are
 * follows from the guess, so nothing is searched for, and all that remains is to see whether
 * each character is as it was guessed. Nine lines of ten are.
 */
#ifndef KMEMSTAT_SOURCE_TEXT_WALK_H
#define KMEMSTAT_SOURCE_TEXT_WALK_H

#include "source/text_fast.h"
#include "source/text_simd.h"

/* How far ahead lines are fetched. */
#define PREFETCH_BYTES 4096

#define EIGHT_ZEROES 0x3030303030303030ULL

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* Ones for the first `len` bytes of a text, zeroes behind them. */
ALWAYS_INLINE const uint8_t *mask_of(size_t len)
{
	return km_text_mask + KM_TEXT_TAIL_BYTES - len;
}

ALWAYS_INLINE bool fits_layout(const struct km_text_layout *layout, const char *line)
{
	return are_in_ranges(line, line + layout->window, layout->low, layout->range);
}

/* Pieces of 32 characters overlap, which costs less than to mask what is behind the end. */
ALWAYS_INLINE bool is_key(const struct km_text_key *key, const char *at)
{
	const char *text = key->text;
	const size_t len = key->len, last = len - 32, middle = last < 32 ? last : 32;
	differ32 differ;

	if (__builtin_expect(len < 32 || len > 128, 0))
		return is_same_masked(at, text, mask_of(len), KM_TEXT_KEY_BYTES);
	differ = add_differ32(get_differ32(at, text), get_differ32(at + last, text + last));
	differ = add_differ32(differ, get_differ32(at + middle, text + middle));
	if (len > 96)
		differ = add_differ32(differ, get_differ32(at + 64, text + 64));
	return is_no_differ32(differ);
}

ALWAYS_INLINE bool is_tail(const struct km_text_tail *tail, const char *at)
{
	const char *text = tail->text;
	const size_t len = tail->len;
	differ32 differ;

	if (len <= 32)
		return is_same_masked(at, text, mask_of(len), 32);
	if (__builtin_expect(len < 64 || len > 128, 0))
		return is_same_masked(at, text, mask_of(len), KM_TEXT_TAIL_BYTES);
	differ = add_differ32(get_differ32(at, text), get_differ32(at + 32, text + 32));
	at += len - 64;
	text += len - 64;
	differ = add_differ32(differ, get_differ32(at, text));
	return is_no_differ32(add_differ32(differ, get_differ32(at + 32, text + 32)));
}

/* What was found in a line, before anything of it is counted. */
struct found {
	const struct km_text_layout *layout;
	const struct km_text_key *key;
	const struct km_text_tail *tail;
	const char *line, *digits; /* of the pointer */
	bool is_null, is_hashed;
};

/* The pointer behind the key; false if it is odd. */
ALWAYS_INLINE bool find_pointer(const struct hex_ranges *ranges, const char *at, struct found *ret)
{
	ret->digits = at;
	ret->is_hashed = ret->is_null = false;
	if (__builtin_expect(ret->key->pointer == KM_TP_NIL, 0)) {
		ret->is_null = true;
		return true;
	}
	if (!are_hex16(ranges, at))
		return false;
	if (word_at(at) == EIGHT_ZEROES) {
		/* "0x0000000012345678" would be no hashed one */
		if (ret->key->pointer == KM_TP_HEX)
			return false;
		if (__builtin_expect(word_at(at + 8) == EIGHT_ZEROES, 0))
			ret->is_null = true;
		else
			ret->is_hashed = true;
	}
	return true;
}

/* The columns that KM_WANT_ALLOCS does not have; false if the pid is odd. */
ALWAYS_INLINE bool put_all(struct km_text_reader *reader, const struct found *found, uint32_t cpu,
			   struct km_batch *batch, uint32_t i)
{
	const struct km_text_layout *layout = found->layout;
	struct km_text *text = (struct km_text *)reader->base.source;
	struct km_span comm;

	if (reader->has_tasks) {
		if (!km_text_find_pid(found->line, found->line + layout->cpu_at, &batch->pid[i],
				      &comm))
			return false;
		km_text_comms_note(&text->comms, batch->pid[i], comm);
	}
	batch->ts_ns[i] = km_text_stamp_ns(
		(struct km_span){ found->line + layout->stamp_at, layout->stamp_len });
	batch->ptr[i] = found->is_null ? 0 : hex8(found->digits) << 32 | hex8(found->digits + 8);
	batch->cpu[i] = (uint16_t)cpu;
	batch->more[i] = found->tail->more;
	batch->stack[i] = 0;
	if (found->is_hashed)
		batch->what[i].flags |= KM_EVF_PTR_HASHED;
	km_batch_mark(batch, i);
	return true;
}

/* What the walk changes or looks at for each line. */
struct walk {
	struct km_text_reader *reader;
	struct km_batch *batch;
	struct km_stream_stats *streams;
	struct km_text_lane *lanes;
	const uint16_t *by_cpu;
	uint32_t nr; /* of the batch */
	uint32_t lane;
	bool has_hashed;
	uint64_t kinds[KM_NR_EVENT_KINDS];
};

/* Counts a line's event and puts it into the batch; false if it is for the sure way. */
ALWAYS_INLINE bool take_found(struct walk *walk, const struct found *found, const enum km_want want)
{
	const struct km_text_layout *layout = found->layout;
	const char *digits = found->line + layout->cpu_at + 1;
	const uint32_t cpu =
		(uint32_t)((digits[0] - '0') * 100 + (digits[1] - '0') * 10 + (digits[2] - '0'));
	const uint32_t lane = walk->by_cpu[cpu] - 1U, nr = walk->nr;
	struct km_stream_stats *stream = &walk->streams[lane];
	struct km_batch *batch = walk->batch;

	if (lane == UINT32_MAX || stream->first_ns == UINT64_MAX)
		return false;
	batch->call_site[nr] = found->key->call_site;
	batch->size[nr] = found->tail->size;
	batch->what[nr] = found->tail->what;
	if (want == KM_WANT_ALL) {
		if (!put_all(walk->reader, found, cpu, batch, nr))
			return false;
		walk->lanes[lane].target = walk->reader->frame_target = nr + 1;
		walk->reader->frame_stack = 0;
	}
	/* no branch: it could not be foretold */
	walk->nr = nr + (want == KM_WANT_ALL || found->tail->is_alloc);
	walk->lanes[lane].last_stamp =
		(struct km_span){ found->line + layout->stamp_at, layout->stamp_len };
	walk->lane = lane;
	walk->has_hashed |= found->is_hashed;
	walk->kinds[found->key->kind]++;
	if (found->is_null)
		stream->quality.count[KM_NULL_FREES] += found->key->kind == KM_EV_KFREE;
	stream->quality.count[KM_EVENTS_USED]++;
	return true;
}

/* Whether the task of a line is left out, or is not known. */
ALWAYS_INLINE bool is_excluded(const struct km_text *text, const struct found *found)
{
	struct km_span comm;
	int32_t pid;

	return !km_text_find_pid(found->line, found->line + found->layout->cpu_at, &pid, &comm) ||
	       km_text_excludes(text, pid);
}

/* Switches to the layout that a line fits; false if there is none. */
ALWAYS_INLINE bool find_layout(struct km_text_fast *fast, const char *line)
{
	for (uint32_t i = 0; i < fast->nr_layouts; i++)
		if (fits_layout(&fast->layouts[i], line)) {
			fast->layout = i;
			return true;
		}
	return false;
}

/* Hands over what was counted. */
ALWAYS_INLINE void end_walk(struct walk *walk)
{
	struct km_text_reader *reader = walk->reader;

	walk->batch->nr = walk->nr;
	reader->stream = walk->lane;
	reader->base.source->info.has_hashed_ptrs |= walk->has_hashed;
	for (unsigned int i = 0; i < KM_NR_EVENT_KINDS; i++)
		if (walk->kinds[i]) {
			reader->kinds[i] += walk->kinds[i];
			reader->slots[reader->slot_of_kind[i] - 1] += walk->kinds[i];
		}
}

ALWAYS_INLINE void walk_lines(struct km_text_reader *reader, struct km_batch *batch,
			      const enum km_want want)
{
	struct km_text *text = (struct km_text *)reader->base.source;
	struct km_text_fast *fast = reader->fast;
	const struct hex_ranges ranges = get_hex_ranges();
	const bool has_excludes = text->nr_exclude_pids > 0;
	const char *const limit = reader->block + reader->size;
	const char *line = reader->block + reader->pos;
	const struct km_text_layout *layout = &fast->layouts[fast->layout];
	struct km_text_key *last = fast->last, *key = last ? last->next : NULL;
	struct walk walk = {
		.reader = reader,
		.batch = batch,
		.streams = reader->streams,
		.lanes = reader->lanes,
		.by_cpu = reader->by_cpu,
		.nr = batch->nr,
		.lane = reader->stream,
	};

	/* where the block ends, `end` says so: behind it there is more that can be looked at */
	while (walk.nr < KM_BATCH_EVENTS) {
		struct found found = { .line = line, .key = key };
		const char *at, *end;

		if (__builtin_expect(!fits_layout(layout, line), 0)) {
			if (!find_layout(fast, line))
				break;
			layout = &fast->layouts[fast->layout];
		}
		found.layout = layout;
		at = line + layout->colon_at + 2;
		if (__builtin_expect(!key || !is_key(key, at), 0)) {
			fast->last = last;
			key = km_text_fast_key(reader, line);
			last = fast->last;
			if (!key)
				break;
			continue;
		}
		at += key->len;
		if (!find_pointer(&ranges, at, &found))
			break;
		at += key->pointer == KM_TP_NIL ? 0 : 16;
		found.tail = key->tail;
		if (__builtin_expect(!is_tail(found.tail, at), 0)) {
			fast->last = last;
			key = km_text_fast_tail(reader, line, key, at);
			last = fast->last;
			if (!key)
				break;
			continue;
		}
		end = at + found.tail->len;
		if (end > limit || (__builtin_expect(found.is_null, 0) && found.tail->is_alloc) ||
		    (has_excludes && is_excluded(text, &found)) || !take_found(&walk, &found, want))
			break;
		line = end;
		last = key;
		key = key->next;
		for (unsigned int i = 0; i < 4; i++)
			__builtin_prefetch(line + PREFETCH_BYTES + 64 * i);
	}
	fast->last = last;
	reader->pos = (size_t)(line - reader->block);
	end_walk(&walk);
}

#endif
