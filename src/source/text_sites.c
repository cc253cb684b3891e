/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Call sites of text traces (%pS and %lx of lib/vsprintf.c; libtraceevent):
 *
 *	kfree+0x1b/0x40		of the kernel
 *	kfree+0x1b/0x40 [ext4]	of a module
 *	kfree+0x1b, kfree	as trace-cmd report and perf script have them
 *	0xffffffff8139a1b0, ffffffff8139a1b0
 */
#include "source/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memstream.h"

/* No kernel has as many functions, or calls of allocators; only garbage does. */
#define MOST_SITES           (1U << 20)
#define MOST_SYMBOLS         (1U << 18)
/* Neither user space nor kernel on any 64-bit machine (not canonical). */
#define MADE_UP_BASE         0x4000000000000000ULL
#define SYMBOL_SHIFT         32
/* Fewer hex digits may be a symbol's name: "add". */
#define LEAST_ADDRESS_DIGITS 8

void km_text_sites_deinit(struct km_text_sites *sites)
{
	for (size_t i = 0; i < sites->sites_size; i++)
		free(sites->sites[i].text);
	for (size_t i = 0; i < sites->nr_symbols; i++)
		free(sites->symbols[i].name);
	free(sites->sites);
	free(sites->symbols);
	free(sites->by_name);
	*sites = (struct km_text_sites){ 0 };
}

