/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a debug file's sections lay in the traced kernel, and whether it is that kernel's. */
#ifndef KMEMSTAT_SYM_MATCH_H
#define KMEMSTAT_SYM_MATCH_H

#include <gelf.h>
#include <stdbool.h>
#include <stddef.h>

#include "kmemstat/sym.h"

/* A section with code. */
struct km_match_section {
	uint64_t start, size; /* in the file; a relocatable section starts at 0 */
	uint64_t delta;       /* to add for an address of the traced kernel (modulo 2^64) */
	bool is_placed;       /* delta is known */
};

struct km_match {
	struct km_match_section *sections; /* index: number of the section in the file */
	size_t nr_sections;
	size_t nr_compared, nr_disagree;
	char *example;         /* a symbol that disagrees, or NULL */
	uint64_t *disagreeing; /* addresses in the traced kernel of all such symbols, sorted */
	size_t nr_disagreeing;
};

/*
 * Compares the symbols of `elf` with those of the traced kernel's `module` (NULL: the kernel
 * itself). Errors: KM_ERR_INPUT (path: the file) if they do not match, or there is nothing to
 * compare; KM_ERR_MEMORY.
 */
KM_MUST_CHECK struct km_error *km_match_create(Elf *elf, const char *path,
					       const struct km_symtab *tab, const char *module,
					       struct km_match **ret);
void km_match_destroy(struct km_match *match);
/*
 * The section of the file, and the offset in it, of a traced address that lies in `symbol`;
 * false if no section of the file is there, or the file has that symbol elsewhere.
 */
bool km_match_to_file(const struct km_match *match, const struct km_symbol *symbol,
		      uint64_t address, size_t *ret_section, uint64_t *ret_offset);

#endif
