/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Characters of UTF-8 text, each of which takes one column. */
#ifndef KMEMSTAT_BASE_UTF8_H
#define KMEMSTAT_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Whether a byte continues a character. */
static inline bool km_utf8_goes_on(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* Characters of a text. */
size_t km_utf8_width(const char *text);
/* Bytes of its first `nr` characters, or of all if it has fewer. */
size_t km_utf8_prefix(const char *text, size_t nr);

#endif
