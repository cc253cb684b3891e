/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How an allocation event says that a memory cgroup is charged for it. */
#include "decode/account.h"

#include <string.h>

#include "decode/flags.h"

bool km_format_has_field(struct km_span format, const char *name, uint32_t *ret_size)
{
	struct km_format_field field;
	struct km_span line;
	bool is_good;

	while (km_span_next_line(&format, &line)) {
		if (!km_format_field_line(line, &field, &is_good) || !is_good ||
		    !km_span_is(field.name, name))
			continue;
		if (ret_size)
			*ret_size = field.size;
		return true;
	}
	return false;
}

/*
 * Whether the kernel charges accounted kmallocs at all: with CONFIG_MEMCG_KMEM off the
 * print format reads "(0 && (REC->gfp_flags & ...))" (include/trace/events/kmem.h, v6.1).
 */
static bool print_says_never(struct km_span format)
{
	static const char never[] = "(0 && (REC->gfp_flags";
	struct km_span print_fmt;
	const char *accounted;

	if (!km_format_line(format, "print fmt: ", &print_fmt))
		return false;
	accounted = memmem(print_fmt.at, print_fmt.len, "accounted=", strlen("accounted="));
	return accounted && memmem(accounted, (size_t)(print_fmt.at + print_fmt.len - accounted),
				   never, strlen(never));
}

struct km_account km_format_account(struct km_span format)
{
	struct km_account account = { 0 };
	uint32_t size;

	account.has_field = km_format_has_field(format, "accounted", &size) && size == 1;
	/* kernels renumber flags: the list has the numbers of the traced one */
	if (!account.has_field && !print_says_never(format) &&
	    km_format_has_field(format, "gfp_flags", NULL))
		account.gfp_mask = km_flag_mask(format, "__GFP_ACCOUNT");
	return account;
}
