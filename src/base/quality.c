/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one table of counters, with what each means to the user. */
#include "kmemstat/quality.h"

#include <assert.h>
#include <stddef.h>

static const struct km_counter_info counters[KM_NR_COUNTERS] = {
	{ KM_EVENTS_USED, "events_used", KM_SEV_COUNT, false, "events used", "event used", NULL },
	{ KM_EVENTS_FILTERED, "events_filtered", KM_SEV_COUNT, false, "events left out by filters",
	  "event left out by filters", NULL },
	{ KM_EVENTS_OTHER, "events_other", KM_SEV_COUNT, false, "events of other kinds",
	  "event of another kind", NULL },
	{ KM_UNDECODABLE_SHORT, "undecodable_short", KM_SEV_DAMAGE, true,
	  "events shorter than their format", "event shorter than its format",
	  "the event formats in the file are not those of the kernel that wrote the events; record "
	  "again" },
	{ KM_UNDECODABLE_ID, "undecodable_id", KM_SEV_DAMAGE, true, "events of an unknown id",
	  "event of an unknown id",
	  "the file has no format for them: record again with all events' formats, or the file is "
	  "damaged" },
	{ KM_UNDECODABLE_SIZE, "undecodable_size", KM_SEV_DAMAGE, true,
	  "allocations with sizes that cannot be", "allocation with a size that cannot be",
	  "4 GiB and more, or more bytes requested than allocated: the file is damaged" },
	{ KM_UNPARSED_LINES, "unparsed_lines", KM_SEV_DAMAGE, true, "lines that do not parse",
	  "line that does not parse",
	  "they are no lines of tracefs, trace-cmd report or perf script, or were cut or changed" },
	{ KM_EVENTS_LOST, "events_lost", KM_SEV_LOSS, false, "events lost while recording",
	  "event lost while recording",
	  "totals are lower bounds: record with a larger buffer (trace-cmd record -b KIB, "
	  "perf record -m PAGES)" },
	{ KM_HIST_DROPPED, "hist_dropped", KM_SEV_LOSS, false,
	  "events that hist triggers had no room to count",
	  "event that hist triggers had no room to count",
	  "totals are lower bounds: give a larger --hist-size" },
	{ KM_GAPS_UNKNOWN, "gaps_unknown", KM_SEV_LOSS, false,
	  "gaps in which an unknown number of events was lost",
	  "gap in which an unknown number of events was lost",
	  "totals are lower bounds: record with a larger buffer (trace-cmd record -b KIB, "
	  "perf record -m PAGES)" },
	{ KM_PAGES_DAMAGED, "pages_damaged", KM_SEV_DAMAGE, false, "damaged ring-buffer pages",
	  "damaged ring-buffer page",
	  "events are missing from all totals: copy the file again or record again" },
	{ KM_RECORDS_DAMAGED, "records_damaged", KM_SEV_DAMAGE, false, "damaged records",
	  "damaged record",
	  "events are missing from all totals: copy the file again or record again" },
	{ KM_RECORDS_UNKNOWN, "records_unknown", KM_SEV_NOTE, false, "records of unknown types",
	  "record of an unknown type", "a later perf than kmemstat knows wrote them; no events" },
	{ KM_CHUNKS_DAMAGED, "chunks_damaged", KM_SEV_DAMAGE, false, "damaged compressed chunks",
	  "damaged compressed chunk",
	  "events are missing from all totals: copy the file again or record again" },
	{ KM_BYTES_MISSING, "bytes_missing", KM_SEV_DAMAGE, false,
	  "bytes of events that the file should hold and does not",
	  "byte of events that the file should hold and does not",
	  "the file was cut short: copy it again, and see whether the disk was full" },
	{ KM_SECTIONS_DAMAGED, "sections_damaged", KM_SEV_DAMAGE, false,
	  "damaged sections beside the events", "damaged section beside the events",
	  "symbols or command lines may be missing: give --kallsyms FILE, or copy the file again" },
	{ KM_DEBUG_FILES_FAILED, "debug_files_failed", KM_SEV_NOTE, false,
	  "debug files could not be read", "debug file could not be read",
	  "the process that reads them died of it or ran out of its limits; what it did not get to "
	  "is told by symbols alone" },
	{ KM_ALLOCS_POOLED, "allocs_pooled", KM_SEV_NOTE, false,
	  "allocations of call sites beyond the memory limit",
	  "allocation of a call site beyond the memory limit",
	  "they are all in one row: give a larger --memory-limit, or filter" },
	{ KM_ALLOCS_LEFT_OUT, "allocs_left_out", KM_SEV_LOSS, false,
	  "allocations left out for lack of memory", "allocation left out for lack of memory",
	  "totals are lower bounds: give a larger --memory-limit, or filter" },
	{ KM_POINTERS_UNTRACKED, "pointers_untracked", KM_SEV_LOSS, false,
	  "allocations not followed for lack of memory",
	  "allocation not followed for lack of memory",
	  "what is live is a lower bound, and frees of theirs are unknown: give a larger "
	  "--memory-limit, or filter" },
	{ KM_EVENTS_LATE, "events_late", KM_SEV_LOSS, false,
	  "events that came too late to be put in order, for lack of memory",
	  "event that came too late to be put in order, for lack of memory",
	  "what is live and how long may be wrong: give a larger --memory-limit" },
	{ KM_TABLES_CUT, "tables_cut", KM_SEV_LOSS, false,
	  "tables that end before the trace does, for lack of memory",
	  "table that ends before the trace does, for lack of memory",
	  "what they have is of the beginning: give a larger --memory-limit, or filter" },
	{ KM_NULL_FREES, "null_frees", KM_SEV_COUNT, false, "frees of NULL", "free of NULL", NULL },
	{ KM_ZERO_SIZE_FREES, "zero_size_frees", KM_SEV_COUNT, false, "frees of ZERO_SIZE_PTR",
	  "free of ZERO_SIZE_PTR", NULL },
	{ KM_FAILED_ALLOCS, "failed_allocs", KM_SEV_NOTE, false, "allocations that failed",
	  "allocation that failed", "no bytes, and in no table" },
	{ KM_UNKNOWN_FREES, "unknown_frees", KM_SEV_COUNT, false,
	  "frees of what was allocated before the trace",
	  "free of what was allocated before the trace", NULL },
	{ KM_IMPLIED_FREES, "implied_frees", KM_SEV_COUNT, false,
	  "frees without an event (bulk frees)", "free without an event (bulk free)", NULL },
};

