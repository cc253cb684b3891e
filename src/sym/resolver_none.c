/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The resolver of a build with -Ddwarf=disabled: of no call site more is known than its symbol. */
#include <stdlib.h>

#include "kmemstat/sym.h"

struct km_resolver {
	char none; /* C has no empty structures */
};

bool km_resolver_has_dwarf(void)
{
	return false;
}

struct km_error *km_resolver_create(const struct km_symtab *tab,
				    const struct km_resolver_options *options,
				    struct km_resolver **ret)
{
	struct km_resolver *resolver;

	(void)tab;
	if (options->vmlinux || options->nr_debug_dirs || options->source_root)
		return km_error_create(
			KM_ERR_USAGE, NULL,
			"debug information is asked for, and this is a build without "
			"DWARF");
	resolver = calloc(1, sizeof(*resolver));
	if (!resolver)
		return &km_error_memory;
	*ret = resolver;
	return NULL;
}

void km_resolver_destroy(struct km_resolver *resolver)
{
	free(resolver);
}

struct km_error *km_resolver_lookup(struct km_resolver *resolver, uint64_t address,
				    struct km_chain *ret)
{
	(void)resolver;
	(void)address;
	*ret = (struct km_chain){ 0 };
	return NULL;
}

struct km_error *km_resolver_excerpt(struct km_resolver *resolver, const struct km_chain *chain,
				     struct km_excerpt *ret)
{
	(void)resolver;
	(void)chain;
	*ret = (struct km_excerpt){ 0 };
	return NULL;
}

struct km_error *km_resolver_types(struct km_resolver *resolver, uint64_t address,
				   const uint32_t *sizes, size_t nr_sizes, struct km_types *ret)
{
	(void)resolver;
	(void)address;
	(void)sizes;
	(void)nr_sizes;
	*ret = (struct km_types){ 0 };
	return NULL;
}

size_t km_resolver_nr_failures(const struct km_resolver *resolver)
{
	(void)resolver;
	return 0;
}

const char *km_resolver_sandbox(const struct km_resolver *resolver)
{
	(void)resolver;
	return NULL;
}

size_t km_resolver_nr_notes(const struct km_resolver *resolver)
{
	(void)resolver;
	return 0;
}

const char *km_resolver_note(const struct km_resolver *resolver, size_t i)
{
	(void)resolver;
	(void)i;
	return NULL;
}
