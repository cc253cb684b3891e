/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From an address to the chain of inlined functions with elfutils' libdw.
 *
 * The unit (source file) of an address comes from .debug_aranges, or, where a compiler writes
 * none (clang), from the ranges of all units. Of that unit alone the functions are listed,
 * once; inside the function the tree of inlined calls is followed. DWARF says of each inlined
 * call what function was inlined (DW_AT_abstract_origin) and where it is called
 * (DW_AT_call_file, _line, _column); the line table says where the innermost one is.
 *
 * Damaged files: libdw checks its reads. What it does not check is that siblings lie behind
 * each other, and how deep or wide a tree is; that is bounded here.
 */
#include "sym/dwarf.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sym/dwarf_private.h"
#include "sym/srcpath.h"

/* Debug files are found by kmemstat's own rules: libdwfl must not look, or download. */
static int no_elf(Dwfl_Module *mod, void **userdata, const char *name, Dwarf_Addr base,
		  char **file_name, Elf **elf)
{
	return -1;
}

static int no_debuginfo(Dwfl_Module *mod, void **userdata, const char *name, Dwarf_Addr base,
			const char *file_name, const char *link, GElf_Word crc, char **ret)
{
	return -1;
}

static const Dwfl_Callbacks callbacks = {
	.find_elf = no_elf,
	.find_debuginfo = no_debuginfo,
	.section_address = dwfl_offline_section_address,
};

struct km_error *km_dwarf_open(int fd, const char *path, struct km_dwarf **ret)
{
	struct km_dwarf *dwarf = calloc(1, sizeof(*dwarf));
	Dwfl_Module *mod = NULL;
	struct km_error *error;
	Dwarf_Addr bias;

	if (!dwarf) {
		close(fd);
		return &km_error_memory;
	}
	dwarf->dwfl = dwfl_begin(&callbacks);
	if (dwarf->dwfl) {
		dwfl_report_begin(dwarf->dwfl);
		mod = dwfl_report_elf(dwarf->dwfl, "debug", path, fd, 0, true);
		dwfl_report_end(dwarf->dwfl, NULL, NULL);
	}
	if (!mod)
		close(fd);
	else
		dwarf->dw = dwfl_module_getdwarf(mod, &bias);
	if (!dwarf->dw) {
		error = km_error_create(KM_ERR_INPUT, path,
					"its debug information cannot be read: %s",
					dwfl_errmsg(-1));
		km_dwarf_close(dwarf);
		return error;
	}
	dwarf->bias = bias;
	*ret = dwarf;
	return NULL;
}

void km_dwarf_set_no_memory(struct km_dwarf *dwarf, void (*handler)(void) __attribute__((noreturn)))
{
	dwarf_new_oom_handler(dwarf->dw, handler);
}

static void unit_destroy(struct km_unit *unit)
{
	if (!unit)
		return;
	free(unit->functions);
	free(unit->types);
	free(unit->root);
	free(unit->comp_dir);
	free(unit);
}

void km_dwarf_close(struct km_dwarf *dwarf)
{
	if (!dwarf)
		return;
	for (size_t i = 0; i < dwarf->nr_units; i++)
		unit_destroy(dwarf->units[i]);
	free(dwarf->units);
	free(dwarf->ranges);
	if (dwarf->dwfl)
		dwfl_end(dwarf->dwfl);
	free(dwarf);
}

/* Makes room for one more element in an array. */
bool km_grow(void *array, size_t nr, size_t *max, size_t element_bytes)
{
	void **at = array, *grown;
	size_t new_max = *max ? *max * 2 : 16;

	if (nr < *max)
		return true;
	grown = reallocarray(*at, new_max, element_bytes);
	if (!grown)
		return false;
	*at = grown;
	*max = new_max;
	return true;
}

/* The next sibling, which in a sound file lies behind `die`. */
bool km_die_next(Dwarf_Die *die)
{
	Dwarf_Off before = dwarf_dieoffset(die);

	return dwarf_siblingof(die, die) == 0 && dwarf_dieoffset(die) > before;
}

static struct km_error *add_function(struct km_unit *unit, Dwarf_Die *die)
{
	Dwarf_Addr base, low, high;
	ptrdiff_t at = 0;

