/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the readers of DWARF share: lines (dwarf.c), types (dwarf_types.c), layouts (layout.c). */
#ifndef KMEMSTAT_SYM_DWARF_PRIVATE_H
#define KMEMSTAT_SYM_DWARF_PRIVATE_H

#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>

#include "sym/dwarf.h"

#define KM_DEPTH_MAX 64 /* of inlined calls and blocks; GCC stops far below */
#define KM_DIES_MAX  (1U << 22)
#define KM_UNITS_MAX (1U << 18)

struct km_function {
	uint64_t low, high;
	Dwarf_Off die;
};

/* A structure or union with a name, of a unit or of the whole file. */
struct km_unit_type {
	uint64_t bytes;
	Dwarf_Off die;
};

/* What was read of one unit. */
struct km_unit {
	Dwarf_Off offset;
	struct km_function *functions;
	size_t nr_functions, max_functions;
	char *root;     /* directory of the kernel tree, or NULL */
	char *comp_dir; /* where the compiler ran, normalized, or NULL */
	bool has_types;
	struct km_unit_type *types; /* by size */
	size_t nr_types, max_types;
};

struct km_unit_range {
	uint64_t low, high;
	Dwarf_Off unit;
};

struct km_dwarf {
	Dwfl *dwfl;
	Dwarf *dw;
	uint64_t bias; /* address in the file = address in the DWARF + bias */
	struct km_unit **units;
	size_t nr_units, max_units;
	bool has_ranges;
	struct km_unit_range *ranges; /* of all units, for files without .debug_aranges */
	size_t nr_ranges, max_ranges;
};

/* Scopes around an address, outermost (the function) first. */
struct km_scopes {
	Dwarf_Die dies[KM_DEPTH_MAX];
	size_t nr;
	uint32_t nr_seen; /* DIEs looked at */
};

/* Makes room for one more element in an array. */
bool km_grow(void *array, size_t nr, size_t *max, size_t element_bytes);
/* The next sibling, which in a sound file lies behind `die`. */
bool km_die_next(Dwarf_Die *die);
/* The unit that holds an address; *ret_found is false if none does. */
KM_MUST_CHECK struct km_error *km_dwarf_find_unit(struct km_dwarf *dwarf, uint64_t address,
						  Dwarf_Die *ret, bool *ret_found);
KM_MUST_CHECK struct km_error *km_dwarf_get_unit(struct km_dwarf *dwarf, Dwarf_Die *cudie,
						 struct km_unit **ret);
/* The function that holds an address and the inlined calls in it that do. */
bool km_dwarf_find_scopes(struct km_dwarf *dwarf, const struct km_unit *unit, uint64_t address,
			  struct km_scopes *scopes);
/* The address that libdwfl's layout gave a place in a section. */
bool km_dwarf_address(struct km_dwarf *dwarf, size_t section, uint64_t offset, uint64_t *ret);

#endif
