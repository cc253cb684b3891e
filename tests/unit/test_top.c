/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames and the board of top: rates, growth, sorting, filters, selection, and what is painted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kmemstat/top.h"

enum { NR_SITES = 4 };

/* A report made by hand. */
struct made {
	struct km_report report;
	struct km_input_info input;
	struct km_callsite sites[NR_SITES];
	struct km_report_size sizes[NR_SITES];
	struct km_life_stats lives[NR_SITES];
	struct km_report_class class;
	struct km_report_cache cache;
	struct km_finding finding;
	struct km_lives all_lives;
};

static const char *const names[NR_SITES] = { "alpha+0x10", "beta+0x20 [mod]", "gamma+0x30",
					     "delta_of_a_very_long_name_indeed+0x40 [mod]" };

static void set_site(struct made *made, size_t i, uint64_t hits, uint32_t req, uint32_t alloc,
		     uint64_t live)
{
	struct km_callsite *site = &made->sites[i];

	made->sizes[i] = (struct km_report_size){ req, alloc, NULL, hits };
	made->lives[i] = (struct km_life_stats){
		.allocs = hits,
		.freed = hits - live,
		.live = live,
		.live_bytes = live * alloc,
		.peak_bytes = live * alloc,
	};
	made->lives[i].lifetimes[10] = hits - live;
	*site = (struct km_callsite){
		.layer = "slab",
		.event = "kmalloc",
		.address = 0x1000 + i,
		.traced = 0x1000 + i,
		.name = names[i],
		.size_class = "kmalloc-64",
		.sizes = &made->sizes[i],
		.nr_sizes = 1,
		.hits = hits,
		.bytes_req = hits * req,
		.bytes_alloc = hits * alloc,
		.bytes_waste = hits * (alloc - req),
		.frag_percent = 100.0 * (alloc - req) / alloc,
		.life = &made->lives[i],
	};
}

static void finish(struct made *made, size_t nr)
{
	struct km_report *report = &made->report;

	made->input = (struct km_input_info){ .path = "a\033trace" };
	*report = (struct km_report){
		.input = &made->input,
		.callsites = made->sites,
		.nr_callsites = nr,
		.classes = &made->class,
		.nr_classes = 1,
		.caches = &made->cache,
		.nr_caches = 1,
		.findings = &made->finding,
		.nr_findings = 1,
		.lives = &made->all_lives,
	};
	for (size_t i = 0; i < nr; i++) {
		report->slab.allocs += made->sites[i].hits;
		report->slab.bytes_alloc += made->sites[i].bytes_alloc;
		report->slab.bytes_waste += made->sites[i].bytes_waste;
		made->all_lives.total.live_bytes += made->lives[i].live_bytes;
	}
	report->quality.count[KM_EVENTS_USED] = report->slab.allocs;
	made->class = (struct km_report_class){ .name = "kmalloc-64",
						.hits = report->slab.allocs,
						.bytes_alloc = report->slab.bytes_alloc };
	made->cache = (struct km_report_cache){ .name = "kmalloc-64", .bytes = 64 };
	made->finding = (struct km_finding){
		.rule = KM_RULE_WASTE,
		.severity = KM_FIND_HIGH,
		.callsite = &made->sites[0],
		.message = "64 bytes for 40",
		.advice = "use less",
		.size_class = "kmalloc-64",
	};
}

/* Sites: hits, and live objects, of 40 bytes out of 64. */
static struct km_top_frame *make_frame(const struct km_top_frame *before, double at_s,
				       const uint64_t hits[NR_SITES], const uint64_t live[NR_SITES],
				       uint64_t lost)
{
	struct made *made = calloc(1, sizeof(*made));
	const struct km_top_moment moment = { .at_s = at_s, .period_s = 2 };
	struct km_top_frame *frame;

	assert_non_null(made);
	/* the report's own order is another one each time */
	for (size_t i = 0; i < NR_SITES; i++)
		set_site(made, i, hits[i], 40, 64, live[i]);
	finish(made, NR_SITES);
	made->report.quality.count[KM_EVENTS_LOST] = lost;
	assert_null(km_top_frame_create(&made->report, before, &moment, &frame));
	/* nothing of the report is needed any more */
	memset(made, 0xff, sizeof(*made));
	free(made);
	return frame;
}

