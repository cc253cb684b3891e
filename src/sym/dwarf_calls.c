/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls in DWARF: a function has a DW_TAG_call_site for each of its calls (version 5, 3.4;
 * before, DW_TAG_GNU_call_site), with the address it returns to and the function it calls, if
 * it is not by a pointer. A call that is the last thing a function does may be a jump
 * (DW_AT_call_tail_call): the function called returns to the caller's caller.
 */
#include <dwarf.h>
#include <string.h>

#include "sym/types_private.h"

static const struct {
	const char *name;
	enum km_callee callee;
} allocators[] = {
	/* include/linux/slab.h, v5.4 to v6.12, without _noprof */
	{ "kmalloc_trace", KM_CALLEE_FIXED },
	{ "kmalloc_node_trace", KM_CALLEE_FIXED },
	{ "kmem_cache_alloc_trace", KM_CALLEE_FIXED },
	{ "kmem_cache_alloc_node_trace", KM_CALLEE_FIXED },
	{ "__kmalloc_cache", KM_CALLEE_FIXED },
	{ "__kmalloc_cache_node", KM_CALLEE_FIXED },
	{ "kmalloc_large", KM_CALLEE_FIXED },
	{ "kmalloc_large_node", KM_CALLEE_FIXED },
	{ "__kmalloc_large", KM_CALLEE_FIXED },
	{ "__kmalloc_large_node", KM_CALLEE_FIXED },
	{ "kmalloc_order", KM_CALLEE_FIXED },
	{ "kmalloc_order_trace", KM_CALLEE_FIXED },
	{ "kmem_cache_alloc", KM_CALLEE_CACHE },
	{ "kmem_cache_alloc_node", KM_CALLEE_CACHE },
	{ "kmem_cache_alloc_lru", KM_CALLEE_CACHE },
	{ "kmem_cache_zalloc", KM_CALLEE_CACHE },
	{ "__kmalloc", KM_CALLEE_SIZED },
	{ "__kmalloc_node", KM_CALLEE_SIZED },
	{ "__kmalloc_track_caller", KM_CALLEE_SIZED },
	{ "__kmalloc_node_track_caller", KM_CALLEE_SIZED },
	{ "kmalloc_node_track_caller", KM_CALLEE_SIZED },
	{ "kvmalloc_node", KM_CALLEE_EITHER },
	{ "__kvmalloc_node", KM_CALLEE_EITHER },
	{ "krealloc", KM_CALLEE_EITHER },
	{ "__krealloc", KM_CALLEE_EITHER },
	{ "kvrealloc", KM_CALLEE_EITHER },
	{ "kmemdup", KM_CALLEE_EITHER },
	{ "__real_kmemdup", KM_CALLEE_EITHER }, /* include/linux/fortify-string.h */
	{ "kmemdup_array", KM_CALLEE_SIZED },
	{ "kvmemdup", KM_CALLEE_EITHER },
	{ "memdup_user", KM_CALLEE_EITHER },
	{ "devm_kmalloc", KM_CALLEE_SILENT },
	{ "devm_kmemdup", KM_CALLEE_SILENT },
	{ "devm_krealloc", KM_CALLEE_SILENT },
	{ "kstrdup", KM_CALLEE_SILENT },
	{ "kstrdup_const", KM_CALLEE_SILENT },
	{ "kstrndup", KM_CALLEE_SILENT },
	{ "kmemdup_nul", KM_CALLEE_SILENT },
	{ "memdup_user_nul", KM_CALLEE_SILENT },
	{ "strndup_user", KM_CALLEE_SILENT },
	{ "kasprintf", KM_CALLEE_SILENT },
	{ "kvasprintf", KM_CALLEE_SILENT },
	{ "devm_kasprintf", KM_CALLEE_SILENT },
	{ "devm_kstrdup", KM_CALLEE_SILENT },
};

static enum km_callee callee_of_name(const char *name)
{
	static const char suffix[] = "_noprof";
	size_t len = strlen(name);

