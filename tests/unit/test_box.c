/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Debug files are read in a process that may die, hang, lie or be taken over. dwarf_addrdie(),
 * which libdw is asked first for every address, is replaced here by one that does such things in
 * that process, and in no other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <elfutils/libdw.h>

#include "sym/box.h"
#include "sym/unpack.h"
#include "sym/wire.h"

#define MESH_INIT_SDATA 0xffffffffc046259a /* ieee80211_mesh_init_sdata+0x4a */
#define STA_ALLOC       0xffffffffc03e5739 /* __sta_info_alloc+0x49 */
/* with the wrapper that the resolver takes off */
#define CHAIN                                                                                      \
	"kmalloc include/linux/slab.h:563:10 < mesh_rmc_init net/mac80211/mesh.c:177:22 < "        \
	"ieee80211_mesh_init_sdata net/mac80211/mesh.c:1629:2"

/* What the process is made to do when it looks an address up. */
enum mischief {
	NONE,
	CRASH,
	ABORT,
	EXIT,
	HANG,
	SPIN,
	EAT,       /* memory, as libdw takes it */
	EAT_ARRAY, /* memory, in one piece */
	SHOUT,     /* a message of no known kind */
	BLOAT,     /* a message longer than any */
	TRICKLE,   /* half a message, and nothing more */
	LIE,       /* an answer with more frames than there can be */
	ESCAPE,    /* all that it should not be able to do */
};

static enum mischief mischief;
static pid_t test_pid;

static int listening = -1; /* a socket that an escape might reach */
static char target[64];    /* a file that one might write to or open */

static void say(const void *data, size_t bytes)
{
	if (write(3, data, bytes) < 0)
		_exit(99);
}

/* How many of many attempts to get out did not fail with EPERM or the like. */
static unsigned int escape(void)
{
	struct rlimit limit;
	unsigned int nr = 0;
	void *page;

#define TRY(n, call)                                                                               \
	do {                                                                                       \
		errno = 0;                                                                         \
		if ((call) != -1)                                                                  \
			nr |= 1U << (n);                                                           \
	} while (0)
	TRY(0, open(target, O_RDONLY));
	TRY(1, open(target, O_WRONLY | O_CREAT, 0600));
	TRY(2, unlink(target));
	TRY(3, socket(AF_INET, SOCK_STREAM, 0));
	TRY(4, socket(AF_UNIX, SOCK_STREAM, 0));
	TRY(5, socketpair(AF_UNIX, SOCK_STREAM, 0, (int[2]){ 0 }));
	TRY(6, execl("/bin/true", "true", NULL));
	TRY(7, fork());
	TRY(8, kill(test_pid, 0));
	TRY(9, syscall(SYS_ptrace, 16 /* PTRACE_ATTACH */, test_pid, 0, 0));
	TRY(10, open("/proc/self/mem", O_RDWR));
	TRY(11, getrlimit(RLIMIT_AS, &limit));
	TRY(12, syscall(SYS_prlimit64, 0, RLIMIT_AS,
			&(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY }, NULL));
	TRY(13, mkdir(target, 0700));
	TRY(14, chmod(target, 0777));
	TRY(15, truncate(target, 0));
	TRY(16, syscall(SYS_process_vm_readv, test_pid, NULL, 0, NULL, 0, 0));
	TRY(17, write(listening, "x", 1));
	TRY(18, syscall(SYS_io_uring_setup, 1, NULL));
	TRY(19, syscall(SYS_bpf, 0, NULL, 0));
	TRY(20, prctl(PR_SET_DUMPABLE, 1));
	TRY(21, fcntl(3, F_SETOWN, test_pid));
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		nr |= 1U << 22;
	TRY(23, mprotect(page, 4096, PROT_READ | PROT_EXEC));
	if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
	    MAP_FAILED)
		nr |= 1U << 24;
	TRY(25, access(target, R_OK));
	TRY(26, syscall(SYS_pidfd_open, test_pid, 0));
	TRY(27, syscall(SYS_mount, "none", "/", "tmpfs", 0, NULL));
