/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of stanzas: what --suppress and --budget read. */
#ifndef KMEMSTAT_COMPARE_STANZA_H
#define KMEMSTAT_COMPARE_STANZA_H

#include <stddef.h>

#include "kmemstat/error.h"

enum { KM_STANZA_MOST_KEYS = 16 };

struct km_stanza {
	uint32_t line;                           /* its first */
	const char *values[KM_STANZA_MOST_KEYS]; /* by key; NULL: not given */
	uint32_t lines[KM_STANZA_MOST_KEYS];     /* where each is */
};

struct km_stanzas {
	char *path;
	struct km_stanza *rows; /* as in the file, never empty ones */
	size_t nr;
	char *text; /* holds the values */
};

/*
 * Reads a file whose keys are those, `what` it is being said in errors: "a file of suppressions".
 * Errors: KM_ERR_INPUT with file and line; KM_ERR_MEMORY.
 */
KM_MUST_CHECK struct km_error *km_stanzas_load(const char *path, const char *what,
					       const char *const *keys, size_t nr_keys,
					       struct km_stanzas *ret);
/* The same of text, which is taken over (malloc'ed, with a NUL at text[size]). */
KM_MUST_CHECK struct km_error *km_stanzas_parse(const char *path, const char *what, char *text,
						size_t size, const char *const *keys,
						size_t nr_keys, struct km_stanzas *ret);
void km_stanzas_deinit(struct km_stanzas *stanzas);

/* An error (KM_ERR_INPUT) at a line of a file: "path:line: ...". */
struct km_error *km_line_error(const char *path, uint32_t line, const char *format, ...)
	KM_PRINTF(3, 4);

#endif
