/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names of the events. */
#include "kmemstat/event.h"

#include <string.h>

static const char *const event_names[KM_NR_EVENT_KINDS] = {
	[KM_EV_OTHER] = "other",
	[KM_EV_KMALLOC] = "kmalloc",
	[KM_EV_KMALLOC_NODE] = "kmalloc_node",
	[KM_EV_CACHE_ALLOC] = "kmem_cache_alloc",
	[KM_EV_CACHE_ALLOC_NODE] = "kmem_cache_alloc_node",
	[KM_EV_KFREE] = "kfree",
	[KM_EV_CACHE_FREE] = "kmem_cache_free",
};

const char *km_event_name(enum km_event_kind kind)
{
	return event_names[kind];
}

enum km_event_kind km_event_kind_of(const char *system, const char *name)
{
	if (strcmp(system, "kmem") != 0)
		return KM_EV_OTHER;
	for (enum km_event_kind kind = KM_EV_OTHER + 1; kind < KM_NR_EVENT_KINDS; kind++)
		if (strcmp(event_names[kind], name) == 0)
			return kind;
	return KM_EV_OTHER;
}
