/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The models that the options ask for. */
#include "cli/modelling.h"

#include <string.h>

/* Whether a table of models is asked for. */
static bool has_model_view(const struct km_options *options)
{
	return km_options_has_view(options, "models") ||
	       km_options_has_view(options, "model-class") ||
	       km_options_has_view(options, "model-caller");
}

struct km_error *km_modelling_make(const struct km_options *options,
				   const struct km_input_info *info, struct km_modelling *ret)
{
	struct km_models *models = &ret->models;
	const struct km_model_machine machine = {
		.page_size = info->page_size,
		.nr_cpus = info->nr_cpus,
	};
	struct km_error *error = NULL;

	ret->nr_cpus = info->nr_cpus;
	for (size_t i = 0; i < options->nr_models && !error; i++) {
		const struct km_model_option *model = &options->models[i];

		error = model->is_file ? km_models_add_file(models, model->text, &machine)
				       : km_models_add(models, model->text, &machine);
	}
	if (!error && !options->nr_models && (options->replay || has_model_view(options)))
		error = km_models_add(models, "all", &machine);
	return error;
}

static struct km_error *take_rows(void *arg, const struct km_rows *rows)
{
	return km_replay_add(arg, rows);
}

static struct km_error *take_percpu(void *arg, const struct km_rows *rows)
{
	return km_percpu_replay_add(arg, rows);
}

static uint64_t bytes_of_rows(const void *arg)
{
	return km_replay_bytes(arg);
}

static uint64_t bytes_of_percpu(const void *arg)
{
	return km_percpu_replay_bytes(arg);
}

static struct km_error *start_percpu(const struct km_options *options,
				     struct km_modelling *modelling, struct km_taker *ret)
{
	const struct km_percpu_shape *asked = &options->percpu_shape;
	const struct km_percpu_replay_options replay_options = {
		.shape = { .unit = asked->unit ? asked->unit
					       : km_percpu_default_unit(modelling->nr_cpus),
			   .first = options->has_percpu_first ? asked->first
							      : KM_PERCPU_FIRST_BYTES },
		.changes = options->percpu_changes,
		.nr_changes = options->nr_percpu_changes,
	};
	struct km_error *error = km_percpu_replay_create(&replay_options, &modelling->percpu);

	*ret = (struct km_taker){ .add = take_percpu,
				  .arg = modelling->percpu,
				  .bytes = bytes_of_percpu };
	return error;
}

struct km_error *km_modelling_start(const struct km_options *options,
				    struct km_modelling *modelling, struct km_taker *ret,
				    size_t *ret_nr)
{
	struct km_error *error = NULL;

	if (km_options_has_view(options, "percpu-replay"))
		error = start_percpu(options, modelling, &ret[(*ret_nr)++]);
	if (error || !options->replay)
		return error;
	error = km_replay_create(&modelling->models, &modelling->replay);
	if (!error)
		ret[(*ret_nr)++] = (struct km_taker){
			.add = take_rows,
			.bytes = bytes_of_rows,
			.arg = modelling->replay,
			.wants_all = true, /* sizes of all rows, names of caches */
		};
	return error;
}

struct km_error *km_modelling_finish(struct km_modelling *modelling, struct km_report_parts *parts)
{
	struct km_error *error;

	parts->models = &modelling->models;
	if (modelling->percpu) {
		km_percpu_replay_finish(modelling->percpu, &modelling->percpu_results);
		parts->percpu_replay = &modelling->percpu_results;
	}
	if (!modelling->replay)
		return NULL;
	error = km_replay_finish(modelling->replay, &modelling->results);
	if (!error)
		parts->replay = &modelling->results;
	return error;
}

struct km_modelling km_modelling_borrow(const struct km_modelling *modelling)
{
	struct km_modelling borrowed = *modelling;

	borrowed.is_borrowed = true;
	borrowed.results = (struct km_replay_results){ 0 };
	return borrowed;
}

void km_modelling_deinit(struct km_modelling *modelling)
{
	km_replay_results_deinit(&modelling->results);
	if (modelling->is_borrowed)
		return;
	km_replay_destroy(modelling->replay);
	km_percpu_replay_destroy(modelling->percpu);
	km_models_deinit(&modelling->models);
}

void km_modelling_list(struct km_out *out)
{
	size_t nr;
	size_t widest = strlen("all");

	for (size_t i = 0; km_model_infos(&nr, i); i++)
		if (strlen(km_model_infos(&nr, i)->name) > widest)
			widest = strlen(km_model_infos(&nr, i)->name);
	for (size_t i = 0; km_model_infos(&nr, i); i++) {
		const struct km_model_info *info = km_model_infos(&nr, i);

		km_out_printf(out, "%-*s  %s\n%*s  parameters: %s\n", (int)widest, info->name,
			      info->summary, (int)widest, "", info->parameters);
	}
	km_out_printf(
		out,
		"%-*s  all of them, without parameters\n\n"
		"NAME:PARAMETER[,PARAMETER]... as in slub:min=128,page=64k,no96; several with "
		"commas\nbetween. kmemstat-models(7) has their formulas.\n",
		(int)widest, "all");
}
