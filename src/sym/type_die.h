/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Types in DWARF: what stands behind typedefs, how large it is, what it is called. */
#ifndef KMEMSTAT_SYM_TYPE_DIE_H
#define KMEMSTAT_SYM_TYPE_DIE_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

/* No type of a kernel is larger; what a damaged file says beyond is refused. */
#define KM_TYPE_BYTES_MAX   (UINT64_C(1) << 40)
#define KM_TYPE_MEMBERS_MAX 4096 /* struct task_struct has 250 */

/* An attribute that is a number that cannot be negative. */
bool km_die_number(Dwarf_Die *die, unsigned int name, uint64_t *ret);
/* The type a DIE (or what it is an instance of) refers to, as it is written. */
bool km_die_type(Dwarf_Die *die, Dwarf_Die *ret);
/* The same without const, volatile and typedefs. False for void, and for endless chains. */
bool km_type_strip(Dwarf_Die *type, Dwarf_Die *ret);
/* What a pointer type points to, stripped; false if it is no pointer, or void *. */
bool km_type_pointee(Dwarf_Die *type, Dwarf_Die *ret);
bool km_type_is_aggregate(Dwarf_Die *type);
/* The size of a complete type. */
bool km_type_bytes(Dwarf_Die *type, uint64_t *ret);
uint64_t km_type_align(Dwarf_Die *type);
/* The extents of an array type. */
struct km_extents {
	Dwarf_Die element; /* stripped */
	uint64_t element_bytes;
	uint64_t count;   /* of all dimensions together */
	bool is_flexible; /* no bound, or none of its own: [], [0] */
};
bool km_type_array(Dwarf_Die *type, struct km_extents *ret);
/* The number of elements of one dimension; false: no bound. */
bool km_array_dimension(Dwarf_Die *range, uint64_t *ret);
/* The offset of a member in its structure. */
bool km_member_offset(Dwarf_Die *member, uint64_t *ret);

/* The flexible array that a structure ends in. */
struct km_flexible {
	uint64_t offset;
	uint64_t element_bytes;
	const char *name;
};
bool km_type_flexible(Dwarf_Die *type, struct km_flexible *ret);

/*
 * A type, or with `name` the declaration of something of that type, in C: "struct mesh_rmc",
 * "u32 idx_mask", "int (*open)(struct inode *, struct file *)". malloc'ed; NULL without memory.
 * What has no name is written "struct {...}", and *ret_named is false.
 */
char *km_type_declare(Dwarf_Die *type, const char *name, bool *ret_named);

#endif