static const uint64_t hits_1[] = { 100, 50, 10, 0 }, live_1[] = { 10, 50, 0, 0 };
static const uint64_t hits_2[] = { 104, 250, 10, 8 }, live_2[] = { 4, 60, 0, 8 };

static const struct km_top_row *row_of(const struct km_top_frame *frame, const char *name)
{
	for (size_t i = 0; i < frame->nr_sites; i++)
		if (strcmp(frame->sites[i].name, name) == 0)
			return &frame->sites[i];
	fail();
	return NULL;
}

static void rates_and_growth(void **state)
{
	struct km_top_frame *first = make_frame(NULL, 2, hits_1, live_1, 3), *second;
	const struct km_top_row *row = row_of(first, names[1]);

	assert_float_equal(row->hits_rate, 25, 0);
	assert_int_equal(row->growth, 50 * 64);
	/* what is there in the first frame is what growth is counted from */
	assert_int_equal(row->growth_since, 0);
	assert_int_equal(row->nr_history, 1);
	assert_int_equal(first->lost_since, 3);
	assert_string_equal(first->input, "a?trace");
	second = make_frame(first, 4, hits_2, live_2, 10);
	km_top_frame_release(first);
	row = row_of(second, names[1]);
	assert_float_equal(row->hits_rate, 100, 0);
	assert_float_equal(row->bytes_rate, 6400, 0);
	assert_float_equal(row->waste_rate, 2400, 0);
	assert_int_equal(row->growth, 10 * 64);
	assert_int_equal(row->growth_since, 10 * 64);
	assert_int_equal(row->nr_history, 2);
	assert_true(row->rates[0] == 25 && row->rates[1] == 100);
	assert_true(row->lives[0] == 50 * 64 && row->lives[1] == 60 * 64);
	assert_int_equal(row_of(second, names[0])->growth, -6 * 64);
	/* one that was not there before grew by all it has */
	assert_int_equal(row_of(second, names[3])->growth_since, 8 * 64);
	assert_int_equal(second->lost, 10);
	assert_int_equal(second->lost_since, 7);
	assert_float_equal(second->slab.allocs_rate, 106, 0);
	assert_int_equal(second->slab.growth, 12 * 64);
	km_top_frame_release(second);
}

static void base_moves(void **state)
{
	struct km_top_frame *first = make_frame(NULL, 2, hits_1, live_1, 0), *second, *third;
	struct made made = { 0 };
	const struct km_top_moment moment = { .at_s = 6, .period_s = 2, .marks_base = true };

	second = make_frame(first, 4, hits_2, live_2, 0);
	for (size_t i = 0; i < NR_SITES; i++)
		set_site(&made, i, 300, 40, 64, 100);
	finish(&made, NR_SITES);
	assert_null(km_top_frame_create(&made.report, second, &moment, &third));
	assert_int_equal(row_of(third, names[1])->growth, 40 * 64);
	assert_int_equal(row_of(third, names[1])->growth_since, 0);
	km_top_frame_release(first);
	km_top_frame_release(second);
	first = make_frame(third, 8, (uint64_t[]){ 301, 301, 301, 301 },
			   (uint64_t[]){ 99, 101, 100, 100 }, 0);
	assert_int_equal(row_of(first, names[1])->growth_since, 64);
	assert_int_equal(row_of(first, names[0])->growth_since, -64);
	km_top_frame_release(first);
	km_top_frame_release(third);
}

