/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sections (trace-cmd.dat.v7(5)):
 *
 *	HEADER_INFO	"header_page\0", u64 size, text, "header_event\0", u64 size, text
 *	FTRACE_EVENTS	u32 number, for each: u64 size, text
 *	EVENT_FORMATS	u32 number of systems, for each: name\0, u32 number, each: u64 size, text
 *	KALLSYMS, PRINTK	u32 size, text
 *	CMDLINES	u64 size, lines "PID NAME"
 */
#include "record/metadata.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* Bytes of the ring buffer's page that are no events come before this field. */
#define DATA_FIELD "char data;"

/* "DIRECTORY/NAME" as it is; false without memory or if it cannot be read. */
static bool put_file(struct km_bytes *bytes, const char *directory, const char *name)
{
	char *path;
	bool is_read;

	if (asprintf(&path, "%s/%s", directory, name) < 0) {
		bytes->has_failed = true;
		return false;
	}
	is_read = km_bytes_put_file(bytes, path);
	free(path);
	return is_read;
}

/* A file with its size before it, which has `size_bytes` (4 or 8); an empty text if it is vain. */
static bool put_sized(struct km_bytes *bytes, const char *directory, const char *name,
		      size_t size_bytes)
{
	const size_t at = bytes->size;
	bool is_read;
	uint64_t size;
	uint32_t size_32;

	km_bytes_put_u64(bytes, 0);
	bytes->size -= bytes->has_failed ? 0 : 8 - size_bytes;
	is_read = put_file(bytes, directory, name);
	if (bytes->has_failed)
		return false;
	size = bytes->size - at - size_bytes;
	size_32 = (uint32_t)size;
	if (size_bytes == 4)
		memcpy(bytes->data + at, &size_32, sizeof(size_32));
	else
		memcpy(bytes->data + at, &size, sizeof(size));
	return is_read;
}

static struct km_error *read_error(const char *directory, const char *name, int err)
{
	struct km_error *error;
	char *path;

	if (asprintf(&path, "%s/%s", directory, name) < 0)
		return &km_error_memory;
	error = km_error_os(KM_ERR_INPUT, path, err, "cannot read");
	free(path);
	return error;
}

static struct km_error *read_headers(const struct km_instance *instance, struct km_bytes *data)
{
	const char *tracefs = km_instance_tracefs(instance), *name = "events/header_page";

	km_bytes_put_string(data, "header_page");
	if (put_sized(data, tracefs, name, 8)) {
		km_bytes_put_string(data, "header_event");
		name = "events/header_event";
		if (put_sized(data, tracefs, name, 8))
			return NULL;
	}
	return data->has_failed ? &km_error_memory : read_error(tracefs, name, errno);
}

