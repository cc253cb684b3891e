// SPDX-License-Identifier: GPL-2.0-or-later
/* The command line: what is accepted, what is refused and with which words; the tables. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/options.h"
#include "cli/terminal.h"
#include "cli/verbs.h"

/* Parses the words of a line, the program's name not among them. */
static struct km_error *parse(const char *line, struct km_options *ret)
{
	static char copy[512];
	char *argv[64] = { (char *)"kmemstat" };
	int argc = 1;

	assert_true(strlen(line) < sizeof(copy));
	strcpy(copy, line);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
		assert_true((size_t)argc + 1 < sizeof(argv) / sizeof(argv[0]));
		argv[argc++] = word;
	}
	return km_options_parse(argc, argv, ret);
}

static void parse_good(const char *line, struct km_options *ret)
{
	struct km_error *error = parse(line, ret);

	if (error)
		fail_msg("%s: %s", line, error->message);
}

static void assert_refused(const char *line, const char *message)
{
	struct km_options options;
	struct km_error *error = parse(line, &options);
	char *text;

	assert_non_null(error);
	assert_int_equal(error->kind, KM_ERR_USAGE);
	text = km_error_line(error);
	assert_string_equal(text, message);
	free(text);
	km_error_free(error);
	km_options_deinit(&options);
}

static void test_defaults(void **state)
{
	struct km_options options;

	parse_good("trace.dat", &options);
	assert_string_equal(options.input, "trace.dat");
	assert_int_equal(options.verb, KM_VERB_STAT);
	assert_int_equal(options.nr_views, 1);
	assert_string_equal(options.views[0], "summary");
	assert_false(options.has_lines);
	assert_int_equal(options.format, KM_FORMAT_TEXT);
	assert_int_equal(options.min_severity, KM_FIND_MEDIUM);
	assert_true(options.thresholds.just_over_percent == 12.5);
	assert_int_equal(options.thresholds.waste_bytes, 16384);
	assert_int_equal(options.thresholds.hot_hits, 1000);
	assert_int_equal(options.short_ns, 1000000);
	km_options_deinit(&options);
}

static void test_values(void **state)
{
	struct km_options options;

	parse_good("--class --caller --class -s hit,waste -l 5 -F +module --raw-ip --instance foo "
		   "--debug-dir a --debug-dir=b --just-over 10% --waste-percent 0.5 "
		   "--waste-bytes 2M --high-order 3 --leak-bytes 1k --leak-freed 7 --ping-pong 8 "
		   "--short-lived 9% --short-time 20us --accounted 10 --hot-hits 11 "
		   "--hot-percent 1.5 --threads 3 --color --width 90 -o out --strict -q t",
		   &options);
	assert_int_equal(options.nr_views, 2);
	assert_string_equal(options.views[0], "class");
	assert_string_equal(options.views[1], "caller");
	assert_string_equal(options.sort, "hit,waste");
	assert_string_equal(options.fields, "+module");
	assert_true(options.has_lines);
	assert_int_equal(options.lines, 5);
	assert_true(options.raw_ip);
	assert_string_equal(options.instance, "foo");
	assert_int_equal(options.nr_debug_dirs, 2);
	assert_string_equal(options.debug_dirs[1], "b");
	assert_true(options.thresholds.just_over_percent == 10.0);
	assert_true(options.thresholds.waste_percent == 0.5);
	assert_int_equal(options.thresholds.waste_bytes, 2 << 20);
	assert_int_equal(options.thresholds.high_order, 3);
	assert_int_equal(options.thresholds.leak_bytes, 1024);
	assert_true(options.thresholds.leak_freed_percent == 7.0);
	assert_true(options.thresholds.ping_pong_percent == 8.0);
	assert_true(options.thresholds.short_lived_percent == 9.0);
	assert_int_equal(options.short_ns, 20000);
	assert_true(options.thresholds.accounted_percent == 10.0);
	assert_int_equal(options.thresholds.hot_hits, 11);
	assert_true(options.thresholds.hot_percent == 1.5);
	assert_int_equal(options.threads, 3);
	assert_int_equal(options.color, KM_WHEN_ALWAYS);
	assert_int_equal(options.width, 90);
	assert_string_equal(options.output, "out");
	assert_true(options.strict && options.quiet);
	km_options_deinit(&options);
}

