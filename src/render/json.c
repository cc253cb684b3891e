/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The report as JSON: share/kmemstat-report-1.schema.json is the contract. Rows are written one
 * by one, one a line, so that memory does not grow with them and a diff shows rows.
 */
#include "render/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kmemstat/suppress.h"

enum { SCHEMA_VERSION = 1 };

static int write_bytes(const char *buffer, size_t size, void *data)
{
	struct km_out *out = data;

	errno = 0;
	if (!out->error && fwrite(buffer, 1, size, out->file) != size)
		out->error = errno ? errno : EIO;
	return 0;
}

static struct km_error *dump(struct km_out *out, json_t *value, size_t flags)
{
	int failed = !value || json_dump_callback(value, write_bytes, out, flags | JSON_ENCODE_ANY);

	json_decref(value);
	return failed ? &km_error_memory : NULL;
}

struct km_error *km_json_dump(struct km_out *out, json_t *value)
{
	/* six digits are enough for percentages, and they read well */
	return dump(out, value, JSON_REAL_PRECISION(6));
}

struct km_error *km_json_dump_precise(struct km_out *out, json_t *value)
{
	return dump(out, value, JSON_REAL_PRECISION(15));
}

static json_t *make_instances(const struct km_input_info *input)
{
	json_t *list = json_array();

	for (size_t i = 0; i < input->nr_instances; i++) {
		const struct km_instance_info *instance = &input->instances[i];
		json_t *item = json_object();

		set_text(&item, "name", instance->name);
		set_text_if(&item, "clock", instance->clock);
		set_number(&item, "cpus", instance->nr_cpus);
		set_number(&item, "bytes", instance->bytes);
		set(&item, "selected", json_boolean(instance->is_selected));
		append(&list, item);
	}
	return list;
}

static void set_counters(json_t **object, const struct km_quality *quality, bool has_pairs)
{
	for (enum km_counter i = 0; i < KM_NR_COUNTERS; i++)
		if (km_counter_is_of_report(i) ? quality->count[i] > 0
					       : has_pairs || !km_counter_is_of_pairs(i))
			set_number(object, km_counter_info(i)->key, quality->count[i]);
}

/* First and last time stamp; a clock that does not count nanoseconds has keys of its own. */
static void set_times(json_t **object, const struct km_report *report, uint64_t first,
		      uint64_t last)
{
	const bool is_raw = report->input->has_raw_time;

	if (first > last)
		return;
	set_number(object, is_raw ? "first_ticks" : "first_ns", first);
	set_number(object, is_raw ? "last_ticks" : "last_ns", last);
}

static json_t *make_streams(const struct km_report *report)
{
	json_t *list = json_array();

	/* counts are of all CPUs together */
	for (size_t i = 0; !report->input->is_counts && i < report->nr_streams; i++) {
		const struct km_stream_report *stream = &report->streams[i];
		json_t *item = json_object();

		set_number(&item, "cpu", stream->info->cpu);
		set_number(&item, "bytes", stream->info->bytes);
		set_number(&item, "events_total", stream->events);
		set_counters(&item, &stream->quality, false);
		if (stream->info->has_recorder_stats) {
			set_number(&item, "recorder_overrun", stream->info->overrun);
			set_number(&item, "recorder_dropped", stream->info->dropped);
		}
		set_times(&item, report, stream->first_ns, stream->last_ns);
		append(&list, item);
	}
	return list;
}

static json_t *make_events(const struct km_report *report)
{
	json_t *list = json_array();

	for (size_t i = 0; i < report->nr_events; i++) {
		const struct km_event_report *event = &report->events[i];
		json_t *item = json_object();

		set_text(&item, "system", event->format->system);
		set_text(&item, "name", event->format->name);
		set_number(&item, "count", event->count);
		append(&list, item);
	}
	return list;
}

static json_t *make_input(const struct km_report *report)
{
	const struct km_input_info *input = report->input;
	json_t *object = json_object();

	set_text(&object, "path", input->path);
	set_text(&object, "format", input->format);
	set_text_if(&object, "collection", input->collection);
	set_number(&object, "format_version", input->format_version);
	set_text_if(&object, "compression", input->compression);
	set_number(&object, "file_bytes", input->file_bytes);
	set_text_if(&object, "kernel_release", input->kernel_release);
	set_text_if(&object, "machine", input->machine);
	set_text_if(&object, "recorder", input->recorder);
	set_number(&object, "cpus", input->nr_cpus);
	set_number(&object, "page_size", input->page_size);
	set_number(&object, "subbuf_bytes", input->subbuf_bytes);
	set_number(&object, "long_bytes", input->long_bytes);
	set(&object, "big_endian", json_boolean(input->is_big_endian));
	set(&object, "clock", input->clock ? text_value(input->clock) : json_null());
	if (input->has_raw_time) {
		set(&object, "duration_ns", json_null());
		set_number(&object, "duration_ticks", report->duration_ns);
	} else {
		set_number(&object, "duration_ns", report->duration_ns);
	}
	set_times(&object, report, report->first_ns, report->last_ns);
	set(&object, "instances", make_instances(input));
	set(&object, "streams", make_streams(report));
	set(&object, "events", make_events(report));
	return object;
}

