/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Comparing snapshots: which call sites are the same (diff_match.c), what each comes to on either
 * side, and whether the difference means something. kmemstat-diff(1) has the formulas.
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare/diff_private.h"
#include "base/memstream.h"
#include "kmemstat/quality.h"

/* Without --noise, where numbers are not exact: less is noise. */
#define DEFAULT_NOISE_PERCENT 5.0
/* Ranges that are apart by chance less often than that need no such limit. */
#define SMALL_CHANCE_PERCENT  5.0

static const struct km_diff_by_info by_infos[KM_NR_DIFF_BYS] = {
	[KM_DIFF_WASTE] = { "waste", "bytes wasted", false },
	[KM_DIFF_HITS] = { "hits", "allocations", false },
	[KM_DIFF_BYTES] = { "bytes", "bytes allocated", false },
	[KM_DIFF_REQ] = { "req", "bytes requested", false },
	[KM_DIFF_LIVE] = { "live", "bytes live at the end", true },
	[KM_DIFF_OBJECTS] = { "objects", "objects live at the end", true },
};

const struct km_diff_by_info *km_diff_by_info(enum km_diff_by by)
{
	return &by_infos[by];
}

const char *km_diff_unit_name(enum km_diff_unit unit)
{
	static const char *const names[KM_NR_DIFF_UNITS] = { "total", "second", "hit", "unit",
							     "callsite" };

	return names[unit];
}

const char *km_diff_state_name(enum km_diff_state state)
{
	static const char *const names[KM_NR_DIFF_STATES] = { "same", "added", "removed", "grown",
							      "shrunk" };

	return names[state];
}

/* ---- what numbers are divided by ---- */

static bool has_durations(const struct km_diff *diff, const struct km_snapshot **ret_without)
{
	for (enum km_diff_side_id side = 0; side < KM_NR_DIFF_SIDES; side++) {
		for (size_t i = 0; i < diff->nr_traces[side]; i++) {
			if (diff->traces[side][i]->duration_ns)
				continue;
			*ret_without = diff->traces[side][i];
			return false;
		}
	}
	return true;
}

static struct km_error *usage_error(const char *path, const char *message, const char *remedy)
{
	return km_error_advise(km_error_create(KM_ERR_USAGE, path, "%s", message), "%s", remedy);
}

static struct km_error *choose_unit(struct km_diff *diff)
{
	struct km_diff_options *options = &diff->options;
	const bool is_level = by_infos[options->by].is_level;
	const struct km_snapshot *without = NULL;

	if (!options->has_unit)
		options->unit =
			is_level || !has_durations(diff, &without) ? KM_DIFF_TOTAL : KM_DIFF_SECOND;
	if (options->unit == KM_DIFF_SECOND && is_level)
		return usage_error(NULL, "what is live at the end is not so much a second",
				   "compare it as it is, or per unit");
	if (options->unit == KM_DIFF_SECOND && !has_durations(diff, &without))
		return usage_error(without->path, "how many seconds it has is not known",
				   "compare totals, or per unit");
	if (options->unit == KM_DIFF_HIT && options->by == KM_DIFF_HITS)
		return usage_error(NULL, "allocations per allocation are always 1",
				   "compare another measure, or per reference call site");
	return NULL;
}

/* What is live is known of all call sites that a trace has. */
static struct km_error *check_lives(const struct km_diff *diff)
{
	if (!by_infos[diff->options.by].is_level)
		return NULL;
	for (enum km_diff_side_id side = 0; side < KM_NR_DIFF_SIDES; side++)
		for (size_t i = 0; i < diff->nr_traces[side]; i++)
			for (size_t j = 0; j < diff->traces[side][i]->nr_sites; j++)
				if (!diff->traces[side][i]->sites[j].has_life)
					return usage_error(diff->traces[side][i]->path,
							   "what is live at its end is not known",
							   "analyze it without --no-pairing");
	return NULL;
}

