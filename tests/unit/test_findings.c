/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules: which sizes they flag, and what they say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "builder.h"

#define NR(array) (sizeof(array) / sizeof((array)[0]))

static const char *const names[] = { NULL, "tiny_cache" };
static const char kallsyms[] = "ffffffff81001000 T alpha\n"
			       "ffffffff81002000 t beta.isra.0\n"
			       "ffffffff81003000 T gamma\n"
			       "ffffffff81004000 T _etext\n"
			       "ffffffffc0001000 t mesh_init\t[mac80211]\n"
			       "ffffffffc0002000 t mesh_exit\t[mac80211]\n";
#define ALPHA 0xffffffff81001010
#define BETA  0xffffffff81002020
#define MESH  0xffffffffc000104a

/* Builds a report of some allocations and expects these findings, in this order. */
struct expected {
	const char *severity, *rule, *name, *class, *message, *advice;
	uint64_t hits, bytes_waste, bytes_saved;
	uint32_t bytes_over;
};

static struct km_thresholds limits(double just_over, double waste, uint64_t waste_bytes)
{
	struct km_thresholds thresholds = KM_THRESHOLDS_DEFAULT;

	thresholds.just_over_percent = just_over;
	thresholds.waste_percent = waste;
	thresholds.waste_bytes = waste_bytes;
	return thresholds;
}

/* Rules beside those two are the matter of test_rules.c. */
static size_t take_waste(const struct km_report *report, const struct km_finding **ret)
{
	size_t nr = 0;

	for (size_t i = 0; i < report->nr_findings; i++)
		if (report->findings[i].rule <= KM_RULE_WASTE)
			ret[nr++] = &report->findings[i];
	return nr;
}

static void expect(const struct alloc *allocs, size_t nr, struct km_thresholds thresholds,
		   const struct expected *expected, size_t nr_expected)
{
	struct built built = { 0 };
	const struct km_report *report;
	const struct km_finding **found;
	size_t nr_found;

	build_report(&built, allocs, nr, names, kallsyms, thresholds);
	report = built.report;
	found = calloc(report->nr_findings + 1, sizeof(*found));
	nr_found = take_waste(report, found);
	for (size_t i = 0; i < nr_found && i < nr_expected; i++) {
		const struct km_finding *finding = found[i];
		const struct expected *want = &expected[i];

		assert_string_equal(finding->message, want->message);
		assert_string_equal(finding->advice, want->advice);
		assert_string_equal(km_finding_severity_name(finding->severity), want->severity);
		assert_string_equal(km_rule_info(finding->rule)->name, want->rule);
		assert_string_equal(finding->callsite->name, want->name);
		assert_string_equal(finding->size_class, want->class);
		assert_int_equal(finding->hits, want->hits);
		assert_int_equal(finding->bytes_waste, want->bytes_waste);
		assert_int_equal(finding->bytes_waste, finding->bytes_alloc - finding->bytes_req);
		assert_int_equal(finding->bytes_saved, want->bytes_saved);
		assert_int_equal(finding->bytes_over, want->bytes_over);
		assert_int_equal(finding->hits_affected, want->hits);
		assert_int_equal(finding->bytes_at_stake, finding->rule == KM_RULE_WASTE
								  ? want->bytes_waste
								  : want->bytes_saved);
		assert_int_equal(strspn(finding->fingerprint, "0123456789abcdef"), 16);
		assert_int_equal(strlen(finding->fingerprint), 16);
	}
	assert_int_equal(nr_found, nr_expected);
	free(found);
	built_deinit(&built);
}

