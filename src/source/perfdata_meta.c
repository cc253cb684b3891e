/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What describes the events of a perf.data: attrs, sections ("features") of the header, which are
 * records in pipe mode, and records of tasks and maps (tools/perf/util/header.c, v6.1).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "source/event_formats.h"
#include "source/perfdata.h"

enum {
	ATTR_LEAST_BYTES = 64, /* PERF_ATTR_SIZE_VER0 */
	ATTR_FLAGS_AT = 40,
	ATTR_REGS_USER_AT = 80,
	ATTR_CLOCKID_AT = 92,
	ATTR_REGS_INTR_AT = 96,
	FLAG_SAMPLE_ID_ALL = 18,
	FLAG_USE_CLOCKID = 25,
	MISC_CPUMODE = 7,
	MISC_KERNEL = 1,
	MISC_BUILD_ID_SIZE = 1 << 15,
	MAX_ATTRS = 1 << 20,
	MAX_CPUS = 8192, /* CONFIG_NR_CPUS of x86 at most, v6.12 */
};

static struct pd_id *id_place(const struct perfdata *pd, uint64_t id)
{
	size_t i = (size_t)pd_id_hash(id) & (pd->room_ids - 1);

	while (pd->ids[i].id && pd->ids[i].id != id)
		i = (i + 1) & (pd->room_ids - 1);
	return &pd->ids[i];
}

const struct pd_id *pd_find_id(const struct perfdata *pd, uint64_t id)
{
	const struct pd_id *found;

	if (!id || !pd->room_ids)
		return NULL;
	found = id_place(pd, id);
	return found->id ? found : NULL;
}

/* The place of an id, a new one if it is not known. */
static struct km_error *add_id(struct perfdata *pd, uint64_t id, struct pd_id **ret)
{
	if (2 * (pd->nr_ids + 1) > pd->room_ids) {
		struct pd_id *old = pd->ids;
		const size_t old_room = pd->room_ids, room = old_room ? 2 * old_room : 256;
		struct pd_id *ids = calloc(room, sizeof(*ids));

		if (!ids)
			return &km_error_memory;
		pd->ids = ids;
		pd->room_ids = room;
		for (size_t i = 0; i < old_room; i++)
			if (old[i].id)
				*id_place(pd, old[i].id) = old[i];
		free(old);
	}
	*ret = id_place(pd, id);
	if (!(*ret)->id) {
		**ret = (struct pd_id){ id, UINT32_MAX, UINT32_MAX };
		pd->nr_ids++;
	}
	return NULL;
}

/* A bit field of the kernel's: the first bit is the lowest, or on big-endian machines the highest.
 */
static bool flag(const struct perfdata *pd, uint64_t flags, unsigned int bit)
{
	return flags >> (pd->is_big_endian ? 63 - bit : bit) & 1;
}

/* The clock the events were stamped with (include/uapi/linux/time.h), as ftrace names it. */
static const char *clock_name(int32_t clockid)
{
	switch (clockid) {
	case 0:
		return "realtime";
	case 1:
		return "mono";
	case 4:
		return "mono_raw";
	case 7:
		return "boot";
	case 11:
		return "tai";
	default:
		return NULL;
	}
}

static bool attrs_are_alike(const struct pd_attr *a, const struct pd_attr *b)
{
	return a->sample_type == b->sample_type && a->read_format == b->read_format &&
	       a->has_sample_ids == b->has_sample_ids;
}

struct km_error *pd_parse_attr(struct perfdata *pd, struct km_cursor cur, struct km_cursor ids)
{
	struct pd_attr attr = { 0 };
	uint64_t flags;

