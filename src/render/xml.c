/* SPDX-License-Identifier: GPL-2.0-or-later */
/* XML 1.0 as the reports in it are written. */
#include "render/xml.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void km_xml_begin(struct km_out *out)
{
	km_out_puts(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
}

static const char *escape(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;"; /* for "]]>", which text must not have */
	case '"':
		return "&quot;";
	}
	return "";
}

void km_xml_puts(struct km_out *out, const char *text)
{
	char *safe = km_text_safe(text);

	if (!safe) {
		out->error = out->error ? out->error : ENOMEM;
		return;
	}
	for (const char *c = safe; *c;) {
		size_t plain = strcspn(c, "&<>\"");

		km_out_printf(out, "%.*s", (int)plain, c);
		c += plain;
		if (*c)
			km_out_puts(out, escape(*c++));
	}
	free(safe);
}

void km_xml_attribute(struct km_out *out, const char *name, const char *value)
{
	km_out_printf(out, " %s=\"", name);
	km_xml_puts(out, value);
	km_out_puts(out, "\"");
}

void km_xml_attribute_number(struct km_out *out, const char *name, uint64_t value)
{
	km_out_printf(out, " %s=\"%" PRIu64 "\"", name, value);
}
