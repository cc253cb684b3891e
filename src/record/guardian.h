/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guardian: a process that keeps the rights to remove an instance, and does so when it is told
 * to or when the process that made it is gone in whatever way. Beyond that, instances of which all
 * are gone are found by their lock.
 */
#ifndef KMEMSTAT_RECORD_GUARDIAN_H
#define KMEMSTAT_RECORD_GUARDIAN_H

#include <stdbool.h>
#include <sys/types.h>

#include "kmemstat/error.h"

struct km_guardian {
	pid_t pid;  /* 0: none */
	int socket; /* the guardian acts when this end of it is closed */
};

/* Starts one for an instance that need not exist yet. Errors: KM_ERR_INPUT, KM_ERR_MEMORY. */
KM_MUST_CHECK struct km_error *km_guardian_start(const char *instance, struct km_guardian *ret);
/*
 * Has it remove the instance, no file of which may be open any more, and waits for that. False if
 * it could not, or was killed before.
 */
bool km_guardian_finish(struct km_guardian *guardian);

/*
 * Removes an instance: its recording is stopped, and as long as somebody has a file of it open it
 * is tried again, for some seconds. Async-signal-safe. Returns 0 or an errno.
 */
int km_guardian_remove(const char *instance, const char *tracing_on, unsigned int tries);

/*
 * Removes those instances of tracefs that are called kmemstat-PID-N and that no process has locked
 * (km_guardian_lock()). What cannot be removed stays. The caller holds the lock of `instances`.
 */
void km_guardian_remove_leftovers(const char *instances);
/*
 * Takes the lock of a directory, an instance or that of all instances: held until the descriptor
 * is closed, which is the return value, or the process is gone. Negative: -errno.
 */
int km_guardian_lock(const char *directory, bool does_wait);

#endif
