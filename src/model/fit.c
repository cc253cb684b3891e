/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What holds a request. */
#include <stdlib.h>

#include "kmemstat/quality.h"
#include "model/model.h"

const char *km_model_kind_name(enum km_model_kind kind)
{
	static const char *const names[] = { "cache", "heap", "pages" };

	return names[kind];
}

struct km_error *km_model_add_range(struct km_model *model, uint64_t up_to, uint64_t step,
				    enum km_model_kind kind)
{
	struct km_model_range *ranges =
		reallocarray(model->ranges, model->nr_ranges + 1, sizeof(*ranges));

	if (!ranges)
		return &km_error_memory;
	model->ranges = ranges;
	ranges[model->nr_ranges++] =
		(struct km_model_range){ .up_to = up_to, .step = step, .kind = kind };
	return NULL;
}

struct km_error *km_model_add_class(struct km_model *model, uint64_t bytes)
{
	return km_model_add_range(model, bytes, bytes, KM_MODEL_CACHE);
}

void km_model_deinit(struct km_model *model)
{
	free(model->name);
	free(model->summary);
	free(model->ranges);
	*model = (struct km_model){ 0 };
}

void km_models_deinit(struct km_models *models)
{
	for (size_t i = 0; i < models->nr; i++)
		km_model_deinit(&models->items[i]);
	free(models->items);
	*models = (struct km_models){ 0 };
}

struct km_error *km_models_append(struct km_models *models, struct km_model *model)
{
	struct km_model *items = reallocarray(models->items, models->nr + 1, sizeof(*items));

	if (!items) {
		km_model_deinit(model);
		return &km_error_memory;
	}
	models->items = items;
	items[models->nr++] = *model;
	return NULL;
}

static uint64_t round_up(uint64_t bytes, uint64_t step)
{
	const uint64_t more = bytes % step ? step - bytes % step : 0;

	return km_sat_add(bytes, more);
}

static uint64_t round_to_order(uint64_t bytes, uint64_t page)
{
	while (page < bytes) {
		if (page > UINT64_MAX / 2)
			return UINT64_MAX;
		page *= 2;
	}
	return page;
}

/* The first range that goes as far as `bytes`, or NULL. */
static const struct km_model_range *find_range(const struct km_model *model, uint64_t bytes)
{
	size_t low = 0, high = model->nr_ranges;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (model->ranges[middle].up_to < bytes)
			low = middle + 1;
		else
			high = middle;
	}
	return low < model->nr_ranges ? &model->ranges[low] : NULL;
}

struct km_model_object km_model_fit(const struct km_model *model, uint64_t bytes_req)
{
	const uint64_t req = bytes_req ? bytes_req : 1;
	const uint64_t with_header = km_sat_add(req, model->header);
	const struct km_model_range *range = find_range(model, with_header);
	struct km_model_object ret = { .kind = KM_MODEL_PAGES };

	if (range)
		return (struct km_model_object){ .bytes = round_up(with_header, range->step),
						 .kind = range->kind };
	switch (model->large) {
	case KM_LARGE_ORDER:
		ret.bytes = round_to_order(req, model->page_size);
		break;
	case KM_LARGE_PAGES:
		ret.bytes = round_up(req, model->page_size);
		break;
	case KM_LARGE_GRANULE:
		ret.bytes = round_up(with_header, model->granule);
		ret.kind = KM_MODEL_HEAP;
		break;
	}
	return ret;
}
