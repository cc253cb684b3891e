/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For LD_PRELOAD: lets the allocation number KM_FAULT_AT (from 1 on; 0: none) of the process fail,
 *and with KM_FAULT_ON all that follow it as well. When the process ends, what is still allocated is
 * written to the file KM_FAULT_REPORT:
 *
 *	first N                 with KM_FAULT_PATHS: allocation N is the first that was reached by
 *	                        its way of calls
 *	calls N                 allocations that were asked for
 *	live OFFSET SIZE        one block that the program itself asked for and nobody freed; where
 *in the program that was others N                blocks that libraries asked for
 *
 * A child process after fork() neither fails nor reports.
 */
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <inttypes.h>
#include <link.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* glibc's own names of what is replaced here */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t nr, size_t size);
void *__libc_realloc(void *ptr, size_t size);
void *__libc_memalign(size_t align, size_t size);
void __libc_free(void *ptr);

struct block {
	uintptr_t ptr; /* 0: the slot is free */
	uintptr_t caller;
	size_t size;
};

#define NR_BLOCKS (1 << 20)

#define NR_PATHS   (1 << 16)
/* Calls that make a way a different one. */
#define PATH_DEPTH 24

static struct {
	pthread_mutex_t lock;
	struct path {
		uint64_t hash; /* 0: the slot is free */
		uint64_t first;
	} * paths; /* NULL: not asked for */
	size_t nr_paths;
	struct block *blocks; /* by ptr, open addressing, linear */
	size_t nr_blocks;
	uint64_t nr_calls, fault_at;
	bool fails_on;
	uintptr_t program, program_end;
	pid_t pid;
	const char *report;
} state = { .lock = PTHREAD_MUTEX_INITIALIZER };

static size_t slot_of(uintptr_t ptr)
{
	return (ptr >> 4) * 0x9e3779b97f4a7c15ULL >> 44;
}

static void remember(void *ptr, size_t size, void *caller)
{
	if (!ptr || !state.blocks)
		return;
	pthread_mutex_lock(&state.lock);
	if (++state.nr_blocks == NR_BLOCKS)
		abort();
	for (size_t i = slot_of((uintptr_t)ptr);; i = (i + 1) % NR_BLOCKS) {
		if (state.blocks[i].ptr)
			continue;
		state.blocks[i] = (struct block){ (uintptr_t)ptr, (uintptr_t)caller, size };
		break;
	}
	pthread_mutex_unlock(&state.lock);
}

static void forget(void *ptr)
{
	size_t i;

	if (!ptr || !state.blocks)
		return;
	pthread_mutex_lock(&state.lock);
	for (i = slot_of((uintptr_t)ptr); state.blocks[i].ptr; i = (i + 1) % NR_BLOCKS)
		if (state.blocks[i].ptr == (uintptr_t)ptr)
			break;
	if (state.blocks[i].ptr) {
		/* what follows moves up where it was pushed beyond the gap */
		for (size_t k = (i + 1) % NR_BLOCKS; state.blocks[k].ptr; k = (k + 1) % NR_BLOCKS) {
			size_t pushed = (k - slot_of(state.blocks[k].ptr)) % NR_BLOCKS;

			if (pushed < (k - i) % NR_BLOCKS)
				continue;
			state.blocks[i] = state.blocks[k];
			i = k;
		}
		state.blocks[i].ptr = 0;
		state.nr_blocks--;
	}
	pthread_mutex_unlock(&state.lock);
}

/* Notes the way to the allocation `number`, if it is a new one. */
static void note_path(uint64_t number)
{
	static __thread bool is_inside;
	void *frames[PATH_DEPTH];
	uint64_t hash = 14695981039346656037ULL;
	int nr;

	if (!state.paths || is_inside || getpid() != state.pid)
		return;
	is_inside = true;
	nr = backtrace(frames, PATH_DEPTH);
	is_inside = false;
	for (int i = 0; i < nr; i++)
		hash = (hash ^ (uintptr_t)frames[i]) * 1099511628211ULL;
	pthread_mutex_lock(&state.lock);
	for (size_t i = hash % NR_PATHS;; i = (i + 1) % NR_PATHS) {
		if (state.paths[i].hash == hash)
			break;
		if (state.paths[i].hash)
			continue;
		if (++state.nr_paths == NR_PATHS)
			abort();
		state.paths[i] = (struct path){ hash, number };
		break;
	}
	pthread_mutex_unlock(&state.lock);
}

