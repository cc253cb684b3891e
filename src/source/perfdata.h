/* SPDX-License-Identifier: GPL-2.0-or-later */
/* perf.data, as perf record writes it: what its files share. */
#ifndef KMEMSTAT_SOURCE_PERFDATA_H
#define KMEMSTAT_SOURCE_PERFDATA_H

#include "base/cpunodes.h"
#include "base/cursor.h"
#include "decode/record.h"
#include "source/source.h"

/* Of the kernel: include/uapi/linux/perf_event.h, v6.12. */
enum pd_type {
	PD_MMAP = 1,
	PD_LOST = 2,
	PD_COMM = 3,
	PD_THROTTLE = 5,
	PD_SAMPLE = 9,
	PD_LOST_SAMPLES = 13,
	PD_KERNEL_LAST = 21,
	/* of perf itself: tools/lib/perf/include/perf/event.h, v6.14 */
	PD_USER_FIRST = 64,
	PD_ATTR = 64,
	PD_TRACING_DATA = 66,
	PD_BUILD_ID = 67,
	PD_FINISHED_ROUND = 68,
	PD_ID_INDEX = 69,
	PD_AUXTRACE = 71,
	PD_FEATURE = 80,
	PD_COMPRESSED = 81,
	PD_FINISHED_INIT = 82,
	PD_COMPRESSED2 = 83,
	PD_USER_LAST = 84,
};

enum pd_sample_bit {
	PD_SAMPLE_IP = 1U << 0,
	PD_SAMPLE_TID = 1U << 1,
	PD_SAMPLE_TIME = 1U << 2,
	PD_SAMPLE_ADDR = 1U << 3,
	PD_SAMPLE_READ = 1U << 4,
	PD_SAMPLE_CALLCHAIN = 1U << 5,
	PD_SAMPLE_ID = 1U << 6,
	PD_SAMPLE_CPU = 1U << 7,
	PD_SAMPLE_PERIOD = 1U << 8,
	PD_SAMPLE_STREAM_ID = 1U << 9,
	PD_SAMPLE_RAW = 1U << 10,
	PD_SAMPLE_BRANCH_STACK = 1U << 11,
	PD_SAMPLE_REGS_USER = 1U << 12,
	PD_SAMPLE_STACK_USER = 1U << 13,
	PD_SAMPLE_WEIGHT = 1U << 14,
	PD_SAMPLE_DATA_SRC = 1U << 15,
	PD_SAMPLE_IDENTIFIER = 1U << 16,
	PD_SAMPLE_TRANSACTION = 1U << 17,
	PD_SAMPLE_REGS_INTR = 1U << 18,
	PD_SAMPLE_PHYS_ADDR = 1U << 19,
	PD_SAMPLE_AUX = 1U << 20,
	PD_SAMPLE_CGROUP = 1U << 21,
	PD_SAMPLE_DATA_PAGE_SIZE = 1U << 22,
	PD_SAMPLE_CODE_PAGE_SIZE = 1U << 23,
	PD_SAMPLE_WEIGHT_STRUCT = 1U << 24,
	PD_SAMPLE_END = 1U << 25,
};

#define PD_HEAD_BYTES 8 /* of a record: u32 type, u16 misc, u16 size */

/*
 * How the samples of an attr are laid out: places from the record's start, 0 for what they do not
 * have.
 */
struct pd_attr {
	uint64_t sample_type, read_format;
	bool is_plain;       /* with TIME, CPU and RAW, which is last, and without READ */
	bool is_sized;       /* all that there is in a sample is known: so is how long it is */
	bool has_sample_ids; /* other records end with TID, TIME, ID, STREAM_ID, CPU, IDENTIFIER */
	uint16_t id_at, tid_at, time_at, cpu_at, period_at;
	uint16_t read_at;     /* what comes after PERIOD */
	uint16_t trail_bytes; /* of sample_id_all */
	uint8_t nr_regs_user, nr_regs_intr;
};

/* An event's id, which has one for each CPU: what it stands for. */
struct pd_id {
	uint64_t id;   /* 0: the place in the table is free */
	uint32_t attr; /* UINT32_MAX: none is known */
	uint32_t cpu;  /* UINT32_MAX: not known */
};

struct pd_comm {
	int32_t pid;
	char comm[16];
	bool is_used;
};

/* One record, in the file's byte order. */
struct pd_record {
	const uint8_t *data; /* its header, then the rest; good until the next is asked for */
	uint32_t type;
	uint16_t misc;
	uint16_t size; /* of all, at least PD_HEAD_BYTES */
};

