/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Call sites to source lines. What is expected was written down from
 *   eu-addr2line -a -i -f -e mac80211.ko -j .text OFFSET
 * (elfutils 0.188) and binutils' addr2line (2.40) on the untrimmed module, at the byte before
 * the return address.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>
#ifdef HAVE_LZMA
#include <lzma.h>
#endif

#include "kmemstat/sym.h"
#include "sym/unpack.h"

#define MESH_INIT_SDATA 0xffffffffc046259a /* ieee80211_mesh_init_sdata+0x4a */
#define STA_ALLOC_RATE  0xffffffffc03e59f9 /* __sta_info_alloc+0x309 */
#define STA_ALLOC       0xffffffffc03e5739 /* __sta_info_alloc+0x49 */
#define PARSE_ELEMS     0xffffffffc042440b /* ieee802_11_parse_elems_full+0x3b */
#define MESH_STA_GET    0xffffffffc0464bb9 /* mesh_sta_info_get+0x99 */

struct fixture {
	char dir[64];   /* of this test, removed at its end */
	char *kallsyms; /* text */
	char *ko;       /* the unpacked module */
	size_t ko_size;
	struct km_symtab *tab;
};

static char *path_in(const struct fixture *fx, const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", fx->dir, name);
	return path;
}

static void make_dirs(const struct fixture *fx, const char *name)
{
	char *path = path_in(fx, name);

	for (char *at = path + strlen(fx->dir) + 1; (at = strchr(at, '/')); at++) {
		*at = 0;
		mkdir(path, 0700);
		*at = '/';
	}
}

