/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Addresses of the kernel and names of tasks are in it: not everybody's to read. */
#define FILE_MODE  0600
/* Names that are tried for a file that is to take another's place. */
#define MOST_NAMES 100

static struct km_error *output_error(const char *path, int err, const char *doing)
{
	return km_error_os(KM_ERR_OUTPUT, path, err, doing);
}

/* The path with symbolic links followed, of a file that need not be there. */
static char *follow_links(const char *path)
{
	char *real = realpath(path, NULL);

	return real || errno != ENOENT ? real : strdup(path);
}

/* "DIRECTORY/.NAME.kmemstat-PID-N", a name beside the file. */
static char *make_name(const struct km_spool *spool, unsigned int number)
{
	const char *base = strrchr(spool->path, '/');
	char *name;

	base = base ? base + 1 : spool->path;
	/* a name has at most 255 bytes */
	if (asprintf(&name, "%.*s.%.200s.kmemstat-%ld-%u", (int)(base - spool->path), spool->path,
		     base, (long)getpid(), number) < 0)
		return NULL;
	return name;
}

static struct km_error *open_directory(struct km_spool *spool)
{
	char *copy = strdup(spool->path);
	struct km_error *error = NULL;

	if (!copy)
		return &km_error_memory;
	spool->directory_fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (spool->directory_fd < 0)
		error = output_error(spool->path, errno, "cannot open its directory");
	free(copy);
	return error;
}

/* Whether a file system has no files without a name (open(2), O_TMPFILE). */
static bool needs_name(int err)
{
	return err == EOPNOTSUPP || err == EISDIR || err == ENOENT || err == EINVAL;
}

/* Makes a file with a name of its own. */
static struct km_error *create_named(const struct km_spool *spool, int *ret_fd, char **ret_name)
{
	for (unsigned int i = 0; i < MOST_NAMES; i++) {
		char *name = make_name(spool, i);

		if (!name)
			return &km_error_memory;
		*ret_fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
		if (*ret_fd >= 0) {
			*ret_name = name;
			return NULL;
		}
		free(name);
		if (errno != EEXIST)
			break;
	}
	return output_error(spool->path, errno, "cannot create a file beside it");
}

struct km_error *km_spool_create(const char *path, struct km_spool *ret)
{
	struct km_error *error;
	struct stat st;

	*ret = (struct km_spool){ .fd = -1, .directory_fd = -1, .path = follow_links(path) };
	if (!ret->path)
		return errno == ENOMEM ? &km_error_memory
				       : output_error(path, errno, "cannot open");
	if (stat(ret->path, &st) == 0 && !S_ISREG(st.st_mode))
		return km_error_advise(km_error_create(KM_ERR_OUTPUT, path, "no regular file"),
				       "a trace.dat is written in several places at once: name a "
				       "file on a disk");
	error = open_directory(ret);
	if (error)
		return error;
	ret->fd = openat(ret->directory_fd, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, FILE_MODE);
	if (ret->fd >= 0)
		return NULL;
	if (!needs_name(errno))
		return output_error(path, errno, "cannot create");
	return create_named(ret, &ret->fd, &ret->temp_path);
}

struct km_error *km_spool_create_part(const struct km_spool *spool, int *ret)
{
	struct km_error *error;
	char *name;
	int fd = openat(spool->directory_fd, ".", O_RDWR | O_TMPFILE | O_EXCL | O_CLOEXEC,
			FILE_MODE);

	if (fd < 0 && !needs_name(errno))
		return output_error(spool->path, errno, "cannot create a file beside it");
	if (fd < 0) {
		error = create_named(spool, &fd, &name);
		if (error)
			return error;
		unlink(name);
		free(name);
	}
	*ret = fd;
	return NULL;
}

/* Gives a file without a name one that is still free. */
static struct km_error *link_file(struct km_spool *spool)
{
	char proc[64];

	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", spool->fd);
	for (unsigned int i = 0; i < MOST_NAMES; i++) {
		char *name = make_name(spool, i);

		if (!name)
			return &km_error_memory;
		if (linkat(AT_FDCWD, proc, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0) {
			spool->temp_path = name;
			return NULL;
		}
		free(name);
		if (errno != EEXIST)
			break;
	}
	return output_error(spool->path, errno, "cannot be given its name");
}

struct km_error *km_spool_publish(struct km_spool *spool)
{
	struct km_error *error = spool->temp_path ? NULL : link_file(spool);

	if (error)
		return error;
	if (rename(spool->temp_path, spool->path) < 0)
		return output_error(spool->path, errno, "cannot be given its name");
	free(spool->temp_path);
	spool->temp_path = NULL;
	if (close(spool->fd) < 0)
		error = output_error(spool->path, errno, "cannot write");
	spool->fd = -1;
	return error;
}

void km_spool_abandon(struct km_spool *spool)
{
	if (spool->fd >= 0)
		close(spool->fd);
	if (spool->directory_fd >= 0)
		close(spool->directory_fd);
	if (spool->temp_path)
		unlink(spool->temp_path);
	free(spool->temp_path);
	free(spool->path);
	*spool = (struct km_spool){ .fd = -1, .directory_fd = -1 };
}
