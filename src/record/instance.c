/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tracefs instances: a directory that is made below instances/ is a buffer of its own, with
 *	tracing_on trace_clock buffer_size_kb set_event_pid set_event_notrace_pid
 *	options/OPTION events/SYSTEM/EVENT/{enable,filter,trigger}
 *per_cpu/cpuN/{stats,trace_pipe_raw} (Documentation/trace/ftrace.rst). It comes with tracing_on 1
 *and no event.
 */
#include "kmemstat/instance.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/cpu_stats.h"
#include "record/events.h"
#include "record/guardian.h"
#include "record/pids.h"
#include "record/tracefs.h"

struct km_instance {
	char *tracefs, *path;
	struct km_guardian guardian;
	int lock;       /* of its directory: whose it is; -1: none */
	int tracing_on; /* -1: not open */
	int *stats;     /* per_cpu/cpuN/stats of each CPU, -1: there is none */
	uint32_t nr_cpus;
	uint64_t buffer_kib;
	struct km_event_names events, left_out;
};

/* Under the lock of `instances`, so that nobody takes the new one for a leftover. */
static struct km_error *make_directory(struct km_instance *instance, const char *instances)
{
	struct km_error *error;

	for (unsigned int i = 0;; i++) {
		if (asprintf(&instance->path, "%s/kmemstat-%d-%u", instances, (int)getpid(), i) <
		    0) {
			instance->path = NULL;
			return &km_error_memory;
		}
		if (access(instance->path, F_OK) < 0)
			break;
		free(instance->path);
	}
	/* before there is anything to remove: whoever kills us in between leaves nothing */
	error = km_guardian_start(instance->path, &instance->guardian);
	if (error)
		return error;
	if (mkdir(instance->path, 0750) < 0)
		return km_tracefs_error("", instance->tracefs, instance->path, errno,
					"cannot make an instance");
	instance->lock = km_guardian_lock(instance->path, false);
	if (instance->lock < 0)
		return km_tracefs_error("", instance->tracefs, instance->path, -instance->lock,
					"cannot lock");
	return NULL;
}

static struct km_error *make(struct km_instance *instance)
{
	struct km_error *error = km_tracefs_find("", &instance->tracefs);
	char *instances;
	int lock;

	if (error)
		return error;
	if (asprintf(&instances, "%s/instances", instance->tracefs) < 0)
		return &km_error_memory;
	lock = km_guardian_lock(instances, true);
	if (lock < 0) {
		error = km_tracefs_error("", instance->tracefs, instances, -lock, "cannot open");
	} else {
		km_guardian_remove_leftovers(instances);
		error = make_directory(instance, instances);
		close(lock);
	}
	free(instances);
	return error;
}

static struct km_error *write_file(const struct km_instance *instance, const char *name,
				   const char *text)
{
	return km_tracefs_write(instance->tracefs, instance->path, name, text);
}

static struct km_error *set_clock(const struct km_instance *instance, const char *clock)
{
	int err = km_tracefs_try_write(instance->path, "trace_clock", clock);

	if (err == EINVAL)
		return km_error_advise(km_error_create(KM_ERR_USAGE, NULL,
						       "this kernel has no trace clock '%s'",
						       clock),
				       "see %s/trace_clock", instance->tracefs);
	return err ? write_file(instance, "trace_clock", clock) : NULL;
}

/* What the kernel made of it: it rounds up to whole pages. */
static struct km_error *set_buffer_size(struct km_instance *instance, uint64_t kib)
{
	struct km_error *error;
	char number[24], *text;
	size_t size;
	int err;

