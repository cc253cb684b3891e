/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the renderers of text for people share. */
#ifndef KMEMSTAT_RENDER_TEXT_H
#define KMEMSTAT_RENDER_TEXT_H

#include "base/utf8.h"
#include "kmemstat/render.h"

enum km_paint {
	KM_PAINT_NONE,
	KM_PAINT_BOLD,
	KM_PAINT_DIM,
	KM_PAINT_RED,
	KM_PAINT_YELLOW,
	KM_PAINT_CYAN,
};

/* Begins and ends a colour; both write nothing without options->use_color. */
void km_paint_begin(struct km_out *out, const struct km_render_options *options,
		    enum km_paint paint);
void km_paint_end(struct km_out *out, const struct km_render_options *options, enum km_paint paint);
enum km_paint km_paint_of_severity(enum km_finding_severity severity);

enum km_cut {
	KM_CUT_NEVER,
	KM_CUT_TAIL, /* "long na..." */
	KM_CUT_HEAD, /* "...lib/mesh.c:177": of paths the end matters */
	KM_CUT_SITE, /* "long_na...+0x4a [module]", or without the module: call sites */
};
/* A malloc'ed copy of `text` in at most `width` columns; NULL without memory. */
char *km_text_cut(const char *text, size_t width, enum km_cut cut);

/*
 * Writes `text` (made safe) and a newline, broken between words at `width` columns (0: not at
 * all). `column` is where the cursor is, further lines are indented by `indent`.
 */
void km_text_wrap(struct km_out *out, const char *text, size_t column, size_t indent, size_t width);

/* A line made in memory: printed to the stream, then wrapped. NULL notes the error in `out`. */
FILE *km_line_open(struct km_out *out, char **ret, size_t *ret_size);
/* Closes the stream, writes *text as km_text_wrap() does, and frees it. */
void km_line_write(struct km_out *out, FILE *stream, char **text, size_t column, size_t indent,
		   size_t width);

/*
 * A table: cells are added row by row, columns are as wide as their widest cell, and the
 * widest columns that may be cut are until all fits the width.
 */
struct km_table_column {
	const char *header; /* NULL in all columns: no header line */
	bool is_number;     /* right-aligned */
	bool drops;         /* left out if all its cells are empty */
	bool moves;         /* to a line below its row where the width is short */
	bool yields;        /* left out where the width is short */
	enum km_cut cut;
};

struct km_table {
	const struct km_table_column *columns;
	size_t nr_columns;
	char **cells;
	size_t nr_cells, size;
	bool is_out_of_memory; /* told by km_table_write() */
};

void km_table_init(struct km_table *table, const struct km_table_column *columns,
		   size_t nr_columns);
void km_table_deinit(struct km_table *table);
/* Adds the next cell, made safe. */
void km_table_add(struct km_table *table, const char *text);
void km_table_addf(struct km_table *table, const char *format, ...) KM_PRINTF(2, 3);
KM_MUST_CHECK struct km_error *km_table_write(const struct km_table *table,
					      const struct km_render_options *options,
					      size_t indent, struct km_out *out);

/* "net/mac80211/mesh.c:177", or "" without debug information. */
#define KM_SOURCE_SIZE 512
const char *km_source_text(const struct km_callsite *site, char buf[static KM_SOURCE_SIZE]);
/* The name of a call site: its address with raw_ip. */
#define KM_ADDRESS_SIZE 24
const char *km_callsite_text(const struct km_callsite *site,
			     const struct km_render_options *options,
			     char buf[static KM_ADDRESS_SIZE]);

/* A cell of a column that has text. */
const char *km_cell_text(const struct km_list *list, const struct km_column *column,
			 const void *row, const struct km_render_options *options,
			 char buf[static KM_SOURCE_SIZE]);
/* A table of a view, and how many rows it leaves out. */
KM_MUST_CHECK struct km_error *km_list_write(const struct km_report *report,
					     const struct km_list *list,
					     const struct km_render_options *options,
					     struct km_out *out);

/* What pairing found, behind the totals of a layer. */
void km_print_page_life(FILE *stream, const struct km_page_report *pages);
void km_print_percpu_life(FILE *stream, const struct km_percpu_report *percpu);

