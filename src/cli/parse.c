/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parser of the command line: getopt_long() fed from the option table. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli/reports.h"
#include "cli/stored.h"

/* Seconds between two frames, if the user does not say. */
#define TOP_INTERVAL_S 2

#define REMEDY_HELP "see kmemstat --help"

/* getopt's value of the i-th option by its long name; letters are below. */
#define LONG_VALUE 256

/* What getopt_long() wants, made from the table. */
struct getopt_tables {
	char letters[128];
	struct option *longs; /* two for each option at most, and the end */
};

static struct km_error *make_getopt_tables(struct getopt_tables *ret)
{
	size_t nr_longs = 0, nr_letters = 0;
	const struct km_option *option;

	ret->longs = calloc(2 * km_options_count() + 1, sizeof(*ret->longs));
	if (!ret->longs)
		return &km_error_memory;
	ret->letters[nr_letters++] = ':'; /* tell a missing argument from an unknown option */
	for (size_t i = 0; (option = km_option_at(i)); i++) {
		int has_arg = !option->arg              ? no_argument
			      : option->is_arg_optional ? optional_argument
							: required_argument;
		const char *names[] = { option->name, option->alias };

		for (int k = 0; k < 2; k++)
			if (names[k])
				ret->longs[nr_longs++] =
					(struct option){ .name = names[k],
							 .has_arg = has_arg,
							 .val = LONG_VALUE + (int)i };
		/* several options may have it, each for other verbs; they are alike in arguments */
		if (option->letter && !memchr(ret->letters, option->letter, nr_letters) &&
		    nr_letters + 3 < sizeof(ret->letters)) {
			ret->letters[nr_letters++] = option->letter;
			if (has_arg == required_argument)
				ret->letters[nr_letters++] = ':';
		}
	}
	ret->letters[nr_letters] = '\0';
	return NULL;
}

/*
 * The number of the option that getopt's `value` is for a verb, km_options_count() if there is
 * none.
 */
static size_t option_of_value(int value, unsigned int verb)
{
	const struct km_option *option;
	size_t i;

	if (value >= LONG_VALUE)
		return (size_t)(value - LONG_VALUE);
	for (i = 0; (option = km_option_at(i)); i++)
		if (option->letter && option->letter == value &&
		    (!option->letter_verbs || option->letter_verbs & verb))
			break;
	return i;
}

/* Letters to change, add, leave out or swap to get from `a` to `b`: what typing errors are. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t len = strlen(b), best = SIZE_MAX;
	size_t rows[3][64];

	if (len >= 64)
		return SIZE_MAX;
	for (size_t j = 0; j <= len; j++)
		rows[0][j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *two = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= len; j++) {
			size_t cost = above[j - 1] + (a[i - 1] != b[j - 1]);

			if (above[j] + 1 < cost)
				cost = above[j] + 1;
			if (row[j - 1] + 1 < cost)
				cost = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    two[j - 2] + 1 < cost)
				cost = two[j - 2] + 1;
			row[j] = cost;
		}
		best = row[len];
	}
	return best == SIZE_MAX ? len : best;
}

const char *km_nearest_name(const char *word, size_t nr,
			    const char *(*name_of)(const void *arg, size_t i), const void *arg)
{
	size_t best = strlen(word) / 3 + 2; /* further away is no typing error */
	const char *nearest = NULL;

	for (size_t i = 0; i < nr; i++) {
		const char *name = name_of(arg, i);
		size_t distance = name ? edit_distance(word, name) : SIZE_MAX;

		if (distance < best && distance < strlen(word)) {
			best = distance;
			nearest = name;
		}
	}
	return nearest;
}

static const char *option_name(const void *arg, size_t i)
{
	const struct km_option *option = km_option_at(i);

	return option->is_hidden ? NULL : option->name;
}

static const char *verb_name(const void *arg, size_t i)
{
	return ((const struct km_verb *)arg)[i].name;
}

/* An option "--word" or "--word=..." that getopt does not know or finds ambiguous. */
static struct km_error *unknown_long_option(const char *word)
{
	size_t len = strcspn(word, "=");
	const struct km_option *option;
	const char *first = NULL, *nearest;
	char *name = strndup(word, len);
	struct km_error *error;

