/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A large piece of a file in memory, which changes its owner: malloc'ed, or mapped. */
#ifndef KMEMSTAT_BLOB_H
#define KMEMSTAT_BLOB_H

#include <stddef.h>

/* Zero-initialised is none. What is written into it stays here; nothing is behind its end. */
struct km_blob {
	char *data; /* NULL: none */
	size_t size;
	void *map; /* what `data` lies in, or NULL: it is malloc'ed */
	size_t map_size;
};

/* Frees or unmaps it; then there is none. */
void km_blob_deinit(struct km_blob *blob);

#endif
