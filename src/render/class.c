/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The size-class table: a row for each class, and below it the call sites that crowd it most. */
#include "render/text.h"

#include <inttypes.h>
#include <string.h>

enum { NR_COLUMNS = 7 };

static const struct km_table_column columns[NR_COLUMNS] = {
	{ .header = "Class / call site", .cut = KM_CUT_SITE },
	{ .header = "Requested", .is_number = true },
	{ .header = "Allocated", .is_number = true },
	{ .header = "Waste", .is_number = true },
	{ .header = "Frag", .is_number = true },
	{ .header = "Hit", .is_number = true },
	{ .header = "File:line", .drops = true, .moves = true, .cut = KM_CUT_HEAD },
};

static void add_row(struct km_table *table, uint64_t hits, uint64_t alloc, uint64_t waste)
{
	char human[KM_HUMAN_SIZE], grouped[KM_GROUPED_SIZE];

	km_table_add(table, km_human_bytes(alloc - waste, human));
	km_table_add(table, km_human_bytes(alloc, human));
	km_table_add(table, km_human_bytes(waste, human));
	km_table_addf(table, "%.1f%%", alloc ? 100.0 * (double)waste / (double)alloc : 0.0);
	km_table_add(table, km_grouped(hits, grouped));
}

static void add_class(struct km_table *table, const struct km_report_class *class,
		      const struct km_render_options *options)
{
	size_t nr = class->nr_sites;

	if (nr > options->view->max_class_sites)
		nr = options->view->max_class_sites;
	km_table_add(table, class->name);
	add_row(table, class->hits, class->bytes_alloc, class->bytes_waste);
	km_table_add(table, "");
	for (size_t i = 0; i < nr; i++) {
		const struct km_class_site *site = &class->sites[i];
		char address[KM_ADDRESS_SIZE], source[KM_SOURCE_SIZE];

		km_table_addf(table, "  %s", km_callsite_text(site->callsite, options, address));
		add_row(table, site->hits, site->bytes_alloc, site->bytes_waste);
		km_table_add(table, km_source_text(site->callsite, source));
	}
	if (nr < class->nr_sites) {
		km_table_addf(table, "  %zu more", class->nr_sites - nr);
		for (int i = 1; i < NR_COLUMNS; i++)
			km_table_add(table, "");
	}
}

struct km_error *km_render_class(const struct km_report *report,
				 const struct km_render_options *options, struct km_out *out)
{
	struct km_table table;
	struct km_error *error;

	km_table_init(&table, columns, NR_COLUMNS);
	for (size_t i = 0; i < report->nr_classes; i++)
		add_class(&table, &report->classes[i], options);
	error = km_table_write(&table, options, 0, out);
	km_table_deinit(&table);
	if (error)
		return error;
	km_out_puts(out, "\n");
	km_render_totals(report, options, out);
	return NULL;
}
