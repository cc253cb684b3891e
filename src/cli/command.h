/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A command that runs while events are collected: record -- COMMAND, live -- COMMAND. */
#ifndef KMEMSTAT_CLI_COMMAND_H
#define KMEMSTAT_CLI_COMMAND_H

#include <stdbool.h>
#include <sys/types.h>

#include "kmemstat/error.h"

struct km_command {
	pid_t pid;     /* 0: none */
	int end_fd;    /* readable once it has ended; -1: none */
	int go, error; /* pipes; -1: closed */
	const char *name;
};

/*
 * Makes the process, which waits: it is to be there before km_instance_create(), so that it is not
 * taken for one of ours. km_command_deinit() is to be called after an error, too. argv ends with
 * NULL; if it is NULL, there is no command, and everything below does nothing.
 */
KM_MUST_CHECK struct km_error *km_command_fork(char **argv, struct km_command *ret);
/* Lets it run. Errors: KM_ERR_USAGE if there is no such program. */
KM_MUST_CHECK struct km_error *km_command_start(struct km_command *command);
/*
 * Waits for its end. Returns its exit status, 128 and the signal's number if one ended it, as
 * shells have it; 0 without a command, and if it has not ended yet: it gets SIGTERM then.
 */
int km_command_finish(struct km_command *command);
/* Ends one that was not waited for. */
void km_command_deinit(struct km_command *command);

#endif