	snprintf(number, sizeof(number), "%" PRIu64, kib);
	err = km_tracefs_try_write(instance->path, "buffer_size_kb", number);
	if (err == ENOMEM || err == EINVAL || err == ERANGE)
		return km_error_advise(km_error_create(KM_ERR_INPUT, NULL,
						       "the kernel has no memory for buffers of "
						       "%" PRIu64 " KiB for each of %" PRIu32
						       " CPUs",
						       kib, instance->nr_cpus),
				       "give a smaller --buffer-size");
	if (err)
		return write_file(instance, "buffer_size_kb", number);
	error = km_instance_read_file(instance, "buffer_size_kb", &text, &size);
	if (error)
		return error;
	instance->buffer_kib = strtoull(text, NULL, 10);
	free(text);
	if (!instance->buffer_kib)
		instance->buffer_kib = kib;
	return NULL;
}

/* per_cpu has a directory for each CPU that may ever be there. */
static struct km_error *count_cpus(struct km_instance *instance)
{
	char *path;
	DIR *dir;

	if (asprintf(&path, "%s/per_cpu", instance->path) < 0)
		return &km_error_memory;
	dir = opendir(path);
	if (!dir) {
		const int err = errno;
		struct km_error *error =
			km_tracefs_error("", instance->tracefs, path, err, "cannot open");

		free(path);
		return error;
	}
	free(path);
	for (struct dirent *entry; (entry = readdir(dir));) {
		uint32_t cpu;

		if (sscanf(entry->d_name, "cpu%" SCNu32, &cpu) == 1 && cpu < 65536 &&
		    cpu >= instance->nr_cpus)
			instance->nr_cpus = cpu + 1;
	}
	closedir(dir);
	return NULL;
}

/* Files that are needed after rights are given up. */
static struct km_error *open_files(struct km_instance *instance)
{
	struct km_error *error =
		km_instance_open_file(instance, "tracing_on", O_WRONLY, &instance->tracing_on);

	instance->stats = malloc(instance->nr_cpus * sizeof(*instance->stats) + 1);
	if (!instance->stats) {
		km_error_free(error);
		return &km_error_memory;
	}
	for (uint32_t cpu = 0; cpu < instance->nr_cpus; cpu++)
		instance->stats[cpu] = -1;
	for (uint32_t cpu = 0; !error && cpu < instance->nr_cpus; cpu++) {
		char name[48];

		snprintf(name, sizeof(name), "per_cpu/cpu%" PRIu32 "/stats", cpu);
		error = km_instance_open_file(instance, name, O_RDONLY, &instance->stats[cpu]);
	}
	return error;
}

static struct km_error *choose_events(struct km_instance *instance, const char *globs)
{
	struct km_error *error;
	char *available;
	size_t size;

	error = km_tracefs_read(instance->tracefs, instance->tracefs, "available_events",
				&available, &size);
	if (error)
		return error;
	error = km_events_choose(available, globs, &instance->events);
	free(available);
	return error;
}

static struct km_error *set_filters(struct km_instance *instance, const char *filter)
{
	struct km_event_names *events = &instance->events;
	struct km_error *error = NULL;
	size_t kept = 0;

	for (size_t i = 0; !error && i < events->nr; i++) {
		bool has_fields = false;

		error = km_events_filter(instance->tracefs, instance->path, events->names[i],
					 filter, &has_fields);
		if (!error && !has_fields)
			error = km_event_names_add(&instance->left_out, events->names[i]);
		if (error || has_fields) {
			char *name = events->names[i];

			events->names[i] = events->names[kept];
			events->names[kept++] = name;
		}
	}
	if (error)
		return error;
	for (size_t i = kept; i < events->nr; i++)
		free(events->names[i]);
	events->nr = kept;
	return kept ? NULL
		    : km_error_advise(
			      km_error_create(KM_ERR_USAGE, NULL,
					      "no event has the fields of the filter '%s'", filter),
			      "the fields are in %s/events/kmem/kmalloc/format", instance->tracefs);
}

static struct km_error *list_own_tasks(const struct km_instance *instance,
				       const struct km_instance_options *options,
				       struct km_pids *ret)
{
	struct km_error *error = km_pids_add_process(ret, "", (int32_t)getpid());

	if (!error)
		error = km_pids_add(ret, (int32_t)instance->guardian.pid);
	for (size_t i = 0; !error && i < options->nr_not_pids; i++)
		error = km_pids_add(ret, options->not_pids[i]);
	return error;
}

