/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Walking JSON reports. */
#include "compare/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/slurp.h"
#include "kmemstat/out.h"
#include "sym/unpack.h"

enum { SCHEMA_VERSION = 1 };

/* The most that a report may have unpacked: a million call sites have half of it. */
#define TEXT_BYTES_MAX (UINT64_C(1) << 30)

static struct km_error *advise(const struct km_walk *walk, struct km_error *error)
{
	return km_error_advise(error, "write it again: kmemstat --json TRACE > %s", walk->path);
}

/* Text that is no JSON. */
static struct km_error *syntax_error(const struct km_walk *walk, size_t line, const char *what)
{
	char *safe = km_text_safe(what);
	struct km_error *error;

	if (!safe)
		return &km_error_memory;
	error = km_error_create(KM_ERR_INPUT, walk->path, "line %zu: %s", line, safe);
	free(safe);
	return advise(walk, error);
}

struct km_error *km_walk_expected(const struct km_walk *walk, const char *what)
{
	char text[64], found[8] = "the end";

	if (walk->pos < walk->size)
		snprintf(found, sizeof(found), "'%c'", walk->text[walk->pos]);
	snprintf(text, sizeof(text), "expected %s, found %s", what, found);
	return syntax_error(walk, walk->line, text);
}

/* JSON that is no report: `key` of the value that is looked at, or NULL for itself. */
struct km_error *km_walk_shape_error(const struct km_walk *walk, const char *key, const char *what,
				     const json_t *found)
{
	static const char *const types[] = {
		[JSON_OBJECT] = "an object",   [JSON_ARRAY] = "a list",
		[JSON_STRING] = "a string",    [JSON_INTEGER] = "an integer",
		[JSON_REAL] = "a real number", [JSON_TRUE] = "true",
		[JSON_FALSE] = "false",        [JSON_NULL] = "null",
	};
	char row[32] = "";

	if (walk->has_row)
		snprintf(row, sizeof(row), "[%zu]", walk->row);
	return advise(walk, km_error_create(KM_ERR_INPUT, walk->path,
					    "line %zu: %s%s%s%s: expected %s, found %s", walk->line,
					    walk->list, row, key ? "." : "", key ? key : "", what,
					    found ? types[json_typeof(found)] : "nothing"));
}

static void skip_space(struct km_walk *walk)
{
	while (walk->pos < walk->size && strchr(" \t\r\n", walk->text[walk->pos]) &&
	       walk->text[walk->pos]) {
		walk->line += walk->text[walk->pos] == '\n';
		walk->pos++;
	}
}

/* Whether the next character that is no space is `c`, which is then passed. */
static bool takes(struct km_walk *walk, char c)
{
	skip_space(walk);
	if (walk->pos >= walk->size || walk->text[walk->pos] != c)
		return false;
	walk->pos++;
	return true;
}

/* The next value, which the line in `walk` is of until the next one. */
static struct km_error *parse_value(struct km_walk *walk, json_t **ret)
{
	const char *from;
	json_error_t error;
	json_t *value;

	skip_space(walk);
	if (walk->pos == walk->size)
		return km_walk_expected(walk, "a value");
	from = walk->text + walk->pos;
	value = json_loadb(from, walk->size - walk->pos,
			   JSON_DISABLE_EOF_CHECK | JSON_DECODE_ANY | JSON_REJECT_DUPLICATES,
			   &error);
	if (!value && json_error_code(&error) == json_error_out_of_memory)
		return &km_error_memory;
	if (!value)
		return syntax_error(walk, walk->line + (size_t)error.line - 1, error.text);
	walk->pos += (size_t)error.position;
	*ret = value;
	return NULL;
}

/* Lines within a value that has been looked at. */
static void count_lines(struct km_walk *walk, size_t from)
{
	for (; from < walk->pos; from++)
		walk->line += walk->text[from] == '\n';
}

