/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Renderers for people: what each must write of a hand-made report, to the letter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sample.h"

static void summary_is_as_wide_as_needed(void **state)
{
	struct sample *s = make_sample();

	expect(&s->report, (struct ask){ .renderer = "summary" },
	       "dir/trace.dat: trace.dat version 7 (zstd), Linux 6.1.0-56-amd64 x86_64, 2 CPUs, "
	       "14.8 s\n"
	       "1,300 events: 1,234 events used, 66 events of other kinds; 2 frees of NULL\n"
	       "slab: 1,237 allocations, 1,000 frees; requested 97.4 KiB, allocated 175.6 KiB, "
	       "wasted 78.1 KiB (44.5%)\n"
	       "\n"
	       "2 findings: 1 high, 1 low\n"
	       "\n"
	       "net/mac80211/mesh.c:177: high: 2056 bytes: 8 over kmalloc-2k, allocated 4096 "
	       "[just-over]\n"
	       "    8 bytes less would save 2048 bytes an object, 50.0 KiB in all\n"
	       "    25 hits, 49.8 KiB wasted, in mesh_rmc_init, inlined into "
	       "ieee80211_mesh_init_sdata+0x4a [mac80211]\n"
	       "\n"
	       "=evil?[31m,\"x\"+0x10: low: 40 bytes out of ca?che, objects of 64: 37.5% unused "
	       "[waste]\n"
	       "    24 bytes an object are alignment\n"
	       "    1,209 hits, 28.3 KiB wasted\n");
	free(s);
}

static void summary_wraps(void **state)
{
	struct sample *s = make_sample();
	struct ask ask = { .renderer = "summary", .width = 60 };
	char *text;

	damage(s);
	expect(&s->report, ask,
	       "dir/trace.dat: trace.dat version 7 (zstd), Linux\n"
	       "  6.1.0-56-amd64 x86_64, 2 CPUs, 14.8 s\n"
	       "1,303 events: 1,234 events used, 66 events of other kinds; 2\n"
	       "  frees of NULL\n"
	       "slab (lower bounds): 1,237 allocations, 1,000 frees;\n"
	       "  requested 97.4 KiB, allocated 175.6 KiB, wasted 78.1 KiB\n"
	       "  (44.5%)\n"
	       "warning: 3 events shorter than their format: the event\n"
	       "  formats in the file are not those of the kernel that wrote\n"
	       "  the events; record again\n"
	       "warning: 1,500 events lost while recording: totals are lower\n"
	       "  bounds: record with a larger buffer (trace-cmd record -b\n"
	       "  KIB, perf record -m PAGES)\n"
	       "warning: 1 damaged ring-buffer page: events are missing from\n"
	       "  all totals: copy the file again or record again\n"
	       "note: 4 allocations that failed: no bytes, and in no table\n"
	       "\n"
	       "2 findings: 1 high, 1 low\n"
	       "\n"
	       "net/mac80211/mesh.c:177: high: 2056 bytes: 8 over\n"
	       "    kmalloc-2k, allocated 4096 [just-over]\n"
	       "    8 bytes less would save 2048 bytes an object, 50.0 KiB\n"
	       "    in all\n"
	       "    25 hits, 49.8 KiB wasted, in mesh_rmc_init, inlined into\n"
	       "    ieee80211_mesh_init_sdata+0x4a [mac80211]\n"
	       "\n"
	       "=evil?[31m,\"x\"+0x10: low: 40 bytes out of ca?che, objects of\n"
	       "    64: 37.5% unused [waste]\n"
	       "    24 bytes an object are alignment\n"
	       "    1,209 hits, 28.3 KiB wasted\n");
	text = render(&s->report, &ask);
	assert_neat(text, 60);
	free(text);
	free(s);
}

