/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * perf.data, the file of perf record (tools/perf/Documentation/perf.data-file-format.txt, v6.1).
 *All numbers are in the byte order of the recording machine; the magic, read backwards, tells a
 * big-endian one. It begins with
 *
 *	u64 "PERFILE2", u64 size of this header: 104, or 16 in pipe mode
 *	u64 size of an attr's entry, { u64 offset, u64 size } of attrs, data and event types,
 *	256 bits: the sections there are behind the data, each { offset, size } there
 *
 * An attr's entry is a perf_event_attr and the { offset, size } of its ids. Data is a row of
 *records { u32 type, u16 misc, u16 size, ... }. In pipe mode there are only the records, and those
 *of perf itself (type 64 and up) hold what the sections do.
 */
#include "source/perfdata.h"

#include <stdlib.h>

#define HEADER_BYTES      104
#define PIPE_HEADER_BYTES 16
#define MAX_SECTION_BYTES (256U << 20)

struct section {
	uint64_t offset, size;
};

static bool perfdata_probe(const uint8_t *head, size_t size)
{
	return size >= 8 && (memcmp(head, "PERFILE2", 8) == 0 || memcmp(head, "2ELIFREP", 8) == 0);
}

static void perfdata_close(struct km_source *source)
{
	struct perfdata *pd = (struct perfdata *)source;

	pd_feed_deinit(&pd->feed);
	free(pd->exclude_pids);
	free(pd->attrs);
	free(pd->ids);
	free(pd->comms);
	free(pd->release);
	free(pd->machine);
	free(pd->recorder);
	free(pd->build_id);
	km_cpunodes_deinit(&pd->nodes);
	free(pd->streams);
	free(pd->cpu_streams);
	if (pd->has_formats)
		km_formats_deinit(&pd->base.formats);
	km_input_close(pd->input);
	free(pd);
}

struct km_error *pd_stream_of(struct perfdata *pd, uint32_t cpu, size_t *ret)
{
	struct km_input_info *info = &pd->base.info;

	if (cpu < pd->nr_cpu_streams && pd->cpu_streams[cpu]) {
		*ret = pd->cpu_streams[cpu] - 1U;
		return NULL;
	}
	if (cpu >= pd->nr_cpu_streams) {
		const size_t room = 2 * (size_t)cpu + 16;
		uint16_t *streams = reallocarray(pd->cpu_streams, room, sizeof(*streams));

		if (!streams)
			return &km_error_memory;
		memset(streams + pd->nr_cpu_streams, 0,
		       (room - pd->nr_cpu_streams) * sizeof(*streams));
		pd->cpu_streams = streams;
		pd->nr_cpu_streams = room;
	}
	if (info->nr_streams == pd->room_streams) {
		const size_t room = 2 * pd->room_streams + 16;
		void *streams = reallocarray(pd->streams, room, sizeof(*pd->streams));

		if (!streams)
			return &km_error_memory;
		info->streams = pd->streams = streams;
		pd->room_streams = room;
	}
	pd->streams[info->nr_streams] = (struct km_stream_info){ .cpu = cpu };
	*ret = info->nr_streams++;
	pd->cpu_streams[cpu] = (uint16_t)info->nr_streams;
	if (info->nr_cpus < info->nr_streams)
		info->nr_cpus = (uint32_t)info->nr_streams;
	pd->instance.nr_cpus = info->nr_cpus;
	return NULL;
}

/* Gives an error of a part of the file the place where that begins, and a remedy. */
static struct km_error *at_place(const struct perfdata *pd, struct km_error *error, uint64_t offset)
{
	struct km_error *at;

	if (!error || error->kind == KM_ERR_MEMORY || error->path)
		return error;
	at = km_error_advise(
		km_error_at(pd->input->path, offset, "%s", error->message),
		"the file is damaged or was cut short: copy it again, or record again");
	km_error_free(error);
	return at;
}

/* Reads a section that has to be in the file whole. */
static struct km_error *load_section(const struct perfdata *pd, const struct section *section,
				     const char *what, uint8_t **ret)
{
	struct km_error *error;
	uint8_t *data;
	size_t got;

	if (section->size > MAX_SECTION_BYTES || section->offset > pd->input->file_bytes ||
	    section->size > pd->input->file_bytes - section->offset)
		return km_error_advise(
			km_error_at(pd->input->path, section->offset,
				    "%s should be here, %llu bytes, and the file has only %llu "
				    "bytes",
				    what, (unsigned long long)section->size,
				    (unsigned long long)pd->input->file_bytes),
			"the file was cut short or is damaged: copy it again, or record again");
	data = malloc(section->size + 1);
	if (!data)
		return &km_error_memory;
	error = km_input_read_at(pd->input, section->offset, data, section->size, &got);
	if (!error && got < section->size)
		error = km_error_at(pd->input->path, section->offset + got,
				    "the file became shorter while it was read");
	if (error) {
		free(data);
		return error;
	}
	*ret = data;
	return NULL;
}