static json_t *make_quality(const struct km_report *report)
{
	const struct km_quality *quality = &report->quality;
	json_t *object = json_object();

	set_number(&object, "events_total", km_quality_events_total(quality));
	set_number(&object, "events_undecodable", km_quality_events_undecodable(quality));
	set_counters(&object, quality, report->lives != NULL);
	set(&object, "incomplete", json_boolean(km_quality_is_incomplete(quality)));
	return object;
}

static json_t *make_layer(const struct km_layer_summary *summary)
{
	json_t *object = json_object();

	set_number(&object, "allocs", summary->allocs);
	set_number(&object, "frees", summary->frees);
	set_number(&object, "bytes_req", summary->bytes_req);
	set_number(&object, "bytes_alloc", summary->bytes_alloc);
	return object;
}

static bool layer_has_events(const struct km_layer_summary *summary)
{
	return summary->allocs || summary->frees;
}

static json_t *make_percpu(const struct km_report *report)
{
	json_t *object = make_layer(&report->percpu);

	if (report->percpus)
		km_json_set_percpu_life(&object, report->percpus);
	return object;
}

static json_t *make_page(const struct km_report *report)
{
	json_t *object = make_layer(&report->page);

	if (report->pages)
		km_json_set_page_life(&object, report->pages);
	return object;
}

static json_t *make_summary(const struct km_report *report)
{
	json_t *slab = make_layer(&report->slab), *object = json_object();

	set_number(&slab, "bytes_waste", report->slab.bytes_waste);
	set_number(&slab, "accounted_hits", report->slab.accounted_hits);
	if (report->lives)
		km_json_set_total_life(&slab, report);
	set(&object, "slab", slab);
	if (layer_has_events(&report->percpu) || report->percpus)
		set(&object, "percpu", make_percpu(report));
	if (layer_has_events(&report->page) || report->pages)
		set(&object, "page", make_page(report));
	return object;
}

void km_json_set_symbol(json_t **object, const struct km_callsite *site,
			const struct km_render_options *options)
{
	char address[24];

	if (site->has_symbol) {
		set_text(object, "symbol", site->symbol.name);
		set_number(object, "offset", site->symbol.offset);
		set_text_if(object, "module", site->symbol.module);
	} else {
		set(object, "symbol", json_null());
	}
	if (options->raw_ip || !site->has_symbol) {
		snprintf(address, sizeof(address), "0x%" PRIx64, site->address);
		set_text(object, "address", address);
	}
}

json_t *km_json_place(const struct km_callsite *site, const struct km_render_options *options)
{
	json_t *object = json_object();

	set_text(&object, "layer", site->layer);
	set_text(&object, "event", site->event);
	km_json_set_symbol(&object, site, options);
	return object;
}

/* Safe text that keeps its tabs. */
static json_t *source_line(const char *text)
{
	json_t *value = json_string("");

	for (const char *end; value; text = end + 1) {
		char *part, *safe, *joined = NULL;

		end = strchrnul(text, '\t');
		part = strndup(text, (size_t)(end - text));
		safe = part ? km_text_safe(part) : NULL;
		free(part);
		if (!safe ||
		    asprintf(&joined, "%s%s%s", json_string_value(value), safe, *end ? "\t" : "") <
			    0 ||
		    json_string_set(value, joined)) {
			json_decref(value);
			value = NULL;
		}
		free(safe);
		free(joined);
		if (!*end)
			break;
	}
	return value;
}

static json_t *make_excerpt(const struct km_excerpt *excerpt)
{
	json_t *object = json_object(), *list = json_array();

	set_number(&object, "first", excerpt->first);
	for (uint32_t i = 0; i < excerpt->nr_lines; i++)
		append(&list, source_line(excerpt->lines[i]));
	set(&object, "lines", list);
	return object;
}

