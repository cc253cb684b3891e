/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The verdict of kmemstat check, for people and logs:
 *
 *	trace.dat: 274,231 allocations, 158.0 MiB, of it 11.0 MiB wasted (7.0%); 62 findings
 *	baseline.json: ...
 *	note: ...
 *	1 new call site:
 *	    net/mac80211/mesh.c:177  25 hits  49.8 KiB wasted  mesh_rmc_init in ...
 *
 *	net/mac80211/mesh.c:177: high just-over: 2056 bytes: 8 over kmalloc-2k ... [--fail-on new]
 *	check: failed: 1 of 1 gate tripped
 *
 * What trips is at the end, where logs are read first. And the file of suppressions.
 */
#include "render/check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "render/text.h"

static void write_totals(const struct km_snapshot *snapshot, struct km_out *out)
{
	char grouped[KM_GROUPED_SIZE], alloc[KM_HUMAN_SIZE], waste[KM_HUMAN_SIZE];
	double percent = snapshot->bytes_alloc ? 100.0 * (double)snapshot->bytes_waste /
							 (double)snapshot->bytes_alloc
					       : 0;

	km_out_puts_safe(out, snapshot->path);
	km_out_printf(out, ": %s allocation%s, %s, of it %s wasted (%.1f%%)",
		      km_grouped(snapshot->hits, grouped), snapshot->hits == 1 ? "" : "s",
		      km_human_bytes(snapshot->bytes_alloc, alloc),
		      km_human_bytes(snapshot->bytes_waste, waste), percent);
}

static void write_head(const struct km_gates *gates, const struct km_render_options *options,
		       struct km_out *out)
{
	write_totals(gates->now, out);
	km_out_printf(out, "; %zu finding%s", gates->nr_findings,
		      gates->nr_findings == 1 ? "" : "s");
	if (gates->nr_new || gates->nr_gone)
		km_out_printf(out, " (%zu new, %zu gone)", gates->nr_new, gates->nr_gone);
	if (gates->nr_suppressed)
		km_out_printf(out, ", %zu suppressed", gates->nr_suppressed);
	km_out_puts(out, "\n");
	for (size_t i = 0; i < gates->nr_bases; i++) {
		km_out_puts(out, "baseline ");
		write_totals(gates->bases[i], out);
		km_out_puts(out, "\n");
	}
	for (size_t i = 0; i < gates->nr_notes; i++) {
		km_out_puts(out, "note: ");
		km_text_wrap(out, gates->notes[i].text, strlen("note: "), 4, options->width);
	}
}

static void add_site(struct km_table *table, const struct km_diff_row *row,
		     const struct km_diff_value *value)
{
	char grouped[KM_GROUPED_SIZE], human[KM_HUMAN_SIZE];

	if (value->file && value->line)
		km_table_addf(table, "%s:%" PRIu32, value->file, value->line);
	else
		km_table_add(table, value->file ? value->file : "");
	km_table_addf(table, "%s hit%s", km_grouped(value->hits, grouped),
		      value->hits == 1 ? "" : "s");
	km_table_addf(table, "%s", km_human_bytes(value->bytes_alloc, human));
	km_table_addf(table, "%s wasted", km_human_bytes(value->bytes_waste, human));
	km_table_add(table, row->name);
}

/* Call sites that one side alone has. */
static struct km_error *write_sites(const struct km_diff_row *const *rows, size_t nr,
				    enum km_diff_side_id side, size_t most,
				    const struct km_render_options *options, struct km_out *out)
{
	static const struct km_table_column columns[] = {
		{ .drops = true, .cut = KM_CUT_HEAD },
		{ .is_number = true },
		{ .is_number = true },
		{ .is_number = true },
		{ .cut = KM_CUT_TAIL },
	};
	const size_t shown = most && most < nr ? most : nr;
	struct km_table table;
	struct km_error *error;

	if (!nr)
		return NULL;
	km_out_printf(out, "%zu call site%s %s:\n", nr, nr == 1 ? "" : "s",
		      side == KM_DIFF_NEW ? "that the baseline does not have"
					  : "that only the baseline has");
	km_table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < shown; i++)
		add_site(&table, rows[i], &rows[i]->side[side]);
	error = km_table_write(&table, options, 4, out);
	km_table_deinit(&table);
	if (shown < nr)
		km_out_printf(out, "    %zu more: --lines 0 shows all\n", nr - shown);
	return error;
}

