/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options of what is recorded of the running kernel: those of record, live and top. */
#include "cli/options_tables.h"

static const struct km_option rows[] = {
	{ .name = "events",
	  .letter = 'e',
	  .arg = "LIST",
	  .values = "record-event",
	  .group = KM_GROUP_RECORD,
	  .verbs = KM_VERBS_COLLECT,
	  .set = km_set_string,
	  AT(record_events),
	  .help = "Record these events: slab, percpu, page, all, or names as kmem:kmalloc or "
		  "kmem_cache_*, with commas between (default: slab,percpu).",
	  .more = "A name without system is one of kmem or percpu. page and all have many events, "
		  "and want --stacks to tell callers." },
	{ .name = "filter",
	  .alias = "kernel-filter",
	  .arg = "EXPRESSION",
	  .group = KM_GROUP_RECORD,
	  .verbs = KM_VERBS_COLLECT,
	  .set = km_set_string,
	  AT(kernel_filter),
	  .help = "Have the kernel record only events for which this is true: 'bytes_req >= 1024 "
		  "&& bytes_alloc < 8192'. Events without these fields are left out, and that is "
		  "said.",
	  .more = "Frees have no sizes: with a filter of sizes nothing is known of what is live. "
		  "The words are those of the kernel's Documentation/trace/events.rst." },
	{ .name = "duration",
	  .arg = "TIME",
	  .group = KM_GROUP_RECORD,
	  .verbs = KM_VERBS_COLLECT,
	  .set = km_set_duration,
	  AT(duration_ns),
	  .help = "End after this time: seconds, or a number with ns, us, ms, s, m or h." },
	{ .name = "buffer-size",
	  .letter = 'b',
	  .arg = "KIB",
	  .group = KM_GROUP_RECORD,
	  .verbs = KM_VERBS_COLLECT,
	  .set = km_set_count,
	  AT(buffer_kib),
	  .help = "Have the kernel keep so many KiB of events for each CPU until they are read "
		  "(default: 4096)." },
	{ .name = "hist",
	  .group = KM_GROUP_RECORD,
	  .verbs = KM_VERB_LIVE | KM_VERB_TOP,
	  .set = km_set_flag,
	  AT(hist),
	  .help = "Have the kernel count events by call site and sizes (hist triggers): none is "
		  "lost, none has to be read; what needs single events (what lives, tasks, "
		  "times) is not told.",
	  .more = "The kernel has to be built with CONFIG_HIST_TRIGGERS. Without --hist and --raw "
		  "it is done where it tells all that is asked for: with --no-pairing, without "
		  "filters of events and without the tables --cache, --task and --alloc. Which way "
		  "was taken is said on standard error." },
	{ .name = "raw",
	  .group = KM_GROUP_RECORD,
	  .verbs = KM_VERB_LIVE | KM_VERB_TOP,
	  .set = km_set_flag,
	  AT(raw),
	  .help = "Read every event, whatever is asked for." },
	{ .name = "hist-size",
	  .arg = "ENTRIES",
	  .group = KM_GROUP_RECORD,
	  .verbs = KM_VERB_LIVE | KM_VERB_TOP,
	  .set = km_set_count,
	  AT(hist_entries),
	  .help = "With --hist, have room for so many different call sites and sizes of kmalloc, "
		  "a quarter of it for others: 128 to 131072 (default: 16384).",
	  .more = "An event that finds no room is not counted, and that is told." },
	{ .name = "stacks",
	  .group = KM_GROUP_RECORD,
	  .verbs = KM_VERBS_COLLECT,
	  .set = km_set_flag,
	  AT(stacks),
	  .help = "Record a stack of the kernel with each event: callers of pages, at several "
		  "times the cost and space." },
	{ .name = "compress",
	  .group = KM_GROUP_RECORD,
	  .verbs = KM_VERB_RECORD,
	  .set = km_set_flag,
	  AT(compress),
	  .help = "Compress events by zstd while they are recorded: a sixth of the size, for more "
		  "CPU time." },
};

const struct km_option_rows km_options_record = { rows, sizeof(rows) / sizeof(rows[0]) };
