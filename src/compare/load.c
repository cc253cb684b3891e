/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Snapshots of JSON reports. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compare/snapshot.h"
#include "compare/walk.h"

struct loader {
	struct km_walk walk;
	struct km_snapshot_own *own;
};

/* The string at `key` as one of the snapshot. */
static struct km_error *get_text(const struct loader *loader, const json_t *object, const char *key,
				 bool may_lack, const char **ret)
{
	const char *text = NULL;
	struct km_error *error = km_walk_string(&loader->walk, object, key, may_lack, &text);

	return error ? error : km_snap_text(loader->own, text, ret);
}

static struct km_error *take_events(struct loader *loader, const json_t *list)
{
	struct km_error *error = NULL;
	const json_t *value;
	size_t i;

	if (!json_is_array(list))
		return km_walk_shape_error(&loader->walk, "events", "a list", list);
	json_array_foreach(list, i, value)
	{
		const char *system = NULL, *name = NULL;

		if (!json_is_object(value))
			return km_walk_shape_error(&loader->walk, "events", "a list of objects",
						   value);
		error = km_walk_string(&loader->walk, value, "system", false, &system);
		if (!error)
			error = km_walk_string(&loader->walk, value, "name", false, &name);
		if (!error)
			error = km_snap_add_event(loader->own, system, name);
		if (error)
			return error;
	}
	return NULL;
}

static struct km_error *take_input(struct loader *loader, const json_t *value)
{
	struct km_snapshot *snapshot = &loader->own->snapshot;
	const struct km_walk_key counts[] = {
		{ "cpus", &snapshot->cpus },
		{ "page_size", &snapshot->page_size },
		/* null of a clock that does not count nanoseconds */
		{ "duration_ns", &snapshot->duration_ns },
	};
	const bool has_ns = !json_is_null(json_object_get(value, "duration_ns"));
	struct km_error *error = km_walk_counts(&loader->walk, value, counts, has_ns ? 3 : 2);

	if (!error)
		error = get_text(loader, value, "kernel_release", true, &snapshot->kernel_release);
	return error ? error : take_events(loader, json_object_get(value, "events"));
}

static struct km_error *take_quality(struct loader *loader, const json_t *value)
{
	struct km_snapshot *snapshot = &loader->own->snapshot;
	const struct km_walk_key counts[] = {
		{ "events_total", &snapshot->events_total },
		{ "events_used", &snapshot->events_used },
		{ "events_lost", &snapshot->events_lost },
		{ "events_filtered", &snapshot->events_filtered },
	};
	struct km_error *error = km_walk_counts(&loader->walk, value, counts, 4);

	snapshot->is_filtered = snapshot->events_filtered > 0;
	return error ? error
		     : km_walk_bool(&loader->walk, value, "incomplete", &snapshot->is_incomplete);
}

static struct km_error *take_summary(struct loader *loader, const json_t *value)
{
	struct km_snapshot *snapshot = &loader->own->snapshot;
	const struct km_walk_key counts[] = {
		{ "allocs", &snapshot->hits },
		{ "bytes_req", &snapshot->bytes_req },
		{ "bytes_alloc", &snapshot->bytes_alloc },
		{ "bytes_waste", &snapshot->bytes_waste },
	};
	const json_t *slab = NULL;
	struct km_error *error = km_walk_object(&loader->walk, value, "slab", &slab);

	return error ? error : km_walk_counts(&loader->walk, slab, counts, 4);
}

/* The innermost frame of a call site's source, and what is inlined into the key. */
static struct km_error *take_source(struct loader *loader, const json_t *object, bool *ret_has,
				    const char **ret_file, uint32_t *ret_line)
{
	const json_t *source = json_object_get(object, "source"), *frame;
	struct km_error *error = NULL;
	size_t i;

	if (!source)
		return NULL;
	if (!json_is_array(source))
		return km_walk_shape_error(&loader->walk, "source", "a list", source);
	*ret_has = json_array_size(source) > 0;
	json_array_foreach(source, i, frame)
	{
		const char *function = NULL;
		bool is_inlined = false;
		uint64_t line = 0;

		if (!json_is_object(frame))
			return km_walk_shape_error(&loader->walk, "source", "a list of objects",
						   frame);
		error = km_walk_string(&loader->walk, frame, "function", true, &function);
		if (!error)
			error = km_walk_bool(&loader->walk, frame, "inlined", &is_inlined);
		if (!error && is_inlined)
			error = km_snap_key_add(loader->own, function);
		if (!error && i == 0)
			error = get_text(loader, frame, "file", true, ret_file);
		if (!error && i == 0 && json_is_integer(json_object_get(frame, "line")))
			error = km_walk_count(&loader->walk, frame, "line", &line);
		if (!error && line > UINT32_MAX)
			error = km_walk_shape_error(&loader->walk, "source", "a line number",
						    json_object_get(frame, "line"));
		if (error)
			return error;
		if (i == 0)
			*ret_line = (uint32_t)line;
	}
	return NULL;
}

