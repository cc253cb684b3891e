/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The finished report: what renderers show. Frozen once built. */
#ifndef KMEMSTAT_REPORT_H
#define KMEMSTAT_REPORT_H

#include <stddef.h>

#include "kmemstat/agg.h"
#include "kmemstat/error.h"
#include "kmemstat/life.h"
#include "kmemstat/locality.h"
#include "kmemstat/merged.h"
#include "kmemstat/own.h"
#include "kmemstat/percpu_model.h"
#include "kmemstat/quality.h"
#include "kmemstat/report_models.h"
#include "kmemstat/report_pages.h"
#include "kmemstat/report_stacks.h"
#include "kmemstat/slabinfo.h"
#include "kmemstat/source.h"
#include "kmemstat/stack_sums.h"
#include "kmemstat/sym.h"
#include "kmemstat/tally.h"

/* One size of a call site as the report shows it. */
struct km_report_size {
	uint32_t bytes_req, bytes_alloc;
	const char *cache; /* or NULL */
	uint64_t hits;
};

struct km_class_site;

struct km_callsite {
	const char *layer; /* "slab" */
	const char *event; /* family name: "kmalloc", "kmem_cache_alloc" */
	uint64_t address;
	uint64_t traced; /* as in struct km_site */
	bool has_symbol;
	struct km_symbol symbol;
	const char *name;          /* for people: "symbol+0x4a [module]", or the address */
	struct km_chain source;    /* empty without debug information */
	struct km_excerpt excerpt; /* the lines around its first frame, if they were asked for */
	bool has_types;            /* they have been looked up */
	struct km_types types;
	uint64_t hits, bytes_req, bytes_alloc, bytes_waste;
	uint64_t accounted_hits;
	double frag_percent;    /* 100 * bytes_waste / bytes_alloc */
	const char *size_class; /* the class most of bytes_alloc is in; see km_report_class.name */
	const struct km_report_size *sizes;
	size_t nr_sizes;
	const struct km_life_stats *life;   /* NULL: allocations and frees were not paired */
	const struct km_locality *locality; /* NULL: not asked for */
	/* who has most hits in its size class beside it, or NULL; with locality, as is the next */
	const struct km_class_site *busiest;
	uint64_t crowd; /* call sites in its size class, itself included; with locality */
	/* NULL: not asked for, or no size is its own */
	const struct km_own_cache *own_cache;
	/* with report.per, else 0 */
	double hits_per_unit, bytes_per_unit; /* of bytes_alloc */
	uint64_t hits_rest;                   /* beyond a whole multiple of report.per */
	const struct km_spread *spread;       /* over hosts; NULL: a report of one */
};

/* A call site's share of a size class. */
struct km_class_site {
	const struct km_callsite *callsite;
	uint64_t hits, bytes_alloc, bytes_waste;
};

/* A size class ("kmalloc-64"), page order ("order-2"), named cache or cache size ("cache-256"). */
struct km_report_class {
	const char *name;
	uint64_t bytes; /* of one object */
	uint64_t hits, bytes_req, bytes_alloc, bytes_waste;
	struct km_class_site *sites; /* by hits, most first; ties by name, address */
	size_t nr_sites;
};

/* What allocations came to, in tables other than that of call sites. */
struct km_report_sum {
	uint64_t hits, bytes_req, bytes_alloc, bytes_waste, accounted_hits;
	double frag_percent;
	struct km_ends ends; /* all 0 without pairing */
	uint64_t nr_sites;   /* different call sites */
};

/*
 * Allocations out of one cache; what has no name in the trace is told apart by size. With
 * --slabinfo also what that says of the cache.
 */
struct km_report_cache {
	const char *name; /* "dentry", "kmalloc-64", "cache-192", "order-2" */
	enum km_cache_naming naming;
	uint64_t bytes; /* of one object */
	struct km_report_sum sum;
	const char *slab_name; /* the cache in slabinfo; NULL: none, or not told which */
	uint64_t
		nr_candidates; /* caches in slabinfo with objects of that size, if it is not told */
	uint64_t active_objs, objs, active_slabs, slabs;
	uint32_t objs_per_slab, pages_per_slab;
	unsigned int order; /* of pages_per_slab */
	bool has_tail;
	uint64_t tail_bytes;  /* of one slab, too few for another object */
	double tail_percent;  /* of the slab */
	uint64_t tails_bytes; /* of all slabs */
};

