/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a call site allocates, by DWARF. The evidence, best first:
 *
 *  1. The variable that holds the result: its location is the register of return values at the
 *     return address. Its type answers, or, if it is char * or the like, nothing does.
 *  2. Pointers of the innermost function at the call, allocator wrappers taken off: variables,
 *     parameters, what pointers to pointers point to, and the function's return type; then those
 *     of the functions it is inlined into. A variable answers at once if it is initialized at
 *     the line of the call, or gets a register within the first instructions behind it.
 *  3. Pointer members of the structures those point to: of "sdata->u.mesh.rmc = kmalloc(...)"
 *     that is all that is left. What 2 found besides makes it one of several.
 *  4. All named structures of the compile unit, for sizes that are large and odd.
 *
 * Of 2 to 4 a type counts if its size is the requested one. Which allocator is called there
 * (DW_TAG_call_site) tells sizes that the compiler knew, sizeof(x), from others, which no
 * structure of the unit is taken for merely because it has that size; and a function that ends
 * in kmalloc() jumps there, so that the call in its caller is what was traced: then the types
 * are those of that function.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "sym/types_private.h"

enum {
	BY_VALUE_MAX = 8,     /* structures in structures whose pointers are looked at */
	LOCATIONS_MAX = 1024, /* of one variable */
	BEHIND_BYTES = 24,    /* of code behind a call */
	UNIT_BYTES_MIN = 256, /* smaller sizes are too common to tell a type by */
};

static uint32_t min_size(const struct km_type_search *s)
{
	return s->sizes[0];
}

static uint32_t max_size(const struct km_type_search *s)
{
	return s->sizes[s->nr_sizes - 1];
}

static bool is_power_of_two(uint64_t value)
{
	return value && !(value & (value - 1));
}

/* Half a page, a page, ...: a buffer rather than a structure. */
static bool is_page_part(uint64_t value)
{
	return value >= 512 && is_power_of_two(value);
}

static bool divides_all(const struct km_type_search *s, uint64_t offset, uint64_t element)
{
	for (size_t i = 0; i < s->nr_sizes; i++)
		if (s->sizes[i] < offset || (s->sizes[i] - offset) % element)
			return false;
	return true;
}

/* Whether a complete type is all that is requested. */
static bool fits_whole(const struct km_type_search *s, Dwarf_Die *type, struct km_match_type *ret)
{
	uint64_t bytes;

	if (s->nr_sizes != 1 || !km_type_bytes(type, &bytes) || bytes != min_size(s))
		return false;
	*ret = (struct km_match_type){ .type = *type, .bytes = bytes, .form = KM_FORM_WHOLE };
	return true;
}

/* struct_size() counts from the end of the structure, others from where the array begins. */
static bool fits_flexible(const struct km_type_search *s, Dwarf_Die *type,
			  struct km_match_type *ret)
{
	struct km_flexible flexible;
	uint64_t bytes;

	if (!km_type_is_aggregate(type) || !km_type_bytes(type, &bytes) || !bytes ||
	    max_size(s) <= bytes || !km_type_flexible(type, &flexible) ||
	    (!divides_all(s, flexible.offset, flexible.element_bytes) &&
	     !divides_all(s, bytes, flexible.element_bytes)))
		return false;
	*ret = (struct km_match_type){
		.type = *type,
		.bytes = bytes,
		.form = KM_FORM_FLEX,
		.element_bytes = flexible.element_bytes,
		.member = flexible.name,
	};
	return true;
}

static bool fits_array(const struct km_type_search *s, Dwarf_Die *type, struct km_match_type *ret)
{
	uint64_t bytes;

	if (!km_type_bytes(type, &bytes) || !bytes || !divides_all(s, 0, bytes))
		return false;
	*ret = (struct km_match_type){
		.type = *type, .bytes = bytes, .form = KM_FORM_ARRAY, .element_bytes = bytes
	};
	return true;
}

