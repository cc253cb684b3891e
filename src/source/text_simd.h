/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Questions about many characters of a text at once, with what the compiler may use: AVX2 if
 * KM_TEXT_AVX2 is defined, else SSE2 where that is part of the machine, else plain C.
 */
#ifndef KMEMSTAT_SOURCE_TEXT_SIMD_H
#define KMEMSTAT_SOURCE_TEXT_SIMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef KM_TEXT_AVX2
#include <immintrin.h>
#elif defined(__SSE2__) && !defined(KM_TEXT_PLAIN)
#define KM_TEXT_SSE2
#include <emmintrin.h>
#endif

/* The first character is in the lowest byte, whatever the machine. */
static inline uint64_t word_at(const void *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

#if defined(KM_TEXT_AVX2)

static inline __m256i load32(const void *at)
{
	return _mm256_loadu_si256((const __m256i *)at);
}

static inline __m256i are_in32(const char *text, const uint8_t *low, const uint8_t *range)
{
	__m256i offset = _mm256_sub_epi8(load32(text), load32(low));

	return _mm256_cmpeq_epi8(offset, _mm256_min_epu8(offset, load32(range)));
}

/* Whether each of 32 characters at `a` and of 32 at `b` is in its range of 64. */
static inline bool are_in_ranges(const char *a, const char *b, const uint8_t *low,
				 const uint8_t *range)
{
	__m256i good = _mm256_and_si256(are_in32(a, low, range), are_in32(b, low + 32, range + 32));

	return _mm256_movemask_epi8(good) == -1;
}

/* Whether two texts are the same where `mask` has ones; `len` is a multiple of 32. */
static inline bool is_same_masked(const char *a, const char *b, const uint8_t *mask, size_t len)
{
	__m256i differ = _mm256_setzero_si256();

	for (size_t i = 0; i < len; i += 32)
		differ = _mm256_or_si256(
			differ, _mm256_and_si256(_mm256_xor_si256(load32(a + i), load32(b + i)),
						 load32(mask + i)));
	return _mm256_testz_si256(differ, differ);
}

/* Whether 32 characters are the same, as zeroes. */
typedef __m256i differ32;

static inline differ32 get_differ32(const char *a, const char *b)
{
	return _mm256_xor_si256(load32(a), load32(b));
}

static inline differ32 add_differ32(differ32 x, differ32 y)
{
	return _mm256_or_si256(x, y);
}

static inline bool is_no_differ32(differ32 x)
{
	return _mm256_testz_si256(x, x);
}

#elif defined(KM_TEXT_SSE2)

static inline __m128i load16(const void *at)
{
	return _mm_loadu_si128((const __m128i *)at);
}

static inline __m128i are_in16(const char *text, const uint8_t *low, const uint8_t *range)
{
	__m128i offset = _mm_sub_epi8(load16(text), load16(low));

	return _mm_cmpeq_epi8(offset, _mm_min_epu8(offset, load16(range)));
}

static inline bool are_in_ranges(const char *a, const char *b, const uint8_t *low,
				 const uint8_t *range)
{
	__m128i good =
		_mm_and_si128(are_in16(a, low, range), are_in16(a + 16, low + 16, range + 16));

	good = _mm_and_si128(good, are_in16(b, low + 32, range + 32));
	good = _mm_and_si128(good, are_in16(b + 16, low + 48, range + 48));
	return _mm_movemask_epi8(good) == 0xffff;
}

static inline bool is_same_masked(const char *a, const char *b, const uint8_t *mask, size_t len)
{
	__m128i differ = _mm_setzero_si128();

	for (size_t i = 0; i < len; i += 16)
		differ = _mm_or_si128(differ,
				      _mm_and_si128(_mm_xor_si128(load16(a + i), load16(b + i)),
						    load16(mask + i)));
	return _mm_movemask_epi8(_mm_cmpeq_epi8(differ, _mm_setzero_si128())) == 0xffff;
}

typedef __m128i differ32;

static inline differ32 get_differ32(const char *a, const char *b)
{
	return _mm_or_si128(_mm_xor_si128(load16(a), load16(b)),
			    _mm_xor_si128(load16(a + 16), load16(b + 16)));
}

static inline differ32 add_differ32(differ32 x, differ32 y)
{
	return _mm_or_si128(x, y);
}

static inline bool is_no_differ32(differ32 x)
{
	return _mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_setzero_si128())) == 0xffff;
}

