/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The findings engine: every size of every call site is put to the rules about sizes, in their
 * order, and belongs to the first that flags it, and to those that look at sizes for themselves.
 * What one rule flagged of one call site and one size class is one finding. Then every call site
 * as a whole is put to the rules about call sites; each may find something.
 */
#include "report/findings.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct km_rule_row *const rules[KM_NR_RULES] = {
	[KM_RULE_JUST_OVER] = &km_rule_just_over,   [KM_RULE_WASTE] = &km_rule_waste,
	[KM_RULE_HIGH_ORDER] = &km_rule_high_order, [KM_RULE_LEAK_SUSPECT] = &km_rule_leak_suspect,
	[KM_RULE_PING_PONG] = &km_rule_ping_pong,   [KM_RULE_SHORT_LIVED] = &km_rule_short_lived,
	[KM_RULE_ACCOUNTED] = &km_rule_accounted,   [KM_RULE_PERCPU_WASTE] = &km_rule_percpu_waste,
	[KM_RULE_SCATTERED] = &km_rule_scattered,   [KM_RULE_OWN_CACHE] = &km_rule_own_cache,
};

static const char *const severity_names[] = {
	[KM_FIND_LOW] = "low",
	[KM_FIND_MEDIUM] = "medium",
	[KM_FIND_HIGH] = "high",
};

const struct km_rule_info *km_rule_info(enum km_rule rule)
{
	assert(rules[rule]->info.rule == rule);
	return &rules[rule]->info;
}

bool km_rule_is_about_site(enum km_rule rule)
{
	return rules[rule]->scope == KM_SCOPE_SITE;
}

const char *km_finding_severity_name(enum km_finding_severity severity)
{
	return severity_names[severity];
}

const char *km_range(uint64_t low, uint64_t high, char buf[static KM_RANGE_SIZE])
{
	if (low == high)
		snprintf(buf, KM_RANGE_SIZE, "%" PRIu64, high);
	else
		snprintf(buf, KM_RANGE_SIZE, "%" PRIu64 " to %" PRIu64, low, high);
	return buf;
}

const char *km_range_bytes(uint64_t low, uint64_t high, char buf[static KM_RANGE_SIZE])
{
	size_t len = strlen(km_range(low, high, buf));

	snprintf(buf + len, KM_RANGE_SIZE - len, high == 1 ? " byte" : " bytes");
	return buf;
}

/* A size with the rule that flags it. */
struct judged {
	enum km_rule rule;
	struct km_report_class *class;
	const struct km_report_size *size;
};

static int compare_judged(const void *a, const void *b)
{
	const struct judged *x = a, *y = b;

	if (x->class != y->class)
		return x->class < y->class ? -1 : 1;
	if (x->rule != y->rule)
		return x->rule < y->rule ? -1 : 1;
	return (x->size > y->size) - (x->size < y->size);
}

/* `ret` has room for every size with every rule. */
static size_t judge_sizes(const struct km_report_own *own, const struct km_callsite *site,
			  const struct km_thresholds *thresholds, struct judged *ret)
{
	size_t nr = 0;

	for (size_t i = 0; i < site->nr_sizes; i++) {
		struct km_question question = {
			.thresholds = thresholds,
			.family = km_callsite_family(site),
			.page_size = km_sane_page_size(own->report.input->page_size),
			.size = &site->sizes[i],
		};
		bool is_taken = false;

		for (enum km_rule rule = 0; rule < KM_NR_RULES; rule++) {
			enum km_scope scope = rules[rule]->scope;

			if ((scope != KM_SCOPE_SIZE && scope != KM_SCOPE_SIZE_TOO) ||
			    (scope == KM_SCOPE_SIZE && is_taken) || !rules[rule]->flags(&question))
				continue;
			is_taken |= scope == KM_SCOPE_SIZE;
			ret[nr++] = (struct judged){
				.rule = rule,
				.class = km_report_class_of(own, question.size),
				.size = question.size,
			};
		}
	}
	qsort(ret, nr, sizeof(*ret), compare_judged);
	return nr;
}

/* Page allocations lose what lies beyond the last page that an object reaches. */
static uint64_t tail_bytes(const struct km_report_size *size, uint32_t page_size)
{
	uint64_t page = page_size;
	uint64_t needed = (size->bytes_req + page - 1) / page * page;

	return km_sat_mul(size->hits, km_waste(needed, size->bytes_alloc));
}

/*
 * kvmalloc_node() (mm/util.c, v6.1; __kvmalloc_node_noprof() in mm/slub.c since v6.11) allocates
 * for its callers and is itself the call site in the event.
 */
