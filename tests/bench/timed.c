// SPDX-License-Identifier: GPL-2.0-or-later
/*
 *	timed OUTPUT PROGRAM [ARGUMENTS]
 *
 * Runs a program with its standard output in the file OUTPUT, and prints what it took from
 * exec to exit: seconds, user and system seconds, peak resident KiB, exit status. It is small
 * because a child's peak begins with that of the process it was forked from.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double seconds(struct timeval tv)
{
	return (double)tv.tv_sec + (double)tv.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
	posix_spawn_file_actions_t actions;
	struct timespec start, end;
	struct rusage usage;
	pid_t pid;
	int status;

	if (argc < 3) {
		fputs("usage: timed OUTPUT PROGRAM [ARGUMENTS]\n", stderr);
		return 2;
	}
	int output = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	if (output < 0) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, output, 1);
	clock_gettime(CLOCK_MONOTONIC, &start);
	int err = posix_spawnp(&pid, argv[2], &actions, NULL, argv + 2, environ);

	if (err) {
		fprintf(stderr, "%s: %s\n", argv[2], strerror(err));
		return 1;
	}
	if (wait4(pid, &status, 0, &usage) != pid) {
		perror("wait4");
		return 1;
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	posix_spawn_file_actions_destroy(&actions);
	printf("%.6f %.6f %.6f %ld %d\n",
	       (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9,
	       seconds(usage.ru_utime), seconds(usage.ru_stime), usage.ru_maxrss,
	       WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}
