/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads damaged copies of a trace, many in a second, and says which of them are read as something
 * else than the original with no word about it.
 *
 * usage: mutants FILE cut          each prefix of the file
 *        mutants FILE flip NR SEED so many of its bits flipped, one in each copy; all of them, if
 *                                  it has no more
 *
 * Prints a line for each copy that something is to be said of,
 *
 *	PLACE WHAT [WHAT...] EVENTS
 *
 * where PLACE is the length or the number of the bit, WHAT a change (names below), "signal=N" or
 * "late", and EVENTS the number of events that changed; and at the end
 *
 *	total N refused N told N same N changed N died N
 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/sigbus.h"
#include "reading.h"

/* One copy may take that long. */
enum { SECONDS = 5 };

enum verdict {
	VERDICT_NONE,
	VERDICT_REFUSED,
	VERDICT_TOLD,
	VERDICT_SAME,
	VERDICT_CHANGED,
	VERDICT_DIED,
	NR_VERDICTS
};

static const char *const verdict_names[NR_VERDICTS] = { "none", "refused", "told",
							"same", "changed", "died" };

static const char *const change_names[NR_CHANGES] = {
	[CHANGE_COUNT] = "count",     [CHANGE_OTHERS] = "others", [CHANGE_KIND] = "kind",
	[CHANGE_TIME] = "time",       [CHANGE_SITE] = "site",     [CHANGE_PTR] = "ptr",
	[CHANGE_SIZE] = "size",       [CHANGE_PID] = "pid",       [CHANGE_MORE] = "more",
	[CHANGE_CACHE] = "cache",     [CHANGE_STACK] = "stack",   [CHANGE_LOST] = "lost",
	[CHANGE_SYMBOLS] = "symbols", [CHANGE_COMMS] = "comms",   [CHANGE_FLAGS] = "flags",
	[CHANGE_INFO] = "info",       [CHANGE_CPU] = "cpu",
};

struct result {
	uint8_t verdict; /* enum verdict */
	uint8_t signal;  /* that it died of */
	unsigned int changes;
	size_t nr_events;
};

/* What the process that reads shares with the one that watches it. */
struct shared {
	size_t next; /* the copy in hand */
	struct result results[];
};

struct run {
	int fd;
	char path[32];
	uint8_t *data;
	size_t size;
	bool is_cut;
	size_t *places; /* of the copies */
	size_t nr;
	struct shared *shared;
};

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static void load(struct run *run, const char *path)
{
	FILE *file = fopen(path, "rbe");
	long size = -1;

	if (!file || fseek(file, 0, SEEK_END) || (size = ftell(file)) < 0)
		die(path);
	rewind(file);
	run->size = (size_t)size;
	run->data = malloc(run->size + 1);
	if (!run->data || fread(run->data, 1, run->size, file) != run->size)
		die(path);
	fclose(file);
	run->fd = memfd_create("mutant", MFD_CLOEXEC);
	if (run->fd < 0 || write(run->fd, run->data, run->size) != (ssize_t)run->size)
		die("memfd");
	snprintf(run->path, sizeof(run->path), "/proc/self/fd/%d", run->fd);
}

/* xorshift64* (Vigna, 2016). */
static uint64_t random_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1d;
}

static void choose(struct run *run, size_t most, uint64_t seed)
{
	uint64_t state = seed * 0x9e3779b97f4a7c15 + 1;

	run->nr = run->is_cut ? run->size : 8 * run->size;
	run->places = calloc(run->nr + 1, sizeof(*run->places));
	if (!run->places)
		die("calloc");
	for (size_t i = 0; i < run->nr; i++)
		run->places[i] = run->is_cut ? run->size - 1 - i : i;
	if (run->is_cut || most >= run->nr)
		return;
	for (size_t i = 0; i < most; i++) {
		const size_t other = i + random_next(&state) % (run->nr - i);
		const size_t place = run->places[i];

		run->places[i] = run->places[other];
		run->places[other] = place;
	}
	run->nr = most;
}