static void write_file(const struct fixture *fx, const char *name, const void *data, size_t size)
{
	make_dirs(fx, name);
	FILE *file = fopen(path_in(fx, name), "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static char *read_fd(int fd, size_t *ret_size)
{
	struct stat st;
	char *data;

	assert_int_equal(fstat(fd, &st), 0);
	data = malloc((size_t)st.st_size + 1);
	assert_non_null(data);
	assert_int_equal(pread(fd, data, (size_t)st.st_size, 0), st.st_size);
	data[st.st_size] = 0;
	*ret_size = (size_t)st.st_size;
	return data;
}

static int setup(void **state)
{
	const char *testdata = getenv("KMEMSTAT_TESTDATA");
	struct fixture *fx = calloc(1, sizeof(*fx));
	char path[4096];
	size_t size;
	int fd;

	assert_non_null(fx);
	assert_non_null(testdata);
	strcpy(fx->dir, "/tmp/kmemstat-test-XXXXXX");
	assert_non_null(mkdtemp(fx->dir));
	snprintf(path, sizeof(path), "%s/mesh/mac80211.ko.zst", testdata);
	assert_null(km_unpack_open(path, KM_UNPACK_BYTES_MAX, &fd));
	fx->ko = read_fd(fd, &fx->ko_size);
	close(fd);
	snprintf(path, sizeof(path), "%s/mesh/kallsyms", testdata);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	fx->kallsyms = read_fd(fd, &size);
	close(fd);
	assert_null(km_symtab_load(path, &fx->tab));
	*state = fx;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fx = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", fx->dir);
	assert_int_equal(system(command), 0);
	km_symtab_destroy(fx->tab);
	free(fx->kallsyms);
	free(fx->ko);
	free(fx);
	return 0;
}

static struct km_error *open_dir(const struct fixture *fx, const struct km_symtab *tab,
				 struct km_resolver **ret)
{
	const char *dir = fx->dir;

	return km_resolver_create(
		tab, &(struct km_resolver_options){ .debug_dirs = &dir, .nr_debug_dirs = 1 }, ret);
}

/* The chain as "function file:line:column < function file:line:column". */
static const char *chain_at(struct km_resolver *resolver, uint64_t address)
{
	static char text[1024];
	struct km_chain chain;
	size_t len = 0;

	assert_null(km_resolver_lookup(resolver, address, &chain));
	text[0] = 0;
	for (size_t i = 0; i < chain.nr_frames; i++) {
		const struct km_frame *frame = &chain.frames[i];

		assert_int_equal(frame->is_inlined, i + 1 < chain.nr_frames);
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s %s:%u:%u",
					i ? " < " : "", frame->function, frame->file, frame->line,
					frame->column);
		assert_true(len < sizeof(text));
	}
	return text;
}

static void assert_mesh_chains(struct km_resolver *resolver)
{
	assert_string_equal(chain_at(resolver, MESH_INIT_SDATA),
			    "mesh_rmc_init net/mac80211/mesh.c:177:22 < "
			    "ieee80211_mesh_init_sdata net/mac80211/mesh.c:1629:2");
	assert_string_equal(chain_at(resolver, STA_ALLOC_RATE),
			    "rate_control_alloc_sta net/mac80211/rate.h:43:9 < "
			    "sta_prepare_rate_control net/mac80211/sta_info.c:484:24 < "
			    "__sta_info_alloc net/mac80211/sta_info.c:630:6");
	/* kmalloc() and kzalloc() are inlined here, and taken off */
	assert_string_equal(chain_at(resolver, STA_ALLOC),
			    "__sta_info_alloc net/mac80211/sta_info.c:543:8");
	assert_string_equal(chain_at(resolver, PARSE_ELEMS),
			    "ieee802_11_parse_elems_full net/mac80211/util.c:1503:10");
	assert_string_equal(chain_at(resolver, MESH_STA_GET),
			    "mesh_allocate_aid net/mac80211/mesh_plink.c:480:12 < "
			    "__mesh_sta_info_alloc net/mac80211/mesh_plink.c:510:8 < "
			    "mesh_sta_info_alloc net/mac80211/mesh_plink.c:552:9 < "
			    "mesh_sta_info_get net/mac80211/mesh_plink.c:582:9 < "
			    "mesh_sta_info_get net/mac80211/mesh_plink.c:569:1");
}

static void assert_finds(const struct fixture *fx)
{
	struct km_resolver *resolver;

	assert_null(open_dir(fx, fx->tab, &resolver));
	assert_mesh_chains(resolver);
	assert_int_equal(km_resolver_nr_notes(resolver), 0);
	km_resolver_destroy(resolver);
}

/* No chain, and one note that says `what`. */
static void assert_refuses(const struct fixture *fx, const struct km_symtab *tab, const char *what)
{
	struct km_resolver *resolver;

	assert_null(open_dir(fx, tab, &resolver));
	assert_string_equal(chain_at(resolver, MESH_INIT_SDATA), "");
	assert_string_equal(chain_at(resolver, STA_ALLOC), "");
	assert_int_equal(km_resolver_nr_notes(resolver), 1);
	if (!strstr(km_resolver_note(resolver, 0), what))
		fail_msg("note: %s", km_resolver_note(resolver, 0));
	assert_non_null(strstr(km_resolver_note(resolver, 0), fx->dir));
	assert_null(km_resolver_note(resolver, 1));
	km_resolver_destroy(resolver);
}

static void test_chains(void **state)
{
	struct fixture *fx = *state;
	struct km_resolver *resolver;
	struct km_chain first, second;

	write_file(fx, "mac80211.ko", fx->ko, fx->ko_size);
	assert_finds(fx);

	assert_null(open_dir(fx, fx->tab, &resolver));
	assert_null(km_resolver_lookup(resolver, MESH_INIT_SDATA, &first));
	for (uint64_t i = 0; i < 2000; i++) /* the cache grows */
		assert_null(km_resolver_lookup(resolver, MESH_INIT_SDATA + i, &second));
	assert_null(km_resolver_lookup(resolver, MESH_INIT_SDATA, &second));
	assert_ptr_equal(first.frames, second.frames);
	assert_int_equal(first.nr_frames, second.nr_frames);
	/* nowhere; the kernel, of which there is no debug file; units that are not in the file */
	assert_string_equal(chain_at(resolver, 0), "");
	assert_string_equal(chain_at(resolver, 1), "");
	assert_string_equal(chain_at(resolver, UINT64_MAX), "");
	assert_string_equal(chain_at(resolver, 0xffffffffbb6b8f70), "");
	assert_int_equal(km_resolver_nr_notes(resolver), 0);
	km_resolver_destroy(resolver);
}

/* The return address of a call that never returns is the next function's first byte. */
static void test_call_is_looked_up(void **state)
{
	struct fixture *fx = *state;
	struct km_resolver *resolver;
	struct km_symbol sym;

	write_file(fx, "mac80211.ko", fx->ko, fx->ko_size);
	assert_null(open_dir(fx, fx->tab, &resolver));
	/* 0xffffffffc0462550 is the start of ieee80211_mesh_init_sdata */
	assert_true(km_symtab_find(fx->tab, 0xffffffffc0462550, &sym));
	assert_string_equal(sym.name, "ieee80211_mesh_init_sdata");
	assert_null(strstr(chain_at(resolver, 0xffffffffc0462550), "ieee80211_mesh_init_sdata"));
	assert_non_null(
		strstr(chain_at(resolver, 0xffffffffc0462551), "ieee80211_mesh_init_sdata"));
	km_resolver_destroy(resolver);
}

static void test_places(void **state)
{
	static const char *const names[] = {
		"mac80211.ko",
		"mac80211.ko.debug",
		"lib/modules/6.1.0-56-amd64/kernel/net/mac80211/mac80211.ko",
		"usr/lib/debug/lib/modules/6.1.0-56-amd64/kernel/net/mac80211/mac80211.ko",
		"tree/net/mac80211/mac80211.ko",
	};
	struct fixture *fx = *state;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		write_file(fx, names[i], fx->ko, fx->ko_size);
		assert_finds(fx);
		assert_int_equal(unlink(path_in(fx, names[i])), 0);
	}
	/* other modules, and files that only look like one */
	write_file(fx, "mac80211_hwsim.ko", fx->ko, fx->ko_size);
	write_file(fx, "xmac80211.ko", fx->ko, fx->ko_size);
	write_file(fx, "mac80211.ko.orig", fx->ko, fx->ko_size);
	write_file(fx, "mac80211.ko/readme", "text", 4);
	struct km_resolver *resolver;

	assert_null(open_dir(fx, fx->tab, &resolver));
	assert_string_equal(chain_at(resolver, MESH_INIT_SDATA), "");
	assert_int_equal(km_resolver_nr_notes(resolver), 0);
	km_resolver_destroy(resolver);
}

