/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Types in DWARF (version 5, chapter 5). A stranger's file may have typedefs that go round in
 * circles, structures that contain themselves, sizes without measure: every walk is bounded.
 */
#include "sym/type_die.h"

#include <dwarf.h>
#include <string.h>

#include "sym/dwarf_private.h"

enum {
	CHAIN_MAX = 32, /* const volatile typedef ... of one type */
	NEST_MAX = 16,  /* structures by value in structures, pointers to pointers */
	DIMS_MAX = 8,
	ALIGN_MAX = 1024, /* members looked at for the alignment of one type */
};

bool km_die_number(Dwarf_Die *die, unsigned int name, uint64_t *ret)
{
	Dwarf_Attribute attr;
	Dwarf_Word value;

	if (!dwarf_attr_integrate(die, name, &attr) || dwarf_formudata(&attr, &value))
		return false;
	*ret = value;
	return true;
}

bool km_die_type(Dwarf_Die *die, Dwarf_Die *ret)
{
	Dwarf_Attribute attr;

	return dwarf_attr_integrate(die, DW_AT_type, &attr) && dwarf_formref_die(&attr, ret);
}

bool km_type_strip(Dwarf_Die *type, Dwarf_Die *ret)
{
	Dwarf_Die die = *type;

	for (int i = 0; i < CHAIN_MAX; i++) {
		switch (dwarf_tag(&die)) {
		case DW_TAG_typedef:
		case DW_TAG_const_type:
		case DW_TAG_volatile_type:
		case DW_TAG_restrict_type:
		case DW_TAG_atomic_type:
			if (!km_die_type(&die, &die))
				return false;
			break;
		case DW_TAG_invalid:
			return false;
		default:
			*ret = die;
			return true;
		}
	}
	return false;
}

bool km_type_pointee(Dwarf_Die *type, Dwarf_Die *ret)
{
	Dwarf_Die die;

	return km_type_strip(type, &die) && dwarf_tag(&die) == DW_TAG_pointer_type &&
	       km_die_type(&die, &die) && km_type_strip(&die, ret);
}

bool km_type_is_aggregate(Dwarf_Die *type)
{
	int tag = dwarf_tag(type);

	return tag == DW_TAG_structure_type || tag == DW_TAG_union_type || tag == DW_TAG_class_type;
}

bool km_array_dimension(Dwarf_Die *range, uint64_t *ret)
{
	uint64_t value;

	if (km_die_number(range, DW_AT_count, &value)) {
		*ret = value;
		return true;
	}
	if (!km_die_number(range, DW_AT_upper_bound, &value))
		return false;
	/* [0] of old compilers: -1 */
	*ret = value == UINT64_MAX || value == UINT32_MAX ? 0 : value + 1;
	return true;
}

bool km_type_array(Dwarf_Die *type, struct km_extents *ret)
{
	Dwarf_Die range;
	int nr = 0;

	*ret = (struct km_extents){ .count = 1 };
	if (dwarf_tag(type) != DW_TAG_array_type || !km_die_type(type, &ret->element) ||
	    !km_type_strip(&ret->element, &ret->element))
		return false;
	if (!dwarf_child(type, &range)) {
		do {
			uint64_t count;

			if (dwarf_tag(&range) != DW_TAG_subrange_type)
				continue;
			if (++nr > DIMS_MAX)
				return false;
			if (!km_array_dimension(&range, &count) || !count)
				ret->is_flexible = true;
			else if (__builtin_mul_overflow(ret->count, count, &ret->count))
				return false;
		} while (km_die_next(&range));
	}
	if (!nr)
		ret->is_flexible = true;
	if (ret->is_flexible)
		ret->count = 0;
	return true;
}

static bool bytes_of(Dwarf_Die *type, unsigned int depth, uint64_t *ret)
{
	struct km_extents extents;
	uint64_t bytes;
	Dwarf_Die die;

	if (depth >= NEST_MAX || !km_type_strip(type, &die))
		return false;
	if (km_die_number(&die, DW_AT_byte_size, &bytes)) {
		*ret = bytes;
		return bytes <= KM_TYPE_BYTES_MAX;
	}
	if (dwarf_tag(&die) == DW_TAG_pointer_type) {
		uint8_t address_bytes = 0, offset_bytes;
		Dwarf_Die unit;

		if (!dwarf_diecu(&die, &unit, &address_bytes, &offset_bytes))
			return false;
		*ret = address_bytes;
		return address_bytes > 0;
	}
	if (!km_type_array(&die, &extents) ||
	    !bytes_of(&extents.element, depth + 1, &extents.element_bytes) ||
	    __builtin_mul_overflow(extents.element_bytes, extents.count, &bytes))
		return false;
	*ret = bytes;
	return bytes <= KM_TYPE_BYTES_MAX;
}

bool km_type_bytes(Dwarf_Die *type, uint64_t *ret)
{
	return bytes_of(type, 0, ret);
}

bool km_member_offset(Dwarf_Die *member, uint64_t *ret)
{
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t nr;

	if (km_die_number(member, DW_AT_data_bit_offset, ret)) {
		*ret /= 8;
		return true;
	}
	if (!dwarf_attr_integrate(member, DW_AT_data_member_location, &attr)) {
		*ret = 0; /* members of unions have none */
		return true;
	}
	if (dwarf_whatform(&attr) != DW_FORM_exprloc && dwarf_whatform(&attr) != DW_FORM_block1)
		return dwarf_formudata(&attr, ret) == 0;
	if (dwarf_getlocation(&attr, &ops, &nr) || nr != 1 || ops[0].atom != DW_OP_plus_uconst)
		return false;
	*ret = ops[0].number;
	return true;
}

