/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report's rows of pages and percpu objects: callers, names, sums. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "builder.h"
#include "report/callers.h"
#include "report/flags.h"
#include "rows.h"

static void test_flags_text(void **state)
{
	static const struct km_flag_name names[] = {
		{ 0xcc0, "GFP_KERNEL" },
		{ 0xc40, "GFP_NOFS" },
		{ 0x100, "__GFP_ZERO" },
		{ 0x40, "__GFP_IO" },
	};
	struct km_strings strings = { 0 };

	assert_string_equal(km_flags_text(&strings, 0, names, 4), "none");
	assert_string_equal(km_flags_text(&strings, 0xcc0, names, 4), "GFP_KERNEL");
	assert_string_equal(km_flags_text(&strings, 0xdc0, names, 4), "GFP_KERNEL|__GFP_ZERO");
	assert_string_equal(km_flags_text(&strings, 0xc40, names, 4), "GFP_NOFS");
	assert_string_equal(km_flags_text(&strings, 0x80001140, names, 4),
			    "__GFP_ZERO|__GFP_IO|0x80001000");
	assert_string_equal(km_flags_text(&strings, 0xcc0, NULL, 0), "0xcc0");
	km_strings_deinit(&strings);
}

static void test_migratetypes(void **state)
{
	struct km_strings strings = { 0 };

	assert_string_equal(km_migratetype_text(&strings, "6.1.0-56-amd64", 0), "Unmovable");
	assert_string_equal(km_migratetype_text(&strings, "6.1.0-56-amd64", 1), "Movable");
	assert_string_equal(km_migratetype_text(&strings, "4.4.0", 2), "Reclaimable");
	assert_string_equal(km_migratetype_text(&strings, "5.0", 3), "HighAtomic");
	assert_string_equal(km_migratetype_text(&strings, "4.3.0", 1), "Reclaimable");
	assert_string_equal(km_migratetype_text(&strings, "3.10.0-1160.el7", 2), "Movable");
	assert_string_equal(km_migratetype_text(&strings, "3.10.0", 3), "Reserve");
	assert_string_equal(km_migratetype_text(&strings, "6.1.0", 4), "4");
	assert_string_equal(km_migratetype_text(&strings, NULL, 1), "1");
	assert_string_equal(km_migratetype_text(&strings, "vendor", 2), "2");
	km_strings_deinit(&strings);
}

static void test_allocator_names(void **state)
{
	static const char *const inside[] = {
		"__alloc_pages",
		"__alloc_pages_nodemask",
		"__alloc_pages_noprof",
		"__alloc_frozen_pages_noprof",
		"alloc_pages",
		"alloc_pages_current",
		"alloc_pages_mpol_noprof",
		"alloc_pages_exact_noprof",
		"__alloc_pages_bulk",
		"alloc_pages_bulk_array_mempolicy",
		"__get_free_pages",
		"get_free_pages_noprof",
		"get_zeroed_page",
		"get_zeroed_page_noprof",
		"__folio_alloc",
		"folio_alloc",
		"__folio_alloc_noprof",
		"folio_alloc_mpol_noprof",
		"vma_alloc_folio",
		"vma_alloc_folio_noprof",
		"filemap_alloc_folio",
		"alloc_page_interleave",
		"__alloc_pages_slowpath.constprop.0",
		"get_page_from_freelist",
		"trace_event_raw_event_mm_page_alloc",
		"perf_trace_mm_page_alloc",
		"__traceiter_mm_page_alloc",
	};
	static const char *const outside[] = {
		"allocate_slab",         "new_slab",
		"__vmalloc_area_node",   "wp_page_copy",
		"folio_alloc_buffers",   "alloc_anon_folio",
		"page_frag_alloc_align", "shmem_alloc_folio",
		"pte_alloc_one",         "kmalloc_large_node_noprof",
		"alloc_page_buffers",    "alloc_percpu",
	};

	for (size_t i = 0; i < sizeof(inside) / sizeof(*inside); i++)
		if (!km_symbol_is_allocator(inside[i], KM_ALLOCATOR_PAGE))
			fail_msg("%s", inside[i]);
	for (size_t i = 0; i < sizeof(outside) / sizeof(*outside); i++)
		if (km_symbol_is_allocator(outside[i], KM_ALLOCATOR_PAGE))
			fail_msg("%s", outside[i]);
	assert_true(km_symbol_is_allocator("pcpu_alloc_noprof", KM_ALLOCATOR_PERCPU));
	assert_true(km_symbol_is_allocator("__alloc_percpu_gfp", KM_ALLOCATOR_PERCPU));
	assert_false(km_symbol_is_allocator("percpu_counter_init", KM_ALLOCATOR_PERCPU));
	assert_false(km_symbol_is_allocator("__alloc_pages", KM_ALLOCATOR_PERCPU));
}