/* What the variable that holds the result says. */
static bool fits_result(const struct km_type_search *s, Dwarf_Die *type, struct km_match_type *ret)
{
	bool is_aggregate = km_type_is_aggregate(type);
	uint64_t bytes;

	if (fits_whole(s, type, ret) || fits_flexible(s, type, ret))
		return is_aggregate || ret->bytes > 1;
	if (!km_type_bytes(type, &bytes) || bytes <= 1)
		return false;
	if (s->callee != KM_CALLEE_CACHE && fits_array(s, type, ret))
		return true;
	/* a header, and who knows what behind it */
	if (!is_aggregate || bytes >= min_size(s))
		return false;
	*ret = (struct km_match_type){ .type = *type, .bytes = bytes, .form = KM_FORM_PRIVATE };
	return true;
}

static bool is_same_type(Dwarf_Die *a, Dwarf_Die *b)
{
	const char *x, *y;

	if (dwarf_dieoffset(a) == dwarf_dieoffset(b))
		return true;
	x = dwarf_diename(a);
	y = dwarf_diename(b);
	return x && y && dwarf_tag(a) == dwarf_tag(b) && !strcmp(x, y);
}

void km_matches_add(struct km_matches *matches, const struct km_match_type *match)
{
	for (size_t i = 0; i < matches->nr; i++) {
		struct km_match_type *known = &matches->list[i];

		if (!is_same_type(&known->type, (Dwarf_Die *)&match->type))
			continue;
		known->is_set |= match->is_set;
		return;
	}
	if (matches->nr == KM_MATCHES_MAX)
		matches->is_cut = true;
	else
		matches->list[matches->nr++] = *match;
}

/* The register that a function's pointer result is in, by the ABI of the machine. */
static int result_register(struct km_dwarf *dwarf)
{
	GElf_Ehdr header;

	if (!gelf_getehdr(dwarf_getelf(dwarf->dw), &header))
		return -1;
	switch (header.e_machine) {
	case EM_X86_64: /* rax */
	case EM_386:
	case EM_AARCH64:
	case EM_ARM:
		return 0;
	case EM_S390:
	case EM_MIPS:
		return 2;
	case EM_PPC:
	case EM_PPC64:
		return 3;
	case EM_LOONGARCH:
		return 4;
	case EM_SPARCV9:
		return 8;
	case EM_RISCV:
		return 10;
	default:
		return -1;
	}
}

/* Whether a variable is in the result register right behind the call. */
static bool holds_result(const struct km_type_search *s, Dwarf_Die *variable)
{
	int wanted = result_register(s->dwarf);
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t nr;

	if (!s->return_pc || wanted < 0 || !dwarf_attr(variable, DW_AT_location, &attr) ||
	    dwarf_getlocation_addr(&attr, s->return_pc, &ops, &nr, 1) != 1 || nr != 1)
		return false;
	if (ops[0].atom >= DW_OP_reg0 && ops[0].atom <= DW_OP_reg31)
		return ops[0].atom - DW_OP_reg0 == wanted;
	return false;
}

/*
 * Whether a variable gets a value right behind the call: the first instructions there test the
 * result and move it to where it stays.
 */
static bool is_set_behind(const struct km_type_search *s, Dwarf_Die *variable)
{
	Dwarf_Addr base, start, end;
	Dwarf_Attribute attr;
	ptrdiff_t at = 0;
	Dwarf_Op *ops;
	size_t nr;

	if (!s->return_pc || !dwarf_attr(variable, DW_AT_location, &attr))
		return false;
	for (unsigned int i = 0; i < LOCATIONS_MAX; i++) {
		at = dwarf_getlocations(&attr, at, &base, &start, &end, &ops, &nr);
		if (at <= 0)
			break;
		/* a constant, as NULL of an error path, is no result */
		if (start >= s->return_pc && start - s->return_pc <= BEHIND_BYTES && end > start &&
		    nr == 1 && ops[0].atom >= DW_OP_reg0 && ops[0].atom <= DW_OP_reg31)
			return true;
	}
	return false;
}

/* Calls `see` for variables and parameters of a scope, in its blocks too. */
static void each_variable(const struct km_type_search *s, Dwarf_Die *scope, unsigned int depth,
			  void (*see)(const struct km_type_search *s, Dwarf_Die *variable,
				      void *arg),
			  void *arg)
{
	Dwarf_Die die;

	if (depth >= KM_DEPTH_MAX || dwarf_child(scope, &die))
		return;
	do {
		switch (dwarf_tag(&die)) {
		case DW_TAG_variable:
		case DW_TAG_formal_parameter:
			see(s, &die, arg);
			break;
		case DW_TAG_lexical_block:
			each_variable(s, &die, depth + 1, see, arg);
			break;
		default:
			break;
		}
	} while (km_may_look(s->nr_looked) && km_die_next(&die));
}

