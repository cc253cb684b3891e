/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The events lie in a file for each CPU while they are recorded (pull.c), as a trace.dat has those
 * of a CPU in one piece; at the end they are moved into the file, behind what describes them.
 */
#include "kmemstat/record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/machine.h"
#include "record/metadata.h"
#include "record/pull.h"
#include "record/tracedat_write.h"

/*
 * Room on the disk that is kept free while recording: so that a file can be made of it when the
 * disk is full. The symbols of a kernel with its modules have up to 15 MiB, what is moved at once 4
 * MiB.
 */
#define RESERVE_BYTES (24 << 20)

struct km_recorder {
	struct km_instance *instance;
	struct km_spool spool;
	struct km_pull *pull;
	char *path;
	bool is_compressed;
	int reserve_fd; /* -1: none */
	struct km_metadata metadata;
	struct km_bytes options; /* kmemstat's own, of the start */
};

/* Errors: the disk has not even that. */
static struct km_error *make_reserve(struct km_recorder *recorder)
{
	struct km_error *error = km_spool_create_part(&recorder->spool, &recorder->reserve_fd);

	if (error)
		return error;
	if (fallocate(recorder->reserve_fd, 0, 0, RESERVE_BYTES) == 0)
		return NULL;
	if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)
		return km_error_advise(
			km_error_os(KM_ERR_OUTPUT, recorder->path, errno, "cannot reserve 24 MiB"),
			"make room, or name a file on another disk with -o");
	return NULL; /* this file system cannot reserve */
}

static void free_reserve(struct km_recorder *recorder)
{
	if (recorder->reserve_fd >= 0)
		close(recorder->reserve_fd);
	recorder->reserve_fd = -1;
}

struct km_error *km_recorder_create(struct km_instance *instance,
				    const struct km_recorder_options *options,
				    struct km_recorder **ret)
{
	struct km_recorder *recorder = calloc(1, sizeof(*recorder));
	struct km_pull_options pull_options;
	struct km_error *error;

	if (!recorder)
		return &km_error_memory;
	*recorder = (struct km_recorder){
		.instance = instance,
		.spool = { .fd = -1, .directory_fd = -1 },
		.path = strdup(options->path),
		.is_compressed = options->is_compressed,
		.reserve_fd = -1,
	};
	error = km_metadata_read(instance, &recorder->metadata);
	if (!error && !recorder->path)
		error = &km_error_memory;
	if (!error)
		error = km_spool_create(options->path, &recorder->spool);
	if (!error && options->has_owner &&
	    fchown(recorder->spool.fd, options->uid, options->gid) < 0)
		error = km_error_os(KM_ERR_OUTPUT, options->path, errno,
				    "cannot give it to the calling user");
	if (!error)
		error = make_reserve(recorder);
	pull_options = (struct km_pull_options){
		.spool = &recorder->spool,
		.path = recorder->path,
		.page_bytes = recorder->metadata.page_bytes,
		.is_compressed = options->is_compressed,
	};
	if (!error)
		error = km_pull_create(instance, &pull_options, &recorder->pull);
	if (error) {
		km_recorder_destroy(recorder);
		return error;
	}
	*ret = recorder;
	return NULL;
}

struct km_error *km_recorder_start(struct km_recorder *recorder)
{
	struct km_error *error = km_pull_start(recorder->pull);

	km_machine_add_slabinfo(&recorder->options, "slabinfo-start",
				recorder->metadata.slabinfo_fd);
	return error ? error : km_instance_start(recorder->instance);
}

int km_recorder_failure_fd(const struct km_recorder *recorder)
{
	return km_pull_failure_fd(recorder->pull);
}

/* Everything but the events. */
static struct km_error *write_metadata(struct km_recorder *recorder,
				       struct km_tracedat_writer *writer)
{
	struct km_bytes *own = &recorder->options;
	struct km_error *error = km_metadata_write(&recorder->metadata, writer);

	if (!error)
		error = km_metadata_add_options(&recorder->metadata, recorder->instance, writer);
	if (error)
		return error;
	km_machine_add_slabinfo(own, "slabinfo-end", recorder->metadata.slabinfo_fd);
	km_machine_add(own);
	if (own->has_failed)
		return &km_error_memory;
	km_bytes_put(&writer->options, own->data, own->size);
	return NULL;
}

