/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The page allocator's part of a report: stacks become callers, numbers names. */
#include <stdlib.h>
#include <string.h>

#include "report/callers.h"
#include "report/flags.h"

/* What building needs to know of. */
struct building {
	struct km_report_own *own;
	const struct km_report_parts *parts;
	const struct km_page_lives *lives;
	struct km_page_report *pages;
	uint64_t *callers; /* by number of stack */
	/* names that were made already, by use */
	const char **gfp;
	const char *migratetypes[UINT8_MAX + 1];
};

static int compare_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static const char *name_migratetype(struct building *b, uint8_t migratetype)
{
	const char **name = &b->migratetypes[migratetype];

	if (!*name)
		*name = km_migratetype_text(&b->own->strings, b->parts->input->kernel_release,
					    migratetype);
	return *name;
}

static int compare_flags(const void *a, const void *b, void *arg)
{
	const struct km_page_use *uses = arg;

	return compare_u64(uses[*(const uint32_t *)a].gfp_flags,
			   uses[*(const uint32_t *)b].gfp_flags);
}

/* A source that names no flags (a text) may not tell which there were: that is no "none". */
static const char *flags_text(struct building *b, uint32_t flags)
{
	const struct km_report_parts *parts = b->parts;

	return flags || parts->nr_gfp_names ? km_flags_text(&b->own->strings, flags,
							    parts->gfp_names, parts->nr_gfp_names)
					    : "-";
}

/* The flags of uses are few different ones: each is written once. */
static struct km_error *name_flags(struct building *b)
{
	const struct km_page_use *uses = b->lives->uses;
	const size_t nr = b->lives->nr_uses;
	uint32_t *order = calloc(nr + 1, sizeof(*order));
	struct km_error *error = NULL;

	b->gfp = calloc(nr + 1, sizeof(*b->gfp));
	if (!order || !b->gfp) {
		free(order);
		return &km_error_memory;
	}
	for (size_t i = 1; i < nr; i++)
		order[i] = (uint32_t)i;
	if (nr > 1)
		qsort_r(order + 1, nr - 1, sizeof(*order), compare_flags, (void *)uses);
	for (size_t i = 1; !error && i < nr; i++) {
		const uint32_t use = order[i], before = order[i - 1];

		b->gfp[use] = i > 1 && uses[before].gfp_flags == uses[use].gfp_flags
				      ? b->gfp[before]
				      : flags_text(b, uses[use].gfp_flags);
		if (!b->gfp[use])
			error = &km_error_memory;
	}
	free(order);
	return error;
}

static int compare_keys(const struct km_page_row *x, const struct km_page_row *y)
{
	int order = (x->caller > y->caller) - (x->caller < y->caller);

	if (!order)
		order = compare_u64(x->order, y->order);
	if (!order)
		order = compare_u64(x->migratetype, y->migratetype);
	return order ? order : compare_u64(x->gfp_flags, y->gfp_flags);
}

/* Callers lie in one array. */
static int compare_rows(const void *a, const void *b)
{
	const struct km_page_row *x = a, *y = b;
	int order = compare_u64(x->pfn, y->pfn);

	return order ? order : compare_keys(x, y);
}

int km_page_row_compare(const void *a, const void *b)
{
	const struct km_page_row *x = a, *y = b;
	int order = 0;

	if (x->caller != y->caller) {
		if (!x->caller || !y->caller)
			return x->caller ? -1 : 1;
		order = km_callsite_compare_name(x->caller, y->caller);
	}
	if (!order)
		order = compare_u64(x->order, y->order);
	if (!order)
		order = compare_u64(x->migratetype, y->migratetype);
	if (!order)
		order = compare_u64(x->gfp_flags, y->gfp_flags);
	return order ? order : compare_u64(x->pfn, y->pfn);
}

static int compare_bytes(const void *a, const void *b)
{
	const struct km_page_row *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return km_page_row_compare(a, b);
}

static void add_row(struct km_page_row *row, const struct km_page_row *more)
{
	row->hits = km_sat_add(row->hits, more->hits);
	row->bytes = km_sat_add(row->bytes, more->bytes);
	row->failed = km_sat_add(row->failed, more->failed);
	row->bytes_failed = km_sat_add(row->bytes_failed, more->bytes_failed);
	row->freed += more->freed;
	row->replaced += more->replaced;
	row->live += more->live;
	row->bytes_live = km_sat_add(row->bytes_live, more->bytes_live);
}

/* Rows that different stacks led to become one. Returns how many are left. */
static size_t merge_rows(struct km_page_row *rows, size_t nr)
{
	size_t kept = 0;

	if (nr)
		qsort(rows, nr, sizeof(*rows), compare_rows);
	for (size_t i = 0; i < nr; i++) {
		if (kept && !compare_rows(&rows[kept - 1], &rows[i]))
			add_row(&rows[kept - 1], &rows[i]);
		else
			rows[kept++] = rows[i];
	}
	return kept;
}

/* The names of a use, without numbers. */
static struct km_page_row row_of(struct building *b, size_t use)
{
	const struct km_page_use *from = &b->lives->uses[use];

	return (struct km_page_row){
		.caller = km_callers_get(b->pages->callers, b->pages->nr_callers,
					 b->callers[from->stack]),
		.order = from->order,
		.migratetype = from->migratetype,
		.gfp_flags = from->gfp_flags,
		.migratetype_name = name_migratetype(b, from->migratetype),
		.gfp = b->gfp[use],
	};
}

static struct km_error *build_rows(struct building *b)
{
	struct km_page_report *pages = b->pages;
	const size_t nr = b->lives->nr_uses;

