/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Models of allocators: each table at its boundaries, names, users' files, slabs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kmemstat/agg.h"
#include "kmemstat/model.h"
#include "kmemstat/slabinfo.h"

#define KIB 1024

static const struct km_model_machine machine = { .page_size = 4096, .nr_cpus = 2 };

static struct km_models make(const char *text)
{
	struct km_models models = { 0 };

	assert_null(km_models_add(&models, text, &machine));
	return models;
}

static void check_fit(const char *text, uint64_t req, uint64_t bytes, enum km_model_kind kind)
{
	struct km_models models = make(text);
	const struct km_model_object object = km_model_fit(&models.items[0], req);

	if (object.bytes != bytes || object.kind != kind)
		fail_msg("%s: %zu takes %zu of kind %s", text, (size_t)req, (size_t)object.bytes,
			 km_model_kind_name(object.kind));
	km_models_deinit(&models);
}

/* Every request from 1 to the largest class, and one more. */
static void check_table(const char *text, const uint32_t *sizes, size_t nr, uint64_t behind,
			enum km_model_kind kind_behind)
{
	struct km_models models = make(text);
	size_t i = 0;

	for (uint64_t req = 1; req <= sizes[nr - 1]; req++) {
		struct km_model_object object = km_model_fit(&models.items[0], req);

		while (sizes[i] < req)
			i++;
		if (object.bytes != sizes[i] || object.kind != KM_MODEL_CACHE)
			fail_msg("%s: %zu takes %zu", text, (size_t)req, (size_t)object.bytes);
	}
	km_models_deinit(&models);
	check_fit(text, sizes[nr - 1] + 1, behind, kind_behind);
	check_fit(text, 0, sizes[0], KM_MODEL_CACHE);
}
#define CHECK_TABLE(text, behind, kind_behind, ...)                                                \
	check_table(text, (const uint32_t[]){ __VA_ARGS__ },                                       \
		    sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t), behind,          \
		    kind_behind)

static void tables_round_up_at_each_boundary(void **state)
{
	CHECK_TABLE("slub", 16384, KM_MODEL_PAGES, 8, 16, 32, 64, 96, 128, 192, 256, 512, 1024,
		    2048, 4096, 8192);
	CHECK_TABLE("slub:no96", 16384, KM_MODEL_PAGES, 8, 16, 32, 64, 128, 256, 512, 1024, 2048,
		    4096, 8192);
	CHECK_TABLE("slub:min=16", 16384, KM_MODEL_PAGES, 16, 32, 64, 96, 128, 192, 256, 512, 1024,
		    2048, 4096, 8192);
	CHECK_TABLE("slub:min=32", 16384, KM_MODEL_PAGES, 32, 64, 96, 128, 192, 256, 512, 1024,
		    2048, 4096, 8192);
	CHECK_TABLE("slub:min=64", 16384, KM_MODEL_PAGES, 64, 128, 192, 256, 512, 1024, 2048, 4096,
		    8192);
	CHECK_TABLE("slub:min=128", 16384, KM_MODEL_PAGES, 128, 256, 512, 1024, 2048, 4096, 8192);
	CHECK_TABLE("slub:page=16k", 65536, KM_MODEL_PAGES, 8, 16, 32, 64, 96, 128, 192, 256, 512,
		    1024, 2048, 4096, 8192, 16384, 32768);
	CHECK_TABLE("slub:page=64k", 262144, KM_MODEL_PAGES, 8, 16, 32, 64, 96, 128, 192, 256, 512,
		    1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072);
	CHECK_TABLE("slab", 16384, KM_MODEL_PAGES, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096,
		    8192);
	CHECK_TABLE("pow2", 8192, KM_MODEL_PAGES, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096);
	CHECK_TABLE("netbsd", 8192, KM_MODEL_PAGES, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128,
		    160, 192, 224, 256, 320, 384, 448, 512, 768, 1024, 2048, 4096);
	CHECK_TABLE("netbsd:page=64k", 65536, KM_MODEL_PAGES, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96,
		    112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 768, 1024, 2048, 4096, 8192,
		    16384);
	CHECK_TABLE("freebsd", 69632, KM_MODEL_PAGES, 16, 32, 64, 128, 256, 384, 512, 1024, 2048,
		    4096, 8192, 16384, 32768, 65536);
	CHECK_TABLE("freebsd:no384", 69632, KM_MODEL_PAGES, 16, 32, 64, 128, 256, 512, 1024, 2048,
		    4096, 8192, 16384, 32768, 65536);
	CHECK_TABLE("illumos", 135168, KM_MODEL_PAGES, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112,
		    128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 896, 1152, 1344, 1600,
		    2048, 2688, 4096, 8192, 12288, 16384, 24576, 32768, 40960, 49152, 57344, 65536,
		    73728, 81920, 90112, 98304, 106496, 114688, 122880, 131072);
}

