/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long records of a perf.data are, by what is in them (include/uapi/linux/perf_event.h and
 * kernel/events/core.c, v6.12; tools/lib/perf/include/perf/event.h, v6.14). A length that is too
 * large goes over the records that follow, which nothing else would tell.
 *
 * Records of the kernel but samples end with the up to six u64 of sample_id_all, which perf leaves
 * empty or out in those that it makes up.
 */
#include "source/perfdata.h"

/* What is behind the header. */
enum shape {
	SHAPE_ANY,        /* not known */
	SHAPE_FIXED,      /* `bytes` */
	SHAPE_STRING,     /* `bytes`, then a string and what makes it end at a multiple of 8 */
	SHAPE_READ,       /* u32 pid, u32 tid, counts */
	SHAPE_NAMESPACES, /* u32 pid, u32 tid, u64 number, and so many times 16 bytes */
	SHAPE_TEXT_POKE,  /* u64 address, u16 length of the old code, u16 of the new, both, padding
			   */
};

static const struct {
	uint8_t shape; /* enum shape */
	uint8_t bytes;
} kernel_shapes[PD_KERNEL_LAST + 1] = {
	[PD_MMAP] = { SHAPE_STRING, 32 },
	[PD_LOST] = { SHAPE_FIXED, 16 },
	[PD_COMM] = { SHAPE_STRING, 8 },
	[4] = { SHAPE_FIXED, 24 }, /* EXIT */
	[PD_THROTTLE] = { SHAPE_FIXED, 24 },
	[6] = { SHAPE_FIXED, 24 }, /* UNTHROTTLE */
	[7] = { SHAPE_FIXED, 24 }, /* FORK */
	[8] = { SHAPE_READ, 8 },
	[10] = { SHAPE_STRING, 64 }, /* MMAP2 */
	[11] = { SHAPE_FIXED, 24 },  /* AUX */
	[12] = { SHAPE_FIXED, 8 },   /* ITRACE_START */
	[PD_LOST_SAMPLES] = { SHAPE_FIXED, 8 },
	[14] = { SHAPE_FIXED, 0 }, /* SWITCH */
	[15] = { SHAPE_FIXED, 8 }, /* SWITCH_CPU_WIDE */
	[16] = { SHAPE_NAMESPACES, 8 },
	[17] = { SHAPE_STRING, 16 }, /* KSYMBOL */
	[18] = { SHAPE_FIXED, 16 },  /* BPF_EVENT */
	[19] = { SHAPE_STRING, 8 },  /* CGROUP */
	[20] = { SHAPE_TEXT_POKE, 8 },
	[PD_KERNEL_LAST] = { SHAPE_FIXED, 8 }, /* AUX_OUTPUT_HW_ID */
};

enum {
	THREAD_MAP = 73,
	THREAD_MAP_BYTES = 24, /* u64, char[16] */
	ID_INDEX_BYTES = 32,
	ID_INDEX_MORE_BYTES = 16, /* since v6.1 two u64 more for each, behind all */
	NAMESPACE_BYTES = 16,
};

/* A number, and as many entries, which take up the record. */
static bool is_list(struct km_cursor cur, size_t entry_bytes, size_t more_bytes)
{
	const uint64_t nr = km_cursor_u64(&cur);
	const size_t left = km_cursor_left(&cur);

	if (cur.is_over || nr > left / entry_bytes)
		return false;
	return left == nr * entry_bytes || left == nr * (entry_bytes + more_bytes);
}

/* Moves over what a record of the kernel has before its trail. */
static void skip_body(const struct perfdata *pd, uint32_t type, struct km_cursor *cur)
{
	uint64_t nr;

	km_cursor_bytes(cur, kernel_shapes[type].bytes);
	switch ((enum shape)kernel_shapes[type].shape) {
	case SHAPE_STRING:
		if (!km_cursor_string(cur))
			cur->is_over = true;
		break;
	case SHAPE_READ:
		pd_skip_read(cur, pd->attrs[0].read_format);
		break;
	case SHAPE_NAMESPACES:
		nr = km_cursor_u64(cur);
		if (nr > km_cursor_left(cur) / NAMESPACE_BYTES)
			cur->is_over = true;
		else
			km_cursor_bytes(cur, (size_t)nr * NAMESPACE_BYTES);
		break;
	case SHAPE_TEXT_POKE:
		nr = km_cursor_u16(cur);
		nr += km_cursor_u16(cur);
		km_cursor_bytes(cur, (size_t)nr);
		break;
	case SHAPE_ANY:
	case SHAPE_FIXED:
		break;
	}
	km_cursor_bytes(cur, -cur->pos % 8);
}

/* Whether what is left can be what sample_id_all is for. */
static bool is_trail(const struct perfdata *pd, struct km_cursor *cur)
{
	const size_t size = km_cursor_left(cur);
	bool is_empty = true;
	uint64_t value = 0;

	if (size % 8 || size / 8 >= 8 || !(pd->trail_u64s >> size / 8 & 1))
		return false;
	while (km_cursor_left(cur)) {
		value = km_cursor_u64(cur);
		is_empty &= value == 0;
	}
	/* an identifier is last */
	return is_empty || !pd->are_identified || !pd->nr_ids || pd_find_id(pd, value);
}

static bool is_kernel_record(const struct perfdata *pd, uint32_t type, struct km_cursor cur)
{
	/* what attrs that are not alike have read is not known */
	if (kernel_shapes[type].shape == SHAPE_READ && !pd->is_read_alike)
		return true;
	skip_body(pd, type, &cur);
	return !cur.is_over && (!km_cursor_left(&cur) || is_trail(pd, &cur));
}

/* Whether what is at `data` is records one behind the other, to its very end. */
static bool is_row_of_records(const struct perfdata *pd, const uint8_t *data, size_t left)
{
	while (left >= PD_HEAD_BYTES) {
		const uint64_t type = km_load_uint(data, 4, pd->is_big_endian);
		const size_t size = (size_t)km_load_uint(data + 6, 2, pd->is_big_endian);

		if (!type || type > PD_USER_LAST || (type > PD_KERNEL_LAST && type < PD_USER_FIRST))
			return false;
		if (size < PD_HEAD_BYTES || size > left || (type < PD_USER_FIRST && size % 8))
			return false;
		data += size;
		left -= size;
	}
	return !left;
}

/* Whether one bit less in its length makes several records of it. */
static bool holds_records(const struct perfdata *pd, const struct pd_record *record)
{
	for (size_t bit = PD_HEAD_BYTES; bit < record->size; bit *= 2) {
		const size_t size = record->size - bit;

		if (record->size & bit && size >= PD_HEAD_BYTES &&
		    is_row_of_records(pd, record->data + size, bit))
			return true;
	}
	return false;
}

bool pd_record_is_sound(const struct perfdata *pd, const struct pd_record *record)
{
	const struct km_cursor cur = km_cursor_make(
		record->data + PD_HEAD_BYTES, record->size - PD_HEAD_BYTES, pd->is_big_endian);

	if (record->type <= PD_KERNEL_LAST && kernel_shapes[record->type].shape != SHAPE_ANY)
		return is_kernel_record(pd, record->type, cur);
	switch (record->type) {
	case PD_FINISHED_ROUND:
	case PD_FINISHED_INIT:
		return cur.size == 0;
	case PD_ID_INDEX:
		return is_list(cur, ID_INDEX_BYTES, ID_INDEX_MORE_BYTES);
	case THREAD_MAP:
		return is_list(cur, THREAD_MAP_BYTES, 0);
	default:
		return !holds_records(pd, record);
	}
}
