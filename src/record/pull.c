/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * per_cpu/cpuN/trace_pipe_raw gives whole pages of the ring buffer. splice() takes a page out of it
 * (tracing_buffers_splice_read(), kernel/trace/trace.c, v6.1) and puts it into a pipe without
 * copying; from there it is copied once, into the page cache of the file. A page that is not full
 * is only given to read(), so the last ones come that way. poll() waits until the buffer is filled
 * to `buffer_percent`.
 *
 * With compression the pages are read() from the pipe into memory, as they have to be seen.
 * (Reading them from the buffer would give those that are not full, too, again and again.)
 */
#include "record/pull.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zstd.h>

#include "record/tracedat_write.h"

/* What one splice() can take: more is refused by default (/proc/sys/fs/pipe-max-size). */
#define PIPE_BYTES     (1U << 20)
/* A thread needs little stack; there is one for each CPU that may ever be. */
#define STACK_BYTES    (128U << 10)
/* A CPU that is not there yet: how often to look, in ms. */
#define ABSENT_POLL_MS 500
/* Events are many and alike: more effort gains little. */
#define CHUNK_LEVEL    1
/* Before the load that is watched, so that its buffers do not run over. */
#define THREAD_NICE    (-20)
/*
 * How full a buffer is when its thread is woken: a wake-up for each MiB of the default buffer costs
 * nothing that could be measured, and leaves the thread three times as long to come.
 */
#define WAKEUP_PERCENT "25"

struct cpu {
	struct km_pull *pull;
	struct km_pulled result;
	struct km_error *error;
	pthread_t thread;
	bool has_thread;
	bool is_absent; /* has no buffer, as far as is known */
	int raw_fd;
	int pipe[2];
	uint8_t *pages;  /* a chunk of them, or one */
	size_t in_pages; /* bytes that are there */
	size_t pages_room;
	uint8_t *packed;
	size_t packed_room;
	ZSTD_CCtx *zstd;
};

struct km_pull {
	const struct km_instance *instance;
	const char *path; /* of the output, for messages */
	uint32_t page_bytes;
	bool is_compressed;
	int stop_fd, failure_fd; /* eventfds that are only ever set */
	uint64_t raw_bytes;      /* atomic */
	struct cpu *cpus;
	size_t nr_cpus;
	struct km_pulled *results;
	size_t nr_results;
	int nice; /* of the calling thread, which is raised for the threads to have it, too */
};

/*
 * The threads' priority is had from their creator, and set while there is the right to: it may be
 * given up before they start. Where it is not allowed it goes without.
 */
static void raise_priority(struct km_pull *pull)
{
	pull->nice = getpriority(PRIO_PROCESS, 0);
	setpriority(PRIO_PROCESS, 0, THREAD_NICE);
}

static void restore_priority(const struct km_pull *pull)
{
	setpriority(PRIO_PROCESS, 0, pull->nice);
}

static void set_event(int fd)
{
	const uint64_t one = 1;
	ssize_t got = write(fd, &one, sizeof(one));

	(void)got; /* it cannot fail but by overflow, and then it is set */
}

static struct km_error *write_error(const struct cpu *cpu, int err)
{
	return km_error_os(KM_ERR_OUTPUT, cpu->pull->path, err, "cannot write");
}

static struct km_error *read_error(const struct cpu *cpu, int err)
{
	char name[64];

	snprintf(name, sizeof(name), "per_cpu/cpu%u/trace_pipe_raw", cpu->result.cpu);
	return km_error_os(KM_ERR_INPUT, name, err, "cannot read");
}

static void count(struct cpu *cpu, uint64_t bytes, uint64_t raw_bytes)
{
	cpu->result.bytes += bytes;
	cpu->result.raw_bytes += raw_bytes;
	__atomic_fetch_add(&cpu->pull->raw_bytes, raw_bytes, __ATOMIC_RELAXED);
}

/* What read() and splice() say of a buffer in which there is nothing, or nothing whole. */
static bool is_empty(ssize_t got)
{
	return got == 0 || (got < 0 && errno == EAGAIN);
}

