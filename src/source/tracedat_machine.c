/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What kmemstat's own recordings tell of the machine (kmemstat-trace(5)): options of one id, each a
 * name, NUL, and a text to the end of the option. Names that are not known are passed over, and of
 * two of a name the first counts.
 */
#include "source/tracedat.h"

#include <stdlib.h>
#include <string.h>

/* The name of the kernel among build ids. */
#define KERNEL "vmlinux "

/* Lines "NODE CPUS": "0 0-3,8-11". A line that is none of it ends the list. */
static struct km_error *parse_nodes(const char *text, struct km_cpunodes *nodes)
{
	uint32_t node, first, last;

	while (km_decimal_read(&text, KM_CPUNODES_MAX_NODE, &node) && *text == ' ') {
		do {
			struct km_error *error;

			text++;
			if (!km_cpu_range_read(&text, &first, &last))
				break; /* a node of memory only */
			error = km_cpunodes_set(nodes, first, last, (int16_t)node);
			if (error)
				return error;
		} while (*text == ',');
		if (*text++ != '\n')
			break;
	}
	return NULL;
}

/* The kernel's among lines "NAME HEX". */
static struct km_error *find_kernel(const char *build_ids, char **ret)
{
	const char *line = build_ids;
	size_t len;

	while (line && strncmp(line, KERNEL, strlen(KERNEL)) != 0) {
		line = strchr(line, '\n');
		line += line != NULL;
	}
	if (!line)
		return NULL;
	line += strlen(KERNEL);
	len = strspn(line, "0123456789abcdef");
	if (len == 0 || (line[len] && line[len] != '\n'))
		return NULL;
	*ret = strndup(line, len);
	return *ret ? NULL : &km_error_memory;
}

struct km_error *td_parse_machine(struct tracedat *td, struct km_cursor *cur)
{
	struct td_machine *machine = &td->machine_info;
	const struct {
		const char *name;
		char **text;
	} texts[] = {
		{ "slabinfo-start", &machine->slabinfo_start },
		{ "slabinfo-end", &machine->slabinfo_end },
		{ "modules", &machine->modules },
		{ "build-ids", &machine->build_ids },
		{ "nodes", &machine->nodes },
		{ "cpus-online", &machine->cpus_online },
	};
	const char *name = km_cursor_string(cur);
	const size_t size = km_cursor_left(cur);

	if (cur->is_over) {
		td->base.quality.count[KM_SECTIONS_DAMAGED]++;
		return NULL;
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (strcmp(name, texts[i].name) != 0 || *texts[i].text)
			continue;
		/* a text: it ends at a NUL */
		*texts[i].text = strndup(km_cursor_bytes(cur, size), size);
		return *texts[i].text ? NULL : &km_error_memory;
	}
	return NULL;
}

struct km_error *td_finish_machine(struct tracedat *td)
{
	struct td_machine *machine = &td->machine_info;
	struct km_input_info *info = &td->base.info;
	struct km_error *error = NULL;

	if (machine->build_ids)
		error = find_kernel(machine->build_ids, &machine->kernel_build_id);
	if (!error && machine->nodes)
		error = parse_nodes(machine->nodes, &machine->node_of_cpu);
	if (error)
		return error;
	info->build_id = machine->kernel_build_id;
	info->build_ids = machine->build_ids;
	info->modules = machine->modules;
	info->slabinfo_start = machine->slabinfo_start;
	info->slabinfo_end = machine->slabinfo_end;
	info->node_of_cpu = machine->node_of_cpu.node;
	info->nr_node_cpus = machine->node_of_cpu.nr_cpus;
	return NULL;
}

void td_deinit_machine(struct tracedat *td)
{
	struct td_machine *machine = &td->machine_info;

	free(machine->slabinfo_start);
	free(machine->slabinfo_end);
	free(machine->modules);
	free(machine->build_ids);
	free(machine->nodes);
	free(machine->cpus_online);
	free(machine->kernel_build_id);
	km_cpunodes_deinit(&machine->node_of_cpu);
}
