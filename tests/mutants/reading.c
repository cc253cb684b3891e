/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All that the program learns of a trace. */
#include "reading.h"

#include <stdlib.h>
#include <string.h>

#include "cli/scan.h"

/* Tasks whose names are asked for: the traces of the tests have no others. */
enum { MOST_PID = 4096 };

/* FNV-1a, 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/). */
static uint64_t digest(uint64_t sum, const void *data, size_t size)
{
	const uint8_t *bytes = data;

	sum = sum ? sum : 0xcbf29ce484222325;
	for (size_t i = 0; i < size; i++)
		sum = (sum ^ bytes[i]) * 0x100000001b3;
	return sum;
}

static uint64_t digest_string(uint64_t sum, const char *text)
{
	return text ? digest(sum, text, strlen(text) + 1) : digest(sum, "\xff", 1);
}

static uint64_t digest_number(uint64_t sum, uint64_t number)
{
	return digest(sum, &number, sizeof(number));
}

struct taking {
	struct reading *reading;
	const struct km_source *source;
};

/* A call site by what it is called, where its address is made up. */
static uint64_t site_of(const struct km_source *source, uint64_t call_site)
{
	size_t len;
	const char *name = km_source_site_symbol(source, call_site, &len);

	return name ? digest_number(digest(0, name, len), call_site & KM_SITE_OFFSET_MASK)
		    : call_site;
}

static uint64_t stack_of(const struct km_rows *rows, uint32_t i)
{
	const uint64_t *frames;
	const size_t nr =
		rows->batch->has_stacks ? km_rows_stack(rows, rows->batch->stack[i], &frames) : 0;

	return nr ? digest(0, frames, nr * sizeof(*frames)) : 0;
}

static struct km_error *take(void *arg, const struct km_rows *rows)
{
	const struct taking *taking = arg;
	struct reading *reading = taking->reading;
	const struct km_batch *batch = rows->batch;

	for (uint32_t i = rows->from; i < rows->to; i++) {
		const struct km_event_more *more = &batch->more[i];
		const struct km_event_what *what = &batch->what[i];
		struct seen *seen;

		if (reading->nr_events == reading->room_events) {
			reading->room_events = 2 * reading->room_events + 256;
			reading->events = reallocarray(reading->events, reading->room_events,
						       sizeof(*reading->events));
			if (!reading->events)
				abort();
		}
		seen = &reading->events[reading->nr_events++];
		/* they are compared with what is between their members */
		memset(seen, 0, sizeof(*seen));
		seen->ts_ns = batch->ts_ns[i];
		seen->site = site_of(taking->source, batch->call_site[i]);
		seen->ptr = batch->ptr[i];
		seen->stack = stack_of(rows, i);
		seen->cache = what->cache ? digest_string(0, rows->cache_names[what->cache]) : 0;
		seen->req = batch->size[i].req;
		seen->alloc = batch->size[i].alloc;
		seen->pid = batch->pid[i];
		seen->cpu = batch->cpu[batch->is_one_cpu ? 0 : i];
		seen->kind = what->kind;
		seen->more = digest_number(0, more->gfp_flags);
		seen->more = digest_number(seen->more, more->align);
		seen->more = digest_number(seen->more, more->order);
		seen->more = digest_number(seen->more, more->migratetype);
		seen->more = digest_number(seen->more, (uint64_t)more->node);
		seen->more = digest_number(seen->more, what->flags);
	}
	return NULL;
}

