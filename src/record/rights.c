/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Giving up rights. Capabilities are set with the system call itself, which is all that is needed
 * of libcap; its structs are in linux/capability.h, see capset(2).
 */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kmemstat/instance.h"

static struct km_error *set_capabilities(uint32_t low)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
		{ .effective = low, .permitted = low },
	};

	if (syscall(SYS_capset, &header, data) < 0)
		return km_error_os(KM_ERR_INPUT, NULL, errno, "cannot give up capabilities");
	return NULL;
}

/* Those that we have: a right that is not there cannot be kept. */
static uint32_t permitted(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	return syscall(SYS_capget, &header, data) < 0 ? 0 : data[0].permitted;
}

static struct km_error *become(const struct km_instance_rights *rights)
{
	const gid_t gid = rights->gid;

	/* groups first: the user alone may not */
	if (setgroups(1, &gid) < 0 || setresgid(gid, gid, gid) < 0 ||
	    setresuid(rights->uid, rights->uid, rights->uid) < 0)
		return km_error_os(KM_ERR_INPUT, NULL, errno, "cannot become the calling user");
	return NULL;
}

struct km_error *km_instance_drop_rights(struct km_instance *instance,
					 const struct km_instance_rights *rights)
{
	const uint32_t files = 1U << CAP_DAC_OVERRIDE;
	const bool has_user = rights && rights->has_user && geteuid() == 0;
	const uint32_t kept = rights && rights->keep_files && !has_user ? files & permitted() : 0;
	struct km_error *error = NULL;

	(void)instance; /* the guardian's rights are its own */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		error = km_error_os(KM_ERR_INPUT, NULL, errno, "cannot give up new privileges");
	if (!error && has_user)
		error = become(rights);
	return error ? error : set_capabilities(kept);
}
