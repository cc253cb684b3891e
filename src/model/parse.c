/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Models by name:
 *
 *	MODEL[:PARAMETER[,PARAMETER]...][,MODEL...]
 *
 * No parameter is called as a model, so that a word behind a comma is one or the other.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/model.h"

enum {
	DEFAULT_PAGE = 4096,
	LEAST_PAGE = 1024,
	MOST_PAGE = 1 << 18,
	MOST_MIN = 4096,
	LEAST_QUANTUM = 4,
	MOST_QUANTUM = 64,
	MOST_HEADER = 256,
	MOST_CPUS = 8192,
};

bool km_model_parse_bytes(const char *text, size_t len, uint64_t *ret)
{
	uint64_t number = 0;
	size_t i = 0;

	for (; i < len && text[i] >= '0' && text[i] <= '9'; i++)
		if (__builtin_mul_overflow(number, (uint64_t)10, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(text[i] - '0'), &number))
			return false;
	if (!i)
		return false;
	if (i + 1 == len && (text[i] | 0x20) == 'k' && number <= UINT32_MAX)
		number <<= 10;
	else if (i + 1 == len && (text[i] | 0x20) == 'm' && number <= UINT32_MAX)
		number <<= 20;
	else if (i < len)
		return false;
	*ret = number;
	return true;
}

const struct km_model_info *km_model_infos(size_t *ret_nr, size_t i)
{
	const struct km_model_maker *makers = km_model_makers(ret_nr);

	return i < *ret_nr ? &makers[i].info : NULL;
}

static const struct km_model_maker *find_maker(const char *name, size_t len)
{
	size_t nr;
	const struct km_model_maker *makers = km_model_makers(&nr);

	for (size_t i = 0; i < nr; i++)
		if (strlen(makers[i].info.name) == len &&
		    memcmp(makers[i].info.name, name, len) == 0)
			return &makers[i];
	return NULL;
}

static const struct km_model_parameter *find_parameter(const char *word, size_t len)
{
	size_t nr;
	const struct km_model_parameter *parameters = km_model_parameters(&nr);

	for (size_t i = 0; i < nr; i++)
		if (strlen(parameters[i].word) == len && memcmp(parameters[i].word, word, len) == 0)
			return &parameters[i];
	return NULL;
}

static struct km_error *unknown(const char *word, size_t len)
{
	return km_error_advise(km_error_create(KM_ERR_USAGE, NULL,
					       "--model: no model or parameter is called '%.*s'",
					       (int)len, word),
			       "see kmemstat --model help");
}

/* "min=128" of a model. */
static struct km_error *parse_parameter(const struct km_model_maker *maker, const char *text,
					size_t len, struct km_model_parameters *ret)
{
	const char *equals = memchr(text, '=', len);
	const size_t len_word = equals ? (size_t)(equals - text) : len;
	const struct km_model_parameter *parameter = find_parameter(text, len_word);
	void *target;

	if (!parameter)
		return unknown(text, len_word);
	if (!(maker->takes & parameter->bit))
		return km_error_advise(km_error_create(KM_ERR_USAGE, NULL,
						       "--model: %s has no parameter %s",
						       maker->info.name, parameter->word),
				       "it has: %s", maker->info.parameters);
	target = (char *)ret + parameter->offset;
	if (parameter->is_flag && !equals) {
		*(bool *)target = true;
		return NULL;
	}
	if (parameter->is_flag || !equals ||
	    !km_model_parse_bytes(equals + 1, len - len_word - 1, target) || !*(uint64_t *)target)
		return km_error_create(KM_ERR_USAGE, NULL, "--model: '%.*s' is not %s%s", (int)len,
				       text, parameter->word,
				       parameter->is_flag ? " alone" : "=NUMBER");
	return NULL;
}

static struct km_error *check_range(const char *word, uint64_t number, uint64_t least,
				    uint64_t most, bool is_power)
{
	if (number >= least && number <= most && (!is_power || km_model_is_power(number)))
		return NULL;
	return km_error_create(KM_ERR_USAGE, NULL,
			       "--model: %s=%" PRIu64 " is not %s from %" PRIu64 " to %" PRIu64,
			       word, number, is_power ? "a power of two" : "a number", least, most);
}

/* What is not given comes from the model, or the machine. */
static struct km_error *check_parameters(const struct km_model_maker *maker,
					 const struct km_model_machine *machine,
					 struct km_model_parameters *parameters)
{
	struct km_error *error = NULL;

