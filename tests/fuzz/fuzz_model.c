/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file that describes an allocator's size classes, and the same as what --model takes. */
#include <stdlib.h>

#include "fuzz.h"
#include "kmemstat/model.h"

/* What a model gives has to hold what was asked for. */
static void ask(const struct km_model *model)
{
	for (unsigned int bit = 0; bit < 64; bit++) {
		for (int more = -1; more <= 1; more++) {
			const uint64_t bytes = (1ULL << bit) + (uint64_t)more;
			const struct km_model_object object = km_model_fit(model, bytes);

			if (object.bytes < bytes)
				__builtin_trap();
			km_model_slab(model, object.bytes);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct km_model_machine machine = { .page_size = 4096, .nr_cpus = 4 };
	struct km_models models = { 0 };
	char *text = fuzz_text(data, size);

	fuzz_error(km_models_add_text(&models, "file", text, size, &machine));
	fuzz_error(km_models_add(&models, text, &machine));
	for (size_t i = 0; i < models.nr; i++)
		ask(&models.items[i]);
	km_models_deinit(&models);
	free(text);
	return 0;
}
