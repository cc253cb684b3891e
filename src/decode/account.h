/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How an allocation event says that a memory cgroup is charged for it. */
#ifndef KMEMSTAT_DECODE_ACCOUNT_H
#define KMEMSTAT_DECODE_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "decode/format_text.h"

/* All zero: it never says so. */
struct km_account {
	bool has_field;    /* the byte "accounted", not 0 */
	uint64_t gfp_mask; /* else this bit of "gfp_flags" */
};

/* What the text of events/<system>/<event>/format says of that. */
struct km_account km_format_account(struct km_span format);
/* Whether the format has a field of that name; with its size, if that is asked for. */
bool km_format_has_field(struct km_span format, const char *name, uint32_t *ret_size);

#endif