void km_json_set_source(json_t **object, const struct km_callsite *site)
{
	json_t *list;

	if (site->source.nr_frames == 0)
		return;
	list = json_array();
	for (size_t i = 0; i < site->source.nr_frames; i++) {
		const struct km_frame *frame = &site->source.frames[i];
		json_t *item = json_object();

		set(&item, "function", frame->function ? text_value(frame->function) : json_null());
		set(&item, "file", frame->file ? text_value(frame->file) : json_null());
		set(&item, "line", frame->line ? number(frame->line) : json_null());
		if (frame->column)
			set_number(&item, "column", frame->column);
		set(&item, "inlined", json_boolean(frame->is_inlined));
		append(&list, item);
	}
	set(object, "source", list);
	if (site->excerpt.nr_lines)
		set(object, "source_lines", make_excerpt(&site->excerpt));
}

static json_t *make_sizes(const struct km_callsite *site, size_t nr)
{
	json_t *list = json_array();

	for (size_t i = 0; i < nr; i++) {
		const struct km_report_size *size = &site->sizes[i];
		json_t *item = json_object();

		set_number(&item, "bytes_req", size->bytes_req);
		set_number(&item, "bytes_alloc", size->bytes_alloc);
		set_number(&item, "hits", size->hits);
		set_text_if(&item, "cache", size->cache);
		append(&list, item);
	}
	return list;
}

/* What is allocated there. */
static void set_types(json_t **object, const struct km_callsite *site)
{
	json_t *list;

	if (!site->types.nr)
		return;
	list = json_array();
	for (size_t i = 0; i < site->types.nr; i++) {
		const struct km_type *type = &site->types.types[i];
		json_t *item = json_object();

		set_text(&item, "name", type->name);
		set_number(&item, "bytes", type->bytes);
		set_text(&item, "sureness", km_sureness_name(type->sureness));
		set_text(&item, "form", km_type_form_name(type->form));
		set_number(&item, "bytes_req_min", type->min_req);
		set_number(&item, "bytes_req_max", type->max_req);
		if (type->element_bytes)
			set_number(&item, "element_bytes", type->element_bytes);
		append(&list, item);
	}
	set(object, "types", list);
}

static json_t *make_callsite(const struct km_report *report, const struct km_callsite *site,
			     const struct km_render_options *options,
			     const struct km_json_sink *sink)
{
	json_t *object = km_json_place(site, options);

	set_number(&object, "hits", site->hits);
	set_number(&object, "bytes_req", site->bytes_req);
	set_number(&object, "bytes_alloc", site->bytes_alloc);
	set_number(&object, "bytes_waste", site->bytes_waste);
	set(&object, "frag_percent", json_real(site->frag_percent));
	set_number(&object, "accounted_hits", site->accounted_hits);
	if (report->per) {
		set(&object, "hits_per_unit", json_real(site->hits_per_unit));
		set(&object, "bytes_per_unit", json_real(site->bytes_per_unit));
		set_number(&object, "hits_rest", site->hits_rest);
	}
	set_text(&object, "size_class", site->size_class);
	if (report->lives && site->life)
		km_json_set_life(&object, report, site->life);
	km_json_set_locality(&object, site);
	km_json_set_own_cache(&object, site);
	km_json_set_spread(&object, report, site);
	set(&object, "sizes", make_sizes(site, km_json_most_nested(sink, site->nr_sizes)));
	km_json_set_left_out(&object, "sizes_left_out", sink, site->nr_sizes);
	km_json_set_source(&object, site);
	set_types(&object, site);
	return object;
}

/* All call sites, by hits: a class lists who crowds it. */
static json_t *make_class(const struct km_report_class *class,
			  const struct km_render_options *options, const struct km_json_sink *sink)
{
	json_t *object = json_object(), *list = json_array();

	set_text(&object, "name", class->name);
	set_number(&object, "bytes", class->bytes);
	set_number(&object, "hits", class->hits);
	set_number(&object, "bytes_req", class->bytes_req);
	set_number(&object, "bytes_alloc", class->bytes_alloc);
	set_number(&object, "bytes_waste", class->bytes_waste);
	for (size_t i = 0; i < km_json_most_nested(sink, class->nr_sites); i++) {
		const struct km_class_site *site = &class->sites[i];
		json_t *item = km_json_place(site->callsite, options);

		set_number(&item, "hits", site->hits);
		set_number(&item, "bytes_alloc", site->bytes_alloc);
		set_number(&item, "bytes_waste", site->bytes_waste);
		append(&list, item);
	}
	set(&object, "callsites", list);
	km_json_set_left_out(&object, "callsites_left_out", sink, class->nr_sites);
	return object;
}

