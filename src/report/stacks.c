/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Allocations by stack. What was traced begins in the allocator: those frames are taken off, so
 * that the first one is the call site, and stacks that differ in them alone become one.
 */
#include <stdlib.h>
#include <string.h>

#include "report/callers.h"

const char km_frame_unknown[] = "[unknown]";

/* A row, whose frames are addresses yet. */
struct draft {
	struct km_stack_row row;
	size_t at; /* of its first frame in building.addresses */
};

struct building {
	struct km_report_own *own;
	const struct km_report_parts *parts;
	struct km_stack_report *stacks;
	struct draft *drafts;
	size_t nr_drafts, room_drafts;
	uint64_t *addresses; /* frames of all drafts */
	size_t nr_addresses, room_addresses;
	const struct km_callsite **by_address; /* slab call sites, by what was traced */
	const char *orders[UINT8_MAX + 1];     /* names of page orders, as far as they are made */
};

static int compare_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* Room for one more row with that many frames. */
static struct km_error *make_room(struct building *b, size_t nr_frames)
{
	if (b->nr_drafts == b->room_drafts) {
		const size_t room = b->room_drafts ? 2 * b->room_drafts : 256;
		struct draft *drafts = reallocarray(b->drafts, room, sizeof(*drafts));

		if (!drafts)
			return &km_error_memory;
		b->drafts = drafts;
		b->room_drafts = room;
	}
	if (b->nr_addresses + nr_frames > b->room_addresses) {
		const size_t room = 2 * b->room_addresses + nr_frames + 4096;
		uint64_t *addresses = reallocarray(b->addresses, room, sizeof(*addresses));

		if (!addresses)
			return &km_error_memory;
		b->addresses = addresses;
		b->room_addresses = room;
	}
	return NULL;
}

static bool is_of_one_symbol(const struct km_symtab *symtab, uint64_t a, uint64_t b)
{
	struct km_symbol x, y;

	return symtab && km_symtab_find(symtab, a, &x) && km_symtab_find(symtab, b, &y) &&
	       strcmp(x.name, y.name) == 0;
}

/* The stack of a row. */
struct stack {
	uint64_t call_site; /* as traced; 0: the stack tells it */
	uint64_t address;   /* the same, where it was looked up since */
	const uint64_t *frames;
	size_t nr;
	enum km_allocator allocator;
};

static struct stack stack_of(const struct km_stacks *stacks, uint32_t number, uint64_t call_site,
			     enum km_allocator allocator)
{
	uint64_t *frames;
	const size_t nr = km_stacks_get(stacks, number, &frames);

	return (struct stack){ call_site, call_site, frames, nr, allocator };
}

/*
 * Where a stack goes on behind the call site. That is a frame of it, by its address, or, in texts
 * that have no offsets in stacks, by its symbol. It may be none, if the stack was cut short. If
 * only the stack tells the call site, it is the first frame that is not in the allocator.
 */
static size_t find_callers(const struct building *b, const struct stack *stack)
{
	const struct km_symtab *symtab = b->parts->symtab;
	const uint64_t call_site = stack->call_site;
	size_t at = 0;

	for (size_t i = 0; call_site && i < stack->nr; i++)
		if (stack->frames[i] == call_site || stack->frames[i] == stack->address)
			return i + 1;
	for (size_t i = 0; call_site && i < stack->nr; i++)
		if (is_of_one_symbol(symtab, stack->frames[i], call_site))
			return i + 1;
	if (symtab)
		at = km_caller_find(symtab, stack->frames, stack->nr, stack->allocator);
	return at < stack->nr ? at : 0;
}

static struct km_error *add_draft(struct building *b, const struct km_stack_row *row,
				  const struct stack *stack)
{
	const size_t nr = stack->nr;
	struct km_error *error = make_room(b, nr + 1);
	struct draft *draft;
	size_t from;

	if (error)
		return error;
	from = find_callers(b, stack);
	draft = &b->drafts[b->nr_drafts++];
	*draft = (struct draft){ .row = *row, .at = b->nr_addresses };
	if (stack->call_site)
		b->addresses[b->nr_addresses++] = stack->address;
	if (nr)
		memcpy(b->addresses + b->nr_addresses, stack->frames + from,
		       (nr - from) * sizeof(*stack->frames));
	b->nr_addresses += nr - from;
	draft->row.nr_frames = b->nr_addresses - draft->at;
	b->stacks->has_stacks[row->layer] |= nr > 0;
	return NULL;
}

