/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A debug file says where functions are in the file, kallsyms where they were in the traced
 * kernel. A kernel image is moved as a whole (KASLR); a module is a relocatable object whose
 * sections the loader places one by one (kernel/module/main.c, layout_sections(), v6.1). So
 * the names that both have once vote on the distance, for a module per section; if a tenth of
 * them is elsewhere or missing, the file is of another build.
 */
#include "sym/match.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sym/symtab.h"

#define AGREE_PERCENT_MIN 90
/* Static functions may share a name; a few dozen do in a real kernel. */
#define SAME_NAME_MAX     256

/* A function of the file. */
struct file_symbol {
	const char *name;
	uint64_t address; /* in the file */
	uint32_t section;
	uint32_t hash;
	uint32_t next; /* of the same bucket, index + 1; 0: none */
};

struct table {
	struct file_symbol *symbols;
	uint32_t nr;
	uint32_t *heads; /* index + 1 */
	uint32_t mask;
};

/* The candidate for a section's distance, by Boyer and Moore's majority vote. */
struct vote {
	uint64_t delta;
	size_t lead;
};

struct matcher {
	Elf *elf;
	const char *path;
	const struct km_symtab *tab;
	const char *module;
	bool is_relocatable;
	struct table table;
	uint8_t *kernel_count; /* per file symbol: how often kallsyms has its name, 0 to 2 */
	uint32_t *found;       /* per slot of tab: the first symbol of that name, index + 1 */
	struct vote *votes;    /* per section; an image has but one vote, the first */
	size_t nr_votes;
	struct km_match *match;
};

static uint32_t hash_name(const char *name)
{
	uint32_t hash = 2166136261U; /* FNV-1a */

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619U;
	return hash ^ hash >> 15;
}

/* The first symbol named `name`, as its index + 1, in a chain that starts at `at`; 0: none. */
static uint32_t table_find(const struct table *table, const char *name, uint32_t hash, uint32_t at)
{
	while (at) {
		const struct file_symbol *symbol = &table->symbols[at - 1];

		if (symbol->hash == hash && !strcmp(symbol->name, name))
			break;
		at = symbol->next;
	}
	return at;
}

/* The next symbol of the same name; index + 1. */
static uint32_t table_next(const struct table *table, uint32_t at)
{
	const struct file_symbol *symbol = &table->symbols[at - 1];

	return table_find(table, symbol->name, symbol->hash, symbol->next);
}

static struct km_error *bad_file(const struct matcher *m, const char *what)
{
	return km_error_create(KM_ERR_INPUT, m->path, "%s", what);
}

static struct km_error *read_sections(struct matcher *m)
{
	struct km_match *match = m->match;
	Elf_Scn *scn = NULL;
	size_t nr;

	if (elf_getshdrnum(m->elf, &nr) || !nr)
		return bad_file(m, "an ELF file without sections");
	match->sections = calloc(nr, sizeof(*match->sections));
	if (!match->sections)
		return &km_error_memory;
	match->nr_sections = nr;
	while ((scn = elf_nextscn(m->elf, scn))) {
		size_t i = elf_ndxscn(scn);
		GElf_Shdr shdr;

		if (i >= nr || !gelf_getshdr(scn, &shdr) || !(shdr.sh_flags & SHF_EXECINSTR))
			continue;
		match->sections[i].start = m->is_relocatable ? 0 : shdr.sh_addr;
		match->sections[i].size = shdr.sh_size;
	}
	return NULL;
}

/* Whether it names a piece of code; its section is in *ret. */
static bool is_code_symbol(const struct matcher *m, const GElf_Sym *sym, GElf_Word xndx,
			   size_t *ret)
{
	size_t section = sym->st_shndx == SHN_XINDEX ? xndx : sym->st_shndx;
	unsigned int type = GELF_ST_TYPE(sym->st_info);

	if (section == SHN_UNDEF || section >= m->match->nr_sections ||
	    (sym->st_shndx >= SHN_LORESERVE && sym->st_shndx != SHN_XINDEX) ||
	    !m->match->sections[section].size)
		return false;
	*ret = section;
	return type == STT_FUNC || type == STT_NOTYPE || type == STT_GNU_IFUNC;
}

