/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The choice of events, and filters.
 *
 * A filter that the kernel does not take makes the write fail with EINVAL, and what is wrong stands
 * in the same file until a good one is written (kernel/trace/trace_events_filter.c,
 * append_filter_err()): the filter, a line with a caret, "parse_error: REASON". Before 4.19 the
 * caret's line is "^" and the reason's line is the same.
 */
#include "record/events.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/slurp.h"
#include "kmemstat/event.h"
#include "record/tracefs.h"

void km_event_names_deinit(struct km_event_names *names)
{
	for (size_t i = 0; i < names->nr; i++)
		free(names->names[i]);
	free(names->names);
	*names = (struct km_event_names){ 0 };
}

struct km_error *km_event_names_add(struct km_event_names *names, const char *name)
{
	char **more = reallocarray(names->names, names->nr + 1, sizeof(*more));

	if (!more)
		return &km_error_memory;
	names->names = more;
	more[names->nr] = strdup(name);
	if (!more[names->nr])
		return &km_error_memory;
	names->nr++;
	return NULL;
}

/* Words that stand for the events of a layer, of those that the analysis knows. */
static bool is_layer(const char *glob, enum km_layer layer)
{
	return strcmp(glob, "all") == 0 || strcmp(glob, km_layer_name(layer)) == 0;
}

static bool is_word(const char *glob)
{
	for (enum km_layer layer = 0; layer < KM_NR_LAYERS; layer++)
		if (is_layer(glob, layer))
			return true;
	return false;
}

static bool matches(const char *glob, const char *system, const char *event)
{
	const enum km_event_kind kind = km_event_kind_of(system, event);
	const char *colon = strchr(glob, ':');
	char name[256];

	if (is_word(glob))
		return kind != KM_EV_OTHER && is_layer(glob, km_event_layer(kind));
	if (colon) {
		snprintf(name, sizeof(name), "%s:%s", system, event);
		return fnmatch(glob, name, 0) == 0;
	}
	/* other systems have events of such names, too: skb:kfree_skb */
	return (strcmp(system, "kmem") == 0 || strcmp(system, "percpu") == 0) &&
	       fnmatch(glob, event, 0) == 0;
}

static struct km_error *choose_one(char *const *available, size_t nr, const char *glob,
				   bool *chosen)
{
	bool has_any = false;

	for (size_t i = 0; i < nr; i++) {
		char *colon = strchr(available[i], ':');

		*colon = '\0';
		if (matches(glob, available[i], colon + 1))
			chosen[i] = has_any = true;
		*colon = ':';
	}
	if (has_any)
		return NULL;
	return km_error_advise(
		km_error_create(KM_ERR_USAGE, NULL, "this kernel has no event '%s'", glob),
		"give slab, percpu, page or all, or names as kmem:kmalloc or kmem:kmem_cache_*");
}

static struct km_error *choose_each(char *const *available, size_t nr, char *globs, bool *chosen)
{
	struct km_error *error = NULL;

	for (char *glob; !error && (glob = strsep(&globs, ","));) {
		glob += strspn(glob, " ");
		glob[strcspn(glob, " ")] = '\0';
		error = choose_one(available, nr, glob, chosen);
	}
	return error;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The lines that are SYSTEM:EVENT, sorted, pointing into the text. */
static struct km_error *split_lines(char *text, char ***ret, size_t *ret_nr)
{
	size_t nr = 0, room = 1;
	char **lines;

	for (const char *c = text; *c; c++)
		room += *c == '\n';
	lines = calloc(room, sizeof(*lines));
	if (!lines)
		return &km_error_memory;
	for (char *line; (line = strsep(&text, "\n"));)
		if (strchr(line, ':'))
			lines[nr++] = line;
	qsort(lines, nr, sizeof(*lines), compare_names);
	*ret = lines;
	*ret_nr = nr;
	return NULL;
}

struct km_error *km_events_choose(char *available, const char *globs, struct km_event_names *ret)
{
	char *copy = strdup(globs ? globs : "slab,percpu"), **lines = NULL;
	size_t nr = 0;
	bool *chosen = NULL;
	struct km_error *error = copy ? split_lines(available, &lines, &nr) : &km_error_memory;

	if (!error && !(chosen = calloc(nr + 1, sizeof(*chosen))))
		error = &km_error_memory;
	if (!error && !globs) {
		/* what a kernel lacks of our own choice is no error: percpu events are of 4.13 */
		for (size_t i = 0; !error && i < 2; i++) {
			const char *layer = km_layer_name(i ? KM_LAYER_PERCPU : KM_LAYER_SLAB);

			km_error_free(choose_one(lines, nr, layer, chosen));
		}
	} else if (!error) {
		error = choose_each(lines, nr, copy, chosen);
	}
	for (size_t i = 0; !error && i < nr; i++)
		if (chosen[i])
			error = km_event_names_add(ret, lines[i]);
	if (!error && !ret->nr)
		error = km_error_advise(
			km_error_create(KM_ERR_INPUT, NULL, "this kernel has no kmem events"),
			"take one that is built with CONFIG_TRACING");
	free(chosen);
	free(lines);
	free(copy);
	return error;
}

char *km_events_path(const char *name, const char *file)
{
	const char *colon = strchr(name, ':');
	char *path;

	if (asprintf(&path, "events/%.*s/%s/%s", (int)(colon - name), name, colon + 1, file) < 0)
		return NULL;
	return path;
}

/* What the kernel says is wrong, without its "parse_error: "; malloc'ed, or NULL. */
static char *read_reason(const char *instance, const char *path)
{
	static const char prefix[] = "parse_error: ";
	char *file, *text, *begin, *reason = NULL;
	size_t size;

	if (asprintf(&file, "%s/%s", instance, path) < 0)
		return NULL;
	if (km_slurp(file, &text, &size) == 0) {
		begin = strstr(text, prefix);
		if (begin) {
			begin += sizeof(prefix) - 1;
			begin[strcspn(begin, "\n")] = '\0';
			reason = strdup(begin);
		}
		free(text);
	}
	free(file);
	return reason;
}

static struct km_error *judge_refusal(const char *instance, const char *path, const char *name,
				      const char *filter, bool *ret_has_fields)
{
	char *reason = read_reason(instance, path);
	struct km_error *error;

	if (reason && strcmp(reason, "Field not found") == 0) {
		*ret_has_fields = false;
		free(reason);
		/* the file says what is wrong until a filter is good: "0" is none */
		km_tracefs_try_write(instance, path, "0");
		return NULL;
	}
	error = km_error_create(KM_ERR_USAGE, NULL,
				"the kernel does not take the filter '%s' for %s: %s", filter, name,
				reason ? reason : "no reason is given");
	free(reason);
	return km_error_advise(error,
			       "give conditions as 'bytes_req >= 1024 && bytes_alloc < 8192'");
}

struct km_error *km_events_filter(const char *tracefs, const char *instance, const char *name,
				  const char *filter, bool *ret_has_fields)
{
	struct km_error *error = NULL;
	char *path = km_events_path(name, "filter");
	int err;

	if (!path)
		return &km_error_memory;
	*ret_has_fields = true;
	err = km_tracefs_try_write(instance, path, filter);
	if (err == EINVAL)
		error = judge_refusal(instance, path, name, filter, ret_has_fields);
	else if (err)
		error = km_tracefs_error("", tracefs, path, err, "cannot write");
	free(path);
	return error;
}
