/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reports read back and added up: the files, in an order of their own, and what is in them. A file
 * is one report, or several, one behind another (JSON Lines, as a live view writes them each
 * period); one that is of the same recording as the next, and less of it, is in that already.
 */
#include "compare/merge.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const key_names[KM_NR_MERGE_KEYS] = {
	[KM_MERGE_FINGERPRINT] = "fingerprint",
	[KM_MERGE_SYMBOL] = "symbol",
	[KM_MERGE_OFFSET] = "offset",
};

const char *km_merge_key_name(enum km_merge_key key)
{
	return key_names[key];
}

/* A file to be read. */
struct input {
	const char *path;
	const char *host;
	dev_t device;
	ino_t inode;
	bool has_inode;
};

static int compare_inputs(const void *a, const void *b)
{
	const struct input *x = a, *y = b;
	int order = strcmp(x->host, y->host);

	return order ? order : strcmp(x->path, y->path);
}

static int compare_inodes(const void *a, const void *b)
{
	const struct input *x = a, *y = b;

	if (x->has_inode != y->has_inode)
		return x->has_inode ? -1 : 1;
	if (x->device != y->device)
		return x->device < y->device ? -1 : 1;
	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	return strcmp(x->path, y->path);
}

/* The name of a file without what says how it is written, or that of its directory. */
static struct km_error *name_host(struct km_merge *merge, const char *path, const char **ret)
{
	static const char *const suffixes[] = { ".gz", ".xz", ".zst", ".json", ".jsonl" };
	const char *slash = strrchr(path, '/'), *from = slash ? slash + 1 : path;
	size_t len = strlen(from);
	char *name;
	struct km_error *error;

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		size_t tail = strlen(suffixes[i]);

		if (len > tail && strncmp(from + len - tail, suffixes[i], tail) == 0)
			len -= tail;
	}
	if (merge->options.hosts_are_dirs) {
		for (len = slash ? (size_t)(slash - path) : 0; len && path[len - 1] == '/';)
			len--;
		for (from = path + len; from > path && from[-1] != '/';)
			from--;
		len -= (size_t)(from - path);
		if (!len) {
			from = slash ? "/" : ".";
			len = 1;
		}
	}
	name = strndup(from, len);
	error = name ? km_merge_text(&merge->strings, name, ret) : &km_error_memory;
	free(name);
	return error;
}

static struct km_error *check_twice(struct input *inputs, size_t nr)
{
	qsort(inputs, nr, sizeof(*inputs), compare_inodes);
	for (size_t i = 1; i < nr && inputs[i].has_inode; i++)
		if (inputs[i].device == inputs[i - 1].device &&
		    inputs[i].inode == inputs[i - 1].inode)
			return km_error_advise(km_error_create(KM_ERR_USAGE, inputs[i].path,
							       "is there twice, as %s, too",
							       inputs[i - 1].path),
					       "it would be counted twice: name it once");
	return NULL;
}

static struct km_error *order_inputs(struct km_merge *merge, const char *const *paths, size_t nr,
				     struct input **ret)
{
	struct input *inputs = calloc(nr + 1, sizeof(*inputs));
	struct km_error *error = inputs ? NULL : &km_error_memory;

	for (size_t i = 0; !error && i < nr; i++) {
		struct stat st;

		inputs[i].path = paths[i];
		inputs[i].has_inode = stat(paths[i], &st) == 0;
		if (inputs[i].has_inode) {
			inputs[i].device = st.st_dev;
			inputs[i].inode = st.st_ino;
		}
		error = name_host(merge, paths[i], &inputs[i].host);
	}
	if (!error)
		error = check_twice(inputs, nr);
	if (error) {
		free(inputs);
		return error;
	}
	qsort(inputs, nr, sizeof(*inputs), compare_inputs);
	*ret = inputs;
	return NULL;
}

/* Where a report is in the text of its file, and what tells of which recording it is. */
struct place {
	size_t pos, line;
	uint64_t first_ns, duration_ns, events_total;
	bool is_merged;
};

/* The next report's head; the walk goes behind it. */
static struct km_error *next_head(struct km_merge_reader *reader, struct place *ret)
{
	struct place place = { .pos = reader->walk.pos, .line = reader->walk.line };
	struct km_error *error = km_merge_read_head(reader);
	const struct km_merge_head *head = &reader->head;

	if (error)
		return error;
	place.first_ns = head->first_ns;
	place.duration_ns = head->duration_ns;
	place.events_total = head->events_total;
	place.is_merged = head->is_merged;
	*ret = place;
	return NULL;
}

/* Whether all that is in a report is in the one that follows it, too. */
static bool is_superseded(const struct place *place, const struct place *next)
{
	return !place->is_merged && !next->is_merged && place->first_ns == next->first_ns &&
	       place->duration_ns <= next->duration_ns && place->events_total <= next->events_total;
}

/* Reads a report again, with its rows, and adds it. */
static struct km_error *add_report(struct km_merge_reader *reader, const struct place *place,
				   uint64_t superseded)
{
	struct km_merge *merge = reader->merge;
	const struct km_walk after = reader->walk;
	struct km_error *error;

	reader->walk.pos = place->pos;
	reader->walk.line = place->line;
	error = km_merge_read_head(reader);
	if (!error)
		error = km_merge_add_head(reader);
	if (!error && !reader->is_checking && reader->head.is_merged && !merge->is_one) {
		error = km_merge_end_host(merge);
		merge->head.input.nr_cpus += reader->head.input.nr_cpus;
	} else if (!error && !reader->is_checking && !merge->is_one) {
		error = km_merge_add_host(reader);
		merge->head.superseded = km_sat_add(merge->head.superseded, superseded);
	}
	reader->walk.pos = place->pos;
	reader->walk.line = place->line;
	if (!error)
		error = km_merge_read_rows(reader);
	reader->walk = after;
	return error;
}

