/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the traced kernel calls its flags and migrate types. */
#ifndef KMEMSTAT_REPORT_FLAGS_H
#define KMEMSTAT_REPORT_FLAGS_H

#include "report/build.h"

/*
 * "GFP_KERNEL|__GFP_ZERO|0x8000000": as the kernel prints them, "none" for 0. Kept in `strings`;
 * NULL without memory.
 */
char *km_flags_text(struct km_strings *strings, uint64_t flags, const struct km_flag_name *names,
		    size_t nr_names);
/*
 * "Unmovable", "Movable", "Reclaimable", ...: by the order that the kernel of that release (or
 * NULL) has them in. The number where that does not tell. Kept in `strings`; NULL without memory.
 */
const char *km_migratetype_text(struct km_strings *strings, const char *release,
				uint8_t migratetype);

#endif
