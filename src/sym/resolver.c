/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Call sites to source lines: finds the debug file of the kernel or module an address lies in,
 * makes sure that it is the traced one's, and asks its DWARF.
 */
#include <elfutils/libdw.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kmemstat/sym.h"
#include "sym/arena.h"
#include "sym/dwarf.h"
#include "sym/excerpt.h"
#include "sym/match.h"
#include "sym/search.h"
#include "sym/srcroot.h"
#include "sym/types.h"
#include "sym/unpack.h"
#include "sym/wrappers.h"

/* Of refused candidates for one module so many are told. */
#define REFUSALS_TOLD_MAX 3

/* The kernel or a module with what was found for it. */
struct object {
	char *module;           /* NULL: the kernel itself */
	struct km_match *match; /* NULL: nothing was found */
	struct km_dwarf *dwarf;
};

struct cached {
	uint64_t address;
	struct km_chain chain;
	size_t nr_wrappers; /* taken off the chain */
	bool is_used;
};

struct km_resolver {
	const struct km_symtab *tab;
	struct km_search *search;
	struct km_srcroot *source_root; /* or NULL */
	bool has_excerpts;
	struct km_arena arena;
	struct object *objects;
	size_t nr_objects;
	struct cached *cache; /* open addressing, at most half full */
	size_t nr_cached, cache_size;
	char **notes;
	size_t nr_notes;
};

static struct km_error *add_note(struct km_resolver *resolver, char *text)
{
	char **grown;

	if (!text)
		return &km_error_memory;
	/* a file may be found by two ways */
	for (size_t i = 0; i < resolver->nr_notes; i++) {
		if (!strcmp(resolver->notes[i], text)) {
			free(text);
			return NULL;
		}
	}
	grown = reallocarray(resolver->notes, resolver->nr_notes + 1, sizeof(*grown));
	if (!grown) {
		free(text);
		return &km_error_memory;
	}
	resolver->notes = grown;
	grown[resolver->nr_notes++] = text;
	return NULL;
}

/* Makes a note of an error and frees it; only exhausted memory stays an error. */
static struct km_error *note_error(struct km_resolver *resolver, struct km_error *error)
{
	char *line;

	if (error->kind == KM_ERR_MEMORY)
		return error;
	line = km_error_line(error);
	km_error_free(error);
	return add_note(resolver, line);
}

static bool has_dwarf(Elf *elf)
{
	Elf_Scn *scn = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return false;
	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr shdr;
		const char *name;

		if (!gelf_getshdr(scn, &shdr) || shdr.sh_type == SHT_NOBITS)
			continue;
		name = elf_strptr(elf, names, shdr.sh_name);
		if (name && (!strcmp(name, ".debug_info") || !strcmp(name, ".zdebug_info")))
			return true;
	}
	return false;
}

/* Opens one file for an object. *ret_has_dwarf tells a stripped file from a bad one. */
static struct km_error *open_file(const struct km_resolver *resolver, struct object *object,
				  const char *path, bool *ret_has_dwarf)
{
	struct km_error *error;
	Elf *elf;
	int fd;

	*ret_has_dwarf = true;
	error = km_unpack_open(path, KM_UNPACK_BYTES_MAX, &fd);
	if (error)
		return error;
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF) {
		error = km_error_create(KM_ERR_INPUT, path, "cannot be read as an ELF file: %s",
					elf_errmsg(-1));
	} else if (!has_dwarf(elf)) {
		*ret_has_dwarf = false;
		error = km_error_advise(
			km_error_create(KM_ERR_INPUT, path, "no debug information (DWARF) in it"),
			"install the kernel's debug symbols, or build with CONFIG_DEBUG_INFO");
	} else {
		error = km_match_create(elf, path, resolver->tab, object->module, &object->match);
	}
	elf_end(elf);
	if (error) {
		close(fd);
		return error;
	}
	error = km_dwarf_open(fd, path, &object->dwarf);
	if (!error)
		km_dwarf_set_source_root(object->dwarf, resolver->source_root);
	if (error) {
		km_match_destroy(object->match);
		object->match = NULL;
	}
	return error;
}

/* Tries the candidates in turn. If none will do, the first refusals become notes. */
static struct km_error *open_candidates(struct km_resolver *resolver, struct object *object,
					const struct km_paths *paths)
{
	struct km_error *refusals[REFUSALS_TOLD_MAX];
	struct km_error *error = NULL;
	size_t nr_refusals = 0;

	for (size_t i = 0; i < paths->nr && !object->dwarf && !error; i++) {
		bool is_with_dwarf;

		error = open_file(resolver, object, paths->paths[i], &is_with_dwarf);
		if (!error || error->kind == KM_ERR_MEMORY)
			break;
		/* an installed system's own modules and kernel are stripped: nothing to tell */
		if ((is_with_dwarf || km_search_is_users(resolver->search, paths->paths[i])) &&
		    nr_refusals < REFUSALS_TOLD_MAX)
			refusals[nr_refusals++] = error;
		else
			km_error_free(error);
		error = NULL;
	}
	for (size_t i = 0; i < nr_refusals; i++) {
		if (object->dwarf || error)
			km_error_free(refusals[i]);
		else
			error = note_error(resolver, refusals[i]);
	}
	return error;
}

