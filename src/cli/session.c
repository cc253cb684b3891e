/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A trace from file to report. */
#include "cli/session.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/live.h"
#include "cli/names.h"
#include "cli/reports.h"
#include "cli/running.h"
#include "kmemstat/out.h"

/* Room for all that may want events in time order. */
#define MOST_TAKERS 10

void km_session_log(struct km_session *session, const char *format, ...)
{
	double now = km_now();
	va_list args;
	char *text;

	if (session->options->verbose) {
		va_start(args, format);
		if (vasprintf(&text, format, args) >= 0) {
			km_say("%s (%.3f s)", text, now - session->step_start);
			free(text);
		}
		va_end(args);
	}
	session->step_start = now;
}

/* What only makes sense while events are being recorded. */
static struct km_error *check_live_options(const struct km_options *options, bool is_stream)
{
	const char *name = options->interval_s     ? "interval"
			   : options->exclude_self ? "exclude-self"
						   : NULL;

	if (options->exclude_self && options->no_exclude_self)
		return km_error_advise(
			km_error_create(KM_ERR_USAGE, NULL, "--exclude-self and --no-exclude-self"),
			"choose one");
	if (is_stream || !name || options->verb == KM_VERB_TOP)
		return NULL;
	return km_error_advise(
		km_error_create(KM_ERR_USAGE, options->input, "--%s is for live input", name),
		"give a pipe: cat trace_pipe | kmemstat --%s ... -", name);
}

/* What --topology says, or the trace. */
static struct km_error *find_topology(struct km_session *session)
{
	const struct km_input_info *info = km_source_info(session->source);
	struct km_cpunodes *nodes = &session->nodes;
	struct km_error *error = NULL;

	if (session->options->topology)
		error = km_topology_read(session->options->topology, nodes);
	for (size_t cpu = 0; !session->options->topology && cpu < info->nr_node_cpus && !error;
	     cpu++)
		error = km_cpunodes_set(nodes, (uint32_t)cpu, (uint32_t)cpu,
					info->node_of_cpu[cpu]);
	session->topology = (struct km_topology){
		.node_of_cpu = nodes->node,
		.nr_cpus = nodes->nr_cpus,
		.nr_nodes = km_cpunodes_nr_nodes(nodes),
	};
	return error;
}

static struct km_memory_shares memory_shares(const struct km_options *options, uint64_t limit)
{
	return km_memory_share(limit, options->verb == KM_VERB_TOP);
}

static uint64_t memory_limit(const struct km_options *options)
{
	return options->memory_limit ? options->memory_limit : km_memory_default();
}

/* What is the same wherever events come from. */
static struct km_error *begin(struct km_session *session)
{
	const struct km_options *options = session->options;
	const struct km_input_info *info = km_source_info(session->source);
	struct km_error *error = NULL;

	for (size_t i = 0; !error && i < options->nr_suppress; i++)
		error = km_suppressions_load(&session->suppressions, options->suppress[i]);
	if (!error)
		error = find_topology(session);
	return error ? error : km_modelling_make(options, info, &session->modelling);
}

struct km_error *km_session_begin_live(const struct km_options *options, struct km_source *source,
				       const volatile bool *stop, struct km_session *ret)
{
	*ret = (struct km_session){
		.options = options,
		.step_start = km_now(),
		.source = source,
		.stop = stop,
		.is_live = true,
		.shares = memory_shares(options, memory_limit(options)),
	};
	return begin(ret);
}

static struct km_error *open_session(const struct km_options *options, const volatile bool *stop,
				     struct km_session *ret)
{
	struct km_source_options source_options = {
		.instance = options->instance,
		.memory_bytes = memory_limit(options),
	};
	const bool is_stream = km_live_is_stream(options->input);
	const struct km_input_info *info;
	int32_t *tasks = NULL;
	struct km_error *error;

