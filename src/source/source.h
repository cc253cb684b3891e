/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an input format has to provide. A new one is a file with these and a row in source.c. */
#ifndef KMEMSTAT_SOURCE_SOURCE_H
#define KMEMSTAT_SOURCE_SOURCE_H

#include "decode/formats.h"
#include "kmemstat/source.h"
#include "source/input.h"

struct km_source_ops {
	const char *name; /* as in km_input_info.format */
	/* Whether a file that begins with these bytes is of this format. */
	bool (*probe)(const uint8_t *head, size_t size);
	/* Takes the input over in every case. */
	struct km_error *(*open)(struct km_input *input, const struct km_source_options *options,
				 struct km_source **ret);
	void (*close)(struct km_source *source);
	const char *(*comm)(const struct km_source *source, int32_t pid);
	/* NULL if the format has addresses only */
	const char *(*site_symbol)(const struct km_source *source, uint64_t call_site,
				   size_t *ret_len);
	size_t (*nr_parts)(const struct km_source *source);
	uint64_t (*part_bytes)(const struct km_source *source, size_t part);
	uint32_t (*part_queue)(const struct km_source *source, size_t part);
	struct km_error *(*reader_create)(struct km_source *source, enum km_want want,
					  struct km_reader **ret);
	void (*reader_destroy)(struct km_reader *reader);
	struct km_error *(*reader_start)(struct km_reader *reader, size_t part);
	struct km_error *(*reader_fill)(struct km_reader *reader, struct km_batch *batch);
	const struct km_part_stats *(*reader_stats)(const struct km_reader *reader);
	const struct km_intern *(*reader_names)(const struct km_reader *reader);
	size_t (*reader_stack)(const struct km_reader *reader, km_stack_id id,
			       const uint64_t **ret);
	/* fills kallsyms when it is asked for, and counts what is damaged; or NULL */
	struct km_error *(*load_kallsyms)(struct km_source *source);
	/* of sources with named sites: the kallsyms text so far, malloc'ed, or NULL; or NULL */
	struct km_error *(*make_kallsyms)(const struct km_source *source, char **ret,
					  size_t *ret_size);
};

/* What all sources have; formats embed it first in their own struct. */
struct km_source {
	const struct km_source_ops *ops;
	struct km_input_info info;
	struct km_quality quality;
	struct km_formats formats;
	struct km_blob kallsyms; /* or none */
};

struct km_reader {
	struct km_source *source;
	const struct km_group_table *known; /* km_reader_lend_groups(), or NULL */
	km_idle_fn idle;                    /* or NULL */
	void *idle_arg;
};

extern const struct km_source_ops km_tracedat_ops;
extern const struct km_source_ops km_perfdata_ops;
extern const struct km_source_ops km_text_ops;

#endif