	if (cur.size < ATTR_LEAST_BYTES || pd->nr_attrs >= MAX_ATTRS)
		return km_error_create(KM_ERR_INPUT, NULL, "a description of an event is cut off");
	if ((pd->nr_attrs & (pd->nr_attrs - 1)) == 0) {
		const size_t room = pd->nr_attrs ? 2 * pd->nr_attrs : 1;
		void *attrs = reallocarray(pd->attrs, room, sizeof(*pd->attrs));

		if (!attrs)
			return &km_error_memory;
		pd->attrs = attrs;
	}
	cur.pos = 24;
	attr.sample_type = km_cursor_u64(&cur);
	attr.read_format = km_cursor_u64(&cur);
	flags = km_cursor_u64(&cur);
	attr.has_sample_ids = flag(pd, flags, FLAG_SAMPLE_ID_ALL);
	pd_attr_lay_out(&attr);
	if (cur.size >= ATTR_REGS_INTR_AT + 8) {
		cur.pos = ATTR_REGS_USER_AT;
		attr.nr_regs_user = (uint8_t)__builtin_popcountll(km_cursor_u64(&cur));
		cur.pos = ATTR_REGS_INTR_AT;
		attr.nr_regs_intr = (uint8_t)__builtin_popcountll(km_cursor_u64(&cur));
	} else if (attr.sample_type & (PD_SAMPLE_REGS_USER | PD_SAMPLE_REGS_INTR)) {
		attr.is_sized = false;
	}
	if (!pd->base.info.clock) {
		pd->base.info.clock = "perf";
		if (flag(pd, flags, FLAG_USE_CLOCKID) && cur.size >= ATTR_CLOCKID_AT + 4) {
			cur.pos = ATTR_CLOCKID_AT;
			pd->base.info.clock = clock_name((int32_t)km_cursor_u32(&cur));
		}
	}
	pd->attrs[pd->nr_attrs] = attr;
	pd->is_uniform = attrs_are_alike(&attr, &pd->attrs[0]) && (pd->is_uniform || !pd->nr_attrs);
	pd->is_read_alike = attr.read_format == pd->attrs[0].read_format &&
			    (pd->is_read_alike || !pd->nr_attrs);
	pd->are_identified =
		attr.sample_type & PD_SAMPLE_IDENTIFIER && (pd->are_identified || !pd->nr_attrs);
	if (attr.has_sample_ids)
		pd->trail_u64s |= (uint8_t)(1U << attr.trail_bytes / 8);
	pd->nr_attrs++;
	while (km_cursor_left(&ids) >= 8) {
		const uint64_t value = km_cursor_u64(&ids);
		struct pd_id *id;
		struct km_error *error = value ? add_id(pd, value, &id) : NULL;

		if (error)
			return error;
		if (value)
			id->attr = (uint32_t)pd->nr_attrs - 1;
	}
	return NULL;
}

struct km_error *pd_parse_tracing_data(struct perfdata *pd, struct km_cursor *cur)
{
	static const uint8_t magic[10] = { 0x17, 0x08, 0x44, 't', 'r', 'a', 'c', 'i', 'n', 'g' };
	const uint8_t *head = km_cursor_bytes(cur, sizeof(magic));
	struct km_input_info *info = &pd->base.info;
	struct km_error *error;
	uint8_t order, long_bytes;

	if (pd->has_formats)
		return NULL;
	if (!head || memcmp(head, magic, sizeof(magic)) != 0 || !km_cursor_string(cur))
		return km_error_create(KM_ERR_INPUT, NULL,
				       "the tracing data does not begin with 17 08 44 \"tracing\"");
	order = km_cursor_u8(cur);
	long_bytes = km_cursor_u8(cur);
	info->page_size = km_cursor_u32(cur);
	if (cur->is_over || order != pd->is_big_endian || (long_bytes != 4 && long_bytes != 8))
		return km_error_create(KM_ERR_INPUT, NULL,
				       "byte order or size of a long in the tracing data cannot "
				       "be");
	if (info->page_size < 1024 || info->page_size > KM_MAX_SUBBUF_BYTES ||
	    (info->page_size & (info->page_size - 1)))
		return km_error_create(KM_ERR_INPUT, NULL,
				       "the page size in the tracing data cannot be");
	error = km_formats_init(&pd->base.formats, pd->is_big_endian, long_bytes);
	if (error)
		return error;
	pd->base.formats.page_size = info->page_size;
	pd->has_formats = true;
	error = km_parse_header_info(&pd->base, cur);
	if (!error)
		error = km_parse_ftrace_events(&pd->base, cur);
	if (!error)
		error = km_parse_event_formats(&pd->base, cur);
	/* perf leaves kallsyms out, and COMM records tell the tasks' names */
	return error;
}

