/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a reader of a comparison has to know: why numbers may differ for other reasons than code. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memstream.h"
#include "compare/diff_private.h"
#include "kmemstat/out.h"

/* Totals of traces whose lengths differ by more are no fair comparison. */
#define MUCH_LONGER 1.25
/* Traces with so many times the events are told. */
#define MUCH_LARGER 4.0

static struct km_error *add_note(struct km_diff_own *own, const char *kind, bool is_warning,
				 const char *format, ...) KM_PRINTF(4, 5);

static struct km_error *add_note(struct km_diff_own *own, const char *kind, bool is_warning,
				 const char *format, ...)
{
	struct km_diff *diff = &own->diff;
	va_list args;
	char *text;
	int len;

	if (diff->nr_notes == own->size_notes) {
		size_t size = own->size_notes ? 2 * own->size_notes : 16;
		struct km_diff_note *notes = reallocarray(diff->notes, size, sizeof(*notes));

		if (!notes)
			return &km_error_memory;
		diff->notes = notes;
		own->size_notes = size;
	}
	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0)
		return &km_error_memory;
	diff->notes[diff->nr_notes] =
		(struct km_diff_note){ kind, is_warning,
				       km_pool_copy(&own->strings, text, (size_t)len) };
	free(text);
	return diff->notes[diff->nr_notes++].text ? NULL : &km_error_memory;
}

/* The i-th trace of all, those of the base first; NULL behind the last. */
static const struct km_snapshot *trace_at(const struct km_diff *diff, size_t i)
{
	if (i < diff->nr_traces[KM_DIFF_BASE])
		return diff->traces[KM_DIFF_BASE][i];
	i -= diff->nr_traces[KM_DIFF_BASE];
	return i < diff->nr_traces[KM_DIFF_NEW] ? diff->traces[KM_DIFF_NEW][i] : NULL;
}

static struct km_error *note_quality(struct km_diff_own *own, const struct km_snapshot *trace)
{
	struct km_error *error = NULL;
	char number[KM_GROUPED_SIZE];

	if (trace->is_incomplete && trace->events_lost)
		error = add_note(own, "incomplete", true,
				 "%s is incomplete: %s events were lost while recording; its "
				 "numbers are lower bounds",
				 trace->path, km_grouped(trace->events_lost, number));
	else if (trace->is_incomplete)
		error = add_note(own, "incomplete", true,
				 "%s is incomplete: events are missing or damaged; its numbers are "
				 "lower bounds",
				 trace->path);
	if (!error && trace->is_filtered)
		error = add_note(own, "filtered", true, "%s has events left out by filters",
				 trace->path);
	return error;
}

/* Allocations on a chosen node had events of their own before v6.1: they are the same to us. */
static size_t event_len(const char *event)
{
	static const char suffix[] = "_node";
	size_t len = strlen(event), suffix_len = sizeof(suffix) - 1;

	return len > suffix_len && strcmp(event + len - suffix_len, suffix) == 0 ? len - suffix_len
										 : len;
}

static bool has_event(const struct km_snapshot *trace, const char *event)
{
	const size_t len = event_len(event);

	for (size_t i = 0; i < trace->nr_events; i++)
		if (event_len(trace->events[i]) == len &&
		    strncmp(trace->events[i], event, len) == 0)
			return true;
	return false;
}

/* What the numbers compared are made of. */
static bool event_counts(const struct km_diff *diff, const char *event)
{
	const bool is_level = km_diff_by_info(diff->options.by)->is_level;
	const char *name = event + strlen("kmem:");

	return strncmp(name, "kmalloc", 7) == 0 || strncmp(name, "kmem_cache_alloc", 16) == 0 ||
	       (is_level && (strcmp(name, "kfree") == 0 || strcmp(name, "kmem_cache_free") == 0));
}

/* Whether the i-th trace is the first that has the event, and some trace has not. */
static bool is_not_everywhere(const struct km_diff *diff, size_t i, const char *event)
{
	const struct km_snapshot *trace;
	bool is_missing = false;

	for (size_t k = 0; (trace = trace_at(diff, k)); k++) {
		bool has = has_event(trace, event);

		if (has && k < i)
			return false;
		is_missing |= !has;
	}
	return is_missing;
}

/*
 * The events of the kernel's memory that some trace has and another has not, of those that count
 * or of the others; with `without` only those that it has not.
 */