#undef TRY
	return nr;
}

/* The answer to the question for a chain: one frame, at the line `escape()` returned. */
static void say_escaped(void)
{
	struct km_dwarf_frame frame = { .function = "escape", .line = escape() };
	struct km_dwarf_chain chain = { &frame, 1 };
	struct km_wire wire = { 0 };

	km_wire_say_chain(&wire, &chain);
	if (!km_wire_finish(&wire))
		_exit(98);
	say(wire.data, wire.bytes);
}

static void make_mischief(void)
{
	struct km_wire_head head = { .kind = 77, .bytes = 0 };

	switch (mischief) {
	case NONE:
		break;
	case CRASH:
		raise(SIGSEGV); /* is not allowed, so: */
		*(volatile int *)(uintptr_t)test_pid = 1;
		break;
	case ABORT:
		abort();
	case EXIT:
		_exit(3);
	case HANG:
		for (;;)
			syscall(SYS_futex, &head.kind, 0, head.kind, NULL, NULL, 0);
	case SPIN:
		for (;;)
			getpid();
	case EAT:
		for (;;) {
			char *block = malloc(1 << 20);

			if (!block)
				_exit(KM_BOX_EXIT_MEMORY);
			memset(block, 1, 1 << 20);
		}
	case EAT_ARRAY:
		if (mmap(NULL, UINT64_C(1) << 30, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
			_exit(KM_BOX_EXIT_MEMORY);
		break;
	case SHOUT:
		say(&head, sizeof(head));
		break;
	case BLOAT:
		head = (struct km_wire_head){ KM_SAY_CHAIN, UINT32_MAX };
		say(&head, sizeof(head));
		break;
	case TRICKLE:
		head = (struct km_wire_head){ KM_SAY_CHAIN, 100 };
		say(&head, sizeof(head));
		for (;;)
			syscall(SYS_futex, &head.kind, 0, head.kind, NULL, NULL, 0);
	case LIE:
		head = (struct km_wire_head){ KM_SAY_CHAIN, 4 };
		say(&head, sizeof(head));
		say(&(uint32_t){ 1000000 }, 4);
		break;
	case ESCAPE:
		say_escaped();
		break;
	}
}

Dwarf_Die *dwarf_addrdie(Dwarf *dw, Dwarf_Addr address, Dwarf_Die *ret)
{
	static Dwarf_Die *(*real)(Dwarf *, Dwarf_Addr, Dwarf_Die *);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "dwarf_addrdie");
	if (getpid() != test_pid)
		make_mischief();
	return real(dw, address, ret);
}

struct fixture {
	char dir[64], path[128];
	struct km_symtab *tab;
	struct km_arena arena;
};

static const struct km_box_limits usual = { UINT64_C(1) << 30, 20000, 60000 };

static int setup(void **state)
{
	const char *testdata = getenv("KMEMSTAT_TESTDATA");
	struct fixture *fx = calloc(1, sizeof(*fx));
	char path[4096];

	assert_non_null(fx);
	assert_non_null(testdata);
	strcpy(fx->dir, "/tmp/kmemstat-test-XXXXXX");
	assert_non_null(mkdtemp(fx->dir));
	snprintf(target, sizeof(target), "%s/target", fx->dir);
	snprintf(path, sizeof(path), "%s/mesh/kallsyms", testdata);
	assert_null(km_symtab_load(path, &fx->tab));
	snprintf(fx->path, sizeof(fx->path), "%s/mac80211.ko", fx->dir);
	snprintf(path, sizeof(path), "zstd -qdo %s %s/mesh/mac80211.ko.zst && echo x > %s",
		 fx->path, testdata, target);
	assert_int_equal(system(path), 0);
	test_pid = getpid();
	mischief = NONE;
	*state = fx;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fx = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", fx->dir);
	assert_int_equal(system(command), 0);
	km_symtab_destroy(fx->tab);
	km_arena_deinit(&fx->arena);
	free(fx);
	/* whatever happened, no process is left */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	return 0;
}

static struct km_boxed *open_file(struct km_box *box, const struct fixture *fx)
{
	struct km_boxed *file = NULL;
	bool has_dwarf;

	assert_null(km_box_open(box, fx->path, "mac80211", &has_dwarf, &file));
	assert_true(has_dwarf);
	assert_non_null(file);
	return file;
}

static void assert_chain(struct fixture *fx, struct km_box *box, struct km_boxed *file,
			 const char *want)
{
	struct km_dwarf_chain chain;
	char text[512] = "";
	size_t len = 0;

	assert_null(km_box_chain(box, file, MESH_INIT_SDATA, &fx->arena, &chain));
	for (size_t i = 0; i < chain.nr_frames; i++) {
		const struct km_dwarf_frame *frame = &chain.frames[i];

		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s %s:%u:%u",
					i ? " < " : "", frame->function, frame->path + frame->tidy,
					frame->line, frame->column);
	}
	assert_string_equal(text, want);
}

