/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the option, verb and column tables look like to a reader: --help and the man page. */
#ifndef KMEMSTAT_CLI_HELP_H
#define KMEMSTAT_CLI_HELP_H

#include "cli/options.h"
#include "kmemstat/out.h"

/* Exit statuses in words, for --help and the man page. */
struct km_exit_info {
	int status;
	const char *help;
};
const struct km_exit_info *km_exit_infos(size_t *ret_nr);

/* --help: the options that `verb` takes. */
void km_help_print(struct km_out *out, unsigned int verb);
/* Verbs, options and their values for programs: help_table.c has the format. */
void km_help_print_table(struct km_out *out);
/*
 * A part of kmemstat.1 in mdoc(7): "options", "check", "columns", "exit"; or "table".
 * Errors: KM_ERR_USAGE for another name.
 */
KM_MUST_CHECK struct km_error *km_help_print_man(struct km_out *out, const char *section);

#endif
