/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Giving up rights. sudo tells who called it in SUDO_UID and SUDO_GID, see sudo(8). */
#include "cli/rights.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool read_id(const char *name, uint32_t *ret)
{
	const char *text = getenv(name);
	unsigned long id;
	char *end;

	if (!text || *text < '0' || *text > '9')
		return false;
	id = strtoul(text, &end, 10);
	if (*end || id >= UINT32_MAX)
		return false;
	*ret = (uint32_t)id;
	return true;
}

/* A file that is replaced is made anew beside the old one. */
static bool may_write(const char *path)
{
	char *copy = strdup(path);
	bool may;

	if (!copy)
		return false;
	may = faccessat(AT_FDCWD, path, F_OK, AT_EACCESS) != 0 ||
	      faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0;
	may = may && faccessat(AT_FDCWD, dirname(copy), W_OK | X_OK, AT_EACCESS) == 0;
	free(copy);
	return may;
}

static bool has_files(const struct km_options *options)
{
	return options->output || options->nr_report_files;
}

static bool may_write_all(const struct km_options *options)
{
	if (options->output && !may_write(options->output))
		return false;
	for (size_t i = 0; i < options->nr_report_files; i++)
		if (!may_write(options->report_files[i].file))
			return false;
	return true;
}

/* The same, asked as another user. */
static bool user_may_write(const struct km_options *options, uid_t uid, gid_t gid)
{
	bool may = false;

	if (!has_files(options))
		return true;
	if (setegid(gid) < 0)
		return false;
	if (seteuid(uid) == 0) {
		may = may_write_all(options);
		if (seteuid(0) < 0)
			return false;
	}
	return setegid(0) == 0 && may;
}

bool km_rights_find_user(const struct km_options *options, uid_t *ret_uid, gid_t *ret_gid)
{
	uint32_t uid, gid;

	if (geteuid() != 0 || !read_id("SUDO_UID", &uid) || !read_id("SUDO_GID", &gid) || !uid ||
	    !user_may_write(options, uid, gid))
		return false;
	*ret_uid = uid;
	*ret_gid = gid;
	return true;
}

struct km_error *km_rights_drop(const struct km_options *options, struct km_instance *instance)
{
	struct km_instance_rights rights = { .keep_files = has_files(options) };

	rights.has_user = km_rights_find_user(options, &rights.uid, &rights.gid);
	return km_instance_drop_rights(instance, &rights);
}
