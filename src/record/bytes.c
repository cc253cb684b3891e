/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Files of the kernel are read in pieces of this size; kallsyms has some MiB. */
#define READ_BYTES      (64U << 10)
/* Only stops what never ends. */
#define MOST_FILE_BYTES (1U << 30)

void km_bytes_deinit(struct km_bytes *bytes)
{
	free(bytes->data);
	*bytes = (struct km_bytes){ 0 };
}

/* Makes room for `size` more bytes and a NUL. */
static bool make_room(struct km_bytes *bytes, size_t size)
{
	size_t want, room;
	uint8_t *data;

	if (bytes->has_failed || __builtin_add_overflow(bytes->size, size, &want) ||
	    want > SIZE_MAX / 2 - 1) {
		bytes->has_failed = true;
		return false;
	}
	if (want < bytes->room)
		return true;
	room = bytes->room ? 2 * bytes->room : 256;
	if (room <= want)
		room = want + 1;
	data = realloc(bytes->data, room);
	if (!data) {
		bytes->has_failed = true;
		return false;
	}
	bytes->data = data;
	bytes->room = room;
	return true;
}

void km_bytes_put(struct km_bytes *bytes, const void *data, size_t size)
{
	if (!make_room(bytes, size))
		return;
	if (size)
		memcpy(bytes->data + bytes->size, data, size);
	bytes->size += size;
	bytes->data[bytes->size] = '\0';
}

void km_bytes_put_string(struct km_bytes *bytes, const char *text)
{
	km_bytes_put(bytes, text, strlen(text) + 1);
}

void km_bytes_printf(struct km_bytes *bytes, const char *format, ...)
{
	va_list args;
	char *text;
	int size;

	va_start(args, format);
	size = vasprintf(&text, format, args);
	va_end(args);
	if (size < 0) {
		bytes->has_failed = true;
		return;
	}
	km_bytes_put(bytes, text, (size_t)size);
	free(text);
}

void km_bytes_put_u16(struct km_bytes *bytes, uint16_t value)
{
	km_bytes_put(bytes, &value, sizeof(value));
}

void km_bytes_put_u32(struct km_bytes *bytes, uint32_t value)
{
	km_bytes_put(bytes, &value, sizeof(value));
}

void km_bytes_put_u64(struct km_bytes *bytes, uint64_t value)
{
	km_bytes_put(bytes, &value, sizeof(value));
}

bool km_bytes_put_fd(struct km_bytes *bytes, int fd)
{
	const size_t start = bytes->size;
	int err = 0;

	while (make_room(bytes, READ_BYTES) && bytes->size - start < MOST_FILE_BYTES) {
		/* a file of seq_file gives what it has in one go if there is room for it */
		ssize_t got = read(fd, bytes->data + bytes->size, bytes->room - 1 - bytes->size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got > 0) {
			bytes->size += (size_t)got;
			continue;
		}
		err = got < 0 ? errno : 0;
		break;
	}
	if (err)
		bytes->size = start;
	if (bytes->data)
		bytes->data[bytes->size] = '\0';
	errno = err;
	return !err && !bytes->has_failed;
}

bool km_bytes_put_file(struct km_bytes *bytes, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), err;
	bool is_read;

	if (fd < 0)
		return false;
	is_read = km_bytes_put_fd(bytes, fd);
	err = errno;
	close(fd);
	errno = err;
	return is_read;
}
