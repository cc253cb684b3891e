/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Traces as text, inside: what the files text*.c share. */
#ifndef KMEMSTAT_SOURCE_TEXT_H
#define KMEMSTAT_SOURCE_TEXT_H

#include "base/intern.h"
#include "base/span.h"
#include "source/source.h"

/* What is read at once; a line that is longer than this cannot be of a trace. */
#define KM_TEXT_BLOCK_BYTES (256U << 10)
/* Bytes behind the text of a block that may be read, and are newlines. */
#define KM_TEXT_SPARE_BYTES 2048

/*
 * Call sites by their text. Named ones get made-up addresses: each symbol (of each module) a range
 * of 4 GiB of its own, far from where kernels are, and the site's offset in it.
 */
struct km_text_site {
	char *text; /* as in the trace: "kfree+0x1b/0x40 [ext4]" */
	uint32_t len;
	uint32_t hash;
	uint64_t address;
};

struct km_text_symbol {
	char *name; /* "kfree", or "kfree\t[ext4]" as kallsyms has it */
	size_t len;
};

struct km_text_sites {
	struct km_text_site *sites; /* open addressing, at most half full */
	size_t nr_sites, sites_size;
	struct km_text_symbol *symbols;
	size_t nr_symbols;
	uint32_t *by_name; /* indices in symbols + 1 */
	size_t by_name_size;
	bool is_short; /* memory was: call sites may be missing, from then on */
};

void km_text_sites_deinit(struct km_text_sites *sites);
/*
 * The address of a call site. False if the text is none, if memory is short, or if there are more
 * different ones than any kernel has.
 */
bool km_text_sites_get(struct km_text_sites *sites, struct km_span text, uint64_t *ret);
/* The symbols with their made-up addresses as kallsyms text, malloc'ed; NULL without memory. */
char *km_text_sites_kallsyms(const struct km_text_sites *sites, size_t *ret_size);

/* The symbol, without module, that a made-up address is of, or NULL; it has *ret_len characters. */
const char *km_text_sites_symbol(const struct km_text_sites *sites, uint64_t address,
				 size_t *ret_len);

/* The command lines of tasks. */
struct km_text_comm {
	int32_t pid;
	char comm[16]; /* "": a free place */
};

struct km_text_comms {
	struct km_text_comm *table; /* open addressing, at most half full */
	size_t nr, size;
};

void km_text_comms_deinit(struct km_text_comms *comms);
void km_text_comms_note(struct km_text_comms *comms, int32_t pid, struct km_span comm);
/* NULL if it is not known. */
const char *km_text_comms_get(const struct km_text_comms *comms, int32_t pid);

/* What stands before an event's fields. */
struct km_text_head {
	uint32_t cpu;
	int32_t pid;
	struct km_span comm;
	struct km_span stamp; /* "23.195634", "17us" */
	struct km_span name;  /* of the event, without its system */
	struct km_span system;
	const char *fields; /* up to the end of the line */
};

/* Finds the parts of an event's line; false if it is none. */
bool km_text_head_parse(const char *line, const char *end, struct km_text_head *ret);
/* The command and pid before `end`, where the CPU stands. */
bool km_text_find_pid(const char *line, const char *end, int32_t *ret, struct km_span *ret_comm);
/*
 * The time of a stamp; one without a point counts nanoseconds, or is in the clock's own unit.
 * What stands before a space in it is passed over.
 */
uint64_t km_text_stamp_ns(struct km_span stamp);

/* The fields of an event. */
enum km_text_field {
	KM_TF_CALL_SITE = 1,
	KM_TF_PTR = 2,
	KM_TF_REQ = 4,
	KM_TF_ALLOC = 8,
	KM_TF_PFN = 16,
	KM_TF_ORDER = 32,
	KM_TF_PAGE = 64,
	KM_TF_ACCOUNTED = 128,
	KM_TF_BASE = 256,
};

struct km_text_event {
	unsigned int has; /* enum km_text_field */
	uint8_t flags;
	struct km_span call_site;
	struct km_span cache;
	uint64_t ptr, req, alloc, page, pfn;
	struct km_event_more more;
};

/* Reads the fields that kmem and percpu events have; false if one has a value that cannot be. */
bool km_text_event_parse(enum km_event_kind kind, const char *fields, const char *end,
			 struct km_text_event *ret);
/* The kind of an event's name. */
enum km_event_kind km_text_kind_of(struct km_span name);

/* What a line is that has no event. */
enum km_text_line {
	KM_TL_EMPTY, /* nothing, a comment, a line of the header */
	KM_TL_LOST,  /* the recorder lost events */
	KM_TL_FRAME, /* of a stack */
	KM_TL_BAD,
};

struct km_text_note {
	uint32_t cpu;
	bool has_cpu;
	uint64_t lost;        /* events lost, 0: not known how many */
	struct km_span frame; /* address, or name */
	struct km_span name;  /* beside an address: "kfree", "kfree+0x1b"; empty: there is none */
};

enum km_text_line km_text_note_parse(const char *line, const char *end, struct km_text_note *ret);

struct km_text {
	struct km_source base;
	struct km_input *input;
	struct km_text_sites sites;
	struct km_text_comms comms;     /* of KM_WANT_ALL */
	struct km_stream_info *streams; /* by CPU once a part is done */
	size_t nr_streams, room_streams;
	char *bad_line; /* the first that did not parse, safe to print */
	int32_t *exclude_pids;
	size_t nr_exclude_pids;
	bool is_begun;
};

/* "0x1f", "1f" with base 16, "31" with base 10: all of the span; false if it is no number. */
bool km_text_number(struct km_span text, unsigned int base, uint64_t *ret);

struct km_error *km_text_reader_create(struct km_source *source, enum km_want want,
				       struct km_reader **ret);
void km_text_reader_destroy(struct km_reader *reader);
struct km_error *km_text_reader_start(struct km_reader *reader, size_t part);
struct km_error *km_text_reader_fill(struct km_reader *reader, struct km_batch *batch);
const struct km_part_stats *km_text_reader_stats(const struct km_reader *reader);
const struct km_intern *km_text_reader_names(const struct km_reader *reader);
size_t km_text_reader_stack(const struct km_reader *reader, km_stack_id id, const uint64_t **ret);

#endif