/* Packs the pages that are in memory, and writes them. */
static struct km_error *write_chunk(struct cpu *cpu)
{
	uint32_t head[2];
	size_t size;

	size = ZSTD_compressCCtx(cpu->zstd, cpu->packed + sizeof(head),
				 cpu->packed_room - sizeof(head), cpu->pages, cpu->in_pages,
				 CHUNK_LEVEL);
	if (ZSTD_isError(size))
		return &km_error_memory; /* with room for the bound nothing else can fail */
	head[0] = (uint32_t)size;
	head[1] = (uint32_t)cpu->in_pages;
	memcpy(cpu->packed, head, sizeof(head));
	size += sizeof(head);
	if (!km_write_at(cpu->result.fd, cpu->packed, size, cpu->result.bytes))
		return write_error(cpu, errno);
	count(cpu, size, cpu->in_pages);
	cpu->result.nr_chunks++;
	return NULL;
}

/* Writes what is in memory. */
static struct km_error *write_pages(struct cpu *cpu)
{
	struct km_error *error = NULL;

	if (!cpu->in_pages)
		return NULL;
	if (cpu->pull->is_compressed)
		error = write_chunk(cpu);
	else if (!km_write_at(cpu->result.fd, cpu->pages, cpu->in_pages, cpu->result.bytes))
		error = write_error(cpu, errno);
	else
		count(cpu, cpu->in_pages, cpu->in_pages);
	cpu->in_pages = 0;
	return error;
}

/* Takes what is in the pipe into memory, and writes it chunk by chunk. */
static struct km_error *read_pipe(struct cpu *cpu, size_t size)
{
	struct km_error *error = NULL;

	while (size > 0 && !error) {
		const size_t room = cpu->pages_room - cpu->in_pages;
		ssize_t got =
			read(cpu->pipe[0], cpu->pages + cpu->in_pages, size < room ? size : room);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return read_error(cpu, got ? errno : EPIPE);
		cpu->in_pages += (size_t)got;
		size -= (size_t)got;
		if (cpu->in_pages == cpu->pages_room)
			error = write_pages(cpu);
	}
	return error;
}

/* Moves what is in the pipe into the file. */
static struct km_error *splice_pipe(struct cpu *cpu, size_t size)
{
	uint64_t written = 0;
	struct km_error *error = NULL;

	while (size > 0 && !error) {
		loff_t at = (loff_t)(cpu->result.bytes + written);
		ssize_t got = splice(cpu->pipe[0], NULL, cpu->result.fd, &at, size, SPLICE_F_MOVE);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			error = write_error(cpu, got ? errno : ENOSPC);
			break;
		}
		written += (uint64_t)got;
		size -= (size_t)got;
	}
	written -= written % cpu->pull->page_bytes;
	count(cpu, written, written);
	return error;
}

/*
 * Moves the full pages that are there: `all` of them, or as many as make it worth while, and the
 * rest when there are more again.
 */
static struct km_error *take_full_pages(struct cpu *cpu, bool all)
{
	for (;;) {
		ssize_t got = splice(cpu->raw_fd, NULL, cpu->pipe[1], NULL, PIPE_BYTES,
				     SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
		struct km_error *error;

		if (got < 0 && errno == EINTR)
			continue;
		if (is_empty(got))
			return NULL;
		if (got < 0)
			return read_error(cpu, errno);
		error = cpu->pull->is_compressed ? read_pipe(cpu, (size_t)got)
						 : splice_pipe(cpu, (size_t)got);
		if (error || (!all && (size_t)got < PIPE_BYTES / 2))
			return error;
	}
}

/*
 * After recording has stopped: all that is left, to the last page, which is not full. read() gives
 * a page as a whole: behind its events there are zeros.
 */
static struct km_error *take_rest(struct cpu *cpu)
{
	const uint32_t page_bytes = cpu->pull->page_bytes;
	struct km_error *error = take_full_pages(cpu, true);

