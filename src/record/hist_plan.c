/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which hist triggers count an event. A trigger has three keys at most (TRACING_MAP_KEYS_MAX,
 * kernel/trace/tracing_map.h, v6.1): what else tells events apart is a filter, of a trigger for
 *each case. A value that is added up would not do: it is read after the hits it belongs to.
 *
 *	kmalloc, kmem_cache_alloc   keys call_site, bytes_req, bytes_alloc; one trigger for what is
 *	                            accounted, by its field or __GFP_ACCOUNT in gfp_flags, one for
 *	                            what is not; how many failed
 *	percpu_alloc_percpu         keys call_site, size, bytes_alloc, as far as it has them
 *	mm_page_alloc               key order; how many failed
 *	kfree                       how many; those of nothing by ptr
 *	frees, percpu chunks        how many: common_type is the same for all
 */
#include "record/hist_plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode/account.h"

static bool has_field(struct km_span format, const char *name)
{
	return km_format_has_field(format, name, NULL);
}

/* A plan in the making. */
struct making {
	struct km_hist_plan *plan;
	struct km_span format;
	enum km_event_kind kind;
	const char *filter; /* of the user, or NULL */
	uint64_t entries;
};

/*
 * Adds a trigger; `condition` or NULL. Without a number of entries it gets a quarter of kmalloc's:
 * a call site of a kmem_cache has one size, one of percpu objects few, and of kmalloc's few are
 * accounted. The kernel's time to read a table goes with its size, however few entries are in use.
 */
static struct km_error *add(const struct making *making, const struct km_hist_trigger *trigger,
			    const char *condition)
{
	struct km_hist_plan *plan = making->plan;
	struct km_hist_trigger *added = &plan->triggers[plan->nr];
	int got = 0;

	*added = *trigger;
	added->kind = making->kind;
	added->filter = NULL;
	if (!added->entries)
		added->entries = making->entries > 4 * KM_HIST_LEAST_ENTRIES
					 ? making->entries / 4
					 : KM_HIST_LEAST_ENTRIES;
	if (making->filter && condition)
		got = asprintf(&added->filter, "(%s) && %s", making->filter, condition);
	else if (making->filter || condition)
		got = asprintf(&added->filter, "%s", condition ? condition : making->filter);
	if (got < 0) {
		added->filter = NULL;
		return &km_error_memory;
	}
	plan->nr++;
	return NULL;
}

/* Nothing but how many there are. */
static struct km_error *add_number(const struct making *making, enum km_hist_counts counts,
				   const char *condition)
{
	const struct km_hist_trigger trigger = {
		.counts = counts,
		.keys = "common_type",
		.entries = KM_HIST_LEAST_ENTRIES,
	};

	return add(making, &trigger, condition);
}

static struct km_error *lacks(const char *field)
{
	return km_error_create(KM_ERR_INPUT, NULL, "the event's format has no field '%s'", field);
}

/* The trigger, or two: of what is accounted and of what is not. `condition` or NULL. */
static struct km_error *add_allocs(const struct making *making, struct km_hist_trigger trigger,
				   const char *condition)
{
	const struct km_account account = km_format_account(making->format);
	const char *base = condition ? condition : "", *and = condition ? " && " : "";
	char with[128], without[128];
	struct km_error *error;

	if (!account.has_field && !account.gfp_mask)
		return add(making, &trigger, condition);
	if (account.has_field) {
		snprintf(with, sizeof(with), "%s%saccounted != 0", base, and);
		snprintf(without, sizeof(without), "%s%saccounted == 0", base, and);
	} else {
		snprintf(with, sizeof(with), "%s%sgfp_flags & 0x%" PRIx64, base, and,
			 account.gfp_mask);
		snprintf(without, sizeof(without), "%s%s!(gfp_flags & 0x%" PRIx64 ")", base, and,
			 account.gfp_mask);
	}
	error = add(making, &trigger, without);
	trigger.entries = 0;
	trigger.is_accounted = true;
	return error ? error : add(making, &trigger, with);
}

