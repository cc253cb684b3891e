/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What options do with their arguments. */
#include "cli/setters.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/memory.h"

#define REMEDY_HELP "see kmemstat --help"

static void *target_of(const struct km_option *option, struct km_options *ret)
{
	return (char *)ret + option->offset;
}

static struct km_error *bad_value(const struct km_option *option, const char *arg,
				  const char *expected)
{
	struct km_error *error = km_error_create(KM_ERR_USAGE, NULL, "--%s: '%s' is not %s",
						 option->name, arg, expected);

	return km_error_advise(error, REMEDY_HELP);
}

/* A decimal number and nothing else. */
static bool parse_count(const char *text, uint64_t *ret, const char **ret_end)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*ret = strtoull(text, &end, 10);
	*ret_end = end;
	return errno == 0;
}

bool km_parse_size(const char *text, uint64_t *ret)
{
	static const char suffixes[] = "kmgt";
	uint64_t number;
	const char *end;

	if (!parse_count(text, &number, &end))
		return false;
	if (*end) {
		const char *suffix = strchr(suffixes, *end | 0x20);

		if (!suffix || end[1])
			return false;
		for (long i = suffix - suffixes; i >= 0; i--)
			if (__builtin_mul_overflow(number, (uint64_t)1024, &number))
				return false;
	}
	*ret = number;
	return true;
}

struct km_error *km_set_flag(const struct km_option *option, const char *arg,
			     struct km_options *ret)
{
	(void)arg;
	*(bool *)target_of(option, ret) = true;
	return NULL;
}

struct km_error *km_set_string(const struct km_option *option, const char *arg,
			       struct km_options *ret)
{
	if (!*arg)
		return bad_value(option, arg, "a name");
	*(const char **)target_of(option, ret) = arg;
	return NULL;
}

/* An instance may be the top-level buffer, whose name is empty. */
struct km_error *km_set_instance(const struct km_option *option, const char *arg,
				 struct km_options *ret)
{
	*(const char **)target_of(option, ret) = arg;
	return NULL;
}

struct km_error *km_set_input(const struct km_option *option, const char *arg,
			      struct km_options *ret)
{
	if (ret->input)
		return km_error_advise(km_error_create(KM_ERR_USAGE, NULL,
						       "two trace files: '%s' and '%s'", ret->input,
						       arg),
				       "name one at a time");
	return km_set_string(option, arg, ret);
}

struct km_error *km_set_count(const struct km_option *option, const char *arg,
			      struct km_options *ret)
{
	const char *end;
	uint64_t number;

	if (!parse_count(arg, &number, &end) || *end || number > INT32_MAX)
		return bad_value(option, arg, "a number");
	*(size_t *)target_of(option, ret) = (size_t)number;
	return NULL;
}

struct km_error *km_set_lines(const struct km_option *option, const char *arg,
			      struct km_options *ret)
{
	ret->has_lines = true;
	return km_set_count(option, arg, ret);
}

struct km_error *km_set_top(const struct km_option *option, const char *arg, struct km_options *ret)
{
	ret->has_top = true;
	return km_set_count(option, arg, ret);
}

struct km_error *km_set_width(const struct km_option *option, const char *arg,
			      struct km_options *ret)
{
	ret->has_width = true;
	return km_set_count(option, arg, ret);
}

struct km_error *km_set_threads(const struct km_option *option, const char *arg,
				struct km_options *ret)
{
	struct km_error *error = km_set_count(option, arg, ret);

	if (!error && (ret->threads < 1 || ret->threads > 1024))
		return bad_value(option, arg, "a number from 1 to 1024");
	return error;
}

/* N, or of diff N:M. */
struct km_error *km_set_per(const struct km_option *option, const char *arg, struct km_options *ret)
{
	uint64_t per, per_new = 0;
	const char *end;
	bool is_good = parse_count(arg, &per, &end);