static int compare_traced(const void *a, const void *b)
{
	const struct km_callsite *x = *(const struct km_callsite *const *)a;
	const struct km_callsite *y = *(const struct km_callsite *const *)b;
	int order = compare_u64(x->traced, y->traced);

	return order ? order : strcmp(x->event, y->event);
}

static struct km_error *sort_callsites(struct building *b)
{
	const struct km_report *report = &b->own->report;

	b->by_address = calloc(report->nr_callsites + 1, sizeof(*b->by_address));
	if (!b->by_address)
		return &km_error_memory;
	for (size_t i = 0; i < report->nr_callsites; i++)
		b->by_address[i] = &report->callsites[i];
	qsort(b->by_address, report->nr_callsites, sizeof(*b->by_address), compare_traced);
	return NULL;
}

/* The slab call site of a use, or NULL: it is one of those beyond the memory limit. */
static const struct km_callsite *find_callsite(const struct building *b,
					       const struct km_stack_use *use)
{
	const struct km_callsite key = { .traced = use->call_site,
					 .event = km_family_name(use->family) };
	const struct km_callsite *at = &key, *const * found;

	found = bsearch(&at, b->by_address, b->own->report.nr_callsites, sizeof(*b->by_address),
			compare_traced);
	return found ? *found : NULL;
}

static const char *class_of(const struct building *b, const struct km_callsite *site,
			    uint64_t alloc)
{
	for (size_t i = 0; site && i < site->nr_sizes; i++)
		if (site->sizes[i].bytes_alloc == alloc)
			return km_report_class_of(b->own, &site->sizes[i])->name;
	return NULL;
}

static struct km_error *add_slab(struct building *b)
{
	const struct km_stacks *stacks = km_stack_sums_stacks(b->parts->stack_sums);
	size_t nr;
	const struct km_stack_use *uses = km_stack_sums_uses(b->parts->stack_sums, &nr);
	struct km_error *error = sort_callsites(b);

	for (size_t i = 1; !error && i < nr; i++) {
		const struct km_stack_use *use = &uses[i];
		const struct km_callsite *site = find_callsite(b, use);
		const uint64_t bytes_alloc = km_sat_mul(use->hits, use->alloc);
		const uint64_t live_bytes = km_sat_mul(use->live, use->alloc);
		const struct km_stack_row row = {
			.layer = KM_LAYER_SLAB,
			.event = km_family_name(use->family),
			.object_bytes = use->alloc,
			.size_class = class_of(b, site, use->alloc),
			.hits = use->hits,
			.bytes_req = use->bytes_req,
			.bytes_alloc = bytes_alloc,
			.bytes_waste = km_waste(use->bytes_req, bytes_alloc),
			.live = use->live,
			.live_bytes = live_bytes,
			.live_waste = km_waste(use->live_req, live_bytes),
		};
		struct stack stack =
			stack_of(stacks, use->stack, use->call_site, KM_ALLOCATOR_SLAB);

		if (site)
			stack.address = site->address;
		error = add_draft(b, &row, &stack);
	}
	return error;
}

static struct km_error *add_percpu(struct building *b)
{
	const struct km_percpu_lives *lives = b->parts->percpu_lives;
	struct km_error *error = NULL;

	for (size_t i = 1; lives && !error && i < lives->nr_uses; i++) {
		const struct km_percpu_use *use = &lives->uses[i];
		const struct km_stack_row row = {
			.layer = KM_LAYER_PERCPU,
			.event = km_event_name(KM_EV_PERCPU_ALLOC),
			.object_bytes =
				use->stats.allocs ? use->stats.bytes / use->stats.allocs : 0,
			.hits = use->stats.allocs,
			.bytes_req = use->stats.bytes_req,
			.bytes_alloc = use->stats.bytes,
			.live = use->stats.live,
			.live_bytes = use->stats.bytes_live,
		};
		const struct stack stack =
			stack_of(lives->stacks, use->stack, use->call_site, KM_ALLOCATOR_PERCPU);

		if (row.hits)
			error = add_draft(b, &row, &stack);
	}
	return error;
}

