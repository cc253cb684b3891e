/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kmalloc(), kzalloc(), kvcalloc() and so on are static inline functions of
 * include/linux/slab.h (before 6.x kvmalloc() in mm.h); since 6.10 their bodies are called
 * NAME_noprof(). The line that matters is the one that calls the outermost of them.
 */
#include "sym/wrappers.h"

#include <string.h>

static const char *const wrapper_files[] = {
	"include/linux/slab.h",     "include/linux/slab_def.h",  "include/linux/slub_def.h",
	"include/linux/slob_def.h", "include/linux/alloc_tag.h", "include/linux/kasan.h",
	"include/linux/gfp.h",
};

static const char *const wrapper_names[] = {
	"alloc_inode_sb", /* over kmem_cache_alloc_lru(), in fs.h */
	"kcalloc",
	"kcalloc_node",
	"kmalloc",
	"kmalloc_array",
	"kmalloc_array_node",
	"kmalloc_flex",
	"kmalloc_large",
	"kmalloc_node",
	"kmalloc_obj",
	"kmalloc_objs",
	"kmalloc_order",
	"kmalloc_order_trace",
	"kmalloc_trace",
	"kmem_cache_alloc",
	"kmem_cache_alloc_node",
	"kmem_cache_alloc_node_trace",
	"kmem_cache_alloc_trace",
	"kmem_cache_zalloc",
	"kmemdup", /* with CONFIG_FORTIFY_SOURCE, in fortify-string.h */
	"krealloc_array",
	"kvcalloc",
	"kvcalloc_node",
	"kvmalloc",
	"kvmalloc_array",
	"kvmalloc_array_node",
	"kvmalloc_node",
	"kvzalloc",
	"kvzalloc_node",
	"kzalloc",
	"kzalloc_node",
};

/* Whether `path` is `file` or ends in "/file". */
static bool path_ends_in(const char *path, const char *file)
{
	size_t path_len = strlen(path), len = strlen(file);

	if (path_len < len || strcmp(path + path_len - len, file))
		return false;
	return path_len == len || path[path_len - len - 1] == '/';
}

bool km_frame_is_wrapper(const struct km_frame *frame)
{
	static const char suffix[] = "_noprof";
	const char *name = frame->function;
	size_t len;

	if (!frame->is_inlined)
		return false;
	for (size_t i = 0; frame->file && i < sizeof(wrapper_files) / sizeof(*wrapper_files); i++)
		if (path_ends_in(frame->file, wrapper_files[i]))
			return true;
	if (!name)
		return false;
	name += strspn(name, "_");
	len = strlen(name);
	if (len > strlen(suffix) && !strcmp(name + len - strlen(suffix), suffix))
		len -= strlen(suffix);
	for (size_t i = 0; i < sizeof(wrapper_names) / sizeof(*wrapper_names); i++)
		if (strlen(wrapper_names[i]) == len && !memcmp(wrapper_names[i], name, len))
			return true;
	return false;
}

size_t km_chain_nr_wrappers(const struct km_frame *frames, size_t nr_frames)
{
	size_t nr = 0;

	while (nr + 1 < nr_frames && km_frame_is_wrapper(&frames[nr]))
		nr++;
	return nr;
}
