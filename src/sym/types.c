/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a call site to the types that it allocates: which function to ask, and the answer. */
#include "sym/types.h"

#include <dwarf.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "sym/types_private.h"
#include "sym/wrappers.h"

enum {
	JUMPS_MAX = 3,   /* functions that jump to functions that jump to kmalloc() */
	ANSWERS_MAX = 4, /* of one size; more tell nothing */
};

/* Modules are searched as a whole for functions that a pointer may have led to, no kernel. */
#define WHOLE_FILE_BYTES_MAX (UINT64_C(24) << 20)

/* A function that ends in a jump to what may be an allocator. */
struct jump_search {
	struct km_type_search search;
	unsigned int depth;
	struct km_matches *matches;
};

static struct km_error *search_jumps(struct jump_search *jumps, Dwarf_Die *function);

/* Takes allocator wrappers off; what they are named tells of arrays. */
static void set_scopes(struct km_type_search *search, const Dwarf_Die *scopes, size_t nr,
		       size_t nr_wrappers)
{
	search->nr_scopes = nr > nr_wrappers ? nr - nr_wrappers : 0;
	search->is_array = false;
	memcpy(search->scopes, scopes, search->nr_scopes * sizeof(*scopes));
	for (size_t i = search->nr_scopes; i < nr; i++)
		search->is_array |= km_wrapper_is_array(dwarf_diename((Dwarf_Die *)&scopes[i]));
}

static size_t count_wrappers(const Dwarf_Die *scopes, size_t nr)
{
	size_t nr_wrappers = 0;

	while (nr_wrappers + 1 < nr) {
		struct km_frame frame = {
			.function = dwarf_diename((Dwarf_Die *)&scopes[nr - 1 - nr_wrappers]),
			.is_inlined = true,
		};

		if (!km_frame_is_wrapper(&frame))
			break;
		nr_wrappers++;
	}
	return nr_wrappers;
}

static struct km_error *see_jump(void *arg, const Dwarf_Die *scopes, size_t nr_scopes,
				 Dwarf_Die *call)
{
	struct jump_search *jumps = arg;
	struct km_type_search *search = &jumps->search;
	struct jump_search next;
	struct km_error *error;
	Dwarf_Die function;
	bool found;

	search->callee = km_call_callee(call);
	if (search->callee != KM_CALLEE_OTHER && search->callee != KM_CALLEE_UNKNOWN) {
		set_scopes(search, scopes, nr_scopes, count_wrappers(scopes, nr_scopes));
		return km_type_search_run(search, false, jumps->matches);
	}
	if (search->callee == KM_CALLEE_UNKNOWN || jumps->depth + 1 >= JUMPS_MAX)
		return NULL;
	error = km_call_function(search->dwarf, call, &function, &found);
	if (error || !found)
		return error;
	next = *jumps;
	next.depth++;
	return search_jumps(&next, &function);
}

static struct km_error *search_jumps(struct jump_search *jumps, Dwarf_Die *function)
{
	return km_jumps_each(function, jumps->search.nr_looked, see_jump, jumps);
}

static bool has_type_of(const struct km_unit *unit, uint64_t bytes)
{
	size_t i = km_unit_first_type(unit, bytes);

	return i < unit->nr_types && unit->types[i].bytes == bytes;
}

static uint64_t info_bytes(struct km_dwarf *dwarf)
{
	Elf *elf = dwarf_getelf(dwarf->dw);
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return UINT64_MAX;
	while ((scn = elf_nextscn(elf, scn))) {
		const char *name;

		if (!gelf_getshdr(scn, &shdr) || !(name = elf_strptr(elf, names, shdr.sh_name)))
			continue;
		if (!strcmp(name, ".debug_info") || !strcmp(name, ".zdebug_info"))
			return shdr.sh_size;
	}
	return UINT64_MAX;
}

/* A call by a pointer: functions of the file that jump to an allocator for a type of that size. */
static struct km_error *search_file(struct jump_search *jumps)
{
	struct km_dwarf *dwarf = jumps->search.dwarf;
	struct km_error *error = NULL;
	Dwarf_CU *cu = NULL;
	uint32_t nr = 0;
	Dwarf_Die cudie;
	uint8_t type;

	if (info_bytes(dwarf) > WHOLE_FILE_BYTES_MAX || jumps->search.nr_sizes != 1)
		return NULL;
	while (!error && nr++ < KM_UNITS_MAX &&
	       !dwarf_get_units(dwarf->dw, cu, &cu, NULL, &type, &cudie, NULL)) {
		struct km_unit *unit;

		if (type != DW_UT_compile)
			continue;
		error = km_dwarf_get_unit(dwarf, &cudie, &unit);
		if (!error)
			error = km_unit_list_types(unit, &cudie);
		if (error || !has_type_of(unit, jumps->search.sizes[0]))
			continue;
		for (size_t i = 0; !error && i < unit->nr_functions; i++) {
			Dwarf_Die function;

			if (dwarf_offdie(dwarf->dw, unit->functions[i].die, &function))
				error = search_jumps(jumps, &function);
		}
	}
	/* whether the pointer led there is not known */
	if (jumps->matches->nr)
		jumps->matches->sureness = KM_SURE_ONLY;
	return error;
}

