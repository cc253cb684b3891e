/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Call sites that came as symbols, and the addresses a copy of kallsyms has for them. */
#include "cli/names.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memstream.h"
#include "sym/symtab.h"

/* A symbol that call sites are in. */
struct name {
	const char *name, *module; /* "" for the kernel itself */
	uint64_t address;          /* in the file */
	unsigned int nr;           /* of that name there */
};

static int compare_names(const void *a, const void *b)
{
	const struct name *one = a, *two = b;
	int order = strcmp(one->name, two->name);

	return order ? order : strcmp(one->module, two->module);
}

static struct name name_of(const struct km_symbol *symbol)
{
	return (struct name){ symbol->name, symbol->module ? symbol->module : "", 0, 0 };
}

/* The names of all sites, sorted, each once. */
static size_t collect_names(const struct km_symtab *made_up, const struct km_sites *sites,
			    struct name *ret)
{
	struct km_symbol symbol;
	size_t nr = 0, kept = 0;

	for (size_t i = 0; i < sites->nr; i++)
		if (km_symtab_find(made_up, sites->sites[i].address, &symbol))
			ret[nr++] = name_of(&symbol);
	qsort(ret, nr, sizeof(*ret), compare_names);
	for (size_t i = 0; i < nr; i++)
		if (!kept || compare_names(&ret[kept - 1], &ret[i]))
			ret[kept++] = ret[i];
	return kept;
}

/* Looks all symbols of the file up among the names. */
static void find_addresses(const struct km_symtab *tab, struct name *names, size_t nr)
{
	struct km_symbol symbol;

	for (size_t i = 0; i < km_symtab_nr(tab); i++) {
		struct name key, *name;

		if (!km_symtab_get(tab, i, &symbol))
			continue;
		key = name_of(&symbol);
		name = bsearch(&key, names, nr, sizeof(*names), compare_names);
		if (!name)
			continue;
		name->address = symbol.start;
		name->nr++;
	}
}

static int compare_sites(const void *a, const void *b)
{
	const struct km_site *one = a, *two = b;

	if (one->address != two->address)
		return one->address > two->address ? 1 : -1;
	return (int)one->family - (int)two->family;
}

/* Moves the sites that have a place; writes kallsyms lines for the others. */
static size_t move_sites(const struct km_symtab *made_up, const struct name *names, size_t nr,
			 struct km_sites *sites, FILE *left)
{
	size_t nr_left = 0;

	for (size_t i = 0; i < sites->nr; i++) {
		struct km_site *site = &sites->sites[i];
		struct km_symbol symbol;
		struct name key;
		const struct name *name;

		/* one that came as an address has it already */
		if (!km_symtab_find(made_up, site->address, &symbol))
			continue;
		key = name_of(&symbol);
		name = bsearch(&key, names, nr, sizeof(*names), compare_names);
		if (name && name->nr == 1) {
			site->address = name->address + symbol.offset;
			continue;
		}
		nr_left++;
		fprintf(left, "%016" PRIx64 " t %s%s%s%s\n", symbol.start, symbol.name,
			symbol.module ? "\t[" : "", symbol.module ? symbol.module : "",
			symbol.module ? "]" : "");
	}
	qsort(sites->sites, sites->nr, sizeof(*sites->sites), compare_sites);
	return nr_left;
}

/* The file's symbols with some more. */
static struct km_error *load_with(const char *path, const char *more, size_t more_size,
				  struct km_symtab **ret)
{
	FILE *file = fopen(path, "re"), *stream;
	char *text = NULL, buf[16384];
	size_t size = 0, got;
	bool has_failed;

	if (!file)
		return km_error_os(KM_ERR_INPUT, path, errno, "cannot open kernel symbols");
	stream = open_memstream(&text, &size);
	if (!stream) {
		fclose(file);
		return &km_error_memory;
	}
	while ((got = fread(buf, 1, sizeof(buf), file)))
		fwrite(buf, 1, got, stream);
	has_failed = ferror(file);
	fclose(file);
	fprintf(stream, "\n%.*s", (int)more_size, more);
	if (!km_memstream_close(stream, &text) || has_failed) {
		free(text);
		return has_failed
			       ? km_error_create(KM_ERR_INPUT, path, "cannot read kernel symbols")
			       : &km_error_memory;
	}
	return km_symtab_create(path, text, size, ret);
}

/* `all`: the symbols to keep; NULL: those of sites that are left. */
static struct km_error *translate(const char *kallsyms, const struct km_symtab *made_up,
				  const char *all, struct km_sites *sites, struct km_symtab **ret,
				  size_t *ret_nr_left)
{
	struct name *names = calloc(sites->nr + 1, sizeof(*names));
	struct km_error *error;
	char *left_text = NULL;
	size_t left_size = 0, nr;
	FILE *left = open_memstream(&left_text, &left_size);

	if (!names || !left) {
		free(names);
		if (left)
			fclose(left);
		free(left_text);
		return &km_error_memory;
	}
	error = km_symtab_load(kallsyms, ret);
	if (error) {
		fclose(left);
	} else {
		nr = collect_names(made_up, sites, names);
		find_addresses(*ret, names, nr);
		*ret_nr_left = move_sites(made_up, names, nr, sites, left);
		if (!km_memstream_close(left, &left_text))
			error = &km_error_memory;
	}
	if (!error && (*ret_nr_left || all)) {
		km_symtab_destroy(*ret);
		*ret = NULL;
		error = load_with(kallsyms, all ? all : left_text, all ? strlen(all) : left_size,
				  ret);
	}
	free(left_text);
	free(names);
	return error;
}

struct km_error *km_names_translate(const char *kallsyms, struct km_blob *made_up, bool keeps_all,
				    struct km_sites *sites, struct km_symtab **ret,
				    size_t *ret_nr_left)
{
	char *all = keeps_all ? strndup(made_up->data, made_up->size) : NULL;
	struct km_symtab *tab;
	struct km_error *error = km_symtab_create_from("call sites", made_up, &tab);

	if (!error && keeps_all && !all) {
		km_symtab_destroy(tab);
		error = &km_error_memory;
	}
	if (error) {
		free(all);
		return error;
	}
	*ret_nr_left = 0;
	error = translate(kallsyms, tab, all, sites, ret, ret_nr_left);
	km_symtab_destroy(tab);
	free(all);
	return error;
}
