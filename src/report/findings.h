/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules: what the engine in findings.c asks of each. */
#ifndef KMEMSTAT_REPORT_FINDINGS_H
#define KMEMSTAT_REPORT_FINDINGS_H

#include "report/build.h"

/* What a rule judges. */
enum km_scope {
	KM_SCOPE_SIZE,     /* each size; it belongs to the first such rule that flags it */
	KM_SCOPE_SIZE_TOO, /* each size, whatever other rules say of it */
	KM_SCOPE_SITE,     /* a call site with all its sizes */
	KM_SCOPE_PERCPU,   /* percpu objects: it has functions of its own */
};

/* The sizes of one call site and one size class that one rule flagged, or a whole call site. */
struct km_case {
	const struct km_report *report; /* its sums; findings are not there yet */
	const struct km_callsite *site;
	const char *size_class; /* of a whole call site: what most of its bytes are in */
	enum km_family family;
	const char *cache; /* name of a named cache, or NULL */
	uint32_t page_size;
	uint32_t min_req, max_req; /* requested by one object */
	/* of one object: the same for all sizes of a class, of a whole call site the largest */
	uint32_t bytes_alloc;
	bool is_whole_site; /* no other size of the call site is outside this case */
	bool has_frees;     /* the trace has events of what frees such objects */
	bool is_kvmalloc;   /* the call site is kvmalloc() itself */
	uint64_t hits, req, alloc, waste;
	uint64_t tail_saved; /* whole pages that hold no byte of an object, in total */
};

/* What is asked about one size. */
struct km_question {
	const struct km_thresholds *thresholds;
	enum km_family family;
	uint32_t page_size;
	const struct km_report_size *size;
};

/* A row of the rules table; strings go to `strings`, NULL is for no memory. */
struct km_rule_row {
	struct km_rule_info info;
	enum km_scope scope;
	/* Whether a size is flagged; not asked with KM_SCOPE_SITE. */
	bool (*flags)(const struct km_question *question);
	/* Whether all flagged sizes together, or the call site, are worth a finding. */
	bool (*keeps)(const struct km_case *c, const struct km_thresholds *thresholds);
	/*
	 * Sets severity and bytes_at_stake of a finding, and where the rule knows better
	 * bytes_saved, bytes_over and hits_affected (preset: all hits).
	 */
	void (*grade)(const struct km_case *c, const struct km_thresholds *thresholds,
		      struct km_finding *ret);
	char *(*message)(const struct km_case *c, struct km_strings *strings);
	char *(*advice)(const struct km_case *c, const struct km_finding *finding,
			struct km_strings *strings);
};

extern const struct km_rule_row km_rule_just_over;
extern const struct km_rule_row km_rule_waste;
extern const struct km_rule_row km_rule_high_order;
extern const struct km_rule_row km_rule_leak_suspect;
extern const struct km_rule_row km_rule_ping_pong;
extern const struct km_rule_row km_rule_short_lived;
extern const struct km_rule_row km_rule_accounted;
extern const struct km_rule_row km_rule_percpu_waste;
extern const struct km_rule_row km_rule_scattered;
extern const struct km_rule_row km_rule_own_cache;

/* Whether the rule judges call sites as a whole, with all their sizes. */
bool km_rule_is_about_site(enum km_rule rule);
/*
 * Fills the fingerprints of all findings: with functions inlined at call sites whose source is
 * looked up. Errors: KM_ERR_MEMORY.
 */
KM_MUST_CHECK struct km_error *km_report_set_fingerprints(struct km_report *report);

/* The severity of what costs time alone: medium from a tenth of all allocations on. */
enum km_finding_severity km_hot_severity(const struct km_case *c);
/* Whether a call site makes so many of the trace's allocations that their cost in time counts. */
bool km_case_is_hot(const struct km_case *c, const struct km_thresholds *thresholds);
/* 100 * part / whole; 0 of nothing. */
double km_percent(uint64_t part, uint64_t whole);
/* The rule about percpu objects: whether it flags a row, and what it finds. */
bool km_rule_percpu_waste_flags(const struct km_report *report, const struct km_percpu_row *row,
				const struct km_thresholds *thresholds);
KM_MUST_CHECK struct km_error *km_rule_percpu_waste_find(struct km_report_own *own,
							 const struct km_percpu_row *row,
							 const struct km_thresholds *thresholds,
							 struct km_finding *ret);

#define KM_RANGE_SIZE 48
/* "2056", or "1077 to 1078". */
const char *km_range(uint64_t low, uint64_t high, char buf[static KM_RANGE_SIZE]);
/* "1 byte", "1077 to 1078 bytes". */
const char *km_range_bytes(uint64_t low, uint64_t high, char buf[static KM_RANGE_SIZE]);

#endif
