/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Declarations in C: they grow from the name outwards, pointers to the left, the rest right. */
#include <dwarf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sym/dwarf_private.h"
#include "sym/type_die.h"

enum {
	LEVELS_MAX = 24,
	PARAMS_MAX = 16,
	TEXT_MAX = 4096, /* no declaration is longer; names of a damaged file may be */
};

struct writer {
	char *text; /* malloc'ed; NULL: no memory */
	bool is_named;
	bool is_cut;
	unsigned int nr_levels; /* of all parameters together */
};

/* Replaces the text by what is printed, which may use the text itself. */
static void rewrite(struct writer *w, const char *before, const char *behind)
{
	char *text;

	if (!w->text)
		return;
	if (strlen(before) + strlen(w->text) + strlen(behind) > TEXT_MAX) {
		w->is_cut = true;
		return;
	}
	if (asprintf(&text, "%s%s%s", before, w->text, behind) < 0)
		text = NULL;
	free(w->text);
	w->text = text;
}

static void declare(struct writer *w, Dwarf_Die *type);

/* The types of parameters, in parentheses. */
static char *parameters(struct writer *w, Dwarf_Die *function)
{
	struct writer list = { .text = strdup(""), .nr_levels = w->nr_levels };
	unsigned int nr = 0;
	Dwarf_Die die;

	if (!dwarf_child(function, &die)) {
		do {
			struct writer one = { .text = strdup(""), .nr_levels = list.nr_levels };
			int tag = dwarf_tag(&die);
			Dwarf_Die type;

			if (tag == DW_TAG_formal_parameter && km_die_type(&die, &type))
				declare(&one, &type);
			else if (tag == DW_TAG_unspecified_parameters)
				rewrite(&one, "...", "");
			list.nr_levels = one.nr_levels;
			if (nr)
				rewrite(&list, "", ", ");
			rewrite(&list, "", one.text ? one.text : "");
			free(one.text);
		} while (++nr < PARAMS_MAX && km_die_next(&die));
	}
	rewrite(&list, "(", nr ? ")" : "void)");
	w->nr_levels = list.nr_levels;
	return list.text;
}

static void declare_array(struct writer *w, Dwarf_Die *type)
{
	char dims[160] = "", one[32];
	unsigned int nr = 0;
	Dwarf_Die range;

	if (!dwarf_child(type, &range)) {
		do {
			uint64_t count;

			if (dwarf_tag(&range) != DW_TAG_subrange_type)
				continue;
			if (km_array_dimension(&range, &count))
				snprintf(one, sizeof(one), "[%" PRIu64 "]", count);
			else
				strcpy(one, "[]");
			if (strlen(dims) + strlen(one) < sizeof(dims))
				strcat(dims, one);
		} while (++nr < PARAMS_MAX && km_die_next(&range));
	}
	rewrite(w, "", *dims ? dims : "[]");
}

/* A type with a name of its own: the end. */
static void declare_named(struct writer *w, Dwarf_Die *type, const char *keyword)
{
	const char *name = dwarf_diename(type);
	char *before;

	w->is_named = name != NULL;
	if (asprintf(&before, "%s%s%s", keyword,
		     name       ? name
		     : *keyword ? "{...}"
				: "?",
		     w->text && *w->text ? " " : "") < 0) {
		free(w->text);
		w->text = NULL;
		return;
	}
	rewrite(w, before, "");
	free(before);
}

static void declare(struct writer *w, Dwarf_Die *type)
{
	int tag = dwarf_tag(type);
	bool has_type, is_pointer;
	Dwarf_Die of;
	char *list;

	if (++w->nr_levels > LEVELS_MAX) {
		rewrite(w, "... ", "");
		return;
	}
	has_type = km_die_type(type, &of);
	switch (tag) {
	case DW_TAG_pointer_type:
		/* an array or a function of pointers is no pointer to an array or function */
		if (has_type && (dwarf_tag(&of) == DW_TAG_array_type ||
				 dwarf_tag(&of) == DW_TAG_subroutine_type))
			rewrite(w, "(*", ")");
		else
			rewrite(w, "*", "");
		break;
	case DW_TAG_const_type:
	case DW_TAG_volatile_type:
		is_pointer = has_type && dwarf_tag(&of) == DW_TAG_pointer_type;
		if (is_pointer)
			rewrite(w, tag == DW_TAG_const_type ? "const " : "volatile ", "");
		else if (has_type)
			declare(w, &of);
		else
			rewrite(w, w->text && *w->text ? "void " : "void", "");
		if (!is_pointer) {
			rewrite(w, tag == DW_TAG_const_type ? "const " : "volatile ", "");
			w->is_named = true;
			return;
		}
		break;
	case DW_TAG_restrict_type:
	case DW_TAG_atomic_type:
		break;
	case DW_TAG_array_type:
		declare_array(w, type);
		break;
	case DW_TAG_subroutine_type:
		list = parameters(w, type);
		rewrite(w, "", list ? list : "");
		free(list);
		break;
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
		declare_named(w, type, "struct ");
		return;
	case DW_TAG_union_type:
		declare_named(w, type, "union ");
		return;
	case DW_TAG_enumeration_type:
		declare_named(w, type, "enum ");
		return;
	default:
		declare_named(w, type, "");
		return;
	}
	if (has_type)
		declare(w, &of);
	else
		rewrite(w, w->text && *w->text ? "void " : "void", "");
	w->is_named = true;
}

char *km_type_declare(Dwarf_Die *type, const char *name, bool *ret_named)
{
	struct writer w = { .text = strdup(name) };

	declare(&w, type);
	if (ret_named)
		*ret_named = w.is_named && !w.is_cut;
	return w.text;
}
