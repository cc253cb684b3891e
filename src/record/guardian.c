/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guardian process, and leftovers.
 *
 * Which process an instance belongs to is told by a lock (flock() of its directory) rather than by
 * the PID in its name: PIDs are used again, and those of a container are others outside of it. The
 * kernel lets go of the lock with the process.
 */
#include "record/guardian.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	RETRY_NS = 10 * 1000 * 1000,
	GUARDIAN_TRIES = 500, /* five seconds: a process that dies closes its files in any order */
};

int km_guardian_remove(const char *instance, const char *tracing_on, unsigned int tries)
{
	const struct timespec pause = { .tv_nsec = RETRY_NS };
	int fd = open(tracing_on, O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		ssize_t got = write(fd, "0", 1);

		(void)got; /* it goes without, too */
		close(fd);
	}
	while (rmdir(instance) < 0 && errno != ENOENT) {
		if (errno != EBUSY || !tries--)
			return errno;
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* Descriptors of the main process, which are none of the guardian's. */
static void close_all_but(int fd)
{
	int null = open("/dev/null", O_RDWR);

	/* a terminal or pipe held open would make others wait for us */
	for (int i = 0; null >= 0 && i < 3; i++)
		if (i != fd)
			dup2(null, i);
	if (fd > 3)
		close_range(3, (unsigned int)fd - 1, 0);
	close_range(fd < 3 ? 3 : (unsigned int)fd + 1, ~0U, 0);
}

/* What runs in it. Only async-signal-safe calls: other threads' locks may be held. */
static _Noreturn void watch(int fd, const char *instance, const char *tracing_on)
{
	char byte;
	ssize_t got;
	int err;

	/* out of reach of the terminal's signals and those to our process group */
	setsid();
	prctl(PR_SET_NAME, "kmemstat-guard");
	close_all_but(fd);
	got = write(fd, "r", 1);
	do
		got = read(fd, &byte, 1);
	while (got < 0 && errno == EINTR);
	err = km_guardian_remove(instance, tracing_on, GUARDIAN_TRIES);
	_Exit(err ? 1 : 0);
}

struct km_error *km_guardian_start(const char *instance, struct km_guardian *ret)
{
	struct km_error *error = NULL;
	sigset_t all, old;
	char *tracing_on, byte;
	int fds[2];
	ssize_t got;
	pid_t pid;

	if (asprintf(&tracing_on, "%s/tracing_on", instance) < 0)
		return &km_error_memory;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) {
		free(tracing_on);
		return km_error_os(KM_ERR_INPUT, NULL, errno, "cannot make a pair of sockets");
	}
	/* blocked rather than ignored: the handlers are the main process's */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	pid = fork();
	if (pid == 0) {
		close(fds[1]);
		watch(fds[0], instance, tracing_on);
	}
	if (pid < 0)
		error = km_error_os(KM_ERR_INPUT, NULL, errno, "cannot start a process");
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	free(tracing_on);
	close(fds[0]);
	if (error) {
		close(fds[1]);
		return error;
	}
	*ret = (struct km_guardian){ .pid = pid, .socket = fds[1] };
	/* from here on it is out of reach of what is sent to our process group */
	do
		got = read(fds[1], &byte, 1);
	while (got < 0 && errno == EINTR);
	return NULL;
}

bool km_guardian_finish(struct km_guardian *guardian)
{
	int status = 0;
	ssize_t wrote;
	pid_t got;

	if (!guardian->pid)
		return false;
	/* not only closed: a child of ours may hold another copy of the writing end */
	do
		wrote = send(guardian->socket, "q", 1, MSG_NOSIGNAL);
	while (wrote < 0 && errno == EINTR);
	close(guardian->socket);
	do
		got = waitpid(guardian->pid, &status, 0);
	while (got < 0 && errno == EINTR);
	*guardian = (struct km_guardian){ 0 };
	return got > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int km_guardian_lock(const char *directory, bool does_wait)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), got;

	if (fd < 0)
		return -errno;
	do
		got = flock(fd, LOCK_EX | (does_wait ? 0 : LOCK_NB));
	while (got < 0 && errno == EINTR);
	if (got < 0) {
		const int err = errno;

		close(fd);
		return -err;
	}
	return fd;
}

/* kmemstat-PID-N, and nothing else: others may call theirs nearly so. */
static bool is_our_name(const char *name)
{
	static const char prefix[] = "kmemstat-";
	size_t nr[2];

	if (strncmp(name, prefix, sizeof(prefix) - 1) != 0)
		return false;
	name += sizeof(prefix) - 1;
	nr[0] = strspn(name, "0123456789");
	if (!nr[0] || name[nr[0]] != '-')
		return false;
	name += nr[0] + 1;
	nr[1] = strspn(name, "0123456789");
	return nr[1] && !name[nr[1]];
}

static void remove_leftover(const char *instances, const char *name)
{
	char *path, *tracing_on;
	int lock;

	if (asprintf(&path, "%s/%s", instances, name) < 0)
		return;
	lock = km_guardian_lock(path, false);
	if (lock >= 0) {
		if (asprintf(&tracing_on, "%s/tracing_on", path) >= 0) {
			km_guardian_remove(path, tracing_on, 0);
			free(tracing_on);
		}
		close(lock);
	}
	free(path);
}

void km_guardian_remove_leftovers(const char *instances)
{
	DIR *dir = opendir(instances);

	if (!dir)
		return;
	for (struct dirent *entry; (entry = readdir(dir));)
		if (is_our_name(entry->d_name))
			remove_leftover(instances, entry->d_name);
	closedir(dir);
}