/* Memory is bounded: the oldest periods go. */
static void history_is_short(void **state)
{
	struct km_top_frame *frame = NULL;

	for (uint64_t i = 1; i <= KM_TOP_HISTORY + 7; i++) {
		const uint64_t hits[NR_SITES] = { i * (i + 1), 0, 0, 0 }, live[NR_SITES] = { 0 };
		struct km_top_frame *next = make_frame(frame, (double)i, hits, live, 0);

		km_top_frame_release(frame);
		frame = next;
	}
	assert_int_equal(row_of(frame, names[0])->nr_history, KM_TOP_HISTORY);
	/* 2 i hits more in two seconds */
	assert_true(row_of(frame, names[0])->rates[0] == 8);
	assert_true(row_of(frame, names[0])->rates[KM_TOP_HISTORY - 1] == KM_TOP_HISTORY + 7);
	km_top_frame_release(frame);
}

static struct km_top_board *make_board(const struct km_top_options *options)
{
	struct km_top_board *board;

	assert_null(km_top_board_create(options, &board));
	return board;
}

/* The number of the line that begins with that, from `from` on. */
static int line_of(struct km_top_board *board, size_t width, size_t height, const char *text)
{
	struct km_top_picture picture;
	int found = -1;

	assert_null(km_top_board_paint(board, width, height, &picture));
	assert_true(!height || picture.nr_lines <= height);
	for (size_t i = 0; i < picture.nr_lines; i++) {
		assert_true(!width || strlen(picture.lines[i].text) <= width);
		if (found < 0 && strstr(picture.lines[i].text, text))
			found = (int)i;
	}
	km_top_picture_deinit(&picture);
	return found;
}

/* The text of the line that is selected; to be freed. */
static char *selected(struct km_top_board *board)
{
	struct km_top_picture picture;
	char *text = NULL;

	assert_null(km_top_board_paint(board, 80, 24, &picture));
	for (size_t i = 0; i < picture.nr_lines; i++)
		if (picture.lines[i].style == KM_TOP_SELECTED) {
			assert_null(text);
			text = strdup(picture.lines[i].text);
		}
	km_top_picture_deinit(&picture);
	return text;
}

static void assert_selected(struct km_top_board *board, const char *name)
{
	char *text = selected(board);

	assert_non_null(text);
	assert_memory_equal(text, name, strlen(name));
	free(text);
}

static void press(struct km_top_board *board, const char *keys)
{
	for (; *keys; keys++)
		assert_int_equal(km_top_board_key(board, (unsigned char)*keys), KM_TOP_NOTHING);
}

static void sorts(void **state)
{
	const struct km_top_options options = { 0 };
	struct km_top_board *board = make_board(&options);
	struct km_top_frame *frame = make_frame(NULL, 2, hits_1, live_1, 0);

	assert_null(km_top_board_show(board, frame));
	/* by waste a second */
	assert_true(line_of(board, 80, 24, "alpha") < line_of(board, 80, 24, "beta"));
	assert_true(line_of(board, 80, 24, "beta") < line_of(board, 80, 24, "gamma"));
	press(board, "L");
	assert_true(line_of(board, 80, 24, "beta") < line_of(board, 80, 24, "alpha"));
	press(board, "L");
	assert_true(line_of(board, 80, 24, "alpha") < line_of(board, 80, 24, "beta"));
	press(board, "N");
	assert_true(line_of(board, 80, 24, "beta") < line_of(board, 80, 24, "delta"));
	press(board, "r");
	assert_true(line_of(board, 80, 24, "gamma") < line_of(board, 80, 24, "delta"));
	/* a column that the view does not have is told */
	press(board, "O");
	assert_true(line_of(board, 80, 24, "no such column") > 0);
	km_top_frame_release(frame);
	km_top_board_destroy(board);
}

