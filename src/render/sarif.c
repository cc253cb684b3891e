/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Findings as SARIF 2.1.0 (OASIS), with all that GitHub code scanning asks for. GitHub refuses the
 * whole file
 * - if one result lacks physicalLocation.artifactLocation.uri ("expected a physical location"): the
 *   symbol stands in for a file that is not known;
 * - beyond 25,000 results in a run; of those it shows the first 5,000;
 * - beyond 10 MB of it compressed by gzip.
 * Of partialFingerprints it takes primaryLocationLineHash alone; without one it makes one of the
 * source line, the same for all findings on that line. So ours is there, with a number for equal
 * ones, and its own for everybody else.
 */
#include "render/json.h"
#include "base/memstream.h"
#include "render/scan.h"

#include <string.h>

enum {
	MOST_RESULTS = 25000,
	MOST_LOCATIONS = 100, /* of a result: GitHub shows no more */
};

#define SCHEMA "https://json.schemastore.org/sarif-2.1.0.json"
#define BASE   "SRCROOT"

static const char *const levels[] = {
	[KM_FIND_LOW] = "note",
	[KM_FIND_MEDIUM] = "warning",
	[KM_FIND_HIGH] = "error",
};

/* { "text": TEXT } */
static json_t *make_text(const char *text)
{
	json_t *object = json_object();

	set_text(&object, "text", text);
	return object;
}

/* A sentence: "text." */
static json_t *make_sentence(const char *text)
{
	char *sentence;
	json_t *object;

	if (asprintf(&sentence, "%s.", text) < 0)
		return NULL;
	/* "hot call sites ..." begins a sentence here */
	if (*sentence >= 'a' && *sentence <= 'z')
		*sentence = (char)(*sentence - 'a' + 'A');
	object = make_text(sentence);
	free(sentence);
	return object;
}

/* "KmemJustOver" for "just-over": a name has to be another than the id */
static json_t *make_rule_name(const char *name)
{
	char pascal[64] = "Kmem";
	size_t n = strlen(pascal);
	bool is_first = true;

	for (; *name && n + 1 < sizeof(pascal); name++) {
		bool is_lower = *name >= 'a' && *name <= 'z';

		if (*name != '-')
			pascal[n++] = (char)(is_first && is_lower ? *name - 'a' + 'A' : *name);
		is_first = *name == '-';
	}
	pascal[n] = '\0';
	return json_string(pascal);
}

static json_t *make_help(const struct km_rule_info *rule)
{
	json_t *help = json_object();

	set(&help, "text",
	    json_sprintf("%s\n\nWhat to do: %s\n\nFalse alarm: %s", rule->meaning, rule->mend,
			 rule->false_alarm));
	set(&help, "markdown",
	    json_sprintf("%s\n\n## What to do\n\n%s\n\n## False alarms\n\n%s", rule->meaning,
			 rule->mend, rule->false_alarm));
	return help;
}

static json_t *make_rule(const struct km_rule_info *rule)
{
	json_t *object = json_object(), *properties = json_object(), *tags = json_array();
	json_t *configuration = json_object();
	enum km_finding_severity severity = rule->is_about_time ? KM_FIND_LOW : KM_FIND_MEDIUM;

	set_text(&object, "id", rule->name);
	set(&object, "name", make_rule_name(rule->name));
	set(&object, "shortDescription", make_sentence(rule->summary));
	set(&object, "fullDescription", make_text(rule->meaning));
	set(&object, "help", make_help(rule));
	set_text(&configuration, "level", levels[severity]);
	set(&object, "defaultConfiguration", configuration);
	append(&tags, json_string("linux-kernel"));
	append(&tags, json_string(rule->is_about_time ? "performance" : "memory"));
	set(&properties, "tags", tags);
	/* sizes are facts; what is live or hot depends on the workload */
	set_text(&properties, "precision", rule->is_about_sizes ? "high" : "medium");
	set_text(&properties, "problem.severity",
		 rule->is_about_time ? "recommendation" : "warning");
	set(&object, "properties", properties);
	return object;
}

