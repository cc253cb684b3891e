/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fast ways through text against the sure one: each gives the same events and counts, of
 * good lines in every layout, and of lines with flipped bits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* the walk once more, in plain C */
#define KM_TEXT_PLAIN
#include "source/text_walk.h"

static void walk_plain(struct km_text_reader *reader, struct km_batch *batch)
{
	if (reader->want == KM_WANT_ALL)
		walk_lines(reader, batch, KM_WANT_ALL);
	else
		walk_lines(reader, batch, KM_WANT_ALLOCS);
}

enum way { WAY_SURE, WAY_BASE, WAY_PLAIN, WAY_BEST, NR_WAYS };

/* What reading a text gave: its events one after another, and its counts. */
struct outcome {
	char *text;
	size_t size;
	uint64_t rows;
};

static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return *state >> 33;
}

static void print_rows(FILE *out, struct km_source *source, const struct km_reader *reader,
		       const struct km_batch *batch, enum km_want want)
{
	for (uint32_t i = 0; i < batch->nr; i++) {
		const char *cache = km_reader_cache_name(reader, batch->what[i].cache), *symbol;
		size_t len = 0;

		/* the addresses are made up in the order in which symbols are met */
		symbol = km_source_site_symbol(source, batch->call_site[i], &len);
		fprintf(out, "%.*s+%lx %u %u %s %u %u", (int)len, symbol ? symbol : "",
			(unsigned long)(symbol ? batch->call_site[i] & KM_SITE_OFFSET_MASK
					       : batch->call_site[i]),
			batch->size[i].req, batch->size[i].alloc, cache ? cache : "-",
			batch->what[i].kind, batch->what[i].flags);
		if (want != KM_WANT_ALLOCS)
			fprintf(out, " %lu %lx %u %u", (unsigned long)batch->ts_ns[i],
				(unsigned long)batch->ptr[i], batch->cpu[i], batch->group[i]);
		if (want == KM_WANT_ALL)
			fprintf(out, " %d %u %u", batch->pid[i], batch->more[i].gfp_flags,
				batch->stack[i]);
		fputc('\n', out);
	}
}

static void print_counts(FILE *out, struct km_source *source, struct km_reader *reader)
{
	const struct km_part_stats *stats = km_reader_stats(reader);
	const struct km_input_info *info = km_source_info(source);
	size_t nr_formats;
	const struct km_format_info *formats = km_source_formats(source, &nr_formats);

	for (size_t i = 0; i < stats->nr_streams; i++) {
		fprintf(out, "cpu %u: %lu to %lu", info->streams[i].cpu,
			(unsigned long)stats->streams[i].first_ns,
			(unsigned long)stats->streams[i].last_ns);
		for (int k = 0; k < KM_NR_COUNTERS; k++)
			fprintf(out, " %lu", (unsigned long)stats->streams[i].quality.count[k]);
		fputc('\n', out);
	}
	for (size_t i = 0; i < nr_formats; i++)
		fprintf(out, "%s: %lu\n", formats[i].name, (unsigned long)stats->slots[i]);
	for (int i = 0; i < KM_NR_EVENT_KINDS; i++)
		fprintf(out, "kind %d: %lu\n", i, (unsigned long)stats->kinds[i]);
	fprintf(out, "hashed: %d, detail: %s\n", info->has_hashed_ptrs,
		info->detail ? info->detail : "-");
}

static struct outcome read_text(const char *path, enum way way, enum km_want want)
{
	struct outcome outcome = { 0 };
	FILE *out = open_memstream(&outcome.text, &outcome.size);
	struct km_batch *batch = calloc(1, sizeof(*batch));
	struct km_source *source;
	struct km_reader *reader;
	struct km_text_fast *fast;

	assert_null(km_source_open(path, NULL, &source));
	assert_null(km_reader_create(source, want, &reader));
	fast = ((struct km_text_reader *)reader)->fast;
	if (way == WAY_SURE)
		fast->walk = NULL;
	else if (way == WAY_BASE)
		fast->walk = km_text_fast_walk_base;
	else if (way == WAY_PLAIN)
		fast->walk = walk_plain;
	assert_null(km_reader_start(reader, 0));
	do {
		batch->nr = 0;
		assert_null(km_reader_fill(reader, batch));
		outcome.rows += batch->nr;
		print_rows(out, source, reader, batch, want);
	} while (batch->nr);
	print_counts(out, source, reader);
	km_reader_destroy(reader);
	km_source_close(source);
	free(batch);
	fclose(out);
	return outcome;
}

