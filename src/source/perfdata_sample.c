/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A sample (kernel/events/core.c, perf_output_sample(), v6.12) has behind its header what its
 *attr's sample_type has bits for, in this order:
 *
 *	IDENTIFIER u64	IP u64	TID u32 pid, u32 tid	TIME u64	ADDR u64	ID u64
 *	STREAM_ID u64	CPU u32 cpu, u32 reserved	PERIOD u64
 *	READ		counts, laid out by read_format
 *	CALLCHAIN	u64 number, u64 each
 *	RAW		u32 size, the event as ftrace would record it
 *	BRANCH_STACK, REGS_USER, STACK_USER, WEIGHT, DATA_SRC, TRANSACTION, REGS_INTR, PHYS_ADDR,
 *	CGROUP, DATA_PAGE_SIZE, CODE_PAGE_SIZE, AUX: of no use here but to know where it ends
 *
 * Other records end with TID, TIME, ID, STREAM_ID, CPU and IDENTIFIER if the attr has
 *sample_id_all. Numbers are in the byte order of the traced machine, the event among them.
 */
#include "source/perfdata.h"

enum {
	READ_TIME_ENABLED = 1,
	READ_TIME_RUNNING = 2,
	READ_ID = 4,
	READ_GROUP = 8,
	READ_LOST = 16,
};

/* Marks in a call chain: what follows is of ... (include/uapi/linux/perf_event.h, v6.12) */
enum {
	CONTEXT_KERNEL = -128,
	CONTEXT_MAX = -4095,
};

static const uint64_t trail_bits[] = { PD_SAMPLE_TID,       PD_SAMPLE_TIME, PD_SAMPLE_ID,
				       PD_SAMPLE_STREAM_ID, PD_SAMPLE_CPU,  PD_SAMPLE_IDENTIFIER };

/* What may come behind RAW: one u64 each, or more. */
#define BEHIND_RAW (~(uint64_t)(2 * PD_SAMPLE_RAW - 1) & ~(uint64_t)PD_SAMPLE_IDENTIFIER)
static const uint64_t tail_u64_bits = PD_SAMPLE_PHYS_ADDR | PD_SAMPLE_CGROUP |
				      PD_SAMPLE_DATA_PAGE_SIZE | PD_SAMPLE_CODE_PAGE_SIZE;

static uint64_t load_u64(const struct perfdata *pd, const uint8_t *data)
{
	uint64_t value;

	memcpy(&value, data, sizeof(value));
	if (pd->is_big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__))
		value = __builtin_bswap64(value);
	return value;
}

static uint32_t load_u32(const struct perfdata *pd, const uint8_t *data)
{
	uint32_t value;

	memcpy(&value, data, sizeof(value));
	if (pd->is_big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__))
		value = __builtin_bswap32(value);
	return value;
}

void pd_attr_lay_out(struct pd_attr *attr)
{
	const uint64_t type = attr->sample_type;
	uint16_t at = PD_HEAD_BYTES;
	struct {
		uint64_t bit;
		uint16_t *place;
	} fields[] = {
		{ PD_SAMPLE_IDENTIFIER, NULL },
		{ PD_SAMPLE_IP, NULL },
		{ PD_SAMPLE_TID, &attr->tid_at },
		{ PD_SAMPLE_TIME, &attr->time_at },
		{ PD_SAMPLE_ADDR, NULL },
		{ PD_SAMPLE_ID, &attr->id_at },
		{ PD_SAMPLE_STREAM_ID, NULL },
		{ PD_SAMPLE_CPU, &attr->cpu_at },
		{ PD_SAMPLE_PERIOD, &attr->period_at },
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (!(type & fields[i].bit))
			continue;
		if (fields[i].place)
			*fields[i].place = at;
		at += 8;
	}
	attr->read_at = at;
	attr->is_plain = attr->time_at && attr->cpu_at && type & PD_SAMPLE_RAW &&
			 !(type & (PD_SAMPLE_READ | BEHIND_RAW));
	attr->is_sized = type < PD_SAMPLE_END;
	if (type & PD_SAMPLE_IDENTIFIER)
		attr->id_at = PD_HEAD_BYTES;
	attr->trail_bytes = 0;
	for (size_t i = 0; i < sizeof(trail_bits) / sizeof(trail_bits[0]); i++)
		attr->trail_bytes += type & trail_bits[i] ? 8 : 0;
}

