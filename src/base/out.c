/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The output writer. */
#include "kmemstat/out.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void km_out_init(struct km_out *out, FILE *file, const char *name)
{
	*out = (struct km_out){ .file = file, .name = name };
}

static void note_error(struct km_out *out)
{
	if (!out->error)
		out->error = errno ? errno : EIO;
}

void km_out_puts(struct km_out *out, const char *text)
{
	errno = 0;
	if (!out->error && fputs(text, out->file) == EOF)
		note_error(out);
}

void km_out_write(struct km_out *out, const void *bytes, size_t size)
{
	errno = 0;
	if (!out->error && fwrite(bytes, 1, size, out->file) != size)
		note_error(out);
}

void km_out_printf(struct km_out *out, const char *format, ...)
{
	va_list args;

	if (out->error)
		return;
	errno = 0;
	va_start(args, format);
	if (vfprintf(out->file, format, args) < 0)
		note_error(out);
	va_end(args);
}

/* Decodes one UTF-8 character; returns its length, or 0 if it is not valid. */
static size_t utf8_decode(const unsigned char *s, uint32_t *ret)
{
	size_t len = s[0] < 0x80       ? 1
		     : s[0] >> 5 == 6  ? 2
		     : s[0] >> 4 == 14 ? 3
		     : s[0] >> 3 == 30 ? 4
				       : 0;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t c;

	if (len == 0)
		return 0;
	c = len == 1 ? s[0] : s[0] & (0x7fU >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return len;
}

/*
 * What a name must not have: control characters, what changes the direction of text, what is not
 * shown at all (two names would look the same), and what is no character, which XML 1.0 does not
 * allow. These are the properties Cc, Bidi_Control, Default_Ignorable_Code_Point and
 * Noncharacter_Code_Point of Unicode 15.0 (PropList.txt, DerivedCoreProperties.txt), the line and
 * paragraph separators, and the marks of interlinear annotation.
 */
static bool is_unsafe(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0, 0x1f },          { 0x7f, 0x9f },       { 0xad, 0xad },
		{ 0x34f, 0x34f },     { 0x61c, 0x61c },     { 0x115f, 0x1160 },
		{ 0x17b4, 0x17b5 },   { 0x180b, 0x180f },   { 0x200b, 0x200f },
		{ 0x2028, 0x202e },   { 0x2060, 0x206f },   { 0x3164, 0x3164 },
		{ 0xfdd0, 0xfdef },   { 0xfe00, 0xfe0f },   { 0xfeff, 0xfeff },
		{ 0xffa0, 0xffa0 },   { 0xfff0, 0xfffb },   { 0x1bca0, 0x1bca3 },
		{ 0x1d173, 0x1d17a }, { 0xe0000, 0xe0fff },
	};

	if (c >= 0x20 && c < 0x7f)
		return false;
	if ((c & 0xfffe) == 0xfffe)
		return true;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

char *km_text_safe(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	char *safe = malloc(strlen(text) + 1);
	size_t n = 0;

	if (!safe)
		return NULL;
	while (*s) {
		uint32_t c = 0;
		size_t len = utf8_decode(s, &c);

		if (len == 0 || is_unsafe(c)) {
			safe[n++] = '?';
			s += len ? len : 1;
		} else {
			memcpy(safe + n, s, len);
			n += len;
			s += len;
		}
	}
	safe[n] = '\0';
	return safe;
}

void km_out_puts_safe(struct km_out *out, const char *text)
{
	char *safe;

	if (!text)
		return;
	safe = km_text_safe(text);
	if (!safe && !out->error)
		out->error = ENOMEM;
	if (safe)
		km_out_puts(out, safe);
	free(safe);
}

struct km_error *km_out_finish(struct km_out *out)
{
	errno = 0;
	if (!out->error && (fflush(out->file) == EOF || ferror(out->file)))
		note_error(out);
	if (!out->error)
		return NULL;
	return km_error_os(KM_ERR_OUTPUT, out->name, out->error, "cannot write");
}

const char *km_human_bytes(uint64_t bytes, char buf[static KM_HUMAN_SIZE])
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = (double)bytes;
	int unit = -1;

	if (bytes < 1024) {
		snprintf(buf, KM_HUMAN_SIZE, "%" PRIu64 " B", bytes);
		return buf;
	}
	/* 1023.95 would be printed as 1024.0 of the smaller unit */
	while ((value >= 1023.95 || unit < 0) && unit < 5) {
		value /= 1024;
		unit++;
	}
	snprintf(buf, KM_HUMAN_SIZE, "%.1f %s", value, units[unit]);
	return buf;
}

const char *km_human_ns(uint64_t ns, char buf[static KM_HUMAN_SIZE])
{
	static const struct {
		const char *unit;
		double ns;
		double most; /* from here on the next unit: what would be printed as 1000 is of it
			      */
	} units[] = {
		{ "us", 1e3, 999.5e3 },        { "ms", 1e6, 999.5e6 }, { "s", 1e9, 999.5e9 },
		{ "min", 60e9, 599.5 * 60e9 }, { "h", 3600e9, 1e30 },
	};
	double value = (double)ns;
	size_t i = 0;

	if (ns < 1000) {
		snprintf(buf, KM_HUMAN_SIZE, "%" PRIu64 " ns", ns);
		return buf;
	}
	while (value >= units[i].most)
		i++;
	value /= units[i].ns;
	snprintf(buf, KM_HUMAN_SIZE, "%.*f %s",
		 value < 9.995   ? 2
		 : value < 99.95 ? 1
				 : 0,
		 value, units[i].unit);
	return buf;
}

const char *km_grouped(uint64_t number, char buf[static KM_GROUPED_SIZE])
{
	char digits[24];
	int nr = snprintf(digits, sizeof(digits), "%" PRIu64, number), n = 0;

	for (int i = 0; i < nr; i++) {
		if (i && (nr - i) % 3 == 0)
			buf[n++] = ',';
		buf[n++] = digits[i];
	}
	buf[n] = '\0';
	return buf;
}