static void summary_in_color(void **state)
{
	struct sample *s = make_sample();

	s->report.quality.count[KM_GAPS_UNKNOWN] = 1;
	expect(&s->report,
	       (struct ask){ .renderer = "summary",
			     .use_color = true,
			     .raw_ip = true,
			     .view = { .min_severity = KM_FIND_HIGH } },
	       "dir/trace.dat: trace.dat version 7 (zstd), Linux 6.1.0-56-amd64 x86_64, 2 CPUs, "
	       "14.8 s\n"
	       "1,300 events: 1,234 events used, 66 events of other kinds; 2 frees of NULL\n"
	       "slab (lower bounds): 1,237 allocations, 1,000 frees; requested 97.4 KiB, allocated "
	       "175.6 KiB, wasted 78.1 KiB (44.5%)\n"
	       "\033[33mwarning:\033[0m 1 gap in which an unknown number of events was lost: "
	       "totals are lower bounds: record with a larger buffer (trace-cmd record -b KIB, "
	       "perf "
	       "record -m PAGES)\n"
	       "\n"
	       "2 findings: 1 high, 1 low\n"
	       "\n"
	       "\033[1mnet/mac80211/mesh.c:177\033[0m: \033[1;31mhigh:\033[0m 2056 bytes: 8 over "
	       "kmalloc-2k, allocated 4096 [just-over]\n"
	       "    8 bytes less would save 2048 bytes an object, 50.0 KiB in all\n"
	       "    25 hits, 49.8 KiB wasted, in mesh_rmc_init, inlined into 0xffffffffc000104a\n"
	       "\n"
	       "1 more: --min-severity low --lines 0 shows all\n");
	free(s);
}

/* Nothing that came from the trace may reach a terminal raw. */
static void no_control_characters(void **state)
{
	static const char *const renderers[] = { "summary",  "caller", "class", "live",
						 "timeline", "json",   "info" };
	struct sample *s = make_sample();

	for (size_t i = 0; i < NR(renderers); i++) {
		struct ask ask = { .renderer = renderers[i] };
		char *text = render(&s->report, &ask);

		for (const char *c = text; *c; c++)
			assert_true(*c == '\n' || (unsigned char)*c >= 0x20);
		assert_null(strstr(text, "\177"));
		free(text);
	}
	free(s);
}

static void summary_without_symbols(void **state)
{
	struct sample *s = make_sample();

	s->report.has_symbols = false;
	s->sites[0].has_symbol = false;
	s->sites[0].name = "0xffffffffc000104a";
	s->sites[0].source.nr_frames = 0;
	s->report.nr_findings = 1;
	expect(&s->report, (struct ask){ .renderer = "summary" },
	       "dir/trace.dat: trace.dat version 7 (zstd), Linux 6.1.0-56-amd64 x86_64, 2 CPUs, "
	       "14.8 s\n"
	       "1,300 events: 1,234 events used, 66 events of other kinds; 2 frees of NULL\n"
	       "slab: 1,237 allocations, 1,000 frees; requested 97.4 KiB, allocated 175.6 KiB, "
	       "wasted 78.1 KiB (44.5%)\n"
	       "\n"
	       "1 finding: 1 high\n"
	       "\n"
	       "0xffffffffc000104a: high: 2056 bytes: 8 over kmalloc-2k, allocated 4096 "
	       "[just-over]\n"
	       "    8 bytes less would save 2048 bytes an object, 50.0 KiB in all\n"
	       "    25 hits, 49.8 KiB wasted\n"
	       "\n"
	       "no symbols in the trace: --kallsyms FILE takes a copy of the traced machine's "
	       "/proc/kallsyms\n");
	free(s);
}

static void summary_without_source_lines(void **state)
{
	struct sample *s = make_sample();

	s->sites[0].source.nr_frames = 0;
	s->report.nr_findings = 1;
	expect(&s->report, (struct ask){ .renderer = "summary" },
	       "dir/trace.dat: trace.dat version 7 (zstd), Linux 6.1.0-56-amd64 x86_64, 2 CPUs, "
	       "14.8 s\n"
	       "1,300 events: 1,234 events used, 66 events of other kinds; 2 frees of NULL\n"
	       "slab: 1,237 allocations, 1,000 frees; requested 97.4 KiB, allocated 175.6 KiB, "
	       "wasted 78.1 KiB (44.5%)\n"
	       "\n"
	       "1 finding: 1 high\n"
	       "\n"
	       "ieee80211_mesh_init_sdata+0x4a [mac80211]: high: 2056 bytes: 8 over kmalloc-2k, "
	       "allocated 4096 [just-over]\n"
	       "    8 bytes less would save 2048 bytes an object, 50.0 KiB in all\n"
	       "    25 hits, 49.8 KiB wasted\n"
	       "\n"
	       "no source lines: --vmlinux FILE and --debug-dir DIR take the debug information of "
	       "the traced kernel, 6.1.0-56-amd64\n");
	free(s);
}

