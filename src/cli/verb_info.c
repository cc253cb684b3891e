/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kmemstat info FILE: what the trace is, and what is missing from it. */
#include "cli/output.h"
#include "cli/session.h"

static struct km_error *show(struct km_session *session)
{
	struct km_terminal terminal = km_terminal_ask(session->options);
	struct km_render_options render_options = {
		.view = session->view,
		.width = terminal.width,
		.use_color = terminal.use_color,
	};
	struct km_output output;
	struct km_error *error = km_output_open(session->options, &terminal, false, &output);

	if (error)
		return error;
	error = km_renderer_find("info")->render(session->report, &render_options, &output.out);
	if (error) {
		km_output_abandon(&output);
		return error;
	}
	return km_output_finish(&output);
}

struct km_error *km_verb_info_run(const struct km_options *options, enum km_exit *ret_status)
{
	struct km_view_options view = { 0 };
	struct km_session session;
	struct km_error *error = km_session_open(options, &session);

	if (!error)
		error = km_session_build(&session);
	if (!error)
		error = km_view_create(session.report, &view, &session.view);
	if (!error)
		error = show(&session);
	if (!error)
		*ret_status = km_quality_status(options, &session.report->quality);
	km_session_deinit(&session);
	return error;
}
