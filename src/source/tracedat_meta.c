/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of a trace.dat that both versions have alike: event formats, kallsyms, command
 * lines and options (trace-cmd.dat.v6(5), trace-cmd.dat.v7(5)).
 */
#include "base/cpu_stats.h"
#include "source/event_formats.h"
#include "source/tracedat.h"

#include <stdlib.h>
#include <string.h>

struct km_error *td_parse_kallsyms(struct tracedat *td, struct km_cursor *cur)
{
	uint32_t size = km_cursor_u32(cur);
	const char *text = km_cursor_bytes(cur, size);

	if (!text)
		return km_section_short("kernel symbols");
	if (!size || td->base.kallsyms.data)
		return NULL;
	td->base.kallsyms.data = malloc(size);
	if (!td->base.kallsyms.data)
		return &km_error_memory;
	memcpy(td->base.kallsyms.data, text, size);
	td->base.kallsyms.size = size;
	return NULL;
}

static int comm_compare(const void *a, const void *b)
{
	const struct td_comm *one = a, *two = b;

	return one->pid < two->pid ? -1 : one->pid > two->pid;
}

/* Lines "PID COMM". */
struct km_error *td_parse_cmdlines(struct tracedat *td, struct km_cursor *cur)
{
	uint64_t size = km_cursor_u64(cur);
	const char *text = km_cursor_bytes(cur, size);
	size_t nr_lines = 1;
	char *line, *save = NULL;

	if (!text)
		return km_section_short("command lines");
	if (td->cmdlines)
		return NULL;
	td->cmdlines = strndup(text, size);
	if (!td->cmdlines)
		return &km_error_memory;
	for (const char *c = td->cmdlines; *c; c++)
		nr_lines += *c == '\n';
	td->comms = calloc(nr_lines, sizeof(*td->comms));
	if (!td->comms)
		return &km_error_memory;
	for (line = strtok_r(td->cmdlines, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *comm;
		long pid = strtol(line, &comm, 10);

		if (comm != line && *comm == ' ' && pid >= 0 && pid <= INT32_MAX)
			td->comms[td->nr_comms++] = (struct td_comm){ (int32_t)pid, comm + 1 };
	}
	qsort(td->comms, td->nr_comms, sizeof(*td->comms), comm_compare);
	return NULL;
}

/* per_cpu/cpuN/stats after "CPU: N\n". */
static struct km_error *parse_cpustat(struct tracedat *td, const char *text)
{
	const char *cpu_at = strstr(text, "CPU: ");
	struct td_cpu_stats *stats;
	uint32_t cpu;

	if (!cpu_at)
		return NULL;
	cpu = (uint32_t)strtoul(cpu_at + 5, NULL, 10);
	for (size_t i = 0; i < td->nr_cpu_stats; i++)
		if (td->cpu_stats[i].cpu == cpu)
			return NULL; /* of another instance: the top-level buffer's come first */
	stats = reallocarray(td->cpu_stats, td->nr_cpu_stats + 1, sizeof(*stats));
	if (!stats)
		return &km_error_memory;
	td->cpu_stats = stats;
	stats[td->nr_cpu_stats++] = (struct td_cpu_stats){
		.cpu = cpu,
		.overrun = km_cpu_stats_number(text, "overrun"),
		.dropped = km_cpu_stats_number(text, "dropped events"),
	};
	return NULL;
}

/* The clock in use stands in brackets: "local [global] counter ...". */
static struct km_error *parse_clock(struct tracedat *td, const char *text)
{
	const char *open = strchr(text, '['), *close = open ? strchr(open, ']') : NULL;

	if (!close || td->clock)
		return NULL;
	td->clock = strndup(open + 1, (size_t)(close - open) - 1);
	return td->clock ? NULL : &km_error_memory;
}

/* uname: "Linux (none) 6.1.0-56-amd64 x86_64". */
static struct km_error *parse_uname(struct tracedat *td, const char *text)
{
	char *copy = strdup(text), *save = NULL, *word;
	struct km_error *error = NULL;
	int field = 0;

	if (!copy)
		return &km_error_memory;
	for (word = strtok_r(copy, " \n", &save); word; word = strtok_r(NULL, " \n", &save)) {
		char **kept = ++field == 3 ? &td->release : field == 4 ? &td->machine : NULL;

		if (kept && !*kept && !(*kept = strdup(word)))
			error = &km_error_memory;
	}
	free(copy);
	return error;
}

/* Samples of one CPU: three arrays of `nr` numbers. */
static struct km_error *parse_shift(struct km_cursor *cur, struct td_time_shift *shift)
{
	uint32_t nr = km_cursor_u32(cur);