/* The numbers of a mesh of 25 nodes: struct mesh_rmc, struct minstrel_ht_sta. */
static void mesh_findings(void **state)
{
	static const struct alloc allocs[] = {
		{ MESH, KM_EV_KMALLOC, 2056, 4096, 25 },
		{ ALPHA, KM_EV_KMALLOC, 10824, 16384, 600 },
		{ BETA, KM_EV_KMALLOC, 611, 1024, 2242 },
		{ BETA, KM_EV_KMALLOC, 614, 1024, 5936 },
	};
	static const struct expected findings[] = {
		{ "high", "waste", "beta.isra.0+0x20", "kmalloc-1k",
		  "611 to 614 bytes out of kmalloc-1k: 40.1% unused",
		  "102 bytes less would fit kmalloc-512 and save 512 bytes an object, 4.0 MiB in "
		  "all; if many live at once, a kmem_cache of its own saves up to 405 an object",
		  8178, 3359706, 8178 * 512 },
		{ "high", "waste", "alpha+0x10", "order-2",
		  "10824 bytes in an order-2 page allocation of 16384 (4 pages), over the largest "
		  "kmalloc cache: 33.9% unused",
		  "5560 bytes an object are lost to the page order: split it, or allocate the "
		  "parts separately, each within kmalloc-8k; alloc_pages_exact() gives 1 of the 4 "
		  "pages back, 2.3 MiB in all",
		  600, 3336000, 600 * 4096 },
		{ "high", "just-over", "mesh_init+0x4a [mac80211]", "kmalloc-4k",
		  "2056 bytes: 8 over kmalloc-2k, allocated 4096",
		  "8 bytes less would save 2048 bytes an object, 50.0 KiB in all", 25, 51000, 51200,
		  8 },
	};

	expect(allocs, NR(allocs), KM_THRESHOLDS_DEFAULT, findings, NR(findings));
}

/* One size over, one under the limit of 12.5 %, and one that is just below a class. */
static void just_over_has_a_limit(void **state)
{
	static const struct alloc allocs[] = {
		{ ALPHA, KM_EV_KMALLOC, 576, 1024, 1 },
		{ BETA, KM_EV_KMALLOC, 577, 1024, 1 },
		{ MESH, KM_EV_KMALLOC, 512, 512, 1 },
	};
	static const struct expected findings[] = {
		{ "low", "just-over", "alpha+0x10", "kmalloc-1k",
		  "576 bytes: 64 over kmalloc-512, allocated 1024",
		  "64 bytes less would save 512 bytes an object, 512 B in all", 1, 448, 512, 64 },
	};

	expect(allocs, NR(allocs), KM_THRESHOLDS_DEFAULT, findings, NR(findings));
}

static void just_over_limit_can_be_set(void **state)
{
	static const struct alloc allocs[] = {
		{ ALPHA, KM_EV_KMALLOC, 520, 1024, 1 },
		{ BETA, KM_EV_KMALLOC, 576, 1024, 1 },
	};
	static const struct expected findings[] = {
		{ "low", "just-over", "alpha+0x10", "kmalloc-1k",
		  "520 bytes: 8 over kmalloc-512, allocated 1024",
		  "8 bytes less would save 512 bytes an object, 512 B in all", 1, 504, 512, 8 },
	};

	expect(allocs, NR(allocs), limits(2.0, 25.0, 16384), findings, NR(findings));
	expect(allocs, NR(allocs), limits(0.0, 100.0, 16384), NULL, 0);
}

/* Saving decides high and medium from low, the distance high from medium. */
static void just_over_severities(void **state)
{
	static const struct alloc allocs[] = {
		{ ALPHA, KM_EV_KMALLOC, 528, 1024, 32 }, /* 16 over 512: 1/32 */
		{ BETA, KM_EV_KMALLOC, 529, 1024, 32 },
		{ MESH, KM_EV_KMALLOC, 528, 1024, 31 },
	};
	static const struct expected findings[] = {
		{ "high", "just-over", "alpha+0x10", "kmalloc-1k",
		  "528 bytes: 16 over kmalloc-512, allocated 1024",
		  "16 bytes less would save 512 bytes an object, 16.0 KiB in all", 32, 15872, 16384,
		  16 },
		{ "medium", "just-over", "beta.isra.0+0x20", "kmalloc-1k",
		  "529 bytes: 17 over kmalloc-512, allocated 1024",
		  "17 bytes less would save 512 bytes an object, 16.0 KiB in all", 32, 15840, 16384,
		  17 },
		{ "low", "just-over", "mesh_init+0x4a [mac80211]", "kmalloc-1k",
		  "528 bytes: 16 over kmalloc-512, allocated 1024",
		  "16 bytes less would save 512 bytes an object, 15.5 KiB in all", 31, 15376, 15872,
		  16 },
	};

	expect(allocs, NR(allocs), KM_THRESHOLDS_DEFAULT, findings, NR(findings));
}

