/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The allocators that there are models of.
 *
 * slub: kmalloc_info[], setup_kmalloc_cache_index_table() (mm/slab_common.c), __kmalloc_index(),
 *	KMALLOC_SHIFT_HIGH (include/linux/slab.h), kmalloc_large_node() (mm/slab_common.c), Linux
 *	v6.1: powers of two from KMALLOC_MIN_SIZE to two pages, 96 if that is at most 32, 192 if at
 *	most 64, above that 2^order pages.
 * slab: the same with KMALLOC_SHIFT_LOW 5 (include/linux/slab.h, v6.1): from 32 on.
 * slob: __do_kmalloc_node() (mm/slob.c, v6.1): the size lies in front of the object, in as much
 *	as its alignment takes (8 bytes), units are 2 bytes (SLOB_UNIT); what does not fit into a
 *	page with it takes 2^order pages.
 * netbsd-2009: kmem_alloc(), kmem_init() (sys/kern/subr_kmem.c 1.32, NetBSD, January 2010):
 *	multiples of the quantum (ALIGNBYTES + 1, 16 on amd64) up to 32 of them have caches of the
 *	vmem arena, the rest is cut out of the arena, in quanta; that version has, besides, caches
 *	from twice that on, in such steps, up to a page (the parameter mid).
 * netbsd: kmem_cache_sizes[], kmem_cache_big_sizes[], kmem_intr_alloc() (sys/kern/subr_kmem.c
 *	1.77, NetBSD 2019).
 * freebsd: kmemzones[], malloc_large() (sys/kern/kern_malloc.c, FreeBSD 13; before, there was no
 *	384).
 * illumos: kmem_alloc_sizes[], kmem_big_alloc_sizes[], kmem_alloc() (usr/src/uts/common/os/kmem.c,
 *	illumos, 64-bit).
 */
#include <stddef.h>

#include "model/model.h"

enum {
	TAKES_MIN = 1,
	TAKES_PAGE = 2,
	TAKES_QUANTUM = 4,
	TAKES_HEADER = 8,
	TAKES_CPUS = 16,
	TAKES_NO96 = 32,
	TAKES_NO384 = 64,
	TAKES_MID = 128,
	TAKES_NOCG = 256,
};

#define PARAMETER(member, flag, takes_bit)                                                         \
	{                                                                                          \
		.word = #member, .is_flag = (flag),                                                \
		.offset = offsetof(struct km_model_parameters, member), .bit = (takes_bit)         \
	}
static const struct km_model_parameter parameters[] = {
	PARAMETER(min, false, TAKES_MIN),         PARAMETER(page, false, TAKES_PAGE),
	PARAMETER(quantum, false, TAKES_QUANTUM), PARAMETER(header, false, TAKES_HEADER),
	PARAMETER(cpus, false, TAKES_CPUS),       PARAMETER(no96, true, TAKES_NO96),
	PARAMETER(no384, true, TAKES_NO384),      PARAMETER(mid, true, TAKES_MID),
	PARAMETER(nocg, true, TAKES_NOCG),
};

const struct km_model_parameter *km_model_parameters(size_t *ret_nr)
{
	*ret_nr = sizeof(parameters) / sizeof(parameters[0]);
	return parameters;
}

/* Powers of two from `min` to `last`, with 96 and 192 where they make a difference. */
static struct km_error *add_powers(struct km_model *model, uint64_t min, uint64_t last, bool no96)
{
	struct km_error *error = NULL;

	for (uint64_t bytes = min; bytes <= last && !error; bytes *= 2) {
		error = km_model_add_class(model, bytes);
		if (!error && bytes == 64 && min <= 32 && !no96)
			error = km_model_add_class(model, 96);
		if (!error && bytes == 128 && min <= 64 && !no96)
			error = km_model_add_class(model, 192);
	}
	return error;
}

static struct km_error *make_slub(const struct km_model_parameters *asked, struct km_model *ret)
{
	ret->large = KM_LARGE_ORDER;
	ret->slabs = KM_SLABS_SLUB;
	ret->splits_accounted = !asked->nocg;
	return add_powers(ret, asked->min, 2 * (uint64_t)ret->page_size, asked->no96);
}

static struct km_error *make_slab(const struct km_model_parameters *asked, struct km_model *ret)
{
	struct km_error *error = make_slub(asked, ret);

	ret->slabs = KM_SLABS_SLAB;
	return error;
}

static struct km_error *make_slob(const struct km_model_parameters *asked, struct km_model *ret)
{
	enum { UNIT = 2 };

	(void)asked;
	ret->large = KM_LARGE_ORDER;
	ret->slabs = KM_SLABS_NONE;
	ret->granule = UNIT;
	return km_model_add_range(ret, ret->page_size - 1, UNIT, KM_MODEL_HEAP);
}

static struct km_error *make_pow2(const struct km_model_parameters *asked, struct km_model *ret)
{
	ret->large = KM_LARGE_ORDER;
	ret->slabs = KM_SLABS_PAGES;
	return add_powers(ret, asked->min, ret->page_size, true);
}

static struct km_error *make_netbsd_2009(const struct km_model_parameters *asked,
					 struct km_model *ret)
{
	enum { QUANTA = 32, MOST_CACHES = 16 };
	const uint64_t last = asked->quantum * QUANTA, step = 2 * last;
	uint64_t last_cache = ret->page_size / step * step;
	struct km_error *error;

	ret->large = KM_LARGE_GRANULE;
	ret->slabs = KM_SLABS_PAGES;
	ret->granule = asked->quantum;
	error = km_model_add_range(ret, last, asked->quantum, KM_MODEL_CACHE);
	if (last_cache > MOST_CACHES * step)
		last_cache = MOST_CACHES * step;
	if (error || !asked->mid || !last_cache)
		return error;
	error = km_model_add_range(ret, step - 1, asked->quantum, KM_MODEL_HEAP);
	return error ? error : km_model_add_range(ret, last_cache, step, KM_MODEL_CACHE);
}

