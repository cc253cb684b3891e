/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Types in the report: looked up with the source lines, named in findings, summed up. */
#ifndef KMEMSTAT_REPORT_TYPES_H
#define KMEMSTAT_REPORT_TYPES_H

#include "report/build.h"

/* Looks up what a call site allocates, once. */
KM_MUST_CHECK struct km_error *km_callsite_find_types(const struct km_callsite *site,
						      struct km_resolver *resolver);
/* The one type that a call site is sure to allocate, or NULL. */
const struct km_type *km_callsite_type(const struct km_callsite *site);
/* Names it in the message and the advice of a finding, once; does nothing without one. */
KM_MUST_CHECK struct km_error *km_finding_name_type(struct km_report_own *own,
						    struct km_finding *finding);
/* What its layout says, for objects of a call site; "" if nothing. NULL without memory. */
const char *km_type_advise(struct km_report_own *own, const struct km_callsite *site,
			   const struct km_type *type);
/*
 * What could be done to a structure so that an object takes the class below: "without idx_mask
 * (4 bytes) it would fit kmalloc-2k". `less` is how many bytes are to be saved; 0: none would do,
 * only what it consists of is said. "" if there is nothing to say; NULL without memory.
 */
char *km_layout_advise(const struct km_layout *layout, uint64_t less, const char *class,
		       struct km_strings *strings);

#endif
