#include "codec/platform.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

struct alias {
	const char *spelling, *architecture, *variant;
};

static const struct alias aliases[] = {
	{ "x86_64", "amd64", NULL },
	{ "x86-64", "amd64", NULL },
	{ "aarch64", "arm64", NULL },
	{ "armhf", "arm", "v7" },
	{ "armel", "arm", "v6" },
	{ "i386", "386", "" },
	{ "i486", "386", "" },
	{ "i586", "386", "" },
	{ "i686", "386", "" },
};

/* What stands alone in --platform and is an operating system, not an architecture. */
static const char *const known_os[] = { "linux", "windows", "darwin", "macos", "freebsd", "netbsd",
	"openbsd", "solaris", "illumos", "android", "aix", "plan9", "js", "wasip1" };

/* What stands alone and is an architecture: Go's names, and the other spellings in `aliases`. */
static const char *const known_architectures[] = { "386", "amd64", "arm", "arm64", "loong64",
	"mips", "mips64", "mips64le", "mipsle", "ppc64", "ppc64le", "riscv64", "s390x", "wasm" };

#if defined(__x86_64__) && !defined(__ILP32__)
#define HOST_ARCHITECTURE "amd64"
#elif defined(__aarch64__)
#define HOST_ARCHITECTURE "arm64"
#elif defined(__i386__)
#define HOST_ARCHITECTURE "386"
#elif defined(__arm__)
#define HOST_ARCHITECTURE "arm"
#elif defined(__riscv) && __riscv_xlen == 64
#define HOST_ARCHITECTURE "riscv64"
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#define HOST_ARCHITECTURE "ppc64le"
#elif defined(__s390x__)
#define HOST_ARCHITECTURE "s390x"
#elif defined(__loongarch64)
#define HOST_ARCHITECTURE "loong64"
#elif defined(__mips64) && defined(__MIPSEL__)
#define HOST_ARCHITECTURE "mips64le"
#else
#error "name this architecture as Go does"
#endif

static const char *host_variant(void)
{
#if defined(__x86_64__)
	/* The levels of the x86-64 psABI, by the instructions of each that the compiler can name. */
	__builtin_cpu_init();
	if (!__builtin_cpu_supports("sse4.2") || !__builtin_cpu_supports("popcnt") ||
		!__builtin_cpu_supports("ssse3"))
		return "";
	if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi") ||
		!__builtin_cpu_supports("bmi2") || !__builtin_cpu_supports("fma"))
		return "v2";
	return "v3";
#elif defined(__arm__) && __ARM_ARCH < 7
	return "v6";
#elif defined(__arm__)
	return "v7";
#else
	return "";
#endif
}

/* Constants of ours, and parts that were measured already: they fit. */
static void assign(char *ret, const char *s)
{
	memcpy(ret, s, strlen(s) + 1);
}

static void lower(char *s)
{
	for (; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s - 'A' + 'a');
}

static void normalise(struct platform *p)
{
	lower(p->os);
	lower(p->architecture);
	lower(p->variant);
	if (str_eq(p->os, "macos"))
		assign(p->os, "darwin");
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
		if (!str_eq(p->architecture, aliases[i].spelling))
			continue;
		assign(p->architecture, aliases[i].architecture);
		if (aliases[i].variant && !p->variant[0])
			assign(p->variant, aliases[i].variant);
		break;
	}
	/* "8" is written for "v8". What the letter has no room for is no variant of anything. */
	if (p->variant[0] >= '1' && p->variant[0] <= '9' &&
		strlen(p->variant) + 1 < sizeof(p->variant)) {
		memmove(p->variant + 1, p->variant, strlen(p->variant) + 1);
		p->variant[0] = 'v';
	}
	if (str_eq(p->architecture, "arm64") &&
		(str_eq(p->variant, "v8") || str_eq(p->variant, "v8.0")))
		p->variant[0] = '\0';
	if (str_eq(p->architecture, "amd64") && str_eq(p->variant, "v1"))
		p->variant[0] = '\0';
	if (str_eq(p->architecture, "arm") && !p->variant[0])
		assign(p->variant, "v7");
}

static void fill(
	const char *os, const char *architecture, const char *variant, struct platform *ret)
{
	struct platform p = { 0 };

	assign(p.os, os);
	assign(p.architecture, architecture);
	assign(p.variant, variant);
	normalise(&p);
	*ret = p;
}

