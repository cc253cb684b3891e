/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Byte strings as small numbers: equal ones have the same. */
#ifndef KMEMSTAT_RENDER_NAMES_H
#define KMEMSTAT_RENDER_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct km_name {
	char *bytes;
	size_t size;
};

/* Zero-initialised is empty. */
struct km_texts {
	struct km_name *items; /* by number, in the order they were met */
	uint32_t nr, room;
	uint32_t *slots; /* numbers + 1, by hash; at most half of them are taken */
	uint32_t nr_slots;
};

/* The number of a copy of the bytes, from 0 on. False without memory. */
bool km_texts_get(struct km_texts *names, const char *bytes, size_t size, uint32_t *ret);
void km_texts_deinit(struct km_texts *names);

#endif