/* Of what was allocated: its order is one that there is. */
static struct km_error *add_page_use(struct building *b, const struct km_page_use *use)
{
	const struct km_page_lives *lives = b->parts->page_lives;
	const uint64_t page_size = km_sane_page_size(b->parts->input->page_size);
	const uint64_t bytes = km_sat_mul(use->stats.pages, page_size);
	const struct stack stack = stack_of(lives->stacks, use->stack, 0, KM_ALLOCATOR_PAGE);
	const char **name = &b->orders[use->order];
	struct km_stack_row row = {
		.layer = KM_LAYER_PAGE,
		.event = km_event_name(KM_EV_PAGE_ALLOC),
		.object_bytes = page_size << use->order,
		.hits = use->stats.allocs,
		.bytes_req = bytes,
		.bytes_alloc = bytes,
		.live = use->stats.live,
		.live_bytes = km_sat_mul(use->stats.pages_live, page_size),
	};

	if (!*name)
		*name = km_strings_printf(&b->own->strings, "order-%u", use->order);
	row.size_class = *name;
	return *name ? add_draft(b, &row, &stack) : &km_error_memory;
}

static struct km_error *add_pages(struct building *b)
{
	const struct km_page_lives *lives = b->parts->page_lives;
	struct km_error *error = NULL;

	for (size_t i = 1; lives && !error && i < lives->nr_uses; i++)
		if (lives->uses[i].stats.allocs)
			error = add_page_use(b, &lives->uses[i]);
	return error;
}

static int compare_sites(const void *a, const void *b)
{
	return km_callsite_compare_name(a, b);
}

/* An address and the frame that it is. */
struct place {
	uint64_t address;
	uint32_t index;
};

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return compare_u64(x->address, y->address);
}

/* Of frames by address: those without symbol that are no call site. */
static struct km_error *name_unknown(struct building *b)
{
	struct km_stack_report *stacks = b->stacks;
	bool *is_callsite = calloc(stacks->nr_frames + 1, sizeof(*is_callsite));

	if (!is_callsite)
		return &km_error_memory;
	for (size_t i = 0; i < b->nr_drafts; i++) {
		const struct draft *draft = &b->drafts[i];
		const struct km_callsite *frame =
			draft->row.nr_frames ? km_callers_get(stacks->frames, stacks->nr_frames,
							      b->addresses[draft->at])
					     : NULL;

		if (frame)
			is_callsite[frame - stacks->frames] = true;
	}
	for (size_t i = 0; i < stacks->nr_frames; i++)
		if (!stacks->frames[i].has_symbol && !is_callsite[i])
			stacks->frames[i].name = km_frame_unknown;
	free(is_callsite);
	return NULL;
}

/* Frames of all addresses, by name: what they are compared by is the same wherever a kernel was. */
static struct km_error *make_frames(struct building *b, struct place **ret)
{
	struct km_stack_report *stacks = b->stacks;
	uint64_t *addresses = calloc(b->nr_addresses + 1, sizeof(*addresses));
	struct place *places = NULL;
	struct km_error *error;

	if (!addresses)
		return &km_error_memory;
	if (b->nr_addresses)
		memcpy(addresses, b->addresses, b->nr_addresses * sizeof(*addresses));
	error = km_callers_build(b->own, b->parts->symtab, KM_LAYER_SLAB, addresses,
				 b->nr_addresses, &stacks->frames, &stacks->nr_frames);
	free(addresses);
	if (!error)
		error = name_unknown(b);
	if (!error) {
		places = calloc(stacks->nr_frames + 1, sizeof(*places));
		error = places ? NULL : &km_error_memory;
	}
	if (error)
		return error;
	qsort(stacks->frames, stacks->nr_frames, sizeof(*stacks->frames), compare_sites);
	for (size_t i = 0; i < stacks->nr_frames; i++)
		places[i] = (struct place){ stacks->frames[i].address, (uint32_t)i };
	qsort(places, stacks->nr_frames, sizeof(*places), compare_places);
	*ret = places;
	return NULL;
}

