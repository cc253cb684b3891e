/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The report as one page for browsers, which asks nothing of any server: the JSON report as data,
 * the script that shows it, and its style. The page's Content-Security-Policy names script and
 * style by their hash, so that nothing else in the file can run; all text of the trace is in the
 * data and comes into the page as text only.
 *
 * A browser has to have all rows in memory: the page has those that matter most, and says how many
 * it leaves out. Beside the keys of the report, the data has "types" (as in
 * kmemstat-types-1.schema.json) and "page": what the words of the page are made of.
 */
#include "render/html.h"

#include <stdlib.h>
#include <string.h>

#include "render/json.h"

enum {
	MOST_CALLSITES = 5000,
	MOST_FINDINGS = 2000,
	MOST_ROWS = 2000, /* of any other list */
	MOST_NESTED = 200,
};

struct page {
	struct km_json_sink sink;
	const struct km_report *report;
	const struct km_render_options *options;
	bool *picked; /* of the call sites; NULL: all */
	bool *framed; /* of the frames of stacks; NULL: there are none */
	const char *list;
	size_t nr_left_out; /* of it */
	json_t *left_out;   /* the same by key of each list that is not complete */
};

void km_html_put_json(struct km_out *out, const char *text, size_t size)
{
	for (const char *end = text + size, *next; text < end; text = next + 1) {
		for (next = text; next < end && !strchr("<>&", *next); next++)
			;
		km_out_write(out, text, (size_t)(next - text));
		if (next < end)
			km_out_printf(out, "\\u%04x", (unsigned int)*next);
	}
}

static int put_part(const char *text, size_t size, void *data)
{
	km_html_put_json(data, text, size);
	return 0;
}

/* ASCII alone: whatever a browser takes the page's character set for, the text stays. */
static struct km_error *put_value(struct km_out *out, json_t *value)
{
	const size_t flags =
		JSON_ENCODE_ANY | JSON_ENSURE_ASCII | JSON_COMPACT | JSON_REAL_PRECISION(6);
	const int failed = !value || json_dump_callback(value, put_part, out, flags);

	json_decref(value);
	return failed ? &km_error_memory : NULL;
}

static void put_key(struct km_json_sink *sink, const char *key)
{
	km_out_printf(sink->out, "%s\"%s\":", sink->has_member ? ",\n" : "{", key);
	sink->has_member = true;
}

static struct km_error *add_member(struct km_json_sink *sink, const char *key, json_t *value)
{
	put_key(sink, key);
	return put_value(sink->out, value);
}

static void begin_list(struct km_json_sink *sink, const char *key, const char *type)
{
	struct page *page = (struct page *)sink;

	(void)type;
	put_key(sink, key);
	km_out_puts(sink->out, "[");
	sink->has_row = false;
	page->list = key;
	page->nr_left_out = 0;
}

static struct km_error *add_row(struct km_json_sink *sink, json_t *row)
{
	km_out_puts(sink->out, sink->has_row ? ",\n" : "\n");
	sink->has_row = true;
	return put_value(sink->out, row);
}

static void end_list(struct km_json_sink *sink)
{
	struct page *page = (struct page *)sink;

	km_out_puts(sink->out, "]");
	if (page->nr_left_out)
		set_number(&page->left_out, page->list, page->nr_left_out);
}

static bool wants(const struct page *page, size_t i)
{
	if (strcmp(page->list, "callsites") == 0)
		return !page->picked || page->picked[i];
	if (strcmp(page->list, "findings") == 0)
		return i < MOST_FINDINGS;
	/* they are nothing but addresses */
	if (strcmp(page->list, "pointers") == 0 && !page->options->raw_ip)
		return false;
	if (strcmp(page->list, "stack_frames") == 0)
		return page->framed[i];
	return i < MOST_ROWS;
}

static bool wants_row(struct km_json_sink *sink, size_t i)
{
	struct page *page = (struct page *)sink;
	const bool is_wanted = wants(page, i);

	page->nr_left_out += !is_wanted;
	return is_wanted;
}

/* Frames that the rows refer to. */
static struct km_error *pick_frames(struct page *page)
{
	const struct km_stack_report *stacks = page->report->stacks;

