/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stack of an event begins in the allocator that made it. Who called is the first function
 * that has another name than the allocator's own: those of include/linux/gfp.h, mm/page_alloc.c,
 * mm/mempolicy.c and mm/filemap.c that only pass a request on, 2.6.32 to 6.18. Slab, vmalloc and
 * page_frag are callers like all others.
 */
#include "report/callers.h"

#include <stdlib.h>
#include <string.h>

/* Whole names, without underscores in front and what compilers and 6.10's "_noprof" put behind. */
static const char *const page_names[] = {
	"alloc_page",          "alloc_page_interleave", "alloc_page_vma",
	"filemap_alloc_folio", "folio_alloc",           "folio_alloc_mpol",
	"folio_alloc_node",    "get_free_pages",        "get_page_from_freelist",
	"get_zeroed_page",     "page_cache_alloc",      "vma_alloc_folio",
};
/* alloc_pages_nodemask, _current, _mpol, _exact, _bulk...; alloc_frozen_pages_nolock, ... */
static const char *const page_prefixes[] = { "alloc_pages", "alloc_frozen_pages" };

static const char *const percpu_names[] = { "alloc_percpu", "alloc_percpu_gfp",
					    "alloc_reserved_percpu", "pcpu_alloc" };

/* kmalloc_node_track_caller, kmem_cache_alloc_lru, ... (mm/slub.c, mm/slab_common.c) */
static const char *const slab_prefixes[] = { "kmalloc", "kmem_cache_alloc", "slab_alloc" };

/* What the event itself runs through before its stack is taken (include/trace/trace_events.h). */
static const char *const trace_prefixes[] = { "trace_event_raw_event_", "perf_trace_",
					      "__traceiter_", "__bpf_trace_", "__do_trace_" };

#define NR(array) (sizeof(array) / sizeof((array)[0]))

static bool has_prefix(const char *name, const char *const *prefixes, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (!strncmp(name, prefixes[i], strlen(prefixes[i])))
			return true;
	return false;
}

static bool is_one_of(const char *name, size_t len, const char *const *names, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (strlen(names[i]) == len && !memcmp(names[i], name, len))
			return true;
	return false;
}

bool km_symbol_is_allocator(const char *name, enum km_allocator allocator)
{
	static const char suffix[] = "_noprof";
	const size_t suffix_len = sizeof(suffix) - 1;
	size_t len;

	if (has_prefix(name, trace_prefixes, NR(trace_prefixes)))
		return true;
	name += strspn(name, "_");
	/* ".constprop.0", ".isra.0", ".part.0", ".cold" */
	len = strcspn(name, ".");
	if (len > suffix_len && !memcmp(name + len - suffix_len, suffix, suffix_len))
		len -= suffix_len;
	if (allocator == KM_ALLOCATOR_PERCPU)
		return is_one_of(name, len, percpu_names, NR(percpu_names));
	if (allocator == KM_ALLOCATOR_SLAB)
		return has_prefix(name, slab_prefixes, NR(slab_prefixes));
	return has_prefix(name, page_prefixes, NR(page_prefixes)) ||
	       is_one_of(name, len, page_names, NR(page_names));
}

/*
 * The innermost frame is in the allocator: without a symbol for it the table is of something else.
 * Any other frame without one is outside, in code that was made at run time.
 */
size_t km_caller_find(const struct km_symtab *symtab, const uint64_t *frames, size_t nr_frames,
		      enum km_allocator allocator)
{
	for (size_t i = 0; i < nr_frames; i++) {
		struct km_symbol symbol;

		if (!km_symtab_find(symtab, frames[i], &symbol))
			return i ? i : nr_frames;
		if (!km_symbol_is_allocator(symbol.name, allocator))
			return i;
	}
	return nr_frames;
}

struct km_error *km_callers_find(const struct km_stacks *stacks, const struct km_symtab *symtab,
				 enum km_allocator allocator, uint64_t **ret)
{
	const uint32_t nr = km_stacks_end(stacks);
	uint64_t *callers = calloc(nr, sizeof(*callers));

	if (!callers)
		return &km_error_memory;
	for (uint32_t i = 1; symtab && i < nr; i++) {
		uint64_t *frames;
		size_t nr_frames = km_stacks_get(stacks, i, &frames);
		size_t at = km_caller_find(symtab, frames, nr_frames, allocator);

		callers[i] = at < nr_frames ? frames[at] : 0;
	}
	*ret = callers;
	return NULL;
}

static int compare_addresses(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

struct km_error *km_callers_build(struct km_report_own *own, const struct km_symtab *symtab,
				  enum km_layer layer, uint64_t *addresses, size_t nr,
				  struct km_callsite **ret, size_t *ret_nr)
{
	struct km_callsite *sites = calloc(nr + 1, sizeof(*sites));
	size_t nr_sites = 0;

	if (!sites)
		return &km_error_memory;
	qsort(addresses, nr, sizeof(*addresses), compare_addresses);
	for (size_t i = 0; i < nr; i++) {
		struct km_error *error;

		if (!addresses[i] || (i && addresses[i] == addresses[i - 1]))
			continue;
		sites[nr_sites] = (struct km_callsite){
			.layer = km_layer_name(layer),
			.event = km_event_name(layer == KM_LAYER_PAGE ? KM_EV_PAGE_ALLOC
								      : KM_EV_PERCPU_ALLOC),
			.address = addresses[i],
		};
		error = km_report_name_site(own, symtab, &sites[nr_sites++]);
		if (error) {
			free(sites);
			return error;
		}
	}
	*ret = sites;
	*ret_nr = nr_sites;
	return NULL;
}

static int compare_to_site(const void *key, const void *item)
{
	const uint64_t address = *(const uint64_t *)key;
	const struct km_callsite *site = item;

	return (address > site->address) - (address < site->address);
}

struct km_callsite *km_callers_get(struct km_callsite *sites, size_t nr, uint64_t address)
{
	return address && nr ? bsearch(&address, sites, nr, sizeof(*sites), compare_to_site) : NULL;
}