static struct km_error *find_divisor(const struct km_diff *diff, enum km_diff_side_id side,
				     const struct km_snapshot *trace, double *ret)
{
	const struct km_diff_options *options = &diff->options;
	uint64_t hits = 0;

	switch (options->unit) {
	case KM_DIFF_SECOND:
		*ret = (double)trace->duration_ns / 1e9;
		return NULL;
	case KM_DIFF_PER:
		*ret = options->per[side];
		return NULL;
	case KM_DIFF_CALLSITE:
		for (size_t i = 0; i < trace->nr_sites; i++)
			if (km_diff_site_matches(&trace->sites[i], options->callsite))
				hits = km_sat_add(hits, trace->sites[i].hits);
		*ret = (double)hits;
		if (hits)
			return NULL;
		return km_error_advise(km_error_create(KM_ERR_USAGE, trace->path,
						       "no allocation of a function '%s' is in it",
						       options->callsite),
				       "choose a reference call site that every trace has");
	case KM_DIFF_TOTAL:
	case KM_DIFF_HIT:
	case KM_NR_DIFF_UNITS:
		break;
	}
	*ret = 1;
	return NULL;
}

static struct km_error *find_divisors(struct km_diff *diff)
{
	for (enum km_diff_side_id side = 0; side < KM_NR_DIFF_SIDES; side++) {
		diff->divisors[side] = calloc(diff->nr_traces[side], sizeof(double));
		if (!diff->divisors[side])
			return &km_error_memory;
		for (size_t i = 0; i < diff->nr_traces[side]; i++) {
			struct km_error *error = find_divisor(diff, side, diff->traces[side][i],
							      &diff->divisors[side][i]);

			if (error)
				return error;
		}
	}
	return NULL;
}

/* ---- noise ---- */

/*
 * Of n and m numbers of the same kind, all n lie below or all above the m in 2 n! m! / (n + m)! of
 * all orders they can come in, whatever their distribution.
 */
static double chance_percent(size_t n, size_t m)
{
	double orders = 1;

	if (n == 1 && m == 1)
		return 100;
	for (size_t i = 1; i <= m; i++)
		orders *= (double)(n + i) / (double)i;
	return 100 * 2 / orders;
}

static void choose_noise(struct km_diff *diff)
{
	const struct km_diff_options *options = &diff->options;
	const bool is_exact = options->unit == KM_DIFF_TOTAL || options->unit == KM_DIFF_HIT;

	diff->chance_percent =
		chance_percent(diff->nr_traces[KM_DIFF_BASE], diff->nr_traces[KM_DIFF_NEW]);
	if (options->has_noise)
		diff->noise_percent = options->noise_percent;
	else if (!is_exact && diff->chance_percent > SMALL_CHANCE_PERCENT)
		diff->noise_percent = DEFAULT_NOISE_PERCENT;
}

static bool is_noise(const struct km_diff *diff, const struct km_diff_row *row)
{
	const struct km_diff_value *base = &row->side[KM_DIFF_BASE];
	const struct km_diff_value *new = &row->side[KM_DIFF_NEW];
	const bool has_ranges = base->nr > 1 || new->nr > 1;
	const double larger = fmax(fabs(base->mean), fabs(new->mean));

	/* it comes and goes by itself */
	if ((row->state == KM_DIFF_ADDED && new->nr_with < diff->nr_traces[KM_DIFF_NEW]) ||
	    (row->state == KM_DIFF_REMOVED && base->nr_with < diff->nr_traces[KM_DIFF_BASE]))
		return true;
	if (row->delta == 0)
		return false;
	if (has_ranges && base->min <= new->max &&new->min <= base->max)
		return true;
	return 100 * fabs(row->delta) < diff->noise_percent * larger;
}

/* ---- rows ---- */

static uint64_t measure(const struct km_diff_value *value, enum km_diff_by by)
{
	switch (by) {
	case KM_DIFF_WASTE:
		return value->bytes_waste;
	case KM_DIFF_HITS:
		return value->hits;
	case KM_DIFF_BYTES:
		return value->bytes_alloc;
	case KM_DIFF_REQ:
		return value->bytes_req;
	case KM_DIFF_LIVE:
		return value->live_bytes;
	case KM_DIFF_OBJECTS:
		return value->live_count;
	case KM_NR_DIFF_BYS:
		break;
	}
	return 0;
}

