/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The percpu allocator's part of a report. */
#include <stdlib.h>
#include <string.h>

#include "report/callers.h"

/* Each object has one size: the least that is given out (mm/percpu-internal.h, since v4.14). */
#define MIN_ALLOC_SIZE 4

static int compare_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

int km_percpu_row_compare(const void *a, const void *b)
{
	const struct km_percpu_row *x = a, *y = b;
	int order = 0;

	if (x->callsite != y->callsite) {
		if (!x->callsite || !y->callsite)
			return x->callsite ? -1 : 1;
		order = km_callsite_compare_name(x->callsite, y->callsite);
	}
	if (!order)
		order = compare_u64(x->size, y->size);
	return order ? order : compare_u64(x->align, y->align);
}

static int compare_bytes(const void *a, const void *b)
{
	const struct km_percpu_row *x = a, *y = b;
	int order = compare_u64(y->bytes, x->bytes);

	if (!order)
		order = compare_u64(y->bytes_req, x->bytes_req);
	return order ? order : km_percpu_row_compare(a, b);
}

static void add_row(struct km_percpu_row *row, const struct km_percpu_row *more)
{
	row->hits += more->hits;
	row->failed += more->failed;
	row->bytes_req = km_sat_add(row->bytes_req, more->bytes_req);
	row->bytes = km_sat_add(row->bytes, more->bytes);
	row->bytes_live = km_sat_add(row->bytes_live, more->bytes_live);
	row->freed += more->freed;
	row->replaced += more->replaced;
	row->live += more->live;
	row->reserved += more->reserved;
	row->atomic += more->atomic;
	row->accounted += more->accounted;
}

/* Different stacks may lead to one call site. Returns the rows that are left. */
static size_t merge_rows(struct km_percpu_row *rows, size_t nr)
{
	size_t kept = 0;

	if (nr)
		qsort(rows, nr, sizeof(*rows), km_percpu_row_compare);
	for (size_t i = 0; i < nr; i++) {
		if (kept && !km_percpu_row_compare(&rows[kept - 1], &rows[i]))
			add_row(&rows[kept - 1], &rows[i]);
		else
			rows[kept++] = rows[i];
	}
	return kept;
}

/*
 * The event's bytes are size x num_possible_cpus(), and with memory cgroups a pointer for each four
 * bytes of size beside (pcpu_obj_full_size(), mm/percpu-internal.h, v5.19; later kernels may take
 * 16 bytes in place of the pointer, or nothing). Of that only the sum is told: the trace's number
 * of CPUs is taken if it fits. 0: it does not.
 */
static uint32_t find_cpus(const struct km_input_info *input, uint32_t ratio)
{
	const uint32_t long_bytes = input->long_bytes ? input->long_bytes : 8;
	const uint32_t extras[] = { 0, long_bytes / MIN_ALLOC_SIZE, 16 / MIN_ALLOC_SIZE };

	for (size_t i = 0; ratio && i < sizeof(extras) / sizeof(extras[0]); i++)
		if (ratio == input->nr_cpus + extras[i])
			return input->nr_cpus;
	return 0;
}

static struct km_percpu_row row_of(const struct km_percpu_report *percpu,
				   const struct km_percpu_use *use)
{
	const struct km_percpu_stats *stats = &use->stats;

	return (struct km_percpu_row){
		.size = use->size,
		.align = use->align,
		.hits = stats->allocs,
		.failed = stats->failed,
		.bytes_req = stats->bytes_req,
		.bytes = percpu->has_bytes ? stats->bytes : 0,
		.bytes_live = percpu->has_bytes ? stats->bytes_live : 0,
		.freed = stats->freed,
		.replaced = stats->replaced,
		.live = stats->live,
		.reserved = stats->reserved,
		.atomic = stats->atomic,
		.accounted = stats->accounted,
		.has_bytes = percpu->has_bytes,
		.has_extra = percpu->nr_cpus > 0,
	};
}