static void slub_is_what_the_report_rounds_to(void **state)
{
	static const uint32_t pages[] = { 4 * KIB, 16 * KIB, 64 * KIB };

	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		const struct km_model_machine other = { .page_size = pages[i], .nr_cpus = 1 };
		struct km_models models = { 0 };

		assert_null(km_models_add(&models, "slub", &other));
		for (uint64_t req = 1; req < 40 * (uint64_t)pages[i]; req += 1 + req / 97)
			assert_int_equal(km_model_fit(&models.items[0], req).bytes,
					 km_class_fit(req, pages[i]));
		km_models_deinit(&models);
	}
}

static void quanta_and_heaps(void **state)
{
	check_fit("netbsd-2009", 1, 16, KM_MODEL_CACHE);
	check_fit("netbsd-2009", 17, 32, KM_MODEL_CACHE);
	check_fit("netbsd-2009", 512, 512, KM_MODEL_CACHE);
	check_fit("netbsd-2009", 513, 528, KM_MODEL_HEAP);
	check_fit("netbsd-2009", 2056, 2064, KM_MODEL_HEAP);
	check_fit("netbsd-2009", 10824, 10832, KM_MODEL_HEAP);
	check_fit("netbsd-2009:mid", 512, 512, KM_MODEL_CACHE);
	check_fit("netbsd-2009:mid", 1023, 1024, KM_MODEL_HEAP);
	check_fit("netbsd-2009:mid", 1024, 1024, KM_MODEL_CACHE);
	check_fit("netbsd-2009:mid", 1025, 2048, KM_MODEL_CACHE);
	check_fit("netbsd-2009:mid", 2056, 3072, KM_MODEL_CACHE);
	check_fit("netbsd-2009:mid", 4096, 4096, KM_MODEL_CACHE);
	check_fit("netbsd-2009:mid", 4097, 4112, KM_MODEL_HEAP);
	check_fit("netbsd-2009:quantum=8", 257, 264, KM_MODEL_HEAP);
	check_fit("netbsd-2009:quantum=8,mid", 513, 1024, KM_MODEL_CACHE);
	check_fit("netbsd-2009:header=16", 496, 512, KM_MODEL_CACHE);
	check_fit("netbsd-2009:header=16", 497, 528, KM_MODEL_HEAP);
	check_fit("slob", 1, 10, KM_MODEL_HEAP);
	check_fit("slob", 100, 108, KM_MODEL_HEAP);
	check_fit("slob", 4087, 4096, KM_MODEL_HEAP);
	check_fit("slob", 4088, 4096, KM_MODEL_PAGES);
	check_fit("slob", 4097, 8192, KM_MODEL_PAGES);
	check_fit("slob:header=16", 100, 116, KM_MODEL_HEAP);
	check_fit("netbsd:header=8", 64, 80, KM_MODEL_CACHE);
	check_fit("netbsd:header=8", 4088, 4096, KM_MODEL_CACHE);
	/* no header on whole pages */
	check_fit("netbsd:header=8", 8192, 8192, KM_MODEL_PAGES);
}

