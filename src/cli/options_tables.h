/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rows of the option table, one file for each kind of options. */
#ifndef KMEMSTAT_CLI_OPTIONS_TABLES_H
#define KMEMSTAT_CLI_OPTIONS_TABLES_H

#include "cli/setters.h"

/* What a setter sets. */
#define AT(member) .offset = offsetof(struct km_options, member)

struct km_option_rows {
	const struct km_option *rows;
	size_t nr;
};

extern const struct km_option_rows km_options_view, km_options_table, km_options_input,
	km_options_judge, km_options_top, km_options_record, km_options_merge;

#endif