static bool is_kvmalloc(const struct km_callsite *site)
{
	static const char *const names[] = { "kvmalloc_node", "__kvmalloc_node",
					     "kvmalloc_node_noprof", "__kvmalloc_node_noprof" };

	for (size_t i = 0; site->has_symbol && i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(site->symbol.name, names[i]) == 0)
			return true;
	return false;
}

/*
 * Other such functions: mempool_kmalloc() and mempool_alloc_slab() (mm/mempool.c). kmemdup(),
 * krealloc(), kstrdup() and devm_kmalloc() pass their caller on.
 */
static bool is_wrapper(const struct km_callsite *site)
{
	return is_kvmalloc(site) ||
	       (site->has_symbol && (strcmp(site->symbol.name, "mempool_kmalloc") == 0 ||
				     strcmp(site->symbol.name, "mempool_alloc_slab") == 0));
}

static struct km_case make_case(const struct km_report_own *own, const struct km_callsite *site)
{
	enum km_family family = km_callsite_family(site);

	return (struct km_case){
		.report = &own->report,
		.site = site,
		.family = family,
		.page_size = km_sane_page_size(own->report.input->page_size),
		.min_req = UINT32_MAX,
		.has_frees = own->has_frees[family],
		.is_kvmalloc = is_kvmalloc(site),
	};
}

static void add_size(struct km_case *c, const struct km_report_size *size)
{
	if (size->bytes_req < c->min_req)
		c->min_req = size->bytes_req;
	if (size->bytes_req > c->max_req)
		c->max_req = size->bytes_req;
	if (size->bytes_alloc > c->bytes_alloc)
		c->bytes_alloc = size->bytes_alloc;
	c->hits = km_sat_add(c->hits, size->hits);
	c->req = km_sat_add(c->req, km_sat_mul(size->hits, size->bytes_req));
	c->alloc = km_sat_add(c->alloc, km_sat_mul(size->hits, size->bytes_alloc));
	c->tail_saved = km_sat_add(c->tail_saved, tail_bytes(size, c->page_size));
	c->waste = km_waste(c->req, c->alloc);
}

static struct km_case make_size_case(const struct km_report_own *own,
				     const struct km_callsite *site, const struct judged *judged,
				     size_t nr)
{
	struct km_case c = make_case(own, site);

	for (size_t i = 0; i < nr; i++)
		add_size(&c, judged[i].size);
	c.size_class = judged[0].class->name;
	c.cache = judged[0].size->cache;
	c.is_whole_site = nr == site->nr_sizes;
	return c;
}

static struct km_case make_site_case(const struct km_report_own *own,
				     const struct km_callsite *site)
{
	struct km_case c = make_case(own, site);

	for (size_t i = 0; i < site->nr_sizes; i++)
		add_size(&c, &site->sizes[i]);
	c.size_class = site->size_class;
	c.cache = site->nr_sizes ? site->sizes[0].cache : NULL;
	c.is_whole_site = true;
	return c;
}

double km_percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

enum km_finding_severity km_hot_severity(const struct km_case *c)
{
	static const double medium_percent = 10;

	return km_percent(c->hits, c->report->slab.allocs) >= medium_percent ? KM_FIND_MEDIUM
									     : KM_FIND_LOW;
}

bool km_case_is_hot(const struct km_case *c, const struct km_thresholds *thresholds)
{
	return c->hits >= thresholds->hot_hits &&
	       km_percent(c->hits, c->report->slab.allocs) >= thresholds->hot_percent;
}

/*
 * Since v6.10 a large kmalloc() has two events (seen in v6.12): __kmalloc_large_node_noprof(),
 * called from these functions, names them, then they name their caller (__do_kmalloc_node(),
 * mm/slub.c). What is to be said is said of the caller.
 */
static bool is_told_twice(const struct km_callsite *site)
{
	static const char *const names[] = { "__kmalloc_noprof", "__kmalloc_node_noprof",
					     "__kmalloc_node_track_caller_noprof" };

	for (size_t i = 0; site->has_symbol && i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(site->symbol.name, names[i]) == 0)
			return true;
	return false;
}

/* Room for one more finding; pointers to findings are not kept while they are made. */
static struct km_error *grow_findings(struct km_report_own *own)
{
	struct km_report *report = &own->report;
	size_t size = own->size_findings ? 2 * own->size_findings : 64;
	struct km_finding *findings;

	if (report->nr_findings < own->size_findings)
		return NULL;
	findings = reallocarray(report->findings, size, sizeof(*findings));
	if (!findings)
		return &km_error_memory;
	report->findings = findings;
	own->size_findings = size;
	return NULL;
}

static struct km_error *add_finding(struct km_report_own *own, const struct km_case *c,
				    enum km_rule rule, const struct km_thresholds *thresholds)
{
	struct km_report *report = &own->report;
	struct km_finding *finding;
	struct km_error *error;

