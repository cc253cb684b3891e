/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of tasks. The kernel's are of threads: each has to be named (/proc/PID/task). */
#include "record/pids.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/memstream.h"

void km_pids_deinit(struct km_pids *tasks)
{
	free(tasks->ids);
	*tasks = (struct km_pids){ 0 };
}

struct km_error *km_pids_add(struct km_pids *tasks, int32_t id)
{
	int32_t *more = reallocarray(tasks->ids, tasks->nr + 1, sizeof(*more));

	if (!more)
		return &km_error_memory;
	more[tasks->nr++] = id;
	tasks->ids = more;
	return NULL;
}

struct km_error *km_pids_add_process(struct km_pids *tasks, const char *root, int32_t pid)
{
	struct km_error *error = NULL;
	char path[4096];
	DIR *dir;

	snprintf(path, sizeof(path), "%s/proc/%" PRId32 "/task", root, pid);
	dir = opendir(path);
	if (!dir && (errno == ENOENT || errno == ESRCH))
		return km_error_advise(
			km_error_create(KM_ERR_INPUT, NULL, "there is no task %" PRId32, pid),
			"see ps -e");
	if (!dir)
		return km_pids_add(tasks, pid);
	for (struct dirent *entry; !error && (entry = readdir(dir));)
		if (entry->d_name[0] != '.')
			error = km_pids_add(tasks, (int32_t)strtol(entry->d_name, NULL, 10));
	closedir(dir);
	return error;
}

char *km_pids_list(const struct km_pids *tasks)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (size_t i = 0; i < tasks->nr; i++)
		fprintf(out, "%s%" PRId32, i ? " " : "", tasks->ids[i]);
	km_memstream_close(out, &text);
	return text;
}

char *km_pids_filter_out(const struct km_pids *tasks, const char *filter)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if (filter)
		fprintf(out, "(%s)", filter);
	for (size_t i = 0; i < tasks->nr; i++)
		fprintf(out, "%scommon_pid != %" PRId32, i || filter ? " && " : "", tasks->ids[i]);
	km_memstream_close(out, &text);
	return text;
}

bool km_pids_are_of_kernel(void)
{
	enum { FIRST_NAMESPACE = (int)0xeffffffcU }; /* PROC_PID_INIT_INO, linux/proc_ns.h */
	struct stat status;

	return stat("/proc/self/ns/pid", &status) < 0 ||
	       status.st_ino == (ino_t)(unsigned int)FIRST_NAMESPACE;
}
