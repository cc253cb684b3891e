// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads a trace.dat version 7, trace-cmd.dat.v7(5):
 *
 *	17 08 44 "tracing" "7\0" endian u8, long u8, page size u32, "zstd\0" "1.5.4\0", first
 *options u64 section: id u16, flags u16 (1: packed), description u32, size u64, bytes packed
 *section: packed size u32, size u32, bytes options section: { id u16, size u32, bytes } ..., the
 *last is DONE: offset of the next or 0 BUFFER option: section u64, name, clock, page size u32, CPUs
 *u32, { id u32, offset u64, size u64 } ... CPU data, packed: chunks u32, { packed size u32, size
 *u32, bytes } ...
 *
 * The size of packed CPU data in the BUFFER option leaves out the 4 bytes of the number of
 * chunks (trace-cmd 3.1.6); the chunks end that much later.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/cursor.h"
#include "trace.h"

_Noreturn void bench_die(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

void *bench_alloc(size_t size)
{
	void *data = malloc(size ? size : 1);

	if (!data)
		bench_die("no memory for %zu bytes", size);
	return data;
}

struct bench_bytes bench_file_map(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st))
		bench_die("%s: %m", path);
	if (!S_ISREG(st.st_mode) || !st.st_size)
		bench_die("%s: not a file with data in it", path);
	void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);

	if (data == MAP_FAILED)
		bench_die("%s: %m", path);
	close(fd);
	return (struct bench_bytes){ data, (size_t)st.st_size };
}

/* The bytes [offset, offset + size) of the file. */
static struct bench_bytes slice(const struct bench_trace *trace, uint64_t offset, uint64_t size)
{
	if (offset > trace->file.size || size > trace->file.size - offset)
		bench_die("%s: %llu bytes at %llu are beyond its end", trace->path,
			  (unsigned long long)size, (unsigned long long)offset);
	return (struct bench_bytes){ trace->file.data + offset, (size_t)size };
}

static struct km_cursor cursor_of(struct bench_bytes bytes)
{
	return km_cursor_make(bytes.data, bytes.size, false);
}

static void check(const struct bench_trace *trace, const struct km_cursor *cur, const char *what)
{
	if (cur->is_over)
		bench_die("%s: cut short in %s", trace->path, what);
}

static void unpack(const struct bench_trace *trace, struct bench_bytes packed, uint8_t *dst,
		   size_t size)
{
	size_t got = ZSTD_decompress(dst, size, packed.data, packed.size);

	if (ZSTD_isError(got) || got != size)
		bench_die("%s: data at byte %zu does not unpack", trace->path,
			  (size_t)(packed.data - trace->file.data));
}

/* The contents of the section at `offset`, unpacked. */
static struct bench_bytes read_section(const struct bench_trace *trace, uint64_t offset,
				       uint16_t want, uint32_t *ret_description)
{
	struct km_cursor cur = cursor_of(slice(trace, offset, 16));
	uint16_t id = km_cursor_u16(&cur);
	bool is_packed = km_cursor_u16(&cur) & 1;

	if (id != want)
		bench_die("%s: section %u at byte %llu, expected %u", trace->path, id,
			  (unsigned long long)offset, want);
	*ret_description = km_cursor_u32(&cur);
	struct bench_bytes bytes = slice(trace, offset + 16, km_cursor_u64(&cur));

	if (!is_packed)
		return bytes;
	cur = cursor_of(bytes);
	struct bench_bytes packed = { NULL, km_cursor_u32(&cur) };
	size_t size = km_cursor_u32(&cur);

	packed.data = km_cursor_bytes(&cur, packed.size);
	check(trace, &cur, "a packed section");
	uint8_t *data = bench_alloc(size);

	unpack(trace, packed, data, size);
	return (struct bench_bytes){ data, size };
}

/* Takes the top-level buffer, or the first one, whose name is "". */
static void read_buffer(struct bench_trace *trace, struct bench_bytes option)
{
	struct km_cursor cur = cursor_of(option);
	uint64_t section = km_cursor_u64(&cur);
	const char *name = km_cursor_string(&cur);

	if (trace->nr_cpus || !name || *name)
		return;
	struct km_cursor head = cursor_of(slice(trace, section, 16));

	km_cursor_u32(&head);
	trace->buffer_description = km_cursor_u32(&head);
	trace->clock = km_cursor_string(&cur);
	trace->page_size = km_cursor_u32(&cur);
	trace->nr_cpus = km_cursor_u32(&cur);
	if (trace->nr_cpus > BENCH_MAX_CPUS || trace->page_size < 64 || trace->page_size > 1 << 20)
		bench_die("%s: a buffer of %zu CPUs with pages of %u bytes", trace->path,
			  trace->nr_cpus, trace->page_size);
	for (size_t i = 0; i < trace->nr_cpus && !cur.is_over; i++) {
		struct bench_cpu *cpu = &trace->cpus[i];

		cpu->id = km_cursor_u32(&cur);
		uint64_t offset = km_cursor_u64(&cur);
		uint64_t size = km_cursor_u64(&cur);

		if (trace->is_packed && size)
			size += 4;
		cpu->stored = slice(trace, offset, size);
	}
	check(trace, &cur, "the BUFFER option");
}

static void read_option(struct bench_trace *trace, uint16_t id, struct bench_bytes bytes,
			bool with_metadata)
{
	if (id == BENCH_ID_BUFFER) {
		read_buffer(trace, bytes);
		return;
	}
	if (trace->nr_options == BENCH_MAX_OPTIONS || trace->nr_sections == BENCH_MAX_SECTIONS)
		bench_die("%s: too many options", trace->path);
	trace->options[trace->nr_options++] = (struct bench_option){ id, bytes };
	if (!with_metadata || id < BENCH_ID_HEADERS || id > BENCH_ID_CMDLINES)
		return;
	struct bench_section *section = &trace->sections[trace->nr_sections++];
	struct km_cursor cur = cursor_of(bytes);
	uint64_t offset = km_cursor_u64(&cur);

	check(trace, &cur, "an option");
	section->id = id;
	section->bytes = read_section(trace, offset, id, &section->description);
}