/* The function a scope is an instance of: what was optimized away is still in that. */
static bool origin_of(Dwarf_Die *scope, Dwarf_Die *ret)
{
	Dwarf_Attribute attr;

	return dwarf_attr(scope, DW_AT_abstract_origin, &attr) && dwarf_formref_die(&attr, ret);
}

/* What the pointers of a function say against a guess. */
struct doubt {
	bool has_bytes;    /* one is to bytes or to anything: a buffer may be what is allocated */
	bool has_declared; /* one that is not to a structure is declared where the call is */
	bool has_other;    /* one to another structure gets a value at the call */
};

static void see_doubt(const struct km_type_search *s, Dwarf_Die *variable, void *arg)
{
	struct doubt *doubt = arg;
	uint64_t line, bytes;
	Dwarf_Die type, to;

	if (!km_die_type(variable, &type) || !km_type_strip(&type, &type) ||
	    dwarf_tag(&type) != DW_TAG_pointer_type)
		return;
	if (km_type_pointee(&type, &to) && km_type_is_aggregate(&to)) {
		doubt->has_other |= is_set_behind(s, variable);
		return;
	}
	doubt->has_bytes |=
		!km_type_pointee(&type, &to) || (km_type_bytes(&to, &bytes) && bytes == 1);
	doubt->has_declared |= s->line && dwarf_tag(variable) == DW_TAG_variable &&
			       km_die_number(variable, DW_AT_decl_line, &line) && line == s->line;
}

/* Whether the result is more likely something else than a structure that has its size. */
static bool is_doubtful(const struct km_type_search *s)
{
	Dwarf_Die *scope = (Dwarf_Die *)&s->scopes[s->nr_scopes - 1], origin;
	struct doubt doubt = { .has_bytes = false };

	each_variable(s, scope, 0, see_doubt, &doubt);
	if (origin_of(scope, &origin))
		each_variable(s, &origin, 0, see_doubt, &doubt);
	return doubt.has_declared || doubt.has_other ||
	       (doubt.has_bytes && is_power_of_two(max_size(s)));
}

struct result_seen {
	struct km_match_type match;
	bool is_found;   /* a type that fits */
	bool is_refuted; /* a variable that is a pointer to no structure */
};

static void see_result(const struct km_type_search *s, Dwarf_Die *variable, void *arg)
{
	struct result_seen *seen = arg;
	Dwarf_Die type;

	if (seen->is_found || !km_die_type(variable, &type) || !km_type_pointee(&type, &type) ||
	    !holds_result(s, variable))
		return;
	seen->is_found = fits_result(s, &type, &seen->match);
	seen->is_refuted |= !seen->is_found && !km_type_is_aggregate(&type);
}

/* Any size is a header and so many bytes: the header should be the greater part of it. */
static bool is_likely_flexible(const struct km_type_search *s, const struct km_match_type *match)
{
	if (s->callee == KM_CALLEE_FIXED || s->callee == KM_CALLEE_CACHE ||
	    (s->nr_sizes == 1 && is_page_part(max_size(s))))
		return false;
	return (match->element_bytes > 1 && s->nr_sizes > 1) || match->bytes >= max_size(s) / 2;
}

/* A type that a pointer of the function points to. */
static void see_pointee(const struct km_type_search *s, Dwarf_Die *type, bool is_set,
			struct km_matches *matches)
{
	struct km_match_type match;

	if (s->is_array) {
		/* sizes that an element divides are many: only of what is set there it tells */
		if (!is_set || (!fits_whole(s, type, &match) && !fits_array(s, type, &match)) ||
		    match.bytes == 1)
			return;
	} else if (!km_type_is_aggregate(type)) {
		return;
	} else if (!((s->callee != KM_CALLEE_SIZED || is_set) && fits_whole(s, type, &match)) &&
		   !(fits_flexible(s, type, &match) && (is_set || is_likely_flexible(s, &match)))) {
		return;
	}
	match.is_set = is_set;
	km_matches_add(matches, &match);
}