/* A trace without allocations, and one without findings. */
static void summary_of_nothing(void **state)
{
	struct sample *s = make_sample();

	s->report.nr_findings = 0;
	expect(&s->report, (struct ask){ .renderer = "summary" },
	       "dir/trace.dat: trace.dat version 7 (zstd), Linux 6.1.0-56-amd64 x86_64, 2 CPUs, "
	       "14.8 s\n"
	       "1,300 events: 1,234 events used, 66 events of other kinds; 2 frees of NULL\n"
	       "slab: 1,237 allocations, 1,000 frees; requested 97.4 KiB, allocated 175.6 KiB, "
	       "wasted 78.1 KiB (44.5%)\n"
	       "\n"
	       "no findings\n");
	s->report.slab = (struct km_layer_summary){ .layer = "slab" };
	s->report.nr_callsites = 0;
	s->report.first_ns = UINT64_MAX;
	s->report.last_ns = 0;
	s->input.kernel_release = s->input.machine = NULL;
	s->input.compression = "none";
	s->input.nr_cpus = 1;
	expect(&s->report, (struct ask){ .renderer = "summary" },
	       "dir/trace.dat: trace.dat version 7, 1 CPU\n"
	       "1,300 events: 1,234 events used, 66 events of other kinds; 2 frees of NULL\n"
	       "slab: 0 allocations, 0 frees; requested 0 B, allocated 0 B, wasted 0 B\n"
	       "no allocations to judge: record kmalloc and kmem_cache_alloc, as trace-cmd record "
	       "-e kmem does\n");
	free(s);
}

static void caller_is_as_wide_as_needed(void **state)
{
	struct sample *s = make_sample();
	struct ask ask = { .renderer = "caller" };
	char *text;

	expect(&s->report, ask,
	       "Callsite                                   Total_alloc/Per  Total_req/Per   Hit   "
	       "Frag  Waste  File:line\n"
	       "ieee80211_mesh_init_sdata+0x4a [mac80211]      102400/4096     51400/2056    25  "
	       "49.8%  51000  net/mac80211/mesh.c:177\n"
	       "=evil?[31m,\"x\"+0x10                             77376/64       48360/40    1209  "
	       "37.5%  29016\n"
	       "0xffffffff99999999                                 24/8           24/8        3   "
	       "0.0%      0\n"
	       "\n"
	       "1,300 events: 1,234 events used, 66 events of other kinds; 2 frees of NULL\n"
	       "slab: 1,237 allocations, 1,000 frees; requested 97.4 KiB, allocated 175.6 KiB, "
	       "wasted 78.1 KiB (44.5%)\n");
	text = render(&s->report, &ask);
	assert_neat(text, 0);
	free(text);
	free(s);
}

static void caller_fits(void **state)
{
	struct sample *s = make_sample();
	struct ask ask = { .renderer = "caller", .width = 110 };
	char *text;

	expect(&s->report, ask,
	       "Callsite                           Total_alloc/Per  Total_req/Per   Hit   Frag  "
	       "Waste  File:line\n"
	       "ieee80211_mesh_init_sdata+0x4a         102400/4096     51400/2056    25  49.8%  "
	       "51000  net/mac80211/mesh.c:177\n"
	       "=evil?[31m,\"x\"+0x10                     77376/64       48360/40    1209  37.5%  "
	       "29016\n"
	       "0xffffffff99999999                         24/8           24/8        3   0.0%     "
	       " 0\n"
	       "\n"
	       "1,300 events: 1,234 events used, 66 events of other kinds; 2 frees of NULL\n"
	       "slab: 1,237 allocations, 1,000 frees; requested 97.4 KiB, allocated 175.6 KiB, "
	       "wasted 78.1 KiB (44.5%)\n");
	ask.width = 80;
	expect(&s->report, ask,
	       "Callsite                      Total_alloc/Per  Total_req/Per   Hit   Frag  Waste\n"
	       "ieee80211_mesh_init_...+0x4a      102400/4096     51400/2056    25  49.8%  51000\n"
	       "    net/mac80211/mesh.c:177\n"
	       "=evil?[31m,\"x\"+0x10                77376/64       48360/40    1209  37.5%  "
	       "29016\n"
	       "0xffffffff99999999                    24/8           24/8        3   0.0%      0\n"
	       "\n"
	       "1,300 events: 1,234 events used, 66 events of other kinds; 2 frees of NULL\n"
	       "slab: 1,237 allocations, 1,000 frees; requested 97.4 KiB, allocated 175.6 KiB,\n"
	       "  wasted 78.1 KiB (44.5%)\n");
	text = render(&s->report, &ask);
	assert_neat(text, 80);
	free(text);
	/* narrower than its numbers it cannot get */
	ask.width = 60;
	expect(&s->report, ask,
	       "Callsite      Total_alloc/Per  Total_req/Per   Hit   Frag  Waste\n"
	       "ieee...+0x4a      102400/4096     51400/2056    25  49.8%  51000\n"
	       "    net/mac80211/mesh.c:177\n"
	       "=evi...+0x10       77376/64       48360/40    1209  37.5%  29016\n"
	       "0xfffffff...          24/8           24/8        3   0.0%      0\n"
	       "\n"
	       "1,300 events: 1,234 events used, 66 events of other kinds; 2\n"
	       "  frees of NULL\n"
	       "slab: 1,237 allocations, 1,000 frees; requested 97.4 KiB,\n"
	       "  allocated 175.6 KiB, wasted 78.1 KiB (44.5%)\n");
	free(s);
}

