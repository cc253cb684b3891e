/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Limits: --max-waste, --budget, and growth. What a call site wastes more than a baseline is
 *
 *	waste - hits * (waste of an allocation in the baseline)
 *
 * so that neither the length of the trace nor how busy the machine was matters; of a call site
 * that the baseline does not have it is all. Hits are compared by the second, or both by another
 * unit that is asked for:
 *
 *	hits - seconds * (hits of a second in the baseline)
 *
 * Of several baselines the range that they span is not growth.
 */
#include <fnmatch.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare/gate_private.h"
#include "kmemstat/out.h"
#include "kmemstat/quality.h"

/* Of numbers that were computed. */
static uint64_t whole(double value)
{
	if (!(value > 0))
		return 0;
	return value < (double)INT64_MAX ? (uint64_t)llround(value) : INT64_MAX;
}

static double percent(uint64_t part, uint64_t all)
{
	return all ? 100.0 * (double)part / (double)all : 0;
}

/* The call site that wastes most, for the line about a sum. */
static const char *most_of(struct km_gates_own *own, const struct km_snap_site *most)
{
	char human[KM_HUMAN_SIZE];
	const char *place;

	if (!most || !most->bytes_waste)
		return "";
	place = km_gates_place(own, most->file, most->line, NULL);
	return km_pool_printf(&own->strings, "; most at %s%s%s%s, %s", place ? place : "",
			      place ? " in " : "",
			      most->symbol ? most->symbol : "a call site without a symbol",
			      most->nr_callsites > 1 ? " and others" : "",
			      km_human_bytes(most->bytes_waste, human));
}

static struct km_error *judge_max_waste(struct km_gates_own *own)
{
	const struct km_snapshot *now = own->gates.now;
	const struct km_limit *limit = &own->options->max_waste;
	const struct km_snap_site *most = NULL;
	char human[KM_HUMAN_SIZE], of[KM_HUMAN_SIZE];
	const char *gate, *at;

	if (!limit->text)
		return NULL;
	own->gates.nr_gates++;
	if (!km_limit_is_exceeded(limit, (double)now->bytes_waste, (double)now->bytes_alloc))
		return NULL;
	own->gates.nr_tripped++;
	for (size_t i = 0; i < now->nr_sites; i++)
		if (!most || now->sites[i].bytes_waste > most->bytes_waste)
			most = &now->sites[i];
	at = most_of(own, most);
	gate = km_gates_join(own, "--max-waste ", limit->text);
	if (!at || !gate)
		return &km_error_memory;
	return km_gates_trip(own, gate, "all call sites", "%s of %s wasted (%.1f%%), over %s%s",
			     km_human_bytes(now->bytes_waste, human),
			     km_human_bytes(now->bytes_alloc, of),
			     percent(now->bytes_waste, now->bytes_alloc), limit->text, at);
}

/* ---- budgets ---- */

/* Functions inlined at the call site are in its key, behind its symbol. */
static bool matches_symbol(const struct km_snap_site *site, const char *glob)
{
	const char *names = strchr(site->key, '<');

	if (site->symbol && fnmatch(glob, site->symbol, 0) == 0)
		return true;
	while (site->symbol && names) {
		char name[512];
		const size_t len = strcspn(++names, "<");

		if (len < sizeof(name)) {
			memcpy(name, names, len);
			name[len] = '\0';
			if (fnmatch(glob, name, 0) == 0)
				return true;
		}
		names = strchr(names, '<');
	}
	return false;
}

static bool is_allowed(const struct km_allowance *allowance, const struct km_snap_site *site)
{
	if (allowance->symbol && !matches_symbol(site, allowance->symbol))
		return false;
	if (allowance->file && (!site->file || fnmatch(allowance->file, site->file, 0) != 0))
		return false;
	return !allowance->module ||
	       (site->symbol &&
		fnmatch(allowance->module, site->module ? site->module : "-", 0) == 0);
}

