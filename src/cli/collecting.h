/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What record, live and top have in common: an instance as the options want it. */
#ifndef KMEMSTAT_CLI_COLLECTING_H
#define KMEMSTAT_CLI_COLLECTING_H

#include "cli/command.h"
#include "cli/options.h"
#include "kmemstat/hist.h"
#include "kmemstat/instance.h"
#include "kmemstat/source.h"

/*
 * Makes the instance that --events, --filter, --pid, --buffer-size and --stacks describe, and says
 * which events the filter leaves out. `command` may be the word of that name in --pid. Errors:
 * KM_ERR_USAGE for a list that is none, those of km_instance_create().
 */
KM_MUST_CHECK struct km_error *km_collecting_create(const struct km_options *options,
						    const struct km_command *command,
						    struct km_instance **ret);

/* What is asked for that counts cannot tell, as "--task"; NULL: they tell all. */
const char *km_collecting_needs_events(const struct km_options *options);

/* The way events come. */
struct km_collecting {
	struct km_instance *instance;
	struct km_hist *hist; /* the source's: counts by hist triggers; NULL: every event */
};

/*
 * Opens the instance as a source of counts by hist triggers, or of every event: as --hist and --raw
 * say, or else of counts if the kernel has these triggers, pairing is switched off and counts tell
 * all that is asked for. Says which way it chose. Options that pairs are needed for have been
 * refused; with counts options->no_pairing is set. `period_s` as for km_source_open_hist().
 */
KM_MUST_CHECK struct km_error *km_collecting_open(struct km_options *options,
						  struct km_instance *instance,
						  const struct km_source_options *source_options,
						  double period_s, struct km_collecting *ret,
						  struct km_source **ret_source);
/* From here on events are recorded or counted. */
KM_MUST_CHECK struct km_error *km_collecting_start(const struct km_collecting *collecting);

#endif