	while ((at = dwarf_ranges(die, at, &base, &low, &high)) > 0) {
		if (low >= high)
			continue;
		if (unit->nr_functions >= KM_DIES_MAX)
			break;
		if (!km_grow(&unit->functions, unit->nr_functions, &unit->max_functions,
			     sizeof(*unit->functions)))
			return &km_error_memory;
		unit->functions[unit->nr_functions++] =
			(struct km_function){ low, high, dwarf_dieoffset(die) };
	}
	return NULL;
}

/* Lists the functions below `parent`; Rust has them in name spaces and types. */
static struct km_error *list_functions(struct km_unit *unit, Dwarf_Die *parent, bool is_rust,
				       unsigned int depth, uint32_t *nr_seen)
{
	struct km_error *error = NULL;
	Dwarf_Die die;

	if (depth >= KM_DEPTH_MAX || dwarf_child(parent, &die))
		return NULL;
	do {
		switch (dwarf_tag(&die)) {
		case DW_TAG_subprogram:
			error = add_function(unit, &die);
			break;
		case DW_TAG_structure_type:
		case DW_TAG_union_type:
		case DW_TAG_enumeration_type:
			if (!is_rust)
				break;
			__attribute__((fallthrough));
		case DW_TAG_namespace:
			error = list_functions(unit, &die, is_rust, depth + 1, nr_seen);
			break;
		default:
			break;
		}
	} while (!error && ++*nr_seen < KM_DIES_MAX && km_die_next(&die));
	return error;
}

/* The kernel tree's directory, by the headers the unit uses: the shortest that one is below. */
static struct km_error *find_root(struct km_unit *unit, Dwarf_Die *cudie)
{
	Dwarf_Files *files;
	size_t nr;

	if (dwarf_getsrcfiles(cudie, &files, &nr))
		return NULL;
	for (size_t i = 0; i < nr; i++) {
		const char *file = dwarf_filesrc(files, i, NULL, NULL);
		char *path;
		long len;

		if (!file || !strstr(file, "include/"))
			continue;
		path = km_srcpath_join(unit->comp_dir, file);
		if (!path)
			return &km_error_memory;
		len = km_srcpath_root_len(path);
		if (len >= 0 && (!unit->root || (size_t)len < strlen(unit->root))) {
			path[len] = 0;
			free(unit->root);
			unit->root = path;
		} else {
			free(path);
		}
	}
	return NULL;
}

static struct km_error *read_unit(struct km_dwarf *dwarf, Dwarf_Die *cudie, struct km_unit **ret)
{
	struct km_unit *unit = calloc(1, sizeof(*unit));
	struct km_error *error;
	Dwarf_Attribute attr;
	const char *comp_dir;
	uint32_t nr_seen = 0;
	int language = dwarf_srclang(cudie);

	if (!unit || !km_grow(&dwarf->units, dwarf->nr_units, &dwarf->max_units, sizeof(unit))) {
		free(unit);
		return &km_error_memory;
	}
	unit->offset = dwarf_dieoffset(cudie);
	comp_dir = dwarf_formstring(dwarf_attr(cudie, DW_AT_comp_dir, &attr));
	if (comp_dir)
		unit->comp_dir = km_srcpath_normalize(comp_dir);
	error = comp_dir && !unit->comp_dir ? &km_error_memory : NULL;
	if (!error)
		error = find_root(unit, cudie);
	if (!error)
		error = list_functions(unit, cudie, language == DW_LANG_Rust, 0, &nr_seen);
	if (error) {
		unit_destroy(unit);
		return error;
	}
	dwarf->units[dwarf->nr_units++] = unit;
	*ret = unit;
	return NULL;
}

