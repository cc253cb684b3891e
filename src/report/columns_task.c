/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The columns of tasks. */
#include "report/listings.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NUMBER(column, member)                                                                     \
	static uint64_t number_##column(const void *row)                                           \
	{                                                                                          \
		const struct km_report_task *item = row;                                           \
                                                                                                   \
		return item->member;                                                               \
	}
NUMBER(hit, sum.hits)
NUMBER(bytes, sum.bytes_alloc)
NUMBER(req, sum.bytes_req)
NUMBER(waste, sum.bytes_waste)
NUMBER(accounted, sum.accounted_hits)
NUMBER(freed, sum.ends.freed)
NUMBER(live, sum.ends.live)
NUMBER(live_bytes, sum.ends.live_bytes)
NUMBER(callsites, sum.nr_sites)
NUMBER(frees, frees)
NUMBER(pid, pid)

static double percent_frag(const void *row)
{
	const struct km_report_task *item = row;

	return item->sum.frag_percent;
}

static const char *text_comm(const void *row, char *buf, size_t size)
{
	const struct km_report_task *item = row;

	/* what runs when nothing does has no name in the traces of some recorders */
	return item->comm ? item->comm : item->pid ? "" : "<idle>";
}

static const char *text_pid(const void *row, char *buf, size_t size)
{
	const struct km_report_task *item = row;

	snprintf(buf, size, "%" PRId32, item->pid);
	return buf;
}

#define SHOWN    .is_sortable = true, .is_default = true
#define SORTABLE .is_sortable = true

static const struct km_column columns[] = {
	{ "comm", "Command", KM_COL_TEXT, SHOWN, .text = text_comm,
	  .help = "command of the task, as the trace has it at its end" },
	{ "pid", "Pid", KM_COL_TEXT, SHOWN, .text = text_pid, .number = number_pid,
	  .help = "id of the task (thread)" },
	{ "bytes", "Total_alloc/Per", KM_COL_BYTES, SHOWN, .number = number_bytes,
	  .per = number_hit, .help = "bytes it allocated, in total and per hit" },
	{ "req", "Total_req/Per", KM_COL_BYTES, SHOWN, .number = number_req, .per = number_hit,
	  .help = "bytes it requested, in total and per hit" },
	{ "hit", "Hit", KM_COL_COUNT, SHOWN, .number = number_hit, .help = "allocations" },
	{ "frag", "Frag", KM_COL_PERCENT, SHOWN, .percent = percent_frag,
	  .help = "internal fragmentation: share of the allocated bytes that nobody asked for" },
	{ "waste", "Waste", KM_COL_BYTES, SHOWN, .number = number_waste,
	  .help = "bytes allocated and not requested" },
	{ "frees", "Frees", KM_COL_COUNT, SHOWN, .number = number_frees,
	  .help = "frees by the task, of whoever's objects" },
	{ "live", "Live", KM_COL_COUNT, SORTABLE, .needs_pairs = true, .number = number_live,
	  .help = "its allocations that nobody freed before the trace ended" },
	{ "live-bytes", "Live_bytes", KM_COL_BYTES, SHOWN, .needs_pairs = true,
	  .number = number_live_bytes, .help = "their bytes, as allocated" },
	{ "freed", "Freed", KM_COL_COUNT, SORTABLE, .needs_pairs = true, .number = number_freed,
	  .help = "its allocations whose free is in the trace, by whatever task" },
	{ "callsites", "Callsites", KM_COL_COUNT, SHOWN, .number = number_callsites,
	  .help = "different call sites it allocated at" },
	{ "accounted", "Accounted", KM_COL_COUNT, SORTABLE, .number = number_accounted,
	  .help = "hits charged to a memory cgroup" },
};

static const void *rows_tasks(const struct km_report *report, size_t *ret_nr)
{
	*ret_nr = report->nr_tasks;
	return report->tasks;
}

static int compare_tasks(const void *a, const void *b)
{
	const struct km_report_task *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

const struct km_listing km_listing_tasks = {
	.name = "task",
	.rows_of = "tasks",
	.columns = columns,
	.nr_columns = sizeof(columns) / sizeof(columns[0]),
	.sort = "bytes",
	.rows = rows_tasks,
	.row_size = sizeof(struct km_report_task),
	.compare = compare_tasks,
};
