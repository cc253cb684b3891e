/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lost, damaged and missing events mean for the one who asked. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/memstream.h"
#include "cli/session.h"
#include "kmemstat/out.h"

/* "3 damaged ring-buffer pages, 512 bytes ...": the counters of at least that severity. */
static char *list_counters(const struct km_quality *quality, enum km_severity severity)
{
	char *list = NULL, number[KM_GROUPED_SIZE];
	size_t size;
	FILE *stream = open_memstream(&list, &size);
	const char *comma = "";

	if (!stream)
		return NULL;
	for (enum km_counter i = 0; i < KM_NR_COUNTERS; i++) {
		const struct km_counter_info *info = km_counter_info(i);

		if (info->severity < severity || !quality->count[i])
			continue;
		fprintf(stream, "%s%s %s", comma, km_grouped(quality->count[i], number),
			km_counter_text(info, quality->count[i]));
		comma = ", ";
	}
	km_memstream_close(stream, &list);
	return list;
}

enum km_exit km_quality_status(const struct km_options *options, const struct km_quality *quality)
{
	/* the report tells of losses itself, but for formats that have no place for it */
	bool is_told = options->verb != KM_VERB_DUMP && options->format != KM_FORMAT_CSV;
	enum km_severity severity = options->strict || !is_told ? KM_SEV_LOSS : KM_SEV_DAMAGE;
	char *list = list_counters(quality, severity);

	if (list && *list && (options->strict || !options->quiet))
		km_say("%s: incomplete: %s; totals are lower bounds", options->input, list);
	free(list);
	return options->strict && km_quality_is_incomplete(quality) ? KM_EXIT_INCOMPLETE
								    : KM_EXIT_OK;
}

struct km_error *km_check_usable(const char *path, const struct km_quality *quality,
				 bool has_unread_instances)
{
	struct km_error *error;
	char *list;

	if (quality->count[KM_EVENTS_USED])
		return NULL;
	if (quality->count[KM_EVENTS_FILTERED])
		return km_error_advise(km_error_create(KM_ERR_INPUT, path,
						       "no event passes the filters: %" PRIu64
						       " are left out",
						       quality->count[KM_EVENTS_FILTERED]),
				       "look at kmemstat dump FILE, or filter less");
	list = list_counters(quality, KM_SEV_LOSS);
	if (!list)
		return &km_error_memory;
	if (*list)
		error = km_error_advise(
			km_error_create(KM_ERR_INPUT, path, "no event in it can be used: %s", list),
			"copy the file again or record again");
	else
		error = km_error_advise(
			km_error_create(KM_ERR_INPUT, path, "no kmem event is in it"), "%s",
			has_unread_instances
				? "see kmemstat info FILE for its instances, and give --instance"
				: "record with kmemstat record");
	free(list);
	return error;
}