static struct km_error *list_events(const struct km_diff *diff, bool counts,
				    const struct km_snapshot *without, char **ret)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	const char *comma = "";
	const struct km_snapshot *trace;

	if (!out)
		return &km_error_memory;
	for (size_t i = 0; (trace = trace_at(diff, i)); i++) {
		for (size_t j = 0; j < trace->nr_events; j++) {
			const char *event = trace->events[j];

			if (strncmp(event, "kmem:", 5) != 0 ||
			    event_counts(diff, event) != counts ||
			    (without && has_event(without, event)) ||
			    !is_not_everywhere(diff, i, event))
				continue;
			fprintf(out, "%s%s", comma, event);
			comma = ", ";
		}
	}
	if (!km_memstream_close(out, &text))
		return &km_error_memory;
	*ret = text;
	return NULL;
}

/* What a trace lacks of that which is compared. */
static struct km_error *note_missing(struct km_diff_own *own, const struct km_snapshot *trace)
{
	char *missing;
	struct km_error *error = list_events(&own->diff, true, trace, &missing);

	if (error)
		return error;
	if (*missing)
		error = add_note(
			own, "events", true,
			"%s has no events that other traces have: %s; what these are about "
			"looks added or removed",
			trace->path, missing);
	free(missing);
	return error;
}

/* And what is not compared, but may have cost time or events. */
static struct km_error *note_other_events(struct km_diff_own *own)
{
	char *events;
	struct km_error *error = list_events(&own->diff, false, NULL, &events);

	if (error)
		return error;
	if (*events)
		error = add_note(own, "events", false,
				 "events that are not compared, and not in every trace: %s",
				 events);
	free(events);
	return error;
}

/* What is told of all traces at once. */
struct spread {
	const struct km_snapshot *least, *most;
};

/* Without `has_unknown` a trace of which the number is 0, not known, is passed over if it can be.
 */
static struct spread spread_of(const struct km_diff *diff, bool has_unknown,
			       uint64_t (*of)(const struct km_snapshot *))
{
	struct spread ret = { trace_at(diff, 0), trace_at(diff, 0) };
	const struct km_snapshot *trace;

	for (size_t i = 1; (trace = trace_at(diff, i)); i++) {
		const uint64_t number = of(trace);
		const bool is_better = !has_unknown && !of(ret.least);

		if (is_better || (number < of(ret.least) && (number || has_unknown)))
			ret.least = trace;
		if (number > of(ret.most))
			ret.most = trace;
	}
	return ret;
}

static uint64_t cpus_of(const struct km_snapshot *trace)
{
	return trace->cpus;
}

static uint64_t page_size_of(const struct km_snapshot *trace)
{
	return trace->page_size;
}

static uint64_t duration_of(const struct km_snapshot *trace)
{
	return trace->duration_ns;
}

static uint64_t events_of(const struct km_snapshot *trace)
{
	return trace->events_used;
}

static struct km_error *note_machines(struct km_diff_own *own)
{
	struct spread cpus = spread_of(&own->diff, false, cpus_of);
	struct spread pages = spread_of(&own->diff, false, page_size_of);
	struct km_error *error = NULL;

	if (cpus.least->cpus && cpus.least->cpus != cpus.most->cpus)
		error = add_note(own, "cpus", false, "%s has %" PRIu64 " CPUs, %s %" PRIu64,
				 cpus.least->path, cpus.least->cpus, cpus.most->path,
				 cpus.most->cpus);
	if (!error && pages.least->page_size && pages.least->page_size != pages.most->page_size)
		error = add_note(own, "page_size", true,
				 "%s has pages of %" PRIu64 " bytes, %s of %" PRIu64,
				 pages.least->path, pages.least->page_size, pages.most->path,
				 pages.most->page_size);
	return error;
}

/* The first two traces that tell different texts; what is not known differs from nothing. */
static bool find_different(const struct km_diff *diff,
			   const char *(*of)(const struct km_snapshot *), struct spread *ret)
{
	const struct km_snapshot *trace;

	*ret = (struct spread){ 0 };
	for (size_t i = 0; (trace = trace_at(diff, i)); i++) {
		if (!of(trace))
			continue;
		if (!ret->least)
			ret->least = trace;
		ret->most = trace;
		if (strcmp(of(ret->least), of(trace)) != 0)
			return true;
	}
	return false;
}

static const char *release_of(const struct km_snapshot *trace)
{
	return trace->kernel_release;
}

static const char *generator_of(const struct km_snapshot *trace)
{
	return trace->generator_version;
}

