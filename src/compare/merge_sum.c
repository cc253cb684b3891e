/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Call sites of reports added up. All that is done here comes to the same in whatever order it is
 * done: sums, the largest, the least; so that a sum can be added to others like a report.
 */
#include "compare/merge.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/stable.h"
#include "base/wide.h"

bool km_merge_grow(void **rows, size_t row_size, size_t nr, size_t *size)
{
	size_t more = *size ? 2 * *size : 16;
	char *moved;

	if (nr < *size)
		return true;
	moved = reallocarray(*rows, more, row_size);
	if (!moved)
		return false;
	memset(moved + nr * row_size, 0, (more - nr) * row_size);
	*rows = moved;
	*size = more;
	return true;
}

struct km_error *km_merge_leave_out(struct km_merge *merge, const char *key)
{
	const char *safe = NULL;
	uint32_t i;
	struct km_error *error = km_merge_text(&merge->strings, key, &safe);

	if (!error && !km_names_get(&merge->left_out, safe, strlen(safe), &i, NULL))
		error = &km_error_memory;
	return error;
}

static void add_to_key(char *key, const char *separator, const char *text, size_t len)
{
	size_t used = strlen(key);

	snprintf(key + used, KM_MERGE_KEY_SIZE - used, "%s%.*s", separator, (int)len, text);
}

void km_merge_make_key(const struct km_merge *merge, const struct km_merge_row *row,
		       char key[static KM_MERGE_KEY_SIZE])
{
	const bool is_exact = merge->is_one || merge->options.key == KM_MERGE_OFFSET;
	const char *module = row->symbol.module ? row->symbol.module : "-";
	const char *name = row->symbol.name;

	*key = '\0';
	add_to_key(key, "", km_family_name(row->family), 64);
	add_to_key(key, " ", module, 256);
	if (row->has_symbol)
		add_to_key(key, " ", name, is_exact ? 2048 : km_stable_name_len(name));
	else
		snprintf(key + strlen(key), 32, " 0x%" PRIx64, row->address);
	if (row->has_symbol && is_exact)
		snprintf(key + strlen(key), 32, "+0x%" PRIx64, row->symbol.offset);
	for (size_t i = 0; merge->options.key == KM_MERGE_FINGERPRINT && !merge->is_one &&
			   i < row->source.nr_frames;
	     i++) {
		const char *function = row->source.frames[i].function;

		if (row->source.frames[i].is_inlined)
			add_to_key(key, "<", function ? function : "?",
				   function ? km_stable_name_len(function) : 1);
	}
}

void km_merge_row_deinit(struct km_merge_row *row)
{
	free(row->source.frames);
	free((void *)row->types.types);
	free(row->sizes);
	free(row->life);
	free(row->spread.buckets);
}

/* The order that reports have sizes in. */
static int compare_sizes(const struct km_merge *merge, const struct km_size *a,
			 const struct km_size *b)
{
	if (a->bytes_alloc != b->bytes_alloc)
		return a->bytes_alloc < b->bytes_alloc ? -1 : 1;
	if (a->bytes_req != b->bytes_req)
		return a->bytes_req < b->bytes_req ? -1 : 1;
	if (a->cache == b->cache || !a->cache || !b->cache)
		return (a->cache > b->cache) - (a->cache < b->cache);
	return strcmp(merge->caches.names[a->cache - 1], merge->caches.names[b->cache - 1]);
}

