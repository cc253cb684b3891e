/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The running kernel as a source: the buffers of an instance of tracefs. */
#ifndef KMEMSTAT_SOURCE_TRACEFS_H
#define KMEMSTAT_SOURCE_TRACEFS_H

#include <sys/utsname.h>
#include <time.h>

#include "base/build_id.h"
#include "base/cpunodes.h"
#include "kmemstat/instance.h"
#include "source/source.h"
#include "source/text.h"

/*
 * Everything is opened at the beginning: rights may be gone afterwards. Files of procfs and tracefs
 * are made anew whenever they are read from their beginning.
 */
struct km_tracefs {
	struct km_source base;
	struct km_instance *instance;
	const volatile bool *stop; /* or NULL */
	int *end_fds;
	size_t nr_end_fds;
	clockid_t clock; /* of user space, that of the trace */
	int *pipes;      /* trace_pipe_raw of each CPU */
	uint32_t nr_cpus;
	int comms_fd;    /* saved_cmdlines, -1: there is none */
	int kallsyms_fd; /* -1: cannot be read */
	struct km_text_comms comms;
	bool is_begun;
	char *tracefs, *slabinfo;
	struct utsname name;
	char build_id[2 * KM_BUILD_ID_MOST_BYTES + 1];
	struct km_cpunodes nodes;
	struct km_instance_info buffer;
	struct km_stream_info *streams; /* by CPU */
};

/*
 * Everything but the buffers and base.ops; *live is zeroed before, and is to be freed after an
 * error, too.
 */
KM_MUST_CHECK struct km_error *km_tracefs_init(struct km_tracefs *live,
					       struct km_instance *instance,
					       const struct km_source_options *options);
void km_tracefs_deinit(struct km_tracefs *live);
/* What the machine tells of itself (tracefs_machine.c): release, build id, nodes. */
KM_MUST_CHECK struct km_error *km_tracefs_ask_machine(struct km_tracefs *live);
/* The NUMA nodes below `root`/sys/devices/system/node; none if it tells none. */
KM_MUST_CHECK struct km_error *km_tracefs_read_nodes(const char *root, struct km_cpunodes *ret);
/* Reads the names of tasks that the kernel keeps: some hundred at a time. */
void km_tracefs_note_comms(struct km_tracefs *live);
/* The name of a task, also one that is only in /proc, or NULL. */
const char *km_tracefs_comm(const struct km_source *source, int32_t pid);
struct km_error *km_tracefs_load_kallsyms(struct km_source *source);

/* The reader (tracefs_reader.c), as in km_source_ops. */
struct km_error *km_tracefs_reader_create(struct km_source *source, enum km_want want,
					  struct km_reader **ret);
void km_tracefs_reader_destroy(struct km_reader *reader);
struct km_error *km_tracefs_reader_start(struct km_reader *reader, size_t part);
struct km_error *km_tracefs_reader_fill(struct km_reader *reader, struct km_batch *batch);
const struct km_part_stats *km_tracefs_reader_stats(const struct km_reader *reader);
const struct km_intern *km_tracefs_reader_names(const struct km_reader *reader);
size_t km_tracefs_reader_stack(const struct km_reader *reader, km_stack_id id,
			       const uint64_t **ret);

#endif
