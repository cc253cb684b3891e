/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file or pipe that is being read. */
#include "source/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_stopped(const struct km_input *input)
{
	return input->stop && *input->stop;
}

static struct km_error *read_error(const struct km_input *input, uint64_t offset, int err)
{
	struct km_error *error = km_error_os(KM_ERR_INPUT, input->path, err, "cannot read");

	if (error != &km_error_memory) {
		error->has_offset = true;
		error->offset = offset;
	}
	return error;
}

/* The first bytes: a pipe is read until they are all there or it ends. */
static struct km_error *read_head(struct km_input *input)
{
	while (input->head_size < KM_INPUT_HEAD_BYTES && !is_stopped(input)) {
		ssize_t got = read(input->fd, input->head + input->head_size,
				   KM_INPUT_HEAD_BYTES - input->head_size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return read_error(input, input->head_size, errno);
		if (got == 0)
			break;
		input->head_size += (size_t)got;
		/* of a live pipe a line may be all there is for a long time, and is enough */
		if (!input->is_seekable && memchr(input->head, '\n', input->head_size) &&
		    input->head_size >= 16)
			break;
	}
	return NULL;
}

static struct km_error *open_fd(struct km_input *input, const char *path)
{
	struct stat st;
	off_t size;

	if (strcmp(path, "-") == 0)
		input->fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	else
		input->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (input->fd < 0)
		return km_error_os(KM_ERR_INPUT, input->path, errno, "cannot open");
	if (fstat(input->fd, &st) < 0)
		return km_error_os(KM_ERR_INPUT, input->path, errno, "cannot stat");
	if (S_ISDIR(st.st_mode))
		return km_error_os(KM_ERR_INPUT, input->path, EISDIR, "cannot read");
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return NULL;
	/* files of /proc and tracefs call themselves regular and have no size */
	size = lseek(input->fd, 0, SEEK_END);
	input->is_seekable = size > 0;
	input->file_bytes = size > 0 ? (uint64_t)size : 0;
	if (size >= 0 && lseek(input->fd, 0, SEEK_SET) < 0)
		return km_error_os(KM_ERR_INPUT, input->path, errno, "cannot seek");
	if (input->is_seekable)
		posix_fadvise(input->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return NULL;
}

struct km_error *km_input_open(const char *path, const volatile bool *stop, struct km_input **ret)
{
	struct km_input *input = calloc(1, sizeof(*input));
	struct km_error *error = NULL;

	if (!input)
		return &km_error_memory;
	input->fd = -1;
	input->stop = stop;
	input->path = strdup(strcmp(path, "-") == 0 ? "standard input" : path);
	input->head = malloc(KM_INPUT_HEAD_BYTES);
	if (!input->path || !input->head)
		error = &km_error_memory;
	if (!error)
		error = open_fd(input, path);
	if (!error)
		error = read_head(input);
	if (error) {
		km_input_close(input);
		return error;
	}
	*ret = input;
	return NULL;
}

void km_input_close(struct km_input *input)
{
	if (!input)
		return;
	if (input->fd >= 0)
		close(input->fd);
	free(input->path);
	free(input->head);
	free(input);
}

struct km_error *km_input_read(struct km_input *input, void *buf, size_t size, size_t *ret_size)
{
	ssize_t got = 0;

	if (input->pos < input->head_size) {
		size_t left = input->head_size - (size_t)input->pos;

		*ret_size = size < left ? size : left;
		memcpy(buf, input->head + input->pos, *ret_size);
		input->pos += *ret_size;
		return NULL;
	}
	while (!is_stopped(input)) {
		got = read(input->fd, buf, size);
		if (got >= 0 || errno != EINTR)
			break;
		got = 0;
	}
	if (got < 0)
		return read_error(input, input->pos, errno);
	input->pos += (uint64_t)got;
	*ret_size = (size_t)got;
	return NULL;
}

struct km_error *km_input_read_at(const struct km_input *input, uint64_t offset, void *buf,
				  size_t size, size_t *ret_size)
{
	size_t have = 0;

	while (have < size && offset + have < (uint64_t)INT64_MAX) {
		ssize_t got = pread(input->fd, (uint8_t *)buf + have, size - have,
				    (off_t)(offset + have));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return read_error(input, offset + have, errno);
		if (got == 0)
			break;
		have += (size_t)got;
	}
	*ret_size = have;
	return NULL;
}
