/*
 * Capabilities as numbers, names and 64-bit masks, and the lists of --cap-add and --cap-drop.
 * Changing one's own capabilities is sys/privs.h.
 *
 * No library is behind it: the kernel's two calls take masks, and a table of our own knows names
 * that are newer than a distribution's libcap. What exists is the kernel's word (caps_kernel_mask).
 */
#pragma once

#include <stdint.h>

#include "base/err.h"

#define CAPS_COUNT     41 /* CAP_CHOWN ... CAP_CHECKPOINT_RESTORE (5.9), the newest in 6.18 */
#define CAPS_BIT(n)    (UINT64_C(1) << (n))
#define CAPS_ALL_KNOWN (CAPS_BIT(CAPS_COUNT) - 1)

/*
 * The default of a container: chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap,
 * net_bind_service, sys_chroot, setfcap. Docker's 14 without mknod, net_raw and audit_write.
 */
#define CAPS_DEFAULT UINT64_C(0x800405fb)

/* "CAP_CHOWN"; NULL past the table. */
const char *caps_name(unsigned number);

/* Any case, with or without "CAP_": the number, or -ERR_USAGE with the nearest name. */
int caps_number(const char *name, struct err *err) must_check;

/* Capabilities that this kernel knows (cap_last_cap, asked by prctl; once, then remembered). */
uint64_t caps_kernel_mask(void);

/*
 * base with the lists applied. Each string may hold several names, separated by commas; "ALL"
 * means every capability of the kernel. Drop wins over the base, ALL in drop leaves what add
 * names, ALL in add starts from everything. The same name in both lists is -ERR_USAGE.
 * add and drop are NULL-terminated vectors, NULL is empty. A capability that this kernel does not
 * have is -ERR_UNSUPPORTED in add and ignored in drop.
 */
int caps_resolve(uint64_t base, char *const *add, char *const *drop, uint64_t *ret,
	struct err *err) must_check;

/* "CAP_CHOWN,CAP_KILL", in order of number, "" for none. The caller owns the string. */
char *caps_format(uint64_t mask) must_check;

/* The caller's own effective and bounding sets; 0 when the kernel would not say. */
uint64_t caps_effective(void);
uint64_t caps_bounding(void);
