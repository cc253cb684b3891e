/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pprof's profile.proto, packed by gzip (https://github.com/google/pprof/tree/main/proto). A
 * sample has locations, innermost first, values by sample type, and labels; a location has lines,
 * one for each function that is inlined there, the innermost first; texts are numbers of a list
 * whose first is "". Addresses are left out unless they are asked for: functions are named already.
 *
 * Equal messages of one kind are one, whose id is its number in the order they were met.
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/names.h"
#include "render/profile.h"
#include "render/proto.h"
#include "render/text.h"

/* Numbers of fields in profile.proto. */
enum {
	PROFILE_SAMPLE_TYPE = 1,
	PROFILE_SAMPLE = 2,
	PROFILE_MAPPING = 3,
	PROFILE_LOCATION = 4,
	PROFILE_FUNCTION = 5,
	PROFILE_STRING = 6,
	PROFILE_TIME_NANOS = 9,
	PROFILE_DURATION_NANOS = 10,
	PROFILE_COMMENT = 13,
	PROFILE_DEFAULT_TYPE = 14
};
enum { TYPE_TYPE = 1, TYPE_UNIT = 2 };
enum { SAMPLE_LOCATION = 1, SAMPLE_VALUE = 2, SAMPLE_LABEL = 3 };
enum { LABEL_KEY = 1, LABEL_TEXT = 2, LABEL_NUMBER = 3, LABEL_UNIT = 4 };
/* of mappings, locations and functions: */
enum { ID = 1 };
enum {
	MAPPING_FILENAME = 5,
	MAPPING_BUILD_ID = 6,
	MAPPING_HAS_FUNCTIONS = 7,
	MAPPING_HAS_FILENAMES = 8,
	MAPPING_HAS_LINES = 9,
	MAPPING_HAS_INLINED = 10
};
enum { LOCATION_MAPPING = 2, LOCATION_ADDRESS = 3, LOCATION_LINE = 4 };
enum { LINE_FUNCTION = 1, LINE_LINE = 2 };
enum { FUNCTION_NAME = 2, FUNCTION_SYSTEM_NAME = 3, FUNCTION_FILENAME = 4 };

/* The names that Go's own heap profiles have, so that their readers know them. */
static const struct {
	const char *type, *unit;
	enum km_profile_value value;
} types[] = {
	{ "alloc_objects", "count", KM_VALUE_HIT },
	{ "alloc_space", "bytes", KM_VALUE_BYTES },
	{ "inuse_objects", "count", KM_VALUE_LIVE },
	{ "inuse_space", "bytes", KM_VALUE_LIVE_BYTES },
	{ "waste_space", "bytes", KM_VALUE_WASTE },
};
#define NR_TYPES     (sizeof(types) / sizeof(types[0]))
#define DEFAULT_TYPE "alloc_space"

/* No machine runs for 30 years: what is after 2000-01-01 is the time of day. */
#define YEAR_2000_NS UINT64_C(946684800000000000)

struct writing {
	const struct km_report *report;
	const struct km_render_options *options;
	struct km_out *out;
	z_stream zip;
	struct km_proto profile;            /* fields that are not packed yet */
	struct km_proto body, inner, items; /* of the message in hand */
	struct km_names strings, mappings, functions, locations;
	bool has_lines;        /* there is debug information of something */
	uint32_t *location_of; /* id by frame of the report; 0: it has none yet */
	bool is_short;
};

/* Packs and writes what there is. */
static void flush(struct writing *w, int how)
{
	unsigned char buffer[16384];

	w->zip.next_in = (unsigned char *)w->profile.bytes;
	w->zip.avail_in = (unsigned int)w->profile.size;
	do {
		size_t nr;

		w->zip.next_out = buffer;
		w->zip.avail_out = sizeof(buffer);
		deflate(&w->zip, how);
		nr = sizeof(buffer) - w->zip.avail_out;
		km_out_write(w->out, buffer, nr);
	} while (!w->zip.avail_out);
	w->profile.size = 0;
}

/* Adds a field with the message in hand to the profile. */
static void end_message(struct writing *w, unsigned int field, struct km_proto *message)
{
	km_proto_message(&w->profile, field, message);
	if (w->profile.size >= 1U << 20)
		flush(w, Z_NO_FLUSH);
}

static uint32_t string_of(struct writing *w, const char *text)
{
	uint32_t number = 0;

	if (!km_names_get(&w->strings, text, strlen(text), &number, NULL))
		w->is_short = true;
	return number;
}

/* Of text out of a trace. */
static uint32_t safe_of(struct writing *w, const char *text)
{
	char *safe = km_text_safe(text);
	uint32_t number = 0;

	if (safe)
		number = string_of(w, safe);
	else
		w->is_short = true;
	free(safe);
	return number;
}

/* The id of the message in hand, which is emptied. */
static uint32_t id_of(struct writing *w, struct km_names *names, struct km_proto *message)
{
	uint32_t number = 0;

	if (message->is_short || !km_names_get(names, message->bytes, message->size, &number, NULL))
		w->is_short = true;
	message->size = 0;
	return number + 1;
}

