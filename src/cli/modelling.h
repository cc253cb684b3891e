/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The models of allocators that --model and --model-file ask for, their replay, and that of percpu.
 */
#ifndef KMEMSTAT_CLI_MODELLING_H
#define KMEMSTAT_CLI_MODELLING_H

#include "cli/options.h"
#include "cli/scan.h"
#include "kmemstat/out.h"
#include "kmemstat/replay.h"
#include "kmemstat/source.h"

/* Zero-initialised is empty. */
struct km_modelling {
	struct km_models models;
	struct km_replay *replay; /* or NULL */
	bool is_borrowed;         /* these are another's */
	struct km_replay_results results;
	uint32_t nr_cpus;
	struct km_percpu_replay *percpu; /* or NULL */
	struct km_percpu_replay_results percpu_results;
};

/*
 * Makes the models that the options ask for, for the traced machine: all, if only their tables or
 * a replay are asked for. km_modelling_deinit() is to be called after an error, too.
 */
KM_MUST_CHECK struct km_error *km_modelling_make(const struct km_options *options,
						 const struct km_input_info *info,
						 struct km_modelling *ret);
/* With --replay, --percpu-replay: puts takers into ret[*ret_nr] and on. */
KM_MUST_CHECK struct km_error *km_modelling_start(const struct km_options *options,
						  struct km_modelling *modelling,
						  struct km_taker *ret, size_t *ret_nr);
/* What there is so far, into the parts of a report. */
KM_MUST_CHECK struct km_error *km_modelling_finish(struct km_modelling *modelling,
						   struct km_report_parts *parts);
/* The same for a report on the way; what km_modelling_finish() makes of it is its own. */
struct km_modelling km_modelling_borrow(const struct km_modelling *modelling);
void km_modelling_deinit(struct km_modelling *modelling);
/* --model help */
void km_modelling_list(struct km_out *out);

#endif
