// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes trace.dat version 7; the format is at the top of trace.c. */
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/cursor.h"
#include "copies.h"
#include "out.h"

#define CHUNK_PAGES 10 /* trace-cmd 3.1.6 packs that many together */

struct dat_writer {
	struct bench_out out;
	struct bench_copies *copies;
	const struct bench_trace *trace;
	ZSTD_CCtx *zstd; /* NULL: nothing is packed */
	uint8_t *packed; /* a chunk */
	size_t packed_size;
	uint8_t *pending; /* pages of a chunk that is not full yet */
	size_t pending_size;
	uint32_t nr_chunks;
};

static size_t pack(struct dat_writer *w, const void *data, size_t size)
{
	size_t bound = ZSTD_compressBound(size);

	if (bound > w->packed_size) {
		free(w->packed);
		w->packed = bench_alloc(bound);
		w->packed_size = bound;
	}
	size_t got = ZSTD_compress2(w->zstd, w->packed, w->packed_size, data, size);

	if (ZSTD_isError(got))
		bench_die("%s: %s", w->out.path, ZSTD_getErrorName(got));
	return got;
}

/* Packed data with its two lengths in front: a section's contents or a chunk. */
static void write_packed(struct dat_writer *w, const void *data, size_t size)
{
	size_t got = pack(w, data, size);

	bench_out_uint(&w->out, got, 4);
	bench_out_uint(&w->out, size, 4);
	bench_out_bytes(&w->out, w->packed, got);
}

/* Returns where the section's size has to be filled in by end_section(). */
static uint64_t begin_section(struct dat_writer *w, uint16_t id, bool is_packed,
			      uint32_t description)
{
	bench_out_uint(&w->out, id, 2);
	bench_out_uint(&w->out, is_packed, 2);
	bench_out_uint(&w->out, description, 4);
	bench_out_uint(&w->out, 0, 8);
	return w->out.pos - 8;
}

static void end_section(struct dat_writer *w, uint64_t size_at)
{
	bench_out_patch(&w->out, size_at, w->out.pos - size_at - 8);
}

static uint64_t write_section(struct dat_writer *w, uint16_t id, uint32_t description,
			      struct bench_bytes bytes)
{
	uint64_t start = w->out.pos;
	uint64_t size_at = begin_section(w, id, w->zstd, description);

	if (w->zstd)
		write_packed(w, bytes.data, bytes.size);
	else
		bench_out_bytes(&w->out, bytes.data, bytes.size);
	end_section(w, size_at);
	return start;
}

static void write_header(struct dat_writer *w, uint64_t *ret_options_at)
{
	static const uint8_t magic[] = { 0x17, 0x08, 0x44 };

	bench_out_bytes(&w->out, magic, sizeof(magic));
	bench_out_bytes(&w->out, "tracing", 7);
	bench_out_string(&w->out, "7");
	bench_out_uint(&w->out, 0, 1);
	bench_out_uint(&w->out, 8, 1);
	bench_out_uint(&w->out, w->trace->page_size, 4);
	bench_out_string(&w->out, w->zstd ? "zstd" : "none");
	bench_out_string(&w->out, w->zstd ? ZSTD_versionString() : "");
	*ret_options_at = w->out.pos;
	bench_out_uint(&w->out, 0, 8);
}

/* Options as they were, with the new places of sections. Returns where DONE's offset goes. */
static uint64_t write_options(struct dat_writer *w, const uint64_t *section_at)
{
	const struct bench_trace *trace = w->trace;
	uint64_t size_at = begin_section(w, BENCH_ID_DONE, false, trace->options_description);
	size_t nr_sections = 0;

	for (size_t i = 0; i < trace->nr_options; i++) {
		const struct bench_option *option = &trace->options[i];

		bench_out_uint(&w->out, option->id, 2);
		bench_out_uint(&w->out, option->bytes.size, 4);
		if (nr_sections < trace->nr_sections &&
		    option->id == trace->sections[nr_sections].id)
			bench_out_uint(&w->out, section_at[nr_sections++], 8);
		else
			bench_out_bytes(&w->out, option->bytes.data, option->bytes.size);
	}
	bench_out_uint(&w->out, BENCH_ID_DONE, 2);
	bench_out_uint(&w->out, 8, 4);
	bench_out_uint(&w->out, 0, 8);
	end_section(w, size_at);
	return w->out.pos - 8;
}

/* Adds pages to a CPU's data, packing them in chunks that do not mind where a copy ends. */
static void write_pages(struct dat_writer *w, const uint8_t *pages, size_t size)
{
	size_t chunk_size = (size_t)CHUNK_PAGES * w->trace->page_size;

	if (!w->zstd) {
		bench_out_bytes(&w->out, pages, size);
		return;
	}
	while (size) {
		size_t part = chunk_size - w->pending_size;

		if (part > size)
			part = size;
		memcpy(w->pending + w->pending_size, pages, part);
		pages += part;
		size -= part;
		w->pending_size += part;
		if (w->pending_size == chunk_size) {
			write_packed(w, w->pending, chunk_size);
			w->nr_chunks++;
			w->pending_size = 0;
		}
	}
}

