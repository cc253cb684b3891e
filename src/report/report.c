/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Building a report: call sites get their names, sums and order. */
#include "report/build.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Takes the string over; NULL (no memory) passes through. */
static char *strings_keep(struct km_strings *strings, char *text)
{
	if (!text)
		return NULL;
	if (strings->nr == strings->size) {
		size_t size = strings->size ? 2 * strings->size : 64;
		char **items = reallocarray(strings->items, size, sizeof(*items));

		if (!items) {
			free(text);
			return NULL;
		}
		strings->items = items;
		strings->size = size;
	}
	strings->items[strings->nr++] = text;
	return text;
}

char *km_strings_printf(struct km_strings *strings, const char *format, ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	return strings_keep(strings, len < 0 ? NULL : text);
}

char *km_strings_safe(struct km_strings *strings, const char *text)
{
	return strings_keep(strings, km_text_safe(text));
}

void km_strings_deinit(struct km_strings *strings)
{
	for (size_t i = 0; i < strings->nr; i++)
		free(strings->items[i]);
	free(strings->items);
	*strings = (struct km_strings){ 0 };
}

int km_callsite_compare_name(const struct km_callsite *a, const struct km_callsite *b)
{
	int order = strcmp(a->name, b->name);

	if (!order)
		order = (a->address > b->address) - (a->address < b->address);
	return order ? order : strcmp(a->event, b->event);
}

static int compare_waste(const void *a, const void *b)
{
	const struct km_callsite *x = a, *y = b;

	if (x->bytes_waste != y->bytes_waste)
		return x->bytes_waste < y->bytes_waste ? 1 : -1;
	return km_callsite_compare_name(x, y);
}

/* The name for people of a call site whose symbol is set. */
static struct km_error *name_symbol(struct km_report_own *own, struct km_callsite *site)
{
	const struct km_symbol *symbol = &site->symbol;

	if (symbol->module)
		site->name = km_strings_printf(&own->strings, "%s+0x%" PRIx64 " [%s]", symbol->name,
					       symbol->offset, symbol->module);
	else
		site->name = km_strings_printf(&own->strings, "%s+0x%" PRIx64, symbol->name,
					       symbol->offset);
	return site->name ? NULL : &km_error_memory;
}

static struct km_error *name_address(struct km_report_own *own, struct km_callsite *site)
{
	site->symbol = (struct km_symbol){ 0 };
	site->name = km_strings_printf(&own->strings, "0x%" PRIx64, site->address);
	return site->name ? NULL : &km_error_memory;
}

/* Of a report that was read back. */
static struct km_error *take_known(struct km_report_own *own, const struct km_known_site *known,
				   struct km_callsite *site)
{
	site->has_symbol = known->has_symbol;
	site->symbol = known->symbol;
	site->source = known->source;
	site->types = known->types;
	site->has_types = true;
	site->spread = known->spread;
	return known->has_symbol ? name_symbol(own, site) : name_address(own, site);
}

/* A name out of a trace is made safe once, here: renderers compare and shorten it. */
struct km_error *km_report_name_site(struct km_report_own *own, const struct km_symtab *symtab,
				     struct km_callsite *site)
{
	struct km_strings *strings = &own->strings;
	struct km_symbol *symbol = &site->symbol;
	const char *module;

	if (site->address == KM_SITE_BEYOND && own->report.quality.count[KM_ALLOCS_POOLED]) {
		/* as a symbol: no format takes it for an address then */
		*symbol = (struct km_symbol){ .name = "(beyond the memory limit)" };
		site->has_symbol = true;
		site->name = symbol->name;
		return NULL;
	}
	if (!symtab || !km_symtab_find(symtab, site->address, symbol))
		return name_address(own, site);
	site->has_symbol = true;
	symbol->name = km_strings_safe(strings, symbol->name);
	if (!symbol->name)
		return &km_error_memory;
	module = symbol->module;
	if (module) {
		symbol->module = km_strings_safe(strings, module);
		if (!symbol->module)
			return &km_error_memory;
	}
	return name_symbol(own, site);
}

/* Cache names are few and shared: one safe copy of each. */
static struct km_error *copy_sizes(struct km_report_own *own, const struct km_report_parts *parts,
				   const char **cache_names, const struct km_site *site,
				   struct km_report_size *ret)
{
	for (size_t i = 0; i < site->nr_sizes; i++) {
		const struct km_size *size = &site->sizes[i];
		const char **name = &cache_names[size->cache];
		const char *raw = NULL;

		if (!parts->known)
			raw = km_groups_cache_name(parts->groups, size->cache);
		else if (size->cache)
			raw = parts->known->cache_names[size->cache - 1];
		if (!*name && raw && !(*name = km_strings_safe(&own->strings, raw)))
			return &km_error_memory;
		ret[i] = (struct km_report_size){
			.bytes_req = size->bytes_req,
			.bytes_alloc = size->bytes_alloc,
			.cache = *name,
			.hits = size->hits,
		};
	}
	return NULL;
}

