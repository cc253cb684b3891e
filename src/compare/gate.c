/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Gates: the verdict on a trace. Each gate that was asked for holds, trips, or cannot be decided.
 * What is compared with baselines is what kmemstat diff compares (diff.c).
 */
#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare/gate_private.h"
#include "kmemstat/out.h"

struct km_error *km_gates_say(struct km_gates_own *own, struct km_gate_line **lines, size_t *nr,
			      size_t *size, const char *gates, const char *place,
			      const char *format, ...)
{
	struct km_gate_line *more;
	va_list args;
	char *text;
	int len;

	if (*nr == *size) {
		*size = *size ? 2 * *size : 16;
		more = reallocarray(*lines, *size, sizeof(*more));
		if (!more)
			return &km_error_memory;
		*lines = more;
	}
	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0 || !place)
		return &km_error_memory;
	(*lines)[*nr] = (struct km_gate_line){
		.gates = gates,
		.place = place,
		.text = km_pool_copy(&own->strings, text, (size_t)len),
	};
	free(text);
	return (*lines)[(*nr)++].text ? NULL : &km_error_memory;
}

const char *km_gates_place(struct km_gates_own *own, const char *file, uint32_t line,
			   const char *name)
{
	if (!file)
		return name;
	if (!line)
		return file;
	return km_pool_printf(&own->strings, "%s:%" PRIu32, file, line);
}

const char *km_gates_join(struct km_gates_own *own, const char *a, const char *b)
{
	return km_pool_printf(&own->strings, "%s%s", a, b);
}

static struct km_error *say_undecided(struct km_gates_own *own, const char *option,
				      const char *value)
{
	struct km_gates *gates = &own->gates;
	const char *name = km_gates_join(own, option, value);

	gates->nr_undecided++;
	return name ? km_gates_say(own, &gates->undecided, &gates->nr_lines_undecided,
				   &own->size_undecided, name, "", "%s", own->why_incomparable)
		    : &km_error_memory;
}

/* ---- --fail-on ---- */

/* Why baselines cannot tell what is new; NULL: they can. */
static const char *why_incomparable(const struct km_gates_own *own)
{
	const struct km_gates *gates = &own->gates;

	for (size_t i = 0; i < gates->nr_bases; i++) {
		if (gates->bases[i]->is_incomplete)
			return "the baseline is incomplete: make another";
		if (gates->bases[i]->is_filtered != gates->now->is_filtered)
			return "filters left events out of one of the two";
		if (gates->bases[i]->page_size != gates->now->page_size)
			return "the baseline has pages of another size: make one of this machine";
	}
	for (size_t i = 0; own->waste && i < own->waste->nr_notes; i++)
		if (own->waste->notes[i].is_warning &&
		    strcmp(own->waste->notes[i].kind, "events") == 0)
			return "the baseline has other events: record the same";
	return NULL;
}

bool km_gates_is_about_waste(const char *rule)
{
	for (enum km_rule i = 0; i < KM_NR_RULES; i++)
		if (strcmp(km_rule_info(i)->name, rule) == 0)
			return km_rule_info(i)->is_about_waste;
	return false;
}

/* "kmalloc module outer<inner": "inner in outer [module]". */
static const char *name_of_key(struct km_gates_own *own, const char *key)
{
	const char *module = strchr(key, ' '), *symbol, *name = "";
	char *inlined;

	symbol = module ? strchr(module + 1, ' ') : NULL;
	if (!symbol)
		return key;
	module++;
	symbol++;
	for (inlined = strchr(symbol, '<'); name && inlined; inlined = strchr(inlined, '<')) {
		inlined++;
		name = km_pool_printf(&own->strings, "%s%.*s in ", name, (int)strcspn(inlined, "<"),
				      inlined);
	}
	if (!name)
		return NULL;
	if (module[0] == '-' && module[1] == ' ')
		return km_pool_printf(&own->strings, "%s%.*s", name, (int)strcspn(symbol, "<"),
				      symbol);
	return km_pool_printf(&own->strings, "%s%.*s [%.*s]", name, (int)strcspn(symbol, "<"),
			      symbol, (int)(symbol - module - 1), module);
}