	if (!name)
		return &km_error_memory;
	for (size_t i = 0; (option = km_option_at(i)); i++) {
		if (option->is_hidden || strncmp(option->name, name, len) != 0)
			continue;
		if (first) {
			error = km_error_create(KM_ERR_USAGE, NULL,
						"option '--%s' could be '--%s' or '--%s'", name,
						first, option->name);
			free(name);
			return error;
		}
		first = option->name;
	}
	error = km_error_create(KM_ERR_USAGE, NULL, "unknown option '--%s'", name);
	nearest = km_nearest_name(name, km_options_count(), option_name, NULL);
	free(name);
	return nearest ? km_error_advise(error, "did you mean '--%s'?", nearest)
		       : km_error_advise(error, REMEDY_HELP);
}

static struct km_error *getopt_error(int result, char *const *argv, unsigned int verb)
{
	const struct km_option *option = km_option_at(option_of_value(optopt, verb));

	/* a letter that other verbs have */
	if (result != ':' && result != '?')
		optopt = result;
	if (result == ':' && option)
		return km_error_advise(km_error_create(KM_ERR_USAGE, NULL, "--%s needs %s",
						       option->name, option->arg),
				       REMEDY_HELP);
	if (result == '?' && optopt >= LONG_VALUE && option)
		return km_error_advise(
			km_error_create(KM_ERR_USAGE, NULL, "--%s takes no argument", option->name),
			REMEDY_HELP);
	if (optopt)
		return km_error_advise(
			km_error_create(KM_ERR_USAGE, NULL, "unknown option '-%c'", optopt),
			REMEDY_HELP);
	return unknown_long_option(argv[optind - 1] + 2);
}

/*
 * --cache is a view, and with a GLOB a filter. One written as a word of its own looks like a FILE:
 * it is the GLOB if there is one word more than a FILE.
 */
struct cache_word {
	const char *word; /* behind the last --cache without argument; NULL: none */
	unsigned int nr;  /* how many such there are */
};

static bool take_cache_word(const struct cache_word *cache, int nr, char **args,
			    struct km_options *ret)
{
	for (int i = 0; cache->word && nr > !ret->input && i < nr; i++) {
		if (args[i] != cache->word)
			continue;
		ret->filter.cache = cache->word;
		memmove(&args[i], &args[i + 1], (size_t)(nr - i - 1) * sizeof(*args));
		for (unsigned int k = 0; cache->nr == 1 && k < ret->nr_views; k++) {
			if (strcmp(ret->views[k], "cache") != 0)
				continue;
			ret->nr_views--;
			memmove(&ret->views[k], &ret->views[k + 1],
				(ret->nr_views - k) * sizeof(ret->views[0]));
		}
		return true;
	}
	return false;
}

/* diff BASE NEW, or all by --base and --new. */
static struct km_error *take_sides(int nr, char **args, struct km_options *ret)
{
	const bool has_sides = ret->nr_sides[KM_DIFF_BASE] || ret->nr_sides[KM_DIFF_NEW];

	ret->has_stray_words = nr && (nr != 2 || has_sides);
	for (enum km_diff_side_id side = 0; nr == 2 && !has_sides && side < KM_NR_DIFF_SIDES;
	     side++) {
		ret->sides[side] = calloc(1, sizeof(const char *));
		if (!ret->sides[side])
			return &km_error_memory;
		ret->sides[side][0] = args[side];
		ret->nr_sides[side] = 1;
	}
	return NULL;
}

/* merge REPORT... */
static struct km_error *take_reports(int nr, char **args, struct km_options *ret)
{
	ret->reports = calloc((size_t)nr + 1, sizeof(const char *));
	if (!ret->reports)
		return &km_error_memory;
	for (int i = 0; i < nr; i++)
		ret->reports[ret->nr_reports++] = args[i];
	return NULL;
}

/* Words that are no options: [VERB] FILE. */
static struct km_error *take_arguments(int nr, char **args, const struct cache_word *cache,
				       struct km_options *ret)
{
	size_t nr_verbs;
	const struct km_verb *verbs = km_verbs(&nr_verbs);
	const struct km_verb *verb = nr ? km_verb_find(args[0]) : NULL;

