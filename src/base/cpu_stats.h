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
#ifndef KMEMSTAT_BASE_CPU_STATS_H
#define KMEMSTAT_BASE_CPU_STATS_H

#include <stdint.h>

/* The number of that name ("overrun"); 0 if the text does not have it. */
uint64_t km_cpu_stats_number(const char *text, const char *name);

#endif
