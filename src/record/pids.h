/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tasks, as the kernel wants them in the lists of an instance. */
#ifndef KMEMSTAT_RECORD_PIDS_H
#define KMEMSTAT_RECORD_PIDS_H

#include <stddef.h>
#include <stdint.h>

#include "kmemstat/error.h"

struct km_pids {
	int32_t *ids;
	size_t nr;
};

void km_pids_deinit(struct km_pids *tasks);
/* Adds one. Errors: KM_ERR_MEMORY. */
KM_MUST_CHECK struct km_error *km_pids_add(struct km_pids *tasks, int32_t id);
/*
 * Adds all threads of a process, or the thread alone if it is none; `root` stands before /proc:
 * "", but for tests. Errors: KM_ERR_INPUT if there is no such task, KM_ERR_MEMORY.
 */
KM_MUST_CHECK struct km_error *km_pids_add_process(struct km_pids *tasks, const char *root,
						   int32_t pid);
/* "1 2 3", malloc'ed, or NULL without memory. */
char *km_pids_list(const struct km_pids *tasks);
/*
 * A filter that takes what none of the tasks does, and what `filter` (or NULL) takes: malloc'ed,
 * or NULL without memory.
 */
char *km_pids_filter_out(const struct km_pids *tasks, const char *filter);
/* Whether our PIDs are those that the kernel has: not so in most containers. */
bool km_pids_are_of_kernel(void);

#endif