	ret->verb = verb ? verb->bit : verbs[0].bit;
	if (verb) {
		nr--;
		args++;
	}
	if (ret->verb == KM_VERB_DIFF)
		return take_sides(nr, args, ret);
	if (ret->verb == KM_VERB_MERGE)
		return take_reports(nr, args, ret);
	if (take_cache_word(cache, nr, args, ret))
		nr--;
	if (nr && (ret->verb & KM_VERBS_COMMAND))
		return km_error_advise(
			km_error_create(KM_ERR_USAGE, NULL, "'%s' reads no file: '%s'", verb->name,
					args[0]),
			"to run a command meanwhile: kmemstat %s [OPTIONS] -- COMMAND", verb->name);
	if (nr > 1 && !verb) {
		const char *nearest = km_nearest_name(args[0], nr_verbs, verb_name, verbs);

		if (nearest)
			return km_error_advise(
				km_error_create(KM_ERR_USAGE, NULL, "unknown verb '%s'", args[0]),
				"did you mean '%s'?", nearest);
	}
	if (nr > 1 || (nr && ret->input))
		return km_error_advise(
			km_error_create(KM_ERR_USAGE, NULL, "two trace files: '%s' and '%s'",
					nr > 1 ? args[0] : ret->input, nr > 1 ? args[1] : args[0]),
			"name one at a time");
	if (nr)
		ret->input = args[0];
	return NULL;
}

bool km_options_ask_for_help(const struct km_options *options)
{
	return options->show_help || options->show_version || options->show_formats ||
	       options->show_models || options->man_section;
}

bool km_options_has_view(const struct km_options *options, const char *name)
{
	for (unsigned int i = 0; i < options->nr_views; i++)
		if (strcmp(options->views[i], name) == 0)
			return true;
	return false;
}

bool km_options_want_peak(const struct km_options *options)
{
	const bool is_csv = options->format == KM_FORMAT_CSV;

	if (options->format == KM_FORMAT_JSON)
		return km_renderer_find("json")->wants_peak;
	if (options->format == KM_FORMAT_REPORT && km_renderer_find(options->report)->wants_peak)
		return true;
	for (size_t i = 0; i < options->nr_report_files; i++)
		if (km_renderer_find(options->report_files[i].name)->wants_peak)
			return true;
	/* the timeline as comma-separated values has ticks alone */
	for (unsigned int i = 0; !is_csv && i < options->nr_views; i++)
		if (km_renderer_find(options->views[i])->wants_peak)
			return true;
	return false;
}

/* Whether a format has the views' place that has all rows and fields. */
static bool is_whole(const struct km_options *options)
{
	return options->format == KM_FORMAT_JSON || options->format == KM_FORMAT_REPORT;
}

/* A view that -s is about, and -F if that is given. */
static bool has_table(const struct km_options *options)
{
	const bool wants_columns = options->fields && options->format == KM_FORMAT_TEXT;

	for (unsigned int i = 0; i < options->nr_views; i++) {
		const struct km_renderer *view = km_renderer_find(options->views[i]);

		if (view->is_list && !(wants_columns && view->has_own_columns))
			return true;
	}
	return false;
}

/* The error of an option or view that needs pairs, if there are none. */
static struct km_error *check_pairs(const struct km_options *options, const char *name)
{
	if (!options->no_pairing && !options->hist)
		return NULL;
	return km_error_advise(km_error_create(KM_ERR_USAGE, NULL,
					       "--%s needs allocations paired with frees", name),
			       "leave out --%s", options->hist ? "hist" : "no-pairing");
}

static struct km_error *check_pairing(const struct km_options *options)
{
	struct km_error *error = NULL;

	for (unsigned int i = 0; !error && i < options->nr_views; i++)
		if (km_renderer_find(options->views[i])->needs_pairs)
			error = check_pairs(options, options->views[i]);
	return error;
}

static bool has_slab_view(const struct km_options *options)
{
	for (unsigned int i = 0; i < options->nr_views; i++)
		if (km_renderer_find(options->views[i])->layer == KM_LAYER_SLAB)
			return true;
	return false;
}

