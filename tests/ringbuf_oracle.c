/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The page decoder against libtraceevent's kbuffer: the same events, time stamps, sizes and
 * fields out of the same pages, by both paths of the decoder. Reads a file that ringbuf_oracle.py
 * makes of a trace:
 *
 *	"<big endian 0|1> <size of long> <size of page>\n"
 *	any number of "header_page <bytes>\n" and "event <bytes>\n", each with a text behind it
 *	any number of "cpu <bytes>\n", each with the pages of a CPU behind it
 */
#include <event-parse.h>
#include <inttypes.h>
#include <kbuffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode/pages.h"

struct event {
	uint64_t ts_ns, call_site, ptr, bytes_req, bytes_alloc;
	int32_t pid;
	uint8_t kind;
};

struct list {
	struct event *events;
	size_t nr, room;
	uint64_t nr_all; /* with those of other kinds */
	uint64_t lost, gaps;
};

struct oracle {
	bool is_big_endian;
	unsigned int long_bytes, page_bytes;
	struct tep_handle *tep;
	struct km_formats formats;
};

__attribute__((format(printf, 1, 2))) static _Noreturn void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(2);
}

static void check(struct km_error *error)
{
	if (error)
		die("%s", error->message);
}

static void add(struct list *list, const struct event *event)
{
	if (list->nr == list->room) {
		list->room = list->room ? 2 * list->room : 1024;
		list->events = reallocarray(list->events, list->room, sizeof(*list->events));
		if (!list->events)
			die("no memory");
	}
	list->events[list->nr++] = *event;
}

/* A field by libtraceevent, 0 if the event has none of that name. */
static uint64_t field(struct tep_event *event, const char *name, const void *data)
{
	struct tep_format_field *found = tep_find_any_field(event, name);
	unsigned long long value = 0;

	if (found && tep_read_number_field(found, data, &value))
		die("%s.%s cannot be read", event->name, name);
	return value;
}

static void read_kbuffer(const struct oracle *oracle, uint8_t *pages, size_t size, struct list *ret)
{
	struct kbuffer *kbuf =
		kbuffer_alloc(oracle->long_bytes == 8 ? KBUFFER_LSIZE_8 : KBUFFER_LSIZE_4,
			      oracle->is_big_endian ? KBUFFER_ENDIAN_BIG : KBUFFER_ENDIAN_LITTLE);

	if (!kbuf)
		die("no memory");
	for (size_t at = 0; at < size; at += oracle->page_bytes) {
		unsigned long long ts;
		int missed;

		if (kbuffer_load_subbuffer(kbuf, pages + at))
			die("kbuffer refuses a page");
		missed = kbuffer_missed_events(kbuf);
		if (missed > 0)
			ret->lost += (uint64_t)missed;
		else if (missed < 0)
			ret->gaps++;
		for (void *data = kbuffer_read_event(kbuf, &ts); data;
		     data = kbuffer_next_event(kbuf, &ts)) {
			struct tep_record record = { .data = data,
						     .size = kbuffer_event_size(kbuf) };
			struct tep_event *event = tep_find_event_by_record(oracle->tep, &record);
			enum km_event_kind kind;

			ret->nr_all++;
			if (!event)
				continue;
			kind = km_event_kind_of(event->system, event->name);
			if (kind == KM_EV_OTHER || km_event_layer(kind) != KM_LAYER_SLAB)
				continue;
			add(ret, &(struct event){
					 .ts_ns = ts,
					 .call_site = field(event, "call_site", data),
					 .ptr = field(event, "ptr", data),
					 .bytes_req = field(event, "bytes_req", data),
					 .bytes_alloc = field(event, "bytes_alloc", data),
					 .pid = (int32_t)field(event, "common_pid", data),
					 .kind = (uint8_t)kind,
				 });
			/* what failed got nothing (event.h) */
			if (!ret->events[ret->nr - 1].ptr)
				ret->events[ret->nr - 1].bytes_alloc = 0;
		}
	}
	kbuffer_free(kbuf);
}

static void take_batch(const struct km_batch *batch, struct list *ret)
{
	for (uint32_t i = 0; i < batch->nr; i++) {
		bool is_alloc = km_event_is_alloc(batch->what[i].kind);

		if (km_event_layer(batch->what[i].kind) != KM_LAYER_SLAB)
			continue;
		add(ret, &(struct event){
				 .ts_ns = batch->ts_ns[i],
				 .call_site = batch->call_site[i],
				 .ptr = batch->ptr[i],
				 .bytes_req = is_alloc ? batch->size[i].req : 0,
				 .bytes_alloc = is_alloc ? batch->size[i].alloc : 0,
				 .pid = batch->pid[i],
				 .kind = batch->what[i].kind,
			 });
	}
}

static void read_km(const struct oracle *oracle, const uint8_t *pages, size_t size, bool generic,
		    struct list *ret)
{
	static const struct km_clock clock;
	struct km_batch *batch = calloc(1, sizeof(*batch));
	struct km_pages km = { 0 };

