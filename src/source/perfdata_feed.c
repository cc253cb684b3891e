/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bytes of a perf.data, front to end: mapped piece by piece, or read from a pipe. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "source/perfdata.h"

#define WINDOW_BYTES (4U << 20)
#define PIPE_BYTES   (1U << 18)

void pd_feed_init(struct pd_feed *feed, struct km_input *input, uint64_t at, uint64_t end)
{
	*feed = (struct pd_feed){
		.input = input, .at = at, .end = end, .is_mapped = input->is_seekable
	};
}

static void unmap(struct pd_feed *feed)
{
	if (feed->map)
		munmap(feed->map, feed->map_size);
	feed->map = NULL;
	feed->pos = feed->limit = NULL;
}

void pd_feed_deinit(struct pd_feed *feed)
{
	if (feed->is_mapped)
		unmap(feed);
	free(feed->buf);
	*feed = (struct pd_feed){ 0 };
}

/* Maps the piece that begins with what is in hand. */
static struct km_error *map_more(struct pd_feed *feed, size_t size)
{
	const uint64_t before = feed->at % (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t window = size > WINDOW_BYTES ? size : WINDOW_BYTES;

	if (window > feed->end - feed->at)
		window = feed->end - feed->at;
	unmap(feed);
	if (!window)
		return NULL;
	void *map = mmap(NULL, window + before, PROT_READ, MAP_PRIVATE | MAP_POPULATE,
			 feed->input->fd, (off_t)(feed->at - before));
	if (map == MAP_FAILED)
		return km_error_os(KM_ERR_INPUT, feed->input->path, errno,
				   "cannot map it into memory");
	feed->map = map;
	feed->map_size = window + before;
	feed->pos = (uint8_t *)map + before;
	feed->limit = feed->pos + window;
	return NULL;
}

/* Moves what is in hand to the front of a buffer with room for `size` bytes. */
static struct km_error *make_room(struct pd_feed *feed, size_t size)
{
	const size_t left = pd_feed_left(feed);
	uint8_t *buf = feed->buf;

	if (feed->room < size) {
		const size_t room = size > PIPE_BYTES ? size : PIPE_BYTES;

		buf = malloc(room);
		if (!buf)
			return &km_error_memory;
		if (left)
			memcpy(buf, feed->pos, left);
		free(feed->buf);
		feed->buf = buf;
		feed->room = room;
	} else if (left && feed->pos != buf) {
		memmove(buf, feed->pos, left);
	}
	feed->pos = buf;
	feed->limit = buf + left;
	return NULL;
}

static struct km_error *read_more(struct pd_feed *feed, size_t size)
{
	struct km_error *error = NULL;

	if (size > feed->end - feed->at)
		size = (size_t)(feed->end - feed->at);
	if (pd_feed_left(feed) < size)
		error = make_room(feed, size);
	while (!error && pd_feed_left(feed) < size) {
		const size_t left = pd_feed_left(feed);
		size_t got;

		error = km_input_read(feed->input, feed->buf + left, feed->room - left, &got);
		if (error)
			break;
		if (!got)
			feed->end = feed->at + left;
		feed->limit += got;
		if (!got)
			break;
	}
	return error;
}

struct km_error *pd_feed_need(struct pd_feed *feed, size_t size)
{
	if (pd_feed_left(feed) >= size)
		return NULL;
	if (!feed->is_mapped)
		return read_more(feed, size);
	/* at the end there is no more */
	if (feed->end - feed->at <= pd_feed_left(feed))
		return NULL;
	return map_more(feed, size);
}

struct km_error *pd_feed_skip(struct pd_feed *feed, uint64_t size, uint64_t *ret_missing)
{
	*ret_missing = 0;
	while (size) {
		uint64_t left = pd_feed_left(feed);

		if (!left && feed->is_mapped) {
			left = feed->end - feed->at;
			if (size < left)
				left = size;
			feed->at += left;
			*ret_missing = size - left;
			return NULL;
		}
		if (!left) {
			struct km_error *error = pd_feed_need(feed, 1);

			if (error)
				return error;
			left = pd_feed_left(feed);
			if (!left) {
				*ret_missing = size;
				return NULL;
			}
		}
		if (left > size)
			left = size;
		pd_feed_take(feed, (size_t)left);
		size -= left;
	}
	return NULL;
}

bool pd_feed_is_live(const struct pd_feed *feed)
{
	return !feed->is_mapped && feed->end == UINT64_MAX;
}