/* What both rows of call sites and of findings have of a place. */
struct place {
	const char *symbol, *module, *event;
	const char *key, *key_symbol;
	bool has_source;
	const char *file;
	uint32_t line;
};

static struct km_error *take_place(struct loader *loader, const json_t *object, struct place *ret)
{
	struct km_snap_place place = { 0 };
	struct place made = { 0 };
	struct km_error *error =
		km_walk_string(&loader->walk, object, "event", false, &place.event);

	if (!error)
		error = km_walk_string(&loader->walk, object, "symbol", true, &place.symbol);
	if (!error && place.symbol)
		error = km_walk_string(&loader->walk, object, "module", true, &place.module);
	if (!error && !place.symbol)
		error = km_walk_string(&loader->walk, object, "address", false, &place.address);
	if (!error)
		error = km_snap_key_begin(loader->own, &place, &made.key_symbol);
	if (!error)
		error = take_source(loader, object, &made.has_source, &made.file, &made.line);
	if (!error)
		error = km_snap_key_end(loader->own, &made.key);
	made.event = place.event;
	made.symbol = place.symbol;
	made.module = place.module;
	if (!error)
		*ret = made;
	return error;
}

static struct km_error *take_life(const struct loader *loader, const json_t *object,
				  struct km_snap_site *site)
{
	const struct km_walk_key counts[] = {
		{ "live_count", &site->live_count },
		{ "live_bytes", &site->live_bytes },
	};

	if (!json_object_get(object, "live_count"))
		return NULL;
	site->has_life = true;
	return km_walk_counts(&loader->walk, object, counts, 2);
}

static struct km_error *take_callsite(struct loader *loader, const json_t *object)
{
	struct km_snapshot_own *own = loader->own;
	struct km_snap_site *site;
	struct place place;
	struct km_error *error = km_snap_add_site(own, &site);

	if (!error)
		error = take_place(loader, object, &place);
	if (error)
		return error;
	site->key = place.key;
	site->key_symbol = place.key_symbol;
	site->has_source = place.has_source;
	site->file = place.file;
	site->line = place.line;
	error = km_walk_counts(
		&loader->walk, object,
		(const struct km_walk_key[]){ { "hits", &site->hits },
					      { "bytes_req", &site->bytes_req },
					      { "bytes_alloc", &site->bytes_alloc },
					      { "bytes_waste", &site->bytes_waste } },
		4);
	if (!error)
		error = take_life(loader, object, site);
	if (!error)
		error = get_text(loader, object, "layer", false, &site->layer);
	if (!error)
		error = km_snap_text(own, place.event, &site->event);
	if (!error && place.symbol)
		error = km_snap_symbol(own, place.symbol, &site->symbol);
	if (!error)
		error = km_snap_text(own, place.module, &site->module);
	return error ? error : get_text(loader, object, "size_class", false, &site->size_class);
}

static struct km_error *get_severity(const struct loader *loader, const json_t *object,
				     enum km_finding_severity *ret)
{
	const char *name = NULL;
	struct km_error *error = km_walk_string(&loader->walk, object, "severity", false, &name);

	if (error)
		return error;
	for (enum km_finding_severity i = KM_FIND_LOW; i <= KM_FIND_HIGH; i++) {
		if (strcmp(name, km_finding_severity_name(i)) == 0) {
			*ret = i;
			return NULL;
		}
	}
	return km_walk_shape_error(&loader->walk, "severity", "low, medium or high",
				   json_object_get(object, "severity"));
}

static struct km_error *take_finding(struct loader *loader, const json_t *object)
{
	struct km_snap_finding *finding;
	const json_t *callsite = NULL;
	struct place place;
	struct km_error *error = km_snap_add_finding(loader->own, &finding);

