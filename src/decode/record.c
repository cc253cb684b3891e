/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One event record -> a row of the batch. The record begins with common_type, the event's id; where
 * its fields are, the trace's formats say (decode/formats.c).
 */
#include "decode/record.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"

struct km_error *km_records_init(struct km_records *records, const struct km_formats *formats,
				 enum km_want want)
{
	*records = (struct km_records){ .formats = formats, .want = want };
	records->slots = calloc(formats->nr_infos + 1, sizeof(*records->slots));
	return records->slots ? NULL : &km_error_memory;
}

void km_records_deinit(struct km_records *records)
{
	km_intern_deinit(&records->names);
	free(records->slots);
	free(records->stacks);
	*records = (struct km_records){ 0 };
}

void km_records_begin(struct km_records *records)
{
	memset(records->slots, 0, records->formats->nr_infos * sizeof(*records->slots));
	records->has_target = false;
	records->nr_stacks = 0;
}

void km_records_clear_stacks(struct km_records *records)
{
	records->nr_stacks = 0;
}

/* Room for a stack of `nr` addresses, its length set; NULL without memory. */
static uint64_t *new_stack(struct km_records *records, size_t nr)
{
	size_t need = records->nr_stacks + nr + 1;
	uint64_t *stack;

	if (!nr || need > UINT32_MAX)
		return NULL;
	if (need > records->room_stacks) {
		size_t room = need < 2048 ? 4096 : 2 * need;
		uint64_t *stacks = reallocarray(records->stacks, room, sizeof(*stacks));

		if (!stacks) {
			records->names.is_short = true;
			return NULL;
		}
		records->stacks = stacks;
		records->room_stacks = room;
	}
	stack = records->stacks + records->nr_stacks;
	stack[0] = nr;
	records->nr_stacks = need;
	return stack + 1;
}

/* An id is one more than the place of the stack's length. */
static km_stack_id stack_id(const struct km_records *records, const uint64_t *addresses)
{
	return (km_stack_id)(addresses - records->stacks);
}

km_stack_id km_records_add_stack(struct km_records *records, const uint64_t *addresses, size_t nr)
{
	uint64_t *stack = new_stack(records, nr);

	if (!stack)
		return 0;
	memcpy(stack, addresses, nr * sizeof(*stack));
	return stack_id(records, stack);
}

size_t km_records_stack(const struct km_records *records, km_stack_id id, const uint64_t **ret)
{
	*ret = NULL;
	if (!id || id > records->nr_stacks)
		return 0;
	*ret = records->stacks + id;
	return (size_t)records->stacks[id - 1];
}

uint16_t km_record_cache(struct km_records *records, const uint8_t *data, size_t size, uint32_t loc)
{
	/* __data_loc: offset in the lower half, length in the upper (trace_events.h, v6.1) */
	size_t offset = loc & 0xffff, len = loc >> 16;

	if (offset > size || len > size - offset)
		return 0;
	return km_intern_get(&records->names, (const char *)data + offset, len);
}

/* What the record says, not yet judged. */
struct values {
	uint64_t ptr, req, alloc;
	uint8_t flags;
	struct km_event_more more;
};

static uint64_t load(const struct km_formats *formats, const uint8_t *data, struct km_field field)
{
	return km_load_uint(data + field.offset, field.size, formats->is_big_endian);
}

static void load_percpu(const struct km_formats *formats, const struct km_desc *desc,
			const uint8_t *data, struct values *ret)
{
	/* before 5.19 the bytes on all CPUs are not told */
	if (!desc->bytes_alloc.size)
		ret->alloc = ret->req;
	if (load(formats, data, desc->reserved))
		ret->flags |= KM_EVF_PERCPU_RESERVED;
	if (load(formats, data, desc->is_atomic))
		ret->flags |= KM_EVF_PERCPU_ATOMIC;
	ret->more.align = (uint32_t)load(formats, data, desc->align);
}

static void load_page(const struct km_formats *formats, const struct km_desc *desc,
		      const uint8_t *data, struct values *ret)
{
	const uint64_t order = load(formats, data, desc->order);

	/* a pfn of all ones: no page (mm_page_alloc, include/trace/events/kmem.h, v4.0) */
	if (ret->ptr == UINT64_MAX >> (64 - 8 * desc->ptr.size))
		ret->ptr = 0;
	/* an order that cannot be gives bytes that cannot be */
	ret->req = order < 32 ? (uint64_t)formats->page_size << order : UINT64_MAX;
	ret->alloc = ret->req;
	ret->more.order = (uint8_t)order;
	ret->more.migratetype = (uint8_t)load(formats, data, desc->migratetype);
}

static void load_values(const struct km_formats *formats, const struct km_desc *desc,
			const uint8_t *data, struct values *ret)
{
	*ret = (struct values){
		.ptr = load(formats, data, desc->ptr),
		.req = load(formats, data, desc->bytes_req),
		.alloc = load(formats, data, desc->bytes_alloc),
		.flags = data[desc->account_offset] & desc->account_bits ? KM_EVF_ACCOUNTED : 0,
	};
	ret->more.gfp_flags = (uint32_t)load(formats, data, desc->gfp_flags);
	ret->more.node =
		desc->node.size ? km_record_node((int32_t)load(formats, data, desc->node)) : -1;
	if (km_event_layer(desc->kind) == KM_LAYER_PERCPU)
		load_percpu(formats, desc, data, ret);
	else if (km_event_layer(desc->kind) == KM_LAYER_PAGE)
		load_page(formats, desc, data, ret);
	if (!desc->is_alloc)
		ret->req = ret->alloc = 0;
}

