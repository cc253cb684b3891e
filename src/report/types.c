/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What call sites allocate: asked of the debug information, and told in findings. */
#include "report/types.h"

#include <stdlib.h>
#include <string.h>

static int compare_sizes(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

struct km_error *km_callsite_find_types(const struct km_callsite *site,
					struct km_resolver *resolver)
{
	/* all call sites are in arrays that the report owns */
	struct km_callsite *own = (struct km_callsite *)site;
	struct km_error *error;
	uint32_t *sizes;
	size_t nr = 0;

	if (own->has_types || !own->nr_sizes)
		return NULL;
	sizes = calloc(own->nr_sizes, sizeof(*sizes));
	if (!sizes)
		return &km_error_memory;
	for (size_t i = 0; i < own->nr_sizes; i++)
		sizes[i] = own->sizes[i].bytes_req;
	qsort(sizes, own->nr_sizes, sizeof(*sizes), compare_sizes);
	for (size_t i = 0; i < own->nr_sizes; i++)
		if (!nr || sizes[nr - 1] != sizes[i])
			sizes[nr++] = sizes[i];
	error = km_resolver_types(resolver, own->address, sizes, nr, &own->types);
	own->has_types = !error;
	free(sizes);
	return error;
}

const struct km_type *km_callsite_type(const struct km_callsite *site)
{
	const struct km_type *type = site->types.types;

	return site->types.nr == 1 && type->sureness != KM_SURE_SEVERAL ? type : NULL;
}

/* "struct mesh_rmc", "struct sta_info with drv_priv[]": as the subject of a sentence. */
static char *name_object(const struct km_type *type, struct km_strings *strings)
{
	char *name = km_strings_safe(strings, type->name);

	if (!name)
		return NULL;
	switch (type->form) {
	case KM_FORM_WHOLE:
		return name;
	case KM_FORM_FLEX:
		if (!type->member)
			break;
		return km_strings_printf(strings, "%s with its %s[]", name, type->member);
	case KM_FORM_ARRAY:
		return km_strings_printf(strings, "an array of %s", name);
	case KM_FORM_PRIVATE:
		break;
	}
	return km_strings_printf(strings, "%s with what is behind it", name);
}

/* How many bytes less of an object would fit the class below; 0: it has to be a lot less. */
static uint64_t bytes_to_save(const struct km_report_own *own, const struct km_callsite *site,
			      const struct km_type *type, char *class, size_t class_size)
{
	uint32_t page_size = km_sane_page_size(own->report.input->page_size);
	uint64_t below;

	if (km_callsite_family(site) != KM_FAMILY_KMALLOC || type->min_req != type->max_req)
		return 0;
	below = km_class_below(type->max_req, page_size);
	if (!below || type->max_req - below >= type->bytes)
		return 0;
	km_class_name(below, page_size, class, class_size);
	return type->max_req - below;
}

const char *km_type_advise(struct km_report_own *own, const struct km_callsite *site,
			   const struct km_type *type)
{
	char class[48] = "";
	uint64_t less;

	if (!type->layout || type->form == KM_FORM_ARRAY)
		return "";
	less = bytes_to_save(own, site, type, class, sizeof(class));
	return km_layout_advise(type->layout, less, class, &own->strings);
}

/* Rules whose messages begin with the number of bytes. */
static bool begins_with_bytes(enum km_rule rule)
{
	return rule == KM_RULE_JUST_OVER || rule == KM_RULE_WASTE || rule == KM_RULE_HIGH_ORDER;
}

struct km_error *km_finding_name_type(struct km_report_own *own, struct km_finding *finding)
{
	const struct km_type *type = km_callsite_type(finding->callsite);
	struct km_strings *strings = &own->strings;
	const char *name, *layout = "";

	if (!type || finding->type || finding->rule == KM_RULE_PERCPU_WASTE)
		return NULL;
	name = name_object(type, strings);
	if (!name)
		return &km_error_memory;
	if (km_rule_info(finding->rule)->is_about_waste)
		layout = km_type_advise(own, finding->callsite, type);
	if (!layout)
		return &km_error_memory;
	finding->message =
		km_strings_printf(strings, begins_with_bytes(finding->rule) ? "%s is %s" : "%s: %s",
				  name, finding->message);
	if (*layout)
		finding->advice = km_strings_printf(strings, "%s; %s", finding->advice, layout);
	if (!finding->message || !finding->advice)
		return &km_error_memory;
	finding->type = type;
	return NULL;
}

bool km_type_is_called(const struct km_type *type, const char *name)
{
	const char *space = strchr(type->name, ' ');

	return strcmp(type->name, name) == 0 || (space && strcmp(space + 1, name) == 0);
}
