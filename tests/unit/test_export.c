/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CSV, JSON and info: what each must write of a hand-made report. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "sample.h"

static void csv_has_all_columns(void **state)
{
	struct sample *s = make_sample();

	expect(&s->report, (struct ask){ .renderer = "caller", .is_csv = true },
	       "callsite,bytes,req,hit,frag,waste,source,function,symbol,module,class,sizes,"
	       "accounted,event,layer\n"
	       "ieee80211_mesh_init_sdata+0x4a "
	       "[mac80211],102400,51400,25,49.8047,51000,net/mac80211/"
	       "mesh.c:177,mesh_rmc_init,ieee80211_mesh_init_sdata,mac80211,kmalloc-4k,1,0,kmalloc,"
	       "slab\n"
	       "\"'=evil?[31m,\"\"x\"\"+0x10\",77376,48360,1209,37.5000,29016,,,\"'=evil?[31m,"
	       "\"\"x\"\"\",,ca?che,1,9,kmem_cache_alloc,slab\n"
	       "0xffffffff99999999,24,24,3,0.0000,0,,,,,kmalloc-4k,1,0,kmalloc,slab\n");
	expect(&s->report,
	       (struct ask){ .renderer = "caller",
			     .is_csv = true,
			     .raw_ip = true,
			     .view = { .fields = "callsite,waste" } },
	       "callsite,waste\n"
	       "0xffffffffc000104a,51000\n"
	       "0xffffffff81001010,29016\n"
	       "0xffffffff99999999,0\n");
	s->report.nr_callsites = 0;
	expect(&s->report, (struct ask){ .renderer = "caller", .is_csv = true, .raw_ip = true },
	       "callsite,bytes,req,hit,frag,waste,source,function,symbol,module,class,sizes,"
	       "accounted,event,layer,address\n");
	free(s);
}

/* What spreadsheets take for formulas, and what needs quotes. */
static void csv_quotes(void **state)
{
	static const struct {
		const char *name, *cell;
	} cases[] = {
		{ "plain", "plain\n" },
		{ "=1+1", "\"'=1+1\"\n" },
		{ "\uff1d1", "\"'\uff1d1\"\n" },
		{ "\uff20x", "\"'\uff20x\"\n" },
		{ "\uff1c1", "\uff1c1\n" },
		{ "+a", "\"'+a\"\n" },
		{ "-a", "\"'-a\"\n" },
		{ "@a", "\"'@a\"\n" },
		{ "a,b", "\"a,b\"\n" },
		{ "a\"b", "\"a\"\"b\"\n" },
		{ "a\nb\r", "a?b?\n" },
		{ "\t=1", "?=1\n" },
		{ "=\"", "\"'=\"\"\"\n" },
		{ "\xff\xc0", "??\n" },
		{ "", "\n" },
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f\n" },
	};
	struct sample *s = make_sample();

	s->report.nr_callsites = 1;
	for (size_t i = 0; i < NR(cases); i++) {
		struct ask ask = { .renderer = "caller",
				   .is_csv = true,
				   .view = { .fields = "callsite" } };
		char *text;

		s->sites[0].name = cases[i].name;
		text = render(&s->report, &ask);
		assert_int_equal(strncmp(text, "callsite\n", 9), 0);
		assert_string_equal(text + 9, cases[i].cell);
		free(text);
	}
	free(s);
}

static void info_is_complete(void **state)
{
	struct sample *s = make_sample();

	expect(&s->report, (struct ask){ .renderer = "info" },
	       "file             dir/trace.dat\n"
	       "file size        4.0 MiB\n"
	       "format           trace.dat version 7\n"
	       "compression      zstd\n"
	       "kernel           6.1.0-56-amd64\n"
	       "machine          x86_64\n"
	       "byte order       little endian, 64-bit\n"
	       "page size        4.0 KiB\n"
	       "sub-buffer size  4.0 KiB\n"
	       "recorded by      3.1.6\n"
	       "clock            local\n"
	       "CPUs             2\n"
	       "time span        8.863686123 to 23.684759394 (14.8 s)\n"
	       "\n"
	       "Instance     Clock  CPUs      Size\n"
	       "(top level)  local     2  40.0 KiB  read\n"
	       "in?[1mst               2       0 B\n"
	       "\n"
	       "CPU      Size  Events  Used  Lost  Gaps  Damaged  Overrun  Dropped        First    "
	       "      Last\n"
	       "  0  39.1 KiB    1300  1234     0     0        0        7        1  8.863686123  "
	       "23.684759394\n"
	       "  1     960 B       0     0     0     0        0        0        0\n"
	       "\n"
	       "Event               Count\n"
	       "kmem:kmalloc         1234\n"
	       "sched:sched?switch     66\n"
	       "\n"
	       "1,300 events: 1,234 events used, 66 events of other kinds; 2 frees of NULL\n");
	free(s);
}