static struct km_error *say_finding(struct km_gates_own *own, const struct km_snap_finding *finding,
				    const char *gates)
{
	const char *name = name_of_key(own, finding->key);
	char grouped[KM_GROUPED_SIZE], human[KM_HUMAN_SIZE];
	const char *wasted = "", *unit = "";

	if (!name)
		return &km_error_memory;
	if (km_gates_is_about_waste(finding->rule)) {
		wasted = km_human_bytes(finding->bytes_waste, human);
		unit = " wasted in ";
	}
	return km_gates_trip(own, gates, km_gates_place(own, finding->file, finding->line, name),
			     "%s %s: %s; %s%s%s hit%s%s%s",
			     km_finding_severity_name(finding->severity), finding->rule,
			     finding->message, wasted, unit, km_grouped(finding->hits, grouped),
			     finding->hits == 1 ? "" : "s", finding->file ? ", in " : "",
			     finding->file ? name : "");
}

static bool fails(const struct km_fail_on *fail_on, const struct km_snap_finding *finding,
		  bool is_new)
{
	return !finding->suppressed && finding->severity >= fail_on->severity &&
	       (!fail_on->rule || strcmp(fail_on->rule, finding->rule) == 0) &&
	       (!fail_on->is_new || is_new);
}

/* One line for a finding, however many gates it trips; `has_tripped` is of each gate. */
static struct km_error *judge_finding(struct km_gates_own *own,
				      const struct km_snap_finding *finding, bool is_new,
				      bool *has_tripped)
{
	const struct km_gate_options *options = own->options;
	const char *names = NULL;

	for (size_t i = 0; i < options->nr_fail_on; i++) {
		if (!fails(&options->fail_on[i], finding, is_new))
			continue;
		has_tripped[i] = true;
		names = km_pool_printf(&own->strings, "%s%s--fail-on %s", names ? names : "",
				       names ? ", " : "", options->fail_on[i].text);
		if (!names)
			return &km_error_memory;
	}
	return names ? say_finding(own, finding, names) : NULL;
}

/* Counts the gates that are about findings. */
static struct km_error *count_fail_on(struct km_gates_own *own, const bool *has_tripped)
{
	struct km_gates *gates = &own->gates;

	for (size_t i = 0; i < own->options->nr_fail_on; i++) {
		const struct km_fail_on *fail_on = &own->options->fail_on[i];
		struct km_error *error;

		gates->nr_gates++;
		gates->nr_tripped += has_tripped[i];
		if (!fail_on->is_new || !own->why_incomparable)
			continue;
		error = say_undecided(own, "--fail-on ", fail_on->text);
		if (error)
			return error;
	}
	return NULL;
}

static struct km_error *judge_findings(struct km_gates_own *own)
{
	const struct km_snapshot *now = own->gates.now;
	bool *has_tripped = calloc(own->options->nr_fail_on + 1, sizeof(*has_tripped));
	bool *is_new = calloc(now->nr_findings + 1, sizeof(*is_new));
	struct km_error *error = has_tripped && is_new ? NULL : &km_error_memory;

	/* of what cannot be compared nothing is known to be new */
	for (size_t i = 0;
	     !error && own->waste && !own->why_incomparable && i < own->waste->nr_findings; i++) {
		const struct km_diff_finding *row = &own->waste->findings[i];

		if (row->side == KM_DIFF_NEW)
			is_new[row->finding - now->findings] = true;
		if (!row->finding->suppressed)
			++*(row->side == KM_DIFF_NEW ? &own->gates.nr_new : &own->gates.nr_gone);
	}
	for (size_t i = 0; !error && i < now->nr_findings; i++)
		error = judge_finding(own, &now->findings[i], is_new[i], has_tripped);
	if (!error)
		error = count_fail_on(own, has_tripped);
	free(has_tripped);
	free(is_new);
	return error;
}

