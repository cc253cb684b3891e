/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables of hist triggers -> rows, each with what its trigger counts. */
#include <stdlib.h>
#include <string.h>

#include "record/hist_plan.h"
#include "record/hist_text.h"

static bool is_text(const char *text, size_t len, const char *other)
{
	return len == strlen(other) && memcmp(text, other, len) == 0;
}

/* The trigger whose table begins, NULL if none of ours is like that. */
static const struct km_hist_trigger *find_trigger(const struct km_hist_plan *plan,
						  const struct km_hist_text *text)
{
	for (size_t i = 0; i < plan->nr; i++) {
		const struct km_hist_trigger *trigger = &plan->triggers[i];

		if (is_text(text->keys, text->keys_len, trigger->keys) &&
		    is_text(text->filter, text->filter_len, trigger->filter ? trigger->filter : ""))
			return trigger;
	}
	return NULL;
}

static struct km_error *add_row(struct km_hist_table *table, const struct km_hist_row *row)
{
	if (!row->hits)
		return NULL;
	if (table->nr == table->room) {
		const size_t room = table->room ? 2 * table->room : 256;
		struct km_hist_row *rows = reallocarray(table->rows, room, sizeof(*rows));

		if (!rows)
			return &km_error_memory;
		table->rows = rows;
		table->room = room;
	}
	table->rows[table->nr++] = *row;
	return NULL;
}

/* An entry of a trigger's table -> a row. */
static struct km_error *add_entry(struct km_hist_table *table,
				  const struct km_hist_trigger *trigger,
				  const struct km_hist_text *text)
{
	struct km_hist_row row = {
		.kind = trigger->kind,
		.counts = trigger->counts,
		.is_accounted = trigger->is_accounted,
		.hits = text->hits,
	};
	uint64_t *const places[] = {
		[KM_HIST_KEY_CALL_SITE] = &row.call_site,
		[KM_HIST_KEY_REQ] = &row.bytes_req,
		[KM_HIST_KEY_ALLOC] = &row.bytes_alloc,
		[KM_HIST_KEY_ORDER] = &row.order,
		[KM_HIST_KEY_PTR] = &row.ptr,
	};
	bool has_alloc = false;

	for (unsigned int i = 0; i < KM_HIST_MOST_KEYS && trigger->key[i]; i++) {
		*places[trigger->key[i]] = text->key[i];
		has_alloc |= trigger->key[i] == KM_HIST_KEY_ALLOC;
	}
	/* percpu objects before 5.19: the bytes on all CPUs are not told */
	if (!has_alloc)
		row.bytes_alloc = row.bytes_req;
	return add_row(table, &row);
}

struct km_error *km_hist_table_add(struct km_hist_table *table, const struct km_hist_plan *plan,
				   const char *bytes, size_t size)
{
	const struct km_hist_trigger *trigger = NULL;
	struct km_error *error = NULL;
	struct km_hist_text text;

	km_hist_text_init(&text, bytes, size);
	while (!error) {
		switch (km_hist_text_next(&text)) {
		case KM_HIST_HEAD:
			trigger = find_trigger(plan, &text);
			table->bad_lines += !trigger;
			break;
		case KM_HIST_ENTRY:
			if (trigger)
				error = add_entry(table, trigger, &text);
			else
				table->bad_lines++;
			break;
		case KM_HIST_TOTALS:
			if (trigger)
				table->dropped += text.total_dropped;
			trigger = NULL;
			break;
		case KM_HIST_BAD:
			table->bad_lines++;
			break;
		case KM_HIST_END:
			return NULL;
		}
	}
	return error;
}

void km_hist_table_deinit(struct km_hist_table *table)
{
	free(table->rows);
	*table = (struct km_hist_table){ 0 };
}
