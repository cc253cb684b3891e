/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Snapshots: keys, folding, and JSON that is not what it should be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sample.h"
#include "snapshots.h"

static char json_path[64];

static int make_path(void **state)
{
	int fd;

	(void)state;
	strcpy(json_path, "/tmp/kmemstat-snapshot-XXXXXX");
	fd = mkstemp(json_path);
	return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state)
{
	(void)state;
	return unlink(json_path);
}

static char *json_of(const struct km_report *report)
{
	const struct km_render_options options = { 0 };
	char *text;
	size_t size;
	FILE *file = open_memstream(&text, &size);
	struct km_out out;

	km_out_init(&out, file, "json");
	assert_null(km_renderer_find("json")->render(report, &options, &out));
	assert_null(km_out_finish(&out));
	fclose(file);
	return text;
}

static void write_file(const char *text, size_t size)
{
	FILE *file = fopen(json_path, "w");

	assert_int_equal(fwrite(text, 1, size, file), size);
	fclose(file);
}

static const struct km_snap_site *find_site(const struct km_snapshot *snapshot, const char *key)
{
	for (size_t i = 0; i < snapshot->nr_sites; i++)
		if (strcmp(snapshot->sites[i].key, key) == 0)
			return &snapshot->sites[i];
	fail_msg("no site '%s'", key);
	return NULL;
}

/* Both ways, which are equal; returns one of them. */
static struct km_snapshot *snapshot_of(struct sample *s)
{
	struct km_snapshot *direct, *loaded;
	char *json = json_of(&s->report);

	write_file(json, strlen(json));
	free(json);
	ASSERT_OK(km_snapshot_of_report(&s->report, json_path, &direct));
	ASSERT_OK(km_snapshot_load(json_path, &loaded));
	assert_snapshots_equal(direct, loaded);
	km_snapshot_destroy(loaded);
	return direct;
}

static void keys_stay_over_builds(void **state)
{
	struct sample *s = make_sample();
	struct km_snapshot *snapshot = snapshot_of(s);
	const struct km_snap_site *site;

	(void)state;
	assert_int_equal(snapshot->nr_sites, 3);
	site = find_site(snapshot, "kmalloc mac80211 ieee80211_mesh_init_sdata<mesh_rmc_init");
	assert_string_equal(site->key_symbol, "kmalloc mac80211 ieee80211_mesh_init_sdata");
	assert_string_equal(site->file, "net/mac80211/mesh.c");
	assert_int_equal(site->line, 177);
	assert_true(site->has_source);
	assert_false(site->has_life);
	find_site(snapshot, "kmalloc - 0xffffffff99999999");
	/* control characters are nowhere */
	find_site(snapshot, "kmem_cache_alloc - =evil?[31m,\"x\"");
	assert_string_equal(snapshot->findings[0].key,
			    "kmalloc mac80211 ieee80211_mesh_init_sdata<mesh_rmc_init");
	assert_int_equal(snapshot->nr_events, 2);
	assert_string_equal(snapshot->events[0], "kmem:kmalloc");
	assert_string_equal(snapshot->events[1], "sched:sched?switch");
	assert_true(snapshot->has_source);
	assert_false(snapshot->is_incomplete);
	assert_sums(snapshot);
	km_snapshot_destroy(snapshot);

	s->sites[0].symbol.name = "ieee80211_mesh_init_sdata.constprop.0.isra.3";
	s->frames[0].function = NULL;
	damage(s);
	s->report.quality.count[KM_EVENTS_FILTERED] = 1;
	snapshot = snapshot_of(s);
	site = find_site(snapshot, "kmalloc mac80211 ieee80211_mesh_init_sdata<?");
	assert_string_equal(site->symbol, "ieee80211_mesh_init_sdata");
	assert_true(snapshot->is_incomplete && snapshot->is_filtered);
	assert_int_equal(snapshot->events_lost, 1500);
	km_snapshot_destroy(snapshot);
	free(s);
}

