/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames as they are shown: file names relative to the kernel tree, allocator wrappers taken off.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sym/srcpath.h"
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_wrappers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
