/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages between the resolver and its reader of debug files: written, and checked as read. */
#include "sym/wire.h"

#include <stdlib.h>
#include <string.h>

#include "sym/dwarf_private.h"
#include "sym/type_die.h"

enum {
	FRAMES_MAX = KM_DEPTH_MAX + 1,
	TYPES_MAX = 64,
	MEMBER_DEPTH_MAX = 64,
};

static const bool is_big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;

void km_wire_deinit(struct km_wire *wire)
{
	free(wire->data);
	*wire = (struct km_wire){ 0 };
}

void km_wire_put(struct km_wire *wire, const void *data, size_t bytes)
{
	if (wire->is_broken)
		return;
	if (bytes > KM_WIRE_BYTES_MAX || wire->bytes + bytes > KM_WIRE_BYTES_MAX) {
		wire->is_broken = true;
		return;
	}
	if (wire->bytes + bytes > wire->max) {
		size_t max = wire->max ? wire->max : 4096;

		while (max < wire->bytes + bytes)
			max *= 2;
		uint8_t *grown = realloc(wire->data, max);

		if (!grown) {
			wire->is_broken = true;
			return;
		}
		wire->data = grown;
		wire->max = max;
	}
	if (bytes)
		memcpy(wire->data + wire->bytes, data, bytes);
	wire->bytes += bytes;
}

void km_wire_begin(struct km_wire *wire, enum km_wire_kind kind)
{
	const struct km_wire_head head = { .kind = kind };

	wire->bytes = 0;
	wire->is_broken = false;
	km_wire_put(wire, &head, sizeof(head));
}

bool km_wire_finish(struct km_wire *wire)
{
	struct km_wire_head head;

	if (wire->is_broken)
		return false;
	memcpy(&head, wire->data, sizeof(head));
	head.bytes = (uint32_t)(wire->bytes - sizeof(head));
	memcpy(wire->data, &head, sizeof(head));
	return true;
}

void km_wire_put_string(struct km_wire *wire, const char *text)
{
	km_wire_put(wire, text, strlen(text) + 1);
}

void km_wire_put_optional(struct km_wire *wire, const char *text)
{
	km_wire_put_u8(wire, text != NULL);
	if (text)
		km_wire_put_string(wire, text);
}

struct km_cursor km_wire_cursor(const struct km_wire *wire)
{
	return km_cursor_make(wire->data + sizeof(struct km_wire_head),
			      wire->bytes - sizeof(struct km_wire_head), is_big_endian);
}

/* A truth value: anything but 0 and 1 is no message of ours. */
static bool read_bool(struct km_cursor *cur)
{
	uint8_t value = km_cursor_u8(cur);

	if (value > 1)
		cur->is_over = true;
	return value == 1;
}

/* A number of at most `max`. */
static uint64_t read_upto(struct km_cursor *cur, uint64_t max)
{
	uint64_t value = km_cursor_u64(cur);

	if (value > max)
		cur->is_over = true;
	return cur->is_over ? 0 : value;
}

const char *km_wire_optional(struct km_cursor *cur)
{
	return read_bool(cur) ? km_cursor_string(cur) : NULL;
}

/* A copy of an optional string; without memory the message cannot be read. */
static const char *read_string(struct km_cursor *cur, struct km_arena *arena)
{
	const char *text = km_wire_optional(cur), *copy;

	if (cur->is_over || !text)
		return NULL;
	copy = km_arena_strdup(arena, text);
	if (!copy)
		cur->is_over = true;
	return copy;
}

static bool is_read(const struct km_cursor *cur)
{
	return !cur->is_over && !km_cursor_left(cur);
}

void km_wire_say_error(struct km_wire *wire, const struct km_error *error, bool has_dwarf)
{
	km_wire_begin(wire, KM_SAY_ERROR);
	km_wire_put_u8(wire, error->kind == KM_ERR_MEMORY);
	km_wire_put_u8(wire, has_dwarf);
	km_wire_put_u8(wire, error->has_offset);
	km_wire_put_u64(wire, error->offset);
	km_wire_put_optional(wire, error->remedy);
	km_wire_put_string(wire, error->message);
}

