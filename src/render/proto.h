/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages of protocol buffers (https://protobuf.dev/programming-guides/encoding/): fields one
 * after another, each a key (number << 3 | type) and a varint (type 0), or a length and bytes (2).
 */
#ifndef KMEMSTAT_RENDER_PROTO_H
#define KMEMSTAT_RENDER_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A message under construction. Zero-initialised is empty. */
struct km_proto {
	char *bytes;
	size_t size, room;
	bool is_short; /* there was no memory for something */
};

/* Fields of integers; one that is 0 is left out, as that is what its absence means. */
void km_proto_number(struct km_proto *proto, unsigned int field, uint64_t value);
void km_proto_bytes(struct km_proto *proto, unsigned int field, const char *bytes, size_t size);
/* A field with another message, which is emptied and keeps its memory. */
void km_proto_message(struct km_proto *proto, unsigned int field, struct km_proto *message);
/* The fields of another message, as part of this one. */
void km_proto_append(struct km_proto *proto, const char *bytes, size_t size);
/* The number alone, as repeated fields have them. */
void km_proto_varint(struct km_proto *proto, uint64_t value);
void km_proto_deinit(struct km_proto *proto);

#endif
