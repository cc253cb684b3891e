/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Gives files, and those in folders, to a target: where there is no libFuzzer, and for the inputs
 * that once broke something.
 *
 * usage: TARGET FILE|FOLDER...
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

static size_t nr_done;

static void run_file(const char *path)
{
	FILE *file = fopen(path, "rbe");
	uint8_t *data = NULL;
	size_t size = 0, room = 0;

	/* what breaks is the last one said */
	fprintf(stderr, "%s\n", path);
	if (!file) {
		perror(path);
		exit(1);
	}
	do {
		room = room ? 2 * room : 65536;
		data = realloc(data, room);
		if (!data)
			abort();
		size += fread(data + size, 1, room - size, file);
	} while (size == room);
	fclose(file);
	/* of its exact size, so that a read behind its end is seen */
	data = realloc(data, size ? size : 1);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	nr_done++;
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void run_path(const char *path)
{
	struct dirent **entries;
	struct stat st;
	int nr;

	if (stat(path, &st) || !S_ISDIR(st.st_mode)) {
		run_file(path);
		return;
	}
	nr = scandir(path, &entries, is_visible, alphasort);
	if (nr < 0) {
		perror(path);
		exit(1);
	}
	for (int i = 0; i < nr; i++) {
		char *inner;

		if (asprintf(&inner, "%s/%s", path, entries[i]->d_name) < 0)
			abort();
		run_path(inner);
		free(inner);
		free(entries[i]);
	}
	free(entries);
}

int main(int argc, char **argv)
{
	LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++)
		run_path(argv[i]);
	fprintf(stderr, "%zu inputs\n", nr_done);
	return nr_done ? 0 : 1;
}
