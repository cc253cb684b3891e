/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fast way through text: slab events whose lines are laid out as others before them,
 *
 *	          <idle>-0       [001] d..1.    23.195634: kmalloc: call_site=f+0x1/0x9 ptr=...
 *
 * with the CPU and the time in the same columns. What stands between the time and the pointer
 * (the key) and what follows the pointer (the tail) are compared as a whole with what was met
 * before: traces have few different ones, in much the same order again and again. What is
 * otherwise in any way (another layout, an odd pointer) is left to the sure way, which means the
 * same and tells this one what it found.
 */
#include "source/text_fast.h"

#include <stdlib.h>
#include <string.h>

#include "source/text_walk.h"

/* No more is kept of a trace that has more: all is forgotten and met anew. */
#define MOST_KEYS   2048
#define MOST_TAILS  4096
/* Powers of two, of which at most a quarter is used. */
#define KEY_PLACES  (4 * MOST_KEYS)
#define TAIL_PLACES (4 * MOST_TAILS)
/* "kfree: call_site=f ptr=" */
#define LEAST_KEY   16
/* From the line's start to the colon: the two pieces that are looked at leave no gap. */
#define MOST_COLON  (2 * KM_TEXT_HEAD_BYTES - 2)
/* Of the event's fields. */
#define MOST_EVENT  512

_Static_assert(sizeof(struct km_text_key) == 256 && sizeof(struct km_text_tail) == 256,
	       "whole cache lines");

const uint8_t km_text_mask[2 * KM_TEXT_TAIL_BYTES] = { [0 ... KM_TEXT_TAIL_BYTES - 1] = 0xff };

struct km_error *km_text_fast_create(struct km_text_fast **ret)
{
	const size_t keys_bytes = MOST_KEYS * sizeof(struct km_text_key);
	const size_t tails_bytes = MOST_TAILS * sizeof(struct km_text_tail);
	const size_t places_bytes = (KEY_PLACES + TAIL_PLACES) * sizeof(uint16_t);
	struct km_text_fast *fast = calloc(1, sizeof(*fast));
	uintptr_t start;

	if (!fast)
		return &km_error_memory;
	/* zeroes that take memory only where something is put */
	fast->memory = calloc(1, keys_bytes + tails_bytes + places_bytes + 64);
	if (!fast->memory) {
		free(fast);
		return &km_error_memory;
	}
	start = ((uintptr_t)fast->memory + 63) & ~(uintptr_t)63;
	fast->keys = (struct km_text_key *)start;
	fast->tails = (struct km_text_tail *)(start + keys_bytes);
	fast->key_table = (uint16_t *)(start + keys_bytes + tails_bytes);
	fast->tail_table = fast->key_table + KEY_PLACES;
	fast->walk = km_text_fast_walk_base;
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx2"))
		fast->walk = km_text_fast_walk_avx2;
#endif
	*ret = fast;
	return NULL;
}

void km_text_fast_destroy(struct km_text_fast *fast)
{
	if (!fast)
		return;
	free(fast->memory);
	free(fast);
}

static void set_range(struct km_text_layout *layout, uint32_t i, char from, char to)
{
	layout->low[KM_TEXT_HEAD_BYTES + i] = (uint8_t)from;
	layout->range[KM_TEXT_HEAD_BYTES + i] = (uint8_t)(to - from);
}

/* What can be where in the window that ends behind the colon. */
static void set_ranges(struct km_text_layout *layout, const char *line)
{
	/* no controls; behind the colon of a short one comes anything */
	memset(layout->low, ' ', sizeof(layout->low));
	memset(layout->range, 0xff - ' ', sizeof(layout->range));
	for (uint32_t i = 0; i < KM_TEXT_HEAD_BYTES; i++) {
		const uint32_t at = layout->window + i;
		const char c = line[at];

		if (at < layout->cpu_at)
			continue;
		if (at > layout->colon_at + 1) {
			layout->low[KM_TEXT_HEAD_BYTES + i] = 0;
			layout->range[KM_TEXT_HEAD_BYTES + i] = 0xff;
		} else if ((c >= '0' && c <= '9') &&
			   (at < layout->cpu_at + 5 || at >= layout->stamp_at)) {
			set_range(layout, i, '0', '9');
		} else if (at > layout->cpu_at + 5 && at < layout->stamp_at && c != ' ') {
			set_range(layout, i, '!', '~');
		} else {
			set_range(layout, i, c, c);
		}
	}
}