/* "event", "free", "size": what a cache's name is from. */
const char *km_cache_naming_name(enum km_cache_naming naming);

/* A type that is sure to be allocated, by all call sites that allocate it. */
struct km_report_type {
	const struct km_type *type;
	const struct km_callsite *callsite; /* that with most of bytes_waste */
	uint64_t hits, bytes_req, bytes_alloc, bytes_waste;
	uint64_t nr_sites;
	const char *size_class; /* of that call site */
	const char *advice;     /* what its layout says; "": nothing */
};

struct km_report_task {
	int32_t pid;
	const char *comm; /* or NULL */
	struct km_report_sum sum;
	uint64_t frees; /* by the task, of whatever was freed */
};

struct km_report_ptr {
	uint64_t ptr;
	uint64_t hits, bytes_req, bytes_alloc, bytes_waste, pingpong;
	bool is_live;
	const struct km_callsite *callsite; /* of the last allocation */
};

enum km_rule {
	KM_RULE_JUST_OVER,
	KM_RULE_WASTE,
	KM_RULE_HIGH_ORDER,
	KM_RULE_LEAK_SUSPECT,
	KM_RULE_PING_PONG,
	KM_RULE_SHORT_LIVED,
	KM_RULE_ACCOUNTED,
	KM_RULE_PERCPU_WASTE,
	KM_RULE_SCATTERED,
	KM_RULE_OWN_CACHE,
	KM_NR_RULES,
};

enum km_finding_severity {
	KM_FIND_LOW,
	KM_FIND_MEDIUM,
	KM_FIND_HIGH,
};

struct km_rule_info {
	enum km_rule rule;
	const char *name;    /* "just-over": stable */
	const char *summary; /* what it finds, one sentence */
	/* for readers of a finding, whole sentences each */
	const char *meaning;     /* what is found and what it costs */
	const char *mend;        /* what to do about it */
	const char *false_alarm; /* when there is nothing to mend */
	bool is_about_waste;     /* bytes_waste of its findings is the point */
	bool is_about_time;      /* no bytes are at stake */
	bool is_about_sizes;     /* a finding is about one size class of a call site */
	bool needs_pairs;        /* finds nothing unless allocations and frees were paired */
	bool needs_locality;     /* finds nothing unless call sites have a locality */
	bool needs_own_caches;   /* the same with struct km_report.own_caches */
};
const struct km_rule_info *km_rule_info(enum km_rule rule);
/* "high", "medium", "low". */
const char *km_finding_severity_name(enum km_finding_severity severity);

/* 16 hex digits and the end */
#define KM_FINGERPRINT_SIZE 17

/* One finding: one rule, and one call site or one size class of it. */
struct km_finding {
	enum km_rule rule;
	enum km_finding_severity severity;
	const struct km_callsite *callsite;
	/*
	 * 16 hex digits that stay over builds: of rule, module, the functions inlined at the call
	 * site (once km_report_resolve() has looked up all of them), symbol, event family and size
	 * class. Names are km_stable_name_len() long. No address, offset, line or number of bytes.
	 * A finding about a whole call site that has several sizes has no class in it: which one
	 * leads may differ from trace to trace. Unique in a report: of findings alike in all this
	 * the second and later ones in code order have their ordinal in the hash.
	 */
	char fingerprint[KM_FINGERPRINT_SIZE];
	/* the same of symbols alone, without ordinal: no debug information changes it */
	char fingerprint_symbol[KM_FINGERPRINT_SIZE];
	const char *suppressed;     /* the reason why it is; or NULL */
	const struct km_type *type; /* what is allocated, once that is sure; or NULL */
	const char *message;        /* what is wrong, with numbers */
	const char *advice;         /* what change would mend it */
	uint64_t hits, bytes_req, bytes_alloc, bytes_waste; /* of the sizes it is about */
	/* of hits: still live, freed on another CPU, short-lived, accounted; else all */
	uint64_t hits_affected;
	/* what findings of one severity are ordered by; 0: it costs time, not memory */
	uint64_t bytes_at_stake;
	uint64_t bytes_saved; /* what the advice would save, in total; 0: not known */
	uint32_t bytes_over;  /* just-over: the most that a size is over the class below */
	const char *size_class;
};

