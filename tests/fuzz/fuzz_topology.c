/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What --topology takes: a list, or the output of lscpu -p. */
#include <stdlib.h>
#include <string.h>

#include "cli/topology.h"
#include "fuzz.h"

static void read_it(const char *arg)
{
	struct km_cpunodes nodes = { 0 };

	fuzz_error(km_topology_read(arg, &nodes));
	if (nodes.nr_cpus > KM_CPUNODES_MAX_CPU + 1 || km_cpunodes_nr_nodes(&nodes) > nodes.nr_cpus)
		__builtin_trap();
	km_cpunodes_deinit(&nodes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_file file = fuzz_file_open(data, size);
	char *text = fuzz_text(data, size);

	read_it(file.path);
	fuzz_file_close(&file);
	/* what is no list would be taken for a path */
	if (text[strspn(text, "0123456789")] == ':' && text[0] != ':')
		read_it(text);
	free(text);
	return 0;
}
