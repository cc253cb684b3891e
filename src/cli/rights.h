/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which rights are kept once the kernel's files are open. */
#ifndef KMEMSTAT_CLI_RIGHTS_H
#define KMEMSTAT_CLI_RIGHTS_H

#include "cli/options.h"
#include "kmemstat/instance.h"

/*
 * The user who called sudo, if there is one and that user may write the files that the options
 * name: then the rights of km_rights_drop() are those.
 */
bool km_rights_find_user(const struct km_options *options, uid_t *ret_uid, gid_t *ret_gid);
/*
 * Gives up what km_instance_drop_rights() does, to the user who called sudo if there is one and
 * that user may write the files that the options name; those files are that user's then. Without,
 * root stays root, with the right to write those files, if there are some, and no other.
 */
KM_MUST_CHECK struct km_error *km_rights_drop(const struct km_options *options,
					      struct km_instance *instance);

#endif
