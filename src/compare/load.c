/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Snapshots of JSON reports (share/kmemstat-report-1.schema.json). A report is one object:
 *
 *   { "schema_version": 1, "input": {...}, ..., "callsites": [ {...}, {...} ], "findings": [...] }
 *
 * Its lists can be long, and most of what is in a row is not needed: the outer object and the
 * lists in it are walked here, value by value, and jansson parses one row at a time. So memory does
 * not grow with the rows beyond the text itself and the snapshot.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compare/snapshot.h"
#include "kmemstat/out.h"

enum { SCHEMA_VERSION = 1 };

/* The members that are read; each may be there once. */
enum member {
	MEMBER_SCHEMA_VERSION,
	MEMBER_GENERATOR,
	MEMBER_INPUT,
	MEMBER_QUALITY,
	MEMBER_SUMMARY,
	MEMBER_CALLSITES,
	MEMBER_FINDINGS,
	NR_MEMBERS,
};

static const char *const member_names[NR_MEMBERS] = {
	"schema_version", "generator", "input", "quality", "summary", "callsites", "findings",
};

struct loader {
	const char *path;
	const char *text;
	size_t size, pos;
	size_t line; /* of pos, from 1 on */
	bool has[NR_MEMBERS];
	struct km_snapshot_own *own;
	/* where in the JSON the value is that is looked at, for errors: "callsites[3]" */
	const char *list; /* or the member itself */
	bool has_row;
	size_t row;
};

static struct km_error *advise(const struct loader *loader, struct km_error *error)
{
	return km_error_advise(error, "write it again: kmemstat --json TRACE > %s", loader->path);
}

/* Text that is no JSON. */
static struct km_error *syntax_error(const struct loader *loader, size_t line, const char *what)
{
	char *safe = km_text_safe(what);
	struct km_error *error;

	if (!safe)
		return &km_error_memory;
	error = km_error_create(KM_ERR_INPUT, loader->path, "line %zu: %s", line, safe);
	free(safe);
	return advise(loader, error);
}

static struct km_error *expected(const struct loader *loader, const char *what)
{
	char text[64], found[8] = "the end";

	if (loader->pos < loader->size)
		snprintf(found, sizeof(found), "'%c'", loader->text[loader->pos]);
	snprintf(text, sizeof(text), "expected %s, found %s", what, found);
	return syntax_error(loader, loader->line, text);
}

/* JSON that is no report: `key` of the value that is looked at, or NULL for itself. */
static struct km_error *shape_error(const struct loader *loader, const char *key, const char *what,
				    const json_t *found)
{
	static const char *const types[] = {
		[JSON_OBJECT] = "an object",   [JSON_ARRAY] = "a list",
		[JSON_STRING] = "a string",    [JSON_INTEGER] = "an integer",
		[JSON_REAL] = "a real number", [JSON_TRUE] = "true",
		[JSON_FALSE] = "false",        [JSON_NULL] = "null",
	};
	char row[32] = "";

	if (loader->has_row)
		snprintf(row, sizeof(row), "[%zu]", loader->row);
	return advise(loader,
		      km_error_create(KM_ERR_INPUT, loader->path,
				      "line %zu: %s%s%s%s: expected %s, found %s", loader->line,
				      loader->list, row, key ? "." : "", key ? key : "", what,
				      found ? types[json_typeof(found)] : "nothing"));
}

static void skip_space(struct loader *loader)
{
	while (loader->pos < loader->size && strchr(" \t\r\n", loader->text[loader->pos]) &&
	       loader->text[loader->pos]) {
		loader->line += loader->text[loader->pos] == '\n';
		loader->pos++;
	}
}

/* Whether the next character that is no space is `c`, which is then passed. */
static bool takes(struct loader *loader, char c)
{
	skip_space(loader);
	if (loader->pos >= loader->size || loader->text[loader->pos] != c)
		return false;
	loader->pos++;
	return true;
}

/* The next value, which the line in `loader` is of until the next one. */
static struct km_error *parse_value(struct loader *loader, json_t **ret)
{
	const char *from;
	json_error_t error;
	json_t *value;

