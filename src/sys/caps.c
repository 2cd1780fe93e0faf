#include "sys/caps.h"

#include <linux/capability.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/str.h"
#include "base/strv.h"

#define PREFIX	   "CAP_"
#define PREFIX_LEN 4
#define ALL	   "ALL"

static const char *const names[CAPS_COUNT] = {
	"CAP_CHOWN",
	"CAP_DAC_OVERRIDE",
	"CAP_DAC_READ_SEARCH",
	"CAP_FOWNER",
	"CAP_FSETID",
	"CAP_KILL",
	"CAP_SETGID",
	"CAP_SETUID",
	"CAP_SETPCAP",
	"CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE",
	"CAP_NET_BROADCAST",
	"CAP_NET_ADMIN",
	"CAP_NET_RAW",
	"CAP_IPC_LOCK",
	"CAP_IPC_OWNER",
	"CAP_SYS_MODULE",
	"CAP_SYS_RAWIO",
	"CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE",
	"CAP_SYS_PACCT",
	"CAP_SYS_ADMIN",
	"CAP_SYS_BOOT",
	"CAP_SYS_NICE",
	"CAP_SYS_RESOURCE",
	"CAP_SYS_TIME",
	"CAP_SYS_TTY_CONFIG",
	"CAP_MKNOD",
	"CAP_LEASE",
	"CAP_AUDIT_WRITE",
	"CAP_AUDIT_CONTROL",
	"CAP_SETFCAP",
	"CAP_MAC_OVERRIDE",
	"CAP_MAC_ADMIN",
	"CAP_SYSLOG",
	"CAP_WAKE_ALARM",
	"CAP_BLOCK_SUSPEND",
	"CAP_AUDIT_READ",
	"CAP_PERFMON",
	"CAP_BPF",
	"CAP_CHECKPOINT_RESTORE",
};

const char *caps_name(unsigned number)
{
	return number < CAPS_COUNT ? names[number] : NULL;
}

/* Behind "CAP_", in any case; s itself when it does not begin so. */
static const char *without_prefix(const char *s)
{
	const char *rest = str_after_nocase(s, PREFIX);

	return rest ? rest : s;
}

/* The name that is at most two typing errors away, or NULL. */
static const char *nearest(const char *word)
{
	const char *best = NULL;
	unsigned best_distance = 3;
	AUTO(buf) struct buf upper = BUF_INIT(64);

	for (const char *p = word; *p; p++)
		buf_putc(&upper, *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p);
	for (unsigned i = 0; i < CAPS_COUNT; i++) {
		unsigned d = str_distance(buf_str(&upper), names[i] + PREFIX_LEN, 2);

		if (d < best_distance) {
			best_distance = d;
			best = names[i];
		}
	}
	return best;
}

int caps_number(const char *name, struct err *err)
{
	const char *word = without_prefix(name), *near;

	for (unsigned i = 0; i < CAPS_COUNT; i++) {
		if (str_eq_nocase(word, names[i] + PREFIX_LEN))
			return (int)i;
	}
	near = nearest(word);
	if (near)
		return err_set(err, ERR_USAGE, "unknown capability: %s (is %s meant?)", name, near);
	return err_set(err, ERR_USAGE, "unknown capability: %s", name);
}

uint64_t caps_kernel_mask(void)
{
	static uint64_t mask;

	for (unsigned i = 0; !mask && i <= CAPS_COUNT; i++) {
		if (i == CAPS_COUNT || prctl(PR_CAPBSET_READ, (unsigned long)i, 0, 0, 0) < 0)
			mask = CAPS_BIT(i) - 1;
	}
	return mask;
}

/* One list as a mask; *ret_all when it names ALL. */
static int parse_list(char *const *list, uint64_t *ret_mask, bool *ret_all, struct err *err)
{
	uint64_t mask = 0;
	bool all = false;

	STRV_FOREACH (item, list) {
		AUTO(strv) char **words = strv_split(item, ',');

		STRV_FOREACH (word, words) {
			int n;

			if (str_eq_nocase(without_prefix(word), ALL)) {
				all = true;
				continue;
			}
			n = caps_number(word, err);
			if (n < 0)
				return n;
			mask |= CAPS_BIT(n);
		}
	}
	*ret_mask = mask;
	*ret_all = all;
	return 0;
}

/* What add and drop name must not overlap, and must exist when it is to be added. */
static int check_lists(uint64_t add, uint64_t drop, struct err *err)
{
	uint64_t both = add & drop, unknown = add & ~caps_kernel_mask();
	autofree char *text = caps_format(both ? both : unknown);

	if (both)
		return err_set(err, ERR_USAGE, "%s is to be added and dropped", text);
	if (unknown)
		return err_set(err, ERR_UNSUPPORTED, "this kernel has no %s", text);
	return 0;
}

int caps_resolve(uint64_t base, char *const *add, char *const *drop, uint64_t *ret, struct err *err)
{
	uint64_t plus, minus, mask = base & caps_kernel_mask();
	bool add_all, drop_all;
	int r;

	r = parse_list(add, &plus, &add_all, err);
	if (r < 0)
		return err_ctx(err, r, "--cap-add");
	r = parse_list(drop, &minus, &drop_all, err);
	if (r < 0)
		return err_ctx(err, r, "--cap-drop");
	if (add_all && drop_all)
		return err_set(
			err, ERR_USAGE, "--cap-add ALL and --cap-drop ALL exclude each other");
	r = check_lists(plus, minus, err);
	if (r < 0)
		return r;
	if (add_all)
		mask = caps_kernel_mask();
	if (drop_all)
		mask = 0;
	*ret = (mask | plus) & ~minus;
	return 0;
}

char *caps_format(uint64_t mask)
{
	AUTO(buf) struct buf b = BUF_INIT(2048);

	for (unsigned i = 0; i < CAPS_COUNT; i++) {
		if (!(mask & CAPS_BIT(i)))
			continue;
		if (b.len)
			buf_putc(&b, ',');
		buf_puts(&b, names[i]);
	}
	return buf_take(&b);
}

uint64_t caps_effective(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &header, data) < 0)
		return 0;
	return data[0].effective | (uint64_t)data[1].effective << 32;
}

uint64_t caps_bounding(void)
{
	uint64_t mask = 0;

	for (unsigned i = 0; i < CAPS_COUNT; i++) {
		if (prctl(PR_CAPBSET_READ, (unsigned long)i, 0, 0, 0) == 1)
			mask |= CAPS_BIT(i);
	}
	return mask;
}
