/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Live input: signals that end it, and the processes that take part in it. */
#include "cli/live.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/output.h"
#include "record/pids.h"

/* What the signal handler sets. */
static volatile bool is_stopped;

static const int ending_signals[] = { SIGINT, SIGTERM };
#define NR_ENDING_SIGNALS (sizeof(ending_signals) / sizeof(ending_signals[0]))

static bool stat_input(const char *path, struct stat *ret)
{
	return (strcmp(path, "-") == 0 ? fstat(STDIN_FILENO, ret) : stat(path, ret)) == 0;
}

bool km_live_is_stream(const char *path)
{
	struct stat st;

	if (!stat_input(path, &st) || S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode))
		return false;
	/* trace_pipe calls itself a regular file, and has no size */
	return !S_ISREG(st.st_mode) || st.st_size == 0;
}

/* The next one kills. */
static void on_signal(int signal_number)
{
	signal(signal_number, km_output_die);
	is_stopped = true;
}

const volatile bool *km_live_catch_signals(void)
{
	for (size_t i = 0; i < NR_ENDING_SIGNALS; i++) {
		/* without SA_RESTART: a read that waits has to return */
		struct sigaction action = { .sa_handler = on_signal };
		struct sigaction old;

		sigaction(ending_signals[i], NULL, &old);
		if (old.sa_handler != SIG_IGN)
			sigaction(ending_signals[i], &action, NULL);
	}
	return &is_stopped;
}

void km_live_restart_calls(void)
{
	for (size_t i = 0; i < NR_ENDING_SIGNALS; i++) {
		struct sigaction action;

		sigaction(ending_signals[i], NULL, &action);
		if (action.sa_handler != on_signal)
			continue;
		action.sa_flags |= SA_RESTART;
		sigaction(ending_signals[i], &action, NULL);
	}
}

void km_live_release_signals(void)
{
	for (size_t i = 0; i < NR_ENDING_SIGNALS; i++) {
		struct sigaction action = { .sa_handler = SIG_DFL }, old;

		sigaction(ending_signals[i], NULL, &old);
		if (old.sa_handler == on_signal)
			sigaction(ending_signals[i], &action, NULL);
	}
}

/* The number that a directory entry is, 0 if none. */
static long entry_number(const struct dirent *entry)
{
	char *end;
	long number = strtol(entry->d_name, &end, 10);

	return *end || number <= 0 || number > INT32_MAX ? 0 : number;
}

/* All threads of a process: events carry the thread's id. It may end meanwhile. */
static struct km_error *add_process(struct km_pids *tasks, long pid)
{
	struct km_error *error = km_pids_add_process(tasks, "", (int32_t)pid);

	if (!error || !km_error_is_of_data(error))
		return error;
	km_error_free(error);
	return km_pids_add(tasks, (int32_t)pid);
}

/* Whether a process can write to the pipe `name` ("pipe:[1234]"). */
static bool holds_writing_end(long pid, const char *name)
{
	char path[320], target[64];
	const struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%ld/fd", pid);
	dir = opendir(path);
	if (!dir)
		return false;
	while (!found && (entry = readdir(dir))) {
		struct stat st;
		ssize_t len;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%ld/fd/%s", pid, entry->d_name);
		len = readlink(path, target, sizeof(target) - 1);
		if (len <= 0)
			continue;
		target[len] = 0;
		/* the link's own mode is that of the open file (proc(5)) */
		found = strcmp(target, name) == 0 && lstat(path, &st) == 0 && (st.st_mode & 0200);
	}
	closedir(dir);
	return found;
}

static struct km_error *add_writers(struct km_pids *tasks, const char *name)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	struct km_error *error = NULL;

	while (dir && !error && (entry = readdir(dir))) {
		long pid = entry_number(entry);

		if (pid && pid != getpid() && holds_writing_end(pid, name))
			error = add_process(tasks, pid);
	}
	if (dir)
		closedir(dir);
	return error;
}

struct km_error *km_live_find_tasks(const char *path, int32_t **ret, size_t *ret_nr)
{
	struct km_pids tasks = { 0 };
	struct km_error *error = km_pids_add(&tasks, getpid());
	char name[64];
	struct stat st;

	if (!error && stat_input(path, &st) && S_ISFIFO(st.st_mode)) {
		snprintf(name, sizeof(name), "pipe:[%llu]", (unsigned long long)st.st_ino);
		error = add_writers(&tasks, name);
	}
	if (error) {
		km_pids_deinit(&tasks);
		return error;
	}
	*ret = tasks.ids;
	*ret_nr = tasks.nr;
	return NULL;
}
