/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Findings as a GitLab Code Quality report: a JSON array of objects with description, check_name,
 * fingerprint, severity (info, minor, major, critical, blocker) and location.path, .lines.begin;
 * GitLab shows nothing of a report in which one of these is missing. It takes findings with the
 * same fingerprint for one: those behind the first get a number.
 *
 * What has no line of source has its symbol for a path. Suppressed findings are left out.
 */
#include "render/json.h"
#include "render/scan.h"

static const char *severity_of(const struct km_finding *finding)
{
	static const char *const names[] = {
		[KM_FIND_LOW] = "minor",
		[KM_FIND_MEDIUM] = "major",
		[KM_FIND_HIGH] = "critical",
	};

	return km_rule_info(finding->rule)->is_about_time ? "info" : names[finding->severity];
}

/* The whole text; NULL without memory. */
static char *describe(const struct km_report *report, const struct km_finding *finding)
{
	char *text, *message = km_scan_message(report, finding);

	if (!message || asprintf(&text, "%s. %s", message, finding->advice) < 0)
		text = NULL;
	free(message);
	return text;
}

static json_t *make_location(const struct km_callsite *site)
{
	struct km_scan_place place = km_scan_place(site);
	json_t *location = json_object(), *lines = json_object();
	char *path = km_scan_path(site);

	set(&location, "path", path ? json_string(path) : NULL);
	free(path);
	set_number(&lines, "begin", place.file ? place.line : 1);
	set(&location, "lines", lines);
	return location;
}

static json_t *make_issue(const struct km_report *report, const struct km_finding *finding,
			  uint32_t nr_before)
{
	json_t *object = json_object();
	char *description = describe(report, finding),
	     fingerprint[sizeof(finding->fingerprint) + 12];

	set(&object, "description", description ? text_value(description) : NULL);
	free(description);
	set(&object, "check_name", json_sprintf("kmemstat/%s", km_rule_info(finding->rule)->name));
	if (nr_before)
		snprintf(fingerprint, sizeof(fingerprint), "%s-%u", finding->fingerprint,
			 nr_before + 1);
	else
		snprintf(fingerprint, sizeof(fingerprint), "%s", finding->fingerprint);
	set_text(&object, "fingerprint", fingerprint);
	set_text(&object, "severity", severity_of(finding));
	set(&object, "location", make_location(finding->callsite));
	return object;
}

struct km_error *km_render_gitlab(const struct km_report *report,
				  const struct km_render_options *options, struct km_out *out)
{
	const struct km_scan scan = km_scan_make(report, options->view);
	uint32_t *nr_before = calloc(scan.nr_findings + scan.nr_suppressed + 1, sizeof(*nr_before));
	struct km_error *error =
		nr_before ? km_scan_count_fingerprints(&scan, nr_before) : &km_error_memory;

	km_out_puts(out, "[");
	for (size_t i = 0; !error && i < scan.nr_findings; i++) {
		km_out_puts(out, i ? ",\n" : "\n");
		error = km_json_dump(out, make_issue(report, &scan.findings[i], nr_before[i]));
	}
	km_out_puts(out, "\n]\n");
	free(nr_before);
	return error;
}
