/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The takers of --task, --cache, --alloc, --locality, --own-cache and of stacks. */
#include "cli/tallies.h"

#include <inttypes.h>
#include <string.h>

#include "cli/reports.h"
#include "cli/terminal.h"
#include "kmemstat/view.h"

static struct km_error *take_tally(void *arg, const struct km_rows *rows)
{
	return km_tally_add(arg, rows);
}

static struct km_error *take_ptrs(void *arg, const struct km_rows *rows)
{
	return km_ptrs_add(arg, rows);
}

static struct km_error *take_places(void *arg, const struct km_rows *rows)
{
	return km_places_add(arg, rows);
}

static struct km_error *take_own(void *arg, const struct km_rows *rows)
{
	return km_own_add(arg, rows);
}

static struct km_error *take_stacks(void *arg, const struct km_rows *rows)
{
	return km_stack_sums_add(arg, rows);
}

static uint64_t bytes_of_tally(const void *arg)
{
	return km_tally_bytes(arg);
}

static uint64_t bytes_of_ptrs(const void *arg)
{
	/* the report has its own rows of them */
	return 2 * km_ptrs_bytes(arg);
}

static uint64_t bytes_of_places(const void *arg)
{
	return km_places_bytes(arg);
}

static uint64_t bytes_of_own(const void *arg)
{
	return km_own_bytes(arg);
}

static uint64_t bytes_of_stacks(const void *arg)
{
	/* the report has its own rows of them */
	return 2 * km_stack_sums_bytes(arg);
}

/* That of the trace: at its end, as what is live is told of the end. */
static struct km_error *parse_slabinfo(const struct km_input_info *info,
				       struct km_slabinfo *slabinfo)
{
	const char *text = info->slabinfo_end ? info->slabinfo_end : info->slabinfo_start;
	char *copy = strdup(text);

	return copy ? km_slabinfo_parse(info->path, copy, strlen(copy), slabinfo)
		    : &km_error_memory;
}

static struct km_error *read_slabinfo(const struct km_options *options,
				      const struct km_input_info *info, struct km_tallies *tallies)
{
	struct km_slabinfo *slabinfo = &tallies->slabinfo;
	const bool is_of_trace = !options->slabinfo;
	struct km_error *error = is_of_trace ? parse_slabinfo(info, slabinfo)
					     : km_slabinfo_load(options->slabinfo, slabinfo);

	/* what is damaged in the trace is no reason to show nothing of it */
	if (error && is_of_trace && error->kind != KM_ERR_MEMORY) {
		if (!options->quiet)
			km_say_error(error);
		km_error_free(error);
		return NULL;
	}
	if (error)
		return error;
	tallies->has_slabinfo = true;
	if (slabinfo->bad_lines && !options->quiet)
		km_say("%s: line %" PRIu64 " is not of slabinfo%s",
		       is_of_trace ? options->input : options->slabinfo, slabinfo->first_bad_line,
		       slabinfo->bad_lines > 1 ? ", nor are others" : "");
	return NULL;
}

/* Where objects lie, and where they might. */
static struct km_error *create_places(const struct km_options *options,
				      const struct km_input_info *info, struct km_tallies *tallies,
				      struct km_taker *ret, size_t *ret_nr)
{
	const struct km_model_machine machine = { .page_size = info->page_size,
						  .nr_cpus = info->nr_cpus };
	struct km_error *error = NULL;

	if (km_options_has_view(options, "locality")) {
		error = km_places_create(info->page_size, &tallies->places);
		if (!error)
			ret[(*ret_nr)++] = (struct km_taker){
				.add = take_places,
				.bytes = bytes_of_places,
				.arg = tallies->places,
				.wants_all = true, /* call sites and sizes of all rows */
			};
	}
	if (!error && km_options_has_view(options, "own-cache")) {
		error = km_own_create(&machine, info->long_bytes, &tallies->own);
		if (!error)
			ret[(*ret_nr)++] = (struct km_taker){
				.add = take_own,
				.bytes = bytes_of_own,
				.arg = tallies->own,
				.wants_all = true, /* the same */
			};
	}
	return error;
}

/* Counts have no stacks. */
static struct km_error *create_stacks(const struct km_options *options,
				      const struct km_input_info *info, struct km_tallies *tallies,
				      struct km_taker *ret, size_t *ret_nr)
{
	struct km_error *error;

	if (info->is_counts || !km_reports_want_stacks(options))
		return NULL;
	error = km_stack_sums_create(!options->no_pairing, &tallies->stacks);
	if (!error)
		ret[(*ret_nr)++] = (struct km_taker){
			.add = take_stacks,
			.bytes = bytes_of_stacks,
			.arg = tallies->stacks,
			.wants_all = true, /* call sites, sizes and stacks of all rows */
		};
	return error;
}