static void selection_stays(void **state)
{
	const struct km_top_options options = { 0 };
	struct km_top_board *board = make_board(&options);
	struct km_top_frame *first = make_frame(NULL, 2, hits_1, live_1, 0);
	struct km_top_frame *second = make_frame(first, 4, hits_2, live_2, 0);

	assert_null(km_top_board_show(board, first));
	assert_selected(board, "alpha");
	km_top_board_key(board, KM_TOP_KEY_HOME);
	/* beta becomes the first row of the second frame, and alpha stays selected */
	assert_null(km_top_board_show(board, second));
	assert_true(line_of(board, 80, 24, "beta") < line_of(board, 80, 24, "alpha"));
	assert_selected(board, "alpha");
	km_top_board_key(board, KM_TOP_KEY_UP);
	assert_selected(board, "delta");
	km_top_board_key(board, KM_TOP_KEY_END);
	assert_selected(board, "gamma");
	/* each view has its own */
	press(board, "2");
	assert_selected(board, "kmalloc-64");
	press(board, "1");
	assert_selected(board, "gamma");
	km_top_frame_release(first);
	km_top_frame_release(second);
	km_top_board_destroy(board);
}

static void filters(void **state)
{
	const struct km_top_options options = { .filter = "MOD" };
	struct km_top_board *board = make_board(&options);
	struct km_top_frame *frame = make_frame(NULL, 2, hits_2, live_2, 0);

	assert_null(km_top_board_show(board, frame));
	assert_int_equal(line_of(board, 80, 24, "alpha"), -1);
	assert_true(line_of(board, 80, 24, "beta") > 0);
	/* while it is typed; Backspace, a glob, Escape */
	km_top_board_key(board, KM_TOP_KEY_ESCAPE);
	assert_true(line_of(board, 80, 24, "alpha") > 0);
	press(board, "/gax");
	assert_true(line_of(board, 80, 24, "no call sites that pass the filter") > 0);
	km_top_board_key(board, KM_TOP_KEY_BACKSPACE);
	assert_true(line_of(board, 80, 24, "gamma") > 0);
	km_top_board_key(board, 'U' - '@');
	press(board, "*a+0x?0");
	km_top_board_key(board, KM_TOP_KEY_ENTER);
	assert_true(line_of(board, 80, 24, "alpha") > 0);
	assert_true(line_of(board, 80, 24, "gamma") > 0);
	assert_int_equal(line_of(board, 80, 24, "beta"), -1);
	/* in the live view there is only what lives */
	press(board, "4");
	assert_int_equal(line_of(board, 80, 24, "gamma"), -1);
	assert_true(line_of(board, 80, 24, "alpha") > 0);
	km_top_frame_release(frame);
	km_top_board_destroy(board);
}

static void freezes(void **state)
{
	const struct km_top_options options = { 0 };
	struct km_top_board *board = make_board(&options);
	struct km_top_frame *first = make_frame(NULL, 2, hits_1, live_1, 0);
	struct km_top_frame *second = make_frame(first, 4, hits_2, live_2, 0);

	assert_null(km_top_board_show(board, first));
	press(board, " ");
	assert_null(km_top_board_show(board, second));
	assert_ptr_equal(km_top_board_frame(board), first);
	assert_int_equal(line_of(board, 80, 24, "FROZEN"), 0);
	assert_int_equal(km_top_board_key(board, 'p'), KM_TOP_THAW);
	assert_null(km_top_board_show(board, second));
	assert_ptr_equal(km_top_board_frame(board), second);
	km_top_frame_release(first);
	km_top_frame_release(second);
	km_top_board_destroy(board);
}

static struct km_top_source source_of(void *arg, const struct km_top_row *row)
{
	assert_int_equal(row->address, 0x1000);
	return (struct km_top_source){ .line = "a.c:7",
				       .chain = "f in g",
				       .type = "type: struct a" };
}