struct km_layer_summary {
	const char *layer;
	uint64_t allocs, frees;
	uint64_t bytes_req, bytes_alloc, bytes_waste;
	uint64_t accounted_hits;
};

/* Events and losses of one stream, for `info`. */
struct km_stream_report {
	const struct km_stream_info *info;
	struct km_quality quality;
	uint64_t events;            /* in the file */
	uint64_t first_ns, last_ns; /* first > last: no event */
};

/* An event kind of the trace with its count, for `info`. */
struct km_event_report {
	const struct km_format_info *format;
	uint64_t count;
};

/* What findings take; the defaults are in KM_THRESHOLDS_DEFAULT and in the help of options. */
struct km_thresholds {
	double just_over_percent; /* of the class below */
	double waste_percent;
	uint64_t waste_bytes;       /* waste leaves less alone, just-over calls it low */
	size_t high_order;          /* the least page order that is one */
	uint64_t leak_bytes;        /* live at the end */
	double leak_freed_percent;  /* of its allocations, the most that may have ended */
	double ping_pong_percent;   /* of its frees */
	double short_lived_percent; /* of its allocations, as the next */
	double accounted_percent;
	double scattered_factor; /* pages touched / pages needed */
	size_t scattered_pages;  /* touched and not needed */
	size_t hot_hits;         /* call sites with fewer allocations, or a smaller share ... */
	double hot_percent;      /* ... of the trace's cost no time worth a finding */
};
#define KM_THRESHOLDS_DEFAULT                                                                      \
	((struct km_thresholds){                                                                   \
		.just_over_percent = 12.5,                                                         \
		.waste_percent = 25,                                                               \
		.waste_bytes = 16384,                                                              \
		.high_order = 1,                                                                   \
		.leak_bytes = 65536,                                                               \
		.leak_freed_percent = 25,                                                          \
		.ping_pong_percent = 75,                                                           \
		.short_lived_percent = 90,                                                         \
		.accounted_percent = 50,                                                           \
		.scattered_factor = 4,                                                             \
		.scattered_pages = 16,                                                             \
		.hot_hits = 1000,                                                                  \
		.hot_percent = 1,                                                                  \
	})

struct km_suppressions;

struct km_report {
	const struct km_input_info *input;
	struct km_quality quality;
	uint64_t first_ns, last_ns, duration_ns;
	struct km_layer_summary slab;
	struct km_layer_summary percpu; /* bytes_alloc is over all CPUs; no waste is told */
	struct km_layer_summary page;   /* whole pages; they back the other layers too */
	struct km_callsite *callsites;  /* by bytes_waste, most first; ties by name, address */
	size_t nr_callsites;
	struct km_report_class *classes; /* kmalloc classes by size, page orders, caches */
	size_t nr_classes;
	/* by severity, bytes at stake, then hits, name, address; those suppressed last */
	struct km_finding *findings;
	size_t nr_findings;
	size_t nr_suppressed;                       /* of them */
	const struct km_suppressions *suppressions; /* that were applied; or NULL */
	struct km_stream_report *streams;
	size_t nr_streams;
	struct km_event_report *events; /* count > 0 only; by count */
	size_t nr_events;
	bool has_symbols; /* a symbol table was there */
	uint64_t per;     /* units (devices, peers, packets) that hits are told of; 0: none */
	/* each only if it was asked for; has_* tells an empty table from none */
	bool has_caches, has_tasks, has_ptrs;
	struct km_report_cache *caches; /* kmalloc's, then the others, each by size, name */
	size_t nr_caches;
	struct km_report_task *tasks; /* by pid */
	size_t nr_tasks;
	struct km_report_ptr *ptrs; /* by pointer */
	size_t nr_ptrs;
	struct km_report_type *types; /* by bytes_waste; once km_report_sum_types() has run */
	size_t nr_types;
	const struct km_slabinfo *slabinfo; /* or NULL */
	const struct km_lives *lives;       /* NULL: allocations and frees were not paired */
	/* with lives->has_peak: those that had something live at the peak, by bytes then */
	const struct km_callsite **peak_sites;
	size_t nr_peak_sites;
	/*
	 * kmalloc's requests in other allocators: the first row is what was recorded, then models
	 * in the order in which they were asked for; none if none was. The next two have the rows
	 * of all models, classes by kind and size, call sites as in callsites.
	 */
	struct km_model_row *models;
	size_t nr_models;
	bool has_replay; /* what was recorded was played through the models' slabs */
	struct km_model_class_row *model_classes;
	size_t nr_model_classes;
	struct km_model_site_row *model_sites;
	size_t nr_model_sites;
	const struct km_localities *localities; /* or NULL */
	const struct km_own_caches *own_caches; /* or NULL */
	/* what the page and the percpu allocator did; NULL: no events, or they were not paired */
	struct km_page_report *pages;
	struct km_percpu_report *percpus;
	struct km_stack_report *stacks;                       /* NULL: not asked for */
	const struct km_percpu_replay_results *percpu_replay; /* or NULL */
	const struct km_merged *merged;                       /* of a report of several; or NULL */
	bool is_read_back; /* from JSON: nothing more can be looked up */
	/*
	 * What is live is not sure: events were lost, frees had no event, or pointers are hashed.
	 * Renderers mark such numbers.
	 */
	bool is_live_unsure;
};

