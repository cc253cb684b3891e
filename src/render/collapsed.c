/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Collapsed stacks, as flamegraph.pl, inferno and speedscope read them: a line for each stack, its
 * functions from the outermost on with semicolons between, a space, and a number. Functions that
 * are inlined end with "_[i]", which flamegraph.pl colours; the last name is the line of the call.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memstream.h"
#include "render/profile.h"
#include "render/text.h"

struct line {
	char *text;
	uint64_t value;
};

/* What separates names may be in none. */
static struct km_error *add_name(void *arg, char *name, const struct km_profile_place *place)
{
	FILE *stream = arg;

	if (!name)
		return &km_error_memory;
	for (char *p = name; (p = strchr(p, ';'));)
		*p = ':';
	fprintf(stream, "%s%s%s", ftell(stream) > 0 ? ";" : "", name,
		place && place->is_inlined ? "_[i]" : "");
	free(name);
	return NULL;
}

static struct km_error *make_text(const struct km_report *report, const struct km_stack_row *row,
				  char **ret)
{
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);
	struct km_error *error;

	if (!stream)
		return &km_error_memory;
	error = km_profile_walk(report, row, add_name, stream);
	if (!km_memstream_close(stream, &text))
		return &km_error_memory;
	if (error)
		free(text);
	else
		*ret = text;
	return error;
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(((const struct line *)a)->text, ((const struct line *)b)->text);
}

/* Stacks that look alike are one line. */
static void write_lines(struct line *lines, size_t nr, struct km_out *out)
{
	if (nr)
		qsort(lines, nr, sizeof(*lines), compare_lines);
	for (size_t i = 0; i < nr; i++) {
		uint64_t value = lines[i].value;

		while (i + 1 < nr && strcmp(lines[i].text, lines[i + 1].text) == 0)
			value = km_sat_add(value, lines[++i].value);
		km_out_printf(out, "%s %" PRIu64 "\n", lines[i].text, value);
	}
}

struct km_error *km_render_collapsed(const struct km_report *report,
				     const struct km_render_options *options, struct km_out *out)
{
	const struct km_stack_report *stacks = report->stacks;
	struct line *lines = calloc(stacks->nr_rows + 1, sizeof(*lines));
	struct km_error *error = NULL;
	size_t nr = 0;

	if (!lines)
		return &km_error_memory;
	for (size_t i = 0; !error && i < stacks->nr_rows; i++) {
		const struct km_stack_row *row = &stacks->rows[i];
		const uint64_t value = km_profile_value_of(row, options->value);

		if (!value || !km_profile_is_of(report, options, row->layer))
			continue;
		lines[nr].value = value;
		error = make_text(report, row, &lines[nr].text);
		if (!error)
			nr++;
	}
	if (!error)
		write_lines(lines, nr, out);
	for (size_t i = 0; i < nr; i++)
		free(lines[i].text);
	free(lines);
	return error;
}