static void sizes_that_cannot_be_are_held(void **state)
{
	check_fit("slub", UINT32_MAX, UINT64_C(1) << 32, KM_MODEL_PAGES);
	check_fit("slub", UINT64_MAX, UINT64_MAX, KM_MODEL_PAGES);
	check_fit("netbsd", UINT64_MAX, UINT64_MAX, KM_MODEL_PAGES);
	check_fit("netbsd-2009:header=16", UINT64_MAX, UINT64_MAX, KM_MODEL_HEAP);
}

static void check_error(const char *text, const char *message)
{
	struct km_models models = { 0 };
	struct km_error *error = km_models_add(&models, text, &machine);

	assert_non_null(error);
	assert_int_equal(error->kind, KM_ERR_USAGE);
	if (!strstr(error->message, message))
		fail_msg("%s: '%s' is not in '%s'", text, message, error->message);
	km_error_free(error);
	km_models_deinit(&models);
}

static void names_that_are_wrong_are_told(void **state)
{
	check_error("", "no model or parameter is called ''");
	check_error("slubb", "no model or parameter is called 'slubb'");
	check_error("slub,", "no model or parameter is called ''");
	check_error("slub:", "no model or parameter is called ''");
	check_error("slub:min", "'min' is not min=NUMBER");
	check_error("slub:min=", "'min=' is not min=NUMBER");
	check_error("slub:min=0", "'min=0' is not min=NUMBER");
	check_error("slub:min=12", "min=12 is not a power of two from 8 to 4096");
	check_error("slub:min=4", "min=4 is not a power of two");
	check_error("slub:page=512", "page=512 is not a power of two from 1024");
	check_error("slub:page=99999999999999999999", "is not page=NUMBER");
	check_error("slub:page=-4k", "is not page=NUMBER");
	check_error("slub:no96=1", "'no96=1' is not no96 alone");
	check_error("slub:min=8:no96", "'min=8:no96' is not min=NUMBER");
	check_error("slub:quantum=16", "slub has no parameter quantum");
	check_error("freebsd:min=16", "freebsd has no parameter min");
	check_error("netbsd-2009:quantum=24", "quantum=24 is not a power of two");
	check_error("slub:nix=3", "no model or parameter is called 'nix'");
	check_error("all:min=8", "no model or parameter is called 'all'");
	check_error("slub:cpus=100000", "cpus=100000 is not a number from 1 to 8192");
	check_error("netbsd:header=999", "header=999 is not a number from 1 to 256");
}

static void lists_of_models(void **state)
{
	struct km_models models = make("slub:min=128,page=64k,no96,netbsd-2009:mid,slub,freebsd");
	size_t nr = 0;

	assert_int_equal(models.nr, 4);
	assert_string_equal(models.items[0].name, "slub:min=128,page=64k,no96");
	assert_int_equal(models.items[0].page_size, 64 * KIB);
	assert_string_equal(models.items[1].name, "netbsd-2009:mid");
	assert_string_equal(models.items[2].name, "slub");
	assert_int_equal(models.items[2].page_size, 4096);
	assert_int_equal(models.items[2].nr_cpus, 2);
	assert_string_equal(models.items[3].name, "freebsd");
	/* all adds those that are not there */
	assert_null(km_models_add(&models, "all", &machine));
	assert_non_null(km_model_infos(&nr, 0));
	assert_int_equal(models.nr, 2 + nr);
	km_models_deinit(&models);
}

static struct km_error *add_file(const char *text, struct km_models *models)
{
	return km_models_add_text(models, "dir/my.classes", text, strlen(text), &machine);
}

