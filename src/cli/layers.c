/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pairing of page and percpu events. */
#include "cli/layers.h"

/* Most batches are of slab events alone: those cost a look a run. */
static struct km_error *take(void *arg, const struct km_rows *rows)
{
	struct km_layers *layers = arg;
	struct km_error *error;

	if (!rows->batch->has_others)
		return NULL;
	error = km_page_life_add(layers->page, rows);
	return error ? error : km_percpu_life_add(layers->percpu, rows);
}

static uint64_t bytes_of(const void *arg)
{
	const struct km_layers *layers = arg;

	return km_page_life_bytes(layers->page) + km_percpu_life_bytes(layers->percpu);
}

struct km_error *km_layers_init(struct km_layers *layers, const struct km_input_info *input,
				bool by_frame, bool by_stack, struct km_taker *ret_taker)
{
	const struct km_page_life_options options = {
		.is_32bit = input->long_bytes == 4,
		.by_frame = by_frame,
		.by_stack = by_stack,
	};
	struct km_error *error = km_page_life_create(&options, &layers->page);

	if (!error)
		error = km_percpu_life_create(by_stack, &layers->percpu);
	if (!error)
		*ret_taker = (struct km_taker){ .add = take, .arg = layers, .bytes = bytes_of };
	return error;
}

void km_layers_deinit(struct km_layers *layers)
{
	km_page_life_destroy(layers->page);
	km_percpu_life_destroy(layers->percpu);
	*layers = (struct km_layers){ 0 };
}

void km_layers_finish(const struct km_layers *layers, const struct km_source *source,
		      struct km_report_parts *parts)
{
	if (!layers->page)
		return;
	parts->page_lives = km_page_life_finish(layers->page);
	parts->percpu_lives = km_percpu_life_finish(layers->percpu);
	parts->gfp_names = km_source_gfp_names(source, &parts->nr_gfp_names);
}