/* The kernel says snd_hda_intel, the file is snd-hda-intel.ko. */
static void test_dashes(void **state)
{
	struct fixture *fx = *state;
	char *renamed = strdup(fx->kallsyms);
	struct km_symtab *tab;

	assert_non_null(renamed);
	for (char *at = renamed; (at = strstr(at, "[mac80211]")); at++)
		memcpy(at, "[mac_0211]", 10);
	assert_null(km_symtab_create("kallsyms", renamed, strlen(renamed), &tab));
	write_file(fx, "mac-0211.ko", fx->ko, fx->ko_size);
	struct km_resolver *resolver;

	assert_null(open_dir(fx, tab, &resolver));
	assert_mesh_chains(resolver);
	km_resolver_destroy(resolver);
	km_symtab_destroy(tab);
}

static void test_compressed(void **state)
{
	struct fixture *fx = *state;
	const char *testdata = getenv("KMEMSTAT_TESTDATA");
	char source[4096];
	size_t size;
	gzFile gz = gzopen(path_in(fx, "mac80211.ko.gz"), "wb1");

	assert_non_null(gz);
	assert_int_equal(gzwrite(gz, fx->ko, (unsigned int)fx->ko_size), fx->ko_size);
	assert_int_equal(gzclose(gz), Z_OK);
	assert_finds(fx);
	/* cut short */
	assert_int_equal(truncate(path_in(fx, "mac80211.ko.gz"), 100000), 0);
	assert_refuses(fx, fx->tab, "cannot unpack the gzip data: it is cut short");
	unlink(path_in(fx, "mac80211.ko.gz"));

	snprintf(source, sizeof(source), "%s/mesh/mac80211.ko.zst", testdata);
	int fd = open(source, O_RDONLY);

	assert_true(fd >= 0);
	char *packed = read_fd(fd, &size);

	close(fd);
	write_file(fx, "mac80211.ko.zst", packed, size);
	assert_finds(fx);
	write_file(fx, "mac80211.ko.zst", packed, size / 2);
	assert_refuses(fx, fx->tab, "cannot unpack the zstd data: it is cut short");
	memset(packed + size / 2, 0x5a, 64);
	write_file(fx, "mac80211.ko.zst", packed, size);
	assert_refuses(fx, fx->tab, "cannot unpack the zstd data");
	unlink(path_in(fx, "mac80211.ko.zst"));
	free(packed);
}