static void opens(void **state)
{
	const struct km_top_options options = { .source = source_of };
	struct km_top_board *board = make_board(&options);
	struct km_top_frame *first = make_frame(NULL, 2, hits_1, live_1, 0);
	struct km_top_frame *second = make_frame(first, 4, hits_2, live_2, 0);

	assert_null(km_top_board_show(board, first));
	km_top_board_key(board, KM_TOP_KEY_ENTER);
	assert_true(line_of(board, 80, 24, "source: a.c:7  in f in g") > 0);
	assert_true(line_of(board, 80, 24, "type: struct a") > 0);
	assert_true(line_of(board, 80, 40, "use less") > 0);
	assert_true(line_of(board, 80, 40, "        40         64") > 0);
	/* 2^10 ns are in the bucket that ends with 4096 */
	assert_true(line_of(board, 80, 40, "under  4.10 us      90") > 0);
	assert_true(line_of(board, 80, 40, "allocations: 100,") > 0);
	/* it is followed to the next frame */
	assert_null(km_top_board_show(board, second));
	assert_true(line_of(board, 80, 40, "allocations: 104,") > 0);
	/* and can be scrolled, to its end and no further */
	for (int i = 0; i < 5; i++)
		km_top_board_key(board, KM_TOP_KEY_PAGE_DOWN);
	assert_int_equal(line_of(board, 80, 16, "allocations: 104,"), -1);
	assert_true(line_of(board, 80, 16, "under  4.10 us") > 0);
	km_top_board_key(board, KM_TOP_KEY_HOME);
	assert_true(line_of(board, 80, 16, "allocations: 104,") > 0);
	press(board, "q");
	assert_int_equal(km_top_board_key(board, 'q'), KM_TOP_QUIT);
	km_top_frame_release(first);
	km_top_frame_release(second);
	km_top_board_destroy(board);
}

static void actions(void **state)
{
	const struct km_top_options options = { 0 };
	struct km_top_board *board = make_board(&options);

	/* without any frame, too */
	assert_true(line_of(board, 80, 24, "no events yet") > 0);
	press(board, "w/tmp/q.json");
	assert_int_equal(km_top_board_key(board, KM_TOP_KEY_ENTER), KM_TOP_WRITE);
	assert_string_equal(km_top_board_file(board), "/tmp/q.json");
	km_top_board_say(board, "it is\007written");
	assert_true(line_of(board, 80, 24, "it is?written") > 0);
	assert_int_equal(km_top_board_key(board, '0'), KM_TOP_MARK_BASE);
	press(board, "h");
	assert_true(line_of(board, 80, 40, "freeze the screen") > 0);
	km_top_board_destroy(board);
}

/* Losses are in sight on every screen, and no line is wider than it. */
static void fits(void **state)
{
	const struct km_top_options options = { 0 };
	struct km_top_board *board = make_board(&options);
	struct km_top_frame *frame = make_frame(NULL, 2, hits_1, live_1, 4711);

	assert_null(km_top_board_show(board, frame));
	for (size_t height = 1; height < 40; height += height < 8 ? 1 : 8)
		for (size_t width = 12; width < 200; width += 11)
			for (enum km_top_view view = 0; view < KM_NR_TOP_VIEWS; view++) {
				km_top_board_key(board, '1' + view);
				assert_true(line_of(board, width, height, "lost 4,711") >= 0);
				km_top_board_key(board, KM_TOP_KEY_ENTER);
				assert_true(line_of(board, width, height, "lost 4,711") >= 0);
			}
	press(board, "1");
	/* of names that are cut the offset stays */
	press(board, "N");
	assert_true(line_of(board, 60, 24, "delta_of_a_ve..+0x40 ") > 0 ||
		    line_of(board, 60, 24, "..+0x40") > 0);
	km_top_frame_release(frame);
	km_top_board_destroy(board);
}

static void wrong_keys(void **state)
{
	const struct km_top_options options = { .view = KM_TOP_CLASSES, .sort = "live" };
	struct km_top_board *board;
	struct km_error *error = km_top_board_create(&options, &board);

	assert_non_null(error);
	assert_int_equal(error->kind, KM_ERR_USAGE);
	assert_string_equal(error->message, "--sort: the view classes has no column 'live'");
	km_error_free(error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_and_growth), cmocka_unit_test(base_moves),
		cmocka_unit_test(history_is_short), cmocka_unit_test(sorts),
		cmocka_unit_test(selection_stays),  cmocka_unit_test(filters),
		cmocka_unit_test(freezes),          cmocka_unit_test(opens),
		cmocka_unit_test(actions),          cmocka_unit_test(fits),
		cmocka_unit_test(wrong_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