#define KALLSYMS                                                                                   \
	"0000000000001000 T __alloc_pages\n"                                                       \
	"0000000000002000 T folio_alloc\n"                                                         \
	"0000000000003000 T client_a\n"                                                            \
	"0000000000004000 t client_b\t[module]\n"                                                  \
	"0000000000005000 T _etext\n"

/* A report of nothing but these lives. */
struct whole {
	struct km_input_info input;
	struct km_groups *groups;
	struct km_sites sites;
	struct km_symtab *symtab;
	struct km_page_life *pages;
	struct km_percpu_life *percpu;
	struct km_report *report;
};

static void whole_build(struct whole *w, const struct made *made, bool has_symbols)
{
	static const struct km_flag_name names[] = { { 0xcc0, "GFP_KERNEL" } };
	const struct km_page_life_options options = { .by_frame = true };
	struct km_rows rows = made_rows(made);
	struct km_report_parts parts = {
		.input = &w->input,
		.sites = &w->sites,
		.gfp_names = names,
		.nr_gfp_names = 1,
		.thresholds = KM_THRESHOLDS_DEFAULT,
		.kinds = { [KM_EV_PERCPU_CHUNK_CREATE] = 3, [KM_EV_PERCPU_CHUNK_DESTROY] = 1 },
	};

	w->groups = build_groups(NULL, 0, NULL);
	ASSERT_OK(km_sites_build(w->groups, NULL, &w->sites));
	if (has_symbols)
		ASSERT_OK(km_symtab_create("kallsyms", strdup(KALLSYMS), strlen(KALLSYMS),
					   &w->symtab));
	ASSERT_OK(km_page_life_create(&options, &w->pages));
	ASSERT_OK(km_page_life_add(w->pages, &rows));
	ASSERT_OK(km_percpu_life_create(false, &w->percpu));
	ASSERT_OK(km_percpu_life_add(w->percpu, &rows));
	parts.groups = w->groups;
	parts.symtab = w->symtab;
	parts.page_lives = km_page_life_finish(w->pages);
	parts.percpu_lives = km_percpu_life_finish(w->percpu);
	ASSERT_OK(km_report_build(&parts, &w->report));
}

static void whole_deinit(struct whole *w)
{
	km_report_destroy(w->report);
	km_page_life_destroy(w->pages);
	km_percpu_life_destroy(w->percpu);
	km_symtab_destroy(w->symtab);
	km_sites_deinit(&w->sites);
	km_groups_destroy(w->groups);
}

/* The same caller by two stacks, another one, and none. */
static void make_pages(struct made *made)
{
	static const uint64_t by_a[] = { 0x1010, 0x3010, 0x4010 };
	static const uint64_t by_a_too[] = { 0x1010, 0x2020, 0x3010, 0x9999 };
	static const uint64_t by_b[] = { 0x1010, 0x2020, 0x4020, 0x3010 };
	static const uint64_t inside[] = { 0x1010, 0x2020 };
	uint32_t row;

	for (uint64_t i = 0; i < 4; i++) {
		made_stack(made, made_page_alloc(made, 0x100 + i, 0), i % 2 ? by_a : by_a_too,
			   i % 2 ? 3 : 4);
		made->batch.more[made->batch.nr - 1].gfp_flags = 0xcc0;
		made->batch.more[made->batch.nr - 1].migratetype = 1;
	}
	row = made_page_alloc(made, 0x200, 3);
	made_stack(made, row, by_b, 4);
	made_stack(made, made_page_alloc(made, 0x300, 0), inside, 2);
	made_page_alloc(made, 0x400, 0);
	row = made_page_alloc(made, 0, 1);
	made->batch.size[row].alloc = 0;
	made->batch.group[row] = KM_ROW_NONE;
	made_stack(made, row, by_b, 4);
	made_page_free(made, 0x100, 0);
	made_page_free(made, 0x204, 2);
}

