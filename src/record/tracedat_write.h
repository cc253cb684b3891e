/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes a trace.dat of version 7 (trace-cmd.dat.v7(5)). */
#ifndef KMEMSTAT_RECORD_TRACEDAT_WRITE_H
#define KMEMSTAT_RECORD_TRACEDAT_WRITE_H

#include "record/bytes.h"

/* Ids of options; from 16 on also those of the sections they point to. */
enum km_td_id {
	KM_TD_DONE = 0,
	KM_TD_CPUSTAT = 2,
	KM_TD_BUFFER = 3,
	KM_TD_TRACECLOCK = 4,
	KM_TD_UNAME = 5,
	KM_TD_CPUCOUNT = 8,
	KM_TD_VERSION = 9,
	KM_TD_STRINGS = 15,
	KM_TD_HEADER_INFO = 16,
	KM_TD_FTRACE_EVENTS = 17,
	KM_TD_EVENT_FORMATS = 18,
	KM_TD_KALLSYMS = 19,
	KM_TD_PRINTK = 20,
	KM_TD_CMDLINES = 21,
	/*
	 * kmemstat's own, "km" in a file of little-endian order: a string that names it, and its
	 * bytes (kmemstat-trace(5)). Others pass over options they do not know.
	 */
	KM_TD_KMEMSTAT = 0x6d6b,
};

/* Pages that are compressed as one: what a reader has to unpack to see one of them. */
#define KM_TD_CHUNK_PAGES 32

/* The events of one CPU, as they lie in a file of their own: pages, or with compression chunks. */
struct km_td_cpu {
	uint32_t cpu;
	int fd;             /* where they are, from its beginning on; the writer empties it */
	uint64_t bytes;     /* of them */
	uint32_t nr_chunks; /* with compression */
};

struct km_tracedat_writer {
	int fd;
	const char *path; /* for messages; the caller's */
	uint64_t at;      /* end of what is written */
	uint32_t page_bytes;
	bool is_compressed;
	void *zstd; /* ZSTD_CCtx */
	struct km_bytes options, strings;
};

/*
 * Begins a file in `fd`, which must be empty and stay open. With `is_compressed` sections are
 * packed by zstd. km_tracedat_writer_deinit() is to be called after an error, too.
 */
KM_MUST_CHECK struct km_error *km_tracedat_writer_init(struct km_tracedat_writer *writer, int fd,
						       const char *path, bool is_compressed);
void km_tracedat_writer_deinit(struct km_tracedat_writer *writer);
/* Writes a section, and the option that points to it. */
KM_MUST_CHECK struct km_error *km_tracedat_write_section(struct km_tracedat_writer *writer,
							 enum km_td_id id, const char *description,
							 const struct km_bytes *data);
/* Adds an option; they are written at the end. */
void km_tracedat_add_option(struct km_tracedat_writer *writer, enum km_td_id id, const void *data,
			    size_t size);
/*
 * Writes the one buffer, and its option. `page_bytes` is the size of a ring-buffer page. The data
 * goes from file to file inside the kernel, and what has been moved is freed on the way, so that it
 * does not lie on the disk twice.
 */
KM_MUST_CHECK struct km_error *km_tracedat_write_buffer(struct km_tracedat_writer *writer,
							const char *clock, uint32_t page_bytes,
							const struct km_td_cpu *cpus,
							size_t nr_cpus);
/* Writes options and strings; then the file is whole. */
KM_MUST_CHECK struct km_error *km_tracedat_writer_finish(struct km_tracedat_writer *writer);

/* Writes it all to a file, at `offset`; errno says what went wrong. */
bool km_write_at(int fd, const void *data, size_t size, uint64_t offset);

#endif
