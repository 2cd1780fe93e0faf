#include "base/str.h"

#include <stdint.h>

#define DISTANCE_LEN_MAX 48

const char *str_after(const char *s, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

bool str_has_suffix(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

const char *str_after_nocase(const char *s, const char *prefix)
{
	while (*prefix && lower(*s) == lower(*prefix)) {
		s++;
		prefix++;
	}
	return *prefix ? NULL : s;
}

bool str_eq_nocase(const char *a, const char *b)
{
	while (*a && lower(*a) == lower(*b)) {
		a++;
		b++;
	}
	return lower(*a) == lower(*b);
}

bool str_is_digits(const char *s)
{
	return *s && s[strspn(s, "0123456789")] == '\0';
}

bool str_is_hex_lower(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		bool digit = s[i] >= '0' && s[i] <= '9';

		if (!digit && !(s[i] >= 'a' && s[i] <= 'f'))
			return false;
	}
	return true;
}

bool str_copy(char *dst, size_t size, const char *src)
{
	size_t n = strlen(src);

	if (n >= size) {
		if (size)
			dst[0] = '\0';
		return false;
	}
	memcpy(dst, src, n + 1);
	return true;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Three rows of the dynamic programme suffice: a transposition looks two rows back. */
unsigned str_distance(const char *a, const char *b, unsigned max)
{
	unsigned rows[3][DISTANCE_LEN_MAX + 1];
	size_t n = strlen(a), m = strlen(b);

	if (n > DISTANCE_LEN_MAX || m > DISTANCE_LEN_MAX)
		return max + 1;
	for (size_t j = 0; j <= m; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned *cur = rows[i % 3], *prev = rows[(i - 1) % 3];
		const unsigned *before = rows[(i + 1) % 3];

		cur[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned cost = a[i - 1] == b[j - 1] ? 0 : 1;

			cur[j] = min3(prev[j] + 1, cur[j - 1] + 1, prev[j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				before[j - 2] + 1 < cur[j])
				cur[j] = before[j - 2] + 1;
		}
	}
	return rows[n % 3][m] > max ? max + 1 : rows[n % 3][m];
}

void str_make_printable(char *s)
{
	for (; *s; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
	}
}
