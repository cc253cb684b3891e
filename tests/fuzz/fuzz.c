/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the fuzz targets share. */
#include "fuzz.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/sigbus.h"
#include "cli/verbs.h"

enum { MOST_ARGS = 64 };

void fuzz_die(const char *what)
{
	perror(what);
	abort();
}

void fuzz_write(int fd, const uint8_t *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		const ssize_t put = write(fd, data + done, size - done);

		if (put < 0)
			fuzz_die("write");
		done += (size_t)put;
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	/* reports are made and thrown away */
	const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)argc;
	(void)argv;
	if (null < 0 || dup2(null, STDOUT_FILENO) < 0)
		fuzz_die("/dev/null");
	close(null);
	signal(SIGPIPE, SIG_IGN);
	km_sigbus_install();
	return 0;
}

struct fuzz_file fuzz_file_open(const void *data, size_t size)
{
	struct fuzz_file file = { .fd = memfd_create("fuzz", MFD_CLOEXEC) };

	if (file.fd < 0)
		fuzz_die("memfd_create");
	fuzz_write(file.fd, data, size);
	snprintf(file.path, sizeof(file.path), "/proc/self/fd/%d", file.fd);
	return file;
}

void fuzz_file_close(struct fuzz_file *file)
{
	close(file->fd);
}

char *fuzz_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		fuzz_die("malloc");
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

void fuzz_error(struct km_error *error)
{
	char *line;

	if (!error)
		return;
	line = km_error_line(error);
	if (line && !*line)
		abort();
	free(line);
	km_error_free(error);
}

int fuzz_run(const char *const *args)
{
	char *argv[MOST_ARGS + 1] = { NULL }, *kept[MOST_ARGS];
	int argc = 0;
	struct km_options options;
	enum km_exit status = KM_EXIT_OK;
	struct km_error *error;

	/* the parser may move them about */
	while (args[argc] && argc < MOST_ARGS) {
		argv[argc] = kept[argc] = strdup(args[argc]);
		argc++;
	}
	error = km_options_parse(argc, argv, &options);
	/* with the name of a file: one that these options are not about */
	if (error && error->kind == KM_ERR_USAGE && !error->path) {
		fprintf(stderr, "%s\n", error->message);
		abort();
	}
	if (!error)
		error = km_verb_of_bit(options.verb)->run(&options, &status);
	if (error)
		status = KM_EXIT_INPUT;
	fuzz_error(error);
	km_options_deinit(&options);
	for (int i = 0; i < argc; i++)
		free(kept[i]);
	return (int)status;
}
