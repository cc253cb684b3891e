/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a build can be without: meson's options dwarf, top and lzma. */
#ifndef KMEMSTAT_CLI_WITHOUT_H
#define KMEMSTAT_CLI_WITHOUT_H

#include "cli/options.h"
#include "kmemstat/out.h"

/* --version: the version, and what was left out, if anything. */
void km_without_print(struct km_out *out);
/* Errors: KM_ERR_USAGE if the options ask for something that was left out. */
KM_MUST_CHECK struct km_error *km_without_check(const struct km_options *options);

#endif
