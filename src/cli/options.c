/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The option table. The parser that reads it is parse.c, the help made from it help.c. */
#include "cli/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

static struct km_error *set_flag(const struct km_option *option, const char *arg,
				 struct km_options *ret)
{
	(void)arg;
	*(bool *)target_of(option, ret) = true;
	return NULL;
}

static struct km_error *set_string(const struct km_option *option, const char *arg,
				   struct km_options *ret)
{
	if (!*arg)
		return bad_value(option, arg, "a name");
	*(const char **)target_of(option, ret) = arg;
	return NULL;
}

/* An instance may be the top-level buffer, whose name is empty. */
static struct km_error *set_instance(const struct km_option *option, const char *arg,
				     struct km_options *ret)
{
	*(const char **)target_of(option, ret) = arg;
	return NULL;
}

static struct km_error *set_input(const struct km_option *option, const char *arg,
				  struct km_options *ret)
{
	if (ret->input)
		return km_error_advise(km_error_create(KM_ERR_USAGE, NULL,
						       "two trace files: '%s' and '%s'", ret->input,
						       arg),
				       "name one at a time");
	return set_string(option, arg, ret);
}

static struct km_error *set_count(const struct km_option *option, const char *arg,
				  struct km_options *ret)
{
	const char *end;
	uint64_t number;

	if (!parse_count(arg, &number, &end) || *end || number > INT32_MAX)
		return bad_value(option, arg, "a number");
	*(size_t *)target_of(option, ret) = (size_t)number;
	return NULL;
}

static struct km_error *set_lines(const struct km_option *option, const char *arg,
				  struct km_options *ret)
{
	ret->has_lines = true;
	return set_count(option, arg, ret);
}

static struct km_error *set_width(const struct km_option *option, const char *arg,
				  struct km_options *ret)
{
	ret->has_width = true;
	return set_count(option, arg, ret);
}

static struct km_error *set_threads(const struct km_option *option, const char *arg,
				    struct km_options *ret)
{
	struct km_error *error = set_count(option, arg, ret);

	if (!error && (ret->threads < 1 || ret->threads > 1024))
		return bad_value(option, arg, "a number from 1 to 1024");
	return error;
}

static struct km_error *set_interval(const struct km_option *option, const char *arg,
				     struct km_options *ret)
{
	struct km_error *error = set_count(option, arg, ret);

	if (!error && !ret->interval_s)
		return bad_value(option, arg, "a number of seconds from 1 on");
	return error;
}

static struct km_error *set_percent(const struct km_option *option, const char *arg,
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

static struct km_error *set_size(const struct km_option *option, const char *arg,
				 struct km_options *ret)
{
	if (!km_parse_size(arg, target_of(option, ret)))
		return bad_value(option, arg, "a size in bytes (suffixes k, M, G)");
	return NULL;
}

/* A page order: more than 52 there is not. */
static struct km_error *set_order(const struct km_option *option, const char *arg,
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

static struct km_error *set_time(const struct km_option *option, const char *arg,
				 struct km_options *ret)
{
	static const struct {
		const char *unit;
		uint64_t ns;
	} units[] = { { "ns", 1 }, { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 } };
	uint64_t number = 0;
	const char *end = "";

	if (!parse_count(arg, &number, &end))
		end = "";
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].unit) != 0)
			continue;
		if (__builtin_mul_overflow(number, units[i].ns, (uint64_t *)target_of(option, ret)))
			break;
		return NULL;
	}
	return bad_value(option, arg, "a time (a number and ns, us, ms or s)");
}

