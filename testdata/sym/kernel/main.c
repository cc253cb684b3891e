/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <linux/slab.h>

struct thing {
	struct thing *next;
	int number;
};

static struct thing *things;

static inline __attribute__((always_inline)) struct thing *thing_new(int number)
{
	struct thing *thing = kzalloc(sizeof(*thing), 1);

	thing->number = number;
	return thing;
}

__attribute__((noinline)) void thing_add(int number)
{
	struct thing *thing = thing_new(number);

	thing->next = things;
	things = thing;
}

__attribute__((noinline)) int thing_count(void)
{
	int nr = 0;

	for (struct thing *thing = things; thing; thing = thing->next)
		nr += thing->number > 0;
	return nr;
}

static __attribute__((noinline)) void helper_one(int number)
{
	thing_add(number + 1);
	__asm__ volatile("");
}

static __attribute__((noinline)) void helper_two(int number)
{
	helper_one(number * 2);
	__asm__ volatile("");
}

void start_kernel(void)
{
	helper_two(thing_count());
	for (;;)
		;
}
