/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kmemstat live: what stat shows, of the running kernel. */
#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "cli/collecting.h"
#include "cli/live.h"
#include "cli/reports.h"
#include "cli/rights.h"
#include "cli/verb_stat.h"

/* What is there while events come. */
struct living {
	struct km_options options; /* the user's, settled */
	struct km_command command;
	struct km_instance *instance;
	struct km_collecting collecting;
	struct km_source *source;
	int timer; /* -1: none */
	struct km_session session;
	bool has_session;
};

/* Readable after --duration. */
static struct km_error *start_timer(struct living *living)
{
	const uint64_t ns = living->options.duration_ns;
	const struct itimerspec time = { .it_value = { .tv_sec = (time_t)(ns / 1000000000),
						       .tv_nsec = (long)(ns % 1000000000) } };

	if (living->timer < 0)
		return NULL;
	return timerfd_settime(living->timer, 0, &time, NULL) < 0
		       ? km_error_os(KM_ERR_INPUT, NULL, errno, "cannot set a timer")
		       : NULL;
}

/*
 * Pages are recorded if they are to be shown, with stacks, which tell who allocated them; and
 * stacks, if a report is about them. Counts have none.
 */
static void settle_events(struct km_options *options)
{
	if (!options->hist && km_reports_are_about_stacks(options))
		options->stacks = true;
	if (options->record_events ||
	    (!km_options_has_view(options, "page") && !km_options_has_view(options, "page-frame")))
		return;
	options->record_events = "all";
	options->stacks = true;
}

/* Without frees there is nothing to pair; views that are about that cannot be shown. */
static struct km_error *settle_pairing(struct living *living)
{
	struct km_options *options = &living->options;

	if (options->no_pairing || options->hist ||
	    (km_instance_has_event(living->instance, "kmem:kfree") &&
	     km_instance_has_event(living->instance, "kmem:kmem_cache_free")))
		return NULL;
	for (unsigned int i = 0; i < options->nr_views; i++)
		if (km_renderer_find(options->views[i])->needs_pairs &&
		    km_renderer_find(options->views[i])->layer == KM_LAYER_SLAB)
			return km_error_advise(
				km_error_create(KM_ERR_USAGE, NULL,
						"--%s needs frees, which are not recorded",
						options->views[i]),
				"record kfree and kmem_cache_free too, and without --filter");
	options->no_pairing = true;
	if (!options->quiet)
		km_say("frees of slab objects are not all recorded: nothing is said of what is "
		       "live");
	return NULL;
}

static struct km_error *open_source(struct living *living)
{
	struct km_source_options options = { .stop = km_live_catch_signals() };
	int ends[2];

	if (living->command.pid)
		ends[options.nr_end_fds++] = living->command.end_fd;
	if (living->options.duration_ns) {
		living->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
		if (living->timer < 0)
			return km_error_os(KM_ERR_INPUT, NULL, errno, "cannot make a timer");
		ends[options.nr_end_fds++] = living->timer;
	}
	options.end_fds = ends;
	return km_collecting_open(&living->options, living->instance, &options,
				  (double)living->options.interval_s, &living->collecting,
				  &living->source);
}

static bool has_slabinfo(const struct living *living)
{
	return km_source_info(living->source)->slabinfo_start;
}

/* All up to the first event. */
static struct km_error *begin(struct living *living)
{
	struct km_options *options = &living->options;
	struct km_error *error;

	settle_events(options);
	error = km_command_fork(options->command, &living->command);
	if (!error)
		error = km_collecting_create(options, &living->command, &living->instance);
	if (!error)
		error = settle_pairing(living);
	/* the kernel has filtered, and children of these tasks pass */
	options->filter.pids = NULL;
	options->input = living->instance ? km_instance_tracefs(living->instance) : NULL;
	if (!error)
		error = open_source(living);
	if (!error)
		error = km_stat_check_keys(options, options->slabinfo || has_slabinfo(living));
	if (!error)
		error = km_rights_drop(options, living->instance);
	if (error)
		return error;
	living->has_session = true;
	error = km_session_begin_live(options, living->source, km_live_catch_signals(),
				      &living->session);
	living->source = NULL; /* the session closes it */
	return error;
}

static struct km_error *show_interval(struct km_session *session)
{
	return km_stat_show(session, false);
}

static struct km_error *run(struct living *living)
{
	struct km_session *session = &living->session;
	struct km_error *error = begin(living);

	if (!error)
		error = km_collecting_start(&living->collecting);
	if (!error)
		error = start_timer(living);
	if (!error)
		error = km_command_start(&living->command);
	if (error)
		return error;
	session->show_interval = show_interval;
	error = km_session_build(session);
	if (!error)
		error = km_stat_show(session, true);
	if (!error)
		km_session_say_suppressions(session);
	return error;
}

struct km_error *km_verb_live_run(const struct km_options *options, enum km_exit *ret_status)
{
	struct living living = {
		.options = *options,
		.command = { .end_fd = -1, .go = -1, .error = -1 },
		.timer = -1,
	};
	struct km_error *error = km_stat_check_keys(options, true);
	int status;

	if (error)
		return error;
	error = run(&living);
	status = km_command_finish(&living.command);
	if (!error)
		*ret_status = km_quality_status(&living.options, &living.session.report->quality);
	/* that of the command, unless there is something to say of our own */
	if (!error && *ret_status == KM_EXIT_OK)
		*ret_status = (enum km_exit)status;
	if (living.has_session)
		km_session_deinit(&living.session);
	km_source_close(living.source);
	km_command_deinit(&living.command);
	km_instance_destroy(living.instance);
	if (living.timer >= 0)
		close(living.timer);
	km_live_release_signals();
	return error;
}
