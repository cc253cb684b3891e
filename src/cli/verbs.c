/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of verbs. */
#include "cli/verbs.h"

#include <string.h>

static const struct km_verb verbs[] = {
	{ "stat", KM_VERB_STAT, "[stat] [OPTIONS] FILE",
	  "where memory is wasted: summary and findings, tables, JSON, CSV (the default)",
	  km_verb_stat_run },
	{ "record", KM_VERB_RECORD, "record [OPTIONS] [-- COMMAND [ARGUMENT...]]",
	  "allocations of the running kernel into a trace.dat, until Ctrl-C or while a command "
	  "runs",
	  km_verb_record_run },
	{ "live", KM_VERB_LIVE, "live [OPTIONS] [-- COMMAND]",
	  "the same of the running kernel, until Ctrl-C, the end of COMMAND or --duration",
	  km_verb_live_run },
	{ "check", KM_VERB_CHECK, "check [OPTIONS] FILE",
	  "whether a trace stays within limits, budgets and a baseline, with an exit status for CI",
	  km_verb_check_run },
	{ "types", KM_VERB_TYPES, "types [OPTIONS] FILE",
	  "which structures are allocated, how they are laid out, and what that wastes",
	  km_verb_types_run },
	{ "top", KM_VERB_TOP, "top [OPTIONS] [FILE]",
	  "watch the running kernel, a pipe, or a recording that is replayed, full-screen",
	  km_verb_top_run },
	{ "info", KM_VERB_INFO, "info [OPTIONS] FILE",
	  "what the trace is: format, kernel, CPUs, clock, instances, events and losses",
	  km_verb_info_run },
	{ "dump", KM_VERB_DUMP, "dump [OPTIONS] FILE",
	  "every decoded kmem event, one a line, in the order of time", km_verb_dump_run },
	{ "diff", KM_VERB_DIFF, "diff [OPTIONS] BASE NEW",
	  "what differs between two traces, or JSON reports of them, by call site and finding",
	  km_verb_diff_run },
	{ "merge", KM_VERB_MERGE, "merge [OPTIONS] REPORT...",
	  "the JSON reports of many hosts or runs, added up to one", km_verb_merge_run },
};

const struct km_verb *km_verbs(size_t *ret_nr)
{
	*ret_nr = sizeof(verbs) / sizeof(verbs[0]);
	return verbs;
}

const struct km_verb *km_verb_find(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

const struct km_verb *km_verb_of_bit(unsigned int bit)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (verbs[i].bit == bit)
			return &verbs[i];
	return &verbs[0];
}
