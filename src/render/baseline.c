/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Baselines for kmemstat check, which people keep beside their code: the part of a JSON report
 * that comparing needs, a row a line, ordered by names.
 */
#include "render/check.h"

#include <stdlib.h>
#include <string.h>

#include "render/json.h"

/* "family module symbol<inner", as keys of call sites are. */
struct parts {
	char *text; /* a copy, cut into the others */
	const char *event, *module, *symbol;
	char *inlined; /* "inner<outer", or NULL */
};

/* False without memory. */
static bool split_key(const char *key, struct parts *ret)
{
	char *rest;

	*ret = (struct parts){ .text = strdup(key) };
	if (!ret->text)
		return false;
	rest = ret->text;
	ret->event = strsep(&rest, " ");
	ret->module = rest ? strsep(&rest, " ") : "-";
	ret->symbol = rest ? strsep(&rest, "<") : "";
	ret->inlined = rest;
	return true;
}

/* What names a call site; a symbol never begins with a digit, an address does. */
static void set_place(json_t **object, const struct parts *parts)
{
	const bool is_address = *parts->symbol >= '0' && *parts->symbol <= '9';

	set_text(object, "event", parts->event);
	set(object, "symbol", is_address ? json_null() : text_value(parts->symbol));
	if (is_address)
		set_text(object, "address", parts->symbol);
	else if (strcmp(parts->module, "-") != 0)
		set_text(object, "module", parts->module);
}

static json_t *make_frame(const char *function, bool is_inlined)
{
	json_t *frame = json_object();

	set_text(&frame, "function", function);
	set(&frame, "inlined", json_boolean(is_inlined));
	return frame;
}

/* The line is that of the innermost function. */
static void set_source(json_t **object, const struct parts *parts, const char *file, uint32_t line)
{
	json_t *list = json_array(), *first;
	char *rest = parts->inlined;

	while (rest)
		append(&list, make_frame(strsep(&rest, "<"), true));
	append(&list, make_frame(parts->symbol, false));
	first = json_array_get(list, 0);
	if (first && file) {
		json_object_set_new(first, "file", text_value(file));
		json_object_set_new(first, "line", line ? number(line) : json_null());
	}
	set(object, "source", list);
}

static json_t *make_site(const struct km_snap_site *site)
{
	json_t *object = json_object();
	struct parts parts;

	if (!split_key(site->key, &parts)) {
		drop(&object);
		return NULL;
	}
	set_text(&object, "layer", site->layer);
	set_place(&object, &parts);
	set_number(&object, "hits", site->hits);
	set_number(&object, "bytes_req", site->bytes_req);
	set_number(&object, "bytes_alloc", site->bytes_alloc);
	set_number(&object, "bytes_waste", site->bytes_waste);
	set_text(&object, "size_class", site->size_class);
	if (site->has_life) {
		set_number(&object, "live_count", site->live_count);
		set_number(&object, "live_bytes", site->live_bytes);
	}
	if (site->has_source)
		set_source(&object, &parts, site->file, site->line);
	free(parts.text);
	return object;
}

static json_t *make_finding(const struct km_snap_finding *finding)
{
	json_t *object = json_object(), *place = json_object();
	struct parts parts;

	if (!split_key(finding->key, &parts)) {
		drop(&object);
		drop(&place);
		return NULL;
	}
	set_text(&object, "rule", finding->rule);
	set_text(&object, "severity", km_finding_severity_name(finding->severity));
	set_text(&object, "fingerprint", finding->fingerprint);
	set_text_if(&object, "fingerprint_symbol", finding->fingerprint_symbol);
	set_text_if(&object, "suppressed", finding->suppressed);
	set_text(&object, "message", finding->message);
	set_text(&object, "advice", finding->advice);
	set_number(&object, "hits", finding->hits);
	set_number(&object, "bytes_waste", finding->bytes_waste);
	set_place(&place, &parts);
	if (finding->file || parts.inlined)
		set_source(&place, &parts, finding->file, finding->line);
	set(&object, "callsite", place);
	free(parts.text);
	return object;
}