/*
 * As in perf kmem, --page --alloc is about page frames, for pointers are slab's, and --page --live
 * about pages that are live.
 */
static void settle_page_views(struct km_options *options)
{
	unsigned int kept = 0;

	if ((!km_options_has_view(options, "page") &&
	     !km_options_has_view(options, "page-frame")) ||
	    options->slab)
		return;
	for (unsigned int i = 0; i < options->nr_views; i++) {
		const char *view = options->views[i];

		if (strcmp(view, "live") == 0) {
			options->only_live = true;
			continue;
		}
		options->views[kept++] = strcmp(view, "alloc") == 0 ? "page-frame" : view;
	}
	options->nr_views = kept;
}

/* One table, and one that is there as comma-separated values. */
static struct km_error *check_csv(const struct km_options *options)
{
	for (unsigned int i = 0; i < options->nr_views; i++)
		if (!km_renderer_find(options->views[i])->csv)
			return km_error_advise(
				km_error_create(KM_ERR_USAGE, NULL, "--%s does not go with --csv",
						options->views[i]),
				"--csv writes a table of rows, --json has everything");
	if (options->nr_views > 1)
		return km_error_advise(km_error_create(KM_ERR_USAGE, NULL,
						       "--%s and --%s are two tables for --csv",
						       options->views[0], options->views[1]),
				       "choose one");
	return NULL;
}

static bool shows_findings(const char *report)
{
	return km_renderer_find(report)->shows & KM_SHOWS_FINDINGS;
}

static struct km_error *check_severity(const struct km_options *options)
{
	const char *advice = options->verb == KM_VERB_CHECK ? "give --format markdown, or another "
							      "that shows findings"
							    : "add --summary";

	if (!options->has_min_severity ||
	    (options->format == KM_FORMAT_TEXT && km_options_has_view(options, "summary")) ||
	    (options->format == KM_FORMAT_REPORT && shows_findings(options->report)))
		return NULL;
	for (size_t i = 0; i < options->nr_report_files; i++)
		if (shows_findings(options->report_files[i].name))
			return NULL;
	if (options->format == KM_FORMAT_JSON)
		advice = "the JSON report always holds all findings";
	else if (options->format == KM_FORMAT_REPORT)
		advice = "this format always holds all findings";
	return km_error_advise(
		km_error_create(KM_ERR_USAGE, NULL, "--min-severity is about the summary"), "%s",
		advice);
}

static struct km_error *check_suppressions(const struct km_options *options)
{
	if (!options->nr_suppress || options->format == KM_FORMAT_JSON ||
	    options->format == KM_FORMAT_REPORT || options->nr_report_files ||
	    km_options_has_view(options, "summary"))
		return NULL;
	return km_error_advise(km_error_create(KM_ERR_USAGE, NULL, "--suppress is about findings"),
			       "add --summary");
}

/* Models are there to be shown. */
static void settle_model_views(struct km_options *options)
{
	if ((options->nr_models || options->replay) && !is_whole(options) &&
	    !km_options_has_view(options, "models") &&
	    !km_options_has_view(options, "model-class") &&
	    !km_options_has_view(options, "model-caller"))
		options->views[options->nr_views++] = "models";
}

static struct km_error *check_source(const struct km_options *options)
{
	if (!options->source_root)
		return km_error_advise(km_error_create(KM_ERR_USAGE, NULL,
						       "--source needs to know where the sources "
						       "are"),
				       "give --source-root DIR");
	if (!is_whole(options) && !km_options_has_view(options, "summary"))
		return km_error_advise(
			km_error_create(KM_ERR_USAGE, NULL, "--source is about findings"),
			"add --summary");
	return NULL;
}

/*
 * The view without one asked for: options of the call-site table ask for that. Options that
 * the views have no use for are errors, not ignored.
 */
static struct km_error *settle_views(struct km_options *options)
{
	bool has_table_option = options->sort || options->fields;
	const char *option = options->sort ? "sort" : "fields";
	bool is_csv = options->format == KM_FORMAT_CSV;
	struct km_error *error;