/*
 * Judges an event: counts what is odd, and puts right what goes on all the same. False if it
 * cannot be an event of its kind.
 */
static bool judge(struct km_quality *quality, const struct km_desc *desc, struct values *values)
{
	if (desc->is_alloc && !values->ptr) {
		quality->count[KM_FAILED_ALLOCS]++;
		/* a request that failed may have been for any size */
		if (values->req > UINT32_MAX)
			values->req = UINT32_MAX;
		values->alloc = 0;
		return true;
	}
	if (desc->is_alloc &&
	    (km_sizes_are_odd(values->req, values->alloc) || values->alloc > UINT32_MAX)) {
		quality->count[KM_UNDECODABLE_SIZE]++;
		return false;
	}
	if (desc->kind == KM_EV_KFREE && !values->ptr)
		quality->count[KM_NULL_FREES]++;
	else if (desc->kind == KM_EV_KFREE && values->ptr == KM_ZERO_SIZE_PTR)
		quality->count[KM_ZERO_SIZE_FREES]++;
	return true;
}

static void put_row(struct km_records *records, const struct km_desc *desc, const uint8_t *data,
		    size_t size, const struct values *values, const struct km_moment *moment,
		    struct km_batch *batch)
{
	const struct km_formats *formats = records->formats;
	const struct km_field pid = formats->common_pid;
	const uint32_t i = batch->nr++;

	batch->call_site[i] = load(formats, data, desc->call_site);
	batch->size[i] = (struct km_event_size){ (uint32_t)values->req, (uint32_t)values->alloc };
	batch->what[i] = (struct km_event_what){ .kind = desc->kind, .flags = values->flags };
	if (desc->name.size && (desc->is_alloc || records->want == KM_WANT_ALL))
		batch->what[i].cache = km_record_cache(records, data, size,
						       (uint32_t)load(formats, data, desc->name));
	if (records->want == KM_WANT_ALLOCS)
		return;
	batch->ts_ns[i] = moment->ts_ns;
	batch->cpu[i] = moment->cpu;
	batch->ptr[i] = values->ptr;
	batch->pid[i] =
		(size_t)pid.offset + pid.size <= size ? (int32_t)load(formats, data, pid) : 0;
	batch->more[i] = values->more;
	batch->stack[i] = 0;
	km_batch_mark(batch, i);
}

/*
 * kernel_stack (kernel/trace/trace_entries.h, v6.1): int size; unsigned long caller[], as many as
 * there are; older kernels have no size and end with ULONG_MAX.
 */
static void take_stack(struct km_records *records, const uint8_t *data, size_t size,
		       struct km_batch *batch)
{
	const struct km_formats *formats = records->formats;
	const unsigned int bytes = formats->long_bytes;
	size_t nr = size > formats->stack_offset ? (size - formats->stack_offset) / bytes : 0;
	uint64_t *stack;

	if (formats->stack_size.size && formats->stack_size.offset + 4U <= size) {
		uint64_t told = load(formats, data, formats->stack_size);

		nr = told < nr ? (size_t)told : nr;
	}
	stack = new_stack(records, nr);
	if (!stack)
		return;
	for (size_t i = 0; i < nr; i++) {
		stack[i] = km_load_uint(data + formats->stack_offset + i * bytes, bytes,
					formats->is_big_endian);
		if (stack[i] == UINT64_MAX >> (64 - 8 * bytes)) {
			stack[-1] = i;
			break;
		}
	}
	batch->stack[batch->nr - 1] = stack_id(records, stack);
	batch->has_stacks = true;
}

bool km_record_is_long(const struct km_records *records, const uint8_t *data, size_t size)
{
	const struct km_formats *formats = records->formats;
	const struct km_field type = formats->common_type;
	uint64_t id;

	if (size < (size_t)type.offset + type.size)
		return false;
	id = load(formats, data, type);
	return id < formats->nr_descs && formats->descs[id].kind != KM_EV_OTHER &&
	       size > formats->descs[id].most_bytes;
}

enum km_record km_record_take(struct km_records *records, struct km_quality *quality,
			      const uint8_t *data, size_t size, const struct km_moment *moment,
			      struct km_batch *batch)
{
	const struct km_formats *formats = records->formats;
	const struct km_field type = formats->common_type;
	const bool has_target = records->has_target && batch->nr;
	const struct km_desc *desc;
	struct values values;
	uint64_t id;

	records->has_target = false;
	if (size < (size_t)type.offset + type.size) {
		quality->count[KM_UNDECODABLE_SHORT]++;
		return KM_RECORD_BAD;
	}
	id = load(formats, data, type);
	desc = &formats->descs[id < formats->nr_descs ? id : 0];
	if (id >= formats->nr_descs || !desc->is_known) {
		quality->count[KM_UNDECODABLE_ID]++;
		return KM_RECORD_BAD;
	}
	if (size < desc->least_bytes) {
		quality->count[KM_UNDECODABLE_SHORT]++;
		return KM_RECORD_BAD;
	}
	if (desc->kind == KM_EV_OTHER) {
		records->slots[desc->slot]++;
		if (has_target && id == formats->stack_id &&
		    km_records_wants_stack(records, batch, batch->nr - 1))
			take_stack(records, data, size, batch);
		return KM_RECORD_OTHER;
	}
	load_values(formats, desc, data, &values);
	if (!judge(quality, desc, &values))
		return KM_RECORD_BAD;
	records->slots[desc->slot]++;
	if (records->want == KM_WANT_ALLOCS && (!desc->is_alloc || !values.alloc))
		return KM_RECORD_USED;
	put_row(records, desc, data, size, &values, moment, batch);
	records->has_target = true;
	return KM_RECORD_USED;
}
