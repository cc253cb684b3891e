/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The JSON report as lines, each an object with the key "type": what reads a table of rows (DuckDB,
 * ClickHouse, jq) need not hold all of it. Rows of lists are as they are there. An object is a
 * line; lists in it, and the layers of the summary, are lines of their own.
 */
#include "render/json.h"

#include <string.h>

/* Writes an object, or another value as {key: value}; takes it over. */
static struct km_error *write_line(struct km_json_sink *sink, const char *type, json_t *value)
{
	json_t *line = json_object();
	struct km_error *error;

	set_text(&line, "type", type);
	if (json_is_object(value)) {
		if (json_object_update(line, value))
			drop(&line);
		json_decref(value);
	} else {
		set(&line, type, value);
	}
	error = km_json_dump(sink->out, line);
	km_out_puts(sink->out, "\n");
	return error;
}

/* Takes the list `key` out of an object: its items are to be lines after that. */
static json_t *take_list(json_t *object, const char *key)
{
	json_t *list = json_incref(json_object_get(object, key));

	json_object_del(object, key);
	return list;
}

/* Takes the list over. */
static struct km_error *write_items(struct km_json_sink *sink, const char *type, json_t *list)
{
	struct km_error *error = NULL;

	for (size_t i = 0; !error && i < json_array_size(list); i++)
		error = write_line(sink, type, json_incref(json_array_get(list, i)));
	json_decref(list);
	return error;
}

static struct km_error *write_input(struct km_json_sink *sink, json_t *input)
{
	static const struct {
		const char *key, *type;
	} lists[] = { { "instances", "instance" }, { "streams", "stream" }, { "events", "event" } };
	json_t *taken[3];
	struct km_error *error;

	for (size_t i = 0; i < 3; i++)
		taken[i] = take_list(input, lists[i].key);
	error = write_line(sink, "input", input);
	for (size_t i = 0; i < 3; i++) {
		if (error)
			json_decref(taken[i]);
		else
			error = write_items(sink, lists[i].type, taken[i]);
	}
	return error;
}

static struct km_error *write_summary(struct km_json_sink *sink, json_t *summary)
{
	struct km_error *error = NULL;
	const char *layer;
	json_t *value;

	json_object_foreach(summary, layer, value)
	{
		json_t *line = json_object();

		set_text(&line, "layer", layer);
		if (json_object_update(line, value))
			drop(&line);
		if (!error && line)
			error = write_line(sink, "summary", line);
		else
			json_decref(line);
		if (!error && !line)
			error = &km_error_memory;
	}
	json_decref(summary);
	return error;
}

/* The peak, and who had what live then. */
static struct km_error *write_peak(struct km_json_sink *sink, json_t *peak)
{
	json_t *sites = take_list(peak, "callsites");
	struct km_error *error = write_line(sink, "peak", peak);

	for (size_t i = 0; !error && i < json_array_size(sites); i++)
		error = write_line(sink, "peak_callsite", json_incref(json_array_get(sites, i)));
	json_decref(sites);
	return error;
}

/* Each tick gets the time when it begins. */
static struct km_error *write_timeline(struct km_json_sink *sink, json_t *timeline)
{
	const bool is_raw = !json_object_get(timeline, "tick_ns");
	const json_int_t first = json_integer_value(
				 json_object_get(timeline, is_raw ? "first_ticks" : "first_ns")),
			 step = json_integer_value(
				 json_object_get(timeline, is_raw ? "tick_ticks" : "tick_ns"));
	json_t *ticks = take_list(timeline, "ticks");
	json_t *peak = json_incref(json_object_get(timeline, "peak"));
	struct km_error *error;

	json_object_del(timeline, "peak");
	error = write_line(sink, "timeline", timeline);

	for (size_t i = 0; !error && i < json_array_size(ticks); i++) {
		json_t *tick = json_incref(json_array_get(ticks, i));
		uint64_t at = km_sat_add((uint64_t)first, km_sat_mul((uint64_t)step, i));

		set_number(&tick, is_raw ? "from_ticks" : "from_ns", at);
		error = tick ? write_line(sink, "tick", tick) : &km_error_memory;
	}
	json_decref(ticks);
	if (!error && peak)
		return write_peak(sink, peak);
	json_decref(peak);
	return error;
}

static struct km_error *add_member(struct km_json_sink *sink, const char *key, json_t *value)
{
	static const struct {
		const char *key;
		struct km_error *(*write)(struct km_json_sink *sink, json_t *value);
	} members[] = {
		{ "input", write_input },
		{ "summary", write_summary },
		{ "timeline", write_timeline },
	};

	if (!value)
		return &km_error_memory;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (strcmp(members[i].key, key) == 0)
			return members[i].write(sink, value);
	return write_line(sink, key, value);
}

static void begin_list(struct km_json_sink *sink, const char *key, const char *type)
{
	(void)key;
	sink->type = type;
}

static struct km_error *add_row(struct km_json_sink *sink, json_t *row)
{
	return row ? write_line(sink, sink->type, row) : &km_error_memory;
}

static void end_list(struct km_json_sink *sink)
{
	sink->type = NULL;
}

struct km_error *km_render_jsonl(const struct km_report *report,
				 const struct km_render_options *options, struct km_out *out)
{
	struct km_json_sink sink = {
		.out = out,
		.add_member = add_member,
		.begin_list = begin_list,
		.add_row = add_row,
		.end_list = end_list,
	};

	return km_json_walk(report, options, &sink);
}
