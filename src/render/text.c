/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Colours, widths, cutting and wrapping of text. */
#include "render/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memstream.h"

/* SGR sequences (ECMA-48): the basic ones, which every theme makes readable. */
static const char *const paints[] = {
	[KM_PAINT_NONE] = "",          [KM_PAINT_BOLD] = "\033[1m",    [KM_PAINT_DIM] = "\033[2m",
	[KM_PAINT_RED] = "\033[1;31m", [KM_PAINT_YELLOW] = "\033[33m", [KM_PAINT_CYAN] = "\033[36m",
};

void km_paint_begin(struct km_out *out, const struct km_render_options *options,
		    enum km_paint paint)
{
	if (options->use_color)
		km_out_puts(out, paints[paint]);
}

void km_paint_end(struct km_out *out, const struct km_render_options *options, enum km_paint paint)
{
	if (options->use_color && paint != KM_PAINT_NONE)
		km_out_puts(out, "\033[0m");
}

enum km_paint km_paint_of_severity(enum km_finding_severity severity)
{
	switch (severity) {
	case KM_FIND_HIGH:
		return KM_PAINT_RED;
	case KM_FIND_MEDIUM:
		return KM_PAINT_YELLOW;
	case KM_FIND_LOW:
		break;
	}
	return KM_PAINT_CYAN;
}

/*
 * Of call sites the offset is kept whole, and the module unless it would leave the symbol less
 * than half of the width. Returns the characters to keep at the end, and in *ret_drop those to
 * drop behind them.
 */
static size_t site_tail(const char *text, size_t width, size_t *ret_drop)
{
	const char *plus = strrchr(text, '+');
	size_t tail = plus ? km_utf8_width(plus) : 0;
	const char *module = plus ? strchr(plus, ' ') : NULL;

	*ret_drop = 0;
	if (tail > width / 2 && module) {
		*ret_drop = km_utf8_width(module);
		tail -= *ret_drop;
	}
	return tail > 2 * width / 3 ? 2 * width / 3 : tail;
}

char *km_text_cut(const char *text, size_t width, enum km_cut cut)
{
	static const char dots[] = "...";
	size_t full = km_utf8_width(text), nr_dots = sizeof(dots) - 1, tail = 0, drop = 0, head;
	const char *end;
	char *result;
	int len;

	if (full <= width || cut == KM_CUT_NEVER)
		return strdup(text);
	if (width <= nr_dots)
		return strndup(dots, width);
	if (cut == KM_CUT_HEAD)
		tail = width - nr_dots;
	else if (cut == KM_CUT_SITE)
		tail = site_tail(text, width - nr_dots, &drop);
	if (full - drop <= width)
		return strndup(text, km_utf8_prefix(text, full - drop));
	head = width - nr_dots - tail;
	end = text + km_utf8_prefix(text, full - drop - tail);
	len = asprintf(&result, "%.*s%s%.*s", (int)km_utf8_prefix(text, head), text, dots,
		       (int)km_utf8_prefix(end, tail), end);
	return len < 0 ? NULL : result;
}

void km_text_wrap(struct km_out *out, const char *text, size_t column, size_t indent, size_t width)
{
	char *safe = km_text_safe(text);
	bool is_first = true; /* on its line */

	if (!safe) {
		out->error = out->error ? out->error : ENOMEM;
		return;
	}
	for (const char *word = safe; *word;) {
		size_t len = strcspn(word, " ");
		size_t columns = 0;

		for (size_t i = 0; i < len; i++)
			columns += !km_utf8_goes_on(word[i]);
		if (!is_first && width && column + 1 + columns > width) {
			km_out_printf(out, "\n%*s", (int)indent, "");
			column = indent;
			is_first = true;
		}
		km_out_printf(out, "%s%.*s", is_first ? "" : " ", (int)len, word);
		column += columns + !is_first;
		is_first = false;
		word += len;
		word += strspn(word, " ");
	}
	km_out_puts(out, "\n");
	free(safe);
}

void km_line_write(struct km_out *out, FILE *stream, char **text, size_t column, size_t indent,
		   size_t width)
{
	if (!km_memstream_close(stream, text))
		out->error = out->error ? out->error : ENOMEM;
	else
		km_text_wrap(out, *text, column, indent, width);
	free(*text);
}

FILE *km_line_open(struct km_out *out, char **ret, size_t *ret_size)
{
	FILE *stream = open_memstream(ret, ret_size);

	if (!stream)
		out->error = out->error ? out->error : ENOMEM;
	return stream;
}

const char *km_source_text(const struct km_callsite *site, char buf[static KM_SOURCE_SIZE])
{
	const struct km_column *column =
		km_column_find(km_listing(KM_LIST_CALLSITES), "source", strlen("source"));

	return column->text(site, buf, KM_SOURCE_SIZE);
}

const char *km_callsite_text(const struct km_callsite *site,
			     const struct km_render_options *options,
			     char buf[static KM_ADDRESS_SIZE])
{
	if (!options->raw_ip)
		return site->name;
	snprintf(buf, KM_ADDRESS_SIZE, "0x%" PRIx64, site->address);
	return buf;
}