static void damage(const struct run *run, size_t place, bool is_back)
{
	const size_t at = place / 8;
	const uint8_t byte = run->data[at] ^ (uint8_t)(is_back ? 0 : 1 << place % 8);

	if (run->is_cut) {
		/* they become shorter and shorter */
		if (!is_back && ftruncate(run->fd, (off_t)place))
			die("ftruncate");
		return;
	}
	if (pwrite(run->fd, &byte, 1, (off_t)at) != 1)
		die("pwrite");
}

static void judge(const struct run *run, const struct reading *base, size_t place,
		  struct result *ret)
{
	struct reading now;

	damage(run, place, false);
	alarm(SECONDS);
	reading_make(run->path, &now);
	alarm(0);
	damage(run, place, true);
	if (now.is_refused) {
		ret->verdict = VERDICT_REFUSED;
	} else if (reading_tells(base, &now)) {
		ret->verdict = VERDICT_TOLD;
	} else {
		ret->changes = reading_compare(base, &now, &ret->nr_events);
		ret->verdict = ret->changes ? VERDICT_CHANGED : VERDICT_SAME;
	}
	reading_deinit(&now);
}

/* Reads copies from the one in hand on, in a process of its own: it may die of one. */
static void read_some(const struct run *run, const struct reading *base)
{
	struct shared *shared = run->shared;
	const pid_t child = fork();
	int status;

	if (child < 0)
		die("fork");
	if (child == 0) {
		km_sigbus_install();
		for (; shared->next < run->nr; shared->next++)
			judge(run, base, run->places[shared->next], &shared->results[shared->next]);
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child)
		die("waitpid");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	shared->results[shared->next].verdict = VERDICT_DIED;
	shared->results[shared->next].signal = WIFSIGNALED(status) ? (uint8_t)WTERMSIG(status) : 0;
	damage(run, run->places[shared->next], true);
	shared->next++;
}

static void print_result(const struct run *run, size_t i)
{
	const struct result *result = &run->shared->results[i];

	if (result->verdict == VERDICT_DIED) {
		if (result->signal == SIGALRM)
			printf("%zu late 0\n", run->places[i]);
		else
			printf("%zu signal=%d 0\n", run->places[i], result->signal);
		return;
	}
	if (result->verdict != VERDICT_CHANGED)
		return;
	printf("%zu", run->places[i]);
	for (int change = 0; change < NR_CHANGES; change++)
		if (result->changes >> change & 1)
			printf(" %s", change_names[change]);
	printf(" %zu\n", result->nr_events);
}

static void print_all(const struct run *run)
{
	size_t nr[NR_VERDICTS] = { 0 };

	for (size_t i = 0; i < run->nr; i++) {
		print_result(run, i);
		nr[run->shared->results[i].verdict]++;
	}
	printf("total %zu", run->nr);
	for (int verdict = VERDICT_REFUSED; verdict < NR_VERDICTS; verdict++)
		printf(" %s %zu", verdict_names[verdict], nr[verdict]);
	printf("\n");
}

int main(int argc, char **argv)
{
	struct reading base;
	struct run run = { 0 };
	size_t bytes;

	if (argc < 3 ||
	    (strcmp(argv[2], "cut") != 0 && (strcmp(argv[2], "flip") != 0 || argc < 5))) {
		fprintf(stderr, "usage: mutants FILE cut|flip NR SEED\n");
		return 2;
	}
	load(&run, argv[1]);
	run.is_cut = strcmp(argv[2], "cut") == 0;
	choose(&run, run.is_cut ? 0 : strtoul(argv[3], NULL, 10),
	       run.is_cut ? 0 : strtoul(argv[4], NULL, 10));
	bytes = sizeof(*run.shared) + run.nr * sizeof(*run.shared->results);
	run.shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (run.shared == MAP_FAILED)
		die("mmap");
	reading_make(run.path, &base);
	if (base.is_refused) {
		fprintf(stderr, "%s: the whole file is refused\n", argv[1]);
		return 2;
	}
	while (run.shared->next < run.nr)
		read_some(&run, &base);
	print_all(&run);
	reading_deinit(&base);
	munmap(run.shared, bytes);
	free(run.places);
	free(run.data);
	return 0;
}
