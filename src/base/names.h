/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Byte strings as small numbers: equal ones have the same. (base/intern.h has numbers of 16 bits,
 * for columns.)
 */
#ifndef KMEMSTAT_BASE_NAMES_H
#define KMEMSTAT_BASE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialised is empty. */
struct km_names {
	const char **names; /* by number, in the order they were met; a NUL is behind each */
	size_t *sizes;
	uint32_t nr, room;
	uint32_t *slots; /* numbers + 1, by hash; at most half of them are taken */
	uint32_t nr_slots;
};

/*
 * The number of a copy of the bytes, from 0 on; *ret_is_new, unless ret_is_new is NULL, if they
 * were not there. False without memory.
 */
bool km_names_get(struct km_names *names, const char *bytes, size_t size, uint32_t *ret,
		  bool *ret_is_new);
/* Whether they are there. */
bool km_names_has(const struct km_names *names, const char *bytes, size_t size, uint32_t *ret);
void km_names_deinit(struct km_names *names);

#endif
