/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a report of several hosts has beside their sums, in JSON. */
#include "render/json.h"

static json_t *make_merged(const struct km_merged *merged)
{
	json_t *object = json_object(), *left_out = json_array(), *skipped = json_array();

	set_text(&object, "key", merged->key);
	set_number(&object, "reports", merged->reports);
	set_number(&object, "superseded", merged->superseded);
	set_number(&object, "hosts", merged->nr_hosts);
	set_number(&object, "kernels", merged->nr_kernels);
	if (merged->has_lives)
		set_number(&object, "live_bytes_peak_most", merged->live_bytes_peak_most);
	for (size_t i = 0; i < merged->nr_left_out; i++)
		append(&left_out, text_value(merged->left_out[i]));
	set(&object, "left_out", left_out);
	for (size_t i = 0; i < merged->nr_skipped; i++) {
		json_t *item = json_object();

		set_text(&item, "path", merged->skipped[i].path);
		set_text(&item, "why", merged->skipped[i].why);
		append(&skipped, item);
	}
	set(&object, "skipped", skipped);
	return object;
}

static json_t *make_host(const struct km_merged_host *host)
{
	json_t *object = json_object();

	set_text(&object, "name", host->name);
	set_text_if(&object, "kernel_release", host->kernel_release);
	set_number(&object, "reports", host->reports);
	set(&object, "duration_ns", host->duration_ns ? number(host->duration_ns) : json_null());
	set(&object, "incomplete", json_boolean(host->is_incomplete));
	set_number(&object, "hits", host->hits);
	set_number(&object, "bytes_req", host->bytes_req);
	set_number(&object, "bytes_alloc", host->bytes_alloc);
	set_number(&object, "bytes_waste", host->bytes_waste);
	return object;
}

static json_t *make_kernel(const struct km_merged_kernel *kernel)
{
	json_t *object = json_object();

	set(&object, "kernel_release", kernel->release ? text_value(kernel->release) : json_null());
	set_number(&object, "hosts", kernel->hosts);
	set_number(&object, "reports", kernel->reports);
	return object;
}

struct km_error *km_json_walk_merged(const struct km_report *report, struct km_json_sink *sink)
{
	const struct km_merged *merged = report->merged;
	struct km_error *error = sink->add_member(sink, "merged", make_merged(merged));

	if (error)
		return error;
	sink->begin_list(sink, "hosts", "host");
	for (size_t i = 0; !error && i < merged->nr_hosts; i++)
		error = sink->add_row(sink, make_host(&merged->hosts[i]));
	sink->end_list(sink);
	if (error)
		return error;
	sink->begin_list(sink, "kernels", "kernel");
	for (size_t i = 0; !error && i < merged->nr_kernels; i++)
		error = sink->add_row(sink, make_kernel(&merged->kernels[i]));
	sink->end_list(sink);
	return error;
}

static json_t *make_rates(const struct km_spread *spread)
{
	json_t *object = json_object(), *list = json_array();

	set_number(&object, "hosts", spread->nr_rates);
	set_number(&object, "least", spread->least);
	set_number(&object, "median", km_spread_median(spread));
	set_number(&object, "most", spread->most);
	set_text(&object, "most_host", spread->most_host);
	for (size_t i = 0; i < spread->nr_buckets; i++) {
		json_t *item = json_object();

		set_number(&item, "from", km_spread_bucket_from(spread->buckets[i].bucket));
		set_number(&item, "hosts", spread->buckets[i].hosts);
		append(&list, item);
	}
	set(&object, "histogram", list);
	return object;
}

void km_json_set_spread(json_t **object, const struct km_report *report,
			const struct km_callsite *site)
{
	const struct km_spread *spread = site->spread;
	json_t *value;

	if (!spread)
		return;
	value = json_object();
	set_number(&value, "hosts", spread->hosts);
	set_text_if(&value, "kernel_release", spread->kernel_release);
	if (report->lives && site->life)
		set_number(&value, "live_bytes_peak_most", spread->live_bytes_peak_most);
	if (spread->nr_rates)
		set(&value, "waste_per_hour", make_rates(spread));
	set(object, "spread", value);
}
