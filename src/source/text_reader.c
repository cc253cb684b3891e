/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads a text trace from front to end, block by block: what is kept is a block and the tables of
 * call sites, names and CPUs, however long the input is. Events come in the order of the lines:
 * the kernel and trace-cmd merge the CPUs by time.
 */
#include "source/text_reader.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "decode/record.h"

/* More event names than kernels have (some 2,500 in v6.12): the rest goes under one name. */
#define MOST_SLOTS  8192
#define MOST_CPUS   (UINT16_MAX + 1U)
/* Frames of a stack: the kernel keeps 127 (kernel.perf_event_max_stack), tracefs fewer. */
#define MOST_FRAMES 256

#define SLOT_TABLE_SIZE 32768

static struct km_text *text_of(const struct km_text_reader *reader)
{
	return (struct km_text *)reader->base.source;
}

struct km_error *km_text_reader_create(struct km_source *source, enum km_want want,
				       struct km_reader **ret)
{
	struct km_text_reader *reader = calloc(1, sizeof(*reader));
	struct km_error *error;

	if (!reader)
		return &km_error_memory;
	reader->base.source = source;
	/* of the columns between only those of tasks take time: the fields are all on the line */
	reader->want = want == KM_WANT_PAIRS ? KM_WANT_ALL : want;
	reader->has_tasks = want == KM_WANT_ALL;
	reader->block = reader->buffer = malloc(KM_TEXT_BLOCK_BYTES + KM_TEXT_SPARE_BYTES);
	reader->by_cpu = calloc(MOST_CPUS, sizeof(*reader->by_cpu));
	reader->slot_table = calloc(SLOT_TABLE_SIZE, sizeof(*reader->slot_table));
	if (!reader->block || !reader->by_cpu || !reader->slot_table) {
		km_text_reader_destroy(&reader->base);
		return &km_error_memory;
	}
	error = km_text_fast_create(&reader->fast);
	if (error) {
		km_text_reader_destroy(&reader->base);
		return error;
	}
	*ret = &reader->base;
	return NULL;
}

void km_text_reader_destroy(struct km_reader *base)
{
	struct km_text_reader *reader = (struct km_text_reader *)base;

	km_text_fast_destroy(reader->fast);
	km_intern_deinit(&reader->names);
	if (reader->map_bytes)
		munmap(reader->block, reader->map_bytes);
	free(reader->buffer);
	free(reader->streams);
	free(reader->lanes);
	free(reader->by_cpu);
	free(reader->slots);
	free(reader->slot_table);
	free(reader->stacks);
	free(reader);
}

struct km_error *km_text_reader_start(struct km_reader *base, size_t part)
{
	struct km_text *text = (struct km_text *)base->source;

	(void)part;
	if (text->is_begun)
		return km_error_create(KM_ERR_INPUT, text->input->path,
				       "a text can be read once only");
	text->is_begun = true;
	return NULL;
}

/* Moves the stamps of the last lines out of the block. */
static void keep_last_stamps(struct km_text_reader *reader)
{
	for (size_t i = 0; i < reader->nr_streams; i++) {
		struct km_text_lane *lane = &reader->lanes[i];

		if (lane->last_stamp.at)
			reader->streams[i].last_ns = km_text_stamp_ns(lane->last_stamp);
		lane->last_stamp.at = NULL;
	}
}

static bool grow_streams(struct km_text_reader *reader)
{
	struct km_text *text = text_of(reader);
	size_t room = reader->room_streams ? 2 * reader->room_streams : 16;
	void *streams = reallocarray(reader->streams, room, sizeof(*reader->streams));
	void *lanes, *infos;

	if (streams)
		reader->streams = streams;
	lanes = reallocarray(reader->lanes, room, sizeof(*reader->lanes));
	if (lanes)
		reader->lanes = lanes;
	infos = reallocarray(text->streams, room, sizeof(*text->streams));
	if (infos)
		text->streams = infos;
	text->base.info.streams = text->streams;
	if (!streams || !lanes || !infos)
		return false;
	reader->room_streams = room;
	return true;
}

