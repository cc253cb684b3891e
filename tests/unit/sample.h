/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A hand-made report, and how renderers are asked about it. */
#ifndef KMEMSTAT_TESTS_SAMPLE_H
#define KMEMSTAT_TESTS_SAMPLE_H

#include "kmemstat/render.h"

#define NR(array) (sizeof(array) / sizeof((array)[0]))

/* A report with a call site with source lines, a hostile one and one without a symbol. */
struct sample {
	struct km_instance_info instances[2];
	struct km_stream_info stream_infos[2];
	struct km_input_info input;
	struct km_format_info formats[2];
	struct km_event_report events[2];
	struct km_stream_report streams[2];
	struct km_frame frames[2];
	struct km_report_size sizes[3];
	struct km_callsite sites[3];
	struct km_class_site class_sites[3];
	struct km_report_class classes[2];
	struct km_finding findings[2];
	struct km_report report;
};

static inline void make_input(struct sample *s)
{
	s->instances[0] = (struct km_instance_info){ "", "local", 2, 40960, true };
	s->instances[1] = (struct km_instance_info){ "in\033[1mst", NULL, 2, 0, false };
	s->stream_infos[0] = (struct km_stream_info){ 0, 40000, true, 7, 1 };
	s->stream_infos[1] = (struct km_stream_info){ 1, 960, true, 0, 0 };
	s->input = (struct km_input_info){
		.path = "dir/trace.dat",
		.format = "trace.dat",
		.format_version = 7,
		.compression = "zstd",
		.kernel_release = "6.1.0-56-amd64",
		.machine = "x86_64",
		.recorder = "3.1.6",
		.clock = "local",
		.long_bytes = 8,
		.page_size = 4096,
		.subbuf_bytes = 4096,
		.nr_cpus = 2,
		.file_bytes = 4219999,
		.instances = s->instances,
		.nr_instances = 2,
		.streams = s->stream_infos,
		.nr_streams = 2,
	};
	s->formats[0] = (struct km_format_info){ "kmem", "kmalloc", 520, KM_EV_KMALLOC };
	s->formats[1] = (struct km_format_info){ "sched", "sched\nswitch", 300, KM_EV_OTHER };
	s->events[0] = (struct km_event_report){ &s->formats[0], 1234 };
	s->events[1] = (struct km_event_report){ &s->formats[1], 66 };
	s->streams[0] = (struct km_stream_report){
		&s->stream_infos[0], { { 0 } }, 1300, 8863686123, 23684759394
	};
	s->streams[0].quality.count[KM_EVENTS_USED] = 1234;
	s->streams[1] = (struct km_stream_report){ &s->stream_infos[1], { { 0 } }, 0, 1, 0 };
}

static inline void make_sites(struct sample *s)
{
	s->frames[0] = (struct km_frame){ "mesh_rmc_init", "net/mac80211/mesh.c", 177, 9, true };
	s->frames[1] = (struct km_frame){ "ieee80211_mesh_init_sdata", "net/mac80211/mesh.c", 1500,
					  0, false };
	s->sizes[0] = (struct km_report_size){ 2056, 4096, NULL, 25 };
	s->sizes[1] = (struct km_report_size){ 40, 64, "ca\tche", 1209 };
	s->sizes[2] = (struct km_report_size){ 8, 8, NULL, 3 };
	s->sites[0] = (struct km_callsite){
		.layer = "slab",
		.event = "kmalloc",
		.address = 0xffffffffc000104a,
		.has_symbol = true,
		.symbol = { "ieee80211_mesh_init_sdata", "mac80211", 0xffffffffc0001000, 0x4a },
		.name = "ieee80211_mesh_init_sdata+0x4a [mac80211]",
		.source = { s->frames, 2 },
		.hits = 25,
		.bytes_req = 51400,
		.bytes_alloc = 102400,
		.bytes_waste = 51000,
		.frag_percent = 49.8046875,
		.size_class = "kmalloc-4k",
		.sizes = &s->sizes[0],
		.nr_sizes = 1,
	};
	s->sites[1] = (struct km_callsite){
		.layer = "slab",
		.event = "kmem_cache_alloc",
		.address = 0xffffffff81001010,
		.has_symbol = true,
		.symbol = { "=evil\033[31m,\"x\"", NULL, 0xffffffff81001000, 0x10 },
		.name = "=evil\033[31m,\"x\"+0x10",
		.hits = 1209,
		.bytes_req = 48360,
		.bytes_alloc = 77376,
		.bytes_waste = 29016,
		.accounted_hits = 9,
		.frag_percent = 37.5,
		.size_class = "ca\tche",
		.sizes = &s->sizes[1],
		.nr_sizes = 1,
	};
	s->sites[2] = (struct km_callsite){
		.layer = "slab",
		.event = "kmalloc",
		.address = 0xffffffff99999999,
		.name = "0xffffffff99999999",
		.hits = 3,
		.bytes_req = 24,
		.bytes_alloc = 24,
		.size_class = "kmalloc-4k",
		.sizes = &s->sizes[2],
		.nr_sizes = 1,
	};
}

