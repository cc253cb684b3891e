/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * per_cpu/cpuN/stats, lines of "NAME: NUMBER" (kernel/trace/trace.c, tracing_stats_read()):
 *	entries		in the buffer
 *	overrun		overwritten before they were read
 *	commit overrun	lost because of nested writers; the event that was interrupted is written
 *	bytes		in the buffer
 *	oldest event ts, now ts		seconds
 *	dropped events	not written: overwriting is off
 *	read events
 */
#include "record/cpu_stats.h"

#include <stdlib.h>
#include <string.h>

static uint64_t number_of(const char *text, const char *name)
{
	const size_t len = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, len) == 0 && line[len] == ':')
			return strtoull(line + len + 1, NULL, 10);
	}
	return 0;
}

struct km_instance_stats km_cpu_stats_parse(const char *text)
{
	return (struct km_instance_stats){
		.entries = number_of(text, "entries"),
		.overrun = number_of(text, "overrun"),
		/* the commit overrun's events are not in the buffer, either */
		.dropped = number_of(text, "dropped events") + number_of(text, "commit overrun"),
		.read = number_of(text, "read events"),
		.bytes = number_of(text, "bytes"),
	};
}
