/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where kernel debug files are found:
 *   Debian   /usr/lib/debug/boot/vmlinux-RELEASE, /usr/lib/debug/lib/modules/RELEASE/kernel/...
 *            (with merged /usr: /usr/lib/debug/usr/lib/modules/RELEASE)
 *   Fedora   /usr/lib/debug/lib/modules/RELEASE/vmlinux, .../MODULE.ko.debug
 *   a build  TREE/vmlinux, TREE/net/mac80211/mac80211.ko
 *   by id    /usr/lib/debug/.build-id/AB/CDEF....debug, if the trace tells build ids
 * and in directories of the user's, which may be any of these, a copy of such a root, or flat.
 */
#include "sym/search.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Bounds of a walk: a kernel tree has about 100,000 files, a distribution's modules 5,000. */
#define WALK_DEPTH_MAX 24
#define WALK_FILES_MAX 1000000

static const char *const packers[] = { "", ".zst", ".xz", ".gz" };

struct km_search {
	char **dirs; /* the user's */
	size_t nr_dirs;
	char *release;
	char *build_ids; /* lines "NAME HEX", or NULL */
	bool search_system;
	bool has_walked;
	char *cut; /* a directory with too many files, or NULL */
	struct km_error
		*trouble;        /* a directory that could not be searched, not told yet; or NULL */
	struct km_paths modules; /* every *.ko of the directories, in order of preference */
};

void km_paths_deinit(struct km_paths *paths)
{
	for (size_t i = 0; i < paths->nr; i++)
		free(paths->paths[i]);
	free(paths->paths);
	*paths = (struct km_paths){ 0 };
}

/* Adds a malloc'ed path (NULL: no memory), takes it over. */
static struct km_error *add(struct km_paths *paths, char *path)
{
	char **grown;

	if (!path)
		return &km_error_memory;
	if (!(paths->nr & (paths->nr + 1))) { /* 0, 1, 3, 7, ...: full */
		grown = realloc(paths->paths, (paths->nr * 2 + 1) * sizeof(*grown));
		if (!grown) {
			free(path);
			return &km_error_memory;
		}
		paths->paths = grown;
	}
	paths->paths[paths->nr++] = path;
	return NULL;
}

static char *join(const char *dir, const char *format, const char *release, const char *packer)
{
	char *name, *path;

	if (asprintf(&name, format, release) < 0)
		return NULL;
	if (asprintf(&path, "%s/%s%s", dir, name, packer) < 0)
		path = NULL;
	free(name);
	return path;
}

/* Adds dir/name, packed or not, if there is such a file. */
static struct km_error *add_if_there(struct km_paths *paths, const char *dir, const char *format,
				     const char *release)
{
	for (size_t i = 0; i < sizeof(packers) / sizeof(packers[0]); i++) {
		char *path = join(dir, format, release, packers[i]);
		struct km_error *error;
		struct stat st;

		if (path && (stat(path, &st) || !S_ISREG(st.st_mode))) {
			free(path);
			continue;
		}
		error = add(paths, path);
		if (error)
			return error;
	}
	return NULL;
}

struct km_error *km_search_create(const struct km_resolver_options *options, struct km_search **ret)
{
	struct km_search *search = calloc(1, sizeof(*search));
	struct km_error *error = NULL;
	struct stat st;

	if (!search)
		return &km_error_memory;
	search->search_system = options->search_system;
	search->dirs = calloc(options->nr_debug_dirs + 1, sizeof(*search->dirs));
	if (options->kernel_release && *options->kernel_release &&
	    !strchr(options->kernel_release, '/')) /* it comes out of the trace */
		search->release = strdup(options->kernel_release);
	if (options->build_ids)
		search->build_ids = strdup(options->build_ids);
	for (size_t i = 0; search->dirs && i < options->nr_debug_dirs && !error; i++) {
		const char *dir = options->debug_dirs[i];

		search->dirs[i] = strdup(dir);
		search->nr_dirs += search->dirs[i] != NULL;
		if (!search->dirs[i])
			error = &km_error_memory;
		else if (stat(dir, &st))
			error = km_error_os(KM_ERR_INPUT, dir, errno,
					    "cannot open debug directory");
		else if (!S_ISDIR(st.st_mode))
			error = km_error_advise(
				km_error_create(KM_ERR_INPUT, dir, "not a directory"),
				"name the directory that holds the debug files");
	}
	if (!search->dirs || (options->build_ids && !search->build_ids))
		error = &km_error_memory;
	if (error)
		km_search_destroy(search);
	else
		*ret = search;
	return error;
}