/*
 * The bytes of a file or pipe, front to end, as much at a time as is asked for. A file is mapped in
 * pieces: reading it into a buffer would cost as much again as decoding it.
 */
struct pd_feed {
	struct km_input *input;
	const uint8_t *pos, *limit; /* in hand */
	uint64_t at;                /* place of pos in the file */
	uint64_t end;               /* of what is to be read; UINT64_MAX in a pipe */
	bool is_mapped;
	void *map;
	size_t map_size;
	uint8_t *buf; /* of a pipe */
	size_t room;
};

/* From byte `at` of the input to `end`. */
void pd_feed_init(struct pd_feed *feed, struct km_input *input, uint64_t at, uint64_t end);
void pd_feed_deinit(struct pd_feed *feed);
/* Makes `size` bytes in hand, or less at the end. Errors: KM_ERR_INPUT, KM_ERR_MEMORY. */
KM_MUST_CHECK struct km_error *pd_feed_need(struct pd_feed *feed, size_t size);
/* Moves over `size` bytes; those that there are not go into *ret_missing. */
KM_MUST_CHECK struct km_error *pd_feed_skip(struct pd_feed *feed, uint64_t size,
					    uint64_t *ret_missing);
/* Whether more than is in hand would have to be waited for. */
bool pd_feed_is_live(const struct pd_feed *feed);

static inline size_t pd_feed_left(const struct pd_feed *feed)
{
	return (size_t)(feed->limit - feed->pos);
}

/* Moves over bytes that are in hand. */
static inline void pd_feed_take(struct pd_feed *feed, size_t size)
{
	feed->pos += size;
	feed->at += size;
}

struct perfdata {
	struct km_source base;
	struct km_input *input;
	bool is_big_endian;
	bool is_pipe; /* pipe mode: what describes the events is in records of its own */
	bool has_formats;
	uint64_t memory_bytes; /* to stay in; 0: any */
	bool is_started;       /* the records were read, which can be done once from a pipe */
	uint64_t data_at, data_end;
	struct pd_attr *attrs;
	size_t nr_attrs;
	struct pd_id *ids; /* hashed, nr_ids of room_ids places taken, a power of two */
	size_t nr_ids, room_ids;
	bool is_read_alike;  /* all attrs have one read_format */
	bool are_identified; /* records of all attrs have an IDENTIFIER */
	uint8_t trail_u64s;  /* bit n: there is an attr with trails of so many u64 */
	bool is_uniform;     /* samples of all attrs are laid out alike: no id is looked up */
	char *release, *machine, *recorder, *build_id;
	struct km_cpunodes nodes;
	struct pd_comm *comms; /* hashed by pid, like ids */
	size_t nr_comms, room_comms;
	struct km_instance_info instance;
	struct km_stream_info *streams;
	size_t room_streams;
	uint16_t *cpu_streams; /* by CPU: index of its stream + 1 */
	size_t nr_cpu_streams;
	int32_t *exclude_pids; /* whose events count as filtered */
	size_t nr_exclude_pids;
	struct pd_feed feed; /* of pipe mode, after the records that describe the events */
};

/* The streams: one for each CPU. Errors: KM_ERR_MEMORY. */
#define PD_MAX_CPU 65534
KM_MUST_CHECK struct km_error *pd_stream_of(struct perfdata *pd, uint32_t cpu, size_t *ret);

/* What describes the events (perfdata_meta.c). */

/* A perf_event_attr; its ids follow, u64 each. Errors: KM_ERR_INPUT without path, KM_ERR_MEMORY. */
KM_MUST_CHECK struct km_error *pd_parse_attr(struct perfdata *pd, struct km_cursor attr,
					     struct km_cursor ids);
/* The trace event formats. Errors: KM_ERR_INPUT without path, KM_ERR_MEMORY. */
KM_MUST_CHECK struct km_error *pd_parse_tracing_data(struct perfdata *pd, struct km_cursor *cur);
/* A section of the header, any but the tracing data; unknown ones are passed over. */
KM_MUST_CHECK struct km_error *pd_parse_feature(struct perfdata *pd, unsigned int feature,
						struct km_cursor *cur);
/*
 * A record that is neither sample nor of interest to the reader alone: attrs, features, tasks,
 * maps. Errors: KM_ERR_MEMORY.
 */
