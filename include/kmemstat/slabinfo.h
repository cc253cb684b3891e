/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A copy of /proc/slabinfo: what slabs the kernel's caches are made of. */
#ifndef KMEMSTAT_SLABINFO_H
#define KMEMSTAT_SLABINFO_H

#include <stddef.h>
#include <stdint.h>

#include "kmemstat/error.h"

struct km_slab_cache {
	const char *name;
	uint64_t active_objs, objs; /* in use, and in all slabs */
	uint32_t object_bytes;      /* what one takes in its slab: the events' bytes_alloc */
	uint32_t objs_per_slab, pages_per_slab;
	uint64_t active_slabs, slabs;
};

struct km_slabinfo {
	struct km_slab_cache *caches; /* by name, each once */
	size_t nr;
	uint64_t bad_lines;      /* lines that are none of it, or name a cache again */
	uint64_t first_bad_line; /* its number, from 1 on */
	char *text;              /* holds the names */
};

/* Reads the file. Errors: KM_ERR_INPUT, also for one without a cache; KM_ERR_MEMORY. */
KM_MUST_CHECK struct km_error *km_slabinfo_load(const char *path, struct km_slabinfo *ret);
/* The same of text, which is taken over (malloc'ed, with a NUL at text[size]). */
KM_MUST_CHECK struct km_error *km_slabinfo_parse(const char *path, char *text, size_t size,
						 struct km_slabinfo *ret);
void km_slabinfo_deinit(struct km_slabinfo *slabinfo);
/* NULL if it has no cache of that name. */
const struct km_slab_cache *km_slabinfo_find(const struct km_slabinfo *slabinfo, const char *name);

#endif
