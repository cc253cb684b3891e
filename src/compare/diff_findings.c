/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Findings that one side has and the other has not, by fingerprint. Where one side has no source
 * lines, what is left over is matched by the fingerprint of the function alone. A finding that
 * some traces of its side have and others have not is noise, as a difference within the spread is.
 */
#include <stdlib.h>
#include <string.h>

#include "compare/diff_private.h"

/* A finding of one trace. */
struct entry {
	const struct km_snap_finding *finding;
	enum km_diff_side_id side;
	size_t trace;
};

/* A fingerprint that one side alone has. */
struct lonely {
	const struct km_snap_finding *finding; /* of the first trace; not suppressed, if one is */
	enum km_diff_side_id side;
	size_t nr_traces;
	bool is_matched;
};

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = strcmp(x->finding->fingerprint, y->finding->fingerprint);

	if (!order)
		order = (x->side > y->side) - (x->side < y->side);
	if (!order)
		order = (x->trace > y->trace) - (x->trace < y->trace);
	/* in the order of the report */
	return order ? order : (x->finding > y->finding) - (x->finding < y->finding);
}

static struct entry *collect(const struct km_diff *diff, size_t *ret_nr)
{
	struct entry *entries;
	size_t nr = 0;

	for (enum km_diff_side_id side = 0; side < KM_NR_DIFF_SIDES; side++)
		for (size_t i = 0; i < diff->nr_traces[side]; i++)
			nr += diff->traces[side][i]->nr_findings;
	entries = calloc(nr + 1, sizeof(*entries));
	if (!entries)
		return NULL;
	*ret_nr = nr;
	nr = 0;
	for (enum km_diff_side_id side = 0; side < KM_NR_DIFF_SIDES; side++)
		for (size_t i = 0; i < diff->nr_traces[side]; i++)
			for (size_t j = 0; j < diff->traces[side][i]->nr_findings; j++)
				entries[nr++] = (struct entry){ &diff->traces[side][i]->findings[j],
								side, i };
	if (nr)
		qsort(entries, nr, sizeof(*entries), compare_entries);
	return entries;
}

/* Entries with one fingerprint, all of one side. */
static struct lonely make_lonely(const struct entry *entries, size_t nr)
{
	struct lonely ret = { .finding = entries[0].finding, .side = entries[0].side };

	for (size_t i = 0; i < nr; i++) {
		if (ret.finding->suppressed && !entries[i].finding->suppressed)
			ret.finding = entries[i].finding;
		ret.nr_traces += i == 0 || entries[i].trace != entries[i - 1].trace;
	}
	return ret;
}

static size_t find_lonely(const struct entry *entries, size_t nr, struct lonely *ret)
{
	size_t nr_lonely = 0;

	for (size_t i = 0, end; i < nr; i = end) {
		for (end = i + 1; end < nr && strcmp(entries[end].finding->fingerprint,
						     entries[i].finding->fingerprint) == 0;)
			end++;
		if (entries[i].side == entries[end - 1].side)
			ret[nr_lonely++] = make_lonely(&entries[i], end - i);
	}
	return nr_lonely;
}

static bool has_source(const struct km_snap_finding *finding)
{
	return finding->file || finding->line;
}

static int compare_by_symbol(const void *a, const void *b)
{
	const struct lonely *x = a, *y = b;
	const char *p = x->finding->fingerprint_symbol, *q = y->finding->fingerprint_symbol;

	if (!p || !q)
		return (p != NULL) - (q != NULL);
	return strcmp(p, q);
}

/* Matches those of one function that only source lines could tell apart. */
static void match_by_symbol(struct lonely *lonely, size_t nr)
{
	if (nr)
		qsort(lonely, nr, sizeof(*lonely), compare_by_symbol);
	for (size_t i = 0, end; i < nr; i = end) {
		bool is_there[KM_NR_DIFF_SIDES][2] = { { false } };

		for (end = i; end < nr && compare_by_symbol(&lonely[i], &lonely[end]) == 0; end++)
			is_there[lonely[end].side][has_source(lonely[end].finding)] = true;
		if (!lonely[i].finding->fingerprint_symbol)
			continue;
		for (size_t j = i; j < end; j++)
			lonely[j].is_matched =
				is_there[!lonely[j].side][!has_source(lonely[j].finding)];
	}
}

static int compare_results(const void *a, const void *b)
{
	const struct km_diff_finding *x = a, *y = b;
	const struct km_snap_finding *p = x->finding, *q = y->finding;
	int order;

	if (x->is_noise != y->is_noise)
		return x->is_noise ? 1 : -1;
	if (x->side != y->side)
		return x->side == KM_DIFF_NEW ? -1 : 1;
	if (p->severity != q->severity)
		return p->severity < q->severity ? 1 : -1;
	if (p->bytes_waste != q->bytes_waste)
		return p->bytes_waste < q->bytes_waste ? 1 : -1;
	order = strcmp(p->rule, q->rule);
	if (!order)
		order = strcmp(p->key, q->key);
	return order ? order : strcmp(p->fingerprint, q->fingerprint);
}

struct km_error *km_diff_find_findings(struct km_diff_own *own)
{
	struct km_diff *diff = &own->diff;
	size_t nr = 0;
	struct entry *entries = collect(diff, &nr);
	struct lonely *lonely = calloc(nr + 1, sizeof(*lonely));

	diff->findings = calloc(nr + 1, sizeof(*diff->findings));
	if (!entries || !lonely || !diff->findings) {
		free(entries);
		free(lonely);
		return &km_error_memory;
	}
	nr = find_lonely(entries, nr, lonely);
	match_by_symbol(lonely, nr);
	for (size_t i = 0; i < nr; i++) {
		const enum km_diff_side_id side = lonely[i].side;
		const bool is_noise = lonely[i].nr_traces < diff->nr_traces[side];

		if (lonely[i].is_matched || lonely[i].finding->suppressed)
			continue;
		diff->nr_new_findings += !is_noise && side == KM_DIFF_NEW;
		diff->nr_gone_findings += !is_noise && side == KM_DIFF_BASE;
		diff->findings[diff->nr_findings++] =
			(struct km_diff_finding){ lonely[i].finding, side, lonely[i].nr_traces,
						  is_noise };
	}
	if (diff->nr_findings)
		qsort(diff->findings, diff->nr_findings, sizeof(*diff->findings), compare_results);
	free(entries);
	free(lonely);
	return NULL;
}
