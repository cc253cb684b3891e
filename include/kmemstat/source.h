/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sources: a recorded trace as batches of events.
 *
 * A source is opened once and then read by any number of readers, one a thread. Its events
 * lie in *parts*, independent pieces of some megabytes. Parts belong to *queues*: those of a queue
 * are in time order by their number, and so are the events in them. A trace.dat has a queue for
 * each CPU and many parts; a format that is read from front to end has one of each. Whoever needs
 * no order reads parts in any order on any thread; whoever does merges the queues by time.
 *
 * Statistics are kept by *stream*, the events of one CPU, whatever queue they came through.
 */
#ifndef KMEMSTAT_SOURCE_H
#define KMEMSTAT_SOURCE_H

#include <stddef.h>

#include "kmemstat/blob.h"
#include "kmemstat/error.h"
#include "kmemstat/event.h"
#include "kmemstat/groups.h"
#include "kmemstat/quality.h"

struct km_instance;
struct km_source;
struct km_reader;

struct km_source_options {
	const char *instance;        /* buffer instance to read, or NULL: see km_source_open() */
	const volatile bool *stop;   /* set by a signal handler: a pipe ends there; or NULL */
	const int32_t *exclude_pids; /* events of these tasks count as filtered (text, perf.data) */
	size_t nr_exclude_pids;
	const int *end_fds; /* of a live source: it ends when one of them is readable; copied */
	size_t nr_end_fds;
	/* parts of a file that would take more than their share of this are not read; 0: any */
	uint64_t memory_bytes;
};

/* One buffer of the trace. */
struct km_instance_info {
	const char *name;  /* "" is the top-level buffer */
	const char *clock; /* or NULL */
	uint32_t nr_cpus;
	uint64_t bytes;   /* of event data, as stored in the file */
	bool is_selected; /* the one that is read */
};

/* One stream: the buffer of one CPU in the selected instance. */
struct km_stream_info {
	uint32_t cpu;
	uint64_t bytes; /* as stored in the file */
	/* what the recorder itself said at the end (CPUSTAT), if has_recorder_stats */
	bool has_recorder_stats;
	uint64_t overrun, dropped;
};

/*
 * What is known of an input. Owned by the source. What only the events tell (the CPUs of a text,
 * say) is complete when the last part has been read.
 */
struct km_input_info {
	const char *path;
	const char *format;         /* "trace.dat" */
	uint32_t format_version;    /* 6, 7 */
	const char *compression;    /* "none", "zstd", "zlib" */
	const char *kernel_release; /* "6.1.0-56-amd64", or NULL */
	const char *machine;        /* "x86_64", or NULL */
	const char *recorder;       /* version of the recording program, or NULL */
	const char *clock;          /* "local", "mono", ..., or NULL */
	const char *build_id;       /* of the kernel, hex digits, or NULL */
	/* texts of the traced machine, as its files in /proc had them; or NULL */
	const char *modules, *slabinfo_start, *slabinfo_end;
	/* lines "NAME HEX", of the kernel ("vmlinux") and of modules; or NULL */
	const char *build_ids;
	/*
	 * Of what is recorded at the time: "raw" for every event, "hist" for counts that the kernel
	 * made of them; NULL: a file.
	 */
	const char *collection;
	/*
	 * There are counts and no events: no time stamps, tasks or pointers, and one stream of all
	 * CPUs. Its one reader must be lent groups (KM_WANT_ALLOCS).
	 */
	bool is_counts;
	bool is_big_endian;
	/*
	 * Call sites came as symbols: their addresses are made up, and mean something only together
	 * with the kallsyms that km_source_take_kallsyms() gives, which has a line for each such
	 * symbol.
	 */
	bool has_named_sites;
	/* more about one counter, to be shown with its advice, safe to print; or NULL */
	const char *detail;
	enum km_counter detail_counter;
	/*
	 * Time stamps are counts of the clock (x86-tsc, counter, ...), and nothing says how many a
	 * second has: what is called _ns is in units of that clock.
	 */
	bool has_raw_time;
	bool has_hashed_ptrs;  /* pointers are what printk made of them */
	uint64_t kernel_text;  /* address of _text in the traced kernel, 0: not known */
	uint32_t long_bytes;   /* of the traced kernel: 4 or 8 */
	uint32_t page_size;    /* of the traced machine */
	uint32_t subbuf_bytes; /* ring-buffer page of the selected instance */
	uint32_t nr_cpus;
	/* the NUMA node of each CPU, -1: not known; NULL: the trace does not tell */
	const int16_t *node_of_cpu;
	size_t nr_node_cpus;
	uint64_t file_bytes;
	const struct km_instance_info *instances;
	size_t nr_instances;
	const struct km_stream_info *streams;
	size_t nr_streams;
};

/* One event format of the trace, for counting by name. */
struct km_format_info {
	const char *system, *name;
	uint32_t id;
	enum km_event_kind kind;
};

/* A flag, or several in one, and what the kernel calls it. */
struct km_flag_name {
	uint64_t mask;
	const char *name;
};

/*
 * Opens `path`, or standard input for "-", and finds its format by content. Without
 * options->instance the top-level buffer is read, or, if that holds no kmem events, the only
 * instance that does. Damage beside the events (a section that cannot be read) is counted, not an
 * error. Errors: KM_ERR_INPUT with path and offset; KM_ERR_USAGE for an unknown instance.
 */
