/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Source lines for the call sites that are shown, and for no others: look-ups are slow. */
#include "report/findings.h"
#include "report/types.h"

#include "kmemstat/view.h"

/* All call sites are in arrays that the report owns, whatever table they are reached from. */
static struct km_error *resolve_one(const struct km_callsite *site, struct km_resolver *resolver)
{
	struct km_callsite *own = (struct km_callsite *)site;

	struct km_error *error;

	if (own->source.nr_frames)
		return NULL;
	error = km_resolver_lookup(resolver, own->address, &own->source);
	return error ? error : km_resolver_excerpt(resolver, &own->source, &own->excerpt);
}

static bool has_type_column(const struct km_list *list)
{
	for (size_t i = 0; i < list->nr_columns; i++)
		if (list->columns[i]->needs_types)
			return true;
	return false;
}

static struct km_error *resolve_list(const struct km_list *list, struct km_resolver *resolver)
{
	const bool has_types = has_type_column(list);
	struct km_error *error = NULL;

	if (!list->listing || !list->listing->callsite)
		return NULL;
	for (size_t i = 0; !error && i < list->nr_rows; i++) {
		const struct km_callsite *site = list->listing->callsite(list->rows[i]);

		if (site)
			error = resolve_one(site, resolver);
		if (!error && site && has_types)
			error = km_callsite_find_types(site, resolver);
	}
	return error;
}

static struct km_error *resolve_class(const struct km_report_class *class, size_t max_sites,
				      struct km_resolver *resolver)
{
	struct km_error *error = NULL;

	for (size_t i = 0; !error && i < class->nr_sites && i < max_sites; i++)
		error = resolve_one(class->sites[i].callsite, resolver);
	return error;
}

/* With what is allocated there; only slab call sites have sizes to tell it by. */
static struct km_error *resolve_finding(struct km_report *report, size_t i,
					struct km_resolver *resolver)
{
	struct km_finding *finding = &report->findings[i];
	struct km_error *error = resolve_one(finding->callsite, resolver);

	if (!error)
		error = km_callsite_find_types(finding->callsite, resolver);
	return error ? error : km_finding_name_type((struct km_report_own *)report, finding);
}

static struct km_error *resolve_view(struct km_report *report, const struct km_view *view,
				     struct km_resolver *resolver)
{
	struct km_error *error = NULL;

	for (size_t i = 0; !error && i < KM_NR_LISTINGS; i++)
		error = resolve_list(&view->lists[i], resolver);
	if (view->shows & KM_SHOWS_FINDINGS)
		for (size_t i = 0; !error && i < view->nr_findings; i++)
			error = resolve_finding(report, i, resolver);
	if (view->shows & KM_SHOWS_CLASSES)
		for (size_t i = 0; !error && i < report->nr_classes; i++)
			error = resolve_class(&report->classes[i], view->max_class_sites, resolver);
	if (view->shows & KM_SHOWS_PEAK)
		for (size_t i = 0; !error && i < report->nr_peak_sites && i < KM_PEAK_ROWS; i++)
			error = resolve_one(report->peak_sites[i], resolver);
	return error;
}

static struct km_error *resolve_all(const struct km_callsite *sites, size_t nr,
				    struct km_resolver *resolver)
{
	struct km_error *error = NULL;

	for (size_t i = 0; !error && i < nr; i++)
		error = resolve_one(&sites[i], resolver);
	return error;
}

struct km_error *km_report_resolve(struct km_report *report, const struct km_view *view,
				   struct km_resolver *resolver)
{
	struct km_error *error;

	if (view)
		return resolve_view(report, view, resolver);
	error = resolve_all(report->callsites, report->nr_callsites, resolver);
	for (size_t i = 0; !error && i < report->nr_callsites; i++)
		error = km_callsite_find_types(&report->callsites[i], resolver);
	for (size_t i = 0; !error && i < report->nr_findings; i++)
		error = resolve_finding(report, i, resolver);
	if (!error && report->pages)
		error = resolve_all(report->pages->callers, report->pages->nr_callers, resolver);
	if (!error && report->percpus)
		error = resolve_all(report->percpus->callsites, report->percpus->nr_callsites,
				    resolver);
	if (!error && report->stacks)
		error = resolve_all(report->stacks->frames, report->stacks->nr_frames, resolver);
	return error ? error : km_report_set_fingerprints(report);
}
