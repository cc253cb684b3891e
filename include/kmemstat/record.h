/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recording into a trace.dat: the events of an instance, with all that the analysis needs to know
 * of the machine.
 */
#ifndef KMEMSTAT_RECORD_H
#define KMEMSTAT_RECORD_H

#include "kmemstat/instance.h"

struct km_recorder;

struct km_recorder_options {
	const char *path;   /* of the file */
	bool is_compressed; /* by zstd */
	bool has_owner;     /* the file is to be this user's; else it is the caller's */
	uid_t uid;
	gid_t gid;
};

/* What came of a recording. */
struct km_recorded {
	uint64_t events;     /* in the file */
	uint64_t lost;       /* events that were overwritten or had no room in the buffer */
	uint64_t raw_bytes;  /* of ring-buffer pages */
	uint64_t file_bytes; /* of the file */
	/*
	 * With losses: a buffer of a CPU that would have had room for all. That is the one there
	 * was and, of the CPU with most of them, the bytes of what was lost; less may have been
	 * enough, as they need not have been lost at once. In KiB.
	 */
	uint64_t sufficient_kib;
	uint32_t nr_cpus; /* whose events are in the file */
};

/*
 * Prepares the file, beside which others are made that have no name: nothing stays behind, however
 * the process ends. The instance stays the caller's. Errors: KM_ERR_OUTPUT; those of reading the
 * instance's files.
 */
KM_MUST_CHECK struct km_error *km_recorder_create(struct km_instance *instance,
						  const struct km_recorder_options *options,
						  struct km_recorder **ret);
/* Starts threads that take the events, and the recording itself. */
KM_MUST_CHECK struct km_error *km_recorder_start(struct km_recorder *recorder);
/*
 * A descriptor that is readable from when the recording cannot go on (the disk is full, say) on:
 * poll it with whatever else ends the recording.
 */
int km_recorder_failure_fd(const struct km_recorder *recorder);
/*
 * Ends the recording and writes the file, whole; *ret is set if there is no error or
 * *ret_failure. That is what ended the recording before, or NULL: the file is good up to there, and
 * is kept. With an error there is no file. Errors: KM_ERR_OUTPUT, KM_ERR_MEMORY, KM_ERR_INPUT.
 */
KM_MUST_CHECK struct km_error *km_recorder_finish(struct km_recorder *recorder,
						  struct km_recorded *ret,
						  struct km_error **ret_failure);
/* Frees it; without km_recorder_finish() before nothing is left of the recording. NULL is fine. */
void km_recorder_destroy(struct km_recorder *recorder);

#endif
