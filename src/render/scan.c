/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the reports of findings share. */
#include "render/scan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memstream.h"
#include "base/stable.h"

struct km_scan_place km_scan_place(const struct km_callsite *site)
{
	const struct km_frame *frame = site->source.nr_frames ? &site->source.frames[0] : NULL;

	if (!frame || !frame->file || !*frame->file)
		return (struct km_scan_place){ 0 };
	return (struct km_scan_place){
		.file = frame->file,
		.line = frame->line ? frame->line : 1,
		.column = frame->line ? frame->column : 0,
	};
}

/* `text` made safe; takes it over. */
static char *make_safe(char *text)
{
	char *safe = text ? km_text_safe(text) : NULL;

	free(text);
	return safe;
}

/* "name [module]", the name as it is in every build. */
static char *name_in_module(const char *name, const char *module)
{
	int len = (int)km_stable_name_len(name);
	char *text;

	if (asprintf(&text, "%.*s%s%s%s", len, name, module ? " [" : "", module ? module : "",
		     module ? "]" : "") < 0)
		return NULL;
	return make_safe(text);
}

char *km_scan_symbol(const struct km_callsite *site)
{
	if (!site->has_symbol || !*site->symbol.name)
		return km_text_safe(site->name);
	return name_in_module(site->symbol.name, site->symbol.module);
}

char *km_scan_function(const struct km_callsite *site)
{
	const struct km_frame *frame = site->source.nr_frames ? &site->source.frames[0] : NULL;

	if (!frame || !frame->function || !*frame->function)
		return km_scan_symbol(site);
	return name_in_module(frame->function, site->has_symbol ? site->symbol.module : NULL);
}

char *km_scan_path(const struct km_callsite *site)
{
	struct km_scan_place place = km_scan_place(site);

	return place.file ? km_text_safe(place.file) : km_scan_symbol(site);
}

/* " = 25 x 24 + 3" */
static void print_units(FILE *stream, uint64_t per, uint64_t hits)
{
	if (!per)
		return;
	fprintf(stream, " = %" PRIu64 " x %" PRIu64, per, hits / per);
	if (hits % per)
		fprintf(stream, " + %" PRIu64, hits % per);
}

void km_scan_print_sums(FILE *stream, const struct km_report *report,
			const struct km_finding *finding)
{
	char grouped[KM_GROUPED_SIZE], human[KM_HUMAN_SIZE];

	fprintf(stream, "%s hit%s", km_grouped(finding->hits, grouped),
		finding->hits == 1 ? "" : "s");
	print_units(stream, report->per, finding->hits);
	if (km_rule_info(finding->rule)->is_about_waste)
		fprintf(stream, ", %s wasted", km_human_bytes(finding->bytes_waste, human));
	else
		fprintf(stream, ", %s allocated", km_human_bytes(finding->bytes_alloc, human));
}

void km_scan_print_functions(FILE *stream, const struct km_callsite *site, const char *name)
{
	const struct km_chain *chain = &site->source;

	for (size_t i = 0; i + 1 < chain->nr_frames; i++)
		if (chain->frames[i].function && chain->frames[i].is_inlined)
			fprintf(stream, "%s, inlined into ", chain->frames[i].function);
	fputs(name, stream);
}

char *km_scan_message(const struct km_report *report, const struct km_finding *finding)
{
	char *text = NULL, *symbol = km_scan_symbol(finding->callsite);
	size_t size;
	FILE *stream = symbol ? open_memstream(&text, &size) : NULL;

	if (!stream) {
		free(symbol);
		return NULL;
	}
	fprintf(stream, "%s (", finding->message);
	km_scan_print_sums(stream, report, finding);
	fputs("), in ", stream);
	km_scan_print_functions(stream, finding->callsite, symbol);
	free(symbol);
	return km_memstream_close(stream, &text) ? make_safe(text) : NULL;
}

char *km_scan_counter_text(const struct km_report *report, enum km_counter counter)
{
	const struct km_counter_info *info = km_counter_info(counter);
	uint64_t count = report->quality.count[counter];
	char number[KM_GROUPED_SIZE], *text;

	if (asprintf(&text, "%s %s%s%s", km_grouped(count, number), km_counter_text(info, count),
		     info->advice ? ": " : "", info->advice ? info->advice : "") < 0)
		return NULL;
	return text;
}

bool km_scan_tells_counter(const struct km_report *report, enum km_counter counter, bool notes)
{
	return report->quality.count[counter] &&
	       km_counter_info(counter)->severity >= (notes ? KM_SEV_NOTE : KM_SEV_LOSS);
}

struct km_scan km_scan_make(const struct km_report *report, const struct km_view *view)
{
	const size_t nr_open = report->nr_findings - report->nr_suppressed;

	return (struct km_scan){
		.findings = report->findings,
		.nr_findings = view->nr_findings,
		.suppressed = view->nr_suppressed ? &report->findings[nr_open] : NULL,
		.nr_suppressed = view->nr_suppressed,
	};
}

/* A text and where it stood. */
struct numbered {
	const char *text;
	size_t i;
};

static int compare_numbered(const void *a, const void *b)
{
	const struct numbered *x = a, *y = b;
	int order = strcmp(x->text, y->text);

	return order ? order : (x->i > y->i) - (x->i < y->i);
}

/* Sorts and frees `sorted`. */
static void count_equal(struct numbered *sorted, size_t nr, uint32_t *ret)
{
	if (nr)
		qsort(sorted, nr, sizeof(*sorted), compare_numbered);
	for (size_t i = 0, first = 0; i < nr; i++) {
		if (strcmp(sorted[i].text, sorted[first].text) != 0)
			first = i;
		ret[sorted[i].i] = (uint32_t)(i - first);
	}
	free(sorted);
}

struct km_error *km_scan_count_equal(char *const *texts, size_t nr, uint32_t *ret)
{
	struct numbered *sorted = calloc(nr + 1, sizeof(*sorted));

	if (!sorted)
		return &km_error_memory;
	for (size_t i = 0; i < nr; i++)
		sorted[i] = (struct numbered){ texts[i], i };
	count_equal(sorted, nr, ret);
	return NULL;
}

struct km_error *km_scan_count_fingerprints(const struct km_scan *scan, uint32_t *ret)
{
	size_t nr = scan->nr_findings + scan->nr_suppressed;
	struct numbered *sorted = calloc(nr + 1, sizeof(*sorted));

	if (!sorted)
		return &km_error_memory;
	for (size_t i = 0; i < nr; i++) {
		const struct km_finding *finding =
			i < scan->nr_findings ? &scan->findings[i]
					      : &scan->suppressed[i - scan->nr_findings];

		sorted[i] = (struct numbered){ finding->fingerprint, i };
	}
	count_equal(sorted, nr, ret);
	return NULL;
}
