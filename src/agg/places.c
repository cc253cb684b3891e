/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Follows where the objects of each call site lie. A live pointer stands for its kind (call site
 * and size); what a call site has on a page is kept with a count for each cache line of it, so
 * that pages and lines come and go with the objects, and are known at every moment.
 */
#include "kmemstat/locality.h"

#include <stdlib.h>
#include <string.h>

#include "agg/map.h"
#include "agg/slab_rows.h"

#define MOST_SITES   (1U << 20)
/* of a page's number: an address of 57 bits (5-level paging) has its top bit in all kernel pages */
#define PAGE_BITS    44
#define MOST_IN_LINE UINT8_MAX

struct site {
	struct km_locality stats;
	uint64_t live_objects, live_req, live_alloc;
	uint64_t pages, lines; /* touched now */
	uint64_t *last;        /* by CPU: the last allocation, 0: none */
	size_t nr_last;
};

/* Allocations of a call site that are alike. */
struct kind {
	uint32_t site, req, alloc;
};

/* What a call site has on a page: followed by a count of objects for each cache line. */
struct share {
	uint32_t objects;
	uint32_t next_free;
	uint8_t lines[];
};

struct km_places {
	uint32_t page_size;
	struct km_map sites[KM_NR_FAMILIES]; /* call site -> index + 1 */
	struct site *items;
	size_t nr, room;
	struct km_map groups; /* queue and group -> index in kinds */
	struct kind *kinds;   /* from 1 on */
	size_t nr_kinds, room_kinds;
	struct km_life_table live; /* index in kinds */
	struct km_map pages;       /* site and page -> index in shares */
	char *shares;              /* from 1 on */
	size_t nr_shares, room_shares, share_size;
	uint32_t free_share; /* 0: none */
	size_t nr_last;      /* of all sites */
	uint64_t left_out;
};

struct km_error *km_places_create(uint32_t page_size, struct km_places **ret)
{
	struct km_places *places = calloc(1, sizeof(*places));
	struct km_error *error;

	if (!places)
		return &km_error_memory;
	places->page_size = km_sane_page_size(page_size);
	places->share_size = sizeof(struct share) + places->page_size / KM_CACHE_LINE;
	places->nr_kinds = places->nr_shares = 1;
	error = km_life_table_init(&places->live);
	if (error) {
		free(places);
		return error;
	}
	*ret = places;
	return NULL;
}

void km_places_destroy(struct km_places *places)
{
	if (!places)
		return;
	for (size_t i = 0; i < places->nr; i++)
		free(places->items[i].last);
	for (size_t i = 0; i < KM_NR_FAMILIES; i++)
		km_map_deinit(&places->sites[i]);
	km_map_deinit(&places->groups);
	km_map_deinit(&places->pages);
	km_life_table_deinit(&places->live);
	free(places->items);
	free(places->kinds);
	free(places->shares);
	free(places);
}

/* Room for one more of `nr`; `*items` moves. */
static struct km_error *make_room(void **items, size_t nr, size_t *room, size_t size)
{
	size_t more = *room ? 2 * *room : 256;
	void *grown;

	if (nr < *room)
		return NULL;
	grown = reallocarray(*items, more, size);
	if (!grown)
		return &km_error_memory;
	*items = grown;
	*room = more;
	return NULL;
}

/* The index of a call site; MOST_SITES if there are too many. */
static struct km_error *find_site(struct km_places *places, uint64_t call_site,
				  enum km_family family, uint32_t *ret)
{
	const uint64_t *found = km_map_find(&places->sites[family], call_site);
	struct km_error *error;

	if (found) {
		*ret = (uint32_t)(*found - 1);
		return NULL;
	}
	*ret = MOST_SITES;
	if (places->nr == MOST_SITES) {
		places->left_out++;
		return NULL;
	}
	error = make_room((void **)&places->items, places->nr, &places->room,
			  sizeof(*places->items));
	if (error)
		return error;
	places->items[places->nr] =
		(struct site){ .stats = { .call_site = call_site, .family = family } };
	*ret = (uint32_t)places->nr++;
	return km_map_set(&places->sites[family], call_site, places->nr);
}

