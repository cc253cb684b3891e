/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a trace tells of the machine it was recorded on, so that nothing else is needed from there:
 * options of kmemstat's own, each a name and a text (kmemstat-trace(5)).
 */
#ifndef KMEMSTAT_RECORD_MACHINE_H
#define KMEMSTAT_RECORD_MACHINE_H

#include "record/tracedat_write.h"

/* Adds /proc/slabinfo, which is open, under that name; -1: nothing. */
void km_machine_add_slabinfo(struct km_bytes *options, const char *name, int slabinfo_fd);
/* Adds modules, build ids, CPUs and NUMA nodes. */
void km_machine_add(struct km_bytes *options);

#endif