struct km_error *km_walk_count(const struct km_walk *walk, const json_t *object, const char *key,
			       uint64_t *ret)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return km_walk_shape_error(walk, key, "a number from 0 on", value);
	*ret = (uint64_t)json_integer_value(value);
	return NULL;
}

struct km_error *km_walk_bool(const struct km_walk *walk, const json_t *object, const char *key,
			      bool *ret)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_boolean(value))
		return km_walk_shape_error(walk, key, "true or false", value);
	*ret = json_is_true(value);
	return NULL;
}

/* The string at `key`; if it `may_lack`, NULL for null and nothing. The value owns it. */
struct km_error *km_walk_string(const struct km_walk *walk, const json_t *object, const char *key,
				bool may_lack, const char **ret)
{
	const json_t *value = json_object_get(object, key);

	if (may_lack && (!value || json_is_null(value))) {
		*ret = NULL;
		return NULL;
	}
	if (!json_is_string(value))
		return km_walk_shape_error(walk, key, "a string", value);
	*ret = json_string_value(value);
	return NULL;
}

struct km_error *km_walk_object(const struct km_walk *walk, const json_t *object, const char *key,
				const json_t **ret)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_object(value))
		return km_walk_shape_error(walk, key, "an object", value);
	*ret = value;
	return NULL;
}

struct km_error *km_walk_counts(const struct km_walk *walk, const json_t *object,
				const struct km_walk_key *counts, size_t nr)
{
	struct km_error *error = NULL;

	for (size_t i = 0; !error && i < nr; i++)
		error = km_walk_count(walk, object, counts[i].key, counts[i].ret);
	return error;
}

struct km_error *km_walk_list(const struct km_walk *walk, const json_t *object, const char *key,
			      const json_t **ret)
{
	const json_t *list = json_object_get(object, key), *value;
	size_t i;

	if (list && !json_is_array(list))
		return km_walk_shape_error(walk, key, "a list", list);
	json_array_foreach(list, i, value)
	{
		if (!json_is_object(value))
			return km_walk_shape_error(walk, key, "a list of objects", value);
	}
	*ret = list;
	return NULL;
}

struct km_error *km_walk_version(const struct km_walk *walk, const json_t *value)
{
	if (!json_is_integer(value))
		return km_walk_shape_error(walk, NULL, "a number", value);
	if (json_integer_value(value) == SCHEMA_VERSION)
		return NULL;
	return km_error_advise(
		km_error_create(KM_ERR_INPUT, walk->path,
				"is a report of schema_version %" JSON_INTEGER_FORMAT
				"; %d is known",
				json_integer_value(value), SCHEMA_VERSION),
		"read it with the kmemstat that wrote it, or write it again with this one");
}

static struct km_error *walk_value(struct km_walk *walk, const struct km_walk_member *member,
				   void *arg)
{
	json_t *value = NULL;
	struct km_error *error;
	size_t from;

	skip_space(walk);
	from = walk->pos;
	error = parse_value(walk, &value);
	if (!error && member && member->is_list && !json_is_object(value))
		error = km_walk_shape_error(walk, NULL, "an object", value);
	if (!error && member)
		error = member->take(arg, value);
	json_decref(value);
	if (!error)
		count_lines(walk, from);
	return error;
}

/* A list, row by row; rows of members that are not read are only checked to be JSON. */
static struct km_error *walk_rows(struct km_walk *walk, const struct km_walk_member *member,
				  void *arg)
{
	struct km_error *error = NULL;

	walk->has_row = true;
	walk->row = 0;
	if (takes(walk, ']'))
		return NULL;
	do {
		error = walk_value(walk, member, arg);
		walk->row++;
	} while (!error && takes(walk, ','));
	if (!error && !takes(walk, ']'))
		error = km_walk_expected(walk, "',' or ']'");
	return error;
}

