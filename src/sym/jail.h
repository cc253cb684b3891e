/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a process may still do that reads a stranger's files: compute, and answer. */
#ifndef KMEMSTAT_SYM_JAIL_H
#define KMEMSTAT_SYM_JAIL_H

#include <stdbool.h>

/* The walls that stand; a kernel may be built without one or the other. */
struct km_jail {
	bool has_seccomp;
	bool has_landlock;
};

/*
 * Takes from this process, for good, what it does not need to read the files it has open: opening
 * and changing files, sockets, other processes, executing anything. What is not allowed fails with
 * EPERM. Only for a child that was made for that. False if nothing holds it.
 */
bool km_jail_enter(struct km_jail *ret);

#endif
