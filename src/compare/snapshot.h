/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Building a snapshot: whatever it is made of goes through these functions, which make text safe
 * and fold call sites. So a report and its JSON come to the same.
 */
#ifndef KMEMSTAT_COMPARE_SNAPSHOT_H
#define KMEMSTAT_COMPARE_SNAPSHOT_H

#include "compare/pool.h"
#include "kmemstat/snapshot.h"

/* A snapshot with what it owns beside its public arrays. */
struct km_snapshot_own {
	struct km_snapshot snapshot; /* first: a snapshot is converted back */
	struct km_pool strings;
	size_t size_sites, size_findings, size_events;
	/* the key that is being made */
	char *key;
	size_t key_len, key_size;
};

struct km_snapshot_own *km_snap_create(void);
/*
 * A safe copy of `text` (km_text_safe()) that lives as long as the snapshot; of NULL it is NULL.
 */
KM_MUST_CHECK struct km_error *km_snap_text(struct km_snapshot_own *own, const char *text,
					    const char **ret);
/* The same of a symbol, without the suffixes that compilers add. */
KM_MUST_CHECK struct km_error *km_snap_symbol(struct km_snapshot_own *own, const char *name,
					      const char **ret);

/* What names a call site: of a report's row or of one in JSON. */
struct km_snap_place {
	const char *event;
	const char *symbol;  /* or NULL */
	const char *address; /* in its place */
	const char *module;  /* or NULL */
};
/*
 * A key is begun with the place, gets the functions inlined at the call site added, innermost
 * first, and is ended, which sets both kinds of key. A function without a name is NULL.
 */
KM_MUST_CHECK struct km_error *km_snap_key_begin(struct km_snapshot_own *own,
						 const struct km_snap_place *place,
						 const char **ret_key_symbol);
KM_MUST_CHECK struct km_error *km_snap_key_add(struct km_snapshot_own *own, const char *function);
KM_MUST_CHECK struct km_error *km_snap_key_end(struct km_snapshot_own *own, const char **ret_key);

/* The next row, zeroed; rows with equal keys are folded by km_snap_finish(). */
KM_MUST_CHECK struct km_error *km_snap_add_site(struct km_snapshot_own *own,
						struct km_snap_site **ret);
KM_MUST_CHECK struct km_error *km_snap_add_finding(struct km_snapshot_own *own,
						   struct km_snap_finding **ret);
/* A kind of event: "kmem", "kmalloc". One that is there already is passed over at the end. */
KM_MUST_CHECK struct km_error *km_snap_add_event(struct km_snapshot_own *own, const char *system,
						 const char *name);
/* Sorts and folds. */
void km_snap_finish(struct km_snapshot_own *own);

#endif
