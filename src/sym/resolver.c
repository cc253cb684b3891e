/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Call sites to source lines: finds the debug file of the kernel or module an address lies in,
 * and asks it, in a process of its own (box.c) unless told otherwise.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kmemstat/sym.h"
#include "sym/arena.h"
#include "sym/box.h"
#include "sym/debugfile.h"
#include "sym/excerpt.h"
#include "sym/search.h"
#include "sym/srcroot.h"
#include "sym/unpack.h"
#include "sym/wrappers.h"

/* Of refused candidates for one module so many are told. */
#define REFUSALS_TOLD_MAX 3

/*
 * What the process may take that reads debug files, if nothing else is said. Opening a vmlinux of
 * 1 GB that xz packed takes half a minute, an answer some milliseconds.
 */
static const struct km_box_limits box_limits = {
	.memory_bytes = UINT64_C(2) << 30,
	.answer_ms = 120 * 1000,
	.total_ms = 600 * 1000,
};

/* The kernel or a module with what was found for it: a file in the box, or one without it. */
struct object {
	char *module; /* NULL: the kernel itself */
	struct km_boxed *boxed;
	struct km_debugfile *file;
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
	struct km_box *box; /* NULL: debug files are read here */
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

static bool is_open(const struct object *object)
{
	return object->boxed || object->file;
}

/* Opens one file for an object. *ret_has_dwarf tells a stripped file from a bad one. */
static struct km_error *open_file(struct km_resolver *resolver, struct object *object,
				  const char *path, bool *ret_has_dwarf)
{
	struct km_error *error;
	int fd;

	if (resolver->box)
		return km_box_open(resolver->box, path, object->module, ret_has_dwarf,
				   &object->boxed);
	*ret_has_dwarf = true;
	error = km_unpack_begin(path, &fd);
	return error ? error
		     : km_debugfile_open(fd, path, resolver->tab, object->module, ret_has_dwarf,
					 &object->file);
}

/* Tries the candidates in turn. If none will do, the first refusals become notes. */
static struct km_error *open_candidates(struct km_resolver *resolver, struct object *object,
					const struct km_paths *paths)
{
	struct km_error *refusals[REFUSALS_TOLD_MAX];
	struct km_error *error = NULL;
	size_t nr_refusals = 0;

	for (size_t i = 0; i < paths->nr && !is_open(object) && !error; i++) {
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
		if (is_open(object) || error)
			km_error_free(refusals[i]);
		else
			error = note_error(resolver, refusals[i]);
	}
	return error;
}

static struct km_error *find_object_file(struct km_resolver *resolver, struct object *object)
{
	struct km_paths paths = { 0 };
	struct km_error *error, *trouble;

	if (object->module)
		error = km_search_module(resolver->search, object->module, &paths);
	else
		error = km_search_kernel(resolver->search, &paths);
	trouble = km_search_take_trouble(resolver->search);
	if (trouble && error)
		km_error_free(trouble);
	else if (trouble)
		error = note_error(resolver, trouble);
	if (!error)
		error = open_candidates(resolver, object, &paths);
	km_paths_deinit(&paths);
	if (!error && km_search_cut(resolver->search) && !is_open(object))
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
	if (!error)
		error = open_file(resolver, object, path, &is_with_dwarf);
	/* that it kills its reader is not the user's mistake, and the report can do without */
	return error && km_resolver_nr_failures(resolver) ? note_error(resolver, error) : error;
}

bool km_resolver_has_dwarf(void)
{
	return true;
}

struct km_error *km_resolver_create(const struct km_symtab *tab,
				    const struct km_resolver_options *options,
				    struct km_resolver **ret)
{
	struct km_resolver *resolver = calloc(1, sizeof(*resolver));
	struct km_box_limits limits = box_limits;
	struct km_error *error;

	if (!resolver)
		return &km_error_memory;
	if (options->memory_bytes)
		limits.memory_bytes = options->memory_bytes;
	resolver->tab = tab;
	resolver->has_excerpts = options->has_excerpts && options->source_root;
	error = km_search_create(options, &resolver->search);
	if (!error && !options->no_sandbox)
		error = km_box_create(tab, &limits, &resolver->box);
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
		km_debugfile_close(resolver->objects[i].file);
	}
	free(resolver->objects);
	km_box_destroy(resolver->box);
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

/* The object that the call lies in that returns to `address`, with its file opened; or NULL. */
static struct km_error *find_object(struct km_resolver *resolver, uint64_t address,
				    struct object **ret)
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
	if (!error && is_open(object))
		*ret = object;
	return error;
}