/* The number of chunks stands before them, in 4 bytes. */
static void write_nr_chunks(struct dat_writer *w, uint64_t at)
{
	uint64_t pos = w->out.pos;

	if (fseeko(w->out.file, (off_t)at, SEEK_SET))
		bench_die("%s: %m", w->out.path);
	bench_out_uint(&w->out, w->nr_chunks, 4);
	if (fseeko(w->out.file, (off_t)pos, SEEK_SET))
		bench_die("%s: %m", w->out.path);
	w->out.pos = pos;
}

static void write_cpu(struct dat_writer *w, size_t cpu)
{
	struct bench_copies *copies = w->copies;
	const struct bench_cpu_pages *pages = &copies->cpus[cpu];
	uint64_t start = w->out.pos;

	if (!pages->nr_pages)
		return;
	w->nr_chunks = 0;
	if (w->zstd)
		bench_out_uint(&w->out, 0, 4);
	for (uint32_t i = 0; i < copies->nr_copies; i++) {
		bench_copies_make(copies, cpu, i);
		write_pages(w, pages->copy, pages->nr_pages * w->trace->page_size);
	}
	if (!w->zstd)
		return;
	if (w->pending_size) {
		write_packed(w, w->pending, w->pending_size);
		w->nr_chunks++;
		w->pending_size = 0;
	}
	write_nr_chunks(w, start);
}

static void write_buffer_option(struct dat_writer *w, uint64_t section, const uint64_t *cpu_at,
				const uint64_t *cpu_size)
{
	const struct bench_trace *trace = w->trace;
	uint64_t size_at =
		begin_section(w, BENCH_ID_DONE, false, trace->buffer_options_description);

	bench_out_uint(&w->out, BENCH_ID_BUFFER, 2);
	bench_out_uint(&w->out, 8 + 1 + strlen(trace->clock) + 1 + 8 + 20 * trace->nr_cpus, 4);
	bench_out_uint(&w->out, section, 8);
	bench_out_string(&w->out, "");
	bench_out_string(&w->out, trace->clock);
	bench_out_uint(&w->out, trace->page_size, 4);
	bench_out_uint(&w->out, trace->nr_cpus, 4);
	for (size_t i = 0; i < trace->nr_cpus; i++) {
		bench_out_uint(&w->out, trace->cpus[i].id, 4);
		bench_out_uint(&w->out, cpu_at[i], 8);
		bench_out_uint(&w->out, cpu_size[i], 8);
	}
	bench_out_uint(&w->out, BENCH_ID_DONE, 2);
	bench_out_uint(&w->out, 8, 4);
	bench_out_uint(&w->out, 0, 8);
	end_section(w, size_at);
}

static void write_buffer(struct dat_writer *w, uint64_t next_options_at)
{
	const struct bench_trace *trace = w->trace;
	uint64_t cpu_at[BENCH_MAX_CPUS], cpu_size[BENCH_MAX_CPUS];
	uint64_t section = w->out.pos;
	uint64_t size_at = begin_section(w, BENCH_ID_BUFFER, w->zstd, trace->buffer_description);

	for (size_t i = 0; i < trace->nr_cpus; i++) {
		bench_out_align(&w->out, trace->page_size);
		cpu_at[i] = w->out.pos;
		write_cpu(w, i);
		cpu_size[i] = w->out.pos - cpu_at[i];
		if (w->zstd && cpu_size[i])
			cpu_size[i] -= 4; /* as trace-cmd counts, see trace.c */
	}
	end_section(w, size_at);
	bench_out_patch(&w->out, next_options_at, w->out.pos);
	write_buffer_option(w, section, cpu_at, cpu_size);
}

void bench_write_dat(struct bench_copies *copies, const char *path, bool is_packed)
{
	const struct bench_trace *trace = copies->trace;
	struct dat_writer w = { .copies = copies, .trace = trace };
	uint64_t section_at[BENCH_MAX_SECTIONS], options_at;

	bench_out_open(&w.out, path);
	if (is_packed) {
		w.zstd = ZSTD_createCCtx();
		/* trace-cmd leaves zstd's default level and does not store the content size */
		if (!w.zstd ||
		    ZSTD_isError(ZSTD_CCtx_setParameter(w.zstd, ZSTD_c_contentSizeFlag, 0)))
			bench_die("no zstd compressor");
		w.pending = bench_alloc((size_t)CHUNK_PAGES * trace->page_size);
	}
	write_header(&w, &options_at);
	for (size_t i = 0; i < trace->nr_sections; i++) {
		const struct bench_section *section = &trace->sections[i];

		section_at[i] =
			write_section(&w, section->id, section->description, section->bytes);
	}
	bench_out_patch(&w.out, options_at, w.out.pos);
	write_buffer(&w, write_options(&w, section_at));
	if (trace->strings.size)
		write_section(&w, BENCH_ID_STRINGS, trace->strings_description, trace->strings);
	bench_out_close(&w.out);
	ZSTD_freeCCtx(w.zstd);
	free(w.packed);
	free(w.pending);
}
