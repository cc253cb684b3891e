/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options of top alone. */
#include "cli/options_tables.h"

static const struct km_option rows[] = {
	{ .name = "view",
	  .arg = "NAME",
	  .values = "top-view",
	  .group = KM_GROUP_TOP,
	  .verbs = KM_VERB_TOP,
	  .set = km_set_top_view,
	  .help = "Begin with this view: callers, classes, caches, live or findings (default: "
		  "callers)." },
	{ .name = "match",
	  .arg = "TEXT",
	  .group = KM_GROUP_TOP,
	  .verbs = KM_VERB_TOP,
	  .set = km_set_string,
	  AT(match),
	  .help = "Begin with this filter: rows with TEXT in them or, with *, ? or [ in it, rows "
		  "that match it as a glob." },
	{ .name = "batch",
	  .group = KM_GROUP_TOP,
	  .verbs = KM_VERB_TOP,
	  .set = km_set_flag,
	  AT(batch),
	  .help = "Print frames as text to standard output, an empty line between them, and ask "
		  "for no keys." },
	{ .name = "frames",
	  .letter = 'n',
	  .arg = "N",
	  .group = KM_GROUP_TOP,
	  .verbs = KM_VERB_TOP,
	  .set = km_set_frames,
	  AT(frames),
	  .help = "End after N frames." },
	{ .name = "speed",
	  .arg = "FACTOR",
	  .group = KM_GROUP_TOP,
	  .verbs = KM_VERB_TOP,
	  .set = km_set_speed,
	  AT(speed),
	  .help = "Replay FILE so many times as fast as it was recorded (default: 1); 0 is as fast "
		  "as can be read, which is what --batch does." },
};

const struct km_option_rows km_options_top = { rows, sizeof(rows) / sizeof(rows[0]) };