struct km_error *km_wire_read_error(const struct km_wire *wire, const char *path,
				    bool *ret_has_dwarf)
{
	struct km_cursor cur = km_wire_cursor(wire);
	bool is_memory = read_bool(&cur), has_dwarf = read_bool(&cur);
	bool has_offset = read_bool(&cur);
	uint64_t offset = km_cursor_u64(&cur);
	const char *remedy = km_wire_optional(&cur);
	const char *message = km_cursor_string(&cur);
	struct km_error *error;

	if (!is_read(&cur) || !message)
		return NULL;
	if (ret_has_dwarf)
		*ret_has_dwarf = has_dwarf;
	if (is_memory)
		return &km_error_memory;
	error = has_offset ? km_error_at(path, offset, "%s", message)
			   : km_error_create(KM_ERR_INPUT, path, "%s", message);
	return remedy ? km_error_advise(error, "%s", remedy) : error;
}

bool km_wire_read_ready(const struct km_wire *wire, struct km_jail *ret)
{
	struct km_cursor cur = km_wire_cursor(wire);

	ret->has_seccomp = read_bool(&cur);
	ret->has_landlock = read_bool(&cur);
	return is_read(&cur);
}

void km_wire_say_chain(struct km_wire *wire, const struct km_dwarf_chain *chain)
{
	km_wire_begin(wire, KM_SAY_CHAIN);
	km_wire_put_u32(wire, (uint32_t)chain->nr_frames);
	for (size_t i = 0; i < chain->nr_frames; i++) {
		const struct km_dwarf_frame *frame = &chain->frames[i];

		km_wire_put_optional(wire, frame->function);
		km_wire_put_optional(wire, frame->path);
		km_wire_put_u64(wire, frame->tidy);
		km_wire_put_u32(wire, frame->line);
		km_wire_put_u32(wire, frame->column);
	}
}

bool km_wire_read_chain(const struct km_wire *wire, struct km_arena *arena,
			struct km_dwarf_chain *ret)
{
	struct km_cursor cur = km_wire_cursor(wire);
	uint32_t nr = km_cursor_u32(&cur);

	*ret = (struct km_dwarf_chain){ 0 };
	if (nr > FRAMES_MAX)
		return false;
	ret->frames = km_arena_alloc(arena, nr * sizeof(*ret->frames) + 1);
	if (!ret->frames)
		return false;
	for (uint32_t i = 0; i < nr; i++) {
		struct km_dwarf_frame *frame = &ret->frames[i];

		frame->function = read_string(&cur, arena);
		frame->path = read_string(&cur, arena);
		frame->tidy = (size_t)read_upto(&cur, frame->path ? strlen(frame->path) : 0);
		frame->line = km_cursor_u32(&cur);
		frame->column = km_cursor_u32(&cur);
	}
	ret->nr_frames = nr;
	return is_read(&cur);
}

static void put_member(struct km_wire *wire, const struct km_member *member)
{
	km_wire_put_optional(wire, member->name);
	km_wire_put_string(wire, member->declaration);
	km_wire_put_u64(wire, member->offset);
	km_wire_put_u64(wire, member->bytes);
	km_wire_put_u64(wire, member->align);
	km_wire_put_u64(wire, member->count);
	km_wire_put_u64(wire, member->element_bytes);
	km_wire_put_u32(wire, member->bits);
	km_wire_put_u32(wire, member->bit_offset);
	km_wire_put_u32(wire, member->depth);
	km_wire_put_u8(wire, member->opens);
	km_wire_put_u64(wire, member->hole);
}

static void read_member(struct km_cursor *cur, struct km_arena *arena, struct km_member *ret)
{
	const char *declaration;

	ret->name = read_string(cur, arena);
	declaration = km_cursor_string(cur);
	ret->declaration = declaration ? km_arena_strdup(arena, declaration) : NULL;
	ret->offset = km_cursor_u64(cur);
	ret->bytes = read_upto(cur, KM_TYPE_BYTES_MAX);
	ret->align = read_upto(cur, KM_TYPE_BYTES_MAX);
	ret->count = km_cursor_u64(cur);
	ret->element_bytes = read_upto(cur, KM_TYPE_BYTES_MAX);
	ret->bits = km_cursor_u32(cur);
	ret->bit_offset = km_cursor_u32(cur);
	ret->depth = km_cursor_u32(cur);
	ret->opens = read_bool(cur);
	ret->hole = km_cursor_u64(cur);
	if (!ret->declaration || ret->bit_offset > 7)
		cur->is_over = true;
}

