/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opens debug files, and JSON reports, unpacking the compressed ones. */
#ifndef KMEMSTAT_SYM_UNPACK_H
#define KMEMSTAT_SYM_UNPACK_H

#include "kmemstat/error.h"

/* The most a debug file may have unpacked; a vmlinux with DWARF has 0.4 to 1.5 GB. */
#define KM_UNPACK_BYTES_MAX (UINT64_C(4) << 30)

/*
 * Opens `path` for reading as an ELF file. What gzip, xz or zstd packed (told by content, not
 * by name) is unpacked into memory first; if that makes more than `max_bytes`, it is refused.
 * *ret is a file descriptor the caller closes. Errors: KM_ERR_INPUT if it cannot be opened or
 * unpacked, is no ELF file, or is packed in a way this build cannot unpack.
 */
KM_MUST_CHECK struct km_error *km_unpack_open(const char *path, uint64_t max_bytes, int *ret);
/* The first half of that: only opens, and reads nothing. */
KM_MUST_CHECK struct km_error *km_unpack_begin(const char *path, int *ret);
/* The other: takes over `fd` in every case; `path` names it in errors. */
KM_MUST_CHECK struct km_error *km_unpack_file(int fd, const char *path, uint64_t max_bytes,
					      int *ret);
/* The same of any file: what is not packed is left as it is. */
KM_MUST_CHECK struct km_error *km_unpack_any(int fd, const char *path, uint64_t max_bytes,
					     int *ret);

#endif
