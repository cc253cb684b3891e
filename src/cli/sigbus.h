/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that become shorter while they are mapped. */
#ifndef KMEMSTAT_CLI_SIGBUS_H
#define KMEMSTAT_CLI_SIGBUS_H

/*
 * From now on, a page of a mapped file that is there no more (the file was cut, or the disk
 * cannot read it) is read as zeros instead of ending the program: a SIGBUS handler puts an
 * anonymous page in its place. Readers find zero pages, which no recorder writes, and count them
 * as damage.
 */
void km_sigbus_install(void);

#endif