/* u32 length, and a text padded with NUL. */
static struct km_error *parse_text(struct km_cursor *cur, char **ret)
{
	const uint32_t size = km_cursor_u32(cur);
	const char *text = km_cursor_bytes(cur, size);

	if (!text)
		return km_error_create(KM_ERR_INPUT, NULL, "a text of the header is cut off");
	if (!*ret)
		*ret = strndup(text, size);
	return *ret ? NULL : &km_error_memory;
}

/* pid s32, build id of 20 bytes, its size u8, 3 bytes reserved, then the file's name. */
static struct km_error *parse_build_id(struct perfdata *pd, uint16_t misc, struct km_cursor cur)
{
	const uint8_t *id;
	const char *name;
	unsigned int size;

	km_cursor_u32(&cur);
	id = km_cursor_bytes(&cur, 24);
	name = km_cursor_string(&cur);
	if (!name)
		return km_error_create(KM_ERR_INPUT, NULL, "a build id is cut off");
	size = misc & MISC_BUILD_ID_SIZE && id[20] && id[20] <= 20 ? id[20] : 20;
	if (pd->build_id || (misc & MISC_CPUMODE) != MISC_KERNEL ||
	    strncmp(name, "[kernel.kallsyms]", 17) != 0)
		return NULL;
	pd->build_id = malloc(2 * size + 1);
	if (!pd->build_id)
		return &km_error_memory;
	for (unsigned int i = 0; i < size; i++)
		snprintf(pd->build_id + 2 * i, 3, "%02x", id[i]);
	return NULL;
}

/* In the header, build ids stand each behind a record's head. */
static struct km_error *parse_build_ids(struct perfdata *pd, struct km_cursor *cur)
{
	while (km_cursor_left(cur) >= PD_HEAD_BYTES) {
		const uint8_t *data;
		uint16_t misc, size;
		struct km_error *error;

		km_cursor_u32(cur);
		misc = km_cursor_u16(cur);
		size = km_cursor_u16(cur);
		data = size >= PD_HEAD_BYTES ? km_cursor_bytes(cur, size - PD_HEAD_BYTES) : NULL;
		if (!data)
			return km_error_create(KM_ERR_INPUT, NULL, "a build id is cut off");
		error = parse_build_id(
			pd, misc, km_cursor_make(data, size - PD_HEAD_BYTES, pd->is_big_endian));
		if (error)
			return error;
	}
	return NULL;
}

/* u32 CPUs that are present, u32 that are online. */
static struct km_error *parse_nr_cpus(struct perfdata *pd, struct km_cursor *cur)
{
	const uint32_t nr = km_cursor_u32(cur), nr_online = km_cursor_u32(cur);
	struct km_error *error = NULL;
	size_t stream;

	if (cur->is_over || nr > MAX_CPUS || nr_online > nr)
		return km_error_create(KM_ERR_INPUT, NULL, "the number of CPUs cannot be");
	for (uint32_t cpu = 0; cpu < nr_online && !error; cpu++)
		error = pd_stream_of(pd, cpu, &stream);
	if (nr_online > pd->base.info.nr_cpus)
		pd->base.info.nr_cpus = nr_online;
	return error;
}

/* u32 version, u32 kind (1: zstd), level, ratio, size of the ring buffers. */
static struct km_error *parse_compressed(struct perfdata *pd, struct km_cursor *cur)
{
	km_cursor_u32(cur);
	if (km_cursor_u32(cur) == 1)
		pd->base.info.compression = "zstd";
	return cur->is_over ? km_error_create(KM_ERR_INPUT, NULL, "the header is cut off") : NULL;
}