static struct section parse_section(struct km_cursor *cur)
{
	struct section section;

	section.offset = km_cursor_u64(cur);
	section.size = km_cursor_u64(cur);
	return section;
}

/* An attr's entry: its perf_event_attr, and where its ids are. */
static struct km_error *load_attr(struct perfdata *pd, const uint8_t *entry, size_t size,
				  uint64_t offset)
{
	struct km_cursor cur = km_cursor_make(entry, size, pd->is_big_endian);
	struct section section;
	uint8_t *ids = NULL;
	struct km_error *error;

	cur.pos = size - 16;
	section = parse_section(&cur);
	cur.size = size - 16;
	cur.pos = 0;
	error = section.size ? load_section(pd, &section, "ids of events", &ids) : NULL;
	if (!error)
		error = at_place(pd,
				 pd_parse_attr(pd, cur,
					       km_cursor_make(ids, ids ? section.size : 0,
							      pd->is_big_endian)),
				 offset);
	free(ids);
	return error;
}

static struct km_error *load_attrs(struct perfdata *pd, const struct section *section,
				   uint64_t entry_bytes)
{
	uint8_t *data;
	struct km_error *error;

	if (entry_bytes < 64 + 16 || entry_bytes > 4096)
		return km_error_advise(km_error_at(pd->input->path, 16,
						   "the size of an event's description cannot be"),
				       "the file is damaged: copy it again, or record again");
	error = load_section(pd, section, "descriptions of events", &data);
	if (error)
		return error;
	for (uint64_t at = 0; section->size - at >= entry_bytes && !error; at += entry_bytes)
		error = load_attr(pd, data + at, entry_bytes, section->offset + at);
	free(data);
	return error;
}

/* One section of the header. Only the event formats must be right. */
static struct km_error *load_feature(struct perfdata *pd, unsigned int feature,
				     const struct section *section)
{
	const bool is_vital = feature == PD_FEATURE_TRACING_DATA;
	uint8_t *data;
	struct km_cursor cur;
	struct km_error *error = load_section(
		pd, section, is_vital ? "the event formats" : "a section of the header", &data);

	if (!error) {
		cur = km_cursor_make(data, section->size, pd->is_big_endian);
		error = is_vital ? pd_parse_tracing_data(pd, &cur)
				 : pd_parse_feature(pd, feature, &cur);
		free(data);
		error = at_place(pd, error, section->offset);
	}
	if (!error || is_vital || !km_error_is_of_data(error))
		return error;
	km_error_free(error);
	pd->base.quality.count[KM_SECTIONS_DAMAGED]++;
	return NULL;
}

/* The table of sections, behind the data. */
static struct km_error *load_features(struct perfdata *pd, const uint8_t *bits, uint64_t offset)
{
	unsigned int features[PD_NR_FEATURES], nr = 0;
	struct section table = { .offset = offset };
	struct km_cursor cur;
	uint8_t *data;
	struct km_error *error;

	for (unsigned int i = 0; i < PD_NR_FEATURES; i++) {
		const uint8_t *word = bits + i / 64 * 8;

		if (km_load_uint(word, 8, pd->is_big_endian) >> i % 64 & 1)
			features[nr++] = i;
	}
	table.size = 16 * (uint64_t)nr;
	error = load_section(pd, &table, "the table of the header's sections", &data);
	if (error)
		return error;
	cur = km_cursor_make(data, table.size, pd->is_big_endian);
	for (unsigned int i = 0; i < nr && !error; i++) {
		const struct section section = parse_section(&cur);

		if (features[i] == PD_FEATURE_TRACING_DATA || section.size)
			error = load_feature(pd, features[i], &section);
	}
	free(data);
	return error;
}

static struct km_error *open_file(struct perfdata *pd)
{
	uint8_t head[HEADER_BYTES];
	struct km_cursor cur = km_cursor_make(head, sizeof(head), pd->is_big_endian);
	struct section attrs, data;
	uint64_t entry_bytes;
	size_t got;
	struct km_error *error;