KM_MUST_CHECK struct km_error *
km_source_open(const char *path, const struct km_source_options *options, struct km_source **ret);
/*
 * Opens the buffers of an instance of this machine's tracefs, which must outlive the source: a live
 * source, with one part, that can be read once. It ends when options->stop is set or one of the
 * end_fds is readable: recording is stopped then, and what is in the buffers is read. Nothing more
 * is opened later: rights can be given up. Errors: KM_ERR_PERMISSION, KM_ERR_INPUT; KM_ERR_USAGE
 * for a clock that user space does not have.
 */
KM_MUST_CHECK struct km_error *km_source_open_instance(struct km_instance *instance,
						       const struct km_source_options *options,
						       struct km_source **ret);
void km_source_close(struct km_source *source);

const struct km_input_info *km_source_info(const struct km_source *source);
/* Damage found beside the events: at open, and by km_source_take_kallsyms(). */
const struct km_quality *km_source_quality(const struct km_source *source);
/*
 * The kallsyms text of the trace, handed to the caller (the second call gets none, but for a live
 * source that of then); ret->data is NULL if there is none. Damage is counted in
 * km_source_quality(). With named sites the text has the symbols met so far: take it after the
 * events have been read; every call gives one. Errors: KM_ERR_MEMORY.
 */
KM_MUST_CHECK struct km_error *km_source_take_kallsyms(struct km_source *source,
						       struct km_blob *ret);
/* The event formats, index = "format slot" of km_part_stats.slots; it may grow while parts are
 * read. */
const struct km_format_info *km_source_formats(const struct km_source *source, size_t *ret_nr);
/*
 * The names of gfp flags, those that stand for several before the single ones; none if the source
 * does not tell. It may grow while parts are read.
 */
const struct km_flag_name *km_source_gfp_names(const struct km_source *source, size_t *ret_nr);
/*
 * A stack of a batch, innermost frame first: return addresses, the reader's own until its next
 * fill. Returns their number, 0 for id 0.
 */
size_t km_reader_stack(const struct km_reader *reader, km_stack_id id, const uint64_t **ret);
/* The saved command line of a task, or NULL. */
const char *km_source_comm(const struct km_source *source, int32_t pid);

#define KM_SITE_OFFSET_MASK 0x7fffffffU
/*
 * The symbol of a call site whose address is made up (km_input_info.has_named_sites), while parts
 * are read: its *ret_len first characters, without module and offset, which is the address masked
 * with KM_SITE_OFFSET_MASK. NULL for any other.
 */
const char *km_source_site_symbol(const struct km_source *source, uint64_t call_site,
				  size_t *ret_len);

size_t km_source_nr_parts(const struct km_source *source);
/* Bytes of the file that a part takes: for progress. */
uint64_t km_source_part_bytes(const struct km_source *source, size_t part);

/* The queue of a part: those with the same number are in time order. */
uint32_t km_source_part_queue(const struct km_source *source, size_t part);

/* What one part held of one stream. */
struct km_stream_stats {
	struct km_quality quality;
	uint64_t first_ns,
		last_ns; /* time stamps of its first and last event; first > last: none */
};

/* What one part held; valid once km_reader_fill() has returned an empty batch. Owned by the reader.
 */
struct km_part_stats {
	const struct km_stream_stats *streams; /* of the streams from first_stream on */
	size_t nr_streams;
	size_t first_stream; /* index in km_input_info.streams */
	uint64_t kinds[KM_NR_EVENT_KINDS];
	const uint64_t *slots; /* events by format slot (km_source_formats()) */
	size_t nr_slots;
};

KM_MUST_CHECK struct km_error *km_reader_create(struct km_source *source, enum km_want want,
						struct km_reader **ret);
void km_reader_destroy(struct km_reader *reader);
/*
 * Lends a reader that was created with KM_WANT_ALLOCS the table that its batches are added to,
 * before it is started. It may count an allocation whose group is in the table there, and leave it
 * out of the batch: the table then has what it would have had by way of the batch.
 */
void km_reader_lend_groups(struct km_reader *reader, const struct km_group_table *groups);
/*
 * Called while km_reader_fill() waits for events of a live source, some ten times a second and from
 * the same thread; the stats are those of the batches that were returned before.
 */
typedef struct km_error *(*km_idle_fn)(void *arg);
/* Sets it, before the reader is started. Other sources never call it. */
void km_reader_set_idle(struct km_reader *reader, km_idle_fn idle, void *arg);
/* Begins a part (0 .. km_source_nr_parts() - 1). */
KM_MUST_CHECK struct km_error *km_reader_start(struct km_reader *reader, size_t part);
/*
 * Fills the batch with the next events of the part; batch->nr is 0 at its end only.
 * Damaged data is skipped and counted in the part's stats; an error means that reading
 * itself failed (KM_ERR_INPUT).
 */
KM_MUST_CHECK struct km_error *km_reader_fill(struct km_reader *reader, struct km_batch *batch);
const struct km_part_stats *km_reader_stats(const struct km_reader *reader);
/* The name behind a batch's what.cache, NULL for 0; the reader owns it. */
const char *km_reader_cache_name(const struct km_reader *reader, uint16_t cache);

#endif