/* The ranges of all units, without looking inside them. */
static struct km_error *read_unit_ranges(struct km_dwarf *dwarf)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die die;
	uint8_t type;
	uint32_t nr = 0;

	while (nr++ < KM_UNITS_MAX &&
	       !dwarf_get_units(dwarf->dw, cu, &cu, NULL, &type, &die, NULL)) {
		Dwarf_Addr base, low, high;
		ptrdiff_t at = 0;

		if (type != DW_UT_compile && type != DW_UT_partial)
			continue;
		while ((at = dwarf_ranges(&die, at, &base, &low, &high)) > 0) {
			if (low >= high || dwarf->nr_ranges >= KM_DIES_MAX)
				continue;
			if (!km_grow(&dwarf->ranges, dwarf->nr_ranges, &dwarf->max_ranges,
				     sizeof(*dwarf->ranges)))
				return &km_error_memory;
			dwarf->ranges[dwarf->nr_ranges++] =
				(struct km_unit_range){ low, high, dwarf_dieoffset(&die) };
		}
	}
	dwarf->has_ranges = true;
	return NULL;
}

/* The unit that holds an address; *ret_found is false if none does. */
struct km_error *km_dwarf_find_unit(struct km_dwarf *dwarf, uint64_t address, Dwarf_Die *ret,
				    bool *ret_found)
{
	struct km_error *error;

	*ret_found = dwarf_addrdie(dwarf->dw, address, ret) != NULL;
	if (*ret_found)
		return NULL;
	if (!dwarf->has_ranges) {
		error = read_unit_ranges(dwarf);
		if (error)
			return error;
	}
	for (size_t i = 0; i < dwarf->nr_ranges && !*ret_found; i++) {
		const struct km_unit_range *range = &dwarf->ranges[i];

		if (address >= range->low && address < range->high)
			*ret_found = dwarf_offdie(dwarf->dw, range->unit, ret) != NULL;
	}
	return NULL;
}

struct km_error *km_dwarf_get_unit(struct km_dwarf *dwarf, Dwarf_Die *cudie, struct km_unit **ret)
{
	Dwarf_Off offset = dwarf_dieoffset(cudie);

	for (size_t i = 0; i < dwarf->nr_units; i++) {
		if (dwarf->units[i]->offset == offset) {
			*ret = dwarf->units[i];
			return NULL;
		}
	}
	return read_unit(dwarf, cudie, ret);
}

/* Adds the inlined calls that hold `address`, outermost first. */
static void follow_inlined(struct km_scopes *scopes, Dwarf_Die *parent, uint64_t address,
			   unsigned int depth)
{
	Dwarf_Die die;

	if (depth >= KM_DEPTH_MAX || dwarf_child(parent, &die))
		return;
	do {
		int tag = dwarf_tag(&die);

		if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_lexical_block)
			continue;
		if (dwarf_haspc(&die, address) <= 0)
			continue;
		if (tag == DW_TAG_inlined_subroutine && scopes->nr < KM_DEPTH_MAX)
			scopes->dies[scopes->nr++] = die;
		follow_inlined(scopes, &die, address, depth + 1);
		return;
	} while (++scopes->nr_seen < KM_DIES_MAX && km_die_next(&die));
}

bool km_dwarf_find_scopes(struct km_dwarf *dwarf, const struct km_unit *unit, uint64_t address,
			  struct km_scopes *scopes)
{
	const struct km_function *best = NULL;

	for (size_t i = 0; i < unit->nr_functions; i++) {
		const struct km_function *function = &unit->functions[i];

		if (address >= function->low && address < function->high &&
		    (!best || function->high - function->low < best->high - best->low))
			best = function;
	}
	if (!best || !dwarf_offdie(dwarf->dw, best->die, &scopes->dies[0]))
		return false;
	scopes->nr = 1;
	follow_inlined(scopes, &scopes->dies[0], address, 0);
	return true;
}

/* The file of a frame, and where its name in the kernel tree begins. */
static struct km_error *set_path(const struct km_unit *unit, const char *file,
				 struct km_arena *arena, struct km_dwarf_frame *frame)
{
	const char *below = NULL;
	char *path;

	if (!file || !*file)
		return NULL;
	path = km_srcpath_join(unit->comp_dir, file);
	if (!path)
		return &km_error_memory;
	if (unit->root)
		below = km_srcpath_below(path, unit->root);
	if (!below && unit->comp_dir)
		below = km_srcpath_below(path, unit->comp_dir);
	frame->tidy = below ? (size_t)(below - path) : 0;
	frame->path = km_arena_strdup(arena, path);
	free(path);
	return frame->path ? NULL : &km_error_memory;
}

