// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "out.h"

#define BUFFER_SIZE (1 << 20)

void bench_out_open(struct bench_out *out, const char *path)
{
	*out = (struct bench_out){ .path = path, .file = fopen(path, "wb") };
	if (!out->file)
		bench_die("%s: %m", path);
	setvbuf(out->file, NULL, _IOFBF, BUFFER_SIZE);
}

void bench_out_close(struct bench_out *out)
{
	if (fclose(out->file))
		bench_die("%s: %m", out->path);
}

void bench_out_bytes(struct bench_out *out, const void *data, size_t size)
{
	if (fwrite(data, 1, size, out->file) != size)
		bench_die("%s: %m", out->path);
	out->pos += size;
}

void bench_out_uint(struct bench_out *out, uint64_t value, unsigned int size)
{
	uint8_t data[8];

	for (unsigned int i = 0; i < size; i++)
		data[i] = (uint8_t)(value >> 8 * i);
	bench_out_bytes(out, data, size);
}

void bench_out_string(struct bench_out *out, const char *text)
{
	bench_out_bytes(out, text, strlen(text) + 1);
}

void bench_out_align(struct bench_out *out, uint32_t alignment)
{
	while (out->pos % alignment)
		bench_out_uint(out, 0, 1);
}

void bench_out_patch(struct bench_out *out, uint64_t at, uint64_t value)
{
	uint64_t pos = out->pos;

	if (fseeko(out->file, (off_t)at, SEEK_SET))
		bench_die("%s: %m", out->path);
	bench_out_uint(out, value, 8);
	if (fseeko(out->file, (off_t)pos, SEEK_SET))
		bench_die("%s: %m", out->path);
	out->pos = pos;
}