static void add_sums(struct km_diff_value *to, const struct km_diff_value *from)
{
	to->hits = km_sat_add(to->hits, from->hits);
	to->bytes_req = km_sat_add(to->bytes_req, from->bytes_req);
	to->bytes_alloc = km_sat_add(to->bytes_alloc, from->bytes_alloc);
	to->bytes_waste = km_sat_add(to->bytes_waste, from->bytes_waste);
	to->live_bytes = km_sat_add(to->live_bytes, from->live_bytes);
	to->live_count = km_sat_add(to->live_count, from->live_count);
}

/* The sums of each trace of a side, which the value of the side is made of. */
static void set_value(const struct km_diff *diff, enum km_diff_side_id side,
		      const struct km_diff_value *traces, struct km_diff_value *ret)
{
	const bool is_per_hit = diff->options.unit == KM_DIFF_HIT;
	double sum = 0, squares = 0;

	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < diff->nr_traces[side]; i++) {
			const struct km_diff_value *trace = &traces[i];
			double number = (double)measure(trace, diff->options.by);

			if (is_per_hit && !trace->hits)
				continue;
			number /= is_per_hit ? (double)trace->hits : diff->divisors[side][i];
			if (pass) {
				squares += (number - ret->mean) * (number - ret->mean);
				continue;
			}
			sum += number;
			ret->min = ret->nr ? fmin(ret->min, number) : number;
			ret->max = ret->nr ? fmax(ret->max, number) : number;
			ret->nr++;
			ret->nr_with += trace->hits > 0;
			add_sums(ret, trace);
		}
		if (!pass && ret->nr)
			ret->mean = sum / (double)ret->nr;
	}
	if (ret->nr > 1)
		ret->sd = sqrt(squares / (double)(ret->nr - 1));
}

static void add_site(struct km_diff_value *to, const struct km_snap_site *site)
{
	const struct km_diff_value from = {
		.hits = site->hits,
		.bytes_req = site->bytes_req,
		.bytes_alloc = site->bytes_alloc,
		.bytes_waste = site->bytes_waste,
		.live_bytes = site->live_bytes,
		.live_count = site->live_count,
	};

	add_sums(to, &from);
}

/* "inner in outer [module]" of "kmalloc module outer<inner". */
static const char *name_of(struct km_diff_own *own, const struct km_diff_entry *entry)
{
	const struct km_snap_site *site = entry->site;
	size_t len = strlen(site->key_symbol);
	const char *inlined =
		strcmp(entry->key, entry->group) == 0 || !site->symbol ? "" : entry->key + len + 1;
	char *text = NULL;
	size_t size;
	FILE *out;

	if (!site->symbol)
		return "(no symbol)";
	out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	while (*inlined) {
		size_t part = strcspn(inlined, "<");

		fprintf(out, "%.*s in ", (int)part, inlined);
		inlined += part + (inlined[part] == '<');
	}
	fputs(site->symbol, out);
	if (site->module)
		fprintf(out, " [%s]", site->module);
	if (!km_memstream_close(out, &text))
		return NULL;
	inlined = km_pool_copy(&own->strings, text, size);
	free(text);
	return inlined;
}

/* The entry that names a side: of the last trace, what wastes most there comes first. */
static struct km_error *describe(struct km_diff_own *own, const struct km_diff_entry *entry,
				 struct km_diff_value *ret)
{
	ret->file = entry->site->file;
	ret->line = entry->site->line;
	ret->size_class = entry->site->size_class;
	ret->name = name_of(own, entry);
	return ret->name ? NULL : &km_error_memory;
}

static void set_state(const struct km_diff *diff, struct km_diff_row *row)
{
	const struct km_diff_value *base = &row->side[KM_DIFF_BASE];
	const struct km_diff_value *new = &row->side[KM_DIFF_NEW];

	row->delta = new->mean - base->mean;
	/* a call site without an allocation on either side is not new */
	if (!base->nr_with && new->nr_with)
		row->state = KM_DIFF_ADDED;
	else if (base->nr_with && !new->nr_with)
		row->state = KM_DIFF_REMOVED;
	else if (row->delta != 0)
		row->state = row->delta > 0 ? KM_DIFF_GROWN : KM_DIFF_SHRUNK;
	row->is_noise = is_noise(diff, row);
}