/* What a file is called: from the source root or the kernel tree on; NULL without memory. */
static const char *name_file(struct km_resolver *resolver, const struct km_dwarf_frame *frame)
{
	const char *tidy = frame->path + frame->tidy;

	return resolver->source_root
		       ? km_srcroot_find(resolver->source_root, frame->path, tidy, &resolver->arena)
		       : tidy;
}

static struct km_error *make_chain(struct km_resolver *resolver, const struct km_dwarf_chain *raw,
				   struct km_chain *ret)
{
	struct km_frame *frames =
		km_arena_alloc(&resolver->arena, raw->nr_frames * sizeof(*frames) + 1);

	if (!frames)
		return &km_error_memory;
	for (size_t i = 0; i < raw->nr_frames; i++) {
		const struct km_dwarf_frame *frame = &raw->frames[i];

		frames[i] = (struct km_frame){
			.function = frame->function,
			.file = frame->path ? name_file(resolver, frame) : NULL,
			.line = frame->line,
			.column = frame->column,
			.is_inlined = i + 1 < raw->nr_frames,
		};
		if (frame->path && !frames[i].file)
			return &km_error_memory;
	}
	*ret = (struct km_chain){ frames, raw->nr_frames };
	return NULL;
}

static struct km_error *look_up(struct km_resolver *resolver, uint64_t address,
				struct km_chain *ret, size_t *ret_nr_wrappers)
{
	struct km_dwarf_chain raw;
	struct object *object;
	struct km_error *error;

	*ret = (struct km_chain){ 0 };
	*ret_nr_wrappers = 0;
	error = find_object(resolver, address, &object);
	if (error || !object)
		return error;
	if (object->boxed)
		error = km_box_chain(resolver->box, object->boxed, address, &resolver->arena, &raw);
	else
		error = km_debugfile_chain(object->file, address, &resolver->arena, &raw);
	if (error)
		return note_error(resolver, error);
	error = make_chain(resolver, &raw, ret);
	if (error)
		return error;
	*ret_nr_wrappers = km_chain_nr_wrappers(ret->frames, ret->nr_frames);
	ret->frames += *ret_nr_wrappers;
	ret->nr_frames -= *ret_nr_wrappers;
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
	struct km_types_question question = {
		.address = address,
		.sizes = sizes,
		.nr_sizes = nr_sizes,
	};
	const struct cached *cached;
	struct object *object;
	struct km_error *error;
	struct km_chain chain;

	*ret = (struct km_types){ 0 };
	error = km_resolver_lookup(resolver, address, &chain);
	if (error || !chain.nr_frames)
		return error;
	cached = find_cached(resolver, address);
	question.nr_wrappers = cached ? cached->nr_wrappers : 0;
	question.line = chain.frames[0].line;
	error = find_object(resolver, address, &object);
	if (error || !object)
		return error;
	if (object->boxed)
		error = km_box_types(resolver->box, object->boxed, &question, &resolver->arena,
				     ret);
	else
		error = km_debugfile_types(object->file, &question, &resolver->arena, ret);
	return error ? note_error(resolver, error) : NULL;
}

size_t km_resolver_nr_failures(const struct km_resolver *resolver)
{
	return resolver->box ? km_box_nr_failures(resolver->box) : 0;
}

const char *km_resolver_sandbox(const struct km_resolver *resolver)
{
	struct km_jail jail;

	if (!resolver->box || !km_box_jail(resolver->box, &jail))
		return NULL;
	return jail.has_seccomp && jail.has_landlock ? "seccomp and Landlock"
	       : jail.has_seccomp                    ? "seccomp"
	       : jail.has_landlock                   ? "Landlock"
						     : "limits alone";
}

size_t km_resolver_nr_notes(const struct km_resolver *resolver)
{
	return resolver->nr_notes;
}

const char *km_resolver_note(const struct km_resolver *resolver, size_t i)
{
	return i < resolver->nr_notes ? resolver->notes[i] : NULL;
}