KM_MUST_CHECK struct km_error *pd_take_meta(struct perfdata *pd, const struct pd_record *record);
static inline uint64_t pd_id_hash(uint64_t id)
{
	return id * 0x9e3779b97f4a7c15ULL >> 32;
}

/* The place of an id in the table, or NULL. */
const struct pd_id *pd_find_id(const struct perfdata *pd, uint64_t id);
const char *pd_find_comm(const struct perfdata *pd, int32_t pid);

enum pd_feature {
	PD_FEATURE_TRACING_DATA = 1,
	PD_FEATURE_BUILD_ID = 2,
	PD_FEATURE_OSRELEASE = 4,
	PD_FEATURE_VERSION = 5,
	PD_FEATURE_ARCH = 6,
	PD_FEATURE_NRCPUS = 7,
	PD_FEATURE_NUMA_TOPOLOGY = 14,
	PD_FEATURE_COMPRESSED = 27,
	PD_NR_FEATURES = 256,
};

/* Samples (perfdata_sample.c). */

/* What of a sample matters here. */
struct pd_sample {
	const struct pd_attr *attr;
	uint64_t id, time_ns, period;
	uint32_t cpu;
	int32_t tid;        /* -1: not known */
	const uint8_t *raw; /* NULL: it has none */
	uint32_t raw_size;
	const uint8_t *chain; /* of a call chain: nr_chain u64, not aligned */
	uint32_t nr_chain;
};

enum pd_verdict {
	PD_SAMPLE_GOOD,
	PD_SAMPLE_DAMAGED,    /* its lengths do not add up */
	PD_SAMPLE_UNKNOWN_ID, /* of an event that no attr describes */
};

enum pd_verdict pd_parse_sample(const struct perfdata *pd, const struct pd_record *record,
				struct pd_sample *ret);
/* Moves over the counts of READ, laid out by a read_format. */
void pd_skip_read(struct km_cursor *cur, uint64_t format);
/*
 * Whether a record that is no sample is as long as what is in it: if it is not, its length is wrong
 * and may go over others, or it is a record of another type. Of types whose contents are not known,
 * whether it is not several records that one flipped bit of a length made one. Of those of the
 * kernel there has to be an attr (perfdata_check.c).
 */
bool pd_record_is_sound(const struct perfdata *pd, const struct pd_record *record);
/* The id, time and CPU at the end of any other record of the kernel; false if it has none. */
bool pd_parse_trail(const struct perfdata *pd, const struct pd_record *record,
		    struct pd_sample *ret);
/* Works out the places in an attr's records from its sample_type. */
void pd_attr_lay_out(struct pd_attr *attr);
/*
 * The kernel's part of a call chain, innermost first, without marks; at most `max` of it. Returns
 * how many there are.
 */
size_t pd_chain_kernel(const struct perfdata *pd, const uint8_t *chain, size_t nr, uint64_t *ret,
		       size_t max);

/* Samples waiting to be put in order (perfdata_queue.c). */

/*
 * One that waits: decoded, if it is plain, only KM_WANT_PAIRS asks for it, and it is no allocation
 * of a group that is not known; or raw. Of a raw one `ptr` is its place in the queue's bytes, where
 * the chain's addresses are, then the raw data.
 */
struct pd_row {
	uint64_t ts_ns;
	uint64_t ptr;
	uint32_t group; /* as in a batch; of a raw one the size of its raw data */
	uint16_t cpu;
	uint16_t raw; /* 0: plain, else 1 + the number of addresses in its chain */
};

static inline bool pd_row_is_raw(const struct pd_row *row)
{
	return row->raw != 0;
}

static inline uint32_t pd_row_raw_size(const struct pd_row *row)
{
	return row->group;
}

static inline uint32_t pd_row_nr_chain(const struct pd_row *row)
{
	return row->raw - 1U;
}

/* Rows that came one after the other, in order of time. */
struct pd_run {
	uint32_t next; /* the first that was not let out */
	uint32_t end;  /* set when some are let out; else where the next begins */
};

struct pd_head {
	uint64_t ts_ns; /* of the next row of a run */
	uint32_t run;
};

struct pd_queue {
	struct pd_row *rows; /* as they came */
	uint32_t nr, room;
	uint8_t *bytes;
	size_t nr_bytes, room_bytes;
	struct pd_run *runs;
	uint32_t nr_runs, room_runs;
	struct pd_head *heap; /* the runs that have some to let out, the earliest first */
	uint32_t nr_heap;
	bool is_ready;      /* rows are being let out */
	uint32_t left;      /* so many of them at most */
	uint64_t until_ns;  /* none after that */
	uint64_t newest_ns; /* of all that came */
	uint64_t flush_ns;  /* up to there the next end of a round lets out */
	uint32_t most_rows; /* 0: as many as there may ever be; and so is it with bytes */
	size_t most_bytes;
	bool is_forced;     /* what is let out is so for lack of room */
	uint64_t forced_ns; /* of the last that was */
	uint64_t nr_late;   /* that came after such as were later */
};