static json_t *make_tool(void)
{
	json_t *tool = json_object(), *driver = json_object();
	json_t *rules = json_array();

	for (enum km_rule rule = 0; rule < KM_NR_RULES; rule++)
		append(&rules, make_rule(km_rule_info(rule)));
	set_text(&driver, "name", "kmemstat");
	set_text(&driver, "version", KMEMSTAT_VERSION);
	set_text(&driver, "semanticVersion", KMEMSTAT_VERSION);
	set(&driver, "rules", rules);
	set(&tool, "driver", driver);
	return tool;
}

/* RFC 3986: what is not unreserved becomes %XX; slashes stay. */
static json_t *make_uri(const char *path)
{
	static const char unreserved[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789-._~/";
	char *safe = km_text_safe(path), *uri = NULL;
	size_t size;
	FILE *stream = safe ? open_memstream(&uri, &size) : NULL;
	json_t *value = NULL;

	for (const char *c = safe; stream && *c; c++) {
		if (strchr(unreserved, *c))
			fputc(*c, stream);
		else
			fprintf(stream, "%%%02X", (unsigned int)(unsigned char)*c);
	}
	free(safe);
	if (stream && km_memstream_close(stream, &uri))
		value = *path == '/' ? json_sprintf("file://%s", uri) : json_string(uri);
	free(uri);
	return value;
}

/* `file` NULL: the symbol of the call site stands in. */
static json_t *make_physical(const char *file, uint32_t line, uint32_t column,
			     const struct km_callsite *site)
{
	json_t *object = json_object(), *artifact = json_object(), *region = json_object();
	char *symbol = file ? NULL : km_scan_symbol(site);
	const char *path = file ? file : symbol;

	set(&artifact, "uri", path ? make_uri(path) : NULL);
	free(symbol);
	if (file && *file != '/')
		set_text(&artifact, "uriBaseId", BASE);
	set(&object, "artifactLocation", artifact);
	set_number(&region, "startLine", line ? line : 1);
	if (line && column)
		set_number(&region, "startColumn", column);
	set(&object, "region", region);
	return object;
}

/* A function, "mac80211:mesh_rmc_init" as kprobes have it, and its module. */
static json_t *make_logical(const char *function, const char *module)
{
	json_t *list = json_array(), *object = json_object();
	char *name = NULL;

	set_text(&object, "name", function);
	if (module && asprintf(&name, "%s:%s", module, function) < 0)
		drop(&object);
	else
		set_text(&object, "fullyQualifiedName", name ? name : function);
	free(name);
	set_text(&object, "kind", "function");
	append(&list, object);
	if (module) {
		object = json_object();
		set_text(&object, "name", module);
		set_text(&object, "kind", "module");
		append(&list, object);
	}
	return list;
}

static const char *module_of(const struct km_callsite *site)
{
	return site->has_symbol ? site->symbol.module : NULL;
}

/* Where the finding is. */
static json_t *make_location(const struct km_callsite *site)
{
	struct km_scan_place place = km_scan_place(site);
	const char *function = site->source.nr_frames ? site->source.frames[0].function : NULL;
	json_t *location = json_object(), *list = json_array();

	if (!function)
		function = site->has_symbol ? site->symbol.name : site->name;
	set(&location, "physicalLocation",
	    make_physical(place.file, place.line, place.column, site));
	set(&location, "logicalLocations", make_logical(function, module_of(site)));
	append(&list, location);
	return list;
}

/* Whether a frame is a location of its own. */
static bool is_related(const struct km_chain *chain, size_t i)
{
	return i > 0 && i < MOST_LOCATIONS && chain->frames[i].file && *chain->frames[i].file;
}

/* A line that an inner function was inlined at. Its id is its place in the chain. */
static json_t *make_caller(const struct km_callsite *site, size_t i)
{
	const struct km_frame *frame = &site->source.frames[i], *inner = frame - 1;
	json_t *location = json_object();
	char *text;

	set_number(&location, "id", i);
	set(&location, "physicalLocation",
	    make_physical(frame->file, frame->line, frame->column, site));
	if (frame->function)
		set(&location, "logicalLocations", make_logical(frame->function, module_of(site)));
	if (asprintf(&text, "%s is inlined here",
		     inner->function ? inner->function : "the allocation") < 0) {
		drop(&location);
		return NULL;
	}
	set(&location, "message", make_text(text));
	free(text);
	return location;
}

static json_t *make_related(const struct km_callsite *site)
{
	json_t *list = json_array();

	for (size_t i = 1; i < site->source.nr_frames; i++)
		if (is_related(&site->source, i))
			append(&list, make_caller(site, i));
	return list;
}

/*
 * Text of a message: braces are doubled, else they are placeholders (3.11.5); "](" would make a
 * link (3.11.6), whose own text has its brackets escaped.
 */
static void print_text(FILE *stream, const char *text, bool is_link)
{
	for (const char *c = text; *c; c++) {
		if (is_link && strchr("[]\\", *c))
			fputc('\\', stream);
		fputc(*c, stream);
		if (*c == '{' || *c == '}')
			fputc(*c, stream);
		if (!is_link && *c == ']' && c[1] == '(')
			fputc(' ', stream);
	}
}

/* A function of the chain, a link to its line. */
static void print_function(FILE *stream, const struct km_chain *chain, size_t i, const char *name)
{
	bool is_link = i < chain->nr_frames && is_related(chain, i);

	fputs(is_link ? "[" : "", stream);
	print_text(stream, name, is_link);
	if (is_link)
		fprintf(stream, "](%zu)", i);
}

static void print_functions(FILE *stream, const struct km_callsite *site)
{
	const struct km_chain *chain = &site->source;
	const char *module = module_of(site);
	size_t last = chain->nr_frames ? chain->nr_frames - 1 : 0;

	for (size_t i = 0; i < last; i++) {
		if (!chain->frames[i].function || !chain->frames[i].is_inlined)
			continue;
		print_function(stream, chain, i, chain->frames[i].function);
		fputs(", inlined into ", stream);
	}
	print_function(stream, chain, last, site->has_symbol ? site->symbol.name : site->name);
	if (module) {
		fputs(" [", stream);
		print_text(stream, module, false);
		fputs("]", stream);
	}
}

static json_t *make_message(const struct km_report *report, const struct km_finding *finding)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	json_t *message = NULL;

	if (!stream)
		return NULL;
	print_text(stream, finding->message, false);
	fputs(" (", stream);
	km_scan_print_sums(stream, report, finding);
	fputs("), in ", stream);
	print_functions(stream, finding->callsite);
	fputs(". ", stream);
	print_text(stream, finding->advice, false);
	fputs(".", stream);
	if (km_memstream_close(stream, &text))
		message = make_text(text);
	free(text);
	return message;
}

