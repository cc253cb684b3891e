/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames as they are shown: file names relative to the kernel tree, allocator wrappers taken off.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sym/srcpath.h"
#include "sym/srcroot.h"
#include "sym/wrappers.h"

static void assert_path(const char *path, const char *root, const char *want)
{
	char *normal = km_srcpath_normalize(path);
	const char *below;

	assert_non_null(normal);
	below = root ? km_srcpath_below(normal, root) : NULL;
	assert_string_equal(below ? below : normal, want);
	free(normal);
}

static void test_paths(void **state)
{
	assert_path("/build/linux-6.1/mm/slub.c", "/build/linux-6.1", "mm/slub.c");
	assert_path("/build/linux-6.1/build/../mm/slub.c", "/build/linux-6.1", "mm/slub.c");
	assert_path("/build/linux-6.1", "/build/linux-6.1", "/build/linux-6.1");
	assert_path("/build/linux-6.12/mm/slub.c", "/build/linux-6.1",
		    "/build/linux-6.12/mm/slub.c");
	assert_path("./net//mac80211/./trace.h", NULL, "net/mac80211/trace.h");
	char *joined = km_srcpath_join("/k/build", "../include/linux/slab.h");

	assert_string_equal(joined, "/k/include/linux/slab.h");
	free(joined);
	joined = km_srcpath_join("debian/build", "debian/build/mm/slub.c");
	assert_string_equal(joined, "debian/build/mm/slub.c");
	free(joined);
	joined = km_srcpath_join("", "mm/slub.c");
	assert_string_equal(joined, "mm/slub.c");
	free(joined);
	assert_path("a/../../b.c", NULL, "../b.c");
	assert_path("../../b.c", NULL, "../../b.c");
	assert_path("/../b.c", "/", "b.c");
	assert_path("a/b/../../..", NULL, "..");
	assert_path("", NULL, "");
	assert_int_equal(km_srcpath_root_len("/usr/src/linux/include/linux/types.h"), 14);
	assert_int_equal(km_srcpath_root_len("include/linux/types.h"), 0);
	assert_int_equal(km_srcpath_root_len("/k/include/uapi/asm-generic/int-ll64.h"), 2);
	assert_int_equal(km_srcpath_root_len("/k/tools/include/linux/types.h"), -1);
	assert_int_equal(km_srcpath_root_len("/k/arch/x86/include/asm/page.h"), -1);
	assert_int_equal(km_srcpath_root_len("/k/myinclude/linux/types.h"), -1);
}

static void test_wrappers(void **state)
{
	static const struct {
		struct km_frame frame;
		bool is_wrapper;
	} cases[] = {
		{ { "kmalloc", "include/linux/slab.h", 563, 10, true }, true },
		{ { "something_new", "./include/linux/slab.h", 1, 1, true }, true },
		{ { "kvmalloc", "include/linux/mm.h", 1, 1, true }, true },
		{ { "__kmalloc_index_noprof", "fs/slab.h", 1, 1, true }, false },
		{ { "kzalloc_noprof", NULL, 0, 0, true }, true },
		{ { "kmem_cache_zalloc", "x/include/linux/slab.h", 1, 1, true }, true },
		{ { "alloc_inode_sb", "include/linux/fs.h", 3278, 9, true }, true },
		{ { "mesh_rmc_init", "net/mac80211/mesh.c", 177, 22, true }, false },
		{ { "kmalloc_fix_flags", "mm/slab_common.c", 1, 1, true }, false },
		{ { NULL, NULL, 0, 0, true }, false },
		/* not inlined: the allocator's own code calls itself */
		{ { "kmalloc", "include/linux/slab.h", 563, 10, false }, false },
	};
	struct km_frame chain[] = {
		{ "kmalloc", "include/linux/slab.h", 568, 9, true },
		{ "kzalloc", "include/linux/slab.h", 699, 9, true },
		{ "caller", "fs/file.c", 12, 3, true },
		{ "kmalloc_user", "include/linux/slab.h", 5, 1, true },
		{ "outer", "fs/file.c", 99, 1, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(km_frame_is_wrapper(&cases[i].frame), cases[i].is_wrapper);
	assert_int_equal(km_chain_nr_wrappers(chain, 5), 2);
	/* never the whole chain */
	assert_int_equal(km_chain_nr_wrappers(chain, 2), 1);
	assert_int_equal(km_chain_nr_wrappers(chain, 1), 0);
	assert_int_equal(km_chain_nr_wrappers(NULL, 0), 0);
}

/* A checkout with the files of a module in "src", and a kernel in "linux". */
static void test_source_root(void **state)
{
	static const char *const files[] = { "main.c", "src/main.c", "linux/mm/slub.c" };
	static const struct {
		const char *built, *tidy, *file; /* @: the root */
	} cases[] = {
		/* built there: even what is not there any more */
		{ "@/linux/mm/slub.c", "mm/slub.c", "linux/mm/slub.c" },
		{ "@/gone/a.c", "@/gone/a.c", "gone/a.c" },
		/* elsewhere: the longest end that is a file */
		{ "/ci/module/src/main.c", "/ci/module/src/main.c", "src/main.c" },
		{ "/ci/module/main.c", "/ci/module/main.c", "main.c" },
		{ "/ci/repo/linux/mm/slub.c", "mm/slub.c", "linux/mm/slub.c" },
		/* of a kernel that is not in it: not just any file of that name */
		{ "/ci/linux/init/main.c", "init/main.c", "init/main.c" },
		{ "/ci/repo/src", "/ci/repo/src", "/ci/repo/src" },
		{ "../src/main.c", "../src/main.c", "src/main.c" },
		{ "/ci/../@", "/ci/../@", "/ci/../@" },
		{ "/other/x.c", "/other/x.c", "/other/x.c" },
	};
	char dir[] = "/tmp/kmemstat-test-XXXXXX", path[256], wanted[256];
	struct km_arena arena = { NULL };
	struct km_srcroot *root;
	struct km_error *error;

	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < 3; i++) {
		FILE *file;

		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		for (char *slash = path + strlen(dir) + 1; (slash = strchr(slash, '/')); slash++) {
			*slash = 0;
			mkdir(path, 0777);
			*slash = '/';
		}
		file = fopen(path, "w");
		assert_non_null(file);
		assert_int_equal(fclose(file), 0);
	}
	assert_null(km_srcroot_create(dir, &root));
	for (int turn = 0; turn < 2; turn++) {
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			bool is_below = *cases[i].built == '@';
			const char *tidy;

			snprintf(path, sizeof(path), "%s%s", is_below ? dir : "",
				 cases[i].built + is_below);
			tidy = *cases[i].tidy == '@' ? path
						     : path + strlen(path) - strlen(cases[i].tidy);
			snprintf(wanted, sizeof(wanted), "%s", cases[i].file);
			assert_string_equal(km_srcroot_find(root, path, tidy, &arena), wanted);
		}
	}
	km_srcroot_destroy(root);
	km_arena_deinit(&arena);
	snprintf(path, sizeof(path), "%s/main.c", dir);
	error = km_srcroot_create(path, &root);
	assert_non_null(error);
	assert_int_equal(error->kind, KM_ERR_INPUT);
	km_error_free(error);
	snprintf(path, sizeof(path), "rm -r %s", dir);
	assert_int_equal(system(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_wrappers),
		cmocka_unit_test(test_source_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