void platform_host(struct platform *ret)
{
	fill("linux", HOST_ARCHITECTURE, host_variant(), ret);
}

bool platform_from(
	const char *os, const char *architecture, const char *variant, struct platform *ret)
{
	size_t max = sizeof(ret->os);

	os = os ? os : "";
	architecture = architecture ? architecture : "";
	variant = variant ? variant : "";
	if (strlen(os) >= max || strlen(architecture) >= max || strlen(variant) >= max)
		return false;
	fill(os, architecture, variant, ret);
	return true;
}

static bool is_known_os(const char *s)
{
	for (size_t i = 0; i < sizeof(known_os) / sizeof(known_os[0]); i++)
		if (str_eq_nocase(s, known_os[i]))
			return true;
	return false;
}

static bool is_known_architecture(const char *s)
{
	for (size_t i = 0; i < sizeof(known_architectures) / sizeof(known_architectures[0]); i++)
		if (str_eq_nocase(s, known_architectures[i]))
			return true;
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (str_eq_nocase(s, aliases[i].spelling))
			return true;
	return false;
}

/* One component: letters, digits, '_', '.', '-'. */
static bool copy_part(char *ret, size_t size, const char *s, size_t len)
{
	if (len == 0 || len >= size)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("_.-", s[i]))
			return false;
	memcpy(ret, s, len);
	ret[len] = '\0';
	return true;
}

int platform_parse(const char *s, struct platform *ret, struct err *err)
{
	char parts[3][sizeof(ret->os)] = { 0 };
	const char *p = s;
	struct platform host;
	size_t n = 0;

	for (;;) {
		size_t len = strcspn(p, "/");

		if (n == 3 || !copy_part(parts[n], sizeof(parts[n]), p, len))
			return err_set(err, ERR_FORMAT,
				"\"%s\" is an invalid platform: want OS[/ARCH[/VARIANT]]", s);
		n++;
		if (!p[len])
			break;
		p += len + 1;
	}
	platform_host(&host);
	if (n > 1)
		fill(parts[0], parts[1], parts[2], ret);
	else if (is_known_os(parts[0]))
		fill(parts[0], host.architecture, host.variant, ret);
	else if (is_known_architecture(parts[0]))
		fill(host.os, parts[0], "", ret);
	else
		return err_set(
			err, ERR_FORMAT, "\"%s\": unknown operating system or architecture", s);
	return 0;
}

void platform_format(const struct platform *p, char ret[PLATFORM_TEXT_SIZE])
{
	(void)snprintf(ret, PLATFORM_TEXT_SIZE, "%s/%s%s%s", p->os[0] ? p->os : "unknown",
		p->architecture[0] ? p->architecture : "unknown", p->variant[0] ? "/" : "",
		p->variant);
}

/*
 * A variant as a number that grows with what it demands: "" is the base of its architecture,
 * vN.M is N*100+M; -1 for another word.
 */
static int variant_level(const struct platform *p)
{
	const char *s = p->variant;
	int level = 0, minor = 0;

	if (!*s)
		return str_eq(p->architecture, "arm64") ? 800
		       : str_eq(p->architecture, "arm") ? 700
							: 100;
	if (*s++ != 'v' || *s < '1' || *s > '9')
		return -1;
	for (; *s >= '0' && *s <= '9' && level < 1000; s++)
		level = level * 10 + (*s - '0');
	if (*s == '.')
		for (s++; *s >= '0' && *s <= '9' && minor < 10; s++)
			minor = minor * 10 + (*s - '0');
	return *s || level > 99 || minor > 99 ? -1 : level * 100 + minor;
}

/* Armv9.y has what Armv8.(y+5) has (Arm ARM, A2.1): so v9.0 runs v8.5 and not v8.6. */
static bool arm64_serves(int want, int have)
{
	if (have / 100 == want / 100)
		return have <= want;
	return want / 100 == 9 && have / 100 == 8 && have % 100 <= want % 100 + 5;
}

int platform_rank(const struct platform *want, const struct platform *have)
{
	int w, h;

	if (!str_eq(want->os, have->os) || !str_eq(want->architecture, have->architecture))
		return -1;
	if (str_eq(want->variant, have->variant))
		return 0;
	w = variant_level(want);
	h = variant_level(have);
	if (w < 0 || h < 0 || h > w)
		return -1;
	if (str_eq(want->architecture, "arm64") && !arm64_serves(w, h))
		return -1;
	return w - h;
}
