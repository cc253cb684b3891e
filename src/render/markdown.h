/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GitHub Flavored Markdown with any text in it: nothing that came from a trace makes a tag, a link,
 * a mention, a code span or another cell, and no control character gets through. NULL writes
 * nothing.
 */
#ifndef KMEMSTAT_RENDER_MARKDOWN_H
#define KMEMSTAT_RENDER_MARKDOWN_H

#include "render/text.h"

/* Words, in a paragraph or in the cell of a table. */
void km_md_text(struct km_out *out, const char *text);
/* A name, as a code span if it can be one. */
void km_md_code(struct km_out *out, const char *text);

#endif
