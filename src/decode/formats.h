/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Event formats of a trace: the texts of the kernel's `format` and `header_page` files are read
 * once; what the page decoder needs stays as plain offsets and sizes.
 */
#ifndef KMEMSTAT_DECODE_FORMATS_H
#define KMEMSTAT_DECODE_FORMATS_H

#include <stddef.h>

#include "kmemstat/error.h"
#include "kmemstat/event.h"
#include "kmemstat/groups.h"
#include "kmemstat/source.h"

/* A field of an event record; size 0: the event has no such field. */
struct km_field {
	uint16_t offset;
	uint16_t size;
};

/* What the decoder does with an event id. */
struct km_desc {
	uint8_t kind;         /* enum km_event_kind */
	bool is_known;        /* a format describes this id */
	bool is_alloc;        /* km_event_is_alloc(kind) */
	uint8_t account_bits; /* the bits of the byte at account_offset that say "accounted" */
	uint16_t account_offset;
	uint16_t slot;             /* index in km_formats.infos */
	uint16_t least_bytes;      /* of payload, to hold every field below */
	uint32_t most_bytes;       /* of payload: more is no event of this format */
	struct km_field call_site; /* pages and percpu objects before 5.19 have none */
	struct km_field ptr;       /* of pages: pfn, or page */
	struct km_field bytes_req, bytes_alloc;
	struct km_field gfp_flags;
	struct km_field node; /* slab: an int, on the *_node events, since 6.1 on all */
	struct km_field name; /* __data_loc of the cache's name */
	struct km_field order, migratetype;         /* pages */
	struct km_field align, reserved, is_atomic; /* percpu */
};

/*
 * The same for the fast path: events of a little-endian 64-bit kernel on such a machine, with
 * call_site at 8, ptr at 16 and bytes_alloc behind bytes_req, as all kernels since 2.6.31 have
 * them. All zero: not for the fast path.
 */
struct km_fast_desc {
	uint32_t sizes;      /* of payload: bit N for N words of 4 bytes */
	uint32_t alloc_mask; /* all ones for an allocation, 0 for a free */
	uint32_t what[2];    /* km_group_what() of one that is not accounted, and one that is */
	uint16_t slot;
	uint8_t size_offset; /* of bytes_req; for a free a place where 16 bytes can be read */
	uint8_t account_offset;
	uint8_t account_bits;
	uint8_t name_offset; /* of the __data_loc of the cache's name; 0: none */
	uint8_t gfp_offset;  /* of 4 bytes or more */
	uint8_t counts;      /* enum km_fast_counts */
	uint64_t unused;     /* the place of one is a shift of its id */
};

/* What is to be counted. */
enum km_fast_counts {
	KM_FAST_FREE,
	KM_FAST_ALLOC,
	KM_FAST_NAMED_ALLOC, /* its cache has a name */
};

/* Longer events have their length in a word of its own, and are not for the fast path. */
#define KM_FAST_MOST_BYTES 112
#define KM_FAST_CALL_SITE  8
#define KM_FAST_PTR        16

#define KM_MAX_EVENT_ID 65535

/* More than any kernel has: a sub-buffer is at most 64 pages (kernel/trace/ring_buffer.c, v6.12).
 */
#define KM_MAX_SUBBUF_BYTES (64U << 16)

struct km_formats {
	bool is_big_endian;
	uint32_t long_bytes;
	/* the ring-buffer page (header_page) */
	struct km_field commit;
	uint32_t data_offset; /* of the first event */
	uint32_t data_bytes;  /* as header_page has it: room for events in a page */
	/* fields all events have */
	struct km_field common_type, common_pid;
	uint32_t page_size; /* of the traced machine: set by the source */
	/* ftrace:kernel_stack; id 0: the trace has none */
	uint32_t stack_id;
	struct km_field stack_size;
	uint16_t stack_offset;           /* of its addresses */
	struct km_desc *descs;           /* by event id, nr_descs of them */
	struct km_fast_desc *fast_descs; /* by any event id: KM_MAX_EVENT_ID + 1 of them */
	size_t nr_descs;
	struct km_format_info *infos; /* by slot */
	size_t nr_infos, room_infos;
	struct km_flag_name *gfp_names; /* of the traced kernel, in the order to look for them */
	size_t nr_gfp_names;
};

/* Starts with the byte order of the file. `long_bytes` (4 or 8) is refined by header_page. */
KM_MUST_CHECK struct km_error *km_formats_init(struct km_formats *formats, bool is_big_endian,
					       uint32_t long_bytes);
void km_formats_deinit(struct km_formats *formats);
/* The text of events/header_page. Errors: KM_ERR_INPUT without path. */
KM_MUST_CHECK struct km_error *km_formats_add_header_page(struct km_formats *formats,
							  const char *text, size_t size);
/*
 * The text of events/<system>/<event>/format. Only events that kmemstat uses are parsed whole;
 * of others the name and id are kept. Errors: KM_ERR_INPUT without path, for a text that is no
 * format.
 */
KM_MUST_CHECK struct km_error *km_formats_add_event(struct km_formats *formats, const char *system,
						    const char *text, size_t size);
/* No more formats. Errors: KM_ERR_INPUT without header_page. */
KM_MUST_CHECK struct km_error *km_formats_seal(struct km_formats *formats);

#endif
