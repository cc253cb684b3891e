/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Moves the pages of each CPU's ring buffer into a file, on a thread each, while they fill. */
#ifndef KMEMSTAT_RECORD_PULL_H
#define KMEMSTAT_RECORD_PULL_H

#include "kmemstat/instance.h"
#include "record/spool.h"

struct km_pull;

struct km_pull_options {
	const struct km_spool *spool; /* files are made beside it */
	const char *path;             /* of the output, for messages */
	uint32_t page_bytes;          /* of the ring buffer */
	bool is_compressed;           /* pages are packed before they are written */
};

/* What came of one CPU. */
struct km_pulled {
	uint32_t cpu;
	int fd;         /* pages or chunks, from the beginning on; km_pull_destroy() closes it */
	uint64_t bytes; /* of them */
	uint64_t raw_bytes; /* of the pages */
	uint32_t nr_chunks;
};

/* Opens the buffers and makes the files. Errors: KM_ERR_OUTPUT, those of km_instance_open_file().
 */
KM_MUST_CHECK struct km_error *km_pull_create(const struct km_instance *instance,
					      const struct km_pull_options *options,
					      struct km_pull **ret);
/* Starts the threads. Errors: KM_ERR_MEMORY. */
KM_MUST_CHECK struct km_error *km_pull_start(struct km_pull *pull);
/* Readable from when a thread failed on: poll it, and stop. */
int km_pull_failure_fd(const struct km_pull *pull);
/*
 * Takes what is in the buffers, after recording has been switched off, and waits for the threads.
 * The error is that of the first CPU whose file could not be written (KM_ERR_OUTPUT) or whose
 * buffer not be read; what came before is good, of that CPU too.
 */
KM_MUST_CHECK struct km_error *km_pull_stop(struct km_pull *pull);
/* The bytes of events that were taken so far. */
uint64_t km_pull_raw_bytes(const struct km_pull *pull);
/* What came, CPU by CPU; those that never had a buffer are left out. After km_pull_stop(). */
const struct km_pulled *km_pull_result(const struct km_pull *pull, size_t *ret_nr);
void km_pull_destroy(struct km_pull *pull);

#endif
