/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the totals say of pages and percpu objects. */
#include "render/text.h"

#include <inttypes.h>
#include <stdio.h>

void km_print_page_life(FILE *stream, const struct km_page_report *pages)
{
	const struct km_page_stats *total = &pages->total;
	char grouped[KM_GROUPED_SIZE], human[KM_HUMAN_SIZE];

	fprintf(stream, ", live %s", km_human_bytes(total->pages_live * pages->page_size, human));
	fprintf(stream, ", at most %s", km_human_bytes(pages->bytes_peak, human));
	if (total->failed)
		fprintf(stream, "; %s failed", km_grouped(total->failed, grouped));
	if (pages->unknown_frees)
		fprintf(stream, "; %s %s of pages not seen allocated",
			km_grouped(pages->unknown_frees, grouped),
			pages->unknown_frees == 1 ? "free" : "frees");
}

void km_print_percpu_life(FILE *stream, const struct km_percpu_report *percpu)
{
	char grouped[KM_GROUPED_SIZE], human[KM_HUMAN_SIZE];

	if (percpu->nr_cpus)
		fprintf(stream, " (of it %s not size x %" PRIu32 " CPUs)",
			km_human_bytes(percpu->bytes_extra, human), percpu->nr_cpus);
	if (percpu->has_bytes)
		fprintf(stream, ", live %s", km_human_bytes(percpu->total.bytes_live, human));
	else
		fprintf(stream, ", live %s objects", km_grouped(percpu->total.live, grouped));
	if (percpu->total.failed)
		fprintf(stream, "; %s failed", km_grouped(percpu->total.failed, grouped));
	if (percpu->unknown_frees)
		fprintf(stream, "; %s %s of objects not seen allocated",
			km_grouped(percpu->unknown_frees, grouped),
			percpu->unknown_frees == 1 ? "free" : "frees");
	if (percpu->chunks_created || percpu->chunks_destroyed)
		fprintf(stream, "; %" PRIu64 " %s created, %" PRIu64 " destroyed",
			percpu->chunks_created, percpu->chunks_created == 1 ? "chunk" : "chunks",
			percpu->chunks_destroyed);
}