/* "0-3,8-11", "": no CPU. */
static struct km_error *parse_cpus(struct perfdata *pd, const char *text, int16_t node)
{
	struct km_error *error = NULL;
	uint32_t first, last;

	while (*text && !error) {
		if (!km_cpu_range_read(&text, &first, &last) || (*text && *text != ','))
			return km_error_create(KM_ERR_INPUT, NULL,
					       "the CPUs of a NUMA node are no list");
		text += *text == ',';
		error = km_cpunodes_set(&pd->nodes, first, last, node);
	}
	return error;
}

/* u32 number of nodes; of each u32 node, u64 memory, u64 free memory, text with its CPUs. */
static struct km_error *parse_numa(struct perfdata *pd, struct km_cursor *cur)
{
	struct km_input_info *info = &pd->base.info;
	struct km_error *error = NULL;

	for (uint32_t nr = km_cursor_u32(cur); nr && !error; nr--) {
		const uint32_t node = km_cursor_u32(cur);
		char *text = NULL;

		km_cursor_bytes(cur, 8 + 8);
		error = parse_text(cur, &text);
		if (!error && node > KM_CPUNODES_MAX_NODE)
			error = km_error_create(KM_ERR_INPUT, NULL,
						"the number of a NUMA node cannot be");
		if (!error)
			error = parse_cpus(pd, text, (int16_t)node);
		free(text);
	}
	/* half of it would be wrong */
	if (error)
		km_cpunodes_deinit(&pd->nodes);
	info->node_of_cpu = pd->nodes.node;
	info->nr_node_cpus = pd->nodes.nr_cpus;
	return error;
}

struct km_error *pd_parse_feature(struct perfdata *pd, unsigned int feature, struct km_cursor *cur)
{
	switch (feature) {
	case PD_FEATURE_BUILD_ID:
		return parse_build_ids(pd, cur);
	case PD_FEATURE_OSRELEASE:
		return parse_text(cur, &pd->release);
	case PD_FEATURE_VERSION:
		return parse_text(cur, &pd->recorder);
	case PD_FEATURE_ARCH:
		return parse_text(cur, &pd->machine);
	case PD_FEATURE_NRCPUS:
		return parse_nr_cpus(pd, cur);
	case PD_FEATURE_NUMA_TOPOLOGY:
		return parse_numa(pd, cur);
	case PD_FEATURE_COMPRESSED:
		return parse_compressed(pd, cur);
	default:
		return NULL;
	}
}

static struct pd_comm *comm_place(const struct perfdata *pd, int32_t pid)
{
	size_t i = (size_t)pd_id_hash((uint32_t)pid) & (pd->room_comms - 1);

	while (pd->comms[i].is_used && pd->comms[i].pid != pid)
		i = (i + 1) & (pd->room_comms - 1);
	return &pd->comms[i];
}

const char *pd_find_comm(const struct perfdata *pd, int32_t pid)
{
	const struct pd_comm *found;

	if (!pd->room_comms)
		return NULL;
	found = comm_place(pd, pid);
	return found->is_used ? found->comm : NULL;
}

/* The last name of a task is the one it is known by. There are no more than pid_max. */
static struct km_error *set_comm(struct perfdata *pd, int32_t tid, const char *comm)
{
	struct pd_comm *place;

	if (2 * (pd->nr_comms + 1) > pd->room_comms) {
		struct pd_comm *old = pd->comms;
		const size_t old_room = pd->room_comms, room = old_room ? 2 * old_room : 256;
		struct pd_comm *comms = calloc(room, sizeof(*comms));

		if (!comms)
			return &km_error_memory;
		pd->comms = comms;
		pd->room_comms = room;
		for (size_t i = 0; i < old_room; i++)
			if (old[i].is_used)
				*comm_place(pd, old[i].pid) = old[i];
		free(old);
	}
	place = comm_place(pd, tid);
	pd->nr_comms += !place->is_used;
	*place = (struct pd_comm){ .pid = tid, .is_used = true };
	memcpy(place->comm, comm, strnlen(comm, sizeof(place->comm) - 1));
	return NULL;
}