static void add_symbol(struct matcher *m, const char *name, const GElf_Sym *sym, size_t section)
{
	struct table *table = &m->table;
	struct file_symbol *symbol = &table->symbols[table->nr++];
	uint32_t hash = hash_name(name);
	uint32_t *head = &table->heads[hash & table->mask];

	symbol->name = name;
	symbol->hash = hash;
	symbol->section = (uint32_t)section;
	symbol->address = sym->st_value; /* in a relocatable file: the offset in the section */
	symbol->next = *head;
	*head = table->nr;
}

static struct km_error *read_symbols(struct matcher *m)
{
	Elf_Scn *scn = NULL, *xscn;
	Elf_Data *data = NULL, *xdata = NULL, *names = NULL;
	GElf_Shdr shdr = { 0 };
	size_t nr, nr_heads = 64;
	int xindex;

	while ((scn = elf_nextscn(m->elf, scn)))
		if (gelf_getshdr(scn, &shdr) && shdr.sh_type == SHT_SYMTAB)
			break;
	if (scn && (data = elf_getdata(scn, NULL)))
		names = elf_getdata(elf_getscn(m->elf, shdr.sh_link), NULL);
	if (!names || !names->d_size || ((const char *)names->d_buf)[names->d_size - 1])
		return bad_file(m, "no symbol table: it cannot be compared with the traced kernel");
	xindex = elf_scnshndx(scn);
	if (xindex > 0 && (xscn = elf_getscn(m->elf, (size_t)xindex)))
		xdata = elf_getdata(xscn, NULL);
	nr = data->d_size /
	     (gelf_getclass(m->elf) == ELFCLASS32 ? sizeof(Elf32_Sym) : sizeof(Elf64_Sym));
	if (nr > INT32_MAX)
		return bad_file(m, "a symbol table of over 2^31 entries");
	while (nr_heads < nr)
		nr_heads *= 2;
	m->table.symbols = malloc((nr + 1) * sizeof(*m->table.symbols));
	m->table.heads = calloc(nr_heads, sizeof(*m->table.heads));
	m->table.mask = (uint32_t)nr_heads - 1;
	if (!m->table.symbols || !m->table.heads)
		return &km_error_memory;
	for (size_t i = 1; i < nr; i++) {
		GElf_Sym sym;
		GElf_Word xndx = 0;
		size_t section;

		if (!gelf_getsymshndx(data, xdata, (int)i, &sym, &xndx) ||
		    !is_code_symbol(m, &sym, xndx, &section))
			continue;
		if (sym.st_name && sym.st_name < names->d_size)
			add_symbol(m, (const char *)names->d_buf + sym.st_name, &sym, section);
	}
	return NULL;
}

static bool is_of_module(const struct matcher *m, size_t slot, struct km_symbol *ret)
{
	if (!km_symtab_get(m->tab, slot, ret))
		return false;
	if (!m->module || !ret->module)
		return m->module == ret->module;
	return !strcmp(m->module, ret->module);
}

/* Looks up every name of kallsyms in the file, once. */
static struct km_error *find_names(struct matcher *m)
{
	size_t nr = km_symtab_nr(m->tab);

	m->kernel_count = calloc((size_t)m->table.nr + 1, sizeof(*m->kernel_count));
	m->found = calloc(nr + 1, sizeof(*m->found));
	if (!m->kernel_count || !m->found)
		return &km_error_memory;
	for (size_t i = 0; i < nr; i++) {
		struct km_symbol sym;
		uint32_t hash, at;

		if (!is_of_module(m, i, &sym))
			continue;
		hash = hash_name(sym.name);
		at = table_find(&m->table, sym.name, hash, m->table.heads[hash & m->table.mask]);
		m->found[i] = at;
		if (at && m->kernel_count[at - 1] < 2)
			m->kernel_count[at - 1]++;
	}
	return NULL;
}

