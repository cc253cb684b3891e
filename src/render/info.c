/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a trace is: kernel, CPUs, clock, instances, events and losses. */
#include "render/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void add_line(struct km_table *table, const char *key, const char *value)
{
	km_table_add(table, key);
	km_table_add(table, value);
}

static void add_if(struct km_table *table, const char *key, const char *value)
{
	if (value)
		add_line(table, key, value);
}

static void add_size(struct km_table *table, const char *key, uint64_t bytes)
{
	char human[KM_HUMAN_SIZE];

	if (bytes)
		add_line(table, key, km_human_bytes(bytes, human));
}

/* Seconds with all digits of the clock: "8.863686123"; a clock of its own kind as it counts. */
static void format_time(const struct km_report *report, uint64_t ns, char *buf, size_t size)
{
	if (report->input->has_raw_time)
		snprintf(buf, size, "%" PRIu64, ns);
	else
		snprintf(buf, size, "%" PRIu64 ".%09" PRIu64, ns / 1000000000, ns % 1000000000);
}

static void add_span(struct km_table *table, const struct km_report *report)
{
	char first[40], last[40];

	if (report->first_ns > report->last_ns)
		return;
	format_time(report, report->first_ns, first, sizeof(first));
	format_time(report, report->last_ns, last, sizeof(last));
	km_table_add(table, "time span");
	if (report->input->has_raw_time)
		km_table_addf(table, "%s to %s (%" PRIu64 " counts of the clock)", first, last,
			      report->duration_ns);
	else
		km_table_addf(table, "%s to %s (%.1f s)", first, last,
			      (double)report->duration_ns / 1e9);
}

static struct km_error *write_input(const struct km_report *report,
				    const struct km_render_options *options, struct km_out *out)
{
	static const struct km_table_column columns[] = { { 0 }, { .cut = KM_CUT_TAIL } };
	const struct km_input_info *input = report->input;
	struct km_table table;
	struct km_error *error;

	km_table_init(&table, columns, 2);
	add_line(&table, "file", input->path);
	add_size(&table, "file size", input->file_bytes);
	km_table_add(&table, "format");
	if (input->format_version)
		km_table_addf(&table, "%s version %" PRIu32, input->format, input->format_version);
	else
		km_table_add(&table, input->format);
	add_if(&table, "compression", input->compression);
	add_if(&table, "kernel", input->kernel_release);
	add_if(&table, "machine", input->machine);
	/* a text tells nothing of these */
	if (input->long_bytes) {
		km_table_add(&table, "byte order");
		km_table_addf(&table, "%s endian, %" PRIu32 "-bit",
			      input->is_big_endian ? "big" : "little", input->long_bytes * 8);
	}
	if (input->page_size)
		add_size(&table, "page size", input->page_size);
	if (input->subbuf_bytes)
		add_size(&table, "sub-buffer size", input->subbuf_bytes);
	add_if(&table, "recorded by", input->recorder);
	add_if(&table, "clock", input->clock);
	km_table_add(&table, "CPUs");
	km_table_addf(&table, "%" PRIu32, input->nr_cpus);
	add_span(&table, report);
	error = km_table_write(&table, options, 0, out);
	km_table_deinit(&table);
	return error;
}

static struct km_error *write_instances(const struct km_report *report,
					const struct km_render_options *options, struct km_out *out)
{
	static const struct km_table_column columns[] = {
		{ .header = "Instance", .cut = KM_CUT_TAIL },
		{ .header = "Clock" },
		{ .header = "CPUs", .is_number = true },
		{ .header = "Size", .is_number = true },
		{ .header = "" },
	};
	const struct km_input_info *input = report->input;
	struct km_table table;
	struct km_error *error;

	if (input->nr_instances == 0)
		return NULL;
	km_table_init(&table, columns, 5);
	for (size_t i = 0; i < input->nr_instances; i++) {
		const struct km_instance_info *instance = &input->instances[i];
		char human[KM_HUMAN_SIZE];

		km_table_add(&table, *instance->name ? instance->name : "(top level)");
		km_table_add(&table, instance->clock ? instance->clock : "");
		km_table_addf(&table, "%" PRIu32, instance->nr_cpus);
		km_table_add(&table, km_human_bytes(instance->bytes, human));
		km_table_add(&table, instance->is_selected ? "read" : "");
	}
	km_out_puts(out, "\n");
	error = km_table_write(&table, options, 0, out);
	km_table_deinit(&table);
	return error;
}

