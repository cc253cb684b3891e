/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trace.dat, the file of trace-cmd (trace-cmd.dat.v6(5), trace-cmd.dat.v7(5)). It begins with
 *
 *	17 08 44 "tracing", the version "6\0" or "7\0",
 *	u8 byte order (0 little, 1 big), u8 bytes in a long, u32 page size,
 *	and in version 7: "compression\0", "its version\0", u64 offset of the first options
 *
 * The long is that of the recording program; the kernel's is that of header_page's commit.
 */
#include "source/tracedat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode/pages.h"

static const uint8_t magic[10] = { 0x17, 0x08, 0x44, 't', 'r', 'a', 'c', 'i', 'n', 'g' };

static bool tracedat_probe(const uint8_t *head, size_t size)
{
	return size >= sizeof(magic) && memcmp(head, magic, sizeof(magic)) == 0;
}

static void tracedat_close(struct km_source *source)
{
	struct tracedat *td = (struct tracedat *)source;

	for (size_t i = 0; i < td->nr_buffers; i++) {
		free(td->buffers[i].name);
		free(td->buffers[i].clock);
		free(td->buffers[i].cpus);
	}
	for (size_t i = 0; i < td->nr_time_shifts; i++)
		free(td->time_shifts[i].samples);
	free(td->time_shifts);
	free(td->buffers);
	free(td->cpu_stats);
	free(td->cmdlines);
	free(td->comms);
	free(td->instances);
	free(td->streams);
	free(td->clocks);
	free(td->parts);
	free(td->release);
	free(td->machine);
	free(td->recorder);
	free(td->clock);
	td_deinit_machine(td);
	km_formats_deinit(&td->base.formats);
	km_blob_deinit(&td->base.kallsyms);
	km_input_close(td->input);
	free(td);
}

static struct km_error *bad_head(const struct tracedat *td, uint64_t offset, const char *what)
{
	return km_error_advise(km_error_at(td->input->path, offset, "%s", what),
			       "the file is damaged or was cut short: copy it again");
}

/* The compression and options' place of version 7. */
static struct km_error *parse_v7_head(struct tracedat *td, struct km_cursor *cur,
				      uint64_t *ret_options)
{
	uint64_t name_at = cur->pos;
	const char *name = km_cursor_string(cur);

	km_cursor_string(cur);
	*ret_options = km_cursor_u64(cur);
	if (cur->is_over)
		return bad_head(td, cur->pos, "the file ends inside its first bytes");
	if (!km_compression_find(name, &td->compression))
		return km_error_advise(
			km_error_at(td->input->path, name_at,
				    "its compression \"%.32s\" is not known", name),
			"convert it: trace-cmd convert --compression zstd -i FILE -o NEW");
	return NULL;
}

static struct km_error *parse_head(struct tracedat *td)
{
	struct km_input_info *info = &td->base.info;
	uint8_t head[KM_INPUT_HEAD_BYTES];
	size_t got;
	struct km_cursor cur;
	const char *version;
	uint8_t order, long_bytes;
	uint64_t options = 0;
	struct km_error *error = km_input_read_at(td->input, 0, head, sizeof(head), &got);

	if (error)
		return error;
	cur = km_cursor_make(head, got, false);
	cur.pos = sizeof(magic);
	version = km_cursor_string(&cur);
	order = km_cursor_u8(&cur);
	long_bytes = km_cursor_u8(&cur);
	td->is_big_endian = cur.is_big_endian = order == 1;
	info->page_size = km_cursor_u32(&cur);
	if (cur.is_over)
		return bad_head(td, got, "the file ends inside its first bytes");
	if (strcmp(version, "6") != 0 && strcmp(version, "7") != 0)
		return km_error_advise(
			km_error_at(td->input->path, sizeof(magic),
				    "trace.dat version \"%.8s\": only 6 and 7 are known", version),
			"convert it with trace-cmd convert");
	if (order > 1 || (long_bytes != 4 && long_bytes != 8))
		return bad_head(td, sizeof(magic) + 2, "byte order or size of a long cannot be");
	if (info->page_size < 1024 || info->page_size > KM_MAX_SUBBUF_BYTES ||
	    (info->page_size & (info->page_size - 1)))
		return bad_head(td, sizeof(magic) + 4, "the page size cannot be");
	info->format_version = (uint32_t)(version[0] - '0');
	info->is_big_endian = td->is_big_endian;
	if (info->format_version == 7)
		error = parse_v7_head(td, &cur, &options);
	if (!error)
		error = km_formats_init(&td->base.formats, td->is_big_endian, long_bytes);
	if (error)
		return error;
	return info->format_version == 7 ? td_open_v7(td, options) : td_open_v6(td, cur.pos);
}