/* One vote for each name that the file and the kernel have once. */
static struct km_error *vote(struct matcher *m)
{
	size_t nr = km_symtab_nr(m->tab);

	m->votes = calloc(m->match->nr_sections, sizeof(*m->votes));
	if (!m->votes)
		return &km_error_memory;
	for (size_t i = 0; i < nr; i++) {
		const struct file_symbol *symbol;
		struct km_symbol sym;
		struct vote *candidate;

		if (!m->found[i] || m->kernel_count[m->found[i] - 1] != 1 ||
		    table_next(&m->table, m->found[i]) || !km_symtab_get(m->tab, i, &sym))
			continue;
		symbol = &m->table.symbols[m->found[i] - 1];
		candidate = &m->votes[m->is_relocatable ? symbol->section : 0];
		m->nr_votes++;
		if (!candidate->lead)
			candidate->delta = sym.start - symbol->address;
		if (candidate->delta == sym.start - symbol->address)
			candidate->lead++;
		else
			candidate->lead--;
	}
	return NULL;
}

/* Gives each section (of an image: all at once) the distance its names voted for. */
static void place_sections(struct matcher *m)
{
	for (size_t i = 0; i < m->match->nr_sections; i++) {
		struct km_match_section *section = &m->match->sections[i];
		const struct vote *elected = &m->votes[m->is_relocatable ? i : 0];

		section->delta = elected->delta;
		section->is_placed = section->size && elected->lead;
	}
}

/* Whether the file has a symbol of that name at that place. */
static bool agrees(const struct matcher *m, size_t slot, uint64_t start, bool *ret_is_unique)
{
	uint32_t at = m->found[slot];
	size_t nr = 0;
	bool does = false;

	for (; at && nr < SAME_NAME_MAX; at = table_next(&m->table, at)) {
		const struct file_symbol *symbol = &m->table.symbols[at - 1];
		const struct km_match_section *section = &m->match->sections[symbol->section];

		does |= section->is_placed && symbol->address + section->delta == start;
		nr++;
	}
	*ret_is_unique = !m->found[slot] || (nr == 1 && m->kernel_count[m->found[slot] - 1] == 1);
	return does;
}

static struct km_error *count_agreement(struct matcher *m)
{
	struct km_match *match = m->match;
	size_t nr = km_symtab_nr(m->tab);
	size_t max = 0;

	for (size_t i = 0; i < nr; i++) {
		struct km_symbol sym;
		bool is_unique;

		if (!is_of_module(m, i, &sym))
			continue;
		if (agrees(m, i, sym.start, &is_unique)) {
			match->nr_compared += is_unique;
			continue;
		}
		match->nr_compared += is_unique;
		match->nr_disagree += is_unique;
		if (is_unique && !match->example && !(match->example = strdup(sym.name)))
			return &km_error_memory;
		if (match->nr_disagreeing == max) {
			uint64_t *grown;

			max = max ? max * 2 : 64;
			grown = realloc(match->disagreeing, max * sizeof(*grown));
			if (!grown)
				return &km_error_memory;
			match->disagreeing = grown;
		}
		/* slots are sorted by address, so this array is too */
		match->disagreeing[match->nr_disagreeing++] = sym.start;
	}
	return NULL;
}

struct placed {
	uint64_t start, end; /* in the traced kernel */
};