static struct km_error *write_events(struct km_recorder *recorder,
				     struct km_tracedat_writer *writer)
{
	size_t nr;
	const struct km_pulled *pulled = km_pull_result(recorder->pull, &nr);
	struct km_td_cpu *cpus = calloc(nr + 1, sizeof(*cpus));
	struct km_error *error;

	for (size_t i = 0; cpus && i < nr; i++)
		cpus[i] = (struct km_td_cpu){
			.cpu = pulled[i].cpu,
			.fd = pulled[i].fd,
			.bytes = pulled[i].bytes,
			.nr_chunks = pulled[i].nr_chunks,
		};
	error = cpus ? km_tracedat_write_buffer(writer, recorder->metadata.clock,
						recorder->metadata.page_bytes, cpus, nr)
		     : &km_error_memory;
	free(cpus);
	return error;
}

static struct km_error *write_file(struct km_recorder *recorder, uint64_t *ret_bytes)
{
	struct km_tracedat_writer writer;
	struct km_error *error = km_tracedat_writer_init(&writer, recorder->spool.fd,
							 recorder->path, recorder->is_compressed);

	if (!error)
		error = write_metadata(recorder, &writer);
	if (!error)
		error = write_events(recorder, &writer);
	if (!error)
		error = km_tracedat_writer_finish(&writer);
	*ret_bytes = writer.at;
	km_tracedat_writer_deinit(&writer);
	return error;
}

/* A buffer of a CPU that would have had room for what was lost of it, too. */
static uint64_t sufficient_kib(const struct km_recorder *recorder,
			       const struct km_instance_stats *stats, uint64_t raw_bytes)
{
	const uint64_t lost = stats->overrun + stats->dropped;
	/* an event of kmem has some 40 bytes with its time; more with a stack */
	const uint64_t event_bytes = stats->read ? (raw_bytes + stats->read - 1) / stats->read : 48;
	uint64_t bytes;

	if (__builtin_mul_overflow(lost, event_bytes, &bytes))
		bytes = UINT64_MAX;
	/* as one would give it */
	return (km_instance_buffer_kib(recorder->instance) + bytes / 1024 + 1024) / 1024 * 1024;
}

/* What the kernel counted, CPU by CPU. */
static struct km_error *sum_up(const struct km_recorder *recorder, struct km_recorded *ret)
{
	size_t nr;
	const struct km_pulled *pulled = km_pull_result(recorder->pull, &nr);
	struct km_recorded sum = { .raw_bytes = km_pull_raw_bytes(recorder->pull),
				   .nr_cpus = (uint32_t)nr };

	for (size_t i = 0; i < nr; i++) {
		struct km_instance_stats stats;
		struct km_error *error =
			km_instance_cpu_stats(recorder->instance, pulled[i].cpu, &stats);
		uint64_t kib;

		if (error)
			return error;
		sum.events += stats.read;
		sum.lost += stats.overrun + stats.dropped;
		kib = sufficient_kib(recorder, &stats, pulled[i].raw_bytes);
		if (stats.overrun + stats.dropped && kib > sum.sufficient_kib)
			sum.sufficient_kib = kib;
	}
	*ret = sum;
	return NULL;
}

struct km_error *km_recorder_finish(struct km_recorder *recorder, struct km_recorded *ret,
				    struct km_error **ret_failure)
{
	struct km_recorded recorded = { 0 };
	uint64_t file_bytes = 0;
	struct km_error *error = km_instance_stop(recorder->instance);

	/* what ended the recording is no reason to lose what there is */
	*ret_failure = km_pull_stop(recorder->pull);
	free_reserve(recorder);
	if (!error)
		error = sum_up(recorder, &recorded);
	if (!error)
		error = write_file(recorder, &file_bytes);
	if (!error)
		error = km_spool_publish(&recorder->spool);
	if (error) {
		km_error_free(*ret_failure);
		*ret_failure = NULL;
		return error;
	}
	recorded.file_bytes = file_bytes;
	*ret = recorded;
	return NULL;
}

void km_recorder_destroy(struct km_recorder *recorder)
{
	if (!recorder)
		return;
	km_pull_destroy(recorder->pull);
	free_reserve(recorder);
	km_spool_abandon(&recorder->spool);
	km_metadata_deinit(&recorder->metadata);
	km_bytes_deinit(&recorder->options);
	free(recorder->path);
	free(recorder);
}
