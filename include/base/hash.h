/*
 * SHA-256, streaming, by libcrypto (which uses the processor's own instructions).
 * The only includer of <openssl/evp.h>.
 *
 *	AUTO(hash) struct hash *h = hash_new();
 *	hash_update(h, data, len);
 *	hash_final_hex(h, hex);
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"

#define HASH_HEX_LEN 64

struct hash;

struct hash *hash_new(void) must_check;
void hash_free(struct hash *h);
DEFINE_AUTO_PTR(hash, struct hash, hash_free)

void hash_update(struct hash *h, const void *data, size_t len);

/* 64 lower-case hex digits and a NUL. The object may only be freed or reset afterwards. */
void hash_final_hex(struct hash *h, char ret_hex[HASH_HEX_LEN + 1]);
void hash_reset(struct hash *h);

/* One call for a short text. */
void hash_hex(const void *data, size_t len, char ret_hex[HASH_HEX_LEN + 1]);

/* Random bytes from getrandom(2); cannot fail on a kernel we support. */
void random_bytes(void *ret, size_t len);

/* 2*n random lower-case hex digits and a NUL into ret. */
void random_hex(char *ret, size_t n);
