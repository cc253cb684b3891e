/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Suppressions. A file of stanzas (stanza.c):
 *
 *	rule: waste
 *	symbol: ieee802_11_parse_elems_full
 *	module: mac80211
 *	reason: freed at once, never more than one alive
 *	expires: 2027-06-30
 *
 * All globs of a stanza have to match. The reason is required, and at least one glob.
 */
#include "kmemstat/suppress.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memstream.h"
#include "compare/stanza.h"

#define WHAT "a file of suppressions"

static bool matches_rule(const struct km_finding *finding, const char *glob)
{
	return fnmatch(glob, km_rule_info(finding->rule)->name, 0) == 0;
}

static bool matches_symbol(const struct km_finding *finding, const char *glob)
{
	const struct km_callsite *site = finding->callsite;

	if (site->has_symbol && fnmatch(glob, site->symbol.name, 0) == 0)
		return true;
	for (size_t i = 0; i < site->source.nr_frames; i++) {
		const char *function = site->source.frames[i].function;

		if (function && fnmatch(glob, function, 0) == 0)
			return true;
	}
	return false;
}

static bool matches_file(const struct km_finding *finding, const char *glob)
{
	const struct km_chain *chain = &finding->callsite->source;

	for (size_t i = 0; i < chain->nr_frames; i++)
		if (chain->frames[i].file && fnmatch(glob, chain->frames[i].file, 0) == 0)
			return true;
	return false;
}

static bool matches_module(const struct km_finding *finding, const char *glob)
{
	const struct km_callsite *site = finding->callsite;

	return site->has_symbol &&
	       fnmatch(glob, site->symbol.module ? site->symbol.module : "-", 0) == 0;
}

static bool matches_struct(const struct km_finding *finding, const char *glob)
{
	const char *name = finding->type ? finding->type->name : NULL;
	const char *tag = name ? strchr(name, ' ') : NULL;

	return name && (fnmatch(glob, name, 0) == 0 || (tag && fnmatch(glob, tag + 1, 0) == 0));
}

static bool matches_fingerprint(const struct km_finding *finding, const char *glob)
{
	return fnmatch(glob, finding->fingerprint, 0) == 0 ||
	       (*finding->fingerprint_symbol && fnmatch(glob, finding->fingerprint_symbol, 0) == 0);
}

static const struct {
	const char *name;
	bool (*matches)(const struct km_finding *finding, const char *glob);
} keys[KM_NR_SUPPRESS_KEYS] = {
	[KM_SUPPRESS_RULE] = { "rule", matches_rule },
	[KM_SUPPRESS_SYMBOL] = { "symbol", matches_symbol },
	[KM_SUPPRESS_FILE] = { "file", matches_file },
	[KM_SUPPRESS_MODULE] = { "module", matches_module },
	[KM_SUPPRESS_STRUCT] = { "struct", matches_struct },
	[KM_SUPPRESS_FINGERPRINT] = { "fingerprint", matches_fingerprint },
};

/* Behind the globs in a stanza's values. */
enum {
	KEY_REASON = KM_NR_SUPPRESS_KEYS,
	KEY_EXPIRES,
	NR_KEYS,
};
_Static_assert((int)NR_KEYS <= (int)KM_STANZA_MOST_KEYS, "a stanza has room for all keys");

const char *km_suppress_key_name(enum km_suppress_key key)
{
	return keys[key].name;
}

/* `len` digits. */
static bool take_digits(const char *text, int len, uint32_t *ret)
{
	*ret = 0;
	for (int i = 0; i < len; i++) {
		if (!isdigit((unsigned char)text[i]))
			return false;
		*ret = 10 * *ret + (uint32_t)(text[i] - '0');
	}
	return true;
}

static uint32_t days_of_month(uint32_t year, uint32_t month)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool is_leap = (year % 4 == 0 && year % 100) || year % 400 == 0;

	return days[month - 1] + (month == 2 && is_leap);
}

bool km_day_parse(const char *text, km_day *ret)
{
	uint32_t year, month, day;

	if (strlen(text) != strlen("2026-12-31") || text[4] != '-' || text[7] != '-' ||
	    !take_digits(text, 4, &year) || !take_digits(text + 5, 2, &month) ||
	    !take_digits(text + 8, 2, &day))
		return false;
	if (!year || !month || month > 12 || !day || day > days_of_month(year, month))
		return false;
	*ret = year * 10000 + month * 100 + day;
	return true;
}

const char *km_day_text(km_day day, char buf[static KM_DAY_SIZE])
{
	snprintf(buf, KM_DAY_SIZE, "%04u-%02u-%02u", day / 10000, day / 100 % 100, day % 100);
	return buf;
}

/* A glob that no rule matches is a typing error: the rules are known. */
static struct km_error *check_rule(const char *path, uint32_t line, const char *glob)
{
	struct km_error *error;
	char *list = NULL;
	size_t size;
	FILE *stream;

	for (enum km_rule rule = 0; rule < KM_NR_RULES; rule++)
		if (fnmatch(glob, km_rule_info(rule)->name, 0) == 0)
			return NULL;
	error = km_line_error(path, line, "no rule matches '%.40s'", glob);
	stream = open_memstream(&list, &size);
	if (!stream)
		return error;
	for (enum km_rule rule = 0; rule < KM_NR_RULES; rule++)
		fprintf(stream, "%s%s", rule ? ", " : "", km_rule_info(rule)->name);
	if (km_memstream_close(stream, &list))
		error = km_error_advise(error, "the rules are %s", list);
	free(list);
	return error;
}

static struct km_error *take_stanza(const char *path, const struct km_stanza *stanza,
				    struct km_suppression *ret)
{
	const char *expires = stanza->values[KEY_EXPIRES];
	const char *rule = stanza->values[KM_SUPPRESS_RULE];
	bool has_glob = false;