	*ret = (struct km_session){
		.options = options,
		.step_start = km_now(),
		.stop = stop,
		.keeps_signals = stop != NULL,
	};
	ret->shares = memory_shares(options, source_options.memory_bytes);
	error = check_live_options(options, is_stream);
	if (error)
		return error;
	if (is_stream && !stop)
		ret->stop = km_live_catch_signals();
	source_options.stop = ret->stop;
	if (options->exclude_self || (is_stream && !options->no_exclude_self))
		error = km_live_find_tasks(options->input, &tasks, &source_options.nr_exclude_pids);
	source_options.exclude_pids = tasks;
	if (!error)
		error = km_source_open(options->input, &source_options, &ret->source);
	free(tasks);
	if (error)
		return error;
	info = km_source_info(ret->source);
	km_session_log(ret,
		       "%s: opened: %s version %" PRIu32 ", compression %s, %" PRIu64
		       " bytes, %zu parts",
		       info->path, info->format, info->format_version,
		       info->compression ? info->compression : "none", info->file_bytes,
		       km_source_nr_parts(ret->source));
	return begin(ret);
}

struct km_error *km_session_open(const struct km_options *options, struct km_session *ret)
{
	return open_session(options, NULL, ret);
}

struct km_error *km_session_open_stoppable(const struct km_options *options,
					   const volatile bool *stop, struct km_session *ret)
{
	return open_session(options, stop, ret);
}

/* The trace's own symbols, which may be missing or bad; nothing is said yet. */
static void read_symbols(struct km_session *session)
{
	struct km_blob text;

	session->has_read_symbols = true;
	session->symbols_error = km_source_take_kallsyms(session->source, &text);
	if (!session->symbols_error && text.data && session->options->kallsyms)
		km_blob_deinit(&text); /* only damage is of interest */
	else if (!session->symbols_error && text.data)
		session->symbols_error =
			km_symtab_create_from(session->options->input, &text, &session->symtab);
}

/* While events are read by other threads, which change what the source says of itself. */
static void read_symbols_beside(void *arg)
{
	read_symbols(arg);
}

/* Symbols that cannot be read are said, and done without. */
static struct km_error *forgive(const struct km_session *session, struct km_error *error)
{
	if (!error || error->kind == KM_ERR_MEMORY)
		return error;
	if (!session->options->quiet)
		km_say_error(error);
	km_error_free(error);
	return NULL;
}

/* Those of the running kernel, if it is the traced one. */
static struct km_error *load_running_symbols(struct km_session *session)
{
	const struct km_options *options = session->options;
	struct km_error *error;
	char *text;
	size_t size;

	if (session->is_live) {
		if (!options->quiet)
			km_say("/proc/kallsyms cannot be read: call sites are shown as addresses; "
			       "run it as root");
		return NULL;
	}
	error = km_running_kallsyms("", km_source_info(session->source), &text, &size);
	if (error)
		return error;
	if (text)
		return forgive(session,
			       km_symtab_create("/proc/kallsyms", text, size, &session->symtab));
	if (!options->quiet)
		km_say("%s: holds no symbols: call sites are shown as addresses; give "
		       "--kallsyms FILE, a copy of /proc/kallsyms of the traced kernel",
		       options->input);
	return NULL;
}

/* Symbols: what --kallsyms says has to be right; the trace's own may be missing or bad. */
static struct km_error *load_symbols(struct km_session *session)
{
	const struct km_options *options = session->options;
	const char *origin = options->kallsyms ? options->kallsyms : options->input;
	struct km_error *error = NULL;

	session->has_symbols = true;
	if (options->kallsyms) {
		error = km_symtab_load(options->kallsyms, &session->symtab);
	} else {
		if (!session->has_read_symbols)
			read_symbols(session);
		if (session->symbols_error) {
			error = forgive(session, session->symbols_error);
			session->symbols_error = NULL;
		} else if (!session->symtab) {
			origin = "/proc/kallsyms";
			error = load_running_symbols(session);
		}
	}
	if (!error && session->symtab)
		km_session_log(session, "%s: symbols read", origin);
	return error;
}

