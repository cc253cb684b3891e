/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Event formats: from their texts to the offsets that the page decoder needs. */
#include "decode/formats.h"

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode/account.h"
#include "decode/flags.h"

static bool host_is_big_endian(void)
{
	return __BYTE_ORDER == __BIG_ENDIAN;
}

struct km_error *km_formats_init(struct km_formats *formats, bool is_big_endian,
				 uint32_t long_bytes)
{
	*formats = (struct km_formats){ .is_big_endian = is_big_endian,
					.long_bytes = long_bytes,
					.page_size = 4096 };
	/* one for every id there can be, so that none has to be checked; untouched, it costs
	 * nothing */
	formats->fast_descs = calloc(KM_MAX_EVENT_ID + 1, sizeof(*formats->fast_descs));
	return formats->fast_descs ? NULL : &km_error_memory;
}

void km_formats_deinit(struct km_formats *formats)
{
	for (size_t i = 0; i < formats->nr_infos; i++) {
		free((char *)formats->infos[i].system);
		free((char *)formats->infos[i].name);
	}
	free(formats->infos);
	free(formats->descs);
	free(formats->fast_descs);
	km_flag_names_free(formats->gfp_names, formats->nr_gfp_names);
	*formats = (struct km_formats){ 0 };
}

/* The line of field `name` ("field: local_t commit;\toffset:8;\tsize:8;...") of header_page. */
static bool header_field(const char *text, const char *name, unsigned int *ret_offset,
			 unsigned int *ret_size)
{
	size_t name_len = strlen(name);

	for (const char *line = text; line;
	     line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		const char *semicolon = strchr(line, ';');

		if (!semicolon || (size_t)(semicolon - line) < name_len + 1 ||
		    memcmp(semicolon - name_len - 1, " ", 1) != 0 ||
		    memcmp(semicolon - name_len, name, name_len) != 0)
			continue;
		if (sscanf(semicolon, "; offset:%u; size:%u;", ret_offset, ret_size) == 2)
			return true;
	}
	return false;
}

struct km_error *km_formats_add_header_page(struct km_formats *formats, const char *text,
					    size_t size)
{
	char *copy = strndup(text, size);
	unsigned int ts_at, ts_size, commit_at, commit_size, data_at, data_size;
	bool is_good;

	if (!copy)
		return &km_error_memory;
	is_good = header_field(copy, "timestamp", &ts_at, &ts_size) &&
		  header_field(copy, "commit", &commit_at, &commit_size) &&
		  header_field(copy, "data", &data_at, &data_size);
	free(copy);
	if (!is_good || ts_at != 0 || ts_size != 8 || commit_at != 8 ||
	    (commit_size != 4 && commit_size != 8) || data_at != 8 + commit_size ||
	    data_size < 64 || data_size > KM_MAX_SUBBUF_BYTES)
		return km_error_create(
			KM_ERR_INPUT, NULL,
			"the ring-buffer page layout (header_page) is not one known: "
			"a 64-bit time stamp and a commit of 4 or 8 bytes expected");
	/* the commit is a local_t: it tells the kernel's long, which the file's header does not */
	formats->long_bytes = commit_size;
	formats->commit = (struct km_field){ (uint16_t)commit_at, (uint16_t)commit_size };
	formats->data_offset = data_at;
	formats->data_bytes = data_size;
	return NULL;
}

/* Name and id of a format; false if the text has none. */
static bool parse_head(struct km_span text, char **ret_name, uint32_t *ret_id)
{
	struct km_span name, id;
	uint32_t value = 0;

	if (!km_format_line(text, "name: ", &name) || !name.len ||
	    !km_format_line(text, "ID: ", &id) || !id.len || id.at[0] < '0' || id.at[0] > '9')
		return false;
	for (size_t i = 0; i < id.len && id.at[i] >= '0' && id.at[i] <= '9'; i++)
		if ((value = value * 10 + (uint32_t)(id.at[i] - '0')) > KM_MAX_EVENT_ID)
			return false;
	*ret_id = value;
	*ret_name = strndup(name.at, name.len);
	return true;
}

