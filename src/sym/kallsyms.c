/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /proc/kallsyms: one symbol a line (kernel/kallsyms.c, s_show(), v6.1):
 *
 *   ffffffff81000000 T _stext
 *   ffffffffc0462550 t ieee80211_mesh_init_sdata<TAB>[mac80211]
 *
 * - The kernel's own symbols come first, by address; of several at one address the order is
 *   the preference of scripts/kallsyms.c (linker-script marks and names with underscores
 *   last), and the first is what %pS prints. Modules follow one by one, unsorted; there too
 *   the first of an address wins (kernel/module/kallsyms.c, find_kallsyms_symbol(), v6.1).
 * - Per-CPU variables are offsets, not addresses ('A' near zero on x86 until 6.14).
 * - bpf programs, ftrace and kprobe trampolines are listed as modules: [bpf],
 *   [__builtin__ftrace], [__builtin__kprobes], [bpf_trampoline...].
 * - Readers without the right to see addresses get zeroes (kernel.kptr_restrict).
 */
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sym/symtab.h"

/* What a symbol reaches at most when nothing near it says where it ends. */
#define AREA_TAIL_BYTES    (64 << 10)
/* A kernel with everything built in and debugging on has 20 MB of kallsyms. */
#define KALLSYMS_BYTES_MAX (1U << 30)

/* `name` and `module` are offsets in the text; no symbol can stand at offset 0. */
struct entry {
	uint64_t address;
	uint32_t name;   /* 0: an area ends here, and no symbol begins */
	uint32_t module; /* 0: the kernel itself */
};

struct km_symtab {
	char *text;
	struct entry *entries;
	size_t nr;
	size_t nr_bad_lines;
	unsigned int holds; /* beside the first one */
};

struct parser {
	struct km_symtab *tab;
	size_t size;
	size_t max_entries;
	uint32_t last_module; /* offset and length of the module name seen last */
	size_t last_module_len;
	size_t nr_lines;  /* that parsed */
	bool has_address; /* one that is not zero */
	bool has_nul;     /* the text has one somewhere */
};

