#include <time.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/parse.h"
#include "base/str.h"
#include "registry/http_priv.h"

#define PAUSE_MAX_NS (60 * NSEC_PER_SEC)

int64_t http_retry_pause(unsigned tries, unsigned delay_ms)
{
	int64_t full = (int64_t)delay_ms * 1000000;
	uint32_t dice;

	for (unsigned i = 1; i < tries && full < PAUSE_MAX_NS; i++)
		full *= 2;
	if (full > PAUSE_MAX_NS)
		full = PAUSE_MAX_NS;
	/* Between a half and the whole: clients that failed together must not come back together. */
	random_bytes(&dice, sizeof(dice));
	return full / 2 + (int64_t)((uint64_t)(full / 2) * dice >> 32);
}

/* RFC 9110 5.6.7, the one form that is still sent: "Sun, 06 Nov 1994 08:49:37 GMT". */
static int64_t parse_http_date(const char *s)
{
	struct tm tm = { 0 };
	/* The program never leaves the C locale: names are English. */
	const char *end = strptime(s, "%a, %d %b %Y %H:%M:%S GMT", &tm);

	return end && !*end ? (int64_t)timegm(&tm) * NSEC_PER_SEC : -1;
}

int64_t http_retry_after_ns(const char *value, int64_t wall_ns)
{
	uint64_t seconds;
	int64_t date;

	if (str_is_digits(value)) {
		if (parse_u64(value, 1000000000, &seconds, NULL) < 0)
			return -1;
		return (int64_t)seconds * NSEC_PER_SEC;
	}
	date = parse_http_date(value);
	if (date < 0)
		return -1;
	return date > wall_ns ? date - wall_ns : 0;
}
