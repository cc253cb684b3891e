/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames: what a report says, copied, with what has changed since the frame before. Rows of two
 * frames are the same if their ids are: hashes of what names a row, so that rows are found again
 * whatever order a report has them in.
 */
#include "kmemstat/top.h"

#include <stdlib.h>
#include <string.h>

/* What rows point at. */
struct km_top_frame_memory {
	char **strings;
	size_t nr_strings, room_strings;
	struct km_top_size *sizes;
	uint64_t (*lifetimes)[KM_LIFE_BUCKETS];
	/* rows of each array by id, of the arrays that change: sites, classes, caches */
	const struct km_top_row **by_id[3];
	bool is_short; /* of memory, found while strings were copied */
};

enum { BY_SITE, BY_CLASS, BY_CACHE, NR_BY };

/* Rates of a period without length would be none. */
#define LEAST_PERIOD_S 1e-6

#define FNV_BASIS 0xcbf29ce484222325ULL
#define FNV_PRIME 0x100000001b3ULL

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t nr)
{
	const unsigned char *p = bytes;

	for (size_t i = 0; i < nr; i++)
		hash = (hash ^ p[i]) * FNV_PRIME;
	return hash;
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
	return hash_bytes(hash, text, strlen(text) + 1);
}

/* A copy that is safe to print; "" without memory, which is noted. */
static const char *keep(struct km_top_frame *frame, const char *text)
{
	struct km_top_frame_memory *memory = frame->memory;
	char *copy;

	if (!text || !*text)
		return "";
	if (memory->nr_strings == memory->room_strings) {
		const size_t room = 2 * memory->room_strings + 64;
		char **strings = reallocarray(memory->strings, room, sizeof(*strings));

		if (!strings) {
			memory->is_short = true;
			return "";
		}
		memory->strings = strings;
		memory->room_strings = room;
	}
	copy = km_text_safe(text);
	if (!copy) {
		memory->is_short = true;
		return "";
	}
	return memory->strings[memory->nr_strings++] = copy;
}

/* By the address in the events: a name may only become known when a module is loaded. */
static uint64_t site_id(const struct km_callsite *site)
{
	return hash_text(hash_bytes(FNV_BASIS, &site->traced, sizeof(site->traced)), site->event);
}

static void set_life(struct km_top_row *row, const struct km_life_stats *life)
{
	row->has_life = true;
	row->live = life->live;
	row->live_bytes = life->live_bytes;
	row->freed = life->freed;
	row->peak_bytes = life->peak_bytes;
	row->pingpong = life->pingpong;
	row->lifetime_ns = life->freed ? km_life_median_ns(life) : 0;
}

static void copy_site(struct km_top_frame *frame, const struct km_callsite *site,
		      struct km_top_row *row, struct km_top_size *sizes, uint64_t *lifetimes)
{
	*row = (struct km_top_row){
		.id = site_id(site),
		.name = keep(frame, site->name),
		.address = site->address,
		.event = keep(frame, site->event),
		.size_class = keep(frame, site->size_class),
		.hits = site->hits,
		.bytes_req = site->bytes_req,
		.bytes_alloc = site->bytes_alloc,
		.bytes_waste = site->bytes_waste,
		.frag_percent = site->frag_percent,
		.nr_sites = 1,
		.sizes = sizes,
		.nr_sizes = site->nr_sizes,
	};
	for (size_t i = 0; i < site->nr_sizes; i++)
		sizes[i] = (struct km_top_size){
			.bytes_req = site->sizes[i].bytes_req,
			.bytes_alloc = site->sizes[i].bytes_alloc,
			.hits = site->sizes[i].hits,
			.cache = site->sizes[i].cache ? keep(frame, site->sizes[i].cache) : NULL,
		};
	if (!site->life)
		return;
	set_life(row, site->life);
	memcpy(lifetimes, site->life->lifetimes, sizeof(site->life->lifetimes));
	row->lifetimes = lifetimes;
}

static struct km_error *copy_sites(struct km_top_frame *frame, const struct km_report *report)
{
	struct km_top_frame_memory *memory = frame->memory;
	size_t nr_sizes = 0, at = 0;

