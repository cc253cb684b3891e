/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Verbs, options and the values these take as lines of fields with tabs between, for what is
 * generated from them when kmemstat is built: the completions of shells (share/completions).
 *
 *	verb NAME OPERANDS HELP		OPERANDS: what its arguments are, "file" or "command"
 *	option NAME ALIAS LETTER LETTER_VERBS VERBS REPEATED ARGUMENT ARG VALUES HELP
 *					ARGUMENT: "none", "optional", "required"
 *	value LIST VERBS VIEW VALUE HELP	VIEW: the option that it goes with
 *
 * VERBS are names with commas between. A field that there is not is "-".
 */
#include <string.h>

#include "cli/help.h"
#include "cli/verbs.h"
#include "kmemstat/event.h"
#include "kmemstat/model.h"
#include "kmemstat/render.h"
#include "kmemstat/top.h"
#include "kmemstat/view.h"

static void print_verbs(struct km_out *out, unsigned int bits)
{
	size_t nr;
	const struct km_verb *verbs = km_verbs(&nr);
	const char *before = "\t";

	for (size_t i = 0; i < nr; i++) {
		if (!(bits & verbs[i].bit))
			continue;
		km_out_printf(out, "%s%s", before, verbs[i].name);
		before = ",";
	}
}

static void print_verb_rows(struct km_out *out)
{
	size_t nr;
	const struct km_verb *verbs = km_verbs(&nr);

	for (size_t i = 0; i < nr; i++)
		km_out_printf(out, "verb\t%s\t%s\t%s\n", verbs[i].name,
			      verbs[i].bit & KM_VERBS_COMMAND ? "command" : "file", verbs[i].help);
}

/* What an argument can be: a list below, "file", "directory", or "-" for anything else. */
static const char *values_of(const struct km_option *option)
{
	if (option->values)
		return option->values;
	if (option->arg && strcmp(option->arg, "FILE") == 0)
		return "file";
	return option->arg && strcmp(option->arg, "DIR") == 0 ? "directory" : "-";
}

static void print_option_rows(struct km_out *out)
{
	const struct km_option *option;

	for (size_t i = 0; (option = km_option_at(i)); i++) {
		const unsigned int letter_verbs =
			option->letter_verbs ? option->letter_verbs : option->verbs;

		if (option->is_hidden)
			continue;
		km_out_printf(out, "option\t%s\t%s\t%c", option->name,
			      option->alias ? option->alias : "-",
			      option->letter ? option->letter : '-');
		if (option->letter)
			print_verbs(out, letter_verbs & option->verbs);
		else
			km_out_puts(out, "\t-");
		print_verbs(out, option->verbs);
		km_out_printf(out, "\t%s\t%s\t%s\t%s\t%s\n",
			      option->is_repeated ? "repeated" : "once",
			      !option->arg              ? "none"
			      : option->is_arg_optional ? "optional"
							: "required",
			      option->arg ? option->arg : "-", values_of(option), option->help);
	}
}

/* verbs 0: all; view NULL: any. */
static void print_value(struct km_out *out, const char *list, unsigned int verbs, const char *view,
			const char *value, const char *help)
{
	km_out_printf(out, "value\t%s", list);
	if (verbs)
		print_verbs(out, verbs);
	else
		km_out_puts(out, "\t-");
	km_out_printf(out, "\t%s\t%s\t%s\n", view ? view : "-", value, help ? help : "-");
}

/* Keys of -s and -F. */
static void print_columns(struct km_out *out)
{
	const struct km_top_column *top;

	for (enum km_listing_id id = 0; id < KM_NR_LISTINGS; id++) {
		const struct km_listing *listing = km_listing(id);
		const unsigned int verbs = listing->is_verb ? KM_VERB_TYPES : KM_VERBS_STAT;
		const char *view = listing->is_verb ? NULL : listing->name;

		for (size_t i = 0; i < listing->nr_columns; i++) {
			const struct km_column *column = &listing->columns[i];

			print_value(out, "fields", verbs, view, column->key, column->help);
			if (column->is_sortable)
				print_value(out, "sort", verbs, view, column->key, column->help);
		}
	}
	for (size_t i = 0; (top = km_top_column_at(i)); i++)
		print_value(out, "sort", KM_VERB_TOP, NULL, top->key, top->help);
}