static json_t *make_fingerprints(const struct km_finding *finding, uint32_t nr_before)
{
	json_t *object = json_object();

	set_text(&object, "kmemstat/v1", finding->fingerprint);
	if (*finding->fingerprint_symbol)
		set_text(&object, "kmemstatSymbol/v1", finding->fingerprint_symbol);
	set(&object, "primaryLocationLineHash",
	    json_sprintf("%s:%d", finding->fingerprint, (int)nr_before + 1));
	return object;
}

/*
 * 0 to 100: severities have 32 each, in them it grows with the size of the bytes at stake. It is
 * the same in every report, and never lower for what is further up.
 */
static uint64_t rank_of(const struct km_finding *finding)
{
	unsigned int bits = finding->bytes_at_stake
				    ? 64 - (unsigned int)__builtin_clzll(finding->bytes_at_stake)
				    : 0;

	return 33 * (uint64_t)finding->severity + bits / 2;
}

static json_t *make_suppressions(const char *reason)
{
	json_t *list = json_array(), *object = json_object();

	set_text(&object, "kind", "external");
	set_text(&object, "status", "accepted");
	set_text(&object, "justification", reason);
	append(&list, object);
	return list;
}

static json_t *make_properties(const struct km_finding *finding,
			       const struct km_render_options *options)
{
	json_t *object = json_object();

	set_text(&object, "severity", km_finding_severity_name(finding->severity));
	set_text(&object, "size_class", finding->size_class);
	set_number(&object, "hits", finding->hits);
	set_number(&object, "hits_affected", finding->hits_affected);
	set_number(&object, "bytes_req", finding->bytes_req);
	set_number(&object, "bytes_alloc", finding->bytes_alloc);
	set_number(&object, "bytes_waste", finding->bytes_waste);
	set_number(&object, "bytes_at_stake", finding->bytes_at_stake);
	set_number(&object, "bytes_saved", finding->bytes_saved);
	set_number(&object, "bytes_over", finding->bytes_over);
	set(&object, "callsite", km_json_place(finding->callsite, options));
	return object;
}