static size_t count_unnamed(const struct km_session *session)
{
	struct km_symbol symbol;
	size_t nr = 0;

	for (size_t i = 0; session->symtab && i < session->sites.nr; i++)
		nr += !km_symtab_find(session->symtab, session->sites.sites[i].address, &symbol);
	return nr;
}

/* Modules that were loaded since have call sites that the symbols do not name: read them again. */
static struct km_error *renew_symbols(struct km_session *session)
{
	struct km_error *error = NULL;

	if (count_unnamed(session) > session->nr_unnamed) {
		km_resolver_destroy(session->resolver);
		km_symtab_destroy(session->symtab);
		session->resolver = NULL;
		session->symtab = NULL;
		session->has_read_symbols = false;
		error = load_symbols(session);
		session->nr_unnamed = count_unnamed(session);
	}
	return error;
}

struct km_error *km_session_load_symbols(struct km_session *session)
{
	return load_symbols(session);
}

/* Whether stacks or percpu objects have made-up addresses, too: they keep them. */
static bool has_places(const struct km_session *session)
{
	const struct km_page_lives *pages = session->parts.page_lives;
	const struct km_percpu_lives *percpu = session->parts.percpu_lives;

	return session->parts.stack_sums || (pages && pages->nr_uses > 1) ||
	       (percpu && percpu->nr_uses > 1);
}

/* Named call sites get their addresses in the kernel of --kallsyms. */
static struct km_error *translate_sites(struct km_session *session)
{
	const struct km_options *options = session->options;
	struct km_blob text;
	size_t nr_left;
	struct km_error *error = km_source_take_kallsyms(session->source, &text);

	if (error)
		return error;
	if (!text.data)
		return &km_error_memory;
	km_symtab_destroy(session->symtab);
	session->symtab = NULL;
	error = km_names_translate(options->kallsyms, &text, has_places(session), &session->sites,
				   &session->symtab, &nr_left);
	if (error)
		return error;
	session->has_made_up = nr_left > 0 || has_places(session);
	session->has_symbols = true;
	if (nr_left && !options->quiet)
		km_say("%s: has no symbol or several of that name for %zu of %zu call sites: they "
		       "have no source lines",
		       options->kallsyms, nr_left, session->sites.nr);
	return NULL;
}

/* A word about addresses in the report, where the table of symbols has gaps. */
static void tell_unnamed(struct km_session *session)
{
	const struct km_report *report = session->report;
	size_t nr = 0;

	for (size_t i = 0; i < report->nr_callsites; i++)
		nr += !report->callsites[i].has_symbol;
	if (!nr || !report->has_symbols || session->options->quiet || session->options->raw_ip ||
	    session->has_told_unnamed)
		return;
	session->has_told_unnamed = true;
	km_say("%s: %zu of %zu call sites are in no symbol, and shown as addresses; give "
	       "--kallsyms FILE, a copy of /proc/kallsyms of the traced kernel",
	       session->options->input, nr, report->nr_callsites);
}

/* From tables to report, with symbols. */
static struct km_error *build_report(struct km_session *session)
{
	const struct km_options *options = session->options;
	const bool is_named = km_source_info(session->source)->has_named_sites;
	struct km_error *error =
		km_sites_build(session->groups, session->parts.lives, &session->sites);

	session->has_made_up = is_named;
	if (!error && is_named && options->kallsyms)
		error = translate_sites(session);
	if (!error && !session->has_symbols)
		error = load_symbols(session);
	if (!error && session->is_live)
		error = renew_symbols(session);
	if (!error && options->raw_ip && session->has_made_up && !options->quiet)
		km_say("%s: --raw-ip: its call sites are symbols, and have no addresses; with "
		       "--kallsyms FILE of the traced kernel they get some",
		       options->input);
	if (error)
		return error;
	session->parts.groups = session->groups;
	session->parts.sites = &session->sites;
	session->parts.symtab = session->symtab;
	session->parts.thresholds = session->options->thresholds;
	session->parts.per = session->options->per;
	session->parts.by_stack = km_reports_want_stacks(session->options);
	error = km_report_build(&session->parts, &session->report);
	if (!error)
		km_session_log(session, "report built: %zu call sites, %zu findings",
			       session->report->nr_callsites, session->report->nr_findings);
	if (!error)
		tell_unnamed(session);
	return error;
}

