/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows of reports, and the report that is made of their sum. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare/merge.h"

/* The kinds of events with their counts: names are "kmem kmalloc". */
static struct km_error *add_event(struct km_merge_reader *reader, const json_t *object)
{
	struct km_merge *merge = reader->merge;
	const char *system = NULL, *name = NULL;
	char key[256];
	uint64_t count = 0;
	bool is_new = false;
	uint32_t i = 0;
	struct km_error *error = km_walk_string(&reader->walk, object, "system", false, &system);

	if (!error)
		error = km_walk_string(&reader->walk, object, "name", false, &name);
	if (!error)
		error = km_walk_count(&reader->walk, object, "count", &count);
	if (error || reader->is_checking)
		return error;
	snprintf(key, sizeof(key), "%.100s %.100s", system, name);
	if (!km_names_get(&merge->events, key, strlen(key), &i, &is_new) ||
	    !km_merge_grow((void **)&merge->event_rows, sizeof(*merge->event_rows), i,
			   &merge->size_events))
		return &km_error_memory;
	merge->event_rows[i].count = km_sat_add(is_new ? 0 : merge->event_rows[i].count, count);
	return NULL;
}

static struct km_error *take_input(void *arg, const json_t *value)
{
	struct km_merge_reader *reader = arg;
	const json_t *list = NULL, *item;
	struct km_error *error = km_walk_list(&reader->walk, value, "events", &list);
	size_t i;

	json_array_foreach(list, i, item)
	{
		if (!error)
			error = add_event(reader, item);
	}
	return !error && reader->merge->is_one ? km_merge_read_streams(reader, value) : error;
}

static struct km_error *take_callsite(void *arg, const json_t *value)
{
	return km_merge_read_callsite(arg, value);
}

static struct km_error *take_finding(void *arg, const json_t *value)
{
	struct km_merge_reader *reader = arg;

	return reader->merge->is_one ? km_merge_read_finding(reader, value) : NULL;
}

static struct km_error *take_timeline(void *arg, const json_t *value)
{
	struct km_merge_reader *reader = arg;

	if (!json_is_object(value))
		return km_walk_shape_error(&reader->walk, NULL, "an object", value);
	if (reader->merge->is_one)
		return km_merge_read_timeline(reader, value);
	return reader->is_checking ? NULL : km_merge_leave_out(reader->merge, "timeline");
}

static struct km_error *take_merged(void *arg, const json_t *value)
{
	return km_merge_read_merged(arg, value);
}

static struct km_error *take_host(void *arg, const json_t *value)
{
	return km_merge_read_host(arg, value);
}

static struct km_error *take_kernel(void *arg, const json_t *value)
{
	return km_merge_read_kernel(arg, value);
}

/* What is in the head, or made anew. */
static struct km_error *on_other(void *arg, const char *name)
{
	static const char *const known[] = { "schema_version", "generator", "quality",
					     "summary",        "per",       "classes" };
	struct km_merge_reader *reader = arg;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i], name) == 0)
			return NULL;
	return reader->is_checking ? NULL : km_merge_leave_out(reader->merge, name);
}

struct km_error *km_merge_read_rows(struct km_merge_reader *reader)
{
	static const struct km_walk_member members[] = {
		{ "input", false, true, take_input },
		{ "callsites", true, true, take_callsite },
		{ "findings", true, true, take_finding },
		{ "timeline", false, false, take_timeline },
		{ "merged", false, false, take_merged },
		{ "hosts", true, false, take_host },
		{ "kernels", true, false, take_kernel },
	};

	reader->walk.on_other = on_other;
	return km_walk_members(&reader->walk, members, sizeof(members) / sizeof(members[0]), false,
			       reader);
}

static int compare_hosts(const void *a, const void *b)
{
	return strcmp(((const struct km_merged_host *)a)->name,
		      ((const struct km_merged_host *)b)->name);
}

static int compare_kernels(const void *a, const void *b)
{
	const struct km_merged_kernel *x = a, *y = b;

	if (!x->release || !y->release)
		return (x->release != NULL) - (y->release != NULL);
	return strverscmp(x->release, y->release);
}