static uint32_t attr_number(Dwarf_Die *die, unsigned int name)
{
	Dwarf_Attribute attr;
	Dwarf_Word value;

	if (!dwarf_attr(die, name, &attr) || dwarf_formudata(&attr, &value) || value > UINT32_MAX)
		return 0;
	return (uint32_t)value;
}

/* Where the inlined call `die` is called. */
static struct km_error *call_position(const struct km_unit *unit, Dwarf_Die *cudie, Dwarf_Die *die,
				      struct km_arena *arena, struct km_dwarf_frame *frame)
{
	Dwarf_Attribute attr;
	Dwarf_Files *files;
	Dwarf_Word index;
	size_t nr;

	frame->line = attr_number(die, DW_AT_call_line);
	frame->column = attr_number(die, DW_AT_call_column);
	if (!dwarf_attr(die, DW_AT_call_file, &attr) || dwarf_formudata(&attr, &index) ||
	    dwarf_getsrcfiles(cudie, &files, &nr) || index >= nr)
		return NULL;
	return set_path(unit, dwarf_filesrc(files, index, NULL, NULL), arena, frame);
}

/* What the line table says of an address. */
static struct km_error *line_position(const struct km_unit *unit, Dwarf_Die *cudie,
				      uint64_t address, struct km_arena *arena,
				      struct km_dwarf_frame *frame)
{
	Dwarf_Line *line = dwarf_getsrc_die(cudie, address);
	int number;

	if (!line)
		return NULL;
	if (!dwarf_lineno(line, &number) && number > 0)
		frame->line = (uint32_t)number;
	if (!dwarf_linecol(line, &number) && number > 0)
		frame->column = (uint32_t)number;
	return set_path(unit, dwarf_linesrc(line, NULL, NULL), arena, frame);
}

static struct km_error *make_chain(const struct km_unit *unit, Dwarf_Die *cudie, uint64_t address,
				   struct km_scopes *scopes, struct km_arena *arena,
				   struct km_dwarf_chain *ret)
{
	struct km_dwarf_frame *frames = km_arena_alloc(arena, scopes->nr * sizeof(*frames));
	struct km_error *error;

	if (!frames)
		return &km_error_memory;
	error = line_position(unit, cudie, address, arena, &frames[0]);
	for (size_t i = 0; i < scopes->nr && !error; i++) {
		Dwarf_Die *die = &scopes->dies[scopes->nr - 1 - i];
		const char *name = dwarf_diename(die);

		if (name && !(frames[i].function = km_arena_strdup(arena, name)))
			return &km_error_memory;
		if (i + 1 < scopes->nr)
			error = call_position(unit, cudie, die, arena, &frames[i + 1]);
	}
	if (!error)
		*ret = (struct km_dwarf_chain){ frames, scopes->nr };
	return error;
}

/* The address that libdwfl's layout gave a place in a section. */
bool km_dwarf_address(struct km_dwarf *dwarf, size_t section, uint64_t offset, uint64_t *ret)
{
	Elf_Scn *scn = elf_getscn(dwarf_getelf(dwarf->dw), section);
	GElf_Shdr shdr;

	if (!scn || !gelf_getshdr(scn, &shdr) || offset >= shdr.sh_size)
		return false;
	*ret = shdr.sh_addr + offset - dwarf->bias;
	return true;
}

struct km_error *km_dwarf_lookup(struct km_dwarf *dwarf, size_t section, uint64_t offset,
				 struct km_arena *arena, struct km_dwarf_chain *ret)
{
	struct km_scopes scopes = { .nr = 0 };
	struct km_error *error;
	struct km_unit *unit = NULL;
	uint64_t address;
	Dwarf_Die cudie;
	bool found;

	*ret = (struct km_dwarf_chain){ 0 };
	if (!km_dwarf_address(dwarf, section, offset, &address))
		return NULL;
	error = km_dwarf_find_unit(dwarf, address, &cudie, &found);
	if (error || !found)
		return error;
	error = km_dwarf_get_unit(dwarf, &cudie, &unit);
	if (error || !km_dwarf_find_scopes(dwarf, unit, address, &scopes))
		return error;
	return make_chain(unit, &cudie, address, &scopes, arena, ret);
}
