/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of functions that stay the same over builds. */
#include "base/stable.h"

#include <string.h>

size_t km_stable_name_len(const char *name)
{
	static const char *const suffixes[] = { ".isra.", ".constprop.", ".part.", ".cold",
						".llvm." };

	for (const char *dot = strchr(name + (*name == '.'), '.'); dot; dot = strchr(dot + 1, '.'))
		for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
			if (strncmp(dot, suffixes[i], strlen(suffixes[i])) == 0)
				return (size_t)(dot - name);
	return strlen(name);
}
