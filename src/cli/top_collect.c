/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The thread of top that reads events and makes frames. */
#include "cli/top.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "cli/collecting.h"
#include "cli/live.h"
#include "cli/rights.h"

/*
 * What a report stands on, taken away from the reading thread: what its source may change while it
 * reads on is copied.
 */
struct snapshot {
	struct km_session *session; /* `own`, or that of the collector at its end */
	struct km_session own;
	struct km_input_info info;
	struct km_stream_info *streams;
	struct km_format_info *formats;
	char *detail;
};

static void snapshot_destroy(void *arg)
{
	struct snapshot *snapshot = arg;

	km_session_deinit(&snapshot->own);
	free(snapshot->streams);
	free(snapshot->formats);
	free(snapshot->detail);
	free(snapshot);
}

struct km_session *km_collector_session_of(const struct km_top_frame *frame)
{
	const struct snapshot *snapshot = frame->owned;

	return snapshot ? snapshot->session : NULL;
}

/* Copies what the report has of its source. */
static struct km_error *copy_input(struct snapshot *snapshot, const struct km_input_info *info)
{
	struct km_report *report = snapshot->own.report;

	snapshot->info = *info;
	snapshot->streams = calloc(report->nr_streams + 1, sizeof(*snapshot->streams));
	snapshot->formats = calloc(report->nr_events + 1, sizeof(*snapshot->formats));
	if (info->detail)
		snapshot->detail = strdup(info->detail);
	if (!snapshot->streams || !snapshot->formats || (info->detail && !snapshot->detail))
		return &km_error_memory;
	for (size_t i = 0; i < report->nr_streams; i++) {
		snapshot->streams[i] = *report->streams[i].info;
		report->streams[i].info = &snapshot->streams[i];
	}
	for (size_t i = 0; i < report->nr_events; i++) {
		snapshot->formats[i] = *report->events[i].format;
		report->events[i].format = &snapshot->formats[i];
	}
	snapshot->info.streams = snapshot->streams;
	snapshot->info.nr_streams = report->nr_streams;
	snapshot->info.detail = snapshot->detail;
	report->input = &snapshot->info;
	return NULL;
}

/* Takes a session over that lives for one report only. */
static struct km_error *snapshot_take(struct km_session *session, struct snapshot **ret)
{
	const struct km_input_info *info = km_source_info(session->source);
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
	struct km_error *error;

	if (!snapshot)
		return &km_error_memory;
	snapshot->session = &snapshot->own;
	snapshot->own = *session;
	*session = (struct km_session){ .options = session->options };
	km_session_lend_symbols(&snapshot->own, session);
	/* of the table of symbols both have a hold */
	snapshot->own.symtab = session->symtab ? km_symtab_hold(session->symtab) : NULL;
	/* all this is the reading session's */
	snapshot->own.source = NULL;
	snapshot->own.life = NULL;
	snapshot->own.stop = NULL;
	snapshot->own.layers = (struct km_layers){ 0 };
	snapshot->own.suppressions = (struct km_suppressions){ 0 };
	if (snapshot->own.report->lives)
		snapshot->own.report->lives = &snapshot->own.lives;
	error = copy_input(snapshot, info);
	if (error) {
		snapshot_destroy(snapshot);
		return error;
	}
	*ret = snapshot;
	return NULL;
}

static void wake_up(const struct km_collector *collector)
{
	const uint64_t one = 1;

	/* if it is full it is awake */
	if (write(collector->wake, &one, sizeof(one)) < 0)
		return;
}

/* Sleeps until it is `at_s` of the replay, or the end. */
static void pace(const struct km_collector *collector, double at_s)
{
	const double speed = collector->options.has_speed ? collector->options.speed : 1;

	while (collector->is_paced && !collector->stop) {
		const double left = collector->start_s + at_s / speed - km_now();
		const struct timespec nap = {
			.tv_nsec = left < 0.02 ? (long)(left * 1e9) : 20000000,
		};

		if (left <= 0)
			return;
		nanosleep(&nap, NULL);
	}
}

/* How full the fullest buffer of the kernel is. */
static void measure_buffers(const struct km_collector *collector, struct km_top_moment *ret)
{
	const struct km_instance *instance = collector->instance;
	const double room = 1024.0 * (double)(instance ? km_instance_buffer_kib(instance) : 0);

	for (uint32_t cpu = 0; instance && cpu < km_instance_nr_cpus(instance); cpu++) {
		struct km_instance_stats stats;
		struct km_error *error = km_instance_cpu_stats(instance, cpu, &stats);
		double percent;

		if (error) {
			km_error_free(error);
			continue;
		}
		percent = room > 0 ? 100.0 * (double)stats.bytes / room : 0.0;
		ret->has_buffer = true;
		if (percent > ret->buffer_percent)
			ret->buffer_percent = percent < 100 ? percent : 100;
	}
}

