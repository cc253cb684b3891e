/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <linux/slab.h>

static char pool[4096];
static size_t used;

__attribute__((noinline)) void *__kmalloc(size_t size, gfp_t flags)
{
	used += size + (flags & 1);
	return pool + used % sizeof(pool);
}
