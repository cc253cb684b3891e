/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the resolver and the process that reads debug files say to each other. Both are of one
 * program on one machine, so numbers are in its own order and size. A message is a head, then
 * `bytes` of what its kind has, strings ended by NUL:
 *
 *   KM_ASK_OPEN     path, module (optional); with it goes the file
 *   KM_ASK_CHAIN    u32 file, u64 address
 *   KM_ASK_TYPES    u32 file, u64 address, u32 nr_wrappers, u32 line, u32 nr_sizes, u32 sizes[]
 *   KM_SAY_READY    u8 has_seccomp, u8 has_landlock; once, before the first answer
 *   KM_SAY_ERROR    u8 is of memory, u8 has_dwarf, u8 has_offset, u64 offset, remedy (optional),
 *                   message; of the file that was asked of
 *   KM_SAY_OPENED   u32 file
 *   KM_SAY_CHAIN    u32 nr_frames, frames
 *   KM_SAY_TYPES    u32 nr, types
 *
 * The one asks and is believed. The other may have been taken over by a file that it read: of
 * what it says every size, number and name of a kind is checked.
 */
#ifndef KMEMSTAT_SYM_WIRE_H
#define KMEMSTAT_SYM_WIRE_H

#include "base/cursor.h"
#include "sym/debugfile.h"
#include "sym/jail.h"

/* Of one message. The largest answers are types with thousands of members. */
#define KM_WIRE_BYTES_MAX (UINT32_C(16) << 20)

enum km_wire_kind {
	KM_ASK_OPEN = 1,
	KM_ASK_CHAIN,
	KM_ASK_TYPES,
	KM_SAY_READY,
	KM_SAY_ERROR,
	KM_SAY_OPENED,
	KM_SAY_CHAIN,
	KM_SAY_TYPES,
};

struct km_wire_head {
	uint32_t kind;
	uint32_t bytes; /* that follow */
};

/* A message that is written, or has been read. Begins zeroed. */
struct km_wire {
	uint8_t *data; /* the head is in it */
	size_t bytes, max;
	bool is_broken; /* no memory, or too long */
};

void km_wire_deinit(struct km_wire *wire);
/* Begins a message of that kind; its memory is used again. */
void km_wire_begin(struct km_wire *wire, enum km_wire_kind kind);
void km_wire_put(struct km_wire *wire, const void *data, size_t bytes);
static inline void km_wire_put_u8(struct km_wire *wire, uint8_t value)
{
	km_wire_put(wire, &value, sizeof(value));
}
static inline void km_wire_put_u32(struct km_wire *wire, uint32_t value)
{
	km_wire_put(wire, &value, sizeof(value));
}
static inline void km_wire_put_u64(struct km_wire *wire, uint64_t value)
{
	km_wire_put(wire, &value, sizeof(value));
}
void km_wire_put_string(struct km_wire *wire, const char *text);
/* NULL or a string. */
void km_wire_put_optional(struct km_wire *wire, const char *text);
/* Completes the head. False if the message could not be made: no memory, or it is too long. */
bool km_wire_finish(struct km_wire *wire);

/* What is behind the head of a message of that many bytes, for reading. */
struct km_cursor km_wire_cursor(const struct km_wire *wire);
/* NULL or a string, which is the message's; whether it can be known only by `is_over`. */
const char *km_wire_optional(struct km_cursor *cur);

/* Answers; errors are not taken over. */
void km_wire_say_error(struct km_wire *wire, const struct km_error *error, bool has_dwarf);
void km_wire_say_chain(struct km_wire *wire, const struct km_dwarf_chain *chain);
void km_wire_say_types(struct km_wire *wire, const struct km_types *types);

/*
 * And read, from behind the head. False if that is no such answer, or if there is no memory; what
 * is in *ret then is of no use. Strings are copied to the arena.
 */
bool km_wire_read_ready(const struct km_wire *wire, struct km_jail *ret);
bool km_wire_read_chain(const struct km_wire *wire, struct km_arena *arena,
			struct km_dwarf_chain *ret);
/* The sizes that were asked of are in each type. */
bool km_wire_read_types(const struct km_wire *wire, const struct km_types_question *question,
			struct km_arena *arena, struct km_types *ret);
/* The error, which is of the file at `path`; NULL if that is none. */
struct km_error *km_wire_read_error(const struct km_wire *wire, const char *path,
				    bool *ret_has_dwarf);

#endif