static int compare_skipped(const void *a, const void *b)
{
	return strcmp(((const struct km_merged_skipped *)a)->path,
		      ((const struct km_merged_skipped *)b)->path);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sort(void *rows, size_t nr, size_t size, int (*compare)(const void *, const void *))
{
	if (nr)
		qsort(rows, nr, size, compare);
}

/* What is known of hosts, in order. */
static struct km_error *finish_merged(struct km_merge *merge)
{
	struct km_merged *merged = &merge->merged;
	const struct km_merge_head *head = &merge->head;

	sort(merged->hosts, merged->nr_hosts, sizeof(*merged->hosts), compare_hosts);
	sort(merged->kernels, merged->nr_kernels, sizeof(*merged->kernels), compare_kernels);
	sort(merged->skipped, merged->nr_skipped, sizeof(*merged->skipped), compare_skipped);
	for (size_t i = 1; i < merged->nr_hosts; i++)
		if (strcmp(merged->hosts[i].name, merged->hosts[i - 1].name) == 0)
			return km_error_advise(
				km_error_create(KM_ERR_USAGE, NULL,
						"host %s is in a report that was merged "
						"before, and in another one",
						merged->hosts[i].name),
				"it would be two hosts: merge the reports themselves, all at once");
	merged->key = merge->is_one ? head->key : km_merge_key_name(merge->options.key);
	merged->reports = head->reports;
	merged->superseded = head->superseded;
	merged->left_out = merge->left_out.names;
	merged->nr_left_out = merge->left_out.nr;
	merged->has_lives = head->has_lives;
	merged->live_bytes_peak_most = head->live_bytes_peak_most;
	return NULL;
}

static struct km_error *make_input(struct km_merge *merge)
{
	struct km_input_info *input = &merge->head.input;

	if (merge->is_one) {
		input->instances = merge->instances;
		input->nr_instances = merge->nr_instances;
		input->streams = merge->stream_infos;
		input->nr_streams = merge->nr_streams;
		return NULL;
	}
	input->path = km_pool_printf(&merge->strings, "%llu report%s of %zu host%s",
				     (unsigned long long)merge->head.reports,
				     merge->head.reports == 1 ? "" : "s", merge->merged.nr_hosts,
				     merge->merged.nr_hosts == 1 ? "" : "s");
	input->format = "merged";
	input->is_counts = input->collection && strcmp(input->collection, "hist") == 0;
	return input->path ? NULL : &km_error_memory;
}

static struct km_error *make_events(struct km_merge *merge)
{
	merge->event_formats = calloc(merge->events.nr + 1, sizeof(*merge->event_formats));
	if (!merge->event_formats)
		return &km_error_memory;
	for (size_t i = 0; i < merge->events.nr; i++) {
		struct km_format_info *format = &merge->event_formats[i];
		const char *name = merge->events.names[i], *space = strchr(name, ' ');

		format->system = km_pool_copy(&merge->strings, name, (size_t)(space - name));
		if (!format->system)
			return &km_error_memory;
		format->name = space + 1;
		format->kind = km_event_kind_of(format->system, format->name);
		merge->event_rows[i].format = format;
	}
	return NULL;
}

static struct km_error *make_sites(struct km_merge *merge)
{
	const size_t nr = merge->keys.nr;

	merge->sites.sites = calloc(nr + 1, sizeof(*merge->sites.sites));
	merge->known_sites = calloc(nr + 1, sizeof(*merge->known_sites));
	if (!merge->sites.sites || !merge->known_sites)
		return &km_error_memory;
	for (size_t i = 0; i < nr; i++) {
		struct km_merge_row *row = &merge->rows[i];

		row->spread.kernel_release = row->kernel_release;
		merge->sites.sites[i] = (struct km_site){
			/* with a symbol it only tells call sites of one symbol apart, in order */
			.address = row->has_symbol ? row->symbol.offset : row->address,
			.traced = i,
			.family = row->family,
			.sum = row->sum,
			.sizes = row->sizes,
			.nr_sizes = row->nr_sizes,
			.life = merge->head.has_lives && row->has_life ? row->life : NULL,
		};
		merge->known_sites[i] = (struct km_known_site){
			.has_symbol = row->has_symbol,
			.symbol = row->symbol,
			.source = row->source,
			.types = row->types,
			.spread = !merge->is_one || row->has_spread ? &row->spread : NULL,
		};
	}
	merge->sites.nr = nr;
	memcpy(merge->sites.layers, merge->head.layers, sizeof(merge->sites.layers));
	return NULL;
}

static void make_lives(struct km_merge *merge)
{
	const struct km_merge_head *head = &merge->head;
	struct km_lives *lives = &merge->lives;

	lives->total = head->total;
	lives->short_ns = head->short_ns;
	lives->nr_samples = merge->is_one ? head->nr_samples : KM_LIFE_SAMPLES;
	lives->unknown_frees = head->quality.count[KM_UNKNOWN_FREES];
	lives->untracked = head->quality.count[KM_POINTERS_UNTRACKED];
	lives->ticks = merge->ticks;
	lives->nr_ticks = merge->nr_ticks;
}

static void place_peaks(struct km_merge *merge)
{
	for (size_t i = 0; i < merge->nr_peaks; i++) {
		const struct km_merge_peak *peak = &merge->peaks[i];
		struct km_life_stats *life;
		uint32_t number;

		if (!km_names_has(&merge->keys, peak->key, strlen(peak->key), &number) ||
		    !merge->rows[number].life)
			continue;
		life = merge->rows[number].life;
		life->at_peak = peak->count;
		life->at_peak_bytes = peak->bytes;
		life->at_peak_waste = peak->waste;
	}
}

/* Findings that were read back, with what they point to, which does not move any more. */
static void place_findings(struct km_merge *merge)
{
	for (size_t i = 0; i < merge->nr_findings; i++) {
		struct km_known_finding *finding = &merge->findings[i];

		if (finding->site == SIZE_MAX)
			finding->finding.callsite = &merge->finding_sites[i];
		if (merge->finding_types[i].name)
			finding->finding.type = &merge->finding_types[i];
	}
}

/* As frees were counted: those that free nothing are taken off again. */
static uint64_t free_events(const struct km_merge_head *head)
{
	const uint64_t *count = head->quality.count;

	return km_sat_add(head->frees[KM_LAYER_SLAB],
			  km_sat_add(count[KM_NULL_FREES], count[KM_ZERO_SIZE_FREES]));
}

/* Takes streams and events over: copies of those that there are. */
static struct km_error *copy_lists(const struct km_merge *merge, struct km_report_parts *parts)
{
	parts->streams = calloc(merge->nr_streams + 1, sizeof(*parts->streams));
	parts->events = calloc(merge->events.nr + 1, sizeof(*parts->events));
	if (!parts->streams || !parts->events)
		return &km_error_memory;
	if (merge->nr_streams)
		memcpy(parts->streams, merge->streams, merge->nr_streams * sizeof(*parts->streams));
	if (merge->events.nr)
		memcpy(parts->events, merge->event_rows, merge->events.nr * sizeof(*parts->events));
	parts->nr_streams = merge->nr_streams;
	parts->nr_events = merge->events.nr;
	return NULL;
}

static struct km_error *build(struct km_merge *merge)
{
	const struct km_merge_head *head = &merge->head;
	struct km_report_parts parts = {
		.input = &head->input,
		.quality = head->quality,
		.sites = &merge->sites,
		.lives = head->has_lives ? &merge->lives : NULL,
		.known = &merge->known,
		.thresholds = merge->options.thresholds,
		/* formats of profiles have the call sites of a report that is read back */
		.by_stack = merge->is_one,
		.per = merge->is_one ? (merge->per ? merge->per : head->per) : 0,
	};
	struct km_error *error;

	merge->known = (struct km_report_known){
		.sites = merge->known_sites,
		.cache_names = merge->caches.names,
		.is_judged = merge->is_one,
		.findings = merge->findings,
		.nr_findings = merge->nr_findings,
		.merged = !merge->is_one || head->is_merged ? &merge->merged : NULL,
		.is_live_unsure = head->is_live_unsure,
	};
	parts.kinds[KM_EV_KFREE] = free_events(head);
	parts.kinds[KM_EV_PERCPU_FREE] = head->frees[KM_LAYER_PERCPU];
	parts.kinds[KM_EV_PAGE_FREE] = head->frees[KM_LAYER_PAGE];
	error = copy_lists(merge, &parts);
	if (!error)
		error = km_report_build(&parts, &merge->report);
	free(parts.streams);
	free(parts.events);
	if (error)
		return error;
	merge->report->first_ns = merge->is_one ? head->first_ns : 1;
	merge->report->last_ns = merge->is_one ? head->last_ns : 0;
	merge->report->duration_ns = head->duration_ns;
	return NULL;
}

struct km_error *km_merge_build(struct km_merge *merge)
{
	struct km_error *error = NULL;

	if (merge->nr_with_lives && merge->nr_with_lives < merge->nr_reports)
		error = km_merge_leave_out(merge, "lifetime");
	sort(merge->left_out.names, merge->left_out.nr, sizeof(*merge->left_out.names),
	     compare_names);
	if (!error)
		error = finish_merged(merge);
	if (!error)
		error = make_input(merge);
	if (!error)
		error = make_events(merge);
	if (!error)
		error = make_sites(merge);
	if (error)
		return error;
	make_lives(merge);
	place_findings(merge);
	place_peaks(merge);
	return build(merge);
}
