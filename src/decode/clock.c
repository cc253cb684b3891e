/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a ring buffer's raw time stamps to nanoseconds. */
#include "decode/clock.h"

#include "base/wide.h"

/* The correction in force at `raw`: interpolated between two samples, held outside them. */
static int64_t offset_at(const struct km_clock *clock, uint64_t raw, uint64_t *ret_scaling)
{
	const struct km_clock_sample *samples = clock->samples;
	size_t low = 0, high = clock->nr_samples - 1;
	uint64_t begin, end, since, span;

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
	since = raw - samples[low].time;
	span = samples[high].time - samples[low].time;
	begin = (uint64_t)samples[low].offset;
	end = (uint64_t)samples[high].offset;
	return (int64_t)(samples[low].offset <= samples[high].offset
				 ? begin + km_mul_div(since, end - begin, span)
				 : begin - km_mul_div(since, begin - end, span));
}

uint64_t km_clock_ns(const struct km_clock *clock, uint64_t raw)
{
	uint64_t ts = raw;

	if (clock->nr_samples) {
		uint64_t scaling;
		int64_t offset = offset_at(clock, raw, &scaling);

		if (scaling && clock->fraction_bits < 64)
			ts = km_wide_shift(km_wide_mul(ts, scaling), clock->fraction_bits);
		ts += (uint64_t)offset;
	}
	if (clock->mult && clock->shift < 64)
		ts = km_wide_shift(km_wide_mul(ts, clock->mult), clock->shift);
	return ts + (uint64_t)clock->offset_ns;
}
