#include "base/hash.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <sys/random.h>

#include "base/alloc.h"

struct hash {
	EVP_MD_CTX *ctx;
};

static const char hex_digits[] = "0123456789abcdef";

static void to_hex(const unsigned char *bytes, size_t n, char *ret)
{
	for (size_t i = 0; i < n; i++) {
		ret[2 * i] = hex_digits[bytes[i] >> 4];
		ret[2 * i + 1] = hex_digits[bytes[i] & 15];
	}
	ret[2 * n] = '\0';
}

/* Fetched once: the lookup costs more than hashing a small text. */
static const EVP_MD *sha256(void)
{
	static EVP_MD *md;

	if (!md)
		md = EVP_MD_fetch(NULL, "SHA256", NULL);
	assert_that(md);
	return md;
}

struct hash *hash_new(void)
{
	struct hash *h = NEW(struct hash);

	h->ctx = EVP_MD_CTX_new();
	assert_that(h->ctx);
	hash_reset(h);
	return h;
}

void hash_free(struct hash *h)
{
	EVP_MD_CTX_free(h->ctx);
	free(h);
}

void hash_reset(struct hash *h)
{
	bool ok = EVP_DigestInit_ex(h->ctx, sha256(), NULL);

	assert_that(ok);
}

void hash_update(struct hash *h, const void *data, size_t len)
{
	bool ok = EVP_DigestUpdate(h->ctx, data, len);

	assert_that(ok);
}

void hash_final_hex(struct hash *h, char ret_hex[HASH_HEX_LEN + 1])
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned int n = 0;
	bool ok = EVP_DigestFinal_ex(h->ctx, md, &n);

	assert_that(ok && n * 2 == HASH_HEX_LEN);
	to_hex(md, n, ret_hex);
}

void hash_hex(const void *data, size_t len, char ret_hex[HASH_HEX_LEN + 1])
{
	AUTO(hash) struct hash *h = hash_new();

	hash_update(h, data, len);
	hash_final_hex(h, ret_hex);
}

void random_bytes(void *ret, size_t len)
{
	unsigned char *p = ret;

	while (len) {
		size_t chunk = len < 256 ? len : 256;
		ssize_t n = getrandom(p, chunk, 0);

		if (n < 0 && errno == EINTR)
			continue;
		assert_that(n > 0);
		p += n;
		len -= (size_t)n;
	}
}

void random_hex(char *ret, size_t n)
{
	unsigned char bytes[64];

	while (n) {
		size_t chunk = n < sizeof(bytes) ? n : sizeof(bytes);

		random_bytes(bytes, chunk);
		to_hex(bytes, chunk, ret);
		ret += 2 * chunk;
		n -= chunk;
	}
}