	pages->rows = calloc(nr + 1, sizeof(*pages->rows));
	if (!pages->rows)
		return &km_error_memory;
	for (size_t i = 1; i < nr; i++) {
		const struct km_page_stats *stats = &b->lives->uses[i].stats;
		struct km_page_row *row = &pages->rows[i - 1];

		*row = row_of(b, i);
		row->hits = stats->allocs;
		row->bytes = km_sat_mul(stats->pages, pages->page_size);
		row->failed = stats->failed;
		row->bytes_failed = km_sat_mul(stats->failed_pages, pages->page_size);
		row->freed = stats->freed;
		row->replaced = stats->replaced;
		row->live = stats->live;
		row->bytes_live = km_sat_mul(stats->pages_live, pages->page_size);
		if (b->lives->uses[i].stack)
			pages->has_stacks = true;
		if (!row->migratetype_name)
			return &km_error_memory;
	}
	pages->nr_rows = merge_rows(pages->rows, nr ? nr - 1 : 0);
	qsort(pages->rows, pages->nr_rows, sizeof(*pages->rows), compare_bytes);
	return NULL;
}

static struct km_error *build_frames(struct building *b)
{
	struct km_page_report *pages = b->pages;
	const size_t nr = b->lives->nr_frames;

	pages->frames = calloc(nr + 1, sizeof(*pages->frames));
	if (!pages->frames)
		return &km_error_memory;
	for (size_t i = 1; i < nr; i++) {
		const struct km_page_frame *frame = &b->lives->frames[i];
		struct km_page_row *row = &pages->frames[i - 1];

		*row = row_of(b, frame->use);
		row->pfn = frame->pfn;
		row->hits = frame->allocs;
		row->bytes = km_sat_mul(frame->allocs,
					pages->page_size << b->lives->uses[frame->use].order);
		row->live = frame->pages_live > 0;
		row->bytes_live = km_sat_mul(frame->pages_live, pages->page_size);
	}
	pages->nr_frames = merge_rows(pages->frames, nr ? nr - 1 : 0);
	return NULL;
}

static int compare_orders(const void *a, const void *b)
{
	const struct km_page_order *x = a, *y = b;

	return x->order != y->order ? compare_u64(x->order, y->order)
				    : compare_u64(x->migratetype, y->migratetype);
}

static struct km_error *build_orders(struct km_page_report *pages)
{
	struct km_page_order *orders = calloc(pages->nr_rows + 1, sizeof(*orders));
	size_t kept = 0;

	if (!orders)
		return &km_error_memory;
	for (size_t i = 0; i < pages->nr_rows; i++) {
		const struct km_page_row *row = &pages->rows[i];

		orders[i] =
			(struct km_page_order){ row->order, row->migratetype, row->migratetype_name,
						row->hits,  row->failed,      row->bytes };
	}
	qsort(orders, pages->nr_rows, sizeof(*orders), compare_orders);
	for (size_t i = 0; i < pages->nr_rows; i++) {
		struct km_page_order *to = kept ? &orders[kept - 1] : NULL;

		if (!to || compare_orders(to, &orders[i])) {
			orders[kept++] = orders[i];
			continue;
		}
		to->hits = km_sat_add(to->hits, orders[i].hits);
		to->failed = km_sat_add(to->failed, orders[i].failed);
		to->bytes = km_sat_add(to->bytes, orders[i].bytes);
	}
	pages->orders = orders;
	pages->nr_orders = kept;
	return NULL;
}

static void sum_up(struct building *b)
{
	const struct km_page_lives *lives = b->lives;
	struct km_page_report *pages = b->pages;

	pages->total = lives->total;
	pages->frees = lives->frees;
	pages->bytes_free_requests = km_sat_mul(lives->free_pages, pages->page_size);
	pages->unknown_frees = lives->unknown_frees;
	pages->bytes_unknown = km_sat_mul(lives->unknown_pages, pages->page_size);
	pages->bytes_peak = km_sat_mul(lives->peak_pages, pages->page_size);
	pages->peak_ns = lives->peak_ns;
}

static struct km_error *build(struct building *b)
{
	const struct km_symtab *symtab = b->parts->symtab;
	const size_t nr = km_stacks_end(b->lives->stacks);
	uint64_t *addresses = NULL;
	struct km_error *error =
		km_callers_find(b->lives->stacks, symtab, KM_ALLOCATOR_PAGE, &b->callers);

	if (!error) {
		addresses = calloc(nr, sizeof(*addresses));
		if (!addresses)
			return &km_error_memory;
		memcpy(addresses, b->callers, nr * sizeof(*addresses));
		error = km_callers_build(b->own, symtab, KM_LAYER_PAGE, addresses, nr,
					 &b->pages->callers, &b->pages->nr_callers);
	}
	free(addresses);
	if (!error)
		error = name_flags(b);
	if (!error)
		error = build_rows(b);
	if (!error)
		error = build_frames(b);
	if (!error)
		error = build_orders(b->pages);
	sum_up(b);
	return error;
}

struct km_error *km_report_build_pages(struct km_report_own *own,
				       const struct km_report_parts *parts)
{
	const struct km_page_lives *lives = parts->page_lives;
	struct building b = { .own = own, .parts = parts, .lives = lives };
	struct km_error *error;

	if (!lives || (!lives->total.allocs && !lives->total.failed && !lives->frees))
		return NULL;
	b.pages = calloc(1, sizeof(*b.pages));
	if (!b.pages)
		return &km_error_memory;
	own->report.pages = b.pages;
	b.pages->page_size = km_sane_page_size(parts->input->page_size);
	error = build(&b);
	free(b.callers);
	free(b.gfp);
	return error;
}

void km_page_report_destroy(struct km_page_report *pages)
{
	if (!pages)
		return;
	free(pages->rows);
	free(pages->frames);
	free(pages->orders);
	free(pages->callers);
	free(pages);
}
