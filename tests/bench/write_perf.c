// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writes perf.data in file mode, as `perf kmem record` (perf 6.1) makes it for slab events:
 *
 *	"PERFILE2", header size u64, attr size u64, attrs, data, event types { offset u64, size u64
 *}, feature bits 4 x u64 attr: struct perf_event_attr (128 bytes), its ids { offset, size } data:
 *records { type u32, misc u16, size u16, ... }, include/uapi/linux/perf_event.h features: { offset,
 *size } for each bit set, then their contents
 *
 * perf writes what each CPU's ring held, CPU by CPU, and then a FINISHED_ROUND record.
 * There is no record that maps the kernel's text: perf would give the addresses the names of
 * the kernel it runs on, and spend a tenth of a second on that, which would count against it.
 */
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "copies.h"
#include "out.h"

/* tools/lib/perf/include/perf/event.h and tools/perf/util/header.h, v6.1 */
enum { RECORD_FINISHED_ROUND = 68, RECORD_ID_INDEX = 69 };
enum { FEATURE_TRACING_DATA = 1, FEATURE_OSRELEASE = 4, FEATURE_ARCH = 6, FEATURE_NRCPUS = 7 };
enum {
	HEADER_SIZE = 104,
	ATTR_SIZE = PERF_ATTR_SIZE_VER7,
	ROUND_EVENTS = 2000, /* about what the default ring of 512 KiB holds, half full */
	MAX_EVENT = 1024,
};
#define SAMPLE_TYPE                                                                                \
	(PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU |                   \
	 PERF_SAMPLE_PERIOD | PERF_SAMPLE_RAW | PERF_SAMPLE_IDENTIFIER)

struct perf_writer {
	struct bench_out out;
	struct bench_copies *copies;
	const struct bench_trace *trace;
	uint64_t nr_samples;
};

static size_t align8(size_t size)
{
	return (size + 7) & ~(size_t)7;
}

/* perf_event's id of an event on a CPU; 0 is left for records of no event. */
static uint64_t id_of(const struct perf_writer *w, int kind, size_t cpu)
{
	return 1 + (uint64_t)kind * w->trace->nr_cpus + cpu;
}

static void write_record_header(struct perf_writer *w, uint32_t type, uint16_t misc, size_t size)
{
	bench_out_uint(&w->out, type, 4);
	bench_out_uint(&w->out, misc, 2);
	bench_out_uint(&w->out, size, 2);
}

/* TID, TIME, CPU, IDENTIFIER, which end every record but samples (sample_id_all). */
static void write_sample_id(struct perf_writer *w)
{
	for (int i = 0; i < 4; i++)
		bench_out_uint(&w->out, 0, 8);
}

static void write_padded(struct perf_writer *w, const char *text, size_t len)
{
	bench_out_bytes(&w->out, text, len);
	bench_out_uint(&w->out, 0, 1);
	bench_out_align(&w->out, 8);
}

static void write_id_index(struct perf_writer *w)
{
	const struct bench_format *formats = w->copies->formats;
	size_t nr = 0;

	for (int i = 0; i < BENCH_NR_KINDS; i++)
		nr += formats[i].is_known ? w->trace->nr_cpus : 0;
	if (16 + 32 * nr > UINT16_MAX)
		return; /* perf does without */
	write_record_header(w, RECORD_ID_INDEX, 0, 16 + 32 * nr);
	bench_out_uint(&w->out, nr, 8);
	for (int i = 0; i < BENCH_NR_KINDS; i++) {
		for (size_t cpu = 0; formats[i].is_known && cpu < w->trace->nr_cpus; cpu++) {
			bench_out_uint(&w->out, id_of(w, i, cpu), 8);
			bench_out_uint(&w->out, cpu, 8);
			bench_out_uint(&w->out, w->trace->cpus[cpu].id, 8);
			bench_out_uint(&w->out, UINT64_MAX, 8); /* of no one thread */
		}
	}
}

