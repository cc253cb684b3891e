/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text in stanzas, which empty lines part:
 *
 *	# a comment, on a line of its own
 *	key: value up to the end of the line
 *	other-key: value
 *
 *	key: value of the next stanza
 *
 * A key comes once in a stanza. Blanks around keys and values are no part of them.
 */
#include "compare/stanza.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memstream.h"

/* People write these files: nothing reasonable is larger. */
#define MOST_BYTES (4U << 20)
#define MOST_LINE  1000

struct parser {
	const char *path, *what;
	const char *const *keys;
	size_t nr_keys;
	struct km_stanzas *stanzas;
	size_t room;
	bool is_open; /* the last stanza may get more lines */
	uint32_t line;
};

struct km_error *km_line_error(const char *path, uint32_t line, const char *format, ...)
{
	char *place = NULL, *message = NULL;
	struct km_error *error;
	va_list args;
	int len;

	va_start(args, format);
	len = vasprintf(&message, format, args);
	va_end(args);
	if (len < 0)
		return &km_error_memory;
	if (asprintf(&place, "%s:%u", path, line) < 0) {
		free(message);
		return &km_error_memory;
	}
	error = km_error_create(KM_ERR_INPUT, place, "%s", message);
	free(place);
	free(message);
	return error;
}

/* "rule, symbol, file": what the remedy of an unknown key says. */
static struct km_error *unknown_key(const struct parser *parser, const char *key)
{
	struct km_error *error =
		km_line_error(parser->path, parser->line, "unknown key '%.40s'", key);
	size_t size, nr = parser->nr_keys;
	char *list = NULL;
	FILE *stream = open_memstream(&list, &size);

	if (!stream)
		return error;
	for (size_t i = 0; i < nr; i++)
		fprintf(stream, "%s%s", i ? ", " : "", parser->keys[i]);
	if (km_memstream_close(stream, &list))
		error = km_error_advise(error, "the keys are %s", list);
	free(list);
	return error;
}

static struct km_error *open_stanza(struct parser *parser)
{
	struct km_stanzas *stanzas = parser->stanzas;

	if (parser->is_open)
		return NULL;
	if (stanzas->nr == parser->room) {
		size_t room = parser->room ? 2 * parser->room : 16;
		struct km_stanza *rows = reallocarray(stanzas->rows, room, sizeof(*rows));

		if (!rows)
			return &km_error_memory;
		stanzas->rows = rows;
		parser->room = room;
	}
	stanzas->rows[stanzas->nr++] = (struct km_stanza){ .line = parser->line };
	parser->is_open = true;
	return NULL;
}

/* Blanks at both ends go. */
static char *strip(char *text)
{
	size_t len;

	while (isspace((unsigned char)*text))
		text++;
	for (len = strlen(text); len && isspace((unsigned char)text[len - 1]); len--)
		;
	text[len] = '\0';
	return text;
}

static struct km_error *parse_pair(struct parser *parser, char *line)
{
	char *colon = strchr(line, ':'), *key, *value;
	struct km_stanza *stanza;
	struct km_error *error;
	size_t i = 0;

	if (!colon)
		return km_error_advise(km_line_error(parser->path, parser->line,
						     "'%.40s' is no \"key: value\"", line),
				       "begin comments with #");
	*colon = '\0';
	key = strip(line);
	value = strip(colon + 1);
	while (i < parser->nr_keys && strcmp(parser->keys[i], key) != 0)
		i++;
	if (i == parser->nr_keys)
		return unknown_key(parser, key);
	if (!*value)
		return km_error_advise(
			km_line_error(parser->path, parser->line, "'%s' has no value", key),
			"give it one or remove the line");
	error = open_stanza(parser);
	if (error)
		return error;
	stanza = &parser->stanzas->rows[parser->stanzas->nr - 1];
	if (stanza->values[i])
		return km_error_advise(km_line_error(parser->path, parser->line,
						     "'%s' comes twice in a stanza, first in line "
						     "%u",
						     key, stanza->lines[i]),
				       "part the stanzas with an empty line");
	stanza->values[i] = value;
	stanza->lines[i] = parser->line;
	return NULL;
}