static void print_formats(struct km_out *out)
{
	size_t nr;
	const struct km_renderer *renderers = km_renderers(&nr);
	const struct km_diff_renderer *diffs;

	for (size_t i = 0; i < nr; i++)
		if (renderers[i].is_report)
			print_value(out, "format", KM_VERBS_JUDGE, NULL, renderers[i].name,
				    renderers[i].help);
	diffs = km_diff_renderers(&nr);
	for (size_t i = 1; i < nr; i++)
		print_value(out, "format", KM_VERB_DIFF, NULL, diffs[i].name, diffs[i].help);
	print_value(out, "format", 0, NULL, "help", "list the formats");
}

/* Kinds of events, and the layers that stand for theirs with --events. */
static void print_events(struct km_out *out)
{
	for (enum km_event_kind kind = KM_EV_OTHER + 1; kind < KM_NR_EVENT_KINDS; kind++) {
		print_value(out, "event", 0, NULL, km_event_name(kind), NULL);
		print_value(out, "record-event", 0, NULL, km_event_name(kind), NULL);
	}
	for (enum km_layer layer = 0; layer < KM_NR_LAYERS; layer++)
		print_value(out, "record-event", 0, NULL, km_layer_name(layer),
			    "events of this layer");
	print_value(out, "record-event", 0, NULL, "all", "events of all layers");
}

static void print_rules(struct km_out *out)
{
	for (enum km_rule rule = 0; rule < KM_NR_RULES; rule++)
		print_value(out, "rule", 0, NULL, km_rule_info(rule)->name, NULL);
	print_value(out, "rule", 0, NULL, "any", "findings of all rules");
	print_value(out, "rule", 0, NULL, "new", "findings that no baseline has");
	for (int i = KM_FIND_LOW; i <= KM_FIND_HIGH; i++)
		print_value(out, "severity", 0, NULL,
			    km_finding_severity_name((enum km_finding_severity)i), NULL);
}

void km_help_print_table(struct km_out *out)
{
	size_t nr;

	print_verb_rows(out);
	print_option_rows(out);
	print_columns(out);
	print_formats(out);
	print_events(out);
	print_rules(out);
	for (size_t i = 0; km_model_infos(&nr, i); i++)
		print_value(out, "model", 0, NULL, km_model_infos(&nr, i)->name,
			    km_model_infos(&nr, i)->summary);
	print_value(out, "model", 0, NULL, "all", "all models");
	print_value(out, "model", 0, NULL, "help", "list the models");
	for (enum km_diff_by by = 0; by < KM_NR_DIFF_BYS; by++)
		print_value(out, "by", 0, NULL, km_diff_by_info(by)->name,
			    km_diff_by_info(by)->text);
	for (enum km_merge_key key = 0; key < KM_NR_MERGE_KEYS; key++)
		print_value(out, "merge-key", 0, NULL, km_merge_key_name(key), NULL);
	for (enum km_top_view view = 0; view < KM_NR_TOP_VIEWS; view++)
		print_value(out, "top-view", 0, NULL, km_top_view_name(view), NULL);
	for (enum km_profile_value value = 0; value < KM_NR_PROFILE_VALUES; value++)
		print_value(out, "value", 0, NULL, km_profile_value_info(value)->key,
			    km_profile_value_info(value)->text);
	for (enum km_layer layer = 0; layer < KM_NR_LAYERS; layer++)
		print_value(out, "layer", 0, NULL, km_layer_name(layer), NULL);
	print_value(out, "when", 0, NULL, "auto", "on a terminal");
	print_value(out, "when", 0, NULL, "always", NULL);
	print_value(out, "when", 0, NULL, "never", NULL);
}
