/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What per_cpu/cpuN/stats says, as losses. */
#include "record/cpu_stats.h"

#include "base/cpu_stats.h"

struct km_instance_stats km_cpu_stats_parse(const char *text)
{
	return (struct km_instance_stats){
		.entries = km_cpu_stats_number(text, "entries"),
		.overrun = km_cpu_stats_number(text, "overrun"),
		/* the commit overrun's events are not in the buffer, either */
		.dropped = km_cpu_stats_number(text, "dropped events") +
			   km_cpu_stats_number(text, "commit overrun"),
		.read = km_cpu_stats_number(text, "read events"),
		.bytes = km_cpu_stats_number(text, "bytes"),
	};
}