/* Makes the readers read `buffer`. */
static struct km_error *select_buffer(struct tracedat *td, const struct td_buffer *buffer)
{
	free(td->parts);
	free(td->clocks);
	td->parts = NULL;
	td->nr_parts = 0;
	td->selected = buffer;
	td->clocks = calloc(buffer->nr_cpus + 1, sizeof(*td->clocks));
	if (!td->clocks)
		return &km_error_memory;
	for (size_t i = 0; i < buffer->nr_cpus; i++) {
		uint32_t cpu = buffer->cpus[i].cpu;

		td->clocks[i] = td->clock_base;
		if (cpu < td->nr_time_shifts) {
			td->clocks[i].samples = td->time_shifts[cpu].samples;
			td->clocks[i].nr_samples = td->time_shifts[cpu].nr_samples;
			td->clocks[i].fraction_bits = td->time_shifts[cpu].fraction_bits;
		}
	}
	return td_make_parts(td, buffer, &td->parts, &td->nr_parts);
}

static bool batch_has_slab(const struct km_batch *batch)
{
	for (uint32_t i = 0; i < batch->nr; i++)
		if (km_event_layer(batch->what[i].kind) == KM_LAYER_SLAB)
			return true;
	return false;
}

/* Whether the selected buffer has an event of the slab allocator; reads up to the first. */
static struct km_error *has_kmem_events(struct tracedat *td, bool *ret)
{
	struct km_reader *reader;
	struct km_batch *batch = calloc(1, sizeof(*batch));
	struct km_error *error;

	*ret = false;
	if (!batch)
		return &km_error_memory;
	error = td_reader_create(&td->base, KM_WANT_ALL, &reader);
	if (error) {
		free(batch);
		return error;
	}
	for (size_t i = 0; i < td->nr_parts && !error && !*ret; i++) {
		error = td_reader_start(reader, i);
		do {
			batch->nr = 0;
			if (!error)
				error = td_reader_fill(reader, batch);
			*ret = !error && batch_has_slab(batch);
		} while (!error && batch->nr && !*ret);
	}
	td_reader_destroy(reader);
	free(batch);
	return error;
}

static uint64_t buffer_bytes(const struct td_buffer *buffer)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < buffer->nr_cpus; i++)
		if (__builtin_add_overflow(sum, buffer->cpus[i].bytes, &sum))
			return UINT64_MAX;
	return sum;
}

/* The buffer the user named. */
static struct km_error *select_named(struct tracedat *td, const char *name)
{
	struct km_error *error;
	char *names = strdup("");

	for (size_t i = 0; i < td->nr_buffers; i++) {
		char *more;

		if (strcmp(td->buffers[i].name, name) == 0) {
			free(names);
			return select_buffer(td, &td->buffers[i]);
		}
		if (names && asprintf(&more, "%s%s\"%s\"", names, *names ? ", " : "",
				      td->buffers[i].name) >= 0) {
			free(names);
			names = more;
		}
	}
	error = km_error_create(KM_ERR_USAGE, td->input->path, "there is no buffer instance \"%s\"",
				name);
	if (names)
		km_error_advise(error, "it has %s", *names ? names : "none");
	free(names);
	return error;
}

/* The top-level buffer, or the only one with kmem events. */
static struct km_error *select_default(struct tracedat *td)
{
	const struct td_buffer *top = &td->buffers[0], *found = NULL;
	bool has = false;
	struct km_error *error;

