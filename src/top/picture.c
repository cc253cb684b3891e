/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pictures: lines of text that fit the screen. */
#include "top/board.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* What is not ASCII becomes one "?" a character. */
static void make_ascii(char *text)
{
	char *to = text;

	for (; *text; text++)
		if (!km_utf8_goes_on(*text))
			*to++ = (unsigned char)*text < 0x80 ? *text : '?';
	*to = '\0';
}

bool km_top_canvas_is_full(const struct km_top_canvas *canvas)
{
	return canvas->height && canvas->picture.nr_lines >= canvas->height;
}

/* Takes the text over. */
static struct km_top_line *add_line(struct km_top_canvas *canvas, enum km_top_style style,
				    char *text)
{
	struct km_top_picture *picture = &canvas->picture;
	struct km_top_line *lines;

	lines = reallocarray(picture->lines, picture->nr_lines + 1, sizeof(*lines));
	if (!lines) {
		free(text);
		canvas->is_short = true;
		return NULL;
	}
	if (canvas->is_ascii)
		make_ascii(text);
	if (canvas->width)
		text[km_utf8_prefix(text, canvas->width)] = '\0';
	picture->lines = lines;
	lines[picture->nr_lines] = (struct km_top_line){ .text = text, .style = style };
	return &lines[picture->nr_lines++];
}

struct km_top_line *km_top_canvas_add(struct km_top_canvas *canvas, enum km_top_style style,
				      const char *format, ...)
{
	va_list args;
	char *text;
	int len;

	if (km_top_canvas_is_full(canvas))
		return NULL;
	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0) {
		canvas->is_short = true;
		return NULL;
	}
	return add_line(canvas, style, text);
}

/* The bytes of `text` that go on a line of `width` columns, at least one word. */
static size_t line_bytes(const char *text, size_t width)
{
	size_t end = 0, columns = 0;

	while (text[end]) {
		const size_t blanks = strspn(text + end, " ");
		const size_t word = strcspn(text + end + blanks, " ");
		size_t wide = blanks;

		for (size_t i = 0; i < word; i++)
			wide += !km_utf8_goes_on(text[end + blanks + i]);
		if (end && width && columns + wide > width)
			break;
		columns += wide;
		end += blanks + word;
	}
	return end;
}

void km_top_canvas_wrap(struct km_top_canvas *canvas, enum km_top_style style, size_t indent,
			const char *text)
{
	const size_t room = canvas->width > indent + 8 ? canvas->width - indent : canvas->width;
	size_t blanks = 0;

	if (canvas->width && room == canvas->width)
		indent = 0;
	while (*text) {
		const size_t nr = line_bytes(text, room);

		km_top_canvas_add(canvas, style, "%*s%.*s", (int)(blanks ? indent : 0), "", (int)nr,
				  text);
		text += nr;
		text += strspn(text, " ");
		blanks = indent;
	}
}

char *km_top_fit(const char *text, size_t width, bool is_site)
{
	const size_t full = km_utf8_width(text);
	const char *tail = is_site ? strrchr(text, '+') : NULL;
	size_t tail_chars, head;
	char *result;
	int len;

	if (full <= width) {
		len = asprintf(&result, "%s%*s", text, (int)(width - full), "");
		return len < 0 ? NULL : result;
	}
	/* "+0x4a", without the module behind it */
	tail_chars = tail ? strcspn(tail, " ") : 0;
	if (tail_chars + 4 > width || (tail && tail == text))
		tail_chars = 0;
	if (tail_chars && (size_t)(tail - text) + tail_chars <= width) {
		len = asprintf(&result, "%-*.*s", (int)width,
			       (int)((size_t)(tail - text) + tail_chars), text);
		return len < 0 ? NULL : result;
	}
	if (width < 4) {
		len = asprintf(&result, "%.*s", (int)km_utf8_prefix(text, width), text);
		return len < 0 ? NULL : result;
	}
	head = width - tail_chars - 2;
	len = asprintf(&result, "%.*s..%.*s", (int)km_utf8_prefix(text, head), text,
		       (int)tail_chars, tail ? tail : "");
	return len < 0 ? NULL : result;
}

void km_top_picture_deinit(struct km_top_picture *picture)
{
	for (size_t i = 0; i < picture->nr_lines; i++)
		free(picture->lines[i].text);
	free(picture->lines);
	*picture = (struct km_top_picture){ 0 };
}

void km_top_picture_write(const struct km_top_picture *picture, struct km_out *out)
{
	for (size_t i = 0; i < picture->nr_lines; i++) {
		const char *text = picture->lines[i].text;
		size_t len = strlen(text);

		while (len && text[len - 1] == ' ')
			len--;
		km_out_printf(out, "%.*s\n", (int)len, text);
	}
}