/* What this process has taken since the frame before. */
static void measure_cpu(struct km_collector *collector, struct km_top_moment *ret)
{
	const double now = km_now();
	struct rusage usage;
	double cpu_s;

	if (getrusage(RUSAGE_SELF, &usage))
		return;
	cpu_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	if (collector->clock_s > 0 && now > collector->clock_s) {
		ret->has_cpu = true;
		ret->cpu_percent = 100 * (cpu_s - collector->cpu_s) / (now - collector->clock_s);
	}
	collector->cpu_s = cpu_s;
	collector->clock_s = now;
}

/*
 * When the frame of a report is. The last stretch of a recording is shorter than the others; as if
 * it were at least a tenth of one, so that a handful of events makes no rate.
 */
static struct km_top_moment moment_of(const struct km_collector *collector,
				      const struct km_session *session, bool is_end)
{
	const double interval_s = collector->options.interval_s;
	const double before_s = collector->before ? collector->before->moment.at_s : 0;
	struct km_top_moment moment = { .is_end = is_end };

	/* from the first event that is shown: a trace may have others before it */
	if (collector->is_replay) {
		const uint64_t first_ns =
			collector->before ? collector->first_ns : session->report->first_ns;
		const uint64_t at_ns = is_end ? session->report->last_ns : session->interval_at_ns;

		moment.at_s = at_ns > first_ns ? (double)(at_ns - first_ns) / 1e9 : 0;
	} else {
		moment.at_s = km_now() - collector->start_s;
	}
	moment.period_s = moment.at_s - before_s;
	if (moment.period_s < interval_s / 10)
		moment.period_s = interval_s / 10;
	return moment;
}

static void publish(struct km_collector *collector, struct km_top_frame *frame)
{
	struct km_top_frame *old;

	pthread_mutex_lock(&collector->lock);
	old = collector->latest;
	collector->latest = km_top_frame_hold(frame);
	pthread_mutex_unlock(&collector->lock);
	km_top_frame_release(old);
	wake_up(collector);
}

/* Makes the frame of a session's report, and hands it over. */
static struct km_error *make_frame(struct km_collector *collector, struct km_session *session,
				   bool is_end)
{
	struct km_top_moment moment = moment_of(collector, session, is_end);
	const uint64_t first_ns = session->report->first_ns;
	struct snapshot *snapshot = NULL;
	struct km_top_frame *frame;
	struct km_error *error;

	pace(collector, moment.at_s);
	if (!collector->is_replay) {
		measure_buffers(collector, &moment);
		measure_cpu(collector, &moment);
	}
	pthread_mutex_lock(&collector->lock);
	moment.marks_base = collector->marks_base;
	collector->marks_base = false;
	pthread_mutex_unlock(&collector->lock);
	error = km_top_frame_create(session->report, collector->before, &moment, &frame);
	if (error)
		return error;
	if (is_end) {
		snapshot = calloc(1, sizeof(*snapshot));
		if (snapshot)
			snapshot->session = session;
		else
			error = &km_error_memory;
	} else {
		error = snapshot_take(session, &snapshot);
	}
	if (error) {
		km_top_frame_release(frame);
		return error;
	}
	frame->owned = snapshot;
	frame->disown = snapshot_destroy;
	if (!collector->before)
		collector->first_ns = first_ns;
	km_top_frame_release(collector->before);
	collector->before = frame;
	if (++collector->nr_frames == collector->options.frames)
		collector->stop = true;
	publish(collector, frame);
	return collector->on_frame ? collector->on_frame(collector->frame_arg, frame) : NULL;
}

static struct km_error *show_interval(struct km_session *session)
{
	struct km_collector *collector = session->show_arg;

	return collector->stop ? NULL : make_frame(collector, session, false);
}

static void do_nothing(int signal_number)
{
}

/* Readable after --duration. */
static struct km_error *start_timer(const struct km_collector *collector)
{
	const uint64_t ns = collector->options.duration_ns;
	const struct itimerspec time = { .it_value = { .tv_sec = (time_t)(ns / 1000000000),
						       .tv_nsec = (long)(ns % 1000000000) } };

	if (collector->timer < 0 || timerfd_settime(collector->timer, 0, &time, NULL) == 0)
		return NULL;
	return km_error_os(KM_ERR_INPUT, NULL, errno, "cannot set a timer");
}

static struct km_error *open_source(struct km_collector *collector, struct km_source **ret)
{
	struct km_source_options options = { .stop = &collector->stop };