static void assert_fails(struct fixture *fx, struct km_box *box, struct km_boxed *file,
			 const char *want)
{
	struct km_dwarf_chain chain;
	struct km_error *error = km_box_chain(box, file, MESH_INIT_SDATA, &fx->arena, &chain);

	assert_non_null(error);
	assert_int_equal(error->kind, KM_ERR_INPUT);
	assert_string_equal(error->path, fx->path);
	if (!strstr(error->message, want))
		fail_msg("%s", error->message);
	km_error_free(error);
	assert_int_equal(chain.nr_frames, 0);
}

static void test_reads(void **state)
{
	const uint32_t sizes[] = { 2056 };
	const struct km_types_question question = {
		.address = MESH_INIT_SDATA, .line = 177, .sizes = sizes, .nr_sizes = 1
	};
	struct fixture *fx = *state;
	struct km_boxed *file;
	struct km_types types;
	struct km_box *box;
	struct km_jail jail;

	assert_null(km_box_create(fx->tab, &usual, &box));
	assert_false(km_box_jail(box, &jail));
	file = open_file(box, fx);
	assert_true(km_box_jail(box, &jail));
	assert_chain(fx, box, file, CHAIN);
	assert_null(km_box_types(box, file, &question, &fx->arena, &types));
	assert_int_equal(types.nr, 1);
	assert_string_equal(types.types[0].name, "struct mesh_rmc");
	assert_int_equal(types.types[0].bytes, 2056);
	assert_int_equal(types.types[0].min_req, 2056);
	assert_int_equal(types.types[0].layout->nr_members, 2);
	assert_string_equal(types.types[0].layout->members[0].declaration,
			    "struct hlist_head bucket[256]");
	assert_int_equal(types.types[0].layout->bytes_padding, 4);
	assert_int_equal(km_box_nr_failures(box), 0);
	km_box_destroy(box);
}

/* A file that kills the process is not asked again, others go on in a new process. */
static void assert_dies(struct fixture *fx, enum mischief how, const struct km_box_limits *limits,
			const char *want)
{
	struct km_boxed *first, *second;
	struct km_box *box;

	/* the process has a copy of that variable: the next one behaves */
	mischief = how;
	assert_null(km_box_create(fx->tab, limits, &box));
	first = open_file(box, fx);
	mischief = NONE;
	second = open_file(box, fx);
	assert_fails(fx, box, first, want);
	assert_int_equal(km_box_nr_failures(box), 1);
	assert_chain(fx, box, first, "");
	assert_chain(fx, box, second, CHAIN);
	assert_chain(fx, box, first, "");
	assert_int_equal(km_box_nr_failures(box), 1);
	km_box_destroy(box);
}

