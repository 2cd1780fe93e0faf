#include "runtime/security_options.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/path.h"
#include "base/str.h"
#include "base/strv.h"

#define CPU_DIR	 "/sys/devices/system/cpu"
#define THROTTLE "thermal_throttle"

/* What docker and podman hide, together. The last is a side channel: CVE-2020-8694. */
static const char *const masked_paths[] = {
	"/proc/acpi",
	"/proc/asound",
	"/proc/interrupts",
	"/proc/kcore",
	"/proc/keys",
	"/proc/latency_stats",
	"/proc/sched_debug",
	"/proc/scsi",
	"/proc/timer_list",
	"/proc/timer_stats",
	"/sys/firmware",
	"/sys/fs/selinux",
	"/sys/devices/virtual/powercap",
};

static const char *const readonly_paths[] = {
	"/proc/bus",
	"/proc/fs",
	"/proc/irq",
	"/proc/sys",
	"/proc/sysrq-trigger",
};

/* One option taken apart: the word, and what stands behind the first '=' or ':'; NULL = none. */
struct option {
	char *word;
	const char *value;
};

static bool file_says_yes(const char *path)
{
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
	char c = 0;

	return fd >= 0 && read(fd, &c, 1) == 1 && c == 'Y';
}

static bool host_has_apparmor(void)
{
	return file_says_yes("/sys/module/apparmor/parameters/enabled");
}

static bool host_has_selinux(void)
{
	return access("/sys/fs/selinux/enforce", F_OK) == 0;
}

static int need_value(const struct option *o, struct err *err)
{
	if (!str_empty(o->value))
		return 0;
	return err_set(err, ERR_USAGE, "--security-opt %s wants a value", o->word);
}

static int set_no_new_privs(struct security_options *s, const struct option *o, struct err *err)
{
	int r;

	if (!o->value) {
		s->no_new_privs = true;
		return 0;
	}
	r = parse_bool(o->value, &s->no_new_privs, err);
	return r < 0 ? err_ctx(err, r, "--security-opt no-new-privileges") : 0;
}

static int set_seccomp(struct security_options *s, const struct option *o, struct err *err)
{
	int r = need_value(o, err);

	if (r < 0)
		return r;
	free(s->seccomp);
	/* docker's "builtin" is our default. */
	s->seccomp = str_eq(o->value, "default") || str_eq(o->value, "builtin") ? NULL
										: xstrdup(o->value);
	return 0;
}

static int set_apparmor(struct security_options *s, const struct option *o, struct err *err)
{
	int r = need_value(o, err);

	if (r < 0)
		return r;
	free(s->apparmor);
	s->apparmor = NULL;
	if (str_eq(o->value, "unconfined"))
		return 0;
	if (!host_has_apparmor())
		return err_set(err, ERR_UNSUPPORTED,
			"--security-opt apparmor=%s: AppArmor is not enabled on this host (only "
			"apparmor=unconfined is possible)",
			o->value);
	s->apparmor = xstrdup(o->value);
	return 0;
}

static int set_label(struct security_options *s, const struct option *o, struct err *err)
{
	int r = need_value(o, err);

	if (r < 0)
		return r;
	free(s->selinux_label);
	s->selinux_label = NULL;
	if (str_eq(o->value, "disable"))
		return 0;
	if (!str_after(o->value, "user:") && !str_after(o->value, "role:") &&
		!str_after(o->value, "type:") && !str_after(o->value, "level:"))
		return err_set(err, ERR_USAGE,
			"--security-opt label=%s: not disable, user:, role:, type: or level:",
			o->value);
	if (!host_has_selinux())
		return err_set(err, ERR_UNSUPPORTED,
			"--security-opt label=%s: SELinux is not enabled on this host (only "
			"label=disable is possible)",
			o->value);
	s->selinux_label = xstrdup(o->value);
	return 0;
}

static int set_landlock(struct security_options *s, const struct option *o, struct err *err)
{
	if (!o->value || !str_eq(o->value, "unconfined"))
		return err_set(err, ERR_USAGE,
			"--security-opt landlock=%s: only landlock=unconfined is possible",
			o->value ? o->value : "");
	s->no_landlock = true;
	return 0;
}

static int set_systempaths(struct security_options *s, const struct option *o, struct err *err)
{
	if (!o->value || !str_eq(o->value, "unconfined"))
		return err_set(err, ERR_USAGE,
			"--security-opt systempaths=%s: only systempaths=unconfined is possible",
			o->value ? o->value : "");
	s->unconfined_paths = true;
	return 0;
}

