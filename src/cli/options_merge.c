/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options of the verb merge. */
#include "cli/options_tables.h"

static const struct km_option rows[] = {
	{ .name = "files-from",
	  .arg = "FILE",
	  .group = KM_GROUP_MERGE,
	  .verbs = KM_VERB_MERGE,
	  .set = km_set_string,
	  AT(files_from),
	  .help = "Merge the reports that FILE names, too: one a line, or with a NUL behind each; "
		  "-: standard input." },
	{ .name = "key",
	  .arg = "KEY",
	  .values = "merge-key",
	  .group = KM_GROUP_MERGE,
	  .verbs = KM_VERB_MERGE,
	  .set = km_set_merge_key,
	  .help = "What is one call site: fingerprint: the same function with the same functions "
		  "inlined at it (default); symbol: the same function; offset: the same place in "
		  "it.",
	  .more = "Fingerprint and symbol find call sites of different builds of the kernel, and "
		  "make one of several in a function. Of reports some of which have source lines "
		  "and others not, symbol tells what they have in common. Offset keeps all call "
		  "sites of a function apart, and is meant for hosts that run the same build." },
	{ .name = "host-dirs",
	  .group = KM_GROUP_MERGE,
	  .verbs = KM_VERB_MERGE,
	  .set = km_set_flag,
	  AT(merge.hosts_are_dirs),
	  .help = "A host is called as the directory that its report is in (default: as the file, "
		  "without .json and the like)." },
	{ .name = "skip-damaged",
	  .group = KM_GROUP_MERGE,
	  .verbs = KM_VERB_MERGE,
	  .set = km_set_flag,
	  AT(merge.skips_bad),
	  .help = "Go on without files that cannot be read, are damaged or do not add up: they are "
		  "told, and the result lists them with the reason." },
};

const struct km_option_rows km_options_merge = { rows, sizeof(rows) / sizeof(rows[0]) };