static void set_per_unit(struct km_callsite *site, uint64_t per)
{
	if (!per)
		return;
	site->hits_per_unit = (double)site->hits / (double)per;
	site->bytes_per_unit = (double)site->bytes_alloc / (double)per;
	site->hits_rest = site->hits % per;
}

static struct km_error *build_callsites(struct km_report_own *own,
					const struct km_report_parts *parts,
					const char **cache_names)
{
	struct km_report *report = &own->report;
	struct km_report_size *sizes = own->sizes;

	for (size_t i = 0; i < parts->sites->nr; i++) {
		const struct km_site *from = &parts->sites->sites[i];
		struct km_callsite *site = &report->callsites[report->nr_callsites++];
		struct km_error *error;

		*site = (struct km_callsite){
			.layer = "slab",
			.event = km_family_name(from->family),
			.address = from->address,
			.traced = from->traced,
			.hits = from->sum.hits,
			.bytes_req = from->sum.bytes_req,
			.bytes_alloc = from->sum.bytes_alloc,
			.bytes_waste = km_waste(from->sum.bytes_req, from->sum.bytes_alloc),
			.accounted_hits = from->sum.accounted_hits,
			.sizes = sizes,
			.nr_sizes = from->nr_sizes,
			.life = from->life,
		};
		if (site->bytes_alloc)
			site->frag_percent =
				100.0 * (double)site->bytes_waste / (double)site->bytes_alloc;
		set_per_unit(site, parts->per);
		error = parts->known ? take_known(own, &parts->known->sites[i], site)
				     : km_report_name_site(own, parts->symtab, site);
		if (!error)
			error = copy_sizes(own, parts, cache_names, from, sizes);
		if (error)
			return error;
		sizes += from->nr_sizes;
	}
	qsort(report->callsites, report->nr_callsites, sizeof(*report->callsites), compare_waste);
	return NULL;
}

static void sum_layer(struct km_layer_summary *ret, enum km_layer layer,
		      const struct km_report_parts *parts)
{
	const struct km_sum *sum = &parts->sites->layers[layer];

	*ret = (struct km_layer_summary){
		.layer = km_layer_name(layer),
		.allocs = sum->hits,
		.bytes_req = sum->bytes_req,
		.bytes_alloc = sum->bytes_alloc,
		.accounted_hits = sum->accounted_hits,
	};
	for (enum km_event_kind kind = KM_EV_OTHER + 1; kind < KM_NR_EVENT_KINDS; kind++)
		if (km_event_is_free(kind) && km_event_layer(kind) == layer)
			ret->frees = km_sat_add(ret->frees, parts->kinds[kind]);
}

static void sum_layers(struct km_report *report, const struct km_report_parts *parts)
{
	struct km_layer_summary *slab = &report->slab;
	const uint64_t *count = parts->quality.count;
	uint64_t empty = km_sat_add(count[KM_NULL_FREES], count[KM_ZERO_SIZE_FREES]);

	sum_layer(slab, KM_LAYER_SLAB, parts);
	sum_layer(&report->percpu, KM_LAYER_PERCPU, parts);
	sum_layer(&report->page, KM_LAYER_PAGE, parts);
	slab->bytes_waste = km_waste(slab->bytes_req, slab->bytes_alloc);
	/* frees of NULL and ZERO_SIZE_PTR free nothing */
	slab->frees -= empty < slab->frees ? empty : slab->frees;
}

static int compare_events(const void *a, const void *b)
{
	const struct km_event_report *x = a, *y = b;
	int order;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	order = strcmp(x->format->system, y->format->system);
	if (!order)
		order = strcmp(x->format->name, y->format->name);
	return order ? order : (x->format->id > y->format->id) - (x->format->id < y->format->id);
}

/* Streams and events, which the report takes over from its parts. */
static void take_lists(struct km_report *report, struct km_report_parts *parts)
{
	size_t kept = 0;

	report->streams = parts->streams;
	report->nr_streams = parts->nr_streams;
	report->events = parts->events;
	parts->streams = NULL;
	parts->events = NULL;
	for (size_t i = 0; i < parts->nr_events; i++)
		if (report->events[i].count)
			report->events[kept++] = report->events[i];
	report->nr_events = kept;
	if (kept)
		qsort(report->events, kept, sizeof(*report->events), compare_events);

	report->first_ns = UINT64_MAX;
	for (size_t i = 0; i < report->nr_streams; i++) {
		const struct km_stream_report *stream = &report->streams[i];

		if (stream->first_ns > stream->last_ns)
			continue;
		if (stream->first_ns < report->first_ns)
			report->first_ns = stream->first_ns;
		if (stream->last_ns > report->last_ns)
			report->last_ns = stream->last_ns;
	}
	if (report->first_ns <= report->last_ns)
		report->duration_ns = report->last_ns - report->first_ns;
}