/* The end of the trace, or what has been read of it. */
static uint64_t last_ns_of(const struct km_report_parts *parts)
{
	uint64_t last_ns = 0;

	for (size_t i = 0; i < parts->nr_streams; i++)
		if (parts->streams[i].first_ns <= parts->streams[i].last_ns &&
		    parts->streams[i].last_ns > last_ns)
			last_ns = parts->streams[i].last_ns;
	return last_ns;
}

/* What takers came to so far, into the parts of the report. */
static struct km_error *finish_takers(struct km_session *session)
{
	struct km_report_parts *parts = &session->parts;
	struct km_error *error;

	km_layers_finish(&session->layers, session->source, parts);
	error = km_modelling_finish(&session->modelling, parts);
	if (error)
		return error;
	if (!session->life)
		return km_tallies_finish(&session->tallies, session->source, parts);
	error = km_life_finish(session->life, last_ns_of(parts), &session->lives);
	if (error)
		return error;
	parts->lives = &session->lives;
	parts->quality.count[KM_UNKNOWN_FREES] = session->lives.unknown_frees;
	parts->quality.count[KM_POINTERS_UNTRACKED] = session->lives.untracked;
	parts->quality.count[KM_IMPLIED_FREES] =
		session->lives.total.replaced - session->lives.untracked;
	return km_tallies_finish(&session->tallies, session->source, parts);
}

void km_session_lend_symbols(struct km_session *from, struct km_session *to)
{
	to->symtab = from->symtab;
	to->symbols_error = from->symbols_error;
	to->resolver = from->resolver;
	to->has_read_symbols = from->has_read_symbols;
	to->has_symbols = from->has_symbols;
	to->nr_unnamed = from->nr_unnamed;
	to->nr_notes = from->nr_notes;
	to->has_told_unnamed = from->has_told_unnamed;
	from->symtab = NULL;
	from->symbols_error = NULL;
	from->resolver = NULL;
}

/* A report in the middle of a live input: a session of its own on the same source. */
static struct km_error *on_interval(void *arg, struct km_report_parts *parts,
				    struct km_groups *groups)
{
	struct km_session *session = arg;
	const struct km_input_info *info = km_source_info(session->source);
	/* symbols of a text grow with it */
	const bool lends = session->is_live || !info->has_named_sites;
	struct km_session now = {
		.options = session->options,
		.step_start = km_now(),
		.source = session->source,
		.groups = groups,
		.parts = *parts,
		.life = session->life,
		.tallies = km_tallies_borrow(&session->tallies),
		.layers = session->layers,
		.suppressions = session->suppressions,
		.modelling = km_modelling_borrow(&session->modelling),
		.topology = session->topology,
		.is_live = session->is_live,
		.show_interval = session->show_interval,
		.show_arg = session->show_arg,
		.interval_at_ns = session->interval_at_ns,
	};
	struct km_error *error = NULL;

	if (!session->keeps_signals)
		km_live_restart_calls();
	if (lends)
		km_session_lend_symbols(session, &now);
	if (parts->quality.count[KM_EVENTS_USED] || session->is_live) {
		error = finish_takers(&now);
		if (!error)
			error = build_report(&now);
		if (!error)
			error = session->show_interval(&now);
	}
	if (lends)
		km_session_lend_symbols(&now, session);
	now.source = NULL;
	now.life = NULL;
	now.layers = (struct km_layers){ 0 };
	now.suppressions = (struct km_suppressions){ 0 };
	km_session_deinit(&now);
	/* writing a file sets handlers of its own */
	if (!session->keeps_signals)
		km_live_catch_signals();
	return error;
}

