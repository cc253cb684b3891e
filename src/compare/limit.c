/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What limits and --fail-on say. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kmemstat/gate.h"

/* Digits with at most one point, as far as they go: no signs, exponents or names of numbers. */
static size_t number_len(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	if (!digits || text[digits] != '.')
		return digits;
	return digits + 1 + strspn(text + digits + 1, "0123456789");
}

/* The power of 1024 that a suffix stands for; false if it is none. */
static bool parse_suffix(const char *suffix, enum km_limit_kind kind, double *ret)
{
	static const char letters[] = "kmgt";
	const char *letter;

	*ret = 1;
	if (!*suffix)
		return true;
	letter = strchr(letters, *suffix | 0x20);
	if (kind != KM_LIMIT_BYTES || !letter || suffix[1])
		return false;
	*ret = ldexp(1, 10 * (int)(letter - letters + 1));
	return true;
}

bool km_limit_parse(const char *text, enum km_limit_kind kind, struct km_limit *ret)
{
	const size_t len = number_len(text);
	struct km_limit limit = { .text = text };
	double number, factor;

	if (!len || len > 30)
		return false;
	number = strtod(text, NULL);
	if (strcmp(text + len, "%") == 0) {
		limit.is_percent = true;
		limit.percent = number;
		*ret = limit;
		return true;
	}
	if (!parse_suffix(text + len, kind, &factor))
		return false;
	/* parts of a byte there are not, unless a suffix makes them whole */
	if ((memchr(text, '.', len) && factor == 1) || number * factor > (double)(INT64_MAX / 2))
		return false;
	limit.number = (uint64_t)(number * factor);
	*ret = limit;
	return true;
}

bool km_limit_is_exceeded(const struct km_limit *limit, double value, double whole)
{
	if (!limit->text)
		return false;
	/* a share of nothing is nothing: any value above is more */
	return value > (limit->is_percent ? limit->percent / 100 * whole : (double)limit->number);
}

static struct km_error *bad_rule(const char *text, int len)
{
	char list[256] = "";
	size_t used = 0;

	for (enum km_rule rule = 0; rule < KM_NR_RULES; rule++) {
		const char *name = km_rule_info(rule)->name;

		if (used + strlen(name) + 3 > sizeof(list))
			break;
		used += (size_t)sprintf(list + used, "%s%s", rule ? ", " : "", name);
	}
	return km_error_advise(km_error_create(KM_ERR_USAGE, NULL,
					       "--fail-on: there is no rule '%.*s'", len, text),
			       "give any, new, or one of %s", list);
}

static bool find_severity(const char *text, enum km_finding_severity *ret)
{
	for (enum km_finding_severity i = KM_FIND_LOW; i <= KM_FIND_HIGH; i++) {
		if (strcmp(text, km_finding_severity_name(i)) != 0)
			continue;
		*ret = i;
		return true;
	}
	return false;
}

struct km_error *km_fail_on_parse(const char *text, struct km_fail_on *ret)
{
	const size_t len = strcspn(text, ":");
	struct km_fail_on fail_on = { .text = text, .severity = KM_FIND_LOW };

	fail_on.is_new = len == 3 && strncmp(text, "new", 3) == 0;
	for (enum km_rule rule = 0; rule < KM_NR_RULES; rule++) {
		const char *name = km_rule_info(rule)->name;

		if (strlen(name) == len && strncmp(text, name, len) == 0)
			fail_on.rule = name;
	}
	if (!fail_on.rule && !fail_on.is_new && (len != 3 || strncmp(text, "any", 3) != 0))
		return bad_rule(text, len > 40 ? 40 : (int)len);
	if (text[len] && !find_severity(text + len + 1, &fail_on.severity))
		return km_error_advise(km_error_create(KM_ERR_USAGE, NULL,
						       "--fail-on: '%.40s' is no severity",
						       text + len + 1),
				       "give low, medium or high");
	*ret = fail_on;
	return NULL;
}
