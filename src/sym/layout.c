/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a structure is laid out: its members in the order of their offsets, what is unused between
 * and behind them, and what it would take with its members in the order of their alignment.
 * Sizes of types are multiples of their alignment, so that in that order nothing is lost before
 * the end, unless a member (not its type) is aligned by an attribute.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "sym/types_private.h"

enum { DEPTH_MAX = 8 }; /* of structures without a tag in one another */

struct builder {
	struct km_arena *arena;
	struct km_member *members;
	size_t nr, max;
	bool is_cut;
};

static struct km_error *add_members(struct builder *b, Dwarf_Die *type, uint64_t base,
				    unsigned int depth);

/*
 * The place of a bit field. DWARF 4 counts from the end of its storage on machines that are
 * little endian (DW_AT_bit_offset), version 5 from the beginning of the structure.
 */
static void place_bits(Dwarf_Die *member, uint64_t base, uint64_t storage, struct km_member *ret)
{
	uint64_t bit = 0, from_end, bits = 0;

	km_die_number(member, DW_AT_bit_size, &bits);
	if (!bits || bits > UINT32_MAX / 2 || bits > storage * 8)
		return;
	if (km_die_number(member, DW_AT_data_bit_offset, &bit)) {
		ret->offset = base + bit / 8;
	} else if (km_die_number(member, DW_AT_bit_offset, &from_end) &&
		   from_end + bits <= storage * 8) {
		bit = storage * 8 - from_end - bits;
		ret->offset += bit / 8;
	}
	ret->bits = (uint32_t)bits;
	ret->bit_offset = (uint32_t)(bit % 8);
	ret->bytes = (ret->bit_offset + bits + 7) / 8;
}

static struct km_error *keep_declaration(struct builder *b, Dwarf_Die *member, Dwarf_Die *type,
					 struct km_member *ret)
{
	const char *name = dwarf_diename(member);
	char *text = km_type_declare(type, name ? name : "", NULL), *with_bits = NULL;

	if (text && ret->bits && asprintf(&with_bits, "%s:%u", text, ret->bits) < 0)
		with_bits = NULL;
	if (text && (with_bits || !ret->bits))
		ret->declaration = km_arena_strdup(b->arena, with_bits ? with_bits : text);
	if (name)
		ret->name = km_arena_strdup(b->arena, name);
	free(text);
	free(with_bits);
	return ret->declaration && (ret->name || !name) ? NULL : &km_error_memory;
}

static struct km_error *add_member(struct builder *b, Dwarf_Die *die, uint64_t base,
				   unsigned int depth)
{
	struct km_member member = { .depth = depth };
	struct km_extents extents;
	uint64_t asked, offset;
	struct km_error *error;
	Dwarf_Die type, of;

	if (!km_die_type(die, &type) || !km_type_strip(&type, &of) ||
	    !km_member_offset(die, &offset) || __builtin_add_overflow(base, offset, &member.offset))
		return NULL;
	if (km_type_array(&of, &extents)) {
		member.count = extents.count;
		if (!km_type_bytes(&extents.element, &member.element_bytes))
			member.element_bytes = 0;
	}
	if (!km_type_bytes(&of, &member.bytes))
		member.bytes = 0;
	member.align = km_type_align(&type);
	if (km_die_number(die, DW_AT_alignment, &asked) && asked > member.align &&
	    asked <= KM_TYPE_BYTES_MAX)
		member.align = asked;
	place_bits(die, base, member.bytes, &member);
	member.opens = km_type_is_aggregate(&of) && !dwarf_diename(&of) &&
		       dwarf_tag(&type) != DW_TAG_typedef && depth + 1 < DEPTH_MAX;
	error = keep_declaration(b, die, &type, &member);
	if (error)
		return error;
	if (!km_grow(&b->members, b->nr, &b->max, sizeof(*b->members)))
		return &km_error_memory;
	b->members[b->nr++] = member;
	return member.opens ? add_members(b, &of, member.offset, depth + 1) : NULL;
}

static struct km_error *add_members(struct builder *b, Dwarf_Die *type, uint64_t base,
				    unsigned int depth)
{
	struct km_error *error = NULL;
	Dwarf_Die die;

	if (dwarf_child(type, &die))
		return NULL;
	do {
		/* static members of C++ and Rust are no part of it */
		if (dwarf_tag(&die) != DW_TAG_member || dwarf_hasattr(&die, DW_AT_external))
			continue;
		if (b->nr >= KM_TYPE_MEMBERS_MAX) {
			b->is_cut = true;
			break;
		}
		error = add_member(b, &die, base, depth);
	} while (!error && km_die_next(&die));
	return error;
}

static uint64_t end_of(const struct km_member *member)
{
	uint64_t end;

	return __builtin_add_overflow(member->offset, member->bytes, &end) ? UINT64_MAX : end;
}

/* Members of one structure, from `first`, which is of its depth: holes, and where they end. */
static uint64_t find_holes(struct km_member *members, size_t first, size_t nr, bool is_union)
{
	struct km_member *before = NULL;
	uint64_t end = 0;

	for (size_t i = first; i < nr && members[i].depth >= members[first].depth; i++) {
		struct km_member *member = &members[i];

		if (member->depth > members[first].depth)
			continue;
		if (before && !is_union && member->offset > end)
			before->hole = member->offset - end;
		if (end_of(member) > end)
			end = end_of(member);
		before = member;
	}
	return end;
}

static void sum_up(struct km_layout *layout, struct km_member *members, size_t nr)
{
	uint64_t end = find_holes(members, 0, nr, layout->is_union);

	for (size_t i = 1; i < nr; i++)
		/* the first member of each structure without a tag */
		if (members[i].depth == members[i - 1].depth + 1)
			find_holes(members, i, nr,
				   !strncmp(members[i - 1].declaration, "union ", 6));
	for (size_t i = 0; i < nr; i++) {
		if (members[i].depth || !members[i].hole)
			continue;
		layout->nr_holes++;
		layout->bytes_holes += members[i].hole;
	}
	layout->bytes_padding = layout->bytes > end ? layout->bytes - end : 0;
	layout->bytes_packed =
		layout->is_union ? layout->bytes : km_layout_rearranged(layout, SIZE_MAX, true);
	if (layout->bytes_packed > layout->bytes)
		layout->bytes_packed = layout->bytes;
}

struct km_error *km_layout_read(Dwarf_Die *type, struct km_arena *arena, struct km_layout *ret)
{
	struct builder b = { .arena = arena };
	struct km_error *error = add_members(&b, type, 0, 0);
	struct km_flexible flexible;
	struct km_member *members = NULL;

	if (!error) {
		members = km_arena_alloc(arena, b.nr * sizeof(*members) + 1);
		error = members ? NULL : &km_error_memory;
	}
	if (!error) {
		if (b.nr)
			memcpy(members, b.members, b.nr * sizeof(*members));
		ret->members = members;
		ret->nr_members = b.nr;
		ret->is_cut = b.is_cut;
		ret->is_union = dwarf_tag(type) == DW_TAG_union_type;
		ret->align = km_type_align(type);
		ret->has_flexible = km_type_flexible(type, &flexible);
		if (km_type_bytes(type, &ret->bytes) && b.nr && !b.is_cut)
			sum_up(ret, members, b.nr);
		else
			ret->bytes_packed = ret->bytes;
	}
	free(b.members);
	return error;
}
