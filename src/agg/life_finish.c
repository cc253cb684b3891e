/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From what pairing counted to its result. */
#include "agg/life_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/wide.h"

uint64_t km_life_median_ns(const struct km_life_stats *stats)
{
	uint64_t rank = stats->freed / 2 + stats->freed % 2;

	for (int i = 0; i < KM_LIFE_BUCKETS && rank; i++) {
		const uint64_t nr = stats->lifetimes[i], width = 1ULL << i;

		if (rank <= nr)
			return width + km_mul_div(width, 2 * rank - 1, 2 * nr);
		rank -= nr;
	}
	return 0;
}

/* The bucket that short_ns is in was counted as two. */
static void fill_lifetimes(const struct km_life *life, const struct site *site,
			   struct km_life_stats *stats)
{
	const unsigned int of_short = km_life_bucket_of(life->options.short_ns);

	for (unsigned int i = 0; i <= KM_LIFE_BUCKETS; i++) {
		stats->lifetimes[i > of_short ? i - 1 : i] += site->lifetimes[i];
		stats->short_lived += i <= of_short ? site->lifetimes[i] : 0;
	}
}

/* What site number `i` had at the peak; more may be added afterwards, so that stays as it is. */
static void fill_peak(const struct km_life *life, size_t i, struct km_life_stats *stats)
{
	km_life_settle_peak(life->peak, &life->sites[i], i);
	stats->at_peak = life->peak->sites[i].count;
	stats->at_peak_bytes = life->peak->sites[i].bytes;
	stats->at_peak_waste = life->peak->sites[i].waste;
}

/* The sums of a call site's kin, and what the site itself has. */
static void fill_stats(const struct km_life *life, struct km_site_life *sites,
		       struct km_wide *waste_ns)
{
	for (size_t i = 0; i < life->nr_sites; i++) {
		const struct site *site = &life->sites[i];
		struct km_life_stats *stats = &sites[i].stats;

		sites[i].address = site->address;
		sites[i].family = site->family;
		stats->live_bytes = site->live_bytes;
		stats->peak_bytes = site->peak_bytes;
		stats->peak_ns = site->peak_ns;
		stats->node_pingpong = site->node_pingpong;
		stats->remote = site->remote;
		fill_lifetimes(life, site, stats);
		if (life->peak)
			fill_peak(life, i, stats);
		memcpy(stats->samples, site->samples, sizeof(stats->samples));
	}
	for (size_t i = 1; i < life->nr_kin; i++) {
		const struct kin *kin = &life->kin[i];
		const struct kin_more *more = &life->kin_more[i];
		const uint64_t freed = kin->freed[0] + kin->freed[1];
		const uint32_t site = km_life_site_of(life, kin);
		struct km_life_stats *stats = &sites[site].stats;

		stats->allocs += freed + more->replaced;
		stats->freed += freed;
		stats->bytes_freed += freed * kin->alloc;
		stats->replaced += more->replaced;
		stats->bytes_replaced += more->replaced * kin->alloc;
		stats->pingpong += kin->freed[1];
		waste_ns[site] = km_wide_add(
			waste_ns[site],
			km_wide_times((struct km_wide){ more->ages_upper, kin->ages }, kin->waste));
	}
}

/* What is live at the end: it has lived until then. */
static void fill_live(const struct km_life *life, struct km_site_life *sites,
		      struct km_wide *waste_ns)
{
	const uint64_t half = (life->now_ns - life->first_ns) / 2;
	const uint64_t units = (life->now_ns - life->first_ns) >> life->unit_shift;

	for (size_t i = 0; i <= life->table.mask; i++) {
		for (int k = 0; k < KM_BUCKET_SLOTS; k++) {
			const uint64_t value = life->table.buckets[i].value[k];
			const struct kin *kin;
			struct km_life_stats *stats;
			uint64_t age_ns;
			uint32_t site;

			if (!value)
				continue;
			kin = &life->kin[km_life_kin_number(value)];
			site = km_life_site_of(life, kin);
			stats = &sites[site].stats;
			age_ns = km_life_age(value, units) << life->unit_shift;
			stats->allocs++;
			stats->live++;
			stats->live_bytes_req += kin->alloc - kin->waste;
			stats->over_half += age_ns > half;
			waste_ns[site] =
				km_wide_add(waste_ns[site], km_wide_mul(age_ns, kin->waste));
		}
	}
	for (size_t i = 0; i < life->nr_old; i++)
		sites[life->old[i].site].stats.over_half += life->old[i].age_ns > half;
}

