/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scan_samples SAMPLE FORMAT: writes a report that no trace at hand gives, as --format FORMAT
 * would. Samples: plain, empty, blind (nothing that rules could judge), hostile (names that are
 * made to break formats), many (30,000 findings).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sample.h"

enum { MANY = 30000 };

static const char *const hostile[] = {
	"a\n::error::pwned",
	"%0A::stop-commands::x",
	"::set-output name=a::b",
	"##[error]x",
	"<script>alert('x')</script>",
	"]]>&amp;\"'<!--",
	"|x|`y`*z*_w_",
	"\xff\xfe\x80\xc3",
	"\xe2\x80\xae\xe2\x81\xa6odd",
	"\xef\xbf\xbf\xef\xbf\xbe",
	"{0}{x}}",
	"[a](http://b.example)",
	"](1)[x](2)",
	"\\[\\]\\",
	"f.c,line=1:col=2",
	"x\x01\x1b[31m\x7f\xc2\x9b",
	"",
	"=cmd|' /C calc'!A0",
	"../../etc/passwd",
	"/abs/path/x.c",
	"C:\\dir\\x.c",
	"a b#c?d%20.c",
	"tab\there\r\n",
	"gr\xc3\xbc\xc3\x9f\xf0\x9f\x90\xa7",
};

/* One finding of each rule for each name, with that name wherever there is one. */
struct names {
	struct km_frame frames[NR(hostile)][2];
	struct km_callsite sites[NR(hostile)][3];
	struct km_finding findings[KM_NR_RULES * NR(hostile)];
	char texts[NR(hostile)][2][256];
};

static void make_hostile_sites(struct names *names, size_t i)
{
	const char *name = hostile[i];

	names->frames[i][0] = (struct km_frame){ name, name, 7, 3, true };
	names->frames[i][1] = (struct km_frame){ name, name, 0, 0, false };
	snprintf(names->texts[i][0], sizeof(names->texts[i][0]), "%s+0x10 [%s]", name, name);
	snprintf(names->texts[i][1], sizeof(names->texts[i][1]), "40 bytes out of %s", name);
	/* with source lines, with a symbol alone, without */
	names->sites[i][0] = (struct km_callsite){
		.layer = "slab",
		.event = "kmem_cache_alloc",
		.address = 0xffffffff81001010,
		.has_symbol = true,
		.symbol = { name, name, 0xffffffff81001000, 0x10 },
		.name = names->texts[i][0],
		.source = { names->frames[i], 2 },
		.size_class = name,
	};
	names->sites[i][1] = names->sites[i][0];
	names->sites[i][1].source = (struct km_chain){ 0 };
	names->sites[i][1].symbol.module = NULL;
	names->sites[i][2] = names->sites[i][1];
	names->sites[i][2].has_symbol = false;
	names->sites[i][2].name = "0xffffffff81001010";
}

/* High, medium and low by thirds; the last, which are suppressed, are of all of them again. */
static enum km_finding_severity severity_at(size_t i, size_t nr)
{
	size_t nr_open = nr - nr / 7;

	return i < nr_open ? KM_FIND_HIGH - 3 * i / nr_open
			   : KM_FIND_HIGH - 3 * (i - nr_open) / (nr - nr_open);
}

/* Returns what is to be freed, as does the next. */
static void *make_hostile(struct sample *s)
{
	struct names *names = calloc(1, sizeof(*names));
	size_t nr = NR(names->findings);

	for (size_t i = 0; i < NR(hostile); i++)
		make_hostile_sites(names, i);
	for (size_t i = 0; i < nr; i++) {
		size_t name = i % NR(hostile);

		names->findings[i] = (struct km_finding){
			.rule = (enum km_rule)(i / NR(hostile)),
			.severity = severity_at(i, nr),
			.callsite = &names->sites[name][i % 3],
			.message = names->texts[name][1],
			.advice = hostile[name],
			.suppressed = i >= nr - nr / 7 ? hostile[name] : NULL,
			.hits = i,
			.bytes_at_stake = (uint64_t)(nr - i) << 40,
			.size_class = hostile[name],
		};
		/* some are equal */
		snprintf(names->findings[i].fingerprint, sizeof(names->findings[i].fingerprint),
			 "%016zx", i / 2);
		if (i % 2)
			snprintf(names->findings[i].fingerprint_symbol,
				 sizeof(names->findings[i].fingerprint_symbol), "%016zx", i);
	}
	s->report.findings = names->findings;
	s->report.nr_findings = nr;
	s->report.nr_suppressed = nr / 7;
	s->input.path = hostile[0];
	s->input.kernel_release = hostile[4];
	damage(s);
	return names;
}

/* A tenth high, a tenth medium; the last hundredth is suppressed. */
static void *make_many(struct sample *s)
{
	struct km_finding *findings = calloc(MANY, sizeof(*findings));

	for (size_t i = 0; i < MANY; i++) {
		findings[i] = s->findings[i % 2];
		findings[i].severity = i < MANY / 10       ? KM_FIND_HIGH
				       : i < 2 * MANY / 10 ? KM_FIND_MEDIUM
							   : KM_FIND_LOW;
		findings[i].bytes_at_stake = MANY - i;
		findings[i].suppressed = i >= MANY - MANY / 100 ? "known" : NULL;
		snprintf(findings[i].fingerprint, sizeof(findings[i].fingerprint), "%016zx", i);
	}
	s->report.findings = findings;
	s->report.nr_findings = MANY;
	s->report.nr_suppressed = MANY / 100;
	return findings;
}

static void make_blind(struct sample *s)
{
	s->report.nr_findings = 0;
	s->report.slab.allocs = 0;
	s->input.kernel_release = NULL;
}

int main(int argc, char **argv)
{
	struct sample *s = make_sample();
	void *more = NULL;
	char *text;

	if (argc != 3)
		return 2;
	if (strcmp(argv[1], "empty") == 0)
		s->report.nr_findings = 0;
	else if (strcmp(argv[1], "blind") == 0)
		make_blind(s);
	else if (strcmp(argv[1], "hostile") == 0)
		more = make_hostile(s);
	else if (strcmp(argv[1], "many") == 0)
		more = make_many(s);
	else if (strcmp(argv[1], "plain") != 0)
		return 2;
	text = render(&s->report, &(struct ask){ .renderer = argv[2] });
	fputs(text, stdout);
	free(text);
	free(more);
	free(s);
	return 0;
}
