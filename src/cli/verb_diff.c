/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kmemstat diff BASE NEW: what differs between traces, or reports of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/output.h"
#include "cli/session.h"
#include "cli/verb_diff.h"
#include "kmemstat/diff.h"

/* Rows of the table on a terminal, as in other tables. */
#define TERMINAL_ROWS 30

struct inputs {
	struct km_snapshot **snapshots[KM_NR_DIFF_SIDES];
	size_t nr[KM_NR_DIFF_SIDES];
};

/* The trace is analyzed as kmemstat --json does it. */
static struct km_error *analyze(struct km_session *session, const char *path,
				struct km_snapshot **ret)
{
	static const struct km_view_options all = { 0 };
	struct km_error *error = km_session_build(session);
	const struct km_input_info *info = km_source_info(session->source);

	if (!error)
		error = km_check_usable(path, &session->report->quality, info->nr_instances > 1);
	if (!error)
		error = km_session_resolve(session, &all, true);
	return error ? error : km_snapshot_of_report(session->report, path, ret);
}

static struct km_error *read_trace(const struct km_options *options, const char *path,
				   struct km_snapshot **ret)
{
	struct km_options of_trace = *options;
	struct km_session session;
	struct km_error *error;

	of_trace.verb = KM_VERB_STAT;
	of_trace.input = path;
	of_trace.per = 0;
	error = km_session_open(&of_trace, &session);
	if (!error)
		error = analyze(&session, path, ret);
	km_session_deinit(&session);
	return error;
}

/* Options about reading a trace: the name of one that was given, or NULL. */
static const char *trace_option(const struct km_options *options)
{
	if (options->nr_debug_dirs)
		return "debug-dir";
	if (options->no_debug_search)
		return "no-debug-search";
	if (options->no_sandbox)
		return "no-sandbox";
	if (options->source_root)
		return "source-root";
	return NULL;
}

/* Those which a report that is there already cannot follow: one side would be another thing. */
static const char *choosing_option(const struct km_options *options)
{
	if (!km_filter_spec_is_empty(&options->filter))
		return "filters are";
	if (options->instance)
		return "--instance is";
	return options->no_pairing ? "--no-pairing is" : NULL;
}

static struct km_error *check_reports(const struct km_options *options)
{
	const char *choosing = choosing_option(options), *option = trace_option(options);
	const char *report = NULL;
	bool has_trace = false;

	for (enum km_diff_side_id side = 0; side < KM_NR_DIFF_SIDES; side++) {
		for (size_t i = 0; i < options->nr_sides[side]; i++) {
			const char *path = options->sides[side][i];

			if (km_snapshot_is_json(path))
				report = path;
			else
				has_trace = true;
		}
	}
	if (report && choosing)
		return km_error_advise(
			km_error_create(KM_ERR_USAGE, report,
					"is a report already, and %s about reading a "
					"trace",
					choosing),
			"give the trace, or make the report with that option");
	if (!has_trace && option)
		return km_error_advise(km_error_create(KM_ERR_USAGE, NULL,
						       "--%s is about traces, and all these are "
						       "reports",
						       option),
				       "leave it out");
	return NULL;
}

static struct km_error *check_files(const struct km_options *options)
{
	struct km_error *error = NULL;
	size_t nr_stdin = 0;

	for (enum km_diff_side_id side = 0; side < KM_NR_DIFF_SIDES; side++) {
		for (size_t i = 0; !error && i < options->nr_sides[side]; i++) {
			const char *path = options->sides[side][i];

			nr_stdin += strcmp(path, "-") == 0;
			if (options->output)
				error = km_output_check_file(options->output, "--output", path);
			for (size_t k = 0; !error && k < options->nr_report_files; k++)
				error = km_output_check_file(options->report_files[k].file,
							     "--format", path);
		}
	}
	if (!error && nr_stdin > 1)
		error = km_error_advise(km_error_create(KM_ERR_USAGE, "-",
							"is standard input, which can be read "
							"once"),
					"give files");
	return error;
}

static struct km_error *read_inputs(const struct km_options *options, struct inputs *ret)
{
	for (enum km_diff_side_id side = 0; side < KM_NR_DIFF_SIDES; side++) {
		ret->snapshots[side] =
			calloc(options->nr_sides[side], sizeof(struct km_snapshot *));
		if (!ret->snapshots[side])
			return &km_error_memory;
		for (size_t i = 0; i < options->nr_sides[side]; i++) {
			const char *path = options->sides[side][i];
			struct km_snapshot **snapshot = &ret->snapshots[side][i];
			struct km_error *error = km_snapshot_is_json(path)
							 ? km_snapshot_load(path, snapshot)
							 : read_trace(options, path, snapshot);

			if (error)
				return error;
			ret->nr[side]++;
		}
	}
	return NULL;
}

static void inputs_deinit(struct inputs *inputs)
{
	for (enum km_diff_side_id side = 0; side < KM_NR_DIFF_SIDES; side++) {
		for (size_t i = 0; i < inputs->nr[side]; i++)
			km_snapshot_destroy(inputs->snapshots[side][i]);
		free(inputs->snapshots[side]);
	}
}