void pd_skip_read(struct km_cursor *cur, uint64_t format)
{
	const size_t times =
		8 * (((format & READ_TIME_ENABLED) != 0) + ((format & READ_TIME_RUNNING) != 0));
	const size_t each = 8 * (1 + ((format & READ_ID) != 0) + ((format & READ_LOST) != 0));
	uint64_t nr = 1;

	if (format & READ_GROUP)
		nr = km_cursor_u64(cur);
	km_cursor_bytes(cur, times);
	if (nr > km_cursor_left(cur) / each)
		cur->is_over = true;
	else
		km_cursor_bytes(cur, (size_t)nr * each);
}

/* u64 ABI, none if it is 0, and the registers. */
static void skip_regs(struct km_cursor *cur, unsigned int nr)
{
	if (km_cursor_u64(cur))
		km_cursor_bytes(cur, 8 * (size_t)nr);
}

/* u64 size, and so many bytes; returns whether there are any. */
static bool skip_sized(struct km_cursor *cur)
{
	const uint64_t size = km_cursor_u64(cur);

	if (size > km_cursor_left(cur))
		cur->is_over = true;
	else
		km_cursor_bytes(cur, (size_t)size);
	return size != 0;
}

/* Whether a sample ends where what is behind RAW does, or that cannot be said. */
static bool is_end(const struct pd_attr *attr, struct km_cursor cur)
{
	const uint64_t type = attr->sample_type;

	if (!attr->is_sized)
		return true;
	/* a tracepoint has no branches; if there are some, how many bytes is another matter */
	if (type & PD_SAMPLE_BRANCH_STACK && km_cursor_u64(&cur))
		return true;
	if (type & PD_SAMPLE_REGS_USER)
		skip_regs(&cur, attr->nr_regs_user);
	/* of a stack the size that it really had is behind it */
	if (type & PD_SAMPLE_STACK_USER && skip_sized(&cur))
		km_cursor_u64(&cur);
	if (type & (PD_SAMPLE_WEIGHT | PD_SAMPLE_WEIGHT_STRUCT))
		km_cursor_u64(&cur);
	if (type & PD_SAMPLE_DATA_SRC)
		km_cursor_u64(&cur);
	if (type & PD_SAMPLE_TRANSACTION)
		km_cursor_u64(&cur);
	if (type & PD_SAMPLE_REGS_INTR)
		skip_regs(&cur, attr->nr_regs_intr);
	km_cursor_bytes(&cur, 8 * (size_t)__builtin_popcountll(type & tail_u64_bits));
	if (type & PD_SAMPLE_AUX)
		skip_sized(&cur);
	return !cur.is_over && !km_cursor_left(&cur);
}

/* The attr of a record, by the id it has in a place that all attrs agree on. */
static bool find_attr(const struct perfdata *pd, const struct pd_record *record,
		      struct pd_sample *ret)
{
	const struct pd_attr *first = &pd->attrs[0];
	const struct pd_id *id;

	ret->attr = first;
	ret->id = 0;
	if (first->id_at && first->id_at + 8U <= record->size)
		ret->id = load_u64(pd, record->data + first->id_at);
	if (pd->is_uniform)
		return true;
	id = pd_find_id(pd, ret->id);
	if (!id || id->attr >= pd->nr_attrs)
		return false;
	ret->attr = &pd->attrs[id->attr];
	return true;
}

/* The CPU that a sample has no field for. */
static uint32_t cpu_by_id(const struct perfdata *pd, uint64_t id)
{
	const struct pd_id *found = pd_find_id(pd, id);

	return found && found->cpu != UINT32_MAX ? found->cpu : 0;
}

enum pd_verdict pd_parse_sample(const struct perfdata *pd, const struct pd_record *record,
				struct pd_sample *ret)
{
	const uint8_t *data = record->data;
	const struct pd_attr *attr;
	struct km_cursor cur;

