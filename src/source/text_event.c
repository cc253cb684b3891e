/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fields of kmem and percpu events as text (include/trace/events/kmem.h and percpu.h):
 *
 *	kmalloc: call_site=f+0x1/0x9 ptr=0000000012345678 bytes_req=9 bytes_alloc=16
 *		gfp_flags=GFP_KERNEL|__GFP_ZERO node=-1 accounted=false
 *	kfree: call_site=f+0x1/0x9 ptr=0000000012345678
 *	kmem_cache_free: call_site=f+0x1/0x9 ptr=0000000012345678 name=dentry
 *	mm_page_alloc: page=00000000deadbeef pfn=0x1234 order=0 migratetype=1 gfp_flags=GFP_KERNEL
 *	percpu_alloc_percpu: call_site=f+0x1/0x9 reserved=0 is_atomic=0 size=8 align=8
 *		base_addr=... off=64 ptr=... bytes_alloc=16 gfp_flags=GFP_KERNEL
 *
 * Older kernels have fewer fields, call_site=ffffffff81234567, page=%p pfn=1234 (decimal until
 * 5.15), and pointers as they are; trace-cmd report puts "(f+0x1) " in front, and with -R prints
 * flags as numbers. Fields are found by their names, in any order.
 */
#include "source/text.h"

#include <string.h>

enum km_event_kind km_text_kind_of(struct km_span name)
{
	static const enum km_event_kind by_len[][3] = {
		[5] = { KM_EV_KFREE },
		[7] = { KM_EV_KMALLOC },
		[12] = { KM_EV_KMALLOC_NODE, KM_EV_PAGE_FREE },
		[13] = { KM_EV_PAGE_ALLOC },
		[15] = { KM_EV_CACHE_FREE },
		[16] = { KM_EV_CACHE_ALLOC },
		[18] = { KM_EV_PERCPU_FREE },
		[19] = { KM_EV_PERCPU_ALLOC, KM_EV_PERCPU_CHUNK_CREATE },
		[20] = { KM_EV_PERCPU_CHUNK_DESTROY },
		[21] = { KM_EV_CACHE_ALLOC_NODE },
	};

	if (name.len >= sizeof(by_len) / sizeof(by_len[0]))
		return KM_EV_OTHER;
	for (int i = 0; i < 3 && by_len[name.len][i]; i++)
		if (memcmp(km_event_name(by_len[name.len][i]), name.at, name.len) == 0)
			return by_len[name.len][i];
	return KM_EV_OTHER;
}

static bool is_word(struct km_span text, const char *word)
{
	return text.len == strlen(word) && memcmp(text.at, word, text.len) == 0;
}

/*
 * A pointer. What %p makes of one has 16 digits of which the upper eight are zeroes
 * (lib/vsprintf.c, ptr_to_id(), v6.1), and never "0x"; kernel pointers have upper bits.
 */
static bool take_pointer(struct km_span text, uint8_t *flags, uint64_t *ret)
{
	if (text.len && text.at[0] == '(') {
		if (is_word(text, "(nil)") || is_word(text, "(null)")) {
			*ret = 0;
			return true;
		}
		/* "(____ptrval____)": too early to be hashed */
		*flags |= KM_EVF_PTR_HASHED;
		*ret = 1;
		return text.at[text.len - 1] == ')';
	}
	if (!km_text_number(text, 16, ret))
		return false;
	if (text.len == 16 && *ret && *ret >> 32 == 0 && text.at[1] != 'x')
		*flags |= KM_EVF_PTR_HASHED;
	return true;
}

/* "GFP_KERNEL_ACCOUNT|__GFP_ZERO", "0xcc0", "3264". */
static void take_gfp(struct km_span text, struct km_text_event *event)
{
	uint64_t value;

	if (text.len && text.at[0] >= '0' && text.at[0] <= '9') {
		if (km_text_number(text, text.len > 1 && text.at[1] == 'x' ? 16 : 10, &value))
			event->more.gfp_flags = (uint32_t)value;
		return;
	}
	if (!(event->has & KM_TF_ACCOUNTED) && memmem(text.at, text.len, "_ACCOUNT", 8))
		event->flags |= KM_EVF_ACCOUNTED;
}

/* "true", "false", "1", "0": it has the last word. */
static bool take_accounted(struct km_span text, struct km_text_event *event)
{
	if (is_word(text, "true") || is_word(text, "1"))
		event->flags |= KM_EVF_ACCOUNTED;
	else if (is_word(text, "false") || is_word(text, "0"))
		event->flags &= (uint8_t)~KM_EVF_ACCOUNTED;
	else
		return false;
	event->has |= KM_TF_ACCOUNTED;
	return true;
}

/* One that is told as 0 or not. */
static bool take_flag(struct km_span text, uint8_t flag, struct km_text_event *event)
{
	if (is_word(text, "0") || is_word(text, "false"))
		return true;
	event->flags |= flag;
	return text.len > 0;
}

static bool take_small(struct km_span text, uint64_t most, uint64_t *ret)
{
	return km_text_number(text, 10, ret) && *ret <= most;
}

/* "0", "1", "-1": any. */
static bool take_node(struct km_span text, int16_t *ret)
{
	uint64_t number;

	if (is_word(text, "-1"))
		return true;
	if (!take_small(text, INT16_MAX, &number))
		return false;
	*ret = (int16_t)number;
	return true;
}

