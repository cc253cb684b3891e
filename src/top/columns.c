/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The columns of the board, which views have them, and how cells are written. */
#include "top/board.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define NUMBER(name, value)                                                                        \
	static double number_##name(const struct km_top_row *row)                                  \
	{                                                                                          \
		return (double)(value);                                                            \
	}
NUMBER(rate, row->hits_rate)
NUMBER(bytes_rate, row->bytes_rate)
NUMBER(waste_rate, row->waste_rate)
NUMBER(waste, row->bytes_waste)
NUMBER(bytes, row->bytes_alloc)
NUMBER(live, row->live_bytes)
NUMBER(objects, row->live)
NUMBER(growth, row->growth)
NUMBER(since, row->growth_since)
NUMBER(frag, row->frag_percent)
NUMBER(hits, row->hits)
NUMBER(peak, row->peak_bytes)
NUMBER(lifetime, row->lifetime_ns)
NUMBER(sites, row->nr_sites)
/* the gravest first, as the most is in other columns */
NUMBER(rank, -(double)row->rank)

static const char *text_name(const struct km_top_row *row)
{
	return row->name;
}

static const char *text_class(const struct km_top_row *row)
{
	return row->size_class;
}

static const char *text_rule(const struct km_top_row *row)
{
	return row->rule;
}

static const char *text_severity(const struct km_top_row *row)
{
	return km_finding_severity_name(row->severity);
}

static bool has_lifetime(const struct km_top_row *row)
{
	return row->lifetime_ns != 0;
}

enum {
	RATE,
	BYTES_RATE,
	WASTE_RATE,
	WASTE,
	LIVE,
	GROWTH,
	SINCE,
	OBJECTS,
	PEAK,
	LIFETIME,
	FRAG,
	HITS,
	BYTES,
	SITES,
	CLASS,
	SEVERITY,
	RULE,
	NAME,
	NR_COLUMNS,
	END = -1,
};

const struct km_top_column_info km_top_column_infos[] = {
	[RATE] = { { "rate", "ALLOC/s", 'A', "allocations a second" },
		   KM_CELL_COUNT,
		   7,
		   .number = number_rate },
	[BYTES_RATE] = { { "bytes-rate", "BYTES/s", 'B', "bytes allocated a second" },
			 KM_CELL_BYTES,
			 7,
			 .number = number_bytes_rate },
	[WASTE_RATE] = { { "waste-rate", "WASTE/s", 'W',
			   "bytes a second that were allocated and not requested" },
			 KM_CELL_BYTES,
			 7,
			 .number = number_waste_rate },
	[WASTE] = { { "waste", "WASTE", 'T', "the same in total, since the beginning" },
		    KM_CELL_BYTES,
		    7,
		    .number = number_waste },
	[LIVE] = { { "live", "LIVE", 'L', "bytes that are allocated and not freed" },
		   KM_CELL_BYTES,
		   7,
		   .needs_lives = true,
		   .number = number_live },
	[GROWTH] = { { "growth", "GROWTH", 'G', "how much that grew since the frame before" },
		     KM_CELL_GROWTH,
		     7,
		     .needs_lives = true,
		     .number = number_growth },
	[SINCE] = { { "since", "SINCE", 'S',
		      "how much it grew since the first frame, or since the key 0" },
		    KM_CELL_GROWTH,
		    7,
		    .needs_lives = true,
		    .number = number_since },
	[OBJECTS] = { { "objects", "OBJECTS", 'O', "allocations that are not freed" },
		      KM_CELL_COUNT,
		      7,
		      .needs_lives = true,
		      .number = number_objects },
	[PEAK] = { { "peak", "PEAK", 'P', "the most bytes that were live at once" },
		   KM_CELL_BYTES,
		   7,
		   .needs_lives = true,
		   .number = number_peak },
	[LIFETIME] = { { "lifetime", "LIFETIME", 'M',
			 "median time from allocation to free, of what was freed" },
		       KM_CELL_NS,
		       8,
		       .needs_lives = true,
		       .number = number_lifetime,
		       .has = has_lifetime },
	[FRAG] = { { "frag", "FRAG", 'F', "share of the allocated bytes that nobody asked for" },
		   KM_CELL_PERCENT,
		   6,
		   .number = number_frag },
	[HITS] = { { "hit", "HITS", 'H', "allocations since the beginning" },
		   KM_CELL_COUNT,
		   7,
		   .number = number_hits },
	[BYTES] = { { "bytes", "BYTES", 'Y', "bytes allocated since the beginning" },
		    KM_CELL_BYTES,
		    7,
		    .number = number_bytes },
	[SITES] = { { "sites", "SITES", 'I', "different call sites" },
		    KM_CELL_COUNT,
		    6,
		    .number = number_sites },
	[CLASS] = { { "class", "CLASS", 'C', "size class that most of the bytes are in" },
		    KM_CELL_TEXT,
		    12,
		    .text = text_class },
	[SEVERITY] = { { "severity", "SEVERITY", 'V', "of findings, the gravest first" },
		       KM_CELL_TEXT,
		       8,
		       .number = number_rank,
		       .text = text_severity },
	[RULE] = { { "rule", "RULE", 'R', "what kind of finding it is" },
		   KM_CELL_TEXT,
		   13,
		   .text = text_rule },
	[NAME] = { { "name", "NAME", 'N', "by name" }, KM_CELL_TEXT, 0, .text = text_name },
};