	if (is_good && *end == ':')
		is_good = parse_count(end + 1, &per_new, &end) && per_new;
	if (!is_good || *end || !per || per > INT32_MAX || per_new > INT32_MAX)
		return bad_value(option, arg, "a number of units from 1 on");
	ret->per = (size_t)per;
	ret->per_new = (size_t)per_new;
	return NULL;
}

/* A decimal number within limits, and nothing else. */
static bool parse_real(const char *text, double least, double most, double *ret)
{
	char *end;
	double number;

	errno = 0;
	number = strtod(text, &end);
	if (end == text || *end || errno || !(number >= least && number <= most) || *text == ' ')
		return false;
	*ret = number;
	return true;
}

struct km_error *km_set_interval(const struct km_option *option, const char *arg,
				 struct km_options *ret)
{
	if (parse_real(arg, 0.01, 1e6, &ret->interval_s))
		return NULL;
	return bad_value(option, arg, "a number of seconds from 0.01 on");
}

struct km_error *km_set_speed(const struct km_option *option, const char *arg,
			      struct km_options *ret)
{
	ret->has_speed = true;
	if (parse_real(arg, 0, 1e9, &ret->speed))
		return NULL;
	return bad_value(option, arg, "a factor, or 0");
}

struct km_error *km_set_frames(const struct km_option *option, const char *arg,
			       struct km_options *ret)
{
	struct km_error *error = km_set_count(option, arg, ret);

	if (!error && !ret->frames)
		return bad_value(option, arg, "a number from 1 on");
	return error;
}

struct km_error *km_set_top_view(const struct km_option *option, const char *arg,
				 struct km_options *ret)
{
	for (enum km_top_view view = 0; view < KM_NR_TOP_VIEWS; view++)
		if (strcmp(arg, km_top_view_name(view)) == 0) {
			ret->top_view = view;
			return NULL;
		}
	return bad_value(option, arg, "callers, classes, caches, live or findings");
}

struct km_error *km_set_percent(const struct km_option *option, const char *arg,
				struct km_options *ret)
{
	char *end;
	double number;

	errno = 0;
	number = strtod(arg, &end);
	if (*end == '%')
		end++;
	if (end == arg || *end || errno || !(number >= 0 && number <= 100) || *arg == ' ')
		return bad_value(option, arg, "a percentage from 0 to 100");
	*(double *)target_of(option, ret) = number;
	return NULL;
}

struct km_error *km_set_factor(const struct km_option *option, const char *arg,
			       struct km_options *ret)
{
	char *end;
	double number;

	errno = 0;
	number = strtod(arg, &end);
	if (end == arg || *end || errno || !(number >= 1 && number <= 1e9) || *arg == ' ')
		return bad_value(option, arg, "a factor from 1 on");
	*(double *)target_of(option, ret) = number;
	return NULL;
}

struct km_error *km_set_size(const struct km_option *option, const char *arg,
			     struct km_options *ret)
{
	if (!km_parse_size(arg, target_of(option, ret)))
		return bad_value(option, arg, "a size in bytes (suffixes k, M, G)");
	return NULL;
}

struct km_error *km_set_memory_limit(const struct km_option *option, const char *arg,
				     struct km_options *ret)
{
	uint64_t size;

	if (!km_parse_size(arg, &size) || size < KM_MEMORY_LEAST)
		return bad_value(option, arg, "a size of 32M or more (suffixes k, M, G)");
	ret->memory_limit = size;
	return NULL;
}

/* A page order: more than 52 there is not. */
struct km_error *km_set_order(const struct km_option *option, const char *arg,
			      struct km_options *ret)
{
	enum { MOST = 52 };
	uint64_t number;
	const char *end;

	if (!parse_count(arg, &number, &end) || *end || number > MOST)
		return bad_value(option, arg, "a page order from 0 to 52");
	*(size_t *)target_of(option, ret) = (size_t)number;
	return NULL;
}

