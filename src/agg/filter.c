/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Filters: which events of a batch are used. */
#include "kmemstat/filter.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CPU       65535
#define NS_PER_SECOND 1000000000ULL

/* A stretch of numbers, both ends in it. */
struct range {
	uint64_t first, last;
};

/* A part of the time span, in shares of it. */
struct share {
	double first, last;
};

/* Answers by key, so that each is looked up once. */
struct memo {
	uint64_t *keys;
	uint8_t *answers; /* 0: free, 1: does not pass, 2: passes */
	size_t nr, size;
};

struct km_filter {
	struct km_filter_names names;
	struct range *times, *cpus, *pids;
	size_t nr_times, nr_cpus, nr_pids;
	struct share *shares;
	size_t nr_shares;
	const char *comm, *callsite, *cache;
	bool has_events;
	bool passes_kind[KM_NR_EVENT_KINDS];
	struct memo comms, callsites;
};

bool km_filter_spec_is_empty(const struct km_filter_spec *spec)
{
	return !spec->time && !spec->cpus && !spec->pids && !spec->comm && !spec->callsite &&
	       !spec->cache && !spec->events;
}

bool km_filter_needs_span(const struct km_filter_spec *spec)
{
	return spec->time && strchr(spec->time, '%');
}

static struct km_error *usage(const char *option, const char *text, const char *expected)
{
	return km_error_advise(
		km_error_create(KM_ERR_USAGE, NULL, "%s: \"%s\" is not understood", option, text),
		"%s", expected);
}

static struct km_error *add_range(struct range **ranges, size_t *nr, struct range range)
{
	struct range *grown = reallocarray(*ranges, *nr + 1, sizeof(*grown));

	if (!grown)
		return &km_error_memory;
	grown[(*nr)++] = range;
	*ranges = grown;
	return NULL;
}

/* "0-3,8": numbers up to `most`. */
static struct km_error *parse_list(const char *option, const char *text, uint64_t most,
				   struct range **ranges, size_t *nr)
{
	const char *at = text;

	for (;;) {
		struct range range;
		struct km_error *error;
		char *end;

		if (*at < '0' || *at > '9')
			break;
		range.first = range.last = strtoull(at, &end, 10);
		if (*end == '-') {
			at = end + 1;
			if (*at < '0' || *at > '9')
				break;
			range.last = strtoull(at, &end, 10);
		}
		if (range.last < range.first || range.last > most || (*end && *end != ','))
			break;
		error = add_range(ranges, nr, range);
		if (error || !*end)
			return error;
		at = end + 1;
	}
	return usage(option, text, "give numbers and ranges: 0-3,8");
}

/* "12.000345" as nanoseconds, exactly, or a count of the clock; false if it is no such number. */
static bool parse_moment(const char *text, size_t len, bool is_raw, uint64_t *ret)
{
	uint64_t seconds = 0, ns = 0, unit = NS_PER_SECOND;
	size_t i = 0;

	for (; i < len && text[i] >= '0' && text[i] <= '9'; i++)
		if (__builtin_mul_overflow(seconds, 10, &seconds) ||
		    __builtin_add_overflow(seconds, (uint64_t)(text[i] - '0'), &seconds))
			return false;
	if (is_raw) {
		*ret = seconds;
		return i == len;
	}
	if (i < len && text[i] == '.')
		for (i++; i < len && text[i] >= '0' && text[i] <= '9'; i++)
			if (unit > 1) {
				unit /= 10;
				ns += unit * (uint64_t)(text[i] - '0');
			}
	return i == len && !__builtin_mul_overflow(seconds, NS_PER_SECOND, &seconds) &&
	       !__builtin_add_overflow(seconds, ns, ret);
}

/* "START,STOP", either of them may be empty. */
static struct km_error *parse_times(struct km_filter *filter, const char *text, bool is_raw)
{
	const char *comma = strchr(text, ',');
	struct range range = { 0, UINT64_MAX };
	size_t first_len = comma ? (size_t)(comma - text) : strlen(text);

