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
				   const struct km_input_info *info, struct km_models *ret)
{
	const struct km_model_machine machine = {
		.page_size = info->page_size,
		.nr_cpus = info->nr_cpus,
	};
	struct km_error *error = NULL;

	for (size_t i = 0; i < options->nr_models && !error; i++) {
		const struct km_model_option *model = &options->models[i];

		error = model->is_file ? km_models_add_file(ret, model->text, &machine)
				       : km_models_add(ret, model->text, &machine);
	}
	if (!error && !options->nr_models && has_model_view(options))
		error = km_models_add(ret, "all", &machine);
	return error;
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
