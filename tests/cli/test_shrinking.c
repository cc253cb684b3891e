/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A trace that becomes shorter while it is read: counted, and no crash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/sigbus.h"
#include "kmemstat/source.h"

/* A copy of a plain trace of testdata, to be cut. */
static char *copy_trace(void)
{
	char command[512], *path = strdup("/tmp/kmemstat-shrinking-XXXXXX");
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	snprintf(command, sizeof(command), "cp '%s/small/v6.dat' '%s'",
		 getenv("KMEMSTAT_TESTDATA"), path);
	assert_int_equal(system(command), 0);
	return path;
}

/* Reads the part begun to its end; returns its events. */
static uint64_t read_rest(struct km_reader *reader, struct km_batch *batch)
{
	do {
		assert_null(km_reader_fill(reader, batch));
	} while (batch->nr);
	return km_quality_events_total(&km_reader_stats(reader)->streams[0].quality);
}

static void test_shrinking(void **state)
{
	char *path = copy_trace();
	struct km_batch *batch = malloc(sizeof(*batch));
	struct km_source *source;
	struct km_reader *reader;
	const struct km_quality *quality;
	uint64_t whole, cut;
	size_t part = 0;

	(void)state;
	km_sigbus_install(); /* here, since cmocka puts in handlers of its own before a test */
	assert_null(km_source_open(path, NULL, &source));
	assert_null(km_reader_create(source, KM_WANT_ALL, &reader));
	/* the largest part: it has more events than a batch */
	for (size_t i = 0; i < km_source_nr_parts(source); i++)
		if (km_source_part_bytes(source, i) > km_source_part_bytes(source, part))
			part = i;
	assert_true(km_source_part_bytes(source, part) > 10 * 4096);
	assert_null(km_reader_start(reader, part));
	whole = read_rest(reader, batch);

	assert_null(km_reader_start(reader, part));
	assert_null(km_reader_fill(reader, batch));
	assert_int_equal(truncate(path, 4096), 0);
	cut = read_rest(reader, batch);
	quality = &km_reader_stats(reader)->streams[0].quality;
	assert_true(cut < whole);
	assert_true(quality->count[KM_BYTES_MISSING] > 0);
	assert_true(quality->count[KM_PAGES_DAMAGED] > 0);
	/* and the part that has gone altogether */
	assert_null(km_reader_start(reader, part));
	assert_int_equal(read_rest(reader, batch), 0);
	assert_true(km_reader_stats(reader)->streams[0].quality.count[KM_BYTES_MISSING] > 0);

	km_reader_destroy(reader);
	km_source_close(source);
	unlink(path);
	free(path);
	free(batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_shrinking) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
