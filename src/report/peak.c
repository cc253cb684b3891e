/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who had what when most slab bytes were live. */
#include "report/build.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
	const struct km_callsite *x = *(const struct km_callsite *const *)a;
	const struct km_callsite *y = *(const struct km_callsite *const *)b;

	if (x->life->at_peak_bytes != y->life->at_peak_bytes)
		return x->life->at_peak_bytes < y->life->at_peak_bytes ? 1 : -1;
	return km_callsite_compare_name(x, y);
}

struct km_error *km_report_build_peak(struct km_report *report)
{
	if (!report->lives || !report->lives->has_peak)
		return NULL;
	report->peak_sites = calloc(report->nr_callsites + 1, sizeof(*report->peak_sites));
	if (!report->peak_sites)
		return &km_error_memory;
	for (size_t i = 0; i < report->nr_callsites; i++) {
		const struct km_callsite *site = &report->callsites[i];

		if (site->life && site->life->at_peak)
			report->peak_sites[report->nr_peak_sites++] = site;
	}
	qsort(report->peak_sites, report->nr_peak_sites, sizeof(*report->peak_sites), compare);
	return NULL;
}