static void caller_options(void **state)
{
	struct sample *s = make_sample();

	expect(&s->report,
	       (struct ask){ .renderer = "caller",
			     .use_color = true,
			     .raw_ip = true,
			     .view = { .max_rows = 1 } },
	       "\033[1mCallsite            Total_alloc/Per  Total_req/Per  Hit   Frag  Waste  "
	       "File:line\033[0m\n"
	       "0xffffffffc000104a      102400/4096     51400/2056   25  49.8%  51000  "
	       "net/mac80211/mesh.c:177\n"
	       "2 more call sites: --lines 0 shows all\n"
	       "\n"
	       "1,300 events: 1,234 events used, 66 events of other kinds; 2 frees of NULL\n"
	       "slab: 1,237 allocations, 1,000 frees; requested 97.4 KiB, allocated 175.6 KiB, "
	       "wasted 78.1 KiB (44.5%)\n");
	expect(&s->report,
	       (struct ask){ .renderer = "caller",
			     .view = { .fields = "hit,function,module,class,sizes,accounted,event,"
						 "layer,address",
				       .sort = "hit" } },
	       " Hit  Function       Module    Class       Sizes  Accounted  Event             "
	       "Layer  Address\n"
	       "1209                           ca?che          1          9  kmem_cache_alloc  "
	       "slab   0xffffffff81001010\n"
	       "  25  mesh_rmc_init  mac80211  kmalloc-4k      1          0  kmalloc           "
	       "slab   0xffffffffc000104a\n"
	       "   3                           kmalloc-4k      1          0  kmalloc           "
	       "slab   0xffffffff99999999\n"
	       "\n"
	       "1,300 events: 1,234 events used, 66 events of other kinds; 2 frees of NULL\n"
	       "slab: 1,237 allocations, 1,000 frees; requested 97.4 KiB, allocated 175.6 KiB, "
	       "wasted 78.1 KiB (44.5%)\n");
	free(s);
}

static void caller_without_rows(void **state)
{
	struct sample *s = make_sample();

	s->report.nr_callsites = 0;
	damage(s);
	expect(&s->report, (struct ask){ .renderer = "caller" },
	       "Callsite  Total_alloc/Per  Total_req/Per  Hit  Frag  Waste\n"
	       "\n"
	       "1,303 events: 1,234 events used, 66 events of other kinds; 2 frees of NULL\n"
	       "slab (lower bounds): 1,237 allocations, 1,000 frees; requested 97.4 KiB, allocated "
	       "175.6 KiB, wasted 78.1 KiB (44.5%)\n"
	       "warning: 3 events shorter than their format: the event formats in the file are not "
	       "those of the kernel that wrote the events; record again\n"
	       "warning: 1,500 events lost while recording: totals are lower bounds: record with a "
	       "larger buffer (trace-cmd record -b KIB, perf record -m PAGES)\n"
	       "warning: 1 damaged ring-buffer page: events are missing from all totals: copy the "
	       "file again or record again\n"
	       "note: 4 allocations that failed: no bytes, and in no table\n");
	free(s);
}