/* Sizes of one class are one finding with ranges, those of other classes others. */
static void just_over_ranges_and_pages(void **state)
{
	static const struct alloc allocs[] = {
		{ ALPHA, KM_EV_KMALLOC, 1077, 2048, 10 },  { ALPHA, KM_EV_KMALLOC, 1078, 2048, 15 },
		{ ALPHA, KM_EV_KMALLOC, 4104, 8192, 1 },   { ALPHA, KM_EV_KMALLOC, 8200, 16384, 1 },
		{ ALPHA, KM_EV_KMALLOC, 16385, 32768, 1 }, { ALPHA, KM_EV_KMALLOC, 9, 16, 1 },
	};
	static const struct expected findings[] = {
		{ "medium", "just-over", "alpha+0x10", "kmalloc-2k",
		  "1077 to 1078 bytes: 53 to 54 over kmalloc-1k, allocated 2048",
		  "54 bytes less would save 1024 bytes an object, 25.0 KiB in all", 25, 24260,
		  25600, 54 },
		{ "high", "just-over", "alpha+0x10", "order-3",
		  "16385 bytes: 1 over order-2 (16384 bytes), allocated 32768, an order-3 page "
		  "allocation",
		  "1 byte less would save 16384 bytes an object, 16.0 KiB in all; as it is, "
		  "alloc_pages_exact() would take 5 pages of 8",
		  1, 16383, 16384, 1 },
		{ "low", "just-over", "alpha+0x10", "order-2",
		  "8200 bytes: 8 over kmalloc-8k, allocated 16384, an order-2 page allocation",
		  "8 bytes less would save 8192 bytes an object, 8.0 KiB in all; as it is, "
		  "alloc_pages_exact() would take 3 pages of 4",
		  1, 8184, 8192, 8 },
		{ "low", "just-over", "alpha+0x10", "kmalloc-8k",
		  "4104 bytes: 8 over a page (kmalloc-4k), allocated 8192",
		  "8 bytes less would save 4096 bytes an object, 4.0 KiB in all", 1, 4088, 4096,
		  8 },
		{ "low", "just-over", "alpha+0x10", "kmalloc-16",
		  "9 bytes: 1 over kmalloc-8, allocated 16",
		  "1 byte less would save 8 bytes an object, 8 B in all", 1, 7, 8, 1 },
	};
	struct expected sorted[NR(findings)];

	/* high comes first */
	memcpy(sorted, findings, sizeof(sorted));
	sorted[0] = findings[1];
	sorted[1] = findings[0];
	expect(allocs, NR(allocs), KM_THRESHOLDS_DEFAULT, sorted, NR(sorted));
}

/* kmem_cache_alloc knows no class below; nor does a kernel without kmalloc-64. */
static void just_over_needs_slub_classes(void **state)
{
	static const struct alloc allocs[] = {
		{ ALPHA, KM_EV_CACHE_ALLOC, 2056, 4096, 1 },
		{ BETA, KM_EV_KMALLOC, 66, 128, 1 },
		{ MESH, KM_EV_KMALLOC, 66, 66, 1 },
	};

	expect(allocs, NR(allocs), KM_THRESHOLDS_DEFAULT, NULL, 0);
}

