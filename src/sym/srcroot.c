/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a file of the build is in a checkout, which may be another one, of more than the kernel, or
 * of a module alone:
 *
 *   built as                               checkout            named
 *   /home/me/repo/linux/mm/slub.c          /home/me/repo       linux/mm/slub.c   it lies below
 *   /builds/repo/linux/mm/slub.c           /home/me/repo       linux/mm/slub.c   the longest end of
 *   /builds/module/src/main.c              /home/me/module     src/main.c        it that is a file
 *   /builds/linux/mm/slub.c                /home/me/module     mm/slub.c         as without a root
 *
 * Of a file that is known to be the kernel's, no less than its name in the kernel tree is looked
 * for: some mm/slub.c is another than any slub.c.
 */
#include "sym/srcroot.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sym/srcpath.h"

/* What was found for a file: thousands of call sites are in a few hundred files. */
struct known {
	const char *built, *tidy; /* of the arena */
	const char *file;
};

struct km_srcroot {
	char *dir;   /* as given, normalized */
	char *real;  /* links followed */
	void *known; /* tsearch() */
};

struct km_error *km_srcroot_create(const char *dir, struct km_srcroot **ret)
{
	struct km_srcroot *root;
	struct stat st;

	if (stat(dir, &st) < 0)
		return km_error_os(KM_ERR_INPUT, dir, errno, "cannot be a source root");
	if (!S_ISDIR(st.st_mode))
		return km_error_os(KM_ERR_INPUT, dir, ENOTDIR, "cannot be a source root");
	root = calloc(1, sizeof(*root));
	if (!root)
		return &km_error_memory;
	root->dir = km_srcpath_normalize(dir);
	root->real = realpath(dir, NULL);
	if (!root->dir || !root->real) {
		km_srcroot_destroy(root);
		return &km_error_memory;
	}
	*ret = root;
	return NULL;
}

/* What is known is the arena's. */
static void forget(void *known)
{
	(void)known;
}

void km_srcroot_destroy(struct km_srcroot *root)
{
	if (!root)
		return;
	free(root->dir);
	free(root->real);
	tdestroy(root->known, forget);
	free(root);
}

static bool is_file(const struct km_srcroot *root, const char *name)
{
	char path[4096];
	struct stat st;
	int len = snprintf(path, sizeof(path), "%s/%s", root->real, name);

	return len > 0 && (size_t)len < sizeof(path) && stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* The longest end of `built` that is a file below the root, of at least `min` bytes; or NULL. */
static const char *find_end(const struct km_srcroot *root, const char *built, size_t min)
{
	const char *end = built;

	while (end) {
		if (*end && *end != '/' && strncmp(end, "../", 3) != 0 && strlen(end) >= min &&
		    is_file(root, end))
			return end;
		end = strchr(end, '/');
		end = end ? end + 1 : NULL;
	}
	return NULL;
}

static const char *find(const struct km_srcroot *root, const char *built, const char *tidy)
{
	const bool is_known = *tidy != '/' && strncmp(tidy, "../", 3) != 0;
	const char *file = NULL;

	if (*built == '/') {
		file = km_srcpath_below(built, root->real);
		if (!file && *root->dir == '/')
			file = km_srcpath_below(built, root->dir);
	}
	if (!file)
		file = find_end(root, built, is_known ? strlen(tidy) : 0);
	return file ? file : tidy;
}

static int compare_known(const void *a, const void *b)
{
	const struct known *x = a, *y = b;
	int order = strcmp(x->built, y->built);

	return order ? order : strcmp(x->tidy, y->tidy);
}

const char *km_srcroot_find(struct km_srcroot *root, const char *built, const char *tidy,
			    struct km_arena *arena)
{
	struct known key = { .built = built, .tidy = tidy }, *known;
	void *node = tfind(&key, &root->known, compare_known);

	if (node)
		return (*(struct known **)node)->file;
	known = km_arena_alloc(arena, sizeof(*known));
	if (!known)
		return NULL;
	known->built = km_arena_strdup(arena, built);
	known->tidy = known->built ? known->built + (strlen(built) - strlen(tidy)) : NULL;
	known->file = km_arena_strdup(arena, find(root, built, tidy));
	if (!known->built || !known->file || !tsearch(known, &root->known, compare_known))
		return NULL;
	return known->file;
}

const char *km_srcroot_dir(const struct km_srcroot *root)
{
	return root->real;
}
