/* SPDX-License-Identifier: GPL-2.0-or-later */
/* __print_flags(REC->gfp_flags, "|", {0xcc0, "GFP_KERNEL"}, ...) of a print format. */
#include "decode/flags.h"

#include <stdlib.h>
#include <string.h>

static bool start(struct km_flag_scan *scan, struct km_span format)
{
	struct km_span print_fmt;

	return km_format_line(format, "print fmt: ", &print_fmt) &&
	       km_flag_scan_start(scan, print_fmt);
}

uint64_t km_flag_mask(struct km_span format, const char *name)
{
	struct km_flag_scan scan;
	struct km_flag_text flag;

	if (!start(&scan, format))
		return 0;
	while (km_flag_scan_next(&scan, &flag))
		if (km_span_is(flag.name, name))
			return flag.mask;
	return 0;
}

void km_flag_names_free(struct km_flag_name *names, size_t nr)
{
	for (size_t i = 0; names && i < nr; i++)
		free((char *)names[i].name);
	free(names);
}

struct km_error *km_flag_names_read(struct km_span format, struct km_flag_name **ret,
				    size_t *ret_nr)
{
	struct km_flag_scan scan;
	struct km_flag_text flag;
	struct km_flag_name *names;
	size_t room = 0, nr = 0;

	*ret = NULL;
	*ret_nr = 0;
	if (!start(&scan, format))
		return NULL;
	while (km_flag_scan_next(&scan, &flag))
		room++;
	names = calloc(room + 1, sizeof(*names));
	if (!names)
		return &km_error_memory;
	start(&scan, format);
	while (km_flag_scan_next(&scan, &flag)) {
		if (!flag.mask)
			continue;
		names[nr] =
			(struct km_flag_name){ flag.mask, strndup(flag.name.at, flag.name.len) };
		if (!names[nr++].name) {
			km_flag_names_free(names, nr);
			return &km_error_memory;
		}
	}
	*ret = names;
	*ret_nr = nr;
	return NULL;
}
