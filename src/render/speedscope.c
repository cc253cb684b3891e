/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file format of speedscope (https://www.speedscope.app/file-format-schema.json): a list of
 * frames, and profiles whose samples are lists of indexes in it, from the root on, with a weight
 * each. There is a profile for each layer and each of the values below.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "render/json.h"
#include "render/profile.h"

static const enum km_profile_value shown[] = { KM_VALUE_BYTES, KM_VALUE_WASTE, KM_VALUE_HIT,
					       KM_VALUE_LIVE_BYTES, KM_VALUE_LIVE_WASTE };
#define NR_SHOWN (sizeof(shown) / sizeof(shown[0]))

/* The way of a row: indexes of frames. */
struct way {
	uint32_t *frames;
	size_t nr, room;
};

struct writing {
	const struct km_report *report;
	const struct km_render_options *options;
	struct km_out *out;
	struct km_names frames; /* as JSON */
	struct way *ways;       /* of the report's rows */
	struct way *way;        /* of the row in hand */
	bool has_profile;
};

static struct km_error *add_frame(struct writing *w, const char *json)
{
	struct way *way = w->way;
	uint32_t number;

	if (way->nr == way->room) {
		const size_t room = way->room ? 2 * way->room : 16;
		uint32_t *frames = reallocarray(way->frames, room, sizeof(*frames));

		if (!frames)
			return &km_error_memory;
		way->frames = frames;
		way->room = room;
	}
	if (!km_names_get(&w->frames, json, strlen(json), &number, NULL))
		return &km_error_memory;
	way->frames[way->nr++] = number;
	return NULL;
}

/* A name with the file and line, if it is a function's. */
static struct km_error *add_name(void *arg, char *name, const struct km_profile_place *place)
{
	struct km_error *error = &km_error_memory;
	json_t *object = json_object();
	char *json;

	if (name)
		set_text(&object, "name", name);
	else
		drop(&object);
	free(name);
	if (place && place->file) {
		set_text(&object, "file", place->file);
		if (place->line)
			set_number(&object, "line", place->line);
	}
	json = object ? json_dumps(object, 0) : NULL;
	if (json)
		error = add_frame(arg, json);
	free(json);
	json_decref(object);
	return error;
}

static struct km_error *make_ways(struct writing *w)
{
	const struct km_stack_report *stacks = w->report->stacks;
	struct km_error *error = NULL;

	for (size_t i = 0; !error && i < stacks->nr_rows; i++) {
		w->way = &w->ways[i];
		error = km_profile_walk(w->report, &stacks->rows[i], add_name, w);
	}
	return error;
}

static void write_frames(const struct writing *w)
{
	km_out_puts(w->out, "\"shared\": {\"frames\": [");
	for (uint32_t i = 0; i < w->frames.nr; i++)
		km_out_printf(w->out, "%s\n%s", i ? "," : "", w->frames.names[i]);
	km_out_puts(w->out, "\n]},\n");
}

static void write_samples(const struct writing *w, enum km_layer layer, enum km_profile_value value)
{
	const struct km_stack_report *stacks = w->report->stacks;
	const char *before = "";

	for (size_t i = 0; i < stacks->nr_rows; i++) {
		const struct way *way = &w->ways[i];

		if (stacks->rows[i].layer != layer || !km_profile_value_of(&stacks->rows[i], value))
			continue;
		km_out_printf(w->out, "%s\n[", before);
		for (size_t k = 0; k < way->nr; k++)
			km_out_printf(w->out, "%s%" PRIu32, k ? "," : "", way->frames[k]);
		km_out_puts(w->out, "]");
		before = ",";
	}
}

/* Its sum. */
static uint64_t write_weights(const struct writing *w, enum km_layer layer,
			      enum km_profile_value value)
{
	const struct km_stack_report *stacks = w->report->stacks;
	const char *before = "";
	uint64_t sum = 0;

	for (size_t i = 0; i < stacks->nr_rows; i++) {
		const uint64_t weight = km_profile_value_of(&stacks->rows[i], value);

		if (stacks->rows[i].layer != layer || !weight)
			continue;
		km_out_printf(w->out, "%s%" PRIu64, before, weight);
		before = ",";
		sum = km_sat_add(sum, weight);
	}
	return sum;
}

static void write_profile(struct writing *w, enum km_layer layer, enum km_profile_value value)
{
	const struct km_profile_value_info *info = km_profile_value_info(value);
	uint64_t sum;

	km_out_printf(w->out,
		      "%s\n{\"type\": \"sampled\", \"name\": \"%s: %s%s\", \"unit\": \"%s\", "
		      "\"startValue\": 0, \"samples\": [",
		      w->has_profile ? "," : "", km_layer_name(layer), info->text,
		      info->needs_pairs && w->report->is_live_unsure ? " (not sure)" : "",
		      info->is_bytes ? "bytes" : "none");
	write_samples(w, layer, value);
	km_out_puts(w->out, "],\n\"weights\": [");
	sum = write_weights(w, layer, value);
	km_out_printf(w->out, "], \"endValue\": %" PRIu64 "}", sum);
	w->has_profile = true;
}

/* Pages and percpu objects have no waste: that would be an empty picture. */
static bool has_value(const struct km_report *report, enum km_layer layer,
		      enum km_profile_value value)
{
	const struct km_stack_report *stacks = report->stacks;

	if (km_profile_value_info(value)->needs_pairs && !report->lives)
		return false;
	for (size_t i = 0; i < stacks->nr_rows; i++)
		if (stacks->rows[i].layer == layer && km_profile_value_of(&stacks->rows[i], value))
			return true;
	return false;
}

static struct km_error *write_all(struct writing *w)
{
	json_t *name = text_value(w->report->input->path);
	struct km_error *error;

	km_out_puts(w->out, "{\"$schema\": "
			    "\"https://www.speedscope.app/file-format-schema.json\",\n"
			    "\"exporter\": \"kmemstat " KMEMSTAT_VERSION "\",\n\"name\": ");
	error = km_json_dump(w->out, name);
	km_out_puts(w->out, ",\n\"activeProfileIndex\": 0,\n");
	write_frames(w);
	km_out_puts(w->out, "\"profiles\": [");
	for (enum km_layer layer = 0; layer < KM_NR_LAYERS; layer++)
		for (size_t i = 0; i < NR_SHOWN; i++)
			if ((!w->options->layer ||
			     km_profile_is_of(w->report, w->options, layer)) &&
			    has_value(w->report, layer, shown[i]))
				write_profile(w, layer, shown[i]);
	km_out_puts(w->out, "\n]}\n");
	return error;
}

struct km_error *km_render_speedscope(const struct km_report *report,
				      const struct km_render_options *options, struct km_out *out)
{
	const size_t nr = report->stacks->nr_rows;
	struct writing w = { .report = report, .options = options, .out = out };
	struct km_error *error;

	w.ways = calloc(nr + 1, sizeof(*w.ways));
	if (!w.ways)
		return &km_error_memory;
	error = make_ways(&w);
	if (!error)
		error = write_all(&w);
	for (size_t i = 0; i < nr; i++)
		free(w.ways[i].frames);
	free(w.ways);
	km_names_deinit(&w.frames);
	return error;
}