static const struct km_diff_renderer *find_renderer(const char *name)
{
	size_t nr;
	const struct km_diff_renderer *table = km_diff_renderers(&nr);

	for (size_t i = 0; i < nr; i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

/* The first is for people: it is there without --format. */
static const char *format_name(const void *arg, size_t i)
{
	return i ? ((const struct km_diff_renderer *)arg)[i].name : NULL;
}

static struct km_error *check_format(const char *name)
{
	size_t nr;
	const struct km_diff_renderer *table = km_diff_renderers(&nr);
	const struct km_diff_renderer *renderer = find_renderer(name);
	struct km_error *error;
	const char *nearest;

	if (renderer && renderer != table)
		return NULL;
	error = km_error_create(KM_ERR_USAGE, NULL, "--format: '%s' is no format of a comparison",
				name);
	nearest = km_nearest_name(name, nr, format_name, table);
	return nearest ? km_error_advise(error, "did you mean '%s'?", nearest)
		       : km_error_advise(error, "see kmemstat diff --format help");
}

void km_diff_formats_list(struct km_out *out)
{
	size_t nr;
	const struct km_diff_renderer *table = km_diff_renderers(&nr);

	for (size_t i = 1; i < nr; i++)
		km_out_printf(out, "%-12s %s\n", table[i].name, table[i].help);
}

static const char *main_format(const struct km_options *options)
{
	switch (options->format) {
	case KM_FORMAT_JSON:
		return "json";
	case KM_FORMAT_CSV:
		return "csv";
	case KM_FORMAT_REPORT:
		return options->report;
	case KM_FORMAT_TEXT:
		break;
	}
	return "text";
}

static struct km_error *check_formats(const struct km_options *options)
{
	struct km_error *error = NULL;

	if (options->format != KM_FORMAT_TEXT)
		error = check_format(main_format(options));
	for (size_t i = 0; !error && i < options->nr_report_files; i++) {
		error = check_format(options->report_files[i].name);
		for (size_t k = 0; !error && k < i; k++)
			if (km_output_is_same_file(options->report_files[i].file,
						   options->report_files[k].file))
				error = km_error_advise(
					km_error_create(KM_ERR_USAGE, options->report_files[i].file,
							"is the file of two reports"),
					"choose another file for one");
	}
	return error;
}

/* The files of --format; *ret_nr counts those that are open. */
static struct km_error *write_files(const struct km_diff *diff, const struct km_options *options,
				    struct km_output *files, size_t *ret_nr)
{
	const struct km_diff_render_options render_options = { .show_noise = options->show_noise };
	struct km_error *error = NULL;

	for (size_t i = 0; !error && i < options->nr_report_files; i++) {
		error = km_output_open_file(options->report_files[i].file, &files[i]);
		if (!error)
			++*ret_nr;
	}
	for (size_t i = 0; !error && i < *ret_nr; i++) {
		error = find_renderer(options->report_files[i].name)
				->render(diff, &render_options, &files[i].out);
		if (!error)
			error = km_output_seal(&files[i]);
	}
	return error;
}

static struct km_error *write_main(const struct km_diff *diff, const struct km_options *options,
				   struct km_output *files, size_t nr_files)
{
	const struct km_terminal terminal = km_terminal_ask(options);
	const bool is_text = options->format == KM_FORMAT_TEXT;
	const struct km_diff_render_options render_options = {
		.max_rows = options->has_lines           ? options->lines
			    : terminal.is_tty && is_text ? TERMINAL_ROWS
							 : 0,
		.show_noise = options->show_noise,
		.width = terminal.width,
		.use_color = terminal.use_color,
	};
	struct km_output output;
	struct km_error *error = km_output_open(options, &terminal, false, &output);

	if (error)
		return error;
	error = find_renderer(main_format(options))->render(diff, &render_options, &output.out);
	for (size_t i = 0; !error && i < nr_files; i++)
		error = km_output_finish(&files[i]);
	if (!error)
		return km_output_finish(&output);
	km_output_abandon(&output);
	return error;
}

static struct km_error *write_all(const struct km_diff *diff, const struct km_options *options)
{
	struct km_output *files = calloc(options->nr_report_files + 1, sizeof(*files));
	size_t nr_files = 0;
	struct km_error *error;

	if (!files)
		return &km_error_memory;
	error = write_files(diff, options, files, &nr_files);
	if (!error)
		error = write_main(diff, options, files, nr_files);
	for (size_t i = 0; i < nr_files; i++)
		km_output_abandon(&files[i]);
	free(files);
	return error;
}

/* Differences are no error; what is missing is one with --strict. */
static enum km_exit status_of(const struct km_options *options, const struct inputs *inputs)
{
	enum km_exit status = KM_EXIT_OK;

	for (enum km_diff_side_id side = 0; side < KM_NR_DIFF_SIDES; side++) {
		for (size_t i = 0; options->strict && i < inputs->nr[side]; i++) {
			if (!inputs->snapshots[side][i]->is_incomplete)
				continue;
			km_say("%s: incomplete: its numbers are lower bounds",
			       inputs->snapshots[side][i]->path);
			status = KM_EXIT_INCOMPLETE;
		}
	}
	return status;
}

static struct km_error *compare(const struct km_options *options, const struct inputs *inputs)
{
	const struct km_snapshot *const *const traces[] = {
		(const struct km_snapshot *const *)inputs->snapshots[KM_DIFF_BASE],
		(const struct km_snapshot *const *)inputs->snapshots[KM_DIFF_NEW],
	};
	struct km_diff *diff;
	struct km_error *error = km_diff_create(traces, inputs->nr, &options->diff, &diff);

	if (error)
		return error;
	error = write_all(diff, options);
	km_diff_destroy(diff);
	return error;
}

struct km_error *km_verb_diff_run(const struct km_options *options, enum km_exit *ret_status)
{
	struct inputs inputs = { 0 };
	struct km_error *error = check_formats(options);

	if (!error)
		error = check_files(options);
	if (!error)
		error = check_reports(options);
	if (!error)
		error = read_inputs(options, &inputs);
	if (!error)
		error = compare(options, &inputs);
	if (!error)
		*ret_status = status_of(options, &inputs);
	inputs_deinit(&inputs);
	return error;
}
