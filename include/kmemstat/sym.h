/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Symbols: addresses -> symbol+offset (kallsyms) -> function, file:line, inline chain (DWARF). */
#ifndef KMEMSTAT_SYM_H
#define KMEMSTAT_SYM_H

#include <stddef.h>

#include "kmemstat/blob.h"
#include "kmemstat/error.h"
#include "kmemstat/types.h"

/* The symbol table of a running kernel, from the text of /proc/kallsyms. */
struct km_symtab;

struct km_symbol {
	const char *name;
	const char *module; /* without brackets, NULL for the kernel itself */
	uint64_t start;
	uint64_t offset; /* of the address in the symbol */
};

/*
 * Parses kallsyms text. Takes `text` (malloc'ed, `size` bytes) over in every case.
 * Lines that do not parse are skipped and counted. Errors: KM_ERR_INPUT if there is no
 * symbol in it, or if all addresses are zero (kernel.kptr_restrict); KM_ERR_MEMORY.
 * `path` names the origin in errors.
 */
KM_MUST_CHECK struct km_error *km_symtab_create(const char *path, char *text, size_t size,
						struct km_symtab **ret);
/* The same of a blob, which is none afterwards. */
KM_MUST_CHECK struct km_error *km_symtab_create_from(const char *path, struct km_blob *text,
						     struct km_symtab **ret);
/* The same from a file. */
KM_MUST_CHECK struct km_error *km_symtab_load(const char *path, struct km_symtab **ret);
/* It has one holder; each more destroys it, too, and it goes with the last. */
struct km_symtab *km_symtab_hold(struct km_symtab *tab);
void km_symtab_destroy(struct km_symtab *tab);
/*
 * The symbol that holds `address`: the last text symbol at or below it, unless it lies
 * beyond the end of that symbol's area. Strings are the table's. False if there is none.
 * Any thread may ask.
 */
bool km_symtab_find(const struct km_symtab *tab, uint64_t address, struct km_symbol *ret);

/* One frame of an inline chain. Strings are the resolver's. */
struct km_frame {
	const char *function; /* may be NULL */
	/* relative to the kernel tree: "net/mac80211/mesh.c", or to source_root; may be NULL */
	const char *file;
	uint32_t line;   /* 0: not known */
	uint32_t column; /* 0: not known */
	bool is_inlined; /* into the next frame */
};

/*
 * The frames at a call site, innermost first, allocator wrappers (kzalloc and its like)
 * taken off; the last is the real function.
 */
struct km_chain {
	struct km_frame *frames;
	size_t nr_frames;
};

/* Lines of a source file. */
struct km_excerpt {
	const char **lines; /* without their ends */
	uint32_t first;     /* number of the first one */
	uint32_t nr_lines;  /* 0: none are known */
};

struct km_resolver_options {
	const char *vmlinux;           /* or NULL */
	const char *const *debug_dirs; /* searched before the system's */
	size_t nr_debug_dirs;
	const char *kernel_release; /* of the trace, or NULL: no search of /usr/lib/debug */
	const char *build_ids;      /* lines "NAME HEX" of "vmlinux" and modules, or NULL */
	bool search_system;         /* look into /usr/lib/debug by itself */
	/* a checkout that files are named from, where they are found in it; or NULL */
	const char *source_root;
	bool has_excerpts; /* km_resolver_excerpt() reads lines below it */
	/* debug files are read in this process, whatever is in them; else in one of their own */
	bool no_sandbox;
	/* that may take so much memory beside the files themselves; 0: 2 GiB */
	uint64_t memory_bytes;
};

/* Debug information of the traced kernel and its modules. */
struct km_resolver;

/*
 * Whether it is read at all. In a build without libdw no resolver knows anything, and options that
 * name files of it are errors (KM_ERR_USAGE).
 */
bool km_resolver_has_dwarf(void);

/*
 * Opens debug files lazily, a module when the first address in it is asked for. `tab` must
 * outlive the resolver; with tab NULL nothing is found. An explicit vmlinux that cannot be
 * read or does not match the traced kernel, and a debug directory that is not there, are errors
 * (KM_ERR_INPUT); of other files such is a note.
 */
KM_MUST_CHECK struct km_error *km_resolver_create(const struct km_symtab *tab,
						  const struct km_resolver_options *options,
						  struct km_resolver **ret);
void km_resolver_destroy(struct km_resolver *resolver);
/*
 * The inline chain at a return address (as kmem events have them): the call before it is
 * looked up. An empty chain if nothing is known. The frames are the resolver's and live as long.
 */
KM_MUST_CHECK struct km_error *km_resolver_lookup(struct km_resolver *resolver, uint64_t address,
						  struct km_chain *ret);
/*
 * The lines of source around the first frame of a chain; none without options.has_excerpts,
 * or if the file is not below source_root: then there is a note. Errors: KM_ERR_MEMORY.
 */
KM_MUST_CHECK struct km_error *km_resolver_excerpt(struct km_resolver *resolver,
						   const struct km_chain *chain,
						   struct km_excerpt *ret);
/*
 * What the call site with that return address allocates, that requested `sizes` bytes (ascending,
 * each once) of the allocator. Empty if the debug information does not tell: nothing is guessed.
 * Strings and layouts are the resolver's and live as long.
 */
KM_MUST_CHECK struct km_error *km_resolver_types(struct km_resolver *resolver, uint64_t address,
						 const uint32_t *sizes, size_t nr_sizes,
						 struct km_types *ret);
/*
 * Debug files that were given up because the process that reads them died, ran out of its limits
 * or answered nonsense; their call sites have symbols, and no more than was known before.
 */
size_t km_resolver_nr_failures(const struct km_resolver *resolver);
/* What that process is confined by, in words; NULL if there was none. */
const char *km_resolver_sandbox(const struct km_resolver *resolver);
/* What went wrong with debug files so far: one line each, for stderr. */
size_t km_resolver_nr_notes(const struct km_resolver *resolver);
const char *km_resolver_note(const struct km_resolver *resolver, size_t i);

#endif