static void test_xz(void **state)
{
	struct fixture *fx = *state;
#ifdef HAVE_LZMA
	size_t max = lzma_stream_buffer_bound(fx->ko_size), size = 0;
	uint8_t *packed = malloc(max);

	assert_non_null(packed);
	assert_int_equal(lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, NULL, (uint8_t *)fx->ko,
						 fx->ko_size, packed, &size, max),
			 LZMA_OK);
	write_file(fx, "mac80211.ko.xz", packed, size);
	assert_finds(fx);
	write_file(fx, "mac80211.ko.xz", packed, size / 2);
	assert_refuses(fx, fx->tab, "cannot unpack the xz data: it is cut short");
	memset(packed + size / 2, 0x5a, 64);
	write_file(fx, "mac80211.ko.xz", packed, size);
	assert_refuses(fx, fx->tab, "cannot unpack the xz data: invalid data");
	free(packed);
#else
	write_file(fx, "mac80211.ko.xz",
		   "\xfd"
		   "7zXZ\0.......",
		   12);
	assert_refuses(fx, fx->tab, "without liblzma");
#endif
}

/* A file of zeroes that zstd-packs to nothing is no way to fill the memory. */
static void test_unpack_bomb(void **state)
{
	struct fixture *fx = *state;
	/* a zstd frame of run-length blocks of 128 KiB each: 4 bytes for each */
	enum { NR_BLOCKS = 64 };
	size_t size = 6 + NR_BLOCKS * 4;
	uint8_t *bomb = malloc(size);
	struct km_error *error;
	int fd;

	assert_non_null(bomb);
	memcpy(bomb, "\x28\xb5\x2f\xfd\x00\x38", 6); /* no sizes, a window of 128 KiB */
	for (size_t i = 0; i < NR_BLOCKS; i++) {
		uint32_t header = (128 << 10) << 3 | 1 << 1 | (i + 1 == NR_BLOCKS);

		memcpy(bomb + 6 + i * 4,
		       (uint8_t[]){ header & 0xff, header >> 8 & 0xff, header >> 16 & 0xff, 0 }, 4);
	}
	write_file(fx, "bomb.ko.zst", bomb, size);
	free(bomb);
	error = km_unpack_open(path_in(fx, "bomb.ko.zst"), 7 << 20, &fd);
	assert_non_null(error);
	assert_non_null(strstr(error->message, "unpacks to more than 7 MiB"));
	km_error_free(error);
	/* with room for its 8 MiB of zeroes it is no ELF file */
	error = km_unpack_open(path_in(fx, "bomb.ko.zst"), 8 << 20, &fd);
	assert_non_null(error);
	assert_string_equal(error->message, "not an ELF file");
	km_error_free(error);
}