	if (len > strlen(suffix) && !strcmp(name + len - strlen(suffix), suffix))
		len -= strlen(suffix);
	for (size_t i = 0; i < sizeof(allocators) / sizeof(*allocators); i++)
		if (strlen(allocators[i].name) == len && !memcmp(allocators[i].name, name, len))
			return allocators[i].callee;
	return KM_CALLEE_OTHER;
}

bool km_wrapper_is_array(const char *name)
{
	static const char *const parts[] = { "calloc", "_array", "_objs" };

	for (size_t i = 0; name && i < sizeof(parts) / sizeof(*parts); i++)
		if (strstr(name, parts[i]))
			return true;
	return false;
}

static bool is_call(Dwarf_Die *die)
{
	int tag = dwarf_tag(die);

	return tag == DW_TAG_call_site || tag == DW_TAG_GNU_call_site;
}

static bool is_jump(Dwarf_Die *call)
{
	Dwarf_Attribute attr;
	bool flag = false;

	if (!dwarf_attr(call, DW_AT_call_tail_call, &attr) &&
	    !dwarf_attr(call, DW_AT_GNU_tail_call, &attr))
		return false;
	return !dwarf_formflag(&attr, &flag) && flag;
}

static bool return_address(Dwarf_Die *call, uint64_t *ret)
{
	Dwarf_Attribute attr;
	Dwarf_Addr address;

	if (!dwarf_attr(call, DW_AT_call_return_pc, &attr) &&
	    !dwarf_attr(call, DW_AT_low_pc, &attr))
		return false;
	if (dwarf_formaddr(&attr, &address))
		return false;
	*ret = address;
	return true;
}

static bool find_call(Dwarf_Die *scope, uint64_t return_pc, unsigned int depth, uint32_t *nr_looked,
		      Dwarf_Die *ret)
{
	Dwarf_Die die;

	if (depth >= KM_DEPTH_MAX || dwarf_child(scope, &die))
		return false;
	do {
		int tag = dwarf_tag(&die);
		uint64_t address;

		if (is_call(&die)) {
			if (!is_jump(&die) && return_address(&die, &address) &&
			    address == return_pc) {
				*ret = die;
				return true;
			}
		} else if ((tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block) &&
			   find_call(&die, return_pc, depth + 1, nr_looked, ret)) {
			return true;
		}
	} while (km_may_look(nr_looked) && km_die_next(&die));
	return false;
}

bool km_call_find(Dwarf_Die *function, uint64_t return_pc, uint32_t *nr_looked, Dwarf_Die *ret)
{
	return find_call(function, return_pc, 0, nr_looked, ret);
}

static bool call_origin(Dwarf_Die *call, Dwarf_Die *ret)
{
	Dwarf_Attribute attr;

	return (dwarf_attr(call, DW_AT_call_origin, &attr) ||
		dwarf_attr(call, DW_AT_abstract_origin, &attr)) &&
	       dwarf_formref_die(&attr, ret);
}

enum km_callee km_call_callee(Dwarf_Die *call)
{
	Dwarf_Die origin;
	const char *name;

	if (!call_origin(call, &origin))
		return KM_CALLEE_OTHER;
	name = dwarf_diename(&origin);
	return name ? callee_of_name(name) : KM_CALLEE_UNKNOWN;
}

bool km_call_is_indirect(Dwarf_Die *call)
{
	Dwarf_Die origin;

	return !call_origin(call, &origin);
}

/* The function of that name among those of a unit that have code. */
static bool function_of_unit(struct km_dwarf *dwarf, const struct km_unit *unit, const char *name,
			     Dwarf_Die *ret)
{
	for (size_t i = 0; i < unit->nr_functions; i++) {
		const char *other;

		if (!dwarf_offdie(dwarf->dw, unit->functions[i].die, ret))
			continue;
		other = dwarf_diename(ret);
		if (other && !strcmp(other, name))
			return true;
	}
	return false;
}