void km_text_fast_learn(struct km_text_fast *fast, const char *line,
			const struct km_text_head *head)
{
	const char *stamp = head->stamp.at, *colon = stamp + head->stamp.len;
	const char *point = memchr(stamp, '.', head->stamp.len);
	const char *bracket = point ? memrchr(line, '[', (size_t)(stamp - line)) : NULL;
	struct km_text_layout layout = { 0 };
	const char *flags_end;
	size_t fraction;

	if (!bracket || bracket == line || stamp - bracket < 6 || bracket[4] != ']' ||
	    bracket[5] != ' ' || colon - line > MOST_COLON ||
	    colon + 2 - bracket > KM_TEXT_HEAD_BYTES)
		return;
	for (int i = 1; i < 4; i++)
		if (bracket[i] < '0' || bracket[i] > '9')
			return;
	/* only the flags stand before the time: "d..1." */
	flags_end = bracket + 6;
	while (flags_end < stamp && *flags_end != ' ')
		flags_end++;
	while (flags_end < stamp && *flags_end == ' ')
		flags_end++;
	if (flags_end != stamp)
		return;
	fraction = (size_t)(colon - point - 1);
	if (fraction != 6 && fraction != 9)
		return;
	layout.cpu_at = (uint32_t)(bracket - line);
	layout.stamp_at = (uint32_t)(stamp - line);
	layout.stamp_len = (uint32_t)head->stamp.len;
	layout.colon_at = (uint32_t)(colon - line);
	if (layout.colon_at + 2 > KM_TEXT_HEAD_BYTES)
		layout.window = layout.colon_at + 2 - KM_TEXT_HEAD_BYTES;
	set_ranges(&layout, line);
	for (uint32_t i = 0; i < fast->nr_layouts; i++)
		if (memcmp(&fast->layouts[i], &layout, sizeof(layout)) == 0)
			return;
	if (fast->nr_layouts < KM_TEXT_LAYOUTS)
		fast->layout = fast->nr_layouts++;
	else
		fast->layout = fast->next_layout++ % KM_TEXT_LAYOUTS;
	fast->layouts[fast->layout] = layout;
}

/* Products that do not wait for one another, of 16 characters each. */
static inline uint64_t mix(const char *at, uint64_t salt)
{
	return (word_at(at) ^ salt) * (word_at(at + 8) + (salt << 32 | salt >> 32));
}

/* Of some of the text: in keys and tails those parts differ. */
static uint32_t hash_of(const char *text, size_t len)
{
	const uint8_t *mask = mask_of(len);
	uint64_t hash = len;

	if (len < 48)
		for (size_t i = 0; i < len; i += 8)
			hash = (hash ^ (word_at(text + i) & word_at(mask + i))) *
			       0x9e3779b97f4a7c15ULL;
	else
		hash += mix(text, 0x9e3779b97f4a7c15) + mix(text + 16, 0xc2b2ae3d27d4eb4f) +
			mix(text + 32, 0x165667b19e3779f9) +
			mix(text + len - 21, 0xd6e8feb86659fd93) +
			mix(text + len - 37, 0xa0761d6478bd642f);
	hash ^= hash >> 29;
	return (uint32_t)((hash * 0x9e3779b97f4a7c15ULL) >> 40);
}

static void forget_all(struct km_text_fast *fast)
{
	memset(fast->key_table, 0, (KEY_PLACES + TAIL_PLACES) * sizeof(uint16_t));
	fast->nr_keys = fast->nr_tails = 0;
	fast->last = NULL;
}

/* The place of a key in the table: its index + 1, or 0 where it belongs. */
static uint16_t *key_place(const struct km_text_fast *fast, uint32_t hash, const char *at,
			   size_t len)
{
	for (uint32_t i = hash;; i++) {
		uint16_t *place = &fast->key_table[i % KEY_PLACES];
		const struct km_text_key *key = *place ? &fast->keys[*place - 1] : NULL;

		if (!key || (key->hash == hash && key->len == len && is_key(key, at)))
			return place;
	}
}

static uint16_t *tail_place(const struct km_text_fast *fast, uint32_t hash, enum km_event_kind kind,
			    const char *at, size_t len)
{
	for (uint32_t i = hash;; i++) {
		uint16_t *place = &fast->tail_table[i % TAIL_PLACES];
		const struct km_text_tail *tail = *place ? &fast->tails[*place - 1] : NULL;

		if (!tail || (tail->hash == hash && tail->len == len && tail->what.kind == kind &&
			      is_tail(tail, at)))
			return place;
	}
}

/* Where the texts of a line are. */
struct parts {
	const char *line, *end; /* the newline */
	const char *key, *tail;
	size_t key_len, tail_len;
	enum km_text_pointer pointer;
};