	settle_page_views(options);
	settle_model_views(options);
	if (!is_whole(options) && !options->nr_views)
		options->views[options->nr_views++] =
			has_table_option || is_csv ? "caller" : "summary";
	if (options->format == KM_FORMAT_TEXT && options->slab && !has_slab_view(options) &&
	    options->nr_views < KM_MAX_VIEWS)
		options->views[options->nr_views++] = "summary";
	if (!is_whole(options) && has_table_option && !has_table(options))
		return km_error_advise(
			km_error_create(KM_ERR_USAGE, NULL, "--%s is about tables of rows", option),
			"add --caller");
	if (options->per && !is_whole(options) && !km_options_has_view(options, "caller") &&
	    !km_options_has_view(options, "summary"))
		return km_error_advise(
			km_error_create(KM_ERR_USAGE, NULL, "--per is about call sites"),
			"add --caller");
	if (options->per_new)
		return km_error_advise(
			km_error_create(KM_ERR_USAGE, NULL, "--per N:M is for two sides"),
			"give one number, or compare with kmemstat diff");
	error = options->source ? check_source(options) : NULL;
	if (!error && is_csv)
		error = check_csv(options);
	if (!error)
		error = check_pairing(options);
	if (!error)
		error = km_reports_check(options);
	if (!error)
		error = check_severity(options);
	return error ? error : check_suppressions(options);
}

/* What check writes: each another file, and not the trace. */
static struct km_error *check_written(const struct km_options *options)
{
	const char *paths[] = { options->write_baseline, options->write_suppressions,
				options->output };
	static const char *const names[] = { "--write-baseline", "--write-suppressions",
					     "--output" };

	for (size_t i = 0; i < 3; i++) {
		struct km_error *error = NULL;

		if (!paths[i])
			continue;
		error = km_output_check_file(paths[i], names[i], options->input);
		for (size_t k = 0; !error && k < i; k++)
			if (paths[k] && km_output_is_same_file(paths[i], paths[k]))
				error = km_error_create(KM_ERR_USAGE, paths[i],
							"is the file of %s and of %s", names[k],
							names[i]);
		for (size_t k = 0; !error && i < 2 && k < options->nr_report_files; k++)
			if (km_output_is_same_file(paths[i], options->report_files[k].file))
				error = km_error_create(KM_ERR_USAGE, paths[i],
							"is the file of %s and of --format %s",
							names[i], options->report_files[k].name);
		if (error)
			return km_error_advise(error, "choose another file for one");
	}
	return NULL;
}

/* What growth is compared by. */
static struct km_error *settle_growth(struct km_options *options)
{
	struct km_gate_options *gates = &options->gates;

	if (!options->diff_unit)
		return NULL;
	gates->growth = options->diff;
	if (gates->max_waste_growth.text ||
	    (gates->max_hits_growth.text && gates->growth.unit != KM_DIFF_HIT))
		return NULL;
	return km_error_advise(km_error_create(KM_ERR_USAGE, NULL, "--%s is about growth%s",
					       options->diff_unit,
					       gates->max_hits_growth.text ? " of waste" : ""),
			       "add --max-waste-growth%s",
			       gates->growth.unit == KM_DIFF_HIT ? "" : " or --max-hits-growth");
}

static struct km_error *settle_check(struct km_options *options)
{
	struct km_error *error = km_reports_check(options);

	if (!error)
		error = settle_growth(options);
	if (!error)
		error = check_severity(options);
	if (!error)
		error = km_gate_options_check(&options->gates, options->nr_baselines);
	return error ? error : check_written(options);
}

static struct km_error *settle_diff(struct km_options *options)
{
	if (!options->nr_sides[KM_DIFF_BASE] || !options->nr_sides[KM_DIFF_NEW] ||
	    options->has_stray_words)
		return km_error_advise(
			km_error_create(KM_ERR_USAGE, NULL, "diff compares two sides"),
			"run kmemstat diff [OPTIONS] BASE NEW, or name all files with --base and "
			"--new");
	if (!options->per)
		return NULL;
	if (options->diff_unit)
		return km_error_advise(km_error_create(KM_ERR_USAGE, NULL,
						       "--%s and --per are two ways to compare",
						       options->diff_unit),
				       "choose one");
	options->diff.has_unit = true;
	options->diff.unit = KM_DIFF_PER;
	options->diff.per[KM_DIFF_BASE] = (double)options->per;
	options->diff.per[KM_DIFF_NEW] =
		(double)(options->per_new ? options->per_new : options->per);
	return NULL;
}

