/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sym/excerpt.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	LINES_BEFORE = 5,
	LINES_AFTER = 4,
	MOST_COLUMNS = 512,
	MOST_BYTES =
		16 << 20, /* of a source file; the kernel's largest, register lists, have 7 MB */
};

static bool is_below(const char *file)
{
	if (*file == '/' || !*file)
		return false;
	for (const char *part = file; part; part = strchr(part, '/')) {
		part += *part == '/';
		if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || !part[2]))
			return false;
	}
	return true;
}

/* Where the kernel cannot keep a look-up below a directory: part by part, links refused. */
static int open_parts(int dir, const char *file)
{
	int fd = dup(dir);

	while (fd >= 0) {
		const char *slash = strchr(file, '/');
		char *part = strndup(file, slash ? (size_t)(slash - file) : strlen(file));
		int next = -1;

		if (part)
			next = openat(fd, *part ? part : ".",
				      O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK |
					      (slash ? O_DIRECTORY : 0));
		free(part);
		close(fd);
		fd = next;
		if (!slash)
			break;
		file = slash + 1;
	}
	return fd;
}

/* -1 with errno; EXDEV: it leads out of the directory. */
static int open_below(const char *dir, const char *file)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	int dir_fd, fd, err;

	if (!is_below(file)) {
		errno = EXDEV;
		return -1;
	}
	dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return -1;
	/* since Linux 5.6; sandboxes that do not know it refuse it */
	fd = (int)syscall(SYS_openat2, dir_fd, file, &how, sizeof(how));
	if (fd < 0 && (errno == ENOSYS || errno == EPERM)) {
		fd = open_parts(dir_fd, file);
		if (fd < 0 && errno == ELOOP)
			errno = EXDEV;
	}
	err = errno;
	close(dir_fd);
	errno = err;
	return fd;
}

static struct km_error *read_lines(FILE *stream, const char *path, uint32_t line,
				   struct km_arena *arena, struct km_excerpt *ret)
{
	const uint32_t first = line > LINES_BEFORE ? line - LINES_BEFORE : 1;
	struct km_error *error = NULL;
	uint32_t number = 1;
	char *text = NULL;
	size_t size = 0;
	ssize_t len;

	ret->lines = km_arena_alloc(arena, (LINES_BEFORE + 1 + LINES_AFTER) * sizeof(*ret->lines));
	if (!ret->lines)
		return &km_error_memory;
	ret->first = first;
	for (; number <= line + LINES_AFTER && (len = getline(&text, &size, stream)) >= 0;
	     number++) {
		if (number < first)
			continue;
		if (len && text[len - 1] == '\n')
			text[--len] = '\0';
		if (len > MOST_COLUMNS)
			text[MOST_COLUMNS] = '\0';
		ret->lines[ret->nr_lines] = km_arena_strdup(arena, text);
		if (!ret->lines[ret->nr_lines++]) {
			error = &km_error_memory;
			break;
		}
	}
	free(text);
	if (!error && ferror(stream))
		error = km_error_os(KM_ERR_INPUT, path, errno, "cannot read the source");
	else if (!error && number <= line)
		error = km_error_create(KM_ERR_INPUT, path,
					"has %" PRIu32 " lines, and the call is in line %" PRIu32
					": it is not the source of this kernel",
					number - 1, line);
	return error;
}

struct km_error *km_excerpt_read(const char *dir, const char *file, uint32_t line,
				 struct km_arena *arena, struct km_excerpt *ret)
{
	struct km_error *error;
	struct stat st;
	FILE *stream;
	int fd = open_below(dir, file);

	*ret = (struct km_excerpt){ 0 };
	if (fd < 0 && errno == EXDEV)
		return km_error_create(KM_ERR_INPUT, file,
				       "leads out of the source root, and is not shown");
	if (fd < 0)
		return km_error_os(KM_ERR_INPUT, file, errno,
				   "cannot open it below the source root");
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > MOST_BYTES) {
		close(fd);
		return km_error_create(KM_ERR_INPUT, file, "is no source file");
	}
	stream = fdopen(fd, "re");
	if (!stream) {
		close(fd);
		return &km_error_memory;
	}
	error = read_lines(stream, file, line, arena, ret);
	fclose(stream);
	if (error)
		*ret = (struct km_excerpt){ 0 };
	return error;
}