/* ---- baselines ---- */

/*
 * Without another unit: what an allocation wastes is the same however long the trace is, and hits
 * are told by the second. The number of hits for each hit would tell nothing.
 */
static struct km_diff_options diff_options(const struct km_gate_options *options,
					   enum km_diff_by by)
{
	struct km_diff_options ret = options->growth;

	if (!ret.has_unit || (by == KM_DIFF_HITS && ret.unit == KM_DIFF_HIT)) {
		ret.has_unit = by == KM_DIFF_WASTE;
		ret.unit = KM_DIFF_HIT;
	}
	ret.by = by;
	/* limits say what is too little to count */
	ret.has_noise = true;
	ret.noise_percent = 0;
	return ret;
}

static struct km_error *compare(const struct km_gates_own *own, enum km_diff_by by,
				struct km_diff **ret)
{
	const struct km_gates *gates = &own->gates;
	const struct km_diff_options options = diff_options(own->options, by);
	const struct km_snapshot *const news[] = { gates->now };
	const struct km_snapshot *const *const traces[] = {
		[KM_DIFF_BASE] = gates->bases,
		[KM_DIFF_NEW] = news,
	};
	const size_t nr_traces[] = { [KM_DIFF_BASE] = gates->nr_bases, [KM_DIFF_NEW] = 1 };

	return km_diff_create(traces, nr_traces, &options, ret);
}

static int compare_added(const void *a, const void *b)
{
	const struct km_diff_row *x = *(const struct km_diff_row *const *)a;
	const struct km_diff_row *y = *(const struct km_diff_row *const *)b;
	/* one of the sides has nothing */
	uint64_t waste_x = x->side[0].bytes_waste + x->side[1].bytes_waste;
	uint64_t waste_y = y->side[0].bytes_waste + y->side[1].bytes_waste;
	uint64_t hits_x = x->side[0].hits + x->side[1].hits;
	uint64_t hits_y = y->side[0].hits + y->side[1].hits;

	if (waste_x != waste_y)
		return waste_x < waste_y ? 1 : -1;
	if (hits_x != hits_y)
		return hits_x < hits_y ? 1 : -1;
	return strcmp(x->key, y->key);
}

static struct km_error *list_sites(struct km_gates_own *own)
{
	struct km_gates *gates = &own->gates;
	const struct km_diff *diff = own->waste;

	gates->added = calloc(diff->nr_rows + 1, sizeof(const struct km_diff_row *));
	gates->removed = calloc(diff->nr_rows + 1, sizeof(const struct km_diff_row *));
	if (!gates->added || !gates->removed)
		return &km_error_memory;
	for (size_t i = 0; i < diff->nr_rows; i++) {
		const struct km_diff_row *row = &diff->rows[i];

		if (row->state == KM_DIFF_ADDED)
			gates->added[gates->nr_added++] = row;
		else if (row->state == KM_DIFF_REMOVED)
			gates->removed[gates->nr_removed++] = row;
	}
	if (gates->nr_added)
		qsort(gates->added, gates->nr_added, sizeof(const struct km_diff_row *),
		      compare_added);
	if (gates->nr_removed)
		qsort(gates->removed, gates->nr_removed, sizeof(const struct km_diff_row *),
		      compare_added);
	return NULL;
}

static struct km_error *note(struct km_gates_own *own, const char *text)
{
	struct km_gates *gates = &own->gates;

	for (size_t i = 0; i < gates->nr_notes; i++)
		if (strcmp(gates->notes[i].text, text) == 0)
			return NULL;
	return km_gates_say(own, &gates->notes, &gates->nr_notes, &own->size_notes, NULL, "", "%s",
			    text);
}

static struct km_error *take_notes(struct km_gates_own *own, const struct km_diff *diff)
{
	struct km_error *error = NULL;

	for (size_t i = 0; diff && !error && i < diff->nr_notes; i++)
		if (strcmp(diff->notes[i].kind, "chance") != 0)
			error = note(own, diff->notes[i].text);
	return error;
}