/*
 * Leaves our own events out. With event-fork what a task forks is put into the lists that the task
 * is in, set_event_notrace_pid (Linux 5.7) like set_event_pid (kernel/trace/trace_events.c,
 * event_filter_pid_sched_process_fork()), so that later threads need no care. Older kernels have a
 * filter instead, returned in *ret_filter (malloc'ed).
 */
static struct km_error *leave_out_own(const struct km_instance *instance,
				      const struct km_instance_options *options, char **ret_filter)
{
	struct km_pids tasks = { 0 };
	struct km_error *error = list_own_tasks(instance, options, &tasks);
	char *text = NULL;
	int err;

	if (!error && !(text = km_pids_list(&tasks)))
		error = &km_error_memory;
	if (!error) {
		err = km_tracefs_try_write(instance->path, "set_event_notrace_pid", text);
		if (err == ENOENT) {
			*ret_filter = km_pids_filter_out(&tasks, options->filter);
			error = *ret_filter ? NULL : &km_error_memory;
		} else if (err) {
			error = write_file(instance, "set_event_notrace_pid", text);
		}
	}
	free(text);
	km_pids_deinit(&tasks);
	return error;
}

static struct km_error *set_pids(const struct km_instance *instance,
				 const struct km_instance_options *options)
{
	struct km_pids tasks = { 0 };
	struct km_error *error = NULL;
	char *text = NULL;

	if (!options->nr_pids)
		return NULL;
	if (!km_pids_are_of_kernel())
		return km_error_advise(km_error_create(KM_ERR_USAGE, NULL,
						       "PIDs of a container mean other tasks to "
						       "the kernel"),
				       "run it outside of the container, or with its PIDs (docker "
				       "run --pid=host)");
	for (size_t i = 0; !error && i < options->nr_pids; i++)
		error = km_pids_add_process(&tasks, "", options->pids[i]);
	if (!error && !(text = km_pids_list(&tasks)))
		error = &km_error_memory;
	if (!error)
		error = write_file(instance, "set_event_pid", text);
	free(text);
	km_pids_deinit(&tasks);
	return error;
}

static struct km_error *enable_events(const struct km_instance *instance)
{
	struct km_error *error = NULL;

	for (size_t i = 0; !error && i < instance->events.nr; i++) {
		char *path = km_events_path(instance->events.names[i], "enable");

		error = path ? write_file(instance, path, "1") : &km_error_memory;
		free(path);
	}
	return error;
}

static struct km_error *set_tasks_and_events(struct km_instance *instance,
					     const struct km_instance_options *options)
{
	char *own_filter = NULL;
	const char *filter;
	struct km_error *error = write_file(instance, "options/event-fork", "1");

	if (!error && km_pids_are_of_kernel())
		error = leave_out_own(instance, options, &own_filter);
	if (!error)
		error = set_pids(instance, options);
	if (!error)
		error = choose_events(instance, options->events);
	filter = own_filter ? own_filter : options->filter;
	if (!error && filter)
		error = set_filters(instance, filter);
	free(own_filter);
	return error ? error : enable_events(instance);
}

static struct km_error *set_up(struct km_instance *instance,
			       const struct km_instance_options *options)
{
	const uint64_t kib = options->buffer_kib ? options->buffer_kib : KM_INSTANCE_BUFFER_KIB;
	struct km_error *error = count_cpus(instance);

	if (!error)
		error = open_files(instance);
	if (!error)
		error = km_instance_stop(instance);
	if (!error)
		error = set_clock(instance, options->clock ? options->clock : "mono");
	if (!error)
		error = set_buffer_size(instance, kib);
	/* inherited from the top-level buffer, where anything may be set */
	if (!error)
		error = write_file(instance, "options/overwrite", "1");
	if (!error)
		error = write_file(instance, "options/stacktrace", options->stacks ? "1" : "0");
	return error ? error : set_tasks_and_events(instance, options);
}