static void test_crash(void **state)
{
	assert_dies(*state, EXIT, &usual, "ended with status 3: no more of it is used");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	assert_dies(*state, CRASH, &usual, "was killed by signal 11 (Segmentation fault)");
	assert_dies(*state, ABORT, &usual, "was killed by signal");
#else
	assert_dies(*state, CRASH, &usual, "the process that reads its debug information");
	assert_dies(*state, ABORT, &usual, "the process that reads its debug information");
#endif
}

static void test_hang(void **state)
{
	const struct km_box_limits for_one = { UINT64_C(1) << 30, 1500, 60000 };
	const struct km_box_limits for_all = { UINT64_C(1) << 30, 0, 1500 };
	struct fixture *fx = *state;
	struct timespec begin, end;
	struct km_boxed *file;
	struct km_box *box;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	assert_dies(fx, HANG, &for_one, "gave no answer in 1.500 s");
	assert_dies(fx, SPIN, &for_one, "gave no answer in 1.500 s");
	assert_dies(fx, TRICKLE, &for_one, "gave no answer in 1.500 s");
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_in_range(end.tv_sec - begin.tv_sec, 4, 20);

	mischief = HANG;
	assert_null(km_box_create(fx->tab, &for_all, &box));
	file = open_file(box, fx);
	assert_fails(fx, box, file, "gave no answer in 1.500 s");
	km_box_destroy(box);
}

/* Under a sanitizer there is no telling how much memory it needs. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED 1
#endif
#endif

#ifndef IS_SANITIZED
static void test_memory(void **state)
{
	const struct km_box_limits little = { UINT64_C(256) << 20, 20000, 60000 };

	assert_dies(*state, EAT, &little, "needs more than the 256 MiB of memory it has");
	assert_dies(*state, EAT_ARRAY, &little, "needs more than the 256 MiB of memory it has");
}

/*
 * Of a file with a hole more than its memory is mapped as a whole, and of a second one. Nobody here
 * may raise a hard limit.
 */
static void test_large_files(void **state)
{
	const struct km_box_limits little = { UINT64_C(8) << 20, 20000, 60000 };
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct all[2], less[2];
	struct fixture *fx = *state;
	struct km_boxed *file;
	struct km_box *box;

	assert_int_equal(truncate(fx->path, 400 << 20), 0);
	assert_int_equal(syscall(SYS_capget, &head, all), 0);
	memcpy(less, all, sizeof(less));
	less[0].effective &= ~(1U << CAP_SYS_RESOURCE);
	assert_int_equal(syscall(SYS_capset, &head, less), 0);
	assert_null(km_box_create(fx->tab, &little, &box));
	for (int i = 0; i < 2; i++) {
		file = open_file(box, fx);
		assert_chain(fx, box, file, CHAIN);
	}
	assert_int_equal(km_box_nr_failures(box), 0);
	km_box_destroy(box);
	assert_int_equal(syscall(SYS_capset, &head, all), 0);
}
#endif

static void test_nonsense(void **state)
{
	assert_dies(*state, SHOUT, &usual, "gave an answer that cannot be");
	assert_dies(*state, BLOAT, &usual, "gave an answer that cannot be");
	assert_dies(*state, LIE, &usual, "gave an answer that cannot be");
}

/* A process that is taken over gets nowhere. */
static void test_escape(void **state)
{
	struct fixture *fx = *state;
	struct km_dwarf_chain chain;
	struct km_boxed *file;
	struct km_jail jail;
	struct km_box *box;
	struct stat st;

	/* a number that the process's own socket does not have */
	listening = fcntl(socket(AF_UNIX, SOCK_STREAM, 0), F_DUPFD, 50);
	assert_true(listening >= 50);
	mischief = ESCAPE;
	assert_null(km_box_create(fx->tab, &usual, &box));
	file = open_file(box, fx);
	assert_true(km_box_jail(box, &jail));
	if (!jail.has_seccomp) {
		km_box_destroy(box);
		close(listening);
		skip();
	}
	assert_null(km_box_chain(box, file, MESH_INIT_SDATA, &fx->arena, &chain));
	assert_int_equal(chain.nr_frames, 1);
	assert_string_equal(chain.frames[0].function, "escape");
	/* a bit for each attempt that did not fail */
	assert_int_equal(chain.frames[0].line, 0);
	assert_int_equal(stat(target, &st), 0);
	assert_int_equal(st.st_size, 2);
	close(listening);
	km_box_destroy(box);
}