static void digest_info(const struct km_source *source, struct reading *reading)
{
	const struct km_input_info *info = km_source_info(source);
	const struct km_flag_name *flags;
	size_t nr_flags;
	uint64_t sum = digest_string(0, info->format);

	sum = digest_number(sum, info->format_version);
	sum = digest_string(sum, info->compression);
	sum = digest_string(sum, info->kernel_release);
	sum = digest_string(sum, info->machine);
	sum = digest_string(sum, info->recorder);
	sum = digest_string(sum, info->clock);
	sum = digest_string(sum, info->build_id);
	sum = digest_number(sum, info->is_big_endian);
	sum = digest_number(sum, info->has_raw_time);
	sum = digest_number(sum, info->kernel_text);
	sum = digest_number(sum, info->long_bytes);
	sum = digest_number(sum, info->page_size);
	sum = digest_number(sum, info->subbuf_bytes);
	sum = digest_number(sum, info->nr_cpus);
	for (size_t i = 0; i < info->nr_node_cpus; i++)
		sum = digest_number(sum, (uint64_t)info->node_of_cpu[i]);
	for (size_t i = 0; i < info->nr_instances; i++)
		sum = digest_string(sum, info->instances[i].name);
	for (size_t i = 0; i < info->nr_streams; i++) {
		sum = digest_number(sum, info->streams[i].cpu);
		sum = digest_number(sum, info->streams[i].overrun);
		sum = digest_number(sum, info->streams[i].dropped);
	}
	reading->info = sum;
	for (int32_t pid = -1; pid < MOST_PID; pid++)
		reading->comms = digest_string(reading->comms, km_source_comm(source, pid));
	flags = km_source_gfp_names(source, &nr_flags);
	for (size_t i = 0; i < nr_flags; i++)
		reading->flags =
			digest_number(digest_string(reading->flags, flags[i].name), flags[i].mask);
}

/* Events of other kinds, by name. */
static void digest_others(const struct km_report_parts *parts, struct reading *reading)
{
	for (size_t i = 0; i < parts->nr_events; i++) {
		const struct km_event_report *event = &parts->events[i];

		if (event->format->kind != KM_EV_OTHER || !event->count)
			continue;
		/* in any order */
		reading->others += digest_number(
			digest_string(digest_string(0, event->format->system), event->format->name),
			event->count);
	}
}

static int compare_seen(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct seen));
}

/* Keeps the order of each CPU's events. */
static void sort_by_cpu(struct reading *reading)
{
	struct seen *sorted = calloc(reading->nr_events + 1, sizeof(*sorted));
	size_t at[UINT16_MAX + 2] = { 0 };

	if (!sorted)
		abort();
	for (size_t i = 0; i < reading->nr_events; i++)
		at[reading->events[i].cpu + 1]++;
	for (size_t i = 0; i <= UINT16_MAX; i++)
		at[i + 1] += at[i];
	for (size_t i = 0; i < reading->nr_events; i++)
		sorted[at[reading->events[i].cpu]++] = reading->events[i];
	free(reading->events);
	reading->events = sorted;
}

static struct km_error *read_events(struct km_source *source, struct reading *reading)
{
	struct taking taking = { reading, source };
	struct km_taker taker = { .add = take, .arg = &taking, .wants_all = true };
	const struct km_scan_options options = { .nr_threads = 1,
						 .takers = &taker,
						 .nr_takers = 1 };
	struct km_report_parts parts = { 0 };
	struct km_groups *groups;
	struct km_error *error = km_scan(source, &options, &parts, &groups);

	if (error)
		return error;
	reading->quality = parts.quality;
	digest_others(&parts, reading);
	free(parts.streams);
	free(parts.events);
	km_groups_destroy(groups);
	return NULL;
}

static struct km_error *read_all(const char *path, struct km_source **ret, struct reading *reading)
{
	struct km_source_options options = { 0 };
	struct km_error *error = km_source_open(path, &options, ret);
	struct km_blob text;

	if (!error)
		error = read_events(*ret, reading);
	if (!error)
		error = km_source_take_kallsyms(*ret, &text);
	if (error)
		return error;
	reading->symbols = text.data ? digest(0, text.data, text.size) : 0;
	km_blob_deinit(&text);
	/* damage of symbols is counted when they are taken */
	reading->quality.count[KM_SECTIONS_DAMAGED] =
		km_source_quality(*ret)->count[KM_SECTIONS_DAMAGED];
	digest_info(*ret, reading);
	return NULL;
}

void reading_make(const char *path, struct reading *ret)
{
	struct km_source *source = NULL;
	struct km_error *error;
	char *line;

	*ret = (struct reading){ 0 };
	error = read_all(path, &source, ret);
	/* as in the program, which gives no report of a trace with nothing in it */
	ret->is_refused = error || !ret->quality.count[KM_EVENTS_USED];
	if (error) {
		line = km_error_line(error);
		if (!line || !*line)
			abort();
		free(line);
		km_error_free(error);
	} else {
		sort_by_cpu(ret);
	}
	km_source_close(source);
}

