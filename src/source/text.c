/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Traces as text: tracefs' trace and trace_pipe, trace-cmd report, perf script. */
#include "source/text.h"

#include <stdlib.h>
#include <string.h>

static bool begins(const char *at, const char *end, const char *with)
{
	size_t len = strlen(with);

	return (size_t)(end - at) >= len && memcmp(at, with, len) == 0;
}

/* A line that only traces have: the head may end within it. */
static bool is_trace_line(const char *line, const char *end)
{
	struct km_text_head head;
	struct km_text_note note;

	return begins(line, end, "# tracer: ") || begins(line, end, "cpus=") ||
	       km_text_head_parse(line, end, &head) ||
	       (begins(line, end, "CPU:") && km_text_note_parse(line, end, &note) == KM_TL_LOST);
}

static bool text_probe(const uint8_t *head, size_t size)
{
	const char *line = (const char *)head, *end = line + size;

	while (line < end) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		const char *line_end = newline ? newline : end;

		if (is_trace_line(line, line_end))
			return true;
		if (!newline)
			break;
		line = newline + 1;
	}
	return false;
}

static void text_close(struct km_source *source)
{
	struct km_text *text = (struct km_text *)source;

	km_text_sites_deinit(&text->sites);
	km_text_comms_deinit(&text->comms);
	km_formats_deinit(&text->base.formats);
	km_input_close(text->input);
	km_blob_deinit(&text->base.kallsyms);
	free(text->streams);
	free(text->bad_line);
	free(text->exclude_pids);
	free(text);
}

static struct km_error *take_options(struct km_text *text, const struct km_source_options *options)
{
	if (!options)
		return NULL;
	if (options->instance && *options->instance)
		return km_error_advise(
			km_error_create(KM_ERR_USAGE, text->input->path,
					"there is no buffer instance \"%s\": a text has only one",
					options->instance),
			"leave --instance out");
	if (options->nr_exclude_pids) {
		text->exclude_pids = calloc(options->nr_exclude_pids, sizeof(*text->exclude_pids));
		if (!text->exclude_pids)
			return &km_error_memory;
		memcpy(text->exclude_pids, options->exclude_pids,
		       options->nr_exclude_pids * sizeof(*text->exclude_pids));
		text->nr_exclude_pids = options->nr_exclude_pids;
	}
	return NULL;
}

static struct km_error *text_open(struct km_input *input, const struct km_source_options *options,
				  struct km_source **ret)
{
	struct km_text *text = calloc(1, sizeof(*text));
	struct km_error *error;

	if (!text) {
		km_input_close(input);
		return &km_error_memory;
	}
	text->base.ops = &km_text_ops;
	text->input = input;
	text->base.info = (struct km_input_info){
		.path = input->path,
		.format = km_text_ops.name,
		.has_named_sites = true,
		.file_bytes = input->file_bytes,
	};
	error = take_options(text, options);
	if (error) {
		text_close(&text->base);
		return error;
	}
	*ret = &text->base;
	return NULL;
}

static const char *text_comm(const struct km_source *source, int32_t pid)
{
	return km_text_comms_get(&((const struct km_text *)source)->comms, pid);
}

static size_t text_nr_parts(const struct km_source *source)
{
	(void)source;
	return 1;
}

static uint64_t text_part_bytes(const struct km_source *source, size_t part)
{
	(void)part;
	return source->info.file_bytes;
}

static uint32_t text_part_queue(const struct km_source *source, size_t part)
{
	(void)source;
	(void)part;
	return 0;
}

/* There are none if all call sites came as addresses. */
static struct km_error *text_make_kallsyms(const struct km_source *source, char **ret,
					   size_t *ret_size)
{
	const struct km_text *text = (const struct km_text *)source;

	if (!text->sites.nr_symbols)
		return NULL;
	*ret = km_text_sites_kallsyms(&text->sites, ret_size);
	return *ret ? NULL : &km_error_memory;
}

static const char *text_site_symbol(const struct km_source *source, uint64_t call_site,
				    size_t *ret_len)
{
	return km_text_sites_symbol(&((const struct km_text *)source)->sites, call_site, ret_len);
}

const struct km_source_ops km_text_ops = {
	.name = "text",
	.probe = text_probe,
	.open = text_open,
	.close = text_close,
	.comm = text_comm,
	.site_symbol = text_site_symbol,
	.nr_parts = text_nr_parts,
	.part_bytes = text_part_bytes,
	.part_queue = text_part_queue,
	.reader_create = km_text_reader_create,
	.reader_destroy = km_text_reader_destroy,
	.reader_start = km_text_reader_start,
	.reader_fill = km_text_reader_fill,
	.reader_stats = km_text_reader_stats,
	.reader_names = km_text_reader_names,
	.reader_stack = km_text_reader_stack,
	.make_kallsyms = text_make_kallsyms,
};
