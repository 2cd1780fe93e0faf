/*
 * A system call allowlist for helper processes that read what strangers wrote, as a classic BPF
 * program made by hand: no library, no allocation, microseconds to install. Containers' filters
 * are another thing (sys/seccomp.h).
 *
 * Everything not listed kills the process (SIGSYS). A foreign architecture's entry, x32 included,
 * kills as well. mmap and mprotect are refused where they ask for executable memory, fcntl where it
 * does more than read flags, set close-on-exec or duplicate. Sanitizer
 * builds install nothing, because their run time needs more than any list names.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SANDBOX_CALLS_MAX 96

/*
 * Allow `calls` (__NR_ numbers; negative ones, for calls that this machine does not have, are
 * skipped), the most frequent first. Sets no_new_privs. Holds for children.
 */
int sandbox_allow(const int *calls, size_t n, struct err *err) must_check;

/*
 * Give up every capability that is not in the mask (1 << CAP_...; 0 = all of them), effective,
 * permitted and inheritable. The bounding set stays: nothing is executed any more.
 */
int sandbox_keep_caps(uint64_t mask, struct err *err) must_check;

/* False in sanitizer builds, whose run time needs more memory and calls than a limit allows. */
bool sandbox_is_strict(void);