/* 25 % of 16 KiB is flagged, a byte less waste or a byte less fragmentation is not. */
static void waste_thresholds(void **state)
{
	static const struct alloc allocs[] = {
		{ ALPHA, KM_EV_KMALLOC, 384, 512, 128 },
		{ BETA, KM_EV_KMALLOC, 384, 512, 127 },
		{ MESH, KM_EV_KMALLOC, 385, 512, 1280 },
	};
	static const struct expected findings[] = {
		{ "low", "waste", "alpha+0x10", "kmalloc-512",
		  "384 bytes out of kmalloc-512: 25.0% unused",
		  "if many live at once, a kmem_cache of its own, for objects of 384 bytes, saves "
		  "up to 126 bytes an object, 15.8 KiB in all",
		  128, 16384, 0 },
	};

	expect(allocs, NR(allocs), KM_THRESHOLDS_DEFAULT, findings, NR(findings));
}

/* 16 x 16 KiB is medium, a MiB is high. */
static void waste_severities(void **state)
{
	static const struct alloc allocs[] = {
		{ ALPHA, KM_EV_KMALLOC, 384, 512, 8192 },
		{ BETA, KM_EV_KMALLOC, 384, 512, 8191 },
		{ MESH, KM_EV_KMALLOC, 384, 512, 2047 },
	};
	struct built built = { 0 };

	build_report(&built, allocs, NR(allocs), names, kallsyms, KM_THRESHOLDS_DEFAULT);
	assert_int_equal(built.report->nr_findings, 3);
	assert_int_equal(built.report->findings[0].severity, KM_FIND_HIGH);
	assert_int_equal(built.report->findings[1].severity, KM_FIND_MEDIUM);
	assert_int_equal(built.report->findings[2].severity, KM_FIND_LOW);
	built_deinit(&built);
}

/* Sizes that just-over flags are not waste too, other sizes of the call site are. */
static void waste_leaves_just_over_alone(void **state)
{
	static const struct alloc allocs[] = {
		{ ALPHA, KM_EV_KMALLOC, 520, 1024, 100 },
		{ ALPHA, KM_EV_KMALLOC, 600, 1024, 100 },
	};
	static const struct expected findings[] = {
		{ "high", "just-over", "alpha+0x10", "kmalloc-1k",
		  "520 bytes: 8 over kmalloc-512, allocated 1024",
		  "8 bytes less would save 512 bytes an object, 50.0 KiB in all", 100, 50400, 51200,
		  8 },
		{ "low", "waste", "alpha+0x10", "kmalloc-1k",
		  "600 bytes out of kmalloc-1k: 41.4% unused",
		  "88 bytes less would fit kmalloc-512 and save 512 bytes an object, 50.0 KiB in "
		  "all",
		  100, 42400, 51200 },
	};

	expect(allocs, NR(allocs), KM_THRESHOLDS_DEFAULT, findings, NR(findings));
}

static const struct km_thresholds all_waste = { 0.0, 25.0, 1 };

static void waste_of_variable_sizes(void **state)
{
	static const struct alloc allocs[] = {
		{ ALPHA, KM_EV_KMALLOC, 24, 32, 51 },
		{ ALPHA, KM_EV_KMALLOC, 2608, 4096, 50 },
	};
	static const struct expected findings[] = {
		{ "high", "waste", "alpha+0x10", "kmalloc-4k",
		  "2608 bytes out of kmalloc-4k: 36.3% unused",
		  "the sizes of this call site vary (24 to 2608 bytes): allocate the part of fixed "
		  "size apart from the variable one, or place several in one block",
		  50, 74400, 0 },
		{ "high", "waste", "alpha+0x10", "kmalloc-32",
		  "24 bytes out of kmalloc-32: 25.0% "
		  "unused",
		  "the sizes of this call site vary (24 to 2608 bytes): allocate the part of fixed "
		  "size apart from the variable one, or place several in one block",
		  51, 408, 0 },
	};
	struct expected medium[NR(findings)];

	memcpy(medium, findings, sizeof(medium));
	medium[0].severity = medium[1].severity = "medium";
	expect(allocs, NR(allocs), all_waste, medium, NR(medium));
}

