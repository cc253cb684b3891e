/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Snapshots: how they are built and folded, and how they are made of a report. */
#include "compare/snapshot.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/stable.h"
#include "kmemstat/out.h"

static struct km_error *copy_bytes(struct km_snapshot_own *own, const char *text, size_t len,
				   const char **ret)
{
	*ret = km_pool_copy(&own->strings, text, len);
	return *ret ? NULL : &km_error_memory;
}

static struct km_error *copy_text(struct km_snapshot_own *own, const char *text, const char **ret)
{
	return copy_bytes(own, text, strlen(text), ret);
}

struct km_error *km_snap_text(struct km_snapshot_own *own, const char *text, const char **ret)
{
	struct km_error *error;
	char *safe;

	if (!text) {
		*ret = NULL;
		return NULL;
	}
	safe = km_text_safe(text);
	error = safe ? copy_text(own, safe, ret) : &km_error_memory;
	free(safe);
	return error;
}

struct km_error *km_snap_symbol(struct km_snapshot_own *own, const char *name, const char **ret)
{
	char *safe = km_text_safe(name);
	struct km_error *error =
		safe ? copy_bytes(own, safe, km_stable_name_len(safe), ret) : &km_error_memory;

	free(safe);
	return error;
}

struct km_snapshot_own *km_snap_create(void)
{
	return calloc(1, sizeof(struct km_snapshot_own));
}

void km_snapshot_destroy(struct km_snapshot *snapshot)
{
	struct km_snapshot_own *own = (struct km_snapshot_own *)snapshot;

	if (!snapshot)
		return;
	km_pool_deinit(&own->strings);
	free(own->key);
	free(snapshot->events);
	free(snapshot->sites);
	free(snapshot->findings);
	free(own);
}

/* Adds `len` safe bytes of text to the key. */
static struct km_error *append_key(struct km_snapshot_own *own, const char *text, size_t len)
{
	if (own->key_size - own->key_len <= len) {
		size_t size = 2 * (own->key_len + len) + 64;
		char *key = realloc(own->key, size);

		if (!key)
			return &km_error_memory;
		own->key = key;
		own->key_size = size;
	}
	memcpy(own->key + own->key_len, text, len);
	own->key_len += len;
	own->key[own->key_len] = '\0';
	return NULL;
}

/* `separator` and the text, made safe and, if it is a symbol, stable. */
static struct km_error *append_part(struct km_snapshot_own *own, const char *separator,
				    const char *text, bool is_symbol)
{
	struct km_error *error = append_key(own, separator, strlen(separator));
	char *safe;

	if (error)
		return error;
	safe = km_text_safe(text);
	if (!safe)
		return &km_error_memory;
	error = append_key(own, safe, is_symbol ? km_stable_name_len(safe) : strlen(safe));
	free(safe);
	return error;
}

struct km_error *km_snap_key_begin(struct km_snapshot_own *own, const struct km_snap_place *place,
				   const char **ret_key_symbol)
{
	struct km_error *error;

	own->key_len = 0;
	error = append_part(own, "", place->event, false);
	if (!error)
		error = append_part(own, " ", place->module ? place->module : "-", false);
	if (!error)
		error = append_part(own, " ", place->symbol ? place->symbol : place->address,
				    place->symbol != NULL);
	return error ? error : copy_text(own, own->key, ret_key_symbol);
}

struct km_error *km_snap_key_add(struct km_snapshot_own *own, const char *function)
{
	return append_part(own, "<", function ? function : "?", true);
}

struct km_error *km_snap_key_end(struct km_snapshot_own *own, const char **ret_key)
{
	return copy_text(own, own->key, ret_key);
}

/* Room for one more row; returns where it is, zeroed, or NULL. */
static void *grow(void *rows, size_t row_size, size_t *nr, size_t *size)
{
	char **array = rows, *row;

	if (*nr == *size) {
		size_t more = *size ? 2 * *size : 64;
		char *moved = reallocarray(*array, more, row_size);

		if (!moved)
			return NULL;
		*array = moved;
		*size = more;
	}
	row = *array + row_size * (*nr)++;
	memset(row, 0, row_size);
	return row;
}

struct km_error *km_snap_add_site(struct km_snapshot_own *own, struct km_snap_site **ret)
{
	struct km_snapshot *snapshot = &own->snapshot;
	struct km_snap_site *site =
		grow(&snapshot->sites, sizeof(*site), &snapshot->nr_sites, &own->size_sites);

	if (!site)
		return &km_error_memory;
	site->nr_callsites = 1;
	*ret = site;
	return NULL;
}