/* A number and a unit; the shortest units first, those from `nr` on are not known. */
static bool parse_time(const char *text, size_t nr, uint64_t *ret)
{
	static const struct {
		const char *unit;
		uint64_t ns;
	} units[] = { { "ns", 1 },         { "us", 1000 },       { "ms", 1000000 },
		      { "s", 1000000000 }, { "m", 60000000000 }, { "h", 3600000000000 },
		      { "", 1000000000 } };
	uint64_t number = 0;
	const char *end;

	if (!parse_count(text, &number, &end))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]) && i < nr; i++)
		if (strcmp(end, units[i].unit) == 0)
			return !__builtin_mul_overflow(number, units[i].ns, ret);
	return false;
}

struct km_error *km_set_time(const struct km_option *option, const char *arg,
			     struct km_options *ret)
{
	if (parse_time(arg, 4, target_of(option, ret)))
		return NULL;
	return bad_value(option, arg, "a time (a number and ns, us, ms or s)");
}

struct km_error *km_set_duration(const struct km_option *option, const char *arg,
				 struct km_options *ret)
{
	uint64_t ns;

	if (!parse_time(arg, SIZE_MAX, &ns) || !ns || ns > INT64_MAX)
		return bad_value(option, arg,
				 "a time (seconds, or a number and ns, us, ms, s, m or h)");
	*(uint64_t *)target_of(option, ret) = ns;
	return NULL;
}

struct km_error *km_set_view(const struct km_option *option, const char *arg,
			     struct km_options *ret)
{
	(void)arg;
	for (unsigned int i = 0; i < ret->nr_views; i++)
		if (strcmp(ret->views[i], option->value) == 0)
			return NULL;
	if (ret->nr_views < KM_MAX_VIEWS)
		ret->views[ret->nr_views++] = option->value;
	return NULL;
}

/* Without a GLOB a view; parse.c looks whether the next word is one. */
struct km_error *km_set_cache(const struct km_option *option, const char *arg,
			      struct km_options *ret)
{
	if (!arg)
		return km_set_view(option, arg, ret);
	if (!*arg)
		return bad_value(option, arg, "a name");
	ret->filter.cache = arg;
	return NULL;
}

static struct km_error *two_formats(const char *a, const char *b)
{
	return km_error_advise(
		km_error_create(KM_ERR_USAGE, NULL, "%s and %s are two formats", a, b),
		"choose one for standard output, and give others a file: "
		"--format NAME=FILE");
}

struct km_error *km_set_format(const struct km_option *option, const char *arg,
			       struct km_options *ret)
{
	enum km_format format = strcmp(option->value, "json") == 0 ? KM_FORMAT_JSON : KM_FORMAT_CSV;

	(void)arg;
	if (ret->format != KM_FORMAT_TEXT && ret->format != format)
		return ret->report ? two_formats(option->value, ret->report)
				   : two_formats("--json", "--csv");
	ret->format = format;
	return NULL;
}

/* --format NAME: --json and --csv are of that kind, and the same. */
static struct km_error *set_main_report(char *name, struct km_options *ret)
{
	enum km_format format = strcmp(name, "json") == 0  ? KM_FORMAT_JSON
				: strcmp(name, "csv") == 0 ? KM_FORMAT_CSV
							   : KM_FORMAT_REPORT;
	const char *old = ret->report                     ? ret->report
			  : ret->format == KM_FORMAT_JSON ? "--json"
							  : "--csv";
	struct km_error *error;

	if (ret->format == KM_FORMAT_TEXT ||
	    (ret->format == format && (!ret->report || strcmp(ret->report, name) == 0))) {
		free(ret->report);
		ret->report = name;
		ret->format = format;
		return NULL;
	}
	error = two_formats(old, name);
	free(name);
	return error;
}

static struct km_error *add_report_file(char *name, const char *file, struct km_options *ret)
{
	struct km_report_file *files;

	if (ret->nr_report_files == KM_MAX_REPORT_FILES) {
		free(name);
		return km_error_create(KM_ERR_USAGE, NULL, "--format: more than %d files",
				       KM_MAX_REPORT_FILES);
	}
	files = reallocarray(ret->report_files, ret->nr_report_files + 1, sizeof(*files));
	if (!files) {
		free(name);
		return &km_error_memory;
	}
	files[ret->nr_report_files++] = (struct km_report_file){ .name = name, .file = file };
	ret->report_files = files;
	return NULL;
}

