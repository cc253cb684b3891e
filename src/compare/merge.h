/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reports read back and added up: what the files of it share. A report is read in two passes: the
 * head, which rows are passed over for, tells what it is of; then its rows are added one by one.
 */
#ifndef KMEMSTAT_COMPARE_MERGE_H
#define KMEMSTAT_COMPARE_MERGE_H

#include "base/names.h"
#include "compare/pool.h"
#include "compare/walk.h"
#include "kmemstat/merge.h"

/* A call site, as one report has it or added up. */
struct km_merge_row {
	enum km_family family;
	bool has_symbol;
	struct km_symbol symbol;
	uint64_t address; /* without a symbol */
	struct km_chain source;
	struct km_types types;
	const char *kernel_release; /* of the report that the place is from; or NULL */
	struct km_sum sum;
	struct km_size *sizes; /* by bytes_alloc, bytes_req, name of the cache */
	size_t nr_sizes, size_sizes;
	bool has_life;
	struct km_life_stats *life; /* if has_life */
	bool has_spread;            /* the report was one of several hosts */
	struct km_spread spread;
	/* of a sum: of the host in hand */
	bool is_touched;
	uint64_t host_waste;
	/* of a sum: of the report in hand, which has this number */
	size_t report;
	uint64_t report_peak;
};

/* What a call site had live when most was live. */
struct km_merge_peak {
	const char *key; /* of its row */
	uint64_t count, bytes, waste;
};

/* What a report says of itself. */
struct km_merge_head {
	struct km_input_info input;
	uint64_t first_ns, last_ns, duration_ns; /* first > last: no time stamps */
	uint64_t per;
	struct km_quality quality;
	uint64_t events_total;
	struct km_sum layers[KM_NR_LAYERS];
	uint64_t frees[KM_NR_LAYERS];
	bool has_lives, is_live_unsure;
	bool drops_lives; /* it has some that do not add up */
	struct km_life_stats total;
	size_t nr_samples;
	uint64_t short_ns;
	/* of a report of several hosts */
	bool is_merged;
	uint64_t reports, superseded, live_bytes_peak_most;
	const char *key;
};

struct km_merge {
	struct km_merge_options options;
	bool is_one; /* km_merge_load() */
	uint64_t per;
	struct km_pool strings;
	struct km_names keys;      /* of rows */
	struct km_merge_row *rows; /* by key */
	size_t size_rows;
	uint32_t *touched; /* rows of the host in hand */
	size_t nr_touched, size_touched;
	struct km_names caches;
	struct km_names events; /* "kmem kmalloc" */
	struct km_event_report *event_rows;
	struct km_format_info *event_formats;
	size_t size_events;
	struct km_names left_out;
	/* the sum */
	size_t nr_reports; /* read, whatever they were of */
	size_t nr_with_lives;
	struct km_merge_head head;
	uint32_t host_cpus;   /* of the host in hand */
	bool has_host;        /* one is in hand: the last of merged.hosts */
	size_t *kernel_hosts; /* of merged.kernels: the last host that ran it, + 1 */
	struct km_merged merged;
	size_t size_hosts, size_kernels, size_skipped;
	/* of is_one */
	struct km_stream_report *streams;
	struct km_stream_info *stream_infos;
	size_t nr_streams, size_streams;
	struct km_instance_info *instances;
	size_t nr_instances;
	struct km_tick *ticks;
	size_t nr_ticks;
	struct km_merge_peak *peaks; /* of call sites, when most was live */
	size_t nr_peaks;
	struct km_known_finding *findings;
	struct km_callsite *finding_sites; /* of findings whose call site is no row, else empty */
	struct km_type *finding_types;     /* of those that name one */
	size_t nr_findings, size_findings, size_finding_sites, size_finding_types;
	/* what the report is made of */
	struct km_lives lives;
	struct km_sites sites;
	struct km_known_site *known_sites;
	struct km_report_known known;
	struct km_report *report;
};

/* A report that is being read. */
struct km_merge_reader {
	struct km_walk walk;
	struct km_merge *merge;
	struct km_merge_head head;
	struct km_pool strings;      /* of the row in hand: what is kept is copied */
	struct km_pool head_strings; /* of the head */
	bool is_checking;            /* nothing is added: is it whole? */
	const char *host;            /* of a report of one */
};