/* `len` bytes, a NUL behind them. */
static struct km_error *parse_line(struct parser *parser, char *line, size_t len)
{
	if (len && line[len - 1] == '\r')
		line[--len] = '\0';
	if (len > MOST_LINE)
		return km_error_advise(km_line_error(parser->path, parser->line,
						     "a line of %zu bytes, more than the %u that "
						     "it may have",
						     len, MOST_LINE),
				       "is it %s?", parser->what);
	for (size_t i = 0; i < len; i++)
		if (iscntrl((unsigned char)line[i]) && line[i] != '\t')
			return km_error_advise(km_line_error(parser->path, parser->line,
							     "is no text: byte 0x%02x",
							     (unsigned char)line[i]),
					       "is it %s?", parser->what);
	line = strip(line);
	if (*line == '#')
		return NULL;
	if (!*line) {
		parser->is_open = false;
		return NULL;
	}
	return parse_pair(parser, line);
}

struct km_error *km_stanzas_parse(const char *path, const char *what, char *text, size_t size,
				  const char *const *keys, size_t nr_keys, struct km_stanzas *ret)
{
	struct km_stanzas stanzas = { .text = text, .path = strdup(path) };
	struct parser parser = {
		.path = path,
		.what = what,
		.keys = keys,
		.nr_keys = nr_keys,
		.stanzas = &stanzas,
		.line = 1,
	};
	struct km_error *error = stanzas.path ? NULL : &km_error_memory;
	char *line = text, *end = text + size;

	/* the byte order mark that some editors put in front of UTF-8 */
	if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		line += 3;
	for (char *next; !error && line < end; line = next, parser.line++) {
		char *newline = memchr(line, '\n', (size_t)(end - line));

		newline = newline ? newline : end;
		next = newline + 1;
		*newline = '\0';
		error = parse_line(&parser, line, (size_t)(newline - line));
	}
	if (error) {
		km_stanzas_deinit(&stanzas);
		return error;
	}
	*ret = stanzas;
	return NULL;
}

/* The whole of a file that may be a pipe. */
static struct km_error *read_text(const char *path, const char *what, FILE *file, char **ret,
				  size_t *ret_size)
{
	size_t size = 0, room = 16384, got;
	char *text = malloc(room + 1);
	int err;

	while (text) {
		char *more;

		errno = 0;
		got = fread(text + size, 1, room - size, file);
		size += got;
		if (!got || size > MOST_BYTES)
			break;
		if (size < room)
			continue;
		room *= 2;
		more = realloc(text, room + 1);
		if (!more)
			free(text);
		text = more;
	}
	if (!text)
		return &km_error_memory;
	err = ferror(file) ? (errno ? errno : EIO) : 0;
	if (err || size > MOST_BYTES) {
		free(text);
		return err ? km_error_os(KM_ERR_INPUT, path, err, "cannot read")
			   : km_error_advise(
				     km_error_create(KM_ERR_INPUT, path, "is larger than 4 MiB"),
				     "is it %s?", what);
	}
	text[size] = '\0';
	*ret = text;
	*ret_size = size;
	return NULL;
}

struct km_error *km_stanzas_load(const char *path, const char *what, const char *const *keys,
				 size_t nr_keys, struct km_stanzas *ret)
{
	FILE *file = fopen(path, "re");
	struct km_error *error;
	size_t size = 0;
	char *text = NULL;

	if (!file)
		return km_error_os(KM_ERR_INPUT, path, errno, "cannot open");
	error = read_text(path, what, file, &text, &size);
	fclose(file);
	return error ? error : km_stanzas_parse(path, what, text, size, keys, nr_keys, ret);
}

void km_stanzas_deinit(struct km_stanzas *stanzas)
{
	free(stanzas->path);
	free(stanzas->rows);
	free(stanzas->text);
	*stanzas = (struct km_stanzas){ 0 };
}
