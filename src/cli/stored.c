/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A JSON report in a trace's place. */
#include "cli/stored.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memstream.h"

bool km_stored_is(const struct km_options *options)
{
	return (options->verb & (KM_VERB_STAT | KM_VERB_CHECK)) && options->input &&
	       km_snapshot_is_json(options->input);
}

struct km_error *km_stored_refuse(const struct km_options *options, const char *name)
{
	return km_error_advise(km_error_create(KM_ERR_USAGE, options->input,
					       "is a report already, and --%s is about reading a "
					       "trace",
					       name),
			       "give the trace, or make the report with that option");
}

bool km_stored_takes(const struct km_option *option)
{
	static const char *const names[] = { "summary",  "caller", "class",  "live",
					     "timeline", "slab",   "json",   "csv",
					     "input",    "force",  "strict", "min-severity",
					     "suppress" };

	switch (option->group) {
	case KM_GROUP_TABLE:
		/* addresses are in no report */
		return strcmp(option->name, "raw-ip") != 0;
	case KM_GROUP_DIFF:
	case KM_GROUP_CHECK:
	case KM_GROUP_OUTPUT:
	case KM_GROUP_GENERAL:
		return true;
	default:
		break;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], option->name) == 0)
			return true;
	return false;
}

/* What is in the file, and in nothing that is shown of it. */
static void say_left_out(const struct km_session *session)
{
	size_t nr, size;
	const char *const *names = km_merge_left_out(session->stored, &nr);
	FILE *stream;
	char *text;

	/* of a merged report they are told with it */
	if (!nr || session->options->quiet || session->report->merged)
		return;
	stream = open_memstream(&text, &size);
	if (!stream)
		return;
	for (size_t i = 0; i < nr; i++)
		fprintf(stream, "%s%s", i ? ", " : "", names[i]);
	if (km_memstream_close(stream, &text))
		km_say("%s: what it has of %s is not read back", session->options->input, text);
	free(text);
}

struct km_error *km_stored_open(const struct km_options *options, struct km_session *ret)
{
	struct km_error *error = NULL;

	*ret = (struct km_session){ .options = options, .step_start = km_now() };
	for (size_t i = 0; !error && i < options->nr_suppress; i++)
		error = km_suppressions_load(&ret->suppressions, options->suppress[i]);
	if (!error)
		error = km_merge_load(options->input, options->per, &ret->stored);
	if (error)
		return error;
	ret->report = km_merge_report(ret->stored);
	km_session_log(ret, "%s: report read: %zu call sites, %zu findings", options->input,
		       ret->report->nr_callsites, ret->report->nr_findings);
	say_left_out(ret);
	return NULL;
}