/* A type, if it is a pointer: what it points to, and, of a result's place, what that does. */
static void see_pointer(const struct km_type_search *s, Dwarf_Die *type, bool is_set,
			struct km_matches *matches)
{
	Dwarf_Die to;

	if (!km_type_pointee(type, &to))
		return;
	see_pointee(s, &to, is_set, matches);
	if (km_type_pointee(&to, &to))
		see_pointee(s, &to, false, matches);
}

static void see_variable(const struct km_type_search *s, Dwarf_Die *variable, void *arg)
{
	bool is_set;
	uint64_t line;
	Dwarf_Die type;

	if (!km_die_type(variable, &type))
		return;
	/* it is initialized at the line of the call, or it is seen to get a value there */
	is_set = dwarf_tag(variable) == DW_TAG_variable && s->line &&
		 km_die_number(variable, DW_AT_decl_line, &line) && line == s->line;
	see_pointer(s, &type, is_set || is_set_behind(s, variable), arg);
}

static void see_scope(const struct km_type_search *s, Dwarf_Die *scope, struct km_matches *matches)
{
	Dwarf_Die origin, type;

	each_variable(s, scope, 0, see_variable, matches);
	if (origin_of(scope, &origin))
		each_variable(s, &origin, 0, see_variable, matches);
	if (km_die_type(scope, &type))
		see_pointer(s, &type, false, matches);
}

/* Pointer members of a structure, those of structures in it too. */
static void see_members(const struct km_type_search *s, Dwarf_Die *type, unsigned int depth,
			struct km_matches *matches)
{
	Dwarf_Die member;

	if (depth >= BY_VALUE_MAX || dwarf_child(type, &member))
		return;
	do {
		struct km_extents extents;
		struct km_match_type match;
		Dwarf_Die of;

		if (dwarf_tag(&member) != DW_TAG_member || !km_die_type(&member, &of) ||
		    !km_type_strip(&of, &of))
			continue;
		if (km_type_array(&of, &extents))
			of = extents.element;
		if (km_type_is_aggregate(&of))
			see_members(s, &of, depth + 1, matches);
		else if (km_type_pointee(&of, &of) && km_type_is_aggregate(&of) &&
			 fits_whole(s, &of, &match))
			km_matches_add(matches, &match);
	} while (km_may_look(s->nr_looked) && km_die_next(&member));
}

static void see_members_of(const struct km_type_search *s, Dwarf_Die *variable, void *arg)
{
	Dwarf_Die type;

	if (!km_die_type(variable, &type) || !km_type_strip(&type, &type))
		return;
	if (km_type_pointee(&type, &type) && dwarf_tag(&type) == DW_TAG_pointer_type &&
	    !km_type_pointee(&type, &type))
		return;
	if (km_type_is_aggregate(&type))
		see_members(s, &type, 0, arg);
}

static int compare_types(const void *a, const void *b)
{
	const struct km_unit_type *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? -1 : 1;
	return (x->die > y->die) - (x->die < y->die);
}

struct km_error *km_unit_list_types(struct km_unit *unit, Dwarf_Die *cudie)
{
	uint32_t nr_seen = 0;
	Dwarf_Die die;

	if (unit->has_types)
		return NULL;
	unit->has_types = true;
	if (dwarf_child(cudie, &die))
		return NULL;
	do {
		uint64_t bytes;

		if (!km_type_is_aggregate(&die) || !dwarf_diename(&die) ||
		    !km_type_bytes(&die, &bytes))
			continue;
		if (!km_grow(&unit->types, unit->nr_types, &unit->max_types, sizeof(*unit->types)))
			return &km_error_memory;
		unit->types[unit->nr_types++] =
			(struct km_unit_type){ bytes, dwarf_dieoffset(&die) };
	} while (++nr_seen < KM_DIES_MAX && km_die_next(&die));
	if (unit->nr_types)
		qsort(unit->types, unit->nr_types, sizeof(*unit->types), compare_types);
	return NULL;
}