static struct km_error *read_text(struct km_merge_reader *reader)
{
	const bool is_one = reader->merge->is_one;
	struct place place, next;
	uint64_t superseded = 0;
	struct km_error *error = next_head(reader, &place);

	while (!error && !km_walk_is_at_end(&reader->walk)) {
		error = next_head(reader, &next);
		if (!error && !is_one && !is_superseded(&place, &next)) {
			error = add_report(reader, &place, superseded);
			superseded = 0;
		} else {
			superseded++;
		}
		place = next;
	}
	return error ? error : add_report(reader, &place, superseded);
}

static struct km_error *read_file(struct km_merge *merge, const struct input *input)
{
	struct km_merge_reader reader = { .merge = merge, .host = input->host };
	const struct km_walk walk = { .path = input->path, .line = 1, .list = "" };
	char *text = NULL;
	size_t size = 0;
	struct km_error *error = km_walk_read(input->path, &text, &size);

	/* what is left out must not be in the sum by half */
	for (int pass = merge->options.skips_bad ? 0 : 1; !error && pass < 2; pass++) {
		reader.walk = walk;
		reader.walk.text = text;
		reader.walk.size = size;
		reader.is_checking = pass == 0;
		error = read_text(&reader);
	}
	km_pool_deinit(&reader.strings);
	km_pool_deinit(&reader.head_strings);
	free(text);
	return error;
}

static struct km_error *read_files(struct km_merge *merge, const struct input *inputs, size_t nr)
{
	struct km_error *error = NULL;

	for (size_t i = 0; !error && i < nr; i++) {
		error = read_file(merge, &inputs[i]);
		if (error && error->kind == KM_ERR_INPUT && merge->options.skips_bad &&
		    error->path) {
			struct km_error *bad = error;

			error = km_merge_add_skipped(merge, inputs[i].path, bad->message);
			km_error_free(bad);
		}
	}
	if (!error)
		error = km_merge_end_host(merge);
	return error;
}

static struct km_merge *create(const struct km_merge_options *options, bool is_one)
{
	struct km_merge *merge = calloc(1, sizeof(*merge));

	if (!merge)
		return NULL;
	merge->options = *options;
	merge->is_one = is_one;
	return merge;
}

/* Builds what was read, or frees it after an error. */
static struct km_error *finish(struct km_merge *merge, struct km_error *error,
			       struct km_merge **ret)
{
	if (!error)
		error = km_merge_build(merge);
	if (error) {
		km_merge_destroy(merge);
		return error;
	}
	*ret = merge;
	return NULL;
}

struct km_error *km_merge_create(const char *const *paths, size_t nr,
				 const struct km_merge_options *options, struct km_merge **ret)
{
	struct input *inputs = NULL;
	struct km_merge *merge = create(options, false);
	struct km_error *error;

	if (!merge)
		return &km_error_memory;
	error = order_inputs(merge, paths, nr, &inputs);
	if (!error)
		error = read_files(merge, inputs, nr);
	free(inputs);
	return finish(merge, error, ret);
}

struct km_error *km_merge_load(const char *path, uint64_t per, struct km_merge **ret)
{
	const struct km_merge_options options = { .thresholds = KM_THRESHOLDS_DEFAULT };
	const struct input input = { .path = path };
	struct km_merge *merge = create(&options, true);
	struct km_error *error;

	if (!merge)
		return &km_error_memory;
	merge->per = per;
	error = read_file(merge, &input);
	return finish(merge, error, ret);
}

struct km_report *km_merge_report(const struct km_merge *merge)
{
	return merge->report;
}

const char *const *km_merge_left_out(const struct km_merge *merge, size_t *ret_nr)
{
	*ret_nr = merge->left_out.nr;
	return merge->left_out.names;
}

void km_merge_destroy(struct km_merge *merge)
{
	if (!merge)
		return;
	km_report_destroy(merge->report);
	for (size_t i = 0; i < merge->keys.nr && i < merge->size_rows; i++)
		km_merge_row_deinit(&merge->rows[i]);
	for (size_t i = 0; i < merge->nr_findings; i++)
		free(merge->finding_sites[i].source.frames);
	km_names_deinit(&merge->keys);
	km_names_deinit(&merge->caches);
	km_names_deinit(&merge->events);
	km_names_deinit(&merge->left_out);
	free(merge->rows);
	free(merge->touched);
	free(merge->event_rows);
	free(merge->event_formats);
	free(merge->kernel_hosts);
	free(merge->merged.hosts);
	free(merge->merged.kernels);
	free(merge->merged.skipped);
	free(merge->streams);
	free(merge->stream_infos);
	free(merge->instances);
	free(merge->ticks);
	free(merge->peaks);
	free(merge->findings);
	free(merge->finding_sites);
	free(merge->finding_types);
	free(merge->sites.sites);
	free(merge->known_sites);
	km_pool_deinit(&merge->strings);
	free(merge);
}