static void test_page_rows(void **state)
{
	struct whole w = {
		.input = { .path = "trace.dat", .page_size = 4096, .kernel_release = "6.1.0" }
	};
	struct made *made = made_create();
	const struct km_page_report *pages;

	make_pages(made);
	whole_build(&w, made, true);
	pages = w.report->pages;
	assert_int_equal(pages->nr_callers, 2);
	assert_int_equal(pages->nr_rows, 4);
	assert_true(pages->has_stacks);
	/* client_b's order 3 has most bytes */
	assert_string_equal(pages->rows[0].caller->name, "client_b+0x20 [module]");
	assert_string_equal(pages->rows[0].caller->layer, "page");
	assert_int_equal(pages->rows[0].bytes, 8 * 4096);
	assert_int_equal(pages->rows[0].bytes_live, 4 * 4096);
	assert_int_equal(pages->rows[0].live, 1);
	assert_string_equal(pages->rows[0].gfp, "none");
	assert_string_equal(pages->rows[1].caller->name, "client_a+0x10");
	assert_int_equal(pages->rows[1].hits, 4);
	assert_int_equal(pages->rows[1].freed, 1);
	assert_int_equal(pages->rows[1].live, 3);
	assert_string_equal(pages->rows[1].gfp, "GFP_KERNEL");
	assert_string_equal(pages->rows[1].migratetype_name, "Movable");
	/* nobody knows */
	assert_null(pages->rows[2].caller);
	assert_int_equal(pages->rows[2].hits, 2);
	/* failed: another order */
	assert_int_equal(pages->rows[3].failed, 1);
	assert_int_equal(pages->rows[3].bytes_failed, 8192);
	assert_int_equal(pages->rows[3].hits, 0);
	assert_int_equal(pages->nr_orders, 4);
	assert_int_equal(pages->orders[0].hits, 2);
	assert_int_equal(pages->orders[1].hits, 4);
	assert_int_equal(pages->orders[1].migratetype, 1);
	assert_int_equal(pages->orders[2].failed, 1);
	assert_int_equal(pages->orders[3].bytes, 8 * 4096);
	assert_int_equal(pages->nr_frames, 7);
	assert_int_equal(pages->frames[0].pfn, 0x100);
	assert_int_equal(pages->frames[0].live, 0);
	assert_int_equal(pages->frames[4].pfn, 0x200);
	assert_int_equal(pages->frames[4].bytes_live, 4 * 4096);
	assert_int_equal(pages->bytes_peak, 14 * 4096);
	assert_int_equal(pages->bytes_free_requests, 5 * 4096);
	whole_deinit(&w);
	free(made);
}

static void test_unknown_frames(void **state)
{
	static const uint64_t of_another[] = { 0x10, 0x3010 },
			      made_later[] = { 0x1010, 0x10, 0x3010 };
	struct km_stacks *stacks;
	struct km_symtab *symtab;
	uint64_t *callers;
	uint32_t number;

	ASSERT_OK(km_symtab_create("kallsyms", strdup(KALLSYMS), strlen(KALLSYMS), &symtab));
	ASSERT_OK(km_stacks_create(KM_STACK_FRAMES, &stacks));
	ASSERT_OK(km_stacks_add(stacks, of_another, 2, &number));
	assert_int_equal(number, 1);
	ASSERT_OK(km_stacks_add(stacks, made_later, 3, &number));
	assert_int_equal(number, 2);
	ASSERT_OK(km_callers_find(stacks, symtab, KM_ALLOCATOR_PAGE, &callers));
	assert_int_equal(callers[1], 0);
	assert_int_equal(callers[2], 0x10);
	free(callers);
	km_stacks_destroy(stacks);
	km_symtab_destroy(symtab);
}

/* Without symbols nothing says where the allocator ends. */
static void test_no_symbols(void **state)
{
	struct whole w = { .input = { .path = "trace.dat", .page_size = 4096 } };
	struct made *made = made_create();

	make_pages(made);
	whole_build(&w, made, false);
	assert_int_equal(w.report->pages->nr_callers, 0);
	for (size_t i = 0; i < w.report->pages->nr_rows; i++)
		assert_null(w.report->pages->rows[i].caller);
	assert_string_equal(w.report->pages->rows[1].migratetype_name, "1");
	whole_deinit(&w);
	free(made);
}

static void add_percpu(struct made *made, uint64_t call_site, uint32_t size, uint32_t bytes)
{
	uint32_t i = made_row(made, KM_EV_PERCPU_ALLOC, 0x8000 + 64 * made->batch.nr);

	made->batch.call_site[i] = call_site;
	made->batch.size[i] = (struct km_event_size){ size, bytes };
	made->batch.more[i].align = 8;
}

