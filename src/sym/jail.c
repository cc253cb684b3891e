/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two walls, one behind the other. seccomp (Documentation/userspace-api/seccomp_filter.rst): a
 * filter over the numbers and arguments of system calls, a list of what is allowed. Landlock
 * (Documentation/userspace-api/landlock.rst): a set of rights to files, networks and other
 * processes, of which none is granted.
 */
#include "sym/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/net.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__) && defined(__LP64__)
#define THIS_ARCH AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define THIS_ARCH AUDIT_ARCH_I386
#elif defined(__aarch64__) && defined(__LP64__)
#define THIS_ARCH AUDIT_ARCH_AARCH64
#elif defined(__arm__)
#define THIS_ARCH AUDIT_ARCH_ARM
#elif defined(__s390x__)
#define THIS_ARCH AUDIT_ARCH_S390X
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define THIS_ARCH AUDIT_ARCH_PPC64LE
#elif defined(__riscv) && __riscv_xlen == 64
#define THIS_ARCH AUDIT_ARCH_RISCV64
#endif

#ifdef THIS_ARCH

/* The half of an argument that holds what an int has. */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define LOW_HALF(n) (offsetof(struct seccomp_data, args[n]) + 4)
#else
#define LOW_HALF(n) offsetof(struct seccomp_data, args[n])
#endif

#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (offset))
#define ALLOWED      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define DENIED       BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)
/* Allowed whatever its arguments are. */
#define ALLOW(call)  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 1), ALLOWED
/* Allowed if none of `bits` is in argument `n`, or with `sense` 0 only if one is. */
#define ALLOW_BITS(call, n, bits, sense)                                                           \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 4), LOAD(LOW_HALF(n)),                  \
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (bits), (sense), !(sense)), ALLOWED, DENIED
/* Allowed only if argument `n` is one of two. */
#define ALLOW_EITHER(call, n, one, other)                                                          \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 5), LOAD(LOW_HALF(n)),                  \
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (one), 1, 0),                                  \
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (other), 0, 1), ALLOWED, DENIED

static const struct sock_filter filter[] = {
	LOAD(offsetof(struct seccomp_data, arch)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, THIS_ARCH, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	LOAD(offsetof(struct seccomp_data, nr)),
	/* files that are open already */
	ALLOW(read),
	ALLOW(write),
	ALLOW(readv),
	ALLOW(writev),
	ALLOW(pread64),
	ALLOW(lseek),
	ALLOW(close),
	ALLOW(dup),
	ALLOW(fstat),
#ifdef SYS__llseek
	ALLOW(_llseek),
#endif
#ifdef SYS_fstat64
	ALLOW(fstat64),
#endif
/* how glibc has fstat() since 2.33 */
#ifdef SYS_newfstatat
	ALLOW_BITS(newfstatat, 3, AT_EMPTY_PATH, 0),
#endif
#ifdef SYS_statx
	ALLOW_BITS(statx, 2, AT_EMPTY_PATH, 0),
#endif
	/* what comes from and goes to the parent, with debug files */
	ALLOW(recvmsg),
	ALLOW(sendmsg),
#ifdef SYS_socketcall /* how glibc has them where they were no system calls of their own once */
	ALLOW_EITHER(socketcall, 0, SYS_RECVMSG, SYS_SENDMSG),
#endif
	/* memory, none of which may be executed that could not be before; a file that is memory */
	ALLOW(brk),
#ifdef SYS_mmap2
	ALLOW_BITS(mmap2, 2, PROT_EXEC, 1),
#elif !defined(__s390x__) /* its arguments are in memory, out of sight */
	ALLOW_BITS(mmap, 2, PROT_EXEC, 1),
#else
	ALLOW(mmap),
#endif
	ALLOW_BITS(mprotect, 2, PROT_EXEC, 1),
	ALLOW(munmap),
	ALLOW(mremap),
	ALLOW(madvise),
	ALLOW(memfd_create),
	/* of no harm, and used by C libraries */
	ALLOW(clock_gettime),
#ifdef SYS_clock_gettime64
	ALLOW(clock_gettime64),
#endif
	ALLOW(getpid),
	ALLOW(gettid),
	ALLOW(getrandom),
	ALLOW(sysinfo),
	ALLOW(futex),
#ifdef SYS_futex_time64
	ALLOW(futex_time64),
#endif
	ALLOW(sched_yield),
	ALLOW(rt_sigprocmask),
	ALLOW(rt_sigaction),
	ALLOW(rt_sigreturn),
	ALLOW(sigaltstack),
	ALLOW(exit),
	ALLOW(exit_group),
	DENIED,
};

static bool enter_seccomp(void)
{
	const struct sock_fprog program = {
		.len = sizeof(filter) / sizeof(filter[0]),
		.filter = (struct sock_filter *)filter,
	};

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

#else

static bool enter_seccomp(void)
{
	return false;
}

#endif

/*
 * include/uapi/linux/landlock.h of 6.18, as far as it is used here: that of the machine this is
 * built on may be older than the kernel it runs on.
 */
enum {
	LANDLOCK_CREATE = 444, /* system calls; the same on every architecture */
	LANDLOCK_RESTRICT = 446,
	ASK_VERSION = 1 << 0,
};

struct ruleset {
	uint64_t handled_fs;
	uint64_t handled_net; /* version 4 */
	uint64_t scoped;      /* version 6 */
};

static bool enter_landlock(void)
{
	/* the number of rights to files that each version knows */
	static const uint8_t nr_fs[] = { 0, 13, 14, 15, 15, 16 };
	const long version = syscall(LANDLOCK_CREATE, NULL, 0, ASK_VERSION);
	const long known = sizeof(nr_fs) / sizeof(nr_fs[0]) - 1;
	struct ruleset rules = { 0 };
	long fd;

	if (version < 1)
		return false;
	rules.handled_fs = (UINT64_C(1) << nr_fs[version < known ? version : known]) - 1;
	if (version >= 4)
		rules.handled_net = 3; /* bind and connect by TCP */
	if (version >= 6)
		rules.scoped = 3; /* abstract sockets and signals to processes outside */
	fd = syscall(LANDLOCK_CREATE, &rules,
		     version >= 6   ? sizeof(rules)
		     : version >= 4 ? offsetof(struct ruleset, scoped)
				    : offsetof(struct ruleset, handled_net),
		     0);
	if (fd < 0)
		return false;
	bool is_in = syscall(LANDLOCK_RESTRICT, (int)fd, 0) == 0;

	close((int)fd);
	return is_in;
}

bool km_jail_enter(struct km_jail *ret)
{
	*ret = (struct km_jail){ 0 };
	/* neither wall can be put up without: what is executed might be set-uid */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return false;
	/* its memory is nobody's business, and a crash of it no news for the administrator */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	ret->has_landlock = enter_landlock();
	ret->has_seccomp = enter_seccomp();
	return ret->has_landlock || ret->has_seccomp;
}
