/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The DWARF of one debug file: an address in it -> function, file:line, inline chain. */
#ifndef KMEMSTAT_SYM_DWARF_H
#define KMEMSTAT_SYM_DWARF_H

#include "kmemstat/sym.h"
#include "sym/arena.h"

struct km_dwarf;
struct km_srcroot;

/*
 * Takes over `fd`, an ELF file with DWARF, in every case. A relocatable file is laid out and its
 * debug sections relocated; of other files nothing is read before it is needed.
 * Errors: KM_ERR_INPUT (path) if libdw cannot make sense of it.
 */
KM_MUST_CHECK struct km_error *km_dwarf_open(int fd, const char *path, struct km_dwarf **ret);
/* Files of frames are named from `root` on, which must outlive the look-ups; or NULL. */
void km_dwarf_set_source_root(struct km_dwarf *dwarf, struct km_srcroot *root);
void km_dwarf_close(struct km_dwarf *dwarf);
/*
 * The whole inline chain of the instruction at `offset` in section `section`, innermost frame
 * first; empty if the file does not say. Frames and strings are of the arena.
 */
KM_MUST_CHECK struct km_error *km_dwarf_lookup(struct km_dwarf *dwarf, size_t section,
					       uint64_t offset, struct km_arena *arena,
					       struct km_chain *ret);

#endif