	*ret = (struct km_suppression){
		.path = path,
		.line = stanza->line,
		.reason = stanza->values[KEY_REASON],
	};
	for (size_t i = 0; i < KM_NR_SUPPRESS_KEYS; i++) {
		ret->globs[i] = stanza->values[i];
		has_glob |= ret->globs[i] != NULL;
	}
	if (!has_glob)
		return km_error_advise(
			km_line_error(path, stanza->line,
				      "a suppression that does not say of what"),
			"give it a rule, symbol, file, module, struct or fingerprint");
	if (!ret->reason)
		return km_error_advise(
			km_line_error(path, stanza->line, "a suppression without a reason"),
			"add a line \"reason: ...\"");
	if (expires && !km_day_parse(expires, &ret->expires))
		return km_error_advise(km_line_error(path, stanza->lines[KEY_EXPIRES],
						     "'%.40s' is no date", expires),
				       "write it as 2027-12-31");
	return rule ? check_rule(path, stanza->lines[KM_SUPPRESS_RULE], rule) : NULL;
}

/* Takes the stanzas over. */
static struct km_error *add_file(struct km_suppressions *suppressions, struct km_stanzas *file)
{
	size_t nr = suppressions->nr + file->nr;
	struct km_suppression *rows = reallocarray(suppressions->rows, nr + 1, sizeof(*rows));
	struct km_stanzas *files =
		reallocarray(suppressions->files, suppressions->nr_files + 1, sizeof(*files));
	struct km_error *error = NULL;

	if (rows)
		suppressions->rows = rows;
	if (files)
		suppressions->files = files;
	if (!rows || !files) {
		km_stanzas_deinit(file);
		return &km_error_memory;
	}
	files[suppressions->nr_files++] = *file;
	for (size_t i = 0; !error && i < file->nr; i++) {
		error = take_stanza(file->path, &file->rows[i], &rows[suppressions->nr]);
		suppressions->nr += !error;
	}
	return error;
}

/* The names of all keys, for the reader of stanzas. */
static void list_keys(const char *ret[static NR_KEYS])
{
	for (size_t i = 0; i < KM_NR_SUPPRESS_KEYS; i++)
		ret[i] = keys[i].name;
	ret[KEY_REASON] = "reason";
	ret[KEY_EXPIRES] = "expires";
}

struct km_error *km_suppressions_load(struct km_suppressions *suppressions, const char *path)
{
	const char *names[NR_KEYS];
	struct km_stanzas file;
	struct km_error *error;

	list_keys(names);
	error = km_stanzas_load(path, WHAT, names, NR_KEYS, &file);
	return error ? error : add_file(suppressions, &file);
}

struct km_error *km_suppressions_parse(struct km_suppressions *suppressions, const char *path,
				       char *text, size_t size)
{
	const char *names[NR_KEYS];
	struct km_stanzas file;
	struct km_error *error;

	list_keys(names);
	error = km_stanzas_parse(path, WHAT, text, size, names, NR_KEYS, &file);
	return error ? error : add_file(suppressions, &file);
}

void km_suppressions_deinit(struct km_suppressions *suppressions)
{
	for (size_t i = 0; i < suppressions->nr_files; i++)
		km_stanzas_deinit(&suppressions->files[i]);
	free(suppressions->files);
	free(suppressions->rows);
	*suppressions = (struct km_suppressions){ 0 };
}

static bool matches(const struct km_suppression *suppression, const struct km_finding *finding)
{
	for (size_t i = 0; i < KM_NR_SUPPRESS_KEYS; i++)
		if (suppression->globs[i] && !keys[i].matches(finding, suppression->globs[i]))
			return false;
	return true;
}

static void judge(struct km_suppressions *suppressions, struct km_finding *finding)
{
	finding->suppressed = NULL;
	for (size_t i = 0; i < suppressions->nr; i++) {
		struct km_suppression *suppression = &suppressions->rows[i];

		if (!matches(suppression, finding))
			continue;
		suppression->nr_findings++;
		if (!finding->suppressed && !suppression->is_expired)
			finding->suppressed = suppression->reason;
	}
}

/* `room` is for all findings. */
static size_t move_behind(struct km_report *report, struct km_finding *room)
{
	size_t kept = 0, nr = 0;

	for (size_t i = 0; i < report->nr_findings; i++) {
		if (report->findings[i].suppressed)
			room[nr++] = report->findings[i];
		else
			report->findings[kept++] = report->findings[i];
	}
	if (nr)
		memcpy(&report->findings[kept], room, nr * sizeof(*room));
	return nr;
}

struct km_error *km_suppressions_apply(struct km_suppressions *suppressions, km_day today,
				       struct km_report *report)
{
	struct km_finding *room = calloc(report->nr_findings + 1, sizeof(*room));
	bool has_source = false;

	if (!room)
		return &km_error_memory;
	for (size_t i = 0; i < report->nr_findings; i++)
		has_source |= report->findings[i].callsite->source.nr_frames > 0;
	for (size_t i = 0; i < suppressions->nr; i++) {
		struct km_suppression *suppression = &suppressions->rows[i];

		suppression->nr_findings = 0;
		suppression->is_expired = suppression->expires && suppression->expires < today;
		suppression->needs_source = !has_source && (suppression->globs[KM_SUPPRESS_FILE] ||
							    suppression->globs[KM_SUPPRESS_STRUCT]);
	}
	for (size_t i = 0; i < report->nr_findings; i++)
		judge(suppressions, &report->findings[i]);
	report->nr_suppressed = move_behind(report, room);
	report->suppressions = suppressions;
	free(room);
	return NULL;
}
