/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Findings as the results of tests, in the XML that Ant's JUnit task began and CI servers read
 * (as Jenkins' xUnit plugin describes it, junit-10.xsd). A rule is a testsuite, a finding a
 * testcase that failed; one that is suppressed was skipped, with the reason. A rule that found
 * nothing is one testcase that passed, or that was skipped where the trace has nothing that the
 * rule could judge: else it would seem that all is well.
 *
 * CI servers know a test by the names of class and case: there is no line or offset in them, and
 * equal names are numbered.
 */
#include "render/scan.h"
#include "render/text.h"
#include "render/xml.h"

#include <stdlib.h>

/* One rule: its findings, in the order of the report. */
struct suite {
	const struct km_rule_info *rule;
	const struct km_finding **findings;
	char **names;        /* of findings, but for ... */
	uint32_t *nr_before; /* ... equal ones before each */
	size_t nr, nr_suppressed;
};

static void suite_deinit(struct suite *suite)
{
	for (size_t i = 0; suite->names && i < suite->nr; i++)
		free(suite->names[i]);
	free(suite->names);
	free(suite->nr_before);
	free(suite->findings);
}

/* "mesh_rmc_init [mac80211]: kmalloc-4k" */
static char *make_name(const struct km_finding *finding)
{
	char *text, *function = km_scan_function(finding->callsite);
	bool has_class = km_rule_info(finding->rule)->is_about_sizes;

	if (!function || asprintf(&text, "%s%s%s", function, has_class ? ": " : "",
				  has_class ? finding->size_class : "") < 0)
		text = NULL;
	free(function);
	return text;
}

/* Adds those of `nr` findings that are the rule's. */
static struct km_error *add_findings(struct suite *suite, const struct km_finding *findings,
				     size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		if (findings[i].rule != suite->rule->rule)
			continue;
		suite->names[suite->nr] = make_name(&findings[i]);
		if (!suite->names[suite->nr])
			return &km_error_memory;
		suite->nr_suppressed += findings[i].suppressed != NULL;
		suite->findings[suite->nr++] = &findings[i];
	}
	return NULL;
}

static struct km_error *suite_init(struct suite *suite, const struct km_scan *scan,
				   enum km_rule rule)
{
	size_t most = scan->nr_findings + scan->nr_suppressed + 1;
	struct km_error *error;

	*suite = (struct suite){
		.rule = km_rule_info(rule),
		.findings = calloc(most, sizeof(*suite->findings)),
		.names = calloc(most, sizeof(*suite->names)),
		.nr_before = calloc(most, sizeof(*suite->nr_before)),
	};
	if (!suite->findings || !suite->names || !suite->nr_before)
		return &km_error_memory;
	error = add_findings(suite, scan->findings, scan->nr_findings);
	if (!error)
		error = add_findings(suite, scan->suppressed, scan->nr_suppressed);
	return error ? error : km_scan_count_equal(suite->names, suite->nr, suite->nr_before);
}

static bool has_locality(const struct km_report *report)
{
	for (size_t i = 0; i < report->nr_callsites; i++)
		if (report->callsites[i].locality)
			return true;
	return false;
}

/* Why a rule could not find anything, or NULL. */
static const char *why_blind(const struct km_report *report, const struct km_rule_info *rule)
{
	if (rule->rule == KM_RULE_PERCPU_WASTE)
		return report->percpus ? NULL : "no percpu events, or they were not paired";
	if (report->slab.allocs == 0)
		return "no slab allocations in the trace";
	if (rule->needs_pairs && !report->lives)
		return "allocations and frees were not paired";
	if (rule->needs_locality && !has_locality(report))
		return "--locality was not asked for";
	if (rule->needs_own_caches && !report->own_caches)
		return "--own-cache was not asked for";
	return NULL;
}

static void begin_case(const struct suite *suite, const char *name, uint32_t nr_before,
		       struct km_out *out)
{
	km_out_puts(out, "    <testcase classname=\"kmemstat.");
	km_xml_puts(out, suite->rule->name);
	km_out_puts(out, "\" name=\"");
	km_xml_puts(out, name);
	if (nr_before)
		km_out_printf(out, " #%u", nr_before + 1);
	km_out_puts(out, "\" time=\"0\"");
}

static void write_skipped(struct km_out *out, const char *reason)
{
	km_out_puts(out, ">\n      <skipped");
	km_xml_attribute(out, "message", reason);
	km_out_puts(out, "/>\n    </testcase>\n");
}

/* What a rule says if it found nothing. */
static void write_no_findings(const struct km_report *report, const struct suite *suite,
			      struct km_out *out)
{
	const char *reason = why_blind(report, suite->rule);

	begin_case(suite, "no findings", 0, out);
	if (reason)
		write_skipped(out, reason);
	else
		km_out_puts(out, "/>\n");
}

