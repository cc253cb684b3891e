/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The build id in ELF notes, as /sys/kernel/notes has them. */
#ifndef KMEMSTAT_BASE_BUILD_ID_H
#define KMEMSTAT_BASE_BUILD_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KM_BUILD_ID_MOST_BYTES = 20 };

/* Looks for it; *ret is its hex digits. False if there is none. */
bool km_build_id_find(const uint8_t *notes, size_t size,
		      char ret[static 2 * KM_BUILD_ID_MOST_BYTES + 1]);

#endif
