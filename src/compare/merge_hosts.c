/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hosts and kernels of merged reports. */
#include <stdlib.h>
#include <string.h>

#include "compare/merge.h"

static struct km_error *find_kernel(struct km_merge *merge, const char *release, size_t *ret)
{
	struct km_merged *merged = &merge->merged;
	size_t size = merge->size_kernels, i = 0;
	size_t *hosts;

	for (; i < merged->nr_kernels; i++) {
		const char *have = merged->kernels[i].release;

		if (have == release || (have && release && strcmp(have, release) == 0))
			break;
	}
	*ret = i;
	if (i < merged->nr_kernels)
		return NULL;
	if (!km_merge_grow((void **)&merged->kernels, sizeof(*merged->kernels), i,
			   &merge->size_kernels))
		return &km_error_memory;
	if (merge->size_kernels != size) {
		hosts = reallocarray(merge->kernel_hosts, merge->size_kernels, sizeof(*hosts));
		if (!hosts)
			return &km_error_memory;
		merge->kernel_hosts = hosts;
	}
	merge->kernel_hosts[i] = 0;
	merged->kernels[merged->nr_kernels++] = (struct km_merged_kernel){ 0 };
	return km_merge_text(&merge->strings, release, &merged->kernels[i].release);
}

static struct km_error *push_host(struct km_merge *merge, const char *name,
				  struct km_merged_host **ret)
{
	struct km_merged *merged = &merge->merged;
	struct km_merged_host *host;

	if (!km_merge_grow((void **)&merged->hosts, sizeof(*merged->hosts), merged->nr_hosts,
			   &merge->size_hosts))
		return &km_error_memory;
	host = &merged->hosts[merged->nr_hosts++];
	*host = (struct km_merged_host){ 0 };
	*ret = host;
	return km_merge_text(&merge->strings, name, &host->name);
}

static struct km_error *add_kernel(struct km_merge_reader *reader, struct km_merged_host *host)
{
	const char *release = reader->head.input.kernel_release;
	struct km_merge *merge = reader->merge;
	struct km_merged_kernel *kernel;
	size_t number;
	struct km_error *error = find_kernel(merge, release, &number);

	if (error)
		return error;
	kernel = &merge->merged.kernels[number];
	kernel->reports++;
	if (merge->kernel_hosts[number] != merge->merged.nr_hosts) {
		merge->kernel_hosts[number] = merge->merged.nr_hosts;
		kernel->hosts++;
	}
	if (kernel->release &&
	    (!host->kernel_release || strverscmp(kernel->release, host->kernel_release) > 0))
		host->kernel_release = kernel->release;
	return NULL;
}

struct km_error *km_merge_add_host(struct km_merge_reader *reader)
{
	struct km_merge *merge = reader->merge;
	struct km_merged *merged = &merge->merged;
	const struct km_merge_head *head = &reader->head;
	const struct km_sum *slab = &head->layers[KM_LAYER_SLAB];
	struct km_merged_host *host = merge->has_host ? &merged->hosts[merged->nr_hosts - 1] : NULL;
	struct km_error *error = NULL;

	if (!host || strcmp(host->name, reader->host) != 0) {
		error = km_merge_end_host(merge);
		if (!error)
			error = push_host(merge, reader->host, &host);
		merge->has_host = true;
	}
	if (!error)
		error = add_kernel(reader, host);
	if (error)
		return error;
	host->reports++;
	if (!head->input.has_raw_time)
		host->duration_ns = km_sat_add(host->duration_ns, head->duration_ns);
	host->is_incomplete |= km_quality_is_incomplete(&head->quality);
	host->hits = km_sat_add(host->hits, slab->hits);
	host->bytes_req = km_sat_add(host->bytes_req, slab->bytes_req);
	host->bytes_alloc = km_sat_add(host->bytes_alloc, slab->bytes_alloc);
	host->bytes_waste = km_waste(host->bytes_req, host->bytes_alloc);
	if (head->input.nr_cpus > merge->host_cpus)
		merge->host_cpus = head->input.nr_cpus;
	return NULL;
}

