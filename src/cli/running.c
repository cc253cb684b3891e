/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the running kernel tells of itself: /proc/kallsyms, /proc/sys/kernel/osrelease, and
 * /sys/kernel/notes, ELF notes of which one is the build id (u32 size of name, u32 size of data,
 * u32 type 3, "GNU\0", data).
 */
#include "cli/running.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	NOTE_BUILD_ID = 3,
	MAX_BUILD_ID = 20,
	MAX_FILE_BYTES = 1 << 30,
};

/* Where the kernel lies; beyond its end there are modules and others. */
struct image {
	uint64_t text, end;
};

/* Reads a file whose size is not known beforehand; false if that cannot be. */
static bool read_file(const char *root, const char *name, char **ret, size_t *ret_size)
{
	char *path, *data = NULL;
	size_t size = 0, room = 0, got = 1;
	FILE *file;

	if (asprintf(&path, "%s%s", root, name) < 0)
		return false;
	file = fopen(path, "re");
	free(path);
	if (!file)
		return false;
	while (got && size < MAX_FILE_BYTES) {
		if (size + 1 >= room) {
			char *more = realloc(data, room = 2 * room + 65536);

			if (!more)
				break;
			data = more;
		}
		got = fread(data + size, 1, room - size - 1, file);
		size += got;
	}
	if (got || ferror(file)) {
		fclose(file);
		free(data);
		return false;
	}
	fclose(file);
	data[size] = '\0';
	*ret = data;
	*ret_size = size;
	return true;
}

/* The build id among ELF notes, as hex digits. */
static bool find_build_id(const uint8_t *notes, size_t size, char ret[static 2 * MAX_BUILD_ID + 1])
{
	size_t pos = 0;

	while (size - pos >= 12) {
		uint32_t head[3];
		uint64_t name_bytes, data_bytes;

		memcpy(head, notes + pos, sizeof(head));
		pos += sizeof(head);
		name_bytes = ((uint64_t)head[0] + 3) / 4 * 4;
		data_bytes = ((uint64_t)head[1] + 3) / 4 * 4;
		if (name_bytes + data_bytes > size - pos)
			return false;
		if (head[0] == 4 && head[2] == NOTE_BUILD_ID && head[1] <= MAX_BUILD_ID &&
		    memcmp(notes + pos, "GNU", 4) == 0) {
			for (uint32_t i = 0; i < head[1]; i++)
				snprintf(ret + 2 * i, 3, "%02x", notes[pos + 4 + i]);
			return head[1] > 0;
		}
		pos += name_bytes + data_bytes;
	}
	return false;
}

/* Whether the input is of the running kernel. */
static bool is_same_kernel(const char *root, const struct km_input_info *info)
{
	char build_id[2 * MAX_BUILD_ID + 1], *text;
	size_t size;
	bool is_same;

	if (info->build_id) {
		if (!read_file(root, "/sys/kernel/notes", &text, &size))
			return false;
		is_same = find_build_id((const uint8_t *)text, size, build_id);
		free(text);
		/* perf pads shorter ones with zeros to 20 bytes */
		return is_same && strncmp(info->build_id, build_id, strlen(build_id)) == 0 &&
		       strspn(info->build_id + strlen(build_id), "0") ==
			       strlen(info->build_id + strlen(build_id));
	}
	if (!info->kernel_release || !read_file(root, "/proc/sys/kernel/osrelease", &text, &size))
		return false;
	text[strcspn(text, "\n")] = '\0';
	is_same = strcmp(text, info->kernel_release) == 0;
	free(text);
	return is_same;
}

/* The name in a line of kallsyms, NULL if it is a module's; *ret_address is its address. */
static const char *parse_line(char *line, char *end, uint64_t *ret_address)
{
	char *rest;

	*ret_address = strtoull(line, &rest, 16);
	if (rest == line || end - rest < 4 || rest[0] != ' ' || rest[2] != ' ' ||
	    memchr(rest, '\t', (size_t)(end - rest)))
		return NULL;
	return rest + 3;
}

static bool name_is(const char *name, const char *end, const char *wanted)
{
	return (size_t)(end - name) == strlen(wanted) &&
	       memcmp(name, wanted, (size_t)(end - name)) == 0;
}

static char *line_end(char *line, char *text_end)
{
	char *end = memchr(line, '\n', (size_t)(text_end - line));

	return end ? end : text_end;
}

static struct image find_image(char *text, size_t size)
{
	struct image image = { 0, UINT64_MAX };
	char *end;

	for (char *line = text; line < text + size; line = end + 1) {
		uint64_t address;
		const char *name;

		end = line_end(line, text + size);
		name = parse_line(line, end, &address);
		if (name && name_is(name, end, "_text"))
			image.text = address;
		else if (name && name_is(name, end, "_end"))
			image.end = address;
	}
	return image;
}

/* Writes the kernel's own symbols with `shift` added to their addresses. */
static struct km_error *write_moved(char *text, size_t size, const struct image *image,
				    uint64_t shift, char **ret, size_t *ret_size)
{
	FILE *out = open_memstream(ret, ret_size);
	char *end;

	if (!out)
		return &km_error_memory;
	for (char *line = text; line < text + size; line = end + 1) {
		uint64_t address;
		const char *name;

		end = line_end(line, text + size);
		name = parse_line(line, end, &address);
		if (!name || address < image->text || address > image->end)
			continue;
		fprintf(out, "%016" PRIx64 " %.*s\n", address + shift, (int)(end - name + 2),
			name - 2);
	}
	if (fclose(out) == 0)
		return NULL;
	free(*ret);
	*ret = NULL;
	return &km_error_memory;
}

struct km_error *km_running_kallsyms(const char *root, const struct km_input_info *info, char **ret,
				     size_t *ret_size)
{
	struct km_error *error = NULL;
	struct image image;
	char *text, *moved;
	size_t size, moved_size;

	*ret = NULL;
	*ret_size = 0;
	/* the same kernel lies elsewhere in every boot (KASLR) */
	if (!info->kernel_text || !is_same_kernel(root, info) ||
	    !read_file(root, "/proc/kallsyms", &text, &size))
		return NULL;
	image = find_image(text, size);
	/* zero, if this user must not see addresses (kernel.kptr_restrict) */
	if (image.text) {
		error = write_moved(text, size, &image, info->kernel_text - image.text, &moved,
				    &moved_size);
		if (!error) {
			*ret = moved;
			*ret_size = moved_size;
		}
	}
	free(text);
	return error;
}
