/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which hist triggers count an event, by what its format has. */
#ifndef KMEMSTAT_RECORD_HIST_PLAN_H
#define KMEMSTAT_RECORD_HIST_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "kmemstat/error.h"
#include "kmemstat/event.h"
#include "kmemstat/hist.h"
#include "record/hist_text.h"

/* What a key of a trigger is. */
enum km_hist_key {
	KM_HIST_KEY_NONE,
	KM_HIST_KEY_CALL_SITE,
	KM_HIST_KEY_REQ,
	KM_HIST_KEY_ALLOC,
	KM_HIST_KEY_ORDER,
	KM_HIST_KEY_PTR,
};

struct km_hist_trigger {
	enum km_event_kind kind;
	enum km_hist_counts counts;
	bool is_accounted;
	enum km_hist_key key[KM_HIST_MOST_KEYS];
	const char *keys; /* "call_site.hex,bytes_req,bytes_alloc" */
	char *filter;     /* malloc'ed; NULL: none */
	uint64_t entries;
};

/* Triggers of an event; together they count each event once. */
#define KM_HIST_MOST_TRIGGERS 3
struct km_hist_plan {
	struct km_hist_trigger triggers[KM_HIST_MOST_TRIGGERS];
	size_t nr;
};

/*
 * Plans the triggers of an event of a kind other than KM_EV_OTHER whose format file has that text;
 * `filter` is to pass besides, or NULL. *ret is to be freed after an error, too. Errors:
 * KM_ERR_INPUT for a format that lacks what is counted by, KM_ERR_MEMORY.
 */
KM_MUST_CHECK struct km_error *km_hist_plan_make(enum km_event_kind kind, const char *format,
						 size_t size, const char *filter, uint64_t entries,
						 struct km_hist_plan *ret);
void km_hist_plan_deinit(struct km_hist_plan *plan);
/*
 * The command that makes the trigger ("pause": not counting yet), or that does something to it:
 * "pause", "cont". malloc'ed, or NULL without memory.
 */
char *km_hist_trigger_command(const struct km_hist_trigger *trigger, const char *what);

/*
 * Adds what is in the text of the event's hist file to the table: its triggers are those of the
 * plan. What they do not make is counted as bad lines.
 */
KM_MUST_CHECK struct km_error *km_hist_table_add(struct km_hist_table *table,
						 const struct km_hist_plan *plan, const char *bytes,
						 size_t size);

#endif
