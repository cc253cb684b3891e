/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The threads of top: one reads events and makes frames, one looks up source lines and writes
 * reports, and the calling one reads keys and paints, which never waits for the others.
 */
#ifndef KMEMSTAT_CLI_TOP_H
#define KMEMSTAT_CLI_TOP_H

#include <pthread.h>

#include "cli/collecting.h"
#include "cli/session.h"
#include "kmemstat/instance.h"
#include "kmemstat/top.h"

/* The reading thread, and what it hands over. */
struct km_collector {
	struct km_options options; /* the user's, settled */
	struct km_session session;
	struct km_instance *instance;    /* of the running kernel; or NULL */
	struct km_collecting collecting; /* with an instance: how events come */
	int timer;                       /* readable after --duration; -1: none */
	volatile bool stop;              /* set by anybody: no more is read */
	int wake;       /* an eventfd that is written when there is something new */
	bool is_replay; /* of a recording, by the time of its events */
	bool is_paced;  /* and that time passes as fast as options say */
	pthread_t thread;
	bool has_thread;
	/* of batches, called from the reading thread with each frame; or NULL */
	struct km_error *(*on_frame)(void *arg, struct km_top_frame *frame);
	void *frame_arg;
	/* the reading thread's own */
	double start_s; /* of the clock */
	double cpu_s;   /* that this process had taken at the frame before */
	double clock_s; /* when that was */
	struct km_top_frame *before;
	uint64_t first_ns; /* of the replay */
	size_t nr_frames;
	/* everything below under the lock */
	pthread_mutex_t lock;
	struct km_top_frame *latest; /* or NULL */
	bool marks_base;             /* growth is to be counted from the next frame on */
	bool has_ended;
	struct km_error *error; /* it ended with */
};

/* Opens the input, or without one the running kernel. km_collector_deinit() is to be called after
 * an error, too. */
KM_MUST_CHECK struct km_error *km_collector_init(struct km_collector *collector,
						 const struct km_options *options);
/* Reads all there is, on the calling thread. */
KM_MUST_CHECK struct km_error *km_collector_run(struct km_collector *collector);
/* Does it on a thread of its own. Errors: KM_ERR_MEMORY. */
KM_MUST_CHECK struct km_error *km_collector_start(struct km_collector *collector);
/* The newest frame, held; NULL: there is none. */
struct km_top_frame *km_collector_latest(struct km_collector *collector);
/* Has the thread end, and waits for that. */
void km_collector_stop(struct km_collector *collector);
void km_collector_deinit(struct km_collector *collector);

/* The session with the report that a frame was made of, for the helping thread only. */
struct km_session *km_collector_session_of(const struct km_top_frame *frame);

/* The thread that does what takes long. */
struct km_helper;

/* `wake`: an eventfd that is written when something is done. */
KM_MUST_CHECK struct km_error *km_helper_create(struct km_collector *collector, int wake,
						struct km_helper **ret);
/* Waits for what it is doing only for a moment: false if it goes on, and must be left alone. */
bool km_helper_destroy(struct km_helper *helper);
/* A km_top_source_fn; arg is the struct km_helper. */
struct km_top_source km_helper_source(void *arg, const struct km_top_row *row);
/* Has the report of a frame written; km_helper_result() tells what came of it. */
void km_helper_write(struct km_helper *helper, struct km_top_frame *frame, const char *file);
/* What has become of the last report, once: malloc'ed, or NULL. */
char *km_helper_result(struct km_helper *helper);

#endif
