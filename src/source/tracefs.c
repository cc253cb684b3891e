/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The running kernel as a source. Its events are in the buffers of an instance, one for each CPU:
 * per_cpu/cpuN/trace_pipe_raw gives a page of it for each read, and takes it out. They are one
 * part, in one queue: the reader puts the events of all CPUs into the order of time.
 */
#include "source/tracefs.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/slurp.h"

void km_tracefs_deinit(struct km_tracefs *live)
{
	for (uint32_t cpu = 0; live->pipes && cpu < live->nr_cpus; cpu++)
		if (live->pipes[cpu] >= 0)
			close(live->pipes[cpu]);
	if (live->comms_fd >= 0)
		close(live->comms_fd);
	if (live->kallsyms_fd >= 0)
		close(live->kallsyms_fd);
	km_formats_deinit(&live->base.formats);
	km_text_comms_deinit(&live->comms);
	km_cpunodes_deinit(&live->nodes);
	km_blob_deinit(&live->base.kallsyms);
	free(live->pipes);
	free(live->streams);
	free(live->end_fds);
	free(live->tracefs);
	free(live->slabinfo);
}

static void tracefs_close(struct km_source *source)
{
	km_tracefs_deinit((struct km_tracefs *)source);
	free(source);
}

static size_t tracefs_nr_parts(const struct km_source *source)
{
	(void)source;
	return 1;
}

static uint64_t tracefs_part_bytes(const struct km_source *source, size_t part)
{
	(void)source;
	(void)part;
	return 0;
}

static uint32_t tracefs_part_queue(const struct km_source *source, size_t part)
{
	(void)source;
	(void)part;
	return 0;
}

static const struct km_source_ops tracefs_ops = {
	.name = "tracefs",
	.close = tracefs_close,
	.comm = km_tracefs_comm,
	.nr_parts = tracefs_nr_parts,
	.part_bytes = tracefs_part_bytes,
	.part_queue = tracefs_part_queue,
	.reader_create = km_tracefs_reader_create,
	.reader_destroy = km_tracefs_reader_destroy,
	.reader_start = km_tracefs_reader_start,
	.reader_fill = km_tracefs_reader_fill,
	.reader_stats = km_tracefs_reader_stats,
	.reader_names = km_tracefs_reader_names,
	.reader_stack = km_tracefs_reader_stack,
	.load_kallsyms = km_tracefs_load_kallsyms,
};

/* The format of an event; "events/SYSTEM/EVENT/format" below `dir`. */
static struct km_error *add_format(struct km_tracefs *live, const char *dir, const char *system,
				   const char *event)
{
	struct km_error *error;
	char *path, *text;
	size_t size;
	int err;

	if (asprintf(&path, "%s/events/%s/%s/format", dir, system, event) < 0)
		return &km_error_memory;
	err = km_slurp(path, &text, &size);
	if (err) {
		error = km_error_os(KM_ERR_INPUT, path, err, "cannot read");
	} else {
		error = km_formats_add_event(&live->base.formats, system, text, size);
		free(text);
	}
	free(path);
	return error;
}

/* Those of the buffers themselves: stacks, markers. */
static struct km_error *add_ftrace_formats(struct km_tracefs *live)
{
	struct km_error *error = NULL;
	char *path;
	DIR *dir;

	if (asprintf(&path, "%s/events/ftrace", live->tracefs) < 0)
		return &km_error_memory;
	dir = opendir(path);
	free(path);
	/* not there: what is of these kinds counts as not known */
	if (!dir)
		return NULL;
	for (struct dirent *entry; (entry = readdir(dir)) && !error;) {
		if (entry->d_name[0] == '.' || entry->d_type == DT_REG)
			continue;
		error = add_format(live, live->tracefs, "ftrace", entry->d_name);
		if (error && error->kind != KM_ERR_MEMORY) {
			km_error_free(error);
			error = NULL;
			live->base.quality.count[KM_SECTIONS_DAMAGED]++;
		}
	}
	closedir(dir);
	return error;
}

static struct km_error *read_formats(struct km_tracefs *live)
{
	const uint16_t one = 1;
	const bool is_big_endian = *(const uint8_t *)&one == 0;
	struct km_formats *formats = &live->base.formats;
	struct km_error *error = km_formats_init(formats, is_big_endian, sizeof(long));
	const char *const *events;
	char *text, system[128];
	size_t size, nr;

	if (error)
		return error;
	error = km_instance_read_file(live->instance, "events/header_page", &text, &size);
	if (error)
		return error;
	error = km_formats_add_header_page(formats, text, size);
	free(text);
	formats->page_size = live->base.info.page_size;
	events = km_instance_events(live->instance, &nr);
	for (size_t i = 0; !error && i < nr; i++) {
		const char *colon = strchr(events[i], ':');

		snprintf(system, sizeof(system), "%.*s", (int)(colon - events[i]), events[i]);
		error = add_format(live, km_instance_path(live->instance), system, colon + 1);
	}
	if (!error)
		error = add_ftrace_formats(live);
	return error ? error : km_formats_seal(formats);
}

static struct km_error *open_pipes(struct km_tracefs *live)
{
	struct km_error *error = NULL;

	live->pipes = malloc((live->nr_cpus + 1) * sizeof(*live->pipes));
	if (!live->pipes)
		return &km_error_memory;
	for (uint32_t cpu = 0; cpu < live->nr_cpus; cpu++)
		live->pipes[cpu] = -1;
	for (uint32_t cpu = 0; cpu < live->nr_cpus && !error; cpu++) {
		char name[64];

		snprintf(name, sizeof(name), "per_cpu/cpu%" PRIu32 "/trace_pipe_raw", cpu);
		error = km_instance_open_file(live->instance, name, O_RDONLY | O_NONBLOCK,
					      &live->pipes[cpu]);
	}
	return error;
}