static struct km_error *set_view(const struct km_option *option, const char *arg,
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
static struct km_error *set_cache(const struct km_option *option, const char *arg,
				  struct km_options *ret)
{
	if (!arg)
		return set_view(option, arg, ret);
	if (!*arg)
		return bad_value(option, arg, "a name");
	ret->filter.cache = arg;
	return NULL;
}

static struct km_error *set_format(const struct km_option *option, const char *arg,
				   struct km_options *ret)
{
	enum km_format format = strcmp(option->value, "json") == 0 ? KM_FORMAT_JSON : KM_FORMAT_CSV;

	(void)arg;
	if (ret->format != KM_FORMAT_TEXT && ret->format != format)
		return km_error_advise(
			km_error_create(KM_ERR_USAGE, NULL, "--json and --csv are two formats"),
			"choose one");
	ret->format = format;
	return NULL;
}

static struct km_error *set_debug_dir(const struct km_option *option, const char *arg,
				      struct km_options *ret)
{
	const char **dirs;

	if (!*arg)
		return bad_value(option, arg, "a directory");
	dirs = realloc(ret->debug_dirs, (ret->nr_debug_dirs + 1) * sizeof(*dirs));
	if (!dirs)
		return &km_error_memory;
	dirs[ret->nr_debug_dirs++] = arg;
	ret->debug_dirs = dirs;
	return NULL;
}

static struct km_error *set_color(const struct km_option *option, const char *arg,
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

static struct km_error *set_pager(const struct km_option *option, const char *arg,
				  struct km_options *ret)
{
	(void)arg;
	ret->pager = strcmp(option->value, "never") == 0 ? KM_WHEN_NEVER : KM_WHEN_ALWAYS;
	return NULL;
}

static struct km_error *set_severity(const struct km_option *option, const char *arg,
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

#define AT(member) .offset = offsetof(struct km_options, member)
/* A view: an option that is called as its renderer. */
#define VIEW(view)                                                                                 \
	.name = (view), .group = KM_GROUP_VIEW, .verbs = KM_VERB_STAT, .set = set_view,            \
	.value = (view)

static const struct km_option table[] = {
	{ VIEW("summary"),
	  .help = "Totals and findings: what wastes memory, where, and what change would mend it "
		  "(what is shown without another view)." },
	{ VIEW("caller"), .help = "The table of call sites." },
	{ VIEW("class"),
	  .help = "The table of size classes, with the call sites that crowd each." },
	{ VIEW("live"),
	  .help = "The table of call sites with something still allocated when the trace ends.",
	  .more = "Bytes and objects that are live, of how many, the most bytes that were live "
		  "at once, and how they went over time, each row scaled to its own peak. With "
		  "--page, and without --slab, it limits that table to pages that are live." },
	{ VIEW("timeline"),
	  .help = "Live bytes, live waste and allocations over time, as charts of text." },
	{ .name = "cache",
	  .arg = "GLOB",
	  .is_arg_optional = true,
	  .group = KM_GROUP_VIEW,
	  .verbs = KM_VERBS_ALL,
	  .set = set_cache,
	  .value = "cache",
	  .help = "The table of slab caches: by name where the trace has names, else by size; with "
		  "--slabinfo beside what that says of each. With GLOB no table, but a filter: use "
		  "events of caches with such a name.",
	  .more = "A cache that allocations do not name has the name that frees give, if all "
		  "frees of objects of the same call site and size agree, and no event is lost. "
		  "Caches that the kernel merged are one, under one name. GLOB can also be the "
		  "next "
		  "word, if FILE is given besides; it leaves out events that do not tell their "
		  "cache: of older kernels these are all allocations." },
	{ VIEW("task"),
	  .help = "The table of tasks: what each allocated and freed, and who allocated what is "
		  "live." },
	{ VIEW("alloc"),
	  .help = "The table of pointers: what was allocated at each address, as perf kmem has it.",
	  .more = "It takes memory for every pointer of the trace: 64 to 128 bytes while reading, "
		  "and as many again for the report." },
	{ .name = "slab",
	  .group = KM_GROUP_VIEW,
	  .verbs = KM_VERB_STAT,
	  .set = set_flag,
	  AT(slab),
	  .help = "Show the slab allocator: its summary, if none of its tables is asked for (what "
		  "is shown without another view)." },
	{ VIEW("page"),
	  .help = "The page allocator: the table of its callers, allocations by order and migrate "
		  "type, and sums.",
	  .more = "The caller of an allocation is the first function in the stack of the event "
		  "that is not a part of the page allocator; without stacks in the trace there "
		  "are no callers. Slab and percpu memory are made of such pages: the bytes of "
		  "the layers are not to be added up." },
	{ VIEW("page-frame"),
	  .help = "The same by page frame: what was allocated there, how often and by whom.",
	  .more = "--page --alloc without --slab is the same, as in perf kmem." },
	{ VIEW("percpu"),
	  .help = "The table of percpu objects: size, alignment, and bytes on all CPUs." },
	{ .name = "json",
	  .group = KM_GROUP_VIEW,
	  .verbs = KM_VERB_STAT,
	  .set = set_format,
	  .value = "json",
	  .help = "The whole report as JSON, all rows of all views.",
	  .more = "Its keys are described in kmemstat-json(5)." },
	{ .name = "csv",
	  .group = KM_GROUP_VIEW,
	  .verbs = KM_VERB_STAT,
	  .set = set_format,
	  .value = "csv",
	  .help = "A table as comma-separated values, numbers raw: that of call sites, or the one "
		  "asked for." },

	{ .name = "sort",
	  .letter = 's',
	  .arg = "KEY[,KEY]",
	  .group = KM_GROUP_TABLE,
	  .verbs = KM_VERB_STAT,
	  .set = set_string,
	  AT(sort),
	  .help = "Sort tables by these columns, most first; later keys break ties (call sites: "
		  "by waste)." },
	{ .name = "lines",
	  .alias = "line",
	  .letter = 'l',
	  .arg = "N",
	  .group = KM_GROUP_TABLE,
	  .verbs = KM_VERB_STAT | KM_VERB_DUMP,
	  .set = set_lines,
	  AT(lines),
	  .help = "Show at most N rows of a table, findings, call sites of a size class, or "
		  "events; 0 "
		  "shows all.",
	  .more = "Without it a terminal gets 30 rows of a table, anything else all of them, and a "
		  "size class 5 call sites." },
	{ .name = "fields",
	  .letter = 'F',
	  .arg = "KEY[,KEY]",
	  .group = KM_GROUP_TABLE,
	  .verbs = KM_VERB_STAT,
	  .set = set_string,
	  AT(fields),
	  .help = "Show these columns of a table; a list that begins with + adds to the default "
		  "ones." },
	{ .name = "raw-ip",
	  .group = KM_GROUP_TABLE,
	  .verbs = KM_VERB_STAT,
	  .set = set_flag,
	  AT(raw_ip),
	  .help = "Show call sites as addresses." },

	{ .name = "input",
	  .letter = 'i',
	  .arg = "FILE",
	  .group = KM_GROUP_INPUT,
	  .verbs = KM_VERBS_ALL,
	  .set = set_input,
	  AT(input),
	  .help = "Read this trace, as if FILE were given as an argument." },
	{ .name = "force",
	  .letter = 'f',
	  .group = KM_GROUP_INPUT,
	  .verbs = KM_VERBS_ALL,
	  .set = set_flag,
	  AT(force),
	  .help = "Has no effect, and is there for those who are used to perf kmem: whose file it "
		  "is makes no difference here." },
	{ .name = "slabinfo",
	  .arg = "FILE",
	  .group = KM_GROUP_INPUT,
	  .verbs = KM_VERB_STAT,
	  .set = set_string,
	  AT(slabinfo),
	  .help = "With --cache: take objects and slabs of the caches from this copy of the traced "
		  "machine's /proc/slabinfo.",
	  .more = "A line that is not of slabinfo is told and passed over." },
	{ .name = "instance",
	  .arg = "NAME",
	  .group = KM_GROUP_INPUT,
	  .verbs = KM_VERBS_ALL,
	  .set = set_instance,
	  AT(instance),
	  .help = "Read this buffer instance of the trace.",
	  .more = "Without it the top-level buffer is read, or, if that holds no kmem events, the "
		  "only instance that does." },
	{ .name = "topology",
	  .arg = "LIST|FILE",
	  .group = KM_GROUP_INPUT,
	  .verbs = KM_VERBS_REPORT,
	  .set = set_string,
	  AT(topology),
	  .help = "The CPUs of each NUMA node of the traced machine, as 0:0-3,8-11,1:4-7, or a "
		  "file with its output of lscpu -p=CPU,NODE.",
	  .more = "A perf.data tells that itself; a trace.dat and text do not, and without it "
		  "nothing is said about nodes. The machine that kmemstat runs on is never "
		  "asked." },
	{ .name = "threads",
	  .arg = "N",
	  .group = KM_GROUP_INPUT,
	  .verbs = KM_VERBS_REPORT,
	  .set = set_threads,
	  AT(threads),
	  .help = "Read with N threads (default: one for each CPU). The result is the same." },
	{ .name = "strict",
	  .group = KM_GROUP_INPUT,
	  .verbs = KM_VERBS_ALL,
	  .set = set_flag,
	  AT(strict),
	  .help = "Exit with status 4 if events were lost or are damaged." },

	{ .name = "no-pairing",
	  .group = KM_GROUP_INPUT,
	  .verbs = KM_VERB_STAT,
	  .set = set_flag,
	  AT(no_pairing),
	  .help = "Do not pair frees with allocations: faster, but nothing is known of what is "
		  "live, of lifetimes and of ping-pong." },
	{ .name = "interval",
	  .arg = "SECONDS",
	  .group = KM_GROUP_INPUT,
	  .verbs = KM_VERB_STAT,
	  .set = set_interval,
	  AT(interval_s),
	  .help = "Of a live input, show a report of all events so far every SECONDS seconds, "
		  "when there are new ones." },
	{ .name = "exclude-self",
	  .group = KM_GROUP_INPUT,
	  .verbs = KM_VERBS_ALL,
	  .set = set_flag,
	  AT(exclude_self),
	  .help = "Of a live text, leave out the events of kmemstat itself and of the processes "
		  "that write to its pipe (the default if FILE is a pipe).",
	  .more = "What is left out is counted as filtered. The default is meant for "
		  "trace_pipe; the ids of tasks are compared, so give --no-exclude-self for a "
		  "text that was recorded before or on another machine." },
	{ .name = "no-exclude-self",
	  .group = KM_GROUP_INPUT,
	  .verbs = KM_VERBS_ALL,
	  .set = set_flag,
	  AT(no_exclude_self),
	  .help = "Leave no events out." },

	{ .name = "time",
	  .arg = "START,STOP",
	  .group = KM_GROUP_FILTER,
	  .verbs = KM_VERBS_ALL,
	  .set = set_string,
	  AT(filter.time),
	  .help = "Use events from START to STOP, in seconds as the trace has them; either may be "
		  "missing. Or parts of the time span: 0%-10%, 10%/2 (the second tenth), several "
		  "with commas between." },
	{ .name = "cpu",
	  .arg = "LIST",
	  .group = KM_GROUP_FILTER,
	  .verbs = KM_VERBS_ALL,
	  .set = set_string,
	  AT(filter.cpus),
	  .help = "Use events of these CPUs: 0-3,8." },
	{ .name = "pid",
	  .arg = "LIST",
	  .group = KM_GROUP_FILTER,
	  .verbs = KM_VERBS_ALL,
	  .set = set_string,
	  AT(filter.pids),
	  .help = "Use events of these tasks." },
	{ .name = "comm",
	  .arg = "GLOB",
	  .group = KM_GROUP_FILTER,
	  .verbs = KM_VERBS_ALL,
	  .set = set_string,
	  AT(filter.comm),
	  .help = "Use events of tasks with such a name.",
	  .more = "A binary trace has one name for a task, the one saved at its end." },
	{ .name = "callsite",
	  .arg = "GLOB",
	  .group = KM_GROUP_FILTER,
	  .verbs = KM_VERBS_ALL,
	  .set = set_string,
	  AT(filter.callsite),
	  .help = "Use events whose call site is in such a symbol; a free has a call site too." },
	{ .name = "event",
	  .arg = "LIST",
	  .group = KM_GROUP_FILTER,
	  .verbs = KM_VERBS_ALL,
	  .set = set_string,
	  AT(filter.events),
	  .help = "Use these kinds of events: kmalloc,kmem_cache_*." },

	{ .name = "kallsyms",
	  .arg = "FILE",
	  .group = KM_GROUP_SYMBOL,
	  .verbs = KM_VERBS_REPORT,
	  .set = set_string,
	  AT(kallsyms),
	  .help = "Take symbols from this copy of the traced kernel's /proc/kallsyms, not from "
		  "the trace." },
	{ .name = "vmlinux",
	  .arg = "FILE",
	  .group = KM_GROUP_SYMBOL,
	  .verbs = KM_VERB_STAT,
	  .set = set_string,
	  AT(vmlinux),
	  .help = "Take source lines of the kernel from this vmlinux with debug information.",
	  .more = "A file that is not of the traced kernel is refused." },
	{ .name = "debug-dir",
	  .arg = "DIR",
	  .group = KM_GROUP_SYMBOL,
	  .verbs = KM_VERB_STAT,
	  .set = set_debug_dir,
	  AT(debug_dirs),
	  .help = "Search this directory for vmlinux and modules with debug information; may be "
		  "given several times." },
	{ .name = "no-debug-search",
	  .group = KM_GROUP_SYMBOL,
	  .verbs = KM_VERB_STAT,
	  .set = set_flag,
	  AT(no_debug_search),
	  .help = "Do not look into /usr/lib/debug for the traced kernel's debug information." },

	{ .name = "just-over",
	  .arg = "PERCENT",
	  .group = KM_GROUP_FINDING,
	  .verbs = KM_VERB_STAT,
	  .set = set_percent,
	  AT(thresholds.just_over_percent),
	  .help = "Find requests that are over a size class by at most this share of the class "
		  "(default: 12.5)." },
	{ .name = "waste-percent",
	  .arg = "PERCENT",
	  .group = KM_GROUP_FINDING,
	  .verbs = KM_VERB_STAT,
	  .set = set_percent,
	  AT(thresholds.waste_percent),
	  .help = "Find call sites that waste at least this share of what they allocate "
		  "(default: 25)." },
	{ .name = "waste-bytes",
	  .arg = "SIZE",
	  .group = KM_GROUP_FINDING,
	  .verbs = KM_VERB_STAT,
	  .set = set_size,
	  AT(thresholds.waste_bytes),
	  .help = "Leave out waste findings of fewer bytes than this; suffixes k, M, G are powers "
		  "of 1024 (default: 16k)." },
	{ .name = "high-order",
	  .arg = "ORDER",
	  .group = KM_GROUP_FINDING,
	  .verbs = KM_VERB_STAT,
	  .set = set_order,
	  AT(thresholds.high_order),
	  .help = "Find kmalloc requests beyond the largest cache that take pages of this order or "
		  "a "
		  "higher one (default: 1)." },
	{ .name = "leak-bytes",
	  .arg = "SIZE",
	  .needs_pairs = true,
	  .group = KM_GROUP_FINDING,
	  .verbs = KM_VERB_STAT,
	  .set = set_size,
	  AT(thresholds.leak_bytes),
	  .help = "Suspect call sites that have at least this many bytes live at the end "
		  "(default: 64k)." },
	{ .name = "leak-freed",
	  .arg = "PERCENT",
	  .needs_pairs = true,
	  .group = KM_GROUP_FINDING,
	  .verbs = KM_VERB_STAT,
	  .set = set_percent,
	  AT(thresholds.leak_freed_percent),
	  .help = "Suspect call sites that have at most this share of their objects freed "
		  "(default: 25)." },
	{ .name = "ping-pong",
	  .arg = "PERCENT",
	  .needs_pairs = true,
	  .group = KM_GROUP_FINDING,
	  .verbs = KM_VERB_STAT,
	  .set = set_percent,
	  AT(thresholds.ping_pong_percent),
	  .help = "Find call sites with at least this share of their frees on another CPU "
		  "(default: 75)." },
	{ .name = "short-lived",
	  .arg = "PERCENT",
	  .needs_pairs = true,
	  .group = KM_GROUP_FINDING,
	  .verbs = KM_VERB_STAT,
	  .set = set_percent,
	  AT(thresholds.short_lived_percent),
	  .help = "Find call sites with at least this share of their objects short-lived "
		  "(default: 90)." },
	{ .name = "short-time",
	  .arg = "TIME",
	  .needs_pairs = true,
	  .group = KM_GROUP_FINDING,
	  .verbs = KM_VERB_STAT,
	  .set = set_time,
	  AT(short_ns),
	  .help = "What lives less than this is short-lived: a number with ns, us, ms or s "
		  "(default: 1ms)." },
	{ .name = "accounted",
	  .arg = "PERCENT",
	  .group = KM_GROUP_FINDING,
	  .verbs = KM_VERB_STAT,
	  .set = set_percent,
	  AT(thresholds.accounted_percent),
	  .help = "Find call sites with at least this share of their allocations charged to a "
		  "memory "
		  "cgroup (default: 50)." },
	{ .name = "hot-hits",
	  .arg = "N",
	  .group = KM_GROUP_FINDING,
	  .verbs = KM_VERB_STAT,
	  .set = set_count,
	  AT(thresholds.hot_hits),
	  .help = "Leave call sites with fewer allocations out of ping-pong, short-lived and "
		  "accounted (default: 1000)." },
	{ .name = "hot-percent",
	  .arg = "PERCENT",
	  .group = KM_GROUP_FINDING,
	  .verbs = KM_VERB_STAT,
	  .set = set_percent,
	  AT(thresholds.hot_percent),
	  .help = "The same for those with a smaller share of all slab allocations (default: 1)." },
	{ .name = "min-severity",
	  .arg = "LEVEL",
	  .group = KM_GROUP_FINDING,
	  .verbs = KM_VERB_STAT,
	  .set = set_severity,
	  AT(min_severity),
	  .help = "Show findings of this severity and above: low, medium (default) or high." },

	{ .name = "output",
	  .letter = 'o',
	  .arg = "FILE",
	  .group = KM_GROUP_OUTPUT,
	  .verbs = KM_VERBS_ALL,
	  .set = set_string,
	  AT(output),
	  .help = "Write to FILE: the whole result, or if something fails, nothing." },
	{ .name = "color",
	  .arg = "WHEN",
	  .is_arg_optional = true,
	  .group = KM_GROUP_OUTPUT,
	  .verbs = KM_VERBS_REPORT,
	  .set = set_color,
	  AT(color),
	  .help = "Use colors: always (also without WHEN), never, or auto: on a terminal, unless "
		  "NO_COLOR is set (default)." },
	{ .name = "pager",
	  .group = KM_GROUP_OUTPUT,
	  .verbs = KM_VERBS_ALL,
	  .set = set_pager,
	  .value = "always",
	  AT(pager),
	  .help = "Show even a short result in the pager (on a terminal)." },
	{ .name = "no-pager",
	  .group = KM_GROUP_OUTPUT,
	  .verbs = KM_VERBS_ALL,
	  .set = set_pager,
	  .value = "never",
	  AT(pager),
	  .help = "Do not show a long result in a pager." },
	{ .name = "width",
	  .arg = "N",
	  .group = KM_GROUP_OUTPUT,
	  .verbs = KM_VERBS_REPORT,
	  .set = set_width,
	  AT(width),
	  .help = "Fit tables into N columns; 0: as wide as needed (default: the terminal's "
		  "width, else 0)." },

	{ .name = "quiet",
	  .letter = 'q',
	  .group = KM_GROUP_GENERAL,
	  .verbs = KM_VERBS_ALL,
	  .set = set_flag,
	  AT(quiet),
	  .help = "No progress, hints or warnings on standard error; errors only." },
	{ .name = "verbose",
	  .letter = 'v',
	  .group = KM_GROUP_GENERAL,
	  .verbs = KM_VERBS_ALL,
	  .set = set_flag,
	  AT(verbose),
	  .help = "Say on standard error what was read, and how long each step took." },
	{ .name = "version",
	  .letter = 'V',
	  .group = KM_GROUP_GENERAL,
	  .verbs = KM_VERBS_ALL,
	  .set = set_flag,
	  AT(show_version),
	  .help = "Print the version." },
	{ .name = "help",
	  .letter = 'h',
	  .group = KM_GROUP_GENERAL,
	  .verbs = KM_VERBS_ALL,
	  .set = set_flag,
	  AT(show_help),
	  .help = "Print this help." },
	{ .name = "help-man",
	  .arg = "SECTION",
	  .is_hidden = true,
	  .group = KM_GROUP_GENERAL,
	  .verbs = KM_VERBS_ALL,
	  .set = set_string,
	  AT(man_section),
	  .help = "Print a section of the man page: options, columns, exit." },
};

const struct km_option *km_options_table(size_t *ret_nr)
{
	*ret_nr = sizeof(table) / sizeof(table[0]);
	return table;
}

const char *km_option_group_title(enum km_option_group group)
{
	static const char *const titles[KM_NR_GROUPS] = {
		[KM_GROUP_VIEW] = "What to show",
		[KM_GROUP_TABLE] = "Tables",
		[KM_GROUP_INPUT] = "Input",
		[KM_GROUP_FILTER] = "Filters",
		[KM_GROUP_SYMBOL] = "Symbols and source lines",
		[KM_GROUP_FINDING] = "Findings",
		[KM_GROUP_OUTPUT] = "Output",
		[KM_GROUP_GENERAL] = "General",
	};

	return titles[group];
}