/* The build id of "vmlinux" or a module in lines "NAME HEX"; 0: the empty string. */
static uint32_t build_id_of(struct writing *w, const char *module)
{
	const struct km_input_info *input = w->report->input;
	const char *line = input->build_ids, *name = module ? module : "vmlinux";
	const size_t len = strlen(name);
	uint32_t number = 0;

	for (; line && *line; line += strcspn(line, "\n"), line += *line == '\n') {
		char *hex;

		if (strncmp(line, name, len) != 0 || line[len] != ' ')
			continue;
		hex = strndup(line + len + 1, strcspn(line + len + 1, "\n"));
		if (hex)
			number = safe_of(w, hex);
		else
			w->is_short = true;
		free(hex);
		return number;
	}
	return !module && input->build_id ? safe_of(w, input->build_id) : 0;
}

/* The kernel or a module. */
static uint32_t mapping_of(struct writing *w, const struct km_callsite *frame)
{
	const char *module = frame->has_symbol ? frame->symbol.module : NULL;
	char *name = NULL;

	if (asprintf(&name, "[%s]", module ? module : "kernel") < 0) {
		w->is_short = true;
		return 0;
	}
	km_proto_number(&w->inner, MAPPING_FILENAME, safe_of(w, name));
	free(name);
	km_proto_number(&w->inner, MAPPING_BUILD_ID, build_id_of(w, module));
	/* readers are not to look for what is not known: the addresses are not there */
	km_proto_number(&w->inner, MAPPING_HAS_FUNCTIONS, 1);
	km_proto_number(&w->inner, MAPPING_HAS_FILENAMES, w->has_lines);
	km_proto_number(&w->inner, MAPPING_HAS_LINES, w->has_lines);
	km_proto_number(&w->inner, MAPPING_HAS_INLINED, w->has_lines);
	return id_of(w, &w->mappings, &w->inner);
}

/* The name of the last function of a frame is that of its symbol, too. */
static uint32_t function_of(struct writing *w, const struct km_callsite *frame,
			    const struct km_profile_place *place)
{
	const bool is_symbol = !place->is_inlined && frame->has_symbol;
	const uint32_t name = safe_of(w, place->function);

	km_proto_number(&w->inner, FUNCTION_NAME, name);
	km_proto_number(&w->inner, FUNCTION_SYSTEM_NAME,
			is_symbol ? safe_of(w, frame->symbol.name) : name);
	if (place->file)
		km_proto_number(&w->inner, FUNCTION_FILENAME, safe_of(w, place->file));
	return id_of(w, &w->functions, &w->inner);
}

static uint32_t location_of(struct writing *w, uint32_t index)
{
	const struct km_callsite *frame = &w->report->stacks->frames[index];
	uint32_t mapping;

	if (w->location_of[index])
		return w->location_of[index];
	mapping = mapping_of(w, frame);
	km_proto_number(&w->body, LOCATION_MAPPING, mapping);
	if (w->options->raw_ip)
		km_proto_number(&w->body, LOCATION_ADDRESS, frame->address);
	for (size_t i = 0; i < km_profile_nr_places(frame); i++) {
		const struct km_profile_place place = km_profile_place(frame, i);
		const uint32_t function = function_of(w, frame, &place);

		km_proto_number(&w->inner, LINE_FUNCTION, function);
		km_proto_number(&w->inner, LINE_LINE, place.line);
		km_proto_message(&w->body, LOCATION_LINE, &w->inner);
	}
	return w->location_of[index] = id_of(w, &w->locations, &w->body);
}

static void add_label(struct writing *w, const char *key, const char *text)
{
	km_proto_number(&w->inner, LABEL_KEY, string_of(w, key));
	km_proto_number(&w->inner, LABEL_TEXT, safe_of(w, text));
	km_proto_message(&w->body, SAMPLE_LABEL, &w->inner);
}

static bool has_type(const struct writing *w, size_t type)
{
	return w->report->lives || !km_profile_value_info(types[type].value)->needs_pairs;
}

static void add_sample(struct writing *w, const struct km_stack_row *row)
{
	for (size_t i = 0; i < row->nr_frames; i++)
		km_proto_varint(&w->items, location_of(w, row->frames[i]));
	km_proto_message(&w->body, SAMPLE_LOCATION, &w->items);
	for (size_t i = 0; i < NR_TYPES; i++) {
		const uint64_t value = km_profile_value_of(row, types[i].value);

		if (has_type(w, i))
			km_proto_varint(&w->items, value < INT64_MAX ? value : INT64_MAX);
	}
	km_proto_message(&w->body, SAMPLE_VALUE, &w->items);
	add_label(w, "layer", km_layer_name(row->layer));
	add_label(w, "event", row->event);
	if (row->size_class)
		add_label(w, "size_class", row->size_class);
	km_proto_number(&w->inner, LABEL_KEY, string_of(w, "bytes"));
	km_proto_number(&w->inner, LABEL_NUMBER, row->object_bytes);
	km_proto_number(&w->inner, LABEL_UNIT, string_of(w, "bytes"));
	km_proto_message(&w->body, SAMPLE_LABEL, &w->inner);
	end_message(w, PROFILE_SAMPLE, &w->body);
}