static json_t *make_finding(const struct km_finding *finding,
			    const struct km_render_options *options)
{
	json_t *object = json_object(), *place = km_json_place(finding->callsite, options);

	set_text(&object, "rule", km_rule_info(finding->rule)->name);
	set_text(&object, "severity", km_finding_severity_name(finding->severity));
	set_text(&object, "fingerprint", finding->fingerprint);
	set_text(&object, "fingerprint_symbol", finding->fingerprint_symbol);
	set_text(&object, "message", finding->message);
	set_text(&object, "advice", finding->advice);
	set_text_if(&object, "suppressed", finding->suppressed);
	set_number(&object, "hits", finding->hits);
	set_number(&object, "bytes_req", finding->bytes_req);
	set_number(&object, "bytes_alloc", finding->bytes_alloc);
	set_number(&object, "bytes_waste", finding->bytes_waste);
	set_number(&object, "hits_affected", finding->hits_affected);
	set_number(&object, "bytes_at_stake", finding->bytes_at_stake);
	set_number(&object, "bytes_saved", finding->bytes_saved);
	set_number(&object, "bytes_over", finding->bytes_over);
	set_text(&object, "size_class", finding->size_class);
	if (finding->type)
		set_text(&object, "type_name", finding->type->name);
	km_json_set_source(&place, finding->callsite);
	set(&object, "callsite", place);
	return object;
}

/* Each list of rows, written row by row. */
enum list {
	LIST_CALLSITES,
	LIST_CLASSES,
	LIST_FINDINGS,
	/* those behind are left out if they are empty */
	LIST_PAGES,
	LIST_PAGE_ORDERS,
	LIST_PAGE_FRAMES,
	LIST_PERCPU,
	NR_LISTS,
};

static size_t count_list(const struct km_report *report, enum list list)
{
	const struct km_page_report *pages = report->pages;

	switch (list) {
	case LIST_CALLSITES:
		return report->nr_callsites;
	case LIST_CLASSES:
		return report->nr_classes;
	case LIST_FINDINGS:
		return report->nr_findings;
	case LIST_PAGES:
		return pages ? pages->nr_rows : 0;
	case LIST_PAGE_ORDERS:
		return pages ? pages->nr_orders : 0;
	case LIST_PAGE_FRAMES:
		return pages ? pages->nr_frames : 0;
	case LIST_PERCPU:
		return report->percpus ? report->percpus->nr_rows : 0;
	case NR_LISTS:
		break;
	}
	return 0;
}

static json_t *make_row(const struct km_report *report, enum list list, size_t i,
			const struct km_render_options *options, const struct km_json_sink *sink)
{
	switch (list) {
	case LIST_CALLSITES:
		return make_callsite(report, &report->callsites[i], options, sink);
	case LIST_CLASSES:
		return make_class(&report->classes[i], options, sink);
	case LIST_FINDINGS:
		return make_finding(&report->findings[i], options);
	case LIST_PAGES:
		return km_json_page_row(&report->pages->rows[i], false, options);
	case LIST_PAGE_ORDERS:
		return km_json_page_order(&report->pages->orders[i]);
	case LIST_PAGE_FRAMES:
		return km_json_page_row(&report->pages->frames[i], true, options);
	case LIST_PERCPU:
		return km_json_percpu_row(&report->percpus->rows[i], options);
	case NR_LISTS:
		break;
	}
	return NULL;
}

static struct km_error *walk_list(const struct km_report *report,
				  const struct km_render_options *options, enum list list,
				  struct km_json_sink *sink)
{
	static const struct {
		const char *key, *type;
	} names[] = {
		[LIST_CALLSITES] = { "callsites", "callsite" },
		[LIST_CLASSES] = { "classes", "class" },
		[LIST_FINDINGS] = { "findings", "finding" },
		[LIST_PAGES] = { "pages", "page" },
		[LIST_PAGE_ORDERS] = { "page_orders", "page_order" },
		[LIST_PAGE_FRAMES] = { "page_frames", "page_frame" },
		[LIST_PERCPU] = { "percpu", "percpu" },
	};
	const size_t nr = count_list(report, list);
	struct km_error *error = NULL;

	if (!nr && list >= LIST_PAGES)
		return NULL;
	sink->begin_list(sink, names[list].key, names[list].type);
	for (size_t i = 0; !error && i < nr; i++)
		if (km_json_wants_row(sink, i))
			error = sink->add_row(sink, make_row(report, list, i, options, sink));
	sink->end_list(sink);
	return error;
}

static const char *suppression_state(const struct km_suppression *suppression)
{
	if (suppression->is_expired)
		return "expired";
	return suppression->nr_findings ? "used" : "unused";
}