	if (!stacks)
		return NULL;
	page->framed = calloc(stacks->nr_frames + 1, sizeof(*page->framed));
	if (!page->framed)
		return &km_error_memory;
	for (size_t i = 0; i < stacks->nr_rows && i < MOST_ROWS; i++)
		for (size_t k = 0; k < stacks->rows[i].nr_frames; k++)
			page->framed[stacks->rows[i].frames[k]] = true;
	return NULL;
}

/* What has only call sites is in their list already. */
static bool has_stacks(const struct km_report *report)
{
	for (enum km_layer layer = 0; report->stacks && layer < KM_NR_LAYERS; layer++)
		if (report->stacks->has_stacks[layer])
			return true;
	return false;
}

/* What a counter that is not plain bookkeeping says. */
static json_t *make_counters(const struct km_report *report)
{
	static const char *const severities[] = {
		[KM_SEV_COUNT] = "count",
		[KM_SEV_NOTE] = "note",
		[KM_SEV_LOSS] = "loss",
		[KM_SEV_DAMAGE] = "damage",
	};
	const struct km_input_info *input = report->input;
	json_t *list = json_array();

	for (enum km_counter i = 0; i < KM_NR_COUNTERS; i++) {
		const struct km_counter_info *info = km_counter_info(i);
		const uint64_t count = report->quality.count[i];
		json_t *item;

		if (!count)
			continue;
		item = json_object();
		set_text(&item, "key", info->key);
		set_text(&item, "severity", severities[info->severity]);
		set_number(&item, "count", count);
		set_text(&item, "text", km_counter_text(info, count));
		set_text_if(&item, "advice", info->advice);
		if (input->detail && input->detail_counter == i)
			set_text(&item, "detail", input->detail);
		append(&list, item);
	}
	return list;
}

/* What the rules of the findings look for. */
static json_t *make_rules(void)
{
	json_t *object = json_object();

	for (enum km_rule i = 0; i < KM_NR_RULES; i++) {
		const struct km_rule_info *info = km_rule_info(i);
		json_t *item = json_object();

		set_text(&item, "summary", info->summary);
		set_text(&item, "meaning", info->meaning);
		set_text(&item, "mend", info->mend);
		set_text(&item, "false_alarm", info->false_alarm);
		set(&object, info->name, item);
	}
	return object;
}

/* Takes `left_out` over. */
static json_t *make_page(const struct km_report *report, json_t *left_out)
{
	json_t *object = json_object();
	char *text = report->input->is_counts ? km_counts_text(report) : NULL;

	set(&object, "left_out", left_out);
	set(&object, "counters", make_counters(report));
	set(&object, "rules", make_rules());
	if (report->input->is_counts)
		set(&object, "counts_only", text ? text_value(text) : NULL);
	free(text);
	set(&object, "has_symbols", json_boolean(report->has_symbols));
	set(&object, "suppressed", number(report->nr_suppressed));
	return object;
}

static struct km_error *put_report(struct page *page)
{
	struct km_error *error = km_json_walk(page->report, page->options, &page->sink);
	json_t *left_out;

	if (!error && page->report->types)
		error = km_json_walk_types(page->report, page->options, &page->sink);
	if (error)
		return error;
	left_out = page->left_out;
	page->left_out = NULL;
	return add_member(&page->sink, "page", make_page(page->report, left_out));
}

struct km_error *km_render_html(const struct km_report *report,
				const struct km_render_options *options, struct km_out *out)
{
	struct km_render_options own = *options;
	struct page page = {
		.sink = {
			.out = out,
			.add_member = add_member,
			.begin_list = begin_list,
			.add_row = add_row,
			.end_list = end_list,
			.wants_row = wants_row,
			.most_nested = MOST_NESTED,
		},
		.report = report,
		.options = &own,
		.left_out = json_object(),
	};
	struct km_error *error = km_html_pick(report, MOST_FINDINGS, MOST_CALLSITES, &page.picked);

	own.has_stacks = has_stacks(report);
	if (!error)
		error = pick_frames(&page);
	km_out_puts(out, km_html_head);
	if (!error)
		error = put_report(&page);
	km_out_puts(out, "}\n");
	km_out_puts(out, km_html_tail);
	json_decref(page.left_out);
	free(page.picked);
	free(page.framed);
	return error;
}
