/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of input formats, and the way from the public functions to them. */
#include "source/source.h"

#include "base/intern.h"

static const struct km_source_ops *const formats[] = {
	&km_tracedat_ops,
	&km_perfdata_ops,
	/* last: it looks for a line in whatever the others do not know */
	&km_text_ops,
};

static struct km_error *not_a_trace(const struct km_input *input)
{
	const uint8_t *head = input->head;
	const size_t size = input->head_size;
	struct km_error *error;

	if (!size)
		return km_error_advise(km_error_at(input->path, 0, "the input is empty"),
				       "the recording did not finish, or the disk was full");
	if (size < 4)
		error = km_error_at(input->path, 0, "not a trace: it has only %zu bytes", size);
	else
		error = km_error_at(input->path, 0,
				    "not a trace: it begins with %02x %02x %02x %02x, a trace.dat "
				    "with 17 08 44 't'",
				    head[0], head[1], head[2], head[3]);
	if (size >= 4 && head[0] == 0x28 && head[1] == 0xb5 && head[2] == 0x2f && head[3] == 0xfd)
		return km_error_advise(error, "it is zstd-compressed as a whole: unpack it first "
					      "(zstd -d)");
	if (size >= 4 && ((head[0] == 0x1f && head[1] == 0x8b) ||
			  (head[0] == 0xfd && head[1] == '7' && head[2] == 'z')))
		return km_error_advise(error, "it is compressed as a whole: unpack it first");
	return km_error_advise(error, "give a trace.dat of trace-cmd, a perf.data, or the text of "
				      "trace-cmd report or perf script");
}

struct km_error *km_source_open(const char *path, const struct km_source_options *options,
				struct km_source **ret)
{
	struct km_input *input;
	struct km_error *error = km_input_open(path, options ? options->stop : NULL, &input);

	if (error)
		return error;
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (formats[i]->probe(input->head, input->head_size))
			return formats[i]->open(input, options, ret);
	error = not_a_trace(input);
	km_input_close(input);
	return error;
}

void km_source_close(struct km_source *source)
{
	if (source)
		source->ops->close(source);
}

const struct km_input_info *km_source_info(const struct km_source *source)
{
	return &source->info;
}

const struct km_quality *km_source_quality(const struct km_source *source)
{
	return &source->quality;
}

struct km_error *km_source_take_kallsyms(struct km_source *source, struct km_blob *ret)
{
	struct km_error *error = NULL;

	*ret = (struct km_blob){ 0 };
	if (source->ops->make_kallsyms) {
		return source->ops->make_kallsyms(source, &ret->data, &ret->size);
	}
	if (source->ops->load_kallsyms)
		error = source->ops->load_kallsyms(source);
	if (error)
		return error;
	*ret = source->kallsyms;
	source->kallsyms = (struct km_blob){ 0 };
	return NULL;
}

const struct km_format_info *km_source_formats(const struct km_source *source, size_t *ret_nr)
{
	*ret_nr = source->formats.nr_infos;
	return source->formats.infos;
}

const struct km_flag_name *km_source_gfp_names(const struct km_source *source, size_t *ret_nr)
{
	*ret_nr = source->formats.nr_gfp_names;
	return source->formats.gfp_names;
}

const char *km_source_comm(const struct km_source *source, int32_t pid)
{
	return source->ops->comm(source, pid);
}

const char *km_source_site_symbol(const struct km_source *source, uint64_t call_site,
				  size_t *ret_len)
{
	return source->ops->site_symbol ? source->ops->site_symbol(source, call_site, ret_len)
					: NULL;
}

size_t km_source_nr_parts(const struct km_source *source)
{
	return source->ops->nr_parts(source);
}

uint64_t km_source_part_bytes(const struct km_source *source, size_t part)
{
	return source->ops->part_bytes(source, part);
}

uint32_t km_source_part_queue(const struct km_source *source, size_t part)
{
	return source->ops->part_queue(source, part);
}

struct km_error *km_reader_create(struct km_source *source, enum km_want want,
				  struct km_reader **ret)
{
	return source->ops->reader_create(source, want, ret);
}

void km_reader_destroy(struct km_reader *reader)
{
	if (reader)
		reader->source->ops->reader_destroy(reader);
}

void km_reader_lend_groups(struct km_reader *reader, const struct km_group_table *groups)
{
	reader->known = groups;
}

void km_reader_set_idle(struct km_reader *reader, km_idle_fn idle, void *arg)
{
	reader->idle = idle;
	reader->idle_arg = arg;
}

struct km_error *km_reader_start(struct km_reader *reader, size_t part)
{
	return reader->source->ops->reader_start(reader, part);
}

struct km_error *km_reader_fill(struct km_reader *reader, struct km_batch *batch)
{
	struct km_error *error;

	batch->nr = 0;
	batch->has_new = batch->has_others = batch->has_stacks = batch->is_one_cpu = false;
	error = reader->source->ops->reader_fill(reader, batch);
	/* names and stacks that are missing would make another report */
	if (!error && reader->source->ops->reader_names(reader)->is_short)
		error = &km_error_memory;
	return error;
}

const struct km_part_stats *km_reader_stats(const struct km_reader *reader)
{
	return reader->source->ops->reader_stats(reader);
}

const char *km_reader_cache_name(const struct km_reader *reader, uint16_t cache)
{
	return km_intern_string(reader->source->ops->reader_names(reader), cache);
}

size_t km_reader_stack(const struct km_reader *reader, km_stack_id id, const uint64_t **ret)
{
	return reader->source->ops->reader_stack(reader, id, ret);
}
