/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a ring buffer's raw time stamps to nanoseconds. */
#ifndef KMEMSTAT_DECODE_CLOCK_H
#define KMEMSTAT_DECODE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A correction measured at raw time `time`: shift by `offset`, scale by scaling / 2^fraction. */
struct km_clock_sample {
	uint64_t time;
	int64_t offset;
	uint64_t scaling;
};

/*
 * Applied in this order, each only if it is there (options of trace.dat, trace-cmd.dat.v7(5)):
 * TIME_SHIFT samples of the stream's CPU, TSC2NSEC multiplier and shift, OFFSET and DATE.
 */
struct km_clock {
	const struct km_clock_sample *samples; /* by time; borrowed */
	size_t nr_samples;
	unsigned int fraction_bits;
	uint32_t mult, shift; /* mult 0: none */
	int64_t offset_ns;
};

/* Whether all there is to do is to add offset_ns. */
static inline bool km_clock_is_plain(const struct km_clock *clock)
{
	return !clock->nr_samples && !(clock->mult && clock->shift < 64);
}

/* Raw time stamp -> ns. */
uint64_t km_clock_ns(const struct km_clock *clock, uint64_t raw);

#endif