static json_t *make_result(const struct km_report *report, const struct km_finding *finding,
			   uint32_t nr_before, const struct km_render_options *options)
{
	json_t *object = json_object(), *related = make_related(finding->callsite);

	set_text(&object, "ruleId", km_rule_info(finding->rule)->name);
	set_number(&object, "ruleIndex", finding->rule);
	set_text(&object, "level", levels[finding->severity]);
	set_number(&object, "rank", rank_of(finding));
	set(&object, "message", make_message(report, finding));
	set(&object, "locations", make_location(finding->callsite));
	if (!related || json_array_size(related))
		set(&object, "relatedLocations", related);
	else
		json_decref(related);
	set(&object, "partialFingerprints", make_fingerprints(finding, nr_before));
	if (finding->suppressed)
		set(&object, "suppressions", make_suppressions(finding->suppressed));
	set(&object, "properties", make_properties(finding, options));
	return object;
}

/* What is written, and how much of it. */
struct content {
	struct km_scan scan;
	size_t nr_left_out, nr_without_source;
	uint32_t *nr_before;
};

static size_t count_without_source(const struct km_finding *findings, size_t nr)
{
	size_t nr_without = 0;

	for (size_t i = 0; i < nr; i++)
		nr_without += !km_scan_place(findings[i].callsite).file;
	return nr_without;
}

/* The first of the findings; suppressed ones only if there is room for them. */
static struct km_error *content_init(struct content *content, const struct km_report *report,
				     const struct km_view *view)
{
	struct km_scan scan = km_scan_make(report, view);
	size_t nr = scan.nr_findings + scan.nr_suppressed, room;

	if (scan.nr_findings > MOST_RESULTS)
		scan.nr_findings = MOST_RESULTS;
	room = MOST_RESULTS - scan.nr_findings;
	if (scan.nr_suppressed > room)
		scan.nr_suppressed = room;
	*content = (struct content){
		.scan = scan,
		.nr_left_out = nr - scan.nr_findings - scan.nr_suppressed,
		.nr_without_source = count_without_source(scan.findings, scan.nr_findings) +
				     count_without_source(scan.suppressed, scan.nr_suppressed),
		.nr_before = calloc(nr + 1, sizeof(*content->nr_before)),
	};
	return content->nr_before ? km_scan_count_fingerprints(&scan, content->nr_before)
				  : &km_error_memory;
}

static void add_notification(json_t **list, const char *id, const char *level, char *text)
{
	json_t *object = json_object(), *descriptor = json_object();

	set_text(&descriptor, "id", id);
	set(&object, "descriptor", descriptor);
	set_text(&object, "level", level);
	set(&object, "message", text ? make_sentence(text) : NULL);
	append(list, object);
	free(text);
}

static char *print_left_out(const struct content *content)
{
	char *text;

	if (asprintf(&text, "%zu result%s left out: GitHub takes no more than %d of a run",
		     content->nr_left_out, content->nr_left_out == 1 ? "" : "s", MOST_RESULTS) < 0)
		return NULL;
	return text;
}

