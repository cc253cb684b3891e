/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of a stream that open_memstream() made. */
#ifndef KMEMSTAT_BASE_MEMSTREAM_H
#define KMEMSTAT_BASE_MEMSTREAM_H

#include <stdbool.h>
#include <stdio.h>

/*
 * Closes it. True if *text is all that was written; false if memory ran out: then *text is freed
 * and NULL. (fclose() alone tells of neither: glibc 2.36 returns 0 with *text NULL, or with a part
 * of the text.)
 */
bool km_memstream_close(FILE *stream, char **text);

#endif