static void copies_of_a_function_are_one(void **state)
{
	struct sample *s = make_sample();
	struct km_snapshot *snapshot;
	const struct km_snap_site *site;

	(void)state;
	s->sites[2].has_symbol = true;
	s->sites[2].symbol =
		(struct km_symbol){ "ieee80211_mesh_init_sdata.part.1", "mac80211", 0, 0 };
	s->sites[2].source = (struct km_chain){ s->frames, 2 };
	s->sites[2].size_class = "kmalloc-8";
	snapshot = snapshot_of(s);
	assert_int_equal(snapshot->nr_sites, 2);
	site = find_site(snapshot, "kmalloc mac80211 ieee80211_mesh_init_sdata<mesh_rmc_init");
	assert_int_equal(site->nr_callsites, 2);
	assert_int_equal(site->hits, 28);
	assert_int_equal(site->bytes_alloc, 102424);
	assert_string_equal(site->size_class, "kmalloc-4k");
	assert_true(site->has_source);
	km_snapshot_destroy(snapshot);

	/* without source lines it is a row of its own: nobody knows what is inlined */
	s->sites[2].source.nr_frames = 0;
	snapshot = snapshot_of(s);
	assert_int_equal(snapshot->nr_sites, 3);
	site = find_site(snapshot, "kmalloc mac80211 ieee80211_mesh_init_sdata");
	assert_false(site->has_source);
	km_snapshot_destroy(snapshot);

	/* other modules and families are other keys */
	s->sites[2].symbol.module = "cfg80211";
	s->sites[1].symbol = s->sites[2].symbol;
	snapshot = snapshot_of(s);
	find_site(snapshot, "kmalloc cfg80211 ieee80211_mesh_init_sdata");
	find_site(snapshot, "kmem_cache_alloc cfg80211 ieee80211_mesh_init_sdata");
	km_snapshot_destroy(snapshot);
	free(s);
}

static void sums_are_held(void **state)
{
	struct sample *s = make_sample();
	struct km_snapshot *snapshot;

	(void)state;
	s->sites[2].symbol = s->sites[0].symbol;
	s->sites[2].has_symbol = true;
	s->sites[2].source = s->sites[0].source;
	s->sites[0].bytes_alloc = s->sites[2].bytes_alloc = UINT64_MAX;
	s->report.slab.bytes_alloc = UINT64_MAX;
	snapshot = snapshot_of(s);
	assert_true(snapshot->bytes_alloc == INT64_MAX);
	assert_true(find_site(snapshot, "kmalloc mac80211 ieee80211_mesh_init_sdata<mesh_rmc_init")
			    ->bytes_alloc == UINT64_MAX - 1);
	km_snapshot_destroy(snapshot);
	free(s);
}

static void assert_refused(const char *what)
{
	struct km_snapshot *snapshot;
	struct km_error *error = km_snapshot_load(json_path, &snapshot);

	if (!error)
		fail_msg("taken: %s", what);
	assert_int_equal(error->kind, KM_ERR_INPUT);
	assert_string_equal(error->path, json_path);
	assert_non_null(error->remedy);
	if (!strstr(error->message, what))
		fail_msg("'%s' does not tell '%s'", error->message, what);
	for (const char *c = error->message; *c; c++)
		assert_true((unsigned char)*c >= ' ');
	km_error_free(error);
}

/* Whatever is cut off: an error that names the line it is cut in. */
static void cut_anywhere(void **state)
{
	struct sample *s = make_sample();
	char *json = json_of(&s->report), line[32];
	size_t nr_lines = 0;

	(void)state;
	write_file(json, strlen(json));
	for (const char *c = json; *c; c++)
		nr_lines += *c == '\n';
	/* the newline at the end may be missing */
	nr_lines--;
	for (size_t size = strlen(json) - 1; size-- > 0;) {
		/* behind a newline the next line may be named, or that which ends there */
		const bool is_start = size && json[size - 1] == '\n';

		assert_int_equal(truncate(json_path, (off_t)size), 0);
		nr_lines -= json[size] == '\n';
		snprintf(line, sizeof(line), "line %zu", nr_lines + 1);
		assert_refused(is_start ? "line" : line);
	}
	free(json);
	free(s);
}

/* Text with the first `from` replaced by `to`. */
static void write_changed(const char *json, const char *from, const char *to)
{
	const char *found = strstr(json, from);
	char *text;

	if (!found)
		fail_msg("no '%s' to be changed", from);
	assert_true(asprintf(&text, "%.*s%s%s", (int)(found - json), json, to,
			     found + strlen(from)) > 0);
	write_file(text, strlen(text));
	free(text);
}