/* The stream of a CPU; false without memory. */
static bool get_stream(struct km_text_reader *reader, uint32_t cpu, uint32_t *ret)
{
	struct km_text *text = text_of(reader);
	size_t i = reader->nr_streams;

	if (reader->by_cpu[cpu]) {
		*ret = reader->by_cpu[cpu] - 1U;
		return true;
	}
	if (i == UINT16_MAX)
		return false;
	if (i == reader->room_streams && !grow_streams(reader)) {
		reader->error = &km_error_memory;
		return false;
	}
	reader->streams[i] = (struct km_stream_stats){ .first_ns = UINT64_MAX };
	reader->lanes[i] = (struct km_text_lane){ 0 };
	text->streams[i] = (struct km_stream_info){ .cpu = cpu };
	reader->nr_streams = text->base.info.nr_streams = i + 1;
	text->base.info.nr_cpus = (uint32_t)(i + 1);
	reader->by_cpu[cpu] = (uint16_t)(i + 1);
	*ret = (uint32_t)i;
	return true;
}

/* Where lines are counted that name no CPU: with the last one that did. */
static struct km_quality *any_quality(struct km_text_reader *reader)
{
	if (!reader->nr_streams && !get_stream(reader, 0, &reader->stream))
		return &text_of(reader)->base.quality;
	return &reader->streams[reader->stream].quality;
}