/* The addresses of rows become indexes. One that is 0 is none (a stack may be damaged). */
static void set_frames(struct building *b, const struct place *places)
{
	struct km_stack_report *stacks = b->stacks;
	size_t nr_indexes = 0;

	for (size_t i = 0; i < b->nr_drafts; i++) {
		const struct draft *draft = &b->drafts[i];
		struct km_stack_row *row = &stacks->rows[i];
		const size_t first = nr_indexes;

		*row = draft->row;
		for (size_t k = 0; k < draft->row.nr_frames; k++) {
			const struct place key = { .address = b->addresses[draft->at + k] };
			const struct place *place = bsearch(&key, places, stacks->nr_frames,
							    sizeof(key), compare_places);

			if (place)
				stacks->indexes[nr_indexes++] = place->index;
		}
		row->frames = stacks->indexes + first;
		row->nr_frames = nr_indexes - first;
	}
	stacks->nr_rows = b->nr_drafts;
}

static int compare_keys(const void *a, const void *b)
{
	const struct km_stack_row *x = a, *y = b;
	const size_t nr = x->nr_frames < y->nr_frames ? x->nr_frames : y->nr_frames;
	int order = (int)x->layer - (int)y->layer;

	for (size_t i = 0; !order && i < nr; i++)
		order = compare_u64(x->frames[i], y->frames[i]);
	if (!order)
		order = compare_u64(x->nr_frames, y->nr_frames);
	if (!order)
		order = strcmp(x->event, y->event);
	return order ? order : compare_u64(x->object_bytes, y->object_bytes);
}

static int compare_rows(const void *a, const void *b)
{
	const struct km_stack_row *x = a, *y = b;
	int order = (int)x->layer - (int)y->layer;

	if (!order)
		order = compare_u64(y->bytes_alloc, x->bytes_alloc);
	return order ? order : compare_keys(a, b);
}

static void add_row(struct km_stack_row *row, const struct km_stack_row *more)
{
	row->hits = km_sat_add(row->hits, more->hits);
	row->bytes_req = km_sat_add(row->bytes_req, more->bytes_req);
	row->bytes_alloc = km_sat_add(row->bytes_alloc, more->bytes_alloc);
	row->bytes_waste = km_sat_add(row->bytes_waste, more->bytes_waste);
	row->live = km_sat_add(row->live, more->live);
	row->live_bytes = km_sat_add(row->live_bytes, more->live_bytes);
	row->live_waste = km_sat_add(row->live_waste, more->live_waste);
}

/* Rows that are alike once the allocator's frames are gone become one; then they are ordered. */
static void merge_rows(struct km_stack_report *stacks)
{
	struct km_stack_row *rows = stacks->rows;
	size_t kept = 0;

	if (!stacks->nr_rows)
		return;
	qsort(rows, stacks->nr_rows, sizeof(*rows), compare_keys);
	for (size_t i = 0; i < stacks->nr_rows; i++) {
		if (kept && !compare_keys(&rows[kept - 1], &rows[i]))
			add_row(&rows[kept - 1], &rows[i]);
		else
			rows[kept++] = rows[i];
	}
	stacks->nr_rows = kept;
	qsort(rows, kept, sizeof(*rows), compare_rows);
}

static struct km_error *build(struct building *b)
{
	struct km_stack_report *stacks = b->stacks;
	struct km_error *error = add_slab(b);
	struct place *places = NULL;

	if (!error)
		error = add_percpu(b);
	if (!error)
		error = add_pages(b);
	if (!error)
		error = make_frames(b, &places);
	if (error)
		return error;
	stacks->rows = calloc(b->nr_drafts + 1, sizeof(*stacks->rows));
	stacks->indexes = calloc(b->nr_addresses + 1, sizeof(*stacks->indexes));
	if (stacks->rows && stacks->indexes) {
		set_frames(b, places);
		merge_rows(stacks);
	} else {
		error = &km_error_memory;
	}
	free(places);
	return error;
}

