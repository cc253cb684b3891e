/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The slabs that objects lie in.
 *
 * SLUB: calculate_order(), calc_slab_order() (mm/slub.c, v6.1). A slab shall hold at least
 * 4 * (fls(CPUs) + 1) objects, if an order of at most 3 can (slub_max_order is
 * PAGE_ALLOC_COSTLY_ORDER), and leave at most a sixteenth, else an eighth, else a quarter of it
 * over; fewer objects are tried if no order does. Last comes the order that holds one object. A
 * slab has at most 32767 objects (MAX_OBJS_PER_PAGE, mm/slab.h).
 *
 * SLAB: calculate_slab_order(), cache_estimate() (mm/slab.c, v6.1). The first order that leaves at
 * most an eighth over, at most 1 (SLAB_MAX_ORDER_HI, machines of over 32 MiB), or more where an
 * object needs it. The list of free objects, a byte for each (two where pages are over 4 KiB:
 * FREELIST_BYTE_INDEX), lies in a free object if that holds it, else it takes room of its own.
 * Objects have at least 16 bytes (SLAB_OBJ_MIN_SIZE).
 *
 * Solaris: kmem_cache_create() (usr/src/uts/common/os/kmem.c, illumos). Objects of less than an
 * eighth of a page (KMEM_VOID_FRACTION) have slabs of a page, at whose end is a header; others of
 * as many pages as leave least over for each of up to 8 objects.
 *
 * The others: as many whole objects as fit into a page, or the pages that one takes
 * (sys/kern/subr_pool.c, NetBSD; sys/vm/uma_core.c, FreeBSD). Their headers are left out.
 */
#include "model/model.h"

enum {
	SLUB_MAX_ORDER = 3,
	SLUB_MOST_OBJECTS = 32767,
	SLAB_MAX_ORDER = 1,
	SLAB_LEAST_BYTES = 16,
	SLAB_BYTE_PAGE = 4096,
	LAST_ORDER = 10, /* MAX_ORDER - 1 */
	SOLARIS_FRACTION = 8,
	SOLARIS_HEADER = 72, /* kmem_slab_t of 64-bit machines (sys/kmem_impl.h) */
};

static unsigned int order_of(uint64_t bytes, uint32_t page)
{
	unsigned int order = 0;

	while (((uint64_t)page << order) < bytes)
		order++;
	return order;
}

static unsigned int highest_bit(uint32_t number)
{
	return number ? 32 - (unsigned int)__builtin_clz(number) : 0;
}

/* The least order for at least `objects` that leaves at most a `fraction`th over. */
static unsigned int slub_order(uint64_t bytes, uint64_t objects, uint64_t fraction,
			       unsigned int last, uint32_t page)
{
	unsigned int order;

	/* the kernel would take an order less than one that holds them, if there was one */
	if (page / bytes > SLUB_MOST_OBJECTS)
		return 0;
	for (order = order_of(objects * bytes, page); order <= last; order++) {
		const uint64_t slab = (uint64_t)page << order;

		if (slab % bytes <= slab / fraction)
			break;
	}
	return order;
}

static struct km_model_slab slub_slab(const struct km_model *model, uint64_t bytes)
{
	const uint32_t page = model->page_size;
	const uint64_t most = ((uint64_t)page << SLUB_MAX_ORDER) / bytes;
	uint64_t objects = 4 * (highest_bit(model->nr_cpus) + 1);
	unsigned int order = LAST_ORDER + 1;

	if (bytes > (uint64_t)page << LAST_ORDER)
		return (struct km_model_slab){ 0 };
	if (objects > most)
		objects = most;
	for (; objects > 1 && order > SLUB_MAX_ORDER; objects--)
		for (uint64_t fraction = 16; fraction >= 4 && order > SLUB_MAX_ORDER; fraction /= 2)
			order = slub_order(bytes, objects, fraction, SLUB_MAX_ORDER, page);
	if (order > SLUB_MAX_ORDER)
		order = slub_order(bytes, 1, 1, LAST_ORDER, page);
	objects = ((uint64_t)page << order) / bytes;
	if (objects > SLUB_MOST_OBJECTS)
		objects = SLUB_MOST_OBJECTS;
	return (struct km_model_slab){ .objects = (uint32_t)objects, .pages = 1ULL << order };
}

static struct km_model_slab slab_slab(const struct km_model *model, uint64_t bytes)
{
	const uint64_t index = model->page_size > SLAB_BYTE_PAGE ? 2 : 1;
	const uint64_t most = (1ULL << 8 * index) - 1; /* SLAB_OBJ_MAX_NUM */
	struct km_model_slab ret = { 0 };

	if (bytes < SLAB_LEAST_BYTES)
		bytes = SLAB_LEAST_BYTES;
	for (unsigned int order = 0; order <= LAST_ORDER; order++) {
		const uint64_t slab = (uint64_t)model->page_size << order;
		uint64_t nr = slab / bytes;

		if (!nr)
			continue;
		if (nr * index > bytes)
			nr = slab / (bytes + index);
		if (nr > most)
			break;
		ret = (struct km_model_slab){ .objects = (uint32_t)nr, .pages = 1ULL << order };
		if (order >= SLAB_MAX_ORDER || (slab - nr * bytes) * 8 <= slab)
			break;
	}
	return ret;
}

static struct km_model_slab fit_slab(const struct km_model *model, uint64_t bytes)
{
	const uint64_t page = model->page_size;
	struct km_model_slab ret = { 0 };
	uint64_t least = UINT64_MAX;

	if (bytes < page / SOLARIS_FRACTION)
		return (struct km_model_slab){ .objects =
						       (uint32_t)((page - SOLARIS_HEADER) / bytes),
					       .pages = 1 };
	for (uint64_t nr = 1; nr <= SOLARIS_FRACTION; nr++) {
		const uint64_t slab = (nr * bytes + page - 1) / page * page;
		uint64_t waste;

		nr = slab / bytes;
		waste = slab % bytes / nr;
		if (waste < least) {
			least = waste;
			ret = (struct km_model_slab){ .objects = (uint32_t)nr,
						      .pages = slab / page };
		}
	}
	return ret;
}

struct km_model_slab km_model_slab(const struct km_model *model, uint64_t object_bytes)
{
	const uint64_t page = model->page_size;
	/* sizes are 32-bit in events; behind that are whole pages in any case */
	const uint64_t bytes = object_bytes ? object_bytes : 1;

	if (bytes > UINT32_MAX)
		return (struct km_model_slab){ 0 };
	switch (model->slabs) {
	case KM_SLABS_SLUB:
		return slub_slab(model, bytes);
	case KM_SLABS_SLAB:
		return slab_slab(model, bytes);
	case KM_SLABS_FIT:
		return fit_slab(model, bytes);
	case KM_SLABS_PAGES:
		return (struct km_model_slab){
			.objects = bytes <= page ? (uint32_t)(page / bytes) : 1,
			.pages = (bytes + page - 1) / page,
		};
	case KM_SLABS_NONE:
		break;
	}
	return (struct km_model_slab){ 0 };
}