static struct km_error *add_size(struct km_merge *merge, struct km_merge_row *into,
				 const struct km_size *size)
{
	size_t low = 0, high = into->nr_sizes;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = compare_sizes(merge, size, &into->sizes[middle]);

		if (!order) {
			into->sizes[middle].hits = km_sat_add(into->sizes[middle].hits, size->hits);
			return NULL;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	if (!km_merge_grow((void **)&into->sizes, sizeof(*into->sizes), into->nr_sizes,
			   &into->size_sizes))
		return &km_error_memory;
	memmove(&into->sizes[low + 1], &into->sizes[low],
		(into->nr_sizes - low) * sizeof(*into->sizes));
	into->sizes[low] = *size;
	into->nr_sizes++;
	return NULL;
}

void km_merge_add_life(struct km_life_stats *into, const struct km_life_stats *from)
{
	uint64_t *const sums[] = {
		&into->allocs,
		&into->freed,
		&into->bytes_freed,
		&into->replaced,
		&into->bytes_replaced,
		&into->live,
		&into->live_bytes,
		&into->live_bytes_req,
		&into->pingpong,
		&into->node_pingpong,
		&into->remote,
		&into->short_lived,
		&into->over_half,
		/* at most: as if peaks were at one time */
		&into->peak_bytes,
	};
	const uint64_t add[] = {
		from->allocs,         from->freed,         from->bytes_freed, from->replaced,
		from->bytes_replaced, from->live,          from->live_bytes,  from->live_bytes_req,
		from->pingpong,       from->node_pingpong, from->remote,      from->short_lived,
		from->over_half,      from->peak_bytes,
	};

	for (size_t i = 0; i < sizeof(add) / sizeof(add[0]); i++)
		*sums[i] = km_sat_add(*sums[i], add[i]);
	into->waste_byte_seconds += from->waste_byte_seconds;
	for (size_t i = 0; i < KM_LIFE_BUCKETS; i++)
		into->lifetimes[i] = km_sat_add(into->lifetimes[i], from->lifetimes[i]);
	for (size_t i = 0; i < KM_LIFE_SAMPLES; i++)
		into->samples[i] = km_sat_add(into->samples[i], from->samples[i]);
}

static int compare_texts(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) : (a != NULL) - (b != NULL);
}

/* Which of two rows tells the place: that of the newest kernel; ties by offset and source. */
static int compare_places(const struct km_merge_row *a, const struct km_merge_row *b)
{
	const size_t nr_a = a->source.nr_frames, nr_b = b->source.nr_frames;
	const char *kernel_a = a->kernel_release ? a->kernel_release : "";
	const char *kernel_b = b->kernel_release ? b->kernel_release : "";
	int order = strverscmp(kernel_a, kernel_b);

	if (order)
		return order;
	if ((nr_a > 0) != (nr_b > 0))
		return nr_a ? 1 : -1;
	if (a->symbol.offset != b->symbol.offset)
		return a->symbol.offset < b->symbol.offset ? 1 : -1;
	order = compare_texts(b->symbol.name, a->symbol.name);
	for (size_t i = 0; !order && i < nr_a && i < nr_b; i++) {
		const struct km_frame *x = &a->source.frames[i], *y = &b->source.frames[i];

		order = compare_texts(y->file, x->file);
		if (!order)
			order = (y->line > x->line) - (y->line < x->line);
		if (!order)
			order = compare_texts(y->function, x->function);
	}
	if (!order && a->types.nr && b->types.nr)
		order = compare_texts(b->types.types[0].name, a->types.types[0].name);
	return order ? order : (a->types.nr > b->types.nr) - (a->types.nr < b->types.nr);
}

/* Copies what tells the place, with strings. */
static struct km_error *take_place(struct km_merge *merge, struct km_merge_row *into,
				   const struct km_merge_row *from)
{
	struct km_pool *pool = &merge->strings;
	struct km_frame *frames = calloc(from->source.nr_frames + 1, sizeof(*frames));
	struct km_type *types = calloc(from->types.nr + 1, sizeof(*types));
	struct km_error *error = frames && types ? NULL : &km_error_memory;

	for (size_t i = 0; !error && i < from->source.nr_frames; i++) {
		frames[i] = from->source.frames[i];
		error = km_merge_text(pool, frames[i].function, &frames[i].function);
		if (!error)
			error = km_merge_text(pool, frames[i].file, &frames[i].file);
	}
	for (size_t i = 0; !error && i < from->types.nr; i++) {
		types[i] = from->types.types[i];
		error = km_merge_text(pool, types[i].name, &types[i].name);
	}
	if (error) {
		free(frames);
		free(types);
		return error;
	}
	free(into->source.frames);
	free((void *)into->types.types);
	into->source = (struct km_chain){ frames, from->source.nr_frames };
	into->types = (struct km_types){ types, from->types.nr };
	into->family = from->family;
	into->has_symbol = from->has_symbol;
	into->address = from->address;
	into->symbol = from->symbol;
	error = km_merge_text(pool, from->symbol.name, &into->symbol.name);
	if (!error)
		error = km_merge_text(pool, from->symbol.module, &into->symbol.module);
	return error ? error : km_merge_text(pool, from->kernel_release, &into->kernel_release);
}