static void add_types(struct writing *w)
{
	for (size_t i = 0; i < NR_TYPES; i++) {
		if (!has_type(w, i))
			continue;
		km_proto_number(&w->body, TYPE_TYPE, string_of(w, types[i].type));
		km_proto_number(&w->body, TYPE_UNIT, string_of(w, types[i].unit));
		end_message(w, PROFILE_SAMPLE_TYPE, &w->body);
	}
	km_proto_number(&w->profile, PROFILE_DEFAULT_TYPE, string_of(w, DEFAULT_TYPE));
}

static void add_comment(struct writing *w, const char *text)
{
	km_proto_number(&w->profile, PROFILE_COMMENT, safe_of(w, text));
}

/* What the reader has to know of the numbers: it has no other place. */
static void add_comments(struct writing *w)
{
	const struct km_input_info *input = w->report->input;
	const struct km_quality *quality = &w->report->quality;
	char number[KM_GROUPED_SIZE], *text;

	add_comment(w, "kmemstat " KMEMSTAT_VERSION);
	if (input->kernel_release) {
		if (asprintf(&text, "kernel %s", input->kernel_release) < 0) {
			w->is_short = true;
			return;
		}
		add_comment(w, text);
		free(text);
	}
	for (enum km_counter i = 0; i < KM_NR_COUNTERS; i++) {
		const struct km_counter_info *info = km_counter_info(i);

		if (!quality->count[i] || info->severity < KM_SEV_LOSS)
			continue;
		if (asprintf(&text, "%s %s", km_grouped(quality->count[i], number),
			     km_counter_text(info, quality->count[i])) < 0) {
			w->is_short = true;
			return;
		}
		add_comment(w, text);
		free(text);
	}
	if (w->report->lives && w->report->is_live_unsure)
		add_comment(w, "what is live (inuse_*) is not sure");
}

static void add_time(struct writing *w)
{
	const struct km_report *report = w->report;

	if (report->input->has_raw_time || report->first_ns > report->last_ns)
		return;
	if (report->first_ns >= YEAR_2000_NS && report->first_ns <= INT64_MAX)
		km_proto_number(&w->profile, PROFILE_TIME_NANOS, report->first_ns);
	km_proto_number(&w->profile, PROFILE_DURATION_NANOS,
			report->duration_ns < INT64_MAX ? report->duration_ns : INT64_MAX);
}

/* The messages that samples refer to, with their ids. */
static void add_items(struct writing *w, unsigned int field, const struct km_names *names)
{
	for (uint32_t i = 0; i < names->nr; i++) {
		km_proto_number(&w->body, ID, (uint64_t)i + 1);
		km_proto_append(&w->body, names->names[i], names->sizes[i]);
		end_message(w, field, &w->body);
	}
}

static void write_all(struct writing *w)
{
	const struct km_stack_report *stacks = w->report->stacks;

	for (size_t i = 0; i < stacks->nr_frames; i++)
		w->has_lines |= stacks->frames[i].source.nr_frames > 0;
	string_of(w, "");
	add_types(w);
	add_time(w);
	for (size_t i = 0; i < stacks->nr_rows && !w->is_short; i++)
		if (km_profile_is_of(w->report, w->options, stacks->rows[i].layer))
			add_sample(w, &stacks->rows[i]);
	add_comments(w);
	add_items(w, PROFILE_MAPPING, &w->mappings);
	add_items(w, PROFILE_LOCATION, &w->locations);
	add_items(w, PROFILE_FUNCTION, &w->functions);
	for (uint32_t i = 0; i < w->strings.nr; i++)
		km_proto_bytes(&w->profile, PROFILE_STRING, w->strings.names[i],
			       w->strings.sizes[i]);
	flush(w, Z_FINISH);
}

struct km_error *km_render_pprof(const struct km_report *report,
				 const struct km_render_options *options, struct km_out *out)
{
	struct writing w = { .report = report, .options = options, .out = out };
	struct km_error *error = &km_error_memory;

	/* 16: a gzip header, which has no time and no name */
	if (deflateInit2(&w.zip, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return error;
	w.location_of = calloc(report->stacks->nr_frames + 1, sizeof(*w.location_of));
	if (w.location_of) {
		write_all(&w);
		if (!w.is_short && !w.profile.is_short && !w.body.is_short && !w.inner.is_short &&
		    !w.items.is_short)
			error = NULL;
	}
	deflateEnd(&w.zip);
	km_proto_deinit(&w.profile);
	km_proto_deinit(&w.body);
	km_proto_deinit(&w.inner);
	km_proto_deinit(&w.items);
	km_names_deinit(&w.strings);
	km_names_deinit(&w.mappings);
	km_names_deinit(&w.functions);
	km_names_deinit(&w.locations);
	free(w.location_of);
	return error;
}
