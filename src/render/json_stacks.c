/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Allocations by stack in the JSON report: frames in a list of their own, rows refer to them. */
#include "render/json.h"

#include <inttypes.h>
#include <stdio.h>

static json_t *make_frame(const struct km_callsite *frame, size_t i,
			  const struct km_render_options *options)
{
	json_t *object = json_object();

	set_number(&object, "id", i);
	if (frame->name == km_frame_unknown && !options->raw_ip)
		set(&object, "symbol", json_null());
	else
		km_json_set_symbol(&object, frame, options);
	km_json_set_source(&object, frame);
	return object;
}

static json_t *make_row(const struct km_report *report, const struct km_stack_row *row)
{
	json_t *object = json_object(), *frames = json_array();

	set_text(&object, "layer", km_layer_name(row->layer));
	set_text(&object, "event", row->event);
	for (size_t i = 0; i < row->nr_frames; i++)
		append(&frames, number(row->frames[i]));
	set(&object, "frames", frames);
	set_number(&object, "object_bytes", row->object_bytes);
	set_text_if(&object, "size_class", row->size_class);
	set_number(&object, "hits", row->hits);
	set_number(&object, "bytes_req", row->bytes_req);
	set_number(&object, "bytes_alloc", row->bytes_alloc);
	set_number(&object, "bytes_waste", row->bytes_waste);
	if (report->lives) {
		set_number(&object, "live_count", row->live);
		set_number(&object, "live_bytes", row->live_bytes);
		set_number(&object, "live_waste", row->live_waste);
	}
	return object;
}

struct km_error *km_json_walk_stacks(const struct km_report *report,
				     const struct km_render_options *options,
				     struct km_json_sink *sink)
{
	const struct km_stack_report *stacks = report->stacks;
	struct km_error *error = NULL;

	if (!stacks || !options->has_stacks)
		return NULL;
	sink->begin_list(sink, "stack_frames", "stack_frame");
	for (size_t i = 0; !error && i < stacks->nr_frames; i++)
		if (km_json_wants_row(sink, i))
			error = sink->add_row(sink, make_frame(&stacks->frames[i], i, options));
	sink->end_list(sink);
	if (error)
		return error;
	sink->begin_list(sink, "stacks", "stack");
	for (size_t i = 0; !error && i < stacks->nr_rows; i++)
		if (km_json_wants_row(sink, i))
			error = sink->add_row(sink, make_row(report, &stacks->rows[i]));
	sink->end_list(sink);
	return error;
}