static json_t *make_input(const struct km_snapshot *snapshot)
{
	json_t *object = json_object(), *list = json_array();

	set_text_if(&object, "kernel_release", snapshot->kernel_release);
	set_number(&object, "cpus", snapshot->cpus);
	set_number(&object, "page_size", snapshot->page_size);
	set(&object, "duration_ns",
	    snapshot->duration_ns ? number(snapshot->duration_ns) : json_null());
	for (size_t i = 0; i < snapshot->nr_events; i++) {
		const char *event = snapshot->events[i];
		const char *colon = strchr(event, ':');
		char *system = strndup(event, colon ? (size_t)(colon - event) : strlen(event));
		json_t *item = json_object();

		set(&item, "system", system ? text_value(system) : NULL);
		set_text(&item, "name", colon ? colon + 1 : "");
		append(&list, item);
		free(system);
	}
	set(&object, "events", list);
	return object;
}

static json_t *make_quality(const struct km_snapshot *snapshot)
{
	json_t *object = json_object();

	set_number(&object, "events_total", snapshot->events_total);
	set_number(&object, "events_used", snapshot->events_used);
	set_number(&object, "events_filtered", snapshot->events_filtered);
	set_number(&object, "events_lost", snapshot->events_lost);
	set(&object, "incomplete", json_boolean(snapshot->is_incomplete));
	return object;
}

static json_t *make_summary(const struct km_snapshot *snapshot)
{
	json_t *object = json_object(), *slab = json_object();

	set_number(&slab, "allocs", snapshot->hits);
	set_number(&slab, "bytes_req", snapshot->bytes_req);
	set_number(&slab, "bytes_alloc", snapshot->bytes_alloc);
	set_number(&slab, "bytes_waste", snapshot->bytes_waste);
	set(&object, "slab", slab);
	return object;
}

static struct km_error *write_member(struct km_out *out, const char *key, json_t *value)
{
	km_out_printf(out, ",\n\"%s\": ", key);
	return km_json_dump(out, value);
}

static struct km_error *write_head(const struct km_snapshot *snapshot, struct km_out *out)
{
	json_t *generator = json_object();
	struct km_error *error;

	set_text(&generator, "name", "kmemstat");
	set_text_if(&generator, "version", snapshot->generator_version);
	km_out_puts(out, "{\n\"schema_version\": 1,\n\"baseline\": true");
	error = write_member(out, "generator", generator);
	if (!error)
		error = write_member(out, "input", make_input(snapshot));
	if (!error)
		error = write_member(out, "quality", make_quality(snapshot));
	return error ? error : write_member(out, "summary", make_summary(snapshot));
}

/* Not by what may change from trace to trace. */
static int compare_findings(const void *a, const void *b)
{
	const struct km_snap_finding *x = *(const struct km_snap_finding *const *)a;
	const struct km_snap_finding *y = *(const struct km_snap_finding *const *)b;
	int order = strcmp(x->key, y->key);

	if (!order)
		order = strcmp(x->rule, y->rule);
	if (!order)
		order = strcmp(x->fingerprint, y->fingerprint);
	return order ? order : (x > y) - (x < y);
}

static struct km_error *write_findings(const struct km_snapshot *snapshot, struct km_out *out)
{
	const struct km_snap_finding **list =
		calloc(snapshot->nr_findings + 1, sizeof(const struct km_snap_finding *));
	struct km_error *error = list ? NULL : &km_error_memory;

	for (size_t i = 0; list && i < snapshot->nr_findings; i++)
		list[i] = &snapshot->findings[i];
	if (list && snapshot->nr_findings)
		qsort(list, snapshot->nr_findings, sizeof(const struct km_snap_finding *),
		      compare_findings);
	km_out_puts(out, ",\n\"findings\": [");
	for (size_t i = 0; !error && i < snapshot->nr_findings; i++) {
		km_out_puts(out, i ? ",\n" : "\n");
		error = km_json_dump(out, make_finding(list[i]));
	}
	km_out_puts(out, "\n]");
	free(list);
	return error;
}

struct km_error *km_render_baseline(const struct km_snapshot *snapshot, struct km_out *out)
{
	struct km_error *error = write_head(snapshot, out);

	/* they are in the order of their keys */
	km_out_puts(out, ",\n\"callsites\": [");
	for (size_t i = 0; !error && i < snapshot->nr_sites; i++) {
		km_out_puts(out, i ? ",\n" : "\n");
		error = km_json_dump(out, make_site(&snapshot->sites[i]));
	}
	km_out_puts(out, "\n]");
	if (!error)
		error = write_findings(snapshot, out);
	km_out_puts(out, "\n}\n");
	return error;
}
