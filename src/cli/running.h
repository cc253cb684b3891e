/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The symbols of the kernel that kmemstat runs on, for traces of just that kernel. */
#ifndef KMEMSTAT_CLI_RUNNING_H
#define KMEMSTAT_CLI_RUNNING_H

#include "kmemstat/source.h"

/*
 * The kallsyms text of the running kernel, if the input was recorded on it: its build id is the
 * same or, if the input tells none, its release. Addresses are those in the traced boot: moved, if
 * that kernel lay elsewhere, which is known from info->kernel_text. Modules are left out: nothing
 * tells where they lay then. *ret is malloc'ed, and NULL if it is another kernel, if that is not
 * known, or if its symbols cannot be read. `root` stands before /proc and /sys: "", but for tests.
 * Errors: KM_ERR_MEMORY.
 */
KM_MUST_CHECK struct km_error *km_running_kallsyms(const char *root,
						   const struct km_input_info *info, char **ret,
						   size_t *ret_size);

#endif