static bool find_parts(const struct km_text_reader *reader, const char *line, struct parts *ret)
{
	const struct km_text_layout *layout = &reader->fast->layouts[reader->fast->layout];
	const char *const limit = reader->block + reader->size;
	const char *key = line + layout->colon_at + 2, *end, *equals, *p;

	if (key >= limit)
		return false;
	end = memchr(key, '\n', limit - key < MOST_EVENT ? (size_t)(limit - key) : MOST_EVENT);
	if (!end || end[-1] == '\r')
		return false;
	/* of the call site, then of the pointer */
	equals = memchr(key, '=', (size_t)(end - key));
	equals = equals ? memchr(equals + 1, '=', (size_t)(end - equals - 1)) : NULL;
	if (!equals || equals - key < LEAST_KEY || memcmp(equals - 4, " ptr", 4) != 0)
		return false;
	p = equals + 1;
	ret->pointer = KM_TP_PLAIN;
	if (p[0] == '0' && p[1] == 'x') {
		ret->pointer = KM_TP_HEX;
		p += 2;
	} else if (memcmp(p, "(nil)", 5) == 0) {
		ret->pointer = KM_TP_NIL;
		p += 5;
	}
	ret->line = line;
	ret->end = end;
	ret->key = key;
	ret->key_len = (size_t)(p - key);
	ret->tail = ret->pointer == KM_TP_NIL ? p : p + 16;
	if (ret->tail > end)
		return false;
	ret->tail_len = (size_t)(end + 1 - ret->tail);
	return ret->key_len <= KM_TEXT_KEY_BYTES && ret->tail_len <= KM_TEXT_TAIL_BYTES;
}

/* Reads a key that was not met yet; false if the event is not of the usual kinds. */
static bool learn_key(struct km_text_reader *reader, const struct parts *parts,
		      struct km_text_key *ret)
{
	struct km_text *text = (struct km_text *)reader->base.source;
	const unsigned int needs = KM_TF_CALL_SITE | KM_TF_PTR;
	struct km_text_head head;
	struct km_text_event event;
	enum km_event_kind kind;
	const char *site_end;

	if (!km_text_head_parse(parts->line, parts->end, &head) ||
	    head.stamp.at + head.stamp.len + 2 != parts->key)
		return false;
	kind = km_text_kind_of(head.name);
	if (kind == KM_EV_OTHER || km_event_layer(kind) != KM_LAYER_SLAB ||
	    !reader->slot_of_kind[kind] ||
	    !km_text_event_parse(kind, head.fields, parts->end, &event) ||
	    (event.has & needs) != needs)
		return false;
	/* all of the call site, with the module that may be a part of it, stands in the key */
	site_end = event.call_site.at + event.call_site.len;
	if (site_end <= parts->key || site_end >= parts->key + parts->key_len ||
	    memcmp(site_end, " ptr=", 5) != 0)
		return false;
	*ret = (struct km_text_key){
		.len = (uint16_t)parts->key_len,
		.kind = (uint8_t)kind,
		.pointer = (uint8_t)parts->pointer,
	};
	memcpy(ret->text, parts->key, parts->key_len);
	return km_text_sites_get(&text->sites, event.call_site, &ret->call_site);
}

/* Reads a tail that was not met yet; false if it is not as those of slab events are. */
static bool learn_tail(struct km_text_reader *reader, enum km_event_kind kind,
		       const struct parts *parts, struct km_text_tail *ret)
{
	const unsigned int needs = KM_TF_REQ | KM_TF_ALLOC;
	const bool is_alloc = km_event_is_alloc(kind);
	struct km_text_event event;

	if (!km_text_event_parse(KM_EV_OTHER, parts->tail, parts->end, &event) ||
	    event.has & (KM_TF_CALL_SITE | KM_TF_PTR) ||
	    (*parts->tail != ' ' && parts->tail != parts->end))
		return false;
	if (is_alloc && ((event.has & needs) != needs || !event.alloc || event.alloc > UINT32_MAX ||
			 event.req > event.alloc))
		return false;
	*ret = (struct km_text_tail){
		.len = (uint16_t)parts->tail_len,
		.is_alloc = is_alloc,
		.what = { .kind = (uint8_t)kind, .flags = event.flags },
		.more = event.more,
	};
	if (is_alloc)
		ret->size = (struct km_event_size){ (uint32_t)event.req, (uint32_t)event.alloc };
	if (event.cache.len) {
		ret->what.cache = km_intern_get(&reader->names, event.cache.at, event.cache.len);
		if (!ret->what.cache)
			return false;
	}
	memcpy(ret->text, parts->tail, parts->tail_len);
	return true;
}

