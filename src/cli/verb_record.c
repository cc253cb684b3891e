/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kmemstat record: events of the running kernel into a trace.dat. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli/collecting.h"
#include "cli/rights.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "kmemstat/record.h"
#include "kmemstat/out.h"

#define DEFAULT_FILE "trace.dat"
/* A sleep of poll(): of longer durations it takes several. */
#define MOST_POLL_MS 3600000

struct record {
	const struct km_options *options;
	const char *path;
	struct km_command command;
	struct km_instance *instance;
	struct km_recorder *recorder;
	int signal_fd;
	struct km_recorded recorded;
	struct km_error *failure; /* what ended the recording before its time, or NULL */
};

/*
 * Signals that end the recording are taken from a descriptor; until the file is written none
 * interrupts. A SIGHUP that is ignored (nohup) stays so; not SIGINT, which a shell's script has all
 * it starts with & ignore (POSIX.1-2017, Shell Command Language, 2.11), and which is how to end it.
 */
static struct km_error *take_signals(struct record *record)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action;
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (signals[i] != SIGHUP ||
		    (sigaction(SIGHUP, NULL, &action) == 0 && action.sa_handler != SIG_IGN))
			sigaddset(&set, signals[i]);
	record->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (record->signal_fd < 0)
		return km_error_os(KM_ERR_INPUT, NULL, errno, "cannot take signals");
	sigprocmask(SIG_BLOCK, &set, NULL);
	return NULL;
}

static struct km_error *open_recorder(struct record *record)
{
	struct km_recorder_options recorder_options = {
		.path = record->path,
		.is_compressed = record->options->compress,
	};
	/* the file gets its name at the end: its default one, too */
	struct km_options files = *record->options;
	/* before the instance: it is not one of our own processes, and none of its signals is
	 * blocked */
	struct km_error *error = km_command_fork(record->options->command, &record->command);

	files.output = record->path;
	recorder_options.has_owner =
		km_rights_find_user(&files, &recorder_options.uid, &recorder_options.gid);
	if (!error)
		error = take_signals(record);
	if (!error)
		error = km_collecting_create(record->options, &record->command, &record->instance);
	if (!error)
		error = km_recorder_create(record->instance, &recorder_options, &record->recorder);
	return error ? error : km_rights_drop(&files, record->instance);
}

/* Milliseconds until `end`, for poll(). */
static int ms_until(double end)
{
	const double left = (end - km_now()) * 1000;

	if (left <= 0)
		return 0;
	return left < MOST_POLL_MS ? (int)left + 1 : MOST_POLL_MS;
}

/* Waits for whatever comes first: a signal, the command's end, the time, or that it cannot go on.
 */
static void wait_for_end(const struct record *record)
{
	const uint64_t duration = record->options->duration_ns;
	const double end = km_now() + (double)duration / 1e9;
	struct pollfd fds[] = {
		{ .fd = record->signal_fd, .events = POLLIN },
		{ .fd = km_recorder_failure_fd(record->recorder), .events = POLLIN },
		{ .fd = record->command.end_fd, .events = POLLIN },
	};

	for (;;) {
		const int ms = duration ? ms_until(end) : -1;
		const int got = poll(fds, sizeof(fds) / sizeof(fds[0]), ms);

		if (got > 0 || (got < 0 && errno != EINTR))
			return;
		if (duration && km_now() >= end)
			return;
	}
}

/* Losses, and what there is to do about them. */
static void say_losses(const struct record *record)
{
	const struct km_recorded *recorded = &record->recorded;
	char lost[KM_GROUPED_SIZE];

	if (!recorded->lost)
		return;
	km_say("%s events were lost: %" PRIu64
	       " KiB of buffer for each CPU were too little; with --buffer-size %" PRIu64
	       " none would have been, or record less: see --events, --filter, --pid",
	       km_grouped(recorded->lost, lost), km_instance_buffer_kib(record->instance),
	       recorded->sufficient_kib);
}

static void say_result(const struct record *record)
{
	const struct km_recorded *recorded = &record->recorded;
	char events[KM_GROUPED_SIZE], size[KM_HUMAN_SIZE];

	if (record->options->quiet)
		return;
	km_say("%s: %s event%s of %" PRIu32 " CPU%s, %s", record->path,
	       km_grouped(recorded->events, events), recorded->events == 1 ? "" : "s",
	       recorded->nr_cpus, recorded->nr_cpus == 1 ? "" : "s",
	       km_human_bytes(recorded->file_bytes, size));
	say_losses(record);
}

/* Records, and writes the file. */
static struct km_error *run(struct record *record)
{
	struct km_error *error = km_recorder_start(record->recorder);

	if (!error)
		error = km_command_start(&record->command);
	if (error)
		return error;
	wait_for_end(record);
	error = km_recorder_finish(record->recorder, &record->recorded, &record->failure);
	if (error)
		return error;
	say_result(record);
	if (!record->failure)
		return NULL;
	error = record->failure;
	record->failure = NULL;
	return km_error_advise(error, "the recording ended there; %s holds what came before",
			       record->path);
}

static void deinit(struct record *record)
{
	km_recorder_destroy(record->recorder);
	km_instance_destroy(record->instance);
	km_command_deinit(&record->command);
	if (record->signal_fd >= 0)
		close(record->signal_fd);
	km_error_free(record->failure);
}

struct km_error *km_verb_record_run(const struct km_options *options, enum km_exit *ret_status)
{
	struct record record = {
		.options = options,
		.path = options->output ? options->output : DEFAULT_FILE,
		.command = { .end_fd = -1, .go = -1, .error = -1 },
		.signal_fd = -1,
	};
	struct km_error *error = open_recorder(&record);

	if (!error)
		error = run(&record);
	/* the command's own, whatever it means */
	if (!error)
		*ret_status = (enum km_exit)km_command_finish(&record.command);
	deinit(&record);
	return error;
}
