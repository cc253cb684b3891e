/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The output writer: remembers its first error, keeps control characters of traces out. */
#ifndef KMEMSTAT_OUT_H
#define KMEMSTAT_OUT_H

#include <stdarg.h>
#include <stdio.h>

#include "kmemstat/error.h"

struct km_out {
	FILE *file;
	const char *name; /* "standard output" or a path; borrowed */
	int error;        /* errno of the first failed write, 0: none */
};

/* Wraps an open stream, which stays the caller's. */
void km_out_init(struct km_out *out, FILE *file, const char *name);
/* Writes a string as it is. */
void km_out_puts(struct km_out *out, const char *text);
void km_out_write(struct km_out *out, const void *bytes, size_t size);
void km_out_printf(struct km_out *out, const char *format, ...) KM_PRINTF(2, 3);
/*
 * Writes text that came out of a trace: control characters (C0, C1, DEL), invalid UTF-8, what turns
 * text around or is not shown (zero width), and noncharacters become "?". NULL writes nothing.
 */
void km_out_puts_safe(struct km_out *out, const char *text);
/* The same into a malloc'ed string; NULL without memory. */
char *km_text_safe(const char *text);
/* Flushes; the first error of any write is returned (KM_ERR_OUTPUT). EPIPE is such an error too. */
KM_MUST_CHECK struct km_error *km_out_finish(struct km_out *out);

/* Bytes for people: "512 B", "12.3 KiB", "1.9 MiB". */
#define KM_HUMAN_SIZE 24
const char *km_human_bytes(uint64_t bytes, char buf[static KM_HUMAN_SIZE]);
/* Nanoseconds for people, three digits: "123 ns", "12.3 us", "1.23 ms", "45.6 s", "3.2 h". */
const char *km_human_ns(uint64_t ns, char buf[static KM_HUMAN_SIZE]);
/* A number with thousands separators: "1,234,567" (max 26 characters and NUL). */
#define KM_GROUPED_SIZE 28
const char *km_grouped(uint64_t number, char buf[static KM_GROUPED_SIZE]);

#endif
