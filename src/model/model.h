/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files that make models share. */
#ifndef KMEMSTAT_MODEL_MODEL_H
#define KMEMSTAT_MODEL_MODEL_H

#include "kmemstat/model.h"

/* What parameters say; 0 or false: nothing. */
struct km_model_parameters {
	uint64_t min, page, quantum, header, cpus;
	bool no96, no384, nocg, mid;
};

/* A parameter: its word, and where it goes. */
struct km_model_parameter {
	const char *word; /* "min" */
	bool is_flag;
	size_t offset; /* in struct km_model_parameters */
	unsigned int bit;
};
const struct km_model_parameter *km_model_parameters(size_t *ret_nr);

/* An allocator that there is a model of. */
struct km_model_maker {
	struct km_model_info info;
	unsigned int takes; /* bits of parameters */
	uint64_t min;       /* the default of min */
	uint64_t quantum;   /* and of quantum */
	uint64_t header;
	/* Puts ranges, large and slabs into *ret, whose other members are there. */
	struct km_error *(*make)(const struct km_model_parameters *parameters,
				 struct km_model *ret);
};
const struct km_model_maker *km_model_makers(size_t *ret_nr);

/* Adds a range; its up_to is over that of the one before. */
KM_MUST_CHECK struct km_error *km_model_add_range(struct km_model *model, uint64_t up_to,
						  uint64_t step, enum km_model_kind kind);
/* Adds a size class. */
KM_MUST_CHECK struct km_error *km_model_add_class(struct km_model *model, uint64_t bytes);
void km_model_deinit(struct km_model *model);
/* Takes the model over in every case. */
KM_MUST_CHECK struct km_error *km_models_append(struct km_models *models, struct km_model *model);

/* "4096", "4k", "1M" of `len` characters: powers of 1024. */
bool km_model_parse_bytes(const char *text, size_t len, uint64_t *ret);

static inline bool km_model_is_power(uint64_t number)
{
	return number && !(number & (number - 1));
}

#endif
