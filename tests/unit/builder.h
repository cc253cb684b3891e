/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hand-made traces for unit tests: groups of allocations, and a report of them. */
#ifndef KMEMSTAT_TESTS_BUILDER_H
#define KMEMSTAT_TESTS_BUILDER_H

#include <stdlib.h>
#include <string.h>

#include "kmemstat/agg.h"
#include "kmemstat/view.h"

/* Tables of tests leave out fields that are zero. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

/* Some allocations that are alike. */
struct alloc {
	uint64_t address;
	enum km_event_kind kind;
	uint32_t bytes_req, bytes_alloc;
	unsigned int hits;
	uint16_t cache; /* index in the cache names of the test */
	uint8_t flags;
};

#define ASSERT_OK(expression)                                                                      \
	do {                                                                                       \
		struct km_error *error_ = (expression);                                            \
		if (error_)                                                                        \
			fail_msg("%s", error_->message);                                           \
	} while (0)

static inline const char *builder_name_of(const void *arg, uint16_t cache)
{
	return ((const char *const *)arg)[cache];
}

/* A table filled as a scan fills it: by batches, then by a merge that brings the names. */
static inline struct km_groups *build_groups(const struct alloc *allocs, size_t nr,
					     const char *const *cache_names)
{
	struct km_batch *batch = calloc(1, sizeof(*batch));
	struct km_groups *local, *merged;

	ASSERT_OK(km_groups_create(&local));
	ASSERT_OK(km_groups_create(&merged));
	for (size_t i = 0; i < nr; i++) {
		for (unsigned int left = allocs[i].hits; left;) {
			batch->nr = left < KM_BATCH_EVENTS ? left : KM_BATCH_EVENTS;
			for (uint32_t j = 0; j < batch->nr; j++) {
				batch->call_site[j] = allocs[i].address;
				batch->size[j].req = allocs[i].bytes_req;
				batch->size[j].alloc = allocs[i].bytes_alloc;
				batch->what[j].cache = allocs[i].cache;
				batch->what[j].kind = (uint8_t)allocs[i].kind;
				batch->what[j].flags = allocs[i].flags;
				batch->ptr[j] = 0x1000;
			}
			left -= batch->nr;
			ASSERT_OK(km_groups_add(local, batch));
		}
	}
	ASSERT_OK(km_groups_merge(merged, local, builder_name_of, cache_names));
	km_groups_destroy(local);
	free(batch);
	return merged;
}

/* A report with all that it is made of. */
struct built {
	struct km_input_info input;
	struct km_groups *groups;
	struct km_sites sites;
	struct km_symtab *symtab;
	struct km_report *report;
};

static inline void build_report(struct built *built, const struct alloc *allocs, size_t nr,
				const char *const *cache_names, const char *kallsyms,
				struct km_thresholds thresholds)
{
	struct km_report_parts parts = { .thresholds = thresholds };

	if (!built->input.page_size)
		built->input = (struct km_input_info){ .path = "trace.dat", .page_size = 4096 };
	built->groups = build_groups(allocs, nr, cache_names);
	ASSERT_OK(km_sites_build(built->groups, NULL, &built->sites));
	if (kallsyms)
		ASSERT_OK(km_symtab_create("kallsyms", strdup(kallsyms), strlen(kallsyms),
					   &built->symtab));
	parts.input = &built->input;
	parts.groups = built->groups;
	parts.sites = &built->sites;
	parts.symtab = built->symtab;
	ASSERT_OK(km_report_build(&parts, &built->report));
}

static inline void built_deinit(struct built *built)
{
	km_report_destroy(built->report);
	km_symtab_destroy(built->symtab);
	km_sites_deinit(&built->sites);
	km_groups_destroy(built->groups);
}

#endif