static struct km_error *write_failure(const struct km_report *report,
				      const struct km_finding *finding, struct km_out *out)
{
	struct km_scan_place place = km_scan_place(finding->callsite);
	char *message = km_scan_message(report, finding);

	if (!message)
		return &km_error_memory;
	km_out_puts(out, ">\n      <failure");
	km_xml_attribute(out, "type", km_finding_severity_name(finding->severity));
	km_xml_attribute(out, "message", message);
	km_out_puts(out, ">");
	if (place.file) {
		km_xml_puts(out, place.file);
		km_out_printf(out, ":%u: ", (unsigned int)place.line);
	}
	km_xml_puts(out, message);
	km_out_puts(out, "\n");
	km_xml_puts(out, finding->advice);
	km_out_puts(out, "\n</failure>\n    </testcase>\n");
	free(message);
	return NULL;
}

static void begin_suite(const char *name, size_t nr, size_t nr_failed, size_t nr_skipped,
			struct km_out *out)
{
	km_out_puts(out, "  <testsuite name=\"kmemstat.");
	km_xml_puts(out, name);
	km_out_printf(out,
		      "\" tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\" "
		      "time=\"0\">\n",
		      nr, nr_failed, nr_skipped);
}

static struct km_error *write_suite(const struct km_report *report, const struct suite *suite,
				    struct km_out *out)
{
	size_t nr_failed = suite->nr - suite->nr_suppressed;
	bool is_blind = !suite->nr && why_blind(report, suite->rule);
	struct km_error *error = NULL;

	begin_suite(suite->rule->name, suite->nr ? suite->nr : 1, nr_failed,
		    suite->nr_suppressed + is_blind, out);
	if (!suite->nr)
		write_no_findings(report, suite, out);
	for (size_t i = 0; !error && i < suite->nr; i++) {
		const struct km_finding *finding = suite->findings[i];

		begin_case(suite, suite->names[i], suite->nr_before[i], out);
		if (finding->suppressed)
			write_skipped(out, finding->suppressed);
		else
			error = write_failure(report, finding, out);
	}
	km_out_puts(out, "  </testsuite>\n");
	return error;
}

/* What was lost fails nothing (--strict does), but is told. */
static void write_trace_suite(const struct km_report *report, struct km_out *out)
{
	bool is_whole = !km_quality_is_incomplete(&report->quality);

	begin_suite("trace", 1, 0, !is_whole, out);
	km_out_puts(out, "    <testcase classname=\"kmemstat.trace\" name=\"every event is there\""
			 " time=\"0\"");
	if (is_whole) {
		km_out_puts(out, "/>\n  </testsuite>\n");
		return;
	}
	km_out_puts(out, ">\n      <skipped message=\"events were lost, or are damaged\">");
	for (enum km_counter i = 0; i < KM_NR_COUNTERS; i++) {
		char *text;

		if (!km_scan_tells_counter(report, i, false))
			continue;
		text = km_scan_counter_text(report, i);
		km_xml_puts(out, text ? text : "");
		km_out_puts(out, "\n");
		free(text);
	}
	km_out_puts(out, "</skipped>\n    </testcase>\n  </testsuite>\n");
}

/* All suites: the sums stand before them. */
static struct km_error *write_suites(const struct km_report *report, const struct suite *suites,
				     struct km_out *out)
{
	struct km_error *error = NULL;
	size_t nr = 1, nr_failed = 0;

	for (enum km_rule rule = 0; rule < KM_NR_RULES; rule++) {
		nr += suites[rule].nr ? suites[rule].nr : 1;
		nr_failed += suites[rule].nr - suites[rule].nr_suppressed;
	}
	km_xml_begin(out);
	km_out_printf(out,
		      "<testsuites name=\"kmemstat\" tests=\"%zu\" failures=\"%zu\" errors=\"0\" "
		      "time=\"0\">\n",
		      nr, nr_failed);
	write_trace_suite(report, out);
	for (enum km_rule rule = 0; !error && rule < KM_NR_RULES; rule++)
		error = write_suite(report, &suites[rule], out);
	km_out_puts(out, "</testsuites>\n");
	return error;
}

struct km_error *km_render_junit(const struct km_report *report,
				 const struct km_render_options *options, struct km_out *out)
{
	const struct km_scan scan = km_scan_make(report, options->view);
	struct suite suites[KM_NR_RULES] = { 0 };
	struct km_error *error = NULL;

	for (enum km_rule rule = 0; !error && rule < KM_NR_RULES; rule++)
		error = suite_init(&suites[rule], &scan, rule);
	if (!error)
		error = write_suites(report, suites, out);
	for (enum km_rule rule = 0; rule < KM_NR_RULES; rule++)
		suite_deinit(&suites[rule]);
	return error;
}