	if (collector->options.duration_ns) {
		collector->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
		if (collector->timer < 0)
			return km_error_os(KM_ERR_INPUT, NULL, errno, "cannot make a timer");
		options.end_fds = &collector->timer;
		options.nr_end_fds = 1;
	}
	return km_collecting_open(&collector->options, collector->instance, &options,
				  (double)collector->options.interval_s, &collector->collecting,
				  ret);
}

/* Makes an instance of the running kernel, and gives rights up that nothing needs any more. */
static struct km_error *open_kernel(struct km_collector *collector)
{
	struct km_options *options = &collector->options;
	const struct km_command none = { .end_fd = -1, .go = -1, .error = -1 };
	struct km_source *source;
	struct km_error *error = km_collecting_create(options, &none, &collector->instance);

	if (error)
		return error;
	/* without frees there is nothing to pair */
	options->no_pairing |= !km_instance_has_event(collector->instance, "kmem:kfree") ||
			       !km_instance_has_event(collector->instance, "kmem:kmem_cache_free");
	/* the kernel has filtered, and children of these tasks pass */
	options->filter.pids = NULL;
	options->input = km_instance_tracefs(collector->instance);
	error = open_source(collector, &source);
	if (error)
		return error;
	error = km_rights_drop(options, collector->instance);
	if (error) {
		km_source_close(source);
		return error;
	}
	error = km_session_begin_live(options, source, &collector->stop, &collector->session);
	collector->session.keeps_signals = true;
	return error;
}

struct km_error *km_collector_init(struct km_collector *collector, const struct km_options *options)
{
	/* it gets the reading thread out of a read that waits */
	struct sigaction action = { .sa_handler = do_nothing };
	struct km_error *error;

	*collector = (struct km_collector){
		.options = *options,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
		.timer = -1,
		.is_replay = options->input && !km_live_is_stream(options->input),
	};
	if (collector->wake < 0)
		return &km_error_memory;
	sigaction(SIGUSR1, &action, NULL);
	error = options->input ? km_session_open_stoppable(&collector->options, &collector->stop,
							   &collector->session)
			       : open_kernel(collector);
	if (error)
		return error;
	collector->session.show_interval = show_interval;
	collector->session.show_arg = collector;
	if (collector->is_replay)
		collector->session.interval_ns = (uint64_t)(options->interval_s * 1e9);
	return NULL;
}

struct km_error *km_collector_run(struct km_collector *collector)
{
	struct km_session *session = &collector->session;
	const struct km_input_info *info = km_source_info(session->source);
	struct km_error *error = NULL;

	/* that takes half a second, in which the buffers would fill */
	if (collector->instance)
		error = km_session_load_symbols(session);
	collector->start_s = km_now();
	if (!error && collector->instance)
		error = km_collecting_start(&collector->collecting);
	if (!error)
		error = start_timer(collector);
	if (!error)
		error = km_session_build(session);
	if (error || collector->stop)
		return error;
	if (!collector->instance)
		error = km_check_usable(collector->options.input, &session->report->quality,
					info->nr_instances > 1);
	return error ? error : make_frame(collector, session, true);
}

static void *run_thread(void *arg)
{
	struct km_collector *collector = arg;
	struct km_error *error = km_collector_run(collector);

	pthread_mutex_lock(&collector->lock);
	collector->error = error;
	collector->has_ended = true;
	pthread_mutex_unlock(&collector->lock);
	wake_up(collector);
	return NULL;
}

struct km_error *km_collector_start(struct km_collector *collector)
{
	/* signals are for the thread that has the terminal */
	sigset_t all, before;

	sigfillset(&all);
	sigdelset(&all, SIGUSR1);
	sigdelset(&all, SIGBUS);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	collector->has_thread =
		pthread_create(&collector->thread, NULL, run_thread, collector) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return collector->has_thread ? NULL : &km_error_memory;
}

struct km_top_frame *km_collector_latest(struct km_collector *collector)
{
	struct km_top_frame *frame;

	pthread_mutex_lock(&collector->lock);
	frame = collector->latest ? km_top_frame_hold(collector->latest) : NULL;
	pthread_mutex_unlock(&collector->lock);
	return frame;
}

void km_collector_stop(struct km_collector *collector)
{
	collector->stop = true;
	while (collector->has_thread) {
		struct timespec until;

		pthread_kill(collector->thread, SIGUSR1);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 10000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		if (pthread_timedjoin_np(collector->thread, NULL, &until) == 0)
			collector->has_thread = false;
	}
}

void km_collector_deinit(struct km_collector *collector)
{
	km_collector_stop(collector);
	km_top_frame_release(collector->latest);
	km_top_frame_release(collector->before);
	km_session_deinit(&collector->session);
	km_instance_destroy(collector->instance);
	km_error_free(collector->error);
	if (collector->timer >= 0)
		close(collector->timer);
	if (collector->wake >= 0)
		close(collector->wake);
}