void reading_deinit(struct reading *reading)
{
	free(reading->events);
}

static unsigned int compare_events(const struct seen *a, const struct seen *b)
{
	return (unsigned int)(a->kind != b->kind) << CHANGE_KIND |
	       (unsigned int)(a->cpu != b->cpu) << CHANGE_CPU |
	       (unsigned int)(a->ts_ns != b->ts_ns) << CHANGE_TIME |
	       (unsigned int)(a->site != b->site) << CHANGE_SITE |
	       (unsigned int)(a->ptr != b->ptr) << CHANGE_PTR |
	       (unsigned int)(a->req != b->req || a->alloc != b->alloc) << CHANGE_SIZE |
	       (unsigned int)(a->pid != b->pid) << CHANGE_PID |
	       (unsigned int)(a->more != b->more) << CHANGE_MORE |
	       (unsigned int)(a->cache != b->cache) << CHANGE_CACHE |
	       (unsigned int)(a->stack != b->stack) << CHANGE_STACK;
}

/* Both sorted; what both have is left out. Returns how many are left of each. */
static size_t take_out_common(struct seen *a, struct seen *b, size_t nr)
{
	size_t i = 0, k = 0, left_a = 0, left_b = 0;

	while (i < nr || k < nr) {
		const int order = i == nr ? 1 : k == nr ? -1 : compare_seen(&a[i], &b[k]);

		if (order == 0) {
			i++;
			k++;
		} else if (order < 0) {
			a[left_a++] = a[i++];
		} else {
			b[left_b++] = b[k++];
		}
	}
	return left_a;
}

/* Of equally many: those in place, or if it is only one that moved, that. */
static unsigned int compare_all(const struct reading *base, const struct reading *now,
				size_t *ret_nr)
{
	const size_t nr = base->nr_events, size = nr * sizeof(struct seen);
	struct seen *a = malloc(size + 1), *b = malloc(size + 1);
	unsigned int changes = 0;
	size_t left;

	if (!a || !b)
		abort();
	*ret_nr = 0;
	for (size_t i = 0; i < nr; i++) {
		const unsigned int change = compare_events(&base->events[i], &now->events[i]);

		*ret_nr += change != 0;
		changes |= change;
	}
	memcpy(a, base->events, size);
	memcpy(b, now->events, size);
	qsort(a, nr, sizeof(*a), compare_seen);
	qsort(b, nr, sizeof(*b), compare_seen);
	left = take_out_common(a, b, nr);
	if (left <= 1) {
		*ret_nr = left;
		changes = left ? compare_events(&a[0], &b[0]) : 0;
	}
	free(a);
	free(b);
	return changes;
}

unsigned int reading_compare(const struct reading *base, const struct reading *now,
			     size_t *ret_nr_events)
{
	unsigned int changes = (unsigned int)(base->others != now->others) << CHANGE_OTHERS |
			       (unsigned int)(base->symbols != now->symbols) << CHANGE_SYMBOLS |
			       (unsigned int)(base->comms != now->comms) << CHANGE_COMMS |
			       (unsigned int)(base->flags != now->flags) << CHANGE_FLAGS |
			       (unsigned int)(base->info != now->info) << CHANGE_INFO;

	*ret_nr_events = 0;
	for (enum km_counter i = 0; i < KM_NR_COUNTERS; i++)
		if (km_counter_info(i)->severity == KM_SEV_LOSS &&
		    base->quality.count[i] != now->quality.count[i])
			changes |= 1U << CHANGE_LOST;
	if (base->nr_events != now->nr_events) {
		*ret_nr_events = base->nr_events > now->nr_events
					 ? base->nr_events - now->nr_events
					 : now->nr_events - base->nr_events;
		return changes | 1U << CHANGE_COUNT;
	}
	return changes | compare_all(base, now, ret_nr_events);
}

bool reading_tells(const struct reading *base, const struct reading *now)
{
	for (enum km_counter i = 0; i < KM_NR_COUNTERS; i++)
		if (km_counter_info(i)->severity == KM_SEV_DAMAGE &&
		    now->quality.count[i] > base->quality.count[i])
			return true;
	return now->quality.count[KM_RECORDS_UNKNOWN] > base->quality.count[KM_RECORDS_UNKNOWN];
}
