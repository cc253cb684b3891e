/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Of a million call sites, those that a page shows. */
#include "render/html.h"

#include <stdlib.h>

enum ranking { BY_WASTE, BY_BYTES, BY_PEAK, NR_RANKINGS };

struct place {
	size_t index;
	uint64_t value;
};

static uint64_t value_of(const struct km_callsite *site, enum ranking ranking)
{
	switch (ranking) {
	case BY_BYTES:
		return site->bytes_alloc;
	case BY_PEAK:
		return site->life ? site->life->peak_bytes : 0;
	case BY_WASTE:
	case NR_RANKINGS:
		break;
	}
	return site->bytes_waste;
}

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->value != y->value)
		return x->value < y->value ? 1 : -1;
	return (x->index > y->index) - (x->index < y->index);
}

/* A malloc'ed array of all call sites in that order; NULL without memory. */
static struct place *make_ranking(const struct km_report *report, enum ranking ranking)
{
	struct place *places = calloc(report->nr_callsites, sizeof(*places));

	for (size_t i = 0; places && i < report->nr_callsites; i++)
		places[i] = (struct place){ i, value_of(&report->callsites[i], ranking) };
	if (places)
		qsort(places, report->nr_callsites, sizeof(*places), compare_places);
	return places;
}

/* Those of other layers are in arrays of their own. */
static void pick_found(const struct km_report *report, size_t nr_findings, size_t most,
		       bool *picked, size_t *nr)
{
	const uintptr_t first = (uintptr_t)report->callsites,
			end = (uintptr_t)(report->callsites + report->nr_callsites);

	for (size_t i = 0; i < report->nr_findings && i < nr_findings && *nr < most; i++) {
		const uintptr_t at = (uintptr_t)report->findings[i].callsite;
		size_t index;

		if (at < first || at >= end)
			continue;
		index = (size_t)(report->findings[i].callsite - report->callsites);
		*nr += !picked[index];
		picked[index] = true;
	}
}

static void pick_best(const struct km_report *report, struct place *const *rankings, size_t most,
		      bool *picked, size_t nr)
{
	for (size_t i = 0; i < report->nr_callsites; i++) {
		for (enum ranking k = 0; k < NR_RANKINGS && nr < most; k++) {
			const size_t index = rankings[k][i].index;

			nr += !picked[index];
			picked[index] = true;
		}
	}
}

struct km_error *km_html_pick(const struct km_report *report, size_t nr_findings, size_t most,
			      bool **ret)
{
	struct place *rankings[NR_RANKINGS] = { 0 };
	bool *picked, has_all = true;
	size_t nr = 0;

	*ret = NULL;
	if (report->nr_callsites <= most)
		return NULL;
	picked = calloc(report->nr_callsites, sizeof(*picked));
	for (enum ranking k = 0; k < NR_RANKINGS; k++) {
		rankings[k] = make_ranking(report, k);
		has_all &= rankings[k] != NULL;
	}
	if (picked && has_all) {
		pick_found(report, nr_findings, most, picked, &nr);
		pick_best(report, rankings, most, picked, nr);
		*ret = picked;
	} else {
		free(picked);
	}
	for (enum ranking k = 0; k < NR_RANKINGS; k++)
		free(rankings[k]);
	return *ret ? NULL : &km_error_memory;
}
