/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report as a page for browsers: its fixed parts, and which rows it shows. */
#ifndef KMEMSTAT_RENDER_HTML_H
#define KMEMSTAT_RENDER_HTML_H

#include "render/text.h"

/* Before and behind the JSON report; scripts/html-parts.py makes them out of render/html/. */
extern const char km_html_head[], km_html_tail[];

/*
 * Chooses the call sites that matter most: those that the first findings are about, then by waste,
 * by bytes allocated and by most live bytes, in turns, until there are `most`. *ret is malloc'ed,
 * one element a call site of the report; NULL if all are chosen.
 */
KM_MUST_CHECK struct km_error *km_html_pick(const struct km_report *report, size_t nr_findings,
					    size_t most, bool **ret);
/* Writes a part of a JSON text so that no HTML parser sees the end of its script in it. */
void km_html_put_json(struct km_out *out, const char *text, size_t size);

#endif