/* The functions of another build: every one a little farther than the last. */
static void test_other_build(void **state)
{
	struct fixture *fx = *state;
	size_t size = strlen(fx->kallsyms), nr = 0;
	char *text = malloc(size * 2);
	struct km_symtab *tab;
	size_t len = 0;

	assert_non_null(text);
	for (char *line = strtok(fx->kallsyms, "\n"); line; line = strtok(NULL, "\n")) {
		uint64_t address = strtoull(line, NULL, 16);
		bool is_module = strchr(line, '[') != NULL;

		/* 16 bytes every 40 functions, in the order of the file */
		address += is_module ? nr++ / 40 * 16 : 0;
		len += (size_t)sprintf(text + len, "%016llx%s\n", (unsigned long long)address,
				       line + 16);
	}
	assert_null(km_symtab_create("kallsyms", text, len, &tab));
	write_file(fx, "mac80211.ko", fx->ko, fx->ko_size);
	assert_refuses(fx, tab, "refused: it is not the traced module [mac80211]: ");
	km_symtab_destroy(tab);
}

/* A few functions elsewhere (a patched kernel): those alone are not believed. */
static void test_some_moved(void **state)
{
	struct fixture *fx = *state;
	char *text = strdup(fx->kallsyms);
	struct km_resolver *resolver;
	struct km_symtab *tab;
	char *line;

	assert_non_null(text);
	line = strstr(text, " t __sta_info_alloc\t");
	assert_non_null(line);
	assert_memory_equal(line - 16, "ffffffffc03e56f0", 16);
	line[-1] = '4';
	assert_null(km_symtab_create("kallsyms", text, strlen(text), &tab));
	write_file(fx, "mac80211.ko", fx->ko, fx->ko_size);
	assert_null(open_dir(fx, tab, &resolver));
	assert_string_equal(chain_at(resolver, STA_ALLOC), "");
	assert_non_null(strstr(chain_at(resolver, MESH_INIT_SDATA), "mesh_rmc_init"));
	assert_int_equal(km_resolver_nr_notes(resolver), 0);
	km_resolver_destroy(resolver);
	km_symtab_destroy(tab);
}

static void test_other_module(void **state)
{
	struct fixture *fx = *state;
	char text[] = "ffffffffc0462550 t one\t[mac80211]\n"
		      "ffffffffc03e56f0 t two\t[mac80211]\n";
	struct km_symtab *tab;

	assert_null(km_symtab_create("kallsyms", strdup(text), strlen(text), &tab));
	write_file(fx, "mac80211.ko", fx->ko, fx->ko_size);
	assert_refuses(fx, tab, "refused: none of its symbols can be compared");
	km_symtab_destroy(tab);
}

/* The right file is found behind a wrong one, and nothing is said of the wrong one. */
static void test_second_candidate(void **state)
{
	struct fixture *fx = *state;

	write_file(fx, "a/mac80211.ko", "\177ELF, or so it says", 19);
	write_file(fx, "b/mac80211.ko", fx->ko, fx->ko_size);
	assert_finds(fx);
	unlink(path_in(fx, "b/mac80211.ko"));
	assert_refuses(fx, fx->tab, "cannot be read as an ELF file");
	write_file(fx, "a/mac80211.ko", "plain text", 10);
	assert_refuses(fx, fx->tab, "not an ELF file");
	write_file(fx, "a/mac80211.ko", "", 0);
	assert_refuses(fx, fx->tab, "not an ELF file");
}

/* A module as distributions install it has no DWARF. */
static void test_stripped(void **state)
{
	struct fixture *fx = *state;
	char *stripped = fx->ko;
	bool is_renamed = false;

	for (size_t i = 0; i + 12 < fx->ko_size; i++) {
		if (!memcmp(stripped + i, ".debug_info", 12)) {
			stripped[i] = '_';
			is_renamed = true;
		}
	}
	assert_true(is_renamed);
	write_file(fx, "mac80211.ko", stripped, fx->ko_size);
	assert_refuses(fx, fx->tab, "no debug information (DWARF) in it");
}