static void put_layout(struct km_wire *wire, const struct km_layout *layout)
{
	km_wire_put_u64(wire, layout->bytes);
	km_wire_put_u64(wire, layout->align);
	km_wire_put_u64(wire, layout->nr_holes);
	km_wire_put_u64(wire, layout->bytes_holes);
	km_wire_put_u64(wire, layout->bytes_padding);
	km_wire_put_u64(wire, layout->bytes_packed);
	km_wire_put_u8(wire, layout->is_union);
	km_wire_put_u8(wire, layout->has_flexible);
	km_wire_put_u8(wire, layout->is_cut);
	km_wire_put_u32(wire, (uint32_t)layout->nr_members);
	for (size_t i = 0; i < layout->nr_members; i++)
		put_member(wire, &layout->members[i]);
}

/* Members of one structure follow each other, those of one inside it are one deeper. */
static bool are_nested(const struct km_member *members, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		uint32_t most = i ? members[i - 1].depth + members[i - 1].opens : 0;

		if (members[i].depth > most || members[i].depth > MEMBER_DEPTH_MAX)
			return false;
	}
	return true;
}

static const struct km_layout *read_layout(struct km_cursor *cur, struct km_arena *arena,
					   const char *name)
{
	struct km_layout *layout = km_arena_alloc(arena, sizeof(*layout));
	struct km_member *members;

	if (!layout || !name)
		return NULL;
	layout->name = name;
	layout->bytes = read_upto(cur, KM_TYPE_BYTES_MAX);
	layout->align = read_upto(cur, KM_TYPE_BYTES_MAX);
	layout->nr_holes = (size_t)read_upto(cur, KM_TYPE_MEMBERS_MAX);
	layout->bytes_holes = km_cursor_u64(cur);
	layout->bytes_padding = read_upto(cur, layout->bytes);
	layout->bytes_packed = read_upto(cur, layout->bytes);
	layout->is_union = read_bool(cur);
	layout->has_flexible = read_bool(cur);
	layout->is_cut = read_bool(cur);
	layout->nr_members = km_cursor_u32(cur);
	if (cur->is_over || layout->nr_members > KM_TYPE_MEMBERS_MAX)
		return NULL;
	members = km_arena_alloc(arena, layout->nr_members * sizeof(*members) + 1);
	if (!members)
		return NULL;
	for (size_t i = 0; i < layout->nr_members && !cur->is_over; i++)
		read_member(cur, arena, &members[i]);
	layout->members = members;
	return !cur->is_over && are_nested(members, layout->nr_members) ? layout : NULL;
}

void km_wire_say_types(struct km_wire *wire, const struct km_types *types)
{
	km_wire_begin(wire, KM_SAY_TYPES);
	km_wire_put_u32(wire, (uint32_t)types->nr);
	for (size_t i = 0; i < types->nr; i++) {
		const struct km_type *type = &types->types[i];

		km_wire_put_string(wire, type->name);
		km_wire_put_optional(wire, type->member);
		km_wire_put_u64(wire, type->bytes);
		km_wire_put_u64(wire, type->element_bytes);
		km_wire_put_u64(wire, type->sureness);
		km_wire_put_u64(wire, type->form);
		km_wire_put_u8(wire, type->layout != NULL);
		if (type->layout)
			put_layout(wire, type->layout);
	}
}

static bool read_type(struct km_cursor *cur, struct km_arena *arena, struct km_type *ret)
{
	const char *name = km_cursor_string(cur);

	if (!name || !(ret->name = km_arena_strdup(arena, name)))
		return false;
	ret->member = read_string(cur, arena);
	ret->bytes = read_upto(cur, KM_TYPE_BYTES_MAX);
	ret->element_bytes = read_upto(cur, KM_TYPE_BYTES_MAX);
	ret->sureness = (enum km_sureness)read_upto(cur, KM_SURE_SEVERAL);
	ret->form = (enum km_type_form)read_upto(cur, KM_FORM_ARRAY);
	if (read_bool(cur) && !(ret->layout = read_layout(cur, arena, ret->name)))
		return false;
	return !cur->is_over;
}

bool km_wire_read_types(const struct km_wire *wire, const struct km_types_question *question,
			struct km_arena *arena, struct km_types *ret)
{
	struct km_cursor cur = km_wire_cursor(wire);
	uint32_t nr = km_cursor_u32(&cur);
	struct km_type *types;

	*ret = (struct km_types){ 0 };
	if (nr > TYPES_MAX)
		return false;
	types = km_arena_alloc(arena, nr * sizeof(*types) + 1);
	if (!types)
		return false;
	for (uint32_t i = 0; i < nr; i++) {
		if (!read_type(&cur, arena, &types[i]))
			return false;
		types[i].min_req = question->sizes[0];
		types[i].max_req = question->sizes[question->nr_sizes - 1];
	}
	*ret = (struct km_types){ types, nr };
	return is_read(&cur);
}
