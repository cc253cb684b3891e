/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads all queues of a source side by side and gives their rows to takers in time order. */
#ifndef KMEMSTAT_CLI_ORDERED_H
#define KMEMSTAT_CLI_ORDERED_H

#include "cli/scan.h"

/* As km_scan(), with at least one taker. */
KM_MUST_CHECK struct km_error *km_scan_ordered(struct km_source *source,
					       const struct km_scan_options *options,
					       struct km_report_parts *ret,
					       struct km_groups *groups);

/* For both ways to scan: the threads to use, at least 1. */
unsigned int km_scan_nr_threads(const struct km_scan_options *options);

#endif
