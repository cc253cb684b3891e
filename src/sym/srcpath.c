/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How kernels are built decides what their DWARF calls a file:
 *   in the tree            /home/me/linux/mm/slub.c
 *   with O=                ../mm/slub.c, from /home/me/linux/build
 *   with -ffile-prefix-map ./mm/slub.c, or debian/build/build_amd64_none_amd64/mm/slub.c
 * The tree's root is told by include/linux/, from which every kernel file includes something.
 */
#include "sym/srcpath.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *km_srcpath_normalize(const char *path)
{
	char *out = malloc(strlen(path) + 2);
	size_t len = 0, floor = 0; /* floor: leading "/" or "../", which ".." cannot take back */

	if (!out)
		return NULL;
	if (*path == '/')
		out[len++] = '/';
	floor = len;
	while (*path) {
		size_t part = strcspn(path, "/");

		if (part == 2 && path[0] == '.' && path[1] == '.') {
			if (len > floor) {
				len--; /* the slash */
				while (len > floor && out[len - 1] != '/')
					len--;
			} else if (!floor || out[0] != '/') {
				memcpy(out + len, "../", 3);
				len += 3;
				floor = len;
			}
		} else if (part && !(part == 1 && path[0] == '.')) {
			memcpy(out + len, path, part);
			len += part;
			out[len++] = '/';
		}
		path += part + (path[part] == '/');
	}
	if (len > 1)
		len--;
	out[len] = 0;
	return out;
}

char *km_srcpath_join(const char *comp_dir, const char *path)
{
	char *joined, *normal;

	if (!comp_dir || !*comp_dir || *path == '/' || km_srcpath_below(path, comp_dir))
		return km_srcpath_normalize(path);
	if (asprintf(&joined, "%s/%s", comp_dir, path) < 0)
		return NULL;
	normal = km_srcpath_normalize(joined);
	free(joined);
	return normal;
}

long km_srcpath_root_len(const char *path)
{
	static const char *const dirs[] = { "include/linux/", "include/uapi/linux/",
					    "include/asm-generic/", "include/uapi/asm-generic/" };
	long best = -1;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		const char *at = strstr(path, dirs[i]);
		bool is_start = at && (at == path || at[-1] == '/');

		/* tools/include/ has headers of these names too */
		if (!is_start || (at - path >= 6 && !strncmp(at - 6, "tools/", 6)))
			continue;
		long len = at == path ? 0 : (long)(at - path) - 1;

		if (best < 0 || len < best)
			best = len;
	}
	return best;
}

const char *km_srcpath_below(const char *path, const char *root)
{
	size_t len = strlen(root);

	if (!len || strncmp(path, root, len))
		return NULL;
	if (root[len - 1] == '/')
		return path + len;
	return path[len] == '/' ? path + len + 1 : NULL;
}