/* The words of perf kmem users, and what can be said in two ways. */
static void test_spellings(void **state)
{
	struct km_options options;

	parse_good("--caller stat -i f --line 3", &options);
	assert_int_equal(options.verb, KM_VERB_STAT);
	assert_string_equal(options.input, "f");
	assert_int_equal(options.lines, 3);
	km_options_deinit(&options);
	parse_good("-i info", &options);
	assert_int_equal(options.verb, KM_VERB_STAT);
	assert_string_equal(options.input, "info");
	km_options_deinit(&options);
	parse_good("info -- -i", &options);
	assert_int_equal(options.verb, KM_VERB_INFO);
	assert_string_equal(options.input, "-i");
	km_options_deinit(&options);
	parse_good("-s hit f", &options);
	assert_string_equal(options.views[0], "caller");
	km_options_deinit(&options);
	parse_good("--cache f", &options);
	assert_string_equal(options.views[0], "cache");
	assert_string_equal(options.input, "f");
	assert_null(options.filter.cache);
	km_options_deinit(&options);
	parse_good("stat --cache=g f", &options);
	assert_string_equal(options.views[0], "summary");
	assert_string_equal(options.filter.cache, "g");
	km_options_deinit(&options);
	parse_good("stat f --cache g --task", &options);
	assert_int_equal(options.nr_views, 1);
	assert_string_equal(options.views[0], "task");
	assert_string_equal(options.input, "f");
	assert_string_equal(options.filter.cache, "g");
	km_options_deinit(&options);
	parse_good("--cache --cache g -i f", &options);
	assert_string_equal(options.views[0], "cache");
	assert_string_equal(options.input, "f");
	assert_string_equal(options.filter.cache, "g");
	km_options_deinit(&options);
	parse_good("dump --cache g f", &options);
	assert_int_equal(options.nr_views, 0);
	assert_string_equal(options.filter.cache, "g");
	km_options_deinit(&options);
	parse_good("--slab -f f", &options);
	assert_int_equal(options.nr_views, 1);
	assert_string_equal(options.views[0], "summary");
	km_options_deinit(&options);
	parse_good("stat --slab --alloc --caller -s ptr f", &options);
	assert_int_equal(options.nr_views, 2);
	km_options_deinit(&options);
	parse_good("--json --caller f", &options);
	assert_int_equal(options.format, KM_FORMAT_JSON);
	km_options_deinit(&options);
	parse_good("--format csv -s hit f", &options);
	assert_int_equal(options.format, KM_FORMAT_CSV);
	assert_string_equal(options.views[0], "caller");
	km_options_deinit(&options);
	parse_good("--format json=- --format csv=a=b --format json --json f", &options);
	assert_int_equal(options.format, KM_FORMAT_JSON);
	assert_int_equal(options.nr_report_files, 1);
	assert_string_equal(options.report_files[0].name, "csv");
	assert_string_equal(options.report_files[0].file, "a=b");
	km_options_deinit(&options);
	parse_good("--lin 4 f", &options);
	assert_int_equal(options.lines, 4);
	km_options_deinit(&options);
}