/* "place: text [gates]", as compilers do; never broken, as it is one line for programs, too. */
static void write_line(const struct km_gate_line *line, const struct km_render_options *options,
		       struct km_out *out)
{
	if (*line->place) {
		km_paint_begin(out, options, KM_PAINT_BOLD);
		km_out_puts_safe(out, line->place);
		km_paint_end(out, options, KM_PAINT_BOLD);
		km_out_puts(out, ": ");
	}
	km_out_puts_safe(out, line->text);
	km_out_puts(out, " [");
	km_out_puts_safe(out, line->gates);
	km_out_puts(out, "]\n");
}

void km_render_check_verdict(const struct km_gates *gates, const struct km_render_options *options,
			     struct km_out *out)
{
	const char *plural = gates->nr_gates == 1 ? "" : "s";

	km_out_puts(out, "check: ");
	if (!gates->nr_gates) {
		km_out_puts(out, "no gate was asked for: --fail-on, --max-waste, "
				 "--max-waste-growth, --max-hits-growth and --budget set some\n");
		return;
	}
	if (gates->nr_tripped) {
		km_paint_begin(out, options, KM_PAINT_RED);
		km_out_puts(out, "failed");
		km_paint_end(out, options, KM_PAINT_RED);
		km_out_printf(out, ": %zu of %zu gate%s tripped", gates->nr_tripped,
			      gates->nr_gates, plural);
	} else if (gates->nr_undecided == gates->nr_gates) {
		km_out_printf(out, "nothing decided of %zu gate%s\n", gates->nr_gates, plural);
		return;
	} else if (gates->nr_undecided) {
		km_out_printf(out, "passed: %zu of %zu gates hold",
			      gates->nr_gates - gates->nr_undecided, gates->nr_gates);
	} else {
		km_out_printf(out, "passed: %zu gate%s", gates->nr_gates, plural);
	}
	if (gates->nr_undecided)
		km_out_printf(out, ", %zu not decided", gates->nr_undecided);
	if (gates->now->is_incomplete && !gates->nr_tripped)
		km_out_puts(out, ", but the trace is incomplete");
	km_out_puts(out, "\n");
}

struct km_error *km_render_check(const struct km_gates *gates, size_t most_sites,
				 const struct km_render_options *options, struct km_out *out)
{
	struct km_error *error;

	write_head(gates, options, out);
	error = write_sites(gates->added, gates->nr_added, KM_DIFF_NEW, most_sites, options, out);
	if (!error)
		error = write_sites(gates->removed, gates->nr_removed, KM_DIFF_BASE, most_sites,
				    options, out);
	if (error)
		return error;
	if (gates->nr_trips || gates->nr_lines_undecided)
		km_out_puts(out, "\n");
	for (size_t i = 0; i < gates->nr_trips; i++)
		write_line(&gates->trips[i], options, out);
	for (size_t i = 0; i < gates->nr_lines_undecided; i++) {
		km_out_puts(out, "not decided: ");
		write_line(&gates->undecided[i], options, out);
	}
	km_render_check_verdict(gates, options, out);
	return NULL;
}

static void write_cut(struct km_out *out, const char *text, size_t width, enum km_cut how)
{
	char *cut = km_text_cut(text, width, how);

	if (!cut)
		out->error = out->error ? out->error : ENOMEM;
	km_out_puts_safe(out, cut);
	free(cut);
}

/* A comment has one line of at most 1000 bytes (kmemstat-suppressions(5)). */
static void write_comment(const struct km_finding *finding, struct km_out *out)
{
	const struct km_callsite *site = finding->callsite;
	char source[KM_SOURCE_SIZE];
	const char *place = km_source_text(site, source);

	km_out_puts(out, "# ");
	if (*place) {
		write_cut(out, place, 80, KM_CUT_HEAD);
		km_out_puts(out, ", ");
	}
	write_cut(out, site->name, 80, KM_CUT_TAIL);
	km_out_puts(out, ": ");
	write_cut(out, finding->message, 80, KM_CUT_TAIL);
	km_out_puts(out, "\n");
}

struct km_error *km_render_suppressions(const struct km_report *report, km_day today,
					struct km_out *out)
{
	char day[KM_DAY_SIZE];

	km_day_text(today, day);
	km_out_printf(out,
		      "# Findings that were there on %s, see kmemstat-suppressions(5). Replace "
		      "reasons\n# by better ones, and mend what has none.\n",
		      day);
	for (size_t i = 0; i < report->nr_findings; i++) {
		const struct km_finding *finding = &report->findings[i];

		if (finding->suppressed)
			continue;
		km_out_puts(out, "\n");
		write_comment(finding, out);
		km_out_printf(out,
			      "rule: %s\nfingerprint: %s\n"
			      "reason: was there when the check was set up on %s\n",
			      km_rule_info(finding->rule)->name, finding->fingerprint, day);
	}
	return NULL;
}
