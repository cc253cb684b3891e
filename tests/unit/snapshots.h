/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether two snapshots are equal, for tests. */
#ifndef KMEMSTAT_TESTS_SNAPSHOTS_H
#define KMEMSTAT_TESTS_SNAPSHOTS_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "kmemstat/snapshot.h"

#ifndef ASSERT_OK
#define ASSERT_OK(expression)                                                                      \
	do {                                                                                       \
		struct km_error *error_ = (expression);                                            \
		if (error_)                                                                        \
			fail_msg("%s", error_->message);                                           \
	} while (0)
#endif

static inline void print_text(FILE *out, const char *text)
{
	if (text)
		fprintf(out, " \"%s\"", text);
	else
		fprintf(out, " none");
}

static inline void print_site(FILE *out, const struct km_snap_site *site)
{
	print_text(out, site->key);
	print_text(out, site->key_symbol);
	print_text(out, site->layer);
	print_text(out, site->event);
	print_text(out, site->symbol);
	print_text(out, site->module);
	print_text(out, site->file);
	print_text(out, site->size_class);
	fprintf(out,
		" %u %d %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %d %" PRIu64
		" %" PRIu64 "\n",
		site->line, site->has_source, site->nr_callsites, site->hits, site->bytes_req,
		site->bytes_alloc, site->bytes_waste, site->has_life, site->live_count,
		site->live_bytes);
}

static inline void print_finding(FILE *out, const struct km_snap_finding *finding)
{
	print_text(out, finding->rule);
	print_text(out, finding->fingerprint);
	print_text(out, finding->fingerprint_symbol);
	print_text(out, finding->suppressed);
	print_text(out, finding->key);
	print_text(out, finding->message);
	print_text(out, finding->advice);
	print_text(out, finding->file);
	fprintf(out, " %d %u %" PRIu64 " %" PRIu64 "\n", (int)finding->severity, finding->line,
		finding->hits, finding->bytes_waste);
}

/* All that is in it, as text; to be freed. */
static inline char *snapshot_text(const struct km_snapshot *snapshot)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	print_text(out, snapshot->path);
	print_text(out, snapshot->generator_version);
	print_text(out, snapshot->kernel_release);
	fprintf(out,
		" %" PRIu64 " %" PRIu64 " %" PRIu64 " %d %d %d %" PRIu64 " %" PRIu64 " %" PRIu64
		" %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
		snapshot->cpus, snapshot->page_size, snapshot->duration_ns, snapshot->is_incomplete,
		snapshot->is_filtered, snapshot->has_source, snapshot->events_total,
		snapshot->events_used, snapshot->events_lost, snapshot->hits, snapshot->bytes_req,
		snapshot->bytes_alloc, snapshot->bytes_waste);
	for (size_t i = 0; i < snapshot->nr_events; i++)
		print_text(out, snapshot->events[i]);
	fprintf(out, "\n%zu sites\n", snapshot->nr_sites);
	for (size_t i = 0; i < snapshot->nr_sites; i++)
		print_site(out, &snapshot->sites[i]);
	fprintf(out, "%zu findings\n", snapshot->nr_findings);
	for (size_t i = 0; i < snapshot->nr_findings; i++)
		print_finding(out, &snapshot->findings[i]);
	fclose(out);
	return text;
}

static inline void assert_snapshots_equal(const struct km_snapshot *a, const struct km_snapshot *b)
{
	char *x = snapshot_text(a), *y = snapshot_text(b);

	assert_string_equal(x, y);
	free(x);
	free(y);
}

/* Folding loses nothing: the call sites sum up to the layer. */
static inline void assert_sums(const struct km_snapshot *snapshot)
{
	uint64_t hits = 0, req = 0, alloc = 0, waste = 0;

	for (size_t i = 0; i < snapshot->nr_sites; i++) {
		hits += snapshot->sites[i].hits;
		req += snapshot->sites[i].bytes_req;
		alloc += snapshot->sites[i].bytes_alloc;
		waste += snapshot->sites[i].bytes_waste;
		if (i)
			assert_true(strcmp(snapshot->sites[i - 1].key, snapshot->sites[i].key) < 0);
	}
	assert_int_equal(hits, snapshot->hits);
	assert_int_equal(req, snapshot->bytes_req);
	assert_int_equal(alloc, snapshot->bytes_alloc);
	assert_int_equal(waste, snapshot->bytes_waste);
}

#endif
