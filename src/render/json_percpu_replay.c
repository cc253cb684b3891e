/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The key "percpu_replay" of the JSON report. */
#include "render/json.h"

static json_t *make_change(const struct km_percpu_replay_results *replay, size_t i)
{
	const struct km_percpu_change *change = &replay->changes[i];
	json_t *object = json_object();

	set_number(&object, "size", change->size);
	set(&object, "align", change->align ? number(change->align) : json_null());
	set_number(&object, "new_size", change->new_size);
	set(&object, "new_align", change->new_align ? number(change->new_align) : json_null());
	set_number(&object, "hits", replay->changed[i]);
	return object;
}

static json_t *make_model(const struct km_report *report,
			  const struct km_percpu_replay_result *result)
{
	const struct km_percpu_model_stats *stats = &result->stats;
	json_t *object = json_object();

	set_text(&object, "name", km_percpu_model_name(result->kind));
	set(&object, "what_if", json_boolean(result->is_changed));
	set_number(&object, "hits", stats->allocs);
	set_number(&object, "frees", stats->frees);
	set_number(&object, "unfit", stats->unfit);
	set_number(&object, "bytes_peak", result->peak_bytes);
	set_number(&object, "bytes_req_peak", result->peak_bytes_req);
	set_number(&object, "bytes_holes_peak", result->peak_holes);
	set_number(&object, "peak_ns",
		   result->peak_ns > report->first_ns ? result->peak_ns - report->first_ns : 0);
	set_number(&object, "pages_peak", stats->peak_pages);
	set_number(&object, "chunks_made", stats->chunks_made);
	set_number(&object, "chunks_peak", stats->peak_chunks);
	set_number(&object, "chunks_destroyed", stats->chunks_destroyed);
	set_number(&object, "alloc_steps", stats->alloc_steps);
	set(&object, "alloc_steps_mean",
	    json_real(km_percpu_steps(stats->alloc_steps, stats->allocs)));
	set_number(&object, "alloc_steps_max", stats->alloc_steps_max);
	set_number(&object, "free_steps", stats->free_steps);
	set(&object, "free_steps_mean",
	    json_real(km_percpu_steps(stats->free_steps, stats->frees)));
	set_number(&object, "free_steps_max", stats->free_steps_max);
	set_number(&object, "bytes_end", stats->bytes_used);
	set_number(&object, "bytes_req_end", result->bytes_req);
	set_number(&object, "bytes_holes_end", stats->bytes_holes);
	set_number(&object, "pages_end", stats->pages);
	set_number(&object, "chunks_end", stats->chunks);
	return object;
}

json_t *km_json_percpu_replay(const struct km_report *report)
{
	const struct km_percpu_replay_results *replay = report->percpu_replay;
	json_t *object = json_object(), *changes = json_array(), *models = json_array();

	set_number(&object, "unit_bytes", replay->shape.unit);
	set_number(&object, "first_bytes", replay->shape.first);
	set_number(&object, "hits", replay->allocs);
	set_number(&object, "reserved", replay->reserved);
	set_number(&object, "unknown_frees", replay->unknown_frees);
	set_number(&object, "replaced", replay->implied_frees);
	for (size_t i = 0; i < replay->nr_changes; i++)
		append(&changes, make_change(replay, i));
	set(&object, "changes", changes);
	for (size_t i = 0; i < replay->nr; i++)
		append(&models, make_model(report, &replay->items[i]));
	set(&object, "models", models);
	return object;
}
