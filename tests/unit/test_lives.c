/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What pairing found, as tables, charts, CSV and JSON: of hand-made lives, to the letter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "sample.h"

enum { NR_TICKS = 130, TICK_NS = 114008256 };

struct lives_sample {
	struct sample *s;
	struct km_life_stats stats[3];
	struct km_tick ticks[NR_TICKS];
	struct km_lives lives;
};

/* The first call site keeps all it allocates, the second nothing, the third has one left. */
static void make_stats(struct lives_sample *l)
{
	l->stats[0] = (struct km_life_stats){
		.allocs = 25,
		.live = 25,
		.live_bytes = 102400,
		.live_bytes_req = 51400,
		.peak_bytes = 102400,
		.peak_ns = 12000000000,
		.over_half = 20,
		.waste_byte_seconds = 512345.678,
	};
	l->stats[1] = (struct km_life_stats){
		.allocs = 1209,
		.freed = 1200,
		.bytes_freed = 76800,
		.replaced = 9,
		.bytes_replaced = 576,
		.peak_bytes = 640,
		.peak_ns = 9000000000,
		.pingpong = 34,
		.node_pingpong = 5,
		.remote = 2,
		.short_lived = 1100,
		.waste_byte_seconds = 0.5,
		.lifetimes = { [4] = 600, [10] = 600 },
	};
	l->stats[2] = (struct km_life_stats){
		.allocs = 3,
		.freed = 2,
		.bytes_freed = 16,
		.live = 1,
		.live_bytes = 8,
		.live_bytes_req = 8,
		.peak_bytes = 24,
		.peak_ns = 10000000000,
		.over_half = 1,
		.lifetimes = { [30] = 2 },
	};
	for (int i = 0; i < 16; i++) {
		l->stats[0].samples[i] = (uint64_t)i * 102400 / 15;
		l->stats[1].samples[i] = i % 2 ? 640 : 0;
		l->stats[2].samples[i] = i < 8 ? 24 : 8;
	}
}

static void make_ticks(struct lives_sample *l)
{
	for (uint64_t i = 0; i < NR_TICKS; i++) {
		uint64_t live = 102408 * (i + 1) / NR_TICKS;

		l->ticks[i] = (struct km_tick){
			.live_bytes = live,
			.live_waste = live / 2,
			.peak_bytes = i == 100 ? 110000 : live,
			.allocs = i < 10    ? 100
				  : i == 70 ? 237
					    : 0,
			.frees = i == 70 ? 1202 : 0,
		};
	}
}

static struct lives_sample *make_lives(void)
{
	struct lives_sample *l = calloc(1, sizeof(*l));

	l->s = make_sample();
	make_stats(l);
	make_ticks(l);
	for (int i = 0; i < 3; i++)
		l->s->sites[i].life = &l->stats[i];
	l->lives = (struct km_lives){
		.total = {
			.allocs = 1237,
			.freed = 1202,
			.bytes_freed = 76816,
			.replaced = 9,
			.bytes_replaced = 576,
			.live = 26,
			.live_bytes = 102408,
			.live_bytes_req = 51408,
			.peak_bytes = 110000,
			.peak_ns = 20264512723,
			.pingpong = 34,
			.short_lived = 1100,
			.over_half = 21,
			.waste_byte_seconds = 512346.178,
			.lifetimes = { [4] = 600, [10] = 600, [30] = 2 },
		},
		.first_ns = 8863686123,
		.last_ns = 23684759394,
		.short_ns = 1000000,
		.sample_ns = 988071552,
		.nr_samples = 16,
		.ticks = l->ticks,
		.nr_ticks = NR_TICKS,
		.tick_ns = TICK_NS,
	};
	l->s->report.lives = &l->lives;
	return l;
}

static void free_lives(struct lives_sample *l)
{
	free(l->s);
	free(l);
}

/* Lines of the summary that begin so; to be freed. */
static char *lines_of(const struct km_report *report, unsigned int width, const char *begin)
{
	char *text = render(report, &(struct ask){ .renderer = "summary", .width = width });
	char *start = strstr(text, begin), *end, *lines;

	if (!start) {
		free(text);
		return strdup("");
	}
	start++;
	end = strstr(start, "\n\n");
	lines = strndup(start, (size_t)(end - start));
	free(text);
	return lines;
}

static void expect_lines(const struct km_report *report, unsigned int width, const char *begin,
			 const char *expected)
{
	char *lines = lines_of(report, width, begin);

	assert_string_equal(lines, expected);
	free(lines);
}