/* The field of that name; false if the format has none. */
static bool find_any_field(struct km_span text, const char *name, struct km_format_field *ret)
{
	struct km_span line;
	bool is_good;

	while (km_span_next_line(&text, &line))
		if (km_format_field_line(line, ret, &is_good) && is_good &&
		    km_span_is(ret->name, name))
			return true;
	return false;
}

/*
 * A struct of the kernel: fields in their order, each where its size wants it, and no more room
 * between them than that takes. `end` is that of the field before.
 */
static bool field_follows(const struct km_formats *formats, uint32_t end,
			  const struct km_format_field *field)
{
	/* a u64 is where a long may be: on i386 that is every fourth byte */
	const uint32_t most_align = formats->long_bytes;

	if (field->offset < end || field->offset - end >= 8 || field->offset > UINT16_MAX - 8)
		return false;
	if (field->is_array)
		return true;
	if (field->size != 1 && field->size != 2 && field->size != 4 && field->size != 8)
		return false;
	return field->offset % (field->size < most_align ? field->size : most_align) == 0;
}

/*
 * Whether all between "format:" and "print fmt:" are lines of fields that can be read and follow
 * each other, and those are there that all events have. *ret_end is where the last one ends.
 */
static bool has_good_fields(const struct km_formats *formats, struct km_span text,
			    uint32_t *ret_end)
{
	struct km_span line, first;
	struct km_format_field field;
	bool is_good;

	*ret_end = 0;
	if (!find_any_field(text, "common_type", &field) ||
	    !find_any_field(text, "common_pid", &field))
		return false;
	while (km_span_next_line(&text, &line) && !km_span_is(line, "format:"))
		;
	while (km_span_next_line(&text, &line)) {
		first = (struct km_span){ line.at, line.len < 10 ? line.len : 10 };
		if (km_span_is(first, "print fmt:"))
			break;
		/* common fields and the event's own are parted by an empty one */
		if (!line.len)
			continue;
		if (!km_format_field_line(line, &field, &is_good) || !is_good ||
		    !field_follows(formats, *ret_end, &field))
			return false;
		*ret_end = field.offset + field.size;
	}
	return *ret_end > 0;
}

/* A field that is a number, under the first of its names that the format has. */
static struct km_field find_field(struct km_span text, const char *name, const char *other)
{
	struct km_format_field field;

	if (!find_any_field(text, name, &field) || field.offset > UINT16_MAX - 8 ||
	    (field.size != 1 && field.size != 2 && field.size != 4 && field.size != 8))
		return other ? find_field(text, other, NULL) : (struct km_field){ 0 };
	return (struct km_field){ (uint16_t)field.offset, (uint16_t)field.size };
}

/* Where to see that an allocation is accounted: in one byte. */
static void desc_fill_account(const struct km_formats *formats, struct km_desc *desc,
			      struct km_span text)
{
	const struct km_account account = km_format_account(text);
	struct km_field gfp = find_field(text, "gfp_flags", NULL);
	uint64_t mask = account.gfp_mask;
	unsigned int byte = 0;

	if (account.has_field) {
		desc->account_offset = find_field(text, "accounted", NULL).offset;
		desc->account_bits = 0xff;
		return;
	}
	while (mask > 0xff) {
		mask >>= 8;
		byte++;
	}
	if (byte >= gfp.size)
		return;
	desc->account_offset = gfp.offset + (formats->is_big_endian ? gfp.size - 1 - byte : byte);
	desc->account_bits = (uint8_t)mask;
}

