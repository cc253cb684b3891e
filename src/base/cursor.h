/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A bounds-checked reader of bytes that come from a file, in the file's byte order. */
#ifndef KMEMSTAT_BASE_CURSOR_H
#define KMEMSTAT_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * A read past the end sets `is_over`, returns 0 (or NULL) and leaves `pos` where it was;
 * so a run of reads is checked once, after it.
 */
struct km_cursor {
	const uint8_t *data;
	size_t size;
	size_t pos;
	bool is_big_endian; /* of the data */
	bool is_over;
};

static inline struct km_cursor km_cursor_make(const void *data, size_t size, bool is_big_endian)
{
	return (struct km_cursor){ .data = data, .size = size, .is_big_endian = is_big_endian };
}

static inline size_t km_cursor_left(const struct km_cursor *cur)
{
	return cur->size - cur->pos;
}

/* The next `size` bytes, or NULL. */
static inline const void *km_cursor_bytes(struct km_cursor *cur, size_t size)
{
	if (cur->is_over || size > cur->size - cur->pos) {
		cur->is_over = true;
		return NULL;
	}
	cur->pos += size;
	return cur->data + cur->pos - size;
}

/* An unsigned number of 1 to 8 bytes at `data`. */
static inline uint64_t km_load_uint(const uint8_t *data, unsigned int size, bool is_big_endian)
{
	uint64_t value = 0;

	if (is_big_endian) {
		for (unsigned int i = 0; i < size; i++)
			value = value << 8 | data[i];
	} else {
		for (unsigned int i = size; i-- > 0;)
			value = value << 8 | data[i];
	}
	return value;
}

static inline uint64_t km_cursor_uint(struct km_cursor *cur, unsigned int size)
{
	const uint8_t *data = km_cursor_bytes(cur, size);

	return data ? km_load_uint(data, size, cur->is_big_endian) : 0;
}

static inline uint8_t km_cursor_u8(struct km_cursor *cur)
{
	return (uint8_t)km_cursor_uint(cur, 1);
}

static inline uint16_t km_cursor_u16(struct km_cursor *cur)
{
	return (uint16_t)km_cursor_uint(cur, 2);
}

static inline uint32_t km_cursor_u32(struct km_cursor *cur)
{
	return (uint32_t)km_cursor_uint(cur, 4);
}

static inline uint64_t km_cursor_u64(struct km_cursor *cur)
{
	return km_cursor_uint(cur, 8);
}

/* A NUL-terminated string, or NULL if no NUL is left. */
static inline const char *km_cursor_string(struct km_cursor *cur)
{
	const uint8_t *start = cur->data + cur->pos;
	const uint8_t *nul = NULL;

	if (!cur->is_over && cur->pos < cur->size)
		nul = memchr(start, 0, cur->size - cur->pos);
	if (!nul) {
		cur->is_over = true;
		return NULL;
	}
	cur->pos += (size_t)(nul - start) + 1;
	return (const char *)start;
}

#endif
