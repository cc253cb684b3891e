/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What became of allocations, in JSON. */
#include "render/json.h"

#include <stdio.h>

/* The key of a time: a clock that does not count nanoseconds has keys of its own. */
static void set_time(json_t **object, const struct km_report *report, const char *name,
		     uint64_t value)
{
	char key[32];

	snprintf(key, sizeof(key), "%s_%s", name, report->input->has_raw_time ? "ticks" : "ns");
	set_number(object, key, value);
}

/* Buckets that have something. */
static json_t *make_histogram(const struct km_report *report, const struct km_life_stats *life)
{
	json_t *list = json_array();

	for (int i = 0; i < KM_LIFE_BUCKETS; i++) {
		json_t *item;

		if (!life->lifetimes[i])
			continue;
		item = json_object();
		set_time(&item, report, "from", i ? UINT64_C(1) << i : 0);
		set_number(&item, "count", life->lifetimes[i]);
		append(&list, item);
	}
	return list;
}

static json_t *make_lifetime(const struct km_report *report, const struct km_life_stats *life)
{
	json_t *object = json_object();

	if (life->freed)
		set_time(&object, report, "median", km_life_median_ns(life));
	set_number(&object, "short_lived", life->short_lived);
	set_time(&object, report, "short", report->lives->short_ns);
	set_number(&object, "over_half", life->over_half);
	set(&object, "histogram", make_histogram(report, life));
	return object;
}

/* What call sites and totals have under the same keys. */
static void set_common(json_t **object, const struct km_report *report,
		       const struct km_life_stats *life)
{
	json_t *samples = json_array();

	set_number(object, "freed", life->freed);
	set_number(object, "bytes_freed", life->bytes_freed);
	set_number(object, "replaced", life->replaced);
	set_number(object, "bytes_replaced", life->bytes_replaced);
	set_number(object, "pingpong", life->pingpong);
	set_number(object, "node_pingpong", life->node_pingpong);
	set_number(object, "remote_allocs", life->remote);
	set_number(object, "live_count", life->live);
	/* of which of several hosts is not told */
	if (!report->merged)
		set_time(object, report, "live_peak", life->peak_ns);
	set(object, "lifetime", make_lifetime(report, life));
	/* of a clock of its own kind nobody knows the seconds */
	if (!report->input->has_raw_time)
		set(object, "waste_byte_seconds", json_real(life->waste_byte_seconds));
	for (size_t i = 0; i < report->lives->nr_samples; i++)
		append(&samples, number(life->samples[i]));
	set(object, "live_samples", samples);
}

void km_json_set_life(json_t **callsite, const struct km_report *report,
		      const struct km_life_stats *life)
{
	set_common(callsite, report, life);
	set_number(callsite, "live_bytes", life->live_bytes);
	set_number(callsite, "live_bytes_req", life->live_bytes_req);
	set_number(callsite, "live_bytes_peak", life->peak_bytes);
}

void km_json_set_total_life(json_t **layer, const struct km_report *report)
{
	const struct km_life_stats *total = &report->lives->total;

	set_common(layer, report, total);
	set_number(layer, "bytes_live", total->live_bytes);
	set_number(layer, "bytes_live_req", total->live_bytes_req);
	set_number(layer, "bytes_live_peak", total->peak_bytes);
	set(layer, "live_unsure", json_boolean(report->is_live_unsure));
}

static void set_at_peak(json_t **object, const struct km_life_stats *life)
{
	set_number(object, "live_count", life->at_peak);
	set_number(object, "live_bytes", life->at_peak_bytes);
	set_number(object, "live_waste", life->at_peak_waste);
}

static json_t *make_peak(const struct km_report *report, const struct km_render_options *options,
			 const struct km_json_sink *sink)
{
	const struct km_life_stats *total = &report->lives->total;
	json_t *object = json_object(), *list = json_array();

	set_time(&object, report, "at", total->peak_ns);
	set_at_peak(&object, total);
	for (size_t i = 0; i < km_json_most_nested(sink, report->nr_peak_sites); i++) {
		json_t *item = km_json_place(report->peak_sites[i], options);

		set_at_peak(&item, report->peak_sites[i]->life);
		append(&list, item);
	}
	set(&object, "callsites", list);
	km_json_set_left_out(&object, "callsites_left_out", sink, report->nr_peak_sites);
	return object;
}

json_t *km_json_timeline(const struct km_report *report, const struct km_render_options *options,
			 const struct km_json_sink *sink)
{
	const struct km_lives *lives = report->lives;
	json_t *object = json_object(), *list = json_array();

	set_time(&object, report, "first", lives->first_ns);
	set_time(&object, report, "last", lives->last_ns);
	set_time(&object, report, "tick", lives->tick_ns);
	set_time(&object, report, "sample", lives->sample_ns);
	for (size_t i = 0; i < lives->nr_ticks; i++) {
		const struct km_tick *tick = &lives->ticks[i];
		json_t *item = json_object();

		set_number(&item, "live_bytes", tick->live_bytes);
		set_number(&item, "live_waste", tick->live_waste);
		set_number(&item, "peak_bytes", tick->peak_bytes);
		set_number(&item, "allocs", tick->allocs);
		set_number(&item, "frees", tick->frees);
		append(&list, item);
	}
	set(&object, "ticks", list);
	if (lives->has_peak)
		set(&object, "peak", make_peak(report, options, sink));
	return object;
}