	if (!rules[rule]->keeps(c, thresholds))
		return NULL;
	error = grow_findings(own);
	if (error)
		return error;
	finding = &report->findings[report->nr_findings];
	*finding = (struct km_finding){
		.rule = rule,
		.callsite = c->site,
		.hits = c->hits,
		.bytes_req = c->req,
		.bytes_alloc = c->alloc,
		.bytes_waste = c->waste,
		.hits_affected = c->hits,
		.size_class = c->size_class,
	};
	rules[rule]->grade(c, thresholds, finding);
	finding->message = rules[rule]->message(c, &own->strings);
	finding->advice = rules[rule]->advice(c, finding, &own->strings);
	if (finding->advice && is_wrapper(c->site))
		finding->advice = km_strings_printf(&own->strings,
						    "%s; %s() allocates for others: stack traces "
						    "(trace-cmd record -T) tell for "
						    "whom",
						    finding->advice, c->site->symbol.name);
	if (!finding->message || !finding->advice)
		return &km_error_memory;
	report->nr_findings++;
	return NULL;
}

static int compare_findings(const void *a, const void *b)
{
	const struct km_finding *x = a, *y = b;
	int order;

	if (x->severity != y->severity)
		return x->severity < y->severity ? 1 : -1;
	if (x->bytes_at_stake != y->bytes_at_stake)
		return x->bytes_at_stake < y->bytes_at_stake ? 1 : -1;
	/* both cost time alone: what happens more often comes first */
	if (x->bytes_at_stake == 0 && x->hits_affected != y->hits_affected)
		return x->hits_affected < y->hits_affected ? 1 : -1;
	order = km_callsite_compare_name(x->callsite, y->callsite);
	if (!order)
		order = strcmp(x->size_class, y->size_class);
	return order ? order : (x->rule > y->rule) - (x->rule < y->rule);
}

static struct km_error *find_in_sizes(struct km_report_own *own, const struct km_callsite *site,
				      const struct km_thresholds *thresholds, struct judged *judged)
{
	size_t nr = judge_sizes(own, site, thresholds, judged);

	for (size_t i = 0, end; i < nr; i = end) {
		struct km_case c;
		struct km_error *error;

		for (end = i + 1; end < nr && judged[end].class == judged[i].class &&
				  judged[end].rule == judged[i].rule;)
			end++;
		c = make_size_case(own, site, &judged[i], end - i);
		error = add_finding(own, &c, judged[i].rule, thresholds);
		if (error)
			return error;
	}
	return NULL;
}

static struct km_error *find_in_site(struct km_report_own *own, const struct km_callsite *site,
				     const struct km_thresholds *thresholds)
{
	struct km_case c = make_site_case(own, site);
	struct km_error *error = NULL;

	for (enum km_rule rule = 0; !error && rule < KM_NR_RULES; rule++)
		if (rules[rule]->scope == KM_SCOPE_SITE)
			error = add_finding(own, &c, rule, thresholds);
	return error;
}

static struct km_error *find_in_percpu(struct km_report_own *own, const struct km_percpu_row *row,
				       const struct km_thresholds *thresholds)
{
	struct km_report *report = &own->report;
	struct km_finding *finding;
	struct km_error *error;

	if (!km_rule_percpu_waste_flags(report, row, thresholds))
		return NULL;
	error = grow_findings(own);
	if (error)
		return error;
	finding = &report->findings[report->nr_findings];
	error = km_rule_percpu_waste_find(own, row, thresholds, finding);
	if (error)
		return error;
	report->nr_findings++;
	return NULL;
}

struct km_error *km_report_build_findings(struct km_report_own *own,
					  const struct km_thresholds *thresholds)
{
	struct km_report *report = &own->report;
	struct km_error *error = NULL;
	struct judged *judged;
	const size_t nr_percpu = report->percpus ? report->percpus->nr_rows : 0;
	size_t most = 0;

	for (size_t i = 0; i < report->nr_callsites; i++)
		if (report->callsites[i].nr_sizes > most)
			most = report->callsites[i].nr_sizes;
	judged = calloc(most + 1, sizeof(*judged) * KM_NR_RULES);
	if (!judged)
		error = &km_error_memory;
	for (size_t i = 0; !error && i < report->nr_callsites; i++) {
		if (is_told_twice(&report->callsites[i]))
			continue;
		error = find_in_sizes(own, &report->callsites[i], thresholds, judged);
		if (!error)
			error = find_in_site(own, &report->callsites[i], thresholds);
	}
	free(judged);
	for (size_t i = 0; !error && i < nr_percpu; i++)
		error = find_in_percpu(own, &report->percpus->rows[i], thresholds);
	if (error)
		return error;
	if (report->nr_findings)
		qsort(report->findings, report->nr_findings, sizeof(*report->findings),
		      compare_findings);
	return km_report_set_fingerprints(report);
}