/* Finds the fields; false if the event lacks one that its kind cannot do without. */
static bool desc_fill(const struct km_formats *formats, struct km_desc *desc, struct km_span text)
{
	const struct km_field *fields[] = {
		&desc->call_site, &desc->ptr,      &desc->bytes_req, &desc->bytes_alloc,
		&desc->gfp_flags, &desc->name,     &desc->order,     &desc->migratetype,
		&desc->align,     &desc->reserved, &desc->is_atomic, &desc->node
	};
	const enum km_layer layer = km_event_layer(desc->kind);
	uint32_t least = 0;

	desc->is_alloc = km_event_is_alloc(desc->kind);
	desc->call_site = find_field(text, "call_site", NULL);
	desc->gfp_flags = find_field(text, "gfp_flags", NULL);
	if (layer == KM_LAYER_PAGE) {
		desc->ptr = find_field(text, "pfn", "page");
		desc->order = find_field(text, "order", NULL);
		desc->migratetype = find_field(text, "migratetype", NULL);
	} else if (layer == KM_LAYER_PERCPU) {
		desc->ptr = find_field(text, "ptr", "base_addr");
		desc->bytes_req = find_field(text, "size", NULL);
		desc->bytes_alloc = find_field(text, "bytes_alloc", NULL);
		desc->align = find_field(text, "align", NULL);
		desc->reserved = find_field(text, "reserved", NULL);
		desc->is_atomic = find_field(text, "is_atomic", NULL);
	} else {
		desc->ptr = find_field(text, "ptr", NULL);
		desc->bytes_req = find_field(text, "bytes_req", NULL);
		desc->bytes_alloc = find_field(text, "bytes_alloc", NULL);
		desc->node = find_field(text, "node", NULL);
		if (desc->node.size != 4)
			desc->node = (struct km_field){ 0 };
	}
	if (desc->is_alloc) {
		desc_fill_account(formats, desc, text);
		least = desc->account_offset + 1U;
	}
	desc->name = find_field(text, "name", NULL);
	if (desc->name.size != 4)
		desc->name = (struct km_field){ 0 };
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (fields[i]->size && (uint32_t)fields[i]->offset + fields[i]->size > least)
			least = (uint32_t)fields[i]->offset + fields[i]->size;
	desc->least_bytes = (uint16_t)least;
	if (!desc->ptr.size || (layer == KM_LAYER_PAGE && !desc->order.size))
		return false;
	if (layer == KM_LAYER_SLAB &&
	    (!desc->call_site.size || (desc->is_alloc && !desc->bytes_alloc.size)))
		return false;
	/* who is accounted is told by one of them, whatever the kernel */
	if (layer == KM_LAYER_SLAB && desc->is_alloc && !desc->gfp_flags.size &&
	    !find_field(text, "accounted", NULL).size)
		return false;
	return layer == KM_LAYER_PAGE || !desc->is_alloc || desc->bytes_req.size;
}

/* Where kernel_stack has its addresses. */
static void fill_stack(struct km_formats *formats, uint32_t id, struct km_span text)
{
	struct km_format_field caller;

	if (!find_any_field(text, "caller", &caller) || !caller.offset)
		return;
	formats->stack_id = id;
	formats->stack_offset = (uint16_t)caller.offset;
	formats->stack_size = find_field(text, "size", NULL);
}

static bool field_is(struct km_field field, size_t offset, size_t size)
{
	return field.offset == offset && field.size == size;
}

/* Gives the event its way through the fast path, if that can read it. */
static void make_fast(const struct km_formats *formats, const struct km_desc *desc,
		      struct km_fast_desc *ret)
{
	const unsigned int least_words = (desc->least_bytes + 3U) / 4;
	const uint32_t most_bytes =
		desc->most_bytes < KM_FAST_MOST_BYTES ? desc->most_bytes : KM_FAST_MOST_BYTES;
	const unsigned int most_words = most_bytes / 4;