struct km_error *km_snap_add_finding(struct km_snapshot_own *own, struct km_snap_finding **ret)
{
	struct km_snapshot *snapshot = &own->snapshot;
	struct km_snap_finding *finding = grow(&snapshot->findings, sizeof(*finding),
					       &snapshot->nr_findings, &own->size_findings);

	if (!finding)
		return &km_error_memory;
	*ret = finding;
	return NULL;
}

struct km_error *km_snap_add_event(struct km_snapshot_own *own, const char *system,
				   const char *name)
{
	struct km_snapshot *snapshot = &own->snapshot;
	const char **event =
		grow(&snapshot->events, sizeof(*event), &snapshot->nr_events, &own->size_events);
	struct km_error *error;

	if (!event)
		return &km_error_memory;
	own->key_len = 0;
	error = append_part(own, "", system, false);
	if (!error)
		error = append_part(own, ":", name, false);
	return error ? error : copy_text(own, own->key, event);
}

static int compare_events(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Rows with equal keys in the order they came in: the first names the size class and the line. */
static int compare_sites(const void *a, const void *b)
{
	const struct km_snap_site *x = a, *y = b;
	int order = strcmp(x->key, y->key);

	return order ? order
		     : (x->nr_callsites > y->nr_callsites) - (x->nr_callsites < y->nr_callsites);
}

static void fold_site(struct km_snap_site *into, const struct km_snap_site *site)
{
	into->nr_callsites++;
	into->hits = km_sat_add(into->hits, site->hits);
	into->bytes_req = km_sat_add(into->bytes_req, site->bytes_req);
	into->bytes_alloc = km_sat_add(into->bytes_alloc, site->bytes_alloc);
	into->bytes_waste = km_sat_add(into->bytes_waste, site->bytes_waste);
	into->live_count = km_sat_add(into->live_count, site->live_count);
	into->live_bytes = km_sat_add(into->live_bytes, site->live_bytes);
	into->has_life &= site->has_life;
	into->has_source &= site->has_source;
}

static void fold_sites(struct km_snapshot *snapshot)
{
	struct km_snap_site *sites = snapshot->sites;
	size_t kept = 0;

	/* until they are folded the field is the number of the row: sorting is stable by it */
	for (size_t i = 0; i < snapshot->nr_sites; i++)
		sites[i].nr_callsites = i;
	if (snapshot->nr_sites)
		qsort(sites, snapshot->nr_sites, sizeof(*sites), compare_sites);
	for (size_t i = 0; i < snapshot->nr_sites; i++) {
		if (kept && strcmp(sites[kept - 1].key, sites[i].key) == 0) {
			fold_site(&sites[kept - 1], &sites[i]);
			continue;
		}
		sites[kept] = sites[i];
		sites[kept++].nr_callsites = 1;
	}
	snapshot->nr_sites = kept;
}

void km_snap_finish(struct km_snapshot_own *own)
{
	struct km_snapshot *snapshot = &own->snapshot;
	size_t kept = 0;

	for (size_t i = 0; i < snapshot->nr_sites; i++)
		snapshot->has_source |= snapshot->sites[i].has_source;
	fold_sites(snapshot);
	if (snapshot->nr_events)
		qsort(snapshot->events, snapshot->nr_events, sizeof(*snapshot->events),
		      compare_events);
	for (size_t i = 0; i < snapshot->nr_events; i++)
		if (!kept || strcmp(snapshot->events[kept - 1], snapshot->events[i]) != 0)
			snapshot->events[kept++] = snapshot->events[i];
	snapshot->nr_events = kept;
}

/* JSON has no more: readers take its integers for signed ones. */
static uint64_t count(uint64_t value)
{
	return value > INT64_MAX ? INT64_MAX : value;
}

static struct km_error *take_keys(struct km_snapshot_own *own, const struct km_callsite *site,
				  const char **ret_key, const char **ret_key_symbol)
{
	const struct km_snap_place place = {
		.event = site->event,
		.symbol = site->has_symbol ? site->symbol.name : NULL,
		.address = site->name,
		.module = site->has_symbol ? site->symbol.module : NULL,
	};
	struct km_error *error = km_snap_key_begin(own, &place, ret_key_symbol);

	for (size_t i = 0; !error && i < site->source.nr_frames; i++)
		if (site->source.frames[i].is_inlined)
			error = km_snap_key_add(own, site->source.frames[i].function);
	return error ? error : km_snap_key_end(own, ret_key);
}

static struct km_error *take_source(struct km_snapshot_own *own, const struct km_callsite *site,
				    const char **ret_file, uint32_t *ret_line)
{
	if (!site->source.nr_frames)
		return NULL;
	*ret_line = site->source.frames[0].line;
	return km_snap_text(own, site->source.frames[0].file, ret_file);
}

static struct km_error *take_site(struct km_snapshot_own *own, const struct km_report *report,
				  const struct km_callsite *from)
{
	struct km_snap_site *site;
	struct km_error *error = km_snap_add_site(own, &site);

	if (error)
		return error;
	site->has_source = from->source.nr_frames > 0;
	site->hits = count(from->hits);
	site->bytes_req = count(from->bytes_req);
	site->bytes_alloc = count(from->bytes_alloc);
	site->bytes_waste = count(from->bytes_waste);
	if (report->lives && from->life) {
		site->has_life = true;
		site->live_count = count(from->life->live);
		site->live_bytes = count(from->life->live_bytes);
	}
	error = take_keys(own, from, &site->key, &site->key_symbol);
	if (!error)
		error = km_snap_text(own, from->layer, &site->layer);
	if (!error)
		error = km_snap_text(own, from->event, &site->event);
	if (!error && from->has_symbol)
		error = km_snap_symbol(own, from->symbol.name, &site->symbol);
	if (!error && from->has_symbol)
		error = km_snap_text(own, from->symbol.module, &site->module);
	if (!error)
		error = km_snap_text(own, from->size_class, &site->size_class);
	return error ? error : take_source(own, from, &site->file, &site->line);
}

static struct km_error *take_finding(struct km_snapshot_own *own, const struct km_finding *from)
{
	const char *print = *from->fingerprint_symbol ? from->fingerprint_symbol : NULL, *unused;
	struct km_snap_finding *finding;
	struct km_error *error = km_snap_add_finding(own, &finding);

	if (error)
		return error;
	finding->severity = from->severity;
	finding->hits = count(from->hits);
	finding->bytes_waste = count(from->bytes_waste);
	error = km_snap_text(own, km_rule_info(from->rule)->name, &finding->rule);
	if (!error)
		error = km_snap_text(own, from->fingerprint, &finding->fingerprint);
	if (!error)
		error = km_snap_text(own, print, &finding->fingerprint_symbol);
	if (!error)
		error = km_snap_text(own, from->suppressed, &finding->suppressed);
	if (!error)
		error = km_snap_text(own, from->message, &finding->message);
	if (!error)
		error = km_snap_text(own, from->advice, &finding->advice);
	if (!error)
		error = take_keys(own, from->callsite, &finding->key, &unused);
	return error ? error : take_source(own, from->callsite, &finding->file, &finding->line);
}

static struct km_error *take_head(struct km_snapshot_own *own, const struct km_report *report,
				  const char *path)
{
	struct km_snapshot *snapshot = &own->snapshot;
	const struct km_input_info *input = report->input;
	struct km_error *error;

	snapshot->cpus = input->nr_cpus;
	snapshot->page_size = input->page_size;
	snapshot->duration_ns = input->has_raw_time ? 0 : count(report->duration_ns);
	snapshot->is_incomplete = km_quality_is_incomplete(&report->quality);
	snapshot->is_filtered = report->quality.count[KM_EVENTS_FILTERED] > 0;
	snapshot->events_total = count(km_quality_events_total(&report->quality));
	snapshot->events_used = count(report->quality.count[KM_EVENTS_USED]);
	snapshot->events_lost = count(report->quality.count[KM_EVENTS_LOST]);
	snapshot->hits = count(report->slab.allocs);
	snapshot->bytes_req = count(report->slab.bytes_req);
	snapshot->bytes_alloc = count(report->slab.bytes_alloc);
	snapshot->bytes_waste = count(report->slab.bytes_waste);
	error = km_snap_text(own, path, &snapshot->path);
	if (!error)
		error = km_snap_text(own, KMEMSTAT_VERSION, &snapshot->generator_version);
	if (!error)
		error = km_snap_text(own, input->kernel_release, &snapshot->kernel_release);
	for (size_t i = 0; !error && i < report->nr_events; i++)
		error = km_snap_add_event(own, report->events[i].format->system,
					  report->events[i].format->name);
	return error;
}

struct km_error *km_snapshot_of_report(const struct km_report *report, const char *path,
				       struct km_snapshot **ret)
{
	struct km_snapshot_own *own = km_snap_create();
	struct km_error *error = own ? take_head(own, report, path) : &km_error_memory;

	for (size_t i = 0; !error && i < report->nr_callsites; i++)
		error = take_site(own, report, &report->callsites[i]);
	for (size_t i = 0; !error && i < report->nr_findings; i++)
		error = take_finding(own, &report->findings[i]);
	if (error) {
		km_snapshot_destroy(own ? &own->snapshot : NULL);
		return error;
	}
	km_snap_finish(own);
	*ret = &own->snapshot;
	return NULL;
}