/* By the events in the file, whatever filters left of them. */
static void find_frees(struct km_report_own *own)
{
	for (size_t i = 0; i < own->report.nr_events; i++) {
		enum km_event_kind kind = own->report.events[i].format->kind;

		/* caches' objects may be freed by kfree() since v6.4: few are */
		own->has_frees[KM_FAMILY_KMALLOC] |= kind == KM_EV_KFREE;
		own->has_frees[KM_FAMILY_CACHE] |= kind == KM_EV_CACHE_FREE;
	}
}

/* Findings that were judged before. */
static struct km_error *take_findings(struct km_report *report, const struct km_report_parts *parts)
{
	const struct km_report_known *known = parts->known;
	const struct km_callsite **sites = calloc(parts->sites->nr + 1, sizeof(*sites));

	report->findings = calloc(known->nr_findings + 1, sizeof(*report->findings));
	if (!report->findings || !sites) {
		free(sites);
		return &km_error_memory;
	}
	/* until they are sorted, traced is the index */
	for (size_t i = 0; i < report->nr_callsites; i++) {
		struct km_callsite *site = &report->callsites[i];

		sites[site->traced] = site;
		site->traced = site->address;
	}
	for (size_t i = 0; i < known->nr_findings; i++) {
		struct km_finding *finding = &report->findings[i];

		*finding = known->findings[i].finding;
		if (!finding->callsite)
			finding->callsite = sites[known->findings[i].site];
		report->nr_suppressed += finding->suppressed != NULL;
	}
	report->nr_findings = known->nr_findings;
	free(sites);
	return NULL;
}

struct km_error *km_report_build(struct km_report_parts *parts, struct km_report **ret)
{
	struct km_report_own *own = calloc(1, sizeof(*own));
	const char **cache_names = calloc((size_t)UINT16_MAX + 1, sizeof(*cache_names));
	struct km_error *error = &km_error_memory;
	struct km_report *report;

	if (!own || !cache_names)
		goto out;
	report = &own->report;
	report->input = parts->input;
	report->quality = parts->quality;
	report->has_symbols = parts->symtab != NULL;
	report->lives = parts->lives;
	report->per = parts->per;
	report->percpu_replay = parts->percpu_replay;
	report->is_live_unsure = km_quality_is_incomplete(&parts->quality) ||
				 parts->input->has_hashed_ptrs ||
				 (parts->lives && parts->lives->total.replaced);
	if (parts->known) {
		report->merged = parts->known->merged;
		report->is_live_unsure |= parts->known->is_live_unsure;
		report->has_symbols = true;
		report->is_read_back = true;
	}
	take_lists(report, parts);
	find_frees(own);
	for (size_t i = 0; i < parts->sites->nr; i++)
		own->nr_sizes += parts->sites->sites[i].nr_sizes;
	report->callsites = calloc(parts->sites->nr + 1, sizeof(*report->callsites));
	own->sizes = calloc(own->nr_sizes + 1, sizeof(*own->sizes));
	if (!report->callsites || !own->sizes)
		goto out;
	error = build_callsites(own, parts, cache_names);
	if (error)
		goto out;
	sum_layers(report, parts);
	error = km_report_build_classes(own);
	if (!error)
		error = km_report_build_pages(own, parts);
	if (!error)
		error = km_report_build_percpu(own, parts);
	km_report_take_localities(report, parts->localities);
	km_report_take_own_caches(report, parts->own_caches);
	if (!error)
		error = parts->known && parts->known->is_judged
				? take_findings(report, parts)
				: km_report_build_findings(own, &parts->thresholds);
	if (!error)
		error = km_report_build_peak(report);
	if (!error)
		error = km_report_build_tally(own, parts);
	if (!error)
		error = km_report_build_models(own, parts);
	if (!error)
		error = km_report_build_stacks(own, parts);
	if (!error) {
		*ret = report;
		own = NULL;
	}
out:
	free(cache_names);
	if (own)
		km_report_destroy(&own->report);
	return error;
}

void km_report_destroy(struct km_report *report)
{
	struct km_report_own *own = (struct km_report_own *)report;

	if (!report)
		return;
	km_strings_deinit(&own->strings);
	free(own->sizes);
	free(own->size_classes);
	free(own->class_sites);
	free(report->peak_sites);
	free(report->callsites);
	free(report->classes);
	free(report->findings);
	free(report->caches);
	free(report->tasks);
	free(report->ptrs);
	free(report->models);
	free(report->model_classes);
	free(report->model_sites);
	free(report->types);
	km_page_report_destroy(report->pages);
	km_percpu_report_destroy(report->percpus);
	km_stack_report_destroy(report->stacks);
	free(report->streams);
	free(report->events);
	free(own);
}