	if (formats->is_big_endian || host_is_big_endian() || desc->kind == KM_EV_OTHER ||
	    km_event_layer(desc->kind) != KM_LAYER_SLAB || !field_is(formats->common_type, 0, 2) ||
	    !field_is(desc->call_site, KM_FAST_CALL_SITE, 8) ||
	    !field_is(desc->ptr, KM_FAST_PTR, 8) || desc->least_bytes > KM_FAST_MOST_BYTES)
		return;
	if (desc->is_alloc && (desc->bytes_req.size != 8 || desc->gfp_flags.size < 4 ||
			       !field_is(desc->bytes_alloc, desc->bytes_req.offset + 8U, 8)))
		return;
	*ret = (struct km_fast_desc){
		.sizes = (uint32_t)((2ULL << most_words) - (1ULL << least_words)),
		.alloc_mask = desc->is_alloc ? UINT32_MAX : 0,
		.what = { km_group_what((struct km_event_what){ .kind = desc->kind }),
			  km_group_what((struct km_event_what){ .kind = desc->kind,
								.flags = KM_EVF_ACCOUNTED }) },
		.slot = desc->slot,
		.size_offset =
			(uint8_t)(desc->is_alloc ? desc->bytes_req.offset : KM_FAST_CALL_SITE),
		.account_offset = (uint8_t)desc->account_offset,
		.account_bits = desc->account_bits,
		.name_offset = (uint8_t)desc->name.offset,
		.gfp_offset = (uint8_t)desc->gfp_flags.offset,
		.counts = !desc->is_alloc   ? KM_FAST_FREE
			  : desc->name.size ? KM_FAST_NAMED_ALLOC
					    : KM_FAST_ALLOC,
	};
}

/* Whether strings or arrays of any length stand behind the fields, which then say where. */
static bool has_tail(struct km_span text)
{
	return memmem(text.at, text.len, ":__data_loc ", 12) ||
	       memmem(text.at, text.len, ":__rel_loc ", 11);
}

/*
 * Whether an event that is none of those known has what only they have: then it is one whose name
 * is damaged, or one that a later kernel has, and to pass it over would be to lose allocations.
 */
static bool looks_like_slab(const char *system, struct km_span text)
{
	struct km_format_field field;

	return strcmp(system, "kmem") == 0 && find_any_field(text, "call_site", &field) &&
	       find_any_field(text, "ptr", &field);
}

static struct km_error *parse_event(struct km_formats *formats, struct km_desc *desc,
				    const char *system, const char *name, struct km_span text)
{
	uint32_t end;

	if (!has_good_fields(formats, text, &end))
		return km_error_create(KM_ERR_INPUT, NULL,
				       "the format of event %s:%s does not parse", system, name);
	if (!formats->common_type.size) {
		formats->common_type = find_field(text, "common_type", NULL);
		formats->common_pid = find_field(text, "common_pid", NULL);
	}
	if (desc->kind == KM_EV_OTHER)
		return NULL;
	desc->most_bytes = has_tail(text) ? UINT32_MAX : (end + 7) / 8 * 8 + 4;
	/* all events of a kernel have the same list: one that parses will do */
	if (!formats->nr_gfp_names && km_event_is_alloc(desc->kind)) {
		struct km_error *error;

		km_flag_names_free(formats->gfp_names, 0);
		formats->gfp_names = NULL;
		error = km_flag_names_read(text, &formats->gfp_names, &formats->nr_gfp_names);
		if (error)
			return error;
	}
	if (!desc_fill(formats, desc, text))
		return km_error_create(KM_ERR_INPUT, NULL,
				       "the format of event %s:%s lacks the pointer, the sizes or "
				       "the call site",
				       system, name);
	return NULL;
}

/* The event of stacks, which is needed besides the kinds. */
static bool is_stack_event(const char *system, const char *name)
{
	return name && strcmp(system, "ftrace") == 0 && strcmp(name, "kernel_stack") == 0;
}

/* Makes room for an event id. */
static struct km_error *grow_descs(struct km_formats *formats, uint32_t id)
{
	size_t nr = id < 2048 ? 2048 : KM_MAX_EVENT_ID + 1;
	struct km_desc *descs;