static struct km_error *build_rows(struct km_report_own *own, const struct km_report_parts *parts,
				   const uint64_t *callers, uint64_t *addresses)
{
	const struct km_percpu_lives *lives = parts->percpu_lives;
	struct km_percpu_report *percpu = own->report.percpus;
	const size_t nr = lives->nr_uses ? lives->nr_uses - 1 : 0;
	struct km_error *error;

	for (size_t i = 0; i < nr; i++) {
		const struct km_percpu_use *use = &lives->uses[i + 1];

		addresses[i] = use->call_site ? use->call_site : callers[use->stack];
		/* sorting them below must not change whose they are */
		addresses[nr + i] = addresses[i];
	}
	error = km_callers_build(own, parts->symtab, KM_LAYER_PERCPU, addresses, nr,
				 &percpu->callsites, &percpu->nr_callsites);
	if (error)
		return error;
	for (size_t i = 0; i < nr; i++) {
		percpu->rows[i] = row_of(percpu, &lives->uses[i + 1]);
		percpu->rows[i].callsite =
			km_callers_get(percpu->callsites, percpu->nr_callsites, addresses[nr + i]);
	}
	percpu->nr_rows = merge_rows(percpu->rows, nr);
	for (size_t i = 0; percpu->nr_cpus && i < percpu->nr_rows; i++) {
		struct km_percpu_row *row = &percpu->rows[i];

		row->bytes_extra =
			km_waste(km_sat_mul(row->bytes_req, percpu->nr_cpus), row->bytes);
		percpu->bytes_extra = km_sat_add(percpu->bytes_extra, row->bytes_extra);
	}
	qsort(percpu->rows, percpu->nr_rows, sizeof(*percpu->rows), compare_bytes);
	return NULL;
}

static struct km_error *build(struct km_report_own *own, const struct km_report_parts *parts)
{
	const struct km_percpu_lives *lives = parts->percpu_lives;
	struct km_percpu_report *percpu = own->report.percpus;
	uint64_t *callers, *addresses;
	struct km_error *error =
		km_callers_find(lives->stacks, parts->symtab, KM_ALLOCATOR_PERCPU, &callers);

	if (error)
		return error;
	addresses = calloc(2 * lives->nr_uses + 1, sizeof(*addresses));
	percpu->rows = calloc(lives->nr_uses + 1, sizeof(*percpu->rows));
	error = addresses && percpu->rows ? build_rows(own, parts, callers, addresses)
					  : &km_error_memory;
	free(addresses);
	free(callers);
	return error;
}

struct km_error *km_report_build_percpu(struct km_report_own *own,
					const struct km_report_parts *parts)
{
	const struct km_percpu_lives *lives = parts->percpu_lives;
	const uint64_t created = parts->kinds[KM_EV_PERCPU_CHUNK_CREATE];
	const uint64_t destroyed = parts->kinds[KM_EV_PERCPU_CHUNK_DESTROY];
	struct km_percpu_report *percpu;

	if (!lives || (!lives->total.allocs && !lives->total.failed && !lives->frees && !created &&
		       !destroyed))
		return NULL;
	percpu = calloc(1, sizeof(*percpu));
	if (!percpu)
		return &km_error_memory;
	own->report.percpus = percpu;
	/* before 5.19 there is only the size: one CPU's bytes, unless there is but one CPU */
	percpu->has_bytes = lives->ratio != 1 || parts->input->nr_cpus == 1;
	percpu->nr_cpus = percpu->has_bytes ? find_cpus(parts->input, lives->ratio) : 0;
	percpu->total = lives->total;
	percpu->frees = lives->frees;
	percpu->unknown_frees = lives->unknown_frees;
	percpu->bytes_peak = percpu->has_bytes ? lives->peak_bytes : 0;
	percpu->peak_ns = lives->peak_ns;
	percpu->chunks_created = created;
	percpu->chunks_destroyed = destroyed;
	return build(own, parts);
}

void km_percpu_report_destroy(struct km_percpu_report *percpu)
{
	if (!percpu)
		return;
	free(percpu->rows);
	free(percpu->callsites);
	free(percpu);
}
