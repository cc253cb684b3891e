/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Suppressions: findings that somebody looked at and gave a reason for. */
#ifndef KMEMSTAT_SUPPRESS_H
#define KMEMSTAT_SUPPRESS_H

#include "kmemstat/report.h"

/* What a suppression can match findings by. */
enum km_suppress_key {
	KM_SUPPRESS_RULE,
	KM_SUPPRESS_SYMBOL, /* the function, and those inlined at the call site */
	KM_SUPPRESS_FILE,   /* of any of these */
	KM_SUPPRESS_MODULE, /* "-": the kernel itself */
	KM_SUPPRESS_STRUCT, /* what is allocated: "struct mesh_rmc" or "mesh_rmc" */
	KM_SUPPRESS_FINGERPRINT,
	KM_NR_SUPPRESS_KEYS,
};

/* A day: 20261231; 0: none. Days compare as numbers do. */
typedef uint32_t km_day;

/* One stanza of a file. Strings are those of struct km_suppressions. */
struct km_suppression {
	const char *path; /* of its file */
	uint32_t line;
	const char *globs[KM_NR_SUPPRESS_KEYS]; /* NULL: whatever there is */
	const char *reason;
	km_day expires; /* the last day on which it suppresses; 0: it always does */
	/* by km_suppressions_apply(): */
	bool is_expired;
	uint64_t nr_findings; /* that it matches, also of one that is expired */
	/* it asks for a file or a struct, and no finding has source lines */
	bool needs_source;
};

struct km_stanzas;

struct km_suppressions {
	struct km_suppression *rows; /* file by file, as they are there */
	size_t nr;
	struct km_stanzas *files; /* hold the strings */
	size_t nr_files;
};

const char *km_suppress_key_name(enum km_suppress_key key);
/* "2026-12-31" of an existing day. False if it is none. */
bool km_day_parse(const char *text, km_day *ret);
#define KM_DAY_SIZE 16
const char *km_day_text(km_day day, char buf[static KM_DAY_SIZE]);

/*
 * Adds the suppressions of a file. Zero-initialised is empty. Errors: KM_ERR_INPUT with file and
 * line; KM_ERR_MEMORY.
 */
KM_MUST_CHECK struct km_error *km_suppressions_load(struct km_suppressions *suppressions,
						    const char *path);
/* The same of text, which is taken over (malloc'ed, with a NUL at text[size]). */
KM_MUST_CHECK struct km_error *km_suppressions_parse(struct km_suppressions *suppressions,
						     const char *path, char *text, size_t size);
void km_suppressions_deinit(struct km_suppressions *suppressions);

/*
 * Sets `suppressed` of the findings that one of them matches which has not expired, of several
 * the first, and moves these findings behind the others; both keep their order. Counts the
 * findings of each suppression. The report keeps a pointer to the suppressions, whose strings
 * its findings use. Source lines of findings have to be looked up before.
 */
KM_MUST_CHECK struct km_error *km_suppressions_apply(struct km_suppressions *suppressions,
						     km_day today, struct km_report *report);

#endif
