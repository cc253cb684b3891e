/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kinds of tables, for the table in view.c. */
#ifndef KMEMSTAT_REPORT_LISTINGS_H
#define KMEMSTAT_REPORT_LISTINGS_H

#include "kmemstat/view.h"
#include "report/build.h"

extern const struct km_listing km_listing_callsites;
extern const struct km_listing km_listing_live;
extern const struct km_listing km_listing_caches;
extern const struct km_listing km_listing_tasks;
extern const struct km_listing km_listing_ptrs;
extern const struct km_listing km_listing_pages;
extern const struct km_listing km_listing_frames;
extern const struct km_listing km_listing_percpu;
extern const struct km_listing km_listing_percpu_replay;
extern const struct km_listing km_listing_models;
extern const struct km_listing km_listing_model_classes;
extern const struct km_listing km_listing_model_sites;
extern const struct km_listing km_listing_locality;
extern const struct km_listing km_listing_own_cache;
extern const struct km_listing km_listing_types;

#endif
