// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A ring-buffer page (kernel/trace/ring_buffer.c, v6.1), little endian, 64 bit:
 *
 *	time stamp u64, commit u64 (bytes of data; bits 30 and 31: events were lost before it), data
 *	event: type_len 5 bits, time_delta 27 bits; type_len
 *	  1-28	4 * type_len bytes of data follow
 *	  0	length u32 follows, its own 4 bytes included, then data
 *	  29	padding: to the end of the page (time_delta 0), or length u32
 *	  30	time extend: u32, time passes by time_delta + (u32 << 27)
 *	  31	absolute time stamp: u32, the time is time_delta + (u32 << 27), its topmost 5 bits
 *		being those of the time so far
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "pages.h"

enum { TYPE_DATA = 0, TYPE_PADDING = 29, TYPE_EXTEND = 30, TYPE_STAMP = 31 };
enum { PAGE_HEADER = 16, DELTA_BITS = 27, STAMP_BITS = 59 };
#define COMMIT_MASK 0x3fffffffu
#define DELTA_MASK  ((1ull << DELTA_BITS) - 1)
#define STAMP_MASK  ((1ull << STAMP_BITS) - 1)

static uint32_t load32(const uint8_t *data)
{
	return (uint32_t)km_load_uint(data, 4, false);
}

static uint64_t load64(const uint8_t *data)
{
	return km_load_uint(data, 8, false);
}

static void store(uint8_t *data, uint64_t value, unsigned int size)
{
	for (unsigned int i = 0; i < size; i++)
		data[i] = (uint8_t)(value >> 8 * i);
}

void bench_walk_init(struct bench_walk *walk, uint8_t *pages, size_t nr_pages, uint32_t page_size)
{
	*walk = (struct bench_walk){ .pages = pages, .nr_pages = nr_pages, .page_size = page_size };
}

static _Noreturn void bad_page(const struct bench_walk *walk)
{
	bench_die("ring-buffer page %zu does not add up", walk->page - 1);
}

static bool begin_page(struct bench_walk *walk)
{
	if (walk->page == walk->nr_pages)
		return false;
	uint8_t *page = walk->pages + walk->page++ * walk->page_size;
	uint32_t size = load32(page + 8) & COMMIT_MASK;

	if (size > walk->page_size - PAGE_HEADER)
		bad_page(walk);
	walk->ts_ns = load64(page);
	walk->pos = page + PAGE_HEADER;
	walk->end = walk->pos + size;
	return true;
}

/* One record of the page: true if it is for the caller. */
static bool take_record(struct bench_walk *walk, struct bench_event *ret)
{
	size_t left = (size_t)(walk->end - walk->pos);
	uint32_t head = left >= 4 ? load32(walk->pos) : 0;
	uint32_t type = head & 31, delta = head >> 5;
	uint32_t array = left >= 8 ? load32(walk->pos + 4) : 0;
	uint8_t *data = walk->pos + (type == TYPE_DATA ? 8 : 4);
	size_t size = 4 + 4 * (size_t)type; /* with the header */

	if (type == TYPE_PADDING && !delta) {
		walk->pos = walk->end;
		return false;
	}
	if (type == TYPE_DATA || type == TYPE_PADDING)
		size = 4 + (size_t)array;
	else if (type >= TYPE_EXTEND)
		size = 8;
	if (left < 4 || size < 8 || size > left)
		bad_page(walk);
	walk->pos += size;
	if (type == TYPE_EXTEND)
		walk->ts_ns += delta + ((uint64_t)array << DELTA_BITS);
	else if (type == TYPE_STAMP)
		walk->ts_ns = (walk->ts_ns & ~STAMP_MASK) + delta + ((uint64_t)array << DELTA_BITS);
	else
		walk->ts_ns += delta;
	*ret = (struct bench_event){
		.ts_ns = walk->ts_ns,
		.data = data,
		.size = (uint32_t)(walk->pos - data),
		.is_time_stamp = type == TYPE_STAMP,
	};
	return type != TYPE_EXTEND && type != TYPE_PADDING;
}

static bool next_record(struct bench_walk *walk, struct bench_event *ret)
{
	for (;;) {
		while (walk->pos == walk->end)
			if (!begin_page(walk))
				return false;
		if (take_record(walk, ret))
			return true;
	}
}

bool bench_walk_next(struct bench_walk *walk, struct bench_event *ret)
{
	while (next_record(walk, ret))
		if (!ret->is_time_stamp)
			return true;
	return false;
}

/* Adds to an absolute time stamp, which lies in delta and the word after it. */
static void shift_stamp(uint8_t *data, uint64_t shift_ns)
{
	uint32_t head = load32(data - 4);
	uint64_t stamp = (head >> 5) + ((uint64_t)load32(data) << DELTA_BITS) + shift_ns;

	store(data - 4, (head & 31) | (stamp & DELTA_MASK) << 5, 4);
	store(data, (stamp & STAMP_MASK) >> DELTA_BITS, 4);
}

