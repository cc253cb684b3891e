/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which NUMA node a CPU is on. */
#include "base/cpunodes.h"

#include <stdlib.h>

void km_cpunodes_deinit(struct km_cpunodes *nodes)
{
	free(nodes->node);
	*nodes = (struct km_cpunodes){ 0 };
}

struct km_error *km_cpunodes_set(struct km_cpunodes *nodes, uint32_t first, uint32_t last,
				 int16_t node)
{
	if (last >= nodes->nr_cpus) {
		const size_t nr = (size_t)last + 1;
		int16_t *grown = reallocarray(nodes->node, nr, sizeof(*grown));

		if (!grown)
			return &km_error_memory;
		for (size_t cpu = nodes->nr_cpus; cpu < nr; cpu++)
			grown[cpu] = -1;
		nodes->node = grown;
		nodes->nr_cpus = nr;
	}
	for (size_t cpu = first; cpu <= last; cpu++)
		nodes->node[cpu] = node;
	return NULL;
}

size_t km_cpunodes_nr_nodes(const struct km_cpunodes *nodes)
{
	bool seen[KM_CPUNODES_MAX_NODE + 1] = { false };
	size_t nr = 0;

	for (size_t cpu = 0; cpu < nodes->nr_cpus; cpu++) {
		if (nodes->node[cpu] < 0 || seen[nodes->node[cpu]])
			continue;
		seen[nodes->node[cpu]] = true;
		nr++;
	}
	return nr;
}

bool km_decimal_read(const char **at, uint32_t most, uint32_t *ret)
{
	const char *p = *at;
	uint64_t value = 0;

	if (*p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++) {
		value = 10 * value + (uint64_t)(*p - '0');
		if (value > most)
			return false;
	}
	*at = p;
	*ret = (uint32_t)value;
	return true;
}

bool km_cpu_range_read(const char **at, uint32_t *ret_first, uint32_t *ret_last)
{
	const char *p = *at;
	uint32_t first, last;

	if (!km_decimal_read(&p, KM_CPUNODES_MAX_CPU, &first))
		return false;
	last = first;
	if (*p == '-') {
		p++;
		if (!km_decimal_read(&p, KM_CPUNODES_MAX_CPU, &last) || last < first)
			return false;
	}
	*at = p;
	*ret_first = first;
	*ret_last = last;
	return true;
}