static void totals(void **state)
{
	struct lives_sample *l = make_lives();
	struct km_report *report = &l->s->report;

	expect_lines(report, 0, "\nfreed:",
		     "freed: 1,202 (75.0 KiB), half within 1.02 us, 91.5% within 1 ms; 34 on "
		     "another CPU (ping-pong, 2.8%)\n"
		     "live: 26 (100.0 KiB) at the end, peak 107.4 KiB at 20.264 (after 11.4 s)");
	expect_lines(report, 60, "\nlive:",
		     "live: 26 (100.0 KiB) at the end, peak 107.4 KiB at 20.264\n"
		     "  (after 11.4 s)");
	l->lives.total.node_pingpong = 5;
	l->lives.short_ns = 2500;
	expect_lines(report, 0, "\nfreed:",
		     "freed: 1,202 (75.0 KiB), half within 1.02 us, 91.5% within 2.50 us; 34 on "
		     "another CPU (ping-pong, 2.8%), 5 on another NUMA node\n"
		     "live: 26 (100.0 KiB) at the end, peak 107.4 KiB at 20.264 (after 11.4 s)");
	l->lives.total.freed = 0;
	expect_lines(report, 0, "\nfreed:", "");
	l->lives.total.allocs = 0;
	expect_lines(report, 0, "\nlive:", "");
	free_lives(l);
}

/* What makes live numbers unsure, and in which direction. */
static void totals_unsure(void **state)
{
	struct lives_sample *l = make_lives();
	struct km_report *report = &l->s->report;

	report->is_live_unsure = true;
	expect_lines(report, 0, "\nlive:",
		     "live: at most 26 (100.0 KiB) at the end, peak 107.4 KiB at 20.264 (after "
		     "11.4 s): bulk frees have no event");
	l->s->input.has_hashed_ptrs = true;
	expect_lines(report, 0, "\nlive:",
		     "live: about 26 (100.0 KiB) at the end, peak 107.4 KiB at 20.264 (after "
		     "11.4 s): pointers are hashed, bulk frees have no event");
	l->lives.total.replaced = 0;
	l->s->input.has_hashed_ptrs = false;
	report->quality.count[KM_GAPS_UNKNOWN] = 1;
	l->lives.first_ns = l->lives.last_ns - 999999;
	expect_lines(report, 0, "\nlive:",
		     "live: about 26 (100.0 KiB) at the end, peak 107.4 KiB at 20.264512723: "
		     "events are missing\n"
		     "warning: 1 gap in which an unknown number of events was lost: totals are "
		     "lower bounds: record with a larger buffer (trace-cmd record -b KIB, perf "
		     "record -m PAGES)");
	free_lives(l);
}

/* A clock that does not count nanoseconds: its counts, and no word of seconds. */
static void totals_of_raw_time(void **state)
{
	struct lives_sample *l = make_lives();

	l->s->input.has_raw_time = true;
	expect_lines(&l->s->report, 0, "\nfreed:",
		     "freed: 1,202 (75.0 KiB), half within 1,024 counts of the clock; 34 on "
		     "another CPU (ping-pong, 2.8%)\n"
		     "live: 26 (100.0 KiB) at the end, peak 107.4 KiB at 20264512723");
	free_lives(l);
}

#define ALL_KEYS                                                                                   \
	"hit,pingpong,live,live-bytes,freed,peak,lifetime,short-lived,over-half,node-pingpong,"    \
	"byte-seconds"

static void columns(void **state)
{
	struct lives_sample *l = make_lives();
	struct ask ask = { .renderer = "caller", .view = { .fields = ALL_KEYS } };
	char *text = render(&l->s->report, &ask);

	*strstr(text, "\n\n") = '\0';
	assert_string_equal(
		text, " Hit  Ping-pong  Live  Live_bytes  Freed    Peak  Lifetime  Short-lived "
		      " Over_half  Node_ping-pong  Waste_byte*s\n"
		      "  25          0    25      102400      0  102400                      0 "
		      "        20               0        512346\n"
		      "1209         34     0           0   1200     640     31 ns         1100 "
		      "         0               5             0\n"
		      "   3          0     1           8      2      24    1.34 s            0 "
		      "         1               0             0");
	free(text);
	expect(&l->s->report,
	       (struct ask){ .renderer = "caller", .is_csv = true, .view = { .fields = ALL_KEYS } },
	       ALL_KEYS "\n"
			"25,0,25,102400,0,102400,,0,20,0,512345.678\n"
			"1209,34,0,0,1200,640,31,1100,0,5,0.500\n"
			"3,0,1,8,2,24,1342177280,0,1,0,0.000\n");
	/* perf kmem's column is there without being asked for, where its number is */
	text = render(&l->s->report, &(struct ask){ .renderer = "caller" });
	assert_non_null(strstr(text, "  Hit  Ping-pong   Frag  "));
	free(text);
	/* where the width is short it is left out, unless it was asked for */
	text = render(&l->s->report, &(struct ask){ .renderer = "caller", .width = 80 });
	assert_null(strstr(text, "Ping-pong"));
	free(text);
	text = render(&l->s->report, &(struct ask){ .renderer = "caller",
						    .width = 80,
						    .view = { .fields = "+pingpong" } });
	assert_non_null(strstr(text, "Ping-pong"));
	free(text);
	l->s->report.lives = NULL;
	text = render(&l->s->report, &(struct ask){ .renderer = "caller" });
	assert_null(strstr(text, "Ping-pong"));
	free(text);
	text = render(&l->s->report, &(struct ask){ .renderer = "caller", .is_csv = true });
	assert_null(strstr(text, "pingpong"));
	free(text);
	free_lives(l);
}

