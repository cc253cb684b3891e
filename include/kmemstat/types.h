/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a call site allocates: types by the debug information, and how they are laid out. */
#ifndef KMEMSTAT_TYPES_H
#define KMEMSTAT_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How sure it is that a call site allocates a type. */
enum km_sureness {
	/* the pointer that the result is assigned to, or a pointer of the function, is to it */
	KM_SURE_EXACT,
	KM_SURE_ONLY,    /* the only type of that size in reach */
	KM_SURE_SEVERAL, /* one of several of that size: listed, never named in sentences */
};

/* What of a request the type is. */
enum km_type_form {
	KM_FORM_WHOLE,   /* all of it */
	KM_FORM_FLEX,    /* a header before the elements of a flexible array member */
	KM_FORM_PRIVATE, /* a header before bytes that the type says nothing of */
	KM_FORM_ARRAY,   /* an element: the request is for several */
};

/* A member, as it lies in its structure; those of structures in it without a tag follow it. */
struct km_member {
	const char *name;        /* NULL: unnamed */
	const char *declaration; /* "struct hlist_head bucket[256]", "u32 is_set:1" */
	uint64_t offset;         /* from the beginning of the whole; of the first bit's byte */
	uint64_t bytes;          /* 0 of a flexible array */
	uint64_t align;
	uint64_t count;         /* elements of an array; 0: none, or flexible */
	uint64_t element_bytes; /* of an array */
	uint32_t bits;          /* of a bit field, else 0 */
	uint32_t bit_offset;    /* in its byte */
	uint32_t depth;         /* 0: of the structure itself */
	bool opens;             /* members of it follow, one deeper */
	uint64_t hole;          /* unused bytes between it and the next of its depth */
};

struct km_layout {
	const char *name; /* "struct mesh_rmc" */
	uint64_t bytes, align;
	const struct km_member *members;
	size_t nr_members;
	bool is_union;
	size_t nr_holes;
	uint64_t bytes_holes;   /* between members; those inside of members are not counted */
	uint64_t bytes_padding; /* behind the last */
	uint64_t bytes_packed;  /* its size with the members in the best order */
	bool has_flexible;      /* it ends in a flexible array, its own or a member's */
	bool is_cut;            /* more members than are read: the rest of this is not known */
};

/* One answer. Strings and layout are the resolver's. */
struct km_type {
	const char *name;          /* "struct mesh_rmc", "struct page *" */
	uint64_t bytes;            /* of the type */
	uint32_t min_req, max_req; /* requests of the call site that it answers */
	enum km_sureness sureness;
	enum km_type_form form;
	uint64_t element_bytes;         /* KM_FORM_FLEX, KM_FORM_ARRAY */
	const char *member;             /* KM_FORM_FLEX: the flexible array's name */
	const struct km_layout *layout; /* NULL: not a structure or union */
};

struct km_types {
	const struct km_type *types; /* the most likely first */
	size_t nr;
};

/*
 * The size of a structure without one of its members (SIZE_MAX: with all), the others placed
 * anew, in their order or by alignment. UINT64_MAX without memory.
 */
uint64_t km_layout_rearranged(const struct km_layout *layout, size_t without, bool by_align);
/* "exact", "only", "several". */
const char *km_sureness_name(enum km_sureness sureness);
/* "whole", "flexible", "private", "array". */
const char *km_type_form_name(enum km_type_form form);

#endif
