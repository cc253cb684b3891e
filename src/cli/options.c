/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The option table, put together from its files. What options do is in setters.c, the parser
 * parse.c, the help help.c.
 */
#include "cli/options.h"

#include "cli/options_tables.h"

static const struct km_option_rows *const tables[] = { &km_options_view,   &km_options_table,
						       &km_options_judge,  &km_options_top,
						       &km_options_record, &km_options_input,
						       &km_options_merge };
#define NR_TABLES (sizeof(tables) / sizeof(tables[0]))

size_t km_options_count(void)
{
	size_t nr = 0;

	for (size_t i = 0; i < NR_TABLES; i++)
		nr += tables[i]->nr;
	return nr;
}

const struct km_option *km_option_at(size_t index)
{
	for (size_t i = 0; i < NR_TABLES; i++) {
		if (index < tables[i]->nr)
			return &tables[i]->rows[index];
		index -= tables[i]->nr;
	}
	return NULL;
}

const char *km_option_group_title(enum km_option_group group)
{
	static const char *const titles[KM_NR_GROUPS] = {
		[KM_GROUP_VIEW] = "What to show", [KM_GROUP_MODEL] = "Other allocators",
		[KM_GROUP_TABLE] = "Tables",      [KM_GROUP_DIFF] = "Comparison",
		[KM_GROUP_MERGE] = "Merging",     [KM_GROUP_TOP] = "Watching",
		[KM_GROUP_RECORD] = "Recording",  [KM_GROUP_INPUT] = "Input",
		[KM_GROUP_FILTER] = "Filters",    [KM_GROUP_SYMBOL] = "Symbols and source lines",
		[KM_GROUP_FINDING] = "Findings",  [KM_GROUP_CHECK] = "Gates",
		[KM_GROUP_OUTPUT] = "Output",     [KM_GROUP_GENERAL] = "General",
	};

	return titles[group];
}
