/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every event is accounted for: the counters of what was used, left out, damaged or lost. */
#ifndef KMEMSTAT_QUALITY_H
#define KMEMSTAT_QUALITY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * One counter for each cause. The table in base/quality.c gives each its JSON key, its
 * severity and one sentence of advice; renderers walk that table and know none by name.
 */
enum km_counter {
	KM_EVENTS_USED,       /* decoded and aggregated (frees are used too) */
	KM_EVENTS_FILTERED,   /* left out because the user said so */
	KM_EVENTS_OTHER,      /* events of kinds this report does not use */
	KM_UNDECODABLE_SHORT, /* shorter than their format says */
	KM_UNDECODABLE_ID,    /* an event id that no format in the file describes */
	KM_UNDECODABLE_SIZE,  /* bytes_alloc of 0 or over 4 GiB, or bytes_req over it */
	KM_UNPARSED_LINES,    /* lines of a text that are not what traces consist of */
	KM_EVENTS_LOST,       /* the recorder says: this many are missing */
	KM_HIST_DROPPED,      /* events that hist triggers had no room to count */
	KM_GAPS_UNKNOWN,      /* places where events are missing, nobody knows how many */
	KM_PAGES_DAMAGED,    /* ring-buffer pages whose lengths do not add up: their rest is lost */
	KM_RECORDS_DAMAGED,  /* records of a perf.data whose lengths do not add up */
	KM_RECORDS_UNKNOWN,  /* records of a perf.data of a type that is not known */
	KM_CHUNKS_DAMAGED,   /* compressed chunks that cannot be unpacked */
	KM_BYTES_MISSING,    /* bytes the file promises and does not have (cut short) */
	KM_SECTIONS_DAMAGED, /* sections beside the events that cannot be read */
	KM_DEBUG_FILES_FAILED, /* debug files that ended the process that reads them */
	KM_ALLOCS_POOLED,   /* allocations of call sites that there is no memory for, in one row */
	KM_ALLOCS_LEFT_OUT, /* allocations in no table, for lack of memory */
	KM_POINTERS_UNTRACKED, /* allocations that were not followed, for lack of memory */
	KM_EVENTS_LATE,        /* events not in order of time, for lack of memory to sort them */
	KM_TABLES_CUT,         /* tables that end before the trace, for lack of memory */
	KM_NULL_FREES,         /* kfree(NULL): used, frees nothing */
	KM_ZERO_SIZE_FREES,    /* kfree(ZERO_SIZE_PTR): used, frees nothing */
	KM_FAILED_ALLOCS,      /* allocations that returned NULL: used, take no bytes */
	KM_UNKNOWN_FREES,      /* frees of pointers whose allocation is not in the trace: used */
	KM_IMPLIED_FREES, /* pointers allocated again while they seemed alive: no event freed them
			   */
	KM_NR_COUNTERS,
};

enum km_severity {
	KM_SEV_COUNT,  /* plain bookkeeping */
	KM_SEV_NOTE,   /* worth a line, nothing wrong */
	KM_SEV_LOSS,   /* the recorder lost events: totals are lower bounds */
	KM_SEV_DAMAGE, /* the file is damaged */
};

struct km_counter_info {
	enum km_counter counter;
	const char *key; /* in JSON and CSV, stable */
	enum km_severity severity;
	bool is_undecodable; /* adds to events_undecodable */
	const char *text;    /* after the number, for people: "events of other kinds" */
	const char *one;     /* the same after 1: "event of another kind" */
	const char *advice;  /* one sentence, or NULL */
};

struct km_quality {
	uint64_t count[KM_NR_COUNTERS];
};

/* The row of a counter. */
const struct km_counter_info *km_counter_info(enum km_counter counter);
/* Whether a counter is of the whole trace, and known only if frees were paired. */
static inline bool km_counter_is_of_pairs(enum km_counter counter)
{
	return counter == KM_UNKNOWN_FREES || counter == KM_IMPLIED_FREES;
}
/* Whether a counter is of the whole report, and no part of a trace; such are rarely not zero. */
static inline bool km_counter_is_of_report(enum km_counter counter)
{
	return counter == KM_HIST_DROPPED ||
	       (counter >= KM_DEBUG_FILES_FAILED && counter <= KM_TABLES_CUT);
}
/* What stands after the number `count` of a counter. */
const char *km_counter_text(const struct km_counter_info *info, uint64_t count);
/* Adds src to dst, counter by counter, saturating. */
void km_quality_add(struct km_quality *dst, const struct km_quality *src);
/* used + filtered + other + undecodable: the events that are in the file. */
uint64_t km_quality_events_total(const struct km_quality *quality);
uint64_t km_quality_events_undecodable(const struct km_quality *quality);
/* Whether events are missing or damaged, so that every total is a lower bound. */
bool km_quality_is_incomplete(const struct km_quality *quality);

/* bytes_alloc - bytes_req, which is never below zero. */
static inline uint64_t km_waste(uint64_t bytes_req, uint64_t bytes_alloc)
{
	return bytes_alloc > bytes_req ? bytes_alloc - bytes_req : 0;
}

/* a * b and a + b, held at UINT64_MAX: a total that damage made absurd must not wrap. */
static inline uint64_t km_sat_mul(uint64_t a, uint64_t b)
{
	uint64_t r;
	return __builtin_mul_overflow(a, b, &r) ? UINT64_MAX : r;
}
static inline uint64_t km_sat_add(uint64_t a, uint64_t b)
{
	uint64_t r;
	return __builtin_add_overflow(a, b, &r) ? UINT64_MAX : r;
}

#endif
