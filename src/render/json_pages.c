/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pages and percpu objects in the JSON report. */
#include "render/json.h"

#include <inttypes.h>
#include <stdio.h>

void km_json_set_page_life(json_t **layer, const struct km_page_report *pages)
{
	const struct km_page_stats *total = &pages->total;

	set_number(layer, "failed", total->failed);
	set_number(layer, "bytes_failed", km_sat_mul(total->failed_pages, pages->page_size));
	set_number(layer, "freed", total->freed);
	set_number(layer, "bytes_freed", km_sat_mul(total->pages_freed, pages->page_size));
	set_number(layer, "replaced", total->replaced);
	set_number(layer, "bytes_replaced", km_sat_mul(total->pages_replaced, pages->page_size));
	set_number(layer, "live", total->live);
	set_number(layer, "bytes_live", km_sat_mul(total->pages_live, pages->page_size));
	set_number(layer, "bytes_live_peak", pages->bytes_peak);
	set_number(layer, "bytes_free_requests", pages->bytes_free_requests);
	set_number(layer, "unknown_frees", pages->unknown_frees);
	set_number(layer, "bytes_unknown", pages->bytes_unknown);
}

void km_json_set_percpu_life(json_t **layer, const struct km_percpu_report *percpu)
{
	const struct km_percpu_stats *total = &percpu->total;
	const bool has_bytes = percpu->has_bytes;

	set_number(layer, "failed", total->failed);
	set_number(layer, "freed", total->freed);
	set_number(layer, "replaced", total->replaced);
	set_number(layer, "live", total->live);
	set(layer, "bytes_live", has_bytes ? number(total->bytes_live) : json_null());
	set(layer, "bytes_live_peak", has_bytes ? number(percpu->bytes_peak) : json_null());
	set(layer, "possible_cpus", percpu->nr_cpus ? number(percpu->nr_cpus) : json_null());
	set(layer, "bytes_extra", percpu->nr_cpus ? number(percpu->bytes_extra) : json_null());
	set_number(layer, "reserved", total->reserved);
	set_number(layer, "atomic", total->atomic);
	set_number(layer, "accounted_hits", total->accounted);
	set_number(layer, "unknown_frees", percpu->unknown_frees);
	set_number(layer, "chunks_created", percpu->chunks_created);
	set_number(layer, "chunks_destroyed", percpu->chunks_destroyed);
}

/* The place of a row with its source line, or null. */
static void set_callsite(json_t **object, const char *key, const struct km_callsite *site,
			 const struct km_render_options *options)
{
	json_t *place;

	if (!site) {
		set(object, key, json_null());
		return;
	}
	place = km_json_place(site, options);
	km_json_set_source(&place, site);
	set(object, key, place);
}

json_t *km_json_page_row(const struct km_page_row *row, bool is_frame,
			 const struct km_render_options *options)
{
	json_t *object = json_object();
	char pfn[24];

	if (is_frame) {
		snprintf(pfn, sizeof(pfn), "0x%" PRIx64, row->pfn);
		set_text(&object, "pfn", pfn);
	}
	set_callsite(&object, "callsite", row->caller, options);
	set_number(&object, "order", row->order);
	set_number(&object, "migratetype", row->migratetype);
	set_text(&object, "migratetype_name", row->migratetype_name);
	set_number(&object, "gfp_flags", row->gfp_flags);
	set_text(&object, "gfp", row->gfp);
	set_number(&object, "hits", row->hits);
	set_number(&object, "bytes_alloc", row->bytes);
	set_number(&object, "live", row->live);
	set_number(&object, "bytes_live", row->bytes_live);
	if (is_frame)
		return object;
	set_number(&object, "freed", row->freed);
	set_number(&object, "replaced", row->replaced);
	set_number(&object, "failed", row->failed);
	set_number(&object, "bytes_failed", row->bytes_failed);
	return object;
}

json_t *km_json_page_order(const struct km_page_order *order)
{
	json_t *object = json_object();

	set_number(&object, "order", order->order);
	set_number(&object, "migratetype", order->migratetype);
	set_text(&object, "migratetype_name", order->migratetype_name);
	set_number(&object, "hits", order->hits);
	set_number(&object, "bytes_alloc", order->bytes);
	set_number(&object, "failed", order->failed);
	return object;
}

json_t *km_json_percpu_row(const struct km_percpu_row *row, const struct km_render_options *options)
{
	json_t *object = json_object();

	set_callsite(&object, "callsite", row->callsite, options);
	set_number(&object, "size", row->size);
	set_number(&object, "align", row->align);
	set_number(&object, "hits", row->hits);
	set_number(&object, "failed", row->failed);
	set_number(&object, "bytes_req", row->bytes_req);
	set(&object, "bytes_alloc", row->has_bytes ? number(row->bytes) : json_null());
	set(&object, "bytes_extra", row->has_extra ? number(row->bytes_extra) : json_null());
	set_number(&object, "freed", row->freed);
	set_number(&object, "replaced", row->replaced);
	set_number(&object, "live", row->live);
	set(&object, "bytes_live", row->has_bytes ? number(row->bytes_live) : json_null());
	set_number(&object, "reserved", row->reserved);
	set_number(&object, "atomic", row->atomic);
	set_number(&object, "accounted_hits", row->accounted);
	return object;
}