/* What is known of a call site without a symbol table and debug information. */
struct km_known_site {
	bool has_symbol;
	struct km_symbol symbol;
	struct km_chain source;
	struct km_types types;
	const struct km_spread *spread; /* or NULL */
};

/* A finding as it was judged; its callsite is NULL if it is one of `known`. */
struct km_known_finding {
	struct km_finding finding;
	size_t site; /* the index in `known` */
};

/* What a report has that was read back; strings are safe to print. */
struct km_report_known {
	const struct km_known_site *sites; /* as km_report_parts.sites */
	const char *const *cache_names;    /* by km_size.cache - 1 */
	bool is_judged;                    /* the findings are these, and none is sought */
	const struct km_known_finding *findings;
	size_t nr_findings;
	const struct km_merged *merged; /* or NULL */
	bool is_live_unsure;            /* whatever the rest says */
};

/* What a report is built from; all of it must outlive the report. */
struct km_report_parts {
	const struct km_input_info *input;
	struct km_quality quality;
	uint64_t kinds[KM_NR_EVENT_KINDS]; /* events by kind */
	const struct km_groups *groups;
	const struct km_sites *sites;
	const struct km_lives *lives;               /* or NULL */
	const struct km_page_lives *page_lives;     /* or NULL */
	const struct km_percpu_lives *percpu_lives; /* or NULL */
	const struct km_flag_name *gfp_names;       /* km_source_gfp_names() */
	size_t nr_gfp_names;
	const struct km_symtab *symtab;      /* or NULL */
	const struct km_report_known *known; /* in place of groups and symtab; or NULL */
	const struct km_caches *caches;      /* or NULL, as are the next six */
	const struct km_tasks *tasks;
	const struct km_ptrs *ptrs;
	const struct km_localities *localities;
	const struct km_own_caches *own_caches;
	const struct km_slabinfo *slabinfo;
	const struct km_models *models;
	const struct km_replay_results *replay;               /* of the models; or NULL */
	const struct km_percpu_replay_results *percpu_replay; /* or NULL */
	/* report.stacks is asked for; without stack_sums it has the call sites of slab objects */
	bool by_stack;
	const struct km_stack_sums *stack_sums; /* or NULL */
	/* the command of a task, or NULL; NULL: no commands are known */
	const char *(*comm)(const void *arg, int32_t pid);
	const void *comm_arg;
	struct km_stream_report *streams; /* taken over (malloc'ed) */
	size_t nr_streams;
	struct km_event_report *events; /* taken over (malloc'ed) */
	size_t nr_events;
	struct km_thresholds thresholds;
	uint64_t per; /* as in struct km_report */
};

KM_MUST_CHECK struct km_error *km_report_build(struct km_report_parts *parts,
					       struct km_report **ret);
/* Whether a type is called that: "mesh_rmc", "struct mesh_rmc". */
bool km_type_is_called(const struct km_type *type, const char *name);
/* Fills report.types from the call sites, all of which km_report_resolve() has looked up. */
KM_MUST_CHECK struct km_error *km_report_sum_types(struct km_report *report);
void km_report_destroy(struct km_report *report);

#endif
