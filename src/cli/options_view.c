/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options that choose what to show. */
#include "cli/options_tables.h"

/* A view: an option that is called as its renderer. */
#define VIEW_OF(option_group, view)                                                                \
	.name = (view), .group = (option_group), .verbs = KM_VERBS_STAT, .set = km_set_view,       \
	.value = (view)
#define VIEW(view)       VIEW_OF(KM_GROUP_VIEW, view)
#define MODEL_VIEW(view) VIEW_OF(KM_GROUP_MODEL, view)

static const struct km_option rows[] = {
	{ VIEW("summary"),
	  .help = "Totals and findings: what wastes memory, where, and what change would mend it "
		  "(what is shown without another view)." },
	{ VIEW("caller"), .help = "The table of call sites." },
	{ VIEW("class"),
	  .help = "The table of size classes, with the call sites that crowd each." },
	{ VIEW("live"),
	  .help = "The table of call sites with something still allocated when the trace ends.",
	  .more = "Bytes and objects that are live, of how many, the most bytes that were live "
		  "at once, and how they went over time, each row scaled to its own peak. With "
		  "--page, and without --slab, it limits that table to pages that are live." },
	{ VIEW("timeline"),
	  .help = "Live bytes, live waste and allocations over time, as charts of text." },
	{ .name = "cache",
	  .arg = "GLOB",
	  .is_arg_optional = true,
	  .group = KM_GROUP_VIEW,
	  .verbs = KM_VERBS_ALL,
	  .set = km_set_cache,
	  .value = "cache",
	  .help = "The table of slab caches: by name where the trace has names, else by size; with "
		  "--slabinfo beside what that says of each. With GLOB no table, but a filter: use "
		  "events of caches with such a name.",
	  .more = "A cache that allocations do not name has the name that frees give, if all "
		  "frees of objects of the same call site and size agree, and no event is lost. "
		  "Caches that the kernel merged are one, under one name. GLOB can also be the "
		  "next "
		  "word, if FILE is given besides; it leaves out events that do not tell their "
		  "cache: of older kernels these are all allocations." },
	{ VIEW("task"),
	  .help = "The table of tasks: what each allocated and freed, and who allocated what is "
		  "live." },
	{ VIEW("alloc"),
	  .help = "The table of pointers: what was allocated at each address, as perf kmem has it.",
	  .more = "It takes memory for every pointer of the trace: 64 to 128 bytes while reading, "
		  "and as many again for the report." },
	{ VIEW("locality"),
	  .help = "The table of call sites and where in memory their objects lie: pages and cache "
		  "lines that they touch, against the least that would do.",
	  .more = "With it the rule scattered finds call sites whose objects lie on far more pages "
		  "than they need. Memory grows with the live objects." },
	{ VIEW("own-cache"),
	  .help = "The table of kmalloc call sites with one size, and what a kmem_cache of their "
		  "own would save in pages when most of their objects are live, or cost.",
	  .more = "With it the rule own-cache finds those that it saves at least --waste-bytes. "
		  "kmemstat-models(7) has the formulas. Memory grows with the live objects." },
	{ .name = "slab",
	  .group = KM_GROUP_VIEW,
	  .verbs = KM_VERBS_STAT,
	  .set = km_set_flag,
	  AT(slab),
	  .help = "Show the slab allocator: its summary, if none of its tables is asked for (what "
		  "is shown without another view)." },
	{ VIEW("page"),
	  .help = "The page allocator: the table of its callers, allocations by order and migrate "
		  "type, and sums.",
	  .more = "The caller of an allocation is the first function in the stack of the event "
		  "that is not a part of the page allocator; without stacks in the trace there "
		  "are no callers. Slab and percpu memory are made of such pages: the bytes of "
		  "the layers are not to be added up." },
	{ VIEW("page-frame"),
	  .help = "The same by page frame: what was allocated there, how often and by whom.",
	  .more = "--page --alloc without --slab is the same, as in perf kmem." },
	{ VIEW("percpu"),
	  .help = "The table of percpu objects: size, alignment, and bytes on all CPUs." },
	{ .name = "json",
	  .group = KM_GROUP_VIEW,
	  .verbs = KM_VERBS_TABLE | KM_VERB_DIFF,
	  .set = km_set_format,
	  .value = "json",
	  .help = "The whole report as JSON, all rows of all views.",
	  .more = "Its keys are described in kmemstat-json(5)." },
	{ .name = "by-stack",
	  .group = KM_GROUP_VIEW,
	  .verbs = KM_VERBS_STAT,
	  .set = km_set_flag,
	  AT(by_stack),
	  .help = "With --json, --format json or jsonl: sum allocations up by stack, too.",
	  .more = "The formats collapsed, speedscope and pprof do that themselves. Live records "
		  "stacks for it. Memory grows with the different stacks, and with the live "
		  "objects." },
	{ .name = "csv",
	  .group = KM_GROUP_VIEW,
	  .verbs = KM_VERBS_TABLE | KM_VERB_DIFF,
	  .set = km_set_format,
	  .value = "csv",
	  .help = "A table as comma-separated values, numbers raw: that of call sites, or the one "
		  "asked for." },
	{ .name = "type",
	  .arg = "NAME",
	  .group = KM_GROUP_VIEW,
	  .verbs = KM_VERB_TYPES,
	  .set = km_set_string,
	  AT(type),
	  .help = "Show how this type is laid out, member by member, holes drawn." },

	{ .name = "model",
	  .arg = "NAME",
	  .is_repeated = true,
	  .values = "model",
	  .group = KM_GROUP_MODEL,
	  .verbs = KM_VERBS_STAT,
	  .set = km_set_model,
	  .value = "name",
	  .help = "What would kmalloc's requests take in this allocator? A name, with parameters "
		  "behind a colon (slub:min=128,page=64k), several with commas between, all, or "
		  "help for a list; may be given several times.",
	  .more = "Shows the table --models, if none of the next three is asked for. "
		  "Objects of caches of their own stay as they are. kmemstat-models(7) has the "
		  "models with their formulas." },
	{ .name = "model-file",
	  .arg = "FILE",
	  .is_repeated = true,
	  .group = KM_GROUP_MODEL,
	  .verbs = KM_VERBS_STAT,
	  .set = km_set_model,
	  .value = "file",
	  .help = "The same of size classes that FILE has; may be given several times.",
	  .more = "The format is in kmemstat-models(7)." },
	{ .name = "replay",
	  .group = KM_GROUP_MODEL,
	  .verbs = KM_VERBS_STAT,
	  .set = km_set_flag,
	  AT(replay),
	  .help = "Play the recorded allocations and frees, those of named caches too, through "
		  "the models' slabs: how many pages are taken when they are most, and how much of "
		  "them is used.",
	  .more = "Adds columns to the table --models, and to the JSON report what each cache came "
		  "to. What was allocated before the trace is not in it." },
	{ MODEL_VIEW("models"),
	  .help = "The table of models: bytes, waste, and the difference to what was recorded; "
		  "all of them, if --model names none." },
	{ MODEL_VIEW("model-class"), .help = "The table of the models' size classes." },
	{ MODEL_VIEW("model-caller"),
	  .help = "The table of call sites in models, those that change most first." },
	{ MODEL_VIEW("percpu-replay"),
	  .help = "Play the recorded percpu objects through the two allocators that Linux has had "
		  "for them: chunks, holes, and how much they search." },
	{ .name = "percpu-unit",
	  .needs_view = "percpu-replay",
	  .arg = "SIZE[:FIRST]",
	  .group = KM_GROUP_MODEL,
	  .verbs = KM_VERBS_STAT,
	  .set = km_set_percpu_unit,
	  .help = "With --percpu-replay: a chunk's bytes on each CPU, and those of the first chunk "
		  "(default: x86-64's)." },
	{ .name = "percpu-what-if",
	  .needs_view = "percpu-replay",
	  .arg = "SIZE[:ALIGN]=SIZE[:ALIGN]",
	  .is_repeated = true,
	  .group = KM_GROUP_MODEL,
	  .verbs = KM_VERBS_STAT,
	  .set = km_set_percpu_change,
	  .help = "With --percpu-replay: show also what it would be if objects of that size were "
		  "of "
		  "this; may be given several times." },
};

const struct km_option_rows km_options_view = { rows, sizeof(rows) / sizeof(rows[0]) };
