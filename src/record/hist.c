/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Collection by hist triggers: sets them on the events of an instance, and reads their tables.
 *
 * The instance's events are switched off again once they have triggers: an event with a trigger is
 * generated all the same, into a small buffer of the CPU, and goes no further
 * (EVENT_FILE_FL_SOFT_*, kernel/trace/trace.c, trace_event_buffer_lock_reserve(), v6.1). Its filter
 * is passed over by triggers, and goes into theirs; set_event_pid and set_event_notrace_pid hold
 * for them.
 */
#include "kmemstat/hist.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/slurp.h"
#include "record/events.h"
#include "record/hist_plan.h"
#include "record/tracefs.h"

struct hist_event {
	const char *name;  /* "kmem:kmalloc": the instance's */
	int trigger, hist; /* files; -1: not open */
	struct km_hist_plan plan;
};

struct km_hist {
	const char *tracefs; /* the instance's */
	struct hist_event *events;
	size_t nr;
	uint64_t start_ns;
};

bool km_hist_is_supported(const struct km_instance *instance)
{
	char *path;
	bool is_there;

	if (asprintf(&path, "%s/events/kmem/kmalloc/hist", km_instance_path(instance)) < 0)
		return false;
	is_there = access(path, F_OK) == 0;
	free(path);
	return is_there;
}

static enum km_event_kind kind_of(const char *name)
{
	const char *colon = strchr(name, ':');
	enum km_event_kind kind = KM_EV_OTHER;
	char *system;

	if (!colon)
		return kind;
	system = strndup(name, (size_t)(colon - name));
	if (system)
		kind = km_event_kind_of(system, colon + 1);
	free(system);
	return kind;
}

static struct km_error *read_file(const struct km_instance *instance, const char *event,
				  const char *file, char **ret, size_t *ret_size)
{
	char *path = km_events_path(event, file);
	struct km_error *error =
		path ? km_instance_read_file(instance, path, ret, ret_size) : &km_error_memory;

	free(path);
	return error;
}

static struct km_error *open_file(const struct km_instance *instance, const char *event,
				  const char *file, int flags, int *ret)
{
	char *path = km_events_path(event, file);
	struct km_error *error =
		path ? km_instance_open_file(instance, path, flags, ret) : &km_error_memory;

	free(path);
	return error;
}

/* The event's filter as one line; *ret is NULL if it has none ("none"), else malloc'ed. */
static struct km_error *read_filter(const struct km_instance *instance, const char *event,
				    char **ret)
{
	size_t size;
	char *text;
	struct km_error *error = read_file(instance, event, "filter", &text, &size);

	if (error)
		return error;
	text[strcspn(text, "\n")] = '\0';
	if (strcmp(text, "none") == 0 || !*text) {
		free(text);
		text = NULL;
	}
	*ret = text;
	return NULL;
}

static struct km_error *plan_event(const struct km_instance *instance, uint64_t entries,
				   struct hist_event *event)
{
	char *filter, *format = NULL;
	size_t size = 0;
	struct km_error *error = read_filter(instance, event->name, &filter);

	if (error)
		return error;
	error = read_file(instance, event->name, "format", &format, &size);
	if (!error)
		error = km_hist_plan_make(kind_of(event->name), format, size, filter, entries,
					  &event->plan);
	free(filter);
	free(format);
	return error;
}

static int write_all(int fd, const char *text)
{
	const size_t size = strlen(text);
	const ssize_t got = write(fd, text, size);

	if (got < 0)
		return errno;
	return (size_t)got == size ? 0 : EIO;
}

static struct km_error *refusal(const struct km_hist *hist, const struct hist_event *event,
				const char *command, int err)
{
	if (err == ENOMEM)
		return km_error_advise(km_error_create(KM_ERR_INPUT, NULL,
						       "the kernel has no memory for the hist "
						       "trigger of %s",
						       event->name),
				       "give a smaller --hist-size");
	return km_error_advise(km_error_create(KM_ERR_INPUT, NULL,
					       "the kernel does not take the trigger '%s' for %s: "
					       "%s",
					       command, event->name, strerror(err)),
			       "see %s/error_log; without --hist all events are read",
			       hist->tracefs);
}

/* The buffers hold nothing: the least there can be. Where that fails there is more than needed. */
static void shrink_buffers(const struct km_instance *instance)
{
	struct km_error *error;
	int fd;

	error = km_instance_open_file(instance, "buffer_size_kb", O_WRONLY, &fd);
	if (!error) {
		write_all(fd, "4");
		close(fd);
	}
	km_error_free(error);
}

/* Sends a command to all triggers of an event. */
static struct km_error *command_event(const struct km_hist *hist, const struct hist_event *event,
				      const char *what)
{
	struct km_error *error = NULL;

	for (size_t i = 0; !error && i < event->plan.nr; i++) {
		char *command = km_hist_trigger_command(&event->plan.triggers[i], what);
		int err;

		if (!command)
			return &km_error_memory;
		err = write_all(event->trigger, command);
		if (err)
			error = refusal(hist, event, command, err);
		free(command);
	}
	return error;
}