/* Cut or flipped: right answers or none, and no crash. */
static void test_truncated(void **state)
{
	struct fixture *fx = *state;

	for (size_t i = 1; i < 40; i++) {
		struct km_resolver *resolver;

		write_file(fx, "mac80211.ko", fx->ko, fx->ko_size * i / 40);
		assert_null(open_dir(fx, fx->tab, &resolver));
		/* the section headers are at the end: nothing can be known */
		assert_string_equal(chain_at(resolver, MESH_INIT_SDATA), "");
		km_resolver_destroy(resolver);
	}
}

static void test_damaged(void **state)
{
	struct fixture *fx = *state;
	uint32_t random = 12345;

	for (size_t run = 0; run < 25; run++) {
		char *damaged = malloc(fx->ko_size);
		struct km_resolver *resolver;

		assert_non_null(damaged);
		memcpy(damaged, fx->ko, fx->ko_size);
		for (size_t i = 0; i < 2000; i++) {
			random = random * 1664525 + 1013904223;
			damaged[random % fx->ko_size] ^= (char)(random >> 24 | 1);
		}
		write_file(fx, "mac80211.ko", damaged, fx->ko_size);
		free(damaged);
		assert_null(open_dir(fx, fx->tab, &resolver));
		chain_at(resolver, MESH_INIT_SDATA);
		chain_at(resolver, STA_ALLOC_RATE);
		chain_at(resolver, PARSE_ELEMS);
		chain_at(resolver, MESH_STA_GET);
		km_resolver_destroy(resolver);
	}
}

static void assert_vmlinux_error(const struct fixture *fx, const struct km_symtab *tab,
				 const char *path, const char *what)
{
	struct km_resolver *resolver = NULL;
	struct km_resolver_options options = { .vmlinux = path };
	struct km_error *error = km_resolver_create(tab, &options, &resolver);

	assert_non_null(error);
	assert_null(resolver);
	assert_int_equal(error->kind, KM_ERR_INPUT);
	assert_string_equal(error->path, path);
	if (!strstr(error->message, what))
		fail_msg("%s", error->message);
	km_error_free(error);
}

static void test_explicit_vmlinux(void **state)
{
	struct fixture *fx = *state;
	char path[256];

	assert_vmlinux_error(fx, fx->tab, "/nonexistent", "No such file");
	assert_vmlinux_error(fx, fx->tab, "/", "Is a directory");
	assert_vmlinux_error(fx, fx->tab, "/dev/null", "not a regular file");
	write_file(fx, "module", fx->ko, fx->ko_size);
	snprintf(path, sizeof(path), "%s", path_in(fx, "module"));
	assert_vmlinux_error(fx, fx->tab, path, "not a kernel image");
	assert_vmlinux_error(fx, NULL, path, "no kernel symbols");
}

/* Slid by 0x18000000, as KASLR does. */
static const char gcc_kallsyms[] = "ffffffff99000000 T thing_add\n"
				   "ffffffff99000030 t helper_one\n"
				   "ffffffff99000050 t helper_two\n"
				   "ffffffff99000060 T thing_count\n"
				   "ffffffff99000090 T start_kernel\n"
				   "ffffffff990000b0 T __kmalloc\n"
				   "ffffffff990000d0 T _etext\n";
static const char clang_kallsyms[] = "ffffffff99000000 T thing_add\n"
				     "ffffffff99000030 T thing_count\n"
				     "ffffffff99000060 T start_kernel\n"
				     "ffffffff99000080 t helper_two\n"
				     "ffffffff99000090 t helper_one\n"
				     "ffffffff990000a0 T __kmalloc\n"
				     "ffffffff990000c0 T _etext\n";

static struct km_symtab *tiny_symtab(const char *text)
{
	struct km_symtab *tab = NULL;

	assert_null(km_symtab_create("kallsyms", strdup(text), strlen(text), &tab));
	return tab;
}