static void add_stream(struct km_table *table, const struct km_report *report,
		       const struct km_stream_report *stream)
{
	const struct km_stream_info *info = stream->info;
	const uint64_t *count = stream->quality.count;
	char first[40] = "", last[40] = "", human[KM_HUMAN_SIZE];

	if (stream->first_ns <= stream->last_ns) {
		format_time(report, stream->first_ns, first, sizeof(first));
		format_time(report, stream->last_ns, last, sizeof(last));
	}
	km_table_addf(table, "%" PRIu32, info->cpu);
	km_table_add(table, km_human_bytes(info->bytes, human));
	km_table_addf(table, "%" PRIu64, stream->events);
	km_table_addf(table, "%" PRIu64, count[KM_EVENTS_USED]);
	km_table_addf(table, "%" PRIu64, count[KM_EVENTS_LOST]);
	km_table_addf(table, "%" PRIu64, count[KM_GAPS_UNKNOWN]);
	km_table_addf(table, "%" PRIu64, count[KM_PAGES_DAMAGED]);
	if (info->has_recorder_stats) {
		km_table_addf(table, "%" PRIu64, info->overrun);
		km_table_addf(table, "%" PRIu64, info->dropped);
	} else {
		km_table_add(table, "");
		km_table_add(table, "");
	}
	km_table_add(table, first);
	km_table_add(table, last);
}

static struct km_error *write_streams(const struct km_report *report,
				      const struct km_render_options *options, struct km_out *out)
{
	enum { NR_COLUMNS = 11 };
	/* overrun and dropped are the recorder's own counters, which not every file has */
	static const struct km_table_column columns[NR_COLUMNS] = {
		{ .header = "CPU", .is_number = true },
		{ .header = "Size", .is_number = true },
		{ .header = "Events", .is_number = true },
		{ .header = "Used", .is_number = true },
		{ .header = "Lost", .is_number = true },
		{ .header = "Gaps", .is_number = true },
		{ .header = "Damaged", .is_number = true },
		{ .header = "Overrun", .is_number = true, .drops = true },
		{ .header = "Dropped", .is_number = true, .drops = true },
		{ .header = "First", .is_number = true, .drops = true },
		{ .header = "Last", .is_number = true, .drops = true },
	};
	struct km_table table;
	struct km_error *error;

	if (report->nr_streams == 0)
		return NULL;
	km_table_init(&table, columns, NR_COLUMNS);
	for (size_t i = 0; i < report->nr_streams; i++)
		add_stream(&table, report, &report->streams[i]);
	km_out_puts(out, "\n");
	error = km_table_write(&table, options, 0, out);
	km_table_deinit(&table);
	return error;
}

static struct km_error *write_event_counts(const struct km_report *report,
					   const struct km_render_options *options,
					   struct km_out *out)
{
	static const struct km_table_column columns[] = {
		{ .header = "Event", .cut = KM_CUT_TAIL },
		{ .header = "Count", .is_number = true },
	};
	struct km_table table;
	struct km_error *error;

	if (report->nr_events == 0)
		return NULL;
	km_table_init(&table, columns, 2);
	for (size_t i = 0; i < report->nr_events; i++) {
		const struct km_format_info *format = report->events[i].format;

		km_table_addf(&table, "%s%s%s", format->system, *format->system ? ":" : "",
			      format->name);
		km_table_addf(&table, "%" PRIu64, report->events[i].count);
	}
	km_out_puts(out, "\n");
	error = km_table_write(&table, options, 0, out);
	km_table_deinit(&table);
	return error;
}

struct km_error *km_render_info(const struct km_report *report,
				const struct km_render_options *options, struct km_out *out)
{
	struct km_error *error = write_input(report, options, out);

	if (!error)
		error = write_instances(report, options, out);
	if (!error)
		error = write_streams(report, options, out);
	if (!error)
		error = write_event_counts(report, options, out);
	if (error)
		return error;
	km_out_puts(out, "\n");
	km_render_quality(report, options, out);
	return NULL;
}
