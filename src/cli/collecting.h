/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What record, live and top have in common: an instance as the options want it. */
#ifndef KMEMSTAT_CLI_COLLECTING_H
#define KMEMSTAT_CLI_COLLECTING_H

#include "cli/command.h"
#include "cli/options.h"
#include "kmemstat/instance.h"

/*
 * Makes the instance that --events, --filter, --pid, --buffer-size and --stacks describe, and says
 * which events the filter leaves out. `command` may be the word of that name in --pid. Errors:
 * KM_ERR_USAGE for a list that is none, those of km_instance_create().
 */
KM_MUST_CHECK struct km_error *km_collecting_create(const struct km_options *options,
						    const struct km_command *command,
						    struct km_instance **ret);

#endif
