/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strings as small numbers. */
#ifndef KMEMSTAT_BASE_INTERN_H
#define KMEMSTAT_BASE_INTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ids are 1 to 65535; 0 stands for "no string". Zero-initialised is empty. */
struct km_intern {
	char **strings; /* by id; [0] unused */
	uint32_t *lengths;
	uint32_t nr; /* ids handed out + 1, 0 when empty */
	uint16_t *table;
	uint32_t table_size; /* a power of two */
	bool is_short;       /* memory was: an id of 0 may mean that, from then on */
};

void km_intern_deinit(struct km_intern *intern);
/*
 * The id of a string of `len` bytes, which need not end with NUL; a new one gets the next id.
 * 0 for an empty string, when memory is short (see is_short), or when there are no more ids.
 */
uint16_t km_intern_get(struct km_intern *intern, const char *text, size_t len);
/* The string of an id, NULL for 0 and ids not handed out. */
const char *km_intern_string(const struct km_intern *intern, uint16_t id);

#endif
