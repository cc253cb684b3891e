/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kmemstat merge REPORT...: JSON reports added up. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/slurp.h"
#include "cli/output.h"
#include "cli/session.h"
#include "kmemstat/merge.h"

/* The reports of the command line and of --files-from. */
struct list {
	const char **paths;
	size_t nr;
	char *text; /* that paths are in */
};

static struct km_error *read_list(const char *path, char **ret, size_t *ret_size)
{
	int err = strcmp(path, "-") == 0 ? km_slurp_fd(STDIN_FILENO, ret, ret_size)
					 : km_slurp(path, ret, ret_size);

	if (err == ENOMEM)
		return &km_error_memory;
	return err ? km_error_os(KM_ERR_INPUT, path, err, "cannot read") : NULL;
}

/* Names with a line's end or a NUL behind; the last may be without. */
static struct km_error *split(struct list *list, size_t size)
{
	const char end = memchr(list->text, '\0', size) ? '\0' : '\n';
	const char **more;
	size_t nr = 1;

	for (size_t i = 0; i < size; i++)
		nr += list->text[i] == end;
	more = reallocarray(list->paths, list->nr + nr, sizeof(*more));
	if (!more)
		return &km_error_memory;
	list->paths = more;
	for (char *name = list->text; name < list->text + size; name += strlen(name) + 1) {
		char *stop = memchr(name, end, (size_t)(list->text + size - name));

		if (stop)
			*stop = '\0';
		if (*name)
			list->paths[list->nr++] = name;
	}
	return NULL;
}

static struct km_error *make_list(const struct km_options *options, struct list *ret)
{
	struct km_error *error = NULL;
	size_t size = 0;

	ret->paths = calloc(options->nr_reports + 1, sizeof(*ret->paths));
	if (!ret->paths)
		return &km_error_memory;
	for (size_t i = 0; i < options->nr_reports; i++)
		ret->paths[ret->nr++] = options->reports[i];
	if (options->files_from) {
		error = read_list(options->files_from, &ret->text, &size);
		if (!error)
			error = split(ret, size);
	}
	for (size_t i = 0; !error && options->output && i < ret->nr; i++)
		error = km_output_check_file(options->output, "--output", ret->paths[i]);
	if (!error && !ret->nr)
		error = km_error_advise(km_error_create(KM_ERR_USAGE, NULL, "no report is named"),
					"run kmemstat merge REPORT..., or give --files-from FILE");
	return error;
}

static struct km_error *write_report(const struct km_options *options,
				     const struct km_report *report)
{
	const struct km_terminal terminal = km_terminal_ask(options);
	const struct km_render_options render_options = { 0 };
	struct km_output output;
	struct km_error *error = km_output_open(options, &terminal, true, &output);

	if (error)
		return error;
	error = km_renderer_find("json")->render(report, &render_options, &output.out);
	if (!error)
		return km_output_finish(&output);
	km_output_abandon(&output);
	return error;
}

/* Files that were left out are losses, like events. */
static enum km_exit status_of(const struct km_options *options, const struct km_report *report)
{
	const struct km_merged *merged = report->merged;

	for (size_t i = 0; i < merged->nr_skipped; i++)
		if (!options->quiet)
			km_say("%s: left out: %s", merged->skipped[i].path, merged->skipped[i].why);
	if (merged->nr_skipped && options->strict)
		return KM_EXIT_INCOMPLETE;
	return km_quality_status(options, &report->quality);
}

static struct km_error *merge(const struct km_options *options, const struct list *list,
			      enum km_exit *ret_status)
{
	struct km_merge_options merge_options = options->merge;
	const struct km_report *report;
	struct km_merge *sum;
	struct km_error *error;

	merge_options.thresholds = options->thresholds;
	error = km_merge_create(list->paths, list->nr, &merge_options, &sum);
	if (error)
		return error;
	report = km_merge_report(sum);
	if (!report->merged->reports)
		error = km_error_create(KM_ERR_INPUT, NULL, "none of %zu files is a report",
					list->nr);
	if (!error)
		error = write_report(options, report);
	if (!error)
		*ret_status = status_of(options, report);
	km_merge_destroy(sum);
	return error;
}

struct km_error *km_verb_merge_run(const struct km_options *options, enum km_exit *ret_status)
{
	struct list list = { 0 };
	struct km_error *error = make_list(options, &list);

	if (!error)
		error = merge(options, &list, ret_status);
	free(list.paths);
	free(list.text);
	return error;
}
