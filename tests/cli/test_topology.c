// SPDX-License-Identifier: GPL-2.0-or-later
/* --topology: lists and files that are understood, and those that are not. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/topology.h"

/* The nodes of CPUs 0, 1, ... as text: "0 0 1 -". */
static void show(const struct km_cpunodes *nodes, char *ret, size_t size)
{
	FILE *stream = fmemopen(ret, size, "w");

	assert_non_null(stream);
	for (size_t cpu = 0; cpu < nodes->nr_cpus; cpu++) {
		if (nodes->node[cpu] < 0)
			fprintf(stream, "%s-", cpu ? " " : "");
		else
			fprintf(stream, "%s%d", cpu ? " " : "", nodes->node[cpu]);
	}
	fclose(stream);
}

static void check(const char *arg, const char *want, size_t nr_nodes)
{
	struct km_cpunodes nodes = { 0 };
	struct km_error *error = km_topology_read(arg, &nodes);
	char got[200] = "";

	if (error)
		fail_msg("%s: %s", arg, error->message);
	show(&nodes, got, sizeof(got));
	assert_string_equal(got, want);
	assert_int_equal(km_cpunodes_nr_nodes(&nodes), nr_nodes);
	km_cpunodes_deinit(&nodes);
}

static void refuse(const char *arg, enum km_error_kind kind, const char *word)
{
	struct km_cpunodes nodes = { 0 };
	struct km_error *error = km_topology_read(arg, &nodes);

	if (!error)
		fail_msg("%s: accepted", arg);
	assert_int_equal(error->kind, kind);
	if (!strstr(error->message, word))
		fail_msg("%s: \"%s\" is not in \"%s\"", arg, word, error->message);
	km_error_free(error);
	km_cpunodes_deinit(&nodes);
}

static void lists(void **state)
{
	(void)state;
	check("0:0", "0", 1);
	check("0:0-1,1:2-3", "0 0 1 1", 2);
	check("0:0,2,4,1:1,3,5", "0 1 0 1 0 1", 2);
	/* the same node twice, a CPU twice on it, a gap, nodes that are not in order */
	check("3:0-1,1,1:4,3:2", "3 3 3 - 1", 2);
	check("255:1", "- 255", 1);
}

static void bad_lists(void **state)
{
	static const char *const texts[] = {
		"0:",        "0:0,",    "0:0,,1:1", "0:3-1",
		"0:0-",      "0:a",     "0:-1",     "0:0;1:1",
		"0:0 ",      "0:70000", "99999:0",  "0:0,1:",
		"0:0,1:1:2", "0:0-1-2", "0:0x1",    "0:99999999999999999999"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		refuse(texts[i], KM_ERR_USAGE, "is not understood");
	refuse("0:0-3,1:2", KM_ERR_USAGE, "CPU 2 is on node 0 and 1");
}

/* A file with that text; the name is to be freed. */
static char *make_file(const char *text)
{
	char *path = strdup("/tmp/kmemstat-topology-XXXXXX");
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	return path;
}

static void files(void **state)
{
	static const struct {
		const char *text, *want;
		size_t nr_nodes;
	} cases[] = {
		/* lscpu -p=CPU,NODE */
		{ "# The following is the parsable format, which can be fed to other\n"
		  "# programs. Each different item in every column has an unique ID\n"
		  "# starting usually from zero.\n"
		  "# CPU,Node\n0,0\n1,0\n2,1\n3,1\n",
		  "0 0 1 1", 2 },
		/* lscpu -p */
		{ "# CPU,Core,Socket,Node,,L1d,L1i,L2,L3\n0,0,0,0,,0,0,0,0\n1,1,1,2,,1,1,1,1\n",
		  "0 2", 2 },
		/* columns in another order, CRLF, an empty line, a CPU that is offline */
		{ "#Node,CPU\r\n1,1\r\n\r\n,0\r\n-,2", "- 1 -", 1 },
		/* no comment: as asked for with CPU,NODE */
		{ "1,1\n0,0", "0 1", 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *path = make_file(cases[i].text);

		check(path, cases[i].want, cases[i].nr_nodes);
		unlink(path);
		free(path);
	}
}

static void bad_files(void **state)
{
	static const struct {
		const char *text, *word;
	} cases[] = {
		{ "", "no CPU is in it" },
		{ "# CPU,Node\n", "no CPU is in it" },
		{ "0,0\n1\n", "line 2 is no CPU number" },
		{ "0,0\n1,x\n", "line 2 is no CPU number" },
		{ "0,0\nx,1\n", "line 2 is no CPU number" },
		{ "0,0 1\n", "line 1 is no CPU number" },
		{ "70000,0\n", "line 1 is no CPU number" },
		{ "NUMA node0 CPU(s): 0-3\n", "line 1 is no CPU number" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *path = make_file(cases[i].text);

		refuse(path, KM_ERR_INPUT, cases[i].word);
		unlink(path);
		free(path);
	}
	refuse("/nonexistent/lscpu", KM_ERR_INPUT, "cannot open");
	refuse("/", KM_ERR_INPUT, "cannot read");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists),
		cmocka_unit_test(bad_lists),
		cmocka_unit_test(files),
		cmocka_unit_test(bad_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
