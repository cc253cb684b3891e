/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the benchmark's programs know of a trace.dat version 7, as trace-cmd.dat.v7(5)
 * describes it. Independent of kmemstat's own reader on purpose: the two are compared.
 * These are programs, not a library: an input that does not fit ends them with a message.
 */
#ifndef KMEMSTAT_BENCH_TRACE_H
#define KMEMSTAT_BENCH_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Section and option ids, trace-cmd.dat.v7(5). */
enum bench_id {
	BENCH_ID_DONE = 0, /* as an option; as a section: options */
	BENCH_ID_BUFFER = 3,
	BENCH_ID_STRINGS = 15,
	BENCH_ID_HEADERS = 16,
	BENCH_ID_FTRACE_FORMATS = 17,
	BENCH_ID_EVENT_FORMATS = 18,
	BENCH_ID_KALLSYMS = 19,
	BENCH_ID_CMDLINES = 21,
};

struct bench_bytes {
	const uint8_t *data;
	size_t size;
};

/* An option that holds no offset or is one of a metadata section. In the file's order. */
struct bench_option {
	uint16_t id;
	struct bench_bytes bytes;
};

/* A metadata section, unpacked. */
struct bench_section {
	uint16_t id;
	uint32_t description; /* offset in the strings section */
	struct bench_bytes bytes;
};

/* A piece of a CPU's data: pages, packed or not. */
struct bench_chunk {
	struct bench_bytes packed;
	size_t size; /* unpacked */
};

struct bench_cpu {
	uint32_t id;
	struct bench_bytes stored; /* as it lies in the file */
};

#define BENCH_MAX_CPUS     256
#define BENCH_MAX_OPTIONS  512
#define BENCH_MAX_SECTIONS 32

struct bench_trace {
	const char *path;
	struct bench_bytes file;
	bool is_packed; /* zstd */
	uint32_t page_size;
	uint32_t options_description, buffer_options_description; /* of the sections with options */
	uint32_t buffer_description, strings_description;
	struct bench_bytes strings;
	struct bench_option options[BENCH_MAX_OPTIONS];
	size_t nr_options;
	struct bench_section sections[BENCH_MAX_SECTIONS];
	size_t nr_sections;
	const char *clock; /* of the buffer */
	struct bench_cpu cpus[BENCH_MAX_CPUS];
	size_t nr_cpus;
};

/* Ends the program with a message and status 1. */
_Noreturn void bench_die(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* malloc() that ends the program when there is no memory. */
void *bench_alloc(size_t size);
/* Maps a file for reading. */
struct bench_bytes bench_file_map(const char *path);

/*
 * Reads header, options and the places of all data of the top-level buffer. With
 * `with_metadata` false the metadata sections stay packed in the file and unknown.
 */
void bench_trace_open(const char *path, bool with_metadata, struct bench_trace *ret);
/* The metadata section of that id; its bytes are empty if the trace has none. */
struct bench_bytes bench_trace_section(const struct bench_trace *trace, uint16_t id);
/* The chunks of a CPU, malloc'ed; an unpacked file has one. */
struct bench_chunk *bench_trace_chunks(const struct bench_trace *trace, const struct bench_cpu *cpu,
				       size_t *ret_nr);
/* All pages of a CPU, unpacked, malloc'ed; *ret_nr is their number. */
uint8_t *bench_trace_pages(const struct bench_trace *trace, const struct bench_cpu *cpu,
			   size_t *ret_nr);

#endif
