/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The search for what a call site allocates: its parts. */
#ifndef KMEMSTAT_SYM_TYPES_PRIVATE_H
#define KMEMSTAT_SYM_TYPES_PRIVATE_H

#include "kmemstat/types.h"
#include "sym/dwarf_private.h"
#include "sym/type_die.h"

/* Of one call site: DIEs that are read. A kernel's unit has 20,000 below its root. */
#define KM_LOOK_MAX (1U << 20)

/* What is called at the call site. */
enum km_callee {
	KM_CALLEE_UNKNOWN, /* the debug information does not say */
	KM_CALLEE_FIXED,   /* an allocator, for a size that the compiler knew */
	KM_CALLEE_SIZED,   /* one, for a size that is computed */
	KM_CALLEE_EITHER,  /* one, for a size of either kind: kmemdup() */
	KM_CALLEE_CACHE,   /* one, for an object of a cache, which may have room for more */
	KM_CALLEE_SILENT,  /* one, for a string or with a header of its own */
	KM_CALLEE_OTHER,   /* a function that is no allocator, or a pointer to a function */
};

/* A type that would answer, and how. */
struct km_match_type {
	Dwarf_Die type;
	uint64_t bytes;
	enum km_type_form form;
	uint64_t element_bytes;
	const char *member;
	bool is_set; /* a variable that points to it gets a value at the call */
};

#define KM_MATCHES_MAX 8 /* more of one size tell nothing */

struct km_matches {
	struct km_match_type list[KM_MATCHES_MAX];
	size_t nr;
	bool is_cut;
	enum km_sureness sureness;
};

/* One question. */
struct km_type_search {
	struct km_dwarf *dwarf;
	const uint32_t *sizes; /* ascending */
	size_t nr_sizes;
	Dwarf_Die scopes[KM_DEPTH_MAX]; /* outermost first, without allocator wrappers */
	size_t nr_scopes;
	uint64_t return_pc; /* 0: of a jump */
	uint64_t line;      /* of the call; 0: not known */
	enum km_callee callee;
	bool is_array; /* kcalloc() and the like */
	uint32_t *nr_looked;
};

static inline bool km_may_look(uint32_t *nr_looked)
{
	return ++*nr_looked < KM_LOOK_MAX;
}

/* Looks for types in one function; adds to `ret`. Its unit's types only with `in_unit`. */
KM_MUST_CHECK struct km_error *km_type_search_run(const struct km_type_search *search, bool in_unit,
						  struct km_matches *ret);
/* Adds a type that is not there yet. */
void km_matches_add(struct km_matches *matches, const struct km_match_type *match);
/* The types of a unit, by size: the first of that size, or the place it would have. */
KM_MUST_CHECK struct km_error *km_unit_list_types(struct km_unit *unit, Dwarf_Die *cudie);
size_t km_unit_first_type(const struct km_unit *unit, uint64_t bytes);

/* Finds the call in a function that returns to `return_pc`. */
bool km_call_find(Dwarf_Die *function, uint64_t return_pc, uint32_t *nr_looked, Dwarf_Die *ret);
/* What it calls. */
enum km_callee km_call_callee(Dwarf_Die *call);
/* The function it calls, where that is compiled: false if it is not known, or a pointer. */
KM_MUST_CHECK struct km_error *km_call_function(struct km_dwarf *dwarf, Dwarf_Die *call,
						Dwarf_Die *ret, bool *ret_found);
/* Whether it calls what a pointer points to. */
bool km_call_is_indirect(Dwarf_Die *call);
/*
 * Calls `see` for each jump at the end of a function, with the scopes it is in, outermost
 * first.
 */
typedef struct km_error *(*km_jump_fn)(void *arg, const Dwarf_Die *scopes, size_t nr_scopes,
				       Dwarf_Die *call);
KM_MUST_CHECK struct km_error *km_jumps_each(Dwarf_Die *function, uint32_t *nr_looked,
					     km_jump_fn see, void *arg);
/* Whether a wrapper of that name allocates several of a type. */
bool km_wrapper_is_array(const char *name);

/* How a structure or union is laid out; all of `ret` but its name. */
KM_MUST_CHECK struct km_error *km_layout_read(Dwarf_Die *type, struct km_arena *arena,
					      struct km_layout *ret);

#endif
