/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text of an event's format file (kernel/trace/trace_events.c, f_show(), v6.12):
 *
 *	name: kmalloc
 *	ID: 552
 *	format:
 *		field:unsigned short common_type;	offset:0;	size:2;	signed:0;
 *		...
 *		field:size_t bytes_req;	offset:24;	size:8;	signed:0;
 *
 *	print fmt: "call_site=%pS ...", (void *)REC->call_site, ...
 *
 * Nothing here allocates, recurses without limit, or believes that a text is whole: it may come
 *from a file of a stranger.
 */
#ifndef KMEMSTAT_DECODE_FORMAT_TEXT_H
#define KMEMSTAT_DECODE_FORMAT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct km_format_field {
	struct km_span name;
	uint32_t offset, size; /* bytes in the record; under 65536 */
	bool is_array;         /* "caller[8]" */
};

/* Cuts the first line off `text`, without its newline. False at the end. */
bool km_span_next_line(struct km_span *text, struct km_span *ret);
bool km_span_is(struct km_span span, const char *word);

/* What stands behind "key: " at the beginning of a line. False if there is no such line. */
bool km_format_line(struct km_span text, const char *key, struct km_span *ret);
/*
 * Whether `line` is that of a field ("\tfield:..."); then *ret_is_good tells whether it can be
 * read, and *ret what it says.
 */
bool km_format_field_line(struct km_span line, struct km_format_field *ret, bool *ret_is_good);

/*
 * The flags that a print format names, one after another: the elements of its first
 * __print_flags(), {MASK, "NAME"}. MASK is an expression of C: numbers, casts, and the operators of
 * arithmetic and bits.
 */
struct km_flag_scan {
	struct km_span rest;
	size_t depth; /* of brackets, within the call */
};

struct km_flag_text {
	struct km_span name;
	uint64_t mask;
};

/* Begins with the text behind "print fmt: ". False if it names no flags. */
bool km_flag_scan_start(struct km_flag_scan *scan, struct km_span print_fmt);
/* The next flag; those whose mask cannot be told are left out. False at the end. */
bool km_flag_scan_next(struct km_flag_scan *scan, struct km_flag_text *ret);

#endif
