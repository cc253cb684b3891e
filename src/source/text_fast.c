/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fast way through text: a slab event whose line is laid out as the line before,
 *
 *	          <idle>-0       [001] d..1.    23.195634: kmalloc: call_site=f+0x1/0x9 ptr=...
 *
 * with the CPU and the colon behind the time in the same columns. Call sites are looked up by
 * their text, and so is all that follows the pointer: traces have few different ones. What is
 * otherwise in any way (another layout, an odd pointer, a tail that was not met yet) is left to
 * the sure way, which means the same and tells this one what it found.
 */
#include "source/text_reader.h"

#include <stdlib.h>
#include <string.h>

#define NR_TAILS 2048

struct km_error *km_text_fast_init(struct km_text_fast *fast)
{
	fast->tails = calloc(NR_TAILS, sizeof(*fast->tails));
	return fast->tails ? NULL : &km_error_memory;
}

void km_text_fast_deinit(struct km_text_fast *fast)
{
	free(fast->tails);
	fast->tails = NULL;
}

#ifndef __SSE2__

void km_text_fast_learn(struct km_text_fast *fast, const char *line,
			const struct km_text_head *head)
{
	(void)fast;
	(void)line;
	(void)head;
}

void km_text_fast_walk(struct km_text_reader *reader, struct km_batch *batch)
{
	(void)reader;
	(void)batch;
}

#else

#include <emmintrin.h>

/* A line's start to the colon: three vectors and some. */
#define LEAST_COLON     24
#define MOST_COLON      80
/* Of a call site, and of what follows the pointer. */
#define MOST_TOKEN      512
#define MOST_TAIL       1024
/* How far ahead lines are fetched. */
#define PREFETCH_BYTES  2048

void km_text_fast_learn(struct km_text_fast *fast, const char *line,
			const struct km_text_head *head)
{
	const char *colon = head->stamp.at + head->stamp.len;
	const char *point = memchr(head->stamp.at, '.', head->stamp.len);
	const char *bracket = point ? memrchr(line, '[', (size_t)(point - line)) : NULL;

	fast->cpu_at = 0;
	if (!bracket || bracket == line || bracket[4] != ']' || colon - line < LEAST_COLON ||
	    colon - line > MOST_COLON || head->stamp.at <= bracket)
		return;
	fast->frac_size = (uint32_t)(colon - point - 1);
	if (fast->frac_size != 6 && fast->frac_size != 9)
		return;
	fast->cpu_at = (uint32_t)(bracket - line);
	fast->colon_at = (uint32_t)(colon - line);
}