_Static_assert(sizeof(km_top_column_infos) / sizeof(km_top_column_infos[0]) == NR_COLUMNS,
	       "all columns are there");

static const int caller_columns[] = { WASTE_RATE, RATE,     BYTES_RATE, WASTE, LIVE,  GROWTH,
				      FRAG,       LIFETIME, SINCE,      HITS,  CLASS, END };
static const int class_columns[] = { WASTE_RATE, RATE,  BYTES_RATE, WASTE, FRAG,
				     HITS,       BYTES, SITES,      END };
static const int cache_columns[] = { WASTE_RATE, RATE, BYTES_RATE, WASTE, LIVE,  GROWTH,
				     SINCE,      FRAG, HITS,       BYTES, SITES, END };
static const int live_columns[] = {
	LIVE, GROWTH, SINCE, OBJECTS, PEAK, RATE, LIFETIME, CLASS, END
};
static const int finding_columns[] = { SEVERITY, RULE, WASTE, END };

const struct km_top_layout *km_top_layout_of(enum km_top_view view)
{
	static const struct km_top_layout layouts[KM_NR_TOP_VIEWS] = {
		[KM_TOP_CALLERS] = { "call sites", "CALL SITE", caller_columns, WASTE_RATE, false,
				     true },
		[KM_TOP_CLASSES] = { "size classes", "SIZE CLASS", class_columns, WASTE_RATE, false,
				     false },
		[KM_TOP_CACHES] = { "caches", "CACHE", cache_columns, WASTE_RATE, false, false },
		[KM_TOP_LIVE] = { "live", "CALL SITE", live_columns, LIVE, false, true },
		[KM_TOP_FINDINGS] = { "findings", "CALL SITE", finding_columns, SEVERITY, true,
				      false },
	};

	return &layouts[view];
}

const char *km_top_view_name(enum km_top_view view)
{
	static const char *const names[KM_NR_TOP_VIEWS] = { "callers", "classes", "caches", "live",
							    "findings" };

	return names[view];
}

const struct km_top_column *km_top_column_at(size_t index)
{
	return index < NR_COLUMNS ? &km_top_column_infos[index].public : NULL;
}

int km_top_column_place(enum km_top_view view, int column)
{
	const struct km_top_layout *layout = km_top_layout_of(view);

	for (int i = 0; layout->columns[i] != END; i++)
		if (layout->columns[i] == column)
			return i;
	return -1;
}

int km_top_column_find(enum km_top_view view, const char *key, char letter)
{
	for (int i = 0; i < NR_COLUMNS; i++) {
		const struct km_top_column *column = &km_top_column_infos[i].public;

		if (key ? strcmp(column->key, key) != 0 : column->letter != letter)
			continue;
		return i == NAME || km_top_column_place(view, i) >= 0 ? i : -1;
	}
	return -1;
}

/* Three digits and a letter: 1.23k, 12.3k, 123k; what is below 10000 is written out. */
static void scaled_text(double number, double step, const char *letters, char *buf, size_t size)
{
	size_t power = 0;

	if (number < 9999.5) {
		const bool is_whole = number >= 99.95 || number == floor(number);

		snprintf(buf, size, "%.*f", is_whole ? 0 : 1, number);
		return;
	}
	while (number >= 999.5 && letters[power]) {
		number /= step;
		power++;
	}
	snprintf(buf, size, "%.*f%c",
		 number < 9.995   ? 2
		 : number < 99.95 ? 1
				  : 0,
		 number, letters[power - 1]);
}

const char *km_top_count_text(double number, char buf[static KM_CELL_SIZE])
{
	scaled_text(number, 1000, "kMGTPE", buf, KM_CELL_SIZE);
	return buf;
}

const char *km_top_bytes_text(double bytes, char buf[static KM_CELL_SIZE])
{
	scaled_text(bytes, 1024, "KMGTPE", buf, KM_CELL_SIZE);
	return buf;
}

const char *km_top_growth_text(double bytes, char buf[static KM_CELL_SIZE])
{
	if (bytes == 0.0)
		return "0";
	buf[0] = bytes < 0 ? '-' : '+';
	scaled_text(fabs(bytes), 1024, "KMGTPE", buf + 1, KM_CELL_SIZE - 1);
	return buf;
}

const char *km_top_cell(const struct km_top_column_info *column, const struct km_top_row *row,
			char buf[static KM_CELL_SIZE])
{
	if (column->has && !column->has(row))
		return "";
	switch (column->cell) {
	case KM_CELL_TEXT:
		return column->text(row);
	case KM_CELL_COUNT:
		return km_top_count_text(column->number(row), buf);
	case KM_CELL_BYTES:
		return km_top_bytes_text(column->number(row), buf);
	case KM_CELL_GROWTH:
		return km_top_growth_text(column->number(row), buf);
	case KM_CELL_PERCENT:
		snprintf(buf, KM_CELL_SIZE, "%.1f%%", column->number(row));
		return buf;
	case KM_CELL_NS:
		return km_human_ns((uint64_t)column->number(row), buf);
	}
	return "";
}

bool km_top_column_is_letter(char letter)
{
	for (int i = 0; i < NR_COLUMNS; i++)
		if (letter && km_top_column_infos[i].public.letter == letter)
			return true;
	return false;
}
