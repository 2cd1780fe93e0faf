#include "sys/privs.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/caps.h"
#include "sys/seccomp.h"

#define GROUPS_MAX 65536 /* the kernel's own limit (NGROUPS_MAX) */

/* Up to the kernel's last, which may be newer than our table: unknown ones are dropped too. */
static int drop_bounding(uint64_t keep, struct err *err)
{
	for (unsigned long i = 0; i < 64; i++) {
		if (keep & CAPS_BIT(i) || prctl(PR_CAPBSET_DROP, i, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL) /* past the last one */
			break;
		if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) != 0)
			return err_sys(err, errno, "drop capability %lu", i);
	}
	return 0;
}

static int set_ids(const struct privs *p, struct err *err)
{
	/* Without keepcaps the change to another uid would leave nothing for capset to set. */
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return err_sys(err, errno, "keep capabilities");
	if (!p->keep_groups && syscall(SYS_setgroups, p->n_groups, p->groups) < 0)
		return err_sys(err, errno, "set supplementary groups");
	if (syscall(SYS_setresgid, p->gid, p->gid, p->gid) < 0)
		return err_sys(err, errno, "change to group %u", p->gid);
	if (syscall(SYS_setresuid, p->uid, p->uid, p->uid) < 0)
		return err_sys(err, errno, "change to user %u", p->uid);
	if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
		return err_sys(err, errno, "stop keeping capabilities");
	return 0;
}

/* What the process may use: nothing but for uid 0 (docker and podman do the same). */
static uint64_t wanted_caps(const struct privs *p)
{
	return p->uid == 0 ? p->caps : 0;
}

static int set_caps(uint64_t mask, struct err *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	data[0].effective = data[0].permitted = (uint32_t)mask;
	data[1].effective = data[1].permitted = (uint32_t)(mask >> 32);
	if (syscall(SYS_capset, &header, data) < 0)
		return err_sys(err, errno, "set capabilities");
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return err_sys(err, errno, "clear ambient capabilities");
	return 0;
}

static int verify_caps(const struct privs *p, struct err *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };
	uint64_t effective, permitted, want = wanted_caps(p);

	if (syscall(SYS_capget, &header, data) < 0)
		return err_sys(err, errno, "read capabilities back");
	effective = data[0].effective | (uint64_t)data[1].effective << 32;
	permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	if (effective != want || permitted != want || data[0].inheritable || data[1].inheritable)
		return err_set(err, ERR_DENIED, "capabilities are not what was set");
	/* Ambient is never more than inheritable, which is empty: nothing to ask. */
	for (unsigned long i = 0; i < 64; i++) {
		int have = p->caps & CAPS_BIT(i) ? 0 : prctl(PR_CAPBSET_READ, i, 0, 0, 0);

		if (have < 0)
			break;
		if (have == 1)
			return err_set(err, ERR_DENIED, "capability %lu is still there", i);
	}
	return 0;
}

static int verify_ids(const struct privs *p, struct err *err)
{
	uint32_t r, e, s;
	long n;

	if (syscall(SYS_getresuid, &r, &e, &s) < 0 || r != p->uid || e != p->uid || s != p->uid)
		return err_set(err, ERR_DENIED, "user is not what was set");
	if (syscall(SYS_getresgid, &r, &e, &s) < 0 || r != p->gid || e != p->gid || s != p->gid)
		return err_set(err, ERR_DENIED, "group is not what was set");
	if (p->keep_groups)
		return 0;
	n = syscall(SYS_getgroups, 0, NULL);
	if (n < 0 || (size_t)n != p->n_groups)
		return err_set(err, ERR_DENIED, "supplementary groups are not what was set");
	return 0;
}

static int verify(const struct privs *p, struct err *err)
{
	int r;

	r = verify_ids(p, err);
	if (r < 0)
		return r;
	r = verify_caps(p, err);
	if (r < 0)
		return r;
	if (p->no_new_privs && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return err_set(err, ERR_DENIED, "no_new_privs is not set");
	return 0;
}

int privs_drop(const struct privs *p, struct err *err)
{
	int r;

	if (p->n_groups > GROUPS_MAX)
		return err_set(err, ERR_LIMIT, "too many supplementary groups");
	r = drop_bounding(p->caps, err);
	if (r < 0)
		return r;
	if (p->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, errno, "set no_new_privs");
	if (!p->no_new_privs && p->seccomp) {
		r = seccomp_program_load(p->seccomp, err);
		if (r < 0)
			return r;
	}
	r = set_ids(p, err);
	if (r < 0)
		return r;
	r = set_caps(wanted_caps(p), err);
	if (r < 0)
		return r;
	r = verify(p, err);
	if (r < 0)
		return r;
	return p->no_new_privs && p->seccomp ? seccomp_program_load(p->seccomp, err) : 0;
}
