/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files of a recording that have no name until they are whole: whatever happens to the process,
 * nothing of them stays behind.
 */
#ifndef KMEMSTAT_RECORD_SPOOL_H
#define KMEMSTAT_RECORD_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "kmemstat/error.h"

struct km_spool {
	int fd;           /* -1: none */
	char *path;       /* what the file is to be called, symbolic links followed */
	char *temp_path;  /* what it is called till then where files have to have names; or NULL */
	int directory_fd; /* where it is */
};

/*
 * Makes the file that will be `path`. Errors: KM_ERR_OUTPUT, also for a path that is there and is
 * no regular file. km_spool_abandon() is to be called after an error, too.
 */
KM_MUST_CHECK struct km_error *km_spool_create(const char *path, struct km_spool *ret);
/* Makes a file without a name beside it; *ret is the caller's. Errors: KM_ERR_OUTPUT. */
KM_MUST_CHECK struct km_error *km_spool_create_part(const struct km_spool *spool, int *ret);
/* Gives the file its name, in place of one that has it. Errors: KM_ERR_OUTPUT. */
KM_MUST_CHECK struct km_error *km_spool_publish(struct km_spool *spool);
/* Closes it; one that was not published is gone. */
void km_spool_abandon(struct km_spool *spool);

#endif
