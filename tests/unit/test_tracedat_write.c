/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trace.dat as it is written for a recording, read again; and what cannot be written. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "kmemstat/source.h"
#include "record/spool.h"
#include "record/tracedat_write.h"

#define PAGE_BYTES 4096

static const char header_page[] = "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
				  "\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n"
				  "\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n"
				  "\tfield: char data;\toffset:16;\tsize:4080;\tsigned:1;\n";
static const char kfree_format[] =
	"name: kfree\nID: 7\nformat:\n"
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
	"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
	"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
	"\tfield:unsigned long call_site;\toffset:8;\tsize:8;\tsigned:0;\n"
	"\tfield:const void * ptr;\toffset:16;\tsize:8;\tsigned:0;\n\n"
	"print fmt: \"call_site=%pS ptr=%p\", (void *)REC->call_site, REC->ptr\n";

struct kfree_event {
	uint32_t head; /* type_len: words of data, and time since the one before */
	uint16_t type;
	uint8_t flags, preempt_count;
	int32_t pid;
	uint64_t call_site, ptr;
} __attribute__((packed));

/* A page with `nr` events, one each 10 ns from `start_ns` on. */
static void fill_page(uint8_t *page, uint64_t start_ns, uint32_t nr, uint64_t first_ptr)
{
	const uint64_t commit = nr * sizeof(struct kfree_event);

	memset(page, 0, PAGE_BYTES);
	memcpy(page, &start_ns, sizeof(start_ns));
	memcpy(page + 8, &commit, sizeof(commit));
	for (uint32_t i = 0; i < nr; i++) {
		const struct kfree_event event = {
			.head = 10U << 5 | (sizeof(event) - 4) / 4,
			.type = 7,
			.pid = 4711,
			.call_site = 0xffffffff81000010,
			.ptr = first_ptr + 64 * i,
		};

		memcpy(page + 16 + i * sizeof(event), &event, sizeof(event));
	}
}

static void put_sized(struct km_bytes *bytes, const char *text)
{
	km_bytes_put_u64(bytes, strlen(text));
	km_bytes_put(bytes, text, strlen(text));
}

static void write_sections(struct km_tracedat_writer *writer)
{
	struct km_bytes data = { 0 };

	km_bytes_put_string(&data, "header_page");
	put_sized(&data, header_page);
	km_bytes_put_string(&data, "header_event");
	put_sized(&data, "# compressed entry header\n");
	assert_null(km_tracedat_write_section(writer, KM_TD_HEADER_INFO, "headers", &data));
	km_bytes_deinit(&data);
	km_bytes_put_u32(&data, 1);
	km_bytes_put_string(&data, "kmem");
	km_bytes_put_u32(&data, 1);
	put_sized(&data, kfree_format);
	assert_null(km_tracedat_write_section(writer, KM_TD_EVENT_FORMATS, "formats", &data));
	km_bytes_deinit(&data);
}

static void add_own(struct km_tracedat_writer *writer, const char *name, const char *text)
{
	char data[256];
	const size_t len = strlen(name) + 1;

	memcpy(data, name, len);
	memcpy(data + len, text, strlen(text));
	km_tracedat_add_option(writer, KM_TD_KMEMSTAT, data, len + strlen(text));
}

static void add_options(struct km_tracedat_writer *writer)
{
	const uint32_t nr_cpus = 12;

	km_tracedat_add_option(writer, KM_TD_CPUCOUNT, &nr_cpus, sizeof(nr_cpus));
	add_own(writer, "nodes", "0 0-2,8\n1 \n3 3-7,9-11\nx\n");
	add_own(writer, "build-ids", "ab 00ff\nvmlinux 0123abcd\nvmlinux ffff\n");
	add_own(writer, "slabinfo-start", "first");
	add_own(writer, "slabinfo-end", "second");
	add_own(writer, "slabinfo-end", "third");
	add_own(writer, "of-a-later-version", "whatever");
	/* without the end of its name */
	km_tracedat_add_option(writer, KM_TD_KMEMSTAT, "nodes", 5);
}

/* Pages of three CPUs in files of their own, the second empty. */
static void make_cpus(const char *dir, struct km_td_cpu cpus[static 3])
{
	static const uint32_t nr_events[] = { 100, 0, 7 };

	for (uint32_t i = 0; i < 3; i++) {
		uint8_t page[PAGE_BYTES];
		char path[256];

		snprintf(path, sizeof(path), "%s/cpu%u", dir, i);
		FILE *file = fopen(path, "w+");

		assert_non_null(file);
		cpus[i] = (struct km_td_cpu){ .cpu = 4 * i, .fd = dup(fileno(file)) };
		assert_int_equal(fclose(file), 0);
		if (!nr_events[i])
			continue;
		fill_page(page, 1000 + i, nr_events[i], 0xffff888000001000);
		assert_true(km_write_at(cpus[i].fd, page, sizeof(page), 0));
		cpus[i].bytes = sizeof(page);
	}
}

struct fixture {
	char dir[64], path[128];
};

static int setup(void **state)
{
	struct fixture *fx = calloc(1, sizeof(*fx));

	assert_non_null(fx);
	strcpy(fx->dir, "/tmp/kmemstat-test-XXXXXX");
	assert_non_null(mkdtemp(fx->dir));
	snprintf(fx->path, sizeof(fx->path), "%s/trace.dat", fx->dir);
	*state = fx;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fx = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", fx->dir);
	assert_int_equal(system(command), 0);
	free(fx);
	return 0;
}

