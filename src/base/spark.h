/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Charts of characters: sparklines of one row, and bars. */
#ifndef KMEMSTAT_BASE_SPARK_H
#define KMEMSTAT_BASE_SPARK_H

#include <stdbool.h>
#include <stdint.h>

/* Eighths of a cell of a line of text that is `value` of `most`, from 0 to 8; 0 for 0 only. */
unsigned int km_spark_eighths(uint64_t value, uint64_t most);
/* The character of a sparkline of one row. */
const char *km_spark_cell(unsigned int eighths, bool use_blocks);
/* The character of a bar that goes over several rows. */
const char *km_spark_bar(unsigned int eighths, bool use_blocks);

#endif
