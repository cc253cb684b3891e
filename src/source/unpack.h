/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The compressions of trace.dat. */
#ifndef KMEMSTAT_SOURCE_UNPACK_H
#define KMEMSTAT_SOURCE_UNPACK_H

#include <stdbool.h>
#include <stddef.h>

enum km_compression {
	KM_COMPRESSION_NONE,
	KM_COMPRESSION_ZSTD,
	KM_COMPRESSION_ZLIB,
};

/* The compression of that name ("none", "zstd", "zlib"); false if it is not known. */
bool km_compression_find(const char *name, enum km_compression *ret);
const char *km_compression_name(enum km_compression compression);

enum km_unpacked {
	KM_UNPACKED,
	KM_UNPACK_DAMAGED,
	KM_UNPACK_NO_MEMORY,
};

/*
 * Unpacks one block whose unpacked size is known; it is damaged unless it fills `dst` exactly.
 * `zstd` is a context of ZSTD_createDCtx() to be used again, or NULL.
 */
enum km_unpacked km_unpack(enum km_compression compression, void *zstd, void *dst, size_t dst_size,
			   const void *src, size_t src_size);

#endif
