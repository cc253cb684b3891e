/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of functions that stay the same over builds. */
#include "base/stable.h"

#include <stdbool.h>
#include <string.h>

/* Whether the name goes on with a suffix of compilers at this dot. */
static bool is_suffix(const char *dot)
{
	static const char *const suffixes[] = { "isra", "constprop", "part",   "cold", "lto_priv",
						"llvm", "__uniq",    "cfi_jt", "cfi" };
	size_t len = strcspn(dot + 1, ".");

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if (strlen(suffixes[i]) == len && memcmp(suffixes[i], dot + 1, len) == 0)
			return true;
	return false;
}

size_t km_stable_name_len(const char *name)
{
	static const char noprof[] = "_noprof";
	const size_t noprof_len = sizeof(noprof) - 1;
	const char *dot = *name ? strchr(name + 1, '.') : NULL;
	size_t len;

	while (dot && !is_suffix(dot))
		dot = strchr(dot + 1, '.');
	len = dot ? (size_t)(dot - name) : strlen(name);
	if (len > noprof_len && memcmp(name + len - noprof_len, noprof, noprof_len) == 0)
		len -= noprof_len;
	return len;
}
