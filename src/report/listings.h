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

/* What listings whose rows are all call sites (struct km_callsite) have in common. */
const void *km_callsite_rows(const struct km_report *report, size_t *ret_nr);
int km_callsite_row_compare(const void *a, const void *b);
const struct km_callsite *km_callsite_row_itself(const void *row);
const char *km_callsite_row_name(const void *row, char *buf, size_t size);
const char *km_callsite_row_class(const void *row, char *buf, size_t size);
const char *km_callsite_row_source(const void *row, char *buf, size_t size);

#endif
