/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/machine.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/build_id.h"

/* Appends the option, if there is a text. */
static void add(struct km_bytes *options, const char *name, const struct km_bytes *text)
{
	const size_t name_bytes = strlen(name) + 1;

	options->has_failed |= text->has_failed;
	if (!text->size || text->size > UINT32_MAX - name_bytes)
		return;
	km_bytes_put_u16(options, KM_TD_KMEMSTAT);
	km_bytes_put_u32(options, (uint32_t)(name_bytes + text->size));
	km_bytes_put(options, name, name_bytes);
	km_bytes_put(options, text->data, text->size);
}

static void add_file(struct km_bytes *options, const char *name, const char *path)
{
	struct km_bytes text = { 0 };

	km_bytes_put_file(&text, path); /* a kernel without it has nothing to tell */
	add(options, name, &text);
	km_bytes_deinit(&text);
}

void km_machine_add_slabinfo(struct km_bytes *options, const char *name, int slabinfo_fd)
{
	struct km_bytes text = { 0 };

	if (slabinfo_fd >= 0 && lseek(slabinfo_fd, 0, SEEK_SET) == 0)
		km_bytes_put_fd(&text, slabinfo_fd);
	add(options, name, &text);
	km_bytes_deinit(&text);
}

/* "NAME HEX" of notes in a file. */
static void put_build_id(struct km_bytes *text, const char *name, const char *path)
{
	char build_id[2 * KM_BUILD_ID_MOST_BYTES + 1];
	struct km_bytes notes = { 0 };

	if (km_bytes_put_file(&notes, path) && notes.data &&
	    km_build_id_find(notes.data, notes.size, build_id))
		km_bytes_printf(text, "%s %s\n", name, build_id);
	km_bytes_deinit(&notes);
}

static int is_name(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* The kernel is called "vmlinux", as its file. */
static void add_build_ids(struct km_bytes *options)
{
	struct km_bytes text = { 0 };
	struct dirent **entries = NULL;
	const int nr = scandir("/sys/module", &entries, is_name, alphasort);

	put_build_id(&text, "vmlinux", "/sys/kernel/notes");
	for (int i = 0; i < nr; i++) {
		char path[sizeof(entries[i]->d_name) + 64];

		snprintf(path, sizeof(path), "/sys/module/%s/notes/.note.gnu.build-id",
			 entries[i]->d_name);
		put_build_id(&text, entries[i]->d_name, path);
		free(entries[i]);
	}
	free(entries);
	add(options, "build-ids", &text);
	km_bytes_deinit(&text);
}

/* A node is "node" and a number. */
static int is_node(const struct dirent *entry)
{
	return strncmp(entry->d_name, "node", 4) == 0 && isdigit((unsigned char)entry->d_name[4]);
}

/* Lines "NODE CPUS", as "0 0-3,8-11"; a node of memory only has no CPU. */
static void add_nodes(struct km_bytes *options)
{
	struct km_bytes text = { 0 };
	struct dirent **entries = NULL;
	const int nr = scandir("/sys/devices/system/node", &entries, is_node, versionsort);

	for (int i = 0; i < nr; i++) {
		char path[sizeof(entries[i]->d_name) + 64];
		const size_t before = text.size;

		snprintf(path, sizeof(path), "/sys/devices/system/node/%s/cpulist",
			 entries[i]->d_name);
		km_bytes_printf(&text, "%s ", entries[i]->d_name + 4);
		if (!km_bytes_put_file(&text, path) && !text.has_failed)
			text.size = before;
		free(entries[i]);
	}
	free(entries);
	add(options, "nodes", &text);
	km_bytes_deinit(&text);
}

void km_machine_add(struct km_bytes *options)
{
	add_file(options, "modules", "/proc/modules");
	add_build_ids(options);
	add_nodes(options);
	add_file(options, "cpus-online", "/sys/devices/system/cpu/online");
}