/* "local global [mono] boot": events are put into order by what a clock of user space says. */
static struct km_error *find_clock(struct km_tracefs *live)
{
	static const struct {
		const char *name, *text;
		clockid_t clock;
	} clocks[] = { { "mono", "[mono]", CLOCK_MONOTONIC },
		       { "mono_raw", "[mono_raw]", CLOCK_MONOTONIC_RAW },
		       { "boot", "[boot]", CLOCK_BOOTTIME },
		       { "tai", "[tai]", CLOCK_TAI } };
	char *text;
	size_t size;
	struct km_error *error = km_instance_read_file(live->instance, "trace_clock", &text, &size);

	if (error)
		return error;
	for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		if (!strstr(text, clocks[i].text))
			continue;
		live->clock = clocks[i].clock;
		live->base.info.clock = clocks[i].name;
	}
	free(text);
	if (live->base.info.clock)
		return NULL;
	return km_error_advise(
		km_error_create(KM_ERR_USAGE, live->tracefs,
				"events of this trace clock cannot be put into order "
				"while they come"),
		"choose mono, mono_raw, boot or tai");
}

/*
 * How full a buffer is when we are woken: at half of it, as it is, a reader that has to wait for a
 * CPU has little time left. Before Linux 5.0 there is no such file.
 */
static void set_wakeup(const struct km_tracefs *live)
{
	ssize_t wrote;
	int fd;
	struct km_error *error =
		km_instance_open_file(live->instance, "buffer_percent", O_WRONLY | O_TRUNC, &fd);

	if (error) {
		km_error_free(error);
		return;
	}
	wrote = write(fd, "25", 2);
	(void)wrote; /* a tick wakes us in any case */
	close(fd);
}

static struct km_error *open_files(struct km_tracefs *live)
{
	char *path;

	if (asprintf(&path, "%s/saved_cmdlines", live->tracefs) < 0)
		return &km_error_memory;
	live->comms_fd = open(path, O_RDONLY | O_CLOEXEC);
	free(path);
	/* who may see addresses is decided when it is opened: kernel/kallsyms.c, kallsyms_open() */
	live->kallsyms_fd = open("/proc/kallsyms", O_RDONLY | O_CLOEXEC);
	return NULL;
}

static struct km_error *take_options(struct km_tracefs *live,
				     const struct km_source_options *options)
{
	if (!options)
		return NULL;
	live->stop = options->stop;
	if (!options->nr_end_fds)
		return NULL;
	live->end_fds = calloc(options->nr_end_fds, sizeof(*live->end_fds));
	if (!live->end_fds)
		return &km_error_memory;
	memcpy(live->end_fds, options->end_fds, options->nr_end_fds * sizeof(*live->end_fds));
	live->nr_end_fds = options->nr_end_fds;
	return NULL;
}

/* What is known of it before the first event. */
static struct km_error *fill_info(struct km_tracefs *live)
{
	const long page_size = sysconf(_SC_PAGESIZE), online = sysconf(_SC_NPROCESSORS_ONLN);
	struct km_input_info *info = &live->base.info;

	live->streams = calloc(live->nr_cpus + 1, sizeof(*live->streams));
	if (!live->streams)
		return &km_error_memory;
	for (uint32_t cpu = 0; cpu < live->nr_cpus; cpu++)
		live->streams[cpu].cpu = cpu;
	live->buffer = (struct km_instance_info){ .name = "kmemstat",
						  .nr_cpus = live->nr_cpus,
						  .is_selected = true };
	*info = (struct km_input_info){
		.path = live->tracefs,
		.format = tracefs_ops.name,
		.collection = "raw",
		.compression = "none",
		.long_bytes = sizeof(long),
		.page_size = page_size > 0 ? (uint32_t)page_size : 4096,
		.nr_cpus = online > 0 ? (uint32_t)online : live->nr_cpus,
		.instances = &live->buffer,
		.nr_instances = 1,
		.streams = live->streams,
		.nr_streams = live->nr_cpus,
	};
	return NULL;
}

struct km_error *km_tracefs_init(struct km_tracefs *live, struct km_instance *instance,
				 const struct km_source_options *options)
{
	struct km_error *error;

	live->instance = instance;
	live->nr_cpus = km_instance_nr_cpus(instance);
	live->comms_fd = live->kallsyms_fd = -1;
	live->tracefs = strdup(km_instance_tracefs(instance));
	error = live->tracefs ? take_options(live, options) : &km_error_memory;
	if (!error)
		error = fill_info(live);
	if (!error)
		error = find_clock(live);
	if (!error)
		error = km_tracefs_ask_machine(live);
	if (!error)
		error = read_formats(live);
	if (!error)
		error = open_files(live);
	if (error)
		return error;
	live->buffer.clock = live->base.info.clock;
	live->base.info.is_big_endian = live->base.formats.is_big_endian;
	live->base.info.long_bytes = live->base.formats.long_bytes;
	live->base.info.subbuf_bytes =
		live->base.formats.data_offset + live->base.formats.data_bytes;
	return NULL;
}

struct km_error *km_source_open_instance(struct km_instance *instance,
					 const struct km_source_options *options,
					 struct km_source **ret)
{
	struct km_tracefs *live = calloc(1, sizeof(*live));
	struct km_error *error;

	if (!live)
		return &km_error_memory;
	live->base.ops = &tracefs_ops;
	error = km_tracefs_init(live, instance, options);
	if (!error)
		error = open_pipes(live);
	if (error) {
		tracefs_close(&live->base);
		return error;
	}
	set_wakeup(live);
	*ret = &live->base;
	return NULL;
}