static struct km_error *find_notes(struct km_gates_own *own)
{
	const struct km_snapshot *now = own->gates.now;
	struct km_error *error = take_notes(own, own->waste);

	if (!error)
		error = take_notes(own, own->hits);
	if (error || own->waste || !now->is_incomplete)
		return error;
	return km_gates_say(own, &own->gates.notes, &own->gates.nr_notes, &own->size_notes, NULL,
			    "", "%s is incomplete: its numbers are lower bounds", now->path);
}

static struct km_error *compare_all(struct km_gates_own *own)
{
	struct km_error *error;

	if (!own->gates.nr_bases)
		return NULL;
	error = compare(own, KM_DIFF_WASTE, &own->waste);
	if (!error && own->options->max_hits_growth.text)
		error = compare(own, KM_DIFF_HITS, &own->hits);
	return error ? error : list_sites(own);
}

struct km_error *km_gate_options_check(const struct km_gate_options *options, size_t nr_bases)
{
	const char *name = options->max_waste_growth.text  ? "--max-waste-growth"
			   : options->max_hits_growth.text ? "--max-hits-growth"
							   : NULL;

	for (size_t i = 0; i < options->nr_fail_on; i++)
		if (options->fail_on[i].is_new)
			name = "--fail-on new";
	if (!name || nr_bases)
		return NULL;
	return km_error_advise(km_error_create(KM_ERR_USAGE, NULL, "%s needs a baseline", name),
			       "give --baseline FILE");
}

/* Gates about growth, if nothing can be compared. */
static struct km_error *skip_growth(struct km_gates_own *own)
{
	const struct {
		const struct km_limit *limit;
		const char *name;
	} limits[] = {
		{ &own->options->max_waste_growth, "--max-waste-growth " },
		{ &own->options->max_hits_growth, "--max-hits-growth " },
	};
	struct km_error *error = NULL;

	for (size_t i = 0; !error && i < 2; i++) {
		if (!limits[i].limit->text)
			continue;
		own->gates.nr_gates++;
		error = say_undecided(own, limits[i].name, limits[i].limit->text);
	}
	return error;
}

struct km_error *km_gates_judge(const struct km_snapshot *now,
				const struct km_snapshot *const *bases, size_t nr_bases,
				const struct km_gate_options *options, struct km_gates **ret)
{
	struct km_error *error = km_gate_options_check(options, nr_bases);
	struct km_gates_own *own;

	if (error)
		return error;
	own = calloc(1, sizeof(*own));
	if (!own)
		return &km_error_memory;
	own->options = options;
	own->gates.now = now;
	own->gates.bases = bases;
	own->gates.nr_bases = nr_bases;
	for (size_t i = 0; i < now->nr_findings; i++)
		own->gates.nr_suppressed += now->findings[i].suppressed != NULL;
	own->gates.nr_findings = now->nr_findings - own->gates.nr_suppressed;
	error = compare_all(own);
	own->why_incomparable = why_incomparable(own);
	if (!error)
		error = judge_findings(own);
	if (!error)
		error = km_gates_judge_limits(own);
	if (!error)
		error = (own->why_incomparable ? skip_growth : km_gates_judge_growth)(own);
	if (!error)
		error = find_notes(own);
	if (error) {
		km_gates_destroy(&own->gates);
		return error;
	}
	assert(own->gates.nr_tripped + own->gates.nr_undecided <= own->gates.nr_gates);
	*ret = &own->gates;
	return NULL;
}

void km_gates_destroy(struct km_gates *gates)
{
	struct km_gates_own *own = (struct km_gates_own *)gates;

	if (!gates)
		return;
	km_diff_destroy(own->waste);
	km_diff_destroy(own->hits);
	free(gates->trips);
	free(gates->undecided);
	free(gates->notes);
	free(gates->added);
	free(gates->removed);
	km_pool_deinit(&own->strings);
	free(own);
}
