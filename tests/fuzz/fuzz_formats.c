/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Event formats: texts with a NUL after each; the first is header_page's, and the others have the
 * name of their system as a first line.
 */
#include <stdlib.h>
#include <string.h>

#include "decode/formats.h"
#include "fuzz.h"

static struct km_error *add(struct km_formats *formats, const uint8_t *text, size_t size)
{
	const uint8_t *eol = memchr(text, '\n', size);
	struct km_error *error;
	char *system, *copy;
	size_t rest;

	if (!eol)
		return NULL;
	system = strndup((const char *)text, (size_t)(eol - text));
	rest = size - (size_t)(eol + 1 - text);
	/* no NUL behind it, as in a file: what is read too far is seen */
	copy = malloc(rest ? rest : 1);
	if (!system || !copy)
		abort();
	memcpy(copy, eol + 1, rest);
	error = km_formats_add_event(formats, system, copy, rest);
	free(system);
	free(copy);
	return error;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct km_formats formats;
	size_t at = 0;

	fuzz_error(km_formats_init(&formats, size & 1, size & 2 ? 4 : 8));
	for (bool is_first = true; at < size; is_first = false) {
		const uint8_t *nul = memchr(data + at, 0, size - at);
		const size_t end = nul ? (size_t)(nul - data) : size;

		fuzz_error(is_first ? km_formats_add_header_page(&formats, (const char *)data + at,
								 end - at)
				    : add(&formats, data + at, end - at));
		at = end + 1;
	}
	fuzz_error(km_formats_seal(&formats));
	km_formats_deinit(&formats);
	return 0;
}