struct sums {
	size_t nr;
	uint64_t waste, alloc, hits, live;
	bool has_life;
	const struct km_snap_site *most;
};

static struct sums add_up(const struct km_snapshot *now, const struct km_allowance *allowance)
{
	struct sums sums = { .has_life = true };

	for (size_t i = 0; i < now->nr_sites; i++) {
		const struct km_snap_site *site = &now->sites[i];

		if (!is_allowed(allowance, site))
			continue;
		sums.nr++;
		sums.waste = km_sat_add(sums.waste, site->bytes_waste);
		sums.alloc = km_sat_add(sums.alloc, site->bytes_alloc);
		sums.hits = km_sat_add(sums.hits, site->hits);
		sums.live = km_sat_add(sums.live, site->live_bytes);
		sums.has_life &= site->has_life;
		if (!sums.most || site->bytes_waste > sums.most->bytes_waste)
			sums.most = site;
	}
	return sums;
}

/* "mesh_* [mac80211]": what the limits are for. */
static const char *allowance_name(struct km_gates_own *own, const struct km_allowance *allowance)
{
	const char *parts[] = { allowance->symbol, allowance->file, allowance->module };
	const char *name = "";

	for (size_t i = 0; name && i < 3; i++)
		if (parts[i])
			name = km_pool_printf(&own->strings, "%s%s%s%s%s", name, *name ? " " : "",
					      i == 2 ? "[" : "", parts[i], i == 2 ? "]" : "");
	return name;
}

static struct km_error *judge_allowance(struct km_gates_own *own,
					const struct km_allowance *allowance)
{
	const struct sums sums = add_up(own->gates.now, allowance);
	const char *name = allowance_name(own, allowance), *at = most_of(own, sums.most);
	const char *gate = km_pool_printf(&own->strings, "--budget %s:%" PRIu32, allowance->path,
					  allowance->line);
	char human[KM_HUMAN_SIZE], of[KM_HUMAN_SIZE], grouped[KM_GROUPED_SIZE];
	const size_t nr_trips = own->gates.nr_trips;
	const bool is_unknown = allowance->live.text && !sums.has_life;
	struct km_error *error = NULL;

	if (!name || !at || !gate)
		return &km_error_memory;
	own->gates.nr_gates++;
	if (!sums.nr)
		return km_gates_say(own, &own->gates.notes, &own->gates.nr_notes, &own->size_notes,
				    NULL, "", "%s:%" PRIu32 ": no call site is of %s",
				    allowance->path, allowance->line, name);
	if (km_limit_is_exceeded(&allowance->waste, (double)sums.waste, (double)sums.alloc))
		error = km_gates_trip(own, gate, name, "%s of %s wasted (%.1f%%), over %s%s",
				      km_human_bytes(sums.waste, human),
				      km_human_bytes(sums.alloc, of),
				      percent(sums.waste, sums.alloc), allowance->waste.text, at);
	if (!error && km_limit_is_exceeded(&allowance->hits, (double)sums.hits, 0))
		error = km_gates_trip(own, gate, name, "%s hits, over %s",
				      km_grouped(sums.hits, grouped), allowance->hits.text);
	if (!error && !is_unknown && km_limit_is_exceeded(&allowance->live, (double)sums.live, 0))
		error = km_gates_trip(own, gate, name, "%s live at the end, over %s",
				      km_human_bytes(sums.live, human), allowance->live.text);
	if (own->gates.nr_trips > nr_trips)
		own->gates.nr_tripped++;
	else if (is_unknown)
		own->gates.nr_undecided++;
	if (!error && is_unknown)
		error = km_gates_say(own, &own->gates.undecided, &own->gates.nr_lines_undecided,
				     &own->size_undecided, gate, "", "what is live is not known");
	return error;
}

struct km_error *km_gates_judge_limits(struct km_gates_own *own)
{
	const struct km_budget *budget = own->options->budget;
	struct km_error *error = judge_max_waste(own);

