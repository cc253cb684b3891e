/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * event_formats_oracle FILE...: the fields and flag names that kmemstat reads out of format files
 * of the kernel, against libtraceevent's.
 */
#include <event-parse.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode/flags.h"

static unsigned int nr_fields, nr_flags, nr_wrong;

static char *read_file(const char *path, size_t *ret_size)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t room = 0;
	ssize_t size = file ? getdelim(&text, &room, 0, file) : -1;

	if (size < 0) {
		fprintf(stderr, "%s: cannot be read\n", path);
		exit(2);
	}
	fclose(file);
	*ret_size = (size_t)size;
	return text;
}

static void expect(bool is_right, const char *path, const char *what, const char *name)
{
	if (is_right)
		return;
	printf("%s: %s %s differs\n", path, what, name);
	nr_wrong++;
}

static void check_fields(const char *path, struct km_span text, struct tep_event *event)
{
	struct km_span line;
	struct km_format_field field;
	unsigned int nr = 0;
	bool is_good;

	while (km_span_next_line(&text, &line)) {
		char *name;
		struct tep_format_field *other;

		if (!km_format_field_line(line, &field, &is_good))
			continue;
		name = strndup(is_good ? field.name.at : "?", is_good ? field.name.len : 1);
		other = tep_find_any_field(event, name);
		expect(other && other->offset == (int)field.offset &&
			       other->size == (int)field.size,
		       path, "field", name);
		free(name);
		nr++;
	}
	expect((int)nr == event->format.nr_common + event->format.nr_fields, path, "number of",
	       "fields");
	nr_fields += nr;
}

/* The first flag list among some arguments and what they are made of. */
static const struct tep_print_flag_sym *find_list(const struct tep_print_arg *arg)
{
	const struct tep_print_flag_sym *found = NULL;

	for (; arg && !found; arg = arg->next) {
		if (arg->type == TEP_PRINT_FLAGS)
			return arg->flags.flags;
		if (arg->type == TEP_PRINT_OP) {
			found = find_list(arg->op.left);
			if (!found)
				found = find_list(arg->op.right);
		} else if (arg->type == TEP_PRINT_TYPE) {
			found = find_list(arg->typecast.item);
		}
	}
	return found;
}

static void check_flags(const char *path, struct km_span text, const struct tep_event *event)
{
	const struct tep_print_flag_sym *other = find_list(event->print_fmt.args);
	struct km_flag_name *names;
	size_t nr;

	if (km_flag_names_read(text, &names, &nr))
		exit(2);
	for (size_t i = 0; i < nr; i++) {
		while (other && !strtoull(other->value, NULL, 0))
			other = other->next;
		expect(other && strcmp(other->str, names[i].name) == 0 &&
			       strtoull(other->value, NULL, 0) == names[i].mask,
		       path, "flag", names[i].name);
		other = other ? other->next : NULL;
	}
	while (other && !strtoull(other->value, NULL, 0))
		other = other->next;
	expect(!other, path, "flag", other ? other->str : "");
	nr_flags += nr;
	km_flag_names_free(names, nr);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct tep_handle *tep = tep_alloc();
		struct tep_event *event;
		size_t size;
		char *text = read_file(argv[i], &size);

		tep_set_loglevel(TEP_LOG_NONE);
		event = tep_parse_event(tep, text, size, "system") ? NULL
								   : tep_get_first_event(tep);
		if (!event) {
			printf("%s: libtraceevent cannot read it\n", argv[i]);
			return 2;
		}
		check_fields(argv[i], (struct km_span){ text, size }, event);
		check_flags(argv[i], (struct km_span){ text, size }, event);
		tep_free(tep);
		free(text);
	}
	printf("%d formats: %u fields, %u flags, %u wrong\n", argc - 1, nr_fields, nr_flags,
	       nr_wrong);
	return nr_wrong || nr_fields < 100 || nr_flags < 100;
}
