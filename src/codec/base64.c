#include "codec/auth_file.h"

#include <string.h>

#include "base/alloc.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int digit_value(char c)
{
	const char *p = c ? strchr(alphabet, c) : NULL;

	return p ? (int)(p - alphabet) : -1;
}

int base64_decode(const char *s, size_t len, char **ret, size_t *ret_len, struct err *err)
{
	autofree char *out = xmalloc(len / 4 * 3 + 4);
	unsigned bits = 0, n_bits = 0;
	size_t n = 0, pad = 0;

	while (len > 0 && s[len - 1] == '=' && pad < 2) {
		len--;
		pad++;
	}
	/* Padding may be left out, but what is there has to be right. */
	if (len % 4 == 1 || (pad > 0 && (len + pad) % 4 != 0))
		return err_set(err, ERR_FORMAT, "invalid base64");
	for (size_t i = 0; i < len; i++) {
		int v = digit_value(s[i]);

		if (v < 0)
			return err_set(err, ERR_FORMAT, "invalid base64");
		bits = bits << 6 | (unsigned)v;
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			out[n++] = (char)(bits >> n_bits & 0xff);
		}
	}
	out[n] = '\0';
	*ret_len = n;
	*ret = TAKE_PTR(out);
	return 0;
}

char *base64_encode(const void *data, size_t len)
{
	const unsigned char *p = data;
	char *out = xmalloc((len + 2) / 3 * 4 + 1), *o = out;

	for (; len > 0; p += 3) {
		unsigned b1 = len > 1 ? p[1] : 0, b2 = len > 2 ? p[2] : 0;
		unsigned v = (unsigned)p[0] << 16 | b1 << 8 | b2;

		*o++ = alphabet[v >> 18];
		*o++ = alphabet[v >> 12 & 63];
		*o++ = len > 1 ? alphabet[v >> 6 & 63] : '=';
		*o++ = len > 2 ? alphabet[v & 63] : '=';
		len = len > 3 ? len - 3 : 0;
	}
	*o = '\0';
	return out;
}
