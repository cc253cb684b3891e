/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The models of allocators that --model and --model-file ask for. */
#ifndef KMEMSTAT_CLI_MODELLING_H
#define KMEMSTAT_CLI_MODELLING_H

#include "cli/options.h"
#include "kmemstat/model.h"
#include "kmemstat/out.h"
#include "kmemstat/source.h"

/*
 * Makes those that the options ask for, for the traced machine: all, if only their tables are
 * asked for. km_models_deinit() is to be called after an error, too.
 */
KM_MUST_CHECK struct km_error *km_modelling_make(const struct km_options *options,
						 const struct km_input_info *info,
						 struct km_models *ret);
/* --model help */
void km_modelling_list(struct km_out *out);

#endif
