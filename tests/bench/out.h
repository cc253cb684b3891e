/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file being written, little endian, whose earlier places can be filled in later. */
#ifndef KMEMSTAT_BENCH_OUT_H
#define KMEMSTAT_BENCH_OUT_H

#include <stdint.h>
#include <stdio.h>

#include "trace.h"

struct bench_out {
	const char *path;
	FILE *file;
	uint64_t pos;
};

/* Failures end the program with a message. */
void bench_out_open(struct bench_out *out, const char *path);
void bench_out_close(struct bench_out *out);
void bench_out_bytes(struct bench_out *out, const void *data, size_t size);
void bench_out_uint(struct bench_out *out, uint64_t value, unsigned int size);
/* A string with its NUL. */
void bench_out_string(struct bench_out *out, const char *text);
/* Zeros up to a multiple of `alignment`. */
void bench_out_align(struct bench_out *out, uint32_t alignment);
/* Puts a number of 8 bytes at an earlier place. */
void bench_out_patch(struct bench_out *out, uint64_t at, uint64_t value);

#endif