void km_search_destroy(struct km_search *search)
{
	if (!search)
		return;
	for (size_t i = 0; i < search->nr_dirs; i++)
		free(search->dirs[i]);
	free(search->dirs);
	free(search->release);
	free(search->build_ids);
	free(search->cut);
	km_error_free(search->trouble);
	km_paths_deinit(&search->modules);
	free(search);
}

/* The build id of `name` ("vmlinux", a module), as its file is called: "ab/cdef". */
static char *find_build_id(const struct km_search *search, const char *name)
{
	const size_t len = strlen(name);
	const char *line = search->build_ids;
	size_t digits;
	char *id;

	while (line && (strncmp(line, name, len) != 0 || line[len] != ' ')) {
		line = strchr(line, '\n');
		line += line != NULL;
	}
	if (!line)
		return NULL;
	line += len + 1;
	digits = strspn(line, "0123456789abcdef"); /* it comes out of the trace */
	if (digits < 3 || digits > 64 ||
	    asprintf(&id, "%.2s/%.*s", line, (int)digits - 2, line + 2) < 0)
		return NULL;
	return id;
}

/* The file of that build id; it is the right one. */
static struct km_error *add_by_build_id(const struct km_search *search, const char *name,
					struct km_paths *ret)
{
	static const char *const in_dirs[] = { ".build-id/%s.debug",
					       "usr/lib/debug/.build-id/%s.debug" };
	char *id = find_build_id(search, name);
	struct km_error *error = NULL;

	if (!id)
		return NULL;
	for (size_t d = 0; d < search->nr_dirs; d++)
		for (size_t i = 0; i < sizeof(in_dirs) / sizeof(in_dirs[0]) && !error; i++)
			error = add_if_there(ret, search->dirs[d], in_dirs[i], id);
	if (!error && search->search_system)
		error = add_if_there(ret, "/usr/lib/debug", in_dirs[0], id);
	free(id);
	return error;
}

struct km_error *km_search_kernel(const struct km_search *search, struct km_paths *ret)
{
	static const char *const in_dirs[] = {
		"vmlinux",
		"vmlinux.debug",
		"vmlinux-%s",
		"vmlinux-%s.debug",
		"boot/vmlinux-%s",
		"boot/vmlinux-%s.debug",
		"lib/modules/%s/vmlinux",
		"lib/modules/%s/vmlinux.debug",
		"usr/lib/modules/%s/vmlinux",
		"usr/lib/debug/boot/vmlinux-%s",
		"usr/lib/debug/lib/modules/%s/vmlinux",
		"usr/lib/debug/usr/lib/modules/%s/vmlinux",
	};
	static const char *const in_system[] = {
		"/usr/lib/debug/boot/vmlinux-%s",
		"/usr/lib/debug/boot/vmlinux-%s.debug",
		"/usr/lib/debug/lib/modules/%s/vmlinux",
		"/usr/lib/debug/lib/modules/%s/vmlinux.debug",
		"/usr/lib/debug/usr/lib/modules/%s/vmlinux",
		"/lib/modules/%s/build/vmlinux",
		"/lib/modules/%s/vmlinux",
		"/boot/vmlinux-%s",
	};
	struct km_error *error = add_by_build_id(search, "vmlinux", ret);

