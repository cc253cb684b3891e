/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files that make the JSON report share. */
#ifndef KMEMSTAT_RENDER_JSON_H
#define KMEMSTAT_RENDER_JSON_H

#include <jansson.h>
#include <stdlib.h>

#include "render/text.h"

/*
 * An object or array under construction is NULL from the first failure on (no memory), and so is
 * what it becomes a part of: nothing is left out silently.
 */
static inline void drop(json_t **value)
{
	json_decref(*value);
	*value = NULL;
}

/* Takes `value` over. */
static inline void set(json_t **object, const char *key, json_t *value)
{
	if (json_object_set_new(*object, key, value))
		drop(object);
}

static inline void append(json_t **list, json_t *value)
{
	if (json_array_append_new(*list, value))
		drop(list);
}

/* JSON integers are signed in most readers: a sum held at UINT64_MAX stays a large number. */
static inline json_t *number(uint64_t value)
{
	return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

static inline void set_number(json_t **object, const char *key, uint64_t value)
{
	set(object, key, number(value));
}

/* Text that came from a file is made valid UTF-8 without control characters. */
static inline json_t *text_value(const char *text)
{
	char *safe = km_text_safe(text);
	json_t *value = safe ? json_string(safe) : NULL;

	free(safe);
	return value;
}

static inline void set_text(json_t **object, const char *key, const char *text)
{
	set(object, key, text_value(text));
}

static inline void set_text_if(json_t **object, const char *key, const char *text)
{
	if (text)
		set_text(object, key, text);
}

/* What pairing found, into a call site or into the summary of a layer. */
void km_json_set_life(json_t **callsite, const struct km_report *report,
		      const struct km_life_stats *life);
void km_json_set_total_life(json_t **layer, const struct km_report *report);
/* Writes and frees a value. */
struct km_error *km_json_dump(struct km_out *out, json_t *value);
/* The same with 15 digits of real numbers, which is what a double has. */
struct km_error *km_json_dump_precise(struct km_out *out, json_t *value);
/* What names a call site: in its own row, in findings and in classes. */
json_t *km_json_place(const struct km_callsite *site, const struct km_render_options *options);

/*
 * Takes the report's members one after another: values, and lists row by row, so that memory does
 * not grow with them. The functions take values over; NULL is one that there was no memory for.
 */
struct km_json_sink {
	struct km_out *out;
	const char *newline; /* "\n", or "" for all in one line */
	struct km_error *(*add_member)(struct km_json_sink *sink, const char *key, json_t *value);
	/* `type` is what one of the rows is called */
	void (*begin_list)(struct km_json_sink *sink, const char *key, const char *type);
	struct km_error *(*add_row)(struct km_json_sink *sink, json_t *row);
	void (*end_list)(struct km_json_sink *sink);
	/*
	 * Asked for each row of a list before it is made, in order; those it does not want are
	 * neither made nor added. NULL: all are wanted.
	 */
	bool (*wants_row)(struct km_json_sink *sink, size_t i);
	size_t most_nested; /* call sites and sizes within a row; 0: all */
	/* the sink's own */
	bool has_member, has_row;
	const char *type;
};

static inline bool km_json_wants_row(struct km_json_sink *sink, size_t i)
{
	return !sink->wants_row || sink->wants_row(sink, i);
}

/* How many of `nr` entries of a list within a row are shown. */
static inline size_t km_json_most_nested(const struct km_json_sink *sink, size_t nr)
{
	return sink->most_nested && sink->most_nested < nr ? sink->most_nested : nr;
}

/* Says under `key` how many of `nr` entries such a list leaves out, if any. */
static inline void km_json_set_left_out(json_t **object, const char *key,
					const struct km_json_sink *sink, size_t nr)
{
	if (km_json_most_nested(sink, nr) < nr)
		set_number(object, key, nr - km_json_most_nested(sink, nr));
}

/* Live bytes over time; report->lives is not NULL. */
json_t *km_json_timeline(const struct km_report *report, const struct km_render_options *options,
			 const struct km_json_sink *sink);
/* What every document begins with: version, generator, input, quality. */
KM_MUST_CHECK struct km_error *km_json_walk_head(const struct km_report *report,
						 struct km_json_sink *sink);
/* One object with what a function hands over. */
typedef struct km_error *(*km_json_walk_fn)(const struct km_report *report,
					    const struct km_render_options *options,
					    struct km_json_sink *sink);
KM_MUST_CHECK struct km_error *km_json_write(const struct km_report *report,
					     const struct km_render_options *options,
					     km_json_walk_fn walk, struct km_out *out);
/* Hands all of a report over. Errors: KM_ERR_MEMORY. */
KM_MUST_CHECK struct km_error *km_json_walk(const struct km_report *report,
					    const struct km_render_options *options,
					    struct km_json_sink *sink);
/* Of it the list "models", if there are any. */
KM_MUST_CHECK struct km_error *km_json_walk_models(const struct km_report *report,
						   const struct km_render_options *options,
						   struct km_json_sink *sink);
/* Of it the lists "stack_frames" and "stacks", if it has them. */
KM_MUST_CHECK struct km_error *km_json_walk_stacks(const struct km_report *report,
						   const struct km_render_options *options,
						   struct km_json_sink *sink);
/* The list "types", with the layout of each: of the type called `type`, or with NULL of all. */
KM_MUST_CHECK struct km_error *km_json_walk_types(const struct km_report *report,
						  const struct km_render_options *options,
						  struct km_json_sink *sink);
/* Of it the lists "caches", "tasks" and "pointers", those that the report has. */
KM_MUST_CHECK struct km_error *km_json_walk_tally(const struct km_report *report,
						  const struct km_render_options *options,
						  struct km_json_sink *sink);

/* Symbol, offset and module of a call site, or its address. */
void km_json_set_symbol(json_t **object, const struct km_callsite *site,
			const struct km_render_options *options);
/* What names a call site: in its own row and in others. */
json_t *km_json_place(const struct km_callsite *site, const struct km_render_options *options);
/* Its source lines, if they are known. */
void km_json_set_source(json_t **object, const struct km_callsite *site);

/* "merged", and the lists "hosts" and "kernels", of a report of several hosts. */
KM_MUST_CHECK struct km_error *km_json_walk_merged(const struct km_report *report,
						   struct km_json_sink *sink);
/* Key "spread" of a call site, if there is one. */
void km_json_set_spread(json_t **object, const struct km_report *report,
			const struct km_callsite *site);

/* What pairing found of pages and percpu objects, into the summary of a layer. */
void km_json_set_page_life(json_t **layer, const struct km_page_report *pages);
void km_json_set_percpu_life(json_t **layer, const struct km_percpu_report *percpu);
/* Their rows. */
json_t *km_json_page_row(const struct km_page_row *row, bool is_frame,
			 const struct km_render_options *options);
json_t *km_json_page_order(const struct km_page_order *order);
json_t *km_json_percpu_row(const struct km_percpu_row *row,
			   const struct km_render_options *options);

/* The replay of percpu objects. */
json_t *km_json_percpu_replay(const struct km_report *report);

/* Key "locality" of a call site, if there is one. */
void km_json_set_locality(json_t **object, const struct km_callsite *site);
/* The same of "own_cache". */
void km_json_set_own_cache(json_t **object, const struct km_callsite *site);

#endif