	for (size_t i = 0; budget && !error && i < budget->nr; i++)
		error = judge_allowance(own, &budget->rows[i]);
	return error;
}

/* ---- growth ---- */

/* How much `value` is outside of a range. */
static double beyond(double value, double min, double max)
{
	return value > max ? value - max : value < min ? value - min : 0;
}

/* By how much a row is more than it would be, were it as in the baseline. */
static double row_growth(const struct km_diff *diff, const struct km_diff_row *row)
{
	const struct km_diff_value *base = &row->side[KM_DIFF_BASE];
	const struct km_diff_value *new = &row->side[KM_DIFF_NEW];
	const bool is_per_hit = diff->options.unit == KM_DIFF_HIT;

	if (is_per_hit && !base->nr)
		return (double)new->bytes_waste;
	if (is_per_hit && !new->nr)
		return -(double)base->bytes_waste / (double)diff->nr_traces[KM_DIFF_BASE];
	return beyond(new->mean, base->min, base->max) *
	       (is_per_hit ? (double)new->hits : diff->divisors[KM_DIFF_NEW][0]);
}

/* Bytes wasted, or hits, of the baseline's rows in all, as if it were as long as the trace. */
static double base_total(const struct km_diff *diff)
{
	const double nr = (double)diff->nr_traces[KM_DIFF_BASE];
	double sum = 0;

	if (diff->options.unit != KM_DIFF_HIT)
		return diff->total[KM_DIFF_BASE].mean * diff->divisors[KM_DIFF_NEW][0];
	for (size_t i = 0; i < diff->nr_rows; i++) {
		const struct km_diff_row *row = &diff->rows[i];

		sum += row->state == KM_DIFF_REMOVED
			       ? (double)row->side[KM_DIFF_BASE].bytes_waste / nr
			       : row->side[KM_DIFF_BASE].mean * (double)row->side[KM_DIFF_NEW].hits;
	}
	return sum;
}

/* A row with what it has grown by, in bytes or hits; negative: shrunk. */
struct grown {
	const struct km_diff_row *row;
	double by;
};

struct growth {
	const struct km_diff *diff;
	const struct km_limit *limit;
	const char *gate;
	bool is_bytes;
	double base; /* of all */
};

/* A number of the kind that grows. */
static const char *amount(const struct growth *growth, double value, char buf[static 32])
{
	return growth->is_bytes ? km_human_bytes(whole(value), buf) : km_grouped(whole(value), buf);
}
_Static_assert(KM_HUMAN_SIZE <= 32 && KM_GROUPED_SIZE <= 32, "a buffer for both");

/* What a finding says of the bytes of that call site: "; 2056 bytes: 8 over kmalloc-2k ...". */
static const char *message_of(struct km_gates_own *own, const char *key)
{
	const struct km_snapshot *now = own->gates.now;

	for (size_t i = 0; i < now->nr_findings; i++)
		if (strcmp(now->findings[i].key, key) == 0 &&
		    km_gates_is_about_waste(now->findings[i].rule))
			return km_gates_join(own, "; ", now->findings[i].message);
	return "";
}