/* s32 pid, s32 tid, the name. pid_max is at most 4 Mi (include/linux/threads.h, v6.12). */
static struct km_error *parse_comm(struct perfdata *pd, struct km_cursor *cur)
{
	const char *comm;
	uint32_t tid;

	km_cursor_u32(cur);
	tid = km_cursor_u32(cur);
	comm = km_cursor_string(cur);
	return comm && tid <= 4U << 20 ? set_comm(pd, (int32_t)tid, comm) : NULL;
}

/*
 * s32 pid, s32 tid, u64 start, length and offset of a map, its name. perf makes one for the
 * kernel's text, with the address of the symbol it is named after as the offset.
 */
static void parse_mmap(struct perfdata *pd, uint16_t misc, struct km_cursor *cur)
{
	const char *name;
	uint64_t text;

	km_cursor_bytes(cur, 8 + 16);
	text = km_cursor_u64(cur);
	name = km_cursor_string(cur);
	if (name && (misc & MISC_CPUMODE) == MISC_KERNEL &&
	    strcmp(name, "[kernel.kallsyms]_text") == 0 && !pd->base.info.kernel_text)
		pd->base.info.kernel_text = text;
}

/* u64 number; each u64 id, index, CPU, thread. Newer ones have more behind these. */
static struct km_error *parse_id_index(struct perfdata *pd, struct km_cursor *cur)
{
	uint64_t nr = km_cursor_u64(cur);

	for (; nr && km_cursor_left(cur) >= 32; nr--) {
		const uint64_t value = km_cursor_u64(cur);
		struct pd_id *id;
		struct km_error *error = value ? add_id(pd, value, &id) : NULL;
		uint64_t cpu;

		if (error)
			return error;
		km_cursor_u64(cur);
		cpu = km_cursor_u64(cur);
		if (value && cpu <= PD_MAX_CPU)
			id->cpu = (uint32_t)cpu;
		km_cursor_u64(cur);
	}
	return NULL;
}

/* In pipe mode: the attr, of the size it says itself, and its ids. */
static struct km_error *parse_attr_record(struct perfdata *pd, struct km_cursor cur)
{
	uint32_t size;

	cur.pos = 4;
	size = km_cursor_u32(&cur);
	if (!size)
		size = ATTR_LEAST_BYTES;
	if (cur.is_over || size > cur.size)
		return km_error_create(KM_ERR_INPUT, NULL, "a description of an event is cut off");
	return pd_parse_attr(pd, km_cursor_make(cur.data, size, pd->is_big_endian),
			     km_cursor_make(cur.data + size, cur.size - size, pd->is_big_endian));
}

struct km_error *pd_take_meta(struct perfdata *pd, const struct pd_record *record)
{
	struct km_cursor cur = km_cursor_make(record->data + PD_HEAD_BYTES,
					      record->size - PD_HEAD_BYTES, pd->is_big_endian);
	struct km_error *error = NULL;

	switch (record->type) {
	case PD_ATTR:
		error = parse_attr_record(pd, cur);
		break;
	case PD_FEATURE: {
		const uint64_t feature = km_cursor_u64(&cur);

		if (feature < PD_NR_FEATURES)
			error = pd_parse_feature(pd, (unsigned int)feature, &cur);
		break;
	}
	case PD_BUILD_ID:
		error = parse_build_id(pd, record->misc, cur);
		break;
	case PD_ID_INDEX:
		error = parse_id_index(pd, &cur);
		break;
	case PD_COMM:
		error = parse_comm(pd, &cur);
		break;
	case PD_MMAP:
		parse_mmap(pd, record->misc, &cur);
		break;
	default:
		break;
	}
	if (!error || !km_error_is_of_data(error))
		return error;
	/* the events may be good all the same */
	km_error_free(error);
	pd->base.quality.count[KM_SECTIONS_DAMAGED]++;
	return NULL;
}