	skip_space(loader);
	if (loader->pos == loader->size)
		return expected(loader, "a value");
	from = loader->text + loader->pos;
	value = json_loadb(from, loader->size - loader->pos,
			   JSON_DISABLE_EOF_CHECK | JSON_DECODE_ANY | JSON_REJECT_DUPLICATES,
			   &error);
	if (!value && json_error_code(&error) == json_error_out_of_memory)
		return &km_error_memory;
	if (!value)
		return syntax_error(loader, loader->line + (size_t)error.line - 1, error.text);
	loader->pos += (size_t)error.position;
	*ret = value;
	return NULL;
}

/* Lines within a value that has been looked at. */
static void count_lines(struct loader *loader, size_t from)
{
	for (; from < loader->pos; from++)
		loader->line += loader->text[from] == '\n';
}

static struct km_error *get_count(const struct loader *loader, const json_t *object,
				  const char *key, uint64_t *ret)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return shape_error(loader, key, "a number from 0 on", value);
	*ret = (uint64_t)json_integer_value(value);
	return NULL;
}

static struct km_error *get_bool(const struct loader *loader, const json_t *object, const char *key,
				 bool *ret)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_boolean(value))
		return shape_error(loader, key, "true or false", value);
	*ret = json_is_true(value);
	return NULL;
}

/* The string at `key`; if it `may_lack`, NULL for null and nothing. The value owns it. */
static struct km_error *get_string(const struct loader *loader, const json_t *object,
				   const char *key, bool may_lack, const char **ret)
{
	const json_t *value = json_object_get(object, key);

	if (may_lack && (!value || json_is_null(value))) {
		*ret = NULL;
		return NULL;
	}
	if (!json_is_string(value))
		return shape_error(loader, key, "a string", value);
	*ret = json_string_value(value);
	return NULL;
}

/* The same as a string of the snapshot. */
static struct km_error *get_text(const struct loader *loader, const json_t *object, const char *key,
				 bool may_lack, const char **ret)
{
	const char *text = NULL;
	struct km_error *error = get_string(loader, object, key, may_lack, &text);

	return error ? error : km_snap_text(loader->own, text, ret);
}

static struct km_error *get_object(const struct loader *loader, const json_t *object,
				   const char *key, const json_t **ret)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_object(value))
		return shape_error(loader, key, "an object", value);
	*ret = value;
	return NULL;
}

struct count {
	const char *key;
	uint64_t *ret;
};

static struct km_error *get_counts(const struct loader *loader, const json_t *object,
				   const struct count *counts, size_t nr)
{
	struct km_error *error = NULL;

	for (size_t i = 0; !error && i < nr; i++)
		error = get_count(loader, object, counts[i].key, counts[i].ret);
	return error;
}

static struct km_error *take_version(struct loader *loader, const json_t *value)
{
	if (!json_is_integer(value))
		return shape_error(loader, NULL, "a number", value);
	if (json_integer_value(value) == SCHEMA_VERSION)
		return NULL;
	return km_error_advise(
		km_error_create(KM_ERR_INPUT, loader->path,
				"is a report of schema_version %" JSON_INTEGER_FORMAT
				"; %d is known",
				json_integer_value(value), SCHEMA_VERSION),
		"read it with the kmemstat that wrote it, or write it again with this one");
}

static struct km_error *take_events(struct loader *loader, const json_t *list)
{
	struct km_error *error = NULL;
	const json_t *value;
	size_t i;

	if (!json_is_array(list))
		return shape_error(loader, "events", "a list", list);
	json_array_foreach(list, i, value)
	{
		const char *system = NULL, *name = NULL;

		if (!json_is_object(value))
			return shape_error(loader, "events", "a list of objects", value);
		error = get_string(loader, value, "system", false, &system);
		if (!error)
			error = get_string(loader, value, "name", false, &name);
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
	const struct count counts[] = {
		{ "cpus", &snapshot->cpus },
		{ "page_size", &snapshot->page_size },
		/* null of a clock that does not count nanoseconds */
		{ "duration_ns", &snapshot->duration_ns },
	};
	const bool has_ns = !json_is_null(json_object_get(value, "duration_ns"));
	struct km_error *error = get_counts(loader, value, counts, has_ns ? 3 : 2);

	if (!error)
		error = get_text(loader, value, "kernel_release", true, &snapshot->kernel_release);
	return error ? error : take_events(loader, json_object_get(value, "events"));
}

static struct km_error *take_quality(struct loader *loader, const json_t *value)
{
	struct km_snapshot *snapshot = &loader->own->snapshot;
	const struct count counts[] = {
		{ "events_total", &snapshot->events_total },
		{ "events_used", &snapshot->events_used },
		{ "events_lost", &snapshot->events_lost },
		{ "events_filtered", &snapshot->events_filtered },
	};
	struct km_error *error = get_counts(loader, value, counts, 4);

