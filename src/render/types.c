/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The types that are allocated, as a table; and one of them, member by member. */
#include "render/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INDENT = 4 };

static uint64_t sum_of_hits(const struct km_report *report)
{
	uint64_t hits = 0;

	for (size_t i = 0; i < report->nr_types; i++)
		hits = km_sat_add(hits, report->types[i].hits);
	return hits;
}

struct km_error *km_render_types(const struct km_report *report,
				 const struct km_render_options *options, struct km_out *out)
{
	const char *release = report->input->kernel_release;
	char known[KM_GROUPED_SIZE], all[KM_GROUPED_SIZE], *line = NULL;
	struct km_error *error;
	size_t size = 0;
	FILE *stream;

	if (report->nr_types) {
		error = km_list_write(report, &options->view->lists[KM_LIST_TYPES], options, out);
		if (error)
			return error;
		km_out_puts(out, "\n");
	}
	stream = km_line_open(out, &line, &size);
	if (!stream)
		return NULL;
	fprintf(stream, "types are known of %s of %s allocations",
		km_grouped(sum_of_hits(report), known), km_grouped(report->slab.allocs, all));
	if (!report->nr_types)
		fprintf(stream,
			": --vmlinux FILE and --debug-dir DIR take the debug information of the "
			"traced kernel%s%s",
			release ? ", " : "", release ? release : "");
	km_line_write(out, stream, &line, 0, 2, options->width);
	return NULL;
}

/* "12", of bit fields "12.3": the bit in its byte. */
static void add_offset(struct km_table *table, const struct km_member *member)
{
	if (member->bits)
		km_table_addf(table, "%" PRIu64 ".%" PRIu32, member->offset, member->bit_offset);
	else
		km_table_addf(table, "%" PRIu64, member->offset);
}

static void add_member(struct km_table *table, const struct km_member *member)
{
	const int indent = 2 * (int)member->depth;

	add_offset(table, member);
	if (member->bits)
		km_table_add(table, "");
	else
		km_table_addf(table, "%" PRIu64, member->bytes);
	km_table_addf(table, "%*s%s", indent, "", member->declaration);
}

static void add_unused(struct km_table *table, uint64_t offset, uint64_t bytes, uint32_t depth,
		       const char *what)
{
	km_table_addf(table, "%" PRIu64, offset);
	km_table_addf(table, "%" PRIu64, bytes);
	km_table_addf(table, "%*s(%s)", 2 * (int)depth, "", what);
}

/* Holes of members whose own members follow them come behind those. */
static void add_holes_above(struct km_table *table, const struct km_layout *layout, size_t i,
			    uint32_t next_depth)
{
	const struct km_member *members = layout->members;

	for (size_t j = i + 1; j-- > 0;) {
		const struct km_member *member = &members[j];

		/* what contains member i, from the inside out */
		if (j < i && (!member->opens || member->depth >= members[i].depth))
			continue;
		if (member->depth < next_depth)
			return;
		if (member->hole)
			add_unused(table, member->offset + member->bytes, member->hole,
				   member->depth, "hole");
		if (!member->depth)
			return;
	}
}

static struct km_error *write_members(const struct km_layout *layout,
				      const struct km_render_options *options, struct km_out *out)
{
	static const struct km_table_column columns[] = {
		{ .header = "Offset", .is_number = true },
		{ .header = "Size", .is_number = true },
		{ .header = "Member", .cut = KM_CUT_TAIL },
	};
	struct km_table table;
	struct km_error *error;

	km_table_init(&table, columns, 3);
	for (size_t i = 0; i < layout->nr_members; i++) {
		const uint32_t next_depth =
			i + 1 < layout->nr_members ? layout->members[i + 1].depth : 0;

		add_member(&table, &layout->members[i]);
		if (next_depth <= layout->members[i].depth)
			add_holes_above(&table, layout, i, next_depth);
	}
	if (layout->bytes_padding)
		add_unused(&table, layout->bytes - layout->bytes_padding, layout->bytes_padding, 0,
			   "padding");
	error = km_table_write(&table, options, INDENT, out);
	km_table_deinit(&table);
	return error;
}

static void print_form(FILE *stream, const struct km_type *type)
{
	switch (type->form) {
	case KM_FORM_WHOLE:
		return;
	case KM_FORM_FLEX:
		fprintf(stream, ", with elements of %s[]", type->member ? type->member : "");
		return;
	case KM_FORM_PRIVATE:
		fputs(", with more behind it", stream);
		return;
	case KM_FORM_ARRAY:
		fputs(", as an array", stream);
		return;
	}
}

static void write_row(const struct km_report_type *row, const struct km_render_options *options,
		      struct km_out *out)
{
	char grouped[KM_GROUPED_SIZE], human[KM_HUMAN_SIZE], source[KM_SOURCE_SIZE];
	char address[KM_ADDRESS_SIZE], *line = NULL;
	const struct km_type *type = row->type;
	size_t size = 0;
	FILE *stream = km_line_open(out, &line, &size);

	if (!stream)
		return;
	fprintf(stream, "%s: %" PRIu64 " bytes", type->name, type->bytes);
	if (type->layout)
		fprintf(stream, ", aligned to %" PRIu64, type->layout->align);
	fprintf(stream, "; %s allocated", km_grouped(row->hits, grouped));
	print_form(stream, type);
	fprintf(stream, ", out of %s, %s wasted, ", row->size_class,
		km_human_bytes(row->bytes_waste, human));
	if (*km_source_text(row->callsite, source))
		fprintf(stream, "%s, ", source);
	fputs(km_callsite_text(row->callsite, options, address), stream);
	if (row->nr_sites > 1)
		fprintf(stream, " and %" PRIu64 " more", row->nr_sites - 1);
	km_line_write(out, stream, &line, 0, INDENT, options->width);
}

static struct km_error *write_type(const struct km_report_type *row,
				   const struct km_render_options *options, struct km_out *out)
{
	struct km_error *error = NULL;

	write_row(row, options, out);
	if (row->type->layout)
		error = write_members(row->type->layout, options, out);
	if (!error && *row->advice)
		km_text_wrap(out, row->advice, 0, INDENT, options->width);
	return error;
}

struct km_error *km_render_type(const struct km_report *report,
				const struct km_render_options *options, struct km_out *out)
{
	struct km_error *error = NULL;
	bool is_first = true;

	for (size_t i = 0; !error && i < report->nr_types; i++) {
		const struct km_report_type *row = &report->types[i];

		if (options->type && !km_type_is_called(row->type, options->type))
			continue;
		if (!is_first)
			km_out_puts(out, "\n");
		is_first = false;
		error = write_type(row, options, out);
	}
	if (is_first)
		km_out_puts(out, "no such type is known to be allocated\n");
	return error;
}