static inline void make_findings(struct sample *s)
{
	s->findings[0] = (struct km_finding){
		.rule = KM_RULE_JUST_OVER,
		.severity = KM_FIND_HIGH,
		.callsite = &s->sites[0],
		.fingerprint = "0123456789abcdef",
		.fingerprint_symbol = "0123456789abcde0",
		.message = "2056 bytes: 8 over kmalloc-2k, allocated 4096",
		.advice = "8 bytes less would save 2048 bytes an object, 50.0 KiB in all",
		.hits = 25,
		.bytes_req = 51400,
		.bytes_alloc = 102400,
		.bytes_waste = 51000,
		.bytes_saved = 51200,
		.bytes_over = 8,
		.size_class = "kmalloc-4k",
	};
	s->findings[1] = (struct km_finding){
		.rule = KM_RULE_WASTE,
		.severity = KM_FIND_LOW,
		.callsite = &s->sites[1],
		.fingerprint = "fedcba9876543210",
		.fingerprint_symbol = "fedcba9876543211",
		.message = "40 bytes out of ca\tche, objects of 64: 37.5% unused",
		.advice = "24 bytes an object are alignment",
		.hits = 1209,
		.bytes_req = 48360,
		.bytes_alloc = 77376,
		.bytes_waste = 29016,
		.size_class = "ca\tche",
	};
}

static inline struct sample *make_sample(void)
{
	struct sample *s = calloc(1, sizeof(*s));

	make_input(s);
	make_sites(s);
	make_findings(s);
	s->class_sites[0] = (struct km_class_site){ &s->sites[0], 25, 102400, 51000 };
	s->class_sites[1] = (struct km_class_site){ &s->sites[2], 3, 24, 0 };
	s->class_sites[2] = (struct km_class_site){ &s->sites[1], 1209, 77376, 29016 };
	s->classes[0] =
		(struct km_report_class){ "kmalloc-4k",       4096, 28, 51424, 102424, 51000,
					  &s->class_sites[0], 2 };
	s->classes[1] = (struct km_report_class){ "ca\tche",          64, 1209, 48360, 77376, 29016,
						  &s->class_sites[2], 1 };
	s->report = (struct km_report){
		.input = &s->input,
		.first_ns = 8863686123,
		.last_ns = 23684759394,
		.duration_ns = 14821073271,
		.slab = { "slab", 1237, 1000, 99784, 179800, 80016, 9 },
		.callsites = s->sites,
		.nr_callsites = 3,
		.classes = s->classes,
		.nr_classes = 2,
		.findings = s->findings,
		.nr_findings = 2,
		.streams = s->streams,
		.nr_streams = 2,
		.events = s->events,
		.nr_events = 2,
		.has_symbols = true,
	};
	s->report.quality.count[KM_EVENTS_USED] = 1234;
	s->report.quality.count[KM_EVENTS_OTHER] = 66;
	s->report.quality.count[KM_NULL_FREES] = 2;
	return s;
}

static inline void damage(struct sample *s)
{
	s->report.quality.count[KM_UNDECODABLE_SHORT] = 3;
	s->report.quality.count[KM_EVENTS_LOST] = 1500;
	s->report.quality.count[KM_PAGES_DAMAGED] = 1;
	s->report.quality.count[KM_FAILED_ALLOCS] = 4;
}

/* What is asked of a renderer. */
struct ask {
	const char *renderer;
	bool is_csv;
	unsigned int width;
	bool use_color, use_blocks, raw_ip;
	struct km_view_options view;
};

/* The output, to be freed. Inlined, gcc 12 takes it for the stream's own pointer to it. */
__attribute__((noinline)) static char *render(const struct km_report *report, const struct ask *ask)
{
	struct km_render_options options = {
		.width = ask->width,
		.use_color = ask->use_color,
		.use_blocks = ask->use_blocks,
		.raw_ip = ask->raw_ip,
	};
	const struct km_renderer *renderer = km_renderer_find(ask->renderer);
	struct km_view_options view_options = ask->view;
	struct km_view *view;
	struct km_out out;
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	assert_non_null(renderer);
	view_options.shows = renderer->shows;
	assert_null(km_view_create(report, &view_options, &view));
	options.view = view;
	options.list = renderer->list;
	km_out_init(&out, stream, "memory");
	assert_null((ask->is_csv ? renderer->csv : renderer->render)(report, &options, &out));
	assert_null(km_out_finish(&out));
	fclose(stream);
	km_view_destroy(view);
	return text;
}

static inline void expect(const struct km_report *report, struct ask ask, const char *expected)
{
	char *text = render(report, &ask);

	assert_string_equal(text, expected);
	free(text);
}

/* Lines that end in blanks, and lines wider than `width`. */
static inline void assert_neat(const char *text, size_t width)
{
	for (const char *line = text; *line;) {
		size_t len = strcspn(line, "\n");

		assert_true(len == 0 || line[len - 1] != ' ');
		if (width && len > width)
			fail_msg("%zu columns: %.*s", len, (int)len, line);
		line += len + (line[len] == '\n');
	}
}

#endif