/* For --callsite. The symbols of a text are in its source while it is read. */
static bool symbol_matches(const void *arg, uint64_t call_site, const char *glob)
{
	const struct km_session *session = arg;
	struct km_symbol symbol;
	size_t len;
	const char *name = km_source_site_symbol(session->source, call_site, &len);
	char *copy;
	bool matches;

	if (!name)
		return session->symtab && km_symtab_find(session->symtab, call_site, &symbol) &&
		       fnmatch(glob, symbol.name, 0) == 0;
	copy = strndup(name, len);
	matches = copy && fnmatch(glob, copy, 0) == 0;
	free(copy);
	return matches;
}

/* The time span of the whole trace, which is read once more for it. */
static struct km_error *find_span(const struct km_session *session, uint64_t *ret_first,
				  uint64_t *ret_last)
{
	const struct km_options *options = session->options;
	struct km_source_options source_options = { .instance = options->instance };
	struct km_scan_options scan_options = {
		.nr_threads = (unsigned int)options->threads,
		.groups_bytes = session->shares.groups,
	};
	struct km_report_parts parts = { 0 };
	struct km_groups *groups;
	struct km_source *source;
	struct km_error *error;

	if (session->is_live || km_live_is_stream(options->input))
		return km_error_advise(
			km_error_create(KM_ERR_USAGE, options->input,
					"the time span of a live input is not known before "
					"its end"),
			"give --time in seconds");
	error = km_source_open(options->input, &source_options, &source);
	if (error)
		return error;
	error = km_scan(source, &scan_options, &parts, &groups);
	if (!error) {
		*ret_first = UINT64_MAX;
		*ret_last = 0;
		for (size_t i = 0; i < parts.nr_streams; i++) {
			if (parts.streams[i].first_ns < *ret_first)
				*ret_first = parts.streams[i].first_ns;
			if (parts.streams[i].last_ns > *ret_last)
				*ret_last = parts.streams[i].last_ns;
		}
		free(parts.streams);
		free(parts.events);
		km_groups_destroy(groups);
	}
	km_source_close(source);
	return error;
}

struct km_error *km_session_prepare_filters(struct km_session *session)
{
	struct km_filter_spec *spec = &session->filter;
	struct km_error *error = NULL;

	*spec = session->options->filter;
	if (km_filter_spec_is_empty(spec))
		return NULL;
	spec->has_raw_time = km_source_info(session->source)->has_raw_time;
	session->sift = (struct km_sift_options){
		.spec = spec,
		.symbol_matches = symbol_matches,
		.symbol_arg = session,
	};
	if (km_filter_needs_span(spec))
		error = find_span(session, &session->sift.first_ns, &session->sift.last_ns);
	if (!error && spec->callsite && !km_source_info(session->source)->has_named_sites)
		error = load_symbols(session);
	return error;
}

static struct km_error *take_life(void *arg, const struct km_rows *rows)
{
	return km_life_add(arg, rows);
}

/* Those who want to see events in time order. */
static struct km_error *make_takers(struct km_session *session, struct km_taker *ret,
				    size_t *ret_nr)
{
	const bool has_nodes = session->topology.nr_nodes > 1;
	const struct km_life_options life_options = {
		.short_ns = session->options->short_ns,
		.topology = has_nodes ? &session->topology : NULL,
		.wants_peak = km_options_want_peak(session->options),
		.most_bytes = (size_t)session->shares.life,
	};
	struct km_error *error;

	*ret_nr = 0;
	if (!(session->options->verb & (KM_VERBS_JUDGE | KM_VERB_TOP)))
		return NULL;
	error = km_tallies_create(session->options, km_source_info(session->source),
				  &session->tallies, ret, ret_nr);
	if (!error)
		error = km_modelling_start(session->options, &session->modelling, ret, ret_nr);
	if (error || session->options->no_pairing)
		return error;
	error = km_life_create(&life_options, &session->life);
	if (!error)
		ret[(*ret_nr)++] = (struct km_taker){ .add = take_life,
						      .arg = session->life,
						      /* the node that was asked for */
						      .wants_all = has_nodes };
	/* top is about slab objects */
	if (!error && session->options->verb != KM_VERB_TOP)
		error = km_layers_init(&session->layers, km_source_info(session->source),
				       km_options_has_view(session->options, "page-frame"),
				       km_reports_want_stacks(session->options), &ret[(*ret_nr)++]);
	return error;
}