/* The tail of a line, read if it was not met yet; NULL if it is not as those of slab events are. */
static const struct km_text_tail *get_tail(struct km_text_reader *reader, enum km_event_kind kind,
					   const struct parts *parts)
{
	struct km_text_fast *fast = reader->fast;
	const uint32_t hash = hash_of(parts->tail, parts->tail_len);
	uint16_t *place = tail_place(fast, hash, kind, parts->tail, parts->tail_len);
	struct km_text_tail tail;

	if (!*place) {
		if (!learn_tail(reader, kind, parts, &tail))
			return NULL;
		tail.hash = hash;
		fast->tails[fast->nr_tails++] = tail;
		*place = (uint16_t)fast->nr_tails;
	}
	return &fast->tails[*place - 1];
}

/* Puts what was the first guess in front of the others, of which `i` is now the first one. */
static void shift_others(uint16_t *others, uint32_t i, size_t first)
{
	memmove(others + 1, others, i * sizeof(*others));
	others[0] = (uint16_t)(first + 1);
}

/* Makes others[i] of the last key, or a key that is not among them, the one that follows. */
static struct km_text_key *set_next(struct km_text_fast *fast, uint32_t i, struct km_text_key *key)
{
	struct km_text_key *last = fast->last;

	if (last && last->next != key) {
		shift_others(last->others, i, (size_t)(last->next - fast->keys));
		last->next = key;
	}
	return key;
}

struct km_text_key *km_text_fast_key(struct km_text_reader *reader, const char *line)
{
	struct km_text_fast *fast = reader->fast;
	const char *at = line + fast->layouts[fast->layout].colon_at + 2;
	struct km_text_key new_key, *key;
	struct parts parts;
	uint16_t *place;
	uint32_t hash;

	for (uint32_t i = 0; fast->last && i < KM_TEXT_OTHERS && fast->last->others[i]; i++) {
		key = &fast->keys[fast->last->others[i] - 1];
		if (is_key(key, at))
			return set_next(fast, i, key);
	}
	if (!find_parts(reader, line, &parts))
		return NULL;
	if (fast->nr_keys == MOST_KEYS || fast->nr_tails == MOST_TAILS)
		forget_all(fast);
	hash = hash_of(parts.key, parts.key_len);
	place = key_place(fast, hash, parts.key, parts.key_len);
	if (*place)
		return set_next(fast, KM_TEXT_OTHERS - 1, &fast->keys[*place - 1]);
	if (!learn_key(reader, &parts, &new_key))
		return NULL;
	new_key.hash = hash;
	new_key.tail = get_tail(reader, new_key.kind, &parts);
	if (!new_key.tail)
		return NULL;
	key = &fast->keys[fast->nr_keys++];
	*key = new_key;
	key->next = key;
	*place = (uint16_t)fast->nr_keys;
	return set_next(fast, KM_TEXT_OTHERS - 1, key);
}

struct km_text_key *km_text_fast_tail(struct km_text_reader *reader, const char *line,
				      struct km_text_key *key, const char *at)
{
	struct km_text_fast *fast = reader->fast;
	const size_t first = (size_t)(key->tail - fast->tails);
	const struct km_text_tail *tail = NULL;
	struct parts parts;
	uint32_t i;

	for (i = 0; i < KM_TEXT_OTHERS && key->other_tails[i]; i++) {
		tail = &fast->tails[key->other_tails[i] - 1];
		if (is_tail(tail, at))
			break;
		tail = NULL;
	}
	if (!tail) {
		if (fast->nr_tails == MOST_TAILS) {
			forget_all(fast);
			return km_text_fast_key(reader, line);
		}
		i = KM_TEXT_OTHERS - 1;
		if (!find_parts(reader, line, &parts) ||
		    !(tail = get_tail(reader, key->kind, &parts)))
			return NULL;
	}
	key->tail = tail;
	shift_others(key->other_tails, i, first);
	return key;
}

void km_text_fast_walk_base(struct km_text_reader *reader, struct km_batch *batch)
{
	if (reader->want == KM_WANT_ALL)
		walk_lines(reader, batch, KM_WANT_ALL);
	else
		walk_lines(reader, batch, KM_WANT_ALLOCS);
}

void km_text_fast_walk(struct km_text_reader *reader, struct km_batch *batch)
{
	struct km_text_fast *fast = reader->fast;

	if (fast->nr_layouts && fast->walk)
		fast->walk(reader, batch);
}