/* Shows where two outcomes differ first. */
static void assert_same(const char *other, const char *sure, int way, int want)
{
	size_t at = 0, line = 0;

	while (other[at] && other[at] == sure[at])
		if (sure[at++] == '\n')
			line = at;
	if (other[at] != sure[at])
		fail_msg("way %d, want %d: \"%.*s\" instead of \"%.*s\"", way, want,
			 (int)strcspn(other + line, "\n"), other + line,
			 (int)strcspn(sure + line, "\n"), sure + line);
}

/* All ways on a text, from one enum km_want on; the number of its rows with KM_WANT_ALL. */
static uint64_t compare_ways(const char *text, size_t size, int first_want)
{
	char path[] = "/tmp/kmemstat-text-XXXXXX";
	int fd = mkstemp(path);
	uint64_t rows = 0;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, size), size);
	close(fd);
	for (int want = first_want; want <= KM_WANT_ALL; want++) {
		struct outcome sure = read_text(path, WAY_SURE, want);

		for (int way = WAY_BASE; way < NR_WAYS; way++) {
			struct outcome other = read_text(path, way, want);

			assert_same(other.text, sure.text, way, want);
			free(other.text);
		}
		rows = sure.rows;
		free(sure.text);
	}
	unlink(path);
	return rows;
}

/* How lines begin; a number stands for the time. */
static const char *const heads[] = {
	"          <idle>-0       [001] d..1. %5u.%06u: %s: ",
	"     kworker/0:1-117     [000] ..... %5u.%06u: %s: ",
	"       trace-cmd-110   (-------) [001] ..... %5u.%06u: %s: ",
	"       trace-cmd-110   [001] %5u.%06u: %s:      (f+0x1) ",
	"            bash  4321 [130] %5u.%06u:      kmem:%s: ",
	"            bash-1234567 [003] d.h2. %5u.%06u789: %s: ",
};

#define NR_HEADS (sizeof(heads) / sizeof(heads[0]))

static size_t put_line(char *at, size_t room, size_t head, uint64_t *random)
{
	static const char *const sites[] = {
		"f+0x1/0x9",
		"getname_flags.part.0+0x2b/0x1c0",
		"ieee80211_rx+0x11/0x40 [mac80211]",
		"a_symbol_that_is_longer_than_most_of_those_that_kernels_have_but_not_than_all+0x7",
		"ffffffff8139a1b0",
		"skb_release_data+0x137",
	};
	static const char *const names[] = { "kmalloc", "kmem_cache_alloc", "kfree",
					     "kmem_cache_free", "sched_switch" };
	static const char *const gfp[] = { "GFP_KERNEL", "GFP_ATOMIC|__GFP_ZERO|__GFP_ACCOUNT",
					   "GFP_ATOMIC|__GFP_NOWARN|__GFP_NORETRY|__GFP_COMP" };
	const uint64_t dice = next_random(random);
	const size_t name = dice % 40 ? dice % 4 : 4;
	size_t len;

	len = (size_t)snprintf(at, room, heads[head], (unsigned int)(next_random(random) % 3 + 8),
			       (unsigned int)(next_random(random) % 1000000), names[name]);
	len += (size_t)snprintf(at + len, room - len, "call_site=%s ptr=",
				sites[next_random(random) % (sizeof(sites) / sizeof(*sites))]);
	if (name >= 2 && dice % 7 == 0)
		len += (size_t)snprintf(at + len, room - len,
					dice % 2 ? "(nil)" : "0000000000000000");
	else if (head == 3)
		len += (size_t)snprintf(at + len, room - len, "0xffff8880%08x",
					(unsigned int)next_random(random));
	else
		len += (size_t)snprintf(at + len, room - len, "%016lx",
					(unsigned long)next_random(random));
	if (name < 2)
		len += (size_t)snprintf(
			at + len, room - len,
			" bytes_req=%u bytes_alloc=%u gfp_flags=%s node=-1 accounted=%s",
			(unsigned int)(dice / 8 % 5 + 60), dice % 11 ? 64U : 4096U,
			gfp[dice / 64 % 3], dice % 3 ? "false" : "true");
	else if (name == 3)
		len += (size_t)snprintf(at + len, room - len, " name=%s",
					dice % 2 ? "dentry" : "skbuff_head_cache");
	len += (size_t)snprintf(at + len, room - len, "\n");
	return len;
}

