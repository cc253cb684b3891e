/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the machine tells of itself:
 *	/sys/kernel/notes			the kernel's build id
 *	/sys/devices/system/node/nodeN/cpulist	"0-3,8"
 *	/proc/kallsyms				symbols, those of modules as they are loaded now
 *	/proc/slabinfo				its caches, for root
 *	saved_cmdlines (tracefs)		lines of "PID COMM", of tasks that were traced
 *	/proc/PID/comm				of those that are still there
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/slurp.h"
#include "source/tracefs.h"

/* One node's CPUs. What is not understood tells nothing. */
static struct km_error *add_node(struct km_cpunodes *nodes, const char *list, int16_t node)
{
	struct km_error *error = NULL;
	uint32_t first, last;

	while (!error && km_cpu_range_read(&list, &first, &last)) {
		error = km_cpunodes_set(nodes, first, last, node);
		if (*list != ',')
			break;
		list++;
	}
	return error;
}

struct km_error *km_tracefs_read_nodes(const char *root, struct km_cpunodes *ret)
{
	struct km_error *error = NULL;
	char path[512], *text;
	size_t size;
	const char *at;
	uint32_t first, last;

	/* "0-1": which there are */
	snprintf(path, sizeof(path), "%s/sys/devices/system/node/online", root);
	if (km_slurp(path, &text, &size) != 0)
		return NULL;
	at = text;
	while (!error && km_cpu_range_read(&at, &first, &last) && last <= KM_CPUNODES_MAX_NODE) {
		for (uint32_t node = first; node <= last && !error; node++) {
			char *list;

			snprintf(path, sizeof(path),
				 "%s/sys/devices/system/node/node%" PRIu32 "/cpulist", root, node);
			if (km_slurp(path, &list, &size) != 0)
				continue;
			error = add_node(ret, list, (int16_t)node);
			free(list);
		}
		if (*at != ',')
			break;
		at++;
	}
	free(text);
	return error;
}

struct km_error *km_tracefs_ask_machine(struct km_tracefs *live)
{
	struct km_input_info *info = &live->base.info;
	struct km_error *error;
	char *notes;
	size_t size;

	if (uname(&live->name) == 0) {
		info->kernel_release = live->name.release;
		info->machine = live->name.machine;
	}
	if (km_slurp("/sys/kernel/notes", &notes, &size) == 0) {
		if (km_build_id_find((const uint8_t *)notes, size, live->build_id))
			info->build_id = live->build_id;
		free(notes);
	}
	if (km_slurp("/proc/slabinfo", &live->slabinfo, &size) == 0)
		info->slabinfo_start = live->slabinfo;
	error = km_tracefs_read_nodes("", &live->nodes);
	info->node_of_cpu = live->nodes.node;
	info->nr_node_cpus = live->nodes.nr_cpus;
	return error;
}

/* A line "PID COMM", as far as `end`. */
static void note_line(struct km_tracefs *live, const char *line, const char *end)
{
	char *name;
	const long pid = strtol(line, &name, 10);

	if (name != line && *name == ' ' && name < end && pid > 0 && pid <= INT32_MAX)
		km_text_comms_note(&live->comms, (int32_t)pid,
				   (struct km_span){ name + 1, (size_t)(end - name - 1) });
}

void km_tracefs_note_comms(struct km_tracefs *live)
{
	char *text;
	size_t size;

	if (live->comms_fd < 0 || lseek(live->comms_fd, 0, SEEK_SET) < 0 ||
	    km_slurp_fd(live->comms_fd, &text, &size) != 0)
		return;
	for (const char *line = text, *end; line < text + size; line = end + 1) {
		end = memchr(line, '\n', (size_t)(text + size - line));
		if (!end)
			break;
		/* what the kernel says of one that it does not know any more */
		if (end - line < 5 || memcmp(end - 5, "<...>", 5) != 0)
			note_line(live, line, end);
	}
	free(text);
}

const char *km_tracefs_comm(const struct km_source *source, int32_t pid)
{
	/* what is found is kept: nothing that is shown changes */
	struct km_tracefs *live = (struct km_tracefs *)source;
	const char *comm = km_text_comms_get(&live->comms, pid);
	char path[32], *text;
	size_t size;

	if (comm || pid < 0)
		return comm;
	if (!pid)
		return "<idle>";
	snprintf(path, sizeof(path), "/proc/%" PRId32 "/comm", pid);
	if (km_slurp(path, &text, &size) != 0)
		return NULL;
	km_text_comms_note(
		&live->comms, pid,
		(struct km_span){ text, size && text[size - 1] == '\n' ? size - 1 : size });
	free(text);
	return km_text_comms_get(&live->comms, pid);
}

/* The address before " T _text\n", 0 if there is none. */
static uint64_t find_text(const char *text)
{
	static const char *const names[] = { " T _text\n", " t _text\n" };

	for (size_t i = 0; i < 2; i++) {
		const char *at = strstr(text, names[i]);

		while (at && at > text && at[-1] != '\n')
			at--;
		if (at)
			return strtoull(at, NULL, 16);
	}
	return 0;
}

struct km_error *km_tracefs_load_kallsyms(struct km_source *source)
{
	const struct km_tracefs *live = (const struct km_tracefs *)source;
	int err;

	km_blob_deinit(&source->kallsyms);
	if (live->kallsyms_fd < 0 || lseek(live->kallsyms_fd, 0, SEEK_SET) < 0)
		return NULL;
	err = km_slurp_fd(live->kallsyms_fd, &source->kallsyms.data, &source->kallsyms.size);
	if (err)
		return km_error_os(KM_ERR_INPUT, "/proc/kallsyms", err, "cannot read");
	source->info.kernel_text = find_text(source->kallsyms.data);
	return NULL;
}
