/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line: one table of options (options_*.c) drives parser, --help, and the man page's
 * list.
 */
#ifndef KMEMSTAT_CLI_OPTIONS_H
#define KMEMSTAT_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "kmemstat/diff.h"
#include "kmemstat/error.h"
#include "kmemstat/filter.h"
#include "kmemstat/gate.h"
#include "kmemstat/merge.h"
#include "kmemstat/render.h"
#include "kmemstat/report.h"
#include "kmemstat/top.h"

/* Verbs as bits, for the options' "which verbs take it". */
enum km_verb_bit {
	KM_VERB_STAT = 1,
	KM_VERB_INFO = 2,
	KM_VERB_DUMP = 4,
	KM_VERB_DIFF = 8,
	KM_VERB_CHECK = 16,
	KM_VERB_TYPES = 64,
	KM_VERB_RECORD = 128,
	KM_VERB_LIVE = 256,
	KM_VERB_TOP = 512,
	KM_VERB_MERGE = 1024,
	KM_VERBS_STAT = KM_VERB_STAT | KM_VERB_LIVE,      /* those with stat's views */
	KM_VERBS_JUDGE = KM_VERBS_STAT | KM_VERB_CHECK,   /* those with findings */
	KM_VERBS_TABLE = KM_VERBS_STAT | KM_VERB_TYPES,   /* those with sorted tables */
	KM_VERBS_SYMBOL = KM_VERBS_JUDGE | KM_VERB_TYPES, /* those with source lines */
	KM_VERBS_REPORT = KM_VERBS_SYMBOL | KM_VERB_INFO,
	KM_VERBS_TRACE = KM_VERBS_REPORT | KM_VERB_DUMP,                /* those of one trace */
	KM_VERBS_COLLECT = KM_VERB_RECORD | KM_VERB_LIVE | KM_VERB_TOP, /* of the running kernel */
	KM_VERBS_COMMAND = KM_VERB_RECORD | KM_VERB_LIVE,               /* those that run one */
	KM_VERBS_FILE = KM_VERBS_TRACE & ~KM_VERB_LIVE, /* those that are given one */
	KM_VERBS_ALL = KM_VERBS_TRACE | KM_VERB_DIFF,
	KM_VERBS_FINDING = KM_VERBS_JUDGE | KM_VERB_MERGE, /* those that look for them */
	KM_VERBS_ANY = KM_VERBS_ALL | KM_VERBS_COLLECT | KM_VERB_MERGE,
};

enum km_option_group {
	KM_GROUP_VIEW,
	KM_GROUP_MODEL,
	KM_GROUP_TABLE,
	KM_GROUP_DIFF,
	KM_GROUP_MERGE,
	KM_GROUP_TOP,
	KM_GROUP_RECORD,
	KM_GROUP_INPUT,
	KM_GROUP_FILTER,
	KM_GROUP_SYMBOL,
	KM_GROUP_FINDING,
	KM_GROUP_CHECK,
	KM_GROUP_OUTPUT,
	KM_GROUP_GENERAL,
	KM_NR_GROUPS,
};

enum km_format {
	KM_FORMAT_TEXT,
	KM_FORMAT_JSON,
	KM_FORMAT_CSV,
	KM_FORMAT_REPORT, /* --format NAME, another one: options->report */
};

/* --format NAME=FILE */
struct km_report_file {
	char *name; /* the renderer's */
	const char *file;
};

/* --model TEXT, --model-file TEXT */
struct km_model_option {
	const char *text;
	bool is_file;
};

enum km_when {
	KM_WHEN_AUTO,
	KM_WHEN_ALWAYS,
	KM_WHEN_NEVER,
};

#define KM_MAX_VIEWS        32
/* Files of --format in one run. */
#define KM_MAX_REPORT_FILES 32