	if (!find_attr(pd, record, ret))
		return PD_SAMPLE_UNKNOWN_ID;
	attr = ret->attr;
	if (record->size < attr->read_at)
		return PD_SAMPLE_DAMAGED;
	ret->time_ns = attr->time_at ? load_u64(pd, data + attr->time_at) : 0;
	ret->cpu = attr->cpu_at ? load_u32(pd, data + attr->cpu_at) : cpu_by_id(pd, ret->id);
	/* pid, then tid */
	ret->tid = attr->tid_at ? (int32_t)load_u32(pd, data + attr->tid_at + 4) : -1;
	ret->period = attr->period_at ? load_u64(pd, data + attr->period_at) : 1;
	ret->chain = ret->raw = NULL;
	ret->nr_chain = ret->raw_size = 0;
	cur = km_cursor_make(data, record->size, pd->is_big_endian);
	cur.pos = attr->read_at;
	if (attr->sample_type & PD_SAMPLE_READ)
		pd_skip_read(&cur, attr->read_format);
	if (attr->sample_type & PD_SAMPLE_CALLCHAIN) {
		uint64_t nr;

		if (km_cursor_left(&cur) < 8)
			return PD_SAMPLE_DAMAGED;
		nr = load_u64(pd, data + cur.pos);
		cur.pos += 8;
		if (nr > km_cursor_left(&cur) / 8)
			return PD_SAMPLE_DAMAGED;
		ret->chain = data + cur.pos;
		ret->nr_chain = (uint32_t)nr;
		cur.pos += 8 * (size_t)nr;
	}
	if (!cur.is_over && attr->sample_type & PD_SAMPLE_RAW) {
		if (km_cursor_left(&cur) < 4)
			return PD_SAMPLE_DAMAGED;
		ret->raw_size = load_u32(pd, data + cur.pos);
		cur.pos += 4;
		if (ret->raw_size > km_cursor_left(&cur))
			return PD_SAMPLE_DAMAGED;
		ret->raw = data + cur.pos;
		cur.pos += ret->raw_size;
	}
	return cur.is_over || ret->cpu > PD_MAX_CPU || !is_end(attr, cur) ? PD_SAMPLE_DAMAGED
									  : PD_SAMPLE_GOOD;
}

bool pd_parse_trail(const struct perfdata *pd, const struct pd_record *record,
		    struct pd_sample *ret)
{
	const struct pd_attr *attr = pd->nr_attrs ? &pd->attrs[0] : NULL;
	const uint8_t *at;

	*ret = (struct pd_sample){ .attr = attr };
	if (!attr || !attr->has_sample_ids || !attr->trail_bytes ||
	    record->size < PD_HEAD_BYTES + attr->trail_bytes)
		return false;
	/* the attrs have different trails only with an identifier, which is always last */
	if (!pd->is_uniform && attr->sample_type & PD_SAMPLE_IDENTIFIER) {
		const struct pd_id *id =
			pd_find_id(pd, load_u64(pd, record->data + record->size - 8));

		if (id && id->attr < pd->nr_attrs)
			attr = ret->attr = &pd->attrs[id->attr];
		if (!attr->has_sample_ids || record->size < PD_HEAD_BYTES + attr->trail_bytes)
			return false;
	}
	at = record->data + record->size - attr->trail_bytes;
	for (size_t i = 0; i < sizeof(trail_bits) / sizeof(trail_bits[0]); i++) {
		if (!(attr->sample_type & trail_bits[i]))
			continue;
		if (trail_bits[i] == PD_SAMPLE_TIME)
			ret->time_ns = load_u64(pd, at);
		else if (trail_bits[i] == PD_SAMPLE_CPU)
			ret->cpu = load_u32(pd, at);
		else if (trail_bits[i] == PD_SAMPLE_ID || trail_bits[i] == PD_SAMPLE_IDENTIFIER)
			ret->id = load_u64(pd, at);
		at += 8;
	}
	return ret->cpu <= PD_MAX_CPU;
}

size_t pd_chain_kernel(const struct perfdata *pd, const uint8_t *chain, size_t nr, uint64_t *ret,
		       size_t max)
{
	/* without any mark it is the kernel's */
	bool is_kernel = true;
	size_t nr_kept = 0;

	for (size_t i = 0; i < nr && nr_kept < max; i++) {
		const uint64_t address = load_u64(pd, chain + 8 * i);

		if (address >= (uint64_t)(int64_t)CONTEXT_MAX)
			is_kernel = address == (uint64_t)(int64_t)CONTEXT_KERNEL;
		else if (is_kernel)
			ret[nr_kept++] = address;
	}
	return nr_kept;
}