static int compare_placed(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/*
 * Whether two sections of a module would lie in one place: of a section with one function
 * alone no other function can tell that it is the wrong one.
 */
static struct km_error *check_overlap(const struct matcher *m)
{
	const struct km_match *match = m->match;
	struct placed *placed = malloc(match->nr_sections * sizeof(*placed));
	struct km_error *error = NULL;
	size_t nr = 0;

	if (!placed)
		return &km_error_memory;
	for (size_t i = 0; i < match->nr_sections; i++) {
		const struct km_match_section *section = &match->sections[i];

		if (section->is_placed)
			placed[nr++] =
				(struct placed){ section->delta, section->delta + section->size };
	}
	qsort(placed, nr, sizeof(*placed), compare_placed);
	for (size_t i = 1; i < nr && !error; i++)
		if (placed[i].start < placed[i - 1].end)
			error = km_error_create(KM_ERR_INPUT, m->path,
						"refused: it is not the traced module [%s]: by its "
						"symbols two of its sections would overlap",
						m->module);
	free(placed);
	return error;
}

static struct km_error *judge(const struct matcher *m)
{
	const struct km_match *match = m->match;
	size_t nr_agree = match->nr_compared - match->nr_disagree;
	struct km_error *error;

	if (m->nr_votes && nr_agree * 100 >= match->nr_compared * AGREE_PERCENT_MIN)
		error = m->is_relocatable ? check_overlap(m) : NULL;
	else if (!match->nr_compared || !m->nr_votes)
		error = km_error_create(KM_ERR_INPUT, m->path,
					"refused: none of its symbols can be compared with the "
					"traced %s%s%s",
					m->module ? "module [" : "kernel",
					m->module ? m->module : "", m->module ? "]" : "");
	else
		error = km_error_create(KM_ERR_INPUT, m->path,
					"refused: it is not the traced %s%s%s: %zu of %zu symbols "
					"are not where that has them, for example %s",
					m->module ? "module [" : "kernel",
					m->module ? m->module : "", m->module ? "]" : "",
					match->nr_disagree, match->nr_compared, match->example);
	return km_error_advise(error, "use the debug file of the very build that was traced");
}

struct km_error *km_match_create(Elf *elf, const char *path, const struct km_symtab *tab,
				 const char *module, struct km_match **ret)
{
	struct matcher m = { .elf = elf, .path = path, .tab = tab, .module = module };
	struct km_error *error;
	GElf_Ehdr ehdr;

	if (!gelf_getehdr(elf, &ehdr))
		return bad_file(&m, "its ELF header cannot be read");
	if (module && ehdr.e_type != ET_REL)
		return bad_file(&m, "not a kernel module (a relocatable ELF file)");
	if (!module && ehdr.e_type != ET_EXEC && ehdr.e_type != ET_DYN)
		return bad_file(&m, "not a kernel image (an executable ELF file)");
	m.is_relocatable = ehdr.e_type == ET_REL;
	m.match = calloc(1, sizeof(*m.match));
	if (!m.match)
		return &km_error_memory;
	error = read_sections(&m);
	if (!error)
		error = read_symbols(&m);
	if (!error)
		error = find_names(&m);
	if (!error)
		error = vote(&m);
	if (!error) {
		place_sections(&m);
		error = count_agreement(&m);
	}
	if (!error)
		error = judge(&m);
	free(m.table.symbols);
	free(m.table.heads);
	free(m.kernel_count);
	free(m.found);
	free(m.votes);
	if (error)
		km_match_destroy(m.match);
	else
		*ret = m.match;
	return error;
}

void km_match_destroy(struct km_match *match)
{
	if (!match)
		return;
	free(match->sections);
	free(match->disagreeing);
	free(match->example);
	free(match);
}

static int compare_addresses(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

bool km_match_to_file(const struct km_match *match, const struct km_symbol *symbol,
		      uint64_t address, size_t *ret_section, uint64_t *ret_offset)
{
	if (match->nr_disagreeing &&
	    bsearch(&symbol->start, match->disagreeing, match->nr_disagreeing, sizeof(uint64_t),
		    compare_addresses))
		return false;
	for (size_t i = 0; i < match->nr_sections; i++) {
		const struct km_match_section *section = &match->sections[i];
		uint64_t at = address - section->delta;

		if (section->is_placed && at - section->start < section->size &&
		    at >= section->start) {
			*ret_section = i;
			*ret_offset = at - section->start;
			return true;
		}
	}
	return false;
}