/* kmalloc*, kmem_cache_alloc* */
static struct km_error *plan_slab_alloc(const struct making *making)
{
	static const char *const fields[] = { "call_site", "bytes_req", "bytes_alloc", "ptr" };
	const bool is_kmalloc = making->kind == KM_EV_KMALLOC || making->kind == KM_EV_KMALLOC_NODE;
	const struct km_hist_trigger trigger = {
		.keys = "call_site.hex,bytes_req,bytes_alloc",
		.key = { KM_HIST_KEY_CALL_SITE, KM_HIST_KEY_REQ, KM_HIST_KEY_ALLOC },
		.entries = is_kmalloc ? making->entries : 0,
	};
	struct km_error *error;

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (!has_field(making->format, fields[i]))
			return lacks(fields[i]);
	error = add_allocs(making, trigger, "ptr != 0");
	return error ? error : add_number(making, KM_HIST_FAILED, "ptr == 0");
}

static struct km_error *plan_percpu_alloc(const struct making *making)
{
	/* bytes_alloc and call_site came together (v5.19) */
	static const struct km_hist_trigger new = {
		.keys = "call_site.hex,size,bytes_alloc",
		.key = { KM_HIST_KEY_CALL_SITE, KM_HIST_KEY_REQ, KM_HIST_KEY_ALLOC },
	};
	static const struct km_hist_trigger old = {
		.keys = "size",
		.key = { KM_HIST_KEY_REQ },
	};
	const bool is_new =
		has_field(making->format, "bytes_alloc") && has_field(making->format, "call_site");

	if (!has_field(making->format, "size"))
		return lacks("size");
	return add_allocs(making, is_new ? new : old, NULL);
}

static struct km_error *plan_page_alloc(const struct making *making)
{
	/* without a page pfn is all ones (v4.0), and before there was pfn, page is NULL */
	const bool has_pfn = has_field(making->format, "pfn");
	const struct km_hist_trigger trigger = {
		.keys = "order",
		.key = { KM_HIST_KEY_ORDER },
		.entries = KM_HIST_LEAST_ENTRIES,
	};
	struct km_error *error;

	if (!has_field(making->format, "order"))
		return lacks("order");
	if (!has_pfn && !has_field(making->format, "page"))
		return lacks("pfn");
	error = add_allocs(making, trigger, has_pfn ? "pfn != 0xffffffffffffffff" : "page != 0");
	return error ? error
		     : add_number(making, KM_HIST_FAILED,
				  has_pfn ? "pfn == 0xffffffffffffffff" : "page == 0");
}

static struct km_error *plan_kfree(const struct making *making)
{
	const struct km_hist_trigger nulls = {
		.counts = KM_HIST_NULLS,
		.keys = "ptr",
		.key = { KM_HIST_KEY_PTR },
		.entries = KM_HIST_LEAST_ENTRIES,
	};
	char with[24], without[24];
	struct km_error *error;

	if (!has_field(making->format, "ptr"))
		return lacks("ptr");
	snprintf(with, sizeof(with), "ptr <= %d", KM_ZERO_SIZE_PTR);
	snprintf(without, sizeof(without), "ptr > %d", KM_ZERO_SIZE_PTR);
	error = add_number(making, KM_HIST_OTHERS, without);
	return error ? error : add(making, &nulls, with);
}

struct km_error *km_hist_plan_make(enum km_event_kind kind, const char *format, size_t size,
				   const char *filter, uint64_t entries, struct km_hist_plan *ret)
{
	const struct making making = {
		.plan = ret,
		.format = { format, strnlen(format, size) },
		.kind = kind,
		.filter = filter,
		.entries = entries,
	};

	*ret = (struct km_hist_plan){ 0 };
	switch (kind) {
	case KM_EV_KMALLOC:
	case KM_EV_KMALLOC_NODE:
	case KM_EV_CACHE_ALLOC:
	case KM_EV_CACHE_ALLOC_NODE:
		return plan_slab_alloc(&making);
	case KM_EV_PERCPU_ALLOC:
		return plan_percpu_alloc(&making);
	case KM_EV_PAGE_ALLOC:
		return plan_page_alloc(&making);
	case KM_EV_KFREE:
		return plan_kfree(&making);
	default:
		return add_number(&making, KM_HIST_OTHERS, NULL);
	}
}

void km_hist_plan_deinit(struct km_hist_plan *plan)
{
	for (size_t i = 0; i < plan->nr; i++)
		free(plan->triggers[i].filter);
	plan->nr = 0;
}

char *km_hist_trigger_command(const struct km_hist_trigger *trigger, const char *what)
{
	char *command;

	if (asprintf(&command, "hist:keys=%s:size=%" PRIu64 ":%s%s%s", trigger->keys,
		     trigger->entries, what, trigger->filter ? " if " : "",
		     trigger->filter ? trigger->filter : "") < 0)
		return NULL;
	return command;
}
