/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this build is without, and what therefore cannot be asked for. */
#include "cli/without.h"

#include "kmemstat/sym.h"
#include "kmemstat/top.h"

#ifdef HAVE_LZMA
static const bool has_lzma = true;
#else
static const bool has_lzma = false;
#endif

void km_without_print(struct km_out *out)
{
	const struct {
		const char *name;
		bool is_there;
	} features[] = {
		{ "DWARF (source lines, types)", km_resolver_has_dwarf() },
		{ "xz (packed debug files and reports)", has_lzma },
		{ "the screen of top", km_top_has_screen() },
	};
	const char *before = "built without ";

	km_out_puts(out, "kmemstat " KMEMSTAT_VERSION "\n");
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		if (features[i].is_there)
			continue;
		km_out_printf(out, "%s%s", before, features[i].name);
		before = ", ";
	}
	if (before[0] == ',')
		km_out_puts(out, "\n");
}

/* The first of what is asked for that needs DWARF; NULL: nothing. */
static const char *wants_dwarf(const struct km_options *options)
{
	return options->vmlinux                 ? "--vmlinux"
	       : options->nr_debug_dirs         ? "--debug-dir"
	       : options->source_root           ? "--source-root"
	       : options->source                ? "--source"
	       : options->verb == KM_VERB_TYPES ? "types"
						: NULL;
}

struct km_error *km_without_check(const struct km_options *options)
{
	const char *wants = km_resolver_has_dwarf() ? NULL : wants_dwarf(options);

	if (wants)
		return km_error_advise(km_error_create(KM_ERR_USAGE, NULL,
						       "%s reads debug information, and this "
						       "kmemstat was built without DWARF",
						       wants),
				       "take a JSON report or the trace to one that was built "
				       "with it");
	if (!km_top_has_screen() && options->verb == KM_VERB_TOP && !options->batch)
		return km_error_advise(km_error_create(KM_ERR_USAGE, NULL,
						       "this kmemstat was built without the "
						       "screen of top"),
				       "give --batch to print frames as text");
	return NULL;
}