/* `traces` has room for the sums of each trace of both sides. */
static struct km_error *build_row(struct km_diff_own *own, const struct km_diff_matches *matches,
				  const struct km_diff_match *match, struct km_diff_value *traces,
				  struct km_diff_row *ret)
{
	const struct km_diff *diff = &own->diff;
	const size_t nr_base = diff->nr_traces[KM_DIFF_BASE];
	const struct km_diff_entry *of_side[KM_NR_DIFF_SIDES] = { NULL, NULL }, *named;
	struct km_error *error = NULL;

	memset(traces, 0, (nr_base + diff->nr_traces[KM_DIFF_NEW]) * sizeof(*traces));
	for (int run = 0; run < 2; run++) {
		for (size_t i = 0; i < match->runs[run].nr; i++) {
			const struct km_diff_entry *entry =
				&matches->entries[match->runs[run].first + i];

			if (!of_side[entry->side])
				of_side[entry->side] = entry;
			add_site(&traces[entry->trace + (entry->side == KM_DIFF_NEW ? nr_base : 0)],
				 entry->site);
		}
	}
	for (enum km_diff_side_id side = 0; !error && side < KM_NR_DIFF_SIDES; side++) {
		set_value(diff, side, traces + (side == KM_DIFF_NEW ? nr_base : 0),
			  &ret->side[side]);
		if (of_side[side])
			error = describe(own, of_side[side], &ret->side[side]);
	}
	named = of_side[KM_DIFF_NEW] ? of_side[KM_DIFF_NEW] : of_side[KM_DIFF_BASE];
	ret->key = named->key;
	ret->event = named->site->event;
	ret->symbol = named->site->symbol;
	ret->module = named->site->module;
	ret->name = ret->side[named->side].name;
	ret->is_folded = match->is_folded;
	if (!error)
		set_state(diff, ret);
	return error;
}

static int compare_names(const void *a, const void *b)
{
	const struct km_diff_row *x = *(struct km_diff_row *const *)a;
	const struct km_diff_row *y = *(struct km_diff_row *const *)b;
	int order = strcmp(x->name, y->name);

	return order ? order : strcmp(x->key, y->key);
}

/* Rows of the same function and another family get that behind their names. */
static struct km_error *tell_apart(struct km_diff_own *own)
{
	struct km_diff *diff = &own->diff;
	struct km_diff_row **rows = calloc(diff->nr_rows + 1, sizeof(struct km_diff_row *));
	struct km_error *error = NULL;

	if (!rows)
		return &km_error_memory;
	for (size_t i = 0; i < diff->nr_rows; i++)
		rows[i] = &diff->rows[i];
	if (diff->nr_rows)
		qsort(rows, diff->nr_rows, sizeof(struct km_diff_row *), compare_names);
	for (size_t i = 0, end; i < diff->nr_rows; i = end) {
		const char *name = rows[i]->name;

		for (end = i + 1; end < diff->nr_rows && strcmp(rows[end]->name, name) == 0;)
			end++;
		for (size_t j = i; end - i > 1 && j < end && !error; j++) {
			rows[j]->name =
				km_pool_printf(&own->strings, "%s (%s)", name, rows[j]->event);
			if (!rows[j]->name)
				error = &km_error_memory;
		}
		if (error)
			break;
	}
	free(rows);
	return error;
}

/* 0: a difference that counts, 1: noise, 2: none. */
static int rank_of(const struct km_diff_row *row)
{
	if (row->is_noise)
		return 1;
	return row->state == KM_DIFF_SAME ? 2 : 0;
}

static int compare_rows(const void *a, const void *b)
{
	const struct km_diff_row *x = a, *y = b;
	int order = rank_of(x) - rank_of(y);

	if (order)
		return order;
	if (fabs(x->delta) != fabs(y->delta))
		return fabs(x->delta) < fabs(y->delta) ? 1 : -1;
	order = strcmp(x->name, y->name);
	return order ? order : strcmp(x->key, y->key);
}

static struct km_error *build_rows(struct km_diff_own *own, const struct km_diff_matches *matches)
{
	struct km_diff *diff = &own->diff;
	struct km_diff_value *traces;
	struct km_error *error = NULL;