/* Whether this allocation is one to fail. */
static bool fails(void)
{
	uint64_t number;

	if (!state.blocks)
		return false;
	number = __atomic_add_fetch(&state.nr_calls, 1, __ATOMIC_RELAXED);
	note_path(number);
	if (!state.fault_at || getpid() != state.pid || number < state.fault_at ||
	    (number > state.fault_at && !state.fails_on))
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	void *ptr = fails() ? NULL : __libc_malloc(size);

	remember(ptr, size, __builtin_return_address(0));
	return ptr;
}

void *calloc(size_t nr, size_t size)
{
	void *ptr = fails() ? NULL : __libc_calloc(nr, size);

	remember(ptr, nr * size, __builtin_return_address(0));
	return ptr;
}

static void *change(void *old, size_t size, void *caller)
{
	void *ptr;

	if (fails())
		return NULL;
	forget(old);
	ptr = __libc_realloc(old, size);
	remember(ptr || !size ? ptr : old, size, caller);
	return ptr;
}

void *realloc(void *old, size_t size)
{
	return change(old, size, __builtin_return_address(0));
}

void *reallocarray(void *old, size_t nr, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(nr, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return change(old, bytes, __builtin_return_address(0));
}

void *aligned_alloc(size_t align, size_t size)
{
	void *ptr = fails() ? NULL : __libc_memalign(align, size);

	remember(ptr, size, __builtin_return_address(0));
	return ptr;
}

int posix_memalign(void **ret, size_t align, size_t size)
{
	void *ptr = fails() ? NULL : __libc_memalign(align, size);

	remember(ptr, size, __builtin_return_address(0));
	if (!ptr)
		return ENOMEM;
	*ret = ptr;
	return 0;
}

void free(void *ptr)
{
	forget(ptr);
	__libc_free(ptr);
}

/* The program is the first that is named. */
static int find_program(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	state.program = info->dlpi_addr;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		uintptr_t end =
			info->dlpi_addr + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;

		if (info->dlpi_phdr[i].p_type == PT_LOAD && end > state.program_end)
			state.program_end = end;
	}
	return 1;
}

static void *map(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		abort();
	return memory;
}

static __attribute__((constructor)) void begin(void)
{
	const char *at = getenv("KM_FAULT_AT");
	void *frame;

	state.fault_at = at ? strtoull(at, NULL, 10) : 0;
	state.fails_on = getenv("KM_FAULT_ON") != NULL;
	state.report = getenv("KM_FAULT_REPORT");
	state.pid = getpid();
	dl_iterate_phdr(find_program, NULL);
	if (getenv("KM_FAULT_PATHS")) {
		backtrace(&frame, 1); /* allocates the first time */
		state.paths = map(NR_PATHS * sizeof(*state.paths));
	}
	state.blocks = map(NR_BLOCKS * sizeof(*state.blocks));
}

static __attribute__((destructor)) void end(void)
{
	struct block *blocks = state.blocks;
	uint64_t nr_others = 0;
	int fd;

	if (!state.report || getpid() != state.pid)
		return;
	state.blocks = NULL; /* from here on nothing is counted */
	fd = open(state.report, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		abort();
	dprintf(fd, "calls %" PRIu64 "\n", state.nr_calls);
	for (size_t i = 0; state.paths && i < NR_PATHS; i++)
		if (state.paths[i].hash)
			dprintf(fd, "first %" PRIu64 "\n", state.paths[i].first);
	for (size_t i = 0; i < NR_BLOCKS; i++) {
		const struct block *block = &blocks[i];

		if (!block->ptr)
			continue;
		if (block->caller >= state.program && block->caller < state.program_end)
			dprintf(fd, "live %#" PRIxPTR " %zu\n", block->caller - state.program - 1,
				block->size);
		else
			nr_others++;
	}
	dprintf(fd, "others %" PRIu64 "\n", nr_others);
	close(fd);
}
