/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kmemstat check FILE: whether a trace stays within what was asked for, for CI. */
#include <stdlib.h>

#include "cli/reports.h"
#include "cli/stored.h"
#include "render/check.h"

/* Call sites that came or went: enough to see what happened. */
#define DEFAULT_SITES 10

struct check {
	const struct km_options *options;
	struct km_session session;
	struct km_budget budget;
	struct km_snapshot **bases;
	size_t nr_bases;
	struct km_snapshot *now;
	struct km_gates *gates;
	/* --write-baseline, --write-suppressions */
	struct km_output files[2];
	size_t nr_files;
};

/* Reads a trace, with the source lines of all call sites. */
static struct km_error *analyze(struct km_session *session)
{
	const struct km_view_options view = { .shows = KM_SHOWS_NOTHING };
	struct km_error *error = session->stored ? NULL : km_session_build(session);

	if (!error && !session->stored)
		error = km_check_usable(session->options->input, &session->report->quality,
					km_source_info(session->source)->nr_instances > 1);
	return error ? error : km_session_resolve(session, &view, true);
}

/* A baseline that is a trace: read with the same filters and symbols. */
static struct km_error *snapshot_of_trace(const struct km_options *options, const char *path,
					  struct km_snapshot **ret)
{
	struct km_options base_options = *options;
	struct km_session session;
	struct km_error *error;

	base_options.input = path;
	base_options.nr_suppress = 0;
	error = km_session_open(&base_options, &session);
	if (!error)
		error = analyze(&session);
	if (!error)
		error = km_snapshot_of_report(session.report, path, ret);
	km_session_deinit(&session);
	return error;
}

static struct km_error *load_bases(struct check *check)
{
	const struct km_options *options = check->options;
	struct km_error *error = NULL;

	check->bases = calloc(options->nr_baselines + 1, sizeof(struct km_snapshot *));
	if (!check->bases)
		return &km_error_memory;
	for (size_t i = 0; !error && i < options->nr_baselines; i++) {
		const char *path = options->baselines[i];

		error = km_snapshot_is_json(path)
				? km_snapshot_load(path, &check->bases[i])
				: snapshot_of_trace(options, path, &check->bases[i]);
		check->nr_bases += !error;
	}
	return error;
}

/* What can be wrong is read before what takes time. */
static struct km_error *load(struct check *check)
{
	const struct km_options *options = check->options;
	struct km_error *error = NULL;

	for (size_t i = 0; !error && i < options->nr_budgets; i++)
		error = km_budget_load(&check->budget, options->budgets[i]);
	return error ? error : load_bases(check);
}

static struct km_error *judge(struct check *check)
{
	struct km_gate_options gate_options = check->options->gates;
	struct km_error *error =
		km_snapshot_of_report(check->session.report, check->options->input, &check->now);

	gate_options.budget = &check->budget;
	if (error)
		return error;
	return km_gates_judge(check->now, (const struct km_snapshot *const *)check->bases,
			      check->nr_bases, &gate_options, &check->gates);
}

/* Writes the files that are there to begin with; none has its name yet. */
static struct km_error *write_files(struct check *check)
{
	const struct km_options *options = check->options;
	const char *paths[] = { options->write_baseline, options->write_suppressions };
	struct km_error *error = NULL;

	if (options->write_baseline && check->now->is_incomplete && !options->quiet)
		km_say("%s: is of an incomplete trace: gates that compare will not be decided by "
		       "it",
		       options->write_baseline);
	for (size_t i = 0; !error && i < 2; i++) {
		struct km_output *file = &check->files[check->nr_files];

		if (!paths[i])
			continue;
		error = km_output_open_file(paths[i], file);
		if (error)
			break;
		check->nr_files++;
		error = i ? km_render_suppressions(check->session.report, km_today(), &file->out)
			  : km_render_baseline(check->now, &file->out);
		if (!error)
			error = km_output_seal(file);
	}
	return error;
}

static struct km_error *render_verdict(const struct check *check,
				       const struct km_terminal *terminal, struct km_out *out)
{
	const struct km_options *options = check->options;
	const struct km_render_options render_options = {
		.width = terminal->width,
		.use_color = terminal->use_color,
	};

	return km_render_check(check->gates, options->has_lines ? options->lines : DEFAULT_SITES,
			       &render_options, out);
}

/* A report in place of the verdict: that goes to standard error then. */
static struct km_error *render_all(const struct check *check, const struct km_terminal *terminal,
				   const struct km_reports *reports, struct km_out *out)
{
	const struct km_terminal plain = { 0 };
	struct km_out verdict;
	struct km_error *error;

	if (!check->options->report)
		return render_verdict(check, terminal, out);
	km_out_init(&verdict, stderr, "standard error");
	error = render_verdict(check, &plain, &verdict);
	if (!error)
		error = km_out_finish(&verdict);
	return error ? error : km_reports_render_main(&check->session, reports, out);
}

static struct km_error *finish_files(struct check *check, struct km_reports *reports)
{
	struct km_error *error = km_reports_finish(reports);

	for (size_t i = 0; !error && i < check->nr_files; i++)
		error = km_output_finish(&check->files[i]);
	return error;
}

static struct km_error *show(struct check *check)
{
	struct km_terminal terminal = km_terminal_ask(check->options);
	struct km_reports reports = { .gates = check->gates };
	struct km_output output;
	struct km_error *error = write_files(check);

	if (!error)
		error = km_reports_write(&check->session, &reports);
	if (!error)
		error = km_output_open(check->options, &terminal, false, &output);
	if (error) {
		km_reports_deinit(&reports);
		return error;
	}
	error = render_all(check, &terminal, &reports, &output.out);
	if (!error)
		error = finish_files(check, &reports);
	if (!error)
		error = km_output_finish(&output);
	else
		km_output_abandon(&output);
	km_reports_deinit(&reports);
	return error;
}

/* A gate that tripped is sure, also of lower bounds; one that did not may be unsure. */
static enum km_exit status_of(const struct check *check)
{
	enum km_exit status = km_quality_status(check->options, &check->session.report->quality);

	if (check->gates->nr_tripped)
		return KM_EXIT_GATE;
	if (check->options->strict && check->gates->nr_undecided)
		return KM_EXIT_INCOMPLETE;
	return status;
}

static void deinit(struct check *check)
{
	for (size_t i = 0; i < check->nr_files; i++)
		km_output_abandon(&check->files[i]);
	km_gates_destroy(check->gates);
	km_snapshot_destroy(check->now);
	for (size_t i = 0; i < check->nr_bases; i++)
		km_snapshot_destroy(check->bases[i]);
	free(check->bases);
	km_budget_deinit(&check->budget);
	km_session_deinit(&check->session);
}

struct km_error *km_verb_check_run(const struct km_options *options, enum km_exit *ret_status)
{
	struct check check = { .options = options };
	struct km_error *error =
		(options->is_stored ? km_stored_open : km_session_open)(options, &check.session);

	if (!error)
		error = load(&check);
	if (!error)
		error = analyze(&check.session);
	if (!error)
		error = judge(&check);
	if (!error)
		error = show(&check);
	if (!error) {
		km_session_say_suppressions(&check.session);
		*ret_status = status_of(&check);
	}
	deinit(&check);
	return error;
}
