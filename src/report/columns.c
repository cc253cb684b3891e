/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The columns of call sites. */
#include "report/listings.h"
#include "report/types.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *km_callsite_row_name(const void *row, char *buf, size_t size)
{
	const struct km_callsite *site = row;

	return site->name;
}

static const char *text_address(const void *row, char *buf, size_t size)
{
	const struct km_callsite *site = row;

	snprintf(buf, size, "0x%" PRIx64, site->address);
	return buf;
}

static const char *text_symbol(const void *row, char *buf, size_t size)
{
	const struct km_callsite *site = row;

	return site->has_symbol ? site->symbol.name : "";
}

static const char *text_module(const void *row, char *buf, size_t size)
{
	const struct km_callsite *site = row;

	return site->has_symbol && site->symbol.module ? site->symbol.module : "";
}

static const char *text_event(const void *row, char *buf, size_t size)
{
	const struct km_callsite *site = row;

	return site->event;
}

static const char *text_layer(const void *row, char *buf, size_t size)
{
	const struct km_callsite *site = row;

	return site->layer;
}

const char *km_callsite_row_class(const void *row, char *buf, size_t size)
{
	const struct km_callsite *site = row;

	return site->size_class;
}

static const char *text_function(const void *row, char *buf, size_t size)
{
	const struct km_callsite *site = row;
	const struct km_chain *chain = &site->source;

	return chain->nr_frames && chain->frames[0].function ? chain->frames[0].function : "";
}

const char *km_callsite_row_source(const void *row, char *buf, size_t size)
{
	return km_callsite_source_text(row, buf, size);
}

/* Of several that it may be no name is given. */
static const char *text_type(const void *row, char *buf, size_t size)
{
	const struct km_type *type = km_callsite_type(row);

	if (!type)
		return "";
	if (type->form == KM_FORM_WHOLE)
		return type->name;
	snprintf(buf, size, "%s%s", type->name, type->form == KM_FORM_ARRAY ? "[]" : " + ...");
	return buf;
}

static uint64_t number_bytes(const void *row)
{
	const struct km_callsite *site = row;

	return site->bytes_alloc;
}

static uint64_t number_req(const void *row)
{
	const struct km_callsite *site = row;

	return site->bytes_req;
}

static uint64_t number_waste(const void *row)
{
	const struct km_callsite *site = row;

	return site->bytes_waste;
}

static uint64_t number_hit(const void *row)
{
	const struct km_callsite *site = row;

	return site->hits;
}

static uint64_t number_accounted(const void *row)
{
	const struct km_callsite *site = row;

	return site->accounted_hits;
}

static uint64_t number_sizes(const void *row)
{
	const struct km_callsite *site = row;

	return site->nr_sizes;
}

static double percent_frag(const void *row)
{
	const struct km_callsite *site = row;

	return site->frag_percent;
}

/* What pairing found; a call site without it has zeros. */
#define LIFE_NUMBER(column, member)                                                                \
	static uint64_t number_##column(const void *row)                                           \
	{                                                                                          \
		const struct km_callsite *site = row;                                              \
                                                                                                   \
		return site->life ? site->life->member : 0;                                        \
	}
LIFE_NUMBER(pingpong, pingpong)
LIFE_NUMBER(node_pingpong, node_pingpong)
LIFE_NUMBER(live, live)
LIFE_NUMBER(live_bytes, live_bytes)
LIFE_NUMBER(freed, freed)
LIFE_NUMBER(peak, peak_bytes)
LIFE_NUMBER(short_lived, short_lived)
LIFE_NUMBER(over_half, over_half)

static uint64_t number_lifetime(const void *row)
{
	const struct km_callsite *site = row;

	return site->life ? km_life_median_ns(site->life) : 0;
}

static bool has_freed(const void *row)
{
	const struct km_callsite *site = row;

	return site->life && site->life->freed;
}

static double real_byte_seconds(const void *row)
{
	const struct km_callsite *site = row;

	return site->life ? site->life->waste_byte_seconds : 0.0;
}

