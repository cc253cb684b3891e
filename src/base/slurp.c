/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading files of unknown size. */
#include "base/slurp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	FIRST_BYTES = 4096,
	MAX_BYTES = 1 << 30,
};

int km_slurp_fd(int fd, char **ret, size_t *ret_size)
{
	size_t size = 0, room = FIRST_BYTES;
	char *data = malloc(room);

	while (data) {
		ssize_t got = read(fd, data + size, room - size - 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			const int err = errno;

			free(data);
			return err;
		}
		if (!got) {
			data[size] = '\0';
			*ret = data;
			*ret_size = size;
			return 0;
		}
		size += (size_t)got;
		if (size + 1 == room) {
			char *more = room < MAX_BYTES ? realloc(data, 2 * room) : NULL;

			if (!more) {
				free(data);
				return room < MAX_BYTES ? ENOMEM : EFBIG;
			}
			data = more;
			room *= 2;
		}
	}
	return ENOMEM;
}

int km_slurp(const char *path, char **ret, size_t *ret_size)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return errno;
	err = km_slurp_fd(fd, ret, ret_size);
	close(fd);
	return err;
}
