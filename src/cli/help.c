/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --help and the generated parts of kmemstat.1, from the tables. */
#include "cli/help.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cli/verbs.h"
#include "kmemstat/view.h"

#define HELP_WIDTH  80
#define HELP_INDENT 26
#define MDOC_WIDTH  75

static const struct km_exit_info exit_infos[] = {
	{ KM_EXIT_OK, "All went well; lost or damaged events, if any, are counted in the report." },
	{ KM_EXIT_GATE, "A gate of check tripped." },
	{ KM_EXIT_USAGE, "The command line is wrong." },
	{ KM_EXIT_INPUT, "A file cannot be read, is no trace, or holds no event that can be used; "
			 "or memory ran out." },
	{ KM_EXIT_INCOMPLETE, "With --strict: events were lost while recording or are damaged, or "
			      "check could not decide a gate. The report is written all the "
			      "same." },
	{ KM_EXIT_OUTPUT, "The result could not be written. Without a message if the reader of a "
			  "pipe went away." },
};

const struct km_exit_info *km_exit_infos(size_t *ret_nr)
{
	*ret_nr = sizeof(exit_infos) / sizeof(exit_infos[0]);
	return exit_infos;
}

/* Writes text in lines from column `indent` on; the cursor stands at `column`. */
static void print_wrapped(struct km_out *out, const char *text, int column, int indent)
{
	bool is_first = true;

	while (*text) {
		int len = (int)strcspn(text, " ");

		if (is_first && column > indent - 2) {
			km_out_printf(out, "\n%*s", indent, "");
			column = indent;
		} else if (column < indent) {
			km_out_printf(out, "%*s", indent - column, "");
			column = indent;
		} else if (column > indent && column + 1 + len > HELP_WIDTH) {
			km_out_printf(out, "\n%*s", indent, "");
			column = indent;
		} else if (!is_first) {
			km_out_puts(out, " ");
			column++;
		}
		km_out_printf(out, "%.*s", len, text);
		column += len;
		text += len;
		text += strspn(text, " ");
		is_first = false;
	}
	km_out_puts(out, "\n");
}

static bool has_letter(const struct km_option *option, unsigned int verb)
{
	return option->letter && (!option->letter_verbs || option->letter_verbs & verb);
}

static void print_option(struct km_out *out, const struct km_option *option, unsigned int verb)
{
	const bool has = has_letter(option, verb);
	char head[96];
	int len = snprintf(head, sizeof(head), "  %c%c%c --%s%s%s%s", has ? '-' : ' ',
			   has ? option->letter : ' ', has ? ',' : ' ', option->name,
			   option->is_arg_optional ? "[="
			   : option->arg           ? " "
						   : "",
			   option->arg ? option->arg : "", option->is_arg_optional ? "]" : "");

	km_out_puts(out, head);
	print_wrapped(out, option->help, len, HELP_INDENT);
}

/* Whether an earlier listing has the same columns: they are told once. */
static bool is_told(const struct km_listing *listing)
{
	for (enum km_listing_id i = 0; km_listing(i) != listing; i++)
		if (km_listing(i)->columns == listing->columns)
			return true;
	return false;
}

/* The next listing from `id` on that has these columns; KM_NR_LISTINGS: none. */
static enum km_listing_id next_with(const struct km_column *columns, enum km_listing_id id)
{
	while (id < KM_NR_LISTINGS && km_listing(id)->columns != columns)
		id++;
	return id;
}

static void print_columns(struct km_out *out, const struct km_listing *listing)
{
	const char *before = "\nColumns of";

	for (enum km_listing_id i = next_with(listing->columns, 0); i < KM_NR_LISTINGS;
	     i = next_with(listing->columns, i + 1)) {
		km_out_printf(out, "%s %s%s", before, km_listing(i)->is_verb ? "" : "--",
			      km_listing(i)->name);
		before = " and";
	}
	km_out_puts(out, " (* shown by default, + can be sorted by):\n");
	for (size_t i = 0; i < listing->nr_columns; i++) {
		const struct km_column *column = &listing->columns[i];
		char head[64];
		int len = snprintf(head, sizeof(head), "  %c%c %s", column->is_default ? '*' : ' ',
				   column->is_sortable ? '+' : ' ', column->key);

		km_out_puts(out, head);
		print_wrapped(out, column->help, len, HELP_INDENT);
	}
}

static void print_top_columns(struct km_out *out)
{
	const struct km_top_column *column;

	km_out_puts(out, "\nColumns, with the key that sorts by each on the screen:\n");
	for (size_t i = 0; (column = km_top_column_at(i)); i++) {
		char head[64];
		int len = snprintf(head, sizeof(head), "  %c  %-10s  %s", column->letter,
				   column->key, column->header);

		km_out_puts(out, head);
		print_wrapped(out, column->help, len, HELP_INDENT);
	}
}