/* A table of sizes, those up to `last`. */
static struct km_error *add_table(struct km_model *model, const uint32_t *sizes, size_t nr,
				  uint64_t last)
{
	struct km_error *error = NULL;

	for (size_t i = 0; i < nr && sizes[i] <= last && !error; i++)
		error = km_model_add_class(model, sizes[i]);
	return error;
}

#define ADD_TABLE(model, sizes, last)                                                              \
	add_table(model, sizes, sizeof(sizes) / sizeof((sizes)[0]), last)

static struct km_error *make_netbsd(const struct km_model_parameters *asked, struct km_model *ret)
{
	static const uint32_t small[] = { 8,   16,  24,  32,  40,  48,  56,  64,  80,  96,  112,
					  128, 160, 192, 224, 256, 320, 384, 448, 512, 768, 1024 };
	static const uint32_t big[] = { 2048, 4096, 8192, 16384 };
	struct km_error *error;

	(void)asked;
	ret->large = KM_LARGE_PAGES;
	ret->slabs = KM_SLABS_PAGES;
	error = ADD_TABLE(ret, small, ret->page_size);
	return error ? error : ADD_TABLE(ret, big, ret->page_size);
}

static struct km_error *make_freebsd(const struct km_model_parameters *asked, struct km_model *ret)
{
	enum { LAST_ZONE = 65536 };
	struct km_error *error = NULL;

	ret->large = KM_LARGE_PAGES;
	ret->slabs = KM_SLABS_PAGES;
	for (uint64_t bytes = 16; bytes <= LAST_ZONE && !error; bytes *= 2) {
		error = km_model_add_class(ret, bytes);
		if (!error && bytes == 256 && !asked->no384)
			error = km_model_add_class(ret, 384);
	}
	return error;
}

static struct km_error *make_illumos(const struct km_model_parameters *asked, struct km_model *ret)
{
	enum { BIG_STEP = 8192, BIG_LAST = 131072 };
	static const uint32_t sizes[] = { 8,    16,   24,   32,    40,    48,   56,   64,   80,
					  96,   112,  128,  160,   192,   224,  256,  320,  384,
					  448,  512,  640,  768,   896,   1152, 1344, 1600, 2048,
					  2688, 4096, 8192, 12288, 16384, 24576 };
	struct km_error *error;

	(void)asked;
	ret->large = KM_LARGE_PAGES;
	ret->slabs = KM_SLABS_FIT;
	error = ADD_TABLE(ret, sizes, UINT32_MAX);
	for (uint64_t bytes = 32768; bytes <= BIG_LAST && !error; bytes += BIG_STEP)
		error = km_model_add_class(ret, bytes);
	return error;
}

static const struct km_model_maker makers[] = {
	{ .info = { .name = "slub",
		    .summary = "Linux, SLUB: powers of two, 96 and 192, then page orders",
		    .parameters = "min=SIZE, no96, page=SIZE, cpus=N, nocg" },
	  .takes = TAKES_MIN | TAKES_NO96 | TAKES_PAGE | TAKES_CPUS | TAKES_NOCG,
	  .min = 8,
	  .make = make_slub },
	{ .info = { .name = "slab",
		    .summary = "Linux before 6.8, SLAB: the same from 32 on",
		    .parameters = "min=SIZE, no96, page=SIZE, nocg" },
	  .takes = TAKES_MIN | TAKES_NO96 | TAKES_PAGE | TAKES_NOCG,
	  .min = 32,
	  .make = make_slab },
	{ .info = { .name = "slob",
		    .summary = "Linux before 6.4, SLOB: a heap with a header for each object",
		    .parameters = "header=SIZE, page=SIZE" },
	  .takes = TAKES_HEADER | TAKES_PAGE,
	  .header = 8,
	  .make = make_slob },
	{ .info = { .name = "pow2",
		    .summary = "plain powers of two",
		    .parameters = "min=SIZE, page=SIZE, header=SIZE" },
	  .takes = TAKES_MIN | TAKES_PAGE | TAKES_HEADER,
	  .min = 8,
	  .make = make_pow2 },
	{ .info = { .name = "netbsd-2009",
		    .summary = "NetBSD 2009: multiples of a quantum, and vmem for the rest",
		    .parameters =
			    "quantum=SIZE, mid (caches up to a page), header=SIZE, page=SIZE" },
	  .takes = TAKES_QUANTUM | TAKES_MID | TAKES_HEADER | TAKES_PAGE,
	  .quantum = 16,
	  .make = make_netbsd_2009 },
	{ .info = { .name = "netbsd",
		    .summary = "NetBSD since 2012: a table of sizes up to a page, then pages",
		    .parameters = "header=SIZE, page=SIZE" },
	  .takes = TAKES_HEADER | TAKES_PAGE,
	  .make = make_netbsd },
	{ .info = { .name = "freebsd",
		    .summary = "FreeBSD 13: powers of two from 16 to 64k, and 384, then pages",
		    .parameters = "no384, page=SIZE" },
	  .takes = TAKES_NO384 | TAKES_PAGE,
	  .make = make_freebsd },
	{ .info = { .name = "illumos",
		    .summary = "Solaris and illumos: a table of sizes up to 128k, then pages",
		    .parameters = "page=SIZE" },
	  .takes = TAKES_PAGE,
	  .make = make_illumos },
};

const struct km_model_maker *km_model_makers(size_t *ret_nr)
{
	*ret_nr = sizeof(makers) / sizeof(makers[0]);
	return makers;
}
