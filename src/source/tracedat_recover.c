/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds the events of a version 7 file whose end is missing, and with it the options that say where
 * they are. As trace-cmd writes them, the section of a buffer (id 3) follows the first section of
 * options; in it the data of each CPU begins at a multiple of the page size, CPU after CPU:
 * chunks that count themselves, or pages, where a CPU's first page is older than the last one of
 * the CPU before.
 */
#include "source/tracedat.h"

#include <stdlib.h>
#include <string.h>

#define SECTION_HEADER_BYTES 16
#define FLAG_COMPRESSED      1
#define MAX_SECTIONS         64

struct recovery {
	struct tracedat *td;
	uint32_t page_bytes;
	struct td_buffer *buffer;
};

static uint64_t align_up(uint64_t offset, uint32_t align)
{
	return (offset + align - 1) / align * align;
}

/* `size` bytes at `offset` as a cursor over `buf`; short at the end of the file. */
static struct km_error *load(const struct tracedat *td, uint64_t offset, void *buf, size_t size,
			     struct km_cursor *ret)
{
	size_t got = 0;
	struct km_error *error = km_input_read_at(td->input, offset, buf, size, &got);

	*ret = km_cursor_make(buf, got, td->is_big_endian);
	return error;
}

/* The end of the chunks at `offset`: that of the file if it comes first. */
static struct km_error *find_chunks_end(const struct tracedat *td, uint64_t offset, uint64_t *ret)
{
	uint8_t buf[8];
	struct km_cursor cur;
	struct km_error *error = load(td, offset, buf, 4, &cur);
	uint32_t nr = km_cursor_u32(&cur);
	uint64_t at = offset + 4;

	for (; !error && !cur.is_over && nr > 0 && at < td->input->file_bytes; nr--) {
		error = load(td, at, buf, 8, &cur);
		at += 8 + (uint64_t)km_cursor_u32(&cur);
	}
	*ret = at < td->input->file_bytes ? at : td->input->file_bytes;
	return error;
}

static struct km_error *recover_chunks(struct recovery *rec, uint64_t offset)
{
	struct tracedat *td = rec->td;
	struct km_error *error = NULL;
	uint32_t nr_cpus = td->base.info.nr_cpus ? td->base.info.nr_cpus : 1;

	for (uint32_t cpu = 0; cpu < nr_cpus && offset < td->input->file_bytes && !error; cpu++) {
		uint64_t end;

		offset = align_up(offset, td->base.info.page_size);
		error = find_chunks_end(td, offset, &end);
		if (!error && end > offset)
			error = td_add_cpu(rec->buffer, cpu, offset, end - offset);
		offset = end;
	}
	return error;
}

/* Pages up to the end of the file; time that goes back begins another CPU. */
static struct km_error *recover_pages(struct recovery *rec, uint64_t offset)
{
	struct tracedat *td = rec->td;
	uint64_t start = align_up(offset, td->base.info.page_size), last = 0;
	struct km_error *error = NULL;
	uint32_t cpu = 0;

	for (uint64_t at = start; !error && at < td->input->file_bytes; at += rec->page_bytes) {
		uint8_t buf[8];
		struct km_cursor cur;
		uint64_t ts;

		error = load(td, at, buf, sizeof(buf), &cur);
		ts = km_cursor_u64(&cur);
		if (!error && ts < last) {
			error = td_add_cpu(rec->buffer, cpu++, start, at - start);
			start = at;
		}
		last = ts;
	}
	if (!error && start < td->input->file_bytes)
		error = td_add_cpu(rec->buffer, cpu, start, td->input->file_bytes - start);
	return error;
}

struct km_error *td_recover_v7(struct tracedat *td, uint64_t offset)
{
	struct recovery rec = {
		.td = td, .page_bytes = td->base.formats.data_offset + td->base.formats.data_bytes
	};
	uint8_t head[SECTION_HEADER_BYTES];

	for (int i = 0; i < MAX_SECTIONS; i++) {
		struct km_cursor cur;
		struct km_error *error = load(td, offset, head, sizeof(head), &cur);
		unsigned int id = km_cursor_u16(&cur), flags = km_cursor_u16(&cur);
		uint64_t size;

		km_cursor_u32(&cur);
		size = km_cursor_u64(&cur);
		if (error || cur.is_over)
			return error;
		offset += SECTION_HEADER_BYTES;
		if (id != TD_OPTION_BUFFER) {
			if (__builtin_add_overflow(offset, size, &offset))
				return NULL;
			continue;
		}
		error = td_add_buffer(td, strdup(""), NULL, rec.page_bytes, &rec.buffer);
		if (error)
			return error;
		if (size > td->input->file_bytes - offset && size < (uint64_t)INT64_MAX)
			td->base.quality.count[KM_BYTES_MISSING] +=
				size - (td->input->file_bytes - offset);
		if (!(flags & FLAG_COMPRESSED)) {
			td->compression = KM_COMPRESSION_NONE;
			return recover_pages(&rec, offset);
		}
		return recover_chunks(&rec, offset);
	}
	return NULL;
}
