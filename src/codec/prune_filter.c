#include "codec/prune_filter.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/parse.h"
#include "base/str.h"
#include "base/strv.h"

void prune_filter_done(struct prune_filter *f)
{
	strv_free(TAKE_PTR(f->labels));
	strv_free(TAKE_PTR(f->not_labels));
}

/* docker takes a duration, seconds since 1970, RFC 3339, and a date with or without a time. */
static int parse_moment(const char *text, int64_t now_ns, int64_t *ret, struct err *err)
{
	autofree char *full = NULL;
	uint64_t seconds;
	int64_t ago;

	if (str_is_digits(text) && parse_u64(text, 1ULL << 33, &seconds, NULL) >= 0) {
		*ret = (int64_t)seconds * NSEC_PER_SEC;
		return 0;
	}
	if (parse_duration(text, &ago, NULL) >= 0) {
		*ret = now_ns - ago;
		return 0;
	}
	full = strchr(text, 'T') ? xasprintf("%sZ", text) : xasprintf("%sT00:00:00Z", text);
	if (clock_parse_rfc3339(text, ret, NULL) >= 0 || clock_parse_rfc3339(full, ret, NULL) >= 0)
		return 0;
	return err_set(err, ERR_USAGE,
		"invalid filter 'until=%s': a moment (2006-01-02T15:04:05) or how long ago (24h) "
		"is wanted",
		text);
}

static int parse_one(const char *text, int64_t now_ns, struct prune_filter *f, struct err *err)
{
	const char *value;

	if ((value = str_after(text, "until="))) {
		if (f->until_ns)
			return err_set(err, ERR_USAGE, "more than one until filter specified");
		return parse_moment(value, now_ns, &f->until_ns, err);
	}
	if ((value = str_after(text, "label="))) {
		strv_push(&f->labels, value);
		return 0;
	}
	if ((value = str_after(text, "label!="))) {
		strv_push(&f->not_labels, value);
		return 0;
	}
	if (!strchr(text, '='))
		return err_set(err, ERR_USAGE, "invalid filter '%s': KEY=VALUE is wanted", text);
	return err_set(err, ERR_USAGE, "invalid filter '%s': known are label, label!, until", text);
}

int prune_filter_parse(
	char *const *filters, int64_t now_ns, struct prune_filter *ret, struct err *err)
{
	AUTO(prune_filter) struct prune_filter f = { 0 };

	STRV_FOREACH (text, filters) {
		int r = parse_one(text, now_ns, &f, err);

		if (r < 0)
			return r;
	}
	*ret = f;
	f = (struct prune_filter){ 0 };
	return 0;
}

/* "key" or "key=value". */
static bool has_label(char *const *labels, const char *want)
{
	return strchr(want, '=') ? strv_contains(labels, want) : strv_env_get(labels, want) != NULL;
}

bool prune_filter_matches(const struct prune_filter *f, int64_t created_ns, char *const *labels)
{
	if (f->until_ns && (!created_ns || created_ns >= f->until_ns))
		return false;
	STRV_FOREACH (want, f->labels)
		if (!has_label(labels, want))
			return false;
	STRV_FOREACH (want, f->not_labels)
		if (has_label(labels, want))
			return false;
	return true;
}
