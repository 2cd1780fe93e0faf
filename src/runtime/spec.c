#include "runtime/spec.h"

#include <limits.h>
#include <string.h>

#include "base/alloc.h"
#include "base/path.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/passwd.h"

void spec_init(struct spec *s)
{
	*s = (struct spec){
		.root = { .upper_fd = -1, .work_fd = -1 },
		.umask = 022,
		.oom_score_adj = INT32_MIN,
		.stdio = { -1, -1, -1 },
	};
}

void spec_done(struct spec *s)
{
	for (size_t i = 0; i < s->n_mounts; i++) {
		free(s->mounts[i].source);
		free(s->mounts[i].target);
	}
	for (size_t i = 0; i < s->n_files; i++) {
		free(s->files[i].source);
		free(s->files[i].target);
	}
	free(s->mounts);
	free(s->files);
	free(s->rlimits);
	free(s->root.directory);
	strv_free(s->argv);
	strv_free(s->env);
	strv_free(s->groups);
	strv_free(s->sysctls);
	strv_free(s->masked);
	strv_free(s->readonly);
	free(s->cwd);
	free(s->user);
	free(s->hostname);
	free(s->domainname);
	seccomp_program_done(&s->seccomp);
	spec_init(s);
}

static struct spec_mount *add_mount(struct spec *s)
{
	s->mounts = xrealloc_array(s->mounts, s->n_mounts + 1, sizeof(*s->mounts));
	memset(&s->mounts[s->n_mounts], 0, sizeof(*s->mounts));
	return &s->mounts[s->n_mounts++];
}

/* Lexical only: what the path leads to is decided by the kernel, inside the root. */
static char *clean_target(const char *target)
{
	return path_is_absolute(target) ? path_clean("/", target) : xstrdup(target);
}

void spec_add_bind(struct spec *s, const char *source, const char *target, unsigned flags)
{
	struct spec_mount *m = add_mount(s);

	m->kind = SPEC_MOUNT_BIND;
	m->flags = flags;
	m->source = xstrdup(source);
	m->target = clean_target(target);
}

void spec_add_tmpfs(
	struct spec *s, const char *target, unsigned flags, uint64_t size, uint32_t mode)
{
	struct spec_mount *m = add_mount(s);

	m->kind = SPEC_MOUNT_TMPFS;
	m->flags = flags;
	m->target = clean_target(target);
	m->size = size;
	m->mode = mode;
}

void spec_add_file(struct spec *s, const char *source, const char *target)
{
	s->files = xrealloc_array(s->files, s->n_files + 1, sizeof(*s->files));
	s->files[s->n_files++] = (struct spec_file){ xstrdup(source), clean_target(target) };
}

void spec_add_rlimit(struct spec *s, int resource, uint64_t soft, uint64_t hard)
{
	s->rlimits = xrealloc_array(s->rlimits, s->n_rlimits + 1, sizeof(*s->rlimits));
	s->rlimits[s->n_rlimits++] = (struct spec_rlimit){ resource, soft, hard };
}

void spec_set_seccomp(struct spec *s, struct seccomp_program *take)
{
	seccomp_program_done(&s->seccomp);
	s->seccomp = *take;
	*take = (struct seccomp_program){ 0 };
}

/*
 * Places that are ours: nothing of the user's goes onto them, and nothing below /proc and /sys at
 * all (CVE-2019-16884, CVE-2023-27561). This is the early, lexical answer; what a link in the
 * image leads to is found out by the child, on descriptors.
 */
static int check_target(const char *target, struct err *err)
{
	static const char *const exact[] = { "/", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue" };

	if (!path_is_absolute(target))
		return err_set(err, ERR_USAGE, "mount path %s has to be absolute", target);
	for (size_t i = 0; i < sizeof(exact) / sizeof(exact[0]); i++) {
		/* A volume for /dev/shm is a common wish; it is mounted over ours. */
		if (str_eq(target, exact[i]) && !str_eq(target, "/dev/shm"))
			return err_set(err, ERR_DENIED, "nothing may be mounted on %s", target);
	}
	if (path_is_inside(target, "/proc") || path_is_inside(target, "/sys"))
		return err_set(err, ERR_DENIED, "nothing may be mounted on %s: it is inside %s",
			target, path_is_inside(target, "/proc") ? "/proc" : "/sys");
	return 0;
}

static int check_mounts(const struct spec *s, struct err *err)
{
	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct spec_mount *m = &s->mounts[i];
		int r = check_target(m->target, err);

		if (r < 0)
			return r;
		if (m->kind == SPEC_MOUNT_BIND && !path_is_absolute(m->source))
			return err_set(
				err, ERR_USAGE, "mount source %s has to be absolute", m->source);
		for (size_t k = 0; k < i; k++) {
			if (str_eq(s->mounts[k].target, m->target))
				return err_set(
					err, ERR_USAGE, "Duplicate mount point: %s", m->target);
		}
	}
	for (size_t i = 0; i < s->n_files; i++) {
		int r = check_target(s->files[i].target, err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int check_root(const struct spec_root *root, struct err *err)
{
	switch (root->kind) {
	case SPEC_ROOT_DIRECTORY:
		if (!root->directory || !path_is_absolute(root->directory))
			return err_set(err, ERR_USAGE, "the root directory has to be absolute");
		return 0;
	case SPEC_ROOT_OVERLAY:
		if (root->n_lower == 0)
			return err_set(err, ERR_USAGE, "no layer to make a root from");
		if ((root->upper_fd < 0) != (root->work_fd < 0))
			return err_set(err, ERR_USAGE, "an upper directory needs a work directory");
		return 0;
	}
	err_bug(__FILE__, __LINE__, "root kind");
}

static int check_paths(char *const *paths, struct err *err)
{
	STRV_FOREACH (p, paths) {
		if (!path_is_inside(p, "/proc") && !path_is_inside(p, "/sys"))
			return err_set(err, ERR_USAGE,
				"%s cannot be masked: it is not below /proc or /sys", p);
	}
	return 0;
}

int spec_check(const struct spec *s, struct err *err)
{
	int r;

	if (!s->argv || !s->argv[0])
		return err_set(err, ERR_USAGE, "no command specified");
	if (s->cwd && !path_is_absolute(s->cwd))
		return err_set(err, ERR_USAGE,
			"the working directory '%s' is invalid, it needs to be an absolute path",
			s->cwd);
	if (s->cwd && strlen(s->cwd) >= PATH_MAX)
		return err_set(err, ERR_USAGE, "the working directory is too long");
	r = passwd_check_spec(s->user, err);
	if (r >= 0)
		r = check_root(&s->root, err);
	if (r >= 0)
		r = check_mounts(s, err);
	if (r >= 0)
		r = check_paths(s->masked, err);
	if (r >= 0)
		r = check_paths(s->readonly, err);
	return r;
}
