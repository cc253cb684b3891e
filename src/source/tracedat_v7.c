/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trace.dat version 7 (trace-cmd.dat.v7(5)): sections anywhere in the file, each
 *
 *	u16 id, u16 flags (1: compressed), u32 description, u64 size in the file, data
 *
 * where the data of a compressed one is u32 compressed size, u32 size, bytes. The first section of
 * options (id 0) is named by the initial bytes; its options (u16 id, u32 size, data) name the other
 * sections by their offset, and DONE the next section of options. BUFFER tells where the
 * events of each CPU lie; those are in chunks of their own (tracedat_parts.c).
 */
#include "source/tracedat.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SECTION_HEADER_BYTES 16
#define FLAG_COMPRESSED      1
/* kallsyms, the largest, has some 10 MiB; this only stops absurd numbers */
#define MAX_SECTION_BYTES    (1ULL << 30)
#define MAX_OPTION_SECTIONS  10000

/* A section in memory. */
struct section {
	unsigned int id;
	uint64_t offset; /* of its header in the file */
	uint8_t *data;
	size_t size;
};

static struct km_error *section_short(const struct tracedat *td, uint64_t offset)
{
	return km_error_advise(
		km_error_at(td->input->path, offset, "the file ends inside a section"),
		"it was cut short: copy it again");
}

/*
 * It is unpacked beside what it was packed to, and symbols are kept beside their text. KM_ERR_USAGE
 * if it may be good, and only is too large.
 */
static struct km_error *section_check(const struct tracedat *td, uint64_t offset, uint64_t size)
{
	if (size > MAX_SECTION_BYTES)
		return km_error_at(td->input->path, offset, "a section of %llu bytes cannot be",
				   (unsigned long long)size);
	if (!td->memory_bytes || size <= td->memory_bytes / 4)
		return NULL;
	return km_error_advise(km_error_create(KM_ERR_USAGE, td->input->path,
					       "a section of %llu bytes is more than a quarter of "
					       "the memory limit",
					       (unsigned long long)size),
			       "give a larger --memory-limit");
}

/* Unpacks the section's data in place. */
static struct km_error *section_unpack(const struct tracedat *td, struct section *section)
{
	struct km_cursor cur = km_cursor_make(section->data, section->size, td->is_big_endian);
	uint32_t packed = km_cursor_u32(&cur), size = km_cursor_u32(&cur);
	const void *src = km_cursor_bytes(&cur, packed);
	struct km_error *error = section_check(td, section->offset, size);
	enum km_unpacked unpacked;
	uint8_t *data;

	if (error)
		return error;
	if (!src)
		return km_error_at(td->input->path, section->offset,
				   "the sizes of compressed section %u do not add up", section->id);
	data = malloc((size_t)size + 1);
	if (!data)
		return &km_error_memory;
	unpacked = km_unpack(td->compression, NULL, data, size, src, packed);
	if (unpacked != KM_UNPACKED) {
		free(data);
		if (unpacked == KM_UNPACK_NO_MEMORY)
			return &km_error_memory;
		return km_error_at(td->input->path, section->offset,
				   "section %u does not unpack (%s)", section->id,
				   km_compression_name(td->compression));
	}
	free(section->data);
	section->data = data;
	section->size = size;
	return NULL;
}

/* Reads the header of the section at `offset`, and the size of its data in the file. */
static struct km_error *section_head(const struct tracedat *td, uint64_t offset,
				     struct section *ret, unsigned int *ret_flags,
				     uint64_t *ret_size)
{
	uint8_t head[SECTION_HEADER_BYTES];
	struct km_cursor cur = km_cursor_make(head, sizeof(head), td->is_big_endian);
	uint64_t size;
	size_t got;
	struct km_error *error = km_input_read_at(td->input, offset, head, sizeof(head), &got);

	if (error)
		return error;
	if (got < sizeof(head))
		return section_short(td, offset);
	*ret = (struct section){ .id = km_cursor_u16(&cur), .offset = offset };
	*ret_flags = km_cursor_u16(&cur);
	km_cursor_u32(&cur);
	size = km_cursor_u64(&cur);
	if (size > td->input->file_bytes - offset)
		return section_short(td, offset);
	*ret_size = size;
	return section_check(td, offset, size);
}

/* Reads the section at `offset`, unpacked. The caller frees ret->data. */
static struct km_error *section_load(const struct tracedat *td, uint64_t offset,
				     struct section *ret)
{
	struct section section = { 0 };
	unsigned int flags = 0;
	uint64_t size = 0;
	struct km_error *error = section_head(td, offset, &section, &flags, &size);

	if (error)
		return error;
	section.data = malloc(size + 1);
	if (!section.data)
		return &km_error_memory;
	error = km_input_read_at(td->input, offset + SECTION_HEADER_BYTES, section.data, size,
				 &section.size);
	if (!error && section.size < size)
		error = section_short(td, offset);
	if (!error && (flags & FLAG_COMPRESSED))
		error = section_unpack(td, &section);
	if (error) {
		free(section.data);
		return error;
	}
	*ret = section;
	return NULL;
}

