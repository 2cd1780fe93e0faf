/*
 * The two ends of a step of decompression, shared by codec/gz, codec/zst and codec/decompress.
 * in and in_len advance over what was taken, out and out_len over what was written; both buffers
 * are the caller's.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct stream {
	const uint8_t *in;
	size_t in_len;
	uint8_t *out;
	size_t out_len; /* room that is left */
};