static void users_files(void **state)
{
	struct km_models models = { 0 };
	const struct km_model *model;

	assert_null(add_file("# mine\nname mine\r\nclass 8 24\t32 # small\nstep 16 to 128\n"
			     "class 1k\n\nheader 8\nlarge pages\nslabs pages\npage 8k",
			     &models));
	assert_null(add_file("class 64\n", &models));
	assert_int_equal(models.nr, 2);
	model = &models.items[0];
	assert_string_equal(model->name, "mine");
	assert_string_equal(model->summary, "dir/my.classes");
	assert_int_equal(model->page_size, 8192);
	assert_int_equal(km_model_fit(model, 1).bytes, 24);
	assert_int_equal(km_model_fit(model, 16).bytes, 24);
	assert_int_equal(km_model_fit(model, 24).bytes, 32);
	assert_int_equal(km_model_fit(model, 25).bytes, 48);
	assert_int_equal(km_model_fit(model, 120).bytes, 128);
	assert_int_equal(km_model_fit(model, 121).bytes, 1024);
	assert_int_equal(km_model_fit(model, 1016).bytes, 1024);
	assert_int_equal(km_model_fit(model, 1017).bytes, 8192);
	assert_int_equal(km_model_fit(model, 16385).bytes, 24576);
	model = &models.items[1];
	assert_string_equal(model->name, "my.classes");
	assert_int_equal(model->page_size, 4096);
	assert_int_equal(km_model_fit(model, 65).bytes, 4096);
	assert_int_equal(km_model_fit(model, 4097).bytes, 8192);
	km_models_deinit(&models);
}

static void check_file(const char *text, size_t size, const char *path, const char *message)
{
	struct km_models models = { 0 };
	struct km_error *error =
		km_models_add_text(&models, "dir/my.classes", text, size, &machine);

	assert_non_null(error);
	assert_int_equal(error->kind, KM_ERR_INPUT);
	assert_string_equal(error->path, path);
	if (!strstr(error->message, message))
		fail_msg("%s: '%s' is not in '%s'", text, message, error->message);
	assert_int_equal(models.nr, 0);
	km_error_free(error);
	km_models_deinit(&models);
}

static void files_that_are_wrong_are_told_by_line(void **state)
{
	static const struct {
		const char *text, *path, *message;
	} cases[] = {
		{ "", "dir/my.classes:1", "no class and no step is in the file" },
		{ "# nothing\n\n", "dir/my.classes:2", "no class and no step" },
		{ "klass 8\n", "dir/my.classes:1", "'klass' is no directive" },
		{ "class\n", "dir/my.classes:1", "'class' has nothing behind it" },
		{ "class 8\nclass 16 8\n", "dir/my.classes:2", "'8' is not over the size before" },
		{ "class 8 8\n", "dir/my.classes:1", "'8' is not over the size before" },
		{ "class 0\n", "dir/my.classes:1", "'0' is too small or too large" },
		{ "class 2048m\n", "dir/my.classes:1", "'2048m' is too small or too large" },
		{ "class 18446744073709551616\n", "dir/my.classes:1", "is not a size in bytes" },
		{ "class 8x\n", "dir/my.classes:1", "'8x' is not a size in bytes" },
		{ "class -8\n", "dir/my.classes:1", "'-8' is not a size in bytes" },
		{ "step 16\n", "dir/my.classes:1", "a step is: step SIZE to SIZE" },
		{ "step 16 upto 64\n", "dir/my.classes:1", "a step is: step SIZE to SIZE" },
		{ "step 0 to 64\n", "dir/my.classes:1", "'0' is too small" },
		{ "step 16 to 72\n", "dir/my.classes:1", "'72' is not a multiple" },
		{ "class 8\n\npage 3000\n", "dir/my.classes:3", "'3000' is not a power of two" },
		{ "page 512k\n", "dir/my.classes:1", "'512k' is too small or too large" },
		{ "page 4k\npage 4k\n", "dir/my.classes:2", "'page' comes twice" },
		{ "name a b\n", "dir/my.classes:1", "'b' is more than there can be" },
		{ "name a\033[31m\n", "dir/my.classes:1", "printable ASCII" },
		{ "large huge\n", "dir/my.classes:1", "'huge' is neither order nor pages" },
		{ "slabs none\n", "dir/my.classes:1", "'none' is neither slub nor pages" },
		{ "header 8k\n", "dir/my.classes:1", "'8k' is too small or too large" },
	};
	char many[8192], *at = many;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_file(cases[i].text, strlen(cases[i].text), cases[i].path, cases[i].message);
	for (int i = 1; i <= KM_MODEL_MOST_RANGES + 1; i++)
		at += sprintf(at, "class %d\n", 8 * i);
	check_file(many, strlen(many), "dir/my.classes:257", "more size classes than 256");
	memset(many, 'a', sizeof(many));
	check_file(many, sizeof(many), "dir/my.classes:1", "is no directive");
	for (size_t i = 0; i < sizeof(many); i += 2)
		many[i] = ' ';
	check_file(many, sizeof(many), "dir/my.classes:1", "too many words");
	/* a NUL ends nothing */
	check_file("class 8\0 x\n", 11, "dir/my.classes:1", "is not a size in bytes");
}