static struct km_error *add_bucket(struct km_spread *spread, size_t bucket, uint64_t hosts)
{
	size_t i = 0;

	while (i < spread->nr_buckets && spread->buckets[i].bucket < bucket)
		i++;
	if (i == spread->nr_buckets || spread->buckets[i].bucket != bucket) {
		if (!km_merge_grow((void **)&spread->buckets, sizeof(*spread->buckets),
				   spread->nr_buckets, &spread->size_buckets))
			return &km_error_memory;
		memmove(&spread->buckets[i + 1], &spread->buckets[i],
			(spread->nr_buckets - i) * sizeof(*spread->buckets));
		spread->nr_buckets++;
		spread->buckets[i] = (struct km_spread_bucket){ .bucket = (uint16_t)bucket };
	}
	spread->buckets[i].hosts = km_sat_add(spread->buckets[i].hosts, hosts);
	return NULL;
}

/* The rates of hosts, least to most. */
static void add_range(struct km_spread *into, uint64_t nr, uint64_t least, uint64_t most,
		      const char *most_host)
{
	if (!into->nr_rates || least < into->least)
		into->least = least;
	if (!into->nr_rates || most > into->most ||
	    (most == into->most && strcmp(most_host, into->most_host) < 0)) {
		into->most = most;
		into->most_host = most_host;
	}
	into->nr_rates = km_sat_add(into->nr_rates, nr);
}

static struct km_error *add_spread(struct km_merge *merge, struct km_spread *into,
				   const struct km_spread *from)
{
	const char *host = from->most_host;
	struct km_error *error = NULL;

	into->hosts = km_sat_add(into->hosts, from->hosts);
	if (from->nr_rates && (!into->nr_rates || from->most >= into->most))
		error = km_merge_text(&merge->strings, host, &host);
	if (!error && from->nr_rates)
		add_range(into, from->nr_rates, from->least, from->most, host);
	for (size_t i = 0; !error && i < from->nr_buckets; i++)
		error = add_bucket(into, from->buckets[i].bucket, from->buckets[i].hosts);
	return error;
}

static struct km_error *touch(struct km_merge *merge, size_t number)
{
	if (merge->rows[number].is_touched)
		return NULL;
	if (!km_merge_grow((void **)&merge->touched, sizeof(*merge->touched), merge->nr_touched,
			   &merge->size_touched))
		return &km_error_memory;
	merge->touched[merge->nr_touched++] = (uint32_t)number;
	merge->rows[number].is_touched = true;
	return NULL;
}

static void raise(uint64_t *most, uint64_t value)
{
	if (value > *most)
		*most = value;
}

/* Several rows of a report may be one here: its peak is at most that of all. */
static void add_peak(const struct km_merge *merge, struct km_merge_row *into,
		     const struct km_merge_row *row)
{
	if (row->has_spread) {
		raise(&into->spread.live_bytes_peak_most, row->spread.live_bytes_peak_most);
		return;
	}
	if (into->report != merge->nr_reports)
		into->report_peak = 0;
	into->report = merge->nr_reports;
	into->report_peak = km_sat_add(into->report_peak, row->life->peak_bytes);
	raise(&into->spread.live_bytes_peak_most, into->report_peak);
}