static struct km_error *command_all(const struct km_hist *hist, const char *what)
{
	struct km_error *error = NULL;

	for (size_t i = 0; !error && i < hist->nr; i++)
		error = command_event(hist, &hist->events[i], what);
	return error;
}

static struct km_error *add_event(const struct km_instance *instance, struct km_hist *hist,
				  const char *name, uint64_t entries)
{
	struct hist_event *event = &hist->events[hist->nr++];
	struct km_error *error;
	int enable = -1, err;

	*event = (struct hist_event){ .name = name, .trigger = -1, .hist = -1 };
	error = plan_event(instance, entries, event);
	/* without O_TRUNC, which would remove the triggers that are there */
	if (!error)
		error = open_file(instance, name, "trigger", O_WRONLY | O_APPEND, &event->trigger);
	if (!error)
		error = open_file(instance, name, "hist", O_RDONLY, &event->hist);
	if (!error)
		error = command_event(hist, event, "pause");
	if (!error)
		error = open_file(instance, name, "enable", O_WRONLY, &enable);
	if (error)
		return error;
	err = write_all(enable, "0");
	close(enable);
	return err ? km_tracefs_error("", hist->tracefs, km_instance_path(instance), err,
				      "cannot switch events off")
		   : NULL;
}

static struct km_error *check_options(const struct km_instance *instance,
				      const struct km_hist_options *options)
{
	if (options->entries &&
	    (options->entries < KM_HIST_LEAST_ENTRIES || options->entries > KM_HIST_MOST_ENTRIES))
		return km_error_create(KM_ERR_USAGE, NULL,
				       "a hist trigger has room for %d to %d entries, not for "
				       "%" PRIu64,
				       KM_HIST_LEAST_ENTRIES, KM_HIST_MOST_ENTRIES,
				       options->entries);
	if (!km_hist_is_supported(instance))
		return km_error_advise(km_error_create(KM_ERR_INPUT, NULL,
						       "this kernel has no hist triggers "
						       "(CONFIG_HIST_TRIGGERS is off)"),
				       "leave out --hist: all events are read then");
	return NULL;
}

struct km_error *km_hist_create(const struct km_instance *instance,
				const struct km_hist_options *options, struct km_hist **ret)
{
	const uint64_t entries = options->entries ? options->entries : KM_HIST_ENTRIES;
	struct km_error *error = check_options(instance, options);
	const char *const *names;
	struct km_hist *hist;
	size_t nr;

	if (error)
		return error;
	names = km_instance_events(instance, &nr);
	hist = calloc(1, sizeof(*hist));
	if (!hist || !(hist->events = calloc(nr + 1, sizeof(*hist->events)))) {
		free(hist);
		return &km_error_memory;
	}
	hist->tracefs = km_instance_tracefs(instance);
	/* what the analysis does not know it would only count as such */
	for (size_t i = 0; !error && i < nr; i++)
		if (kind_of(names[i]) != KM_EV_OTHER)
			error = add_event(instance, hist, names[i], entries);
	if (error) {
		km_hist_destroy(hist);
		return error;
	}
	shrink_buffers(instance);
	*ret = hist;
	return NULL;
}

struct km_error *km_hist_start(struct km_hist *hist)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!hist->start_ns)
		hist->start_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	return command_all(hist, "cont");
}

uint64_t km_hist_start_ns(const struct km_hist *hist)
{
	return hist->start_ns;
}

struct km_error *km_hist_stop(struct km_hist *hist)
{
	return command_all(hist, "pause");
}

struct km_error *km_hist_read(struct km_hist *hist, struct km_hist_table *ret)
{
	struct km_error *error = NULL;

	ret->nr = 0;
	ret->dropped = ret->bad_lines = 0;
	for (size_t i = 0; !error && i < hist->nr; i++) {
		struct hist_event *event = &hist->events[i];
		size_t size;
		char *text;
		int err = lseek(event->hist, 0, SEEK_SET) < 0 ? errno : 0;

		if (!err)
			err = km_slurp_fd(event->hist, &text, &size);
		if (err)
			return km_tracefs_error("", hist->tracefs, NULL, err,
						"cannot read the counts of hist triggers");
		error = km_hist_table_add(ret, &event->plan, text, size);
		free(text);
	}
	return error;
}

void km_hist_destroy(struct km_hist *hist)
{
	if (!hist)
		return;
	for (size_t i = 0; i < hist->nr; i++) {
		if (hist->events[i].trigger >= 0)
			close(hist->events[i].trigger);
		if (hist->events[i].hist >= 0)
			close(hist->events[i].hist);
		km_hist_plan_deinit(&hist->events[i].plan);
	}
	free(hist->events);
	free(hist);
}
