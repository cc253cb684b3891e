/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A copy of /proc/slabinfo. */
#include "fuzz.h"
#include "kmemstat/slabinfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct km_slabinfo slabinfo = { 0 };
	struct km_error *error =
		km_slabinfo_parse("slabinfo", fuzz_text(data, size), size, &slabinfo);

	/* each name is there once, and found */
	for (size_t i = 0; !error && i < slabinfo.nr; i++)
		if (km_slabinfo_find(&slabinfo, slabinfo.caches[i].name) != &slabinfo.caches[i])
			__builtin_trap();
	if (!error)
		km_slabinfo_deinit(&slabinfo);
	fuzz_error(error);
	return 0;
}
