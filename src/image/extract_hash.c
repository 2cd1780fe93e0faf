/*
 * The process between the two halves: the tar stream is handed on page by page (tee, no copy) and
 * what was handed on is hashed.
 *
 * The diff id is what a layer is found by, so whoever could forge it could put other files in the
 * place of a base image that all share. Both halves parse what strangers wrote, this process looks
 * at no byte; it answers to the caller over a pipe that neither of them holds. A decompressor that
 * was taken over can send what it likes, and the hash says so; a tar reader that was taken over
 * cannot say another one.
 */
#include <fcntl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "image/unpack_priv.h"

#define PIECE (256 * 1024)

/* Read again what tee has left in the pipe: exactly so much. */
static bool hash_piece(struct hash *hash, int in_fd, uint8_t *data, size_t len)
{
	while (len) {
		ssize_t n = read(in_fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		hash_update(hash, data, (size_t)n);
		len -= (size_t)n;
	}
	return true;
}

bool extract_hash(struct hash *hash, int in_fd, int out_fd)
{
	autofree uint8_t *data = xmalloc(PIECE);
	char hex[HASH_HEX_LEN + 1];

	for (;;) {
		ssize_t n = tee(in_fd, out_fd, PIECE, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false; /* nobody reads any more */
		if (n == 0)
			break;
		if (!hash_piece(hash, in_fd, data, (size_t)n))
			return false;
	}
	/* Before the end of out_fd is seen, so that it is there when the other half has ended. */
	hash_final_hex(hash, hex);
	return write(EXTRACT_FD_DIGEST, hex, HASH_HEX_LEN) == HASH_HEX_LEN;
}