/*
 * Kernel symbols, megabytes large, are mapped where they can be: reading them would take longer
 * than all that is done with them. False where they are packed, or damaged.
 */
static bool map_kallsyms(struct tracedat *td, uint64_t offset)
{
	struct section section = { 0 };
	unsigned int flags = 0;
	uint64_t section_bytes = 0, at = offset + SECTION_HEADER_BYTES;
	struct km_blob blob = { 0 };
	uint8_t count[4];
	struct km_cursor cur = km_cursor_make(count, sizeof(count), td->is_big_endian);
	size_t got = 0, before;
	struct km_error *error = section_head(td, offset, &section, &flags, &section_bytes);

	if (!error)
		error = km_input_read_at(td->input, at, count, sizeof(count), &got);
	if (error) {
		km_error_free(error);
		return false;
	}
	blob.size = km_cursor_u32(&cur);
	at += sizeof(count);
	if (td->base.kallsyms.data || section.id != TD_SECTION_KALLSYMS ||
	    (flags & FLAG_COMPRESSED) || got < sizeof(count) || section_bytes < sizeof(count) ||
	    !blob.size || blob.size != section_bytes - sizeof(count) ||
	    at + blob.size > td->input->file_bytes)
		return false;
	before = (size_t)(at % (uint64_t)sysconf(_SC_PAGESIZE));
	blob.map_size = blob.size + before;
	blob.map = mmap(NULL, blob.map_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, td->input->fd,
			(off_t)(at - before));
	if (blob.map == MAP_FAILED)
		return false;
#ifdef MADV_POPULATE_READ
	madvise(blob.map, blob.map_size, MADV_POPULATE_READ);
#endif
	blob.data = (char *)blob.map + before;
	td->base.kallsyms = blob;
	return true;
}

typedef struct km_error *(*parse_fn)(struct tracedat *td, struct km_cursor *cur);

static struct km_error *parse_header_info(struct tracedat *td, struct km_cursor *cur)
{
	return km_parse_header_info(&td->base, cur);
}

static struct km_error *parse_ftrace_events(struct tracedat *td, struct km_cursor *cur)
{
	return km_parse_ftrace_events(&td->base, cur);
}

static struct km_error *parse_event_formats(struct tracedat *td, struct km_cursor *cur)
{
	return km_parse_event_formats(&td->base, cur);
}

static parse_fn section_parser(unsigned int id)
{
	switch (id) {
	case TD_SECTION_HEADER_INFO:
		return parse_header_info;
	case TD_SECTION_FTRACE_EVENTS:
		return parse_ftrace_events;
	case TD_SECTION_EVENT_FORMATS:
		return parse_event_formats;
	case TD_SECTION_KALLSYMS:
		return td_parse_kallsyms;
	case TD_SECTION_CMDLINES:
		return td_parse_cmdlines;
	default:
		return NULL;
	}
}

static bool section_is_vital(unsigned int id)
{
	return id == TD_SECTION_HEADER_INFO || id == TD_SECTION_EVENT_FORMATS;
}

/* Reads the section an option points to. */
static struct km_error *follow_section(struct tracedat *td, unsigned int id, uint64_t offset,
				       bool loads_kallsyms)
{
	parse_fn parse = section_parser(id);
	struct section section = { 0 };
	struct km_cursor cur;
	struct km_error *error;

	if (!parse)
		return NULL;
	/* the largest by far, and not needed before the events are read */
	if (id == TD_SECTION_KALLSYMS && !loads_kallsyms) {
		if (!td->kallsyms_at)
			td->kallsyms_at = offset;
		return NULL;
	}
	if (id == TD_SECTION_KALLSYMS && map_kallsyms(td, offset))
		return NULL;
	error = section_load(td, offset, &section);
	if (!error && section.id != id)
		error = km_error_at(td->input->path, offset, "section %u expected, %u found", id,
				    section.id);
	if (!error) {
		cur = km_cursor_make(section.data, section.size, td->is_big_endian);
		error = parse(td, &cur);
		/* a number in it is smaller than it was: something is left */
		if (!error && km_cursor_left(&cur))
			td->base.quality.count[KM_SECTIONS_DAMAGED]++;
	}
	free(section.data);
	/* symbols that are too large are done without, and that is said */
	if (!error || (!km_error_is_of_data(error) &&
		       (error->kind != KM_ERR_USAGE || id == TD_SECTION_KALLSYMS)))
		return error;
	if (section_is_vital(id)) {
		if (!error->path) {
			struct km_error *at =
				km_error_at(td->input->path, offset, "%s", error->message);

			km_error_free(error);
			error = at;
		}
		return error->remedy ? error
				     : km_error_advise(error, "the file is damaged: copy it again");
	}
	km_error_free(error);
	td->base.quality.count[KM_SECTIONS_DAMAGED]++;
	return NULL;
}