/* The lines "543,742 events: ..." and one for each note, loss and damage with its advice. */
void km_render_quality(const struct km_report *report, const struct km_render_options *options,
		       struct km_out *out);
/* The same with the totals of the layers, marked as lower bounds where they are. */
void km_render_totals(const struct km_report *report, const struct km_render_options *options,
		      struct km_out *out);

/*
 * What a report of counts without events (km_input_info.is_counts) tells and what it does not, as a
 * sentence without stop; malloc'ed, or NULL without memory.
 */
char *km_counts_text(const struct km_report *report);

/* A cell of comma-separated values, made safe, quoted where it has to be. */
void km_csv_write_text(struct km_out *out, const char *text);

/* Renderers, for the table in render.c. */
struct km_error *km_render_summary(const struct km_report *report,
				   const struct km_render_options *options, struct km_out *out);
/* The table options->list, and the totals. */
struct km_error *km_render_list(const struct km_report *report,
				const struct km_render_options *options, struct km_out *out);
struct km_error *km_render_page(const struct km_report *report,
				const struct km_render_options *options, struct km_out *out);
struct km_error *km_render_percpu(const struct km_report *report,
				  const struct km_render_options *options, struct km_out *out);
struct km_error *km_render_percpu_replay(const struct km_report *report,
					 const struct km_render_options *options,
					 struct km_out *out);
struct km_error *km_render_class(const struct km_report *report,
				 const struct km_render_options *options, struct km_out *out);
struct km_error *km_render_types(const struct km_report *report,
				 const struct km_render_options *options, struct km_out *out);
struct km_error *km_render_type(const struct km_report *report,
				const struct km_render_options *options, struct km_out *out);
struct km_error *km_render_types_json(const struct km_report *report,
				      const struct km_render_options *options, struct km_out *out);
struct km_error *km_render_json(const struct km_report *report,
				const struct km_render_options *options, struct km_out *out);
struct km_error *km_render_jsonl(const struct km_report *report,
				 const struct km_render_options *options, struct km_out *out);
struct km_error *km_render_collapsed(const struct km_report *report,
				     const struct km_render_options *options, struct km_out *out);
struct km_error *km_render_speedscope(const struct km_report *report,
				      const struct km_render_options *options, struct km_out *out);
struct km_error *km_render_pprof(const struct km_report *report,
				 const struct km_render_options *options, struct km_out *out);
struct km_error *km_render_openmetrics(const struct km_report *report,
				       const struct km_render_options *options, struct km_out *out);
struct km_error *km_render_markdown(const struct km_report *report,
				    const struct km_render_options *options, struct km_out *out);
struct km_error *km_render_csv(const struct km_report *report,
			       const struct km_render_options *options, struct km_out *out);
struct km_error *km_render_html(const struct km_report *report,
				const struct km_render_options *options, struct km_out *out);
struct km_error *km_render_live(const struct km_report *report,
				const struct km_render_options *options, struct km_out *out);
struct km_error *km_render_timeline(const struct km_report *report,
				    const struct km_render_options *options, struct km_out *out);
struct km_error *km_render_timeline_csv(const struct km_report *report,
					const struct km_render_options *options,
					struct km_out *out);
struct km_error *km_render_models(const struct km_report *report,
				  const struct km_render_options *options, struct km_out *out);
struct km_error *km_render_info(const struct km_report *report,
				const struct km_render_options *options, struct km_out *out);
/* Findings for other programs: see --format in kmemstat(1). */
struct km_error *km_render_sarif(const struct km_report *report,
				 const struct km_render_options *options, struct km_out *out);
struct km_error *km_render_junit(const struct km_report *report,
				 const struct km_render_options *options, struct km_out *out);
struct km_error *km_render_gitlab(const struct km_report *report,
				  const struct km_render_options *options, struct km_out *out);
struct km_error *km_render_github(const struct km_report *report,
				  const struct km_render_options *options, struct km_out *out);
struct km_error *km_render_checkstyle(const struct km_report *report,
				      const struct km_render_options *options, struct km_out *out);

#endif
