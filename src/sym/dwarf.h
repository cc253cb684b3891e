/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The DWARF of one debug file: an address in it -> function, file:line, inline chain. */
#ifndef KMEMSTAT_SYM_DWARF_H
#define KMEMSTAT_SYM_DWARF_H

#include "kmemstat/sym.h"
#include "sym/arena.h"

struct km_dwarf;

/* One frame of an inline chain. Strings are of the arena. */
struct km_dwarf_frame {
	const char *function; /* may be NULL */
	const char *path;     /* of the file as it was compiled, normalized; may be NULL */
	size_t tidy;          /* where in it the name in the kernel tree begins; 0: it is no such */
	uint32_t line;        /* 0: not known */
	uint32_t column;      /* 0: not known */
};

/* Innermost first; the last is the real function. */
struct km_dwarf_chain {
	struct km_dwarf_frame *frames;
	size_t nr_frames;
};

/*
 * Takes over `fd`, an ELF file with DWARF, in every case. A relocatable file is laid out and its
 * debug sections relocated; of other files nothing is read before it is needed.
 * Errors: KM_ERR_INPUT (path) if libdw cannot make sense of it.
 */
KM_MUST_CHECK struct km_error *km_dwarf_open(int fd, const char *path, struct km_dwarf **ret);
/* What libdw calls when it has no memory; it must not return. Else libdw ends the program. */
void km_dwarf_set_no_memory(struct km_dwarf *dwarf,
			    void (*handler)(void) __attribute__((noreturn)));
void km_dwarf_close(struct km_dwarf *dwarf);
/*
 * The whole inline chain of the instruction at `offset` in section `section`, innermost frame
 * first; empty if the file does not say. Frames and strings are of the arena.
 */
KM_MUST_CHECK struct km_error *km_dwarf_lookup(struct km_dwarf *dwarf, size_t section,
					       uint64_t offset, struct km_arena *arena,
					       struct km_dwarf_chain *ret);

#endif