/* The kind of an allocation, by its group. */
static struct km_error *find_kind(struct km_places *places, const struct km_rows *rows, uint32_t i,
				  uint32_t *ret)
{
	const struct km_batch *batch = rows->batch;
	const uint64_t key = (uint64_t)rows->queue << 32 | batch->group[i];
	const uint64_t *found = km_map_find(&places->groups, key);
	struct kind kind = { .req = batch->size[i].req, .alloc = batch->size[i].alloc };
	struct km_error *error;

	if (found) {
		*ret = (uint32_t)*found;
		return NULL;
	}
	error = find_site(places, batch->call_site[i], km_family_of(batch->what[i].kind),
			  &kind.site);
	if (!error)
		error = make_room((void **)&places->kinds, places->nr_kinds, &places->room_kinds,
				  sizeof(*places->kinds));
	if (error)
		return error;
	*ret = (uint32_t)places->nr_kinds;
	places->kinds[places->nr_kinds++] = kind;
	return km_map_set(&places->groups, key, *ret);
}

static struct share *share_at(const struct km_places *places, uint64_t index)
{
	return (struct share *)(void *)(places->shares + index * places->share_size);
}

static struct km_error *new_share(struct km_places *places, uint64_t key, struct share **ret)
{
	uint64_t index = places->free_share;
	struct km_error *error;

	if (!index) {
		if (places->nr_shares == UINT32_MAX)
			return &km_error_memory;
		error = make_room((void **)&places->shares, places->nr_shares, &places->room_shares,
				  places->share_size);
		if (error)
			return error;
		index = places->nr_shares++;
	}
	*ret = share_at(places, index);
	if (index == places->free_share)
		places->free_share = (*ret)->next_free;
	memset(*ret, 0, places->share_size);
	return km_map_set(&places->pages, key, index);
}

/* Counts an object of a page in (`is_new`) or out: its bytes there are `from` to `to` - 1. */
static void count_lines(struct site *site, struct share *share, uint32_t from, uint32_t to,
			bool is_new)
{
	for (uint32_t line = from / KM_CACHE_LINE; line <= (to - 1) / KM_CACHE_LINE; line++) {
		uint8_t *count = &share->lines[line];

		/* a damaged trace may have more in a line than fit: that line stays */
		if (*count == MOST_IN_LINE)
			continue;
		if (is_new)
			site->lines += (*count)++ == 0;
		else
			site->lines -= --(*count) == 0;
	}
}

static struct km_error *place_on_page(struct km_places *places, uint32_t number, uint64_t page,
				      uint32_t from, uint32_t to, bool is_new)
{
	const uint64_t key = (page & ((1ULL << PAGE_BITS) - 1)) | (uint64_t)number << PAGE_BITS;
	uint64_t *found = km_map_find(&places->pages, key);
	struct site *site = &places->items[number];
	struct share *share = found ? share_at(places, *found) : NULL;
	struct km_error *error;

	if (!share && !is_new)
		return NULL;
	if (!share) {
		error = new_share(places, key, &share);
		if (error)
			return error;
		site->pages++;
	}
	count_lines(site, share, from, to, is_new);
	if (is_new) {
		share->objects++;
		return NULL;
	}
	if (--share->objects)
		return NULL;
	/* lines that were counted to the limit go with their page */
	for (uint32_t i = 0; i < places->page_size / KM_CACHE_LINE; i++)
		site->lines -= share->lines[i] != 0;
	site->pages--;
	share->next_free = places->free_share;
	places->free_share = (uint32_t)*found;
	km_map_remove(&places->pages, found);
	return NULL;
}

/* Puts an object to its pages and lines, or takes it away. */
static struct km_error *place(struct km_places *places, const struct kind *kind, uint64_t ptr,
			      bool is_new)
{
	const uint32_t page_size = places->page_size, req = kind->req ? kind->req : 1;
	struct site *site = &places->items[kind->site];
	const uint64_t first = ptr / page_size;
	const uint32_t from = (uint32_t)(ptr % page_size);
	struct km_error *error;

	if (req > page_size) {
		/* what it was given is pages of its own, or nearly so */
		const uint64_t pages = ((uint64_t)from + kind->alloc + page_size - 1) / page_size;
		const uint64_t lines =
			(from % KM_CACHE_LINE + (uint64_t)req + KM_CACHE_LINE - 1) / KM_CACHE_LINE;

		site->pages += is_new ? pages : -pages;
		site->lines += is_new ? lines : -lines;
		return NULL;
	}
	if (from + req <= page_size)
		return place_on_page(places, kind->site, first, from, from + req, is_new);
	error = place_on_page(places, kind->site, first, from, page_size, is_new);
	return error ? error
		     : place_on_page(places, kind->site, first + 1, 0, from + req - page_size,
				     is_new);
}

/* The live set, if there never was more. */
static void note_peak(const struct km_places *places, struct site *site)
{
	struct km_locality *stats = &site->stats;

	if (site->live_alloc <= stats->bytes_alloc)
		return;
	stats->objects = site->live_objects;
	stats->bytes_req = site->live_req;
	stats->bytes_alloc = site->live_alloc;
	stats->pages = site->pages;
	stats->lines = site->lines;
	stats->least_pages = (site->live_alloc + places->page_size - 1) / places->page_size;
	stats->least_lines = (site->live_req + KM_CACHE_LINE - 1) / KM_CACHE_LINE;
}