	for (size_t i = 0; i < report->nr_callsites; i++)
		nr_sizes += report->callsites[i].nr_sizes;
	frame->sites = calloc(report->nr_callsites + 1, sizeof(*frame->sites));
	memory->sizes = calloc(nr_sizes + 1, sizeof(*memory->sizes));
	if (report->lives)
		memory->lifetimes = calloc(report->nr_callsites + 1, sizeof(*memory->lifetimes));
	if (!frame->sites || !memory->sizes || (report->lives && !memory->lifetimes))
		return &km_error_memory;
	for (size_t i = 0; i < report->nr_callsites; i++) {
		copy_site(frame, &report->callsites[i], &frame->sites[i], &memory->sizes[at],
			  memory->lifetimes ? memory->lifetimes[i] : NULL);
		at += report->callsites[i].nr_sizes;
	}
	frame->nr_sites = report->nr_callsites;
	return NULL;
}

static struct km_error *copy_classes(struct km_top_frame *frame, const struct km_report *report)
{
	frame->classes = calloc(report->nr_classes + 1, sizeof(*frame->classes));
	if (!frame->classes)
		return &km_error_memory;
	for (size_t i = 0; i < report->nr_classes; i++) {
		const struct km_report_class *class = &report->classes[i];

		frame->classes[i] = (struct km_top_row){
			.id = hash_text(FNV_BASIS, class->name),
			.name = keep(frame, class->name),
			.event = "",
			.size_class = "",
			.hits = class->hits,
			.bytes_req = class->bytes_req,
			.bytes_alloc = class->bytes_alloc,
			.bytes_waste = class->bytes_waste,
			.nr_sites = class->nr_sites,
			.frag_percent = class->bytes_alloc ? 100.0 * (double)class->bytes_waste /
								     (double)class->bytes_alloc
							   : 0.0,
		};
	}
	frame->nr_classes = report->nr_classes;
	return NULL;
}

static struct km_error *copy_caches(struct km_top_frame *frame, const struct km_report *report)
{
	frame->caches = calloc(report->nr_caches + 1, sizeof(*frame->caches));
	if (!frame->caches)
		return &km_error_memory;
	for (size_t i = 0; i < report->nr_caches; i++) {
		const struct km_report_cache *cache = &report->caches[i];
		const struct km_report_sum *sum = &cache->sum;

		frame->caches[i] = (struct km_top_row){
			.id = hash_bytes(hash_text(FNV_BASIS, cache->name), &cache->bytes,
					 sizeof(cache->bytes)),
			.name = keep(frame, cache->name),
			.event = "",
			.size_class = "",
			.hits = sum->hits,
			.bytes_req = sum->bytes_req,
			.bytes_alloc = sum->bytes_alloc,
			.bytes_waste = sum->bytes_waste,
			.nr_sites = sum->nr_sites,
			.frag_percent = sum->frag_percent,
			.has_life = report->lives != NULL,
			.live = sum->ends.live,
			.live_bytes = sum->ends.live_bytes,
			.freed = sum->ends.freed,
		};
	}
	frame->nr_caches = report->nr_caches;
	return NULL;
}

static struct km_error *copy_findings(struct km_top_frame *frame, const struct km_report *report)
{
	const size_t nr = report->nr_findings - report->nr_suppressed;

	frame->findings = calloc(nr + 1, sizeof(*frame->findings));
	if (!frame->findings)
		return &km_error_memory;
	for (size_t i = 0; i < nr; i++) {
		const struct km_finding *finding = &report->findings[i];
		const uint64_t site = site_id(finding->callsite);

		frame->findings[i] = (struct km_top_row){
			.id = hash_text(hash_text(site, km_rule_info(finding->rule)->name),
					finding->size_class),
			.site = site,
			.name = keep(frame, finding->callsite->name),
			.address = finding->callsite->address,
			.event = keep(frame, finding->callsite->event),
			.size_class = keep(frame, finding->size_class),
			.hits = finding->hits,
			.bytes_req = finding->bytes_req,
			.bytes_alloc = finding->bytes_alloc,
			.bytes_waste = finding->bytes_waste,
			.severity = finding->severity,
			.rank = i + 1,
			.rule = km_rule_info(finding->rule)->name,
			.message = keep(frame, finding->message),
			.advice = keep(frame, finding->advice),
		};
	}
	frame->nr_findings = nr;
	return NULL;
}

static int compare_ids(const void *a, const void *b)
{
	const struct km_top_row *x = *(const struct km_top_row *const *)a;
	const struct km_top_row *y = *(const struct km_top_row *const *)b;

	return (x->id > y->id) - (x->id < y->id);
}