static struct km_error *scan(struct km_session *session)
{
	struct km_taker takers[MOST_TAKERS];
	struct km_progress progress;
	/* a live source's are read when they are needed: modules come and go */
	const bool reads_symbols = !session->is_live && !session->has_read_symbols &&
				   !km_source_info(session->source)->has_named_sites;
	struct km_scan_options scan_options = {
		.nr_threads = (unsigned int)session->options->threads,
		.progress = km_progress_update,
		.progress_arg = &progress,
		.on_interval = session->options->interval_s ? on_interval : NULL,
		.interval_arg = session,
		.interval_s = session->options->interval_s,
		.interval_ns = session->interval_ns,
		.interval_at_ns = &session->interval_at_ns,
		.stop = session->interval_ns ? session->stop : NULL,
		.beside = reads_symbols ? read_symbols_beside : NULL,
		.beside_arg = session,
	};
	struct km_error *error = km_session_prepare_filters(session);

	if (!error)
		error = make_takers(session, takers, &scan_options.nr_takers);
	if (error)
		return error;
	for (size_t i = 0; i < scan_options.nr_takers; i++)
		takers[i].most_bytes = session->shares.takers / scan_options.nr_takers;
	scan_options.takers = takers;
	scan_options.groups_bytes = session->shares.groups;
	scan_options.sift = session->sift.spec ? &session->sift : NULL;
	km_progress_init(&progress, session->options);
	error = km_scan(session->source, &scan_options, &session->parts, &session->groups);
	km_progress_finish(&progress);
	for (size_t i = 0; i < scan_options.nr_takers; i++)
		session->parts.quality.count[KM_TABLES_CUT] += takers[i].is_cut;
	if (!error)
		km_session_log(session, "%s: %" PRIu64 " events read", session->options->input,
			       km_quality_events_total(&session->parts.quality));
	return error;
}

struct km_error *km_session_build(struct km_session *session)
{
	struct km_error *error = scan(session);

	if (!session->keeps_signals)
		km_live_release_signals();
	else if (*session->stop)
		return error; /* nobody wants to know what it came to */
	if (!error)
		error = finish_takers(session);
	return error ? error : build_report(session);
}

struct km_error *km_session_make_resolver(const struct km_session *session,
					  const struct km_symtab *symtab, struct km_resolver **ret)
{
	const struct km_options *options = session->options;
	const struct km_input_info *info =
		session->stored ? session->report->input : km_source_info(session->source);
	struct km_resolver_options resolver_options = {
		.vmlinux = options->vmlinux,
		.debug_dirs = options->debug_dirs,
		.nr_debug_dirs = options->nr_debug_dirs,
		.kernel_release = info->kernel_release,
		.build_ids = info->build_ids,
		.search_system = !options->no_debug_search,
		.no_sandbox = options->no_sandbox,
		.memory_bytes = options->memory_limit,
		.source_root = options->source_root,
		.has_excerpts = options->source,
	};

	*ret = NULL;
	if (symtab)
		return km_resolver_create(symtab, &resolver_options, ret);
	if (options->vmlinux || options->nr_debug_dirs)
		return km_error_advise(km_error_create(KM_ERR_INPUT, options->input,
						       "without symbols debug information cannot "
						       "be matched with the traced kernel"),
				       "give --kallsyms FILE with --%s",
				       options->vmlinux ? "vmlinux" : "debug-dir");
	return NULL;
}

static struct km_error *open_resolver(struct km_session *session)
{
	return session->resolver
		       ? NULL
		       : km_session_make_resolver(session, session->symtab, &session->resolver);
}