/* Nothing smaller than 8 bytes, and 9 bytes in a cache of their own take 16 too. */
static void waste_of_small_objects(void **state)
{
	static const struct alloc allocs[] = {
		{ ALPHA, KM_EV_KMALLOC, 5, 8, 2 },
		{ BETA, KM_EV_KMALLOC, 11, 16, 1 },
	};
	static const char advice[] =
		"no smaller class or cache can hold it: make it a member of "
		"the object that points to it, or allocate several as one array";
	static const struct expected findings[] = {
		{ "low", "waste", "alpha+0x10", "kmalloc-8",
		  "5 bytes out of kmalloc-8: 37.5% unused", advice, 2, 6, 0 },
		{ "low", "waste", "beta.isra.0+0x20", "kmalloc-16",
		  "11 bytes out of kmalloc-16: 31.2% unused", advice, 1, 5, 0 },
	};

	expect(allocs, NR(allocs), limits(0.0, 25.0, 2), findings, NR(findings));
}

static void waste_of_other_classes(void **state)
{
	static const struct alloc allocs[] = {
		{ ALPHA, KM_EV_KMALLOC, 40, 128, 1 },
		{ BETA, KM_EV_KMALLOC, 64, 136, 1 },
	};
	static const struct expected findings[] = {
		{ "low", "waste", "alpha+0x10", "kmalloc-128",
		  "40 bytes out of kmalloc-128, objects of 128: 68.8% unused",
		  "SLUB's kmalloc-64 would hold it: this kernel's classes differ (slab debugging, "
		  "a larger KMALLOC_MIN_SIZE, another allocator); measure without slab debugging "
		  "before changing the code",
		  1, 88, 0 },
		{ "low", "waste", "beta.isra.0+0x20", "size-136",
		  "64 bytes out of size-136, objects of 136: 52.9% unused",
		  "SLUB's kmalloc-64 would hold it: this kernel's classes differ (slab debugging, "
		  "a larger KMALLOC_MIN_SIZE, another allocator); measure without slab debugging "
		  "before changing the code",
		  1, 72, 0 },
	};

	expect(allocs, NR(allocs), limits(0.0, 25.0, 60), findings, NR(findings));
}

static void waste_of_caches(void **state)
{
	static const struct alloc allocs[] = {
		{ ALPHA, KM_EV_CACHE_ALLOC, 40, 64, 10, .cache = 1 },
		{ BETA, KM_EV_CACHE_ALLOC, 40, 64, 5 },
	};
	static const char advice[] =
		"24 bytes an object are alignment (or slab debugging): without SLAB_HWCACHE_ALIGN, "
		"or with a smaller align for kmem_cache_create(), more objects fit a slab, if "
		"sharing cache lines does no harm";
	static const struct expected findings[] = {
		{ "low", "waste", "alpha+0x10", "tiny_cache",
		  "40 bytes out of tiny_cache, objects of 64: 37.5% unused", advice, 10, 240, 0 },
		{ "low", "waste", "beta.isra.0+0x20", "cache-64",
		  "40 bytes out of cache-64, objects of 64: 37.5% unused", advice, 5, 120, 0 },
	};

	expect(allocs, NR(allocs), limits(0.0, 25.0, 100), findings, NR(findings));
}

/* A page order without a whole page to give back. */
static void waste_of_full_page_orders(void **state)
{
	static const struct alloc allocs[] = {
		{ ALPHA, KM_EV_KMALLOC, 12300, 16384, 1 },
	};
	static const struct expected findings[] = {
		{ "low", "waste", "alpha+0x10", "order-2",
		  "12300 bytes in an order-2 page allocation of 16384 (4 pages), over the largest "
		  "kmalloc cache: 24.9% unused",
		  "4084 bytes an object are lost to the page order: allocate its parts separately, "
		  "or make it 4108 bytes smaller to fit kmalloc-8k",
		  1, 4084, 0 },
	};

	expect(allocs, NR(allocs), limits(0.0, 20.0, 4000), findings, NR(findings));
}

