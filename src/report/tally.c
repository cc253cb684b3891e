/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tasks and pointers of a report. */
#include "report/build.h"

#include <stdlib.h>

void km_report_sum_set(const struct km_sum *sum, const struct km_ends *ends, uint64_t nr_sites,
		       struct km_report_sum *ret)
{
	*ret = (struct km_report_sum){
		.hits = sum->hits,
		.bytes_req = sum->bytes_req,
		.bytes_alloc = sum->bytes_alloc,
		.bytes_waste = km_waste(sum->bytes_req, sum->bytes_alloc),
		.accounted_hits = sum->accounted_hits,
		.ends = *ends,
		.nr_sites = nr_sites,
	};
	if (ret->bytes_alloc)
		ret->frag_percent = 100.0 * (double)ret->bytes_waste / (double)ret->bytes_alloc;
}

static struct km_error *build_tasks(struct km_report_own *own, const struct km_report_parts *parts)
{
	struct km_report *report = &own->report;
	const struct km_tasks *tasks = parts->tasks;

	report->has_tasks = true;
	report->tasks = calloc(tasks->nr + 1, sizeof(*report->tasks));
	if (!report->tasks)
		return &km_error_memory;
	for (size_t i = 0; i < tasks->nr; i++) {
		const struct km_task *from = &tasks->items[i];
		struct km_report_task *task = &report->tasks[report->nr_tasks++];
		const char *comm = parts->comm ? parts->comm(parts->comm_arg, from->pid) : NULL;

		*task = (struct km_report_task){ .pid = from->pid, .frees = from->frees };
		km_report_sum_set(&from->sum, &from->ends, from->nr_sites, &task->sum);
		if (comm && !(task->comm = km_strings_safe(&own->strings, comm)))
			return &km_error_memory;
	}
	return NULL;
}

/* Call sites by the address that events have. */
static int compare_traced(const struct km_callsite *a, const struct km_callsite *b)
{
	if (a->traced != b->traced)
		return a->traced > b->traced ? 1 : -1;
	return (int)km_callsite_family(a) - (int)km_callsite_family(b);
}

static int compare_index(const void *a, const void *b)
{
	return compare_traced(*(const struct km_callsite *const *)a,
			      *(const struct km_callsite *const *)b);
}

static int compare_ptrs(const void *a, const void *b)
{
	const struct km_report_ptr *x = a, *y = b;

	return (x->ptr > y->ptr) - (x->ptr < y->ptr);
}

static const struct km_callsite *find_callsite(const struct km_callsite **index, size_t nr,
					       const struct km_ptr *ptr)
{
	const struct km_callsite key = { .traced = ptr->call_site,
					 .event = km_family_name(ptr->family) },
				 *of_key = &key;
	const struct km_callsite **found =
		bsearch(&of_key, index, nr, sizeof(*index), compare_index);

	if (!found && ptr->call_site != KM_SITE_BEYOND) {
		const struct km_ptr beyond = { .call_site = KM_SITE_BEYOND, .family = ptr->family };

		return find_callsite(index, nr, &beyond);
	}
	return found ? *found : NULL;
}

static struct km_error *build_ptrs(struct km_report_own *own, const struct km_report_parts *parts)
{
	struct km_report *report = &own->report;
	size_t nr;
	const struct km_ptr *items = km_ptrs_items(parts->ptrs, &nr);
	const struct km_callsite **index = calloc(report->nr_callsites + 1, sizeof(*index));

	report->has_ptrs = true;
	report->ptrs = calloc(nr + 1, sizeof(*report->ptrs));
	if (!index || !report->ptrs) {
		free(index);
		return &km_error_memory;
	}
	for (size_t i = 0; i < report->nr_callsites; i++)
		index[i] = &report->callsites[i];
	qsort(index, report->nr_callsites, sizeof(*index), compare_index);
	for (size_t i = 0; i < nr; i++)
		report->ptrs[i] = (struct km_report_ptr){
			.ptr = items[i].ptr,
			.hits = items[i].hits,
			.bytes_req = items[i].bytes_req,
			.bytes_alloc = items[i].bytes_alloc,
			.bytes_waste = km_waste(items[i].bytes_req, items[i].bytes_alloc),
			.pingpong = items[i].pingpong,
			.is_live = items[i].is_live,
			.callsite = find_callsite(index, report->nr_callsites, &items[i]),
		};
	report->nr_ptrs = nr;
	qsort(report->ptrs, nr, sizeof(*report->ptrs), compare_ptrs);
	free(index);
	return NULL;
}

struct km_error *km_report_build_tally(struct km_report_own *own,
				       const struct km_report_parts *parts)
{
	struct km_error *error = NULL;

	own->report.slabinfo = parts->slabinfo;
	if (parts->caches)
		error = km_report_build_caches(own, parts);
	if (!error && parts->tasks)
		error = build_tasks(own, parts);
	if (!error && parts->ptrs)
		error = build_ptrs(own, parts);
	return error;
}