	if ((first_len && !parse_moment(text, first_len, is_raw, &range.first)) ||
	    (comma && comma[1] &&
	     !parse_moment(comma + 1, strlen(comma + 1), is_raw, &range.last)) ||
	    range.last < range.first || (!first_len && !(comma && comma[1])))
		return usage(
			"--time", text,
			"give START,STOP in seconds, or parts of the time span: 0%-10% or 10%/2");
	return add_range(&filter->times, &filter->nr_times, range);
}

/* A share "12.5%", which ends at *ret_end. */
static bool parse_percent(const char *text, const char **ret_end, double *ret)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end != '%' || !(value >= 0 && value <= 100))
		return false;
	*ret = value / 100;
	*ret_end = end + 1;
	return true;
}

/* "0%-10%,90%-100%" or "10%/2". */
static struct km_error *parse_shares(struct km_filter *filter, const char *text)
{
	const char *at = text;

	for (;;) {
		struct share share = { 0 }, *grown;

		if (!parse_percent(at, &at, &share.first))
			break;
		if (*at == '-') {
			if (!parse_percent(at + 1, &at, &share.last))
				break;
		} else if (*at == '/') {
			char *end;
			unsigned long number = strtoul(at + 1, &end, 10);

			if (end == at + 1 || !number || share.first <= 0 ||
			    (double)number * share.first > 1 + 1e-9)
				break;
			at = end;
			share.last = (double)number * share.first;
			share.first = share.last - share.first;
		} else {
			break;
		}
		if (share.last < share.first || (*at && *at != ','))
			break;
		grown = reallocarray(filter->shares, filter->nr_shares + 1, sizeof(*grown));
		if (!grown)
			return &km_error_memory;
		grown[filter->nr_shares++] = share;
		filter->shares = grown;
		if (!*at)
			return NULL;
		at++;
	}
	return usage("--time", text, "give parts of the time span: 0%-10% or 10%/2");
}

/* "kmalloc,kmem_cache_*". */
static struct km_error *parse_events(struct km_filter *filter, const char *text)
{
	char *copy = strdup(text), *save = NULL;
	struct km_error *error = NULL;

	if (!copy)
		return &km_error_memory;
	filter->has_events = true;
	for (char *word = strtok_r(copy, ",", &save); word && !error;
	     word = strtok_r(NULL, ",", &save)) {
		bool is_known = false;

		for (enum km_event_kind kind = KM_EV_OTHER + 1; kind < KM_NR_EVENT_KINDS; kind++) {
			if (fnmatch(word, km_event_name(kind), 0) == 0)
				filter->passes_kind[kind] = is_known = true;
		}
		if (!is_known)
			error = usage("--event", word,
				      "give names such as kmalloc,kfree or kmem_cache_*");
	}
	free(copy);
	return error;
}

struct km_error *km_filter_create(const struct km_filter_spec *spec,
				  const struct km_filter_names *names, struct km_filter **ret)
{
	struct km_filter *filter = calloc(1, sizeof(*filter));
	struct km_error *error = NULL;

	if (!filter)
		return &km_error_memory;
	filter->names = *names;
	filter->comm = spec->comm;
	filter->callsite = spec->callsite;
	filter->cache = spec->cache;
	if (spec->time)
		error = km_filter_needs_span(spec)
				? parse_shares(filter, spec->time)
				: parse_times(filter, spec->time, spec->has_raw_time);
	if (!error && spec->cpus)
		error = parse_list("--cpu", spec->cpus, MAX_CPU, &filter->cpus, &filter->nr_cpus);
	if (!error && spec->pids)
		error = parse_list("--pid", spec->pids, INT32_MAX, &filter->pids, &filter->nr_pids);
	if (!error && spec->events)
		error = parse_events(filter, spec->events);
	if (error) {
		km_filter_destroy(filter);
		return error;
	}
	*ret = filter;
	return NULL;
}

void km_filter_destroy(struct km_filter *filter)
{
	if (!filter)
		return;
	free(filter->times);
	free(filter->cpus);
	free(filter->pids);
	free(filter->shares);
	free(filter->comms.keys);
	free(filter->comms.answers);
	free(filter->callsites.keys);
	free(filter->callsites.answers);
	free(filter);
}

static uint64_t round_up(double value)
{
	uint64_t whole = (uint64_t)value;

	return whole + ((double)whole < value);
}