struct km_error *km_merge_read_host(struct km_merge_reader *reader, const json_t *object)
{
	const struct km_walk *walk = &reader->walk;
	struct km_merged_host got = { 0 }, *host;
	const struct km_walk_key counts[] = {
		{ "reports", &got.reports },         { "hits", &got.hits },
		{ "bytes_req", &got.bytes_req },     { "bytes_alloc", &got.bytes_alloc },
		{ "bytes_waste", &got.bytes_waste }, { "duration_ns", &got.duration_ns },
	};
	const bool has_time = !json_is_null(json_object_get(object, "duration_ns"));
	const char *name = NULL, *release = NULL;
	struct km_error *error = km_walk_string(walk, object, "name", false, &name);

	if (!error)
		error = km_walk_string(walk, object, "kernel_release", true, &release);
	if (!error)
		error = km_walk_counts(walk, object, counts, has_time ? 6 : 5);
	if (!error)
		error = km_walk_bool(walk, object, "incomplete", &got.is_incomplete);
	if (error || reader->is_checking)
		return error;
	error = push_host(reader->merge, name, &host);
	if (error)
		return error;
	got.name = host->name;
	*host = got;
	return km_merge_text(&reader->merge->strings, release, &host->kernel_release);
}

struct km_error *km_merge_read_kernel(struct km_merge_reader *reader, const json_t *object)
{
	const struct km_walk *walk = &reader->walk;
	const char *release = NULL;
	uint64_t hosts = 0, reports = 0;
	struct km_merged_kernel *kernel;
	size_t number;
	struct km_error *error = km_walk_string(walk, object, "kernel_release", true, &release);

	if (!error)
		error = km_walk_count(walk, object, "hosts", &hosts);
	if (!error)
		error = km_walk_count(walk, object, "reports", &reports);
	if (error || reader->is_checking)
		return error;
	error = find_kernel(reader->merge, release, &number);
	if (error)
		return error;
	kernel = &reader->merge->merged.kernels[number];
	kernel->hosts = km_sat_add(kernel->hosts, hosts);
	kernel->reports = km_sat_add(kernel->reports, reports);
	return NULL;
}

struct km_error *km_merge_add_skipped(struct km_merge *merge, const char *path, const char *why)
{
	struct km_merged *merged = &merge->merged;
	struct km_merged_skipped *skipped;
	struct km_error *error;

	if (!km_merge_grow((void **)&merged->skipped, sizeof(*merged->skipped), merged->nr_skipped,
			   &merge->size_skipped))
		return &km_error_memory;
	skipped = &merged->skipped[merged->nr_skipped++];
	error = km_merge_text(&merge->strings, path, &skipped->path);
	return error ? error : km_merge_text(&merge->strings, why, &skipped->why);
}

struct km_error *km_merge_read_merged(struct km_merge_reader *reader, const json_t *object)
{
	const struct km_walk *walk = &reader->walk;
	const json_t *keys = json_object_get(object, "left_out"), *list = NULL, *item;
	struct km_error *error = NULL;
	size_t i;

	if (!json_is_array(keys))
		return km_walk_shape_error(walk, "left_out", "a list", keys);
	json_array_foreach(keys, i, item)
	{
		if (!json_is_string(item))
			return km_walk_shape_error(walk, "left_out", "a list of strings", item);
		if (!reader->is_checking)
			error = km_merge_leave_out(reader->merge, json_string_value(item));
		if (error)
			return error;
	}
	error = km_walk_list(walk, object, "skipped", &list);
	json_array_foreach(list, i, item)
	{
		const char *path = NULL, *why = NULL;

		if (!error)
			error = km_walk_string(walk, item, "path", false, &path);
		if (!error)
			error = km_walk_string(walk, item, "why", false, &why);
		if (!error && !reader->is_checking)
			error = km_merge_add_skipped(reader->merge, path, why);
	}
	return error;
}
