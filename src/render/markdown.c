/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The report for people who read it in a browser: job summaries and comments of GitHub and GitLab,
 * in GitHub Flavored Markdown. A job summary may have 1 MiB and is not shown at all with more
 * (GitHub's "supports content up to a size of 1024k"), so rows end before that, with the word that
 * there are more.
 */
#include "render/markdown.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memstream.h"
#include "render/check.h"
#include "render/life.h"

/* Others may have something to say in the same summary. */
#define MOST_BYTES     1000000
/* Of that, what findings leave to call sites. */
#define CALLSITE_BYTES 200000
/* What the gates of check may have. */
#define GATE_BYTES     300000

/* Between letters an underscore is one; at the ends of words it begins emphasis. */
static bool is_in_word(const char *text, const char *at)
{
	return at > text && isalnum((unsigned char)at[-1]) && isalnum((unsigned char)at[1]);
}

/* At the end of a word, or before a line number. */
static bool is_harmless_colon(const char *at)
{
	const char *next = at + 1 + strspn(at + 1, "0123456789");

	return !*next || *next == ' ' || (next > at + 1 && (*next == ',' || *next == ';'));
}

static void write_escaped(struct km_out *out, const char *text)
{
	for (const char *c = text; *c; c++) {
		switch (*c) {
		case '<':
			km_out_puts(out, "&lt;");
			break;
		case '>':
			km_out_puts(out, "&gt;");
			break;
		case '&':
			km_out_puts(out, "&amp;");
			break;
		case '@': /* a zero-width space: nobody is mentioned, no issue is linked */
		case '#':
			km_out_printf(out, "%c&#8203;", *c);
			break;
		case ':': /* https://, :emoji: */
			km_out_puts(out, is_harmless_colon(c) ? ":" : "&#58;");
			break;
		case '.': /* www.example.org */
			km_out_puts(out, c > text && tolower((unsigned char)c[-1]) == 'w' ? "&#46;"
											  : ".");
			break;
		case '_':
			km_out_puts(out, is_in_word(text, c) ? "_" : "\\_");
			break;
		case '\\':
		case '`':
		case '*':
		case '~':
		case '[':
		case ']':
		case '|':
		case '!':
		case '$': /* formulas, of GitHub and GitLab */
			km_out_printf(out, "\\%c", *c);
			break;
		default:
			km_out_printf(out, "%c", *c);
		}
	}
}

static char *make_safe(struct km_out *out, const char *text)
{
	char *safe = text ? km_text_safe(text) : NULL;

	if (text && !safe && !out->error)
		out->error = ENOMEM;
	return safe;
}

void km_md_text(struct km_out *out, const char *text)
{
	char *safe = make_safe(out, text);

	if (safe)
		write_escaped(out, safe);
	free(safe);
}

void km_md_code(struct km_out *out, const char *text)
{
	char *safe = make_safe(out, text);

	if (!safe)
		return;
	/* in a code span nothing can be escaped, but a table ends its cells even there */
	if (!*safe || strpbrk(safe, "`|\\") || *safe == ' ' || safe[strlen(safe) - 1] == ' ')
		write_escaped(out, safe);
	else
		km_out_printf(out, "`%s`", safe);
	free(safe);
}

/* What is written so far is counted; a row is made in memory to see whether it still fits. */
struct page {
	const struct km_report *report;
	const struct km_render_options *options;
	struct km_out *out;
	size_t nr_bytes;
	/* the part that is being made */
	struct km_out part;
	char *text;
	size_t size;
};

/* False without memory. */
static bool begin_part(struct page *page)
{
	FILE *stream;

	page->text = NULL;
	page->size = 0;
	stream = open_memstream(&page->text, &page->size);
	if (!stream) {
		page->out->error = page->out->error ? page->out->error : ENOMEM;
		return false;
	}
	km_out_init(&page->part, stream, page->out->name);
	return true;
}

/* Writes the part if all of the page has at most that many bytes then; returns whether. */
static bool end_part(struct page *page, size_t most_bytes)
{
	bool failed = !km_memstream_close(page->part.file, &page->text) || page->part.error, fits;

	if (failed && !page->out->error)
		page->out->error = page->part.error ? page->part.error : ENOMEM;
	fits = !failed && page->nr_bytes + page->size <= most_bytes;
	if (fits) {
		km_out_puts(page->out, page->text);
		page->nr_bytes += page->size;
	}
	free(page->text);
	page->text = NULL;
	return fits;
}

/* Writes a fixed text if there is room for it. */
static bool write_fixed(struct page *page, const char *text, size_t most_bytes)
{
	if (!begin_part(page))
		return false;
	km_out_puts(&page->part, text);
	return end_part(page, most_bytes);
}

/* A line that says how many rows are left out. */
static void write_cut(struct page *page, size_t nr, const char *what)
{
	if (!nr || !begin_part(page))
		return;
	km_out_printf(&page->part, "\n%zu more %s%s left out: the page would be too long.\n\n", nr,
		      what, nr == 1 ? " is" : "s are");
	end_part(page, MOST_BYTES + 1000);
}

/* What is known of gates beside what tripped. */
static void write_gate_notes(struct page *page, const struct km_gates *gates)
{
	struct km_out *out = &page->part;

	for (size_t i = 0; i < gates->nr_notes; i++) {
		km_out_puts(out, "- note: ");
		km_md_text(out, gates->notes[i].text);
		km_out_puts(out, "\n");
	}
	if (gates->nr_added)
		km_out_printf(out, "- %zu call site%s that the baseline does not have\n",
			      gates->nr_added, gates->nr_added == 1 ? "" : "s");
	if (gates->nr_removed)
		km_out_printf(out, "- %zu call site%s that only the baseline has\n",
			      gates->nr_removed, gates->nr_removed == 1 ? "" : "s");
	if (gates->nr_notes || gates->nr_added || gates->nr_removed)
		km_out_puts(out, "\n");
}

/* Returns how many lines had no room. */
static size_t write_gate_lines(struct page *page, const char *what,
			       const struct km_gate_line *lines, size_t nr)
{
	struct km_out *out = &page->part;

	for (size_t i = 0; i < nr; i++) {
		if (!begin_part(page))
			return nr - i;
		km_out_printf(out, "| %s | ", what);
		if (*lines[i].place)
			km_md_code(out, lines[i].place);
		km_out_puts(out, " | ");
		km_md_text(out, lines[i].text);
		km_out_puts(out, " | ");
		km_md_code(out, lines[i].gates);
		km_out_puts(out, " |\n");
		if (!end_part(page, GATE_BYTES))
			return nr - i;
	}
	return 0;
}

/* What kmemstat check came to. */
static void write_gates(struct page *page, const struct km_gates *gates)
{
	const struct km_render_options plain = { 0 };
	size_t nr_left;

	if (!begin_part(page))
		return;
	km_out_puts(&page->part, "## kmemstat ");
	km_render_check_verdict(gates, &plain, &page->part);
	km_out_puts(&page->part, "\n");
	write_gate_notes(page, gates);
	if (gates->nr_trips || gates->nr_lines_undecided)
		km_out_puts(&page->part, "| Verdict | Where | What | Gate |\n"
					 "| --- | --- | --- | --- |\n");
	end_part(page, MOST_BYTES);
	nr_left = write_gate_lines(page, "failed", gates->trips, gates->nr_trips);
	nr_left +=
		write_gate_lines(page, "not decided", gates->undecided, gates->nr_lines_undecided);
	write_cut(page, nr_left, "line");
	write_fixed(page, "\n", MOST_BYTES);
}

static const char *layer_live(const struct page *page, const struct km_layer_summary *layer,
			      char buf[static KM_HUMAN_SIZE])
{
	const struct km_report *report = page->report;

	if (layer == &report->slab && report->lives)
		return km_human_bytes(report->lives->total.live_bytes, buf);
	if (layer == &report->percpu && report->percpus && report->percpus->has_bytes)
		return km_human_bytes(report->percpus->total.bytes_live, buf);
	if (layer == &report->page && report->pages)
		return km_human_bytes(
			km_sat_mul(report->pages->total.pages_live, report->pages->page_size), buf);
	return "";
}

static void write_layer(struct page *page, const struct km_layer_summary *layer)
{
	const bool is_slab = layer == &page->report->slab;
	char number[KM_GROUPED_SIZE], human[KM_HUMAN_SIZE];
	struct km_out *out = &page->part;

	if (!is_slab && !layer->allocs && !layer->frees)
		return;
	km_out_printf(out, "| %s | %s ", layer->layer, km_grouped(layer->allocs, number));
	km_out_printf(out, "| %s ", km_grouped(layer->frees, number));
	/* of pages as many are requested as are allocated */
	km_out_printf(out, "| %s ",
		      layer == &page->report->page ? "" : km_human_bytes(layer->bytes_req, human));
	if (layer == &page->report->percpu && page->report->percpus &&
	    !page->report->percpus->has_bytes)
		km_out_puts(out, "| ");
	else
		km_out_printf(out, "| %s ", km_human_bytes(layer->bytes_alloc, human));
	km_out_printf(out, "| %s ", is_slab ? km_human_bytes(layer->bytes_waste, human) : "");
	if (is_slab && layer->bytes_alloc)
		km_out_printf(out, "(%.1f%%) ",
			      100.0 * (double)layer->bytes_waste / (double)layer->bytes_alloc);
	/* only of slab objects there are frees without an event */
	km_out_printf(out, "| %s%s |\n",
		      is_slab && page->report->lives ? km_live_mark(page->report) : "",
		      layer_live(page, layer, human));
}

static void write_input(struct page *page)
{
	const struct km_report *report = page->report;
	const struct km_input_info *input = report->input;
	struct km_out *out = &page->part;

	km_md_code(out, input->path);
	km_out_puts(out, ": ");
	km_md_text(out, input->format);
	if (input->kernel_release) {
		km_out_puts(out, ", Linux ");
		km_md_text(out, input->kernel_release);
	}
	if (input->machine) {
		km_out_puts(out, " ");
		km_md_text(out, input->machine);
	}
	km_out_printf(out, ", %" PRIu32 " CPU%s", input->nr_cpus, input->nr_cpus == 1 ? "" : "s");
	if (!input->has_raw_time && report->first_ns <= report->last_ns)
		km_out_printf(out, ", %.1f s", (double)report->duration_ns / 1e9);
	km_out_puts(out, "\n\n");
}

/* Findings of the view that nobody suppressed, by severity. */
static size_t count_findings(const struct page *page, size_t count[static KM_FIND_HIGH + 1],
			     size_t *ret_suppressed)
{
	size_t nr = 0;

	*ret_suppressed = 0;
	for (size_t i = 0; i < page->options->view->nr_findings; i++) {
		const struct km_finding *finding = &page->report->findings[i];

		if (finding->suppressed) {
			++*ret_suppressed;
			continue;
		}
		count[finding->severity]++;
		nr++;
	}
	return nr;
}

static void write_head(struct page *page)
{
	size_t count[KM_FIND_HIGH + 1] = { 0 }, nr_suppressed;
	size_t nr = count_findings(page, count, &nr_suppressed);
	size_t nr_hidden = page->report->nr_findings - page->options->view->nr_findings;
	struct km_out *out = &page->part;
	const char *comma = ": ";

	km_out_puts(out, "## kmemstat: ");
	if (nr)
		km_out_printf(out, "%zu finding%s", nr, nr == 1 ? "" : "s");
	else
		km_out_puts(out, "no findings");
	for (int severity = KM_FIND_HIGH; severity >= KM_FIND_LOW; severity--) {
		if (!count[severity])
			continue;
		km_out_printf(out, "%s%zu %s", comma, count[severity],
			      km_finding_severity_name((enum km_finding_severity)severity));
		comma = ", ";
	}
	if (nr_suppressed)
		km_out_printf(out, " (%zu suppressed)", nr_suppressed);
	if (nr_hidden)
		km_out_printf(out, " (%zu of lower severity not shown)", nr_hidden);
	km_out_puts(out, "\n\n");
	write_input(page);
	km_out_puts(out, "| Layer | Allocations | Frees | Requested | Allocated | Wasted | Live |\n"
			 "| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n");
	write_layer(page, &page->report->slab);
	write_layer(page, &page->report->percpu);
	write_layer(page, &page->report->page);
	km_out_puts(out, "\n");
}

static void write_reasons(struct page *page)
{
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	if (stream) {
		km_live_print_reasons(stream, page->report);
		if (km_memstream_close(stream, &text))
			km_md_text(&page->part, text);
	}
	free(text);
}

/* Losses, damage and notes, each with its advice. */
static void write_quality(struct page *page)
{
	const struct km_quality *quality = &page->report->quality;
	struct km_out *out = &page->part;
	char number[KM_GROUPED_SIZE];
	bool has_any = false;

	for (enum km_counter i = 0; i < KM_NR_COUNTERS; i++) {
		const struct km_counter_info *info = km_counter_info(i);

		if (info->severity == KM_SEV_COUNT || !quality->count[i])
			continue;
		km_out_printf(out, "- %s %s ",
			      info->severity == KM_SEV_NOTE ? "note:" : "**warning:**",
			      km_grouped(quality->count[i], number));
		km_md_text(out, km_counter_text(info, quality->count[i]));
		if (info->advice) {
			km_out_puts(out, ": ");
			km_md_text(out, info->advice);
		}
		km_out_puts(out, "\n");
		has_any = true;
	}
	if (page->report->lives && page->report->is_live_unsure) {
		km_out_puts(out, "- note: what is live is not sure: ");
		write_reasons(page);
		km_out_puts(out, "\n");
		has_any = true;
	}
	if (page->report->input->is_counts) {
		char *text = km_counts_text(page->report);

		km_out_puts(out, "- note: ");
		if (text)
			km_md_text(out, text);
		else
			out->error = out->error ? out->error : ENOMEM;
		km_out_puts(out, "\n");
		free(text);
		has_any = true;
	}
	if (has_any)
		km_out_puts(out, "\n");
}

static void write_place(struct page *page, const struct km_callsite *site)
{
	char source[KM_SOURCE_SIZE], address[KM_ADDRESS_SIZE];
	struct km_out *out = &page->part;

	if (*km_source_text(site, source)) {
		km_md_code(out, source);
		km_out_puts(out, "<br>");
	}
	for (size_t i = 0; i + 1 < site->source.nr_frames; i++) {
		const struct km_frame *frame = &site->source.frames[i];

		if (!frame->function || !frame->is_inlined)
			continue;
		km_md_code(out, frame->function);
		km_out_puts(out, " in ");
	}
	km_md_code(out, km_callsite_text(site, page->options, address));
}

static void write_finding(struct page *page, const struct km_finding *finding)
{
	const bool is_waste = km_rule_info(finding->rule)->is_about_waste;
	char number[KM_GROUPED_SIZE], human[KM_HUMAN_SIZE];
	struct km_out *out = &page->part;

	km_out_printf(out, "| %s | ", km_finding_severity_name(finding->severity));
	write_place(page, finding->callsite);
	km_out_puts(out, " | ");
	km_md_text(out, finding->message);
	km_out_puts(out, " (");
	km_md_text(out, km_rule_info(finding->rule)->name);
	km_out_puts(out, ") | ");
	km_md_text(out, finding->advice);
	km_out_printf(out, " | %s ", km_grouped(finding->hits, number));
	km_out_printf(out, "| %s |\n", is_waste ? km_human_bytes(finding->bytes_waste, human) : "");
}

#define FINDINGS_HEAD                                                                              \
	"| Severity | Where | What | Change | Hits | Wasted |\n"                                   \
	"| --- | --- | --- | --- | ---: | ---: |\n"

/* The findings from *at on that are of such a severity; *at is behind the last that had room. */
static bool write_rows(struct page *page, enum km_finding_severity least, size_t *at,
		       size_t most_bytes)
{
	for (; *at < page->options->view->nr_findings; ++*at) {
		const struct km_finding *finding = &page->report->findings[*at];

		if (finding->severity < least)
			return true;
		if (finding->suppressed)
			continue;
		if (!begin_part(page))
			return false;
		write_finding(page, finding);
		if (!end_part(page, most_bytes))
			return false;
	}
	return true;
}

static size_t count_left(const struct page *page, size_t at)
{
	size_t nr = 0;

	for (; at < page->options->view->nr_findings; at++)
		nr += !page->report->findings[at].suppressed;
	return nr;
}

/* Findings are sorted by severity: those of low are folded away. */
static void write_findings(struct page *page)
{
	size_t count[KM_FIND_HIGH + 1] = { 0 }, nr_suppressed, at = 0;
	size_t nr = count_findings(page, count, &nr_suppressed);
	size_t most_bytes = MOST_BYTES - CALLSITE_BYTES;
	bool fits = true;
	char fold[160];

	if (!nr)
		return;
	write_fixed(page, "### Findings\n\n", most_bytes);
	if (nr > count[KM_FIND_LOW]) {
		write_fixed(page, FINDINGS_HEAD, most_bytes);
		fits = write_rows(page, KM_FIND_MEDIUM, &at, most_bytes);
		write_fixed(page, "\n", MOST_BYTES);
	}
	if (fits && count[KM_FIND_LOW]) {
		snprintf(fold, sizeof(fold),
			 "<details><summary>%zu of low severity</summary>\n\n" FINDINGS_HEAD,
			 count[KM_FIND_LOW]);
		if (write_fixed(page, fold, most_bytes)) {
			write_rows(page, KM_FIND_LOW, &at, most_bytes);
			write_fixed(page, "\n</details>\n\n", MOST_BYTES);
		}
	}
	write_cut(page, count_left(page, at), "finding");
}

static void write_callsite(struct page *page, const struct km_callsite *site)
{
	char source[KM_SOURCE_SIZE], address[KM_ADDRESS_SIZE], number[KM_GROUPED_SIZE];
	char human[KM_HUMAN_SIZE];
	struct km_out *out = &page->part;

	km_out_puts(out, "| ");
	km_md_code(out, km_callsite_text(site, page->options, address));
	km_out_puts(out, " | ");
	if (*km_source_text(site, source))
		km_md_code(out, source);
	km_out_printf(out, " | %s ", km_grouped(site->hits, number));
	km_out_printf(out, "| %s ", km_human_bytes(site->bytes_req, human));
	km_out_printf(out, "| %s ", km_human_bytes(site->bytes_alloc, human));
	km_out_printf(out, "| %s | %.1f%% |\n", km_human_bytes(site->bytes_waste, human),
		      site->frag_percent);
}

static void write_callsites(struct page *page)
{
	const size_t top = page->options->top, nr_all = page->report->nr_callsites;
	size_t nr = top && top < nr_all ? top : nr_all, i = 0;

	if (!nr)
		return;
	write_fixed(page,
		    "### Call sites that waste most\n\n"
		    "| Call site | Source | Hits | Requested | Allocated | Wasted | Unused |\n"
		    "| --- | --- | ---: | ---: | ---: | ---: | ---: |\n",
		    MOST_BYTES);
	for (; i < nr && begin_part(page); i++) {
		write_callsite(page, &page->report->callsites[i]);
		if (!end_part(page, MOST_BYTES))
			break;
	}
	write_cut(page, nr - i, "call site");
}

struct km_error *km_render_markdown(const struct km_report *report,
				    const struct km_render_options *options, struct km_out *out)
{
	struct page page = { .report = report, .options = options, .out = out };

	if (options->gates)
		write_gates(&page, options->gates);
	if (begin_part(&page)) {
		write_head(&page);
		write_quality(&page);
		end_part(&page, MOST_BYTES);
		write_findings(&page);
		write_callsites(&page);
	}
	return NULL;
}