/* Task names, from the trace's saved command lines ("123 sh" lines after a u64 length). */
static void write_comms(struct perf_writer *w)
{
	struct bench_bytes bytes = bench_trace_section(w->trace, BENCH_ID_CMDLINES);
	char *text = bench_alloc(bytes.size + 1), *save = NULL;

	memcpy(text, bytes.data, bytes.size);
	text[bytes.size] = '\0';
	if (bytes.size > 8) {
		for (char *line = strtok_r(text + 8, "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save)) {
			char *comm;
			unsigned long pid = strtoul(line, &comm, 10);
			size_t len = *comm == ' ' ? strlen(++comm) : 0;

			if (!len || len > 15)
				continue;
			write_record_header(w, PERF_RECORD_COMM, 0, 16 + align8(len + 1) + 32);
			bench_out_uint(&w->out, pid, 4);
			bench_out_uint(&w->out, pid, 4);
			write_padded(w, comm, len);
			write_sample_id(w);
		}
	}
	free(text);
}

static uint8_t *put(uint8_t *at, const void *data, size_t size)
{
	memcpy(at, data, size);
	return at + size;
}

static uint8_t *put64(uint8_t *at, uint64_t value)
{
	return put(at, &value, 8);
}

/*
 * The raw data is padded so that with its length of 4 bytes it ends on 8; in the ring buffer
 * it ended on 4. The address of the sample is, for want of a better one, the call site.
 */
static void write_sample(struct perf_writer *w, const struct bench_event *event, size_t cpu,
			 int kind)
{
	const struct bench_format *format = &w->copies->formats[kind];
	uint32_t raw_size = (uint32_t)align8(event->size + 4) - 4;
	struct perf_event_header header = {
		.type = PERF_RECORD_SAMPLE,
		.misc = PERF_RECORD_MISC_KERNEL,
		.size = (uint16_t)(8 + 48 + 4 + raw_size),
	};
	uint32_t pid;
	uint64_t call_site;
	uint8_t buf[MAX_EVENT + 128], *at = buf;

	if (event->size > MAX_EVENT || format->call_site_offset + 8u > event->size)
		bench_die("a %s event of %u bytes", format->name, event->size);
	memcpy(&pid, event->data + 4, 4); /* common_pid */
	memcpy(&call_site, event->data + format->call_site_offset, 8);
	at = put(at, &header, sizeof(header));
	at = put64(at, id_of(w, kind, cpu));
	at = put64(at, call_site);
	at = put64(at, pid | (uint64_t)pid << 32);
	at = put64(at, event->ts_ns);
	at = put64(at, w->trace->cpus[cpu].id);
	at = put64(at, 1); /* period */
	at = put(at, &raw_size, 4);
	at = put(at, event->data, event->size);
	memset(at, 0, raw_size - event->size);
	bench_out_bytes(&w->out, buf, header.size);
	w->nr_samples++;
}

/* The time at which ROUND_EVENTS more events have happened on all CPUs; false at the end. */
static bool find_round(const struct perf_writer *w, const struct bench_walk *walks, uint64_t *ret)
{
	struct bench_walk ahead[BENCH_MAX_CPUS];
	struct bench_event next[BENCH_MAX_CPUS];
	bool has_next[BENCH_MAX_CPUS];
	size_t nr_cpus = w->trace->nr_cpus;
	uint64_t nr = 0;

	memcpy(ahead, walks, nr_cpus * sizeof(*walks));
	for (size_t i = 0; i < nr_cpus; i++)
		has_next[i] = bench_walk_next(&ahead[i], &next[i]);
	for (; nr < ROUND_EVENTS; nr++) {
		size_t first = nr_cpus;

		for (size_t i = 0; i < nr_cpus; i++)
			if (has_next[i] && (first == nr_cpus || next[i].ts_ns < next[first].ts_ns))
				first = i;
		if (first == nr_cpus)
			break;
		*ret = next[first].ts_ns;
		has_next[first] = bench_walk_next(&ahead[first], &next[first]);
	}
	return nr > 0;
}

static void write_round(struct perf_writer *w, struct bench_walk *walks, uint64_t until_ns)
{
	for (size_t i = 0; i < w->trace->nr_cpus; i++) {
		for (;;) {
			struct bench_walk before = walks[i];
			struct bench_event event;

			if (!bench_walk_next(&walks[i], &event))
				break;
			if (event.ts_ns > until_ns) {
				walks[i] = before;
				break;
			}
			uint16_t id = (uint16_t)km_load_uint(event.data, 2, false);
			int kind = bench_formats_kind(w->copies->formats, id);

			if (kind >= 0)
				write_sample(w, &event, i, kind);
		}
	}
	write_record_header(w, RECORD_FINISHED_ROUND, 0, 8);
}

static void write_copy(struct perf_writer *w, uint32_t copy)
{
	struct bench_walk walks[BENCH_MAX_CPUS];
	uint64_t until_ns = 0;

	for (size_t i = 0; i < w->trace->nr_cpus; i++) {
		const struct bench_cpu_pages *pages = &w->copies->cpus[i];

		bench_copies_make(w->copies, i, copy);
		bench_walk_init(&walks[i], pages->copy, pages->nr_pages, w->trace->page_size);
	}
	while (find_round(w, walks, &until_ns))
		write_round(w, walks, until_ns);
}

/* The ids first, then the attrs that point at them. Returns the offset of the attrs. */
static uint64_t write_attrs(struct perf_writer *w, uint64_t *ret_size)
{
	const struct bench_format *formats = w->copies->formats;
	size_t nr_cpus = w->trace->nr_cpus;
	uint64_t ids_at = w->out.pos;

	for (int i = 0; i < BENCH_NR_KINDS; i++)
		for (size_t cpu = 0; cpu < nr_cpus; cpu++)
			bench_out_uint(&w->out, id_of(w, i, cpu), 8);
	uint64_t start = w->out.pos;

	for (int i = 0; i < BENCH_NR_KINDS; i++) {
		struct perf_event_attr attr = {
			.type = PERF_TYPE_TRACEPOINT,
			.size = ATTR_SIZE,
			.config = formats[i].id,
			.sample_period = 1,
			.sample_type = SAMPLE_TYPE,
			.read_format = PERF_FORMAT_ID | 1 << 4, /* PERF_FORMAT_LOST */
			.disabled = 1,
			.inherit = 1,
			.sample_id_all = 1,
			.exclude_guest = 1,
		};

		if (!formats[i].is_known)
			continue;
		bench_out_bytes(&w->out, &attr, ATTR_SIZE);
		bench_out_uint(&w->out, ids_at + (uint64_t)i * nr_cpus * 8, 8);
		bench_out_uint(&w->out, nr_cpus * 8, 8);
	}
	*ret_size = w->out.pos - start;
	return start;
}

/* tools/perf/util/trace-event-info.c, v6.1: much like the start of a trace.dat version 6. */
static void write_tracing_data(struct perf_writer *w)
{
	static const uint8_t magic[] = { 0x17, 0x08, 0x44 };
	const struct bench_format *formats = w->copies->formats;
	struct bench_bytes headers = bench_trace_section(w->trace, BENCH_ID_HEADERS);
	struct bench_bytes cmdlines = bench_trace_section(w->trace, BENCH_ID_CMDLINES);
	uint32_t nr = 0;

	for (int i = 0; i < BENCH_NR_KINDS; i++)
		nr += formats[i].is_known;
	bench_out_bytes(&w->out, magic, sizeof(magic));
	bench_out_bytes(&w->out, "tracing", 7);
	bench_out_string(&w->out, "0.6");
	bench_out_uint(&w->out, 0, 1);
	bench_out_uint(&w->out, 8, 1);
	bench_out_uint(&w->out, w->trace->page_size, 4);
	bench_out_bytes(&w->out, headers.data, headers.size);
	bench_out_uint(&w->out, 0, 4); /* of ftrace's own events none */
	bench_out_uint(&w->out, 1, 4);
	bench_out_string(&w->out, "kmem");
	bench_out_uint(&w->out, nr, 4);
	for (int i = 0; i < BENCH_NR_KINDS; i++) {
		if (!formats[i].is_known)
			continue;
		bench_out_uint(&w->out, formats[i].text.size, 8);
		bench_out_bytes(&w->out, formats[i].text.data, formats[i].text.size);
	}
	bench_out_uint(&w->out, 0, 4); /* kallsyms: perf leaves them out */
	bench_out_uint(&w->out, 0, 4); /* printk formats */
	if (cmdlines.size)
		bench_out_bytes(&w->out, cmdlines.data, cmdlines.size);
	else
		bench_out_uint(&w->out, 0, 8);
}

/* A feature's string: length u32, then that many bytes, the text padded with NUL to 64. */
static void write_feature_string(struct perf_writer *w, const char *text)
{
	char buf[64] = "";

	snprintf(buf, sizeof(buf), "%s", text);
	bench_out_uint(&w->out, sizeof(buf), 4);
	bench_out_bytes(&w->out, buf, sizeof(buf));
}

/* The word of the trace's UNAME option ("Linux host 6.1.0 x86_64"), 2: release, 3: machine. */
static void uname_word(const struct bench_trace *trace, unsigned int word, char ret[static 64])
{
	enum { OPTION_UNAME = 5 };

	strcpy(ret, "unknown");
	for (size_t i = 0; i < trace->nr_options; i++) {
		const struct bench_bytes *bytes = &trace->options[i].bytes;
		char text[256] = "", *save = NULL, *at = text;

		if (trace->options[i].id != OPTION_UNAME || bytes->size >= sizeof(text))
			continue;
		memcpy(text, bytes->data, bytes->size);
		for (unsigned int k = 0; at && k <= word; k++)
			at = strtok_r(k ? NULL : text, " ", &save);
		if (at && strlen(at) < 64)
			strcpy(ret, at);
	}
}

static void write_feature(struct perf_writer *w, int feature)
{
	char word[64];

	switch (feature) {
	case FEATURE_TRACING_DATA:
		write_tracing_data(w);
		break;
	case FEATURE_OSRELEASE:
	case FEATURE_ARCH:
		uname_word(w->trace, feature == FEATURE_ARCH ? 3 : 2, word);
		write_feature_string(w, word);
		break;
	case FEATURE_NRCPUS:
		bench_out_uint(&w->out, w->trace->nr_cpus, 4);
		bench_out_uint(&w->out, w->trace->nr_cpus, 4);
		break;
	}
}

static uint64_t write_features(struct perf_writer *w)
{
	static const int features[] = { FEATURE_TRACING_DATA, FEATURE_OSRELEASE, FEATURE_ARCH,
					FEATURE_NRCPUS };
	enum { NR = sizeof(features) / sizeof(features[0]) };
	uint64_t table_at = w->out.pos, bits = 0;

	for (int i = 0; i < 2 * NR; i++)
		bench_out_uint(&w->out, 0, 8);
	for (int i = 0; i < NR; i++) {
		uint64_t start = w->out.pos;

		write_feature(w, features[i]);
		bench_out_patch(&w->out, table_at + 16 * (uint64_t)i, start);
		bench_out_patch(&w->out, table_at + 16 * (uint64_t)i + 8, w->out.pos - start);
		bits |= 1ull << features[i];
	}
	return bits;
}

uint64_t bench_write_perf(struct bench_copies *copies, const char *path)
{
	struct perf_writer w = { .copies = copies, .trace = copies->trace };
	uint64_t attrs_size;

	bench_out_open(&w.out, path);
	bench_out_bytes(&w.out, "PERFILE2", 8);
	bench_out_uint(&w.out, HEADER_SIZE, 8);
	bench_out_uint(&w.out, ATTR_SIZE + 16, 8);
	for (int i = 3; i < HEADER_SIZE / 8; i++)
		bench_out_uint(&w.out, 0, 8);
	uint64_t attrs_at = write_attrs(&w, &attrs_size);
	uint64_t data_at = w.out.pos;

	write_id_index(&w);
	write_comms(&w);
	for (uint32_t i = 0; i < copies->nr_copies; i++)
		write_copy(&w, i);
	uint64_t data_size = w.out.pos - data_at;
	uint64_t bits = write_features(&w);

	bench_out_patch(&w.out, 24, attrs_at);
	bench_out_patch(&w.out, 32, attrs_size);
	bench_out_patch(&w.out, 40, data_at);
	bench_out_patch(&w.out, 48, data_size);
	bench_out_patch(&w.out, 72, bits);
	bench_out_close(&w.out);
	return w.nr_samples;
}