static double real_unit_hits(const void *row)
{
	const struct km_callsite *site = row;

	return site->hits_per_unit;
}

static double real_unit_bytes(const void *row)
{
	const struct km_callsite *site = row;

	return site->bytes_per_unit;
}

static uint64_t number_rest(const void *row)
{
	const struct km_callsite *site = row;

	return site->hits_rest;
}

static bool has_rest(const void *row)
{
	const struct km_callsite *site = row;

	return site->hits_rest != 0;
}

#define PER_UNIT .is_sortable = true, .is_default = true, .needs_per = true
#define PAIRED   .is_sortable = true, .needs_pairs = true
#define SHOWN    .is_sortable = true, .is_default = true
#define SORTABLE .is_sortable = true

/* Source lines are looked up for the rows that sorting has chosen: no sort by them. */
static const struct km_column columns[] = {
	{ "callsite", "Callsite", KM_COL_SITE, SHOWN, .text = km_callsite_row_name,
	  .help = "symbol+offset [module] of the call, or its address" },
	{ "bytes", "Total_alloc/Per", KM_COL_BYTES, SHOWN, .number = number_bytes,
	  .per = number_hit, .help = "bytes allocated, in total and per hit" },
	{ "req", "Total_req/Per", KM_COL_BYTES, SHOWN, .number = number_req, .per = number_hit,
	  .help = "bytes requested, in total and per hit" },
	{ "hit", "Hit", KM_COL_COUNT, SHOWN, .number = number_hit, .help = "allocations" },
	{ "unit-hits", "Hit/unit", KM_COL_REAL, PER_UNIT, .real = real_unit_hits, .decimals = 2,
	  .help = "hits divided by the number of units (with --per)" },
	{ "rest", "Rest", KM_COL_COUNT, PER_UNIT, .number = number_rest, .has = has_rest,
	  .help = "hits beyond a whole multiple of the number of units; empty if there are none "
		  "(with --per)" },
	{ "unit-bytes", "Alloc/unit", KM_COL_REAL, PER_UNIT, .real = real_unit_bytes,
	  .help = "bytes allocated, divided by the number of units (with --per)" },
	{ "pingpong", "Ping-pong", KM_COL_COUNT, PAIRED, .is_default = true,
	  .number = number_pingpong,
	  .help = "allocations that were freed on another CPU (with pairing)" },
	{ "frag", "Frag", KM_COL_PERCENT, SHOWN, .percent = percent_frag,
	  .help = "internal fragmentation: share of the allocated bytes that nobody asked for" },
	{ "waste", "Waste", KM_COL_BYTES, SHOWN, .number = number_waste,
	  .help = "bytes allocated and not requested" },
	{ "source", "File:line", KM_COL_SOURCE, .is_default = true, .text = km_callsite_row_source,
	  .help = "source line of the call (needs debug information)" },
	{ "function", "Function", KM_COL_TEXT, .text = text_function,
	  .help = "function at that line, which may be inlined into the symbol" },
	{ "type", "Type", KM_COL_TEXT, .needs_types = true, .text = text_type,
	  .help = "structure that is allocated, if the debug information makes that sure; + ... is "
		  "for what is behind it" },
	{ "symbol", "Symbol", KM_COL_TEXT, SORTABLE, .text = text_symbol, .help = "symbol alone" },
	{ "module", "Module", KM_COL_TEXT, SORTABLE, .text = text_module,
	  .help = "module alone, empty for the kernel itself" },
	{ "class", "Class", KM_COL_TEXT, SORTABLE, .text = km_callsite_row_class,
	  .help = "size class that most of the bytes are in" },
	{ "sizes", "Sizes", KM_COL_COUNT, SORTABLE, .number = number_sizes,
	  .help = "number of different sizes" },
	{ "accounted", "Accounted", KM_COL_COUNT, SORTABLE, .number = number_accounted,
	  .help = "hits charged to a memory cgroup" },
	{ "live", "Live", KM_COL_COUNT, PAIRED, .number = number_live,
	  .help = "allocations not freed when the trace ended" },
	{ "live-bytes", "Live_bytes", KM_COL_BYTES, PAIRED, .number = number_live_bytes,
	  .help = "their bytes, as allocated" },
	{ "freed", "Freed", KM_COL_COUNT, PAIRED, .number = number_freed,
	  .help = "allocations whose free is in the trace" },
	{ "peak", "Peak", KM_COL_BYTES, PAIRED, .number = number_peak,
	  .help = "most bytes that were live at once" },
	{ "lifetime", "Lifetime", KM_COL_NS, PAIRED, .number = number_lifetime, .has = has_freed,
	  .help = "median of the time from allocation to free; empty if nothing was freed" },
	{ "short-lived", "Short-lived", KM_COL_COUNT, PAIRED, .number = number_short_lived,
	  .help = "allocations freed within a short time (1 ms)" },
	{ "over-half", "Over_half", KM_COL_COUNT, PAIRED, .number = number_over_half,
	  .help = "allocations that lived longer than half of the trace" },
	{ "node-pingpong", "Node_ping-pong", KM_COL_COUNT, PAIRED, .number = number_node_pingpong,
	  .help = "allocations freed on a CPU of another NUMA node" },
	{ "byte-seconds", "Waste_byte*s", KM_COL_REAL, PAIRED, .real = real_byte_seconds,
	  .help = "bytes wasted times the seconds they were: what sits in memory, not what "
		  "passes through" },
	{ "event", "Event", KM_COL_TEXT, SORTABLE, .text = text_event,
	  .help = "kmalloc or kmem_cache_alloc" },
	{ "layer", "Layer", KM_COL_TEXT, SORTABLE, .text = text_layer, .help = "allocator: slab" },
	{ "address", "Address", KM_COL_TEXT, SORTABLE, .is_raw_ip = true, .text = text_address,
	  .help = "address of the call as traced" },
};