	if (!pd->input->is_seekable)
		return km_error_advise(
			km_error_create(KM_ERR_INPUT, pd->input->path,
					"a perf.data of file mode cannot come through a pipe"),
			"its event formats are at its end: save it to a file first, or record "
			"with perf record -o -");
	error = km_input_read_at(pd->input, 0, head, sizeof(head), &got);
	if (error)
		return error;
	if (got < sizeof(head))
		return km_error_advise(km_error_at(pd->input->path, got,
						   "the file ends inside its header of %d bytes",
						   HEADER_BYTES),
				       "the file was cut short: copy it again, or record again");
	cur.pos = 16;
	entry_bytes = km_cursor_u64(&cur);
	attrs = parse_section(&cur);
	data = parse_section(&cur);
	if (!data.size)
		return km_error_advise(
			km_error_at(pd->input->path, 40, "its size of data is 0"),
			"perf record did not finish and wrote no event formats: record again");
	if (data.offset < HEADER_BYTES || data.offset > pd->input->file_bytes ||
	    data.size > pd->input->file_bytes - data.offset)
		return km_error_advise(
			km_error_at(pd->input->path, pd->input->file_bytes,
				    "the file ends before the event formats, which stand behind "
				    "the events"),
			"the file was cut short or is damaged: copy it again, or record again");
	pd->data_at = data.offset;
	pd->data_end = data.offset + data.size;
	error = load_attrs(pd, &attrs, entry_bytes);
	return error ? error : load_features(pd, head + 72, pd->data_end);
}

/* Event formats in pipe mode: u32 size, and so many bytes behind the record. */
static struct km_error *take_tracing_data(struct perfdata *pd, const struct pd_record *record)
{
	const uint64_t at = pd->feed.at;
	struct km_cursor cur;
	struct km_error *error;
	uint64_t size, missing;

	if (record->size < PD_HEAD_BYTES + 4)
		return at_place(
			pd, km_error_create(KM_ERR_INPUT, NULL, "the event formats are cut off"),
			at);
	size = km_load_uint(record->data + PD_HEAD_BYTES, 4, pd->is_big_endian);
	pd_feed_take(&pd->feed, record->size);
	error = size > MAX_SECTION_BYTES ? NULL : pd_feed_need(&pd->feed, (size_t)size);
	if (error)
		return error;
	if (size > pd_feed_left(&pd->feed))
		return at_place(pd,
				km_error_create(KM_ERR_INPUT, NULL,
						"the event formats have %llu bytes, and only %zu "
						"are there",
						(unsigned long long)size, pd_feed_left(&pd->feed)),
				at);
	cur = km_cursor_make(pd->feed.pos, (size_t)size, pd->is_big_endian);
	error = at_place(pd, pd_parse_tracing_data(pd, &cur), at);
	return error ? error : pd_feed_skip(&pd->feed, size, &missing);
}

/* Records that describe the events, up to the first that is none of them. */
static struct km_error *open_pipe(struct perfdata *pd)
{
	const bool is_seekable = pd->input->is_seekable;
	struct pd_feed *feed = &pd->feed;
	struct km_error *error;

	pd_feed_init(feed, pd->input, 0, is_seekable ? pd->input->file_bytes : UINT64_MAX);
	error = pd_feed_need(feed, PIPE_HEADER_BYTES);
	if (error)
		return error;
	pd_feed_take(feed, PIPE_HEADER_BYTES);
	for (;;) {
		struct pd_record record = { 0 };

		error = pd_feed_need(feed, PD_HEAD_BYTES);
		if (error || pd_feed_left(feed) < PD_HEAD_BYTES)
			break;
		record.type = (uint32_t)km_load_uint(feed->pos, 4, pd->is_big_endian);
		record.misc = (uint16_t)km_load_uint(feed->pos + 4, 2, pd->is_big_endian);
		record.size = (uint16_t)km_load_uint(feed->pos + 6, 2, pd->is_big_endian);
		if (record.type < PD_USER_FIRST || record.type > PD_USER_LAST ||
		    record.type == PD_COMPRESSED || record.type == PD_COMPRESSED2 ||
		    record.type == PD_FINISHED_ROUND || record.type == PD_AUXTRACE ||
		    record.size < PD_HEAD_BYTES)
			break;
		error = pd_feed_need(feed, record.size);
		if (error || pd_feed_left(feed) < record.size)
			break;
		record.data = feed->pos;
		if (record.type == PD_TRACING_DATA) {
			error = take_tracing_data(pd, &record);
		} else {
			if (!pd_record_is_sound(pd, &record))
				pd->base.quality.count[KM_SECTIONS_DAMAGED]++;
			error = pd_take_meta(pd, &record);
			pd_feed_take(feed, record.size);
		}
		if (error)
			break;
	}
	pd->data_at = feed->at;
	pd->data_end = is_seekable ? pd->input->file_bytes : UINT64_MAX;
	return error;
}

static void fill_info(struct perfdata *pd)
{
	struct km_input_info *info = &pd->base.info;

	info->path = pd->input->path;
	info->format_version = 2;
	info->is_big_endian = pd->is_big_endian;
	info->kernel_release = pd->release;
	info->machine = pd->machine;
	info->recorder = pd->recorder;
	info->build_id = pd->build_id;
	info->long_bytes = pd->base.formats.long_bytes;
	info->file_bytes = pd->input->file_bytes;
	pd->instance = (struct km_instance_info){
		.name = "",
		.clock = info->clock,
		.nr_cpus = info->nr_cpus,
		.bytes = pd->input->is_seekable ? pd->data_end - pd->data_at : 0,
		.is_selected = true,
	};
	info->instances = &pd->instance;
	info->nr_instances = 1;
}