static void info_of_little(void **state)
{
	struct sample *s = make_sample();

	damage(s);
	s->input = (struct km_input_info){ .path = "x",
					   .format = "trace.dat",
					   .format_version = 6,
					   .is_big_endian = true,
					   .long_bytes = 4 };
	s->report.nr_streams = 0;
	s->report.nr_events = 0;
	s->report.first_ns = 1;
	s->report.last_ns = 0;
	expect(&s->report, (struct ask){ .renderer = "info", .width = 60 },
	       "file        x\n"
	       "format      trace.dat version 6\n"
	       "byte order  big endian, 32-bit\n"
	       "CPUs        0\n"
	       "\n"
	       "1,303 events: 1,234 events used, 66 events of other kinds; 2\n"
	       "  frees of NULL\n"
	       "warning: 3 events shorter than their format: the event\n"
	       "  formats in the file are not those of the kernel that wrote\n"
	       "  the events; record again\n"
	       "warning: 1,500 events lost while recording: totals are lower\n"
	       "  bounds: record with a larger buffer (trace-cmd record -b\n"
	       "  KIB, perf record -m PAGES)\n"
	       "warning: 1 damaged ring-buffer page: events are missing from\n"
	       "  all totals: copy the file again or record again\n"
	       "note: 4 allocations that failed: no bytes, and in no table\n");
	s->report.nr_streams = 1;
	s->stream_infos[0].has_recorder_stats = false;
	s->streams[0].quality.count[KM_EVENTS_LOST] = 1500;
	expect(&s->report, (struct ask){ .renderer = "info", .width = 60 },
	       "file        x\n"
	       "format      trace.dat version 6\n"
	       "byte order  big endian, 32-bit\n"
	       "CPUs        0\n"
	       "\n"
	       "CPU      Size  Events  Used  Lost  Gaps  Damaged        First          Last\n"
	       "  0  39.1 KiB    1300  1234  1500     0        0  8.863686123  23.684759394\n"
	       "\n"
	       "1,303 events: 1,234 events used, 66 events of other kinds; 2\n"
	       "  frees of NULL\n"
	       "warning: 3 events shorter than their format: the event\n"
	       "  formats in the file are not those of the kernel that wrote\n"
	       "  the events; record again\n"
	       "warning: 1,500 events lost while recording: totals are lower\n"
	       "  bounds: record with a larger buffer (trace-cmd record -b\n"
	       "  KIB, perf record -m PAGES)\n"
	       "warning: 1 damaged ring-buffer page: events are missing from\n"
	       "  all totals: copy the file again or record again\n"
	       "note: 4 allocations that failed: no bytes, and in no table\n");
	free(s);
}

static json_t *render_json(const struct km_report *report, bool raw_ip)
{
	struct ask ask = { .renderer = "json", .raw_ip = raw_ip };
	char *text = render(report, &ask);
	json_error_t error;
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	if (!root)
		fail_msg("line %d: %s", error.line, error.text);
	free(text);
	return root;
}

static json_int_t integer_at(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_integer(value))
		fail_msg("%s is no integer", key);
	return json_integer_value(value);
}

static const char *string_at(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_string(value))
		fail_msg("%s is no string", key);
	return json_string_value(value);
}

