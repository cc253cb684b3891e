/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the running kernel tells of itself: /proc/kallsyms, /proc/sys/kernel/osrelease, and its
 * build id in /sys/kernel/notes.
 */
#include "cli/running.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/build_id.h"
#include "base/memstream.h"
#include "base/slurp.h"

/* Where the kernel lies; beyond its end there are modules and others. */
struct image {
	uint64_t text, end;
};

static bool read_file(const char *root, const char *name, char **ret, size_t *ret_size)
{
	char *path;
	bool is_read;

	if (asprintf(&path, "%s%s", root, name) < 0)
		return false;
	is_read = km_slurp(path, ret, ret_size) == 0;
	free(path);
	return is_read;
}

/* Whether the input is of the running kernel. */
static bool is_same_kernel(const char *root, const struct km_input_info *info)
{
	char build_id[2 * KM_BUILD_ID_MOST_BYTES + 1], *text;
	size_t size;
	bool is_same;

	if (info->build_id) {
		if (!read_file(root, "/sys/kernel/notes", &text, &size))
			return false;
		is_same = km_build_id_find((const uint8_t *)text, size, build_id);
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
	return km_memstream_close(out, ret) ? NULL : &km_error_memory;
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
