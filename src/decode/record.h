/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One event record, as the kernel wrote it -> a row of the batch, by the trace's own formats. */
#ifndef KMEMSTAT_DECODE_RECORD_H
#define KMEMSTAT_DECODE_RECORD_H

#include "base/intern.h"
#include "decode/formats.h"
#include "kmemstat/event.h"
#include "kmemstat/quality.h"

/* What decoding records needs and gathers. */
struct km_records {
	const struct km_formats *formats;
	enum km_want want;
	struct km_intern names; /* of caches: the batch column `what.cache` */
	uint64_t *slots;        /* events by format slot */
	/* stacks of the batch: each its length and its addresses, one behind the other */
	uint64_t *stacks;
	size_t nr_stacks, room_stacks;
	/* the last row of the batch is the last event of this stream: a stack that follows is its
	 */
	bool has_target;
};

/* When and where an event was. */
struct km_moment {
	uint64_t ts_ns;
	uint16_t cpu;
};

/* What a record was. */
enum km_record {
	KM_RECORD_BAD,   /* not decodable: counted in the quality */
	KM_RECORD_OTHER, /* of another kind: counted in its slot */
	KM_RECORD_USED,  /* counted in its slot, and in the batch if that wants it */
};

/* Errors: KM_ERR_MEMORY. The formats must be sealed. */
KM_MUST_CHECK struct km_error *km_records_init(struct km_records *records,
					       const struct km_formats *formats, enum km_want want);
void km_records_deinit(struct km_records *records);
/* Sets the counts to zero; names stay. */
void km_records_begin(struct km_records *records);
/* Forgets the stacks, for the next batch. */
void km_records_clear_stacks(struct km_records *records);
/*
 * Keeps a stack of `nr` return addresses, innermost first, until it is cleared; 0 if it is empty,
 * or if memory is short: then records->names says so (names.is_short).
 */
km_stack_id km_records_add_stack(struct km_records *records, const uint64_t *addresses, size_t nr);
/* The addresses of a stack; returns their number, 0 for id 0. */
size_t km_records_stack(const struct km_records *records, km_stack_id id, const uint64_t **ret);
/*
 * Decodes the record of `size` bytes at `data`, which begins with the common fields, and adds it to
 * the batch, which must have room. Counts oddities and what is bad in `quality`, but neither
 * KM_EVENTS_USED nor KM_EVENTS_OTHER: the caller knows of how many streams the slots are.
 */
enum km_record km_record_take(struct km_records *records, struct km_quality *quality,
			      const uint8_t *data, size_t size, const struct km_moment *moment,
			      struct km_batch *batch);
/*
 * Whether a record of `size` bytes is longer than one of its event can be: then its length is
 * wrong, and it goes over others. perf rounds up by up to 4 bytes more than the ring buffer
 * (perf_trace_*(), include/trace/perf.h, v6.1).
 */
bool km_record_is_long(const struct km_records *records, const uint8_t *data, size_t size);
/* The id of a cache's name from its __data_loc, 0 if that points out of the record. */
uint16_t km_record_cache(struct km_records *records, const uint8_t *data, size_t size,
			 uint32_t loc);

/* Whether row `i` of the batch has a stack, if there is one. */
static inline bool km_records_wants_stack(const struct km_records *records,
					  const struct km_batch *batch, uint32_t i)
{
	return records->want == KM_WANT_ALL ||
	       (records->want == KM_WANT_PAIRS && km_batch_is_other(batch, i));
}

/*
 * The NUMA node of an allocation, NUMA_NO_NODE (include/linux/numa.h, v6.1) for any. What no kernel
 * has (CONFIG_NODES_SHIFT is at most 10) tells nothing.
 */
static inline int16_t km_record_node(int32_t node)
{
	return node >= 0 && node <= INT16_MAX ? (int16_t)node : -1;
}

/* Whether the sizes of a slab allocation cannot be. */
static inline bool km_sizes_are_odd(uint64_t req, uint64_t alloc)
{
	/* 0 < alloc <= 2^32 and req <= alloc: neither difference has upper bits */
	return ((alloc - req) | (alloc - 1)) >> 32 != 0;
}

#endif
