/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program: options, verb, and the errors' way to exit statuses. */
#include <signal.h>
#include <stdlib.h>

#include "cli/help.h"
#include "cli/modelling.h"
#include "cli/reports.h"
#include "cli/sigbus.h"
#include "cli/verb_diff.h"
#include "cli/verbs.h"
#include "cli/without.h"

static enum km_exit status_of(const struct km_error *error)
{
	switch (error->kind) {
	case KM_ERR_USAGE:
		return KM_EXIT_USAGE;
	case KM_ERR_OUTPUT:
		return KM_EXIT_OUTPUT;
	case KM_ERR_INPUT:
	case KM_ERR_PERMISSION:
	case KM_ERR_MEMORY:
		break;
	}
	return KM_EXIT_INPUT;
}

static struct km_error *print_about(const struct km_options *options)
{
	struct km_terminal terminal = km_terminal_ask(options);
	struct km_output output;
	struct km_error *error = km_output_open(options, &terminal, false, &output);

	if (error)
		return error;
	if (options->show_help)
		km_help_print(&output.out, options->verb);
	else if (options->show_version)
		km_without_print(&output.out);
	else if (options->show_models)
		km_modelling_list(&output.out);
	else if (options->show_formats && options->verb == KM_VERB_DIFF)
		km_diff_formats_list(&output.out);
	else if (options->show_formats)
		km_reports_list(&output.out);
	else
		error = km_help_print_man(&output.out, options->man_section);
	if (error) {
		km_output_abandon(&output);
		return error;
	}
	return km_output_finish(&output);
}

static struct km_error *run(const struct km_options *options, enum km_exit *ret_status)
{
	struct km_error *error = km_output_guard_descriptors(options);

	if (error)
		return error;
	if (!km_options_ask_for_help(options)) {
		error = km_without_check(options);
		return error ? error : km_verb_of_bit(options->verb)->run(options, ret_status);
	}
	error = print_about(options);
	if (!error)
		*ret_status = KM_EXIT_OK;
	return error;
}

int main(int argc, char **argv)
{
	struct km_options options;
	enum km_exit status = KM_EXIT_OK;
	struct km_error *error;

	/* a reader of our output that goes away is an error of write(), so that we can clean up */
	signal(SIGPIPE, SIG_IGN);
	km_sigbus_install();
	error = km_options_parse(argc, argv, &options);
	if (!error)
		error = run(&options, &status);
	if (error) {
		status = status_of(error);
		if (error != &km_output_reader_gone) {
			km_say_error(error);
			km_error_free(error);
		}
	}
	km_options_deinit(&options);
	return (int)status;
}
