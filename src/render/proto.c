/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render/proto.h"

#include <stdlib.h>
#include <string.h>

enum { TYPE_VARINT = 0, TYPE_BYTES = 2 };

static void add(struct km_proto *proto, const void *bytes, size_t size)
{
	if (proto->is_short || !size)
		return;
	if (size > proto->room - proto->size) {
		const size_t room = 2 * proto->room + size + 256;
		char *more = room > proto->room ? realloc(proto->bytes, room) : NULL;

		if (!more) {
			proto->is_short = true;
			return;
		}
		proto->bytes = more;
		proto->room = room;
	}
	memcpy(proto->bytes + proto->size, bytes, size);
	proto->size += size;
}

/* Seven bits a byte, the lowest first; all but the last have the eighth set. */
void km_proto_varint(struct km_proto *proto, uint64_t value)
{
	unsigned char bytes[10];
	size_t nr = 0;

	do {
		bytes[nr++] = (unsigned char)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
		value >>= 7;
	} while (value);
	add(proto, bytes, nr);
}

static void add_key(struct km_proto *proto, unsigned int field, unsigned int type)
{
	km_proto_varint(proto, (uint64_t)field << 3 | type);
}

void km_proto_number(struct km_proto *proto, unsigned int field, uint64_t value)
{
	if (!value)
		return;
	add_key(proto, field, TYPE_VARINT);
	km_proto_varint(proto, value);
}

void km_proto_bytes(struct km_proto *proto, unsigned int field, const char *bytes, size_t size)
{
	add_key(proto, field, TYPE_BYTES);
	km_proto_varint(proto, size);
	add(proto, bytes, size);
}

void km_proto_message(struct km_proto *proto, unsigned int field, struct km_proto *message)
{
	km_proto_bytes(proto, field, message->bytes, message->size);
	proto->is_short |= message->is_short;
	message->size = 0;
}

void km_proto_append(struct km_proto *proto, const char *bytes, size_t size)
{
	add(proto, bytes, size);
}

void km_proto_deinit(struct km_proto *proto)
{
	free(proto->bytes);
	*proto = (struct km_proto){ 0 };
}