/* What the user asked for. Strings are argv's. */
struct km_options {
	unsigned int verb; /* enum km_verb_bit */
	const char *input; /* the trace file */
	bool is_stored;    /* it is a JSON report */
	bool show_help, show_version;
	const char *man_section; /* --help-man */
	/* views */
	const char *views[KM_MAX_VIEWS]; /* renderers, in the order asked for */
	unsigned int nr_views;
	bool slab; /* --slab: its summary, if no other view of it is asked for */
	enum km_format format;
	/* --format: of the views' place, and files beside it */
	char *report; /* NULL: no format has their place */
	struct km_report_file *report_files;
	size_t nr_report_files;
	bool show_formats;
	bool has_top;
	size_t top; /* 0: all */
	/* models of allocators */
	struct km_model_option *models;
	size_t nr_models;
	bool replay;
	struct km_percpu_shape percpu_shape; /* unit 0: that of the trace's CPUs */
	bool has_percpu_first;
	struct km_percpu_change percpu_changes[KM_MAX_PERCPU_CHANGES];
	size_t nr_percpu_changes;
	bool show_models; /* --model help */
	bool has_profile_value;
	enum km_profile_value profile_value;
	const char *layer; /* of profiles; or NULL */
	bool by_stack;     /* --by-stack: sums by stack in JSON */
	/* tables */
	const char *sort, *fields;
	size_t per;     /* units that hits are told of; 0: none */
	size_t per_new; /* of diff: those of the new side; 0: as many as of the base */
	bool has_lines;
	size_t lines; /* 0: all */
	bool raw_ip;
	const char *type; /* types --type; NULL: a table of all */
	/* input and symbols */
	const char *instance, *kallsyms, *vmlinux, *slabinfo;
	const char **debug_dirs;
	size_t nr_debug_dirs;
	bool no_debug_search, no_sandbox;
	const char *source_root;
	bool source; /* --source: lines of it */
	const char *topology;
	size_t threads;        /* 0: one a CPU */
	uint64_t memory_limit; /* 0: km_memory_default() */
	double interval_s;     /* 0: no report before the end */
	bool exclude_self, no_exclude_self;
	bool no_pairing;
	bool only_live; /* --page --live */
	struct km_filter_spec filter;
	bool strict;
	bool force; /* of perf kmem; there is nothing to force */
	/* findings */
	struct km_thresholds thresholds;
	uint64_t short_ns; /* what lives less is short-lived */
	bool has_min_severity;
	enum km_finding_severity min_severity;
	const char **suppress; /* files */
	size_t nr_suppress;
	/* of the verb check */
	struct km_gate_options gates; /* without budget */
	const char **baselines, **budgets;
	size_t nr_baselines, nr_budgets;
	const char *write_baseline, *write_suppressions;
	/* diff: traces and reports of each side */
	const char **sides[KM_NR_DIFF_SIDES];
	size_t nr_sides[KM_NR_DIFF_SIDES];
	bool has_stray_words; /* arguments that are no pair of files */
	struct km_diff_options diff;
	const char *diff_unit; /* the option that chose it, or NULL */
	bool show_noise;
	/* merge */
	const char **reports;
	size_t nr_reports;
	const char *files_from;        /* a file with more of them; or NULL */
	struct km_merge_options merge; /* without thresholds */
	/* recording: record, live, top */
	const char *record_events, *kernel_filter;
	char **command;       /* behind "--", ends with NULL; NULL: none was given */
	uint64_t duration_ns; /* 0: no end is set */
	size_t buffer_kib;    /* for each CPU; 0: the default */
	bool hist, raw;       /* counts by hist triggers, every event; neither: see collecting.h */
	size_t hist_entries;  /* 0: the default */
	bool stacks;
	bool compress; /* record: by zstd */
	/* top */
	enum km_top_view top_view;
	const char *match; /* of the rows; or NULL */
	bool batch;
	size_t frames; /* 0: no end is set */
	bool has_speed;
	double speed; /* 0: as fast as can be read */
	/* output */
	const char *output;
	enum km_when color, pager;
	bool has_width;
	size_t width;
	bool quiet, verbose;
};

struct km_option {
	const char *name;          /* long name, without dashes */
	const char *alias;         /* another spelling of it, or NULL */
	char letter;               /* 0: none */
	unsigned int letter_verbs; /* those in which it has the letter; 0: all */
	const char *arg;           /* what its argument is called; NULL: it takes none */
	bool is_arg_optional;
	bool is_hidden;
	bool is_repeated;       /* may be given several times */
	bool needs_pairs;       /* does nothing if allocations and frees are not paired */
	const char *needs_view; /* does nothing without this view; or NULL */
	enum km_option_group group;
	unsigned int verbs;
	struct km_error *(*set)(const struct km_option *option, const char *arg,
				struct km_options *ret);
	size_t offset;     /* of the setter's target in struct km_options */
	const char *value; /* of setters that take it from here */
	/*
	 * Of completions: which list of help_table.c has the argument's values, or "file",
	 * "directory". NULL: by `arg`, FILE and DIR; anything else has none.
	 */
	const char *values;
	const char *help; /* one or two sentences */
	const char *more; /* further sentences, of the man page only; or NULL */
};

size_t km_options_count(void);
/* The option number `index`, NULL from km_options_count() on. */
const struct km_option *km_option_at(size_t index);
const char *km_option_group_title(enum km_option_group group);

/*
 * Parses the command line. argv is permuted. Errors: KM_ERR_USAGE.
 * km_options_deinit() frees what ret holds, also after an error.
 */
KM_MUST_CHECK struct km_error *km_options_parse(int argc, char **argv, struct km_options *ret);
void km_options_deinit(struct km_options *options);
/* Whether the user asks about the program (--help and the like), and for no report. */
bool km_options_ask_for_help(const struct km_options *options);
/* Whether the view of that name was asked for. */
bool km_options_has_view(const struct km_options *options, const char *name);
/* Whether something that is shown or written has the call sites' shares of the peak. */
bool km_options_want_peak(const struct km_options *options);

/* A size like "16k", "1M" (powers of 1024). False if it is none. */
bool km_parse_size(const char *text, uint64_t *ret);

/*
 * Of `nr` names the one most like `word`, or NULL if none is near.
 * `name_of` returns the i-th name, NULL to leave it out.
 */
const char *km_nearest_name(const char *word, size_t nr,
			    const char *(*name_of)(const void *arg, size_t i), const void *arg);

#endif