	if (!parameters->min)
		parameters->min = maker->min;
	if (!parameters->quantum)
		parameters->quantum = maker->quantum;
	if (!parameters->header)
		parameters->header = maker->header;
	if (parameters->page)
		error = check_range("page", parameters->page, LEAST_PAGE, MOST_PAGE, true);
	else
		parameters->page = km_model_is_power(machine->page_size) &&
						   machine->page_size >= LEAST_PAGE &&
						   machine->page_size <= MOST_PAGE
					   ? machine->page_size
					   : DEFAULT_PAGE;
	if (!parameters->cpus)
		parameters->cpus = machine->nr_cpus ? machine->nr_cpus : 1;
	if (!error && maker->min)
		error = check_range("min", parameters->min, 8,
				    parameters->page < MOST_MIN ? parameters->page : MOST_MIN,
				    true);
	if (!error && maker->quantum)
		error = check_range("quantum", parameters->quantum, LEAST_QUANTUM, MOST_QUANTUM,
				    true);
	if (!error && parameters->header)
		error = check_range("header", parameters->header, 1, MOST_HEADER, false);
	if (!error && parameters->cpus > MOST_CPUS)
		error = check_range("cpus", parameters->cpus, 1, MOST_CPUS, false);
	return error;
}

static bool has_name(const struct km_models *models, const char *name)
{
	for (size_t i = 0; i < models->nr; i++)
		if (strcmp(models->items[i].name, name) == 0)
			return true;
	return false;
}

/* A model whose name and parameters are the text. */
static struct km_error *add_model(struct km_models *models, const struct km_model_maker *maker,
				  struct km_model_parameters parameters, const char *text,
				  size_t len, const struct km_model_machine *machine)
{
	struct km_error *error = check_parameters(maker, machine, &parameters);
	struct km_model model = { 0 };

	if (error)
		return error;
	model = (struct km_model){
		.name = strndup(text, len),
		.summary = strdup(maker->info.summary),
		.page_size = (uint32_t)parameters.page,
		.nr_cpus = (uint32_t)parameters.cpus,
		.header = parameters.header,
	};
	if (!model.name || !model.summary)
		error = &km_error_memory;
	if (!error && !has_name(models, model.name)) {
		error = maker->make(&parameters, &model);
		if (!error)
			return km_models_append(models, &model);
	}
	km_model_deinit(&model);
	return error;
}

static struct km_error *add_all(struct km_models *models, const struct km_model_machine *machine)
{
	const struct km_model_parameters none = { 0 };
	size_t nr;
	const struct km_model_maker *makers = km_model_makers(&nr);
	struct km_error *error = NULL;

	for (size_t i = 0; i < nr && !error; i++)
		error = add_model(models, &makers[i], none, makers[i].info.name,
				  strlen(makers[i].info.name), machine);
	return error;
}

/* One model: its name, and parameters up to the next name or the end. Sets *ret_len. */
static struct km_error *parse_model(struct km_models *models, const char *text,
				    const struct km_model_machine *machine, size_t *ret_len)
{
	const size_t len_name = strcspn(text, ":,");
	const struct km_model_maker *maker = find_maker(text, len_name);
	struct km_model_parameters parameters = { 0 };
	size_t len = len_name;
	struct km_error *error = NULL;

	*ret_len = len;
	if (len_name == strlen("all") && memcmp(text, "all", len_name) == 0 && text[len] != ':')
		return add_all(models, machine);
	if (!maker)
		return unknown(text, len_name);
	while ((text[len] == ':' && len == len_name) || (text[len] == ',' && len > len_name)) {
		const char *word = text + len + 1;
		const size_t len_word = strcspn(word, ",");

		if (text[len] == ',' &&
		    (find_maker(word, strcspn(word, ":,")) ||
		     (len_word == strlen("all") && memcmp(word, "all", len_word) == 0)))
			break;
		error = parse_parameter(maker, word, len_word, &parameters);
		if (error)
			return error;
		len += 1 + len_word;
	}
	*ret_len = len;
	return add_model(models, maker, parameters, text, len, machine);
}

struct km_error *km_models_add(struct km_models *models, const char *text,
			       const struct km_model_machine *machine)
{
	for (;;) {
		size_t len;
		struct km_error *error = parse_model(models, text, machine, &len);

		if (error || !text[len])
			return error;
		if (text[len] != ',')
			return unknown(text, strcspn(text, ","));
		text += len + 1;
	}
}
