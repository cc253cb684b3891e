/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of per_cpu/cpuN/stats. */
#ifndef KMEMSTAT_RECORD_CPU_STATS_H
#define KMEMSTAT_RECORD_CPU_STATS_H

#include "kmemstat/instance.h"

/* What it does not have is zero. */
struct km_instance_stats km_cpu_stats_parse(const char *text);

#endif
