/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The target that trace.dat, perf.data and text have in common: the whole program on a trace. */
#ifndef KMEMSTAT_TESTS_FUZZ_WHOLE_H
#define KMEMSTAT_TESTS_FUZZ_WHOLE_H

#include <stddef.h>
#include <stdint.h>

void fuzz_whole(const uint8_t *data, size_t size);

#endif
