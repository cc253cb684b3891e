/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The symbol table of a running kernel, as the debug-file matcher walks it. */
#ifndef KMEMSTAT_SYM_SYMTAB_H
#define KMEMSTAT_SYM_SYMTAB_H

#include "kmemstat/sym.h"

/* Slots of the table, sorted by address; some hold no symbol but the end of an area. */
size_t km_symtab_nr(const struct km_symtab *tab);
/* The symbol in slot `i` (offset 0); false for a slot without one. */
bool km_symtab_get(const struct km_symtab *tab, size_t i, struct km_symbol *ret);
/* Lines that did not parse. */
size_t km_symtab_nr_bad_lines(const struct km_symtab *tab);

#endif
