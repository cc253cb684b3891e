/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What --locality found, put to the call sites of a report. */
#include "report/build.h"

#include <stdlib.h>
#include <string.h>

static int compare_key(const void *key, const void *item)
{
	const struct km_callsite *site = key;
	const struct km_locality *locality = item;

	if (site->traced != locality->call_site)
		return site->traced > locality->call_site ? 1 : -1;
	return (int)km_callsite_family(site) - (int)locality->family;
}

const struct km_report_class *km_report_class_named(const struct km_report *report,
						    const char *name)
{
	for (size_t i = 0; name && i < report->nr_classes; i++)
		if (strcmp(report->classes[i].name, name) == 0)
			return &report->classes[i];
	return NULL;
}

/* A class has its call sites by hits. */
static const struct km_class_site *busiest_beside(const struct km_report_class *class,
						  const struct km_callsite *site)
{
	for (size_t i = 0; i < class->nr_sites; i++)
		if (class->sites[i].callsite != site)
			return &class->sites[i];
	return NULL;
}

void km_report_take_localities(struct km_report *report, const struct km_localities *localities)
{
	if (!localities)
		return;
	report->localities = localities;
	for (size_t i = 0; i < report->nr_callsites; i++) {
		struct km_callsite *site = &report->callsites[i];
		const struct km_report_class *class =
			km_report_class_named(report, site->size_class);

		site->locality = bsearch(site, localities->items, localities->nr,
					 sizeof(*localities->items), compare_key);
		site->crowd = class ? class->nr_sites : 0;
		site->busiest = class ? busiest_beside(class, site) : NULL;
	}
}
