/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kmemstat dump FILE: the decoded events as text, those of all CPUs merged by time:
 *
 *   CPU SECONDS PID EVENT: call_site=0x... ptr=0x... [bytes_req=N bytes_alloc=N] [accounted]
 *   [name=CACHE] [stack=0x...,0x...]
 *
 * It shows what the decoder made of a trace, with nothing aggregated.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/output.h"
#include "cli/session.h"

struct dump {
	const struct km_source *source;
	struct km_out *out;
	uint64_t nr_left; /* events that may still be printed */
	bool reads_all;   /* even when none may be: --strict is about the whole trace */
	bool has_enough;
};

/* Of an address that is made up the symbol it stands for. */
static void print_address(const struct dump *dump, uint64_t address)
{
	size_t len;
	const char *symbol = km_source_site_symbol(dump->source, address, &len);

	if (symbol)
		km_out_printf(dump->out, "%.*s+0x%" PRIx64, (int)len, symbol,
			      address & KM_SITE_OFFSET_MASK);
	else
		km_out_printf(dump->out, "0x%" PRIx64, address);
}

/* What an event says beside when and where it was. */
static void print_fields(const struct dump *dump, const struct km_batch *batch, uint32_t i)
{
	struct km_out *out = dump->out;
	const enum km_event_kind kind = batch->what[i].kind;
	const struct km_event_more *more = &batch->more[i];
	const uint8_t flags = batch->what[i].flags;

	if (km_event_layer(kind) == KM_LAYER_PAGE) {
		km_out_printf(out, " pfn=0x%" PRIx64 " order=%u", batch->ptr[i], more->order);
		if (km_event_is_alloc(kind))
			km_out_printf(out, " migratetype=%u", more->migratetype);
		return;
	}
	if (batch->call_site[i]) {
		km_out_puts(out, " call_site=");
		print_address(dump, batch->call_site[i]);
	}
	km_out_printf(out, " ptr=0x%" PRIx64, batch->ptr[i]);
	if (km_event_is_alloc(kind))
		km_out_printf(out, " bytes_req=%" PRIu32 " bytes_alloc=%" PRIu32,
			      batch->size[i].req, batch->size[i].alloc);
	if (more->node >= 0)
		km_out_printf(out, " node=%d", more->node);
	if (kind == KM_EV_PERCPU_ALLOC)
		km_out_printf(out, " align=%" PRIu32 "%s%s", more->align,
			      flags & KM_EVF_PERCPU_RESERVED ? " reserved" : "",
			      flags & KM_EVF_PERCPU_ATOMIC ? " atomic" : "");
	if (flags & KM_EVF_ACCOUNTED)
		km_out_puts(out, " accounted");
}

static void print_event(struct dump *dump, const struct km_rows *rows, uint32_t i)
{
	const struct km_batch *batch = rows->batch;
	struct km_out *out = dump->out;
	const uint64_t *stack;
	size_t nr_frames;

	km_out_printf(out, "%03" PRIu32 " ", (uint32_t)batch->cpu[i]);
	if (km_source_info(dump->source)->has_raw_time)
		km_out_printf(out, "%" PRIu64, batch->ts_ns[i]);
	else
		km_out_printf(out, "%" PRIu64 ".%09" PRIu64, batch->ts_ns[i] / 1000000000,
			      batch->ts_ns[i] % 1000000000);
	km_out_printf(out, " %" PRId32 " %s:", batch->pid[i], km_event_name(batch->what[i].kind));
	print_fields(dump, batch, i);
	if (batch->what[i].cache) {
		km_out_puts(out, " name=");
		km_out_puts_safe(out, rows->cache_names[batch->what[i].cache]);
	}
	nr_frames = km_rows_stack(rows, batch->stack[i], &stack);
	for (size_t k = 0; k < nr_frames; k++) {
		km_out_puts(out, k ? "," : " stack=");
		print_address(dump, stack[k]);
	}
	km_out_puts(out, "\n");
}

/* Takes rows in time order, and prints those that filters leave. */
static struct km_error *take_rows(void *arg, const struct km_rows *rows)
{
	struct dump *dump = arg;

	for (uint32_t i = rows->from; i < rows->to && dump->nr_left && !dump->out->error; i++) {
		const uint32_t group = rows->batch->group[i];

		if (group == KM_ROW_HIDDEN || group == KM_ROW_SKIP)
			continue;
		dump->nr_left--;
		print_event(dump, rows, i);
	}
	dump->has_enough = dump->out->error || (!dump->nr_left && !dump->reads_all);
	return NULL;
}

/* Symbols are not shown, but damage to them is told as any other. */
static struct km_error *check_symbols(struct km_session *session)
{
	struct km_blob text;
	struct km_error *error;

	if (km_source_info(session->source)->has_named_sites)
		return NULL;
	error = km_source_take_kallsyms(session->source, &text);
	if (!error)
		km_blob_deinit(&text);
	/* too large for --memory-limit is no damage */
	if (error && error->kind == KM_ERR_USAGE) {
		km_error_free(error);
		error = NULL;
	}
	return error;
}

static struct km_error *read_events(struct km_session *session, struct dump *dump)
{
	struct km_taker taker = { .add = take_rows, .arg = dump, .wants_all = true };
	const struct km_scan_options options = {
		/* symbols of a text are looked up while it is read */
		.nr_threads = 1,
		.stop = session->stop,
		.sift = session->sift.spec ? &session->sift : NULL,
		.takers = &taker,
		.nr_takers = 1,
		.no_groups = true,
		.groups_bytes = session->shares.groups, /* of which queues have theirs */
		.has_enough = &dump->has_enough,
	};

	return km_scan(session->source, &options, &session->parts, &session->groups);
}

static struct km_error *run(struct km_session *session)
{
	struct km_terminal terminal = km_terminal_ask(session->options);
	struct dump dump = {
		.source = session->source,
		.nr_left = session->options->lines ? session->options->lines : UINT64_MAX,
		.reads_all = session->options->strict,
	};
	struct km_output output;
	struct km_error *error = km_output_open(session->options, &terminal, true, &output);

	if (error)
		return error;
	dump.out = &output.out;
	error = km_session_prepare_filters(session);
	if (!error)
		error = check_symbols(session);
	if (!error)
		error = read_events(session, &dump);
	if (!error && dump.nr_left && !output.out.error)
		error = km_check_usable(session->options->input, &session->parts.quality,
					km_source_info(session->source)->nr_instances > 1);
	if (!error)
		return km_output_finish(&output);
	km_output_abandon(&output);
	return error;
}

struct km_error *km_verb_dump_run(const struct km_options *options, enum km_exit *ret_status)
{
	struct km_session session;
	struct km_error *error = km_session_open(options, &session);

	if (!error)
		error = run(&session);
	if (!error)
		*ret_status = km_quality_status(options, &session.parts.quality);
	km_session_deinit(&session);
	return error;
}
