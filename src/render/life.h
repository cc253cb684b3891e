/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the renderers of lives share: times, how sure live numbers are. */
#ifndef KMEMSTAT_RENDER_LIFE_H
#define KMEMSTAT_RENDER_LIFE_H

#include "base/spark.h"
#include "render/text.h"

#define KM_TIME_SIZE 32

/* A duration: "12.3 us", or of a clock that does not count nanoseconds its counts. */
const char *km_duration_text(const struct km_report *report, uint64_t ns,
			     char buf[static KM_TIME_SIZE]);
/* A point in time as the trace has it, in seconds, as fine as the length of the trace asks for. */
const char *km_time_text(const struct km_report *report, uint64_t ns,
			 char buf[static KM_TIME_SIZE]);

/*
 * What stands before live numbers: "" if they are sure, "at most " if all that can be wrong is
 * frees without an event, "about " if events are missing or pointers are not themselves.
 */
const char *km_live_mark(const struct km_report *report);
/* Prints why they are not sure: "some frees have no event, as those of bulk frees". */
void km_live_print_reasons(FILE *stream, const struct km_report *report);

/* The lines "freed: ..." and "live: ..."; nothing if nothing was paired. */
void km_render_lives(const struct km_report *report, const struct km_render_options *options,
		     struct km_out *out);
/* What a view that needs pairing says if there was none. */
void km_render_no_lives(const struct km_render_options *options, struct km_out *out);

#endif