/* So much memory is all that the queue may take; 0: as much as it ever takes. */
void pd_queue_set_limit(struct pd_queue *queue, uint64_t bytes);

void pd_queue_deinit(struct pd_queue *queue);
/* Empties it. */
void pd_queue_clear(struct pd_queue *queue);
/* Makes room for some more rows and runs, unless it is nearly full. Errors: KM_ERR_MEMORY. */
KM_MUST_CHECK struct km_error *pd_queue_reserve(struct pd_queue *queue);
/* Adds one that is raw. Only when nothing is being let out, as all functions here but the last. */
KM_MUST_CHECK struct km_error *pd_queue_add(struct pd_queue *queue, const struct pd_sample *sample,
					    uint16_t cpu, const uint64_t *chain, size_t nr_chain);
/* Whether so much waits that some has to be let out, round or not. */
bool pd_queue_is_full(const struct pd_queue *queue);
/*
 * The end of a round: events up to the newest of the round before can come no more
 * (tools/perf/util/ordered-events.c, v6.1).
 */
void pd_queue_end_round(struct pd_queue *queue);
/* Lets out the older half, for there is no room for more, or all. */
void pd_queue_flush_half(struct pd_queue *queue);
void pd_queue_flush_all(struct pd_queue *queue);
/*
 * The next rows to go, one behind the other: 1 to `most`, 0 if nothing more is let out. Good until
 * the next call.
 */
uint32_t pd_queue_take(struct pd_queue *queue, uint32_t most, const struct pd_row **ret);

/* For a row that is then put at rows[nr]: there is room for it, and for a run. */
static inline void pd_queue_place(struct pd_queue *queue, uint64_t ts_ns)
{
	if (!queue->nr || ts_ns < queue->rows[queue->nr - 1].ts_ns)
		queue->runs[queue->nr_runs++].next = queue->nr;
	if (ts_ns > queue->newest_ns)
		queue->newest_ns = ts_ns;
}

/* The fast way (perfdata_fast.c). */

struct pd_fast {
	const struct perfdata *pd;
	struct km_records *records;
	const struct km_group_table *known; /* km_reader_lend_groups(), or NULL */
	struct km_stream_stats *streams;
	uint64_t *stream_bytes;
	size_t nr_streams;      /* of both */
	struct pd_queue *queue; /* with KM_WANT_PAIRS */
};

/* Whether events of such a file can go that way; `known` as in struct pd_fast. */
bool pd_fast_suits(const struct perfdata *pd, enum km_want want,
		   const struct km_group_table *known);
/*
 * Takes samples from `pos` on into the batch, until one is not plain or not whole before `end`, or
 * the batch is full. Returns where it stopped.
 */
const uint8_t *pd_fast_walk(const struct pd_fast *walk, const uint8_t *pos, const uint8_t *end,
			    struct km_batch *batch);
/*
 * The same for KM_WANT_PAIRS, into the queue until that has no more room, and only up to an
 * allocation whose group is not known. What it takes is counted.
 */
const uint8_t *pd_fast_walk_pairs(const struct pd_fast *walk, const uint8_t *pos,
				  const uint8_t *end);
/*
 * Puts up to `nr` rows, to the first that is raw, into a batch with room for them. Returns how many
 * there were.
 */
uint32_t pd_fast_put(const struct pd_row *rows, uint32_t nr, struct km_batch *batch);

/* The readers (perfdata_reader.c), as in km_source_ops. */
struct km_error *pd_reader_create(struct km_source *source, enum km_want want,
				  struct km_reader **ret);
void pd_reader_destroy(struct km_reader *reader);
struct km_error *pd_reader_start(struct km_reader *reader, size_t part);
struct km_error *pd_reader_fill(struct km_reader *reader, struct km_batch *batch);
const struct km_part_stats *pd_reader_stats(const struct km_reader *reader);
const struct km_intern *pd_reader_names(const struct km_reader *reader);
size_t pd_reader_stack(const struct km_reader *reader, km_stack_id id, const uint64_t **ret);

#endif