	diff->rows = calloc(matches->nr_matches + 1, sizeof(*diff->rows));
	traces = calloc(diff->nr_traces[KM_DIFF_BASE] + diff->nr_traces[KM_DIFF_NEW],
			sizeof(*traces));
	if (!diff->rows || !traces) {
		free(traces);
		return &km_error_memory;
	}
	for (size_t i = 0; !error && i < matches->nr_matches; i++)
		error = build_row(own, matches, &matches->matches[i], traces,
				  &diff->rows[diff->nr_rows++]);
	free(traces);
	if (!error)
		error = tell_apart(own);
	if (!error && diff->nr_rows)
		qsort(diff->rows, diff->nr_rows, sizeof(*diff->rows), compare_rows);
	return error;
}

static void count_rows(struct km_diff *diff)
{
	for (size_t i = 0; i < diff->nr_rows; i++) {
		const struct km_diff_row *row = &diff->rows[i];

		if (row->is_noise) {
			diff->nr_noise++;
			diff->noise_net += row->delta;
			continue;
		}
		diff->nr_of_state[row->state]++;
		if (row->delta > 0)
			diff->up += row->delta;
		else
			diff->down += row->delta;
	}
}

/* The slab layer as a whole; what is live is added up from the call sites. */
static struct km_error *sum_total(struct km_diff *diff)
{
	for (enum km_diff_side_id side = 0; side < KM_NR_DIFF_SIDES; side++) {
		struct km_diff_value *sums = calloc(diff->nr_traces[side], sizeof(*sums));

		if (!sums)
			return &km_error_memory;
		for (size_t i = 0; i < diff->nr_traces[side]; i++) {
			const struct km_snapshot *trace = diff->traces[side][i];

			for (size_t j = 0; j < trace->nr_sites; j++)
				add_site(&sums[i], &trace->sites[j]);
			sums[i].hits = trace->hits;
			sums[i].bytes_req = trace->bytes_req;
			sums[i].bytes_alloc = trace->bytes_alloc;
			sums[i].bytes_waste = trace->bytes_waste;
		}
		set_value(diff, side, sums, &diff->total[side]);
		free(sums);
	}
	return NULL;
}

static struct km_error *compare(struct km_diff_own *own)
{
	struct km_diff *diff = &own->diff;
	struct km_diff_matches matches = { 0 };
	struct km_error *error = choose_unit(diff);

	if (!error)
		error = check_lives(diff);
	if (!error)
		error = find_divisors(diff);
	if (error)
		return error;
	choose_noise(diff);
	error = km_diff_match(own, &matches);
	if (!error)
		error = build_rows(own, &matches);
	km_diff_matches_deinit(&matches);
	if (error)
		return error;
	count_rows(diff);
	error = sum_total(diff);
	if (!error)
		error = km_diff_find_findings(own);
	return error ? error : km_diff_find_notes(own);
}

struct km_error *km_diff_create(const struct km_snapshot *const *const traces[KM_NR_DIFF_SIDES],
				const size_t nr_traces[KM_NR_DIFF_SIDES],
				const struct km_diff_options *options, struct km_diff **ret)
{
	struct km_diff_own *own = calloc(1, sizeof(*own));
	struct km_error *error;

	if (!own)
		return &km_error_memory;
	own->diff.options = *options;
	for (enum km_diff_side_id side = 0; side < KM_NR_DIFF_SIDES; side++) {
		assert(nr_traces[side]);
		own->diff.traces[side] = traces[side];
		own->diff.nr_traces[side] = nr_traces[side];
	}
	error = compare(own);
	if (error) {
		km_diff_destroy(&own->diff);
		return error;
	}
	*ret = &own->diff;
	return NULL;
}

void km_diff_destroy(struct km_diff *diff)
{
	struct km_diff_own *own = (struct km_diff_own *)diff;

	if (!diff)
		return;
	for (enum km_diff_side_id side = 0; side < KM_NR_DIFF_SIDES; side++)
		free(diff->divisors[side]);
	free(diff->rows);
	free(diff->findings);
	free(diff->notes);
	km_pool_deinit(&own->strings);
	free(own);
}
