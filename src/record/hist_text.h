/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text of an event's hist file (kernel/trace/trace_events_hist.c, hist_trigger_show(), v6.1 and
 * v6.12), for each hist trigger that the event has:
 *
 *	# event histogram
 *	#
 *	# trigger info: hist:keys=call_site.hex,bytes_req:vals=hitcount:sort=hitcount:size=2048 if
 *ptr != 0 [active]
 *	#
 *
 *	{ call_site: ffffffff8139a4c2, bytes_req:         56 } hitcount:          7  accounted: 0
 *
 *	Totals:
 *	    Hits: 7
 *	    Entries: 1
 *	    Dropped: 0
 *
 * The numbers of keys are decimal, or hexadecimal without a prefix where the trigger says ".hex".
 * Events of a key that is not in the table any more find room are counted as dropped.
 */
#ifndef KMEMSTAT_RECORD_HIST_TEXT_H
#define KMEMSTAT_RECORD_HIST_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* TRACING_MAP_KEYS_MAX, kernel/trace/tracing_map.h, v6.1 */
#define KM_HIST_MOST_KEYS 3

enum km_hist_item {
	KM_HIST_HEAD,   /* another trigger's table begins */
	KM_HIST_ENTRY,  /* one of its entries */
	KM_HIST_TOTALS, /* its end */
	KM_HIST_BAD,    /* a line that is none of these */
	KM_HIST_END,    /* of the text */
};

/* Where in a text we are, and the last item of it. Pieces of the text are not terminated. */
struct km_hist_text {
	const char *at, *end;
	/* of the head */
	const char *keys, *filter; /* "call_site.hex,bytes_req", "ptr != 0" */
	size_t keys_len, filter_len;
	unsigned int nr_keys, hex_keys; /* hex_keys: bit N for key N */
	/* of the entry */
	uint64_t key[KM_HIST_MOST_KEYS];
	uint64_t hits;
	/* of the totals */
	uint64_t total_hits, total_entries, total_dropped;
};

/* Begins; the text must stay. */
void km_hist_text_init(struct km_hist_text *text, const char *bytes, size_t size);
/* The next item. After KM_HIST_BAD it goes on with the next line. */
enum km_hist_item km_hist_text_next(struct km_hist_text *text);

#endif
