/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What profiles have in common: values, layers, and the names on the way to a call site. */
#include "render/profile.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct km_profile_value_info values[KM_NR_PROFILE_VALUES] = {
	[KM_VALUE_BYTES] = { "bytes", "allocated", true, false },
	[KM_VALUE_REQ] = { "req", "requested", true, false },
	[KM_VALUE_WASTE] = { "waste", "wasted", true, false },
	[KM_VALUE_HIT] = { "hit", "allocations", false, false },
	[KM_VALUE_LIVE_BYTES] = { "live-bytes", "live", true, true },
	[KM_VALUE_LIVE_WASTE] = { "live-waste", "live waste", true, true },
	[KM_VALUE_LIVE] = { "live", "live objects", false, true },
};

const struct km_profile_value_info *km_profile_value_info(enum km_profile_value value)
{
	return &values[value];
}

uint64_t km_profile_value_of(const struct km_stack_row *row, enum km_profile_value value)
{
	switch (value) {
	case KM_VALUE_BYTES:
		return row->bytes_alloc;
	case KM_VALUE_REQ:
		return row->bytes_req;
	case KM_VALUE_WASTE:
		return row->bytes_waste;
	case KM_VALUE_HIT:
		return row->hits;
	case KM_VALUE_LIVE_BYTES:
		return row->live_bytes;
	case KM_VALUE_LIVE_WASTE:
		return row->live_waste;
	case KM_VALUE_LIVE:
		return row->live;
	case KM_NR_PROFILE_VALUES:
		break;
	}
	return 0;
}

bool km_profile_is_of(const struct km_report *report, const struct km_render_options *options,
		      enum km_layer layer)
{
	const struct km_stack_report *stacks = report->stacks;

	if (options->layer)
		return strcmp(options->layer, km_layer_name(layer)) == 0;
	/* rows are by layer */
	return stacks->nr_rows && stacks->rows[0].layer == layer;
}

size_t km_profile_nr_places(const struct km_callsite *frame)
{
	return frame->source.nr_frames ? frame->source.nr_frames : 1;
}

struct km_profile_place km_profile_place(const struct km_callsite *frame, size_t i)
{
	const char *symbol = frame->has_symbol ? frame->symbol.name : frame->name;
	struct km_profile_place place = { .function = symbol };

	if (i + 1 >= km_profile_nr_places(frame) && frame->has_symbol)
		place.module = frame->symbol.module;
	if (i < frame->source.nr_frames) {
		const struct km_frame *from = &frame->source.frames[i];

		if (from->function)
			place.function = from->function;
		place.file = from->file;
		place.line = from->line;
		place.is_inlined = from->is_inlined;
	}
	return place;
}

char *km_profile_line_text(const struct km_callsite *frame)
{
	const struct km_profile_place place = km_profile_place(frame, 0);
	char *text, *safe;

	if (!place.file)
		return km_text_safe(frame->name);
	if (asprintf(&text, "%s:%" PRIu32, place.file, place.line) < 0)
		return NULL;
	safe = km_text_safe(text);
	free(text);
	return safe;
}

char *km_profile_function_text(const struct km_profile_place *place)
{
	char *text, *safe;

	if (!place->module)
		return km_text_safe(place->function);
	if (asprintf(&text, "%s [%s]", place->function, place->module) < 0)
		return NULL;
	safe = km_text_safe(text);
	free(text);
	return safe;
}

/* Where there are no callers: whose code it is. */
static struct km_error *walk_home(const struct km_callsite *frame, km_profile_add_fn add, void *arg)
{
	/* of the function itself, not of what is inlined into it from a header */
	const struct km_profile_place place =
		km_profile_place(frame, km_profile_nr_places(frame) - 1);
	const char *slash = place.file ? strrchr(place.file, '/') : NULL;
	struct km_error *error = NULL;
	char *dir, *name;

	if (!place.file)
		return add(arg, km_text_safe(place.module ? place.module : "kernel"), NULL);
	if (slash) {
		dir = strndup(place.file, (size_t)(slash - place.file));
		name = dir ? km_text_safe(dir) : NULL;
		free(dir);
		error = add(arg, name, NULL);
	}
	return error ? error : add(arg, km_text_safe(slash ? slash + 1 : place.file), NULL);
}

struct km_error *km_profile_walk(const struct km_report *report, const struct km_stack_row *row,
				 km_profile_add_fn add, void *arg)
{
	const struct km_stack_report *stacks = report->stacks;
	struct km_error *error = NULL;

	if (!row->nr_frames)
		return add(arg, strdup("(no stack)"), NULL);
	if (!stacks->has_stacks[row->layer])
		error = walk_home(&stacks->frames[row->frames[0]], add, arg);
	for (size_t i = row->nr_frames; !error && i-- > 0;) {
		const struct km_callsite *frame = &stacks->frames[row->frames[i]];

		for (size_t k = km_profile_nr_places(frame); !error && k-- > 0;) {
			const struct km_profile_place place = km_profile_place(frame, k);

			error = add(arg, km_profile_function_text(&place), &place);
		}
	}
	if (!error)
		error = add(arg, km_profile_line_text(&stacks->frames[row->frames[0]]), NULL);
	return error;
}
