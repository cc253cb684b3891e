/* SPDX-License-Identifier: GPL-2.0-or-later */
/* __print_flags(REC->gfp_flags, "|", {0xcc0, "GFP_KERNEL"}, ...) of a print format. */
#include "decode/flags.h"

#include <stdlib.h>
#include <string.h>
#include <traceevent/event-parse.h>

/* The first flag list among some arguments and what they are made of. */
static const struct tep_print_flag_sym *find_list(const struct tep_print_arg *arg)
{
	for (; arg; arg = arg->next) {
		const struct tep_print_flag_sym *found = NULL;

		if (arg->type == TEP_PRINT_FLAGS)
			return arg->flags.flags;
		if (arg->type == TEP_PRINT_OP) {
			found = find_list(arg->op.left);
			if (!found)
				found = find_list(arg->op.right);
		} else if (arg->type == TEP_PRINT_TYPE) {
			found = find_list(arg->typecast.item);
		}
		if (found)
			return found;
	}
	return NULL;
}

void km_flag_names_free(struct km_flag_name *names, size_t nr)
{
	for (size_t i = 0; names && i < nr; i++)
		free((char *)names[i].name);
	free(names);
}

struct km_error *km_flag_names_read(const struct tep_event *event, struct km_flag_name **ret,
				    size_t *ret_nr)
{
	const struct tep_print_flag_sym *list = find_list(event->print_fmt.args);
	struct km_flag_name *names;
	size_t room = 0, nr = 0;

	for (const struct tep_print_flag_sym *flag = list; flag; flag = flag->next)
		room++;
	names = calloc(room + 1, sizeof(*names));
	if (!names)
		return &km_error_memory;
	for (const struct tep_print_flag_sym *flag = list; flag; flag = flag->next) {
		/* libtraceevent evaluates the kernel's expressions, and writes them as "%lld" */
		uint64_t mask = flag->value ? strtoull(flag->value, NULL, 0) : 0;

		if (!mask || !flag->str)
			continue;
		names[nr] = (struct km_flag_name){ mask, strdup(flag->str) };
		if (!names[nr++].name) {
			km_flag_names_free(names, nr);
			return &km_error_memory;
		}
	}
	*ret = names;
	*ret_nr = nr;
	return NULL;
}