static void other_shapes_are_told(void **state)
{
	static const struct {
		const char *from, *to, *told;
	} cases[] = {
		{ "\"schema_version\": 1", "\"schema_version\": 2",
		  "schema_version 2; 1 is known" },
		{ "\"schema_version\": 1", "\"schema_version\": \"1\"",
		  "schema_version: expected a number, found a string" },
		{ "\"schema_version\": 1", "\"other\": 1", "it has no \"schema_version\"" },
		{ "\"hits\": 25", "\"hits\": -25",
		  "callsites[0].hits: expected a number from 0 on, found an integer" },
		{ "\"hits\": 1209", "\"hits\": 1209.5",
		  "callsites[1].hits: expected a number from 0 on, found a real number" },
		{ "\"hits\": 1209", "\"hit\": 1209", "callsites[1].hits: expected a number" },
		{ "\"hits\": 1209", "\"hits\": 99999999999999999999999", "too big" },
		{ "\"hits\": 1209", "\"hits\": 1, \"hits\": 2", "duplicate" },
		{ "\"symbol\": null", "\"symbol\": 7", "callsites[2].symbol: expected a string" },
		{ "\"address\": \"0xffffffff99999999\"", "\"address\": null",
		  "callsites[2].address: expected a string, found null" },
		{ "\"severity\": \"high\"", "\"severity\": \"dire\"", "findings[0].severity" },
		{ "\"callsites\": [", "\"callsites\": {", "expected '[', found '{'" },
		{ "\"callsites\": [", "\"callsites\": [ [],", "callsites[0]: expected an object" },
		{ "\"findings\": [", "\"findings\": [ null,", "findings[0]: expected an object" },
		{ "\"findings\": [", "\"callsites\": [", "twice" },
		{ "\"cpus\": 2", "\"cpus\": true", "input.cpus: expected a number" },
		{ "\"incomplete\": false", "\"incomplete\": 0", "quality.incomplete" },
		{ "\"slab\": {", "\"slub\": {", "summary.slab: expected an object" },
		{ "\"events\": [", "\"events\": 3, \"e\": [", "input.events: expected a list" },
		{ "\"line\": 177", "\"line\": 17700000000", "callsites[0].source" },
		{ "\"source\": [", "\"source\": 1, \"s\": [",
		  "callsites[0].source: expected a list" },
		{ "\"source\": [", "\"source\": [ 1,", "source: expected a list of objects" },
		{ "{", "{ {", "line 1: expected '\"', found '{'" },
		{ "{", "", "line 2: expected '{', found '\"'" },
		{ "mesh_rmc_init", "mesh\001rmc", "line" },
		{ "mesh_rmc_init", "mesh\\u0000rmc", "line" },
	};
	struct sample *s = make_sample();
	char *json = json_of(&s->report), *twice;

	(void)state;
	for (size_t i = 0; i < NR(cases); i++) {
		write_changed(json, cases[i].from, cases[i].to);
		assert_refused(cases[i].told);
	}
	assert_true(asprintf(&twice, "%s%s", json, json) > 0);
	write_file(twice, strlen(twice));
	assert_refused("expected the end, found '{'");
	free(twice);
	write_file("", 0);
	assert_refused("line 1: expected '{', found the end");
	write_file("{}", 2);
	assert_refused("is no report of kmemstat");
	free(json);
	free(s);
}

/* Keys that later versions add, wherever, change nothing. */
static void unknown_keys_are_passed_over(void **state)
{
	struct sample *s = make_sample();
	char *json = json_of(&s->report);
	struct km_snapshot *direct, *loaded;

	(void)state;
	ASSERT_OK(km_snapshot_of_report(&s->report, json_path, &direct));
	write_changed(json, "\"callsites\": [",
		      "\"new\": [1, {\"a\": [null]}\n,2],\"callsites\": [");
	ASSERT_OK(km_snapshot_load(json_path, &loaded));
	assert_snapshots_equal(direct, loaded);
	km_snapshot_destroy(loaded);
	write_changed(json, "\"hits\": 25", "\"new\": {\"hits\": 3}, \"hits\": 25");
	ASSERT_OK(km_snapshot_load(json_path, &loaded));
	assert_snapshots_equal(direct, loaded);
	km_snapshot_destroy(loaded);
	km_snapshot_destroy(direct);
	free(json);
	free(s);
}

static void json_is_known_by_its_beginning(void **state)
{
	(void)state;
	write_file(" \n\t{", 4);
	assert_true(km_snapshot_is_json(json_path));
	write_file("tracing", 7);
	assert_false(km_snapshot_is_json(json_path));
	write_file(" ", 1);
	assert_false(km_snapshot_is_json(json_path));
	assert_false(km_snapshot_is_json("/nonexistent"));
	assert_false(km_snapshot_is_json("/"));
	assert_false(km_snapshot_is_json("/dev/zero"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_stay_over_builds),
		cmocka_unit_test(copies_of_a_function_are_one),
		cmocka_unit_test(sums_are_held),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(other_shapes_are_told),
		cmocka_unit_test(unknown_keys_are_passed_over),
		cmocka_unit_test(json_is_known_by_its_beginning),
	};

	return cmocka_run_group_tests(tests, make_path, remove_path);
}