static struct km_error *settle_top(struct km_options *options)
{
	if (options->batch && options->has_speed)
		return km_error_advise(
			km_error_create(KM_ERR_USAGE, NULL, "--speed does not go with --batch"),
			"frames are printed as fast as they can be read");
	if (!options->batch && options->has_lines)
		return km_error_advise(
			km_error_create(KM_ERR_USAGE, NULL, "--lines is about --batch"),
			"the screen shows what there is room for");
	if (!options->interval_s)
		options->interval_s = TOP_INTERVAL_S;
	/* the caches' table is there in any case but that of counts, which have no caches */
	if (!options->hist)
		options->views[options->nr_views++] = "cache";
	return NULL;
}

/* Options that the verb or the format has no use for are errors, too. */
static struct km_error *check_combination(const struct km_options *options, const bool *is_used)
{
	const struct km_verb *verb = km_verb_of_bit(options->verb);
	const struct km_option *option;

	for (size_t i = 0; (option = km_option_at(i)); i++) {
		if (!is_used[i])
			continue;
		if (!(option->verbs & options->verb))
			return km_error_advise(km_error_create(KM_ERR_USAGE, NULL,
							       "--%s does not go with '%s'",
							       option->name, verb->name),
					       "see kmemstat %s --help", verb->name);
		if (options->is_stored && !km_stored_takes(option))
			return km_stored_refuse(options, option->name);
		if (options->input && option->group == KM_GROUP_RECORD)
			return km_error_advise(
				km_error_create(KM_ERR_USAGE, NULL,
						"--%s is about the running kernel, and no FILE",
						option->name),
				"leave one out");
		if (option->needs_pairs) {
			struct km_error *error = check_pairs(options, option->name);

			if (error)
				return error;
		}
		if (option->needs_view && !km_options_has_view(options, option->needs_view))
			return km_error_advise(km_error_create(KM_ERR_USAGE, NULL,
							       "--%s is about --%s", option->name,
							       option->needs_view),
					       "add --%s", option->needs_view);
		if (option->group == KM_GROUP_VIEW && !(options->verb & KM_VERBS_STAT) &&
		    options->nr_views)
			return km_error_advise(km_error_create(KM_ERR_USAGE, NULL,
							       "--%s without GLOB does not "
							       "go with '%s'",
							       option->name, verb->name),
					       "give --%s=GLOB", option->name);
		if (is_whole(options) && option->group == KM_GROUP_TABLE &&
		    strcmp(option->name, "raw-ip") != 0 && strcmp(option->name, "per") != 0)
			return km_error_advise(
				km_error_create(KM_ERR_USAGE, NULL, "--%s does not go with --%s%s",
						option->name, options->report ? "format " : "json",
						options->report ? options->report : ""),
				"%s",
				options->format == KM_FORMAT_JSON
					? "the JSON report always holds all rows and fields"
					: "it is about tables");
	}
	return NULL;
}

/*
 * The verb is the first word that is no option or argument of one, wherever it stands: options may
 * be before it, and what their letters mean depends on it.
 */
static struct km_error *find_verb(int argc, char **argv, const struct getopt_tables *tables,
				  unsigned int *ret)
{
	/* getopt_long() moves words, and parse_options() wants them where they were */
	char **copy = calloc((size_t)argc + 1, sizeof(*copy));
	size_t nr_verbs;
	const struct km_verb *verb = NULL;

	if (!copy)
		return &km_error_memory;
	memcpy(copy, argv, (size_t)argc * sizeof(*copy));
	optind = 0; /* glibc: begin anew */
	opterr = 0;
	while (getopt_long(argc, copy, tables->letters, tables->longs, NULL) != -1)
		;
	if (optind < argc)
		verb = km_verb_find(copy[optind]);
	free(copy);
	*ret = verb ? verb->bit : km_verbs(&nr_verbs)[0].bit;
	return NULL;
}