static struct km_error *say_row(struct km_gates_own *own, const struct growth *growth,
				const struct grown *grown)
{
	const struct km_diff_row *row = grown->row;
	const struct km_diff_value *new = &row->side[KM_DIFF_NEW];
	const char *place = km_gates_place(own, new->file, new->line, row->name);
	const char *in = new->file ? ", in " : "", *name = new->file ? row->name : "";
	const char *s = new->hits == 1 ? "" : "s", *message = message_of(own, row->key);
	char by[32], from[32], hits[KM_GROUPED_SIZE], to[KM_HUMAN_SIZE];

	if (!message)
		return &km_error_memory;
	amount(growth, grown->by, by);
	km_human_bytes(new->bytes_waste, to);
	km_grouped(new->hits, hits);
	if (row->state == KM_DIFF_ADDED)
		return km_gates_trip(own, growth->gate, place,
				     "a new call site: %s wasted in %s hit%s, over %s%s%s%s", to,
				     hits, s, growth->limit->text, in, name, message);
	if (growth->is_bytes)
		return km_gates_trip(own, growth->gate, place,
				     "wastes %s more, over %s: %s instead of %s in %s hit%s%s%s%s",
				     by, growth->limit->text, to,
				     amount(growth, (double)new->bytes_waste - grown->by, from),
				     hits, s, in, name, message);
	return km_gates_trip(own, growth->gate, place,
			     "%s hit%s more, over %s: %s instead of %s%s%s", by,
			     grown->by == 1 ? "" : "s", growth->limit->text, hits,
			     amount(growth, (double)new->hits - grown->by, from), in, name);
}

static int compare_grown(const void *a, const void *b)
{
	const struct grown *x = a, *y = b;

	if (x->by != y->by)
		return x->by < y->by ? 1 : -1;
	return strcmp(x->row->key, y->row->key);
}

/* Most first. NULL without memory. */
static struct grown *sort_grown(const struct growth *growth, double *ret_sum)
{
	const struct km_diff *diff = growth->diff;
	struct grown *list = calloc(diff->nr_rows + 1, sizeof(*list));

	*ret_sum = 0;
	if (!list)
		return NULL;
	for (size_t i = 0; i < diff->nr_rows; i++) {
		const struct km_diff_row *row = &diff->rows[i];

		list[i] = (struct grown){ row, round(row_growth(diff, row)) };
		*ret_sum += list[i].by;
	}
	if (diff->nr_rows)
		qsort(list, diff->nr_rows, sizeof(*list), compare_grown);
	return list;
}

static struct km_error *judge_one(struct km_gates_own *own, const struct growth *growth)
{
	const size_t nr = growth->diff->nr_rows, nr_trips = own->gates.nr_trips;
	struct km_error *error = NULL;
	char by[32], base[32], at[32];
	double sum;
	struct grown *list = sort_grown(growth, &sum);

	if (!list)
		return &km_error_memory;
	for (size_t i = 0; !error && i < nr && list[i].by > 0 &&
			   km_limit_is_exceeded(growth->limit, list[i].by, growth->base);
	     i++)
		error = say_row(own, growth, &list[i]);
	if (!error && nr && sum > 0 && km_limit_is_exceeded(growth->limit, sum, growth->base))
		error = km_gates_trip(own, growth->gate, "all call sites",
				      "%s %s more than the baseline's %s, over %s; most in %s, %s",
				      amount(growth, sum, by), growth->is_bytes ? "wasted" : "hits",
				      amount(growth, growth->base, base), growth->limit->text,
				      list[0].row->name, amount(growth, list[0].by, at));
	free(list);
	own->gates.nr_gates++;
	own->gates.nr_tripped += own->gates.nr_trips > nr_trips;
	return error;
}

struct km_error *km_gates_judge_growth(struct km_gates_own *own)
{
	const struct km_gate_options *options = own->options;
	struct growth growth = { .diff = own->waste, .limit = &options->max_waste_growth };
	struct km_error *error = NULL;

	if (growth.limit->text) {
		growth.is_bytes = true;
		growth.base = base_total(growth.diff);
		growth.gate = km_gates_join(own, "--max-waste-growth ", growth.limit->text);
		error = growth.gate ? judge_one(own, &growth) : &km_error_memory;
	}
	if (error || !options->max_hits_growth.text)
		return error;
	growth = (struct growth){ .diff = own->hits, .limit = &options->max_hits_growth };
	growth.base = base_total(growth.diff);
	growth.gate = km_gates_join(own, "--max-hits-growth ", growth.limit->text);
	return growth.gate ? judge_one(own, &growth) : &km_error_memory;
}