/* The fields of pages and percpu objects. */
static bool take_rare(struct km_span key, struct km_span value, struct km_text_event *event)
{
	uint64_t number = 0;
	uint8_t no_flags = 0;

	if (is_word(key, "page")) {
		event->has |= KM_TF_PAGE;
		return take_pointer(value, &no_flags, &event->page);
	}
	if (is_word(key, "pfn")) {
		bool is_hex = value.len > 1 && value.at[1] == 'x';

		event->has |= KM_TF_PFN;
		return km_text_number(value, is_hex ? 16 : 10, &event->pfn);
	}
	if (is_word(key, "order")) {
		event->has |= KM_TF_ORDER;
		if (!take_small(value, UINT8_MAX, &number))
			return false;
		event->more.order = (uint8_t)number;
	} else if (is_word(key, "migratetype")) {
		if (!take_small(value, UINT8_MAX, &number))
			return false;
		event->more.migratetype = (uint8_t)number;
	} else if (is_word(key, "align")) {
		if (!take_small(value, UINT32_MAX, &number))
			return false;
		event->more.align = (uint32_t)number;
	} else if (is_word(key, "reserved")) {
		return take_flag(value, KM_EVF_PERCPU_RESERVED, event);
	} else if (is_word(key, "is_atomic")) {
		return take_flag(value, KM_EVF_PERCPU_ATOMIC, event);
	} else if (is_word(key, "base_addr")) {
		event->has |= KM_TF_BASE;
	} else if (is_word(key, "size")) {
		event->has |= KM_TF_REQ;
		return km_text_number(value, 10, &event->req);
	}
	return true;
}

static bool take_field(struct km_span key, struct km_span value, struct km_text_event *event)
{
	if (is_word(key, "bytes_req")) {
		event->has |= KM_TF_REQ;
		return km_text_number(value, 10, &event->req);
	}
	if (is_word(key, "bytes_alloc")) {
		event->has |= KM_TF_ALLOC;
		return km_text_number(value, 10, &event->alloc);
	}
	if (is_word(key, "ptr")) {
		event->has |= KM_TF_PTR;
		return take_pointer(value, &event->flags, &event->ptr);
	}
	if (is_word(key, "call_site")) {
		event->has |= KM_TF_CALL_SITE;
		event->call_site = value;
		return value.len > 0;
	}
	if (is_word(key, "gfp_flags")) {
		take_gfp(value, event);
		return true;
	}
	if (is_word(key, "node"))
		return take_node(value, &event->more.node);
	if (is_word(key, "accounted"))
		return take_accounted(value, event);
	if (is_word(key, "name")) {
		event->cache = value;
		return true;
	}
	return take_rare(key, value, event);
}

/* Where a value ends; those of names and call sites may have spaces in them. */
static const char *value_end(struct km_span key, const char *at, const char *end)
{
	const char *stop = memchr(at, ' ', (size_t)(end - at));

	if (!stop)
		return end;
	if (key.at[0] == 'c' && stop + 1 < end && stop[1] == '[') {
		const char *close = memchr(stop, ']', (size_t)(end - stop));

		return close ? close + 1 : stop;
	}
	if (is_word(key, "name")) {
		/* up to the next field, or all there is */
		const char *equals = memchr(stop, '=', (size_t)(end - stop));

		if (!equals)
			return end;
		stop = memrchr(at, ' ', (size_t)(equals - at));
	}
	return stop;
}

static bool is_complete(enum km_event_kind kind, unsigned int has)
{
	static const unsigned int needs[KM_NR_EVENT_KINDS] = {
		[KM_EV_KMALLOC] = KM_TF_CALL_SITE | KM_TF_PTR | KM_TF_REQ | KM_TF_ALLOC,
		[KM_EV_KMALLOC_NODE] = KM_TF_CALL_SITE | KM_TF_PTR | KM_TF_REQ | KM_TF_ALLOC,
		[KM_EV_CACHE_ALLOC] = KM_TF_CALL_SITE | KM_TF_PTR | KM_TF_REQ | KM_TF_ALLOC,
		[KM_EV_CACHE_ALLOC_NODE] = KM_TF_CALL_SITE | KM_TF_PTR | KM_TF_REQ | KM_TF_ALLOC,
		[KM_EV_PERCPU_ALLOC] = KM_TF_PTR | KM_TF_REQ,
		[KM_EV_PAGE_ALLOC] = KM_TF_ORDER,
		[KM_EV_KFREE] = KM_TF_CALL_SITE | KM_TF_PTR,
		[KM_EV_CACHE_FREE] = KM_TF_CALL_SITE | KM_TF_PTR,
		[KM_EV_PERCPU_FREE] = KM_TF_PTR,
		[KM_EV_PAGE_FREE] = KM_TF_ORDER,
		[KM_EV_PERCPU_CHUNK_CREATE] = KM_TF_BASE,
		[KM_EV_PERCPU_CHUNK_DESTROY] = KM_TF_BASE,
	};

	if (km_event_layer(kind) == KM_LAYER_PAGE && !(has & (KM_TF_PFN | KM_TF_PAGE)))
		return false;
	return (has & needs[kind]) == needs[kind];
}

bool km_text_event_parse(enum km_event_kind kind, const char *fields, const char *end,
			 struct km_text_event *ret)
{
	const char *p = fields;

	*ret = (struct km_text_event){ .more.node = -1 };
	while (p < end && *p == ' ')
		p++;
	/* trace-cmd report: "(symbol+0x1b) " */
	if (p < end && *p == '(') {
		p = memchr(p, ')', (size_t)(end - p));
		if (!p)
			return false;
		p++;
	}
	for (;;) {
		struct km_span key, value;
		const char *equals;

		while (p < end && *p == ' ')
			p++;
		if (p == end)
			break;
		equals = memchr(p, '=', (size_t)(end - p));
		if (!equals)
			return false;
		key = (struct km_span){ p, (size_t)(equals - p) };
		p = value_end(key, equals + 1, end);
		value = (struct km_span){ equals + 1, (size_t)(p - equals - 1) };
		if (!take_field(key, value, ret))
			return false;
	}
	return is_complete(kind, ret->has);
}
