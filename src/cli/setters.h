/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What options do with their arguments: each takes the option's row and the argument (NULL: none
 * was given), and changes *ret. Errors: KM_ERR_USAGE, KM_ERR_MEMORY.
 */
#ifndef KMEMSTAT_CLI_SETTERS_H
#define KMEMSTAT_CLI_SETTERS_H

#include "cli/options.h"

typedef struct km_error *km_setter(const struct km_option *option, const char *arg,
				   struct km_options *ret);

/* These write to the member at option->offset. */
km_setter km_set_flag;     /* bool */
km_setter km_set_string;   /* const char *, which must not be empty */
km_setter km_set_count;    /* size_t */
km_setter km_set_percent;  /* double */
km_setter km_set_factor;   /* double, from 1 on */
km_setter km_set_size;     /* uint64_t */
km_setter km_set_order;    /* size_t */
km_setter km_set_time;     /* uint64_t, ns */
km_setter km_set_duration; /* the same, of seconds without a unit, and not 0 */

/* These have a member of their own; some take a value from option->value. */
km_setter km_set_instance;
km_setter km_set_input;
km_setter km_set_lines;
km_setter km_set_top;
km_setter km_set_width;
km_setter km_set_threads;
km_setter km_set_memory_limit;
km_setter km_set_per;
km_setter km_set_side;
km_setter km_set_by;
km_setter km_set_unit;
km_setter km_set_merge_key;
km_setter km_set_per_callsite;
km_setter km_set_noise;
km_setter km_set_interval;
km_setter km_set_speed;
km_setter km_set_frames;
km_setter km_set_top_view;
km_setter km_set_view;
km_setter km_set_cache;
km_setter km_set_format;
km_setter km_set_report;
km_setter km_set_debug_dir;
km_setter km_set_suppress;
km_setter km_set_model; /* --model-file too: by option->value */
km_setter km_set_percpu_unit;
km_setter km_set_percpu_change;
km_setter km_set_baseline;
km_setter km_set_budget;
km_setter km_set_fail_on;
km_setter km_set_limit; /* struct km_limit; of bytes unless the option has a value */
km_setter km_set_color;
km_setter km_set_pager;
km_setter km_set_severity;
km_setter km_set_profile_value;
km_setter km_set_layer;

#endif