/* The numbers of a row. */
static struct km_error *add_numbers(struct km_merge *merge, struct km_merge_row *into,
				    const struct km_merge_row *row)
{
	struct km_error *error = NULL;

	into->sum.hits = km_sat_add(into->sum.hits, row->sum.hits);
	into->sum.bytes_req = km_sat_add(into->sum.bytes_req, row->sum.bytes_req);
	into->sum.bytes_alloc = km_sat_add(into->sum.bytes_alloc, row->sum.bytes_alloc);
	into->sum.accounted_hits = km_sat_add(into->sum.accounted_hits, row->sum.accounted_hits);
	for (size_t i = 0; !error && i < row->nr_sizes; i++)
		error = add_size(merge, into, &row->sizes[i]);
	if (row->has_life && !into->life) {
		into->life = calloc(1, sizeof(*into->life));
		if (!into->life)
			return &km_error_memory;
		if (merge->is_one)
			into->life->peak_ns = row->life->peak_ns;
	}
	if (row->has_life) {
		km_merge_add_life(into->life, row->life);
		add_peak(merge, into, row);
		into->has_life = true;
	}
	return error;
}

struct km_error *km_merge_add_row(struct km_merge *merge, const struct km_merge_row *row)
{
	struct km_merge_row *into;
	char key[KM_MERGE_KEY_SIZE];
	uint32_t number;
	bool is_new;
	struct km_error *error = NULL;

	km_merge_make_key(merge, row, key);
	if (!km_names_get(&merge->keys, key, strlen(key), &number, &is_new) ||
	    !km_merge_grow((void **)&merge->rows, sizeof(*merge->rows), number, &merge->size_rows))
		return &km_error_memory;
	into = &merge->rows[number];
	if (is_new)
		*into = (struct km_merge_row){ 0 };
	if (is_new || compare_places(row, into) > 0)
		error = take_place(merge, into, row);
	if (!error)
		error = add_numbers(merge, into, row);
	if (error)
		return error;
	if (merge->is_one)
		into->has_spread |= row->has_spread;
	if (row->has_spread)
		return add_spread(merge, &into->spread, &row->spread);
	into->host_waste =
		km_sat_add(into->host_waste, km_waste(row->sum.bytes_req, row->sum.bytes_alloc));
	return touch(merge, number);
}

/* Bytes an hour. */
static uint64_t rate_of(uint64_t bytes, uint64_t duration_ns)
{
	const uint64_t rate = km_mul_div(bytes, UINT64_C(3600000000000), duration_ns);

	/* what JSON can have */
	return rate > INT64_MAX ? INT64_MAX : rate;
}

struct km_error *km_merge_end_host(struct km_merge *merge)
{
	const struct km_merged *merged = &merge->merged;
	const struct km_merged_host *host =
		merged->nr_hosts ? &merged->hosts[merged->nr_hosts - 1] : NULL;
	struct km_error *error = NULL;

	for (size_t i = 0; !error && i < merge->nr_touched; i++) {
		struct km_merge_row *row = &merge->rows[merge->touched[i]];

		row->spread.hosts = km_sat_add(row->spread.hosts, 1);
		if (host && host->duration_ns) {
			const uint64_t rate = rate_of(row->host_waste, host->duration_ns);

			add_range(&row->spread, 1, rate, rate, host->name);
			error = add_bucket(&row->spread, km_spread_bucket_of(rate), 1);
		}
		row->host_waste = 0;
		row->is_touched = false;
	}
	merge->nr_touched = 0;
	merge->head.input.nr_cpus += merge->host_cpus;
	merge->host_cpus = 0;
	merge->has_host = false;
	return error;
}

size_t km_spread_bucket_of(uint64_t rate)
{
	const int log = rate ? 63 - __builtin_clzll(rate) : 0;

	return rate < 8 ? (size_t)rate : (size_t)(log - 2) * 8 + (rate >> (log - 3) & 7);
}

uint64_t km_spread_bucket_from(size_t bucket)
{
	return bucket < 8 ? bucket : (uint64_t)(8 + bucket % 8) << (bucket / 8 - 1);
}

uint64_t km_spread_median(const struct km_spread *spread)
{
	uint64_t hosts = 0, rate;
	size_t i = 0;

	for (; i < spread->nr_buckets; i++) {
		hosts = km_sat_add(hosts, spread->buckets[i].hosts);
		if (hosts >= spread->nr_rates - spread->nr_rates / 2)
			break;
	}
	rate = i < spread->nr_buckets ? km_spread_bucket_from(spread->buckets[i].bucket) : 0;
	return rate < spread->least ? spread->least : rate;
}
