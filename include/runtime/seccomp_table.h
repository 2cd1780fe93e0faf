/*
 * The system calls of a container, as one table: what is let through always, what a capability
 * opens, what is refused by name, and which arguments of clone, personality and socket matter.
 * Plain data and its translation into a profile; knows no file and no format, so that the build's
 * generator and the program share it.
 *
 * Facts: docker's and podman's published profiles (2026), and where they differ the rule of
 * docs/architecture.md: docker's for calls that make namespaces or mounts, podman's ENOSYS for
 * calls that nobody knows yet. A call that is refused by name gives EPERM; clone3 gives ENOSYS,
 * since its flags cannot be seen by a filter and every C library then uses clone.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "sys/seccomp.h"

/* Bits of a set that change the filter at all; sets that agree in them share one program. */
uint64_t seccomp_table_relevant_caps(void) __attribute__((pure));

/* libseccomp's names of the architectures that a host of this name runs; NULL when unknown. */
const char *const *seccomp_table_arches(const char *machine, size_t *ret_n);

/*
 * Compile the table for a bounding set and a machine ("x86_64", "aarch64", "riscv64").
 * -ERR_UNSUPPORTED for another machine. The caller owns ret.
 */
int seccomp_table_compile(const char *machine, uint64_t caps, struct seccomp_program *ret,
	struct err *err) must_check;