void km_help_print(struct km_out *out, unsigned int verb)
{
	size_t nr_verbs, nr;
	const struct km_verb *verbs = km_verbs(&nr_verbs);
	const struct km_option *option;
	const struct km_exit_info *infos;

	for (size_t i = 0; i < nr_verbs; i++)
		km_out_printf(out, "%s kmemstat %s\n", i ? "      " : "Usage:", verbs[i].synopsis);
	km_out_puts(out,
		    "\nShows which lines of kernel code waste memory, how much, and what change "
		    "would\nmend it, from a recorded trace of the kernel's kmem events.\n\n");
	for (size_t i = 0; i < nr_verbs; i++) {
		km_out_printf(out, "  %s", verbs[i].name);
		print_wrapped(out, verbs[i].help, 2 + (int)strlen(verbs[i].name), 8);
	}
	for (enum km_option_group group = 0; group < KM_NR_GROUPS; group++) {
		bool has_title = false;

		for (size_t i = 0; (option = km_option_at(i)); i++) {
			if (option->group != group || option->is_hidden || !(option->verbs & verb))
				continue;
			if (!has_title)
				km_out_printf(out, "\n%s:\n", km_option_group_title(group));
			has_title = true;
			print_option(out, option, verb);
		}
	}
	for (enum km_listing_id i = 0; (verb & KM_VERBS_TABLE) && i < KM_NR_LISTINGS; i++)
		if (!is_told(km_listing(i)) && km_listing(i)->is_verb == (verb == KM_VERB_TYPES))
			print_columns(out, km_listing(i));
	if (verb == KM_VERB_TOP)
		print_top_columns(out);
	km_out_puts(out, "\nExit status:\n");
	infos = km_exit_infos(&nr);
	for (size_t i = 0; i < nr; i++) {
		km_out_printf(out, "  %d", infos[i].status);
		print_wrapped(out, infos[i].help, 3, 5);
	}
}

/*
 * Text in mdoc: a sentence a line, as mandoc wants it, and nothing that roff would take for
 * a request, an escape or a hyphen.
 */
static void print_mdoc_text(struct km_out *out, const char *text)
{
	size_t column = 0;

	for (const char *s = text; *s; s++, column++) {
		bool ends_sentence = s > text && s[-1] == '.' && isupper((unsigned char)s[1]);

		if (*s == ' ' && (ends_sentence || column + 1 + strcspn(s + 1, " ") > MDOC_WIDTH)) {
			km_out_puts(out, "\n");
			column = 0;
			s++;
		}
		if (*s == '\\')
			km_out_puts(out, "\\e");
		else if (*s == '-' && (s == text || s[-1] == ' ' || s[-1] == '-'))
			km_out_puts(out, "\\-");
		else if (column == 0 && (*s == '.' || *s == '\''))
			km_out_printf(out, "\\&%c", *s);
		else
			km_out_printf(out, "%c", *s);
	}
	km_out_puts(out, "\n");
}

/* Whether a verb of these is there. */
static bool has_verb(unsigned int bits)
{
	size_t nr;
	const struct km_verb *verbs = km_verbs(&nr);

	for (size_t i = 0; i < nr; i++)
		if (bits & verbs[i].bit)
			return true;
	return false;
}

/* "Goes with\n.Cm stat\nand\n.Cm info", the line not ended. */
static void print_mdoc_verbs(struct km_out *out, const char *before, unsigned int bits)
{
	size_t nr;
	const struct km_verb *verbs = km_verbs(&nr);
	bool is_first = true;

	km_out_puts(out, before);
	for (size_t i = 0; i < nr; i++) {
		if (!(bits & verbs[i].bit))
			continue;
		km_out_printf(out, "%s\n.Cm %s", is_first ? "" : "\nand", verbs[i].name);
		is_first = false;
	}
}

/* ".It Fl s , Fl \-sort Ar KEY". */
static void print_mdoc_option(struct km_out *out, const struct km_option *option)
{
	km_out_puts(out, ".It ");
	if (has_letter(option, option->verbs & KM_VERB_STAT ? KM_VERB_STAT : option->verbs))
		km_out_printf(out, "Fl %c , ", option->letter);
	km_out_printf(out, "Fl \\-%s", option->name);
	if (option->is_arg_optional)
		km_out_printf(out, " Ns Op = Ns Ar %s", option->arg);
	else if (option->arg)
		km_out_printf(out, " Ar %s", option->arg);
	km_out_puts(out, "\n");
	print_mdoc_text(out, option->help);
	if (option->more)
		print_mdoc_text(out, option->more);
	if (option->alias)
		km_out_printf(out, "Also spelled\n.Fl \\-%s .\n", option->alias);
	if (option->letter && option->verbs & KM_VERB_STAT && !has_letter(option, KM_VERB_STAT) &&
	    has_verb(option->letter_verbs)) {
		print_mdoc_verbs(out, "With", option->letter_verbs);
		km_out_printf(out, "\nalso\n.Fl %c .\n", option->letter);
	}
	if (option->verbs != KM_VERBS_ALL && option->verbs != KM_VERBS_ANY &&
	    option->verbs != KM_VERBS_STAT && option->verbs != KM_VERBS_COLLECT &&
	    option->verbs != KM_VERB_CHECK && option->verbs != KM_VERB_DIFF) {
		print_mdoc_verbs(out, "Goes with", option->verbs);
		km_out_puts(out, " .\n");
	}
}