static struct km_error *note_neighbour(struct km_places *places, struct site *site, uint16_t cpu,
				       uint64_t ptr, uint32_t alloc)
{
	uint64_t distance;

	if (cpu >= site->nr_last) {
		size_t nr = (size_t)cpu + 1;
		uint64_t *last = reallocarray(site->last, nr, sizeof(*last));

		if (!last)
			return &km_error_memory;
		memset(last + site->nr_last, 0, (nr - site->nr_last) * sizeof(*last));
		places->nr_last += nr - site->nr_last;
		site->last = last;
		site->nr_last = nr;
	}
	if (site->last[cpu]) {
		distance = ptr > site->last[cpu] ? ptr - site->last[cpu] : site->last[cpu] - ptr;
		site->stats.pairs++;
		site->stats.neighbours += distance == alloc;
	}
	site->last[cpu] = ptr;
	return NULL;
}

static struct km_error *end_life(struct km_places *places, uint64_t *value, uint64_t ptr)
{
	const struct kind *kind = &places->kinds[*value];
	struct site *site;

	*value = 0;
	if (kind->site == MOST_SITES)
		return NULL;
	site = &places->items[kind->site];
	site->live_objects--;
	site->live_req -= kind->req;
	site->live_alloc -= kind->alloc;
	return place(places, kind, ptr, false);
}

static struct km_error *take_alloc(void *arg, const struct km_rows *rows, uint32_t i)
{
	struct km_places *places = arg;
	const uint64_t ptr = rows->batch->ptr[i];
	uint64_t *value = km_life_table_get(&places->live, ptr);
	struct km_error *error = *value ? end_life(places, value, ptr) : NULL;
	const struct kind *kind;
	struct site *site;
	uint32_t number;

	if (!error)
		error = find_kind(places, rows, i, &number);
	if (error)
		return error;
	*value = number;
	kind = &places->kinds[number];
	if (kind->site < MOST_SITES) {
		site = &places->items[kind->site];
		site->live_objects++;
		site->live_req += kind->req;
		site->live_alloc += kind->alloc;
		error = note_neighbour(places, site, rows->batch->cpu[i], ptr, kind->alloc);
		if (!error)
			error = place(places, kind, ptr, true);
		note_peak(places, site);
	}
	if (!error && places->live.nr_used > places->live.most_used)
		error = km_life_table_renew(&places->live);
	return error;
}

static struct km_error *take_end(void *arg, const struct km_rows *rows, uint32_t i)
{
	struct km_places *places = arg;
	const uint64_t ptr = rows->batch->ptr[i];
	uint64_t *value = km_life_table_find(&places->live, ptr);

	return value && *value ? end_life(places, value, ptr) : NULL;
}

struct km_error *km_places_add(struct km_places *places, const struct km_rows *rows)
{
	return km_slab_rows_walk(rows, &places->live, take_alloc, take_end, places);
}

static int compare_items(const void *a, const void *b)
{
	const struct km_locality *x = a, *y = b;

	if (x->call_site != y->call_site)
		return x->call_site > y->call_site ? 1 : -1;
	return (int)x->family - (int)y->family;
}

struct km_error *km_places_finish(const struct km_places *places, struct km_localities *ret)
{
	*ret = (struct km_localities){
		.items = calloc(places->nr + 1, sizeof(*ret->items)),
		.nr = places->nr,
		.left_out = places->left_out,
	};
	if (!ret->items)
		return &km_error_memory;
	for (size_t i = 0; i < places->nr; i++)
		ret->items[i] = places->items[i].stats;
	qsort(ret->items, ret->nr, sizeof(*ret->items), compare_items);
	return NULL;
}

void km_localities_deinit(struct km_localities *localities)
{
	free(localities->items);
	*localities = (struct km_localities){ 0 };
}

uint64_t km_places_bytes(const struct km_places *places)
{
	uint64_t bytes = km_life_table_bytes(&places->live) + km_map_bytes(&places->groups) +
			 km_map_bytes(&places->pages);

	for (size_t i = 0; i < KM_NR_FAMILIES; i++)
		bytes += km_map_bytes(&places->sites[i]);
	return bytes + places->room * sizeof(*places->items) +
	       places->room_kinds * sizeof(*places->kinds) +
	       places->room_shares * places->share_size + places->nr_last * sizeof(uint64_t);
}
