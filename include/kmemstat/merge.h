/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON reports read back: one as it was, or many added up. A report of many has hosts and kernels
 * beside the sums (kmemstat/merged.h), and its findings are judged anew from them.
 */
#ifndef KMEMSTAT_MERGE_H
#define KMEMSTAT_MERGE_H

#include "kmemstat/report.h"

/* What is one call site. */
enum km_merge_key {
	KM_MERGE_FINGERPRINT, /* the same symbol, module, event family and inlined functions */
	KM_MERGE_SYMBOL,      /* the same without inlined functions */
	KM_MERGE_OFFSET, /* the same symbol and offset: of hosts with one build of the kernel */
	KM_NR_MERGE_KEYS,
};
/* "fingerprint", "symbol", "offset". */
const char *km_merge_key_name(enum km_merge_key key);

struct km_merge_options {
	enum km_merge_key key;
	bool hosts_are_dirs; /* a host is called as the directory of its files, else as the file */
	bool skips_bad;      /* files that cannot be read are left out and counted */
	struct km_thresholds thresholds;
};

struct km_merge;

/*
 * Adds the reports of `nr` files up, in an order that does not depend on theirs. A file may have
 * several reports, one behind another: of those of one recording, each of which has all that is in
 * the one before, the last is taken. One report is in memory at a time beside the sum. Errors:
 * KM_ERR_INPUT with file, line and JSON path; KM_ERR_USAGE for a file or host that is there twice.
 */
KM_MUST_CHECK struct km_error *km_merge_create(const char *const *paths, size_t nr,
					       const struct km_merge_options *options,
					       struct km_merge **ret);
/*
 * Reads one report (of several in a file the last) as it was judged. `per`: as in struct km_report,
 * 0: as it was.
 */
KM_MUST_CHECK struct km_error *km_merge_load(const char *path, uint64_t per, struct km_merge **ret);
/* The report; it is the merge's. */
struct km_report *km_merge_report(const struct km_merge *merge);
/* What a report that was loaded had and is not read back: keys, sorted. */
const char *const *km_merge_left_out(const struct km_merge *merge, size_t *ret_nr);
void km_merge_destroy(struct km_merge *merge);

#endif