static inline uint64_t word_at(const char *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

/*
 * Products that do not wait for one another, without branches that depend on the length: of a long
 * text its start, middle and end, which may overlap.
 */
static inline uint32_t hash_of(const char *text, size_t len)
{
	uint64_t hash = len;

	if (len < 16) {
		uint64_t low = 0, high = 0;

		memcpy(&low, text, len < 8 ? len : 8);
		memcpy(&high, len < 8 ? text : text + len - 8, len < 8 ? len : 8);
		hash += (low ^ 0x9e3779b97f4a7c15ULL) * (high ^ 0xc2b2ae3d27d4eb4fULL);
	} else {
		const char *middle = text + (len - 16) / 2, *end = text + len - 16;

		hash += (word_at(text) ^ 0x9e3779b97f4a7c15ULL) *
			(word_at(text + 8) ^ 0xc2b2ae3d27d4eb4fULL);
		hash += (word_at(middle) ^ 0x165667b19e3779f9ULL) *
			(word_at(middle + 8) ^ 0xd6e8feb86659fd93ULL);
		hash += (word_at(end) ^ 0xa0761d6478bd642fULL) *
			(word_at(end + 8) ^ 0xe7037ed1a0b428dbULL);
	}
	hash ^= hash >> 29;
	return (uint32_t)((hash * 0xc2b2ae3d27d4eb4fULL) >> 32);
}

/* Whether 16 bytes differ. */
static inline uint64_t differ16(const char *a, const char *b)
{
	return (word_at(a) ^ word_at(b)) | (word_at(a + 8) ^ word_at(b + 8));
}

static inline bool is_same(const char *a, const char *b, size_t len)
{
	size_t second;

	if (len < 16 || len > 48)
		return memcmp(a, b, len) == 0;
	/* three pieces that may overlap */
	second = len < 32 ? len - 16 : 16;
	return (differ16(a, b) | differ16(a + second, b + second) |
		differ16(a + len - 16, b + len - 16)) == 0;
}

static bool grow_sites(struct km_text_sites *sites)
{
	size_t size = sites->sites_size ? 2 * sites->sites_size : 1024;
	struct km_text_site *table = calloc(size, sizeof(*table));

	if (!table) {
		sites->is_short = true;
		return false;
	}
	for (size_t i = 0; i < sites->sites_size; i++) {
		size_t at = sites->sites[i].hash;

		if (!sites->sites[i].text)
			continue;
		while (table[at & (size - 1)].text)
			at++;
		table[at & (size - 1)] = sites->sites[i];
	}
	free(sites->sites);
	sites->sites = table;
	sites->sites_size = size;
	return true;
}

static bool grow_symbols(struct km_text_sites *sites)
{
	size_t size = sites->by_name_size ? 2 * sites->by_name_size : 1024;
	uint32_t *by_name = calloc(size, sizeof(*by_name));
	struct km_text_symbol *symbols = reallocarray(sites->symbols, size / 2, sizeof(*symbols));

	if (symbols)
		sites->symbols = symbols;
	if (!by_name || !symbols) {
		sites->is_short = true;
		free(by_name);
		return false;
	}
	for (size_t i = 0; i < sites->nr_symbols; i++) {
		size_t at = hash_of(symbols[i].name, symbols[i].len);

		while (by_name[at & (size - 1)])
			at++;
		by_name[at & (size - 1)] = (uint32_t)i + 1;
	}
	free(sites->by_name);
	sites->by_name = by_name;
	sites->by_name_size = size;
	return true;
}

/* The index of a symbol, as kallsyms writes its name and module. */
static bool get_symbol(struct km_text_sites *sites, const char *name, size_t len, size_t *ret)
{
	size_t at;
	char *copy;

	if (2 * (sites->nr_symbols + 1) > sites->by_name_size && !grow_symbols(sites))
		return false;
	for (at = hash_of(name, len);; at++) {
		uint32_t index = sites->by_name[at & (sites->by_name_size - 1)];

		if (!index)
			break;
		if (sites->symbols[index - 1].len == len &&
		    memcmp(sites->symbols[index - 1].name, name, len) == 0) {
			*ret = index - 1;
			return true;
		}
	}
	if (sites->nr_symbols == MOST_SYMBOLS)
		return false;
	copy = strndup(name, len);
	if (!copy) {
		sites->is_short = true;
		return false;
	}
	sites->symbols[sites->nr_symbols++] = (struct km_text_symbol){ copy, len };
	sites->by_name[at & (sites->by_name_size - 1)] = (uint32_t)sites->nr_symbols;
	*ret = sites->nr_symbols - 1;
	return true;
}

static bool is_printable(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return true;
}

/* "0x..." or enough hex digits to be no name. */
static bool parse_address(struct km_span text, uint64_t *ret)
{
	if (text.at[0] == '(') {
		*ret = 0;
		return (text.len == 5 && !memcmp(text.at, "(nil)", 5)) ||
		       (text.len == 6 && !memcmp(text.at, "(null)", 6));
	}
	if (text.len > 2 && text.at[0] == '0' && (text.at[1] | 0x20) == 'x')
		return km_text_number(text, 16, ret);
	return text.len >= LEAST_ADDRESS_DIGITS && km_text_number(text, 16, ret);
}

/* Takes "symbol+0xoffset/0xsize [module]" apart. */
static bool parse_named(struct km_text_sites *sites, struct km_span text, uint64_t *ret)
{
	const char *end = text.at + text.len;
	const char *space = memchr(text.at, ' ', text.len);
	const char *token_end = space ? space : end;
	const char *plus = memchr(text.at, '+', (size_t)(token_end - text.at));
	const char *name_end = plus ? plus : token_end;
	uint64_t offset = 0;
	char name[1024];
	size_t symbol, len;
	int printed;

	if (plus) {
		const char *slash = memchr(plus, '/', (size_t)(token_end - plus));
		struct km_span number = { plus + 1, 0 };

		number.len = (size_t)((slash ? slash : token_end) - number.at);
		if (!km_text_number(number, 16, &offset) || offset >> (SYMBOL_SHIFT - 1))
			return false;
	}
	len = (size_t)(name_end - text.at);
	if (!len || !is_printable(text.at, len) || text.at[0] == '(')
		return false;
	if (space && (end - space < 4 || space[1] != '[' || end[-1] != ']' ||
		      !is_printable(space + 1, (size_t)(end - space - 1))))
		return false;
	printed = snprintf(name, sizeof(name), "%.*s%s%.*s", (int)len, text.at, space ? "\t" : "",
			   space ? (int)(end - space - 1) : 0, space ? space + 1 : "");
	if (printed < 0 || (size_t)printed >= sizeof(name) ||
	    !get_symbol(sites, name, (size_t)printed, &symbol))
		return false;
	*ret = MADE_UP_BASE + ((uint64_t)symbol << SYMBOL_SHIFT) + offset;
	return true;
}

/* One that was not met before. */
static __attribute__((noinline)) bool add_site(struct km_text_sites *sites, struct km_span text,
					       uint32_t hash, uint64_t *ret)
{
	struct km_text_site site = { .len = (uint32_t)text.len, .hash = hash };
	size_t at = hash;

	/* with a NUL in it the copy would be shorter than it is said to be */
	if (text.len > 1000 || sites->nr_sites == MOST_SITES || memchr(text.at, '\0', text.len))
		return false;
	if (2 * (sites->nr_sites + 1) > sites->sites_size && !grow_sites(sites))
		return false;
	if (!parse_address(text, &site.address) && !parse_named(sites, text, &site.address))
		return false;
	site.text = strndup(text.at, text.len);
	if (!site.text) {
		sites->is_short = true;
		return false;
	}
	while (sites->sites[at & (sites->sites_size - 1)].text)
		at++;
	sites->sites[at & (sites->sites_size - 1)] = site;
	sites->nr_sites++;
	*ret = site.address;
	return true;
}

bool km_text_sites_get(struct km_text_sites *sites, struct km_span text, uint64_t *ret)
{
	const uint32_t hash = hash_of(text.at, text.len);

	for (size_t at = hash; sites->sites_size; at++) {
		const struct km_text_site *site = &sites->sites[at & (sites->sites_size - 1)];

		if (!site->text)
			break;
		if (site->hash == hash && site->len == text.len &&
		    is_same(site->text, text.at, text.len)) {
			*ret = site->address;
			return true;
		}
	}
	return add_site(sites, text, hash, ret);
}

char *km_text_sites_kallsyms(const struct km_text_sites *sites, size_t *ret_size)
{
	char *text = NULL;
	FILE *stream = open_memstream(&text, ret_size);

	if (!stream)
		return NULL;
	for (size_t i = 0; i < sites->nr_symbols; i++) {
		uint64_t start = MADE_UP_BASE + ((uint64_t)i << SYMBOL_SHIFT);

		const char *name = sites->symbols[i].name, *module = strchr(name, '\t');

		/* another symbol behind it says how far it reaches: no offset gets there */
		fprintf(stream, "%016" PRIx64 " t %s\n%016" PRIx64 " t .%s\n", start, name,
			start + ((uint64_t)1 << (SYMBOL_SHIFT - 1)), module ? module : "");
	}
	km_memstream_close(stream, &text);
	return text;
}

const char *km_text_sites_symbol(const struct km_text_sites *sites, uint64_t address,
				 size_t *ret_len)
{
	const uint64_t symbol = (address - MADE_UP_BASE) >> SYMBOL_SHIFT;
	const char *name;

	if (address < MADE_UP_BASE || symbol >= sites->nr_symbols)
		return NULL;
	name = sites->symbols[symbol].name;
	/* a module stands behind a tab */
	*ret_len = strcspn(name, "\t");
	return name;
}
