/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A comparison as JSON: share/kmemstat-diff-1.schema.json is the contract. */
#include <math.h>

#include "render/diff.h"
#include "render/json.h"

enum { SCHEMA_VERSION = 1 };

/* Whole numbers read better without a point, and no reader has trouble with them. */
static json_t *real(double value)
{
	static const double most = 9007199254740992.0; /* 2^53: what a double has digits for */

	if (value == floor(value) && fabs(value) < most)
		return json_integer((json_int_t)value);
	return json_real(value);
}

static void set_real(json_t **object, const char *key, double value)
{
	set(object, key, real(value));
}

static struct km_error *dump_member(struct km_out *out, const char *key, json_t *value)
{
	km_out_printf(out, ",\n\"%s\": ", key);
	return km_json_dump_precise(out, value);
}

static json_t *make_traces(const struct km_diff *diff, enum km_diff_side_id side)
{
	json_t *list = json_array();

	for (size_t i = 0; i < diff->nr_traces[side]; i++) {
		const struct km_snapshot *trace = diff->traces[side][i];
		json_t *item = json_object();

		set_text(&item, "path", trace->path);
		set_text_if(&item, "kernel_release", trace->kernel_release);
		set_text(&item, "generator_version", trace->generator_version);
		set_number(&item, "cpus", trace->cpus);
		set_number(&item, "page_size", trace->page_size);
		set(&item, "duration_ns",
		    trace->duration_ns ? number(trace->duration_ns) : json_null());
		set_number(&item, "events_total", trace->events_total);
		set_number(&item, "events_used", trace->events_used);
		set_number(&item, "events_lost", trace->events_lost);
		set(&item, "incomplete", json_boolean(trace->is_incomplete));
		set(&item, "filtered", json_boolean(trace->is_filtered));
		set(&item, "has_source", json_boolean(trace->has_source));
		set_real(&item, "divisor", diff->divisors[side][i]);
		append(&list, item);
	}
	return list;
}

static json_t *make_method(const struct km_diff *diff)
{
	const struct km_diff_options *options = &diff->options;
	json_t *object = json_object();
	char *text = km_diff_describe(diff);

	if (!text)
		drop(&object);
	else
		set_text(&object, "text", text);
	free(text);
	set_text(&object, "by", km_diff_by_info(options->by)->name);
	set_text(&object, "unit", km_diff_unit_name(options->unit));
	set(&object, "unit_is_default", json_boolean(!options->has_unit));
	if (options->unit == KM_DIFF_CALLSITE)
		set_text(&object, "callsite", options->callsite);
	set_real(&object, "noise_percent", diff->noise_percent);
	set_real(&object, "chance_percent", diff->chance_percent);
	return object;
}

static json_t *make_notes(const struct km_diff *diff)
{
	json_t *list = json_array();

	for (size_t i = 0; i < diff->nr_notes; i++) {
		json_t *item = json_object();

		set_text(&item, "kind", diff->notes[i].kind);
		set(&item, "warning", json_boolean(diff->notes[i].is_warning));
		set_text(&item, "text", diff->notes[i].text);
		append(&list, item);
	}
	return list;
}

static json_t *make_value(const struct km_diff *diff, const struct km_diff_value *value)
{
	json_t *object = json_object();

	set_number(&object, "traces", value->nr_with);
	set_real(&object, "mean", value->mean);
	set_real(&object, "min", value->min);
	set_real(&object, "max", value->max);
	if (value->nr > 1)
		set_real(&object, "sd", value->sd);
	set_number(&object, "hits", value->hits);
	set_number(&object, "bytes_req", value->bytes_req);
	set_number(&object, "bytes_alloc", value->bytes_alloc);
	set_number(&object, "bytes_waste", value->bytes_waste);
	if (km_diff_by_info(diff->options.by)->is_level) {
		set_number(&object, "live_bytes", value->live_bytes);
		set_number(&object, "live_count", value->live_count);
	}
	set_text_if(&object, "function", value->name);
	set_text_if(&object, "file", value->file);
	if (value->line)
		set_number(&object, "line", value->line);
	set_text_if(&object, "size_class", value->size_class);
	return object;
}

static void set_percent(json_t **object, double delta, double before)
{
	double percent;

	set(object, "percent",
	    km_diff_percent(delta, before, &percent) ? real(percent) : json_null());
}