static void json_keeps_the_contract(void **state)
{
	static const char *const keys[] = { "schema_version", "generator", "input",   "quality",
					    "summary",        "callsites", "classes", "findings" };
	struct sample *s = make_sample();
	json_t *root = render_json(&s->report, false), *input, *site, *size, *frame, *finding;

	assert_int_equal(json_object_size(root), NR(keys));
	for (size_t i = 0; i < NR(keys); i++)
		assert_non_null(json_object_get(root, keys[i]));
	assert_int_equal(integer_at(root, "schema_version"), 1);
	input = json_object_get(root, "input");
	assert_string_equal(string_at(input, "path"), "dir/trace.dat");
	assert_string_equal(string_at(input, "clock"), "local");
	assert_int_equal(integer_at(input, "duration_ns"), 14821073271);
	assert_int_equal(integer_at(json_object_get(root, "quality"), "events_total"), 1300);
	assert_int_equal(integer_at(json_object_get(root, "quality"), "null_frees"), 2);
	assert_true(json_is_false(json_object_get(json_object_get(root, "quality"), "incomplete")));
	site = json_object_get(json_object_get(root, "summary"), "slab");
	assert_int_equal(integer_at(site, "bytes_waste"), 80016);
	assert_null(json_object_get(site, "bytes_live"));

	assert_int_equal(json_array_size(json_object_get(root, "callsites")), 3);
	site = json_array_get(json_object_get(root, "callsites"), 0);
	assert_string_equal(string_at(site, "symbol"), "ieee80211_mesh_init_sdata");
	assert_string_equal(string_at(site, "module"), "mac80211");
	assert_int_equal(integer_at(site, "offset"), 0x4a);
	assert_int_equal(integer_at(site, "bytes_waste"), 51000);
	assert_null(json_object_get(site, "address"));
	size = json_array_get(json_object_get(site, "sizes"), 0);
	assert_int_equal(integer_at(size, "bytes_req"), 2056);
	frame = json_array_get(json_object_get(site, "source"), 0);
	assert_string_equal(string_at(frame, "function"), "mesh_rmc_init");
	assert_int_equal(integer_at(frame, "line"), 177);
	assert_true(json_is_true(json_object_get(frame, "inlined")));

	site = json_array_get(json_object_get(root, "callsites"), 1);
	assert_string_equal(string_at(site, "symbol"), "=evil?[31m,\"x\"");
	assert_null(json_object_get(site, "source"));
	assert_null(json_object_get(site, "module"));
	site = json_array_get(json_object_get(root, "callsites"), 2);
	assert_true(json_is_null(json_object_get(site, "symbol")));
	assert_string_equal(string_at(site, "address"), "0xffffffff99999999");
	assert_null(json_object_get(site, "offset"));

	finding = json_array_get(json_object_get(root, "findings"), 0);
	assert_string_equal(string_at(finding, "rule"), "just-over");
	assert_string_equal(string_at(finding, "severity"), "high");
	assert_string_equal(string_at(finding, "fingerprint"), "0123456789abcdef");
	assert_string_equal(string_at(finding, "fingerprint_symbol"), "0123456789abcde0");
	assert_int_equal(integer_at(finding, "bytes_saved"), 51200);
	assert_int_equal(integer_at(finding, "bytes_over"), 8);
	site = json_object_get(finding, "callsite");
	assert_string_equal(string_at(site, "symbol"), "ieee80211_mesh_init_sdata");
	assert_non_null(json_object_get(site, "source"));
	json_decref(root);
	free(s);
}

static void json_of_nothing(void **state)
{
	struct sample *s = make_sample();
	json_t *root, *input;

	s->input = (struct km_input_info){ .path = "\xff", .format = "trace.dat" };
	s->report = (struct km_report){ .input = &s->input, .slab.layer = "slab", .first_ns = 1 };
	s->report.slab.bytes_alloc = UINT64_MAX;
	root = render_json(&s->report, false);
	input = json_object_get(root, "input");
	assert_string_equal(string_at(input, "path"), "?");
	assert_true(json_is_null(json_object_get(input, "clock")));
	assert_null(json_object_get(input, "first_ns"));
	assert_null(json_object_get(input, "kernel_release"));
	assert_int_equal(json_array_size(json_object_get(root, "callsites")), 0);
	assert_int_equal(json_array_size(json_object_get(root, "findings")), 0);
	/* a saturated sum is the largest that readers take */
	assert_true(integer_at(json_object_get(json_object_get(root, "summary"), "slab"),
			       "bytes_alloc") == INT64_MAX);
	json_decref(root);
	free(s);
}

static void json_shows_addresses_on_demand(void **state)
{
	struct sample *s = make_sample();
	json_t *root = render_json(&s->report, true), *site;

	site = json_array_get(json_object_get(root, "callsites"), 0);
	assert_string_equal(string_at(site, "address"), "0xffffffffc000104a");
	assert_string_equal(string_at(site, "symbol"), "ieee80211_mesh_init_sdata");
	json_decref(root);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(csv_has_all_columns),
		cmocka_unit_test(csv_quotes),
		cmocka_unit_test(info_is_complete),
		cmocka_unit_test(info_of_little),
		cmocka_unit_test(json_keeps_the_contract),
		cmocka_unit_test(json_of_nothing),
		cmocka_unit_test(json_shows_addresses_on_demand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
