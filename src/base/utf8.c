/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Characters of UTF-8 text. */
#include "base/utf8.h"

size_t km_utf8_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += !km_utf8_goes_on(*text);
	return width;
}

size_t km_utf8_prefix(const char *text, size_t nr)
{
	const char *end = text;

	for (; *end && nr; nr--)
		for (end++; km_utf8_goes_on(*end);)
			end++;
	return (size_t)(end - text);
}
