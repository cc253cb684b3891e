/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instances: buffers of their own in the kernel's tracefs, with the events of an allocator switched
 * on in them. Recorder, live source and hist collection each work in one, so that nothing of
 * another's tracing is touched.
 *
 * An instance is called kmemstat-PID-N. It is removed by km_instance_destroy(); if the process dies
 * before, by a guardian process that waits for that; if that dies too, by the next
 * km_instance_create(), which removes those whose PID is not alive.
 */
#ifndef KMEMSTAT_INSTANCE_H
#define KMEMSTAT_INSTANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "kmemstat/error.h"

struct km_instance;

/* What is recorded. All members may be zero. */
struct km_instance_options {
	/*
	 * Events, as "slab,percpu:*,kmem:mm_page_alloc": globs of SYSTEM:EVENT, or of EVENT in
	 * kmem and percpu, or a layer's events: slab, percpu, page; all: of all three. NULL: slab
	 * and percpu.
	 */
	const char *events;
	const char *filter; /* of the kernel, for the events that have its fields; or NULL */
	/* only what these processes (all their threads) or threads, and their later children do */
	const int32_t *pids;
	size_t nr_pids;
	/*
	 * Besides the calling process and the guardian, which never are; nor is what the calling
	 * process forks from here on: a command that is to be recorded has to be forked before.
	 */
	const int32_t *not_pids;
	size_t nr_not_pids;
	uint64_t buffer_kib; /* for each CPU; 0: KM_INSTANCE_BUFFER_KIB */
	bool stacks;         /* record a kernel stack with each event */
	const char *clock;   /* NULL: "mono" */
};

#define KM_INSTANCE_BUFFER_KIB 4096

/* What the kernel says of one CPU's buffer (per_cpu/cpuN/stats), since the start. */
struct km_instance_stats {
	uint64_t entries; /* in the buffer now */
	uint64_t overrun; /* overwritten: lost */
	uint64_t dropped; /* not written for want of room: lost */
	uint64_t read;    /* events that were read */
	uint64_t bytes;   /* in the buffer now */
};

/*
 * Makes an instance in which nothing is recorded yet. Errors: KM_ERR_PERMISSION or KM_ERR_INPUT
 * with advice that says exactly what to run (mount tracefs, chmod/group, capability); KM_ERR_USAGE
 * for events and filters that the kernel does not take, with what it says of them.
 */
KM_MUST_CHECK struct km_error *km_instance_create(const struct km_instance_options *options,
						  struct km_instance **ret);
/* Switches recording on and off. */
KM_MUST_CHECK struct km_error *km_instance_start(struct km_instance *instance);
KM_MUST_CHECK struct km_error *km_instance_stop(struct km_instance *instance);
/*
 * Removes it; all files of it must be closed. NULL is fine. The guardian is a child: nobody else
 * may wait for any child (waitpid(-1)).
 */
void km_instance_destroy(struct km_instance *instance);

/* The directory of tracefs ("/sys/kernel/tracing"), and that of the instance. */
const char *km_instance_tracefs(const struct km_instance *instance);
const char *km_instance_path(const struct km_instance *instance);
/* CPU numbers that have a buffer: 0 .. nr - 1, some of them perhaps offline. */
uint32_t km_instance_nr_cpus(const struct km_instance *instance);
uint64_t km_instance_buffer_kib(const struct km_instance *instance);
/* The events that are switched on, "SYSTEM:EVENT", in the order of their names. */
const char *const *km_instance_events(const struct km_instance *instance, size_t *ret_nr);
/* Those that were asked for, and are left out because they do not have the filter's fields. */
const char *const *km_instance_left_out(const struct km_instance *instance, size_t *ret_nr);
/* Whether an event ("kmem:kfree") is switched on. */
bool km_instance_has_event(const struct km_instance *instance, const char *name);
/* Opens a file below the instance's directory, "per_cpu/cpu0/trace_pipe_raw"; *ret is the caller's.
 */
KM_MUST_CHECK struct km_error *km_instance_open_file(const struct km_instance *instance,
						     const char *name, int flags, int *ret);
/* Reads a whole file below it; malloc'ed, with a NUL behind. */
KM_MUST_CHECK struct km_error *km_instance_read_file(const struct km_instance *instance,
						     const char *name, char **ret,
						     size_t *ret_size);
KM_MUST_CHECK struct km_error *km_instance_cpu_stats(const struct km_instance *instance,
						     uint32_t cpu, struct km_instance_stats *ret);

/* What is kept when rights are given up. All members may be zero. */
struct km_instance_rights {
	bool has_user; /* become uid and gid, if this is root: the one who called sudo */
	uid_t uid;
	gid_t gid;
	bool keep_files; /* else: go on writing files of other users, as root can */
};

/*
 * Gives up all rights that are not needed any more, once all files are open: capabilities, new ones
 * by exec, and with rights->has_user those of root; rights may be NULL. Of the calling thread: call
 * it before there are others. What the instance itself holds open goes on to work: start, stop,
 * km_instance_cpu_stats(); and the guardian removes it. km_instance_open_file() and
 * km_instance_read_file() do not.
 */
KM_MUST_CHECK struct km_error *km_instance_drop_rights(struct km_instance *instance,
						       const struct km_instance_rights *rights);

#endif
