/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Running a command. */
#include "cli/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* In the new process: runs the program when it is told to, or tells why that cannot be. */
static _Noreturn void run(char **argv, int go, int error)
{
	ssize_t got;
	char byte;
	int err;

	do
		got = read(go, &byte, 1);
	while (got < 0 && errno == EINTR);
	if (got == 1) {
		/* ignored by us, and exec would keep that */
		signal(SIGPIPE, SIG_DFL);
		execvp(argv[0], argv);
		err = errno;
		got = write(error, &err, sizeof(err));
	}
	_exit(127);
}

struct km_error *km_command_fork(char **argv, struct km_command *ret)
{
	int go[2], error[2];

	*ret = (struct km_command){ .end_fd = -1, .go = -1, .error = -1 };
	if (!argv)
		return NULL;
	ret->name = argv[0];
	if (pipe2(go, O_CLOEXEC) < 0)
		return km_error_os(KM_ERR_INPUT, NULL, errno, "cannot make a pipe");
	ret->go = go[1];
	if (pipe2(error, O_CLOEXEC) < 0) {
		close(go[0]);
		return km_error_os(KM_ERR_INPUT, NULL, errno, "cannot make a pipe");
	}
	ret->error = error[0];
	ret->pid = fork();
	if (!ret->pid) {
		close(go[1]);
		close(error[0]);
		run(argv, go[0], error[1]);
	}
	close(go[0]);
	close(error[1]);
	if (ret->pid < 0) {
		ret->pid = 0;
		return km_error_os(KM_ERR_INPUT, NULL, errno, "cannot start a process");
	}
	ret->end_fd = (int)syscall(SYS_pidfd_open, ret->pid, 0);
	if (ret->end_fd < 0)
		return km_error_advise(
			km_error_os(KM_ERR_INPUT, NULL, errno, "cannot wait for a command"),
			"a command needs Linux 5.3 or later");
	fcntl(ret->end_fd, F_SETFD, FD_CLOEXEC);
	return NULL;
}

struct km_error *km_command_start(struct km_command *command)
{
	ssize_t got;
	int err;

	if (!command->pid)
		return NULL;
	do
		got = write(command->go, "g", 1);
	while (got < 0 && errno == EINTR);
	close_fd(&command->go);
	/* its end comes with exec */
	do
		got = read(command->error, &err, sizeof(err));
	while (got < 0 && errno == EINTR);
	close_fd(&command->error);
	if (got != (ssize_t)sizeof(err))
		return NULL;
	return km_error_advise(km_error_create(KM_ERR_USAGE, NULL, "cannot run '%s': %s",
					       command->name, strerror(err)),
			       "check the command behind --");
}

static int wait_for(struct km_command *command)
{
	int status = 0;
	pid_t got;

	do
		got = waitpid(command->pid, &status, 0);
	while (got < 0 && errno == EINTR);
	command->pid = 0;
	close_fd(&command->end_fd);
	if (got < 0)
		return 0;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int km_command_finish(struct km_command *command)
{
	struct pollfd end = { .fd = command->end_fd, .events = POLLIN };

	if (!command->pid)
		return 0;
	if (poll(&end, 1, 0) != 0)
		return wait_for(command);
	/* that it did not come to its end was our doing */
	kill(command->pid, SIGTERM);
	wait_for(command);
	return 0;
}

void km_command_deinit(struct km_command *command)
{
	close_fd(&command->go);
	close_fd(&command->error);
	if (!command->pid)
		return;
	kill(command->pid, SIGTERM);
	wait_for(command);
}
