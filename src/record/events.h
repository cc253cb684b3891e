/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which events of the kernel are meant, and their filters. */
#ifndef KMEMSTAT_RECORD_EVENTS_H
#define KMEMSTAT_RECORD_EVENTS_H

#include <stddef.h>

#include "kmemstat/error.h"

/* Names "SYSTEM:EVENT" in the order of bytes, each once. */
struct km_event_names {
	char **names;
	size_t nr;
};

void km_event_names_deinit(struct km_event_names *names);
/* Adds a copy of a name at the end. Errors: KM_ERR_MEMORY. */
KM_MUST_CHECK struct km_error *km_event_names_add(struct km_event_names *names, const char *name);

/*
 * Chooses from `available`, lines of SYSTEM:EVENT, what a list of globs with commas between means
 * (km_instance_options.events); it is changed. *ret must be zeroed, and is to be freed after an
 * error, too. Errors: KM_ERR_USAGE for a glob that no event has.
 */
KM_MUST_CHECK struct km_error *km_events_choose(char *available, const char *globs,
						struct km_event_names *ret);
/* "events/SYSTEM/EVENT/FILE" for "SYSTEM:EVENT", malloc'ed, or NULL without memory. */
char *km_events_path(const char *name, const char *file);

/*
 * Sets the filter of an event of an instance. *ret_has_fields is false, and no filter set, if the
 * event does not have the fields that it uses. Errors: KM_ERR_USAGE with what the kernel says of
 * the filter.
 */
KM_MUST_CHECK struct km_error *km_events_filter(const char *tracefs, const char *instance,
						const char *name, const char *filter,
						bool *ret_has_fields);

#endif