	if (id < formats->nr_descs)
		return NULL;
	descs = reallocarray(formats->descs, nr, sizeof(*descs));
	if (!descs)
		return &km_error_memory;
	memset(descs + formats->nr_descs, 0, (nr - formats->nr_descs) * sizeof(*descs));
	formats->descs = descs;
	formats->nr_descs = nr;
	return NULL;
}

/* A new slot for an event; takes `name` over. */
static struct km_error *add_info(struct km_formats *formats, const char *system, char *name,
				 uint32_t id, enum km_event_kind kind)
{
	char *system_copy = strdup(system);
	struct km_error *error = grow_descs(formats, id);

	if (!error && formats->nr_infos == formats->room_infos) {
		size_t room = formats->room_infos ? 2 * formats->room_infos : 256;
		void *infos = reallocarray(formats->infos, room, sizeof(*formats->infos));

		if (infos) {
			formats->infos = infos;
			formats->room_infos = room;
		}
	}
	if (error || !system_copy || !name || formats->nr_infos == formats->room_infos) {
		free(system_copy);
		free(name);
		return &km_error_memory;
	}
	formats->infos[formats->nr_infos++] = (struct km_format_info){
		.system = system_copy, .name = name, .id = id, .kind = kind
	};
	return NULL;
}

struct km_error *km_formats_add_event(struct km_formats *formats, const char *system,
				      const char *bytes, size_t size)
{
	/* as far as it is text */
	const struct km_span text = { bytes, strnlen(bytes, size) };
	char *name;
	uint32_t id;
	enum km_event_kind kind;
	struct km_desc desc = { 0 };
	struct km_error *error;
	bool is_stack;

	if (!parse_head(text, &name, &id))
		return km_error_create(KM_ERR_INPUT, NULL,
				       "an event format of system %s has no name or id", system);
	kind = name ? km_event_kind_of(system, name) : KM_EV_OTHER;
	if (id < formats->nr_descs && formats->descs[id].is_known) {
		const bool is_same =
			name && strcmp(formats->infos[formats->descs[id].slot].name, name) == 0;

		/* the same event again (another instance): the first stays */
		free(name);
		return is_same ? NULL
			       : km_error_create(KM_ERR_INPUT, NULL,
						 "two event formats have the id %" PRIu32, id);
	}
	/* a slot has 16 bits */
	if (formats->nr_infos > UINT16_MAX) {
		free(name);
		return km_error_create(KM_ERR_INPUT, NULL, "too many event formats");
	}
	if (kind == KM_EV_OTHER && name && looks_like_slab(system, text)) {
		free(name);
		return km_error_create(KM_ERR_INPUT, NULL,
				       "an event of system %s is like an allocation, and its name "
				       "is not known",
				       system);
	}
	desc = (struct km_desc){ .kind = (uint8_t)kind, .is_known = true };
	is_stack = is_stack_event(system, name);
	error = add_info(formats, system, name, id, kind);
	if (error)
		return error;
	desc.slot = (uint16_t)(formats->nr_infos - 1);
	if (kind != KM_EV_OTHER || is_stack || !formats->common_type.size) {
		error = parse_event(formats, &desc, system, formats->infos[desc.slot].name, text);
		if (error && kind == KM_EV_OTHER && error != &km_error_memory) {
			km_error_free(error);
			error = NULL;
		}
		if (error) {
			formats->infos[desc.slot].kind = KM_EV_OTHER;
			return error;
		}
	}
	if (is_stack)
		fill_stack(formats, id, text);
	formats->descs[id] = desc;
	make_fast(formats, &desc, &formats->fast_descs[id]);
	return NULL;
}

struct km_error *km_formats_seal(struct km_formats *formats)
{
	if (!formats->commit.size)
		return km_error_create(KM_ERR_INPUT, NULL,
				       "there is no ring-buffer page layout (header_page)");
	if (!formats->common_type.size)
		return km_error_create(KM_ERR_INPUT, NULL, "there is no event format");
	return NULL;
}
