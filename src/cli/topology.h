/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --topology: which NUMA node each CPU of the traced machine is on. */
#ifndef KMEMSTAT_CLI_TOPOLOGY_H
#define KMEMSTAT_CLI_TOPOLOGY_H

#include "base/cpunodes.h"

/*
 * Reads `arg`: a list, node:cpus[,cpus...][,node:cpus...] ("0:0-3,8-11,1:4-7"), or else the name of
 * a file that holds what `lscpu -p` or `lscpu -p=CPU,NODE` printed. *ret must be empty; it is to be
 * freed with km_cpunodes_deinit() after an error, too. Errors: KM_ERR_USAGE for a list,
 * KM_ERR_INPUT for a file that is none of these.
 */
KM_MUST_CHECK struct km_error *km_topology_read(const char *arg, struct km_cpunodes *ret);

#endif
