/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes that are put one behind the other, in this machine's order, and grow. */
#ifndef KMEMSTAT_RECORD_BYTES_H
#define KMEMSTAT_RECORD_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kmemstat/error.h"

struct km_bytes {
	uint8_t *data; /* with a NUL behind, which does not count */
	size_t size, room;
	bool has_failed; /* there was no memory: to be asked once, after all is put */
};

void km_bytes_deinit(struct km_bytes *bytes);
void km_bytes_put(struct km_bytes *bytes, const void *data, size_t size);
/* With its NUL. */
void km_bytes_put_string(struct km_bytes *bytes, const char *text);
/* Without a NUL. */
void km_bytes_printf(struct km_bytes *bytes, const char *format, ...) KM_PRINTF(2, 3);
void km_bytes_put_u16(struct km_bytes *bytes, uint16_t value);
void km_bytes_put_u32(struct km_bytes *bytes, uint32_t value);
void km_bytes_put_u64(struct km_bytes *bytes, uint64_t value);
/*
 * Appends a whole file, one of proc, sysfs or tracefs, which do not tell their size. False, and
 * nothing is appended, if it cannot be read: errno says why.
 */
bool km_bytes_put_file(struct km_bytes *bytes, const char *path);
/* The same of an open file, from where it stands. */
bool km_bytes_put_fd(struct km_bytes *bytes, int fd);

#endif
