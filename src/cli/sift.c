/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takes the events that filters leave out of a reader's batches, and counts them. */
#include "cli/sift.h"

#include <stdlib.h>
#include <string.h>

#include "kmemstat/agg.h"

/* Counters of the reader that the events left out were part of. */
struct left_out {
	uint64_t events, null_frees, zero_size_frees, failed_allocs;
};

struct km_sift {
	const struct km_sift_options *options;
	const struct km_source *source;
	const struct km_reader *reader;
	struct km_filter *filter;
	struct left_out *cpus; /* by CPU */
	size_t nr_cpus;
	uint64_t kinds[KM_NR_EVENT_KINDS];
};

static const char *comm_of(const void *arg, int32_t pid)
{
	return km_source_comm(((const struct km_sift *)arg)->source, pid);
}

static bool symbol_matches(const void *arg, uint64_t call_site, const char *glob)
{
	const struct km_sift_options *options = ((const struct km_sift *)arg)->options;

	return options->symbol_matches(options->symbol_arg, call_site, glob);
}

static const char *cache_of(const void *arg, uint16_t cache)
{
	return km_reader_cache_name(((const struct km_sift *)arg)->reader, cache);
}

struct km_error *km_sift_create(const struct km_sift_options *options,
				const struct km_source *source, const struct km_reader *reader,
				struct km_sift **ret)
{
	struct km_sift *sift = calloc(1, sizeof(*sift));
	const struct km_filter_names names = { comm_of, cache_of, symbol_matches, sift };
	struct km_error *error;

	if (!sift)
		return &km_error_memory;
	sift->options = options;
	sift->source = source;
	sift->reader = reader;
	error = km_filter_create(options->spec, &names, &sift->filter);
	if (error) {
		km_sift_destroy(sift);
		return error;
	}
	if (km_filter_needs_span(options->spec))
		km_filter_set_span(sift->filter, options->first_ns, options->last_ns);
	*ret = sift;
	return NULL;
}

void km_sift_destroy(struct km_sift *sift)
{
	if (!sift)
		return;
	km_filter_destroy(sift->filter);
	free(sift->cpus);
	free(sift);
}

/* The counts of a CPU; NULL without memory. */
static struct left_out *cpu_get(struct km_sift *sift, size_t cpu)
{
	if (cpu >= sift->nr_cpus) {
		struct left_out *cpus = reallocarray(sift->cpus, cpu + 1, sizeof(*cpus));

		if (!cpus)
			return NULL;
		memset(cpus + sift->nr_cpus, 0, (cpu + 1 - sift->nr_cpus) * sizeof(*cpus));
		sift->cpus = cpus;
		sift->nr_cpus = cpu + 1;
	}
	return &sift->cpus[cpu];
}

static bool leave_out(struct km_sift *sift, const struct km_batch *batch, uint32_t i)
{
	const enum km_event_kind kind = batch->what[i].kind;
	struct left_out *counts = cpu_get(sift, batch->cpu[i]);

	if (!counts)
		return false;
	counts->events++;
	sift->kinds[kind]++;
	if (km_event_is_alloc(kind))
		counts->failed_allocs += !batch->ptr[i];
	else if (kind == KM_EV_KFREE && !batch->ptr[i])
		counts->null_frees++;
	else if (kind == KM_EV_KFREE && batch->ptr[i] == KM_ZERO_SIZE_PTR)
		counts->zero_size_frees++;
	return true;
}

/* Whether a row passes; one that does not is counted. *ret is set unless memory is short. */
static struct km_error *sift_row(struct km_sift *sift, const struct km_batch *batch, uint32_t i,
				 bool *ret)
{
	*ret = km_filter_passes(sift->filter, batch, i);
	return *ret || leave_out(sift, batch, i) ? NULL : &km_error_memory;
}

struct km_error *km_sift_batch(struct km_sift *sift, struct km_batch *batch)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < batch->nr; i++) {
		bool passes;
		struct km_error *error = sift_row(sift, batch, i, &passes);

		if (error)
			return error;
		if (!passes)
			continue;
		batch->call_site[kept] = batch->call_site[i];
		batch->size[kept] = batch->size[i];
		batch->what[kept] = batch->what[i];
		kept++;
	}
	batch->nr = kept;
	return NULL;
}

struct km_error *km_sift_mark(struct km_sift *sift, struct km_batch *batch)
{
	for (uint32_t i = 0; i < batch->nr; i++) {
		bool passes;
		struct km_error *error = sift_row(sift, batch, i, &passes);

		if (error)
			return error;
		if (!passes)
			batch->group[i] =
				batch->group[i] != KM_ROW_NONE &&
						km_filter_passes_time(sift->filter, batch, i)
					? KM_ROW_HIDDEN
					: KM_ROW_SKIP;
	}
	return NULL;
}

/* Never below zero: a counter may be held at its end. */
static void take_from(uint64_t *count, uint64_t number)
{
	*count -= number < *count ? number : *count;
}

void km_sift_settle(const struct km_sift *sift, uint32_t cpu, struct km_quality *quality)
{
	const struct left_out *counts;

	if (cpu >= sift->nr_cpus)
		return;
	counts = &sift->cpus[cpu];
	take_from(&quality->count[KM_EVENTS_USED], counts->events);
	quality->count[KM_EVENTS_FILTERED] =
		km_sat_add(quality->count[KM_EVENTS_FILTERED], counts->events);
	take_from(&quality->count[KM_NULL_FREES], counts->null_frees);
	take_from(&quality->count[KM_ZERO_SIZE_FREES], counts->zero_size_frees);
	take_from(&quality->count[KM_FAILED_ALLOCS], counts->failed_allocs);
}

void km_sift_settle_kinds(const struct km_sift *sift, uint64_t kinds[KM_NR_EVENT_KINDS])
{
	for (int i = 0; i < KM_NR_EVENT_KINDS; i++)
		take_from(&kinds[i], sift->kinds[i]);
}
