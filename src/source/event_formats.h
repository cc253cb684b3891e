/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The event formats as trace-cmd and perf put them into their files, read alike for both. */
#ifndef KMEMSTAT_SOURCE_EVENT_FORMATS_H
#define KMEMSTAT_SOURCE_EVENT_FORMATS_H

#include "base/cursor.h"
#include "source/source.h"

/*
 * Cursors stand after what was read. A format that does not parse is counted in source->quality.
 * Errors: KM_ERR_INPUT without path, KM_ERR_MEMORY.
 */

/* "header_page\0", its text, "header_event\0", its text. */
KM_MUST_CHECK struct km_error *km_parse_header_info(struct km_source *source,
						    struct km_cursor *cur);
/* u32 number, and the formats of system "ftrace". */
KM_MUST_CHECK struct km_error *km_parse_ftrace_events(struct km_source *source,
						      struct km_cursor *cur);
/* u32 number of systems; each its name, u32 number, and the formats. */
KM_MUST_CHECK struct km_error *km_parse_event_formats(struct km_source *source,
						      struct km_cursor *cur);

/* The error of a section that ends before `what` (plural) does. */
struct km_error *km_section_short(const char *what);

#endif
