/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kmemstat types FILE: which structures are allocated, and how they are laid out. */
#include <string.h>

#include "cli/output.h"
#include "cli/session.h"

/* Rows of a table on a terminal: a screenful, as with stat. */
#define TERMINAL_ROWS 30

static struct km_view_options view_options(const struct km_options *options,
					   const struct km_terminal *terminal)
{
	struct km_view_options view = {
		.sort = options->sort,
		.fields = options->fields,
		.shows = KM_SHOWS_LIST(KM_LIST_TYPES),
	};

	if (options->has_lines)
		view.max_rows = options->lines;
	else if (terminal->is_tty && options->format == KM_FORMAT_TEXT)
		view.max_rows = TERMINAL_ROWS;
	return view;
}

static struct km_error *check_options(const struct km_options *options)
{
	const struct km_terminal nowhere = { 0 };
	const struct km_view_options keys = view_options(options, &nowhere);
	const struct km_report empty = { 0 };
	struct km_error *error;
	struct km_view *view;

	if (options->type && (options->sort || options->fields || options->has_lines ||
			      options->format == KM_FORMAT_CSV))
		return km_error_advise(
			km_error_create(KM_ERR_USAGE, NULL, "--type shows no table of types"),
			"leave out options of tables");
	error = km_view_create(&empty, &keys, &view);
	if (!error)
		km_view_destroy(view);
	return error;
}

static const char *type_name(const void *arg, size_t i)
{
	const struct km_report *report = arg;
	const char *name = report->types[i].type->name, *space = strchr(name, ' ');

	return space ? space + 1 : name;
}

static struct km_error *check_type(const struct km_report *report, const struct km_options *options)
{
	const char *nearest;
	struct km_error *error;

	for (size_t i = 0; options->type && i < report->nr_types; i++)
		if (km_type_is_called(report->types[i].type, options->type))
			return NULL;
	if (!options->type)
		return NULL;
	error = km_error_create(KM_ERR_INPUT, options->input,
				"no call site is known to allocate '%s'", options->type);
	nearest = km_nearest_name(options->type, report->nr_types, type_name, report);
	return nearest ? km_error_advise(error, "did you mean '%s'?", nearest)
		       : km_error_advise(error, "kmemstat types FILE lists those that are known");
}

static const char *renderer_name(const struct km_options *options)
{
	if (options->format == KM_FORMAT_JSON)
		return "types-json";
	return options->type ? "type" : "types";
}

static struct km_error *show(struct km_session *session, const struct km_terminal *terminal)
{
	const struct km_options *options = session->options;
	const struct km_renderer *renderer = km_renderer_find(renderer_name(options));
	const struct km_render_options render_options = {
		.view = session->view,
		.list = KM_LIST_TYPES,
		.width = terminal->width,
		.use_color = terminal->use_color,
		.raw_ip = options->raw_ip && !session->has_made_up,
		.type = options->type,
	};
	struct km_output output;
	struct km_error *error = km_output_open(options, terminal, false, &output);

	if (error)
		return error;
	error = (options->format == KM_FORMAT_CSV ? renderer->csv : renderer->render)(
		session->report, &render_options, &output.out);
	if (error) {
		km_output_abandon(&output);
		return error;
	}
	return km_output_finish(&output);
}

static struct km_error *run(struct km_session *session)
{
	const struct km_options *options = session->options;
	const struct km_terminal terminal = km_terminal_ask(options);
	const struct km_view_options view = view_options(options, &terminal);
	const struct km_input_info *info = km_source_info(session->source);
	struct km_error *error = km_session_build(session);

	if (!error)
		error = km_check_usable(options->input, &session->report->quality,
					info->nr_instances > 1);
	if (!error)
		error = km_session_resolve_types(session, &view);
	if (!error)
		error = check_type(session->report, options);
	return error ? error : show(session, &terminal);
}

struct km_error *km_verb_types_run(const struct km_options *options, enum km_exit *ret_status)
{
	struct km_session session;
	struct km_error *error = check_options(options);

	if (error)
		return error;
	error = km_session_open(options, &session);
	if (!error)
		error = run(&session);
	if (!error)
		*ret_status = km_quality_status(options, &session.report->quality);
	km_session_deinit(&session);
	return error;
}
