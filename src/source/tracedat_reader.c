/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads parts of a trace.dat: pages mapped into memory, or chunks unpacked into a buffer. */
#include "source/tracedat.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "decode/pages.h"

/* trace-cmd packs 10 pages a chunk; this only stops absurd numbers. */
#define MAX_CHUNK_BYTES   (64U << 20)
#define LEAST_CHUNK_BYTES (256U << 10)
/* zstd can pack 1 GiB of zeros into some KiB: more than this is no ring buffer. */
#define MAX_PACKING       10000
/* Chunks have some KiB: read one by one they would cost two system calls each. */
#define WINDOW_BYTES      (256U << 10)
/* Of a map: what is brought into memory at once, see feed_slice(). */
#define SLICE_BYTES       (256U << 10)

struct td_reader {
	struct km_reader base;
	struct km_pages pages;
	const struct td_part *part;
	uint64_t at;          /* in the file */
	bool has_pages_left;  /* of a part of pages: not yet fed to the decoder */
	uint32_t chunks_left; /* of a compressed part */
	bool is_finished;
	void *map; /* of a part of pages, or NULL */
	size_t map_size;
	size_t map_done; /* of it, fed to the decoder */
	uint8_t *buf;    /* pages of a chunk */
	size_t buf_size;
	/* chunks as they are in the file, from window_at on */
	uint8_t *window;
	size_t window_room, window_size;
	uint64_t window_at;
	ZSTD_DCtx *zstd;
};

static struct tracedat *tracedat_of(struct td_reader *reader)
{
	return (struct tracedat *)reader->base.source;
}

static void unmap_part(struct td_reader *reader)
{
	if (reader->map)
		munmap(reader->map, reader->map_size);
	reader->map = NULL;
}

struct km_error *td_reader_create(struct km_source *source, enum km_want want,
				  struct km_reader **ret)
{
	struct tracedat *td = (struct tracedat *)source;
	struct td_reader *reader = calloc(1, sizeof(*reader));
	struct km_error *error;

	if (!reader)
		return &km_error_memory;
	reader->base.source = source;
	error = km_pages_init(&reader->pages, &source->formats, want, td->selected->page_bytes);
	if (!error && td->compression == KM_COMPRESSION_ZSTD && !(reader->zstd = ZSTD_createDCtx()))
		error = &km_error_memory;
	if (error) {
		td_reader_destroy(&reader->base);
		return error;
	}
	*ret = &reader->base;
	return NULL;
}

void td_reader_destroy(struct km_reader *base)
{
	struct td_reader *reader = (struct td_reader *)base;

	unmap_part(reader);
	km_pages_deinit(&reader->pages);
	ZSTD_freeDCtx(reader->zstd);
	free(reader->buf);
	free(reader->window);
	free(reader);
}

struct km_error *td_reader_start(struct km_reader *base, size_t part)
{
	struct td_reader *reader = (struct td_reader *)base;
	struct tracedat *td = tracedat_of(reader);
	struct km_quality *quality = &reader->pages.stream.quality;

	unmap_part(reader);
	reader->part = &td->parts[part];
	reader->at = reader->part->offset;
	reader->chunks_left = reader->part->nr_chunks;
	reader->has_pages_left = td->compression == KM_COMPRESSION_NONE && reader->part->bytes;
	reader->is_finished = false;
	reader->pages.known = base->known;
	km_pages_begin(&reader->pages, reader->part->stream,
		       (uint16_t)td->selected->cpus[reader->part->stream].cpu,
		       &td->clocks[reader->part->stream]);
	quality->count[KM_BYTES_MISSING] += reader->part->missing_bytes;
	quality->count[KM_CHUNKS_DAMAGED] += reader->part->is_damaged;
	return NULL;
}

/* Each CPU's reader has a buffer for a chunk of its own. */
static uint64_t most_chunk_bytes(const struct tracedat *td)
{
	const uint64_t share =
		td->memory_bytes ? td->memory_bytes / 16 / (td->selected->nr_cpus + 1) : UINT64_MAX;

	return share < LEAST_CHUNK_BYTES ? LEAST_CHUNK_BYTES
	       : share < MAX_CHUNK_BYTES ? share
					 : MAX_CHUNK_BYTES;
}

/* Makes a buffer at least so large; its contents are lost. */
static bool reserve(uint8_t **buf, size_t *buf_size, size_t size)
{
	if (*buf_size >= size)
		return true;
	free(*buf);
	*buf = malloc(size);
	*buf_size = *buf ? size : 0;
	return *buf != NULL;
}

/*
 * Feeds the next pages of the map. The kernel brings them into memory with one call, which costs
 * less than a fault for every few; all of a part at once would take so long that a thread waits
 * for its events meanwhile. Where the call is not known (before Linux 5.14), there are faults.
 */
static void feed_slice(struct td_reader *reader)
{
	const size_t page_bytes = reader->pages.page_bytes;
	const size_t slice =
		page_bytes < SLICE_BYTES ? SLICE_BYTES / page_bytes * page_bytes : page_bytes;
	const size_t left = reader->map_size - reader->map_done;
	const size_t size = left < slice ? left : slice;
	uint8_t *start = (uint8_t *)reader->map + reader->map_done;

#ifdef MADV_POPULATE_READ
	const size_t before = reader->map_done % (size_t)sysconf(_SC_PAGESIZE);

	madvise(start - before, size + before, MADV_POPULATE_READ);
#endif
	reader->map_done += size;
	reader->has_pages_left = size < left;
	km_pages_feed(&reader->pages, start, size);
}

/*
 * Maps the part, whole: reading it into a buffer would cost as much again as decoding it. A part
 * is small, so resident memory stays so.
 */
