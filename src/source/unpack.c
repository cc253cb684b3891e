/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The compressions of trace.dat. */
#include "source/unpack.h"

#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

static const char *const names[] = {
	[KM_COMPRESSION_NONE] = "none",
	[KM_COMPRESSION_ZSTD] = "zstd",
	[KM_COMPRESSION_ZLIB] = "zlib",
};

bool km_compression_find(const char *name, enum km_compression *ret)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], name) == 0) {
			*ret = (enum km_compression)i;
			return true;
		}
	}
	return false;
}

const char *km_compression_name(enum km_compression compression)
{
	return names[compression];
}

static enum km_unpacked unpack_zlib(void *dst, size_t dst_size, const void *src, size_t src_size)
{
	uLongf size = dst_size;
	int result = uncompress(dst, &size, src, src_size);

	if (result == Z_MEM_ERROR)
		return KM_UNPACK_NO_MEMORY;
	return result == Z_OK && size == dst_size ? KM_UNPACKED : KM_UNPACK_DAMAGED;
}

static enum km_unpacked unpack_zstd(void *zstd, void *dst, size_t dst_size, const void *src,
				    size_t src_size)
{
	size_t result = zstd ? ZSTD_decompressDCtx(zstd, dst, dst_size, src, src_size)
			     : ZSTD_decompress(dst, dst_size, src, src_size);

	if (ZSTD_isError(result) && ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation)
		return KM_UNPACK_NO_MEMORY;
	return result == dst_size ? KM_UNPACKED : KM_UNPACK_DAMAGED;
}

enum km_unpacked km_unpack(enum km_compression compression, void *zstd, void *dst, size_t dst_size,
			   const void *src, size_t src_size)
{
	switch (compression) {
	case KM_COMPRESSION_ZSTD:
		return unpack_zstd(zstd, dst, dst_size, src, src_size);
	case KM_COMPRESSION_ZLIB:
		return unpack_zlib(dst, dst_size, src, src_size);
	case KM_COMPRESSION_NONE:
		break;
	}
	if (dst_size != src_size)
		return KM_UNPACK_DAMAGED;
	memcpy(dst, src, src_size);
	return KM_UNPACKED;
}