static void test_refused(void **state)
{
	static const char *const table[][2] = {
		{ "", "no trace file is named; run kmemstat [OPTIONS] FILE, see kmemstat --help" },
		{ "info",
		  "no trace file is named; run kmemstat [OPTIONS] FILE, see kmemstat --help" },
		{ "a b", "two trace files: 'a' and 'b'; name one at a time" },
		{ "-i a b", "two trace files: 'a' and 'b'; name one at a time" },
		{ "-i a -i b", "two trace files: 'a' and 'b'; name one at a time" },
		{ "inof a", "unknown verb 'inof'; did you mean 'info'?" },
		{ "--caler a", "unknown option '--caler'; did you mean '--caller'?" },
		{ "--sotr=hit a", "unknown option '--sotr'; did you mean '--sort'?" },
		{ "--xyzzyx a", "unknown option '--xyzzyx'; see kmemstat --help" },
		{ "-Z a", "unknown option '-Z'; see kmemstat --help" },
		{ "--c a", "option '--c' could be '--caller' or '--class'" },
		{ "--caller=1 a", "--caller takes no argument; see kmemstat --help" },
		{ "a --sort", "--sort needs KEY[,KEY]; see kmemstat --help" },
		{ "-l x a", "--lines: 'x' is not a number; see kmemstat --help" },
		{ "-l -1 a", "--lines: '-1' is not a number; see kmemstat --help" },
		{ "-l 3k a", "--lines: '3k' is not a number; see kmemstat --help" },
		{ "-l 99999999999999999999 a",
		  "--lines: '99999999999999999999' is not a number; see kmemstat --help" },
		{ "--threads 0 a",
		  "--threads: '0' is not a number from 1 to 1024; see kmemstat --help" },
		{ "--just-over 101 a",
		  "--just-over: '101' is not a percentage from 0 to 100; see kmemstat --help" },
		{ "--just-over nan a",
		  "--just-over: 'nan' is not a percentage from 0 to 100; see kmemstat --help" },
		{ "--leak-bytes 1 --no-pairing t",
		  "--leak-bytes needs allocations paired with frees; leave out --no-pairing" },
		{ "--no-pairing --short-time 1ms t",
		  "--short-time needs allocations paired with frees; leave out --no-pairing" },
		{ "--short-time 1 t",
		  "--short-time: '1' is not a time (a number and ns, us, ms or s); see kmemstat "
		  "--help" },
		{ "--short-time ms t",
		  "--short-time: 'ms' is not a time (a number and ns, us, ms or s); see kmemstat "
		  "--help" },
		{ "--short-time 1h t",
		  "--short-time: '1h' is not a time (a number and ns, us, ms or s); see kmemstat "
		  "--help" },
		{ "--short-time 99999999999s t", "--short-time: '99999999999s' is not a time (a "
						 "number and ns, us, ms or s); see kmemstat "
						 "--help" },
		{ "--short-time 1.5ms t", "--short-time: '1.5ms' is not a time (a number and ns, "
					  "us, ms or s); see kmemstat "
					  "--help" },
		{ "--short-time 1000000000000000000000ns t",
		  "--short-time: '1000000000000000000000ns' is not a time (a number and ns, us, ms "
		  "or s); see kmemstat "
		  "--help" },
		{ "--high-order=53 t",
		  "--high-order: '53' is not a page order from 0 to 52; see kmemstat --help" },
		{ "--high-order=x t",
		  "--high-order: 'x' is not a page order from 0 to 52; see kmemstat --help" },
		{ "--high-order=-1 t",
		  "--high-order: '-1' is not a page order from 0 to 52; see kmemstat --help" },
		{ "--waste-bytes 1X a",
		  "--waste-bytes: '1X' is not a size in bytes (suffixes k, M, "
		  "G); see kmemstat --help" },
		{ "--color=maybe a",
		  "--color: 'maybe' is not auto, always or never; see kmemstat --help" },
		{ "--min-severity x a",
		  "--min-severity: 'x' is not low, medium or high; see kmemstat --help" },
		{ "--raw-ip info a", "--raw-ip does not go with 'info'; see kmemstat info --help" },
		{ "dump --json a", "--json does not go with 'dump'; see kmemstat dump --help" },
		{ "--json --csv a", "--json and --csv are two formats; choose one for standard "
				    "output, and give others a file: --format NAME=FILE" },
		{ "--format csv --json a", "json and csv are two formats; choose one for standard "
					   "output, and give others a file: --format NAME=FILE" },
		{ "--format csv= a", "--format: 'csv=' is not NAME or NAME=FILE; see kmemstat "
				     "--help" },
		{ "--json -l 3 a", "--lines does not go with --json; the JSON report always holds "
				   "all rows and fields" },
		{ "dump --cache a",
		  "--cache without GLOB does not go with 'dump'; give --cache=GLOB" },
		{ "--cache= a", "--cache: '' is not a name; see kmemstat --help" },
		{ "--cache a b c", "two trace files: 'b' and 'c'; name one at a time" },
		{ "--csv --task --caller a",
		  "--task and --caller are two tables for --csv; choose one" },
		{ "--slabinfo x a", "--slabinfo is about --cache; add --cache" },
		{ "--slabinfo x --json a", "--slabinfo is about --cache; add --cache" },
		{ "--csv --class a",
		  "--class does not go with --csv; --csv writes a table of rows, "
		  "--json has everything" },
		{ "--class -F hit a", "--fields is about tables of rows; add --caller" },
		{ "--caller --min-severity low a",
		  "--min-severity is about the summary; add --summary" },
		{ "--json --min-severity low a", "--min-severity is about the summary; the JSON "
						 "report always holds all findings" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_refused(table[i][0], table[i][1]);
}

/* Options of what is recorded; letters mean others there than with a file. */
static void test_recording(void **state)
{
	struct km_options options;

	parse_good("-i 5 live -p 1,command -e all -b 512 --duration 2m --filter x>1 --stacks -- ls "
		   "-i 7",
		   &options);
	assert_int_equal(options.verb, KM_VERB_LIVE);
	assert_null(options.input);
	assert_int_equal(options.interval_s, 5);
	assert_string_equal(options.filter.pids, "1,command");
	assert_string_equal(options.record_events, "all");
	assert_string_equal(options.kernel_filter, "x>1");
	assert_int_equal(options.buffer_kib, 512);
	assert_true(options.duration_ns == 120000000000);
	assert_true(options.stacks);
	assert_string_equal(options.command[0], "ls");
	assert_string_equal(options.command[2], "7");
	assert_null(options.command[3]);
	km_options_deinit(&options);
	parse_good("live --duration 3 --kernel-filter y", &options);
	assert_true(options.duration_ns == 3000000000);
	assert_string_equal(options.kernel_filter, "y");
	assert_null(options.command);
	km_options_deinit(&options);
	assert_refused("live --duration 0 -q",
		       "--duration: '0' is not a time (seconds, or a number and ns, us, ms, s, m "
		       "or h); see kmemstat --help");
	assert_refused("live --duration 9999999999h",
		       "--duration: '9999999999h' is not a time (seconds, or a number and ns, us, "
		       "ms, s, m or h); see kmemstat --help");
	assert_refused("live t",
		       "'live' reads no file: 't'; to run a command meanwhile: kmemstat live "
		       "[OPTIONS] -- COMMAND");
	assert_refused("live --instance x",
		       "--instance does not go with 'live'; see kmemstat live --help");
	assert_refused("live --", "no command is behind --; leave -- out to record until Ctrl-C");
	assert_refused("stat -p 1 t", "unknown option '-p'; see kmemstat --help");
	assert_refused("stat --duration 1 t",
		       "--duration does not go with 'stat'; see kmemstat stat --help");
}

static void test_sizes(void **state)
{
	uint64_t size = 7;

	assert_true(km_parse_size("0", &size) && size == 0);
	assert_true(km_parse_size("16k", &size) && size == 16384);
	assert_true(km_parse_size("1G", &size) && size == 1 << 30);
	assert_true(km_parse_size("18446744073709551615", &size) && size == UINT64_MAX);
	size = 7;
	assert_false(km_parse_size("18446744073709551616", &size));
	assert_false(km_parse_size("18014398509481984k", &size));
	assert_false(km_parse_size("", &size));
	assert_false(km_parse_size("k", &size));
	assert_false(km_parse_size("-1", &size));
	assert_false(km_parse_size(" 1", &size));
	assert_false(km_parse_size("1kk", &size));
	assert_int_equal(size, 7);
}

/* Every row is whole, and no two have the same name. */
static void test_table(void **state)
{
	const struct km_option *option;
	size_t nr;

	for (nr = 0; (option = km_option_at(nr)); nr++) {
		assert_non_null(option->name);
		assert_non_null(option->help);
		assert_non_null(option->set);
		assert_true(option->verbs != 0 && option->group < KM_NR_GROUPS);
		for (size_t j = 0; j < nr; j++) {
			const struct km_option *other = km_option_at(j);

			assert_string_not_equal(option->name, other->name);
			if (!option->letter || option->letter != other->letter)
				continue;
			/* each for other verbs; getopt has to know whether an argument follows */
			assert_true(option->letter_verbs && other->letter_verbs);
			assert_int_equal(option->letter_verbs & other->letter_verbs, 0);
			assert_int_equal(!option->arg, !other->arg);
		}
	}
	assert_int_equal(nr, km_options_count());
	for (enum km_option_group group = 0; group < KM_NR_GROUPS; group++)
		assert_non_null(km_option_group_title(group));
}

/* What the progress line says, for a file of which a quarter is read after two seconds. */
static void test_progress(void **state)
{
	struct km_progress progress = { .is_on = true, .start = km_now() - 2 };
	char path[] = "/tmp/kmemstat-test-XXXXXX", text[256] = "";
	int fd = mkstemp(path), saved = dup(STDERR_FILENO);

	assert_true(fd >= 0 && saved >= 0);
	unlink(path);
	dup2(fd, STDERR_FILENO);
	km_progress_update(&progress, 100000000, 400000000, 5000000);
	/* too soon after the last, and at the end: nothing */
	km_progress_update(&progress, 200000000, 400000000, 5000000);
	progress.last = 0;
	km_progress_update(&progress, 400000000, 400000000, 5000000);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	assert_true(pread(fd, text, sizeof(text) - 1, 0) > 0);
	close(fd);
	assert_string_equal(text,
			    "\rkmemstat:  25%, 50 MB/s, 2.5 million events/s, 0:06 left\033[K");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),  cmocka_unit_test(test_values),
		cmocka_unit_test(test_spellings), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_recording), cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_table),     cmocka_unit_test(test_progress),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
