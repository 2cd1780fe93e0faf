#include "codec/digest.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/str.h"

static const struct {
	const char *prefix;
	size_t hex_len;
} other_algorithms[] = { { "sha512:", 128 }, { "sha384:", 96 }, { "blake3:", 64 } };

int digest_from_hex(const char *hex, struct digest *ret)
{
	if (strlen(hex) != DIGEST_HEX_LEN || !str_is_hex_lower(hex, DIGEST_HEX_LEN))
		return -ERR_FORMAT;
	memcpy(ret->text, "sha256:", 7);
	memcpy(ret->text + 7, hex, DIGEST_HEX_LEN + 1);
	return 0;
}

int digest_parse(const char *s, struct digest *ret, struct err *err)
{
	const char *hex = str_after(s, "sha256:");

	if (hex && digest_from_hex(hex, ret) == 0)
		return 0;
	for (size_t i = 0; i < sizeof(other_algorithms) / sizeof(other_algorithms[0]); i++) {
		hex = str_after(s, other_algorithms[i].prefix);
		if (hex && strlen(hex) == other_algorithms[i].hex_len &&
			str_is_hex_lower(hex, strlen(hex)))
			return err_set(err, ERR_UNSUPPORTED,
				"digest algorithm %.6s is not supported, only sha256 is", s);
	}
	return err_set(err, ERR_FORMAT, "invalid digest \"%.200s\"", s);
}

void digest_of(const void *data, size_t len, struct digest *ret)
{
	memcpy(ret->text, "sha256:", 7);
	hash_hex(data, len, ret->text + 7);
}

const char *digest_hex(const struct digest *d)
{
	return d->text + 7;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
	return str_eq(a->text, b->text);
}

bool digest_is_set(const struct digest *d)
{
	return d->text[0] != '\0';
}

void digest_chain(const struct digest *parent, const struct digest *diff_id, struct digest *ret)
{
	char text[2 * DIGEST_TEXT_LEN + 2];
	int n;

	if (!parent) {
		*ret = *diff_id;
		return;
	}
	n = snprintf(text, sizeof(text), "%s %s", parent->text, diff_id->text);
	digest_of(text, (size_t)n, ret);
}