	for (size_t i = 0; i < td->nr_buffers; i++)
		if (!td->buffers[i].name[0])
			top = &td->buffers[i];
	error = select_buffer(td, top);
	if (!error && td->nr_buffers > 1)
		error = has_kmem_events(td, &has);
	if (error || has || td->nr_buffers == 1)
		return error;
	for (size_t i = 0; i < td->nr_buffers && !error; i++) {
		if (&td->buffers[i] == top || !buffer_bytes(&td->buffers[i]))
			continue;
		error = select_buffer(td, &td->buffers[i]);
		if (!error)
			error = has_kmem_events(td, &has);
		if (!error && has && found)
			return km_error_advise(
				km_error_create(KM_ERR_USAGE, td->input->path,
						"kmem events are in several buffer instances, "
						"among them \"%s\" and \"%s\"",
						found->name, td->buffers[i].name),
				"choose one with --instance NAME");
		if (has)
			found = &td->buffers[i];
	}
	return error ? error : select_buffer(td, found ? found : top);
}

/*
 * The machine's page size. trace-cmd 3.1 writes that of a sub-buffer in its place where those are
 * larger; these machines have pages of 4 KiB only.
 */
static uint32_t machine_page_size(const struct tracedat *td)
{
	static const char *const machines[] = { "x86_64", "i386",  "i486", "i586",
						"i686",   "s390x", "s390", "armv" };

	for (size_t i = 0; td->machine && i < sizeof(machines) / sizeof(machines[0]); i++)
		if (strncmp(td->machine, machines[i], strlen(machines[i])) == 0)
			return 4096;
	return td->base.info.page_size;
}

/* Clocks that do not count nanoseconds (trace_clocks[], kernel/trace/trace.c, v6.12). */
static bool clock_is_raw(const struct tracedat *td, const char *clock)
{
	static const char *const raw[] = { "counter", "uptime", "x86-tsc", "ppc-tb" };

	for (size_t i = 0; clock && !td->clock_base.mult && i < sizeof(raw) / sizeof(raw[0]); i++)
		if (strcmp(clock, raw[i]) == 0)
			return true;
	return false;
}

/* The infos of instances and streams. */
static struct km_error *fill_info(struct tracedat *td)
{
	struct km_input_info *info = &td->base.info;
	const struct td_buffer *selected = td->selected;
	bool is_top = !selected->name[0] || td->nr_buffers == 1;

	td->instances = calloc(td->nr_buffers, sizeof(*td->instances));
	td->streams = calloc(selected->nr_cpus + 1, sizeof(*td->streams));
	if (!td->instances || !td->streams)
		return &km_error_memory;
	for (size_t i = 0; i < td->nr_buffers; i++)
		td->instances[i] = (struct km_instance_info){
			.name = td->buffers[i].name,
			.clock = td->buffers[i].clock ? td->buffers[i].clock : td->clock,
			.nr_cpus = (uint32_t)td->buffers[i].nr_cpus,
			.bytes = buffer_bytes(&td->buffers[i]),
			.is_selected = &td->buffers[i] == selected,
		};
	for (size_t i = 0; i < selected->nr_cpus; i++) {
		struct km_stream_info *stream = &td->streams[i];

		stream->cpu = selected->cpus[i].cpu;
		stream->bytes = selected->cpus[i].bytes;
		for (size_t k = 0; k < td->nr_cpu_stats && is_top; k++) {
			if (td->cpu_stats[k].cpu != stream->cpu)
				continue;
			stream->has_recorder_stats = true;
			stream->overrun = td->cpu_stats[k].overrun;
			stream->dropped = td->cpu_stats[k].dropped;
			/* in no-overwrite mode nothing in the pages tells of them */
			td->base.quality.count[KM_EVENTS_LOST] += stream->dropped;
		}
	}
	info->path = td->input->path;
	info->format = km_tracedat_ops.name;
	info->compression = km_compression_name(td->compression);
	info->kernel_release = td->release;
	info->machine = td->machine;
	info->recorder = td->recorder;
	info->clock = selected->clock && *selected->clock ? selected->clock : td->clock;
	info->has_raw_time = clock_is_raw(td, info->clock);
	info->long_bytes = td->base.formats.long_bytes;
	info->subbuf_bytes = selected->page_bytes;
	info->file_bytes = td->input->file_bytes;
	if (!info->nr_cpus)
		info->nr_cpus = (uint32_t)selected->nr_cpus;
	info->instances = td->instances;
	info->nr_instances = td->nr_buffers;
	info->streams = td->streams;
	info->nr_streams = selected->nr_cpus;
	return NULL;
}

