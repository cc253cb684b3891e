/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What can be said of types and layouts without the debug information that they are from. */
#include <stdlib.h>

#include "kmemstat/types.h"

const char *km_sureness_name(enum km_sureness sureness)
{
	static const char *const names[] = {
		[KM_SURE_EXACT] = "exact",
		[KM_SURE_ONLY] = "only",
		[KM_SURE_SEVERAL] = "several",
	};

	return names[sureness];
}

const char *km_type_form_name(enum km_type_form form)
{
	static const char *const names[] = {
		[KM_FORM_WHOLE] = "whole",
		[KM_FORM_FLEX] = "flexible",
		[KM_FORM_PRIVATE] = "private",
		[KM_FORM_ARRAY] = "array",
	};

	return names[form];
}

/* Bit fields last, as they are: next to each other. */
static int compare_align(const void *a, const void *b)
{
	const struct km_member *x = *(const struct km_member *const *)a;
	const struct km_member *y = *(const struct km_member *const *)b;

	if (!x->bits != !y->bits)
		return x->bits ? 1 : -1;
	if (x->align != y->align)
		return x->align < y->align ? 1 : -1;
	return (x->offset > y->offset) - (x->offset < y->offset);
}

static uint64_t round_up(uint64_t value, uint64_t align)
{
	return align > 1 ? (value + align - 1) / align * align : value;
}

/* Places members one after another, in their order; a run of bit fields shares bytes. */
static uint64_t place(const struct km_member *const *members, size_t nr, uint64_t align)
{
	uint64_t bytes = 0, bits = 0;

	for (size_t i = 0; i < nr; i++) {
		const struct km_member *member = members[i];

		if (member->bits) {
			bits += member->bits;
			continue;
		}
		bytes = round_up(bytes + (bits + 7) / 8, member->bytes ? member->align : 1) +
			member->bytes;
		bits = 0;
	}
	return round_up(bytes + (bits + 7) / 8, align);
}

uint64_t km_layout_rearranged(const struct km_layout *layout, size_t without, bool by_align)
{
	const struct km_member **left = calloc(layout->nr_members + 1, sizeof(*left));
	uint64_t bytes;
	size_t nr = 0;

	if (!left)
		return UINT64_MAX;
	for (size_t i = 0; i < layout->nr_members; i++)
		if (!layout->members[i].depth && i != without)
			left[nr++] = &layout->members[i];
	if (by_align && nr)
		qsort(left, nr, sizeof(*left), compare_align);
	bytes = place(left, nr, layout->align);
	free(left);
	return bytes;
}