struct km_error *km_tallies_create(const struct km_options *options,
				   const struct km_input_info *info, struct km_tallies *tallies,
				   struct km_taker *ret, size_t *ret_nr)
{
	const struct km_tally_options tally_options = {
		.has_tasks = km_options_has_view(options, "task"),
		.has_pairs = !options->no_pairing,
	};
	struct km_error *error = NULL;

	tallies->has_tasks = tally_options.has_tasks;
	tallies->has_caches = km_options_has_view(options, "cache");
	if (options->slabinfo ||
	    (tallies->has_caches && (info->slabinfo_end || info->slabinfo_start)))
		error = read_slabinfo(options, info, tallies);
	if (!error && (tallies->has_tasks || tallies->has_caches)) {
		error = km_tally_create(&tally_options, &tallies->tally);
		if (!error)
			ret[(*ret_nr)++] = (struct km_taker){
				.add = take_tally,
				.bytes = bytes_of_tally,
				.arg = tallies->tally,
				.wants_all = true, /* tasks, and cache names of frees */
			};
	}
	if (!error && km_options_has_view(options, "alloc")) {
		error = km_ptrs_create(&tallies->ptrs);
		if (!error)
			ret[(*ret_nr)++] = (struct km_taker){
				.add = take_ptrs,
				.bytes = bytes_of_ptrs,
				.arg = tallies->ptrs,
				.wants_all = true, /* call sites and sizes of all rows */
			};
	}
	if (!error)
		error = create_places(options, info, tallies, ret, ret_nr);
	if (!error)
		error = create_stacks(options, info, tallies, ret, ret_nr);
	return error;
}

/* Whether the kernel has caches of their own for what is charged to memory cgroups. */
static bool has_cgroup_caches(const struct km_slabinfo *slabinfo)
{
	for (size_t i = 0; i < slabinfo->nr; i++)
		if (strncmp(slabinfo->caches[i].name, "kmalloc-cg-", strlen("kmalloc-cg-")) == 0)
			return true;
	return false;
}

static const char *comm_of(const void *arg, int32_t pid)
{
	return km_source_comm(arg, pid);
}

struct km_error *km_tallies_finish(struct km_tallies *tallies, const struct km_source *source,
				   struct km_report_parts *parts)
{
	const struct km_input_info *info = km_source_info(source);
	struct km_cache_options options = {
		.infers_names =
			!km_quality_is_incomplete(&parts->quality) && !info->has_hashed_ptrs,
	};
	struct km_error *error = NULL;

	if (tallies->has_slabinfo) {
		parts->slabinfo = &tallies->slabinfo;
		if (has_cgroup_caches(&tallies->slabinfo))
			options.most_accounted = km_class_largest_cache(info->page_size);
	}
	if (tallies->has_caches) {
		error = km_tally_caches(tallies->tally, &options, &tallies->caches);
		if (!error)
			parts->caches = &tallies->caches;
	}
	if (!error && tallies->has_tasks) {
		error = km_tally_tasks(tallies->tally, &tallies->tasks);
		if (!error)
			parts->tasks = &tallies->tasks;
	}
	if (!error && tallies->places) {
		error = km_places_finish(tallies->places, &tallies->localities);
		if (!error)
			parts->localities = &tallies->localities;
	}
	if (!error && tallies->own) {
		error = km_own_finish(tallies->own, &tallies->own_caches);
		if (!error)
			parts->own_caches = &tallies->own_caches;
	}
	parts->ptrs = tallies->ptrs;
	parts->stack_sums = tallies->stacks;
	parts->comm = comm_of;
	parts->comm_arg = source;
	return error;
}

struct km_tallies km_tallies_borrow(const struct km_tallies *tallies)
{
	struct km_tallies borrowed = *tallies;

	borrowed.is_borrowed = true;
	borrowed.caches = (struct km_caches){ 0 };
	borrowed.tasks = (struct km_tasks){ 0 };
	borrowed.localities = (struct km_localities){ 0 };
	borrowed.own_caches = (struct km_own_caches){ 0 };
	return borrowed;
}

void km_tallies_deinit(struct km_tallies *tallies)
{
	km_caches_deinit(&tallies->caches);
	km_tasks_deinit(&tallies->tasks);
	km_localities_deinit(&tallies->localities);
	km_own_caches_deinit(&tallies->own_caches);
	if (tallies->is_borrowed)
		return;
	km_tally_destroy(tallies->tally);
	km_ptrs_destroy(tallies->ptrs);
	km_places_destroy(tallies->places);
	km_own_destroy(tallies->own);
	km_stack_sums_destroy(tallies->stacks);
	km_slabinfo_deinit(&tallies->slabinfo);
}
