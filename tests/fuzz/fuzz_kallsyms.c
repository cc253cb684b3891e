/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A copy of /proc/kallsyms. */
#include <string.h>

#include "fuzz.h"
#include "kmemstat/sym.h"
#include "sym/symtab.h"

/* What is found has to hold together. */
static void check(const struct km_symtab *tab, uint64_t address)
{
	struct km_symbol symbol;

	if (!km_symtab_find(tab, address, &symbol))
		return;
	if (symbol.start > address || symbol.offset != address - symbol.start ||
	    strlen(symbol.name) == SIZE_MAX || (symbol.module && !*symbol.module))
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct km_symtab *tab = NULL;
	struct km_error *error = km_symtab_create("kallsyms", fuzz_text(data, size), size, &tab);

	fuzz_error(error);
	if (error)
		return 0;
	for (size_t i = 0; i < km_symtab_nr(tab); i++) {
		struct km_symbol symbol;

		if (!km_symtab_get(tab, i, &symbol))
			continue;
		check(tab, symbol.start);
		check(tab, symbol.start - 1);
		check(tab, symbol.start + 4096);
	}
	for (unsigned int bit = 0; bit < 64; bit++)
		check(tab, 1ULL << bit);
	check(tab, UINT64_MAX);
	km_symtab_destroy(tab);
	return 0;
}
