/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a ring buffer's raw time stamps to nanoseconds. */
#include "decode/clock.h"

/* The correction in force at `raw`: interpolated between two samples, held outside them. */
static int64_t offset_at(const struct km_clock *clock, uint64_t raw, uint64_t *ret_scaling)
{
	const struct km_clock_sample *samples = clock->samples;
	size_t low = 0, high = clock->nr_samples - 1;
	__int128 part;

	if (raw <= samples[0].time || high == 0) {
		*ret_scaling = samples[0].scaling;
		return samples[0].offset;
	}
	if (raw >= samples[high].time) {
		*ret_scaling = samples[high].scaling;
		return samples[high].offset;
	}
	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (samples[mid].time <= raw)
			low = mid;
		else
			high = mid;
	}
	/* whatever the order of the samples, that at low is not after raw, and that at high is */
	*ret_scaling = samples[low].scaling;
	part = (__int128)(raw - samples[low].time) *
	       ((__int128)samples[high].offset - samples[low].offset) /
	       (__int128)(samples[high].time - samples[low].time);
	return (int64_t)(samples[low].offset + part);
}

uint64_t km_clock_ns(const struct km_clock *clock, uint64_t raw)
{
	uint64_t ts = raw;

	if (clock->nr_samples) {
		uint64_t scaling;
		int64_t offset = offset_at(clock, raw, &scaling);

		if (scaling && clock->fraction_bits < 64)
			ts = (uint64_t)(((unsigned __int128)ts * scaling) >> clock->fraction_bits);
		ts += (uint64_t)offset;
	}
	if (clock->mult && clock->shift < 64)
		ts = (uint64_t)(((unsigned __int128)ts * clock->mult) >> clock->shift);
	return ts + (uint64_t)clock->offset_ns;
}