/* The value of a hex digit plus one; 0 for any other character. */
static const uint8_t hex_digits[256] = {
	['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
	['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
	['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
	['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

/*
 * Sixteen lower-case digits, as a 64-bit kernel writes every address, eight at a time; false if
 * there is any other character.
 */
static bool parse_hex16(const char *text, uint64_t *ret)
{
	const uint64_t ones = 0x0101010101010101ULL;
	uint64_t value = 0, bad = 0;

	for (int i = 0; i < 2; i++) {
		uint64_t word, is_digit, is_letter;

		memcpy(&word, text + 8 * i, sizeof(word));
		word = be64toh(word);
		/* bytes below 0x80 do not carry into the next: bit 7 says whether one is at least
		 */
		is_digit = (word + (0x80 - '0') * ones) & ~(word + (0x7f - '9') * ones);
		is_letter = (word + (0x80 - 'a') * ones) & ~(word + (0x7f - 'f') * ones);
		bad |= (~(is_digit | is_letter) | word) & 0x80 * ones;
		/* letters have bit 6, and are nine more than their lower bits */
		word = (word & 0x0f * ones) + 9 * (word >> 6 & ones);
		word = (word | word >> 4) & 0x00ff00ff00ff00ffULL;
		word = (word | word >> 8) & 0x0000ffff0000ffffULL;
		value = value << 32 | ((word | word >> 16) & 0xffffffff);
	}
	*ret = value;
	return !bad;
}

static bool is_text_type(char type)
{
	return type == 't' || type == 'T' || type == 'w' || type == 'W';
}

/*
 * Marks of linker scripts at the end of text (include/asm-generic/sections.h): the address is
 * the first one that no function has.
 */
static bool is_end_mark(const char *name, size_t len)
{
	static const struct {
		const char *name;
		size_t len;
	} marks[] = {
		{ "_etext", 6 }, { "_einittext", 10 }, { "__exittext_end", 14 }, { "_end", 4 }
	};

	for (size_t i = 0; name[0] == '_' && i < sizeof(marks) / sizeof(marks[0]); i++)
		if (marks[i].len == len && !memcmp(marks[i].name, name, len))
			return true;
	return false;
}

/* ARM's and RISC-V's "$x", "$d.12" (include/linux/module_symbol.h, is_mapping_symbol()). */
static bool is_mapping_symbol(const char *name, size_t len)
{
	return len >= 2 && name[0] == '$' && strchr("adtx", name[1]) &&
	       (len == 2 || name[2] == '.');
}

static struct km_error *push(struct parser *p, uint64_t address, size_t name, size_t module)
{
	struct km_symtab *tab = p->tab;

	if (tab->nr == p->max_entries) {
		size_t max = p->max_entries + p->max_entries / 2 + 1024;
		struct entry *entries = realloc(tab->entries, max * sizeof(*entries));

		if (!entries)
			return &km_error_memory;
		tab->entries = entries;
		p->max_entries = max;
	}
	tab->entries[tab->nr++] = (struct entry){ address, (uint32_t)name, (uint32_t)module };
	return NULL;
}

/* Data: what stood before it ends here. Of the kernel's runs of data the first will do. */
static struct km_error *push_end(struct parser *p, uint64_t address, size_t module)
{
	const struct entry *last = p->tab->nr ? &p->tab->entries[p->tab->nr - 1] : NULL;

	if (last && !last->name && !last->module && !module && last->address <= address)
		return NULL;
	return push(p, address, 0, module);
}

/* Cuts "\t[module]" off the name; returns the module's offset, 0 if there is none. */
static size_t split_module(struct parser *p, size_t name, size_t end, size_t *ret_name_end)
{
	char *text = p->tab->text;
	char *tab;
	size_t start, len;

	*ret_name_end = end;
	if (text[end - 1] != ']' || !(tab = memchr(text + name, '\t', end - name)))
		return 0;
	start = (size_t)(tab - text) + 1;
	if (end - start < 3 || text[start] != '[')
		return 0;
	*ret_name_end = start - 1;
	start++;
	len = end - 1 - start;
	text[end - 1] = 0;
	/* one offset for a run of lines: comparing modules is mostly comparing numbers */
	if (!p->last_module || len != p->last_module_len ||
	    memcmp(text + p->last_module, text + start, len)) {
		p->last_module = (uint32_t)start;
		p->last_module_len = len;
	}
	return p->last_module;
}

/* One line, [pos, end); false if it is none of kallsyms. */
static bool parse_line(struct parser *p, size_t pos, size_t end, struct km_error **error)
{
	char *text = p->tab->text;
	uint64_t address = 0;
	size_t start = pos, name, name_end, module;
	unsigned int digit;
	char type;

	if (end - pos > 16 && parse_hex16(text + pos, &address))
		pos += 16;
	else
		address = 0;
	/* text[end] is no digit: a newline, or the NUL behind the text */
	while ((digit = hex_digits[(unsigned char)text[pos]])) {
		address = address << 4 | (digit - 1);
		pos++;
	}
	if (pos == start || pos - start > 16 || end - pos < 4 || text[pos] != ' ' ||
	    text[pos + 2] != ' ')
		return false;
	/* it would end a name, or a module's before it begins */
	if (p->has_nul && memchr(text + pos, 0, end - pos))
		return false;
	type = text[pos + 1];
	name = pos + 3;
	module = split_module(p, name, end, &name_end);
	if (name_end == name)
		return false;
	text[name_end] = 0;
	p->nr_lines++;
	p->has_address |= address != 0;
	if (!address || is_mapping_symbol(text + name, name_end - name))
		return true;
	if (!module && is_end_mark(text + name, name_end - name))
		*error = push_end(p, address, 0);
	else if (is_text_type(type))
		*error = push(p, address, name, module);
	else if (type != 'a' && type != 'A') /* absolute: an offset or a constant */
		*error = push_end(p, address, module);
	return true;
}

static struct km_error *parse(struct parser *p)
{
	char *text = p->tab->text;
	struct km_error *error = NULL;
	size_t pos = 0;

	p->has_nul = memchr(text, 0, p->size);
	while (pos < p->size && !error) {
		char *newline = memchr(text + pos, '\n', p->size - pos);
		size_t end = newline ? (size_t)(newline - text) : p->size;

		/* the buffer has a byte to spare, so text[end] may be written */
		if (end > pos && !parse_line(p, pos, end, &error))
			p->tab->nr_bad_lines++;
		pos = end + 1;
	}
	return error;
}

/* Sorts by address with a byte of it at a time, stable. */
static struct km_error *radix_sort(struct entry *entries, size_t nr)
{
	struct entry *from = entries, *to, *spare;
	uint64_t varies = 0;

	for (size_t i = 1; i < nr; i++)
		varies |= entries[i].address ^ entries[0].address;
	to = spare = malloc(nr * sizeof(*spare));
	if (!spare)
		return &km_error_memory;
	for (unsigned int shift = 0; shift < 64; shift += 8) {
		size_t at[256] = { 0 }, sum = 0;
		struct entry *swap = from;

		if (!(varies >> shift & 0xff))
			continue;
		for (size_t i = 0; i < nr; i++)
			at[from[i].address >> shift & 0xff]++;
		for (size_t i = 0; i < 256; i++) {
			size_t count = at[i];

			at[i] = sum;
			sum += count;
		}
		for (size_t i = 0; i < nr; i++)
			to[at[from[i].address >> shift & 0xff]++] = from[i];
		from = to;
		to = swap;
	}
	if (from != entries)
		memcpy(entries, from, nr * sizeof(*entries));
	free(spare);
	return NULL;
}

/* Sorts by address; equal addresses stay in the order of the text. */
static struct km_error *sort_entries(struct entry *entries, size_t nr)
{
	size_t sorted = nr ? 1 : 0;

	while (sorted < nr && entries[sorted - 1].address <= entries[sorted].address)
		sorted++;
	if (sorted == nr)
		return NULL;
	/* commonly the kernel is sorted and all modules lie behind it */
	for (size_t i = sorted; i < nr; i++)
		while (sorted && entries[sorted - 1].address > entries[i].address)
			sorted--;
	return radix_sort(entries + sorted, nr - sorted);
}

/* Of each address the first text symbol stays; of areas without functions only the start. */
static void compact(struct km_symtab *tab)
{
	size_t nr = 0;

	for (size_t i = 0; i < tab->nr; i++) {
		const struct entry *entry = &tab->entries[i];
		struct entry *last = nr ? &tab->entries[nr - 1] : NULL;

		if (last && last->address == entry->address) {
			if (!last->name && entry->name)
				*last = *entry;
			continue;
		}
		if (!entry->name && (!last || !last->name))
			continue;
		tab->entries[nr++] = *entry;
	}
	tab->nr = nr;
}

static struct km_error *build(struct parser *p, const char *path)
{
	struct km_symtab *tab = p->tab;
	struct km_error *error = parse(p);

	if (error)
		return error;
	if (!p->nr_lines)
		return km_error_create(KM_ERR_INPUT, path,
				       "no symbol in %zu bytes of kernel symbols (kallsyms)",
				       p->size);
	if (!p->has_address)
		return km_error_advise(
			km_error_create(KM_ERR_INPUT, path,
					"the addresses of all %zu kernel symbols are zero",
					p->nr_lines),
			"read /proc/kallsyms as root, with the sysctl kernel.kptr_restrict at 0 "
			"or 1, and give the copy with --kallsyms, or record again as root");
	error = sort_entries(tab->entries, tab->nr);
	if (error)
		return error;
	compact(tab);
	if (!tab->nr)
		return km_error_create(KM_ERR_INPUT, path, "no function in %zu kernel symbols",
				       p->nr_lines);
	struct entry *entries = realloc(tab->entries, tab->nr * sizeof(*entries));

	if (entries)
		tab->entries = entries;
	return NULL;
}

struct km_error *km_symtab_create(const char *path, char *text, size_t size, struct km_symtab **ret)
{
	struct km_symtab *tab = calloc(1, sizeof(*tab));
	struct km_error *error = NULL;
	char *padded;

	if (!tab) {
		free(text);
		return &km_error_memory;
	}
	tab->text = text;
	if (size >= KALLSYMS_BYTES_MAX) {
		error = km_error_create(KM_ERR_INPUT, path,
					"%zu bytes of kernel symbols: more than any kernel has",
					size);
	} else if (!(padded = realloc(text, size + 1))) {
		error = &km_error_memory;
	} else {
		struct parser parser = { .tab = tab, .size = size };

		tab->text = padded;
		padded[size] = 0;
		/* about 43 bytes a line: no growing in the common case */
		parser.max_entries = size / 40 + 16;
		tab->entries = malloc(parser.max_entries * sizeof(*tab->entries));
		error = tab->entries ? build(&parser, path) : &km_error_memory;
	}
	if (error) {
		km_symtab_destroy(tab);
		return error;
	}
	*ret = tab;
	return NULL;
}

/* Reads a file whose size may not be known beforehand: /proc files say 0. */
static struct km_error *read_file(int fd, const char *path, char **ret, size_t *ret_size)
{
	size_t size = 0, max = 1 << 20;
	struct stat st;
	char *text = NULL, *grown;

	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size > 0 &&
	    (uint64_t)st.st_size < KALLSYMS_BYTES_MAX)
		max = (size_t)st.st_size + 2;
	for (;;) {
		ssize_t got;

		if (!text || size == max) {
			max = text ? max * 2 : max;
			grown = realloc(text, max);
			if (!grown) {
				free(text);
				return &km_error_memory;
			}
			text = grown;
		}
		got = read(fd, text + size, max - size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			free(text);
			return km_error_os(KM_ERR_INPUT, path, errno, "cannot read kernel symbols");
		}
		size += (size_t)got;
		if (!got || size > KALLSYMS_BYTES_MAX)
			break;
	}
	*ret = text;
	*ret_size = size;
	return NULL;
}

struct km_error *km_symtab_load(const char *path, struct km_symtab **ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct km_error *error;
	size_t size = 0;
	char *text = NULL;

	if (fd < 0)
		return km_error_os(KM_ERR_INPUT, path, errno, "cannot open kernel symbols");
	error = read_file(fd, path, &text, &size);
	close(fd);
	return error ? error : km_symtab_create(path, text, size, ret);
}

struct km_symtab *km_symtab_hold(struct km_symtab *tab)
{
	__atomic_fetch_add(&tab->holds, 1, __ATOMIC_RELAXED);
	return tab;
}

void km_symtab_destroy(struct km_symtab *tab)
{
	/* the last one takes it from 0 to below */
	if (!tab || __atomic_fetch_sub(&tab->holds, 1, __ATOMIC_ACQ_REL))
		return;
	free(tab->entries);
	free(tab->text);
	free(tab);
}

size_t km_symtab_nr(const struct km_symtab *tab)
{
	return tab->nr;
}

size_t km_symtab_nr_bad_lines(const struct km_symtab *tab)
{
	return tab->nr_bad_lines;
}

bool km_symtab_get(const struct km_symtab *tab, size_t i, struct km_symbol *ret)
{
	assert(i < tab->nr);
	const struct entry *entry = &tab->entries[i];

	if (!entry->name)
		return false;
	*ret = (struct km_symbol){
		.name = tab->text + entry->name,
		.module = entry->module ? tab->text + entry->module : NULL,
		.start = entry->address,
	};
	return true;
}

/* Whether code of that module lies where the kernel found room, each piece by itself. */
static bool is_scattered(const char *module)
{
	return !strncmp(module, "bpf", 3) || !strncmp(module, "__builtin__", 11);
}

static bool is_same_area(const struct km_symtab *tab, const struct entry *a, const struct entry *b)
{
	if (!b->name)
		return false;
	if (a->module && is_scattered(tab->text + a->module))
		return false;
	if (a->module == b->module)
		return true;
	return a->module && b->module && !strcmp(tab->text + a->module, tab->text + b->module);
}

/* The first address that is not the symbol's. */
static uint64_t entry_end(const struct km_symtab *tab, size_t i)
{
	const struct entry *entry = &tab->entries[i];
	const struct entry *next = i + 1 < tab->nr ? entry + 1 : NULL;
	uint64_t end;

	if (next && is_same_area(tab, entry, next))
		return next->address;
	if (__builtin_add_overflow(entry->address, AREA_TAIL_BYTES, &end))
		end = UINT64_MAX;
	return next && next->address < end ? next->address : end;
}

bool km_symtab_find(const struct km_symtab *tab, uint64_t address, struct km_symbol *ret)
{
	size_t low = 0, high = tab->nr;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (tab->entries[mid].address <= address)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low)
		return false;
	low--;
	/*
	 * A call that never returns may be a function's last instruction; its return address
	 * is the end of the area, where no other symbol begins.
	 */
	if (!tab->entries[low].name && tab->entries[low].address == address && low)
		low--;
	if (!tab->entries[low].name || address > entry_end(tab, low))
		return false;
	if (!km_symtab_get(tab, low, ret))
		return false;
	ret->offset = address - ret->start;
	return true;
}
