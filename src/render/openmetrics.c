/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The report for Prometheus: a file for node_exporter's textfile collector, or to be scraped.
 *
 * What is written is both OpenMetrics 1.0 and the older text format, which that collector reads.
 * So every metric is a gauge: a counter is named otherwise in the one than in the other, and the
 * types info and stateset are only in the one. It is no counter anyway, but what one trace came to.
 * UNIT and EOF are comments in the older one, in which other comments are none to OpenMetrics.
 *
 * Layers have names of their own, for their bytes must not be added up.
 */
#include "render/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "kmemstat_"

/* `unit` is the end of the name, or NULL. */
static void begin(struct km_out *out, const char *name, const char *unit, const char *help)
{
	km_out_printf(out, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s gauge\n", name, help, name);
	if (unit)
		km_out_printf(out, "# UNIT " PREFIX "%s %s\n", name, unit);
}

static void write_number(struct km_out *out, const char *name, const char *unit, uint64_t number,
			 const char *help)
{
	begin(out, name, unit, help);
	km_out_printf(out, PREFIX "%s %" PRIu64 "\n", name, number);
}

/* Of text that is safe: what stands before it, and name="value". */
static void write_label(struct km_out *out, const char *before, const char *name, const char *value)
{
	km_out_printf(out, "%s%s=\"", before, name);
	for (const char *c = value; *c; c++)
		km_out_printf(out, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
	km_out_puts(out, "\"");
}

/* The same of any text; NULL writes nothing. */
static void write_any_label(struct km_out *out, const char *name, const char *value)
{
	char *safe = value ? km_text_safe(value) : NULL;

	if (safe)
		write_label(out, ",", name, safe);
	else if (value && !out->error)
		out->error = ENOMEM;
	free(safe);
}

static void write_input(const struct km_report *report, struct km_out *out)
{
	const struct km_input_info *input = report->input;

	begin(out, "report_info", NULL, "What was read, by which version of kmemstat.");
	write_label(out, PREFIX "report_info{", "version", KMEMSTAT_VERSION);
	write_any_label(out, "format", input->format);
	write_any_label(out, "kernel_release", input->kernel_release);
	write_any_label(out, "machine", input->machine);
	km_out_puts(out, "} 1\n");
	write_number(out, "cpus", NULL, input->nr_cpus, "CPUs of the traced machine.");
	if (input->has_raw_time)
		return;
	begin(out, "trace_duration_seconds", "seconds", "From the first event to the last.");
	km_out_printf(out, PREFIX "trace_duration_seconds %" PRIu64 ".%09" PRIu64 "\n",
		      report->duration_ns / 1000000000, report->duration_ns % 1000000000);
}

static void write_quality(const struct km_report *report, struct km_out *out)
{
	const struct km_quality *quality = &report->quality;

	write_number(out, "events", NULL, km_quality_events_total(quality), "Events of the trace.");
	begin(out, "quality", NULL,
	      "What became of events, and what is missing: the counters of kmemstat-json(5).");
	for (enum km_counter i = 0; i < KM_NR_COUNTERS; i++)
		if (i != KM_BYTES_MISSING && (report->lives || !km_counter_is_of_pairs(i)) &&
		    (report->input->is_counts || i != KM_HIST_DROPPED))
			km_out_printf(out, PREFIX "quality{counter=\"%s\"} %" PRIu64 "\n",
				      km_counter_info(i)->key, quality->count[i]);
	write_number(out, "missing_bytes", "bytes", quality->count[KM_BYTES_MISSING],
		     "Bytes of events that the file should hold and does not.");
	write_number(out, "incomplete", NULL, km_quality_is_incomplete(quality),
		     "1 if events were lost or are damaged: all numbers are lower bounds.");
}

static void write_slab(const struct km_report *report, struct km_out *out)
{
	const struct km_layer_summary *slab = &report->slab;
	const struct km_life_stats *total;

	write_number(out, "slab_allocations", NULL, slab->allocs, "Allocations, slab allocator.");
	write_number(out, "slab_frees", NULL, slab->frees, "Frees, slab allocator.");
	write_number(out, "slab_requested_bytes", "bytes", slab->bytes_req,
		     "Bytes requested of the slab allocator.");
	write_number(out, "slab_allocated_bytes", "bytes", slab->bytes_alloc,
		     "Bytes allocated by the slab allocator.");
	write_number(out, "slab_waste_bytes", "bytes", slab->bytes_waste,
		     "Bytes allocated by the slab allocator and not requested.");
	write_number(out, "slab_accounted_allocations", NULL, slab->accounted_hits,
		     "Slab allocations charged to a memory cgroup.");
	if (!report->lives)
		return;
	total = &report->lives->total;
	write_number(out, "slab_live_objects", NULL, total->live,
		     "Objects of the slab allocator live at the end of the trace.");
	write_number(out, "slab_live_bytes", "bytes", total->live_bytes,
		     "Bytes of the slab allocator live at the end of the trace.");
	write_number(out, "slab_live_peak_bytes", "bytes", total->peak_bytes,
		     "Most bytes of the slab allocator live at once.");
	write_number(out, "slab_live_unsure", NULL, report->is_live_unsure,
		     "1 if what is live is not sure.");
}

static bool has_events(const struct km_layer_summary *layer)
{
	return layer->allocs || layer->frees;
}

static void write_percpu(const struct km_report *report, struct km_out *out)
{
	const struct km_layer_summary *percpu = &report->percpu;
	const struct km_percpu_report *objects = report->percpus;

	if (!has_events(percpu))
		return;
	write_number(out, "percpu_allocations", NULL, percpu->allocs,
		     "Allocations, percpu allocator.");
	write_number(out, "percpu_frees", NULL, percpu->frees, "Frees, percpu allocator.");
	write_number(out, "percpu_requested_bytes", "bytes", percpu->bytes_req,
		     "Bytes requested of the percpu allocator for one CPU.");
	/* before 5.19 only the bytes on one CPU are told */
	if (!objects || objects->has_bytes)
		write_number(out, "percpu_allocated_bytes", "bytes", percpu->bytes_alloc,
			     "Bytes allocated by the percpu allocator on all CPUs.");
	if (!objects)
		return;
	write_number(out, "percpu_live_objects", NULL, objects->total.live,
		     "Percpu objects live at the end of the trace.");
	if (objects->has_bytes)
		write_number(out, "percpu_live_bytes", "bytes", objects->total.bytes_live,
			     "Bytes of percpu objects on all CPUs live at the end of the trace.");
}

static void write_page(const struct km_report *report, struct km_out *out)
{
	const struct km_layer_summary *page = &report->page;

	if (!has_events(page))
		return;
	write_number(out, "page_allocations", NULL, page->allocs, "Allocations, page allocator.");
	write_number(out, "page_frees", NULL, page->frees, "Frees, page allocator.");
	write_number(out, "page_allocated_bytes", "bytes", page->bytes_alloc,
		     "Bytes allocated by the page allocator, for the other allocators too.");
	if (report->pages)
		write_number(out, "page_live_bytes", "bytes",
			     km_sat_mul(report->pages->total.pages_live, report->pages->page_size),
			     "Bytes of pages live at the end of the trace.");
}

/* Every rule and severity, also those of no finding: a series that is not there is no zero. */
static void write_findings(const struct km_report *report, struct km_out *out)
{
	uint64_t count[KM_NR_RULES][KM_FIND_HIGH + 1] = { { 0 } }, suppressed = 0;

	for (size_t i = 0; i < report->nr_findings; i++) {
		const struct km_finding *finding = &report->findings[i];

		if (finding->suppressed)
			suppressed++;
		else
			count[finding->rule][finding->severity]++;
	}
	begin(out, "findings", NULL, "Findings that are not suppressed.");
	for (enum km_rule rule = 0; rule < KM_NR_RULES; rule++)
		for (int severity = KM_FIND_LOW; severity <= KM_FIND_HIGH; severity++)
			km_out_printf(out,
				      PREFIX "findings{rule=\"%s\",severity=\"%s\"} %" PRIu64 "\n",
				      km_rule_info(rule)->name,
				      km_finding_severity_name((enum km_finding_severity)severity),
				      count[rule][severity]);
	write_number(out, "findings_suppressed", NULL, suppressed, "Findings that are suppressed.");
}

/*
 * The call sites of one function, or all that are not among the first. Their offsets are not told:
 * each build of the kernel would begin new series.
 */
struct row {
	char *function, *module; /* malloc'ed and safe: what is not the same must not look so */
	const char *event;
	uint64_t allocs, bytes_req, bytes_alloc, bytes_waste, live_bytes;
};

static void row_deinit(struct row *row)
{
	free(row->function);
	free(row->module);
}

static int compare_names(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = strcmp(x->function, y->function);

	if (!order)
		order = strcmp(x->module, y->module);
	return order ? order : strcmp(x->event, y->event);
}

static int compare_waste(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->bytes_waste != y->bytes_waste)
		return x->bytes_waste < y->bytes_waste ? 1 : -1;
	return compare_names(a, b);
}

static void add(struct row *row, const struct row *more)
{
	row->allocs = km_sat_add(row->allocs, more->allocs);
	row->bytes_req = km_sat_add(row->bytes_req, more->bytes_req);
	row->bytes_alloc = km_sat_add(row->bytes_alloc, more->bytes_alloc);
	row->bytes_waste = km_sat_add(row->bytes_waste, more->bytes_waste);
	row->live_bytes = km_sat_add(row->live_bytes, more->live_bytes);
}

static char *name_function(const struct km_callsite *site, const struct km_render_options *options)
{
	char *address;

	if (!options->raw_ip)
		return km_text_safe(site->has_symbol ? site->symbol.name : "unknown");
	return asprintf(&address, "0x%" PRIx64, site->address) < 0 ? NULL : address;
}

/* False without memory; row_deinit() is to be called all the same. */
static bool row_init(struct row *row, const struct km_callsite *site,
		     const struct km_render_options *options)
{
	*row = (struct row){
		.function = name_function(site, options),
		.module = km_text_safe(!site->has_symbol     ? "unknown"
				       : site->symbol.module ? site->symbol.module
							     : "vmlinux"),
		.event = site->event,
		.allocs = site->hits,
		.bytes_req = site->bytes_req,
		.bytes_alloc = site->bytes_alloc,
		.bytes_waste = site->bytes_waste,
		.live_bytes = site->life ? site->life->live_bytes : 0,
	};
	return row->function && row->module;
}

/* Adds up rows that have the same labels; returns how many there are then. */
static size_t merge(struct row *rows, size_t nr)
{
	size_t kept = 0;

	qsort(rows, nr, sizeof(*rows), compare_names);
	for (size_t i = 0; i < nr; i++) {
		if (kept && compare_names(&rows[kept - 1], &rows[i]) == 0) {
			add(&rows[kept - 1], &rows[i]);
			row_deinit(&rows[i]);
		} else {
			rows[kept++] = rows[i];
		}
	}
	qsort(rows, kept, sizeof(*rows), compare_waste);
	return kept;
}

/* Adds up rows from `top` on in one; false without memory. */
static bool merge_others(struct row *rows, size_t *nr, size_t top)
{
	struct row other = {
		.function = strdup("other"),
		.module = strdup("other"),
		.event = "other",
	};

	for (size_t i = top; i < *nr; i++) {
		add(&other, &rows[i]);
		row_deinit(&rows[i]);
	}
	rows[top] = other;
	*nr = top + 1;
	return other.function && other.module;
}

static void write_rows(struct km_out *out, const char *name, const char *unit, const char *help,
		       const struct row *rows, size_t nr, size_t offset)
{
	begin(out, name, unit, help);
	for (size_t i = 0; i < nr; i++) {
		km_out_printf(out, PREFIX "%s", name);
		write_label(out, "{", "function", rows[i].function);
		write_label(out, ",", "module", rows[i].module);
		write_label(out, ",", "event", rows[i].event);
		km_out_printf(out, "} %" PRIu64 "\n",
			      *(const uint64_t *)((const char *)&rows[i] + offset));
	}
}

static void write_tables(const struct km_report *report, const struct row *rows, size_t nr,
			 struct km_out *out)
{
	write_rows(out, "callsite_allocations", NULL,
		   "Slab allocations by the call sites of a function.", rows, nr,
		   offsetof(struct row, allocs));
	write_rows(out, "callsite_requested_bytes", "bytes",
		   "Bytes requested by the call sites of a function.", rows, nr,
		   offsetof(struct row, bytes_req));
	write_rows(out, "callsite_allocated_bytes", "bytes",
		   "Bytes allocated for the call sites of a function.", rows, nr,
		   offsetof(struct row, bytes_alloc));
	write_rows(out, "callsite_waste_bytes", "bytes",
		   "Bytes allocated for the call sites of a function and not requested.", rows, nr,
		   offsetof(struct row, bytes_waste));
	if (report->lives)
		write_rows(out, "callsite_live_bytes", "bytes",
			   "Bytes of the call sites of a function live at the end of the trace.",
			   rows, nr, offsetof(struct row, live_bytes));
}

static struct km_error *write_callsites(const struct km_report *report,
					const struct km_render_options *options, struct km_out *out)
{
	struct row *rows = calloc(report->nr_callsites + 1, sizeof(*rows));
	bool has_memory = rows != NULL;
	size_t nr = 0;

	for (; has_memory && nr < report->nr_callsites; nr++)
		has_memory = row_init(&rows[nr], &report->callsites[nr], options);
	if (has_memory) {
		nr = merge(rows, nr);
		if (options->top && options->top < nr)
			has_memory = merge_others(rows, &nr, options->top);
	}
	if (has_memory)
		write_tables(report, rows, nr, out);
	for (size_t i = 0; i < nr; i++)
		row_deinit(&rows[i]);
	free(rows);
	return has_memory ? NULL : &km_error_memory;
}

struct km_error *km_render_openmetrics(const struct km_report *report,
				       const struct km_render_options *options, struct km_out *out)
{
	struct km_error *error;

	write_input(report, out);
	write_quality(report, out);
	write_slab(report, out);
	write_percpu(report, out);
	write_page(report, out);
	write_findings(report, out);
	error = write_callsites(report, options, out);
	km_out_puts(out, "# EOF\n");
	return error;
}