	if (cur->is_over || nr > km_cursor_left(cur) / 24)
		return km_section_short("time corrections");
	shift->samples = calloc(nr + 1, sizeof(*shift->samples));
	if (!shift->samples)
		return &km_error_memory;
	shift->nr_samples = nr;
	for (uint32_t i = 0; i < nr; i++)
		shift->samples[i].time = km_cursor_u64(cur);
	for (uint32_t i = 0; i < nr; i++)
		shift->samples[i].offset = (int64_t)km_cursor_u64(cur);
	for (uint32_t i = 0; i < nr; i++)
		shift->samples[i].scaling = km_cursor_u64(cur);
	return NULL;
}

/*
 * TIME_SHIFT: what a guest's recording has to bring it to its host's time. Later versions of
 * trace-cmd put the bits of fraction of each scaling behind all else, as u64.
 */
static struct km_error *parse_time_shift(struct tracedat *td, struct km_cursor *cur)
{
	uint32_t nr;
	struct km_error *error = NULL;

	km_cursor_u64(cur); /* the peer's trace id */
	km_cursor_u32(cur); /* flags of the synchronization protocol */
	nr = km_cursor_u32(cur);
	if (cur->is_over || td->time_shifts || nr > km_cursor_left(cur) / 4)
		return NULL;
	td->time_shifts = calloc(nr + 1, sizeof(*td->time_shifts));
	if (!td->time_shifts)
		return &km_error_memory;
	for (; td->nr_time_shifts < nr && !error; td->nr_time_shifts++)
		error = parse_shift(cur, &td->time_shifts[td->nr_time_shifts]);
	for (uint32_t i = 0; i < nr && !error; i++)
		for (size_t k = 0; k < td->time_shifts[i].nr_samples; k++)
			if (km_cursor_left(cur) >= 8)
				td->time_shifts[i].fraction_bits = (unsigned int)km_cursor_u64(cur);
	return error;
}

static struct km_error *parse_text_option(struct tracedat *td, unsigned int id, const char *text)
{
	switch (id) {
	case TD_OPTION_CPUSTAT:
		return parse_cpustat(td, text);
	case TD_OPTION_TRACECLOCK:
		return parse_clock(td, text);
	case TD_OPTION_UNAME:
		return parse_uname(td, text);
	case TD_OPTION_VERSION:
		if (!td->recorder && !(td->recorder = strdup(text)))
			return &km_error_memory;
		td->recorder[strcspn(td->recorder, "\n")] = '\0';
		return NULL;
	case TD_OPTION_DATE: /* microseconds to the time of day */
		td->clock_base.offset_ns = (int64_t)((uint64_t)td->clock_base.offset_ns +
						     1000 * (uint64_t)strtoll(text, NULL, 0));
		return NULL;
	case TD_OPTION_OFFSET:
		td->clock_base.offset_ns = (int64_t)((uint64_t)td->clock_base.offset_ns +
						     (uint64_t)strtoll(text, NULL, 0));
		return NULL;
	default:
		return NULL;
	}
}

struct km_error *td_parse_option(struct tracedat *td, unsigned int id, struct km_cursor *cur)
{
	struct km_error *error;
	char *text;

	switch (id) {
	case TD_OPTION_CPUCOUNT:
		td->base.info.nr_cpus = km_cursor_u32(cur);
		return NULL;
	case TD_OPTION_TSC2NSEC:
		td->clock_base.mult = km_cursor_u32(cur);
		td->clock_base.shift = km_cursor_u32(cur);
		return NULL;
	case TD_OPTION_KMEMSTAT:
		return td_parse_machine(td, cur);
	case TD_OPTION_TIME_SHIFT:
		return parse_time_shift(td, cur);
	default:
		break;
	}
	text = strndup((const char *)cur->data + cur->pos, km_cursor_left(cur));
	if (!text)
		return &km_error_memory;
	error = parse_text_option(td, id, text);
	free(text);
	return error;
}

struct km_error *td_add_buffer(struct tracedat *td, char *name, char *clock, uint32_t page_bytes,
			       struct td_buffer **ret)
{
	struct td_buffer *buffers = reallocarray(td->buffers, td->nr_buffers + 1, sizeof(*buffers));

	if (buffers)
		td->buffers = buffers;
	if (!buffers || !name) {
		free(name);
		free(clock);
		return &km_error_memory;
	}
	buffers[td->nr_buffers] =
		(struct td_buffer){ .name = name, .clock = clock, .page_bytes = page_bytes };
	*ret = &buffers[td->nr_buffers++];
	return NULL;
}

struct km_error *td_add_cpu(struct td_buffer *buffer, uint32_t cpu, uint64_t offset, uint64_t bytes)
{
	struct td_cpu *cpus = buffer->cpus;

	/* grown by powers of two */
	if ((buffer->nr_cpus & (buffer->nr_cpus - 1)) == 0) {
		cpus = reallocarray(cpus, buffer->nr_cpus ? 2 * buffer->nr_cpus : 1, sizeof(*cpus));
		if (!cpus)
			return &km_error_memory;
		buffer->cpus = cpus;
	}
	cpus[buffer->nr_cpus++] = (struct td_cpu){ cpu, offset, bytes };
	return NULL;
}