/* The call is of a function that is no allocator: the allocation is at a jump in that. */
static struct km_error *search_called(const struct km_type_search *search, Dwarf_Die *call,
				      struct km_matches *matches)
{
	struct jump_search jumps = { .search = *search, .matches = matches };
	struct km_error *error;
	Dwarf_Die function;
	bool found;

	jumps.search.return_pc = 0;
	jumps.search.line = 0;
	if (km_call_is_indirect(call))
		return search_file(&jumps);
	error = km_call_function(search->dwarf, call, &function, &found);
	return error || !found ? error : search_jumps(&jumps, &function);
}

static struct km_error *search(struct km_dwarf *dwarf, const struct km_types_query *query,
			       struct km_matches *matches)
{
	struct km_scopes scopes = { .nr = 0 };
	uint32_t nr_looked = 0;
	struct km_type_search s = {
		.dwarf = dwarf,
		.sizes = query->sizes,
		.nr_sizes = query->nr_sizes,
		.line = query->line,
		.nr_looked = &nr_looked,
	};
	struct km_error *error;
	struct km_unit *unit;
	uint64_t address;
	Dwarf_Die cudie, call;
	bool found;

	if (!km_dwarf_address(dwarf, query->section, query->offset, &address))
		return NULL;
	error = km_dwarf_find_unit(dwarf, address, &cudie, &found);
	if (error || !found)
		return error;
	error = km_dwarf_get_unit(dwarf, &cudie, &unit);
	if (error || !km_dwarf_find_scopes(dwarf, unit, address, &scopes))
		return error;
	set_scopes(&s, scopes.dies, scopes.nr, query->nr_wrappers);
	s.return_pc = address + 1;
	if (km_call_find(&scopes.dies[0], s.return_pc, &nr_looked, &call))
		s.callee = km_call_callee(&call);
	if (s.callee == KM_CALLEE_OTHER)
		return search_called(&s, &call, matches);
	return km_type_search_run(&s, true, matches);
}

/* NULL without a name. */
static struct km_error *name_type(Dwarf_Die *type, struct km_arena *arena, const char **ret)
{
	bool is_named;
	char *text = km_type_declare(type, "", &is_named);
	bool failed = !text || (is_named && !(*ret = km_arena_strdup(arena, text)));

	free(text);
	return failed ? &km_error_memory : NULL;
}

static struct km_error *lay_out(Dwarf_Die *type, const char *name, struct km_arena *arena,
				const struct km_layout **ret)
{
	struct km_layout *layout = km_arena_alloc(arena, sizeof(*layout));

	if (!layout)
		return &km_error_memory;
	layout->name = name;
	*ret = layout;
	return km_layout_read(type, arena, layout);
}

static struct km_error *make_type(struct km_match_type *match, const struct km_types_query *query,
				  struct km_arena *arena, struct km_type *ret)
{
	struct km_error *error = name_type(&match->type, arena, &ret->name);

	ret->bytes = match->bytes;
	ret->min_req = query->sizes[0];
	ret->max_req = query->sizes[query->nr_sizes - 1];
	ret->form = match->form;
	ret->element_bytes = match->element_bytes;
	if (!error && match->member && !(ret->member = km_arena_strdup(arena, match->member)))
		error = &km_error_memory;
	if (!error && ret->name && km_type_is_aggregate(&match->type))
		error = lay_out(&match->type, ret->name, arena, &ret->layout);
	return error;
}

struct km_error *km_dwarf_types(struct km_dwarf *dwarf, const struct km_types_query *query,
				struct km_arena *arena, struct km_types *ret)
{
	struct km_matches matches = { .nr = 0 };
	struct km_error *error;
	struct km_type *types;
	size_t nr = 0;

	*ret = (struct km_types){ 0 };
	if (!query->nr_sizes)
		return NULL;
	error = search(dwarf, query, &matches);
	if (error || !matches.nr || matches.is_cut || matches.nr > ANSWERS_MAX)
		return error;
	types = km_arena_alloc(arena, matches.nr * sizeof(*types));
	if (!types)
		return &km_error_memory;
	for (size_t i = 0; i < matches.nr; i++) {
		types[nr].sureness = matches.nr > 1 ? KM_SURE_SEVERAL : matches.sureness;
		error = make_type(&matches.list[i], query, arena, &types[nr]);
		if (error)
			return error;
		nr += types[nr].name != NULL;
	}
	*ret = (struct km_types){ types, nr };
	return NULL;
}