/* A wrapper's own line is no place to mend. */
static void wrappers_point_to_callers(void **state)
{
	static const char wrapper[] = "ffffffff81001000 T kvmalloc_node\n"
				      "ffffffff81002000 T kvmalloc_node_other\n"
				      "ffffffff81003000 T gamma\n";
	static const struct alloc allocs[] = {
		{ ALPHA, KM_EV_KMALLOC, 520, 1024, 2 },
		{ BETA, KM_EV_KMALLOC, 520, 1024, 1 },
	};
	struct built built = { 0 };

	build_report(&built, allocs, NR(allocs), names, wrapper, KM_THRESHOLDS_DEFAULT);
	assert_int_equal(built.report->nr_findings, 2);
	assert_string_equal(built.report->findings[0].advice,
			    "8 bytes less would save 512 bytes an object, 1.0 KiB in all; "
			    "kvmalloc_node() allocates for others: stack traces (trace-cmd record "
			    "-T) tell for whom");
	assert_string_equal(built.report->findings[1].advice,
			    "8 bytes less would save 512 bytes an object, 512 B in all");
	built_deinit(&built);
}

/* Without symbols, and with hostile ones. */
static void names_of_callsites(void **state)
{
	static const char hostile[] = "ffffffff81001000 T al\033[31mpha\n"
				      "ffffffff81002000 T beta\t[m\nod]\n"
				      "ffffffff81003000 T gamma\n";
	static const struct alloc one = { ALPHA, KM_EV_KMALLOC, 8, 8, 1 };
	struct built built = { 0 };

	build_report(&built, &one, 1, names, NULL, KM_THRESHOLDS_DEFAULT);
	assert_string_equal(built.report->callsites[0].name, "0xffffffff81001010");
	assert_false(built.report->callsites[0].has_symbol);
	assert_false(built.report->has_symbols);
	built_deinit(&built);

	memset(&built, 0, sizeof(built));
	build_report(&built, &one, 1, names, hostile, KM_THRESHOLDS_DEFAULT);
	assert_string_equal(built.report->callsites[0].name, "al?[31mpha+0x10");
	built_deinit(&built);
}

/* The class table: kmalloc classes by size, page orders, other sizes, caches. */
static void classes_are_ordered(void **state)
{
	static const struct alloc allocs[] = {
		{ ALPHA, KM_EV_CACHE_ALLOC, 40, 64, 1, .cache = 1 },
		{ ALPHA, KM_EV_CACHE_ALLOC, 40, 48, 7 },
		{ ALPHA, KM_EV_KMALLOC, 10824, 16384, 1 },
		{ ALPHA, KM_EV_KMALLOC, 100, 128, 1 },
		{ BETA, KM_EV_KMALLOC, 90, 128, 2 },
		{ BETA, KM_EV_KMALLOC, 100, 128, 2 },
		{ BETA, KM_EV_KMALLOC, 6, 8, 2 },
		{ BETA, KM_EV_KMALLOC, 100, 200, 2 },
	};
	static const char *const expected[] = { "kmalloc-8", "kmalloc-128", "order-2",
						"size-200",  "cache-48",    "tiny_cache" };
	struct built built = { 0 };
	const struct km_report_class *class;

	build_report(&built, allocs, NR(allocs), names, kallsyms, KM_THRESHOLDS_DEFAULT);
	assert_int_equal(built.report->nr_classes, NR(expected));
	for (size_t i = 0; i < NR(expected); i++)
		assert_string_equal(built.report->classes[i].name, expected[i]);
	class = &built.report->classes[1];
	assert_int_equal(class->bytes, 128);
	assert_int_equal(class->hits, 5);
	assert_int_equal(class->bytes_req, 480);
	assert_int_equal(class->bytes_alloc, 640);
	assert_int_equal(class->bytes_waste, 160);
	assert_int_equal(class->nr_sites, 2);
	assert_string_equal(class->sites[0].callsite->name, "beta.isra.0+0x20");
	assert_int_equal(class->sites[0].hits, 4);
	assert_int_equal(class->sites[0].bytes_waste, 132);
	assert_string_equal(class->sites[1].callsite->name, "alpha+0x10");
	/* call sites: by waste; the class is that of most bytes */
	assert_string_equal(built.report->callsites[0].name, "alpha+0x10");
	assert_string_equal(built.report->callsites[0].size_class, "order-2");
	assert_int_equal(built.report->slab.allocs, 18);
	built_deinit(&built);
}

