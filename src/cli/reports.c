/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reports of --format. */
#include "cli/reports.h"

#include <string.h>
#include <unistd.h>

static const char *report_name(const void *arg, size_t i)
{
	const struct km_renderer *table = arg;

	return table[i].is_report ? table[i].name : NULL;
}

static struct km_error *check_name(const char *name)
{
	size_t nr;
	const struct km_renderer *table = km_renderers(&nr);
	const struct km_renderer *renderer = km_renderer_find(name);
	struct km_error *error;
	const char *nearest;

	if (renderer && renderer->is_report)
		return NULL;
	error = km_error_create(KM_ERR_USAGE, NULL, "--format: there is no format '%s'", name);
	nearest = km_nearest_name(name, nr, report_name, table);
	return nearest ? km_error_advise(error, "did you mean '%s'?", nearest)
		       : km_error_advise(error, "see kmemstat --format help");
}

static struct km_error *check_file(const struct km_options *options, size_t i)
{
	const char *file = options->report_files[i].file;
	struct km_error *error = km_output_check_file(file, "--format", options->input);

	if (error)
		return error;
	if (options->output && km_output_is_same_file(file, options->output))
		return km_error_advise(
			km_error_create(KM_ERR_USAGE, file, "is the file of --output, too"),
			"choose another file for --format");
	for (size_t k = 0; k < i; k++)
		if (km_output_is_same_file(file, options->report_files[k].file))
			return km_error_advise(
				km_error_create(KM_ERR_USAGE, file,
						"is the file of two reports, %s and %s",
						options->report_files[k].name,
						options->report_files[i].name),
				"choose another file for one");
	return NULL;
}

/* Views that a report in their place has no use for. */
static struct km_error *check_views(const struct km_options *options)
{
	const char *name = options->report;

	if (options->format != KM_FORMAT_REPORT || !options->nr_views ||
	    km_renderer_find(name)->has_tables)
		return NULL;
	return km_error_advise(km_error_create(KM_ERR_USAGE, NULL,
					       "--%s does not go with --format %s",
					       options->views[0], name),
			       "give --format %s=FILE to have both", name);
}

static struct km_error *check_top(const struct km_options *options)
{
	if (!options->has_top || (options->report && km_renderer_find(options->report)->has_top))
		return NULL;
	for (size_t i = 0; i < options->nr_report_files; i++)
		if (km_renderer_find(options->report_files[i].name)->has_top)
			return NULL;
	return km_error_advise(km_error_create(KM_ERR_USAGE, NULL,
					       "--top is about the formats markdown and "
					       "openmetrics"),
			       "for tables give --lines");
}

/* JSON has them for --by-stack; to others they are what they are about. */
static bool wants_stacks(const struct km_options *options, const char *name)
{
	const struct km_renderer *renderer = km_renderer_find(name);

	return renderer->needs_stacks || (options->by_stack && renderer->has_tables);
}

static struct km_error *check_by_stack(const struct km_options *options)
{
	if (!options->by_stack || km_reports_want_stacks(options))
		return NULL;
	return km_error_advise(
		km_error_create(KM_ERR_USAGE, NULL, "--by-stack is about the JSON report"),
		"add --json, or --format json=FILE");
}

/* Whether a renderer is asked for that `is` true of. */
static bool has_renderer(const struct km_options *options,
			 bool (*is)(const struct km_renderer *renderer))
{
	if (options->report && is(km_renderer_find(options->report)))
		return true;
	for (size_t i = 0; i < options->nr_report_files; i++)
		if (is(km_renderer_find(options->report_files[i].name)))
			return true;
	return false;
}

static bool is_profile(const struct km_renderer *renderer)
{
	return renderer->is_profile;
}

static bool is_collapsed(const struct km_renderer *renderer)
{
	return strcmp(renderer->name, "collapsed") == 0;
}

static struct km_error *check_profiles(const struct km_options *options)
{
	if (options->has_profile_value && !has_renderer(options, is_collapsed))
		return km_error_advise(km_error_create(KM_ERR_USAGE, NULL,
						       "--value is about the format collapsed"),
				       "add --format collapsed; speedscope and pprof have all");
	if (options->has_profile_value && options->no_pairing &&
	    km_profile_value_info(options->profile_value)->needs_pairs)
		return km_error_advise(
			km_error_create(KM_ERR_USAGE, NULL,
					"--value %s is not known with --no-pairing",
					km_profile_value_info(options->profile_value)->key),
			"leave one out");
	if (options->layer && !has_renderer(options, is_profile))
		return km_error_advise(km_error_create(KM_ERR_USAGE, NULL,
						       "--layer is about the formats collapsed, "
						       "speedscope and pprof"),
				       "add --format with one of them");
	return NULL;
}

/* Bytes that no terminal shows. */
static struct km_error *check_binary(const struct km_options *options)
{
	const char *name = options->report;

