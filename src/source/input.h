/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file or pipe that is being read, with its first bytes looked at beforehand. */
#ifndef KMEMSTAT_SOURCE_INPUT_H
#define KMEMSTAT_SOURCE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kmemstat/error.h"

/* Enough of a file to know its format by. */
#define KM_INPUT_HEAD_BYTES 4096

struct km_input {
	char *path; /* for messages; "standard input" for "-" */
	int fd;
	bool is_seekable;          /* a regular file or block device: km_input_read_at() works */
	uint64_t file_bytes;       /* of a seekable one */
	uint8_t *head;             /* its first bytes */
	size_t head_size;          /* KM_INPUT_HEAD_BYTES, or less if the whole input has less */
	uint64_t pos;              /* where km_input_read() goes on */
	const volatile bool *stop; /* set by a signal handler: the input ends here; or NULL */
};

/*
 * Opens a path, or standard input for "-", and reads its head. `stop` may be NULL.
 * Errors: KM_ERR_INPUT (no such file, no permission, a directory, nothing readable).
 */
KM_MUST_CHECK struct km_error *km_input_open(const char *path, const volatile bool *stop,
					     struct km_input **ret);
void km_input_close(struct km_input *input);
/*
 * Reads on from front to end, at least one byte but for the end of the input (*ret_size 0);
 * of a pipe what there is at the moment, so that a live one is not waited for.
 */
KM_MUST_CHECK struct km_error *km_input_read(struct km_input *input, void *buf, size_t size,
					     size_t *ret_size);
/* Reads at a place of a seekable input: fewer bytes only at its end. Errors: KM_ERR_INPUT. */
KM_MUST_CHECK struct km_error *km_input_read_at(const struct km_input *input, uint64_t offset,
						void *buf, size_t size, size_t *ret_size);

#endif