static void print_mdoc_group(struct km_out *out, enum km_option_group group)
{
	const struct km_option *option;

	km_out_puts(out, ".Bl -tag -width Ds\n");
	for (size_t i = 0; (option = km_option_at(i)); i++)
		if (option->group == group && !option->is_hidden)
			print_mdoc_option(out, option);
	km_out_puts(out, ".El\n");
}

/* Groups that are about one verb are in the page of that. */
static void print_mdoc_options(struct km_out *out)
{
	for (enum km_option_group group = 0; group < KM_NR_GROUPS; group++) {
		if (group == KM_GROUP_CHECK || group == KM_GROUP_DIFF || group == KM_GROUP_RECORD ||
		    group == KM_GROUP_TOP || group == KM_GROUP_MERGE)
			continue;
		km_out_printf(out, ".Ss %s\n", km_option_group_title(group));
		print_mdoc_group(out, group);
	}
}

static void print_mdoc_check(struct km_out *out)
{
	print_mdoc_group(out, KM_GROUP_CHECK);
}

static void print_mdoc_diff(struct km_out *out)
{
	print_mdoc_group(out, KM_GROUP_DIFF);
}

static void print_mdoc_merge(struct km_out *out)
{
	print_mdoc_group(out, KM_GROUP_MERGE);
}

static void print_mdoc_top(struct km_out *out)
{
	print_mdoc_group(out, KM_GROUP_TOP);
}

/* The columns of top, with the keys that sort by them. */
static void print_mdoc_top_columns(struct km_out *out)
{
	const struct km_top_column *column;

	km_out_puts(out, ".Bl -column \"waste-rate\" \"LIFETIME\" \"key\" \"what\"\n"
			 ".It Sy key Ta Sy header Ta \\& Ta\n");
	for (size_t i = 0; (column = km_top_column_at(i)); i++)
		km_out_printf(out, ".It Cm %s Ta %s Ta %c Ta %s\n", column->key, column->header,
			      column->letter, column->help);
	km_out_puts(out, ".El\n");
}

static void print_mdoc_recording(struct km_out *out)
{
	print_mdoc_group(out, KM_GROUP_RECORD);
}

static void print_mdoc_listing(struct km_out *out, const struct km_listing *listing)
{
	const char *before = ".Ss Columns of";

	for (enum km_listing_id i = next_with(listing->columns, 0); i < KM_NR_LISTINGS;
	     i = next_with(listing->columns, i + 1)) {
		km_out_printf(out, "%s %s%s", before, km_listing(i)->is_verb ? "Cm " : "Fl \\-",
			      km_listing(i)->name);
		before = " No and";
	}
	km_out_puts(out, "\n.Bl -tag -width \"bytes_alloc_\" -compact\n");
	for (size_t i = 0; i < listing->nr_columns; i++) {
		const struct km_column *column = &listing->columns[i];

		km_out_printf(out, ".It Cm %s\n", column->key);
		print_mdoc_text(out, column->help);
		if (column->is_default)
			km_out_puts(out, "Shown by default.\n");
		if (!column->is_sortable)
			km_out_puts(out, "Not a sort key.\n");
	}
	km_out_puts(out, ".El\n");
}

static void print_mdoc_columns(struct km_out *out)
{
	for (enum km_listing_id i = 0; i < KM_NR_LISTINGS; i++)
		if (!is_told(km_listing(i)))
			print_mdoc_listing(out, km_listing(i));
}

static void print_mdoc_exit(struct km_out *out)
{
	size_t nr;
	const struct km_exit_info *infos = km_exit_infos(&nr);

	km_out_puts(out, ".Bl -tag -width Ds -compact\n");
	for (size_t i = 0; i < nr; i++) {
		km_out_printf(out, ".It %d\n", infos[i].status);
		print_mdoc_text(out, infos[i].help);
	}
	km_out_puts(out, ".El\n");
}

struct km_error *km_help_print_man(struct km_out *out, const char *section)
{
	static const struct {
		const char *name;
		void (*print)(struct km_out *out);
	} sections[] = {
		{ "options", print_mdoc_options }, { "check", print_mdoc_check },
		{ "diff", print_mdoc_diff },       { "recording", print_mdoc_recording },
		{ "top", print_mdoc_top },         { "topcolumns", print_mdoc_top_columns },
		{ "columns", print_mdoc_columns }, { "exit", print_mdoc_exit },
		{ "merge", print_mdoc_merge },     { "table", km_help_print_table },
	};

	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		if (strcmp(sections[i].name, section) == 0) {
			sections[i].print(out);
			return NULL;
		}
	}
	return km_error_create(KM_ERR_USAGE, NULL, "no section '%s' of the man page is generated",
			       section);
}
