/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of percpu objects. */
#include "report/listings.h"

#include <string.h>

static const char *text_callsite(const void *row, char *buf, size_t size)
{
	const struct km_percpu_row *object = row;

	return object->callsite ? object->callsite->name : "-";
}

/* Call sites have such columns. */
static const char *text_of_site(const void *row, const char *key, char *buf, size_t size)
{
	const struct km_percpu_row *object = row;

	return object->callsite ? km_column_find(&km_listing_callsites, key, strlen(key))
					  ->text(object->callsite, buf, size)
				: "";
}

static const char *text_source(const void *row, char *buf, size_t size)
{
	return text_of_site(row, "source", buf, size);
}

static const char *text_function(const void *row, char *buf, size_t size)
{
	return text_of_site(row, "function", buf, size);
}

static const char *text_module(const void *row, char *buf, size_t size)
{
	return text_of_site(row, "module", buf, size);
}

#define PERCPU_NUMBER(column, member)                                                              \
	static uint64_t number_##column(const void *row)                                           \
	{                                                                                          \
		const struct km_percpu_row *object = row;                                          \
                                                                                                   \
		return object->member;                                                             \
	}
PERCPU_NUMBER(hit, hits)
PERCPU_NUMBER(size, size)
PERCPU_NUMBER(align, align)
PERCPU_NUMBER(req, bytes_req)
PERCPU_NUMBER(bytes, bytes)
PERCPU_NUMBER(extra, bytes_extra)
PERCPU_NUMBER(live, live)
PERCPU_NUMBER(live_bytes, bytes_live)
PERCPU_NUMBER(freed, freed)
PERCPU_NUMBER(replaced, replaced)
PERCPU_NUMBER(failed, failed)
PERCPU_NUMBER(reserved, reserved)
PERCPU_NUMBER(atomic, atomic)
PERCPU_NUMBER(accounted, accounted)

static bool has_bytes(const void *row)
{
	const struct km_percpu_row *object = row;

	return object->has_bytes;
}

static bool has_extra(const void *row)
{
	const struct km_percpu_row *object = row;

	return object->has_extra;
}

#define SHOWN    .is_sortable = true, .is_default = true
#define SORTABLE .is_sortable = true

static const struct km_column columns[] = {
	{ "callsite", "Callsite", KM_COL_SITE, SHOWN, .text = text_callsite,
	  .help = "symbol+offset [module] of the call; before Linux 5.19, whose event has none, "
		  "out of the stack, and - without one" },
	{ "bytes", "All_CPUs", KM_COL_BYTES, SHOWN, .number = number_bytes, .has = has_bytes,
	  .help = "bytes on all CPUs, with what the kernel keeps for the objects beside; empty "
		  "before Linux 5.19, which does not tell" },
	{ "hit", "Hit", KM_COL_COUNT, SHOWN, .number = number_hit, .help = "allocations" },
	{ "size", "Size", KM_COL_BYTES, SHOWN, .number = number_size,
	  .help = "bytes of an object on one CPU, as the kernel rounded them up" },
	{ "align", "Align", KM_COL_BYTES, SHOWN, .number = number_align, .help = "its alignment" },
	{ "extra", "Extra", KM_COL_BYTES, SHOWN, .number = number_extra, .has = has_extra,
	  .help = "part of the bytes that is not size x CPUs: the memory cgroup of each four "
		  "bytes; empty where the number of CPUs is not known" },
	{ "live-bytes", "Live_bytes", KM_COL_BYTES, SHOWN, .number = number_live_bytes,
	  .has = has_bytes, .help = "bytes on all CPUs not freed when the trace ended" },
	{ "live", "Live", KM_COL_COUNT, SHOWN, .number = number_live,
	  .help = "objects not freed when the trace ended" },
	{ "req", "Total_req", KM_COL_BYTES, SORTABLE, .number = number_req,
	  .help = "bytes on one CPU: size x hits" },
	{ "freed", "Freed", KM_COL_COUNT, SORTABLE, .number = number_freed,
	  .help = "objects whose free is in the trace" },
	{ "replaced", "Replaced", KM_COL_COUNT, SORTABLE, .number = number_replaced,
	  .help = "objects allocated again without a free between" },
	{ "failed", "Failed", KM_COL_COUNT, SORTABLE, .number = number_failed,
	  .help = "allocations that failed: not in hit and bytes" },
	{ "reserved", "Reserved", KM_COL_COUNT, SORTABLE, .number = number_reserved,
	  .help = "hits in the part of the first chunk that is reserved for modules" },
	{ "atomic", "Atomic", KM_COL_COUNT, SORTABLE, .number = number_atomic,
	  .help = "hits that could not sleep" },
	{ "accounted", "Accounted", KM_COL_COUNT, SORTABLE, .number = number_accounted,
	  .help = "hits charged to a memory cgroup" },
	{ "source", "File:line", KM_COL_SOURCE, .is_default = true, .text = text_source,
	  .help = "source line of the call (needs debug information)" },
	{ "function", "Function", KM_COL_TEXT, .text = text_function,
	  .help = "function at that line, which may be inlined into the symbol" },
	{ "module", "Module", KM_COL_TEXT, SORTABLE, .text = text_module,
	  .help = "module of the call site; empty for the kernel itself" },
};

static const void *rows_percpu(const struct km_report *report, size_t *ret_nr)
{
	*ret_nr = report->percpus ? report->percpus->nr_rows : 0;
	return report->percpus ? report->percpus->rows : NULL;
}

static const struct km_callsite *callsite_of(const void *row)
{
	const struct km_percpu_row *object = row;

	return object->callsite;
}

const struct km_listing km_listing_percpu = {
	.name = "percpu",
	.rows_of = "rows",
	.columns = columns,
	.nr_columns = sizeof(columns) / sizeof(columns[0]),
	.sort = "bytes,req",
	.rows = rows_percpu,
	.row_size = sizeof(struct km_percpu_row),
	.compare = km_percpu_row_compare,
	.callsite = callsite_of,
};
