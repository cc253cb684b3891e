/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SLUB's general size classes.
 *
 * mm/slab_common.c, kmalloc_info[] (v6.1): caches of 8, 16, 32, 64, 96, 128, 192, 256, 512, 1k
 * and so on in powers of two, up to KMALLOC_MAX_CACHE_SIZE, which is two pages:
 * KMALLOC_SHIFT_HIGH is PAGE_SHIFT + 1 (include/linux/slab.h, v6.1).
 * Requests above that take pages of get_order(size) straight from the page allocator
 * (kmalloc_large(), mm/slab_common.c, v6.1), and kmalloc's event says PAGE_SIZE << order.
 *
 * Where KMALLOC_MIN_SIZE is larger than 8 (ARCH_DMA_MINALIGN; arm64 before v6.5: 128) the
 * smaller caches are missing, from 64 on also kmalloc-96, from 128 on kmalloc-192
 * (__kmalloc_index(), include/linux/slab.h, v6.1). An allocation there has a bytes_alloc that
 * is a class, but not the one that km_class_fit() says.
 */
#include "kmemstat/agg.h"

#include <inttypes.h>
#include <stdio.h>

enum {
	SMALLEST_CLASS = 8,
	LEAST_PAGE_SIZE = 1024,
	DEFAULT_PAGE_SIZE = 4096,
};

uint32_t km_sane_page_size(uint32_t page_size)
{
	if (page_size < LEAST_PAGE_SIZE || (page_size & (page_size - 1)))
		return DEFAULT_PAGE_SIZE;
	return page_size;
}

uint64_t km_class_largest_cache(uint32_t page_size)
{
	return 2 * (uint64_t)km_sane_page_size(page_size);
}

unsigned int km_page_order(uint64_t bytes, uint32_t page_size)
{
	uint64_t more = bytes ? (bytes - 1) / km_sane_page_size(page_size) : 0;
	unsigned int order = 0;

	for (; more; more /= 2)
		order++;
	return order;
}

uint64_t km_class_fit(uint64_t bytes, uint32_t page_size)
{
	uint64_t power = SMALLEST_CLASS;

	/* the two classes that are no powers of two: 65..96 and 129..192 */
	if (bytes > 64 && bytes <= 96)
		return 96;
	if (bytes > 128 && bytes <= 192)
		return 192;
	/* caches and page orders alike are powers of two, whatever the page size */
	while (power < bytes) {
		if (power > UINT64_MAX / 2)
			return UINT64_MAX;
		power *= 2;
	}
	return power;
}

uint64_t km_class_below(uint64_t bytes, uint32_t page_size)
{
	uint64_t fit;

	if (bytes <= SMALLEST_CLASS)
		return 0;
	fit = km_class_fit(bytes, page_size);
	switch (fit) {
	case 96:
		return 64;
	case 128:
		return 96;
	case 192:
		return 128;
	case 256:
		return 192;
	case UINT64_MAX:
		return UINT64_C(1) << 63;
	default:
		return fit / 2;
	}
}

/* "8k", "1M", "96": kernel names say k and M without a fraction. */
static void name_power(const char *prefix, uint64_t bytes, char *buf, size_t size)
{
	if (bytes >= 1024 * 1024)
		snprintf(buf, size, "%s%" PRIu64 "M", prefix, bytes >> 20);
	else if (bytes >= 1024)
		snprintf(buf, size, "%s%" PRIu64 "k", prefix, bytes >> 10);
	else
		snprintf(buf, size, "%s%" PRIu64, prefix, bytes);
}

void km_class_name(uint64_t bytes_alloc, uint32_t page_size, char *buf, size_t size)
{
	if (bytes_alloc == 0 || km_class_fit(bytes_alloc, page_size) != bytes_alloc)
		snprintf(buf, size, "size-%" PRIu64, bytes_alloc);
	else if (bytes_alloc <= km_class_largest_cache(page_size))
		name_power("kmalloc-", bytes_alloc, buf, size);
	else
		snprintf(buf, size, "order-%u", km_page_order(bytes_alloc, page_size));
}