void km_filter_set_span(struct km_filter *filter, uint64_t first_ns, uint64_t last_ns)
{
	const double span = last_ns > first_ns ? (double)(last_ns - first_ns) : 0;

	for (size_t i = 0; i < filter->nr_shares; i++) {
		const struct share *share = &filter->shares[i];
		/* a boundary belongs to the later part, but the last to the last */
		struct range range = { first_ns + round_up(span * share->first),
				       share->last >= 1 ? UINT64_MAX
							: first_ns + round_up(span * share->last) };

		if (share->last < 1 && range.last <= range.first)
			continue;
		if (share->last < 1)
			range.last--;
		km_error_free(add_range(&filter->times, &filter->nr_times, range));
	}
}

static bool is_in(const struct range *ranges, size_t nr, uint64_t number)
{
	for (size_t i = 0; i < nr; i++)
		if (number >= ranges[i].first && number <= ranges[i].last)
			return true;
	return false;
}

/* The place of a key: its answer, or the free one where it belongs. NULL without memory. */
static uint8_t *memo_find(struct memo *memo, uint64_t key)
{
	size_t at;

	if (2 * (memo->nr + 1) > memo->size) {
		struct memo grown = { .size = memo->size ? 2 * memo->size : 256 };

		grown.keys = calloc(grown.size, sizeof(*grown.keys));
		grown.answers = calloc(grown.size, 1);
		if (!grown.keys || !grown.answers) {
			free(grown.keys);
			free(grown.answers);
			return NULL;
		}
		for (size_t i = 0; i < memo->size; i++)
			if (memo->answers[i])
				*memo_find(&grown, memo->keys[i]) = memo->answers[i];
		free(memo->keys);
		free(memo->answers);
		*memo = grown;
	}
	for (at = (key * 0x9e3779b97f4a7c15ULL) >> 32;; at++) {
		at &= memo->size - 1;
		if (memo->answers[at] && memo->keys[at] == key)
			return &memo->answers[at];
		if (!memo->answers[at])
			break;
	}
	memo->nr++;
	memo->keys[at] = key;
	return &memo->answers[at];
}

static bool glob_passes(const char *glob, const char *name)
{
	return name && fnmatch(glob, name, 0) == 0;
}

static bool comm_passes(struct km_filter *filter, int32_t pid)
{
	uint8_t *answer = memo_find(&filter->comms, (uint32_t)pid);

	if (!answer || !*answer) {
		bool passes = glob_passes(filter->comm, filter->names.comm(filter->names.arg, pid));

		if (!answer)
			return passes;
		*answer = passes ? 2 : 1;
	}
	return *answer == 2;
}

static bool callsite_passes(struct km_filter *filter, uint64_t call_site)
{
	uint8_t *answer = memo_find(&filter->callsites, call_site);

	if (!answer || !*answer) {
		bool passes = filter->names.symbol_matches(filter->names.arg, call_site,
							   filter->callsite);

		if (!answer)
			return passes;
		*answer = passes ? 2 : 1;
	}
	return *answer == 2;
}

bool km_filter_passes_time(const struct km_filter *filter, const struct km_batch *batch, uint32_t i)
{
	return (!filter->nr_times && !filter->nr_shares) ||
	       is_in(filter->times, filter->nr_times, batch->ts_ns[i]);
}

bool km_filter_passes(struct km_filter *filter, const struct km_batch *batch, uint32_t i)
{
	const struct km_event_what what = batch->what[i];

	if (filter->has_events && !filter->passes_kind[what.kind])
		return false;
	if (!km_filter_passes_time(filter, batch, i))
		return false;
	if (filter->nr_cpus && !is_in(filter->cpus, filter->nr_cpus, batch->cpu[i]))
		return false;
	if (filter->nr_pids && !is_in(filter->pids, filter->nr_pids, (uint32_t)batch->pid[i]))
		return false;
	if (filter->cache &&
	    !glob_passes(filter->cache, filter->names.cache(filter->names.arg, what.cache)))
		return false;
	if (filter->comm && !comm_passes(filter, batch->pid[i]))
		return false;
	return !filter->callsite || callsite_passes(filter, batch->call_site[i]);
}