/* Most first; what has no lifetime comes last. */
static void sorting(void **state)
{
	static const struct {
		const char *key, *order;
	} cases[] = {
		{ "pingpong", "hit\n1209\n3\n25\n" },      { "live", "hit\n25\n3\n1209\n" },
		{ "live-bytes", "hit\n25\n3\n1209\n" },    { "freed", "hit\n1209\n3\n25\n" },
		{ "peak", "hit\n25\n1209\n3\n" },          { "lifetime", "hit\n3\n1209\n25\n" },
		{ "short-lived", "hit\n1209\n3\n25\n" },   { "over-half", "hit\n25\n3\n1209\n" },
		{ "node-pingpong", "hit\n1209\n3\n25\n" }, { "byte-seconds", "hit\n25\n1209\n3\n" },
	};
	struct lives_sample *l = make_lives();

	for (size_t i = 0; i < NR(cases); i++) {
		struct km_view_options options = { .sort = cases[i].key };
		struct km_error *error;
		struct km_view *view;

		expect(&l->s->report,
		       (struct ask){ .renderer = "caller",
				     .is_csv = true,
				     .view = { .sort = cases[i].key, .fields = "hit" } },
		       cases[i].order);
		l->s->report.lives = NULL;
		error = km_view_create(&l->s->report, &options, &view);
		assert_non_null(error);
		assert_int_equal(error->kind, KM_ERR_USAGE);
		assert_non_null(strstr(error->message, "needs allocations paired with frees"));
		km_error_free(error);
		l->s->report.lives = &l->lives;
	}
	free_lives(l);
}

/* The part of the output above the totals. */
static void expect_top(const struct km_report *report, struct ask ask, const char *expected)
{
	char *text = render(report, &ask), *end = strstr(text, "\n\n1,");

	assert_non_null(end);
	*end = '\0';
	assert_string_equal(text, expected);
	free(text);
}

static void live_table(void **state)
{
	struct lives_sample *l = make_lives();
	struct km_report *report = &l->s->report;

	expect_top(
		report, (struct ask){ .renderer = "live" },
		"Callsite                                        Live  Objects  Allocated       "
		"Peak  Over time         File:line\n"
		"ieee80211_mesh_init_sdata+0x4a [mac80211]  100.0 KiB       25         25  100.0 "
		"KiB   ..::--==++**##@  net/mac80211/mesh.c:177\n"
		"0xffffffff99999999                               8 B        1          3       "
		"24 B  @@@@@@@@--------");
	report->is_live_unsure = true;
	expect_top(
		report, (struct ask){ .renderer = "live", .width = 80, .use_blocks = true },
		"Callsite                          Live, at most  Objects  Allocated       "
		"Peak\n"
		"ieee80211_mesh_init_sdata+0x4a        100.0 KiB       25         25  100.0 "
		"KiB\n"
		"    net/mac80211/mesh.c:177\n"
		"0xffffffff99999999                          8 B        1          3       24 B");
	expect_top(
		report,
		(struct ask){ .renderer = "live", .raw_ip = true, .view = { .sort = "callsite" } },
		"Callsite            Live, at most  Objects  Allocated       Peak  Over time     "
		"    File:line\n"
		"0xffffffff99999999            8 B        1          3       24 B  "
		"@@@@@@@@--------\n"
		"0xffffffffc000104a      100.0 KiB       25         25  100.0 KiB   "
		"..::--==++**##@  net/mac80211/mesh.c:177");
	l->s->input.has_hashed_ptrs = true;
	expect_top(report,
		   (struct ask){ .renderer = "live",
				 .width = 100,
				 .use_blocks = true,
				 .raw_ip = true,
				 .view = { .max_rows = 1 } },
		   "Callsite            Live, about  Objects  Allocated       Peak  Over time\n"
		   "0xffffffffc000104a    100.0 KiB       25         25  100.0 KiB   "
		   "\xe2\x96\x81\xe2\x96\x81\xe2\x96\x82\xe2\x96\x82\xe2\x96\x83\xe2\x96\x83\xe2"
		   "\x96\x84"
		   "\xe2\x96\x84\xe2\x96\x85\xe2\x96\x85\xe2\x96\x86\xe2\x96\x86\xe2\x96\x87"
		   "\xe2\x96\x87\xe2\x96\x88\n"
		   "    net/mac80211/mesh.c:177\n"
		   "1 more call sites: --lines 0 shows all");
	free_lives(l);
}

