/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the recorded kmalloc requests would take in other allocators: each size is rounded up as the
 * model does it. Objects of named caches are what they are, and not in it.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "report/build.h"

/* One size of one call site in a model, on its way to a class. */
struct entry {
	struct km_model_object object;
	struct km_model_sum sum;
};

static void add_sum(struct km_model_sum *sum, const struct km_model_sum *more)
{
	sum->hits = km_sat_add(sum->hits, more->hits);
	sum->bytes_req = km_sat_add(sum->bytes_req, more->bytes_req);
	sum->bytes_recorded = km_sat_add(sum->bytes_recorded, more->bytes_recorded);
	sum->bytes_alloc = km_sat_add(sum->bytes_alloc, more->bytes_alloc);
	sum->bytes_waste = km_waste(sum->bytes_req, sum->bytes_alloc);
}

/* Objects of the heap have no class each. */
static uint64_t class_bytes(const struct km_model_object *object)
{
	return object->kind == KM_MODEL_HEAP ? 0 : object->bytes;
}

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	const uint64_t bytes_x = class_bytes(&x->object), bytes_y = class_bytes(&y->object);

	if (x->object.kind != y->object.kind)
		return x->object.kind < y->object.kind ? -1 : 1;
	return (bytes_x > bytes_y) - (bytes_x < bytes_y);
}

static const char *class_name(struct km_report_own *own, const struct km_model *model,
			      const struct km_model_object *object)
{
	const uint64_t bytes = object->bytes, pages = bytes / model->page_size;

	if (object->kind == KM_MODEL_HEAP)
		return "heap";
	if (object->kind == KM_MODEL_CACHE && bytes >= 1024 && bytes % 1024 == 0)
		return km_strings_printf(&own->strings, "%" PRIu64 "k", bytes / 1024);
	if (object->kind == KM_MODEL_CACHE)
		return km_strings_printf(&own->strings, "%" PRIu64, bytes);
	if (model->large == KM_LARGE_ORDER)
		return km_strings_printf(&own->strings, "order-%d",
					 pages ? 63 - __builtin_clzll(pages) : 0);
	return km_strings_printf(&own->strings, "%" PRIu64 " page%s", pages, pages == 1 ? "" : "s");
}

static struct km_error *add_classes(struct km_report_own *own, struct km_model_row *row,
				    struct entry *entries, size_t nr)
{
	struct km_report *report = &own->report;
	struct km_model_class_row *class = NULL;

	if (nr)
		qsort(entries, nr, sizeof(*entries), compare_entries);
	row->first_class = report->nr_model_classes;
	for (size_t i = 0; i < nr; i++) {
		if (!class || compare_entries(&entries[i - 1], &entries[i])) {
			class = &report->model_classes[report->nr_model_classes++];
			*class = (struct km_model_class_row){
				.row = row,
				.name = class_name(own, row->model, &entries[i].object),
				.kind = entries[i].object.kind,
				.bytes = class_bytes(&entries[i].object),
			};
			if (!class->name)
				return &km_error_memory;
		}
		add_sum(&class->sum, &entries[i].sum);
	}
	row->nr_classes = report->nr_model_classes - row->first_class;
	return NULL;
}

/* `entries` has room for all sizes. */
static struct km_error *add_model(struct km_report_own *own, struct km_model_row *row,
				  struct entry *entries)
{
	struct km_report *report = &own->report;
	size_t nr = 0;

	row->first_site = report->nr_model_sites;
	for (size_t i = 0; i < report->nr_callsites; i++) {
		const struct km_callsite *callsite = &report->callsites[i];
		struct km_model_site_row *site;

		if (km_callsite_family(callsite) != KM_FAMILY_KMALLOC)
			continue;
		site = &report->model_sites[report->nr_model_sites++];
		*site = (struct km_model_site_row){ .row = row, .callsite = callsite };
		for (size_t j = 0; j < callsite->nr_sizes; j++) {
			const struct km_report_size *size = &callsite->sizes[j];
			struct entry *entry = &entries[nr++];

			entry->object = km_model_fit(row->model, size->bytes_req);
			entry->sum = (struct km_model_sum){
				.hits = size->hits,
				.bytes_req = km_sat_mul(size->hits, size->bytes_req),
				.bytes_recorded = km_sat_mul(size->hits, size->bytes_alloc),
				.bytes_alloc = km_sat_mul(size->hits, entry->object.bytes),
			};
			add_sum(&site->sum, &entry->sum);
		}
		add_sum(&row->sum, &site->sum);
	}
	row->nr_sites = report->nr_model_sites - row->first_site;
	return add_classes(own, row, entries, nr);
}

/* What was recorded is a row beside the models. */
static void set_recorded(const struct km_report *report, struct km_model_row *row)
{
	*row = (struct km_model_row){ .name = "recorded", .summary = "what the trace has" };
	for (size_t i = 0; i < report->nr_callsites; i++) {
		const struct km_callsite *callsite = &report->callsites[i];
		const struct km_model_sum sum = {
			.hits = callsite->hits,
			.bytes_req = callsite->bytes_req,
			.bytes_recorded = callsite->bytes_alloc,
			.bytes_alloc = callsite->bytes_alloc,
		};

		if (km_callsite_family(callsite) == KM_FAMILY_KMALLOC)
			add_sum(&row->sum, &sum);
	}
}

struct km_error *km_report_build_models(struct km_report_own *own,
					const struct km_report_parts *parts)
{
	const struct km_models *models = parts->models;
	const struct km_replay_results *replay = parts->replay;
	struct km_report *report = &own->report;
	struct entry *entries;
	struct km_error *error = NULL;

	if (!models || !models->nr)
		return NULL;
	report->has_replay = replay != NULL;
	entries = calloc(own->nr_sizes + 1, sizeof(*entries));
	report->models = calloc(models->nr + 1, sizeof(*report->models));
	report->model_classes =
		calloc(models->nr * own->nr_sizes + 1, sizeof(*report->model_classes));
	report->model_sites =
		calloc(models->nr * report->nr_callsites + 1, sizeof(*report->model_sites));
	if (!entries || !report->models || !report->model_classes || !report->model_sites)
		error = &km_error_memory;
	if (!error)
		set_recorded(report, &report->models[report->nr_models++]);
	for (size_t i = 0; i < models->nr && !error; i++) {
		struct km_model_row *row = &report->models[report->nr_models++];

		*row = (struct km_model_row){
			.model = &models->items[i],
			.name = km_strings_safe(&own->strings, models->items[i].name),
			.summary = km_strings_safe(&own->strings, models->items[i].summary),
			.replay = replay ? &replay->items[i] : NULL,
		};
		error = row->name && row->summary ? add_model(own, row, entries) : &km_error_memory;
	}
	free(entries);
	return error;
}