static struct km_error *find_object_file(struct km_resolver *resolver, struct object *object)
{
	struct km_paths paths = { 0 };
	struct km_error *error;

	if (object->module)
		error = km_search_module(resolver->search, object->module, &paths);
	else
		error = km_search_kernel(resolver->search, &paths);
	if (!error)
		error = open_candidates(resolver, object, &paths);
	km_paths_deinit(&paths);
	if (!error && km_search_cut(resolver->search) && !object->dwarf)
		error = note_error(resolver,
				   km_error_advise(km_error_create(KM_ERR_INPUT,
								   km_search_cut(resolver->search),
								   "too many files: not all were "
								   "searched for debug files"),
						   "name a directory that has less in it"));
	return error;
}

static bool is_module(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* The object of a module, looked for once. The pointer holds until the next call. */
static struct km_error *get_object(struct km_resolver *resolver, const char *module,
				   struct object **ret)
{
	struct object *grown, *object;

	for (size_t i = 0; i < resolver->nr_objects; i++) {
		if (is_module(resolver->objects[i].module, module)) {
			*ret = &resolver->objects[i];
			return NULL;
		}
	}
	grown = reallocarray(resolver->objects, resolver->nr_objects + 1, sizeof(*grown));
	if (!grown)
		return &km_error_memory;
	resolver->objects = grown;
	object = &grown[resolver->nr_objects];
	*object = (struct object){ 0 };
	if (module && !(object->module = strdup(module)))
		return &km_error_memory;
	resolver->nr_objects++;
	*ret = object;
	return NULL;
}

static struct km_error *open_vmlinux(struct km_resolver *resolver, const char *path)
{
	struct object *object;
	struct km_error *error;
	bool is_with_dwarf;

	if (!resolver->tab)
		return km_error_advise(
			km_error_create(
				KM_ERR_INPUT, path,
				"cannot be compared with the traced kernel: the trace has no "
				"kernel symbols"),
			"give a copy of the traced machine's /proc/kallsyms with --kallsyms");
	error = get_object(resolver, NULL, &object);
	return error ? error : open_file(resolver, object, path, &is_with_dwarf);
}

struct km_error *km_resolver_create(const struct km_symtab *tab,
				    const struct km_resolver_options *options,
				    struct km_resolver **ret)
{
	struct km_resolver *resolver = calloc(1, sizeof(*resolver));
	struct km_error *error;

	if (!resolver)
		return &km_error_memory;
	elf_version(EV_CURRENT);
	resolver->tab = tab;
	resolver->has_excerpts = options->has_excerpts && options->source_root;
	error = km_search_create(options, &resolver->search);
	if (!error && options->source_root)
		error = km_srcroot_create(options->source_root, &resolver->source_root);
	if (!error && options->vmlinux)
		error = open_vmlinux(resolver, options->vmlinux);
	if (error)
		km_resolver_destroy(resolver);
	else
		*ret = resolver;
	return error;
}

void km_resolver_destroy(struct km_resolver *resolver)
{
	if (!resolver)
		return;
	for (size_t i = 0; i < resolver->nr_objects; i++) {
		free(resolver->objects[i].module);
		km_match_destroy(resolver->objects[i].match);
		km_dwarf_close(resolver->objects[i].dwarf);
	}
	free(resolver->objects);
	for (size_t i = 0; i < resolver->nr_notes; i++)
		free(resolver->notes[i]);
	free(resolver->notes);
	free(resolver->cache);
	km_arena_deinit(&resolver->arena);
	km_srcroot_destroy(resolver->source_root);
	km_search_destroy(resolver->search);
	free(resolver);
}

/* The place of an address in the cache: its own, or the free one it would take. */
static struct cached *cache_slot(struct cached *cache, size_t size, uint64_t address)
{
	size_t at = (size_t)(address * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (size - 1);

	while (cache[at].is_used && cache[at].address != address)
		at = (at + 1) & (size - 1);
	return &cache[at];
}

static struct km_error *cache_add(struct km_resolver *resolver, uint64_t address,
				  const struct km_chain *chain, size_t nr_wrappers)
{
	if (resolver->nr_cached * 2 >= resolver->cache_size) {
		size_t size = resolver->cache_size ? resolver->cache_size * 2 : 256;
		struct cached *grown = calloc(size, sizeof(*grown));

		if (!grown)
			return &km_error_memory;
		for (size_t i = 0; i < resolver->cache_size; i++)
			if (resolver->cache[i].is_used)
				*cache_slot(grown, size, resolver->cache[i].address) =
					resolver->cache[i];
		free(resolver->cache);
		resolver->cache = grown;
		resolver->cache_size = size;
	}
	*cache_slot(resolver->cache, resolver->cache_size, address) =
		(struct cached){ address, *chain, nr_wrappers, true };
	resolver->nr_cached++;
	return NULL;
}

/* The debug file of the call that returns to `address`, and its place there; NULL: none. */
static struct km_error *find_place(struct km_resolver *resolver, uint64_t address,
				   struct km_dwarf **ret, size_t *ret_section, uint64_t *ret_offset)
{
	const size_t nr_before = resolver->nr_objects;
	struct object *object;
	struct km_error *error;
	struct km_symbol symbol;

	*ret = NULL;
	/* the call instruction ends right before the return address */
	if (!resolver->tab || !address || !km_symtab_find(resolver->tab, address - 1, &symbol))
		return NULL;
	error = get_object(resolver, symbol.module, &object);
	if (!error && resolver->nr_objects > nr_before)
		error = find_object_file(resolver, object);
	if (!error && object->dwarf &&
	    km_match_to_file(object->match, &symbol, address - 1, ret_section, ret_offset))
		*ret = object->dwarf;
	return error;
}

static struct km_error *look_up(struct km_resolver *resolver, uint64_t address,
				struct km_chain *ret, size_t *ret_nr_wrappers)
{
	struct km_error *error;
	struct km_dwarf *dwarf;
	uint64_t offset;
	size_t section, skip;

	*ret = (struct km_chain){ 0 };
	*ret_nr_wrappers = 0;
	error = find_place(resolver, address, &dwarf, &section, &offset);
	if (error || !dwarf)
		return error;
	error = km_dwarf_lookup(dwarf, section, offset, &resolver->arena, ret);
	if (error)
		return error;
	skip = km_chain_nr_wrappers(ret->frames, ret->nr_frames);
	if (skip) {
		ret->frames += skip;
		ret->nr_frames -= skip;
	}
	*ret_nr_wrappers = skip;
	return NULL;
}

static const struct cached *find_cached(const struct km_resolver *resolver, uint64_t address)
{
	const struct cached *slot;

	if (!resolver->cache_size)
		return NULL;
	slot = cache_slot(resolver->cache, resolver->cache_size, address);
	return slot->is_used ? slot : NULL;
}

struct km_error *km_resolver_lookup(struct km_resolver *resolver, uint64_t address,
				    struct km_chain *ret)
{
	const struct cached *cached = find_cached(resolver, address);
	struct km_chain chain;
	struct km_error *error;
	size_t nr_wrappers;

	if (cached) {
		*ret = cached->chain;
		return NULL;
	}
	error = look_up(resolver, address, &chain, &nr_wrappers);
	if (!error)
		error = cache_add(resolver, address, &chain, nr_wrappers);
	if (!error)
		*ret = chain;
	return error;
}

struct km_error *km_resolver_excerpt(struct km_resolver *resolver, const struct km_chain *chain,
				     struct km_excerpt *ret)
{
	const struct km_frame *frame = chain->nr_frames ? &chain->frames[0] : NULL;
	struct km_error *error;

	*ret = (struct km_excerpt){ 0 };
	if (!resolver->has_excerpts || !frame || !frame->file || !frame->line)
		return NULL;
	error = km_excerpt_read(km_srcroot_dir(resolver->source_root), frame->file, frame->line,
				&resolver->arena, ret);
	return error ? note_error(resolver, error) : NULL;
}

struct km_error *km_resolver_types(struct km_resolver *resolver, uint64_t address,
				   const uint32_t *sizes, size_t nr_sizes, struct km_types *ret)
{
	struct km_types_query query = { .sizes = sizes, .nr_sizes = nr_sizes };
	const struct cached *cached;
	struct km_error *error;
	struct km_dwarf *dwarf;
	struct km_chain chain;

	*ret = (struct km_types){ 0 };
	error = km_resolver_lookup(resolver, address, &chain);
	if (error || !chain.nr_frames)
		return error;
	cached = find_cached(resolver, address);
	query.nr_wrappers = cached ? cached->nr_wrappers : 0;
	query.line = chain.frames[0].line;
	error = find_place(resolver, address, &dwarf, &query.section, &query.offset);
	if (error || !dwarf)
		return error;
	return km_dwarf_types(dwarf, &query, &resolver->arena, ret);
}

size_t km_resolver_nr_notes(const struct km_resolver *resolver)
{
	return resolver->nr_notes;
}

const char *km_resolver_note(const struct km_resolver *resolver, size_t i)
{
	return i < resolver->nr_notes ? resolver->notes[i] : NULL;
}