	for (size_t d = 0; d < search->nr_dirs; d++)
		for (size_t i = 0; i < sizeof(in_dirs) / sizeof(in_dirs[0]) && !error; i++)
			if (search->release || !strchr(in_dirs[i], '%'))
				error = add_if_there(ret, search->dirs[d], in_dirs[i],
						     search->release);
	if (search->search_system && search->release)
		for (size_t i = 0; i < sizeof(in_system) / sizeof(in_system[0]) && !error; i++)
			error = add_if_there(ret, "", in_system[i] + 1, search->release);
	return error;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The length of a module's name in "NAME.ko", "NAME.ko.debug", "NAME.ko.xz"; else 0. */
static size_t module_name_len(const char *file)
{
	const char *ko = strstr(file, ".ko");
	const char *rest;

	if (!ko)
		return 0;
	rest = ko + 3;
	if (!strncmp(rest, ".debug", 6))
		rest += 6;
	for (size_t i = 0; i < sizeof(packers) / sizeof(packers[0]); i++)
		if (!strcmp(rest, packers[i]))
			return (size_t)(ko - file);
	return 0;
}

static bool is_module_named(const char *path, const char *module)
{
	const char *file = base_name(path);
	size_t len = module_name_len(file);

	if (strlen(module) != len)
		return false;
	for (size_t i = 0; i < len; i++) {
		char a = file[i] == '-' ? '_' : file[i];
		char b = module[i] == '-' ? '_' : module[i];

		if (a != b)
			return false;
	}
	return true;
}

/* What a walk has come by so far. */
struct walk {
	struct km_search *search;
	size_t nr_files;
};

static struct km_error *walk_directory(struct walk *walk, const char *dir, unsigned int depth);

static bool is_directory(const char *path, const struct dirent *entry)
{
	struct stat status;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	return lstat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static struct km_error *walk_entry(struct walk *walk, const char *dir, const struct dirent *entry,
				   unsigned int depth)
{
	struct km_error *error = NULL;
	char *path;

	if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
		return NULL;
	walk->nr_files++;
	if (asprintf(&path, "%s%s%s", dir, dir[0] && dir[strlen(dir) - 1] == '/' ? "" : "/",
		     entry->d_name) < 0)
		return &km_error_memory;
	if (is_directory(path, entry))
		error = depth < WALK_DEPTH_MAX ? walk_directory(walk, path, depth + 1) : NULL;
	else if (module_name_len(entry->d_name))
		return add(&walk->search->modules, path);
	free(path);
	return error;
}

/* Keeps what kept a directory from being searched, to be told; the first is enough. */
static void note_trouble(struct km_search *search, const char *dir, int err)
{
	if (!search->trouble)
		search->trouble =
			km_error_os(KM_ERR_INPUT, dir, err, "cannot search the directory");
}

/* All modules below `dir`; one that is not there holds none. */
static struct km_error *walk_directory(struct walk *walk, const char *dir, unsigned int depth)
{
	struct km_error *error = NULL;
	const struct dirent *entry;
	DIR *stream = opendir(dir);

	if (!stream && errno == ENOMEM)
		return &km_error_memory;
	if (!stream && errno != ENOENT && errno != ENOTDIR)
		note_trouble(walk->search, dir, errno);
	if (!stream)
		return NULL;
	while (!error && walk->nr_files < WALK_FILES_MAX) {
		errno = 0;
		entry = readdir(stream);
		if (!entry && errno)
			note_trouble(walk->search, dir, errno);
		if (!entry)
			break;
		error = walk_entry(walk, dir, entry, depth);
	}
	closedir(stream);
	return error;
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Walks `dir` and sorts what it found, for an order that does not depend on the disk's. */
static struct km_error *walk_sorted(struct km_search *search, const char *dir)
{
	size_t first = search->modules.nr;
	struct walk walk = { .search = search };
	struct km_error *error = walk_directory(&walk, dir, 0);

	if (!error && walk.nr_files >= WALK_FILES_MAX && !search->cut &&
	    !(search->cut = strdup(dir)))
		error = &km_error_memory;

	if (search->modules.nr > first)
		qsort(search->modules.paths + first, search->modules.nr - first, sizeof(char *),
		      compare_paths);
	return error;
}

static struct km_error *walk_all(struct km_search *search)
{
	static const char *const in_system[] = {
		"/usr/lib/debug/lib/modules/%s",
		"/usr/lib/debug/usr/lib/modules/%s",
		"/lib/modules/%s",
	};
	struct km_error *error = NULL;

	for (size_t i = 0; i < search->nr_dirs && !error; i++)
		error = walk_sorted(search, search->dirs[i]);
	if (!search->search_system || !search->release)
		return error;
	for (size_t i = 0; i < sizeof(in_system) / sizeof(in_system[0]) && !error; i++) {
		char *dir = join("", in_system[i] + 1, search->release, "");

		error = dir ? walk_sorted(search, dir) : &km_error_memory;
		free(dir);
	}
	return error;
}

/* Adds the modules of that name whose path says `release`, or those whose path does not. */
static struct km_error *add_modules(const struct km_search *search, const char *module,
				    bool of_release, struct km_paths *ret)
{
	struct km_error *error = NULL;

	for (size_t i = 0; i < search->modules.nr && !error; i++) {
		const char *path = search->modules.paths[i];
		bool is_of = search->release && strstr(path, search->release);

		if (is_of == of_release && is_module_named(path, module))
			error = add(ret, strdup(path));
	}
	return error;
}

struct km_error *km_search_module(struct km_search *search, const char *module,
				  struct km_paths *ret)
{
	struct km_error *error = add_by_build_id(search, module, ret);

	if (!error && !search->has_walked) {
		error = walk_all(search);
		search->has_walked = !error;
	}
	if (!error)
		error = add_modules(search, module, true, ret);
	return error ? error : add_modules(search, module, false, ret);
}

bool km_search_is_users(const struct km_search *search, const char *path)
{
	for (size_t i = 0; i < search->nr_dirs; i++)
		if (!strncmp(path, search->dirs[i], strlen(search->dirs[i])))
			return true;
	return false;
}

struct km_error *km_search_take_trouble(struct km_search *search)
{
	struct km_error *trouble = search->trouble;

	search->trouble = NULL;
	return trouble;
}

const char *km_search_cut(const struct km_search *search)
{
	return search->cut;
}
