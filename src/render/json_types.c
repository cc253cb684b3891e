/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The types that are allocated as JSON: share/kmemstat-types-1.schema.json is the contract. */
#include "render/json.h"

static json_t *make_member(const struct km_member *member)
{
	json_t *object = json_object();

	set(&object, "name", member->name ? text_value(member->name) : json_null());
	set_text(&object, "declaration", member->declaration);
	set_number(&object, "offset", member->offset);
	set_number(&object, "bytes", member->bytes);
	set_number(&object, "align", member->align);
	set_number(&object, "depth", member->depth);
	if (member->count)
		set_number(&object, "elements", member->count);
	if (member->bits) {
		set_number(&object, "bits", member->bits);
		set_number(&object, "bit_offset", member->bit_offset);
	}
	if (member->hole)
		set_number(&object, "bytes_hole", member->hole);
	return object;
}

static void set_layout(json_t **object, const struct km_layout *layout)
{
	json_t *list = json_array();

	set_number(object, "align", layout->align);
	set(object, "union", json_boolean(layout->is_union));
	set_number(object, "holes", layout->nr_holes);
	set_number(object, "bytes_holes", layout->bytes_holes);
	set_number(object, "bytes_padding", layout->bytes_padding);
	set_number(object, "bytes_packed", layout->bytes_packed);
	for (size_t i = 0; i < layout->nr_members; i++)
		append(&list, make_member(&layout->members[i]));
	set(object, "members", list);
}

static json_t *make_type(const struct km_report_type *row, const struct km_render_options *options)
{
	json_t *object = json_object(), *place = km_json_place(row->callsite, options);
	const struct km_type *type = row->type;

	set_text(&object, "name", type->name);
	set_number(&object, "bytes", type->bytes);
	set_text(&object, "form", km_type_form_name(type->form));
	set_text(&object, "sureness", km_sureness_name(type->sureness));
	if (type->element_bytes)
		set_number(&object, "element_bytes", type->element_bytes);
	set_number(&object, "hits", row->hits);
	set_number(&object, "bytes_req", row->bytes_req);
	set_number(&object, "bytes_alloc", row->bytes_alloc);
	set_number(&object, "bytes_waste", row->bytes_waste);
	set_text(&object, "size_class", row->size_class);
	set_number(&object, "callsites", row->nr_sites);
	km_json_set_source(&place, row->callsite);
	set(&object, "callsite", place);
	if (*row->advice)
		set_text(&object, "advice", row->advice);
	if (type->layout && !type->layout->is_cut)
		set_layout(&object, type->layout);
	return object;
}

struct km_error *km_json_walk_types(const struct km_report *report,
				    const struct km_render_options *options,
				    struct km_json_sink *sink)
{
	struct km_error *error = NULL;

	sink->begin_list(sink, "types", "type");
	for (size_t i = 0; !error && i < report->nr_types; i++) {
		const struct km_report_type *row = &report->types[i];

		if ((!options->type || km_type_is_called(row->type, options->type)) &&
		    km_json_wants_row(sink, i))
			error = sink->add_row(sink, make_type(row, options));
	}
	sink->end_list(sink);
	return error;
}

static struct km_error *walk(const struct km_report *report,
			     const struct km_render_options *options, struct km_json_sink *sink)
{
	struct km_error *error = km_json_walk_head(report, sink);

	return error ? error : km_json_walk_types(report, options, sink);
}

struct km_error *km_render_types_json(const struct km_report *report,
				      const struct km_render_options *options, struct km_out *out)
{
	return km_json_write(report, options, walk, out);
}