struct km_error *km_instance_create(const struct km_instance_options *options,
				    struct km_instance **ret)
{
	struct km_instance *instance = calloc(1, sizeof(*instance));
	struct km_error *error;

	if (!instance)
		return &km_error_memory;
	instance->lock = instance->tracing_on = -1;
	error = make(instance);
	if (!error)
		error = set_up(instance, options);
	if (error)
		km_instance_destroy(instance);
	else
		*ret = instance;
	return error;
}

static struct km_error *switch_on(struct km_instance *instance, const char *text)
{
	if (pwrite(instance->tracing_on, text, 1, 0) == 1)
		return NULL;
	return km_tracefs_error("", instance->tracefs, instance->path, errno,
				"cannot switch recording on or off");
}

struct km_error *km_instance_start(struct km_instance *instance)
{
	return switch_on(instance, "1");
}

struct km_error *km_instance_stop(struct km_instance *instance)
{
	return switch_on(instance, "0");
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* The guardian's work, if it is not there any more. */
static void remove_ourselves(const struct km_instance *instance)
{
	char *tracing_on;

	if (!instance->path || asprintf(&tracing_on, "%s/tracing_on", instance->path) < 0)
		return;
	km_guardian_remove(instance->path, tracing_on, 100);
	free(tracing_on);
}

void km_instance_destroy(struct km_instance *instance)
{
	if (!instance)
		return;
	if (instance->tracing_on >= 0)
		km_error_free(km_instance_stop(instance));
	close_if_open(instance->tracing_on);
	for (uint32_t cpu = 0; instance->stats && cpu < instance->nr_cpus; cpu++)
		close_if_open(instance->stats[cpu]);
	if (!km_guardian_finish(&instance->guardian))
		remove_ourselves(instance);
	close_if_open(instance->lock);
	km_event_names_deinit(&instance->events);
	km_event_names_deinit(&instance->left_out);
	free(instance->stats);
	free(instance->path);
	free(instance->tracefs);
	free(instance);
}

const char *km_instance_tracefs(const struct km_instance *instance)
{
	return instance->tracefs;
}

const char *km_instance_path(const struct km_instance *instance)
{
	return instance->path;
}

uint32_t km_instance_nr_cpus(const struct km_instance *instance)
{
	return instance->nr_cpus;
}

uint64_t km_instance_buffer_kib(const struct km_instance *instance)
{
	return instance->buffer_kib;
}

const char *const *km_instance_events(const struct km_instance *instance, size_t *ret_nr)
{
	*ret_nr = instance->events.nr;
	return (const char *const *)instance->events.names;
}

const char *const *km_instance_left_out(const struct km_instance *instance, size_t *ret_nr)
{
	*ret_nr = instance->left_out.nr;
	return (const char *const *)instance->left_out.names;
}

bool km_instance_has_event(const struct km_instance *instance, const char *name)
{
	for (size_t i = 0; i < instance->events.nr; i++)
		if (strcmp(instance->events.names[i], name) == 0)
			return true;
	return false;
}

struct km_error *km_instance_open_file(const struct km_instance *instance, const char *name,
				       int flags, int *ret)
{
	return km_tracefs_open(instance->tracefs, instance->path, name, flags, ret);
}

struct km_error *km_instance_read_file(const struct km_instance *instance, const char *name,
				       char **ret, size_t *ret_size)
{
	return km_tracefs_read(instance->tracefs, instance->path, name, ret, ret_size);
}

struct km_error *km_instance_cpu_stats(const struct km_instance *instance, uint32_t cpu,
				       struct km_instance_stats *ret)
{
	char text[1024];
	ssize_t got;

	/* each read at 0 is made anew: kernel/trace/trace.c, tracing_stats_read() */
	got = pread(instance->stats[cpu], text, sizeof(text) - 1, 0);
	if (got < 0)
		return km_tracefs_error("", instance->tracefs, instance->path, errno,
					"cannot read per_cpu/cpuN/stats");
	text[got] = '\0';
	*ret = km_cpu_stats_parse(text);
	return NULL;
}
