/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Call sites that came as symbols, and the addresses a copy of kallsyms has for them. */
#ifndef KMEMSTAT_CLI_NAMES_H
#define KMEMSTAT_CLI_NAMES_H

#include "kmemstat/agg.h"
#include "kmemstat/sym.h"

/*
 * Gives sites with made-up addresses the real ones: those of the only symbol of that name in that
 * module (or the kernel) in the file `kallsyms`, and the same offset. `made_up` is the kallsyms
 * text of the source (km_source_take_kallsyms()), taken over in every case. *ret has the symbols of
 * the file, and those of the *ret_nr_left sites for which it has none or several, or with
 * `keeps_all` all made-up ones: others have such addresses, too.
 */
KM_MUST_CHECK struct km_error *km_names_translate(const char *kallsyms, struct km_blob *made_up,
						  bool keeps_all, struct km_sites *sites,
						  struct km_symtab **ret, size_t *ret_nr_left);

#endif
