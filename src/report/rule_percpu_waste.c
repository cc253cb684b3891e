/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * percpu-waste: percpu objects that cost more than their size on every CPU. Beside it the kernel
 * keeps a pointer to the memory cgroup for every four bytes (pcpu_obj_full_size(),
 * mm/percpu-internal.h, v6.1), and an alignment beyond the size leaves bytes free that only smaller
 * objects can use (pcpu_alloc_area(), mm/percpu.c). That an object was rounded up to four bytes
 * (PCPU_MIN_ALLOC_SIZE, since 4.14) cannot be told: the event has the size after that.
 */
#include "report/findings.h"

#include <inttypes.h>
#include <stdio.h>

/* Objects up to this size are worth being put together. */
#define SMALL_SIZE 16

static uint32_t cpus_of(const struct km_report *report)
{
	return report->percpus->nr_cpus ? report->percpus->nr_cpus : report->input->nr_cpus;
}

/* Bytes behind an object, up to the next place where one of that alignment may be; on one CPU. */
static uint32_t align_gap(const struct km_percpu_row *row)
{
	return row->align > row->size ? row->align - row->size : 0;
}

static uint64_t waste_of(const struct km_report *report, const struct km_percpu_row *row)
{
	const uint64_t gaps = km_sat_mul(row->hits, km_sat_mul(align_gap(row), cpus_of(report)));

	return km_sat_add(row->bytes_extra, gaps);
}

static char *message(const struct km_report *report, const struct km_percpu_row *row,
		     struct km_strings *strings)
{
	char total[KM_HUMAN_SIZE], extra[KM_HUMAN_SIZE], gap[96] = "", beside[96] = "";

	if (align_gap(row))
		snprintf(gap, sizeof(gap),
			 " aligned to %" PRIu32 ", up to %" PRIu32 " lost on each", row->align,
			 align_gap(row));
	if (row->bytes_extra)
		snprintf(beside, sizeof(beside), ", %s of it for memory cgroups",
			 km_human_bytes(row->bytes_extra, extra));
	return km_strings_printf(
		strings, "%" PRIu64 " percpu %s of %" PRIu32 " bytes%s: %s on %" PRIu32 " CPUs%s",
		row->hits, row->hits == 1 ? "object" : "objects", row->size, gap,
		km_human_bytes(row->bytes, total), cpus_of(report), beside);
}

static char *advice(const struct km_percpu_row *row, struct km_strings *strings)
{
	if (align_gap(row))
		return km_strings_printf(strings,
					 "ask for the alignment that the type needs, or fill the "
					 "%" PRIu32 " bytes with what else is kept for each CPU",
					 row->align);
	if (row->size <= SMALL_SIZE)
		return km_strings_printf(strings,
					 "counters that seldom change need no copy for each CPU; "
					 "those that do can share one percpu structure");
	return km_strings_printf(strings,
				 "what is seldom written need not be in the percpu object: "
				 "every four bytes of it cost that on each CPU");
}

bool km_rule_percpu_waste_flags(const struct km_report *report, const struct km_percpu_row *row,
				const struct km_thresholds *thresholds)
{
	const uint64_t waste = waste_of(report, row);
	const double all = (double)km_sat_add(row->bytes, waste - row->bytes_extra);

	/* one without a call site names no place to mend */
	if (!row->callsite || !row->has_bytes || waste < thresholds->waste_bytes)
		return false;
	return 100.0 * (double)waste >= thresholds->waste_percent * all;
}

struct km_error *km_rule_percpu_waste_find(struct km_report_own *own,
					   const struct km_percpu_row *row,
					   const struct km_thresholds *thresholds,
					   struct km_finding *ret)
{
	const struct km_report *report = &own->report;
	struct km_finding finding = {
		.rule = KM_RULE_PERCPU_WASTE,
		.callsite = row->callsite,
		.hits = row->hits,
		.bytes_req = row->bytes_req,
		.bytes_alloc = row->bytes,
		.bytes_waste = waste_of(report, row),
		.bytes_at_stake = waste_of(report, row),
		.hits_affected = row->hits,
	};

	if (finding.bytes_waste / 64 >= thresholds->waste_bytes)
		finding.severity = KM_FIND_HIGH;
	else if (finding.bytes_waste / 4 >= thresholds->waste_bytes)
		finding.severity = KM_FIND_MEDIUM;
	finding.message = message(report, row, &own->strings);
	finding.advice = advice(row, &own->strings);
	finding.size_class = km_strings_printf(&own->strings, "percpu-%" PRIu32, row->size);
	if (!finding.message || !finding.advice || !finding.size_class)
		return &km_error_memory;
	*ret = finding;
	return NULL;
}

const struct km_rule_row km_rule_percpu_waste = {
	.info = {
		.rule = KM_RULE_PERCPU_WASTE,
		.name = "percpu-waste",
		.summary = "percpu objects that cost much more than their size on every CPU",
		.meaning =
			"Percpu objects cost much beside their size, on every CPU: an alignment "
			"that leaves bytes free behind them, or the pointers to a memory cgroup "
			"that the kernel keeps for every four bytes.",
		.mend =
			"Ask for the alignment that the type needs and no more, put small "
			"objects together into one, and do not charge what user space cannot "
			"multiply.",
		.false_alarm =
			"There are few of the objects, or the alignment keeps CPUs from writing "
			"to one cache line.",
		.is_about_waste = true,
		.is_about_sizes = true,
		.needs_pairs = true,
	},
	.scope = KM_SCOPE_PERCPU,
};
