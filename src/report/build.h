/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the steps of building a report share. */
#ifndef KMEMSTAT_REPORT_BUILD_H
#define KMEMSTAT_REPORT_BUILD_H

#include <stdarg.h>

#include "kmemstat/out.h"

#include "kmemstat/report.h"

/* Strings that live as long as the report. */
struct km_strings {
	char **items;
	size_t nr, size;
};

/* Each returns the string kept, NULL without memory. */
char *km_strings_printf(struct km_strings *strings, const char *format, ...) KM_PRINTF(2, 3);
/* A copy that is safe to print (km_text_safe()). */
char *km_strings_safe(struct km_strings *strings, const char *text);
void km_strings_deinit(struct km_strings *strings);

/* A report with what it owns beside its public arrays. */
struct km_report_own {
	struct km_report report; /* first: a report is converted back */
	struct km_strings strings;
	/* sizes of all call sites, with the class of each at the same index in size_classes */
	struct km_report_size *sizes;
	struct km_report_class **size_classes;
	size_t nr_sizes;
	struct km_class_site *class_sites; /* of all classes */
	size_t size_findings;              /* room in report.findings */
	/* what frees objects of a family was recorded: without it all of them look live */
	bool has_frees[KM_NR_FAMILIES];
};

static inline enum km_family km_callsite_family(const struct km_callsite *site)
{
	return site->event == km_family_name(KM_FAMILY_KMALLOC) ? KM_FAMILY_KMALLOC
								: KM_FAMILY_CACHE;
}

/* The total order of call sites with equal numbers: name, address, family. */
int km_callsite_compare_name(const struct km_callsite *a, const struct km_callsite *b);

/* The class a size is in. `size` is one of the report's. */
static inline struct km_report_class *km_report_class_of(const struct km_report_own *own,
							 const struct km_report_size *size)
{
	return own->size_classes[size - own->sizes];
}

/* Gives a call site the name and symbol of its address; symtab may be NULL. */
KM_MUST_CHECK struct km_error *km_report_name_site(struct km_report_own *own,
						   const struct km_symtab *symtab,
						   struct km_callsite *site);
/* Fills report.pages and report.percpus, if there are such events. */
KM_MUST_CHECK struct km_error *km_report_build_pages(struct km_report_own *own,
						     const struct km_report_parts *parts);
KM_MUST_CHECK struct km_error *km_report_build_percpu(struct km_report_own *own,
						      const struct km_report_parts *parts);
void km_page_report_destroy(struct km_page_report *pages);
void km_percpu_report_destroy(struct km_percpu_report *percpu);
/* Fills report.stacks, if it is asked for. */
KM_MUST_CHECK struct km_error *km_report_build_stacks(struct km_report_own *own,
						      const struct km_report_parts *parts);
void km_stack_report_destroy(struct km_stack_report *stacks);
/* The total orders of rows with equal numbers. */
int km_page_row_compare(const void *a, const void *b);
int km_percpu_row_compare(const void *a, const void *b);
/* Fills report.classes, size_classes and the size_class of call sites. */
KM_MUST_CHECK struct km_error *km_report_build_classes(struct km_report_own *own);
/* Fills report.findings. */
KM_MUST_CHECK struct km_error *km_report_build_findings(struct km_report_own *own,
							const struct km_thresholds *thresholds);
/* Of call sites: where their objects lie. `localities` may be NULL. */
void km_report_take_localities(struct km_report *report, const struct km_localities *localities);
/* Of call sites: what a cache of their own would do. `caches` may be NULL. */
void km_report_take_own_caches(struct km_report *report, const struct km_own_caches *caches);
/* Fills report.peak_sites, if they are known. */
KM_MUST_CHECK struct km_error *km_report_build_peak(struct km_report *report);
/* The class of that name, or NULL; name may be NULL. */
const struct km_report_class *km_report_class_named(const struct km_report *report,
						    const char *name);
/* "mesh.c:177", cut at its beginning to fit into buf; "" without debug information. */
const char *km_callsite_source_text(const struct km_callsite *site, char *buf, size_t size);
/* Fills report.caches, tasks and ptrs, those that there are parts for. */
KM_MUST_CHECK struct km_error *km_report_build_tally(struct km_report_own *own,
						     const struct km_report_parts *parts);
/* Fills report.models and what belongs to it, if there are models. */
KM_MUST_CHECK struct km_error *km_report_build_models(struct km_report_own *own,
						      const struct km_report_parts *parts);
/* caches alone. */
KM_MUST_CHECK struct km_error *km_report_build_caches(struct km_report_own *own,
						      const struct km_report_parts *parts);
void km_report_sum_set(const struct km_sum *sum, const struct km_ends *ends, uint64_t nr_sites,
		       struct km_report_sum *ret);

#endif