/* Whether a format has that name is up to the verb. */
struct km_error *km_set_report(const struct km_option *option, const char *arg,
			       struct km_options *ret)
{
	size_t len = strcspn(arg, "=");
	const char *file = arg[len] ? arg + len + 1 : "-";
	char *name;

	if (!len || !*file)
		return bad_value(option, arg, "NAME or NAME=FILE");
	if (strcmp(arg, "help") == 0) {
		ret->show_formats = true;
		return NULL;
	}
	name = strndup(arg, len);
	if (!name)
		return &km_error_memory;
	return strcmp(file, "-") == 0 ? set_main_report(name, ret)
				      : add_report_file(name, file, ret);
}

/* One more of an option that may be given several times. */
static struct km_error *add_word(const char *arg, const char ***words, size_t *nr)
{
	const char **more = reallocarray(*words, *nr + 1, sizeof(*more));

	if (!more)
		return &km_error_memory;
	more[(*nr)++] = arg;
	*words = more;
	return NULL;
}

struct km_error *km_set_debug_dir(const struct km_option *option, const char *arg,
				  struct km_options *ret)
{
	if (!*arg)
		return bad_value(option, arg, "a directory");
	return add_word(arg, &ret->debug_dirs, &ret->nr_debug_dirs);
}

struct km_error *km_set_suppress(const struct km_option *option, const char *arg,
				 struct km_options *ret)
{
	if (!*arg)
		return bad_value(option, arg, "a file");
	return add_word(arg, &ret->suppress, &ret->nr_suppress);
}

struct km_error *km_set_model(const struct km_option *option, const char *arg,
			      struct km_options *ret)
{
	const bool is_file = strcmp(option->value, "file") == 0;
	struct km_model_option *models;

	if (!*arg)
		return bad_value(option, arg, is_file ? "a file" : "a model");
	if (!is_file && strcmp(arg, "help") == 0) {
		ret->show_models = true;
		return NULL;
	}
	models = reallocarray(ret->models, ret->nr_models + 1, sizeof(*models));
	if (!models)
		return &km_error_memory;
	models[ret->nr_models++] = (struct km_model_option){ .text = arg, .is_file = is_file };
	ret->models = models;
	return NULL;
}

/* A size, with another one behind a colon; *ret_second stays without. */
static bool parse_pair(const char *text, uint32_t most, uint32_t *ret_first, uint32_t *ret_second,
		       bool *ret_has_second)
{
	uint32_t *targets[] = { ret_first, ret_second };
	const char *colon = strchr(text, ':');
	char part[24];

	*ret_has_second = colon != NULL;
	for (size_t i = 0; i < 1 + (size_t)*ret_has_second; i++) {
		const char *begin = i ? colon + 1 : text;
		const size_t len = !i && colon ? (size_t)(colon - text) : strlen(begin);
		uint64_t size;

		if (len >= sizeof(part))
			return false;
		memcpy(part, begin, len);
		part[len] = '\0';
		if (!km_parse_size(part, &size) || size > most)
			return false;
		*targets[i] = (uint32_t)size;
	}
	return true;
}

struct km_error *km_set_percpu_unit(const struct km_option *option, const char *arg,
				    struct km_options *ret)
{
	struct km_percpu_shape shape = { .first = KM_PERCPU_FIRST_BYTES };
	bool has_first;

	if (!parse_pair(arg, KM_PERCPU_MAX_UNIT, &shape.unit, &shape.first, &has_first) ||
	    shape.unit < KM_PERCPU_MIN_UNIT || shape.unit % KM_PERCPU_PAGE ||
	    shape.first >= shape.unit || shape.first % KM_PERCPU_PAGE)
		return bad_value(option, arg,
				 "a unit of 32k to 64M and a smaller size, in whole pages of 4k");
	ret->percpu_shape = shape;
	ret->has_percpu_first = has_first;
	return NULL;
}

