// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The limits of the machine that no reader of a trace can beat:
 *
 *	limit touch PASSES FILE		reads one word of every cache line of the mapped file
 *	limit zstd THREADS FILE		unpacks all chunks of a trace.dat version 7, and no more
 *
 * Prints the seconds of each pass over the file.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zstd.h>

#include "trace.h"

#define CACHE_LINE 64
#define GRAB       16 /* chunks a thread takes at a time */

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void touch(const char *path, unsigned long passes)
{
	struct bench_bytes file = bench_file_map(path);

	for (unsigned long pass = 0; pass < passes; pass++) {
		double start = now();

		/* volatile: every read takes place, whatever becomes of its value */
		for (size_t i = 0; i + sizeof(uint64_t) <= file.size; i += CACHE_LINE)
			(void)*(const volatile uint64_t *)(file.data + i);
		printf("%.6f\n", now() - start);
	}
}

/* All chunks of all CPUs, handed out to the threads. */
struct unzstd {
	const char *path;
	struct bench_chunk *chunks;
	size_t nr;
	size_t largest;
	atomic_size_t next;
};

static void *unzstd_thread(void *arg)
{
	struct unzstd *work = arg;
	ZSTD_DCtx *zstd = ZSTD_createDCtx();
	uint8_t *dst = bench_alloc(work->largest);

	if (!zstd)
		bench_die("no zstd decompressor");
	for (;;) {
		size_t i = atomic_fetch_add(&work->next, GRAB);

		if (i >= work->nr)
			break;
		for (size_t end = i + GRAB < work->nr ? i + GRAB : work->nr; i < end; i++) {
			const struct bench_chunk *chunk = &work->chunks[i];
			size_t got = ZSTD_decompressDCtx(zstd, dst, work->largest,
							 chunk->packed.data, chunk->packed.size);

			if (ZSTD_isError(got) || got != chunk->size)
				bench_die("%s: chunk %zu does not unpack", work->path, i);
		}
	}
	free(dst);
	ZSTD_freeDCtx(zstd);
	return NULL;
}

static void gather_chunks(const struct bench_trace *trace, struct unzstd *work)
{
	for (size_t cpu = 0; cpu < trace->nr_cpus; cpu++) {
		size_t nr;
		struct bench_chunk *chunks = bench_trace_chunks(trace, &trace->cpus[cpu], &nr);
		size_t all = work->nr + nr;

		work->chunks = realloc(work->chunks, all * sizeof(*chunks));
		if (!work->chunks)
			bench_die("no memory for %zu chunks", all);
		memcpy(work->chunks + work->nr, chunks, nr * sizeof(*chunks));
		free(chunks);
		for (size_t i = work->nr; i < all; i++)
			if (work->chunks[i].size > work->largest)
				work->largest = work->chunks[i].size;
		work->nr = all;
	}
}

static void unzstd(const char *path, unsigned long nr_threads)
{
	static struct bench_trace trace;
	struct unzstd work = { .path = path };
	pthread_t threads[64];
	double start = now();

	bench_trace_open(path, false, &trace);
	if (!trace.is_packed)
		bench_die("%s: not packed with zstd", path);
	gather_chunks(&trace, &work);
	for (unsigned long i = 1; i < nr_threads; i++)
		if (pthread_create(&threads[i], NULL, unzstd_thread, &work))
			bench_die("cannot start a thread");
	unzstd_thread(&work);
	for (unsigned long i = 1; i < nr_threads; i++)
		pthread_join(threads[i], NULL);
	printf("%.6f\n", now() - start);
	free(work.chunks);
}

int main(int argc, char **argv)
{
	unsigned long nr = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;

	if (nr < 1 || nr > 64 || (strcmp(argv[1], "touch") && strcmp(argv[1], "zstd")))
		bench_die("usage: limit touch PASSES FILE | limit zstd THREADS FILE");
	if (!strcmp(argv[1], "touch"))
		touch(argv[3], nr);
	else
		unzstd(argv[3], nr);
	return 0;
}