/* A page size that cannot be must not break the report. */
static void any_page_size(void **state)
{
	static const struct alloc allocs[] = {
		{ ALPHA, KM_EV_KMALLOC, 10824, 16384, 1 },
		{ ALPHA, KM_EV_KMALLOC, UINT32_MAX, UINT32_MAX, 1 },
	};
	/* 16384 bytes are an order-2, or of a kmalloc cache */
	static const struct {
		uint32_t page_size;
		size_t nr_findings;
	} cases[] = {
		{ 1, 2 }, { 4097, 2 }, { 65536, 1 }, { UINT32_C(1) << 31, 1 }, { UINT32_MAX, 2 }
	};

	for (size_t i = 0; i < NR(cases); i++) {
		struct built built = { .input = { .path = "x", .page_size = cases[i].page_size } };

		build_report(&built, allocs, NR(allocs), names, kallsyms, all_waste);
		assert_int_equal(built.report->nr_findings, cases[i].nr_findings);
		built_deinit(&built);
	}
}

static void assert_usage(const struct km_report *report, const char *sort, const char *fields,
			 const char *message)
{
	struct km_view_options options = { .sort = sort, .fields = fields };
	struct km_view *view;
	struct km_error *error = km_view_create(report, &options, &view);

	assert_non_null(error);
	assert_int_equal(error->kind, KM_ERR_USAGE);
	assert_string_equal(error->message, message);
	km_error_free(error);
}

static void views_sort_and_select(void **state)
{
	static const struct alloc allocs[] = {
		{ ALPHA, KM_EV_KMALLOC, 100, 128, 3 },  /* waste 84, bytes 384 */
		{ BETA, KM_EV_KMALLOC, 60, 64, 21 },    /* waste 84, bytes 1344 */
		{ MESH, KM_EV_KMALLOC, 2056, 4096, 1 }, /* waste 2040 */
	};
	static const struct {
		const char *sort, *order;
	} cases[] = {
		{ NULL, "mab" },       { "waste", "mab" },      { "waste,bytes", "mba" },
		{ "callsite", "abm" }, { "hit", "bam" },        { "bytes", "mba" },
		{ "frag", "mab" },     { "module,hit", "mba" },
	};
	struct built built = { 0 };
	const struct km_list *list;
	struct km_view *view;

	build_report(&built, allocs, NR(allocs), names, kallsyms, KM_THRESHOLDS_DEFAULT);
	for (size_t i = 0; i < NR(cases); i++) {
		struct km_view_options options = { .sort = cases[i].sort };

		ASSERT_OK(km_view_create(built.report, &options, &view));
		list = &view->lists[KM_LIST_CALLSITES];
		assert_int_equal(list->nr_rows, 3);
		for (size_t j = 0; j < 3; j++)
			assert_int_equal(((const struct km_callsite *)list->rows[j])->name[0],
					 cases[i].order[j]);
		assert_int_equal(list->nr_columns, 7);
		assert_false(list->has_fields);
		km_view_destroy(view);
	}
	assert_usage(built.report, "hit,nonsense", NULL,
		     "unknown sort key \"nonsense\" of --caller");
	assert_usage(built.report, "hit,", NULL, "empty sort key");
	assert_usage(built.report, "source", NULL, "unknown sort key \"source\" of --caller");
	assert_usage(built.report, NULL, "hit,ptr", "unknown field \"ptr\" of --caller");
	assert_usage(built.report, NULL, "", "empty field");
	assert_usage(built.report, NULL, "+", "empty field");
	built_deinit(&built);
}