/* Where the symbol table has a function of that name. */
static bool symbol_address(struct km_dwarf *dwarf, const char *name, uint64_t *ret)
{
	Elf *elf = dwarf_getelf(dwarf->dw);
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr, of;

	while ((scn = elf_nextscn(elf, scn))) {
		Elf_Data *data;

		if (!gelf_getshdr(scn, &shdr) || shdr.sh_type != SHT_SYMTAB || !shdr.sh_entsize ||
		    !(data = elf_getdata(scn, NULL)))
			continue;
		for (size_t i = 0; i < data->d_size / shdr.sh_entsize && i < KM_DIES_MAX; i++) {
			const char *other;
			GElf_Ehdr header;
			uint64_t offset;
			GElf_Sym sym;

			if (!gelf_getsym(data, (int)i, &sym) ||
			    GELF_ST_TYPE(sym.st_info) != STT_FUNC || sym.st_shndx == SHN_UNDEF ||
			    !(other = elf_strptr(elf, shdr.sh_link, sym.st_name)) ||
			    strcmp(other, name))
				continue;
			if (!gelf_getehdr(elf, &header) ||
			    !gelf_getshdr(elf_getscn(elf, sym.st_shndx), &of))
				return false;
			offset = header.e_type == ET_REL ? sym.st_value : sym.st_value - of.sh_addr;
			return km_dwarf_address(dwarf, sym.st_shndx, offset, ret);
		}
	}
	return false;
}

struct km_error *km_call_function(struct km_dwarf *dwarf, Dwarf_Die *call, Dwarf_Die *ret,
				  bool *ret_found)
{
	Dwarf_Die origin, cudie;
	struct km_error *error;
	struct km_unit *unit;
	uint64_t address;
	const char *name;

	*ret_found = false;
	if (!call_origin(call, &origin) || !(name = dwarf_diename(&origin)) ||
	    !dwarf_diecu(&origin, &cudie, NULL, NULL))
		return NULL;
	error = km_dwarf_get_unit(dwarf, &cudie, &unit);
	if (error)
		return error;
	*ret_found = function_of_unit(dwarf, unit, name, ret);
	if (*ret_found || !symbol_address(dwarf, name, &address))
		return NULL;
	error = km_dwarf_find_unit(dwarf, address, &cudie, ret_found);
	if (error || !*ret_found)
		return error;
	error = km_dwarf_get_unit(dwarf, &cudie, &unit);
	*ret_found = !error && function_of_unit(dwarf, unit, name, ret);
	return error;
}

struct jumps {
	Dwarf_Die scopes[KM_DEPTH_MAX];
	size_t nr;
	uint32_t *nr_looked;
	km_jump_fn see;
	void *arg;
};

static struct km_error *each_jump(struct jumps *jumps, Dwarf_Die *scope, unsigned int depth)
{
	struct km_error *error = NULL;
	Dwarf_Die die;

	if (depth >= KM_DEPTH_MAX || dwarf_child(scope, &die))
		return NULL;
	do {
		int tag = dwarf_tag(&die);

		if (is_call(&die) && is_jump(&die)) {
			error = jumps->see(jumps->arg, jumps->scopes, jumps->nr, &die);
		} else if (tag == DW_TAG_lexical_block) {
			error = each_jump(jumps, &die, depth + 1);
		} else if (tag == DW_TAG_inlined_subroutine && jumps->nr < KM_DEPTH_MAX) {
			jumps->scopes[jumps->nr++] = die;
			error = each_jump(jumps, &die, depth + 1);
			jumps->nr--;
		}
	} while (!error && km_may_look(jumps->nr_looked) && km_die_next(&die));
	return error;
}

struct km_error *km_jumps_each(Dwarf_Die *function, uint32_t *nr_looked, km_jump_fn see, void *arg)
{
	struct jumps jumps = {
		.scopes = { *function }, .nr = 1, .nr_looked = nr_looked, .see = see, .arg = arg
	};

	return each_jump(&jumps, function, 0);
}