static struct km_error *note_versions(struct km_diff_own *own)
{
	struct km_error *error = NULL;
	struct spread two;

	if (find_different(&own->diff, release_of, &two))
		error = add_note(own, "kernel", false, "other kernels: %s is of %s, %s of %s",
				 two.least->path, two.least->kernel_release, two.most->path,
				 two.most->kernel_release);
	if (!error && find_different(&own->diff, generator_of, &two))
		error = add_note(own, "version", false, "%s is a report of kmemstat %s, %s of %s",
				 two.least->path, two.least->generator_version, two.most->path,
				 two.most->generator_version);
	return error;
}

static struct km_error *note_lengths(struct km_diff_own *own)
{
	const struct km_diff *diff = &own->diff;
	struct spread times = spread_of(diff, true, duration_of);
	struct spread events = spread_of(diff, true, events_of);
	char least[KM_GROUPED_SIZE], most[KM_GROUPED_SIZE];
	struct km_error *error = NULL;

	if (!times.least->duration_ns && !diff->options.has_unit &&
	    !km_diff_by_info(diff->options.by)->is_level)
		error = add_note(own, "duration", true,
				 "how many seconds %s has is not known: totals are compared",
				 times.least->path);
	else if (diff->options.unit == KM_DIFF_TOTAL && times.least->duration_ns &&
		 (double)times.most->duration_ns > MUCH_LONGER * (double)times.least->duration_ns)
		error = add_note(own, "duration", true,
				 "totals of unequal traces: %s has %.3f s, %s %.3f s",
				 times.least->path, (double)times.least->duration_ns / 1e9,
				 times.most->path, (double)times.most->duration_ns / 1e9);
	if (!error &&
	    (double)events.most->events_used > MUCH_LARGER * (double)events.least->events_used)
		error = add_note(own, "size", false, "unequal traces: %s has %s events, %s %s",
				 events.least->path, km_grouped(events.least->events_used, least),
				 events.most->path, km_grouped(events.most->events_used, most));
	return error;
}

static struct km_error *note_matching(struct km_diff_own *own)
{
	struct km_error *error = NULL;

	if (own->nr_folded)
		error = add_note(own, "source", false,
				 "functions compared without telling apart what is inlined into "
				 "them: %zu; not every trace has source lines of them",
				 own->nr_folded);
	if (!error && own->nr_unnamed)
		error = add_note(own, "symbols", true,
				 "call sites without a symbol, which are put together as addresses "
				 "are not the same after a boot: %zu",
				 own->nr_unnamed);
	if (!error && own->nr_moved)
		error = add_note(own, "moved", false,
				 "functions that are inlined elsewhere than before, and compared "
				 "all the same: %zu",
				 own->nr_moved);
	return error;
}

/* One number of a side says nothing of how much it differs by chance. */
static struct km_error *note_chance(struct km_diff_own *own)
{
	const struct km_diff *diff = &own->diff;
	const size_t nr_base = diff->nr_traces[KM_DIFF_BASE];
	const size_t nr_new = diff->nr_traces[KM_DIFF_NEW];

	if (nr_base == 1 && nr_new == 1)
		return NULL;
	return add_note(own, "chance", diff->chance_percent > 5,
			"%zu and %zu traces: of call sites that vary and did not change, %.2g%% "
			"look changed by chance%s",
			nr_base, nr_new, diff->chance_percent,
			diff->chance_percent > 5 ? "; with 4 a side it is 2.9%" : "");
}

static int compare_notes(const void *a, const void *b)
{
	const struct km_diff_note *x = a, *y = b;
	int order = y->is_warning - x->is_warning;

	if (!order)
		order = strcmp(x->kind, y->kind);
	return order ? order : strcmp(x->text, y->text);
}

struct km_error *km_diff_find_notes(struct km_diff_own *own)
{
	const struct km_snapshot *trace;
	struct km_error *error = NULL;

	for (size_t i = 0; !error && (trace = trace_at(&own->diff, i)); i++) {
		error = note_quality(own, trace);
		if (!error)
			error = note_missing(own, trace);
	}
	if (!error)
		error = note_other_events(own);
	if (!error)
		error = note_versions(own);
	if (!error)
		error = note_machines(own);
	if (!error)
		error = note_lengths(own);
	if (!error)
		error = note_matching(own);
	if (!error)
		error = note_chance(own);
	if (!error && own->diff.nr_notes)
		qsort(own->diff.notes, own->diff.nr_notes, sizeof(*own->diff.notes), compare_notes);
	return error;
}
