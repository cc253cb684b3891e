/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verbs: what kmemstat can do with a trace. */
#ifndef KMEMSTAT_CLI_VERBS_H
#define KMEMSTAT_CLI_VERBS_H

#include "cli/options.h"

enum km_exit {
	KM_EXIT_OK = 0,
	KM_EXIT_GATE = 1,       /* a gate tripped */
	KM_EXIT_USAGE = 2,      /* the command line is wrong */
	KM_EXIT_INPUT = 3,      /* unreadable or corrupt input, nothing in it can be used */
	KM_EXIT_INCOMPLETE = 4, /* --strict, and events are lost or damaged */
	KM_EXIT_OUTPUT = 5,     /* the result could not be written */
};

struct km_verb {
	const char *name;
	unsigned int bit;     /* enum km_verb_bit */
	const char *synopsis; /* of --help, after the program's name */
	const char *help;
	/* Does it; *ret_status is set on success only. */
	struct km_error *(*run)(const struct km_options *options, enum km_exit *ret_status);
};

/* The first is the default verb. */
const struct km_verb *km_verbs(size_t *ret_nr);
/* The verb of a name, NULL if there is none. */
const struct km_verb *km_verb_find(const char *name);
const struct km_verb *km_verb_of_bit(unsigned int bit);

/* One file each. */
struct km_error *km_verb_stat_run(const struct km_options *options, enum km_exit *ret_status);
struct km_error *km_verb_live_run(const struct km_options *options, enum km_exit *ret_status);
struct km_error *km_verb_info_run(const struct km_options *options, enum km_exit *ret_status);
struct km_error *km_verb_check_run(const struct km_options *options, enum km_exit *ret_status);
struct km_error *km_verb_dump_run(const struct km_options *options, enum km_exit *ret_status);
struct km_error *km_verb_record_run(const struct km_options *options, enum km_exit *ret_status);
struct km_error *km_verb_diff_run(const struct km_options *options, enum km_exit *ret_status);
struct km_error *km_verb_merge_run(const struct km_options *options, enum km_exit *ret_status);
struct km_error *km_verb_top_run(const struct km_options *options, enum km_exit *ret_status);
struct km_error *km_verb_types_run(const struct km_options *options, enum km_exit *ret_status);

#endif