/* A directory of bad files does not cost a process for each. */
static void test_gives_up(void **state)
{
	struct fixture *fx = *state;
	struct km_boxed *files[6];
	struct km_box *box;

	mischief = EXIT;
	assert_null(km_box_create(fx->tab, &usual, &box));
	for (size_t i = 0; i < 6; i++)
		files[i] = open_file(box, fx);
	for (size_t i = 0; i < 4; i++)
		assert_fails(fx, box, files[i], "ended with status 3");
	for (size_t i = 4; i < 6; i++) {
		struct km_dwarf_chain chain;
		struct km_error *error = km_box_chain(box, files[i], STA_ALLOC, &fx->arena, &chain);

		assert_non_null(error);
		assert_string_equal(error->message,
				    "the process that reads debug information died 4 times: no "
				    "more of it is read");
		km_error_free(error);
	}
	assert_int_equal(km_box_nr_failures(box), 6);
	km_box_destroy(box);
}

/* The resolver says so once, and goes on. */
static void test_resolver(void **state)
{
	struct fixture *fx = *state;
	const char *dirs[] = { fx->dir };
	struct km_resolver_options options = { .debug_dirs = dirs, .nr_debug_dirs = 1 };
	struct km_resolver *resolver;
	struct km_chain chain;

	mischief = EXIT;
	assert_null(km_resolver_create(fx->tab, &options, &resolver));
	assert_null(km_resolver_lookup(resolver, MESH_INIT_SDATA, &chain));
	assert_int_equal(chain.nr_frames, 0);
	assert_null(km_resolver_lookup(resolver, STA_ALLOC, &chain));
	assert_int_equal(chain.nr_frames, 0);
	assert_int_equal(km_resolver_nr_failures(resolver), 1);
	assert_int_equal(km_resolver_nr_notes(resolver), 1);
	assert_non_null(strstr(km_resolver_note(resolver, 0), fx->path));
	assert_non_null(km_resolver_sandbox(resolver));
	km_resolver_destroy(resolver);

	/* without the box it is this process that reads, and that behaves */
	options.no_sandbox = true;
	assert_null(km_resolver_create(fx->tab, &options, &resolver));
	assert_null(km_resolver_lookup(resolver, MESH_INIT_SDATA, &chain));
	assert_int_equal(chain.nr_frames, 2);
	assert_null(km_resolver_sandbox(resolver));
	km_resolver_destroy(resolver);
}

/* The process ends with its parent, whatever signals say. */
static void test_orphan(void **state)
{
	struct fixture *fx = *state;
	int ends[2];
	char byte;

	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		struct km_boxed *file;
		struct km_box *box;
		bool has_dwarf;

		close(ends[0]);
		if (km_box_create(fx->tab, &usual, &box) ||
		    km_box_open(box, fx->path, "mac80211", &has_dwarf, &file))
			_exit(1);
		raise(SIGKILL);
	}
	close(ends[1]);
	/* ends when nobody has the other end any more */
	assert_int_equal(read(ends[0], &byte, 1), 0);
	close(ends[0]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_reads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crash, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hang, setup, teardown),
#ifndef IS_SANITIZED
		cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_large_files, setup, teardown),
#endif
		cmocka_unit_test_setup_teardown(test_nonsense, setup, teardown),
		cmocka_unit_test_setup_teardown(test_escape, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gives_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resolver, setup, teardown),
		cmocka_unit_test_setup_teardown(test_orphan, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