const void *km_callsite_rows(const struct km_report *report, size_t *ret_nr)
{
	*ret_nr = report->nr_callsites;
	return report->callsites;
}

int km_callsite_row_compare(const void *a, const void *b)
{
	return km_callsite_compare_name(a, b);
}

const struct km_callsite *km_callsite_row_itself(const void *row)
{
	return row;
}

static bool is_live(const void *row)
{
	const struct km_callsite *site = row;

	return site->life && site->life->live;
}

/* A path that is too long for the buffer keeps its end: that is where the line number is. */
const char *km_callsite_source_text(const struct km_callsite *site, char *buf, size_t size)
{
	const struct km_frame *frame = site->source.nr_frames ? &site->source.frames[0] : NULL;
	char line[16] = "";
	size_t len;

	if (!frame || !frame->file)
		return "";
	if (frame->line)
		snprintf(line, sizeof(line), ":%" PRIu32, frame->line);
	len = strlen(frame->file);
	if (len + strlen(line) < size)
		snprintf(buf, size, "%s%s", frame->file, line);
	else
		snprintf(buf, size, "...%s%s", frame->file + len - (size - strlen(line) - 4), line);
	return buf;
}

const struct km_listing km_listing_callsites = {
	.name = "caller",
	.rows_of = "call sites",
	.columns = columns,
	.nr_columns = sizeof(columns) / sizeof(columns[0]),
	.sort = "waste",
	.rows = km_callsite_rows,
	.row_size = sizeof(struct km_callsite),
	.compare = km_callsite_row_compare,
	.callsite = km_callsite_row_itself,
};

const struct km_listing km_listing_live = {
	.name = "live",
	.rows_of = "call sites",
	.columns = columns,
	.nr_columns = sizeof(columns) / sizeof(columns[0]),
	.sort = "live-bytes",
	.rows = km_callsite_rows,
	.row_size = sizeof(struct km_callsite),
	.is_listed = is_live,
	.compare = km_callsite_row_compare,
	.callsite = km_callsite_row_itself,
};
