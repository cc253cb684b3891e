/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Debug files are read in a process of their own. libdw and libelf are large, and they read what
 * a stranger may have made: here the worst that can come of it is that a file is not used.
 */
#ifndef KMEMSTAT_SYM_BOX_H
#define KMEMSTAT_SYM_BOX_H

#include "sym/debugfile.h"
#include "sym/jail.h"

struct km_box;
/* A debug file in the box. */
struct km_boxed;

struct km_box_limits {
	uint64_t memory_bytes;  /* beside the debug files themselves; 0: no limit */
	unsigned int answer_ms; /* for one answer */
	unsigned int total_ms;  /* for all */
};

/*
 * Makes a box for files of the kernel that `tab` is of, which must outlive it. A process is
 * started when the first file is opened, and again after one died, a few times.
 */
KM_MUST_CHECK struct km_error *
km_box_create(const struct km_symtab *tab, const struct km_box_limits *limits, struct km_box **ret);
/* Ends the process; the files in it are closed. */
void km_box_destroy(struct km_box *box);
/* The same as km_debugfile_open() for the file at `path`. */
KM_MUST_CHECK struct km_error *km_box_open(struct km_box *box, const char *path, const char *module,
					   bool *ret_has_dwarf, struct km_boxed **ret);
/*
 * The same as km_debugfile_chain() and km_debugfile_types(), with one more error: KM_ERR_INPUT if
 * the process died of the question, ran out of its limits, or gave no sound answer. After that
 * the file is not asked again.
 */
KM_MUST_CHECK struct km_error *km_box_chain(struct km_box *box, struct km_boxed *file,
					    uint64_t address, struct km_arena *arena,
					    struct km_dwarf_chain *ret);
KM_MUST_CHECK struct km_error *km_box_types(struct km_box *box, struct km_boxed *file,
					    const struct km_types_question *question,
					    struct km_arena *arena, struct km_types *ret);
/* Files that were given up so far, because of the process. */
size_t km_box_nr_failures(const struct km_box *box);
/* The walls around it; false if none was started yet. */
bool km_box_jail(const struct km_box *box, struct km_jail *ret);

/*
 * The process's side: never returns. `socket` is its one connection to the world, `tab` a copy.
 */
_Noreturn void km_box_serve(int socket, const struct km_symtab *tab);
/* How it says that there was no memory, where libdw leaves it no other way. */
#define KM_BOX_EXIT_MEMORY 12

#endif
