/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Caches, tasks and pointers in the JSON report. */
#include "render/json.h"

#include <inttypes.h>
#include <stdio.h>

static void set_sum(json_t **object, const struct km_report *report,
		    const struct km_report_sum *sum)
{
	set_number(object, "hits", sum->hits);
	set_number(object, "bytes_req", sum->bytes_req);
	set_number(object, "bytes_alloc", sum->bytes_alloc);
	set_number(object, "bytes_waste", sum->bytes_waste);
	set(object, "frag_percent", json_real(sum->frag_percent));
	set_number(object, "accounted_hits", sum->accounted_hits);
	set_number(object, "nr_callsites", sum->nr_sites);
	if (!report->lives)
		return;
	set_number(object, "freed_count", sum->ends.freed);
	set_number(object, "freed_bytes", sum->ends.bytes_freed);
	set_number(object, "replaced_count", sum->ends.replaced);
	set_number(object, "live_count", sum->ends.live);
	set_number(object, "live_bytes", sum->ends.live_bytes);
}

void km_json_set_locality(json_t **object, const struct km_callsite *site)
{
	const struct km_locality *locality = site->locality;
	json_t *item;

	if (!locality)
		return;
	item = json_object();
	set_number(&item, "objects", locality->objects);
	set_number(&item, "bytes_req", locality->bytes_req);
	set_number(&item, "bytes_alloc", locality->bytes_alloc);
	set_number(&item, "pages", locality->pages);
	set_number(&item, "least_pages", locality->least_pages);
	set_number(&item, "lines", locality->lines);
	set_number(&item, "least_lines", locality->least_lines);
	set_number(&item, "pairs", locality->pairs);
	set_number(&item, "neighbours", locality->neighbours);
	set_number(&item, "class_callsites", site->crowd);
	set(object, "locality", item);
}

void km_json_set_own_cache(json_t **object, const struct km_callsite *site)
{
	const struct km_own_cache *own = site->own_cache;
	json_t *item;

	if (!own)
		return;
	item = json_object();
	set_number(&item, "bytes_req", own->bytes_req);
	set_number(&item, "bytes_alloc", own->bytes_alloc);
	set_number(&item, "size_hits", own->size_hits);
	set_number(&item, "object_bytes", own->object_bytes);
	set_number(&item, "order", own->order);
	set_number(&item, "objs_per_slab", own->slab.objects);
	set_number(&item, "pages_per_slab", own->slab.pages);
	set_number(&item, "tail_bytes", own->tail_bytes);
	set_number(&item, "objects", own->objects);
	set_number(&item, "class_pages", own->class_pages);
	set_number(&item, "own_pages", own->own_pages);
	set(&item, "bytes_saved", json_integer(km_own_saved(own)));
	set(object, "own_cache", item);
}

static json_t *make_slabinfo(const struct km_report_cache *cache)
{
	json_t *object = json_object();

	set_text(&object, "name", cache->slab_name);
	set_number(&object, "active_objs", cache->active_objs);
	set_number(&object, "objs", cache->objs);
	set_number(&object, "active_slabs", cache->active_slabs);
	set_number(&object, "slabs", cache->slabs);
	set_number(&object, "objs_per_slab", cache->objs_per_slab);
	set_number(&object, "pages_per_slab", cache->pages_per_slab);
	set_number(&object, "order", cache->order);
	if (cache->has_tail) {
		set_number(&object, "tail_bytes", cache->tail_bytes);
		set(&object, "tail_percent", json_real(cache->tail_percent));
		set_number(&object, "tails_bytes", cache->tails_bytes);
	}
	return object;
}

static json_t *make_cache(const struct km_report *report, const struct km_report_cache *cache)
{
	json_t *object = json_object();

	set_text(&object, "name", cache->name);
	set_text(&object, "named_by", km_cache_naming_name(cache->naming));
	set_number(&object, "object_bytes", cache->bytes);
	set_sum(&object, report, &cache->sum);
	if (cache->slab_name)
		set(&object, "slabinfo", make_slabinfo(cache));
	else if (report->slabinfo)
		set_number(&object, "slabinfo_candidates", cache->nr_candidates);
	return object;
}

static json_t *make_task(const struct km_report *report, const struct km_report_task *task)
{
	json_t *object = json_object();

	set(&object, "pid", json_integer(task->pid));
	set(&object, "comm", task->comm ? text_value(task->comm) : json_null());
	set_sum(&object, report, &task->sum);
	set_number(&object, "frees", task->frees);
	return object;
}

/* Pointers are addresses: whoever asks for them by --alloc wants these shown. */
static json_t *make_ptr(const struct km_report *report, const struct km_report_ptr *ptr,
			const struct km_render_options *options)
{
	json_t *object = json_object();
	char text[KM_ADDRESS_SIZE];

	snprintf(text, sizeof(text), "0x%" PRIx64, ptr->ptr);
	set_text(&object, "ptr", text);
	set_number(&object, "hits", ptr->hits);
	set_number(&object, "bytes_req", ptr->bytes_req);
	set_number(&object, "bytes_alloc", ptr->bytes_alloc);
	set_number(&object, "bytes_waste", ptr->bytes_waste);
	if (report->lives) {
		set_number(&object, "pingpong", ptr->pingpong);
		set(&object, "live", json_boolean(ptr->is_live));
	}
	set(&object, "callsite",
	    ptr->callsite ? km_json_place(ptr->callsite, options) : json_null());
	return object;
}

struct km_error *km_json_walk_tally(const struct km_report *report,
				    const struct km_render_options *options,
				    struct km_json_sink *sink)
{
	struct km_error *error = NULL;

	if (report->has_caches) {
		sink->begin_list(sink, "caches", "cache");
		for (size_t i = 0; !error && i < report->nr_caches; i++)
			if (km_json_wants_row(sink, i))
				error = sink->add_row(sink, make_cache(report, &report->caches[i]));
		sink->end_list(sink);
	}
	if (!error && report->has_tasks) {
		sink->begin_list(sink, "tasks", "task");
		for (size_t i = 0; !error && i < report->nr_tasks; i++)
			if (km_json_wants_row(sink, i))
				error = sink->add_row(sink, make_task(report, &report->tasks[i]));
		sink->end_list(sink);
	}
	if (!error && report->has_ptrs) {
		sink->begin_list(sink, "pointers", "pointer");
		for (size_t i = 0; !error && i < report->nr_ptrs; i++)
			if (km_json_wants_row(sink, i))
				error = sink->add_row(sink,
						      make_ptr(report, &report->ptrs[i], options));
		sink->end_list(sink);
	}
	return error;
}