	while (!error) {
		uint8_t *page = cpu->pages + cpu->in_pages;
		ssize_t got = read(cpu->raw_fd, page, page_bytes);

		if (got < 0 && errno == EINTR)
			continue;
		if (is_empty(got))
			return write_pages(cpu);
		if (got < 0)
			return read_error(cpu, errno);
		memset(page + got, 0, page_bytes - (size_t)got);
		cpu->in_pages += page_bytes;
		if (cpu->in_pages == cpu->pages_room)
			error = write_pages(cpu);
	}
	return error;
}

/* Takes pages whenever the buffer has filled, until it is told to stop. */
static struct km_error *pull_cpu(struct cpu *cpu)
{
	struct pollfd fds[2] = { { .fd = cpu->raw_fd, .events = POLLIN },
				 { .fd = cpu->pull->stop_fd, .events = POLLIN } };
	struct km_error *error = NULL;

	while (!error) {
		/* the buffer of a CPU that was never online is an error, until it is there */
		fds[0].fd = cpu->is_absent ? -1 : cpu->raw_fd;
		fds[0].revents = 0;
		if (poll(fds, 2, cpu->is_absent ? ABSENT_POLL_MS : -1) < 0) {
			if (errno == EINTR)
				continue;
			return read_error(cpu, errno);
		}
		if (fds[1].revents)
			return take_rest(cpu);
		cpu->is_absent = fds[0].revents && !(fds[0].revents & POLLIN);
		if (fds[0].revents & POLLIN)
			error = take_full_pages(cpu, false);
	}
	return error;
}

static void *run_thread(void *arg)
{
	struct cpu *cpu = arg;

	cpu->error = pull_cpu(cpu);
	if (cpu->error)
		set_event(cpu->pull->failure_fd);
	return NULL;
}

static struct km_error *init_cpu(struct km_pull *pull, const struct km_spool *spool, uint32_t index,
				 struct cpu *cpu)
{
	const size_t room =
		(size_t)pull->page_bytes * (pull->is_compressed ? KM_TD_CHUNK_PAGES : 1);
	char name[64];
	struct km_error *error;

	cpu->pull = pull;
	cpu->result.cpu = index;
	cpu->pages_room = room;
	cpu->pages = malloc(room);
	if (pull->is_compressed) {
		cpu->packed_room = ZSTD_compressBound(room) + 8;
		cpu->packed = malloc(cpu->packed_room);
		cpu->zstd = ZSTD_createCCtx();
	}
	if (!cpu->pages || (pull->is_compressed && (!cpu->packed || !cpu->zstd)))
		return &km_error_memory;
	snprintf(name, sizeof(name), "per_cpu/cpu%u/trace_pipe_raw", index);
	error = km_instance_open_file(pull->instance, name, O_RDONLY | O_NONBLOCK, &cpu->raw_fd);
	if (!error)
		error = km_spool_create_part(spool, &cpu->result.fd);
	if (error)
		return error;
	if (pipe2(cpu->pipe, O_CLOEXEC) < 0)
		return km_error_os(KM_ERR_INPUT, NULL, errno, "cannot make a pipe");
	/* where that is not allowed it is smaller, and slower */
	fcntl(cpu->pipe[1], F_SETPIPE_SZ, PIPE_BYTES);
	return NULL;
}

/*
 * When a buffer is filled so far its thread is woken. A kernel without it (before 5.0) wakes it for
 * each page, which costs more.
 */
static void set_wakeup(const struct km_instance *instance)
{
	ssize_t got;
	int fd;
	struct km_error *error = km_instance_open_file(instance, "buffer_percent", O_WRONLY, &fd);

	if (error) {
		km_error_free(error);
		return;
	}
	got = write(fd, WAKEUP_PERCENT, strlen(WAKEUP_PERCENT));
	(void)got;
	close(fd);
}

struct km_error *km_pull_create(const struct km_instance *instance,
				const struct km_pull_options *options, struct km_pull **ret)
{
	const uint32_t nr_cpus = km_instance_nr_cpus(instance);
	struct km_pull *pull = calloc(1, sizeof(*pull));
	struct km_error *error = NULL;

	if (!pull)
		return &km_error_memory;
	*pull = (struct km_pull){
		.instance = instance,
		.path = options->path,
		.page_bytes = options->page_bytes,
		.is_compressed = options->is_compressed,
		.stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.failure_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.cpus = calloc((size_t)nr_cpus + 1, sizeof(*pull->cpus)),
		.results = calloc((size_t)nr_cpus + 1, sizeof(*pull->results)),
	};
	if (pull->stop_fd < 0 || pull->failure_fd < 0)
		error = km_error_os(KM_ERR_INPUT, NULL, errno, "cannot make an eventfd");
	else if (!pull->cpus || !pull->results)
		error = &km_error_memory;
	raise_priority(pull);
	if (!error)
		set_wakeup(instance);
	for (uint32_t i = 0; i < nr_cpus && !error; i++) {
		struct cpu *cpu = &pull->cpus[pull->nr_cpus++];

		cpu->raw_fd = cpu->pipe[0] = cpu->pipe[1] = cpu->result.fd = -1;
		error = init_cpu(pull, options->spool, i, cpu);
	}
	if (error) {
		km_pull_destroy(pull);
		return error;
	}
	*ret = pull;
	return NULL;
}

struct km_error *km_pull_start(struct km_pull *pull)
{
	pthread_attr_t attr;
	int err = pthread_attr_init(&attr);

