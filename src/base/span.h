/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A piece of a text that somebody else keeps. */
#ifndef KMEMSTAT_BASE_SPAN_H
#define KMEMSTAT_BASE_SPAN_H

#include <stddef.h>

/* Not terminated. */
struct km_span {
	const char *at;
	size_t len;
};

#endif