static json_t *make_summary(const struct km_diff *diff)
{
	const double before = diff->total[KM_DIFF_BASE].mean, after = diff->total[KM_DIFF_NEW].mean;
	json_t *object = json_object();

	for (enum km_diff_state state = 0; state < KM_NR_DIFF_STATES; state++)
		set_number(&object, km_diff_state_name(state), diff->nr_of_state[state]);
	set_number(&object, "noise", diff->nr_noise);
	if (diff->options.unit != KM_DIFF_HIT) {
		set_real(&object, "up", diff->up);
		set_real(&object, "down", diff->down);
		set_real(&object, "noise_net", diff->noise_net);
	}
	set(&object, "base", make_value(diff, &diff->total[KM_DIFF_BASE]));
	set(&object, "new", make_value(diff, &diff->total[KM_DIFF_NEW]));
	set_real(&object, "delta", after - before);
	set_percent(&object, after - before, before);
	set_number(&object, "findings_new", diff->nr_new_findings);
	set_number(&object, "findings_gone", diff->nr_gone_findings);
	return object;
}

static json_t *make_row(const struct km_diff *diff, const struct km_diff_row *row)
{
	json_t *object = json_object();

	set_text(&object, "key", row->key);
	set_text(&object, "function", row->name);
	set_text(&object, "event", row->event);
	set(&object, "symbol", row->symbol ? text_value(row->symbol) : json_null());
	set_text_if(&object, "module", row->module);
	set_text(&object, "state", km_diff_state_name(row->state));
	set(&object, "noise", json_boolean(row->is_noise));
	set(&object, "folded", json_boolean(row->is_folded));
	set_real(&object, "delta", row->delta);
	set_percent(&object, row->delta, row->side[KM_DIFF_BASE].mean);
	for (enum km_diff_side_id side = 0; side < KM_NR_DIFF_SIDES; side++)
		set(&object, km_diff_side_name(side),
		    row->side[side].nr_with ? make_value(diff, &row->side[side]) : json_null());
	return object;
}

static json_t *make_finding(const struct km_diff_finding *row)
{
	const struct km_snap_finding *finding = row->finding;
	json_t *object = json_object();
	char *name = km_diff_finding_name(finding);

	set_text(&object, "change", row->side == KM_DIFF_NEW ? "new" : "gone");
	set(&object, "noise", json_boolean(row->is_noise));
	set_text(&object, "rule", finding->rule);
	set_text(&object, "severity", km_finding_severity_name(finding->severity));
	set_text(&object, "fingerprint", finding->fingerprint);
	set_text_if(&object, "fingerprint_symbol", finding->fingerprint_symbol);
	set_text(&object, "message", finding->message);
	set_text(&object, "advice", finding->advice);
	set_number(&object, "hits", finding->hits);
	set_number(&object, "bytes_waste", finding->bytes_waste);
	set_text(&object, "key", finding->key);
	if (name)
		set_text(&object, "function", name);
	else
		drop(&object);
	free(name);
	set_text_if(&object, "file", finding->file);
	if (finding->line)
		set_number(&object, "line", finding->line);
	set_number(&object, "traces", row->nr_traces);
	return object;
}

static struct km_error *write_rows(const struct km_diff *diff, struct km_out *out)
{
	struct km_error *error = NULL;

	km_out_puts(out, ",\n\"callsites\": [");
	for (size_t i = 0; !error && i < diff->nr_rows; i++) {
		km_out_puts(out, i ? ",\n" : "\n");
		error = km_json_dump_precise(out, make_row(diff, &diff->rows[i]));
	}
	if (error)
		return error;
	km_out_puts(out, "\n],\n\"findings\": [");
	for (size_t i = 0; !error && i < diff->nr_findings; i++) {
		km_out_puts(out, i ? ",\n" : "\n");
		error = km_json_dump_precise(out, make_finding(&diff->findings[i]));
	}
	km_out_puts(out, "\n]");
	return error;
}

struct km_error *km_render_diff_json(const struct km_diff *diff,
				     const struct km_diff_render_options *options,
				     struct km_out *out)
{
	json_t *generator = json_object();
	struct km_error *error;

	(void)options;
	set_text(&generator, "name", "kmemstat");
	set_text(&generator, "version", KMEMSTAT_VERSION);
	/* not "schema_version": it is no report, and must not be taken for one */
	km_out_printf(out, "{\n\"diff_schema_version\": %d", SCHEMA_VERSION);
	error = dump_member(out, "generator", generator);
	if (!error)
		error = dump_member(out, "method", make_method(diff));
	for (enum km_diff_side_id side = 0; !error && side < KM_NR_DIFF_SIDES; side++)
		error = dump_member(out, km_diff_side_name(side), make_traces(diff, side));
	if (!error)
		error = dump_member(out, "notes", make_notes(diff));
	if (!error)
		error = dump_member(out, "summary", make_summary(diff));
	if (!error)
		error = write_rows(diff, out);
	km_out_puts(out, "\n}\n");
	return error;
}
