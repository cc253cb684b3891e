/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/collecting.h"

#include <stdlib.h>
#include <string.h>

#include "base/cpunodes.h"
#include "base/memstream.h"
#include "cli/terminal.h"

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
