/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a trace.dat tells beside its events, as sections and options. */
#ifndef KMEMSTAT_RECORD_METADATA_H
#define KMEMSTAT_RECORD_METADATA_H

#include "kmemstat/instance.h"
#include "record/tracedat_write.h"

struct km_metadata {
	uint32_t page_bytes; /* of the ring buffer */
	char *clock;
	/* sections, but for kallsyms and the names of tasks, which are read at the end */
	struct km_bytes clocks, headers, ftrace_events, event_formats, printk;
	/* what can only be opened with rights, -1: not even then */
	int kallsyms_fd, slabinfo_fd, comms_fd;
};

/*
 * Reads and opens all that needs rights. Without that to read it what can be done without is left
 * out. km_metadata_deinit() is to be called after an error, too.
 */
KM_MUST_CHECK struct km_error *km_metadata_read(const struct km_instance *instance,
						struct km_metadata *ret);
void km_metadata_deinit(struct km_metadata *metadata);
/* Writes the sections that describe the events: their formats, symbols, the names of tasks. */
KM_MUST_CHECK struct km_error *km_metadata_write(const struct km_metadata *metadata,
						 struct km_tracedat_writer *writer);
/* Adds the options: clock, machine, version, and what the kernel says of each CPU's buffer. */
KM_MUST_CHECK struct km_error *km_metadata_add_options(const struct km_metadata *metadata,
						       const struct km_instance *instance,
						       struct km_tracedat_writer *writer);

#endif
