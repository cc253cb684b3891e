/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Error objects. */
#include "kmemstat/error.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char no_memory[] = "out of memory";

struct km_error km_error_memory = { .kind = KM_ERR_MEMORY, .message = no_memory };

static struct km_error *error_make(enum km_error_kind kind, const char *path, const char *format,
				   va_list args)
{
	struct km_error *error = calloc(1, sizeof(*error));

	if (!error)
		return &km_error_memory;
	error->kind = kind;
	if (vasprintf(&error->message, format, args) < 0) {
		free(error);
		return &km_error_memory;
	}
	if (path && !(error->path = strdup(path))) {
		km_error_free(error);
		return &km_error_memory;
	}
	return error;
}

struct km_error *km_error_create(enum km_error_kind kind, const char *path, const char *format, ...)
{
	va_list args;
	struct km_error *error;

	va_start(args, format);
	error = error_make(kind, path, format, args);
	va_end(args);
	return error;
}

struct km_error *km_error_at(const char *path, uint64_t offset, const char *format, ...)
{
	va_list args;
	struct km_error *error;

	va_start(args, format);
	error = error_make(KM_ERR_INPUT, path, format, args);
	va_end(args);
	if (error != &km_error_memory) {
		error->has_offset = true;
		error->offset = offset;
	}
	return error;
}

static const char *os_remedy(enum km_error_kind kind, int err)
{
	switch (err) {
	case EACCES:
	case EPERM:
		return "run it as a user who may read the file, or change the file's mode";
	case ENOENT:
		return kind == KM_ERR_INPUT ? "check the path" : NULL;
	case EISDIR:
		return "name a file, not a directory";
	case ENOSPC:
		return "free some space and run it again";
	default:
		return NULL;
	}
}

struct km_error *km_error_os(enum km_error_kind kind, const char *path, int err, const char *doing)
{
	struct km_error *error = km_error_create(kind, path, "%s: %s", doing, strerror(err));
	const char *remedy = os_remedy(kind, err);

	if (error != &km_error_memory)
		error->is_os = true;
	return remedy ? km_error_advise(error, "%s", remedy) : error;
}

bool km_error_is_of_data(const struct km_error *error)
{
	return error->kind == KM_ERR_INPUT && !error->is_os;
}

struct km_error *km_error_advise(struct km_error *error, const char *format, ...)
{
	va_list args;
	char *remedy;

	if (!error || error == &km_error_memory)
		return error;
	va_start(args, format);
	if (vasprintf(&remedy, format, args) < 0)
		remedy = NULL;
	va_end(args);
	if (remedy) {
		free(error->remedy);
		error->remedy = remedy;
	}
	return error;
}

void km_error_free(struct km_error *error)
{
	if (!error || error == &km_error_memory)
		return;
	free(error->path);
	free(error->message);
	free(error->remedy);
	free(error);
}

char *km_error_line(const struct km_error *error)
{
	char at[48] = "", *line;

	if (error->has_offset)
		snprintf(at, sizeof(at), "at byte %" PRIu64 ": ", error->offset);
	if (asprintf(&line, "%s%s%s%s%s%s", error->path ? error->path : "", error->path ? ": " : "",
		     at, error->message, error->remedy ? "; " : "",
		     error->remedy ? error->remedy : "") < 0)
		return NULL;
	return line;
}
