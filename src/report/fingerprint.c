/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fingerprints: what a finding is known by from build to build. A hash of rule, module, functions,
 * event family and size class, each as text: of nothing that moves with the code (addresses,
 * offsets, lines) or with the load (counts, bytes).
 *
 * The functions are those that the compiler inlined at the call site, innermost first, then the
 * symbol. Where several call sites make findings that are alike in all of this, the second and
 * later ones in code order have their ordinal in the hash: consumers such as GitLab take two
 * reports with one fingerprint for one.
 */
#include "report/findings.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/stable.h"

/* FNV-1a, 64 bits */
static const uint64_t hash_start = 0xcbf29ce484222325;

/* Of a string and a byte that is in none: "ab","c" is not "a","bc". */
static uint64_t hash_text(uint64_t hash, const char *text, size_t len)
{
	static const uint64_t prime = 0x100000001b3;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)text[i]) * prime;
	return (hash ^ 0xff) * prime;
}

static uint64_t hash_string(uint64_t hash, const char *text)
{
	return hash_text(hash, text, strlen(text));
}

static uint64_t hash_function(uint64_t hash, const char *name)
{
	return hash_text(hash, name, km_stable_name_len(name));
}

/* The last frame is the function that the symbol names. */
static uint64_t hash_inlined(uint64_t hash, const struct km_chain *chain)
{
	for (size_t i = 0; i + 1 < chain->nr_frames; i++)
		if (chain->frames[i].function)
			hash = hash_function(hash, chain->frames[i].function);
	return hash;
}

/* Of the call site with the functions inlined at it, or with its symbol alone. */
static uint64_t hash_finding(const struct km_finding *finding, bool has_inlined)
{
	const struct km_callsite *site = finding->callsite;
	bool is_of_class = !km_rule_is_about_site(finding->rule) || site->nr_sizes == 1;
	const struct km_symbol *symbol = &site->symbol;
	uint64_t hash = hash_string(hash_start, km_rule_info(finding->rule)->name);

	hash = hash_string(hash, site->has_symbol && symbol->module ? symbol->module : "");
	if (has_inlined)
		hash = hash_inlined(hash, &site->source);
	/* a call site without a symbol has its address for a name */
	hash = hash_function(hash, site->has_symbol ? symbol->name : site->name);
	hash = hash_string(hash, site->event);
	return hash_string(hash, is_of_class ? finding->size_class : "");
}

/* A finding with its hash; `index` is its rank in the report. */
struct hashed {
	uint64_t hash;
	struct km_finding *finding;
	size_t index;
};

/* By hash, then in code order; the parts of a function that are split off have other symbols. */
static int compare_hashed(const void *a, const void *b)
{
	const struct hashed *x = a, *y = b;
	const struct km_callsite *p = x->finding->callsite, *q = y->finding->callsite;
	int order = 0;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	if (p->has_symbol && q->has_symbol)
		order = strcmp(p->symbol.name, q->symbol.name);
	if (!order)
		order = (p->address > q->address) - (p->address < q->address);
	return order ? order : (x->index > y->index) - (x->index < y->index);
}

static void set_fingerprint(char ret[static KM_FINGERPRINT_SIZE], uint64_t hash)
{
	snprintf(ret, KM_FINGERPRINT_SIZE, "%016" PRIx64, hash);
}

/* `hashed` is in order. */
static void number_alike(struct hashed *hashed, size_t nr)
{
	for (size_t i = 0, ordinal = 1; i < nr; i++) {
		uint64_t hash = hashed[i].hash;
		char text[24];

		ordinal = i && hashed[i - 1].hash == hash ? ordinal + 1 : 1;
		snprintf(text, sizeof(text), "#%zu", ordinal);
		if (ordinal > 1)
			hash = hash_string(hash, text);
		set_fingerprint(hashed[i].finding->fingerprint, hash);
	}
}

struct km_error *km_report_set_fingerprints(struct km_report *report)
{
	size_t nr = report->nr_findings;
	struct hashed *hashed = calloc(nr + 1, sizeof(*hashed));

	if (!hashed)
		return &km_error_memory;
	for (size_t i = 0; i < nr; i++) {
		struct km_finding *finding = &report->findings[i];

		set_fingerprint(finding->fingerprint_symbol, hash_finding(finding, false));
		hashed[i] = (struct hashed){ hash_finding(finding, true), finding, i };
	}
	qsort(hashed, nr, sizeof(*hashed), compare_hashed);
	number_alike(hashed, nr);
	free(hashed);
	return NULL;
}
