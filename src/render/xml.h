/* SPDX-License-Identifier: GPL-2.0-or-later */
/* XML 1.0 as the reports in it are written. */
#ifndef KMEMSTAT_RENDER_XML_H
#define KMEMSTAT_RENDER_XML_H

#include "kmemstat/out.h"

/* The declaration, of UTF-8. */
void km_xml_begin(struct km_out *out);
/* Text, made safe and escaped: what XML does not allow becomes "?" (section 2.2, Char). */
void km_xml_puts(struct km_out *out, const char *text);
/* ' name="value"', made safe and escaped. */
void km_xml_attribute(struct km_out *out, const char *name, const char *value);
void km_xml_attribute_number(struct km_out *out, const char *name, uint64_t value);

#endif