const struct km_counter_info *km_counter_info(enum km_counter counter)
{
	assert(counters[counter].counter == counter);
	return &counters[counter];
}

const char *km_counter_text(const struct km_counter_info *info, uint64_t count)
{
	return count == 1 ? info->one : info->text;
}

void km_quality_add(struct km_quality *dst, const struct km_quality *src)
{
	for (int i = 0; i < KM_NR_COUNTERS; i++)
		dst->count[i] = km_sat_add(dst->count[i], src->count[i]);
}

uint64_t km_quality_events_undecodable(const struct km_quality *quality)
{
	uint64_t sum = 0;

	for (int i = 0; i < KM_NR_COUNTERS; i++)
		if (counters[i].is_undecodable)
			sum = km_sat_add(sum, quality->count[i]);
	return sum;
}

uint64_t km_quality_events_total(const struct km_quality *quality)
{
	uint64_t sum = km_quality_events_undecodable(quality);

	sum = km_sat_add(sum, quality->count[KM_EVENTS_USED]);
	sum = km_sat_add(sum, quality->count[KM_EVENTS_FILTERED]);
	return km_sat_add(sum, quality->count[KM_EVENTS_OTHER]);
}

bool km_quality_is_incomplete(const struct km_quality *quality)
{
	for (int i = 0; i < KM_NR_COUNTERS; i++)
		if (counters[i].severity >= KM_SEV_LOSS && quality->count[i])
			return true;
	return false;
}
