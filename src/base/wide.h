/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Numbers of up to 128 bits: products of two times, and their sums. Compilers for machines of 32
 * bits have no type for them. What these functions say is the same everywhere.
 */
#ifndef KMEMSTAT_BASE_WIDE_H
#define KMEMSTAT_BASE_WIDE_H

#include <math.h>
#include <stdint.h>

struct km_wide {
	uint64_t upper, lower;
};

/* a x b, from four products of halves. */
static inline struct km_wide km_wide_mul_halves(uint64_t a, uint64_t b)
{
	const uint64_t a1 = a >> 32, a0 = (uint32_t)a, b1 = b >> 32, b0 = (uint32_t)b;
	const uint64_t low = a0 * b0, cross = a1 * b0 + (low >> 32);
	const uint64_t middle = a0 * b1 + (uint32_t)cross;

	return (struct km_wide){ a1 * b1 + (cross >> 32) + (middle >> 32),
				 middle << 32 | (uint32_t)low };
}

/* x / by, bit by bit; UINT64_MAX if it is more. `by` is not 0. */
static inline uint64_t km_wide_div_bits(struct km_wide x, uint64_t by)
{
	uint64_t rest = x.upper, ret = 0;

	if (rest >= by)
		return UINT64_MAX;
	for (int i = 63; i >= 0; i--) {
		const uint64_t carry = rest >> 63;

		rest = rest << 1 | (x.lower >> i & 1);
		if (carry || rest >= by) {
			rest -= by;
			ret |= 1ULL << i;
		}
	}
	return ret;
}

/* a x b. */
static inline struct km_wide km_wide_mul(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
	const unsigned __int128 product = (unsigned __int128)a * b;

	return (struct km_wide){ (uint64_t)(product >> 64), (uint64_t)product };
#else
	return km_wide_mul_halves(a, b);
#endif
}

/* The lower 128 bits of x x b. */
static inline struct km_wide km_wide_times(struct km_wide x, uint64_t b)
{
	struct km_wide ret = km_wide_mul(x.lower, b);

	ret.upper += x.upper * b;
	return ret;
}

/* The lower 128 bits of x + y. */
static inline struct km_wide km_wide_add(struct km_wide x, struct km_wide y)
{
	const uint64_t lower = x.lower + y.lower;

	return (struct km_wide){ x.upper + y.upper + (lower < x.lower), lower };
}

/* The lower 64 bits of x >> shift, which is below 64. */
static inline uint64_t km_wide_shift(struct km_wide x, unsigned int shift)
{
	return shift ? x.upper << (64 - shift) | x.lower >> shift : x.lower;
}

/* a x b / by, rounded down; UINT64_MAX if it is more. `by` is not 0. */
static inline uint64_t km_mul_div(uint64_t a, uint64_t b, uint64_t by)
{
#ifdef __SIZEOF_INT128__
	const unsigned __int128 ret = (unsigned __int128)a * b / by;

	return ret > UINT64_MAX ? UINT64_MAX : (uint64_t)ret;
#else
	return km_wide_div_bits(km_wide_mul(a, b), by);
#endif
}

/* The double that is nearest to x. */
static inline double km_wide_double(struct km_wide x)
{
	const unsigned int shift = x.upper ? 64 - (unsigned int)__builtin_clzll(x.upper) : 0;
	uint64_t top = x.lower;

	if (shift == 64)
		top = x.upper | (x.lower != 0);
	else if (shift)
		/* what is cut off decides between two that are as near, and no more */
		top = km_wide_shift(x, shift) | (x.lower << (64 - shift) != 0);
	return ldexp((double)top, (int)shift);
}

#endif
