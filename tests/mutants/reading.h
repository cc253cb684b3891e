/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All that the program learns of a trace, to be held against what it learns of a damaged copy. */
#ifndef KMEMSTAT_TESTS_READING_H
#define KMEMSTAT_TESTS_READING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kmemstat/quality.h"

/* What may be different: bits. */
enum change {
	CHANGE_COUNT,  /* the number of events */
	CHANGE_CPU,    /* of an event, though there are as many */
	CHANGE_OTHERS, /* the numbers of events that are of no kind that is used */
	CHANGE_KIND,   /* of an event; and so on */
	CHANGE_TIME,
	CHANGE_SITE,
	CHANGE_PTR,
	CHANGE_SIZE,
	CHANGE_PID,
	CHANGE_MORE,  /* flags, node, order, migrate type, alignment, whether it is accounted */
	CHANGE_CACHE, /* the name of its cache */
	CHANGE_STACK,
	CHANGE_LOST, /* what the recorder lost */
	CHANGE_SYMBOLS,
	CHANGE_COMMS, /* names of tasks */
	CHANGE_FLAGS, /* names of gfp flags */
	CHANGE_INFO,  /* what the trace says of itself: kernel, clock, CPUs, ... */
	NR_CHANGES,
};

struct seen {
	uint64_t ts_ns, site, ptr, stack, cache, more;
	uint32_t req, alloc;
	int32_t pid;
	uint16_t cpu;
	uint8_t kind;
};

struct reading {
	bool is_refused; /* with a message */
	struct km_quality quality;
	uint64_t others, symbols, comms, flags, info; /* digests */
	struct seen *events;                          /* by CPU, each in its order */
	size_t nr_events, room_events;
};

/* Reads the trace as the program does. Aborts where no error is possible. */
void reading_make(const char *path, struct reading *ret);
void reading_deinit(struct reading *reading);
/* What is different, as bits; and in how many events, or how many more or fewer there are. */
unsigned int reading_compare(const struct reading *base, const struct reading *now,
			     size_t *ret_nr_events);
/* Whether `now` tells of damage that is not in `base`. */
bool reading_tells(const struct reading *base, const struct reading *now);

#endif
