/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A JSON report, as `diff` and --baseline read it: against itself, and gates on it. */
#include <string.h>

#include "fuzz.h"
#include "kmemstat/gate.h"
#include "kmemstat/snapshot.h"

static void judge(const struct km_snapshot *snapshot)
{
	const struct km_snapshot *bases[] = { snapshot };
	struct km_gate_options options = { 0 };
	struct km_fail_on fail_on;
	struct km_gates *gates = NULL;

	fuzz_error(km_fail_on_parse("new", &fail_on));
	options.fail_on = &fail_on;
	options.nr_fail_on = 1;
	if (!km_limit_parse("1k", KM_LIMIT_BYTES, &options.max_waste) ||
	    !km_limit_parse("5%", KM_LIMIT_BYTES, &options.max_waste_growth) ||
	    !km_limit_parse("5%", KM_LIMIT_COUNT, &options.max_hits_growth))
		__builtin_trap();
	fuzz_error(km_gates_judge(snapshot, bases, 1, &options, &gates));
	/* nothing is new in what is its own baseline */
	if (gates && (gates->nr_added || gates->nr_removed))
		__builtin_trap();
	km_gates_destroy(gates);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_file file = fuzz_file_open(data, size);
	struct km_snapshot *snapshot = NULL;
	struct km_error *error = km_snapshot_load(file.path, &snapshot);

	fuzz_error(error);
	if (!error) {
		static const char *const format[] = { "--format=json", "--format=markdown",
						      "--format=csv" };
		const char *args[] = { "kmemstat", "diff", format[size % 3], "--quiet", file.path,
				       file.path,  NULL };

		judge(snapshot);
		km_snapshot_destroy(snapshot);
		fuzz_run(args);
	}
	fuzz_file_close(&file);
	return 0;
}