/* What has to be said of debug files, when all was asked of them. */
static void end_resolving(struct km_session *session, const char *done)
{
	const struct km_resolver *resolver = session->resolver;
	const size_t nr_notes = km_resolver_nr_notes(resolver);
	const char *sandbox = km_resolver_sandbox(resolver);

	session->report->quality.count[KM_DEBUG_FILES_FAILED] = km_resolver_nr_failures(resolver);
	/* each once */
	for (size_t i = session->nr_notes; !session->options->quiet && i < nr_notes; i++)
		km_say("%s", km_resolver_note(resolver, i));
	session->nr_notes = nr_notes;
	if (sandbox)
		km_session_log(session, "%s, in a process confined by %s", done, sandbox);
	else
		km_session_log(session, "%s", done);
}

struct km_error *km_session_resolve(struct km_session *session, const struct km_view_options *view,
				    bool all_rows)
{
	const bool has_suppressions = session->options->nr_suppress > 0;
	struct km_error *error = open_resolver(session);

	all_rows |= has_suppressions;
	if (!error && session->resolver && all_rows)
		error = km_report_resolve(session->report, NULL, session->resolver);
	/* they match files and fingerprints, and what they match is not shown */
	if (!error && has_suppressions)
		error = km_suppressions_apply(&session->suppressions, km_today(), session->report);
	if (!error)
		error = km_view_create(session->report, view, &session->view);
	if (!error && session->resolver && !all_rows)
		error = km_report_resolve(session->report, session->view, session->resolver);
	if (!error && session->resolver)
		end_resolving(session, "source lines looked up");
	return error;
}

struct km_error *km_session_resolve_types(struct km_session *session,
					  const struct km_view_options *view)
{
	struct km_error *error = open_resolver(session);

	if (!error && session->resolver)
		error = km_report_resolve(session->report, NULL, session->resolver);
	if (!error)
		error = km_report_sum_types(session->report);
	if (!error)
		error = km_view_create(session->report, view, &session->view);
	if (!error && session->resolver)
		end_resolving(session, "types looked up");
	return error;
}

void km_session_say_suppressions(const struct km_session *session)
{
	char day[KM_DAY_SIZE];

	for (size_t i = 0; !session->options->quiet && i < session->suppressions.nr; i++) {
		const struct km_suppression *suppression = &session->suppressions.rows[i];
		const char *path = suppression->path;

		if (suppression->is_expired)
			km_say("%s:%" PRIu32 ": expired after %s: suppresses nothing, would "
			       "suppress %" PRIu64 " finding%s; renew or remove it",
			       path, suppression->line, km_day_text(suppression->expires, day),
			       suppression->nr_findings, suppression->nr_findings == 1 ? "" : "s");
		else if (!suppression->nr_findings && suppression->needs_source)
			km_say("%s:%" PRIu32
			       ": suppresses nothing: no debug information was found; "
			       "give --vmlinux FILE or --debug-dir DIR",
			       path, suppression->line);
		else if (!suppression->nr_findings)
			km_say("%s:%" PRIu32 ": suppresses nothing; remove it", path,
			       suppression->line);
	}
}

void km_session_deinit(struct km_session *session)
{
	if (session->stop && !session->keeps_signals)
		km_live_release_signals();
	km_view_destroy(session->view);
	if (!session->stored)
		km_report_destroy(session->report);
	km_merge_destroy(session->stored);
	km_suppressions_deinit(&session->suppressions);
	km_resolver_destroy(session->resolver);
	km_symtab_destroy(session->symtab);
	km_error_free(session->symbols_error);
	km_sites_deinit(&session->sites);
	km_life_destroy(session->life);
	km_tallies_deinit(&session->tallies);
	km_modelling_deinit(&session->modelling);
	km_layers_deinit(&session->layers);
	km_lives_deinit(&session->lives);
	km_cpunodes_deinit(&session->nodes);
	if (session->groups)
		km_groups_destroy(session->groups);
	free(session->parts.streams);
	free(session->parts.events);
	if (session->source)
		km_source_close(session->source);
}
