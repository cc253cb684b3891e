/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pairing of page and percpu events, beside that of slab events. */
#ifndef KMEMSTAT_CLI_LAYERS_H
#define KMEMSTAT_CLI_LAYERS_H

#include "cli/scan.h"
#include "kmemstat/pagelife.h"
#include "kmemstat/percpulife.h"

struct km_layers {
	struct km_page_life *page; /* NULL: nothing is paired */
	struct km_percpu_life *percpu;
};

/*
 * `by_frame`: count by page frame, too; `by_stack`: tell whole stacks apart. *ret_taker is to be
 * given all rows. km_layers_deinit() is to be called after an error, too.
 */
KM_MUST_CHECK struct km_error *km_layers_init(struct km_layers *layers,
					      const struct km_input_info *input, bool by_frame,
					      bool by_stack, struct km_taker *ret_taker);
void km_layers_deinit(struct km_layers *layers);
/* What there is so far, into the parts of a report; until more rows are taken. */
void km_layers_finish(const struct km_layers *layers, const struct km_source *source,
		      struct km_report_parts *parts);

#endif