	if (!err)
		err = pthread_attr_setstacksize(&attr, STACK_BYTES);
	for (size_t i = 0; i < pull->nr_cpus && !err; i++) {
		struct cpu *cpu = &pull->cpus[i];

		err = pthread_create(&cpu->thread, &attr, run_thread, cpu);
		cpu->has_thread = !err;
	}
	pthread_attr_destroy(&attr);
	restore_priority(pull);
	return err ? km_error_os(KM_ERR_INPUT, NULL, err, "cannot start a thread") : NULL;
}

int km_pull_failure_fd(const struct km_pull *pull)
{
	return pull->failure_fd;
}

uint64_t km_pull_raw_bytes(const struct km_pull *pull)
{
	return __atomic_load_n(&pull->raw_bytes, __ATOMIC_RELAXED);
}

static void join_threads(struct km_pull *pull)
{
	if (pull->stop_fd >= 0)
		set_event(pull->stop_fd);
	for (size_t i = 0; i < pull->nr_cpus; i++) {
		if (pull->cpus[i].has_thread)
			pthread_join(pull->cpus[i].thread, NULL);
		pull->cpus[i].has_thread = false;
	}
}

struct km_error *km_pull_stop(struct km_pull *pull)
{
	struct km_error *error = NULL;

	join_threads(pull);
	for (size_t i = 0; i < pull->nr_cpus; i++) {
		struct cpu *cpu = &pull->cpus[i];

		if (!cpu->is_absent || cpu->result.bytes)
			pull->results[pull->nr_results++] = cpu->result;
		if (!error) {
			error = cpu->error;
			cpu->error = NULL;
		}
	}
	return error;
}

const struct km_pulled *km_pull_result(const struct km_pull *pull, size_t *ret_nr)
{
	*ret_nr = pull->nr_results;
	return pull->results;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void km_pull_destroy(struct km_pull *pull)
{
	if (!pull)
		return;
	join_threads(pull);
	restore_priority(pull);
	for (size_t i = 0; i < pull->nr_cpus; i++) {
		struct cpu *cpu = &pull->cpus[i];

		close_fd(cpu->raw_fd);
		close_fd(cpu->pipe[0]);
		close_fd(cpu->pipe[1]);
		close_fd(cpu->result.fd);
		ZSTD_freeCCtx(cpu->zstd);
		free(cpu->pages);
		free(cpu->packed);
		km_error_free(cpu->error);
	}
	close_fd(pull->stop_fd);
	close_fd(pull->failure_fd);
	free(pull->cpus);
	free(pull->results);
	free(pull);
}
