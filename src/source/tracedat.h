/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trace.dat, as trace-cmd writes it: what its files share. */
#ifndef KMEMSTAT_SOURCE_TRACEDAT_H
#define KMEMSTAT_SOURCE_TRACEDAT_H

#include "base/cpunodes.h"
#include "base/cursor.h"
#include "decode/clock.h"
#include "source/event_formats.h"
#include "source/source.h"
#include "source/unpack.h"

/* Before each compressed chunk: u32 size in the file, u32 size. */
#define CHUNK_HEADER_BYTES 8

/* Ids of options; in version 7 those from 16 on are sections' ids too (trace-cmd.dat.v7(5)). */
enum td_option {
	TD_OPTION_DONE = 0,
	TD_OPTION_DATE = 1,
	TD_OPTION_CPUSTAT = 2,
	TD_OPTION_BUFFER = 3,
	TD_OPTION_TRACECLOCK = 4,
	TD_OPTION_UNAME = 5,
	TD_OPTION_OFFSET = 7,
	TD_OPTION_CPUCOUNT = 8,
	TD_OPTION_VERSION = 9,
	TD_OPTION_TIME_SHIFT = 12,
	TD_OPTION_TSC2NSEC = 14,
	TD_SECTION_HEADER_INFO = 16,
	TD_SECTION_FTRACE_EVENTS = 17,
	TD_SECTION_EVENT_FORMATS = 18,
	TD_SECTION_KALLSYMS = 19,
	TD_SECTION_PRINTK = 20,
	TD_SECTION_CMDLINES = 21,
	TD_OPTION_BUFFER_TEXT = 22,
	TD_OPTION_KMEMSTAT = 0x6d6b, /* of kmemstat record, kmemstat-trace(5) */
};

/* The data of one CPU in the file. */
struct td_cpu {
	uint32_t cpu;
	uint64_t offset, bytes;
};

/* One buffer instance. */
struct td_buffer {
	char *name;
	char *clock; /* or NULL */
	uint32_t page_bytes;
	struct td_cpu *cpus;
	size_t nr_cpus;
};

/* What the recorder said of one CPU's buffer (CPUSTAT). */
struct td_cpu_stats {
	uint32_t cpu;
	uint64_t overrun, dropped;
};

/* Time-stamp corrections of one CPU (TIME_SHIFT). */
struct td_time_shift {
	struct km_clock_sample *samples;
	size_t nr_samples;
	unsigned int fraction_bits;
};

/* What a recording of kmemstat tells of its machine: texts as the kernel gave them, or NULL. */
struct td_machine {
	char *slabinfo_start, *slabinfo_end;
	char *modules, *build_ids, *nodes, *cpus_online;
	char *kernel_build_id; /* of build_ids */
	struct km_cpunodes node_of_cpu;
};

struct td_comm {
	int32_t pid;
	const char *comm; /* in tracedat.cmdlines */
};

/* A piece of a stream that is read by itself. */
struct td_part {
	uint32_t stream;
	uint64_t offset;        /* of its first page or chunk */
	uint64_t bytes;         /* in the file */
	uint32_t nr_chunks;     /* if it is compressed */
	uint64_t missing_bytes; /* of its data that lie beyond the end of the file */
	bool is_damaged;        /* the chunk list after it does not add up */
};

struct tracedat {
	struct km_source base;
	struct km_input *input;
	uint64_t memory_bytes; /* to stay in; 0: any */
	bool is_big_endian;
	enum km_compression compression;
	char *release, *machine, *recorder, *clock; /* strings behind base.info */
	struct td_buffer *buffers;
	size_t nr_buffers;
	struct td_cpu_stats *cpu_stats;
	size_t nr_cpu_stats;
	struct td_time_shift *time_shifts; /* by CPU */
	size_t nr_time_shifts;
	struct km_clock clock_base; /* what all CPUs have */
	struct td_machine machine_info;
	uint64_t kallsyms_at; /* of a section that has not been read, version 7; 0: none */
	char *cmdlines;
	struct td_comm *comms; /* by pid */
	size_t nr_comms;
	const struct td_buffer *selected;
	struct km_instance_info *instances;
	struct km_stream_info *streams;
	struct km_clock *clocks; /* by stream */
	struct td_part *parts;
	size_t nr_parts;
};

/* Sections and options, both versions (tracedat_meta.c). Cursors stand after what was read. */
struct km_error *td_parse_kallsyms(struct tracedat *td, struct km_cursor *cur);
struct km_error *td_parse_cmdlines(struct tracedat *td, struct km_cursor *cur);
/* Any option but DONE, BUFFER and those that point to sections; unknown ones are passed over. */
struct km_error *td_parse_option(struct tracedat *td, unsigned int id, struct km_cursor *cur);
/*
 * One of kmemstat's own options (tracedat_machine.c), and when all are read what they say. Damage
 * is counted. Errors: KM_ERR_MEMORY.
 */
struct km_error *td_parse_machine(struct tracedat *td, struct km_cursor *cur);
struct km_error *td_finish_machine(struct tracedat *td);
void td_deinit_machine(struct tracedat *td);
/* Appends a buffer; takes name and clock over. Errors: KM_ERR_MEMORY. */
struct km_error *td_add_buffer(struct tracedat *td, char *name, char *clock, uint32_t page_bytes,
			       struct td_buffer **ret);
/* Appends a CPU to a buffer. Errors: KM_ERR_MEMORY. */
struct km_error *td_add_cpu(struct td_buffer *buffer, uint32_t cpu, uint64_t offset,
			    uint64_t bytes);

/* The two versions: read everything but the events. */
struct km_error *td_open_v6(struct tracedat *td, uint64_t offset);
/* Reads the symbols, if there are some; damage is counted. Errors: KM_ERR_MEMORY. */
struct km_error *td_load_kallsyms(struct tracedat *td);
struct km_error *td_open_v7(struct tracedat *td, uint64_t options_offset);
/*
 * Looks for the events of a version 7 file without its end, from the section at `offset` on. Adds a
 * buffer if it finds one, and counts the bytes that are missing (tracedat_recover.c).
 */
struct km_error *td_recover_v7(struct tracedat *td, uint64_t offset);

/* Parts of the selected buffer (tracedat_parts.c). Errors: KM_ERR_INPUT, KM_ERR_MEMORY. */
struct km_error *td_make_parts(struct tracedat *td, const struct td_buffer *buffer,
			       struct td_part **ret, size_t *ret_nr);

/* The readers (tracedat_reader.c), as in km_source_ops. */
struct km_error *td_reader_create(struct km_source *source, enum km_want want,
				  struct km_reader **ret);
void td_reader_destroy(struct km_reader *reader);
struct km_error *td_reader_start(struct km_reader *reader, size_t part);
struct km_error *td_reader_fill(struct km_reader *reader, struct km_batch *batch);
const struct km_part_stats *td_reader_stats(const struct km_reader *reader);
const struct km_intern *td_reader_names(const struct km_reader *reader);
size_t td_reader_stack(const struct km_reader *reader, km_stack_id id, const uint64_t **ret);

#endif
