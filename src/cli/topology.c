/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * --topology. A list: ranges of CPUs, each "node:" beginning those of another node. A file:
 * comments (the last one names the columns: "# CPU,Node"), then a line of numbers for each CPU, as
 * lscpu(1) -p prints them (util-linux 2.38); a CPU that is on no node has none there.
 */
#include "cli/topology.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* More columns than lscpu has. */
#define MOST_COLUMNS 64

/* Whether it begins like a list. */
static bool is_list(const char *text)
{
	const size_t digits = strspn(text, "0123456789");

	return digits && text[digits] == ':';
}

static struct km_error *parse_list(const char *text, struct km_cpunodes *ret)
{
	const char *at = text;
	uint32_t node = 0, first, last;

	for (;;) {
		const size_t digits = strspn(at, "0123456789");
		struct km_error *error;

		if (at[digits] == ':') {
			if (!km_decimal_read(&at, KM_CPUNODES_MAX_NODE, &node))
				break;
			at++;
		}
		if (!km_cpu_range_read(&at, &first, &last))
			break;
		for (uint32_t cpu = first; cpu <= last && cpu < ret->nr_cpus; cpu++)
			if (ret->node[cpu] >= 0 && ret->node[cpu] != (int16_t)node)
				return km_error_create(KM_ERR_USAGE, NULL,
						       "--topology: CPU %u is on node %d and %u",
						       cpu, ret->node[cpu], node);
		error = km_cpunodes_set(ret, first, last, (int16_t)node);
		if (error || !*at)
			return error;
		if (*at++ != ',')
			break;
	}
	return km_error_advise(
		km_error_create(KM_ERR_USAGE, NULL, "--topology: \"%s\" is not understood", text),
		"give the CPUs of each node: 0:0-3,8-11,1:4-7,12-15, or a file with "
		"the output of lscpu -p=CPU,NODE of the traced machine");
}

/* Where the columns are that matter, -1: not there. */
struct columns {
	int cpu, node;
};

/* "# CPU,Core,Socket,Node,,L1d": false if it is another comment. */
static bool parse_columns(const char *line, struct columns *ret)
{
	struct columns columns = { -1, -1 };

	line += 1 + strspn(line + 1, " ");
	for (int i = 0; i < MOST_COLUMNS; i++) {
		const size_t len = strcspn(line, ",\r\n");

		if (len == 3 && strncasecmp(line, "CPU", 3) == 0)
			columns.cpu = i;
		else if (len == 4 && strncasecmp(line, "Node", 4) == 0)
			columns.node = i;
		line += len;
		if (*line != ',')
			break;
		line++;
	}
	if (columns.cpu < 0 || columns.node < 0)
		return false;
	*ret = columns;
	return true;
}

/* A line of numbers; false if it is none. */
static bool parse_row(const char *line, const struct columns *columns, uint32_t *ret_cpu,
		      int16_t *ret_node)
{
	bool has_cpu = false, has_node = false;
	uint32_t node;

	*ret_cpu = 0;
	*ret_node = -1;
	for (int i = 0; i < MOST_COLUMNS; i++) {
		const char *at = line;
		const size_t len = strcspn(line, ",\r\n");

		if (i == columns->cpu)
			has_cpu = km_decimal_read(&at, KM_CPUNODES_MAX_CPU, ret_cpu) &&
				  at == line + len;
		if (i == columns->node) {
			*ret_node = -1;
			has_node = len == 0 || (len == 1 && *line == '-');
			if (km_decimal_read(&at, KM_CPUNODES_MAX_NODE, &node) && at == line + len) {
				*ret_node = (int16_t)node;
				has_node = true;
			}
		}
		line += len;
		if (*line != ',')
			break;
		line++;
	}
	return has_cpu && has_node;
}

static struct km_error *parse_lines(const char *path, FILE *file, struct km_cpunodes *ret)
{
	struct columns columns = { 0, 1 };
	char *line = NULL;
	size_t room = 0, number = 0;
	struct km_error *error = NULL;

	while (!error && getline(&line, &room, file) >= 0) {
		uint32_t cpu;
		int16_t node;

		number++;
		if (line[0] == '#') {
			parse_columns(line, &columns);
			continue;
		}
		if (line[strspn(line, " \r\n")] == '\0')
			continue;
		if (parse_row(line, &columns, &cpu, &node))
			error = km_cpunodes_set(ret, cpu, cpu, node);
		else
			error = km_error_create(KM_ERR_INPUT, path,
						"line %zu is no CPU number and node number",
						number);
	}
	free(line);
	if (!error && ferror(file))
		return km_error_os(KM_ERR_INPUT, path, errno, "cannot read");
	if (!error && !ret->nr_cpus)
		error = km_error_create(KM_ERR_INPUT, path, "no CPU is in it");
	return error && error->kind == KM_ERR_INPUT
		       ? km_error_advise(error,
					 "give the output of lscpu -p=CPU,NODE of the traced "
					 "machine")
		       : error;
}

struct km_error *km_topology_read(const char *arg, struct km_cpunodes *ret)
{
	struct km_error *error;
	FILE *file;

	if (is_list(arg))
		return parse_list(arg, ret);
	file = fopen(arg, "re");
	if (!file)
		return km_error_os(KM_ERR_INPUT, arg, errno, "cannot open");
	error = parse_lines(arg, file, ret);
	fclose(file);
	return error;
}
