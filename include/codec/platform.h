/*
 * Platforms: os/architecture[/variant] in the normalised spelling of containerd (registry.md 2.3):
 * x86_64 is amd64, aarch64 is arm64, arm without a variant is v7, arm64/v8 and amd64/v1 have an
 * empty variant.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct platform {
	char os[32];
	char architecture[32];
	char variant[32]; /* "" for the base */
};

/* What this binary runs on. On amd64 the variant is the processor's level: "", v2 or v3. */
void platform_host(struct platform *ret);

/*
 * "linux/arm64/v8", "arm64", "linux": what is missing is the host's. -ERR_FORMAT for text that
 * is no platform; a word alone has to be a known one.
 */
int platform_parse(const char *s, struct platform *ret, struct err *err) must_check;

/* From the members of a manifest or config (NULL as ""), normalised; false when one is too long. */
bool platform_from(const char *os, const char *architecture, const char *variant,
	struct platform *ret) must_check;

/* "linux/arm64/v9" into ret, always terminated. */
#define PLATFORM_TEXT_SIZE 100
void platform_format(const struct platform *p, char ret[PLATFORM_TEXT_SIZE]);

/*
 * How well `have` serves one who wants `want`: 0 is exact, a higher number is an older variant,
 * -1 is no match. A newer variant than wanted never matches, nor another architecture (386 runs
 * on amd64, but is only taken when asked for).
 */
int platform_rank(const struct platform *want, const struct platform *have);
