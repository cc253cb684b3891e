/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file of suppressions, and the same as a budget: they share their syntax. */
#include "fuzz.h"
#include "kmemstat/gate.h"
#include "kmemstat/suppress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct km_suppressions suppressions = { 0 };
	struct km_budget budget = { 0 };

	fuzz_error(km_suppressions_parse(&suppressions, "file", fuzz_text(data, size), size));
	km_suppressions_deinit(&suppressions);
	fuzz_error(km_budget_parse(&budget, "file", fuzz_text(data, size), size));
	km_budget_deinit(&budget);
	return 0;
}
