#include "base/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	(void)clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

int64_t clock_boottime_ns(void)
{
	return clock_ns(CLOCK_BOOTTIME);
}

int64_t clock_wall_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

/* Days since 1970-01-01 of a proleptic Gregorian date, by eras of 400 years from a 1 March. */
static int64_t days_from_civil(int64_t y, int m, int d)
{
	int64_t era, doy, yoe;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

void clock_format_rfc3339(int64_t wall_ns, char ret[CLOCK_RFC3339_SIZE])
{
	int64_t ns = wall_ns % NSEC_PER_SEC;
	time_t sec = (time_t)(wall_ns / NSEC_PER_SEC);
	struct tm tm;
	size_t n;

	if (ns < 0) {
		ns += NSEC_PER_SEC;
		sec--;
	}
	(void)gmtime_r(&sec, &tm);
	n = strftime(ret, CLOCK_RFC3339_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	if (ns) {
		n += (size_t)snprintf(ret + n, CLOCK_RFC3339_SIZE - n, ".%09lld", (long long)ns);
		while (ret[n - 1] == '0')
			n--;
	}
	(void)snprintf(ret + n, CLOCK_RFC3339_SIZE - n, "Z");
}

/* n digits at *s within [min,max]; *s moves behind them. */
static bool scan_digits(const char **s, int n, int min, int max, int *ret)
{
	int v = 0;

	for (int i = 0; i < n; i++, (*s)++) {
		if (**s < '0' || **s > '9')
			return false;
		v = v * 10 + (**s - '0');
	}
	*ret = v;
	return v >= min && v <= max;
}

static bool scan_char(const char **s, const char *set)
{
	if (!**s || !strchr(set, **s))
		return false;
	(*s)++;
	return true;
}

static bool scan_offset(const char **s, int64_t *ret_seconds)
{
	int h, m, sign = **s == '-' ? -1 : 1;

	*ret_seconds = 0;
	if (scan_char(s, "Zz"))
		return true;
	if (!scan_char(s, "+-") || !scan_digits(s, 2, 0, 23, &h) || !scan_char(s, ":") ||
		!scan_digits(s, 2, 0, 59, &m))
		return false;
	*ret_seconds = sign * (h * 3600 + m * 60);
	return true;
}

static bool scan_fraction(const char **s, int64_t *ret_ns)
{
	int64_t scale = NSEC_PER_SEC / 10;
	const char *start;

	*ret_ns = 0;
	if (!scan_char(s, "."))
		return true;
	for (start = *s; **s >= '0' && **s <= '9'; (*s)++) {
		*ret_ns += (**s - '0') * scale;
		scale /= 10;
	}
	return *s > start;
}

int clock_parse_rfc3339(const char *s, int64_t *ret_wall_ns, struct err *err)
{
	int year, month, day, hour, min, sec;
	int64_t ns, offset;
	const char *p = s;

	/* Years past 2261 do not fit 64-bit nanoseconds. */
	if (!scan_digits(&p, 4, 0, 9999, &year) || !scan_char(&p, "-") ||
		!scan_digits(&p, 2, 1, 12, &month) || !scan_char(&p, "-") ||
		!scan_digits(&p, 2, 1, 31, &day) || !scan_char(&p, "Tt ") ||
		!scan_digits(&p, 2, 0, 23, &hour) || !scan_char(&p, ":") ||
		!scan_digits(&p, 2, 0, 59, &min) || !scan_char(&p, ":") ||
		!scan_digits(&p, 2, 0, 60, &sec) || !scan_fraction(&p, &ns) ||
		!scan_offset(&p, &offset) || *p)
		return err_set(
			err, ERR_FORMAT, "\"%s\" is not a time (as 2006-01-02T15:04:05Z)", s);
	if (year < 1678) /* Go's zero time among them */
		*ret_wall_ns = INT64_MIN;
	else if (year > 2261)
		*ret_wall_ns = INT64_MAX;
	else
		*ret_wall_ns = (days_from_civil(year, month, day) * 86400 + hour * 3600 + min * 60 +
				       sec - offset) *
				       NSEC_PER_SEC +
			       ns;
	return 0;
}

static void count_of(int64_t n, const char *unit, char *ret, size_t size)
{
	(void)snprintf(ret, size, "%lld %s", (long long)n, unit);
}

void clock_human_duration(int64_t ns, char *ret, size_t size)
{
	int64_t s = ns / NSEC_PER_SEC, m = s / 60, h = (m + 30) / 60;

	if (s < 1)
		(void)snprintf(ret, size, "Less than a second");
	else if (s == 1)
		(void)snprintf(ret, size, "1 second");
	else if (s < 60)
		count_of(s, "seconds", ret, size);
	else if (m == 1)
		(void)snprintf(ret, size, "About a minute");
	else if (m < 60)
		count_of(m, "minutes", ret, size);
	else if (h == 1)
		(void)snprintf(ret, size, "About an hour");
	else if (h < 48)
		count_of(h, "hours", ret, size);
	else if (h < 24 * 7 * 2)
		count_of(h / 24, "days", ret, size);
	else if (h < 24 * 30 * 2)
		count_of(h / 24 / 7, "weeks", ret, size);
	else if (h < 24 * 365 * 2)
		count_of(h / 24 / 30, "months", ret, size);
	else
		count_of(h / 24 / 365, "years", ret, size);
}

void clock_human_size(uint64_t bytes, char *ret, size_t size)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	double v = (double)bytes;
	size_t u = 0;

	while (v >= 1000.0 && u < 6) {
		v /= 1000.0;
		u++;
	}
	/* "%.3g" would write 1e+03 for what rounds up to a thousand. */
	if (v >= 999.5 && u < 6) {
		v = 1.0;
		u++;
	}
	(void)snprintf(ret, size, "%.3g%s", v, units[u]);
}
