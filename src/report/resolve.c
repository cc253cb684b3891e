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

static struct km_error *resolve_class(struct km_report *report, const struct km_report_class *class,
				      size_t max_sites, struct km_resolver *resolver)
{
	struct km_error *error = NULL;

	for (size_t i = 0; !error && i < class->nr_sites && i < max_sites; i++)
		error = resolve_one(report, class->sites[i].callsite, resolver);
	return error;
}

static struct km_error *resolve_view(struct km_report *report, const struct km_view *view,
				     struct km_resolver *resolver)
{
	struct km_error *error = NULL;

	if (view->shows & KM_SHOWS_ROWS)
		for (size_t i = 0; !error && i < view->nr_rows; i++)
			error = resolve_one(report, view->rows[i], resolver);
	if (view->shows & KM_SHOWS_LIVE)
		for (size_t i = 0; !error && i < view->nr_live; i++)
			error = resolve_one(report, view->live[i], resolver);
	if (view->shows & KM_SHOWS_FINDINGS)
		for (size_t i = 0; !error && i < view->nr_findings; i++)
			error = resolve_one(report, report->findings[i].callsite, resolver);
	if (view->shows & KM_SHOWS_CLASSES)
		for (size_t i = 0; !error && i < report->nr_classes; i++)
			error = resolve_class(report, &report->classes[i], view->max_class_sites,
					      resolver);
	return error;
}

struct km_error *km_report_resolve(struct km_report *report, const struct km_view *view,
				   struct km_resolver *resolver)
{
	struct km_error *error = NULL;

	if (view)
		return resolve_view(report, view, resolver);
	for (size_t i = 0; !error && i < report->nr_callsites; i++)
		error = resolve_one(report, &report->callsites[i], resolver);
	return error;
}
