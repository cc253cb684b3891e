/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/collecting.h"

#include <stdlib.h>
#include <string.h>

#include "base/cpunodes.h"
#include "base/memstream.h"
#include "cli/terminal.h"
#include "kmemstat/render.h"

/* --pid: numbers, or "command", with commas between. */
static struct km_error *parse_pids(const char *text, const struct km_command *command, int32_t *ret,
				   size_t *ret_nr)
{
	static const char word[] = "command";
	const char *at = text;
	uint32_t pid;

	for (*ret_nr = 0;; at++) {
		if (strncmp(at, word, strlen(word)) == 0) {
			if (!command->pid)
				return km_error_advise(
					km_error_create(KM_ERR_USAGE, NULL,
							"--pid command: there is none"),
					"give the command behind --");
			pid = (uint32_t)command->pid;
			at += strlen(word);
		} else if (!km_decimal_read(&at, INT32_MAX, &pid) || !pid) {
			break;
		}
		ret[(*ret_nr)++] = (int32_t)pid;
		if (!*at)
			return NULL;
		if (*at != ',')
			break;
	}
	return km_error_advise(
		km_error_create(KM_ERR_USAGE, NULL, "--pid: \"%s\" is no list of processes", text),
		"give their numbers, as 1,4711, or the word command");
}

/* The events that do not have the fields of --filter. */
static void say_left_out(const struct km_options *options, const struct km_instance *instance)
{
	size_t nr, size;
	const char *const *names = km_instance_left_out(instance, &nr);
	char *list = NULL;
	FILE *stream;

	if (!nr || options->quiet || !(stream = open_memstream(&list, &size)))
		return;
	for (size_t i = 0; i < nr; i++)
		fprintf(stream, "%s%s", i ? ", " : "", names[i]);
	if (km_memstream_close(stream, &list))
		km_say("not recorded, as they have not the fields of --filter: %s", list);
	free(list);
}

struct km_error *km_collecting_create(const struct km_options *options,
				      const struct km_command *command, struct km_instance **ret)
{
	const char *pids = options->filter.pids;
	struct km_instance_options wanted = {
		.events = options->record_events,
		.filter = options->kernel_filter,
		.buffer_kib = options->buffer_kib,
		.stacks = options->stacks,
	};
	struct km_error *error = NULL;
	int32_t *list = NULL;

	if (pids) {
		list = calloc(strlen(pids) + 1, sizeof(*list));
		if (!list)
			return &km_error_memory;
		error = parse_pids(pids, command, list, &wanted.nr_pids);
		wanted.pids = list;
	}
	if (!error)
		error = km_instance_create(&wanted, ret);
	free(list);
	if (!error)
		say_left_out(options, *ret);
	return error;
}

const char *km_collecting_needs_events(const struct km_options *options)
{
	for (unsigned int i = 0; i < options->nr_views; i++) {
		const struct km_renderer *view = km_renderer_find(options->views[i]);

		if (view->needs_pairs || strcmp(view->name, "cache") == 0 ||
		    strcmp(view->name, "task") == 0 || strcmp(view->name, "alloc") == 0)
			return view->name;
	}
	if (options->replay)
		return "replay";
	if (options->stacks)
		return "stacks";
	return NULL;
}

/* Whether counts are taken; says so if nobody said which way. */
static struct km_error *choose(const struct km_options *options, const struct km_instance *instance,
			       bool *ret_is_hist)
{
	const bool is_there = km_hist_is_supported(instance);
	const char *needs = km_collecting_needs_events(options);
	const bool has_filter = !km_filter_spec_is_empty(&options->filter);

	if (options->hist && options->raw)
		return km_error_advise(km_error_create(KM_ERR_USAGE, NULL, "--hist and --raw"),
				       "choose one");
	if (options->hist && needs)
		return km_error_advise(km_error_create(KM_ERR_USAGE, NULL,
						       "--%s needs every event, and --hist has "
						       "counts",
						       needs),
				       "leave out --hist");
	if (options->hist && has_filter)
		return km_error_advise(km_error_create(KM_ERR_USAGE, NULL,
						       "counts of --hist cannot be filtered "
						       "afterwards"),
				       "have the kernel filter, with --filter and --pid, or leave "
				       "out --hist");
	*ret_is_hist = options->hist ||
		       (!options->raw && is_there && options->no_pairing && !needs && !has_filter);
	if (options->quiet || options->hist || options->raw || !is_there)
		return NULL;
	if (*ret_is_hist)
		km_say("the kernel counts events (hist triggers), as nothing that is asked for "
		       "needs single ones; --raw reads them");
	else
		km_say("reading every event, for what lives and how long; --hist has the kernel "
		       "count them, so that none is lost");
	return NULL;
}

struct km_error *km_collecting_open(struct km_options *options, struct km_instance *instance,
				    const struct km_source_options *source_options, double period_s,
				    struct km_collecting *ret, struct km_source **ret_source)
{
	const struct km_hist_options hist_options = { .entries = options->hist_entries };
	struct km_collecting collecting = { .instance = instance };
	bool is_hist = false;
	struct km_error *error = choose(options, instance, &is_hist);

	if (!error && is_hist)
		error = km_hist_create(instance, &hist_options, &collecting.hist);
	if (error)
		return error;
	if (is_hist) {
		options->no_pairing = true;
		error = km_source_open_hist(instance, collecting.hist, source_options, period_s,
					    ret_source);
	} else {
		error = km_source_open_instance(instance, source_options, ret_source);
	}
	if (!error)
		*ret = collecting;
	return error;
}

struct km_error *km_collecting_start(const struct km_collecting *collecting)
{
	return collecting->hist ? km_hist_start(collecting->hist)
				: km_instance_start(collecting->instance);
}
