/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A debug file that is known to be the traced kernel's or module's, and what it says of calls. */
#ifndef KMEMSTAT_SYM_DEBUGFILE_H
#define KMEMSTAT_SYM_DEBUGFILE_H

#include "sym/dwarf.h"

struct km_debugfile;

/* What a call site allocates: the question. */
struct km_types_question {
	uint64_t address;      /* the return address */
	size_t nr_wrappers;    /* innermost frames that are not the call site's */
	uint32_t line;         /* of the call; 0: not known */
	const uint32_t *sizes; /* requested, ascending, each once */
	size_t nr_sizes;
};

/*
 * Opens the file `fd`, which may be packed, as that of `module` (NULL: the kernel itself) of the
 * kernel that `tab` is of. Takes over `fd` in every case; `path` names it in errors. Errors:
 * KM_ERR_INPUT if it is none, or of another build; then *ret_has_dwarf tells a stripped file from
 * a bad one.
 */
KM_MUST_CHECK struct km_error *km_debugfile_open(int fd, const char *path,
						 const struct km_symtab *tab, const char *module,
						 bool *ret_has_dwarf, struct km_debugfile **ret);
void km_debugfile_close(struct km_debugfile *file);
/* What to do without memory, where libdw would end the program; `handler` must not return. */
void km_debugfile_set_no_memory(struct km_debugfile *file,
				void (*handler)(void) __attribute__((noreturn)));
/* The whole inline chain of the call that returns to `address`; empty if nothing is known. */
KM_MUST_CHECK struct km_error *km_debugfile_chain(struct km_debugfile *file, uint64_t address,
						  struct km_arena *arena,
						  struct km_dwarf_chain *ret);
/* The answer is empty if nothing is known. */
KM_MUST_CHECK struct km_error *km_debugfile_types(struct km_debugfile *file,
						  const struct km_types_question *question,
						  struct km_arena *arena, struct km_types *ret);

#endif