/* A list of absolute paths, separated by colons. */
static int add_paths(char ***list, const struct option *o, struct err *err)
{
	AUTO(strv) char **paths = strv_split(o->value, ':');

	STRV_FOREACH (path, paths) {
		if (!path_is_absolute(path))
			return err_set(err, ERR_USAGE,
				"--security-opt %s: %s is not an absolute path", o->word, path);
		strv_push_take(list, path_clean("/", path));
	}
	return 0;
}

static int set_mask(struct security_options *s, const struct option *o, struct err *err)
{
	int r = need_value(o, err);

	return r < 0 ? r : add_paths(&s->mask, o, err);
}

static int set_unmask(struct security_options *s, const struct option *o, struct err *err)
{
	int r = need_value(o, err);

	if (r < 0)
		return r;
	if (str_eq_nocase(o->value, "all")) {
		s->unconfined_paths = true;
		return 0;
	}
	return add_paths(&s->unmask, o, err);
}

static const struct {
	const char *word;
	int (*set)(struct security_options *s, const struct option *o, struct err *err);
} words[] = {
	{ "no-new-privileges", set_no_new_privs },
	{ "seccomp", set_seccomp },
	{ "apparmor", set_apparmor },
	{ "label", set_label },
	{ "landlock", set_landlock },
	{ "systempaths", set_systempaths },
	{ "mask", set_mask },
	{ "unmask", set_unmask },
};

static int apply(struct security_options *s, const char *text, struct err *err)
{
	size_t n = strcspn(text, "=:");
	autofree char *word = xstrndup(text, n);
	const struct option o = { .word = word, .value = text[n] ? text + n + 1 : NULL };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (str_eq(words[i].word, word))
			return words[i].set(s, &o, err);
	}
	return err_set(err, ERR_USAGE,
		"--security-opt %s: not no-new-privileges, seccomp, apparmor, label, landlock, "
		"systempaths, mask or unmask",
		text);
}

int security_options_parse(char *const *options, struct security_options *ret, struct err *err)
{
	AUTO(security_options) struct security_options s = { 0 };

	STRV_FOREACH (text, options) {
		int r = apply(&s, text, err);

		if (r < 0)
			return r;
	}
	*ret = s;
	s = (struct security_options){ 0 };
	return 0;
}

void security_options_done(struct security_options *o)
{
	free(o->seccomp);
	free(o->apparmor);
	free(o->selinux_label);
	strv_free(o->mask);
	strv_free(o->unmask);
	*o = (struct security_options){ 0 };
}

/* podman's --unmask takes shell patterns, one component each. */
static bool is_unmasked(const struct security_options *o, const char *path)
{
	STRV_FOREACH (pattern, o->unmask) {
		if (fnmatch(pattern, path, FNM_PATHNAME) == 0)
			return true;
	}
	return false;
}

static void add_unless_unmasked(const struct security_options *o, char ***list, const char *path)
{
	if (!is_unmasked(o, path) && !strv_contains(*list, path))
		strv_push(list, path);
}

/* One directory for each CPU that has it. */
static void add_throttles(const struct security_options *o, char ***list)
{
	DIR *dir = opendir(CPU_DIR);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		const char *number = str_after(entry->d_name, "cpu");
		autofree char *path = NULL;

		if (!number || !str_is_digits(number))
			continue;
		path = xasprintf("%s/%s/%s", CPU_DIR, entry->d_name, THROTTLE);
		if (access(path, F_OK) == 0)
			add_unless_unmasked(o, list, path);
	}
	if (dir)
		(void)closedir(dir);
}

void security_options_paths(
	const struct security_options *o, char ***ret_masked, char ***ret_readonly)
{
	char **masked = NULL, **readonly = NULL;

	if (!o->unconfined_paths) {
		for (size_t i = 0; i < sizeof(masked_paths) / sizeof(masked_paths[0]); i++)
			add_unless_unmasked(o, &masked, masked_paths[i]);
		add_throttles(o, &masked);
		for (size_t i = 0; i < sizeof(readonly_paths) / sizeof(readonly_paths[0]); i++)
			add_unless_unmasked(o, &readonly, readonly_paths[i]);
	}
	STRV_FOREACH (path, o->mask) {
		if (!strv_contains(masked, path))
			strv_push(&masked, path);
	}
	*ret_masked = masked;
	*ret_readonly = readonly;
}
