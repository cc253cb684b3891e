/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Snapshots: what of a report outlives its trace and can be held against another: call sites and
 * findings under keys that stay the same over builds, and what tells whether two were recorded
 * alike. Made of a report in memory or of its JSON; both ways give equal snapshots.
 */
#ifndef KMEMSTAT_SNAPSHOT_H
#define KMEMSTAT_SNAPSHOT_H

#include "kmemstat/report.h"

/* One (layer, family, function) with all its call sites added up. */
struct km_snap_site {
	/*
	 * What it is matched by: "kmalloc mac80211 mesh_rmc_init": layer's family, module ("-": the
	 * kernel itself), symbol without the suffixes that compilers add; then, parted by '<', the
	 * functions inlined at the call site, innermost first, if the report has source lines.
	 */
	const char *key;
	const char *key_symbol; /* the same without inlined functions: of reports with no source */
	const char *layer, *event;
	/* without the suffixes that compilers add; NULL: none names it, and key has its address */
	const char *symbol;
	const char *module; /* or NULL */
	/* of the call site that wastes most: its innermost frame, and its size class */
	const char *file; /* or NULL */
	uint32_t line;    /* 0: not known */
	const char *size_class;
	bool has_source;       /* all its call sites have source lines: key has what is inlined */
	uint64_t nr_callsites; /* added up here */
	uint64_t hits, bytes_req, bytes_alloc, bytes_waste;
	bool has_life; /* the next two are known */
	uint64_t live_count, live_bytes;
};

struct km_snap_finding {
	const char *rule;
	enum km_finding_severity severity;
	const char *fingerprint;
	const char *fingerprint_symbol; /* NULL: a report without it */
	const char *suppressed;         /* the reason why it is, or NULL */
	const char *key;                /* of the call site, as in struct km_snap_site */
	const char *message, *advice;
	const char *file; /* or NULL */
	uint32_t line;
	uint64_t hits, bytes_waste;
};

struct km_snapshot {
	const char *path; /* of the file it is from */
	const char *generator_version;
	const char *kernel_release; /* or NULL */
	uint64_t cpus, page_size;
	uint64_t duration_ns; /* 0: not known, or a clock that does not count nanoseconds */
	const char **events;  /* names of the events recorded, sorted: "kmem:kmalloc" */
	size_t nr_events;
	bool is_incomplete; /* events were lost or damaged */
	bool is_filtered;   /* events were left out by filters */
	bool has_source;    /* some call site has a source line */
	uint64_t events_total, events_used, events_filtered, events_lost;
	uint64_t hits, bytes_req, bytes_alloc, bytes_waste; /* of the slab layer */
	struct km_snap_site *sites;                         /* of the slab layer, by key */
	size_t nr_sites;
	struct km_snap_finding *findings; /* in the report's order */
	size_t nr_findings;
};

/*
 * Of a report whose sources are looked up. `path` is copied. Strings are the snapshot's.
 * Errors: KM_ERR_MEMORY.
 */
KM_MUST_CHECK struct km_error *km_snapshot_of_report(const struct km_report *report,
						     const char *path, struct km_snapshot **ret);
/*
 * Of a JSON report (any schema_version 1, also of --write-baseline). Unknown keys are passed over.
 * Errors: KM_ERR_INPUT with file, line or JSON path, and a remedy.
 */
KM_MUST_CHECK struct km_error *km_snapshot_load(const char *path, struct km_snapshot **ret);
/*
 * Whether the file begins like a JSON report: white space, then '{'. False also on errors, and of
 * what is no regular file: a pipe could not be read again.
 */
bool km_snapshot_is_json(const char *path);
void km_snapshot_destroy(struct km_snapshot *snapshot);

#endif
