/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kmemstat FILE: summary, tables, JSON, CSV. */
#include <errno.h>
#include <stdio.h>

#include "cli/reports.h"
#include "cli/stored.h"
#include "cli/verb_stat.h"

/* Rows of a table on a terminal: a screenful; whoever pipes or files a table gets all. */
#define TERMINAL_ROWS 30

/* What the options choose from the report. */
static struct km_view_options view_options(const struct km_options *options,
					   const struct km_terminal *terminal)
{
	bool is_text = options->format == KM_FORMAT_TEXT;
	struct km_view_options view = {
		.sort = options->sort,
		.fields = options->fields,
		.only_live = options->only_live,
		.min_severity = options->min_severity,
	};

	if (options->has_lines) {
		view.max_rows = view.max_findings = view.max_class_sites = options->lines;
		if (!options->lines)
			view.max_class_sites = SIZE_MAX;
	} else if (terminal->is_tty && is_text) {
		view.max_rows = TERMINAL_ROWS;
	}
	for (unsigned int i = 0; i < options->nr_views; i++)
		view.shows |= km_renderer_find(options->views[i])->shows;
	return view;
}

static struct km_error *render(struct km_session *session, const struct km_terminal *terminal,
			       const struct km_renderer *renderer, struct km_out *out)
{
	const bool is_csv = session->options->format == KM_FORMAT_CSV;
	struct km_render_options render_options = {
		.view = session->view,
		.list = renderer->list,
		.width = terminal->width,
		.use_color = terminal->use_color,
		.use_blocks = terminal->use_blocks,
		.has_stacks = session->options->by_stack,
		.raw_ip = session->options->raw_ip && !session->has_made_up,
		.one_line = session->is_live && session->options->interval_s,
	};

	return (is_csv ? renderer->csv : renderer->render)(session->report, &render_options, out);
}

static struct km_error *render_all(struct km_session *session, const struct km_terminal *terminal,
				   const struct km_reports *reports, struct km_out *out)
{
	const struct km_options *options = session->options;
	struct km_error *error = NULL;

	if (options->format == KM_FORMAT_REPORT)
		return km_reports_render_main(session, reports, out);
	if (options->format == KM_FORMAT_JSON)
		return render(session, terminal, km_renderer_find("json"), out);
	for (unsigned int i = 0; !error && i < options->nr_views; i++) {
		if (i)
			km_out_puts(out, "\n");
		error = render(session, terminal, km_renderer_find(options->views[i]), out);
	}
	return error;
}

static struct km_error *show_all(struct km_session *session, const struct km_terminal *terminal,
				 struct km_reports *reports)
{
	struct km_output output;
	struct km_error *error = km_output_open(session->options, terminal, false, &output);

	if (error)
		return error;
	error = render_all(session, terminal, reports, &output.out);
	/* the reader of standard output may be gone: no reason to withhold files */
	if (!error)
		error = km_reports_finish(reports);
	if (!error)
		return km_output_finish(&output);
	km_output_abandon(&output);
	return error;
}

/* Of --interval: standard output stays open for the next report. */
static struct km_error *show_more(struct km_session *session, const struct km_terminal *terminal,
				  struct km_reports *reports)
{
	struct km_error *error;
	struct km_out out;

	if (session->options->output)
		return show_all(session, terminal, reports);
	km_out_init(&out, stdout, "standard output");
	error = render_all(session, terminal, reports, &out);
	/* reports in lines end with theirs */
	if (!session->is_live || session->options->format != KM_FORMAT_JSON)
		km_out_puts(&out, "\n");
	if (!error)
		error = km_reports_finish(reports);
	if (error)
		return error;
	error = km_out_finish(&out);
	if (error && out.error == EPIPE) {
		km_error_free(error);
		error = &km_output_reader_gone;
	}
	return error;
}

struct km_error *km_stat_show(struct km_session *session, bool is_last)
{
	const struct km_options *options = session->options;
	struct km_terminal terminal = km_terminal_ask(options);
	struct km_view_options view = view_options(options, &terminal);
	struct km_reports reports = { 0 };
	struct km_error *error =
		km_session_resolve(session, &view, km_reports_want_sources(options));

	if (!error)
		error = km_reports_write(session, &reports);
	if (!error)
		error = (is_last ? show_all : show_more)(session, &terminal, &reports);
	km_reports_deinit(&reports);
	return error;
}

static struct km_error *show_interval(struct km_session *session)
{
	return km_stat_show(session, false);
}

struct km_error *km_stat_check_keys(const struct km_options *options, bool has_slabinfo)
{
	const struct km_terminal nowhere = { 0 };
	const struct km_view_options keys = view_options(options, &nowhere);
	const struct km_lives lives = { 0 };
	const struct km_slabinfo slabinfo = { 0 };
	/* what decides which columns there are */
	const struct km_report empty = {
		.lives = options->no_pairing ? NULL : &lives,
		.slabinfo = has_slabinfo ? &slabinfo : NULL,
		.per = options->per,
		.has_replay = options->replay,
	};
	struct km_view *view;
	struct km_error *error = km_view_create(&empty, &keys, &view);

	if (!error)
		km_view_destroy(view);
	return error;
}

static struct km_error *run(struct km_session *session)
{
	struct km_error *error = session->stored ? NULL : km_session_build(session);

	if (!error && !session->stored)
		error = km_check_usable(session->options->input, &session->report->quality,
					km_source_info(session->source)->nr_instances > 1);
	if (!error)
		error = km_stat_show(session, true);
	if (!error)
		km_session_say_suppressions(session);
	return error;
}

static bool has_slabinfo(const struct km_session *session)
{
	const struct km_input_info *info = km_source_info(session->source);

	return info->slabinfo_start || info->slabinfo_end;
}

/* What a stored report must have for the views; their keys are checked with it. */
static struct km_error *check_pairs(const struct km_session *session)
{
	const struct km_options *options = session->options;

	for (unsigned int i = 0; !session->report->lives && i < options->nr_views; i++)
		if (km_renderer_find(options->views[i])->needs_pairs)
			return km_error_advise(
				km_error_create(KM_ERR_USAGE, options->input,
						"--%s needs allocations paired with frees, and "
						"the report has nothing of that",
						options->views[i]),
				"leave it out");
	return NULL;
}

struct km_error *km_verb_stat_run(const struct km_options *options, enum km_exit *ret_status)
{
	struct km_session session;
	struct km_error *error = km_stat_check_keys(options, true);

	if (error)
		return error;
	error = (options->is_stored ? km_stored_open : km_session_open)(options, &session);
	session.show_interval = show_interval;
	if (!error && options->is_stored)
		error = check_pairs(&session);
	else if (!error)
		error = km_stat_check_keys(options, options->slabinfo || has_slabinfo(&session));
	if (!error)
		error = run(&session);
	if (!error)
		*ret_status = km_quality_status(options, &session.report->quality);
	km_session_deinit(&session);
	return error;
}
