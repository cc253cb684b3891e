/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names of the events. */
#include "kmemstat/event.h"

#include <string.h>

static const struct {
	const char *system, *name;
	enum km_layer layer;
} kinds[KM_NR_EVENT_KINDS] = {
	[KM_EV_OTHER] = { "", "other", KM_LAYER_SLAB },
	[KM_EV_KMALLOC] = { "kmem", "kmalloc", KM_LAYER_SLAB },
	[KM_EV_KMALLOC_NODE] = { "kmem", "kmalloc_node", KM_LAYER_SLAB },
	[KM_EV_CACHE_ALLOC] = { "kmem", "kmem_cache_alloc", KM_LAYER_SLAB },
	[KM_EV_CACHE_ALLOC_NODE] = { "kmem", "kmem_cache_alloc_node", KM_LAYER_SLAB },
	[KM_EV_PERCPU_ALLOC] = { "percpu", "percpu_alloc_percpu", KM_LAYER_PERCPU },
	[KM_EV_PAGE_ALLOC] = { "kmem", "mm_page_alloc", KM_LAYER_PAGE },
	[KM_EV_KFREE] = { "kmem", "kfree", KM_LAYER_SLAB },
	[KM_EV_CACHE_FREE] = { "kmem", "kmem_cache_free", KM_LAYER_SLAB },
	[KM_EV_PERCPU_FREE] = { "percpu", "percpu_free_percpu", KM_LAYER_PERCPU },
	[KM_EV_PAGE_FREE] = { "kmem", "mm_page_free", KM_LAYER_PAGE },
	[KM_EV_PERCPU_CHUNK_CREATE] = { "percpu", "percpu_create_chunk", KM_LAYER_PERCPU },
	[KM_EV_PERCPU_CHUNK_DESTROY] = { "percpu", "percpu_destroy_chunk", KM_LAYER_PERCPU },
};

static const char *const layer_names[KM_NR_LAYERS] = {
	[KM_LAYER_SLAB] = "slab",
	[KM_LAYER_PERCPU] = "percpu",
	[KM_LAYER_PAGE] = "page",
};

const char *km_event_name(enum km_event_kind kind)
{
	return kinds[kind].name;
}

enum km_event_kind km_event_kind_of(const char *system, const char *name)
{
	for (enum km_event_kind kind = KM_EV_OTHER + 1; kind < KM_NR_EVENT_KINDS; kind++)
		if (strcmp(kinds[kind].name, name) == 0 && strcmp(kinds[kind].system, system) == 0)
			return kind;
	return KM_EV_OTHER;
}

const char *km_layer_name(enum km_layer layer)
{
	return layer_names[layer];
}

enum km_layer km_event_layer(enum km_event_kind kind)
{
	return kinds[kind].layer;
}