struct km_error *td_load_kallsyms(struct tracedat *td)
{
	const uint64_t offset = td->kallsyms_at;

	td->kallsyms_at = 0;
	return offset ? follow_section(td, TD_SECTION_KALLSYMS, offset, true) : NULL;
}

/* BUFFER: where the events of one instance are. */
static struct km_error *parse_buffer(struct tracedat *td, struct km_cursor *cur)
{
	struct td_buffer *buffer;
	const char *name, *clock;
	uint32_t page_bytes, nr_cpus;
	struct km_error *error;

	km_cursor_u64(cur); /* the section's offset: the CPUs' are given one by one */
	name = km_cursor_string(cur);
	clock = km_cursor_string(cur);
	page_bytes = km_cursor_u32(cur);
	nr_cpus = km_cursor_u32(cur);
	if (cur->is_over) {
		td->base.quality.count[KM_SECTIONS_DAMAGED]++;
		return NULL;
	}
	clock = strdup(clock);
	error = clock ? td_add_buffer(td, strdup(name), (char *)clock, page_bytes, &buffer)
		      : &km_error_memory;
	for (uint32_t i = 0; i < nr_cpus && !error; i++) {
		uint32_t cpu = km_cursor_u32(cur);
		uint64_t offset = km_cursor_u64(cur), bytes = km_cursor_u64(cur);

		if (cur->is_over) {
			td->base.quality.count[KM_SECTIONS_DAMAGED]++;
			return NULL;
		}
		error = td_add_cpu(buffer, cpu, offset, bytes);
	}
	return error;
}

static struct km_error *parse_option(struct tracedat *td, unsigned int id, struct km_cursor *option)
{
	if (id == TD_OPTION_BUFFER)
		return parse_buffer(td, option);
	if (id >= TD_SECTION_HEADER_INFO && id <= TD_SECTION_CMDLINES)
		return follow_section(td, id, km_cursor_u64(option), false);
	return td_parse_option(td, id, option);
}

/* One section of options; *ret_next is the offset of the next one, 0 after the last. */
static struct km_error *parse_options(struct tracedat *td, const struct section *section,
				      uint64_t *ret_next)
{
	struct km_cursor cur = km_cursor_make(section->data, section->size, td->is_big_endian);

	for (;;) {
		unsigned int id = km_cursor_u16(&cur);
		uint32_t size = km_cursor_u32(&cur);
		const void *data = km_cursor_bytes(&cur, size);
		struct km_cursor option;
		struct km_error *error;

		if (!data)
			return km_error_advise(km_error_at(td->input->path, section->offset,
							   "the options do not fit into their "
							   "section"),
					       "the file is damaged: copy it again");
		option = km_cursor_make(data, size, td->is_big_endian);
		if (id == TD_OPTION_DONE) {
			*ret_next = km_cursor_u64(&option);
			return NULL;
		}
		error = parse_option(td, id, &option);
		if (error)
			return error;
	}
}

/*
 * The file ends before the options at `missing`. If those at `offset`, the last that are there, are
 * whole, the events that follow them can be had all the same.
 */
static struct km_error *recover(struct tracedat *td, uint64_t offset, uint64_t missing)
{
	uint8_t head[SECTION_HEADER_BYTES];
	struct km_cursor cur = km_cursor_make(head, sizeof(head), td->is_big_endian);
	size_t got;
	struct km_error *error =
		offset ? km_input_read_at(td->input, offset, head, sizeof(head), &got) : NULL;

	if (!error && offset && got == sizeof(head)) {
		km_cursor_u64(&cur);
		error = td_recover_v7(td, offset + SECTION_HEADER_BYTES + km_cursor_u64(&cur));
	}
	if (error)
		return error;
	if (td->nr_buffers) {
		td->base.quality.count[KM_SECTIONS_DAMAGED]++;
		return NULL;
	}
	return km_error_advise(
		km_error_at(td->input->path, td->input->file_bytes,
			    "the file ends before its options, which say where the "
			    "events are (byte %llu)",
			    (unsigned long long)missing),
		"it was cut short, or the recording did not finish: copy it again or "
		"record again");
}

struct km_error *td_open_v7(struct tracedat *td, uint64_t options_offset)
{
	uint64_t offset = options_offset, last = 0;

	for (int i = 0; offset; i++) {
		struct section section = { 0 };
		struct km_error *error;

		if (i == MAX_OPTION_SECTIONS)
			return km_error_at(td->input->path, offset,
					   "its sections of options follow each other in a circle");
		if (offset >= td->input->file_bytes)
			return recover(td, last, offset);
		error = section_load(td, offset, &section);
		if (error && last && !td->nr_buffers && km_error_is_of_data(error)) {
			km_error_free(error);
			return recover(td, last, offset);
		}
		if (error)
			return error;
		last = offset;
		if (section.id != 0)
			error = km_error_at(td->input->path, offset,
					    "options expected, section %u found", section.id);
		else
			error = parse_options(td, &section, &offset);
		free(section.data);
		if (error)
			return error;
	}
	return NULL;
}
