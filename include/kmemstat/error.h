/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Errors of operations that fail. Bad *data* is not an error: it is counted (quality.h). */
#ifndef KMEMSTAT_ERROR_H
#define KMEMSTAT_ERROR_H

#include <stdbool.h>
#include <stdint.h>

/* What kind of trouble; cli/ maps it to an exit status. */
enum km_error_kind {
	KM_ERR_USAGE,      /* the caller asked for something that does not exist or does not fit */
	KM_ERR_INPUT,      /* a file cannot be opened or read, or is not what it should be */
	KM_ERR_PERMISSION, /* the kernel does not let this user do it */
	KM_ERR_OUTPUT,     /* writing the result failed */
	KM_ERR_MEMORY,     /* no memory */
};

/*
 * NULL is success. An error is freed by its receiver with km_error_free(); the one for
 * exhausted memory is static, and freeing it does nothing.
 */
struct km_error {
	enum km_error_kind kind;
	char *path;      /* the file it is about, or NULL */
	bool has_offset; /* offset holds a byte offset in path */
	uint64_t offset;
	bool is_os; /* a system call failed: that says nothing about what is in the file */
	char *message; /* what was expected, what was found: no final stop, no newline */
	char *remedy;  /* what the user can do, or NULL */
};

#define KM_MUST_CHECK        __attribute__((warn_unused_result))
#define KM_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

extern struct km_error km_error_memory;

/* Makes an error; path may be NULL. Never returns NULL. */
struct km_error *km_error_create(enum km_error_kind kind, const char *path, const char *format, ...)
	KM_PRINTF(3, 4);
/* The same with a byte offset in the file. */
struct km_error *km_error_at(const char *path, uint64_t offset, const char *format, ...)
	KM_PRINTF(3, 4);
/* A failed system call on path: appends strerror(err), and a remedy where one is known. */
struct km_error *km_error_os(enum km_error_kind kind, const char *path, int err, const char *doing);
/* Whether it is about what is in an input, which may be damaged there and good elsewhere. */
bool km_error_is_of_data(const struct km_error *error);
/* Sets the remedy of an error and returns that error; takes NULL for "no error" through. */
struct km_error *km_error_advise(struct km_error *error, const char *format, ...) KM_PRINTF(2, 3);
/* Frees an error; NULL is fine. */
void km_error_free(struct km_error *error);
/*
 * The error as one line for people, without newline: "path: at byte N: message; remedy".
 * Returns a malloc'ed string, or NULL without memory.
 */
char *km_error_line(const struct km_error *error);

#endif
