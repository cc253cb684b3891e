/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A user's size classes, a directive a line, # begins a comment:
 *
 *	name NAME		what it is called (default: the file's name)
 *	class SIZE [SIZE]...	caches of these sizes
 *	step SIZE to SIZE	caches of all multiples of the first, up to the second
 *	page SIZE		the page size (default: the traced machine's)
 *	header SIZE		bytes in front of each object that is not of whole pages
 *	large order|pages	what larger ones take: 2^N pages (default), or as many as they need
 *	slabs slub|pages	how caches get pages: as SLUB (default), or the fewest
 *
 * Sizes ascend through the file; they are numbers with k or M behind them if wanted.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/model.h"

enum {
	MOST_FILE_BYTES = 65536,
	MOST_WORDS = KM_MODEL_MOST_RANGES + 1,
	MOST_NAME = 64,
	DEFAULT_PAGE = 4096,
	LEAST_PAGE = 1024,
	MOST_PAGE = 1 << 18,
	MOST_HEADER = 4096,
};
#define MOST_CLASS (UINT64_C(1) << 30)

struct word {
	const char *text;
	size_t len;
};

struct parser {
	const char *path;
	unsigned int line;
	struct km_model model;
	unsigned int seen; /* directives that come once, as bits */
};

static struct km_error *bad(const struct parser *parser, const char *what, const struct word *word)
{
	struct km_error *error;
	char *place;

	if (asprintf(&place, "%s:%u", parser->path, parser->line) < 0)
		return &km_error_memory;
	if (word)
		error = km_error_create(KM_ERR_INPUT, place, "'%.*s' %s",
					(int)(word->len < MOST_NAME ? word->len : MOST_NAME),
					word->text, what);
	else
		error = km_error_create(KM_ERR_INPUT, place, "%s", what);
	free(place);
	return km_error_advise(error, "kmemstat-models(7) has the format");
}

static bool is_word(const struct word *word, const char *text)
{
	return word->len == strlen(text) && memcmp(word->text, text, word->len) == 0;
}

static struct km_error *parse_size(const struct parser *parser, const struct word *word,
				   uint64_t least, uint64_t most, uint64_t *ret)
{
	uint64_t number;

	if (!km_model_parse_bytes(word->text, word->len, &number))
		return bad(parser, "is not a size in bytes", word);
	if (number < least || number > most)
		return bad(parser, "is too small or too large", word);
	*ret = number;
	return NULL;
}

static struct km_error *add(struct parser *parser, uint64_t up_to, uint64_t step,
			    const struct word *word)
{
	const struct km_model *model = &parser->model;

	if (model->nr_ranges && up_to <= model->ranges[model->nr_ranges - 1].up_to)
		return bad(parser, "is not over the size before it", word);
	if (model->nr_ranges == KM_MODEL_MOST_RANGES)
		return bad(parser, "more size classes than 256", NULL);
	return km_model_add_range(&parser->model, up_to, step, KM_MODEL_CACHE);
}

static struct km_error *parse_class(struct parser *parser, const struct word *words, size_t nr)
{
	struct km_error *error = NULL;

	for (size_t i = 0; i < nr && !error; i++) {
		uint64_t bytes = 0;

		error = parse_size(parser, &words[i], 1, MOST_CLASS, &bytes);
		if (!error)
			error = add(parser, bytes, bytes, &words[i]);
	}
	return error;
}

static struct km_error *parse_step(struct parser *parser, const struct word *words, size_t nr)
{
	uint64_t step = 0, last = 0;
	struct km_error *error;

	if (nr != 3 || !is_word(&words[1], "to"))
		return bad(parser, "a step is: step SIZE to SIZE", NULL);
	error = parse_size(parser, &words[0], 1, MOST_CLASS, &step);
	if (!error)
		error = parse_size(parser, &words[2], 1, MOST_CLASS, &last);
	if (error)
		return error;
	if (last % step)
		return bad(parser, "is not a multiple of the step", &words[2]);
	return add(parser, last, step, &words[2]);
}

static struct km_error *parse_name(struct parser *parser, const struct word *words, size_t nr)
{
	if (words[0].len > MOST_NAME)
		return bad(parser, "is too long a name", &words[0]);
	for (size_t i = 0; i < words[0].len; i++)
		if (words[0].text[i] < 0x21 || words[0].text[i] > 0x7e)
			return bad(parser, "a name consists of printable ASCII characters", NULL);
	free(parser->model.name);
	parser->model.name = strndup(words[0].text, words[0].len);
	return parser->model.name ? NULL : &km_error_memory;
}

static struct km_error *parse_page(struct parser *parser, const struct word *words, size_t nr)
{
	uint64_t bytes = 0;
	struct km_error *error = parse_size(parser, &words[0], LEAST_PAGE, MOST_PAGE, &bytes);

	if (error)
		return error;
	if (!km_model_is_power(bytes))
		return bad(parser, "is not a power of two", &words[0]);
	parser->model.page_size = (uint32_t)bytes;
	return NULL;
}

static struct km_error *parse_header(struct parser *parser, const struct word *words, size_t nr)
{
	return parse_size(parser, &words[0], 0, MOST_HEADER, &parser->model.header);
}

static struct km_error *parse_large(struct parser *parser, const struct word *words, size_t nr)
{
	if (is_word(&words[0], "order"))
		parser->model.large = KM_LARGE_ORDER;
	else if (is_word(&words[0], "pages"))
		parser->model.large = KM_LARGE_PAGES;
	else
		return bad(parser, "is neither order nor pages", &words[0]);
	return NULL;
}

static struct km_error *parse_slabs(struct parser *parser, const struct word *words, size_t nr)
{
	if (is_word(&words[0], "slub"))
		parser->model.slabs = KM_SLABS_SLUB;
	else if (is_word(&words[0], "pages"))
		parser->model.slabs = KM_SLABS_PAGES;
	else
		return bad(parser, "is neither slub nor pages", &words[0]);
	return NULL;
}

static const struct {
	const char *name;
	bool takes_many; /* else one argument, once in a file */
	struct km_error *(*parse)(struct parser *parser, const struct word *words, size_t nr);
} directives[] = {
	{ "class", true, parse_class },    { "step", true, parse_step },
	{ "name", false, parse_name },     { "page", false, parse_page },
	{ "header", false, parse_header }, { "large", false, parse_large },
	{ "slabs", false, parse_slabs },
};

static struct km_error *parse_directive(struct parser *parser, const struct word *words, size_t nr)
{
	for (size_t i = 0; i < sizeof(directives) / sizeof(directives[0]); i++) {
		if (!is_word(&words[0], directives[i].name))
			continue;
		if (nr < 2)
			return bad(parser, "has nothing behind it", &words[0]);
		if (!directives[i].takes_many && nr > 2)
			return bad(parser, "is more than there can be", &words[2]);
		if (!directives[i].takes_many && parser->seen & 1U << i)
			return bad(parser, "comes twice", &words[0]);
		parser->seen |= 1U << i;
		return directives[i].parse(parser, words + 1, nr - 1);
	}
	return bad(parser, "is no directive", &words[0]);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct km_error *parse_line(struct parser *parser, const char *line, size_t len)
{
	struct word words[MOST_WORDS];
	const char *comment = memchr(line, '#', len);
	size_t nr = 0;

	if (comment)
		len = (size_t)(comment - line);
	for (size_t i = 0; i < len;) {
		const size_t start = i;

		while (i < len && !is_blank(line[i]))
			i++;
		if (i > start && nr == MOST_WORDS)
			return bad(parser, "too many words", NULL);
		if (i > start)
			words[nr++] = (struct word){ line + start, i - start };
		else
			i++;
	}
	return nr ? parse_directive(parser, words, nr) : NULL;
}

/* The part of a path behind the last slash. */
static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static struct km_error *parse_text(struct parser *parser, const char *text, size_t size)
{
	struct km_error *error = NULL;

	for (size_t at = 0; at < size && !error;) {
		const char *end = memchr(text + at, '\n', size - at);
		const size_t len = end ? (size_t)(end - text) - at : size - at;

		parser->line++;
		error = parse_line(parser, text + at, len);
		at += len + 1;
	}
	if (!error && !parser->model.nr_ranges) {
		parser->line = parser->line ? parser->line : 1;
		error = bad(parser, "no class and no step is in the file", NULL);
	}
	return error;
}

struct km_error *km_models_add_text(struct km_models *models, const char *path, const char *text,
				    size_t size, const struct km_model_machine *machine)
{
	struct parser parser = {
		.path = path,
		.model = {
			.page_size = km_model_is_power(machine->page_size) &&
						     machine->page_size >= LEAST_PAGE &&
						     machine->page_size <= MOST_PAGE
					     ? machine->page_size
					     : DEFAULT_PAGE,
			.nr_cpus = machine->nr_cpus ? machine->nr_cpus : 1,
			.large = KM_LARGE_ORDER,
			.slabs = KM_SLABS_SLUB,
		},
	};
	struct km_error *error = parse_text(&parser, text, size);

	if (!error && !parser.model.name)
		parser.model.name = strdup(base_name(path));
	if (!error)
		parser.model.summary = strdup(path);
	if (!error && (!parser.model.name || !parser.model.summary))
		error = &km_error_memory;
	if (!error)
		return km_models_append(models, &parser.model);
	km_model_deinit(&parser.model);
	return error;
}

struct km_error *km_models_add_file(struct km_models *models, const char *path,
				    const struct km_model_machine *machine)
{
	FILE *file = fopen(path, "re");
	char *text = malloc(MOST_FILE_BYTES + 1);
	struct km_error *error = NULL;
	size_t size = 0;

	if (!file)
		error = km_error_os(KM_ERR_INPUT, path, errno, "cannot open");
	else if (!text)
		error = &km_error_memory;
	if (!error) {
		errno = 0;
		size = fread(text, 1, MOST_FILE_BYTES + 1, file);
		if (ferror(file))
			error = km_error_os(KM_ERR_INPUT, path, errno ? errno : EIO, "cannot read");
		else if (size > MOST_FILE_BYTES)
			error = km_error_create(KM_ERR_INPUT, path,
						"is too large for a file of size classes");
	}
	if (!error)
		error = km_models_add_text(models, path, text, size, machine);
	if (file)
		fclose(file);
	free(text);
	return error;
}