/* A call site's allocations of one size. */
static struct km_stack_row row_of_size(const struct km_report_own *own,
				       const struct km_callsite *site,
				       const struct km_report_size *size)
{
	const uint64_t bytes_req = km_sat_mul(size->hits, size->bytes_req);
	const uint64_t bytes_alloc = km_sat_mul(size->hits, size->bytes_alloc);

	return (struct km_stack_row){
		.event = site->event,
		.object_bytes = size->bytes_alloc,
		.size_class = km_report_class_of(own, size)->name,
		.hits = size->hits,
		.bytes_req = bytes_req,
		.bytes_alloc = bytes_alloc,
		.bytes_waste = km_waste(bytes_req, bytes_alloc),
	};
}

/* All of a call site's: of which sizes those that live are is not known. */
static struct km_stack_row row_of_site(const struct km_callsite *site)
{
	return (struct km_stack_row){
		.event = site->event,
		.object_bytes = site->hits ? site->bytes_alloc / site->hits : 0,
		.size_class = site->size_class,
		.hits = site->hits,
		.bytes_req = site->bytes_req,
		.bytes_alloc = site->bytes_alloc,
		.bytes_waste = site->bytes_waste,
		.live = site->life->live,
		.live_bytes = site->life->live_bytes,
		.live_waste = km_waste(site->life->live_bytes_req, site->life->live_bytes),
	};
}

/* Of what has no stacks (counts, a report that is read back): each call site is one. */
static struct km_error *build_of_callsites(struct building *b)
{
	const struct km_report *report = &b->own->report;
	struct km_stack_report *stacks = b->stacks;
	const size_t nr = report->nr_callsites;

	stacks->frames = calloc(nr + 1, sizeof(*stacks->frames));
	stacks->indexes = calloc(nr + 1, sizeof(*stacks->indexes));
	stacks->rows = calloc(nr + b->own->nr_sizes + 1, sizeof(*stacks->rows));
	if (!stacks->frames || !stacks->indexes || !stacks->rows)
		return &km_error_memory;
	stacks->nr_frames = nr;
	if (nr)
		memcpy(stacks->frames, report->callsites, nr * sizeof(*stacks->frames));
	qsort(stacks->frames, nr, sizeof(*stacks->frames), compare_sites);
	for (size_t i = 0; i < nr; i++) {
		const struct km_callsite *site = &stacks->frames[i];
		const size_t first = stacks->nr_rows;

		stacks->indexes[i] = (uint32_t)i;
		if (site->life)
			stacks->rows[stacks->nr_rows++] = row_of_site(site);
		for (size_t k = 0; !site->life && k < site->nr_sizes; k++)
			stacks->rows[stacks->nr_rows++] =
				row_of_size(b->own, site, &site->sizes[k]);
		for (size_t k = first; k < stacks->nr_rows; k++) {
			stacks->rows[k].frames = &stacks->indexes[i];
			stacks->rows[k].nr_frames = 1;
		}
	}
	merge_rows(stacks);
	return NULL;
}

struct km_error *km_report_build_stacks(struct km_report_own *own,
					const struct km_report_parts *parts)
{
	struct building b = { .own = own, .parts = parts };
	struct km_error *error;

	if (!parts->by_stack)
		return NULL;
	b.stacks = calloc(1, sizeof(*b.stacks));
	if (!b.stacks)
		return &km_error_memory;
	own->report.stacks = b.stacks;
	error = parts->stack_sums ? build(&b) : build_of_callsites(&b);
	free(b.drafts);
	free(b.addresses);
	free(b.by_address);
	return error;
}

void km_stack_report_destroy(struct km_stack_report *stacks)
{
	if (!stacks)
		return;
	free(stacks->frames);
	free(stacks->rows);
	free(stacks->indexes);
	free(stacks);
}
