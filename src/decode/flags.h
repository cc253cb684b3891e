/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The flags that an event's print format names: the numbers are those of the traced kernel. */
#ifndef KMEMSTAT_DECODE_FLAGS_H
#define KMEMSTAT_DECODE_FLAGS_H

#include <stddef.h>

#include "decode/format_text.h"
#include "kmemstat/error.h"
#include "kmemstat/source.h"

/*
 * The names in the first flag list of a format's print format, in its order; none if it has no
 * such list. km_flag_names_free() frees them. Errors: KM_ERR_MEMORY.
 */
KM_MUST_CHECK struct km_error *km_flag_names_read(struct km_span format, struct km_flag_name **ret,
						  size_t *ret_nr);
/* The mask of one of them; 0 if there is no such flag. */
uint64_t km_flag_mask(struct km_span format, const char *name);
void km_flag_names_free(struct km_flag_name *names, size_t nr);

#endif