static struct km_error *map_part(struct td_reader *reader)
{
	struct tracedat *td = tracedat_of(reader);
	const uint64_t before = reader->at % (uint64_t)sysconf(_SC_PAGESIZE);
	const size_t size = reader->part->bytes + before;
	void *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, td->input->fd,
			 (off_t)(reader->at - before));

	if (map == MAP_FAILED)
		return km_error_os(KM_ERR_INPUT, td->input->path, errno,
				   "cannot map it into memory");
	reader->map = map;
	reader->map_size = size;
	reader->map_done = before;
	feed_slice(reader);
	return NULL;
}

/*
 * Pages that vanished under the map, because the file became shorter, were read as zeros (see
 * km_sigbus_install()).
 */
static struct km_error *check_part(struct td_reader *reader)
{
	struct tracedat *td = tracedat_of(reader);
	const uint64_t end = reader->part->offset + reader->part->bytes;
	struct stat st;

	unmap_part(reader);
	if (fstat(td->input->fd, &st) < 0)
		return km_error_os(KM_ERR_INPUT, td->input->path, errno, "cannot stat");
	/* a block device has no size here, and does not shrink */
	if (S_ISREG(st.st_mode) && (uint64_t)st.st_size < end)
		reader->pages.stream.quality.count[KM_BYTES_MISSING] += end - (uint64_t)st.st_size;
	return NULL;
}

/*
 * So many bytes of the part at `at`, with as much behind them as there is room for; fewer only at
 * the end of the file.
 */
static struct km_error *need_bytes(struct td_reader *reader, uint64_t at, size_t size,
				   const uint8_t **ret, size_t *ret_got)
{
	struct tracedat *td = tracedat_of(reader);
	const uint64_t part_end = reader->part->offset + reader->part->bytes;
	uint64_t want = size;
	struct km_error *error;

	if (at < reader->window_at || at - reader->window_at > reader->window_size ||
	    reader->window_size - (at - reader->window_at) < size) {
		if (part_end > at && part_end - at > want)
			want = part_end - at < WINDOW_BYTES ? part_end - at : WINDOW_BYTES;
		if (want < size)
			want = size;
		reader->window_size = 0;
		if (!reserve(&reader->window, &reader->window_room, want))
			return &km_error_memory;
		error = km_input_read_at(td->input, at, reader->window, want, &reader->window_size);
		if (error)
			return error;
		reader->window_at = at;
	}
	*ret = reader->window + (at - reader->window_at);
	*ret_got = reader->window_size - (at - reader->window_at);
	return NULL;
}

/* The next chunk, unpacked. One that does not unpack is counted and passed over. */
static struct km_error *load_chunk(struct td_reader *reader)
{
	struct tracedat *td = tracedat_of(reader);
	struct km_quality *quality = &reader->pages.stream.quality;
	struct km_cursor cur;
	uint32_t packed, size;
	const uint8_t *data;
	enum km_unpacked unpacked;
	size_t got;
	struct km_error *error = need_bytes(reader, reader->at, CHUNK_HEADER_BYTES, &data, &got);

	if (error)
		return error;
	cur = km_cursor_make(data, got, td->is_big_endian);
	packed = km_cursor_u32(&cur);
	size = km_cursor_u32(&cur);
	if (cur.is_over || reader->at + CHUNK_HEADER_BYTES + packed > td->input->file_bytes) {
		quality->count[KM_CHUNKS_DAMAGED] += reader->chunks_left;
		reader->chunks_left = 0;
		return NULL;
	}
	reader->chunks_left--;
	reader->at += CHUNK_HEADER_BYTES + (uint64_t)packed;
	if (size > most_chunk_bytes(tracedat_of(reader)) || size / MAX_PACKING > packed) {
		quality->count[KM_CHUNKS_DAMAGED]++;
		return NULL;
	}
	if (!reserve(&reader->buf, &reader->buf_size, size))
		return &km_error_memory;
	error = need_bytes(reader, reader->at - packed, packed, &data, &got);
	if (error)
		return error;
	unpacked = got < packed ? KM_UNPACK_DAMAGED
				: km_unpack(td->compression, reader->zstd, reader->buf, size, data,
					    packed);
	if (unpacked == KM_UNPACK_NO_MEMORY)
		return &km_error_memory;
	if (unpacked == KM_UNPACK_DAMAGED) {
		quality->count[KM_CHUNKS_DAMAGED]++;
		return NULL;
	}
	km_pages_feed(&reader->pages, reader->buf, size);
	return NULL;
}

struct km_error *td_reader_fill(struct km_reader *base, struct km_batch *batch)
{
	struct td_reader *reader = (struct td_reader *)base;

	for (;;) {
		struct km_error *error = NULL;

		if (km_pages_fill(&reader->pages, batch))
			return NULL;
		if (reader->has_pages_left && reader->map)
			feed_slice(reader);
		else if (reader->has_pages_left)
			error = map_part(reader);
		else if (reader->chunks_left)
			error = load_chunk(reader);
		else
			break;
		if (error)
			return error;
	}
	if (batch->nr || reader->is_finished)
		return NULL;
	reader->is_finished = true;
	km_pages_finish(&reader->pages);
	return reader->map ? check_part(reader) : NULL;
}

const struct km_part_stats *td_reader_stats(const struct km_reader *base)
{
	return &((const struct td_reader *)base)->pages.stats;
}

const struct km_intern *td_reader_names(const struct km_reader *base)
{
	return &((const struct td_reader *)base)->pages.records.names;
}

size_t td_reader_stack(const struct km_reader *base, km_stack_id id, const uint64_t **ret)
{
	return km_records_stack(&((const struct td_reader *)base)->pages.records, id, ret);
}
