/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One debug file: unpacked, compared with the traced kernel's symbols, and asked. */
#include "sym/debugfile.h"

#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sym/match.h"
#include "sym/types.h"
#include "sym/unpack.h"

struct km_debugfile {
	const struct km_symtab *tab;
	struct km_match *match;
	struct km_dwarf *dwarf;
};

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

static struct km_error *match(int fd, const char *path, const struct km_symtab *tab,
			      const char *module, bool *ret_has_dwarf, struct km_match **ret)
{
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	struct km_error *error;

	if (!elf || elf_kind(elf) != ELF_K_ELF) {
		error = km_error_create(KM_ERR_INPUT, path, "cannot be read as an ELF file: %s",
					elf_errmsg(-1));
	} else if (!has_dwarf(elf)) {
		*ret_has_dwarf = false;
		error = km_error_advise(
			km_error_create(KM_ERR_INPUT, path, "no debug information (DWARF) in it"),
			"install the kernel's debug symbols, or build with CONFIG_DEBUG_INFO");
	} else {
		error = km_match_create(elf, path, tab, module, ret);
	}
	elf_end(elf);
	return error;
}

struct km_error *km_debugfile_open(int fd, const char *path, const struct km_symtab *tab,
				   const char *module, bool *ret_has_dwarf,
				   struct km_debugfile **ret)
{
	struct km_debugfile *file = calloc(1, sizeof(*file));
	struct km_error *error;

	*ret_has_dwarf = true;
	if (!file) {
		close(fd);
		return &km_error_memory;
	}
	elf_version(EV_CURRENT);
	file->tab = tab;
	error = km_unpack_file(fd, path, KM_UNPACK_BYTES_MAX, &fd);
	if (!error) {
		error = match(fd, path, tab, module, ret_has_dwarf, &file->match);
		if (error)
			close(fd);
		else
			error = km_dwarf_open(fd, path, &file->dwarf);
	}
	if (error)
		km_debugfile_close(file);
	else
		*ret = file;
	return error;
}

void km_debugfile_close(struct km_debugfile *file)
{
	if (!file)
		return;
	km_match_destroy(file->match);
	km_dwarf_close(file->dwarf);
	free(file);
}

void km_debugfile_set_no_memory(struct km_debugfile *file,
				void (*handler)(void) __attribute__((noreturn)))
{
	km_dwarf_set_no_memory(file->dwarf, handler);
}

/* The call instruction ends right before the return address. */
static bool find_call(const struct km_debugfile *file, uint64_t address, size_t *ret_section,
		      uint64_t *ret_offset)
{
	struct km_symbol symbol;

	return address && km_symtab_find(file->tab, address - 1, &symbol) &&
	       km_match_to_file(file->match, &symbol, address - 1, ret_section, ret_offset);
}

struct km_error *km_debugfile_chain(struct km_debugfile *file, uint64_t address,
				    struct km_arena *arena, struct km_dwarf_chain *ret)
{
	uint64_t offset;
	size_t section;

	*ret = (struct km_dwarf_chain){ 0 };
	if (!find_call(file, address, &section, &offset))
		return NULL;
	return km_dwarf_lookup(file->dwarf, section, offset, arena, ret);
}

struct km_error *km_debugfile_types(struct km_debugfile *file,
				    const struct km_types_question *question,
				    struct km_arena *arena, struct km_types *ret)
{
	struct km_types_query query = {
		.nr_wrappers = question->nr_wrappers,
		.line = question->line,
		.sizes = question->sizes,
		.nr_sizes = question->nr_sizes,
	};

	*ret = (struct km_types){ 0 };
	if (!find_call(file, question->address, &query.section, &query.offset))
		return NULL;
	return km_dwarf_types(file->dwarf, &query, arena, ret);
}