/* What stands behind the first "--" is a command for verbs that run one. */
static struct km_error *take_command(int *argc, char **argv, struct km_options *ret)
{
	for (int i = 1; (ret->verb & KM_VERBS_COMMAND) && i < *argc; i++) {
		if (strcmp(argv[i], "--") != 0)
			continue;
		if (i + 1 == *argc)
			return km_error_advise(
				km_error_create(KM_ERR_USAGE, NULL, "no command is behind --"),
				"leave -- out to record until Ctrl-C");
		ret->command = &argv[i + 1];
		*argc = i;
	}
	return NULL;
}

static struct km_error *parse_options(int argc, char **argv, const struct getopt_tables *tables,
				      bool *is_used, struct km_options *ret)
{
	struct cache_word cache = { 0 };
	struct km_error *error = NULL;
	int result;

	error = find_verb(argc, argv, tables, &ret->verb);
	if (!error)
		error = take_command(&argc, argv, ret);
	optind = 0; /* glibc: begin anew */
	while (!error &&
	       (result = getopt_long(argc, argv, tables->letters, tables->longs, NULL)) != -1) {
		size_t number = option_of_value(result, ret->verb);
		const struct km_option *option = km_option_at(number);

		if (result == '?' || result == ':' || !option)
			return getopt_error(result, argv, ret->verb);
		is_used[number] = true;
		error = option->set(option, optarg, ret);
		if (!optarg && strcmp(option->name, "cache") == 0) {
			cache.nr++;
			cache.word = optind < argc ? argv[optind] : NULL;
		}
	}
	return error ? error : take_arguments(argc - optind, argv + optind, &cache, ret);
}

struct km_error *km_options_parse(int argc, char **argv, struct km_options *ret)
{
	struct getopt_tables tables = { 0 };
	bool *is_used = calloc(km_options_count(), sizeof(*is_used));
	struct km_error *error;

	*ret = (struct km_options){ .thresholds = KM_THRESHOLDS_DEFAULT,
				    .short_ns = 1000000,
				    .min_severity = KM_FIND_MEDIUM,
				    .top = 20 };
	if (!is_used)
		return &km_error_memory;
	error = make_getopt_tables(&tables);
	if (!error)
		error = parse_options(argc, argv, &tables, is_used, ret);
	if (!error && !km_options_ask_for_help(ret)) {
		ret->is_stored = km_stored_is(ret);
		error = check_combination(ret, is_used);
		if (!error && (ret->verb & KM_VERBS_STAT))
			error = settle_views(ret);
		if (!error && ret->verb == KM_VERB_CHECK)
			error = settle_check(ret);
		if (!error && ret->verb == KM_VERB_DIFF)
			error = settle_diff(ret);
		if (!error && ret->verb == KM_VERB_TOP)
			error = settle_top(ret);
		if (!error && !ret->input && (ret->verb & KM_VERBS_FILE))
			error = km_error_advise(
				km_error_create(KM_ERR_USAGE, NULL, "no trace file is named"),
				"run kmemstat [OPTIONS] FILE, " REMEDY_HELP);
	}
	free(tables.longs);
	free(is_used);
	return error;
}

void km_options_deinit(struct km_options *options)
{
	for (size_t i = 0; i < options->nr_report_files; i++)
		free(options->report_files[i].name);
	free(options->report_files);
	free(options->report);
	free(options->debug_dirs);
	free(options->models);
	options->debug_dirs = NULL;
	options->models = NULL;
	options->nr_models = 0;
	options->report_files = NULL;
	options->report = NULL;
	options->nr_report_files = 0;
	for (enum km_diff_side_id side = 0; side < KM_NR_DIFF_SIDES; side++)
		free(options->sides[side]);
	free(options->reports);
	options->reports = NULL;
	free(options->suppress);
	free(options->baselines);
	free(options->budgets);
	free(options->gates.fail_on);
	options->suppress = options->baselines = options->budgets = NULL;
	options->gates.fail_on = NULL;
}
