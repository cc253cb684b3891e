/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Source lines for the call sites that are shown, and for no others: look-ups are slow. */
#include "report/build.h"

static struct km_error *resolve_one(struct km_report *report, const struct km_callsite *site,
				    struct km_resolver *resolver)
{
	struct km_callsite *own = &report->callsites[site - report->callsites];

	if (own->source.nr_frames)
		return NULL;
	return km_resolver_lookup(resolver, own->address, &own->source);
}

struct km_error *km_report_resolve(struct km_report *report, const struct km_view *view,
				   struct km_resolver *resolver)
{
	size_t nr_rows = view ? view->nr_rows : report->nr_callsites;
	size_t nr_findings = report->nr_findings;
	struct km_error *error = NULL;

	if (view && view->max_findings && view->max_findings < nr_findings)
		nr_findings = view->max_findings;
	for (size_t i = 0; !error && i < nr_rows; i++)
		error = resolve_one(report, view ? view->rows[i] : &report->callsites[i], resolver);
	for (size_t i = 0; !error && i < nr_findings; i++)
		error = resolve_one(report, report->findings[i].callsite, resolver);
	return error;
}
