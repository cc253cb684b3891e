/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A trace from file to report: the steps that the verbs share. */
#ifndef KMEMSTAT_CLI_SESSION_H
#define KMEMSTAT_CLI_SESSION_H

#include "cli/layers.h"
#include "cli/memory.h"
#include "cli/modelling.h"
#include "cli/scan.h"
#include "cli/tallies.h"
#include "cli/terminal.h"
#include "cli/topology.h"
#include "cli/verbs.h"
#include "kmemstat/merge.h"
#include "kmemstat/render.h"
#include "kmemstat/suppress.h"

struct km_session {
	const struct km_options *options;
	double step_start;              /* of --verbose */
	struct km_memory_shares shares; /* of --memory-limit */
	struct km_source *source;
	struct km_groups *groups;
	struct km_life *life; /* NULL with --no-pairing */
	struct km_lives lives;
	struct km_tallies tallies;
	struct km_layers layers; /* the same of pages and percpu objects */
	struct km_modelling modelling;
	struct km_sites sites;
	struct km_cpunodes nodes;
	struct km_topology topology; /* of the traced machine; under 2 nodes if not known */
	struct km_symtab *symtab;    /* NULL: the trace has none, and none was given */
	/* the trace's own symbols have been read, with this error, not said yet; or NULL */
	bool has_read_symbols;
	struct km_error *symbols_error;
	bool has_symbols; /* they are there, or it was said why not */
	struct km_report_parts parts;
	struct km_report *report;
	struct km_merge *stored; /* whose it is, if it was read from JSON */
	struct km_view *view;
	struct km_resolver *resolver;
	/* --interval: shows the report of a session that is in the middle of its input */
	struct km_error *(*show_interval)(struct km_session *session);
	void *show_arg;
	/* of a recording: intervals are of the time of its events (km_scan_options) */
	uint64_t interval_ns, interval_at_ns;
	bool keeps_signals;        /* what signals do is the caller's */
	bool has_made_up;          /* addresses of call sites that must not be shown */
	bool has_told_unnamed;     /* that call sites are shown as addresses */
	const volatile bool *stop; /* of a live input: set by signals; else NULL */
	bool is_live;              /* of this machine */
	size_t nr_notes;           /* of the resolver, that were said */
	size_t nr_unnamed; /* call sites that its symbols did not name when they were read */
	struct km_filter_spec filter;
	struct km_sift_options sift; /* filters; its spec is NULL without */
	struct km_suppressions suppressions;
};

/*
 * Begins with a live source of this machine, which the session closes; `stop` is the flag that
 * signals set. km_session_deinit() is to be called after an error, too.
 */
KM_MUST_CHECK struct km_error *km_session_begin_live(const struct km_options *options,
						     struct km_source *source,
						     const volatile bool *stop,
						     struct km_session *ret);
/* Opens the trace. km_session_deinit() is to be called after an error, too. */
KM_MUST_CHECK struct km_error *km_session_open(const struct km_options *options,
					       struct km_session *ret);
/*
 * The same for someone who sees to signals, and to *stop, which ends the reading of any input when
 * it is set.
 */
KM_MUST_CHECK struct km_error *km_session_open_stoppable(const struct km_options *options,
							 const volatile bool *stop,
							 struct km_session *ret);
/* Reads the symbols now, not when the first report needs them. Errors: as that report. */
KM_MUST_CHECK struct km_error *km_session_load_symbols(struct km_session *session);
/* Sets session->sift up, if there are filters: reads the time span and symbols where they need
 * them. */
KM_MUST_CHECK struct km_error *km_session_prepare_filters(struct km_session *session);
/* Reads the events and builds the report, with symbols. */
KM_MUST_CHECK struct km_error *km_session_build(struct km_session *session);
/*
 * Looks up source lines of the rows that the view chooses, or with `all_rows` those of every call
 * site, and applies suppressions.
 */
KM_MUST_CHECK struct km_error *
km_session_resolve(struct km_session *session, const struct km_view_options *view, bool all_rows);
/*
 * Hands the symbols of `from` over to `to`, with what was said about them; `from` has none then.
 * They are read once and not for each report: that would take longer than all else.
 */
void km_session_lend_symbols(struct km_session *from, struct km_session *to);
/*
 * Opens the debug information for symbols of the session, if there are any to check it against;
 * else *ret is NULL.
 */
KM_MUST_CHECK struct km_error *km_session_make_resolver(const struct km_session *session,
							const struct km_symtab *symtab,
							struct km_resolver **ret);
/* Looks up all call sites with their types, sums the types up, and chooses rows of them. */
KM_MUST_CHECK struct km_error *km_session_resolve_types(struct km_session *session,
							const struct km_view_options *view);
/* Says on standard error which suppressions suppress nothing. */
void km_session_say_suppressions(const struct km_session *session);
void km_session_deinit(struct km_session *session);

/* --verbose: what was done since the last call, with the time it took. */
void km_session_log(struct km_session *session, const char *format, ...) KM_PRINTF(2, 3);

/*
 * What lost or damaged events mean for the exit status: KM_EXIT_INCOMPLETE with --strict. Says
 * so on standard error; without --strict it warns of damage, and of losses where the format
 * of the result has no place for them.
 */
enum km_exit km_quality_status(const struct km_options *options, const struct km_quality *quality);
/* The error of a trace in which nothing can be used, or NULL. */
struct km_error *km_check_usable(const char *path, const struct km_quality *quality,
				 bool has_unread_instances);

#endif