struct km_error *km_set_percpu_change(const struct km_option *option, const char *arg,
				      struct km_options *ret)
{
	struct km_percpu_change change = { 0 };
	const char *equals = strchr(arg, '=');
	char *from = equals ? strndup(arg, (size_t)(equals - arg)) : NULL;
	bool has_align = false, has_new_align = false, is_good;

	if (equals && !from)
		return &km_error_memory;
	is_good = from &&
		  parse_pair(from, KM_PERCPU_MIN_UNIT, &change.size, &change.align, &has_align) &&
		  parse_pair(equals + 1, KM_PERCPU_MIN_UNIT, &change.new_size, &change.new_align,
			     &has_new_align);
	free(from);
	/* what could never be allocated is no answer */
	if (!is_good || !change.size || !change.new_size || (has_align && !change.align) ||
	    (has_new_align && !change.new_align) || change.new_align > KM_PERCPU_PAGE ||
	    (change.new_align & (change.new_align - 1)))
		return bad_value(option, arg,
				 "SIZE[:ALIGN]=SIZE[:ALIGN], sizes up to 32k and alignments powers "
				 "of two up to 4k");
	if (ret->nr_percpu_changes == KM_MAX_PERCPU_CHANGES)
		return km_error_create(KM_ERR_USAGE, NULL, "--%s: more than %d of them",
				       option->name, KM_MAX_PERCPU_CHANGES);
	ret->percpu_changes[ret->nr_percpu_changes++] = change;
	return NULL;
}

struct km_error *km_set_baseline(const struct km_option *option, const char *arg,
				 struct km_options *ret)
{
	if (!*arg)
		return bad_value(option, arg, "a file");
	return add_word(arg, &ret->baselines, &ret->nr_baselines);
}

struct km_error *km_set_budget(const struct km_option *option, const char *arg,
			       struct km_options *ret)
{
	if (!*arg)
		return bad_value(option, arg, "a file");
	return add_word(arg, &ret->budgets, &ret->nr_budgets);
}

struct km_error *km_set_fail_on(const struct km_option *option, const char *arg,
				struct km_options *ret)
{
	struct km_gate_options *gates = &ret->gates;
	struct km_fail_on fail_on, *more;
	struct km_error *error = km_fail_on_parse(arg, &fail_on);

	(void)option;
	if (error)
		return error;
	more = reallocarray(gates->fail_on, gates->nr_fail_on + 1, sizeof(*more));
	if (!more)
		return &km_error_memory;
	more[gates->nr_fail_on++] = fail_on;
	gates->fail_on = more;
	return NULL;
}

struct km_error *km_set_limit(const struct km_option *option, const char *arg,
			      struct km_options *ret)
{
	const enum km_limit_kind kind = option->value ? KM_LIMIT_COUNT : KM_LIMIT_BYTES;

	if (km_limit_parse(arg, kind, target_of(option, ret)))
		return NULL;
	return bad_value(option, arg,
			 option->value ? "a number or a percentage"
				       : "a size in bytes (suffixes k, M, G) or a percentage");
}

struct km_error *km_set_color(const struct km_option *option, const char *arg,
			      struct km_options *ret)
{
	if (!arg || strcmp(arg, "always") == 0)
		ret->color = KM_WHEN_ALWAYS;
	else if (strcmp(arg, "auto") == 0)
		ret->color = KM_WHEN_AUTO;
	else if (strcmp(arg, "never") == 0)
		ret->color = KM_WHEN_NEVER;
	else
		return bad_value(option, arg, "auto, always or never");
	return NULL;
}

struct km_error *km_set_pager(const struct km_option *option, const char *arg,
			      struct km_options *ret)
{
	(void)arg;
	ret->pager = strcmp(option->value, "never") == 0 ? KM_WHEN_NEVER : KM_WHEN_ALWAYS;
	return NULL;
}