/* Lines of one layout, or of all mixed. */
static char *make_text(size_t nr, size_t head, uint64_t seed, size_t *ret_size)
{
	const size_t room = nr * 512;
	char *text = malloc(room);
	size_t size = 0;

	for (size_t i = 0; i < nr; i++)
		size += put_line(text + size, room - size,
				 head < NR_HEADS ? head : next_random(&seed) / 16 % NR_HEADS,
				 &seed);
	*ret_size = size;
	return text;
}

static void test_layouts(void **state)
{
	(void)state;
	for (size_t head = 0; head <= NR_HEADS; head++) {
		size_t size;
		/* enough for a map, its end, and a batch more than once */
		char *text = make_text(8000, head, head + 1, &size);

		assert_true(compare_ways(text, size, KM_WANT_ALLOCS) > 7000);
		free(text);
	}
}

/* Whether a place is in a line's command or pid. */
static bool is_of_task(const char *text, size_t at)
{
	size_t start = at;

	while (start && text[start - 1] != '\n')
		start--;
	return !memchr(text + start, '[', at - start);
}

static void test_flipped_bits(void **state)
{
	uint64_t random = 77;

	(void)state;
	for (size_t round = 0; round < 120; round++) {
		/* who allocated is read only where it is wanted */
		const int want = round % 2 ? KM_WANT_ALL : KM_WANT_ALLOCS;
		size_t size;
		char *text = make_text(400, round / 2 % (NR_HEADS + 1), round + 100, &size);

		for (size_t i = 0; i < size / 400; i++) {
			const size_t at = next_random(&random) % size;

			if (want == KM_WANT_ALL || !is_of_task(text, at))
				text[at] ^= (char)(1 << next_random(&random) % 8);
		}
		compare_ways(text, size, want);
		free(text);
	}
}

/* More texts than are kept: all are forgotten now and then. */
static void test_many_texts(void **state)
{
	const size_t nr = 12000;
	char *text = malloc(nr * 256);
	size_t size = 0;

	(void)state;
	for (size_t i = 0; i < nr; i++)
		size += (size_t)sprintf(text + size,
					"          <idle>-0       [001] d..1. %5u.%06u: kmalloc: "
					"call_site=f%u+0x1/0x9 ptr=00000000%08x bytes_req=%u "
					"bytes_alloc=16384 gfp_flags=GFP_KERNEL node=-1\n",
					(unsigned int)(i / 1000), (unsigned int)(i % 1000),
					(unsigned int)(i % 3001), (unsigned int)i + 1,
					(unsigned int)(i % 5003 + 1));
	assert_int_equal(compare_ways(text, size, KM_WANT_ALLOCS), nr);
	free(text);
}

/* That the fast way is taken at all: if it were not, the others would pass. */
static void test_is_fast(void **state)
{
	char path[] = "/tmp/kmemstat-text-XXXXXX";
	struct km_batch *batch = calloc(1, sizeof(*batch));
	int fd = mkstemp(path);
	struct km_source *source;
	struct km_reader *reader;
	struct km_text_fast *fast;
	size_t size;

	(void)state;
	for (size_t head = 0; head < NR_HEADS; head++) {
		char *text = make_text(8000, head, 5, &size);

		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, text, size, 0), size);
		free(text);
		assert_null(km_source_open(path, NULL, &source));
		assert_null(km_reader_create(source, KM_WANT_ALL, &reader));
		assert_null(km_reader_start(reader, 0));
		fast = ((struct km_text_reader *)reader)->fast;
		batch->nr = 0;
		assert_null(km_reader_fill(reader, batch));
		assert_true(batch->nr > 0);
		assert_int_equal(fast->nr_layouts > 0 && fast->nr_keys > 0 && fast->last, 1);
		km_reader_destroy(reader);
		km_source_close(source);
	}
	close(fd);
	unlink(path);
	free(batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layouts),
		cmocka_unit_test(test_flipped_bits),
		cmocka_unit_test(test_many_texts),
		cmocka_unit_test(test_is_fast),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
