/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the fuzz targets share. A target is a file with LLVMFuzzerTestOneInput(). */
#ifndef KMEMSTAT_TESTS_FUZZ_H
#define KMEMSTAT_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "kmemstat/error.h"

/* As libFuzzer calls them (https://llvm.org/docs/LibFuzzer.html). */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Says what failed, and aborts. */
__attribute__((noreturn)) void fuzz_die(const char *what);

/* Writes all of it. */
void fuzz_write(int fd, const uint8_t *data, size_t size);

/* A file in memory. */
struct fuzz_file {
	int fd;
	char path[32];
};
struct fuzz_file fuzz_file_open(const void *data, size_t size);
void fuzz_file_close(struct fuzz_file *file);

/* malloc'ed, with a NUL behind it: what functions that take a text over want. */
char *fuzz_text(const uint8_t *data, size_t size);

/* Makes the message of an error, as the program would, and frees it; aborts if there is none. */
void fuzz_error(struct km_error *error);

/*
 * Runs the program with these arguments, NULL behind them, as its main() does. Returns its exit
 * status.
 */
int fuzz_run(const char *const *args);

#endif