static void views_limit_and_add(void **state)
{
	static const struct alloc allocs[] = {
		{ ALPHA, KM_EV_KMALLOC, 520, 1024, 100 }, /* high */
		{ BETA, KM_EV_KMALLOC, 570, 1024, 100 },  /* medium */
		{ MESH, KM_EV_KMALLOC, 570, 1024, 1 },    /* low */
	};
	struct km_view_options options = { .fields = "hit,callsite,hit",
					   .max_rows = 2,
					   .min_severity = KM_FIND_MEDIUM };
	struct built built = { 0 };
	const struct km_list *list;
	struct km_view *view;

	build_report(&built, allocs, NR(allocs), names, kallsyms, KM_THRESHOLDS_DEFAULT);
	ASSERT_OK(km_view_create(built.report, &options, &view));
	list = &view->lists[KM_LIST_CALLSITES];
	assert_int_equal(list->nr_rows, 2);
	assert_int_equal(list->nr_left_out, 1);
	assert_int_equal(view->nr_findings, 2);
	assert_int_equal(list->nr_columns, 2);
	assert_string_equal(list->columns[0]->key, "hit");
	assert_string_equal(list->columns[1]->key, "callsite");
	assert_true(list->has_fields);
	km_view_destroy(view);

	options = (struct km_view_options){ .fields = "+class,waste", .max_findings = 1 };
	ASSERT_OK(km_view_create(built.report, &options, &view));
	list = &view->lists[KM_LIST_CALLSITES];
	assert_int_equal(view->nr_findings, 1);
	assert_int_equal(list->nr_left_out, 0);
	assert_int_equal(list->nr_columns, 8);
	assert_string_equal(list->columns[0]->key, "callsite");
	assert_string_equal(list->columns[7]->key, "class");
	km_view_destroy(view);
	built_deinit(&built);
}

/* What readers of reports get to see of rules. */
static void rules_explain_themselves(void **state)
{
	for (enum km_rule rule = 0; rule < KM_NR_RULES; rule++) {
		const struct km_rule_info *info = km_rule_info(rule);
		const char *const texts[] = { info->meaning, info->mend, info->false_alarm };

		assert_non_null(info->summary);
		for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
			assert_non_null(texts[i]);
			assert_int_equal(texts[i][strlen(texts[i]) - 1], '.');
			/* GitHub's limit for a description */
			assert_true(strlen(texts[i]) < 1024);
		}
		assert_false(info->is_about_waste && info->is_about_time);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_explain_themselves),
		cmocka_unit_test(mesh_findings),
		cmocka_unit_test(just_over_has_a_limit),
		cmocka_unit_test(just_over_limit_can_be_set),
		cmocka_unit_test(just_over_severities),
		cmocka_unit_test(just_over_ranges_and_pages),
		cmocka_unit_test(just_over_needs_slub_classes),
		cmocka_unit_test(waste_thresholds),
		cmocka_unit_test(waste_severities),
		cmocka_unit_test(waste_leaves_just_over_alone),
		cmocka_unit_test(waste_of_variable_sizes),
		cmocka_unit_test(waste_of_small_objects),
		cmocka_unit_test(waste_of_other_classes),
		cmocka_unit_test(waste_of_caches),
		cmocka_unit_test(waste_of_full_page_orders),
		cmocka_unit_test(wrappers_point_to_callers),
		cmocka_unit_test(names_of_callsites),
		cmocka_unit_test(classes_are_ordered),
		cmocka_unit_test(any_page_size),
		cmocka_unit_test(views_sort_and_select),
		cmocka_unit_test(views_limit_and_add),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