static struct km_error *index_rows(const struct km_top_row *rows, size_t nr,
				   const struct km_top_row ***ret)
{
	const struct km_top_row **index = calloc(nr + 1, sizeof(*index));

	if (!index)
		return &km_error_memory;
	for (size_t i = 0; i < nr; i++)
		index[i] = &rows[i];
	qsort(index, nr, sizeof(*index), compare_ids);
	*ret = index;
	return NULL;
}

static const struct km_top_row *find_row(const struct km_top_row *const *index, size_t nr,
					 uint64_t id)
{
	size_t low = 0, high = nr;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (index[middle]->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < nr && index[low]->id == id ? index[low] : NULL;
}

/* What was added since; a total that is less than before, as after a filter, adds nothing. */
static double rate_of(uint64_t now, uint64_t before, double period_s)
{
	return now > before ? (double)(now - before) / period_s : 0.0;
}

static void remember(struct km_top_row *row, const struct km_top_row *before)
{
	const uint32_t old = before ? before->nr_history : 0;
	const uint32_t kept = old < KM_TOP_HISTORY ? old : KM_TOP_HISTORY - 1;

	if (before) {
		memcpy(row->rates, before->rates + (old - kept), kept * sizeof(row->rates[0]));
		memcpy(row->lives, before->lives + (old - kept), kept * sizeof(row->lives[0]));
	}
	row->rates[kept] = (float)row->hits_rate;
	row->lives[kept] = (float)row->live_bytes;
	row->nr_history = kept + 1;
}

/*
 * Growth is counted from a row's first frame on: what was there before is not known, and what a
 * new row has is growth.
 */
static void compare_row(struct km_top_row *row, const struct km_top_row *before,
			const struct km_top_moment *moment, bool is_first)
{
	const struct km_top_row none = { 0 };
	const struct km_top_row *old = before ? before : &none;

	row->hits_rate = rate_of(row->hits, old->hits, moment->period_s);
	row->bytes_rate = rate_of(row->bytes_alloc, old->bytes_alloc, moment->period_s);
	row->waste_rate = rate_of(row->bytes_waste, old->bytes_waste, moment->period_s);
	row->growth = (int64_t)(row->live_bytes - old->live_bytes);
	row->base_bytes = is_first || moment->marks_base ? row->live_bytes : old->base_bytes;
	row->growth_since = (int64_t)(row->live_bytes - row->base_bytes);
	remember(row, before);
}

static void compare_rows(struct km_top_row *rows, size_t nr, const struct km_top_frame *frame,
			 const struct km_top_frame *before, int by, size_t nr_before)
{
	for (size_t i = 0; i < nr; i++)
		compare_row(&rows[i],
			    before ? find_row(before->memory->by_id[by], nr_before, rows[i].id)
				   : NULL,
			    &frame->moment, !before);
}

static struct km_error *compare_frames(struct km_top_frame *frame,
				       const struct km_top_frame *before)
{
	struct km_top_frame_memory *memory = frame->memory;
	struct km_error *error;

	compare_rows(frame->sites, frame->nr_sites, frame, before, BY_SITE,
		     before ? before->nr_sites : 0);
	compare_rows(frame->classes, frame->nr_classes, frame, before, BY_CLASS,
		     before ? before->nr_classes : 0);
	compare_rows(frame->caches, frame->nr_caches, frame, before, BY_CACHE,
		     before ? before->nr_caches : 0);
	error = index_rows(frame->sites, frame->nr_sites, &memory->by_id[BY_SITE]);
	if (!error)
		error = index_rows(frame->classes, frame->nr_classes, &memory->by_id[BY_CLASS]);
	if (!error)
		error = index_rows(frame->caches, frame->nr_caches, &memory->by_id[BY_CACHE]);
	return error;
}

static void set_totals(struct km_top_frame *frame, const struct km_report *report,
		       const struct km_top_frame *before)
{
	const struct km_top_layer none = { 0 }, *old = before ? &before->slab : &none;
	const double period_s = frame->moment.period_s;
	struct km_top_layer *slab = &frame->slab;

	*slab = (struct km_top_layer){
		.allocs = report->slab.allocs,
		.frees = report->slab.frees,
		.bytes_alloc = report->slab.bytes_alloc,
		.bytes_req = report->slab.bytes_req,
		.bytes_waste = report->slab.bytes_waste,
		.live_bytes = report->lives ? report->lives->total.live_bytes : 0,
	};
	slab->allocs_rate = rate_of(slab->allocs, old->allocs, period_s);
	slab->frees_rate = rate_of(slab->frees, old->frees, period_s);
	slab->bytes_rate = rate_of(slab->bytes_alloc, old->bytes_alloc, period_s);
	slab->waste_rate = rate_of(slab->bytes_waste, old->bytes_waste, period_s);
	slab->growth = (int64_t)(slab->live_bytes - old->live_bytes);
	frame->events = km_quality_events_total(&report->quality);
	frame->events_rate = rate_of(frame->events, before ? before->events : 0, period_s);
	frame->filtered = report->quality.count[KM_EVENTS_FILTERED];
	frame->lost = report->quality.count[KM_EVENTS_LOST];
	frame->lost_since =
		frame->lost - (before && before->lost <= frame->lost ? before->lost : 0);
	frame->gaps = report->quality.count[KM_GAPS_UNKNOWN];
	for (enum km_counter i = 0; i < KM_NR_COUNTERS; i++)
		if (km_counter_info(i)->severity == KM_SEV_DAMAGE)
			frame->damaged = km_sat_add(frame->damaged, report->quality.count[i]);
	frame->has_lives = report->lives != NULL;
	frame->has_caches = report->has_caches;
	frame->is_live_unsure = report->is_live_unsure;
	frame->has_raw_time = report->input->has_raw_time;
	frame->input = keep(frame, report->input->path);
}

struct km_error *km_top_frame_create(const struct km_report *report,
				     const struct km_top_frame *before,
				     const struct km_top_moment *moment, struct km_top_frame **ret)
{
	struct km_top_frame *frame = calloc(1, sizeof(*frame));
	struct km_error *error;

	if (!frame)
		return &km_error_memory;
	frame->holds = 1;
	frame->seq = before ? before->seq + 1 : 1;
	frame->moment = *moment;
	if (!(frame->moment.period_s > LEAST_PERIOD_S))
		frame->moment.period_s = LEAST_PERIOD_S;
	frame->memory = calloc(1, sizeof(*frame->memory));
	error = frame->memory ? copy_sites(frame, report) : &km_error_memory;
	if (!error)
		error = copy_classes(frame, report);
	if (!error)
		error = copy_caches(frame, report);
	if (!error)
		error = copy_findings(frame, report);
	if (!error)
		error = compare_frames(frame, before);
	if (!error) {
		set_totals(frame, report, before);
		error = frame->memory->is_short ? &km_error_memory : NULL;
	}
	if (error) {
		km_top_frame_release(frame);
		return error;
	}
	*ret = frame;
	return NULL;
}

struct km_top_frame *km_top_frame_hold(struct km_top_frame *frame)
{
	__atomic_fetch_add(&frame->holds, 1, __ATOMIC_RELAXED);
	return frame;
}

void km_top_frame_release(struct km_top_frame *frame)
{
	if (!frame || __atomic_sub_fetch(&frame->holds, 1, __ATOMIC_ACQ_REL))
		return;
	if (frame->disown)
		frame->disown(frame->owned);
	for (size_t i = 0; frame->memory && i < frame->memory->nr_strings; i++)
		free(frame->memory->strings[i]);
	for (int i = 0; frame->memory && i < NR_BY; i++)
		free(frame->memory->by_id[i]);
	if (frame->memory) {
		free(frame->memory->strings);
		free(frame->memory->sizes);
		free(frame->memory->lifetimes);
	}
	free(frame->memory);
	free(frame->sites);
	free(frame->classes);
	free(frame->caches);
	free(frame->findings);
	free(frame);
}

const struct km_top_row *km_top_frame_rows(const struct km_top_frame *frame, enum km_top_view view,
					   size_t *ret_nr)
{
	switch (view) {
	case KM_TOP_CLASSES:
		*ret_nr = frame->nr_classes;
		return frame->classes;
	case KM_TOP_CACHES:
		*ret_nr = frame->nr_caches;
		return frame->caches;
	case KM_TOP_FINDINGS:
		*ret_nr = frame->nr_findings;
		return frame->findings;
	default:
		*ret_nr = frame->nr_sites;
		return frame->sites;
	}
}