static void check_percpu(uint32_t nr_cpus, uint32_t long_bytes, uint32_t ratio, bool has_bytes,
			 uint32_t expected_cpus)
{
	struct whole w = { .input = { .path = "trace.dat",
				      .page_size = 4096,
				      .nr_cpus = nr_cpus,
				      .long_bytes = long_bytes } };
	struct made *made = made_create();
	const struct km_percpu_report *percpu;

	add_percpu(made, 0x3010, 8, 8 * ratio);
	add_percpu(made, 0x3010, 8, 8 * ratio);
	add_percpu(made, 0x4010, 64, 64 * ratio);
	whole_build(&w, made, true);
	percpu = w.report->percpus;
	assert_int_equal(percpu->nr_cpus, expected_cpus);
	assert_int_equal(percpu->has_bytes, has_bytes);
	assert_int_equal(percpu->nr_rows, 2);
	assert_string_equal(percpu->rows[0].callsite->name, "client_b+0x10 [module]");
	assert_string_equal(percpu->rows[0].callsite->layer, "percpu");
	assert_int_equal(percpu->rows[0].bytes, has_bytes ? 64 * ratio : 0);
	assert_int_equal(percpu->rows[0].bytes_extra,
			 expected_cpus ? 64 * (ratio - expected_cpus) : 0);
	assert_int_equal(percpu->rows[1].hits, 2);
	assert_int_equal(percpu->rows[1].bytes_req, 16);
	assert_int_equal(percpu->rows[1].has_extra, expected_cpus != 0);
	assert_int_equal(percpu->chunks_created, 3);
	assert_int_equal(percpu->chunks_destroyed, 1);
	whole_deinit(&w);
	free(made);
}

static void test_percpu_rows(void **state)
{
	check_percpu(2, 8, 4, true, 2); /* a pointer for each four bytes */
	check_percpu(2, 4, 3, true, 2); /* a smaller one */
	check_percpu(2, 8, 2, true, 2); /* none */
	check_percpu(4, 8, 8, true, 4); /* 16 bytes */
	check_percpu(2, 8, 7, true, 0); /* more CPUs are possible than there are */
	check_percpu(2, 8, 1, false, 0);
	check_percpu(1, 8, 1, true, 1);
}

/* What is found of objects of that size and alignment on four CPUs; NULL: nothing. */
static const char *find_waste(struct whole *w, struct made *made, uint32_t size, uint32_t align,
			      uint32_t ratio, uint32_t hits)
{
	w->input = (struct km_input_info){
		.path = "trace.dat", .page_size = 4096, .nr_cpus = 4, .long_bytes = 8
	};
	for (uint32_t i = 0; i < hits; i++) {
		add_percpu(made, 0x3010, size, size * ratio);
		made->batch.more[made->batch.nr - 1].align = align;
	}
	whole_build(w, made, true);
	return w->report->nr_findings ? w->report->findings[0].message : NULL;
}

static void check_waste(uint32_t size, uint32_t align, uint32_t ratio, uint32_t hits,
			uint64_t waste, const char *expected)
{
	struct whole w = { 0 };
	struct made *made = made_create();
	const char *found = find_waste(&w, made, size, align, ratio, hits);

	if (expected) {
		assert_non_null(found);
		assert_string_equal(found, expected);
		assert_int_equal(w.report->nr_findings, 1);
		assert_int_equal(w.report->findings[0].bytes_waste, waste);
		assert_string_equal(w.report->findings[0].callsite->name, "client_a+0x10");
	} else {
		assert_null(found);
	}
	whole_deinit(&w);
	free(made);
}

static void test_percpu_waste(void **state)
{
	/* 56 bytes behind each object, on each of four CPUs */
	check_waste(
		8, 64, 4, 100, 22400,
		"100 percpu objects of 8 bytes aligned to 64, up to 56 lost on each: 3.1 KiB on "
		"4 CPUs");
	/* two pointers for eight bytes */
	check_waste(
		1024, 8, 6, 10, 20480,
		"10 percpu objects of 1024 bytes: 60.0 KiB on 4 CPUs, 20.0 KiB of it for memory "
		"cgroups");
	check_waste(8, 8, 4, 100, 0, NULL);   /* nothing beside the size */
	check_waste(8, 64, 4, 50, 0, NULL);   /* too little */
	check_waste(1024, 8, 1, 10, 0, NULL); /* not told */
}

/* Neither page nor percpu events: no such part. */
static void test_nothing(void **state)
{
	struct whole w = { .input = { .path = "trace.dat", .page_size = 4096 } };
	struct made *made = made_create();

	made_row(made, KM_EV_KFREE, 0x1000);
	whole_build(&w, made, true);
	assert_null(w.report->pages);
	whole_deinit(&w);
	free(made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flags_text),      cmocka_unit_test(test_migratetypes),
		cmocka_unit_test(test_allocator_names), cmocka_unit_test(test_page_rows),
		cmocka_unit_test(test_no_symbols),      cmocka_unit_test(test_percpu_rows),
		cmocka_unit_test(test_percpu_waste),    cmocka_unit_test(test_unknown_frames),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