	if (error)
		return error;
	error = get_severity(loader, object, &finding->severity);
	if (!error)
		error = km_walk_counts(
			&loader->walk, object,
			(const struct km_walk_key[]){ { "hits", &finding->hits },
						      { "bytes_waste", &finding->bytes_waste } },
			2);
	if (!error)
		error = get_text(loader, object, "rule", false, &finding->rule);
	if (!error)
		error = get_text(loader, object, "fingerprint", false, &finding->fingerprint);
	if (!error)
		error = get_text(loader, object, "fingerprint_symbol", true,
				 &finding->fingerprint_symbol);
	if (!error && finding->fingerprint_symbol && !*finding->fingerprint_symbol)
		finding->fingerprint_symbol = NULL;
	if (!error)
		error = get_text(loader, object, "suppressed", true, &finding->suppressed);
	if (!error)
		error = get_text(loader, object, "message", false, &finding->message);
	if (!error)
		error = get_text(loader, object, "advice", false, &finding->advice);
	if (!error)
		error = km_walk_object(&loader->walk, object, "callsite", &callsite);
	if (!error)
		error = take_place(loader, callsite, &place);
	if (error)
		return error;
	finding->key = place.key;
	finding->file = place.file;
	finding->line = place.line;
	return NULL;
}

static struct km_error *take_generator(struct loader *loader, const json_t *value)
{
	return get_text(loader, value, "version", false, &loader->own->snapshot.generator_version);
}

static struct km_error *on_version(void *arg, const json_t *value)
{
	return km_walk_version(&((struct loader *)arg)->walk, value);
}

/* What takes an object. */
#define ON(name)                                                                                   \
	static struct km_error *on_##name(void *arg, const json_t *value)                          \
	{                                                                                          \
		struct loader *loader = arg;                                                       \
                                                                                                   \
		return json_is_object(value)                                                       \
			       ? take_##name(loader, value)                                        \
			       : km_walk_shape_error(&loader->walk, NULL, "an object", value);     \
	}
ON(generator)
ON(input)
ON(quality)
ON(summary)
ON(callsite)
ON(finding)
#undef ON

static const struct km_walk_member members[] = {
	{ "schema_version", false, true, on_version },
	{ "generator", false, true, on_generator },
	{ "input", false, true, on_input },
	{ "quality", false, true, on_quality },
	{ "summary", false, true, on_summary },
	{ "callsites", true, true, on_callsite },
	{ "findings", true, true, on_finding },
};

static struct km_error *walk_report(struct loader *loader)
{
	struct km_error *error = km_walk_members(
		&loader->walk, members, sizeof(members) / sizeof(members[0]), false, loader);

	if (!error && !km_walk_is_at_end(&loader->walk))
		error = km_walk_expected(&loader->walk, "the end");
	return error;
}

struct km_error *km_snapshot_load(const char *path, struct km_snapshot **ret)
{
	struct loader loader = { .walk = { .path = path, .line = 1, .list = "" } };
	char *text = NULL;
	struct km_error *error = km_walk_read(path, &text, &loader.walk.size);

	if (error)
		return error;
	loader.walk.text = text;
	loader.own = km_snap_create();
	error = loader.own ? km_snap_text(loader.own, path, &loader.own->snapshot.path)
			   : &km_error_memory;
	if (!error)
		error = walk_report(&loader);
	free(text);
	if (error) {
		km_snapshot_destroy(loader.own ? &loader.own->snapshot : NULL);
		return error;
	}
	km_snap_finish(loader.own);
	*ret = &loader.own->snapshot;
	return NULL;
}

/* What begins like that in a packed file, which no trace is. */
static bool is_packed_json(const char *path)
{
	struct km_walk walk = { .path = path, .line = 1, .list = "" };
	char *text = NULL;
	struct km_error *error = km_walk_read(path, &text, &walk.size);
	bool is_json;

	walk.text = text;
	is_json = !error && !km_walk_is_at_end(&walk) && text[walk.pos] == '{';
	km_error_free(error);
	free(text);
	return is_json;
}

bool km_snapshot_is_json(const char *path)
{
	static const char packers[] = { 0x1f, 0x28, '\xfd' };
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char c = '\0';
	struct stat st;

	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		while (read(fd, &c, 1) == 1 && (c == ' ' || c == '\t' || c == '\r' || c == '\n'))
			c = '\0';
	close(fd);
	return c && memchr(packers, c, sizeof(packers)) ? is_packed_json(path) : c == '{';
}