static void flip_pointer(struct bench_event *event, const struct bench_format *format,
			 uint64_t pointer_bits)
{
	uint8_t *at = event->data + format->ptr_offset;

	if (format->ptr_offset + 8u > event->size)
		bench_die("a %s event of %u bytes is too short", format->name, event->size);
	if (load64(at) > 16) /* include/linux/slab.h: ZERO_SIZE_PTR is 16 */
		store(at, load64(at) ^ pointer_bits, 8);
}

void bench_pages_shift(uint8_t *pages, size_t nr_pages, uint32_t page_size, uint64_t shift_ns,
		       const struct bench_format formats[BENCH_NR_KINDS], uint64_t pointer_bits)
{
	struct bench_walk walk;
	struct bench_event event;

	for (size_t i = 0; i < nr_pages; i++) {
		uint8_t *page = pages + i * page_size;

		store(page, load64(page) + shift_ns, 8);
	}
	bench_walk_init(&walk, pages, nr_pages, page_size);
	while (next_record(&walk, &event)) {
		if (event.is_time_stamp) {
			shift_stamp(event.data, shift_ns);
			continue;
		}
		int kind = bench_formats_kind(formats, (uint16_t)load32(event.data));

		if (kind >= 0 && pointer_bits)
			flip_pointer(&event, &formats[kind], pointer_bits);
	}
}

static const char *const kind_names[BENCH_NR_KINDS] = {
	[BENCH_KMALLOC] = "kmalloc",
	[BENCH_KFREE] = "kfree",
	[BENCH_CACHE_ALLOC] = "kmem_cache_alloc",
	[BENCH_CACHE_FREE] = "kmem_cache_free",
	[BENCH_KMALLOC_NODE] = "kmalloc_node",
	[BENCH_CACHE_ALLOC_NODE] = "kmem_cache_alloc_node",
};

int bench_formats_kind(const struct bench_format formats[BENCH_NR_KINDS], uint16_t id)
{
	for (int i = 0; i < BENCH_NR_KINDS; i++)
		if (formats[i].is_known && formats[i].id == id)
			return i;
	return -1;
}

/* The number after `key` in a format file, as in "field:unsigned long ptr;\toffset:16;". */
static uint16_t number_after(const char *text, const char *key, const char *name)
{
	const char *at = strstr(text, key);
	unsigned long value = at ? strtoul(at + strlen(key), NULL, 10) : UINT16_MAX;

	if (value >= UINT16_MAX)
		bench_die("the format of %s has no '%s'", name, key);
	return (uint16_t)value;
}

static void read_format(struct bench_bytes bytes, struct bench_format formats[BENCH_NR_KINDS])
{
	char name[64] = "";
	char *text = bench_alloc(bytes.size + 1);

	memcpy(text, bytes.data, bytes.size);
	text[bytes.size] = '\0';
	sscanf(text, "name: %63s", name);
	for (int i = 0; i < BENCH_NR_KINDS; i++) {
		struct bench_format *format = &formats[i];

		if (strcmp(name, kind_names[i]))
			continue;
		format->is_known = true;
		format->text = bytes;
		format->id = number_after(text, "\nID: ", name);
		format->call_site_offset = number_after(text, " call_site;\toffset:", name);
		format->ptr_offset = number_after(text, " ptr;\toffset:", name);
	}
	free(text);
}

void bench_formats_read(const struct bench_trace *trace, struct bench_format ret[BENCH_NR_KINDS])
{
	struct bench_bytes bytes = bench_trace_section(trace, BENCH_ID_EVENT_FORMATS);
	struct km_cursor cur = km_cursor_make(bytes.data, bytes.size, false);
	uint32_t nr_systems = km_cursor_u32(&cur);

	for (int i = 0; i < BENCH_NR_KINDS; i++)
		ret[i] = (struct bench_format){ .name = kind_names[i] };
	for (uint32_t i = 0; i < nr_systems && !cur.is_over; i++) {
		const char *system = km_cursor_string(&cur);
		uint32_t nr = km_cursor_u32(&cur);

		for (uint32_t k = 0; k < nr && !cur.is_over; k++) {
			struct bench_bytes text = { NULL, km_cursor_u64(&cur) };

			text.data = km_cursor_bytes(&cur, text.size);
			if (text.data && !strcmp(system, "kmem"))
				read_format(text, ret);
		}
	}
	if (cur.is_over || !ret[BENCH_KMALLOC].is_known)
		bench_die("%s: its event formats cannot be read", trace->path);
}