static void class_table(void **state)
{
	struct sample *s = make_sample();

	expect(&s->report, (struct ask){ .renderer = "class" },
	       "Class / call site                            Requested  Allocated     Waste   Frag "
	       "   Hit  File:line\n"
	       "kmalloc-4k                                    50.2 KiB  100.0 KiB  49.8 KiB  49.8% "
	       "    28\n"
	       "  ieee80211_mesh_init_sdata+0x4a [mac80211]   50.2 KiB  100.0 KiB  49.8 KiB  49.8% "
	       "    25  net/mac80211/mesh.c:177\n"
	       "  0xffffffff99999999                              24 B       24 B       0 B   0.0% "
	       "     3\n"
	       "ca?che                                        47.2 KiB   75.6 KiB  28.3 KiB  37.5% "
	       " 1,209\n"
	       "  =evil?[31m,\"x\"+0x10                         47.2 KiB   75.6 KiB  28.3 KiB  "
	       "37.5%  1,209\n"
	       "\n"
	       "1,300 events: 1,234 events used, 66 events of other kinds; 2 frees of NULL\n"
	       "slab: 1,237 allocations, 1,000 frees; requested 97.4 KiB, allocated 175.6 KiB, "
	       "wasted 78.1 KiB (44.5%)\n");
	expect(&s->report,
	       (struct ask){ .renderer = "class", .width = 80, .view = { .max_class_sites = 1 } },
	       "Class / call site                 Requested  Allocated     Waste   Frag    Hit\n"
	       "kmalloc-4k                         50.2 KiB  100.0 KiB  49.8 KiB  49.8%     28\n"
	       "  ieee80211_mesh_init_sdata+0x4a   50.2 KiB  100.0 KiB  49.8 KiB  49.8%     25\n"
	       "    net/mac80211/mesh.c:177\n"
	       "  1 more\n"
	       "ca?che                             47.2 KiB   75.6 KiB  28.3 KiB  37.5%  1,209\n"
	       "  =evil?[31m,\"x\"+0x10              47.2 KiB   75.6 KiB  28.3 KiB  37.5%  1,209\n"
	       "\n"
	       "1,300 events: 1,234 events used, 66 events of other kinds; 2 frees of NULL\n"
	       "slab: 1,237 allocations, 1,000 frees; requested 97.4 KiB, allocated 175.6 KiB,\n"
	       "  wasted 78.1 KiB (44.5%)\n");
	s->report.nr_classes = 0;
	expect(&s->report, (struct ask){ .renderer = "class" },
	       "Class / call site  Requested  Allocated  Waste  Frag  Hit\n"
	       "\n"
	       "1,300 events: 1,234 events used, 66 events of other kinds; 2 frees of NULL\n"
	       "slab: 1,237 allocations, 1,000 frees; requested 97.4 KiB, allocated 175.6 KiB, "
	       "wasted 78.1 KiB (44.5%)\n");
	free(s);
}

/* The first failed write is kept, whatever a renderer writes after it. */
static void write_errors_are_kept(void **state)
{
	size_t nr;
	const struct km_renderer *renderers = km_renderers(&nr);
	struct sample *s = make_sample();
	struct km_view_options view_options = { 0 };
	struct km_render_options options = { 0 };
	struct km_view *view;
	uint32_t frame = 0;
	struct km_stack_row row = {
		.layer = KM_LAYER_SLAB,
		.event = "kmalloc",
		.frames = &frame,
		.nr_frames = 1,
		.hits = 1,
		.bytes_req = 8,
		.bytes_alloc = 32,
		.bytes_waste = 24,
	};
	struct km_stack_report stacks = {
		.frames = s->report.callsites,
		.nr_frames = 1,
		.rows = &row,
		.nr_rows = 1,
	};

	/* as it has for those who show it */
	s->report.stacks = &stacks;
	assert_null(km_view_create(&s->report, &view_options, &view));
	options.view = view;
	for (size_t i = 0; i < nr; i++) {
		FILE *full = fopen("/dev/full", "w");
		struct km_error *error;
		struct km_out out;

		assert_non_null(full);
		setvbuf(full, NULL, _IONBF, 0);
		km_out_init(&out, full, "/dev/full");
		assert_null(renderers[i].render(&s->report, &options, &out));
		error = km_out_finish(&out);
		assert_non_null(error);
		assert_int_equal(error->kind, KM_ERR_OUTPUT);
		km_error_free(error);
		fclose(full);
	}
	km_view_destroy(view);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(summary_is_as_wide_as_needed),
		cmocka_unit_test(summary_wraps),
		cmocka_unit_test(summary_in_color),
		cmocka_unit_test(no_control_characters),
		cmocka_unit_test(summary_without_symbols),
		cmocka_unit_test(summary_without_source_lines),
		cmocka_unit_test(summary_of_nothing),
		cmocka_unit_test(caller_is_as_wide_as_needed),
		cmocka_unit_test(caller_fits),
		cmocka_unit_test(caller_options),
		cmocka_unit_test(caller_without_rows),
		cmocka_unit_test(class_table),
		cmocka_unit_test(write_errors_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
