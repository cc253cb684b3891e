/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Charts of characters. */
#include "base/spark.h"

unsigned int km_spark_eighths(uint64_t value, uint64_t most)
{
	unsigned int eighths;

	if (!value || !most)
		return 0;
	if (value >= most)
		return 8;
	eighths = (unsigned int)(8.0 * (double)value / (double)most + 0.5);
	return eighths ? eighths : 1;
}

const char *km_spark_cell(unsigned int eighths, bool use_blocks)
{
	static const char *const ascii[] = { " ", ".", ":", "-", "=", "+", "*", "#", "@" };

	return use_blocks ? km_spark_bar(eighths, true) : ascii[eighths];
}

const char *km_spark_bar(unsigned int eighths, bool use_blocks)
{
	/* U+2581 to U+2588, lower one eighth block to full block */
	static const char *const blocks[] = {
		" ",
		"\xe2\x96\x81",
		"\xe2\x96\x82",
		"\xe2\x96\x83",
		"\xe2\x96\x84",
		"\xe2\x96\x85",
		"\xe2\x96\x86",
		"\xe2\x96\x87",
		"\xe2\x96\x88",
	};
	static const char *const ascii[] = { " ", ".", ".", ".", ":", ":", ":", "#", "#" };

	return use_blocks ? blocks[eighths] : ascii[eighths];
}
