/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of percpu allocators through which the recorded objects were played. */
#include <inttypes.h>

#include "render/text.h"

/* What the table is about. */
static void write_shape(const struct km_percpu_replay_results *replay,
			const struct km_render_options *options, struct km_out *out)
{
	char unit[KM_HUMAN_SIZE], first[KM_HUMAN_SIZE], number[KM_GROUPED_SIZE];
	char *text = NULL;
	size_t size = 0;
	FILE *stream = km_line_open(out, &text, &size);

	if (!stream)
		return;
	fprintf(stream, "%s %s replayed, on one CPU: %s of each chunk, %s of the first",
		km_grouped(replay->allocs, number),
		replay->allocs == 1 ? "allocation" : "allocations",
		km_human_bytes(replay->shape.unit, unit),
		km_human_bytes(replay->shape.first, first));
	if (replay->reserved)
		fprintf(stream, "; %s in the part reserved for modules left out",
			km_grouped(replay->reserved, number));
	fprintf(stream, "; what was allocated before the trace is not in it");
	if (replay->unknown_frees)
		fprintf(stream, " (%s %s)", km_grouped(replay->unknown_frees, number),
			replay->unknown_frees == 1 ? "free" : "frees");
	if (replay->items[0].stats.unfit)
		fprintf(stream, "; %s cannot be: too large, or oddly aligned",
			km_grouped(replay->items[0].stats.unfit, number));
	km_line_write(out, stream, &text, 0, 2, options->width);
}

static void print_kind(FILE *stream, uint32_t size, uint32_t align)
{
	fprintf(stream, "%" PRIu32 " bytes", size);
	if (align)
		fprintf(stream, " aligned to %" PRIu32, align);
}

static void write_changes(const struct km_percpu_replay_results *replay,
			  const struct km_render_options *options, struct km_out *out)
{
	for (size_t i = 0; i < replay->nr_changes; i++) {
		const struct km_percpu_change *change = &replay->changes[i];
		char number[KM_GROUPED_SIZE];
		char *text = NULL;
		size_t size = 0;
		FILE *stream = km_line_open(out, &text, &size);

		if (!stream)
			return;
		fprintf(stream, "what if: %s %s of ", km_grouped(replay->changed[i], number),
			replay->changed[i] == 1 ? "allocation" : "allocations");
		print_kind(stream, change->size, change->align);
		fprintf(stream, " asked for ");
		print_kind(stream, change->new_size, change->new_align);
		km_line_write(out, stream, &text, 0, 2, options->width);
	}
}

struct km_error *km_render_percpu_replay(const struct km_report *report,
					 const struct km_render_options *options,
					 struct km_out *out)
{
	const struct km_percpu_replay_results *replay = report->percpu_replay;
	struct km_error *error;

	if (!replay || (!replay->allocs && !replay->reserved && !replay->unknown_frees)) {
		km_text_wrap(out,
			     "no percpu events: record percpu:percpu_alloc_percpu and "
			     "percpu:percpu_free_percpu",
			     0, 2, options->width);
		km_render_totals(report, options, out);
		return NULL;
	}
	error = km_list_write(report, &options->view->lists[options->list], options, out);
	if (error)
		return error;
	write_shape(replay, options, out);
	write_changes(replay, options, out);
	km_out_puts(out, "\n");
	km_render_totals(report, options, out);
	return NULL;
}