static const char *tiny_path(const char *name)
{
	static char path[4096];
	const char *testdata = getenv("KMEMSTAT_TESTDATA");

	assert_non_null(testdata);
	snprintf(path, sizeof(path), "%s/sym/%s", testdata, name);
	return path;
}

static void test_slide(void **state)
{
	static const struct {
		const char *file, *kallsyms;
		uint64_t helper_two; /* the return address of its call */
	} cases[] = {
		{ "vmlinux-gcc5", gcc_kallsyms, 0xffffffff9900005b },
		{ "vmlinux-gcc4", gcc_kallsyms, 0xffffffff9900005b },
		{ "vmlinux-clang5", clang_kallsyms, 0xffffffff99000088 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct km_symtab *tab = tiny_symtab(cases[i].kallsyms);
		struct km_resolver_options options = { .vmlinux = tiny_path(cases[i].file) };
		struct km_resolver *resolver;

		assert_null(km_resolver_create(tab, &options, &resolver));
		assert_string_equal(chain_at(resolver, 0xffffffff99000012),
				    "thing_new kernel/main.c:13:24 < "
				    "thing_add kernel/main.c:21:24");
		assert_string_equal(chain_at(resolver, cases[i].helper_two),
				    "helper_two kernel/main.c:44:2");
		assert_int_equal(km_resolver_nr_notes(resolver), 0);
		km_resolver_destroy(resolver);
		km_symtab_destroy(tab);
	}
}

static void test_vmlinux_of_other_kernel(void **state)
{
	struct fixture *fx = *state;
	struct km_symtab *tab = tiny_symtab(clang_kallsyms);

	assert_vmlinux_error(fx, tab, tiny_path("vmlinux-gcc5"),
			     "refused: it is not the traced kernel: 6 of 6 symbols are not where "
			     "that has them, for example thing_add");
	km_symtab_destroy(tab);
	/* both have a __kmalloc, and nothing else */
	assert_vmlinux_error(fx, fx->tab, tiny_path("vmlinux-gcc5"),
			     "4 of 5 symbols are not where that has them, for example _stext");
}

/* vmlinux below the directory: in a build, in Debian, in Fedora, and by the trace's build ids. */
static void test_vmlinux_places(void **state)
{
	static const char *const names[] = {
		"vmlinux",
		"vmlinux-6.1.0-tiny",
		"boot/vmlinux-6.1.0-tiny",
		"lib/modules/6.1.0-tiny/vmlinux",
		"usr/lib/debug/boot/vmlinux-6.1.0-tiny",
		"usr/lib/debug/lib/modules/6.1.0-tiny/vmlinux",
		".build-id/ab/cdef0123.debug",
		"usr/lib/debug/.build-id/ab/cdef0123.debug",
	};
	struct fixture *fx = *state;
	const char *dirs[] = { fx->dir };
	struct km_resolver_options options = { .debug_dirs = dirs,
					       .nr_debug_dirs = 1,
					       .kernel_release = "6.1.0-tiny",
					       .build_ids = "vmlinu 00ff\nvmlinux abcdef0123\n" };
	struct km_symtab *tab = tiny_symtab(gcc_kallsyms);
	size_t size;
	int fd = open(tiny_path("vmlinux-gcc5"), O_RDONLY);
	char *image;

	assert_true(fd >= 0);
	image = read_fd(fd, &size);
	close(fd);
	for (size_t i = 0; i <= sizeof(names) / sizeof(names[0]); i++) {
		struct km_resolver *resolver;

		/* the last round is without any */
		if (i < sizeof(names) / sizeof(names[0]))
			write_file(fx, names[i], image, size);
		assert_null(km_resolver_create(tab, &options, &resolver));
		assert_string_equal(chain_at(resolver, 0xffffffff9900005b),
				    i < sizeof(names) / sizeof(names[0])
					    ? "helper_two kernel/main.c:44:2"
					    : "");
		km_resolver_destroy(resolver);
		if (i < sizeof(names) / sizeof(names[0]))
			assert_int_equal(unlink(path_in(fx, names[i])), 0);
	}
	free(image);
	km_symtab_destroy(tab);
}

/* Each section of a module is placed by itself. */
static void test_sections(void **state)
{
	struct fixture *fx = *state;
	const char *dirs[] = { tiny_path("") };
	struct km_resolver_options options = { .debug_dirs = dirs, .nr_debug_dirs = 1 };
	struct km_resolver *resolver;
	struct km_symtab *tab = tiny_symtab("ffffffffc0001000 t helper_two\t[tiny]\n"
					    "ffffffffc0002000 T thing_add\t[tiny]\n"
					    "ffffffffc0000040 t helper_one\t[tiny]\n"
					    "ffffffffc0000000 T __kmalloc\t[tiny]\n");

	assert_null(km_resolver_create(tab, &options, &resolver));
	assert_string_equal(chain_at(resolver, 0xffffffffc0002012),
			    "thing_new kernel/main.c:13:24 < thing_add kernel/main.c:21:24");
	assert_string_equal(chain_at(resolver, 0xffffffffc000100b),
			    "helper_two kernel/main.c:44:2");
	/* behind the end of that section */
	assert_string_equal(chain_at(resolver, 0xffffffffc0001080), "");
	km_resolver_destroy(resolver);
	km_symtab_destroy(tab);

	/* thing_add has 0x28 bytes: helper_two cannot begin in it */
	tab = tiny_symtab("ffffffffc0000040 t helper_one\t[mac80211]\n"
			  "ffffffffc0462540 T thing_add\t[mac80211]\n"
			  "ffffffffc0462560 t helper_two\t[mac80211]\n"
			  "ffffffffc03e5000 T __kmalloc\t[mac80211]\n");
	int fd = open(tiny_path("tiny.ko"), O_RDONLY);
	size_t size;

	assert_true(fd >= 0);
	char *module = read_fd(fd, &size);

	close(fd);
	write_file(fx, "mac80211.ko", module, size);
	free(module);
	assert_refuses(fx, tab, "two of its sections would overlap");
	km_symtab_destroy(tab);
}

static void test_missing_dir(void **state)
{
	struct fixture *fx = *state;
	const char *dirs[] = { fx->dir, "/nonexistent" };
	struct km_resolver_options options = { .debug_dirs = dirs, .nr_debug_dirs = 2 };
	struct km_resolver *resolver;
	struct km_error *error = km_resolver_create(fx->tab, &options, &resolver);

	assert_non_null(error);
	assert_int_equal(error->kind, KM_ERR_INPUT);
	assert_string_equal(error->path, "/nonexistent");
	km_error_free(error);
}

static void test_without_symbols(void **state)
{
	struct fixture *fx = *state;
	struct km_resolver *resolver;

	write_file(fx, "mac80211.ko", fx->ko, fx->ko_size);
	assert_null(open_dir(fx, NULL, &resolver));
	assert_string_equal(chain_at(resolver, MESH_INIT_SDATA), "");
	km_resolver_destroy(resolver);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_chains, setup, teardown),
		cmocka_unit_test_setup_teardown(test_call_is_looked_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_places, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dashes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_compressed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_xz, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unpack_bomb, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_build, setup, teardown),
		cmocka_unit_test_setup_teardown(test_some_moved, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_module, setup, teardown),
		cmocka_unit_test_setup_teardown(test_second_candidate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stripped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_truncated, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_explicit_vmlinux, setup, teardown),
		cmocka_unit_test(test_slide),
		cmocka_unit_test_setup_teardown(test_vmlinux_of_other_kernel, setup, teardown),
		cmocka_unit_test_setup_teardown(test_vmlinux_places, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sections, setup, teardown),
		cmocka_unit_test_setup_teardown(test_missing_dir, setup, teardown),
		cmocka_unit_test_setup_teardown(test_without_symbols, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
