/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The page allocator: its callers, orders by migrate types, and sums; and percpu objects. */
#include "render/text.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
	/* the first column is the order, and behind it a migrate type each */
	MOST_TYPES = 256,
};

static size_t count_types(const struct km_page_report *pages, bool has_type[static MOST_TYPES])
{
	size_t nr = 0;

	for (size_t i = 0; i < pages->nr_orders; i++) {
		const uint8_t type = pages->orders[i].migratetype;

		nr += !has_type[type];
		has_type[type] = true;
	}
	return nr;
}

static const char *type_name(const struct km_page_report *pages, uint8_t type)
{
	for (size_t i = 0; i < pages->nr_orders; i++)
		if (pages->orders[i].migratetype == type)
			return pages->orders[i].migratetype_name;
	return "";
}

/* The allocations of an order, one cell for each type that occurs; `*at` moves on to the next. */
static void add_order(struct km_table *table, const struct km_page_report *pages,
		      const bool *has_type, size_t *at)
{
	const uint8_t order = pages->orders[*at].order;

	km_table_addf(table, "%" PRIu8, order);
	for (unsigned int type = 0; type < MOST_TYPES; type++) {
		const struct km_page_order *cell = &pages->orders[*at];
		char grouped[KM_GROUPED_SIZE];

		if (!has_type[type])
			continue;
		if (*at < pages->nr_orders && cell->order == order && cell->migratetype == type) {
			km_table_add(table, km_grouped(cell->hits, grouped));
			++*at;
		} else {
			km_table_add(table, ".");
		}
	}
}

static struct km_error *write_orders(const struct km_page_report *pages,
				     const struct km_render_options *options, struct km_out *out)
{
	bool has_type[MOST_TYPES] = { 0 };
	const size_t nr = count_types(pages, has_type) + 1;
	struct km_table_column *columns = calloc(nr, sizeof(*columns));
	struct km_table table;
	struct km_error *error;
	size_t next = 1;

	if (!columns)
		return &km_error_memory;
	columns[0] = (struct km_table_column){ .header = "Order", .is_number = true };
	for (unsigned int type = 0; type < MOST_TYPES; type++)
		if (has_type[type])
			columns[next++] =
				(struct km_table_column){ .header = type_name(pages, (uint8_t)type),
							  .is_number = true };
	km_table_init(&table, columns, nr);
	for (size_t at = 0; at < pages->nr_orders;)
		add_order(&table, pages, has_type, &at);
	error = km_table_write(&table, options, 0, out);
	km_table_deinit(&table);
	free(columns);
	return error;
}

static void add_sum(struct km_table *table, const char *what, uint64_t number, uint64_t bytes)
{
	char grouped[KM_GROUPED_SIZE], human[KM_HUMAN_SIZE];

	km_table_add(table, what);
	km_table_add(table, km_grouped(number, grouped));
	km_table_add(table, km_human_bytes(bytes, human));
}

/* What perf kmem sums up, and what it cannot tell apart. */
static struct km_error *write_sums(const struct km_page_report *pages,
				   const struct km_render_options *options, struct km_out *out)
{
	static const struct km_table_column columns[] = {
		{ .header = "Requests" },
		{ .header = "Number", .is_number = true },
		{ .header = "Bytes", .is_number = true },
	};
	const struct km_page_stats *total = &pages->total;
	const uint64_t size = pages->page_size;
	struct km_table table;
	struct km_error *error;

	km_table_init(&table, columns, 3);
	add_sum(&table, "allocation requests", total->allocs + total->failed,
		(total->pages + total->failed_pages) * size);
	add_sum(&table, "  freed later", total->freed, total->pages_freed * size);
	add_sum(&table, "  allocated again without a free", total->replaced,
		total->pages_replaced * size);
	add_sum(&table, "  live at the end", total->live, total->pages_live * size);
	add_sum(&table, "  failed", total->failed, total->failed_pages * size);
	add_sum(&table, "free requests", pages->frees, pages->bytes_free_requests);
	add_sum(&table, "  of pages not seen allocated", pages->unknown_frees,
		pages->bytes_unknown);
	error = km_table_write(&table, options, 0, out);
	km_table_deinit(&table);
	return error;
}

/* Why no row has a caller. */
static void write_hint(const struct km_report *report, const struct km_render_options *options,
		       struct km_out *out)
{
	const struct km_page_report *pages = report->pages;

	if (pages->nr_callers || !pages->nr_rows)
		return;
	km_out_puts(out, "\n");
	km_text_wrap(out,
		     pages->has_stacks
			     ? "no callers: symbols tell where the page allocator ends; --kallsyms "
			       "FILE takes a copy of the traced machine's /proc/kallsyms"
			     : "no callers: page events have none but in a stack, which trace-cmd "
			       "record -T and perf kmem --page record (perf record -g) take",
		     0, 2, options->width);
}

struct km_error *km_render_page(const struct km_report *report,
				const struct km_render_options *options, struct km_out *out)
{
	const struct km_page_report *pages = report->pages;
	struct km_error *error;

	if (!pages) {
		km_text_wrap(out, "no page events: record kmem:mm_page_alloc and kmem:mm_page_free",
			     0, 2, options->width);
		km_render_totals(report, options, out);
		return NULL;
	}
	error = km_list_write(report, &options->view->lists[options->list], options, out);
	km_out_puts(out, "\n");
	if (!error)
		error = write_orders(pages, options, out);
	km_out_puts(out, "\n");
	if (!error)
		error = write_sums(pages, options, out);
	if (error)
		return error;
	write_hint(report, options, out);
	km_out_puts(out, "\n");
	km_render_totals(report, options, out);
	return NULL;
}

struct km_error *km_render_percpu(const struct km_report *report,
				  const struct km_render_options *options, struct km_out *out)
{
	const struct km_percpu_report *percpu = report->percpus;
	struct km_error *error;

	if (!percpu) {
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
	km_out_puts(out, "\n");
	km_render_totals(report, options, out);
	return NULL;
}
