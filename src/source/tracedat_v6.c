/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trace.dat version 6 (trace-cmd.dat.v6(5)), after the initial bytes and page size, all in a row:
 *
 *	header_page and header_event, ftrace formats, event formats, kallsyms, printk formats,
 *	command lines, u32 number of CPUs,
 *	optional "options  \0": u16 id, u32 size, data, ... until an id of 0,
 *	"flyrecord\0": for each CPU u64 offset, u64 size; or "latency  \0" and text
 *
 * The option BUFFER holds u64 offset and the name of an instance; at that offset stands another
 * "flyrecord\0" list.
 */
#include "source/tracedat.h"

#include <stdlib.h>
#include <string.h>

#define TAG_BYTES  10 /* of "options  \0", "latency  \0", "flyrecord\0" */
#define FIRST_LOAD (8U << 20)
#define MAX_LOAD   (2ULL << 30)

/* An instance found among the options, to be read once all options are known. */
struct v6_instance {
	uint64_t offset;
	char *name;
};

struct v6 {
	struct tracedat *td;
	struct v6_instance *instances;
	size_t nr_instances;
};

static void v6_deinit(struct v6 *v6)
{
	for (size_t i = 0; i < v6->nr_instances; i++)
		free(v6->instances[i].name);
	free(v6->instances);
}

static struct km_error *add_instance(struct v6 *v6, struct km_cursor *cur)
{
	struct v6_instance *instances =
		reallocarray(v6->instances, v6->nr_instances + 1, sizeof(*instances));
	uint64_t offset = km_cursor_u64(cur);
	const char *name = (const char *)cur->data + cur->pos;

	if (!instances)
		return &km_error_memory;
	v6->instances = instances;
	if (cur->is_over)
		return NULL;
	instances[v6->nr_instances].offset = offset;
	instances[v6->nr_instances].name = strndup(name, km_cursor_left(cur));
	return instances[v6->nr_instances++].name ? NULL : &km_error_memory;
}

static struct km_error *parse_options(struct v6 *v6, struct km_cursor *cur)
{
	for (;;) {
		unsigned int id = km_cursor_u16(cur);
		uint32_t size;
		const void *data;
		struct km_cursor option;
		struct km_error *error;

		if (cur->is_over || id == TD_OPTION_DONE)
			return NULL;
		size = km_cursor_u32(cur);
		data = km_cursor_bytes(cur, size);
		if (!data)
			return NULL;
		option = km_cursor_make(data, size, cur->is_big_endian);
		error = id == TD_OPTION_BUFFER ? add_instance(v6, &option)
					       : td_parse_option(v6->td, id, &option);
		if (error)
			return error;
	}
}

/* The list of CPU data after a "flyrecord" tag. */
static struct km_error *parse_cpus(struct km_cursor *cur, uint32_t nr_cpus,
				   struct td_buffer *buffer)
{
	struct km_error *error = NULL;

	for (uint32_t i = 0; i < nr_cpus && !error; i++) {
		uint64_t offset = km_cursor_u64(cur), bytes = km_cursor_u64(cur);

		if (cur->is_over)
			return NULL;
		error = td_add_cpu(buffer, i, offset, bytes);
	}
	return error;
}

static struct km_error *load_instance(struct tracedat *td, const struct v6_instance *instance,
				      uint32_t nr_cpus, uint32_t page_bytes)
{
	size_t want = TAG_BYTES + 16 * (size_t)nr_cpus, got;
	struct td_buffer *buffer;
	struct km_cursor cur;
	uint8_t *list = malloc(want);
	struct km_error *error;

	if (!list)
		return &km_error_memory;
	error = km_input_read_at(td->input, instance->offset, list, want, &got);
	if (error)
		goto out;
	cur = km_cursor_make(list, got, td->is_big_endian);
	if (got < TAG_BYTES || memcmp(km_cursor_bytes(&cur, TAG_BYTES), "flyrecord", TAG_BYTES)) {
		td->base.quality.count[KM_SECTIONS_DAMAGED]++;
		goto out;
	}
	error = td_add_buffer(td, strdup(instance->name), NULL, page_bytes, &buffer);
	if (!error)
		error = parse_cpus(&cur, nr_cpus, buffer);
	if (cur.is_over)
		td->base.quality.count[KM_SECTIONS_DAMAGED]++;
out:
	free(list);
	return error;
}

/* The end of the header: options and where the data of the CPUs is. */
static struct km_error *parse_tail(struct v6 *v6, struct km_cursor *cur)
{
	struct tracedat *td = v6->td;
	uint32_t nr_cpus = km_cursor_u32(cur), page_bytes;
	const char *tag = km_cursor_bytes(cur, TAG_BYTES);
	struct td_buffer *buffer;
	struct km_error *error;

