/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cuts the events of a buffer into parts. Those of a CPU lie in one piece: pages one after the
 * other, or, compressed,
 *
 *	u32 number of chunks, and for each: u32 compressed size, u32 size, bytes
 *
 * where a chunk unpacks to whole pages. Parts are pages or chunks of some MiB.
 */
#include "source/tracedat.h"

#include <stdlib.h>

/* Small enough to share work between threads, large enough that a part's start costs nothing. */
#define PART_BYTES        (4U << 20)
/* A page holds some 80 events and packs to a fifth. */
#define PACKED_PART_BYTES (1U << 20)
/* Chunk headers are read through a window, not one by one. */
#define WINDOW_BYTES      (256U << 10)

struct part_list {
	struct td_part *parts;
	size_t nr, room;
};

static struct km_error *part_add(struct part_list *list, const struct td_part *part)
{
	if (list->nr == list->room) {
		size_t room = list->room ? 2 * list->room : 64;
		struct td_part *parts = reallocarray(list->parts, room, sizeof(*parts));

		if (!parts)
			return &km_error_memory;
		list->parts = parts;
		list->room = room;
	}
	list->parts[list->nr++] = *part;
	return NULL;
}

/* Parts of plain pages. */
static struct km_error *cut_pages(const struct tracedat *td, const struct td_cpu *cpu,
				  uint32_t stream, uint32_t page_bytes, struct part_list *list)
{
	uint64_t in_file =
		cpu->offset < td->input->file_bytes ? td->input->file_bytes - cpu->offset : 0;
	uint64_t bytes = cpu->bytes < in_file ? cpu->bytes : in_file;
	uint64_t step = PART_BYTES / page_bytes * page_bytes, at = 0;
	struct km_error *error = NULL;

	if (!step)
		step = page_bytes;
	do {
		struct td_part part = { .stream = stream, .offset = cpu->offset + at };

		part.bytes = bytes - at < step ? bytes - at : step;
		at += part.bytes;
		/* what lies beyond the end of the file, less what the decoder counts itself */
		if (at == bytes) {
			uint64_t cut = bytes % page_bytes ? page_bytes - bytes % page_bytes : 0;

			part.missing_bytes =
				cpu->bytes - bytes > cut ? cpu->bytes - bytes - cut : 0;
		}
		if (part.bytes || part.missing_bytes)
			error = part_add(list, &part);
	} while (!error && at < bytes);
	return error;
}

/* The chunk headers of one CPU, read through a window. */
struct window {
	const struct tracedat *td;
	uint8_t *buf;
	uint64_t start;
	size_t size;
};

/* A u32 pair at `offset`; false at the end of the file. */
static struct km_error *window_pair(struct window *win, uint64_t offset, uint32_t *ret_a,
				    uint32_t *ret_b, bool *ret_has)
{
	struct km_cursor cur;

	if (offset < win->start || offset + CHUNK_HEADER_BYTES > win->start + win->size) {
		struct km_error *error = km_input_read_at(win->td->input, offset, win->buf,
							  WINDOW_BYTES, &win->size);

		if (error)
			return error;
		win->start = offset;
	}
	cur = km_cursor_make(win->buf + (offset - win->start), win->size - (offset - win->start),
			     win->td->is_big_endian);
	*ret_a = km_cursor_u32(&cur);
	*ret_b = km_cursor_u32(&cur);
	*ret_has = !cur.is_over;
	return NULL;
}

/* Parts of compressed chunks. */
static struct km_error *cut_chunks(struct window *win, const struct td_cpu *cpu, uint32_t stream,
				   struct part_list *list)
{
	const struct tracedat *td = win->td;
	/* trace-cmd 3.1 gives the size of the chunks without that of their number */
	const bool is_cut = cpu->bytes + 4 > td->input->file_bytes - cpu->offset;
	const uint64_t data_end = is_cut ? td->input->file_bytes : cpu->offset + 4 + cpu->bytes;
	struct td_part part = { .stream = stream, .offset = cpu->offset + 4 };
	uint32_t nr_chunks, packed, size;
	bool has;
	struct km_error *error = window_pair(win, cpu->offset, &nr_chunks, &packed, &has);
	uint64_t at = cpu->offset + 4;

	if (error)
		return error;
	for (uint32_t i = 0; i < nr_chunks; i++) {
		error = at + CHUNK_HEADER_BYTES <= data_end
				? window_pair(win, at, &packed, &size, &has)
				: NULL;
		if (error)
			return error;
		if (at + CHUNK_HEADER_BYTES > data_end || !has ||
		    packed > data_end - at - CHUNK_HEADER_BYTES) {
			/* where this chunk ends, and so where the next begins, is not known */
			if (is_cut)
				part.missing_bytes =
					cpu->offset + 4 + cpu->bytes - td->input->file_bytes;
			else
				part.is_damaged = true;
			break;
		}
		at += CHUNK_HEADER_BYTES + (uint64_t)packed;
		part.nr_chunks++;
		part.bytes = at - part.offset;
		if (part.bytes >= PACKED_PART_BYTES) {
			error = part_add(list, &part);
			if (error)
				return error;
			part = (struct td_part){ .stream = stream, .offset = at };
		}
	}
	if (part.nr_chunks || part.missing_bytes || part.is_damaged)
		error = part_add(list, &part);
	return error;
}

static struct km_error *cut_compressed(const struct tracedat *td, const struct td_buffer *buffer,
				       struct part_list *list)
{
	struct window win = { .td = td, .buf = malloc(WINDOW_BYTES) };
	struct km_error *error = win.buf ? NULL : &km_error_memory;

	for (size_t i = 0; i < buffer->nr_cpus && !error; i++) {
		const struct td_cpu *cpu = &buffer->cpus[i];
		struct td_part lost = { .stream = (uint32_t)i, .missing_bytes = cpu->bytes };

		if (!cpu->bytes)
			continue;
		if (cpu->offset >= td->input->file_bytes)
			error = part_add(list, &lost);
		else
			error = cut_chunks(&win, cpu, (uint32_t)i, list);
	}
	free(win.buf);
	return error;
}

struct km_error *td_make_parts(struct tracedat *td, const struct td_buffer *buffer,
			       struct td_part **ret, size_t *ret_nr)
{
	struct part_list list = { 0 };
	struct km_error *error = NULL;

	if (td->compression != KM_COMPRESSION_NONE)
		error = cut_compressed(td, buffer, &list);
	else
		for (size_t i = 0; i < buffer->nr_cpus && !error; i++)
			error = cut_pages(td, &buffer->cpus[i], (uint32_t)i, buffer->page_bytes,
					  &list);
	if (error) {
		free(list.parts);
		return error;
	}
	*ret = list.parts;
	*ret_nr = list.nr;
	return NULL;
}
