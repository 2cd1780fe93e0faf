#include "base/parse.h"

#include <string.h>

#include "base/clock.h"
#include "base/str.h"

#define FRACTION_DIGITS_MAX 9

static int bad_number(const char *s, const char *what, struct err *err)
{
	return err_set(err, ERR_FORMAT, "\"%s\" is not %s", s, what);
}

int parse_u64(const char *s, uint64_t max, uint64_t *ret, struct err *err)
{
	uint64_t v = 0;

	if (!str_is_digits(s))
		return bad_number(s, "a number", err);
	for (const char *p = s; *p; p++) {
		if (__builtin_mul_overflow(v, 10, &v) ||
			__builtin_add_overflow(v, (uint64_t)(*p - '0'), &v) || v > max)
			return err_set(err, ERR_FORMAT, "\"%s\" is too large (at most %llu)", s,
				(unsigned long long)max);
	}
	*ret = v;
	return 0;
}

int parse_i64(const char *s, int64_t min, int64_t max, int64_t *ret, struct err *err)
{
	bool negative = *s == '-';
	uint64_t v;
	int r;

	r = parse_u64(s + (negative ? 1 : 0), INT64_MAX, &v, NULL);
	if (r < 0)
		return bad_number(s, "a number", err);
	*ret = negative ? -(int64_t)v : (int64_t)v;
	if (*ret < min || *ret > max)
		return err_set(err, ERR_FORMAT, "\"%s\" is not between %lld and %lld", s,
			(long long)min, (long long)max);
	return 0;
}

int parse_mode(const char *s, uint32_t *ret, struct err *err)
{
	uint32_t v = 0;

	if (!*s || strlen(s) > 5 || s[strspn(s, "01234567")])
		return bad_number(s, "an octal mode", err);
	for (; *s; s++)
		v = v * 8 + (uint32_t)(*s - '0');
	if (v > 07777)
		return err_set(err, ERR_FORMAT, "mode %o is larger than 7777", v);
	*ret = v;
	return 0;
}

/*
 * Digits with an optional fraction, as an integer and billionths; *s moves behind them.
 * false when there is no digit or the integer does not fit.
 */
static bool scan_decimal(const char **s, uint64_t *whole, uint64_t *billionths)
{
	const char *p = *s;
	uint64_t scale = NSEC_PER_SEC / 10;
	bool any = false;

	*whole = *billionths = 0;
	for (; *p >= '0' && *p <= '9'; p++, any = true) {
		if (__builtin_mul_overflow(*whole, 10, whole) ||
			__builtin_add_overflow(*whole, (uint64_t)(*p - '0'), whole))
			return false;
	}
	if (*p == '.') {
		for (p++; *p >= '0' && *p <= '9'; p++, any = true) {
			*billionths += (uint64_t)(*p - '0') * scale;
			scale /= 10;
		}
	}
	*s = p;
	return any;
}

/* whole.billionths times unit, without overflow. */
static bool scale_decimal(uint64_t whole, uint64_t billionths, uint64_t unit, uint64_t *ret)
{
	unsigned __int128 v = (unsigned __int128)whole * unit;

	v += (unsigned __int128)billionths * unit / NSEC_PER_SEC;
	if (v > INT64_MAX)
		return false;
	*ret = (uint64_t)v;
	return true;
}

int parse_bytes(const char *s, uint64_t *ret, struct err *err)
{
	static const char units[] = "bkmgtp";
	const char *p = s, *unit;
	uint64_t whole, billionths, factor = 1;

	if (!scan_decimal(&p, &whole, &billionths))
		return bad_number(s, "a size (as 512m, 1.5g)", err);
	if (*p) {
		char c = (char)(*p | 0x20);

		unit = strchr(units, c);
		if (!unit)
			return bad_number(s, "a size (units are b, k, m, g, t, p)", err);
		factor = (uint64_t)1 << (10 * (unit - units));
		p++;
		if (factor > 1 && (*p == 'i' || *p == 'I'))
			p++;
		if (factor > 1 && (*p == 'b' || *p == 'B'))
			p++;
		if (*p)
			return bad_number(s, "a size (units are b, k, m, g, t, p)", err);
	}
	if (!scale_decimal(whole, billionths, factor, ret))
		return err_set(err, ERR_FORMAT, "\"%s\" is too large", s);
	return 0;
}

/* Longest match first: "ms" before "m". */
static bool scan_time_unit(const char **s, uint64_t *ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {
		{ "ns", 1 },
		{ "us", 1000 },
		{ "\xc2\xb5s", 1000 },
		{ "ms", 1000000 },
		{ "s", NSEC_PER_SEC },
		{ "m", 60 * NSEC_PER_SEC },
		{ "h", 3600 * NSEC_PER_SEC },
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		const char *rest = str_after(*s, units[i].name);

		if (rest) {
			*s = rest;
			*ns = units[i].ns;
			return true;
		}
	}
	return false;
}

int parse_duration(const char *s, int64_t *ret, struct err *err)
{
	static const char what[] = "a duration (as 1h30m, 90s, 300ms)";
	const char *p = s;
	uint64_t total = 0;

	if (!*p)
		return bad_number(s, what, err);
	while (*p) {
		uint64_t whole, billionths, unit = NSEC_PER_SEC, part;

		if (!scan_decimal(&p, &whole, &billionths))
			return bad_number(s, what, err);
		/* A bare number is seconds, and only when it is alone. */
		if (!scan_time_unit(&p, &unit) && (*p || total))
			return bad_number(s, what, err);
		if (!scale_decimal(whole, billionths, unit, &part) ||
			__builtin_add_overflow(total, part, &total) || total > INT64_MAX)
			return err_set(err, ERR_FORMAT, "duration \"%s\" is too long", s);
	}
	*ret = (int64_t)total;
	return 0;
}

int parse_bool(const char *s, bool *ret, struct err *err)
{
	static const char *const yes[] = { "1", "t", "T", "TRUE", "true", "True" };
	static const char *const no[] = { "0", "f", "F", "FALSE", "false", "False" };

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (str_eq(s, yes[i]) || str_eq(s, no[i])) {
			*ret = str_eq(s, yes[i]);
			return 0;
		}
	}
	return bad_number(s, "true or false", err);
}
