/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a report of several hosts knows beside their sums. */
#ifndef KMEMSTAT_MERGED_H
#define KMEMSTAT_MERGED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct km_merged_host {
	const char *name;
	const char *kernel_release; /* the newest that it ran; NULL: no report tells */
	uint64_t reports;
	uint64_t duration_ns; /* of its recordings together; 0: not known */
	bool is_incomplete;   /* events were lost or damaged */
	uint64_t hits, bytes_req, bytes_alloc, bytes_waste; /* of the slab layer */
};

struct km_merged_kernel {
	const char *release; /* NULL: the report does not tell */
	uint64_t hosts, reports;
};

/* A file that was left out because it could not be read. */
struct km_merged_skipped {
	const char *path, *why;
};

struct km_merged {
	const char *key;              /* what call sites were added up by: "fingerprint" */
	uint64_t reports;             /* added up */
	uint64_t superseded;          /* earlier ones of recordings, which later ones have all of */
	struct km_merged_host *hosts; /* by name */
	size_t nr_hosts;
	struct km_merged_kernel *kernels; /* by release, that which is not known first */
	size_t nr_kernels;
	const char **left_out; /* what some report had and cannot be added up: keys, sorted */
	size_t nr_left_out;
	struct km_merged_skipped *skipped; /* by path */
	size_t nr_skipped;
	bool has_lives;                /* the next is known */
	uint64_t live_bytes_peak_most; /* of the report with the highest peak */
};

/*
 * Buckets of rates: one for each number up to 7, then eight for each power of two. The last is
 * below this number.
 */
#define KM_SPREAD_BUCKETS 496

struct km_spread_bucket {
	uint16_t bucket;
	uint64_t hosts;
};

/* How a call site is spread over the hosts that had it; rates are of bytes wasted in an hour. */
struct km_spread {
	uint64_t hosts;
	const char *kernel_release; /* of the report that its place is from; or NULL */
	uint64_t nr_rates;          /* hosts whose time is known: without them no rates */
	uint64_t least, most;
	const char *most_host;
	struct km_spread_bucket *buckets; /* that have a host */
	size_t nr_buckets, size_buckets;
	uint64_t live_bytes_peak_most; /* see struct km_merged */
};

/* The bucket of a rate, and the least rate in a bucket. */
size_t km_spread_bucket_of(uint64_t rate);
uint64_t km_spread_bucket_from(size_t bucket);
/*
 * The rate that half of the hosts are not above, as the least of its bucket: up to an eighth less.
 * There has to be one.
 */
uint64_t km_spread_median(const struct km_spread *spread);

#endif
