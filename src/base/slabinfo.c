/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text of /proc/slabinfo, version 2.x (slabinfo_show() and cache_show(), mm/slab_common.c,
 * v6.1; the SLAB allocator's debugging adds columns behind those):
 *
 *	slabinfo - version: 2.1
 *	# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : ...
 *	kmalloc-64  22572  23168  64  64  1 : tunables 0 0 0 : slabdata 362 362 0
 *
 * <objsize> is what an object takes in its slab, not what its users may write. Names of caches have
 * no blanks by convention only: the numbers are what comes before the colon.
 */
#include "kmemstat/slabinfo.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TITLE "slabinfo - version: 2."

/* No file is as large as that: 100,000 caches of 160 bytes. */
#define MOST_BYTES (16U << 20)

enum { NR_NUMBERS = 5 };

/* A decimal number at the end of text[0..*len), which is cut there; blanks around it go too. */
static bool take_last_number(const char *text, size_t *len, uint64_t *ret)
{
	size_t end = *len, start;
	uint64_t number = 0;

	while (end && isblank((unsigned char)text[end - 1]))
		end--;
	for (start = end; start && isdigit((unsigned char)text[start - 1]);)
		start--;
	if (start == end || !start || !isblank((unsigned char)text[start - 1]))
		return false;
	for (size_t i = start; i < end; i++)
		if (__builtin_mul_overflow(number, (uint64_t)10, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(text[i] - '0'), &number))
			return false;
	while (start && isblank((unsigned char)text[start - 1]))
		start--;
	*len = start;
	*ret = number;
	return true;
}

/* ": slabdata <active_slabs> <num_slabs>" somewhere in the rest of the line. */
static bool parse_slabdata(const char *rest, struct km_slab_cache *ret)
{
	const char *data = strstr(rest, ": slabdata ");
	unsigned long long active, nr;

	if (!data || sscanf(data, ": slabdata %20llu %20llu", &active, &nr) != 2)
		return false;
	ret->active_slabs = active;
	ret->slabs = nr;
	return true;
}

static bool parse_line(char *line, struct km_slab_cache *ret)
{
	/* a colon may be in a name: that before the tunables is the first of " : " */
	char *colon = strstr(line, " : ");
	size_t len = colon ? (size_t)(colon - line) : 0;
	uint64_t numbers[NR_NUMBERS];

	for (int i = NR_NUMBERS - 1; i >= 0; i--)
		if (!take_last_number(line, &len, &numbers[i]))
			return false;
	if (!len || !parse_slabdata(colon, ret))
		return false;
	for (int i = 2; i < NR_NUMBERS; i++)
		if (!numbers[i] || numbers[i] > UINT32_MAX)
			return false;
	line[len] = '\0';
	ret->name = line;
	ret->active_objs = numbers[0];
	ret->objs = numbers[1];
	ret->object_bytes = (uint32_t)numbers[2];
	ret->objs_per_slab = (uint32_t)numbers[3];
	ret->pages_per_slab = (uint32_t)numbers[4];
	return ret->active_objs <= ret->objs;
}

static int compare_names(const void *a, const void *b)
{
	const struct km_slab_cache *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	/* of equal names the earlier first */
	return order ? order : (x->name > y->name) - (x->name < y->name);
}

static void note_line(struct km_slabinfo *slabinfo, uint64_t number)
{
	if (number < slabinfo->first_bad_line)
		slabinfo->first_bad_line = number;
}

static void note_bad(struct km_slabinfo *slabinfo, uint64_t number)
{
	if (!slabinfo->bad_lines++)
		slabinfo->first_bad_line = UINT64_MAX;
	note_line(slabinfo, number);
}

static uint64_t line_number_of(const char *text, const char *at)
{
	uint64_t number = 1;

	/* names are cut off with NUL, line ends stay */
	for (; text < at; text++)
		number += *text == '\n';
	return number;
}

/* Sorts the caches; a name that comes again is a bad line. */
static void sort_caches(struct km_slabinfo *slabinfo)
{
	const char *first = NULL; /* of the names that come again */
	size_t kept = 0;

	qsort(slabinfo->caches, slabinfo->nr, sizeof(*slabinfo->caches), compare_names);
	for (size_t i = 0; i < slabinfo->nr; i++) {
		const struct km_slab_cache *cache = &slabinfo->caches[i];

		if (!kept || strcmp(slabinfo->caches[kept - 1].name, cache->name) != 0) {
			slabinfo->caches[kept++] = *cache;
			continue;
		}
		if (!first || cache->name < first)
			first = cache->name;
		note_bad(slabinfo, UINT64_MAX);
	}
	/* counted once: every line may be the same */
	if (first)
		note_line(slabinfo, line_number_of(slabinfo->text, first));
	slabinfo->nr = kept;
}

static struct km_error *parse_lines(char *text, size_t size, struct km_slabinfo *ret)
{
	uint64_t number = 1;
	size_t room = 0;

	for (char *line = text, *next; line < text + size; line = next, number++) {
		char *end = memchr(line, '\n', (size_t)(text + size - line));
		struct km_slab_cache cache, *caches = ret->caches;
		char saved;
		bool is_good;

		end = end ? end : text + size;
		next = end + 1;
		if (number == 1 || *line == '#' || line == end)
			continue;
		if (ret->nr == room) {
			room = room ? 2 * room : 256;
			caches = reallocarray(caches, room, sizeof(*caches));
			if (!caches)
				return &km_error_memory;
			ret->caches = caches;
		}
		saved = *end;
		*end = '\0';
		is_good = strlen(line) == (size_t)(end - line) && parse_line(line, &cache);
		*end = saved;
		if (is_good)
			ret->caches[ret->nr++] = cache;
		else
			note_bad(ret, number);
	}
	return NULL;
}

struct km_error *km_slabinfo_parse(const char *path, char *text, size_t size,
				   struct km_slabinfo *ret)
{
	struct km_slabinfo parsed = { .text = text };
	struct km_error *error;

	if (size < strlen(TITLE) || memcmp(text, TITLE, strlen(TITLE)) != 0)
		error = km_error_advise(
			km_error_create(KM_ERR_INPUT, path,
					"is no copy of slabinfo: it does not begin with \"" TITLE
					"\""),
			"copy /proc/slabinfo of the traced machine, as root");
	else
		error = parse_lines(text, size, &parsed);
	if (!error && !parsed.nr)
		error = km_error_create(KM_ERR_INPUT, path, "holds no cache");
	if (error) {
		km_slabinfo_deinit(&parsed);
		return error;
	}
	sort_caches(&parsed);
	*ret = parsed;
	return NULL;
}

struct km_error *km_slabinfo_load(const char *path, struct km_slabinfo *ret)
{
	FILE *file = fopen(path, "re");
	size_t size = 0, room = 0, got;
	char *text = NULL;
	int err;

	if (!file)
		return km_error_os(KM_ERR_INPUT, path, errno, "cannot open");
	/* a file of /proc has no size */
	do {
		char *more =
			size < room ? text : realloc(text, (room = room ? 2 * room : 65536) + 1);

		if (!more) {
			free(text);
			fclose(file);
			return &km_error_memory;
		}
		text = more;
		errno = 0;
		got = fread(text + size, 1, room - size, file);
		size += got;
	} while (got && size <= MOST_BYTES);
	err = ferror(file) ? (errno ? errno : EIO) : 0;
	fclose(file);
	if (err || size > MOST_BYTES) {
		free(text);
		return err ? km_error_os(KM_ERR_INPUT, path, err, "cannot read")
			   : km_error_create(KM_ERR_INPUT, path,
					     "is no copy of slabinfo: too large");
	}
	text[size] = '\0';
	return km_slabinfo_parse(path, text, size, ret);
}

void km_slabinfo_deinit(struct km_slabinfo *slabinfo)
{
	free(slabinfo->caches);
	free(slabinfo->text);
	*slabinfo = (struct km_slabinfo){ 0 };
}

const struct km_slab_cache *km_slabinfo_find(const struct km_slabinfo *slabinfo, const char *name)
{
	size_t low = 0, high = slabinfo->nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(slabinfo->caches[middle].name, name);

		if (!order)
			return &slabinfo->caches[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