size_t km_walk_find_end(const struct km_walk *walk, size_t pos)
{
	const char *text = walk->text;
	size_t depth = 0;

	for (; pos < walk->size; pos++) {
		if (text[pos] == '"') {
			for (pos++; pos < walk->size && text[pos] != '"'; pos++)
				pos += text[pos] == '\\';
		} else if (text[pos] == '{' || text[pos] == '[') {
			depth++;
			continue;
		} else if (text[pos] == '}' || text[pos] == ']') {
			if (!depth)
				return pos;
			depth--;
		} else if (depth || !strchr(",\n", text[pos]) || !text[pos]) {
			continue;
		} else {
			return pos;
		}
		if (!depth)
			return pos < walk->size ? pos + 1 : pos;
	}
	return walk->size;
}

/* Passes a value by its brackets. */
static void skim_value(struct km_walk *walk)
{
	const size_t from = walk->pos;

	skip_space(walk);
	walk->pos = km_walk_find_end(walk, walk->pos);
	count_lines(walk, from);
}

static struct km_error *walk_member(struct km_walk *walk, const struct km_walk_member *members,
				    size_t nr, bool skims, uint64_t *has, void *arg)
{
	const struct km_walk_member *member = NULL;
	json_t *name = NULL;
	struct km_error *error;

	skip_space(walk);
	if (walk->pos == walk->size || walk->text[walk->pos] != '"')
		return km_walk_expected(walk, "'\"'");
	error = parse_value(walk, &name);
	if (error)
		return error;
	for (size_t i = 0; i < nr && !member; i++)
		if (strcmp(members[i].name, json_string_value(name)) == 0)
			member = &members[i];
	if (!member && walk->on_other)
		error = walk->on_other(arg, json_string_value(name));
	json_decref(name);
	if (error)
		return error;
	walk->list = member ? member->name : "";
	walk->has_row = false;
	if (!takes(walk, ':'))
		return km_walk_expected(walk, "':'");
	if (member && *has >> (member - members) & 1)
		return syntax_error(walk, walk->line, "a key is there twice");
	if (member)
		*has |= UINT64_C(1) << (member - members);
	if (!member && skims) {
		skim_value(walk);
		return NULL;
	}
	if ((!member || member->is_list) && takes(walk, '['))
		return walk_rows(walk, member, arg);
	if (member && member->is_list)
		return km_walk_expected(walk, "'['");
	return walk_value(walk, member, arg);
}

struct km_error *km_walk_members(struct km_walk *walk, const struct km_walk_member *members,
				 size_t nr, bool skims, void *arg)
{
	struct km_error *error = NULL;
	uint64_t has = 0;

	if (!takes(walk, '{'))
		return km_walk_expected(walk, "'{'");
	if (!takes(walk, '}')) {
		do
			error = walk_member(walk, members, nr, skims, &has, arg);
		while (!error && takes(walk, ','));
		if (!error && !takes(walk, '}'))
			error = km_walk_expected(walk, "',' or '}'");
	}
	for (size_t i = 0; !error && i < nr; i++)
		if (members[i].is_needed && !(has >> i & 1))
			error = km_error_advise(
				km_error_create(KM_ERR_INPUT, walk->path,
						"is no report of kmemstat: it has no \"%s\"",
						members[i].name),
				"give a trace, or what kmemstat --json writes");
	return error;
}

bool km_walk_is_at_end(struct km_walk *walk)
{
	skip_space(walk);
	return walk->pos == walk->size;
}

struct km_error *km_walk_read(const char *path, char **ret, size_t *ret_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;
	struct km_error *error;

	if (fd < 0)
		return km_error_os(KM_ERR_INPUT, path, errno, "cannot open");
	error = km_unpack_any(fd, path, TEXT_BYTES_MAX, &fd);
	if (error)
		return error;
	err = lseek(fd, 0, SEEK_SET) < 0 && errno != ESPIPE ? errno : 0;
	if (!err)
		err = km_slurp_fd(fd, ret, ret_size);
	close(fd);
	if (err)
		return err == ENOMEM ? &km_error_memory
				     : km_error_os(KM_ERR_INPUT, path, err, "cannot read");
	return NULL;
}