static void live_csv(void **state)
{
	struct lives_sample *l = make_lives();

	expect(&l->s->report,
	       (struct ask){ .renderer = "live",
			     .is_csv = true,
			     .view = { .fields = "callsite,live,live-bytes" } },
	       "callsite,live,live-bytes\n"
	       "ieee80211_mesh_init_sdata+0x4a [mac80211],25,102400\n"
	       "0xffffffff99999999,1,8\n");
	free_lives(l);
}

static void nothing_to_show(void **state)
{
	struct lives_sample *l = make_lives();

	l->stats[0].live = l->stats[2].live = 0;
	expect_top(&l->s->report, (struct ask){ .renderer = "live" },
		   "nothing that was allocated is live at the end");
	l->lives.nr_ticks = 0;
	expect_top(&l->s->report, (struct ask){ .renderer = "timeline" },
		   "no allocations to show over time");
	l->s->report.lives = NULL;
	expect_top(&l->s->report, (struct ask){ .renderer = "live" },
		   "allocations were not paired with frees: what lived is not known; leave out "
		   "--no-pairing");
	expect_top(&l->s->report, (struct ask){ .renderer = "timeline" },
		   "allocations were not paired with frees: what lived is not known; leave out "
		   "--no-pairing");
	free_lives(l);
}

static void timeline(void **state)
{
	struct lives_sample *l = make_lives();

	l->s->report.is_live_unsure = true;
	expect_top(&l->s->report, (struct ask){ .renderer = "timeline", .width = 45 },
		   "Live bytes: at most 100.0 KiB at the end:\n"
		   "  bulk frees have no event\n"
		   "           |     107.4 KiB at 20.264 v\n"
		   " 107.4 KiB |                         #    ..:\n"
		   "           |                         #..:####\n"
		   "           |                      .::########\n"
		   "           |                 ..::############\n"
		   "           |             ..:#################\n"
		   "           |         .::#####################\n"
		   "           |    ..:##########################\n"
		   "           |.::##############################\n"
		   "       0 B +---------------------------------\n"
		   "Live waste: at most 50.0 KiB at the end\n"
		   "  50.0 KiB |                      ....::::###\n"
		   "           |           ....::::##############\n"
		   "           |....::::#########################\n"
		   "       0 B +---------------------------------\n"
		   "Allocations in 456 ms\n"
		   "       400 |##\n"
		   "           |##:              :\n"
		   "           |###              #\n"
		   "         0 +---------------------------------\n"
		   "            8.863                      23.684");
	free_lives(l);
}

/* At every width: no line is longer, the mark is over the highest column. */
static void timeline_fits(void **state)
{
	struct lives_sample *l = make_lives();

	for (unsigned int width = 20; width <= 300; width++) {
		struct ask ask = { .renderer = "timeline", .width = width };
		char *text = render(&l->s->report, &ask);
		char *end = strstr(text, "\n\n"), *mark, *top, *next;

		*end = '\0';
		/* titles are cut nowhere: a narrow terminal wraps them */
		if (width >= 50)
			assert_neat(text, width);
		mark = strstr(text, " |") - 10;
		top = strchr(mark, '\n') + 1;
		next = strchr(top, '\n');
		*next = '\0';
		top[-1] = '\0';
		mark = strrchr(mark, 'v') ? strrchr(mark, 'v') - (mark - top) : NULL;
		assert_non_null(mark);
		assert_true(mark < next && *mark == '#');
		free(text);
	}
	free_lives(l);
}

