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
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

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
	/* with a newline at its end; names that were asked for end with a NUL instead */
	struct km_blob text;
	pthread_mutex_t *lock; /* of that */
	struct entry *entries;
	size_t nr;
	size_t nr_bad_lines;
	unsigned int holds; /* beside the first one */
};

struct parser {
	struct km_symtab *tab;
	const char *text;
	size_t size;
	size_t max_entries;
	/* of the address before, whose upper half is mostly that of the next */
	char upper_text[8];
	uint32_t upper;
	uint32_t last_module; /* offset and length of the module name seen last */
	size_t last_module_len;
	size_t nr_lines;  /* that parsed */
	bool has_address; /* one that is not zero */
};

/* The value of a hex digit plus one; 0 for any other character. */
static const uint8_t hex_digits[256] = {
	['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
	['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
	['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
	['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

/*
 * Eight lower-case digits, as a kernel writes addresses, at once; false if there is any other
 * character.
 */
static inline bool parse_hex8(const char *text, uint32_t *ret)
{
	const uint64_t ones = 0x0101010101010101ULL;
	uint64_t word, is_digit, is_letter;

	memcpy(&word, text, sizeof(word));
	word = be64toh(word);
	/* bytes below 0x80 do not carry into the next: bit 7 says whether one is at least */
	is_digit = (word + (0x80 - '0') * ones) & ~(word + (0x7f - '9') * ones);
	is_letter = (word + (0x80 - 'a') * ones) & ~(word + (0x7f - 'f') * ones);
	if ((~(is_digit | is_letter) | word) & 0x80 * ones)
		return false;
	/* letters have bit 6, and are nine more than their lower bits */
	word = (word & 0x0f * ones) + 9 * (word >> 6 & ones);
	word = (word | word >> 4) & 0x00ff00ff00ff00ffULL;
	word = (word | word >> 8) & 0x0000ffff0000ffffULL;
	*ret = (uint32_t)(word | word >> 16);
	return true;
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

	/* names that begin with two underscores are many */
	if (len < 4 || name[0] != '_' || (name[1] != 'e' && memcmp(name, "__e", 3) != 0))
		return false;
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
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

static struct km_error *grow(struct parser *p)
{
	size_t max = p->max_entries + p->max_entries / 2 + 1024;
	struct entry *entries = realloc(p->tab->entries, max * sizeof(*entries));

	if (!entries)
		return &km_error_memory;
	p->tab->entries = entries;
	p->max_entries = max;
	return NULL;
}

static inline struct km_error *push(struct parser *p, uint64_t address, size_t name, size_t module)
{
	struct km_symtab *tab = p->tab;
	struct km_error *error = tab->nr == p->max_entries ? grow(p) : NULL;

	if (!error)
		tab->entries[tab->nr++] =
			(struct entry){ address, (uint32_t)name, (uint32_t)module };
	return error;
}

/* Data: what stood before it ends here. Of the kernel's runs of data the first will do. */
static struct km_error *push_end(struct parser *p, uint64_t address, size_t module)
{
	const struct entry *last = p->tab->nr ? &p->tab->entries[p->tab->nr - 1] : NULL;

	if (last && !last->name && !last->module && !module && last->address <= address)
		return NULL;
	return push(p, address, 0, module);
}

/*
 * "\t[module]" behind a name, whose end is then before that; returns the module's offset, 0 if
 * there is none.
 */
static size_t split_module(const char *text, size_t name, size_t end, size_t *ret_name_end)
{
	const char *tab;
	size_t start;

	*ret_name_end = end;
	if (text[end - 1] != ']' || !(tab = memchr(text + name, '\t', end - name)))
		return 0;
	start = (size_t)(tab - text) + 1;
	if (end - start < 3 || text[start] != '[')
		return 0;
	*ret_name_end = start - 1;
	return start + 1;
}

/* One offset for a run of lines: comparing modules is mostly comparing numbers. */
static size_t same_module(struct parser *p, size_t module, size_t len)
{
	if (!p->last_module || len != p->last_module_len ||
	    memcmp(p->text + p->last_module, p->text + module, len) != 0) {
		p->last_module = (uint32_t)module;
		p->last_module_len = len;
	}
	return p->last_module;
}

/* A line with that address and, from `name` to `end`, the rest; false if it is none of kallsyms. */
static inline bool take_line(struct parser *p, uint64_t address, char type, size_t name, size_t end,
			     struct km_error **error)
{
	const char *text = p->text;
	size_t name_end, module = split_module(text, name, end, &name_end);

	if (name_end == name)
		return false;
	if (module)
		module = same_module(p, module, end - 1 - module);
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

/* Any line, [pos, end); false if it is none of kallsyms. */
static bool parse_line(struct parser *p, size_t pos, size_t end, struct km_error **error)
{
	const char *text = p->text;
	uint64_t address = 0;
	size_t start = pos;
	unsigned int digit;

	while (pos < end && (digit = hex_digits[(unsigned char)text[pos]])) {
		address = address << 4 | (digit - 1);
		pos++;
	}
	if (pos == start || pos - start > 16 || end - pos < 4 || text[pos] != ' ' ||
	    text[pos + 2] != ' ')
		return false;
	/* a NUL would end a name, or a module's before it begins */
	if (memchr(text + pos, 0, end - pos))
		return false;
	return take_line(p, address, text[pos + 1], pos + 3, end, error);
}

#ifdef __SSE2__
/*
 * A line as nearly all are: 16 digits, a name without NUL, and as much behind it as can be read at
 * once. Returns its end, or 0 if it is another.
 */
static inline size_t parse_plain(struct parser *p, size_t pos, struct km_error **error)
{
	const __m128i newline = _mm_set1_epi8('\n'), nul = _mm_setzero_si128();
	const char *text = p->text, *line = text + pos;
	const size_t name = pos + 19;
	uint32_t upper, lower;

	if (p->size - pos < 64 || line[16] != ' ' || line[17] <= ' ' || line[18] != ' ' ||
	    !parse_hex8(line + 8, &lower))
		return 0;
	if (memcmp(line, p->upper_text, 8) != 0) {
		if (!parse_hex8(line, &upper))
			return 0;
		memcpy(p->upper_text, line, 8);
		p->upper = upper;
	}
	for (size_t end = name; p->size - end >= 16; end += 16) {
		const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(text + end));
		const int nuls = _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, nul));
		const int ends = _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, newline));

		if (nuls)
			return 0;
		if (!ends)
			continue;
		end += (size_t)__builtin_ctz((unsigned int)ends);
		if (end == name ||
		    !take_line(p, (uint64_t)p->upper << 32 | lower, line[17], name, end, error))
			return 0;
		return end;
	}
	return 0;
}
#else
static inline size_t parse_plain(struct parser *p, size_t pos, struct km_error **error)
{
	(void)p;
	(void)pos;
	(void)error;
	return 0;
}
#endif

static struct km_error *parse(struct parser *p)
{
	const char *text = p->text;
	struct km_error *error = NULL;
	size_t pos = 0;

	while (pos < p->size && !error) {
		size_t end;

		if (text[pos] == '\n') {
			pos++;
			continue;
		}
		end = parse_plain(p, pos, &error);
		if (!end) {
			const char *newline = memchr(text + pos, '\n', p->size - pos);

			end = newline ? (size_t)(newline - text) : p->size;
			if (!parse_line(p, pos, end, &error))
				p->tab->nr_bad_lines++;
		}
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

/* Takes a text over, which then ends with a newline. */
static struct km_error *take_text(struct km_symtab *tab, struct km_blob *text)
{
	char *copy;

	tab->text = *text;
	*text = (struct km_blob){ 0 };
	if (!tab->text.size || tab->text.data[tab->text.size - 1] == '\n')
		return NULL;
	copy = malloc(tab->text.size + 1);
	if (!copy)
		return &km_error_memory;
	memcpy(copy, tab->text.data, tab->text.size);
	copy[tab->text.size] = '\n';
	*text = (struct km_blob){ .data = copy, .size = tab->text.size + 1 };
	km_blob_deinit(&tab->text);
	tab->text = *text;
	*text = (struct km_blob){ 0 };
	return NULL;
}

static struct km_error *make_lock(struct km_symtab *tab)
{
	tab->lock = malloc(sizeof(*tab->lock));
	if (!tab->lock)
		return &km_error_memory;
	pthread_mutex_init(tab->lock, NULL);
	return NULL;
}

struct km_error *km_symtab_create_from(const char *path, struct km_blob *text,
				       struct km_symtab **ret)
{
	struct km_symtab *tab = calloc(1, sizeof(*tab));
	const size_t size = text->size;
	struct km_error *error;

	if (!tab) {
		km_blob_deinit(text);
		return &km_error_memory;
	}
	error = take_text(tab, text);
	if (!error)
		error = make_lock(tab);
	if (!error && size >= KALLSYMS_BYTES_MAX)
		error = km_error_create(KM_ERR_INPUT, path,
					"%zu bytes of kernel symbols: more than any kernel has",
					size);
	if (!error) {
		struct parser parser = { .tab = tab, .text = tab->text.data, .size = size };

		/* about 43 bytes a line: no growing in the common case */
		parser.max_entries = parser.size / 40 + 16;
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

struct km_error *km_symtab_create(const char *path, char *text, size_t size, struct km_symtab **ret)
{
	return km_symtab_create_from(path, &(struct km_blob){ .data = text, .size = size }, ret);
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
	if (tab->lock)
		pthread_mutex_destroy(tab->lock);
	free(tab->lock);
	free(tab->entries);
	km_blob_deinit(&tab->text);
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

/*
 * The end of a name or module: that of its line, or the NUL that it was ended with. A line that has
 * a NUL of its own made no entry.
 */
static size_t string_end(const struct km_symtab *tab, size_t pos)
{
	while (tab->text.data[pos] && tab->text.data[pos] != '\n')
		pos++;
	return pos;
}

static size_t module_len(const struct km_symtab *tab, uint32_t module)
{
	const size_t end = string_end(tab, module);

	return end - module - (tab->text.data[end] == '\n');
}

/* Makes strings of an entry's name and module. Only the first time is written: others may read. */
static void end_strings(const struct km_symtab *tab, const struct entry *entry)
{
	char *text = tab->text.data;
	size_t end = string_end(tab, entry->name), name_end;

	if (text[end]) {
		split_module(text, entry->name, end, &name_end);
		text[name_end] = '\0';
	}
	if (!entry->module)
		return;
	end = string_end(tab, entry->module);
	if (!text[end])
		return;
	/* of the symbol in that line, too: its name would end here otherwise */
	text[end - 1] = '\0';
	if (text[entry->module - 2])
		text[entry->module - 2] = '\0';
}

static bool get(const struct km_symtab *tab, size_t i, struct km_symbol *ret)
{
	const struct entry *entry = &tab->entries[i];

	if (!entry->name)
		return false;
	end_strings(tab, entry);
	*ret = (struct km_symbol){
		.name = tab->text.data + entry->name,
		.module = entry->module ? tab->text.data + entry->module : NULL,
		.start = entry->address,
	};
	return true;
}

bool km_symtab_get(const struct km_symtab *tab, size_t i, struct km_symbol *ret)
{
	bool has_symbol;

	assert(i < tab->nr);
	pthread_mutex_lock(tab->lock);
	has_symbol = get(tab, i, ret);
	pthread_mutex_unlock(tab->lock);
	return has_symbol;
}

/* Whether code of that module lies where the kernel found room, each piece by itself. */
static bool is_scattered(const char *module, size_t len)
{
	return (len >= 3 && !memcmp(module, "bpf", 3)) ||
	       (len >= 11 && !memcmp(module, "__builtin__", 11));
}

static bool is_same_area(const struct km_symtab *tab, const struct entry *a, const struct entry *b)
{
	const char *text = tab->text.data;
	size_t len;

	if (!b->name)
		return false;
	if (!a->module)
		return !b->module;
	len = module_len(tab, a->module);
	if (is_scattered(text + a->module, len))
		return false;
	if (a->module == b->module)
		return true;
	return b->module && module_len(tab, b->module) == len &&
	       !memcmp(text + a->module, text + b->module, len);
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

static bool find(const struct km_symtab *tab, uint64_t address, struct km_symbol *ret)
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
	if (!get(tab, low, ret))
		return false;
	ret->offset = address - ret->start;
	return true;
}

bool km_symtab_find(const struct km_symtab *tab, uint64_t address, struct km_symbol *ret)
{
	bool has_symbol;

	pthread_mutex_lock(tab->lock);
	has_symbol = find(tab, address, ret);
	pthread_mutex_unlock(tab->lock);
	return has_symbol;
}
