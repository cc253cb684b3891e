/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables of what requests would take in other allocators. */
#include <inttypes.h>

#include "render/text.h"

/* What the tables are about: kmalloc's share of all slab allocations. */
static void write_cover(const struct km_report *report, const struct km_render_options *options,
			struct km_out *out)
{
	const struct km_model_sum *sum = &report->models[0].sum;
	char hits[KM_GROUPED_SIZE], all[KM_GROUPED_SIZE];
	char bytes[KM_HUMAN_SIZE], all_bytes[KM_HUMAN_SIZE];
	char *text = NULL;
	size_t size = 0;
	FILE *stream = km_line_open(out, &text, &size);

	if (!stream)
		return;
	fprintf(stream,
		"kmalloc alone: %s of %s slab allocations, %s of %s; objects of other caches "
		"stay as they are; sizes are rounded, slabs and their tails are not in %s",
		km_grouped(sum->hits, hits), km_grouped(report->slab.allocs, all),
		km_human_bytes(sum->bytes_alloc, bytes),
		km_human_bytes(report->slab.bytes_alloc, all_bytes),
		report->has_replay ? "these sums" : "it");
	km_line_write(out, stream, &text, 0, 2, options->width);
}

/* What the columns of the replay are about. */
static void write_replay(const struct km_report *report, const struct km_render_options *options,
			 struct km_out *out)
{
	char *text = NULL;
	size_t size = 0;
	FILE *stream;

	if (!report->has_replay)
		return;
	stream = km_line_open(out, &text, &size);
	if (!stream)
		return;
	fprintf(stream, "pages: of all slab allocations in the trace, named caches too, replayed "
			"through the models' slabs; what was allocated before is not in them");
	if (report->is_live_unsure)
		fprintf(stream, "; frees are missing: it is %s",
			km_quality_is_incomplete(&report->quality) ? "about as many"
								   : "at most as many");
	km_line_write(out, stream, &text, 0, 2, options->width);
}

struct km_error *km_render_models(const struct km_report *report,
				  const struct km_render_options *options, struct km_out *out)
{
	const struct km_list *list = &options->view->lists[options->list];
	struct km_error *error;

	if (!report->nr_models) {
		km_out_puts(out, "no model was asked for: give --model NAME\n");
	} else {
		error = km_list_write(report, list, options, out);
		if (error)
			return error;
		write_cover(report, options, out);
		if (options->list == KM_LIST_MODELS)
			write_replay(report, options, out);
	}
	km_out_puts(out, "\n");
	km_render_totals(report, options, out);
	return NULL;
}
