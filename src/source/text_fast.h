/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fast way through text, inside: what text_fast*.c share. */
#ifndef KMEMSTAT_SOURCE_TEXT_FAST_H
#define KMEMSTAT_SOURCE_TEXT_FAST_H

#include "source/text_reader.h"

/* Texts that are longer are read anew each time. Each makes whole cache lines with what it means.
 */
#define KM_TEXT_KEY_BYTES  192
#define KM_TEXT_TAIL_BYTES 224
/* What is looked at of a line's start, and of what ends with the time's colon and a space. */
#define KM_TEXT_HEAD_BYTES 32
/* Layouts a trace has at once: commands, pids and times do not always keep to their columns. */
#define KM_TEXT_LAYOUTS    8
/* Guesses beside the first. */
#define KM_TEXT_OTHERS     7

/*
 * What follows an event's pointer up to the end of the line, which is a part of it. Traces have
 * few different ones.
 */
struct km_text_tail {
	uint32_t hash;
	uint16_t len;
	bool is_alloc;
	struct km_event_what what;
	struct km_event_size size;
	struct km_event_more more;
	char text[KM_TEXT_TAIL_BYTES];
};

/* What stands where the pointer is. */
enum km_text_pointer {
	KM_TP_PLAIN, /* sixteen digits */
	KM_TP_HEX,   /* sixteen digits behind "0x", which belongs to the key */
	KM_TP_NIL,   /* nothing: "(nil)" belongs to the key */
};

/*
 * All between an event's time and the digits of its pointer, "kfree: call_site=f+0x1/0x9 ptr=",
 * and what came with it the last time.
 */
struct km_text_key {
	uint64_t call_site;
	struct km_text_key *next;        /* the key of the line that followed; never NULL */
	const struct km_text_tail *tail; /* on the same line; never NULL */
	uint32_t hash;
	uint16_t len;
	uint8_t kind;
	uint8_t pointer; /* enum km_text_pointer */
	/* what followed, and what came with it, before that: indices + 1, the last first */
	uint16_t others[KM_TEXT_OTHERS], other_tails[KM_TEXT_OTHERS];
	_Alignas(64) char text[KM_TEXT_KEY_BYTES];
};

/*
 * Where a line has the parts that stand before the event's name, and which characters can be
 * where: from low[i] to low[i] + range[i]. Two pieces are looked at, the line's first and the
 * one from `window` on, which ends behind the colon.
 */
struct km_text_layout {
	uint8_t low[2 * KM_TEXT_HEAD_BYTES], range[2 * KM_TEXT_HEAD_BYTES];
	uint32_t window;
	uint32_t cpu_at;              /* of '[' */
	uint32_t stamp_at, stamp_len; /* of the time */
	uint32_t colon_at;            /* behind it */
};

struct km_text_fast {
	struct km_text_layout layouts[KM_TEXT_LAYOUTS];
	uint32_t nr_layouts, layout, next_layout;
	struct km_text_key *last; /* of the line before; NULL: none */
	/* the texts met, and where to find them: index + 1 by hash, open addressing */
	struct km_text_key *keys;
	struct km_text_tail *tails;
	uint32_t nr_keys, nr_tails;
	uint16_t *key_table, *tail_table;
	void *memory; /* of them all */
	/* the walk for this processor; NULL: all lines go the sure way (for tests) */
	void (*walk)(struct km_text_reader *reader, struct km_batch *batch);
};

/* Ones for KM_TEXT_TAIL_BYTES, then as many zeroes. */
extern const uint8_t km_text_mask[2 * KM_TEXT_TAIL_BYTES];

/*
 * The key of a line, which fits the layout; NULL if the line is for the sure way. It becomes the
 * one that follows the last key.
 */
struct km_text_key *km_text_fast_key(struct km_text_reader *reader, const char *line);
/*
 * Gives a line's key the line's tail, which begins at `at`. Returns the key, which may lie
 * elsewhere now, or NULL if the line is for the sure way.
 */
struct km_text_key *km_text_fast_tail(struct km_text_reader *reader, const char *line,
				      struct km_text_key *key, const char *at);

/* km_text_fast_walk() with the instructions that all such machines have, and with AVX2. */
void km_text_fast_walk_base(struct km_text_reader *reader, struct km_batch *batch);
void km_text_fast_walk_avx2(struct km_text_reader *reader, struct km_batch *batch);

#endif