static int is_name(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Events that the kernel has of itself; the stacks are among them. */
static struct km_error *read_ftrace_events(const struct km_instance *instance,
					   struct km_bytes *data)
{
	struct dirent **entries = NULL;
	char *directory;
	uint32_t nr = 0;
	int nr_entries;

	if (asprintf(&directory, "%s/events/ftrace", km_instance_tracefs(instance)) < 0)
		return &km_error_memory;
	km_bytes_put_u32(data, 0);
	nr_entries = scandir(directory, &entries, is_name, alphasort);
	for (int i = 0; i < nr_entries; i++) {
		const size_t before = data->size;
		char name[sizeof(entries[i]->d_name) + 8];

		snprintf(name, sizeof(name), "%s/format", entries[i]->d_name);
		if (put_sized(data, directory, name, 8))
			nr++;
		else
			data->size = before; /* it is "enable", or the like */
		free(entries[i]);
	}
	free(entries);
	free(directory);
	if (data->has_failed)
		return &km_error_memory;
	memcpy(data->data, &nr, sizeof(nr));
	return NULL;
}

/* The events "SYSTEM:..." from names[0] on; the number of them. */
static size_t count_system(const char *const *names, size_t nr)
{
	const size_t len = strcspn(names[0], ":") + 1;
	size_t i = 1;

	while (i < nr && strncmp(names[i], names[0], len) == 0)
		i++;
	return i;
}

static struct km_error *put_system(const struct km_instance *instance, const char *const *names,
				   size_t nr, struct km_bytes *data)
{
	const size_t len = strcspn(names[0], ":");

	km_bytes_put(data, names[0], len);
	km_bytes_put(data, "", 1);
	km_bytes_put_u32(data, (uint32_t)nr);
	for (size_t i = 0; i < nr; i++) {
		struct km_error *error = NULL;
		char *name;

		if (asprintf(&name, "events/%.*s/%s/format", (int)len, names[i],
			     names[i] + len + 1) < 0)
			return &km_error_memory;
		if (!put_sized(data, km_instance_tracefs(instance), name, 8) && !data->has_failed)
			error = read_error(km_instance_tracefs(instance), name, errno);
		free(name);
		if (error)
			return error;
	}
	return NULL;
}

static struct km_error *read_event_formats(const struct km_instance *instance,
					   struct km_bytes *data)
{
	size_t nr;
	const char *const *names = km_instance_events(instance, &nr);
	uint32_t nr_systems = 0;

	km_bytes_put_u32(data, 0);
	for (size_t i = 0; i < nr; nr_systems++) {
		const size_t in_system = count_system(names + i, nr - i);
		struct km_error *error = put_system(instance, names + i, in_system, data);

		if (error)
			return error;
		i += in_system;
	}
	if (data->has_failed)
		return &km_error_memory;
	memcpy(data->data, &nr_systems, sizeof(nr_systems));
	return NULL;
}

/* Adds "PID NAME" of each task there is: the kernel saves names of few. */
static void put_tasks(struct km_bytes *data)
{
	struct dirent *entry;
	DIR *proc = opendir("/proc");

	while (proc && (entry = readdir(proc))) {
		char path[64 + sizeof(entry->d_name)];
		struct dirent *task;
		DIR *tasks;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/task", entry->d_name);
		tasks = opendir(path);
		while (tasks && (task = readdir(tasks))) {
			char name[sizeof(path) + sizeof(task->d_name) + 16];
			const size_t before = data->size;

			if (!isdigit((unsigned char)task->d_name[0]))
				continue;
			snprintf(name, sizeof(name), "%s/%s/comm", path, task->d_name);
			km_bytes_printf(data, "%s ", task->d_name);
			if (!km_bytes_put_file(data, name) && !data->has_failed)
				data->size = before; /* it has ended */
		}
		if (tasks)
			closedir(tasks);
	}
	if (proc)
		closedir(proc);
}

struct comm_line {
	long pid;
	size_t order; /* of those of one task the last counts: it is the newer name */
	const char *text;
	size_t size;
};

static int comm_line_compare(const void *a, const void *b)
{
	const struct comm_line *one = a, *two = b;

	if (one->pid != two->pid)
		return one->pid < two->pid ? -1 : 1;
	return one->order > two->order ? -1 : one->order < two->order;
}

/* Lines of `text` by task, each task once. */
static void put_unique(struct km_bytes *data, const struct km_bytes *text)
{
	const char *at = (const char *)text->data, *end = at + text->size;
	struct comm_line *lines;
	size_t nr = 0, room = 1;

	for (const char *c = at; c < end; c++)
		room += *c == '\n';
	lines = calloc(room, sizeof(*lines));
	if (!lines) {
		data->has_failed = true;
		return;
	}
	while (at < end) {
		const char *next = memchr(at, '\n', (size_t)(end - at));
		const size_t size = next ? (size_t)(next - at) + 1 : (size_t)(end - at);

		lines[nr] = (struct comm_line){ strtol(at, NULL, 10), nr, at, size };
		at += size;
		nr++;
	}
	qsort(lines, nr, sizeof(*lines), comm_line_compare);
	for (size_t i = 0; i < nr; i++)
		if (i == 0 || lines[i].pid != lines[i - 1].pid)
			km_bytes_put(data, lines[i].text, lines[i].size);
	free(lines);
}

/* "	field: char data;	offset:16;	size:4080;	signed:1;" */
static bool parse_page_bytes(const char *text, uint32_t *ret)
{
	const char *field = strstr(text, DATA_FIELD);
	const char *offset = field ? strstr(field, "offset:") : NULL;
	const char *size = offset ? strstr(offset, "size:") : NULL;
	unsigned long sum;

	if (!size)
		return false;
	sum = strtoul(offset + strlen("offset:"), NULL, 10) +
	      strtoul(size + strlen("size:"), NULL, 10);
	*ret = (uint32_t)sum;
	/* up to 128 pages (buffer_subbuf_size_kb, 6.8) */
	return sum >= 1024 && sum <= 128UL * 65536 && (sum & (sum - 1)) == 0;
}

static struct km_error *read_page_bytes(const struct km_instance *instance, uint32_t *ret)
{
	static const char name[] = "events/header_page";
	const char *tracefs = km_instance_tracefs(instance);
	struct km_bytes text = { 0 };
	struct km_error *error = NULL;

	if (!put_file(&text, km_instance_path(instance), name) && !text.has_failed &&
	    !put_file(&text, tracefs, name) && !text.has_failed)
		error = read_error(tracefs, name, errno);
	else if (text.has_failed)
		error = &km_error_memory;
	else if (!parse_page_bytes((const char *)text.data, ret))
		error = km_error_create(KM_ERR_INPUT, tracefs,
					"%s does not tell how large a page of the buffer is", name);
	km_bytes_deinit(&text);
	return error;
}

/* The clock that is in use stands in brackets: "local global [mono]". */
static struct km_error *read_clock(const struct km_instance *instance, struct km_metadata *metadata)
{
	struct km_bytes *text = &metadata->clocks;
	const char *open, *close;

	if (!put_file(text, km_instance_path(instance), "trace_clock") && !text->has_failed)
		return read_error(km_instance_path(instance), "trace_clock", errno);
	if (text->has_failed)
		return &km_error_memory;
	open = strchr((const char *)text->data, '[');
	close = open ? strchr(open, ']') : NULL;
	metadata->clock = close ? strndup(open + 1, (size_t)(close - open) - 1) : strdup("");
	return metadata->clock ? NULL : &km_error_memory;
}

static int open_file(const char *directory, const char *name)
{
	char *path;
	int fd;

	if (asprintf(&path, "%s/%s", directory, name) < 0)
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	free(path);
	return fd;
}

struct km_error *km_metadata_read(const struct km_instance *instance, struct km_metadata *ret)
{
	const char *tracefs = km_instance_tracefs(instance);
	struct km_error *error;

	*ret = (struct km_metadata){
		.kallsyms_fd = open_file("/proc", "kallsyms"),
		.slabinfo_fd = open_file("/proc", "slabinfo"),
		.comms_fd = open_file(tracefs, "saved_cmdlines"),
	};
	error = read_page_bytes(instance, &ret->page_bytes);
	if (!error)
		error = read_clock(instance, ret);
	if (!error)
		error = read_headers(instance, &ret->headers);
	if (!error)
		error = read_ftrace_events(instance, &ret->ftrace_events);
	if (!error)
		error = read_event_formats(instance, &ret->event_formats);
	if (!error)
		put_sized(&ret->printk, tracefs, "printk_formats", 4);
	return error;
}

void km_metadata_deinit(struct km_metadata *metadata)
{
	const int fds[] = { metadata->kallsyms_fd, metadata->slabinfo_fd, metadata->comms_fd };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(metadata->clock);
	km_bytes_deinit(&metadata->clocks);
	km_bytes_deinit(&metadata->headers);
	km_bytes_deinit(&metadata->ftrace_events);
	km_bytes_deinit(&metadata->event_formats);
	km_bytes_deinit(&metadata->printk);
	*metadata = (struct km_metadata){ .kallsyms_fd = -1, .slabinfo_fd = -1, .comms_fd = -1 };
}

static struct km_error *write_kallsyms(const struct km_metadata *metadata,
				       struct km_tracedat_writer *writer)
{
	struct km_bytes data = { 0 };
	struct km_error *error = NULL;
	uint32_t size;

	km_bytes_put_u32(&data, 0);
	if (metadata->kallsyms_fd >= 0)
		km_bytes_put_fd(&data, metadata->kallsyms_fd);
	if (!data.has_failed) {
		size = (uint32_t)(data.size - sizeof(size));
		memcpy(data.data, &size, sizeof(size));
	}
	if (data.has_failed || data.size > sizeof(size))
		error = km_tracedat_write_section(writer, KM_TD_KALLSYMS, "kallsyms", &data);
	km_bytes_deinit(&data);
	return error;
}

static struct km_error *write_cmdlines(const struct km_metadata *metadata,
				       struct km_tracedat_writer *writer)
{
	struct km_bytes text = { 0 }, data = { 0 };
	struct km_error *error;
	uint64_t size;

	if (metadata->comms_fd >= 0)
		km_bytes_put_fd(&text, metadata->comms_fd);
	put_tasks(&text);
	km_bytes_put_u64(&data, 0);
	if (text.size)
		put_unique(&data, &text);
	data.has_failed |= text.has_failed;
	if (!data.has_failed) {
		size = data.size - sizeof(size);
		memcpy(data.data, &size, sizeof(size));
	}
	error = km_tracedat_write_section(writer, KM_TD_CMDLINES, "command lines", &data);
	km_bytes_deinit(&text);
	km_bytes_deinit(&data);
	return error;
}

struct km_error *km_metadata_write(const struct km_metadata *metadata,
				   struct km_tracedat_writer *writer)
{
	struct km_error *error =
		km_tracedat_write_section(writer, KM_TD_HEADER_INFO, "headers", &metadata->headers);

	if (!error)
		error = km_tracedat_write_section(writer, KM_TD_FTRACE_EVENTS, "ftrace events",
						  &metadata->ftrace_events);
	if (!error)
		error = km_tracedat_write_section(writer, KM_TD_EVENT_FORMATS, "events format",
						  &metadata->event_formats);
	if (!error)
		error = write_kallsyms(metadata, writer);
	/* no more than its size: there is none */
	if (!error && metadata->printk.size > 4)
		error = km_tracedat_write_section(writer, KM_TD_PRINTK, "printk",
						  &metadata->printk);
	return error ? error : write_cmdlines(metadata, writer);
}

/* An option that is a text, with its NUL. */
static void add_text(struct km_tracedat_writer *writer, enum km_td_id id, struct km_bytes *text)
{
	km_bytes_put(text, "", 1);
	if (text->has_failed)
		writer->options.has_failed = true;
	else
		km_tracedat_add_option(writer, id, text->data, text->size);
	km_bytes_deinit(text);
}

/* The kernel's per_cpu/cpuN/stats, of which only the numbers are known here. */
static struct km_error *add_stats(const struct km_instance *instance,
				  struct km_tracedat_writer *writer, uint32_t cpu)
{
	struct km_bytes text = { 0 };
	struct km_instance_stats stats;
	struct km_error *error = km_instance_cpu_stats(instance, cpu, &stats);

	if (error)
		return error;
	km_bytes_printf(&text,
			"CPU: %" PRIu32 "\nentries: %" PRIu64 "\noverrun: %" PRIu64
			"\nbytes: %" PRIu64 "\ndropped events: %" PRIu64 "\nread events: %" PRIu64
			"\n",
			cpu, stats.entries, stats.overrun, stats.bytes, stats.dropped, stats.read);
	add_text(writer, KM_TD_CPUSTAT, &text);
	return NULL;
}

struct km_error *km_metadata_add_options(const struct km_metadata *metadata,
					 const struct km_instance *instance,
					 struct km_tracedat_writer *writer)
{
	const uint32_t nr_cpus = km_instance_nr_cpus(instance);
	struct km_bytes text = { 0 };
	struct utsname name;

	km_bytes_put(&text, metadata->clocks.data, metadata->clocks.size);
	add_text(writer, KM_TD_TRACECLOCK, &text);
	if (uname(&name) == 0) {
		km_bytes_printf(&text, "%s %s %s %s", name.sysname, name.nodename, name.release,
				name.machine);
		add_text(writer, KM_TD_UNAME, &text);
	}
	km_bytes_printf(&text, "kmemstat %s", KMEMSTAT_VERSION);
	add_text(writer, KM_TD_VERSION, &text);
	for (uint32_t i = 0; i < nr_cpus; i++) {
		struct km_error *error = add_stats(instance, writer, i);

		if (error)
			return error;
	}
	km_tracedat_add_option(writer, KM_TD_CPUCOUNT, &nr_cpus, sizeof(nr_cpus));
	return writer->options.has_failed ? &km_error_memory : NULL;
}