static inline uint64_t word_at(const char *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

static inline bool is_digit(char c)
{
	return (unsigned char)(c - '0') < 10;
}

/* Which of 16 bytes are controls: with them a newline. */
static inline unsigned int mask_below_space(const char *at)
{
	__m128i text = _mm_loadu_si128((const __m128i *)(const void *)at);
	__m128i least = _mm_min_epu8(text, _mm_set1_epi8(' ' - 1));

	return (unsigned int)_mm_movemask_epi8(_mm_cmpeq_epi8(text, least));
}

/* Which of 16 bytes are spaces or controls. */
static inline uint64_t mask_to_space(const char *at)
{
	__m128i text = _mm_loadu_si128((const __m128i *)(const void *)at);
	__m128i least = _mm_min_epu8(text, _mm_set1_epi8(' '));

	return (uint16_t)_mm_movemask_epi8(_mm_cmpeq_epi8(text, least));
}

/*
 * The first space or control within MOST_TOKEN bytes, or where those end. Most are in the first 48
 * bytes, which cost the same whatever the length: branches that depend on it cannot be foretold.
 */
static inline const char *token_end(const char *at)
{
	uint64_t mask =
		mask_to_space(at) | mask_to_space(at + 16) << 16 | mask_to_space(at + 32) << 32;

	if (__builtin_expect(mask != 0, 1))
		return at + __builtin_ctzll(mask);
	for (const char *most = at + MOST_TOKEN; at < most; at += 16)
		if ((mask = mask_to_space(at)))
			return at + __builtin_ctzll(mask);
	return at;
}

/* Sixteen lower-case hex digits. */
static inline bool are_hex16(const char *at)
{
	__m128i text = _mm_loadu_si128((const __m128i *)(const void *)at);
	__m128i digit = _mm_sub_epi8(text, _mm_set1_epi8('0'));
	__m128i letter = _mm_sub_epi8(text, _mm_set1_epi8('a'));
	__m128i good = _mm_or_si128(_mm_cmpeq_epi8(digit, _mm_min_epu8(digit, _mm_set1_epi8(9))),
				    _mm_cmpeq_epi8(letter, _mm_min_epu8(letter, _mm_set1_epi8(5))));

	return _mm_movemask_epi8(good) == 0xffff;
}

/* The number of eight lower-case hex digits. */
static inline uint64_t hex8(const char *at)
{
	uint64_t word = __builtin_bswap64(word_at(at));
	/* '0'..'9' have bit 4, 'a'..'f' have bit 6 and are nine more than their lower bits */
	uint64_t nibbles = (word & 0x0f0f0f0f0f0f0f0fULL) + 9 * (word >> 6 & 0x0101010101010101ULL);

	nibbles = (nibbles | nibbles >> 4) & 0x00ff00ff00ff00ffULL;
	nibbles = (nibbles | nibbles >> 8) & 0x0000ffff0000ffffULL;
	return (nibbles | nibbles >> 16) & 0xffffffffULL;
}

/* The product of 16 bytes, salted: such do not wait for one another. */
static inline uint64_t mix(const char *at, uint64_t salt)
{
	return (word_at(at) ^ salt) * (word_at(at + 8) + (salt << 32 | salt >> 32));
}

/*
 * Of a tail of at least 48 bytes its first 48 and last 32: sizes, flags and whether it is
 * accounted. What differs elsewhere only is read anew.
 */
static inline uint32_t hash_of(const char *at, size_t len)
{
	const char *end = at + len;
	uint64_t hash = len;

	hash += mix(at, 0x9e3779b97f4a7c15);
	if (__builtin_expect(len >= 48, 1)) {
		hash += mix(at + 16, 0xc2b2ae3d27d4eb4f) + mix(at + 32, 0x165667b19e3779f9);
		hash += mix(end - 32, 0xd6e8feb86659fd93);
	}
	hash += mix(end - 16, 0xa0761d6478bd642f);
	hash ^= hash >> 29;
	return (uint32_t)((hash * 0x9e3779b97f4a7c15ULL) >> 32);
}

/* Reads a tail that was not met yet; false if it is not as those of slab events are. */
static __attribute__((noinline)) bool learn_tail(struct km_text_reader *reader,
						 struct km_text_tail *tail, enum km_event_kind kind,
						 uint32_t hash, const char *at, size_t len)
{
	const unsigned int needs = KM_TF_REQ | KM_TF_ALLOC;
	struct km_text_event event;

	if (len > KM_TEXT_TAIL_BYTES || !km_text_event_parse(KM_EV_OTHER, at, at + len, &event))
		return false;
	if (event.has & (KM_TF_CALL_SITE | KM_TF_PTR))
		return false;
	if (km_event_is_alloc(kind) && ((event.has & needs) != needs || !event.alloc ||
					event.alloc > UINT32_MAX || event.req > event.alloc))
		return false;
	tail->len = 0;
	tail->cache = event.cache.len
			      ? km_intern_get(&reader->names, event.cache.at, event.cache.len)
			      : 0;
	if (event.cache.len && !tail->cache)
		return false;
	tail->hash = hash;
	tail->kind = (uint8_t)kind;
	tail->flags = event.flags;
	tail->req = km_event_is_alloc(kind) ? (uint32_t)event.req : 0;
	tail->alloc = km_event_is_alloc(kind) ? (uint32_t)event.alloc : 0;
	tail->more = event.more;
	memcpy(tail->text, at, len);
	tail->len = (uint16_t)len;
	return true;
}

static inline const struct km_text_tail *
get_tail(struct km_text_reader *reader, enum km_event_kind kind, const char *at, size_t len)
{
	uint32_t hash = hash_of(at, len);
	struct km_text_tail *tail = &reader->fast.tails[hash % NR_TAILS];

	if (tail->hash == hash && tail->len == len && tail->kind == kind &&
	    memcmp(tail->text, at, len) == 0)
		return tail;
	return learn_tail(reader, tail, kind, hash, at, len) ? tail : NULL;
}

/* The kind of the event named at `*at`, and the place behind its name and colon. */
static inline enum km_event_kind kind_at(const char **at)
{
	const char *p = *at;
	const uint64_t word = word_at(p);

	if (word == word_at("kmem_cac")) {
		if (word_at(p + 8) == word_at("he_alloc") && p[16] == ':') {
			*at = p + 17;
			return KM_EV_CACHE_ALLOC;
		}
		if (word_at(p + 8) == word_at("he_free:")) {
			*at = p + 16;
			return KM_EV_CACHE_FREE;
		}
	}
	if (word == word_at("kmalloc:")) {
		*at = p + 8;
		return KM_EV_KMALLOC;
	}
	if (memcmp(p, "kfree:", 6) == 0) {
		*at = p + 6;
		return KM_EV_KFREE;
	}
	return KM_EV_OTHER;
}

/* Eight characters as a little-endian word. */
#define CPU_ZEROES      0x20205d3030305bULL   /* "[000]  " */
#define FRACTION_ZEROES 0x3a3030303030302eULL /* ".000000:" */

/* What was found in a line, before anything of it is counted. */
struct found {
	enum km_event_kind kind;
	const char *stamp; /* with what stands before it: flags and spaces */
	struct km_span call_site;
	const char *ptr; /* sixteen digits */
	bool is_hashed;
	const struct km_text_tail *tail; /* NULL: of no use */
	const char *end;                 /* the newline */
};

static const struct km_text_tail no_tail;

/* What follows the event's name: " call_site=f+0x1/0x9 ptr=0123456789abcdef ...". */
static inline bool find_fields(struct km_text_reader *reader, const char *p, bool wants_tail,
			       struct found *ret)
{
	const char *end;

	/* trace-cmd report: padded, and "(f+0x1) " */
	while (p[0] == ' ' && p[1] == ' ')
		p++;
	if (__builtin_expect(p[1] == '(', 0)) {
		p = token_end(p + 1);
		if (p[-1] != ')')
			return false;
	}
	if (word_at(p) != word_at(" call_si") || memcmp(p + 8, "te=", 3) != 0)
		return false;
	p += 11;
	end = token_end(p);
	if (end == p || word_at(end) << 24 != word_at(" ptr=000") << 24)
		return false;
	ret->call_site = (struct km_span){ p, (size_t)(end - p) };
	p = end + 5;
	ret->is_hashed = false;
	if (p[1] == 'x')
		p += 2;
	else
		ret->is_hashed = word_at(p) == word_at("00000000");
	if (!are_hex16(p) ||
	    (word_at(p + 8) == word_at("00000000") && word_at(p) == word_at(p + 8)))
		return false;
	ret->ptr = p;
	p += 16;
	/* no newline is missed: the block ends with some */
	end = memchr(p, '\n', MOST_TAIL);
	if (!end || (*p != ' ' && p != end) || end[-1] == '\r')
		return false;
	ret->end = end;
	ret->tail = &no_tail;
	if (!wants_tail || p == end)
		return p != end || !km_event_is_alloc(ret->kind);
	if (end - p < 16)
		return false;
	ret->tail = get_tail(reader, ret->kind, p, (size_t)(end - p));
	return ret->tail != NULL;
}

static inline bool find_parts(struct km_text_reader *reader, const char *line, bool wants_all,
			      uint32_t *ret_cpu, struct found *ret)
{
	const struct km_text_fast *fast = &reader->fast;
	const char *cpu = line + fast->cpu_at, *colon = line + fast->colon_at;
	const char *point = colon - fast->frac_size - 1;
	uint64_t head, tail, bad;
	const char *p;

	/* "[001] " */
	head = word_at(cpu) ^ CPU_ZEROES;
	bad = (head & 0xfffff0f0f0ffULL) | ((head + 0x06060600) & 0xf0f0f000);
	/* ".123456:", or the end of ".123456789:" with a digit before */
	tail = word_at(colon - 7) ^ FRACTION_ZEROES;
	bad |= (tail & 0xfff0f0f0f0f0f000ULL) | ((tail + 0x06060606060600) & 0xf0f0f0f0f0f000);
	bad |= (uint64_t)(*point ^ '.') | (uint64_t)(colon[1] ^ ' ');
	for (p = line; p + 16 <= colon; p += 16)
		bad |= mask_below_space(p);
	bad |= mask_below_space(colon - 16);
	if (bad || !is_digit(point[-1]))
		return false;
	if (fast->frac_size == 9 &&
	    (!is_digit(point[1]) || !is_digit(point[2]) || !is_digit(point[3])))
		return false;
	*ret_cpu = (uint32_t)((cpu[1] - '0') * 100 + (cpu[2] - '0') * 10 + (cpu[3] - '0'));
	ret->stamp = cpu + 5;
	p = colon + 2;
	if (__builtin_expect(*p == ' ' || word_at(p) << 24 == word_at("kmem:000") << 24, 0)) {
		while (*p == ' ')
			p++;
		if (word_at(p) << 24 != word_at("kmem:000") << 24)
			return false;
		p += 5;
	}
	ret->kind = kind_at(&p);
	if (ret->kind == KM_EV_OTHER)
		return false;
	return find_fields(reader, p, wants_all || km_event_is_alloc(ret->kind), ret);
}

/* The columns that only KM_WANT_ALL has; false if the pid is odd. */
static inline bool put_all(struct km_text_reader *reader, const char *line, uint32_t cpu,
			   const struct found *found, struct km_batch *batch, uint32_t i)
{
	const char *colon = line + reader->fast.colon_at;

	struct km_text *text = (struct km_text *)reader->base.source;
	struct km_span comm;

	if (!km_text_find_pid(line, line + reader->fast.cpu_at, &batch->pid[i], &comm))
		return false;
	km_text_comms_note(&text->comms, batch->pid[i], comm);
	batch->ts_ns[i] =
		km_text_stamp_ns((struct km_span){ found->stamp, (size_t)(colon - found->stamp) });
	batch->ptr[i] = hex8(found->ptr) << 32 | hex8(found->ptr + 8);
	batch->cpu[i] = (uint16_t)cpu;
	batch->more[i] = found->tail->more;
	batch->stack[i] = 0;
	km_batch_mark(batch, i);
	return true;
}

static inline __attribute__((always_inline)) void
walk(struct km_text_reader *reader, struct km_batch *batch, const enum km_want want)
{
	struct km_text *text = (struct km_text *)reader->base.source;
	const char *const limit = reader->block + reader->size;
	const char *line = reader->block + reader->pos;
	const bool excludes = text->nr_exclude_pids > 0;
	uint32_t nr = batch->nr;

	while (nr < KM_BATCH_EVENTS && limit - line > MOST_COLON) {
		struct km_stream_stats *stream;
		struct found found;
		uint32_t cpu, stream_nr;
		int32_t pid;
		struct km_span comm;
		bool is_put;

		/* each line is read to find the next: without this it waits for memory */
		for (unsigned int i = 0; i < 4; i++)
			__builtin_prefetch(line + PREFETCH_BYTES + 64 * i);
		if (!find_parts(reader, line, want == KM_WANT_ALL, &cpu, &found))
			break;
		if (excludes && (!km_text_find_pid(line, line + reader->fast.cpu_at, &pid, &comm) ||
				 km_text_excludes(text, pid)))
			break;
		if (found.end >= limit || !reader->by_cpu[cpu] || !reader->slot_of_kind[found.kind])
			break;
		stream_nr = reader->by_cpu[cpu] - 1U;
		stream = &reader->streams[stream_nr];
		if (stream->first_ns == UINT64_MAX)
			break;
		is_put = want == KM_WANT_ALL || km_event_is_alloc(found.kind);
		if (is_put) {
			if (!km_text_sites_get(&text->sites, found.call_site,
					       &batch->call_site[nr]))
				break;
			batch->size[nr] =
				(struct km_event_size){ found.tail->req, found.tail->alloc };
			batch->what[nr] = (struct km_event_what){
				.kind = (uint8_t)found.kind,
				.cache = found.tail->cache,
				.flags = found.tail->flags,
			};
			if (want == KM_WANT_ALL) {
				if (found.is_hashed)
					batch->what[nr].flags |= KM_EVF_PTR_HASHED;
				if (!put_all(reader, line, cpu, &found, batch, nr))
					break;
				reader->lanes[stream_nr].target = nr + 1;
				reader->frame_target = nr + 1;
				reader->frame_stack = 0;
			}
			nr++;
		}
		text->base.info.has_hashed_ptrs |= found.is_hashed;
		reader->lanes[stream_nr].last_stamp =
			(struct km_span){ found.stamp,
					  (size_t)(line + reader->fast.colon_at - found.stamp) };
		reader->stream = stream_nr;
		reader->slots[reader->slot_of_kind[found.kind] - 1]++;
		reader->kinds[found.kind]++;
		stream->quality.count[KM_EVENTS_USED]++;
		line = found.end + 1;
	}
	batch->nr = nr;
	reader->pos = (size_t)(line - reader->block);
}

void km_text_fast_walk(struct km_text_reader *reader, struct km_batch *batch)
{
	if (reader->want == KM_WANT_ALL)
		walk(reader, batch, KM_WANT_ALL);
	else
		walk(reader, batch, KM_WANT_ALLOCS);
}

#endif