/* A copy, safe to print, in `pool`; NULL of NULL. */
KM_MUST_CHECK struct km_error *km_merge_text(struct km_pool *pool, const char *text,
					     const char **ret);
/* Room for one more of *nr; the array may move. False without memory. */
bool km_merge_grow(void **rows, size_t row_size, size_t nr, size_t *size);

/* The head of the report that begins at walk->pos; walk goes behind it. */
KM_MUST_CHECK struct km_error *km_merge_read_head(struct km_merge_reader *reader);
/* Its rows, which are added; the head is not. walk goes behind it. */
KM_MUST_CHECK struct km_error *km_merge_read_rows(struct km_merge_reader *reader);
/* What became of the allocations of a call site, or `is_total` of all. */
KM_MUST_CHECK struct km_error *km_merge_read_life(const struct km_merge_reader *reader,
						  const json_t *object, bool is_total,
						  struct km_life_stats *ret, size_t *ret_nr_samples,
						  uint64_t *ret_short_ns);
/* A row of "callsites". */
KM_MUST_CHECK struct km_error *km_merge_read_callsite(struct km_merge_reader *reader,
						      const json_t *object);
/* What names a call site, with its source lines. The rest of *ret is zero. */
KM_MUST_CHECK struct km_error *km_merge_read_place(struct km_merge_reader *reader,
						   const json_t *object, struct km_merge_row *ret);
/* Of km_merge_load(): a row of "findings", "timeline", and what "input" has of streams. */
KM_MUST_CHECK struct km_error *km_merge_read_finding(struct km_merge_reader *reader,
						     const json_t *object);
KM_MUST_CHECK struct km_error *km_merge_read_timeline(struct km_merge_reader *reader,
						      const json_t *object);
KM_MUST_CHECK struct km_error *km_merge_read_streams(struct km_merge_reader *reader,
						     const json_t *input);
/* The counters that an object has; others are 0. */
KM_MUST_CHECK struct km_error *km_merge_read_counters(const struct km_walk *walk,
						      const json_t *object, struct km_quality *ret);
/* Adds a head to the sum, or only checks it. Errors: KM_ERR_INPUT of what does not add up. */
KM_MUST_CHECK struct km_error *km_merge_add_head(struct km_merge_reader *reader);
/* Begins with a report of one host, which has to be in hand until there is another. */
KM_MUST_CHECK struct km_error *km_merge_add_host(struct km_merge_reader *reader);
/* Rows of "hosts" and "kernels" of a report of several, and its "merged". */
KM_MUST_CHECK struct km_error *km_merge_read_host(struct km_merge_reader *reader,
						  const json_t *object);
KM_MUST_CHECK struct km_error *km_merge_read_kernel(struct km_merge_reader *reader,
						    const json_t *object);
KM_MUST_CHECK struct km_error *km_merge_read_merged(struct km_merge_reader *reader,
						    const json_t *object);
KM_MUST_CHECK struct km_error *km_merge_add_skipped(struct km_merge *merge, const char *path,
						    const char *why);

/* Chains of inlined functions are far shorter; what is longer is cut, in all reports alike. */
#define KM_MERGE_KEY_SIZE 4096
/* What a call site is told from others by. */
void km_merge_make_key(const struct km_merge *merge, const struct km_merge_row *row,
		       char key[static KM_MERGE_KEY_SIZE]);
/* Adds a row of a report. */
KM_MUST_CHECK struct km_error *km_merge_add_row(struct km_merge *merge,
						const struct km_merge_row *row);
/* Frees what a row has, not the row. */
void km_merge_row_deinit(struct km_merge_row *row);
/* Adds the lives `from`; both are of KM_LIFE_SAMPLES samples. */
void km_merge_add_life(struct km_life_stats *into, const struct km_life_stats *from);
/* What the host in hand had goes into the spreads of rows. */
KM_MUST_CHECK struct km_error *km_merge_end_host(struct km_merge *merge);
/* Notes that something of that key is left out. */
KM_MUST_CHECK struct km_error *km_merge_leave_out(struct km_merge *merge, const char *key);

/* The report of the sum. */
KM_MUST_CHECK struct km_error *km_merge_build(struct km_merge *merge);

#endif
