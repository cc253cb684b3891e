/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Of every trace there is: the snapshot of its report, and that of the report's JSON, are equal. */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../unit/snapshots.h"
#include "cli/session.h"

#define NR(array) (sizeof(array) / sizeof((array)[0]))

static void write_json(const struct km_session *session, const char *path)
{
	const struct km_render_options options = { .view = session->view };
	FILE *file = fopen(path, "w");
	struct km_out out;

	assert_non_null(file);
	km_out_init(&out, file, path);
	assert_null(km_renderer_find("json")->render(session->report, &options, &out));
	assert_null(km_out_finish(&out));
	fclose(file);
}

/* Returns the number of call sites. */
static size_t compare_ways(const char *trace, const char *option, const char *value)
{
	static const struct km_view_options all = { 0 };
	char *argv[] = { (char *)"kmemstat",
			 (char *)"-q",
			 (char *)"--no-debug-search",
			 (char *)trace,
			 (char *)option,
			 (char *)value,
			 NULL };
	char json[] = "/tmp/kmemstat-snapshots-XXXXXX";
	int fd = mkstemp(json), argc = option ? (value ? 6 : 5) : 4;
	struct km_snapshot *direct, *loaded;
	struct km_options options;
	struct km_session session;
	size_t nr_sites;

	assert_true(fd >= 0);
	close(fd);
	assert_null(km_options_parse(argc, argv, &options));
	assert_null(km_session_open(&options, &session));
	assert_null(km_session_build(&session));
	assert_null(km_session_resolve(&session, &all, true));
	write_json(&session, json);
	assert_null(km_snapshot_of_report(session.report, json, &direct));
	assert_true(km_snapshot_is_json(json));
	assert_false(km_snapshot_is_json(trace));
	ASSERT_OK(km_snapshot_load(json, &loaded));
	assert_snapshots_equal(direct, loaded);
	assert_true(direct->nr_sites <= session.report->nr_callsites);
	assert_sums(direct);
	nr_sites = direct->nr_sites;
	km_snapshot_destroy(direct);
	km_snapshot_destroy(loaded);
	km_session_deinit(&session);
	km_options_deinit(&options);
	unlink(json);
	return nr_sites;
}

static char *testdata(const char *name)
{
	char *path;

	assert_true(asprintf(&path, "%s/%s", getenv("KMEMSTAT_TESTDATA"), name) > 0);
	return path;
}

static void of_every_trace(void **state)
{
	static const char *const patterns[] = { "small/*.dat", "small/*.data", "text/*.txt" };
	size_t nr = 0;

	(void)state;
	for (size_t i = 0; i < NR(patterns); i++) {
		char *pattern = testdata(patterns[i]);
		glob_t found;

		assert_int_equal(glob(pattern, 0, NULL, &found), 0);
		for (size_t j = 0; j < found.gl_pathc; j++)
			nr += compare_ways(found.gl_pathv[j], NULL, NULL) > 0;
		globfree(&found);
		free(pattern);
	}
	assert_true(nr > 25);
}

static void with_options(void **state)
{
	char *mesh = testdata("mesh"), *trace = testdata("mesh/trace.dat");
	char *small = testdata("small/6.12.dat");
	size_t with_source, without;

	(void)state;
	with_source = compare_ways(trace, "--debug-dir", mesh);
	without = compare_ways(trace, NULL, NULL);
	/* functions inlined into one are told apart */
	assert_true(with_source > without);
	compare_ways(small, "--no-pairing", NULL);
	compare_ways(small, "--cpu", "0");
	free(mesh);
	free(trace);
	free(small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_every_trace),
		cmocka_unit_test(with_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
