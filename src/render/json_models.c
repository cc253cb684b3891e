/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The key "models" of the JSON report. */
#include "render/json.h"

static void set_sum(json_t **object, const struct km_model_sum *sum)
{
	set_number(object, "hits", sum->hits);
	set_number(object, "bytes_req", sum->bytes_req);
	set_number(object, "bytes_recorded", sum->bytes_recorded);
	set_number(object, "bytes_alloc", sum->bytes_alloc);
	set_number(object, "bytes_waste", sum->bytes_waste);
}

static json_t *make_class(const struct km_model_class_row *row)
{
	json_t *object = json_object();

	set_text(&object, "name", row->name);
	set_text(&object, "kind", km_model_kind_name(row->kind));
	set_number(&object, "object_bytes", row->bytes);
	set_sum(&object, &row->sum);
	return object;
}

static json_t *make_site(const struct km_model_site_row *row,
			 const struct km_render_options *options)
{
	json_t *object = km_json_place(row->callsite, options);

	set_sum(&object, &row->sum);
	return object;
}

static json_t *make_cache(const struct km_replay_cache *cache)
{
	json_t *object = json_object();

	set_text_if(&object, "name", cache->name);
	set(&object, "general", json_boolean(cache->is_general));
	set(&object, "accounted", json_boolean(cache->is_accounted));
	set_number(&object, "object_bytes", cache->bytes);
	set_number(&object, "objs_per_slab", cache->slab.objects);
	set_number(&object, "pages_per_slab", cache->slab.pages);
	set_number(&object, "hits", cache->allocs);
	set_number(&object, "slabs_peak", cache->peak_slabs);
	set_number(&object, "slabs_end", cache->end_slabs);
	set_number(&object, "objs_end", cache->end_objects);
	return object;
}

static json_t *make_replay(const struct km_report *report, const struct km_model_row *row)
{
	const struct km_replay_result *replay = row->replay;
	json_t *object = json_object(), *caches = json_array();

	set_number(&object, "pages_peak", replay->peak_pages);
	set_number(&object, "peak_ns",
		   replay->peak_ns > report->first_ns ? replay->peak_ns - report->first_ns : 0);
	set_number(&object, "bytes_req_peak", replay->peak_bytes_req);
	set_number(&object, "bytes_alloc_peak", replay->peak_bytes_object);
	set(&object, "used_percent", json_real(km_model_used_percent(row)));
	set_number(&object, "pages_end", replay->end_pages);
	set_number(&object, "bytes_req_end", replay->end_bytes_req);
	set_number(&object, "bytes_alloc_end", replay->end_bytes_object);
	for (size_t i = 0; i < replay->nr_caches; i++)
		append(&caches, make_cache(&replay->caches[i]));
	set(&object, "caches", caches);
	return object;
}

static json_t *make_model(const struct km_report *report, const struct km_model_row *row,
			  const struct km_render_options *options, const struct km_json_sink *sink)
{
	json_t *object = json_object(), *classes = json_array(), *sites = json_array();

	set_text(&object, "name", row->name);
	set_text(&object, "summary", row->summary);
	set_number(&object, "page_size", row->model->page_size);
	set_sum(&object, &row->sum);
	set(&object, "change_percent", json_real(km_model_change_percent(&row->sum)));
	if (row->replay)
		set(&object, "replay", make_replay(report, row));
	for (size_t i = 0; i < row->nr_classes; i++)
		append(&classes, make_class(&report->model_classes[row->first_class + i]));
	set(&object, "classes", classes);
	for (size_t i = 0; i < km_json_most_nested(sink, row->nr_sites); i++)
		append(&sites, make_site(&report->model_sites[row->first_site + i], options));
	set(&object, "callsites", sites);
	km_json_set_left_out(&object, "callsites_left_out", sink, row->nr_sites);
	return object;
}

struct km_error *km_json_walk_models(const struct km_report *report,
				     const struct km_render_options *options,
				     struct km_json_sink *sink)
{
	struct km_error *error = NULL;

	if (!report->nr_models)
		return NULL;
	sink->begin_list(sink, "models", "model");
	/* what was recorded is in the rest of the report */
	for (size_t i = 0; !error && i < report->nr_models; i++)
		if (report->models[i].model)
			error = sink->add_row(
				sink, make_model(report, &report->models[i], options, sink));
	sink->end_list(sink);
	return error;
}
