/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that become shorter while they are mapped. */
#include "cli/sigbus.h"

#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* BUS_ADRERR: the address is mapped, but nothing is behind it (sigaction(2)). */
static void on_sigbus(int signal_nr, siginfo_t *info, void *context)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	void *start = (void *)((uintptr_t)info->si_addr & ~(page - 1));

	(void)context;
	if (info->si_code == BUS_ADRERR &&
	    mmap(start, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
		    MAP_FAILED)
		return;
	/* not ours: the default action when the instruction is tried again */
	signal(signal_nr, SIG_DFL);
}

void km_sigbus_install(void)
{
	struct sigaction action = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO };

	sigemptyset(&action.sa_mask);
	sigaction(SIGBUS, &action, NULL);
}