static void read_options(struct bench_trace *trace, uint64_t offset, bool with_metadata)
{
	for (int nr = 0; offset; nr++) {
		uint32_t description;
		struct km_cursor cur =
			cursor_of(read_section(trace, offset, BENCH_ID_DONE, &description));
		uint16_t id;

		if (nr == 64)
			bench_die("%s: its options run in a circle", trace->path);
		if (!nr)
			trace->options_description = description;
		do {
			id = km_cursor_u16(&cur);
			struct bench_bytes bytes = { NULL, km_cursor_u32(&cur) };

			bytes.data = km_cursor_bytes(&cur, bytes.size);
			check(trace, &cur, "the options");
			if (id == BENCH_ID_BUFFER)
				trace->buffer_options_description = description;
			if (id != BENCH_ID_DONE) {
				read_option(trace, id, bytes, with_metadata);
				continue;
			}
			struct km_cursor next = cursor_of(bytes);

			offset = km_cursor_u64(&next);
			check(trace, &next, "the last option");
		} while (id != BENCH_ID_DONE);
	}
}

/* The strings section is the one that no option leads to: it follows the last options. */
static void read_strings(struct bench_trace *trace, uint64_t first)
{
	uint64_t offset = first;

	while (offset < trace->file.size) {
		struct km_cursor cur = cursor_of(slice(trace, offset, 16));
		uint16_t id = km_cursor_u16(&cur);

		km_cursor_uint(&cur, 6);
		uint64_t size = km_cursor_u64(&cur);

		if (id == BENCH_ID_STRINGS) {
			trace->strings = read_section(trace, offset, BENCH_ID_STRINGS,
						      &trace->strings_description);
			return;
		}
		slice(trace, offset + 16, size);
		offset += 16 + size;
	}
}

void bench_trace_open(const char *path, bool with_metadata, struct bench_trace *ret)
{
	static const char magic[] = "\x17\x08\x44tracing7"; /* with its NUL */

	memset(ret, 0, sizeof(*ret));
	ret->path = path;
	ret->file = bench_file_map(path);
	struct km_cursor cur = cursor_of(ret->file);
	const char *start = km_cursor_bytes(&cur, sizeof(magic));

	if (!start || memcmp(start, magic, sizeof(magic)))
		bench_die("%s: not a trace.dat version 7", path);
	if (km_cursor_u8(&cur) != 0 || km_cursor_u8(&cur) != 8)
		bench_die("%s: not of a little-endian 64-bit machine", path);
	km_cursor_u32(&cur);
	const char *packer = km_cursor_string(&cur);

	km_cursor_string(&cur);
	uint64_t options = km_cursor_u64(&cur);

	check(ret, &cur, "the header");
	ret->is_packed = !strcmp(packer, "zstd");
	if (!ret->is_packed && strcmp(packer, "none"))
		bench_die("%s: packed with %s, not zstd", path, packer);
	read_options(ret, options, with_metadata);
	if (!ret->nr_cpus)
		bench_die("%s: no top-level buffer in it", path);
	if (with_metadata)
		read_strings(ret, cur.pos);
}

struct bench_bytes bench_trace_section(const struct bench_trace *trace, uint16_t id)
{
	for (size_t i = 0; i < trace->nr_sections; i++)
		if (trace->sections[i].id == id)
			return trace->sections[i].bytes;
	return (struct bench_bytes){ NULL, 0 };
}

struct bench_chunk *bench_trace_chunks(const struct bench_trace *trace, const struct bench_cpu *cpu,
				       size_t *ret_nr)
{
	struct km_cursor cur = cursor_of(cpu->stored);
	size_t nr = trace->is_packed && cpu->stored.size ? km_cursor_u32(&cur) : 1;

	if (nr > cpu->stored.size / 8 + 1)
		bench_die("%s: CPU %u has more chunks than bytes", trace->path, cpu->id);
	struct bench_chunk *chunks = bench_alloc(nr * sizeof(*chunks));

	*ret_nr = nr;
	if (!trace->is_packed || !cpu->stored.size) {
		chunks[0] = (struct bench_chunk){ cpu->stored, cpu->stored.size };
		return chunks;
	}
	for (size_t i = 0; i < nr; i++) {
		chunks[i].packed.size = km_cursor_u32(&cur);
		chunks[i].size = km_cursor_u32(&cur);
		chunks[i].packed.data = km_cursor_bytes(&cur, chunks[i].packed.size);
		check(trace, &cur, "a chunk");
	}
	return chunks;
}

uint8_t *bench_trace_pages(const struct bench_trace *trace, const struct bench_cpu *cpu,
			   size_t *ret_nr)
{
	size_t nr, size = 0;
	struct bench_chunk *chunks = bench_trace_chunks(trace, cpu, &nr);

	for (size_t i = 0; i < nr; i++)
		size += chunks[i].size;
	uint8_t *pages = bench_alloc(size), *dst = pages;

	for (size_t i = 0; i < nr; i++) {
		if (trace->is_packed)
			unpack(trace, chunks[i].packed, dst, chunks[i].size);
		else
			memcpy(dst, chunks[i].packed.data, chunks[i].size);
		dst += chunks[i].size;
	}
	free(chunks);
	*ret_nr = size / trace->page_size;
	return pages;
}