	if (!batch)
		die("no memory");
	check(km_pages_init(&km, &oracle->formats, KM_WANT_ALL, oracle->page_bytes));
	km.use_generic = generic;
	km_pages_begin(&km, 0, 0, &clock);
	km_pages_feed(&km, pages, size);
	for (bool is_full = true; is_full;) {
		batch->nr = 0;
		is_full = km_pages_fill(&km, batch);
		take_batch(batch, ret);
	}
	km_pages_finish(&km);
	ret->nr_all = km_quality_events_total(&km.stream.quality);
	ret->lost = km.stream.quality.count[KM_EVENTS_LOST];
	ret->gaps = km.stream.quality.count[KM_GAPS_UNKNOWN];
	if (km.stream.quality.count[KM_PAGES_DAMAGED])
		die("the decoder calls a page damaged");
	km_pages_deinit(&km);
	free(batch);
}

static void show(const char *who, const struct event *event)
{
	printf("  %s: %" PRIu64 " pid %d %s call_site=%#" PRIx64 " ptr=%#" PRIx64 " %" PRIu64
	       " %" PRIu64 "\n",
	       who, event->ts_ns, event->pid, km_event_name(event->kind), event->call_site,
	       event->ptr, event->bytes_req, event->bytes_alloc);
}

static bool is_same(const struct event *a, const struct event *b)
{
	return a->ts_ns == b->ts_ns && a->call_site == b->call_site && a->ptr == b->ptr &&
	       a->bytes_req == b->bytes_req && a->bytes_alloc == b->bytes_alloc &&
	       a->pid == b->pid && a->kind == b->kind;
}

/* 0 if both lists are the same. */
static int compare(const char *path, const struct list *got, const struct list *want)
{
	if (got->nr_all != want->nr_all || got->nr != want->nr || got->lost != want->lost ||
	    got->gaps != want->gaps) {
		printf("%s: %" PRIu64 " events, %zu kmem, %" PRIu64 " lost, %" PRIu64 " gaps; "
		       "kbuffer: %" PRIu64 ", %zu, %" PRIu64 ", %" PRIu64 "\n",
		       path, got->nr_all, got->nr, got->lost, got->gaps, want->nr_all, want->nr,
		       want->lost, want->gaps);
		return 1;
	}
	for (size_t i = 0; i < got->nr; i++) {
		if (is_same(&got->events[i], &want->events[i]))
			continue;
		printf("%s path: event %zu differs\n", path, i);
		show("decoder", &got->events[i]);
		show("kbuffer", &want->events[i]);
		return 1;
	}
	return 0;
}

static int compare_cpu(const struct oracle *oracle, uint8_t *pages, size_t size,
		       uint64_t *ret_events)
{
	struct list want = { 0 };
	int failed = 0;

	read_kbuffer(oracle, pages, size, &want);
	for (int generic = 0; generic < 2; generic++) {
		struct list got = { 0 };

		read_km(oracle, pages, size, generic, &got);
		failed |= compare(generic ? "generic" : "fast", &got, &want);
		free(got.events);
	}
	*ret_events += want.nr;
	free(want.events);
	return failed;
}

static void add_text(struct oracle *oracle, const char *name, const char *text, size_t size)
{
	if (strcmp(name, "header_page") == 0) {
		if (tep_parse_header_page(oracle->tep, (char *)text, size, (int)oracle->long_bytes))
			die("libtraceevent cannot parse header_page");
		check(km_formats_add_header_page(&oracle->formats, text, size));
		return;
	}
	if (tep_parse_event(oracle->tep, text, size, name))
		die("libtraceevent cannot parse a format of %s", name);
	check(km_formats_add_event(&oracle->formats, name, text, size));
}

static void oracle_begin(struct oracle *oracle, FILE *file)
{
	static const union {
		uint16_t word;
		uint8_t first;
	} one = { .word = 1 };
	int big;

	if (fscanf(file, "%d %u %u", &big, &oracle->long_bytes, &oracle->page_bytes) != 3 ||
	    fgetc(file) != '\n')
		die("no oracle file");
	oracle->is_big_endian = big;
	oracle->tep = tep_alloc();
	if (!oracle->tep)
		die("no memory");
	tep_set_file_bigendian(oracle->tep, big ? TEP_BIG_ENDIAN : TEP_LITTLE_ENDIAN);
	tep_set_local_bigendian(oracle->tep, one.first ? TEP_LITTLE_ENDIAN : TEP_BIG_ENDIAN);
	tep_set_long_size(oracle->tep, (int)oracle->long_bytes);
	check(km_formats_init(&oracle->formats, big, oracle->long_bytes));
}

int main(int argc, char **argv)
{
	struct oracle oracle = { 0 };
	FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
	bool is_sealed = false;
	uint64_t events = 0;
	char name[64];
	size_t size;
	int failed = 0;

	if (!file)
		die("usage: ringbuf_oracle FILE");
	oracle_begin(&oracle, file);
	while (fscanf(file, "%63s %zu", name, &size) == 2 && fgetc(file) == '\n') {
		uint8_t *data = calloc(1, size + 1);

		if (!data || fread(data, 1, size, file) != size)
			die("the oracle file is short");
		if (strcmp(name, "cpu") != 0) {
			add_text(&oracle, name, (char *)data, size);
		} else {
			if (!is_sealed)
				check(km_formats_seal(&oracle.formats));
			is_sealed = true;
			failed |= compare_cpu(&oracle, data, size, &events);
		}
		free(data);
	}
	printf("%" PRIu64 " events\n", events);
	km_formats_deinit(&oracle.formats);
	tep_free(oracle.tep);
	fclose(file);
	return failed;
}
