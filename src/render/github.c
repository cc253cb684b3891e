/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Findings as workflow commands of GitHub Actions, for the standard output of a step:
 *
 *	::error file=PATH,line=N,col=N,title=TITLE::MESSAGE
 *
 * Values have %, CR and LF as %25, %0D, %0A; those of properties also : and , as %3A and %2C
 * (actions/toolkit, packages/core/src/command.ts). GitHub keeps the first ten annotations of each
 * kind of a step: where there are more, the tenth says how many.
 *
 * What has no line of source has no file either: its message names the symbol.
 */
#include "render/scan.h"
#include "render/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 10 };

static const char *const commands[] = {
	[KM_FIND_LOW] = "notice",
	[KM_FIND_MEDIUM] = "warning",
	[KM_FIND_HIGH] = "error",
};

/* `characters`: those to write as %XX. */
static void put_escaped(struct km_out *out, const char *text, const char *characters)
{
	char *safe = km_text_safe(text);

	if (!safe) {
		out->error = out->error ? out->error : ENOMEM;
		return;
	}
	for (const char *c = safe; *c;) {
		size_t plain = strcspn(c, characters);

		km_out_printf(out, "%.*s", (int)plain, c);
		c += plain;
		if (*c)
			km_out_printf(out, "%%%02X", (unsigned int)(unsigned char)*c++);
	}
	free(safe);
}

static void put_property(struct km_out *out, const char *text)
{
	put_escaped(out, text, "%\r\n:,");
}

static void put_value(struct km_out *out, const char *text)
{
	put_escaped(out, text, "%\r\n");
}

static struct km_error *write_finding(const struct km_report *report,
				      const struct km_finding *finding, struct km_out *out)
{
	struct km_scan_place place = km_scan_place(finding->callsite);
	char *message = km_scan_message(report, finding);

	if (!message)
		return &km_error_memory;
	km_out_printf(out, "::%s ", commands[finding->severity]);
	if (place.file) {
		km_out_puts(out, "file=");
		put_property(out, place.file);
		km_out_printf(out, ",line=%u,", (unsigned int)place.line);
		if (place.column)
			km_out_printf(out, "col=%u,", (unsigned int)place.column);
	}
	km_out_printf(out, "title=kmemstat %s::", km_rule_info(finding->rule)->name);
	put_value(out, message);
	/* a line of its own */
	km_out_puts(out, "%0A");
	put_value(out, finding->advice);
	km_out_puts(out, "\n");
	free(message);
	return NULL;
}

/* What was lost is the first of the warnings. Returns how many it took. */
static size_t write_losses(const struct km_report *report, struct km_out *out)
{
	const char *separator = "::warning title=kmemstat incomplete trace::";

	if (!km_quality_is_incomplete(&report->quality))
		return 0;
	for (enum km_counter i = 0; i < KM_NR_COUNTERS; i++) {
		char *text;

		if (!km_scan_tells_counter(report, i, false))
			continue;
		text = km_scan_counter_text(report, i);
		km_out_puts(out, separator);
		if (text)
			put_value(out, text);
		else
			out->error = out->error ? out->error : ENOMEM;
		free(text);
		separator = "%0A";
	}
	km_out_puts(out, "\n");
	return 1;
}

/* The findings of one severity, which follow each other. */
static struct km_error *write_severity(const struct km_report *report,
				       const struct km_finding *findings, size_t nr, size_t room,
				       struct km_out *out)
{
	size_t nr_written = nr > room ? room - 1 : nr;
	struct km_error *error = NULL;

	for (size_t i = 0; !error && i < nr_written; i++)
		error = write_finding(report, &findings[i], out);
	if (nr_written < nr)
		km_out_printf(
			out,
			"::%s title=kmemstat::%zu more of severity %s: GitHub shows no more than "
			"%d annotations of a kind in a step\n",
			commands[findings[0].severity], nr - nr_written,
			km_finding_severity_name(findings[0].severity), MOST);
	return error;
}

struct km_error *km_render_github(const struct km_report *report,
				  const struct km_render_options *options, struct km_out *out)
{
	const struct km_scan scan = km_scan_make(report, options->view);
	size_t nr_warnings = write_losses(report, out), end;
	struct km_error *error = NULL;

	for (size_t i = 0; !error && i < scan.nr_findings; i = end) {
		enum km_finding_severity severity = scan.findings[i].severity;

		for (end = i + 1;
		     end < scan.nr_findings && scan.findings[end].severity == severity;)
			end++;
		error = write_severity(report, &scan.findings[i], end - i,
				       MOST - (severity == KM_FIND_MEDIUM ? nr_warnings : 0), out);
	}
	/* for the log: no command */
	km_out_printf(out, "kmemstat: %zu finding%s, %zu suppressed\n", scan.nr_findings,
		      scan.nr_findings == 1 ? "" : "s", scan.nr_suppressed);
	return error;
}