static void write_file(const struct fixture *fx)
{
	struct km_tracedat_writer writer;
	struct km_spool spool;
	struct km_td_cpu cpus[3];

	make_cpus(fx->dir, cpus);
	assert_null(km_spool_create(fx->path, &spool));
	assert_int_not_equal(access(fx->path, F_OK), 0);
	assert_null(km_tracedat_writer_init(&writer, spool.fd, fx->path, false));
	write_sections(&writer);
	add_options(&writer);
	assert_null(km_tracedat_write_buffer(&writer, "mono", PAGE_BYTES, cpus, 3));
	assert_null(km_tracedat_writer_finish(&writer));
	km_tracedat_writer_deinit(&writer);
	assert_null(km_spool_publish(&spool));
	km_spool_abandon(&spool);
	for (int i = 0; i < 3; i++)
		close(cpus[i].fd);
}

static uint64_t count_events(struct km_source *source)
{
	struct km_batch *batch = calloc(1, sizeof(*batch));
	struct km_reader *reader;
	uint64_t nr = 0;

	assert_non_null(batch);
	assert_null(km_reader_create(source, KM_WANT_ALL, &reader));
	for (size_t i = 0; i < km_source_nr_parts(source); i++) {
		assert_null(km_reader_start(reader, i));
		do {
			batch->nr = 0;
			assert_null(km_reader_fill(reader, batch));
			nr += batch->nr;
		} while (batch->nr);
	}
	km_reader_destroy(reader);
	free(batch);
	return nr;
}

static void test_read_again(void **state)
{
	struct fixture *fx = *state;
	struct km_source *source;

	write_file(fx);
	assert_null(km_source_open(fx->path, NULL, &source));
	const struct km_input_info *info = km_source_info(source);

	assert_int_equal(info->format_version, 7);
	assert_string_equal(info->compression, "none");
	assert_string_equal(info->clock, "mono");
	assert_int_equal(info->nr_cpus, 12);
	assert_int_equal(info->nr_streams, 3);
	assert_int_equal(info->streams[0].cpu, 0);
	assert_int_equal(info->streams[0].bytes, PAGE_BYTES);
	assert_int_equal(info->streams[1].cpu, 4);
	assert_int_equal(info->streams[1].bytes, 0);
	assert_int_equal(info->streams[2].cpu, 8);
	assert_int_equal(count_events(source), 107);
	km_source_close(source);
}

static void test_machine(void **state)
{
	static const int16_t nodes[] = { 0, 0, 0, 3, 3, 3, 3, 3, 0, 3, 3, 3 };
	struct fixture *fx = *state;
	struct km_source *source;

	write_file(fx);
	assert_null(km_source_open(fx->path, NULL, &source));
	const struct km_input_info *info = km_source_info(source);

	assert_int_equal(info->nr_node_cpus, 12);
	assert_memory_equal(info->node_of_cpu, nodes, sizeof(nodes));
	assert_string_equal(info->build_id, "0123abcd");
	assert_string_equal(info->build_ids, "ab 00ff\nvmlinux 0123abcd\nvmlinux ffff\n");
	/* of two of a name the first counts */
	assert_string_equal(info->slabinfo_start, "first");
	assert_string_equal(info->slabinfo_end, "second");
	assert_null(info->modules);
	/* the one without the end of its name is damaged, nothing else */
	assert_int_equal(km_source_quality(source)->count[KM_SECTIONS_DAMAGED], 1);
	km_source_close(source);
}

/* A disk that is full: the error is of the output, and nothing is there. */
static void test_no_room(void **state)
{
	struct fixture *fx = *state;
	const struct rlimit small = { 8192, RLIM_INFINITY }, any = { RLIM_INFINITY, RLIM_INFINITY };
	struct km_bytes data = { 0 };
	struct km_tracedat_writer writer;
	struct km_spool spool;
	char zeros[16384] = { 0 };

	signal(SIGXFSZ, SIG_IGN);
	assert_null(km_spool_create(fx->path, &spool));
	assert_null(km_tracedat_writer_init(&writer, spool.fd, fx->path, false));
	km_bytes_put(&data, zeros, sizeof(zeros));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	struct km_error *error =
		km_tracedat_write_section(&writer, KM_TD_KALLSYMS, "kallsyms", &data);

	assert_int_equal(setrlimit(RLIMIT_FSIZE, &any), 0);
	assert_non_null(error);
	assert_int_equal(error->kind, KM_ERR_OUTPUT);
	assert_string_equal(error->path, fx->path);
	km_error_free(error);
	km_bytes_deinit(&data);
	km_tracedat_writer_deinit(&writer);
	km_spool_abandon(&spool);
	assert_int_equal(rmdir(fx->dir), 0);
	assert_string_equal(mkdtemp(strcpy(fx->dir, "/tmp/kmemstat-test-XXXXXX")), fx->dir);
}

/* A file that is there keeps its content until the new one is whole, and its links. */
static void test_replace(void **state)
{
	struct fixture *fx = *state;
	struct km_spool spool;
	char link[128], text[8] = { 0 };
	FILE *file = fopen(fx->path, "w");

	assert_non_null(file);
	fputs("old", file);
	fclose(file);
	snprintf(link, sizeof(link), "%s/link", fx->dir);
	assert_int_equal(symlink("trace.dat", link), 0);
	assert_null(km_spool_create(link, &spool));
	assert_true(km_write_at(spool.fd, "new", 3, 0));
	file = fopen(fx->path, "r");
	assert_non_null(file);
	assert_int_equal(fread(text, 1, 7, file), 3);
	fclose(file);
	assert_string_equal(text, "old");
	assert_null(km_spool_publish(&spool));
	km_spool_abandon(&spool);
	file = fopen(link, "r");
	assert_non_null(file);
	assert_int_equal(fread(text, 1, 7, file), 3);
	fclose(file);
	assert_string_equal(text, "new");
	assert_int_equal(readlink(link, text, sizeof(text)), 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_read_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_machine, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_room, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replace, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