/* An alignment that is asked for explicitly, or 0. */
static uint64_t asked_align(Dwarf_Die *die)
{
	uint64_t align;

	if (!km_die_number(die, DW_AT_alignment, &align) || (align & (align - 1)) ||
	    align > KM_TYPE_BYTES_MAX)
		return 0;
	return align;
}

static uint64_t align_of(Dwarf_Die *type, unsigned int depth, uint32_t *nr_seen);

static uint64_t align_of_members(Dwarf_Die *type, unsigned int depth, uint32_t *nr_seen)
{
	uint64_t most = 1;
	Dwarf_Die member;

	if (dwarf_child(type, &member))
		return most;
	do {
		uint64_t align, asked;
		Dwarf_Die of;

		if (dwarf_tag(&member) != DW_TAG_member || !km_die_type(&member, &of))
			continue;
		align = align_of(&of, depth, nr_seen);
		asked = asked_align(&member);
		if (asked > align)
			align = asked;
		if (align > most)
			most = align;
	} while (++*nr_seen < ALIGN_MAX && km_die_next(&member));
	return most;
}

/* Natural alignment: DWARF says only what differs from it. */
static uint64_t align_of(Dwarf_Die *type, unsigned int depth, uint32_t *nr_seen)
{
	uint64_t asked = 0, align = 1, bytes;
	struct km_extents extents;
	Dwarf_Die die = *type;

	/* typedefs may carry one */
	for (int i = 0; i < CHAIN_MAX && dwarf_tag(&die) != DW_TAG_invalid; i++) {
		uint64_t here = asked_align(&die);
		int tag = dwarf_tag(&die);

		if (here > asked)
			asked = here;
		if ((tag != DW_TAG_typedef && tag != DW_TAG_const_type &&
		     tag != DW_TAG_volatile_type) ||
		    !km_die_type(&die, &die))
			break;
	}
	if (depth >= NEST_MAX || !km_type_strip(type, &die))
		return asked ? asked : 1;
	if (km_type_is_aggregate(&die))
		align = align_of_members(&die, depth + 1, nr_seen);
	else if (km_type_array(&die, &extents))
		align = align_of(&extents.element, depth + 1, nr_seen);
	else if (km_type_bytes(&die, &bytes) && bytes && !(bytes & (bytes - 1)) && bytes <= 16)
		align = bytes;
	return asked > align ? asked : align;
}

uint64_t km_type_align(Dwarf_Die *type)
{
	uint32_t nr_seen = 0;

	return align_of(type, 0, &nr_seen);
}

static bool flexible_of(Dwarf_Die *type, unsigned int depth, uint32_t *nr_seen,
			struct km_flexible *ret);

/* Whether a member is, or ends in, a flexible array. */
static bool flexible_member(Dwarf_Die *member, unsigned int depth, uint32_t *nr_seen,
			    struct km_flexible *ret)
{
	struct km_extents extents;
	uint64_t offset;
	Dwarf_Die type;

	if (!km_die_type(member, &type) || !km_type_strip(&type, &type) ||
	    !km_member_offset(member, &offset))
		return false;
	if (km_type_array(&type, &extents)) {
		/* one element that is itself flexible is as good as none */
		if (extents.count == 1 && km_type_is_aggregate(&extents.element))
			return flexible_of(&extents.element, depth + 1, nr_seen, ret) &&
			       !__builtin_add_overflow(ret->offset, offset, &ret->offset);
		if (!extents.is_flexible || !km_type_bytes(&extents.element, &ret->element_bytes) ||
		    !ret->element_bytes)
			return false;
		ret->offset = offset;
		ret->name = dwarf_diename(member);
		return true;
	}
	if (!km_type_is_aggregate(&type) || !flexible_of(&type, depth + 1, nr_seen, ret))
		return false;
	return !__builtin_add_overflow(ret->offset, offset, &ret->offset);
}

static bool flexible_of(Dwarf_Die *type, unsigned int depth, uint32_t *nr_seen,
			struct km_flexible *ret)
{
	bool is_union = dwarf_tag(type) == DW_TAG_union_type;
	Dwarf_Die member, last = { 0 };
	uint64_t last_offset = 0;

	if (depth >= NEST_MAX || dwarf_child(type, &member))
		return false;
	do {
		uint64_t offset;

		if (dwarf_tag(&member) != DW_TAG_member || !km_member_offset(&member, &offset))
			continue;
		if (is_union && flexible_member(&member, depth, nr_seen, ret))
			return true;
		if (!last.addr || offset >= last_offset) {
			last = member;
			last_offset = offset;
		}
	} while (++*nr_seen < KM_TYPE_MEMBERS_MAX && km_die_next(&member));
	return !is_union && last.addr && flexible_member(&last, depth, nr_seen, ret);
}

bool km_type_flexible(Dwarf_Die *type, struct km_flexible *ret)
{
	uint32_t nr_seen = 0;

	return km_type_is_aggregate(type) && flexible_of(type, 0, &nr_seen, ret);
}