struct km_error *km_set_severity(const struct km_option *option, const char *arg,
				 struct km_options *ret)
{
	for (int i = KM_FIND_LOW; i <= KM_FIND_HIGH; i++) {
		if (strcmp(arg, km_finding_severity_name((enum km_finding_severity)i)) == 0) {
			ret->min_severity = (enum km_finding_severity)i;
			ret->has_min_severity = true;
			return NULL;
		}
	}
	return bad_value(option, arg, "low, medium or high");
}

struct km_error *km_set_side(const struct km_option *option, const char *arg,
			     struct km_options *ret)
{
	const enum km_diff_side_id side =
		strcmp(option->value, "base") == 0 ? KM_DIFF_BASE : KM_DIFF_NEW;

	if (!*arg)
		return bad_value(option, arg, "a file");
	return add_word(arg, &ret->sides[side], &ret->nr_sides[side]);
}

struct km_error *km_set_by(const struct km_option *option, const char *arg, struct km_options *ret)
{
	for (enum km_diff_by by = 0; by < KM_NR_DIFF_BYS; by++) {
		if (strcmp(arg, km_diff_by_info(by)->name) == 0) {
			ret->diff.by = by;
			return NULL;
		}
	}
	return bad_value(option, arg, "waste, hits, bytes, req, live or objects");
}

struct km_error *km_set_merge_key(const struct km_option *option, const char *arg,
				  struct km_options *ret)
{
	for (enum km_merge_key key = 0; key < KM_NR_MERGE_KEYS; key++) {
		if (strcmp(arg, km_merge_key_name(key)) == 0) {
			ret->merge.key = key;
			return NULL;
		}
	}
	return bad_value(option, arg, "fingerprint, symbol or offset");
}

/* What numbers are of: one way can be chosen. */
static struct km_error *choose_unit(const struct km_option *option, enum km_diff_unit unit,
				    struct km_options *ret)
{
	if (ret->diff_unit && strcmp(ret->diff_unit, option->name) != 0)
		return km_error_advise(km_error_create(KM_ERR_USAGE, NULL,
						       "--%s and --%s are two ways to compare",
						       ret->diff_unit, option->name),
				       "choose one");
	ret->diff_unit = option->name;
	ret->diff.has_unit = true;
	ret->diff.unit = unit;
	return NULL;
}

struct km_error *km_set_unit(const struct km_option *option, const char *arg,
			     struct km_options *ret)
{
	enum km_diff_unit unit = 0;

	(void)arg;
	while (strcmp(option->value, km_diff_unit_name(unit)) != 0)
		unit++;
	return choose_unit(option, unit, ret);
}

struct km_error *km_set_per_callsite(const struct km_option *option, const char *arg,
				     struct km_options *ret)
{
	if (!*arg)
		return bad_value(option, arg, "a name");
	ret->diff.callsite = arg;
	return choose_unit(option, KM_DIFF_CALLSITE, ret);
}

struct km_error *km_set_noise(const struct km_option *option, const char *arg,
			      struct km_options *ret)
{
	ret->diff.has_noise = true;
	return km_set_percent(option, arg, ret);
}

struct km_error *km_set_profile_value(const struct km_option *option, const char *arg,
				      struct km_options *ret)
{
	for (enum km_profile_value i = 0; i < KM_NR_PROFILE_VALUES; i++) {
		if (strcmp(arg, km_profile_value_info(i)->key) != 0)
			continue;
		ret->profile_value = i;
		ret->has_profile_value = true;
		return NULL;
	}
	return bad_value(option, arg, "bytes, req, waste, hit, live-bytes, live-waste or live");
}

struct km_error *km_set_layer(const struct km_option *option, const char *arg,
			      struct km_options *ret)
{
	for (enum km_layer layer = 0; layer < KM_NR_LAYERS; layer++) {
		if (strcmp(arg, km_layer_name(layer)) != 0)
			continue;
		ret->layer = km_layer_name(layer);
		return NULL;
	}
	return bad_value(option, arg, "slab, percpu or page");
}