static void check_slab(const char *text, uint64_t bytes, uint32_t objects, uint64_t pages)
{
	struct km_models models = make(text);
	const struct km_model_slab slab = km_model_slab(&models.items[0], bytes);

	if (slab.objects != objects || slab.pages != pages)
		fail_msg("%s: slabs of %zu have %u objects, %zu pages", text, (size_t)bytes,
			 slab.objects, (size_t)slab.pages);
	km_models_deinit(&models);
}

static void slabs_have_the_size_of_the_allocator(void **state)
{
	check_slab("slub", 8, 512, 1);
	check_slab("slub", 512, 16, 2);
	check_slab("slub", 4096, 8, 8);
	check_slab("slub", 8192, 4, 8);
	check_slab("slub", 12000, 1, 4);
	check_slab("slub:cpus=1", 512, 8, 1);
	check_slab("slub:cpus=64", 512, 32, 4);
	check_slab("slub:page=64k", 8, 8192, 1);
	check_slab("slub:page=256k", 8, 32767, 1);
	check_slab("slub:page=256k", 1, 32767, 1);
	check_slab("slab", 32, 124, 1);
	check_slab("slab", 64, 64, 1);
	check_slab("slab", 192, 21, 1);
	check_slab("slab", 2048, 2, 1);
	check_slab("slab", 4096, 1, 1);
	check_slab("slab", 3000, 2, 2);
	check_slab("slab", 8192, 1, 2);
	check_slab("slab", 8, 240, 1);
	check_slab("netbsd", 768, 5, 1);
	check_slab("netbsd", 4096, 1, 1);
	check_slab("netbsd", 5000, 1, 2);
	check_slab("illumos", 64, 62, 1);
	check_slab("illumos", 512, 8, 1);
	check_slab("illumos", 2688, 3, 2);
	check_slab("illumos", 1152, 7, 2);
	check_slab("slob", 64, 0, 0);
}

/* calculate_order() against what the kernel itself says of its caches. */
static void slubs_slabs_are_those_of_slabinfo(void **state)
{
	struct km_models models = make("slub");
	struct km_slabinfo slabinfo;
	char path[4096];
	size_t nr = 0;

	snprintf(path, sizeof(path), "%s/mesh/slabinfo", getenv("KMEMSTAT_TESTDATA"));
	assert_null(km_slabinfo_load(path, &slabinfo));
	for (size_t i = 0; i < slabinfo.nr; i++) {
		const struct km_slab_cache *cache = &slabinfo.caches[i];
		const struct km_model_slab slab =
			km_model_slab(&models.items[0], cache->object_bytes);

		if (slab.objects != cache->objs_per_slab || slab.pages != cache->pages_per_slab)
			fail_msg("%s: %u bytes, %u in %u pages; here %u in %zu", cache->name,
				 cache->object_bytes, cache->objs_per_slab, cache->pages_per_slab,
				 slab.objects, (size_t)slab.pages);
		nr++;
	}
	assert_true(nr > 100);
	km_slabinfo_deinit(&slabinfo);
	km_models_deinit(&models);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_round_up_at_each_boundary),
		cmocka_unit_test(slub_is_what_the_report_rounds_to),
		cmocka_unit_test(quanta_and_heaps),
		cmocka_unit_test(sizes_that_cannot_be_are_held),
		cmocka_unit_test(names_that_are_wrong_are_told),
		cmocka_unit_test(lists_of_models),
		cmocka_unit_test(users_files),
		cmocka_unit_test(files_that_are_wrong_are_told_by_line),
		cmocka_unit_test(slabs_have_the_size_of_the_allocator),
		cmocka_unit_test(slubs_slabs_are_those_of_slabinfo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
