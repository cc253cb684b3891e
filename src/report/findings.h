/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules: what the engine in findings.c asks of each. */
#ifndef KMEMSTAT_REPORT_FINDINGS_H
#define KMEMSTAT_REPORT_FINDINGS_H

#include "report/build.h"

/* The sizes of one call site and one size class that one rule flagged. */
struct km_case {
	const struct km_callsite *site;
	const struct km_report_class *class;
	enum km_family family;
	const char *cache; /* name of a named cache, or NULL */
	uint32_t page_size;
	uint32_t min_req, max_req; /* requested by one object */
	uint32_t bytes_alloc;      /* of one object: the same for all sizes of a class */
	bool is_whole_site;        /* no other size of the call site is outside this case */
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
	bool (*flags)(const struct km_question *question);
	/* Whether all flagged sizes together are worth a finding. */
	bool (*keeps)(const struct km_case *c, const struct km_thresholds *thresholds);
	/* Sets severity, bytes_saved and bytes_over of a finding. */
	void (*grade)(const struct km_case *c, const struct km_thresholds *thresholds,
		      struct km_finding *ret);
	char *(*message)(const struct km_case *c, struct km_strings *strings);
	char *(*advice)(const struct km_case *c, const struct km_finding *finding,
			struct km_strings *strings);
};

extern const struct km_rule_row km_rule_just_over;
extern const struct km_rule_row km_rule_waste;

#define KM_RANGE_SIZE 48
/* "2056", or "1077 to 1078". */
const char *km_range(uint64_t low, uint64_t high, char buf[static KM_RANGE_SIZE]);
/* "1 byte", "1077 to 1078 bytes". */
const char *km_range_bytes(uint64_t low, uint64_t high, char buf[static KM_RANGE_SIZE]);

#endif