/* Adds what can be added: not samples and peaks. */
static void add_stats(struct km_life_stats *total, const struct km_life_stats *stats)
{
	total->allocs += stats->allocs;
	total->freed += stats->freed;
	total->bytes_freed += stats->bytes_freed;
	total->replaced += stats->replaced;
	total->bytes_replaced += stats->bytes_replaced;
	total->live += stats->live;
	total->live_bytes += stats->live_bytes;
	total->live_bytes_req += stats->live_bytes_req;
	total->pingpong += stats->pingpong;
	total->node_pingpong += stats->node_pingpong;
	total->remote += stats->remote;
	total->short_lived += stats->short_lived;
	total->over_half += stats->over_half;
	total->at_peak += stats->at_peak;
	total->at_peak_bytes += stats->at_peak_bytes;
	total->at_peak_waste += stats->at_peak_waste;
	for (int i = 0; i < KM_LIFE_BUCKETS; i++)
		total->lifetimes[i] += stats->lifetimes[i];
}

/* Ticks and samples, with those in hand as their last. */
static void fill_times(struct km_life *life, struct km_lives *ret)
{
	const bool has_more = life->nr_ticks % TICKS_PER_SAMPLE != 0 || !life->nr_ticks ||
			      life->now_ns > life->first_ns + life->tick_ns * life->nr_ticks;

	ret->first_ns = life->first_ns;
	ret->last_ns = life->now_ns;
	ret->short_ns = life->options.short_ns;
	ret->unknown_frees = life->unknown_frees;
	ret->tick_ns = life->tick_ns;
	ret->nr_ticks = life->nr_ticks + 1;
	memcpy(ret->ticks, life->ticks, life->nr_ticks * sizeof(*ret->ticks));
	km_life_close_tick(life, &ret->ticks[life->nr_ticks]);
	ret->total.peak_bytes = life->peak_bytes;
	ret->total.peak_ns = life->peak_ns;
	ret->sample_ns = life->tick_ns * TICKS_PER_SAMPLE;
	ret->nr_samples = life->nr_ticks / TICKS_PER_SAMPLE;
	for (size_t i = 0; i < ret->nr_samples; i++)
		ret->total.samples[i] = life->ticks[(i + 1) * TICKS_PER_SAMPLE - 1].live_bytes;
	if (!has_more || ret->nr_samples == KM_LIFE_SAMPLES)
		return;
	for (size_t i = 0; i < ret->nr_sites; i++)
		ret->sites[i].stats.samples[ret->nr_samples] = ret->sites[i].stats.live_bytes;
	ret->total.samples[ret->nr_samples++] = life->live_bytes;
}

static int compare_sites(const void *a, const void *b)
{
	const struct km_site_life *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return (x->family > y->family) - (x->family < y->family);
}

struct km_error *km_life_finish(struct km_life *life, uint64_t last_ns, struct km_lives *ret)
{
	struct km_lives lives = { .nr_sites = life->nr_sites, .has_peak = life->peak };
	struct km_wide *waste_ns = calloc(life->nr_sites + 1, sizeof(*waste_ns));
	struct km_wide total_ns = { 0 };

	lives.sites = calloc(life->nr_sites + 1, sizeof(*lives.sites));
	lives.ticks = calloc(KM_LIFE_TICKS + 1, sizeof(*lives.ticks));
	if (!waste_ns || !lives.sites || !lives.ticks) {
		free(waste_ns);
		km_lives_deinit(&lives);
		return &km_error_memory;
	}
	km_life_end_shared(life);
	lives.untracked = life->table.nr_shared;
	if (life->has_first && last_ns > life->now_ns) {
		km_life_move_time(life, last_ns);
		life->now_ns = last_ns;
	}
	fill_stats(life, lives.sites, waste_ns);
	fill_live(life, lives.sites, waste_ns);
	for (size_t i = 0; i < lives.nr_sites; i++) {
		struct km_life_stats *stats = &lives.sites[i].stats;

		stats->waste_byte_seconds = km_wide_double(waste_ns[i]) / 1e9;
		total_ns = km_wide_add(total_ns, waste_ns[i]);
		add_stats(&lives.total, stats);
	}
	lives.total.waste_byte_seconds = km_wide_double(total_ns) / 1e9;
	fill_times(life, &lives);
	qsort(lives.sites, lives.nr_sites, sizeof(*lives.sites), compare_sites);
	free(waste_ns);
	*ret = lives;
	return NULL;
}

void km_lives_deinit(struct km_lives *lives)
{
	free(lives->sites);
	free(lives->ticks);
	*lives = (struct km_lives){ 0 };
}
