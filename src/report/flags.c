/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of gfp flags and migrate types. */
#include "report/flags.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memstream.h"

/*
 * As trace_print_flags_seq() (kernel/trace/trace_output.c, v6.12): every name whose bits are all
 * there takes them away; names of several come first in the list. What is left is printed in hex.
 */
static void print_flags(FILE *stream, uint64_t flags, const struct km_flag_name *names,
			size_t nr_names)
{
	const char *bar = "";

	for (size_t i = 0; i < nr_names && flags; i++) {
		if ((flags & names[i].mask) != names[i].mask)
			continue;
		fprintf(stream, "%s%s", bar, names[i].name);
		bar = "|";
		flags &= ~names[i].mask;
	}
	if (flags)
		fprintf(stream, "%s0x%" PRIx64, bar, flags);
}

char *km_flags_text(struct km_strings *strings, uint64_t flags, const struct km_flag_name *names,
		    size_t nr_names)
{
	char *text = NULL, *safe;
	size_t size = 0;
	FILE *stream;

	if (!flags)
		return km_strings_printf(strings, "none");
	stream = open_memstream(&text, &size);
	if (!stream)
		return NULL;
	print_flags(stream, flags, names, nr_names);
	safe = km_memstream_close(stream, &text) ? km_strings_safe(strings, text) : NULL;
	free(text);
	return safe;
}

const char *km_migratetype_text(struct km_strings *strings, const char *release,
				uint8_t migratetype)
{
	/*
	 * include/linux/mmzone.h: enum migratetype before and since v4.4, which brought HIGHATOMIC
	 * for RESERVE; the names are those of migratetype_names[] (mm/show_mem.c). What follows
	 * depends on the configuration (CMA, isolation), and is never asked for.
	 */
	static const char *const names[2][4] = {
		{ "Unmovable", "Reclaimable", "Movable", "Reserve" },
		{ "Unmovable", "Movable", "Reclaimable", "HighAtomic" },
	};
	unsigned int major, minor;

	/* 0 has always been the same */
	if (migratetype == 0)
		return names[0][0];
	if (migratetype < 4 && release && sscanf(release, "%u.%u", &major, &minor) == 2)
		return names[major > 4 || (major == 4 && minor >= 4)][migratetype];
	return km_strings_printf(strings, "%u", migratetype);
}
