/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kmemstat diff: what other files of the program need of it. */
#ifndef KMEMSTAT_CLI_VERB_DIFF_H
#define KMEMSTAT_CLI_VERB_DIFF_H

#include "kmemstat/out.h"

/* diff --format help. */
void km_diff_formats_list(struct km_out *out);

#endif