static void timeline_csv(void **state)
{
	struct lives_sample *l = make_lives();
	struct ask ask = { .renderer = "timeline", .is_csv = true };

	l->lives.nr_ticks = 2;
	expect(&l->s->report, ask,
	       "start_ns,live_bytes,live_waste,peak_bytes,allocs,frees\n"
	       "8863686123,787,393,787,100,0\n"
	       "8977694379,1575,787,1575,100,0\n");
	l->s->input.has_raw_time = true;
	l->lives.nr_ticks = 0;
	expect(&l->s->report, ask, "start_ticks,live_bytes,live_waste,peak_bytes,allocs,frees\n");
	free_lives(l);
}

static json_t *json_of(const struct km_report *report)
{
	char *text = render(report, &(struct ask){ .renderer = "json" });
	json_t *root = json_loads(text, 0, NULL);

	assert_non_null(root);
	free(text);
	return root;
}

static void assert_json(const json_t *object, const char *path, const char *expected)
{
	char *copy = strdup(path), *text;

	for (char *key = strtok(copy, "."); key; key = strtok(NULL, ".")) {
		object = *key >= '0' && *key <= '9' ? json_array_get(object, (size_t)atoi(key))
						    : json_object_get(object, key);
		if (!object)
			fail_msg("%s: no %s", path, key);
	}
	text = json_dumps(object, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(6));
	assert_string_equal(text, expected);
	free(text);
	free(copy);
}

static void json(void **state)
{
	struct lives_sample *l = make_lives();
	json_t *root = json_of(&l->s->report);

	assert_json(root, "summary.slab.freed", "1202");
	assert_json(root, "summary.slab.bytes_freed", "76816");
	assert_json(root, "summary.slab.replaced", "9");
	assert_json(root, "summary.slab.live_count", "26");
	assert_json(root, "summary.slab.bytes_live", "102408");
	assert_json(root, "summary.slab.bytes_live_req", "51408");
	assert_json(root, "summary.slab.bytes_live_peak", "110000");
	assert_json(root, "summary.slab.live_peak_ns", "20264512723");
	assert_json(root, "summary.slab.live_unsure", "false");
	assert_json(root, "summary.slab.lifetime.median_ns", "1024");
	assert_json(root, "callsites.0.live_bytes", "102400");
	assert_json(root, "callsites.0.waste_byte_seconds", "512346.0");
	assert_json(root, "callsites.0.lifetime",
		    "{\"short_lived\":0,\"short_ns\":1000000,\"over_half\":20,\"histogram\":[]}");
	assert_json(root, "callsites.1.pingpong", "34");
	assert_json(root, "callsites.1.node_pingpong", "5");
	assert_json(root, "callsites.1.remote_allocs", "2");
	assert_json(root, "callsites.1.live_samples",
		    "[0,640,0,640,0,640,0,640,0,640,0,640,0,640,0,640]");
	assert_json(root, "callsites.1.lifetime.histogram",
		    "[{\"from_ns\":16,\"count\":600},{\"from_ns\":1024,\"count\":600}]");
	assert_json(root, "timeline.tick_ns", "114008256");
	assert_json(root, "timeline.sample_ns", "988071552");
	assert_json(root, "timeline.ticks.70",
		    "{\"live_bytes\":55930,\"live_waste\":27965,\"peak_bytes\":55930,"
		    "\"allocs\":237,\"frees\":1202}");
	json_decref(root);
	l->s->input.has_raw_time = true;
	root = json_of(&l->s->report);
	assert_json(root, "timeline.tick_ticks", "114008256");
	assert_json(root, "summary.slab.live_peak_ticks", "20264512723");
	assert_null(json_object_get(json_object_get(root, "timeline"), "tick_ns"));
	assert_null(json_object_get(json_array_get(json_object_get(root, "callsites"), 0),
				    "waste_byte_seconds"));
	json_decref(root);
	l->s->report.lives = NULL;
	root = json_of(&l->s->report);
	assert_null(json_object_get(root, "timeline"));
	assert_null(json_object_get(json_array_get(json_object_get(root, "callsites"), 0),
				    "live_bytes"));
	json_decref(root);
	free_lives(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(totals),
		cmocka_unit_test(totals_unsure),
		cmocka_unit_test(totals_of_raw_time),
		cmocka_unit_test(columns),
		cmocka_unit_test(sorting),
		cmocka_unit_test(live_table),
		cmocka_unit_test(live_csv),
		cmocka_unit_test(nothing_to_show),
		cmocka_unit_test(timeline),
		cmocka_unit_test(timeline_fits),
		cmocka_unit_test(timeline_csv),
		cmocka_unit_test(json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
