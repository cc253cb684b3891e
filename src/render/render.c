/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of renderers. */
#include "render/text.h"

#include <string.h>

static const struct km_renderer renderers[] = {
	{ .name = "summary",
	  .help = "totals and findings",
	  .shows = KM_SHOWS_FINDINGS,
	  .render = km_render_summary },
	{ .name = "caller",
	  .help = "table of call sites",
	  .shows = KM_SHOWS_LIST(KM_LIST_CALLSITES),
	  .is_list = true,
	  .list = KM_LIST_CALLSITES,
	  .render = km_render_list,
	  .csv = km_render_csv },
	{ .name = "class",
	  .help = "table of size classes and the call sites that crowd them",
	  .shows = KM_SHOWS_CLASSES,
	  .render = km_render_class },
	{ .name = "live",
	  .help = "what is live at the end, by call site",
	  .shows = KM_SHOWS_LIST(KM_LIST_LIVE),
	  .needs_pairs = true,
	  .is_list = true,
	  .list = KM_LIST_LIVE,
	  .has_own_columns = true,
	  .render = km_render_live,
	  .csv = km_render_csv },
	{ .name = "timeline",
	  .help = "live bytes and waste over time",
	  .shows = KM_SHOWS_NOTHING,
	  .needs_pairs = true,
	  .render = km_render_timeline,
	  .csv = km_render_timeline_csv },
	{ .name = "cache",
	  .help = "table of slab caches",
	  .shows = KM_SHOWS_LIST(KM_LIST_CACHES),
	  .is_list = true,
	  .list = KM_LIST_CACHES,
	  .render = km_render_list,
	  .csv = km_render_csv },
	{ .name = "task",
	  .help = "table of tasks",
	  .shows = KM_SHOWS_LIST(KM_LIST_TASKS),
	  .is_list = true,
	  .list = KM_LIST_TASKS,
	  .render = km_render_list,
	  .csv = km_render_csv },
	{ .name = "alloc",
	  .help = "table of pointers",
	  .shows = KM_SHOWS_LIST(KM_LIST_PTRS),
	  .is_list = true,
	  .list = KM_LIST_PTRS,
	  .render = km_render_list,
	  .csv = km_render_csv },
	{ .name = "page",
	  .help = "the page allocator: its callers, orders and migrate types, sums",
	  .shows = KM_SHOWS_LIST(KM_LIST_PAGES),
	  .needs_pairs = true,
	  .is_list = true,
	  .list = KM_LIST_PAGES,
	  .render = km_render_page,
	  .csv = km_render_csv },
	{ .name = "page-frame",
	  .help = "the page allocator by page frame",
	  .shows = KM_SHOWS_LIST(KM_LIST_FRAMES),
	  .needs_pairs = true,
	  .is_list = true,
	  .list = KM_LIST_FRAMES,
	  .render = km_render_page,
	  .csv = km_render_csv },
	{ .name = "percpu",
	  .help = "table of percpu objects",
	  .shows = KM_SHOWS_LIST(KM_LIST_PERCPU),
	  .needs_pairs = true,
	  .is_list = true,
	  .list = KM_LIST_PERCPU,
	  .render = km_render_percpu,
	  .csv = km_render_csv },
	{ .name = "json",
	  .help = "the whole report as JSON",
	  .is_report = true,
	  .has_tables = true,
	  .is_machine = true,
	  .render = km_render_json },
	{ .name = "csv",
	  .help = "the table of call sites as comma-separated values",
	  .is_report = true,
	  .is_machine = true,
	  .list = KM_LIST_CALLSITES,
	  .render = km_render_csv },
	{ .name = "info",
	  .help = "what the trace is: kernel, CPUs, clock, events and losses",
	  .render = km_render_info },
};

const struct km_renderer *km_renderers(size_t *ret_nr)
{
	*ret_nr = sizeof(renderers) / sizeof(renderers[0]);
	return renderers;
}

const struct km_renderer *km_renderer_find(const char *name)
{
	for (size_t i = 0; i < sizeof(renderers) / sizeof(renderers[0]); i++)
		if (strcmp(renderers[i].name, name) == 0)
			return &renderers[i];
	return NULL;
}