/* What there is of attrs and formats must make sense. */
static struct km_error *finish_open(struct perfdata *pd)
{
	struct km_error *error = NULL;

	if (!pd->nr_attrs)
		error = km_error_create(KM_ERR_INPUT, pd->input->path,
					"it describes no event (no attr)");
	else if (!pd->has_formats)
		error = km_error_create(KM_ERR_INPUT, pd->input->path,
					"it has no event formats (tracing data)");
	if (error)
		return km_error_advise(error, "record tracepoints: perf record -a -e 'kmem:*'; if "
					      "they were, the recording was cut short");
	error = at_place(pd, km_formats_seal(&pd->base.formats), 0);
	if (!error)
		fill_info(pd);
	return error;
}

static struct km_error *take_options(struct perfdata *pd, const struct km_source_options *options)
{
	const size_t nr = options ? options->nr_exclude_pids : 0;

	if (options && options->instance)
		return km_error_advise(km_error_create(KM_ERR_USAGE, pd->input->path,
						       "a perf.data has no buffer instances"),
				       "leave --instance out");
	if (!nr)
		return NULL;
	pd->exclude_pids = calloc(nr, sizeof(*pd->exclude_pids));
	if (!pd->exclude_pids)
		return &km_error_memory;
	memcpy(pd->exclude_pids, options->exclude_pids, nr * sizeof(*pd->exclude_pids));
	pd->nr_exclude_pids = nr;
	return NULL;
}

/* The two modes, by the size of the header. */
static struct km_error *open_input(struct perfdata *pd)
{
	const struct km_input *input = pd->input;
	uint64_t header_bytes;

	if (input->head_size < PIPE_HEADER_BYTES)
		return km_error_advise(km_error_at(input->path, input->head_size,
						   "the file ends inside its first bytes"),
				       "the file was cut short: copy it again, or record again");
	header_bytes = km_load_uint(input->head + 8, 8, pd->is_big_endian);
	if (header_bytes == PIPE_HEADER_BYTES)
		return open_pipe(pd);
	if (header_bytes == HEADER_BYTES)
		return open_file(pd);
	return km_error_advise(
		km_error_at(input->path, 8,
			    "the size of the perf.data header cannot be: %llu, neither 104 nor 16",
			    (unsigned long long)header_bytes),
		"the file is damaged or was cut short: copy it again, or record again");
}

static struct km_error *perfdata_open(struct km_input *input,
				      const struct km_source_options *options,
				      struct km_source **ret)
{
	struct perfdata *pd = calloc(1, sizeof(*pd));
	struct km_error *error = NULL;

	if (!pd) {
		km_input_close(input);
		return &km_error_memory;
	}
	pd->base.ops = &km_perfdata_ops;
	pd->input = input;
	pd->is_big_endian = input->head[0] == '2';
	pd->base.info.format = km_perfdata_ops.name;
	pd->base.info.compression = "none";
	pd->memory_bytes = options ? options->memory_bytes : 0;
	error = take_options(pd, options);
	if (!error)
		error = open_input(pd);
	if (!error)
		error = finish_open(pd);
	if (error) {
		perfdata_close(&pd->base);
		return error;
	}
	*ret = &pd->base;
	return NULL;
}

static const char *perfdata_comm(const struct km_source *source, int32_t pid)
{
	return pd_find_comm((const struct perfdata *)source, pid);
}

/* One, in one queue: records are found by the sizes of those before. */
static size_t perfdata_nr_parts(const struct km_source *source)
{
	(void)source;
	return 1;
}

static uint64_t perfdata_part_bytes(const struct km_source *source, size_t part)
{
	const struct perfdata *pd = (const struct perfdata *)source;

	(void)part;
	return pd->input->is_seekable ? pd->data_end - pd->data_at : 0;
}

static uint32_t perfdata_part_queue(const struct km_source *source, size_t part)
{
	(void)source;
	return (uint32_t)part;
}

const struct km_source_ops km_perfdata_ops = {
	.name = "perf.data",
	.probe = perfdata_probe,
	.open = perfdata_open,
	.close = perfdata_close,
	.comm = perfdata_comm,
	.nr_parts = perfdata_nr_parts,
	.part_bytes = perfdata_part_bytes,
	.part_queue = perfdata_part_queue,
	.reader_create = pd_reader_create,
	.reader_destroy = pd_reader_destroy,
	.reader_start = pd_reader_start,
	.reader_fill = pd_reader_fill,
	.reader_stats = pd_reader_stats,
	.reader_names = pd_reader_names,
	.reader_stack = pd_reader_stack,
};