	td->base.info.nr_cpus = nr_cpus;
	if (tag && memcmp(tag, "options  ", TAG_BYTES) == 0) {
		error = parse_options(v6, cur);
		if (error)
			return error;
		tag = km_cursor_bytes(cur, TAG_BYTES);
	}
	if (!tag)
		return NULL;
	if (memcmp(tag, "latency  ", TAG_BYTES) == 0)
		return km_error_advise(
			km_error_create(KM_ERR_INPUT, NULL,
					"it holds a latency trace as text, no events"),
			"record events: trace-cmd record -e kmem");
	if (memcmp(tag, "flyrecord", TAG_BYTES) != 0)
		return km_error_create(KM_ERR_INPUT, NULL, "\"flyrecord\" expected");
	/* a page of the buffer may be larger than one of memory; header_page has its true size */
	page_bytes = td->base.formats.data_offset + td->base.formats.data_bytes;
	error = td_add_buffer(td, strdup(""), NULL, page_bytes, &buffer);
	if (!error)
		error = parse_cpus(cur, nr_cpus, buffer);
	for (size_t i = 0; i < v6->nr_instances && !error && !cur->is_over; i++)
		error = load_instance(td, &v6->instances[i], nr_cpus, page_bytes);
	return error;
}

static struct km_error *parse_all(struct v6 *v6, struct km_cursor *cur)
{
	struct tracedat *td = v6->td;
	struct km_error *error = km_parse_header_info(&td->base, cur);

	if (!error)
		error = km_parse_ftrace_events(&td->base, cur);
	if (!error)
		error = km_parse_event_formats(&td->base, cur);
	if (!error)
		error = td_parse_kallsyms(td, cur);
	if (error)
		return error;
	km_cursor_bytes(cur, km_cursor_u32(cur)); /* printk formats */
	error = td_parse_cmdlines(td, cur);
	return error ? error : parse_tail(v6, cur);
}

/*
 * How far the header goes: walks over the lengths only, as far as `cur` has them. False if
 * there is more to load.
 */
static bool header_is_loaded(struct km_cursor cur)
{
	uint32_t nr;
	const char *tag;

	km_cursor_bytes(&cur, sizeof("header_page"));
	km_cursor_bytes(&cur, km_cursor_u64(&cur));
	km_cursor_bytes(&cur, sizeof("header_event"));
	km_cursor_bytes(&cur, km_cursor_u64(&cur));
	nr = km_cursor_u32(&cur);
	for (uint32_t i = 0; i < nr && !cur.is_over; i++)
		km_cursor_bytes(&cur, km_cursor_u64(&cur));
	nr = km_cursor_u32(&cur);
	for (uint32_t i = 0; i < nr && !cur.is_over; i++) {
		km_cursor_string(&cur);
		for (uint32_t k = km_cursor_u32(&cur); k > 0 && !cur.is_over; k--)
			km_cursor_bytes(&cur, km_cursor_u64(&cur));
	}
	km_cursor_bytes(&cur, km_cursor_u32(&cur));
	km_cursor_bytes(&cur, km_cursor_u32(&cur));
	km_cursor_bytes(&cur, km_cursor_u64(&cur));
	nr = km_cursor_u32(&cur);
	tag = km_cursor_bytes(&cur, TAG_BYTES);
	if (tag && memcmp(tag, "options  ", TAG_BYTES) == 0) {
		while (!cur.is_over && km_cursor_u16(&cur) != TD_OPTION_DONE)
			km_cursor_bytes(&cur, km_cursor_u32(&cur));
		km_cursor_bytes(&cur, TAG_BYTES);
	}
	km_cursor_bytes(&cur, 16 * (size_t)nr);
	return !cur.is_over;
}

/* Loads enough of the file to hold the header, doubling the piece. */
static struct km_error *load_header(struct tracedat *td, uint64_t offset, uint8_t **ret,
				    size_t *ret_size)
{
	uint8_t *data = NULL;
	uint64_t rest = td->input->file_bytes > offset ? td->input->file_bytes - offset : 0;

	for (uint64_t size = FIRST_LOAD;; size *= 2) {
		size_t want = size < rest ? size : rest, got;
		uint8_t *grown = realloc(data, want + 1);
		struct km_error *error;

		if (!grown) {
			free(data);
			return &km_error_memory;
		}
		data = grown;
		error = km_input_read_at(td->input, offset, data, want, &got);
		if (error) {
			free(data);
			return error;
		}
		if (size >= rest || size >= MAX_LOAD || got < want ||
		    header_is_loaded(km_cursor_make(data, got, td->is_big_endian))) {
			*ret = data;
			*ret_size = got;
			return NULL;
		}
	}
}

struct km_error *td_open_v6(struct tracedat *td, uint64_t offset)
{
	struct v6 v6 = { .td = td };
	struct km_cursor cur;
	uint8_t *data;
	size_t size;
	struct km_error *error = load_header(td, offset, &data, &size);

	if (error)
		return error;
	cur = km_cursor_make(data, size, td->is_big_endian);
	error = parse_all(&v6, &cur);
	if (cur.is_over && (!error || error->kind == KM_ERR_INPUT)) {
		km_error_free(error);
		error = km_error_advise(km_error_at(td->input->path, offset + cur.pos,
						    "the file ends inside its header"),
					"it was cut short: copy it again");
	} else if (error && error->kind == KM_ERR_INPUT && !error->path) {
		struct km_error *at =
			km_error_at(td->input->path, offset + cur.pos, "%s", error->message);

		if (error->remedy)
			at = km_error_advise(at, "%s", error->remedy);
		else
			at = km_error_advise(at, "the file is damaged: copy it again");
		km_error_free(error);
		error = at;
	}
	v6_deinit(&v6);
	free(data);
	return error;
}