	snapshot->is_filtered = snapshot->events_filtered > 0;
	return error ? error : get_bool(loader, value, "incomplete", &snapshot->is_incomplete);
}

static struct km_error *take_summary(struct loader *loader, const json_t *value)
{
	struct km_snapshot *snapshot = &loader->own->snapshot;
	const struct count counts[] = {
		{ "allocs", &snapshot->hits },
		{ "bytes_req", &snapshot->bytes_req },
		{ "bytes_alloc", &snapshot->bytes_alloc },
		{ "bytes_waste", &snapshot->bytes_waste },
	};
	const json_t *slab = NULL;
	struct km_error *error = get_object(loader, value, "slab", &slab);

	return error ? error : get_counts(loader, slab, counts, 4);
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
		return shape_error(loader, "source", "a list", source);
	*ret_has = json_array_size(source) > 0;
	json_array_foreach(source, i, frame)
	{
		const char *function = NULL;
		bool is_inlined = false;
		uint64_t line = 0;

		if (!json_is_object(frame))
			return shape_error(loader, "source", "a list of objects", frame);
		error = get_string(loader, frame, "function", true, &function);
		if (!error)
			error = get_bool(loader, frame, "inlined", &is_inlined);
		if (!error && is_inlined)
			error = km_snap_key_add(loader->own, function);
		if (!error && i == 0)
			error = get_text(loader, frame, "file", true, ret_file);
		if (!error && i == 0 && json_is_integer(json_object_get(frame, "line")))
			error = get_count(loader, frame, "line", &line);
		if (!error && line > UINT32_MAX)
			error = shape_error(loader, "source", "a line number",
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
	struct km_error *error = get_string(loader, object, "event", false, &place.event);

	if (!error)
		error = get_string(loader, object, "symbol", true, &place.symbol);
	if (!error && place.symbol)
		error = get_string(loader, object, "module", true, &place.module);
	if (!error && !place.symbol)
		error = get_string(loader, object, "address", false, &place.address);
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
	const struct count counts[] = {
		{ "live_count", &site->live_count },
		{ "live_bytes", &site->live_bytes },
	};

	if (!json_object_get(object, "live_count"))
		return NULL;
	site->has_life = true;
	return get_counts(loader, object, counts, 2);
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
	error = get_counts(loader, object,
			   (const struct count[]){ { "hits", &site->hits },
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
	struct km_error *error = get_string(loader, object, "severity", false, &name);

	if (error)
		return error;
	for (enum km_finding_severity i = KM_FIND_LOW; i <= KM_FIND_HIGH; i++) {
		if (strcmp(name, km_finding_severity_name(i)) == 0) {
			*ret = i;
			return NULL;
		}
	}
	return shape_error(loader, "severity", "low, medium or high",
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
		error = get_counts(
			loader, object,
			(const struct count[]){ { "hits", &finding->hits },
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
		error = get_object(loader, object, "callsite", &callsite);
	if (!error)
		error = take_place(loader, callsite, &place);
	if (error)
		return error;
	finding->key = place.key;
	finding->file = place.file;
	finding->line = place.line;
	return NULL;
}

/* A whole member, or a row of one. */
static struct km_error *take_value(struct loader *loader, enum member member, const json_t *value)
{
	static struct km_error *(*const takers[NR_MEMBERS])(struct loader *, const json_t *) = {
		[MEMBER_INPUT] = take_input,      [MEMBER_QUALITY] = take_quality,
		[MEMBER_SUMMARY] = take_summary,  [MEMBER_CALLSITES] = take_callsite,
		[MEMBER_FINDINGS] = take_finding,
	};

	if (member == MEMBER_SCHEMA_VERSION)
		return take_version(loader, value);
	if (!json_is_object(value))
		return shape_error(loader, NULL, "an object", value);
	if (member == MEMBER_GENERATOR)
		return get_text(loader, value, "version", false,
				&loader->own->snapshot.generator_version);
	return takers[member](loader, value);
}

static struct km_error *walk_value(struct loader *loader, enum member member)
{
	json_t *value = NULL;
	struct km_error *error;
	size_t from;

	skip_space(loader);
	from = loader->pos;
	error = parse_value(loader, &value);
	if (!error && member != NR_MEMBERS)
		error = take_value(loader, member, value);
	json_decref(value);
	if (!error)
		count_lines(loader, from);
	return error;
}

/* A list, row by row; rows of members that are not read are only checked to be JSON. */
static struct km_error *walk_list(struct loader *loader, enum member member)
{
	struct km_error *error = NULL;

	loader->has_row = true;
	loader->row = 0;
	if (takes(loader, ']'))
		return NULL;
	do {
		error = walk_value(loader, member);
		loader->row++;
	} while (!error && takes(loader, ','));
	if (!error && !takes(loader, ']'))
		error = expected(loader, "',' or ']'");
	return error;
}

static enum member find_member(const char *name)
{
	enum member member = 0;

	while (member < NR_MEMBERS && strcmp(member_names[member], name) != 0)
		member++;
	return member;
}

static struct km_error *walk_member(struct loader *loader)
{
	json_t *name = NULL;
	struct km_error *error;
	enum member member;

	skip_space(loader);
	if (loader->pos == loader->size || loader->text[loader->pos] != '"')
		return expected(loader, "'\"'");
	error = parse_value(loader, &name);
	if (error)
		return error;
	member = find_member(json_string_value(name));
	json_decref(name);
	loader->list = member < NR_MEMBERS ? member_names[member] : "";
	loader->has_row = false;
	if (!takes(loader, ':'))
		return expected(loader, "':'");
	if (member < NR_MEMBERS && loader->has[member])
		return syntax_error(loader, loader->line, "a key is there twice");
	if (member < NR_MEMBERS)
		loader->has[member] = true;
	if ((member == MEMBER_CALLSITES || member == MEMBER_FINDINGS || member == NR_MEMBERS) &&
	    takes(loader, '['))
		return walk_list(loader, member);
	if (member == MEMBER_CALLSITES || member == MEMBER_FINDINGS)
		return expected(loader, "'['");
	return walk_value(loader, member);
}

static struct km_error *walk_report(struct loader *loader)
{
	struct km_error *error = NULL;

	if (!takes(loader, '{'))
		return expected(loader, "'{'");
	if (!takes(loader, '}')) {
		do
			error = walk_member(loader);
		while (!error && takes(loader, ','));
		if (!error && !takes(loader, '}'))
			error = expected(loader, "',' or '}'");
	}
	skip_space(loader);
	if (!error && loader->pos < loader->size)
		error = expected(loader, "the end");
	for (enum member i = 0; !error && i < NR_MEMBERS; i++)
		if (!loader->has[i])
			error = km_error_advise(
				km_error_create(KM_ERR_INPUT, loader->path,
						"is no report of kmemstat: it has no \"%s\"",
						member_names[i]),
				"give a trace, or what kmemstat --json writes");
	return error;
}

static struct km_error *read_file(const char *path, char **ret, size_t *ret_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	size_t size = 0, room = 0;
	char *text = NULL;

	if (fd < 0)
		return km_error_os(KM_ERR_INPUT, path, errno, "cannot open");
	for (;;) {
		ssize_t nr;

		if (size == room) {
			char *more = realloc(text, room = room ? 2 * room : 65536);

			if (!more) {
				err = ENOMEM;
				break;
			}
			text = more;
		}
		nr = read(fd, text + size, room - size);
		if (nr > 0)
			size += (size_t)nr;
		else if (nr == 0)
			break;
		else if (errno != EINTR) {
			err = errno;
			break;
		}
	}
	close(fd);
	if (err) {
		free(text);
		return err == ENOMEM ? &km_error_memory
				     : km_error_os(KM_ERR_INPUT, path, err, "cannot read");
	}
	*ret = text;
	*ret_size = size;
	return NULL;
}

struct km_error *km_snapshot_load(const char *path, struct km_snapshot **ret)
{
	struct loader loader = { .path = path, .line = 1, .list = "" };
	char *text = NULL;
	struct km_error *error = read_file(path, &text, &loader.size);

	if (error)
		return error;
	loader.text = text;
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

bool km_snapshot_is_json(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char c = '\0';
	struct stat st;

	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		while (read(fd, &c, 1) == 1 && (c == ' ' || c == '\t' || c == '\r' || c == '\n'))
			c = '\0';
	close(fd);
	return c == '{';
}
