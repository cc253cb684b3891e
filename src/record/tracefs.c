/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files of tracefs. Where it is mounted is told by /proc/self/mounts, lines of
 *	DEVICE DIRECTORY TYPE OPTIONS 0 0
 * with spaces in names as \040; a kernel that has it names it in /proc/filesystems.
 */
#include "record/tracefs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/slurp.h"

#define USUAL_DIRECTORY "/sys/kernel/tracing"

static int read_below(const char *root, const char *name, char **ret)
{
	size_t size;
	char *path;
	int err;

	if (asprintf(&path, "%s%s", root, name) < 0)
		return ENOMEM;
	err = km_slurp(path, ret, &size);
	free(path);
	return err;
}

/* The directory in a line of mounts, its \ooo resolved in place; NULL if it is not of tracefs. */
static char *parse_mount(char *line)
{
	char *rest = line, *words[3], *to;

	for (size_t i = 0; i < 3; i++) {
		words[i] = strsep(&rest, " ");
		if (!words[i])
			return NULL;
	}
	if (strcmp(words[2], "tracefs") != 0)
		return NULL;
	to = words[1];
	for (const char *from = words[1]; *from; from++) {
		unsigned int code;

		if (*from == '\\' && sscanf(from + 1, "%3o", &code) == 1 && strlen(from) > 3) {
			*to++ = (char)code;
			from += 3;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
	return words[1];
}

static struct km_error *not_mounted(const char *root)
{
	char *filesystems;
	bool is_known;

	if (read_below(root, "/proc/filesystems", &filesystems) != 0)
		return km_error_create(KM_ERR_INPUT, "/proc/filesystems",
				       "cannot see whether the kernel has tracefs");
	is_known = strstr(filesystems, "\ttracefs\n") != NULL;
	free(filesystems);
	if (!is_known)
		return km_error_advise(
			km_error_create(KM_ERR_INPUT, NULL, "this kernel has no tracefs"),
			"take one that is built with CONFIG_FTRACE and "
			"CONFIG_EVENT_TRACING");
	return km_error_advise(km_error_create(KM_ERR_PERMISSION, NULL, "tracefs is not mounted"),
			       "run as root: mount -t tracefs nodev " USUAL_DIRECTORY);
}

struct km_error *km_tracefs_find(const char *root, char **ret)
{
	char *mounts, *rest, *found = NULL;
	int err = read_below(root, "/proc/self/mounts", &mounts);

	if (err == ENOMEM)
		return &km_error_memory;
	if (err)
		return km_error_os(KM_ERR_INPUT, "/proc/self/mounts", err, "cannot read");
	rest = mounts;
	for (char *line; (line = strsep(&rest, "\n"));) {
		char *directory = parse_mount(line);

		if (directory && (!found || strcmp(directory, USUAL_DIRECTORY) == 0))
			found = directory;
	}
	found = found ? strdup(found) : NULL;
	free(mounts);
	if (!found)
		return not_mounted(root);
	*ret = found;
	return NULL;
}

/* The mode of kernel lockdown, if there is one: "none [integrity] confidentiality". */
static char *read_lockdown(const char *root)
{
	char *text, *begin, *end, *mode = NULL;

	if (read_below(root, "/sys/kernel/security/lockdown", &text) != 0)
		return NULL;
	begin = strchr(text, '[');
	end = begin ? strchr(begin, ']') : NULL;
	if (end) {
		*end = '\0';
		if (strcmp(begin + 1, "none") != 0)
			mode = strdup(begin + 1);
	}
	free(text);
	return mode;
}

/* What to run so that we may. */
static struct km_error *advise_rights(struct km_error *error, const char *tracefs)
{
	char program[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);
	struct stat status;

	program[len > 0 ? len : 0] = '\0';
	if (geteuid() == 0 || len <= 0)
		return km_error_advise(error,
				       "run it with the capability CAP_DAC_OVERRIDE, outside of "
				       "containers");
	if (stat(tracefs, &status) == 0)
		return km_error_advise(error,
				       "%s is of user %u and group %u, mode %04o: run it with "
				       "sudo, or once as root: setcap "
				       "cap_dac_override,cap_syslog+ep %s",
				       tracefs, (unsigned int)status.st_uid,
				       (unsigned int)status.st_gid,
				       (unsigned int)status.st_mode & 07777, program);
	return km_error_advise(
		error,
		"run it with sudo, or once as root: setcap cap_dac_override,cap_syslog+ep %s",
		program);
}

struct km_error *km_tracefs_error(const char *root, const char *tracefs, const char *path, int err,
				  const char *doing)
{
	const bool is_denied = err == EACCES || err == EPERM;
	struct km_error *error;
	char *lockdown;

	if (err == ENOMEM)
		return km_error_create(KM_ERR_INPUT, path, "%s: the kernel has no memory for it",
				       doing);
	/*
	 * Locked down as "confidentiality", the kernel refuses to open files of tracefs, or has
	 * made none: fs/tracefs/inode.c, security_locked_down(LOCKDOWN_TRACEFS).
	 */
	lockdown = is_denied || err == ENOENT ? read_lockdown(root) : NULL;
	error = km_error_create(is_denied || lockdown ? KM_ERR_PERMISSION : KM_ERR_INPUT, path,
				"%s: %s", doing, strerror(err));
	if (lockdown)
		error = km_error_advise(error,
					"kernel lockdown (%s) may forbid tracing: see "
					"kernel_lockdown(7), and boot without lockdown=%s",
					lockdown, lockdown);
	else if (is_denied)
		error = advise_rights(error, tracefs);
	else if (err == EROFS)
		error = km_error_advise(error, "run as root: mount -o remount,rw %s", tracefs);
	free(lockdown);
	return error;
}

struct km_error *km_tracefs_open(const char *tracefs, const char *dir, const char *name, int flags,
				 int *ret)
{
	struct km_error *error = NULL;
	char *path;
	int fd;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return &km_error_memory;
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		error = km_tracefs_error("", tracefs, path, errno, "cannot open");
	else
		*ret = fd;
	free(path);
	return error;
}

struct km_error *km_tracefs_read(const char *tracefs, const char *dir, const char *name, char **ret,
				 size_t *ret_size)
{
	struct km_error *error = NULL;
	char *path;
	int err;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return &km_error_memory;
	err = km_slurp(path, ret, ret_size);
	if (err)
		error = km_tracefs_error("", tracefs, path, err, "cannot read");
	free(path);
	return error;
}

int km_tracefs_try_write(const char *dir, const char *name, const char *text)
{
	const size_t size = strlen(text);
	char *path;
	ssize_t got;
	int fd, err = 0;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return ENOMEM;
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	free(path);
	if (fd < 0)
		return errno;
	got = write(fd, text, size);
	if (got < 0)
		err = errno;
	else if ((size_t)got != size)
		err = EIO;
	close(fd);
	return err;
}

struct km_error *km_tracefs_write(const char *tracefs, const char *dir, const char *name,
				  const char *text)
{
	int err = km_tracefs_try_write(dir, name, text);
	struct km_error *error = NULL;
	char *path;

	if (!err)
		return NULL;
	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return &km_error_memory;
	error = km_tracefs_error("", tracefs, path, err, "cannot write");
	free(path);
	return error;
}
