/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Event formats in trace.dat (trace-cmd.dat.v6(5)) and in perf.data's tracing data: texts of the
 * kernel's header_page, header_event and format files, each with a u64 of length before it.
 */
#include "source/event_formats.h"

#include <string.h>

struct km_error *km_section_short(const char *what)
{
	return km_error_create(KM_ERR_INPUT, NULL, "the %s do not fit into their section", what);
}

static bool parse_tag(struct km_cursor *cur, const char *tag, size_t size)
{
	const char *found = km_cursor_bytes(cur, size);

	return found && memcmp(found, tag, size) == 0;
}

struct km_error *km_parse_header_info(struct km_source *source, struct km_cursor *cur)
{
	struct km_error *error;
	uint64_t size;
	const char *text;

	if (!parse_tag(cur, "header_page", sizeof("header_page")))
		return km_error_create(KM_ERR_INPUT, NULL, "\"header_page\" expected");
	size = km_cursor_u64(cur);
	text = km_cursor_bytes(cur, size);
	if (!text)
		return km_section_short("ring-buffer page layouts");
	error = km_formats_add_header_page(&source->formats, text, size);
	if (error)
		return error;
	if (!parse_tag(cur, "header_event", sizeof("header_event")))
		return km_error_create(KM_ERR_INPUT, NULL, "\"header_event\" expected");
	size = km_cursor_u64(cur);
	if (!km_cursor_bytes(cur, size))
		return km_section_short("ring-buffer event layouts");
	return NULL;
}

/* `nr` formats of a system, each with a u64 of length before it. */
static struct km_error *parse_formats(struct km_source *source, struct km_cursor *cur,
				      const char *system, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++) {
		uint64_t size = km_cursor_u64(cur);
		const char *text = km_cursor_bytes(cur, size);
		struct km_error *error;

		if (!text)
			return km_section_short("event formats");
		error = km_formats_add_event(&source->formats, system, text, size);
		if (!error)
			continue;
		if (!km_error_is_of_data(error))
			return error;
		/* events of that id stay unknown and are counted so */
		km_error_free(error);
		source->quality.count[KM_SECTIONS_DAMAGED]++;
	}
	return NULL;
}

struct km_error *km_parse_ftrace_events(struct km_source *source, struct km_cursor *cur)
{
	uint32_t nr = km_cursor_u32(cur);

	return cur->is_over ? km_section_short("event formats")
			    : parse_formats(source, cur, "ftrace", nr);
}

struct km_error *km_parse_event_formats(struct km_source *source, struct km_cursor *cur)
{
	uint32_t nr_systems = km_cursor_u32(cur);

	for (uint32_t i = 0; i < nr_systems && !cur->is_over; i++) {
		const char *system = km_cursor_string(cur);
		uint32_t nr = km_cursor_u32(cur);
		struct km_error *error;

		if (cur->is_over)
			break;
		error = parse_formats(source, cur, system, nr);
		if (error)
			return error;
	}
	return cur->is_over ? km_section_short("event formats") : NULL;
}