#else

static inline bool are_in_ranges(const char *a, const char *b, const uint8_t *low,
				 const uint8_t *range)
{
	uint8_t bad = 0;

	/* compilers make vectors of these loops */
	for (size_t i = 0; i < 32; i++) {
		bad |= (uint8_t)((uint8_t)a[i] - low[i]) > range[i];
		bad |= (uint8_t)((uint8_t)b[i] - low[i + 32]) > range[i + 32];
	}
	return !bad;
}

static inline bool is_same_masked(const char *a, const char *b, const uint8_t *mask, size_t len)
{
	uint64_t differ = 0;

	for (size_t i = 0; i < len; i += 8)
		differ |= (word_at(a + i) ^ word_at(b + i)) & word_at(mask + i);
	return !differ;
}

typedef uint64_t differ32;

static inline differ32 get_differ32(const char *a, const char *b)
{
	differ32 differ = 0;

	for (size_t i = 0; i < 32; i += 8)
		differ |= word_at(a + i) ^ word_at(b + i);
	return differ;
}

static inline differ32 add_differ32(differ32 x, differ32 y)
{
	return x | y;
}

static inline bool is_no_differ32(differ32 x)
{
	return !x;
}

#endif

#if defined(KM_TEXT_AVX2) || defined(KM_TEXT_SSE2)

/* What hex digits are told by. */
struct hex_ranges {
	__m128i zero, nine, letter_a, five;
};

static inline struct hex_ranges get_hex_ranges(void)
{
	struct hex_ranges ranges = { _mm_set1_epi8('0'), _mm_set1_epi8(9), _mm_set1_epi8('a'),
				     _mm_set1_epi8(5) };

	/* compilers would make them anew for each line: this hides that they are constants */
	__asm__(""
		: "+x"(ranges.zero), "+x"(ranges.nine), "+x"(ranges.letter_a), "+x"(ranges.five));
	return ranges;
}

/* Whether 16 characters are lower-case hex digits. */
static inline bool are_hex16(const struct hex_ranges *ranges, const char *at)
{
	__m128i text = _mm_loadu_si128((const __m128i *)(const void *)at);
	__m128i digit = _mm_sub_epi8(text, ranges->zero);
	__m128i letter = _mm_sub_epi8(text, ranges->letter_a);
	__m128i good = _mm_or_si128(_mm_cmpeq_epi8(digit, _mm_min_epu8(digit, ranges->nine)),
				    _mm_cmpeq_epi8(letter, _mm_min_epu8(letter, ranges->five)));

	return _mm_movemask_epi8(good) == 0xffff;
}

#else

struct hex_ranges {
	char zero;
};

static inline struct hex_ranges get_hex_ranges(void)
{
	return (struct hex_ranges){ '0' };
}

static inline bool are_hex16(const struct hex_ranges *ranges, const char *at)
{
	uint8_t bad = 0;

	for (size_t i = 0; i < 16; i++)
		bad |= (uint8_t)(at[i] - ranges->zero) > 9 && (uint8_t)(at[i] - 'a') > 5;
	return !bad;
}

#endif

/* The number of eight lower-case hex digits. */
static inline uint64_t hex8(const char *at)
{
	uint64_t word = __builtin_bswap64(word_at(at));
	/* '0'..'9' have bit 4, 'a'..'f' have bit 6 and are nine more than their lower bits */
	uint64_t nibbles = (word & 0x0f0f0f0f0f0f0f0fULL) + 9 * (word >> 6 & 0x0101010101010101ULL);

	nibbles = (nibbles | nibbles >> 4) & 0x00ff00ff00ff00ffULL;
	nibbles = (nibbles | nibbles >> 8) & 0x0000ffff0000ffffULL;
	return (nibbles | nibbles >> 16) & 0xffffffffULL;
}

#endif