/* A line that is none: counted, and the first is kept to be shown. */
static void count_bad_line(struct km_text_reader *reader, const char *line, const char *end)
{
	struct km_text *text = text_of(reader);
	enum { MOST_SHOWN = 100 };
	size_t len = (size_t)(end - line);
	size_t shown = len < MOST_SHOWN ? len : MOST_SHOWN;

	any_quality(reader)->count[KM_UNPARSED_LINES]++;
	if (text->bad_line)
		return;
	if (asprintf(&text->bad_line, "the first is \"%.*s%s\"", (int)shown, line,
		     len > shown ? "..." : "") < 0) {
		text->bad_line = NULL;
		return;
	}
	/* a NUL ended it too early; all else that is no plain character is made one */
	for (char *p = text->bad_line; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '.';
	text->base.info.detail = text->bad_line;
	text->base.info.detail_counter = KM_UNPARSED_LINES;
}

static struct km_formats *formats_of(struct km_text_reader *reader)
{
	return &reader->base.source->formats;
}

static uint16_t add_slot(struct km_text_reader *reader, struct km_span system, struct km_span name,
			 enum km_event_kind kind)
{
	struct km_formats *formats = formats_of(reader);
	char *system_copy, *name_copy;

	if (formats->nr_infos == formats->room_infos) {
		size_t room = formats->room_infos ? 2 * formats->room_infos : 64;
		struct km_format_info *infos = reallocarray(formats->infos, room, sizeof(*infos));
		uint64_t *slots;

		if (infos)
			formats->infos = infos;
		slots = reallocarray(reader->slots, room, sizeof(*slots));
		if (slots)
			reader->slots = slots;
		if (!infos || !slots) {
			reader->error = &km_error_memory;
			return 0;
		}
		formats->room_infos = room;
	}
	system_copy = strndup(system.at, system.len);
	name_copy = strndup(name.at, name.len);
	if (!system_copy || !name_copy) {
		free(system_copy);
		free(name_copy);
		reader->error = &km_error_memory;
		return 0;
	}
	formats->infos[formats->nr_infos] =
		(struct km_format_info){ .system = system_copy, .name = name_copy, .kind = kind };
	reader->slots[formats->nr_infos++] = 0;
	return (uint16_t)formats->nr_infos;
}

/* The slot + 1 of an event of another kind; 0 without memory. */
static uint16_t other_slot(struct km_text_reader *reader, const struct km_text_head *head)
{
	struct km_formats *formats = formats_of(reader);
	struct km_span name = head->name, system = head->system;
	uint32_t hash = 2166136261U;
	uint16_t *entry;

	if (formats->nr_infos >= MOST_SLOTS) {
		name = (struct km_span){ "(others)", 8 };
		system.len = 0;
	}
	for (size_t i = 0; i < name.len; i++)
		hash = (hash ^ (unsigned char)name.at[i]) * 16777619U;
	for (;; hash++) {
		const struct km_format_info *info;

		entry = &reader->slot_table[hash % SLOT_TABLE_SIZE];
		if (!*entry)
			break;
		info = &formats->infos[*entry - 1];
		if (strlen(info->name) == name.len && !memcmp(info->name, name.at, name.len) &&
		    strlen(info->system) == system.len &&
		    !memcmp(info->system, system.at, system.len))
			return *entry;
	}
	*entry = add_slot(reader, system, name, KM_EV_OTHER);
	return *entry;
}

static uint16_t kind_slot(struct km_text_reader *reader, enum km_event_kind kind)
{
	const char *name = km_event_name(kind);
	const char *system = km_event_layer(kind) == KM_LAYER_PERCPU ? "percpu" : "kmem";

	if (!reader->slot_of_kind[kind])
		reader->slot_of_kind[kind] =
			add_slot(reader, (struct km_span){ system, strlen(system) },
				 (struct km_span){ name, strlen(name) }, kind);
	return reader->slot_of_kind[kind];
}

/*
 * Judges an event as the binary formats are judged (decode/record.c): counts what is odd; false
 * if it cannot be.
 */
static bool judge(struct km_text_reader *reader, enum km_event_kind kind,
		  struct km_text_event *event)
{
	struct km_quality *quality = &reader->streams[reader->stream].quality;

	if (km_event_layer(kind) == KM_LAYER_PAGE) {
		const uint64_t page_bytes = 4096;

		event->ptr = event->has & KM_TF_PFN ? event->pfn : event->page;
		if (event->has & KM_TF_PAGE && !event->page)
			event->ptr = 0;
		event->req = event->more.order < 32 ? page_bytes << event->more.order : UINT64_MAX;
		event->alloc = event->req;
	} else if (!(event->has & KM_TF_ALLOC)) {
		event->alloc = event->req;
	}
	if (km_event_is_alloc(kind)) {
		if (!event->ptr) {
			quality->count[KM_FAILED_ALLOCS]++;
			event->req = event->req > UINT32_MAX ? UINT32_MAX : event->req;
			event->alloc = 0;
		} else if (km_sizes_are_odd(event->req, event->alloc) ||
			   event->alloc > UINT32_MAX) {
			quality->count[KM_UNDECODABLE_SIZE]++;
			return false;
		}
		return true;
	}
	event->req = event->alloc = 0;
	if (kind == KM_EV_KFREE && !event->ptr)
		quality->count[KM_NULL_FREES]++;
	else if (kind == KM_EV_KFREE && event->ptr == KM_ZERO_SIZE_PTR &&
		 !(event->flags & KM_EVF_PTR_HASHED))
		quality->count[KM_ZERO_SIZE_FREES]++;
	return true;
}

static void put_row(struct km_text_reader *reader, enum km_event_kind kind,
		    const struct km_text_head *head, const struct km_text_event *event,
		    uint64_t call_site, struct km_batch *batch)
{
	const uint32_t i = batch->nr++;

	batch->call_site[i] = call_site;
	batch->size[i] = (struct km_event_size){ (uint32_t)event->req, (uint32_t)event->alloc };
	batch->what[i] = (struct km_event_what){ .kind = (uint8_t)kind, .flags = event->flags };
	if (event->cache.len)
		batch->what[i].cache =
			km_intern_get(&reader->names, event->cache.at, event->cache.len);
	if (reader->want == KM_WANT_ALLOCS) {
		/* the flags of pointers are of no use there, and would split groups */
		batch->what[i].flags &= (uint8_t)~KM_EVF_PTR_HASHED;
		return;
	}
	km_text_comms_note(&text_of(reader)->comms, head->pid, head->comm);
	batch->ts_ns[i] = km_text_stamp_ns(head->stamp);
	batch->ptr[i] = event->ptr;
	batch->pid[i] = head->pid;
	batch->cpu[i] = (uint16_t)head->cpu;
	batch->more[i] = event->more;
	batch->stack[i] = 0;
	km_batch_mark(batch, i);
	reader->lanes[reader->stream].target = reader->frame_target = i + 1;
}

/* An event of a kind that is known: false if its fields are not. */
static bool take_known(struct km_text_reader *reader, enum km_event_kind kind,
		       const struct km_text_head *head, const char *end, struct km_batch *batch)
{
	struct km_text *text = text_of(reader);
	struct km_text_event event;
	uint64_t call_site = 0;
	uint16_t slot;

	if (!km_text_event_parse(kind, head->fields, end, &event))
		return false;
	if (event.call_site.len && !km_text_sites_get(&text->sites, event.call_site, &call_site))
		return false;
	if (!judge(reader, kind, &event))
		return true;
	slot = kind_slot(reader, kind);
	if (!slot)
		return true;
	reader->slots[slot - 1]++;
	reader->kinds[kind]++;
	reader->streams[reader->stream].quality.count[KM_EVENTS_USED]++;
	if (event.flags & KM_EVF_PTR_HASHED)
		text->base.info.has_hashed_ptrs = true;
	if (reader->want == KM_WANT_ALL || (km_event_is_alloc(kind) && event.alloc))
		put_row(reader, kind, head, &event, call_site, batch);
	return true;
}

static void take_other(struct km_text_reader *reader, const struct km_text_head *head)
{
	struct km_text_lane *lane = &reader->lanes[reader->stream];
	uint16_t slot = other_slot(reader, head);

	if (!slot)
		return;
	reader->slots[slot - 1]++;
	reader->kinds[KM_EV_OTHER]++;
	reader->streams[reader->stream].quality.count[KM_EVENTS_OTHER]++;
	/* the stack of the event before it on its CPU follows */
	if (head->name.len == 12 && memcmp(head->name.at, "kernel_stack", 12) == 0)
		reader->frame_target = lane->target;
	lane->target = 0;
}

bool km_text_excludes(const struct km_text *text, int32_t pid)
{
	for (size_t i = 0; i < text->nr_exclude_pids; i++)
		if (text->exclude_pids[i] == pid)
			return true;
	return false;
}

/*
 * The address of a frame. Where call sites are symbols, frames with symbol and offset are, too:
 * their addresses would not be found among the made-up ones. False if it is none, or of the
 * program: perf script has those behind the kernel's.
 */
static bool find_frame(struct km_text_reader *reader, const struct km_text_note *note,
		       uint64_t *ret)
{
	struct km_text_sites *sites = &text_of(reader)->sites;
	uint64_t address;

	if (!km_text_number(note->frame, 16, &address))
		return km_text_sites_get(sites, note->frame, ret);
	if (reader->frame_stack && reader->frame_address >> 63 && !(address >> 63)) {
		reader->frame_target = 0;
		return false;
	}
	reader->frame_address = address;
	/* a name alone is less than the address: --kallsyms has that */
	if (!sites->nr_symbols || !memchr(note->name.at, '+', note->name.len) ||
	    !km_text_sites_get(sites, note->name, ret))
		*ret = address;
	return true;
}

/* A frame of the stack of the event above. */
static void take_frame(struct km_text_reader *reader, const struct km_text_note *note,
		       struct km_batch *batch)
{
	uint64_t address;

	if (reader->want != KM_WANT_ALL || !reader->frame_target ||
	    !find_frame(reader, note, &address))
		return;
	if (reader->nr_stacks + 2 > reader->room_stacks) {
		size_t room = reader->room_stacks ? 2 * reader->room_stacks : 4096;
		uint64_t *stacks = reallocarray(reader->stacks, room, sizeof(*stacks));

		if (!stacks || room > UINT32_MAX) {
			reader->error = stacks ? reader->error : &km_error_memory;
			return;
		}
		reader->stacks = stacks;
		reader->room_stacks = room;
	}
	if (!reader->frame_stack) {
		reader->stacks[reader->nr_stacks++] = 0;
		reader->frame_stack = reader->nr_stacks;
		batch->stack[reader->frame_target - 1] = (km_stack_id)reader->frame_stack;
		batch->has_stacks = true;
	}
	if (reader->stacks[reader->frame_stack - 1] == MOST_FRAMES)
		return;
	reader->stacks[reader->frame_stack - 1]++;
	reader->stacks[reader->nr_stacks++] = address;
}

/* "# entries-in-buffer/entries-written: 7685/7690   #P:2": the older ones were overwritten. */
static void take_comment(struct km_text_reader *reader, const char *line, const char *end)
{
	static const char what[] = "# entries-in-buffer/entries-written: ";
	uint64_t numbers[2];
	const char *p = line + sizeof(what) - 1;

	if ((size_t)(end - line) < sizeof(what) || memcmp(line, what, sizeof(what) - 1) != 0)
		return;
	for (int i = 0; i < 2; i++) {
		const char *digits = p;

		while (p < end && *p >= '0' && *p <= '9')
			p++;
		if (!km_text_number((struct km_span){ digits, (size_t)(p - digits) }, 10,
				    &numbers[i]))
			return;
		p++;
	}
	if (numbers[1] > numbers[0])
		any_quality(reader)->count[KM_EVENTS_LOST] += numbers[1] - numbers[0];
}

static void take_note(struct km_text_reader *reader, const char *line, const char *end,
		      struct km_batch *batch)
{
	struct km_text_note note;

	switch (km_text_note_parse(line, end, &note)) {
	case KM_TL_EMPTY:
		take_comment(reader, line, end);
		break;
	case KM_TL_FRAME:
		take_frame(reader, &note, batch);
		break;
	case KM_TL_LOST:
		if (note.has_cpu && !get_stream(reader, note.cpu, &reader->stream))
			break;
		any_quality(reader)->count[note.lost ? KM_EVENTS_LOST : KM_GAPS_UNKNOWN] +=
			note.lost ? note.lost : 1;
		break;
	case KM_TL_BAD:
		count_bad_line(reader, line, end);
		break;
	}
}

/* False if the batch has no room for the line's event: it is read again. */
static bool take_line(struct km_text_reader *reader, const char *line, const char *end,
		      struct km_batch *batch)
{
	struct km_text_head head;
	enum km_event_kind kind;
	struct km_stream_stats *stream;

	if (line == end || *line == '\t' || *line == '#' || !km_text_head_parse(line, end, &head)) {
		take_note(reader, line, end, batch);
		return true;
	}
	kind = km_text_kind_of(head.name);
	if (kind != KM_EV_OTHER && batch->nr == KM_BATCH_EVENTS)
		return false;
	reader->frame_target = 0;
	reader->frame_stack = 0;
	if (!get_stream(reader, head.cpu, &reader->stream))
		return true;
	km_text_fast_learn(reader->fast, line, &head);
	stream = &reader->streams[reader->stream];
	if (stream->first_ns == UINT64_MAX)
		stream->first_ns = km_text_stamp_ns(head.stamp);
	reader->lanes[reader->stream].last_stamp = head.stamp;
	if (!memchr(head.stamp.at, '.', head.stamp.len) &&
	    !memchr(head.stamp.at, 'u', head.stamp.len))
		text_of(reader)->base.info.has_raw_time = true;
	if (text_of(reader)->nr_exclude_pids && km_text_excludes(text_of(reader), head.pid)) {
		stream->quality.count[KM_EVENTS_FILTERED]++;
		return true;
	}
	if (kind == KM_EV_OTHER) {
		take_other(reader, &head);
		return true;
	}
	reader->lanes[reader->stream].target = 0;
	if (!take_known(reader, kind, &head, end, batch))
		count_bad_line(reader, line, end);
	return true;
}

/*
 * Whether a batch waits for the next block: not if that may take its time. Stacks follow their
 * events, maybe in the next block, and are worth a look at whether it is there.
 */
static bool may_read_on(const struct km_text_reader *reader)
{
	const struct km_input *input = text_of(reader)->input;
	struct pollfd pollfd = { .fd = input->fd, .events = POLLIN };

	if (input->is_seekable || input->pos < input->head_size)
		return true;
	return reader->want == KM_WANT_ALL && poll(&pollfd, 1, 0) != 0;
}

/* A file is not copied but mapped, in pieces; its end is, to have newlines behind it. */
#define MAP_BYTES (4U << 20)
#define END_BYTES (64U << 10)

static struct km_error *end_map(struct km_text_reader *reader, uint64_t at)
{
	struct km_input *input = text_of(reader)->input;

	reader->is_map_over = true;
	if (!reader->map_bytes)
		return NULL;
	munmap(reader->block, reader->map_bytes);
	reader->map_bytes = 0;
	reader->block = reader->buffer;
	reader->pos = reader->size = reader->scanned = 0;
	input->pos = at;
	if (lseek(input->fd, (off_t)at, SEEK_SET) < 0)
		return km_error_os(KM_ERR_INPUT, input->path, errno, "cannot seek");
	return NULL;
}

/* Maps the piece of a file that begins with what is not read yet; false if it is to be copied. */
static bool map_next(struct km_text_reader *reader, struct km_error **ret_error)
{
	const struct km_input *input = text_of(reader)->input;
	size_t bytes = MAP_BYTES;
	uint64_t at, start;
	void *map;

	*ret_error = NULL;
	if (reader->is_map_over || !input->is_seekable)
		return false;
	if (reader->map_bytes && reader->pos == reader->scanned &&
	    reader->size - reader->pos > KM_TEXT_BLOCK_BYTES) {
		/* no line has ended in all of it */
		if (!reader->is_skipping)
			count_bad_line(reader, reader->block + reader->pos,
				       reader->block + reader->size);
		reader->is_skipping = true;
		reader->pos = reader->size;
	}
	at = reader->block_offset + reader->pos;
	start = at & ~(uint64_t)(MAP_BYTES / 64 - 1);
	if (input->file_bytes < at + 2 * KM_TEXT_BLOCK_BYTES) {
		*ret_error = end_map(reader, at);
		return false;
	}
	if (bytes > input->file_bytes - END_BYTES - start)
		bytes = (size_t)(input->file_bytes - END_BYTES - start);
	map = mmap(NULL, bytes + END_BYTES, PROT_READ, MAP_PRIVATE | MAP_POPULATE, input->fd,
		   (off_t)start);
	if (map == MAP_FAILED) {
		*ret_error = end_map(reader, at);
		return false;
	}
	if (reader->map_bytes)
		munmap(reader->block, reader->map_bytes);
	reader->block = map;
	reader->map_bytes = bytes + END_BYTES;
	reader->block_offset = start;
	reader->pos = reader->scanned = (size_t)(at - start);
	reader->size = bytes;
	return true;
}

/* Moves what is left of the block to its front and reads on. */
static struct km_error *load(struct km_text_reader *reader)
{
	struct km_text *text = text_of(reader);
	struct km_error *error;
	size_t left, got;

	keep_last_stamps(reader);
	if (map_next(reader, &error) || error)
		return error;
	left = reader->size - reader->pos;
	if (left == KM_TEXT_BLOCK_BYTES || (reader->is_skipping && left)) {
		if (!reader->is_skipping)
			count_bad_line(reader, reader->block, reader->block + left);
		reader->is_skipping = true;
		left = 0;
	} else {
		memmove(reader->block, reader->block + reader->pos, left);
	}
	reader->pos = 0;
	reader->size = reader->scanned = left;
	error = km_input_read(text->input, reader->block + left, KM_TEXT_BLOCK_BYTES - left, &got);
	if (error)
		return error;
	reader->size += got;
	reader->is_at_end = !got;
	memset(reader->block + reader->size, '\n', KM_TEXT_SPARE_BYTES);
	return NULL;
}

static void finish(struct km_text_reader *reader, struct km_batch *batch)
{
	struct km_text *text = text_of(reader);
	const char *line = reader->block + reader->pos, *end = reader->block + reader->size;
	const volatile bool *stop = text->input->stop;
	struct km_text_note note;

	keep_last_stamps(reader);
	/* a last line without its end was cut, unless we ended the input ourselves */
	if (line != end && !reader->is_skipping && !(stop && *stop)) {
		const enum km_text_line kind = km_text_note_parse(line, end, &note);

		if (km_text_head_parse(line, end, &(struct km_text_head){ 0 }) ||
		    kind == KM_TL_BAD || kind == KM_TL_FRAME)
			count_bad_line(reader, line, end);
		else
			take_note(reader, line, end, batch);
	}
	reader->pos = reader->size;
	reader->is_finished = true;
}

struct km_error *km_text_reader_fill(struct km_reader *base, struct km_batch *batch)
{
	struct km_text_reader *reader = (struct km_text_reader *)base;

	reader->nr_stacks = 0;
	reader->frame_target = 0;
	reader->frame_stack = 0;
	for (size_t i = 0; i < reader->nr_streams; i++)
		reader->lanes[i].target = 0;
	while (!reader->is_finished) {
		const char *line = reader->block + reader->pos;
		const char *from = line > reader->block + reader->scanned
					   ? line
					   : reader->block + reader->scanned;
		const char *newline = NULL, *end;

		if (!reader->is_skipping) {
			km_text_fast_walk(reader, batch);
			line = reader->block + reader->pos;
			from = line > from ? line : from;
		}
		if (reader->pos < reader->size)
			newline = memchr(from, '\n', (size_t)(reader->block + reader->size - from));
		if (!newline) {
			struct km_error *error;

			if (batch->nr && !may_read_on(reader))
				break;
			error = reader->is_at_end ? NULL : load(reader);
			if (error)
				return error;
			if (reader->is_at_end)
				finish(reader, batch);
			continue;
		}
		end = newline > line && newline[-1] == '\r' ? newline - 1 : newline;
		if (reader->is_skipping)
			reader->is_skipping = false;
		else if (!take_line(reader, line, end, batch))
			break;
		if (reader->error)
			return reader->error;
		reader->pos = (size_t)(newline + 1 - reader->block);
	}
	/* call sites that could not be kept made lines look wrong */
	return text_of(reader)->sites.is_short ? &km_error_memory : NULL;
}

/* Brings the streams, which are in the order they were met in, into that of their CPUs. */
static void sort_streams(struct km_text_reader *reader)
{
	struct km_stream_info *infos = text_of(reader)->streams;
	const uint32_t cpu = reader->nr_streams ? infos[reader->stream].cpu : 0;

	for (size_t i = 1; i < reader->nr_streams; i++) {
		const struct km_stream_info info = infos[i];
		const struct km_stream_stats stream = reader->streams[i];
		const struct km_text_lane lane = reader->lanes[i];
		size_t k = i;

		for (; k && infos[k - 1].cpu > info.cpu; k--) {
			infos[k] = infos[k - 1];
			reader->streams[k] = reader->streams[k - 1];
			reader->lanes[k] = reader->lanes[k - 1];
		}
		infos[k] = info;
		reader->streams[k] = stream;
		reader->lanes[k] = lane;
	}
	for (size_t i = 0; i < reader->nr_streams; i++)
		reader->by_cpu[infos[i].cpu] = (uint16_t)(i + 1);
	if (reader->nr_streams)
		reader->stream = reader->by_cpu[cpu] - 1U;
}

const struct km_part_stats *km_text_reader_stats(const struct km_reader *base)
{
	struct km_text_reader *reader = (struct km_text_reader *)base;

	keep_last_stamps(reader);
	sort_streams(reader);
	text_of(reader)->base.info.has_named_sites = text_of(reader)->sites.nr_symbols > 0;
	reader->stats = (struct km_part_stats){
		.streams = reader->streams,
		.nr_streams = reader->nr_streams,
		.slots = reader->slots,
		.nr_slots = formats_of(reader)->nr_infos,
	};
	memcpy(reader->stats.kinds, reader->kinds, sizeof(reader->kinds));
	return &reader->stats;
}

const struct km_intern *km_text_reader_names(const struct km_reader *base)
{
	return &((const struct km_text_reader *)base)->names;
}

size_t km_text_reader_stack(const struct km_reader *base, km_stack_id id, const uint64_t **ret)
{
	const struct km_text_reader *reader = (const struct km_text_reader *)base;

	if (!id || id > reader->nr_stacks)
		return 0;
	*ret = &reader->stacks[id];
	return (size_t)reader->stacks[id - 1];
}