size_t km_unit_first_type(const struct km_unit *unit, uint64_t bytes)
{
	size_t low = 0, high = unit->nr_types;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (unit->types[middle].bytes < bytes)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct km_error *see_unit(const struct km_type_search *s, Dwarf_Die *scope,
				 struct km_matches *matches)
{
	struct km_unit *unit;
	struct km_error *error;
	Dwarf_Die cudie;

	if (!dwarf_diecu(scope, &cudie, NULL, NULL))
		return NULL;
	error = km_dwarf_get_unit(s->dwarf, &cudie, &unit);
	if (!error)
		error = km_unit_list_types(unit, &cudie);
	if (error)
		return error;
	for (size_t i = km_unit_first_type(unit, min_size(s));
	     i < unit->nr_types && unit->types[i].bytes == min_size(s); i++) {
		struct km_match_type match;
		Dwarf_Die die;

		if (dwarf_offdie(s->dwarf->dw, unit->types[i].die, &die) &&
		    fits_whole(s, &die, &match))
			km_matches_add(matches, &match);
	}
	return NULL;
}

/* The only one that a variable which gets a value at the call points to. */
static bool prefer_set(struct km_matches *matches)
{
	size_t nr = 0, at = 0;

	for (size_t i = 0; i < matches->nr; i++) {
		if (matches->list[i].is_set) {
			at = i;
			nr++;
		}
	}
	if (nr != 1)
		return false;
	matches->list[0] = matches->list[at];
	matches->nr = 1;
	return true;
}

/* Whole types answer before parts of a request do. */
static void prefer_whole(struct km_matches *matches)
{
	size_t nr = 0;

	for (size_t i = 0; i < matches->nr; i++)
		if (matches->list[i].form == KM_FORM_WHOLE)
			matches->list[nr++] = matches->list[i];
	if (nr)
		matches->nr = nr;
}

static void see_members_of_scopes(const struct km_type_search *s, struct km_matches *ret)
{
	for (size_t i = s->nr_scopes; i-- > 0;) {
		Dwarf_Die scope = s->scopes[i], origin;

		each_variable(s, &scope, 0, see_members_of, ret);
		if (origin_of(&scope, &origin))
			each_variable(s, &origin, 0, see_members_of, ret);
	}
}

/* Pointers of the functions at the call; true: one of them is what gets the result. */
static bool see_functions(const struct km_type_search *s, struct km_matches *ret)
{
	for (size_t i = s->nr_scopes; i-- > 0 && !ret->nr;) {
		see_scope(s, (Dwarf_Die *)&s->scopes[i], ret);
		if (prefer_set(ret))
			return true;
		prefer_whole(ret);
	}
	/* the result was not seen in one of these: a member may have got it, or a buffer's pointer
	 */
	if (s->is_array || (s->nr_scopes && is_doubtful(s)))
		ret->nr = 0;
	return false;
}

/* Members of what those point to, which may say that it is another type; then the unit's types. */
static struct km_error *see_others(const struct km_type_search *s, bool in_unit,
				   struct km_matches *ret)
{
	const uint32_t size = min_size(s);
	struct km_error *error;

	if (s->callee == KM_CALLEE_SIZED || s->is_array || !s->nr_scopes || is_doubtful(s))
		return NULL;
	if (s->callee != KM_CALLEE_CACHE && !is_page_part(size))
		see_members_of_scopes(s, ret);
	if (ret->nr || !in_unit || s->callee != KM_CALLEE_FIXED || size < UNIT_BYTES_MIN ||
	    is_power_of_two(size))
		return NULL;
	error = see_unit(s, (Dwarf_Die *)&s->scopes[0], ret);
	/* there may be as many in other units */
	if (ret->nr > 1)
		ret->nr = 0;
	return error;
}

struct km_error *km_type_search_run(const struct km_type_search *s, bool in_unit,
				    struct km_matches *ret)
{
	struct result_seen seen = { .is_found = false };

	for (size_t i = s->nr_scopes; i-- > 0 && !seen.is_found;)
		each_variable(s, (Dwarf_Die *)&s->scopes[i], 0, see_result, &seen);
	ret->sureness = KM_SURE_EXACT;
	if (seen.is_found)
		km_matches_add(ret, &seen.match);
	if (seen.is_found || seen.is_refuted || s->callee == KM_CALLEE_SILENT)
		return NULL;
	if (see_functions(s, ret))
		return NULL;
	if (ret->nr && ret->list[0].form == KM_FORM_WHOLE)
		return see_others(s, in_unit, ret);
	ret->sureness = KM_SURE_ONLY;
	/* that a flexible array could be so long is no more than that */
	return ret->nr ? NULL : see_others(s, in_unit, ret);
}