static char *print_no_source(const struct content *content)
{
	char *text;

	if (asprintf(&text,
		     "%zu result%s without a line of source: the symbol stands in for a file; "
		     "--vmlinux FILE and --debug-dir DIR take the debug information of the "
		     "traced kernel",
		     content->nr_without_source, content->nr_without_source == 1 ? "" : "s") < 0)
		return NULL;
	return text;
}

/* The run went well, whatever the trace has lost: that is in its notifications. */
static json_t *make_invocations(const struct km_report *report, const struct content *content)
{
	json_t *list = json_array(), *object = json_object(), *notifications = json_array();

	for (enum km_counter i = 0; i < KM_NR_COUNTERS; i++)
		if (km_scan_tells_counter(report, i, true))
			add_notification(&notifications, km_counter_info(i)->key,
					 km_scan_tells_counter(report, i, false) ? "warning"
										 : "note",
					 km_scan_counter_text(report, i));
	if (content->nr_left_out)
		add_notification(&notifications, "results_left_out", "warning",
				 print_left_out(content));
	if (content->nr_without_source)
		add_notification(&notifications, "no_source_lines", "note",
				 print_no_source(content));
	set(&object, "executionSuccessful", json_true());
	set(&object, "toolExecutionNotifications", notifications);
	append(&list, object);
	return list;
}

static json_t *make_bases(void)
{
	json_t *object = json_object(), *base = json_object();

	set(&base, "description", make_text("The top of the kernel's source tree."));
	set(&object, BASE, base);
	return object;
}

static json_t *make_run_properties(const struct km_report *report)
{
	json_t *object = json_object();

	set_text(&object, "trace", report->input->path);
	set_text_if(&object, "kernel_release", report->input->kernel_release);
	set_text_if(&object, "machine", report->input->machine);
	set(&object, "incomplete", json_boolean(km_quality_is_incomplete(&report->quality)));
	return object;
}

static struct km_error *dump(struct km_out *out, const char *key, json_t *value)
{
	km_out_printf(out, "\"%s\": ", key);
	return km_json_dump(out, value);
}

static struct km_error *write_results(const struct km_report *report, const struct content *content,
				      const struct km_render_options *options, struct km_out *out)
{
	const struct km_scan *scan = &content->scan;
	struct km_error *error = NULL;

	km_out_puts(out, "\"results\": [");
	for (size_t i = 0; !error && i < scan->nr_findings + scan->nr_suppressed; i++) {
		const struct km_finding *finding =
			i < scan->nr_findings ? &scan->findings[i]
					      : &scan->suppressed[i - scan->nr_findings];

		km_out_puts(out, i ? ",\n" : "\n");
		error = km_json_dump(out,
				     make_result(report, finding, content->nr_before[i], options));
	}
	km_out_puts(out, "\n]");
	return error;
}

static struct km_error *write_run(const struct km_report *report, const struct content *content,
				  const struct km_render_options *options, struct km_out *out)
{
	struct km_error *error = dump(out, "tool", make_tool());

	km_out_puts(out, ",\n\"columnKind\": \"utf16CodeUnits\",\n");
	if (!error)
		error = dump(out, "originalUriBaseIds", make_bases());
	km_out_puts(out, ",\n");
	if (!error)
		error = dump(out, "invocations", make_invocations(report, content));
	km_out_puts(out, ",\n");
	if (!error)
		error = dump(out, "properties", make_run_properties(report));
	km_out_puts(out, ",\n");
	return error ? error : write_results(report, content, options, out);
}

struct km_error *km_render_sarif(const struct km_report *report,
				 const struct km_render_options *options, struct km_out *out)
{
	struct content content;
	struct km_error *error = content_init(&content, report, options->view);

	km_out_puts(out, "{\n\"$schema\": \"" SCHEMA "\",\n\"version\": \"2.1.0\",\n"
			 "\"runs\": [{\n");
	if (!error)
		error = write_run(report, &content, options, out);
	km_out_puts(out, "\n}]\n}\n");
	free(content.nr_before);
	return error;
}
