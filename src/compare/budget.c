/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Budgets. A file of stanzas (stanza.c):
 *
 *	module: mac80211
 *	waste: 4M
 *	hits: 20000
 *	live: 1M
 *
 * At least one glob (symbol, file, module) and one limit.
 */
#include <stdlib.h>

#include "compare/stanza.h"
#include "kmemstat/gate.h"

#define WHAT "a budget"

enum {
	KEY_SYMBOL,
	KEY_FILE,
	KEY_MODULE,
	KEY_WASTE,
	KEY_HITS,
	KEY_LIVE,
	NR_KEYS,
};

static const char *const keys[NR_KEYS] = { "symbol", "file", "module", "waste", "hits", "live" };

static struct km_error *take_limit(const char *path, const struct km_stanza *stanza, int key,
				   struct km_limit *ret)
{
	const char *text = stanza->values[key];
	bool is_count = key == KEY_HITS;

	if (!text)
		return NULL;
	if (km_limit_parse(text, is_count ? KM_LIMIT_COUNT : KM_LIMIT_BYTES, ret) &&
	    (key == KEY_WASTE || !ret->is_percent))
		return NULL;
	return km_error_advise(km_line_error(path, stanza->lines[key], "%s: '%.40s' is no %s",
					     keys[key], text,
					     is_count ? "number" : "number of bytes"),
			       key == KEY_WASTE ? "write it as 4096, 16k, 4M or 7%%"
			       : is_count       ? "write it as 20000"
						: "write it as 4096, 16k or 4M");
}

static struct km_error *take_stanza(const char *path, const struct km_stanza *stanza,
				    struct km_allowance *ret)
{
	struct km_error *error;

	*ret = (struct km_allowance){
		.path = path,
		.line = stanza->line,
		.symbol = stanza->values[KEY_SYMBOL],
		.file = stanza->values[KEY_FILE],
		.module = stanza->values[KEY_MODULE],
	};
	error = take_limit(path, stanza, KEY_WASTE, &ret->waste);
	if (!error)
		error = take_limit(path, stanza, KEY_HITS, &ret->hits);
	if (!error)
		error = take_limit(path, stanza, KEY_LIVE, &ret->live);
	if (error)
		return error;
	if (!ret->symbol && !ret->file && !ret->module)
		return km_error_advise(
			km_line_error(path, stanza->line, "limits that do not say of what"),
			"give a symbol, file or module");
	if (!ret->waste.text && !ret->hits.text && !ret->live.text)
		return km_error_advise(
			km_line_error(path, stanza->line, "call sites without limit"),
			"give them waste, hits or live");
	return NULL;
}

/* Takes the stanzas over. */
static struct km_error *add_file(struct km_budget *budget, struct km_stanzas *file)
{
	const size_t nr = budget->nr + file->nr;
	struct km_allowance *rows = reallocarray(budget->rows, nr + 1, sizeof(*rows));
	struct km_stanzas *files =
		reallocarray(budget->files, budget->nr_files + 1, sizeof(*files));
	struct km_error *error = NULL;

	if (rows)
		budget->rows = rows;
	if (files)
		budget->files = files;
	if (!rows || !files) {
		km_stanzas_deinit(file);
		return &km_error_memory;
	}
	files[budget->nr_files++] = *file;
	for (size_t i = 0; !error && i < file->nr; i++) {
		error = take_stanza(file->path, &file->rows[i], &rows[budget->nr]);
		budget->nr += !error;
	}
	return error;
}

struct km_error *km_budget_load(struct km_budget *budget, const char *path)
{
	struct km_stanzas file;
	struct km_error *error = km_stanzas_load(path, WHAT, keys, NR_KEYS, &file);

	return error ? error : add_file(budget, &file);
}

struct km_error *km_budget_parse(struct km_budget *budget, const char *path, char *text,
				 size_t size)
{
	struct km_stanzas file;
	struct km_error *error = km_stanzas_parse(path, WHAT, text, size, keys, NR_KEYS, &file);

	return error ? error : add_file(budget, &file);
}

void km_budget_deinit(struct km_budget *budget)
{
	for (size_t i = 0; i < budget->nr_files; i++)
		km_stanzas_deinit(&budget->files[i]);
	free(budget->files);
	free(budget->rows);
	*budget = (struct km_budget){ 0 };
}
