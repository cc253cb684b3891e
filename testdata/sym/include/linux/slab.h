/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stands in for the kernel's header of this name. */
#include <linux/types.h>

void *__kmalloc(size_t size, gfp_t flags);

static inline __attribute__((always_inline)) void *kmalloc(size_t size, gfp_t flags)
{
	return __kmalloc(size, flags);
}

static inline __attribute__((always_inline)) void *kzalloc(size_t size, gfp_t flags)
{
	return kmalloc(size, flags | 0x100);
}
