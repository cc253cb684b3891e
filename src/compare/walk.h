/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Walking JSON reports (share/kmemstat-report-1.schema.json). A report is one object:
 *
 *   { "schema_version": 1, "input": {...}, ..., "callsites": [ {...}, {...} ], "findings": [...] }
 *
 * Its lists can be long, and most of what is in a row is not needed: the outer object and the
 * lists in it are walked here, value by value, and jansson parses one row at a time. So memory does
 * not grow with the rows beyond the text itself and what is made of it.
 */
#ifndef KMEMSTAT_COMPARE_WALK_H
#define KMEMSTAT_COMPARE_WALK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kmemstat/error.h"

struct km_walk {
	const char *path; /* of the file, for errors */
	const char *text; /* need not end with a NUL */
	size_t size, pos;
	size_t line; /* of pos, from 1 on */
	/* where in the JSON the value is that is looked at, for errors: "callsites[3]" */
	const char *list; /* or the member itself */
	bool has_row;
	size_t row;
	/* told of members that are not in the table; or NULL */
	struct km_error *(*on_other)(void *arg, const char *name);
};

/* A member of the outer object that is read; each may be there once. */
struct km_walk_member {
	const char *name;
	bool is_list;   /* `take` gets its rows; else the whole value */
	bool is_needed; /* no report is without it */
	/* `arg` is the walker's; the value is freed after the call */
	struct km_error *(*take)(void *arg, const json_t *value);
};

/* The file's text, unpacked if gzip, zstd or xz packed it; free() it. Errors: KM_ERR_INPUT. */
KM_MUST_CHECK struct km_error *km_walk_read(const char *path, char **ret, size_t *ret_size);

/*
 * Walks the object that begins at walk->pos, and ends behind it. Of members that are not in the
 * table nothing is taken; they are checked to be JSON, or with `skims` only looked through for
 * their end. Errors: KM_ERR_INPUT.
 */
KM_MUST_CHECK struct km_error *km_walk_members(struct km_walk *walk,
					       const struct km_walk_member *members, size_t nr,
					       bool skims, void *arg);
/* Passes white space; whether there is nothing more. */
bool km_walk_is_at_end(struct km_walk *walk);
/* Where the value ends that begins at `pos`, by its brackets; the text's end if it does not. */
size_t km_walk_find_end(const struct km_walk *walk, size_t pos);

/* The error of text that is no JSON, of `expected` something else at walk->pos. */
struct km_error *km_walk_expected(const struct km_walk *walk, const char *what);
/* That of JSON that is no report: `key` of the value that is looked at, or NULL for itself. */
struct km_error *km_walk_shape_error(const struct km_walk *walk, const char *key, const char *what,
				     const json_t *found);
/* Takes the member "schema_version": only 1 is known. */
KM_MUST_CHECK struct km_error *km_walk_version(const struct km_walk *walk, const json_t *value);

/* The number, from 0 on, at `key` of an object. */
KM_MUST_CHECK struct km_error *km_walk_count(const struct km_walk *walk, const json_t *object,
					     const char *key, uint64_t *ret);
struct km_walk_key {
	const char *key;
	uint64_t *ret;
};
/* Several of them. */
KM_MUST_CHECK struct km_error *km_walk_counts(const struct km_walk *walk, const json_t *object,
					      const struct km_walk_key *counts, size_t nr);
KM_MUST_CHECK struct km_error *km_walk_bool(const struct km_walk *walk, const json_t *object,
					    const char *key, bool *ret);
/* The string at `key`; if it `may_lack`, NULL for null and nothing. The value owns it. */
KM_MUST_CHECK struct km_error *km_walk_string(const struct km_walk *walk, const json_t *object,
					      const char *key, bool may_lack, const char **ret);
KM_MUST_CHECK struct km_error *km_walk_object(const struct km_walk *walk, const json_t *object,
					      const char *key, const json_t **ret);
/*
 * The list at `key`, whose items are objects; NULL if there is none.
 */
KM_MUST_CHECK struct km_error *km_walk_list(const struct km_walk *walk, const json_t *object,
					    const char *key, const json_t **ret);

#endif