static json_t *make_suppression(const struct km_suppression *suppression)
{
	json_t *object = json_object();
	char day[KM_DAY_SIZE];

	set_text(&object, "path", suppression->path);
	set_number(&object, "line", suppression->line);
	set_text(&object, "state", suppression_state(suppression));
	set_number(&object, "findings", suppression->nr_findings);
	for (enum km_suppress_key key = 0; key < KM_NR_SUPPRESS_KEYS; key++)
		set_text_if(&object, km_suppress_key_name(key), suppression->globs[key]);
	set_text(&object, "reason", suppression->reason);
	if (suppression->expires)
		set_text(&object, "expires", km_day_text(suppression->expires, day));
	return object;
}

static struct km_error *walk_suppressions(const struct km_suppressions *suppressions,
					  struct km_json_sink *sink)
{
	struct km_error *error = NULL;

	sink->begin_list(sink, "suppressions", "suppression");
	for (size_t i = 0; !error && i < suppressions->nr; i++)
		if (km_json_wants_row(sink, i))
			error = sink->add_row(sink, make_suppression(&suppressions->rows[i]));
	sink->end_list(sink);
	return error;
}

struct km_error *km_json_walk_head(const struct km_report *report, struct km_json_sink *sink)
{
	struct km_error *error = sink->add_member(sink, "schema_version", number(SCHEMA_VERSION));
	json_t *generator = json_object();

	set_text(&generator, "name", "kmemstat");
	set_text(&generator, "version", KMEMSTAT_VERSION);
	if (error)
		drop(&generator);
	else
		error = sink->add_member(sink, "generator", generator);
	if (!error)
		error = sink->add_member(sink, "input", make_input(report));
	if (!error)
		error = sink->add_member(sink, "quality", make_quality(report));
	return error;
}

struct km_error *km_json_walk(const struct km_report *report,
			      const struct km_render_options *options, struct km_json_sink *sink)
{
	struct km_error *error = km_json_walk_head(report, sink);

	if (!error && report->merged)
		error = km_json_walk_merged(report, sink);
	if (!error)
		error = sink->add_member(sink, "summary", make_summary(report));
	if (!error && report->per)
		error = sink->add_member(sink, "per", json_integer((json_int_t)report->per));
	/* hosts have none in common */
	if (!error && report->lives && !report->merged)
		error = sink->add_member(sink, "timeline", km_json_timeline(report, options, sink));
	for (enum list list = 0; !error && list < NR_LISTS; list++)
		error = walk_list(report, options, list, sink);
	if (!error && report->suppressions)
		error = walk_suppressions(report->suppressions, sink);
	if (!error)
		error = km_json_walk_tally(report, options, sink);
	if (!error && report->percpu_replay)
		error = sink->add_member(sink, "percpu_replay", km_json_percpu_replay(report));
	if (!error)
		error = km_json_walk_stacks(report, options, sink);
	return error ? error : km_json_walk_models(report, options, sink);
}

static void write_key(struct km_json_sink *sink, const char *key)
{
	km_out_printf(sink->out, "%s%s\"%s\": ", sink->has_member ? "," : "{", sink->newline, key);
	sink->has_member = true;
}

static struct km_error *write_member(struct km_json_sink *sink, const char *key, json_t *value)
{
	write_key(sink, key);
	return km_json_dump(sink->out, value);
}

static void begin_list(struct km_json_sink *sink, const char *key, const char *type)
{
	(void)type;
	write_key(sink, key);
	km_out_puts(sink->out, "[");
	sink->has_row = false;
}

static struct km_error *write_row(struct km_json_sink *sink, json_t *row)
{
	km_out_printf(sink->out, "%s%s", sink->has_row ? "," : "", sink->newline);
	sink->has_row = true;
	return km_json_dump(sink->out, row);
}

static void end_list(struct km_json_sink *sink)
{
	km_out_printf(sink->out, "%s]", sink->newline);
}

struct km_error *km_json_write(const struct km_report *report,
			       const struct km_render_options *options, km_json_walk_fn walk,
			       struct km_out *out)
{
	struct km_json_sink sink = {
		.out = out,
		.newline = options->one_line ? "" : "\n",
		.add_member = write_member,
		.begin_list = begin_list,
		.add_row = write_row,
		.end_list = end_list,
	};
	struct km_error *error = walk(report, options, &sink);

	km_out_printf(out, "%s}\n", sink.newline);
	return error;
}

struct km_error *km_render_json(const struct km_report *report,
				const struct km_render_options *options, struct km_out *out)
{
	return km_json_write(report, options, km_json_walk, out);
}
