/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Size classes of a report, and the call sites in each. */
#include "report/build.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* In the order of the class table. */
enum class_kind { CLASS_KMALLOC, CLASS_ORDER, CLASS_OTHER_SIZE, CLASS_UNNAMED, CLASS_NAMED };

/* One size of one call site, on its way to a class. */
struct entry {
	struct km_callsite *site;
	const struct km_report_size *size;
	enum class_kind kind;
};

static enum class_kind kind_of(const struct km_callsite *site, const struct km_report_size *size,
			       uint32_t page_size)
{
	if (km_callsite_family(site) == KM_FAMILY_CACHE)
		return size->cache ? CLASS_NAMED : CLASS_UNNAMED;
	if (size->bytes_alloc == 0 ||
	    km_class_fit(size->bytes_alloc, page_size) != size->bytes_alloc)
		return CLASS_OTHER_SIZE;
	return size->bytes_alloc > km_class_largest_cache(page_size) ? CLASS_ORDER : CLASS_KMALLOC;
}

static int compare_class(const struct entry *a, const struct entry *b)
{
	int order = (a->kind > b->kind) - (a->kind < b->kind);

	if (!order && a->kind == CLASS_NAMED)
		order = strcmp(a->size->cache, b->size->cache);
	if (!order)
		order = (a->size->bytes_alloc > b->size->bytes_alloc) -
			(a->size->bytes_alloc < b->size->bytes_alloc);
	return order;
}

/* By class, then by call site: call sites lie in one array, in their order. */
static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = compare_class(x, y);

	if (!order)
		order = (x->site > y->site) - (x->site < y->site);
	return order ? order : (x->size > y->size) - (x->size < y->size);
}

static int compare_class_sites(const void *a, const void *b)
{
	const struct km_class_site *x = a, *y = b;

	if (x->hits != y->hits)
		return x->hits < y->hits ? 1 : -1;
	return km_callsite_compare_name(x->callsite, y->callsite);
}

static char *class_name(struct km_report_own *own, const struct entry *entry)
{
	char name[48];

	if (entry->kind == CLASS_NAMED)
		return km_strings_printf(&own->strings, "%s", entry->size->cache);
	if (entry->kind == CLASS_UNNAMED)
		return km_strings_printf(&own->strings, "cache-%" PRIu32, entry->size->bytes_alloc);
	km_class_name(entry->size->bytes_alloc, own->report.input->page_size, name, sizeof(name));
	return km_strings_printf(&own->strings, "%s", name);
}

static void add_entry(struct km_report_class *class, const struct entry *entry)
{
	const struct km_report_size *size = entry->size;
	uint64_t req = km_sat_mul(size->hits, size->bytes_req);
	uint64_t alloc = km_sat_mul(size->hits, size->bytes_alloc);
	struct km_class_site *site = class->nr_sites ? &class->sites[class->nr_sites - 1] : NULL;

	if (!site || site->callsite != entry->site) {
		site = &class->sites[class->nr_sites++];
		*site = (struct km_class_site){ .callsite = entry->site };
	}
	site->hits = km_sat_add(site->hits, size->hits);
	site->bytes_alloc = km_sat_add(site->bytes_alloc, alloc);
	site->bytes_waste = km_sat_add(site->bytes_waste, km_waste(req, alloc));
	class->hits = km_sat_add(class->hits, size->hits);
	class->bytes_req = km_sat_add(class->bytes_req, req);
	class->bytes_alloc = km_sat_add(class->bytes_alloc, alloc);
	class->bytes_waste = km_waste(class->bytes_req, class->bytes_alloc);
}

static struct km_error *fill_classes(struct km_report_own *own, const struct entry *entries,
				     size_t nr)
{
	struct km_report *report = &own->report;
	struct km_class_site *next = own->class_sites;
	struct km_report_class *class = NULL;

	for (size_t i = 0; i < nr; i++) {
		if (!class || compare_class(&entries[i - 1], &entries[i])) {
			if (class)
				next = class->sites + class->nr_sites;
			class = &report->classes[report->nr_classes++];
			*class = (struct km_report_class){
				.name = class_name(own, &entries[i]),
				.bytes = entries[i].size->bytes_alloc,
				.sites = next,
			};
			if (!class->name)
				return &km_error_memory;
		}
		add_entry(class, &entries[i]);
		own->size_classes[entries[i].size - own->sizes] = class;
	}
	for (size_t i = 0; i < report->nr_classes; i++)
		qsort(report->classes[i].sites, report->classes[i].nr_sites,
		      sizeof(*report->classes[i].sites), compare_class_sites);
	return NULL;
}

/* The class that most of a call site's bytes are in; of equal ones the first of its sizes. */
static void choose_class(struct km_report_own *own, struct km_callsite *site, uint64_t *bytes)
{
	const struct km_report_class *best = NULL;
	uint64_t most = 0;

	for (size_t i = 0; i < site->nr_sizes; i++) {
		const struct km_report_class *class = km_report_class_of(own, &site->sizes[i]);
		uint64_t *sum = &bytes[class - own->report.classes];

		*sum = km_sat_add(*sum,
				  km_sat_mul(site->sizes[i].hits, site->sizes[i].bytes_alloc));
		if (!best || *sum > most) {
			best = class;
			most = *sum;
		}
	}
	for (size_t i = 0; i < site->nr_sizes; i++)
		bytes[km_report_class_of(own, &site->sizes[i]) - own->report.classes] = 0;
	site->size_class = best ? best->name : "";
}

struct km_error *km_report_build_classes(struct km_report_own *own)
{
	struct km_report *report = &own->report;
	size_t nr = own->nr_sizes, n = 0;
	struct entry *entries = calloc(nr + 1, sizeof(*entries));
	uint64_t *bytes = calloc(nr + 1, sizeof(*bytes));
	struct km_error *error = &km_error_memory;

	report->classes = calloc(nr + 1, sizeof(*report->classes));
	own->class_sites = calloc(nr + 1, sizeof(*own->class_sites));
	own->size_classes = calloc(nr + 1, sizeof(struct km_report_class *));
	if (!entries || !bytes || !report->classes || !own->class_sites || !own->size_classes)
		goto out;
	for (size_t i = 0; i < report->nr_callsites; i++) {
		struct km_callsite *site = &report->callsites[i];

		for (size_t j = 0; j < site->nr_sizes; j++)
			entries[n++] = (struct entry){
				.site = site,
				.size = &site->sizes[j],
				.kind = kind_of(site, &site->sizes[j], report->input->page_size),
			};
	}
	qsort(entries, n, sizeof(*entries), compare_entries);
	error = fill_classes(own, entries, n);
	if (!error)
		for (size_t i = 0; i < report->nr_callsites; i++)
			choose_class(own, &report->callsites[i], bytes);
out:
	free(entries);
	free(bytes);
	return error;
}
