/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages of protocol buffers, and names that have numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "../../src/base/names.h"
#include "../../src/render/proto.h"

static void expect(const struct km_proto *proto, const char *bytes, size_t size)
{
	assert_int_equal(proto->size, size);
	assert_memory_equal(proto->bytes, bytes, size);
	assert_false(proto->is_short);
}

/* The examples of protobuf.dev/programming-guides/encoding, and the largest number. */
static void test_fields(void **state)
{
	struct km_proto proto = { 0 }, inner = { 0 };

	km_proto_number(&proto, 1, 150);
	expect(&proto, "\x08\x96\x01", 3);
	km_proto_number(&proto, 2, 0); /* left out */
	km_proto_bytes(&proto, 2, "testing", 7);
	expect(&proto, "\x08\x96\x01\x12\x07testing", 12);
	proto.size = 0;
	km_proto_number(&inner, 1, 150);
	km_proto_message(&proto, 3, &inner);
	expect(&proto, "\x1a\x03\x08\x96\x01", 5);
	assert_int_equal(inner.size, 0);
	proto.size = 0;
	km_proto_number(&proto, 20, UINT64_MAX);
	expect(&proto, "\xa0\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12);
	proto.size = 0;
	km_proto_message(&proto, 1, &inner); /* an empty one is there */
	km_proto_varint(&inner, 0);
	km_proto_varint(&inner, 128);
	km_proto_append(&proto, inner.bytes, inner.size);
	expect(&proto, "\x0a\x00\x00\x80\x01", 5);
	km_proto_deinit(&proto);
	km_proto_deinit(&inner);
}

static void test_names(void **state)
{
	enum { NR = 1000 };
	struct km_names names = { 0 };
	uint32_t number;
	char text[16];

	for (int round = 0; round < 2; round++)
		for (uint32_t i = 0; i < NR; i++) {
			const int len = snprintf(text, sizeof(text), "name %u", i);

			assert_true(km_names_get(&names, text, (size_t)len, &number, NULL));
			assert_int_equal(number, i);
		}
	assert_int_equal(names.nr, NR);
	/* lengths count, and a NUL is as good as any byte */
	assert_true(km_names_get(&names, "name 1\0", 7, &number, NULL));
	assert_int_equal(number, NR);
	assert_true(km_names_get(&names, "", 0, &number, NULL));
	assert_int_equal(number, NR + 1);
	assert_int_equal(names.sizes[NR], 7);
	assert_memory_equal(names.names[NR], "name 1\0", 7);
	km_names_deinit(&names);
	assert_int_equal(names.nr, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