	if (!name || !km_renderer_find(name)->is_binary)
		return NULL;
	if (!options->output && isatty(STDOUT_FILENO))
		return km_error_advise(km_error_create(KM_ERR_USAGE, NULL,
						       "--format %s is binary, and standard output "
						       "a terminal",
						       name),
				       "give --format %s=FILE", name);
	if (options->interval_s && !options->output)
		return km_error_advise(km_error_create(KM_ERR_USAGE, NULL,
						       "--format %s has no place for several "
						       "reports",
						       name),
				       "give --format %s=FILE, which each replaces", name);
	return NULL;
}

struct km_error *km_reports_check(const struct km_options *options)
{
	struct km_error *error = options->report ? check_name(options->report) : NULL;

	for (size_t i = 0; !error && i < options->nr_report_files; i++) {
		error = check_name(options->report_files[i].name);
		if (!error)
			error = check_file(options, i);
	}
	if (!error)
		error = check_views(options);
	if (!error)
		error = check_by_stack(options);
	if (!error)
		error = check_profiles(options);
	if (!error)
		error = check_binary(options);
	return error ? error : check_top(options);
}

bool km_reports_want_sources(const struct km_options *options)
{
	return options->format == KM_FORMAT_JSON || options->report || options->nr_report_files;
}

bool km_reports_want_stacks(const struct km_options *options)
{
	if (options->by_stack && options->format == KM_FORMAT_JSON)
		return true;
	if (options->report && wants_stacks(options, options->report))
		return true;
	for (size_t i = 0; i < options->nr_report_files; i++)
		if (wants_stacks(options, options->report_files[i].name))
			return true;
	return false;
}

bool km_reports_are_about_stacks(const struct km_options *options)
{
	return options->by_stack || has_renderer(options, is_profile);
}

static struct km_error *create_view(const struct km_session *session, struct km_view **ret)
{
	const struct km_options *options = session->options;
	const struct km_view_options view = {
		.min_severity = options->has_min_severity ? options->min_severity : KM_FIND_LOW,
		.shows = KM_SHOWS_FINDINGS | KM_SHOWS_LIST(KM_LIST_CALLSITES),
	};

	return km_view_create(session->report, &view, ret);
}

static struct km_error *render(const struct km_session *session, const struct km_reports *reports,
			       const char *name, struct km_out *out)
{
	const struct km_renderer *renderer = km_renderer_find(name);
	const struct km_render_options options = {
		.view = reports->view,
		.gates = reports->gates,
		.list = renderer->list,
		.top = session->options->top,
		.value = session->options->profile_value,
		.layer = session->options->layer,
		.has_stacks = renderer->needs_stacks || session->options->by_stack,
		.raw_ip = session->options->raw_ip && !session->has_made_up,
	};

	return renderer->render(session->report, &options, out);
}

/* What a renderer shows beside what every report has. */
static struct km_error *prepare(const struct km_session *session, const char *name)
{
	if (!km_renderer_find(name)->needs_types || session->report->types)
		return NULL;
	return km_report_sum_types(session->report);
}

struct km_error *km_reports_write(const struct km_session *session, struct km_reports *ret)
{
	const struct km_options *options = session->options;
	struct km_error *error = NULL;

	if (options->nr_report_files || options->report)
		error = create_view(session, &ret->view);
	if (!error && options->report)
		error = prepare(session, options->report);
	for (size_t i = 0; !error && i < options->nr_report_files; i++)
		error = prepare(session, options->report_files[i].name);
	/* what cannot be written is told before much is */
	for (size_t i = 0; !error && i < options->nr_report_files; i++) {
		error = km_output_open_file(options->report_files[i].file, &ret->files[i]);
		if (!error)
			ret->nr_files++;
	}
	for (size_t i = 0; !error && i < ret->nr_files; i++) {
		error = render(session, ret, options->report_files[i].name, &ret->files[i].out);
		if (!error)
			error = km_output_seal(&ret->files[i]);
	}
	return error;
}

struct km_error *km_reports_render_main(const struct km_session *session,
					const struct km_reports *reports, struct km_out *out)
{
	return render(session, reports, session->options->report, out);
}

struct km_error *km_reports_finish(struct km_reports *reports)
{
	struct km_error *error = NULL;

	for (size_t i = 0; !error && i < reports->nr_files; i++)
		error = km_output_finish(&reports->files[i]);
	return error;
}

void km_reports_deinit(struct km_reports *reports)
{
	for (size_t i = 0; i < reports->nr_files; i++)
		km_output_abandon(&reports->files[i]);
	km_view_destroy(reports->view);
	*reports = (struct km_reports){ 0 };
}

void km_reports_list(struct km_out *out)
{
	size_t nr;
	const struct km_renderer *table = km_renderers(&nr);

	for (size_t i = 0; i < nr; i++)
		if (table[i].is_report)
			km_out_printf(out, "%-12s %s\n", table[i].name, table[i].help);
}