/* After the container is read: what there is of buffers and formats must make sense. */
static struct km_error *finish_open(struct tracedat *td, const struct km_source_options *options)
{
	struct km_error *error = km_formats_seal(&td->base.formats);

	td->base.info.page_size = machine_page_size(td);
	td->base.formats.page_size = td->base.info.page_size;
	if (error) {
		struct km_error *at = km_error_advise(
			km_error_create(KM_ERR_INPUT, td->input->path, "%s", error->message),
			"record again with trace-cmd, which writes them");

		km_error_free(error);
		return at;
	}
	if (!td->nr_buffers)
		return km_error_advise(
			km_error_create(KM_ERR_INPUT, td->input->path,
					"there is no buffer of events in it"),
			"the recording did not finish, or it holds only text: record "
			"again");
	for (size_t i = 0; i < td->nr_buffers; i++)
		if (td->buffers[i].page_bytes < td->base.formats.data_offset + 64 ||
		    td->buffers[i].page_bytes > KM_MAX_SUBBUF_BYTES)
			return bad_head(td, 0, "the page size of a buffer cannot be");
	error = td_finish_machine(td);
	if (error)
		return error;
	error = options && options->instance ? select_named(td, options->instance)
					     : select_default(td);
	return error ? error : fill_info(td);
}

static struct km_error *tracedat_open(struct km_input *input,
				      const struct km_source_options *options,
				      struct km_source **ret)
{
	struct tracedat *td = calloc(1, sizeof(*td));
	struct km_error *error = NULL;

	if (!td) {
		km_input_close(input);
		return &km_error_memory;
	}
	td->base.ops = &km_tracedat_ops;
	td->input = input;
	td->memory_bytes = options ? options->memory_bytes : 0;
	if (!input->is_seekable)
		error = km_error_advise(
			km_error_create(KM_ERR_INPUT, input->path,
					"a trace.dat cannot come through a pipe"),
			"it is read from several places at once: save it to a file first");
	if (!error)
		error = parse_head(td);
	if (!error)
		error = finish_open(td, options);
	if (error) {
		tracedat_close(&td->base);
		return error;
	}
	*ret = &td->base;
	return NULL;
}

static const char *tracedat_comm(const struct km_source *source, int32_t pid)
{
	const struct tracedat *td = (const struct tracedat *)source;
	size_t low = 0, high = td->nr_comms;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (td->comms[mid].pid == pid)
			return td->comms[mid].comm;
		if (td->comms[mid].pid < pid)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static size_t tracedat_nr_parts(const struct km_source *source)
{
	return ((const struct tracedat *)source)->nr_parts;
}

static uint64_t tracedat_part_bytes(const struct km_source *source, size_t part)
{
	return ((const struct tracedat *)source)->parts[part].bytes;
}

static uint32_t tracedat_part_queue(const struct km_source *source, size_t part)
{
	return ((const struct tracedat *)source)->parts[part].stream;
}

static struct km_error *tracedat_load_kallsyms(struct km_source *source)
{
	return td_load_kallsyms((struct tracedat *)source);
}

const struct km_source_ops km_tracedat_ops = {
	.name = "trace.dat",
	.probe = tracedat_probe,
	.open = tracedat_open,
	.close = tracedat_close,
	.comm = tracedat_comm,
	.load_kallsyms = tracedat_load_kallsyms,
	.nr_parts = tracedat_nr_parts,
	.part_bytes = tracedat_part_bytes,
	.part_queue = tracedat_part_queue,
	.reader_create = td_reader_create,
	.reader_destroy = td_reader_destroy,
	.reader_start = td_reader_start,
	.reader_fill = td_reader_fill,
	.reader_stats = td_reader_stats,
	.reader_names = td_reader_names,
	.reader_stack = td_reader_stack,
};
